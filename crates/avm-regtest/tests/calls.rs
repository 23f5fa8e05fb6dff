//! Calls that are published here run in the sandbox of contracts, who signed them included.

use avm_atomicals::script::{CallInput, Contract, Ended, Failure, Rules, ScriptError, verify};
use avm_regtest::bitcoin::consensus::serialize;
use avm_regtest::bitcoin::hashes::{Hash, sha256};
use avm_regtest::bitcoin::{Amount, Transaction};
use avm_regtest::{Chain, Key, Operation, Publish, Published, id};

/// `CHECKAUTHSIG SIZE NIP 33 EQUAL`: whether somebody with a public key of 33 bytes signed.
const CODE: [u8; 6] = [0xc0, 0x82, 0x77, 0x01, 0x21, 0x87];

fn sha(message: &[u8]) -> [u8; 32] {
    sha256::Hash::hash(message).to_byte_array()
}

/// What a caller signs. Spec: section 8, and Q16 for `avm1`.
fn digest(rules: &Rules, contract: &Contract, tx: &Transaction) -> [u8; 32] {
    let mut message = [&id(tx.input[0].previous_output)[..], &CODE].concat();
    for output in &tx.output {
        if !output.script_pubkey.as_bytes().starts_with(b"\x6a\x03sig") {
            message.extend(output.value.to_sat().to_le_bytes());
            message.extend(output.script_pubkey.as_bytes());
        }
    }
    if !rules.bound_auth {
        return sha(&message);
    }
    let bound = [b"avm1/auth", &contract.id[..], &contract.chain.0, &message].concat();
    sha(&sha(&bound))
}

fn run(rules: &'static Rules, contract: &Contract, tx: &Transaction, auth: &Key) -> Ended {
    let call = CallInput {
        unlock: [].into(),
        tx: serialize(tx).into(),
        auth_key: auth.public().into(),
        ft_incoming: Default::default(),
        nft_incoming: Default::default(),
        headers: Default::default(),
        height: 111,
    };
    verify(rules, contract, call).expect("everything is in memory")
}

#[test]
fn a_signed_call_runs() {
    let [alice, bob] = ["alice", "bob"].map(Key::from_seed);
    for rules in Rules::ALL {
        let mut chain = Chain::funded();
        chain.fund(&alice, 1_000_000).expect("funded");
        let new = Operation::new("p", Some("c"), &[]);
        let made = chain.publish(&Publish::new(&alice, new)).expect("funded");
        let contract = Contract::new(made.id(), CODE.to_vec().into());
        let by = |tx: &Transaction| digest(rules, &contract, tx);
        for outputs in 0..4 {
            let call = Publish::new(&alice, Operation::call(made.id(), &[])).signed(&bob, &by);
            let call = (0..outputs).fold(call, |call, n| call.output(bob.output(1_000 + n)));
            let Published { reveal, .. } = chain.publish(&call).expect("funded");
            let name = rules.name;
            assert!(
                run(rules, &contract, &reveal, &bob).outcome.is_ok(),
                "{name} {outputs}"
            );

            // Another signer, or a reveal that was changed afterwards.
            let mut changed = reveal.clone();
            changed.output[0].value += Amount::ONE_SAT;
            for (tx, key) in [(&reveal, &alice), (&changed, &bob)] {
                let failure = run(rules, &contract, tx, key)
                    .outcome
                    .expect_err("not signed");
                let Failure::Script { error, .. } = failure else {
                    panic!("{name}: {failure:?}");
                };
                assert_eq!(error, ScriptError::InvalidAvmCheckauthsignull, "{name}");
            }
        }
    }
}
