//! Constants while a module is compiled: what the text says, and what only forms can say.

use alloc::boxed::Box;
use alloc::collections::BTreeMap;
use alloc::string::{String, ToString};
use alloc::vec::Vec;

use avm_lang::core::Datum;

use super::Problem;
use crate::value::{Val, int};

/// A constant.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Constant {
    Nothing,
    Just(Box<Constant>),
    Bool(bool),
    /// In decimal.
    Int(String),
    Str(String),
    Sym(String),
    Bytes(Vec<u8>),
    Pair(Box<Constant>, Box<Constant>),
    List(Vec<Constant>),
    /// The map without entries.
    Map,
    Ctl(String),
    Mach(String),
}

impl From<&Datum> for Constant {
    fn from(datum: &Datum) -> Self {
        match datum {
            Datum::Nothing => Self::Nothing,
            Datum::Just(of) => Self::Just(Box::new(Self::from(&**of))),
            Datum::Bool(is) => Self::Bool(*is),
            Datum::Int(digits) => Self::Int(digits.clone()),
            Datum::Str(text) => Self::Str(text.clone()),
            Datum::Sym(text) => Self::Sym(text.clone()),
            Datum::Bytes(bytes) => Self::Bytes(bytes.clone()),
            Datum::List(items) => Self::List(items.iter().map(Self::from).collect()),
            Datum::Pair(a, b) => Self::Pair(Box::new(Self::from(&**a)), Box::new(Self::from(&**b))),
        }
    }
}

impl Constant {
    /// The value itself.
    pub(super) fn value(&self) -> Result<Val, Problem> {
        let made = match self {
            Self::Nothing => Ok(Val::Nothing),
            Self::Just(of) => Val::just(of.value()?),
            Self::Bool(is) => Ok(Val::Bool(*is)),
            Self::Int(digits) => {
                return int::parse(digits).map_err(|error| Problem::Constant(error.to_string()));
            }
            Self::Str(text) => Val::try_str(text),
            Self::Sym(text) => Val::try_sym(text),
            Self::Bytes(bytes) => Val::try_bytes(bytes.as_slice()),
            Self::Pair(a, b) => Val::pair(a.value()?, b.value()?),
            Self::List(items) => {
                let items: Vec<Val> = items.iter().map(Self::value).collect::<Result<_, _>>()?;
                Val::list(items)
            }
            Self::Map => Val::map([]),
            Self::Ctl(name) => Val::try_ctl(name),
            Self::Mach(name) => Val::try_mach(name),
        };
        made.map_err(|error| Problem::Constant(error.to_string()))
    }

    /// A number that an instruction can hold.
    pub(super) fn small(&self) -> Option<i16> {
        match self {
            Self::Int(digits) => digits.parse().ok(),
            _ => None,
        }
    }
}

/// The constants of a module, each once.
#[derive(Debug, Default)]
pub(super) struct Pool {
    index: BTreeMap<Constant, u16>,
    pub(super) constants: Vec<Constant>,
}

/// More than 65,536 different constants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Full;

impl Pool {
    pub(super) fn add(&mut self, constant: Constant) -> Result<u16, Full> {
        if let Some(index) = self.index.get(&constant) {
            return Ok(*index);
        }
        let index = u16::try_from(self.constants.len()).map_err(|_| Full)?;
        self.constants.push(constant.clone());
        self.index.insert(constant, index);
        Ok(index)
    }
}
