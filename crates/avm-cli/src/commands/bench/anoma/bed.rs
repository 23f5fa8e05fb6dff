//! A machine that runs the programs that are measured.

use std::sync::Arc;

use avm_anoma::compile::{Places, dialect, module};
use avm_anoma::event::TraceLevel;
use avm_anoma::image::{Caps, Config, Image};
use avm_anoma::input::{Input, Start};
use avm_anoma::receipt::Receipt;
use avm_anoma::seen::Outcome;
use avm_anoma::value::{ObjectId, Val};
use avm_anoma::{Anoma, AnomaMachine};
use avm_core::{Bytes, Hash, Host, HostError, Machine, MemoryNodes, Nodes, Output, Stop};

use super::super::cpu_seconds;
use crate::error::{self, CliError};

/// A machine between two inputs.
pub struct Bed {
    machine: AnomaMachine,
}

/// Hands out one input and keeps the receipts.
#[derive(Default)]
struct Desk {
    input: Option<Bytes>,
    receipts: Vec<Hash>,
    nodes: MemoryNodes,
}

impl Host for Desk {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        Ok(self.input.take())
    }

    fn emit(&mut self, output: Output<'_>) -> Result<(), HostError> {
        self.receipts.push(output.hash);
        output.content.save(&mut self.nodes)
    }
}

fn failed(name: &str, what: impl std::fmt::Display) -> CliError {
    error::bench_changed(format!("{name}: {what}"))
}

impl Bed {
    /// The machine of a text before its first input.
    ///
    /// # Errors
    /// If the text does not compile.
    pub fn new(text: &str, trace: TraceLevel) -> Result<Self, CliError> {
        let compiled = avm_lang::compile::compile(text, 0, &dialect(), &());
        let found = || failed("a text of the bench", format!("{:?}", compiled.diagnostics));
        let unit = compiled.unit.as_ref().ok_or_else(found)?;
        let module = module(unit, &Places::default())
            .map_err(|e| failed("a text of the bench", e.problem))?;
        let mut config = Config {
            trace,
            ..Config::default()
        };
        // One run does more than a program usually may.
        config.limits.journal = u32::MAX;
        let image = Image {
            modules: vec![module],
            config,
        };
        let machine = Anoma.start(&image);
        Ok(Self {
            machine: machine.map_err(|e| failed("an image of the bench", e))?,
        })
    }

    /// Runs a program until nothing is left to do, and gives the seconds of it: from the input to
    /// the last message, without a root.
    ///
    /// # Errors
    /// If it does not end with a value.
    pub fn run(&mut self, program: &str, args: Vec<Val>) -> Result<f64, CliError> {
        let fails = |e: &dyn std::fmt::Display| failed(program, e);
        let start = Start {
            program: program.into(),
            args: Val::list(args).map_err(|e| fails(&e))?,
            machine: None,
            caps: Caps::DEFAULT,
            hold: false,
        };
        let mut desk = Desk {
            input: Some(Input::Start(start).to_bytes().into()),
            ..Desk::default()
        };
        let from = cpu_seconds();
        let ran = self.machine.run(u64::MAX >> 2, &mut desk);
        let seconds = cpu_seconds() - from;
        let ran = ran.map_err(|e| fails(&e))?;
        if ran.stop != Stop::NeedsInput {
            return Err(fails(&format!("stopped with {:?}", ran.stop)));
        }
        let [receipt] = desk.receipts[..] else {
            return Err(fails(&format!("{} receipts", desk.receipts.len())));
        };
        let nodes: Arc<dyn Nodes> = Arc::new(desk.nodes);
        let receipt = Receipt::open(receipt, &nodes).map_err(|e| fails(&e))?;
        match receipt.outcome {
            Outcome::Done(_) => Ok(seconds),
            Outcome::Failed(fault) => Err(fails(&format!("{fault:?}"))),
        }
    }

    /// Takes a root, and gives the seconds of it.
    pub fn root(&mut self) -> (Hash, f64) {
        let from = cpu_seconds();
        let root = self.machine.state_hash();
        (root, cpu_seconds() - from)
    }

    /// Inputs that all objects accepted. For the few objects of a fresh machine.
    ///
    /// # Errors
    /// If a node cannot be read.
    pub fn accepted(&mut self) -> Result<u64, CliError> {
        let objects = self.machine.objects(None, 100);
        let objects = objects.map_err(|e| failed("objects", e))?;
        Ok(objects.iter().map(|(_, view)| view.history).sum())
    }

    /// Entries of all logs of controllers.
    ///
    /// # Errors
    /// If a node cannot be read.
    pub fn entries(&mut self) -> Result<u64, CliError> {
        let controllers = self.machine.controllers();
        let controllers = controllers.map_err(|e| failed("controllers", e))?;
        Ok(controllers.iter().map(|(_, entries, _)| entries).sum())
    }

    /// Objects of a behaviour from all over the state: the `part`th of `parts` sets of `count`.
    ///
    /// # Errors
    /// If a node cannot be read, or there is none.
    pub fn spread(
        &mut self,
        behaviour: &str,
        count: u64,
        part: u64,
        parts: u64,
    ) -> Result<Vec<Val>, CliError> {
        let gap = u64::MAX / (count * parts);
        let mut objects = Vec::new();
        for at in 0..count {
            let mut from = [0; 32];
            from[..8].copy_from_slice(&((at * parts + part) * gap).to_be_bytes());
            let mut found = None;
            // Behind the last id comes the first; a program's own object answers nothing.
            for from in [Some(ObjectId(from)), None] {
                let near = self.machine.objects(from, 4);
                let near = near.map_err(|e| failed("objects", e))?;
                let mut near = near.into_iter();
                found = found.or(near.find(|(_, view)| &*view.behaviour == behaviour));
            }
            let (id, _) = found.ok_or_else(|| failed(behaviour, "no object of it"))?;
            objects.push(Val::obj(id));
        }
        Ok(objects)
    }
}
