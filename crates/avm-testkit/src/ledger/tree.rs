use std::sync::Arc;

use avm_core::{Hash, HostError, Nodes, Sink};

use super::{bad, name_at, number_at};

/// Levels of branches above the leaves: one per bit of an account.
pub(super) const LEVELS: u32 = 8;

/// A subtree of accounts: its name, or what is inside.
#[derive(Clone)]
pub(super) enum Tree {
    Closed(Hash),
    Open(Hash, Arc<Node>),
}

pub(super) enum Node {
    Leaf(u64),
    Branch([Tree; 2]),
}

impl Tree {
    pub(super) const EMPTY: Self = Self::Closed(Hash::ZERO);

    fn of(node: Node) -> Self {
        Self::Open(Hash::keccak(&node.to_bytes()), Arc::new(node))
    }

    pub(super) fn name(&self) -> Hash {
        match self {
            Self::Closed(name) | Self::Open(name, _) => *name,
        }
    }

    /// What is inside, `level` branches above the leaves; `None` if nothing is. The levels are
    /// counted down here, so every walk ends whatever the store says.
    fn open(&self, level: u32, nodes: &dyn Nodes) -> Result<Option<Arc<Node>>, HostError> {
        let name = match self {
            Self::Open(_, node) => return Ok(Some(node.clone())),
            Self::Closed(Hash::ZERO) => return Ok(None),
            Self::Closed(name) => *name,
        };
        let bytes = nodes.get(name)?;
        let node = match (level, bytes.first(), bytes.len()) {
            (0, Some(0), 9) => Node::Leaf(number_at(&bytes, 1)),
            (1.., Some(1), 65) => Node::Branch([1, 33].map(|at| Self::Closed(name_at(&bytes, at)))),
            (0, ..) => return Err(bad(name, &bytes, "a leaf of 9 bytes")),
            _ => return Err(bad(name, &bytes, "a branch of 65 bytes")),
        };
        Ok(Some(Arc::new(node)))
    }

    pub(super) fn balance(&self, account: u8, nodes: &dyn Nodes) -> Result<u64, HostError> {
        let mut tree = self.clone();
        for level in (0..=LEVELS).rev() {
            tree = match tree.open(level, nodes)?.as_deref() {
                Some(Node::Branch(halves)) => halves[side(account, level)].clone(),
                Some(Node::Leaf(balance)) => return Ok(*balance),
                None => return Ok(0),
            };
        }
        unreachable!("level 0 opens as a leaf or not at all")
    }

    /// The tree with another balance: a new path, the rest shared.
    pub(super) fn with(
        &self,
        account: u8,
        level: u32,
        balance: u64,
        nodes: &dyn Nodes,
    ) -> Result<Self, HostError> {
        if level == 0 {
            return Ok(Self::of(Node::Leaf(balance)));
        }
        let mut halves = match self.open(level, nodes)?.as_deref() {
            Some(Node::Branch(halves)) => halves.clone(),
            _ => [Self::EMPTY, Self::EMPTY],
        };
        let half = &mut halves[side(account, level)];
        *half = half.with(account, level - 1, balance, nodes)?;
        Ok(Self::of(Node::Branch(halves)))
    }

    /// Children before parents, skipping what the sink has. Recurses at most [`LEVELS`] deep.
    pub(super) fn save(
        &self,
        level: u32,
        nodes: &dyn Nodes,
        sink: &mut dyn Sink,
    ) -> Result<(), HostError> {
        if self.name() == Hash::ZERO || sink.has(self.name())? {
            return Ok(());
        }
        let Some(node) = self.open(level, nodes)? else {
            return Ok(());
        };
        if let Node::Branch(halves) = &*node {
            for half in halves {
                half.save(level - 1, nodes, sink)?;
            }
        }
        sink.put(self.name(), &node.to_bytes())
    }
}

impl Node {
    fn to_bytes(&self) -> Vec<u8> {
        match self {
            Self::Leaf(balance) => [&[0][..], &balance.to_be_bytes()].concat(),
            Self::Branch([left, right]) => [&[1][..], &left.name().0, &right.name().0].concat(),
        }
    }
}

/// Which half of a branch an account is in; the branch is `level` above the leaves.
fn side(account: u8, level: u32) -> usize {
    usize::from(account >> (level - 1) & 1)
}
