//! The node of a transaction that is being verified. `docs/machines/script.md` has its form.

use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Hash, HostError, Nodes, Sink};

use super::kept::Kept;
use super::receipt::Verdicts;
use super::state::{Progress, Running};
use crate::bitcoin::eval;
use crate::bitcoin::ops::MAX_OPS;
use crate::bitcoin::sighash::TaprootPart;
use crate::bitcoin::sigops::Scope;
use crate::bitcoin::spending::Spending;
use crate::bitcoin::{Flags, Phase, SigVersion};
use crate::script::forms::{names, put_names};
use crate::script::frame::{Conditions, Frame};
use crate::script::node::{self, Fields};
use crate::script::stack::Stack;
use crate::script::text::{Text, save_list};

/// Kind of the node.
const RUNNING: u8 = 0xd1;

/// How the signatures of a script are made; `None` in phases without a script.
fn version_of(phase: Phase) -> Option<SigVersion> {
    match phase {
        Phase::ScriptSig | Phase::ScriptPubkey | Phase::RedeemScript => Some(SigVersion::Base),
        Phase::WitnessScript => Some(SigVersion::WitnessV0),
        Phase::Tapscript => Some(SigVersion::Tapscript),
        Phase::WitnessProgram | Phase::KeyPath | Phase::End => None,
    }
}

fn put_stack(node: &mut Vec<u8>, stack: &mut Stack) {
    node.extend((stack.len() as u32).to_be_bytes());
    node.extend(stack.list().0);
}

fn stack(fields: &mut Fields<'_>) -> Result<Stack, HostError> {
    let (len, list) = (fields.u32()? as usize, fields.hash()?);
    if (len == 0) != (list == Hash::ZERO) {
        return Err(fields.bad());
    }
    Ok(Stack::unread(len, list))
}

/// A part that may be absent: a byte 01 before it, or one byte 00.
fn optional<T>(
    fields: &mut Fields<'_>,
    read: impl FnOnce(&mut Fields<'_>) -> Result<T, HostError>,
) -> Result<Option<T>, HostError> {
    match fields.byte()? {
        0 => Ok(None),
        1 => read(fields).map(Some),
        _ => Err(fields.bad()),
    }
}

impl Scope {
    /// List of the operations that follow.
    fn rest(&self) -> Hash {
        let rest = self.list.or_else(|| self.script.list(self.op));
        rest.unwrap_or(Hash::ZERO)
    }

    fn put(&self, node: &mut Vec<u8>) {
        put_names(node, self.script.names());
        node.extend(self.rest().0);
        node.extend(self.op.to_be_bytes());
        node.extend((self.next as u32).to_be_bytes());
        node.extend((self.ops as u32).to_be_bytes());
        node.extend((self.code_from as u32).to_be_bytes());
        node.extend(self.weight_left.cast_unsigned().to_be_bytes());
        match &self.taproot.annex {
            None => node.push(0),
            Some(annex) => {
                node.push(1);
                node.extend(annex);
            }
        }
        match &self.taproot.leaf {
            None => node.push(0),
            Some((leaf, separator)) => {
                node.push(1);
                node.extend(leaf);
                node.extend(separator.to_be_bytes());
            }
        }
    }

    fn read(
        fields: &mut Fields<'_>,
        version: SigVersion,
        nodes: &Arc<dyn Nodes>,
    ) -> Result<Self, HostError> {
        let script = names(fields)?;
        let scope = Self {
            version,
            script: Text::Unread(script, Arc::clone(nodes)),
            list: Some(fields.hash()?),
            op: fields.u32()?,
            next: fields.u32()? as usize,
            ops: fields.u32()? as usize,
            code_from: fields.u32()? as usize,
            weight_left: fields.u64()?.cast_signed(),
            taproot: TaprootPart {
                annex: optional(fields, |fields| Ok(fields.hash()?.0))?,
                leaf: optional(fields, |fields| Ok((fields.hash()?.0, fields.u32()?)))?,
            },
        };
        let tapscript = version == SigVersion::Tapscript;
        let coherent = scope.next < scope.script.len()
            && scope.op as usize <= scope.next
            && scope.code_from <= scope.next
            && scope.ops <= MAX_OPS
            && scope.weight_left >= 0
            && scope.list != Some(Hash::ZERO)
            && scope.taproot.leaf.is_some() == tapscript
            && (tapscript || scope.taproot.annex.is_none());
        if coherent {
            Ok(scope)
        } else {
            Err(fields.bad())
        }
    }
}

impl Running {
    /// The node of the transaction that is being verified.
    pub(super) fn node(&mut self) -> Vec<u8> {
        let Self { progress, spending } = self;
        let mut node = Vec::with_capacity(400);
        node.push(RUNNING);
        node.extend(progress.kept.name().0);
        node.extend(progress.index.to_be_bytes());
        node.extend(progress.failed.to_be_bytes());
        node.extend(progress.verdicts.list().0);
        node.push(spending.phase as u8);
        spending.scope.put(&mut node);
        let Conditions { depth, first_false } = spending.frame.conditions;
        node.extend(depth.to_be_bytes());
        node.extend(first_false.to_be_bytes());
        put_stack(&mut node, &mut spending.frame.main);
        put_stack(&mut node, &mut spending.frame.alt);
        match &mut spending.saved {
            None => node.push(0),
            Some(saved) => {
                node.push(1);
                put_stack(&mut node, saved);
            }
        }
        node
    }

    pub(super) fn save(&mut self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        let node = self.node();
        let name = node::name(&node);
        if sink.has(name)? {
            return Ok(name);
        }
        let Self { progress, spending } = self;
        progress.kept.save(sink)?;
        progress.verdicts.save(sink)?;
        spending.scope.script.save(sink)?;
        let nodes = spending.frame.nodes.clone();
        // what follows is a part of the script; a sink may know of the whole and want this part
        match (spending.scope.list, &nodes) {
            (Some(list), Some(nodes)) => save_list(list, nodes, sink)?,
            _ => spending.scope.script.save_from(spending.scope.op, sink)?,
        }
        spending.frame.main.save(nodes.as_ref(), sink)?;
        spending.frame.alt.save(nodes.as_ref(), sink)?;
        if let Some(saved) = &mut spending.saved {
            saved.save(nodes.as_ref(), sink)?;
        }
        sink.put(name, &node)?;
        Ok(name)
    }

    /// The transaction that is being verified, by the name of its node.
    pub(super) fn open(
        hash: Hash,
        flags: Flags,
        nodes: &Arc<dyn Nodes>,
    ) -> Result<Self, HostError> {
        let node = nodes.get(hash)?;
        let want = "a transaction that is being verified";
        let mut fields = Fields::of(hash, &node, RUNNING, want)?;
        let kept = Kept::unread(fields.hash()?, nodes);
        let (index, failed) = (fields.u32()?, fields.u32()?);
        let verdicts = fields.hash()?;
        let phase = Phase::ALL.get(usize::from(fields.byte()?)).copied();
        let phase = phase.and_then(|phase| Some((phase, version_of(phase)?)));
        let (phase, version) = phase.ok_or_else(|| fields.bad())?;
        let scope = Scope::read(&mut fields, version, nodes)?;
        let conditions = Conditions {
            depth: fields.u32()?,
            first_false: fields.u32()?,
        };
        let mut frame = Frame::new(eval::limits(version, flags), u64::MAX);
        frame.main = stack(&mut fields)?;
        frame.alt = stack(&mut fields)?;
        frame.nodes = Some(Arc::clone(nodes));
        let saved = optional(&mut fields, stack)?;
        let coherent = failed <= index
            && index < u32::MAX
            && (index == 0) == (verdicts == Hash::ZERO)
            && conditions.first_false <= conditions.depth
            && conditions.depth <= scope.op
            && (saved.is_none() || phase == Phase::ScriptPubkey);
        let bad = fields.bad();
        fields.end()?;
        if !coherent {
            return Err(bad);
        }
        frame.conditions = conditions;
        Ok(Self {
            progress: Progress {
                index,
                failed,
                verdicts: Verdicts::unread(verdicts, nodes),
                ..Progress::new(kept)
            },
            spending: Spending {
                phase,
                frame,
                scope,
                saved,
            },
        })
    }
}
