//! Every file that the fuzz target once failed on, and the seeds beside them.

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/src/prove.rs"]
mod target;

#[test]
fn prove() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../fuzz/regressions/prove");
    let files =
        fs::read_dir(&folder).unwrap_or_else(|error| panic!("{}: {error}", folder.display()));
    let mut files: Vec<_> = files.map(|file| file.expect("a file").path()).collect();
    files.sort();
    assert!(!files.is_empty(), "{} is empty", folder.display());
    for file in files {
        println!("{}", file.display());
        target::prove(&fs::read(&file).expect("it is there"));
    }
}
