//! Any bytes as the scripts of a call.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| avm_fuzz::atomicals_script(bytes));
