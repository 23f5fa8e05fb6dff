//! `avm diff`: the keys whose values differ between two points.

use std::collections::BTreeMap;
use std::ops::ControlFlow;
use std::path::Path;

use avm_core::{Hash, HostError};
use serde_json::{Value, json};

use super::{one_of_two, state};
use crate::context::Context;
use crate::error::{self, CliError, usage};
use crate::locate;
use crate::log::Log;
use crate::output::{Reply, clip, contrast, root, row};
use crate::point::{Point, Target};
use crate::registry::{Difference, Differs, Key, Running};

/// Most characters of a value in a line.
const WIDTH: usize = 40;
/// Tuples that are opened to name a difference inside them. Parts may be shared, so that a small
/// state can have more paths than anybody can list.
const OPENED_MAX: usize = 4096;
/// Most parts of the name of a key that is opened.
const DEPTH_MAX: usize = 32;

/// What to list.
pub struct Options<'a> {
    /// Only how many keys differ.
    pub stat: bool,
    /// Keys start with this.
    pub only: &'a str,
    /// Most keys that are listed.
    pub limit: usize,
}

/// Keys that differ.
#[derive(Clone, Debug, Default)]
pub struct Found {
    /// The first ones.
    pub keys: Vec<Difference>,
    /// Whether there are more.
    pub more: bool,
}

/// `avm diff A B`.
///
/// # Errors
/// If there are no such moments, or the two are of different machines.
pub fn diff(
    ctx: &Context,
    names: [&str; 2],
    inputs: Option<&Path>,
    options: &Options<'_>,
) -> Result<Reply, CliError> {
    let (log_a, target_a) = one_of_two(ctx, names[0], inputs)?;
    let a = state::moment(&target_a)?;
    // A point without a file is one of the first log.
    let shared = matches!(
        Target::parse(names[1])?,
        Target::Point(Point { log: None, .. })
    );
    let (log_b, b) = if shared {
        (None, Point::parse(names[1])?)
    } else {
        let (log, target) = one_of_two(ctx, names[1], inputs)?;
        let point = state::moment(&target)?;
        (Some(log), point)
    };
    let log_b = log_b.as_ref().unwrap_or(&log_a);
    same_machine(&log_a, log_b)?;
    let mut left = locate::state(ctx, &log_a, &a)?;
    let mut right = locate::state(ctx, log_b, &b)?;
    ctx.end_progress();
    let roots = [left.claim().state, right.claim().state];
    let (mut found, mut counts) = (Found::default(), Counts::default());
    if roots[0] != roots[1] {
        let (left, right) = (&mut *left.running, &mut *right.running);
        let done = match options.stat {
            true => tell(left, right, options.only, &mut |found| {
                counts.add(&found.name);
                ControlFlow::Continue(())
            }),
            false => differences(left, right, options.only, options.limit).map(|all| found = all),
        };
        done.map_err(|e| error::host(&e, 0, &log_a.name))?;
    }
    if found.more {
        let limit = options.limit;
        ctx.note(&format!(
            "note: more than {limit} keys differ; --limit lists more, --only other ones, --stat counts them"
        ));
    }
    let count = found.keys.len() + counts.total;
    let is_same = count == 0 && !found.more;
    let side = |point: &Point, log: &Log, at: usize| {
        let point = Point {
            log: Some(log.name.clone()),
            ..point.clone()
        };
        json!({ "point": point.to_string(), "root": root(roots[at]) })
    };
    let text = match (is_same, options.stat) {
        (true, _) if roots[0] == roots[1] => row("same", format!("root {}", roots[0])),
        (true, _) => row(
            "same",
            format!("no key under `{}` differs", clip(options.only, 60)),
        ),
        (false, true) => counts.text(),
        (false, false) => found.keys.iter().map(line).collect(),
    };
    let keys: Vec<Value> = found.keys.iter().map(record).collect();
    let data = json!({
        "same": is_same,
        "a": side(&a, &log_a, 0),
        "b": side(&b, log_b, 1),
        "count": count,
        "more": found.more,
        "keys": keys,
    });
    Ok(Reply {
        exit: u8::from(!is_same),
        ..Reply::new(text, data)
    })
}

/// Refuses to compare states of different machines.
///
/// # Errors
/// If they are.
pub fn same_machine(a: &Log, b: &Log) -> Result<(), CliError> {
    let [left, right] = [a, b].map(|log| log.machine.vm(0).spec());
    if left == right {
        return Ok(());
    }
    let message = format!("{} is of `{left}` and {} of `{right}`", a.name, b.name);
    Err(usage(message).help("only states of one machine can be compared"))
}

/// The first keys under a prefix whose values differ, at most `limit`; as `tell` finds them.
///
/// # Errors
/// If a part of a state cannot be read.
pub fn differences(
    left: &mut dyn Running,
    right: &mut dyn Running,
    prefix: &str,
    limit: usize,
) -> Result<Found, HostError> {
    let mut found = Found::default();
    tell(left, right, prefix, &mut |difference| {
        if found.keys.len() == limit {
            found.more = true;
            return ControlFlow::Break(());
        }
        found.keys.push(difference);
        ControlFlow::Continue(())
    })?;
    Ok(found)
}

/// Tells of the keys under a prefix whose values differ, in order: as the machine finds them, or by
/// listing those of both sides.
fn tell(
    left: &mut dyn Running,
    right: &mut dyn Running,
    prefix: &str,
    found: &mut Differs<'_>,
) -> Result<(), HostError> {
    if let Some(done) = left.differences(right, prefix, found) {
        return done;
    }
    let _ = listed(left, right, prefix).into_iter().try_for_each(found);
    Ok(())
}

/// The keys under a prefix whose values differ, in order; inside tuples as far down as both sides
/// are tuples of the same length.
fn listed(left: &mut dyn Running, right: &mut dyn Running, prefix: &str) -> Vec<Difference> {
    let mut opened = 0;
    let mut open = join(left.keys(prefix), right.keys(prefix));
    open.reverse();
    let mut found = Vec::new();
    while let Some(next) = open.pop() {
        if same(&next.sides) {
            continue;
        }
        let depth = next.name.matches('/').count();
        let is_whole = next.sides.iter().all(Option::is_some);
        if is_whole && opened < OPENED_MAX && depth < DEPTH_MAX {
            let (a, b) = (left.below(&next.name), right.below(&next.name));
            if !a.is_empty() && a.len() == b.len() {
                opened += 1;
                open.extend(join(a, b).into_iter().rev());
                continue;
            }
        }
        found.push(next);
    }
    found
}

/// Both sides of each key that either has, in the order of the first.
fn join(left: Vec<Key>, right: Vec<Key>) -> Vec<Difference> {
    let order: Vec<String> = right.iter().map(|key| key.name.clone()).collect();
    let right = right.into_iter().map(|key| (key.name.clone(), key));
    let mut right: BTreeMap<String, Key> = right.collect();
    let both = left.into_iter().map(|key| Difference {
        name: key.name.clone(),
        sides: [right.remove(&key.name), Some(key)],
    });
    let mut joined: Vec<Difference> = both.collect();
    joined.iter_mut().for_each(|found| found.sides.reverse());
    joined.extend(order.into_iter().filter_map(|name| {
        let sides = [None, Some(right.remove(&name)?)];
        Some(Difference { name, sides })
    }));
    joined
}

impl Difference {
    /// Both values as text; the hashes, too, if the texts do not show the difference.
    pub fn texts(&self) -> [String; 2] {
        let [left, right] = self.sides.each_ref().map(|side| {
            let text = side.as_ref().map_or("(none)", |key| key.text.as_str());
            // A hash is told apart by its ends.
            match text.parse::<Hash>() {
                Ok(hash) if text.len() == 64 => hash.short().to_string(),
                _ => text.to_owned(),
            }
        });
        let texts = contrast([&left, &right], WIDTH);
        if texts[0] != texts[1] {
            return texts;
        }
        let hash = |at: usize| {
            let hash = self.sides[at].as_ref().and_then(|key| key.hash);
            hash.map_or_else(String::new, |hash| format!("  #{}", hash.short()))
        };
        let [left, right] = texts;
        [left + &hash(0), right + &hash(1)]
    }
}

fn same([left, right]: &[Option<Key>; 2]) -> bool {
    match (left, right) {
        (Some(left), Some(right)) if left.hash.is_some() && right.hash.is_some() => {
            left.hash == right.hash
        }
        (Some(left), Some(right)) => left.value == right.value && left.hash == right.hash,
        (None, None) => true,
        _ => false,
    }
}

fn line(found: &Difference) -> String {
    let [left, right] = found.texts();
    format!("{:<14} {left}  ->  {right}\n", found.name)
}

/// How many keys differ, by the first part of their names.
#[derive(Default)]
struct Counts {
    /// In the order of the first of each.
    parts: Vec<(String, usize)>,
    total: usize,
}

impl Counts {
    fn add(&mut self, name: &str) {
        let first = name.split('/').next().unwrap_or("");
        self.total += 1;
        match self.parts.iter_mut().find(|(name, _)| *name == first) {
            Some((_, count)) => *count += 1,
            None => self.parts.push((first.to_owned(), 1)),
        }
    }

    fn text(&self) -> String {
        let parts = self.parts.iter();
        let lines = parts.map(|(name, count)| format!("{name:<14} {count}\n"));
        let verb = if self.total == 1 { "differs" } else { "differ" };
        let keys = crate::output::count(&self.total.to_string(), "key");
        format!("{}{keys} {verb}\n", lines.collect::<String>())
    }
}

/// A difference in JSON.
pub fn record(found: &Difference) -> Value {
    let side = |key: &Option<Key>| match key {
        None => Value::Null,
        Some(key) => json!({ "value": key.value, "text": key.text, "hash": key.hash.map(root) }),
    };
    json!({ "key": found.name, "a": side(&found.sides[0]), "b": side(&found.sides[1]) })
}
