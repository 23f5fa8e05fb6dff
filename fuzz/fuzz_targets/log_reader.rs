//! Any bytes as a log.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| avm_fuzz::log_reader(bytes));
