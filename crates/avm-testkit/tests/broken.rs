//! The laws themselves can fail: each deliberately broken machine is caught by its law.

use avm_testkit::laws::{Case, Law, Suite};

#[path = "broken/bent.rs"]
mod bent;

use bent::{Bend, HALTED};

/// One that halts after two inputs and several outputs, and one that waits for a third input.
fn cases() -> [Case; 2] {
    let image = vec![2, 5, 6, 2, 3, 5, 6, 1, 3, 6, 6, 0];
    let inputs = vec![vec![7], vec![8]];
    let halts = Case { image, inputs };
    let mut waits = halts.clone();
    waits.image = vec![2, 6, 1, 1, 7, 0];
    [halts, waits]
}

#[test]
fn every_break_is_caught_by_its_law() {
    let suite = Suite {
        max_steps: 60,
        points: 12,
        ..Suite::default()
    };
    assert_eq!(suite.verify(&Bend::Nothing, &cases()), Ok(()));
    let bends = [
        (Bend::IgnoresBudget, Law::Budget),
        (Bend::ClaimsBudget, Law::Split),
        (Bend::AsksForNothing, Law::Budget),
        (Bend::WaitsUnasked, Law::Budget),
        (Bend::Global, Law::Determinism),
        (Bend::OutputPerRun, Law::Split),
        (Bend::TicksWhileStopped, Law::Idle),
        (Bend::HaltsForWait, Law::Resume),
        (Bend::DeafAfterWait, Law::Resume),
        (Bend::HaltedButTakes, Law::Idle),
        (Bend::SharedFork, Law::Fork),
        (Bend::HollowFork, Law::Fork),
        (Bend::HashForgets, Law::Name),
        (Bend::StateForgets, Law::Reopen),
        (Bend::WrongNames, Law::Name),
        (Bend::NamelessOutput, Law::Name),
        (Bend::SaveMisses, Law::Reopen),
        (Bend::SaveBackwards, Law::Save),
        (Bend::SaveRepeats, Law::Save),
        (Bend::SavesOnce, Law::Save),
        (Bend::SaveRuns, Law::Save),
        (Bend::SaveSwallows, Law::Save),
        (Bend::OpenedSavesRoot, Law::Reopen),
        (Bend::MissingIsZero, Law::Witness),
        (Bend::MissingPanics, Law::Witness),
        (Bend::TwoInputs, Law::Witness),
        (Bend::SwallowsLog, Law::Fault),
        (Bend::SwallowsOutbox, Law::Fault),
        (Bend::TrustsNodes, Law::Fault),
        (Bend::TrustsImages, Law::Fault),
        (Bend::OpensAnything, Law::Witness),
    ];
    let mut wrong = Vec::new();
    for (bend, law) in bends {
        match suite.verify(&bend, &cases()) {
            Err(broken) if broken.law == law => {
                let text = broken.to_string();
                assert!(text.contains("want ") && text.contains("got "), "{text}");
            }
            other => wrong.push(format!("{bend:?}, meant for {law}: {other:?}")),
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

#[test]
fn sentinels_are_declared() {
    let mut suite = Suite::default();
    let broken = suite.verify(&Bend::Sentinel, &cases()).unwrap_err();
    assert_eq!(broken.law, Law::Name);
    suite.sentinels.push(HALTED);
    assert_eq!(suite.verify(&Bend::Sentinel, &cases()), Ok(()));
}

#[test]
#[should_panic(expected = "bent/1: law Budget is broken in case 0 at step 0: run(1)")]
fn check_says_what_is_broken() {
    Suite::default().check(&Bend::IgnoresBudget, &cases());
}
