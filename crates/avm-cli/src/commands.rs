//! One module per command family, and what they share: which file and moment a command is about.

pub mod asm;
pub mod bench;
pub mod dispute;
pub mod doctor;
pub mod explain;
pub mod machines;
pub mod meta;
pub mod record;
pub mod replay;
pub mod roots;
pub mod run;
pub mod show;
pub mod state;
pub mod trace;
pub mod vectors;

use std::path::Path;

use crate::cli::Command;
use crate::codes;
use crate::context::Context;
use crate::error::{self, CliError};
use crate::log::Log;
use crate::output::Reply;
use crate::point::Target;

/// Executes a command.
///
/// # Errors
/// Whatever made it fail.
pub fn execute(ctx: &Context, command: Command) -> Result<Reply, CliError> {
    match command {
        Command::Run {
            file,
            inputs,
            record,
            from,
        } => run::run(
            ctx,
            &file,
            inputs.inputs.as_deref(),
            record.as_deref(),
            from.as_deref(),
        ),
        Command::Asm { file, output } => asm::asm(ctx, &file, output.as_deref()),
        Command::Disasm {
            file,
            output,
            annotate,
        } => asm::disasm(ctx, &file, output.as_deref(), annotate),
        Command::Trace {
            target,
            inputs,
            form,
            roots,
            stack,
        } => {
            let options = trace::Options { form, roots, stack };
            trace::trace(ctx, &target, inputs.inputs.as_deref(), &options)
        }
        Command::Root {
            target,
            inputs,
            every,
        } => roots::root(ctx, &target, inputs.inputs.as_deref(), every),
        Command::Log {
            file,
            range,
            inputs,
        } => roots::log(ctx, &file, range.as_deref(), inputs.inputs.as_deref()),
        Command::State {
            point,
            prefix,
            inputs,
            count,
            form,
        } => {
            let options = state::Options {
                prefix: prefix.as_deref().unwrap_or(""),
                count,
                form,
            };
            state::state(ctx, &point, inputs.inputs.as_deref(), &options)
        }
        Command::Show {
            point,
            key,
            inputs,
            raw,
        } => show::show(ctx, &point, key.as_deref(), inputs.inputs.as_deref(), raw),
        Command::Replay { log, check } => replay::replay(ctx, &log, check),
        Command::Machines { id, ops } => machines::machines(id.as_deref(), ops),
        Command::Bench {
            id,
            file,
            rounds,
            only,
        } => bench::bench(ctx, &id, &file, rounds, only.as_deref()),
        Command::Dispute { command } => dispute::dispute(ctx, command),
        Command::Vectors { id, paths } => vectors::vectors(ctx, &id, &paths),
        Command::Explain { code } => explain::explain(code.as_deref()),
        Command::Completions { shell } => Ok(meta::completions(shell)),
        Command::Man { out } => meta::man(ctx, out.as_deref()),
        Command::Version => Ok(meta::version()),
        Command::Doctor => doctor::doctor(ctx),
    }
}

/// What `FILE`, `FILE@POINT`, `FILE@A..B` or `FILE POINT` is about, and the log it names.
///
/// # Errors
/// If it names none, or the file cannot be read.
pub fn open(
    ctx: &Context,
    args: &[String],
    inputs: Option<&Path>,
) -> Result<(Log, Target), CliError> {
    let target = match args {
        [file, point] => {
            let second = Target::parse(point)?;
            if matches!(second, Target::File(_)) {
                return Err(error::usage(format!("`{point}` is not a point"))
                    .help("write FILE@POINT, or a file and then a point such as @3 or final:-1"));
            }
            second.within(file)
        }
        [one] => Target::parse(one)?,
        _ => return Err(error::usage("expected a file and a point")),
    };
    let file = match &target {
        Target::File(file) => Some(file.clone()),
        Target::Point(point) => point.log.clone(),
        Target::Range(from, to) if from.log == to.log => from.log.clone(),
        Target::Range(..) => {
            return Err(error::usage("a range is within one log").help("write LOG@A..@B"));
        }
    };
    let file = file.ok_or_else(|| no_file(&args.join(" ")))?;
    Ok((Log::open(ctx, &file, inputs)?, target))
}

fn no_file(text: &str) -> CliError {
    let text = crate::output::clip(text, 60);
    CliError::new(
        &codes::NO_FILE,
        format!("`{text}` names no file, and there is no current log"),
    )
    .help(format!(
        "write the file first: main.avmlog{}{text}",
        if text.starts_with('@') { "" } else { "@" }
    ))
}
