//! Contracts of Atomicals on the command line.

mod bench;
mod calls;
pub(crate) mod files;
mod methods;
pub(crate) mod place;
mod running;
mod text;
pub(crate) mod tx;
mod vectors;

use std::sync::Arc;

use avm_atomicals::machine::{Image, call_from_bytes};
use avm_atomicals::script::{Rules, ops, tables};
use avm_atomicals::{Atomicals, KeyName, KeyValue, asm, read_key};
use avm_core::{Bytes, Channel, Hash, HostError, MemoryNodes, Nodes, Vm};
use avm_isa::Info;
use serde_json::{Value, json};

use crate::error::{self, CliError};
use crate::files::Source;
use crate::output::hex;
use crate::registry::{Loaded, MachineCli, Proofs, Running, Workload};
use crate::vectors::Case;

/// The machine's line in the registry.
pub static CLI: AtomicalsCli = AtomicalsCli;

/// Contracts of Atomicals.
pub struct AtomicalsCli;

fn vm(memory_limit_bytes: usize) -> Atomicals {
    Atomicals { memory_limit_bytes }
}

impl MachineCli for AtomicalsCli {
    fn vm(&self, memory_limit_bytes: usize) -> Box<dyn Vm> {
        Box::new(vm(memory_limit_bytes))
    }

    fn title(&self) -> (&'static str, &'static str) {
        (
            "Atomicals contracts",
            "Bitcoin Script with all its opcodes, state, tokens and introspection, called by transactions",
        )
    }

    fn cost_unit(&self) -> &'static str {
        "units"
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        let Rules { limits, .. } = Rules::AVM1;
        vec![
            (
                "programs",
                "assembler text (.script), code in hex (.hex), or a JSON contract with its state".into(),
            ),
            (
                "rules",
                format!("{}; by the file, else by --rules, else avm1", files::known()),
            ),
            (
                "inputs",
                "calls: JSON array with methods and arguments or unlocking scripts, or one call in hex per line".into(),
            ),
            ("outputs", "a receipt of each call".into()),
            (
                "root",
                "hash of the contract with its tables, the call that runs, and counters; `chain` is the contract's own".into(),
            ),
            ("waits", "for a call; one that fails leaves the contract as it was".into()),
            (
                "limits",
                format!(
                    "scripts of {} bytes, elements of {}, {} elements; memory by --max-mem",
                    Rules::AVM1.max_script_bytes,
                    limits.max_push_bytes,
                    limits.max_depth
                ),
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
        files::is_contract(file)
    }

    fn load(&self, file: &Source, rules: Option<&str>) -> Result<Loaded, CliError> {
        files::load(file, rules)
    }

    fn assemble(&self, file: &Source, rules: Option<&str>) -> Result<Loaded, CliError> {
        files::assemble(file, rules.map(files::named).transpose()?)
    }

    fn findings(&self, file: &Source) -> Result<Vec<String>, CliError> {
        files::findings(file)
    }

    fn exported(&self, file: &str, image: &[u8]) -> Result<Vec<u8>, CliError> {
        let contract = files::to_json(&files::image(file, image)?);
        let contract = contract.map_err(|e| error::bug(e.to_string()))?;
        Ok(contract.to_string().into_bytes())
    }

    fn disassemble(&self, file: &str, image: &[u8], annotate: bool) -> Result<String, CliError> {
        let image = files::image(file, image)?;
        let code = image.contract.code.bytes();
        let code = code.map_err(|e| error::bug(e.to_string()))?;
        let text = asm::disassemble(&code, annotate);
        Ok(format!(".rules {}\n{text}", image.rules.name))
    }

    fn inputs(&self, file: &Source, image: &[u8]) -> Result<Vec<Bytes>, CliError> {
        let image = files::image(&file.name(), image)?;
        let first = file.bytes.iter().find(|byte| !byte.is_ascii_whitespace());
        if file.has_extension(&["json"]) || matches!(first, Some(b'[' | b'{')) {
            let document = file.json()?;
            return calls::read(&document, &image)
                .map_err(|e| e.into_error(error::malformed_inbox, file));
        }
        let inputs = crate::files::hex_lines(file)?;
        for (index, input) in inputs.iter().enumerate() {
            call_from_bytes(image.rules, input)
                .map_err(|e| error::bad_input(index as u64, &file.name(), &e.to_string()))?;
        }
        Ok(inputs)
    }

    fn call(&self, image: &[u8], words: &[String]) -> Result<Bytes, CliError> {
        let image = files::image("the contract", image)?;
        let wrong = |e: place::Wrong| error::usage(e.message);
        let (method, args) = match words.split_first() {
            Some((first, rest)) if !image.methods.is_empty() => (Some(first.as_str()), rest),
            _ => (None, words),
        };
        let args: Vec<Value> = match method {
            Some(_) => args.iter().map(|arg| json!(arg)).collect(),
            None => args.iter().map(|arg| calls::word(arg)).collect(),
        };
        let unlock = methods::encode(&image, method, &args).map_err(wrong)?;
        calls::plain(&image, unlock).map_err(wrong)
    }

    fn start(
        &self,
        file: &str,
        image: &[u8],
        memory_limit_bytes: usize,
    ) -> Result<Box<dyn Running>, CliError> {
        let image: Image = files::image(file, image)?;
        let machine = vm(memory_limit_bytes).load(&image);
        Ok(Box::new(running::AtomicalsRunning::new(machine, &image)))
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
        Ok(Box::new(running::AtomicalsRunning::opened(machine)))
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
        // What beta1 takes is all that any rule set takes.
        let call = call_from_bytes(&Rules::BETA1, input).map_err(|e| e.to_string())?;
        text::call_fields(&call).map_err(|e| e.to_string())
    }

    fn output_text(&self, _: Channel, hash: Hash, nodes: MemoryNodes) -> (&'static str, String) {
        let receipt = text::receipt(hash, &(Arc::new(nodes) as Arc<dyn Nodes>));
        ("call", receipt.unwrap_or_else(|e| e.to_string()))
    }

    fn value_text(&self, hash: Hash, nodes: MemoryNodes) -> Result<String, String> {
        let node = nodes.get(hash).map_err(|e| e.to_string())?;
        if let Ok(receipt) = text::receipt(hash, &(Arc::new(nodes) as Arc<dyn Nodes>)) {
            return Ok(receipt);
        }
        Ok(format!("node 0x{}", tables::hex(&node)))
    }

    fn left_out(&self, file: &str) -> Option<&'static str> {
        vectors::left_out(file)
    }

    fn vectors(&self, file: &str, document: &Value) -> Result<Vec<Case>, String> {
        vectors::run(file, document)
    }

    fn workloads(&self, file: &Source) -> Result<Option<Vec<Workload>>, CliError> {
        bench::workloads(file)
    }
}
