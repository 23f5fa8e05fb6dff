//! The small world that cases of operations live in, and scripts as text.

use avm_atomicals::script::call::token;
use avm_atomicals::script::num::Num;
use avm_atomicals::script::table::{Key, Table};
use avm_atomicals::script::{
    CallInput, Contract, Ended, Failure, HostFault, Rules, ScriptError, ops, tables, verify,
};

/// The current height.
pub const HEIGHT: u32 = 100;
/// A public key, a message of no bytes, and signatures of it.
pub const KEY: &str = "026c5d5e73124f3c821c0985df787e11b3d018a86add577fa8661613a0d49dde59";
pub const LONG_KEY: &str = "046c5d5e73124f3c821c0985df787e11b3d018a86add577fa8661613a0d49dde59be34f8ec266c26f94f94497e5b5d1f4159f6c0d2af22ed5ab5ba41d19535499c";
pub const ECDSA: &str = "304402203be43d1c265bfb3ac6a757bf61bc00194e048aec1eedf7b4c12e16d29a79779a02205dc36856a0f33046f4b1aa699a4258e6a1faec84842e0198d13d0632c0b16fb9";
pub const SCHNORR: &str = "5e9fb23946572a8af6fe7c3756cdfd9978f199d4e89ab1fd5577808ed73e16ea92264356e5cf54688ec11c26df673b978eb65eed4353a2f329024aa93482bff9";
/// The order of the curve is odd; this S is above its half.
pub const HIGH_S: &str = "304502203be43d1c265bfb3ac6a757bf61bc00194e048aec1eedf7b4c12e16d29a79779a022100fffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364140";
/// A header: version 2, previous block 11.., root 22.., time 5, bits 1d00ffff, nonce 7.
pub fn header() -> Vec<u8> {
    let mut header = vec![2, 0, 0, 0];
    header.extend([0x11; 32]);
    header.extend([0x22; 32]);
    header.extend([5, 0, 0, 0, 0xff, 0xff, 0x00, 0x1d, 7, 0, 0, 0]);
    header
}

pub fn hex(text: &str) -> Vec<u8> {
    tables::from_hex(text).unwrap_or_else(|| panic!("`{text}` is no hex"))
}

/// Reference of token `number` as scripts have it.
pub fn reference(number: u8) -> Vec<u8> {
    let mut reference = vec![0x10 + number; 36];
    reference[32..].copy_from_slice(&[number, 0, 0, 0]);
    reference
}

/// Key of token `number` as tables have it.
pub fn key(number: u8) -> [u8; 36] {
    token(&reference(number).try_into().expect("36 bytes"))
}

pub fn put(table: &mut Table, key: &[u8], value: &[u8]) {
    table.insert(key, value.into()).expect("it fits");
}

/// A table of amounts.
pub fn ft(entries: &[(u8, u64)]) -> Table {
    let mut table = Table::default();
    for (number, amount) in entries {
        put(&mut table, &key(*number), &amount.to_be_bytes());
    }
    table
}

pub fn nft(numbers: &[u8]) -> Table {
    let mut table = Table::default();
    numbers
        .iter()
        .for_each(|number| put(&mut table, &key(*number), &[]));
    table
}

/// A transaction with these outputs; its two inputs spend outputs 7 and 8 of a1.. and a2...
pub fn tx(outputs: &[(i64, &[u8])], sequence: u32, lock_time: u32) -> Vec<u8> {
    let mut tx = vec![2, 0, 0, 0, 2];
    for (number, script) in [(7, &[0x51, 0x52][..]), (8, &[0x51; 4_001])] {
        tx.extend([0xa1 + number - 7; 32]);
        tx.extend([number, 0, 0, 0]);
        size(&mut tx, script.len());
        tx.extend(script);
        tx.extend(sequence.to_le_bytes());
    }
    size(&mut tx, outputs.len());
    for (value, script) in outputs {
        tx.extend(value.to_le_bytes());
        size(&mut tx, script.len());
        tx.extend(*script);
    }
    tx.extend(lock_time.to_le_bytes());
    tx
}

fn size(out: &mut Vec<u8>, len: usize) {
    if len < 0xfd {
        out.push(len as u8);
    } else {
        out.push(0xfd);
        out.extend((len as u16).to_le_bytes());
    }
}

/// A contract and a call of it.
#[derive(Clone)]
pub struct World {
    pub contract: Contract,
    pub call: CallInput,
}

/// Outputs of the world: 10,000 satoshis, 3,000,000,000, none, and a script that is too long.
pub const OUTPUTS: [(i64, &[u8]); 4] = [
    (10_000, &[0x51, 0x52, 0x53]),
    (3_000_000_000, &[]),
    (0, &[0x6a]),
    (-5, &[0x51; 4_001]),
];

/// Tokens 0 (1,000) and 1 (5) of the contract, 1 (7) and 2 (1) incoming; non-fungible ones 3 and 4
/// of the contract, 5 and 6 incoming; a value `0b0c` under `space` and `key`.
pub fn world() -> World {
    let mut contract = Contract::new([9; 36], Vec::new().into());
    put(
        &mut contract.state,
        Key::new(b"space", b"key").bytes(),
        &[11, 12],
    );
    contract.sum = tables::sum(&contract.state).expect("in memory");
    contract.ft = ft(&[(0, 1_000), (1, 5)]);
    contract.nft = nft(&[3, 4]);
    let mut headers = Table::default();
    put(&mut headers, &HEIGHT.to_be_bytes(), &header());
    let call = CallInput {
        unlock: Vec::new().into(),
        tx: tx(&OUTPUTS, 0xffff_fffe, 1_000).into(),
        auth_key: Vec::new().into(),
        ft_incoming: ft(&[(1, 7), (2, 1)]),
        nft_incoming: nft(&[5, 6]),
        headers,
        height: HEIGHT,
    };
    World { contract, call }
}

/// What a script came to.
#[derive(Clone, Debug, PartialEq)]
pub enum Got {
    /// It ran to its end and left this, bottom first.
    Stack(Vec<Vec<u8>>),
    /// It failed at this operation.
    Error(ScriptError, u32),
    /// The host of the reference would have failed.
    Fault(HostFault),
}

impl World {
    /// Runs the call.
    pub fn verify(&self, rules: &'static Rules) -> Ended {
        verify(rules, &self.contract, self.call.clone()).expect("in memory")
    }

    /// Runs a locking script: what it left or why it failed, and what it cost.
    pub fn eval(&self, rules: &'static Rules, lock: &[u8]) -> (Got, u64) {
        let mut world = self.clone();
        world.contract.code = avm_core::Bytes::from(lock.to_vec()).into();
        let ended = world.verify(rules);
        let items = ended.stack.items();
        let stack = || items.iter().map(|item| item.bytes().to_vec()).collect();
        let got = match &ended.outcome {
            Ok(_) => Got::Stack(stack()),
            Err(Failure::Script {
                error: ScriptError::EvalFalse | ScriptError::Cleanstack,
                ..
            }) => Got::Stack(stack()),
            Err(Failure::Script {
                error, op_index, ..
            }) => Got::Error(*error, *op_index),
            Err(Failure::Host(fault)) => Got::Fault(fault.clone()),
            Err(other) => panic!("{other}"),
        };
        (got, ended.cost)
    }
}

/// One word as an element: a decimal number, `0x` and hex, `'text'`, `NUMBERxHEX` for repeated
/// bytes, or `$name` of something of the world.
pub fn element(word: &str) -> Option<Vec<u8>> {
    if let Ok(number) = word.parse::<i64>() {
        return Some(Num::from(number).encode());
    }
    if let Some(text) = word.strip_prefix("0x") {
        return Some(hex(text));
    }
    if let Some(text) = word.strip_prefix('\'') {
        return Some(text.strip_suffix('\'').expect("a closing quote").into());
    }
    if let Some((count, bytes)) = word.split_once('x')
        && let Ok(count) = count.parse()
    {
        return Some(hex(bytes).repeat(count));
    }
    let name = word.strip_prefix('$')?;
    Some(match name {
        "key" => hex(KEY),
        "longkey" => hex(LONG_KEY),
        "ecdsa" => hex(ECDSA),
        "schnorr" => hex(SCHNORR),
        "highs" => hex(HIGH_S),
        "header" => header(),
        _ => reference(
            name.strip_prefix('t')
                .and_then(|n| n.parse().ok())
                .unwrap_or_else(|| panic!("unknown ${name}")),
        ),
    })
}

/// The shortest push.
pub fn push(bytes: &[u8]) -> Vec<u8> {
    let head = match bytes {
        [] => vec![0],
        [small @ 1..=16] => return vec![0x50 + small],
        [0x81] => return vec![0x4f],
        _ if bytes.len() <= 75 => vec![bytes.len() as u8],
        _ if bytes.len() <= 255 => vec![0x4c, bytes.len() as u8],
        _ => vec![0x4d, bytes.len() as u8, (bytes.len() >> 8) as u8],
    };
    [&head, bytes].concat()
}

/// A script of words: elements are pushed, names are operations, `!HEX` are plain bytes,
/// `N*word` is a word N times.
pub fn script(text: &str) -> Vec<u8> {
    let mut out = Vec::new();
    for word in text.split_whitespace() {
        let (count, word) = match word.split_once('*') {
            Some((count, word)) => (count.parse().expect("a count"), word),
            None => (1, word),
        };
        let bytes = if let Some(plain) = word.strip_prefix('!') {
            hex(plain)
        } else if let Some(bytes) = element(word) {
            push(&bytes)
        } else {
            vec![
                ops::by_name(word)
                    .unwrap_or_else(|| panic!("no operation {word}"))
                    .code,
            ]
        };
        out.extend(bytes.repeat(count));
    }
    out
}
