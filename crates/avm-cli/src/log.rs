//! What is executed: a program with its inputs, read from a program file or from a recorded log.

use std::collections::BTreeMap;
use std::fs;
use std::io::{Cursor, Read, Seek};
use std::path::{Path, PathBuf};

use avm_core::{Bytes, Claim};
use avm_store::{BUNDLE_MAGIC, Bundle, BundleError, Identity, LogReader, Record, Store};

use crate::checkpoint::StoreStates;
use crate::codes;
use crate::context::Context;
use crate::error::{self, CliError};
use crate::files::{self, LOG_MAX, Source};
use crate::point::Point;
use crate::registry::{self, Loaded, MachineCli};

/// Name ending of logs.
pub const EXTENSION: &str = "avmlog";
/// Name ending of bundles.
pub const BUNDLE: &str = "avmbundle";

/// A program, its inputs, and what was recorded with them.
pub struct Log {
    /// The file as the user calls it.
    pub name: String,
    /// The machine.
    pub machine: &'static dyn MachineCli,
    /// The program.
    pub program: Loaded,
    /// The source text, if there is one.
    pub source: Option<String>,
    /// The option that named the inputs, as it would be typed again; empty if there was none.
    pub inputs_option: String,
    /// The inputs in order.
    pub inputs: Vec<Bytes>,
    /// Claims that the file records, in order.
    pub recorded: Vec<Claim>,
    /// Inputs that were recorded and taken back later.
    pub taken_back: u64,
    /// Whether it is a recorded log.
    pub is_log: bool,
    /// The moment that a bundle is of.
    pub point: Option<Point>,
    /// The states beside the log, if it is that of a store directory.
    pub store: Option<StoreStates>,
}

impl Log {
    /// Reads a log, or a program with the inputs in a file of their own.
    ///
    /// # Errors
    /// If a file cannot be read or is malformed.
    pub fn open(ctx: &Context, name: &str, inputs: Option<&Path>) -> Result<Self, CliError> {
        let log = Self::load(ctx, name, inputs)?;
        if ctx.global.verbose > 0 {
            let (operations, inputs) = (log.program.operations, log.inputs.len());
            let rules = log.machine.vm(0).spec();
            ctx.note(&format!(
                "{name}: {rules}, {operations} operations, {inputs} inputs"
            ));
        }
        Ok(log)
    }

    fn load(ctx: &Context, name: &str, inputs: Option<&Path>) -> Result<Self, CliError> {
        let path = Path::new(name);
        if is_log(path) {
            if inputs.is_some() {
                return Err(
                    error::usage("a log has its inputs inside; --inputs is for programs").at(name),
                );
            }
            return Self::read(ctx, path);
        }
        let file = Source::read(path)?;
        let machine = registry::chosen(ctx.global.machine.as_deref(), &file)?;
        let rules = ctx.global.rules.as_deref();
        let program = machine.load(&file, rules)?;
        let source = match program.lines.is_empty() {
            true => None,
            false => Some(file.text()?.to_owned()),
        };
        let mut inputs_option =
            inputs.map_or_else(String::new, |path| format!(" --inputs {}", path.display()));
        if let Some(rules) = rules {
            inputs_option += &format!(" --rules {rules}");
        }
        let more = match inputs {
            None => Vec::new(),
            Some(path) => machine.inputs(&Source::read(path)?, &program.image)?,
        };
        let mut inputs = machine.own_inputs(&file)?;
        inputs.extend(more);
        Ok(Self {
            name: name.into(),
            machine,
            program,
            source,
            inputs_option,
            inputs,
            recorded: Vec::new(),
            taken_back: 0,
            is_log: false,
            point: None,
            store: None,
        })
    }

    /// Reads a recorded log: an `.avmlog`, the one in a store directory, or that of a bundle.
    ///
    /// # Errors
    /// If it is damaged, or of another machine or format.
    pub fn read(ctx: &Context, path: &Path) -> Result<Self, CliError> {
        let given = path;
        let path = &in_directory(given);
        files::check_size(path, LOG_MAX)?;
        let name = path.display().to_string();
        if !is_bundle(path) {
            let reader = LogReader::open(path).map_err(error::store)?;
            let id = reader.header().id;
            let mut log = Self::from_records(ctx, name, reader)?;
            if given != path {
                // What is said about it names the store, so that it can be typed again.
                log.name = given.display().to_string();
                log.store = Some(StoreStates::new(given, id, ctx.states.clone()));
            }
            return Ok(log);
        }
        let bytes = fs::read(path).map_err(|e| error::unreadable(path, &e))?;
        let bundle = Bundle::from_bytes(&bytes).map_err(|e| bundle_error(&e, &name))?;
        drop(bytes);
        machine_of(ctx, &name, &bundle.identity)?;
        let point = Point::parse(&bundle.point).ok();
        let Some(point) = point.filter(|point| point.log.is_none()) else {
            let shown = crate::output::clip(&bundle.point, 60);
            return Err(bundle_damaged(
                &format!("`{shown}` is no point of its log"),
                &name,
            ));
        };
        let reader = LogReader::new(Cursor::new(bundle.log), path).map_err(error::store)?;
        if reader.header().identity != bundle.identity {
            let found = &reader.header().identity.spec;
            let message = format!(
                "the log in the bundle follows the rules `{found}`, the bundle says `{}`",
                bundle.identity.spec
            );
            return Err(error::log_identity(&name, message));
        }
        if !bundle.why.is_empty() && ctx.global.verbose > 0 {
            ctx.note(&format!(
                "{name}: {}",
                crate::output::clip(&bundle.why, 400)
            ));
        }
        let mut log = Self::from_records(ctx, name, reader)?;
        log.point = Some(Point {
            log: Some(log.name.clone()),
            ..point
        });
        Ok(log)
    }

    fn from_records<R: Read + Seek>(
        ctx: &Context,
        name: String,
        mut reader: LogReader<R>,
    ) -> Result<Self, CliError> {
        let identity = reader.header().identity.clone();
        let machine = machine_of(ctx, &name, &identity)?;
        let program = Source {
            path: PathBuf::from(&name),
            bytes: reader.header().image.to_vec(),
        };
        let program = machine.load(&program, ctx.global.rules.as_deref())?;
        let mut log = Self {
            name,
            machine,
            program,
            source: None,
            inputs_option: String::new(),
            inputs: Vec::new(),
            recorded: Vec::new(),
            taken_back: 0,
            is_log: true,
            point: None,
            store: None,
        };
        while let Some((_, record)) = reader.next_record().map_err(error::store)? {
            log.take(record);
        }
        if reader.tail() > 0 {
            let tail = reader.tail();
            ctx.note(&format!(
                "note: the last {tail} bytes of {} were never finished",
                log.name
            ));
        }
        Ok(log)
    }

    /// Forgets all inputs but the first `inputs`, and what was recorded with them.
    pub fn keep(&mut self, inputs: u64) {
        let len = usize::try_from(inputs).unwrap_or(usize::MAX);
        self.inputs.truncate(len);
        self.recorded.retain(|claim| claim.inputs <= inputs);
    }

    fn take(&mut self, record: Record) {
        match record {
            Record::Input { bytes, .. } => self.inputs.push(bytes),
            Record::Claim(claim) => self.recorded.push(claim),
            Record::Truncate(head) => {
                self.taken_back += self.inputs.len() as u64 - head.len;
                self.keep(head.len);
            }
            _ => {}
        }
    }

    /// The machine and rules for the header of a recording.
    #[must_use]
    pub fn identity(&self) -> Identity {
        Identity::of(&*self.machine.vm(0))
    }

    /// The claim recorded last after each number of inputs.
    #[must_use]
    pub fn recorded_by_inputs(&self) -> BTreeMap<u64, Claim> {
        self.recorded
            .iter()
            .map(|claim| (claim.inputs, *claim))
            .collect()
    }
}

/// Whether something is a log, a bundle, or a directory with a log, by its name or first bytes.
#[must_use]
pub fn is_log(path: &Path) -> bool {
    let path = in_directory(path);
    let by_name = files::has_extension(&path, &[EXTENSION]);
    by_name || is_bundle(&path) || starts_with(&path, &avm_store::MAGIC[..6])
}

/// Whether a file is a bundle, by its name or by its first bytes.
#[must_use]
pub fn is_bundle(path: &Path) -> bool {
    files::has_extension(path, &[BUNDLE]) || starts_with(path, &BUNDLE_MAGIC[..6])
}

/// The log in a store directory; any other path is left as it is.
pub(crate) fn in_directory(path: &Path) -> PathBuf {
    let inside = Store::log_path(path);
    if inside.is_file() {
        inside
    } else {
        path.into()
    }
}

fn starts_with(path: &Path, magic: &[u8]) -> bool {
    if !path.is_file() {
        return false;
    }
    let mut start = vec![0; magic.len()];
    let file = fs::File::open(path);
    file.is_ok_and(|mut file| file.read_exact(&mut start).is_ok()) && start == magic
}

/// Why a bundle cannot be read.
fn bundle_error(error: &BundleError, name: &str) -> CliError {
    match error {
        BundleError::Magic => CliError::new(
            &codes::BUNDLE_MAGIC,
            "this is not a bundle: a bundle begins with `AVMBDL`",
        ),
        BundleError::Version { .. } => {
            CliError::new(&codes::BUNDLE_VERSION, format!("the bundle has {error}"))
        }
        _ => return bundle_damaged(&error.to_string(), name),
    }
    .at(name)
}

fn bundle_damaged(what: &str, name: &str) -> CliError {
    CliError::new(
        &codes::BUNDLE_DAMAGED,
        format!("the bundle is damaged: {what}"),
    )
    .at(name)
    .help("fetch it again")
}

fn machine_of(
    ctx: &Context,
    name: &str,
    found: &Identity,
) -> Result<&'static dyn MachineCli, CliError> {
    let machine = registry::MACHINES
        .iter()
        .find(|machine| machine.vm(0).id() == found.machine);
    let Some(machine) = machine else {
        let message = format!(
            "the log is of machine `{}`, which this build does not have",
            found.machine
        );
        return Err(error::log_identity(name, message));
    };
    if let Some(asked) = ctx
        .global
        .machine
        .as_deref()
        .filter(|asked| *asked != found.machine)
    {
        registry::find(asked)?;
        let message = format!(
            "the log is of machine `{}`, --machine says `{asked}`",
            found.machine
        );
        return Err(error::log_identity(name, message));
    }
    let spec = machine.vm(0).spec();
    if spec != found.spec {
        let message = format!(
            "the log follows the rules `{}`, this build has `{spec}`",
            found.spec
        );
        return Err(error::log_identity(name, message));
    }
    Ok(*machine)
}
