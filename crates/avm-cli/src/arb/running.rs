//! A running machine as the command line looks at it.

use avm_arb::{Arb, ArbMachine, KeyValue, Kind, Program, StateKey, Status, ops};
use avm_core::{Hash, Inspect, Machine};
use serde_json::{Value, json};

use crate::output::{big_number, count, number, root};
use crate::registry::{Condition, Key, Running};

/// Panes of the machine's `Inspect`, in its order.
const PANES: [&str; 5] = ["stack", "aux", "register", "static", "handler"];

/// Most characters of the text of a value.
const VALUE_CHARS: usize = 4096;

/// A machine, and how many operations its program has.
#[derive(Clone)]
pub(super) struct ArbRunning {
    machine: ArbMachine,
    operations: u64,
}

impl ArbRunning {
    pub(super) fn new(program: &Program, memory_limit_bytes: usize) -> Self {
        let arb = Arb {
            memory_limit_bytes,
            ..Arb::default()
        };
        Self {
            machine: arb.load(program),
            operations: program.code().len() as u64,
        }
    }

    /// A state opened from nodes: its program is not at hand.
    pub(super) fn opened(machine: ArbMachine) -> Self {
        Self {
            machine,
            operations: 0,
        }
    }

    /// The registers and counters: name, text, value, hash.
    fn scalars(&mut self) -> Vec<Key> {
        let tally = self.machine.tally();
        let machine_hash = self.machine.machine_hash();
        let parts = self.machine.parts();
        let mut keys = vec![
            plain("status", json!(self.status())),
            hashed("machine", machine_hash),
        ];
        // A stopped machine has no parts, and its state says nothing about them.
        if let Some(parts) = parts {
            let operation = self.operation(self.machine.pc());
            let pc = match operation {
                Some(index) => format!("@{index}"),
                None => String::from("@end or made at run time"),
            };
            keys.push(Key {
                value: json!({ "operation": operation, "pc": number(self.machine.pc()) }),
                ..value("pc", pc, Some(parts.pc))
            });
            keys.push(plain("gas_left", big_number(&parts.gas_left.to_string())));
        }
        keys.extend([
            plain("gas_used", big_number(&tally.gas_used.to_string())),
            plain("messages_read", number(tally.messages_read)),
            plain("sends", number(tally.sends)),
            hashed("send_acc", tally.send_acc),
            plain("logs", number(tally.logs)),
            hashed("log_acc", tally.log_acc),
        ]);
        if parts.is_none() {
            return keys;
        }
        let hashes = parts.map(|parts| {
            [
                parts.stack,
                parts.aux,
                parts.register,
                parts.constant,
                parts.handler,
            ]
        });
        for (pane, name) in PANES.iter().enumerate() {
            let hash = hashes.map(|hashes| hashes[pane]);
            if pane < 2 {
                let len = self.machine.len(pane);
                keys.push(Key {
                    value: json!(len),
                    ..value(name, count(&len.to_string(), "item"), hash)
                });
            } else {
                let text = self.machine.item(pane, 0).unwrap_or_default();
                keys.push(value(name, text, hash));
            }
        }
        keys
    }

    fn items(&mut self, pane: usize, prefix: &str) -> Vec<Key> {
        let names: Vec<String> = (0..self.machine.len(pane))
            .map(|at| format!("{}/{at}", PANES[pane]))
            .collect();
        if !names.iter().any(|name| name.starts_with(prefix)) {
            return Vec::new();
        }
        let hashes = match pane {
            0 => self.machine.stack_hashes(),
            _ => self.machine.aux_hashes(),
        };
        let hashes = hashes.unwrap_or_default();
        let wanted = names.iter().enumerate();
        let wanted = wanted.filter(|(_, name)| name.starts_with(prefix));
        let mut keys = Vec::new();
        for (at, name) in wanted {
            let text = self.machine.item(pane, at).unwrap_or_default();
            keys.push(value(name, text, hashes.get(at).map(|(_, hash)| *hash)));
        }
        keys
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

fn hashed(name: &str, hash: Hash) -> Key {
    Key {
        name: name.into(),
        text: hash.to_string(),
        value: json!(root(hash)),
        hash: None,
    }
}

fn value(name: &str, text: String, hash: Option<Hash>) -> Key {
    Key {
        name: name.into(),
        value: json!(text),
        text,
        hash,
    }
}

impl Running for ArbRunning {
    fn machine(&mut self) -> &mut dyn Machine {
        &mut self.machine
    }

    fn fork(&self) -> Box<dyn Running> {
        Box::new(self.clone())
    }

    fn condition(&self) -> Condition {
        match self.machine.status() {
            Status::Extensive => Condition::Running,
            Status::Halted => Condition::Halted,
            Status::ErrorStop => Condition::Failed,
        }
    }

    fn status(&self) -> String {
        self.machine.status().to_string()
    }

    fn cost(&self) -> String {
        self.machine.tally().gas_used.to_string()
    }

    fn native_root(&mut self) -> (&'static str, Hash) {
        ("machine", self.machine.machine_hash())
    }

    fn inspect(&self) -> &dyn Inspect {
        &self.machine
    }

    fn keys(&mut self, prefix: &str) -> Vec<Key> {
        let mut keys = self.scalars();
        keys.retain(|key| key.name.starts_with(prefix));
        if self.condition() == Condition::Running {
            keys.extend(self.items(0, prefix));
            keys.extend(self.items(1, prefix));
        }
        if let Some((parent, _)) = prefix.rsplit_once('/') {
            let mut below = self.below(parent);
            below.retain(|key| key.name.starts_with(prefix));
            keys.extend(below);
        }
        keys
    }

    fn key(&mut self, name: &str) -> Option<Key> {
        let key = StateKey::parse(name)?;
        let found = self.machine.look_up(&key).ok()??;
        if !name.contains('/') {
            let mut keys = self.scalars();
            keys.retain(|key| key.name == name);
            return keys.pop();
        }
        let hash = match found {
            KeyValue::Int(word) => Hash::keccak(&word.to_be_bytes::<32>()),
            KeyValue::Value(_, hash) => hash,
            _ => return None,
        };
        let text = self.machine.text_at(&key, VALUE_CHARS).ok()??;
        Some(value(name, text, Some(hash)))
    }

    fn below(&mut self, name: &str) -> Vec<Key> {
        let Some(key) = StateKey::parse(name) else {
            return Vec::new();
        };
        let count = self.machine.elements_at(&key).ok().flatten().unwrap_or(0);
        (0..count)
            .filter_map(|at| self.key(&format!("{name}/{at}")))
            .collect()
    }

    fn stack_words(&mut self) -> Vec<String> {
        let hashes = self.machine.stack_hashes().unwrap_or_default();
        let words = hashes
            .iter()
            .enumerate()
            .map(|(at, (kind, hash))| match kind {
                Kind::Int => hex_word(&self.machine.item(0, at).unwrap_or_default()),
                _ => root(*hash),
            });
        let mut words: Vec<String> = words.collect();
        words.reverse();
        words
    }

    fn operation(&self, pc: u64) -> Option<u64> {
        Some(pc).filter(|pc| *pc < self.operations)
    }

    fn next_operation(&mut self) -> (String, Option<String>) {
        let opcode = self.machine.opcode().unwrap_or_default();
        let immediate = self.machine.immediate_text().unwrap_or_default();
        let word = match ops::name(opcode) {
            Some("nop") if immediate.is_some() => "push".into(),
            Some(name) => name.into(),
            None => format!(".op {opcode:#04x}"),
        };
        (word, immediate)
    }

    fn operands(&self, opcode: u8) -> usize {
        ops::infos()
            .find(|info| info.code == opcode)
            .map_or(0, |info| info.pops.len())
    }
}

/// A word as the machine shows it, decimal if small, always in hex.
fn hex_word(text: &str) -> String {
    match text.parse::<u64>() {
        Ok(n) => format!("{n:#x}"),
        Err(_) => text.into(),
    }
}
