//! Files with blocks, and looking for a block among inputs.

use std::path::Path;

use avm_atomicals::index::IndexMachine;
use avm_atomicals::index::block;
use avm_core::Bytes;

use crate::error::{self, CliError};
use crate::files::{self, Source};
use crate::registry::Search;

/// What is before every block in the files of Bitcoin Core, by network.
const MAGICS: [[u8; 4]; 5] = [
    [0xf9, 0xbe, 0xb4, 0xd9], // mainnet
    [0x0b, 0x11, 0x09, 0x07], // testnet3
    [0x1c, 0x16, 0x3f, 0x28], // testnet4
    [0x0a, 0x03, 0xcf, 0x40], // signet
    [0xfa, 0xbf, 0xb5, 0xda], // regtest
];
/// File next to block files whose eight bytes Bitcoin Core has added to them, by exclusive or.
const XOR: &str = "xor.dat";

/// The blocks of a file, in its order.
pub(super) fn inputs(file: &Source) -> Result<Vec<Bytes>, CliError> {
    let is_text = |byte: &u8| byte.is_ascii_graphic() || byte.is_ascii_whitespace();
    if file.bytes.iter().take(160).all(is_text) {
        return files::hex_lines(file);
    }
    if let Some(blocks) = concatenated(file, &file.bytes)? {
        return Ok(blocks);
    }
    if let Some(plain) = plain(file)
        && let Some(blocks) = concatenated(file, &plain)?
    {
        return Ok(blocks);
    }
    Ok(vec![file.bytes.as_slice().into()])
}

/// The file without what Bitcoin Core added to it, if it did.
fn plain(file: &Source) -> Option<Vec<u8>> {
    let folder = file.path.parent().unwrap_or(Path::new(""));
    let key = std::fs::read(folder.join(XOR)).ok()?;
    if key.len() != 8 || !file.has_extension(&["dat"]) {
        return None;
    }
    let bytes = file.bytes.iter().zip(key.iter().cycle());
    Some(bytes.map(|(byte, key)| byte ^ key).collect())
}

/// Blocks behind the magic bytes of a network and their lengths; `None` if it does not begin so.
/// Zeros at the end are room for more blocks.
fn concatenated(file: &Source, bytes: &[u8]) -> Result<Option<Vec<Bytes>>, CliError> {
    let Some(magic) = MAGICS.iter().find(|magic| bytes.starts_with(*magic)) else {
        return Ok(None);
    };
    let mut blocks = Vec::new();
    let mut rest = bytes;
    while rest.iter().any(|byte| *byte != 0) {
        let at = bytes.len() - rest.len();
        let wrong = |what: String| {
            let message = format!("block {} at byte {at} {what}", blocks.len());
            error::malformed_inbox(message)
                .at(file.name())
                .with("offset", at as u64)
        };
        let head: Option<(&[u8; 8], _)> = rest.split_first_chunk();
        let Some((head, after)) = head else {
            return Err(wrong("is cut".into()));
        };
        if head[..4] != *magic {
            let (found, want) = (crate::output::hex(&head[..4]), crate::output::hex(magic));
            return Err(wrong(format!(
                "begins with {found}, blocks of this file begin with {want}"
            )));
        }
        let len = u32::from_le_bytes([head[4], head[5], head[6], head[7]]) as usize;
        let Some((block, after)) = after.split_at_checked(len) else {
            let left = after.len();
            return Err(wrong(format!("has {len} bytes, the file has {left} more")));
        };
        blocks.push(block.into());
        rest = after;
    }
    Ok(Some(blocks))
}

/// The input whose block has a height: the machine takes those blocks that follow one another.
pub(super) fn at_height(machine: &IndexMachine, inputs: &[Bytes], height: u64) -> Search {
    let first = machine
        .height()
        .map_or(machine.params().start, |height| height + 1);
    let Some(mut left) = height.checked_sub(first.into()) else {
        return Search::Missing;
    };
    let mut tip = machine.tip();
    for (number, input) in (0_u64..).zip(inputs) {
        let Some(hash) = follows(input, tip) else {
            continue;
        };
        if left == 0 {
            return Search::Found(number);
        }
        (left, tip) = (left - 1, hash);
    }
    Search::Missing
}

/// Name of a block if the machine takes it after `tip`.
fn follows(input: &[u8], tip: [u8; 32]) -> Option<[u8; 32]> {
    let header = input.first_chunk()?;
    if tip != [0; 32] && block::header_prev(header) != tip {
        return None;
    }
    let parts = block::read(input).ok()?;
    block::check_witnesses(input, &parts).ok()?;
    Some(parts.hash)
}

/// The first input that is a block with a transaction.
pub(super) fn with_tx(inputs: &[Bytes], txid: &[u8; 32]) -> Search {
    let has = |input: &Bytes| {
        block::read(input).is_ok_and(|parts| parts.txs.iter().any(|tx| tx.txid == *txid))
    };
    let found = inputs.iter().position(has);
    found.map_or(Search::Missing, |at| Search::Found(at as u64))
}
