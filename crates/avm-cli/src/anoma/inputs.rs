//! Inputs from people: JSON files and words of a command line.
//!
//! ```json
//! [ { "start": "main", "args": [1, "x"], "machine": "m1", "caps": ["reflect"], "hold": true },
//!   { "run": 0, "steps": 10 }, { "run": 0, "marks": 1 }, { "shuffle": 7 },
//!   { "message": { "to": "obj:..", "value": 5 } },
//!   { "reach": { "machine": "m2", "reachable": false } },
//!   { "reach": { "controller": "c1", "reachable": true } },
//!   { "deploy": "hex of the file of a module" } ]
//! ```
//!
//! `machine`, `caps` and `hold` may be left out, and so may `args`. Values are in the form of
//! [`super::json`].

use avm_anoma::code::Module;
use avm_anoma::image::{Caps, Image};
use avm_anoma::input::{Input, Start, Unit};
use avm_anoma::value::{ObjectId, Val};
use avm_core::Bytes;
use avm_lang::core::Datum;
use ruint::aliases::U256;
use serde_json::{Map, Value, json};

use super::files;
use super::json::{Ids, Plain, digits, from_json, to_json};
use crate::arb::inbox::hex_bytes;
use crate::error::{self, CliError};
use crate::files::{Source, hex_lines};
use crate::output::{clip, number};

/// Inputs of a file: JSON, or one encoded input in hex per line.
pub(super) fn read(file: &Source, image: &Image) -> Result<Vec<Bytes>, CliError> {
    let first = file.bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if !file.has_extension(&["json"]) && !matches!(first, Some(b'[' | b'{')) {
        let inputs = hex_lines(file)?;
        for (at, input) in (0..).zip(&inputs) {
            Input::from_bytes(input)
                .map_err(|e| error::bad_input(at, &file.name(), &e.to_string()))?;
        }
        return Ok(inputs);
    }
    let document = file.json()?;
    let wrong =
        |at: usize, e: String| error::malformed_inbox(format!("input {at}: {e}")).at(file.name());
    let Value::Array(list) = &document else {
        let input = input(&document, image).map_err(|e| wrong(0, e))?;
        return Ok(vec![files::bytes(&input)]);
    };
    let inputs = list.iter().enumerate().map(|(at, one)| {
        let input = input(one, image).map_err(|e| wrong(at, e))?;
        Ok(files::bytes(&input))
    });
    inputs.collect()
}

/// An input from words of a command line: a program with its arguments, an object with a message,
/// or JSON as files have it.
pub(super) fn call(words: &[String], image: &Image) -> Result<Bytes, CliError> {
    let wrong = |e: String| {
        error::usage(e).help(
            "write the name of a program and its arguments as the language writes data, such as \
             main 5 '(1 \"x\" #t)', or as JSON, such as '{\"obj\": \"..\"}'",
        )
    };
    let (first, rest) = match words.split_first() {
        Some((first, rest)) => (first.as_str(), rest),
        None => ("main", words),
    };
    if first.starts_with('{') && rest.is_empty() {
        let document = serde_json::from_str(first).map_err(|e| wrong(e.to_string()))?;
        return Ok(files::bytes(&input(&document, image).map_err(wrong)?));
    }
    let args = rest.iter().map(|word| argument(word));
    let mut args = args.collect::<Result<Vec<_>, _>>().map_err(wrong)?;
    if first.starts_with("obj:") {
        let to = Plain.object(first);
        let to = to.ok_or_else(|| wrong("an object is `obj:` and 64 hex digits".into()))?;
        let (Some(value), true) = (args.pop(), args.is_empty()) else {
            return Err(wrong(format!(
                "a message is one value, found {}",
                rest.len()
            )));
        };
        return Ok(files::bytes(&Input::Message { to, value }));
    }
    let name = files::program(image, first, args.len())?;
    Ok(files::bytes(
        &files::start(image, name, args).map_err(wrong)?,
    ))
}

/// A value as the language writes it, or as JSON.
fn argument(word: &str) -> Result<Val, String> {
    if word.starts_with('{') {
        let value = serde_json::from_str(word).map_err(|e| e.to_string())?;
        return from_json(&value, &Plain);
    }
    let (found, diagnostics) = avm_lang::reader::read(word, 0);
    let shown = clip(word, 40);
    if let Some(first) = diagnostics.first() {
        return Err(format!("`{shown}`: {}", first.message));
    }
    match &found[..] {
        [one] => value(&one.datum()).map_err(|e| format!("`{shown}`: {e}")),
        _ => Err(format!("`{shown}` is not one value")),
    }
}

/// The value of a constant. The reader limits how deep it is nested.
fn value(datum: &Datum) -> Result<Val, String> {
    let large = |e: avm_anoma::value::ValueError| e.to_string();
    match datum {
        Datum::Nothing => Ok(Val::Nothing),
        Datum::Just(of) => Val::just(value(of)?).map_err(large),
        Datum::Bool(is) => Ok(Val::Bool(*is)),
        Datum::Int(digits) => {
            let negative = digits.starts_with('-');
            let magnitude = U256::from_str_radix(digits.trim_start_matches('-'), 10);
            let number = magnitude.ok().and_then(|n| Val::big(negative, n).ok());
            number.ok_or_else(|| String::from("the number does not fit 256 bits"))
        }
        Datum::Str(text) => Val::try_str(text).map_err(large),
        Datum::Sym(text) => Val::try_sym(text).map_err(large),
        Datum::Bytes(bytes) => Val::try_bytes(&bytes[..]).map_err(large),
        Datum::Pair(first, second) => Val::pair(value(first)?, value(second)?).map_err(large),
        Datum::List(items) => match &items[..] {
            // A quote before a word is a habit and changes nothing.
            [Datum::Sym(quote), quoted] if quote == "quote" => value(quoted),
            _ => {
                let items = items.iter().map(value).collect::<Result<Vec<_>, _>>()?;
                Val::list(items).map_err(large)
            }
        },
    }
}

/// One input.
fn input(value: &Value, image: &Image) -> Result<Input, String> {
    let members = object(value, "an input")?;
    let only = |known: &[&str]| match members.keys().find(|name| !known.contains(&&***name)) {
        None => Ok(()),
        Some(name) => {
            let known = known.join(", ");
            Err(format!(
                "there is no member `{}` beside {known}",
                clip(name, 40)
            ))
        }
    };
    if let Some(program) = members.get("start") {
        only(&["start", "args", "machine", "caps", "hold"])?;
        return start(text(program)?, members, image);
    }
    if let Some(execution) = members.get("run") {
        only(&["run", "steps", "marks"])?;
        let (count, unit) = match (members.get("steps"), members.get("marks")) {
            (Some(count), None) => (count, Unit::Steps),
            (None, Some(count)) => (count, Unit::Marks),
            _ => return Err("`run` takes either `steps` or `marks`".into()),
        };
        return Ok(Input::Run {
            execution: whole(execution)?,
            count: whole(count)?,
            unit,
        });
    }
    if let Some(seed) = members.get("shuffle") {
        only(&["shuffle"])?;
        return Ok(Input::Shuffle { seed: whole(seed)? });
    }
    if let Some(message) = members.get("message") {
        only(&["message"])?;
        let message = object(message, "a message")?;
        let to = text(message.get("to").unwrap_or(&Value::Null))?;
        let to = Plain.object(to);
        let to = to.ok_or("`to` is an object: `obj:` and 64 hex digits")?;
        let value = from_json(message.get("value").ok_or("there is no `value`")?, &Plain)?;
        return Ok(Input::Message { to, value });
    }
    if let Some(change) = members.get("reach") {
        only(&["reach"])?;
        return reach(object(change, "`reach`")?);
    }
    if let Some(module) = members.get("deploy") {
        only(&["deploy"])?;
        let bytes = hex_bytes(text(module)?).ok_or("`deploy` is the file of a module in hex")?;
        let module = Module::from_bytes(&bytes).map_err(|e| e.to_string())?;
        return Ok(Input::Deploy(module));
    }
    Err("an input has a member start, run, shuffle, message, reach or deploy".into())
}

fn start(program: &str, members: &Map<String, Value>, image: &Image) -> Result<Input, String> {
    let args = members.get("args").cloned().unwrap_or(json!([]));
    let args = from_json(&args, &Plain)?;
    if args.as_list().is_none() {
        return Err("`args` is a list".into());
    }
    let mut caps = image.config.caps;
    if let Some(names) = members.get("caps") {
        caps = Caps(0);
        for name in names.as_array().ok_or("`caps` is a list of names")? {
            let name = text(name)?;
            let one = Caps::named(name).ok_or_else(|| {
                let shown = clip(name, 40);
                format!(
                    "there is no capability `{shown}`, only {}",
                    Caps::NAMES.join(", ")
                )
            })?;
            caps.0 |= one.0;
        }
    }
    let hold = match members.get("hold") {
        None => false,
        Some(hold) => hold.as_bool().ok_or("`hold` is true or false")?,
    };
    let machine = members.get("machine").map(text).transpose()?;
    Ok(Input::Start(Start {
        program: program.into(),
        args,
        machine: machine.map(Into::into),
        caps,
        hold,
    }))
}

fn reach(change: &Map<String, Value>) -> Result<Input, String> {
    let (machine, name) = match (change.get("machine"), change.get("controller")) {
        (Some(name), None) => (true, name),
        (None, Some(name)) => (false, name),
        _ => return Err("`reach` names either a `machine` or a `controller`".into()),
    };
    let reachable = change.get("reachable").and_then(Value::as_bool);
    Ok(Input::Reach {
        machine,
        name: text(name)?.into(),
        reachable: reachable.ok_or("`reachable` is true or false")?,
    })
}

fn object<'a>(value: &'a Value, what: &str) -> Result<&'a Map<String, Value>, String> {
    let found = value.as_object();
    found.ok_or_else(|| {
        format!(
            "{what} is an object, found {}",
            clip(&value.to_string(), 60)
        )
    })
}

fn text(value: &Value) -> Result<&str, String> {
    let found = value.as_str();
    found.ok_or_else(|| format!("expected a text, found {}", clip(&value.to_string(), 60)))
}

fn whole(value: &Value) -> Result<u64, String> {
    let found = value.as_u64();
    found.ok_or_else(|| {
        let shown = clip(&value.to_string(), 60);
        format!("expected a whole number, found {shown}")
    })
}

/// An input as fields, in order.
pub(super) fn fields(input: &[u8]) -> Result<Vec<(&'static str, Value)>, String> {
    let input = Input::from_bytes(input).map_err(|e| e.to_string())?;
    let val = |value: &Val| to_json(value, &Plain).map_err(|e| e.to_string());
    let object = |id: &ObjectId| json!(format!("obj:{}", Plain.object_text(id)));
    Ok(match &input {
        Input::Start(start) => {
            let caps = Caps::NAMES
                .iter()
                .filter(|name| Caps::named(name).is_some_and(|cap| start.caps.has(cap)));
            vec![
                ("start", json!(start.program)),
                ("args", val(&start.args)?),
                ("machine", json!(start.machine)),
                ("caps", caps.copied().collect()),
                ("hold", json!(start.hold)),
            ]
        }
        Input::Run {
            execution,
            count,
            unit,
        } => vec![
            ("run", number(*execution)),
            (
                match unit {
                    Unit::Steps => "steps",
                    Unit::Marks => "marks",
                },
                number(*count),
            ),
        ],
        Input::Shuffle { seed } => vec![("shuffle", number(*seed))],
        Input::Message { to, value } => vec![("message", object(to)), ("value", val(value)?)],
        Input::Reach {
            machine,
            name,
            reachable,
        } => vec![
            (
                "reach",
                json!(if *machine { "machine" } else { "controller" }),
            ),
            ("name", json!(name)),
            ("reachable", json!(reachable)),
        ],
        Input::Deploy(module) => vec![
            ("deploy", json!(module.name)),
            ("hash", json!(digits(&module.name_hash().0))),
            ("functions", json!(module.functions.len())),
        ],
    })
}
