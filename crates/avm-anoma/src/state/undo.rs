//! What is taken back if a turn or a transaction comes to nothing, and how it is written.

use alloc::boxed::Box;
use alloc::vec::Vec;

use super::bytes::{Get, Put};
use super::records::{Envelope, Object, Replica, get_obj, put_obj};
use super::store::Record;
use crate::event::Name;
use crate::value::{Obj, Val};

/// What takes an effect of a turn or a transaction back.
#[derive(Clone, Debug)]
#[allow(
    missing_docs,
    reason = "a field of a variant is named for what it holds"
)]
pub enum Undo {
    /// The state of an object, or of the program itself.
    State { object: Obj, old: Val },
    /// The state of the program itself.
    RootState { old: Val },
    /// An object came to be.
    Created { object: Obj },
    /// An object is gone.
    Destroyed { object: Obj, old: Box<Object> },
    /// An object has another home.
    Moved { object: Obj, old: Name },
    /// An object has another controller.
    Transferred { object: Obj, old: Name },
    /// A message was taken out of a mailbox.
    Received { envelope: Envelope },
    /// A replica changed.
    Replica {
        object: Obj,
        machine: Name,
        old: Box<Replica>,
    },
    /// A pure function has a version more.
    Function { name: Name },
    /// In a transaction: what it holds of object `index` before the change.
    Pending { index: u32, old: Box<Pending> },
    /// In a transaction: it replaces one pure function more.
    Staged,
}

impl Record for Undo {
    const WHAT: &'static str = "an effect to undo";

    fn write(&self, out: &mut Vec<u8>) {
        match self {
            Self::State { object, old } => {
                out.u8(0);
                put_obj(out, object);
                out.val(old);
            }
            Self::RootState { old } => {
                out.u8(1);
                out.val(old);
            }
            Self::Created { object } => {
                out.u8(2);
                put_obj(out, object);
            }
            Self::Destroyed { object, old } => {
                out.u8(3);
                put_obj(out, object);
                old.write(out);
            }
            Self::Moved { object, old } => {
                out.u8(4);
                put_obj(out, object);
                out.name(old);
            }
            Self::Transferred { object, old } => {
                out.u8(5);
                put_obj(out, object);
                out.name(old);
            }
            Self::Received { envelope } => {
                out.u8(6);
                envelope.write(out);
            }
            Self::Replica {
                object,
                machine,
                old,
            } => {
                out.u8(7);
                put_obj(out, object);
                out.name(machine);
                old.write(out);
            }
            Self::Function { name } => {
                out.u8(8);
                out.name(name);
            }
            Self::Pending { index, old } => {
                out.u8(9);
                out.u32(*index);
                old.write(out);
            }
            Self::Staged => out.u8(10),
        }
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        Some(match get.u8()? {
            0 => Self::State {
                object: get_obj(get)?,
                old: get.val()?,
            },
            1 => Self::RootState { old: get.val()? },
            2 => Self::Created {
                object: get_obj(get)?,
            },
            3 => Self::Destroyed {
                object: get_obj(get)?,
                old: Box::new(Object::read(get)?),
            },
            4 => Self::Moved {
                object: get_obj(get)?,
                old: get.name()?,
            },
            5 => Self::Transferred {
                object: get_obj(get)?,
                old: get.name()?,
            },
            6 => Self::Received {
                envelope: Envelope::read(get)?,
            },
            7 => Self::Replica {
                object: get_obj(get)?,
                machine: get.name()?,
                old: Box::new(Replica::read(get)?),
            },
            8 => Self::Function { name: get.name()? },
            9 => Self::Pending {
                index: get.u32()?,
                old: Box::new(Pending::read(get)?),
            },
            10 => Self::Staged,
            _ => return None,
        })
    }

    fn each_val(&self, found: &mut dyn FnMut(&Val)) {
        match self {
            Self::State { old, .. } | Self::RootState { old } => found(old),
            Self::Destroyed { old, .. } => old.each_val(found),
            Self::Received { envelope } => envelope.each_val(found),
            Self::Replica { old, .. } => old.each_val(found),
            Self::Pending { old, .. } => old.each_val(found),
            _ => {}
        }
    }
}

/// What a transaction holds of one object.
#[derive(Clone, Debug)]
pub struct Pending {
    /// The object.
    pub object: Obj,
    /// Its stamp when the transaction saw it first; `None` if it did not read it.
    pub observed: Option<u64>,
    /// The object as the transaction created it.
    pub created: Option<Box<Object>>,
    /// The object as it was at the snapshot, if it has changed since.
    pub snapshot: Option<Box<Object>>,
    /// New state.
    pub state: Option<Val>,
    /// New controller.
    pub controller: Option<Name>,
    /// New home.
    pub machine: Option<Name>,
    /// Whether it is destroyed.
    pub destroyed: bool,
    /// Whether its controller was found to be that of the transaction, or it has none to be.
    pub owned: bool,
}

impl Pending {
    /// An object that is read, and nothing else so far.
    pub fn observed(object: Obj, observed: Option<u64>, snapshot: Option<Box<Object>>) -> Self {
        Self {
            object,
            observed,
            created: None,
            snapshot,
            state: None,
            controller: None,
            machine: None,
            destroyed: false,
            owned: false,
        }
    }
}

fn put_boxed(out: &mut Vec<u8>, object: Option<&Object>) {
    out.u8(object.is_some().into());
    if let Some(object) = object {
        object.write(out);
    }
}

fn get_boxed(get: &mut Get<'_>) -> Option<Option<Box<Object>>> {
    Some(if get.flag()? {
        Some(Box::new(Object::read(get)?))
    } else {
        None
    })
}

impl Record for Pending {
    const WHAT: &'static str = "what a transaction holds of an object";

    fn write(&self, out: &mut Vec<u8>) {
        put_obj(out, &self.object);
        out.u64(self.observed.map_or(0, |stamp| stamp + 1));
        put_boxed(out, self.created.as_deref());
        put_boxed(out, self.snapshot.as_deref());
        out.u8(self.state.is_some().into());
        if let Some(state) = &self.state {
            out.val(state);
        }
        out.name_or_none(self.controller.as_ref());
        out.name_or_none(self.machine.as_ref());
        out.u8(self.destroyed.into());
        out.u8(self.owned.into());
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        Some(Self {
            object: get_obj(get)?,
            observed: get.u64()?.checked_sub(1),
            created: get_boxed(get)?,
            snapshot: get_boxed(get)?,
            state: if get.flag()? { Some(get.val()?) } else { None },
            controller: get.name_or_none()?,
            machine: get.name_or_none()?,
            destroyed: get.flag()?,
            owned: get.flag()?,
        })
    }

    fn each_val(&self, found: &mut dyn FnMut(&Val)) {
        let objects = [self.created.as_deref(), self.snapshot.as_deref()];
        objects
            .into_iter()
            .flatten()
            .for_each(|object| object.each_val(found));
        if let Some(state) = &self.state {
            found(state);
        }
    }
}
