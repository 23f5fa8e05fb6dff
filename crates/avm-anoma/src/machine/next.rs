//! What a machine does next, for people who follow it.

use avm_core::HostError;

use super::AnomaMachine;
use crate::state::records::CodeAt;

/// The next step of a machine.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Next {
    /// Number of the execution that takes it.
    pub execution: u64,
    /// What it is called: an instruction, or a piece of what one leaves to be done.
    pub name: &'static str,
    /// Number of the module, index of the function, index of the word, and the word; none if it is
    /// no instruction.
    pub word: Option<(u32, u32, u32, u32)>,
}

impl AnomaMachine {
    /// The step that an execution takes next; `None` if none is at work, so that the machine takes
    /// an input or a message.
    ///
    /// # Errors
    /// If a node cannot be read.
    pub fn up_next(&mut self) -> Result<Option<Next>, HostError> {
        let Some(number) = self.current() else {
            return Ok(None);
        };
        let mut execution = self.take_execution(number)?;
        let mut code = core::mem::take(&mut self.world.code);
        let mut engine = Self::engine(&mut self.world, &mut execution, None);
        let word = engine.next_word(&mut code);
        let at = engine.x.frames.peek().map(|frame| (frame.code, frame.pc));
        let doing = engine.x.doing.name();
        self.world.code = code;
        self.executions.insert(number, execution);
        let word = word?.zip(at).map(|(word, (code, pc))| {
            let CodeAt { module, function } = code;
            (module, function, pc, word)
        });
        let row = word.and_then(|(.., word)| crate::code::row_of(crate::code::word::op(word)));
        Ok(Some(Next {
            execution: number,
            name: row.map_or(doing, |row| row.info.name),
            word,
        }))
    }
}
