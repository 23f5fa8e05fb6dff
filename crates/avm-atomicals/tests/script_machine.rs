//! Plain Bitcoin on the seam: the laws of every machine, and the same verdicts as without it.

mod core_data;

use std::sync::Arc;

use avm_atomicals::bitcoin::machine::{
    Outcome, Receipt, Script, ScriptImage, Verdict, input_from_bytes, input_to_bytes,
};
use avm_atomicals::bitcoin::{Failure, Flags, Spend, SpendError, text};
use avm_core::{
    Bytes, Claim, Host, HostError, Machine, MemoryInbox, MemoryNodes, MemoryOutbox, Output, Stop,
    Vm, advance,
};
use avm_testkit::laws::{Case, Suite};
use bitcoin::absolute::LockTime;
use bitcoin::transaction::Version;
use bitcoin::{Amount, Transaction, TxIn, TxOut, Witness};
use serde_json::Value;

fn read(name: &str) -> Value {
    let folder = concat!(env!("CARGO_MANIFEST_DIR"), "/../../vectors/bitcoin/");
    let text = std::fs::read_to_string(format!("{folder}{name}")).expect("the file is there");
    serde_json::from_str(&text).expect("the file is JSON")
}

/// A transaction whose inputs are these pairs of unlocking script and script of the output.
fn spends(pairs: &[(&str, &str)]) -> (Transaction, Vec<TxOut>) {
    let script = |script| text::parse(script).expect("a script");
    let input = pairs.iter().map(|(unlocking, _)| TxIn {
        script_sig: script(unlocking).into(),
        ..TxIn::default()
    });
    let spent = pairs.iter().map(|(_, output)| TxOut {
        value: Amount::from_sat(1000),
        script_pubkey: script(output).into(),
    });
    let tx = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: input.collect(),
        output: vec![],
    };
    (tx, spent.collect())
}

fn input((tx, spent): &(Transaction, Vec<TxOut>)) -> Vec<u8> {
    input_to_bytes(tx, spent)
}

fn case(flags: Flags, inputs: Vec<Vec<u8>>) -> Case {
    Case {
        image: ScriptImage { flags }.to_bytes(),
        inputs,
    }
}

/// Takes outputs with their nodes.
#[derive(Default)]
struct Desk {
    inputs: Vec<Bytes>,
    receipts: Vec<Receipt>,
}

impl Host for Desk {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        Ok((!self.inputs.is_empty()).then(|| self.inputs.remove(0)))
    }

    fn emit(&mut self, output: Output<'_>) -> Result<(), HostError> {
        let mut nodes = MemoryNodes::default();
        output.content.save(&mut nodes)?;
        self.receipts.push(Receipt::open(output.hash, &nodes)?);
        Ok(())
    }
}

/// What the machine says of a transaction, and how many steps it takes. With `reopen` it is saved
/// and opened again before every step.
fn verdicts(flags: Flags, input: &[u8], reopen: bool) -> (Outcome, u64) {
    let mut machine: Box<dyn Machine> = Box::new(Script.load(flags));
    let mut desk = Desk {
        inputs: vec![input.into()],
        ..Desk::default()
    };
    let mut steps = 0;
    loop {
        if reopen {
            let mut nodes = MemoryNodes::default();
            let state = machine.save(&mut nodes).expect("memory takes nodes");
            machine = Vm::open(&Script, state, Arc::new(nodes)).expect("a state just saved");
            assert_eq!(machine.state_hash(), state);
        }
        let budget = if reopen { 1 } else { u64::MAX };
        let ran = machine.run(budget, &mut desk).expect("nothing is missing");
        steps += ran.steps;
        if ran.stop == Stop::NeedsInput {
            break;
        }
    }
    let receipt = desk.receipts.pop().expect("a receipt");
    assert!(desk.receipts.is_empty());
    assert_eq!(receipt.transaction, 0);
    (receipt.outcome, steps)
}

/// What the plain way says.
fn plain(tx: &Transaction, spent: &[TxOut], flags: Flags) -> Vec<Option<Failure>> {
    let spend = Spend::new(tx, spent).expect("an output for each input");
    let inputs = 0..tx.input.len();
    let refused = |input| match spend.verify_input(input, flags) {
        Ok(()) => None,
        Err(SpendError::Refused(failure)) => Some(failure),
        Err(error) => panic!("{error}"),
    };
    inputs.map(refused).collect()
}

/// The machine agrees with the plain way, opened before every step or not.
fn check(tx: &Transaction, spent: &[TxOut], flags: Flags) {
    let want = plain(tx, spent, flags).into_iter().zip(0..);
    let want = want.map(|(failure, input)| Verdict { input, failure });
    let want = Outcome::Verified(want.collect());
    let bytes = input_to_bytes(tx, spent);
    let decoded = input_from_bytes(&bytes).expect("a transaction just encoded");
    assert_eq!((&decoded.0, &decoded.1[..]), (tx, spent));
    let (got, steps) = verdicts(flags, &bytes, false);
    assert_eq!(got, want);
    assert_eq!(verdicts(flags, &bytes, true), (want, steps));
}

#[test]
fn verdicts_on_cores_scripts() {
    let mut run = 0;
    for case in core_data::script_cases(&read("script_tests.json")) {
        let failures = plain(&case.tx, &case.spent, case.flags);
        assert_eq!(failures[0].map(|failure| failure.error), case.want.err());
        // of the long ones some are enough, for a save before every step has its price
        if case.tx.total_size() + case.spent[0].size() < 600 || run % 16 == 0 {
            check(&case.tx, &case.spent, case.flags);
        }
        run += 1;
    }
    assert_eq!(run, 356);
}

#[test]
fn verdicts_on_cores_transactions() {
    for (name, count) in [("tx_valid.json", 61), ("tx_invalid.json", 35)] {
        let spends = core_data::spends(&read(name));
        assert!(spends.len() >= count, "{name}: {}", spends.len());
        for (tx, spent) in &spends {
            for flags in [Flags::NONE, Flags::CONSENSUS, Flags::STANDARD] {
                check(tx, spent, flags);
            }
        }
    }
    let (tx, spent) = core_data::bip341_signed(&read("bip341_wallet_vectors.json"));
    check(&tx, &spent, Flags::STANDARD);
}

/// Long elements, both stacks, deep picks, conditions that are not executed, many inputs.
fn hand_made() -> Vec<(Transaction, Vec<TxOut>)> {
    let long = format!("'{}'", "z".repeat(300));
    let deep = format!(
        "{long} DUP TOALTSTACK {} 20 PICK FROMALTSTACK EQUAL",
        "1 ".repeat(20)
    );
    vec![
        spends(&[
            ("1 2", "ADD 3 EQUAL"),
            ("", ""),
            (
                "0",
                "IF RETURN ELSE 1 IF 5 ELSE VERIF ENDIF ENDIF 5 EQUALVERIFY",
            ),
            ("", "1"),
            ("1", ""),
            ("", &deep),
            ("1 0x4c", "1"),
            ("1", "0 IF 0x4d"),
            (
                &format!("{long} {long}"),
                "2DUP EQUALVERIFY HASH256 SIZE 32 EQUALVERIFY SWAP DROP",
            ),
            (
                "1 2 3",
                "DEPTH 3 EQUALVERIFY 2 ROLL 1 EQUALVERIFY CODESEPARATOR 2DROP 1",
            ),
        ]),
        spends(&[("", "1 IF"), ("", "ENDIF")]),
        spends(&[("1 1", "0 0 0 1 1 CHECKMULTISIG")]),
        spends(&[("5 500000001", "CHECKLOCKTIMEVERIFY CHECKSEQUENCEVERIFY 1")]),
    ]
}

#[test]
fn hand_made_transactions_have_the_same_verdicts() {
    for (tx, spent) in hand_made() {
        for flags in [Flags::NONE, Flags::CONSENSUS, Flags::STANDARD] {
            check(&tx, &spent, flags);
        }
    }
}

#[test]
fn keeps_the_laws() {
    let inputs: Vec<_> = hand_made().iter().map(input).collect();
    let mut cases = Vec::new();
    for flags in [Flags::CONSENSUS, Flags::STANDARD] {
        let mut log = inputs.clone();
        log.insert(1, b"no transaction".to_vec());
        log.insert(3, Vec::new());
        log.push(inputs[0][..inputs[0].len() - 1].to_vec());
        cases.push(case(flags, log));
    }
    let (tx, spent) = core_data::bip341_signed(&read("bip341_wallet_vectors.json"));
    let signed = input_to_bytes(&tx, &spent);
    let unsigned = {
        let mut tx = tx;
        tx.input[3].witness = Witness::new();
        input_to_bytes(&tx, &spent)
    };
    cases.push(case(Flags::CONSENSUS, vec![signed, unsigned]));
    let suite = Suite {
        points: 40,
        ..Suite::default()
    };
    suite.check(&Script, &cases);
}

/// Pay to key hash, script hash, witness script hash, taproot: what Core has of them.
#[test]
fn recorded_spends_keep_the_laws() {
    let mut cases = Vec::new();
    let data = read("script_tests.json");
    for (at, row) in core_data::script_cases(&data).enumerate() {
        let witness = !row.tx.input[0].witness.is_empty();
        let by_hash = row.spent[0].script_pubkey.is_p2sh() || row.spent[0].script_pubkey.is_p2pkh();
        if witness || by_hash || at % 10 == 0 {
            cases.push(case(row.flags, vec![input_to_bytes(&row.tx, &row.spent)]));
        }
    }
    assert!(cases.len() > 90, "{}", cases.len());
    for name in ["tx_valid.json", "tx_invalid.json"] {
        let spends = core_data::spends(&read(name));
        let inputs = spends.iter().map(input).collect();
        cases.push(case(Flags::CONSENSUS, inputs));
    }
    let suite = Suite {
        max_steps: 200,
        points: 6,
        ..Suite::default()
    };
    suite.check(&Script, &cases);
}

#[test]
fn malformed_inputs_are_receipts() {
    let good = input(&spends(&[("1", "1")]));
    let two = spends(&[("1", "1"), ("1", "1")]);
    let none = {
        let (mut tx, _) = spends(&[("1", "1")]);
        tx.input.clear();
        input_to_bytes(&tx, &[])
    };
    let cases: [(Vec<u8>, &str); 9] = [
        (
            vec![],
            "the mark of a transaction at byte 0 takes 1 bytes, 0 are left",
        ),
        (
            vec![7],
            "the mark of a transaction at byte 0 is 7, expected 0xb2",
        ),
        (
            vec![0xb2, 0, 0],
            "the transaction at byte 1 takes 4 bytes, 2 are left",
        ),
        (
            vec![0xb2, 0, 0, 0, 2, 1, 2],
            "the transaction of 2 bytes does not decode",
        ),
        (none, "the transaction has no input"),
        (
            input_to_bytes(&two.0, &two.1[..1]),
            "1 spent outputs for 2 inputs",
        ),
        ([&good[..], &[0]].concat(), "1 bytes follow the end at byte"),
        (
            good[..good.len() - 1].to_vec(),
            "the script of an output spent at byte",
        ),
        (
            {
                let mut many = good.clone();
                let at = many.len() - 17;
                many[at..at + 4].fill(0xff);
                many
            },
            "the number of outputs spent at byte",
        ),
    ];
    for (bytes, want) in cases {
        let got = input_from_bytes(&bytes).expect_err(want).to_string();
        assert!(got.starts_with(want), "{got:?}, want {want:?}");
        assert_eq!(
            verdicts(Flags::CONSENSUS, &bytes, false),
            (Outcome::Malformed, 1)
        );
    }
    assert_eq!(
        verdicts(Flags::CONSENSUS, &good, false).0,
        Outcome::Verified(vec![Verdict {
            input: 0,
            failure: None
        }])
    );
}

/// An operation on the stacks reads nothing of the transaction; a signature check does.
#[test]
fn the_transaction_is_read_by_what_asks_about_it() {
    let long = format!("'{}'", "z".repeat(500));
    let key = format!("0x21 0x02{}", "11".repeat(32));
    let output = format!("DUP SIZE DROP DROP 'sig' {key} CHECKSIG NOT");
    let spend = spends(&[(&long, &output)]);
    let bytes = input(&spend);
    let mut machine: Box<dyn Machine> = Box::new(Script.load(Flags::NONE));
    let inbox: MemoryInbox = [&bytes[..]].into_iter().collect();
    let mut claim = Claim::genesis(machine.state_hash());
    let mut reads = Vec::new();
    loop {
        let mut nodes = MemoryNodes::default();
        let state = machine.save(&mut nodes).unwrap();
        let nodes = avm_testkit::watch::RecordingNodes::new(Arc::new(nodes));
        let mut opened = Vm::open(&Script, state, nodes.clone()).unwrap();
        let stop = advance(&mut *opened, claim, &inbox, &mut MemoryOutbox::default(), 1);
        let (next, stop) = stop.unwrap();
        if stop == Stop::NeedsInput {
            break;
        }
        let read = nodes.read();
        let size = read.iter().map(|(_, node)| node.len()).max();
        reads.push((read.iter().count(), size.unwrap() >= bytes.len()));
        machine = opened;
        claim = next;
    }
    // root; then root, running, operation, elements, and bytes of the long one where looked into
    let want = [
        (1, false), // take transaction
        (4, true),  // the push is the last of its script: the script of the output comes from there
        (4, false), // DUP
        (4, false), // SIZE
        (4, false), // DROP
        (4, false), // DROP
        (3, false), // push
        (3, false), // push
        (7, true),  // CHECKSIG
        (5, true),  // NOT, and the end
    ];
    assert_eq!(reads, want);
}
