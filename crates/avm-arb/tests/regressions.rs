//! Every file that a fuzz target once failed on, and the seeds beside them.

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/src/arb.rs"]
mod targets;

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
fn assembler() {
    replay("arb_assembler", targets::assembler);
}

#[test]
fn machine() {
    replay("arb_machine", targets::machine);
}

#[test]
fn program_file() {
    replay("arb_program_file", targets::program_file);
}
