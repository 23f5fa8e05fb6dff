//! Modules as the engine runs them. Of an opened state, words and constants are read piece by
//! piece as they are reached.

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use avm_core::{Hash, HostError};

use super::bytes::{Get, Put};
use super::keys;
use super::records::CodeAt;
use super::store::{Record, Saver, Store};
use crate::code::verify::NAME_MAX;
use crate::code::{ExportKind, Module};
use crate::event::Name;
use crate::image::Caps;
use crate::value::Val;

/// A word that was not read yet; no opcode.
pub const UNREAD: u32 = 0xff;
/// Words that are read at once.
const PIECE: usize = 16;

/// Every module, by number.
#[derive(Clone, Debug, Default)]
pub struct Code {
    modules: Vec<Option<Loaded>>,
    /// Modules of which the map does not know.
    fresh: Vec<u32>,
    /// Modules there are.
    pub count: u32,
}

/// A module.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// Its name.
    pub name: Name,
    /// Names it by content.
    pub hash: Hash,
    /// What it declares.
    pub caps: Caps,
    /// Its constants, as far as they were read.
    pub constants: Vec<Option<Val>>,
    /// Its functions, as far as they were read.
    pub functions: Vec<Option<Function>>,
    /// The module as it was given, if it came this way; for exports and places.
    pub source: Option<Module>,
}

/// A function.
#[derive(Clone, Debug)]
pub struct Function {
    /// Its name.
    pub name: Name,
    /// Parameters.
    pub arity: u8,
    /// Whether the last of them takes the rest.
    pub rest: bool,
    /// Registers.
    pub registers: u16,
    /// Captured values.
    pub captures: u8,
    /// Whether it only computes.
    pub pure: bool,
    /// Its words; [`UNREAD`] where they were not read yet.
    pub words: Vec<u32>,
}

struct Head {
    name: Name,
    hash: Hash,
    caps: Caps,
    constants: u32,
    functions: u32,
}

impl Record for Head {
    const WHAT: &'static str = "a module";

    fn write(&self, out: &mut Vec<u8>) {
        out.name(&self.name);
        out.raw(&self.hash.0);
        out.u32(self.caps.0.into());
        out.u32(self.constants);
        out.u32(self.functions);
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        Some(Self {
            name: get.name()?,
            hash: get.hash()?,
            caps: Caps(u16::try_from(get.u32()?).ok()?),
            constants: get.u32().filter(|count| *count <= 0xffff)?,
            functions: get.u32().filter(|count| *count <= 0xffff)?,
        })
    }
}

impl Record for Function {
    const WHAT: &'static str = "a function";

    fn write(&self, out: &mut Vec<u8>) {
        out.name(&self.name);
        out.u8(self.arity);
        out.u8(self.rest.into());
        out.u32(self.registers.into());
        out.u8(self.captures);
        out.u8(self.pure.into());
        out.u32(self.words.len() as u32);
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        Some(Self {
            name: get.name()?,
            arity: get.u8()?,
            rest: get.flag()?,
            registers: u16::try_from(get.u32()?)
                .ok()
                .filter(|n| (1..=256).contains(n))?,
            captures: get.u8()?,
            pure: get.flag()?,
            words: vec![UNREAD; get.u32().filter(|len| *len <= 0xffff)? as usize],
        })
    }
}

struct Words(Vec<u32>);

impl Record for Words {
    const WHAT: &'static str = "words of a function";

    fn write(&self, out: &mut Vec<u8>) {
        self.0.iter().for_each(|word| out.u32(*word));
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        let mut words = Vec::new();
        while !get.is_done() && words.len() < PIECE {
            words.push(get.u32()?);
        }
        Some(Self(words))
    }
}

/// A constant of a module.
pub struct Constant(Val);

impl Record for Constant {
    const WHAT: &'static str = "a constant";

    fn write(&self, out: &mut Vec<u8>) {
        out.val(&self.0);
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        get.val().map(Self)
    }

    fn each_val(&self, found: &mut dyn FnMut(&Val)) {
        found(&self.0);
    }
}

/// An export of a module.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Export {
    /// What it is.
    pub kind: ExportKind,
    /// Its function.
    pub function: u32,
    /// Names of the fields of a behaviour.
    pub fields: Vec<String>,
    /// Whether it was declared deterministic.
    pub deterministic: bool,
}

impl Record for Export {
    const WHAT: &'static str = "an export";

    fn write(&self, out: &mut Vec<u8>) {
        out.u8(self.kind as u8);
        out.u32(self.function);
        out.u8(self.deterministic.into());
        out.u32(self.fields.len() as u32);
        self.fields.iter().for_each(|field| out.name(field));
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        use ExportKind::{Behaviour, Intent, Program, Pure, Test};
        let kinds = [Behaviour, Pure, Program, Intent, Test];
        Some(Self {
            kind: *kinds.get(usize::from(get.u8()?))?,
            function: get.u32()?,
            deterministic: get.flag()?,
            fields: (0..get.u32()?)
                .map(|_| get.string())
                .collect::<Option<_>>()?,
        })
    }
}

/// Where a registered name leads.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Registered(pub CodeAt);

impl Record for Registered {
    const WHAT: &'static str = "a registered name";

    fn write(&self, out: &mut Vec<u8>) {
        out.u32(self.0.module);
        out.u32(self.0.function);
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        Some(Self(CodeAt {
            module: get.u32()?,
            function: get.u32()?,
        }))
    }
}

struct Numbered(u32);

impl Record for Numbered {
    const WHAT: &'static str = "the number of a module";

    fn write(&self, out: &mut Vec<u8>) {
        out.u32(self.0);
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        get.u32().map(Self)
    }
}

impl Code {
    /// The modules of a state that has `count` of them.
    pub fn unread(count: u32) -> Self {
        Self {
            modules: Vec::new(),
            fresh: Vec::new(),
            count,
        }
    }

    /// Adds a module, which was verified, and registers what it offers.
    pub fn add(&mut self, module: Module, store: &mut Store) -> Result<u32, HostError> {
        let number = self.count;
        let hash = module.name_hash();
        self.count += 1;
        for export in &module.exports {
            let at = CodeAt {
                module: number,
                function: export.function,
            };
            let record = Export {
                kind: export.kind,
                function: export.function,
                fields: export.fields.clone(),
                deterministic: export.deterministic,
            };
            store.put(keys::export(number, &export.name).bytes(), &record)?;
            let key = match export.kind {
                ExportKind::Behaviour => keys::behaviour(&export.name),
                ExportKind::Program | ExportKind::Intent => keys::program(&export.name),
                ExportKind::Pure | ExportKind::Test => continue,
            };
            store.put(key.bytes(), &Registered(at))?;
        }
        store.put(keys::module_named(&hash.0).bytes(), &Numbered(number))?;
        let functions = module.functions.iter().map(|function| {
            Some(Function {
                name: function.name.as_str().into(),
                arity: function.arity,
                rest: function.rest,
                registers: function.registers,
                captures: function.captures,
                pure: function.pure,
                words: function.words.clone(),
            })
        });
        let caps = module.caps.iter().filter_map(|cap| Caps::named(cap));
        let loaded = Loaded {
            name: module.name.as_str().into(),
            hash,
            caps: caps.fold(Caps::DEFAULT, |all, cap| Caps(all.0 | cap.0)),
            constants: module.constants.iter().cloned().map(Some).collect(),
            functions: functions.collect(),
            source: Some(module),
        };
        self.modules.resize_with(number as usize, || None);
        self.modules.push(Some(loaded));
        self.fresh.push(number);
        Ok(number)
    }

    /// A module in memory.
    pub fn get(&self, number: u32) -> Option<&Loaded> {
        self.modules.get(number as usize)?.as_ref()
    }

    /// A function in memory.
    #[inline]
    pub fn function(&self, at: CodeAt) -> Option<&Function> {
        let loaded = self.modules.get(at.module as usize)?.as_ref()?;
        loaded.functions.get(at.function as usize)?.as_ref()
    }

    /// Reads the head of a module.
    pub fn load(&mut self, number: u32, store: &Store) -> Result<&mut Loaded, HostError> {
        let index = number as usize;
        if self.modules.len() <= index {
            self.modules.resize_with(index + 1, || None);
        }
        if self.modules[index].is_none() {
            let head: Head = store.need(keys::module(number).bytes())?;
            self.modules[index] = Some(Loaded {
                name: head.name,
                hash: head.hash,
                caps: head.caps,
                constants: vec![None; head.constants as usize],
                functions: vec![None; head.functions as usize],
                source: None,
            });
        }
        Ok(self.modules[index].as_mut().expect("it was just read"))
    }

    /// Reads a function, its words left out.
    pub fn load_function(&mut self, at: CodeAt, store: &Store) -> Result<&Function, HostError> {
        let loaded = self.load(at.module, store)?;
        let Some(place) = loaded.functions.get_mut(at.function as usize) else {
            return Err(store.bad(0, "a module with that function"));
        };
        if place.is_none() {
            *place = Some(store.need(keys::functions(at.module).at(at.function).bytes())?);
        }
        Ok(place.as_ref().expect("it was just read"))
    }

    /// Reads the words about `pc`.
    pub fn load_words(&mut self, at: CodeAt, pc: u32, store: &Store) -> Result<(), HostError> {
        self.load_function(at, store)?;
        let piece = pc as usize / PIECE;
        let key = keys::words(at.module, at.function).at(piece as u32);
        let Words(words) = store.need(key.bytes())?;
        let loaded = self.modules[at.module as usize]
            .as_mut()
            .expect("read before");
        let function = loaded.functions[at.function as usize]
            .as_mut()
            .expect("read before");
        let from = piece * PIECE;
        let want = function.words.len().saturating_sub(from).min(PIECE);
        if words.len() != want || words.contains(&UNREAD) {
            return Err(store.bad(words.len() * 4, "words of that function"));
        }
        function.words[from..from + want].copy_from_slice(&words);
        Ok(())
    }

    /// Reads a constant.
    pub fn load_constant(
        &mut self,
        number: u32,
        index: u32,
        store: &Store,
    ) -> Result<Val, HostError> {
        let Constant(value) = store.need(keys::constants(number).at(index).bytes())?;
        let loaded = self.load(number, store)?;
        match loaded.constants.get_mut(index as usize) {
            Some(place) => *place = Some(value.clone()),
            None => return Err(store.bad(0, "a module with that constant")),
        }
        Ok(value)
    }

    /// The behaviour registered under a name.
    pub fn behaviour(&self, name: &str, store: &Store) -> Result<Option<CodeAt>, HostError> {
        if name.len() > NAME_MAX {
            return Ok(None);
        }
        let found: Option<Registered> = store.get(keys::behaviour(name).bytes())?;
        Ok(found.map(|Registered(at)| at))
    }

    /// The program registered under a name.
    pub fn program(&self, name: &str, store: &Store) -> Result<Option<CodeAt>, HostError> {
        let found: Option<Registered> = store.get(keys::program(name).bytes())?;
        Ok(found.map(|Registered(at)| at))
    }

    /// The export of a module named by its hash.
    pub fn export(
        &self,
        hash: &Hash,
        name: &str,
        store: &Store,
    ) -> Result<Option<(u32, Export)>, HostError> {
        if name.len() > NAME_MAX {
            return Ok(None);
        }
        let Some(Numbered(number)) = store.get(keys::module_named(&hash.0).bytes())? else {
            return Ok(None);
        };
        self.export_of(number, name, store)
    }

    /// What the module of a number offers by that name.
    pub fn export_of(
        &self,
        number: u32,
        name: &str,
        store: &Store,
    ) -> Result<Option<(u32, Export)>, HostError> {
        let found = store.get(keys::export(number, name).bytes())?;
        Ok(found.map(|export| (number, export)))
    }

    /// Brings the map up to date.
    pub fn sync(&mut self, store: &mut Store) -> Result<(), HostError> {
        for number in core::mem::take(&mut self.fresh) {
            let loaded = self.modules[number as usize]
                .as_ref()
                .expect("a fresh one is here");
            let head = Head {
                name: loaded.name.clone(),
                hash: loaded.hash,
                caps: loaded.caps,
                constants: loaded.constants.len() as u32,
                functions: loaded.functions.len() as u32,
            };
            store.put(keys::module(number).bytes(), &head)?;
            for (index, constant) in loaded.constants.iter().enumerate() {
                let constant = Constant(constant.clone().expect("a fresh module is whole"));
                store.put(keys::constants(number).at(index as u32).bytes(), &constant)?;
            }
            for (index, function) in loaded.functions.iter().enumerate() {
                let function = function.as_ref().expect("a fresh module is whole");
                store.put(keys::functions(number).at(index as u32).bytes(), function)?;
                for (piece, words) in function.words.chunks(PIECE).enumerate() {
                    let key = keys::words(number, index as u32).at(piece as u32);
                    store.put(key.bytes(), &Words(words.to_vec()))?;
                }
            }
        }
        Ok(())
    }

    /// Puts the nodes of constants in memory into a sink.
    pub fn save(&self, saver: &mut Saver<'_>) {
        let constants = self
            .modules
            .iter()
            .flatten()
            .flat_map(|loaded| &loaded.constants);
        constants.flatten().for_each(|value| saver.val(value));
    }
}
