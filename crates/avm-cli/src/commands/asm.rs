//! `avm asm` and `avm disasm`: exact inverses.

use std::path::Path;

use serde_json::{Value, json};

use crate::context::Context;
use crate::error::CliError;
use crate::files::{self, Source};
use crate::log::{self, Log};
use crate::output::Reply;
use crate::registry;

/// `avm asm FILE`. What a linter finds goes to stderr, and the program is made all the same.
///
/// # Errors
/// All that is wrong with the text.
pub fn asm(ctx: &Context, file: &Path, output: Option<&Path>) -> Result<Reply, CliError> {
    let source = Source::read(file)?;
    let machine = registry::chosen(ctx.global.machine.as_deref(), &source)?;
    let program = machine.assemble(&source, ctx.global.rules.as_deref())?;
    let findings = machine.findings(&source)?;
    findings.iter().for_each(|finding| ctx.note(finding));
    let text = machine.exported(&source.name(), &program.image)?;
    let mut data = json!({ "machine": machine.vm(0).id(), "operations": program.operations });
    if !findings.is_empty() {
        data["findings"] = json!(findings);
    }
    if let Some(path) = output {
        return written(ctx, path, &text, data, program.operations);
    }
    if ctx.global.json {
        data["program"] = serde_json::from_slice(&text).unwrap_or(Value::Null);
    }
    Ok(Reply::new(String::from_utf8_lossy(&text) + "\n", data))
}

/// `avm disasm FILE`.
///
/// # Errors
/// If the file is not a program.
pub fn disasm(
    ctx: &Context,
    file: &Path,
    output: Option<&Path>,
    annotate: bool,
) -> Result<Reply, CliError> {
    let (machine, program, name) = if log::is_log(file) {
        let log = Log::read(ctx, file)?;
        (log.machine, log.program, log.name)
    } else {
        let source = Source::read(file)?;
        let machine = registry::chosen(ctx.global.machine.as_deref(), &source)?;
        let program = machine.load(&source, ctx.global.rules.as_deref())?;
        (machine, program, source.name())
    };
    let text = machine.disassemble(&name, &program.image, annotate)?;
    let data = json!({ "machine": machine.vm(0).id(), "operations": program.operations });
    match output {
        Some(path) => written(ctx, path, text.as_bytes(), data, program.operations),
        None => {
            let mut data = data;
            if ctx.global.json {
                data["text"] = json!(text);
            }
            Ok(Reply::new(text, data))
        }
    }
}

fn written(
    ctx: &Context,
    path: &Path,
    bytes: &[u8],
    mut data: Value,
    operations: usize,
) -> Result<Reply, CliError> {
    files::write(path, bytes, ctx.global.yes)?;
    data["output"] = json!(path.display().to_string());
    data["bytes"] = json!(bytes.len());
    ctx.note(&format!(
        "wrote {} ({operations} operations, {} bytes)",
        path.display(),
        bytes.len()
    ));
    Ok(Reply::new("", data))
}
