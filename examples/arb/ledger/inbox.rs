//! Makes the inbox of the ledger example. The keys are the numbers 1 to 4, so everybody gets the
//! same signatures.
//!
//! ```text
//! cargo run -p avm-cli --example ledger_inbox > examples/arb/ledger/inbox.json
//! ```

use std::fmt::Write;

use avm_core::Hash;
use secp256k1::ecdsa::RecoverableSignature;
use secp256k1::{Message, PublicKey, SecretKey};

/// The name of the ledger, which is part of what is signed.
const LEDGER: u64 = 0x6c65_6467_6572;

const ALICE: u8 = 1;
const BOB: u8 = 2;
const CAROL: u8 = 3;
const MALLORY: u8 = 4;

fn main() {
    print!("{}", document());
}

/// The whole file.
pub fn document() -> String {
    let [alice, bob, carol, mallory] = [ALICE, BOB, CAROL, MALLORY].map(address);
    let alice_pays_bob = Order::new(alice, bob, 100, 0).signed_by(ALICE);
    let messages = [
        alice_pays_bob.clone(),
        Order::new(bob, carol, 30, 0).signed_by(BOB),
        Order::new(alice, mallory, 500, 1).signed_by(MALLORY), // forged
        alice_pays_bob,                                        // sent again
        Order::new(bob, alice, 71, 1).signed_by(BOB),          // he has 70
        Order::new(alice, alice, 10, 1).signed_by(ALICE),      // to herself
        b"seven words would be 224 bytes".to_vec(),
        Order::new(carol, alice, 30, 0).signed_by(CAROL),
    ];
    let entries = messages.map(|data| format!("  {{ \"data\": \"{}\" }}", hex(&data)));
    format!("[\n{}\n]\n", entries.join(",\n"))
}

/// From, to, amount, nonce: a word each.
pub struct Order([[u8; 32]; 4]);

impl Order {
    /// Moves `amount` tokens; `nonce` is the number of transfers that `from` made before.
    pub fn new(from: [u8; 32], to: [u8; 32], amount: u64, nonce: u64) -> Self {
        Order([from, to, word(amount), word(nonce)])
    }

    /// The order and its signature: the content of a message.
    pub fn signed_by(self, signer: u8) -> Vec<u8> {
        let [_, to, amount, nonce] = self.0.map(Hash);
        let hash = Hash(word(LEDGER)).join(to.join(amount.join(nonce)));
        let message = Message::from_digest(hash.0);
        let signature = RecoverableSignature::sign_ecdsa_recoverable(message, &key(signer));
        let (id, r_s) = signature.serialize_compact();
        let v = word(id.to_u8().into());
        [self.0.as_flattened(), &r_s, &v].concat()
    }
}

/// A key that nobody should use for anything else.
fn key(number: u8) -> SecretKey {
    SecretKey::from_secret_bytes(word(number.into())).expect("a small number that is not 0")
}

/// The Ethereum address of a key: the last 20 bytes of the hash of its coordinates.
pub fn address(number: u8) -> [u8; 32] {
    let coordinates = PublicKey::from_secret_key(&key(number)).serialize_uncompressed();
    let mut word = Hash::keccak(&coordinates[1..]).0;
    word[..12].fill(0);
    word
}

/// A number as a word, big-endian.
pub fn word(number: u64) -> [u8; 32] {
    let mut word = [0; 32];
    word[24..].copy_from_slice(&number.to_be_bytes());
    word
}

/// Bytes as hex digits.
pub fn hex(bytes: &[u8]) -> String {
    bytes.iter().fold(String::new(), |mut digits, byte| {
        write!(digits, "{byte:02x}").expect("a string takes everything");
        digits
    })
}
