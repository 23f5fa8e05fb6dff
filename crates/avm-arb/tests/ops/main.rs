//! Every opcode: normal, edge, each fault, gas. Expected values come from the specification.
//!
//! `eval` runs one operation in every way there is (`eval.rs`); the families hold the cases; what
//! holds for all opcodes alike is in `alike.rs`; what needs a whole program is in `runs.rs`.

mod alike;
mod arith;
mod buffers;
mod eval;
mod flow;
mod outside;
mod rows;
mod runs;
mod tuples;

use eval::{Shot, left};
use rows::{CRYPTO, ROWS, row};

/// One case of an opcode: what it shows, operands top first, what is left top first or the fault.
struct Case {
    opcode: &'static str,
    name: &'static str,
    operands: &'static [&'static str],
    want: Result<&'static [&'static str], avm_arb::Fault>,
}

/// A case that succeeds.
const fn ok(
    opcode: &'static str,
    name: &'static str,
    operands: &'static [&'static str],
    want: &'static [&'static str],
) -> Case {
    let want = Ok(want);
    Case {
        opcode,
        name,
        operands,
        want,
    }
}

/// A case that fails.
const fn fails(
    opcode: &'static str,
    name: &'static str,
    operands: &'static [&'static str],
    fault: avm_arb::Fault,
) -> Case {
    let want = Err(fault);
    Case {
        opcode,
        name,
        operands,
        want,
    }
}

/// All cases of all families.
fn cases() -> impl Iterator<Item = &'static Case> {
    let families = [arith::CASES, tuples::CASES, flow::CASES, buffers::CASES];
    families.into_iter().flatten()
}

/// Operands with which an opcode succeeds, and what it then leaves.
fn normal(opcode: &str) -> Option<(&'static [&'static str], &'static [&'static str])> {
    cases()
        .filter(|case| case.opcode == opcode)
        .find_map(|case| Some((case.operands, case.want.as_ref().ok().copied()?)))
}

#[test]
fn cases_hold() {
    for case in cases() {
        let shot = Shot::of(case.opcode, case.operands);
        let seen = shot.eval();
        let row = row(case.opcode);
        let want = match &case.want {
            Ok(literals) => Ok(left(&shot, literals)),
            Err(fault) => Err(fault.to_string()),
        };
        let name = format!("{}: {}", case.opcode, case.name);
        assert_eq!(seen.result(), want, "{name}");
        assert_eq!(seen.gas, row.gas, "{name}: gas");
        if case.want.is_err() {
            let rest: Vec<&str> = rows::kept(row, case.operands).collect();
            assert_eq!(
                seen.left,
                left(&shot, &rest),
                "{name}: left after the fault"
            );
        }
    }
}

#[test]
fn every_opcode_has_a_case() {
    for row in ROWS {
        let skipped = CRYPTO.contains(&row.name);
        let works = normal(row.name).is_some() || row.name == "error";
        assert!(works || skipped, "{} has no case", row.name);
        let covered = cases().any(|case| case.opcode == row.name);
        assert!(covered || skipped, "{} has no case", row.name);
    }
    for case in cases() {
        assert!(
            ROWS.iter().any(|row| row.name == case.opcode),
            "{}",
            case.opcode
        );
    }
}

#[test]
fn the_table_is_the_one_of_the_specification() {
    let ours: Vec<_> = avm_arb::ops::infos()
        .map(|op| (op.code, op.name, op.pops.len(), op.aux_pops.len(), op.gas))
        .collect();
    let theirs: Vec<_> = ROWS
        .iter()
        .map(|row| (row.code, row.name, row.data.len(), row.aux.len(), row.gas))
        .collect();
    assert_eq!(ours, theirs);
}
