//! Reading and writing of records.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Hash, Nodes};

use crate::event::Name;
use crate::value::{ObjectId, Val};

/// What a record is written with.
pub trait Put {
    fn u8(&mut self, value: u8);
    fn u32(&mut self, value: u32);
    fn u64(&mut self, value: u64);
    fn raw(&mut self, bytes: &[u8]);
    fn short(&mut self, bytes: &[u8]);
    fn long(&mut self, bytes: &[u8]);
    fn name(&mut self, name: &str);
    fn name_or_none(&mut self, name: Option<&Name>);
    fn val(&mut self, value: &Val);
}

impl Put for Vec<u8> {
    fn u8(&mut self, value: u8) {
        self.push(value);
    }

    fn u32(&mut self, value: u32) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    fn u64(&mut self, value: u64) {
        self.extend_from_slice(&value.to_be_bytes());
    }

    fn raw(&mut self, bytes: &[u8]) {
        self.extend_from_slice(bytes);
    }

    /// At most 255 bytes with their number.
    fn short(&mut self, bytes: &[u8]) {
        let len = u8::try_from(bytes.len()).expect("the caller keeps to 255 bytes");
        self.push(len);
        self.raw(bytes);
    }

    /// Less than 2^32 bytes with their number.
    fn long(&mut self, bytes: &[u8]) {
        let len = u32::try_from(bytes.len()).expect("the caller keeps to 32 bits");
        self.u32(len);
        self.raw(bytes);
    }

    fn name(&mut self, name: &str) {
        self.short(name.as_bytes());
    }

    /// A name is never empty, so an empty one is none.
    fn name_or_none(&mut self, name: Option<&Name>) {
        self.name(name.map_or("", |name| name));
    }

    fn val(&mut self, value: &Val) {
        value.write_ref(self);
    }
}

/// What a record is read with. `None` from any method: the bytes are no such record.
pub struct Get<'a> {
    left: &'a [u8],
    nodes: &'a Arc<dyn Nodes>,
}

impl<'a> Get<'a> {
    pub fn new(left: &'a [u8], nodes: &'a Arc<dyn Nodes>) -> Self {
        Self { left, nodes }
    }

    pub fn is_done(&self) -> bool {
        self.left.is_empty()
    }

    pub fn raw(&mut self, len: usize) -> Option<&'a [u8]> {
        let (taken, left) = self.left.split_at_checked(len)?;
        self.left = left;
        Some(taken)
    }

    fn array<const N: usize>(&mut self) -> Option<[u8; N]> {
        self.raw(N)?.try_into().ok()
    }

    pub fn u8(&mut self) -> Option<u8> {
        self.array::<1>().map(|[byte]| byte)
    }

    pub fn flag(&mut self) -> Option<bool> {
        match self.u8()? {
            0 => Some(false),
            1 => Some(true),
            _ => None,
        }
    }

    pub fn u32(&mut self) -> Option<u32> {
        self.array().map(u32::from_be_bytes)
    }

    pub fn u64(&mut self) -> Option<u64> {
        self.array().map(u64::from_be_bytes)
    }

    pub fn hash(&mut self) -> Option<Hash> {
        self.array().map(Hash)
    }

    pub fn id(&mut self) -> Option<ObjectId> {
        self.array().map(ObjectId)
    }

    pub fn short(&mut self) -> Option<&'a [u8]> {
        let len = self.u8()?;
        self.raw(len.into())
    }

    pub fn long(&mut self) -> Option<&'a [u8]> {
        let len = self.u32()?;
        self.raw(usize::try_from(len).ok()?)
    }

    pub fn str(&mut self) -> Option<&'a str> {
        core::str::from_utf8(self.short()?).ok()
    }

    pub fn string(&mut self) -> Option<String> {
        self.str().map(Into::into)
    }

    pub fn name(&mut self) -> Option<Name> {
        self.str().filter(|name| !name.is_empty()).map(Into::into)
    }

    pub fn name_or_none(&mut self) -> Option<Option<Name>> {
        let name = self.str()?;
        Some((!name.is_empty()).then(|| name.into()))
    }

    pub fn val(&mut self) -> Option<Val> {
        Val::read_ref(&mut self.left, self.nodes)
    }
}
