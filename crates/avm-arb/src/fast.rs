//! The fast engine: the operations that programs spend their time in, with the stack pointers,
//! the gas and the program counter in registers.
//!
//! It takes only steps that succeed. Whenever one might not (an operand of the wrong kind, too
//! little gas, an item still in the store, an operation it does not know) it stops in front of
//! that step, and the reference engine takes it. So faults, waiting and outputs exist once, and a
//! property test holds the two engines together on random programs.

use avm_core::Hash;
use ruint::aliases::U256;

use crate::heap::{Heap, Operation, ZERO_BUFFER};
use crate::limbs::{copied, opaque, wrapping_add, wrapping_sub};
use crate::math;
use crate::ops::OPS;
use crate::state::State;
use crate::store::Store;
use crate::value::{TupleRef, Value};

/// Why a fast run ended.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The budget is used up.
    Budget,
    /// The next step is for the reference engine.
    Reference,
    /// A stack has no more room, or garbage is due.
    Room,
}

/// Free slots on each stack when a run starts.
const ROOM: usize = 64;

/// Gas of an opcode, from the table.
const fn gas_of(code: u8) -> u64 {
    let mut row = 0;
    while row < OPS.len() {
        if OPS[row].info.code == code {
            return OPS[row].info.gas;
        }
        row += 1;
    }
    panic!("an opcode of the fast engine is not in the table");
}

/// Runs at most `budget` steps of an extensive state; returns how many it took, and why it ended.
pub(crate) fn run(state: &mut State, budget: u64) -> (u64, Exit) {
    if !state.data.is_settled() || !state.aux.is_settled() {
        return (0, Exit::Reference);
    }
    let tank = state.gas_left.saturating_to::<u64>();
    let (mut sp, mut aux_sp) = (state.data.len(), state.aux.len());
    // The lowest that the stacks were while the run had its hands on them.
    let (mut low, mut aux_low) = (sp, aux_sp);
    let mut pc = state.pc;
    let mut gas = tank;
    let mut steps_left = budget;

    let slots = state.data.reserve(ROOM);
    let aux = state.aux.reserve(ROOM);
    let heap = &mut state.heap;
    // What is still in the store is for the reference engine, which looks at the memory limit.
    let store = &Store::default();
    let (register, constant) = (&mut state.register, &state.constant);

    let exit = loop {
        if steps_left == 0 {
            break Exit::Budget;
        }
        let Operation::Known {
            opcode,
            immediate,
            next,
        } = &heap.code_cell(pc).operation
        else {
            break Exit::Reference;
        };
        let Some(next) = *next else {
            break Exit::Reference;
        };
        let base = sp;
        low = low.min(sp.saturating_sub(3));

        // Stops in front of this step.
        macro_rules! leave {
            ($exit:expr) => {{
                sp = base;
                break $exit;
            }};
        }
        // Ends the arm of an operation that did its work.
        macro_rules! done {
            ($code:literal, $next:expr) => {{
                const GAS: u64 = gas_of($code);
                gas = opaque(gas - GAS);
                steps_left -= 1;
                pc = $next;
            }};
            ($code:literal) => {
                done!($code, next)
            };
        }
        // Starts the arm of an operation: gas, and operands on the stack besides the immediate.
        macro_rules! start {
            ($code:literal) => {{
                const GAS: u64 = gas_of($code);
                if gas < GAS {
                    break Exit::Reference;
                }
            }};
        }
        // Puts the immediate on the stack, if there is one.
        macro_rules! push_immediate {
            () => {
                if let Some(value) = immediate {
                    let Some(slot) = slots.get_mut(sp) else {
                        break Exit::Room;
                    };
                    *slot = value.copied();
                    sp += 1;
                }
            };
        }
        // The item that is `$depth` below the top, which is at depth 1.
        macro_rules! item {
            ($depth:literal) => {{
                if sp < $depth {
                    leave!(Exit::Reference);
                }
                &mut slots[sp - $depth]
            }};
        }
        macro_rules! push {
            ($value:expr) => {{
                let value = $value;
                let Some(slot) = slots.get_mut(sp) else {
                    leave!(Exit::Room);
                };
                *slot = value;
                sp += 1;
            }};
        }
        // The first operand as an int, from the immediate or from the top, which is taken off.
        macro_rules! first_int {
            () => {
                match immediate {
                    Some(Value::Int(word)) => copied(word),
                    Some(_) => break Exit::Reference,
                    None => {
                        let Value::Int(word) = item!(1) else {
                            leave!(Exit::Reference);
                        };
                        let word = copied(word);
                        sp -= 1;
                        word
                    }
                }
            };
        }
        // The next int on the stack, to be overwritten by the result.
        macro_rules! int {
            ($depth:literal) => {{
                let Value::Int(word) = item!($depth) else {
                    leave!(Exit::Reference);
                };
                word
            }};
        }
        macro_rules! binary {
            ($code:literal, |$a:ident, $b:ident| $result:expr) => {{
                start!($code);
                let $a = first_int!();
                let slot = int!(1);
                let $b = copied(slot);
                *slot = $result;
                done!($code);
            }};
        }
        macro_rules! unary {
            ($code:literal, |$a:ident| $result:expr) => {{
                start!($code);
                push_immediate!();
                let slot = int!(1);
                let $a = copied(slot);
                *slot = $result;
                done!($code);
            }};
        }
        // As `binary`, for an error if the second operand is zero.
        macro_rules! divide {
            ($code:literal, $function:path) => {{
                start!($code);
                let a = first_int!();
                let slot = int!(1);
                let b = copied(slot);
                if b.is_zero() {
                    leave!(Exit::Reference);
                }
                *slot = $function(a, b);
                done!($code);
            }};
        }
        macro_rules! modular {
            ($code:literal, $function:path) => {{
                start!($code);
                let a = first_int!();
                let b = copied(int!(1));
                let slot = int!(2);
                let c = copied(slot);
                if c.is_zero() {
                    leave!(Exit::Reference);
                }
                *slot = $function(a, b, c);
                sp -= 1;
                done!($code);
            }};
        }
        // Copies of items: `$depth` below the top to the top.
        macro_rules! dup {
            ($code:literal, $depth:literal) => {{
                start!($code);
                push_immediate!();
                let copy = item!($depth).copied();
                push!(copy);
                done!($code);
            }};
        }
        macro_rules! swap {
            ($code:literal, $depth:literal) => {{
                start!($code);
                push_immediate!();
                let deep = item!($depth).copied();
                let top = slots[sp - 1].copied();
                slots[sp - 1] = deep;
                slots[sp - $depth] = top;
                done!($code);
            }};
        }
        macro_rules! get_buffer {
            ($code:literal, $width:literal) => {{
                start!($code);
                let offset = first_int!();
                let Value::Buffer(buffer) = *item!(1) else {
                    leave!(Exit::Reference);
                };
                let word = match u64::try_from(offset) {
                    Ok(offset) if offset <= u64::MAX - ($width - 1) => {
                        heap.read_buffer(buffer, offset, $width, store)
                    }
                    _ => leave!(Exit::Reference),
                };
                let Ok(word) = word else {
                    leave!(Exit::Reference);
                };
                slots[sp - 1] = Value::Int(word);
                done!($code);
            }};
        }
        macro_rules! set_buffer {
            ($code:literal, $width:literal) => {{
                start!($code);
                let offset = first_int!();
                let value = copied(int!(1));
                let Value::Buffer(buffer) = *item!(2) else {
                    leave!(Exit::Reference);
                };
                let written = match u64::try_from(offset) {
                    Ok(offset)
                        if offset <= u64::MAX - ($width - 1) && value.bit_len() <= 8 * $width =>
                    {
                        let bytes = value.to_be_bytes::<32>();
                        heap.write_buffer(buffer, offset, &bytes[32 - $width..], store)
                    }
                    _ => leave!(Exit::Reference),
                };
                let Ok(written) = written else {
                    leave!(Exit::Reference);
                };
                sp -= 1;
                slots[sp - 1] = Value::Buffer(written);
                done!($code);
                if heap.is_full() {
                    break Exit::Room;
                }
            }};
        }

        match *opcode {
            0x01 => binary!(0x01, |a, b| wrapping_add(a, b)),
            0x02 => binary!(0x02, |a, b| a.wrapping_mul(b)),
            0x03 => binary!(0x03, |a, b| wrapping_sub(a, b)),
            0x04 => divide!(0x04, math::div),
            0x05 => divide!(0x05, math::sdiv),
            0x06 => divide!(0x06, math::rem),
            0x07 => divide!(0x07, math::smod),
            0x08 => modular!(0x08, math::add_mod),
            0x09 => modular!(0x09, math::mul_mod),
            0x0a => binary!(0x0a, |a, b| math::pow(a, b)),
            0x0b => binary!(0x0b, |a, b| math::sign_extend(a, b)),
            0x10 => binary!(0x10, |a, b| truth(a < b)),
            0x11 => binary!(0x11, |a, b| truth(a > b)),
            0x12 => binary!(0x12, |a, b| truth(
                math::signed_order(a) < math::signed_order(b)
            )),
            0x13 => binary!(0x13, |a, b| truth(
                math::signed_order(a) > math::signed_order(b)
            )),
            0x14 => binary!(0x14, |a, b| truth(a == b)),
            0x15 => unary!(0x15, |a| truth(a.is_zero())),
            0x16 => binary!(0x16, |a, b| a & b),
            0x17 => binary!(0x17, |a, b| a | b),
            0x18 => binary!(0x18, |a, b| a ^ b),
            0x19 => unary!(0x19, |a| !a),
            0x1a => binary!(0x1a, |a, b| math::byte(a, b)),
            0x1b => binary!(0x1b, |a, b| math::shl(b, a)),
            0x1c => binary!(0x1c, |a, b| math::shr(b, a)),
            0x1d => binary!(0x1d, |a, b| math::sar(b, a)),
            0x22 => binary!(0x22, |a, b| {
                let hash = Hash(a.to_be_bytes()).join(Hash(b.to_be_bytes()));
                U256::from_be_bytes(hash.0)
            }),
            0x30 => {
                start!(0x30);
                if immediate.is_none() {
                    if sp == 0 {
                        break Exit::Reference;
                    }
                    sp -= 1;
                }
                done!(0x30);
            }
            0x31 => {
                start!(0x31);
                push_immediate!();
                if let Value::Hidden(_) = constant {
                    leave!(Exit::Reference);
                }
                push!(constant.copied());
                done!(0x31);
            }
            0x32 => {
                start!(0x32);
                push_immediate!();
                if let Value::Hidden(_) = register {
                    leave!(Exit::Reference);
                }
                push!(register.copied());
                done!(0x32);
            }
            0x33 => {
                start!(0x33);
                push_immediate!();
                *register = item!(1).copied();
                sp -= 1;
                done!(0x33);
            }
            0x34 => {
                start!(0x34);
                push_immediate!();
                let Value::Code(target) = *item!(1) else {
                    leave!(Exit::Reference);
                };
                sp -= 1;
                done!(0x34, target);
            }
            0x35 => {
                start!(0x35);
                push_immediate!();
                let Value::Code(target) = *item!(1) else {
                    leave!(Exit::Reference);
                };
                let taken = !copied(int!(2)).is_zero();
                sp -= 2;
                done!(0x35, if taken { target } else { next });
            }
            0x37 => {
                start!(0x37);
                push_immediate!();
                push!(Value::Code(pc));
                done!(0x37);
            }
            0x38 => {
                start!(0x38);
                push_immediate!();
                let Some(slot) = aux.get_mut(aux_sp) else {
                    leave!(Exit::Room);
                };
                *slot = item!(1).copied();
                aux_sp += 1;
                sp -= 1;
                done!(0x38);
            }
            0x39 => {
                start!(0x39);
                push_immediate!();
                if aux_sp == 0 {
                    leave!(Exit::Reference);
                }
                push!(aux[aux_sp - 1].copied());
                aux_sp -= 1;
                aux_low = aux_low.min(aux_sp);
                done!(0x39);
            }
            0x3b => {
                start!(0x3b);
                push_immediate!();
                done!(0x3b);
            }
            0x40 => dup!(0x40, 1),
            0x41 => dup!(0x41, 2),
            0x42 => dup!(0x42, 3),
            0x43 => swap!(0x43, 2),
            0x44 => swap!(0x44, 3),
            0x50 => {
                start!(0x50);
                let index = first_int!();
                let Value::Tuple(tuple) = *item!(1) else {
                    leave!(Exit::Reference);
                };
                let Some(element) = element(heap, tuple, index) else {
                    leave!(Exit::Reference);
                };
                slots[sp - 1] = element;
                done!(0x50);
            }
            0x51 => {
                start!(0x51);
                let index = first_int!();
                let Value::Tuple(tuple) = *item!(1) else {
                    leave!(Exit::Reference);
                };
                let value = item!(2).copied();
                let Some(at) = place(heap, tuple, index) else {
                    leave!(Exit::Reference);
                };
                if heap.is_partial(tuple) {
                    leave!(Exit::Reference);
                }
                let changed = heap.tuple_with(tuple, at, value, None);
                sp -= 1;
                slots[sp - 1] = Value::Tuple(changed);
                done!(0x51);
                if heap.is_full() {
                    break Exit::Room;
                }
            }
            0x52 => {
                start!(0x52);
                push_immediate!();
                let Value::Tuple(tuple) = *item!(1) else {
                    leave!(Exit::Reference);
                };
                let Ok(elements) = heap.elements(tuple) else {
                    leave!(Exit::Reference);
                };
                slots[sp - 1] = Value::int(elements.len() as u64);
                done!(0x52);
            }
            0x53 => {
                start!(0x53);
                push_immediate!();
                let index = copied(int!(1));
                let Some(Value::Tuple(tuple)) = aux[..aux_sp].last() else {
                    leave!(Exit::Reference);
                };
                let Some(element) = element(heap, *tuple, index) else {
                    leave!(Exit::Reference);
                };
                slots[sp - 1] = element;
                done!(0x53);
            }
            0x54 => {
                start!(0x54);
                let index = first_int!();
                let value = item!(1).copied();
                let Some(&Value::Tuple(tuple)) = aux[..aux_sp].last() else {
                    leave!(Exit::Reference);
                };
                let Some(at) = place(heap, tuple, index) else {
                    leave!(Exit::Reference);
                };
                if heap.is_partial(tuple) {
                    leave!(Exit::Reference);
                }
                let changed = heap.tuple_with(tuple, at, value, None);
                sp -= 1;
                aux[aux_sp - 1] = Value::Tuple(changed);
                aux_low = aux_low.min(aux_sp - 1);
                done!(0x54);
                if heap.is_full() {
                    break Exit::Room;
                }
            }
            0xa0 => {
                start!(0xa0);
                push_immediate!();
                push!(Value::Buffer(ZERO_BUFFER));
                done!(0xa0);
            }
            0xa1 => get_buffer!(0xa1, 1),
            0xa2 => get_buffer!(0xa2, 8),
            0xa3 => get_buffer!(0xa3, 32),
            0xa4 => set_buffer!(0xa4, 1),
            0xa5 => set_buffer!(0xa5, 8),
            0xa6 => set_buffer!(0xa6, 32),
            _ => break Exit::Reference,
        }
    };

    let spent = tank - gas;
    state.data.set_len(sp, low);
    state.aux.set_len(aux_sp, aux_low);
    state.pc = pc;
    state.gas_left -= U256::from(spent);
    state.use_gas(spent);
    (budget - steps_left, exit)
}

#[inline(always)]
fn truth(truth: bool) -> U256 {
    U256::from_limbs([u64::from(truth), 0, 0, 0])
}

/// `index` as a place in a tuple whose elements are known.
#[inline(always)]
fn place(heap: &Heap, tuple: TupleRef, index: U256) -> Option<usize> {
    let [low, high @ ..] = *index.as_limbs();
    let at = usize::try_from(low).ok()?;
    (high == [0; 3] && at < heap.elements(tuple).ok()?.len()).then_some(at)
}

/// The element at `index` if it is neither out of range nor hidden.
#[inline(always)]
fn element(heap: &Heap, tuple: TupleRef, index: U256) -> Option<Value> {
    let [low, high @ ..] = *index.as_limbs();
    let at = usize::try_from(low).ok().filter(|_| high == [0; 3])?;
    match heap.value(*heap.elements(tuple).ok()?.get(at)?) {
        Value::Hidden(_) => None,
        value => Some(value),
    }
}
