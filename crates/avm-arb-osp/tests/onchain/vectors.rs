//! The recorded programs and disputes, read from their files.

use std::path::{Path, PathBuf};

use avm_arb::{Message, Program};
use avm_arb_osp::encode::{Batch, BatchStart};
use avm_core::{Hash, MemoryInbox};
use ruint::aliases::U256;
use serde_json::Value;

/// Folder of the full reference vectors: from the environment, or near the workspace.
pub fn folder() -> Option<PathBuf> {
    if let Some(folder) = std::env::var_os("AVM_VECTORS") {
        return Some(PathBuf::from(folder).join("arbitrum"));
    }
    let near = Path::new(env!("CARGO_MANIFEST_DIR")).ancestors();
    let places = near.flat_map(|folder| {
        ["vectors/arbitrum", "shared/vectors/arbitrum"].map(|place| folder.join(place))
    });
    places.into_iter().find(|folder| folder.is_dir())
}

/// Folder of the vectors that come with the project.
pub fn own_folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../vectors/arb")
}

/// The entries of a vector file.
pub fn entries(path: &Path) -> Vec<Value> {
    let text = std::fs::read(path).unwrap();
    match serde_json::from_slice(&text).unwrap() {
        Value::Array(entries) => entries,
        other => panic!("{} is {other}, not an array", path.display()),
    }
}

/// The `programs_*` files of a folder, in order.
pub fn program_files(folder: &Path) -> Vec<PathBuf> {
    let files = std::fs::read_dir(folder).unwrap();
    let files = files.map(|file| file.unwrap().path());
    let mut files: Vec<PathBuf> = files
        .filter(|path| {
            let name = path.file_name().unwrap().to_string_lossy();
            name.starts_with("programs_")
        })
        .collect();
    files.sort();
    files
}

pub fn program(entry: &Value) -> Program {
    let file = serde_json::to_vec(&entry["program"]).unwrap();
    Program::from_json(&file).unwrap()
}

/// Lower-case hex without prefix; nothing if the member is missing.
pub fn bytes(value: &Value) -> Vec<u8> {
    let text = value.as_str().unwrap_or_default().as_bytes();
    let digit = |digit: u8| (digit as char).to_digit(16).unwrap() as u8;
    assert_eq!(text.len() % 2, 0);
    let pairs = text.chunks(2);
    pairs
        .map(|pair| digit(pair[0]) << 4 | digit(pair[1]))
        .collect()
}

pub fn hash(value: &Value) -> Hash {
    value.as_str().unwrap().parse().unwrap()
}

fn number(value: &Value) -> U256 {
    U256::from_str_radix(value.as_str().unwrap(), 16).unwrap()
}

/// The messages of a program.
pub fn messages(entry: &Value) -> Vec<Message> {
    let messages = entry["inbox"].as_array().into_iter().flatten();
    let message = |message: &Value| Message {
        kind: message["kind"].as_u64().unwrap() as u8,
        sender: bytes(&message["sender"]).try_into().unwrap(),
        block_number: number(&message["block_number"]),
        timestamp: number(&message["timestamp"]),
        sequence_number: number(&message["seq_num"]),
        gas_price_l1: number(&message["gas_price_l1"]),
        data: bytes(&message["data"]).into(),
    };
    messages.map(message).collect()
}

pub fn inbox(messages: &[Message]) -> MemoryInbox {
    messages.iter().map(Message::to_bytes).collect()
}

/// The one batch that holds all messages, with the empty message that the contract puts behind a
/// run of delayed ones; the program does not get to read that.
pub fn batch(mut messages: Vec<Message>) -> Batch {
    if messages.last().is_some_and(Message::is_delayed) {
        messages.push(Message {
            kind: 6,
            sender: [0; 20],
            block_number: U256::from(77),
            timestamp: U256::from(88),
            sequence_number: U256::from(messages.len()),
            gas_price_l1: U256::ZERO,
            data: [].into(),
        });
    }
    Batch::new(BatchStart::default(), messages).unwrap()
}
