//! `avm repl`: a dialogue with the machine of the language.

use std::io::{BufRead, IsTerminal, Write};
use std::path::Path;

use serde_json::json;

use crate::anoma::tools::repl::{Dialogue, Said};
use crate::codes;
use crate::context::Context;
use crate::error::{self, CliError};
use crate::files::Source;
use crate::output::{Reply, clip};

/// Longest entry, in bytes.
const ENTRY_MAX: usize = 1 << 20;
/// Most characters of a value.
const VALUE: usize = 10_000;

/// `avm repl [FILE]`.
///
/// # Errors
/// If the file does not compile, a limit is hit, or, without a terminal, an entry is wrong.
pub fn repl(ctx: &Context, file: Option<&Path>) -> Result<Reply, CliError> {
    let file = file.map(Source::read).transpose()?;
    let mut dialogue = Dialogue::new(ctx, file.as_ref())?;
    let mut input = std::io::stdin().lock();
    let asks = std::io::stdin().is_terminal();
    let (mut entry, mut number, mut begun) = (String::new(), 0_u64, 1);
    let mut count = 0;
    loop {
        if asks {
            let prompt = match entry.is_empty() {
                true => format!("{}> ", count + 1),
                false => "... ".into(),
            };
            let _ = write!(anstream::stderr(), "{prompt}");
            let _ = anstream::stderr().flush();
        }
        let read = line(&mut input, &mut entry);
        let more = read.map_err(|e| error::unreadable(Path::new("(standard input)"), &e))?;
        number += u64::from(more);
        if entry.len() > ENTRY_MAX {
            let (found, limit) = (entry.len() as u64, ENTRY_MAX as u64);
            return Err(error::too_large(
                Path::new("(standard input)"),
                found,
                limit,
            ));
        }
        let is_command = entry.trim_start().starts_with(':');
        if more && !is_command && Dialogue::goes_on(&entry) {
            continue;
        }
        let mut quit = false;
        let mut say = |said: Said| -> Result<(), CliError> {
            match said {
                Said::Quit => quit = true,
                Said::Text(text) => tell(ctx, json!({ "t": "text", "text": text }), &text)?,
                Said::Value(at, value) => {
                    count = at;
                    let text = clip(&value.to_string(), VALUE);
                    let record = json!({ "t": "value", "number": at, "value": text });
                    tell(ctx, record, &format!("{text}\n"))?;
                }
                Said::Wrong(text) if asks => {
                    ctx.flush()?;
                    let _ = write!(anstream::stderr(), "{text}");
                }
                Said::Wrong(text) => return Err(wrong(begun, text)),
            }
            Ok(())
        };
        dialogue.take(&entry, &mut say)?;
        ctx.flush()?;
        entry.clear();
        begun = number + 1;
        if quit || !more {
            if asks && !quit {
                let _ = writeln!(anstream::stderr());
            }
            return Ok(Reply::streamed());
        }
    }
}

/// Adds a line to an entry; `false` at the end of the input.
fn line(input: &mut impl BufRead, entry: &mut String) -> std::io::Result<bool> {
    let limit = ENTRY_MAX + 1;
    let read = std::io::Read::take(input, limit as u64).read_line(entry)?;
    Ok(read > 0)
}

fn tell(ctx: &Context, record: serde_json::Value, text: &str) -> Result<(), CliError> {
    match ctx.global.json {
        true => ctx.write(&format!("{record}\n")),
        false => ctx.write(text),
    }
}

/// The entry that begins in a line is wrong.
fn wrong(begun: u64, text: String) -> CliError {
    let first = text.lines().next().unwrap_or("").to_owned();
    let mut error = CliError::new(&codes::ENTRY_FAILED, first)
        .at(format!("(input):{begun}"))
        .with("text", text.clone());
    error.rendered = Some(text);
    error
}
