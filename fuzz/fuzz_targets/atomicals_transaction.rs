//! Any bytes as a transaction.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| avm_fuzz::atomicals_transaction(bytes));
