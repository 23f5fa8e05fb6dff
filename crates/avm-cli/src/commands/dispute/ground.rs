//! What a game is about: a program, its inputs, and where the run starts and ends.

use std::path::Path;
use std::sync::Arc;

use avm_core::{Claim, MemoryInbox, Vm};
use avm_dispute::{History, MAX_STEPS, Replay, Terms};
use avm_prove::AgreedLog;
use avm_referee::Expect;

use crate::codes;
use crate::context::Context;
use crate::error::{self, CliError};
use crate::log::Log;
use crate::registry;

/// Steps between two looks at the limits.
const SLICE: u64 = 1 << 22;

/// A program and its inputs.
pub(super) struct Ground {
    pub(super) log: Log,
    pub(super) vm: Arc<dyn Vm>,
    pub(super) inbox: MemoryInbox,
    /// Most bytes of memory for one machine.
    limit: usize,
}

impl Ground {
    pub(super) fn read(ctx: &Context, file: &str, inputs: Option<&Path>) -> Result<Self, CliError> {
        let log = Log::open(ctx, file, inputs)?;
        Ok(Self {
            vm: Arc::from(log.machine.vm(ctx.memory_limit())),
            inbox: MemoryInbox(log.inputs.clone()),
            limit: ctx.memory_limit(),
            log,
        })
    }

    /// All inputs of `inbox` as an agreed log.
    pub(super) fn agreed<'a>(&self, inbox: &'a MemoryInbox) -> Result<AgreedLog<'a>, CliError> {
        let len = inbox.0.len() as u64;
        AgreedLog::read(inbox, len).map_err(|e| error::host(&e, 0, &self.log.name))
    }

    /// The run on an agreed log, from its start.
    pub(super) fn run<'a>(&'a self, agreed: &'a AgreedLog<'a>) -> Result<Replay<'a>, CliError> {
        let image = &self.log.program.image;
        Replay::genesis(&*self.vm, image, agreed).map_err(|_| {
            // The command line knows better how to say what is wrong with a program.
            let limit = self.limit;
            match self.log.machine.start(&self.log.name, image, limit) {
                Err(error) => error,
                Ok(_) => panic!("a program starts in one way and not in the other"),
            }
        })
    }

    /// Where a run ends, within the limits of the command.
    pub(super) fn end(&self, ctx: &Context, run: &mut Replay<'_>) -> Result<Claim, CliError> {
        loop {
            let before = run.ran();
            let slice = SLICE.min(ctx.steps_left());
            let end = run
                .end(slice)
                .map_err(|e| error::host(&e, 0, &self.log.name))?;
            let ran = run.ran() - before;
            ctx.spend(ran, || self.log.name.clone())?;
            if let Some(end) = end {
                ctx.end_progress();
                return Ok(end);
            }
        }
    }

    /// What is agreed on before a game about this run.
    pub(super) fn terms(&self, arity: u32, nonce: [u8; 16]) -> Result<Terms, CliError> {
        let agreed = self.agreed(&self.inbox)?;
        let start = self.run(&agreed)?.claim_at(0);
        Ok(Terms {
            machine: self.vm.id().into(),
            spec: self.vm.spec().into(),
            start: start.map_err(|e| error::host(&e, 0, &self.log.name))?,
            log: agreed.head(),
            last: MAX_STEPS,
            arity,
            join_ms: 0,
            expected: 0,
            round_ms: 0,
            nonce,
        })
    }

    /// What a game has to be about to be about this run.
    pub(super) fn expect(&self) -> Result<Expect, CliError> {
        let Terms {
            machine,
            spec,
            start,
            log,
            ..
        } = self.terms(2, [0; 16])?;
        Ok(Expect {
            machine,
            spec,
            start,
            log,
            referee: None,
        })
    }
}

/// The machine of a game whose terms are at hand.
pub(super) fn machine_of(ctx: &Context, terms: &Terms) -> Result<Arc<dyn Vm>, CliError> {
    let Terms { machine, spec, .. } = terms;
    let mut found = registry::MACHINES
        .iter()
        .map(|cli| cli.vm(ctx.memory_limit()));
    let found = found.find(|vm| vm.id() == machine && vm.spec() == spec);
    found.map(Arc::from).ok_or_else(|| {
        let message = format!(
            "the game is about machine `{}` with the rules `{}`, which this build does not have",
            crate::output::clip(machine, 40),
            crate::output::clip(spec, 40)
        );
        CliError::new(&codes::GAME_IDENTITY, message)
    })
}
