use alloc::vec::Vec;

use avm_core::{Bytes, Hash};

/// What a run read: enough to run it again, and nothing else.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Witness {
    /// The nodes, in ascending order of their names. The names are not part of it: who verifies
    /// takes them.
    pub nodes: Vec<Bytes>,
    /// The inputs taken, in the order of the log, the first being the one that the claim before
    /// has as its next.
    pub inputs: Vec<LogItem>,
}

/// An input and where it is in the agreed log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogItem {
    /// The input.
    pub bytes: Bytes,
    /// Inclusion proof of the input, leaf to root. Its index is known and not part of it.
    pub path: Vec<Hash>,
}

impl Witness {
    /// Size in bytes as a proof file has it: every node, input and path with its lengths.
    #[must_use]
    pub fn len_bytes(&self) -> usize {
        let nodes = self.nodes.iter().map(|node| 4 + node.len());
        let inputs = self.inputs.iter();
        let inputs = inputs.map(|item| 4 + item.bytes.len() + 1 + 32 * item.path.len());
        8 + nodes.sum::<usize>() + inputs.sum::<usize>()
    }
}
