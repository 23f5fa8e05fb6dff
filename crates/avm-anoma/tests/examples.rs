//! The programs of `examples/anoma` have exactly the outcomes that the specification states.
//!
//! Spec: section 26.

#[path = "support/run.rs"]
mod support;

use avm_anoma::event::{AbortReason, EventKind};
use avm_anoma::image::{Config, Limits};
use avm_anoma::input::Input;
use avm_anoma::seen::Outcome;
use avm_anoma::value::Val;
use support::{World, config, example};

fn world(name: &str) -> World {
    World::new(&example(name), config())
}

/// An example with more in it, which needs all names.
fn with(name: &str, more: &str) -> World {
    let text = example(name);
    let start = text.find("(export").expect("an export clause");
    let end = start + text[start..].find(')').expect("its end") + 1;
    World::new(
        &format!("{}{}\n{more}", &text[..start], &text[end..]),
        config(),
    )
}

#[test]
fn counter() {
    let mut w = world("counter");
    assert_eq!(w.text("main", &[]), "((just 6) nothing)");
    let objects = w.machine.objects(None, 10).unwrap();
    assert_eq!(objects.len(), 1);
    // `inc`, `add` and `get`; not `reset`.
    assert_eq!(objects[0].1.history, 3);
    assert_eq!(objects[0].1.state.to_string(), "(6)");
}

#[test]
fn echo() {
    let mut w = world("echo");
    assert_eq!(w.text("main", &[]), r#"("ready" (1 "x" #t) (1 "x" #t))"#);
}

#[test]
fn ping_pong() {
    let mut w = world("ping-pong");
    assert_eq!(w.text("main", &[Val::Int(5)]), "(done 5)");
    assert_eq!(w.count("ObjectCalled"), 6);
    let started = w.seen.events.iter();
    let started = started.filter(|event| event.kind.name() == "CallStarted");
    // A call begins one below where its activation runs.
    assert_eq!(started.map(|event| event.depth).max(), Some(5));
}

#[test]
fn ping_pong_is_as_deep_as_its_limit() {
    let mut w = World::new(
        &example("ping-pong"),
        Config {
            trace: avm_anoma::event::TraceLevel::None,
            ..config()
        },
    );
    assert_eq!(w.text("main", &[Val::Int(50_000)]), "(done 50000)");

    for (rounds, depth, works) in [(50_000, 100, false), (99, 100, true), (100, 100, false)] {
        let mut w = World::new(
            &example("ping-pong"),
            Config {
                limits: Limits {
                    call_depth: depth,
                    ..Limits::default()
                },
                ..config()
            },
        );
        match w.run("main", &[Val::Int(rounds)]) {
            Outcome::Done(value) => assert!(works, "{rounds} calls in {depth}: {value}"),
            Outcome::Failed(fault) => {
                assert!(!works, "{rounds} calls in {depth}: {fault}");
                assert_eq!(fault.code.text(), "depth/exceeded");
            }
        }
    }
}

#[test]
fn bank() {
    let mut w = world("bank");
    assert_eq!(w.text("main", &[]), "((just done) nothing 70 30)");
    assert_eq!(w.count("TransactionCommitted"), 1);
    let aborted = w.events().filter_map(|event| match event {
        EventKind::TransactionAborted { reason, .. } => Some(*reason),
        _ => None,
    });
    assert_eq!(aborted.collect::<Vec<_>>(), [AbortReason::User]);
    // The first account: deposit, withdraw, balance. The second: deposit, balance.
    let objects = w.machine.objects(None, 10).unwrap();
    let mut counts: Vec<_> = objects
        .iter()
        .map(|(_, o)| (o.state.to_string(), o.history))
        .collect();
    counts.sort();
    assert_eq!(counts, [("(30)".into(), 2), ("(70)".into(), 3)]);
    let refused = |(_, input): &&(_, Val)| input.to_string() == "(withdraw 500)";
    assert_eq!(w.seen.accepted.iter().filter(refused).count(), 0);
}

#[test]
fn battleship() {
    let mut w = world("battleship");
    assert_eq!(w.text("main", &[]), "(nothing hit hit miss hit 1)");
}

#[test]
fn auction() {
    let mut w = world("auction");
    assert_eq!(w.text("main", &[]), r#"(("ben" 8) nothing)"#);
}

/// What two bidders need that are not one program.
const BIDDERS: &str = r#"
(program (open) (new 'auction))
(program (bidder a who limit)
  (let loop ((i 0)) (when (< i 10) (bid-up a who limit) (loop (+ i 1)))))
(program (close a) (ask a 'close))"#;

#[test]
fn auction_of_two_at_once() {
    let (mut conflicts, mut amounts_seen) = (0, std::collections::BTreeSet::new());
    for seed in 1..=200 {
        let mut w = with("auction", BIDDERS);
        let auction = w.value("open", &[]);
        w.start(
            "bidder",
            &[auction.clone(), Val::str("ann"), Val::Int(5)],
            true,
        );
        w.start(
            "bidder",
            &[auction.clone(), Val::str("ben"), Val::Int(8)],
            true,
        );
        w.input(&Input::Shuffle { seed });
        assert_eq!(w.seen.results.len(), 3, "seed {seed}: both have ended");
        let closed = w.value("close", std::slice::from_ref(&auction));
        let items = closed.as_list().unwrap().to_vec().unwrap();
        let best = items[1].as_int().unwrap();
        assert_eq!(items[0], Val::str("ben"), "seed {seed}");
        assert!((6..=8).contains(&best), "seed {seed}: {best}");
        amounts_seen.insert(best);
        // Bids that count, in the order in which they came to count.
        let bids: Vec<i64> = w
            .seen
            .accepted
            .iter()
            .filter_map(|(_, input)| {
                let parts = input.as_list()?.to_vec().ok()?;
                (parts.len() == 3).then(|| parts[2].as_int())?
            })
            .collect();
        assert!(
            bids.windows(2).all(|two| two[0] < two[1]),
            "seed {seed}: {bids:?}"
        );
        // None is lost: each one raised the price by one.
        assert_eq!(bids, (1..=best).collect::<Vec<_>>(), "seed {seed}");
        conflicts += w
            .events()
            .filter(|event| {
                matches!(
                    event,
                    EventKind::TransactionAborted {
                        reason: AbortReason::Conflict,
                        ..
                    }
                )
            })
            .count();
    }
    assert!(
        conflicts > 50,
        "{conflicts} conflicts: the seeds hardly mix the two"
    );
    assert!(!amounts_seen.is_empty());
}

/// A table for the philosophers.
const TABLE: &str = "
(program (lay) (map (lambda (i) (new 'fork)) (iota 5)))
(program (uses fork) (ask fork 'uses))";

#[test]
fn philosophers() {
    let mut conflicts = 0;
    for seed in 1..=50 {
        let mut w = with("philosophers", TABLE);
        let forks = w.value("lay", &[]);
        let forks = forks.as_list().unwrap().to_vec().unwrap();
        for i in 0..5 {
            let (left, right) = (forks[i].clone(), forks[(i + 1) % 5].clone());
            let name = Val::sym(["a", "b", "c", "d", "e"][i]);
            w.start("philosopher", &[left, right, name, Val::Int(10)], true);
        }
        w.input(&Input::Shuffle { seed });
        let mut results: Vec<String> = w.seen.results[1..]
            .iter()
            .map(|(_, outcome)| match outcome {
                Outcome::Done(value) => value.to_string(),
                Outcome::Failed(fault) => fault.to_string(),
            })
            .collect();
        results.sort();
        assert_eq!(
            results,
            ["(a 10)", "(b 10)", "(c 10)", "(d 10)", "(e 10)"],
            "seed {seed}"
        );
        for fork in &forks {
            // Never two holders: what counts is taken and dropped in turn, by the same one.
            let mut held = None;
            let mine = w
                .seen
                .accepted
                .iter()
                .filter(|(o, _)| fork.as_obj().is_some_and(|f| f.id() == o));
            for (_, input) in mine {
                let parts = input.as_list().unwrap().to_vec().unwrap();
                match parts[0].to_string().as_str() {
                    "take" => assert_eq!(held.replace(parts[1].clone()), None, "seed {seed}"),
                    _ => assert_eq!(held.take(), Some(parts[1].clone()), "seed {seed}"),
                }
            }
            assert_eq!(
                w.value("uses", std::slice::from_ref(fork)),
                Val::Int(20),
                "seed {seed}"
            );
        }
        conflicts += w
            .events()
            .filter(|event| {
                matches!(
                    event,
                    EventKind::TransactionAborted {
                        reason: AbortReason::Conflict,
                        ..
                    }
                )
            })
            .count();
    }
    assert!(conflicts > 0, "the seeds do not mix them");
}

#[test]
fn dcounter() {
    let mut w = world("dcounter");
    assert_eq!(
        w.text("main", &[]),
        "((1 mach:m1) (2 mach:m2) (3 mach:m2) (4 mach:m1) mach:m2 (just mach:m1))"
    );
}

/// Static checks have nothing to say about programs that are right.
#[test]
fn the_examples_are_quiet() {
    let mut count = 0;
    for name in [
        "auction",
        "bank",
        "battleship",
        "counter",
        "dcounter",
        "echo",
        "philosophers",
        "ping-pong",
        "queens",
        "swap",
    ] {
        let text = example(name);
        let found = match avm_anoma::compile::compile(&text, 0, &()) {
            Ok(compiled) => compiled.warnings,
            Err(found) => found,
        };
        let shown = avm_lang::diagnostic::render_all(&found, &(name, 0, text.as_str()));
        assert!(found.is_empty(), "{shown}");
        count += 1;
    }
    assert_eq!(count, 10);
}
