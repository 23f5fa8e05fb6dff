//! Plain Bitcoin scripts on the command line.

mod files;
mod refusal;
mod running;

use std::sync::Arc;

use avm_atomicals::bitcoin::machine::{
    Outcome, Receipt, Script, ScriptImage, infos, input_from_bytes,
};
use avm_core::{Bytes, Channel, Hash, HostError, MemoryNodes, Nodes, Vm};
use avm_isa::Info;
use serde_json::{Value, json};

use crate::error::{self, CliError};
use crate::files::Source;
use crate::output::{count, hex};
use crate::registry::{Loaded, MachineCli, Proofs, Running};
use crate::vectors::Case;
use running::ScriptRunning;

/// The machine's line in the registry.
pub static CLI: ScriptCli = ScriptCli;

/// Plain Bitcoin.
pub struct ScriptCli;

/// The rules of an image.
fn image(file: &str, bytes: &[u8]) -> Result<ScriptImage, CliError> {
    ScriptImage::from_bytes(bytes)
        .map_err(|e| error::malformed_program(format!("not a set of rules: {e}")).at(file))
}

impl MachineCli for ScriptCli {
    fn vm(&self, _: usize) -> Box<dyn Vm> {
        Box::new(Script)
    }

    fn title(&self) -> (&'static str, &'static str) {
        (
            "plain Bitcoin",
            "whether a transaction may spend its outputs, as Bitcoin Core decides, operation by operation",
        )
    }

    fn cost_unit(&self) -> &'static str {
        "inputs verified"
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![
            (
                "programs",
                "JSON: a transaction with the outputs it spends, or a set of rules".into(),
            ),
            (
                "inputs",
                "transactions: JSON, one or an array, or one encoded transaction in hex per line".into(),
            ),
            ("outputs", "receipts: a verdict on each input of a transaction".into()),
            (
                "root",
                "SHA-256 over flags, counts, and the transaction that is being verified".into(),
            ),
            ("waits", "between transactions".into()),
            (
                "rules",
                "bitcoin (consensus, the default), standard, or flags of Bitcoin Core joined by commas".into(),
            ),
            ("proofs", "steps, ranges and inputs".into()),
        ]
    }

    fn ops(&self) -> Vec<Info> {
        infos().collect()
    }

    fn recognises(&self, file: &Source) -> bool {
        files::is_transaction(file)
    }

    fn load(&self, file: &Source, rules: Option<&str>) -> Result<Loaded, CliError> {
        files::load(file, rules)
    }

    fn own_inputs(&self, file: &Source) -> Result<Vec<Bytes>, CliError> {
        files::own_inputs(file)
    }

    fn assemble(&self, file: &Source, rules: Option<&str>) -> Result<Loaded, CliError> {
        files::load(file, rules)
    }

    fn exported(&self, file: &str, bytes: &[u8]) -> Result<Vec<u8>, CliError> {
        self.disassemble(file, bytes, false).map(String::into_bytes)
    }

    fn disassemble(&self, file: &str, bytes: &[u8], _: bool) -> Result<String, CliError> {
        let flags = image(file, bytes)?.flags.to_string();
        Ok(format!("{}\n", json!({ "flags": flags })))
    }

    fn inputs(&self, file: &Source, _: &[u8]) -> Result<Vec<Bytes>, CliError> {
        files::inputs(file)
    }

    fn call(&self, _: &[u8], words: &[String]) -> Result<Bytes, CliError> {
        files::call(words)
    }

    fn start(&self, file: &str, bytes: &[u8], _: usize) -> Result<Box<dyn Running>, CliError> {
        let flags = image(file, bytes)?.flags;
        Ok(Box::new(ScriptRunning::new(Script.load(flags))))
    }

    fn refusal(&self, file: &str, bytes: &[u8], inputs: &[Bytes], first: u64) -> Option<CliError> {
        let flags = image(file, bytes).ok()?.flags;
        refusal::of(file, flags, inputs, first)
    }

    fn proofs(&self) -> Proofs {
        Proofs::Runs
    }

    fn open(
        &self,
        state: Hash,
        nodes: Arc<dyn Nodes>,
        _: usize,
    ) -> Result<Box<dyn Running>, HostError> {
        Ok(Box::new(ScriptRunning::new(Script.open(state, nodes)?)))
    }

    fn is_key(&self, key: &str) -> bool {
        running::is_key(key)
    }

    fn read_key(&self, _: Hash, _: Arc<dyn Nodes>, _: &str) -> Result<Option<Vec<u8>>, HostError> {
        Err(HostError::Store(
            "the machine `script` has no proofs of keys".into(),
        ))
    }

    fn key_text(&self, value: &[u8]) -> String {
        hex(value)
    }

    fn input_fields(&self, input: &[u8]) -> Result<Vec<(&'static str, Value)>, String> {
        let (tx, spent) = input_from_bytes(input).map_err(|e| e.to_string())?;
        let outputs = spent.iter().map(|output| {
            let script = hex(output.script_pubkey.as_bytes());
            json!({ "value": output.value.to_sat(), "script": script })
        });
        Ok(vec![
            ("txid", json!(tx.compute_txid().to_string())),
            ("version", json!(tx.version.0)),
            ("lock_time", json!(tx.lock_time.to_consensus_u32())),
            ("inputs", json!(tx.input.len())),
            ("outputs", json!(tx.output.len())),
            ("bytes", json!(tx.total_size())),
            ("spent", outputs.collect()),
        ])
    }

    fn output_text(&self, _: Channel, hash: Hash, nodes: MemoryNodes) -> (&'static str, String) {
        let text = Receipt::open(hash, &nodes).map(|receipt| receipt_text(&receipt));
        ("receipt", text.unwrap_or_else(|e| e.to_string()))
    }

    fn value_text(&self, _: Hash, _: MemoryNodes) -> Result<String, String> {
        Err("a state of the machine `script` has no values by hash".into())
    }

    fn vectors(&self, file: &str, _: &Value) -> Result<Vec<Case>, String> {
        Err(format!(
            "{file}: the vectors of this machine are read by its tests, cargo test -p avm-atomicals bitcoin"
        ))
    }
}

/// A receipt in a line.
fn receipt_text(receipt: &Receipt) -> String {
    let Outcome::Verified(verdicts) = &receipt.outcome else {
        return "not a transaction with the outputs it spends".into();
    };
    let refused: Vec<String> = verdicts
        .iter()
        .filter_map(|verdict| {
            let failure = verdict.failure?;
            Some(format!("input {}: {failure}", verdict.input))
        })
        .collect();
    let inputs = count(&verdicts.len().to_string(), "input");
    if refused.is_empty() {
        return format!("{inputs}, all may spend");
    }
    format!(
        "{inputs}, {} refused: {}",
        refused.len(),
        refused.join("; ")
    )
}
