//! The tests of a text: `(test "name" expr => expected)`, each in a machine of its own.

use avm_anoma::Anoma;
use avm_anoma::code::{ExportKind, Module};
use avm_anoma::image::Image;
use avm_anoma::seen::Outcome;
use avm_anoma::value::Val;
use avm_lang::core::{EntryKind, Unit};
use avm_lang::diagnostic::{self, Sources};
use serde_json::{Value, json};

use super::super::running::Layout;
use super::super::source::Looked;
use super::super::{files, why};
use super::give;
use crate::context::Context;
use crate::error::{self, CliError};
use crate::output::clip;

/// Most characters of a value.
const VALUE: usize = 2000;

/// What came of a test.
pub(crate) struct Tested {
    /// Its name.
    pub(crate) name: String,
    /// `file:line:column`.
    pub(crate) place: String,
    /// How it ended.
    pub(crate) end: End,
}

/// How a test ended.
pub(crate) enum End {
    /// Both values are the same.
    Passed,
    /// They are not: what was found, what was expected.
    Differs(String, String),
    /// An error: what it is, and where it comes from.
    Failed(String, Vec<String>, Value),
    /// It waits for a message that nobody sends.
    Waits,
}

/// Runs the tests of a text that compiles whose names contain `filter`.
pub(crate) fn run(ctx: &Context, looked: &Looked, filter: &str) -> Result<Vec<Tested>, CliError> {
    let (Some(unit), Some(module), Some((file, text))) =
        (&looked.unit, &looked.module, looked.texts.source(0))
    else {
        return Err(error::bug("tests of a text that does not compile"));
    };
    let image = image(module);
    let layout = Layout::new(image.clone());
    let mut tested = Vec::new();
    for (name, at) in tests(unit, filter) {
        let (line, column) = diagnostic::position(text, at);
        let machine = Anoma.start(&image);
        let mut machine = machine.map_err(|e| error::malformed_program(e.to_string()).at(file))?;
        let before = machine.clone();
        let start = files::start(&image, name, Vec::new()).map_err(error::usage)?;
        let input = files::bytes(&start);
        let seen = give(ctx, &mut machine, input.clone(), name)?;
        let end = match seen.results.iter().find(|(execution, _)| *execution == 0) {
            None => End::Waits,
            Some((_, Outcome::Failed(fault))) => {
                let why = why::of(&before, Some(&layout), &input).unwrap_or_default();
                End::Failed(fault.to_string(), why.notes, why.data)
            }
            Some((_, Outcome::Done(value))) => match both(value) {
                Some((found, expected)) if found == expected => End::Passed,
                Some((found, expected)) => {
                    let shown = |value: &Val| clip(&value.to_string(), VALUE);
                    End::Differs(shown(&found), shown(&expected))
                }
                None => return Err(error::bug("the value of a test is no pair")),
            },
        };
        tested.push(Tested {
            name: name.to_owned(),
            place: format!("{file}:{line}:{column}"),
            end,
        });
    }
    Ok(tested)
}

/// What was found and what was expected. A pair whose second part is a list is a longer list.
fn both(value: &Val) -> Option<(Val, Val)> {
    if let Some((found, expected)) = value.as_pair() {
        return Some((found.clone(), expected.clone()));
    }
    let items = value.as_list()?.to_vec().ok()?;
    let (found, expected) = items.split_first()?;
    Some((found.clone(), Val::list_of(expected).ok()?))
}

/// Names of tests and where they stand, in the order of the text.
fn tests<'a>(unit: &'a Unit, filter: &str) -> Vec<(&'a str, u32)> {
    let tests = unit.entries.iter();
    let tests = tests.filter(|entry| entry.kind == EntryKind::Test && entry.name.contains(filter));
    let mut tests: Vec<_> = tests
        .map(|entry| (&*entry.name, entry.span.start))
        .collect();
    tests.sort_by_key(|(_, at)| *at);
    tests
}

/// The world of a module, with its tests as programs.
fn image(module: &Module) -> Image {
    let mut module = module.clone();
    for export in &mut module.exports {
        if export.kind == ExportKind::Test {
            export.kind = ExportKind::Program;
        }
    }
    let config = files::world(&module);
    Image {
        modules: vec![module],
        config,
    }
}

impl Tested {
    /// Whether it is as it should be.
    pub(crate) fn passed(&self) -> bool {
        matches!(self.end, End::Passed)
    }

    /// For people.
    pub(crate) fn text(&self) -> String {
        let name = clip(&self.name, 100);
        let mut text = match self.end {
            End::Passed => return format!("ok      {name}\n"),
            _ => format!("FAILED  {name}\n        --> {}\n", self.place),
        };
        match &self.end {
            End::Passed => {}
            End::Differs(found, expected) => {
                text += &format!("        found     {found}\n        expected  {expected}\n");
            }
            End::Failed(fault, notes, _) => {
                text += &format!("        error     {}\n", clip(fault, VALUE));
                for note in notes {
                    text += &format!("        = {}\n", clip(note, 200));
                }
            }
            End::Waits => text += "        it waits for a message, and nobody sends one\n",
        }
        text
    }

    /// For programs.
    pub(crate) fn json(&self) -> Value {
        let mut one = json!({ "name": self.name, "place": self.place, "passed": self.passed() });
        match &self.end {
            End::Passed => {}
            End::Differs(found, expected) => {
                one["found"] = json!(found);
                one["expected"] = json!(expected);
            }
            End::Failed(fault, _, data) => {
                one["error"] = json!(fault);
                one["why"] = data.clone();
            }
            End::Waits => one["waits"] = json!(true),
        }
        one
    }
}
