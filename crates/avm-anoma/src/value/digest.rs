//! The hash of this machine.

use avm_core::Hash;
use avm_merkle::map::NodeHash;
use sha2::Digest as _;

/// Nodes named by their SHA-256.
#[derive(Clone, Copy, Debug)]
pub enum Sha256 {}

impl NodeHash for Sha256 {
    fn hash(node: &[u8]) -> Hash {
        Hash(sha2::Sha256::digest(node).into())
    }
}

/// SHA-256 of a domain and what follows it, laid end to end: `H(domain, ..)` of the spec.
#[must_use]
pub fn tagged_hash(domain: &str, parts: &[&[u8]]) -> Hash {
    let mut hasher = sha2::Sha256::new_with_prefix(domain.as_bytes());
    parts.iter().for_each(|part| hasher.update(part));
    Hash(hasher.finalize().into())
}
