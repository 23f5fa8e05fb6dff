//! Equality, order and hash of values.

use core::cmp::Ordering;

use avm_core::{Hash, HostError};

use super::closed::Closed;
use super::list::Rest;
use super::{Closure, List, Val, ValMap, tagged_hash};

impl Val {
    /// Whether both are the same value. Reads nothing where names tell: equal values have equal
    /// names.
    ///
    /// # Errors
    /// If a part cannot be read.
    #[inline]
    pub fn eq(&self, other: &Self) -> Result<bool, HostError> {
        Ok(match (self, other) {
            (Self::Int(one), Self::Int(two)) => one == two,
            (Self::Sym(one), Self::Sym(two)) | (Self::Str(one), Self::Str(two)) => one == two,
            (Self::Nothing, Self::Nothing) => true,
            (Self::Bool(one), Self::Bool(two)) => one == two,
            (Self::Obj(one), Self::Obj(two)) => one == two,
            _ => return self.eq_large(other),
        })
    }

    fn eq_large(&self, other: &Self) -> Result<bool, HostError> {
        Ok(match (self, other) {
            (Self::Closed(one), Self::Closed(two)) => one.size == two.size && one.name == two.name,
            (Self::Closed(closed), value) | (value, Self::Closed(closed)) => {
                return eq_closed(closed, value);
            }
            (Self::Big(one), Self::Big(two)) => one == two,
            (Self::LongSym(one), Self::LongSym(two)) => ***one == ***two,
            (Self::LongStr(one), Self::LongStr(two)) => ***one == ***two,
            (Self::Bytes(one), Self::Bytes(two)) => ***one == ***two,
            (Self::Just(one), Self::Just(two)) => one.value.eq(&two.value)?,
            (Self::Pair(one), Self::Pair(two)) => {
                one.size == two.size && one.first.eq(&two.first)? && one.second.eq(&two.second)?
            }
            (Self::List(one), Self::List(two)) => return eq_lists(one, two),
            (Self::Map(one), Self::Map(two)) => return eq_maps(one, two),
            (Self::Tx(one), Self::Tx(two)) => one == two,
            (Self::Ctl(one), Self::Ctl(two)) | (Self::Mach(one), Self::Mach(two)) => one == two,
            (Self::Var(one), Self::Var(two)) | (Self::Lin(one), Self::Lin(two)) => one == two,
            (Self::Hash(one), Self::Hash(two)) => one == two,
            (Self::Code(one), Self::Code(two)) => one == two,
            (Self::Closure(one), Self::Closure(two)) => return eq_closures(one, two),
            _ => false,
        })
    }

    /// The total order of values: by tag, then by content. Integers by number, texts and octets by
    /// bytes, ids by bytes, sequences item by item with a prefix before what it begins, maps as the
    /// sequence of their entries. (The entries of a map are in another order, that of the encodings
    /// of their keys.)
    ///
    /// # Errors
    /// If a part cannot be read.
    #[expect(
        clippy::should_implement_trait,
        reason = "reading can fail, so it is not `Ord`"
    )]
    pub fn cmp(&self, other: &Self) -> Result<Ordering, HostError> {
        if let (Self::Closed(one), Self::Closed(two)) = (self, other)
            && one.name == two.name
            && one.size == two.size
        {
            return Ok(Ordering::Equal);
        }
        let (one, two) = (self.open()?, other.open()?);
        Ok(match (one, two) {
            (Self::Int(_) | Self::Big(_), Self::Int(_) | Self::Big(_)) => {
                super::int::cmp(one, two).expect("both are integers")
            }
            (Self::Just(one), Self::Just(two)) => one.value.cmp(&two.value)?,
            (Self::Pair(one), Self::Pair(two)) => match one.first.cmp(&two.first)? {
                Ordering::Equal => one.second.cmp(&two.second)?,
                order => order,
            },
            (Self::List(one), Self::List(two)) => return cmp_lists(one, two),
            (Self::Map(one), Self::Map(two)) => return cmp_maps(one, two),
            (Self::Bytes(one), Self::Bytes(two)) => one.cmp(two),
            (Self::Obj(one), Self::Obj(two)) => one.id().cmp(two.id()),
            (Self::Tx(one), Self::Tx(two)) => one.cmp(two),
            (Self::Ctl(one), Self::Ctl(two)) | (Self::Mach(one), Self::Mach(two)) => one.cmp(two),
            (Self::Var(one), Self::Var(two)) | (Self::Lin(one), Self::Lin(two)) => one.cmp(two),
            (Self::Hash(one), Self::Hash(two)) => one.cmp(two),
            (Self::Code(one), Self::Code(two)) => one.cmp(two),
            (Self::Closure(one), Self::Closure(two)) => return cmp_closures(one, two),
            _ => match one.tag().cmp(&two.tag()) {
                Ordering::Equal => one.text_bytes().cmp(two.text_bytes()),
                order => order,
            },
        })
    }

    /// SHA-256 of `avm/val` and the canonical encoding: `H(v)` of spec 1.
    ///
    /// # Errors
    /// If a part cannot be read.
    pub fn hash(&self) -> Result<Hash, HostError> {
        Ok(tagged_hash("avm/val", &[&self.to_bytes()?]))
    }

    /// The bytes of a symbol or text; none for others.
    fn text_bytes(&self) -> &[u8] {
        match self {
            Self::Sym(text) | Self::Str(text) => text.as_bytes(),
            Self::LongSym(text) | Self::LongStr(text) => text.as_bytes(),
            _ => &[],
        }
    }
}

/// A closed value and one that is not.
fn eq_closed(closed: &Closed, value: &Val) -> Result<bool, HostError> {
    if closed.size != value.size() {
        return Ok(false);
    }
    match closed.known() {
        Some(known) => known.eq(value),
        None => Ok(closed.name == value.name()),
    }
}

fn eq_lists(one: &List, two: &List) -> Result<bool, HostError> {
    if one.same(two) {
        return Ok(true);
    }
    if one.len() != two.len() || one.size() != two.size() {
        return Ok(false);
    }
    // Of the same length, so their chunks end at the same items.
    let (mut one, mut two) = (one.clone(), two.clone());
    loop {
        for (one, two) in one.chunk_items().zip(two.chunk_items()) {
            if !one.eq(two)? {
                return Ok(false);
            }
        }
        let (next_one, next_two) = match (one.rest(), two.rest()) {
            (Rest::Chunk(one), Rest::Chunk(two)) => (List::of_rest(one), List::of_rest(two)),
            (Rest::None, _) | (_, Rest::None) => return Ok(true),
            (Rest::Closed(one), Rest::Closed(two)) => {
                return Ok(one.size == two.size && one.name == two.name);
            }
            (Rest::Closed(closed), Rest::Chunk(chunk))
            | (Rest::Chunk(chunk), Rest::Closed(closed)) => {
                let list = List::of_rest(chunk);
                match closed.known() {
                    Some(Val::List(known)) => (known.clone(), list),
                    _ => return eq_closed(closed, &Val::List(list)),
                }
            }
        };
        if next_one.same(&next_two) {
            return Ok(true);
        }
        (one, two) = (next_one, next_two);
    }
}

fn eq_maps(one: &ValMap, two: &ValMap) -> Result<bool, HostError> {
    if core::ptr::eq(one, two) {
        return Ok(true);
    }
    if one.size() != two.size() || one.len() != two.len() {
        return Ok(false);
    }
    for (one, two) in one.entries().iter().zip(two.entries()) {
        if one.key_bytes != two.key_bytes || !one.value.eq(&two.value)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn eq_closures(one: &Closure, two: &Closure) -> Result<bool, HostError> {
    if core::ptr::eq(one, two) {
        return Ok(true);
    }
    if (one.module, one.function, one.size) != (two.module, two.function, two.size)
        || one.captured.len() != two.captured.len()
    {
        return Ok(false);
    }
    for (one, two) in one.captured.iter().zip(&two.captured) {
        if !one.eq(two)? {
            return Ok(false);
        }
    }
    Ok(true)
}

fn cmp_lists(one: &List, two: &List) -> Result<Ordering, HostError> {
    if one.same(two) {
        return Ok(Ordering::Equal);
    }
    let both = one.len().min(two.len()) as usize;
    for (one, two) in one.iter().zip(two.iter()).take(both) {
        match one?.cmp(two?)? {
            Ordering::Equal => {}
            order => return Ok(order),
        }
    }
    Ok(one.len().cmp(&two.len()))
}

fn cmp_maps(one: &ValMap, two: &ValMap) -> Result<Ordering, HostError> {
    for ((key_one, value_one), (key_two, value_two)) in one.iter().zip(two.iter()) {
        for (one, two) in [(key_one, key_two), (value_one, value_two)] {
            match one.cmp(two)? {
                Ordering::Equal => {}
                order => return Ok(order),
            }
        }
    }
    Ok(one.len().cmp(&two.len()))
}

fn cmp_closures(one: &Closure, two: &Closure) -> Result<Ordering, HostError> {
    let places = (one.module, one.function).cmp(&(two.module, two.function));
    if places != Ordering::Equal {
        return Ok(places);
    }
    for (one, two) in one.captured.iter().zip(&two.captured) {
        match one.cmp(two)? {
            Ordering::Equal => {}
            order => return Ok(order),
        }
    }
    Ok(one.captured.len().cmp(&two.captured.len()))
}
