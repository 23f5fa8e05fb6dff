use alloc::string::String;

use avm_core::{Claim, Hash};
use avm_merkle::LogHead;

use crate::Segment;

/// Most parties of a game.
pub const MAX_PARTIES: usize = 128;
/// Longest run that is argued about, in steps.
pub const MAX_STEPS: u64 = 1 << 62;
/// Most bytes of one posting of cuts.
pub const MAX_CUTS_BYTES: usize = 16 << 10;
/// Most parts that a segment is cut into, so that a posting of cuts stays within
/// [`MAX_CUTS_BYTES`] with its signature.
pub const MAX_ARITY: u32 = (MAX_CUTS_BYTES as u32 - 256) / 32;

/// A party, by the order of joining.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Party(pub u16);

impl core::fmt::Display for Party {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        write!(f, "party {}", self.0)
    }
}

/// What the parties agree on before a game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Terms {
    /// Id of the machine, as [`Vm::id`](avm_core::Vm::id).
    pub machine: String,
    /// Name of the rules, as [`Vm::spec`](avm_core::Vm::spec).
    pub spec: String,
    /// Where the run starts, for example the claim at genesis.
    pub start: Claim,
    /// Length and root of the log.
    pub log: LogHead,
    /// Where the run is looked at: after so many steps, counted from genesis. A run that is over
    /// before is idle there. At most [`MAX_STEPS`].
    pub last: u64,
    /// Most parts that a segment may be cut into; 2 to [`MAX_ARITY`].
    pub arity: u32,
    /// Time to join, in milliseconds.
    pub join_ms: u64,
    /// Joining is over early when so many have joined; 0 for never.
    pub expected: u16,
    /// Time for the moves of a round, in milliseconds.
    pub round_ms: u64,
    /// Anything that makes the game unlike all others, so that no signed move fits another game.
    pub nonce: [u8; 16],
}

impl Terms {
    /// Names the game: Keccak-256 of the terms as bytes.
    #[must_use]
    pub fn id(&self) -> Hash {
        Hash::keccak(&self.to_bytes())
    }

    /// Rounds that a game about `steps` steps takes at most: those that cut, and the one that
    /// proves.
    #[must_use]
    pub const fn rounds(&self, steps: u64) -> u32 {
        cutting_rounds(steps, self.arity) + 1
    }

    /// The arity that a game about `segment` is played with: the smallest that takes no more rounds
    /// than the largest allowed one.
    #[must_use]
    pub(crate) fn balanced_arity(&self, segment: Segment) -> u32 {
        let rounds = cutting_rounds(segment.len, self.arity);
        let (mut low, mut high) = (2, self.arity);
        while low < high {
            let middle = low.midpoint(high);
            if cutting_rounds(segment.len, middle) <= rounds {
                high = middle;
            } else {
                low = middle + 1;
            }
        }
        high
    }
}

/// `ceil(log_k(steps))`: how often `steps` has to be cut into `k` parts until a part is one step.
const fn cutting_rounds(steps: u64, k: u32) -> u32 {
    // Such terms cannot be opened; whoever asks before gets an answer.
    let k = if k < 2 { 2 } else { k };
    let (mut reach, mut rounds) = (1u128, 0);
    while reach < steps as u128 {
        reach *= k as u128;
        rounds += 1;
    }
    rounds
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rounds_of_cutting() {
        let cases = [
            (0, 2, 0),
            (1, 2, 0),
            (2, 2, 1),
            (3, 2, 2),
            (1 << 43, 2, 43),
            (400, 400, 1),
            (401, 400, 2),
            (1 << 43, MAX_ARITY, 5),
            (MAX_STEPS, MAX_ARITY, 7),
        ];
        for (steps, k, want) in cases {
            assert_eq!(cutting_rounds(steps, k), want, "{steps} steps in {k} parts");
        }
    }
}
