//! The classic Arbitrum machine on the command line.

mod files;
pub mod inbox;
mod running;
pub mod vectors;

use std::sync::Arc;

use avm_arb::{Arb, KeyValue, LOGS, Message, SENDS, StateKey, read_key, sent_bytes, value_text};
use avm_core::{Bytes, Channel, Hash, HostError, MemoryNodes, Nodes, Vm};
use avm_isa::Info;
use ruint::aliases::U256;
use serde_json::{Value, json};

use crate::error::{self, CliError};
use crate::files::Source;
use crate::output::{big_number, hex};
use crate::registry::{Loaded, MachineCli, Proofs, Running};
use crate::vectors::Case;

/// The machine's line in the registry.
pub static CLI: ArbCli = ArbCli;
/// Most characters of a value that is shown.
const VALUE_CHARS: usize = 4096;

/// The classic Arbitrum machine.
pub struct ArbCli;

impl MachineCli for ArbCli {
    fn vm(&self, memory_limit_bytes: usize) -> Box<dyn Vm> {
        Box::new(Arb {
            memory_limit_bytes,
            ..Arb::default()
        })
    }

    fn title(&self) -> (&'static str, &'static str) {
        (
            "classic Arbitrum",
            "a 256-bit stack machine with tuples, code points and sparse buffers, as settled on chain",
        )
    }

    fn cost_unit(&self) -> &'static str {
        "arbgas"
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let most = avm_arb::program::MAX_OPERATIONS;
        vec![
            (
                "programs",
                "JSON program file (.json, .mexe) or assembler text (.masm)".into(),
            ),
            (
                "inputs",
                "inbox messages: JSON array, or one message in hex per line".into(),
            ),
            ("outputs", "logs and sends".into()),
            (
                "root",
                "hash of the execution cut: gas used, counters, accumulators, machine hash".into(),
            ),
            ("waits", "at `inbox`, until there is a message".into()),
            (
                "limits",
                format!("{most} operations; tuples of 8; memory by --max-mem"),
            ),
            (
                "proofs",
                "steps, ranges, inputs, and keys of a state, present or absent".into(),
            ),
        ]
    }

    fn ops(&self) -> Vec<Info> {
        avm_arb::ops::infos().collect()
    }

    fn recognises(&self, file: &Source) -> bool {
        file.has_extension(files::SOURCE) || file.has_extension(&["mexe"])
    }

    fn load(&self, file: &Source, rules: Option<&str>) -> Result<Loaded, CliError> {
        one_set(rules)?;
        files::load(file)
    }

    fn assemble(&self, file: &Source, rules: Option<&str>) -> Result<Loaded, CliError> {
        one_set(rules)?;
        files::assemble(file)
    }

    fn disassemble(&self, file: &str, image: &[u8], annotate: bool) -> Result<String, CliError> {
        let program = files::program(file, image)?;
        Ok(files::disassemble(&program, annotate))
    }

    fn inputs(&self, file: &Source, _: &[u8]) -> Result<Vec<Bytes>, CliError> {
        files::inputs(file)
    }

    fn call(&self, _: &[u8], words: &[String]) -> Result<Bytes, CliError> {
        let wrong = |reason: String| {
            error::usage(reason)
                .help("a message is written as JSON, such as '{\"data\":\"0x01\"}', or in hex")
        };
        let [word] = words else {
            let found = words.len();
            return Err(wrong(format!(
                "a call of this machine is one message, found {found} words"
            )));
        };
        let message = match serde_json::from_str::<Value>(word) {
            Ok(value @ Value::Object(_)) => {
                let messages = inbox::messages(&Value::from(vec![value]));
                messages
                    .map_err(|e| wrong(e.to_string()))?
                    .pop()
                    .map(|message| message.to_bytes())
            }
            _ => inbox::hex_bytes(word),
        };
        let message = message.ok_or_else(|| {
            wrong(format!(
                "`{}` is not a message",
                crate::output::clip(word, 60)
            ))
        })?;
        Message::from_bytes(&message).map_err(|e| wrong(e.to_string()))?;
        Ok(message.into())
    }

    fn start(
        &self,
        file: &str,
        image: &[u8],
        memory_limit_bytes: usize,
    ) -> Result<Box<dyn Running>, CliError> {
        let program = files::program(file, image)?;
        Ok(Box::new(running::ArbRunning::new(
            &program,
            memory_limit_bytes,
        )))
    }

    fn proofs(&self) -> Proofs {
        Proofs::RunsAndKeys
    }

    fn open(
        &self,
        state: Hash,
        nodes: Arc<dyn Nodes>,
        memory_limit_bytes: usize,
    ) -> Result<Box<dyn Running>, HostError> {
        let arb = Arb {
            memory_limit_bytes,
            ..Arb::default()
        };
        Ok(Box::new(running::ArbRunning::opened(
            arb.open(state, nodes)?,
        )))
    }

    fn is_key(&self, key: &str) -> bool {
        StateKey::parse(key).is_some()
    }

    fn read_key(
        &self,
        state: Hash,
        nodes: Arc<dyn Nodes>,
        key: &str,
    ) -> Result<Option<Vec<u8>>, HostError> {
        let name = StateKey::parse(key);
        let name = name.ok_or_else(|| {
            let shown = crate::output::clip(key, 60);
            HostError::Store(format!("`{shown}` is no name of a key").into())
        })?;
        Ok(read_key(state, nodes, &name)?.map(|value| value.to_bytes()))
    }

    fn key_text(&self, value: &[u8]) -> String {
        KeyValue::from_bytes(value).map_or_else(|| hex(value), |value| value.to_string())
    }

    fn input_fields(&self, input: &[u8]) -> Result<Vec<(&'static str, Value)>, String> {
        let message = Message::from_bytes(input).map_err(|e| e.to_string())?;
        let mut number = message.sequence_number;
        number.set_bit(255, false);
        Ok(vec![
            ("kind", json!(message.kind)),
            ("sender", json!(hex(&message.sender))),
            ("block_number", word(message.block_number)),
            ("timestamp", word(message.timestamp)),
            ("sequence_number", word(number)),
            ("delayed", json!(message.is_delayed())),
            ("gas_price_l1", word(message.gas_price_l1)),
            ("data_bytes", json!(message.data.len())),
            ("data", json!(hex(&message.data))),
        ])
    }

    fn output_text(
        &self,
        channel: Channel,
        hash: Hash,
        nodes: MemoryNodes,
    ) -> (&'static str, String) {
        match channel {
            SENDS => {
                let bytes = sent_bytes(hash, &nodes).map(|bytes| hex(&bytes));
                ("send", bytes.unwrap_or_else(|e| e.to_string()))
            }
            LOGS => {
                let text = value_text(hash, Arc::new(nodes), VALUE_CHARS);
                ("log", text.unwrap_or_else(|e| e.to_string()))
            }
            _ => ("output", hash.to_string()),
        }
    }

    fn value_text(&self, hash: Hash, nodes: MemoryNodes) -> Result<String, String> {
        value_text(hash, Arc::new(nodes), VALUE_CHARS).map_err(|e| e.to_string())
    }

    fn vectors(&self, file: &str, document: &Value) -> Result<Vec<Case>, String> {
        schema(file, document)?;
        Ok(vectors::run(file, document))
    }
}

/// There is one rule set, the one of the specification.
fn one_set(rules: Option<&str>) -> Result<(), CliError> {
    rules.map_or(Ok(()), |name| {
        Err(error::unknown_rules(
            name,
            "one rule set, so --rules is left out",
        ))
    })
}

fn word(word: U256) -> Value {
    big_number(&word.to_string())
}

/// Refuses a document that is no vector file of that name.
fn schema(file: &str, document: &Value) -> Result<(), String> {
    if file == "values.json" {
        let list = document.get("values").is_some_and(Value::is_array);
        return if list {
            Ok(())
        } else {
            Err("there is no array `values`".into())
        };
    }
    let members: &[&str] = match file {
        "bench.json" => &["program", "total_steps", "total_gas"],
        "disagreements.json" => &["program", "step", "before", "consensus_result"],
        "adversarial_proofs.json" => &["program", "step", "before", "honest_after", "honest_gas"],
        "challenges.json" => &["moves"],
        "mutated_proofs.json" => &["proof", "accepted"],
        "proofs.json" => &["initial_hash", "steps"],
        _ => &["program", "initial_hash", "steps", "final"],
    };
    let entries = document.as_array().ok_or("it is not an array of cases")?;
    if entries.is_empty() {
        return Err("it has no cases".into());
    }
    for (at, entry) in entries.iter().enumerate() {
        if let Some(missing) = members.iter().find(|name| entry.get(**name).is_none()) {
            return Err(format!("case {at} has no member `{missing}`"));
        }
    }
    Ok(())
}
