//! Keccak-256 as Ethereum uses it: rate 136 bytes, padding byte `0x01` (not the `0x06` of SHA3-256).
//!
//! Every function gives the same bytes on every machine; only the speed differs. Three paths exist:
//!
//! | path | needs | for |
//! | ---- | ----- | --- |
//! | AVX-512 | x86-64, AVX-512F and VL | one message in registers, eight messages side by side |
//! | BMI | x86-64, BMI1 and BMI2 | one message, scalar |
//! | portable | nothing | the `keccak` crate's permutation (SHA3 instructions on aarch64) |
//!
//! With the default feature `std` the path is chosen at run time, at the price of a load and a
//! branch that is always predicted. Without it, what the build target guarantees is used.
//!
//! Reading order: this file, `portable`, `x86`.
//!
//! Source: FIPS 202 for the permutation and the sponge, the Ethereum yellow paper for the padding.
//!
//! ```
//! let digest = avm_keccak::keccak256(b"");
//! assert_eq!(digest[..4], [0xc5, 0xd2, 0x46, 0x01]);
//! ```
#![no_std]

#[cfg(feature = "std")]
extern crate std;

mod portable;
#[cfg(all(target_arch = "x86_64", not(miri)))]
mod x86;

/// Bytes absorbed per permutation.
const RATE: usize = 136;

/// Hash of `message`, of any length.
///
/// Source: Ethereum yellow paper, section "Conventions" (`KEC`).
#[inline]
pub fn keccak256(message: &[u8]) -> [u8; 32] {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if let Some(digest) = x86::hash(message) {
        return digest;
    }
    portable::hash(message)
}

/// Hash of a message whose length is known while compiling.
///
/// The same hash as [`keccak256`], with less work before and after the permutation. Each `N` is
/// its own copy of the code (about 3 kB with AVX-512), so use it for the few hot sizes.
#[inline]
pub fn keccak256_fixed<const N: usize>(message: &[u8; N]) -> [u8; 32] {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if let Some(digest) = x86::hash_fixed(message) {
        return digest;
    }
    portable::hash(message)
}

/// Hashes of `out.len()` messages of `len` bytes each, laid end to end in `messages`.
///
/// Eight at a time with AVX-512, one at a time elsewhere.
///
/// # Panics
/// If `messages.len()` is not `len * out.len()`.
pub fn keccak256_batch(len: usize, messages: &[u8], out: &mut [[u8; 32]]) {
    assert!(
        len.checked_mul(out.len()) == Some(messages.len()),
        "{} messages of {len} bytes do not lie in {} bytes",
        out.len(),
        messages.len(),
    );
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if x86::hash_batch(len, messages, out) {
        return;
    }
    for (i, digest) in out.iter_mut().enumerate() {
        *digest = keccak256(&messages[i * len..][..len]);
    }
}

/// The permutation `Keccak-f[1600]` in place. Lane (x, y) is `state[x + 5 * y]`.
///
/// Source: FIPS 202, sections 3.2 to 3.4.
#[inline]
pub fn keccak_f1600(state: &mut [u64; 25]) {
    #[cfg(all(target_arch = "x86_64", not(miri)))]
    if x86::f1600(state) {
        return;
    }
    portable::f1600(state);
}

/// Keccak-256 of a message that comes in parts.
///
/// ```
/// let mut hasher = avm_keccak::Keccak256::new();
/// hasher.update(b"one ");
/// hasher.update(b"message");
/// assert_eq!(hasher.finalize(), avm_keccak::keccak256(b"one message"));
/// ```
#[derive(Clone)]
pub struct Keccak256 {
    state: [u64; 25],
    /// The bytes not yet absorbed; zero from `filled` on.
    block: [u8; RATE],
    /// Always below `RATE`.
    filled: usize,
}

impl Keccak256 {
    /// A hasher that has seen no bytes.
    #[inline]
    pub const fn new() -> Self {
        Self {
            state: [0; 25],
            block: [0; RATE],
            filled: 0,
        }
    }

    /// Appends `part` to the message.
    pub fn update(&mut self, mut part: &[u8]) {
        if self.filled > 0 {
            let taken = part.len().min(RATE - self.filled);
            self.block[self.filled..][..taken].copy_from_slice(&part[..taken]);
            self.filled += taken;
            if self.filled < RATE {
                return;
            }
            absorb(&mut self.state, &self.block);
            keccak_f1600(&mut self.state);
            self.block = [0; RATE];
            part = &part[taken..];
        }
        let (blocks, rest) = part.as_chunks();
        for block in blocks {
            absorb(&mut self.state, block);
            keccak_f1600(&mut self.state);
        }
        self.block[..rest.len()].copy_from_slice(rest);
        self.filled = rest.len();
    }

    /// The hash of everything appended.
    pub fn finalize(mut self) -> [u8; 32] {
        self.block[self.filled] = 0x01;
        self.block[RATE - 1] |= 0x80;
        absorb(&mut self.state, &self.block);
        keccak_f1600(&mut self.state);
        squeeze(&self.state)
    }
}

impl Default for Keccak256 {
    fn default() -> Self {
        Self::new()
    }
}

impl core::fmt::Debug for Keccak256 {
    /// Prints no part of the message or the state.
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Keccak256").finish_non_exhaustive()
    }
}

/// `rest` (shorter than a block) with the padding behind it.
#[inline]
fn padded(rest: &[u8]) -> [u8; RATE] {
    let mut block = [0; RATE];
    block[..rest.len()].copy_from_slice(rest);
    block[rest.len()] = 0x01;
    block[RATE - 1] |= 0x80;
    block
}

/// Adds a block to the first 17 lanes.
#[inline]
fn absorb(state: &mut [u64; 25], block: &[u8; RATE]) {
    for (lane, word) in state.iter_mut().zip(block.as_chunks().0) {
        *lane ^= u64::from_le_bytes(*word);
    }
}

/// The first four lanes as bytes.
#[inline]
fn squeeze(state: &[u64; 25]) -> [u8; 32] {
    let mut digest = [0; 32];
    for (bytes, lane) in digest.as_chunks_mut().0.iter_mut().zip(state) {
        *bytes = lane.to_le_bytes();
    }
    digest
}
