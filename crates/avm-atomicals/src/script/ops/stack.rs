//! Moving elements. Spec: section 7.2.

use super::Done;
use crate::script::error::ScriptError;
use crate::script::fault::{HostFault, Trap};
use crate::script::frame::Frame;

/// Copies element `at` from the top to the top, and charges for it.
#[inline]
fn copy(f: &mut Frame, at: usize) -> Done {
    let len = f.main.peek(at).len();
    f.charge_bytes(len)?;
    f.main.copy(at);
    Ok(())
}

#[inline]
pub(crate) fn to_alt(f: &mut Frame) -> Done {
    let item = f.main.pop();
    f.alt.push(item);
    Ok(())
}

#[inline]
pub(crate) fn from_alt(f: &mut Frame) -> Done {
    let item = f.alt.pop();
    f.main.push(item);
    Ok(())
}

pub(crate) fn drop2(f: &mut Frame) -> Done {
    f.main.drop(2);
    Ok(())
}

pub(crate) fn dup2(f: &mut Frame) -> Done {
    copy(f, 1)?;
    copy(f, 1)
}

pub(crate) fn dup3(f: &mut Frame) -> Done {
    copy(f, 2)?;
    copy(f, 2)?;
    copy(f, 2)
}

pub(crate) fn over2(f: &mut Frame) -> Done {
    copy(f, 3)?;
    copy(f, 3)
}

pub(crate) fn rot2(f: &mut Frame) -> Done {
    f.main.top_mut(6).rotate_left(2);
    Ok(())
}

pub(crate) fn swap2(f: &mut Frame) -> Done {
    f.main.swap(0, 2);
    f.main.swap(1, 3);
    Ok(())
}

pub(crate) fn ifdup(f: &mut Frame) -> Done {
    if f.main.peek(0).is_true() {
        copy(f, 0)?;
    }
    Ok(())
}

pub(crate) fn depth(f: &mut Frame) -> Done {
    f.push_int(f.main.len() as i64);
    Ok(())
}

#[inline]
pub(crate) fn drop(f: &mut Frame) -> Done {
    f.main.drop(1);
    Ok(())
}

#[inline]
pub(crate) fn dup(f: &mut Frame) -> Done {
    copy(f, 0)
}

#[inline]
pub(crate) fn nip(f: &mut Frame) -> Done {
    f.main.swap(0, 1);
    f.main.drop(1);
    Ok(())
}

#[inline]
pub(crate) fn over(f: &mut Frame) -> Done {
    copy(f, 1)
}

/// Position that `OP_PICK` and `OP_ROLL` ask for, counted from the operand.
pub(crate) fn position(f: &Frame) -> Result<usize, Trap> {
    let number = f.num(0)?;
    let small = number
        .to_i64()
        .filter(|k| (0..=i64::from(i32::MAX)).contains(k));
    match small {
        None if f.limits.pick_fails => Err(ScriptError::InvalidStackOperation.into()),
        None => Err(HostFault::Assert.into()),
        Some(k) if k as usize >= f.main.len() - 1 => Err(ScriptError::InvalidStackOperation.into()),
        Some(k) => Ok(k as usize),
    }
}

pub(crate) fn pick(f: &mut Frame) -> Done {
    let k = position(f)?;
    // Moving by position is one look in memory, but a proof reads every element above it.
    f.charge(k as u64)?;
    f.pull(k + 2)?;
    f.main.drop(1);
    copy(f, k)
}

pub(crate) fn roll(f: &mut Frame) -> Done {
    let k = position(f)?;
    f.charge(k as u64)?;
    f.pull(k + 2)?;
    f.main.drop(1);
    let item = f.main.remove(k);
    f.main.push(item);
    Ok(())
}

#[inline]
pub(crate) fn rot(f: &mut Frame) -> Done {
    f.main.top_mut(3).rotate_left(1);
    Ok(())
}

#[inline]
pub(crate) fn swap(f: &mut Frame) -> Done {
    f.main.swap(0, 1);
    Ok(())
}

#[inline]
pub(crate) fn tuck(f: &mut Frame) -> Done {
    let top = f.main.peek(0).clone();
    f.charge_bytes(top.len())?;
    f.main.insert(2, top);
    Ok(())
}

pub(crate) fn size(f: &mut Frame) -> Done {
    f.push_int(f.main.peek(0).len() as i64);
    Ok(())
}
