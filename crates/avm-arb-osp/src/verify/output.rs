//! `log` and `send`. Spec: section 11.

use avm_core::Hash;

use super::buffer::Sections;
use super::reader::Reader;
use super::step::{Step, Stop};
use super::value::Value;
use super::{Refusal, tree};

type Done = Result<(), Stop>;

/// Bytes of the longest message. Spec: section 22.
const LONGEST_SEND: u64 = 10_000;

pub(super) fn log(step: &mut Step<'_>) -> Done {
    let value = step.pop();
    step.log_acc = step.log_acc.join(value.hash());
    Ok(())
}

/// The rest of the proof is the message, or nothing where a path shows the buffer to be longer.
pub(super) fn send(step: &mut Step<'_>) -> Done {
    let size = step.pop_int()?;
    let root = step.pop_buffer()?;
    let size = u64::try_from(size).map_err(|_| Stop::Fault)?;
    if size == 0 || size > LONGEST_SEND {
        return Err(Stop::Fault);
    }
    if step.tail.left() == 0 {
        let path = Sections::read(step.buffer_proof)?.first.path;
        return Err(if tree::ends_before(root, size, path)? {
            Refusal::SendFits { size }.into()
        } else {
            Stop::Fault
        });
    }
    let message = step.tail.take(size as usize)?;
    let found = tree::root_of(message);
    if found != root {
        return Err(Refusal::SendBytes { found, root }.into());
    }
    step.send_acc = step.send_acc.join(Hash::keccak(message));
    Ok(())
}

/// Refuses bytes behind the proof of a `send` that are neither absent nor as many as the message's.
///
/// The reference prover appends the message even to a step that fails before it looks there, and
/// takes the size modulo 2^64 then. Spec: section 13.
pub(super) fn check_tail(tail: &Reader<'_>, operands: &[Value]) -> Result<(), Refusal> {
    let length = match operands {
        [Value::Buffer(_), Value::Int(size)] => size.wrapping_to::<u64>(),
        _ => 0,
    };
    let left = tail.left();
    if left == 0 || (left as u64 == length && length <= LONGEST_SEND) {
        return Ok(());
    }
    Err(Refusal::Trailing { left })
}
