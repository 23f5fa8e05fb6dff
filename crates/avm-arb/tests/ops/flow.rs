//! Jumps, errors, gas, code made at run time, and what goes in and out. Spec: sections 4, 7, 10, 11.

use avm_arb::Fault;
use ruint::aliases::U256;

use crate::{Case, fails, ok};

const fn send_size(size: u64) -> Fault {
    Fault::SendSize(U256::from_limbs([size, 0, 0, 0]))
}

const fn truncated(size_bytes: usize) -> Fault {
    Fault::SendTruncated { size_bytes }
}

#[rustfmt::skip]
pub(super) const CASES: &[Case] = &[
    ok("jump", "takes the code point", &["@there", "5"], &["5"]),
    ok("jump", "to the end", &["@end"], &[]),
    ok("cjump", "taken", &["@there", "1", "5"], &["5"]),
    ok("cjump", "taken for any bit", &["@there", "MIN"], &[]),
    ok("cjump", "not taken", &["@there", "0", "5"], &["5"]),
    ok("pcpush", "this operation", &[], &["@op"]),
    ok("errpush", "the handler", &[], &["@handler"]),
    ok("errset", "takes the code point", &["@there", "5"], &["5"]),
    ok("errset", "disarms", &["@end"], &[]),
    ok("breakpoint", "nothing", &["1", "aux 2"], &["1", "aux 2"]),
    ok("log", "int", &["5", "6"], &["6"]),
    ok("log", "tuple", &["(1, (2, hex\"03\"), @there)"], &[]),
    ok("send", "one byte", &["1", "hex\"ff\"", "6"], &["6"]),
    ok("send", "zero bytes behind the content", &["10000", "hex\"ff\""], &[]),
    ok("send", "all zero", &["1", "hex\"\""], &[]),
    ok("send", "exactly the content", &["33", "\"thirty-three bytes of content....\""], &[]),
    fails("send", "nothing", &["0", "hex\"ff\"", "6"], send_size(0)),
    fails("send", "too much", &["10001", "hex\"ff\""], send_size(10_001)),
    fails("send", "2^64", &["P64", "hex\"ff\""], Fault::SendSize(U256::from_limbs([0, 1, 0, 0]))),
    fails("send", "MAX", &["MAX", "hex\"ff\""], Fault::SendSize(U256::MAX)),
    fails("send", "less than the content", &["1", "hex\"ffff\""], truncated(1)),
    fails("send", "less by a leaf", &["32", "\"thirty-three bytes of content....\""], truncated(32)),
    ok("inbox", "message", &["5"], &[
        "(3, 7, 8, 0x1111111111111111111111111111111111111111, 9, 10, 3, hex\"abcd\")", "5",
    ]),
    fails("error", "always", &[], Fault::Raised),
    fails("error", "takes nothing", &["1", "aux 2"], Fault::Raised),
    ok("halt", "halts", &["1"], &["halted"]),
    ok("setgas", "takes the amount", &["1000", "5"], &["5"]),
    ok("setgas", "MAX", &["MAX"], &[]),
    // errset with its immediate cost 1, and pushgas has paid for itself.
    ok("pushgas", "after its own price", &[], &["-3"]),
    ok("errcodepoint", "the end of every segment", &["5"], &["@end", "5"]),
    // `there` is one `halt`, 0x74, in front of the end, and `handler` is two.
    ok("pushinsn", "in front of the end", &["0x74", "@end", "5"], &["@there", "5"]),
    ok("pushinsn", "in front of code", &["0x74", "@there"], &["@handler"]),
    ok("pushinsn", "low 8 bits", &["0xffff74", "@end"], &["@there"]),
    ok("pushinsn", "low 8 bits of a negative int", &["-140", "@end"], &["@there"]),
    ok("pushinsnimm", "any immediate", &["0x74", "(1, @there)", "@handler", "5"], &["@imm", "5"]),
    ok("pushinsnimm", "low 8 bits", &["0x174", "(1, @there)", "@handler"], &["@imm"]),
    ok("sideload", "the empty tuple", &["12", "5"], &["()", "5"]),
    ok("debugprint", "drops", &["(1, 2)", "5"], &["5"]),
];
