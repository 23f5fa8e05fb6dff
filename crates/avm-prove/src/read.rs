use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Bytes, Hash, HostError, Nodes, Vm};

use crate::nodes::{Given, Recording};
use crate::{ProveError, VerifyError};

/// Proves what a state says: the value that `look_up` finds, and the nodes it reads on the way, in
/// ascending order of their names. `None` is an answer like any other: nothing has that key.
///
/// `look_up` starts at the hash of a state and is the same function on both sides.
///
/// # Errors
/// Those of `look_up`; and [`ProveError::Unverified`] if it does not find the same again.
pub fn prove_read(
    vm: &dyn Vm,
    nodes: Arc<dyn Nodes>,
    look_up: impl Fn(Arc<dyn Nodes>) -> Result<Option<Vec<u8>>, HostError>,
) -> Result<(Option<Vec<u8>>, Vec<Bytes>), ProveError> {
    let recording = Recording::new(nodes);
    let value = look_up(recording.clone())?;
    let read = recording.read();
    verify_read(|node| vm.hash(node), &read, value.as_deref(), look_up)
        .map_err(|error| ProveError::Unverified(error.into()))?;
    Ok((value, read))
}

/// Checks that `look_up` finds `value` on the nodes of a proof alone, and reads each of them.
///
/// # Errors
/// Why the proof is refused.
pub fn verify_read(
    name: impl Fn(&[u8]) -> Hash,
    nodes: &[Bytes],
    value: Option<&[u8]>,
    look_up: impl Fn(Arc<dyn Nodes>) -> Result<Option<Vec<u8>>, HostError>,
) -> Result<(), VerifyError> {
    let given = Given::new(nodes, name)?;
    let found = look_up(given.clone())?;
    given.all_read()?;
    if found.as_deref() == value {
        return Ok(());
    }
    let len = |value: Option<&[u8]>| value.map_or(0, <[u8]>::len);
    Err(VerifyError::Value {
        want: len(value),
        got: len(found.as_deref()),
    })
}
