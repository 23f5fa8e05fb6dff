//! A dialogue with a machine that lives on: definitions are kept, expressions are run.
//!
//! Each expression is compiled as a program of a module with all definitions so far, which is
//! deployed and started. Objects keep the code they were created with. `$1`, `$2` are the values
//! of earlier expressions.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use avm_anoma::Anoma;
use avm_anoma::chart::Builder;
use avm_anoma::code::Module;
use avm_anoma::image::{Caps, Config, Image};
use avm_anoma::input::{Input, Start};
use avm_anoma::machine::AnomaMachine;
use avm_anoma::seen::{Outcome, Place, Seen};
use avm_anoma::value::Val;
use avm_lang::diagnostic::{self, Diagnostic};
use avm_lang::lexer::{TokenKind, lex};
use avm_lang::reader::read;
use avm_lang::span::Span;
use avm_lang::syntax::{Syntax, SyntaxKind};

use super::super::source::{self, Texts};
use super::draw::{Drawing, Names};
use super::{chart, files, give};
use crate::context::Context;
use crate::error::{self, CliError};
use crate::files::Source;
use crate::output::clip;

/// What begins a definition.
const DEFINITIONS: [&str; 8] = [
    "define",
    "define-record",
    "behaviour",
    "behavior",
    "pure",
    "program",
    "intent",
    "test",
];
/// Most characters of a value.
const VALUE: usize = 10_000;
/// Frames of a stack that are shown.
const FRAMES: usize = 12;
/// Objects that are listed.
const OBJECTS: usize = 100;

/// A definition: its name and its text.
struct Definition {
    name: String,
    text: String,
}

/// A text that was compiled: a part of it may stand for itself.
struct Whole {
    text: String,
    /// Where the part begins and ends, and the text it came from.
    part: std::ops::Range<usize>,
    from: String,
}

/// A dialogue.
pub(crate) struct Dialogue<'a> {
    ctx: &'a Context,
    machine: AnomaMachine,
    /// The clauses of the module, in order.
    clauses: Vec<String>,
    definitions: Vec<Definition>,
    values: Vec<Val>,
    /// Where modules are found that are imported.
    folder: PathBuf,
    /// Text of each module by number.
    texts: BTreeMap<u32, String>,
    modules: u32,
    /// What was seen of the last expression.
    last: Seen,
    names: Names,
    /// Names of machines and controllers that the machine knows.
    known: Vec<(bool, String)>,
}

/// What an entry comes to.
pub(crate) enum Said {
    /// This, on standard output.
    Text(String),
    /// A value, and its number.
    Value(usize, Val),
    /// An error, on standard error.
    Wrong(String),
    /// It is over.
    Quit,
}

impl<'a> Dialogue<'a> {
    /// A dialogue about nothing, or about the definitions of a file.
    ///
    /// # Errors
    /// If the file cannot be read or does not compile.
    pub(crate) fn new(ctx: &'a Context, file: Option<&Source>) -> Result<Self, CliError> {
        let config = Config {
            caps: Caps::ALL,
            ..Config::default()
        };
        let known = config
            .controllers
            .iter()
            .map(|(name, _)| (false, name.clone()));
        let known = known.chain([(true, config.home.clone())]).collect();
        let image = Image {
            modules: Vec::new(),
            config,
        };
        let machine = Anoma.start(&image);
        let machine = machine.map_err(|e| error::bug(e.to_string()))?;
        let mut dialogue = Self {
            ctx,
            machine,
            clauses: vec![
                "(default-controller (ctl \"c1\"))".into(),
                format!("(caps {})", Caps::NAMES.join(" ")),
            ],
            definitions: Vec::new(),
            values: Vec::new(),
            folder: PathBuf::new(),
            texts: BTreeMap::new(),
            modules: 0,
            last: Seen::default(),
            names: Names::default(),
            known,
        };
        if let Some(file) = file {
            dialogue.load(file)?;
        }
        Ok(dialogue)
    }

    /// Takes the definitions of a file.
    fn load(&mut self, file: &Source) -> Result<(), CliError> {
        let looked = source::look(file)?;
        if looked.fails(false) {
            return Err(source::refused(&[looked], false));
        }
        let text = file.text()?;
        self.folder = file.path.parent().unwrap_or(Path::new("")).to_owned();
        let (forms, _) = read(text, 0);
        for form in &forms {
            match head(form) {
                Some("module") => {
                    let clauses = form.list().unwrap_or_default().iter().skip(2);
                    // Everything can be used here, whatever the module offers to others.
                    let clauses = clauses.filter(|clause| !matches!(head(clause), Some("export")));
                    for clause in clauses {
                        self.clause(part(text, clause.span));
                    }
                }
                _ => self.define(form, text),
            }
        }
        let whole = self.whole("", 0..0);
        match self.deploy(&whole)? {
            Ok(()) => Ok(()),
            Err(wrong) => Err(error::bug(wrong)),
        }
    }

    /// A clause takes the place of the one of its kind; imports stand beside each other.
    fn clause(&mut self, text: &str) {
        let kind = |text: &str| {
            let inner = text.trim_start_matches('(').trim_start();
            let end = inner.find(|c: char| c.is_whitespace() || c == ')');
            inner[..end.unwrap_or(inner.len())].to_owned()
        };
        let own = kind(text);
        match own.as_str() {
            "import" => self.clauses.retain(|clause| clause != text),
            // All capabilities are declared already.
            "caps" => return,
            _ => self.clauses.retain(|clause| kind(clause) != own),
        }
        self.clauses.push(text.into());
    }

    /// A definition takes the place of the one of its name.
    fn define(&mut self, form: &Syntax, text: &str) {
        let name = name(form);
        let text = part(text, form.span).to_owned();
        match self.definitions.iter_mut().find(|known| known.name == name) {
            Some(known) => known.text = text,
            None => self.definitions.push(Definition { name, text }),
        }
    }

    /// The module of all definitions, and one form more.
    fn whole(&self, form: &str, from: std::ops::Range<usize>) -> Whole {
        let mut text = format!("(module repl {})\n", self.clauses.join("\n"));
        for definition in &self.definitions {
            text += &definition.text;
            text.push('\n');
        }
        let at = text.len();
        Whole {
            part: at + from.start..at + from.end,
            from: String::new(),
            text: text + form,
        }
    }

    /// Whether an entry goes on in the next line.
    pub(crate) fn goes_on(entry: &str) -> bool {
        let (tokens, _) = lex(entry, 0);
        let mut depth = 0_i64;
        for token in &tokens {
            match token.kind {
                TokenKind::Open => depth += 1,
                TokenKind::Close => depth -= 1,
                // A text or comment without its end goes to the end of the entry.
                TokenKind::Error if token.span.end as usize == entry.len() => {
                    let text = token.text(entry);
                    if text.starts_with('"') || text.starts_with("#|") {
                        return true;
                    }
                }
                _ => {}
            }
        }
        let last = tokens.iter().rev().find(|token| {
            !matches!(
                token.kind,
                TokenKind::Whitespace | TokenKind::LineComment | TokenKind::BlockComment
            )
        });
        let dangling = last.is_some_and(|token| {
            matches!(
                token.kind,
                TokenKind::Quote
                    | TokenKind::Quasiquote
                    | TokenKind::Unquote
                    | TokenKind::UnquoteSplicing
                    | TokenKind::DatumComment
            )
        });
        depth > 0 || (depth == 0 && dangling)
    }

    /// Works an entry off; `say` hears of each form in it.
    ///
    /// # Errors
    /// If a limit is hit, or the machine is broken.
    pub(crate) fn take(
        &mut self,
        entry: &str,
        say: &mut dyn FnMut(Said) -> Result<(), CliError>,
    ) -> Result<(), CliError> {
        let line = entry.trim();
        if let Some(command) = line.strip_prefix(':') {
            let said = self.command(command.trim())?;
            return say(said);
        }
        let (forms, wrong) = read(entry, 0);
        if !wrong.is_empty() {
            let name = ("(input)", 0, entry);
            return say(Said::Wrong(diagnostic::render_all(&wrong, &name)));
        }
        for form in &forms {
            let said = match head(form) {
                Some("import" | "default-controller") => self.changed(form, entry, true)?,
                Some(word) if DEFINITIONS.contains(&word) => self.changed(form, entry, false)?,
                _ => Some(self.expression(form, entry)?),
            };
            let Some(said) = said else { continue };
            let failed = matches!(said, Said::Wrong(_));
            say(said)?;
            if failed {
                return Ok(());
            }
        }
        Ok(())
    }

    /// A definition or clause; it is forgotten again if it does not compile.
    fn changed(
        &mut self,
        form: &Syntax,
        entry: &str,
        clause: bool,
    ) -> Result<Option<Said>, CliError> {
        let clauses = self.clauses.clone();
        let texts = self.definitions.iter().map(|known| Definition {
            name: known.name.clone(),
            text: known.text.clone(),
        });
        let definitions = texts.collect();
        let text = part(entry, form.span);
        match clause {
            true => self.clause(text),
            false => self.define(form, entry),
        }
        let mut whole = self.whole("", 0..0);
        if let Some(at) = whole.text.rfind(text) {
            whole.part = at..at + text.len();
            whole.from = text.into();
        }
        match self.deploy(&whole)? {
            Ok(()) => Ok(None),
            Err(wrong) => {
                self.clauses = clauses;
                self.definitions = definitions;
                Ok(Some(Said::Wrong(wrong)))
            }
        }
    }

    /// Runs an expression.
    fn expression(&mut self, form: &Syntax, entry: &str) -> Result<Said, CliError> {
        let text = part(entry, form.span);
        let used = self.used(text);
        let program = format!("it-{}", self.values.len() + 1);
        let names: Vec<String> = used.iter().map(|at| format!(" ${at}")).collect();
        let before = format!("(program ({program}{})\n", names.concat());
        let span = before.len()..before.len() + text.len();
        let mut whole = self.whole(&format!("{before}{text})"), span);
        whole.from = text.into();
        if let Err(wrong) = self.deploy(&whole)? {
            return Ok(Said::Wrong(wrong));
        }
        let args = used.iter().map(|at| self.values[at - 1].clone());
        let args = Val::list(args).map_err(|e| error::usage(e.to_string()))?;
        let start = Start {
            program: program.clone(),
            args,
            machine: None,
            caps: Caps::ALL,
            hold: false,
        };
        let input = files::bytes(&Input::Start(start));
        let seen = give(self.ctx, &mut self.machine, input, &program)?;
        let started = seen.started.first().map(|(execution, _)| *execution);
        let Some(execution) = started else {
            return Err(error::bug(
                "the machine refused a program that it was given",
            ));
        };
        self.names.programs.insert(execution, program);
        let ended = seen.results.iter().find(|(number, _)| *number == execution);
        let said = match ended {
            None => Said::Wrong("it waits for a message\n".into()),
            Some((_, Outcome::Done(value))) if !value.is_passable() => {
                Said::Text(format!("{}\n", clip(&value.to_string(), VALUE)))
            }
            Some((_, Outcome::Done(value))) => {
                self.values.push(value.clone());
                Said::Value(self.values.len(), value.clone())
            }
            Some((_, Outcome::Failed(fault))) => {
                let mut text = format!("error: {}\n", clip(&fault.to_string(), VALUE));
                text += &format!("  = {}: {}\n", fault.code.text(), fault.code.doc());
                let places = seen
                    .places
                    .iter()
                    .rev()
                    .find(|(number, _)| *number == execution);
                for place in places
                    .map_or(&[][..], |(_, places)| places)
                    .iter()
                    .take(FRAMES)
                {
                    text += &format!("  = {}\n", self.told(place));
                }
                Said::Wrong(text)
            }
        };
        self.last = seen;
        Ok(said)
    }

    /// Numbers of earlier values that a text uses.
    fn used(&self, text: &str) -> Vec<usize> {
        let (tokens, _) = lex(text, 0);
        let symbols = tokens
            .iter()
            .filter(|token| token.kind == TokenKind::Symbol);
        let numbers = symbols.filter_map(|token| token.text(text).strip_prefix('$')?.parse().ok());
        let mut used: Vec<usize> = numbers
            .filter(|at| (1..=self.values.len()).contains(at))
            .collect();
        used.sort_unstable();
        used.dedup();
        used
    }

    /// A place of a stack, with its line.
    fn told(&self, place: &Place) -> String {
        let name = place.name.as_deref().unwrap_or("a function");
        let line = self.texts.get(&place.module).and_then(|text| {
            let module = self.machine.module(place.module)?;
            let function = module.functions.get(place.function as usize)?;
            let (line, _) = *function.places.get(place.pc as usize)?;
            text.lines().nth((line as usize).checked_sub(1)?)
        });
        match line {
            Some(line) => format!("in {name}: {}", clip(line.trim(), 80)),
            None => format!("in {name}"),
        }
    }

    /// Compiles a module and gives it to the machine; `Err` inside: what is wrong with it.
    fn deploy(&mut self, whole: &Whole) -> Result<Result<(), String>, CliError> {
        let file = Source {
            path: self.folder.join("(definitions)"),
            bytes: whole.text.clone().into_bytes(),
        };
        let mut looked = source::look(&file)?;
        for found in &mut looked.diagnostics {
            whole.moved(found);
        }
        let errors = looked.diagnostics.iter().filter(|found| found.is_error());
        let errors: Vec<Diagnostic> = errors.cloned().collect();
        let Some(module) = looked.module.filter(|_| errors.is_empty()) else {
            looked
                .texts
                .0
                .push((PART, "(input)".into(), whole.from.clone()));
            return Ok(Err(rendered(&errors, &looked.texts)));
        };
        self.meet(&module)?;
        let input = files::bytes(&Input::Deploy(module));
        give(self.ctx, &mut self.machine, input, "a definition")?;
        self.texts.insert(self.modules, whole.text.clone());
        self.modules += 1;
        Ok(Ok(()))
    }

    /// Machines and controllers that a module names exist.
    fn meet(&mut self, module: &Module) -> Result<(), CliError> {
        let config = files::world(module);
        let machines = config.machines.into_iter().map(|(name, _)| (true, name));
        let controllers = config
            .controllers
            .into_iter()
            .map(|(name, _)| (false, name));
        for one in machines.chain(controllers) {
            if self.known.contains(&one) {
                continue;
            }
            let (machine, name) = one.clone();
            self.known.push(one);
            let input = Input::Reach {
                machine,
                name,
                reachable: true,
            };
            give(self.ctx, &mut self.machine, files::bytes(&input), "a name")?;
        }
        Ok(())
    }

    fn command(&mut self, command: &str) -> Result<Said, CliError> {
        let (word, rest) = command
            .split_once(char::is_whitespace)
            .unwrap_or((command, ""));
        Ok(match word {
            "quit" | "q" | "exit" => Said::Quit,
            "help" | "h" | "?" => Said::Text(HELP.into()),
            "state" => Said::Text(self.state()?),
            "trace" => {
                let mut builder = Builder::default();
                builder.add(&self.last);
                let drawn = builder.finish();
                let host = |e| error::host(&e, 0, "the chart");
                for (at, party) in drawn.parties.iter().enumerate() {
                    if let Some(view) = self.machine.object(party.id).map_err(host)? {
                        let behaviour = view.behaviour.to_string();
                        self.names.behaviours.insert(at, behaviour);
                    }
                }
                let root = chart::root_of(&drawn).map_err(host)?;
                let drawing = Drawing::new(&drawn, &self.names, rest.trim() == "audit");
                let text = drawing.mermaid(root);
                self.names.behaviours.clear();
                Said::Text(text)
            }
            "type" => self.kind(rest.trim())?,
            other => Said::Wrong(format!(
                "there is no command `:{}`; `:help` lists them\n",
                clip(other, 40)
            )),
        })
    }

    /// The kind of an expression's value.
    fn kind(&mut self, text: &str) -> Result<Said, CliError> {
        let (forms, wrong) = read(text, 0);
        let ([form], true) = (&forms[..], wrong.is_empty()) else {
            return Ok(Said::Wrong("`:type` takes one expression\n".into()));
        };
        Ok(match self.expression(form, text)? {
            Said::Value(_, value) => {
                self.values.pop();
                Said::Text(format!("{}\n", value.kind_name()))
            }
            said => said,
        })
    }

    /// The objects, and what waits.
    fn state(&mut self) -> Result<String, CliError> {
        let host = |e| error::host(&e, 0, "the state");
        let objects = self.machine.objects(None, OBJECTS + 1).map_err(host)?;
        let mut text = String::new();
        for (id, view) in objects.iter().take(OBJECTS) {
            let current = view.current.as_deref();
            let current = current.map_or(String::new(), |name| format!(" at {name}"));
            let state = clip(&view.state.to_string(), 200);
            text += &format!("{id} {}{current} {state}\n", view.behaviour);
        }
        if objects.len() > OBJECTS {
            text += "and more\n";
        }
        for (execution, doing, _) in self.machine.running().map_err(host)? {
            text += &format!("execution {execution} {doing}\n");
        }
        if text.is_empty() {
            text += "there are no objects\n";
        }
        Ok(text)
    }
}

const HELP: &str = "\
(+ 1 2)              runs an expression; $1 is the value of the first one
(define (f x) ..)    keeps a definition; so do behaviour, pure, program, (import name)
:state               objects, and what waits
:trace [audit]       chart of the last expression; with audit also what was undone
:type EXPR           kind of a value
:help  :quit
";

/// Number of the part in spans.
const PART: u32 = u32::MAX - 8;

impl Whole {
    /// A finding inside of the part is told where the user wrote it.
    fn moved(&self, found: &mut Diagnostic) {
        let place = |span: &mut Span| {
            let (start, end) = (span.start as usize, span.end as usize);
            let inside = self.part.contains(&start) && end <= self.part.end;
            if span.file == 0 && inside {
                let from = self.part.start as u32;
                *span = Span {
                    file: PART,
                    start: span.start - from,
                    end: span.end - from,
                };
            }
        };
        place(&mut found.span);
        found.notes.iter_mut().for_each(|(span, _)| place(span));
    }
}

fn rendered(found: &[Diagnostic], texts: &Texts) -> String {
    let texts = found.iter().map(|found| diagnostic::render(found, texts));
    texts.collect()
}

fn part(text: &str, span: Span) -> &str {
    text.get(span.start as usize..span.end as usize)
        .unwrap_or("")
}

/// The word that a list begins with.
fn head(form: &Syntax) -> Option<&str> {
    match &form.list()?.first()?.kind {
        SyntaxKind::Symbol(name, _) => Some(name),
        _ => None,
    }
}

/// What a definition defines, with its kind where kinds have names of their own.
fn name(form: &Syntax) -> String {
    let second = form.list().and_then(|items| items.get(1));
    let target = match second.map(|second| &second.kind) {
        Some(SyntaxKind::List(items, _)) => items.first(),
        _ => second,
    };
    let is_test = head(form) == Some("test");
    match target.map(|target| &target.kind) {
        Some(SyntaxKind::Symbol(name, _)) => name.clone(),
        Some(SyntaxKind::Str(name)) if is_test => format!("\"{name}\""),
        _ => String::new(),
    }
}
