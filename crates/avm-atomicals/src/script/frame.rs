//! What every handler works on: both stacks, the conditions, and the budget.

use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{HostError, Nodes};

use super::error::ScriptError;
use super::fault::Trap;
use super::item::Item;
use super::node;
use super::num::Num;
use super::rules::Limits;
use super::stack::Stack;

/// The stacks of a script that runs, and what limits it.
#[derive(Clone)]
pub struct Frame {
    /// The main stack.
    pub main: Stack,
    /// The alt stack.
    pub alt: Stack,
    /// Which branch of each open condition is executed.
    pub conditions: Conditions,
    /// What the rule set allows.
    pub limits: Limits,
    /// What may still be spent; without end if the rule set does not meter.
    pub budget: u64,
    /// Where parts of the stacks are that were not read yet; `None` if all is in memory.
    pub(crate) nodes: Option<Arc<dyn Nodes>>,
}

/// The condition stack, as far as it can matter: entries above the first false one never do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Conditions {
    /// Number of open conditions.
    pub depth: u32,
    /// Number of the lowest false one, counted from 1; 0 if all are true.
    pub first_false: u32,
}

impl Conditions {
    /// Whether instructions are executed.
    #[inline]
    #[must_use]
    pub fn executing(self) -> bool {
        self.first_false == 0
    }

    /// Opens a condition.
    #[inline]
    pub fn open(&mut self, value: bool) {
        self.depth += 1;
        if !value && self.first_false == 0 {
            self.first_false = self.depth;
        }
    }

    /// Turns the innermost condition around.
    ///
    /// # Errors
    /// If there is none.
    #[inline]
    pub fn flip(&mut self) -> Result<(), ScriptError> {
        match (self.depth, self.first_false) {
            (0, _) => return Err(ScriptError::UnbalancedConditional),
            (depth, 0) => self.first_false = depth,
            (depth, first) if first == depth => self.first_false = 0,
            _ => {}
        }
        Ok(())
    }

    /// Closes the innermost condition.
    ///
    /// # Errors
    /// If there is none.
    #[inline]
    pub fn close(&mut self) -> Result<(), ScriptError> {
        let depth = self.depth.checked_sub(1);
        if self.first_false == self.depth {
            self.first_false = 0;
        }
        self.depth = depth.ok_or(ScriptError::UnbalancedConditional)?;
        Ok(())
    }
}

/// What moving so many bytes costs. Spec: section 18, metering.
#[inline]
#[must_use]
pub const fn per_bytes(len: usize) -> u64 {
    len as u64 / 8
}

impl Frame {
    /// Empty stacks.
    #[must_use]
    pub fn new(limits: Limits, budget: u64) -> Self {
        Self {
            main: Stack::default(),
            alt: Stack::default(),
            conditions: Conditions::default(),
            limits,
            budget,
            nodes: None,
        }
    }

    /// Sees to it that the `count` topmost elements of the main stack are there, those that exist.
    ///
    /// # Errors
    /// If a node is missing.
    #[inline]
    pub(crate) fn pull(&mut self, count: usize) -> Result<(), HostError> {
        match &self.nodes {
            Some(nodes) => self.main.pull(count, &**nodes),
            None => Ok(()),
        }
    }

    /// [`Frame::pull`] of the alt stack.
    ///
    /// # Errors
    /// If a node is missing.
    #[inline]
    pub(crate) fn pull_alt(&mut self, count: usize) -> Result<(), HostError> {
        match &self.nodes {
            Some(nodes) => self.alt.pull(count, &**nodes),
            None => Ok(()),
        }
    }

    /// Sees to it that element `at` from the top can be looked into, if it exists.
    ///
    /// # Errors
    /// If a node is missing.
    #[inline]
    pub(crate) fn reveal(&mut self, at: usize) -> Result<(), HostError> {
        let Some(nodes) = &self.nodes else {
            return Ok(());
        };
        self.main.pull(at + 1, &**nodes)?;
        if at < self.main.items().len() {
            let item = node::reveal(self.main.peek(at), &**nodes)?;
            self.main.reveal(at, item);
        }
        Ok(())
    }

    /// Spends a part of the budget.
    ///
    /// # Errors
    /// [`ScriptError::OutOfBudget`].
    #[inline]
    pub fn charge(&mut self, cost: u64) -> Result<(), ScriptError> {
        match self.budget.checked_sub(cost) {
            Some(left) => {
                self.budget = left;
                Ok(())
            }
            None => {
                self.budget = 0;
                Err(ScriptError::OutOfBudget)
            }
        }
    }

    /// Charges for copying or making so many bytes.
    ///
    /// # Errors
    /// [`ScriptError::OutOfBudget`].
    #[inline]
    pub fn charge_bytes(&mut self, len: usize) -> Result<(), ScriptError> {
        self.charge(per_bytes(len))
    }

    /// Takes the top as a number.
    ///
    /// # Errors
    /// [`ScriptError::Unknown`] if it is too long or not in its shortest form.
    #[inline]
    pub fn pop_num(&mut self) -> Result<Num, Trap> {
        let num = self.num(0)?;
        self.main.drop(1);
        Ok(num)
    }

    /// Element `at` from the top as a number.
    ///
    /// # Errors
    /// [`ScriptError::Unknown`] if it is too long or not in its shortest form.
    #[inline]
    pub fn num(&self, at: usize) -> Result<Num, Trap> {
        self.num_of(self.main.peek(at))
    }

    /// An element as a number.
    ///
    /// # Errors
    /// [`ScriptError::Unknown`] if it is too long or not in its shortest form.
    #[inline]
    pub fn num_of(&self, item: &Item) -> Result<Num, Trap> {
        let limits = &self.limits;
        Num::decode_with(
            item.bytes(),
            limits.max_number_bytes,
            limits.minimal_numbers,
        )
        .ok_or(Trap::Script(ScriptError::Unknown))
    }

    /// An element as a number, clamped to 32 bits.
    ///
    /// # Errors
    /// [`ScriptError::Unknown`] if it is too long or not in its shortest form.
    #[inline]
    pub fn small(&self, at: usize) -> Result<i32, Trap> {
        Ok(self.num(at)?.saturating_i32())
    }

    /// Puts a number on top.
    ///
    /// # Errors
    /// [`ScriptError::PushSize`] if its encoding is longer than the rules allow.
    #[inline]
    pub fn push_num(&mut self, num: &Num) -> Result<(), Trap> {
        let item = self.encoded(num)?;
        self.main.push(item);
        Ok(())
    }

    /// A number as an element.
    ///
    /// # Errors
    /// [`ScriptError::PushSize`] if it is longer than the rules allow.
    #[inline]
    pub fn encoded(&self, num: &Num) -> Result<Item, Trap> {
        if let Some(small) = num.to_i64() {
            return Ok(Item::int(small));
        }
        let mut bytes = Vec::new();
        num.encode_to(&mut bytes);
        if bytes.len() > self.limits.max_result_bytes {
            return Err(ScriptError::PushSize.into());
        }
        Ok(bytes.into())
    }

    /// Puts a small number on top.
    #[inline]
    pub fn push_int(&mut self, int: i64) {
        self.main.push(Item::int(int));
    }

    /// Puts true or false on top.
    #[inline]
    pub fn push_bool(&mut self, value: bool) {
        self.main.push(Item::bool(value));
    }
}

impl core::fmt::Debug for Frame {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        f.debug_struct("Frame")
            .field("main", &self.main)
            .field("alt", &self.alt)
            .field("conditions", &self.conditions)
            .field("budget", &self.budget)
            .finish_non_exhaustive()
    }
}
