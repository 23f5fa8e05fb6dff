//! Names of things.

use alloc::sync::Arc;
use core::fmt;
use core::sync::atomic::{AtomicU32, Ordering};

use super::{ID_MAX, ValueError};

/// Names an object. Shown as `obj:` and ten hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct ObjectId(pub [u8; 32]);

/// Names a transaction. Shown as `tx:` and ten hex digits.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct TxId(pub [u8; 32]);

impl fmt::Display for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        human(f, "obj", &self.0)
    }
}

impl fmt::Display for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        human(f, "tx", &self.0)
    }
}

impl fmt::Debug for ObjectId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl fmt::Debug for TxId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// The human form of an id. Spec 2.
pub(super) fn human(f: &mut fmt::Formatter<'_>, kind: &str, id: &[u8; 32]) -> fmt::Result {
    write!(f, "{kind}:")?;
    id[..5].iter().try_for_each(|byte| write!(f, "{byte:02x}"))
}

/// Whether a controller or machine can have this name.
pub(super) fn check_name(name: &str) -> Result<(), ValueError> {
    match name.len() {
        1..=ID_MAX => Ok(()),
        len => Err(ValueError::Id { len }),
    }
}

/// A reference to an object, with a hint where the engine found it. The hint is no part of the
/// value: clones share it, and comparing ignores it.
#[derive(Clone)]
pub struct Obj(Arc<Shared>);

struct Shared {
    id: ObjectId,
    hint: AtomicU32,
}

impl Obj {
    /// A reference to the object `id`; the hint is 0.
    #[must_use]
    pub fn new(id: ObjectId) -> Self {
        let hint = AtomicU32::new(0);
        Self(Arc::new(Shared { id, hint }))
    }

    /// Names the object.
    #[inline]
    #[must_use]
    pub fn id(&self) -> &ObjectId {
        &self.0.id
    }

    /// Where the engine found it last: whoever follows it checks that the object is there.
    #[inline]
    #[must_use]
    pub fn hint(&self) -> u32 {
        self.0.hint.load(Ordering::Relaxed)
    }

    /// Sets the hint, for every clone.
    #[inline]
    pub fn set_hint(&self, hint: u32) {
        self.0.hint.store(hint, Ordering::Relaxed);
    }

    /// Whether both are clones of one reference.
    #[inline]
    pub(super) fn same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl PartialEq for Obj {
    #[inline]
    fn eq(&self, other: &Self) -> bool {
        self.same(other) || self.id() == other.id()
    }
}

impl Eq for Obj {}

impl fmt::Debug for Obj {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Debug::fmt(self.id(), f)
    }
}
