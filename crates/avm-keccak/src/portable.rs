//! The path that runs everywhere, and the reference the others are tested against.

use crate::{absorb, padded, squeeze};

pub(crate) fn hash(message: &[u8]) -> [u8; 32] {
    let mut state = [0; 25];
    let (blocks, rest) = message.as_chunks();
    for block in blocks {
        absorb(&mut state, block);
        f1600(&mut state);
    }
    absorb(&mut state, &padded(rest));
    f1600(&mut state);
    squeeze(&state)
}

pub(crate) fn f1600(state: &mut [u64; 25]) {
    keccak::Keccak::new().with_f1600(|permute| permute(state));
}
