//! An object's history once more: the inputs that it accepted, through a fresh object of its
//! behaviour, must give its state bit for bit. Spec section 3.
//!
//! That holds for a behaviour whose outcome depends on its inputs and its state alone. One that
//! calls or reads anything else - other objects, its own id, where it runs - has outcomes that its
//! inputs do not tell; [`beyond`] names what it uses, and no fresh object can stand in for it.

use alloc::collections::BTreeSet;
use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use avm_core::{Bytes, Hash, Host, HostError, Machine, Output, Stop};

use crate::code::{Module, op, row_of, word};
use crate::compile;
use crate::image::{Caps, Config, Image};
use crate::input::{Input, Start};
use crate::machine::{AnomaMachine, ObjectView};
use crate::seen::Outcome;
use crate::state::bytes::Put;
use crate::state::records::Fold;
use crate::value::{CodeRef, ObjectId, Val};
use crate::vm::Anoma;

/// Creates objects and feeds them.
const DRIVER: &str = "(module avm-replay)
(program (avm-replay-create code) (new code #:no-controller))
(program (avm-replay-feed o inputs) (for (input inputs) (call o input)))";
/// Bytes of the inputs that one program feeds.
const BATCH: u32 = 1 << 18;
/// Most inputs that one program feeds.
const BATCH_LEN: usize = 1000;

/// Number of inputs and the hash over them, as the history record of an object has it.
///
/// # Errors
/// If a value cannot be read.
pub fn history(inputs: &[Val]) -> Result<(u64, Hash), HostError> {
    let mut fold = Fold::default();
    for input in inputs {
        input.open()?;
        fold.add("avm/hist", |out| out.val(input));
    }
    Ok((fold.count, fold.digest("avm/hist")))
}

/// Names of the instructions of a behaviour whose outcome its inputs and state do not tell, those
/// of functions that it calls among them; in order, each once.
#[must_use]
pub fn beyond(module: &Module, function: u32) -> Vec<&'static str> {
    let mut found = BTreeSet::new();
    let mut seen = BTreeSet::new();
    let mut open = vec![function];
    while let Some(at) = open.pop() {
        let Some(function) = module
            .functions
            .get(at as usize)
            .filter(|_| seen.insert(at))
        else {
            continue;
        };
        for one in &function.words {
            let code = word::op(*one);
            if matches!(code, op::CALLF | op::TAILF | op::CLOSURE) {
                open.push(word::bx(*one).into());
            }
            let alone = matches!(
                code,
                op::INPUT
                    | op::GETSTATE
                    | op::SETSTATE
                    | op::HISTORY
                    | op::REPLY
                    | op::END
                    | op::REJECT
            );
            if let Some(row) = row_of(code).filter(|row| !row.pure && !alone) {
                found.insert(row.name);
            }
        }
    }
    found.into_iter().collect()
}

/// Why inputs cannot be fed to a fresh object.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ReplayError {
    /// A node or a value cannot be read.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The fresh object did something else than the first one.
    #[error("a fresh object fails: {0}")]
    Failed(String),
    /// It takes more steps than allowed.
    #[error("more than {0} steps")]
    Steps(u64),
}

/// A machine for fresh objects.
pub struct Stage {
    machine: AnomaMachine,
    inputs: Vec<Bytes>,
    next: usize,
}

impl Stage {
    /// A stage that knows these modules and has a world like `config`.
    ///
    /// # Errors
    /// If the machine cannot start.
    ///
    /// # Panics
    /// If the program that feeds objects does not compile, which a test rules out.
    pub fn new(modules: &[Module], config: &Config) -> Result<Self, ReplayError> {
        let driver = compile::compile(DRIVER, 0, &()).expect("the driver compiles");
        let config = Config {
            functions: Vec::new(),
            caps: Caps::DEFAULT,
            ..config.clone()
        };
        let image = Image {
            modules: Vec::new(),
            config,
        };
        let failed = |e: crate::vm::LoadError| ReplayError::Failed(alloc::format!("{e}"));
        let mut machine = Anoma.start(&image).map_err(failed)?;
        machine.watch(true);
        // Later modules hide what has the same name, so the driver comes last.
        let all = modules.iter().chain([&driver.module]);
        let inputs = all.map(|module| Input::Deploy(module.clone()).to_bytes().into());
        Ok(Self {
            machine,
            inputs: inputs.collect(),
            next: 0,
        })
    }

    /// A fresh object of a behaviour after these inputs. Takes at most `steps` steps.
    ///
    /// # Errors
    /// If there is no such behaviour, an input fails, or the steps do not suffice.
    pub fn replay(
        &mut self,
        code: &CodeRef,
        inputs: &[Val],
        mut steps: u64,
    ) -> Result<ObjectView, ReplayError> {
        let code = Val::code(code.module, &code.export);
        let code = code.map_err(|e| ReplayError::Failed(alloc::format!("{e}")))?;
        let created = self.run("avm-replay-create", vec![code], &mut steps)?;
        let id = created.as_obj().map(|object| *object.id());
        let id: ObjectId = id.ok_or_else(|| ReplayError::Failed("no object".into()))?;
        let mut left = inputs;
        while !left.is_empty() {
            let mut bytes = 0;
            let fits = |input: &&Val| {
                bytes += input.encoded_len();
                bytes <= BATCH
            };
            let len = left.iter().take(BATCH_LEN).take_while(fits).count().max(1);
            let (batch, rest) = left.split_at(len);
            left = rest;
            let failed = |e| ReplayError::Failed(alloc::format!("{e}"));
            let list = Val::list_of(batch).map_err(failed)?;
            self.run("avm-replay-feed", vec![created.clone(), list], &mut steps)?;
        }
        let view = self.machine.object(id)?;
        view.ok_or_else(|| ReplayError::Failed("it destroyed itself".into()))
    }

    fn run(&mut self, program: &str, args: Vec<Val>, steps: &mut u64) -> Result<Val, ReplayError> {
        let failed = |e| ReplayError::Failed(alloc::format!("{e}"));
        let start = Input::Start(Start {
            program: program.into(),
            args: Val::list(args).map_err(failed)?,
            machine: None,
            caps: Caps::DEFAULT,
            hold: false,
        });
        self.inputs.push(start.to_bytes().into());
        let mut desk = Desk {
            inputs: &self.inputs,
            next: &mut self.next,
        };
        let allowed = *steps;
        let ran = self.machine.run(allowed, &mut desk)?;
        *steps -= ran.steps;
        if ran.stop == Stop::Budget {
            return Err(ReplayError::Steps(allowed));
        }
        self.inputs.clear();
        self.next = 0;
        match self.machine.take_seen().results.pop() {
            Some((_, Outcome::Done(value))) => Ok(value),
            Some((_, Outcome::Failed(fault))) => {
                Err(ReplayError::Failed(alloc::format!("{fault}")))
            }
            None => Err(ReplayError::Failed("it waits".into())),
        }
    }
}

struct Desk<'a> {
    inputs: &'a [Bytes],
    next: &'a mut usize,
}

impl Host for Desk<'_> {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        let input = self.inputs.get(*self.next).cloned();
        *self.next += usize::from(input.is_some());
        Ok(input)
    }

    fn emit(&mut self, _: Output<'_>) -> Result<(), HostError> {
        Ok(())
    }
}
