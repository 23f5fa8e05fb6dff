//! Writes the sample of Bitcoin Core's test data to the folder given.

use avm_test_bitcoin_core::{FILES, folder, read, sample};

fn main() -> std::io::Result<()> {
    let to = std::env::args()
        .nth(1)
        .expect("usage: avm-test-bitcoin-core FOLDER");
    let from = folder();
    for name in FILES {
        let path = std::path::Path::new(&to).join(name);
        std::fs::write(path, sample(name, &read(&from, name)))?;
    }
    Ok(())
}
