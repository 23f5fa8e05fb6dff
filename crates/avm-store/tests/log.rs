//! The log file and the log in memory against a vector, and every refusal.

mod common;

use std::fs::{self, File, OpenOptions};
use std::io::{Cursor, Write};
use std::path::Path;

use avm_core::{Claim, Hash, Inbox};
use avm_store::{
    Damage, FileLog, Identity, Log, LogHead, LogHeader, LogReader, LogWriter, MAX_INPUT_BYTES,
    MemoryLog, Record, StoreError,
};
use common::{SimDisk, claim_at, contents, identity};
use proptest::prelude::*;

fn create(path: &Path) -> FileLog {
    FileLog::create(path, LogHeader::unique(identity(), b"program")).unwrap()
}

#[test]
fn what_was_committed_is_there_after_opening() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.avmlog");
    let log = create(&path);
    assert_eq!(log.append(b"one").unwrap(), 0);
    assert_eq!(log.append(b"").unwrap(), 1);
    assert_eq!(log.head(), LogHead::EMPTY, "nothing is committed yet");
    assert_eq!(Inbox::get(&log, 0).unwrap(), None);
    assert_eq!(log.commit().unwrap().len, 2);
    log.append(&[7; 10_000]).unwrap();
    log.commit().unwrap();
    let mut claim = claim_at(&log, 2);
    log.record(&claim).unwrap();
    log.commit().unwrap();
    let want = contents(&log);
    drop(log);

    let (log, cut) = FileLog::open(&path, &identity()).unwrap();
    assert_eq!(cut, 0);
    assert_eq!(contents(&log), want);
    assert_eq!(&*log.header().image, b"program");
    assert!(!dir.path().join("a.avmlog.new").exists());

    claim.fold_input(&[7; 10_000]);
    assert_eq!(
        claim.inbox,
        log.head().inbox,
        "the chain is the one of claims"
    );
}

#[test]
fn a_reader_sees_every_record_while_the_log_grows() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.avmlog");
    let log = create(&path);
    let mut reader = LogReader::open(&path).unwrap();
    assert_eq!(reader.next_record().unwrap(), None);
    log.append(b"one").unwrap();
    log.append(b"two").unwrap();
    log.commit().unwrap();
    let claim = claim_at(&log, 1);
    log.record(&claim).unwrap();
    let head = log.truncate(1).unwrap();

    let mut seen = Vec::new();
    while let Some((offset, record)) = reader.next_record().unwrap() {
        assert_eq!(offset % 8, 0);
        seen.push(record);
    }
    let input = |index, bytes: &[u8], before: LogHead| Record::Input {
        index,
        bytes: bytes.into(),
        inbox: before.with(bytes).inbox,
    };
    let one = LogHead::EMPTY.with(b"one");
    let want = [
        input(0, b"one", LogHead::EMPTY),
        input(1, b"two", one),
        Record::Commit(one.with(b"two")),
        Record::Claim(claim),
        Record::Truncate(one),
        Record::Commit(one),
    ];
    assert_eq!(seen, want);
    assert_eq!((head, reader.head(), reader.tail()), (one, one, 0));
    assert!(reader.is_committed());
}

#[test]
fn a_recording_is_a_log_with_the_same_bytes_each_time() {
    let record = || {
        let header = LogHeader::for_export(identity(), b"image");
        let mut writer = LogWriter::new(Vec::new(), Path::new("out"), &header).unwrap();
        let mut claim = Claim::genesis(Hash::keccak(b"state"));
        for input in [&b"a"[..], b"bc", b""] {
            writer.input(input).unwrap();
            claim.fold_input(input);
            claim.steps += 5;
            writer.claim(&claim).unwrap();
        }
        claim.inbox = Hash::ZERO;
        let refused = writer.claim(&claim).unwrap_err();
        assert!(matches!(refused, StoreError::ClaimMismatch { .. }));
        writer.finish().unwrap()
    };
    let bytes = record();
    assert_eq!(bytes, record());

    let mut reader = LogReader::new(Cursor::new(&bytes), Path::new("out")).unwrap();
    let records = std::iter::from_fn(|| reader.next_record().unwrap()).count();
    assert_eq!((records, reader.head().len), (7, 3));
    let (log, cut) = SimDisk::new(bytes).open().unwrap();
    assert_eq!((contents(&log).len(), cut), (3, 0));
}

#[test]
fn claims_must_be_of_this_log() {
    let log = create(&tempfile::tempdir().unwrap().path().join("a"));
    log.append(b"x").unwrap();
    let mut claim = Claim::genesis(Hash::ZERO);
    claim.fold_input(b"x");
    log.record(&claim).expect("inputs of the open batch count");
    claim.inbox = Hash::ZERO;
    let error = log.record(&claim).unwrap_err();
    assert!(matches!(error, StoreError::ClaimMismatch { count: 1, .. }));
    claim.inputs = 2;
    let error = log.record(&claim).unwrap_err();
    assert!(matches!(
        error,
        StoreError::PastEnd {
            inputs: 2,
            len: 1,
            ..
        }
    ));
    assert!(log.truncate(2).is_err());
    assert!(log.append(&vec![0; MAX_INPUT_BYTES as usize + 1]).is_err());
    assert_eq!(
        log.commit().unwrap().len,
        1,
        "a refusal leaves the batch as it was"
    );
}

#[derive(Clone, Debug)]
enum Op {
    Append(Vec<u8>),
    Commit,
    Record,
    Truncate(u8),
    Reopen,
}

fn ops() -> impl Strategy<Value = Vec<Op>> {
    let op = prop_oneof![
        6 => prop::collection::vec(any::<u8>(), 0..40).prop_map(Op::Append),
        3 => Just(Op::Commit),
        1 => Just(Op::Record),
        2 => any::<u8>().prop_map(Op::Truncate),
        1 => Just(Op::Reopen),
    ];
    prop::collection::vec(op, 0..40)
}

proptest! {
    #[test]
    fn logs_behave_like_a_vector(ops in ops()) {
        let mut bytes = Vec::new();
        let header = LogHeader::for_export(identity(), b"");
        bytes = LogWriter::new(bytes, Path::new("sim"), &header).unwrap().finish().unwrap();
        let disk = SimDisk::new(bytes);
        let mut file = disk.open().unwrap().0;
        let memory = MemoryLog::default();
        let (mut all, mut committed) = (Vec::new(), Vec::new());
        for op in ops {
            let logs: [&dyn Log; 2] = [&file, &memory];
            match op {
                Op::Append(input) => {
                    for log in logs {
                        prop_assert_eq!(log.append(&input).unwrap(), all.len() as u64);
                    }
                    all.push(input);
                }
                Op::Commit => {
                    committed = all.clone();
                    for log in logs {
                        prop_assert_eq!(log.commit().unwrap().len, committed.len() as u64);
                    }
                }
                Op::Record => {
                    for log in logs {
                        log.record(&claim_at(log, committed.len() as u64 / 2)).unwrap();
                    }
                }
                Op::Truncate(at) => {
                    all.truncate(at as usize % (all.len() + 1));
                    committed = all.clone();
                    for log in logs {
                        log.truncate(all.len() as u64).unwrap();
                    }
                }
                Op::Reopen => {
                    committed = all.clone();
                    for log in logs {
                        log.commit().unwrap();
                    }
                    let (log, cut) = disk.open().unwrap();
                    file = log;
                    prop_assert_eq!(cut, 0);
                }
            }
            prop_assert_eq!(contents(&file), committed.clone());
            prop_assert_eq!(contents(&memory), committed.clone());
        }
    }

    #[test]
    fn any_bytes_are_read_or_refused(noise in prop::collection::vec(any::<u8>(), 0..200), at in any::<u16>()) {
        let header = LogHeader::for_export(identity(), b"image");
        let mut writer = LogWriter::new(Vec::new(), Path::new("noise"), &header).unwrap();
        writer.input(b"input").unwrap();
        let mut bytes = writer.finish().unwrap();
        let at = at as usize % bytes.len();
        bytes.splice(at.., noise);
        if let Ok(mut reader) = LogReader::new(Cursor::new(bytes), Path::new("noise")) {
            while let Ok(Some(_)) = reader.next_record() {}
        }
    }
}

#[test]
fn threads_share_barriers_and_lose_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let log = create(&path);
    std::thread::scope(|scope| {
        for thread in 0..8_u8 {
            let log = &log;
            scope.spawn(move || {
                for turn in 0..25_u8 {
                    let index = log.append(&[thread, turn]).unwrap();
                    let head = log.commit().unwrap();
                    assert!(head.len > index, "committed means it is in");
                    let input = Inbox::get(log, index).unwrap().unwrap();
                    assert_eq!(*input, [thread, turn]);
                }
            });
        }
    });
    let all = contents(&log);
    drop(log);
    let (log, cut) = FileLog::open(&path, &identity()).unwrap();
    assert_eq!((contents(&log), cut), (all.clone(), 0));
    for thread in 0..8 {
        let turns: Vec<u8> = all
            .iter()
            .filter(|input| input[0] == thread)
            .map(|input| input[1])
            .collect();
        assert_eq!(
            turns,
            (0..25).collect::<Vec<u8>>(),
            "thread {thread} in its order"
        );
    }
}

#[test]
fn one_writer_and_any_number_of_readers() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let log = create(&path);
    let refused = FileLog::open(&path, &identity()).map(drop).unwrap_err();
    assert!(matches!(refused, StoreError::Locked { .. }), "{refused}");
    let _readers = [
        LogReader::open(&path).unwrap(),
        LogReader::open(&path).unwrap(),
    ];
    drop(log);
    FileLog::open(&path, &identity()).unwrap();
    let header = LogHeader::unique(identity(), b"");
    let refused = FileLog::create(&path, header).map(drop).unwrap_err();
    assert!(matches!(refused, StoreError::Exists { .. }), "{refused}");
}

#[test]
fn a_file_that_is_not_this_log_is_refused_by_name() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    drop(create(&path));
    let good = fs::read(&path).unwrap();
    let with = |edit: &dyn Fn(&mut Vec<u8>)| {
        let mut bytes = good.clone();
        edit(&mut bytes);
        fs::write(&path, bytes).unwrap();
        let error = FileLog::open(&path, &identity()).map(drop).unwrap_err();
        assert!(
            error.to_string().starts_with(path.to_str().unwrap()),
            "{error}"
        );
        assert!(error.is_damage(), "{error}");
        error
    };
    let fix = |bytes: &mut Vec<u8>| {
        let checksum = crc32fast::hash(&bytes[..44]).to_be_bytes();
        bytes[44..48].copy_from_slice(&checksum);
    };
    let error = with(&|bytes| bytes[0] = b'B');
    assert!(matches!(error, StoreError::Magic { .. }), "{error}");
    let error = with(&|bytes| bytes.clear());
    assert!(matches!(error, StoreError::Magic { .. }), "{error}");
    let error = with(&|bytes| bytes[11] = 2);
    assert!(
        matches!(
            error,
            StoreError::Version {
                found: 2,
                expected: 1,
                ..
            }
        ),
        "{error}"
    );
    let error = with(&|bytes| bytes.truncate(20));
    let StoreError::Damaged { damage, .. } = error else {
        panic!("{error}")
    };
    assert_eq!(
        damage,
        Damage::ShortHeader {
            found: 20,
            expected: 48
        }
    );
    let error = with(&|bytes| {
        bytes[16..24].copy_from_slice(&u64::MAX.to_be_bytes());
        fix(bytes);
    });
    let StoreError::Damaged { damage, .. } = error else {
        panic!("{error}")
    };
    assert!(matches!(
        damage,
        Damage::Length {
            part: "program image",
            ..
        }
    ));
    let error = with(&|bytes| {
        bytes[16..24].copy_from_slice(&(1_u64 << 27).to_be_bytes());
        fix(bytes);
    });
    let StoreError::Damaged { damage, .. } = error else {
        panic!("{error}")
    };
    assert!(
        matches!(damage, Damage::ShortHeader { .. }),
        "no memory is taken for it"
    );

    fs::write(&path, &good).unwrap();
    for (machine, spec, want) in [("arb", "toy/1", "machine id"), ("toy", "toy/2", "spec id")] {
        let other = Identity {
            machine: machine.into(),
            spec: spec.into(),
        };
        let error = FileLog::open(&path, &other).map(drop).unwrap_err();
        assert!(
            matches!(error, StoreError::Identity { what, .. } if what == want),
            "{error}"
        );
    }
}

#[test]
fn a_length_in_a_record_takes_no_memory_for_what_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    let log = create(&path);
    log.append(b"kept").unwrap();
    log.commit().unwrap();
    drop(log);
    // Lengths that are not under a fitting checksum: damage if sealed, a torn write if not.
    for length in [u32::MAX, 1 << 26, 1 << 31] {
        let mut bytes = fs::read(&path).unwrap();
        bytes.extend(length.to_be_bytes());
        bytes.extend([1, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7, 8]);
        let (log, cut) = SimDisk::new(bytes).open().unwrap();
        assert_eq!((log.head().len, cut), (1, 16));
    }
}

#[test]
fn what_the_system_refuses_is_said_as_such() {
    let dir = tempfile::tempdir().unwrap();
    let refused = |path: &Path| FileLog::open(path, &identity()).map(drop).unwrap_err();
    let error = refused(dir.path());
    assert!(matches!(error, StoreError::NotAFile { .. }), "{error}");
    let error = refused(&dir.path().join("absent"));
    assert!(
        matches!(
            error,
            StoreError::Io {
                action: "open for writing",
                ..
            }
        ),
        "{error}"
    );
    assert!(!error.is_damage());
    let nowhere = dir.path().join("no/where");
    let error = FileLog::create(&nowhere, LogHeader::unique(identity(), b""))
        .map(drop)
        .unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Io {
                action: "create",
                ..
            }
        ),
        "{error}"
    );
    let long = Identity {
        machine: "m".repeat(65),
        spec: String::new(),
    };
    let path = dir.path().join("long");
    let error = FileLog::create(&path, LogHeader::unique(long, b""))
        .map(drop)
        .unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::TooLong {
                what: "machine id",
                ..
            }
        ),
        "{error}"
    );
    assert_eq!(
        fs::read_dir(dir.path()).unwrap().count(),
        0,
        "nothing is left behind"
    );
}

#[test]
fn a_read_only_file_is_read_and_not_written() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    drop(create(&path));
    let mut rights = fs::metadata(&path).unwrap().permissions();
    rights.set_readonly(true);
    fs::set_permissions(&path, rights).unwrap();
    LogReader::open(&path).unwrap();
    // Some users may write to everything.
    if OpenOptions::new().write(true).open(&path).is_err() {
        let error = FileLog::open(&path, &identity()).map(drop).unwrap_err();
        assert!(matches!(error, StoreError::Io { .. }), "{error}");
    }
    // A file opened for reading only fails in the same way for everybody.
    let disk = Box::new(File::open(&path).unwrap());
    let (log, _) = FileLog::open_on(disk, &path, &identity()).unwrap();
    log.append(b"x").unwrap();
    let error = log.commit().unwrap_err();
    assert!(
        matches!(
            error,
            StoreError::Io {
                action: "append",
                ..
            }
        ),
        "{error}"
    );
}

#[test]
fn a_full_disk_stops_the_log_and_loses_nothing() {
    let header = LogHeader::for_export(identity(), b"");
    let bytes = LogWriter::new(Vec::new(), Path::new("sim"), &header)
        .unwrap()
        .finish()
        .unwrap();
    for operations in 3..6 {
        let disk = SimDisk::new(bytes.clone());
        let (log, _) = disk.open().unwrap();
        disk.fail_after(operations);
        log.append(b"kept").unwrap();
        log.commit().unwrap();
        log.append(&[1; 2000]).unwrap();
        let error = log.commit().unwrap_err();
        let StoreError::Io { source, .. } = &error else {
            panic!("{error}")
        };
        assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
        let poisoned = [
            log.append(b"no").map(drop),
            log.commit().map(drop),
            log.truncate(0).map(drop),
        ];
        for refused in poisoned {
            assert!(matches!(refused, Err(StoreError::Poisoned { .. })));
        }
        assert_eq!(contents(&log), [b"kept"], "reading goes on");
        let (log, _) = SimDisk::new(disk.bytes()).open().unwrap();
        assert_eq!(contents(&log)[0], b"kept");
    }
}

#[cfg(target_os = "linux")]
#[test]
fn a_device_without_room_gives_its_own_error() {
    let full = OpenOptions::new().write(true).open("/dev/full").unwrap();
    let header = LogHeader::for_export(identity(), b"");
    let mut writer = LogWriter::new(full, Path::new("/dev/full"), &header)
        .map(drop)
        .unwrap_err();
    for _ in 0..2 {
        let StoreError::Io { source, .. } = &writer else {
            panic!("{writer}")
        };
        assert_eq!(source.kind(), std::io::ErrorKind::StorageFull);
        let buffered =
            std::io::BufWriter::new(OpenOptions::new().write(true).open("/dev/full").unwrap());
        let log = LogWriter::new(buffered, Path::new("/dev/full"), &header).unwrap();
        writer = log.finish().map(drop).unwrap_err();
    }
    let error = FileLog::open(Path::new("/dev/full"), &identity())
        .map(drop)
        .unwrap_err();
    assert!(matches!(error, StoreError::NotAFile { .. }), "{error}");
    std::io::stdout().flush().unwrap();
}
