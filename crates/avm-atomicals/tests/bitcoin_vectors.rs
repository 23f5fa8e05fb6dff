//! A sample of Bitcoin Core's own tests; `tests/bitcoin-core` runs all of them. No exceptions.

mod core_data;

use serde_json::Value;

fn read(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/bitcoin/");
    let text = std::fs::read_to_string(format!("{folder}{name}")).expect("the file is there");
    serde_json::from_str(&text).expect("the file is JSON")
}

#[test]
fn scripts() {
    core_data::script_tests(&read("script_tests.json")).assert(356);
}

#[test]
fn valid_transactions() {
    core_data::tx_valid(&read("tx_valid.json")).assert(61);
}

#[test]
fn invalid_transactions() {
    core_data::tx_invalid(&read("tx_invalid.json")).assert(43);
}

#[test]
fn digests() {
    core_data::sighash(&read("sighash.json")).assert(50);
}

#[test]
fn taproot() {
    core_data::bip341(&read("bip341_wallet_vectors.json")).assert(8);
}
