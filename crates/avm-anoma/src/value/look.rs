//! Looking at values.

use alloc::sync::Arc;

use avm_core::{Hash, HostError};

use super::{Closure, CodeRef, List, Obj, TxId, Val, ValMap};

/// Looking at opened values; a closed one is none of these.
impl Val {
    /// The value itself, read from the store if that was not done yet.
    ///
    /// # Errors
    /// If a node cannot be read or is not what the reference said.
    #[inline]
    pub fn open(&self) -> Result<&Self, HostError> {
        match self {
            Self::Closed(closed) => closed.open(),
            _ => Ok(self),
        }
    }

    /// Whether it is [`Val::Nothing`].
    #[inline]
    #[must_use]
    pub fn is_nothing(&self) -> bool {
        matches!(self, Self::Nothing)
    }

    /// Whether it is the Boolean `false`, the one value that conditions take for false.
    #[inline]
    #[must_use]
    pub fn is_false(&self) -> bool {
        matches!(self, Self::Bool(false))
    }

    /// The text of a symbol.
    #[must_use]
    pub fn as_sym(&self) -> Option<&str> {
        match self {
            Self::Sym(short) => Some(short.as_str()),
            Self::LongSym(text) => Some(text),
            _ => None,
        }
    }

    /// The text of a string.
    #[must_use]
    pub fn as_str(&self) -> Option<&str> {
        match self {
            Self::Str(short) => Some(short.as_str()),
            Self::LongStr(text) => Some(text),
            _ => None,
        }
    }

    /// The octets.
    #[must_use]
    pub fn as_bytes(&self) -> Option<&[u8]> {
        match self {
            Self::Bytes(content) => Some(content),
            _ => None,
        }
    }

    /// True or false.
    #[inline]
    #[must_use]
    pub fn as_bool(&self) -> Option<bool> {
        match self {
            Self::Bool(value) => Some(*value),
            _ => None,
        }
    }

    /// An integer of 64 bits.
    #[inline]
    #[must_use]
    pub fn as_int(&self) -> Option<i64> {
        match self {
            Self::Int(value) => Some(*value),
            _ => None,
        }
    }

    /// Whether it is an integer of any size.
    #[inline]
    #[must_use]
    pub fn is_int(&self) -> bool {
        matches!(self, Self::Int(_) | Self::Big(_))
    }

    /// A sequence.
    #[inline]
    #[must_use]
    pub fn as_list(&self) -> Option<&List> {
        match self {
            Self::List(list) => Some(list),
            _ => None,
        }
    }

    /// What a `just` holds.
    #[inline]
    #[must_use]
    pub fn as_just(&self) -> Option<&Self> {
        match self {
            Self::Just(just) => Some(&just.value),
            _ => None,
        }
    }

    /// The parts of a pair.
    #[inline]
    #[must_use]
    pub fn as_pair(&self) -> Option<(&Self, &Self)> {
        match self {
            Self::Pair(pair) => Some((&pair.first, &pair.second)),
            _ => None,
        }
    }

    /// Entries by key.
    #[must_use]
    pub fn as_map(&self) -> Option<&ValMap> {
        match self {
            Self::Map(map) => Some(map),
            _ => None,
        }
    }

    /// A reference to an object.
    #[inline]
    #[must_use]
    pub fn as_obj(&self) -> Option<&Obj> {
        match self {
            Self::Obj(obj) => Some(obj),
            _ => None,
        }
    }

    /// A transaction.
    #[must_use]
    pub fn as_tx(&self) -> Option<&TxId> {
        match self {
            Self::Tx(id) => Some(id),
            _ => None,
        }
    }

    /// The name of a controller.
    #[must_use]
    pub fn as_ctl(&self) -> Option<&str> {
        match self {
            Self::Ctl(name) => Some(name),
            _ => None,
        }
    }

    /// The name of a machine.
    #[must_use]
    pub fn as_mach(&self) -> Option<&str> {
        match self {
            Self::Mach(name) => Some(name),
            _ => None,
        }
    }

    /// Thirty-two bytes.
    #[must_use]
    pub fn as_hash(&self) -> Option<&Hash> {
        match self {
            Self::Hash(hash) => Some(hash),
            _ => None,
        }
    }

    /// The name of a behaviour, a pure function or a program.
    #[must_use]
    pub fn as_code(&self) -> Option<&CodeRef> {
        match self {
            Self::Code(code) => Some(code),
            _ => None,
        }
    }

    /// A function with what it captured.
    #[inline]
    #[must_use]
    pub fn as_closure(&self) -> Option<&Arc<Closure>> {
        match self {
            Self::Closure(closure) => Some(closure),
            _ => None,
        }
    }

    /// Tag of the canonical encoding, spec 1; [`Val::CLOSURE_TAG`] and [`Val::CLOSED_TAG`] are
    /// those of values that have none.
    #[must_use]
    pub fn tag(&self) -> u8 {
        match self {
            Self::Nothing => 0x00,
            Self::Just(_) => 0x01,
            Self::Bool(false) => 0x02,
            Self::Bool(true) => 0x03,
            Self::Int(_) | Self::Big(_) => 0x04,
            Self::Str(_) | Self::LongStr(_) => 0x05,
            Self::Sym(_) | Self::LongSym(_) => 0x06,
            Self::Bytes(_) => 0x07,
            Self::Pair(_) => 0x08,
            Self::List(_) => 0x09,
            Self::Map(_) => 0x0a,
            Self::Obj(_) => 0x10,
            Self::Tx(_) => 0x11,
            Self::Ctl(_) => 0x12,
            Self::Mach(_) => 0x13,
            Self::Var(_) => 0x14,
            Self::Lin(_) => 0x15,
            Self::Hash(_) => 0x16,
            Self::Code(_) => 0x17,
            Self::Closure(_) => Self::CLOSURE_TAG,
            Self::Closed(_) => Self::CLOSED_TAG,
        }
    }

    /// The tag of closures, which no decoder takes.
    pub const CLOSURE_TAG: u8 = 0x20;

    /// The tag of values that were not read, the first byte of a long reference.
    pub const CLOSED_TAG: u8 = 0xfe;

    /// What kind of value it is, as diagnostics say it.
    #[must_use]
    pub fn kind_name(&self) -> &'static str {
        match self {
            Self::Nothing => "nothing",
            Self::Bool(_) => "bool",
            Self::Int(_) | Self::Big(_) => "int",
            Self::Sym(_) | Self::LongSym(_) => "sym",
            Self::Str(_) | Self::LongStr(_) => "str",
            Self::Bytes(_) => "bytes",
            Self::Just(_) => "just",
            Self::Pair(_) => "pair",
            Self::List(_) => "list",
            Self::Map(_) => "map",
            Self::Obj(_) => "obj",
            Self::Tx(_) => "tx",
            Self::Ctl(_) => "ctl",
            Self::Mach(_) => "mach",
            Self::Var(_) => "var",
            Self::Lin(_) => "lin",
            Self::Hash(_) => "hash",
            Self::Code(_) => "code",
            Self::Closure(_) => "closure",
            Self::Closed(_) => "closed",
        }
    }
}
