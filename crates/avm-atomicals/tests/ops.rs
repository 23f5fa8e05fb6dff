//! Every operation: what it does, how it fails, and what it costs, under both rule sets.
//!
//! A case is a line: operation, script before it, what is left on the stack or the number of the
//! error, and the cost of the operation under `avm1`; behind these what `beta1` gives if that is
//! something else. `^` in a script is where the operation stands if it is not its end.

mod support;

#[path = "ops/calls.rs"]
mod calls;
#[path = "ops/plain.rs"]
mod plain;

use std::collections::{BTreeMap, BTreeSet};

use avm_atomicals::script::instr::instructions;
use avm_atomicals::script::ops::{DECODE, OPS, by_name};
use avm_atomicals::script::run::BASE_COST;
use avm_atomicals::script::{HostFault, Rules, ScriptError};
use support::world::{Got, World, element, push, script, world};

const TABLES: [&str; 10] = [
    plain::CONTROL,
    plain::STACK,
    plain::BYTES,
    plain::NUMBERS,
    calls::DIGESTS,
    calls::SIGNATURES,
    calls::TRANSACTION,
    calls::STORAGE,
    calls::TOKENS,
    calls::BLOCKS,
];

struct Case {
    line: &'static str,
    op: &'static str,
    before: Vec<u8>,
    after: Vec<u8>,
    at_end: bool,
    avm1: &'static str,
    beta1: &'static str,
    cost: Option<u64>,
}

fn cases() -> Vec<Case> {
    let lines = TABLES.iter().flat_map(|table| table.trim().lines());
    lines
        .map(|line| {
            let mut fields = line.split('|').map(str::trim);
            let op = fields.next().expect("an operation");
            let text = fields.next().expect("a script");
            let (before, after) = text.split_once('^').unwrap_or((text, ""));
            let avm1 = fields.next().expect("a result");
            let cost = fields.next().unwrap_or_default();
            Case {
                line,
                op,
                before: script(before),
                after: script(after),
                at_end: !text.contains('^'),
                avm1,
                beta1: fields.next().unwrap_or(avm1),
                cost: (!cost.is_empty()).then(|| cost.parse().expect("a cost")),
            }
        })
        .collect()
}

impl Case {
    fn script(&self) -> Vec<u8> {
        let code = by_name(self.op)
            .unwrap_or_else(|| panic!("{}", self.line))
            .code;
        [&self.before[..], &[code], &self.after].concat()
    }
}

/// Whether a script came to what a case says.
fn is(got: &Got, want: &str) -> bool {
    match got {
        Got::Stack(stack) => {
            let want = want.split_whitespace().filter(|word| *word != "-");
            let want: Option<Vec<Vec<u8>>> = want.map(element).collect();
            want.as_ref() == Some(stack)
        }
        Got::Error(error, _) => {
            want.strip_prefix('!').and_then(|code| code.parse().ok()) == Some(error.code())
        }
        Got::Fault(HostFault::Assert) => want == "fault assert",
        Got::Fault(HostFault::BlockData { .. }) => want == "fault block_data",
        Got::Fault(_) => false,
    }
}

#[test]
fn cases_of_every_operation() {
    let world = world();
    let mut wrong = Vec::new();
    for case in cases() {
        let script = case.script();
        for (rules, want) in [(&Rules::AVM1, case.avm1), (&Rules::BETA1, case.beta1)] {
            let (got, cost) = world.eval(rules, &script);
            if !is(&got, want) {
                let clip: String = format!("{got:02x?}").chars().take(200).collect();
                wrong.push(format!("{} {}: {clip}", rules.name, case.line));
            }
            if let Got::Error(_, index) = got
                && case.at_end
            {
                let before = instructions(&case.before).count() as u32;
                assert_eq!(index, before, "{} {}", rules.name, case.line);
            }
            if rules.metered
                && let Some(want) = case.cost
            {
                let before = cost_of(&world, &case.before);
                if cost - before != want {
                    wrong.push(format!("{}: costs {}", case.line, cost - before));
                }
            }
        }
    }
    assert!(
        wrong.is_empty(),
        "{} wrong\n{}",
        wrong.len(),
        wrong.join("\n")
    );
}

/// What a script costs under `avm1`, also one without an instruction.
fn cost_of(world: &World, script: &[u8]) -> u64 {
    let (_, cost) = world.eval(&Rules::AVM1, &[script, &[0x61]].concat());
    cost - BASE_COST
}

/// Errors that an operation has beyond too few operands, from sections 7 and 8 of the
/// specification. Operations that are not here have none.
fn documented(op: &str) -> &'static [u8] {
    match op {
        "OP_PUSHDATA1" | "OP_PUSHDATA2" | "OP_PUSHDATA4" => &[22, 35],
        "OP_IF" | "OP_NOTIF" => &[26, 40],
        "OP_ELSE" | "OP_ENDIF" => &[26],
        "OP_VERIFY" => &[16],
        "OP_RETURN" => &[3],
        "OP_2MUL" | "OP_2DIV" => &[23],
        "OP_RESERVED"
        | "OP_VER"
        | "OP_VERIF"
        | "OP_VERNOTIF"
        | "OP_RESERVED1"
        | "OP_RESERVED2"
        | "OP_CODESEPARATOR"
        | "OP_CHECKSIG"
        | "OP_CHECKSIGVERIFY"
        | "OP_CHECKMULTISIG"
        | "OP_CHECKMULTISIGVERIFY"
        | "OP_INPUTWITNESSBYTECODE" => &[22],
        "OP_FROMALTSTACK" => &[25],
        "OP_PICK" | "OP_ROLL" => &[1, 24],
        "OP_CAT" => &[5],
        "OP_SPLIT" => &[1, 14],
        "OP_NUM2BIN" => &[1, 5, 13],
        "OP_AND" | "OP_OR" | "OP_XOR" => &[11],
        "OP_EQUAL" => &[24],
        "OP_EQUALVERIFY" => &[17, 24],
        "OP_LSHIFT" | "OP_RSHIFT" => &[1, 12],
        "OP_1ADD" | "OP_1SUB" | "OP_ADD" | "OP_SUB" | "OP_MUL" => &[1, 5],
        "OP_NEGATE"
        | "OP_ABS"
        | "OP_NOT"
        | "OP_0NOTEQUAL"
        | "OP_BOOLAND"
        | "OP_BOOLOR"
        | "OP_NUMEQUAL"
        | "OP_NUMNOTEQUAL"
        | "OP_LESSTHAN"
        | "OP_GREATERTHAN"
        | "OP_LESSTHANOREQUAL"
        | "OP_GREATERTHANOREQUAL"
        | "OP_MIN"
        | "OP_MAX"
        | "OP_WITHIN" => &[1],
        "OP_DIV" => &[1, 27],
        "OP_MOD" => &[1, 28],
        "OP_NUMEQUALVERIFY" => &[1, 21],
        "OP_HASH_FN" => &[1, 80],
        "OP_CHECKDATASIG" => &[34, 37, 38, 41],
        "OP_CHECKDATASIGVERIFY" => &[20, 34, 37, 38, 41],
        "OP_CHECKAUTHSIG" => &[85, 87],
        "OP_CHECKAUTHSIGVERIFY" => &[85, 86, 87],
        "OP_OUTPOINTTXHASH" | "OP_OUTPOINTINDEX" | "OP_INPUTSEQUENCENUMBER" => &[1, 51],
        "OP_INPUTBYTECODE" => &[1, 5, 51],
        "OP_OUTPUTVALUE" => &[1, 52],
        "OP_OUTPUTBYTECODE" => &[1, 5, 52],
        "OP_CHECKLOCKTIMEVERIFY" => &[1, 31, 32],
        "OP_KV_EXISTS" | "OP_KV_PUT" | "OP_KV_DELETE" => &[69],
        "OP_KV_GET" => &[61, 69],
        "OP_NFT_PUT" => &[60, 82],
        "OP_FT_BALANCE_ADD" => &[60, 81],
        "OP_FT_WITHDRAW" => &[1, 60, 62, 63, 64],
        "OP_NFT_WITHDRAW" => &[1, 60, 65, 66],
        "OP_FT_BALANCE" => &[1, 60, 70],
        "OP_FT_COUNT" => &[1, 74],
        "OP_FT_ITEM" => &[1, 67, 73],
        "OP_NFT_EXISTS" => &[1, 60, 71],
        "OP_NFT_COUNT" => &[1, 75],
        "OP_NFT_ITEM" => &[1, 68, 72],
        "OP_GETBLOCKINFO" => &[1, 76],
        "OP_DECODEBLOCKINFO" => &[1, 76, 77],
        _ => &[],
    }
}

/// Operations that fail wherever they stand, so no case of theirs succeeds.
const NEVER: [&str; 4] = ["OP_VERIF", "OP_VERNOTIF", "OP_2MUL", "OP_2DIV"];
/// Pushes in four bytes are shortest from 65,536 bytes on only, which is more than a push may have.
const NEVER_SHORTEST: &str = "OP_PUSHDATA4";

#[test]
fn every_row_has_a_case_that_succeeds_and_each_error_it_documents() {
    let mut succeed = BTreeSet::new();
    let mut errors: BTreeMap<&str, BTreeSet<u8>> = BTreeMap::new();
    for case in cases() {
        match case.avm1.strip_prefix('!') {
            Some(code) => {
                let code = code.parse().expect("a number");
                errors.entry(case.op).or_default().insert(code);
            }
            None => {
                succeed.insert(case.op);
            }
        }
    }
    // Cases that need another world, or longer numbers than a line has.
    for (op, code) in elsewhere() {
        match code {
            Some(code) => {
                errors.entry(op).or_default().insert(code);
            }
            None => {
                succeed.insert(op);
            }
        }
    }
    for row in OPS {
        let never = NEVER.contains(&row.name) || row.name == NEVER_SHORTEST;
        assert_eq!(succeed.contains(row.name), !never, "{}", row.name);
        let found: Vec<u8> = errors
            .remove(row.name)
            .unwrap_or_default()
            .into_iter()
            .collect();
        assert_eq!(found, documented(row.name), "errors of {}", row.name);
    }
    assert!(errors.is_empty(), "no rows: {errors:?}");
}

/// What [`long_results`] and [`signatures_of_the_call`] show.
fn elsewhere() -> Vec<(&'static str, Option<u8>)> {
    let mut shown: Vec<_> = LONG.iter().map(|(op, ..)| (*op, Some(5))).collect();
    shown.extend([
        ("OP_CHECKAUTHSIG", Some(85)),
        ("OP_CHECKAUTHSIG", Some(87)),
        ("OP_CHECKAUTHSIGVERIFY", Some(85)),
        ("OP_CHECKAUTHSIGVERIFY", Some(87)),
        ("OP_CHECKAUTHSIGVERIFY", None),
    ]);
    shown
}

/// Results of more than 4,000 bytes, which `beta1` has and `avm1` refuses.
const LONG: [(&str, &str, usize); 5] = [
    ("OP_1ADD", "3999xff 0x7f CAT", 4_001),
    ("OP_1SUB", "3999xff 0xff CAT", 4_001),
    ("OP_ADD", "3999xff 0x7f CAT DUP", 4_001),
    ("OP_SUB", "3999xff 0x7f CAT DUP NEGATE", 4_001),
    ("OP_MUL", "2000x7f DUP 1 CAT", 4_001),
];

#[test]
fn long_results() {
    let world = world();
    for (op, before, len) in LONG {
        let script = script(&format!("{before} {op}"));
        let (got, _) = world.eval(&Rules::AVM1, &script);
        let last = instructions(&script).count() as u32 - 1;
        assert_eq!(got, Got::Error(ScriptError::PushSize, last), "{op}");
        let (got, _) = world.eval(&Rules::BETA1, &script);
        let Got::Stack(stack) = got else {
            panic!("{op}: {got:?}");
        };
        assert_eq!(stack[0].len(), len, "{op}");
    }
}

/// The number limit of `avm1` is that of elements; `beta1` takes longer operands.
#[test]
fn long_operands() {
    let world = world();
    let script = script("2000x7f DUP MUL DUP MUL 1ADD SIZE NIP");
    let (got, _) = world.eval(&Rules::BETA1, &script);
    assert_eq!(got, Got::Stack(vec![vec![0x40, 0x1f]]));
    let (got, _) = world.eval(&Rules::AVM1, &script);
    assert_eq!(got, Got::Error(ScriptError::PushSize, 4));
}

#[test]
fn too_few_operands() {
    let world = world();
    for row in OPS {
        for have in 0..row.pops.len() {
            let script = [vec![0x51; have], vec![row.code]].concat();
            for rules in Rules::ALL {
                let want = match (row.name, have, rules.limits.equal_depth) {
                    ("OP_IF" | "OP_NOTIF", ..) => ScriptError::UnbalancedConditional,
                    ("OP_EQUAL" | "OP_EQUALVERIFY", 0, false) => ScriptError::Unknown,
                    _ => ScriptError::InvalidStackOperation,
                };
                let (got, _) = world.eval(rules, &script);
                assert_eq!(
                    got,
                    Got::Error(want, have as u32),
                    "{} {}",
                    rules.name,
                    row.name
                );
            }
        }
    }
}

#[test]
fn gaps_are_no_operations() {
    let world = world();
    let gaps = (0x4c..=0xff).filter(|code| DECODE[usize::from(*code)].is_none());
    let mut count = 0;
    for code in gaps {
        count += 1;
        for rules in Rules::ALL {
            let (got, _) = world.eval(rules, &[0x51, code]);
            assert_eq!(got, Got::Error(ScriptError::BadOpcode, 1), "{code:02x}");
            let (got, _) = world.eval(rules, &[0x51, 0x00, 0x63, code, 0x68]);
            assert_eq!(got, Got::Stack(vec![vec![1]]), "{code:02x} not executed");
        }
    }
    assert_eq!(count, 256 - 0x4c - (OPS.len() - 1));
}

/// Direct pushes: bytes, the shortest form, the script that ends within.
#[test]
fn direct_pushes() {
    let world = world();
    for len in 1..=75_u8 {
        let script = [vec![len], vec![0xaa; usize::from(len)]].concat();
        for rules in Rules::ALL {
            let (got, cost) = world.eval(rules, &script);
            assert_eq!(got, Got::Stack(vec![vec![0xaa; usize::from(len)]]));
            if rules.metered {
                assert_eq!(cost - cost_of(&world, &[]), BASE_COST + u64::from(len) / 8);
            }
            let (got, _) = world.eval(rules, &script[..usize::from(len)]);
            assert_eq!(got, Got::Error(ScriptError::BadOpcode, 0));
        }
    }
    for byte in 0..=255 {
        let shortest = !matches!(byte, 1..=16 | 0x81);
        let (got, _) = world.eval(&Rules::AVM1, &[1, byte]);
        let want = if shortest {
            Got::Stack(vec![vec![byte]])
        } else {
            Got::Error(ScriptError::Minimaldata, 0)
        };
        assert_eq!(got, want, "{byte:02x}");
    }
}

/// Executed or not, an instruction costs the base; one that is not executed costs nothing more.
#[test]
fn what_is_not_executed_costs_the_base() {
    let world = world();
    let (_, nothing) = world.eval(&Rules::AVM1, &script("0 IF ENDIF"));
    for row in OPS {
        let conditional = matches!(row.code, 0x4c..=0x4e | 0x63..=0x68 | 0x8d | 0x8e);
        if conditional {
            continue;
        }
        let text = format!("0 IF {} ENDIF", row.name);
        let (got, cost) = world.eval(&Rules::AVM1, &script(&text));
        assert_eq!(
            (got, cost - nothing),
            (Got::Stack(vec![]), BASE_COST),
            "{}",
            row.name
        );
    }
    let (_, cost) = world.eval(&Rules::AVM1, &script("0 IF 4000x07 ENDIF"));
    assert_eq!(cost - nothing, BASE_COST + 500, "a push is read in full");
}

#[test]
fn depth_of_both_stacks() {
    let world = world();
    for (text, good) in [
        ("1000*7 499*2DROP DROP", true),
        ("1001*7", false),
        ("999*7 TOALTSTACK 7 499*2DROP 1", true),
        ("1000*7 TOALTSTACK 7", false),
        ("999*7 2DUP", false),
        ("500*7 0 IF ENDIF 500*7 3DUP", false),
    ] {
        for rules in Rules::ALL {
            let (got, _) = world.eval(rules, &script(text));
            let failed = matches!(got, Got::Error(ScriptError::StackSize, _));
            assert_eq!(failed, !good, "{text}");
        }
    }
}

#[test]
fn long_pushes_fail_executed_or_not() {
    let world = world();
    let long = [&[0x4d, 0xa1, 0x0f][..], &[7; 4_001]].concat();
    let skipped = [&[0x00, 0x63][..], &long, &[0x68, 0x51]].concat();
    for rules in Rules::ALL {
        let (got, _) = world.eval(rules, &long);
        assert_eq!(got, Got::Error(ScriptError::PushSize, 0));
        let (got, _) = world.eval(rules, &skipped);
        assert_eq!(got, Got::Error(ScriptError::PushSize, 2));
    }
}

/// A call without keys and signatures; half of both; and a signature that is none of it.
#[test]
fn signatures_of_the_call() {
    use support::world::{ECDSA, KEY, OUTPUTS, hex, tx};
    let signed = |signature: &[u8]| {
        let mut outputs = OUTPUTS.to_vec();
        let script = [
            &[0x6a, 3, b's', b'i', b'g', signature.len() as u8][..],
            signature,
        ]
        .concat();
        outputs.push((0, &script));
        tx(&outputs, 0, 0)
    };
    let calls: [(Option<Vec<u8>>, &str, ScriptError); 6] = [
        (None, KEY, ScriptError::InvalidAvmCheckauthsig),
        (
            Some(signed(&hex(ECDSA))),
            "",
            ScriptError::InvalidAvmCheckauthsig,
        ),
        (
            Some(signed(&[1; 63])),
            KEY,
            ScriptError::InvalidAvmCheckauthsig,
        ),
        (
            Some(signed(&hex(ECDSA))),
            "05",
            ScriptError::InvalidAvmCheckauthsig,
        ),
        (
            Some(signed(&hex(ECDSA))),
            KEY,
            ScriptError::InvalidAvmCheckauthsignull,
        ),
        (
            Some(signed(&[])),
            KEY,
            ScriptError::InvalidAvmCheckauthsignull,
        ),
    ];
    for (tx, key, error) in calls {
        let mut world: World = world();
        world.call.auth_key = hex(key).into();
        if let Some(tx) = tx {
            world.call.tx = tx.into();
        }
        for rules in Rules::ALL {
            for op in ["OP_CHECKAUTHSIG", "OP_CHECKAUTHSIGVERIFY"] {
                let (got, _) = world.eval(rules, &script(op));
                assert_eq!(got, Got::Error(error, 0), "{} {op} {key}", rules.name);
            }
        }
    }
}

/// Arithmetic at the edges of a machine word, against 128 bits.
#[test]
fn arithmetic_at_the_edges_of_a_word() {
    const MAX: i128 = i64::MAX as i128;
    let edges = [
        0,
        1,
        2,
        3,
        127,
        128,
        1 << 31,
        (1 << 31) - 1,
        3_037_000_500,
        1 << 62,
        MAX - 1,
        MAX,
        MAX + 1,
        MAX + 2,
        1 << 64,
        (1 << 64) - 1,
    ];
    let numbers: Vec<i128> = edges.iter().flat_map(|edge| [*edge, -edge]).collect();
    type Binary = fn(i128, i128) -> Option<i128>;
    let operations: [(&str, Binary); 13] = [
        ("ADD", |a, b| Some(a + b)),
        ("SUB", |a, b| Some(a - b)),
        ("MUL", i128::checked_mul),
        ("DIV", i128::checked_div),
        ("MOD", i128::checked_rem),
        ("MIN", |a, b| Some(a.min(b))),
        ("MAX", |a, b| Some(a.max(b))),
        ("LESSTHAN", |a, b| Some((a < b).into())),
        ("GREATERTHANOREQUAL", |a, b| Some((a >= b).into())),
        ("NUMEQUAL", |a, b| Some((a == b).into())),
        ("NUMNOTEQUAL", |a, b| Some((a != b).into())),
        ("BOOLAND", |a, b| Some((a != 0 && b != 0).into())),
        ("BOOLOR", |a, b| Some((a != 0 || b != 0).into())),
    ];
    let world = world();
    for (name, result) in operations {
        for a in &numbers {
            for b in &numbers {
                let Some(result) = result(*a, *b) else {
                    continue;
                };
                let code = [
                    push(&encode(*a)),
                    push(&encode(*b)),
                    script(name),
                    script("7"),
                ];
                for rules in Rules::ALL {
                    let (got, _) = world.eval(rules, &code.concat());
                    let want = Got::Stack(vec![encode(result), vec![7]]);
                    assert_eq!(got, want, "{} {a} {b} {name}", rules.name);
                }
            }
        }
    }
    type Unary = fn(i128) -> i128;
    let operations: [(&str, Unary); 6] = [
        ("1ADD", |a| a + 1),
        ("1SUB", |a| a - 1),
        ("NEGATE", |a| -a),
        ("ABS", i128::abs),
        ("NOT", |a| (a == 0).into()),
        ("0NOTEQUAL", |a| (a != 0).into()),
    ];
    for (name, result) in operations {
        for a in &numbers {
            let code = [push(&encode(*a)), script(name), script("7")].concat();
            let (got, _) = world.eval(&Rules::AVM1, &code);
            let want = Got::Stack(vec![encode(result(*a)), vec![7]]);
            assert_eq!(got, want, "{a} {name}");
        }
    }
}

/// The shortest encoding, written a second time.
fn encode(number: i128) -> Vec<u8> {
    let mut bytes = number.unsigned_abs().to_le_bytes().to_vec();
    while bytes.last() == Some(&0) {
        bytes.pop();
    }
    if bytes.last().is_some_and(|last| last & 0x80 != 0) {
        bytes.push(0);
    }
    if let (true, Some(last)) = (number < 0, bytes.last_mut()) {
        *last |= 0x80;
    }
    bytes
}
