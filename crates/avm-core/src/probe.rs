use alloc::string::String;
use core::fmt::Display;

/// Watches a run step by step: traces, profiles and debuggers.
pub trait Probe {
    /// A step is about to be taken.
    fn before(&mut self, step: &StepStart<'_>);

    /// The step announced last was taken.
    fn after(&mut self, step: &StepEnd<'_>);
}

/// A step about to be taken.
pub struct StepStart<'a> {
    /// Position in the code, as the machine numbers it.
    pub pc: u64,
    /// Opcode.
    pub opcode: u8,
    /// Name of the opcode.
    pub name: &'a str,
    /// Gas left before the step, 32 bytes big-endian.
    pub gas: [u8; 32],
    /// The state before the step.
    pub state: &'a dyn Inspect,
}

/// A step that was taken.
pub struct StepEnd<'a> {
    /// Gas the step cost.
    pub cost: u64,
    /// What went wrong inside the machine, if anything.
    pub fault: Option<&'a dyn Display>,
}

/// A state as people look at it: named panes, each a list of items.
pub trait Inspect {
    /// Names of the panes, the main stack first.
    fn panes(&self) -> &'static [&'static str];

    /// Items in a pane that are in memory.
    fn len(&self, pane: usize) -> usize;

    /// Whether a pane shows nothing.
    fn is_empty(&self, pane: usize) -> bool {
        self.len(pane) == 0
    }

    /// Item `index` of a pane as text, item 0 being the top; `None` past the end.
    fn item(&self, pane: usize, index: usize) -> Option<String>;
}
