//! Keys that a seed names, and what they sign. Nothing here is secret: anyone can name a seed.

use std::fmt;
use std::sync::LazyLock;

use bitcoin::hashes::{Hash, HashEngine, sha256};
use bitcoin::key::{Keypair, TapTweak};
use bitcoin::secp256k1::{All, Message, Secp256k1, SecretKey, XOnlyPublicKey};
use bitcoin::sighash::{Prevouts, SighashCache};
use bitcoin::taproot::{LeafVersion, TapLeafHash};
use bitcoin::{Address, Network, Script, ScriptBuf, TapSighashType, Transaction, TxOut, Witness};

pub(crate) static CURVE: LazyLock<Secp256k1<All>> = LazyLock::new(Secp256k1::new);

/// A key of the chain: owns outputs, publishes, signs calls.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Key(Keypair);

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.xonly())
    }
}

impl Key {
    /// The key of a seed: the same for the same seed.
    ///
    /// # Panics
    /// If the hash of the seed is not below the order of the curve, of which there is no example.
    #[must_use]
    pub fn from_seed(seed: impl AsRef<[u8]>) -> Self {
        let mut hasher = sha256::Hash::engine();
        hasher.input(b"avm-regtest/key");
        hasher.input(seed.as_ref());
        let secret = sha256::Hash::from_engine(hasher).to_byte_array();
        let secret = SecretKey::from_slice(&secret).expect("one hash in 2^127 is no secret key");
        Self(Keypair::from_secret_key(&CURVE, &secret))
    }

    /// The public key as 33 bytes, as calls name it.
    #[must_use]
    pub fn public(&self) -> [u8; 33] {
        self.0.public_key().serialize()
    }

    /// The public key as taproot scripts name it, before any tweak.
    #[must_use]
    pub fn xonly(&self) -> XOnlyPublicKey {
        self.0.x_only_public_key().0
    }

    /// Script of the outputs that the key alone owns: taproot without scripts (BIP86).
    #[must_use]
    pub fn script(&self) -> ScriptBuf {
        ScriptBuf::new_p2tr(&CURVE, self.xonly(), None)
    }

    /// The same as an address.
    #[must_use]
    pub fn address(&self) -> Address {
        Address::p2tr(&CURVE, self.xonly(), None, Network::Regtest)
    }

    /// An output of the key.
    #[must_use]
    pub fn output(&self, sats: u64) -> TxOut {
        TxOut {
            value: bitcoin::Amount::from_sat(sats),
            script_pubkey: self.script(),
        }
    }

    /// ECDSA signature of a digest: DER, low S, no hash type; as contracts check it.
    #[must_use]
    pub fn sign(&self, digest: [u8; 32]) -> Vec<u8> {
        let secret = self.0.secret_key();
        let signature = CURVE.sign_ecdsa(&Message::from_digest(digest), &secret);
        signature.serialize_der().to_vec()
    }

    /// The witness that spends an output of [`Key::script`]; `spent` are the outputs that the
    /// transaction spends, in order.
    ///
    /// # Panics
    /// If `spent` has not one output for each input, or `input` is none.
    #[must_use]
    pub fn witness(&self, tx: &Transaction, input: usize, spent: &[TxOut]) -> Witness {
        let sighash = SighashCache::new(tx)
            .taproot_key_spend_signature_hash(input, &Prevouts::All(spent), TapSighashType::Default)
            .expect("every input has its output");
        let key = self.0.tap_tweak(&CURVE, None).to_keypair();
        let signature =
            CURVE.sign_schnorr_no_aux_rand(&Message::from_digest(sighash.to_byte_array()), &key);
        Witness::from_slice(&[signature.as_ref()])
    }

    /// The signature that a script leaf checks, for this key as it is in the leaf.
    pub(crate) fn sign_leaf(
        &self,
        tx: &Transaction,
        input: usize,
        spent: &[TxOut],
        leaf: &Script,
    ) -> [u8; 64] {
        let leaf = TapLeafHash::from_script(leaf, LeafVersion::TapScript);
        let sighash = SighashCache::new(tx)
            .taproot_script_spend_signature_hash(
                input,
                &Prevouts::All(spent),
                leaf,
                TapSighashType::Default,
            )
            .expect("every input has its output");
        let message = Message::from_digest(sighash.to_byte_array());
        *CURVE.sign_schnorr_no_aux_rand(&message, &self.0).as_ref()
    }
}

#[cfg(test)]
mod tests {
    use bitcoin::secp256k1::{PublicKey, ecdsa};

    use super::*;

    #[test]
    fn the_same_seed_is_the_same_key() {
        let key = Key::from_seed("alice");
        assert_eq!(key, Key::from_seed(String::from("alice")));
        assert_ne!(key, Key::from_seed("bob"));
        assert_eq!(key.public()[1..], key.xonly().serialize());
        assert_eq!(key.address().script_pubkey(), key.script());
        assert!(key.address().to_string().starts_with("bcrt1p"));
        assert!(!format!("{key:?}").contains(&key.0.display_secret().to_string()));
    }

    #[test]
    fn a_digest_is_signed_the_same_way_and_verifies() {
        for n in 0_u8..50 {
            let key = Key::from_seed([n]);
            let signature = key.sign([n; 32]);
            assert_eq!(signature, key.sign([n; 32]));
            let parsed = ecdsa::Signature::from_der(&signature).expect("DER");
            let mut low = parsed;
            low.normalize_s();
            assert_eq!(parsed, low);
            let public = PublicKey::from_slice(&key.public()).expect("a point");
            let verify =
                |digest| CURVE.verify_ecdsa(&Message::from_digest(digest), &parsed, &public);
            assert_eq!(verify([n; 32]), Ok(()));
            assert!(verify([n + 1; 32]).is_err());
        }
    }
}
