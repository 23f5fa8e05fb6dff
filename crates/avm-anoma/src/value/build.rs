//! Building values, within their limits.

use alloc::boxed::Box;
use alloc::sync::Arc;

use avm_core::Hash;
use ruint::aliases::U256;
use smallvec::SmallVec;

use super::closed::NameCell;
use super::ids;
use super::int::{self, ArithError};
use super::size::{self, Size};
use super::{
    Closure, CodeRef, Just, List, Named, Obj, ObjectId, Pair, Short, TxId, Val, ValMap, ValueError,
};

/// Building scalars.
impl Val {
    /// The integer `n`.
    #[inline]
    #[must_use]
    pub const fn int(n: i64) -> Self {
        Self::Int(n)
    }

    /// The integer of this sign and magnitude.
    ///
    /// # Errors
    /// [`ArithError::Overflow`] if it is outside of -2^255 ..= 2^255 - 1.
    pub fn big(negative: bool, magnitude: U256) -> Result<Self, ArithError> {
        int::from_parts(negative, magnitude)
    }

    /// A symbol.
    ///
    /// # Panics
    /// If it is too long. For texts that the caller knows; [`Val::try_sym`] is for others.
    #[inline]
    #[must_use]
    pub fn sym(text: &str) -> Self {
        Self::try_sym(text).expect("a symbol known to be short")
    }

    /// A symbol.
    ///
    /// # Errors
    /// [`ValueError::TooLong`].
    #[inline]
    pub fn try_sym(text: &str) -> Result<Self, ValueError> {
        match Short::new(text) {
            Some(short) => Ok(Self::Sym(short)),
            None => Ok(Self::LongSym(Named::new(long_text(text)?))),
        }
    }

    /// A text.
    ///
    /// # Panics
    /// If it is too long. For texts that the caller knows; [`Val::try_str`] is for others.
    #[inline]
    #[must_use]
    pub fn str(text: &str) -> Self {
        Self::try_str(text).expect("a text known to be short")
    }

    /// A text.
    ///
    /// # Errors
    /// [`ValueError::TooLong`].
    #[inline]
    pub fn try_str(text: &str) -> Result<Self, ValueError> {
        match Short::new(text) {
            Some(short) => Ok(Self::Str(short)),
            None => Ok(Self::LongStr(Named::new(long_text(text)?))),
        }
    }

    /// Octets.
    ///
    /// # Panics
    /// If there are too many. For contents that the caller knows; [`Val::try_bytes`] is for others.
    #[must_use]
    pub fn bytes(content: impl Into<Box<[u8]>>) -> Self {
        Self::try_bytes(content).expect("octets known to be few")
    }

    /// Octets.
    ///
    /// # Errors
    /// [`ValueError::TooLong`].
    pub fn try_bytes(content: impl Into<Box<[u8]>>) -> Result<Self, ValueError> {
        let content = content.into();
        size::text(content.len())?;
        Ok(Self::Bytes(Named::new(content)))
    }

    /// A controller.
    ///
    /// # Panics
    /// If the name is empty or too long. For names that were checked; [`Val::try_ctl`] is for others.
    #[must_use]
    pub fn ctl(name: &str) -> Self {
        Self::try_ctl(name).expect("a name that was checked")
    }

    /// A controller.
    ///
    /// # Errors
    /// [`ValueError::Id`].
    pub fn try_ctl(name: &str) -> Result<Self, ValueError> {
        ids::check_name(name)?;
        Ok(Self::Ctl(Arc::new(name.into())))
    }

    /// A machine.
    ///
    /// # Panics
    /// If the name is empty or too long. For names that were checked; [`Val::try_mach`] is for
    /// others.
    #[must_use]
    pub fn mach(name: &str) -> Self {
        Self::try_mach(name).expect("a name that was checked")
    }

    /// A machine.
    ///
    /// # Errors
    /// [`ValueError::Id`].
    pub fn try_mach(name: &str) -> Result<Self, ValueError> {
        ids::check_name(name)?;
        Ok(Self::Mach(Arc::new(name.into())))
    }

    /// A reference to an object.
    #[must_use]
    pub fn obj(id: ObjectId) -> Self {
        Self::Obj(Obj::new(id))
    }

    /// A transaction.
    #[must_use]
    pub fn tx(id: TxId) -> Self {
        Self::Tx(Arc::new(id))
    }

    /// Thirty-two bytes.
    #[must_use]
    pub fn hash_value(hash: Hash) -> Self {
        Self::Hash(Arc::new(hash))
    }

    /// Names a behaviour, a pure function or a program.
    ///
    /// # Errors
    /// [`ValueError::TooLong`].
    pub fn code(module: Hash, export: &str) -> Result<Self, ValueError> {
        size::text(export.len().saturating_add(32))?;
        let export = export.into();
        Ok(Self::Code(Arc::new(CodeRef { module, export })))
    }
}

fn long_text(text: &str) -> Result<Box<str>, ValueError> {
    size::text(text.len())?;
    Ok(text.into())
}

/// Building compounds.
impl Val {
    /// The `just` of a Maybe.
    ///
    /// # Errors
    /// If it would be too long or too deep.
    #[inline]
    pub fn just(value: Self) -> Result<Self, ValueError> {
        let size = value.size().wrap(1)?;
        let name = NameCell::new();
        Ok(Self::Just(Arc::new(Just { value, size, name })))
    }

    /// Two values.
    ///
    /// # Errors
    /// If it would be too long or too deep.
    #[inline]
    pub fn pair(first: Self, second: Self) -> Result<Self, ValueError> {
        let size = first.size().join(second.size()).wrap(1)?;
        Ok(Self::Pair(Arc::new(Pair {
            first,
            second,
            size,
            name: NameCell::new(),
        })))
    }

    /// A sequence.
    ///
    /// # Errors
    /// If it would be too long or too deep.
    #[inline]
    pub fn list(items: impl IntoIterator<Item = Self>) -> Result<Self, ValueError> {
        List::collect(items).map(Self::List)
    }

    /// A sequence; faster than [`Val::list`].
    ///
    /// # Errors
    /// If it would be too long or too deep.
    #[inline]
    pub fn list_array<const N: usize>(items: [Self; N]) -> Result<Self, ValueError> {
        List::from_array(items).map(Self::List)
    }

    /// A sequence of clones.
    ///
    /// # Errors
    /// If it would be too long or too deep.
    #[inline]
    pub fn list_of(items: &[Self]) -> Result<Self, ValueError> {
        List::from_slice(items).map(Self::List)
    }

    /// Entries by key; of equal keys the last one counts.
    ///
    /// # Errors
    /// If it would be too long or too deep, a key holds a closure or a closed key cannot be read.
    pub fn map(entries: impl IntoIterator<Item = (Self, Self)>) -> Result<Self, ValueError> {
        Ok(Self::Map(Arc::new(ValMap::collect(entries)?)))
    }

    /// A function with what it captured.
    ///
    /// # Errors
    /// If it would be too long or too deep ([`MAX_CLOSURE_DEPTH`](super::MAX_CLOSURE_DEPTH)).
    pub fn closure(
        module: u32,
        function: u32,
        captured: impl IntoIterator<Item = Self>,
    ) -> Result<Self, ValueError> {
        let captured: SmallVec<[Self; 4]> = captured.into_iter().collect();
        let parts = captured.iter().map(Self::size);
        let parts = parts.fold(Size::CLOSURE, Size::join);
        let own = 9 + size::leb(captured.len() as u32);
        let size = parts.wrap(own)?;
        Ok(Self::Closure(Arc::new(Closure {
            module,
            function,
            captured,
            size,
            name: NameCell::new(),
        })))
    }
}
