//! A contract that counts, has an owner, and takes in and pays out tokens.

use avm_atomicals::Rules;
use avm_atomicals::asm::{self, Options, assemble};
use avm_core::Hash;
use avm_regtest::bitcoin::Transaction;
use avm_regtest::bitcoin::hashes::{Hash as _, sha256};
use avm_regtest::{Id, id};

/// Methods by number; the constructor is 0. What is paid out is the first token that the contract has.
const SOURCE: &str = "
    .method ctor() { 1 1 1 KV_PUT 1 }
    .method count() { 1 1 2DUP KV_GET 1ADD KV_PUT 1 }
    .method own() { 1 2 CHECKAUTHSIGVERIFY KV_PUT 1 }
    .method take_ft() { 0 1 FT_ITEM FT_BALANCE_ADD 1 }
    .method pay_ft(amount: int, output: int) { 0 0 FT_ITEM FT_WITHDRAW 1 }
    .method take_nft() { 0 1 NFT_ITEM NFT_PUT 1 }
    .method pay_nft(output: int) { 0 0 NFT_ITEM NFT_WITHDRAW 1 }
";

pub const CTOR: i64 = 0;
pub const COUNT: i64 = 1;
pub const OWN: i64 = 2;
pub const TAKE_FT: i64 = 3;
pub const PAY_FT: i64 = 4;
pub const TAKE_NFT: i64 = 5;
pub const PAY_NFT: i64 = 6;

/// The locking script.
pub fn code() -> Vec<u8> {
    assemble(SOURCE, &Options::default())
        .expect("it assembles")
        .code
}

/// The unlocking script of a call: arguments, then the method.
pub fn unlock(method: i64, arguments: &[i64]) -> Vec<u8> {
    let values = arguments.iter().chain([&method]);
    values
        .flat_map(|value| asm::push(&asm::number(*value)))
        .collect()
}

pub fn sha(message: &[u8]) -> [u8; 32] {
    sha256::Hash::hash(message).to_byte_array()
}

/// What a caller signs. Spec: section 8, and Q16 for `avm1`.
pub fn digest(
    rules: &Rules,
    contract: &Id,
    chain: Hash,
    unlock: &[u8],
    tx: &Transaction,
) -> [u8; 32] {
    let mut message = [&id(tx.input[0].previous_output)[..], unlock, &code()].concat();
    for output in &tx.output {
        if !output.script_pubkey.as_bytes().starts_with(b"\x6a\x03sig") {
            message.extend(output.value.to_sat().to_le_bytes());
            message.extend(output.script_pubkey.as_bytes());
        }
    }
    if !rules.bound_auth {
        return sha(&message);
    }
    let bound = [b"avm1/auth", &contract[..], &chain.0, &message].concat();
    sha(&sha(&bound))
}
