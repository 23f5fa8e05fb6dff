//! Which values a proof lists, and how far it opens each.

use alloc::vec::Vec;

use avm_arb::nodes::{self, Tuple};
use avm_core::{Hash, HostError, Nodes};

use super::CodePoints;

/// Items of the list that `ecpairing` takes into account.
const PAIRS_MAX: u8 = 30;

/// The top of a stack, and what is below.
pub(super) struct Listed {
    /// Items, top first.
    pub(super) items: Vec<Hash>,
    /// The stack below them.
    pub(super) rest: Tuple,
}

impl Listed {
    /// As many items as `want`, or all there are.
    pub(super) fn read(stack: Hash, want: usize, nodes: &dyn Nodes) -> Result<Self, HostError> {
        let no_elements = Hash::of(&[0]);
        let mut items = Vec::with_capacity(want);
        let mut rest = nodes::tuple(stack, nodes)?;
        while items.len() < want && rest.inner != no_elements {
            let [top, below] = nodes::pair(rest.inner, nodes)?;
            items.push(top);
            rest = nodes::tuple(below, nodes)?;
        }
        Ok(Listed { items, rest })
    }
}

/// How far a value is opened.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Opening {
    /// That many layers of tuples.
    Level(u8),
    /// A list `(item, (item, ... ()))`: that many pairs of it, one layer of each item.
    List(u8),
}

impl Opening {
    /// How far the operand `at` of an opcode is opened; the top of the stack is number 0, or the
    /// immediate if there is one. `takes` is how many operands the opcode takes.
    pub(super) fn of(opcode: u8, at: usize, takes: usize, code_points: CodePoints) -> Opening {
        match (opcode, code_points) {
            // An immediate that is no operand.
            _ if at >= takes => Opening::Level(0),
            (0x83, CodePoints::Full) => Opening::Level(32),
            // One pair more than it counts: the list must end there.
            (0x83, CodePoints::Bounded) => Opening::List(PAIRS_MAX + 1),
            _ => Opening::Level(u8::from(looks_into(opcode, at))),
        }
    }
}

/// Whether a proof opens the operand `at` of an opcode. Spec: section 13, "opening level".
fn looks_into(opcode: u8, at: usize) -> bool {
    match opcode {
        // eq, hash, pop, rset, jump, auxpush, auxpop
        0x14 | 0x20 | 0x30 | 0x33 | 0x34 | 0x38 | 0x39 => false,
        // dup0 to dup2, swap1, swap2, log, debugprint
        0x40..=0x44 | 0x61 | 0x90 => false,
        // tset; xset and pushinsnimm
        0x51 => at != 2,
        0x54 | 0x79 => at != 1,
        _ => true,
    }
}

/// Whether a proof opens the operand of an opcode on the aux stack: all but `auxpop` look inside.
pub(super) fn looks_into_aux(opcode: u8) -> bool {
    opcode != 0x39
}
