//! Writing a state as nodes: those of the map, and under its records those of long values.

use alloc::sync::Arc;

use avm_core::{Hash, HostError, Nodes, Sink};

use super::bytes::Get;
use super::store::{Saver, Store};
use super::{code, execution, frames, records};
use crate::state::store::Record;
use crate::value::Val;

/// Writes the map. Values in memory are in the sink already; those that were never read are
/// copied.
pub fn save(store: &Store, sink: &mut dyn Sink) -> Result<Hash, HostError> {
    let nodes = &store.nodes;
    let below = &mut |key: &[u8], record: &[u8], sink: &mut dyn Sink| {
        let mut saver = Saver {
            sink,
            failed: Ok(()),
        };
        each_val(key, record, nodes, &mut |value| saver.val(value));
        saver.failed
    };
    store.map.save_with(sink, below)
}

/// Names every value in the record under a key.
fn each_val(key: &[u8], record: &[u8], nodes: &Arc<dyn Nodes>, found: &mut dyn FnMut(&Val)) {
    fn of<R: Record>(record: &[u8], nodes: &Arc<dyn Nodes>, found: &mut dyn FnMut(&Val)) {
        if let Some(record) = R::read(&mut Get::new(record, nodes)) {
            record.each_val(found);
        }
    }
    match key {
        [0x10, ..] | [0x15, ..] => of::<records::Object>(record, nodes, found),
        [0x13, ..] => of::<records::Envelope>(record, nodes, found),
        [0x14, ..] => of::<records::Replica>(record, nodes, found),
        [0x31, ..] => of::<code::Constant>(record, nodes, found),
        [0x40, ..] => of::<execution::Execution>(record, nodes, found),
        [0x41, rest @ ..] => match rest.get(8) {
            Some(1) => of::<frames::StoredFrame>(record, nodes, found),
            Some(2) => of::<records::Activation>(record, nodes, found),
            Some(4) => of::<records::Undo>(record, nodes, found),
            Some(5) => of::<records::Accepted>(record, nodes, found),
            Some(6) => of::<records::Envelope>(record, nodes, found),
            Some(7) => of::<records::Pending>(record, nodes, found),
            _ => {}
        },
        _ => {}
    }
}
