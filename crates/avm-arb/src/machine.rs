//! The running machine and the rules behind it.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Hash, Host, HostError, ImageError, Inspect, Machine, Nodes, Ran, Sink, Stop, Vm};
use ruint::aliases::U256;

use crate::engine::Stepped;
use crate::fast::{self, Exit};
use crate::heap::Object;
use crate::load;
use crate::program::Program;
use crate::state::{State, Status, Tally};
use crate::store::Store;
use crate::value::{CodeRef, Kind, Value};

/// Most memory of a state: below this no arena outgrows the 32 bits of its handles.
const MEMORY_MAX_BYTES: usize = if usize::BITS > 34 {
    1_usize.wrapping_shl(34)
} else {
    usize::MAX
};

/// The classic Arbitrum machine.
#[derive(Clone, Copy, Debug)]
pub struct Arb {
    /// Most bytes that one state may take in memory; 16 GiB at most.
    pub memory_limit_bytes: usize,
    /// Whether the fast engine may be used; without it every step goes through the reference
    /// engine, with the same result.
    pub fast: bool,
}

impl Default for Arb {
    fn default() -> Self {
        Arb {
            memory_limit_bytes: 4 << 30,
            fast: true,
        }
    }
}

/// A running program.
#[derive(Clone, Debug)]
pub struct ArbMachine {
    state: State,
    fast: bool,
}

impl Arb {
    /// The machine before the first step of `program`.
    #[must_use]
    pub fn load(&self, program: &Program) -> ArbMachine {
        self.machine(load::genesis(program))
    }

    /// As [`Vm::open`], with the concrete type.
    ///
    /// # Errors
    /// If a root node is missing or is not a state of this machine.
    pub fn open(&self, state: Hash, nodes: Arc<dyn Nodes>) -> Result<ArbMachine, HostError> {
        Ok(self.machine(State::open(state, Store::new(nodes))?))
    }

    fn machine(&self, mut state: State) -> ArbMachine {
        state.memory_limit_bytes = self.memory_limit_bytes.min(MEMORY_MAX_BYTES);
        ArbMachine {
            state,
            fast: self.fast,
        }
    }
}

impl Vm for Arb {
    fn id(&self) -> &'static str {
        "arb"
    }

    fn spec(&self) -> &'static str {
        "arb/1"
    }

    fn hash(&self, node: &[u8]) -> Hash {
        Hash::keccak(node)
    }

    /// `image` is a program file, spec section 12.
    fn genesis(&self, image: &[u8]) -> Result<Box<dyn Machine>, ImageError> {
        let program = Program::from_json(image).map_err(ImageError::new)?;
        Ok(Box::new(self.load(&program)))
    }

    fn open(&self, state: Hash, nodes: Arc<dyn Nodes>) -> Result<Box<dyn Machine>, HostError> {
        Ok(Box::new(Arb::open(self, state, nodes)?))
    }
}

impl Machine for ArbMachine {
    fn run(&mut self, budget: u64, host: &mut dyn Host) -> Result<Ran, HostError> {
        let watched = host.probe().is_some();
        let mut steps = 0;
        let stop = loop {
            if self.state.status != Status::Extensive {
                break Stop::Halted;
            }
            if steps == budget {
                break Stop::Budget;
            }
            self.state.tidy()?;
            // A single step is what proofs are made of: exactly the nodes it reads, no engine on top.
            if self.fast && !watched && budget > 1 {
                let (taken, exit) = fast::run(&mut self.state, budget - steps);
                steps += taken;
                if exit != Exit::Reference {
                    continue;
                }
            }
            let stepped = if watched {
                self.state.watched_step(host)?
            } else {
                self.state.step(host)?
            };
            match stepped {
                Stepped::Done(_) => steps += 1,
                Stepped::NeedsInput => break Stop::NeedsInput,
            }
        };
        Ok(Ran { steps, stop })
    }

    fn state_hash(&mut self) -> Hash {
        self.state.hash()
    }

    fn save(&mut self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        self.state.save(sink)
    }

    fn fork(&self) -> Box<dyn Machine> {
        Box::new(self.clone())
    }
}

/// Hashes of the parts of a machine hash. Spec: section 5.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Parts {
    /// The operation that runs next.
    pub pc: Hash,
    /// The data stack.
    pub stack: Hash,
    /// The aux stack.
    pub aux: Hash,
    /// The register.
    pub register: Hash,
    /// The static value.
    pub constant: Hash,
    /// Gas left.
    pub gas_left: U256,
    /// The error handler.
    pub handler: Hash,
}

impl ArbMachine {
    /// Whether the machine can go on.
    #[must_use]
    pub fn status(&self) -> Status {
        self.state.status
    }

    /// What an execution claim counts.
    #[must_use]
    pub fn tally(&self) -> Tally {
        self.state.tally
    }

    /// Gas left in the gas register.
    #[must_use]
    pub fn gas_left(&self) -> U256 {
        self.state.gas_left
    }

    /// The machine hash of the specification, which the state hash wraps.
    pub fn machine_hash(&mut self) -> Hash {
        self.state.machine_hash()
    }

    /// Hashes of the parts of the machine hash; `None` once the machine stopped.
    pub fn parts(&mut self) -> Option<Parts> {
        let [pc, stack, aux, register, constant, gas_left, handler] = self.state.parts()?;
        Some(Parts {
            pc,
            stack,
            aux,
            register,
            constant,
            gas_left: U256::from_be_bytes(gas_left.0),
            handler,
        })
    }

    /// The program counter: the number of the operation that runs next, counted from the first of
    /// the program. The number of operations stands for the error code point; code made at run
    /// time has larger numbers, in no order.
    #[must_use]
    pub fn pc(&self) -> u64 {
        self.state.heap.number(self.state.pc)
    }

    /// The immediate of the operation that runs next, as the assembler writes it.
    ///
    /// # Errors
    /// If the operation is not in the store.
    pub fn immediate_text(&mut self) -> Result<Option<String>, HostError> {
        let immediate = self.state.operation()?.1;
        Ok(immediate.map(|value| self.state.heap.text(value, ITEM_CHARS)))
    }

    /// Opcode of the operation that runs next.
    ///
    /// # Errors
    /// If it is not in the store.
    pub fn opcode(&mut self) -> Result<u8, HostError> {
        Ok(self.state.operation()?.0)
    }

    /// The topmost items of the data stack that are in memory, top first.
    ///
    /// # Errors
    /// If a part of an item is not in the store.
    pub fn top_items(&mut self, count: usize) -> Result<Vec<ValueInfo>, HostError> {
        let items = self.state.data.items().iter().rev().take(count);
        let items: Vec<Value> = items.copied().collect();
        items.into_iter().map(|value| self.info(value)).collect()
    }

    /// The static value.
    ///
    /// # Errors
    /// If a part of it is not in the store.
    pub fn static_value(&mut self) -> Result<ValueInfo, HostError> {
        self.info(self.state.constant)
    }

    /// What the next operation has on top of the stack: its immediate, or else the top item.
    ///
    /// # Errors
    /// If a part of it is not in the store.
    pub fn first_operand(&mut self) -> Result<Option<ValueInfo>, HostError> {
        match self.state.operation()?.1 {
            Some(immediate) => self.info(immediate).map(Some),
            None => Ok(self.top_items(1)?.pop()),
        }
    }

    /// Kind and hash of the items of the data stack that are in memory, top first.
    ///
    /// # Errors
    /// If an item is not in the store.
    pub fn stack_hashes(&mut self) -> Result<Vec<(Kind, Hash)>, HostError> {
        let items = self.state.data.items().to_vec();
        items
            .into_iter()
            .rev()
            .map(|value| self.kind_and_hash(value))
            .collect()
    }

    /// [`ArbMachine::stack_hashes`] of the aux stack.
    ///
    /// # Errors
    /// If an item is not in the store.
    pub fn aux_hashes(&mut self) -> Result<Vec<(Kind, Hash)>, HostError> {
        let items = self.state.aux.items().to_vec();
        items
            .into_iter()
            .rev()
            .map(|value| self.kind_and_hash(value))
            .collect()
    }

    /// Hashes of the program's code points in the order of execution, the error code point left
    /// out; none if the state was opened from nodes.
    pub fn code_hashes(&mut self) -> Vec<Hash> {
        let heap = &mut self.state.heap;
        let operations = (1..)
            .map(CodeRef)
            .take_while(|code| heap.position(*code).is_some());
        let operations: Vec<CodeRef> = operations.collect();
        let last_to_first = operations
            .into_iter()
            .map(|code| heap.hash_object(Object::Code(code)));
        let mut hashes: Vec<Hash> = last_to_first.collect();
        hashes.reverse();
        hashes
    }

    pub(crate) fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    fn kind_and_hash(&mut self, value: Value) -> Result<(Kind, Hash), HostError> {
        let state = &mut self.state;
        let value = state.heap.reveal(value, &state.store)?;
        Ok((crate::frame::kind(&value), state.heap.hash(&value)))
    }

    fn info(&mut self, value: Value) -> Result<ValueInfo, HostError> {
        let state = &mut self.state;
        let value = state.heap.reveal(value, &state.store)?;
        Ok(ValueInfo {
            hash: state.heap.hash(&value),
            kind: crate::frame::kind(&value),
            size: state.heap.size(&value),
            node_form: state.marshal(value, NODE_FORM_MAX_BYTES),
        })
    }
}

/// Most bytes of a value's node form that are made.
const NODE_FORM_MAX_BYTES: usize = 1 << 20;

/// A value as other programs see it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ValueInfo {
    /// Hash.
    pub hash: Hash,
    /// Kind.
    pub kind: Kind,
    /// Size as the hash of a tuple counts it, modulo 2^256.
    pub size: U256,
    /// The node form of spec section 3b, if there is one of at most a megabyte.
    pub node_form: Option<Vec<u8>>,
}

/// The state as people look at it.
pub(crate) struct View<'a>(&'a State);

impl<'a> View<'a> {
    pub(crate) fn of(state: &'a State) -> Self {
        View(state)
    }
}

const PANES: &[&str] = &["stack", "aux", "register", "static", "handler"];
/// Most characters of an item.
const ITEM_CHARS: usize = 4096;

impl Inspect for View<'_> {
    fn panes(&self) -> &'static [&'static str] {
        PANES
    }

    fn len(&self, pane: usize) -> usize {
        match pane {
            0 => self.0.data.len(),
            1 => self.0.aux.len(),
            _ => usize::from(pane < PANES.len()),
        }
    }

    fn item(&self, pane: usize, index: usize) -> Option<String> {
        let from_top = |items: &[Value]| items.iter().rev().nth(index).copied();
        let value = match (pane, index) {
            (0, _) => from_top(self.0.data.items())?,
            (1, _) => from_top(self.0.aux.items())?,
            (2, 0) => self.0.register,
            (3, 0) => self.0.constant,
            (4, 0) => Value::Code(self.0.handler),
            _ => return None,
        };
        Some(self.0.heap.text(value, ITEM_CHARS))
    }
}

impl Inspect for ArbMachine {
    fn panes(&self) -> &'static [&'static str] {
        PANES
    }

    fn len(&self, pane: usize) -> usize {
        View(&self.state).len(pane)
    }

    fn item(&self, pane: usize, index: usize) -> Option<String> {
        View(&self.state).item(pane, index)
    }
}
