//! One module per command family, and what they share: which file and moment a command is about.

pub mod asm;
pub mod bench;
pub mod bisect;
pub mod bundle;
pub mod call;
pub mod check;
pub mod compare;
pub mod dev;
pub mod diff;
pub mod dispute;
pub mod doctor;
pub mod explain;
pub mod fault;
pub mod fmt;
pub mod index;
pub mod lsp;
pub mod machines;
pub mod meta;
pub mod prove;
pub mod record;
pub mod repl;
pub mod replay;
pub mod roots;
pub mod run;
pub mod show;
pub mod snapshot;
pub mod state;
pub mod test;
pub mod trace;
pub mod vectors;
pub mod verify;

use std::path::Path;

use crate::cli::Command;
use crate::context::Context;
use crate::current;
use crate::error::{self, CliError};
use crate::log::{Log, is_log};
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
            audit,
        } => {
            let options = trace::Options {
                form,
                roots,
                stack,
                audit,
            };
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
        Command::Call {
            target,
            words,
            inputs,
            at,
        } => call::call(
            ctx,
            &target,
            &words,
            inputs.inputs.as_deref(),
            at.as_deref(),
        ),
        Command::State {
            point,
            prefix,
            inputs,
            count,
            limit,
            form,
        } => {
            let options = state::Options {
                prefix: prefix.as_deref().unwrap_or(""),
                count,
                limit,
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
        Command::Replay {
            log,
            check,
            objects,
        } => match objects {
            true => replay::objects(ctx, &log),
            false => replay::replay(ctx, &log, check),
        },
        Command::Check {
            files,
            deny_warnings,
        } => check::check(ctx, &files, deny_warnings),
        Command::Test { files, filter } => test::test(ctx, &files, &filter),
        Command::Repl { file } => repl::repl(ctx, file.as_deref()),
        Command::Prove {
            target,
            inputs,
            output,
            kind,
            key,
        } => {
            let options = prove::Options {
                output: output.as_deref(),
                kind,
                key: key.as_deref(),
            };
            prove::prove(ctx, &target, inputs.inputs.as_deref(), &options)
        }
        Command::Diff {
            a,
            b,
            inputs,
            stat,
            only,
            limit,
        } => {
            let only = only.as_deref().unwrap_or("");
            diff::diff(
                ctx,
                [&a, &b],
                inputs.inputs.as_deref(),
                &diff::Options { stat, only, limit },
            )
        }
        Command::Bisect {
            a,
            b,
            inputs,
            until,
            recorded,
            output,
        } => {
            let options = bisect::Options {
                until,
                recorded,
                output: output.as_deref(),
            };
            bisect::bisect(ctx, &a, b.as_deref(), inputs.inputs.as_deref(), &options)
        }
        Command::Bundle {
            target,
            inputs,
            output,
            min,
            why,
        } => {
            let options = bundle::Options {
                output: output.as_deref(),
                min,
                why: why.as_deref().unwrap_or(""),
            };
            bundle::bundle(ctx, &target, inputs.inputs.as_deref(), &options)
        }
        Command::Verify {
            files,
            root,
            log,
            head,
        } => {
            let log = log.as_deref();
            verify::verify(ctx, &files, &verify::Wanted { root, log, head })
        }
        Command::Machines { id, ops } => machines::machines(id.as_deref(), ops),
        Command::Bench {
            id,
            file,
            rounds,
            only,
            blocks,
            keys,
            divide,
        } => bench::bench(
            ctx,
            &id,
            &bench::Wanted {
                file: file.as_deref(),
                rounds,
                only: only.as_deref(),
                blocks,
                keys,
                divide,
            },
        ),
        Command::Dev { command } => dev::dev(ctx, command),
        Command::Index(args) => index::index(ctx, &args),
        Command::Compare(args) => compare::compare(ctx, &args),
        Command::Dispute { command } => dispute::dispute(ctx, command),
        Command::Snapshot { command } => snapshot::snapshot(ctx, command),
        Command::Fmt { files, check } => fmt::fmt(ctx, &files, check),
        Command::Lsp => lsp::lsp(),
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
    let file = match file {
        Some(file) => file,
        None => current::log(ctx, &args.join(" "))?,
    };
    let log = Log::open(ctx, &file, inputs)?;
    let target = match (target, &log.point) {
        (Target::File(_), Some(point)) => Target::Point(point.clone()),
        (target, _) => target,
    };
    Ok((log, target))
}

/// [`open`] for a command that compares two files: the inputs are for the one that is no log.
///
/// # Errors
/// As [`open`].
pub fn one_of_two(
    ctx: &Context,
    name: &str,
    inputs: Option<&Path>,
) -> Result<(Log, Target), CliError> {
    let file = match Target::parse(name)? {
        Target::File(file) => Some(file),
        Target::Point(point) | Target::Range(point, _) => point.log,
    };
    let is_program = file.is_some_and(|file| !is_log(Path::new(&file)));
    open(ctx, &[name.to_owned()], inputs.filter(|_| is_program))
}
