//! How many blocks of 1.2 MB a second come from a source into a store.
//!
//! `cargo run --release -p avm-bitcoin --example follow_rate [blocks]`
#![allow(clippy::disallowed_methods)] // a clock is what this is about

use std::fs;
use std::io::Write;
use std::sync::Arc;
use std::time::Instant;

use avm_bitcoin::files::Root;
use avm_bitcoin::{
    BlockHash, FilesSource, Follower, MemorySource, Options, RawBlock, Source, block,
};
use avm_store::Store;
use bitcoin::consensus::deserialize;
use bitcoin::{Block, Network, Witness};

#[path = "../tests/common/mod.rs"]
mod common;

use common::toy::Fold;

const MAGIC: [u8; 4] = [0xfa, 0xbf, 0xb5, 0xda];

/// A block of about 3,000 transactions of 400 bytes.
fn full(parent: BlockHash, tag: u64) -> RawBlock {
    let small = common::mine(parent, tag, 0);
    let mut transactions = deserialize::<Block>(&small).unwrap().txdata;
    let mut payment = transactions[0].clone();
    payment.input[0].witness = Witness::new();
    payment.output[0].script_pubkey = vec![0x51; 335].into();
    for number in 0..3000 {
        payment.input[0].previous_output.vout = number;
        transactions.push(payment.clone());
    }
    common::mine_transactions(parent, transactions)
}

fn main() {
    let count = std::env::args()
        .nth(1)
        .map_or(200, |text| text.parse().unwrap());
    let dir = tempfile::tempdir().unwrap();
    let mut memory = MemorySource::new(0);
    let mut parent = memory.push(common::genesis()).unwrap();
    let mut file = fs::File::create(dir.path().join("blk00000.dat")).unwrap();
    let mut bytes = 0;
    for tag in 0..=count {
        let block = match tag {
            0 => common::genesis(),
            _ => full(parent, tag),
        };
        bytes += block.len();
        file.write_all(&MAGIC).unwrap();
        file.write_all(&(block.len() as u32).to_le_bytes()).unwrap();
        file.write_all(&block).unwrap();
        parent = memory.push(block).unwrap();
    }
    println!("{count} blocks, {} bytes a block", bytes as u64 / count);

    let last = memory.block(parent).unwrap();
    let started = Instant::now();
    for _ in 0..20 {
        block::check(parent, &last).unwrap();
    }
    println!(
        "check: {:.1} ms a block",
        started.elapsed().as_secs_f64() * 1e3 / 20.0
    );

    let started = Instant::now();
    let mut files = FilesSource::open(dir.path(), Network::Regtest, Root::Genesis).unwrap();
    let seconds = started.elapsed().as_secs_f64();
    println!("headers: {:.0} blocks/s", count as f64 / seconds);

    let started = Instant::now();
    for height in 1..=count as u32 {
        let name = files.hash_at(height).unwrap().unwrap();
        files.block(name).unwrap();
    }
    let seconds = started.elapsed().as_secs_f64();
    println!(
        "files, read and checked: {:.0} blocks/s",
        count as f64 / seconds
    );

    let sources: [(&str, &mut dyn Source); 2] = [("memory", &mut memory), ("files", &mut files)];
    for (name, source) in sources {
        let store = dir.path().join(name);
        let store = Arc::new(Store::create(&store, Arc::new(Fold), b"fold").unwrap());
        let mut follower = Follower::open(&store, Arc::new(Fold), Options::default()).unwrap();
        let started = Instant::now();
        let mut rounds = 1;
        while !follower.round(source).unwrap().done {
            rounds += 1;
        }
        let seconds = started.elapsed().as_secs_f64();
        let rate = bytes as f64 / seconds / 1e6;
        println!(
            "{name} to store: {:.0} blocks/s, {rate:.0} MB/s, {rounds} rounds",
            count as f64 / seconds
        );
    }
}
