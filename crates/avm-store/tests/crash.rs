//! Power losses on a simulated disk, and a real process killed at random moments.

mod common;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Command, Stdio};
use std::time::Duration;

use avm_core::{Hash, Nodes};
use avm_store::{Checkpoints, FileLog, Log, LogHeader, LogWriter, Store};
use common::{Random, SimDisk, claim_at, contents, identity, toy};

/// What a writer does next.
enum Task {
    /// Appends so many inputs made from a tag, and commits.
    Append(u64, u64),
    Truncate(u64),
}

fn input(tag: u64, number: u64) -> Vec<u8> {
    let mut random = Random((tag + 1) * 1_000_003 + number);
    let len = [0, 3, 40, 300, 1100][random.below(5) as usize];
    random.bytes(len)
}

impl Task {
    fn random(random: &mut Random, len: u64) -> Self {
        match random.below(6) {
            0 => Self::Truncate(len - random.below(len.min(4) + 1)),
            _ => Self::Append(1 + random.below(6), random.below(1 << 20)),
        }
    }

    fn run(&self, log: &dyn Log) -> Result<(), avm_store::StoreError> {
        match *self {
            Self::Append(count, tag) => {
                for number in 0..count {
                    log.append(&input(tag, number))?;
                }
                log.commit().map(drop)
            }
            Self::Truncate(len) => log.truncate(len).map(drop),
        }
    }

    /// Every state a crash during the task may leave; the last is the task done.
    fn outcomes(&self, before: &[Vec<u8>]) -> Vec<Vec<Vec<u8>>> {
        match *self {
            Self::Append(count, tag) => (0..=count)
                .map(|done| {
                    let new = (0..done).map(|number| input(tag, number));
                    before.iter().cloned().chain(new).collect()
                })
                .collect(),
            Self::Truncate(len) => vec![before.to_vec(), before[..len as usize].to_vec()],
        }
    }
}

#[test]
fn a_power_loss_at_any_write_keeps_what_was_acknowledged() {
    let header = LogHeader::for_export(identity(), b"image");
    let empty = LogWriter::new(Vec::new(), Path::new("sim"), &header).unwrap();
    let empty = empty.finish().unwrap();
    let (mut cuts, mut crashes) = (0, 0);
    for seed in 1..=100_u64 {
        let mut random = Random(seed);
        // What may be found after the crash before.
        let mut maybe = vec![Vec::new()];
        let mut disk = SimDisk::new(empty.clone());
        // Several crashes in a row, some of them during the recovery from the one before.
        for _ in 0..6 {
            disk.fail_after(random.below(12));
            if let Ok((log, _)) = disk.open() {
                // Opening acknowledges what it shows.
                let mut acknowledged = contents(&log);
                let seen = acknowledged.len();
                assert!(maybe.contains(&acknowledged), "seed {seed}: {seen} inputs");
                loop {
                    let task = Task::random(&mut random, acknowledged.len() as u64);
                    maybe = task.outcomes(&acknowledged);
                    match task.run(&log) {
                        Ok(()) => acknowledged = maybe.pop().unwrap(),
                        Err(_) => break,
                    }
                }
            }
            crashes += 1;
            if random.below(3) == 0 {
                // Only the process died: what it wrote is still there, durable or not.
                continue;
            }
            let platter = disk.after_power_loss(&mut random);
            let (log, cut) = SimDisk::new(platter.clone())
                .open()
                .unwrap_or_else(|error| {
                    panic!("seed {seed}: {error}");
                });
            cuts += u64::from(cut > 0);
            let found = contents(&log);
            assert!(
                maybe.contains(&found),
                "seed {seed}: {} inputs",
                found.len()
            );
            disk = SimDisk::new(platter);
        }
    }
    assert!(
        cuts > crashes / 10,
        "{cuts} of {crashes} crashes left something to cut"
    );
}

const CHILD: &str = "AVM_STORE_TEST_CHILD";

/// The process that is killed; does nothing when run as a test.
#[test]
fn child_writes_until_killed() {
    let Ok(dir) = std::env::var(CHILD) else {
        return;
    };
    let (dir, seed) = dir.split_once('|').unwrap();
    let mut random = Random(seed.parse().unwrap());
    let (store, _) = Store::open(Path::new(dir), toy()).unwrap();
    let say = |line: String| {
        let mut out = std::io::stdout().lock();
        writeln!(out, "\n> {line}")
            .and_then(|()| out.flush())
            .unwrap();
    };
    say("open".into());
    loop {
        let task = Task::random(&mut random, store.head().len);
        match task {
            Task::Append(count, tag) => say(format!("append {count} {tag}")),
            Task::Truncate(len) => say(format!("truncate {len}")),
        }
        task.run(&store).unwrap();
        say("done".into());
        if random.below(4) == 0 {
            let len = store.head().len;
            let node = len.to_be_bytes();
            let mut batch = store.begin().unwrap();
            batch.put(Hash::keccak(&node), &node).unwrap();
            batch.put_claim(&claim_at(&store, len)).unwrap();
            batch.commit().unwrap();
            say(format!("checkpoint {len}"));
        }
    }
}

#[test]
fn a_killed_writer_loses_nothing_it_acknowledged() {
    let seed = 0x5eed_u64;
    let mut random = Random(seed);
    let dir = tempfile::tempdir().unwrap();
    drop(Store::create(dir.path(), toy(), b"image").unwrap());
    let mut acknowledged: Vec<Vec<u8>> = Vec::new();
    let mut checkpoint = 0;
    let (mut tasks, mut unfinished) = (0, 0);
    for round in 0..40 {
        let at = format!("seed {seed:#x}, round {round}");
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args([
                "--exact",
                "child_writes_until_killed",
                "--nocapture",
                "--test-threads=1",
            ])
            .env(CHILD, format!("{}|{}", dir.path().display(), random.next()))
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        assert!(lines.by_ref().any(|line| line.unwrap() == "> open"), "{at}");
        std::thread::sleep(Duration::from_micros(random.below(25_000)));
        child.kill().unwrap();
        child.wait().unwrap();

        let mut running: Option<Task> = None;
        let mut lowest = acknowledged.len() as u64;
        for line in lines.map_while(Result::ok) {
            let Some(line) = line.strip_prefix("> ") else {
                continue;
            };
            let words: Vec<&str> = line.split(' ').collect();
            let number = |i: usize| {
                words
                    .get(i)
                    .and_then(|word: &&str| word.parse::<u64>().ok())
            };
            match (words[0], number(1), number(2)) {
                ("append", Some(count), Some(tag)) => running = Some(Task::Append(count, tag)),
                ("truncate", Some(len), _) => {
                    running = Some(Task::Truncate(len));
                    lowest = lowest.min(len);
                }
                ("done", ..) => {
                    let task = running.take().unwrap();
                    acknowledged = task.outcomes(&acknowledged).pop().unwrap();
                    tasks += 1;
                }
                ("checkpoint", Some(len), _) => (checkpoint, lowest) = (len, u64::MAX),
                // The last line may be cut short.
                _ => {}
            }
        }
        let (store, recovery) = Store::open(dir.path(), toy()).unwrap_or_else(|error| {
            panic!("{at}: {error}");
        });
        let found = contents(store.log());
        match running {
            Some(task) => {
                unfinished += 1;
                let possible = task.outcomes(&acknowledged);
                assert!(possible.contains(&found), "{at}");
            }
            None => assert!(found == acknowledged, "{at}"),
        }
        assert_eq!(recovery.removed_checkpoints, 0, "{at}");
        if let Some(claim) = recovery.checkpoint {
            Nodes::get(&store, claim.state).unwrap_or_else(|error| panic!("{at}: {error}"));
        }
        let kept = recovery.checkpoint.map_or(0, |claim| claim.inputs);
        assert!(
            kept >= checkpoint || lowest < checkpoint,
            "{at}: checkpoint {checkpoint} is lost"
        );
        checkpoint = kept;
        acknowledged = found;
    }
    println!("seed {seed:#x}: 40 kills, {tasks} tasks done, {unfinished} interrupted");
    assert!(tasks > 40 && unfinished > 0);
}

#[test]
fn a_log_that_was_not_finished_being_made_is_not_there() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a");
    std::fs::write(dir.path().join("a.new"), b"AVMLO").unwrap();
    assert!(FileLog::open(&path, &identity()).is_err());
    let log = FileLog::create(&path, LogHeader::unique(identity(), b"")).unwrap();
    log.append(b"x").unwrap();
    log.commit().unwrap();
    drop(log);
    assert_eq!(
        contents(&FileLog::open(&path, &identity()).unwrap().0),
        [b"x"]
    );
}
