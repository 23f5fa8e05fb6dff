//! `inbox`: the message is in the proof, and so is its way into the accumulators of both inboxes.
//!
//! Spec: sections 10 and 16.

use alloc::vec::Vec;

use avm_core::Hash;
use avm_keccak::Keccak256;
use ruint::aliases::U256;

use super::reader::Reader;
use super::step::{Step, Stop};
use super::value::Value;
use super::{Inboxes, Refusal, tree};

/// Kinds of the messages that the sequencer makes: with data, and the end of a block without any.
const L2_MESSAGE: u8 = 3;
const END_OF_BLOCK: u8 = 6;

/// Flags before the items of a batch.
const SEQUENCER: u8 = 0;
const DELAYED_RUN: u8 = 1;
const END_OF_BATCH: u8 = 2;

/// Marks the sequence number of a delayed message in the tuple.
const DELAYED_BIT: U256 = U256::from_limbs([0, 0, 0, 1 << 63]);

pub(super) fn inbox(step: &mut Step<'_>) -> Result<(), Stop> {
    let value = next_message(&mut step.tail, step.messages_read, step.known.inboxes)?;
    // never wraps on chain, where numbers are bound by the accumulators
    step.messages_read = step.messages_read.wrapping_add(U256::ONE);
    step.push(value);
    Ok(())
}

/// Reads an inbox proof; the 8-tuple of message `number`.
fn next_message(
    reader: &mut Reader<'_>,
    number: U256,
    inboxes: &Inboxes,
) -> Result<Value, Refusal> {
    let message = Message::read(reader)?;
    let batch = reader.int()?;
    let flag_at = reader.at();
    let flag = reader.byte()?;
    let before = reader.hash()?;
    let (mut chain, sequence) = match flag {
        SEQUENCER => (message.sequenced(before, number)?, message.sequence),
        DELAYED_RUN => {
            let chain = message.in_delayed_run(reader, before, number, inboxes)?;
            (chain, message.sequence | DELAYED_BIT)
        }
        flag => return Err(Refusal::InboxFlag { at: flag_at, flag }),
    };
    chain.absorb_rest(reader, inboxes)?;
    inboxes.check_batch(batch, chain.accumulator)?;
    Ok(message.value(sequence))
}

/// A message as the proof gives it.
struct Message<'a> {
    kind: u8,
    sender: [u8; 20],
    block: U256,
    timestamp: U256,
    /// In its own inbox: counted over everything for the sequencer's, over the delayed ones else.
    sequence: U256,
    gas_price: U256,
    data: &'a [u8],
}

impl<'a> Message<'a> {
    fn read(reader: &mut Reader<'a>) -> Result<Self, Refusal> {
        let kind = reader.byte()?;
        let sender = reader.array()?;
        let [block, timestamp, sequence] = [reader.int()?, reader.int()?, reader.int()?];
        let gas_price = reader.int()?;
        let length = usize::try_from(reader.int()?).unwrap_or(usize::MAX);
        Ok(Self {
            kind,
            sender,
            block,
            timestamp,
            sequence,
            gas_price,
            data: reader.take(length)?,
        })
    }

    /// msgHash of section 10.
    fn hash(&self) -> Hash {
        let mut hasher = Keccak256::new();
        hasher.update(&[self.kind]);
        hasher.update(&self.sender);
        for word in [self.block, self.timestamp, self.sequence, self.gas_price] {
            hasher.update(&word.to_be_bytes::<32>());
        }
        hasher.update(&Hash::keccak(self.data).0);
        Hash(hasher.finalize())
    }

    /// K of what the sequencer's messages have before their data.
    fn prefix(&self) -> Hash {
        let mut bytes = [0; 20 + 64];
        bytes[..20].copy_from_slice(&self.sender);
        bytes[20..52].copy_from_slice(&self.block.to_be_bytes::<32>());
        bytes[52..].copy_from_slice(&self.timestamp.to_be_bytes::<32>());
        Hash::of(&bytes)
    }

    /// The accumulator with this message of the sequencer's.
    ///
    /// Kind and gas price are not in it: they follow from the message being the sequencer's.
    fn sequenced(&self, before: Hash, number: U256) -> Result<Chain, Refusal> {
        let kind = match self.data {
            [] => END_OF_BLOCK,
            _ => L2_MESSAGE,
        };
        if self.kind != kind || !self.gas_price.is_zero() {
            return Err(Refusal::SequencerMessage {
                kind: self.kind,
                length: self.data.len(),
                gas_price: self.gas_price,
            });
        }
        check_number(self.sequence, number)?;
        let mut chain = Chain {
            accumulator: before,
            number,
        };
        chain.absorb_message(self.prefix(), Hash::keccak(self.data));
        Ok(chain)
    }

    /// The accumulator with the run of delayed messages that this one is in.
    fn in_delayed_run(
        &self,
        reader: &mut Reader<'_>,
        before: Hash,
        number: U256,
        inboxes: &Inboxes,
    ) -> Result<Chain, Refusal> {
        let [first, start, end] = [reader.int()?, reader.int()?, reader.int()?];
        let index = self.sequence;
        if index < start || index >= end {
            return Err(Refusal::DelayedRun { index, start, end });
        }
        let previous = match index.checked_sub(U256::ONE) {
            Some(previous) => inboxes.delayed(previous)?,
            None => Hash::ZERO,
        };
        let (found, accumulator) = (previous.join(self.hash()), inboxes.delayed(index)?);
        if found != accumulator {
            return Err(Refusal::DelayedMessage {
                index,
                found,
                accumulator,
            });
        }
        check_number((index - start).wrapping_add(first), number)?;
        let mut chain = Chain {
            accumulator: before,
            number: first,
        };
        chain.absorb_run(start, end, inboxes)?;
        Ok(chain)
    }

    /// The 8-tuple that the machine gets.
    fn value(&self, sequence: U256) -> Value {
        let mut sender = [0; 32];
        sender[12..].copy_from_slice(&self.sender);
        let words = [
            U256::from(self.kind),
            self.block,
            self.timestamp,
            U256::from_be_bytes(sender),
            sequence,
            self.gas_price,
            U256::from(self.data.len()),
        ];
        let mut items: Vec<Value> = words.into_iter().map(Value::Int).collect();
        items.push(Value::Buffer(tree::root_of(self.data)));
        Value::tuple(items)
    }
}

fn check_number(found: U256, messages_read: U256) -> Result<(), Refusal> {
    if found != messages_read {
        return Err(Refusal::MessageNumber {
            found,
            messages_read,
        });
    }
    Ok(())
}

/// The accumulator of a batch while it absorbs items.
struct Chain {
    accumulator: Hash,
    /// Of the next item's first message.
    number: U256,
}

impl Chain {
    fn absorb_message(&mut self, prefix: Hash, data: Hash) {
        let mut bytes = [0; 4 * 32];
        bytes[..32].copy_from_slice(&self.accumulator.0);
        bytes[32..64].copy_from_slice(&self.number.to_be_bytes::<32>());
        bytes[64..96].copy_from_slice(&prefix.0);
        bytes[96..].copy_from_slice(&data.0);
        self.accumulator = Hash::of(&bytes);
        self.number = self.number.wrapping_add(U256::ONE);
    }

    /// Delayed messages from `start` to before `end`.
    fn absorb_run(&mut self, start: U256, end: U256, inboxes: &Inboxes) -> Result<(), Refusal> {
        let last = inboxes.delayed(end.wrapping_sub(U256::ONE))?;
        let mut hasher = Keccak256::new();
        hasher.update(b"Delayed messages:");
        hasher.update(&self.accumulator.0);
        for word in [self.number, start, end] {
            hasher.update(&word.to_be_bytes::<32>());
        }
        hasher.update(&last.0);
        self.accumulator = Hash(hasher.finalize());
        self.number = self.number.wrapping_add(end.wrapping_sub(start));
        Ok(())
    }

    /// Absorbs the items up to the end of the batch.
    fn absorb_rest(&mut self, reader: &mut Reader<'_>, inboxes: &Inboxes) -> Result<(), Refusal> {
        loop {
            let at = reader.at();
            match reader.byte()? {
                SEQUENCER => {
                    let prefix = reader.hash()?;
                    self.absorb_message(prefix, reader.hash()?);
                }
                DELAYED_RUN => {
                    let start = reader.int()?;
                    self.absorb_run(start, reader.int()?, inboxes)?;
                }
                END_OF_BATCH => return Ok(()),
                flag => return Err(Refusal::InboxFlag { at, flag }),
            }
        }
    }
}

impl Inboxes {
    /// D[`index`].
    fn delayed(&self, index: U256) -> Result<Hash, Refusal> {
        at(&self.delayed, index).ok_or(Refusal::NoDelayedMessage {
            index,
            length: self.delayed.len(),
        })
    }

    /// Compares with S[`index`].
    fn check_batch(&self, index: U256, found: Hash) -> Result<(), Refusal> {
        let accumulator = at(&self.sequencer, index).ok_or(Refusal::NoBatch {
            index,
            length: self.sequencer.len(),
        })?;
        if found != accumulator {
            return Err(Refusal::Batch {
                index,
                found,
                accumulator,
            });
        }
        Ok(())
    }
}

fn at(accumulators: &[Hash], index: U256) -> Option<Hash> {
    let index = usize::try_from(index).ok()?;
    accumulators.get(index).copied()
}
