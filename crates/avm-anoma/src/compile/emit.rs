//! Words with labels: the last stage, which turns what the compiler says into instructions.
//!
//! Jumps are to labels until [`Emitter::finish`]. There a jump to a jump goes to where that one
//! goes, a jump to the end of the function becomes the end itself, a jump to the next word goes
//! away, and so does what nothing reaches. `jeqk` is a jump, too, as long as it goes forward and
//! not far; otherwise it skips a jump around a jump.

use alloc::vec;
use alloc::vec::Vec;

use avm_lang::span::Span;

use crate::code::op;

/// A place to jump to.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Target(u32);

/// One instruction before its jump is known.
#[derive(Clone, Copy, Debug)]
struct Instruction {
    word: u32,
    target: Option<Target>,
    span: Span,
}

/// Collects the instructions of one function.
#[derive(Debug, Default)]
pub(super) struct Emitter {
    code: Vec<Instruction>,
    /// Index of an instruction for each target that is bound.
    targets: Vec<Option<usize>>,
    /// Targets that something jumps to.
    wanted: Vec<bool>,
    /// Whether nothing runs into the next instruction.
    dead: bool,
    /// Changes wherever the state of the object may not be what it was before, or another path
    /// comes in.
    pub(super) epoch: u32,
    /// Where the next instructions come from.
    pub(super) span: Span,
}

/// A jump of more than 32,767 words.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct TooFar {
    /// Where the jump stands.
    pub(super) span: Span,
}

/// Whether an instruction never goes on to the next word.
fn ends(code: u8) -> bool {
    matches!(
        code,
        op::JMP | op::RET | op::END | op::TAILF | op::TAILC | op::RAISE | op::REJECT
    )
}

/// Whether the state of the running object may be another one after an instruction.
fn disturbs(code: u8) -> bool {
    let reads = matches!(
        code,
        op::SELF | op::INPUT | op::SENDER | op::HERE | op::GETSTATE | op::HISTORY
    );
    matches!(code, op::CALLF | op::CALLC) || (code >= op::CREATE && !reads)
}

impl Emitter {
    /// `op a b c`
    pub(super) fn abc(&mut self, code: u8, a: u8, b: u8, c: u8) {
        self.push(u32::from_le_bytes([code, a, b, c]), None);
    }

    /// `op a bx`
    pub(super) fn abx(&mut self, code: u8, a: u8, bx: u16) {
        let [b, c] = bx.to_le_bytes();
        self.abc(code, a, b, c);
    }

    /// `op a target`
    pub(super) fn jump(&mut self, code: u8, a: u8, target: Target) {
        self.jump_if(code, a, 0, target);
    }

    /// Goes to the target if `a` is the constant.
    pub(super) fn jump_equal(&mut self, a: u8, constant: u8, target: Target) {
        self.jump_if(op::JEQK, a, constant, target);
    }

    fn jump_if(&mut self, code: u8, a: u8, b: u8, target: Target) {
        if !self.dead {
            self.wanted[target.0 as usize] = true;
        }
        self.push(u32::from_le_bytes([code, a, b, 0]), Some(target));
    }

    /// Goes to the target whatever happened.
    pub(super) fn go(&mut self, target: Target) {
        self.jump(op::JMP, 0, target);
    }

    fn push(&mut self, word: u32, target: Option<Target>) {
        if self.dead {
            return;
        }
        self.code.push(Instruction {
            word,
            target,
            span: self.span,
        });
        let code = word.to_le_bytes()[0];
        self.dead = ends(code);
        self.epoch += u32::from(disturbs(code));
    }

    /// A target that is bound later.
    pub(super) fn target(&mut self) -> Target {
        self.targets.push(None);
        self.wanted.push(false);
        Target(self.targets.len() as u32 - 1)
    }

    /// The target is the next instruction.
    pub(super) fn bind(&mut self, target: Target) {
        self.targets[target.0 as usize] = Some(self.code.len());
        self.epoch += 1;
        self.dead &= !self.wanted[target.0 as usize];
    }

    /// Where a jump ends up, through other jumps.
    fn lands(&self, target: Target) -> usize {
        let mut at = self.targets[target.0 as usize].expect("every target that is used is bound");
        // A loop of jumps alone never ends; any of its places will do.
        for _ in 0..self.code.len() {
            match self.code.get(at) {
                Some(Instruction {
                    word,
                    target: Some(next),
                    ..
                }) if word.to_le_bytes()[0] == op::JMP => {
                    at = self.targets[next.0 as usize].expect("every target that is used is bound");
                }
                _ => break,
            }
        }
        at
    }

    /// The words, and where each comes from.
    pub(super) fn finish(mut self) -> Result<(Vec<u32>, Vec<Span>), TooFar> {
        let lands: Vec<Option<usize>> = self
            .code
            .iter()
            .map(|i| i.target.map(|target| self.lands(target)))
            .collect();
        let mut lands = lands;
        for (at, land) in lands.iter_mut().enumerate() {
            let end = land.and_then(|land| self.code.get(land)).copied();
            if let (op::JMP, Some(end)) = (self.code[at].word.to_le_bytes()[0], end)
                && matches!(end.word.to_le_bytes()[0], op::RET | op::END)
            {
                self.code[at] = end;
                *land = None;
            }
        }
        let kept = self.kept(&lands);
        let place = self.layout(&lands, &kept);
        let mut words = Vec::new();
        let mut spans = Vec::new();
        for (at, instruction) in self.code.iter().enumerate().filter(|(at, _)| kept[*at]) {
            let far = || TooFar {
                span: instruction.span,
            };
            let distance = |from: i64, to: usize| {
                let distance = i16::try_from(place[to] - (from + 1)).map_err(|_| far())?;
                Ok(u32::from(distance as u16) << 16)
            };
            let (word, here) = (instruction.word, place[at]);
            match lands[at] {
                None => words.push(word),
                Some(land) if word.to_le_bytes()[0] != op::JEQK => {
                    words.push(word | distance(here, land)?);
                }
                Some(land) if place[at + 1] == here + 1 => {
                    words.push(word | ((place[land] - (here + 1)) as u32) << 24);
                }
                Some(land) => {
                    let around = u32::from(op::JMP) | 1 << 16;
                    let jump = u32::from(op::JMP) | distance(here + 2, land)?;
                    words.extend([word | 1 << 24, around, jump]);
                }
            }
            spans.resize(words.len(), instruction.span);
        }
        Ok((words, spans))
    }

    /// Where each instruction starts, and where the last one ends.
    fn layout(&self, lands: &[Option<usize>], kept: &[bool]) -> Vec<i64> {
        let mut sizes: Vec<i64> = kept.iter().map(|kept| i64::from(*kept)).collect();
        loop {
            let mut place = vec![0i64; self.code.len() + 1];
            for at in 0..self.code.len() {
                place[at + 1] = place[at] + sizes[at];
            }
            let mut grown = false;
            for (at, land) in lands.iter().enumerate() {
                let Some(land) = *land else { continue };
                let short = (0..=255).contains(&(place[land] - (place[at] + 1)));
                let compares = self.code[at].word.to_le_bytes()[0] == op::JEQK;
                if compares && sizes[at] == 1 && !short {
                    sizes[at] = 3;
                    grown = true;
                }
            }
            if !grown {
                return place;
            }
        }
    }

    /// Which instructions are reached and do something.
    fn kept(&self, lands: &[Option<usize>]) -> Vec<bool> {
        let mut kept = vec![false; self.code.len()];
        let mut open = vec![0];
        while let Some(at) = open.pop() {
            if at >= kept.len() || kept[at] {
                continue;
            }
            kept[at] = true;
            open.extend(lands[at]);
            if !ends(self.code[at].word.to_le_bytes()[0]) {
                open.push(at + 1);
            }
        }
        // From the end, so that of two jumps to the same place in a row both go.
        for at in (0..kept.len()).rev() {
            let jumps = self.code[at].word.to_le_bytes()[0] == op::JMP;
            if let (true, true, Some(land)) = (kept[at], jumps, lands[at])
                && land > at
                && (at + 1..land).all(|between| !kept[between])
            {
                kept[at] = false;
            }
        }
        kept
    }
}
