//! The frames of an execution: calls of functions with their registers.

use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::HostError;

use super::bytes::{Get, Put};
use super::keys::{Part, part};
use super::records::CodeAt;
use super::store::{Record, Store};
use crate::value::{Closure, Val};

/// A call of a function.
#[derive(Clone, Debug)]
pub struct Frame {
    /// What it runs.
    pub code: CodeAt,
    /// The next instruction.
    pub pc: u32,
    /// Where its registers begin; no part of the state.
    pub base: u32,
    /// Register of the frame below that gets the result.
    pub ret: u8,
    /// What returning from it means.
    pub kind: FrameKind,
    /// Captured values.
    pub closure: Option<Arc<Closure>>,
}

/// What returning from a frame means.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum FrameKind {
    /// The frame below gets the value.
    Local = 0,
    /// An object has answered.
    Activation,
    /// A pure function has a value.
    Pure,
    /// The program is done.
    Root,
}

/// The frames of an execution with their registers.
#[derive(Clone, Debug, Default)]
pub struct Frames {
    unread: u32,
    items: Vec<Frame>,
    /// Registers of the frames in memory.
    pub regs: Vec<Val>,
    clean: u32,
    stored: u32,
}

pub struct StoredFrame {
    frame: Frame,
    regs: Vec<Val>,
}

impl Record for StoredFrame {
    const WHAT: &'static str = "a frame";

    fn write(&self, _: &mut Vec<u8>) {
        unreachable!("frames are written from the registers of all")
    }

    fn read(get: &mut Get<'_>) -> Option<Self> {
        let code = CodeAt {
            module: get.u32()?,
            function: get.u32()?,
        };
        let (pc, ret) = (get.u32()?, get.u8()?);
        let kinds = [
            FrameKind::Local,
            FrameKind::Activation,
            FrameKind::Pure,
            FrameKind::Root,
        ];
        let kind = *kinds.get(usize::from(get.u8()?))?;
        let closure = if get.flag()? {
            match get.val()? {
                Val::Closure(closure) => Some(closure),
                other => Some(other.open().ok()?.as_closure()?.clone()),
            }
        } else {
            None
        };
        let frame = Frame {
            code,
            pc,
            base: 0,
            ret,
            kind,
            closure,
        };
        let regs = (0..get.u32()?).map(|_| get.val()).collect::<Option<_>>()?;
        Some(Self { frame, regs })
    }

    fn each_val(&self, found: &mut dyn FnMut(&Val)) {
        self.regs.iter().for_each(&mut *found);
        if let Some(closure) = &self.frame.closure {
            found(&Val::Closure(closure.clone()));
        }
    }
}

impl StoredFrame {
    /// The frame; it does not know where its registers begin.
    pub fn frame(&self) -> &Frame {
        &self.frame
    }

    /// Its registers.
    pub fn registers(&self) -> &[Val] {
        &self.regs
    }
}

impl Frames {
    /// A frame by depth with its registers, if it is in memory.
    pub fn in_memory(&self, depth: u32) -> Option<(&Frame, &[Val])> {
        let index = depth.checked_sub(self.unread)? as usize;
        Some((self.items.get(index)?, self.registers(index)))
    }

    /// Registers of a frame in memory.
    fn registers(&self, index: usize) -> &[Val] {
        let above = self.items.get(index + 1);
        let end = above.map_or(self.regs.len(), |above| above.base as usize);
        &self.regs[self.items[index].base as usize..end]
    }

    /// Frames that are in the map.
    pub fn unread(len: u32) -> Self {
        Self {
            unread: len,
            clean: len,
            stored: len,
            ..Self::default()
        }
    }

    /// How many there are.
    #[inline]
    pub fn len(&self) -> u32 {
        self.unread + self.items.len() as u32
    }

    /// The top one, to be changed.
    #[inline]
    pub fn top(&mut self) -> Option<&mut Frame> {
        self.clean = self.clean.min(self.len().saturating_sub(1));
        self.items.last_mut()
    }

    /// The top one to be looked at.
    pub fn peek(&self) -> Option<&Frame> {
        self.items.last()
    }

    /// Frames in memory, the lowest first.
    pub fn loaded(&self) -> &[Frame] {
        &self.items
    }

    #[inline]
    pub fn push(&mut self, frame: Frame) {
        self.items.push(frame);
    }

    /// Takes all off.
    pub fn clear(&mut self) {
        self.items.clear();
        self.regs.clear();
        (self.unread, self.clean) = (0, 0);
    }

    /// Every value in memory.
    pub fn each_val(&self, found: &mut dyn FnMut(&Val)) {
        self.regs.iter().for_each(&mut *found);
        let closures = self.items.iter().filter_map(|frame| frame.closure.as_ref());
        closures.for_each(|closure| found(&Val::Closure(closure.clone())));
    }

    /// Takes the top one off with its registers; those of the one below become `registers` again.
    #[inline]
    pub fn pop(&mut self) -> Option<Frame> {
        let frame = self.items.pop()?;
        Val::shorten(&mut self.regs, frame.base as usize);
        self.clean = self.clean.min(self.len());
        Some(frame)
    }

    /// Reads the top one if it was not.
    pub fn ready(&mut self, number: u64, store: &Store) -> Result<(), HostError> {
        if self.items.is_empty() && self.unread > 0 {
            let key = part(number, Part::Frames).at(self.unread - 1);
            let StoredFrame { frame, regs } = store.need(key.bytes())?;
            self.unread -= 1;
            self.regs = regs;
            self.items.push(frame);
        }
        Ok(())
    }

    /// Brings the map up to date.
    pub fn sync(&mut self, number: u64, store: &mut Store) -> Result<(), HostError> {
        let len = self.len();
        for at in len..self.stored {
            store.remove(part(number, Part::Frames).at(at).bytes())?;
        }
        let mut bytes = Vec::new();
        for at in self.clean..len {
            let index = (at - self.unread) as usize;
            let frame = &self.items[index];
            bytes.clear();
            bytes.u32(frame.code.module);
            bytes.u32(frame.code.function);
            bytes.u32(frame.pc);
            bytes.u8(frame.ret);
            bytes.u8(frame.kind as u8);
            bytes.u8(frame.closure.is_some().into());
            if let Some(closure) = &frame.closure {
                bytes.val(&Val::Closure(closure.clone()));
            }
            let regs = self.registers(index);
            bytes.u32(regs.len() as u32);
            regs.iter().for_each(|value| bytes.val(value));
            store.put_bytes(part(number, Part::Frames).at(at).bytes(), &bytes)?;
        }
        (self.clean, self.stored) = (len, len);
        Ok(())
    }
}
