//! Every cut and every flipped byte of a small log; many of each in a store directory.

mod common;

use std::fs;
use std::io::Cursor;
use std::path::Path;

use avm_core::{Hash, Inbox, Nodes};
use avm_store::{
    Checkpoints, Log, LogHead, LogHeader, LogReader, LogWriter, Record, Store, StoreError,
};
use common::{Node, Random, SimDisk, claim_at, contents, identity, toy};

const COMMIT_RECORD: usize = 56;

/// Three batches with inputs of many lengths, claims and a truncation.
fn sample() -> Vec<u8> {
    let header = LogHeader::for_export(identity(), b"some image");
    let empty = LogWriter::new(Vec::new(), Path::new("sample"), &header).unwrap();
    let disk = SimDisk::new(empty.finish().unwrap());
    let (log, _) = disk.open().unwrap();
    for input in [&b""[..], b"1", b"seven..", b"eight...", &[0; 100]] {
        log.append(input).unwrap();
    }
    log.commit().unwrap();
    log.append(b"taken back").unwrap();
    log.record(&claim_at(&log, 3)).unwrap();
    log.truncate(5).unwrap();
    log.append(&[0; 24]).unwrap();
    log.append(b"end").unwrap();
    log.commit().unwrap();
    disk.bytes()
}

/// The contents after each record, with the offset where the record ends.
fn history(bytes: &[u8]) -> Vec<(u64, Vec<Vec<u8>>)> {
    let mut reader = LogReader::new(Cursor::new(bytes), Path::new("sample")).unwrap();
    let mut all: Vec<Vec<u8>> = Vec::new();
    let mut history = vec![(reader.offset(), Vec::new())];
    while let Some((_, record)) = reader.next_record().unwrap() {
        match record {
            Record::Input { bytes, .. } => all.push(bytes.to_vec()),
            Record::Truncate(LogHead { len, .. }) => all.truncate(len as usize),
            _ => {}
        }
        history.push((reader.offset(), all.clone()));
    }
    assert_eq!(reader.tail(), 0);
    history
}

#[test]
fn every_cut_keeps_the_whole_records_and_reports_the_rest() {
    let bytes = sample();
    let history = history(&bytes);
    for len in 0..=bytes.len() {
        let disk = SimDisk::new(bytes[..len].to_vec());
        let opened = disk.open();
        let Some((end, want)) = history.iter().rev().find(|(end, _)| *end <= len as u64) else {
            let error = opened.map(drop).unwrap_err();
            assert!(error.is_damage(), "cut to {len}: {error}");
            assert_eq!(disk.bytes(), bytes[..len], "cut to {len}: left as it is");
            continue;
        };
        let (log, cut) = opened.unwrap();
        assert_eq!(cut, len as u64 - end, "cut to {len}");
        assert_eq!(&contents(&log), want, "cut to {len}");
        log.append(b"more").unwrap();
        log.commit().unwrap();
        let (again, cut) = disk.open().unwrap();
        assert_eq!((contents(&again), cut), (contents(&log), 0), "cut to {len}");
    }
}

/// Ways to damage a byte.
const PATTERNS: [fn(u8) -> u8; 5] = [|b| b ^ 1, |b| b ^ 0x80, |b| b ^ 0x20, |b| !b, |_| 0];

fn flips(bytes: &[u8]) -> impl Iterator<Item = (usize, Vec<u8>)> + '_ {
    (0..bytes.len()).flat_map(move |at| {
        PATTERNS.iter().filter_map(move |pattern| {
            let mut flipped = bytes.to_vec();
            flipped[at] = pattern(bytes[at]);
            (flipped[at] != bytes[at]).then_some((at, flipped))
        })
    })
}

#[test]
fn every_flip_of_acknowledged_bytes_is_an_error() {
    let bytes = sample();
    let want = history(&bytes).pop().unwrap().1;
    let last_mark = bytes.len() - COMMIT_RECORD;
    let mut refused = 0;
    for (at, flipped) in flips(&bytes) {
        let disk = SimDisk::new(flipped.clone());
        match disk.open() {
            Ok((log, cut)) => {
                assert!(at >= last_mark, "byte {at} was flipped and nobody noticed");
                assert_eq!((contents(&log), cut), (want.clone(), COMMIT_RECORD as u64));
            }
            Err(error) => {
                assert!(at < last_mark && error.is_damage(), "byte {at}: {error}");
                assert_eq!(disk.bytes(), flipped, "byte {at}: left as it is");
                refused += 1;
            }
        }
    }
    assert!(refused > 3 * last_mark);
}

#[test]
fn a_flip_in_a_batch_that_was_never_marked_only_shortens_it_and_says_so() {
    let mut bytes = sample();
    bytes.truncate(bytes.len() - COMMIT_RECORD);
    let history = history(&bytes);
    for (at, flipped) in flips(&bytes) {
        match SimDisk::new(flipped).open() {
            Ok((log, cut)) => {
                let (end, want) = history
                    .iter()
                    .rev()
                    .find(|(end, _)| *end <= at as u64)
                    .unwrap();
                assert_eq!(&contents(&log), want, "byte {at}");
                assert_eq!(cut, bytes.len() as u64 - end, "byte {at}");
                assert!(want.len() >= 5, "byte {at}: marked inputs are never cut");
            }
            Err(error) => assert!(error.is_damage(), "byte {at}: {error}"),
        }
    }
}

#[test]
fn damage_under_an_open_log_is_noticed_by_reading() {
    let bytes = sample();
    let disk = SimDisk::new(bytes.clone());
    let (log, _) = disk.open().unwrap();
    let want = contents(&log);
    for (at, flipped) in flips(&bytes) {
        disk.set_bytes(flipped);
        for (index, want) in want.iter().enumerate() {
            if let Ok(found) = Inbox::get(&log, index as u64) {
                assert_eq!(
                    found.as_deref(),
                    Some(&want[..]),
                    "byte {at}, input {index}"
                );
            }
        }
    }
}

#[test]
fn records_in_another_place_or_log_are_no_records() {
    let bytes = sample();
    let history = history(&bytes);
    // The first input doubled, and then two records swapped.
    let range = |i: usize| history[i].0 as usize..history[i + 1].0 as usize;
    let mut doubled = bytes.clone();
    doubled.splice(
        history[1].0 as usize..history[1].0 as usize,
        bytes[range(0)].to_vec(),
    );
    let mut swapped = bytes.clone();
    let (first, second) = (bytes[range(0)].to_vec(), bytes[range(1)].to_vec());
    swapped.splice(range(0).start..range(1).end, [second, first].concat());
    for moved in [swapped, doubled] {
        // No mark stands where it was written, or something before one is damaged.
        if let Ok((log, cut)) = SimDisk::new(moved).open() {
            assert!(cut > 0 && log.head().len <= 1);
        }
    }
}

#[test]
fn an_input_replaced_by_another_breaks_the_chain_after_it() {
    let write = |first: &[u8]| {
        let header = LogHeader::for_export(identity(), b"");
        let mut writer = LogWriter::new(Vec::new(), Path::new("two"), &header).unwrap();
        writer.input(first).unwrap();
        writer.input(b"second").unwrap();
        writer.finish().unwrap()
    };
    let (bytes, other) = (write(b"one"), write(b"two"));
    let end = history(&bytes)[1].0 as usize;
    let mixed = [&other[..end], &bytes[end..]].concat();
    let disk = SimDisk::new(bytes);
    let (log, _) = disk.open().unwrap();
    disk.set_bytes(mixed.clone());
    let error = log.input(1).unwrap_err();
    assert!(error.is_damage(), "{error}");
    assert!(SimDisk::new(mixed).open().is_err());
}

/// A store with nodes, outputs and claims; the inputs and node names in it.
fn fill(dir: &Path) -> (Vec<Vec<u8>>, Vec<Hash>) {
    let store = Store::create(dir, toy(), b"image").unwrap();
    let mut names = Vec::new();
    let mut outputs = 0;
    let mut outbox = Hash::ZERO;
    for round in 0..3_u64 {
        for i in 0..4_u64 {
            store.append(&(round * 4 + i).to_be_bytes()).unwrap();
        }
        store.commit().unwrap();
        let mut batch = store.begin().unwrap();
        for i in 0..40_u64 {
            let node = (round * 100 + i).to_be_bytes().repeat(20);
            names.push(Hash::keccak(&node));
            batch.put(Hash::keccak(&node), &node).unwrap();
        }
        let output = Node(vec![round as u8; 50]);
        let mut claim = claim_at(&store, store.head().len);
        (claim.outputs, claim.outbox) = (outputs, outbox);
        batch.push(outputs, output.output()).unwrap();
        claim.fold_output(&output.output());
        (outputs, outbox) = (claim.outputs, claim.outbox);
        batch.put_claim(&claim).unwrap();
        batch.commit().unwrap();
    }
    (contents(store.log()), names)
}

/// Opens a store that was damaged: errors are fine, wrong answers are not.
fn check_damaged(dir: &Path, what: &str, inputs: &[Vec<u8>], names: &[Hash]) -> bool {
    let (store, recovery) = match Store::open(dir, toy()) {
        Ok(opened) => opened,
        Err(error) => {
            assert!(error.is_damage(), "{what}: {error}");
            return false;
        }
    };
    assert_eq!(contents(store.log()), inputs, "{what}");
    if let Some(claim) = recovery.checkpoint {
        assert_eq!(claim.inbox, store.inbox_at(claim.inputs).unwrap(), "{what}");
        assert_eq!(claim.state, claim_at(&store, claim.inputs).state, "{what}");
        assert_eq!(claim.outputs, claim.inputs / 4, "{what}");
    }
    for name in names {
        if let Ok(node) = Nodes::get(store.state(), *name) {
            assert_eq!(Hash::keccak(&node), *name, "{what}");
        }
    }
    for index in 0..4 {
        if let Ok(Some((_, hash))) = store.output(index) {
            assert_eq!(hash, Hash::keccak(&[index as u8; 50]), "{what}");
        }
    }
    true
}

#[test]
fn a_damaged_database_gives_errors_or_right_answers() {
    let dir = tempfile::tempdir().unwrap();
    let (inputs, names) = fill(dir.path());
    let path = Store::state_path(dir.path());
    let log = fs::read(Store::log_path(dir.path())).unwrap();
    let good = fs::read(&path).unwrap();
    let used: Vec<usize> = (0..good.len()).filter(|at| good[*at] != 0).collect();
    let mut random = Random(0x5eed);
    for round in 0..90 {
        let at = match round {
            0..40 => round,
            40..80 => used[random.below(used.len() as u64) as usize],
            _ => random.below(good.len() as u64) as usize,
        };
        let mut flipped = good.clone();
        flipped[at] = PATTERNS[round % 4](good[at]);
        fs::write(&path, flipped).unwrap();
        check_damaged(dir.path(), &format!("byte {at}"), &inputs, &names);
        fs::write(Store::log_path(dir.path()), &log).unwrap();
    }
    // Bytes that are in use: every copy of a node's third word, so that the live one is hit.
    for round in 0..3_u64 {
        let word = (round * 100 + 7).to_be_bytes().repeat(5);
        let places = good.windows(word.len()).enumerate();
        let places: Vec<usize> = places
            .filter(|(_, w)| *w == word)
            .map(|(at, _)| at)
            .collect();
        assert!(!places.is_empty());
        let mut flipped = good.clone();
        for at in places {
            flipped[at] ^= 0x10;
        }
        fs::write(&path, flipped).unwrap();
        let opened = check_damaged(dir.path(), "a node", &inputs, &names);
        assert!(!opened, "a damaged node of round {round} was not noticed");
    }
    for round in 0..20 {
        let len = if round < 4 {
            round * 3
        } else {
            random.below(good.len() as u64) as usize
        };
        fs::write(&path, &good[..len]).unwrap();
        check_damaged(dir.path(), &format!("cut to {len}"), &inputs, &names);
    }
    fs::write(&path, &good).unwrap();
    assert!(check_damaged(dir.path(), "mended", &inputs, &names));
}

#[test]
fn a_lost_database_is_made_again_and_a_lost_log_is_damage() {
    let dir = tempfile::tempdir().unwrap();
    let (inputs, _) = fill(dir.path());
    let (state, log) = (Store::state_path(dir.path()), Store::log_path(dir.path()));
    let kept = fs::read(&state).unwrap();
    fs::remove_file(&state).unwrap();
    let (store, recovery) = Store::open(dir.path(), toy()).unwrap();
    assert_eq!((contents(store.log()), recovery.checkpoint), (inputs, None));
    drop(store);

    fs::write(&state, kept).unwrap();
    let bytes = fs::read(&log).unwrap();
    fs::write(&log, &bytes[..bytes.len() - 100]).unwrap();
    let error = Store::open(dir.path(), toy()).map(drop).unwrap_err();
    let behind = matches!(
        error,
        StoreError::LogBehind {
            checkpoint: 12,
            log: 11,
            ..
        }
    );
    assert!(behind && error.is_damage(), "{error}");

    fs::remove_file(&log).unwrap();
    let error = Store::open(dir.path(), toy()).map(drop).unwrap_err();
    assert!(matches!(error, StoreError::Io { .. }), "{error}");
}
