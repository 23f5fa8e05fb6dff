//! Reads recorded calls and compares them with ours, as `avm vectors` does.

use std::path::PathBuf;

use serde_json::Value;

#[path = "../../../avm-cli/src/atomicals/vectors/recorded.rs"]
pub mod recorded;

pub use recorded::Recorded;

/// Groups that record something else than calls.
const OTHERS: [&str; 4] = [
    "envelopes.json",
    "colouring.json",
    "eaglesong-params.json",
    "bench.json",
];

/// The files of the compact set of the repository, and of `AVM_VECTORS` if that is set.
pub fn files() -> Vec<PathBuf> {
    let set = std::env::var_os("AVM_VECTORS").map(PathBuf::from);
    let set = set.unwrap_or_else(|| {
        PathBuf::from(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../vectors/atomicals"
        ))
    });
    let mut files: Vec<PathBuf> = std::fs::read_dir(set)
        .expect("the set is there")
        .map(|entry| entry.expect("it can be listed").path())
        .filter(|path| path.extension().is_some_and(|ext| ext == "json"))
        .filter(|path| !OTHERS.iter().any(|other| path.ends_with(other)))
        .collect();
    files.sort();
    files
}

/// The calls of a file, those of its sequences included.
pub fn cases(path: &PathBuf) -> Vec<Recorded> {
    let text = std::fs::read_to_string(path).expect("the file can be read");
    let document: Value = serde_json::from_str(&text).expect("it is JSON");
    recorded::calls(&document).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}
