//! Modules: clauses, imports and definitions.
//!
//! Spec: 24.2 (`module`, `clause`, `form`).

use alloc::boxed::Box;
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec;
use alloc::vec::Vec;

use crate::compile::{Compiler, Global, MAX_IMPORTS, Scope, Source};
use crate::core::Datum;
use crate::diagnostic::Diagnostic;
use crate::hir::{GlobalId, Hir, HirKind, Lambda};
use crate::names::NameKind;
use crate::reader::read;
use crate::span::Span;
use crate::syntax::{Prefix, Syntax, SyntaxKind};

/// Words that begin a definition.
const DEFINITIONS: &[&str] = &[
    "define",
    "define-record",
    "behaviour",
    "behavior",
    "pure",
    "program",
    "intent",
    "test",
];

/// Characters of a definition shown as its signature.
const SIGNATURE: usize = 120;

impl Compiler<'_> {
    /// Reads a module with what it imports; the number of its scope.
    pub(crate) fn module(&mut self, text: &str, file: u32, needs_head: bool) -> usize {
        let (data, diagnostics) = read(text, file);
        let unread = diagnostics.iter().any(Diagnostic::is_error);
        diagnostics.into_iter().for_each(|d| self.report(d));
        let index = self.scopes.len();
        self.scopes.push(Scope::default());
        let mut data = data.iter();
        let head = data.clone().next().filter(|d| {
            d.list()
                .is_some_and(|l| l.first().is_some_and(|h| h.is("module")))
        });
        let mut definitions: Vec<&Syntax> = Vec::new();
        match head {
            Some(head) => {
                data.next();
                definitions.extend(self.clauses_of_module(index, head));
            }
            None if needs_head && !unread => self.report(
                Diagnostic::error(
                    "E010",
                    Span {
                        file,
                        start: 0,
                        end: 0,
                    },
                    "the text does not begin with a module clause",
                )
                .help("write `(module name (export main))` first"),
            ),
            None => {}
        }
        definitions.extend(data);
        for definition in definitions {
            self.definition(index, definition);
        }
        self.exports(index);
        index
    }

    /// Does the clauses; what is left are definitions.
    fn clauses_of_module<'s>(&mut self, module: usize, head: &'s Syntax) -> Vec<&'s Syntax> {
        let mut rest = Vec::new();
        let Some([_, name, clauses @ ..]) = head.list() else {
            self.bad_module(head.span);
            return rest;
        };
        match name.symbol() {
            Some((name, _)) => self.scopes[module].name = name.to_string(),
            None => self.bad_module(name.span),
        }
        for clause in clauses {
            let Some([word, args @ ..]) = clause.list() else {
                self.bad_module(clause.span);
                continue;
            };
            match (word.symbol().map_or("", |(w, _)| w), args) {
                ("import", [name, options @ ..]) => self.import(module, name, options, clause.span),
                ("export", ids) => {
                    let ids = self.symbols(ids);
                    self.scopes[module]
                        .exports
                        .get_or_insert_default()
                        .extend(ids);
                }
                ("caps", ids) => {
                    let ids = self.symbols(ids).into_iter().map(|(name, _)| name);
                    self.scopes[module].caps.extend(ids);
                }
                (word, _) if DEFINITIONS.contains(&word) => rest.push(clause),
                ("module", [_, ..]) | ("", _) => self.bad_module(clause.span),
                (word, [value]) => {
                    let near =
                        crate::expand::nearest(word, ["import", "export", "caps"].into_iter());
                    if let Some(near) = near {
                        let message = format!("`{word}` is no clause of a module");
                        let help = format!("did you mean `{near}`?");
                        self.report(Diagnostic::error("E010", clause.span, message).help(help));
                        continue;
                    }
                    // `(profile avm)`: a plain word stands for itself.
                    let value = match &value.kind {
                        SyntaxKind::Symbol(..) => Syntax {
                            kind: SyntaxKind::Prefix(Prefix::Quote, Box::new(value.clone())),
                            span: value.span,
                        },
                        _ => value.clone(),
                    };
                    let source = Source::function(&[], None, vec![value]);
                    let global = Global::new(module, word, NameKind::Function, clause.span, source);
                    self.globals.push(global);
                    self.scopes[module]
                        .clauses
                        .push((word.to_string(), self.globals.len() - 1));
                }
                _ => self.bad_module(clause.span),
            }
        }
        rest
    }

    fn bad_module(&mut self, span: Span) {
        self.report(
            Diagnostic::error("E010", span, "not a clause of a module").help(
                "(module name (import name) (export id ...) (caps cap ...) (default-controller e))",
            ),
        );
    }

    fn symbols(&mut self, ids: &[Syntax]) -> Vec<(String, Span)> {
        let mut out = Vec::new();
        for id in ids {
            match id.symbol() {
                Some((name, _)) => out.push((name.to_string(), id.span)),
                None => self.report(Diagnostic::error(
                    "E010",
                    id.span,
                    format!("`{id}` is no name"),
                )),
            }
        }
        out
    }

    fn import(&mut self, module: usize, name: &Syntax, options: &[Syntax], span: Span) {
        let bad = || {
            Diagnostic::error("E012", span, "an import is not written this way")
                .help("(import name [(only id ...)] [(prefix id)] [#:hash \"hex\"])")
        };
        let Some((name, _)) = name.symbol() else {
            return self.report(bad());
        };
        let (mut only, mut prefix, mut hash) = (None, String::new(), None);
        let mut options = options.iter();
        while let Some(option) = options.next() {
            match (option.keyword(), option.list()) {
                (Some("hash"), _) => hash = options.next(),
                (_, Some([word, ids @ ..])) if word.is("only") => only = Some(self.symbols(ids)),
                (_, Some([word, id])) if word.is("prefix") && id.symbol().is_some() => {
                    prefix = id.to_string();
                }
                _ => return self.report(bad()),
            }
        }
        let Some(found) = self.modules.module(name) else {
            let message = format!("there is no module `{name}`");
            return self.report(Diagnostic::error("E012", span, message));
        };
        if let Some(want) = hash {
            self.check_hash(name, want, self.modules.hash(found.text));
        }
        if self.loading.iter().any(|l| l == name)
            || self.scopes[crate::compile::MAIN_SCOPE].name == name
        {
            let path = self
                .loading
                .iter()
                .map(String::as_str)
                .chain([name])
                .collect::<Vec<_>>()
                .join(" -> ");
            let message = format!("modules import each other: {path}");
            return self.report(Diagnostic::error("E012", span, message));
        }
        let scope = match self.loaded.get(name) {
            Some(scope) => *scope,
            None if self.loaded.len() >= MAX_IMPORTS => {
                let message = format!("more than {MAX_IMPORTS} modules");
                return self.report(Diagnostic::error("E012", span, message));
            }
            None => {
                self.loading.push(name.to_string());
                let scope = self.module(found.text, found.file, true);
                self.loading.pop();
                if self.scopes[scope].name != name {
                    let message = format!(
                        "the text of `{name}` is a module `{}`",
                        self.scopes[scope].name
                    );
                    self.report(Diagnostic::error("E012", span, message));
                }
                self.loaded.insert(name.to_string(), scope);
                scope
            }
        };
        let offered = self.scopes[scope].offered.clone();
        for (id, at) in only.iter().flatten() {
            if !offered.iter().any(|(n, _)| n == id) {
                let mut diagnostic =
                    Diagnostic::error("E012", *at, format!("`{name}` does not export `{id}`"));
                if let Some(near) =
                    crate::expand::nearest(id, offered.iter().map(|(n, _)| n.as_str()))
                {
                    diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
                }
                self.report(diagnostic);
            }
        }
        for (id, global) in offered {
            // A record goes with its predicate and accessors.
            let part_of = self.globals[global].part_of.clone();
            let wanted = |n: &String| *n == id || part_of.as_ref() == Some(n);
            if only
                .as_ref()
                .is_none_or(|only| only.iter().any(|(n, _)| wanted(n)))
            {
                self.bring_global(module, format!("{prefix}{id}"), global, span);
            }
        }
    }

    fn check_hash(&mut self, name: &str, want: &Syntax, got: Option<Vec<u8>>) {
        let want_hex = match &want.kind {
            SyntaxKind::Bytes(bytes) => hex(bytes),
            SyntaxKind::Str(text) => text.to_lowercase(),
            _ => want.to_string().to_lowercase(),
        };
        let message = match got {
            None => format!("the hash of `{name}` cannot be checked here"),
            Some(got) if hex(&got) == want_hex => return,
            Some(got) => format!(
                "the hash of `{name}` is {}, {want_hex} is wanted",
                hex(&got)
            ),
        };
        self.report(Diagnostic::error("E012", want.span, message));
    }

    fn bring_global(&mut self, module: usize, name: String, global: GlobalId, span: Span) {
        if let Some(other) = self.scopes[module].names.get(&name)
            && *other != global
        {
            let other = self.globals[*other].span;
            let message = format!("`{name}` is defined twice");
            self.report(Diagnostic::error("E108", span, message).note(other, "first here"));
            return;
        }
        self.scopes[module].names.insert(name, global);
    }

    /// What the module offers to those that import it; complains of what it does not have.
    fn exports(&mut self, module: usize) {
        let own = self.scopes[module].own.clone();
        let Some(exports) = self.scopes[module].exports.clone() else {
            self.scopes[module].offered = own;
            return;
        };
        for (id, span) in exports {
            let found: Vec<_> = match own.iter().find(|(n, _)| *n == id) {
                Some((name, global)) => {
                    if let Some(definition) = self.globals[*global].definition {
                        self.names.uses.push((span, definition));
                    }
                    // A record goes with its predicate and accessors.
                    let record = self.globals[*global].record.is_some();
                    let part =
                        |g: &GlobalId| record && self.globals[*g].part_of.as_deref() == Some(name);
                    own.iter()
                        .filter(|(n, g)| n == name || part(g))
                        .cloned()
                        .collect()
                }
                None => {
                    let mut diagnostic = Diagnostic::warning(
                        "W205",
                        span,
                        format!("`{id}` is exported and not defined"),
                    );
                    if let Some(near) =
                        crate::expand::nearest(&id, own.iter().map(|(n, _)| n.as_str()))
                    {
                        diagnostic = diagnostic.help(format!("did you mean `{near}`?"));
                    }
                    self.report(diagnostic);
                    continue;
                }
            };
            self.scopes[module].offered.extend(found);
        }
    }

    /// A definition at the top of a module.
    fn definition(&mut self, module: usize, form: &Syntax) {
        let span = form.span;
        let bad = |c: &mut Self, help: &str| {
            c.report(Diagnostic::error("E010", span, "not a definition").help(help));
        };
        let Some([word, args @ ..]) = form.list() else {
            return bad(self, "at the top of a module stand definitions");
        };
        let word = word.symbol().map_or("", |(w, _)| w);
        match (word, args) {
            ("define", [id, value]) if id.symbol().is_some() => {
                self.constant(module, id, value, form)
            }
            ("define", [head, body @ ..]) if !body.is_empty() => {
                self.define_function(module, NameKind::Function, head, body, form);
            }
            ("pure", [head, body @ ..]) if !body.is_empty() => {
                self.define_function(module, NameKind::Pure, head, body, form);
            }
            ("program", [head, body @ ..]) if !body.is_empty() => {
                self.define_function(module, NameKind::Program, head, body, form);
            }
            ("intent", [head, body @ ..]) if !body.is_empty() => {
                self.define_function(module, NameKind::Intent, head, body, form);
            }
            ("define-record", [id, fields]) => self.define_record(module, id, fields, form),
            ("behaviour" | "behavior", [id, clauses @ ..]) if id.symbol().is_some() => {
                let (deterministic, clauses) = match clauses {
                    [key, rest @ ..] if key.keyword() == Some("deterministic") => (true, rest),
                    rest => (false, rest),
                };
                let source = Source::Behaviour {
                    clauses: clauses.to_vec(),
                };
                let global = self.global(module, id, NameKind::Behaviour, form, source);
                self.globals[global].deterministic = deterministic;
                self.entry(module, global);
            }
            ("test", [name, actual, arrow, expected]) if arrow.is("=>") => {
                let SyntaxKind::Str(text) = &name.kind else {
                    return bad(self, "(test \"name\" expr => expected)");
                };
                let source = Source::Test {
                    actual: actual.clone(),
                    expected: expected.clone(),
                };
                let mut global = Global::new(module, text, NameKind::Program, span, source);
                global.test = true;
                self.globals.push(global);
                let global = self.globals.len() - 1;
                self.entry(module, global);
            }
            (word, _) if DEFINITIONS.contains(&word) => {
                let help = match word {
                    "define" => "(define id expr) or (define (id arg ... [. rest]) body ...)",
                    "define-record" => "(define-record id (field ...))",
                    "behaviour" | "behavior" => "(behaviour name [#:deterministic] clause ...)",
                    "test" => "(test \"name\" expr => expected)",
                    _ => "(pure (name arg ...) body ...), the same with program or intent",
                };
                bad(self, help);
            }
            (word, _) => match crate::expand::nearest(word, DEFINITIONS.iter().copied()) {
                Some(near) => bad(self, &format!("did you mean `{near}`?")),
                None => bad(
                    self,
                    "at the top of a module stand definitions; expressions go into `(program (main) ...)`",
                ),
            },
        }
    }

    fn entry(&mut self, module: usize, global: GlobalId) {
        let text = &self.globals[global];
        let (test, name) = (text.test, text.own_name.clone());
        let same = self.scopes[module].entries.iter().find(|e| {
            let other = &self.globals[**e];
            test && other.test && other.own_name == name
        });
        if let Some(other) = same {
            let (other, span) = (self.globals[*other].span, self.globals[global].span);
            let message = format!("there are two tests \"{name}\"");
            self.report(Diagnostic::error("E108", span, message).note(other, "first here"));
        }
        self.scopes[module].entries.push(global);
    }

    /// A new name at the top of a module.
    fn global(
        &mut self,
        module: usize,
        id: &Syntax,
        kind: NameKind,
        form: &Syntax,
        source: Source,
    ) -> GlobalId {
        let name = id.symbol().map_or("", |(n, _)| n);
        let mut global = Global::new(module, name, kind, id.span, source);
        if module > crate::compile::MAIN_SCOPE {
            global.name = format!("{}.{name}", self.scopes[module].name);
        }
        let text: String = form.to_string().chars().take(SIGNATURE).collect();
        global.definition = self.define(name, kind, id.span, text, None);
        let index = self.globals.len();
        self.globals.push(global);
        if crate::expand::WORDS.iter().any(|(word, _)| *word == name) {
            let message = format!("`{name}` is a word of the language");
            self.report(Diagnostic::error("E108", id.span, message));
        }
        self.bring_global(module, name.to_string(), index, id.span);
        self.scopes[module].own.push((name.to_string(), index));
        index
    }

    fn constant(&mut self, module: usize, id: &Syntax, value: &Syntax, form: &Syntax) {
        let literal = match &value.kind {
            SyntaxKind::Prefix(Prefix::Quote, datum) => Some(datum.datum()),
            SyntaxKind::Symbol(name, _) if name == "nothing" => Some(Datum::Nothing),
            SyntaxKind::Int(_)
            | SyntaxKind::Bool(_)
            | SyntaxKind::Str(_)
            | SyntaxKind::Bytes(_) => Some(value.datum()),
            _ => None,
        };
        // `(define f (lambda ...))` is a function like any other.
        if let Some([word, params, body @ ..]) = value.list()
            && word.is("lambda")
            && !body.is_empty()
            && let SyntaxKind::List(params, tail) = &params.kind
        {
            let source = Source::function(params, tail.as_deref(), body.to_vec());
            let global = self.global(module, id, NameKind::Function, form, source);
            self.globals[global].params = params.len() + usize::from(tail.is_some());
            self.globals[global].rest = tail.is_some();
            return;
        }
        let source = Source::function(&[], None, vec![value.clone()]);
        let global = self.global(module, id, NameKind::Constant, form, source);
        self.globals[global].constant = true;
        self.globals[global].literal = literal;
    }

    fn define_function(
        &mut self,
        module: usize,
        kind: NameKind,
        head: &Syntax,
        body: &[Syntax],
        form: &Syntax,
    ) {
        let parts = match &head.kind {
            SyntaxKind::List(items, tail) => {
                items.split_first().map(|(id, p)| (id, p, tail.as_deref()))
            }
            _ => None,
        };
        let Some((id, params, tail)) = parts.filter(|(id, ..)| id.symbol().is_some()) else {
            let help = "(define (name arg ...) body ...)";
            self.report(
                Diagnostic::error("E010", head.span, "the name of a function is missing")
                    .help(help),
            );
            return;
        };
        let source = Source::function(params, tail, body.to_vec());
        let global = self.global(module, id, kind, form, source);
        self.globals[global].params = params.len() + usize::from(tail.is_some());
        self.globals[global].rest = tail.is_some();
        if kind != NameKind::Function {
            self.entry(module, global);
        }
    }

    /// A record is a list of its name and its fields.
    fn define_record(&mut self, module: usize, id: &Syntax, fields: &Syntax, form: &Syntax) {
        let (Some((name, _)), Some(fields)) = (id.symbol(), fields.list()) else {
            let help = "(define-record id (field ...))";
            self.report(
                Diagnostic::error("E010", form.span, "a record is not written this way").help(help),
            );
            return;
        };
        let span = form.span;
        if self.too_many(fields.len(), span) {
            return;
        }
        let names = self.symbols(fields);
        for (i, (field, at)) in names.iter().enumerate() {
            if names[..i].iter().any(|(n, _)| n == field) {
                self.report(Diagnostic::error(
                    "E108",
                    *at,
                    format!("there are two fields `{field}`"),
                ));
            }
        }
        let tag = || Hir::constant(span, Datum::Sym(name.to_string()));
        let int = |n: usize| Hir::constant(span, Datum::Int(n.to_string()));

        let params: Vec<_> = names
            .iter()
            .map(|(field, at)| self.temporary(field, *at))
            .collect();
        let items = core::iter::once(tag())
            .chain(params.iter().map(|p| Hir::var(span, *p)))
            .collect();
        let body = self.op("list", items, span);
        let make = self.record_part(module, id, name.to_string(), params, body, form);
        self.globals[make].record = Some(names.len());

        let predicate = format!("{name}?");
        let value = self.temporary("value", span);
        let var = || Hir::var(span, value);
        let no = || Hir::constant(span, Datum::Bool(false));
        let is_list = self.op("list?", vec![var()], span);
        let length = self.op("length", vec![var()], span);
        let fits = self.op("equal?", vec![length, int(names.len() + 1)], span);
        let first = self.op("list-ref", vec![var(), int(0)], span);
        let tagged = self.op("equal?", vec![first, tag()], span);
        let body = Hir::test(is_list, Hir::test(fits, tagged, no()), no());
        let test = self.record_part(module, id, predicate, vec![value], body, form);

        for (i, (field, at)) in names.iter().enumerate() {
            let value = self.temporary("value", span);
            let var = || Hir::var(span, value);
            let check = Hir::new(span, HirKind::Call(test, vec![var()]));
            let get = self.op("list-ref", vec![var(), int(i + 1)], span);
            let error = Datum::List(vec![
                Datum::Sym("record/mismatch".into()),
                Datum::Sym(name.into()),
            ]);
            let raise = self.op("raise", vec![Hir::constant(span, error)], span);
            let body = Hir::test(check, get, raise);
            let id = Syntax {
                kind: id.kind.clone(),
                span: *at,
            };
            self.record_part(
                module,
                &id,
                format!("{name}-{field}"),
                vec![value],
                body,
                form,
            );
        }
    }

    fn record_part(
        &mut self,
        module: usize,
        id: &Syntax,
        name: String,
        params: Vec<usize>,
        body: Hir,
        form: &Syntax,
    ) -> GlobalId {
        let count = params.len();
        let lambda = Lambda {
            name: name.clone(),
            params,
            rest: false,
            body,
        };
        let part_of = id.symbol().map(|(n, _)| n.to_string());
        let id = Syntax {
            kind: SyntaxKind::Symbol(name, Syntax::TEXT),
            span: id.span,
        };
        let source = Source::Ready(Box::new(lambda));
        let global = self.global(module, &id, NameKind::Function, form, source);
        self.globals[global].params = count;
        self.globals[global].part_of = part_of;
        global
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}
