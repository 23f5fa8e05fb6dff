//! Instruction words: `op:8 a:8 b:8 c:8`, the opcode in the lowest byte.
//!
//! `bx` is `b | c << 8`; `sbx` is the same sixteen bits as a signed number, counted from the next
//! word when it is a distance.

/// A word from an opcode and three operand bytes.
#[must_use]
pub const fn abc(op: u8, a: u8, b: u8, c: u8) -> u32 {
    u32::from_le_bytes([op, a, b, c])
}

/// A word from an opcode, `a` and the sixteen bits of `b` and `c`.
#[must_use]
pub const fn abx(op: u8, a: u8, bx: u16) -> u32 {
    let [b, c] = bx.to_le_bytes();
    abc(op, a, b, c)
}

/// A word from an opcode, `a` and a signed number in `b` and `c`.
#[must_use]
pub const fn asbx(op: u8, a: u8, sbx: i16) -> u32 {
    abx(op, a, sbx.cast_unsigned())
}

/// The opcode of a word.
#[must_use]
pub const fn op(word: u32) -> u8 {
    word.to_le_bytes()[0]
}

/// The first operand.
#[must_use]
pub const fn a(word: u32) -> u8 {
    word.to_le_bytes()[1]
}

/// The second operand.
#[must_use]
pub const fn b(word: u32) -> u8 {
    word.to_le_bytes()[2]
}

/// The third operand.
#[must_use]
pub const fn c(word: u32) -> u8 {
    word.to_le_bytes()[3]
}

/// The second and third operand as one number.
#[must_use]
pub const fn bx(word: u32) -> u16 {
    u16::from_le_bytes([b(word), c(word)])
}

/// The second and third operand as one signed number.
#[must_use]
pub const fn sbx(word: u32) -> i16 {
    bx(word).cast_signed()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_layout() {
        assert_eq!(abc(0x20, 1, 2, 3), 0x0302_0120);
        assert_eq!(abx(0x03, 7, 0x1234), 0x1234_0703);
        assert_eq!(asbx(0x08, 0, -1), 0xffff_0008);
    }

    proptest! {
        #[test]
        fn what_goes_in_comes_out(o: u8, x: u8, y: u8, z: u8, far: i16) {
            let word = abc(o, x, y, z);
            prop_assert_eq!((op(word), a(word), b(word), c(word)), (o, x, y, z));
            let word = asbx(o, x, far);
            prop_assert_eq!((op(word), a(word), sbx(word)), (o, x, far));
            prop_assert_eq!(abx(o, x, bx(word)), word);
        }
    }
}
