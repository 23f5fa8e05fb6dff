use std::sync::Arc;

use avm_core::{Hash, HostError, Nodes, Sink};

use super::{bad, name_at, number};

/// A linked list of cells. The empty one is never opened, because the depth is in the root.
#[derive(Clone)]
pub(super) enum Stack {
    Closed(Hash),
    Open(Arc<Cell>),
}

pub(super) struct Cell {
    name: Hash,
    pub(super) number: u64,
    pub(super) below: Stack,
}

impl Stack {
    pub(super) fn name(&self) -> Hash {
        match self {
            Self::Closed(name) => *name,
            Self::Open(top) => top.name,
        }
    }

    pub(super) fn open(&self, nodes: &dyn Nodes) -> Result<Arc<Cell>, HostError> {
        let name = match self {
            Self::Closed(name) => *name,
            Self::Open(top) => return Ok(top.clone()),
        };
        let node = nodes.get(name)?;
        let bad = || bad(name, &node, "a stack cell of 40 bytes");
        let cell: &[u8; 40] = node[..].try_into().map_err(|_| bad())?;
        Ok(Arc::new(Cell {
            name,
            number: number(&cell[..8]),
            below: Self::Closed(name_at(cell, 8)),
        }))
    }

    /// The stack with one more cell.
    pub(super) fn with(&self, number: u64) -> Self {
        let below = self.clone();
        let name = Hash::keccak(&cell(number, below.name()));
        Self::Open(Arc::new(Cell {
            name,
            number,
            below,
        }))
    }

    /// Puts the cells of a stack of `depth`.
    ///
    /// Goes down to the first cell that the sink has, then puts cells from there up. A loop and
    /// not a recursion: nobody should have to trust the depth of a stack.
    pub(super) fn save(
        &self,
        depth: u16,
        nodes: &dyn Nodes,
        sink: &mut dyn Sink,
    ) -> Result<(), HostError> {
        let mut cells = Vec::new();
        let mut stack = self.clone();
        for _ in 0..depth {
            if sink.has(stack.name())? {
                break;
            }
            let top = stack.open(nodes)?;
            stack = top.below.clone();
            cells.push(top);
        }
        for top in cells.iter().rev() {
            sink.put(top.name, &cell(top.number, top.below.name()))?;
        }
        Ok(())
    }
}

/// The node of a cell.
fn cell(number: u64, below: Hash) -> [u8; 40] {
    let mut cell = [0; 40];
    cell[..8].copy_from_slice(&number.to_be_bytes());
    cell[8..].copy_from_slice(&below.0);
    cell
}
