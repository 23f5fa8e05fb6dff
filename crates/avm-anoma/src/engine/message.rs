//! Messages that do not wait for an answer. Spec 7.4.

use avm_core::HostError;

use super::Engine;
use super::trap::{Result, fault, fault_of};
use crate::event::{EventKind, TraceLevel};
use crate::fault::Code as FaultCode;
use crate::seen::{DeadLetter, Seen};
use crate::state::execution::Next;
use crate::state::keys::{self, Part};
use crate::state::records::{Envelope, Undo};
use crate::state::world::World;
use crate::value::{Obj, ObjectId, Val};

impl Engine<'_> {
    /// `send`.
    #[inline]
    pub fn send(&mut self, to: Obj, value: Val) -> Result<()> {
        if !value.is_passable() {
            return Err(fault(FaultCode::NotPassable));
        }
        // What is sent can be received, as just that.
        Val::just(value.clone())?;
        let limits = self.w.fixed.limits;
        let slot = self.w.slot(&to)?;
        let waiting = self.w.objects.mail(slot, &self.w.store)?.queue.len();
        if waiting >= u64::from(limits.mailbox) {
            return Err(fault_of(FaultCode::Quota, [Val::str("mailbox")]));
        }
        if self.x.outbox.len() >= limits.journal {
            return Err(fault_of(FaultCode::Quota, [Val::str("outbox")]));
        }
        self.x.gas += super::data::bytes(value.encoded_len());
        let from = Some(self.me()?);
        let message = self.x.sends;
        self.x.sends += 1;
        self.event(TraceLevel::Full, |_| EventKind::MessageSent {
            to: *to.id(),
            value: value.clone(),
            message,
        });
        self.x.outbox.push(Envelope {
            from,
            to,
            value,
            message,
        });
        self.root_effect()
    }

    /// The first of the messages that wait to go out.
    pub fn deliver_next(&mut self) -> Result<(), HostError> {
        let key = self.x.key(Part::Outbox);
        // Messages go out in the order in which they were sent; the stack is turned over once.
        if self.x.sent == 0 && self.x.outbox.len() == 1 && !self.x.outbox.wants() {
            let envelope = self.x.outbox.pop().expect("there is one");
            self.x.base.outbox += 1;
            return deliver(self.w, self.seen.as_deref_mut(), envelope);
        }
        let envelope = self.x.outbox.get(self.x.sent, &self.w.store, key)?.clone();
        self.x.sent += 1;
        deliver(self.w, self.seen.as_deref_mut(), envelope)?;
        if self.x.sent == self.x.outbox.len() {
            self.x.sent = 0;
            self.x.base.outbox += u64::from(self.x.outbox.len());
            self.x.outbox.clear();
        }
        Ok(())
    }

    /// `receive`: the next message of the own mailbox. `None`: there is none yet, and the
    /// execution waits.
    pub fn receive(&mut self, timeout: &Val) -> Result<Option<Val>> {
        let waits = timeout.open()?.is_nothing() && !self.in_tx();
        let limit = self.w.fixed.limits.journal;
        let me = self.me()?;
        let slot = self.w.slot(&me)?;
        let key = || keys::messages(me.id());
        let store = self.w.store.clone();
        let mail = self.w.objects.mail(slot, &self.w.store)?;
        let full = self.x.journal.len() >= limit;
        if full && !mail.queue.is_empty() {
            return Err(fault_of(FaultCode::Quota, [Val::str("journal")]));
        }
        let Some(envelope) = mail.queue.pop(&store, key)? else {
            if !waits {
                return Ok(Some(Val::Nothing));
            }
            mail.waiting.push(self.x.number);
            if let Some(frame) = self.x.frames.top() {
                frame.pc -= 1;
            }
            self.settle_first(Next::Wait)?;
            self.x.doing = crate::state::execution::Doing::Settling(Next::Wait, 0);
            return Ok(None);
        };
        let value = envelope.value.clone();
        let (message, object) = (envelope.message, *me.id());
        self.remember(Undo::Received { envelope })?;
        self.event(TraceLevel::Core, |_| EventKind::MessageReceived {
            object,
            value: value.clone(),
            message,
        });
        Ok(Some(Val::just(value)?))
    }
}

/// Puts a message into a mailbox and sees to it that somebody looks.
pub fn deliver(
    world: &mut World,
    seen: Option<&mut Seen>,
    envelope: Envelope,
) -> Result<(), HostError> {
    let slot = world.slot(&envelope.to)?;
    let exists = world.objects.get(slot).is_some();
    let limit = u64::from(world.fixed.limits.mailbox);
    let mail = world.objects.mail(slot, &world.store)?;
    if !(exists || mail.root > 0) || mail.queue.len() >= limit {
        if let Some(seen) = seen {
            seen.letters.push(DeadLetter {
                from: envelope.from.map_or(ObjectId([0; 32]), |from| *from.id()),
                to: *envelope.to.id(),
                value: envelope.value,
            });
        }
        return Ok(());
    }
    let to = envelope.to.clone();
    mail.queue.push(envelope);
    if let Some(token) = mail.token(to, exists) {
        world.ready.push(token);
    }
    Ok(())
}
