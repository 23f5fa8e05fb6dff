//! What the fuzz targets of Atomicals contracts check. Each takes any bytes and panics if a promise
//! does not hold. `crates/avm-atomicals/tests/regressions.rs` includes this file and calls the same
//! functions with every file of `fuzz/regressions`.

use std::sync::Arc;

use avm_atomicals::machine::{Image, call_from_bytes, call_to_bytes};
use avm_atomicals::script::call::Effects;
use avm_atomicals::script::tx::{Tx, WitnessForm};
use avm_atomicals::script::{Failure, HostFault, Rules, Running, cbor, tables, verify};
use avm_atomicals::{Atomicals, sample};
use avm_core::{Bytes, Claim, Machine, MemoryInbox, MemoryNodes, MemoryOutbox, Stop, advance};

/// Steps of a script of which nothing says what it costs.
const BUDGET: u64 = 400;
/// Steps of a machine.
const STEPS: u64 = 1_500;

/// Any bytes as both scripts of a call: under `avm1` it ends within its budget, under `beta1` it
/// runs on, and what fails has a place.
pub fn script(bytes: &[u8]) {
    let mut contract = sample::contract(&[0xff]);
    let mut call = sample::call(&bytes[..bytes.len().min(1)]);
    let cut = usize::from(bytes.first().copied().unwrap_or(0)) % 16;
    let (unlock, lock) = bytes.split_at(cut.min(bytes.len()));
    call.unlock = unlock.into();
    contract.code = Bytes::from(lock).into();
    let ended = verify(&Rules::AVM1, &contract, call.clone()).expect("in memory");
    assert!(ended.cost <= Rules::AVM1.budget(unlock.len()));
    for item in ended.stack.items() {
        assert!(item.len() <= 4_000, "no element of avm1 is longer");
    }
    if let Err(Failure::Host(fault)) = &ended.outcome {
        assert!(matches!(fault, HostFault::Tx(_)), "{fault}");
    }
    if let Ok(accepted) = &ended.outcome {
        let state = &accepted.contract.state;
        let sum = tables::sum(state).expect("in memory");
        assert_eq!(sum, accepted.contract.sum);
        let [cbor, ..] = accepted.effects.to_cbor().expect("in memory");
        let again = tables::state(&Rules::AVM1, &cbor).expect("we wrote it");
        assert_eq!(again.root(), state.root());
    }
    let started = Running::start(&Rules::BETA1, &contract, call).expect("in memory");
    if let Ok(mut running) = started {
        let mut steps = 0;
        let ran = running.run(BUDGET, &mut steps).expect("in memory");
        assert!(ran.is_some() || steps == BUDGET);
    }
}

/// A transaction that decodes has all its parts within its bytes, in either form.
pub fn transaction(bytes: &[u8]) {
    for form in [WitnessForm::Beta1, WitnessForm::Bip144] {
        let Ok(tx) = Tx::decode(bytes, form) else {
            continue;
        };
        let scripts = tx.inputs.iter().map(|input| tx.input_script(input).len());
        let outputs = tx
            .outputs
            .iter()
            .map(|output| tx.output_script(output).len());
        assert!(scripts.chain(outputs).sum::<usize>() <= bytes.len());
        // What follows a transaction is ignored.
        let longer = [bytes, &[0xff; 5]].concat();
        let again = Tx::decode(longer, form).expect("it decoded");
        assert_eq!((again.inputs, again.outputs), (tx.inputs, tx.outputs));
        assert_eq!((again.version, again.lock_time), (tx.version, tx.lock_time));
    }
}

/// Tables that are read are written as the same tables.
pub fn tables(bytes: &[u8]) {
    let limits = cbor::Limits {
        bytes: 1 << 20,
        depth: 8,
    };
    let readable = cbor::decode(bytes, limits).is_ok();
    for rules in Rules::ALL {
        if let Ok(state) = tables::state(rules, bytes) {
            assert!(readable);
            let effects = Effects {
                state: state.clone(),
                ..Effects::default()
            };
            let [written, ..] = effects.to_cbor().expect("in memory");
            let again = tables::state(rules, &written).expect("we wrote it");
            assert_eq!(again.root(), state.root());
        }
        for table in [tables::ft(rules, bytes), tables::nft(rules, bytes)] {
            assert!(table.is_err() || readable);
        }
    }
    if let Ok((headers, height)) = tables::headers(bytes) {
        assert!(readable && height <= tables::HEIGHT_MAX);
        assert!(
            headers
                .iter()
                .all(|entry| entry.expect("in memory").1.len() >= 80)
        );
    }
}

/// Images and calls that are read are written as the same bytes.
pub fn wire(bytes: &[u8]) {
    if let Ok(image) = Image::from_bytes(bytes) {
        assert_eq!(image.to_bytes().expect("in memory"), bytes);
    }
    for rules in Rules::ALL {
        if let Ok(call) = call_from_bytes(rules, bytes) {
            assert_eq!(call_to_bytes(&call).expect("in memory"), bytes);
        }
    }
}

/// Machines that run through, in pieces, and that are saved and opened on the way do the same.
pub fn contract(bytes: &[u8]) {
    let number = usize::from(bytes.first().copied().unwrap_or(0) & 1);
    let piece = 3 + u64::from(bytes.get(1).copied().unwrap_or(0));
    let (image, calls) = sample::machine(Rules::ALL[number], bytes);
    let inbox: MemoryInbox = calls
        .iter()
        .map(|call| call_to_bytes(call).expect("in memory"))
        .collect();
    let vm = Atomicals::default();
    let whole = run(&vm, &image, &inbox, STEPS, false);
    assert_eq!(run(&vm, &image, &inbox, piece, false), whole, "in pieces");
    assert_eq!(run(&vm, &image, &inbox, piece, true), whole, "reopened");
}

fn run(
    vm: &Atomicals,
    image: &Image,
    inbox: &MemoryInbox,
    piece: u64,
    reopen: bool,
) -> (Claim, Stop, MemoryOutbox) {
    let mut machine = vm.load(image);
    let mut claim = Claim::genesis(machine.state_hash());
    let (mut stop, mut outbox) = (Stop::Budget, MemoryOutbox::default());
    while stop == Stop::Budget && claim.steps < STEPS {
        let budget = piece.min(STEPS - claim.steps);
        let ran = advance(&mut machine, claim, inbox, &mut outbox, budget);
        (claim, stop) = ran.expect("no host fails");
        if reopen {
            let mut nodes = MemoryNodes::default();
            let state = machine.save(&mut nodes).expect("a sink in memory");
            machine = vm.open(state, Arc::new(nodes)).expect("it was saved");
            assert_eq!(machine.state_hash(), state);
        }
    }
    (claim, stop, outbox)
}
