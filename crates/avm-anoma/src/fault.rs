//! What goes wrong inside of the machine. A fault is a value of programs and part of traces; it is
//! never an `Err` of the seam. Spec 5.3.

use alloc::vec::Vec;
use core::fmt;

use crate::value::Val;

/// An error of a program: its code, for example `obj/not-found`, and its fields.
#[derive(Clone, Debug)]
pub struct Fault {
    /// Family and code.
    pub code: Code,
    /// Fields, in the order of the specification.
    pub fields: Vec<Val>,
}

macro_rules! faults {
    ($($name:ident = $text:literal, $doc:literal;)*) => {
        /// Code of a fault.
        #[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
        #[repr(u8)]
        pub enum Code { $(#[doc = $doc] $name,)* }

        impl Code {
            /// Every code, in order.
            pub const ALL: &[Self] = &[$(Self::$name),*];

            /// As programs and traces spell it.
            #[must_use]
            pub fn text(self) -> &'static str { match self { $(Self::$name => $text),* } }

            /// What it means.
            #[must_use]
            pub fn doc(self) -> &'static str { match self { $(Self::$name => $doc),* } }
        }
    };
}

faults! {
    ObjNotFound = "obj/not-found", "There is no such object.";
    ObjDestroyed = "obj/destroyed", "The object was destroyed.";
    ObjInvalidInput = "obj/invalid-input", "The object takes no such input.";
    ObjRejected = "obj/rejected", "The object rejected the call.";
    BehaviourNotFound = "obj/behaviour-not-found", "No behaviour has this name.";
    ReflectPredicate = "reflect/predicate-failed", "The predicate of a search failed.";
    TxConflict = "tx/conflict", "Something that the transaction read has changed.";
    TxNotFound = "tx/not-found", "There is no such transaction.";
    TxCommitted = "tx/already-committed", "The transaction was committed before.";
    TxAborted = "tx/already-aborted", "The transaction was aborted before.";
    TxNone = "tx/none-active", "No transaction is active.";
    TxInvalid = "tx/invalid-during", "Not possible inside of a transaction.";
    TxNotOwner = "tx/not-owner", "Another frame began the transaction.";
    TxUnfinished = "tx/unfinished", "The frame that began the transaction returned without ending it.";
    PureNotFound = "pure/not-found", "No pure function has this name.";
    PureExists = "pure/exists", "A pure function has this name already.";
    PureVersion = "pure/version-conflict", "The pure function has another version.";
    MachineUnreachable = "machine/unreachable", "The machine cannot be reached.";
    TeleportInTx = "machine/teleport-during-tx", "An execution cannot move inside of a transaction.";
    CtlUnreachable = "ctl/unreachable", "The controller cannot be reached.";
    CtlUnauthorized = "ctl/unauthorized-transfer", "The controller refuses the transfer.";
    CtlCross = "ctl/cross-controller", "The object has another controller than the transaction.";
    CtlNotAvailable = "ctl/not-available", "The controller does not have that position any more.";
    CtlFreeze = "ctl/freeze-failed", "The object cannot be frozen now.";
    CtlNone = "ctl/no-controller", "The object has no controller.";
    Gas = "gas/exhausted", "The gas is used up.";
    Quota = "quota/exceeded", "A limit is reached.";
    Cap = "cap/denied", "The program does not have the capability.";
    Depth = "depth/exceeded", "Calls are nested too deep.";
    Overflow = "arith/overflow", "The result does not fit 256 bits.";
    DivZero = "arith/div-zero", "Division by zero.";
    Type = "type/mismatch", "A value of another kind was expected.";
    NotPassable = "val/not-passable", "A closure cannot be stored or sent.";
    Raised = "user/raise", "The program raised it.";
    Unsupported = "unsupported", "Not supported yet.";
}

impl Fault {
    /// A fault with fields.
    pub fn new(code: Code, fields: impl IntoIterator<Item = Val>) -> Self {
        Self {
            code,
            fields: fields.into_iter().collect(),
        }
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.code.text())?;
        self.fields
            .iter()
            .try_for_each(|field| write!(f, " {field}"))
    }
}
