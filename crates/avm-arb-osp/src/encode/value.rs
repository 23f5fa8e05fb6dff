//! Values in a proof. Spec: section 3a.

use alloc::vec;
use alloc::vec::Vec;

use avm_arb::nodes::{self, CodePoint, Tuple, Value};
use avm_core::{Hash, HostError, Nodes};

use super::operands::Opening;
use super::{CODE_POINT_DEPTH_MAX, CodePoints, EncodeError, VALUES_MAX_BYTES};

const INT: u8 = 0;
const CODE_POINT: u8 = 1;
const WITHHELD: u8 = 2;
const TUPLE: u8 = 3;
const BUFFER: u8 = 12;
/// A code point whose immediate is given by hash.
const BOUNDED_CODE_POINT: u8 = 13;

/// Writes the values of a proof, and what stands between them.
pub(super) struct Values<'a> {
    nodes: &'a dyn Nodes,
    code_points: CodePoints,
    bytes: Vec<u8>,
}

/// What is still to be written of a value.
enum Pending {
    Value {
        hash: Hash,
        opening: Opening,
        /// Code points that have it in their immediates.
        depth: usize,
    },
    Hash(Hash),
}

impl<'a> Values<'a> {
    pub(super) fn new(nodes: &'a dyn Nodes, code_points: CodePoints) -> Self {
        Values {
            nodes,
            code_points,
            bytes: Vec::new(),
        }
    }

    /// Writes bytes as they are.
    pub(super) fn raw(&mut self, bytes: &[u8]) {
        self.bytes.extend_from_slice(bytes);
    }

    /// Everything that was written.
    pub(super) fn finish(self) -> Vec<u8> {
        self.bytes
    }

    /// Writes a value.
    pub(super) fn value(&mut self, hash: Hash, opening: Opening) -> Result<(), EncodeError> {
        let mut pending = vec![Pending::Value {
            hash,
            opening,
            depth: 0,
        }];
        while let Some(next) = pending.pop() {
            match next {
                Pending::Hash(hash) => self.raw(&hash.0),
                Pending::Value {
                    hash,
                    opening,
                    depth,
                } => self.node(hash, opening, depth, &mut pending)?,
            }
            if self.bytes.len() > VALUES_MAX_BYTES {
                return Err(EncodeError::ValuesTooLong);
            }
        }
        Ok(())
    }

    /// Writes the first bytes of a value, and says what follows.
    fn node(
        &mut self,
        hash: Hash,
        opening: Opening,
        depth: usize,
        pending: &mut Vec<Pending>,
    ) -> Result<(), EncodeError> {
        match nodes::value(hash, self.nodes)? {
            Value::Int(word) => {
                self.raw(&[INT]);
                self.raw(&word.to_be_bytes::<32>());
            }
            Value::Buffer { root } => {
                self.raw(&[BUFFER]);
                self.raw(&root.0);
            }
            Value::Tuple(tuple) => self.tuple(tuple, opening, depth, pending)?,
            Value::CodePoint(operation) => {
                self.code_point(hash, operation, opening, depth, pending)?;
            }
        }
        Ok(())
    }

    fn tuple(
        &mut self,
        tuple: Tuple,
        opening: Opening,
        depth: usize,
        pending: &mut Vec<Pending>,
    ) -> Result<(), HostError> {
        if let Opening::Level(0) | Opening::List(0) = opening {
            self.raw(&[WITHHELD]);
            self.raw(&tuple.inner.0);
            self.raw(&tuple.size.to_be_bytes::<32>());
            return Ok(());
        }
        let elements = nodes::elements(tuple.inner, self.nodes)?;
        let count = elements.len();
        self.raw(&[TUPLE + count as u8]);
        let element = |(at, hash)| {
            let opening = match (opening, count, at) {
                (Opening::Level(level), ..) => Opening::Level(level - 1),
                (Opening::List(_), 2, 0) => Opening::Level(1),
                (Opening::List(pairs), 2, _) => Opening::List(pairs - 1),
                (Opening::List(_), ..) => Opening::Level(0),
            };
            Pending::Value {
                hash,
                opening,
                depth,
            }
        };
        pending.extend(elements.enumerate().rev().map(element));
        Ok(())
    }

    fn code_point(
        &mut self,
        hash: Hash,
        operation: CodePoint,
        opening: Opening,
        depth: usize,
        pending: &mut Vec<Pending>,
    ) -> Result<(), EncodeError> {
        let CodePoint {
            opcode,
            immediate,
            next,
        } = operation;
        if depth >= CODE_POINT_DEPTH_MAX {
            return Err(EncodeError::CodePointDepth { code_point: hash });
        }
        match (immediate, self.code_points) {
            (None, _) => {
                self.raw(&[CODE_POINT, 0, opcode]);
                self.raw(&next.0);
            }
            (Some(immediate), CodePoints::Bounded) => {
                self.raw(&[BOUNDED_CODE_POINT, opcode]);
                self.raw(&immediate.0);
                self.raw(&next.0);
            }
            (Some(immediate), CodePoints::Full) => {
                self.raw(&[CODE_POINT, 1, opcode]);
                pending.push(Pending::Hash(next));
                let level = match opening {
                    Opening::Level(level) => level.saturating_sub(1),
                    Opening::List(_) => 0,
                };
                pending.push(Pending::Value {
                    hash: immediate,
                    opening: Opening::Level(level),
                    depth: depth + 1,
                });
            }
        }
        Ok(())
    }
}
