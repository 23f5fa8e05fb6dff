//! Why a call failed, in full: the operation, its operands, and where each of them comes from.
//!
//! The call is run once more, one instruction after the other, while stacks of origins move as its
//! stacks do. Nothing here is part of a state or of the rules.

mod origins;
#[cfg(test)]
mod tests;

use alloc::format;
use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use avm_core::HostError;

use crate::keys::{KeyName, bytes_text};
use crate::machine::item_text;
use crate::script::ScriptError as E;
use crate::script::fault::{Failure, Which};
use crate::script::frame::Frame;
use crate::script::item::Item;
use crate::script::ops::{self, DECODE};
use crate::script::rules::Rules;
use crate::script::running::{CallInput, Contract, Running, Stage};
use origins::{Before, Origins};

/// An operation of a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Site {
    /// Its script.
    pub script: Which,
    /// Its number in the script, from 0.
    pub op_index: u32,
    /// Its offset in the script, in bytes.
    pub offset: usize,
    /// Its opcode; `None` if the script ends within it.
    pub opcode: Option<u8>,
}

impl fmt::Display for Site {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.script {
            Which::Unlock => write!(f, "operation {} of the call", self.op_index),
            Which::Lock => write!(f, "operation {}", self.op_index),
        }
    }
}

/// An operand of the operation that failed.
#[derive(Clone, Debug)]
pub struct Operand {
    /// What it is for: `left`, `space`.
    pub label: &'static str,
    /// The element.
    pub item: Item,
    /// Where it comes from, as the end of a sentence; empty if that is not known.
    pub origin: String,
    /// Values of the contract, as they were before the call, that it comes from.
    pub keys: Vec<KeyName>,
}

impl fmt::Display for Operand {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let len = self.item.len();
        let text = bytes_text(self.item.bytes());
        let bytes = if len == 1 { "byte" } else { "bytes" };
        write!(f, "{} {text} ({len} {bytes})", self.label)
    }
}

/// Why a call failed.
#[derive(Clone, Debug)]
pub struct Explanation {
    /// What the call ended with.
    pub failure: Failure,
    /// The operation that failed; `None` before the first and behind the last.
    pub site: Option<Site>,
    /// Its operands, as far as they are there, the lowest first; behind the last operation what is
    /// left on the stack, at most four elements.
    pub operands: Vec<Operand>,
    /// Elements on the main stack.
    pub depth: usize,
    /// Further facts, one a sentence.
    pub notes: Vec<String>,
    /// A value of the contract that was looked for and is not there.
    pub missing: Option<KeyName>,
}

/// Elements that are shown where a call leaves the wrong ones.
const LEFT_SHOWN: usize = 4;

/// Runs a call and says why it fails; `None` if it succeeds.
///
/// # Errors
/// If a node of the contract is missing.
pub fn explain(
    rules: &'static Rules,
    contract: &Contract,
    input: CallInput,
) -> Result<Option<Explanation>, HostError> {
    let mut running = match Running::start(rules, contract, input)? {
        Ok(running) => running,
        Err(failure) => return Ok(Some(Explanation::plain(failure))),
    };
    let mut origins = Origins::default();
    loop {
        let Stage::Script(script) = running.stage else {
            let ended = running.run(u64::MAX, &mut 0)?;
            return Ok(match ended {
                Some(Err(failure)) => Some(Explanation::plain(failure)),
                _ => None,
            });
        };
        let site = Site {
            script,
            op_index: running.at.index,
            offset: running.at.offset,
            opcode: running.opcode()?,
        };
        let before = Before::of(&running, site);
        let seen = Seen::of(&running, site);
        match running.run(1, &mut 0)? {
            Some(Err(failure)) if seen.at_end(&running, &failure) => {
                let (main, alt) = (running.frame.main.len(), running.frame.alt.len());
                origins.follow(before, main, alt);
                return Ok(Some(at_the_end(&running, &origins, failure)));
            }
            Some(Err(failure)) => {
                return Ok(Some(at_operation(&running, &origins, seen, site, failure)));
            }
            Some(Ok(_)) => return Ok(None),
            None => origins.follow(before, running.frame.main.len(), running.frame.alt.len()),
        }
    }
}

/// What an operation found.
struct Seen {
    /// Elements it takes, as far as they are there, the lowest first.
    operands: Vec<Item>,
    takes: usize,
    aux_takes: usize,
    depth: usize,
    alt_depth: usize,
    conditions: u32,
    opcode: Option<u8>,
}

impl Seen {
    fn of(running: &Running, site: Site) -> Self {
        let row = site.opcode.and_then(|opcode| DECODE[usize::from(opcode)]);
        let (takes, aux_takes) = row.map_or((0, 0), |row| (row.pops.len(), row.aux_pops.len()));
        let items = running.frame.main.items();
        Self {
            operands: items[items.len().saturating_sub(takes)..].to_vec(),
            takes,
            aux_takes,
            depth: items.len(),
            alt_depth: running.frame.alt.len(),
            conditions: running.frame.conditions.depth,
            opcode: site.opcode,
        }
    }

    /// Whether a call failed at the end of a script, behind its last operation.
    fn at_end(&self, running: &Running, failure: &Failure) -> bool {
        let Failure::Script { error, .. } = failure else {
            return false;
        };
        let open = running.frame.conditions.depth;
        match error {
            E::EvalFalse | E::Cleanstack => true,
            E::UnbalancedConditional => {
                let opens = matches!(self.opcode, Some(0x63 | 0x64));
                open > 0 && !(opens && open == self.conditions)
            }
            _ => false,
        }
    }
}

impl Explanation {
    fn plain(failure: Failure) -> Self {
        Self {
            failure,
            site: None,
            operands: Vec::new(),
            depth: 0,
            notes: Vec::new(),
            missing: None,
        }
    }

    /// Name of the operation that failed.
    #[must_use]
    pub fn operation(&self) -> String {
        match self.site {
            None => String::from("the end of the call"),
            Some(Site { opcode: None, .. }) => String::from("a push"),
            Some(Site {
                opcode: Some(opcode),
                ..
            }) => ops::name(opcode).map_or_else(
                || format!("opcode 0x{opcode:02x}"),
                |name| name.into_owned(),
            ),
        }
    }

    /// Why, without where.
    #[must_use]
    pub fn reason(&self) -> String {
        match &self.failure {
            Failure::Script { error, .. } => error.meaning().into(),
            other => other.to_string(),
        }
    }
}

fn operand(label: &'static str, item: &Item, origins: &Origins, from_top: usize) -> Operand {
    let id = origins.of(from_top);
    Operand {
        label,
        item: item.clone(),
        origin: id.map_or_else(String::new, |id| origins.text(id)),
        keys: id.map_or_else(Vec::new, |id| origins.keys(id)),
    }
}

/// A call that left the wrong elements, or an open condition.
fn at_the_end(running: &Running, origins: &Origins, failure: Failure) -> Explanation {
    let items = running.frame.main.items();
    let shown = items.iter().rev().take(LEFT_SHOWN).enumerate();
    let mut operands: Vec<Operand> = shown
        .map(|(at, item)| operand(if at == 0 { "top" } else { "below" }, item, origins, at))
        .collect();
    operands.reverse();
    let depth = items.len();
    let mut notes = Vec::new();
    if let Failure::Script { error, .. } = &failure {
        notes.push(match error {
            E::UnbalancedConditional => {
                let open = running.frame.conditions.depth;
                format!(
                    "{} at the end of the script",
                    many(open as usize, "condition is open", "conditions are open")
                )
            }
            _ => format!(
                "a call ends with one element that is true, this one with {}",
                many(depth, "element", "elements")
            ),
        });
    }
    Explanation {
        site: None,
        operands,
        depth,
        notes,
        ..Explanation::plain(failure)
    }
}

fn at_operation(
    running: &Running,
    origins: &Origins,
    seen: Seen,
    site: Site,
    failure: Failure,
) -> Explanation {
    let labels = labels(site.opcode, seen.takes);
    let skipped = seen.takes - seen.operands.len();
    let operands: Vec<Operand> = seen
        .operands
        .iter()
        .enumerate()
        .map(|(at, item)| {
            let label = labels.get(skipped + at).copied().unwrap_or("operand");
            operand(label, item, origins, seen.operands.len() - 1 - at)
        })
        .collect();
    let mut found = Explanation {
        site: Some(site),
        depth: seen.depth,
        operands,
        ..Explanation::plain(failure)
    };
    if let Failure::Script { error, .. } = found.failure {
        found.notes = notes(error, running, &seen, &found.operands);
        if error == E::InvalidAvmStateKeyNotFound
            && let [space, key] = &seen.operands[..]
        {
            found.missing(origins, space.bytes(), key.bytes());
        }
    }
    found
}

impl Explanation {
    /// The value that was looked for, and whether this call deleted it.
    fn missing(&mut self, origins: &Origins, space: &[u8], key: &[u8]) {
        let name = KeyName::state(space, key);
        if let KeyName::State(joined) = &name
            && let Some(site) = origins.deleter(joined)
        {
            self.notes.push(format!("{site} deleted {name}"));
            return;
        }
        self.notes.push(format!("the contract has no {name}"));
        self.missing = Some(name);
    }
}

/// What the operands of an operation are called: as the table has them, if it does.
fn labels(opcode: Option<u8>, takes: usize) -> Vec<&'static str> {
    let row = opcode.and_then(|opcode| DECODE[usize::from(opcode)]);
    let doc = row.map_or("", |row| row.doc);
    let effect = doc
        .split(" -- ")
        .next()
        .filter(|head| head.len() < doc.len());
    let effect = effect.and_then(|head| head.rsplit(": ").next());
    let words: Vec<&str> = effect.unwrap_or("").split_whitespace().collect();
    match takes {
        3 if matches!(opcode, Some(0xba | 0xbb)) => ["signature", "message", "public key"].into(),
        _ if words.len() == takes && takes > 0 => words,
        1 => ["operand"].into(),
        2 => ["left", "right"].into(),
        3 => ["first", "second", "third"].into(),
        _ => Vec::new(),
    }
}

fn many(count: usize, one: &str, several: &str) -> String {
    format!("{count} {}", if count == 1 { one } else { several })
}

/// What can be said about an error beyond its meaning.
fn notes(error: E, running: &Running, seen: &Seen, operands: &[Operand]) -> Vec<String> {
    let mut notes = Vec::new();
    match error {
        E::Equalverify => {
            if let [left, right] = operands {
                notes.push(difference(left.item.bytes(), right.item.bytes()));
            }
        }
        E::InvalidStackOperation | E::UnbalancedConditional | E::Unknown
            if seen.depth < seen.takes =>
        {
            notes.push(format!(
                "it takes {}, the stack has {}",
                many(seen.takes, "element", "elements"),
                seen.depth
            ));
        }
        E::InvalidStackOperation => {
            notes.push(format!(
                "the stack has {}",
                many(seen.depth, "element", "elements")
            ));
        }
        E::InvalidAltstackOperation => notes.push(format!(
            "it takes {} of the alt stack, which has {}",
            many(seen.aux_takes, "element", "elements"),
            seen.alt_depth
        )),
        E::InvalidOperandSize => {
            let lens: Vec<String> = operands.iter().map(|o| o.item.len().to_string()).collect();
            notes.push(format!("the lengths are {} bytes", lens.join(" and ")));
        }
        E::Unknown => notes.extend(
            operands
                .iter()
                .filter_map(|o| number_fault(&running.frame, o)),
        ),
        E::OutOfBudget => notes.push(format!("the budget of the call is {}", running.budget)),
        E::StackSize => notes.push(format!(
            "both stacks together may have {} elements",
            running.frame.limits.max_depth
        )),
        E::PushSize => notes.push(format!(
            "an element may have {} bytes",
            running.frame.limits.max_push_bytes
        )),
        E::BadOpcode => {
            let row = seen.opcode.and_then(|opcode| DECODE[usize::from(opcode)]);
            notes.extend(row.map(|row| row.doc.trim_end_matches('.').to_string()));
        }
        _ => {}
    }
    notes
}

/// Where two elements differ.
fn difference(left: &[u8], right: &[u8]) -> String {
    let numbers = item_text(&Item::new(left)) == item_text(&Item::new(right));
    let at = left.iter().zip(right).position(|(a, b)| a != b);
    match at {
        Some(at) => format!("they differ at byte {at}"),
        None if numbers => String::from("they are the same"),
        None => format!(
            "one goes on where the other ends, behind byte {}",
            left.len().min(right.len())
        ),
    }
}

/// Why an operand is no number, if it is none.
fn number_fault(frame: &Frame, operand: &Operand) -> Option<String> {
    frame.num_of(&operand.item).err()?;
    let (len, most) = (operand.item.len(), frame.limits.max_number_bytes);
    let label = operand.label;
    Some(if len > most {
        format!("{label} has {len} bytes, a number at most {most}")
    } else {
        format!("{label} is not the shortest form of a number")
    })
}
