//! Every file that a fuzz target once failed on, and the seeds beside them.

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/src/atomicals_block.rs"]
mod index;
#[path = "../../../fuzz/src/atomicals.rs"]
mod targets;

#[path = "../../../fuzz/src/index.rs"]
mod index_target;

/// Calls `target` with every file of its folder.
fn replay(name: &str, target: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/regressions")
        .join(name);
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    for file in files {
        println!("{}", file.display());
        target(&fs::read(&file).expect("it is there"));
    }
}

#[test]
fn block() {
    replay("atomicals_block", index::block);
}

#[test]
fn contract() {
    replay("atomicals_contract", targets::contract);
}

#[test]
fn index() {
    replay("atomicals_index", index_target::index);
}

#[test]
fn script() {
    replay("atomicals_script", targets::script);
}

#[test]
fn tables() {
    replay("atomicals_tables", targets::tables);
}

#[test]
fn transaction() {
    replay("atomicals_transaction", targets::transaction);
}

#[test]
fn wire() {
    replay("atomicals_wire", targets::wire);
}

/// The files again with bytes changed, and bytes of any kind: what a fuzzer would begin with.
fn shaken(name: &str, target: fn(&[u8]), rounds: u64) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../../fuzz/regressions")
        .join(name);
    let files = fs::read_dir(folder).expect("seeds");
    let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut next = move || {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        random >> 16
    };
    for file in &files {
        let seed = fs::read(file).expect("it is there");
        for _ in 0..rounds {
            let mut bytes = seed.clone();
            for _ in 0..=next() % 4 {
                let at = next() as usize % (bytes.len() + 1);
                match next() % 4 {
                    0 => bytes.truncate(at),
                    1 => bytes.insert(at, next() as u8),
                    _ if at < bytes.len() => bytes[at] = next() as u8,
                    _ => bytes.extend(next().to_be_bytes()),
                }
            }
            target(&bytes);
        }
    }
    for _ in 0..rounds {
        let len = next() % 200;
        target(&(0..len).map(|_| next() as u8).collect::<Vec<_>>());
    }
}

#[test]
fn changed_seeds() {
    shaken("atomicals_script", targets::script, 400);
    shaken("atomicals_tables", targets::tables, 400);
    shaken("atomicals_transaction", targets::transaction, 400);
    shaken("atomicals_wire", targets::wire, 400);
    shaken("atomicals_block", index::block, 400);
    shaken("atomicals_contract", targets::contract, 15);
    shaken("atomicals_index", index_target::index, 15);
}
