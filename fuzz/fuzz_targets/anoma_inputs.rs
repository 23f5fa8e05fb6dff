//! Any bytes as changes of a random world: its image, its inputs, and inputs of any bytes.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| avm_fuzz::anoma_inputs(bytes));
