//! Values for people and for other programs, without recursion.

use alloc::format;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec;
use alloc::vec::Vec;

use avm_core::{Hash, HostError, Nodes};
use ruint::aliases::U256;

use crate::heap::{Heap, Object};
use crate::state::State;
use crate::store::Store;
use crate::value::{BufferRef, CodeRef, Value};

/// Numbers up to this are shown in decimal.
const DECIMAL_MAX: u64 = 1 << 53;

/// What is left to write of a value.
enum Piece {
    Value(Value),
    Text(&'static str),
}

impl Heap {
    /// The value as the assembler writes it, cut after about `max` characters. Parts that have not
    /// been read show as `#` and their hash.
    pub(crate) fn text(&self, value: Value, max: usize) -> String {
        let mut text = String::new();
        let mut pieces = vec![Piece::Value(value)];
        while let Some(piece) = pieces.pop() {
            if text.len() > max {
                text.push_str("...");
                break;
            }
            match piece {
                Piece::Text(piece) => text.push_str(piece),
                Piece::Value(Value::Int(word)) => text.push_str(&word_text(&word)),
                Piece::Value(Value::Hidden(hash)) => text.push_str(&format!("#{}", hash.short())),
                Piece::Value(Value::Code(code)) => text.push_str(&self.code_text(code)),
                Piece::Value(Value::Buffer(buffer)) => match self.small_buffer(buffer, max) {
                    Some(bytes) => crate::asm::buffer(&bytes, &mut text),
                    None => text.push_str("hex\"...\""),
                },
                Piece::Value(Value::Tuple(tuple)) => match self.elements(tuple) {
                    Err(inner) => text.push_str(&format!("(#{})", inner.short())),
                    Ok(elements) => {
                        text.push('(');
                        pieces.push(Piece::Text(")"));
                        for (at, slot) in elements.iter().enumerate().rev() {
                            pieces.push(Piece::Value(self.value(*slot)));
                            if at > 0 {
                                pieces.push(Piece::Text(", "));
                            }
                        }
                    }
                },
            }
        }
        text
    }

    /// `@3` for operation 3 of the program, and the hash of anything else as far as it is known.
    fn code_text(&self, code: CodeRef) -> String {
        if code == crate::heap::ERROR {
            return String::from("@end");
        }
        match (self.position(code), self.code_cell(code).name.get()) {
            (Some(index), _) => format!("@{index}"),
            (None, Some(hash)) => format!("@{}", hash.short()),
            (None, None) => String::from("@(made at run time)"),
        }
    }

    /// The bytes of a buffer, if there are about `max` at most and all were read.
    fn small_buffer(&self, buffer: BufferRef, max: usize) -> Option<Vec<u8>> {
        let height = self.buffer_cell(buffer).height?;
        // Normal form: a tree of two leaves or more has something in its right half.
        if height > 0 && 16_u64 << height > max as u64 {
            return None;
        }
        let mut bytes = vec![];
        self.buffer_bytes(self.buffer_cell(buffer).root, height, &mut bytes)?;
        let used = bytes
            .iter()
            .rposition(|&byte| byte != 0)
            .map_or(0, |at| at + 1);
        bytes.truncate(used);
        Some(bytes)
    }
}

pub(crate) fn word_text(word: &U256) -> String {
    if *word <= U256::from(DECIMAL_MAX) {
        format!("{word}")
    } else {
        format!("{word:#x}")
    }
}

impl State {
    /// The value in the node form of spec section 3b, if it has one of at most `max_bytes` and all
    /// of it can be read. Code points have one only if they are part of the program.
    pub(crate) fn marshal(&mut self, value: Value, max_bytes: usize) -> Option<Vec<u8>> {
        let mut bytes = vec![];
        let mut rest = vec![value];
        while let Some(value) = rest.pop() {
            if bytes.len() + rest.len() > max_bytes {
                return None;
            }
            match self.heap.reveal(value, &self.store).ok()? {
                Value::Int(word) => {
                    bytes.push(0);
                    bytes.extend(word.to_be_bytes::<32>());
                }
                Value::Tuple(tuple) => {
                    self.heap.open_tuple(tuple, &self.store).ok()?;
                    let elements = self.heap.elements(tuple).ok()?;
                    bytes.push(3 + elements.len() as u8);
                    rest.extend(elements.iter().rev().map(|slot| self.heap.value(*slot)));
                }
                Value::Buffer(buffer) => {
                    let data = self
                        .heap
                        .used_bytes(buffer, max_bytes, &self.store)
                        .ok()??;
                    bytes.push(0x0c);
                    bytes.extend((data.len() as u64).to_be_bytes());
                    bytes.extend(data);
                }
                Value::Code(code) => {
                    let hash = self.heap.hash_object(Object::Code(code));
                    self.heap.position(code)?;
                    bytes.push(0x0d);
                    bytes.extend(0_u64.to_be_bytes());
                    bytes.extend(u64::from(code.0).to_be_bytes());
                    bytes.extend(hash.0);
                }
                Value::Hidden(_) => unreachable!("revealed above"),
            }
        }
        (bytes.len() <= max_bytes).then_some(bytes)
    }
}

/// The value named `hash` as the assembler writes it, cut after about `max` characters.
///
/// # Errors
/// If a node of the part that is shown is missing or malformed.
pub fn value_text(hash: Hash, nodes: Arc<dyn Nodes>, max: usize) -> Result<String, HostError> {
    let (mut heap, store) = (Heap::new(), Store::new(nodes));
    let root = heap.reveal(Value::Hidden(hash), &store)?;
    // Reads as many values as can have a character each.
    let mut queue = vec![root];
    let mut read = 0;
    while read < queue.len() && queue.len() <= max {
        match queue[read] {
            Value::Tuple(tuple) => {
                heap.open_tuple(tuple, &store)?;
                for at in 0..heap.elements(tuple).map_or(0, <[_]>::len) {
                    queue.push(heap.element(tuple, at, &store)?);
                }
            }
            Value::Buffer(buffer) => drop(heap.used_bytes(buffer, max, &store)?),
            _ => {}
        }
        read += 1;
    }
    Ok(heap.text(root, max))
}
