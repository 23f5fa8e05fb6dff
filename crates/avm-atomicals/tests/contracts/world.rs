//! A contract that is called: transactions, tokens, keys and signatures around it.

use std::path::Path;
use std::sync::Arc;

use avm_atomicals::asm::{Assembled, Options, assemble, costs, encode_call};
use avm_atomicals::script::call::{amount, token};
use avm_atomicals::script::{CallInput, Contract, Ended, Failure, Rules, Which, verify};
use bitcoin::absolute::LockTime;
use bitcoin::consensus::serialize;
use bitcoin::hashes::{Hash, sha256};
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, ScriptBuf, Sequence, Transaction, TxIn, TxOut, Txid, Witness};
use secp256k1::{Message, PublicKey, SecretKey, ecdsa};

/// Name of the contract in all tests.
const ID: [u8; 36] = [7; 36];

/// A token reference as scripts have it.
pub type Reference = [u8; 36];

/// Somebody who signs.
pub struct Key(SecretKey);

impl Key {
    pub fn new(n: u8) -> Self {
        Self(SecretKey::from_secret_bytes([n; 32]).unwrap())
    }

    pub fn public(&self) -> [u8; 33] {
        PublicKey::from_secret_key(&self.0).serialize()
    }

    pub fn hex(&self) -> String {
        hex(&self.public())
    }
}

pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// What comes with a call besides method and arguments.
#[derive(Clone)]
pub struct With<'a> {
    pub by: Option<&'a Key>,
    pub pays: &'a [(Reference, u64)],
    /// Value and script of each output.
    pub outputs: Vec<(u64, Vec<u8>)>,
    pub lock_time: u32,
    pub sequence: u32,
    /// The signature of another call.
    pub signature: Option<Vec<u8>>,
}

/// A call without anything.
pub fn plain() -> With<'static> {
    With {
        by: None,
        pays: &[],
        outputs: vec![(1_000_000, vec![0x51])],
        lock_time: 0,
        sequence: 0xffff_fffe,
        signature: None,
    }
}

pub fn by(key: &Key) -> With<'_> {
    With {
        by: Some(key),
        ..plain()
    }
}

pub fn paying(pays: &[(Reference, u64)]) -> With<'_> {
    With { pays, ..plain() }
}

/// A contract, and how its last call ended.
pub struct World {
    source: String,
    script: Assembled,
    pub contract: Contract,
    /// Output and amount of each token that the last call paid out.
    pub paid: Vec<(Reference, String, u64)>,
    /// Signature of the last call, if it was signed.
    pub signature: Option<Vec<u8>>,
}

impl World {
    /// The example `name`, not made yet.
    pub fn new(name: &str) -> Self {
        let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/atomicals");
        let source = std::fs::read_to_string(folder.join(name)).unwrap();
        let script = assemble(&source, &Options::default()).unwrap();
        let code = Arc::from(&script.code[..]);
        Self {
            source,
            script,
            contract: Contract::new(ID, code),
            paid: Vec::new(),
            signature: None,
        }
    }

    /// Calls a method with arguments as people write them.
    pub fn call(&mut self, method: &str, args: &[&str], with: &With) -> Result<(), String> {
        let unlock = encode_call(&self.script.methods, method, args).unwrap();
        let cost = self.call_raw(unlock, with)?;
        let costs = costs(&self.script.code, &self.script.lint_options());
        let least = costs
            .iter()
            .find(|cost| cost.method == method)
            .unwrap()
            .least;
        assert!(cost >= least, "{method} costs {cost}, at least {least}");
        Ok(())
    }

    /// Calls with an unlocking script; what it cost, or the error and the word that failed.
    pub fn call_raw(&mut self, unlock: Vec<u8>, with: &With) -> Result<u64, String> {
        let mut outputs = with.outputs.clone();
        let mut signature = with.signature.clone();
        if let (Some(key), None) = (with.by, &signature) {
            signature = Some(self.sign(key, &unlock, &outputs));
        }
        if let Some(signature) = &signature {
            let mut script = b"\x6a\x03sig".to_vec();
            script.extend(avm_atomicals::asm::push(signature));
            outputs.push((0, script));
        }
        let mut input = CallInput {
            unlock: Arc::from(unlock),
            tx: Arc::from(transaction(&outputs, with)),
            auth_key: Arc::from(with.by.map_or(Vec::new(), |key| key.public().to_vec())),
            ft_incoming: Default::default(),
            nft_incoming: Default::default(),
            headers: Default::default(),
            height: 100,
        };
        for (reference, amount) in with.pays {
            let value = Arc::from(&amount.to_be_bytes()[..]);
            input.ft_incoming.insert(&token(reference), value).unwrap();
        }
        let ended = verify(&Rules::AVM1, &self.contract, input).unwrap();
        let accepted = ended.outcome.map_err(|failure| self.told(&failure))?;
        self.contract = accepted.contract;
        self.signature = signature;
        self.paid = Vec::new();
        for entry in accepted.effects.ft_withdraws.iter() {
            let (key, value) = entry.unwrap();
            let (token_key, output) = key.split_at(36);
            let reference = token(token_key.try_into().unwrap());
            let output = String::from_utf8(output.to_vec()).unwrap();
            self.paid.push((reference, output, amount(value)));
        }
        Ok(ended.cost)
    }

    /// What the contract has of a token.
    pub fn balance(&self, reference: &Reference) -> u64 {
        let value = self.contract.ft.get(&token(reference)).unwrap();
        value.map_or(0, |value| amount(value))
    }

    /// The error, and the word of the source that failed.
    fn told(&self, failure: &Failure) -> String {
        let Failure::Script {
            error,
            script,
            op_index,
        } = failure
        else {
            return failure.to_string();
        };
        if *script == Which::Unlock {
            return format!("{} in the unlocking script", error.name());
        }
        if error.name() == "EVAL_FALSE" || error.name() == "CLEANSTACK" {
            return error.name().into();
        }
        let place = self.script.at_op(*op_index).unwrap();
        let line = self
            .source
            .lines()
            .nth(place.span.line as usize - 1)
            .unwrap();
        let word: String = line
            .chars()
            .skip(place.span.column as usize - 1)
            .take(place.span.len as usize)
            .collect();
        format!("{} at {word}", error.name())
    }

    /// The signature of a call. Spec: section 8, Q16.
    fn sign(&self, key: &Key, unlock: &[u8], outputs: &[(u64, Vec<u8>)]) -> Vec<u8> {
        let mut message = b"avm1/auth".to_vec();
        message.extend(ID);
        message.extend(self.contract.chain.0);
        message.extend([9; 32]);
        message.extend(3u32.to_le_bytes());
        message.extend(unlock);
        message.extend(&self.script.code);
        for (value, script) in outputs {
            message.extend(value.to_le_bytes());
            message.extend(script);
        }
        let message = sha256::Hash::hash(&message);
        let digest = sha256::Hash::hash(message.as_byte_array()).to_byte_array();
        ecdsa::sign(Message::from_digest(digest), &key.0)
            .serialize_der()
            .to_vec()
    }
}

/// Runs a script once, as a contract that was never called.
pub fn run(code: &[u8], unlock: Vec<u8>) -> Ended {
    let input = CallInput {
        unlock: Arc::from(unlock),
        tx: Arc::from(transaction(&plain().outputs, &plain())),
        auth_key: Arc::from(Vec::new()),
        ft_incoming: Default::default(),
        nft_incoming: Default::default(),
        headers: Default::default(),
        height: 100,
    };
    verify(&Rules::AVM1, &Contract::new(ID, Arc::from(code)), input).unwrap()
}

fn transaction(outputs: &[(u64, Vec<u8>)], with: &With) -> Vec<u8> {
    let output = |(value, script): &(u64, Vec<u8>)| TxOut {
        value: Amount::from_sat(*value),
        script_pubkey: ScriptBuf::from(script.clone()),
    };
    serialize(&Transaction {
        version: Version::TWO,
        lock_time: LockTime::from_consensus(with.lock_time),
        input: vec![TxIn {
            previous_output: OutPoint {
                txid: Txid::from_byte_array([9; 32]),
                vout: 3,
            },
            script_sig: ScriptBuf::new(),
            sequence: Sequence(with.sequence),
            // The envelope of a contract call is in the witness of input 0.
            witness: Witness::from_slice(&[vec![1; 64], vec![2; 80], vec![3; 33]]),
        }],
        output: outputs.iter().map(output).collect(),
    })
}
