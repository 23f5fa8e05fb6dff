//! Moves between the stacks, the register and the static value. Spec: section 7.

use super::step::{Step, Stop};
use super::value::Value;

type Done = Result<(), Stop>;

/// Compares hashes, and so never fails on a type.
pub(super) fn eq(step: &mut Step<'_>) -> Done {
    let (a, b) = (step.pop(), step.pop());
    step.push(Value::bool(a.hash() == b.hash()));
    Ok(())
}

pub(super) fn pop(step: &mut Step<'_>) -> Done {
    step.pop();
    Ok(())
}

pub(super) fn spush(step: &mut Step<'_>) -> Done {
    step.push(step.machine.static_value.clone());
    Ok(())
}

pub(super) fn rpush(step: &mut Step<'_>) -> Done {
    step.push(step.machine.register.clone());
    Ok(())
}

pub(super) fn rset(step: &mut Step<'_>) -> Done {
    step.machine.register = step.pop();
    Ok(())
}

/// With an immediate, which is listed, the stack is never empty.
pub(super) fn stackempty(step: &mut Step<'_>) -> Done {
    let empty = step.data.is_empty() && step.machine.data.is_empty();
    step.push(Value::bool(empty));
    Ok(())
}

pub(super) fn auxstackempty(step: &mut Step<'_>) -> Done {
    let empty = step.aux.is_empty() && step.machine.aux.is_empty();
    step.push(Value::bool(empty));
    Ok(())
}

pub(super) fn auxpush(step: &mut Step<'_>) -> Done {
    let value = step.pop();
    step.aux.push(value);
    Ok(())
}

pub(super) fn auxpop(step: &mut Step<'_>) -> Done {
    let value = step.pop_aux();
    step.push(value);
    Ok(())
}

/// Pushes a copy of the value `DEPTH` below the top.
pub(super) fn dup<const DEPTH: usize>(step: &mut Step<'_>) -> Done {
    let at = step.data.len() - 1 - DEPTH;
    step.push(step.data[at].clone());
    Ok(())
}

/// Exchanges the top and the value `DEPTH` below it.
pub(super) fn swap<const DEPTH: usize>(step: &mut Step<'_>) -> Done {
    let top = step.data.len() - 1;
    step.data.swap(top, top - DEPTH);
    Ok(())
}
