//! The rules on the seam.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::sync::Arc;

use avm_core::{Hash, HostError, ImageError, Machine, MemoryNodes, Nodes, Vm};
use avm_merkle::map::{Map, NodeHash};

use crate::code::{ModuleError, VerifyError, verify};
use crate::image::{Image, ImageBytesError};
use crate::machine::AnomaMachine;
use crate::state::records::{CodeAt, FunctionVersion};
use crate::state::store::Store;
use crate::state::world::{Fixed, World};
use crate::value::Sha256;

/// The rules of the Anoma machine.
#[derive(Clone, Copy, Debug, Default)]
pub struct Anoma;

/// Why an image is not one of this machine.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum LoadError {
    /// The bytes are no image.
    #[error(transparent)]
    Bytes(#[from] ImageBytesError),
    /// A module is malformed.
    #[error(transparent)]
    Module(#[from] ModuleError),
    /// A module does what none may do.
    #[error("module {module}: {source}")]
    Verify {
        /// Its name.
        module: String,
        /// What it does.
        source: VerifyError,
    },
    /// A pure function that no module has.
    #[error("there is no pure function `{export}` in module {module} for the name `{name}`")]
    Function {
        /// The name it should have.
        name: String,
        /// The module, by index.
        module: u32,
        /// Its export.
        export: String,
    },
    /// Two modules offer one behaviour or program.
    #[error("two modules offer `{name}`")]
    Twice {
        /// The name.
        name: String,
    },
    /// A name is empty or longer than 60 bytes.
    #[error("the name `{name}` has {len} bytes; 1 to 60 are possible", len = name.len())]
    Name {
        /// The name.
        name: String,
    },
}

impl Anoma {
    /// The machine before the first input of an image.
    ///
    /// # Errors
    /// If a module does not pass the verifier, or names do not fit.
    pub fn start(&self, image: &Image) -> Result<AnomaMachine, LoadError> {
        image.check_names()?;
        let config = &image.config;
        let store = Store {
            map: Map::default(),
            nodes: Arc::new(MemoryNodes::default()),
            is_opened: false,
        };
        let fixed = Fixed {
            home: config.home.as_str().into(),
            epoch: config.epoch,
            caps: config.caps,
            scry_scope: config
                .scry_scope
                .as_ref()
                .map(|scope| scope.iter().map(|name| name.as_str().into()).collect()),
            trace: config.trace,
            limits: config.limits,
        };
        let mut world = World::new(store, fixed);
        let here = "a map without a store reads nothing";
        let mut code = core::mem::take(&mut world.code);
        for module in &image.modules {
            verify(module).map_err(|source| LoadError::Verify {
                module: module.name.clone(),
                source,
            })?;
            code.add(module.clone(), &mut world.store).expect(here);
        }
        for (name, module, export) in &config.functions {
            let found = image
                .modules
                .get(*module as usize)
                .and_then(|module| module.pure(export));
            let function = found.ok_or_else(|| LoadError::Function {
                name: name.clone(),
                module: *module,
                export: export.clone(),
            })?;
            let version = FunctionVersion {
                since: 0,
                code: CodeAt {
                    module: *module,
                    function,
                },
                version: 0,
            };
            world.function_mut(name).expect(here).0 = alloc::vec![version];
        }
        world.code = code;
        for (name, reachable) in &config.machines {
            world
                .set_machine(&name.as_str().into(), *reachable)
                .expect(here);
        }
        for (name, reachable) in &config.controllers {
            world
                .set_controller(&name.as_str().into(), *reachable)
                .expect(here);
        }
        Ok(AnomaMachine::new(world))
    }

    /// The machine of a state.
    ///
    /// # Errors
    /// If its head is missing or malformed.
    pub fn reopen(&self, state: Hash, nodes: Arc<dyn Nodes>) -> Result<AnomaMachine, HostError> {
        let map = Map::open(state, nodes.clone());
        let world = World::open(Store {
            map,
            nodes,
            is_opened: true,
        })?;
        Ok(AnomaMachine::new(world))
    }
}

impl Vm for Anoma {
    fn id(&self) -> &'static str {
        "anoma"
    }

    fn spec(&self) -> &'static str {
        "anoma/1"
    }

    fn hash(&self, node: &[u8]) -> Hash {
        Sha256::hash(node)
    }

    fn genesis(&self, image: &[u8]) -> Result<Box<dyn Machine>, ImageError> {
        let image = Image::from_bytes(image).map_err(ImageError::new)?;
        let machine = self.start(&image).map_err(ImageError::new)?;
        Ok(Box::new(machine))
    }

    fn open(&self, state: Hash, nodes: Arc<dyn Nodes>) -> Result<Box<dyn Machine>, HostError> {
        Ok(Box::new(self.reopen(state, nodes)?))
    }
}
