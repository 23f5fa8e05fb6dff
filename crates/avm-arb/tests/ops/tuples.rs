//! The stacks, the registers and tuples. Spec: section 7, opcodes 30 to 54.

use avm_arb::Fault;
use ruint::aliases::U256;

use crate::{Case, fails, ok};

const fn index(index: u64, len: usize) -> Fault {
    let index = U256::from_limbs([index, 0, 0, 0]);
    Fault::TupleIndex { index, len }
}

const INDEX_MAX: Fault = Fault::TupleIndex {
    index: U256::MAX,
    len: 2,
};
const INDEX_P64: Fault = Fault::TupleIndex {
    index: U256::from_limbs([0, 1, 0, 0]),
    len: 2,
};

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    ok("pop", "int", &["5", "6"], &["6"]),
    ok("pop", "tuple", &["(1, (2))"], &[]),
    ok("pop", "code point", &["@there"], &[]),
    ok("spush", "static", &[], &["@op"]),
    ok("spush", "on top", &["1"], &["@op", "1"]),
    ok("rpush", "empty tuple at first", &[], &["()"]),
    ok("rset", "takes it off", &["1", "2"], &["2"]),
    ok("rset", "any kind", &["@there"], &[]),
    ok("stackempty", "empty", &[], &["1"]),
    ok("stackempty", "not empty", &["0"], &["0", "0"]),
    ok("stackempty", "aux does not count", &["aux 5"], &["1", "aux 5"]),
    ok("auxpush", "int", &["5", "6"], &["6", "aux 5"]),
    ok("auxpush", "on what is there", &["5", "aux 6"], &["aux 5", "aux 6"]),
    ok("auxpush", "tuple", &["(1, (2))"], &["aux (1, (2))"]),
    ok("auxpush", "code point", &["@there"], &["aux @there"]),
    ok("auxpush", "buffer", &["hex\"01\""], &["aux hex\"01\""]),
    ok("auxpop", "int", &["aux 5", "aux 6"], &["5", "aux 6"]),
    ok("auxpop", "on what is there", &["1", "aux ()"], &["()", "1"]),
    ok("auxstackempty", "empty", &[], &["1"]),
    ok("auxstackempty", "not empty", &["aux ()"], &["0", "aux ()"]),
    ok("auxstackempty", "data does not count", &["5"], &["1", "5"]),
    ok("nop", "nothing", &[], &[]),
    ok("nop", "leaves all", &["1", "aux 2"], &["1", "aux 2"]),
    ok("dup0", "int", &["1", "2"], &["1", "1", "2"]),
    ok("dup0", "tuple", &["(1, @there)"], &["(1, @there)", "(1, @there)"]),
    ok("dup1", "second", &["1", "2", "3"], &["2", "1", "2", "3"]),
    ok("dup1", "kinds", &["()", "@there"], &["@there", "()", "@there"]),
    ok("dup2", "third", &["1", "2", "3", "4"], &["3", "1", "2", "3", "4"]),
    ok("dup2", "kinds", &["()", "@there", "hex\"01\""], &["hex\"01\"", "()", "@there", "hex\"01\""]),
    ok("swap1", "two", &["1", "2", "3"], &["2", "1", "3"]),
    ok("swap1", "kinds", &["()", "@there"], &["@there", "()"]),
    ok("swap2", "first and third", &["1", "2", "3", "4"], &["3", "2", "1", "4"]),
    ok("swap2", "kinds", &["()", "@there", "hex\"01\""], &["hex\"01\"", "@there", "()"]),
    ok("tget", "first", &["0", "(5, 6)"], &["5"]),
    ok("tget", "last", &["1", "(5, (6))"], &["(6)"]),
    ok("tget", "eighth", &["7", "(0, 1, 2, 3, 4, 5, 6, @there)"], &["@there"]),
    fails("tget", "at the length", &["2", "(5, 6)"], index(2, 2)),
    fails("tget", "empty tuple", &["0", "()"], index(0, 0)),
    fails("tget", "index 2^64", &["P64", "(5, 6)"], INDEX_P64),
    fails("tget", "index MAX", &["MAX", "(5, 6)"], INDEX_MAX),
    fails("tget", "keeps what is below", &["2", "(5, 6)", "7"], index(2, 2)),
    ok("tset", "first", &["0", "(5, 6)", "9"], &["(9, 6)"]),
    ok("tset", "last", &["1", "(5, 6)", "(7, @there)"], &["(5, (7, @there))"]),
    ok("tset", "tuple in a tuple", &["0", "((1), (2))", "()"], &["((), (2))"]),
    ok("tset", "eighth", &["7", "(0, 1, 2, 3, 4, 5, 6, 7)", "hex\"ff\""], &["(0, 1, 2, 3, 4, 5, 6, hex\"ff\")"]),
    fails("tset", "at the length", &["2", "(5, 6)", "9"], index(2, 2)),
    fails("tset", "empty tuple", &["0", "()", "9"], index(0, 0)),
    fails("tset", "index 2^64", &["P64", "(5, 6)", "9", "8"], INDEX_P64),
    ok("tlen", "empty", &["()"], &["0"]),
    ok("tlen", "two", &["(1, (2, 3))"], &["2"]),
    ok("tlen", "eight", &["(1, 2, 3, 4, 5, 6, 7, 8)"], &["8"]),
    ok("xget", "the tuple stays", &["1", "aux (5, (6))", "aux 7"], &["(6)", "aux (5, (6))", "aux 7"]),
    ok("xget", "first", &["0", "9", "aux (5)"], &["5", "9", "aux (5)"]),
    fails("xget", "at the length loses the tuple", &["2", "9", "aux (5, 6)", "aux 7"], index(2, 2)),
    fails("xget", "empty tuple", &["0", "aux ()"], index(0, 0)),
    fails("xget", "index MAX", &["MAX", "aux (5, 6)"], INDEX_MAX),
    ok("xset", "replaces", &["1", "9", "3", "aux (5, 6)", "aux 7"], &["3", "aux (5, 9)", "aux 7"]),
    ok("xset", "any kind", &["0", "@there", "aux (5, 6)"], &["aux (@there, 6)"]),
    fails("xset", "at the length loses the tuple", &["2", "9", "3", "aux (5, 6)", "aux 7"], index(2, 2)),
    fails("xset", "empty tuple", &["0", "9", "aux ()"], index(0, 0)),
    fails("xset", "index 2^64", &["P64", "9", "aux (5, 6)"], INDEX_P64),
];
