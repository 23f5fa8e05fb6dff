//! Each move that the contract refuses is refused for its own reason.

use avm_arb::asm;
use avm_arb_osp::challenge::{
    Bisect, Bisection, Illegal, Move, Place, Player, ProveContinued, Rules, Side, UNREACHABLE,
};
use avm_arb_osp::{Executor, Refusal};
use avm_core::Hash;
use ruint::aliases::U256;

use crate::referee::{Case, false_cut};

type Refused = Illegal<Refusal>;

/// A challenge in which the challenger may bisect, and a bisection that is accepted.
fn opening() -> (Case, Bisection, Bisect) {
    let program = asm::assemble("nop\nnop\nnop\nhalt").unwrap().program;
    let case = Case::new(&program, vec![], 10);
    let claimed = false_cut(*case.run.cuts.last().unwrap());
    let initial = Bisection::initial(&case.run.cuts[0], &claimed);
    let mut player = Player {
        execution: case.honest.clone(),
        degree: 3,
    };
    match player.respond(&initial) {
        Ok(Move::Bisect(bisect)) => (case, initial, bisect),
        other => panic!("{other:?}"),
    }
}

#[test]
fn bisections_that_are_refused() {
    let (case, initial, good) = opening();
    type Change = fn(&mut Bisect);
    type Check = fn(&Refused) -> bool;
    let cases: [(&str, Change, Check); 9] = [
        (
            "one cut less",
            |m| m.cuts.truncate(3),
            |e| matches!(e, Illegal::CutCount { found: 3, want: 4 }),
        ),
        (
            "no cut",
            |m| m.cuts.clear(),
            |e| matches!(e, Illegal::CutCount { found: 0, want: 4 }),
        ),
        (
            "the same end",
            |m| m.cuts[3] = m.place.old_end,
            |e| *e == Illegal::SameEnd,
        ),
        (
            "no start",
            |m| m.cuts[0] = UNREACHABLE,
            |e| *e == Illegal::UnreachableStart,
        ),
        (
            "another start",
            |m| m.cuts[0] = m.cuts[1],
            |e| matches!(e, Illegal::WrongStart { .. }),
        ),
        (
            "nothing to cut",
            |m| {
                m.place.segment.length = U256::ONE;
                m.cuts.truncate(2);
            },
            |e| matches!(e, Illegal::TooShort { .. }),
        ),
        (
            "past the largest number",
            |m| m.place.segment.start = U256::MAX,
            |e| *e == Illegal::Range,
        ),
        (
            "another segment",
            |m| m.place.segment.start += U256::ONE,
            |e| matches!(e, Illegal::SegmentNotInState { .. }),
        ),
        (
            "an endless path",
            |m| m.place.merkle_nodes = vec![Hash::ZERO; 257],
            |e| matches!(e, Illegal::PathTooLong { found: 257 }),
        ),
    ];
    for (name, change, is_right) in cases {
        let mut bad = good.clone();
        change(&mut bad);
        let mut challenge = case.challenge(&initial, 3, Rules::Sound);
        let said = challenge.apply(Side::Challenger, 100, &Move::Bisect(bad));
        let error = said.expect_err(name);
        assert!(is_right(&error), "{name}: {error:?}");
        assert_eq!(challenge.state(), initial.root(), "{name}");
        let good = Move::Bisect(good.clone());
        challenge.apply(Side::Challenger, 100, &good).unwrap();
    }
}

#[test]
fn moves_out_of_turn_or_time_are_refused() {
    let (case, initial, good) = opening();
    let good = Move::Bisect(good);
    let mut challenge = case.challenge(&initial, 3, Rules::Sound);
    let (asserter, challenger) = (Side::Asserter, Side::Challenger);
    let turn = challenger;
    let wrong = challenge.apply(asserter, 100, &good);
    assert_eq!(wrong, Err(Illegal::WrongTurn { turn }));
    let early = challenge.apply(challenger, 99, &good);
    assert_eq!(
        early,
        Err(Illegal::BlockOrder {
            block: 99,
            last: 100
        })
    );
    let (until, block) = (160, 161);
    let late = challenge.apply(challenger, block, &good);
    assert_eq!(late, Err(Illegal::PastDeadline { block, turn, until }));
    let patient = challenge.apply(asserter, 160, &Move::Timeout);
    let block = 160;
    assert_eq!(patient, Err(Illegal::NotTimedOut { block, turn, until }));
    // The last block counts; what was used up is gone.
    challenge.apply(challenger, 160, &good).unwrap();
    assert_eq!((challenge.turn(), challenge.deadline()), (asserter, 210));
    challenge.apply(challenger, 211, &Move::Timeout).unwrap();
    assert_eq!(challenge.winner(), Some(challenger));
    let after = challenge.apply(challenger, 212, &Move::Timeout);
    assert_eq!(after, Err(Illegal::Over { winner: challenger }));
}

/// Proofs of a step, or of none, where they are out of place.
#[test]
fn proofs_that_are_refused() {
    // One step in a segment of its own gas: 1.
    let program = asm::assemble("nop\nnop\nhalt").unwrap().program;
    let case = Case::new(&program, vec![], 10);
    let (start, next) = (case.run.cuts[0], case.run.cuts[1]);
    let claim = false_cut(next);
    let initial = Bisection::initial(&start, &claim);
    let mut player = Player {
        execution: case.honest.clone(),
        degree: 3,
    };
    let Ok(Move::OneStep(good)) = player.respond(&initial) else {
        panic!("one step is left");
    };
    let apply = |initial: &Bisection, mv: Move| {
        let mut challenge = case.challenge(initial, 3, Rules::Sound);
        challenge.apply(Side::Challenger, 100, &mv)
    };
    assert_eq!(apply(&initial, Move::OneStep(good.clone())), Ok(()));

    let mut bad = good.clone();
    bad.prover = Executor::Hashing;
    let said = apply(&initial, Move::OneStep(bad));
    assert!(matches!(
        said,
        Err(Illegal::Proof(Refusal::WrongExecutor { .. }))
    ));
    let mut bad = good.clone();
    bad.proof.proof.pop();
    let said = apply(&initial, Move::OneStep(bad));
    assert!(matches!(said, Err(Illegal::Proof(Refusal::Short { .. }))));
    let mut bad = good.clone();
    bad.initial_gas = U256::ONE;
    let said = apply(&initial, Move::OneStep(bad));
    assert!(matches!(said, Err(Illegal::SegmentNotInState { .. })));

    // The truth, and a step that is too short for its segment.
    let old_end = next.hash();
    let truth = Bisection::initial(&start, &next);
    let mut bad = good.clone();
    bad.place = truth.place(0).unwrap();
    let refused = Err(Illegal::WrongEnd { old_end });
    assert_eq!(apply(&truth, Move::OneStep(bad)), refused);
    let long = Bisection::initial(&start, &false_cut(case.run.cuts[2]));
    let mut bad = good.clone();
    bad.place = long.place(0).unwrap();
    let (gas_after, end) = (U256::ONE, U256::from(2));
    let refused = Err(Illegal::StepTooShort { gas_after, end });
    assert_eq!(apply(&long, Move::OneStep(bad)), refused);

    // Execution is not shown to go on where a step starts inside the segment.
    let place: Place = initial.place(0).unwrap();
    let continued = ProveContinued {
        place,
        gas_before: U256::ZERO,
        rest: start.counters.hash(),
    };
    let (gas_before, end) = (U256::ZERO, U256::ONE);
    let refused = Err(Illegal::NotSpanned { gas_before, end });
    assert_eq!(apply(&initial, Move::ProveContinued(continued)), refused);
}
