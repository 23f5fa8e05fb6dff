use avm_core::{Bytes, HostError, Inbox};
use avm_merkle::{Leaf, LogHead, Tree};

use crate::LogItem;

/// The log that the parties agreed on, as a prover has it: the inputs, and the tree over them.
///
/// A log may have grown since. Inputs beyond the agreed length are not in it, and a machine that
/// asks for one waits.
pub struct AgreedLog<'a> {
    inbox: &'a dyn Inbox,
    tree: Tree,
}

impl<'a> AgreedLog<'a> {
    /// The first `len` inputs of `inbox`, or all there are if there are fewer. Reads and hashes
    /// every one of them; keeps two hashes an input.
    ///
    /// # Errors
    /// If the log cannot be read.
    pub fn read(inbox: &'a dyn Inbox, len: u64) -> Result<Self, HostError> {
        let mut tree = Tree::default();
        for index in 0..len {
            let Some(input) = inbox.get(index)? else {
                break;
            };
            tree.push(Leaf::of_item(&input));
        }
        Ok(Self { inbox, tree })
    }

    /// Length and root.
    #[must_use]
    pub fn head(&self) -> LogHead {
        self.tree.head()
    }

    /// Input `index` with its path; `None` past the end.
    pub(crate) fn item(&self, index: u64) -> Result<Option<LogItem>, HostError> {
        let Some(path) = self.tree.inclusion(index, self.head().len) else {
            return Ok(None);
        };
        let bytes = self.inbox.get(index)?;
        Ok(bytes.map(|bytes| LogItem { bytes, path }))
    }
}

impl Inbox for AgreedLog<'_> {
    fn get(&self, index: u64) -> Result<Option<Bytes>, HostError> {
        if index >= self.head().len {
            return Ok(None);
        }
        self.inbox.get(index)
    }
}
