//! The script that publishes an operation. Spec: section 14.1.

use bitcoin::opcodes::OP_0;
use bitcoin::opcodes::all::{OP_CHECKSIG, OP_ENDIF, OP_IF, OP_RETURN};
use bitcoin::script::{Builder, PushBytes, PushBytesBuf};
use bitcoin::taproot::{LeafVersion, TaprootBuilder, TaprootSpendInfo};
use bitcoin::{Amount, ScriptBuf, TxOut, Witness};

use crate::key::CURVE;
use crate::{Key, Operation};

/// Most bytes of a push (BIP342 keeps this limit).
const PUSH_MAX: usize = 520;
/// `OP_IF`, and a push of `atom`.
const MARK: [u8; 6] = [0x63, 0x04, b'a', b't', b'o', b'm'];

/// An operation as the only script of a taproot output, whose key can spend it too.
#[derive(Clone, Debug)]
pub(crate) struct Envelope {
    pub script: ScriptBuf,
    key: Key,
    tree: TaprootSpendInfo,
}

impl Envelope {
    /// # Panics
    /// If the name of the operation is longer than 520 bytes.
    pub fn new(key: Key, operation: &Operation) -> Self {
        let script = script(&key, &operation.name, &operation.payload.encode());
        let tree = TaprootBuilder::new()
            .add_leaf(0, script.clone())
            .expect("a lone leaf is the root")
            .finalize(&CURVE, key.xonly())
            .expect("one script is a whole tree");
        Self { script, key, tree }
    }

    /// The output that a commit pays to.
    pub fn output(&self, sats: u64) -> TxOut {
        TxOut {
            value: Amount::from_sat(sats),
            script_pubkey: ScriptBuf::new_p2tr_tweaked(self.tree.output_key()),
        }
    }

    /// The witness that shows the script, with a signature that the key made for the leaf.
    pub fn witness(&self, signature: &[u8; 64]) -> Witness {
        let leaf = (self.script.clone(), LeafVersion::TapScript);
        let control = self
            .tree
            .control_block(&leaf)
            .expect("the script is in the tree");
        Witness::from_slice(&[&signature[..], self.script.as_bytes(), &control.serialize()])
    }

    /// Signs the leaf as an input of the transaction.
    pub fn sign(&self, tx: &bitcoin::Transaction, input: usize, spent: &[TxOut]) -> Witness {
        self.witness(&self.key.sign_leaf(tx, input, spent, &self.script))
    }
}

/// The script of an envelope: a signature check, then the operation in a branch that is not taken.
#[must_use]
pub fn script(key: &Key, operation: &str, payload: &[u8]) -> ScriptBuf {
    let push = |bytes: &[u8]| PushBytesBuf::try_from(bytes.to_vec()).expect("at most 520 bytes");
    let head = Builder::new()
        .push_x_only_key(&key.xonly())
        .push_opcode(OP_CHECKSIG)
        .push_opcode(OP_0)
        .push_opcode(OP_IF)
        .push_slice(b"atom")
        .push_slice(push(operation.as_bytes()));
    let pushes = payload
        .chunks(PUSH_MAX)
        .fold(head, |script, chunk| script.push_slice(push(chunk)));
    pushes.push_opcode(OP_ENDIF).into_script()
}

/// The output that carries the signature of a call. Spec: section 8.
#[must_use]
pub fn signature_output(signature: &[u8]) -> TxOut {
    let push = <&PushBytes>::try_from(signature).expect("shorter than 4 gigabytes");
    let script = Builder::new()
        .push_opcode(OP_RETURN)
        .push_slice(b"sig")
        .push_slice(push);
    TxOut {
        value: Amount::ZERO,
        script_pubkey: script.into_script(),
    }
}

/// Whether a witness shows an envelope; it may be more than those made here.
pub(crate) fn is_in(witness: &Witness) -> bool {
    witness
        .iter()
        .any(|element| element.windows(MARK.len()).any(|bytes| bytes == MARK))
}

#[cfg(test)]
mod tests {
    use bitcoin::hex::DisplayHex;

    use super::*;

    #[test]
    fn scripts() {
        let key = Key::from_seed("k");
        let head = format!("20{}ac00630461746f6d", key.xonly());
        let long = [vec![7; 520], vec![8; 300]].concat();
        let cases: [(&str, &[u8], String); 5] = [
            ("c", &[], "016368".into()),
            ("def", &[0xa0], "0364656601a068".into()),
            // A push of one byte stays a push: the payload is what pushes have.
            ("ft", &[1], "0266740101".to_owned() + "68"),
            (
                "nft",
                &[9; 76],
                format!("036e66744c4c{}68", "09".repeat(76)),
            ),
            (
                "nft",
                &long,
                format!(
                    "036e66744d0802{}4d2c01{}68",
                    "07".repeat(520),
                    "08".repeat(300)
                ),
            ),
        ];
        for (operation, payload, want) in cases {
            let script = script(&key, operation, payload);
            assert_eq!(
                script.as_bytes().to_lower_hex_string(),
                head.clone() + &want
            );
            let witness = Envelope::new(key, &Operation::raw(operation, payload)).witness(&[0; 64]);
            assert!(is_in(&witness));
        }
        assert!(!is_in(&Witness::from_slice(&[&[
            0x63, 0x04, b'a', b't', b'o'
        ][..]])));
    }

    #[test]
    fn signatures() {
        let script = |signature: &[u8]| signature_output(signature).script_pubkey.to_hex_string();
        assert_eq!(script(&[]), "6a0373696700");
        assert_eq!(script(&[1]), "6a037369670101");
        assert_eq!(
            script(&[0xab; 71]),
            format!("6a0373696747{}", "ab".repeat(71))
        );
    }
}
