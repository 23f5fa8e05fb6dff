//! Claims about an execution, and what the contracts hash of them.

use alloc::vec::Vec;

use avm_core::Hash;
use ruint::aliases::U256;

/// The cut that no execution reaches.
pub const UNREACHABLE: Hash = Hash::ZERO;

/// What a cut claims beside the gas. Spec: section 19, "rest".
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Counters {
    /// Messages read.
    pub messages_read: U256,
    /// The machine hash; zero when halted, one after an error that nobody handled.
    pub machine: Hash,
    /// Accumulator over the sends.
    pub send_acc: Hash,
    /// Sends so far.
    pub sends: U256,
    /// Accumulator over the logs.
    pub log_acc: Hash,
    /// Logs so far.
    pub logs: U256,
}

impl Counters {
    /// `K(u256(messages read) ‖ M ‖ send acc ‖ u256(sends) ‖ log acc ‖ u256(logs))`.
    #[must_use]
    pub fn hash(&self) -> Hash {
        words(&[
            number(self.messages_read),
            self.machine,
            self.send_acc,
            number(self.sends),
            self.log_acc,
            number(self.logs),
        ])
    }
}

/// The claim about an execution at a total of gas.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Cut {
    /// Gas used since genesis.
    pub gas_used: U256,
    /// All else.
    pub counters: Counters,
}

impl Cut {
    /// `K(u256(gas used) ‖ rest)`.
    #[must_use]
    pub fn hash(&self) -> Hash {
        cut_hash(self.gas_used, self.counters.hash())
    }
}

/// Hash of a cut of which only the hash of the counters is known.
#[must_use]
pub fn cut_hash(gas_used: U256, rest: Hash) -> Hash {
    number(gas_used).join(rest)
}

/// A stretch of gas.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Segment {
    /// Where it starts.
    pub start: U256,
    /// How long it is.
    pub length: U256,
}

impl Segment {
    /// Where it ends; `None` if that is 2^256 or more.
    #[must_use]
    pub fn end(&self) -> Option<U256> {
        self.start.checked_add(self.length)
    }

    /// `K(u256(start) ‖ u256(length) ‖ cut ‖ cut)`: the segment with the cuts at its ends.
    #[must_use]
    pub fn hash(&self, before: Hash, after: Hash) -> Hash {
        words(&[number(self.start), number(self.length), before, after])
    }

    /// In how many parts a bisection of a degree cuts it.
    #[must_use]
    pub fn parts(&self, degree: u64) -> u64 {
        self.length.min(U256::from(degree)).saturating_to()
    }

    /// The parts: all as long as each other, but that the first takes what is left over.
    pub fn split(&self, degree: u64) -> impl Iterator<Item = Segment> + use<> {
        let Segment { start, length } = *self;
        let parts = U256::from(self.parts(degree));
        let (each, over) = match parts {
            U256::ZERO => (U256::ZERO, U256::ZERO),
            parts => length.div_rem(parts),
        };
        let at = move |index: u64| match index {
            0 => start,
            index => start
                .wrapping_add(over)
                .wrapping_add(each.wrapping_mul(U256::from(index))),
        };
        (0..parts.saturating_to()).map(move |index| Segment {
            start: at(index),
            length: at(index + 1).wrapping_sub(at(index)),
        })
    }
}

/// A state of the execution as a node of the rollup chain keeps it. Spec: section 20.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ExecutionState {
    /// The execution.
    pub cut: Cut,
    /// Block in which it was proposed.
    pub proposed_block: U256,
    /// Messages that the inbox had then: what its child may read.
    pub inbox_max_count: U256,
}

impl ExecutionState {
    /// `stateHash`: the nine words of a state.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let Cut { gas_used, counters } = self.cut;
        words(&[
            number(gas_used),
            counters.machine,
            number(counters.messages_read),
            number(counters.sends),
            number(counters.logs),
            counters.send_acc,
            counters.log_acc,
            number(self.proposed_block),
            number(self.inbox_max_count),
        ])
    }

    /// `execHash`: that the execution goes from this state to `after`, which is the one segment
    /// that a challenge starts with.
    #[must_use]
    pub fn execution_hash(&self, after: &ExecutionState) -> Hash {
        let (before, after) = (self.cut, after.cut);
        let segment = Segment {
            start: before.gas_used,
            length: after.gas_used.wrapping_sub(before.gas_used),
        };
        segment.hash(before.hash(), after.hash())
    }
}

/// `challengeHash`: what a node keeps of its execution for a later challenge.
#[must_use]
pub fn challenge_hash(execution: Hash, proposed_block: U256, messages_read: U256) -> Hash {
    words(&[execution, number(proposed_block), number(messages_read)])
}

/// `confirmHash`: what a node gives out once it is confirmed.
#[must_use]
pub fn confirm_hash(before: &Counters, after: &Counters) -> Hash {
    words(&[
        before.send_acc,
        after.send_acc,
        number(after.sends),
        after.log_acc,
        number(after.logs),
    ])
}

/// What the name of a node of the rollup chain commits to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct NodeHash {
    /// Whether it has an older sibling.
    pub has_sibling: bool,
    /// Name of the sibling before it, else of its parent.
    pub last: Hash,
    /// [`ExecutionState::execution_hash`].
    pub execution: Hash,
    /// Accumulator of the sequencer inbox at the end of the last batch it reads.
    pub batch_acc: Hash,
}

impl NodeHash {
    /// `nodeHash`.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut bytes = [0; 97];
        bytes[0] = u8::from(self.has_sibling);
        let parts = [self.last, self.execution, self.batch_acc];
        for (slot, part) in bytes[1..].chunks_exact_mut(32).zip(parts) {
            slot.copy_from_slice(&part.0);
        }
        Hash::of(&bytes)
    }
}

fn number(number: U256) -> Hash {
    Hash(number.to_be_bytes())
}

fn words(words: &[Hash]) -> Hash {
    let bytes: Vec<u8> = words.iter().flat_map(|word| word.0).collect();
    Hash::keccak(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::vec;
    use proptest::prelude::*;

    fn hash(byte: u8) -> Hash {
        Hash([byte; 32])
    }

    fn laid(parts: &[&[u8]]) -> Hash {
        Hash::keccak(&parts.concat())
    }

    fn word(n: u8) -> [u8; 32] {
        U256::from(n).to_be_bytes()
    }

    #[test]
    fn rollup_hashes_lay_their_fields_in_order() {
        let counters = |at: u8| Counters {
            messages_read: U256::from(at + 1),
            machine: hash(at + 2),
            send_acc: hash(at + 3),
            sends: U256::from(at + 4),
            log_acc: hash(at + 5),
            logs: U256::from(at + 6),
        };
        let state = |at: u8| ExecutionState {
            cut: Cut {
                gas_used: U256::from(at),
                counters: counters(at),
            },
            proposed_block: U256::from(at + 7),
            inbox_max_count: U256::from(at + 8),
        };
        let (before, after) = (state(0x10), state(0x40));
        let nine = [
            &word(0x10),
            &hash(0x12).0,
            &word(0x11),
            &word(0x14),
            &word(0x16),
            &hash(0x13).0,
            &hash(0x15).0,
            &word(0x17),
            &word(0x18),
        ];
        assert_eq!(before.hash(), laid(&nine.map(|part| &part[..])));
        let execution = before.execution_hash(&after);
        let (from, to) = (before.cut.hash(), after.cut.hash());
        assert_eq!(execution, laid(&[&word(0x10), &word(0x30), &from.0, &to.0]));
        assert_eq!(
            challenge_hash(execution, U256::from(3), U256::from(4)),
            laid(&[&execution.0, &word(3), &word(4)])
        );
        let confirmed = [
            &hash(0x13).0,
            &hash(0x43).0,
            &word(0x44),
            &hash(0x45).0,
            &word(0x46),
        ];
        assert_eq!(
            confirm_hash(&before.cut.counters, &after.cut.counters),
            laid(&confirmed.map(|part| &part[..]))
        );
        let node = NodeHash {
            has_sibling: true,
            last: hash(1),
            execution: hash(2),
            batch_acc: hash(3),
        };
        let want = laid(&[&[1], &hash(1).0, &hash(2).0, &hash(3).0]);
        assert_eq!(node.hash(), want);
    }

    #[test]
    fn an_empty_segment_has_no_parts() {
        let segment = Segment {
            start: U256::ONE,
            length: U256::ZERO,
        };
        assert_eq!(segment.split(400).collect::<Vec<_>>(), vec![]);
    }

    proptest! {
        #[test]
        fn parts_lie_end_to_end(start: u32, length in 1u64..1_000_000, degree in 1u64..500) {
            let (start, length) = (U256::from(start), U256::from(length));
            let segment = Segment { start, length };
            let parts: Vec<Segment> = segment.split(degree).collect();
            prop_assert_eq!(parts.len() as u64, segment.parts(degree));
            let mut at = start;
            for part in &parts {
                prop_assert_eq!(part.start, at);
                prop_assert!(part.length > U256::ZERO);
                at = part.end().unwrap();
            }
            prop_assert_eq!(Some(at), segment.end());
            prop_assert!(parts[1..].iter().all(|part| part.length == length / U256::from(parts.len())));
        }
    }
}
