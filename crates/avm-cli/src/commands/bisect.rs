//! `avm bisect`: where two logs, or a log and its own recorded roots, first disagree.
//!
//! One program under one log gives one state, so two sides can only differ in three ways: the
//! programs differ; an input differs; or somebody recorded a root that executing the inputs does
//! not give. The first two are found by comparing bytes. For the third, roots that both sides
//! recorded agree by definition, and one run goes through those that only one side has. Inside an
//! input that differs, the first step is found by halving, with forks of the machine as
//! checkpoints; no step is executed more than a few times.

use std::path::{Path, PathBuf};

use avm_core::Claim;
use serde_json::{Value, json};

use super::diff;
use super::prove::claim_json;
use super::{bundle, one_of_two};
use crate::cli::Until;
use crate::context::Context;
use crate::error::{self, CliError, usage};
use crate::files;
use crate::locate;
use crate::log::{BUNDLE, Log};
use crate::output::{Reply, contrast, count, number, root, row, seconds};
use crate::point::{Point, Target};
use crate::registry::Condition;
use crate::session::Session;

/// Keys that are shown to people.
const SHOWN: usize = 12;
/// Most keys that are looked for, and given to programs.
const LISTED: usize = 1000;
/// Most characters of an input's field in a line.
const WIDTH: usize = 40;
/// File names that are tried beside a bundle that is there already.
const NAMES_TRIED: u32 = 1000;

/// How far to look, and at what.
pub struct Options<'a> {
    /// Where to stop.
    pub until: Until,
    /// Compare one log with its own roots.
    pub recorded: bool,
    /// The file of the bundle, if it was named.
    pub output: Option<&'a Path>,
}

/// `avm bisect A [B]`.
///
/// # Errors
/// If a side cannot be read, or a limit is hit.
pub fn bisect(
    ctx: &Context,
    a: &str,
    b: Option<&str>,
    inputs: Option<&Path>,
    options: &Options<'_>,
) -> Result<Reply, CliError> {
    if b.is_none() && !options.recorded {
        let help = format!("the roots recorded in one log: avm bisect {a} --recorded");
        return Err(usage("bisect compares two logs, and one was given").help(help));
    }
    let left = side(ctx, a, inputs)?;
    if b.is_none() && left.recorded.is_empty() {
        return Err(error::no_roots(&left.name));
    }
    let right = b.map(|name| side(ctx, name, inputs)).transpose()?;
    if let Some(right) = &right {
        diff::same_machine(&left, right)?;
    }
    let sides = Sides::of(&left, right.as_ref());
    let found = sides.search(ctx, options.until)?;
    ctx.end_progress();
    match found {
        None => Ok(sides.agree(ctx)),
        Some(found) => sides.report(ctx, &found, options),
    }
}

/// One side: a log, or the part of it up to a point.
fn side(ctx: &Context, name: &str, inputs: Option<&Path>) -> Result<Log, CliError> {
    let (mut log, target) = one_of_two(ctx, name, inputs)?;
    match target {
        Target::Point(point) if name.contains('@') => {
            let Point { input, .. } = point;
            if input.is_some() {
                let kept = locate::inputs(&log, &point, &point)?.end;
                log.keep(kept);
            }
        }
        Target::Range(from, to) => {
            let kept = locate::inputs(&log, &from, &to)?.end;
            log.keep(kept);
        }
        _ => {}
    }
    Ok(log)
}

/// The two sides; the second may be our own execution of the first.
struct Sides<'a> {
    left: &'a Log,
    right: Option<&'a Log>,
    names: [String; 2],
    /// Inputs at the start that are the same.
    common: usize,
}

/// The first disagreement.
struct Found {
    /// The input in whose span it is; `None` is before the first.
    input: Option<u64>,
    /// What differs, in a line.
    what: String,
    /// Further lines: label and text.
    more: Vec<(&'static str, String)>,
    /// The step, as a point, and what it does.
    step: Option<(String, String)>,
    /// Keys that differ after it.
    keys: diff::Found,
    /// The side whose log shows it.
    shown_by: usize,
    /// For programs.
    data: Value,
}

impl<'a> Sides<'a> {
    fn of(left: &'a Log, right: Option<&'a Log>) -> Self {
        let (names, common) = match right {
            None => ([short_name(left), "ours".into()], left.inputs.len()),
            Some(right) => {
                let pairs = left.inputs.iter().zip(&right.inputs);
                let common = pairs.take_while(|(a, b)| a == b).count();
                (names(left, right), common)
            }
        };
        Self {
            left,
            right,
            names,
            common,
        }
    }

    fn search(&self, ctx: &Context, until: Until) -> Result<Option<Found>, CliError> {
        if let Some(right) = self.right
            && self.left.program.image != right.program.image
        {
            return self.programs(ctx, right, until).map(Some);
        }
        if let Some(found) = self.roots(ctx)? {
            return Ok(Some(found));
        }
        match self.right {
            Some(right)
                if self.common < self.left.inputs.len() && self.common < right.inputs.len() =>
            {
                self.input(ctx, right, until).map(Some)
            }
            _ => Ok(None),
        }
    }

    /// The programs differ, so everything does.
    fn programs(&self, ctx: &Context, right: &Log, until: Until) -> Result<Found, CliError> {
        let (mut a, mut b) = (
            Session::genesis(ctx, self.left)?,
            Session::genesis(ctx, right)?,
        );
        let keys = match until {
            Until::Key => differing(&mut a, &mut b)?,
            _ => diff::Found::default(),
        };
        let [left, right] = [a.claim().state, b.claim().state];
        Ok(Found {
            input: None,
            what: "the programs differ".into(),
            more: vec![(
                "root",
                self.both(&left.short().to_string(), &right.short().to_string()),
            )],
            step: None,
            keys,
            shown_by: 0,
            data: json!({ "kind": "program", "roots": [root(left), root(right)] }),
        })
    }

    /// `main 12   other 13`.
    fn both(&self, left: &str, right: &str) -> String {
        format!("{} {left}   {} {right}", self.names[0], self.names[1])
    }

    /// The first root that only one side recorded and that executing the inputs does not give.
    fn roots(&self, ctx: &Context) -> Result<Option<Found>, CliError> {
        let suspects = self.suspects();
        if suspects.is_empty() {
            return Ok(None);
        }
        let mut session = Session::genesis(ctx, self.left)?;
        for (side, recorded) in suspects {
            session.most = recorded.inputs;
            session.run(recorded.steps.saturating_sub(session.place().0))?;
            let ours = session.claim();
            if ours != recorded {
                return Ok(Some(self.wrong_root(side, &recorded, &ours)));
            }
        }
        Ok(None)
    }

    /// Claims of one side that the other does not have, in the order of the run.
    fn suspects(&self) -> Vec<(usize, Claim)> {
        let none = Vec::new();
        let right = self.right.map_or(&none, |log| &log.recorded);
        let only = |side: usize, own: &[Claim], others: &[Claim]| {
            let mut others: Vec<[u8; Claim::LEN]> = others.iter().map(Claim::to_bytes).collect();
            others.sort_unstable();
            let common = self.common as u64;
            let unmatched = own.iter().filter(|claim| {
                claim.inputs <= common && others.binary_search(&claim.to_bytes()).is_err()
            });
            unmatched.map(|claim| (side, *claim)).collect::<Vec<_>>()
        };
        let mut suspects = only(0, &self.left.recorded, right);
        suspects.extend(only(1, right, &self.left.recorded));
        suspects.sort_by_key(|(_, claim)| (claim.inputs, claim.steps));
        suspects
    }

    /// A root of one side that executing the inputs does not give.
    fn wrong_root(&self, side: usize, recorded: &Claim, ours: &Claim) -> Found {
        let other = self.other_claim(side, recorded);
        let (name, other_name) = (&self.names[side], &self.names[1 - side]);
        let verdict = match (self.right, other) {
            (None, _) => format!(
                "executing the inputs does not give the {} that {name} records",
                field(recorded, ours)
            ),
            (_, None) => {
                format!("executing the inputs does not give it; {other_name} records no root there")
            }
            (_, Some(other)) if other == *ours => {
                format!("executing the inputs gives what {other_name} recorded")
            }
            _ => "executing the inputs gives neither".into(),
        };
        let mut lines = vec![(name.as_str(), *recorded)];
        lines.extend(other.map(|other| (other_name.as_str(), other)));
        lines.push(("executed", *ours));
        let width = lines.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        let line = |(name, claim): &(&str, Claim)| format!("{name:<width$} {}", brief(claim));
        let mut more: Vec<_> = lines.iter().map(|claim| ("", line(claim))).collect();
        more[0].0 = "root";
        more.push(("verdict", verdict));
        more.push(("step", self.last_agreed(side, recorded)));
        Found {
            input: recorded.inputs.checked_sub(1),
            what: format!("the recorded {} differs", field(recorded, ours)),
            more,
            step: None,
            keys: diff::Found::default(),
            shown_by: side,
            data: json!({
                "kind": "root",
                "side": self.names[side],
                "recorded": claim_json(recorded),
                "other": other.as_ref().map(claim_json),
                "executed": claim_json(ours),
                "agrees_with_execution": match (self.right, other) {
                    (Some(_), Some(other)) if other == *ours => json!(self.names[1 - side]),
                    _ => Value::Null,
                },
            }),
        }
    }

    /// What is known of the step: the last root of the same input that still agrees. All roots
    /// before the first wrong one do.
    fn last_agreed(&self, side: usize, wrong: &Claim) -> String {
        let log = self.right.filter(|_| side == 1).unwrap_or(self.left);
        let earlier = |claim: &&Claim| claim.inputs == wrong.inputs && claim.steps < wrong.steps;
        let last = log.recorded.iter().filter(earlier).map(|claim| claim.steps);
        match last.max() {
            None => "not known: no root is recorded inside the input".into(),
            Some(steps) => format!("after @:{steps}, where the recorded root still agrees"),
        }
    }

    /// What the other side recorded after as many inputs, if anything.
    fn other_claim(&self, side: usize, claim: &Claim) -> Option<Claim> {
        let other = if side == 0 { self.right? } else { self.left };
        let same = |found: &&Claim| found.inputs == claim.inputs;
        let by_steps = |found: &&Claim| same(found) && found.steps == claim.steps;
        let exact = other.recorded.iter().find(by_steps);
        exact
            .or_else(|| other.recorded.iter().rev().find(same))
            .copied()
    }

    /// An input differs: the first step that the two sides do not share, and what it changes.
    fn input(&self, ctx: &Context, right: &Log, until: Until) -> Result<Found, CliError> {
        let index = self.common as u64;
        let fields = self.fields(right);
        let mut found = Found {
            input: Some(index),
            what: "the inputs differ".into(),
            more: fields.clone(),
            step: None,
            keys: diff::Found::default(),
            shown_by: 0,
            data: json!({ "kind": "input" }),
        };
        if until == Until::Input {
            return Ok(found);
        }
        let mut a = Session::genesis(ctx, self.left)?;
        a.most = index;
        a.finish()?;
        if a.place().1 < index || a.running.condition() != Condition::Running {
            let text = format!(
                "none: the machine {} before it takes the input",
                a.running.condition().verb()
            );
            found.more.push(("step", text));
            return Ok(found);
        }
        let mut b = a.fork_onto(right);
        for session in [&mut a, &mut b] {
            session.most = index + 1;
            session.begin_span();
        }
        let Some(taken) = first_difference(&mut a, &mut b)? else {
            found
                .more
                .push(("step", "none: the machine does not take the input".into()));
            return Ok(found);
        };
        let operation = super::verify::operation(&mut *a.running, false);
        found.step = Some((format!("@{index}:{taken}"), operation));
        for session in [&mut a, &mut b] {
            session.run(1)?;
        }
        if until == Until::Key {
            found.keys = differing(&mut a, &mut b)?;
        }
        found.data["roots"] = json!([root(a.claim().state), root(b.claim().state)]);
        Ok(found)
    }

    /// The fields of the two inputs that differ.
    fn fields(&self, right: &Log) -> Vec<(&'static str, String)> {
        let [a, b] = [self.left, right].map(|log| {
            let input = &log.inputs[self.common];
            log.machine.input_fields(input).unwrap_or_default()
        });
        let differ = a.iter().zip(&b).filter(|(a, b)| a != b);
        let mut lines: Vec<_> = differ
            .map(|((name, a), (_, b))| {
                let [a, b] = [a, b].map(|value| match value {
                    Value::String(text) => text.clone(),
                    other => other.to_string(),
                });
                let [a, b] = contrast([&a, &b], WIDTH);
                ("", format!("{name}   {}", self.both(&a, &b)))
            })
            .collect();
        if lines.is_empty() {
            lines.push((
                "",
                "at least one of them is no message of the machine".into(),
            ));
        }
        lines
    }

    /// Nothing differs as far as both sides go.
    fn agree(&self, ctx: &Context) -> Reply {
        let mut text = row("agree", self.agreed(ctx, self.common as u64));
        let lengths = [Some(self.left), self.right].map(|log| log.map(|log| log.inputs.len()));
        if let [Some(a), Some(b)] = lengths
            && a != b
        {
            let (short, long) = if a < b { (0, 1) } else { (1, 0) };
            let more = count(&a.abs_diff(b).to_string(), "input");
            let (short, long) = (&self.names[short], &self.names[long]);
            text += &row(
                "behind",
                format!("{short} ends here, {long} has {more} more"),
            );
        }
        let data = json!({
            "same": true,
            "inputs": self.common,
            "roots_compared": self.roots_known(self.common as u64),
            "lengths": lengths,
        });
        Reply::new(text, data)
    }

    /// `@0 .. @4   (5 inputs, 6 roots, 1.2 ms)`.
    fn agreed(&self, ctx: &Context, inputs: u64) -> String {
        let range = match inputs {
            0 => "@genesis".into(),
            1 => "@0".into(),
            _ => format!("@0 .. @{}", inputs - 1),
        };
        let roots = self.roots_known(inputs).to_string();
        format!(
            "{range}   ({}, {}, {})",
            count(&inputs.to_string(), "input"),
            count(&roots, "recorded root"),
            seconds(ctx.started.elapsed().as_secs_f64())
        )
    }

    /// Recorded claims of either side up to so many inputs, each counted once.
    fn roots_known(&self, inputs: u64) -> usize {
        let right = self.right.map_or(&[][..], |log| &log.recorded);
        let all = self.left.recorded.iter().chain(right);
        let mut known: Vec<[u8; Claim::LEN]> = all
            .filter(|claim| claim.inputs <= inputs)
            .map(Claim::to_bytes)
            .collect();
        known.sort_unstable();
        known.dedup();
        known.len()
    }

    fn report(
        &self,
        ctx: &Context,
        found: &Found,
        options: &Options<'_>,
    ) -> Result<Reply, CliError> {
        let input = found
            .input
            .map_or("@genesis".into(), |input| format!("@{input}"));
        let agreed = match found.input {
            Some(inputs) => row("agree", self.agreed(ctx, inputs)),
            None => row("agree", "nothing"),
        };
        let mut text = row("differ", format!("{input}   {}", found.what));
        for (label, line) in &found.more {
            text += &row(label, line);
        }
        if let Some((point, operation)) = &found.step {
            text += &row("step", format!("{point}   {operation}"));
        }
        for (at, key) in found.keys.keys.iter().take(SHOWN).enumerate() {
            let [a, b] = key.texts();
            let label = if at == 0 { "key" } else { "" };
            text += &row(label, format!("{:<14} {}", key.name, self.both(&a, &b)));
        }
        let listed = found.keys.keys.len();
        if listed > SHOWN {
            let least = if found.keys.more { "at least " } else { "" };
            let more = listed - SHOWN;
            text += &row("", format!("({least}{more} more keys)"));
        }
        let path = self.bundle(ctx, found, &text, options)?;
        text += &row(
            "file",
            format!("{path}   replay it: {}", replay(&path, found)),
        );
        let mut data = json!({
            "same": false,
            "point": input,
            "inputs": found.input.map(number),
            "sides": self.names,
            "what": found.what,
            "step": found.step.as_ref().map(|(point, _)| point),
            "operation": found.step.as_ref().map(|(_, operation)| operation),
            "keys": found.keys.keys.iter().map(diff::record).collect::<Vec<_>>(),
            "key_count": listed,
            "more_keys": found.keys.more,
            "file": path,
        });
        if let (Value::Object(data), Value::Object(more)) = (&mut data, found.data.clone()) {
            data.extend(more);
        }
        Ok(Reply {
            exit: crate::codes::diverged(),
            ..Reply::new(agreed + &text, data)
        })
    }

    /// Writes what reproduces the disagreement, and says where.
    fn bundle(
        &self,
        ctx: &Context,
        found: &Found,
        report: &str,
        options: &Options<'_>,
    ) -> Result<String, CliError> {
        let log = match (found.shown_by, self.right) {
            (1, Some(right)) => right,
            _ => self.left,
        };
        let inputs = found.input.map_or(0, |input| input + 1);
        let claims: Vec<Claim> = log
            .recorded
            .iter()
            .copied()
            .filter(|c| c.inputs <= inputs)
            .collect();
        let at = match (&found.step, found.input) {
            (Some((point, _)), _) => point.clone(),
            (None, Some(input)) => format!("@{input}"),
            (None, None) => "@genesis".into(),
        };
        let mut why = format!("avm bisect: {} and {}\n", self.names[0], self.names[1]);
        why += &anstream::adapter::strip_str(report).to_string();
        let other = self.right.filter(|_| found.what == "the inputs differ");
        if let Some(input) = other.and_then(|log| log.inputs.get(self.common)) {
            why += &format!("other input {}\n", crate::output::hex(input));
        }
        let bytes = bundle::pack(log, inputs, &claims, &at, &why)?;
        if let Some(path) = options.output {
            files::write_or_keep(path, &bytes, ctx.global.yes)?;
            return Ok(path.display().to_string());
        }
        let input = found
            .input
            .map_or("genesis".into(), |input| input.to_string());
        let path = free_name(&format!("disagree-{input}"), &bytes, ctx.global.yes);
        files::write_or_keep(&path, &bytes, ctx.global.yes)?;
        Ok(path.display().to_string())
    }
}

/// A name whose file is not there, or holds these bytes; with `overwrite` the first one.
fn free_name(stem: &str, bytes: &[u8], overwrite: bool) -> PathBuf {
    let name = |at: u32| match at {
        1 => PathBuf::from(format!("{stem}.{BUNDLE}")),
        _ => PathBuf::from(format!("{stem}-{at}.{BUNDLE}")),
    };
    let free = |path: &PathBuf| overwrite || !path.exists() || files::holds(path, bytes);
    let mut names = (1..NAMES_TRIED).map(name);
    names.find(free).unwrap_or_else(|| name(NAMES_TRIED))
}

fn replay(path: &str, found: &Found) -> String {
    match found.step {
        Some(_) => format!("avm trace {path}"),
        None if found.data["kind"] == "root" => format!("avm replay {path}"),
        None => format!("avm state {path}"),
    }
}

/// Brings both sides, which are at the same moment, in front of the first step after which their
/// claims differ, and says how many steps that took; `None` if they never differ.
///
/// Once claims differ they stay so: each has the hash of all inputs.
fn first_difference(a: &mut Session<'_>, b: &mut Session<'_>) -> Result<Option<u64>, CliError> {
    let (mut end_a, mut end_b) = (a.fork(), b.fork());
    end_a.finish()?;
    end_b.finish()?;
    if end_a.claim() == end_b.claim() {
        return Ok(None);
    }
    let from = a.place().0;
    let mut high = end_a.place().0.max(end_b.place().0) - from;
    let mut low = 0;
    drop((end_a, end_b));
    while high - low > 1 {
        let middle = (high - low) / 2;
        let (mut at_a, mut at_b) = (a.fork(), b.fork());
        at_a.run(middle)?;
        at_b.run(middle)?;
        if at_a.claim() == at_b.claim() {
            (*a, *b) = (at_a, at_b);
            low += middle;
        } else {
            high = low + middle;
        }
    }
    Ok(Some(low))
}

/// The keys that differ between two sides.
fn differing(a: &mut Session<'_>, b: &mut Session<'_>) -> Result<diff::Found, CliError> {
    let found = diff::differences(&mut *a.running, &mut *b.running, "", LISTED);
    found.map_err(|e| error::host(&e, a.place().1, &a.log.name))
}

/// A claim in a line.
fn brief(claim: &Claim) -> String {
    let steps = count(&claim.steps.to_string(), "step");
    format!("{}  ({steps})", claim.state)
}

/// The first field in which two claims differ.
fn field(a: &Claim, b: &Claim) -> &'static str {
    match () {
        () if a.state != b.state => "root",
        () if a.steps != b.steps => "number of steps",
        () if a.inputs != b.inputs => "number of inputs",
        () if a.inbox != b.inbox => "inbox hash",
        () if a.outputs != b.outputs => "number of outputs",
        () => "outbox hash",
    }
}

fn short_name(log: &Log) -> String {
    let path = Path::new(&log.name);
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    stem.into_owned()
}

/// Names for two sides: as short as they can be told apart by.
fn names(left: &Log, right: &Log) -> [String; 2] {
    let short = [short_name(left), short_name(right)];
    if short[0] != short[1] {
        return short;
    }
    let long = [left.name.clone(), right.name.clone()];
    if long[0] != long[1] {
        return long;
    }
    ["A".into(), "B".into()]
}
