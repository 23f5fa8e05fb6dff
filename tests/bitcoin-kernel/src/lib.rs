//! Chains of `avm-regtest` against the validation of Bitcoin Core.
//!
//! `Kernel` (with the feature of that name) is Bitcoin Core's library with a chain of regtest; it
//! says in order which blocks it connects and disconnects. A [`Follower`] is whoever keeps a state
//! along: a chain of `avm-regtest`, or `IndexFollower`, the index of `avm-atomicals`.

use avm_regtest::bitcoin::{BlockHash, consensus};
use avm_regtest::{Chain, Event};

#[cfg(feature = "kernel")]
mod index;
#[cfg(feature = "kernel")]
mod kernel;

#[cfg(feature = "kernel")]
pub use index::{IndexFollower, Keep, give};
#[cfg(feature = "kernel")]
pub use kernel::{Kernel, Spent, Verdict};

/// Keeps a state along a chain of blocks that may be taken back.
pub trait Follower {
    /// The block is the new tip, at this height.
    fn connect(&mut self, height: u32, block: &[u8]);
    /// The tip, at this height, is taken back.
    fn disconnect(&mut self, height: u32);
}

impl Follower for Chain {
    /// # Panics
    /// If the chain refuses the block, or has another height.
    fn connect(&mut self, height: u32, block: &[u8]) {
        assert_eq!(height, self.height() + 1, "a block on another height");
        let block = consensus::deserialize(block).expect("bytes of a block");
        Self::connect(self, block).expect("what the kernel connects");
    }

    /// # Panics
    /// If the chain has another height.
    fn disconnect(&mut self, height: u32) {
        assert_eq!(height, self.height(), "a block on another height");
        self.reorg(1).expect("there is a tip");
    }
}

/// By which steps a chain of blocks gets to another that has more work. The blocks are from the
/// genesis block on.
#[must_use]
pub fn path(from: &[BlockHash], to: &[BlockHash]) -> Vec<Event> {
    let common = from
        .iter()
        .zip(to)
        .take_while(|(from, to)| from == to)
        .count();
    let height = |index: usize| u32::try_from(index).expect("few blocks");
    let down = (common..from.len()).rev();
    let down = down.map(|index| Event::Disconnected(height(index), from[index]));
    let up = (common..to.len()).map(|index| Event::Connected(height(index), to[index]));
    down.chain(up).collect()
}
