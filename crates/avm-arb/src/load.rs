//! From a program to the state before its first step. Spec: sections 4, 5 and 12.

use alloc::vec::Vec;

use crate::heap::{ERROR, Heap, NONE, TUPLE_MAX};
use crate::program::{Literal, Program, Target};
use crate::state::State;
use crate::value::{CodeRef, Value};

/// The state before the first step of `program`.
///
/// Operations lie in the heap behind the error operation, last to first, so that operation `i` of
/// `n` has index `n - i`, which is its program counter in the reference emulator, too. The indices
/// are known beforehand, so literals can be made first, code points included.
pub(crate) fn genesis(program: &Program) -> State {
    let mut heap = Heap::new();
    let operations = program.code().len() as u32;
    let code = |target: Target| match target {
        Target::Operation(index) => CodeRef(operations - index),
        Target::End => ERROR,
    };
    let mut values: Vec<Value> = Vec::with_capacity(program.literals().len());
    for literal in program.literals() {
        let value = match literal {
            Literal::Int(word) => Value::Int(*word),
            Literal::CodePoint(target) => Value::Code(code(*target)),
            Literal::Buffer(bytes) => Value::Buffer(heap.buffer_from(bytes)),
            Literal::Tuple(elements) if elements.is_empty() => Value::Tuple(NONE),
            Literal::Tuple(ids) => {
                let mut elements = [Value::Tuple(NONE); TUPLE_MAX];
                for (element, id) in elements.iter_mut().zip(ids) {
                    *element = values[id.index()];
                }
                Value::Tuple(heap.tuple(&elements[..ids.len()]))
            }
        };
        values.push(value);
    }
    let mut next = ERROR;
    for operation in program.code().iter().rev() {
        let immediate = operation.immediate.map(|id| values[id.index()]);
        next = heap.operation(operation.opcode, immediate, Some(next));
    }
    debug_assert_eq!(next, CodeRef(operations));
    State::genesis(heap, next, values[program.static_value().index()])
}
