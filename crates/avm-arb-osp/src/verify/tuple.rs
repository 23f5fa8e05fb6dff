//! Tuple opcodes. Each looks into a tuple, whose elements must then be in the proof.
//!
//! Spec: section 7; section 18, item 1.

use ruint::aliases::U256;

use super::step::{Step, Stop};
use super::value::{Tuple, Value};

type Done = Result<(), Stop>;

pub(super) fn tget(step: &mut Step<'_>) -> Done {
    let (index, tuple) = (step.pop(), step.pop());
    let tuple = step.opened(tuple)?;
    let at = position(&index, &tuple)?;
    step.push(tuple.items()[at].clone());
    Ok(())
}

pub(super) fn tset(step: &mut Step<'_>) -> Done {
    let (index, tuple, value) = (step.pop(), step.pop(), step.pop());
    let tuple = step.opened(tuple)?;
    let replaced = replaced(&index, tuple, value)?;
    step.push(replaced);
    Ok(())
}

pub(super) fn tlen(step: &mut Step<'_>) -> Done {
    let tuple = step.pop();
    let tuple = step.opened(tuple)?;
    step.push_int(U256::from(tuple.items().len()));
    Ok(())
}

/// The tuple stays on the aux stack.
pub(super) fn xget(step: &mut Step<'_>) -> Done {
    let (index, tuple) = (step.pop(), step.pop_aux());
    let tuple = step.opened(tuple)?;
    let at = position(&index, &tuple)?;
    step.push(tuple.items()[at].clone());
    step.aux.push(Value::Tuple(tuple));
    Ok(())
}

pub(super) fn xset(step: &mut Step<'_>) -> Done {
    let (index, value, tuple) = (step.pop(), step.pop(), step.pop_aux());
    let tuple = step.opened(tuple)?;
    let replaced = replaced(&index, tuple, value)?;
    step.aux.push(replaced);
    Ok(())
}

/// `index` as a position in the tuple.
fn position(index: &Value, tuple: &Tuple) -> Result<usize, Stop> {
    let Value::Int(index) = *index else {
        return Err(Stop::Fault);
    };
    let at = usize::try_from(index).ok();
    at.filter(|&at| at < tuple.items().len()).ok_or(Stop::Fault)
}

/// The tuple with another element at `index`.
fn replaced(index: &Value, tuple: Tuple, value: Value) -> Result<Value, Stop> {
    let at = position(index, &tuple)?;
    let mut items = tuple.into_items();
    items[at] = value;
    Ok(Value::tuple(items))
}
