//! Values: what programs compute with, what objects hold and what messages carry.
//!
//! A [`Val`] is 16 bytes and cheap to clone: small things are inline, large ones are shared. Every
//! compound value knows the length of its canonical encoding, its depth and whether it holds a
//! closure, so limits are checked while building and cost nothing later.
//!
//! - [`List`]: chunks of up to 16 items behind each other; `cons`, `cdr` and the length take
//!   constant time.
//! - [`int`]: integers of 256 bits that never wrap.
//! - **Canonical encoding** ([`Val::encode`], [`Val::decode`]): one encoding for each value.
//! - **References** ([`Val::write_ref`], [`Val::read_ref`]): how a value stands inside of a record:
//!   itself if it is short, else the name of a node. A value read from a store is
//!   [`Val::Closed`] until somebody looks inside ([`Val::open`]).
//!
//! Functions that look inside without saying that they read (`as_..`, [`Val::tag`]) take opened
//! values.
//!
//! Spec: Anoma Virtual Machine, section 1.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;
use core::ops::Deref;
use core::{fmt, mem};

use avm_core::{Hash, HostError};
use smallvec::SmallVec;

mod build;
mod closed;
mod decode;
mod digest;
mod encode;
mod ids;
pub mod int;
mod list;
mod look;
mod map;
mod order;
mod reference;
mod save;
mod short;
mod size;
mod text;

pub use closed::Closed;
pub use decode::DecodeError;
pub use digest::{Sha256, tagged_hash};
pub use ids::{Obj, ObjectId, TxId};
pub use int::{ArithError, Big};
pub use list::{Iter, List};
pub use map::ValMap;
pub use reference::INLINE_MAX;
pub use save::save_ref_below;
pub use short::Short;
pub use text::clip;

use closed::NameCell;
use short::SHORT_MAX;
use size::Size;

/// Longest canonical encoding of a value, in bytes: `max_val_bytes` of spec 1.
pub const MAX_BYTES: u32 = 1 << 20;

/// How deep values nest: a value without parts has depth 0, any other (the empty list, too) one
/// more than its deepest part.
pub const MAX_DEPTH: u8 = 64;

/// How deep values that hold closures nest. They are never encoded, so the limit of spec 1 is not
/// theirs; this one keeps the native stack small.
pub const MAX_CLOSURE_DEPTH: u8 = 250;

/// Longest name of a controller or machine, in bytes. Spec 2.
pub const ID_MAX: usize = 64;

/// A value. `Send`, `Sync`, 16 bytes.
///
/// `==` is for tests and tables of constants: a closed value that cannot be read equals nothing.
/// Machines use [`Val::eq`], which reports that.
#[derive(Default)]
pub enum Val {
    /// Nothing: the unit value, and the `nothing` of a Maybe.
    #[default]
    Nothing,
    /// True or false.
    Bool(bool),
    /// An integer of 64 bits.
    Int(i64),
    /// An integer outside of 64 bits.
    Big(Arc<Big>),
    /// A symbol of at most 14 bytes.
    Sym(Short),
    /// A longer symbol.
    LongSym(Arc<Named<Box<str>>>),
    /// A text of at most 14 bytes.
    Str(Short),
    /// A longer text.
    LongStr(Arc<Named<Box<str>>>),
    /// Octets.
    Bytes(Arc<Named<Box<[u8]>>>),
    /// The `just` of a Maybe.
    Just(Arc<Just>),
    /// Two values.
    Pair(Arc<Pair>),
    /// A sequence.
    List(List),
    /// Entries by key.
    Map(Arc<ValMap>),
    /// An object: the authority to send it messages.
    Obj(Obj),
    /// A transaction.
    Tx(Arc<TxId>),
    /// A controller.
    Ctl(Arc<Box<str>>),
    /// A machine.
    Mach(Arc<Box<str>>),
    /// A variable of a transaction's constraints.
    Var(u32),
    /// A linear constraint of a transaction.
    Lin(u32),
    /// Thirty-two bytes.
    Hash(Arc<Hash>),
    /// Names a behaviour, a pure function or a program.
    Code(Arc<CodeRef>),
    /// A function with what it captured. Exists at run time alone: it is not passable.
    Closure(Arc<Closure>),
    /// A value that was not read yet.
    Closed(Arc<Closed>),
}

const _: () = assert!(size_of::<Val>() == 16 && size_of::<Option<Val>>() == 16);

/// What is copied most is copied in place.
impl Clone for Val {
    #[inline(always)]
    fn clone(&self) -> Self {
        match self {
            Self::Nothing => Self::Nothing,
            Self::Bool(truth) => Self::Bool(*truth),
            Self::Int(number) => Self::Int(*number),
            Self::Sym(text) => Self::Sym(*text),
            Self::Str(text) => Self::Str(*text),
            Self::List(list) => Self::List(list.clone()),
            Self::Obj(object) => Self::Obj(object.clone()),
            other => other.clone_other(),
        }
    }
}

impl Val {
    #[inline(never)]
    fn clone_other(&self) -> Self {
        match self {
            Self::Big(shared) => Self::Big(shared.clone()),
            Self::LongSym(shared) => Self::LongSym(shared.clone()),
            Self::LongStr(shared) => Self::LongStr(shared.clone()),
            Self::Bytes(shared) => Self::Bytes(shared.clone()),
            Self::Just(shared) => Self::Just(shared.clone()),
            Self::Pair(shared) => Self::Pair(shared.clone()),
            Self::Map(shared) => Self::Map(shared.clone()),
            Self::Tx(shared) => Self::Tx(shared.clone()),
            Self::Ctl(shared) => Self::Ctl(shared.clone()),
            Self::Mach(shared) => Self::Mach(shared.clone()),
            Self::Var(id) => Self::Var(*id),
            Self::Lin(id) => Self::Lin(*id),
            Self::Hash(shared) => Self::Hash(shared.clone()),
            Self::Code(shared) => Self::Code(shared.clone()),
            Self::Closure(shared) => Self::Closure(shared.clone()),
            Self::Closed(shared) => Self::Closed(shared.clone()),
            Self::Nothing
            | Self::Bool(_)
            | Self::Int(_)
            | Self::Sym(_)
            | Self::Str(_)
            | Self::List(_)
            | Self::Obj(_) => {
                unreachable!("copied in place")
            }
        }
    }

    /// Whether it holds nothing that is shared, so that dropping it does nothing.
    #[inline(always)]
    fn is_scalar(&self) -> bool {
        matches!(
            self,
            Self::Nothing | Self::Bool(_) | Self::Int(_) | Self::Sym(_) | Self::Str(_)
        )
    }

    /// Puts a value in the place of this one. Where most values are scalars that is quicker than to
    /// assign it, which calls what drops any value.
    #[inline(always)]
    pub(crate) fn put(&mut self, value: Self) {
        let old = mem::replace(self, value);
        if old.is_scalar() {
            mem::forget(old);
        }
    }

    /// Shortens a row of values; for the same reason.
    #[inline(always)]
    pub(crate) fn shorten(row: &mut Vec<Self>, len: usize) {
        while row.len() > len {
            if let Some(last) = row.pop()
                && last.is_scalar()
            {
                mem::forget(last);
            }
        }
    }
}
const _: () = {
    const fn shared<T: Send + Sync>() {}
    shared::<Val>();
};

/// Names a behaviour, a pure function or a program.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct CodeRef {
    /// Name of the module.
    pub module: Hash,
    /// Name of its export.
    pub export: String,
}

/// A function with what it captured; made by [`Val::closure`].
pub struct Closure {
    /// Index of the module among those that are loaded.
    pub module: u32,
    /// Index of the function in the module.
    pub function: u32,
    /// What it captured.
    pub captured: SmallVec<[Val; 4]>,
    size: Size,
    name: NameCell,
}

/// The content of [`Val::Just`].
pub struct Just {
    value: Val,
    size: Size,
    name: NameCell,
}

/// The contents of [`Val::Pair`].
pub struct Pair {
    first: Val,
    second: Val,
    size: Size,
    name: NameCell,
}

impl Just {
    /// What it holds.
    #[inline]
    #[must_use]
    pub fn value(&self) -> &Val {
        &self.value
    }
}

impl Pair {
    /// The first value.
    #[inline]
    #[must_use]
    pub fn first(&self) -> &Val {
        &self.first
    }

    /// The second value.
    #[inline]
    #[must_use]
    pub fn second(&self) -> &Val {
        &self.second
    }
}

/// Something long that keeps the name of its node once it was asked for.
pub struct Named<T> {
    content: T,
    name: NameCell,
}

impl<T> Named<T> {
    fn new(content: T) -> Arc<Self> {
        let name = NameCell::new();
        Arc::new(Self { content, name })
    }
}

impl<T> Deref for Named<T> {
    type Target = T;

    #[inline]
    fn deref(&self) -> &T {
        &self.content
    }
}

/// Why a value was not built.
#[derive(Debug, thiserror::Error)]
pub enum ValueError {
    /// Its encoding would be too long.
    #[error("the value would take more than {MAX_BYTES} bytes")]
    TooLong,
    /// It would be nested too deep.
    #[error("the value would be nested deeper than {MAX_DEPTH}")]
    TooDeep,
    /// A closure where only values that can be passed may stand.
    #[error("a closure cannot be a key of a map")]
    NotPassable,
    /// The name of a controller or machine is empty or too long.
    #[error("a name of {len} bytes; a controller or machine has 1 to {ID_MAX}")]
    Id {
        /// Length found, in bytes.
        len: usize,
    },
    /// A part could not be read.
    #[error(transparent)]
    Host(#[from] HostError),
}

/// What is known without reading.
impl Val {
    /// Length of the canonical encoding, in bytes.
    #[inline]
    #[must_use]
    pub fn encoded_len(&self) -> u32 {
        self.size().len
    }

    /// How deep it is nested; see [`MAX_DEPTH`].
    #[inline]
    #[must_use]
    pub fn depth(&self) -> u8 {
        self.size().depth
    }

    /// Whether it may be stored, sent and returned: it holds no closure.
    #[inline]
    #[must_use]
    pub fn is_passable(&self) -> bool {
        match self {
            Self::Just(_) | Self::Pair(_) | Self::List(_) | Self::Map(_) => !self.size().closure,
            Self::Closed(closed) => !closed.size().closure,
            Self::Closure(_) => false,
            _ => true,
        }
    }

    #[inline]
    fn size(&self) -> Size {
        match self {
            Self::Int(n) => Size::flat(2 + int::bytes_of(n.unsigned_abs())),
            Self::Sym(short) | Self::Str(short) => Size::flat(2 + short.len() as u32),
            Self::Obj(_) => Size::flat(33),
            _ => self.other_size(),
        }
    }

    /// The size of what is not among the commonest.
    fn other_size(&self) -> Size {
        match self {
            Self::Nothing | Self::Bool(_) => Size::flat(1),
            Self::Int(n) => Size::flat(2 + int::bytes_of(n.unsigned_abs())),
            Self::Big(big) => Size::flat(2 + big.magnitude().byte_len() as u32),
            Self::Sym(short) | Self::Str(short) => Size::flat(2 + short.len() as u32),
            Self::LongSym(text) | Self::LongStr(text) => Size::text(text.len()),
            Self::Bytes(content) => Size::text(content.len()),
            Self::Just(just) => just.size,
            Self::Pair(pair) => pair.size,
            Self::List(list) => list.size(),
            Self::Map(map) => map.size(),
            Self::Obj(_) | Self::Tx(_) | Self::Hash(_) => Size::flat(33),
            Self::Ctl(name) | Self::Mach(name) => Size::text(name.len()),
            Self::Var(id) | Self::Lin(id) => Size::flat(1 + size::leb(*id)),
            Self::Code(code) => Size::flat(Size::text(code.export.len()).len + 32),
            Self::Closure(closure) => closure.size,
            Self::Closed(closed) => closed.size(),
        }
    }
}

impl fmt::Debug for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl PartialEq for Val {
    fn eq(&self, other: &Self) -> bool {
        Val::eq(self, other).unwrap_or(false)
    }
}

impl From<i64> for Val {
    fn from(n: i64) -> Self {
        Self::Int(n)
    }
}

impl From<bool> for Val {
    fn from(value: bool) -> Self {
        Self::Bool(value)
    }
}

impl From<List> for Val {
    fn from(list: List) -> Self {
        Self::List(list)
    }
}

const _: () = assert!(SHORT_MAX == 14);

impl fmt::Debug for Closure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "closure {}:{}", self.module, self.function)
    }
}
