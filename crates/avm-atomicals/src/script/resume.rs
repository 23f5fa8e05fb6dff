//! A running call as nodes, so that any step of it can be the first. `docs/machines/atomicals.md` has
//! the form.

use alloc::boxed::Box;
use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Hash, HostError, Nodes, Sink};

use super::call::{Call, Opened, Part};
use super::closing::Closing;
use super::fault::Which;
use super::frame::{Conditions, Frame};
use super::node::{self, Fields};
use super::rules::Rules;
use super::run::Position;
use super::running::{Running, Stage};
use super::stack::Stack;
use super::text;

/// Kind of a node with a running call.
const RUNNING: u8 = 0xc9;
/// Instructions, bytes and conditions of a script are fewer.
const SCRIPT_MAX: u32 = 1 << 31;

impl Running {
    /// Bytes that the stacks and what the call wrote take, about.
    pub(crate) fn memory_bytes(&mut self) -> Result<u64, HostError> {
        let items = self.frame.main.items().iter().chain(self.frame.alt.items());
        let stacks: usize = items.map(|item| item.len()).sum();
        let effects = self.call.effects()?;
        Ok(stacks as u64 + effects.updates.bytes()? + effects.deletes.bytes()?)
    }

    /// List of the instructions that follow.
    fn list(&mut self) -> Hash {
        if let Some(list) = self.list {
            return list;
        }
        let index = self.at.index;
        match self.stage {
            Stage::Closing(_) => Hash::ZERO,
            Stage::Script(_) => {
                let text = self
                    .text()
                    .expect("a script in memory was read with its call");
                text.list(index).unwrap_or(Hash::ZERO)
            }
        }
    }

    /// The node of the running call.
    pub(crate) fn node(&mut self) -> Vec<u8> {
        let (stage, closing) = match &self.stage {
            Stage::Script(Which::Unlock) => (0, Hash::ZERO),
            Stage::Script(Which::Lock) => (1, Hash::ZERO),
            Stage::Closing(closing) => (2, node::name(&closing.node())),
        };
        let list = self.list();
        let context = self.context_name();
        let effects = self.call.effects.name();
        let (main, alt) = (self.frame.main.list(), self.frame.alt.list());
        let mut node = Vec::with_capacity(250);
        node.push(RUNNING);
        node.push(stage);
        node.extend(self.at.index.to_be_bytes());
        node.extend((self.at.offset as u32).to_be_bytes());
        node.extend(list.0);
        node.extend(self.frame.conditions.depth.to_be_bytes());
        node.extend(self.frame.conditions.first_false.to_be_bytes());
        node.extend(self.frame.budget.to_be_bytes());
        node.extend(self.budget.to_be_bytes());
        node.extend((self.frame.main.len() as u32).to_be_bytes());
        node.extend(main.0);
        node.extend((self.frame.alt.len() as u32).to_be_bytes());
        node.extend(alt.0);
        node.extend(context.0);
        node.extend(effects.0);
        node.extend(closing.0);
        node
    }

    /// Name of what the call brings, which does not change while it runs.
    fn context_name(&mut self) -> Hash {
        let call = &self.call;
        *self.context_name.get_or_insert_with(|| {
            let name = call.context.name();
            name.expect("what a call brings is in memory or has a name")
        })
    }

    /// Puts the call and all below it into a sink.
    pub(crate) fn save(&mut self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        let node = self.node();
        let name = node::name(&node);
        if sink.has(name)? {
            return Ok(name);
        }
        let context = self.context_name();
        if !sink.has(context)? {
            self.call.context()?.save(sink)?;
        }
        let effects = self.call.effects.name();
        if !sink.has(effects)? {
            self.call.effects()?.save(sink)?;
        }
        // What follows here is a part of a script; a sink may know of the whole and want this part.
        if let (Some(list), Some(nodes)) = (self.list, &self.nodes) {
            text::save_list(list, nodes, sink)?;
        } else if let Stage::Script(_) = self.stage {
            let index = self.at.index;
            self.text()?.save_from(index, sink)?;
        }
        let nodes = self.frame.nodes.clone();
        self.frame.main.save(nodes.as_ref(), sink)?;
        self.frame.alt.save(nodes.as_ref(), sink)?;
        if let Stage::Closing(closing) = &self.stage {
            node::put(sink, &closing.node())?;
        }
        sink.put(name, &node)?;
        Ok(name)
    }
}

/// The running call of this name.
pub(crate) fn open_running(
    rules: &'static Rules,
    hash: Hash,
    nodes: &Arc<dyn Nodes>,
) -> Result<Running, HostError> {
    let node = nodes.get(hash)?;
    let mut fields = Fields::of(hash, &node, RUNNING, "a running call")?;
    let bad = fields.bad();
    let stage = fields.byte()?;
    let at = Position {
        index: fields.u32()?,
        offset: fields.u32()? as usize,
    };
    let list = fields.hash()?;
    let conditions = Conditions {
        depth: fields.u32()?,
        first_false: fields.u32()?,
    };
    let (left, budget) = (fields.u64()?, fields.u64()?);
    let mut stack = || -> Result<Stack, HostError> {
        let (len, list) = (fields.u32()? as usize, fields.hash()?);
        if len > rules.limits.max_depth || (len == 0) != (list == Hash::ZERO) {
            return Err(fields.bad());
        }
        Ok(Stack::unread(len, list))
    };
    let (main, alt) = (stack()?, stack()?);
    let context = fields.hash()?;
    let effects = fields.hash()?;
    let closing = fields.hash()?;
    fields.end()?;
    let in_script = stage < 2;
    let coherent = left <= budget
        && at.index < SCRIPT_MAX
        && at.offset < SCRIPT_MAX as usize
        && conditions.depth < SCRIPT_MAX
        && conditions.first_false <= conditions.depth
        && in_script == (closing == Hash::ZERO)
        && in_script == (list != Hash::ZERO);
    if !coherent {
        return Err(bad);
    }
    let stage = match stage {
        0 => Stage::Script(Which::Unlock),
        1 => Stage::Script(Which::Lock),
        2 => Stage::Closing(Box::new(Closing::open(closing, nodes)?)),
        _ => return Err(bad),
    };
    let mut frame = Frame::new(rules.limits, left);
    frame.main = main;
    frame.alt = alt;
    frame.conditions = conditions;
    frame.nodes = Some(Arc::clone(nodes));
    Ok(Running {
        frame,
        call: Call {
            rules,
            context: Part::Unread(context, Arc::clone(nodes)),
            effects: Part::Unread(effects, Arc::clone(nodes)),
        },
        stage,
        at,
        nodes: Some(Arc::clone(nodes)),
        list: in_script.then_some(list),
        context_name: Some(context),
        budget,
    })
}
