//! Scripts as bytes: reading one operation, and the shapes that have a meaning of their own.

use alloc::vec::Vec;

use crate::script::instr::{self, Instr};

/// Longest script before tapscript, in bytes.
pub const MAX_SCRIPT_BYTES: usize = 10_000;

const OP_PUSHDATA1: u8 = 0x4c;
const OP_PUSHDATA2: u8 = 0x4d;
const OP_PUSHDATA4: u8 = 0x4e;
const OP_1: u8 = 0x51;
const OP_16: u8 = 0x60;
const OP_EQUAL: u8 = 0x87;
const OP_HASH160: u8 = 0xa9;

/// Walks over the operations of a script.
#[derive(Clone, Copy, Debug)]
pub struct Ops<'a> {
    script: &'a [u8],
    at: usize,
}

/// A push beyond the end of the script.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Truncated;

impl<'a> Ops<'a> {
    /// Starts at byte `at` of `script`.
    #[must_use]
    pub const fn new(script: &'a [u8], at: usize) -> Self {
        Self { script, at }
    }

    /// Position of the next operation; after a [`Truncated`] read, of the byte after the part of
    /// the operation that was understood: its opcode, and its length if that is there.
    #[must_use]
    pub const fn at(&self) -> usize {
        self.at
    }

    /// Reads the next operation, `None` at the end.
    ///
    /// # Errors
    /// [`Truncated`] if it is a push and the script ends before it does.
    // Not an iterator: after an error the place where reading stopped matters, and no more items.
    #[allow(clippy::should_implement_trait)]
    pub fn next(&mut self) -> Option<Result<Instr<'a>, Truncated>> {
        let rest = self.script.get(self.at..)?;
        let opcode = rest.first()?;
        let Some(instr) = instr::read(rest) else {
            let length_bytes = match *opcode {
                OP_PUSHDATA1 => 1,
                OP_PUSHDATA2 => 2,
                OP_PUSHDATA4 => 4,
                _ => 0,
            };
            let has_length = rest.len() > length_bytes;
            self.at += 1 + if has_length { length_bytes } else { 0 };
            return Some(Err(Truncated));
        };
        self.at += instr.len;
        Some(Ok(instr))
    }
}

/// Whether the script pays to a script hash. BIP16.
#[must_use]
pub fn is_p2sh(script: &[u8]) -> bool {
    matches!(script, [OP_HASH160, 20, hash @ .., OP_EQUAL] if hash.len() == 20)
}

/// Version and program if the script is a witness program. BIP141.
#[must_use]
pub fn witness_program(script: &[u8]) -> Option<(u8, &[u8])> {
    let (version, program) = match script {
        [0, len, program @ ..] if usize::from(*len) == program.len() => (0, program),
        [code @ OP_1..=OP_16, len, program @ ..] if usize::from(*len) == program.len() => {
            (code - OP_1 + 1, program)
        }
        _ => return None,
    };
    (2..=40)
        .contains(&program.len())
        .then_some((version, program))
}

/// Whether a tapscript with this opcode succeeds whatever else it contains. BIP342.
#[must_use]
pub const fn is_op_success(opcode: u8) -> bool {
    matches!(opcode,
        0x50 | 0x62 | 0x7e..=0x81 | 0x83..=0x86 | 0x89..=0x8a | 0x8d..=0x8e | 0x95..=0x99
        | 0xbb..=0xfe)
}

/// Appends a push of `bytes` by its length alone: even one byte 01 is not made OP_1.
///
/// # Panics
/// If `bytes` is longer than 4 GiB.
pub fn push_bytes(script: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        len @ ..=75 => script.push(len as u8),
        len @ 76..=255 => script.extend([OP_PUSHDATA1, len as u8]),
        len @ 256..=65_535 => {
            script.push(OP_PUSHDATA2);
            script.extend((len as u16).to_le_bytes());
        }
        len => {
            let len = u32::try_from(len).expect("no push is longer than 4 GiB");
            script.push(OP_PUSHDATA4);
            script.extend(len.to_le_bytes());
        }
    }
    script.extend(bytes);
}

/// `script` without the operations that begin with the bytes `find`, and how many were removed.
///
/// Bytes are compared at the beginning of each operation, so a match may end inside of one. A
/// signature was removed in this way from what it signs before witnesses.
#[must_use]
pub fn find_and_delete(script: &[u8], find: &[u8]) -> (Vec<u8>, usize) {
    let mut kept = Vec::with_capacity(script.len());
    if find.is_empty() {
        kept.extend(script);
        return (kept, 0);
    }
    let (mut at, mut from, mut found) = (0, 0, 0);
    loop {
        kept.extend(&script[from..at]);
        while script[at..].starts_with(find) {
            at += find.len();
            found += 1;
        }
        from = at;
        match instr::read(&script[at..]) {
            Some(instr) => at += instr.len,
            // what does not decode stays as it is
            None => break,
        }
    }
    kept.extend(&script[from..]);
    (kept, found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;

    #[test]
    fn truncated_pushes_stop_where_core_stops() {
        let cases: [(&[u8], usize); 6] = [
            (&[5, 1, 2], 1),
            (&[OP_PUSHDATA1], 1),
            (&[OP_PUSHDATA1, 2, 9], 2),
            (&[OP_PUSHDATA2, 1], 1),
            (&[OP_PUSHDATA2, 1, 0], 3),
            (&[OP_PUSHDATA4, 255, 255, 255, 255, 1], 5),
        ];
        for (script, at) in cases {
            let mut ops = Ops::new(script, 0);
            assert_eq!(ops.next(), Some(Err(Truncated)), "{script:?}");
            assert_eq!(ops.at(), at, "{script:?}");
        }
    }

    #[test]
    fn shapes() {
        let p2tr = [&[0x51, 32][..], &[9; 32]].concat();
        assert_eq!(witness_program(&p2tr), Some((1, &[9u8; 32][..])));
        assert_eq!(witness_program(&[0x60, 2, 1, 2]), Some((16, &[1u8, 2][..])));
        assert_eq!(witness_program(&[0, 1, 1]), None, "program of one byte");
        assert_eq!(witness_program(&[0, 3, 1, 2]), None, "length of another");
        assert_eq!(
            witness_program(&[&[0, 41][..], &[0; 41]].concat()),
            None,
            "41 bytes"
        );
        assert_eq!(witness_program(&[0x50, 2, 1, 2]), None, "OP_RESERVED");
        let p2sh = [&[OP_HASH160, 20][..], &[0; 20], &[OP_EQUAL]].concat();
        assert!(is_p2sh(&p2sh));
        assert!(!is_p2sh(&p2sh[..22]));
    }

    #[test]
    fn deletion() {
        // script, what to find, what is left, number found; cases of Core's FindAndDelete tests
        type Case<'a> = (&'a [u8], &'a [u8], &'a [u8], usize);
        let cases: [Case<'_>; 7] = [
            (&[0x51, 0x52], &[], &[0x51, 0x52], 0),
            (&[0x51, 0x52, 0x53], &[0x52], &[0x51, 0x53], 1),
            (&[3, 0x51, 3, 0x51, 3], &[3, 0x51, 3], &[0x51, 3], 1),
            (
                &[2, 0xfe, 0xed, 0x51, 0x69],
                &[0xfe, 0xed, 0x51],
                &[2, 0xfe, 0xed, 0x51, 0x69],
                0,
            ),
            (
                &[2, 0xfe, 0xed, 0x51, 0x69],
                &[2, 0xfe, 0xed, 0x51],
                &[0x69],
                1,
            ),
            (&[0x51, 0x69, 0x51, 0x69], &[0x51, 0x69], &[], 2),
            (&[0, 0, 0x51, 0x51], &[0, 0x51], &[0, 0x51], 1),
        ];
        for (script, find, left, found) in cases {
            assert_eq!(
                find_and_delete(script, find),
                (left.to_vec(), found),
                "{script:?} {find:?}"
            );
        }
    }

    #[test]
    fn pushes_read_back() {
        for len in [0, 1, 75, 76, 255, 256, 65_535, 65_536] {
            let bytes = vec![7; len];
            let mut script = Vec::new();
            push_bytes(&mut script, &bytes);
            let mut ops = Ops::new(&script, 0);
            assert_eq!(ops.next().unwrap().unwrap().data, bytes);
            assert!(ops.next().is_none());
        }
    }
}
