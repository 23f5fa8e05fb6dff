//! What people do with programs beside running them: tests, dialogues, charts, histories.

pub(crate) mod chart;
pub(crate) mod draw;
pub(crate) mod objects;
pub(crate) mod repl;
pub(crate) mod testing;

use avm_anoma::machine::AnomaMachine;
use avm_anoma::seen::Seen;
use avm_core::{Bytes, Host, HostError, Machine, Output, Stop};

use super::files;
use super::running::AnomaRunning;
use crate::context::Context;
use crate::error::{self, CliError};
use crate::registry::Running;

/// Steps between two looks at the limits.
const SLICE: u64 = 1 << 16;

/// The machine of this module behind what every machine is.
fn own(running: &mut dyn Running) -> Option<&mut AnomaRunning> {
    running.any()?.downcast_mut()
}

struct Desk(Option<Bytes>);

impl Host for Desk {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        Ok(self.0.take())
    }

    fn emit(&mut self, _: Output<'_>) -> Result<(), HostError> {
        Ok(())
    }
}

/// Gives a machine an input, runs it until it waits for another one, and says what was seen.
fn give(
    ctx: &Context,
    machine: &mut AnomaMachine,
    input: Bytes,
    what: &str,
) -> Result<Seen, CliError> {
    machine.watch(true);
    let mut desk = Desk(Some(input));
    loop {
        let slice = SLICE.min(ctx.steps_left());
        let ran = machine.run(slice, &mut desk);
        let ran = ran.map_err(|e| error::host(&e, 0, what))?;
        ctx.spend(ran.steps, || what.to_owned())?;
        if ran.stop != Stop::Budget {
            return Ok(machine.take_seen());
        }
    }
}
