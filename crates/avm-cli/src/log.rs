//! What is executed: a program with its inputs, read from a program file or from a recorded log.

use std::collections::BTreeMap;
use std::path::Path;

use avm_core::{Bytes, Claim};
use avm_store::{Identity, LogReader, Record};

use crate::context::Context;
use crate::error::{self, CliError};
use crate::files::{self, LOG_MAX, Source};
use crate::registry::{self, Loaded, MachineCli};

/// Name ending of logs.
pub const EXTENSION: &str = "avmlog";

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
        let machine = registry::chosen(ctx.global.machine.as_deref())?;
        let file = Source::read(path)?;
        let program = machine.load(&file)?;
        let source = match program.lines.is_empty() {
            true => None,
            false => Some(file.text()?.to_owned()),
        };
        let inputs_option =
            inputs.map_or_else(String::new, |path| format!(" --inputs {}", path.display()));
        let inputs = match inputs {
            None => Vec::new(),
            Some(path) => machine.inputs(&Source::read(path)?)?,
        };
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
        })
    }

    /// Reads a recorded log.
    ///
    /// # Errors
    /// If it is damaged, or of another machine or format.
    pub fn read(ctx: &Context, path: &Path) -> Result<Self, CliError> {
        files::check_size(path, LOG_MAX)?;
        let mut reader = LogReader::open(path).map_err(error::store)?;
        let name = path.display().to_string();
        let identity = reader.header().identity.clone();
        let machine = machine_of(ctx, &name, &identity)?;
        let program = Source {
            path: path.into(),
            bytes: reader.header().image.to_vec(),
        };
        let program = machine.load(&program)?;
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

    fn take(&mut self, record: Record) {
        match record {
            Record::Input { bytes, .. } => self.inputs.push(bytes),
            Record::Claim(claim) => self.recorded.push(claim),
            Record::Truncate(head) => {
                self.taken_back += self.inputs.len() as u64 - head.len;
                self.inputs
                    .truncate(usize::try_from(head.len).unwrap_or(usize::MAX));
                self.recorded.retain(|claim| claim.inputs <= head.len);
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

/// Whether a file is a log, by its name or by its first bytes.
#[must_use]
pub fn is_log(path: &Path) -> bool {
    if files::has_extension(path, &[EXTENSION]) {
        return true;
    }
    if !path.is_file() {
        return false;
    }
    let mut start = [0; 6];
    let file = std::fs::File::open(path);
    file.is_ok_and(|mut file| std::io::Read::read_exact(&mut file, &mut start).is_ok())
        && start[..] == avm_store::MAGIC[..6]
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
