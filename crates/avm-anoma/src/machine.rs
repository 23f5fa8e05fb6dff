//! A running machine: inputs, scheduling, and the seam.

mod look;
mod next;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use avm_core::{Channel, Hash, Host, HostError, Machine, Output, Ran, Save, Sink, StepEnd, Stop};

use crate::code::verify;
use crate::engine::Engine;
use crate::engine::message::deliver;
use crate::event::Name;
use crate::fault::Fault;
use crate::input::{Input, Start, Unit};
use crate::seen::{DeadLetter, Failures, Outcome, Seen};
use crate::state::bytes::Put;
use crate::state::execution::{Doing, Execution, Frame, FrameKind};
use crate::state::keys;
use crate::state::records::{Envelope, Mode, Token};
use crate::state::store::{Record, Saver};
use crate::state::world::{Slice, World};
use crate::value::{Obj, ObjectId, Sha256, Val};

use look::Panes;

pub use look::ObjectView;
pub use next::Next;

/// A running machine.
#[derive(Clone)]
pub struct AnomaMachine {
    pub(crate) world: World,
    /// Executions in memory.
    executions: BTreeMap<u64, Box<Execution>>,
    /// The execution that runs next; in the map again before a run returns.
    next: Option<Box<Execution>>,
    /// An execution that is done, to be used again.
    spare: Option<Box<Execution>>,
    seen: Option<Box<Seen>>,
    root: Option<Hash>,
}

/// What a step may do to the machine as a whole.
enum Turn {
    /// Something was done.
    Done,
    /// An input is needed.
    Wait,
}

impl AnomaMachine {
    pub(crate) fn new(world: World) -> Self {
        Self {
            world,
            executions: BTreeMap::new(),
            next: None,
            spare: None,
            seen: None,
            root: None,
        }
    }

    /// Whether to keep what happens, for whoever looks. No part of the state.
    pub fn watch(&mut self, on: bool) {
        self.seen = on.then(Box::default);
    }

    /// What happened since [`AnomaMachine::watch`], or was last taken.
    #[must_use]
    pub fn seen(&self) -> Option<&Seen> {
        self.seen.as_deref()
    }

    /// Takes what happened.
    pub fn take_seen(&mut self) -> Seen {
        self.seen
            .as_mut()
            .map(|seen| core::mem::take(&mut **seen))
            .unwrap_or_default()
    }

    fn engine<'a>(
        world: &'a mut World,
        execution: &'a mut Execution,
        seen: Option<&'a mut Seen>,
    ) -> Engine<'a> {
        Engine {
            w: world,
            x: execution,
            seen,
        }
    }

    /// The execution of a number, out of memory or out of the map.
    fn take_execution(&mut self, number: u64) -> Result<Box<Execution>, HostError> {
        if let Some(next) = self.next.take_if(|next| next.number == number) {
            return Ok(next);
        }
        match self.executions.remove(&number) {
            Some(execution) => Ok(execution),
            None => {
                let key = keys::execution(number);
                self.world.store.need(key.bytes()).map(Box::new)
            }
        }
    }

    fn new_execution(&mut self, machine: Name, caps: u16) -> Box<Execution> {
        let number = self.world.header.executions;
        self.world.header.executions += 1;
        self.world.header.live += 1;
        let epoch = self.world.fixed.epoch;
        match self.spare.take() {
            Some(mut execution) => {
                execution.renew(number, epoch, machine, caps);
                execution
            }
            None => Box::new(Execution::new(number, epoch, machine, caps)),
        }
    }

    /// One step of the machine when no execution runs.
    fn idle_step(&mut self, host: &mut dyn Host) -> Result<Turn, HostError> {
        if let Some(token) = self.world.ready.pop(&self.world.store, || keys::READY)? {
            match token {
                Token::Execution(number) => self.wake(number)?,
                Token::Mail(object) => self.open_mail(&object)?,
            }
            return Ok(Turn::Done);
        }
        if let Some(seed) = self.world.header.shuffle {
            self.shuffle(seed)?;
            return Ok(Turn::Done);
        }
        let Some(input) = host.next_input()? else {
            return Ok(Turn::Wait);
        };
        self.world.header.inputs += 1;
        self.world.close_turns()?;
        match Input::from_bytes(&input) {
            Ok(input) => self.take(input)?,
            Err(_) => self.world.header.refused += 1,
        }
        Ok(Turn::Done)
    }

    fn wake(&mut self, number: u64) -> Result<(), HostError> {
        let mut execution = self.take_execution(number)?;
        if matches!(execution.doing, Doing::Waiting) {
            execution.doing = Doing::Running;
        }
        self.executions.insert(number, execution);
        self.world.header.current = number + 1;
        self.world.header.slice = Slice::Whole;
        Ok(())
    }

    /// The next message of an object becomes an activation of its own.
    fn open_mail(&mut self, object: &Obj) -> Result<(), HostError> {
        let slot = self.world.slot(object)?;
        let key = || keys::messages(object.id());
        let mail = self.world.objects.mail(slot, &self.world.store)?;
        if mail.queue.is_empty() {
            return Ok(());
        }
        let store = &self.world.store;
        let Some(envelope) = mail.queue.pop(store, key)? else {
            return Ok(());
        };
        let Some(found) = self.world.objects.get(slot) else {
            // It was destroyed since the message came.
            if let Some(seen) = &mut self.seen {
                seen.letters.push(DeadLetter {
                    from: envelope.from.map_or(ObjectId([0; 32]), |from| *from.id()),
                    to: *envelope.to.id(),
                    value: envelope.value,
                });
            }
            return Ok(());
        };
        let (code, machine) = (found.code, found.machine.clone());
        let caps = self.world.fixed.caps.0;
        let mut execution = self.new_execution(machine.clone(), caps);
        execution.by_message = true;
        let mut code_of_all = core::mem::take(&mut self.world.code);
        let mut engine = Self::engine(&mut self.world, &mut execution, self.seen.as_deref_mut());
        let begun = engine.activate(
            &mut code_of_all,
            envelope.to,
            code,
            machine,
            envelope.value,
            envelope.from,
            0,
            Mode::Message,
        );
        self.world.code = code_of_all;
        if let Err(crate::engine::trap::Trap::Host(error)) = begun {
            return Err(error);
        }
        self.world.header.current = execution.number + 1;
        self.world.header.slice = Slice::Whole;
        self.next = Some(execution);
        Ok(())
    }

    /// Lets one held execution go on, as a seed draws.
    fn shuffle(&mut self, seed: u64) -> Result<(), HostError> {
        if self.world.header.held.is_empty() {
            self.world.header.shuffle = None;
            return Ok(());
        }
        // xorshift64*, Vigna 2016.
        let mut next = seed.max(1);
        next ^= next >> 12;
        next ^= next << 25;
        next ^= next >> 27;
        self.world.header.shuffle = Some(next);
        let drawn = next.wrapping_mul(0x2545_f491_4f6c_dd1d) >> 32;
        let held = &self.world.header.held;
        let number = held[usize::try_from(drawn % held.len() as u64).expect("less than a length")];
        self.resume(number, Slice::Steps(1 + (drawn >> 8) % 64))
    }

    fn resume(&mut self, number: u64, slice: Slice) -> Result<(), HostError> {
        let execution = self.take_execution(number)?;
        self.executions.insert(number, execution);
        self.world.header.current = number + 1;
        self.world.header.slice = slice;
        Ok(())
    }

    fn take(&mut self, input: Input) -> Result<(), HostError> {
        match input {
            Input::Start(start) => self.start(start),
            Input::Run {
                execution,
                count,
                unit,
            } => {
                if self.world.header.held.contains(&execution) {
                    let slice = match unit {
                        Unit::Steps => Slice::Steps(count),
                        Unit::Marks => Slice::Marks(count),
                    };
                    return self.resume(execution, slice);
                }
                self.world.header.refused += 1;
                Ok(())
            }
            Input::Shuffle { seed } => {
                self.world.header.shuffle = Some(seed);
                Ok(())
            }
            Input::Message { to, value } => {
                if Val::just(value.clone()).is_err() {
                    // Nobody could receive it, as just that.
                    self.world.header.refused += 1;
                    return Ok(());
                }
                let envelope = Envelope {
                    from: None,
                    to: Obj::new(to),
                    value,
                    message: self.world.header.inputs,
                };
                deliver(&mut self.world, self.seen.as_deref_mut(), envelope)
            }
            Input::Reach {
                machine,
                name,
                reachable,
            } => {
                let name: Name = name.into();
                match machine {
                    true => self.world.set_machine(&name, reachable),
                    false => self.world.set_controller(&name, reachable),
                }
            }
            Input::Deploy(module) => match verify(&module) {
                Ok(()) => {
                    let mut code = core::mem::take(&mut self.world.code);
                    let added = code.add(module, &mut self.world.store);
                    self.world.code = code;
                    self.world.last_behaviour = None;
                    added.map(drop)
                }
                Err(_) => {
                    self.world.header.refused += 1;
                    Ok(())
                }
            },
        }
    }

    fn start(&mut self, start: Start) -> Result<(), HostError> {
        let limits = self.world.fixed.limits;
        let found = self.world.code.program(&start.program, &self.world.store)?;
        let machine: Name = match start.machine {
            Some(machine) => machine.into(),
            None => self.world.fixed.home.clone(),
        };
        let (Some(at), Some(args)) = (found, start.args.as_list()) else {
            self.world.header.refused += 1;
            return Ok(());
        };
        let function = self.world.code.load_function(at, &self.world.store)?;
        let (arity, registers, rest) = (function.arity, function.registers, function.rest);
        let count = args.len();
        let fits = match rest {
            true => count + 1 >= u32::from(arity),
            false => count == u32::from(arity),
        };
        if !fits || self.world.header.live >= limits.executions {
            self.world.header.refused += 1;
            return Ok(());
        }
        let module_caps = self.world.code.load(at.module, &self.world.store)?.caps;
        let caps = start.caps.0 & self.world.fixed.caps.0 & module_caps.0;
        let mut execution = self.new_execution(machine, caps);
        let number = execution.number;
        execution.root_input = match count {
            0 => Val::Nothing,
            1 => args.head().cloned().unwrap_or(Val::Nothing),
            _ => start.args.clone(),
        };
        let mut values = args.to_vec()?;
        if rest {
            let tail = values.split_off(usize::from(arity) - 1);
            values.push(Val::list(tail).expect("a part of a value is within its limits"));
        }
        values.resize(registers.into(), Val::Nothing);
        execution.frames.regs = values;
        execution.frames.push(Frame {
            code: at,
            pc: 0,
            base: 0,
            ret: 0,
            kind: FrameKind::Root,
            closure: None,
        });
        execution.held = start.hold;
        if let Some(seen) = &mut self.seen {
            seen.started.push((number, *execution.root().id()));
        }
        self.executions.insert(number, execution);
        if start.hold {
            self.world.header.held.push(number);
        } else {
            self.world.ready.push(Token::Execution(number));
        }
        Ok(())
    }

    /// What follows when the current execution stops running.
    fn paused(
        &mut self,
        mut execution: Box<Execution>,
        host: &mut dyn Host,
    ) -> Result<(), HostError> {
        let number = execution.number;
        let ended = matches!(execution.doing, Doing::Ended);
        let waits = matches!(execution.doing, Doing::Waiting);
        let engine = Self::engine(&mut self.world, &mut execution, self.seen.as_deref_mut());
        if !ended && !waits && engine.w.header.slice == Slice::Whole {
            // The budget of the caller is used up; it goes on where it was.
            self.executions.insert(number, execution);
            return Ok(());
        }
        if !ended && !waits {
            let over = match engine.w.header.slice {
                Slice::Steps(left) | Slice::Marks(left) => left == 0 && engine.at_switch(),
                Slice::Whole => false,
            };
            if !over {
                self.executions.insert(number, execution);
                return Ok(());
            }
        }
        self.world.header.current = 0;
        self.world.header.slice = Slice::Whole;
        if !ended {
            if waits && execution.held {
                // From here on a message wakes it, like any other.
                execution.held = false;
                self.world.header.held.retain(|held| *held != number);
            }
            self.executions.insert(number, execution);
            return Ok(());
        }
        self.world.header.held.retain(|held| *held != number);
        self.world.header.live -= 1;
        if execution.root_known {
            let root = execution.root();
            let slot = self.world.slot(&root)?;
            self.world.objects.mail(slot, &self.world.store)?.root = 0;
        }
        if !execution.by_message {
            let receipt = Receipt::of(&execution);
            host.emit(Output {
                channel: Channel(0),
                hash: receipt.hash,
                content: &receipt,
            })?;
        }
        execution.erase(&mut self.world.store)?;
        self.spare = Some(execution);
        Ok(())
    }

    /// Inputs taken, and how many of them were refused because they made no sense.
    #[must_use]
    pub fn inputs(&self) -> (u64, u64) {
        (self.world.header.inputs, self.world.header.refused)
    }

    /// Gas that all executions used so far, those that are not done included.
    #[must_use]
    pub fn gas(&self) -> u64 {
        self.world.header.gas
    }

    /// Executions that a message began and that failed, since the machine was started or opened. No
    /// part of the state.
    #[must_use]
    pub fn failures(&self) -> &Failures {
        &self.world.failures
    }

    /// The module of a number as it was given, if it was given in this process.
    #[must_use]
    pub fn module(&self, number: u32) -> Option<&crate::code::Module> {
        self.world.code.get(number)?.source.as_ref()
    }

    /// An execution in memory.
    pub(crate) fn execution(&self, number: u64) -> Option<&Execution> {
        self.executions.get(&number).map(|execution| &**execution)
    }

    /// Brings the map up to date.
    pub(crate) fn sync(&mut self) -> Result<(), HostError> {
        for execution in self.executions.values_mut() {
            execution.sync(&mut self.world.store)?;
        }
        self.world.sync()
    }

    /// A hash that is asked for later cannot fail, so what it needs of a store is read now. A
    /// machine that has all of its state in memory can wait.
    fn read_what_changed(&mut self) -> Result<(), HostError> {
        if let Some(next) = self.next.take() {
            self.executions.insert(next.number, next);
        }
        match self.world.store.is_opened {
            true => self.sync(),
            false => Ok(()),
        }
    }

    /// What the machine does next, as the number of the execution that runs.
    fn current(&self) -> Option<u64> {
        self.world.header.current.checked_sub(1)
    }
}

/// What a program leaves when it is done: one node.
struct Receipt {
    hash: Hash,
    node: Vec<u8>,
    values: Vec<Val>,
}

/// First byte of a receipt.
pub(crate) const RECEIPT: u8 = 0xc1;

impl Receipt {
    fn of(execution: &Execution) -> Self {
        let mut node = alloc::vec![RECEIPT];
        let mut values = Vec::new();
        node.u64(execution.number);
        node.u64(execution.gas);
        node.u64(execution.events);
        node.raw(&execution.trace.digest("avm/ev").0);
        match &execution.outcome {
            Some(Outcome::Done(value)) => {
                node.u8(1);
                // A closure is no value of a receipt.
                let value = if value.is_passable() {
                    value.clone()
                } else {
                    Val::Nothing
                };
                node.val(&value);
                values.push(value);
            }
            Some(Outcome::Failed(fault)) => {
                node.u8(0);
                fault.write(&mut node);
                values.extend(fault.fields.iter().cloned());
            }
            None => node.u8(2),
        }
        let hash = <Sha256 as avm_merkle::map::NodeHash>::hash(&node);
        Self { hash, node, values }
    }
}

impl Save for Receipt {
    fn save(&self, sink: &mut dyn Sink) -> Result<(), HostError> {
        self.values
            .iter()
            .try_for_each(|value| value.save_below(sink))?;
        sink.put(self.hash, &self.node)
    }
}

impl Machine for AnomaMachine {
    fn run(&mut self, budget: u64, host: &mut dyn Host) -> Result<Ran, HostError> {
        if budget > 0 {
            self.root = None;
        }
        let watched = host.probe().is_some();
        let mut steps = 0;
        while steps < budget {
            let Some(number) = self.current() else {
                if watched {
                    self.tell_idle(host);
                }
                match self.idle_step(host)? {
                    Turn::Done => {
                        steps += 1;
                        if watched {
                            Self::told(host, 0, None);
                        }
                        continue;
                    }
                    Turn::Wait => {
                        let stop = Stop::NeedsInput;
                        self.read_what_changed()?;
                        return Ok(Ran { steps, stop });
                    }
                }
            };
            let mut execution = self.take_execution(number)?;
            let mut code = core::mem::take(&mut self.world.code);
            let mut left = budget - steps;
            let (gas, failing) = (execution.gas, execution.doing.fault().is_some());
            if watched {
                left = 1;
                self.tell(&mut execution, &mut code, host)?;
            }
            let mut engine =
                Self::engine(&mut self.world, &mut execution, self.seen.as_deref_mut());
            let taken = match engine.w.header.slice {
                Slice::Whole => engine.go(&mut code, left),
                _ => engine.go_slice(&mut code, left),
            };
            self.world.code = code;
            steps += taken?;
            let gas = execution.gas - gas;
            self.world.header.gas += gas;
            if watched {
                // What an error leaves to be done takes steps of its own, and is the same error.
                let fault = execution.doing.fault().filter(|_| !failing);
                Self::told(host, gas, fault);
            }
            self.paused(execution, host)?;
        }
        let stop = Stop::Budget;
        self.read_what_changed()?;
        Ok(Ran { steps, stop })
    }

    fn state_hash(&mut self) -> Hash {
        if let Some(root) = self.root {
            return root;
        }
        let synced = self.sync();
        assert!(
            synced.is_ok(),
            "what changed has its path in memory: {synced:?}"
        );
        let root = self.world.store.root();
        self.root = Some(root);
        root
    }

    fn save(&mut self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        self.sync()?;
        let mut saver = Saver {
            sink,
            failed: Ok(()),
        };
        self.world.save(&mut saver);
        self.executions
            .values()
            .for_each(|execution| execution.save(&mut saver));
        saver.failed?;
        crate::state::save::save(&self.world.store, sink)
    }

    fn fork(&self) -> Box<dyn Machine> {
        Box::new(self.clone())
    }
}

impl AnomaMachine {
    fn tell(
        &mut self,
        execution: &mut Execution,
        code: &mut crate::state::code::Code,
        host: &mut dyn Host,
    ) -> Result<(), HostError> {
        let mut engine = Self::engine(&mut self.world, execution, None);
        engine.next_word(code)?;
        let panes = Self::panes(engine.x);
        match host.probe() {
            Some(probe) => engine.tell(code, probe, &panes),
            None => Ok(()),
        }
    }

    fn tell_idle(&self, host: &mut dyn Host) {
        let panes = Panes::default();
        if let Some(probe) = host.probe() {
            probe.before(&avm_core::StepStart {
                pc: u64::MAX,
                opcode: 0xfe,
                name: "take",
                gas: [0; 32],
                state: &panes,
            });
        }
    }

    fn told(host: &mut dyn Host, cost: u64, fault: Option<&Fault>) {
        if let Some(probe) = host.probe() {
            probe.after(&StepEnd {
                cost,
                fault: fault.map(|fault| fault as &dyn core::fmt::Display),
            });
        }
    }
}
