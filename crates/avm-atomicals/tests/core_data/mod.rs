//! Runs the data files of Bitcoin Core's own tests, as Core runs them.
//!
//! Shared by the test over the committed sample and the one over the full data.
#![allow(clippy::missing_panics_doc, missing_docs)]
// every test that includes this uses a part of it
#![allow(dead_code, unused_imports)]

mod transactions;

use avm_atomicals::bitcoin::{
    BitcoinError, Flags, SpendError, sighash, taproot, text, verify_input,
};
use bitcoin::absolute::LockTime;
use bitcoin::consensus::encode::deserialize_hex;
use bitcoin::hex::{DisplayHex as _, FromHex as _};
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Witness};
use serde_json::Value;

pub use transactions::{spends, tx_invalid, tx_valid};

/// What came out of one file.
#[derive(Debug, Default)]
pub struct Report {
    /// Tests run.
    pub run: usize,
    /// What went wrong, one line each.
    pub wrong: Vec<String>,
}

impl Report {
    fn expect<T: PartialEq + std::fmt::Debug>(&mut self, test: &Value, got: &T, want: &T) {
        if got != want {
            let test = test.to_string();
            let test = &test[..test.len().min(400)];
            self.wrong
                .push(format!("got {got:?}, want {want:?}: {test}"));
        }
    }

    /// Panics unless `run` tests ran and all went right.
    #[track_caller]
    pub fn assert(&self, run: usize) {
        let first: Vec<_> = self.wrong.iter().take(20).collect();
        assert!(first.is_empty(), "{} wrong: {first:#?}", self.wrong.len());
        assert_eq!(self.run, run, "tests run");
    }
}

/// A different stream of flags for each run of a file, the same each time.
struct Random(u64);

impl Random {
    const fn new() -> Self {
        Self(0x9e37_79b9_7f4a_7c15)
    }

    fn flags(&mut self) -> Flags {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        Flags::from_bits((self.0 >> 32) as u32)
    }
}

/// Rows that are tests; rows of one string are comments.
fn rows(data: &Value) -> impl Iterator<Item = &Value> {
    let rows = data.as_array().expect("a list");
    rows.iter()
        .filter(|row| row.as_array().is_some_and(|row| row.len() > 1))
}

fn string(value: &Value) -> &str {
    value.as_str().expect("a string")
}

fn bytes(value: &Value) -> Vec<u8> {
    Vec::from_hex(string(value)).expect("hex")
}

fn outcome(result: Result<(), SpendError>) -> Result<(), BitcoinError> {
    match result {
        Ok(()) => Ok(()),
        Err(SpendError::Refused(failure)) => Err(failure.error),
        Err(error) => panic!("{error}"),
    }
}

/// X of the key 1, which the placeholders in the data stand for.
fn key_of_one() -> [u8; 32] {
    let one = secp256k1::SecretKey::from_secret_bytes({
        let mut one = [0; 32];
        one[31] = 1;
        one
    });
    one.expect("1 is a key")
        .x_only_public_key()
        .0
        .to_byte_array()
}

/// A script test: a transaction, what it spends, and what comes of it.
pub struct ScriptCase {
    /// The transaction, with one input.
    pub tx: Transaction,
    /// The output it spends.
    pub spent: Vec<TxOut>,
    /// The rules.
    pub flags: Flags,
    /// What is expected.
    pub want: Result<(), BitcoinError>,
}

/// A row of `script_tests.json`: witness and amount if any, both scripts, flags, error, comment.
fn script_case(row: &Value) -> ScriptCase {
    let mut row_rest = row.as_array().expect("filtered").as_slice();
    let (mut witness, mut amount, mut output_key) = (Vec::new(), 0, None);
    if let [Value::Array(elements), rest @ ..] = row_rest {
        row_rest = rest;
        let (value, elements) = elements.split_last().expect("an amount");
        amount = (value.as_f64().expect("an amount") * 1e8).round() as u64;
        for element in elements {
            let element = string(element);
            let bytes = if let Some(script) = element.strip_prefix("#SCRIPT#") {
                text::parse(script).expect("a script")
            } else if element == "#CONTROLBLOCK#" {
                let script: &Vec<u8> = witness.last().expect("a script before it");
                let root = taproot::leaf_hash(taproot::TAPSCRIPT, script);
                let key = key_of_one();
                let (output, odd) = taproot::output_key_of(&key, Some(&root)).expect("a key");
                output_key = Some(output);
                [&[taproot::TAPSCRIPT | u8::from(odd)][..], &key].concat()
            } else {
                Vec::from_hex(element).expect("hex")
            };
            witness.push(bytes);
        }
    }
    let [unlocking, output, flags, want, ..] = row_rest else {
        panic!("short row {row}");
    };
    let unlocking = text::parse(string(unlocking)).expect("a script");
    let output = match string(output) {
        "0x51 0x20 #TAPROOTOUTPUT#" => {
            [&[0x51, 32][..], &output_key.expect("a control block")].concat()
        }
        output => text::parse(output).expect("a script"),
    };
    let flags = Flags::parse(string(flags)).expect("flags").filled();
    let want = match string(want) {
        "OK" => Ok(()),
        name => Err(BitcoinError::from_name(name).expect("an error")),
    };
    let (tx, spent) = pay_and_spend(unlocking, output, witness, amount);
    ScriptCase {
        tx,
        spent,
        flags,
        want,
    }
}

/// The rows of `script_tests.json`.
pub fn script_cases(data: &Value) -> impl Iterator<Item = ScriptCase> {
    rows(data).map(script_case)
}

/// `script_tests.json`.
pub fn script_tests(data: &Value) -> Report {
    let mut report = Report::default();
    let mut random = Random::new();
    for row in rows(data) {
        report.run += 1;
        let ScriptCase {
            tx,
            spent,
            flags,
            want,
        } = script_case(row);
        let verify = |flags| outcome(verify_input(&tx, 0, &spent, flags));
        report.expect(row, &verify(flags), &want);
        // fewer flags on what passes and more on what fails change nothing
        for _ in 0..16 {
            let other = random.flags();
            let flags = if want.is_ok() {
                flags & !other
            } else {
                flags | other
            };
            if flags.filled() == flags {
                report.expect(row, &verify(flags).is_ok(), &want.is_ok());
            }
        }
    }
    report
}

/// The spending transaction of a script test, and the output it spends.
fn pay_and_spend(
    unlocking: Vec<u8>,
    output: Vec<u8>,
    witness: Vec<Vec<u8>>,
    amount: u64,
) -> (Transaction, Vec<TxOut>) {
    let tx =
        |previous_output, script_sig: Vec<u8>, witness: Vec<Vec<u8>>, script_pubkey| Transaction {
            version: Version::ONE,
            lock_time: LockTime::ZERO,
            input: vec![TxIn {
                previous_output,
                script_sig: script_sig.into(),
                sequence: Sequence::MAX,
                witness: Witness::from_slice(&witness),
            }],
            output: vec![TxOut {
                value: Amount::from_sat(amount),
                script_pubkey,
            }],
        };
    let pay = tx(OutPoint::null(), vec![0, 0], Vec::new(), output.into());
    let spend = tx(
        OutPoint::new(pay.compute_txid(), 0),
        unlocking,
        witness,
        ScriptBuf::new(),
    );
    (spend, pay.output)
}

/// `sighash.json`: transaction, script, input, hash type, digest.
pub fn sighash(data: &Value) -> Report {
    let mut report = Report::default();
    for row in rows(data) {
        report.run += 1;
        let tx: Transaction = deserialize_hex(string(&row[0])).expect("a transaction");
        let index = row[2].as_u64().expect("a number") as usize;
        let hash_type = row[3].as_i64().expect("a number") as i32;
        let digest = sighash::legacy(&tx, index, &bytes(&row[1]), hash_type.cast_unsigned());
        let mut digest = digest.expect("the input is there");
        digest.reverse();
        report.expect(
            row,
            &digest.to_lower_hex_string().as_str(),
            &string(&row[4]),
        );
    }
    report
}

/// `bip341_wallet_vectors.json`: output keys of trees, control blocks, and digests of key spends.
pub fn bip341(data: &Value) -> Report {
    let mut report = Report::default();
    for case in data["scriptPubKey"].as_array().expect("a list") {
        report.run += 1;
        output_key(&mut report, case);
    }
    for case in data["keyPathSpending"].as_array().expect("a list") {
        report.run += 1;
        key_path(&mut report, case);
    }
    report
}

fn output_key(report: &mut Report, case: &Value) {
    let key: [u8; 32] = bytes(&case["given"]["internalPubkey"])
        .try_into()
        .expect("a key");
    let mut leaves = Vec::new();
    let tree = &case["given"]["scriptTree"];
    let root = (!tree.is_null()).then(|| root(tree, &mut leaves));
    let between = &case["intermediary"];
    let hex = |hash: &[u8; 32]| Value::from(hash.to_lower_hex_string());
    if let Some(hashes) = between["leafHashes"].as_array() {
        let got: Vec<_> = leaves.iter().map(hex).collect();
        report.expect(case, &got, hashes);
    }
    report.expect(
        case,
        &root.as_ref().map_or(Value::Null, hex),
        &between["merkleRoot"],
    );
    let tweak = taproot::tweak_hash(&key, root.as_ref());
    report.expect(case, &hex(&tweak), &between["tweak"]);
    let (output, odd) = taproot::output_key_of(&key, root.as_ref()).expect("a key");
    report.expect(case, &hex(&output), &between["tweakedPubkey"]);
    let script = [&[0x51, 32][..], &output].concat();
    report.expect(case, &script, &bytes(&case["expected"]["scriptPubKey"]));
    let blocks = case["expected"]["scriptPathControlBlocks"].as_array();
    for (block, leaf) in blocks.into_iter().flatten().zip(&leaves) {
        let block = bytes(block);
        report.expect(case, &(block[0] & 1 == 1), &odd);
        let block = taproot::ControlBlock::new(&block).expect("a control block");
        report.expect(case, &block.commits(&output, leaf), &true);
    }
}

/// Hash of a tree, and those of its leaves from left to right.
fn root(tree: &Value, leaves: &mut Vec<[u8; 32]>) -> [u8; 32] {
    if let Some(children) = tree.as_array() {
        let [left, right] = &children[..] else {
            panic!("a node has two children");
        };
        let left = root(left, leaves);
        return taproot::branch_hash(&left, &root(right, leaves));
    }
    let version = tree["leafVersion"].as_u64().expect("a version") as u8;
    let leaf = taproot::leaf_hash(version, &bytes(&tree["script"]));
    leaves.push(leaf);
    leaf
}

/// The signed transaction of `bip341_wallet_vectors.json` with what it spends.
pub fn bip341_signed(data: &Value) -> (Transaction, Vec<TxOut>) {
    let case = &data["keyPathSpending"][0];
    let signed = string(&case["auxiliary"]["fullySignedTx"]);
    let signed = deserialize_hex(signed).expect("a transaction");
    (signed, spent_by(&case["given"]))
}

fn spent_by(given: &Value) -> Vec<TxOut> {
    given["utxosSpent"]
        .as_array()
        .expect("a list")
        .iter()
        .map(|output| TxOut {
            value: Amount::from_sat(output["amountSats"].as_u64().expect("an amount")),
            script_pubkey: bytes(&output["scriptPubKey"]).into(),
        })
        .collect()
}

fn key_path(report: &mut Report, case: &Value) {
    let given = &case["given"];
    let tx: Transaction = deserialize_hex(string(&given["rawUnsignedTx"])).expect("a transaction");
    let spent = spent_by(given);
    let shared = sighash::Shared::new(&tx, &spent);
    for (name, hash) in [
        ("hashAmounts", shared.amounts),
        ("hashOutputs", shared.outputs),
        ("hashPrevouts", shared.prevouts),
        ("hashScriptPubkeys", shared.scripts),
        ("hashSequences", shared.sequences),
    ] {
        let hash: &[u8] = hash.as_ref();
        report.expect(case, &hash, &&bytes(&case["intermediary"][name])[..]);
    }
    for input in case["inputSpending"].as_array().expect("a list") {
        let (given, between) = (&input["given"], &input["intermediary"]);
        let index = given["txinIndex"].as_u64().expect("a number") as usize;
        let hash_type = given["hashType"].as_u64().expect("a number") as u8;
        let part = sighash::TaprootPart::default();
        let message = sighash::taproot_message(&tx, index, &spent, hash_type, &part, &shared);
        report.expect(input, &message, &Some(bytes(&between["sigMsg"])));
        let digest = sighash::taproot(&tx, index, &spent, hash_type, &part, &shared);
        report.expect(
            input,
            &digest.map(Vec::from),
            &Some(bytes(&between["sigHash"])),
        );
    }
    let signed = &case["auxiliary"]["fullySignedTx"];
    let signed: Transaction = deserialize_hex(string(signed)).expect("a transaction");
    for index in 0..signed.input.len() {
        for flags in [Flags::CONSENSUS, Flags::STANDARD] {
            let got = outcome(verify_input(&signed, index, &spent, flags));
            report.expect(&Value::from(index), &got, &Ok(()));
        }
    }
}
