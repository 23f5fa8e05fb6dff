//! The proof that a message is next in the inbox. Spec: sections 10 and 16.

use alloc::vec::Vec;

use avm_arb::Message;
use avm_arb::message::{delayed_accumulator, delayed_run_accumulator, sequencer_accumulator};
use avm_core::Hash;
use ruint::aliases::U256;

/// Bit 255 of a sequence number: the message came from the delayed inbox.
const DELAYED_BIT: usize = 255;

/// What the proof of an `inbox` step says about the message that it takes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InboxProof {
    /// The message, with the sequence number that the machine sees.
    pub message: Message,
    /// Number of the batch that holds it.
    pub batch: U256,
    /// The running accumulator of the sequencer inbox before the item of the message.
    pub before: Hash,
    /// The run of delayed messages that it is in, if it came from the delayed inbox.
    pub run: Option<DelayedRun>,
    /// The items behind, to the end of the batch.
    pub following: Vec<BatchItem>,
}

/// Where a run of delayed messages stands in the sequencer inbox.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct DelayedRun {
    /// Number of its first message among all messages.
    pub number: U256,
    /// The first message, as the delayed inbox counts.
    pub start: U256,
    /// The message behind the last.
    pub end: U256,
}

/// One item of a batch, as its accumulator takes it in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum BatchItem {
    /// A message of the sequencer.
    Sequencer {
        /// [`Message::prefix_hash`].
        prefix: Hash,
        /// [`Message::data_hash`].
        data: Hash,
    },
    /// A run of delayed messages.
    Delayed {
        /// The first, as the delayed inbox counts.
        start: U256,
        /// The message behind the last.
        end: U256,
    },
}

impl InboxProof {
    /// Number of the message among all messages: how many were read before it.
    #[must_use]
    pub fn number(&self) -> U256 {
        let listed = self.listed_number();
        match self.run {
            Some(run) => listed.wrapping_sub(run.start).wrapping_add(run.number),
            None => listed,
        }
    }

    /// The sequence number in the message's own list.
    fn listed_number(&self) -> U256 {
        let mut number = self.message.sequence_number;
        if self.run.is_some() {
            number.set_bit(DELAYED_BIT, false);
        }
        number
    }

    /// The bytes behind the proof of the step. Spec: section 16.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut listed = self.message.clone();
        listed.sequence_number = self.listed_number();
        // The form of the log is the first line of the proof.
        let mut bytes = listed.to_bytes();
        let mut words = |words: &[U256], tag: Option<u8>| {
            bytes.extend(tag);
            words
                .iter()
                .for_each(|word| bytes.extend(word.to_be_bytes::<32>()));
        };
        words(&[self.batch], None);
        words(&[word(self.before)], Some(u8::from(self.run.is_some())));
        if let Some(run) = self.run {
            words(&[run.number, run.start, run.end], None);
        }
        for item in &self.following {
            match *item {
                BatchItem::Sequencer { prefix, data } => {
                    words(&[word(prefix), word(data)], Some(0));
                }
                BatchItem::Delayed { start, end } => words(&[start, end], Some(1)),
            }
        }
        words(&[], Some(2));
        bytes
    }
}

fn word(hash: Hash) -> U256 {
    U256::from_be_bytes(hash.0)
}

/// A batch of the sequencer inbox with everything that proofs need: the messages in the order in
/// which the machine reads them, and the accumulators.
///
/// Delayed messages that follow each other are one run. The contract puts an empty message of the
/// sequencer behind each run; it is a message as any other, and in the list.
#[derive(Clone, Debug)]
pub struct Batch {
    start: BatchStart,
    messages: Vec<Message>,
    entries: Vec<Entry>,
    /// Entry of each message.
    entry_of: Vec<usize>,
    delayed: Vec<Hash>,
    end: Hash,
}

/// An item of a batch and its place.
#[derive(Clone, Copy, Debug)]
struct Entry {
    item: BatchItem,
    /// Number of its first message.
    number: U256,
    /// The accumulator before it.
    before: Hash,
}

/// Where a batch begins.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct BatchStart {
    /// Number of the batch.
    pub index: u64,
    /// Messages in the batches before it.
    pub messages: u64,
    /// The accumulator of the sequencer inbox at the end of the batch before it.
    pub sequencer: Hash,
    /// The accumulator of the delayed inbox behind the last message that a batch before it took.
    pub delayed: Hash,
}

/// Why messages are not a batch.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BatchError {
    /// A message of the sequencer with another number than its place.
    #[error("message {number} has sequence number {found}")]
    SequencerNumber {
        /// Its place among all messages.
        number: U256,
        /// Its sequence number.
        found: U256,
    },
    /// Delayed messages that do not follow each other in the delayed inbox.
    #[error("message {number} is delayed message {found}, delayed message {want} is next")]
    DelayedNumber {
        /// Its place among all messages.
        number: U256,
        /// Its number in the delayed inbox.
        found: U256,
        /// The number that follows the one before it.
        want: U256,
    },
}

impl Batch {
    /// The batch of `messages` that begins at `start`.
    ///
    /// # Errors
    /// If the sequence numbers of the messages are not those of their places.
    pub fn new(start: BatchStart, messages: Vec<Message>) -> Result<Self, BatchError> {
        let (mut acc, mut delayed_acc) = (start.sequencer, start.delayed);
        let mut number = U256::from(start.messages);
        let (mut entries, mut entry_of, mut delayed) = (Vec::new(), Vec::new(), Vec::new());
        let mut want_delayed = None;
        let mut rest = &messages[..];
        while let Some(first) = rest.first() {
            let before = acc;
            let (item, len) = if first.is_delayed() {
                let len = rest.iter().take_while(|message| message.is_delayed());
                let len = len.count();
                let mut end = U256::ZERO;
                for (message, number) in rest[..len].iter().zip(numbers(number)) {
                    let mut found = message.sequence_number;
                    found.set_bit(DELAYED_BIT, false);
                    if let Some(want) = want_delayed.filter(|&want| want != found) {
                        return Err(BatchError::DelayedNumber {
                            number,
                            found,
                            want,
                        });
                    }
                    end = found.wrapping_add(U256::ONE);
                    want_delayed = Some(end);
                    delayed_acc = delayed_accumulator(delayed_acc, message);
                    delayed.push(delayed_acc);
                }
                let from = end.wrapping_sub(U256::from(len));
                acc = delayed_run_accumulator(acc, number, from, end, delayed_acc);
                (BatchItem::Delayed { start: from, end }, len)
            } else {
                let found = first.sequence_number;
                if found != number {
                    return Err(BatchError::SequencerNumber { number, found });
                }
                let (prefix, data) = (first.prefix_hash(), first.data_hash());
                acc = sequencer_accumulator(acc, number, prefix, data);
                (BatchItem::Sequencer { prefix, data }, 1)
            };
            entry_of.extend(core::iter::repeat_n(entries.len(), len));
            entries.push(Entry {
                item,
                number,
                before,
            });
            number = number.wrapping_add(U256::from(len));
            rest = &rest[len..];
        }
        Ok(Batch {
            start,
            messages,
            entries,
            entry_of,
            delayed,
            end: acc,
        })
    }

    /// Where the batch begins.
    #[must_use]
    pub fn start(&self) -> BatchStart {
        self.start
    }

    /// Its messages, in the order in which the machine reads them.
    #[must_use]
    pub fn messages(&self) -> &[Message] {
        &self.messages
    }

    /// The accumulator of the sequencer inbox at the end of the batch.
    #[must_use]
    pub fn accumulator(&self) -> Hash {
        self.end
    }

    /// The accumulators of the delayed inbox behind each delayed message of the batch.
    #[must_use]
    pub fn delayed_accumulators(&self) -> &[Hash] {
        &self.delayed
    }

    /// What the proof of the step says that takes message `at` of the batch, counted from 0; `None`
    /// past its end.
    #[must_use]
    pub fn proof(&self, at: usize) -> Option<InboxProof> {
        let entry = *self.entry_of.get(at)?;
        let (place, following) = self.entries[entry..].split_first()?;
        let run = match place.item {
            BatchItem::Delayed { start, end } => Some(DelayedRun {
                number: place.number,
                start,
                end,
            }),
            BatchItem::Sequencer { .. } => None,
        };
        Some(InboxProof {
            message: self.messages[at].clone(),
            batch: U256::from(self.start.index),
            before: place.before,
            run,
            following: following.iter().map(|entry| entry.item).collect(),
        })
    }
}

/// The numbers from `first` on.
fn numbers(first: U256) -> impl Iterator<Item = U256> {
    core::iter::successors(Some(first), |number| Some(number.wrapping_add(U256::ONE)))
}
