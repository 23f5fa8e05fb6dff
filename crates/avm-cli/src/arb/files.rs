//! Program files, source texts and inbox files.

use avm_arb::program::Program;
use avm_arb::{Arb, asm, ops};
use avm_core::Bytes;

use super::inbox;
use crate::codes;
use crate::error::{self, CliError};
use crate::files::{self, Source};
use crate::registry::Loaded;

/// Name endings of source texts.
pub(super) const SOURCE: &[&str] = &["masm", "asm", "s"];
/// Name endings of program files.
const PROGRAM: &[&str] = &["json", "mexe", "avmlog"];

/// A program file or a source text, told apart by name, and else by the first character.
pub(super) fn load(file: &Source) -> Result<Loaded, CliError> {
    let first = file.bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let is_source = file.has_extension(SOURCE)
        || !file.has_extension(PROGRAM) && !matches!(first, Some(b'{' | b'[' | b'"'));
    if is_source {
        return assemble(file);
    }
    let program = program(&file.name(), &file.bytes)?;
    loaded(file, &program, Vec::new())
}

/// Translates a source text.
pub(super) fn assemble(file: &Source) -> Result<Loaded, CliError> {
    let text = file.text()?;
    let assembled = asm::assemble(text).map_err(|errors| assembler_error(file, text, &errors))?;
    loaded(file, &assembled.program, assembled.lines)
}

fn loaded(file: &Source, program: &Program, lines: Vec<u32>) -> Result<Loaded, CliError> {
    let image = program
        .to_json()
        .map_err(|e| CliError::new(&codes::PROGRAM_TOO_LONG, e.to_string()).at(file.name()))?;
    let operations = program.code().len();
    Ok(Loaded {
        image: image.into_bytes().into(),
        operations,
        lines,
        columns: Vec::new(),
    })
}

/// All errors of a source text; the first one gives the code.
fn assembler_error(file: &Source, text: &str, errors: &asm::AsmErrors) -> CliError {
    let name = file.name();
    let Some(first) = errors.errors.first() else {
        return malformed(&name, 1, 1, "the text cannot be assembled");
    };
    let Some(code) = codes::find(first.kind.code()) else {
        return malformed(&name, 1, 1, &first.kind.to_string());
    };
    let one = |error: &asm::AsmError| {
        serde_json::json!({
            "code": error.kind.code(),
            "message": error.kind.to_string(),
            "line": error.span.line,
            "column": error.span.column,
            "length": error.span.len,
        })
    };
    let list: Vec<_> = errors.errors.iter().map(one).collect();
    let mut report = CliError::new(code, first.kind.to_string())
        .at(format!("{name}:{}:{}", first.span.line, first.span.column))
        .with("errors", list)
        .with("omitted", errors.omitted as u64);
    let count = errors.errors.len() + errors.omitted;
    let mut rendered = errors.render(&name, text);
    if count > 1 {
        rendered.push_str(&format!("{count} errors in {name}\n"));
    }
    report.rendered = Some(rendered.trim_end().to_owned() + "\n");
    report
}

/// Reads a program file.
pub(super) fn program(file: &str, image: &[u8]) -> Result<Program, CliError> {
    Program::from_json(image).map_err(|e| {
        let report = malformed(file, e.line, e.column, &e.kind.to_string());
        let Ok(text) = std::str::from_utf8(image) else {
            return report;
        };
        // A caret only helps in a file that people wrote.
        match text.lines().nth(e.line - 1) {
            Some(line) if line.chars().count() <= 100 => {
                let caret = format!("{}^", " ".repeat(e.column.saturating_sub(1)));
                report
                    .line(e.line.to_string(), crate::output::clip(line, 100))
                    .line("", caret)
            }
            _ => report,
        }
    })
}

fn malformed(file: &str, line: usize, column: usize, message: &str) -> CliError {
    error::malformed_program(message.into())
        .at(format!("{file}:{line}:{column}"))
        .with("line", line as u64)
        .with("column", column as u64)
}

/// A program as text; with `annotate`, number, gas and code point hash of each operation.
pub(super) fn disassemble(program: &Program, annotate: bool) -> String {
    let text = asm::disassemble(program);
    if !annotate {
        return text;
    }
    let hashes = Arb::default().load(program).code_hashes();
    let gas = ops_gas();
    let mut operations = program.code().iter().zip(hashes).enumerate();
    let mut out = String::with_capacity(2 * text.len());
    for line in text.lines() {
        let operation = if line.starts_with("    ") {
            operations.next()
        } else {
            None
        };
        match operation {
            None => out.push_str(line),
            Some((index, (operation, hash))) => {
                let gas = gas[usize::from(operation.opcode)];
                out.push_str(&format!("{line:<39} ; {index:>4} {gas:>6} gas  {hash}"));
            }
        }
        out.push('\n');
    }
    out
}

/// Gas of each opcode; one that is not in the table costs what an error costs.
fn ops_gas() -> [u64; 256] {
    let mut gas = [5; 256];
    ops::infos().for_each(|info| gas[usize::from(info.code)] = info.gas);
    gas
}

/// Messages from an inbox file: JSON, or one message in hex per line.
pub(super) fn inputs(file: &Source) -> Result<Vec<Bytes>, CliError> {
    let first = file.bytes.iter().find(|byte| !byte.is_ascii_whitespace());
    let is_json = file.has_extension(&["json"]) || matches!(first, Some(b'[' | b'{'));
    if is_json {
        let document = file.json()?;
        let messages = inbox::messages(&document)
            .map_err(|e| error::malformed_inbox(e.to_string()).at(file.name()))?;
        return Ok(messages
            .iter()
            .map(|message| message.to_bytes().into())
            .collect());
    }
    let inputs = files::hex_lines(file)?;
    for (index, input) in inputs.iter().enumerate() {
        avm_arb::Message::from_bytes(input)
            .map_err(|e| error::bad_input(index as u64, &file.name(), &e.to_string()))?;
    }
    Ok(inputs)
}
