//! Every file that a fuzz target once failed on, and the seeds beside them.

use std::fs;
use std::path::Path;

#[path = "../../../fuzz/src/anoma_text.rs"]
mod source_target;
#[path = "../../../fuzz/src/anoma.rs"]
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
fn inputs() {
    replay("anoma_inputs", targets::inputs);
}

#[test]
fn module() {
    replay("anoma_module", targets::module);
}

/// The target on bytes that nobody chose.
#[test]
fn inputs_of_any_bytes() {
    avm_testkit::seed::each(400, |rng| {
        let len = 8 + rng.below(60) as usize;
        targets::inputs(&rng.bytes(len));
    });
}

#[test]
fn source() {
    replay("anoma_source", source_target::source);
}
