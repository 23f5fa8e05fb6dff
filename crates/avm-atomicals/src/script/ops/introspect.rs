//! The transaction of the call. Spec: sections 7.1 and 7.7.

use super::Done;
use crate::script::call::Call;
use crate::script::error::ScriptError as E;
use crate::script::fault::Trap;
use crate::script::frame::Frame;
use crate::script::item::Item;
use crate::script::num::Num;

/// Longest operand of `OP_CHECKLOCKTIMEVERIFY`, in bytes.
const LOCKTIME_BYTES: usize = 5;
/// Lock times from here on are seconds, those below are heights.
const LOCKTIME_THRESHOLD: i64 = 500_000_000;
/// The sequence number that switches the lock time off.
const SEQUENCE_FINAL: u32 = 0xffff_ffff;

pub(crate) fn version(f: &mut Frame, c: &mut Call) -> Done {
    f.push_int(i64::from(c.context()?.tx.version()));
    Ok(())
}

pub(crate) fn lock_time(f: &mut Frame, c: &mut Call) -> Done {
    f.push_int(i64::from(c.context()?.tx.lock_time()));
    Ok(())
}

pub(crate) fn input_count(f: &mut Frame, c: &mut Call) -> Done {
    f.push_int(i64::from(c.context()?.tx.input_count()?));
    Ok(())
}

pub(crate) fn output_count(f: &mut Frame, c: &mut Call) -> Done {
    f.push_int(i64::from(c.context()?.tx.output_count()?));
    Ok(())
}

/// The input that the top names.
fn input(f: &Frame, c: &mut Call) -> Result<u32, Trap> {
    let index = u32::try_from(f.small(0)?).ok();
    let count = c.context()?.tx.input_count()?;
    Ok(index
        .filter(|index| *index < count)
        .ok_or(E::InvalidTxInputIndex)?)
}

/// The output that the top names.
fn output(f: &Frame, c: &mut Call) -> Result<u32, Trap> {
    let index = u32::try_from(f.small(0)?).ok();
    let count = c.context()?.tx.output_count()?;
    Ok(index
        .filter(|index| *index < count)
        .ok_or(E::InvalidTxOutputIndex)?)
}

/// Replaces the top by a script.
fn push_script(f: &mut Frame, script: Item) -> Done {
    if script.len() > f.limits.max_push_bytes {
        return Err(E::PushSize.into());
    }
    f.charge_bytes(script.len())?;
    f.main.set_top(script);
    Ok(())
}

pub(crate) fn outpoint_hash(f: &mut Frame, c: &mut Call) -> Done {
    let index = input(f, c)?;
    let (outpoint, _) = c.context()?.tx.input(index)?;
    f.main.set_top(Item::new(&outpoint[..32]));
    Ok(())
}

pub(crate) fn outpoint_index(f: &mut Frame, c: &mut Call) -> Done {
    let index = input(f, c)?;
    let (outpoint, _) = c.context()?.tx.input(index)?;
    let index = u32::from_le_bytes([outpoint[32], outpoint[33], outpoint[34], outpoint[35]]);
    f.main.set_top(Item::int(i64::from(index)));
    Ok(())
}

pub(crate) fn input_script(f: &mut Frame, c: &mut Call) -> Done {
    let index = input(f, c)?;
    let script = c.context()?.tx.input_script(index)?;
    push_script(f, script)
}

pub(crate) fn sequence(f: &mut Frame, c: &mut Call) -> Done {
    let index = input(f, c)?;
    let (_, sequence) = c.context()?.tx.input(index)?;
    f.main.set_top(Item::int(i64::from(sequence)));
    Ok(())
}

pub(crate) fn output_value(f: &mut Frame, c: &mut Call) -> Done {
    let index = output(f, c)?;
    let value = c.context()?.tx.output_value(index)?;
    f.main.set_top(Item::int(value));
    Ok(())
}

pub(crate) fn output_script(f: &mut Frame, c: &mut Call) -> Done {
    let index = output(f, c)?;
    let script = c.context()?.tx.output_script(index)?;
    push_script(f, script)
}

pub(crate) fn check_lock_time(f: &mut Frame, c: &mut Call) -> Done {
    let operand = Num::decode(f.main.peek(0).bytes(), LOCKTIME_BYTES).ok_or(E::Unknown)?;
    let operand = operand.to_i64().ok_or(E::Unknown)?;
    if operand < 0 {
        return Err(E::NegativeLocktime.into());
    }
    let tx = &c.context()?.tx;
    let lock_time = i64::from(tx.lock_time());
    let same_kind = (operand < LOCKTIME_THRESHOLD) == (lock_time < LOCKTIME_THRESHOLD);
    // A transaction without inputs has no final one.
    let is_final =
        || -> Result<bool, Trap> { Ok(tx.input_count()? > 0 && tx.input(0)?.1 == SEQUENCE_FINAL) };
    if !same_kind || operand > lock_time || is_final()? {
        return Err(E::UnsatisfiedLocktime.into());
    }
    Ok(())
}
