use avm_core::{Channel, Claim, Hash, Nodes, Outbox, Sink};

use crate::StoreError;

/// Claims whose states are kept, with the outputs given up to them.
///
/// Nothing here has to survive for the log to be safe: what is missing is run again.
pub trait Checkpoints: Nodes {
    /// The latest claim with at most `steps` steps.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn at_step(&self, steps: u64) -> Result<Option<Claim>, StoreError>;

    /// The latest claim with at most `inputs` inputs.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn at_input(&self, inputs: u64) -> Result<Option<Claim>, StoreError>;

    /// Output `index`, counted from 0; its content's nodes are among the nodes here.
    ///
    /// # Errors
    /// If the store cannot be read.
    fn output(&self, index: u64) -> Result<Option<(Channel, Hash)>, StoreError>;

    /// Begins the next checkpoint. Only one may be open at a time.
    ///
    /// # Errors
    /// [`StoreError::BatchOpen`], or if the store failed.
    fn begin(&self) -> Result<Box<dyn Batch + '_>, StoreError>;

    /// Removes the claims with more than `inputs` inputs, and the outputs after the latest claim
    /// left; durable when it returns. How many claims were removed.
    ///
    /// # Errors
    /// [`StoreError::BatchOpen`], or if the store failed.
    fn remove_after(&self, inputs: u64) -> Result<u64, StoreError>;
}

/// A checkpoint in the making: nodes, outputs and claims that are kept together or not at all.
///
/// Dropped without [`Batch::commit`], it leaves nothing behind.
pub trait Batch: Sink + Outbox {
    /// Keeps `claim`. Its state's nodes and all outputs up to it must have been put before.
    ///
    /// # Errors
    /// [`StoreError::ClaimMismatch`] or [`StoreError::OutputOrder`] if it is not a claim of this
    /// log and these outputs.
    fn put_claim(&mut self, claim: &Claim) -> Result<(), StoreError>;

    /// Makes everything put durable at once. Outputs after the last claim are left out: the run
    /// that continues from that claim gives them again.
    ///
    /// # Errors
    /// If the store failed; nothing of the batch is kept then.
    fn commit(self: Box<Self>) -> Result<(), StoreError>;
}
