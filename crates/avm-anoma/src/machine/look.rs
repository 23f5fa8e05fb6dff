//! A machine as people look at it: its objects, controllers and executions, and the step it takes.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use avm_core::{Hash, HostError, Inspect};

use super::AnomaMachine;
use crate::event::Name;
use crate::state::execution::Execution;
use crate::state::keys;
use crate::state::objects::Slot;
use crate::state::records::Object;
use crate::value::{CodeRef, ObjectId, Val};

/// An object as people look at it.
#[derive(Clone, Debug)]
pub struct ObjectView {
    /// Name of its behaviour.
    pub behaviour: Name,
    /// Its behaviour by content.
    pub code: CodeRef,
    /// Its state, a list.
    pub state: Val,
    /// Where it is at home.
    pub machine: Name,
    /// Who ordered its creation.
    pub creating: Option<Name>,
    /// Who orders its changes.
    pub current: Option<Name>,
    /// Inputs it accepted.
    pub history: u64,
    /// Hash over them.
    pub history_hash: Hash,
    /// Entry of its controller's log that changed it last.
    pub version: u64,
}

impl AnomaMachine {
    /// Objects in order of their ids, from behind `after` on.
    ///
    /// # Errors
    /// If a node cannot be read.
    pub fn objects(
        &mut self,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<(ObjectId, ObjectView)>, HostError> {
        let ids = self.ids(keys::OBJECTS, after, limit)?;
        let views = ids.into_iter().map(|id| {
            let view = self.object(id)?.expect("it was just found");
            Ok((id, view))
        });
        views.collect()
    }

    /// Ids of objects that are no more, in order.
    ///
    /// # Errors
    /// If a node cannot be read.
    pub fn tombstones(
        &mut self,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<ObjectId>, HostError> {
        self.ids(keys::TOMBSTONES, after, limit)
    }

    fn ids(
        &mut self,
        kind: keys::Key,
        after: Option<ObjectId>,
        limit: usize,
    ) -> Result<Vec<ObjectId>, HostError> {
        self.world.sync()?;
        let start = after.map_or(kind, |id| kind.with(&id.0));
        let mut ids = Vec::new();
        for entry in self.world.store.map.iter_after(Some(start.bytes()))? {
            let key = entry?.0;
            let id = key
                .strip_prefix(kind.bytes())
                .and_then(|id| id.try_into().ok());
            match id {
                Some(id) if ids.len() < limit => ids.push(ObjectId(id)),
                _ => break,
            }
        }
        Ok(ids)
    }

    /// An object.
    ///
    /// # Errors
    /// If a node cannot be read.
    pub fn object(&mut self, id: ObjectId) -> Result<Option<ObjectView>, HostError> {
        let slot: Slot = self.world.objects.find(&id, &self.world.store)?;
        let Some(object) = self.world.objects.get(slot).cloned() else {
            return Ok(None);
        };
        let Object {
            code,
            behaviour,
            state,
            machine,
            creating,
            current,
            history,
            version,
            ..
        } = object;
        let mut modules = core::mem::take(&mut self.world.code);
        let hash = modules
            .load(code.module, &self.world.store)
            .map(|module| module.hash);
        self.world.code = modules;
        Ok(Some(ObjectView {
            code: CodeRef {
                module: hash?,
                export: behaviour.to_string(),
            },
            behaviour,
            state,
            machine,
            creating,
            current,
            history: history.count,
            history_hash: history.digest("avm/hist"),
            version,
        }))
    }

    /// Controllers: name, entries of the log, and hash over them.
    ///
    /// # Errors
    /// If a node cannot be read.
    pub fn controllers(&mut self) -> Result<Vec<(Name, u64, Hash)>, HostError> {
        self.world.sync()?;
        let mut names: Vec<Name> = Vec::new();
        for entry in self
            .world
            .store
            .map
            .iter_after(Some(keys::CONTROLLERS.bytes()))?
        {
            let key = entry?.0;
            match key
                .strip_prefix(keys::CONTROLLERS.bytes())
                .map(core::str::from_utf8)
            {
                Some(Ok(name)) => names.push(name.into()),
                _ => break,
            }
        }
        let mut found = Vec::new();
        for name in names {
            if let Some(controller) = self.world.controller(&name)? {
                let entry = (name, controller.entries, controller.log.digest("avm/log"));
                found.push(entry);
            }
        }
        Ok(found)
    }

    /// Messages that wait in a mailbox.
    ///
    /// # Errors
    /// If a node cannot be read.
    pub fn mailbox(&mut self, id: ObjectId) -> Result<Vec<Val>, HostError> {
        let slot = self.world.objects.find(&id, &self.world.store)?;
        let store = self.world.store.clone();
        let mail = self.world.objects.mail(slot, &self.world.store)?;
        let all = mail.queue.all(&store, keys::messages(&id))?;
        Ok(all.into_iter().map(|envelope| envelope.value).collect())
    }

    /// Executions that are not done: number, what each does, and gas it used.
    ///
    /// # Errors
    /// If a node cannot be read.
    pub fn running(&mut self) -> Result<Vec<(u64, &'static str, u64)>, HostError> {
        self.sync()?;
        let mut found = Vec::new();
        let mut numbers = Vec::new();
        for entry in self
            .world
            .store
            .map
            .iter_after(Some(keys::EXECUTIONS.bytes()))?
        {
            let key = entry?.0;
            let number = key
                .strip_prefix(keys::EXECUTIONS.bytes())
                .and_then(|key| key.try_into().ok());
            match number {
                Some(number) => numbers.push(u64::from_be_bytes(number)),
                None => break,
            }
        }
        for number in numbers {
            let execution = self.take_execution(number)?;
            found.push((number, execution.doing.name(), execution.gas));
            self.executions.insert(number, execution);
        }
        Ok(found)
    }
}

/// A machine as people look at it: registers of the frame on top, and frames.
#[derive(Default)]
pub(super) struct Panes {
    registers: Vec<String>,
    frames: Vec<String>,
}

impl Inspect for Panes {
    fn panes(&self) -> &'static [&'static str] {
        &["registers", "frames"]
    }

    fn len(&self, pane: usize) -> usize {
        match pane {
            0 => self.registers.len(),
            1 => self.frames.len(),
            _ => 0,
        }
    }

    fn item(&self, pane: usize, index: usize) -> Option<String> {
        match pane {
            0 => self.registers.get(index).cloned(),
            1 => self.frames.get(index).cloned(),
            _ => None,
        }
    }
}

impl AnomaMachine {
    pub(super) fn panes(execution: &Execution) -> Panes {
        let base = execution
            .frames
            .peek()
            .map_or(0, |frame| frame.base as usize);
        let registers = execution.frames.regs.get(base..).unwrap_or_default();
        let shown = |value: &Val| crate::value::clip(value, 80);
        let frames = execution.frames.loaded().iter().rev().take(64);
        Panes {
            registers: registers.iter().map(shown).collect(),
            frames: frames
                .map(|frame| {
                    let at = frame.code;
                    alloc::format!("{}:{} @{}", at.module, at.function, frame.pc)
                })
                .collect(),
        }
    }

    /// The state as people look at it: registers of the execution that runs, and frames.
    #[must_use]
    pub fn inspect(&self) -> impl Inspect + use<> {
        let current = self
            .current()
            .and_then(|number| self.executions.get(&number));
        match current {
            Some(execution) => Self::panes(execution),
            None => Panes::default(),
        }
    }
}
