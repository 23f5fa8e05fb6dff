//! The table against the list of the specification.

use avm_anoma::code::table::{CAPS_KNOWN, Cap, Form, ROWS, Scope, is_type_tag};
use avm_anoma::code::{TABLE, infos, row_of};

/// Spec 25.3: the numbers are part of the format.
const SPEC: &str = "
00 NOP 01 EXT 02 MOV 03 LOADK 04 LOADI 05 LOADNIL 06 LOADT 07 LOADF
08 JMP 09 JT 0a JF 0b JNOTHING 0c JEQK 0d SWITCH
10 CALLF 11 TAILF 12 RET 13 CLOSURE 14 CALLC 15 TAILC 16 CAPT
18 GUARD 19 UNGUARD 1a RAISE 1b REJECT 1c REPLY 1d END
20 ADD 21 SUB 22 MUL 23 DIV 24 MOD 25 NEG 26 LT 27 LE 28 EQ 29 NOT 2a MIN 2b MAX 2c VALLT 2d ADDI
30 CONS 31 CAR 32 CDR 33 LIST 34 LEN 35 REF 36 SET 37 APPEND 38 REV 39 CONCAT 3a SUBSTR
3b JUST 3c UNJUST 3d ISTYPE 3e MAPGET 3f MAPPUT 40 MAPDEL 41 MAPKEYS 42 HASH 43 SLICE 44 SORT 45 TOSTR 46 TOINT 47 RECORD 48 FIELD
80 CREATE 81 DESTROY 82 CALL 83 SEND 84 RECEIVE 85 CALLLOCAL
88 SELF 89 INPUT 8a SENDER 8b HERE 8c GETSTATE 8d SETSTATE 8e HISTORY 8f CURHISTORY
90 REFLECT 91 SCRYMETA 92 SCRYDEEP 94 REIFYCTX 95 REIFYTX 96 REIFYFD
98 BEGINTX 99 COMMITTX 9a ABORTTX 9b BEGINMULTI
a0 CALLPURE a1 REGPURE a2 UPDPURE
a8 GETMACHINE a9 TELEPORT aa MOVE ab FETCH
b0 CURCTL b1 GETCTL b2 TRANSFER b3 FREEZE
b8 NEWVAR b9 NARROW ba POST bb LABEL bc FDDOM bd FDPUSH be FDPOP bf FDSOLVE
c0 CHOOSE c1 CHOOSEW c2 REQUIRE c3 REQMSC c8 LINNEW c9 LINSAT ca DELTA
e0 GASLIMIT e1 CAPS e2 COMPOSE";

#[test]
fn every_opcode_of_the_specification_is_in_the_table() {
    let words: Vec<&str> = SPEC.split_whitespace().collect();
    for pair in words.chunks(2) {
        let code = u8::from_str_radix(pair[0], 16).expect("a code");
        let row = row_of(code).unwrap_or_else(|| panic!("{} is not in the table", pair[1]));
        assert_eq!((row.code, row.name), (code, &*pair[1].to_lowercase()));
    }
    assert_eq!(ROWS.len(), words.len() / 2);
    assert_eq!(TABLE.iter().flatten().count(), ROWS.len());
}

#[test]
fn every_row_is_documented() {
    for info in infos() {
        assert!(info.doc.ends_with('.'), "{}", info.name);
        assert!(!info.doc.contains('|'), "{}: a page is a table", info.name);
        assert!(info.name.chars().all(|c| c.is_ascii_lowercase()));
    }
}

#[test]
fn what_rows_say_fits_together() {
    let reserved = ["ext", "switch", "gaslimit", "caps"];
    let later = |code: u8| matches!(code, 0xb8..=0xbf | 0xc0..=0xca | 0x9b | 0xe2);
    for row in ROWS {
        let scope = match row.name {
            name if reserved.contains(&name) => Scope::Reserved,
            _ if later(row.code) => Scope::Later,
            _ => Scope::Now,
        };
        assert_eq!(row.scope, scope, "{}", row.name);
        let refused = row.form == Form::Refused;
        assert_eq!(refused, scope == Scope::Reserved, "{}", row.name);
        // What runs is paid for, and what computes is below 80.
        assert!(scope != Scope::Now || row.gas > 0, "{}", row.name);
        assert!(!row.pure || row.code < 0x80, "{}", row.name);
        match row.cap {
            Cap::None => {}
            Cap::Granted(cap) | Cap::Declared(cap) => {
                assert!(CAPS_KNOWN.contains(&cap), "{}", row.name);
                assert!(!row.pure, "{}", row.name);
            }
        }
    }
    assert!(CAPS_KNOWN.is_sorted());
}

#[test]
fn gas_of_the_specification() {
    // Spec 22.
    let cases = [
        ("add", 1, "digits of wide operands"),
        ("callf", 2, ""),
        ("ret", 1, ""),
        ("create", 200, ""),
        ("destroy", 50, ""),
        ("call", 50, "bytes/32 of the input, 500 if remote"),
        ("send", 60, ""),
        ("receive", 20, ""),
        ("getstate", 5, "bytes/32 of the value"),
        ("setstate", 20, "bytes/32 of the value"),
        ("begintx", 50, ""),
        ("committx", 100, "20 per touched object, bytes/32"),
        ("aborttx", 20, ""),
        ("reflect", 50, ""),
        ("reifyctx", 20, "bytes/32 of the value"),
        ("callpure", 10, "its own operations"),
        ("getmachine", 5, ""),
        ("getctl", 5, ""),
        ("transfer", 500, "bytes/32 of the state"),
        ("teleport", 1000, "bytes/32 of the continuation"),
        ("newvar", 5, "1 per 64 values"),
        ("delta", 5, ""),
    ];
    for (name, gas, more) in cases {
        let row = ROWS.iter().find(|row| row.name == name);
        let row = row.unwrap_or_else(|| panic!("{name}"));
        assert_eq!((row.gas, row.gas_doc), (gas, more), "{name}");
    }
}

#[test]
fn kinds_of_values() {
    let known: Vec<u8> = (0..=255).filter(|&tag| is_type_tag(tag)).collect();
    // Spec 1, where 03 is the other Bool.
    let mut spec: Vec<u8> = (0x00..=0x0a).chain(0x10..=0x17).chain([0x20]).collect();
    spec.retain(|&tag| tag != 0x03);
    assert_eq!(known, spec);
}

#[test]
fn the_page_has_a_row_for_every_opcode() {
    let page = avm_anoma::code::page();
    let callc = "| 14 | `callc` | ra <- rb (rb+1 .. rb+c) | 2 | pure | Calls the closure B";
    assert!(page.contains(callc), "{page}");
    let reflect = "| 90 | `reflect` | ra <- rb | 50 | effect; `reflect`, declared | Just";
    assert!(page.contains(reflect), "{page}");
    assert!(
        page == include_str!("../../../../docs/opcodes/anoma.md"),
        "run `cargo xtask codegen`"
    );
    // A row has as many columns as the head.
    let columns = |line: &str| line.matches('|').count();
    let rows: Vec<_> = page.lines().filter(|line| line.starts_with('|')).collect();
    assert_eq!(rows.len(), ROWS.len() + 2);
    assert!(rows.iter().all(|row| columns(row) == columns(rows[0])));
}
