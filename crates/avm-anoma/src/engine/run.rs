//! The loop.

use alloc::sync::Arc;

use avm_core::{HostError, Probe};

use super::Engine;
use super::data::{Operands, compute};
use super::trap::{Result, Trap, fault, fault_of, mismatch};
use crate::code::{op, row_of};
use crate::fault::Code as FaultCode;
use crate::state::code::{Code, UNREAD};
use crate::state::execution::{Doing, Frame, FrameKind};
use crate::state::keys::{Part, part};
use crate::state::records::{CodeAt, Guard, Mode};
use crate::state::world::Slice;
use crate::value::{List, Val};

/// Gas of each opcode.
static GAS: [u64; 256] = gas();

const fn gas() -> [u64; 256] {
    let mut gas = [0; 256];
    let mut code = 0;
    while code < 256 {
        if let Some(row) = crate::code::TABLE[code] {
            gas[code] = row.info.gas;
        }
        code += 1;
    }
    gas
}

/// Frames of functions beyond those of calls.
const FRAMES_PER_CALL: u32 = 10;
/// Handlers of errors of all frames together.
const GUARDS_MAX: u32 = 1 << 20;
/// Registers of all frames together.
pub const REGISTERS_MAX: usize = 1 << 24;

/// Why the loop over instructions stopped.
enum Exit {
    /// All steps are taken, or what the execution does has changed.
    Stop,
    /// Words are to be read.
    Words(CodeAt, u32),
    /// A constant is to be read.
    Constant(u32, u32),
    /// A function is to be read.
    Function(CodeAt),
}

impl Engine<'_> {
    /// Whether the execution has something to do.
    fn is_active(&self) -> bool {
        !matches!(self.x.doing, Doing::Waiting | Doing::Ended)
    }

    /// Whether another execution may run now.
    pub fn at_switch(&self) -> bool {
        matches!(self.x.doing, Doing::Running)
            && self.x.merge.is_none()
            && (self.x.activations.is_empty() || self.in_tx())
    }

    /// Takes at most `budget` steps, and says how many.
    pub fn go(&mut self, code: &mut Code, budget: u64) -> Result<u64, HostError> {
        let mut steps = 0;
        while steps < budget && self.is_active() {
            self.prepare()?;
            let ended = match self.x.doing {
                Doing::Running => self.spin(code, budget, &mut steps),
                _ => {
                    steps += 1;
                    self.piece(code).map(|()| Exit::Stop)
                }
            };
            match ended {
                Ok(Exit::Stop) => {}
                Ok(Exit::Words(at, pc)) => code.load_words(at, pc, &self.w.store)?,
                Ok(Exit::Function(at)) => {
                    code.load_function(at, &self.w.store)?;
                    code.load(at.module, &self.w.store)?;
                }
                Ok(Exit::Constant(module, index)) => {
                    code.load_constant(module, index, &self.w.store)?;
                }
                Err(Trap::Told) => {}
                Err(Trap::Host(error)) => return Err(error),
                Err(Trap::Fault(fault)) => {
                    self.fails(code, &fault);
                    self.x.doing = Doing::Failing(fault);
                }
            }
        }
        Ok(steps)
    }

    /// Takes steps one by one until another execution may run; the slice says how far.
    pub fn go_slice(&mut self, code: &mut Code, budget: u64) -> Result<u64, HostError> {
        let mut steps = 0;
        while steps < budget && self.is_active() {
            let over = match self.w.header.slice {
                Slice::Whole => false,
                Slice::Steps(left) | Slice::Marks(left) => left == 0,
            };
            if over && self.at_switch() {
                break;
            }
            let mark = self.w.header.slice != Slice::Whole && self.next_is_mark(code)?;
            if self.go(code, 1)? == 0 {
                break;
            }
            steps += 1;
            match &mut self.w.header.slice {
                Slice::Steps(left) => *left = left.saturating_sub(1),
                Slice::Marks(left) if mark => *left = left.saturating_sub(1),
                _ => {}
            }
        }
        Ok(steps)
    }

    /// Whether the next instruction is a mark outside of calls.
    fn next_is_mark(&mut self, code: &mut Code) -> Result<bool, HostError> {
        if !self.x.activations.is_empty() || !matches!(self.x.doing, Doing::Running) {
            return Ok(false);
        }
        Ok(self
            .next_word(code)?
            .is_some_and(|word| word as u8 == op::NOP))
    }

    /// The instruction that runs next; `None` if it is none.
    pub fn next_word(&mut self, code: &mut Code) -> Result<Option<u32>, HostError> {
        self.prepare()?;
        if !matches!(self.x.doing, Doing::Running) {
            return Ok(None);
        }
        let Some(frame) = self.x.frames.peek() else {
            return Ok(None);
        };
        let (at, pc) = (frame.code, frame.pc);
        if code
            .load_function(at, &self.w.store)?
            .words
            .get(pc as usize)
            == Some(&UNREAD)
        {
            code.load_words(at, pc, &self.w.store)?;
        }
        let function = code.load_function(at, &self.w.store)?;
        Ok(function.words.get(pc as usize).copied())
    }

    /// One step of what is no instruction.
    fn piece(&mut self, code: &mut Code) -> Result<()> {
        match &self.x.doing {
            Doing::Failing(fault) => {
                let fault = fault.clone();
                self.fail(code, fault)
            }
            Doing::Rejecting => self.reject(code),
            Doing::Settling(..) => self.settle().map_err(Into::into),
            Doing::Validating(..) => self.validate(code),
            Doing::Applying(..) => self.apply(code),
            Doing::Dropping(_) => self.drop_tx(),
            Doing::Merging => self.merge(code),
            Doing::Running | Doing::Waiting | Doing::Ended => Ok(()),
        }
    }

    /// Runs instructions until something else is to be done.
    #[expect(clippy::too_many_lines, reason = "the dispatch loop")]
    fn spin(&mut self, code: &mut Code, budget: u64, steps: &mut u64) -> Result<Exit> {
        let limit = self.w.fixed.limits.gas;
        'frame: loop {
            let Some(frame) = self.x.frames.top() else {
                self.x.doing = Doing::Settling(crate::state::execution::Next::End, 0);
                return Ok(Exit::Stop);
            };
            let (at, base, mut pc) = (frame.code, frame.base as usize, frame.pc as usize);
            let Some(function) = code.function(at) else {
                return Ok(Exit::Function(at));
            };
            let words = &function.words[..];
            loop {
                macro_rules! save {
                    () => {
                        if let Some(frame) = self.x.frames.top() {
                            frame.pc = pc as u32;
                        }
                    };
                }
                macro_rules! fails {
                    ($result:expr) => {
                        match $result {
                            Ok(value) => value,
                            Err(error) => {
                                save!();
                                return Err(Trap::from(error));
                            }
                        }
                    };
                }
                if *steps >= budget {
                    save!();
                    return Ok(Exit::Stop);
                }
                let Some(&word) = words.get(pc) else {
                    unreachable!("the verifier lets no function run past its end");
                };
                if word == UNREAD {
                    save!();
                    return Ok(Exit::Words(at, pc as u32));
                }
                let [code_byte, a, b, c] = word.to_le_bytes();
                if code_byte == op::LOADK || code_byte == op::JEQK {
                    let index = match code_byte {
                        op::LOADK => usize::from(u16::from_le_bytes([b, c])),
                        _ => usize::from(b),
                    };
                    let module = code.get(at.module).expect("its function is in memory");
                    let Some(constant) = module.constants.get(index).and_then(Option::as_ref)
                    else {
                        save!();
                        return Ok(Exit::Constant(at.module, index as u32));
                    };
                    pc += 1;
                    *steps += 1;
                    self.x.gas += 1;
                    if self.x.gas > limit {
                        save!();
                        return Err(fault(FaultCode::Gas));
                    }
                    let regs = &mut self.x.frames.regs[base..];
                    if code_byte == op::LOADK {
                        regs[usize::from(a)].put(constant.clone());
                    } else {
                        let same = match (&regs[usize::from(a)], constant) {
                            (Val::Sym(left), Val::Sym(right)) => Ok(left == right),
                            (Val::Int(left), Val::Int(right)) => Ok(left == right),
                            (value, constant) => {
                                let compared = value.encoded_len().min(constant.encoded_len());
                                self.x.gas += super::data::bytes(compared);
                                value.eq(constant)
                            }
                        };
                        if fails!(same) {
                            pc += usize::from(c);
                        }
                    }
                    continue;
                }
                pc += 1;
                *steps += 1;
                self.x.gas += GAS[usize::from(code_byte)];
                if self.x.gas > limit {
                    save!();
                    return Err(fault(FaultCode::Gas));
                }
                let (ra, rb, rc) = (
                    base + usize::from(a),
                    base + usize::from(b),
                    base + usize::from(c),
                );
                let sbx = i16::from_le_bytes([b, c]);
                macro_rules! set {
                    ($value:expr) => {{
                        let value = $value;
                        self.x.frames.regs[ra].put(value)
                    }};
                }
                macro_rules! jump {
                    () => {
                        pc = pc.wrapping_add_signed(isize::from(sbx))
                    };
                }
                macro_rules! slow {
                    () => {{
                        let on = Operands {
                            regs: &self.x.frames.regs[base..],
                            b,
                            c,
                        };
                        let (value, gas) = fails!(compute(code_byte, &on));
                        self.x.gas += gas;
                        set!(value);
                    }};
                }
                match code_byte {
                    op::NOP => {}
                    op::MOV => set!(self.x.frames.regs[rb].clone()),
                    op::LOADI => set!(Val::Int(sbx.into())),
                    op::LOADNIL => set!(Val::Nothing),
                    op::LOADT => set!(Val::Bool(true)),
                    op::LOADF => set!(Val::Bool(false)),
                    op::JMP => jump!(),
                    op::JT => {
                        if !self.x.frames.regs[ra].is_false() {
                            jump!();
                        }
                    }
                    op::JF => {
                        if self.x.frames.regs[ra].is_false() {
                            jump!();
                        }
                    }
                    op::JNOTHING => {
                        if self.x.frames.regs[ra].is_nothing() {
                            jump!();
                        }
                    }
                    op::ADDI => match &self.x.frames.regs[rb] {
                        Val::Int(n) => match n.checked_add(c.cast_signed().into()) {
                            Some(sum) => set!(Val::Int(sum)),
                            None => slow!(),
                        },
                        _ => slow!(),
                    },
                    op::ADD => match (&self.x.frames.regs[rb], &self.x.frames.regs[rc]) {
                        (Val::Int(n), Val::Int(m)) => match n.checked_add(*m) {
                            Some(sum) => set!(Val::Int(sum)),
                            None => slow!(),
                        },
                        _ => slow!(),
                    },
                    op::SUB => match (&self.x.frames.regs[rb], &self.x.frames.regs[rc]) {
                        (Val::Int(n), Val::Int(m)) => match n.checked_sub(*m) {
                            Some(difference) => set!(Val::Int(difference)),
                            None => slow!(),
                        },
                        _ => slow!(),
                    },
                    op::LT => match (&self.x.frames.regs[rb], &self.x.frames.regs[rc]) {
                        (Val::Int(n), Val::Int(m)) => set!(Val::Bool(n < m)),
                        _ => slow!(),
                    },
                    op::LE => match (&self.x.frames.regs[rb], &self.x.frames.regs[rc]) {
                        (Val::Int(n), Val::Int(m)) => set!(Val::Bool(n <= m)),
                        _ => slow!(),
                    },
                    op::CAR => match &self.x.frames.regs[rb] {
                        Val::List(list) if !list.is_empty() => {
                            let head = list.head().cloned();
                            set!(head.expect("a list that is not empty has a head"));
                        }
                        _ => slow!(),
                    },
                    op::CDR => match &self.x.frames.regs[rb] {
                        Val::List(list) if !list.is_empty() => {
                            let tail = fails!(list.tail());
                            set!(Val::List(tail));
                        }
                        _ => slow!(),
                    },
                    op::LIST => {
                        let items = &self.x.frames.regs[rb..rb + usize::from(c)];
                        let list = fails!(Val::list_of(items));
                        self.x.gas += u64::from(c / 2);
                        set!(list);
                    }
                    op::FIELD => match &self.x.frames.regs[rb] {
                        Val::List(list) => match fails!(list.get(c.into())) {
                            Some(item) => {
                                self.x.gas += u64::from(c / 16);
                                set!(item);
                            }
                            None => slow!(),
                        },
                        _ => slow!(),
                    },
                    op::LEN => match &self.x.frames.regs[rb] {
                        Val::List(list) => {
                            let len = i64::from(list.len());
                            set!(Val::Int(len));
                        }
                        _ => slow!(),
                    },
                    op::EQ => match (&self.x.frames.regs[rb], &self.x.frames.regs[rc]) {
                        (Val::Int(n), Val::Int(m)) => {
                            let same = n == m;
                            set!(Val::Bool(same));
                        }
                        _ => slow!(),
                    },
                    op::UNJUST => match self.x.frames.regs[rb].as_just() {
                        Some(value) => {
                            let value = value.clone();
                            set!(value);
                        }
                        None => slow!(),
                    },
                    op::ISTYPE => match &self.x.frames.regs[rb] {
                        Val::Closed(_) => slow!(),
                        value => {
                            let tag = value.tag();
                            set!(Val::Bool(tag == c || (tag == 0x03 && c == 0x02)));
                        }
                    },
                    op::GETSTATE => {
                        let state = fails!(self.get_state());
                        self.x.gas += super::data::bytes(state.encoded_len());
                        set!(state);
                    }
                    op::INPUT => {
                        let input = match self.x.activations.top() {
                            Some(activation) => activation.input.clone(),
                            None => self.x.root_input.clone(),
                        };
                        set!(input);
                    }
                    op::CALLF => {
                        save!();
                        let called = CodeAt {
                            module: at.module,
                            function: u16::from_le_bytes([b, c]).into(),
                        };
                        let Some(function) = code.function(called) else {
                            // The step is taken again when it is there.
                            self.x.frames.top().expect("it runs").pc -= 1;
                            *steps -= 1;
                            self.x.gas -= GAS[usize::from(code_byte)];
                            return Ok(Exit::Function(called));
                        };
                        let (arity, registers) = (function.arity, function.registers);
                        self.enter(called, ra, arity, registers, a, FrameKind::Local)?;
                        continue 'frame;
                    }
                    op::TAILF => {
                        save!();
                        fails!(self.not_owner_leaving());
                        let called = CodeAt {
                            module: at.module,
                            function: u16::from_le_bytes([b, c]).into(),
                        };
                        let Some(function) = code.function(called) else {
                            self.x.frames.top().expect("it runs").pc -= 1;
                            *steps -= 1;
                            self.x.gas -= GAS[usize::from(code_byte)];
                            return Ok(Exit::Function(called));
                        };
                        let (arity, registers) = (usize::from(function.arity), function.registers);
                        let regs = &mut self.x.frames.regs;
                        for index in 0..arity {
                            regs.swap(base + index, ra + index);
                        }
                        Val::shorten(regs, base + arity);
                        regs.resize_with(base + usize::from(registers), Val::default);
                        let frame = self.x.frames.top().expect("it runs");
                        (frame.code, frame.pc, frame.closure) = (called, 0, None);
                        continue 'frame;
                    }
                    op::RET | op::END => {
                        let value = match code_byte {
                            op::RET => {
                                core::mem::replace(&mut self.x.frames.regs[ra], Val::Nothing)
                            }
                            _ => Val::Nothing,
                        };
                        save!();
                        self.returns(code, value)?;
                        if !matches!(self.x.doing, Doing::Running) || self.x.frames.peek().is_none()
                        {
                            return Ok(Exit::Stop);
                        }
                        if self.x.activations.wants() {
                            return Ok(Exit::Stop);
                        }
                        continue 'frame;
                    }
                    op::CALL => {
                        save!();
                        let object = match self.x.frames.regs[rb].open()? {
                            Val::Obj(object) => object.clone(),
                            _ => return Err(mismatch("obj")),
                        };
                        let input = self.x.frames.regs[rb + 1].clone();
                        self.call(code, object, input, a, Mode::Call)?;
                        continue 'frame;
                    }
                    op::REPLY => {
                        let value = self.x.frames.regs[ra].clone();
                        save!();
                        self.reply(value)?;
                    }
                    op::CAPT => {
                        let frame = self.x.frames.peek().expect("it runs");
                        let captured = frame
                            .closure
                            .as_ref()
                            .and_then(|closure| closure.captured.get(usize::from(b)).cloned());
                        set!(captured.expect("the verifier counts captured values"));
                    }
                    op::CLOSURE => {
                        let called = CodeAt {
                            module: at.module,
                            function: u16::from_le_bytes([b, c]).into(),
                        };
                        let Some(function) = code.function(called) else {
                            pc -= 1;
                            save!();
                            *steps -= 1;
                            self.x.gas -= GAS[usize::from(code_byte)];
                            return Ok(Exit::Function(called));
                        };
                        let captures = usize::from(function.captures);
                        let captured = self.x.frames.regs[ra..ra + captures].iter().cloned();
                        let closure = fails!(Val::closure(at.module, called.function, captured));
                        set!(closure);
                        self.x.gas += captures as u64 / 2;
                    }
                    op::CALLC | op::TAILC => {
                        if code_byte == op::TAILC {
                            save!();
                            fails!(self.not_owner_leaving());
                        }
                        let (callee, count) = (rb, usize::from(c));
                        let closure = match self.x.frames.regs[callee].open() {
                            Ok(Val::Closure(closure)) => Ok(Arc::clone(closure)),
                            Ok(_) => Err(mismatch("closure")),
                            Err(error) => Err(error.into()),
                        };
                        let closure = fails!(closure);
                        let called = CodeAt {
                            module: closure.module,
                            function: closure.function,
                        };
                        let Some(function) = code.function(called) else {
                            pc -= 1;
                            save!();
                            *steps -= 1;
                            self.x.gas -= GAS[usize::from(code_byte)];
                            return Ok(Exit::Function(called));
                        };
                        let (arity, registers) = (usize::from(function.arity), function.registers);
                        let fits = match function.rest {
                            true => count + 1 >= arity,
                            false => count == arity,
                        };
                        if !fits || closure.captured.len() != usize::from(function.captures) {
                            fails!(Err(mismatch("arity")));
                        }
                        let first = callee + 1;
                        if function.rest {
                            let from = first + arity - 1;
                            let regs = &mut self.x.frames.regs;
                            let rest = fails!(List::from_slice(&regs[from..first + count]));
                            self.x.gas += u64::from(rest.len() / 2);
                            Val::shorten(regs, from);
                            regs.push(Val::List(rest));
                        }
                        save!();
                        if code_byte == op::CALLC {
                            self.enter(called, first, arity as u8, registers, a, FrameKind::Local)?;
                        } else {
                            let regs = &mut self.x.frames.regs;
                            for index in 0..arity {
                                regs.swap(base + index, first + index);
                            }
                            Val::shorten(regs, base + arity);
                            regs.resize_with(base + usize::from(registers), Val::default);
                            let frame = self.x.frames.top().expect("it runs");
                            (frame.code, frame.pc) = (called, 0);
                        }
                        self.x.frames.top().expect("it runs").closure = Some(closure);
                        continue 'frame;
                    }
                    op::GUARD => {
                        let frame = self.x.frames.len();
                        let target = pc.wrapping_add_signed(isize::from(sbx)) as u32;
                        let (register, txs) = (a, self.x.txs);
                        if self.x.guards.len() >= GUARDS_MAX {
                            save!();
                            return Err(fault_of(FaultCode::Depth, [Val::str("guard")]));
                        }
                        self.x.guards.push(Guard {
                            frame,
                            target,
                            register,
                            txs,
                        });
                    }
                    op::UNGUARD => {
                        self.x
                            .guards
                            .ready(&self.w.store, || part(self.x.number, Part::Guards))?;
                        self.x.guards.pop();
                    }
                    op::RAISE => {
                        let value = self.x.frames.regs[ra].open().cloned();
                        save!();
                        let value = value?;
                        if !value.is_passable() {
                            return Err(fault(FaultCode::NotPassable));
                        }
                        let (fault, new) = Self::raised(&value)?;
                        if new {
                            return Err(Trap::Fault(fault));
                        }
                        self.x.doing = Doing::Failing(fault);
                        return Ok(Exit::Stop);
                    }
                    op::REJECT => {
                        save!();
                        self.x.doing = Doing::Rejecting;
                        return Ok(Exit::Stop);
                    }
                    0x80.. => {
                        save!();
                        self.effect(code, code_byte, a, b)?;
                        if !matches!(self.x.doing, Doing::Running) {
                            return Ok(Exit::Stop);
                        }
                        continue 'frame;
                    }
                    _ => slow!(),
                }
            }
        }
    }

    /// Begins a function whose arguments are in the registers from `window` on.
    #[inline]
    fn enter(
        &mut self,
        called: CodeAt,
        window: usize,
        arity: u8,
        registers: u16,
        ret: u8,
        kind: FrameKind,
    ) -> Result<()> {
        let frames = self
            .w
            .fixed
            .limits
            .call_depth
            .saturating_mul(FRAMES_PER_CALL);
        let registers = usize::from(registers);
        if self.x.frames.len() >= frames || window + registers > REGISTERS_MAX {
            return Err(fault_of(FaultCode::Depth, [Val::str("function")]));
        }
        let regs = &mut self.x.frames.regs;
        Val::shorten(regs, window + usize::from(arity));
        regs.resize_with(window + registers, Val::default);
        self.x.frames.push(Frame {
            code: called,
            pc: 0,
            base: window as u32,
            ret,
            kind,
            closure: None,
        });
        Ok(())
    }

    /// Begins a pure function with arguments.
    pub fn enter_pure(
        &mut self,
        code: &mut Code,
        called: CodeAt,
        args: &List,
        ret: u8,
    ) -> Result<bool> {
        let function = code.load_function(called, &self.w.store)?;
        let (arity, registers, rest) = (function.arity, function.registers, function.rest);
        let count = args.len();
        let fits = match rest {
            true => count + 1 >= u32::from(arity),
            false => count == u32::from(arity),
        };
        if !fits {
            return Ok(false);
        }
        let window = self.x.frames.regs.len();
        let mut values = args.to_vec()?;
        if rest {
            let tail = values.split_off(usize::from(arity) - 1);
            values.push(Val::list(tail)?);
        }
        self.x.frames.regs.extend(values);
        self.enter(called, window, arity, registers, ret, FrameKind::Pure)?;
        Ok(true)
    }

    /// A frame that began a transaction cannot become another one.
    fn not_owner_leaving(&mut self) -> Result<()> {
        match &self.x.tx {
            Some(tx) if tx.owner == self.x.frames.len() => {
                Err(fault_of(FaultCode::TxUnfinished, [Val::tx(tx.id)]))
            }
            _ => Ok(()),
        }
    }

    /// The frame on top returns a value.
    #[inline]
    fn returns(&mut self, code: &mut Code, value: Val) -> Result<()> {
        let frame = self.x.frames.peek().expect("it runs");
        match frame.kind {
            FrameKind::Activation => self.finish(code),
            FrameKind::Local => {
                self.owner_leaves(code)?;
                let frame = self.x.frames.pop().expect("it runs");
                self.give_local(code, frame.ret, value)
            }
            FrameKind::Pure => {
                let frame = self.x.frames.pop().expect("it runs");
                let value = Val::just(value)?;
                self.give_local(code, frame.ret, value)
            }
            FrameKind::Root => {
                self.owner_leaves(code)?;
                self.x.frames.pop();
                self.ended(crate::seen::Outcome::Done(value));
                Ok(())
            }
        }
    }

    /// Gives the frame on top the value of a function.
    #[inline]
    fn give_local(&mut self, code: &mut Code, register: u8, value: Val) -> Result<()> {
        self.x.frames.ready(self.x.number, &self.w.store)?;
        let frame = self.x.frames.top().expect("a function was called by one");
        let (at, base) = (frame.code, frame.base as usize);
        let registers = match code.function(at) {
            Some(function) => function.registers,
            None => code.load_function(at, &self.w.store)?.registers,
        };
        let regs = &mut self.x.frames.regs;
        regs.resize_with(base + usize::from(registers), Val::default);
        regs[base + usize::from(register)] = value;
        Ok(())
    }

    /// Adds an output to the activation.
    fn reply(&mut self, value: Val) -> Result<()> {
        if !value.is_passable() {
            return Err(fault(FaultCode::NotPassable));
        }
        if let Some(activation) = self.x.activations.top_mut() {
            if activation.outputs == 0 {
                // Here, where it can still fail, and not when all is done.
                activation.output = Val::just(value)?;
            }
            activation.outputs = activation.outputs.saturating_add(1);
        }
        Ok(())
    }

    /// Tells who watches what runs next.
    pub fn tell(
        &mut self,
        code: &mut Code,
        probe: &mut dyn Probe,
        look: &dyn avm_core::Inspect,
    ) -> Result<(), HostError> {
        let word = self.next_word(code)?;
        let opcode = word.map_or(0xfe, |word| word as u8);
        let pc = self.x.frames.peek().map_or(0, |frame| {
            u64::from(frame.code.module) << 48
                | u64::from(frame.code.function) << 32
                | u64::from(frame.pc)
        });
        let name = match word {
            Some(word) => row_of(word as u8).map_or("?", |row| row.info.name),
            None => self.x.doing.name(),
        };
        let left = self.w.fixed.limits.gas.saturating_sub(self.x.gas);
        let mut gas = [0; 32];
        gas[24..].copy_from_slice(&left.to_be_bytes());
        probe.before(&avm_core::StepStart {
            pc,
            opcode,
            name,
            gas,
            state: look,
        });
        Ok(())
    }
}
