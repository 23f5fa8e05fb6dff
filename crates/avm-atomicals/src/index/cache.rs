//! What makes an index fast and is no part of a state: a filter of outputs, and code in memory.
//!
//! A transaction's inputs are looked up in the state to see whether they carry tokens, and hardly
//! any does. The filter says so in one or two reads of memory. It only ever grows: an output is
//! spent once, so one that was spent is never asked for again, and after a reorg it has all that
//! any branch had. What it says is either "not there", which is true, or "perhaps".
//!
//! That holds for states whose outputs all went through it. A machine that begins a chain is such a
//! one and so are its later states, which the cache keeps the names of; one that opens another state
//! does without the filter until [`super::IndexMachine::warm`].

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, VecDeque};
use alloc::vec::Vec;
use core::sync::atomic::{AtomicU64, Ordering};

use avm_core::{Hash, HostError};
use spin::{Mutex, Once};

use super::rows::Outpoint;
use crate::script::text::Text;

/// Outputs that the first layer takes.
const FIRST: u64 = 1 << 18;
/// How many times as many each further layer takes.
const GROWTH: u32 = 2;
/// Layers; the last one takes 2^46 outputs, which is more than there will be.
const LAYERS: usize = 15;
/// Bits of an output.
const PROBES: u32 = 6;
/// Words of a block; all bits of an output are in one, which is a line of the cache.
const BLOCK_WORDS: u64 = 8;
/// States that are kept: more than anybody takes back.
const COVERED: usize = 1 << 12;
/// Most bytes of code that are kept.
const CODE_BYTES: usize = 64 << 20;

/// What one running index keeps beside its state; machines that are forked or opened from it share it.
#[derive(Default)]
pub struct Cache {
    layers: [Once<Layer>; LAYERS],
    /// The last states whose outputs with tokens it has, every one.
    covered: Mutex<VecDeque<Hash>>,
    codes: Mutex<Codes>,
}

struct Layer {
    words: Box<[AtomicU64]>,
    held: AtomicU64,
    room: u64,
}

#[derive(Default)]
struct Codes {
    texts: BTreeMap<Hash, Text>,
    bytes: usize,
}

impl Layer {
    /// A layer for this many outputs, at 16 bits each.
    fn new(room: u64) -> Self {
        let words = (room / 4).next_power_of_two();
        Self {
            words: (0..words).map(|_| AtomicU64::new(0)).collect(),
            held: AtomicU64::new(0),
            room,
        }
    }

    /// The block of an output, and where its bits are.
    fn place(&self, outpoint: &Outpoint) -> (usize, u64) {
        let word = |at: usize| {
            u64::from_le_bytes(*outpoint[at..].first_chunk().expect("an outpoint has 36"))
        };
        // The transaction id is random; the number of the output must not be lost.
        let output = u64::from(u32::from_le_bytes(
            *outpoint[32..].first_chunk().expect("the last four"),
        ));
        let mixed = (word(0) ^ output.wrapping_mul(0x9e37_79b9_7f4a_7c15))
            .wrapping_mul(0xff51_afd7_ed55_8ccd);
        let blocks = self.words.len() as u64 / BLOCK_WORDS;
        let block = (mixed >> 20) & (blocks - 1);
        let bits = (word(8) ^ mixed.rotate_left(32)).wrapping_mul(0xc4ce_b9fe_1a85_ec53);
        ((block * BLOCK_WORDS) as usize, bits)
    }

    fn has(&self, outpoint: &Outpoint) -> bool {
        let (block, mut bits) = self.place(outpoint);
        let block = &self.words[block..block + BLOCK_WORDS as usize];
        (0..PROBES).all(|_| {
            let (word, bit) = ((bits & 7) as usize, (bits >> 3) & 63);
            bits >>= 9;
            block[word].load(Ordering::Relaxed) >> bit & 1 == 1
        })
    }

    fn add(&self, outpoint: &Outpoint) {
        let (block, mut bits) = self.place(outpoint);
        for _ in 0..PROBES {
            let (word, bit) = ((bits & 7) as usize, (bits >> 3) & 63);
            bits >>= 9;
            self.words[block + word].fetch_or(1 << bit, Ordering::Relaxed);
        }
        self.held.fetch_add(1, Ordering::Relaxed);
    }
}

impl Cache {
    /// Whether an output may carry tokens in a state that is covered.
    pub(crate) fn may_have(&self, outpoint: &Outpoint) -> bool {
        let mut layers = self.layers.iter().map_while(Once::get);
        layers.any(|layer| layer.has(outpoint))
    }

    /// An output carries tokens.
    pub(crate) fn add(&self, outpoint: &Outpoint) {
        let mut room = FIRST;
        for layer in &self.layers {
            let layer = layer.call_once(|| Layer::new(room));
            if layer.held.load(Ordering::Relaxed) < layer.room {
                return layer.add(outpoint);
            }
            room <<= GROWTH;
        }
        unreachable!("there are fewer than 2^46 outputs")
    }

    /// It has every output of this state.
    pub(crate) fn cover(&self, state: Hash) {
        let mut covered = self.covered.lock();
        if covered.back() == Some(&state) {
            return;
        }
        if covered.len() == COVERED {
            covered.pop_front();
        }
        covered.push_back(state);
    }

    /// Whether it is known to have every output of a state.
    #[must_use]
    pub fn covers(&self, state: Hash) -> bool {
        self.covered.lock().contains(&state)
    }

    /// Bytes of memory it takes.
    #[must_use]
    pub fn bytes(&self) -> usize {
        let layers = self.layers.iter().map_while(Once::get);
        let words: usize = layers.map(|layer| layer.words.len()).sum();
        words * 8 + self.codes.lock().bytes
    }

    /// Code in memory in place of code in a store.
    pub(crate) fn code(&self, code: &Text) -> Result<Text, HostError> {
        if code.nodes().is_none() {
            return Ok(code.clone());
        }
        let name = code.names().blob;
        if let Some(text) = self.codes.lock().texts.get(&name) {
            return Ok(text.clone());
        }
        let text = Text::from(code.bytes()?);
        let mut codes = self.codes.lock();
        if codes.bytes + text.len() > CODE_BYTES {
            *codes = Codes::default();
        }
        codes.bytes += text.len();
        codes.texts.insert(name, text.clone());
        Ok(text)
    }
}

impl core::fmt::Debug for Cache {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let held = |layer: &Layer| layer.held.load(Ordering::Relaxed);
        let layers: Vec<u64> = self.layers.iter().filter_map(Once::get).map(held).collect();
        write!(f, "outputs in layers: {layers:?}")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::script::digest::sha256;

    fn outpoint(number: u32) -> Outpoint {
        let mut outpoint = [0; 36];
        outpoint[..32].copy_from_slice(&sha256(&(number / 3).to_be_bytes()));
        outpoint[32..].copy_from_slice(&(number % 3).to_le_bytes());
        outpoint
    }

    #[test]
    fn what_was_added_is_there_and_little_else() {
        let cache = Cache::default();
        assert!(!cache.may_have(&outpoint(1)));
        // Into the second layer.
        let many = FIRST as u32 + 50_000;
        (0..many).for_each(|number| cache.add(&outpoint(number)));
        assert!((0..many).all(|number| cache.may_have(&outpoint(number))));
        let wrong = (many..many + 100_000).filter(|number| cache.may_have(&outpoint(*number)));
        let wrong = wrong.count();
        assert!(wrong < 1_000, "{wrong} of 100000 are not there");
    }

    #[test]
    fn the_last_states_are_covered() {
        let cache = Cache::default();
        let state = |number: usize| Hash(sha256(&number.to_be_bytes()));
        assert!(!cache.covers(state(0)));
        (0..COVERED + 1).for_each(|number| cache.cover(state(number)));
        assert!(!cache.covers(state(0)), "too long ago");
        assert!((1..COVERED + 1).all(|number| cache.covers(state(number))));
    }
}
