//! How an execution is written.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::*;

fn put_objs(out: &mut Vec<u8>, obj: Option<&Obj>) {
    out.u8(obj.is_some().into());
    if let Some(obj) = obj {
        out.raw(&obj.id().0);
    }
}

fn get_objs(get: &mut Get<'_>) -> Option<Option<Obj>> {
    Some(if get.flag()? {
        Some(Obj::new(get.id()?))
    } else {
        None
    })
}

impl Record for Doing {
    const WHAT: &'static str = "what an execution does";

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::Running => out.u8(0),
            Self::Waiting => out.u8(1),
            Self::Failing(fault) => {
                out.u8(2);
                fault.write(out);
            }
            Self::Rejecting => out.u8(3),
            Self::Settling(next, at) => {
                out.u8(4);
                out.u8(*next as u8);
                out.u32(*at);
            }
            Self::Validating(register, at) => {
                out.u8(5);
                out.u8(*register);
                out.u32(*at);
            }
            Self::Applying(register, at) => {
                out.u8(6);
                out.u8(*register);
                out.u32(*at);
            }
            Self::Dropping(Then::Go) => out.u8(7),
            Self::Dropping(Then::Fail(fault)) => {
                out.u8(8);
                fault.write(out);
            }
            Self::Dropping(Then::Reject) => out.u8(9),
            Self::Merging => out.u8(10),
            Self::Ended => out.u8(11),
        }
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        let nexts = [Next::Go, Next::Again, Next::End, Next::Wait];
        Some(match get.u8()? {
            0 => Self::Running,
            1 => Self::Waiting,
            2 => Self::Failing(Fault::read(get)?),
            3 => Self::Rejecting,
            4 => Self::Settling(*nexts.get(usize::from(get.u8()?))?, get.u32()?),
            5 => Self::Validating(get.u8()?, get.u32()?),
            6 => Self::Applying(get.u8()?, get.u32()?),
            7 => Self::Dropping(Then::Go),
            8 => Self::Dropping(Then::Fail(Fault::read(get)?)),
            9 => Self::Dropping(Then::Reject),
            10 => Self::Merging,
            11 => Self::Ended,
            _ => return None,
        })
    }
}

impl Record for Execution {
    const WHAT: &'static str = "an execution";

    fn each_val(&self, each: &mut dyn FnMut(&Val)) {
        each(&self.root_state);
        each(&self.root_input);
        if let Some(fault) = self.doing.fault() {
            fault.each_val(each);
        }
        match &self.outcome {
            Some(Outcome::Done(value)) => each(value),
            Some(Outcome::Failed(fault)) => fault.each_val(each),
            None => {}
        }
        if let Some(merge) = &self.merge {
            merge.inputs.iter().for_each(|(input, _)| each(input));
        }
    }

    fn write(&self, out: &mut Vec<u8>) {
        out.u64(self.number);
        self.doing.write(out);
        out.u8(self.held.into());
        out.name(&self.origin);
        out.name(&self.machine);
        out.u32(self.caps.into());
        out.u8(self.by_message.into());
        out.u8(self.root_known.into());
        out.u8(self.committed.into());
        match &self.outcome {
            None => out.u8(0),
            Some(Outcome::Done(value)) => {
                out.u8(1);
                out.val(value);
            }
            Some(Outcome::Failed(fault)) => {
                out.u8(2);
                fault.write(out);
            }
        }
        out.u64(self.epoch);
        out.val(&self.root_state);
        out.val(&self.root_input);
        for len in [
            self.frames.len(),
            self.activations.len(),
            self.guards.len(),
            self.journal.len(),
            self.log.len(),
            self.outbox.len(),
            self.pending.len(),
            self.sent,
        ] {
            out.u32(len);
        }
        for count in [
            self.base.journal,
            self.base.log,
            self.base.outbox,
            self.events,
            self.creates,
            self.txs,
            self.sends,
            self.gas,
        ] {
            out.u64(count);
        }
        self.trace.write(out);
        out.u8(self.ended.len() as u8);
        for (number, committed) in &self.ended {
            out.u64(*number);
            out.u8((*committed).into());
        }
        out.u8(self.tx.is_some().into());
        if let Some(tx) = &self.tx {
            out.u64(tx.number);
            out.raw(&tx.id.0);
            out.u32(tx.owner);
            out.name_or_none(tx.controller.as_ref());
            out.u64(tx.snapshot);
            out.u32(tx.functions.len() as u32);
            for (name, version) in &tx.functions {
                out.name(name);
                out.u32(version.code.module);
                out.u32(version.code.function);
                out.u64(version.version);
            }
            put_objs(out, tx.conflict.as_ref());
            out.u64(tx.clock);
        }
        out.u8(self.merge.is_some().into());
        if let Some(merge) = &self.merge {
            out.raw(&merge.object.id().0);
            out.u32(merge.inputs.len() as u32);
            for (input, sender) in &merge.inputs {
                out.val(input);
                put_objs(out, sender.as_ref());
            }
            out.u32(merge.merged);
            out.u32(merge.dropped);
            out.u8(merge.register);
        }
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        let number = get.u64()?;
        let doing = Doing::read(get)?;
        let held = get.flag()?;
        let (origin, machine) = (get.name()?, get.name()?);
        let caps = u16::try_from(get.u32()?).ok()?;
        let (by_message, root_known) = (get.flag()?, get.flag()?);
        let committed = get.flag()?;
        let outcome = match get.u8()? {
            0 => None,
            1 => Some(Outcome::Done(get.val()?)),
            2 => Some(Outcome::Failed(Fault::read(get)?)),
            _ => return None,
        };
        let epoch = get.u64()?;
        let mut execution = Self::new(number, epoch, origin, caps);
        (execution.doing, execution.held) = (doing, held);
        (execution.machine, execution.by_message) = (machine, by_message);
        (execution.root_known, execution.committed) = (root_known, committed);
        execution.outcome = outcome;
        (execution.root_state, execution.root_input) = (get.val()?, get.val()?);
        execution.frames = Frames::unread(get.u32()?);
        execution.activations = Stack::unread(get.u32()?);
        execution.guards = Stack::unread(get.u32()?);
        execution.journal = Stack::unread(get.u32()?);
        execution.log = Stack::unread(get.u32()?);
        execution.outbox = Stack::unread(get.u32()?);
        execution.pending = Stack::unread(get.u32()?);
        execution.sent = get.u32()?;
        execution.in_map = true;
        execution.base = Marks {
            journal: get.u64()?,
            log: get.u64()?,
            outbox: get.u64()?,
        };
        execution.events = get.u64()?;
        execution.creates = get.u64()?;
        execution.txs = get.u64()?;
        execution.sends = get.u64()?;
        execution.gas = get.u64()?;
        execution.trace = Fold::read(get)?;
        let ended = (0..get.u8()?).map(|_| Some((get.u64()?, get.flag()?)));
        execution.ended = ended.collect::<Option<_>>()?;
        if get.flag()? {
            let (number, id) = (get.u64()?, TxId(get.hash()?.0));
            let (owner, controller, snapshot) = (get.u32()?, get.name_or_none()?, get.u64()?);
            let functions = (0..get.u32()?).map(|_| {
                let name = get.name()?;
                let code = CodeAt {
                    module: get.u32()?,
                    function: get.u32()?,
                };
                let (since, version) = (0, get.u64()?);
                Some((
                    name,
                    FunctionVersion {
                        since,
                        code,
                        version,
                    },
                ))
            });
            execution.tx = Some(Box::new(Tx {
                number,
                id,
                owner,
                controller,
                snapshot,
                functions: functions.collect::<Option<_>>()?,
                conflict: get_objs(get)?,
                clock: get.u64()?,
            }));
        }
        if get.flag()? {
            let object = Obj::new(get.id()?);
            let inputs = (0..get.u32()?).map(|_| Some((get.val()?, get_objs(get)?)));
            execution.merge = Some(Box::new(Merge {
                object,
                inputs: inputs.collect::<Option<_>>()?,
                merged: get.u32()?,
                dropped: get.u32()?,
                register: get.u8()?,
            }));
        }
        Some(execution)
    }
}
