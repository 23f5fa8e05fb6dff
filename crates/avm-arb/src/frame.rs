//! What handlers do to the state: taking operands, leaving results.

use avm_core::{Hash, HostError};
use ruint::aliases::U256;

use crate::fault::{Fault, Trap};
use crate::state::State;
use crate::value::{BufferRef, CodeRef, Kind, TupleRef, Value};

impl State {
    /// Takes the top, which may be hidden: for operations that need no more than its hash.
    pub(crate) fn pop_closed(&mut self) -> Value {
        self.data.pop()
    }

    /// Takes the top, read as far as its kind and size.
    pub(crate) fn pop(&mut self) -> Result<Value, HostError> {
        let value = self.data.pop();
        self.heap.reveal(value, &self.store)
    }

    /// Takes the top of the aux stack, read as far as its kind and size.
    pub(crate) fn pop_aux(&mut self) -> Result<Value, HostError> {
        let value = self.aux.pop();
        self.heap.reveal(value, &self.store)
    }

    pub(crate) fn pop_int(&mut self) -> Result<U256, Trap> {
        match self.pop()? {
            Value::Int(word) => Ok(word),
            other => Err(wrong(Kind::Int, &other)),
        }
    }

    pub(crate) fn pop_code(&mut self) -> Result<CodeRef, Trap> {
        match self.pop()? {
            Value::Code(code) => Ok(code),
            other => Err(wrong(Kind::CodePoint, &other)),
        }
    }

    pub(crate) fn pop_buffer(&mut self) -> Result<BufferRef, Trap> {
        match self.pop()? {
            Value::Buffer(buffer) => Ok(buffer),
            other => Err(wrong(Kind::Buffer, &other)),
        }
    }

    /// Takes a tuple from the top; its elements are read as far as their hashes.
    pub(crate) fn pop_tuple(&mut self) -> Result<TupleRef, Trap> {
        let value = self.pop()?;
        self.as_tuple(value)
    }

    /// A value as a tuple whose elements are read as far as their hashes.
    pub(crate) fn as_tuple(&mut self, value: Value) -> Result<TupleRef, Trap> {
        match value {
            Value::Tuple(tuple) => {
                self.heap.open_tuple(tuple, &self.store)?;
                Ok(tuple)
            }
            other => Err(wrong(Kind::Tuple, &other)),
        }
    }

    pub(crate) fn push(&mut self, value: Value) {
        self.data.push(value);
    }

    /// Leaves several results, the last on top.
    pub(crate) fn push_all<const N: usize>(&mut self, values: [Value; N]) {
        values.into_iter().for_each(|value| self.push(value));
    }

    pub(crate) fn push_int(&mut self, word: U256) {
        self.data.push(Value::Int(word));
    }

    pub(crate) fn push_bool(&mut self, truth: bool) {
        self.data.push(Value::bool(truth));
    }

    pub(crate) fn push_hash(&mut self, hash: Hash) {
        self.push_int(U256::from_be_bytes(hash.0));
    }

    /// Number of elements of an opened tuple.
    pub(crate) fn tuple_len(&self, tuple: TupleRef) -> usize {
        self.heap.elements(tuple).map_or(0, <[_]>::len)
    }

    /// `index` as a place in an opened tuple.
    pub(crate) fn tuple_index(&self, tuple: TupleRef, index: U256) -> Result<usize, Fault> {
        let len = self.tuple_len(tuple);
        let at = usize::try_from(index).ok().filter(|&at| at < len);
        at.ok_or(Fault::TupleIndex { index, len })
    }
}

pub(crate) fn kind(value: &Value) -> Kind {
    match value {
        Value::Int(_) => Kind::Int,
        Value::Code(_) => Kind::CodePoint,
        Value::Tuple(_) => Kind::Tuple,
        Value::Buffer(_) => Kind::Buffer,
        Value::Hidden(_) => unreachable!("operands are read before they are looked at"),
    }
}

fn wrong(want: Kind, found: &Value) -> Trap {
    let found = kind(found);
    Trap::Fault(Fault::WrongKind { want, found })
}
