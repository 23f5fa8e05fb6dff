//! All of Bitcoin Core's script and transaction tests. No exceptions.

#[path = "../../../crates/avm-atomicals/tests/core_data/mod.rs"]
mod core_data;

use avm_test_bitcoin_core::{FILES, folder, read, sample};

#[test]
fn scripts() {
    core_data::script_tests(&read(&folder(), "script_tests.json")).assert(1222);
}

#[test]
fn valid_transactions() {
    core_data::tx_valid(&read(&folder(), "tx_valid.json")).assert(121);
}

#[test]
fn invalid_transactions() {
    core_data::tx_invalid(&read(&folder(), "tx_invalid.json")).assert(93);
}

#[test]
fn digests() {
    core_data::sighash(&read(&folder(), "sighash.json")).assert(500);
}

#[test]
fn taproot() {
    core_data::bip341(&read(&folder(), "bip341_wallet_vectors.json")).assert(8);
}

#[test]
fn the_sample_is_up_to_date() {
    let vectors = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/bitcoin");
    for name in FILES {
        let path = std::path::Path::new(vectors).join(name);
        let committed = std::fs::read_to_string(path).expect("the sample is committed");
        let fresh = sample(name, &read(&folder(), name));
        assert!(
            committed == fresh,
            "{name} differs from the sample of the data"
        );
    }
}
