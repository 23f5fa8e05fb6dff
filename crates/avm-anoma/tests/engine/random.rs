//! Random worlds: however a log is run, the same comes out; and what must hold at every moment.

use avm_anoma::event::EventKind;
use avm_anoma::sample::{Sample, sample};
use avm_anoma::seen::Seen;
use avm_core::{Machine, Stop};
use avm_testkit::laws::{Case, Suite};
use avm_testkit::seed::{self, Rng};

use crate::bed::{Bed, show};

fn bed(sample: &Sample) -> Bed {
    let mut bed = Bed::new(&sample.image);
    sample.inputs.iter().for_each(|input| bed.feed(input));
    bed
}

/// What everybody must see the same way. Where in the code an error was is looked up in memory.
fn text(seen: &Seen) -> String {
    let results = seen
        .results
        .iter()
        .map(|(number, outcome)| format!("{number} {}\n", show(outcome)));
    let events = seen.events.iter().map(|event| format!("{event:?}\n"));
    let accepted = seen.accepted.iter().map(|input| format!("{input:?}\n"));
    let letters = seen.letters.iter().map(|letter| format!("{letter:?}\n"));
    let all = results.chain(events).chain(accepted).chain(letters);
    all.collect()
}

fn join(all: &mut Seen, more: Seen) {
    all.results.extend(more.results);
    all.events.extend(more.events);
    all.accepted.extend(more.accepted);
    all.letters.extend(more.letters);
}

#[track_caller]
fn same(a: &str, b: &str, what: &str) {
    if a != b {
        let (at, (a, b)) = a
            .lines()
            .zip(b.lines())
            .enumerate()
            .find(|(_, (a, b))| a != b)
            .unwrap_or((0, ("(one is longer)", "")));
        panic!("{what}, line {at}:\n  {a}\n  {b}");
    }
}

#[test]
fn worlds_get_somewhere() {
    let mut counts = std::collections::BTreeMap::new();
    for seed in 0..150 {
        let mut bed = bed(&sample(seed));
        bed.run();
        let seen = bed.machine.take_seen();
        for event in &seen.events {
            *counts.entry(event.kind.name()).or_insert(0) += 1;
        }
        for (_, outcome) in &seen.results {
            let text = show(outcome);
            let code = match text.strip_prefix("! ") {
                Some(fault) => fault.split(' ').next().unwrap().to_string(),
                None => "done".into(),
            };
            *counts.entry(Box::leak(code.into_boxed_str())).or_insert(0) += 1;
        }
    }
    for (name, least) in [
        ("done", 50),
        ("TransactionCommitted", 50),
        ("TransactionAborted", 50),
        ("ObjectCalled", 500),
        ("ObjectDestroyed", 5),
        ("ObjectFrozen", 5),
        ("ObjectFetched", 5),
        ("ObjectMoved", 5),
        ("ObjectTransferred", 5),
        ("ExecutionMoved", 5),
        ("MessageReceived", 3),
        ("FunctionRegistered", 2),
        ("FunctionUpdated", 2),
        ("gas/exhausted", 1),
        ("quota/exceeded", 1),
    ] {
        let found = counts.get(name).copied().unwrap_or(0);
        assert!(found >= least, "{found} {name}: {counts:#?}");
    }
}

/// One run, a run in pieces, and a run that is saved and opened again in between.
#[test]
fn a_log_has_one_meaning() {
    seed::each(120, |rng| {
        let sample = sample(rng.number());
        let mut whole = bed(&sample);
        whole.run();
        let mut pieces = bed(&sample);
        let mut steps = 0;
        loop {
            let ran = pieces
                .machine
                .run(1 + rng.below(40), &mut pieces.desk)
                .unwrap();
            steps += ran.steps;
            if ran.stop == Stop::NeedsInput {
                break;
            }
            if rng.below(3) == 0 {
                pieces.machine.state_hash();
            }
        }
        assert_eq!(steps, whole.steps);
        assert_eq!(pieces.desk.outputs, whole.desk.outputs);
        let want = text(whole.machine.seen().unwrap());
        same(&text(pieces.machine.seen().unwrap()), &want, "in pieces");
        assert_eq!(pieces.machine.state_hash(), whole.machine.state_hash());
        reopened(rng, &sample, &mut whole, &want);
    });
}

fn reopened(rng: &mut Rng, sample: &Sample, whole: &mut Bed, want: &str) {
    let mut bed = bed(sample);
    let mut seen = Seen::default();
    let longest = 1 + rng.below(60);
    loop {
        let ran = bed
            .machine
            .run(1 + rng.below(longest), &mut bed.desk)
            .unwrap();
        join(&mut seen, bed.reopen());
        if ran.stop == Stop::NeedsInput {
            break;
        }
    }
    same(&text(&seen), want, "reopened");
    assert_eq!(bed.desk.outputs, whole.desk.outputs);
    assert_eq!(bed.machine.state_hash(), whole.machine.state_hash());
    assert_eq!(bed.look(), whole.look());
}

#[test]
fn the_laws_hold() {
    let cases: Vec<_> = (0..8)
        .map(|seed| {
            let sample = sample(seed);
            Case {
                image: sample.image.to_bytes(),
                inputs: sample.inputs.iter().map(|input| input.to_bytes()).collect(),
            }
        })
        .collect();
    let suite = Suite {
        max_steps: 500,
        points: 8,
        ..Suite::default()
    };
    suite.check(&avm_anoma::Anoma, &cases);
}

/// Numbers of events have no gaps, and no event is there without its capability. Spec: 6, 5.2.
#[test]
fn events_are_counted_and_allowed() {
    seed::each(80, |rng| {
        let sample = sample(rng.number());
        let mut bed = bed(&sample);
        bed.run();
        let mut next = std::collections::BTreeMap::<u64, u64>::new();
        for event in &bed.machine.seen().unwrap().events {
            let number = next.entry(event.execution).or_default();
            assert_eq!(event.seq, *number, "{event:?}");
            *number += 1;
        }
        // The same log without capabilities.
        let mut image = sample.image.clone();
        image.config.caps = avm_anoma::image::Caps(0);
        let mut bare = bed_of(&image, &sample);
        bare.run();
        for event in &bare.machine.seen().unwrap().events {
            let unsafe_one = matches!(
                event.kind,
                EventKind::Reflected { .. }
                    | EventKind::Scried { .. }
                    | EventKind::Reified { .. }
                    | EventKind::FunctionRegistered { .. }
                    | EventKind::FunctionUpdated { .. }
                    | EventKind::ObjectMoved { .. }
                    | EventKind::ObjectTransferred { .. }
                    | EventKind::ExecutionMoved { .. }
            );
            assert!(!unsafe_one, "{event:?}");
        }
    });
}

fn bed_of(image: &avm_anoma::image::Image, sample: &Sample) -> Bed {
    let mut bed = Bed::new(image);
    sample.inputs.iter().for_each(|input| bed.feed(input));
    bed
}
