//! Links every crate below the IO line, with a panic handler of its own; see `xtask/src/no_std.rs`.
#![no_std]

extern crate avm_anoma as _;
extern crate avm_arb as _;
extern crate avm_arb_osp as _;
extern crate avm_atomicals as _;
extern crate avm_core as _;
extern crate avm_dispute as _;
extern crate avm_isa as _;
extern crate avm_keccak as _;
extern crate avm_lang as _;
extern crate avm_merkle as _;
extern crate avm_prove as _;

#[panic_handler]
fn panic(_: &core::panic::PanicInfo<'_>) -> ! {
    loop {}
}
