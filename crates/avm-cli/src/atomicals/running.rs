//! A running contract as the command line looks at it.

use std::sync::Arc;

use avm_atomicals::explain::{Explanation, explain};
use avm_atomicals::keys::{self, Pane};
use avm_atomicals::machine::{CLOSE, Image, NO_PC, TAKE, UNLOCK_PC, call_from_bytes};
use avm_atomicals::script::fault::Which;
use avm_atomicals::script::{instr, ops, tables};
use avm_atomicals::{AtomicalsMachine, KeyName, KeyValue};
use avm_core::{Hash, Inspect, Machine};
use serde_json::{Value, json};

use crate::output::{clip, count, number, root};
use crate::registry::{Condition, Key, Running, Why};

/// Most bytes of a push that are shown.
const SHOWN: usize = 80;

/// A machine, and the offsets of the operations of its contract.
#[derive(Clone)]
pub(super) struct AtomicalsRunning {
    machine: AtomicalsMachine,
    offsets: Arc<[u64]>,
}

impl AtomicalsRunning {
    pub(super) fn new(machine: AtomicalsMachine, image: &Image) -> Self {
        let code = image.contract.code.bytes().unwrap_or_default();
        let offsets = instr::instructions(&code);
        let offsets = offsets.map(|instr| instr.map_or_else(|at| at, |(at, _)| at) as u64);
        Self {
            machine,
            offsets: offsets.collect(),
        }
    }

    /// A state opened from nodes: its code is not at hand.
    pub(super) fn opened(machine: AtomicalsMachine) -> Self {
        Self {
            machine,
            offsets: Arc::default(),
        }
    }

    fn shown(name: &KeyName, value: &KeyValue) -> Key {
        let json = match value {
            KeyValue::Number(n) => number(*n),
            KeyValue::Bytes(bytes) => json!(format!("0x{}", tables::hex(bytes))),
            KeyValue::Hash(hash) => json!(root(*hash)),
            KeyValue::Rules(rules) => json!(rules.name),
            KeyValue::There => json!(true),
        };
        Key {
            name: name.to_string(),
            text: value.to_string(),
            value: json,
            hash: None,
        }
    }
}

impl Running for AtomicalsRunning {
    fn machine(&mut self) -> &mut dyn Machine {
        &mut self.machine
    }

    fn fork(&self) -> Box<dyn Running> {
        Box::new(self.clone())
    }

    fn condition(&self) -> Condition {
        Condition::Running
    }

    fn status(&self) -> String {
        let (calls, failed) = self.machine.counts();
        let calls = count(&calls.to_string(), "call");
        let now = match (self.machine.running(), self.machine.script()) {
            (None, _) => String::from("waiting for a call"),
            (Some(running), Some(Which::Lock)) => {
                format!("at operation {}", running.position().index)
            }
            (Some(running), Some(Which::Unlock)) => {
                format!("at operation {} of the call", running.position().index)
            }
            (Some(_), None) => String::from("closing a call"),
        };
        match self.machine.last_failure() {
            Some(failure) => format!("{now}, {calls}, {failed} failed, the last one: {failure}"),
            None => format!("{now}, {calls}, {failed} failed"),
        }
    }

    fn cost(&self) -> String {
        self.machine.cost().to_string()
    }

    fn native_root(&mut self) -> (&'static str, Hash) {
        let contract = self.machine.contract();
        (
            "chain",
            contract.map_or(Hash::ZERO, |contract| contract.chain),
        )
    }

    fn inspect(&self) -> &dyn Inspect {
        &self.machine
    }

    fn keys(&mut self, prefix: &str) -> Vec<Key> {
        let names = self.machine.key_names().unwrap_or_default();
        let mut keys = Vec::new();
        for name in names {
            if name.to_string().starts_with(prefix)
                && let Ok(Some(value)) = self.machine.look_up(&name)
            {
                keys.push(Self::shown(&name, &value));
            }
        }
        keys
    }

    fn key(&mut self, name: &str) -> Option<Key> {
        let name = KeyName::parse(name)?;
        let value = self.machine.look_up(&name).ok()??;
        Some(Self::shown(&name, &value))
    }

    fn below(&mut self, _: &str) -> Vec<Key> {
        Vec::new()
    }

    fn stack_words(&mut self) -> Vec<String> {
        let depth = self
            .machine
            .running()
            .map_or(0, |running| running.main_stack().len());
        let word = |at: usize| match self.machine.look_up(&KeyName::Item(Pane::Main, at as u64)) {
            Ok(Some(KeyValue::Bytes(bytes))) => format!("0x{}", tables::hex(&bytes)),
            _ => String::from("0x"),
        };
        (0..depth).rev().map(word).collect()
    }

    fn operation(&self, pc: u64) -> Option<u64> {
        self.offsets.binary_search(&pc).ok().map(|at| at as u64)
    }

    fn place(&self, pc: u64) -> String {
        match pc {
            pc if pc >= NO_PC => String::new(),
            pc if pc >= UNLOCK_PC => format!("call+{}", pc - UNLOCK_PC),
            pc => match self.operation(pc) {
                Some(at) => format!("@{at}"),
                None => format!("pc{pc}"),
            },
        }
    }

    fn next_operation(&mut self) -> (String, Option<String>) {
        let Some(running) = self.machine.running() else {
            return (TAKE.into(), None);
        };
        if self.machine.script().is_none() {
            return (CLOSE.into(), None);
        }
        let Ok(Some((opcode, data))) = running.instruction() else {
            return (String::from("a cut push"), None);
        };
        if !data.is_empty() {
            let shown = tables::hex(&data[..data.len().min(SHOWN)]);
            let dots = if data.len() > SHOWN { ".." } else { "" };
            return (String::from("push"), Some(format!("0x{shown}{dots}")));
        }
        let name = ops::name(opcode);
        (
            name.map_or_else(|| format!("0x{opcode:02x}"), |name| name.into_owned()),
            None,
        )
    }

    fn operands(&self, opcode: u8) -> usize {
        ops::DECODE[usize::from(opcode)].map_or(0, |row| row.pops.len())
    }

    fn refused(&self) -> Option<String> {
        self.machine.last_failure().map(ToString::to_string)
    }

    fn why(&mut self, input: &[u8]) -> Option<Why> {
        let rules = self.machine.rules();
        let call = call_from_bytes(rules, input).ok()?;
        let contract = self.machine.contract().ok()?.clone();
        explain(rules, &contract, call)
            .ok()?
            .map(|found| told(&found))
    }
}

/// What is known of a failure, for people and for programs.
fn told(found: &Explanation) -> Why {
    let mut why = Why {
        message: format!("call failed at {}: {}", found.operation(), found.reason()),
        ..Why::default()
    };
    for operand in &found.operands {
        why.block.push(clip(&operand.to_string(), 160));
        if !operand.origin.is_empty() {
            let origin = clip(&operand.origin, 400);
            why.notes
                .push(format!("{} comes from {origin}", operand.label));
        }
        why.keys
            .extend(operand.keys.iter().map(ToString::to_string));
    }
    why.notes.extend(found.notes.iter().cloned());
    why.keys
        .extend(found.missing.iter().map(ToString::to_string));
    why.keys.sort();
    why.keys.dedup();
    why.operation = found
        .site
        .filter(|site| site.script == Which::Lock)
        .map(|site| u64::from(site.op_index));
    let operands = found.operands.iter().map(|operand| {
        json!({
            "label": operand.label,
            "value": format!("0x{}", tables::hex(operand.item.bytes())),
            "text": keys::bytes_text(operand.item.bytes()),
            "origin": operand.origin,
        })
    });
    let site = found.site.map(|site| {
        json!({ "script": site.script.to_string(), "operation": site.op_index, "offset": site.offset })
    });
    why.data = json!({
        "opName": found.operation(),
        "reason": found.reason(),
        "site": site,
        "depth": found.depth,
        "operands": operands.collect::<Vec<Value>>(),
        "missing": found.missing.as_ref().map(ToString::to_string),
    });
    why
}
