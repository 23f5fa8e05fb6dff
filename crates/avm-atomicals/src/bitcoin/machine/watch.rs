//! Steps as traces show them, the state as people look at it, and the table of operations.

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use avm_core::{Host, HostError, Inspect, StepEnd, StepStart};
use avm_isa::Info;

use super::state::ScriptMachine;
use crate::bitcoin::ops::{self, Row};
use crate::bitcoin::{Phase, text};
use crate::machine::item_text;
use crate::script::instr;
use crate::script::item::Item;
use crate::script::stack::Stack;
use crate::script::text::Read;

/// Name of the step that takes a transaction.
pub const TAKE: &str = "take transaction";
/// What tells the bytes of one script from those of another in a program counter: its number among
/// [`Phase`]s goes above the byte.
const SCRIPT_SHIFT: u32 = 32;
/// Program counter of the step that takes a transaction.
const NO_PC: u64 = (Phase::End as u64) << SCRIPT_SHIFT;

/// A program counter as people read it: script and byte, such as `rdm+3`; nothing for the step
/// that takes a transaction.
#[must_use]
pub fn place_of(pc: u64) -> String {
    let script = match Phase::ALL.get((pc >> SCRIPT_SHIFT) as usize) {
        Some(Phase::ScriptSig) => "sig",
        Some(Phase::ScriptPubkey) => "out",
        Some(Phase::RedeemScript) => "rdm",
        Some(Phase::WitnessScript) => "wit",
        Some(Phase::Tapscript) => "tap",
        _ => return String::new(),
    };
    format!("{script}+{}", pc as u32)
}

/// Most bytes of a push that are shown.
const SHOWN_BYTES: usize = 600;

/// Every operation that is no direct push, in the order of the bytes.
pub fn infos() -> impl Iterator<Item = Info> {
    let rows = (0..=u8::MAX).filter_map(ops::row);
    rows.map(|row| match row {
        Row::Own(row) => **row,
        Row::Shared(row) => Info {
            gas: 0,
            gas_doc: "",
            ..**row
        },
    })
}

/// The operation that comes next.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Next {
    /// Number in its script, from 0.
    pub op: u32,
    /// Its first byte, from 0.
    pub byte: usize,
    /// Opcode.
    pub opcode: u8,
    /// What it pushes, if it pushes bytes of the script, in hex.
    pub push: Option<String>,
}

impl Next {
    /// Name of the opcode.
    #[must_use]
    pub fn name(&self) -> String {
        let name = text::name(self.opcode);
        name.map_or_else(|| format!("0x{:02x}", self.opcode), |name| name.to_string())
    }
}

fn hex(bytes: &[u8]) -> String {
    let shown = &bytes[..bytes.len().min(SHOWN_BYTES)];
    let mut text = String::from("0x");
    shown
        .iter()
        .for_each(|byte| text.push_str(&format!("{byte:02x}")));
    if shown.len() < bytes.len() {
        text.push_str(&format!(".. ({} bytes)", bytes.len()));
    }
    text
}

impl ScriptMachine {
    /// The operation that comes next; `None` if a transaction does.
    ///
    /// # Errors
    /// If it is not in the store.
    pub fn next(&self) -> Result<Option<Next>, HostError> {
        let Some(running) = &self.running else {
            return Ok(None);
        };
        let (frame, scope) = (&running.spending.frame, &running.spending.scope);
        let shown = |opcode, instr: Option<instr::Instr<'_>>| {
            let push = instr
                .map(|instr| instr.data)
                .filter(|data| !data.is_empty());
            Next {
                op: scope.op,
                byte: scope.next,
                opcode,
                push: push.map(hex),
            }
        };
        if let (Some(list), Some(nodes)) = (scope.list, &frame.nodes) {
            let read = Read::of(list, &**nodes)?;
            return Ok(Some(shown(read.opcode(), read.instr())));
        }
        let script = scope.script.bytes()?;
        let rest = script.get(scope.next..).unwrap_or_default();
        Ok(rest.first().map(|opcode| shown(*opcode, instr::read(rest))))
    }

    /// [`ScriptMachine::advance`] by one step, shown to the probe of the host.
    pub(super) fn watched_step(&mut self, host: &mut dyn Host) -> Result<(), HostError> {
        let next = self.next()?.unwrap_or_default();
        let name = next.name();
        let phase = self.place().map_or(0, |(_, phase)| phase as u64);
        let pc = phase << SCRIPT_SHIFT | next.byte as u64;
        self.announce(pc, next.opcode, &name, host);
        self.refusals.clear();
        self.advance(1, &mut 0, host)?;
        self.report(host);
        Ok(())
    }

    /// Taking a transaction, shown to the probe of the host.
    pub(super) fn watched_take(
        &mut self,
        input: &[u8],
        host: &mut dyn Host,
    ) -> Result<(), HostError> {
        self.announce(NO_PC, 0, TAKE, host);
        self.take(input, host)?;
        self.report(host);
        Ok(())
    }

    fn announce(&self, pc: u64, opcode: u8, name: &str, host: &mut dyn Host) {
        if let Some(probe) = host.probe() {
            let (gas, state) = ([0; 32], self as &dyn Inspect);
            probe.before(&StepStart {
                pc,
                opcode,
                name,
                gas,
                state,
            });
        }
    }

    fn report(&self, host: &mut dyn Host) {
        let text = self.refusals.join("; ");
        if let Some(probe) = host.probe() {
            let fault = Some(&text).filter(|text| !text.is_empty());
            let fault = fault.map(|text| text as &dyn core::fmt::Display);
            probe.after(&StepEnd { cost: 0, fault });
        }
    }

    fn pane(&self, pane: usize) -> Option<&Stack> {
        let spending = &self.running.as_ref()?.spending;
        match pane {
            0 => Some(&spending.frame.main),
            1 => Some(&spending.frame.alt),
            _ => None,
        }
    }

    /// Elements of the main stack that are in memory, bottom first, in hex.
    #[must_use]
    pub fn stack_hex(&self) -> Vec<String> {
        let items = self.pane(0).map_or(&[][..], Stack::items);
        let text = |item: &Item| match item.as_hidden() {
            Some(_) => item_text(item),
            None => hex(item.bytes()),
        };
        items.iter().map(text).collect()
    }
}

impl Inspect for ScriptMachine {
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
