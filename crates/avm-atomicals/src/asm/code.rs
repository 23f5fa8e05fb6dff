//! Instructions of a script, one after the other.

/// One instruction as it stands in the code.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Instruction<'a> {
    /// Offset of its first byte.
    pub(super) offset: usize,
    /// The opcode byte.
    pub(super) opcode: u8,
    /// All its bytes.
    pub(super) bytes: &'a [u8],
    /// What it pushes, for opcodes 0x00 to 0x4e.
    pub(super) data: Option<&'a [u8]>,
    /// A push that ends behind the end of the code; `bytes` is what is there.
    pub(super) truncated: bool,
}

impl Instruction<'_> {
    /// The element that it pushes if that is known from the code, numbers by name included.
    pub(super) fn constant(&self) -> Option<Constant<'_>> {
        match (self.data, self.opcode) {
            _ if self.truncated => None,
            (Some(data), _) => Some(Constant::Data(data)),
            (None, 0x4f) => Some(Constant::Small(-1)),
            (None, n @ 0x51..=0x60) => Some(Constant::Small(i64::from(n - 0x50))),
            _ => None,
        }
    }
}

/// What a push leaves on the stack.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Constant<'a> {
    /// Bytes.
    Data(&'a [u8]),
    /// OP_1NEGATE and OP_1 to OP_16.
    Small(i64),
}

impl Constant<'_> {
    /// Its length in bytes.
    pub(super) fn len(self) -> usize {
        match self {
            Self::Data(data) => data.len(),
            Self::Small(_) => 1,
        }
    }

    /// Its value, if it is a number of at most eight bytes.
    pub(super) fn number(self) -> Option<i64> {
        match self {
            Self::Data(data) => super::element::read_number(data),
            Self::Small(n) => Some(n),
        }
    }
}

/// Walks over `code`; the last instruction may be truncated.
pub(super) fn instructions(code: &[u8]) -> impl Iterator<Item = Instruction<'_>> {
    let mut offset = 0;
    core::iter::from_fn(move || {
        let rest = &code[offset..];
        let &opcode = rest.first()?;
        let little = |width: usize| {
            let bytes = rest.get(1..1 + width)?;
            let len = bytes
                .iter()
                .rev()
                .fold(0u64, |len, &byte| len << 8 | u64::from(byte));
            Some((1 + width, usize::try_from(len).unwrap_or(usize::MAX)))
        };
        let extent = match opcode {
            0x00..=0x4b => Some((1, usize::from(opcode))),
            0x4c => little(1),
            0x4d => little(2),
            0x4e => little(4),
            _ => Some((1, 0)),
        };
        let end = extent.and_then(|(head, len)| head.checked_add(len));
        let whole = end.and_then(|end| rest.get(..end));
        let instruction = Instruction {
            offset,
            opcode,
            bytes: whole.unwrap_or(rest),
            data: match (whole, extent) {
                (Some(bytes), Some((head, _))) if opcode <= 0x4e => Some(&bytes[head..]),
                _ => None,
            },
            truncated: whole.is_none(),
        };
        offset += instruction.bytes.len();
        Some(instruction)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec::Vec;

    #[test]
    fn pushes_and_tails() {
        let read = |code: &[u8]| -> Vec<(usize, Option<Vec<u8>>, bool)> {
            instructions(code)
                .map(|i| (i.offset, i.data.map(<[u8]>::to_vec), i.truncated))
                .collect()
        };
        assert_eq!(read(&[]), []);
        assert_eq!(
            read(&[0x00, 0x76, 0x02, 7, 8, 0x4c, 1, 9]),
            [
                (0, Some([].into()), false),
                (1, None, false),
                (2, Some([7, 8].into()), false),
                (5, Some([9].into()), false),
            ]
        );
        for tail in [
            &[0x05, 1][..],
            &[0x4c],
            &[0x4c, 1],
            &[0x4d, 1],
            &[0x4d, 1, 0],
            &[0x4e, 0, 0, 0],
            &[0x4e, 0xff, 0xff, 0xff, 0xff, 1],
        ] {
            assert_eq!(read(tail), [(0, None, true)], "{tail:?}");
        }
    }
}
