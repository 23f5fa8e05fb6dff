//! Code files: what is published, what it can be called with, and where its operations stand.

use std::collections::BTreeSet;
use std::path::Path;

use avm_atomicals::asm::{self, Assembled};
use avm_atomicals::machine::Image;
use avm_atomicals::script::{Rules, instr};

use super::errors;
use crate::error::{self, CliError};
use crate::files::Source;
use crate::registry::MachineCli;

/// `OP_CHECKAUTHSIG` and `OP_CHECKAUTHSIGVERIFY`.
const ASKS: [u8; 2] = [0xc0, 0xc1];

/// Code to publish.
#[derive(Clone, Debug)]
pub struct Code {
    /// The locking script of its contracts.
    pub bytes: Vec<u8>,
    /// Its methods, a signature a line.
    pub methods: String,
    /// Methods that ask who calls.
    pub signed: BTreeSet<String>,
    /// The file.
    pub source: String,
}

impl Code {
    /// Reads assembler text, hex or a JSON contract.
    ///
    /// # Errors
    /// If it does not assemble, or is for other rules.
    pub fn read(path: &Path, rules: &'static Rules) -> Result<Self, CliError> {
        let file = Source::read(path)?;
        let loaded = crate::atomicals::CLI.load(&file, Some(rules.name))?;
        let image = Image::from_bytes(&loaded.image).map_err(|e| error::bug(e.to_string()))?;
        let bytes = image.contract.code.bytes();
        let bytes = bytes.map_err(|e| error::bug(e.to_string()))?.to_vec();
        let methods = String::from_utf8_lossy(&image.methods).into_owned();
        let signed = match assembled(path) {
            Some(text) if text.code == bytes => asking(&text),
            _ => BTreeSet::new(),
        };
        let source = path.display().to_string();
        Ok(Self {
            bytes,
            methods,
            signed,
            source,
        })
    }
}

/// A source text, if it is one and assembles.
fn assembled(path: &Path) -> Option<Assembled> {
    let file = Source::read(path).ok()?;
    let folder = path.parent().unwrap_or(Path::new(""));
    let include = |name: &str| {
        let included = Source::read(&folder.join(name)).ok()?;
        included.text().ok().map(Into::into)
    };
    let options = asm::Options {
        name: &file.name(),
        includes: &include,
    };
    asm::assemble(file.text().ok()?, &options).ok()
}

/// Methods that ask who calls.
fn asking(text: &Assembled) -> BTreeSet<String> {
    let bodies = text.methods.iter().zip(&text.bodies);
    let asks = |code: &[u8]| {
        let mut list = instr::instructions(code);
        list.any(|one| one.is_ok_and(|(_, instr)| ASKS.contains(&instr.opcode)))
    };
    let asking = bodies.filter(|(_, body)| asks(&text.code[(*body).clone()]));
    asking.map(|(method, _)| method.name.clone()).collect()
}

/// A word of a source text.
pub(super) struct Line {
    /// The file.
    pub file: String,
    /// Number of the line, from 1.
    pub number: u32,
    /// First character of the word in the line, from 1.
    pub column: u32,
    /// Characters of the word.
    pub len: u32,
    /// The line.
    pub text: String,
}

/// Where an operation comes from, if the source file still has this code.
pub(super) fn line_of(source: &str, code: &[u8], operation: u32) -> Option<Line> {
    let text = assembled(Path::new(source)).filter(|text| text.code == code)?;
    let place = text.at_op(operation)?;
    let file = Source::read(Path::new(&place.file)).ok()?;
    let line = (place.span.line as usize).checked_sub(1)?;
    let text = file.text().ok()?.lines().nth(line)?;
    Some(Line {
        file: place.file.to_string(),
        number: place.span.line,
        column: place.span.column,
        len: place.span.len,
        text: text.replace('\t', " "),
    })
}

/// The unlocking script of a call. Without methods the words are pushed in order.
///
/// # Errors
/// If the contract takes something else.
pub(super) fn unlock(
    contract: &str,
    methods: &str,
    method: &str,
    words: &[String],
) -> Result<Vec<u8>, CliError> {
    let list = asm::parse_abi(methods).map_err(|e| error::bug(e.to_string()))?;
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    if !list.is_empty() {
        let encoded = asm::encode_call(&list, method, &words);
        return encoded.map_err(|e| errors::call(contract, &e.to_string(), methods));
    }
    let mut script = Vec::new();
    for word in words {
        let element = match (word.strip_prefix("0x"), word.parse()) {
            (Some(_), _) => asm::Type::Bytes.element(word).ok_or_else(|| {
                let what = format!("`{word}` is not an even number of hex digits");
                errors::call(contract, &what, methods)
            })?,
            (None, Ok(number)) => asm::number(number),
            (None, Err(_)) => word.into(),
        };
        script.extend(asm::push(&element));
    }
    Ok(script)
}
