//! What a call costs at least. Metering: `docs/machines/atomicals.md`.
//!
//! Every instruction costs its base, executed or not; what it costs beyond depends on the branches
//! taken and often on the values, and taking a call on what comes with it. So this is a bound from
//! below.

use alloc::string::String;
use alloc::vec::Vec;
use core::ops::Range;

use super::Lint;
use crate::asm::code::{Instruction, instructions};
use crate::script::ops::fixed_cost;
use crate::script::run::BASE_COST;
use crate::script::running::TAKE_COST;

/// What a call of one method costs.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MethodCost {
    /// Name of the method.
    pub method: String,
    /// A successful call costs at least this much, in the units of the budget.
    pub least: u64,
}

/// What a successful call of each method costs at least under the rules `avm1`.
#[must_use]
pub fn costs(code: &[u8], options: &Lint) -> Vec<MethodCost> {
    let all = TAKE_COST + BASE_COST * instructions(code).count() as u64;
    let bodies = options.methods.iter().zip(options.bodies);
    bodies
        .filter_map(|(method, range)| {
            let body = body_cost(code.get(Range::clone(range))?)?;
            // The dispatcher has no part that depends on values: numbers below eight bytes are free.
            let unlock = BASE_COST * (method.params.len() as u64 + 1);
            Some(MethodCost {
                method: method.name.clone(),
                least: all + unlock + body,
            })
        })
        .collect()
}

/// What the instructions of a body cost beyond their base, on the cheapest way through; `None` if
/// conditions do not close.
fn body_cost(code: &[u8]) -> Option<u64> {
    let mut path = Some(0);
    let mut others: Vec<Option<u64>> = Vec::new();
    for instruction in instructions(code) {
        match instruction.opcode {
            0x63 | 0x64 => others.push(path),
            0x67 => core::mem::swap(others.last_mut()?, &mut path),
            0x68 => {
                path = match (path, others.pop()?) {
                    (Some(one), Some(other)) => Some(one.min(other)),
                    (one, other) => one.or(other),
                }
            }
            // No successful call goes on from here.
            0x6a => path = None,
            _ => path = path.map(|path| path + extra(&instruction)),
        }
    }
    Some(path.unwrap_or(0))
}

/// What an instruction that is executed and succeeds costs at least beyond its base.
fn extra(instruction: &Instruction) -> u64 {
    match (instruction.constant(), &instruction.data) {
        (Some(data), Some(_)) => data.len() as u64 / 8,
        (Some(_), None) => 0,
        (None, _) => fixed_cost(instruction.opcode),
    }
}
