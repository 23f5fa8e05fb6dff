//! Block headers. Spec: section 7.9.

use alloc::sync::Arc;

use super::Done;
use crate::script::call::Call;
use crate::script::error::ScriptError as E;
use crate::script::fault::{HostFault, Trap};
use crate::script::frame::Frame;
use crate::script::header::{self, Field, HEADER_BYTES};
use crate::script::item::Item;

/// Field of the whole header, for `OP_GETBLOCKINFO` only.
const WHOLE: i32 = 7;
/// Field of the height, for `OP_GETBLOCKINFO` only.
const HEIGHT: i32 = 8;

/// Field 0 to 6 of a header of at least 80 bytes.
fn field(bytes: &[u8], number: i32, c: &Call) -> Result<Item, E> {
    let header = bytes.first_chunk().ok_or(E::InvalidAvmBlockHeaderSize)?;
    let no_difficulty = if c.rules.zero_difficulty { 0 } else { i64::MIN };
    match header::field(header, number, no_difficulty) {
        Some(Field::Number(number)) => Ok(Item::int(number)),
        Some(Field::Bytes(bytes)) => Ok(Item::new(bytes)),
        None => Err(E::InvalidAvmInvalidBlockinfoItem),
    }
}

pub(crate) fn get(f: &mut Frame, c: &mut Call) -> Done {
    let (height, number) = (f.small(1)?, f.small(0)?);
    if !(0..=HEIGHT).contains(&number) {
        return Err(E::InvalidAvmInvalidBlockinfoItem.into());
    }
    let height = if height == 0 {
        c.context()?.height as i32
    } else {
        height
    };
    let header = match u32::try_from(height) {
        Ok(height) => c.context()?.headers.get(&height.to_be_bytes())?.cloned(),
        Err(_) => None,
    };
    let header = match header {
        Some(header) => header,
        None if c.rules.header_fails => return Err(E::InvalidAvmInvalidBlockinfoItem.into()),
        None => return Err(Trap::Fault(HostFault::BlockData { height })),
    };
    let value = match number {
        WHOLE => {
            f.charge_bytes(header.len())?;
            Arc::clone(&header).into()
        }
        HEIGHT => Item::int(i64::from(height)),
        _ => field(&header, number, c)?,
    };
    f.main.drop(1);
    f.main.set_top(value);
    Ok(())
}

pub(crate) fn decode(f: &mut Frame, c: &mut Call) -> Done {
    // Numbers are decoded deepest first, but the header is none.
    let number = f.small(0)?;
    let header = f.main.peek(1).bytes();
    if header.len() != HEADER_BYTES {
        return Err(E::InvalidAvmBlockHeaderSize.into());
    }
    let value = field(header, number, c)?;
    f.main.drop(1);
    f.main.set_top(value);
    Ok(())
}
