//! Conditions and other control. Spec: section 7.1.

use super::Done;
use crate::script::error::ScriptError;
use crate::script::frame::Frame;

/// `OP_IF`: opens a condition; a branch that is not executed opens a false one.
pub(crate) fn if_(f: &mut Frame, executing: bool) -> Done {
    let value = executing && condition(f)?;
    f.conditions.open(value);
    Ok(())
}

/// `OP_NOTIF`.
pub(crate) fn notif(f: &mut Frame, executing: bool) -> Done {
    let value = executing && !condition(f)?;
    f.conditions.open(value);
    Ok(())
}

/// Takes the argument of a condition; the loop has seen to it that there is one.
fn condition(f: &mut Frame) -> Result<bool, ScriptError> {
    let item = f.main.peek(0);
    if f.limits.minimal_if && !matches!(item.bytes(), [] | [1]) {
        return Err(ScriptError::Minimalif);
    }
    Ok(f.main.pop().is_true())
}

/// `OP_ELSE`.
pub(crate) fn else_(f: &mut Frame, _: bool) -> Done {
    Ok(f.conditions.flip()?)
}

/// `OP_ENDIF`.
pub(crate) fn endif(f: &mut Frame, _: bool) -> Done {
    Ok(f.conditions.close()?)
}

/// `OP_VERIF`, `OP_VERNOTIF`: fail wherever they stand.
pub(crate) fn never(_: &mut Frame, _: bool) -> Done {
    Err(ScriptError::BadOpcode.into())
}

/// Reserved opcodes.
pub(crate) fn bad(_: &mut Frame) -> Done {
    Err(ScriptError::BadOpcode.into())
}

/// Opcodes that are switched off; the loop refuses them wherever they stand.
pub(crate) fn disabled(_: &mut Frame) -> Done {
    Err(ScriptError::DisabledOpcode.into())
}

pub(crate) fn nop(_: &mut Frame) -> Done {
    Ok(())
}

pub(crate) fn verify(f: &mut Frame) -> Done {
    if !f.main.peek(0).is_true() {
        return Err(ScriptError::Verify.into());
    }
    f.main.drop(1);
    Ok(())
}
