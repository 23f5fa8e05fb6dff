//! Instructions that only compute.

use core::cmp::Ordering;

use alloc::vec::Vec;

use super::trap::{Result, fault, mismatch};
use crate::code::op;
use crate::fault::Code;
use crate::value::{List, Val, ValMap, int};

/// The operands of an instruction that only computes.
pub struct Operands<'a> {
    /// Registers of the frame.
    pub regs: &'a [Val],
    /// Operand bytes.
    pub b: u8,
    pub c: u8,
}

impl Operands<'_> {
    fn at(&self, register: usize) -> Result<&Val> {
        Ok(self.regs[register].open()?)
    }

    fn b(&self, more: usize) -> Result<&Val> {
        self.at(usize::from(self.b) + more)
    }

    fn c(&self) -> Result<&Val> {
        self.at(self.c.into())
    }

    fn range(&self) -> &[Val] {
        let from = usize::from(self.b);
        &self.regs[from..from + usize::from(self.c)]
    }
}

fn list(value: &Val) -> Result<&List> {
    value.as_list().ok_or_else(|| mismatch("list"))
}

fn map(value: &Val) -> Result<&ValMap> {
    value.as_map().ok_or_else(|| mismatch("map"))
}

fn index(value: &Val) -> Result<u32> {
    let number = value.as_int().ok_or_else(|| mismatch("index"))?;
    u32::try_from(number).map_err(|_| mismatch("index"))
}

fn passable(values: &[&Val]) -> Result<()> {
    match values.iter().all(|value| value.is_passable()) {
        true => Ok(()),
        false => Err(fault(Code::NotPassable)),
    }
}

/// Gas for so many bytes.
pub fn bytes(len: u32) -> u64 {
    u64::from(len / 32)
}

/// Gas for the digits of wide operands.
fn wide(values: &[&Val]) -> u64 {
    let wide = values.iter().filter(|value| !matches!(value, Val::Int(_)));
    wide.map(|value| u64::from(value.encoded_len() / 8)).sum()
}

/// What an opcode makes of its operands, and what it costs beyond its row.
pub fn compute(code: u8, on: &Operands<'_>) -> Result<(Val, u64)> {
    let value = match code {
        op::ADD | op::SUB | op::MUL | op::DIV | op::MOD | op::MIN | op::MAX | op::LT | op::LE => {
            let (b, c) = (on.b(0)?, on.c()?);
            let gas = wide(&[b, c]);
            let value = match code {
                op::ADD => int::add(b, c)?,
                op::SUB => int::sub(b, c)?,
                op::MUL => int::mul(b, c)?,
                op::DIV => int::quotient(b, c)?,
                op::MOD => int::modulo(b, c)?,
                op::MIN => int::min(b, c)?,
                op::MAX => int::max(b, c)?,
                op::LT => Val::Bool(int::cmp(b, c)? == Ordering::Less),
                _ => Val::Bool(int::cmp(b, c)? != Ordering::Greater),
            };
            return Ok((value, gas));
        }
        op::NEG => {
            let b = on.b(0)?;
            return Ok((int::neg(b)?, wide(&[b])));
        }
        op::ADDI => {
            let b = on.b(0)?;
            let more = Val::int(i64::from(on.c.cast_signed()));
            return Ok((int::add(b, &more)?, wide(&[b])));
        }
        op::EQ | op::VALLT => {
            let (b, c) = (on.b(0)?, on.c()?);
            if code == op::VALLT || !(b.is_passable() || c.is_passable()) {
                passable(&[b, c])?;
            }
            let value = match code {
                op::EQ => b.eq(c)?,
                _ => b.cmp(c)? == Ordering::Less,
            };
            let gas = bytes(b.encoded_len().min(c.encoded_len()));
            return Ok((Val::Bool(value), gas));
        }
        op::NOT => Val::Bool(on.b(0)?.is_false()),
        op::CONS => {
            let first = on.regs[usize::from(on.b)].clone();
            match on.c()? {
                Val::List(rest) => Val::List(rest.cons(first)?),
                second => Val::pair(first, second.clone())?,
            }
        }
        op::CAR => match on.b(0)? {
            Val::List(list) => list.head().cloned().ok_or_else(|| mismatch("pair"))?,
            Val::Pair(pair) => pair.first().clone(),
            _ => return Err(mismatch("pair")),
        },
        op::CDR => match on.b(0)? {
            Val::List(list) if !list.is_empty() => Val::List(list.tail()?),
            Val::Pair(pair) => pair.second().clone(),
            _ => return Err(mismatch("pair")),
        },
        op::LIST | op::RECORD => {
            let items = on.range();
            if code == op::RECORD && items.first().is_none_or(|tag| tag.as_sym().is_none()) {
                return Err(mismatch("sym"));
            }
            return Ok((Val::list_of(items)?, items.len() as u64 / 2));
        }
        op::LEN => {
            let value = on.b(0)?;
            let (len, gas) = match value {
                Val::List(list) => (u64::from(list.len()), 0),
                Val::Map(map) => (map.len() as u64, 0),
                Val::Bytes(_) => (value.as_bytes().map_or(0, <[u8]>::len) as u64, 0),
                other => match other.as_str().or_else(|| other.as_sym()) {
                    Some(text) => (text.chars().count() as u64, bytes(value.encoded_len())),
                    None => return Err(mismatch("list")),
                },
            };
            return Ok((Val::int(len.cast_signed()), gas));
        }
        op::REF => {
            let at = index(on.c()?)?;
            let found = match on.b(0)? {
                Val::List(list) => list.get(at)?,
                other => match other.as_bytes() {
                    Some(octets) => octets
                        .get(at as usize)
                        .map(|octet| Val::int((*octet).into())),
                    None => return Err(mismatch("list")),
                },
            };
            return Ok((found.ok_or_else(|| mismatch("index"))?, u64::from(at / 16)));
        }
        op::FIELD => {
            let found = list(on.b(0)?)?.get(on.c.into())?;
            return Ok((
                found.ok_or_else(|| mismatch("index"))?,
                u64::from(on.c / 16),
            ));
        }
        op::SET => {
            let (items, at) = (list(on.b(0)?)?, index(on.b(1)?)?);
            let item = on.regs[usize::from(on.b) + 2].clone();
            let changed = items.set(at, item)?.ok_or_else(|| mismatch("index"))?;
            return Ok((Val::List(changed), u64::from(at / 2)));
        }
        op::APPEND => {
            let (first, second) = (list(on.b(0)?)?, list(on.c()?)?);
            return Ok((Val::List(first.concat(second)?), u64::from(first.len() / 2)));
        }
        op::REV => {
            let items = list(on.b(0)?)?;
            return Ok((Val::List(items.reverse()?), u64::from(items.len() / 2)));
        }
        op::SLICE => {
            let (items, from, to) = (list(on.b(0)?)?, index(on.b(1)?)?, index(on.b(2)?)?);
            if from > to || to > items.len() {
                return Err(mismatch("index"));
            }
            let gas = u64::from(from / 16 + (to - from) / 2);
            return Ok((Val::List(items.slice(from, to)?), gas));
        }
        op::CONCAT => {
            let (b, c) = (on.b(0)?, on.c()?);
            let value = match (b.as_str(), c.as_str(), b.as_bytes(), c.as_bytes()) {
                (Some(b), Some(c), ..) => Val::try_str(&[b, c].concat())?,
                (.., Some(b), Some(c)) => Val::try_bytes([b, c].concat())?,
                _ => return Err(mismatch("str")),
            };
            let gas = bytes(value.encoded_len());
            return Ok((value, gas));
        }
        op::SUBSTR => {
            let (text, from, to) = (on.b(0)?, index(on.b(1)?)?, index(on.b(2)?)?);
            let count = to.checked_sub(from).ok_or_else(|| mismatch("index"))? as usize;
            let gas = bytes(text.encoded_len());
            if let Some(octets) = text.as_bytes() {
                let part = octets.get(from as usize..to as usize);
                return Ok((Val::try_bytes(part.ok_or_else(|| mismatch("index"))?)?, gas));
            }
            let text = text.as_str().ok_or_else(|| mismatch("str"))?;
            if text.chars().nth((to as usize).wrapping_sub(1)).is_none() && to > 0 {
                return Err(mismatch("index"));
            }
            let part: alloc::string::String =
                text.chars().skip(from as usize).take(count).collect();
            return Ok((Val::try_str(&part)?, gas));
        }
        op::JUST => Val::just(on.regs[usize::from(on.b)].clone())?,
        op::UNJUST => on.b(0)?.as_just().ok_or_else(|| mismatch("just"))?.clone(),
        op::ISTYPE => {
            let tag = on.b(0)?.tag();
            // Both Bools have one kind.
            Val::Bool(tag == on.c || (tag == 0x03 && on.c == 0x02))
        }
        op::MAPGET => {
            let (entries, key) = (map(on.b(0)?)?, on.c()?);
            passable(&[key])?;
            let found = match entries.get(key)? {
                Some(value) => Val::just(value.clone())?,
                None => Val::Nothing,
            };
            return Ok((found, bytes(key.encoded_len())));
        }
        op::MAPPUT => {
            let (entries, key) = (map(on.b(0)?)?, on.b(1)?);
            passable(&[key])?;
            let gas = entries.len() as u64 + bytes(key.encoded_len());
            let value = on.regs[usize::from(on.b) + 2].clone();
            return Ok((entries.put(key.clone(), value)?.into(), gas));
        }
        op::MAPDEL => {
            let (entries, key) = (map(on.b(0)?)?, on.c()?);
            passable(&[key])?;
            let gas = entries.len() as u64 + bytes(key.encoded_len());
            return Ok((entries.del(key)?.into(), gas));
        }
        op::MAPKEYS => {
            let entries = map(on.b(0)?)?;
            return Ok((Val::List(entries.keys()?), entries.len() as u64 / 2));
        }
        op::HASH => {
            let value = on.b(0)?;
            passable(&[value])?;
            return Ok((Val::hash_value(value.hash()?), bytes(value.encoded_len())));
        }
        op::SORT => return sort(list(on.b(0)?)?),
        op::TOSTR => {
            let value = on.b(0)?;
            let text = match value {
                Val::Int(_) | Val::Big(_) => Val::try_str(&int::print(value).unwrap_or_default())?,
                other => match (other.as_sym(), other.as_str()) {
                    (Some(text), _) => Val::try_str(text)?,
                    (_, Some(_)) => other.clone(),
                    _ => return Err(mismatch("int")),
                },
            };
            let gas = bytes(text.encoded_len());
            return Ok((text, gas));
        }
        op::TOINT => {
            let value = on.b(0)?;
            let text = value.as_str().ok_or_else(|| mismatch("str"))?;
            let parsed = match int::parse(text) {
                Ok(number) => Val::just(number)?,
                Err(_) => Val::Nothing,
            };
            return Ok((parsed, bytes(value.encoded_len())));
        }
        _ => unreachable!("the loop sends only what computes here"),
    };
    Ok((value, 0))
}

fn sort(list: &List) -> Result<(Val, u64)> {
    let mut items = list.to_vec()?;
    passable(&items.iter().collect::<Vec<_>>())?;
    let mut failed = Ok(());
    items.sort_by(|a, b| match a.cmp(b) {
        Ok(order) => order,
        Err(error) => {
            failed = Err(error);
            Ordering::Equal
        }
    });
    failed?;
    let len = items.len() as u64;
    let gas = len * u64::from(u64::BITS - len.leading_zeros());
    Ok((Val::list(items)?, gas))
}
