//! `Ledger`, a toy machine that is *pushed* whole inputs: the example of a machine of rules.
//!
//! The log is a list of transfer orders; one step takes one order and settles it whole. There is
//! no program and no end: the machine waits whenever the log is used up.
//!
//! - Order: 10 bytes, `from` (1), `to` (1), `amount` (8, big-endian).
//! - Image: the opening balances, 9 bytes each, `account` (1) and `balance` (8), accounts
//!   ascending. All balances together stay below 2^64, so no transfer can overflow.
//! - An order that is malformed or overdrawn has no effect, except that it is counted. It is never
//!   an `Err`: whoever writes the log must not be able to stop the machine.
//! - A settled order is handed out on channel 0 as a receipt, the order itself.
//!
//! The state, each node named by its Keccak-256:
//!
//! ```text
//! root     orders settled, orders refused, name of the account tree
//!   branch    01, name of the left half, name of the right half      (8 levels, first bit first)
//!     leaf      00, balance
//! ```
//!
//! An account that never had money has no leaf, and a half without leaves has the name zero.
//!
//! `ledger.rs` is the machine, `tree.rs` the accounts.
//!
//! What to copy into a real machine: the tree is persistent, a change makes a new path and shares
//! the rest, so a fork is a copy of the root; whatever was not touched stays a name, and saving
//! reads it from the store only if the sink lacks it.

use std::sync::Arc;

use avm_core::{
    Channel, Hash, Host, HostError, ImageError, Machine, MemoryNodes, Nodes, Output, Ran, Save,
    Sink, Stop, Vm,
};

mod tree;

use tree::{LEVELS, Tree};

const ROOT_LEN: usize = 8 + 8 + 32;

/// The rules of `Ledger`.
#[derive(Clone, Copy, Debug, Default)]
pub struct Ledger;

/// Why an image is not a list of opening balances.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BalancesError {
    /// A row is cut off.
    #[error("opening balances are rows of 9 bytes, found {0} bytes")]
    Length(usize),
    /// An account is named twice or out of order.
    #[error("account {0} does not follow the account before it")]
    Order(u8),
    /// There is more money than 64 bits count.
    #[error("the balances up to account {0} are 2^64 or more together")]
    TooMuch(u8),
}

impl Vm for Ledger {
    fn id(&self) -> &'static str {
        "ledger"
    }

    fn spec(&self) -> &'static str {
        "ledger/1"
    }

    fn hash(&self, node: &[u8]) -> Hash {
        Hash::keccak(node)
    }

    fn genesis(&self, image: &[u8]) -> Result<Box<dyn Machine>, ImageError> {
        let nodes: Arc<dyn Nodes> = Arc::new(MemoryNodes::default());
        let mut accounts = Tree::EMPTY;
        for (account, balance) in balances(image).map_err(ImageError::new)? {
            let with = accounts.with(account, LEVELS, balance, &*nodes);
            accounts = with.expect("a tree built here has no closed part");
        }
        Ok(Box::new(Running {
            settled: 0,
            refused: 0,
            accounts,
            nodes,
        }))
    }

    fn open(&self, state: Hash, nodes: Arc<dyn Nodes>) -> Result<Box<dyn Machine>, HostError> {
        let root = nodes.get(state)?;
        if root.len() != ROOT_LEN {
            return Err(bad(state, &root, "a ledger state of 48 bytes"));
        }
        Ok(Box::new(Running {
            settled: number_at(&root, 0),
            refused: number_at(&root, 8),
            accounts: Tree::Closed(name_at(&root, 16)),
            nodes,
        }))
    }
}

/// The rows of an image.
fn balances(image: &[u8]) -> Result<Vec<(u8, u64)>, BalancesError> {
    let rows = image.chunks_exact(9);
    if !rows.remainder().is_empty() {
        return Err(BalancesError::Length(image.len()));
    }
    let rows: Vec<_> = rows.map(|row| (row[0], number_at(row, 1))).collect();
    if let Some(pair) = rows.windows(2).find(|pair| pair[0].0 >= pair[1].0) {
        return Err(BalancesError::Order(pair[1].0));
    }
    let mut total = 0u64;
    for (account, balance) in &rows {
        let sum = total.checked_add(*balance);
        total = sum.ok_or(BalancesError::TooMuch(*account))?;
    }
    Ok(rows)
}

/// A `Ledger` after some orders.
#[derive(Clone)]
struct Running {
    settled: u64,
    refused: u64,
    accounts: Tree,
    /// Where closed parts are read from.
    nodes: Arc<dyn Nodes>,
}

impl Machine for Running {
    fn run(&mut self, budget: u64, host: &mut dyn Host) -> Result<Ran, HostError> {
        for steps in 0..budget {
            let Some(order) = host.next_input()? else {
                let stop = Stop::NeedsInput;
                return Ok(Ran { steps, stop });
            };
            match self.settle(&order)? {
                Some(accounts) => {
                    self.accounts = accounts;
                    self.settled = self.settled.wrapping_add(1);
                    receipt(&order, host)?;
                }
                None => self.refused = self.refused.wrapping_add(1),
            }
        }
        Ok(Ran {
            steps: budget,
            stop: Stop::Budget,
        })
    }

    fn state_hash(&mut self) -> Hash {
        Hash::keccak(&self.root())
    }

    fn save(&mut self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        let root = self.root();
        let name = Hash::keccak(&root);
        if !sink.has(name)? {
            self.accounts.save(LEVELS, &*self.nodes, sink)?;
            sink.put(name, &root)?;
        }
        Ok(name)
    }

    fn fork(&self) -> Box<dyn Machine> {
        Box::new(self.clone())
    }
}

impl Running {
    /// The accounts after `order`; `None` if it is refused.
    fn settle(&self, order: &[u8]) -> Result<Option<Tree>, HostError> {
        let (&[from, to, ..], 10) = (order, order.len()) else {
            return Ok(None);
        };
        let amount = number_at(order, 2);
        let balance = self.accounts.balance(from, &*self.nodes)?;
        let Some(rest) = balance.checked_sub(amount) else {
            return Ok(None);
        };
        let taken = self.accounts.with(from, LEVELS, rest, &*self.nodes)?;
        // Wraps only if the store lied about a balance; then the state hash is wrong anyway.
        let given = taken.balance(to, &*self.nodes)?.wrapping_add(amount);
        Ok(Some(taken.with(to, LEVELS, given, &*self.nodes)?))
    }

    fn root(&self) -> [u8; ROOT_LEN] {
        let mut root = [0; ROOT_LEN];
        root[..8].copy_from_slice(&self.settled.to_be_bytes());
        root[8..16].copy_from_slice(&self.refused.to_be_bytes());
        root[16..].copy_from_slice(&self.accounts.name().0);
        root
    }
}

/// The number `at` bytes into something whose length was checked.
fn number_at(bytes: &[u8], at: usize) -> u64 {
    u64::from_be_bytes(bytes[at..at + 8].try_into().expect("a number has 8 bytes"))
}

/// The name `at` bytes into a node whose length was checked.
fn name_at(node: &[u8], at: usize) -> Hash {
    Hash(node[at..at + 32].try_into().expect("a name has 32 bytes"))
}

fn bad(hash: Hash, node: &[u8], want: &'static str) -> HostError {
    let len = node.len();
    HostError::BadNode { hash, len, want }
}

/// Hands out a settled order: one node, the order itself.
fn receipt(order: &[u8], host: &mut dyn Host) -> Result<(), HostError> {
    struct Receipt<'a>(&'a [u8]);
    impl Save for Receipt<'_> {
        fn save(&self, sink: &mut dyn Sink) -> Result<(), HostError> {
            let name = Hash::keccak(self.0);
            if sink.has(name)? {
                return Ok(());
            }
            sink.put(name, self.0)
        }
    }
    host.emit(Output {
        channel: Channel(0),
        hash: Hash::keccak(order),
        content: &Receipt(order),
    })
}
