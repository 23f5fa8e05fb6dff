//! Why a proof is refused.

use avm_core::Hash;
use ruint::aliases::U256;

use super::Executor;

/// Why a proof is no proof. Nothing about the machine follows from a refusal.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// The proof ends inside something. Spec: section 13.
    #[error("{wanted} bytes wanted at offset {at}, {left} are left")]
    Short {
        /// Offset into the proof.
        at: usize,
        /// Bytes wanted.
        wanted: usize,
        /// Bytes left.
        left: usize,
    },
    /// The executor that was asked does not know the opcode. Spec: section 14.
    #[error("opcode {opcode:#04x} belongs to the {right} executor, not to the {asked} one")]
    WrongExecutor {
        /// First byte of the proof.
        opcode: u8,
        /// The executor that was asked.
        asked: Executor,
        /// The one that knows the opcode.
        right: Executor,
    },
    /// More stack values are listed than the opcode takes. Spec: section 14, rule 3.
    #[error("{listed} {stack} stack values are listed, opcode {opcode:#04x} has use for {useful}")]
    TooManyValues {
        /// First byte of the proof.
        opcode: u8,
        /// `data` or `aux`.
        stack: &'static str,
        /// Values that the proof lists.
        listed: usize,
        /// The most it may list.
        useful: usize,
    },
    /// Fewer stack values are listed than the opcode takes, but there are more below. Spec: section
    /// 14, rule 4; for the other stack of an underflow: section 18, item 3.
    #[error(
        "{listed} {stack} stack values are listed, opcode {opcode:#04x} takes {taken} and the stack has more"
    )]
    MoreValuesBelow {
        /// First byte of the proof.
        opcode: u8,
        /// `data` or `aux`.
        stack: &'static str,
        /// Values that the proof lists.
        listed: usize,
        /// Values that the opcode takes.
        taken: usize,
    },
    /// The flag after the machine block is neither 0 nor 1. Spec: section 13.
    #[error("the immediate flag is {flag}, not 0 or 1")]
    ImmediateFlag {
        /// The byte found.
        flag: u8,
    },
    /// There is an immediate, but no value is listed. Spec: section 13.
    #[error("the operation has an immediate, but no data stack value is listed")]
    ImmediateNotListed,
    /// No value starts with this byte. Spec: section 3a.
    #[error("no value has the type code {code} found at offset {at}")]
    TypeCode {
        /// Offset into the proof.
        at: usize,
        /// The byte found.
        code: u8,
    },
    /// The flag of a code point is neither 0 nor 1. Spec: section 3a.
    #[error("the code point flag at offset {at} is {flag}, not 0 or 1")]
    CodePointFlag {
        /// Offset into the proof.
        at: usize,
        /// The byte found.
        flag: u8,
    },
    /// Values inside values, too deep. Spec: section 18, item 4.
    #[error("the value at offset {at} is {limit} levels below the outermost one")]
    Nesting {
        /// Offset into the proof.
        at: usize,
        /// Levels that are read.
        limit: usize,
    },
    /// The opcode inspects a tuple that comes without its elements. Spec: section 18, item 1.
    #[error("opcode {opcode:#04x} inspects a tuple whose elements are withheld")]
    WithheldTuple {
        /// First byte of the proof.
        opcode: u8,
    },
    /// Bytes after the end of the proof.
    #[error("{left} bytes follow the end of the proof")]
    Trailing {
        /// Bytes that nothing asked for.
        left: usize,
    },
    /// The opcode looks into no buffer, but there is a buffer proof. Spec: section 13.
    #[error("opcode {opcode:#04x} has no use for a buffer proof, {length} bytes are given")]
    UnusedBufferProof {
        /// First byte of the proof.
        opcode: u8,
        /// Its length.
        length: usize,
    },
    /// The buffer proof has no header. Spec: section 15.
    #[error("a buffer proof begins with 5 word indexes, found {length} bytes")]
    BufferHeaderLength {
        /// Length of the buffer proof.
        length: usize,
    },
    /// The header is not that of adjacent sections that fill the buffer proof. Spec: section 15.
    #[error(
        "the header of a buffer proof of {length} bytes does not describe sections that fill it"
    )]
    BufferHeader {
        /// Length of the buffer proof.
        length: usize,
    },
    /// A section reaches beyond the buffer proof. Spec: section 15.
    #[error("a section ends at word {end} of a buffer proof of {length} bytes")]
    BufferSection {
        /// Word index.
        end: usize,
        /// Length of the buffer proof.
        length: usize,
    },
    /// The path does not lead to the buffer's root. Spec: section 15.
    #[error("the path leads to the root {found}, the buffer has {root}")]
    BufferPath {
        /// Root that the path leads to.
        found: Hash,
        /// Root of the buffer.
        root: Hash,
    },
    /// No path into a buffer that is not all zero, or none where a word is written.
    #[error("no path into the buffer with the root {root}")]
    NoBufferPath {
        /// Root of the buffer.
        root: Hash,
    },
    /// A path, or a normalisation, deeper than any tree. Spec: sections 15 and 23.
    #[error("a tree of depth {depth}, the deepest one has {limit}")]
    BufferDepth {
        /// Depth that is claimed.
        depth: U256,
        /// The limit.
        limit: usize,
    },
    /// A normalisation is not three words long. Spec: section 15.
    #[error("a normalisation has 3 words, found {words}")]
    NormalisationLength {
        /// Words found.
        words: usize,
    },
    /// The normalised tree would have a right half of zeros only. Spec: section 18, item 2.
    #[error("the right half of the normalised tree of depth {depth} is all zero")]
    ZeroRightHalf {
        /// Depth of the normalised tree.
        depth: usize,
    },
    /// The normalised tree is not the one that was written to. Spec: section 15.
    #[error(
        "the normalised tree has the root {found} at full depth, the written one has {written}"
    )]
    NormalisedRoot {
        /// Root after raising the normalised tree.
        found: Hash,
        /// Root after writing.
        written: Hash,
    },
    /// No message bytes, but the buffer is not longer than the message. Spec: sections 13 and 15.
    #[error("the buffer fits in the {size} bytes of the message, which are not given")]
    SendFits {
        /// Size of the message.
        size: u64,
    },
    /// The message bytes are not those of the buffer. Spec: section 11.
    #[error("the message bytes have the buffer root {found}, the buffer has {root}")]
    SendBytes {
        /// Root of a buffer of the bytes given.
        found: Hash,
        /// Root of the buffer.
        root: Hash,
    },
    /// A flag of the inbox proof has no meaning. Spec: section 16.
    #[error("the inbox flag at offset {at} is {flag}")]
    InboxFlag {
        /// Offset into the proof.
        at: usize,
        /// The byte found.
        flag: u8,
    },
    /// A message of the sequencer's that it cannot have sent. Spec: section 10.
    #[error(
        "the sequencer sends no message of kind {kind}, {length} bytes and gas price {gas_price}"
    )]
    SequencerMessage {
        /// Kind of the message.
        kind: u8,
        /// Bytes of data.
        length: usize,
        /// L1 gas price.
        gas_price: U256,
    },
    /// The message is not the next one. Spec: section 16.
    #[error("the message has the number {found}, {messages_read} were read")]
    MessageNumber {
        /// Number of the message in the sequencer's order.
        found: U256,
        /// Messages read before.
        messages_read: U256,
    },
    /// The delayed message is not of the run it is said to be in. Spec: section 16.
    #[error("the delayed message {index} is not of those from {start} to before {end}")]
    DelayedRun {
        /// Index in the delayed inbox.
        index: U256,
        /// First of the run.
        start: U256,
        /// First after the run.
        end: U256,
    },
    /// The delayed inbox is not that long. Spec: section 10.
    #[error("there is no delayed message {index}, the delayed inbox has {length}")]
    NoDelayedMessage {
        /// Index in the delayed inbox.
        index: U256,
        /// Messages in it.
        length: usize,
    },
    /// The delayed inbox has another message there. Spec: section 16.
    #[error("the delayed message {index} leads to {found}, the inbox has {accumulator}")]
    DelayedMessage {
        /// Index in the delayed inbox.
        index: U256,
        /// Accumulator with the message that is given.
        found: Hash,
        /// Accumulator of the inbox.
        accumulator: Hash,
    },
    /// The sequencer inbox is not that long. Spec: section 10.
    #[error("there is no batch {index}, the sequencer inbox has {length}")]
    NoBatch {
        /// Index in the sequencer inbox.
        index: U256,
        /// Batches in it.
        length: usize,
    },
    /// The batch does not contain the message. Spec: section 16.
    #[error(
        "the message leads to {found} at the end of batch {index}, the inbox has {accumulator}"
    )]
    Batch {
        /// Index in the sequencer inbox.
        index: U256,
        /// Accumulator that the items lead to.
        found: Hash,
        /// Accumulator of the inbox.
        accumulator: Hash,
    },
}
