//! Steps as traces show them, and the state as people look at it.

use alloc::format;
use alloc::string::{String, ToString};

use avm_core::{Host, HostError, Inspect, StepEnd, StepStart};

use super::state::AtomicalsMachine;
use crate::script::fault::Which;
use crate::script::item::Item;
use crate::script::num::Num;
use crate::script::ops;
use crate::script::running::{Running, Stage};
use crate::script::stack::Stack;

/// Name of the step that takes a call.
pub const TAKE: &str = "take call";
/// Name of the steps that end a call that succeeded.
pub const CLOSE: &str = "close call";
/// Added to the offset in the unlocking script to tell it from one in the locking script.
pub const UNLOCK_PC: u64 = 1 << 32;
/// In place of an offset, for the steps that take and close a call.
pub const NO_PC: u64 = 1 << 33;
/// Longest number that is shown in decimal, in bytes.
const NUMBER_BYTES: usize = 8;
/// Most bytes of an element that are shown.
const SHOWN_BYTES: usize = 2048;

/// An element for people: its bytes in hex, and the number they are, if they are a short one.
#[must_use]
pub fn item_text(item: &Item) -> String {
    if item.as_hidden().is_some() {
        return format!("{item:?}");
    }
    let bytes = item.bytes();
    if bytes.is_empty() {
        return String::from("(empty) 0");
    }
    let shown = &bytes[..bytes.len().min(SHOWN_BYTES)];
    let mut text = String::from("0x");
    shown
        .iter()
        .for_each(|byte| text.push_str(&format!("{byte:02x}")));
    if shown.len() < bytes.len() {
        text.push_str(&format!(".. ({} bytes)", bytes.len()));
    } else if let Some(number) = Num::decode(bytes, NUMBER_BYTES).and_then(|num| num.to_i64()) {
        text.push_str(&format!(" {number}"));
    }
    text
}

/// Where a call is: program counter, opcode, name of the step.
pub(crate) fn running_place(running: &Running) -> (u64, u8, String) {
    match running.stage {
        Stage::Closing(_) => (NO_PC, 0, CLOSE.to_string()),
        Stage::Script(which) => {
            let base = if which == Which::Unlock { UNLOCK_PC } else { 0 };
            let pc = base + running.at.offset as u64;
            let opcode = running.opcode().ok().flatten();
            let name = opcode.and_then(ops::name);
            let name = name.map_or_else(|| "invalid".into(), |name| name.into_owned());
            (pc, opcode.unwrap_or(0), name)
        }
    }
}

impl AtomicalsMachine {
    /// [`AtomicalsMachine::advance`] by one step, shown to the probe of the host.
    pub(super) fn watched_step(&mut self, host: &mut dyn Host) -> Result<(), HostError> {
        let mut before = 0;
        if let Some(running) = &self.running {
            let (pc, opcode, name) = running_place(running);
            before = running.cost();
            let mut gas = [0; 32];
            gas[24..].copy_from_slice(&running.frame.budget.to_be_bytes());
            if let Some(probe) = host.probe() {
                let state = self as &dyn Inspect;
                let name = &name;
                probe.before(&StepStart {
                    pc,
                    opcode,
                    name,
                    gas,
                    state,
                });
            }
        }
        let (failed, spent) = (self.failed, self.cost);
        self.advance(1, &mut 0, host)?;
        let cost = match &self.running {
            Some(running) => running.cost() - before,
            None => self.cost.saturating_sub(spent).saturating_sub(before),
        };
        let failure = (self.failed > failed)
            .then_some(self.last_failure.as_ref())
            .flatten();
        if let Some(probe) = host.probe() {
            let fault = failure.map(|failure| failure as &dyn core::fmt::Display);
            probe.after(&StepEnd { cost, fault });
        }
        Ok(())
    }

    /// Taking a call, shown to the probe of the host.
    pub(super) fn watched_take(
        &mut self,
        input: &[u8],
        host: &mut dyn Host,
    ) -> Result<(), HostError> {
        if let Some(probe) = host.probe() {
            let (pc, opcode, name, gas) = (NO_PC, 0, TAKE, [0; 32]);
            let state = self as &dyn Inspect;
            probe.before(&StepStart {
                pc,
                opcode,
                name,
                gas,
                state,
            });
        }
        let failed = self.failed;
        self.take(input, host)?;
        let failure = (self.failed > failed)
            .then_some(self.last_failure.as_ref())
            .flatten();
        if let Some(probe) = host.probe() {
            let fault = failure.map(|failure| failure as &dyn core::fmt::Display);
            probe.after(&StepEnd { cost: 0, fault });
        }
        Ok(())
    }

    fn pane(&self, pane: usize) -> Option<&Stack> {
        let frame = &self.running.as_ref()?.frame;
        match pane {
            0 => Some(&frame.main),
            1 => Some(&frame.alt),
            _ => None,
        }
    }

    /// Which script runs, if one does.
    #[must_use]
    pub fn script(&self) -> Option<Which> {
        match self.running.as_ref()?.stage {
            Stage::Script(which) => Some(which),
            Stage::Closing(_) => None,
        }
    }
}

impl Inspect for AtomicalsMachine {
    fn panes(&self) -> &'static [&'static str] {
        &["stack", "alt"]
    }

    fn len(&self, pane: usize) -> usize {
        self.pane(pane).map_or(0, |stack| stack.items().len())
    }

    fn item(&self, pane: usize, index: usize) -> Option<String> {
        let items = self.pane(pane)?.items();
        items.iter().rev().nth(index).map(item_text)
    }
}
