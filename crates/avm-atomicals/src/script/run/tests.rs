//! The loop against its reference: [`step`] for one instruction after the other.

use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use proptest::prelude::*;

use super::super::frame::Conditions;
use super::super::rules::Rules;
use super::super::running::Running;
use super::super::stack::Stack;
use super::*;
use crate::sample;

/// What can be seen of a script that ran: how it ended, where, and what it left.
#[derive(Debug, PartialEq)]
struct Seen {
    ended: String,
    at: Position,
    main: Vec<Item>,
    alt: Vec<Item>,
    conditions: Conditions,
    budget: u64,
    effects: String,
}

fn see(frame: &Frame, call: &mut Call, at: Position, ended: &Result<Flow, Trap>) -> Seen {
    let effects = call.effects().expect("in memory");
    let tables = effects.to_cbor().expect("in memory");
    Seen {
        ended: format!("{ended:?}"),
        at,
        main: frame.main.items().to_vec(),
        alt: frame.alt.items().to_vec(),
        conditions: frame.conditions,
        budget: frame.budget,
        effects: format!("{tables:x?}"),
    }
}

/// The reference: one instruction after the other.
fn by_steps(f: &mut Frame, c: &mut Call, script: &[u8], at: &mut Position) -> Result<Flow, Trap> {
    while at.offset < script.len() {
        let instr = instr::read(&script[at.offset..]);
        at.index += 1;
        at.offset = instr.map_or(script.len(), |instr| at.offset + instr.len);
        if step(f, c, instr)? == Flow::End {
            return Ok(Flow::End);
        }
    }
    Ok(Flow::Next)
}

/// The loop in pieces of `piece` instructions.
fn in_pieces(
    f: &mut Frame,
    c: &mut Call,
    script: &[u8],
    at: &mut Position,
    piece: u64,
) -> Result<Flow, Trap> {
    while at.offset < script.len() {
        let before = at.index;
        if run(f, c, script, at, piece)? == Flow::End {
            return Ok(Flow::End);
        }
        let taken = u64::from(at.index - before);
        assert!(
            taken == piece || at.offset >= script.len(),
            "{taken} of {piece}"
        );
    }
    Ok(Flow::Next)
}

type Way<'a> = &'a dyn Fn(&mut Frame, &mut Call, &[u8], &mut Position) -> Result<Flow, Trap>;

/// Runs both scripts of a call all three ways, as far as they go; how the last one ended.
fn compare(running: &Running, scripts: [&[u8]; 2], piece: u64) -> Option<Result<Flow, Trap>> {
    let ways: [Way<'_>; 3] = [
        &by_steps,
        &|f, c, script, at| run(f, c, script, at, u64::MAX),
        &|f, c, script, at| in_pieces(f, c, script, at, piece),
    ];
    let mut reference = None;
    let mut ended = None;
    for way in ways {
        let (mut frame, mut call) = (running.frame.clone(), running.call.clone());
        let mut seen = Vec::new();
        for script in scripts {
            frame.alt = Stack::default();
            frame.conditions = Conditions::default();
            let mut at = Position::default();
            let result = way(&mut frame, &mut call, script, &mut at);
            seen.push(see(&frame, &mut call, at, &result));
            let failed = result.is_err();
            ended = Some(result);
            if failed {
                break;
            }
        }
        match &reference {
            None => reference = Some(seen),
            Some(reference) => assert_eq!(&seen, reference),
        }
    }
    ended
}

fn start(rules: &'static Rules, contract: &[u8], call: &[u8]) -> Option<Running> {
    let (contract, call) = (sample::contract(contract), sample::call(call));
    let started = Running::start(rules, &contract, call).expect("in memory");
    started.ok()
}

fn check(contract: &[u8], call: &[u8], piece: u64, budget: u64) -> Option<Result<Flow, Trap>> {
    let (code, unlock) = (sample::contract(contract).code, sample::call(call).unlock);
    let code = code.bytes().expect("in memory");
    let mut last = None;
    for rules in Rules::ALL {
        // `beta1` does not take every transaction.
        let Some(mut running) = start(rules, contract, call) else {
            continue;
        };
        running.frame.budget = running.frame.budget.min(budget);
        last = compare(&running, [&unlock, &code], piece);
    }
    last
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(600))]

    #[test]
    fn plausible_scripts(
        contract in prop::collection::vec(any::<u8>(), 0..600),
        call in prop::collection::vec(any::<u8>(), 0..12),
        piece in 1..20_u64,
        budget in prop_oneof![4 => Just(u64::MAX), 1 => 0..3_000_u64],
    ) {
        check(&contract, &call, piece, budget);
    }

    #[test]
    fn any_bytes(
        script in prop::collection::vec(any::<u8>(), 0..60),
        call in prop::collection::vec(any::<u8>(), 0..12),
        piece in 1..5_u64,
    ) {
        for rules in Rules::ALL {
            if let Some(running) = start(rules, &[0xff], &call) {
                compare(&running, [&sample::call(&call).unlock, &script], piece);
            }
        }
    }
}

/// What a script costs is what it needs: with one unit less it is out of budget.
#[test]
fn the_last_unit_is_needed() {
    let mut bytes = random_bytes(7);
    let (mut scripts, mut ended) = (0, 0);
    while scripts < 150 {
        let (contract, call) = (bytes(100), bytes(8));
        let Some(running) = start(&Rules::AVM1, &contract, &call) else {
            continue;
        };
        let code = sample::contract(&contract).code.bytes().expect("in memory");
        let unlock = sample::call(&call).unlock;
        let run_with = |budget: u64, fast: bool| {
            let (mut frame, mut call) = (running.frame.clone(), running.call.clone());
            frame.budget = budget;
            let mut result = Ok(Flow::Next);
            for script in [&unlock, &code] {
                let mut at = Position::default();
                frame.conditions = Conditions::default();
                frame.alt = Stack::default();
                result = if fast {
                    run(&mut frame, &mut call, script, &mut at, u64::MAX)
                } else {
                    by_steps(&mut frame, &mut call, script, &mut at)
                };
                if result.is_err() {
                    break;
                }
            }
            (format!("{result:?}"), budget - frame.budget)
        };
        const PLENTY: u64 = 1 << 40;
        let (result, cost) = run_with(PLENTY, true);
        scripts += 1;
        ended += u32::from(result.starts_with("Ok"));
        for fast in [true, false] {
            assert_eq!(run_with(cost, fast), (result.clone(), cost));
            let (short, spent) = run_with(cost - 1, fast);
            assert_eq!(short, "Err(Script(OutOfBudget))", "instead of {result}");
            assert_eq!(spent, cost - 1, "all of it is spent");
        }
    }
    assert!(ended > 20, "{ended} of {scripts} run to their end");
}

/// Bytes that are the same each time.
fn random_bytes(mut seed: u64) -> impl FnMut(usize) -> Vec<u8> {
    move |len| {
        let next = || {
            seed ^= seed << 13;
            seed ^= seed >> 7;
            seed ^= seed << 17;
            (seed >> 32) as u8
        };
        core::iter::repeat_with(next).take(len).collect()
    }
}

/// Each opcode after each short row of operands, and in a branch that is not executed.
#[test]
fn each_opcode_after_few_operands() {
    let rows: [&[u8]; 12] = [
        &[],
        &[0x51],
        &[0x00],
        &[0x51, 0x52],
        &[0x52, 0x52],
        &[0x51, 0x00],
        &[0x53, 0x51, 0x52],
        &[0x51, 0x52, 0x53, 0x54, 0x55, 0x56, 0x51],
        &[0x00, 0x63],
        &[0x51, 0x63],
        &[0x51, 0x6b],
        &[2, 0xff, 0x7f, 2, 0xff, 0xff],
    ];
    for rules in Rules::ALL {
        let running = start(rules, &[0xff], &[0xf8]).expect("a call that starts");
        for row in rows {
            for opcode in 0..=255 {
                let script = [row, &[opcode][..], &[0x51]].concat();
                compare(&running, [&[], &script], 1);
            }
        }
    }
}

/// The generator is worth its name: most scripts run far, many to their end.
#[test]
fn most_scripts_run_far() {
    let mut bytes = random_bytes(1);
    let (mut done, mut all) = (0, 0);
    for _ in 0..300 {
        let (contract, call) = (bytes(120), bytes(8));
        if let Some(ended) = check(&contract, &call, 7, u64::MAX) {
            all += 1;
            done += u32::from(ended.is_ok());
        }
    }
    assert!(
        done * 6 > all && done < all,
        "{done} of {all} run to their end"
    );
}
