//! What is said about calls that fail, and that the stacks of origins keep up with the stacks.

use alloc::sync::Arc;

use super::*;
use crate::script::tables;

/// A transaction with one input and one output.
fn tx() -> Vec<u8> {
    let mut tx = Vec::from([2, 0, 0, 0, 1]);
    tx.extend([0; 36]);
    tx.extend([0, 0xff, 0xff, 0xff, 0xff, 1]);
    tx.extend([1, 0, 0, 0, 0, 0, 0, 0, 0]);
    tx.extend([0; 4]);
    tx
}

fn call(unlock: &[u8]) -> CallInput {
    CallInput {
        unlock: unlock.into(),
        tx: tx().into(),
        auth_key: Arc::default(),
        ft_incoming: Default::default(),
        nft_incoming: Default::default(),
        headers: Default::default(),
        height: 0,
    }
}

/// A contract whose space `s` has `owner`: aabb.
fn contract(lock: &[u8]) -> Contract {
    let mut contract = Contract::new([0; 36], lock.into());
    let KeyName::State(name) = KeyName::state(b"s", b"owner") else {
        unreachable!("it is the name of a value");
    };
    let value = Arc::from([0xaa, 0xbb]);
    contract.state.insert(&name, value).expect("it fits");
    contract.sum = tables::sum(&contract.state).expect("it is in memory");
    contract
}

fn explained(lock: &[u8], unlock: &[u8]) -> Explanation {
    let found = explain(&Rules::AVM1, &contract(lock), call(unlock));
    found.expect("all is in memory").expect("the call fails")
}

/// Everything that is said, a line each.
fn told(found: &Explanation) -> String {
    let mut text = format!("{}: {}\n", found.operation(), found.reason());
    for operand in &found.operands {
        text.push_str(&format!("{operand} <- {}\n", operand.origin));
        for key in &operand.keys {
            text.push_str(&format!("  {key}\n"));
        }
    }
    found
        .notes
        .iter()
        .for_each(|note| text.push_str(&format!("{note}\n")));
    text
}

/// Pushes a space and a key, and reads or writes.
fn storage(key: &[u8], opcode: u8) -> Vec<u8> {
    let mut code = Vec::from([1, b's', key.len() as u8]);
    code.extend(key);
    code.push(opcode);
    code
}

#[test]
fn what_is_said() {
    let owner = storage(b"owner", 0xef);
    let nobody = storage(b"nobody", 0xef);
    let equal = [&owner[..], &[0x88, 0x51]].concat();
    let shuffled = [
        &owner[..],
        &[0x51, 0x7b, 0x7c, 0x7d, 0x75, 0x52, 0x79, 0x88],
    ]
    .concat();
    let own = [
        &[1, b's', 1, b'k', 0x57, 0xf0][..],
        &storage(b"k", 0xef),
        &[0x58, 0x9d],
    ]
    .concat();
    let gone = [&storage(b"owner", 0xf1)[..], &owner].concat();
    let cases: [(&str, &[u8], &[u8], &str); 18] = [
        (
            "equalverify",
            &equal,
            &[2, 0xaa, 0xbc],
            "OP_EQUALVERIFY: the two top elements differ\n\
          left 0xaabc -15530 (2 bytes) <- the argument that operation 0 of the call pushes\n\
          right 0xaabb -15274 (2 bytes) <- state/s/owner\n  state/s/owner\n\
          they differ at byte 1\n",
        ),
        (
            "moved",
            &shuffled,
            &[0x53],
            "OP_EQUALVERIFY: the two top elements differ\n\
          left 0x03 3 (1 byte) <- the argument that operation 0 of the call pushes\n\
          right 0xaabb -15274 (2 bytes) <- state/s/owner\n  state/s/owner\n\
          they differ at byte 0\n",
        ),
        (
            "verify",
            &[0x51, 0x93, 0x52, 0x87, 0x69],
            &[0x52],
            "OP_VERIFY: OP_VERIFY found false\n\
          operand (empty) 0 (0 bytes) <- OP_EQUAL at operation 3 of OP_ADD at operation 1 of the argument that \
          operation 0 of the call pushes and the constant at operation 0 and the constant at operation 2\n",
        ),
        (
            "numequalverify",
            &own,
            &[],
            "OP_NUMEQUALVERIFY: the two top numbers differ\n\
          left 0x07 7 (1 byte) <- state/s/k, which operation 3 wrote\n\
          right 0x08 8 (1 byte) <- the constant at operation 7\n",
        ),
        (
            "hashed",
            &[0xa9, 0x51, 0x88],
            &[0x51],
            "OP_EQUALVERIFY: the two top elements differ\n\
          left 0xc51b66bced5e4491001bd702669770dccf440982 (20 bytes) <- OP_HASH160 at operation 0 of the argument \
          that operation 0 of the call pushes\n\
          right 0x01 1 (1 byte) <- the constant at operation 1\nthey differ at byte 0\n",
        ),
        (
            "checksig",
            &[0x51, 0x51, 0xac],
            &[],
            "OP_CHECKSIG: no such operation, or a push beyond the end of the script\n\
          Fails if executed: a contract has no signature of a spent output\n",
        ),
        (
            "checkdatasig",
            &[0x51, 0x52, 0x53, 0xbb, 0x51],
            &[],
            "OP_CHECKDATASIGVERIFY: signature is not strict DER\n\
          signature 0x01 1 (1 byte) <- the constant at operation 0\n\
          message 0x02 2 (1 byte) <- the constant at operation 1\n\
          public key 0x03 3 (1 byte) <- the constant at operation 2\n",
        ),
        (
            "div",
            &[0x55, 0x7c, 0x96],
            &[0x00],
            "OP_DIV: division by zero\n\
          a 0x05 5 (1 byte) <- the constant at operation 0\n\
          b (empty) 0 (0 bytes) <- the argument that operation 0 of the call pushes\n",
        ),
        (
            "missing",
            &nobody,
            &[],
            "OP_KV_GET: no value under this key\n\
          space 0x73 115 (1 byte) <- the constant at operation 0\n\
          key 0x6e6f626f6479 133472272412526 \"nobody\" (6 bytes) <- the constant at operation 1\n\
          the contract has no state/s/nobody\n",
        ),
        (
            "deleted",
            &gone,
            &[],
            "OP_KV_GET: no value under this key\n\
          space 0x73 115 (1 byte) <- the constant at operation 3\n\
          key 0x6f776e6572 491328010095 \"owner\" (5 bytes) <- the constant at operation 4\n\
          operation 2 deleted state/s/owner\n",
        ),
        (
            "underflow",
            &[0x93],
            &[0x51],
            "OP_ADD: too few elements on the stack\n\
          right 0x01 1 (1 byte) <- the argument that operation 0 of the call pushes\n\
          it takes 2 elements, the stack has 1\n",
        ),
        (
            "alt",
            &[0x6c],
            &[0x51],
            "OP_FROMALTSTACK: too few elements on the alt stack\n\
          it takes 1 element of the alt stack, which has 0\n",
        ),
        (
            "no number",
            &[0x51, 0x93],
            &[2, 5, 0],
            "OP_ADD: number that does not decode, or an internal exception of the reference\n\
          left 0x0500 (2 bytes) <- the argument that operation 0 of the call pushes\n\
          right 0x01 1 (1 byte) <- the constant at operation 0\n\
          left is not the shortest form of a number\n",
        ),
        (
            "lengths",
            &[2, 1, 2, 0x84],
            &[0x51],
            "OP_AND: operands of different lengths\n\
          left 0x01 1 (1 byte) <- the argument that operation 0 of the call pushes\n\
          right 0x0102 513 (2 bytes) <- the constant at operation 0\n\
          the lengths are 1 and 2 bytes\n",
        ),
        (
            "false",
            &[0x61, 0x00],
            &[],
            "the end of the call: the scripts ended with false, or with nothing, on top\n\
          top (empty) 0 (0 bytes) <- the constant at operation 1\n\
          a call ends with one element that is true, this one with 1 element\n",
        ),
        (
            "too many",
            &[0x51, 0x76],
            &[],
            "the end of the call: more than one element left at the end\n\
          below 0x01 1 (1 byte) <- the constant at operation 0\n\
          top 0x01 1 (1 byte) <- the constant at operation 0\n\
          a call ends with one element that is true, this one with 2 elements\n",
        ),
        (
            "open",
            &[0x51, 0x51, 0x63],
            &[],
            "the end of the call: IF without ENDIF, or ELSE or ENDIF without IF\n\
          top 0x01 1 (1 byte) <- the constant at operation 0\n\
          1 condition is open at the end of the script\n",
        ),
        (
            "not pushes",
            &[0x51],
            &[0x61],
            "the end of the call: the unlocking script does more than push\n",
        ),
    ];
    for (name, lock, unlock, want) in cases {
        assert_eq!(told(&explained(lock, unlock)), want, "{name}");
    }
}

#[test]
fn where_it_is() {
    let found = explained(&[0x61, 0x61, 2, 7, 7, 0x69, 0x00, 0x69], &[0x51]);
    let site = found.site.expect("an operation fails");
    assert_eq!(
        (site.script, site.op_index, site.offset, site.opcode),
        (Which::Lock, 5, 7, Some(0x69))
    );
    assert_eq!((found.depth, found.missing), (2, None));
    let found = explained(&storage(b"x", 0xef), &[]);
    assert_eq!(found.missing, Some(KeyName::state(b"s", b"x")));
    let good = explain(&Rules::AVM1, &contract(&[0x51]), call(&[])).expect("all is in memory");
    assert!(good.is_none());
}

/// Every operation, with enough elements for any, on stacks of origins.
#[test]
fn origins_keep_up() {
    let mut followed = 0;
    for opcode in 0x4f..=0xff_u8 {
        for top in [0x00, 0x51, 0x52] {
            let mut lock = Vec::from([0x51, 0x6b, 0x52, 0x6b]);
            lock.extend([0x51, 0x52, 0x53, 0x54, 0x55, 0x51, 0x51, top, opcode, 0x61]);
            let mut running = Running::start(&Rules::BETA1, &contract(&lock), call(&[0x51]))
                .expect("all is in memory")
                .expect("it starts");
            let mut origins = Origins::default();
            while let Stage::Script(script) = running.stage {
                let (op_index, offset) = (running.at.index, running.at.offset);
                let opcode = running.opcode().expect("all is in memory");
                let site = Site {
                    script,
                    op_index,
                    offset,
                    opcode,
                };
                let before = Before::of(&running, site);
                if running.run(1, &mut 0).expect("all is in memory").is_some() {
                    break;
                }
                let lens = (running.frame.main.len(), running.frame.alt.len());
                let expected = origins.fitted();
                origins.follow(before, lens.0, lens.1);
                assert_eq!(origins.lens(), lens, "{opcode:02x?}");
                assert_eq!(
                    origins.fitted(),
                    expected,
                    "{opcode:02x?} made up an origin"
                );
                followed += 1;
            }
        }
    }
    assert!(followed > 5_000, "{followed}");
}
