//! Steps as traces show them.

use alloc::format;
use alloc::string::{String, ToString};

use super::machine::IndexMachine;
use super::receipt::{Receipt, Settled};
use crate::machine::{NO_PC, Outcome, running_place};

/// Name of the step that takes a block.
pub const TAKE: &str = "take block";
/// Name of the steps that settle a transaction.
pub const SETTLE: &str = "settle";
/// Name of the step that closes a block.
pub const CLOSE: &str = "close block";

/// Where the machine is: program counter, opcode, name of the step.
pub(super) fn place(machine: &IndexMachine, takes: bool) -> (u64, u8, String) {
    if takes {
        return (NO_PC, 0, TAKE.to_string());
    }
    match (machine.running(), machine.in_work()) {
        (Some(running), _) => running_place(running),
        (None, Some((_, position, total))) if position < total => {
            (NO_PC, 0, format!("{SETTLE} tx {position}"))
        }
        _ => (NO_PC, 0, CLOSE.to_string()),
    }
}

/// Why the operation or block of a receipt had no effect.
pub(super) fn fault(receipt: &Receipt) -> Option<String> {
    match receipt {
        Receipt::Refused(refusal) => Some(format!("the block is refused: {refusal}")),
        Receipt::Block(_) | Receipt::Evicted(_) => None,
        Receipt::Operation(receipt) => match receipt.settled {
            Settled::Done => None,
            Settled::Refused(refusal) => Some(refusal.to_string()),
            Settled::Failed(outcome) => Some(outcome_text(outcome)),
        },
    }
}

/// How a call ended, in words.
#[must_use]
pub fn outcome_text(outcome: Outcome) -> String {
    match outcome {
        Outcome::Done => String::from("done"),
        Outcome::Script {
            error,
            script,
            op_index,
        } => format!("{script} script, operation {op_index}: {error}"),
        Outcome::Size(table) => format!("{} is over its limit", table.name()),
        Outcome::Host(fault) => format!("the call cannot be run: {}", fault.name()),
    }
}
