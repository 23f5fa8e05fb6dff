//! An Atomicals indexer on the command line: one input is one Bitcoin block.

mod blocks;
mod files;
mod running;
mod snapshot;
mod text;

use std::sync::Arc;

use avm_atomicals::index::params::Network;
use avm_atomicals::index::{Index, IndexMachine, KeyName, KeyValue, Params, read_key};
use avm_atomicals::script::{ops, tables};
use avm_core::{Bytes, Channel, Hash, HostError, MemoryNodes, Nodes, Vm};
use avm_isa::Info;
use serde_json::Value;

use crate::atomicals::files as contracts;
use crate::error::{self, CliError};
use crate::files::Source;
use crate::output::hex;
use crate::registry::{Loaded, MachineCli, Proofs, Running, Search, Snapshots};
use crate::vectors::Case;

/// The machine's line in the registry.
pub static CLI: IndexCli = IndexCli;

/// An Atomicals indexer.
pub struct IndexCli;

fn vm(memory_limit_bytes: usize) -> Index {
    Index::default().with_memory_limit(memory_limit_bytes)
}

/// The machine of an image, with a cache if it starts without any state.
fn machine(file: &str, image: &[u8], memory_limit_bytes: usize) -> Result<IndexMachine, CliError> {
    let malformed = |what: String| error::malformed_program(what).at(file);
    if Params::is_image(image) {
        let params = Params::from_bytes(image);
        let params = params.map_err(|e| malformed(format!("not the image of an index: {e}")))?;
        return Ok(vm(memory_limit_bytes).cached().load(&params));
    }
    let (header, nodes) = snapshot::read(file, image)?;
    let opened = vm(memory_limit_bytes).open(header.root, Arc::new(nodes));
    opened.map_err(|e| malformed(e.to_string()))
}

impl MachineCli for IndexCli {
    fn vm(&self, memory_limit_bytes: usize) -> Box<dyn Vm> {
        Box::new(vm(memory_limit_bytes))
    }

    fn title(&self) -> (&'static str, &'static str) {
        (
            "Atomicals indexer",
            "everything an indexer knows: contracts, tokens, names; one input is one Bitcoin block",
        )
    }

    fn cost_unit(&self) -> &'static str {
        "units"
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let networks = Network::ALL.map(Network::name).join(", ");
        vec![
            (
                "programs",
                format!("a JSON file {{\"chain\": NAME}} (.chain.json) with one of {networks}; or a snapshot (.avmsnap)"),
            ),
            (
                "rules",
                format!("{}; by the file, else by --rules, else avm1", contracts::known()),
            ),
            (
                "inputs",
                "blocks: one in hex per line, a blkNNNNN.dat of Bitcoin Core, or one raw block".into(),
            ),
            (
                "outputs",
                "a receipt of each operation, and one of each block".into(),
            ),
            (
                "root",
                "hash of one ordered map with all rows, the chains T and S, and the block in work".into(),
            ),
            (
                "waits",
                "for a block; one that does not follow the last is refused and changes only a counter".into(),
            ),
            (
                "points",
                "@b826309 is the block of a height, tx:TXID the block with a transaction".into(),
            ),
            (
                "proofs",
                "steps, ranges, inputs, and keys of a state, present or absent".into(),
            ),
        ]
    }

    fn ops(&self) -> Vec<Info> {
        ops::infos().collect()
    }

    fn recognises(&self, file: &Source) -> bool {
        files::is_index(file)
    }

    fn load(&self, file: &Source, rules: Option<&str>) -> Result<Loaded, CliError> {
        files::load(file, rules)
    }

    fn assemble(&self, file: &Source, rules: Option<&str>) -> Result<Loaded, CliError> {
        files::load(file, rules)
    }

    fn exported(&self, _: &str, image: &[u8]) -> Result<Vec<u8>, CliError> {
        Ok(files::to_json(image).map_or_else(|| image.to_vec(), String::into_bytes))
    }

    fn disassemble(&self, file: &str, image: &[u8], _: bool) -> Result<String, CliError> {
        files::to_json(image).ok_or_else(|| {
            error::malformed_program("it has no text form".into())
                .at(file)
                .help("`avm state FILE` lists what is in it")
        })
    }

    fn inputs(&self, file: &Source, _: &[u8]) -> Result<Vec<Bytes>, CliError> {
        blocks::inputs(file)
    }

    fn call(&self, _: &[u8], words: &[String]) -> Result<Bytes, CliError> {
        match words {
            [block] => crate::arb::inbox::hex_bytes(block)
                .map(Into::into)
                .ok_or_else(|| error::usage("expected a block in hex")),
            _ => Err(error::usage("expected one word, a block in hex")),
        }
    }

    fn start(
        &self,
        file: &str,
        image: &[u8],
        memory_limit_bytes: usize,
    ) -> Result<Box<dyn Running>, CliError> {
        let machine = machine(file, image, memory_limit_bytes)?;
        Ok(Box::new(running::IndexRunning(machine)))
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
        let machine = vm(memory_limit_bytes).open(state, nodes)?;
        Ok(Box::new(running::IndexRunning(machine)))
    }

    fn is_key(&self, key: &str) -> bool {
        KeyName::parse(key).is_some()
    }

    fn read_key(
        &self,
        state: Hash,
        nodes: Arc<dyn Nodes>,
        key: &str,
    ) -> Result<Option<Vec<u8>>, HostError> {
        let name = KeyName::parse(key).ok_or_else(|| {
            let shown = crate::output::clip(key, 60);
            HostError::Store(format!("`{shown}` is no name of a key").into())
        })?;
        Ok(read_key(state, nodes, &name)?.map(|value| value.to_bytes()))
    }

    fn key_text(&self, value: &[u8]) -> String {
        KeyValue::from_bytes(value).map_or_else(|| hex(value), |value| value.to_string())
    }

    fn input_fields(&self, input: &[u8]) -> Result<Vec<(&'static str, Value)>, String> {
        Ok(text::block_fields(input))
    }

    fn output_text(
        &self,
        channel: Channel,
        hash: Hash,
        nodes: MemoryNodes,
    ) -> (&'static str, String) {
        let receipt = text::receipt(hash, &nodes);
        (
            text::channel(channel),
            receipt.unwrap_or_else(|e| e.to_string()),
        )
    }

    fn value_text(&self, hash: Hash, nodes: MemoryNodes) -> Result<String, String> {
        let node = nodes.get(hash).map_err(|e| e.to_string())?;
        if let Ok(receipt) = text::receipt(hash, &nodes) {
            return Ok(receipt);
        }
        Ok(format!("node 0x{}", tables::hex(&node)))
    }

    fn at_height(&self, image: &[u8], inputs: &[Bytes], height: u64) -> Search {
        let Ok(machine) = machine("", image, usize::MAX) else {
            return Search::Missing;
        };
        blocks::at_height(&machine, inputs, height)
    }

    fn with_tx(&self, _: &[u8], inputs: &[Bytes], txid: &[u8; 32]) -> Search {
        blocks::with_tx(inputs, txid)
    }

    fn snapshots(&self) -> Option<&dyn Snapshots> {
        Some(&snapshot::Files)
    }

    fn vectors(&self, file: &str, _: &Value) -> Result<Vec<Case>, String> {
        Err(format!(
            "{file}: the vectors of this machine are read by its tests, cargo test -p avm-atomicals"
        ))
    }
}
