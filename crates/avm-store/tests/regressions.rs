//! Every file that the fuzz target of the log reader once failed on, and the seeds beside them.

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/src/log.rs"]
mod target;

#[test]
fn log_reader() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/regressions/log_reader");
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    for file in files {
        println!("{}", file.display());
        target::log_reader(&fs::read(&file).expect("it is there"));
    }
}
