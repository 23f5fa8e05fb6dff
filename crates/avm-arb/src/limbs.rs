//! Copies of 256-bit words through general registers.
//!
//! LLVM copies a word with wide vector loads. A word on top of the stack was usually stored limb
//! by limb a moment ago, and a wide load cannot be forwarded from four narrow stores: it waits
//! until they have left the store buffer. Measured on the stack and arithmetic benchmarks; the
//! figures are in `docs/machines/arb.md`.
#![allow(unsafe_code)]

use ruint::aliases::U256;

/// `word`, read as four separate limbs.
#[inline(always)]
pub(crate) fn copied(word: &U256) -> U256 {
    let [a, b, c, d] = *word.as_limbs();
    U256::from_limbs([opaque(a), opaque(b), opaque(c), opaque(d)])
}

/// Sum modulo 2^256, in line: the library's is a call with operands in memory.
#[inline(always)]
pub(crate) fn wrapping_add(a: U256, b: U256) -> U256 {
    let (a, b) = (a.as_limbs(), b.as_limbs());
    let (s0, c) = a[0].overflowing_add(b[0]);
    let (s1, c) = carrying_add(a[1], b[1], c);
    let (s2, c) = carrying_add(a[2], b[2], c);
    let (s3, _) = carrying_add(a[3], b[3], c);
    U256::from_limbs([s0, s1, s2, s3])
}

/// Difference modulo 2^256, in line.
#[inline(always)]
pub(crate) fn wrapping_sub(a: U256, b: U256) -> U256 {
    let (a, b) = (a.as_limbs(), b.as_limbs());
    let (d0, c) = a[0].overflowing_sub(b[0]);
    let (d1, c) = borrowing_sub(a[1], b[1], c);
    let (d2, c) = borrowing_sub(a[2], b[2], c);
    let (d3, _) = borrowing_sub(a[3], b[3], c);
    U256::from_limbs([d0, d1, d2, d3])
}

#[inline(always)]
fn carrying_add(a: u64, b: u64, carry: bool) -> (u64, bool) {
    let (sum, first) = a.overflowing_add(b);
    let (sum, second) = sum.overflowing_add(u64::from(carry));
    (sum, first | second)
}

#[inline(always)]
fn borrowing_sub(a: u64, b: u64, borrow: bool) -> (u64, bool) {
    let (difference, first) = a.overflowing_sub(b);
    let (difference, second) = difference.overflowing_sub(u64::from(borrow));
    (difference, first | second)
}

/// `limb`, in a way that the compiler cannot merge with its neighbours.
#[cfg(all(target_arch = "x86_64", not(miri)))]
#[inline(always)]
pub(crate) fn opaque(mut limb: u64) -> u64 {
    // SAFETY: the assembly is empty: it reads and writes nothing but the register that holds
    // `limb`, which it leaves as it is.
    unsafe {
        core::arch::asm!("/* {0} */", inout(reg) limb, options(pure, nomem, nostack, preserves_flags));
    }
    limb
}

#[cfg(not(all(target_arch = "x86_64", not(miri))))]
#[inline(always)]
pub(crate) fn opaque(limb: u64) -> u64 {
    limb
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn agree_with_the_library(a: [u64; 4], b: [u64; 4], small: u64) {
            for b in [b, [small, 0, 0, 0], [u64::MAX; 4], a] {
                let (a, b) = (U256::from_limbs(a), U256::from_limbs(b));
                prop_assert_eq!(wrapping_add(a, b), a.wrapping_add(b));
                prop_assert_eq!(wrapping_sub(a, b), a.wrapping_sub(b));
                prop_assert_eq!(copied(&a), a);
            }
        }
    }
}
