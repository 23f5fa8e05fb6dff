//! The loop: one instruction after the other. Spec: section 2.
//!
//! [`step`] is the reference: it takes everything from the row of the table. [`run`] does the same
//! for many instructions and has an arm of its own for those that programs spend their time in.

use avm_isa::{Look, Op};

use super::call::Call;
use super::error::ScriptError as E;
use super::fault::Trap;
use super::frame::Frame;
use super::instr::{self, Instr, PUSHDATA1, PUSHDATA4};
use super::item::Item;
use super::ops::{DECODE, Exec, arith, bytes, control, digest, stack};

/// What every instruction costs, executed or not.
pub const BASE_COST: u64 = 10;

/// How a script goes on after an instruction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flow {
    /// With the next instruction.
    Next,
    /// Not at all: `OP_RETURN` ended it with success.
    End,
}

/// Executes one instruction; `None` stands for one that the script ends within.
///
/// # Errors
/// Why the script fails, or what failed outside.
pub fn step(f: &mut Frame, c: &mut Call, instr: Option<Instr<'_>>) -> Result<Flow, Trap> {
    let instr = instr.ok_or(E::BadOpcode)?;
    if instr.data.len() > f.limits.max_push_bytes {
        return Err(E::PushSize.into());
    }
    f.charge(BASE_COST)?;
    if matches!(instr.opcode, 0x8d | 0x8e) {
        return Err(E::DisabledOpcode.into());
    }
    let flow = perform(f, c, instr)?;
    if f.main.len() + f.alt.len() > f.limits.max_depth {
        return Err(E::StackSize.into());
    }
    Ok(flow)
}

fn perform(f: &mut Frame, c: &mut Call, instr: Instr<'_>) -> Result<Flow, Trap> {
    let executing = f.conditions.executing();
    if instr.opcode <= PUSHDATA4 {
        if executing {
            push(f, instr)?;
        } else {
            // Its bytes are read all the same.
            f.charge_bytes(instr.data.len())?;
        }
        return Ok(Flow::Next);
    }
    let row = DECODE[usize::from(instr.opcode)];
    if let Some(row) = row
        && (executing || matches!(row.run, Exec::Branch(_)))
    {
        open(f, row)?;
    }
    if let Some(Exec::Branch(handler)) = row.map(|row| row.run) {
        if executing && f.main.len() < row.map_or(0, |row| row.pops.len()) {
            return Err(E::UnbalancedConditional.into());
        }
        handler(f, executing)?;
        return Ok(Flow::Next);
    }
    if !executing {
        return Ok(Flow::Next);
    }
    let row = row.ok_or(E::BadOpcode)?;
    need(f, instr.opcode, row.pops.len(), row.aux_pops.len())?;
    match row.run {
        Exec::Number(number) => f.push_int(i64::from(number)),
        Exec::Pure(handler) => handler(f)?,
        Exec::Call(handler) => handler(f, c)?,
        Exec::Return if f.main.is_empty() => return Ok(Flow::End),
        Exec::Return => return Err(E::OpReturn.into()),
        Exec::Push | Exec::Branch(_) => unreachable!("handled above"),
    }
    Ok(Flow::Next)
}

/// Reads what a row says that its handler takes and looks into.
#[inline]
pub(crate) fn open(f: &mut Frame, row: &Op<Exec>) -> Result<(), Trap> {
    if f.nodes.is_some() {
        f.pull(row.pops.len())?;
        f.pull_alt(row.aux_pops.len())?;
        for (at, look) in row.pops.iter().enumerate() {
            if *look == Look::Open {
                f.reveal(at)?;
            }
        }
    }
    Ok(())
}

/// Refuses an instruction whose operands are not there.
#[inline]
fn need(f: &Frame, opcode: u8, main: usize, alt: usize) -> Result<(), E> {
    if f.main.len() < main {
        let equal = matches!(opcode, 0x87 | 0x88);
        return Err(if equal && f.main.is_empty() && !f.limits.equal_depth {
            E::Unknown
        } else {
            E::InvalidStackOperation
        });
    }
    if f.alt.len() < alt {
        return Err(E::InvalidAltstackOperation);
    }
    Ok(())
}

/// Pushes bytes of the script.
#[inline]
fn push(f: &mut Frame, instr: Instr<'_>) -> Result<(), E> {
    if f.limits.minimal_pushes && !instr::is_minimal_push(instr.opcode, instr.data) {
        return Err(E::Minimaldata);
    }
    f.charge_bytes(instr.data.len())?;
    f.main.push(Item::new(instr.data));
    Ok(())
}

/// Where a run of a script is.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Position {
    /// Offset of the next instruction, in bytes.
    pub offset: usize,
    /// Number of instructions before it.
    pub index: u32,
}

/// Executes up to `budget` instructions of a script from `at` on, on stacks that are in memory.
/// `at` is left behind the last one that was executed, or failed.
///
/// # Errors
/// Why the script fails, or what failed outside.
pub fn run(
    f: &mut Frame,
    c: &mut Call,
    script: &[u8],
    at: &mut Position,
    budget: u64,
) -> Result<Flow, Trap> {
    let most = u64::from(at.index).saturating_add(budget);
    while at.offset < script.len() && u64::from(at.index) < most {
        let rest = &script[at.offset..];
        at.index += 1;
        let len = 1 + if rest[0] < PUSHDATA1 {
            usize::from(rest[0])
        } else {
            0
        };
        if f.conditions.executing() && f.nodes.is_none() && len <= rest.len() {
            at.offset += len;
            let done = fast(f, rest, len)?;
            if !done {
                at.offset -= len;
            } else if f.main.len() + f.alt.len() > f.limits.max_depth {
                return Err(E::StackSize.into());
            } else {
                continue;
            }
        }
        let instr = instr::read(rest);
        at.offset = instr.map_or(script.len(), |instr| at.offset + instr.len);
        if step(f, c, instr)? == Flow::End {
            return Ok(Flow::End);
        }
    }
    Ok(Flow::Next)
}

/// Executes the first instruction of `rest` if it is one that programs spend their time in, has
/// its operands, and fits into the budget. Returns whether it did; nothing is changed if not. `len`
/// is the length of the instruction, all of which is there.
///
/// Each arm is the handler of the row; what is left out is looking the row up.
#[inline(always)]
fn fast(f: &mut Frame, rest: &[u8], len: usize) -> Result<bool, Trap> {
    let opcode = rest[0];
    let depth = f.main.len();
    if f.budget < BASE_COST {
        return Ok(false);
    }
    /// Charges and runs a handler, if its operands are there.
    macro_rules! arm {
        ($handler:expr) => {{
            f.budget -= BASE_COST;
            $handler?;
        }};
        ($needs:literal, $handler:expr) => {{
            if depth < $needs {
                return Ok(false);
            }
            arm!($handler)
        }};
    }
    match opcode {
        0x01..=0x4b => {
            if f.limits.minimal_pushes && !instr::is_minimal_push(opcode, &rest[1..len]) {
                return Ok(false);
            }
            f.budget -= BASE_COST;
            f.charge_bytes(len - 1)?;
            f.main.push_first(&rest[1..], len - 1);
        }
        0x00 => {
            f.budget -= BASE_COST;
            f.main.push(Item::EMPTY);
        }
        0x51..=0x60 => {
            f.budget -= BASE_COST;
            f.main.push(Item::byte(opcode - 0x50));
        }
        0x63 => arm!(1, control::if_(f, true)),
        0x67 => arm!(control::else_(f, true)),
        0x68 => arm!(control::endif(f, true)),
        0x69 => arm!(1, control::verify(f)),
        0x6b => arm!(1, stack::to_alt(f)),
        0x6d => arm!(2, stack::drop2(f)),
        0x6e => arm!(2, stack::dup2(f)),
        0x6f => arm!(3, stack::dup3(f)),
        0x75 => arm!(1, stack::drop(f)),
        0x76 => arm!(1, stack::dup(f)),
        0x77 => arm!(2, stack::nip(f)),
        0x78 => arm!(2, stack::over(f)),
        0x7b => arm!(3, stack::rot(f)),
        0x7c => arm!(2, stack::swap(f)),
        0x7d => arm!(2, stack::tuck(f)),
        0x87 => arm!(2, bytes::equal(f)),
        0x88 => arm!(2, bytes::equal_verify(f)),
        0x8b => arm!(1, arith::add1(f)),
        0x8c => arm!(1, arith::sub1(f)),
        0x93 => arm!(2, arith::add(f)),
        0x94 => arm!(2, arith::sub(f)),
        0x95 => arm!(2, arith::mul(f)),
        0x96 => arm!(2, arith::div(f)),
        0x97 => arm!(2, arith::rem(f)),
        0x9c => arm!(2, arith::num_equal(f)),
        0x9f => arm!(2, arith::less(f)),
        0xa0 => arm!(2, arith::greater(f)),
        0xa8 => arm!(1, digest::sha256(f)),
        _ => return Ok(false),
    }
    Ok(true)
}

#[cfg(test)]
mod tests;
