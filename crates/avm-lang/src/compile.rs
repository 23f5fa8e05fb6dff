//! From text to a unit: the whole way.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use crate::check;
use crate::core::{Datum, Unit};
use crate::diagnostic::{Diagnostic, sort};
use crate::dialect::{Dialect, FormInfo};
use crate::expand::{Entry, WORDS, signature};
use crate::hir::{BindingId, GlobalId, Hir, HirKind, Lambda};
use crate::lower;
use crate::names::{Definition, NameKind, Names};
use crate::reader::read;
use crate::rules::{self, Rule};
use crate::span::Span;
use crate::syntax::{Mark, Syntax};

/// Number of the file in spans that point into [`Dialect::prelude`].
pub const PRELUDE: u32 = u32::MAX;
/// Number of the file in spans that point into [`Dialect::rules`].
pub const RULES: u32 = u32::MAX - 1;
/// Most modules that one compilation imports.
pub const MAX_IMPORTS: usize = 64;
/// Most findings about one text.
pub const MAX_DIAGNOSTICS: usize = 1000;
/// Most data that rules may make in one definition.
const FUEL: u32 = 200_000;

pub(crate) const PRELUDE_SCOPE: usize = 0;
pub(crate) const MAIN_SCOPE: usize = 1;

/// Where imported modules come from.
pub trait Modules {
    /// The module of that name.
    fn module(&self, name: &str) -> Option<ModuleText<'_>>;

    /// Hash of the text of a module, if hashes can be checked here.
    fn hash(&self, text: &str) -> Option<Vec<u8>> {
        let _ = text;
        None
    }
}

/// The text of a module.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ModuleText<'a> {
    /// Its number in spans; as the caller likes, but not that of another text.
    pub file: u32,
    /// What is written.
    pub text: &'a str,
}

/// No modules at all.
impl Modules for () {
    fn module(&self, _: &str) -> Option<ModuleText<'_>> {
        None
    }
}

/// What becomes of a text.
#[derive(Clone, Debug)]
pub struct Compiled {
    /// The unit, if there is no error.
    pub unit: Option<Unit>,
    /// Errors and warnings, ordered by place.
    pub diagnostics: Vec<Diagnostic>,
    /// What names mean; as far as it is known if there are errors.
    pub names: Names,
}

/// Compiles a module. Never panics, whatever the text.
pub fn compile(source: &str, file: u32, dialect: &Dialect, modules: &dyn Modules) -> Compiled {
    let mut compiler = Compiler::new(dialect, modules);
    compiler.module(dialect.prelude, PRELUDE, false);
    compiler.module(source, file, true);
    compiler.expand_all();
    let lowered = lower::unit(&mut compiler);
    check::unit(&mut compiler, &lowered);
    let failed = compiler.diagnostics.iter().any(Diagnostic::is_error);
    let unit = (!failed).then(|| lower::shake(lowered));
    sort(&mut compiler.diagnostics);
    compiler.names.seal();
    Compiled {
        unit,
        diagnostics: compiler.diagnostics,
        names: compiler.names,
    }
}

/// What is wrong with a dialect itself: forms that are missing, rules that are none, errors in any
/// part of the prelude. For the tests of a back end.
pub fn check_dialect(dialect: &Dialect) -> Vec<Diagnostic> {
    let mut compiler = Compiler::new(dialect, &());
    compiler.module(dialect.prelude, PRELUDE, false);
    compiler.module("(module empty)", 0, true);
    for global in 0..compiler.globals.len() {
        compiler.demand(global);
    }
    compiler.expand_all();
    lower::unit(&mut compiler);
    for name in crate::dialect::REQUIRED {
        if !compiler.forms.contains_key(name)
            && !compiler.scopes[PRELUDE_SCOPE].names.contains_key(*name)
        {
            let span = Span {
                file: PRELUDE,
                start: 0,
                end: 0,
            };
            compiler.report(Diagnostic::error(
                "E013",
                span,
                format!("the dialect has no `{name}`"),
            ));
        }
    }
    sort(&mut compiler.diagnostics);
    compiler.diagnostics
}

/// A local variable.
#[derive(Clone, Debug)]
pub(crate) struct Binding {
    pub name: String,
    pub span: Span,
    /// The first `set!` of it.
    pub set: Option<Span>,
    pub definition: Option<usize>,
}

/// A field of the state of the behaviour that is compiled.
#[derive(Clone, Debug)]
pub(crate) struct Field {
    pub name: String,
    pub default: Hir,
    pub definition: Option<usize>,
}

/// What a definition is compiled from.
#[derive(Clone, Debug)]
pub(crate) enum Source {
    Function {
        params: Vec<Syntax>,
        tail: Option<Box<Syntax>>,
        body: Vec<Syntax>,
    },
    Behaviour {
        clauses: Vec<Syntax>,
    },
    Test {
        actual: Syntax,
        expected: Syntax,
    },
    Ready(Box<Lambda>),
}

impl Source {
    pub fn function(params: &[Syntax], tail: Option<&Syntax>, body: Vec<Syntax>) -> Self {
        Self::Function {
            params: params.to_vec(),
            tail: tail.map(|t| Box::new(t.clone())),
            body,
        }
    }
}

/// A definition at the top of a module.
#[derive(Clone, Debug)]
pub(crate) struct Global {
    /// With the name of the module if that is imported.
    pub name: String,
    pub own_name: String,
    pub kind: NameKind,
    pub module: usize,
    /// Of its name.
    pub span: Span,
    /// Number of parameters, that for the rest counted.
    pub params: usize,
    pub rest: bool,
    pub constant: bool,
    pub literal: Option<Datum>,
    /// Number of fields, if it makes a record.
    pub record: Option<usize>,
    pub part_of: Option<String>,
    pub definition: Option<usize>,
    pub deterministic: bool,
    pub test: bool,
    pub source: Source,
    pub fields: Vec<String>,
    pub lambda: Option<Lambda>,
    pub demanded: bool,
}

impl Global {
    pub fn new(module: usize, name: &str, kind: NameKind, span: Span, source: Source) -> Self {
        Self {
            name: name.to_string(),
            own_name: name.to_string(),
            kind,
            module,
            span,
            params: 0,
            rest: false,
            constant: false,
            literal: None,
            record: None,
            part_of: None,
            definition: None,
            deterministic: false,
            test: false,
            source,
            fields: Vec::new(),
            lambda: None,
            demanded: false,
        }
    }
}

/// A module.
#[derive(Clone, Debug, Default)]
pub(crate) struct Scope {
    pub name: String,
    /// What names mean at its top, imports among them.
    pub names: BTreeMap<String, GlobalId>,
    /// What it defines, in order.
    pub own: Vec<(String, GlobalId)>,
    /// What it offers.
    pub offered: Vec<(String, GlobalId)>,
    pub exports: Option<Vec<(String, Span)>>,
    pub caps: Vec<String>,
    pub entries: Vec<GlobalId>,
    pub clauses: Vec<(String, GlobalId)>,
}

/// All that is known while a module is compiled.
pub(crate) struct Compiler<'a> {
    pub dialect: &'a Dialect,
    pub modules: &'a dyn Modules,
    pub diagnostics: Vec<Diagnostic>,
    pub names: Names,
    /// Words, forms and rules in `names`.
    pub dialect_names: BTreeMap<String, usize>,
    pub forms: BTreeMap<&'static str, u32>,
    pub rules: BTreeMap<String, Vec<Rule>>,
    pub globals: Vec<Global>,
    pub scopes: Vec<Scope>,
    pub loaded: BTreeMap<String, usize>,
    pub loading: Vec<String>,
    pub bindings: Vec<Binding>,
    queue: VecDeque<GlobalId>,

    // Of the definition that is expanded now.
    pub current: usize,
    pub scope: Vec<Entry>,
    pub fields: Vec<Field>,
    pub function_name: String,
    pub depth: u32,

    pub mark: Mark,
    pub expansions: u32,
    pub fuel: u32,
    pub labels: u32,
}

impl<'a> Compiler<'a> {
    fn new(dialect: &'a Dialect, modules: &'a dyn Modules) -> Self {
        let mut compiler = Self {
            dialect,
            modules,
            diagnostics: Vec::new(),
            names: Names::default(),
            dialect_names: BTreeMap::new(),
            forms: BTreeMap::new(),
            rules: BTreeMap::new(),
            globals: Vec::new(),
            scopes: Vec::new(),
            loaded: BTreeMap::new(),
            loading: Vec::new(),
            bindings: Vec::new(),
            queue: VecDeque::new(),
            current: PRELUDE_SCOPE,
            scope: Vec::new(),
            fields: Vec::new(),
            function_name: String::new(),
            depth: 0,
            mark: Syntax::TEXT,
            expansions: 0,
            fuel: FUEL,
            labels: 0,
        };
        for (i, info) in dialect.forms.iter().enumerate() {
            compiler.forms.insert(info.name, i as u32);
            let doc = format!("{} {}", signature(info), info.doc);
            compiler.dialect_name(info.name, NameKind::Form, doc);
        }
        let (data, diagnostics) = read(dialect.rules, RULES);
        compiler.diagnostics = diagnostics;
        for form in &data {
            match rules::rule(form) {
                Ok((name, rule)) => compiler.rules.entry(name).or_default().push(rule),
                Err(diagnostic) => compiler.report(diagnostic),
            }
        }
        let rules: Vec<_> = compiler
            .rules
            .iter()
            .map(|(name, rules)| (name.clone(), rules::shape(name, rules)))
            .collect();
        for (name, shape) in rules {
            compiler.dialect_name(&name, NameKind::Rule, shape);
        }
        for (name, doc) in WORDS {
            compiler.dialect_name(name, NameKind::Word, doc.to_string());
        }
        compiler
    }

    fn dialect_name(&mut self, name: &str, kind: NameKind, doc: String) {
        let definition = Definition {
            name: name.to_string(),
            kind,
            span: None,
            doc,
            scope: None,
        };
        let index = self.names.define(definition);
        self.dialect_names.insert(name.to_string(), index);
    }

    /// Notes what is wrong; enough is enough.
    pub fn report(&mut self, diagnostic: Diagnostic) {
        if self.diagnostics.len() < MAX_DIAGNOSTICS {
            self.diagnostics.push(diagnostic);
        }
    }

    /// An operation of the dialect that the language itself makes use of.
    pub fn op(&mut self, name: &str, args: Vec<Hir>, span: Span) -> Hir {
        if let Some(form) = self.forms.get(name) {
            let keys = self.dialect.forms[*form as usize]
                .keys
                .iter()
                .map(|_| None)
                .collect();
            return Hir::new(span, HirKind::Form(*form, args, keys));
        }
        if let Some(global) = self.scopes[PRELUDE_SCOPE].names.get(name) {
            let global = *global;
            self.demand(global);
            return Hir::new(span, HirKind::Call(global, args));
        }
        self.fail(Diagnostic::error(
            "E013",
            span,
            format!("the dialect has no `{name}`"),
        ))
    }

    /// A function without parameters and without a name in scope.
    pub fn synthetic(&mut self, name: String, body: Hir, span: Span) -> GlobalId {
        let lambda = Lambda {
            name: name.clone(),
            params: Vec::new(),
            rest: false,
            body,
        };
        let source = Source::Ready(Box::new(lambda.clone()));
        let mut global = Global::new(self.current, &name, NameKind::Function, span, source);
        global.lambda = Some(lambda);
        global.demanded = true;
        self.globals.push(global);
        self.globals.len() - 1
    }

    /// Sees to it that a definition is compiled.
    pub fn demand(&mut self, global: GlobalId) {
        if !self.globals[global].demanded {
            self.globals[global].demanded = true;
            self.queue.push_back(global);
        }
    }

    /// All definitions of modules, and what of the prelude they make use of.
    fn expand_all(&mut self) {
        for global in 0..self.globals.len() {
            if self.globals[global].module != PRELUDE_SCOPE {
                self.demand(global);
            }
        }
        while let Some(global) = self.queue.pop_front() {
            self.expand_global(global);
        }
    }

    fn expand_global(&mut self, index: GlobalId) {
        let Global {
            module,
            own_name,
            name,
            span,
            source,
            ..
        } = self.globals[index].clone();
        self.current = module;
        self.scope.clear();
        self.fields.clear();
        self.depth = 0;
        self.expansions = 0;
        self.fuel = FUEL;
        self.function_name = name.clone();
        let lambda = match source {
            Source::Ready(lambda) => Some(*lambda),
            Source::Function { params, tail, body } => {
                let end = body.last().map_or(span.end, |b| b.span.end);
                let within = Span {
                    end: end.max(span.end),
                    ..span
                };
                self.function_of(&name, &params, tail.as_deref(), within, |c| {
                    c.body(&body, within)
                })
            }
            Source::Test { actual, expected } => {
                let actual = self.expr(&actual);
                let expected = self.expr(&expected);
                let body = self.op("pair", alloc::vec![actual, expected], span);
                Some(Lambda {
                    name,
                    params: Vec::new(),
                    rest: false,
                    body,
                })
            }
            Source::Behaviour { clauses } => {
                let end = clauses.last().map_or(span.end, |c| c.span.end);
                let within = Span { end, ..span };
                self.fields = self.state(&own_name, &clauses, within);
                self.bring_fields();
                let body = self.behaviour(&clauses, within);
                self.globals[index].fields = self.fields.iter().map(|f| f.name.clone()).collect();
                Some(Lambda {
                    name,
                    params: Vec::new(),
                    rest: false,
                    body,
                })
            }
        };
        self.globals[index].lambda = lambda;
    }

    /// Name of a binding.
    pub fn binding_name(&self, binding: BindingId) -> &str {
        &self.bindings[binding].name
    }
}

/// Whether a form takes any number of arguments.
pub(crate) fn variadic(info: &FormInfo) -> bool {
    info.params.last().is_some_and(|p| p.ends_with("..."))
}
