//! Any bytes as a program file.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| avm_fuzz::program_file(bytes));
