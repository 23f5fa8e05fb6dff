//! Random transactions, of which one input spends an output of a chosen kind.

use avm_atomicals::bitcoin::sighash::{self, Shared, TaprootPart};
use avm_atomicals::bitcoin::taproot;
use bitcoin::absolute::LockTime;
use bitcoin::hashes::{Hash as _, hash160, sha256};
use bitcoin::transaction::Version;
use bitcoin::{Amount, OutPoint, Sequence, Transaction, TxIn, TxOut, Txid, Witness};

use super::random::Random;
use super::script::{self, Asking, push};
use super::sign;

#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    Bare,
    P2sh,
    P2wsh,
    P2shP2wsh,
    P2wpkh,
    P2shP2wpkh,
    Key,
    Tapscript,
}

impl Kind {
    pub const ALL: &[Self] = &[
        Self::Bare,
        Self::P2sh,
        Self::P2wsh,
        Self::P2shP2wsh,
        Self::P2wpkh,
        Self::P2shP2wpkh,
        Self::Key,
        Self::Tapscript,
    ];
}

#[derive(Debug)]
pub struct Made {
    pub kind: Kind,
    pub tx: Transaction,
    pub spent: Vec<TxOut>,
    /// The input in question.
    pub index: usize,
}

impl Made {
    pub fn new(random: &mut Random) -> Self {
        let inputs = 1 + random.below(3);
        let outputs = random.below(4);
        let mut made = Self {
            kind: random.pick(Kind::ALL),
            tx: Transaction {
                version: Version(random.pick(&[1, 2, 2, 3, -1, 0])),
                lock_time: LockTime::from_consensus(random.time()),
                input: (0..inputs).map(|_| input(random)).collect(),
                output: (0..outputs).map(|_| output(random)).collect(),
            },
            spent: (0..inputs).map(|_| output(random)).collect(),
            index: random.below(inputs) as usize,
        };
        match made.kind {
            Kind::Key | Kind::Tapscript => made.taproot(random),
            Kind::P2wpkh | Kind::P2shP2wpkh => made.p2wpkh(random),
            _ => made.script(random),
        }
        if random.one_in(4) {
            made.damage(random);
        }
        made
    }

    fn lock(&mut self, script: Vec<u8>) {
        self.spent[self.index].script_pubkey = script.into();
    }

    /// Locks by the hash of `redeem` and gives it.
    fn lock_p2sh(&mut self, redeem: &[u8]) {
        let hash = hash160::Hash::hash(redeem);
        self.lock([&[0xa9, 20][..], hash.as_byte_array(), &[0x87]].concat());
        let own = &mut self.tx.input[self.index];
        own.script_sig = [own.script_sig.as_bytes(), &push(redeem)].concat().into();
    }

    fn give(&mut self, witness: &[Vec<u8>]) {
        self.tx.input[self.index].witness = Witness::from_slice(witness);
    }

    /// What an ECDSA signature signs.
    fn digest(&self, witness: bool, code: &[u8], hash_type: u8) -> [u8; 32] {
        let (tx, index, hash_type) = (&self.tx, self.index, u32::from(hash_type));
        let digest = if witness {
            let shared = Shared::new(tx, &self.spent);
            let amount = self.spent[index].value.to_sat();
            sighash::witness_v0(tx, index, code, amount, hash_type, &shared)
        } else {
            sighash::legacy(tx, index, code, hash_type)
        };
        digest.expect("the input is there")
    }

    fn p2wpkh(&mut self, random: &mut Random) {
        let key = sign::key(random, 0, true);
        let hash = hash160::Hash::hash(&key);
        let program = [&[0, 20][..], hash.as_byte_array()].concat();
        let code = [&[0x76, 0xa9, 20][..], hash.as_byte_array(), &[0x88, 0xac]].concat();
        if self.kind == Kind::P2wpkh {
            self.lock(program);
        } else {
            self.lock_p2sh(&program);
        }
        let hash_type = hash_type(random);
        let digest = self.digest(true, &code, hash_type);
        let signature = sign::ecdsa(random, 0, digest, hash_type);
        self.give(&[signature, key]);
    }

    /// Bare, by its hash, in a witness, or both.
    fn script(&mut self, random: &mut Random) {
        let witness = matches!(self.kind, Kind::P2wsh | Kind::P2shP2wsh);
        let mut elements = vec![];
        let script = if random.one_in(3) {
            for _ in 0..random.below(5) {
                let len = random.below(4);
                elements.push(random.bytes(len));
            }
            script::any(random)
        } else {
            let asking = Asking::ecdsa(random, witness);
            if asking.extra {
                elements.push(if random.one_in(10) { vec![1] } else { vec![] });
            }
            let code = &asking.script[asking.code_from..];
            for signer in asking.signers {
                let hash_type = hash_type(random);
                let digest = self.digest(witness, code, hash_type);
                elements.push(sign::ecdsa(random, signer, digest, hash_type));
            }
            asking.script
        };
        let program = [&[0, 32][..], sha256::Hash::hash(&script).as_byte_array()].concat();
        if !witness {
            let pushes: Vec<u8> = elements.iter().flat_map(|element| push(element)).collect();
            self.tx.input[self.index].script_sig = pushes.into();
        }
        match self.kind {
            Kind::Bare => self.lock(script),
            Kind::P2sh => self.lock_p2sh(&script),
            kind => {
                if kind == Kind::P2wsh {
                    self.lock(program);
                } else {
                    self.lock_p2sh(&program);
                }
                elements.push(script);
                self.give(&elements);
            }
        }
    }

    fn taproot(&mut self, random: &mut Random) {
        let asking = Asking::schnorr(random);
        let any = random.one_in(3);
        let script = if any {
            script::any(random)
        } else {
            asking.script
        };
        let version = match random.below(10) {
            0 => random.byte() & 0xfe,
            _ => taproot::TAPSCRIPT,
        };
        let leaf = taproot::leaf_hash(version, &script);
        let path: Vec<_> = (0..random.below(3)).map(|_| random.hash()).collect();
        let root = path
            .iter()
            .fold(leaf, |node, other| taproot::branch_hash(&node, other));
        let by_script = self.kind == Kind::Tapscript;
        let root = (by_script || random.one_in(2)).then_some(root);
        let key = sign::x_only();
        let (output, odd) = taproot::output_key_of(&key, root.as_ref()).expect("a key");
        self.lock([&[0x51, 32][..], &output].concat());

        let annex = random.one_in(3).then(|| {
            let len = random.below(60);
            [&[taproot::ANNEX][..], &random.bytes(len)].concat()
        });
        let part = TaprootPart {
            annex: annex.as_deref().map(sighash::annex_digest),
            leaf: by_script.then_some((leaf, asking.separator)),
        };
        let tweak = (!by_script).then(|| taproot::tweak_hash(&key, root.as_ref()));
        let signature = self.schnorr(random, &part, tweak);
        let mut elements = match (by_script, any) {
            (false, _) => vec![signature],
            (true, true) => {
                let count = random.below(4);
                let mut element = || {
                    let len = random.below(4);
                    random.bytes(len)
                };
                (0..count).map(|_| element()).collect()
            }
            (true, false) if random.one_in(12) => vec![vec![]; asking.signers.len()],
            (true, false) => vec![signature; asking.signers.len()],
        };
        if by_script {
            let control = [&[version | u8::from(odd)][..], &key, path.as_flattened()].concat();
            elements.extend([script, control]);
        }
        elements.extend(annex);
        self.give(&elements);
    }

    /// A signature, with its hash type unless that is the default; of nothing if the hash type is
    /// of an output that is not there.
    fn schnorr(&self, random: &mut Random, part: &TaprootPart, tweak: Option<[u8; 32]>) -> Vec<u8> {
        let shared = Shared::new(&self.tx, &self.spent);
        let hash_type = random.pick(&[0, 1, 2, 3, 0x81, 0x82, 0x83]);
        let (tx, index) = (&self.tx, self.index);
        let digest = sighash::taproot(tx, index, &self.spent, hash_type, part, &shared);
        let mut signature = sign::schnorr(&digest.unwrap_or_default(), tweak);
        if hash_type != 0 || random.one_in(20) {
            signature.push(hash_type);
        }
        signature
    }

    /// Changes something of the input or the transaction.
    fn damage(&mut self, random: &mut Random) {
        let own = &mut self.tx.input[self.index];
        let mut unlocking = own.script_sig.to_bytes();
        let mut witness = own.witness.to_vec();
        match random.below(6) {
            0 | 1 if !unlocking.is_empty() => flip(random, &mut unlocking),
            0..=2 if !witness.is_empty() => {
                let at = random.below(witness.len() as u64) as usize;
                flip(random, &mut witness[at]);
            }
            3 => witness.push(random.bytes(3)),
            4 => unlocking.push(0x51),
            _ => own.sequence = Sequence(random.time()),
        }
        own.script_sig = unlocking.into();
        own.witness = Witness::from_slice(&witness);
    }
}

/// Changes one bit, or adds a byte if there is none.
fn flip(random: &mut Random, bytes: &mut Vec<u8>) {
    if bytes.is_empty() {
        bytes.push(0);
    } else {
        let at = random.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << random.below(8);
    }
}

fn hash_type(random: &mut Random) -> u8 {
    if random.one_in(3) {
        return random.byte();
    }
    random.pick(&[0x01, 0x02, 0x03, 0x81, 0x82, 0x83])
}

fn input(random: &mut Random) -> TxIn {
    TxIn {
        previous_output: OutPoint::new(Txid::from_byte_array(random.hash()), random.time()),
        sequence: Sequence(random.time()),
        ..TxIn::default()
    }
}

fn output(random: &mut Random) -> TxOut {
    let len = random.below(40);
    TxOut {
        value: Amount::from_sat(random.below(1_000_000)),
        script_pubkey: random.bytes(len).into(),
    }
}
