//! The file of a module, and its name. Spec: 25.2.
//!
//! ```text
//! "avmbc" 00, version u16 = 1, then six sections, each a byte with its number, its length, its content:
//! 1 head       name, capabilities
//! 2 constants  each its length and its canonical encoding
//! 3 functions  name, arity u8, flags u8 (1 rest, 2 pure), registers u16, captures u8, number of words
//! 4 exports    name, kind u8, flags u8 (1 deterministic), function, field names
//! 5 words      of all functions, u32 each
//! 6 lines      for each function the number of its places, 0 or that of its words, then each place
//!              as the differences of line and column to the one before
//! ```
//!
//! Lengths, counts and indexes are minimal LEB128; names are a length and UTF-8; lists start with
//! their count. Other numbers have a fixed width, most significant byte first. Differences are
//! zigzag. So a module has one file, and a file is at most one module.
//!
//! The name of a module is SHA-256 of `avm/code` and everything before section 6.

mod read;

use alloc::string::String;
use alloc::vec::Vec;

use avm_core::Hash;

use super::module::{Export, ExportKind, Function, Module};
use super::verify::{ITEMS_MAX, NAME_MAX, WORDS_MAX};
use crate::value::{self, Val};
use read::Reader;

/// Longest file of a module, in bytes.
pub const FILE_MAX: usize = 1 << 20;

const MAGIC: &[u8; 6] = b"avmbc\0";
const VERSION: u16 = 1;
const SECTIONS: [&str; 6] = [
    "head",
    "constants",
    "functions",
    "exports",
    "words",
    "lines",
];
const KINDS: [ExportKind; 5] = [
    ExportKind::Behaviour,
    ExportKind::Pure,
    ExportKind::Program,
    ExportKind::Intent,
    ExportKind::Test,
];

/// Why bytes are no module.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ModuleError {
    /// The file is too long.
    #[error("a file of {got} bytes, at most {max}", max = FILE_MAX)]
    TooLong {
        /// Its length.
        got: usize,
    },
    /// The file is something else.
    #[error("the file does not start with `avmbc` and a zero byte")]
    Magic,
    /// Another version of the format.
    #[error("version {got} of the format, expected {VERSION}")]
    Version {
        /// As read.
        got: u16,
    },
    /// The file, or a section, ends too early.
    #[error("{what} at byte {at} takes {want} bytes, {left} are left")]
    Short {
        /// What was read.
        what: &'static str,
        /// Where it starts in the file.
        at: usize,
        /// Bytes it takes.
        want: u64,
        /// Bytes there are.
        left: usize,
    },
    /// Something that is expected at the end is not.
    #[error("{left} bytes are left after {what}")]
    Left {
        /// What was read.
        what: &'static str,
        /// How many.
        left: usize,
    },
    /// Another section.
    #[error("section {got} at byte {at}, expected {want}")]
    Section {
        /// As read.
        got: u8,
        /// Where.
        at: usize,
        /// What should be there.
        want: u8,
    },
    /// A number that is not written in the shortest way, or is too large.
    #[error("{what} at byte {at} is no minimal LEB128")]
    Leb {
        /// What was read.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// There is too much of something.
    #[error("{got} {what}, at most {max}")]
    Limit {
        /// Of what.
        what: &'static str,
        /// How much.
        got: u64,
        /// How much there may be.
        max: usize,
    },
    /// A name that is no text.
    #[error("{what} at byte {at} is no UTF-8")]
    Text {
        /// What was read.
        what: &'static str,
        /// Where.
        at: usize,
    },
    /// Flags that do not exist.
    #[error("flags {got:02x} of {what}")]
    Flags {
        /// Of what.
        what: &'static str,
        /// As read.
        got: u8,
    },
    /// A kind of export that does not exist.
    #[error("export kind {got}, the last is {last}", last = KINDS.len() - 1)]
    Kind {
        /// As read.
        got: u8,
    },
    /// A constant is no value.
    #[error("constant {index}")]
    Constant {
        /// Its index.
        index: usize,
        /// What is wrong with it.
        #[source]
        source: value::DecodeError,
    },
    /// Places of some words.
    #[error("function {function} has {got} places for {words} words")]
    Places {
        /// Its index.
        function: usize,
        /// How many places it has.
        got: u64,
        /// How many words it has.
        words: usize,
    },
    /// A line or column that is no u32.
    #[error("a place of function {function} is {got}, a line or column has 32 bits")]
    Place {
        /// Its index.
        function: usize,
        /// What the differences give.
        got: i64,
    },
}

/// Writing.
impl Module {
    /// The file of the module. Any module has one; [`Module::from_bytes`] reads those that keep
    /// the limits.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut file = self.named_bytes();
        put_section(&mut file, 6, |out| {
            for function in &self.functions {
                put_leb(out, function.places.len() as u64);
                let (mut line, mut column) = (0, 0);
                for place in &function.places {
                    put_difference(out, line, place.0);
                    put_difference(out, column, place.1);
                    (line, column) = *place;
                }
            }
        });
        file
    }

    /// Name of the module: a hash of everything but its places.
    #[must_use]
    pub fn name_hash(&self) -> Hash {
        value::tagged_hash("avm/code", &[&self.named_bytes()])
    }

    /// The file up to the section that is not part of the name.
    fn named_bytes(&self) -> Vec<u8> {
        let mut file = Vec::from(MAGIC);
        file.extend_from_slice(&VERSION.to_be_bytes());
        put_section(&mut file, 1, |out| {
            put_text(out, &self.name);
            put_texts(out, &self.caps);
        });
        put_section(&mut file, 2, |out| {
            put_leb(out, self.constants.len() as u64);
            self.constants
                .iter()
                .for_each(|value| put_value(out, value));
        });
        put_section(&mut file, 3, |out| {
            put_leb(out, self.functions.len() as u64);
            for function in &self.functions {
                put_function(out, function);
            }
        });
        put_section(&mut file, 4, |out| {
            put_leb(out, self.exports.len() as u64);
            self.exports
                .iter()
                .for_each(|export| put_export(out, export));
        });
        put_section(&mut file, 5, |out| {
            let words = self.functions.iter().flat_map(|function| &function.words);
            words.for_each(|word| out.extend_from_slice(&word.to_be_bytes()));
        });
        file
    }
}

/// Length and encoding of a constant. A value that cannot be passed has no encoding: it is written
/// as no bytes, which no reader takes for a value.
pub(super) fn put_value(out: &mut Vec<u8>, value: &Val) {
    let encoding = value.to_bytes().unwrap_or_default();
    put_leb(out, encoding.len() as u64);
    out.extend_from_slice(&encoding);
}

fn put_section(file: &mut Vec<u8>, number: u8, content: impl FnOnce(&mut Vec<u8>)) {
    let mut section = Vec::new();
    content(&mut section);
    file.push(number);
    put_leb(file, section.len() as u64);
    file.append(&mut section);
}

fn put_function(out: &mut Vec<u8>, function: &Function) {
    put_text(out, &function.name);
    out.push(function.arity);
    out.push(u8::from(function.rest) | u8::from(function.pure) << 1);
    out.extend_from_slice(&function.registers.to_be_bytes());
    out.push(function.captures);
    put_leb(out, function.words.len() as u64);
}

fn put_export(out: &mut Vec<u8>, export: &Export) {
    put_text(out, &export.name);
    out.push(match export.kind {
        ExportKind::Behaviour => 0,
        ExportKind::Pure => 1,
        ExportKind::Program => 2,
        ExportKind::Intent => 3,
        ExportKind::Test => 4,
    });
    out.push(u8::from(export.deterministic));
    put_leb(out, u64::from(export.function));
    put_texts(out, &export.fields);
}

fn put_texts(out: &mut Vec<u8>, texts: &[String]) {
    put_leb(out, texts.len() as u64);
    texts.iter().for_each(|text| put_text(out, text));
}

fn put_text(out: &mut Vec<u8>, text: &str) {
    put_leb(out, text.len() as u64);
    out.extend_from_slice(text.as_bytes());
}

fn put_difference(out: &mut Vec<u8>, from: u32, to: u32) {
    let difference = i64::from(to) - i64::from(from);
    put_leb(out, (difference << 1 ^ difference >> 63).cast_unsigned());
}

fn put_leb(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

/// Reading.
impl Module {
    /// The module of a file. It is not verified; that is [`super::verify()`].
    ///
    /// # Errors
    /// [`ModuleError`] for anything but what [`Module::to_bytes`] writes, within the limits.
    pub fn from_bytes(file: &[u8]) -> Result<Self, ModuleError> {
        if file.len() > FILE_MAX {
            return Err(ModuleError::TooLong { got: file.len() });
        }
        let mut reader = Reader::new(file);
        if reader.take("the file's start", MAGIC.len() as u64)? != MAGIC {
            return Err(ModuleError::Magic);
        }
        match reader.u16("the version")? {
            VERSION => {}
            got => return Err(ModuleError::Version { got }),
        }
        let mut module = Self::default();
        let mut counts = Vec::new();
        for (number, name) in (1..).zip(SECTIONS) {
            let mut section = reader.section(number)?;
            match number {
                1 => {
                    module.name = section.text("the module's name")?;
                    module.caps = section.texts("capabilities", "a capability")?;
                }
                2 => module.constants = read_constants(&mut section)?,
                3 => (module.functions, counts) = read_functions(&mut section)?,
                4 => {
                    let exports = section.count("exports", ITEMS_MAX)?;
                    let exports = (0..exports).map(|_| read_export(&mut section));
                    module.exports = exports.collect::<Result<_, _>>()?;
                }
                5 => read_words(&mut section, &counts, &mut module.functions)?,
                _ => read_places(&mut section, &mut module.functions)?,
            }
            section.end(name)?;
        }
        reader.end("the last section")?;
        Ok(module)
    }
}

fn read_constants(reader: &mut Reader<'_>) -> Result<Vec<Val>, ModuleError> {
    let count = reader.count("constants", ITEMS_MAX)?;
    let mut constants = Vec::new();
    for index in 0..count {
        let len = reader.leb("the length of a constant")?;
        let encoding = reader.take("a constant", len)?;
        let value = Val::decode(encoding);
        constants.push(value.map_err(|source| ModuleError::Constant { index, source })?);
    }
    Ok(constants)
}

/// The functions without their words, and how many words each has.
fn read_functions(reader: &mut Reader<'_>) -> Result<(Vec<Function>, Vec<usize>), ModuleError> {
    let count = reader.count("functions", ITEMS_MAX)?;
    let (mut functions, mut counts) = (Vec::new(), Vec::new());
    for _ in 0..count {
        let name = reader.text("a function's name")?;
        let arity = reader.u8("an arity")?;
        let flags = flags(reader, "a function", 3)?;
        functions.push(Function {
            name,
            arity,
            rest: flags & 1 != 0,
            pure: flags & 2 != 0,
            registers: reader.u16("registers")?,
            captures: reader.u8("captures")?,
            ..Function::default()
        });
        counts.push(reader.count("words of a function", WORDS_MAX)?);
    }
    Ok((functions, counts))
}

fn read_export(reader: &mut Reader<'_>) -> Result<Export, ModuleError> {
    let name = reader.text("an export's name")?;
    let got = reader.u8("an export's kind")?;
    let kind = *KINDS
        .get(usize::from(got))
        .ok_or(ModuleError::Kind { got })?;
    let deterministic = flags(reader, "an export", 1)? != 0;
    let function = reader.count("as the function of an export", ITEMS_MAX)? as u32;
    let fields = reader.texts("fields of a behaviour", "a field")?;
    Ok(Export {
        name,
        kind,
        function,
        fields,
        deterministic,
    })
}

fn flags(reader: &mut Reader<'_>, what: &'static str, known: u8) -> Result<u8, ModuleError> {
    match reader.u8("flags")? {
        got if got & !known != 0 => Err(ModuleError::Flags { what, got }),
        got => Ok(got),
    }
}

fn read_words(
    reader: &mut Reader<'_>,
    counts: &[usize],
    functions: &mut [Function],
) -> Result<(), ModuleError> {
    for (function, &count) in functions.iter_mut().zip(counts) {
        let bytes = reader.take("the words of a function", 4 * count as u64)?;
        let words = bytes.as_chunks::<4>().0;
        function.words = words.iter().map(|word| u32::from_be_bytes(*word)).collect();
    }
    Ok(())
}

fn read_places(reader: &mut Reader<'_>, functions: &mut [Function]) -> Result<(), ModuleError> {
    for (index, function) in functions.iter_mut().enumerate() {
        let words = function.words.len();
        let got = reader.leb("the number of places")?;
        if got != 0 && got != words as u64 {
            return Err(ModuleError::Places {
                function: index,
                got,
                words,
            });
        }
        let (mut line, mut column) = (0, 0);
        for _ in 0..got {
            line = read_place(reader, index, line)?;
            column = read_place(reader, index, column)?;
            function.places.push((line, column));
        }
    }
    Ok(())
}

fn read_place(reader: &mut Reader<'_>, function: usize, from: u32) -> Result<u32, ModuleError> {
    let zigzag = reader.leb("a place")?;
    let difference = (zigzag >> 1).cast_signed() ^ -(zigzag & 1).cast_signed();
    // The differences of a file are far from overflowing unless they are wrong anyway.
    let got = i64::from(from).saturating_add(difference);
    u32::try_from(got).map_err(|_| ModuleError::Place { function, got })
}
