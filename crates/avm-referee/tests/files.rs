//! The game file: torn at every length, flipped at every byte.
#![allow(clippy::disallowed_methods)]

mod common;

use std::fs;

use avm_referee::*;
use avm_testkit::tally::Tally;
use common::*;
use proptest::collection::vec;
use proptest::prelude::*;

fn read(bytes: &[u8]) -> Result<(Replica, u64), FileError> {
    let path = Path::new();
    fs::write(&path.0, bytes).expect("the temporary directory can be written");
    let mut reader = Reader::open(&path.0)?;
    let (replica, _) = replay(&mut reader, &Tally, |_, _, _| {})?;
    Ok((replica, reader.tail()))
}

/// A finished game, and where its records end.
fn game() -> (Vec<u8>, Vec<usize>) {
    let path = Path::new();
    recorded(&path, &[40]);
    let bytes = fs::read(&path.0).expect("the file is there");
    let mut reader = Reader::open(&path.0).expect("it is a game file");
    let (_, spans) = replay(&mut reader, &Tally, |_, _, _| {}).expect("it holds");
    let opening = 12 + reader.opening().to_bytes().len();
    let ends = spans
        .iter()
        .map(|span| span.at as usize + span.len as usize + 32);
    let ends = [opening].into_iter().chain(ends).collect();
    (bytes, ends)
}

#[test]
fn torn_at_every_length() {
    let (bytes, ends) = game();
    let path = Path::new();
    for len in 0..bytes.len() {
        let whole = ends.iter().rposition(|end| *end <= len);
        let got = read(&bytes[..len]);
        let Some(whole) = whole else {
            assert!(
                matches!(got, Err(FileError::Magic | FileError::Opening { .. })),
                "{len}: {got:?}"
            );
            continue;
        };
        let (replica, tail) = got.unwrap_or_else(|e| panic!("cut at {len}: {e}"));
        assert_eq!(replica.records(), whole as u64, "cut at {len}");
        assert_eq!(tail, (len - ends[whole]) as u64, "cut at {len}");
        // Seldom, as it makes things durable: going on cuts the tail off.
        if len % 97 == 0 || len + 1 == bytes.len() {
            fs::write(&path.0, &bytes[..len]).expect("it can be written");
            let table = Table::reopen(&path.0, &Tally).expect("it goes on");
            assert_eq!(table.replica().records(), whole as u64);
            let left = fs::metadata(&path.0).expect("it is there").len();
            assert_eq!(left, ends[whole] as u64);
        }
    }
    assert_eq!(read(&bytes).expect("it is whole").1, 0);
}

#[test]
fn space_that_was_never_filled_is_a_tail() {
    let (bytes, ends) = game();
    for (cut, zeros) in [(ends[2], 5), (ends[2], 100), (ends[2], 5000)] {
        let mut torn = bytes[..cut].to_vec();
        torn.resize(cut + zeros, 0);
        let (replica, tail) = read(&torn).expect("it is torn, not damaged");
        assert_eq!((replica.records(), tail), (2, zeros as u64));
    }
    let mut torn = bytes[..ends[3]].to_vec();
    torn[ends[3] - 40..].fill(0);
    assert_eq!(read(&torn).expect("it is torn, not damaged").0.records(), 2);
}

#[test]
fn every_flipped_byte_is_found() {
    let (bytes, _) = game();
    for at in 0..bytes.len() {
        let mut flipped = bytes.clone();
        flipped[at] ^= 1 << (at % 8);
        let got = read(&flipped);
        assert!(got.is_err(), "byte {at} flipped, and the file is read");
    }
}

/// Who rewrites the chain hashes, too, does not get past the signatures.
#[test]
fn a_forged_record_is_found_by_its_signature() {
    let path = Path::new();
    let replica = recorded(&path, &[40]);
    let mut reader = Reader::open(&path.0).expect("it is a game file");
    let mut records = Vec::new();
    while let Some((_, record)) = reader.next_record().expect("it holds") {
        records.push(record);
    }
    for at in 0..records.len() {
        let forged = Path::new();
        let mut file = GameFile::create(&forged.0, replica.opening()).expect("it can be made");
        for (index, record) in records.iter().enumerate() {
            let mut record = record.clone();
            if index == at {
                let last = record.event.len() - 1;
                record.event[last] ^= 1;
            }
            file.append(&record).expect("it can be written");
        }
        drop(file);
        let got = Table::reopen(&forged.0, &Tally).map(|_| ());
        let index = match got {
            Err(FileError::Record { index, .. }) => index,
            other => panic!("record {at} is forged: {other:?}"),
        };
        assert_eq!(index, at as u64);
    }
}

#[test]
fn a_record_that_says_nothing_new_is_refused() {
    let path = Path::new();
    let replica = recorded(&path, &[40]);
    let mut reader = Reader::open(&path.0).expect("it is a game file");
    let (_, join) = reader
        .next_record()
        .expect("it holds")
        .expect("somebody joined");
    let forged = Path::new();
    let mut file = GameFile::create(&forged.0, replica.opening()).expect("it can be made");
    file.append(&join).expect("it can be written");
    file.append(&join).expect("it can be written");
    drop(file);
    let got = Table::reopen(&forged.0, &Tally).map(|_| ());
    assert!(
        matches!(got, Err(FileError::Record { index: 1, .. })),
        "{got:?}"
    );
}

#[test]
fn two_referees_cannot_write_one_file() {
    let path = Path::new();
    let _first = Table::create(&path.0, terms(1, 1, 1), &key(200)).expect("it can be made");
    let second = Table::reopen(&path.0, &Tally).map(|_| ());
    assert!(
        matches!(second, Err(FileError::Locked { .. })),
        "{second:?}"
    );
    let again = Table::create(&path.0, terms(1, 1, 1), &key(200)).map(|_| ());
    assert!(matches!(again, Err(FileError::Io { .. })), "{again:?}");
}

proptest! {
    #[test]
    fn any_bytes_are_an_opening_or_none(bytes in vec(any::<u8>(), 0..700), len in 0u32..600) {
        let mut framed = bytes.clone();
        if let Some(at) = framed.get_mut(40..44) {
            at.copy_from_slice(&len.to_be_bytes());
        }
        for bytes in [bytes, framed] {
            if let Ok(opening) = Opening::from_bytes(&bytes) {
                prop_assert_eq!(opening.to_bytes(), bytes);
            }
        }
    }

    #[test]
    fn any_end_of_a_file_is_read_or_refused(end in vec(any::<u8>(), 0..300)) {
        let opening = Opening::new(1, terms(1, 1, 1), &key(200));
        let path = Path::new();
        drop(GameFile::create(&path.0, &opening).expect("it can be made"));
        let mut bytes = fs::read(&path.0).expect("it is there");
        bytes.extend(&end);
        match read(&bytes) {
            Ok((replica, tail)) => prop_assert_eq!((replica.records(), tail), (0, end.len() as u64)),
            Err(error) => prop_assert!(matches!(error, FileError::Damaged { .. }), "{}", error),
        }
    }
}

#[test]
fn openings_round_trip_and_the_referee_is_part_of_the_name() {
    let ours = Opening::new(7, terms(1, 2, 3), &key(200));
    assert_eq!(
        Opening::from_bytes(&ours.to_bytes()).expect("it is one"),
        ours
    );
    let theirs = Opening::new(7, terms(1, 2, 3), &key(201));
    assert_ne!(ours.id(), theirs.id());
    let forged = Opening {
        referee: theirs.referee,
        ..ours
    };
    assert!(matches!(
        Replica::open(forged),
        Err(GameError::Signature { .. })
    ));
}

#[cfg(unix)]
#[test]
fn key_files() {
    use std::os::unix::fs::PermissionsExt;
    let path = Path::new();
    let made = Key::load_or_create(&path.0).expect("it can be made");
    let again = Key::load_or_create(&path.0).expect("it can be read");
    assert_eq!(made.public(), again.public());
    let mode = fs::metadata(&path.0)
        .expect("it is there")
        .permissions()
        .mode();
    assert_eq!(mode & 0o777, 0o600);
    fs::set_permissions(&path.0, fs::Permissions::from_mode(0o640)).expect("it is ours");
    assert!(matches!(
        Key::load(&path.0),
        Err(KeyError::Mode { mode: 0o640, .. })
    ));
    fs::set_permissions(&path.0, fs::Permissions::from_mode(0o600)).expect("it is ours");
    for text in [
        "",
        "avm-dispute-key 1\n",
        "avm-dispute-key 1\n00\n",
        "\u{ff}",
    ] {
        fs::write(&path.0, text).expect("it is ours");
        assert!(
            matches!(Key::load(&path.0), Err(KeyError::Form { .. })),
            "{text:?}"
        );
    }
}
