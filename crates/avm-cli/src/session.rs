//! Executing a log: one machine, the claim it has reached, and how many inputs it may take.

use std::time::{Duration, Instant};

use avm_core::{
    Bytes, Claim, Hash, Host, HostError, MemoryNodes, Output, Probe, StepEnd, StepStart, Stop,
};

use crate::context::Context;
use crate::error::{self, CliError};
use crate::log::Log;
use crate::registry::Running;

/// Outputs that are kept for showing; later ones are counted.
pub const OUTPUTS_KEPT: usize = 100;
/// A slice of steps should take about this long.
const SLICE_TIME: Duration = Duration::from_millis(50);
/// Steps of the first slice, and the fewest of any.
const SLICE_MIN: u64 = 1 << 12;

/// A run in progress.
pub struct Session<'a> {
    ctx: &'a Context,
    /// What is executed.
    pub log: &'a Log,
    /// The machine.
    pub running: Box<dyn Running>,
    /// Inputs it may take before it stops for good. A run goes through them one span at a time.
    pub most: u64,
    /// Where outputs are kept, if they are.
    pub outputs: Option<Outputs>,
    claim: Claim,
    slice: u64,
    /// Inputs it may take in the span that runs now.
    allowed: u64,
    /// Steps before that span.
    span_from: u64,
}

/// Outputs of a run.
#[derive(Clone, Debug, Default)]
pub struct Outputs {
    /// Kind, hash and text of the first ones.
    pub kept: Vec<(&'static str, Hash, String)>,
    /// How many there were.
    pub count: u64,
}

/// One step that was watched.
#[derive(Clone, Debug, Default)]
pub struct Step {
    /// Position in the code, as the machine numbers it.
    pub pc: u64,
    /// Opcode.
    pub opcode: u8,
    /// Name of the opcode.
    pub name: String,
    /// The operation as source text has it.
    pub word: String,
    /// Its immediate.
    pub immediate: Option<String>,
    /// Gas left before the step.
    pub gas: [u8; 32],
    /// Items on the main stack before the step.
    pub depth: usize,
    /// The topmost of them as text, top first.
    pub stack: Vec<String>,
    /// Gas the step cost.
    pub cost: u64,
    /// What went wrong, if anything.
    pub fault: Option<String>,
    /// The moment before it.
    pub point: String,
}

impl<'a> Session<'a> {
    /// Before the first step.
    ///
    /// # Errors
    /// If the program is malformed.
    pub fn genesis(ctx: &'a Context, log: &'a Log) -> Result<Self, CliError> {
        let mut running = log
            .machine
            .start(&log.name, &log.program.image, ctx.memory_limit())?;
        let claim = Claim::genesis(running.machine().state_hash());
        Ok(Self {
            ctx,
            log,
            running,
            most: 0,
            outputs: None,
            claim,
            slice: SLICE_MIN,
            allowed: 0,
            span_from: 0,
        })
    }

    /// The end of the latest input up to so many whose state is kept beside the log; before the
    /// first step if none is.
    ///
    /// # Errors
    /// If the program is malformed, or the states beside the log cannot be read.
    pub fn nearest(ctx: &'a Context, log: &'a Log, inputs: u64) -> Result<Self, CliError> {
        let found = match &log.store {
            Some(states) => states.at(log, inputs, ctx.memory_limit())?,
            None => None,
        };
        let Some((running, claim)) = found else {
            return Self::genesis(ctx, log);
        };
        Ok(Self {
            ctx,
            log,
            running,
            most: claim.inputs,
            outputs: None,
            claim,
            slice: SLICE_MIN,
            allowed: claim.inputs,
            span_from: claim.steps,
        })
    }

    /// A copy with a life of its own; outputs are not kept twice.
    #[must_use]
    pub fn fork(&self) -> Self {
        Self {
            running: self.running.fork(),
            outputs: None,
            ..*self
        }
    }

    /// The same moment of a run of another log, whose program and inputs so far are the same.
    #[must_use]
    pub fn fork_onto<'b>(&self, log: &'b Log) -> Session<'b>
    where
        'a: 'b,
    {
        Session {
            ctx: self.ctx,
            log,
            running: self.running.fork(),
            most: self.most,
            outputs: None,
            claim: self.claim,
            slice: self.slice,
            allowed: self.allowed,
            span_from: self.span_from,
        }
    }

    /// Steps and inputs so far.
    #[must_use]
    pub fn place(&self) -> (u64, u64) {
        (self.claim.steps, self.claim.inputs)
    }

    /// The moment, as a point: the step of the present span that comes next.
    #[must_use]
    pub fn label(&self) -> String {
        let step = self.claim.steps - self.span_from;
        match self.allowed.checked_sub(1) {
            None => format!("@genesis:{step}"),
            Some(input) => format!("@{input}:{step}"),
        }
    }

    /// The claim, its state hash brought up to date.
    pub fn claim(&mut self) -> Claim {
        self.claim.state = self.running.machine().state_hash();
        self.claim
    }

    /// Lets the machine take every input of the log.
    pub fn allow_all(&mut self) {
        self.most = self.log.inputs.len() as u64;
    }

    /// Runs until the machine halts or wants more inputs than it may take.
    ///
    /// # Errors
    /// If a limit is hit or an input is malformed.
    pub fn finish(&mut self) -> Result<Stop, CliError> {
        self.run(u64::MAX)
    }

    /// Runs at most `budget` steps.
    ///
    /// # Errors
    /// As [`Session::finish`].
    pub fn run(&mut self, budget: u64) -> Result<Stop, CliError> {
        let mut left = budget;
        loop {
            let slice = left.min(self.slice).min(self.ctx.steps_left());
            let started = Instant::now();
            let (steps, stop) = self.advance(slice, None)?;
            left -= steps;
            self.ctx.spend(steps, || self.label())?;
            if left == 0 || stop == Stop::Halted {
                return Ok(stop);
            }
            if stop == Stop::NeedsInput && !self.begin_span() {
                return Ok(stop);
            }
            let took = started.elapsed();
            if took * 2 < SLICE_TIME {
                self.slice = (self.slice * 2).min(1 << 32);
            } else if took > SLICE_TIME * 2 {
                self.slice = (self.slice / 2).max(SLICE_MIN);
            }
        }
    }

    /// Works off one more input: lets the machine take it and runs until it wants the next one.
    /// `false` if it did not take it.
    ///
    /// # Errors
    /// As [`Session::finish`].
    pub fn next_span(&mut self) -> Result<bool, CliError> {
        let before = self.claim.inputs;
        self.most = before + 1;
        self.finish()?;
        Ok(self.claim.inputs > before)
    }

    /// The span of the next input begins here, if the machine may take one more and there is one.
    pub fn begin_span(&mut self) -> bool {
        let more = self.allowed < self.most.min(self.log.inputs.len() as u64);
        if more {
            self.allowed += 1;
            self.span_from = self.claim.steps;
        }
        more
    }

    /// Takes one step and says what it did, with at most `items` items of the stack before it;
    /// `None` if there is no step to take. Without items the source text is left out, too.
    ///
    /// # Errors
    /// As [`Session::finish`].
    pub fn step(&mut self, items: usize) -> Result<Option<Step>, CliError> {
        loop {
            let point = self.label();
            let (word, immediate) = match items {
                0 => Default::default(),
                _ => self.running.next_operation(),
            };
            let step = Step {
                point,
                word,
                immediate,
                ..Step::default()
            };
            let mut watcher = Watcher { items, step };
            let (steps, stop) = self.advance(1, Some(&mut watcher))?;
            if steps == 1 {
                self.ctx.spend(1, || watcher.step.point.clone())?;
                return Ok(Some(watcher.step));
            }
            if stop == Stop::Halted || !self.begin_span() {
                return Ok(None);
            }
        }
    }

    fn advance(
        &mut self,
        budget: u64,
        probe: Option<&mut dyn Probe>,
    ) -> Result<(u64, Stop), CliError> {
        let mut desk = Desk {
            log: self.log,
            claim: &mut self.claim,
            allowed: self.allowed,
            outputs: self.outputs.as_mut(),
            probe,
        };
        match self.running.machine().run(budget, &mut desk) {
            Ok(ran) => {
                self.claim.steps += ran.steps;
                Ok((ran.steps, ran.stop))
            }
            Err(e) => Err(error::host(
                &e,
                self.claim.inputs.saturating_sub(1),
                &self.log.name,
            )),
        }
    }
}

/// The host of a session.
struct Desk<'s, 'p> {
    log: &'s Log,
    claim: &'s mut Claim,
    allowed: u64,
    outputs: Option<&'s mut Outputs>,
    probe: Option<&'p mut dyn Probe>,
}

impl Host for Desk<'_, '_> {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        let index = usize::try_from(self.claim.inputs).unwrap_or(usize::MAX);
        let input = self
            .log
            .inputs
            .get(index)
            .filter(|_| self.claim.inputs < self.allowed);
        if let Some(input) = input {
            self.claim.fold_input(input);
        }
        Ok(input.cloned())
    }

    fn emit(&mut self, output: Output<'_>) -> Result<(), HostError> {
        self.claim.fold_output(&output);
        let Some(outputs) = &mut self.outputs else {
            return Ok(());
        };
        outputs.count += 1;
        if outputs.kept.len() < OUTPUTS_KEPT {
            let mut nodes = MemoryNodes::default();
            output.content.save(&mut nodes)?;
            let (kind, text) = self
                .log
                .machine
                .output_text(output.channel, output.hash, nodes);
            outputs.kept.push((kind, output.hash, text));
        }
        Ok(())
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        match &mut self.probe {
            Some(probe) => Some(&mut **probe),
            None => None,
        }
    }
}

/// A probe that keeps one step.
struct Watcher {
    items: usize,
    step: Step,
}

impl Probe for Watcher {
    fn before(&mut self, start: &StepStart<'_>) {
        let step = &mut self.step;
        step.pc = start.pc;
        step.opcode = start.opcode;
        step.name = start.name.into();
        step.gas = start.gas;
        step.depth = start.state.len(0);
        step.stack = (0..self.items)
            .map_while(|at| start.state.item(0, at))
            .collect();
    }

    fn after(&mut self, end: &StepEnd<'_>) {
        self.step.cost = end.cost;
        self.step.fault = end.fault.map(ToString::to_string);
    }
}
