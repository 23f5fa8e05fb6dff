//! Values as text.

use avm_anoma::value::{ObjectId, TxId, Val, clip, int, tagged_hash};
use avm_core::Hash;

use super::sample::{hex, ints};

#[test]
fn texts() {
    let id: [u8; 32] = std::array::from_fn(|at| (at as u8) << 4 | (at as u8 + 1) & 15);
    let just = |value| Val::just(value).unwrap();
    let long = "a symbol of more than fourteen bytes";
    let cases = [
        (
            Val::list([just(Val::int(6)), Val::Nothing]).unwrap(),
            "((just 6) nothing)",
        ),
        (ints([]), "()"),
        (
            Val::list([Val::int(1), Val::str("x"), Val::Bool(true)]).unwrap(),
            "(1 \"x\" #t)",
        ),
        (Val::Bool(false), "#f"),
        (
            Val::str("a \"b\" \\ \n\t\u{7}\u{e9}"),
            "\"a \\\"b\\\" \\\\ \\n\\t\\u{7}\u{e9}\"",
        ),
        (Val::sym("done"), "done"),
        (Val::sym(long), long),
        (Val::bytes([0, 255]), "#x\"00ff\""),
        (Val::pair(Val::int(1), Val::sym("b")).unwrap(), "(1 . b)"),
        (
            Val::map([(Val::sym("b"), Val::int(2)), (Val::sym("a"), Val::int(1))]).unwrap(),
            "#map((a . 1) (b . 2))",
        ),
        (Val::mach("m1"), "mach:m1"),
        (Val::ctl("c1"), "ctl:c1"),
        (Val::obj(ObjectId(id)), "obj:0112233445"),
        (Val::tx(TxId(id)), "tx:0112233445"),
        (Val::hash_value(Hash(id)), "hash:0112233445"),
        (Val::code(Hash(id), "main").unwrap(), "code:0112233445/main"),
        (Val::Var(3), "var:3"),
        (Val::Lin(4), "lin:4"),
        (Val::closure(1, 2, []).unwrap(), "#<closure 1/2>"),
        (Val::int(-5), "-5"),
        (
            int::parse("-99999999999999999999").unwrap(),
            "-99999999999999999999",
        ),
    ];
    for (value, want) in cases {
        assert_eq!(value.to_string(), want);
    }
}

#[test]
fn clipped() {
    let long = ints(0..100_000);
    assert_eq!(clip(&long, 10), "(0 1 2 3 4...");
    assert_eq!(clip(&ints([1]), 3), "(1)");
    assert_eq!(clip(&ints([1]), 2), "(1...");
    assert_eq!(clip(&Val::str("\u{e9}\u{e9}"), 4), "\"\u{e9}...");
    assert_eq!(clip(&Val::Nothing, 0), "...");
}

#[test]
fn tagged() {
    // SHA-256("abc") of FIPS 180-4.
    let want = hex("ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad");
    assert_eq!(tagged_hash("a", &[b"b", b"", b"c"]).0[..], want);
}
