//! Where each element on the stacks comes from: stacks of origins that move as the elements do.

use alloc::collections::BTreeMap;
use alloc::format;
use alloc::string::String;
use alloc::vec::Vec;

use super::Site;
use crate::keys::KeyName;
use crate::script::fault::Which;
use crate::script::ops::{self, DECODE};
use crate::script::running::Running;
use crate::script::table::Key;

/// Number of an origin.
pub(super) type Id = u32;

/// Elements of a sentence about an origin that are followed back.
const FOLLOWED: usize = 6;

/// What put an element on the stack.
#[derive(Clone, Debug)]
struct Origin {
    by: Site,
    /// What it was made of.
    of: Vec<Id>,
    /// The value of the contract that was read, by its key in the table.
    read: Option<Vec<u8>>,
}

/// The origin of every element, and who wrote and deleted values during the call.
#[derive(Default)]
pub(super) struct Origins {
    all: Vec<Origin>,
    main: Vec<Id>,
    alt: Vec<Id>,
    written: BTreeMap<Vec<u8>, Site>,
    deleted: BTreeMap<Vec<u8>, Site>,
    /// How often the stacks had to be made as long as they should be.
    fitted: u32,
}

/// How an operation that only moves elements leaves those it takes, both bottom first.
fn moved(opcode: u8) -> Option<(usize, &'static [usize])> {
    Some(match opcode {
        0x6d => (2, &[]),
        0x6e => (2, &[0, 1, 0, 1]),
        0x6f => (3, &[0, 1, 2, 0, 1, 2]),
        0x70 => (4, &[0, 1, 2, 3, 0, 1]),
        0x71 => (6, &[2, 3, 4, 5, 0, 1]),
        0x72 => (4, &[2, 3, 0, 1]),
        0x75 => (1, &[]),
        0x76 => (1, &[0, 0]),
        0x77 => (2, &[1]),
        0x78 => (2, &[0, 1, 0]),
        0x7b => (3, &[1, 2, 0]),
        0x7c => (2, &[1, 0]),
        0x7d => (2, &[1, 0, 1]),
        0xb1 => (1, &[0]),
        _ => return None,
    })
}

/// What is to be known of a step before it is taken.
pub(super) struct Before {
    pub(super) site: Site,
    executing: bool,
    /// The two topmost elements but one, joined as a name of a value, and the three topmost but one.
    names: [Option<Vec<u8>>; 2],
    /// The top as a small number.
    top: Option<usize>,
}

impl Before {
    pub(super) fn of(running: &Running, site: Site) -> Self {
        let items = running.frame.main.items();
        let at = |from_top: usize| items.len().checked_sub(from_top + 1).map(|at| &items[at]);
        let storage = matches!(site.opcode, Some(0xee..=0xf1));
        let name = |low: usize| {
            let (space, key) = (at(low + 1)?, at(low)?);
            Some(name_of(running, space.bytes(), key.bytes(), site.opcode))
        };
        let numbered = matches!(site.opcode, Some(0x79 | 0x7a));
        Self {
            site,
            executing: running.frame.conditions.executing(),
            names: if storage {
                [name(0), name(1)]
            } else {
                [None, None]
            },
            top: at(0)
                .filter(|_| numbered)
                .and_then(|top| running.frame.num_of(top).ok())
                .and_then(|num| usize::try_from(num.saturating_i32()).ok()),
        }
    }
}

/// The name of a value as the operation takes it: `beta1` writes an empty one as one byte 00.
fn name_of(running: &Running, space: &[u8], key: &[u8], opcode: Option<u8>) -> Vec<u8> {
    let maps = !running.call.rules.empty_values && matches!(opcode, Some(0xf0 | 0xf1));
    let part = |part: &[u8]| match part {
        [] if maps => [0].into(),
        part => Vec::from(part),
    };
    Key::new(&part(space), &part(key)).bytes().into()
}

impl Origins {
    /// Follows a step that succeeded: `main` and `alt` are as long as the stacks now are.
    pub(super) fn follow(&mut self, before: Before, main: usize, alt: usize) {
        let Some(opcode) = before.site.opcode.filter(|_| before.executing) else {
            return self.fit(main, alt, before.site);
        };
        let depth = self.main.len();
        match (opcode, moved(opcode)) {
            (_, Some((takes, leaves))) if depth >= takes => {
                let taken = self.main.split_off(depth - takes);
                self.main.extend(leaves.iter().map(|at| taken[*at]));
            }
            (0x6b, _) => self.alt.extend(self.main.pop()),
            (0x6c, _) => self.main.extend(self.alt.pop()),
            // The copy if there is one, the length: the element below stays.
            (0x73, _) if main > depth => self.main.extend(self.main.last().copied()),
            (0x73, _) => {}
            (0x82, _) => {
                let of = self.main.last().copied().into_iter().collect();
                self.make(before.site, of, None);
            }
            (0x79 | 0x7a, _) => {
                self.main.pop();
                let place = before
                    .top
                    .and_then(|top| self.main.len().checked_sub(top + 1));
                if let Some(place) = place {
                    let id = self.main[place];
                    if opcode == 0x7a {
                        self.main.remove(place);
                    }
                    self.main.push(id);
                }
            }
            _ => self.perform(&before, main),
        }
        self.fit(main, alt, before.site);
    }

    /// An operation that makes something of its operands.
    fn perform(&mut self, before: &Before, main: usize) {
        let opcode = before.site.opcode.unwrap_or(0);
        let takes = DECODE[usize::from(opcode)].map_or(0, |row| row.pops.len());
        let of = self.main.split_off(self.main.len().saturating_sub(takes));
        let mut read = None;
        match (opcode, &before.names) {
            (0xef, [Some(name), _]) => read = Some(name.clone()),
            (0xf0, [_, Some(name)]) => {
                self.deleted.remove(name);
                self.written.insert(name.clone(), before.site);
            }
            (0xf1, [Some(name), _]) => {
                self.written.remove(name);
                self.deleted.insert(name.clone(), before.site);
            }
            _ => {}
        }
        while self.main.len() < main {
            self.make(before.site, of.clone(), read.clone());
        }
    }

    fn make(&mut self, by: Site, of: Vec<Id>, read: Option<Vec<u8>>) {
        self.main.push(self.all.len() as Id);
        self.all.push(Origin { by, of, read });
    }

    /// Makes the stacks of origins as long as the stacks. They are, but for the alt stack, which is
    /// emptied where a script ends.
    fn fit(&mut self, main: usize, alt: usize, by: Site) {
        self.alt.truncate(alt);
        self.fitted += u32::from(self.main.len() != main || self.alt.len() != alt);
        self.main.truncate(main);
        while self.main.len() < main {
            self.make(by, Vec::new(), None);
        }
    }

    /// How often the stacks of origins were not as long as the stacks.
    #[cfg(test)]
    pub(super) fn fitted(&self) -> u32 {
        self.fitted
    }

    /// Lengths of the stacks of origins.
    #[cfg(test)]
    pub(super) fn lens(&self) -> (usize, usize) {
        (self.main.len(), self.alt.len())
    }

    /// The origin of element `at` from the top.
    pub(super) fn of(&self, at: usize) -> Option<Id> {
        let place = self.main.len().checked_sub(at + 1)?;
        Some(self.main[place])
    }

    /// Who wrote a value during the call.
    pub(super) fn writer(&self, name: &[u8]) -> Option<Site> {
        self.written.get(name).copied()
    }

    /// Who deleted a value during the call.
    pub(super) fn deleter(&self, name: &[u8]) -> Option<Site> {
        self.deleted.get(name).copied()
    }

    /// The values that the contract had before the call and that an element comes from.
    pub(super) fn keys(&self, id: Id) -> Vec<KeyName> {
        let mut keys = Vec::new();
        let mut open = Vec::from([id]);
        let mut seen = 0;
        while let Some(origin) = open.pop().and_then(|id| self.all.get(id as usize))
            && seen < 64
        {
            seen += 1;
            if let Some(name) = &origin.read {
                let key = KeyName::State(name.clone());
                if self.writer(name).is_none() && !keys.contains(&key) {
                    keys.push(key);
                }
            } else {
                open.extend(origin.of.iter().rev());
            }
        }
        keys
    }

    /// Where an element comes from, as the end of a sentence: `OP_ADD at operation 4 of argument 0
    /// and the constant at operation 3`.
    pub(super) fn text(&self, id: Id) -> String {
        let mut text = String::new();
        // Pieces still to say, the next one last.
        let mut open = Vec::from([Piece::Of(id)]);
        let mut followed = 0;
        while let Some(piece) = open.pop() {
            let id = match piece {
                Piece::Word(word) => {
                    text.push_str(word);
                    continue;
                }
                Piece::Of(id) => id,
            };
            let Some(origin) = self.all.get(id as usize) else {
                continue;
            };
            followed += 1;
            let by = origin.by;
            text.push_str(&match (by.opcode, &origin.read) {
                (_, Some(name)) => {
                    let key = KeyName::State(name.clone());
                    match self.writer(name) {
                        Some(writer) => format!("{key}, which {writer} wrote"),
                        None => format!("{key}"),
                    }
                }
                (Some(0..=0x60), _) if by.script == Which::Unlock => {
                    format!("the argument that {by} pushes")
                }
                (Some(0..=0x60), _) => format!("the constant at {by}"),
                (opcode, _) => {
                    let name = opcode.and_then(ops::name).unwrap_or_default();
                    format!("{name} at {by}")
                }
            });
            if origin.read.is_some() || origin.of.is_empty() {
                continue;
            }
            if followed >= FOLLOWED {
                continue;
            }
            let last = origin.of.len() - 1;
            let mut pieces = Vec::from([Piece::Word(" of ")]);
            for (at, of) in origin.of.iter().enumerate() {
                if at > 0 {
                    pieces.push(Piece::Word(if at == last { " and " } else { ", " }));
                }
                pieces.push(Piece::Of(*of));
            }
            open.extend(pieces.into_iter().rev());
        }
        text
    }
}

enum Piece {
    Word(&'static str),
    Of(Id),
}
