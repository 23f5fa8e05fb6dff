//! The state of the machine: its parts, its hash, reading and writing it as nodes.
//!
//! The name of a state is the *cut* of the challenge game (spec section 19), which commits to the
//! machine hash and to all that a claim about an execution counts:
//!
//! ```text
//! cut      u256(gas used) ‖ rest
//! rest     u256(messages read) ‖ M ‖ send acc ‖ u256(sends) ‖ log acc ‖ u256(logs)
//! M        H(pc) ‖ H(data stack) ‖ H(aux stack) ‖ H(register) ‖ H(static) ‖ u256(gas left) ‖ H(handler)
//!          zero when halted, one after an error that nobody handled
//! ```

use avm_core::{Hash, HostError, Sink};
use ruint::aliases::U256;

use crate::heap::{ERROR, Heap, NONE, Object, Operation};
use crate::nodes::{self, hash_at};
use crate::save::Writer;
use crate::stack::Stack;
use crate::store::Store;
use crate::value::{CodeRef, Value};

/// Whether the machine can go on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Status {
    /// It can.
    Extensive,
    /// It executed `halt`.
    Halted,
    /// An error happened and there was no handler.
    ErrorStop,
}

impl core::fmt::Display for Status {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.write_str(match self {
            Status::Extensive => "extensive",
            Status::Halted => "halted",
            Status::ErrorStop => "errorstop",
        })
    }
}

/// What an execution claim counts beside the machine hash. Spec: section 5.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Gas used since genesis.
    pub gas_used: U256,
    /// Messages read.
    pub messages_read: u64,
    /// Accumulator over the sends.
    pub send_acc: Hash,
    /// Sends so far.
    pub sends: u64,
    /// Accumulator over the logs.
    pub log_acc: Hash,
    /// Logs so far.
    pub logs: u64,
}

#[derive(Clone, Debug)]
pub(crate) struct State {
    pub(crate) heap: Heap,
    pub(crate) store: Store,
    pub(crate) status: Status,
    /// The operation that runs next.
    pub(crate) pc: CodeRef,
    pub(crate) data: Stack,
    pub(crate) aux: Stack,
    pub(crate) register: Value,
    pub(crate) constant: Value,
    pub(crate) gas_left: U256,
    pub(crate) handler: CodeRef,
    pub(crate) tally: Tally,
    /// Most bytes the state may take.
    pub(crate) memory_limit_bytes: usize,
}

/// The preimage of a machine hash.
struct MachineNode([u8; 7 * 32]);

impl State {
    /// The state before the first step of a program whose code and static value are in `heap`.
    pub(crate) fn genesis(mut heap: Heap, first: CodeRef, constant: Value) -> Self {
        heap.keep();
        State {
            data: Stack::new(&mut heap),
            aux: Stack::new(&mut heap),
            heap,
            store: Store::default(),
            status: Status::Extensive,
            pc: first,
            register: Value::Tuple(NONE),
            constant,
            gas_left: U256::MAX,
            handler: ERROR,
            tally: Tally::default(),
            memory_limit_bytes: usize::MAX,
        }
    }

    /// The state named `cut`, of which only the three root nodes are read.
    pub(crate) fn open(cut: Hash, store: Store) -> Result<Self, HostError> {
        let (tally, machine) = nodes::state(cut, &store)?;
        let mut heap = Heap::new();
        let status = nodes::status(machine);
        if status != Status::Extensive {
            let mut state = State::genesis(heap, ERROR, Value::Tuple(NONE));
            (state.status, state.store, state.tally) = (status, store, tally);
            return Ok(state);
        }
        let parts = nodes::machine(machine, &store)?;
        let pc = heap.code_stub(parts.pc);
        let handler = heap.code_stub(parts.handler);
        Ok(State {
            data: Stack::stored(parts.stack, &mut heap),
            aux: Stack::stored(parts.aux, &mut heap),
            status,
            pc,
            register: Value::Hidden(parts.register),
            constant: Value::Hidden(parts.constant),
            gas_left: parts.gas_left,
            handler,
            tally,
            memory_limit_bytes: usize::MAX,
            heap,
            store,
        })
    }

    fn machine_node(&mut self) -> Option<MachineNode> {
        if self.status != Status::Extensive {
            return None;
        }
        let heap = &mut self.heap;
        let parts = [
            heap.hash_object(Object::Code(self.pc)),
            self.data.digest(heap).hash,
            self.aux.digest(heap).hash,
            heap.hash(&self.register),
            heap.hash(&self.constant),
            Hash(self.gas_left.to_be_bytes()),
            heap.hash_object(Object::Code(self.handler)),
        ];
        let mut node = [0; 7 * 32];
        for (slot, part) in node.chunks_exact_mut(32).zip(parts) {
            slot.copy_from_slice(&part.0);
        }
        Some(MachineNode(node))
    }

    /// The machine hash M. Spec: section 5.
    pub(crate) fn machine_hash(&mut self) -> Hash {
        match self.machine_node() {
            Some(node) => Hash::keccak(&node.0),
            None => stopped_hash(self.status),
        }
    }

    /// Hashes of the seven parts of M, gas left as its own 32 bytes; `None` once stopped.
    pub(crate) fn parts(&mut self) -> Option<[Hash; 7]> {
        let node = self.machine_node()?;
        Some(core::array::from_fn(|index| hash_at(&node.0, 32 * index)))
    }

    /// The name of the state.
    pub(crate) fn hash(&mut self) -> Hash {
        let machine = self.machine_hash();
        Hash::keccak(
            &self
                .tally
                .cut_node(Hash::keccak(&self.tally.rest_node(machine))),
        )
    }

    /// Writes the state as nodes; see [`avm_core::Machine::save`].
    pub(crate) fn save(&mut self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        let cut = self.hash();
        if sink.has(cut)? {
            return Ok(cut);
        }
        let machine = self.machine_node();
        let mut writer = Writer {
            heap: &mut self.heap,
            store: &self.store,
            sink,
        };
        let machine = match machine {
            Some(node) => {
                writer.object(Object::Code(self.pc))?;
                writer.object(Object::Code(self.handler))?;
                writer.stack(&mut self.data)?;
                writer.stack(&mut self.aux)?;
                writer.value(self.register)?;
                writer.value(self.constant)?;
                writer.put(&node.0)?
            }
            None => stopped_hash(self.status),
        };
        let rest = writer.put(&self.tally.rest_node(machine))?;
        writer.put(&self.tally.cut_node(rest))
    }

    /// Bytes in use, garbage included, as if everything were hashed: any step may ask for that.
    pub(crate) fn bytes(&self) -> usize {
        self.heap.hashed_bytes() + self.data.bytes() + self.aux.bytes()
    }

    /// Collects garbage if it is due, or if there is too much with it.
    ///
    /// # Errors
    /// If what is left is more than seven eighths of the memory limit. The last eighth is for
    /// garbage: with less, a collection would be due every few steps.
    pub(crate) fn tidy(&mut self) -> Result<(), HostError> {
        let limit_bytes = self.memory_limit_bytes;
        if self.heap.is_full() || self.bytes() > limit_bytes {
            let root_bytes = self.data.bytes() + self.aux.bytes();
            let Self {
                heap, data, aux, ..
            } = self;
            let (register, constant) = (&mut self.register, &mut self.constant);
            let (pc, handler) = (&mut self.pc, &mut self.handler);
            heap.collect(root_bytes, |collector| {
                let stacks = data.items_mut().iter_mut().chain(aux.items_mut());
                stacks.for_each(|item| collector.value(item));
                collector.value(register);
                collector.value(constant);
                collector.code(pc);
                collector.code(handler);
            });
            self.heap.cap_due(limit_bytes);
            if self.bytes() > limit_bytes - limit_bytes / 8 {
                return Err(HostError::MemoryLimit { limit_bytes });
            }
        }
        Ok(())
    }

    /// The operation at the program counter, read if need be: opcode, immediate and what follows.
    pub(crate) fn operation(&mut self) -> Result<(u8, Option<Value>, CodeRef), HostError> {
        self.heap.open_code(self.pc, &self.store)?;
        match self.heap.code_cell(self.pc).operation {
            Operation::Known {
                opcode,
                immediate,
                next,
            } => Ok((opcode, immediate, next.unwrap_or(ERROR))),
            Operation::Stub => unreachable!("the operation was read above"),
        }
    }
}

/// The machine hash of a stopped machine.
fn stopped_hash(status: Status) -> Hash {
    let number = u64::from(status == Status::ErrorStop);
    Hash(U256::from(number).to_be_bytes())
}

impl Tally {
    fn rest_node(&self, machine: Hash) -> [u8; 192] {
        let number = |count: u64| Hash(U256::from(count).to_be_bytes());
        let parts = [
            number(self.messages_read),
            machine,
            self.send_acc,
            number(self.sends),
            self.log_acc,
            number(self.logs),
        ];
        let mut node = [0; 192];
        for (slot, part) in node.chunks_exact_mut(32).zip(parts) {
            slot.copy_from_slice(&part.0);
        }
        node
    }

    fn cut_node(&self, rest: Hash) -> [u8; 64] {
        let mut node = [0; 64];
        node[..32].copy_from_slice(&self.gas_used.to_be_bytes::<32>());
        node[32..].copy_from_slice(&rest.0);
        node
    }
}
