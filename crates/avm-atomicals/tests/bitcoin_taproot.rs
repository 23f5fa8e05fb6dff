//! Taproot and tapscript, of which Core's data files have little. Signatures are made over the
//! digests of the crate `bitcoin`.

use avm_atomicals::bitcoin::{
    BitcoinError as E, Flags, Phase, SpendError, code, taproot, text, verify_input,
};
use bitcoin::absolute::LockTime;
use bitcoin::hashes::Hash as _;
use bitcoin::sighash::{Annex, Prevouts, SighashCache, TapSighashType};
use bitcoin::taproot::TapLeafHash;
use bitcoin::transaction::Version;
use bitcoin::{Amount, ScriptBuf, Transaction, TxIn, TxOut, Witness};
use secp256k1::{Keypair, Scalar, SecretKey};

type Outcome = Result<(), (Phase, E)>;

const PROGRAM: Phase = Phase::WitnessProgram;
const KEY: Phase = Phase::KeyPath;
const SCRIPT: Phase = Phase::Tapscript;

fn keypair() -> Keypair {
    SecretKey::from_secret_bytes([9; 32]).unwrap().keypair()
}

fn key() -> [u8; 32] {
    keypair().x_only_public_key().0.to_byte_array()
}

/// An output of taproot with a tree of one leaf, or none.
struct Spent {
    leaf: Option<(u8, Vec<u8>)>,
    annex: Option<Vec<u8>>,
    outputs: usize,
}

impl Spent {
    const KEY: Self = Self {
        leaf: None,
        annex: None,
        outputs: 2,
    };

    fn script(text: &str) -> Self {
        Self::leaf(taproot::TAPSCRIPT, text::parse(text).unwrap())
    }

    fn leaf(version: u8, script: Vec<u8>) -> Self {
        let leaf = Some((version, script));
        Self { leaf, ..Self::KEY }
    }

    fn annex(self, annex: &[u8]) -> Self {
        let annex = Some(annex.to_vec());
        Self { annex, ..self }
    }

    fn leaf_hash(&self) -> Option<[u8; 32]> {
        let (version, script) = self.leaf.as_ref()?;
        Some(taproot::leaf_hash(*version, script))
    }

    fn output_key(&self) -> ([u8; 32], bool) {
        taproot::output_key_of(&key(), self.leaf_hash().as_ref()).unwrap()
    }

    fn control(&self) -> Vec<u8> {
        let (version, _) = self.leaf.as_ref().unwrap();
        let parity = u8::from(self.output_key().1);
        [&[version | parity][..], &key()].concat()
    }

    /// Both inputs are the same; the second is the one in question.
    fn tx(&self) -> (Transaction, Vec<TxOut>) {
        let script = [&[0x51, 32][..], &self.output_key().0].concat();
        let output = TxOut {
            value: Amount::from_sat(1000),
            script_pubkey: script.into(),
        };
        let tx = Transaction {
            version: Version::TWO,
            lock_time: LockTime::ZERO,
            input: vec![TxIn::default(); 2],
            output: vec![output.clone(); self.outputs],
        };
        (tx, vec![output; 2])
    }

    /// A signature over this spend; the key is tweaked if it is for the output itself.
    fn sign(&self, hash_type: TapSighashType, separator: u32) -> Vec<u8> {
        let (tx, spent) = self.tx();
        let annex = self.annex.as_ref().map(|annex| Annex::new(annex).unwrap());
        let leaf = self.leaf_hash();
        let leaf = leaf.map(|leaf| (TapLeafHash::from_byte_array(leaf), separator));
        let digest = SighashCache::new(&tx)
            .taproot_signature_hash(1, &Prevouts::All(&spent), annex, leaf, hash_type)
            .unwrap();
        let pair = match leaf {
            Some(_) => keypair(),
            None => {
                let tweak = taproot::tweak_hash(&key(), None);
                keypair()
                    .add_xonly_tweak(&Scalar::from_be_bytes(tweak).unwrap())
                    .unwrap()
            }
        };
        let signature = pair.sign_schnorr_no_aux_rand(&digest.to_byte_array());
        let mut bytes = signature.to_byte_array().to_vec();
        if hash_type != TapSighashType::Default {
            bytes.push(hash_type as u8);
        }
        bytes
    }

    fn signed(&self) -> Vec<u8> {
        self.sign(TapSighashType::Default, u32::MAX)
    }

    /// Script and control block after these elements, and the annex.
    fn witness(&self, elements: &[Vec<u8>]) -> Vec<Vec<u8>> {
        let mut witness = elements.to_vec();
        if let Some((_, script)) = &self.leaf {
            witness.extend([script.clone(), self.control()]);
        }
        witness.extend(self.annex.clone());
        witness
    }

    fn check_with(&self, witness: &[Vec<u8>], flags: Flags) -> Outcome {
        let (mut tx, spent) = self.tx();
        tx.input[1].witness = Witness::from_slice(witness);
        verify_input(&tx, 1, &spent, flags).map_err(|error| match error {
            SpendError::Refused(failure) => (failure.phase, failure.error),
            error => panic!("{error}"),
        })
    }

    fn check(&self, elements: &[Vec<u8>], flags: Flags) -> Outcome {
        self.check_with(&self.witness(elements), flags)
    }
}

fn hex(bytes: &[u8]) -> String {
    let digits: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    format!("0x{:02x}{digits}", bytes.len())
}

#[test]
fn spends_by_key() {
    let spent = Spent::KEY;
    let good = spent.signed();
    let with = |hash_type: u8| [&good[..64], &[hash_type]].concat();
    let mut changed = good.clone();
    changed[5] ^= 1;
    let no_output = Spent {
        outputs: 1,
        ..Spent::KEY
    };
    let cases: [(&str, Vec<u8>, Outcome); 8] = [
        ("good", good.clone(), Ok(())),
        ("changed", changed, Err((KEY, E::SchnorrSig))),
        (
            "default as a byte",
            with(0),
            Err((KEY, E::SchnorrSigHashtype)),
        ),
        ("hash type 4", with(4), Err((KEY, E::SchnorrSigHashtype))),
        (
            "hash type 0x80",
            with(0x80),
            Err((KEY, E::SchnorrSigHashtype)),
        ),
        (
            "63 bytes",
            good[..63].to_vec(),
            Err((KEY, E::SchnorrSigSize)),
        ),
        (
            "66 bytes",
            [&with(1)[..], &[1]].concat(),
            Err((KEY, E::SchnorrSigSize)),
        ),
        ("empty", vec![], Err((KEY, E::SchnorrSigSize))),
    ];
    for (name, signature, want) in cases {
        assert_eq!(spent.check(&[signature], Flags::STANDARD), want, "{name}");
    }
    for hash_type in [
        TapSighashType::All,
        TapSighashType::None,
        TapSighashType::Single,
        TapSighashType::AllPlusAnyoneCanPay,
        TapSighashType::NonePlusAnyoneCanPay,
        TapSighashType::SinglePlusAnyoneCanPay,
    ] {
        let signature = spent.sign(hash_type, u32::MAX);
        assert_eq!(
            spent.check(&[signature], Flags::STANDARD),
            Ok(()),
            "{hash_type}"
        );
    }
    assert_eq!(
        no_output.check(&[with(3)], Flags::STANDARD),
        Err((KEY, E::SchnorrSigHashtype)),
        "no output of that number"
    );
    assert_eq!(
        spent.check(&[], Flags::STANDARD),
        Err((PROGRAM, E::WitnessProgramWitnessEmpty))
    );
    let before = Flags::CONSENSUS & !Flags::TAPROOT;
    assert_eq!(spent.check(&[], before), Ok(()), "before taproot");
}

#[test]
fn an_annex_is_signed() {
    let with = Spent::KEY.annex(&[0x50, 1, 2]);
    let other = Spent::KEY.annex(&[0x50, 1, 3]);
    assert_eq!(with.check(&[with.signed()], Flags::STANDARD), Ok(()));
    for signature in [Spent::KEY.signed(), other.signed()] {
        let got = with.check(&[signature], Flags::STANDARD);
        assert_eq!(got, Err((KEY, E::SchnorrSig)));
    }
    // alone it is no annex
    let alone = Spent::KEY.check_with(&[vec![0x50]], Flags::STANDARD);
    assert_eq!(alone, Err((KEY, E::SchnorrSigSize)));
    let script = Spent::script("1").annex(&[0x50]);
    assert_eq!(script.check(&[], Flags::STANDARD), Ok(()));
}

#[test]
fn commitments() {
    let spent = Spent::script("1");
    let script = vec![0x51];
    let control = spent.control();
    let mut parity = control.clone();
    parity[0] ^= 1;
    let mut version = control.clone();
    version[0] ^= 2;
    let longer = [&control[..], &[0; 32]].concat();
    let cases: [(&str, [Vec<u8>; 2], Outcome); 6] = [
        ("good", [script.clone(), control.clone()], Ok(())),
        (
            "another script",
            [vec![0x52], control.clone()],
            Err((PROGRAM, E::WitnessProgramMismatch)),
        ),
        (
            "parity",
            [script.clone(), parity],
            Err((PROGRAM, E::WitnessProgramMismatch)),
        ),
        (
            "leaf version",
            [script.clone(), version],
            Err((PROGRAM, E::WitnessProgramMismatch)),
        ),
        (
            "path",
            [script.clone(), longer],
            Err((PROGRAM, E::WitnessProgramMismatch)),
        ),
        (
            "size",
            [script, control[..32].to_vec()],
            Err((PROGRAM, E::TaprootWrongControlSize)),
        ),
    ];
    for (name, witness, want) in cases {
        assert_eq!(spent.check_with(&witness, Flags::STANDARD), want, "{name}");
    }
}

#[test]
fn unknown_leaf_versions_wait_for_a_meaning() {
    let spent = Spent::leaf(0xc2, text::parse("RETURN").unwrap());
    assert_eq!(spent.check(&[], Flags::CONSENSUS), Ok(()));
    assert_eq!(
        spent.check(&[], Flags::STANDARD),
        Err((PROGRAM, E::DiscourageUpgradableTaprootVersion))
    );
}

#[test]
fn signatures_in_tapscript() {
    let k = hex(&key());
    let one = Spent::script(&format!("{k} CHECKSIG"));
    let add = Spent::script(&format!(
        "{k} CHECKSIG {k} CHECKSIGADD {k} CHECKSIGADD 2 NUMEQUAL"
    ));
    let verify = Spent::script(&format!("{k} CHECKSIGVERIFY 1"));
    let (no, yes) = (vec![], Flags::STANDARD);
    assert_eq!(one.check(&[one.signed()], yes), Ok(()));
    assert_eq!(
        one.check(std::slice::from_ref(&no), yes),
        Err((SCRIPT, E::EvalFalse))
    );
    assert_eq!(one.check(&[vec![7; 64]], yes), Err((SCRIPT, E::SchnorrSig)));
    assert_eq!(
        one.check(&[vec![7; 10]], yes),
        Err((SCRIPT, E::SchnorrSigSize))
    );
    assert_eq!(one.check(&[], yes), Err((SCRIPT, E::InvalidStackOperation)));
    assert_eq!(
        verify.check(std::slice::from_ref(&no), yes),
        Err((SCRIPT, E::CheckSigVerify))
    );
    let signed = add.signed();
    assert_eq!(
        add.check(&[signed.clone(), no.clone(), signed.clone()], yes),
        Ok(())
    );
    assert_eq!(
        add.check(&[no.clone(), no, signed], yes),
        Err((SCRIPT, E::EvalFalse))
    );
    let multisig = Spent::script("0 0 0 CHECKMULTISIG");
    assert_eq!(
        multisig.check(&[], Flags::CONSENSUS),
        Err((SCRIPT, E::TapscriptCheckMultisig))
    );
}

#[test]
fn keys_of_other_lengths() {
    let [empty, long] = ["0 CHECKSIG", "'abc' CHECKSIG"].map(Spent::script);
    for signature in [vec![], vec![1]] {
        let got = empty.check(std::slice::from_ref(&signature), Flags::CONSENSUS);
        assert_eq!(got, Err((SCRIPT, E::TapscriptEmptyPubkey)));
        let got = long.check(std::slice::from_ref(&signature), Flags::STANDARD);
        assert_eq!(got, Err((SCRIPT, E::DiscourageUpgradablePubkeyType)));
    }
    // any signature but the empty one is good
    assert_eq!(long.check(&[vec![1]], Flags::CONSENSUS), Ok(()));
    assert_eq!(
        long.check(&[vec![]], Flags::CONSENSUS),
        Err((SCRIPT, E::EvalFalse))
    );
}

#[test]
fn separators_are_signed_by_number() {
    let k = hex(&key());
    // the second separator is not executed; it is operation 5
    let spent = Spent::script(&format!(
        "CODESEPARATOR 'x' DROP 0 IF CODESEPARATOR ENDIF {k} CHECKSIG"
    ));
    for (separator, want) in [
        (0, Ok(())),
        (5, Err((SCRIPT, E::SchnorrSig))),
        (u32::MAX, Err((SCRIPT, E::SchnorrSig))),
    ] {
        let signature = spent.sign(TapSighashType::Default, separator);
        assert_eq!(
            spent.check(&[signature], Flags::STANDARD),
            want,
            "{separator}"
        );
    }
    let last = Spent::script(&format!("'x' DROP 1 IF CODESEPARATOR ENDIF {k} CHECKSIG"));
    let signature = last.sign(TapSighashType::Default, 4);
    assert_eq!(last.check(&[signature], Flags::STANDARD), Ok(()));
}

#[test]
fn checks_are_paid_for_by_the_size_of_the_witness() {
    let k = hex(&key());
    let checks = 20;
    let script = format!("{k} {} CHECKSIG", "2DUP CHECKSIGVERIFY ".repeat(checks - 1));
    let spent = Spent::script(&script);
    let (_, code) = spent.leaf.clone().unwrap();
    // number of elements, then each with its length
    let plain = 1 + 65 + 1 + code.len() + 1 + 33;
    // an annex of this size, with a length byte, makes weight of what checks cost
    let annex = checks * 50 - 50 - plain - 3;
    assert!(annex > 252, "its length takes three bytes");
    for (annex, want) in [
        (annex, Ok(())),
        (annex - 1, Err((SCRIPT, E::TapscriptValidationWeight))),
    ] {
        let spent = Spent::script(&script).annex(&vec![0x50; annex]);
        assert_eq!(
            spent.check(&[spent.signed()], Flags::STANDARD),
            want,
            "{annex}"
        );
    }
}

#[test]
fn op_success() {
    let codes: Vec<u8> = (0..=0xff)
        .filter(|code| code::is_op_success(*code))
        .collect();
    assert_eq!(codes.len(), 87, "BIP342");
    for opcode in codes {
        let spent = Spent::leaf(taproot::TAPSCRIPT, vec![0x6a, opcode]);
        assert_eq!(spent.check(&[], Flags::CONSENSUS), Ok(()), "{opcode:x}");
        assert_eq!(
            spent.check(&[], Flags::STANDARD),
            Err((SCRIPT, E::DiscourageOpSuccess)),
            "{opcode:x}"
        );
    }
    let leaf = |script: &[u8]| Spent::leaf(taproot::TAPSCRIPT, script.to_vec());
    // what follows need not decode, what precedes must
    assert_eq!(leaf(&[0x50, 2, 1]).check(&[], Flags::CONSENSUS), Ok(()));
    assert_eq!(
        leaf(&[2, 0x50]).check(&[], Flags::CONSENSUS),
        Err((SCRIPT, E::BadOpcode))
    );
    // no limit of elements holds
    assert_eq!(
        leaf(&[0x50]).check(&vec![vec![0; 521]; 1001], Flags::CONSENSUS),
        Ok(())
    );
}

#[test]
fn limits_of_tapscript() {
    let long = Spent::script(&format!("1 {}", "NOP ".repeat(20_000)));
    assert_eq!(
        long.check(&[], Flags::STANDARD),
        Ok(()),
        "no limit of length and operations"
    );
    let drops = Spent::script(&format!("{} 1", "DROP ".repeat(1000)));
    assert_eq!(drops.check(&vec![vec![]; 1000], Flags::STANDARD), Ok(()));
    assert_eq!(
        drops.check(&vec![vec![]; 1001], Flags::STANDARD),
        Err((SCRIPT, E::StackSize))
    );
    let drop = Spent::script("DROP 1");
    assert_eq!(drop.check(&[vec![1; 520]], Flags::STANDARD), Ok(()));
    assert_eq!(
        drop.check(&[vec![1; 521]], Flags::STANDARD),
        Err((SCRIPT, E::PushSize))
    );
    let condition = Spent::script("IF 1 ELSE 1 ENDIF");
    for (argument, want) in [
        (vec![], Ok(())),
        (vec![1], Ok(())),
        (vec![2], Err((SCRIPT, E::TapscriptMinimalIf))),
        (vec![0], Err((SCRIPT, E::TapscriptMinimalIf))),
        (vec![1, 0], Err((SCRIPT, E::TapscriptMinimalIf))),
    ] {
        assert_eq!(condition.check(&[argument], Flags::CONSENSUS), want);
    }
    assert_eq!(
        Spent::script("1 1").check(&[], Flags::CONSENSUS),
        Err((SCRIPT, E::CleanStack))
    );
}

#[test]
fn other_witness_programs() {
    let spend = |output: Vec<u8>, unlocking: Vec<u8>, flags| {
        let (mut tx, mut spent) = Spent::KEY.tx();
        spent[1].script_pubkey = ScriptBuf::from(output);
        tx.input[1].script_sig = unlocking.into();
        verify_input(&tx, 1, &spent, flags).map_err(|error| match error {
            SpendError::Refused(failure) => (failure.phase, failure.error),
            error => panic!("{error}"),
        })
    };
    let discouraged = Err((PROGRAM, E::DiscourageUpgradableWitnessProgram));
    let anchor = vec![0x51, 2, 0x4e, 0x73];
    let in_p2sh = |program: &[u8]| {
        let hash = bitcoin::hashes::hash160::Hash::hash(program);
        let output = [&[0xa9, 20][..], hash.as_byte_array(), &[0x87]].concat();
        let mut unlocking = vec![];
        code::push_bytes(&mut unlocking, program);
        (output, unlocking)
    };
    let taproot = [&[0x51, 32][..], &[7; 32]].concat();
    let cases = [
        ("anchor", (anchor.clone(), vec![]), Ok(())),
        ("anchor in P2SH", in_p2sh(&anchor), discouraged),
        (
            "version 2",
            (vec![0x52, 2, 0x4e, 0x73], vec![]),
            discouraged,
        ),
        ("taproot in P2SH", in_p2sh(&taproot), discouraged),
    ];
    for (name, (output, unlocking), standard) in cases {
        let got = spend(output.clone(), unlocking.clone(), Flags::CONSENSUS);
        assert_eq!(got, Ok(()), "{name}");
        assert_eq!(
            spend(output, unlocking, Flags::STANDARD),
            standard,
            "{name}"
        );
    }
}
