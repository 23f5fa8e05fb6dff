//! What a run starts from: modules, and the world that they find.

use alloc::string::String;
use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{MemoryNodes, Nodes};

use crate::code::{ExportKind, FILE_MAX, Module, ModuleError};
use crate::event::TraceLevel;
use crate::state::bytes::{Get, Put};
use crate::state::store::Record;
use crate::vm::LoadError;

/// Everything that is there before the first input.
#[derive(Clone, Debug, PartialEq)]
pub struct Image {
    /// Modules; their behaviours are registered by name.
    pub modules: Vec<Module>,
    /// The world.
    pub config: Config,
}

/// The world that programs find.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Config {
    /// Machines by name, and whether they can be reached.
    pub machines: Vec<(String, bool)>,
    /// Controllers by name, and whether they can be reached.
    pub controllers: Vec<(String, bool)>,
    /// Machine on which executions start unless an input says otherwise.
    pub home: String,
    /// Part of every id, so that two runs of one image differ in them.
    pub epoch: u64,
    /// Capabilities that programs can have.
    pub caps: Caps,
    /// Pure functions registered from the start: name, and the module by index with its export.
    pub functions: Vec<(String, u32, String)>,
    /// Controllers whose objects searches see; all if `None`.
    pub scry_scope: Option<Vec<String>>,
    /// How much of a trace the state commits to.
    pub trace: TraceLevel,
    /// Limits.
    pub limits: Limits,
}

/// Limits of one execution.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Calls of objects and functions on the stack.
    pub call_depth: u32,
    /// Gas of an execution.
    pub gas: u64,
    /// Objects that a transaction or a turn touches.
    pub overlay_objects: u32,
    /// Effects that a transaction or a turn remembers to undo, and events of an execution.
    pub journal: u32,
    /// Messages in a mailbox.
    pub mailbox: u32,
    /// Executions that are not done.
    pub executions: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            call_depth: 100_000,
            gas: 1 << 40,
            overlay_objects: 10_000,
            journal: 1_000_000,
            mailbox: 10_000,
            executions: 10_000,
        }
    }
}

impl Default for Config {
    fn default() -> Self {
        Self {
            machines: alloc::vec![("m1".into(), true)],
            controllers: alloc::vec![("c1".into(), true), ("c2".into(), true)],
            home: "m1".into(),
            epoch: 0,
            caps: Caps::DEFAULT,
            functions: Vec::new(),
            scry_scope: None,
            trace: TraceLevel::Core,
            limits: Limits::default(),
        }
    }
}

/// A set of capabilities. Spec 5.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Caps(pub u16);

impl Caps {
    /// Names by bit.
    pub const NAMES: [&str; 13] = [
        "reflect",
        "scry-meta",
        "scry-deep",
        "reify-tx",
        "reify-fd",
        "pure-register",
        "pure-update",
        "teleport",
        "teleport-tx",
        "move",
        "transfer",
        "multi-ctl",
        "solver",
    ];
    /// Those granted unless withdrawn.
    pub const DEFAULT: Self = Self(1 << 6 | 1 << 7 | 1 << 9 | 1 << 10);
    /// All.
    pub const ALL: Self = Self((1 << 13) - 1);

    /// The set of one, if there is such a capability.
    #[must_use]
    pub fn named(name: &str) -> Option<Self> {
        let bit = Self::NAMES.iter().position(|known| *known == name)?;
        Some(Self(1 << bit))
    }

    /// Whether all of `other` are in it.
    #[must_use]
    pub fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }
}

/// First bytes of an image.
pub const MAGIC: &[u8] = b"avm-anoma\x01";

/// Why bytes are no image.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ImageBytesError {
    /// They are something else.
    #[error("{len} bytes that do not start with `avm-anoma` and version 1")]
    Magic {
        /// How many.
        len: usize,
    },
    /// They end too early, or are not what the format calls for.
    #[error("an image of {len} bytes is malformed at its {what}")]
    Malformed {
        /// How many.
        len: usize,
        /// What could not be read.
        what: &'static str,
    },
    /// A module is malformed.
    #[error(transparent)]
    Module(#[from] ModuleError),
}

impl Image {
    /// The image as bytes, which [`Image::from_bytes`] reads.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = MAGIC.to_vec();
        let config = &self.config;
        for places in [&config.machines, &config.controllers] {
            out.u32(places.len() as u32);
            for (name, reachable) in places {
                out.name(name);
                out.u8((*reachable).into());
            }
        }
        out.name(&config.home);
        out.u64(config.epoch);
        out.u32(config.caps.0.into());
        out.u32(config.functions.len() as u32);
        for (name, module, export) in &config.functions {
            out.name(name);
            out.u32(*module);
            out.name(export);
        }
        out.u8(config.scry_scope.is_some().into());
        if let Some(scope) = &config.scry_scope {
            out.u32(scope.len() as u32);
            scope.iter().for_each(|name| out.name(name));
        }
        out.u8(config.trace as u8);
        config.limits.write(&mut out);
        out.u32(self.modules.len() as u32);
        for module in &self.modules {
            out.long(&module.to_bytes());
        }
        out
    }

    /// Reads an image.
    ///
    /// # Errors
    /// If it is none.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, ImageBytesError> {
        let len = bytes.len();
        let rest = bytes
            .strip_prefix(MAGIC)
            .ok_or(ImageBytesError::Magic { len })?;
        let nodes: Arc<dyn Nodes> = Arc::new(MemoryNodes::default());
        let mut get = Get::new(rest, &nodes);
        let malformed = |what| ImageBytesError::Malformed { len, what };
        let config = read_config(&mut get).ok_or(malformed("configuration"))?;
        let count = get.u32().ok_or(malformed("number of modules"))?;
        let mut modules = Vec::new();
        for _ in 0..count {
            let module = get.long().filter(|module| module.len() <= FILE_MAX);
            modules.push(Module::from_bytes(module.ok_or(malformed("modules"))?)?);
        }
        match get.is_done() {
            true => Ok(Self { modules, config }),
            false => Err(malformed("end")),
        }
    }

    /// Whether all names fit where the state keeps them, and are offered once.
    pub(crate) fn check_names(&self) -> Result<(), LoadError> {
        let config = &self.config;
        let places = config
            .machines
            .iter()
            .chain(&config.controllers)
            .map(|(name, _)| name);
        let functions = config
            .functions
            .iter()
            .flat_map(|(name, _, export)| [name, export]);
        let scope = config.scry_scope.iter().flatten();
        for name in places.chain(functions).chain(scope).chain([&config.home]) {
            if name.is_empty() || name.len() > NAME_MAX {
                return Err(LoadError::Name { name: name.clone() });
            }
        }
        let exports = self.modules.iter().flat_map(|module| &module.exports);
        let offered =
            exports.filter(|export| !matches!(export.kind, ExportKind::Pure | ExportKind::Test));
        let mut names: Vec<_> = offered
            .map(|export| (export.kind == ExportKind::Behaviour, &export.name))
            .collect();
        names.sort();
        match names.windows(2).find(|pair| pair[0] == pair[1]) {
            Some(pair) => Err(LoadError::Twice {
                name: pair[0].1.clone(),
            }),
            None => Ok(()),
        }
    }
}

/// Longest name of a machine or controller, in bytes.
pub const NAME_MAX: usize = 60;

fn read_config(get: &mut Get<'_>) -> Option<Config> {
    fn places(get: &mut Get<'_>) -> Option<Vec<(String, bool)>> {
        (0..get.u32()?)
            .map(|_| Some((get.string()?, get.flag()?)))
            .collect()
    }
    let (machines, controllers) = (places(get)?, places(get)?);
    let (home, epoch) = (get.string()?, get.u64()?);
    let caps = Caps(u16::try_from(get.u32()?).ok()?);
    let functions = (0..get.u32()?).map(|_| Some((get.string()?, get.u32()?, get.string()?)));
    let functions = functions.collect::<Option<_>>()?;
    let scry_scope = if get.flag()? {
        Some(
            (0..get.u32()?)
                .map(|_| get.string())
                .collect::<Option<_>>()?,
        )
    } else {
        None
    };
    Some(Config {
        machines,
        controllers,
        home,
        epoch,
        caps,
        functions,
        scry_scope,
        trace: TraceLevel::numbered(get.u8()?)?,
        limits: Limits::read(get)?,
    })
}

/// In an image, and in every state that comes of it.
impl Record for Limits {
    const WHAT: &'static str = "limits";

    fn write(&self, out: &mut Vec<u8>) {
        out.u32(self.call_depth);
        out.u64(self.gas);
        out.u32(self.overlay_objects);
        out.u32(self.journal);
        out.u32(self.mailbox);
        out.u32(self.executions);
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        Some(Self {
            call_depth: get.u32()?,
            gas: get.u64()?,
            overlay_objects: get.u32()?,
            journal: get.u32()?,
            mailbox: get.u32()?,
            executions: get.u32()?,
        })
    }
}
