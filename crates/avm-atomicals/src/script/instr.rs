//! Reading scripts: instructions, push-only, minimal pushes. Spec: section 4.

/// One instruction of a script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Instr<'a> {
    /// The opcode.
    pub opcode: u8,
    /// What it pushes; empty for everything that is no push, and for `OP_0`.
    pub data: &'a [u8],
    /// Length of the whole instruction, in bytes.
    pub len: usize,
}

/// First opcode whose push has its length behind it: `OP_PUSHDATA1`.
pub const PUSHDATA1: u8 = 0x4c;
/// Last opcode that pushes bytes of the script: `OP_PUSHDATA4`.
pub const PUSHDATA4: u8 = 0x4e;
/// Last opcode that a push-only script may have: `OP_16`.
pub const OP_16: u8 = 0x60;

/// The first instruction of `script`; `None` if it ends within a push, or before the first byte.
#[inline]
#[must_use]
pub fn read(script: &[u8]) -> Option<Instr<'_>> {
    let opcode = *script.first()?;
    if opcode == 0 || opcode > PUSHDATA4 {
        return Some(Instr {
            opcode,
            data: &[],
            len: 1,
        });
    }
    let (head, count) = match opcode {
        0x4c => (2, usize::from(*script.get(1)?)),
        0x4d => (
            3,
            usize::from(u16::from_le_bytes(*script.get(1..)?.first_chunk()?)),
        ),
        0x4e => (
            5,
            u32::from_le_bytes(*script.get(1..)?.first_chunk()?) as usize,
        ),
        _ => (1, usize::from(opcode)),
    };
    let len = head + count;
    Some(Instr {
        opcode,
        data: script.get(head..len)?,
        len,
    })
}

/// The instructions of a script; the last is an `Err` with its offset if the script ends within a
/// push.
pub fn instructions(script: &[u8]) -> impl Iterator<Item = Result<(usize, Instr<'_>), usize>> {
    let mut at = 0;
    core::iter::from_fn(move || {
        let rest = script.get(at..).filter(|rest| !rest.is_empty())?;
        let start = at;
        let Some(instr) = read(rest) else {
            at = script.len();
            return Some(Err(start));
        };
        at += instr.len;
        Some(Ok((start, instr)))
    })
}

/// Whether a script parses and does nothing but push.
#[must_use]
pub fn is_push_only(script: &[u8]) -> bool {
    instructions(script).all(|instr| instr.is_ok_and(|(_, instr)| instr.opcode <= OP_16))
}

/// Whether no shorter instruction pushes the same.
#[inline]
#[must_use]
pub fn is_minimal_push(opcode: u8, data: &[u8]) -> bool {
    match data {
        [] => opcode == 0,
        [1..=16 | 0x81] => false,
        _ => match data.len() {
            len @ 1..=75 => usize::from(opcode) == len,
            76..=255 => opcode == 0x4c,
            256..=65_535 => opcode == 0x4d,
            _ => true,
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pushes() {
        for (script, want) in [
            (&[][..], None),
            (&[0x51][..], Some((0x51, &[][..], 1))),
            (&[0x00], Some((0, &[], 1))),
            (&[0x02, 7, 8, 9], Some((2, &[7, 8], 3))),
            (&[0x02, 7], None),
            (&[0x4c, 1, 5], Some((0x4c, &[5], 3))),
            (&[0x4c], None),
            (&[0x4d, 1, 0, 5], Some((0x4d, &[5], 4))),
            (&[0x4d, 1], None),
            (&[0x4e, 1, 0, 0, 0, 5], Some((0x4e, &[5], 6))),
            (&[0x4e, 1, 0, 0], None),
            (&[0x4e, 0xff, 0xff, 0xff, 0xff, 5], None),
        ] {
            let got = read(script).map(|i| (i.opcode, i.data, i.len));
            assert_eq!(got, want, "{script:02x?}");
        }
    }

    #[test]
    fn push_only_and_minimal() {
        for (script, push_only) in [
            (&[][..], true),
            (&[0x50, 0x60, 0x4f], true),
            (&[0x61], false),
            (&[0x01], false),
        ] {
            assert_eq!(is_push_only(script), push_only, "{script:02x?}");
        }
        for (opcode, data, minimal) in [
            (0, &[][..], true),
            (0x4c, &[], false),
            (1, &[0], true),
            (1, &[1], false),
            (1, &[16], false),
            (1, &[17], true),
            (1, &[0x81], false),
            (0x4c, &[17], false),
            (75, &[9; 75], true),
            (0x4c, &[9; 75], false),
            (0x4c, &[9; 76], true),
            (0x4d, &[9; 255], false),
            (0x4d, &[9; 256], true),
            (0x4e, &[9; 256], false),
        ] {
            assert_eq!(
                is_minimal_push(opcode, data),
                minimal,
                "{opcode:02x} {}",
                data.len()
            );
        }
    }
}
