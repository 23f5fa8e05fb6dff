//! A running machine as the command line looks at it.

use std::any::Any;
use std::sync::Arc;

use avm_anoma::code::{Module, list};
use avm_anoma::image::Image;
use avm_anoma::keys::{KeyName, KeyValue, Register};
use avm_anoma::machine::AnomaMachine;
use avm_anoma::receipt::Receipt;
use avm_anoma::seen::{Outcome, Seen};
use avm_anoma::value::clip;
use avm_core::{
    Bytes, Hash, Host, HostError, Inspect, Machine, MemoryNodes, Nodes, Output, Probe, Ran, Sink,
};
use serde_json::{Value, json};

use super::json::{Plain, digits, to_json};
use super::why;
use crate::output::{count, grouped, number, root};
use crate::registry::{Condition, Key, Lost, Running, Why};

/// Most bytes of a value that is shown.
pub(super) const VALUE: usize = 4096;

/// A machine that remembers how the last execution ended.
#[derive(Clone)]
struct Watched {
    machine: AnomaMachine,
    seen: Ends,
    /// Whether the last input made no sense.
    refused: bool,
    /// All that happened, for who asked for it.
    kept: Option<Box<Seen>>,
}

/// What receipts tell.
#[derive(Clone, Default)]
struct Ends {
    /// Of the execution that ended last, if one did since the last input.
    last: Option<Receipt>,
}

/// Reads receipts on their way.
struct Tap<'a> {
    host: &'a mut dyn Host,
    seen: &'a mut Ends,
}

impl Host for Tap<'_> {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        let input = self.host.next_input()?;
        if input.is_some() {
            self.seen.last = None;
        }
        Ok(input)
    }

    fn emit(&mut self, output: Output<'_>) -> Result<(), HostError> {
        let mut nodes = MemoryNodes::default();
        output.content.save(&mut nodes)?;
        let nodes: Arc<dyn Nodes> = Arc::new(nodes);
        let receipt = Receipt::open(output.hash, &nodes)?;
        self.seen.last = Some(receipt);
        self.host.emit(output)
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        self.host.probe()
    }
}

impl Machine for Watched {
    fn run(&mut self, budget: u64, host: &mut dyn Host) -> Result<Ran, HostError> {
        let (inputs, refused) = self.machine.inputs();
        let seen = &mut self.seen;
        if self.kept.is_some() && self.machine.seen().is_none() {
            self.machine.watch(true);
        }
        let ran = self.machine.run(budget, &mut Tap { host, seen })?;
        if let Some(kept) = &mut self.kept {
            kept.append(self.machine.take_seen());
        }
        let now = self.machine.inputs();
        if now.0 > inputs {
            self.refused = now.1 > refused && self.seen.last.is_none();
        }
        Ok(ran)
    }

    fn state_hash(&mut self) -> Hash {
        self.machine.state_hash()
    }

    fn save(&mut self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        self.machine.save(sink)
    }

    fn fork(&self) -> Box<dyn Machine> {
        Box::new(self.clone())
    }
}

/// The outcome of the last execution.
impl Inspect for Watched {
    fn panes(&self) -> &'static [&'static str] {
        &["result"]
    }

    fn len(&self, _: usize) -> usize {
        usize::from(self.seen.last.is_some())
    }

    fn item(&self, _: usize, index: usize) -> Option<String> {
        let receipt = self.seen.last.as_ref().filter(|_| index == 0)?;
        Some(outcome(&receipt.outcome))
    }
}

/// How an execution ended.
fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(value) => clip(value, VALUE),
        Outcome::Failed(fault) => fault.to_string(),
    }
}

/// A receipt in a line.
pub(super) fn receipt(hash: Hash, nodes: MemoryNodes) -> Result<String, HostError> {
    let nodes: Arc<dyn Nodes> = Arc::new(nodes);
    let receipt = Receipt::open(hash, &nodes)?;
    let how = match receipt.outcome {
        Outcome::Done(_) => "value",
        Outcome::Failed(_) => "failed:",
    };
    let gas = grouped(&receipt.gas.to_string());
    let Receipt {
        execution, events, ..
    } = receipt;
    let events = count(&events.to_string(), "event");
    Ok(format!(
        "#{execution} {how} {}, {gas} gas, {events}",
        outcome(&receipt.outcome)
    ))
}

/// Where a program counter is in the image: operations before each function, and the places of
/// their words.
pub(super) struct Layout {
    pub(super) image: Image,
    first: Vec<Vec<u64>>,
}

impl Layout {
    pub(super) fn new(image: Image) -> Self {
        let mut next = 0;
        let modules = image.modules.iter().map(|module| {
            let functions = module.functions.iter().map(|function| {
                let first = next;
                next += function.words.len() as u64;
                first
            });
            functions.collect()
        });
        let first = modules.collect();
        Self { image, first }
    }

    /// Number of the operation at a word, from 0 in the order of the image.
    pub(super) fn operation(&self, module: u32, function: u32, word: u32) -> Option<u64> {
        let first = self.first.get(module as usize)?.get(function as usize)?;
        let words = &self.module(module)?.functions[function as usize].words;
        ((word as usize) < words.len()).then(|| first + u64::from(word))
    }

    /// The module of this number. Those that were deployed later are not in the image.
    fn module(&self, number: u32) -> Option<&Module> {
        self.image.modules.get(number as usize)
    }

    /// Line and column of a word, if they are known.
    pub(super) fn place(&self, module: u32, function: u32, word: u32) -> Option<(u32, u32)> {
        let function = self.module(module)?.functions.get(function as usize)?;
        let place = function.places.get(word as usize).copied();
        place.filter(|(line, _)| *line > 0)
    }
}

/// A machine, and where its code comes from if that is at hand.
#[derive(Clone)]
pub(super) struct AnomaRunning {
    watched: Watched,
    layout: Option<Arc<Layout>>,
}

impl AnomaRunning {
    pub(super) fn new(machine: AnomaMachine, image: &Image) -> Self {
        Self {
            layout: Some(Arc::new(Layout::new(image.clone()))),
            ..Self::opened(machine)
        }
    }

    /// A state opened from nodes: its image is not at hand.
    pub(super) fn opened(machine: AnomaMachine) -> Self {
        Self {
            watched: Watched {
                machine,
                seen: Ends::default(),
                refused: false,
                kept: None,
            },
            layout: None,
        }
    }

    pub(super) fn machine(&mut self) -> &mut AnomaMachine {
        &mut self.watched.machine
    }

    /// What was seen since the last time; everything is kept from the first time on.
    pub(super) fn seen(&mut self) -> Seen {
        let kept = self.watched.kept.get_or_insert_default();
        std::mem::take(&mut **kept)
    }

    /// A prefix of keys with the human form of an id replaced by the id that it stands for, if
    /// there is one such id and no other.
    fn full(&mut self, prefix: &str) -> String {
        let found = self.expand(prefix);
        found.unwrap_or_else(|| prefix.into())
    }

    fn expand(&mut self, prefix: &str) -> Option<String> {
        let (kind, rest) = prefix.split_once('/')?;
        let (id, part) = match rest.split_once('/') {
            Some((id, part)) => (id, Some(part)),
            None => (rest, None),
        };
        let start = id
            .strip_prefix("obj:")
            .filter(|digits| !digits.is_empty())?;
        let ids = self.machine().ids_like(kind, start, 2).ok()?;
        let [id] = &ids[..] else {
            return None;
        };
        let id = digits(&id.0);
        Some(match part {
            Some(part) => format!("{kind}/{id}/{part}"),
            // The parts of an object, not the key of all of it.
            None if kind == "objects" => format!("{kind}/{id}/"),
            None => format!("{kind}/{id}"),
        })
    }

    fn collect(&mut self, prefix: &str, limit: usize) -> Result<Vec<Key>, HostError> {
        let prefix = self.full(prefix);
        let mut keys = Vec::new();
        for name in self.machine().key_names(&prefix, limit)? {
            if let Some(value) = self.machine().look_up(&name)? {
                keys.push(shown(&name, &value)?);
            }
        }
        Ok(keys)
    }
}

/// A key for people and for programs.
fn shown(name: &KeyName, value: &KeyValue) -> Result<Key, HostError> {
    let json = match value {
        KeyValue::Number(count) => number(*count),
        KeyValue::Value(value) => to_json(value, &Plain)?,
        KeyValue::Name(name) => json!(name.as_deref()),
        KeyValue::History { count, hash } => {
            json!({ "count": number(*count), "hash": root(*hash) })
        }
        KeyValue::Object(object) => json!({
            "behaviour": &*object.behaviour,
            "state": to_json(&object.state, &Plain)?,
            "machine": &*object.machine,
            "creating": object.creating.as_deref(),
            "controller": object.current.as_deref(),
            "history": { "count": number(object.history.0), "hash": root(object.history.1) },
            "version": number(object.version),
            "changed": number(object.stamp),
            "created": number(object.created),
        }),
        KeyValue::Controller {
            reachable,
            entries,
            log,
        } => json!({ "reachable": reachable, "entries": number(*entries), "hash": root(*log) }),
        KeyValue::Reachable(reachable) => json!({ "reachable": reachable }),
        KeyValue::Versions(versions) => {
            let versions = versions.iter().map(|it| {
                json!({ "version": number(it.version), "since": number(it.since), "module": it.code.0, "function": it.code.1 })
            });
            Value::Array(versions.collect())
        }
        KeyValue::Execution {
            doing,
            gas,
            machine,
            frames,
        } => {
            json!({ "doing": doing, "gas": number(*gas), "machine": &**machine, "frames": frames })
        }
        KeyValue::Frame(frame) => {
            let registers = frame.registers.iter().map(|register| match register {
                Register::Value(value) => to_json(value, &Plain),
                Register::Long { name, len, closure } => {
                    Ok(json!({ "long": root(*name), "bytes": len, "closure": closure }))
                }
            });
            let registers = registers.collect::<Result<Vec<_>, _>>()?;
            json!({ "module": frame.code.0, "function": frame.code.1, "word": frame.pc, "registers": registers })
        }
    };
    Ok(Key {
        name: name.to_string(),
        text: clip(value, VALUE),
        value: json,
        hash: None,
    })
}

impl Running for AnomaRunning {
    fn machine(&mut self) -> &mut dyn Machine {
        &mut self.watched
    }

    fn fork(&self) -> Box<dyn Running> {
        Box::new(self.clone())
    }

    fn condition(&self) -> Condition {
        Condition::Running
    }

    fn status(&self) -> String {
        let (inputs, refused) = self.watched.machine.inputs();
        let inputs = count(&inputs.to_string(), "input");
        match refused {
            0 => format!("{inputs} taken"),
            refused => format!("{inputs} taken, {refused} of them refused"),
        }
    }

    fn cost(&self) -> String {
        self.watched.machine.gas().to_string()
    }

    fn native_root(&mut self) -> (&'static str, Hash) {
        ("state", self.watched.state_hash())
    }

    fn inspect(&self) -> &dyn Inspect {
        &self.watched
    }

    fn keys(&mut self, prefix: &str) -> Vec<Key> {
        self.collect(prefix, usize::MAX).unwrap_or_default()
    }

    fn first_keys(&mut self, prefix: &str, limit: usize) -> (Vec<Key>, bool) {
        let most = limit.saturating_add(1);
        let mut keys = self.collect(prefix, most).unwrap_or_default();
        let more = keys.len() > limit;
        keys.truncate(limit);
        (keys, more)
    }

    fn key(&mut self, name: &str) -> Option<Key> {
        // The human form with no part stands for the whole object.
        let full = self.full(name);
        let name = KeyName::parse(full.strip_suffix('/').unwrap_or(&full))?;
        let value = self.machine().look_up(&name).ok()??;
        shown(&name, &value).ok()
    }

    fn below(&mut self, _: &str) -> Vec<Key> {
        Vec::new()
    }

    fn any(&mut self) -> Option<&mut dyn Any> {
        Some(self)
    }

    fn stack_words(&mut self) -> Vec<String> {
        Vec::new()
    }

    fn operation(&self, pc: u64) -> Option<u64> {
        let (module, function, word) = (pc >> 48, pc >> 32 & 0xffff, pc & 0xffff_ffff);
        let layout = self.layout.as_ref()?;
        layout.operation(module as u32, function as u32, word as u32)
    }

    fn place(&self, pc: u64) -> String {
        let operation = self.operation(pc);
        operation.map_or_else(String::new, |at| format!("@{at}"))
    }

    fn next_operation(&mut self) -> (String, Option<String>) {
        let Ok(Some(next)) = self.machine().up_next() else {
            return (String::from("take"), None);
        };
        let name = String::from(next.name);
        let layout = self.layout.as_ref();
        let text = next.word.and_then(|(module, _, pc, word)| {
            let module = layout?.module(module)?;
            Some(list::instruction(module, pc.into(), word))
        });
        let operands = text.as_deref().and_then(|text| text.strip_prefix(&*name));
        let operands = operands.map(str::trim).filter(|text| !text.is_empty());
        let operands = operands.map(Into::into);
        (name, operands)
    }

    fn operands(&self, _: u8) -> usize {
        0
    }

    fn refused(&self) -> Option<String> {
        if self.watched.refused {
            return Some(why::REFUSED.into());
        }
        match &self.watched.seen.last.as_ref()?.outcome {
            failed @ Outcome::Failed(_) => Some(outcome(failed)),
            Outcome::Done(_) => None,
        }
    }

    fn lost(&self) -> (u64, Vec<Lost>) {
        let failures = self.watched.machine.failures();
        let last = failures.last.iter().map(|failure| Lost {
            execution: failure.execution,
            to: digits(&failure.object.0),
            reason: clip(&failure.fault, VALUE),
        });
        (failures.count, last.collect())
    }

    fn why(&mut self, input: &[u8]) -> Option<Why> {
        why::of(&self.watched.machine, self.layout.as_deref(), input)
    }
}
