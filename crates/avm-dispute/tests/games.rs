//! Games between honest and lying parties, by seeds: honest parties lose none, and no game takes
//! more rounds than its terms say.
//!
//! `AVM_SEED=17 cargo test -p avm-dispute --test games` plays game 17 again, move by move.

mod support;

use avm_core::{Claim, Hash};
use avm_dispute::{
    Dispute, Event, Illegal, MAX_ARITY, MAX_STEPS, Move, Party, Status, Terms, Verdict, respond,
};
use avm_testkit::ledger::Ledger;
use avm_testkit::seed::{self, Rng};
use support::{Honest, Liar, Manner, Run, Table, terms};

/// Games played; the number that is promised.
const GAMES: u64 = 10_000;

/// The verdict of a game, and its events.
fn play(rng: &mut Rng, run: &Run) -> (Verdict, Vec<Event>) {
    let mut table = Table::set(rng, run);
    let verdict = table.play(rng);
    (verdict, table.events)
}

#[test]
fn honest_parties_win_against_any_number_of_liars() {
    let runs: Vec<Run> = (0..24).map(Run::sample).collect();
    let (mut games, mut most_liars, mut most_rounds) = (0, 0, 0);
    seed::each(GAMES, |rng| {
        let run = rng.pick(&runs);
        let mut table = Table::set(rng, run);
        let verdict = table.play(rng);
        assert_eq!(verdict.claim, Some(run.end()), "{table}");
        let longest = table.claims().map(|claim| claim.steps).max().unwrap();
        let bound = table.game.terms().rounds(longest.max(1));
        assert!(
            verdict.rounds <= bound,
            "{} rounds, {bound} at most: {table}",
            verdict.rounds
        );
        games += 1;
        most_liars = most_liars.max(table.liars());
        most_rounds = most_rounds.max(verdict.rounds);
    });
    println!("{games} games, up to {most_liars} liars, up to {most_rounds} rounds");
    if games == GAMES {
        assert_eq!(most_liars, 64);
        assert!(most_rounds > 6);
    }
}

#[test]
fn the_same_seed_is_the_same_game() {
    let run = Run::sample(5);
    for seed in 0..20 {
        let [a, b] = [(); 2].map(|()| play(&mut Rng::new(seed), &run));
        assert_eq!(a, b);
    }
}

#[test]
fn a_record_replays_to_the_same_verdict() {
    let run = Run::sample(3);
    for seed in 0..50 {
        let mut rng = Rng::new(seed);
        let (verdict, events) = play(&mut rng, &run);
        let mut again =
            Dispute::open(Table::set(&mut Rng::new(seed), &run).game.terms().clone()).unwrap();
        for event in &events {
            let bytes = event.to_bytes();
            let event = Event::from_bytes(&bytes).unwrap();
            again.apply(run.vm(), &event).unwrap();
        }
        assert_eq!(*again.status(), Status::Settled(verdict));
    }
}

/// Of two honest parties one is away in every second round, and the other in the rest.
#[test]
fn honest_parties_win_together() {
    let run = Run::sample(1);
    let mut terms = terms(&run, 2);
    terms.expected = 3;
    let mut game = Dispute::open(terms).unwrap();
    let mut lie = Liar::new(
        &run,
        1,
        Manner::Plain {
            from: run.end().steps / 3,
        },
    );
    for claim in [run.end(), run.end(), lie.end()] {
        game.join(claim).unwrap();
    }
    game.close(0).unwrap();
    while let Status::Round(round) = *game.status() {
        let present = Party(u16::try_from(round % 2).unwrap());
        for mv in respond(&game, present, &mut Honest::new(&run)).unwrap() {
            game.post(run.vm(), present, &mv).unwrap();
        }
        for mv in respond(&game, Party(2), &mut lie).unwrap() {
            let _ = game.post(run.vm(), Party(2), &mv);
        }
        let deadline = game.deadline_ms();
        game.close(deadline).unwrap();
    }
    let Status::Settled(verdict) = game.status() else {
        unreachable!()
    };
    assert_eq!(verdict.claim, Some(run.end()));
    assert!(verdict.rounds > 3, "{verdict:?}");
}

#[test]
fn without_an_honest_party_nothing_is_promised_and_nothing_breaks() {
    let run = Run::sample(2);
    seed::each(200, |rng| {
        let mut table = Table::set_without_honest(rng, &run);
        let verdict = table.play(rng);
        assert_ne!(verdict.claim, Some(run.end()), "{table}");
    });
}

#[test]
fn what_is_refused() {
    let run = Run::sample(1);
    let mut game = Dispute::open(terms(&run, 4)).unwrap();
    let late = Claim {
        steps: u64::MAX,
        ..run.end()
    };
    assert!(matches!(
        game.join(late),
        Err(Illegal::Claim { what: "steps", .. })
    ));
    let inputs = Claim {
        inputs: 99,
        ..run.end()
    };
    assert!(matches!(
        game.join(inputs),
        Err(Illegal::Claim { what: "inputs", .. })
    ));
    let honest = game.join(run.end()).unwrap();
    let mut lie = Liar::new(&run, 1, Manner::Plain { from: 2 });
    let liar = game.join(lie.end()).unwrap();
    let follow = Move::Follow { leader: liar };
    assert!(matches!(
        game.post(run.vm(), honest, &follow),
        Err(Illegal::NoRound)
    ));
    assert!(matches!(game.close(1), Err(Illegal::Early { .. })));
    let deadline = game.deadline_ms();
    game.close(deadline).unwrap();
    assert!(matches!(game.join(run.end()), Err(Illegal::Begun)));
    assert!(matches!(game.close(0), Err(Illegal::Backward { .. })));
    assert!(matches!(
        game.post(run.vm(), Party(9), &follow),
        Err(Illegal::NoParty { .. })
    ));
    assert!(matches!(
        game.post(run.vm(), honest, &follow),
        Err(Illegal::Follow { .. })
    ));

    let moves = respond(&game, honest, &mut Honest::new(&run)).unwrap();
    let [Move::Cut { stand, points }] = &moves[..] else {
        panic!("one opponent, one segment: {moves:?}");
    };
    assert!(matches!(
        game.post(run.vm(), liar, &moves[0]),
        Err(Illegal::NotDue { .. })
    ));
    let short = Move::Cut {
        stand: *stand,
        points: points[1..].to_vec(),
    };
    assert!(matches!(
        game.post(run.vm(), honest, &short),
        Err(Illegal::Points { .. })
    ));
    game.post(run.vm(), honest, &moves[0]).unwrap();
    game.post(run.vm(), honest, &moves[0])
        .expect("the same again is no error");
    let mut other = points.clone();
    other[0] = Hash::ZERO;
    let other = Move::Cut {
        stand: *stand,
        points: other,
    };
    assert!(matches!(
        game.post(run.vm(), honest, &other),
        Err(Illegal::Again { .. })
    ));
    for mv in respond(&game, liar, &mut lie).unwrap() {
        game.post(run.vm(), liar, &mv).unwrap();
    }
    game.close(deadline).unwrap();
    support::finish(&mut game, &run, honest, liar, &mut lie);
}

#[test]
fn terms_that_cannot_be_played_are_refused() {
    let run = Run::sample(1);
    let good = || terms(&run, 2);
    type Change = fn(&mut Terms);
    let cases: [(&str, Change); 5] = [
        ("the arity", |terms| terms.arity = 1),
        ("the arity", |terms| terms.arity = MAX_ARITY + 1),
        ("the last step", |terms| terms.last = MAX_STEPS + 1),
        ("the number of inputs at the start", |terms| {
            terms.start.inputs = 99
        }),
        ("a count at the start", |terms| {
            terms.start.outputs = 1 << 63
        }),
    ];
    for (expected, change) in cases {
        let mut terms = good();
        change(&mut terms);
        // Whoever asks before opening gets an answer all the same.
        assert!(terms.rounds(1000) > 1);
        match Dispute::open(terms) {
            Err(Illegal::Terms { what, .. }) => assert_eq!(what, expected),
            other => panic!("{expected}: {other:?}"),
        }
    }
}

/// A game about no step at all has one claim that can be made.
#[test]
fn without_a_step_nothing_else_can_be_claimed() {
    let run = Run::sample(1);
    let mut terms = terms(&run, 2);
    terms.last = 0;
    let start = terms.start;
    let mut game = Dispute::open(terms).unwrap();
    game.join(start).unwrap();
    let lie = Claim {
        state: Hash::ZERO,
        ..start
    };
    assert!(matches!(
        game.join(lie),
        Err(Illegal::Claim { what: "steps", .. })
    ));
    let deadline = game.deadline_ms();
    game.close(deadline).unwrap();
    let verdict = Verdict {
        claim: Some(start),
        rounds: 0,
    };
    assert_eq!(*game.status(), Status::Settled(verdict));
}

/// After a proof was taken another one is looked at just as closely, and another machine's rules
/// take no part in a game.
#[test]
fn every_proof_is_checked_and_by_the_right_rules() {
    let run = Run::sample(1);
    let mut game = Dispute::open(terms(&run, 2)).unwrap();
    let mut lie = Liar::new(&run, 1, Manner::Plain { from: 2 });
    let (honest, liar) = (game.join(run.end()).unwrap(), game.join(lie.end()).unwrap());
    let deadline = game.deadline_ms();
    game.close(deadline).unwrap();
    loop {
        for mv in respond(&game, liar, &mut lie).unwrap() {
            let _ = game.post(run.vm(), liar, &mv);
        }
        let moves = respond(&game, honest, &mut Honest::new(&run)).unwrap();
        let other = game.post(&Ledger, honest, &moves[0]);
        assert!(matches!(other, Err(Illegal::Machine { .. })));
        game.post(run.vm(), honest, &moves[0]).unwrap();
        if let Move::Prove(proof) = &moves[0] {
            game.post(run.vm(), honest, &moves[0])
                .expect("the same again is no error");
            let mut proof = proof.clone();
            proof.witness.nodes.pop();
            let worse = game.post(run.vm(), honest, &Move::Prove(proof));
            assert!(matches!(worse, Err(Illegal::Proof(_))));
            break;
        }
        let deadline = game.deadline_ms();
        game.close(deadline).unwrap();
    }
}

/// Only who is out may follow, and only a party that is in and says the same: the verdict is the
/// claim of whoever is left.
#[test]
fn whom_a_party_may_follow() {
    let run = Run::sample(1);
    let mut game = Dispute::open(terms(&run, 2)).unwrap();
    let mut lies = [1, 2, 3].map(|salt| Liar::new(&run, salt, Manner::Plain { from: 2 }));
    let honest = game.join(run.end()).unwrap();
    let [active, quiet, gone] = lies.each_mut().map(|lie| game.join(lie.end()).unwrap());
    let deadline = game.deadline_ms();
    game.close(deadline).unwrap();
    for mv in respond(&game, honest, &mut Honest::new(&run)).unwrap() {
        game.post(run.vm(), honest, &mv).unwrap();
    }
    for mv in respond(&game, active, &mut lies[0]).unwrap() {
        game.post(run.vm(), active, &mv).unwrap();
    }
    let deadline = game.deadline_ms();
    game.close(deadline).unwrap();
    assert!(game.seats()[usize::from(quiet.0)].out.is_some());
    let cases = [
        (quiet, honest, "their claims differ"),
        (quiet, active, "their claims differ"),
        (quiet, gone, "the other is out"),
        (active, honest, "it is still in"),
        (quiet, Party(9), "there is no such party"),
    ];
    for (by, leader, reason) in cases {
        match game.post(run.vm(), by, &Move::Follow { leader }) {
            Err(Illegal::Follow { why, .. }) => assert_eq!(why, reason, "{by} after {leader}"),
            other => panic!("{by} after {leader}: {other:?}"),
        }
    }
}
