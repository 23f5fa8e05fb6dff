//! Section 19 of the specification.

use avm_atomicals::script::{CallInput, Contract, Rules, tables};
use avm_core::Bytes;

use super::support::world::{ft, key, reference, script, tx, world};
use super::{balance, run, withdrawn};

/// A contract without anything, and a call with nothing.
fn verify(rules: &'static Rules, lock: &[u8], unlock: &[u8]) -> avm_atomicals::script::Ended {
    let contract = Contract::new([0; 36], Bytes::from(lock));
    let call = CallInput {
        unlock: unlock.into(),
        tx: tx(&[], 0, 0).into(),
        ft_incoming: ft(&[]),
        nft_incoming: ft(&[]),
        auth_key: Bytes::default(),
        headers: ft(&[]),
        height: 1,
    };
    avm_atomicals::verify(rules, &contract, call).expect("in memory")
}

#[test]
fn worked_examples() {
    // Both scripts, then state, deletes and hash.
    type Example<'a> = (&'a [u8], &'a [u8], &'a str, &'a str, &'a str);
    let cases: [Example<'_>; 3] = [
        (
            &[0x51, 0x87],
            &[0x51],
            "a0",
            "a0",
            "71daaf262004b5778dfb085daf074cf22a9e4c6f60eb8700974ba6bd3cc2b156",
        ),
        (
            &[0x51, 0x52, 0x53, 0xf0, 0x51],
            &[],
            "a1623031a1623032623033",
            "a0",
            "0eb8ddfd20d7c749dfad2434f0e0f29cec751c6794a27f5b171c1ee80feeb812",
        ),
        (
            &[0x51, 0x52, 0xf1, 0x51],
            &[],
            "a0",
            "a1623031a1623032f5",
            "ca43c9d52f09438f692101511380d67d066ae46bb2af10f4821ecad516494389",
        ),
    ];
    for rules in Rules::ALL {
        for (lock, unlock, state, deletes, hash) in cases {
            let ended = verify(rules, lock, unlock);
            let accepted = ended.outcome.expect("it succeeds");
            let tables = accepted.effects.to_cbor().expect("in memory");
            assert_eq!(tables::hex(&tables[0]), state);
            assert_eq!(tables::hex(&tables[2]), deletes);
            assert_eq!(
                tables::hex(&accepted.contract.chain.0),
                hash,
                "{}",
                rules.name
            );
        }
        assert_eq!(verify(rules, &[0x51, 0x87], &[0x51]).op_index, 1);
    }
}

/// The fourth: a withdrawal from a balance of 1,000 to an output of 10,000 satoshis.
#[test]
fn worked_example_of_a_withdrawal() {
    let mut world = world();
    world.contract.ft = ft(&[(0, 1_000)]);
    let text = "100 0 $t0 FT_WITHDRAW 1";
    let code = script(text);
    let head = [&[1, 100, 0, 36][..], &reference(0)].concat();
    assert_eq!(code, [&head[..], &[0xf2, 0x51]].concat());
    for rules in Rules::ALL {
        let accepted = run(rules, &world, text).expect("it succeeds");
        assert_eq!(balance(&accepted, 0), 900);
        assert_eq!(withdrawn(&accepted, 0), [("0".into(), 100)]);
        let tables = accepted.effects.to_cbor().expect("in memory");
        let token = tables::hex(&key(0));
        let want = [
            &[0xa1, 0x78, 72][..],
            token.as_bytes(),
            &[0xa1, 0x61, b'0', 0x18, 100],
        ]
        .concat();
        assert_eq!(tables[7], want);
    }
}
