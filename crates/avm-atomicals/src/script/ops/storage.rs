//! Contract storage. Spec: section 7.8.

use alloc::sync::Arc;

use super::Done;
use crate::script::call::Call;
use crate::script::closing::ENTRY_COST;
use crate::script::error::ScriptError as E;
use crate::script::fault::Trap;
use crate::script::frame::{Frame, per_bytes};
use crate::script::item::Item;
use crate::script::table::Key;

/// What writing costs beyond the base, not counting levels and bytes: the entry is in several
/// tables, and each of them is hashed in the end.
pub(super) const WRITE_COST: u64 = 400;
/// What looking costs beyond the base.
pub(super) const LOOK_COST: u64 = 20;
/// What a level of a tree costs that is looked through.
const LOOK_LEVEL_COST: u64 = 3;
/// What a level of a tree costs that is written.
const WRITE_LEVEL_COST: u64 = 10;

/// Name of the value whose space and key are elements `at + 1` and `at` from the top.
fn name(f: &Frame, c: &Call, at: usize, writes: bool) -> Result<Key, E> {
    let (space, key) = (f.main.peek(at + 1).bytes(), f.main.peek(at).bytes());
    if c.rules.empty_values {
        if space.is_empty() || key.is_empty() {
            return Err(E::InvalidAvmStateKeySize);
        }
        return Ok(Key::new(space, key));
    }
    // Q5: only writing maps an empty name to one byte 00.
    let mapped = |name: &'_ [u8]| writes && name.is_empty();
    let or_zero = |bytes, mapped| if mapped { &[0][..] } else { bytes };
    let (space_mapped, key_mapped) = (mapped(space), mapped(key));
    Ok(Key::new(
        or_zero(space, space_mapped),
        or_zero(key, key_mapped),
    ))
}

/// Charges for looking a name up.
fn charge_look(f: &mut Frame, c: &mut Call, name: &Key) -> Result<(), Trap> {
    if c.rules.metered {
        f.charge(LOOK_COST + per_bytes(name.bytes().len()))?;
        let levels = c.effects()?.state.levels(name.bytes())?;
        f.charge(LOOK_LEVEL_COST * u64::from(levels))?;
    }
    Ok(())
}

/// Charges for writing so many bytes under a name. Who writes first pays for hashing all that the
/// contract has: a state that nothing touched is not hashed.
fn charge_write(f: &mut Frame, c: &mut Call, name: &Key, bytes: usize) -> Result<(), Trap> {
    if c.rules.metered {
        f.charge(WRITE_COST + bytes as u64)?;
        let before = c.context()?.sum.bytes;
        let e = c.effects()?;
        let mut levels = 0;
        for table in [&e.state, &e.updates, &e.deletes] {
            levels += u64::from(table.levels(name.bytes())?);
        }
        let mut cost = WRITE_LEVEL_COST * levels;
        if e.untouched() {
            let entries = ENTRY_COST.saturating_mul(e.state.len()?);
            cost = cost.saturating_add(entries).saturating_add(before / 8);
        }
        f.charge(cost)?;
    }
    Ok(())
}

pub(crate) fn exists(f: &mut Frame, c: &mut Call) -> Done {
    let name = name(f, c, 0, false)?;
    charge_look(f, c, &name)?;
    let exists = c.effects()?.state.contains(name.bytes())?;
    f.main.drop(1);
    f.main.set_top(Item::bool(exists));
    Ok(())
}

pub(crate) fn get(f: &mut Frame, c: &mut Call) -> Done {
    let name = name(f, c, 0, false)?;
    charge_look(f, c, &name)?;
    let value = c.effects()?.state.get(name.bytes())?;
    let value = Arc::clone(value.ok_or(E::InvalidAvmStateKeyNotFound)?);
    f.charge_bytes(value.len())?;
    f.main.drop(1);
    f.main.set_top(value.into());
    Ok(())
}

pub(crate) fn put(f: &mut Frame, c: &mut Call) -> Done {
    let (space, key) = (f.main.peek(2).len(), f.main.peek(1).len());
    if space > c.rules.max_key_bytes || key > c.rules.max_key_bytes {
        return Err(E::InvalidAvmStateKeySize.into());
    }
    let name = name(f, c, 1, true)?;
    let bytes = space + key + f.main.peek(0).len();
    charge_write(f, c, &name, bytes)?;
    let mut value = f.main.pop();
    if value.is_empty() && !c.rules.empty_values {
        value = Item::byte(0);
    }
    let e = c.effects()?;
    let value = value.to_shared();
    e.state.insert(name.bytes(), Arc::clone(&value))?;
    e.updates.insert(name.bytes(), value)?;
    e.deletes.remove(name.bytes())?;
    f.main.drop(2);
    Ok(())
}

pub(crate) fn delete(f: &mut Frame, c: &mut Call) -> Done {
    let bytes = f.main.peek(1).len() + f.main.peek(0).len();
    let name = name(f, c, 0, true)?;
    charge_write(f, c, &name, bytes)?;
    let e = c.effects()?;
    e.state.remove(name.bytes())?;
    e.updates.remove(name.bytes())?;
    e.deletes.insert(name.bytes(), Arc::default())?;
    f.main.drop(2);
    Ok(())
}
