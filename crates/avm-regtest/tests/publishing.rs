//! Commits and reveals: their scripts hold, and they say what was asked for.

use avm_regtest::bitcoin::absolute::LockTime;
use avm_regtest::bitcoin::hashes::{Hash, sha256};
use avm_regtest::bitcoin::key::Secp256k1;
use avm_regtest::bitcoin::opcodes::all::OP_ENDIF;
use avm_regtest::bitcoin::script::Instruction;
use avm_regtest::bitcoin::secp256k1::{Message, PublicKey, XOnlyPublicKey, ecdsa, schnorr};
use avm_regtest::bitcoin::sighash::{Prevouts, SighashCache};
use avm_regtest::bitcoin::taproot::{ControlBlock, LeafVersion, TapLeafHash};
use avm_regtest::bitcoin::{OutPoint, Script, TapSighashType, Transaction, TxIn, TxOut};
use avm_regtest::walk::operations;
use avm_regtest::{
    Bitwork, Chain, ChainError, DUST, Id, Key, Operation, Publish, Published, envelope, id_text,
};

/// The outputs that a transaction spends, which some block or the mempool has.
fn spent(chain: &Chain, tx: &Transaction) -> Vec<TxOut> {
    let blocks = chain.blocks().iter().flat_map(|block| &block.txdata);
    let all: Vec<&Transaction> = blocks.chain(chain.mempool()).collect();
    let output = |input: &TxIn| {
        let outpoint = input.previous_output;
        let made = all.iter().find(|tx| tx.compute_txid() == outpoint.txid);
        made.expect("known").output[outpoint.vout as usize].clone()
    };
    tx.input.iter().map(output).collect()
}

/// BIP341 and BIP342 for the two shapes that are made here.
fn verify(tx: &Transaction, spent: &[TxOut]) {
    let curve = Secp256k1::new();
    let mut cache = SighashCache::new(tx);
    for (index, (input, output)) in tx.input.iter().zip(spent).enumerate() {
        let program = &output.script_pubkey.as_bytes()[2..];
        assert!(output.script_pubkey.is_p2tr());
        let output_key = XOnlyPublicKey::from_slice(program).expect("a point");
        let witness: Vec<&[u8]> = input.witness.iter().collect();
        let (all, kind) = (Prevouts::All(spent), TapSighashType::Default);
        let (sighash, key) = match witness[..] {
            [_] => (
                cache.taproot_key_spend_signature_hash(index, &all, kind),
                output_key,
            ),
            [_, script, control] => {
                let control = ControlBlock::decode(control).expect("a control block");
                let script = Script::from_bytes(script);
                assert!(control.verify_taproot_commitment(&curve, output_key, script));
                let leaf = TapLeafHash::from_script(script, LeafVersion::TapScript);
                let key = XOnlyPublicKey::from_slice(&script.as_bytes()[1..33]).expect("a point");
                (
                    cache.taproot_script_spend_signature_hash(index, &all, leaf, kind),
                    key,
                )
            }
            _ => panic!("a witness of {} elements", witness.len()),
        };
        let message = Message::from_digest(sighash.expect("all outputs").to_byte_array());
        let signature = schnorr::Signature::from_slice(witness[0]).expect("64 bytes");
        assert_eq!(
            curve.verify_schnorr(&signature, &message, &key),
            Ok(()),
            "input {index}"
        );
    }
}

/// Name and payload of the operation that an input shows.
fn shown(tx: &Transaction, input: usize) -> (String, Vec<u8>) {
    let script = tx.input[input].witness.nth(1).expect("a script");
    let mut instructions = Script::from_bytes(script)
        .instructions()
        .skip(5)
        .map(|i| i.expect("whole"));
    let Some(Instruction::PushBytes(name)) = instructions.next() else {
        panic!("no name");
    };
    let mut payload = vec![];
    for instruction in instructions {
        match instruction {
            Instruction::PushBytes(push) => {
                assert!(push.len() <= 520);
                payload.extend(push.as_bytes());
            }
            Instruction::Op(op) => assert_eq!(op, OP_ENDIF),
        }
    }
    (
        String::from_utf8(name.as_bytes().to_vec()).expect("letters"),
        payload,
    )
}

fn fee(tx: &Transaction, spent: &[TxOut]) -> u64 {
    let sum = |outputs: &[TxOut]| {
        outputs
            .iter()
            .map(|output| output.value.to_sat())
            .sum::<u64>()
    };
    sum(spent) - sum(&tx.output)
}

fn start() -> (Chain, Key) {
    let mut chain = Chain::funded();
    let alice = Key::from_seed("alice");
    chain.fund(&alice, 10_000_000).expect("funded");
    chain.mine();
    (chain, alice)
}

#[test]
fn every_operation_is_published() {
    let (mut chain, alice) = start();
    for operation in operations(&alice) {
        let Published { commit, reveal } = chain
            .publish(&Publish::new(&alice, operation.clone()))
            .expect("funded");
        let payload = operation.payload.encode();
        assert_eq!(
            shown(&reveal, 0),
            (operation.name.clone(), payload),
            "{operation:?}"
        );
        assert_eq!(reveal.output[0], alice.output(DUST));
        for tx in [&commit, &reveal] {
            let spent = spent(&chain, tx);
            verify(tx, &spent);
            assert_eq!(
                fee(tx, &spent),
                tx.vsize() as u64,
                "1 satoshi a virtual byte"
            );
        }
        assert_eq!(
            reveal.output.len(),
            1,
            "the commit pays what is needed, not more"
        );
    }
    let waiting = chain.mempool().count();
    assert_eq!(chain.mine().txdata.len(), 1 + waiting);
    assert_eq!(chain.mempool().count(), 0);
}

#[test]
fn tokens_go_in_and_out() {
    let (mut chain, alice) = start();
    let bob = Key::from_seed("bob");
    let minted = Publish::new(&alice, Operation::ft("gold")).output(bob.output(50_000));
    let minted = chain.publish(&minted).expect("funded");
    let token = minted.outpoint(0);
    assert!(chain.is_kept(&token));
    // Bob has nothing else, and does not pay with his gold.
    assert!(matches!(
        chain.pay(&bob, &alice, 1000),
        Err(ChainError::Funds { have: 0, .. })
    ));

    let parted = chain.transfer(
        &alice,
        &[(token, bob)],
        vec![bob.output(20_000), alice.output(30_000)],
    );
    let parted = parted.expect("alice pays the fee");
    let inputs = spent(&chain, &parted);
    verify(&parted, &inputs);
    assert_eq!(parted.output.len(), 2, "no change where tokens could go");
    assert_eq!(parted.input[0].previous_output, token);
    // What a satoshi of change is not worth goes to the fee.
    assert!(fee(&parted, &inputs) >= parted.vsize() as u64 && fee(&parted, &inputs) < 1000);

    let txid = parted.compute_txid();
    let [first, second] = [0, 1].map(|vout| OutPoint { txid, vout });
    assert!(chain.is_kept(&first) && chain.is_kept(&second));
    // A deposit that is worth more than the outputs: the rest comes back.
    let call = Publish::new(&alice, Operation::call("bank", &[0x51]))
        .spend(first, &bob)
        .spend(second, &alice)
        .output(bob.output(600));
    let called = chain.publish(&call).expect("funded");
    let inputs = spent(&chain, &called.reveal);
    verify(&called.reveal, &inputs);
    assert_eq!(inputs[0].value.to_sat(), DUST);
    let fee = fee(&called.reveal, &inputs);
    assert_eq!(fee, called.reveal.vsize() as u64);
    let back = 50_000 + DUST - 600 - fee;
    assert_eq!(called.reveal.output, [bob.output(600), alice.output(back)]);

    // More than there is: nothing is left behind.
    let waiting = chain.mempool().count();
    let twice = Publish::new(&alice, Operation::nft()).spend(first, &bob);
    assert_eq!(chain.publish(&twice), Err(ChainError::Missing(first)));
    let wrong = chain.transfer(
        &alice,
        &[(called.outpoint(0), bob); 2],
        vec![bob.output(3_000)],
    );
    assert_eq!(wrong, Err(ChainError::Repeated(called.outpoint(0))));
    assert_eq!(chain.mempool().count(), waiting);
}

#[test]
fn the_signature_is_of_the_reveal() {
    let (mut chain, alice) = start();
    let carol = Key::from_seed("carol");
    // As the beta has it: outpoint of input 0, scripts, outputs but for signatures.
    let message = |tx: &Transaction| {
        let outpoint = avm_regtest::id(tx.input[0].previous_output);
        let mut message = [&outpoint[..], &[0x51, 0x52]].concat();
        for output in &tx.output {
            if !output.script_pubkey.as_bytes().starts_with(b"\x6a\x03sig") {
                message.extend(output.value.to_sat().to_le_bytes());
                message.extend(output.script_pubkey.as_bytes());
            }
        }
        sha256::Hash::hash(&message).to_byte_array()
    };
    for outputs in 0..3_u64 {
        let call = Publish::new(&alice, Operation::call("c", &[0x51])).signed(&carol, &message);
        let call = (0..outputs).fold(call, |call, n| call.output(alice.output(1000 + n)));
        let Published { reveal, .. } = chain.publish(&call).expect("funded");
        verify(&reveal, &spent(&chain, &reveal));
        let at = outputs.max(1) as usize;
        let script = reveal.output[at].script_pubkey.as_bytes();
        let signature = script.strip_prefix(b"\x6a\x03sig").expect("a signature");
        assert_eq!(usize::from(signature[0]), signature.len() - 1);
        let signature = ecdsa::Signature::from_der(&signature[1..]).expect("DER");
        let public = PublicKey::from_slice(&carol.public()).expect("a point");
        let digest = Message::from_digest(message(&reveal));
        assert_eq!(
            Secp256k1::new().verify_ecdsa(&digest, &signature, &public),
            Ok(())
        );
        let (_, payload) = shown(&reveal, 0);
        assert!(payload.windows(33).any(|bytes| bytes == carol.public()));
        assert_eq!(reveal.output[at].value.to_sat(), 0);
        let fee = fee(&reveal, &spent(&chain, &reveal));
        assert!(
            (0..4).contains(&(fee - reveal.vsize() as u64)),
            "a signature may be shorter"
        );
    }
}

#[test]
fn work_is_done_if_asked() {
    let (mut chain, alice) = start();
    let operation = Operation::ft("w")
        .arg("bitworkc", "ab")
        .arg("bitworkr", "c.7");
    let [commit, reveal] = ["ab", "c.7"].map(|text| Bitwork::parse(text).expect("bitwork"));
    let published = chain
        .publish(&Publish::new(&alice, operation.clone()))
        .expect("funded");
    assert!(commit.is_met(&published.commit.compute_txid()));
    assert!(reveal.is_met(&published.reveal.compute_txid()));
    for tx in [&published.commit, &published.reveal] {
        verify(tx, &spent(&chain, tx));
    }
    let lazy = Publish {
        grind: false,
        ..Publish::new(&alice, operation)
    };
    let lazy = lazy.build(&chain).expect("funded");
    assert_eq!(lazy.commit.input[0].sequence, lazy.reveal.input[0].sequence);
    let nonsense = Operation::nft()
        .arg("bitworkc", "xyz")
        .arg("bitworkr", 7_u32);
    assert!(chain.publish(&Publish::new(&alice, nonsense)).is_ok());
}

#[test]
fn inputs_lock_times_and_fees_are_as_told() {
    let (mut chain, alice) = start();
    let item = chain
        .publish(&Publish::new(&alice, Operation::nft()))
        .expect("funded")
        .outpoint(0);
    let mut publish = Publish::new(&alice, Operation::named("dat")).fee_rate(7);
    publish.before = vec![(item, alice)];
    publish.lock_time = LockTime::from_consensus(chain.height());
    let made = publish.build(&chain).expect("funded");
    assert_eq!(made.reveal.input[0].previous_output, item);
    assert_eq!(made.reveal.input[1].previous_output, made.committed());
    assert_eq!(shown(&made.reveal, 1).0, "dat");
    let before = chain.clone();
    chain.publish(&publish).expect("funded");
    for tx in [&made.commit, &made.reveal] {
        let spent = spent(&chain, tx);
        verify(tx, &spent);
        assert_eq!(fee(tx, &spent), 7 * tx.vsize() as u64);
    }
    publish.lock_time = LockTime::from_consensus(chain.height() + 1);
    let (mut chain, waiting) = (before.clone(), before.mempool().count());
    assert!(matches!(
        chain.publish(&publish),
        Err(ChainError::LockTime { .. })
    ));
    assert_eq!(chain.mempool().count(), waiting, "the commit is withdrawn");
    let poor = Publish::new(&Key::from_seed("poor"), Operation::nft());
    assert!(matches!(
        chain.publish(&poor),
        Err(ChainError::Funds { have: 0, .. })
    ));
}

#[test]
fn commit_and_reveal_can_be_blocks_apart() {
    let (mut chain, alice) = start();
    let made = Publish::new(&alice, Operation::def("p", &[0x51]))
        .build(&chain)
        .expect("funded");
    assert_eq!(
        chain.submit(made.reveal.clone()),
        Err(ChainError::Missing(made.committed()))
    );
    chain.submit(made.commit.clone()).expect("good");
    chain.mine_empty(2);
    chain.mine();
    chain.mine_empty(3);
    chain.submit(made.reveal.clone()).expect("good");
    chain.mine();
    let coin = chain.confirmed(&made.outpoint(0)).expect("mined");
    assert_eq!(coin.height, chain.height());
    let id: Id = made.id();
    let text = format!("{}i0", made.commit.compute_txid());
    assert_eq!((id_text(&id), &id[32..]), (text, &[0; 4][..]));
    let script = envelope::script(
        &alice,
        "def",
        &Operation::def("p", &[0x51]).payload.encode(),
    );
    assert_eq!(made.reveal.input[0].witness.nth(1), Some(script.as_bytes()));
}
