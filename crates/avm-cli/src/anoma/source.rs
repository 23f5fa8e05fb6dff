//! Source texts: from a `.avm` file to a module, and what is wrong with it.

use std::cell::RefCell;
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use avm_anoma::code::Module;
use avm_anoma::compile::{self, Places};
use avm_lang::compile::{Compiled, ModuleText, Modules};
use avm_lang::core::Unit;
use avm_lang::diagnostic::{self, Diagnostic, Sources};
use avm_lang::span::Span;
use serde_json::{Value, json};

use crate::codes;
use crate::error::CliError;
use crate::files::Source;

/// Name ending of source texts.
pub(super) const ENDING: &str = "avm";
/// Number of the text itself in spans; imported ones follow.
const MAIN: u32 = 0;
/// Longest source text, in bytes.
const TEXT_MAX: usize = 1 << 24;

/// A text that was compiled.
pub(super) struct Built {
    /// Its module.
    pub(super) module: Module,
    /// What is likely not what is meant, one text each.
    pub(super) warnings: Vec<String>,
}

/// Compiles a text; what it imports is beside it.
pub(super) fn compile(file: &Source) -> Result<Built, CliError> {
    let looked = look(file)?;
    let Some(module) = looked.module else {
        return Err(refused(&[looked], false));
    };
    let warnings = looked.diagnostics.iter();
    let warnings = warnings.map(|found| diagnostic::render(found, &looked.texts));
    Ok(Built {
        warnings: warnings.map(|text| text.trim_end().into()).collect(),
        module,
    })
}

/// What the compiler says of a text.
pub(crate) struct Looked {
    /// What it was made of, if there is no error.
    pub(crate) unit: Option<Unit>,
    /// What runs, if there is no error.
    pub(crate) module: Option<Module>,
    /// Errors and warnings, by place.
    pub(crate) diagnostics: Vec<Diagnostic>,
    /// The text, and what it imports.
    pub(crate) texts: Texts,
}

impl Looked {
    /// Whether there is an error, or with `deny` a warning.
    pub(crate) fn fails(&self, deny: bool) -> bool {
        let mut found = self.diagnostics.iter();
        self.module.is_none() || found.any(|found| deny || found.is_error())
    }

    /// All findings as people read them.
    pub(crate) fn rendered(&self) -> String {
        diagnostic::render_all(&self.diagnostics, &self.texts)
    }

    /// All findings for programs.
    pub(crate) fn list(&self) -> Vec<Value> {
        let list = self.diagnostics.iter();
        list.map(|found| self.told(found)).collect()
    }

    fn place(&self, span: Span) -> Option<(&str, usize, usize)> {
        let (name, text) = self.texts.source(span.file)?;
        let (line, column) = diagnostic::position(text, span.start);
        Some((name, line, column))
    }

    fn told(&self, found: &Diagnostic) -> Value {
        let severity = if found.is_error() { "error" } else { "warning" };
        let mut one = json!({
            "severity": severity, "code": found.code, "message": found.message, "help": found.help,
        });
        let put = |one: &mut Value, span: Span| {
            if let Some((file, line, column)) = self.place(span) {
                one["file"] = json!(file);
                one["line"] = json!(line);
                one["column"] = json!(column);
            }
        };
        put(&mut one, found.span);
        let notes = found.notes.iter().map(|(span, text)| {
            let mut note = json!({ "message": text });
            put(&mut note, *span);
            note
        });
        let notes: Vec<Value> = notes.collect();
        if !notes.is_empty() {
            one["notes"] = json!(notes);
        }
        one
    }
}

/// Compiles a text as far as that goes.
///
/// # Errors
/// If it is no text, or too long.
pub(crate) fn look(file: &Source) -> Result<Looked, CliError> {
    let text = file.text()?;
    if text.len() > TEXT_MAX {
        let (found, limit) = (text.len() as u64, TEXT_MAX as u64);
        return Err(crate::error::too_large(&file.path, found, limit));
    }
    let mut beside = Beside::new(file);
    let compiled = beside.compile(text);
    let mut diagnostics = compiled.diagnostics;
    let mut module = None;
    if let Some(unit) = &compiled.unit {
        match compile::module(unit, &Places::new(MAIN, text)) {
            Ok(made) => module = Some(made),
            Err(error) => {
                diagnostics.push(error.diagnostic());
                diagnostic::sort(&mut diagnostics);
            }
        }
    }
    let imported = beside.known.into_iter();
    let imported = imported.map(|(name, (number, text))| (number, name, text));
    let own = std::iter::once((MAIN, file.name(), text.to_owned()));
    Ok(Looked {
        unit: compiled.unit,
        module,
        diagnostics,
        texts: Texts(own.chain(imported).collect()),
    })
}

/// All errors of texts; with `all` their warnings, too, which then count as errors.
pub(crate) fn refused(texts: &[Looked], all: bool) -> CliError {
    let mut list = Vec::new();
    let mut first: Option<(&Looked, &Diagnostic)> = None;
    let mut rendered = String::new();
    for looked in texts {
        let mut errors = 0;
        for found in &looked.diagnostics {
            if all || found.is_error() {
                errors += 1;
                first = first.or(Some((looked, found)));
                list.push(looked.told(found));
                rendered += &diagnostic::render(found, &looked.texts);
            }
        }
        if errors > 1 {
            let name = looked.texts.source(MAIN).map_or("", |(name, _)| name);
            rendered += &format!("{errors} errors in {name}\n");
        }
    }
    let Some((looked, found)) = first else {
        return crate::error::bug("the compiler gave neither a module nor a reason");
    };
    let mut report = CliError::new(&codes::TEXT_REFUSED, &*found.message).with("errors", list);
    let place = looked.place(found.span);
    report.place = place.map(|(file, line, column)| format!("{file}:{line}:{column}"));
    report.rendered = Some(rendered);
    report
}

/// Modules in the folder of a text. Which ones it imports is known when it was compiled, so it is
/// compiled again until all are there.
struct Beside<'a> {
    file: &'a Source,
    /// Number and text by name.
    known: BTreeMap<String, (u32, String)>,
    wanted: RefCell<BTreeSet<String>>,
}

impl<'a> Beside<'a> {
    fn new(file: &'a Source) -> Self {
        Self {
            file,
            known: BTreeMap::new(),
            wanted: RefCell::default(),
        }
    }

    fn compile(&mut self, text: &str) -> Compiled {
        let dialect = compile::dialect();
        loop {
            let compiled = avm_lang::compile::compile(text, MAIN, &dialect, &*self);
            let wanted = self.wanted.take();
            if !wanted.into_iter().any(|name| self.read(name)) {
                return compiled;
            }
        }
    }

    /// Reads a module that was not read yet; whether it is there.
    fn read(&mut self, name: String) -> bool {
        let plain = |c: char| c.is_ascii_alphanumeric() || matches!(c, '-' | '_');
        if self.known.contains_key(&name) || !name.chars().all(plain) {
            return false;
        }
        let folder = self.file.path.parent().unwrap_or(Path::new(""));
        let source = Source::read(&folder.join(format!("{name}.{ENDING}")));
        let text = source.ok().and_then(|source| {
            let text = source.text().ok()?;
            (text.len() <= TEXT_MAX).then(|| text.to_owned())
        });
        let Some(text) = text else {
            return false;
        };
        let number = MAIN + 1 + self.known.len() as u32;
        self.known.insert(name, (number, text));
        true
    }
}

impl Modules for Beside<'_> {
    fn module(&self, name: &str) -> Option<ModuleText<'_>> {
        let Some((file, text)) = self.known.get(name) else {
            self.wanted.borrow_mut().insert(name.into());
            return None;
        };
        Some(ModuleText { file: *file, text })
    }

    fn hash(&self, text: &str) -> Option<Vec<u8>> {
        let hash = avm_anoma::value::tagged_hash("avm/text", &[text.as_bytes()]);
        Some(hash.0.to_vec())
    }
}

/// Texts that diagnostics point into: number, name, text.
pub(crate) struct Texts(pub(crate) Vec<(u32, String, String)>);

impl Sources for Texts {
    fn source(&self, file: u32) -> Option<(&str, &str)> {
        let found = self.0.iter().find(|(number, ..)| *number == file)?;
        Some((&found.1, &found.2))
    }
}
