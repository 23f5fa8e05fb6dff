//! The canonical encoding: one for each value. Spec 1.
//!
//! One tag byte, then the content; lengths and ids of variables are minimal LEB128. An integer is
//! one byte (its top bit the sign, the others the number of bytes) and that many bytes of its
//! magnitude, big-endian, the first not zero; zero is `00`. A code reference is its module and then
//! the length and text of its export.

use alloc::vec::Vec;

use avm_core::HostError;

use super::Val;

impl Val {
    /// Appends the canonical encoding. A closure has none: it is written with a tag that no decoder
    /// takes, so whoever may hold one asks [`Val::is_passable`] first.
    ///
    /// # Errors
    /// If a part was not read yet and cannot be.
    pub fn encode(&self, out: &mut Vec<u8>) -> Result<(), HostError> {
        if let Self::Closed(closed) = self {
            return closed.open()?.encode(out);
        }
        out.push(self.tag());
        match self {
            Self::Nothing | Self::Bool(_) | Self::Closed(_) => {}
            Self::Int(n) => put_int(*n < 0, &n.unsigned_abs().to_be_bytes(), out),
            Self::Big(big) => put_int(big.is_negative(), &big.magnitude().to_be_bytes::<32>(), out),
            Self::Sym(text) | Self::Str(text) => put_bytes(text.as_bytes(), out),
            Self::LongSym(text) | Self::LongStr(text) => put_bytes(text.as_bytes(), out),
            Self::Bytes(content) => put_bytes(content, out),
            Self::Just(just) => just.value.encode(out)?,
            Self::Pair(pair) => {
                pair.first.encode(out)?;
                pair.second.encode(out)?;
            }
            Self::List(list) => {
                put_leb(list.len(), out);
                for item in list {
                    item?.encode(out)?;
                }
            }
            Self::Map(map) => {
                put_leb(map.len(), out);
                for entry in map.entries() {
                    out.extend_from_slice(&entry.key_bytes);
                    entry.value.encode(out)?;
                }
            }
            Self::Obj(obj) => out.extend_from_slice(&obj.id().0),
            Self::Tx(id) => out.extend_from_slice(&id.0),
            Self::Ctl(name) | Self::Mach(name) => put_bytes(name.as_bytes(), out),
            Self::Var(id) | Self::Lin(id) => put_leb(*id, out),
            Self::Hash(hash) => out.extend_from_slice(&hash.0),
            Self::Code(code) => {
                out.extend_from_slice(&code.module.0);
                put_bytes(code.export.as_bytes(), out);
            }
            Self::Closure(closure) => {
                out.extend_from_slice(&closure.module.to_be_bytes());
                out.extend_from_slice(&closure.function.to_be_bytes());
                put_leb(closure.captured.len() as u32, out);
                for value in &closure.captured {
                    value.encode(out)?;
                }
            }
        }
        Ok(())
    }

    /// [`Val::encode`] into bytes of their own.
    ///
    /// # Errors
    /// As [`Val::encode`].
    pub fn to_bytes(&self) -> Result<Vec<u8>, HostError> {
        let mut out = Vec::with_capacity(self.encoded_len() as usize);
        self.encode(&mut out)?;
        Ok(out)
    }
}

fn put_int(negative: bool, magnitude: &[u8], out: &mut Vec<u8>) {
    let zeros = magnitude.iter().take_while(|&&byte| byte == 0).count();
    let magnitude = &magnitude[zeros..];
    out.push(u8::from(negative) << 7 | magnitude.len() as u8);
    out.extend_from_slice(magnitude);
}

pub(super) fn put_leb(mut n: u32, out: &mut Vec<u8>) {
    while n >= 0x80 {
        out.push(n as u8 | 0x80);
        n >>= 7;
    }
    out.push(n as u8);
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    put_leb(bytes.len() as u32, out);
    out.extend_from_slice(bytes);
}
