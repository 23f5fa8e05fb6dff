//! The laws of every machine, for contracts.

mod support;

use std::sync::Arc;

use avm_atomicals::Atomicals;
use avm_atomicals::machine::{Image, call_to_bytes};
use avm_atomicals::script::{CallInput, Rules};
use avm_testkit::laws::{Case, Suite};
use support::vectors;

/// A transaction with one input and two outputs.
fn tx() -> Vec<u8> {
    let mut tx = vec![2, 0, 0, 0, 1];
    tx.extend([7; 32]);
    tx.extend([1, 0, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 2]);
    for (value, script) in [(5_000_u64, &[0x51; 80][..]), (900, &[0x6a])] {
        tx.extend(value.to_le_bytes());
        tx.push(script.len() as u8);
        tx.extend(script);
    }
    tx.extend([9, 0, 0, 0]);
    tx
}

fn call(unlock: &[u8]) -> Vec<u8> {
    let call = CallInput {
        unlock: unlock.into(),
        tx: tx().into(),
        auth_key: Arc::default(),
        ft_incoming: Default::default(),
        nft_incoming: Default::default(),
        headers: Default::default(),
        height: 7,
    };
    call_to_bytes(&call).unwrap()
}

fn case(rules: &'static Rules, lock: &[u8], calls: Vec<Vec<u8>>) -> Case {
    Case {
        image: Image::new(rules, lock.into()).to_bytes().unwrap(),
        inputs: calls,
    }
}

/// Reads a number of the contract, adds the argument and writes it back.
const COUNTER: [u8; 32] = [
    0x01, b's', 0x01, b'n', 0xed, 0x63, 0x01, b's', 0x01, b'n', 0xef, 0x67, 0x00, 0x68, 0x93, 0x01,
    b's', 0x7c, 0x01, b'n', 0x7c, 0xf0, 0xc4, 0x69, 0x51, 0xcd, 0x69, 0x00, 0xce, 0x82, 0x77, 0x75,
];

#[test]
fn contracts_keep_the_laws() {
    let mut cases = Vec::new();
    for rules in Rules::ALL {
        let mut lock = COUNTER.to_vec();
        lock.push(0x51);
        cases.push(case(
            rules,
            &lock,
            vec![
                call(&[0x52]),
                call(&[0x01, 0x7f]),
                b"no call".to_vec(),
                call(&[]),
                call(&[0x51, 0x52]),
                call(&[0x4c]),
                call(&[0x01, 0x82]),
            ],
        ));
        // Both stacks, long elements, deep picks, conditions that are not executed.
        let mut lock = vec![0x4d, 0xa0, 0x0f];
        lock.extend([0x5a; 4000]);
        lock.extend([0x76, 0x6b, 0x76, 0x6c, 0x88, 0x82, 0x75, 0xa8]);
        lock.extend([0x00, 0x63, 0x61, 0x67, 0x51, 0x64, 0x61, 0x68, 0x68]);
        lock.extend([0x51; 30]);
        lock.extend([0x01, 0x1d, 0x79, 0x01, 0x1e, 0x7a, 0x87]);
        lock.extend([0x6d; 15]);
        lock.push(0x77);
        cases.push(case(rules, &lock, vec![call(&[]), call(&[0x51])]));
        // Nothing in it, and code that ends within a push.
        cases.push(case(rules, &[], vec![call(&[]), call(&[0x51])]));
        cases.push(case(
            rules,
            &[0x51, 0x4d, 0xff],
            vec![call(&[]), call(&[0x51])],
        ));
    }
    Suite::default().check(&Atomicals::default(), &cases);
}

/// Largest contract and call that go through the laws, in bytes.
const CASE_MAX: usize = 2_000;

/// Recorded calls with tokens, storage, headers and signatures go through the laws as well.
#[test]
fn recorded_calls_keep_the_laws() {
    let mut cases = Vec::new();
    for file in vectors::files() {
        for (at, recorded) in vectors::cases(&file).into_iter().enumerate() {
            if at % 40 != 0 {
                continue;
            }
            for rules in Rules::ALL {
                let Ok(vectors::recorded::Input::Call(contract, call)) = recorded.inputs(rules)
                else {
                    continue;
                };
                let mut image = Image::new(rules, contract.code.bytes().unwrap());
                image.contract = *contract;
                let (image, input) = (image.to_bytes().unwrap(), call_to_bytes(&call).unwrap());
                // The laws save each state again and again.
                if image.len() + input.len() > CASE_MAX {
                    continue;
                }
                cases.push(Case {
                    image,
                    inputs: vec![input],
                });
            }
        }
    }
    let suite = Suite {
        max_steps: 200,
        points: 5,
        ..Suite::default()
    };
    suite.check(&Atomicals::default(), &cases);
}
