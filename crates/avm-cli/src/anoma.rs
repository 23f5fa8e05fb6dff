//! The Anoma machine on the command line.

mod events;
mod files;
mod inputs;
mod json;
mod running;
pub(crate) mod source;
pub(crate) mod tools;
mod vectors;
mod why;

use std::sync::Arc;

use avm_anoma::code::infos;
use avm_anoma::value::clip;
use avm_anoma::{Anoma, KeyName, KeyValue, read_key};
use avm_core::{Bytes, Channel, Hash, HostError, MemoryNodes, Nodes, Vm};
use avm_isa::Info;
use serde_json::Value;

use crate::error::{self, CliError};
use crate::files::Source;
use crate::output::hex;
use crate::registry::{Loaded, MachineCli, Proofs, Running};
use crate::vectors::Case;
use running::AnomaRunning;

/// The machine's line in the registry.
pub static CLI: AnomaCli = AnomaCli;

/// Objects that exchange messages.
pub struct AnomaCli;

/// There is one rule set, the one of the specification.
fn one_set(rules: Option<&str>) -> Result<(), CliError> {
    rules.map_or(Ok(()), |name| {
        Err(error::unknown_rules(
            name,
            "one rule set, so --rules is left out",
        ))
    })
}

impl MachineCli for AnomaCli {
    fn vm(&self, _: usize) -> Box<dyn Vm> {
        Box::new(Anoma)
    }

    fn title(&self) -> (&'static str, &'static str) {
        (
            "Anoma",
            "objects that exchange messages, in transactions that controllers order, and a language to write them",
        )
    }

    fn cost_unit(&self) -> &'static str {
        "gas"
    }

    fn facts(&self) -> Vec<(&'static str, String)> {
        vec![
            (
                "programs",
                "source text (.avm), or an image as bytes or JSON".into(),
            ),
            (
                "inputs",
                "starts of programs, messages, turns and what can be reached: JSON array, or one input in hex per line; the program `main` starts by itself if it takes no arguments".into(),
            ),
            ("outputs", "how each execution ended".into()),
            (
                "root",
                "hash of one map of everything: objects, mailboxes, controllers, code, executions".into(),
            ),
            (
                "waits",
                "for an input, when every execution is done, waits for a message or is held".into(),
            ),
            (
                "limits",
                "values of 1 MiB, calls 100,000 deep, 2^40 gas an execution; --max-mem has no effect yet".into(),
            ),
            (
                "later",
                "finite domains, choices, linear constraints, composition, commits at several controllers".into(),
            ),
            (
                "proofs",
                "steps, ranges, inputs, and keys of a state, present or absent".into(),
            ),
        ]
    }

    fn ops(&self) -> Vec<Info> {
        infos().collect()
    }

    fn recognises(&self, file: &Source) -> bool {
        files::is_program(file)
    }

    fn load(&self, file: &Source, rules: Option<&str>) -> Result<Loaded, CliError> {
        one_set(rules)?;
        files::load(file)
    }

    fn own_inputs(&self, file: &Source) -> Result<Vec<Bytes>, CliError> {
        files::own_inputs(file)
    }

    fn assemble(&self, file: &Source, rules: Option<&str>) -> Result<Loaded, CliError> {
        one_set(rules)?;
        files::assemble(file)
    }

    fn findings(&self, file: &Source) -> Result<Vec<String>, CliError> {
        files::findings(file)
    }

    fn exported(&self, _: &str, image: &[u8]) -> Result<Vec<u8>, CliError> {
        Ok(files::exported(image))
    }

    fn disassemble(&self, file: &str, image: &[u8], _: bool) -> Result<String, CliError> {
        Ok(files::listing(&files::image(file, image)?))
    }

    fn inputs(&self, file: &Source, image: &[u8]) -> Result<Vec<Bytes>, CliError> {
        inputs::read(file, &files::image(&file.name(), image)?)
    }

    fn call(&self, image: &[u8], words: &[String]) -> Result<Bytes, CliError> {
        inputs::call(words, &files::image("the program", image)?)
    }

    fn start(&self, file: &str, image: &[u8], _: usize) -> Result<Box<dyn Running>, CliError> {
        let image = files::image(file, image)?;
        let machine = Anoma.start(&image);
        let machine =
            machine.map_err(|e| error::malformed_program(format!("not an image: {e}")).at(file))?;
        Ok(Box::new(AnomaRunning::new(machine, &image)))
    }

    fn proofs(&self) -> Proofs {
        Proofs::RunsAndKeys
    }

    fn open(
        &self,
        state: Hash,
        nodes: Arc<dyn Nodes>,
        _: usize,
    ) -> Result<Box<dyn Running>, HostError> {
        let machine = Anoma.reopen(state, nodes)?;
        Ok(Box::new(AnomaRunning::opened(machine)))
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
        KeyValue::from_bytes(value).map_or_else(|| hex(value), |value| clip(&value, running::VALUE))
    }

    fn input_fields(&self, input: &[u8]) -> Result<Vec<(&'static str, Value)>, String> {
        inputs::fields(input)
    }

    fn output_text(&self, _: Channel, hash: Hash, nodes: MemoryNodes) -> (&'static str, String) {
        let text = running::receipt(hash, nodes);
        ("ended", text.unwrap_or_else(|e| e.to_string()))
    }

    fn value_text(&self, hash: Hash, nodes: MemoryNodes) -> Result<String, String> {
        let node = nodes.get(hash).map_err(|e| e.to_string())?;
        Ok(format!("node {}", hex(&node)))
    }

    fn vectors(&self, _: &str, document: &Value) -> Result<Vec<Case>, String> {
        vectors::run(document)
    }
}
