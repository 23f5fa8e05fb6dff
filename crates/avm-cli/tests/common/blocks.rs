//! Chains, block files, and stores of them.

use std::fs;
use std::path::Path;

use avm_core::Claim;
use avm_regtest::walk::Walk;
use avm_regtest::{Chain, bitcoin};
use avm_store::{FileLog, Log, LogHeader, LogReader, Record, Store};

use super::{Ran, Work};

const MAGIC: [u8; 4] = [0xfa, 0xbf, 0xb5, 0xda];
const KEY: [u8; 8] = [0x91, 0, 0xff, 0x32, 0x07, 0x55, 0xaa, 0x1c];
/// The most steps of a walk, so that a test does not go on for ever.
const STEPS: usize = 20_000;

/// A chain of at least so many blocks, with payments and operations of every kind in it.
pub fn walked(seed: u64, blocks: u32) -> Chain {
    let mut walk = Walk::new(seed);
    for _ in 0..STEPS {
        if walk.chain.height() >= blocks {
            break;
        }
        // A step that the chain refuses leaves it as it was.
        let _ = walk.step();
        if walk.chain.height().is_multiple_of(5) {
            walk.chain.mine();
        }
    }
    assert!(walk.chain.height() >= blocks, "{}", walk.chain.height());
    walk.chain
}

/// Writes blocks as a node does: several files, masked.
pub fn write_files(dir: &Path, blocks: &[bitcoin::Block]) {
    fs::create_dir_all(dir).unwrap();
    fs::write(dir.join("xor.dat"), KEY).unwrap();
    for (number, part) in blocks.chunks(100).enumerate() {
        let mut bytes = Vec::new();
        for block in part {
            let block = bitcoin::consensus::serialize(block);
            bytes.extend(MAGIC);
            bytes.extend((block.len() as u32).to_le_bytes());
            bytes.extend(block);
        }
        for (byte, key) in bytes.iter_mut().zip(KEY.iter().cycle()) {
            *byte ^= key;
        }
        fs::write(dir.join(format!("blk{number:05}.dat")), bytes).unwrap();
    }
}

/// Block files of a chain in the directory `name`.
pub fn files(work: &Work, name: &str, chain: &Chain) {
    write_files(&work.path(name), chain.blocks());
}

/// The command without the directories.
pub const INDEX: &str = "index --source files --chain regtest --once";

/// Indexes block files to their end.
pub fn index(work: &Work, blocks: &str, store: &str, more: &str) -> Ran {
    let ran = work.avm(&format!("{INDEX} {blocks} --store {store} {more}"));
    assert_eq!(ran.code, 0, "{ran:?}");
    ran
}

/// The value of a row.
pub fn row<'a>(ran: &'a Ran, label: &str) -> &'a str {
    let mut lines = ran
        .stdout
        .lines()
        .filter_map(|line| line.strip_prefix(label));
    lines
        .next()
        .unwrap_or_else(|| panic!("no {label}: {ran:?}"))
        .trim()
}

/// The log of a store in another directory, with other roots in the claims that `wrong` names.
pub fn tampered(work: &Work, from: &str, to: &str, wrong: impl Fn(&Claim) -> bool) {
    let mut reader = LogReader::open(&Store::log_path(&work.path(from))).unwrap();
    let header = LogHeader::unique(reader.header().identity.clone(), &reader.header().image);
    fs::create_dir(work.path(to)).unwrap();
    let log = FileLog::create(&Store::log_path(&work.path(to)), header).unwrap();
    while let Some((_, record)) = reader.next_record().unwrap() {
        match record {
            Record::Input { bytes, .. } => drop(log.append(&bytes).unwrap()),
            Record::Claim(mut claim) => {
                claim.state.0[5] ^= u8::from(wrong(&claim));
                log.record(&claim).unwrap();
            }
            _ => {}
        }
    }
    log.commit().unwrap();
}
