//! Jumps, code points made at run time, gas, and the end. Spec: sections 4, 6, 7 and 11.

use alloc::vec::Vec;

use ruint::aliases::U256;

use super::machine::ERR;
use super::step::{Step, Stop};
use super::value::{Value, code_point};

type Done = Result<(), Stop>;

/// `nop`, and `breakpoint`, which differs in its price only.
pub(super) fn nop(_: &mut Step<'_>) -> Done {
    Ok(())
}

/// `error`, and every undefined opcode.
pub(super) fn error(_: &mut Step<'_>) -> Done {
    Err(Stop::Fault)
}

pub(super) fn halt(step: &mut Step<'_>) -> Done {
    step.halted = true;
    Ok(())
}

pub(super) fn jump(step: &mut Step<'_>) -> Done {
    step.machine.current = step.pop_code_point()?;
    Ok(())
}

/// Both types are required, whether it jumps or not.
pub(super) fn cjump(step: &mut Step<'_>) -> Done {
    let (target, condition) = (step.pop_code_point()?, step.pop_int()?);
    if !condition.is_zero() {
        step.machine.current = target;
    }
    Ok(())
}

pub(super) fn pcpush(step: &mut Step<'_>) -> Done {
    step.push(Value::CodePoint(step.here));
    Ok(())
}

pub(super) fn errpush(step: &mut Step<'_>) -> Done {
    step.push(Value::CodePoint(step.machine.handler));
    Ok(())
}

pub(super) fn errset(step: &mut Step<'_>) -> Done {
    step.machine.handler = step.pop_code_point()?;
    Ok(())
}

pub(super) fn errcodepoint(step: &mut Step<'_>) -> Done {
    step.push(Value::CodePoint(ERR));
    Ok(())
}

pub(super) fn pushinsn(step: &mut Step<'_>) -> Done {
    let (opcode, next) = (step.pop_int()?, step.pop_code_point()?);
    let made = code_point(opcode.byte(0), None, next);
    step.push(Value::CodePoint(made));
    Ok(())
}

pub(super) fn pushinsnimm(step: &mut Step<'_>) -> Done {
    let (opcode, immediate, next) = (step.pop_int()?, step.pop(), step.pop_code_point()?);
    let made = code_point(opcode.byte(0), Some(immediate.hash()), next);
    step.push(Value::CodePoint(made));
    Ok(())
}

/// Overwrites the register after its own price was taken from it.
pub(super) fn setgas(step: &mut Step<'_>) -> Done {
    step.machine.gas_remaining = step.pop_int()?;
    Ok(())
}

pub(super) fn pushgas(step: &mut Step<'_>) -> Done {
    let remaining: U256 = step.machine.gas_remaining;
    step.push_int(remaining);
    Ok(())
}

/// In a claim, always the empty tuple. Spec: section 11.
pub(super) fn sideload(step: &mut Step<'_>) -> Done {
    step.pop_int()?;
    step.push(Value::tuple(Vec::new()));
    Ok(())
}
