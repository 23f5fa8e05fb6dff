//! `avm compare`: who agrees, who is behind, and since when somebody differs.
//!
//! The roots that the logs recorded are compared; nothing is executed. Each log is read to its end
//! once, so the first root that differs is looked for among all of them: a search by halving would
//! miss one wrong root between right ones.

use avm_atomicals::index::Params;
use avm_core::{Claim, Hash};
use clap::Args;
use serde_json::{Value, json};

use super::index::said;
use crate::codes;
use crate::context::Context;
use crate::error::{self, CliError};
use crate::output::{Reply, count, grouped, number, root};
use crate::point::Point;
use crate::recorded::Recorded;

/// `avm compare`.
#[derive(Args, Debug)]
pub struct CompareArgs {
    /// Store directories or logs, two at least
    #[arg(required = true, num_args = 2.., value_name = "NODE")]
    pub nodes: Vec<String>,
    /// Judge at this point and no further, for example b826309 [default: the last that all have]
    #[arg(long, value_name = "POINT")]
    pub at: Option<String>,
    /// Show the roots at every Nth height, too
    #[arg(long, value_name = "N", value_parser = clap::value_parser!(u64).range(1..))]
    pub every: Option<u64>,
}

/// What is found about one log.
struct Verdict {
    /// Inputs under the first claim that differs.
    since: Option<u64>,
    text: String,
}

/// `avm compare`.
///
/// # Errors
/// If a log cannot be read, records no root, or is of something else than the first.
pub fn compare(ctx: &Context, args: &CompareArgs) -> Result<Reply, CliError> {
    let logs: Vec<Recorded> = args
        .nodes
        .iter()
        .map(|name| Recorded::read(name))
        .collect::<Result<_, _>>()?;
    for log in &logs[1..] {
        same_run(&logs[0], log)?;
    }
    let mut tops = Vec::new();
    for log in &logs {
        tops.push(log.top().ok_or_else(|| error::no_roots(&log.name))?);
    }
    let lowest = tops.iter().copied().min().unwrap_or(0);
    let at = match &args.at {
        None => lowest,
        Some(text) => {
            // `b105` and `4` are short for `@b105` and `@4`.
            let point = match text.contains('@') {
                true => Point::parse(text)?,
                false => Point::parse(&format!("@{text}"))?,
            };
            let at = logs[0].moment(&point).filter(|_| point.log.is_none());
            at.ok_or_else(|| {
                error::usage(format!("`{text}` is no point of these logs"))
                    .help("write a height such as b826309, or an input such as @18204")
            })?
        }
    };
    if !logs.iter().any(|log| log.claims.contains_key(&at)) {
        let message = format!("no log records a root there; {}", ranges(&logs));
        return Err(error::point_missing(&logs[0].label(at), message));
    }
    let limit = args.at.as_ref().map_or(u64::MAX, |_| at);
    let reference = reference(&logs, &tops, at);
    let verdicts = verdicts(&logs, &tops, at, limit, reference);
    let differs = verdicts.iter().any(|verdict| verdict.since.is_some());
    let mut text = String::new();
    let mut listed = Vec::new();
    if let Some(every) = args.every {
        (text, listed) = along(
            &logs,
            every,
            limit.min(tops.iter().copied().max().unwrap_or(0)),
        );
        text += "\n";
    }
    text += &table(&logs, &tops, at, &verdicts);
    text += &reasons(&logs, &verdicts, reference);
    text += &rests_on(&logs, at, limit, lowest);
    ctx.end_progress();
    let head = tops.iter().copied().max().unwrap_or(0);
    let nodes = logs
        .iter()
        .zip(&verdicts)
        .zip(&tops)
        .map(|((log, verdict), top)| {
            let claim = log.claims.get(&at);
            json!({
                "node": log.name, "top": log.label(*top), "lag": head - top,
                "root": claim.map(|claim| root(claim.state)),
                "inbox": claim.map(|claim| root(claim.inbox)),
                "differs_since": verdict.since.map(|inputs| log.label(inputs)),
                "verdict": verdict.text, "roots": log.range(),
            })
        });
    let nodes: Vec<Value> = nodes.collect();
    let data = json!({
        "same": !differs, "at": logs[0].label(at), "inputs": number(at),
        "nodes": nodes, "roots": listed, "executed": false,
    });
    Ok(Reply {
        exit: if differs { codes::diverged() } else { 0 },
        ..Reply::new(text, data)
    })
}

/// Refuses logs that cannot have the same roots.
fn same_run(a: &Recorded, b: &Recorded) -> Result<(), CliError> {
    let sides = [a, b].map(|log| &log.header);
    let text = |log: &Recorded, what: &str| {
        let header = &log.header;
        match what {
            "machine" => header.identity.machine.clone(),
            "spec" => header.identity.spec.clone(),
            _ => match Params::from_bytes(&header.image)
                .ok()
                .filter(|_| log.first.is_some())
            {
                Some(params) => said(&params),
                None => format!("{}", Hash::keccak(&header.image)),
            },
        }
    };
    let what = match () {
        () if sides[0].identity.machine != sides[1].identity.machine => "machine",
        () if sides[0].identity.spec != sides[1].identity.spec => "spec",
        () if sides[0].image != sides[1].image => "program",
        () => return Ok(()),
    };
    let width = a.name.chars().count().max(b.name.chars().count());
    let line = |log: &Recorded| format!("{:<width$}  {}", log.name, text(log, what));
    let message = format!("the logs are of different {what}s, so their roots cannot be compared");
    Err(CliError::new(&codes::COMPARE_OTHER, message)
        .line("", line(a))
        .line("", line(b))
        .with("what", what)
        .with("a", text(a, what))
        .with("b", text(b, what)))
}

/// The log that the others are held against: of those whose root at `at` most have, the one that
/// goes furthest; `None` if no root has more than the others.
fn reference(logs: &[Recorded], tops: &[u64], at: u64) -> Option<usize> {
    let claim = |log: usize| logs[log].claims.get(&at);
    let votes = |log: usize| {
        let ours = claim(log);
        (0..logs.len())
            .filter(|other| claim(*other) == ours)
            .count()
    };
    let voters: Vec<usize> = (0..logs.len())
        .filter(|log| claim(*log).is_some())
        .collect();
    let most = voters.iter().map(|log| votes(*log)).max()?;
    let mut first = voters.iter().copied().filter(|log| votes(*log) == most);
    let leader = first.next()?;
    if first.clone().any(|other| claim(other) != claim(leader)) {
        return None;
    }
    let mut best = leader;
    for other in first {
        if tops[other] > tops[best] {
            best = other;
        }
    }
    Some(best)
}

/// Inputs under the first claims of two logs that differ, up to `limit`.
fn first_difference(a: &Recorded, b: &Recorded, limit: u64) -> Option<u64> {
    let both = a.claims.range(..=limit);
    let mut both = both.filter_map(|(inputs, claim)| Some((inputs, claim, b.claims.get(inputs)?)));
    both.find(|(_, a, b)| a != b).map(|(inputs, ..)| *inputs)
}

fn verdicts(
    logs: &[Recorded],
    tops: &[u64],
    at: u64,
    limit: u64,
    reference: Option<usize>,
) -> Vec<Verdict> {
    let head = tops.iter().copied().max().unwrap_or(0);
    let since = |log: usize| match reference {
        Some(reference) => first_difference(&logs[reference], &logs[log], limit),
        None => {
            let others = (0..logs.len()).filter(|other| *other != log);
            others
                .filter_map(|other| first_difference(&logs[other], &logs[log], limit))
                .min()
        }
    };
    let since: Vec<Option<u64>> = (0..logs.len()).map(since).collect();
    let agree = since.iter().filter(|since| since.is_none()).count();
    let text = |log: usize| {
        let verdict = match since[log] {
            Some(inputs) => format!("DIFFERS since {}", logs[log].label(inputs)),
            None if !logs[log].claims.contains_key(&at) => "agrees as far as it goes".into(),
            None if tops[log] < head => "agrees, behind".into(),
            None => format!("agrees with {agree} of {}", logs.len()),
        };
        match (since[log], reference) {
            (Some(_), Some(right)) => format!(
                "{verdict}   -> avm bisect {} {}",
                logs[right].name, logs[log].name
            ),
            (Some(_), None) if log > 0 => {
                format!(
                    "{verdict}   -> avm bisect {} {}",
                    logs[0].name, logs[log].name
                )
            }
            _ => verdict,
        }
    };
    (0..logs.len())
        .map(|log| Verdict {
            since: since[log],
            text: text(log),
        })
        .collect()
}

fn short(claim: Option<&Claim>) -> String {
    claim.map_or_else(|| "-".into(), |claim| claim.state.short().to_string())
}

fn table(logs: &[Recorded], tops: &[u64], at: u64, verdicts: &[Verdict]) -> String {
    let head = tops.iter().copied().max().unwrap_or(0);
    let title = format!("root at {}", logs[0].label(at));
    let names = logs.iter().map(|log| log.name.chars().count());
    let width = names.max().unwrap_or(0).max(4);
    let height = |log: &Recorded, top: u64| {
        let label = log.label(top);
        match label.strip_prefix('b') {
            Some(height) => grouped(height),
            None => label,
        }
    };
    let wide = title.chars().count().max(18);
    let mut text = format!(
        "{:<width$}  {:>9}  {:>5}  {title:<wide$}  verdict\n",
        "node", "height", "lag"
    );
    for ((log, verdict), top) in logs.iter().zip(verdicts).zip(tops) {
        text += &format!(
            "{:<width$}  {:>9}  {:>5}  {:<wide$}  {}\n",
            log.name,
            height(log, *top),
            head - top,
            short(log.claims.get(&at)),
            verdict.text,
        );
    }
    text
}

/// Why those that differ do.
fn reasons(logs: &[Recorded], verdicts: &[Verdict], reference: Option<usize>) -> String {
    let mut text = String::new();
    for (at, (log, verdict)) in logs.iter().zip(verdicts).enumerate() {
        let right = reference.unwrap_or(0);
        let Some(since) = verdict.since.filter(|_| at != right) else {
            continue;
        };
        let [ours, theirs] = [log, &logs[right]].map(|log| log.claims.get(&since));
        let inputs = if log.first.is_some() {
            "blocks"
        } else {
            "inputs"
        };
        let why = match (ours, theirs) {
            (Some(a), Some(b)) if a.inbox != b.inbox => {
                format!("other {inputs} up to there: the two follow different chains of inputs")
            }
            (Some(a), Some(b)) if a.state != b.state => {
                format!("the same {inputs}, and another root: rules, software or hardware differ")
            }
            (Some(_), Some(_)) => {
                format!("the same {inputs} and root, and another count or output")
            }
            _ => continue,
        };
        text += &format!("{}: {why}\n", log.name);
    }
    text
}

/// What the verdict rests on.
fn rests_on(logs: &[Recorded], at: u64, limit: u64, lowest: u64) -> String {
    let last = limit.min(lowest);
    let roots: usize = logs
        .iter()
        .map(|log| log.claims.range(1..=last).count())
        .min()
        .unwrap_or(0);
    let to = if limit == u64::MAX { lowest } else { at };
    format!(
        "rests on {} recorded by each up to {}; nothing was executed ({})\n",
        count(&roots.to_string(), "root"),
        logs[0].label(to),
        ranges(logs),
    )
}

fn ranges(logs: &[Recorded]) -> String {
    let ranges = logs
        .iter()
        .map(|log| format!("{} has {}", log.name, log.range()));
    ranges.collect::<Vec<_>>().join(", ")
}

/// The roots at every `every`th moment up to `last`.
fn along(logs: &[Recorded], every: u64, last: u64) -> (String, Vec<Value>) {
    let first = u64::from(logs[0].first.unwrap_or(0));
    let (mut text, mut listed) = (String::new(), Vec::new());
    for inputs in 1..=last {
        // A round height, or the last one.
        let height = first + inputs - 1;
        let claims: Vec<Option<&Claim>> = logs.iter().map(|log| log.claims.get(&inputs)).collect();
        if height % every != 0 && inputs != last || claims.iter().all(Option::is_none) {
            continue;
        }
        let mut known = claims.iter().flatten();
        let one = known.next();
        let same = known.all(|claim| Some(claim) == one);
        let label = logs[0].label(inputs);
        let roots: Vec<String> = claims
            .iter()
            .map(|claim| format!("{:<14}", short(*claim)))
            .collect();
        text += &format!(
            "{label:<9} {}  {}\n",
            roots.join("  "),
            if same { "same" } else { "DIFFERENT" }
        );
        let roots = claims
            .iter()
            .map(|claim| claim.map(|claim| root(claim.state)));
        listed.push(json!({ "point": label, "same": same, "roots": roots.collect::<Vec<_>>() }));
    }
    (text, listed)
}
