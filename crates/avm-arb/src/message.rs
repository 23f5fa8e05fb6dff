//! Inbox messages: their bytes in the log, their hashes, and the accumulators of the two lists
//! they come from. Spec: sections 10 and 16.

use alloc::vec::Vec;

use avm_core::{Bytes, Hash};
use ruint::aliases::U256;

/// Bit 255 of a sequence number: the message came from the delayed inbox.
const DELAYED_BIT: usize = 255;
/// Bytes before the data.
const HEAD: usize = 1 + 20 + 5 * 32;

/// A message as `inbox` delivers it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Message {
    /// What the message is for, as the operating system numbers it.
    pub kind: u8,
    /// Address of the sender.
    pub sender: [u8; 20],
    /// L1 block number.
    pub block_number: U256,
    /// L1 time, in seconds.
    pub timestamp: U256,
    /// Number in its list; bit 255 is set for a message from the delayed inbox.
    pub sequence_number: U256,
    /// L1 gas price, in wei.
    pub gas_price_l1: U256,
    /// Content.
    pub data: Bytes,
}

/// Why bytes are not a [`Message`].
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum MessageError {
    /// Shorter than a message without data.
    #[error("a message is at least {HEAD} bytes, found {found}")]
    Short {
        /// Length found, in bytes.
        found: usize,
    },
    /// The data length does not fit the bytes that follow it.
    #[error("the message says {said} bytes of data, {found} follow")]
    DataLength {
        /// Length in the message.
        said: U256,
        /// Bytes behind the head.
        found: usize,
    },
}

impl Message {
    /// The message in the form of the log: kind, sender, block number, timestamp, sequence number,
    /// L1 gas price and data length as 32-byte words, data.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(HEAD + self.data.len());
        bytes.push(self.kind);
        bytes.extend(self.sender);
        let words = [
            self.block_number,
            self.timestamp,
            self.sequence_number,
            self.gas_price_l1,
            U256::from(self.data.len()),
        ];
        for word in words {
            bytes.extend(word.to_be_bytes::<32>());
        }
        bytes.extend_from_slice(&self.data);
        bytes
    }

    /// The inverse of [`Message::to_bytes`].
    ///
    /// # Errors
    /// If the bytes are too short or too long.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, MessageError> {
        let found = bytes.len();
        let (head, data) = bytes
            .split_at_checked(HEAD)
            .ok_or(MessageError::Short { found })?;
        let word = |index: usize| U256::from_be_slice(&head[21 + 32 * index..53 + 32 * index]);
        let said = word(4);
        if said != U256::from(data.len()) {
            let found = data.len();
            return Err(MessageError::DataLength { said, found });
        }
        let mut sender = [0; 20];
        sender.copy_from_slice(&head[1..21]);
        Ok(Message {
            kind: head[0],
            sender,
            block_number: word(0),
            timestamp: word(1),
            sequence_number: word(2),
            gas_price_l1: word(3),
            data: data.into(),
        })
    }

    /// Whether it came from the delayed inbox.
    #[must_use]
    pub fn is_delayed(&self) -> bool {
        self.sequence_number.bit(DELAYED_BIT)
    }

    /// Hash of the message, with its sequence number as it is.
    #[must_use]
    pub fn hash(&self) -> Hash {
        let mut bytes = Vec::with_capacity(HEAD);
        bytes.push(self.kind);
        bytes.extend(self.sender);
        let words = [
            self.block_number,
            self.timestamp,
            self.sequence_number,
            self.gas_price_l1,
        ];
        words
            .iter()
            .for_each(|word| bytes.extend(word.to_be_bytes::<32>()));
        bytes.extend(self.data_hash().0);
        Hash::keccak(&bytes)
    }

    /// `K(sender ‖ block number ‖ timestamp)`, which the sequencer accumulator takes in.
    #[must_use]
    pub fn prefix_hash(&self) -> Hash {
        let mut bytes = [0; 84];
        bytes[..20].copy_from_slice(&self.sender);
        bytes[20..52].copy_from_slice(&self.block_number.to_be_bytes::<32>());
        bytes[52..].copy_from_slice(&self.timestamp.to_be_bytes::<32>());
        Hash::keccak(&bytes)
    }

    /// Keccak-256 of the data.
    #[must_use]
    pub fn data_hash(&self) -> Hash {
        Hash::keccak(&self.data)
    }
}

/// The delayed inbox: `D[i] = K(D[i-1] ‖ hash of message i)`, zero at first. The message counts
/// with its plain number in that list.
#[must_use]
pub fn delayed_accumulator(before: Hash, message: &Message) -> Hash {
    let mut listed = message.clone();
    listed.sequence_number.set_bit(DELAYED_BIT, false);
    before.join(listed.hash())
}

/// The sequencer inbox after one more message of its own, number `number`.
#[must_use]
pub fn sequencer_accumulator(before: Hash, number: U256, prefix: Hash, data: Hash) -> Hash {
    let mut bytes = [0; 128];
    let parts = [before, Hash(number.to_be_bytes()), prefix, data];
    for (slot, part) in bytes.chunks_exact_mut(32).zip(parts) {
        slot.copy_from_slice(&part.0);
    }
    Hash::keccak(&bytes)
}

/// The sequencer inbox after a run of delayed messages `from..to`, of which the first gets the
/// number `number`; `delayed` is the delayed accumulator after the last of them.
#[must_use]
pub fn delayed_run_accumulator(
    before: Hash,
    number: U256,
    from: U256,
    to: U256,
    delayed: Hash,
) -> Hash {
    let mut bytes = Vec::from(*b"Delayed messages:");
    let words = [number, from, to].map(|word| word.to_be_bytes::<32>());
    bytes.extend(before.0);
    words.iter().for_each(|word| bytes.extend(word));
    bytes.extend(delayed.0);
    Hash::keccak(&bytes)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn bytes_round_trip(kind: u8, sender: [u8; 20], numbers: [u64; 4], delayed: bool, data: Vec<u8>) {
            let [block_number, timestamp, sequence_number, gas_price_l1] = numbers.map(U256::from);
            let mut message = Message {
                kind, sender, block_number, timestamp, sequence_number, gas_price_l1, data: data.into(),
            };
            message.sequence_number.set_bit(DELAYED_BIT, delayed);
            let bytes = message.to_bytes();
            prop_assert_eq!(message.is_delayed(), delayed);
            prop_assert_eq!(Message::from_bytes(&bytes), Ok(message));
            for cut in 0..bytes.len() {
                prop_assert!(Message::from_bytes(&bytes[..cut]).is_err());
            }
        }
    }
}
