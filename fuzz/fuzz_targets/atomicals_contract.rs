//! Any bytes as a contract and its calls.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| avm_fuzz::atomicals_contract(bytes));
