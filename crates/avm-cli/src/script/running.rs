//! A running machine as the command line looks at it.

use avm_atomicals::bitcoin::machine::{ScriptMachine, TAKE, infos, place_of};
use avm_core::{Hash, Inspect, Machine};
use serde_json::{Value, json};

use super::refusal::phase;
use crate::output::{clip, count, number};
use crate::registry::{Condition, Key, Running};

/// Keys that a state has always, and those it has while a transaction is being verified.
const ALWAYS: [&str; 5] = ["flags", "transactions", "malformed", "inputs", "failed"];
const VERIFYING: [&str; 6] = ["input", "script", "operation", "byte", "stack", "alt"];
/// Panes of the machine's `Inspect`, in its order.
const PANES: [&str; 2] = ["stack", "alt"];
/// Most characters of a push that are shown.
const PUSH: usize = 600;

/// Whether some state can have a key of this name.
pub(super) fn is_key(key: &str) -> bool {
    let element = key.split_once('/');
    let element = element.filter(|(pane, _)| PANES.contains(pane));
    element.is_some_and(|(_, at)| at.parse::<usize>().is_ok())
        || ALWAYS.contains(&key)
        || VERIFYING.contains(&key)
}

/// A machine.
#[derive(Clone)]
pub(super) struct ScriptRunning {
    machine: ScriptMachine,
}

impl ScriptRunning {
    pub(super) fn new(machine: ScriptMachine) -> Self {
        Self { machine }
    }

    fn scalars(&self) -> Vec<Key> {
        let counts = self.machine.counts();
        let mut keys = vec![
            plain("flags", json!(self.machine.flags().to_string())),
            plain("transactions", number(counts.transactions)),
            plain("malformed", number(counts.malformed)),
            plain("inputs", number(counts.inputs)),
            plain("failed", number(counts.failed)),
        ];
        let (Some((input, script)), Ok(Some(next))) = (self.machine.place(), self.machine.next())
        else {
            return keys;
        };
        keys.extend([
            plain("input", json!(input)),
            plain("script", json!(phase(script))),
            plain("operation", json!(next.op)),
            plain("byte", json!(next.byte)),
        ]);
        for (pane, name) in PANES.into_iter().enumerate() {
            let len = self.machine.len(pane);
            keys.push(Key {
                text: count(&len.to_string(), "element"),
                ..plain(name, json!(len))
            });
        }
        keys
    }

    fn elements(&self, pane: usize) -> Vec<Key> {
        let len = self.machine.len(pane);
        let elements = (0..len).filter_map(|at| {
            let text = self.machine.item(pane, at)?;
            let name = format!("{}/{at}", PANES[pane]);
            Some(plain(&name, json!(text)))
        });
        elements.collect()
    }
}

fn plain(name: &str, value: Value) -> Key {
    let text = match &value {
        Value::String(text) => text.clone(),
        other => other.to_string(),
    };
    Key {
        name: name.into(),
        text,
        value,
        hash: None,
    }
}

impl Running for ScriptRunning {
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
        match self.machine.place() {
            Some((input, phase)) => format!("verifying input {input}, {phase}"),
            None => String::from("waiting for a transaction"),
        }
    }

    fn cost(&self) -> String {
        self.machine.counts().inputs.to_string()
    }

    fn native_root(&mut self) -> (&'static str, Hash) {
        ("state", self.machine.state_hash())
    }

    fn inspect(&self) -> &dyn Inspect {
        &self.machine
    }

    fn keys(&mut self, prefix: &str) -> Vec<Key> {
        let mut keys = self.scalars();
        keys.extend(self.elements(0));
        keys.extend(self.elements(1));
        keys.retain(|key| key.name.starts_with(prefix));
        keys
    }

    fn key(&mut self, name: &str) -> Option<Key> {
        self.keys(name).into_iter().find(|key| key.name == name)
    }

    fn below(&mut self, _: &str) -> Vec<Key> {
        Vec::new()
    }

    fn stack_words(&mut self) -> Vec<String> {
        self.machine.stack_hex()
    }

    fn operation(&self, _: u64) -> Option<u64> {
        None
    }

    fn place(&self, pc: u64) -> String {
        place_of(pc)
    }

    fn next_operation(&mut self) -> (String, Option<String>) {
        match self.machine.next() {
            Ok(Some(next)) => {
                let push = next.push.as_deref().map(|push| clip(push, PUSH));
                let word = match push {
                    Some(_) => "push".into(),
                    None => next.name(),
                };
                (word, push)
            }
            _ => (TAKE.into(), None),
        }
    }

    fn operands(&self, opcode: u8) -> usize {
        let row = infos().find(|info| info.code == opcode);
        row.map_or(0, |row| row.pops.len())
    }
}
