//! The process: arguments in, exit code out, and everything that can end it early.

use std::ffi::OsString;
use std::io::{BufWriter, Write};
use std::panic::{self, AssertUnwindSafe};
use std::process::ExitCode;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use anstream::ColorChoice;
use clap::error::ErrorKind;
use clap::{CommandFactory, FromArgMatches};

use crate::cli::{Cli, Color, Command, Global, OTHER_TOOL, RESERVED};
use crate::codes;
use crate::commands;
use crate::context::{Context, timed_out};
use crate::error::CliError;
use crate::output::{self, Reply};

/// Exit code of a panic.
const PANIC: u8 = 101;
/// A command gets this long after its --timeout to end by itself.
const GRACE: Duration = Duration::from_millis(250);
/// Whether the command writes JSON lines, for what ends it from beside.
static STREAMS: AtomicBool = AtomicBool::new(false);

/// Runs the command line; the whole program.
#[must_use]
pub fn main(args: Vec<OsString>) -> ExitCode {
    // Needed before the arguments are understood, because not understanding them is reported, too.
    let early = Early::scan(&args);
    early.color.write_global();
    panic::set_hook(Box::new(|info| eprintln!("{}", bug_report(info))));
    interrupt(early.json);
    let ran = panic::catch_unwind(AssertUnwindSafe(|| run(args, &early)));
    ran.unwrap_or_else(|_| {
        let bug = crate::error::bug("internal error, please report it");
        if early.json {
            let _ = writeln!(std::io::stdout(), "{}", output::failure(bug.to_json()));
        }
        ExitCode::from(PANIC)
    })
}

/// What has to be known before the arguments are parsed.
struct Early {
    json: bool,
    color: ColorChoice,
}

impl Early {
    fn scan(args: &[OsString]) -> Self {
        let mut early = Self {
            json: false,
            color: ColorChoice::Auto,
        };
        let mut texts = args
            .iter()
            .skip(1)
            .map(|arg| arg.to_str().unwrap_or(""))
            .take_while(|arg| *arg != "--");
        while let Some(arg) = texts.next() {
            let color = match arg.strip_prefix("--color=") {
                Some(when) => when,
                None if arg == "--color" => texts.next().unwrap_or(""),
                None => "",
            };
            match (arg, color) {
                ("--json", _) => early.json = true,
                (_, "always") => early.color = ColorChoice::Always,
                (_, "never") => early.color = ColorChoice::Never,
                _ => {}
            }
        }
        early
    }
}

fn run(args: Vec<OsString>, early: &Early) -> ExitCode {
    let cli = match parse(args) {
        Ok(cli) => cli,
        Err(Stop::Shown(text)) => {
            let shown = write!(anstream::stdout(), "{text}");
            return shown.map_or_else(
                |e| end(&crate::error::output(&e), early.json, false),
                |()| ExitCode::SUCCESS,
            );
        }
        Err(Stop::Failed(error)) => return end(&error, early.json, false),
    };
    early_color(&cli.global).write_global();
    let (json, streams) = (cli.global.json, streams(&cli.command));
    STREAMS.store(streams, Ordering::Relaxed);
    if let Some(dir) = &cli.global.dir
        && let Err(e) = std::env::set_current_dir(dir)
    {
        let message = format!("cannot enter {}: {e}", dir.display());
        return end(&CliError::new(&codes::NO_DIRECTORY, message), json, streams);
    }
    if let Some(limit) = cli.global.timeout {
        watch(limit, json, streams);
    }
    let out = BufWriter::with_capacity(1 << 16, anstream::stdout());
    let ctx = Context::new(cli.global, Box::new(out));
    let result = commands::execute(&ctx, cli.command).and_then(|reply| print(&ctx, reply));
    match result {
        Ok(exit) => ExitCode::from(exit),
        Err(error) => {
            ctx.end_progress();
            let shown = match &error.output {
                Some(text) if !json => ctx.write(text),
                _ => Ok(()),
            };
            let _ = shown.and_then(|()| ctx.flush());
            end(&error, json, streams)
        }
    }
}

/// Prints a result and gives its exit code.
fn print(ctx: &Context, reply: Reply) -> Result<u8, CliError> {
    if !reply.streamed && ctx.global.json {
        ctx.write(&format!("{}\n", output::envelope(&reply)))?;
    } else {
        ctx.write(&reply.text)?;
        reply
            .warnings
            .iter()
            .for_each(|warning| ctx.note(&format!("warning: {warning}")));
    }
    ctx.flush()?;
    Ok(reply.exit)
}

/// Reports an error and gives its exit code.
fn end(error: &CliError, json: bool, streams: bool) -> ExitCode {
    if !error.is_pipe() {
        report(error, json, streams);
    }
    ExitCode::from(error.code.exit)
}

fn report(error: &CliError, json: bool, streams: bool) {
    if json {
        let mut envelope = output::failure(error.to_json());
        if streams {
            envelope["t"] = "error".into();
        }
        let _ = writeln!(std::io::stdout(), "{envelope}");
    } else {
        let _ = write!(anstream::stderr(), "{}", error.render());
    }
}

/// Whether the result is JSON lines, so that an error is a record, too.
fn streams(command: &Command) -> bool {
    match command {
        Command::Trace { .. } | Command::Index(_) | Command::Repl { .. } => true,
        Command::Dispute { command } => command.streams(),
        Command::State { form, .. } => *form == crate::cli::StateForm::Jsonl,
        _ => false,
    }
}

/// Why there is no command to execute.
enum Stop {
    /// Help or version.
    Shown(String),
    /// Wrong usage.
    Failed(CliError),
}

/// The command line, with the reserved commands added so that they are answered and not guessed at.
fn parse(args: Vec<OsString>) -> Result<Cli, Stop> {
    let mut command = Cli::command();
    for name in RESERVED.iter().chain(OTHER_TOOL) {
        let rest = clap::Arg::new("rest")
            .num_args(0..)
            .trailing_var_arg(true)
            .allow_hyphen_values(true);
        command = command.subcommand(
            clap::Command::new(*name)
                .hide(true)
                .disable_help_flag(true)
                .arg(rest),
        );
    }
    let matches = command.try_get_matches_from(args).map_err(stop)?;
    match matches.subcommand_name() {
        Some(name) if OTHER_TOOL.contains(&name) => {
            let message = "this is the state-machine runtime, not Anchor's version manager";
            Err(Stop::Failed(
                CliError::new(&codes::OTHER_AVM, message).with("command", name),
            ))
        }
        Some(name) if RESERVED.contains(&name) => {
            let message = format!("`avm {name}` is not supported yet");
            Err(Stop::Failed(
                CliError::new(&codes::VERB_RESERVED, message)
                    .help("`avm help` lists the commands there are")
                    .with("command", name),
            ))
        }
        _ => Cli::from_arg_matches(&matches).map_err(stop),
    }
}

/// What the argument parser says, in our form.
fn stop(e: clap::Error) -> Stop {
    if let ErrorKind::DisplayHelp | ErrorKind::DisplayVersion = e.kind() {
        return Stop::Shown(e.render().ansi().to_string());
    }
    if e.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand {
        let error = crate::error::usage("a command is missing");
        let mut error = error.help("`avm help` lists the commands");
        error.rendered = Some(e.render().to_string());
        return Stop::Failed(error);
    }
    let text = e.render().to_string();
    let mut parts = text.trim_start_matches("error: ").split("\n\n");
    let message = parts
        .next()
        .unwrap_or("")
        .lines()
        .map(str::trim)
        .collect::<Vec<_>>()
        .join(" ");
    let mut error = crate::error::usage(message);
    for part in parts {
        let lines = part
            .trim_end()
            .lines()
            .map(str::trim)
            .filter(|line| !line.is_empty());
        for line in lines {
            if let Some(tip) = line.strip_prefix("tip: ") {
                error = error.help(tip);
            } else if let Some(usage) = line.strip_prefix("Usage: ") {
                error = error.note(format!("usage: {usage}"));
            } else if line.starts_with('[') {
                error = error.note(line);
            }
        }
    }
    if error.help.is_none() {
        error = error.help("`--help` has more");
    }
    Stop::Failed(error)
}

fn early_color(global: &Global) -> ColorChoice {
    match global.color {
        Color::Auto => ColorChoice::Auto,
        Color::Always => ColorChoice::Always,
        Color::Never => ColorChoice::Never,
    }
}

/// Ends the process shortly after the deadline, whatever it is doing then.
fn watch(limit: Duration, json: bool, streams: bool) {
    std::thread::spawn(move || {
        std::thread::sleep(limit.saturating_add(GRACE));
        last_words(timed_out(limit), json, streams);
    });
}

/// Ctrl-C ends the process with 130; what was recorded and acknowledged stays.
fn interrupt(json: bool) {
    let handler = move || {
        last_words(
            CliError::new(&codes::INTERRUPTED, "interrupted"),
            json,
            STREAMS.load(Ordering::Relaxed),
        )
    };
    // Without the handler the system ends the process, which is as good.
    let _ = ctrlc::set_handler(handler);
}

/// Ends the process from beside the command. The command may hold the output while nobody reads
/// it, so saying why gets a moment and no more.
fn last_words(error: CliError, json: bool, streams: bool) {
    let exit = i32::from(error.code.exit);
    let (said, done) = std::sync::mpsc::channel();
    std::thread::spawn(move || {
        if streams && json {
            // The stream may have been cut inside a line.
            let _ = writeln!(std::io::stdout());
        }
        report(&error, json, streams);
        let _ = said.send(());
    });
    let _ = done.recv_timeout(GRACE);
    std::process::exit(exit);
}

/// What a panic prints: that it is a bug, where, and how to report it.
fn bug_report(info: &panic::PanicHookInfo<'_>) -> String {
    let message = info.payload_as_str().unwrap_or("no message");
    let place = info.location().map_or_else(String::new, |at| {
        format!("  --> {}:{}\n", at.file(), at.line())
    });
    format!(
        "error[{}]: internal error: {message}\n{place}   = this is a bug in avm {}, whatever the input was\n\
         help: please report it with the command line, the files it read, and `avm version`",
        codes::BUG.id,
        env!("CARGO_PKG_VERSION"),
    )
}
