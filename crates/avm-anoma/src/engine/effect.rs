//! Instructions that reach outside of their registers.

use super::trap::{Result, fault_of, mismatch};
use super::{Engine, maybe_ctl};
use crate::code::table::Cap;
use crate::code::verify::NAME_MAX;
use crate::code::{ExportKind, op, row_of};
use crate::event::{EventKind, Name, TraceLevel};
use crate::fault::Code as FaultCode;
use crate::image::Caps;
use crate::state::code::Code;
use crate::state::execution::Next;
use crate::state::records::{CodeAt, Fold, FunctionVersion, Object, Undo, object_id};
use crate::value::{List, Obj, Val};

/// Versions of pure functions that a transaction changes, and of one that transactions may see.
const VERSIONS_MAX: usize = 1_000;

impl Engine<'_> {
    /// An operand.
    fn operand(&self, register: u8, more: usize) -> Result<Val> {
        let base = self.x.frames.peek().expect("it runs").base as usize;
        Ok(self.x.frames.regs[base + usize::from(register) + more]
            .open()?
            .clone())
    }

    fn object_operand(&self, register: u8, more: usize) -> Result<Obj> {
        match self.operand(register, more)? {
            Val::Obj(object) => Ok(object),
            _ => Err(mismatch("obj")),
        }
    }

    fn name_operand(&self, register: u8, more: usize, kind: &str) -> Result<Name> {
        let value = self.operand(register, more)?;
        let name = match kind {
            "ctl" => value.as_ctl(),
            "mach" => value.as_mach(),
            _ => value.as_str().or_else(|| value.as_sym()),
        };
        name.map(Into::into).ok_or_else(|| mismatch(kind))
    }

    /// A Maybe of a controller.
    fn maybe_controller(&self, register: u8, more: usize) -> Result<Option<Name>> {
        let value = self.operand(register, more)?;
        let inner = match &value {
            Val::Nothing => return Ok(None),
            Val::Just(_) => value.as_just().expect("it is one").open()?.clone(),
            other => other.clone(),
        };
        match inner.as_ctl() {
            Some(name) => Ok(Some(name.into())),
            None => Err(mismatch("ctl")),
        }
    }

    /// Runs one of them and puts its result into register `a`.
    pub fn effect(&mut self, code: &mut Code, opcode: u8, a: u8, b: u8) -> Result<()> {
        self.check_cap(opcode)?;
        let value = match opcode {
            op::SETSTATE => {
                let state = self.operand(b, 0)?;
                self.put_result(a, Val::Nothing);
                return self.set_state(&state);
            }
            op::CREATE => return self.create(code, a, b),
            op::SEND => {
                let (to, value) = (self.object_operand(b, 0)?, self.operand(b, 1)?);
                self.put_result(a, Val::Nothing);
                return self.send(to, value);
            }
            op::RECEIVE => {
                let timeout = self.operand(b, 0)?;
                match self.receive(&timeout)? {
                    Some(value) => {
                        self.put_result(a, value);
                        return self.root_effect();
                    }
                    None => return Ok(()),
                }
            }
            op::CALLLOCAL => {
                let (object, input) = (self.object_operand(b, 0)?, self.operand(b, 1)?);
                let mode = self.local_mode(&object)?;
                return self.call(code, object, input, a, mode);
            }
            op::SELF => Val::Obj(self.me()?),
            op::SENDER => match self.x.activations.top().and_then(|top| top.sender.clone()) {
                Some(sender) => Val::just(Val::Obj(sender))?,
                None => Val::Nothing,
            },
            op::HERE => Val::mach(self.here()),
            op::HISTORY => self.history()?,
            op::CURHISTORY => {
                self.w.sync()?;
                self.current_history()?
            }
            op::DESTROY => {
                let object = self.object_operand(b, 0)?;
                self.put_result(a, Val::Bool(true));
                return self.destroy(&object).map(drop);
            }
            op::REFLECT => {
                let object = self.object_operand(b, 0)?;
                self.reflect(&object)?
            }
            op::SCRYMETA | op::SCRYDEEP => {
                let query = self.operand(b, 0)?;
                self.scry(&query, opcode == op::SCRYDEEP)?
            }
            op::REIFYCTX => self.reify_context()?,
            op::REIFYTX => self.reify_tx()?,
            op::BEGINTX => {
                let (controller, at) = (self.maybe_controller(b, 0)?, self.operand(b, 1)?);
                match self.begin(controller, &at)? {
                    Some(value) => value,
                    None => return Ok(()),
                }
            }
            op::COMMITTX => {
                let tx = self.operand(b, 0)?;
                return self.commit(&tx, a);
            }
            op::ABORTTX => {
                let tx = self.operand(b, 0)?;
                return self.abort_named(&tx, a);
            }
            op::CALLPURE => return self.call_pure(code, a, b),
            op::REGPURE | op::UPDPURE => {
                self.put_result(a, Val::Bool(true));
                return self.set_pure(code, b, opcode == op::UPDPURE);
            }
            op::GETMACHINE => {
                let object = self.object_operand(b, 0)?;
                match self.view(&object)? {
                    Some(found) => Val::just(Val::mach(&found.machine))?,
                    None => Val::Nothing,
                }
            }
            op::TELEPORT => {
                let machine = self.name_operand(b, 0, "mach")?;
                self.teleport(&machine)?
            }
            op::MOVE => {
                let (object, machine) =
                    (self.object_operand(b, 0)?, self.name_operand(b, 1, "mach")?);
                self.put_result(a, Val::Bool(true));
                return self.move_object(&object, &machine).map(drop);
            }
            op::FETCH => {
                let object = self.object_operand(b, 0)?;
                self.fetch(&object)?
            }
            op::CURCTL => maybe_ctl(self.x.tx.as_ref().and_then(|tx| tx.controller.as_ref())),
            op::GETCTL => {
                let object = self.object_operand(b, 0)?;
                self.get_controller(&object)?
            }
            op::TRANSFER => {
                let (object, to) = (self.object_operand(b, 0)?, self.name_operand(b, 1, "ctl")?);
                self.put_result(a, Val::Bool(true));
                return self.transfer(&object, &to).map(drop);
            }
            op::FREEZE => {
                let object = self.object_operand(b, 0)?;
                // What a transaction did is not durable before it commits.
                if !self.in_tx() && self.settle_first(Next::Again)? {
                    return Ok(());
                }
                match self.freeze(&object, a)? {
                    Some(value) => value,
                    None => return Ok(()),
                }
            }
            _ => {
                let name = row_of(opcode).map_or("?", |row| row.info.name);
                return Err(fault_of(FaultCode::Unsupported, [Val::str(name)]));
            }
        };
        self.put_result(a, value);
        Ok(())
    }

    fn put_result(&mut self, register: u8, value: Val) {
        let base = self.x.frames.peek().expect("it runs").base as usize;
        self.x.frames.regs[base + usize::from(register)] = value;
    }

    /// An instruction that needs a capability which the program lacks does nothing.
    fn check_cap(&mut self, opcode: u8) -> Result<()> {
        let (Cap::Granted(name) | Cap::Declared(name)) =
            row_of(opcode).map_or(Cap::None, |row| row.cap)
        else {
            return Ok(());
        };
        let needed = Caps::named(name).expect("the table names capabilities");
        match self.caps().has(needed) {
            true => Ok(()),
            false => Err(fault_of(FaultCode::Cap, [Val::str(name)])),
        }
    }

    /// `createObj`.
    fn create(&mut self, code: &mut Code, a: u8, b: u8) -> Result<()> {
        let (named, given) = (self.operand(b, 0)?, self.maybe_controller(b, 1)?);
        let (at, behaviour) = self.behaviour(code, &named)?;
        self.room()?;
        let mut controller = given.clone();
        if let Some(tx) = &self.x.tx {
            match (&tx.controller, &given) {
                (Some(mine), Some(other)) if mine != other => {
                    let me = self.next_object();
                    return Err(fault_of(
                        FaultCode::CtlCross,
                        [Val::Obj(me), Val::ctl(other)],
                    ));
                }
                (Some(mine), _) => controller = Some(mine.clone()),
                (None, _) => {}
            }
        }
        let object = self.next_object();
        self.x.creates += 1;
        if let Some(given) = &given {
            self.resolve(given);
        }
        let clock = self.w.header.clock + 1;
        let created = Object {
            code: at,
            behaviour: behaviour.clone(),
            state: Val::List(List::default()),
            machine: self.here().clone(),
            creating: controller.clone(),
            current: controller.clone(),
            history: Fold::default(),
            version: 0,
            stamp: clock,
            created: clock,
        };
        self.put_result(a, Val::Obj(object.clone()));
        let id = *object.id();
        if self.in_tx() {
            self.hold_created(&object, created)?;
        } else {
            let slot = self.w.objects.fresh(&object);
            self.w.objects.set(slot, Some(created));
            self.remember(Undo::Created { object })?;
        }
        self.event(TraceLevel::Core, |_| EventKind::ObjectCreated {
            object: id,
            behaviour,
            controller,
        });
        self.root_effect()
    }

    /// The object that would be created next.
    fn next_object(&mut self) -> Obj {
        let execution = self.x.id();
        Obj::new(object_id(&execution, self.x.creates))
    }

    fn behaviour(&mut self, code: &mut Code, named: &Val) -> Result<(CodeAt, Name)> {
        if let Some(reference) = named.as_code() {
            let found = code.export(&reference.module, &reference.export, &self.w.store)?;
            return match found {
                Some((module, export)) if export.kind == ExportKind::Behaviour => {
                    let function = export.function;
                    Ok((
                        CodeAt { module, function },
                        reference.export.as_str().into(),
                    ))
                }
                _ => Err(fault_of(FaultCode::BehaviourNotFound, [named.clone()])),
            };
        }
        let Some(name) = named.as_str().or_else(|| named.as_sym()) else {
            return Err(mismatch("name"));
        };
        if let Some((known, at)) = &self.w.last_behaviour
            && **known == *name
        {
            return Ok((*at, known.clone()));
        }
        match code.behaviour(name, &self.w.store)? {
            Some(at) => {
                let name: Name = name.into();
                self.w.last_behaviour = Some((name.clone(), at));
                Ok((at, name))
            }
            None => Err(fault_of(FaultCode::BehaviourNotFound, [Val::str(name)])),
        }
    }

    /// The version of a pure function that this execution sees.
    fn pure_version(&mut self, name: &str) -> Result<Option<FunctionVersion>> {
        if let Some(tx) = &self.x.tx {
            let staged = tx
                .functions
                .iter()
                .rev()
                .find(|(known, _)| **known == *name);
            if let Some((_, version)) = staged {
                return Ok(Some(version.clone()));
            }
        }
        if name.len() > NAME_MAX {
            return Ok(None);
        }
        let at = self.x.tx.as_ref().map_or(u64::MAX, |tx| tx.clock);
        let versions = &self.w.function(name)?.0;
        Ok(versions
            .iter()
            .rev()
            .find(|version| version.since <= at)
            .cloned())
    }

    /// `callPure`.
    fn call_pure(&mut self, code: &mut Code, a: u8, b: u8) -> Result<()> {
        let name = self.name_operand(b, 0, "name")?;
        let args = self.operand(b, 1)?;
        let args = args.as_list().ok_or_else(|| mismatch("list"))?;
        let found = self.pure_version(&name)?;
        if let Some(version) = found
            && self.enter_pure(code, version.code, args, a)?
        {
            return Ok(());
        }
        self.put_result(a, Val::Nothing);
        Ok(())
    }

    /// `registerPure` and `updatePure`. A name in place of code is that of a pure function of the
    /// running module, which cannot know its own hash.
    fn set_pure(&mut self, code: &mut Code, b: u8, update: bool) -> Result<()> {
        let name = self.name_operand(b, 0, "name")?;
        if name.is_empty() || name.len() > NAME_MAX {
            return Err(fault_of(FaultCode::Quota, [Val::str("name-bytes")]));
        }
        let reference = self.operand(b, 1)?;
        let field = Val::str(&name);
        let present = self.pure_version(&name)?;
        let version = match (update, present) {
            (false, Some(_)) => return Err(fault_of(FaultCode::PureExists, [field])),
            (true, None) => return Err(fault_of(FaultCode::PureNotFound, [field])),
            (false, None) => 0,
            (true, Some(present)) => {
                let expected = self.operand(b, 2)?;
                let expected = match expected.as_just() {
                    Some(inner) => inner.open()?.clone(),
                    None => expected,
                };
                let version = Val::int(present.version.cast_signed());
                if !expected.is_nothing() && !expected.eq(&version)? {
                    return Err(fault_of(FaultCode::PureVersion, [field, expected, version]));
                }
                present.version + 1
            }
        };
        let name_of_own = reference.as_sym().or_else(|| reference.as_str());
        let export = match (reference.as_code(), name_of_own, self.x.frames.peek()) {
            (Some(named), ..) => code.export(&named.module, &named.export, &self.w.store)?,
            (None, Some(own), Some(frame)) => {
                code.export_of(frame.code.module, own, &self.w.store)?
            }
            _ => return Err(mismatch("code")),
        };
        let Some((module, export)) = export.filter(|(_, export)| export.kind == ExportKind::Pure)
        else {
            return Err(mismatch("pure function"));
        };
        self.room()?;
        let staged = self.x.tx.as_ref().map_or(0, |tx| tx.functions.len());
        if staged + self.w.function(&name)?.0.len() >= VERSIONS_MAX {
            return Err(fault_of(FaultCode::Quota, [Val::str("functions")]));
        }
        let at = CodeAt {
            module,
            function: export.function,
        };
        let entry = FunctionVersion {
            since: 0,
            code: at,
            version,
        };
        if let Some(tx) = &mut self.x.tx {
            tx.functions.push((name.clone(), entry));
            self.remember(Undo::Staged)?;
        } else {
            self.remember(Undo::Function { name: name.clone() })?;
            self.add_function(&name, entry, self.w.header.clock + 1)?;
        }
        self.event(
            if update {
                TraceLevel::Core
            } else {
                TraceLevel::Full
            },
            |_| match update {
                true => EventKind::FunctionUpdated { name, version },
                false => EventKind::FunctionRegistered { name, version },
            },
        );
        self.root_effect()
    }
}
