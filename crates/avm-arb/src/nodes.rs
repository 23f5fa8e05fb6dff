//! The nodes of a state, as a store of nodes has them: each is the preimage of a hash of the
//! specification (sections 2 and 5), so a state can be read by hash without a machine.
//!
//! ```text
//! state        u256(gas used) ‖ counters
//! counters     u256(messages read) ‖ machine ‖ send acc ‖ u256(sends) ‖ log acc ‖ u256(logs)
//! machine      pc ‖ data stack ‖ aux stack ‖ register ‖ static ‖ u256(gas left) ‖ handler
//! int          u256
//! tuple        03 ‖ elements ‖ u256(size)
//! elements     u8(count) ‖ value ‖ ...
//! code point   01 ‖ u8(opcode) ‖ [immediate] ‖ next
//! buffer       u256(123) ‖ root
//! branch       left ‖ right
//! leaf         32 bytes of content
//! ```
//!
//! A stack is the tuple `(top, (second, ... ()))`. Each function reads one node and checks that it
//! has the form its place calls for; that its bytes have the name asked for is up to the store.

use avm_core::{Bytes, Hash, HostError, Nodes};
use ruint::aliases::U256;

use crate::heap::{HEIGHT_MAX, TUPLE_MAX};
use crate::machine::Parts;
use crate::state::{Status, Tally};

/// Height of the highest tree of a buffer: 2^59 leaves of 32 bytes are all that offsets reach.
pub const BUFFER_HEIGHT_MAX: u8 = HEIGHT_MAX;

/// A node that names a value.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Value {
    /// A 256-bit word.
    Int(U256),
    /// A tuple.
    Tuple(Tuple),
    /// A code point.
    CodePoint(CodePoint),
    /// A buffer, with the root of its tree.
    Buffer {
        /// Name of a leaf or a branch.
        root: Hash,
    },
}

/// The node of a tuple.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Tuple {
    /// Name of the node with the elements.
    pub inner: Hash,
    /// Size as the hash counts it, modulo 2^256.
    pub size: U256,
}

/// The node of a code point.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct CodePoint {
    /// Opcode byte; any of the 256, valid or not.
    pub opcode: u8,
    /// Name of the immediate value.
    pub immediate: Option<Hash>,
    /// The operation that follows; zero for the error operation only.
    pub next: Hash,
}

/// The counters of a state, and the name of its machine, which is no node of a stopped one.
///
/// # Errors
/// If one of the two nodes is missing or has another form, or a counter is 2^63 or more.
///
/// Spec: section 19, "cut" and "rest".
pub fn state(state: Hash, nodes: &dyn Nodes) -> Result<(Tally, Hash), HostError> {
    let cut: [u8; 64] = fixed(state, nodes, "a state of arb")?;
    let counters = hash_at(&cut, 32);
    let rest: [u8; 192] = fixed(counters, nodes, "the counters of a state")?;
    let count = |at: usize| {
        let word = U256::from_be_slice(&rest[at..at + 32]);
        let count = u64::try_from(word).ok().filter(|count| count >> 63 == 0);
        let want = "counters below 2^63, which no run can carry to 2^64";
        count.ok_or(bad(counters, rest.len(), want))
    };
    let tally = Tally {
        gas_used: U256::from_be_slice(&cut[..32]),
        messages_read: count(0)?,
        send_acc: hash_at(&rest, 64),
        sends: count(96)?,
        log_acc: hash_at(&rest, 128),
        logs: count(160)?,
    };
    Ok((tally, hash_at(&rest, 32)))
}

/// Whether the machine with a hash can go on. Spec: section 5.
#[must_use]
pub fn status(machine: Hash) -> Status {
    match U256::from_be_bytes(machine.0) {
        U256::ZERO => Status::Halted,
        U256::ONE => Status::ErrorStop,
        _ => Status::Extensive,
    }
}

/// The parts of a machine that can go on.
///
/// # Errors
/// If the node is missing or has another form.
pub fn machine(machine: Hash, nodes: &dyn Nodes) -> Result<Parts, HostError> {
    let node: [u8; 224] = fixed(machine, nodes, "a machine")?;
    let part = |index: usize| hash_at(&node, 32 * index);
    Ok(Parts {
        pc: part(0),
        stack: part(1),
        aux: part(2),
        register: part(3),
        constant: part(4),
        gas_left: U256::from_be_bytes(part(5).0),
        handler: part(6),
    })
}

/// The node of a value of any kind.
///
/// # Errors
/// If it is missing or has another form.
pub fn value(value: Hash, nodes: &dyn Nodes) -> Result<Value, HostError> {
    let node = nodes.get(value)?;
    parse_value(&node).ok_or(bad(value, node.len(), "a value"))
}

/// The node of a tuple.
///
/// # Errors
/// If it is missing or has another form.
pub fn tuple(tuple: Hash, nodes: &dyn Nodes) -> Result<Tuple, HostError> {
    let node = nodes.get(tuple)?;
    match parse_value(&node) {
        Some(Value::Tuple(tuple)) => Ok(tuple),
        _ => Err(bad(tuple, node.len(), "a tuple")),
    }
}

/// Names of the elements of a tuple, given the name of the node that lists them; at most 8.
///
/// # Errors
/// If it is missing or has another form.
pub fn elements(
    inner: Hash,
    nodes: &dyn Nodes,
) -> Result<impl DoubleEndedIterator<Item = Hash> + ExactSizeIterator + use<>, HostError> {
    let node: Bytes = nodes.get(inner)?;
    let count = node.first().map_or(TUPLE_MAX + 1, |&count| count as usize);
    if count > TUPLE_MAX || node.len() != 1 + 32 * count {
        return Err(bad(inner, node.len(), "the elements of a tuple"));
    }
    Ok((0..count).map(move |at| hash_at(&node, 1 + 32 * at)))
}

/// Names of the top of a stack and of the stack below it, given the name of the node that lists
/// the two.
///
/// # Errors
/// If it is missing or has another form.
pub fn pair(inner: Hash, nodes: &dyn Nodes) -> Result<[Hash; 2], HostError> {
    let mut both = elements(inner, nodes)?;
    match (both.len(), both.next(), both.next()) {
        (2, Some(first), Some(second)) => Ok([first, second]),
        (count, ..) => Err(bad(inner, 1 + 32 * count, "the two elements of a stack")),
    }
}

/// The node of a code point.
///
/// # Errors
/// If it is missing or has another form.
pub fn code_point(code_point: Hash, nodes: &dyn Nodes) -> Result<CodePoint, HostError> {
    let node = nodes.get(code_point)?;
    parse_code_point(&node).ok_or(bad(code_point, node.len(), "a code point"))
}

/// The two halves of a branch of a buffer's tree.
///
/// # Errors
/// If it is missing or has another form.
pub fn branch(branch: Hash, nodes: &dyn Nodes) -> Result<[Hash; 2], HostError> {
    let node: [u8; 64] = fixed(branch, nodes, "a branch of a buffer")?;
    Ok([hash_at(&node, 0), hash_at(&node, 32)])
}

/// The content of a leaf of a buffer's tree.
///
/// # Errors
/// If it is missing or has another form.
pub fn leaf(leaf: Hash, nodes: &dyn Nodes) -> Result<[u8; 32], HostError> {
    fixed(leaf, nodes, "a leaf of a buffer")
}

/// Height of the tree with a root: 2 to that power leaves. No node says it, so the left edge is
/// read, up to where it is all zero.
///
/// # Errors
/// If a node of the edge is missing or has another form, or the tree is higher than
/// [`BUFFER_HEIGHT_MAX`].
pub fn buffer_height(root: Hash, nodes: &dyn Nodes) -> Result<u8, HostError> {
    let (mut above, mut name) = (0, root);
    loop {
        let node = nodes.get(name)?;
        match node.len() {
            32 => return Ok(above),
            64 if above < BUFFER_HEIGHT_MAX => {}
            len => return Err(bad(name, len, "a node of a buffer")),
        }
        above += 1;
        let left = hash_at(&node, 0);
        // What was written far away leaves an all-zero half behind, of which one node says all.
        if left == hash_at(&node, 32)
            && let Some(below) = zero_height(left, BUFFER_HEIGHT_MAX - above)
        {
            return Ok(above + below);
        }
        name = left;
    }
}

/// Height of the all-zero tree with a root, if it is one and not higher than `most`.
fn zero_height(root: Hash, most: u8) -> Option<u8> {
    let mut zero = Hash::keccak(&[0; 32]);
    (0..=most).find(|_| {
        let found = zero == root;
        zero = zero.join(zero);
        found
    })
}

/// What a node that names a value is, told by its length and first bytes.
pub(crate) fn parse_value(node: &[u8]) -> Option<Value> {
    Some(match node.len() {
        32 => Value::Int(U256::from_be_slice(node)),
        65 if node[0] == 3 => Value::Tuple(Tuple {
            inner: hash_at(node, 1),
            size: U256::from_be_slice(&node[33..]),
        }),
        64 if node[..31] == [0; 31] && node[31] == 123 => Value::Buffer {
            root: hash_at(node, 32),
        },
        _ => Value::CodePoint(parse_code_point(node)?),
    })
}

fn parse_code_point(node: &[u8]) -> Option<CodePoint> {
    let (immediate, next) = match node.len() {
        34 => (None, hash_at(node, 2)),
        66 => (Some(hash_at(node, 2)), hash_at(node, 34)),
        _ => return None,
    };
    // Only the error operation has nothing behind it.
    let is_last = next == Hash::ZERO;
    (node[0] == 1 && is_last == (node[1..] == [0; 33])).then_some(CodePoint {
        opcode: node[1],
        immediate,
        next,
    })
}

/// A node of exactly `N` bytes.
pub(crate) fn fixed<const N: usize>(
    hash: Hash,
    nodes: &dyn Nodes,
    want: &'static str,
) -> Result<[u8; N], HostError> {
    let node = nodes.get(hash)?;
    node[..].try_into().map_err(|_| bad(hash, node.len(), want))
}

pub(crate) fn hash_at(node: &[u8], at: usize) -> Hash {
    let mut hash = [0; 32];
    hash.copy_from_slice(&node[at..at + 32]);
    Hash(hash)
}

fn bad(hash: Hash, len: usize, want: &'static str) -> HostError {
    HostError::BadNode { hash, len, want }
}
