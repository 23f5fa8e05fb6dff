//! The one list of machines, and what a machine brings to the command line.
//!
//! A new machine costs one folder beside `arb/` that implements [`MachineCli`] and [`Running`], and
//! one line in [`MACHINES`].

use std::any::Any;
use std::ops::ControlFlow;
use std::sync::Arc;

use avm_core::{Bytes, Channel, Hash, HostError, Inspect, Machine, MemoryNodes, Nodes, Vm};
use avm_isa::Info;
use serde_json::Value;

use crate::codes;
use crate::error::CliError;
use crate::files::Source;
use crate::vectors::Case;

/// Every machine of this build.
pub static MACHINES: &[&dyn MachineCli] = &[
    &crate::arb::CLI,
    &crate::atomicals::CLI,
    &crate::index::CLI,
    &crate::script::CLI,
    &crate::anoma::CLI,
];

/// What a machine brings to the command line.
pub trait MachineCli: Sync {
    /// Its rules.
    fn vm(&self, memory_limit_bytes: usize) -> Box<dyn Vm>;
    /// Name and one sentence.
    fn title(&self) -> (&'static str, &'static str);
    /// What its cost is counted in.
    fn cost_unit(&self) -> &'static str;
    /// What people may want to know: name and text.
    fn facts(&self) -> Vec<(&'static str, String)>;
    /// The opcode table.
    fn ops(&self) -> Vec<Info>;

    /// Whether a file is a program of this machine, as far as its name and first bytes tell. Asked
    /// if nobody said which machine is meant.
    fn recognises(&self, file: &Source) -> bool;
    /// Reads a program file or a source text. `rules` is for a file that does not say its own.
    ///
    /// # Errors
    /// If it is neither, or there are no such rules, or it is for others.
    fn load(&self, file: &Source, rules: Option<&str>) -> Result<Loaded, CliError>;
    /// Inputs that a program file has inside.
    ///
    /// # Errors
    /// If they are malformed.
    fn own_inputs(&self, _file: &Source) -> Result<Vec<Bytes>, CliError> {
        Ok(Vec::new())
    }
    /// What the rules of an image have against inputs, where that is what a run is to find out; the
    /// first has the number `first`.
    fn refusal(
        &self,
        _file: &str,
        _image: &[u8],
        _inputs: &[Bytes],
        _first: u64,
    ) -> Option<CliError> {
        None
    }
    /// Translates a source text to a program file.
    ///
    /// # Errors
    /// All that is wrong with the text.
    fn assemble(&self, file: &Source, rules: Option<&str>) -> Result<Loaded, CliError>;
    /// What a linter has to say of a source text that assembles, one text each; nothing if the
    /// machine has no linter.
    ///
    /// # Errors
    /// If the text does not assemble.
    fn findings(&self, _file: &Source) -> Result<Vec<String>, CliError> {
        Ok(Vec::new())
    }
    /// An image as the program file that people read.
    ///
    /// # Errors
    /// If the image is not a program.
    fn exported(&self, _file: &str, image: &[u8]) -> Result<Vec<u8>, CliError> {
        Ok(image.to_vec())
    }
    /// A program as source text; with `annotate`, comments on each operation.
    ///
    /// # Errors
    /// If the image is not a program.
    fn disassemble(&self, file: &str, image: &[u8], annotate: bool) -> Result<String, CliError>;
    /// Reads an inbox file for the program of an image.
    ///
    /// # Errors
    /// If it holds something else than messages.
    fn inputs(&self, file: &Source, image: &[u8]) -> Result<Vec<Bytes>, CliError>;
    /// One input from words of a command line: what to call, and its arguments.
    ///
    /// # Errors
    /// If the program has no such thing to call, or it takes other arguments.
    fn call(&self, image: &[u8], words: &[String]) -> Result<Bytes, CliError>;
    /// The machine before the first step of a program.
    ///
    /// # Errors
    /// If the image is not a program.
    fn start(
        &self,
        file: &str,
        image: &[u8],
        memory_limit_bytes: usize,
    ) -> Result<Box<dyn Running>, CliError>;

    /// What of it can be proved.
    fn proofs(&self) -> Proofs;
    /// A state by its hash; nodes are read as they are needed.
    ///
    /// # Errors
    /// If a node of its root is missing or malformed.
    fn open(
        &self,
        state: Hash,
        nodes: Arc<dyn Nodes>,
        memory_limit_bytes: usize,
    ) -> Result<Box<dyn Running>, HostError>;
    /// Whether some state can have a key of this name.
    fn is_key(&self, key: &str) -> bool;
    /// What the state named `state` has at a key, in the form that proofs have; `None` if it has
    /// no such key. Reads the nodes on the way and no others.
    ///
    /// # Errors
    /// If a node on the way is missing or malformed, or `key` is no name of a key.
    fn read_key(
        &self,
        state: Hash,
        nodes: Arc<dyn Nodes>,
        key: &str,
    ) -> Result<Option<Vec<u8>>, HostError>;
    /// What [`MachineCli::read_key`] found, for people.
    fn key_text(&self, value: &[u8]) -> String;

    /// An input as fields, in order.
    ///
    /// # Errors
    /// Why it is no input of this machine.
    fn input_fields(&self, input: &[u8]) -> Result<Vec<(&'static str, Value)>, String>;
    /// An output: its kind and its content as text.
    fn output_text(
        &self,
        channel: Channel,
        hash: Hash,
        nodes: MemoryNodes,
    ) -> (&'static str, String);
    /// A value by its hash, as text.
    ///
    /// # Errors
    /// If it is not among the nodes.
    fn value_text(&self, hash: Hash, nodes: MemoryNodes) -> Result<String, String>;

    /// The input whose block has a height, for points such as `@b826309`.
    fn at_height(&self, _image: &[u8], _inputs: &[Bytes], _height: u64) -> Search {
        Search::Unsupported
    }
    /// The input that holds a transaction, for points such as `tx:HASH`; the id is in internal order.
    fn with_tx(&self, _image: &[u8], _inputs: &[Bytes], _txid: &[u8; 32]) -> Search {
        Search::Unsupported
    }
    /// States as files, if the machine has a form for that.
    fn snapshots(&self) -> Option<&dyn Snapshots> {
        None
    }

    /// Why a vector file is about something that this build does not have.
    fn left_out(&self, _file: &str) -> Option<&'static str> {
        None
    }
    /// What a file has to be measured that is no program; `None` if it has programs.
    ///
    /// # Errors
    /// If it is neither.
    fn workloads(&self, _file: &Source) -> Result<Option<Vec<Workload>>, CliError> {
        Ok(None)
    }
    /// Runs the cases of a vector file.
    ///
    /// # Errors
    /// Why the file is not a vector file.
    fn vectors(&self, file: &str, document: &Value) -> Result<Vec<Case>, String>;
}

/// What `avm prove` and `avm verify` can do for a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Proofs {
    /// Nothing yet.
    None,
    /// Steps, ranges and inputs.
    Runs,
    /// Keys of a state as well.
    RunsAndKeys,
}

/// What came of looking for an input.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Search {
    /// Inputs of the machine have no such thing.
    Unsupported,
    /// No input has it.
    Missing,
    /// This one.
    Found(u64),
}

/// States of a machine as files.
pub trait Snapshots {
    /// Whether a file that begins so is one.
    fn recognises(&self, start: &[u8]) -> bool;
    /// Why the state at hand cannot be one yet, if it cannot.
    fn not_now(&self, running: &mut dyn Running) -> Option<String>;
    /// Writes the state of this name.
    ///
    /// # Errors
    /// If a node is missing, or `out` fails.
    fn write(
        &self,
        state: Hash,
        nodes: &dyn Nodes,
        out: &mut dyn FnMut(&[u8]) -> Result<(), HostError>,
    ) -> Result<(), HostError>;
    /// Checks a file while it is read, without keeping it in memory.
    ///
    /// # Errors
    /// Where and how it differs from the snapshot of a state.
    fn verify(&self, file: &str, read: &mut dyn std::io::Read) -> Result<Snapshot, CliError>;
}

/// A snapshot that was checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Snapshot {
    /// Root of the state.
    pub root: Hash,
    /// Height of its last block.
    pub height: u64,
    /// Nodes in it.
    pub nodes: u64,
    /// Bytes of the file.
    pub bytes: u64,
}

/// A program, ready to be started.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// What the machine starts from, and what a log keeps.
    pub image: Bytes,
    /// Number of operations.
    pub operations: usize,
    /// Line of each operation, from 1, if it comes from a source text; 0 if it stands in none.
    pub lines: Vec<u32>,
    /// First character in that line, from 1, and length of each, if they are known.
    pub columns: Vec<(u32, u32)>,
}

/// Something to be measured again and again.
pub struct Workload {
    /// What it is called.
    pub name: String,
    /// Does it once and says how many instructions that took, or why it failed.
    pub run: Box<dyn FnMut() -> Result<u64, String>>,
}

/// Why an input failed, as far as a machine can tell.
#[derive(Clone, Debug, Default)]
pub struct Why {
    /// What failed, one line.
    pub message: String,
    /// What it found: lines under the source line.
    pub block: Vec<String>,
    /// Where that comes from, and further facts.
    pub notes: Vec<String>,
    /// Keys of the state before the input that it comes from.
    pub keys: Vec<String>,
    /// Number of the operation that failed, if it is one of the program.
    pub operation: Option<u64>,
    /// The same for programs.
    pub data: Value,
}

/// Where a machine is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Condition {
    /// It can go on.
    Running,
    /// It is done.
    Halted,
    /// It stopped on an error.
    Failed,
}

impl Condition {
    /// What the machine did, in the middle of a sentence.
    #[must_use]
    pub fn verb(self) -> &'static str {
        match self {
            Self::Running => "waits for input",
            Self::Halted => "halted",
            Self::Failed => "stopped on an error",
        }
    }
}

/// A message inside of a machine whose execution failed.
#[derive(Clone, Debug)]
pub struct Lost {
    /// Number of the execution.
    pub execution: u64,
    /// Who got the message.
    pub to: String,
    /// Why it failed.
    pub reason: String,
}

/// One key of a state.
#[derive(Clone, Debug)]
pub struct Key {
    /// For example `stack/0`.
    pub name: String,
    /// Its value for people.
    pub text: String,
    /// Its value for programs.
    pub value: Value,
    /// Its hash, if it is a value.
    pub hash: Option<Hash>,
}

/// A key that differs between two states: its name and what both have.
#[derive(Clone, Debug)]
pub struct Difference {
    /// Name of the key.
    pub name: String,
    /// On the first side and on the second; `None` if it has no such key.
    pub sides: [Option<Key>; 2],
}

/// Who hears of differences, in order, until enough are known.
pub type Differs<'a> = dyn FnMut(Difference) -> ControlFlow<()> + 'a;

/// A machine that runs, as the command line looks at it.
pub trait Running {
    /// The machine.
    fn machine(&mut self) -> &mut dyn Machine;
    /// A copy with a life of its own.
    fn fork(&self) -> Box<dyn Running>;
    /// Where it is.
    fn condition(&self) -> Condition;
    /// The same in the words of its specification.
    fn status(&self) -> String;
    /// Cost so far, decimal.
    fn cost(&self) -> String;
    /// The machine's own hash, which the state hash wraps, and what it is called.
    fn native_root(&mut self) -> (&'static str, Hash);
    /// The state as people look at it.
    fn inspect(&self) -> &dyn Inspect;
    /// Keys whose name starts with `prefix`, in order. Elements of a tuple are among them if the
    /// prefix goes down to them: `register/` lists those of the register.
    fn keys(&mut self, prefix: &str) -> Vec<Key>;
    /// The first `limit` of [`Running::keys`], and whether there are more.
    fn first_keys(&mut self, prefix: &str, limit: usize) -> (Vec<Key>, bool) {
        let mut keys = self.keys(prefix);
        let more = keys.len() > limit;
        keys.truncate(limit);
        (keys, more)
    }
    /// The key of this name.
    fn key(&mut self, name: &str) -> Option<Key>;
    /// The keys directly below one that [`Running::keys`] shows as a whole, in order.
    fn below(&mut self, name: &str) -> Vec<Key>;
    /// Itself, for another of the same machine that compares the two in a way of its own.
    fn any(&mut self) -> Option<&mut dyn Any> {
        None
    }
    /// Tells `found` of the keys that start with `prefix` and differ from those of another state, if
    /// the machine can tell without listing all keys of both; `None` if they are to be listed.
    fn differences(
        &mut self,
        _other: &mut dyn Running,
        _prefix: &str,
        _found: &mut Differs<'_>,
    ) -> Option<Result<(), HostError>> {
        None
    }
    /// The main stack, bottom first, as hex words; what is no word shows as its hash.
    fn stack_words(&mut self) -> Vec<String>;
    /// Number of the operation at a program counter, from 0 in the order of the program file.
    fn operation(&self, pc: u64) -> Option<u64>;
    /// A program counter for people.
    fn place(&self, pc: u64) -> String {
        self.operation(pc)
            .map_or_else(|| format!("pc{pc}"), |at| format!("@{at}"))
    }
    /// Why the last input had no effect, if the machine refused it and goes on.
    fn refused(&self) -> Option<String> {
        None
    }
    /// Messages inside of the machine whose execution failed since it was started or opened: how
    /// many, and the last of them, the oldest first.
    fn lost(&self) -> (u64, Vec<Lost>) {
        (0, Vec::new())
    }
    /// Why an input fails that is taken next, if it does and the machine can tell.
    fn why(&mut self, _input: &[u8]) -> Option<Why> {
        None
    }
    /// The operation that runs next as source text has it: its word, and its immediate if it has one.
    fn next_operation(&mut self) -> (String, Option<String>);
    /// Operands that an opcode takes from the main stack, an immediate counted.
    fn operands(&self, opcode: u8) -> usize;
}

/// The machine with this id.
///
/// # Errors
/// If there is none.
pub fn find(id: &str) -> Result<&'static dyn MachineCli, CliError> {
    let found = MACHINES.iter().find(|machine| machine.vm(0).id() == id);
    found.copied().ok_or_else(|| {
        let known: Vec<&str> = MACHINES.iter().map(|machine| machine.vm(0).id()).collect();
        CliError::new(
            &codes::MACHINE_UNKNOWN,
            format!("there is no machine `{}`", crate::output::clip(id, 40)),
        )
        .help(format!(
            "the machines of this build are: {}",
            known.join(", ")
        ))
        .with("known", known)
    })
}

/// The machine asked for, or the one that recognises a file, or the first of the list.
///
/// # Errors
/// If there is no such machine.
pub fn chosen(id: Option<&str>, file: &Source) -> Result<&'static dyn MachineCli, CliError> {
    let by_file = || MACHINES.iter().find(|machine| machine.recognises(file));
    id.map_or_else(|| Ok(by_file().copied().unwrap_or(MACHINES[0])), find)
}
