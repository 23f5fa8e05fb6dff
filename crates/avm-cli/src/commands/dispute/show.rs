//! `avm dispute show` and `list`: games from their files. All is checked again: signatures, turns,
//! proofs; the verdict is computed.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;
use std::path::Path;

use avm_core::Hash;
use avm_dispute::{Party, Segment};
use avm_referee::{Reader, Record, Replica, replay};
use serde_json::{Value, json};

use super::ground::machine_of;
use super::report::{
    Happened, Reporter, Round, list as parties, parties_json, verdict_json, verdict_text,
};
use super::{file_error, verdict};
use crate::context::Context;
use crate::error::{self, CliError};
use crate::files::{self, LOG_MAX};
use crate::output::{Reply, count, grouped, number, root, row};

/// Checks all of a game file; also how many bytes at its end were never finished.
pub(super) fn read(
    ctx: &Context,
    path: &Path,
    seen: &mut dyn FnMut(&Replica, &Record),
) -> Result<(Replica, u64), CliError> {
    files::check_size(path, LOG_MAX)?;
    let fail = |e| file_error(path, e);
    let mut reader = Reader::open(path).map_err(fail)?;
    let vm = machine_of(ctx, &reader.opening().terms);
    let vm = vm.map_err(|e| e.at(path.display().to_string()))?;
    let read = replay(&mut reader, &*vm, |replica, _, record| {
        seen(replica, record)
    });
    let (replica, _) = read.map_err(fail)?;
    Ok((replica, reader.tail()))
}

/// What `show` shows beside the verdict.
#[derive(Clone, Copy)]
pub(super) struct Parts {
    pub(super) as_tree: bool,
    pub(super) cost: bool,
    pub(super) moves: bool,
}

/// `avm dispute show FILE`.
///
/// # Errors
/// If the file is damaged or breaks the rules.
pub(super) fn show(ctx: &Context, path: &Path, parts: Parts) -> Result<Reply, CliError> {
    let Parts {
        as_tree,
        cost,
        moves,
    } = parts;
    let mut records = String::new();
    let mut reporter = Reporter::default();
    let mut rounds = Vec::new();
    let (replica, tail) = read(ctx, path, &mut |replica, record| {
        if moves {
            records += &super::moves::text(replica, record);
        }
        if let Some(Happened::Round(round)) = reporter.take(replica, record) {
            rounds.push(round);
        }
    })?;
    let proofs = reporter.proofs_held;
    let mut text = head(&replica);
    let mut none = |_| None;
    text += &records;
    if !as_tree && !moves {
        for round in &rounds {
            text += &round.text(None, true, &mut none);
        }
    }
    let tree = tree(&rounds);
    if as_tree {
        text += &tree_text(&tree);
    }
    if cost {
        text += &cost_text(&replica, &reporter);
    }
    text += &row("verdict", verdict_text(&replica));
    let checked = format!(
        "{} and {}, all checked again",
        count(&(replica.records() + 1).to_string(), "signature"),
        count(&proofs.to_string(), "proof")
    );
    text += &row("from", checked);
    let opening = replica.opening();
    let mut data = json!({
        "file": path.display().to_string(),
        "game": root(replica.id()),
        "machine": opening.terms.machine,
        "spec": opening.terms.spec,
        "referee": format!("0x{}", opening.referee),
        "opened": rfc3339(opening.opened_ms),
        "log": { "inputs": number(opening.terms.log.len), "root": root(opening.terms.log.root) },
        "arity": replica.dispute().arity(),
        "records": number(replica.records()),
        "proofs": number(proofs),
        "unfinished_bytes": number(tail),
        "parties": parties_json(&replica),
        "rounds": rounds.iter().map(|round| round.json(&mut none)).collect::<Vec<_>>(),
        "verdict": verdict_json(&replica),
    });
    if as_tree {
        data["tree"] = tree.iter().map(Node::json).collect();
    }
    if cost {
        data["cost"] = cost_json(&reporter);
    }
    let mut reply = Reply::new(text, data);
    if tail > 0 {
        let tail = count(&tail.to_string(), "byte");
        reply
            .warnings
            .push(format!("the last {tail} were never finished"));
    }
    Ok(reply)
}

fn head(replica: &Replica) -> String {
    let opening = replica.opening();
    let terms = &opening.terms;
    let mut text = row("game", replica.id());
    text += &row("referee", opening.referee);
    // A game played in one process has no clock, so that a seed gives the same file again.
    if opening.opened_ms > 0 {
        text += &row("opened", rfc3339(opening.opened_ms));
    }
    let inputs = count(&terms.log.len.to_string(), "input");
    text += &row("about", format!("{}, {inputs}", terms.spec));
    let seats = replica.dispute().seats().iter().zip((0..).map(Party));
    let verdict = verdict(replica).map(|verdict| verdict.claim);
    for (seat, party) in seats {
        let steps = count(&seat.claim.steps.to_string(), "step");
        let fate = match (seat.out, &verdict) {
            (_, Some(claim)) if *claim == Some(seat.claim) => "   right".into(),
            (Some(round), _) => format!("   out in round {round}"),
            (None, Some(_)) => "   wrong".into(),
            (None, None) => String::new(),
        };
        let claims = format!("claims {} after {steps}{fate}", seat.claim.state.short());
        text += &row(&party.to_string(), claims);
    }
    text
}

/// A segment that was argued about, and who said what about its end.
struct Node {
    round: u32,
    depth: usize,
    segment: Segment,
    sides: BTreeMap<Hash, BTreeSet<Party>>,
}

impl Node {
    fn json(&self) -> Value {
        let sides = self.sides.iter().map(|(end, parties)| {
            let parties: Vec<u16> = parties.iter().map(|party| party.0).collect();
            json!({ "end": root(*end), "parties": parties })
        });
        json!({
            "round": self.round,
            "depth": self.depth,
            "first": number(self.segment.first),
            "last": number(self.segment.end()),
            "sides": sides.collect::<Vec<_>>(),
        })
    }
}

/// The segments of all rounds, each before those that it was narrowed to.
fn tree(rounds: &[Round]) -> Vec<Node> {
    let mut nodes: BTreeMap<(u32, Segment, Hash), BTreeMap<Hash, BTreeSet<Party>>> =
        BTreeMap::new();
    for round in rounds {
        for quarrel in &round.quarrels {
            let sides = nodes
                .entry((round.round, quarrel.segment, quarrel.start))
                .or_default();
            for side in &quarrel.sides {
                sides.entry(side.end).or_default().extend(&side.parties);
            }
        }
    }
    let nodes = nodes.into_iter().map(|((round, segment, _), sides)| Node {
        round,
        depth: round as usize - 1,
        segment,
        sides,
    });
    let mut nodes: Vec<Node> = nodes.collect();
    // A segment comes right before what is inside it: by its start, then the longer first.
    nodes.sort_by_key(|node| {
        let Segment { first, len } = node.segment;
        (first, std::cmp::Reverse(len), node.round)
    });
    nodes
}

fn tree_text(tree: &[Node]) -> String {
    let mut text = String::new();
    for node in tree {
        let Segment { first, .. } = node.segment;
        let span = format!(
            "{}[{} .. {}]",
            "  ".repeat(node.depth),
            grouped(&first.to_string()),
            grouped(&node.segment.end().to_string())
        );
        let sides = node.sides.iter();
        let sides = sides.map(|(end, who)| format!("{} {}", parties(who), end.short()));
        let sides: Vec<String> = sides.collect();
        let _ = writeln!(text, "{span:<32} {}", sides.join("  |  "));
    }
    text
}

fn cost_text(replica: &Replica, reporter: &Reporter) -> String {
    let mut text = String::from("party  round     moves       bytes  of it proofs\n");
    let mut line = |party: Party, round: &str, cost: super::report::Cost| {
        let [moves, bytes, proofs] =
            [cost.moves, cost.bytes, cost.proof_bytes].map(|n| grouped(&n.to_string()));
        let party = party.0;
        let _ = writeln!(
            text,
            "{party:>5}  {round:>5}  {moves:>8}  {bytes:>10}  {proofs:>12}"
        );
    };
    for index in 0..replica.keys().len() {
        let party = Party(u16::try_from(index).expect("there are few parties"));
        let mut all = super::report::Cost::default();
        for ((_, round), cost) in reporter.costs.range((party, 0)..=(party, u32::MAX)) {
            all.moves += cost.moves;
            all.bytes += cost.bytes;
            all.proof_bytes += cost.proof_bytes;
            let round = if *round == 0 {
                "join".into()
            } else {
                round.to_string()
            };
            line(party, &round, *cost);
        }
        line(party, "all", all);
    }
    text
}

fn cost_json(reporter: &Reporter) -> Value {
    let costs = reporter.costs.iter().map(|((party, round), cost)| {
        json!({
            "party": party.0,
            "round": round,
            "moves": number(cost.moves),
            "bytes": number(cost.bytes),
            "proof_bytes": number(cost.proof_bytes),
        })
    });
    costs.collect()
}

/// `avm dispute list [DIR]`.
///
/// # Errors
/// If the directory cannot be read. A file that cannot be used is listed with its error.
pub(super) fn list(ctx: &Context, dir: Option<&Path>) -> Result<Reply, CliError> {
    let dir = dir.unwrap_or(Path::new("."));
    let fail = |e: std::io::Error| error::unreadable(dir, &e);
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(fail)? {
        let path = entry.map_err(fail)?.path();
        if files::has_extension(&path, &["avmdispute"]) {
            paths.push(path);
        }
    }
    paths.sort();
    let mut text = String::new();
    let mut games = Vec::new();
    for path in paths {
        let name = path.file_name().unwrap_or_default().to_string_lossy();
        let name = crate::output::clip(&name, 60);
        match read(ctx, &path, &mut |_, _| {}) {
            Ok((replica, _)) => {
                let n = replica.keys().len();
                let noun = if n == 1 { "party" } else { "parties" };
                let verdict = verdict_text(&replica);
                let _ = writeln!(text, "{name:<28} {n:>3} {noun:<8} {verdict}");
                games.push(json!({
                    "file": path.display().to_string(),
                    "game": root(replica.id()),
                    "parties": n,
                    "round": replica.round(),
                    "verdict": verdict_json(&replica),
                }));
            }
            Err(error) => {
                let _ = writeln!(
                    text,
                    "{name:<28} error[{}]: {}",
                    error.code.id, error.message
                );
                games.push(json!({ "file": path.display().to_string(), "error": error.to_json() }));
            }
        }
    }
    Ok(Reply::new(text, json!({ "games": games })))
}

/// A time as RFC 3339 in UTC.
fn rfc3339(ms: u64) -> String {
    let (days, rest) = (ms / 86_400_000, ms % 86_400_000);
    // Days since 0000-03-01, in eras of 400 years; the year begins in March.
    let days = days + 719_468;
    let (era, day) = (days / 146_097, days % 146_097);
    let year = (day - day / 1460 + day / 36_524 - day / 146_096) / 365;
    let day = day - (365 * year + year / 4 - year / 100);
    let month = (5 * day + 2) / 153;
    let date = day - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = era * 400 + year + u64::from(month <= 2);
    let (hour, minute, second) = (rest / 3_600_000, rest / 60_000 % 60, rest / 1000 % 60);
    format!(
        "{year:04}-{month:02}-{date:02}T{hour:02}:{minute:02}:{second:02}.{:03}Z",
        rest % 1000
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn times() {
        let cases = [
            (0, "1970-01-01T00:00:00.000Z"),
            (951_782_400_000, "2000-02-29T00:00:00.000Z"),
            (1_709_251_199_999, "2024-02-29T23:59:59.999Z"),
            (1_735_689_600_001, "2025-01-01T00:00:00.001Z"),
        ];
        for (ms, want) in cases {
            assert_eq!(rfc3339(ms), want);
        }
    }
}
