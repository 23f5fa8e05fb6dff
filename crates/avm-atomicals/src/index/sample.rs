//! Blocks from any bytes, for fuzzing and property tests, and what must hold after every one.
//!
//! An index believes the chain it is given: it looks at work, Merkle root and witnesses of a block,
//! and at no signature. So blocks are made here without any, and as hostile as one likes.
//!
//! [`Tx`] and [`block`] make blocks, [`Bank`](bank) is a contract that does what it is told, [`Chain`]
//! is a random chain, and [`Census`] counts all there is in a state and checks what holds of every
//! state.

mod census;
mod chain;

use alloc::vec;
use alloc::vec::Vec;

pub use census::{Census, Unsound};
pub use chain::Chain;

use super::AtomicalId;
use super::rows::Outpoint;
use crate::script::digest::hash256;

/// The target of regtest, which half of all hashes meet.
const BITS: u32 = 0x207f_ffff;
/// Longest push of an envelope.
const PUSH_MAX: usize = 520;

/// An input.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Input {
    /// What it spends.
    pub outpoint: Option<Outpoint>,
    /// Its script.
    pub script: Vec<u8>,
    /// Its witness.
    pub witness: Vec<Vec<u8>>,
}

/// A transaction.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Tx {
    /// Inputs; one without an outpoint makes a coinbase.
    pub inputs: Vec<Input>,
    /// Satoshis and scripts of outputs.
    pub outputs: Vec<(u64, Vec<u8>)>,
}

impl Tx {
    /// One that spends these.
    #[must_use]
    pub fn spending(outpoints: &[Outpoint]) -> Self {
        let input = |outpoint: &Outpoint| Input {
            outpoint: Some(*outpoint),
            ..Input::default()
        };
        Self {
            inputs: outpoints.iter().map(input).collect(),
            outputs: Vec::new(),
        }
    }

    /// With one more output.
    #[must_use]
    pub fn output(mut self, sats: u64, script: &[u8]) -> Self {
        self.outputs.push((sats, script.into()));
        self
    }

    /// With an envelope in an input, if there is such an input.
    #[must_use]
    pub fn envelope(mut self, input: usize, operation: &str, payload: &[u8]) -> Self {
        if let Some(input) = self.inputs.get_mut(input) {
            input.witness = vec![envelope(operation, payload)];
        }
        self
    }

    /// Its bytes.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let extended = self.inputs.iter().any(|input| !input.witness.is_empty());
        self.write(extended)
    }

    fn write(&self, extended: bool) -> Vec<u8> {
        let mut out = vec![2, 0, 0, 0];
        if extended {
            out.extend([0, 1]);
        }
        size(&mut out, self.inputs.len());
        for input in &self.inputs {
            let coinbase = [&[0; 32][..], &[0xff; 4]].concat();
            match &input.outpoint {
                Some(outpoint) => out.extend(outpoint),
                None => out.extend(coinbase),
            }
            string(&mut out, &input.script);
            out.extend([0xfd, 0xff, 0xff, 0xff]);
        }
        size(&mut out, self.outputs.len());
        for (sats, script) in &self.outputs {
            out.extend(sats.to_le_bytes());
            string(&mut out, script);
        }
        if extended {
            for input in &self.inputs {
                size(&mut out, input.witness.len());
                input.witness.iter().for_each(|item| string(&mut out, item));
            }
        }
        out.extend([0; 4]);
        out
    }

    /// Its id, internal order.
    #[must_use]
    pub fn txid(&self) -> [u8; 32] {
        hash256(&self.write(false))
    }

    /// One of its outputs.
    #[must_use]
    pub fn outpoint(&self, output: u32) -> Outpoint {
        let mut outpoint = [0; 36];
        outpoint[..32].copy_from_slice(&self.txid());
        outpoint[32..].copy_from_slice(&output.to_le_bytes());
        outpoint
    }
}

/// A script with an operation, as a witness shows it. Names of other than 1 to 75 bytes have no such
/// push.
#[must_use]
pub fn envelope(operation: &str, payload: &[u8]) -> Vec<u8> {
    let mut script = vec![0x20];
    script.extend([7; 32]);
    script.extend(b"\xac\x00\x63\x04atom");
    script.push(operation.len() as u8);
    script.extend(operation.as_bytes());
    for chunk in payload.chunks(PUSH_MAX) {
        script.push(0x4d);
        script.extend((chunk.len() as u16).to_le_bytes());
        script.extend(chunk);
    }
    script.push(0x68);
    script
}

/// A block with work: its bytes, its name, its coinbase. `rewards` are outputs of the coinbase, and
/// `branch` tells apart blocks that are equal otherwise.
#[must_use]
pub fn block(
    prev: &[u8; 32],
    height: u32,
    branch: u32,
    rewards: &[(u64, Vec<u8>)],
    txs: &[Tx],
) -> (Vec<u8>, [u8; 32], Tx) {
    let mut coinbase = Tx {
        inputs: vec![Input {
            outpoint: None,
            script: [&[4][..], &height.to_le_bytes(), &[4], &branch.to_le_bytes()].concat(),
            witness: vec![vec![0; 32]],
        }],
        outputs: rewards.to_vec(),
    };
    let mut witnesses = vec![[0; 32]];
    witnesses.extend(txs.iter().map(|tx| hash256(&tx.to_bytes())));
    let commitment = hash256(&[root(witnesses), [0; 32]].concat());
    let commitment = [&[0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed][..], &commitment].concat();
    coinbase.outputs.push((0, commitment));
    let mut ids = vec![coinbase.txid()];
    ids.extend(txs.iter().map(Tx::txid));
    let mut block = vec![0, 0, 0, 0x20];
    block.extend(prev);
    block.extend(root(ids));
    block.extend((1_700_000_000 + height).to_le_bytes());
    block.extend(BITS.to_le_bytes());
    block.extend([0; 4]);
    let hash = mine(&mut block);
    size(&mut block, txs.len() + 1);
    block.extend(coinbase.to_bytes());
    txs.iter().for_each(|tx| block.extend(tx.to_bytes()));
    (block, hash, coinbase)
}

/// Changes the nonce of a header, the first 80 bytes, until it shows work: its hash.
pub fn mine(header: &mut [u8]) -> [u8; 32] {
    for nonce in 0..u32::MAX {
        header[76..80].copy_from_slice(&nonce.to_le_bytes());
        let hash = hash256(&header[..80]);
        if hash[31] < 0x7f {
            return hash;
        }
    }
    unreachable!("half of all hashes show the work of regtest")
}

/// The root of a Merkle tree as Bitcoin has it.
fn root(mut level: Vec<[u8; 32]>) -> [u8; 32] {
    while level.len() > 1 {
        let pairs = level.chunks(2);
        level = pairs
            .map(|pair| hash256(&[pair[0], pair[pair.len() - 1]].concat()))
            .collect();
    }
    level[0]
}

fn size(out: &mut Vec<u8>, len: usize) {
    match len {
        0..=0xfc => out.push(len as u8),
        0xfd..=0xffff => {
            out.push(0xfd);
            out.extend((len as u16).to_le_bytes());
        }
        _ => {
            out.push(0xfe);
            out.extend((len as u32).to_le_bytes());
        }
    }
}

fn string(out: &mut Vec<u8>, bytes: &[u8]) {
    size(out, bytes.len());
    out.extend(bytes);
}

/// What a call tells a [`bank`].
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum Method {
    /// Nothing; what a constructor runs.
    Rest,
    /// Takes in the first fungible token.
    PutFt,
    /// Takes in the first other token.
    PutNft,
    /// Gives out units: amount, output, token.
    TakeFt,
    /// Gives out a token: output, token.
    TakeNft,
    /// Gives out a token and units: output, token, amount, output, token.
    TakeBoth,
    /// Writes: key space, key, value.
    Put,
    /// Adds one to the value `n` of key space `s`.
    Count,
    /// Fails.
    Fail,
    /// Writes the time of the block of a height as the value `t` of key space `s`.
    Time,
    /// Takes in the first fungible token, then gives out units: amount, output, token.
    PutAndTake,
    /// Deletes: key space, key.
    Delete,
}

impl Method {
    /// All of them.
    pub const ALL: [Self; 12] = [
        Self::Rest,
        Self::PutFt,
        Self::PutNft,
        Self::TakeFt,
        Self::TakeNft,
        Self::TakeBoth,
        Self::Put,
        Self::Count,
        Self::Fail,
        Self::Time,
        Self::PutAndTake,
        Self::Delete,
    ];

    const fn code(self) -> &'static [u8] {
        match self {
            Self::Rest => &[0x51],
            Self::PutFt => &[0x00, 0x51, 0xf7, 0xd3, 0x51],
            Self::PutNft => &[0x00, 0x51, 0xfa, 0xd1, 0x51],
            Self::TakeFt => &[0xf2, 0x51],
            Self::TakeNft => &[0xf3, 0x51],
            Self::TakeBoth => &[0xf2, 0xf3, 0x51],
            Self::Put => &[0xf0, 0x51],
            Self::Count => {
                b"\x01s\x01n\xed\x63\x01s\x01n\xef\x67\x00\x68\x8b\x01s\x7c\x01n\x7c\xf0\x51"
            }
            Self::Fail => &[0x00],
            Self::Time => b"\x53\xfb\x01s\x7c\x01t\x7c\xf0\x51",
            Self::PutAndTake => &[0x00, 0x51, 0xf7, 0xd3, 0xf2, 0x51],
            Self::Delete => &[0xf1, 0x51],
        }
    }
}

/// Code of a contract that does what it is told: unlocking scripts end with a [`Method`].
#[must_use]
pub fn bank() -> Vec<u8> {
    let mut code = Vec::new();
    for method in Method::ALL {
        code.push(0x76);
        push_number(&mut code, method as i64);
        code.extend([0x9c, 0x63, 0x75]);
        code.extend(method.code());
        code.push(0x67);
    }
    code.push(0x00);
    code.extend([0x68; Method::ALL.len()]);
    code
}

/// What a [`bank`] is given.
#[derive(Clone, Copy, Debug)]
pub enum Given<'a> {
    /// A number.
    Number(i64),
    /// Bytes, 2 to 255 of them.
    Bytes(&'a [u8]),
    /// A token.
    Token(AtomicalId),
}

/// An unlocking script: what is given, then the method.
#[must_use]
pub fn unlock(given: &[Given<'_>], method: Method) -> Vec<u8> {
    let mut script = Vec::new();
    for given in given {
        match given {
            Given::Number(number) => push_number(&mut script, *number),
            Given::Bytes(bytes) => push(&mut script, bytes),
            Given::Token(id) => push(&mut script, id),
        }
    }
    push_number(&mut script, method as i64);
    script
}

fn push(script: &mut Vec<u8>, bytes: &[u8]) {
    if bytes.len() > 75 {
        script.push(0x4c);
    }
    script.push(bytes.len() as u8);
    script.extend(bytes);
}

/// Pushes a number in its only form.
fn push_number(script: &mut Vec<u8>, number: i64) {
    match number {
        0 => return script.push(0),
        -1 => return script.push(0x4f),
        1..=16 => return script.push(0x50 + number as u8),
        _ => {}
    }
    let mut bytes = number.unsigned_abs().to_le_bytes().to_vec();
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    if bytes.last().is_some_and(|last| last & 0x80 != 0) {
        bytes.push(0);
    }
    if let Some(last) = bytes.last_mut().filter(|_| number < 0) {
        *last |= 0x80;
    }
    push(script, &bytes);
}

/// Payloads: CBOR in its shortest form.
pub mod cbor {
    use alloc::vec::Vec;

    /// A number from 0 on.
    #[must_use]
    pub fn uint(number: u64) -> Vec<u8> {
        head(0, number)
    }

    /// Bytes.
    #[must_use]
    pub fn bytes(bytes: &[u8]) -> Vec<u8> {
        let mut out = head(2, bytes.len() as u64);
        out.extend(bytes);
        out
    }

    /// Text.
    #[must_use]
    pub fn text(text: &str) -> Vec<u8> {
        let mut out = head(3, text.len() as u64);
        out.extend(text.as_bytes());
        out
    }

    /// A map with text for keys, and items for values.
    #[must_use]
    pub fn map(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
        let mut out = head(5, entries.len() as u64);
        for (key, value) in entries {
            out.extend(text(key));
            out.extend(value);
        }
        out
    }

    fn head(major: u8, number: u64) -> Vec<u8> {
        let bytes = number.to_be_bytes();
        let (info, from) = match number {
            0..=23 => return Vec::from([major << 5 | number as u8]),
            24..=0xff => (24, 7),
            0x100..=0xffff => (25, 6),
            0x1_0000..=0xffff_ffff => (26, 4),
            _ => (27, 0),
        };
        let mut out = Vec::from([major << 5 | info]);
        out.extend(&bytes[from..]);
        out
    }
}
