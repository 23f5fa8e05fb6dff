//! Plausible contracts and calls from any bytes, for fuzzing and property tests: scripts that run
//! on, reach every opcode and most errors, and often succeed.
//!
//! All of them live in one small world: five tokens, a transaction with three outputs that can be
//! paid to, two block headers, a few names of storage. The same bytes always stand for the same.

pub(crate) mod script;

use alloc::vec;
use alloc::vec::Vec;

use avm_core::Bytes;

use crate::machine::Image;
use crate::script::call::token;
use crate::script::rules::Rules;
use crate::script::running::{CallInput, Contract};
use crate::script::table::{Key, Table};
use crate::script::tables;

/// The current height of every call.
pub const HEIGHT: u32 = 1_000;

/// Bytes that decide; zeros follow their end.
pub(crate) struct Dice<'a>(core::slice::Iter<'a, u8>);

impl<'a> Dice<'a> {
    pub(crate) fn new(bytes: &'a [u8]) -> Self {
        Self(bytes.iter())
    }

    pub(crate) fn byte(&mut self) -> u8 {
        self.0.next().copied().unwrap_or(0)
    }

    /// A number below `count`, which is 256 at most.
    pub(crate) fn below(&mut self, count: usize) -> usize {
        usize::from(self.byte()) * count / 256
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[self.below(from.len())]
    }

    fn left(&self) -> usize {
        self.0.len()
    }
}

/// Reference of token `number` as scripts have it.
#[must_use]
pub fn reference(number: u8) -> [u8; 36] {
    let mut reference = [0x10 + number; 36];
    reference[32..].copy_from_slice(&u32::from(number).to_le_bytes());
    reference
}

/// A locking script: it leaves the two elements that unlocking scripts of [`call`] push, and
/// whatever it makes itself, and ends with true.
#[must_use]
pub fn script(bytes: &[u8]) -> Vec<u8> {
    script::lock(&mut Dice::new(bytes))
}

/// Any contract: code, state, and tokens.
#[must_use]
pub fn contract(bytes: &[u8]) -> Contract {
    let dice = &mut Dice::new(bytes);
    let flags = dice.byte();
    let mut contract = Contract::new([7; 36], Bytes::default());
    let mut state = Table::default();
    for number in 0..flags & 7 {
        let (space, key) = (script::name(number / 3), script::name(number % 3));
        let value = vec![number; usize::from(number) * 20 + 1];
        put(&mut state, Key::new(space, key).bytes(), value);
    }
    contract.sum = tables::sum(&state).expect("it is in memory");
    contract.state = state;
    contract.ft = ft(&[(0, 1_000), (1, 5), (2, 1 << 40)][..usize::from(flags >> 3 & 3)]);
    contract.nft = nft(&[3, 4][..usize::from(flags >> 5 & 1) * 2]);
    contract.chain.0[0] = flags;
    contract.code = Bytes::from(script::lock(dice)).into();
    contract
}

/// Any call that fits the contracts of this module.
#[must_use]
pub fn call(bytes: &[u8]) -> CallInput {
    let dice = &mut Dice::new(bytes);
    let flags = dice.byte();
    let mut headers = Table::default();
    for height in [HEIGHT - 1, HEIGHT] {
        let header = vec![flags; tables::HEADER_BYTES];
        put(&mut headers, &height.to_be_bytes(), header);
    }
    CallInput {
        unlock: script::unlock(dice).into(),
        tx: transaction(flags).into(),
        auth_key: vec![2; 33 * usize::from(flags & 1)].into(),
        ft_incoming: ft(&[(1, 7), (2, 99), (0, 1)][..usize::from(flags >> 3 & 3)]),
        nft_incoming: nft(&[1, 2][..usize::from(flags >> 5 & 1) * 2]),
        headers,
        height: HEIGHT,
    }
}

/// A machine and its calls, one to four.
#[must_use]
pub fn machine(rules: &'static Rules, bytes: &[u8]) -> (Image, Vec<CallInput>) {
    let (calls, rest) = bytes.split_at(bytes.len().min(16));
    let mut image = Image::new(rules, Bytes::default());
    image.contract = contract(rest);
    let pieces = calls.chunks(4).map(call).collect::<Vec<_>>();
    let calls = if pieces.is_empty() {
        vec![call(&[])]
    } else {
        pieces
    };
    (image, calls)
}

fn put(table: &mut Table, key: &[u8], value: Vec<u8>) {
    let fits = table.insert(key, value.into());
    fits.expect("short entries of a table in memory");
}

fn ft(entries: &[(u8, u64)]) -> Table {
    let mut table = Table::default();
    for (number, amount) in entries {
        let key = token(&reference(*number));
        put(&mut table, &key, amount.to_be_bytes().to_vec());
    }
    table
}

fn nft(numbers: &[u8]) -> Table {
    let mut table = Table::default();
    for number in numbers {
        put(&mut table, &token(&reference(*number)), vec![]);
    }
    table
}

/// Two inputs, three outputs, one of them with a signature of nobody if `flags` say so, and a
/// witness if they do.
fn transaction(flags: u8) -> Vec<u8> {
    let (signed, extended) = (flags & 2 != 0, flags & 4 != 0);
    let mut tx = vec![2, 0, 0, 0];
    if extended {
        tx.extend([0, 1]);
    }
    tx.push(2);
    for (number, script) in [&[][..], &[0x51, 0x52]].into_iter().enumerate() {
        tx.extend([0xa0 + number as u8; 32]);
        tx.extend([number as u8, 0, 0, 0, script.len() as u8]);
        tx.extend(script);
        tx.extend([0xfe, 0xff, 0xff, 0xff]);
    }
    tx.push(3 + u8::from(signed));
    let outputs: [(u64, &[u8]); 3] = [(10_000, &[0x51; 22]), (546, &[]), (1 << 41, &[0x6a, 0])];
    for (value, script) in outputs {
        tx.extend(value.to_le_bytes());
        tx.push(script.len() as u8);
        tx.extend(script);
    }
    if signed {
        tx.extend([0; 8]);
        tx.extend([70, 0x6a, 3, b's', b'i', b'g', 64]);
        tx.extend([flags; 64]);
    }
    if extended {
        // One item of eight bytes, and none.
        tx.extend([1, 8, 1, 2, 3, 4, 5, 6, 7, 8, 0]);
    }
    tx.extend([0xe8, 3, 0, 0]);
    tx
}
