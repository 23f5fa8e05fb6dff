//! Bytes and bits. Spec: section 7.3.

use alloc::vec::Vec;

use super::Done;
use crate::script::bytes;
use crate::script::error::ScriptError;
use crate::script::fault::Trap;
use crate::script::frame::Frame;
use crate::script::item::Item;

pub(crate) fn cat(f: &mut Frame) -> Done {
    let (a, b) = (f.main.peek(1), f.main.peek(0));
    let len = a.len() + b.len();
    if len > f.limits.max_push_bytes {
        return Err(ScriptError::PushSize.into());
    }
    let mut joined = Vec::with_capacity(len);
    joined.extend_from_slice(a.bytes());
    joined.extend_from_slice(b.bytes());
    f.charge_bytes(len)?;
    f.main.drop(1);
    f.main.set_top(joined.into());
    Ok(())
}

pub(crate) fn split(f: &mut Frame) -> Done {
    let position = f.num(0)?;
    let bytes = f.main.peek(1).bytes();
    let at = position.to_usize().filter(|at| *at <= bytes.len());
    let (left, right) = bytes.split_at(at.ok_or(ScriptError::InvalidSplitRange)?);
    let (left, right, len) = (Item::new(left), Item::new(right), bytes.len());
    f.charge_bytes(len)?;
    f.main.drop(1);
    f.main.set_top(left);
    f.main.push(right);
    Ok(())
}

pub(crate) fn reverse(f: &mut Frame) -> Done {
    let mut bytes = f.main.peek(0).bytes().to_vec();
    f.charge_bytes(bytes.len())?;
    bytes.reverse();
    f.main.set_top(bytes.into());
    Ok(())
}

pub(crate) fn num2bin(f: &mut Frame) -> Done {
    let size = f
        .num(0)?
        .to_usize()
        .filter(|size| *size <= f.limits.max_push_bytes);
    let size = size.ok_or(ScriptError::PushSize)?;
    f.charge_bytes(size.max(f.main.peek(1).len()))?;
    let mut number = f.main.peek(1).bytes().to_vec();
    if !bytes::resize_number(&mut number, size) {
        return Err(ScriptError::ImpossibleEncoding.into());
    }
    f.main.drop(1);
    f.main.set_top(number.into());
    Ok(())
}

pub(crate) fn bin2num(f: &mut Frame) -> Done {
    let mut minimal = f.main.peek(0).bytes().to_vec();
    let len = minimal.len();
    bytes::minimise(&mut minimal);
    if minimal.len() > f.limits.max_number_bytes {
        return Err(ScriptError::InvalidNumberRange.into());
    }
    f.charge_bytes(len)?;
    f.main.set_top(minimal.into());
    Ok(())
}

pub(crate) fn invert(f: &mut Frame) -> Done {
    let mut item = f.main.peek(0).bytes().to_vec();
    f.charge_bytes(item.len())?;
    bytes::invert(&mut item);
    f.main.set_top(item.into());
    Ok(())
}

/// Combines two elements of one length.
fn bitwise(f: &mut Frame, combine: fn(&mut [u8], &[u8])) -> Done {
    let (a, b) = (f.main.peek(1), f.main.peek(0));
    if a.len() != b.len() {
        return Err(ScriptError::InvalidOperandSize.into());
    }
    let mut bytes = a.bytes().to_vec();
    combine(&mut bytes, b.bytes());
    f.charge_bytes(bytes.len())?;
    f.main.drop(1);
    f.main.set_top(bytes.into());
    Ok(())
}

pub(crate) fn and(f: &mut Frame) -> Done {
    bitwise(f, bytes::and)
}

pub(crate) fn or(f: &mut Frame) -> Done {
    bitwise(f, bytes::or)
}

pub(crate) fn xor(f: &mut Frame) -> Done {
    bitwise(f, bytes::xor)
}

/// Shifts the bits of an element by a number; its length stays.
fn shift(f: &mut Frame, by: fn(&mut [u8], u64)) -> Done {
    let count = f.num(0)?;
    if count.is_negative() {
        return Err(ScriptError::InvalidNumberRange.into());
    }
    let mut item = f.main.peek(1).bytes().to_vec();
    f.charge_bytes(item.len())?;
    // Whatever is beyond the length shifts everything out.
    by(&mut item, count.to_u64().unwrap_or(u64::MAX));
    f.main.drop(1);
    f.main.set_top(item.into());
    Ok(())
}

pub(crate) fn lshift(f: &mut Frame) -> Done {
    shift(f, bytes::shift_left)
}

pub(crate) fn rshift(f: &mut Frame) -> Done {
    shift(f, bytes::shift_right)
}

/// Whether the two top elements are the same bytes.
#[inline]
fn same(f: &mut Frame) -> Result<bool, Trap> {
    let (a, b) = (f.main.peek(1), f.main.peek(0));
    let (same, len) = (a == b, a.len().min(b.len()));
    f.charge_bytes(len)?;
    Ok(same)
}

#[inline]
pub(crate) fn equal(f: &mut Frame) -> Done {
    let same = same(f)?;
    f.main.drop(1);
    f.main.set_top(Item::bool(same));
    Ok(())
}

#[inline]
pub(crate) fn equal_verify(f: &mut Frame) -> Done {
    if !same(f)? {
        return Err(ScriptError::Equalverify.into());
    }
    f.main.drop(2);
    Ok(())
}
