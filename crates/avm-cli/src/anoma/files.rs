//! Program files: source texts, images, and images as JSON.
//!
//! A source text becomes an image with its module and the usual world: the machine `m1`, the
//! controllers `c1` and `c2`, and the machines and controllers that the text names, all of them
//! within reach. Its programs get the usual capabilities and those that the text declares, since
//! whoever runs a file on their own machine grants them.

use avm_anoma::code::{Export, ExportKind, Function, Module};
use avm_anoma::image::{Caps, Config, Image};
use avm_anoma::input::{Input, Start};
use avm_anoma::value::Val;
use avm_core::Bytes;
use serde_json::json;

use super::json::digits;
use super::source::{self, Built, ENDING};
use crate::arb::inbox::hex_bytes;
use crate::atomicals::files::has_text;
use crate::error::{self, CliError};
use crate::files::Source;
use crate::output::clip;
use crate::registry::Loaded;

/// The program that a file runs by itself.
const MAIN: &str = "main";

/// What a file is, by its name and its first bytes.
enum Form {
    Image,
    Json,
    Text,
}

fn form(file: &Source) -> Form {
    let first = file.bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    if file.bytes.starts_with(avm_anoma::image::MAGIC) {
        Form::Image
    } else if first == Some(&b'{') {
        Form::Json
    } else {
        Form::Text
    }
}

/// Whether a file is a program, as far as its name and first bytes tell.
pub(super) fn is_program(file: &Source) -> bool {
    match form(file) {
        Form::Image => true,
        Form::Json => has_text(&file.bytes, "anoma"),
        Form::Text => file.has_extension(&[ENDING]),
    }
}

/// Reads a program.
pub(super) fn load(file: &Source) -> Result<Loaded, CliError> {
    match form(file) {
        Form::Image => {
            image(&file.name(), &file.bytes)?;
            let bytes = &file.bytes[..];
            loaded(&file.name(), bytes.into(), false)
        }
        Form::Json => {
            let document = file.json()?;
            let digits = document.get("anoma").and_then(|digits| digits.as_str());
            let bytes = digits.and_then(hex_bytes).ok_or_else(|| {
                let message = "a program as JSON is {\"anoma\": \"hex of the image\"}";
                error::malformed_program(message.into()).at(file.name())
            })?;
            loaded(&file.name(), bytes.into(), false)
        }
        Form::Text => assemble(file),
    }
}

/// Compiles a source text.
pub(super) fn assemble(file: &Source) -> Result<Loaded, CliError> {
    let Built { module, .. } = source::compile(file)?;
    let config = world(&module);
    let image = Image {
        modules: vec![module],
        config,
    };
    loaded(&file.name(), image.to_bytes().into(), true)
}

/// What is likely not what is meant in a source text.
pub(super) fn findings(file: &Source) -> Result<Vec<String>, CliError> {
    Ok(source::compile(file)?.warnings)
}

/// The world for one module.
pub(super) fn world(module: &Module) -> Config {
    let mut config = Config::default();
    let add = |list: &mut Vec<(String, bool)>, name: &str| {
        if list.iter().all(|(known, _)| known != name) {
            list.push((name.into(), true));
        }
    };
    for constant in &module.constants {
        // What an instruction takes as a Maybe is a constant in a just.
        let constant = constant.as_just().unwrap_or(constant);
        if let Some(name) = constant.as_ctl() {
            add(&mut config.controllers, name);
        }
        if let Some(name) = constant.as_mach() {
            add(&mut config.machines, name);
        }
    }
    for cap in &module.caps {
        if let Some(cap) = Caps::named(cap) {
            config.caps.0 |= cap.0;
        }
    }
    config
}

fn loaded(file: &str, bytes: Bytes, from_text: bool) -> Result<Loaded, CliError> {
    let image = image(file, &bytes)?;
    let functions = || image.modules.iter().flat_map(|module| &module.functions);
    let operations = functions().map(|function| function.words.len()).sum();
    let places: Vec<(u32, u32)> = match from_text {
        true => functions().flat_map(places).collect(),
        false => Vec::new(),
    };
    Ok(Loaded {
        image: bytes,
        operations,
        lines: places.iter().map(|(line, _)| *line).collect(),
        columns: places.iter().map(|(_, column)| (*column, 1)).collect(),
    })
}

/// Line and column of each word of a function.
fn places(function: &Function) -> impl Iterator<Item = (u32, u32)> {
    let words = 0..function.words.len();
    words.map(|at| function.places.get(at).copied().unwrap_or_default())
}

/// The image that a log or a session keeps.
pub(super) fn image(file: &str, bytes: &[u8]) -> Result<Image, CliError> {
    Image::from_bytes(bytes)
        .map_err(|e| error::malformed_program(format!("not an image: {e}")).at(file))
}

/// An image as JSON.
pub(super) fn exported(bytes: &[u8]) -> Vec<u8> {
    json!({ "anoma": digits(bytes) }).to_string().into_bytes()
}

/// The modules as people read them.
pub(super) fn listing(image: &Image) -> String {
    let modules = image.modules.iter().map(avm_anoma::code::listing);
    modules.collect::<Vec<_>>().join("\n")
}

/// Programs and intents of an image, those of the last module first.
pub(super) fn programs(image: &Image) -> Vec<(&Export, &Function)> {
    let mut found: Vec<(&Export, &Function)> = Vec::new();
    for module in image.modules.iter().rev() {
        for export in &module.exports {
            let runs = matches!(export.kind, ExportKind::Program | ExportKind::Intent);
            let known = found.iter().any(|(known, _)| known.name == export.name);
            if let (true, false, Some(function)) =
                (runs, known, module.functions.get(export.function as usize))
            {
                found.push((export, function));
            }
        }
    }
    found
}

/// Runs the program `main`, if a file has one that takes no arguments.
pub(super) fn own_inputs(file: &Source) -> Result<Vec<Bytes>, CliError> {
    let image = image(&file.name(), &load(file)?.image)?;
    let programs = programs(&image);
    let main = programs.iter().find(|(export, _)| export.name == MAIN);
    let alone = main.is_some_and(|(_, function)| needed(function) == 0);
    if !alone {
        return Ok(Vec::new());
    }
    let start = start(&image, MAIN, Vec::new()).map_err(error::bug)?;
    Ok(vec![bytes(&start)])
}

/// Arguments that a program cannot do without.
fn needed(function: &Function) -> usize {
    usize::from(function.arity) - usize::from(function.rest)
}

/// What starts a program with arguments.
pub(super) fn start(image: &Image, program: &str, args: Vec<Val>) -> Result<Input, String> {
    let args = Val::list(args).map_err(|e| e.to_string())?;
    Ok(Input::Start(Start {
        program: program.into(),
        args,
        machine: None,
        caps: image.config.caps,
        hold: false,
    }))
}

/// An input as a log has it.
pub(super) fn bytes(input: &Input) -> Bytes {
    input.to_bytes().into()
}

/// The program of this name, which takes so many arguments.
pub(super) fn program<'a>(image: &'a Image, name: &str, count: usize) -> Result<&'a str, CliError> {
    let programs = programs(image);
    let found = programs.iter().find(|(export, _)| export.name == name);
    let Some((export, function)) = found else {
        let known: Vec<&str> = programs.iter().map(|(e, _)| e.name.as_str()).collect();
        let message = format!("there is no program `{}`", clip(name, 40));
        return Err(error::usage(message).help(match known.is_empty() {
            true => "the file has no program".into(),
            false => format!("the programs of the file are: {}", known.join(", ")),
        }));
    };
    let needed = needed(function);
    let fits = if function.rest {
        count >= needed
    } else {
        count == needed
    };
    if fits {
        return Ok(&export.name);
    }
    let least = if function.rest { "at least " } else { "" };
    let takes = crate::output::count(&needed.to_string(), "argument");
    let message = format!("the program `{name}` takes {least}{takes}, found {count}");
    Err(error::usage(message))
}
