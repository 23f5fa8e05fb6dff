//! Games against liars: the honest player wins them all, in few moves.

use avm_arb::{Arb, asm, sample};
use avm_arb_osp::Proof;
use avm_arb_osp::challenge::{
    ArbExecution, Bisect, Bisection, Cut, Execution, Illegal, Move, Player, PlayerError, Rules,
    Side, UNREACHABLE,
};
use avm_core::Hash;
use avm_testkit::seed::{self, Rng};
use ruint::aliases::U256;

use crate::referee::{Case, false_cut, honest};
use crate::vectors;

/// Moves beyond one for each digit of the length. A bisection of a segment not much longer than the
/// degree leaves one of up to twice the degree, and that one of the degree: two. A segment of one
/// unit of gas can once be said to be unreachable: one. The last move proves: one.
const SPARE_MOVES: u32 = 4;

/// Some program whose run is long enough to argue about.
fn any_case(rng: &mut Rng) -> Case {
    loop {
        let (program, mut messages) = sample::program(&rng.bytes(300));
        for message in &mut messages {
            // As the sequencer may send them.
            message.kind = if message.data.is_empty() { 6 } else { 3 };
        }
        let case = Case::new(&program, messages, 120);
        if case.run.cuts.len() > 2 {
            return case;
        }
    }
}

// ---- liars who hold for a run that is none

/// What is wrong about a liar's run.
#[derive(Clone, Copy, Debug)]
enum Lie {
    /// The machine hashes, from this state on.
    Machine { from_step: usize },
    /// The gas, by so much, from this state on.
    Gas { from_step: usize, shift: i64 },
    /// The cuts from this position on, be it inside a step.
    Cuts { from: U256 },
    /// It does not stop.
    Longer,
    /// It stops early.
    Shorter { from: U256 },
}

struct Liar<'a> {
    case: &'a Case,
    honest: ArbExecution,
    lie: Lie,
}

impl Execution for Liar<'_> {
    type Error = <ArbExecution as Execution>::Error;

    fn cut_at(&mut self, target: U256) -> Result<Option<Cut>, Self::Error> {
        let (cuts, real) = (&self.case.run.cuts, self.case.cut_at(target));
        Ok(match self.lie {
            Lie::Machine { from_step } => real.map(|cut| match cuts.get(from_step) {
                Some(first) if cut.gas_used >= first.gas_used => false_cut(cut),
                _ => cut,
            }),
            Lie::Gas { from_step, shift } => {
                let shifted = cuts.iter().enumerate().map(|(at, cut)| {
                    let mut cut = *cut;
                    if at >= from_step {
                        let gas = i64::try_from(cut.gas_used).unwrap() + shift;
                        cut.gas_used = U256::from(gas);
                    }
                    cut
                });
                let mut shifted = shifted;
                shifted.find(|cut| cut.gas_used >= target)
            }
            Lie::Cuts { from } => real.map(|cut| if target >= from { false_cut(cut) } else { cut }),
            Lie::Longer => Some(real.unwrap_or_else(|| {
                let mut last = cuts[cuts.len() - 1];
                last.gas_used = target;
                false_cut(last)
            })),
            Lie::Shorter { from } => real.filter(|_| target < from),
        })
    }

    fn proof_at(&mut self, target: U256) -> Result<Proof, Self::Error> {
        self.honest.proof_at(target)
    }
}

/// A lie that makes a difference, where the run can be argued about.
fn any_lie(rng: &mut Rng, case: &Case) -> Lie {
    let cuts = &case.run.cuts;
    let from_step = 1 + rng.below(cuts.len() as u64 - 1) as usize;
    let from = U256::from(1 + rng.below(case.end.to()));
    let gas = (cuts[from_step].gas_used - cuts[from_step - 1].gas_used).to::<u64>();
    match rng.below(6) {
        0 => Lie::Machine { from_step },
        // Less gas than it takes, but more than the state before.
        1 if gas > 1 => {
            let shift = -(1 + rng.below(gas - 1) as i64);
            Lie::Gas { from_step, shift }
        }
        1 | 2 => {
            let shift = 1 + rng.below(700) as i64;
            Lie::Gas { from_step, shift }
        }
        3 => Lie::Cuts { from },
        4 if case.run.is_over => Lie::Longer,
        _ => Lie::Shorter { from },
    }
}

/// Plays out a challenge and returns the number of moves; `None` if there is nothing to argue about.
fn play(
    case: &Case,
    honest_side: Side,
    end: U256,
    degree: u64,
    mut liar: impl FnMut(&Bisection) -> Option<Move>,
    claimed: Option<Cut>,
    rules: Rules,
) -> Option<u32> {
    let before = case.run.cuts[0];
    let real = case.cut_at(end);
    if hash(&real) == hash(&claimed) {
        return None;
    }
    let after = match honest_side {
        Side::Asserter => real?,
        Side::Challenger => claimed?,
    };
    let mut last = Bisection::initial(&before, &after);
    let mut challenge = case.challenge(&last, degree, rules);
    let mut player = Player {
        execution: case.honest.clone(),
        degree,
    };
    let mut moves = 0;
    loop {
        let side = challenge.turn();
        let mv = if side == honest_side {
            player.respond(&last).expect("the honest party has a move")
        } else {
            match liar(&last) {
                Some(mv) => mv,
                None => break,
            }
        };
        let applied = challenge.apply(side, 100 + u64::from(moves), &mv);
        if side == honest_side {
            applied.unwrap_or_else(|error| panic!("{error} for {mv:?}"));
        } else if applied.is_err() {
            break;
        }
        moves += 1;
        match mv {
            Move::Bisect(bisect) => last = Bisection::after(&bisect, degree).unwrap(),
            _ => break,
        }
    }
    let gas = after.gas_used - before.gas_used;
    let digits = (0..).find(|&digits| U256::from(degree).pow(U256::from(digits)) >= gas);
    let limit = digits.unwrap() + SPARE_MOVES;
    assert!(moves <= limit, "{moves} moves over {gas} gas");
    challenge
        .apply(honest_side, 10_000, &Move::Timeout)
        .unwrap();
    assert_eq!(challenge.winner(), Some(honest_side));
    Some(moves)
}

fn hash(cut: &Option<Cut>) -> Hash {
    cut.as_ref().map_or(UNREACHABLE, Cut::hash)
}

/// Whoever stands for another run loses, whichever side it is on.
#[test]
fn honest_players_beat_liars() {
    let mut played = 0;
    seed::each(150, |rng| {
        let case = any_case(rng);
        for honest_side in [Side::Asserter, Side::Challenger] {
            let (lie, degree) = (any_lie(rng, &case), *rng.pick(&[2, 3, 7, 400]));
            let mut liar = Player {
                execution: Liar {
                    case: &case,
                    honest: case.honest.clone(),
                    lie,
                },
                degree,
            };
            // A claim may reach beyond the end of the run, if it is a lie.
            let end = match lie {
                Lie::Longer => case.end + U256::from(1 + rng.below(50)),
                _ => case.end,
            };
            let claimed = liar.execution.cut_at(end).unwrap();
            let answer = |last: &Bisection| liar.respond(last).ok();
            let moves = play(
                &case,
                honest_side,
                end,
                degree,
                answer,
                claimed,
                Rules::Deployed,
            );
            played += u32::from(moves.is_some());
        }
    });
    assert!(
        played > 100 || std::env::var_os(seed::VARIABLE).is_some(),
        "{played} games"
    );
}

/// The liars of the recorded disputes, on their programs.
#[test]
fn honest_players_beat_the_recorded_liars() {
    let Some(folder) = vectors::folder() else {
        return;
    };
    for entry in vectors::entries(&folder.join("challenges.json")) {
        let case = Case::new(&vectors::program(&entry), vec![], 2_000);
        let field = |name: &str| entry[name].as_u64().unwrap();
        let lie = match (field("lie_gas_shift"), field("lie_from_gas")) {
            (0, 0) if field("lie_from_step") >= case.run.cuts.len() as u64 => Lie::Longer,
            (0, 0) => Lie::Machine {
                from_step: field("lie_from_step") as usize,
            },
            (shift, 0) => Lie::Gas {
                from_step: field("lie_from_step") as usize,
                shift: -(shift as i64),
            },
            (_, from) => Lie::Cuts {
                from: U256::from(from),
            },
        };
        let honest_side = match entry["liar"].as_str() {
            Some("asserter") => Side::Challenger,
            _ => Side::Asserter,
        };
        let end = U256::from(entry["asserted"]["gas"].as_u64().unwrap());
        let mut liar = Player {
            execution: Liar {
                case: &case,
                honest: case.honest.clone(),
                lie,
            },
            degree: 400,
        };
        let claimed = liar.execution.cut_at(end).unwrap();
        for rules in [Rules::Deployed, Rules::Sound] {
            let answer = |last: &Bisection| liar.respond(last).ok();
            let moves = play(&case, honest_side, end, 400, answer, claimed, rules);
            assert!(moves.is_some(), "{}: {lie:?}", entry["name"]);
        }
    }
}

// ---- liars who say anything

/// Some bisection that the challenge accepts.
fn anything(rng: &mut Rng, case: &Case, last: &Bisection, degree: u64) -> Option<Move> {
    for _ in 0..20 {
        let index = rng.below(last.segments().len() as u64) as usize;
        let place = last.place(index).unwrap();
        let Some(start) = case.cut_at(place.segment.start) else {
            continue;
        };
        let end = place.segment.end().unwrap();
        if start.hash() != last.cuts()[index] || start.gas_used >= end {
            continue;
        }
        let mut cuts = vec![start.hash()];
        for part in place.segment.split(degree) {
            let real = hash(&case.cut_at(part.end().unwrap()));
            let is_over = cuts.last() == Some(&UNREACHABLE);
            cuts.push(match rng.below(8) {
                _ if is_over => UNREACHABLE,
                0 => UNREACHABLE,
                1..3 => Hash(rng.bytes(32).try_into().unwrap()),
                _ => real,
            });
        }
        let ends_as_before = cuts.last() == Some(&place.old_end);
        if ends_as_before || cuts.len() == 2 && cuts[1] != UNREACHABLE {
            continue;
        }
        return Some(Move::Bisect(Bisect {
            place,
            gas_before: start.gas_used,
            rest: start.counters.hash(),
            cuts,
        }));
    }
    None
}

/// It does not help to say this and that.
#[test]
fn honest_players_beat_erratic_liars() {
    let mut longest = 0;
    seed::each(150, |rng| {
        let case = any_case(rng);
        for honest_side in [Side::Asserter, Side::Challenger] {
            let degree = *rng.pick(&[2, 3, 7, 400]);
            let claimed = Some(false_cut(*case.run.cuts.last().unwrap()));
            let answer = |last: &Bisection| anything(rng, &case, last, degree);
            let moves = play(
                &case,
                honest_side,
                case.end,
                degree,
                answer,
                claimed,
                Rules::Sound,
            );
            longest = longest.max(moves.unwrap());
        }
    });
    assert!(longest > 2 || std::env::var_os(seed::VARIABLE).is_some());
}

// ---- cuts behind an unreachable one

/// The deployed rules let a liar put a reachable cut behind an unreachable one. Where both sides
/// hold the start of a segment for unreachable nobody can move in it: the honest party is stuck.
#[test]
fn a_cut_behind_an_unreachable_one_leaves_no_move() {
    let program = asm::assemble("nop\nnop\nnop\nhalt").unwrap().program;
    let case = Case::new(&program, vec![], 10);
    let mut claimed = *case.run.cuts.last().unwrap();
    claimed.gas_used += U256::from(10);
    let initial = Bisection::initial(&case.run.cuts[0], &claimed);
    for rules in [Rules::Deployed, Rules::Sound] {
        let mut challenge = case.challenge(&initial, 3, rules);
        let mut player = Player {
            execution: case.honest.clone(),
            degree: 3,
        };
        let Ok(Move::Bisect(ours)) = player.respond(&initial) else {
            panic!("the honest party bisects");
        };
        // 23 gas: 9, 7 and 7. The machine halts at 13, so the second part has no end.
        assert_eq!(
            [ours.cuts[1] == UNREACHABLE, ours.cuts[2] == UNREACHABLE],
            [false, true]
        );
        let ours_left = Bisection::after(&ours, 3).unwrap();
        let first = Move::Bisect(ours);
        challenge.apply(Side::Challenger, 100, &first).unwrap();
        let start = case.cut_at(ours_left.segments()[1].start).unwrap();
        let place = ours_left.place(1).unwrap();
        let lie = Bisect {
            place,
            gas_before: start.gas_used,
            rest: start.counters.hash(),
            cuts: vec![start.hash(), start.hash(), UNREACHABLE, claimed.hash()],
        };
        let said = challenge.apply(Side::Asserter, 100, &Move::Bisect(lie.clone()));
        if rules == Rules::Sound {
            let refused = Illegal::ReachableAfterUnreachable { at: 3 };
            assert_eq!(said, Err(refused));
            continue;
        }
        assert_eq!(said, Ok(()));
        let lie_left = Bisection::after(&lie, 3).unwrap();
        let stuck = player.respond(&lie_left).unwrap_err();
        assert!(
            matches!(stuck, PlayerError::UnreachableStart { index: 2 }),
            "{stuck}"
        );
    }
}

// ---- looking at a run by gas

/// Far more checkpoints than are kept would be due.
#[test]
fn positions_are_found_in_any_order() {
    let source = include_str!("../../../avm-arb/tests/programs/sum.masm");
    let source = source.replace("N = 10", "N = 60_000");
    let program = asm::assemble(&source).unwrap().program;
    let mut machine = Arb::default().load(&program);
    let mut totals = vec![U256::ZERO];
    let mut nothing = NoInputs;
    while avm_core::Machine::run(&mut machine, 1, &mut nothing)
        .unwrap()
        .steps
        == 1
    {
        totals.push(machine.tally().gas_used);
    }
    let end = *totals.last().unwrap();
    seed::each(3, |rng| {
        let mut execution = honest(&program, vectors::batch(vec![]), 0);
        for _ in 0..60 {
            let target = U256::from(rng.below(end.to::<u64>() + 10));
            let at = totals.partition_point(|total| *total < target);
            let found = execution.cut_at(target).unwrap();
            assert_eq!(found.map(|cut| cut.gas_used), totals.get(at).copied());
            let Some(cut) = found else { continue };
            let mut fresh = Arb::default().load(&program);
            avm_core::Machine::run(&mut fresh, at as u64, &mut nothing).unwrap();
            assert_eq!(cut.counters.machine, fresh.machine_hash());
        }
    });
}

struct NoInputs;

impl avm_core::Host for NoInputs {
    fn next_input(&mut self) -> Result<Option<avm_core::Bytes>, avm_core::HostError> {
        Ok(None)
    }

    fn emit(&mut self, _: avm_core::Output<'_>) -> Result<(), avm_core::HostError> {
        Ok(())
    }
}
