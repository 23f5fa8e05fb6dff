//! Buffers. Spec: section 9.

use avm_arb::Fault;
use ruint::aliases::U256;

use crate::{Case, fails, ok};

const fn int(limbs: [u64; 4]) -> U256 {
    U256::from_limbs(limbs)
}

const fn offset(low: u64) -> Fault {
    Fault::BufferOffset(int([low, 0, 0, 0]))
}

const OFFSET_P64: Fault = Fault::BufferOffset(int([0, 1, 0, 0]));
const OFFSET_MAX: Fault = Fault::BufferOffset(U256::MAX);

const fn value(limbs: [u64; 4], width_bytes: usize) -> Fault {
    let value = int(limbs);
    Fault::BufferValue { value, width_bytes }
}

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    ok("newbuffer", "all zero", &["5"], &["hex\"\"", "5"]),
    ok("getbuffer8", "first", &["0", "hex\"0102\"", "5"], &["1", "5"]),
    ok("getbuffer8", "second", &["1", "hex\"0102\""], &["2"]),
    ok("getbuffer8", "behind the content", &["2", "hex\"0102\""], &["0"]),
    ok("getbuffer8", "far behind the content", &["0x100000000", "hex\"0102\""], &["0"]),
    ok("getbuffer8", "last offset", &["0xffffffffffffffff", "hex\"0102\""], &["0"]),
    fails("getbuffer8", "2^64", &["P64", "hex\"01\"", "5"], OFFSET_P64),
    fails("getbuffer8", "MAX", &["MAX", "hex\"01\""], OFFSET_MAX),
    ok("getbuffer64", "big-endian", &["0", "hex\"0102030405060708 09\""], &["0x0102030405060708"]),
    ok("getbuffer64", "unaligned", &["1", "hex\"0102030405060708 09\""], &["0x0203040506070809"]),
    ok("getbuffer64", "over the end", &["7", "hex\"0102030405060708 09\""], &["0x0809000000000000"]),
    ok("getbuffer64", "across leaves", &["28", "\"0123456789012345678901234567ABCDEFGH\""], &["0x4142434445464748"]),
    ok("getbuffer64", "last offset", &["0xfffffffffffffff8", "hex\"01\""], &["0"]),
    fails("getbuffer64", "2^64 - 7", &["0xfffffffffffffff9", "hex\"01\""], offset(u64::MAX - 6)),
    fails("getbuffer64", "2^64 - 1", &["0xffffffffffffffff", "hex\"01\""], offset(u64::MAX)),
    fails("getbuffer64", "2^64", &["P64", "hex\"01\""], OFFSET_P64),
    ok("getbuffer256", "big-endian", &["0", "hex\"01\""], &["0x0100000000000000000000000000000000000000000000000000000000000000"]),
    ok("getbuffer256", "unaligned, across leaves", &["31", "\"0123456789012345678901234567890ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef\""],
        &["0x4142434445464748494a4b4c4d4e4f505152535455565758595a616263646566"]),
    ok("getbuffer256", "last offset", &["0xffffffffffffffe0", "hex\"01\""], &["0"]),
    fails("getbuffer256", "2^64 - 31", &["0xffffffffffffffe1", "hex\"01\""], offset(u64::MAX - 30)),
    fails("getbuffer256", "2^64", &["P64", "hex\"01\""], OFFSET_P64),
    ok("setbuffer8", "value above the buffer", &["1", "0xff", "hex\"010203\"", "5"], &["hex\"01ff03\"", "5"]),
    ok("setbuffer8", "grows", &["40", "1", "hex\"01\""],
        &["hex\"01000000000000000000000000000000000000000000000000000000000000000000000000000000 01\""]),
    ok("setbuffer8", "zero shrinks", &["40", "0", "hex\"01000000000000000000000000000000000000000000000000000000000000000000000000000000 01\""], &["hex\"01\""]),
    ok("setbuffer8", "zero into nothing", &["0xffffffffffffffff", "0", "hex\"\""], &["hex\"\""]),
    fails("setbuffer8", "256", &["0", "256", "hex\"01\"", "5"], value([256, 0, 0, 0], 1)),
    fails("setbuffer8", "MAX", &["0", "MAX", "hex\"01\""], value([u64::MAX; 4], 1)),
    fails("setbuffer8", "offset 2^64", &["P64", "1", "hex\"01\""], OFFSET_P64),
    ok("setbuffer64", "big-endian", &["0", "1", "hex\"ff\""], &["hex\"0000000000000001\""]),
    ok("setbuffer64", "across leaves", &["28", "0x4142434445464748", "\"0123456789012345678901234567\""], &["\"0123456789012345678901234567ABCDEFGH\""]),
    ok("setbuffer64", "largest value", &["0", "0xffffffffffffffff", "hex\"\""], &["hex\"ffffffffffffffff\""]),
    fails("setbuffer64", "2^64", &["0", "P64", "hex\"\""], value([0, 1, 0, 0], 8)),
    fails("setbuffer64", "offset 2^64 - 7", &["0xfffffffffffffff9", "1", "hex\"\""], offset(u64::MAX - 6)),
    ok("setbuffer256", "whole leaf", &["0", "MAX", "hex\"\""], &["hex\"ffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff\""]),
    ok("setbuffer256", "across leaves", &["31", "0x4142434445464748494a4b4c4d4e4f505152535455565758595a616263646566", "\"0123456789012345678901234567890\""],
        &["\"0123456789012345678901234567890ABCDEFGHIJKLMNOPQRSTUVWXYZabcdef\""]),
    ok("setbuffer256", "zero shrinks to nothing", &["0", "0", "\"thirty-two bytes of content.....\""], &["hex\"\""]),
    fails("setbuffer256", "offset 2^64 - 31", &["0xffffffffffffffe1", "1", "hex\"\""], offset(u64::MAX - 30)),
    fails("setbuffer256", "offset MAX", &["MAX", "1", "hex\"\""], OFFSET_MAX),
];
