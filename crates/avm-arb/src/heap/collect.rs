//! The copying collector (Cheney): live objects move to the front, breadth first.

use alloc::vec::Vec;

use super::slot::{Slot, Unpacked};
use super::{Arenas, DigestRef, Marks, Node, NodeRef, Operation, SHELL, TupleCell};
use crate::value::{BufferRef, CodeRef, TupleRef, Value};

/// `Forward` entry of an object that has not moved.
const UNMOVED: u32 = u32::MAX;

/// A collection under way. Roots are shown to it one by one.
pub(crate) struct Collector<'a> {
    /// The permanent objects, and behind them what has moved.
    to: &'a mut Arenas,
    /// All objects as they were.
    from: &'a mut Arenas,
    forward: &'a mut Forward,
    permanent: Marks,
}

/// What a collection needs room for; empty in between.
#[derive(Clone, Debug, Default)]
pub(super) struct Spare {
    from: Arenas,
    forward: Forward,
}

/// Where the objects that were not permanent moved to.
#[derive(Clone, Debug, Default)]
struct Forward {
    tuples: Vec<u32>,
    words: Vec<u32>,
    code: Vec<u32>,
    buffers: Vec<u32>,
    nodes: Vec<u32>,
}

impl<'a> Collector<'a> {
    pub(super) fn new(to: &'a mut Arenas, spare: &'a mut Spare, permanent: Marks) -> Self {
        let Spare { from, forward } = spare;
        core::mem::swap(to, from);
        to.tuples
            .extend_from_slice(&from.tuples[..permanent.tuples]);
        to.digests
            .extend_from_slice(&from.digests[..permanent.digests]);
        to.elements
            .extend_from_slice(&from.elements[..permanent.elements]);
        to.words.extend_from_slice(&from.words[..permanent.words]);
        to.code.extend_from_slice(&from.code[..permanent.code]);
        to.buffers
            .extend_from_slice(&from.buffers[..permanent.buffers]);
        to.nodes.extend_from_slice(&from.nodes[..permanent.nodes]);
        forward
            .tuples
            .resize(from.tuples.len() - permanent.tuples, UNMOVED);
        forward
            .words
            .resize(from.words.len() - permanent.words, UNMOVED);
        forward
            .code
            .resize(from.code.len() - permanent.code, UNMOVED);
        forward
            .buffers
            .resize(from.buffers.len() - permanent.buffers, UNMOVED);
        forward
            .nodes
            .resize(from.nodes.len() - permanent.nodes, UNMOVED);
        Collector {
            to,
            from,
            forward,
            permanent,
        }
    }

    pub(super) fn to_bytes(&self) -> usize {
        self.to.bytes()
    }

    /// A root: what it points to lives, and the handle is rewritten.
    pub(crate) fn value(&mut self, value: &mut Value) {
        match value {
            Value::Int(_) | Value::Hidden(_) => {}
            Value::Tuple(tuple) => self.tuple(tuple),
            Value::Code(code) => self.code(code),
            Value::Buffer(buffer) => self.buffer(buffer),
        }
    }

    /// A root that is a code point.
    pub(crate) fn code(&mut self, code: &mut CodeRef) {
        let Some(at) = (code.0 as usize).checked_sub(self.permanent.code) else {
            return;
        };
        let moved = &mut self.forward.code[at];
        if *moved == UNMOVED {
            *moved = self.to.code.len() as u32;
            self.to.code.push(self.from.code[code.0 as usize]);
        }
        code.0 = *moved;
    }

    fn tuple(&mut self, tuple: &mut TupleRef) {
        let Some(at) = (tuple.0 as usize).checked_sub(self.permanent.tuples) else {
            return;
        };
        let moved = &mut self.forward.tuples[at];
        if *moved == UNMOVED {
            *moved = self.to.tuples.len() as u32;
            let cell = self.from.tuples[tuple.0 as usize];
            let start = cell.start as usize;
            let len = if cell.len == SHELL {
                1
            } else {
                cell.len as usize
            };
            let digest = match cell.digest.index() {
                Some(digest) if digest >= self.permanent.digests => {
                    let digest = self.from.digests[digest];
                    self.to.digests.push(digest);
                    DigestRef(self.to.digests.len() as u32 - 1)
                }
                _ => cell.digest,
            };
            self.to.tuples.push(TupleCell {
                start: self.to.elements.len() as u32,
                digest,
                ..cell
            });
            let elements = &self.from.elements[start..start + len];
            self.to.elements.extend_from_slice(elements);
        }
        tuple.0 = *moved;
    }

    /// An element as it is after the collection.
    fn element(&mut self, slot: Slot) -> Slot {
        let mut unpacked = slot.unpack();
        match &mut unpacked {
            Unpacked::Small(_) => return slot,
            Unpacked::Word(at) | Unpacked::Hidden(at) => self.word(at),
            Unpacked::Tuple(tuple) => self.tuple(tuple),
            Unpacked::Code(code) => self.code(code),
            Unpacked::Buffer(buffer) => self.buffer(buffer),
        }
        Slot::pack(unpacked)
    }

    fn word(&mut self, word: &mut u32) {
        let Some(at) = (*word as usize).checked_sub(self.permanent.words) else {
            return;
        };
        let moved = &mut self.forward.words[at];
        if *moved == UNMOVED {
            *moved = self.to.words.len() as u32;
            self.to.words.push(self.from.words[*word as usize]);
        }
        *word = *moved;
    }

    fn buffer(&mut self, buffer: &mut BufferRef) {
        let Some(at) = (buffer.0 as usize).checked_sub(self.permanent.buffers) else {
            return;
        };
        let moved = &mut self.forward.buffers[at];
        if *moved == UNMOVED {
            *moved = self.to.buffers.len() as u32;
            self.to.buffers.push(self.from.buffers[buffer.0 as usize]);
        }
        buffer.0 = *moved;
    }

    fn node(&mut self, node: &mut NodeRef) {
        let Some(at) = (node.0 as usize).checked_sub(self.permanent.nodes) else {
            return;
        };
        let moved = &mut self.forward.nodes[at];
        if *moved == UNMOVED {
            *moved = self.to.nodes.len() as u32;
            self.to.nodes.push(self.from.nodes[node.0 as usize]);
        }
        node.0 = *moved;
    }

    /// Moves all that the moved objects point to, until nothing is left.
    pub(super) fn finish(&mut self) {
        let mut done = self.permanent;
        loop {
            let before = done;
            while done.elements < self.to.elements.len() {
                let element = self.to.elements[done.elements];
                self.to.elements[done.elements] = self.element(element);
                done.elements += 1;
            }
            done.tuples = self.to.tuples.len();
            done.digests = self.to.digests.len();
            done.words = self.to.words.len();
            while done.code < self.to.code.len() {
                let mut cell = self.to.code[done.code];
                if let Operation::Known {
                    immediate, next, ..
                } = &mut cell.operation
                {
                    immediate.iter_mut().for_each(|value| self.value(value));
                    next.iter_mut().for_each(|code| self.code(code));
                }
                self.to.code[done.code] = cell;
                done.code += 1;
            }
            while done.buffers < self.to.buffers.len() {
                let mut cell = self.to.buffers[done.buffers];
                self.node(&mut cell.root);
                self.to.buffers[done.buffers] = cell;
                done.buffers += 1;
            }
            while done.nodes < self.to.nodes.len() {
                let mut cell = self.to.nodes[done.nodes];
                if let Node::Branch(left, right) = &mut cell.node {
                    self.node(left);
                    self.node(right);
                }
                self.to.nodes[done.nodes] = cell;
                done.nodes += 1;
            }
            if done == before {
                return;
            }
        }
    }

    /// Rewrites a handle that does not keep its object alive; false if the object is gone.
    pub(super) fn moved_code(&self, code: &mut CodeRef) -> bool {
        let Some(at) = (code.0 as usize).checked_sub(self.permanent.code) else {
            return true;
        };
        code.0 = self.forward.code[at];
        code.0 != UNMOVED
    }
}

impl Drop for Collector<'_> {
    fn drop(&mut self) {
        let Arenas {
            tuples,
            digests,
            elements,
            words,
            code,
            buffers,
            nodes,
        } = &mut *self.from;
        tuples.clear();
        digests.clear();
        elements.clear();
        words.clear();
        code.clear();
        buffers.clear();
        nodes.clear();
        self.forward.tuples.clear();
        self.forward.words.clear();
        self.forward.code.clear();
        self.forward.buffers.clear();
        self.forward.nodes.clear();
    }
}
