//! Watching a verification, operation by operation, and what an operation failed on.

use alloc::boxed::Box;
use alloc::vec::Vec;
use core::fmt;

use super::spend::{At, Failure, Phase};
use crate::script::frame::Frame;
use crate::script::item::Item;
use crate::script::num::Num;

/// Is told of every operation before it is performed.
pub trait Trace {
    /// An operation comes next, executed or not.
    fn operation(&mut self, view: &View<'_>);
}

/// What there is before an operation.
#[derive(Clone, Copy, Debug)]
pub struct View<'a> {
    /// Which script.
    pub phase: Phase,
    /// Which operation.
    pub at: At,
    /// Whether it is executed: no condition around it is false.
    pub executing: bool,
    /// Main stack, top last.
    pub main: &'a [Item],
    /// Alt stack, top last.
    pub alt: &'a [Item],
}

impl<'a> View<'a> {
    pub(super) fn new(phase: Phase, at: At, f: &'a Frame) -> Self {
        Self {
            phase,
            at,
            executing: f.conditions.executing(),
            main: f.main.items(),
            alt: f.alt.items(),
        }
    }
}

/// A refusal with the topmost elements that its operation, or the end of its script, found.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Explained {
    /// The refusal.
    pub failure: Failure,
    /// Up to three elements, top first; none if no operation failed.
    pub operands: Vec<Box<[u8]>>,
}

/// Most elements that are shown.
const OPERANDS: usize = 3;
/// Longest element that is shown in full, in bytes.
const SHOWN_BYTES: usize = 80;
/// Longest element that is shown as a number, in bytes.
const NUMBER_BYTES: usize = 5;

/// The refusal, then each element in hex and, if short, as a number.
impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}", self.failure)?;
        for (i, operand) in self.operands.iter().enumerate() {
            f.write_str(if i == 0 { "; on top " } else { ", then " })?;
            write!(f, "{}", Operand(operand))?;
        }
        Ok(())
    }
}

/// An element that an operation found: in hex and, if short, as a number.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Operand<'a>(pub &'a [u8]);

impl Operand<'_> {
    /// The number it is, if it is a short one.
    #[must_use]
    pub fn number(&self) -> Option<i64> {
        Num::decode_with(self.0, NUMBER_BYTES, false)?.to_i64()
    }
}

impl fmt::Display for Operand<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(bytes) = self;
        if bytes.is_empty() {
            return f.write_str("nothing (0)");
        }
        f.write_str("0x")?;
        let shown = &bytes[..bytes.len().min(SHOWN_BYTES)];
        shown.iter().try_for_each(|byte| write!(f, "{byte:02x}"))?;
        if shown.len() < bytes.len() {
            write!(f, ".. of {} bytes", bytes.len())?;
        }
        match self.number() {
            Some(number) => write!(f, " ({number})"),
            None => Ok(()),
        }
    }
}

impl core::error::Error for Explained {
    fn source(&self) -> Option<&(dyn core::error::Error + 'static)> {
        Some(&self.failure)
    }
}

/// Keeps what the last operation found.
#[derive(Default)]
pub(super) struct Last {
    seen: Option<(Phase, At, Vec<Item>)>,
}

impl Trace for Last {
    fn operation(&mut self, view: &View<'_>) {
        let top = view.main.iter().rev().take(OPERANDS).cloned().collect();
        self.seen = Some((view.phase, view.at, top));
    }
}

impl Last {
    /// Adds what was found to a refusal of the operation it was found by.
    pub(super) fn explain(self, failure: Failure) -> Explained {
        let operands = self
            .seen
            .filter(|(phase, at, _)| (*phase, Some(*at)) == (failure.phase, failure.at))
            .map(|(.., top)| top.iter().map(|item| item.bytes().into()).collect());
        Explained {
            failure,
            operands: operands.unwrap_or_default(),
        }
    }
}
