//! Any bytes as an image and as a call.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| avm_fuzz::atomicals_wire(bytes));
