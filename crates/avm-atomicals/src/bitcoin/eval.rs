//! One script: the loop around the handlers that contracts have, too, and Bitcoin's own.

use avm_core::{Hash, HostError};

use super::code::MAX_SCRIPT_BYTES;
use super::error::Halt;
use super::ops::{self, MAX_OPS, Own, Row};
use super::sigops::{Input, Scope};
use super::spend::At;
use super::trace::{Trace, View};
use super::{BitcoinError as E, Flags, Phase, SigVersion};
use crate::script::ScriptError;
use crate::script::fault::Trap;
use crate::script::frame::Frame;
use crate::script::instr::{self, Instr, OP_16, PUSHDATA4};
use crate::script::item::Item;
use crate::script::ops::Exec;
use crate::script::rules::{Limits, Rules};
use crate::script::run as script;
use crate::script::text::Read;

/// Longest element, in bytes.
pub(super) const MAX_ELEMENT_BYTES: usize = 520;
/// Most elements on both stacks.
pub(super) const MAX_STACK: usize = 1000;
/// Longest operand of arithmetic, in bytes.
const MAX_NUMBER_BYTES: usize = 4;

const OP_CODESEPARATOR: u8 = 0xab;

/// What an operation has beside the stacks.
pub(super) struct Run<'r, 'a> {
    pub input: &'r mut Input<'a>,
    pub scope: &'r mut Scope,
}

/// What the shared handlers go by.
pub(super) fn limits(version: SigVersion, flags: Flags) -> Limits {
    let minimal = flags.has(Flags::MINIMALDATA);
    Limits {
        max_push_bytes: MAX_ELEMENT_BYTES,
        max_number_bytes: MAX_NUMBER_BYTES,
        max_depth: MAX_STACK,
        minimal_numbers: minimal,
        minimal_pushes: minimal,
        minimal_if: match version {
            SigVersion::Base => false,
            SigVersion::WitnessV0 => flags.has(Flags::MINIMALIF),
            SigVersion::Tapscript => true,
        },
        ..Rules::AVM1.limits
    }
}

/// Why a script stops, and at which operation if at one.
pub(super) type Stopped = (Option<At>, Halt);

/// What a script must be before its first operation.
pub(super) fn check_size(scope: &Scope) -> Result<(), E> {
    if scope.version != SigVersion::Tapscript && scope.script.len() > MAX_SCRIPT_BYTES {
        return Err(E::ScriptSize);
    }
    Ok(())
}

/// What must hold after the last operation of a script.
pub(super) fn check_end(f: &Frame) -> Result<(), E> {
    if f.conditions.depth > 0 {
        return Err(E::UnbalancedConditional);
    }
    Ok(())
}

/// Performs operations until `steps` reaches `budget` or the script ends.
pub(super) fn run(
    f: &mut Frame,
    run: &mut Run<'_, '_>,
    steps: &mut u64,
    budget: u64,
    phase: Phase,
    trace: &mut Option<&mut dyn Trace>,
) -> Result<(), Stopped> {
    let outside = |error: HostError| (None, error.into());
    if run.scope.list.is_none() {
        let script = run.scope.script.bytes().map_err(outside)?;
        while run.scope.next < script.len() && *steps < budget {
            *steps += 1;
            let rest = &script[run.scope.next..];
            let at = run.scope.at(rest[0]);
            if let Some(trace) = trace {
                trace.operation(&View::new(phase, at, f));
            }
            operation(f, run, instr::read(rest)).map_err(|halt| (Some(at), halt))?;
        }
        return Ok(());
    }
    while let Some(list) = run.scope.list
        && list != Hash::ZERO
        && *steps < budget
    {
        *steps += 1;
        let nodes = f.nodes.clone();
        let nodes = nodes.ok_or_else(|| outside(HostError::MissingNode { hash: list }))?;
        let read = Read::of(list, &*nodes).map_err(outside)?;
        let at = run.scope.at(read.opcode());
        run.scope.list = Some(read.rest);
        operation(f, run, read.instr()).map_err(|halt| (Some(at), halt))?;
    }
    Ok(())
}

/// Checks and performs one operation; `None` stands for one that the script ends within.
#[inline(always)]
fn operation(f: &mut Frame, run: &mut Run<'_, '_>, instr: Option<Instr<'_>>) -> Result<(), Halt> {
    let instr = instr.ok_or(E::BadOpcode)?;
    run.scope.next += instr.len;
    step(f, run, instr)?;
    run.scope.op += 1;
    Ok(())
}

/// The order of the checks is Core's.
#[inline(always)]
fn step(f: &mut Frame, run: &mut Run<'_, '_>, instr: Instr<'_>) -> Result<(), Halt> {
    if instr.data.len() > f.limits.max_push_bytes {
        return Err(E::PushSize.into());
    }
    let version = run.scope.version;
    if version != SigVersion::Tapscript && instr.opcode > OP_16 {
        run.scope.ops += 1;
        if run.scope.ops > MAX_OPS {
            return Err(E::OpCount.into());
        }
    }
    if instr.opcode <= PUSHDATA4 {
        if f.conditions.executing() {
            if f.limits.minimal_pushes && !instr::is_minimal_push(instr.opcode, instr.data) {
                return Err(E::MinimalData.into());
            }
            f.main.push(Item::new(instr.data));
        }
    } else {
        perform(f, run, instr.opcode)?;
    }
    if f.main.len() + f.alt.len() > f.limits.max_depth {
        return Err(E::StackSize.into());
    }
    Ok(())
}

#[inline]
fn perform(f: &mut Frame, run: &mut Run<'_, '_>, opcode: u8) -> Result<(), Halt> {
    let executing = f.conditions.executing();
    match ops::row(opcode) {
        Some(Row::Own(row)) => {
            let (flags, version) = (run.input.flags, run.scope.version);
            match row.run {
                Own::Disabled => Err(E::DisabledOpcode.into()),
                _ if opcode == OP_CODESEPARATOR
                    && version == SigVersion::Base
                    && flags.has(Flags::CONST_SCRIPTCODE) =>
                {
                    Err(E::OpCodeSeparator.into())
                }
                _ if !executing => Ok(()),
                Own::Fails(error) => Err(error.into()),
                Own::Run(handler) => handler(f, run),
            }
        }
        Some(Row::Shared(row)) => {
            if executing && f.main.len() < row.pops.len() {
                return Err(E::InvalidStackOperation.into());
            }
            if executing && f.alt.len() < row.aux_pops.len() {
                return Err(E::InvalidAltstackOperation.into());
            }
            if executing {
                script::open(f, row).map_err(|trap| translated(trap, run.scope.version))?;
            }
            let done = match row.run {
                Exec::Branch(handler) => handler(f, executing),
                _ if !executing => Ok(()),
                Exec::Number(number) => {
                    f.push_int(i64::from(number));
                    Ok(())
                }
                Exec::Pure(handler) => handler(f),
                Exec::Push | Exec::Call(_) | Exec::Return => {
                    unreachable!("{} is no shared operation of Bitcoin", row.name)
                }
            };
            done.map_err(|trap| translated(trap, run.scope.version))
        }
        None if executing => Err(E::BadOpcode.into()),
        None => Ok(()),
    }
}

/// The error of a shared handler in Bitcoin's words.
#[cold]
fn translated(trap: Trap, version: SigVersion) -> Halt {
    let error = match trap {
        Trap::Script(error) => error,
        Trap::Outside(error) => return Halt::Outside(error),
        _ => unreachable!("operations on the stacks alone fail in the script: {trap:?}"),
    };
    let error = match error {
        // the one thing that handlers of contracts do not name: a number that does not decode
        ScriptError::Unknown => E::ScriptNum,
        ScriptError::Verify => E::Verify,
        ScriptError::Equalverify => E::EqualVerify,
        ScriptError::Numequalverify => E::NumEqualVerify,
        ScriptError::BadOpcode => E::BadOpcode,
        ScriptError::InvalidStackOperation => E::InvalidStackOperation,
        ScriptError::UnbalancedConditional => E::UnbalancedConditional,
        ScriptError::Minimalif if version == SigVersion::Tapscript => E::TapscriptMinimalIf,
        ScriptError::Minimalif => E::MinimalIf,
        other => unreachable!("no operation on the stacks alone fails with {other}"),
    };
    error.into()
}

#[cfg(test)]
mod tests;
