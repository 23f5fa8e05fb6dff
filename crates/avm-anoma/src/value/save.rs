//! Writing the nodes of values, children before parents, without recursion.

use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use avm_core::{Hash, HostError, Nodes, Sink};

use super::Val;
use super::reference::read_node;

impl Val {
    /// Puts the nodes that the reference of this value names into `sink`, children before parents,
    /// and skips what the sink has. Parts that were never read are copied from their store.
    ///
    /// # Errors
    /// If the sink failed, or a part to be copied is missing or malformed.
    pub fn save_below(&self, sink: &mut dyn Sink) -> Result<(), HostError> {
        if self.size().is_inline() {
            return Ok(());
        }
        let mut todo = vec![Todo::Value(self.clone())];
        while let Some(next) = todo.pop() {
            match next {
                Todo::Value(value) => visit(&value, &mut todo, sink)?,
                Todo::Put(name, node) => sink.put(name, &node)?,
            }
        }
        Ok(())
    }
}

/// [`Val::save_below`] of the value with this reference, which nobody opened.
///
/// # Errors
/// As [`Val::save_below`]; [`HostError::BadNode`] with [`Hash::ZERO`] if there is no such reference.
pub fn save_ref_below(
    reference: &[u8],
    nodes: &Arc<dyn Nodes>,
    sink: &mut dyn Sink,
) -> Result<(), HostError> {
    let mut rest = reference;
    match Val::read_ref(&mut rest, nodes) {
        Some(value) if rest.is_empty() => value.save_below(sink),
        _ => Err(HostError::BadNode {
            hash: Hash::ZERO,
            len: reference.len(),
            want: "a reference to a value",
        }),
    }
}

/// What is left to be written, the next one last.
enum Todo {
    /// A value that is not its own reference.
    Value(Val),
    /// A node whose children are written.
    Put(Hash, Vec<u8>),
}

fn visit(value: &Val, todo: &mut Vec<Todo>, sink: &mut dyn Sink) -> Result<(), HostError> {
    let name = value.name();
    if sink.has(name)? {
        return Ok(());
    }
    let (value, node) = match value {
        Val::Closed(closed) => match closed.known() {
            Some(known) => (known.clone(), known.node()),
            None => {
                // Not kept in the closed one: what is only copied shall not fill the memory.
                let (value, node) = read_node(closed)?;
                (value, node.to_vec())
            }
        },
        value => (value.clone(), value.node()),
    };
    todo.push(Todo::Put(name, node));
    value.parts(&mut |part| {
        if !part.size().is_inline() {
            todo.push(Todo::Value(part.clone()));
        }
    });
    Ok(())
}
