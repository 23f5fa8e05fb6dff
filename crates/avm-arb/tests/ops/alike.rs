//! What holds for all opcodes alike. Spec: section 6.

use avm_arb::{Fault, Kind};
use ruint::aliases::U256;

use crate::eval::{Shot, left};
use crate::rows::{CRYPTO, ROWS, Row};
use crate::{cases, normal};

/// A value of each kind: its letter, its kind, a literal.
const KINDS: [(char, Kind, &str); 4] = [
    ('i', Kind::Int, "5"),
    ('c', Kind::CodePoint, "@there"),
    ('t', Kind::Tuple, "(1, 2)"),
    ('b', Kind::Buffer, "hex\"0102\""),
];

/// Operands of a row that are of the right kinds.
fn operands(row: &Row) -> Vec<String> {
    let literal = |kind: char| {
        let found = KINDS.iter().find(|(letter, ..)| *letter == kind);
        found.map_or("6", |(.., literal)| literal)
    };
    let data = row.data.chars().map(|kind| literal(kind).to_owned());
    let aux = row.aux.chars().map(|kind| format!("aux {}", literal(kind)));
    data.chain(aux).collect()
}

fn refs(operands: &[String]) -> Vec<&str> {
    operands.iter().map(String::as_str).collect()
}

/// Too few items: 5 gas, and what there is is gone; of the other stack, as much as the operation
/// takes.
#[test]
fn underflow() {
    for row in ROWS {
        let full = operands(row);
        let (want, want_aux) = (row.data.len(), row.aux.len());
        for (have, have_aux) in
            (0..=want).flat_map(|have| (0..=want_aux).map(move |aux| (have, aux)))
        {
            if (have, have_aux) == (want, want_aux) {
                continue;
            }
            let data = full[..want].iter().take(have);
            let mut some: Vec<String> = data
                .chain(full[want..].iter().take(have_aux))
                .cloned()
                .collect();
            // The stack that is not short has one item more, which stays.
            let mut kept = vec![];
            if have == want {
                some.insert(want, String::from("77"));
                kept.push("77");
            }
            if have_aux == want_aux {
                some.push(String::from("aux 88"));
                kept.push("aux 88");
            }
            let some = refs(&some);
            let shot = Shot::of(row.name, &some);
            let seen = shot.eval();
            let name = format!("{} with {some:?}", row.name);
            let fault = seen.fault.as_deref().unwrap_or("none");
            assert!(fault.starts_with("stack underflow"), "{name}: {fault}");
            assert_eq!(seen.left, left(&shot, &kept), "{name}");
            assert_eq!(seen.gas, 5, "{name}");
        }
    }
}

/// With one unit of gas too little an operation costs 5 and the register is filled up; with exactly
/// its price it works and leaves none.
#[test]
fn gas() {
    for row in ROWS.iter().filter(|row| !CRYPTO.contains(&row.name)) {
        let Some((operands, results)) = normal(row.name) else {
            assert_eq!(row.name, "error");
            continue;
        };
        let mut more = operands.to_vec();
        more.push("77");
        let (cost, left_over) = (row.gas, U256::from(row.gas - 1));
        let shot = Shot {
            gas: Some(left_over),
            ..Shot::of(row.name, &more)
        };
        let seen = shot.eval();
        let fault = Fault::OutOfGas {
            cost,
            left: left_over,
        };
        assert_eq!(seen.fault, Some(fault.to_string()), "{}", row.name);
        assert_eq!((seen.gas, seen.gas_left), (5, U256::MAX), "{}", row.name);
        let kept: Vec<&str> = crate::rows::kept(row, &more).collect();
        assert_eq!(seen.left, left(&shot, &kept), "{}", row.name);

        let shot = Shot {
            gas: Some(U256::from(cost)),
            ..Shot::of(row.name, operands)
        };
        let seen = shot.eval();
        assert_eq!((&seen.fault, seen.gas), (&None, cost), "{}", row.name);
        match row.name {
            "setgas" => assert_eq!(seen.gas_left, U256::from(1000)),
            "pushgas" => assert_eq!(seen.left, left(&shot, &["0"])),
            _ => {
                assert_eq!(seen.gas_left, U256::ZERO, "{}", row.name);
                assert_eq!(seen.left, left(&shot, results), "{}", row.name);
            }
        }
    }
}

/// Each operand that must be of one kind is refused in every other. The price is paid, the operands
/// are gone, what is below stays.
#[test]
fn wrong_kinds() {
    let mut refused = 0;
    for row in ROWS.iter().filter(|row| row.name != "ecpairing") {
        let good = operands(row);
        for (at, letter) in row.data.chars().chain(row.aux.chars()).enumerate() {
            let Some(&(_, want, _)) = KINDS.iter().find(|(kind, ..)| *kind == letter) else {
                continue;
            };
            for (_, found, literal) in KINDS.into_iter().filter(|(kind, ..)| *kind != letter) {
                let mut bad = good.clone();
                bad[at] = match at < row.data.len() {
                    true => literal.to_owned(),
                    false => format!("aux {literal}"),
                };
                bad.insert(row.data.len(), String::from("77"));
                bad.push(String::from("aux 88"));
                let bad = refs(&bad);
                let shot = Shot::of(row.name, &bad);
                let seen = shot.eval();
                let name = format!("{} with {bad:?}", row.name);
                let fault = Fault::WrongKind { want, found };
                assert_eq!(seen.fault, Some(fault.to_string()), "{name}");
                assert_eq!(seen.left, left(&shot, &["77", "aux 88"]), "{name}");
                assert_eq!(seen.gas, row.gas, "{name}");
                refused += 1;
            }
        }
    }
    assert!(refused > 200, "{refused}");
}

/// A byte that is no opcode costs 5, takes nothing, and keeps its immediate.
#[test]
fn invalid_opcodes() {
    let invalid = (0..=u8::MAX).filter(|code| ROWS.iter().all(|row| row.code != *code));
    let invalid: Vec<u8> = invalid.collect();
    assert!([0x00, 0x71, 0x7a].iter().all(|code| invalid.contains(code)));
    for code in invalid {
        let stack: &[&str] = &["1", "(2)", "aux 3"];
        for (immediate, want) in [("", stack), ("7", &["7", "1", "(2)", "aux 3"])] {
            let operation = format!(".op {code} {immediate}");
            let shot = Shot::of(&operation, stack);
            let seen = shot.eval();
            let fault = Fault::InvalidOpcode(code).to_string();
            assert_eq!(seen.fault, Some(fault), "{operation}");
            assert_eq!(seen.left, left(&shot, want), "{operation}");
            assert_eq!(seen.gas, 5, "{operation}");
        }
        let short = format!(".op {code}");
        let seen = Shot {
            gas: Some(U256::from(4)),
            ..Shot::of(&short, stack)
        };
        let seen = seen.eval();
        assert_eq!(
            (seen.gas, seen.gas_left),
            (5, U256::MAX),
            "{code} with 4 gas"
        );
    }
}

/// An operation that takes nothing from the data stack keeps its immediate there, below what it
/// leaves; also when it fails.
#[test]
fn immediates_that_nobody_takes() {
    let rows = ROWS.iter().filter(|row| row.data.is_empty());
    for row in rows.filter(|row| !["pcpush", "stackempty", "spush"].contains(&row.name)) {
        let (operands, results) = normal(row.name).unwrap_or((&[], &[]));
        let operation = format!("{} (4, @there)", row.name);
        let shot = Shot::of(&operation, operands);
        let seen = shot.eval();
        let mut want = results.to_vec();
        if row.name != "halt" {
            let data = |list: &[&str]| list.iter().filter(|item| !item.starts_with("aux ")).count();
            want.insert(data(results) - data(operands), "(4, @there)");
        }
        assert_eq!(seen.left, left(&shot, &want), "{operation}");
        assert_eq!(seen.fault.is_some(), row.name == "error", "{operation}");
    }
    let shot = Shot::of("stackempty 9", &[]);
    assert_eq!(shot.eval().left, left(&shot, &["0", "9"]));
    let shot = Shot::of("auxpop 9", &[]);
    assert_eq!(shot.eval().left, left(&shot, &["9"]));
    let shot = Shot::of("spush 9", &[]);
    assert_eq!(shot.eval().left, left(&shot, &["@op", "9"]));
    let shot = Shot::of("pcpush 9", &[]);
    assert_eq!(shot.eval().left, left(&shot, &["@op", "9"]));
}

/// Every fault of a case leaves the register, the handler and the outputs as they were; see
/// `runs.rs` for outputs. Here: an error with less than 5 gas left fills the register up.
#[test]
fn an_underflow_with_little_gas_refills() {
    for (before, after) in [(4, U256::MAX), (5, U256::ZERO), (6, U256::from(1))] {
        let seen = Shot {
            gas: Some(U256::from(before)),
            ..Shot::of("add", &["1"])
        };
        let seen = seen.eval();
        assert_eq!((seen.gas, seen.gas_left), (5, after), "{before} gas");
    }
}

/// Cases of one opcode have different names, so that a failure says which it was.
#[test]
fn names_are_unique() {
    let mut names: Vec<_> = cases().map(|case| (case.opcode, case.name)).collect();
    names.sort_unstable();
    let count = names.len();
    names.dedup();
    assert_eq!(names.len(), count);
}
