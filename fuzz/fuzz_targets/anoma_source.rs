//! Any text as a module of the Anoma machine's language, and the programs it has.

#![no_main]

libfuzzer_sys::fuzz_target!(|bytes: &[u8]| avm_fuzz::anoma_source(bytes));
