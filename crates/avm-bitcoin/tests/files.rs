//! Block files as nodes write them, and as crashes leave them.

mod common;

use std::fs;
use std::path::Path;

use avm_bitcoin::files::Root;
use avm_bitcoin::source::BlockFault;
use avm_bitcoin::{BlockHash, FilesSource, RawBlock, Source, SourceError, block};
use avm_testkit::seed::{self, Rng};
use bitcoin::Network;
use common::{branch, chain, genesis, names};

const MAGIC: [u8; 4] = [0xfa, 0xbf, 0xb5, 0xda];
const KEY: [u8; 8] = [0x91, 0, 0xff, 0x32, 0x07, 0x55, 0xaa, 0x1c];

fn frame(block: &[u8]) -> Vec<u8> {
    [&MAGIC[..], &(block.len() as u32).to_le_bytes(), block].concat()
}

fn mask(bytes: &mut [u8], key: Option<[u8; 8]>) {
    let key = key.unwrap_or_default();
    for (byte, key) in bytes.iter_mut().zip(key.iter().cycle()) {
        *byte ^= key;
    }
}

/// Writes `blkNNNNN.dat`: `bytes` masked, then `padding` zeros as the file system makes them.
fn write(dir: &Path, number: u32, bytes: &[u8], padding: usize, key: Option<[u8; 8]>) {
    let mut bytes = bytes.to_vec();
    mask(&mut bytes, key);
    bytes.resize(bytes.len() + padding, 0);
    fs::write(dir.join(format!("blk{number:05}.dat")), bytes).unwrap();
}

fn frames<'a>(blocks: impl IntoIterator<Item = &'a RawBlock>) -> Vec<u8> {
    blocks.into_iter().flat_map(|block| frame(block)).collect()
}

fn hashes(blocks: &[RawBlock]) -> Vec<BlockHash> {
    blocks.iter().map(|bytes| block::name(bytes)).collect()
}

fn open(dir: &Path) -> Result<FilesSource, SourceError> {
    FilesSource::open(dir, Network::Regtest, Root::Genesis)
}

/// The source has exactly this chain, from `from` on.
fn check(source: &mut FilesSource, from: u32, want: &[RawBlock]) {
    let tip = source.tip().unwrap();
    assert_eq!(tip.height as usize, from as usize + want.len() - 1);
    assert_eq!(names(source, from), hashes(want));
    for bytes in want {
        assert_eq!(source.block(block::name(bytes)).unwrap(), *bytes);
    }
}

#[test]
fn magic_of_every_network() {
    // As in the node's `chainparams.cpp`, and the name of the genesis block.
    let cases = [
        (Network::Bitcoin, "f9beb4d9", "000000000019d668"),
        (Network::Testnet, "0b110907", "000000000933ea01"),
        (Network::Testnet4, "1c163f28", "00000000da84f2ba"),
        (Network::Signet, "0a03cf40", "00000008819873e9"),
        (Network::Regtest, "fabfb5da", "0f9188f13cb7b2c7"),
    ];
    for (network, magic, name) in cases {
        let dir = tempfile::tempdir().unwrap();
        let block = bitcoin::constants::genesis_block(network);
        let block = bitcoin::consensus::serialize(&block);
        let mut file = u32::from_str_radix(magic, 16)
            .unwrap()
            .to_be_bytes()
            .to_vec();
        file.extend((block.len() as u32).to_le_bytes());
        file.extend(&block);
        fs::write(dir.path().join("blk00000.dat"), file).unwrap();
        let mut source = FilesSource::open(dir.path(), network, Root::Genesis).unwrap();
        let tip = source.tip().unwrap();
        assert!(
            avm_bitcoin::source::hex(&tip.hash).starts_with(name),
            "{network}"
        );
        assert_eq!(&*source.block(tip.hash).unwrap(), block, "{network}");
        for (other, ..) in cases.iter().filter(|case| case.0 != network) {
            let other = FilesSource::open(dir.path(), *other, Root::Genesis);
            assert!(matches!(other, Err(SourceError::Empty { .. })));
        }
    }
}

#[test]
fn blocks_in_any_order_with_forks_over_several_files() {
    seed::each(60, |rng| {
        let dir = tempfile::tempdir().unwrap();
        let key = (rng.below(2) == 0).then_some(KEY);
        if let Some(key) = key {
            fs::write(dir.path().join("xor.dat"), key).unwrap();
        }
        let main = chain(30, rng.below(300) as usize);
        let mut all = main.clone();
        for fork in 0..3 {
            // Never longer than the rest of the chain.
            let at = rng.below(28) as usize;
            let len = 1 + rng.below(29 - at as u64);
            let tags = (0..len).map(|tag| (fork + 1) << 32 | tag);
            all.extend(branch(block::name(&main[at]), tags, 10));
        }
        shuffle(rng, &mut all);
        let mut rest = &all[..];
        let mut number = 0;
        while !rest.is_empty() {
            let (file, more) = rest.split_at(rest.len().min(1 + rng.below(40) as usize));
            let padding = rng.below(2) as usize * 5000;
            write(dir.path(), number, &frames(file), padding, key);
            (rest, number) = (more, number + 1);
        }
        fs::write(dir.path().join("rev00000.dat"), b"of no interest").unwrap();
        fs::write(dir.path().join("blk1.dat"), b"not a name a node gives").unwrap();
        let mut source = open(dir.path()).unwrap();
        check(&mut source, 0, &main);
        assert_eq!(source.blocks_found(), all.len());
        for bytes in &all {
            assert_eq!(source.block(block::name(bytes)).unwrap(), *bytes);
        }
    });
}

fn shuffle(rng: &mut Rng, blocks: &mut [RawBlock]) {
    for at in 1..blocks.len() {
        blocks.swap(at, rng.below(at as u64 + 1) as usize);
    }
}

#[test]
fn the_heaviest_chain_and_not_the_longest() {
    let dir = tempfile::tempdir().unwrap();
    let long = chain(4, 0);
    // A block that took as much work as eight of the others.
    let mut heavy = long[1].to_vec();
    heavy[72..76].copy_from_slice(&0x200f_ffff_u32.to_le_bytes());
    let heavy = (0_u32..)
        .map(|nonce| {
            heavy[76..80].copy_from_slice(&nonce.to_le_bytes());
            heavy.clone()
        })
        .find(|bytes| block::name(bytes)[31] < 0x0f)
        .unwrap();
    let short = [genesis(), heavy.into()];
    write(
        dir.path(),
        0,
        &frames(long.iter().chain(&short[1..])),
        0,
        None,
    );
    let mut source = open(dir.path()).unwrap();
    check(&mut source, 0, &short);
    // Of two with the same work, the one found first.
    let rivals = [
        branch(block::name(&long[0]), [7], 0),
        branch(block::name(&long[0]), [8], 0),
    ];
    for (first, second) in [(0, 1), (1, 0)] {
        let blocks = [&rivals[first][0], &rivals[second][0], &long[0]];
        write(dir.path(), 0, &frames(blocks), 0, None);
        let mut source = open(dir.path()).unwrap();
        check(&mut source, 0, &[long[0].clone(), rivals[first][0].clone()]);
    }
}

#[test]
fn a_running_node_appends() {
    for key in [None, Some(KEY)] {
        let dir = tempfile::tempdir().unwrap();
        if let Some(key) = key {
            fs::write(dir.path().join("xor.dat"), key).unwrap();
        }
        let main = chain(12, 50);
        // With space made ahead, without, and with half a block in it.
        for padding in [0, 3000] {
            let file = |count: usize| frames(&main[..count]);
            write(dir.path(), 0, &file(3), padding, key);
            let mut source = open(dir.path()).unwrap();
            check(&mut source, 0, &main[..3]);
            assert!(!source.refresh().unwrap());
            write(dir.path(), 0, &file(5), padding, key);
            check(&mut source, 0, &main[..5]);
            // As much as the node has written so far, to every byte. The last four are zero anyway.
            let next = frame(&main[5]);
            for half in 0..next.len() - 4 {
                let bytes = [&file(5)[..], &next[..half]].concat();
                write(dir.path(), 0, &bytes, padding, key);
                // The file may be long enough for all of the block, but it is not there yet.
                assert_eq!(source.tip().unwrap().height, 4, "{half} bytes");
            }
            write(dir.path(), 0, &file(6), padding, key);
            check(&mut source, 0, &main[..6]);
            // The next file, and a fork in it that becomes the chain.
            let fork = branch(block::name(&main[4]), 50..60, 0);
            write(
                dir.path(),
                1,
                &frames(fork.iter().chain(&main[6..8])),
                padding,
                key,
            );
            let want: Vec<_> = main[..5].iter().chain(&fork).cloned().collect();
            check(&mut source, 0, &want);
            fs::remove_file(dir.path().join("blk00001.dat")).unwrap();
            // Pruned.
            let gone = source.block(block::name(&fork[0]));
            assert!(matches!(gone, Err(SourceError::Missing { .. })));
        }
    }
}

#[test]
fn what_is_no_block_is_passed_over() {
    let main = chain(6, 20);
    // Targets it does not meet, easier than the network allows, and written as no node writes it.
    let with_bits = |bits: u32| {
        let mut bytes = branch(block::name(&main[6]), [9], 0)[0].to_vec();
        bytes[72..76].copy_from_slice(&bits.to_le_bytes());
        frame(&bytes)
    };
    let mut long = frame(&main[2]);
    long[4..8].copy_from_slice(&0xffff_ffff_u32.to_le_bytes());
    let garbage: [(&str, Vec<u8>); 10] = [
        ("text", b"garbage".to_vec()),
        ("magic alone", MAGIC.to_vec()),
        ("two magics", [MAGIC, MAGIC].concat()),
        ("the beginning of a block", frame(&main[2])[..120].to_vec()),
        ("a length without end", long),
        ("a block too short", frame(&main[2][..80])),
        ("a block without work", with_bits(0x1d00_ffff)),
        ("too little work", with_bits(0x2100_ffff)),
        ("a target that overflows", with_bits(0x227f_ffff)),
        ("many zeros", vec![0; 200_000]),
    ];
    for (name, garbage) in garbage {
        for (key, at) in [(None, 3), (Some(KEY), 3), (None, 0), (Some(KEY), 0)] {
            let dir = tempfile::tempdir().unwrap();
            if let Some(key) = key {
                fs::write(dir.path().join("xor.dat"), key).unwrap();
            }
            let bytes = [frames(&main[..at]), garbage.clone(), frames(&main[at..])].concat();
            write(dir.path(), 0, &bytes, 0, key);
            let mut source = open(dir.path()).unwrap();
            assert_eq!(source.blocks_found(), main.len(), "{name}");
            check(&mut source, 0, &main);
        }
    }
}

#[test]
fn random_bytes_never_panic() {
    seed::each(200, |rng| {
        let dir = tempfile::tempdir().unwrap();
        let main = chain(3, 20);
        let mut bytes = frames(&main);
        for _ in 0..rng.below(5) {
            let at = rng.below(bytes.len() as u64) as usize;
            match rng.below(3) {
                0 => bytes[at] ^= 1 << rng.below(8),
                1 => drop(bytes.drain(at..(at + rng.below(50) as usize).min(bytes.len()))),
                _ => drop(bytes.splice(at..at, MAGIC)),
            }
        }
        write(dir.path(), 0, &bytes, rng.below(300) as usize, None);
        let Ok(mut source) = open(dir.path()) else {
            return;
        };
        let tip = source.tip().unwrap();
        for height in 0..=tip.height {
            let name = source.hash_at(height).unwrap().unwrap();
            // A changed header may have work by chance, and is then a block like any other.
            if let Ok(bytes) = source.block(name) {
                assert_eq!(block::check(name, &bytes), Ok(()));
            }
        }
    });
}

#[test]
fn a_block_is_checked_to_its_last_byte() {
    let main = chain(1, 30);
    let good = frames(&main);
    let (first, name) = (good.len() - main[1].len(), block::name(&main[1]));
    for at in first + 80..good.len() {
        let dir = tempfile::tempdir().unwrap();
        write(dir.path(), 0, &good, 0, None);
        let mut source = open(dir.path()).unwrap();
        let mut bad = good.clone();
        bad[at] ^= 0x10;
        write(dir.path(), 0, &bad, 0, None);
        match source.block(name) {
            Err(SourceError::WrongBlock { asked, .. }) => assert_eq!(asked, name),
            other => panic!("byte {at}: {other:?}"),
        }
    }
}

#[test]
fn a_pruned_node_begins_somewhere() {
    let dir = tempfile::tempdir().unwrap();
    let main = chain(12, 0);
    write(
        dir.path(),
        7,
        &frames(&[main[6].clone(), main[5].clone()]),
        0,
        None,
    );
    write(dir.path(), 8, &frames(&main[7..11]), 100, None);
    assert!(matches!(open(dir.path()), Err(SourceError::Empty { .. })));
    let root = Root::FirstAt(5);
    let mut source = FilesSource::open(dir.path(), Network::Regtest, root).unwrap();
    check(&mut source, 5, &main[5..11]);
    write(dir.path(), 8, &frames(&main[7..]), 0, None);
    check(&mut source, 5, &main[5..]);
    assert_eq!(source.hash_at(4).unwrap(), None);
}

#[test]
fn refusals() {
    let dir = tempfile::tempdir().unwrap();
    let none = open(&dir.path().join("none")).unwrap_err();
    assert!(matches!(none, SourceError::Io { .. }), "{none}");
    let empty = open(dir.path()).unwrap_err();
    assert!(matches!(empty, SourceError::Empty { .. }), "{empty}");
    for len in [0, 7, 9, 1000] {
        fs::write(dir.path().join("xor.dat"), vec![0; len]).unwrap();
        let short = open(dir.path()).unwrap_err().to_string();
        let want = format!("the key is {len} bytes, expected 8");
        assert!(short.ends_with(&want), "{short}");
    }
}

#[test]
fn faults_of_blocks() {
    use bitcoin::consensus::{deserialize, serialize};
    let main = chain(1, 0);
    let name = block::name(&main[1]);
    let check = |bytes: &[u8]| block::check(name, bytes);
    assert_eq!(check(&main[1]), Ok(()));
    assert_eq!(
        check(&main[0]),
        Err(BlockFault::Name(block::name(&main[0])))
    );
    assert_eq!(check(&main[1][..80]), Err(BlockFault::Length { found: 80 }));
    let long = [&main[1][..], &[0; 8_000_000]].concat();
    assert_eq!(check(&long), Err(BlockFault::Length { found: long.len() }));
    let extra = [&main[1][..], &[0]].concat();
    assert!(matches!(check(&extra), Err(BlockFault::Transactions(_))));
    // The header says only what the transactions without witnesses are.
    let mut whole: bitcoin::Block = deserialize(&main[1]).unwrap();
    whole.txdata[0].input[0].witness.push([1; 32]);
    assert_eq!(check(&serialize(&whole)), Err(BlockFault::Witnesses));
    // The last of an odd number of transactions, once more: the same root.
    let mut whole: bitcoin::Block = deserialize(&main[1]).unwrap();
    let mut other = |tag| {
        let mut transaction = whole.txdata[0].clone();
        transaction.version.0 = tag;
        whole.txdata.push(transaction);
    };
    other(5);
    other(6);
    let bytes = common::mine_transactions(block::name(&main[0]), whole.txdata);
    let name = block::name(&bytes);
    let mut twice: bitcoin::Block = deserialize(&bytes).unwrap();
    twice.txdata.push(twice.txdata[2].clone());
    assert!(twice.check_merkle_root());
    assert_eq!(block::check(name, &bytes), Ok(()));
    let faulty = block::check(name, &serialize(&twice));
    assert_eq!(faulty, Err(BlockFault::MerkleRoot));
}
