//! Watching a verification, and what a refusal says.

use avm_atomicals::bitcoin::{Flags, Phase, Spend, Trace, View, text};
use bitcoin::absolute::LockTime;
use bitcoin::hashes::{Hash as _, hash160};
use bitcoin::transaction::Version;
use bitcoin::{Amount, Transaction, TxIn, TxOut};

fn spend(unlocking: &str, output: Vec<u8>) -> (Transaction, [TxOut; 1]) {
    let tx = Transaction {
        version: Version::TWO,
        lock_time: LockTime::ZERO,
        input: vec![TxIn {
            script_sig: text::parse(unlocking).unwrap().into(),
            ..TxIn::default()
        }],
        output: vec![],
    };
    let spent = TxOut {
        value: Amount::ZERO,
        script_pubkey: output.into(),
    };
    (tx, [spent])
}

fn explained(unlocking: &str, output: &str) -> Option<String> {
    let (tx, spent) = spend(unlocking, text::parse(output).unwrap());
    let spend = Spend::new(&tx, &spent).unwrap();
    let explained = spend.explain_input(0, Flags::STANDARD).unwrap();
    // the plain way says the same, less the operands
    let plain = spend.verify_input(0, Flags::STANDARD);
    match &explained {
        None => assert_eq!(plain, Ok(())),
        Some(explained) => assert_eq!(plain, Err(explained.failure.into())),
    }
    explained.map(|explained| explained.to_string())
}

#[test]
fn refusals_in_words() {
    let cases = [
        ("1", "1 EQUAL", None),
        (
            "2 0x050102030405",
            "EQUALVERIFY",
            Some(
                "script of the output: operation 0 at byte 0, OP_EQUALVERIFY: the two top elements \
                 differ; on top 0x0102030405 (21542142465), then 0x02 (2)",
            ),
        ),
        (
            "0",
            "1 IF 1NEGATE 0 NUMEQUALVERIFY ENDIF",
            Some(
                "script of the output: operation 4 at byte 4, OP_NUMEQUALVERIFY: the two top \
                 numbers differ; on top nothing (0), then 0x81 (-1), then nothing (0)",
            ),
        ),
        (
            "1",
            "0x06010203040506 1ADD",
            Some(
                "script of the output: operation 1 at byte 7, OP_1ADD: a number is longer than \
                 allowed, or longer than needed; on top 0x010203040506, then 0x01 (1)",
            ),
        ),
        (
            "1",
            "0xbb",
            Some(
                "script of the output: operation 0 at byte 0, 0xbb: no such operation, or a push \
                 beyond the end of the script; on top 0x01 (1)",
            ),
        ),
        (
            "",
            "0",
            Some("script of the output: the script ended with false, or with nothing, on top"),
        ),
        (
            "1 1",
            "1",
            Some("end: other than one element left at the end"),
        ),
        (
            "",
            "1 IF",
            Some("script of the output: IF without ENDIF, or ELSE or ENDIF without IF"),
        ),
    ];
    for (unlocking, output, want) in cases {
        assert_eq!(
            explained(unlocking, output).as_deref(),
            want,
            "{unlocking} | {output}"
        );
    }
    let long = format!("'{}'", "x".repeat(100));
    let text = explained(&format!("{long} 0"), "EQUALVERIFY").unwrap();
    assert!(text.ends_with("78.. of 100 bytes"), "{text}");
}

/// Phase, number, opcode, executed or not, and the depth of both stacks.
#[derive(Default)]
struct Seen(Vec<(Phase, u32, u8, bool, usize, usize)>);

impl Trace for Seen {
    fn operation(&mut self, view: &View<'_>) {
        let (main, alt) = (view.main.len(), view.alt.len());
        self.0.push((
            view.phase,
            view.at.op,
            view.at.opcode,
            view.executing,
            main,
            alt,
        ));
    }
}

#[test]
fn every_operation_is_seen_before_it_is_performed() {
    let redeem = text::parse("TOALTSTACK 0 IF NOP ENDIF FROMALTSTACK").unwrap();
    let hash = hash160::Hash::hash(&redeem);
    let output = [&[0xa9, 20][..], hash.as_byte_array(), &[0x87]].concat();
    let hex: String = redeem.iter().map(|b| format!("{b:02x}")).collect();
    let (tx, spent) = spend(&format!("1 0x{:02x}{hex}", redeem.len()), output);
    let mut seen = Seen::default();
    let spend = Spend::new(&tx, &spent).unwrap();
    assert_eq!(spend.trace_input(0, Flags::STANDARD, &mut seen), Ok(()));
    use Phase::{RedeemScript as Redeem, ScriptPubkey as Output, ScriptSig as Unlocking};
    let want = [
        (Unlocking, 0, 0x51, true, 0, 0),
        (Unlocking, 1, redeem.len() as u8, true, 1, 0),
        (Output, 0, 0xa9, true, 2, 0),
        (Output, 1, 20, true, 2, 0),
        (Output, 2, 0x87, true, 3, 0),
        (Redeem, 0, 0x6b, true, 1, 0),
        (Redeem, 1, 0x00, true, 0, 1),
        (Redeem, 2, 0x63, true, 1, 1),
        (Redeem, 3, 0x61, false, 0, 1),
        (Redeem, 4, 0x68, false, 0, 1),
        (Redeem, 5, 0x6c, true, 0, 1),
    ];
    assert_eq!(seen.0, want);
}
