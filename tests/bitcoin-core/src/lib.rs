//! Finds the data files of Bitcoin Core's tests, and chooses the sample of them that is committed.

use serde_json::Value;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::process::Command;

/// The package that carries Bitcoin Core's source.
const PACKAGE: &str = "libbitcoinkernel-sys";

/// Folder of the data files: what `BITCOIN_CORE_DATA` names, or the source of the package that
/// `data/Cargo.toml` depends on, which cargo downloads if it has to, and never builds.
///
/// # Panics
/// If cargo cannot get the package.
#[must_use]
pub fn folder() -> PathBuf {
    if let Some(folder) = std::env::var_os("BITCOIN_CORE_DATA") {
        return folder.into();
    }
    let manifest = Path::new(env!("CARGO_MANIFEST_DIR")).join("data/Cargo.toml");
    let cargo = std::env::var_os("CARGO").unwrap_or_else(|| "cargo".into());
    let metadata = Command::new(cargo)
        .args([
            "metadata",
            "--format-version",
            "1",
            "--locked",
            "--manifest-path",
        ])
        .arg(manifest)
        .output()
        .expect("cargo runs");
    let said = String::from_utf8_lossy(&metadata.stderr);
    assert!(
        metadata.status.success(),
        "cargo cannot get {PACKAGE}; set BITCOIN_CORE_DATA to a folder with the files: {said}"
    );
    let metadata: Value = serde_json::from_slice(&metadata.stdout).expect("cargo writes JSON");
    let packages = metadata["packages"].as_array().expect("a list of packages");
    let package = packages.iter().find(|package| package["name"] == PACKAGE);
    let manifest = package.and_then(|package| package["manifest_path"].as_str());
    let source = Path::new(manifest.expect("the package is a dependency")).parent();
    source
        .expect("a manifest is in a folder")
        .join("bitcoin/src/test/data")
}

/// One of the files.
///
/// # Panics
/// If it is not there or no JSON.
#[must_use]
pub fn read(folder: &Path, name: &str) -> Value {
    let path = folder.join(name);
    let text = std::fs::read_to_string(&path);
    let text = text.unwrap_or_else(|error| panic!("{}: {error}", path.display()));
    serde_json::from_str(&text).expect("the file is JSON")
}

/// Files of the sample.
pub const FILES: &[&str] = &[
    "script_tests.json",
    "tx_valid.json",
    "tx_invalid.json",
    "sighash.json",
    "bip341_wallet_vectors.json",
];

/// The rows of a file that are committed, one per line.
///
/// Of the script tests the first two of each pair of flags and error, every one whose error comes
/// up five times or less, and every fifth; of transactions the first two of each set of flags and every
/// third; of digests every tenth; all of BIP341.
#[must_use]
pub fn sample(name: &str, data: &Value) -> String {
    let Some(rows) = data.as_array() else {
        return format!("{data}\n");
    };
    let rows: Vec<_> = rows
        .iter()
        .filter(|row| row.as_array().is_some_and(|row| row.len() > 1))
        .collect();
    let mut errors = BTreeMap::new();
    for row in &rows {
        *errors.entry(error(row)).or_insert(0) += 1;
    }
    let mut seen = BTreeMap::new();
    let chosen = rows.iter().enumerate().filter(|(i, row)| match name {
        "sighash.json" => i % 10 == 0,
        "script_tests.json" => {
            let (_, tail) = tail(row);
            let count = seen.entry(format!("{tail:?}")).or_insert(0);
            *count += 1;
            *count <= 2 || errors[&error(row)] <= 5 || i % 5 == 0
        }
        _ => {
            let count = seen.entry(row[2].to_string()).or_insert(0);
            *count += 1;
            *count <= 2 || i % 3 == 0
        }
    });
    let lines: Vec<_> = chosen.map(|(_, row)| row.to_string()).collect();
    format!("[\n{}\n]\n", lines.join(",\n"))
}

/// Whether a script test has a witness, and its flags and error.
fn tail(row: &Value) -> (bool, [&Value; 2]) {
    let witness = row[0].is_array();
    let at = 2 + usize::from(witness);
    (witness, [&row[at], &row[at + 1]])
}

fn error(row: &Value) -> String {
    tail(row).1[1].to_string()
}
