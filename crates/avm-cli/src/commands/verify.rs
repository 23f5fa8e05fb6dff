//! `avm verify`: proofs checked with nothing but their files and the rules of this build.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use avm_core::{Claim, Hash, HostError, MemoryInbox, MemoryNodes, Sink};
use avm_merkle::{Leaf, LogHead, Tree};
use avm_prove::{KeyProof, Proof, ProofFile, RunProof, Until, VerifyError, verify_read};
use serde_json::{Value, json};

use super::prove::{STEPS_MAX, claim_json, key_row, supported, value_json};
use crate::codes;
use crate::context::Context;
use crate::error::{self, CliError};
use crate::files::Source;
use crate::log::Log;
use crate::output::{Reply, clip, count, grouped, number, root, row, seconds};
use crate::registry::{self, MachineCli, Proofs, Running};

/// What a proof has to be of.
pub struct Wanted<'a> {
    /// The state after, or the state of a key.
    pub root: Option<Hash>,
    /// The log, as a file.
    pub log: Option<&'a str>,
    /// Root of the log.
    pub head: Option<Hash>,
}

/// `avm verify FILE...`.
///
/// # Errors
/// Why the first of the proofs that are not valid is not; the others are notes of that error.
pub fn verify(ctx: &Context, files: &[PathBuf], wanted: &Wanted<'_>) -> Result<Reply, CliError> {
    let log = wanted.log.map(|name| Log::open(ctx, name, None));
    let log = log.transpose()?.map(|log| MemoryInbox(log.inputs));
    let required = Required {
        root: wanted.root,
        head: wanted.head,
        log: log.map(|log| (wanted.log.unwrap_or_default(), tree(&log))),
    };
    let (mut text, mut records) = (String::new(), Vec::new());
    let mut failure: Option<CliError> = None;
    for path in files {
        match one(ctx, path, &required) {
            Ok((report, record)) => {
                text += &report;
                records.push(record);
            }
            Err(error) => {
                text += &row(verdict(&error), path.display());
                records.push(json!({
                    "file": path.display().to_string(), "valid": false, "error": error.to_json(),
                }));
                failure = Some(match failure {
                    None => error,
                    Some(first) => first.note(format!("{}: {error}", path.display())),
                });
            }
        }
    }
    ctx.end_progress();
    let Some(mut failure) = failure else {
        return Ok(Reply::new(text, json!({ "proofs": records })));
    };
    failure.output = Some(text);
    Err(failure.with("proofs", records))
}

/// What became of a proof that is not valid, or not the one that was asked for.
fn verdict(error: &CliError) -> &'static str {
    match error.code.exit {
        1 if error.data.contains_key("required") => "other",
        1 => "invalid",
        3 => "unread",
        9 => "unknown",
        _ => "unchecked",
    }
}

/// What every proof has to be of.
struct Required<'a> {
    root: Option<Hash>,
    head: Option<Hash>,
    log: Option<(&'a str, Tree)>,
}

fn tree(inbox: &MemoryInbox) -> Tree {
    inbox.0.iter().map(|input| Leaf::of_item(input)).collect()
}

/// Checks one proof: what it shows, as text and for programs.
fn one(ctx: &Context, path: &Path, required: &Required<'_>) -> Result<(String, Value), CliError> {
    let name = path.display().to_string();
    let source = Source::read(path)?;
    let file = ProofFile::from_bytes(&source.bytes).map_err(|e| {
        CliError::new(&codes::MALFORMED_PROOF, format!("not a proof: {e}")).at(&name)
    })?;
    drop(source);
    let machine = rules(&file, &name)?;
    let (report, mut record) = match &file.proof {
        Proof::Run(proof) => run(ctx, machine, proof, &name, required)?,
        Proof::Key(proof) => key(ctx, machine, proof, &name, required)?,
    };
    record["file"] = json!(name);
    record["valid"] = json!(true);
    record["machine"] = json!(file.machine);
    record["spec"] = json!(file.spec);
    Ok((report, record))
}

/// The machine of a proof, if this build has it with the same rules.
fn rules(file: &ProofFile, name: &str) -> Result<&'static dyn MachineCli, CliError> {
    let (id, spec) = (clip(&file.machine, 60), clip(&file.spec, 60));
    let machine = registry::find(&file.machine).ok();
    let ours = machine.map(|machine| machine.vm(0).spec());
    match machine.filter(|_| ours == Some(&file.spec)) {
        Some(machine) => Ok(machine),
        None => Err(CliError::new(
            &codes::PROOF_RULES,
            format!(
                "the proof follows the rules `{spec}` of machine `{id}`, this build has {}",
                ours.map_or_else(|| "no such machine".into(), |ours| format!("`{ours}`"))
            ),
        )
        .at(name)
        .with("machine", id)
        .with("spec", spec)
        .with("ours", ours)),
    }
}

fn run(
    ctx: &Context,
    machine: &dyn MachineCli,
    proof: &RunProof,
    name: &str,
    required: &Required<'_>,
) -> Result<(String, Value), CliError> {
    supported(machine, Proofs::Runs)?;
    let vm = machine.vm(ctx.memory_limit());
    let most = ctx.global.max_steps.unwrap_or(STEPS_MAX);
    let started = Instant::now();
    proof
        .verify(&*vm, most)
        .map_err(|e| refused(&e, name).point(at(proof.pre.steps)))?;
    let took = started.elapsed().as_secs_f64();
    required.state(proof.post.state, "the state after", name)?;
    required.head(&proof.log, name)?;
    let (what, done) = shown(ctx, machine, proof)?;
    let mut text = row("valid", format!("{}  {what}", vm.spec()));
    text += &before_after(proof, &seconds(took));
    text += &row("claim", claim(proof, &done));
    text += &under(proof);
    let mut record = run_json(proof);
    record["point"] = json!(at(proof.pre.steps));
    record["shows"] = json!(what);
    record["claim"] = json!(claim(proof, &done));
    record["seconds"] = json!(took);
    Ok((text, record))
}

/// The point that a claim is at. A claim counts steps from the first of the run.
fn at(steps: u64) -> String {
    format!("@:{steps}")
}

/// What a run is, and how many steps it has in words.
fn shown(
    ctx: &Context,
    machine: &dyn MachineCli,
    proof: &RunProof,
) -> Result<(String, String), CliError> {
    let (from, to) = (proof.pre.steps, proof.post.steps);
    let taken = count(&(to - from).to_string(), "step");
    Ok(match proof.until {
        Until::Steps(1) => {
            let nodes = nodes_of(machine, proof);
            let opened = nodes.and_then(|nodes| {
                machine.open(proof.pre.state, Arc::new(nodes), ctx.memory_limit())
            });
            let mut opened = opened.map_err(|e| error::host(&e, proof.pre.inputs, ""))?;
            let done = operation(&mut *opened, from == to);
            (format!("step {}  {done}", at(from)), "one step".into())
        }
        Until::Steps(steps) => {
            let idle = match steps - (to - from) {
                0 => String::new(),
                idle => format!(", {} idle", grouped(&idle.to_string())),
            };
            let what = format!("steps {} .. {}  {taken}{idle}", at(from), at(to));
            (what, taken)
        }
        Until::Input => {
            let what = format!("input @{}  {taken} from {} on", proof.pre.inputs, at(from));
            (what, taken)
        }
    })
}

fn nodes_of(machine: &dyn MachineCli, proof: &RunProof) -> Result<MemoryNodes, HostError> {
    let vm = machine.vm(0);
    let mut nodes = MemoryNodes::default();
    for node in &proof.witness.nodes {
        nodes.put(vm.hash(node), node)?;
    }
    Ok(nodes)
}

/// The operation of one step as source text has it, or why there is none.
pub fn operation(running: &mut dyn Running, idle: bool) -> String {
    if running.condition() != registry::Condition::Running {
        return format!("(idle: the machine {})", running.condition().verb());
    }
    let (word, immediate) = running.next_operation();
    let text = match immediate {
        Some(immediate) => format!("{word} {}", clip(&immediate, 60)),
        None => word,
    };
    if idle {
        return format!("{text}  (idle: it waits for input)");
    }
    text
}

/// States before and after, and what the proof takes.
pub fn before_after(proof: &RunProof, took: &str) -> String {
    let bytes = grouped(&proof.witness.len_bytes().to_string());
    let nodes = count(&proof.witness.nodes.len().to_string(), "node");
    let inputs = match proof.witness.inputs.len() {
        0 => String::new(),
        inputs => format!(", {}", count(&inputs.to_string(), "input")),
    };
    let (pre, post) = (proof.pre.state.short(), proof.post.state.short());
    let text = format!("{pre}   after   {post}   witness {bytes} bytes, {nodes}{inputs}, {took}");
    row("before", text)
}

/// The log that a proof holds under.
pub fn under(proof: &RunProof) -> String {
    let LogHead { len, root } = proof.log;
    let text = match len {
        0 => String::from("the empty log"),
        _ => format!(
            "the log of {} with root {root}",
            count(&len.to_string(), "input")
        ),
    };
    row("under", text)
}

/// What a run shows, in a sentence.
fn claim(proof: &RunProof, done: &str) -> String {
    let (pre, post) = (proof.pre.state.short(), proof.post.state.short());
    match proof.until {
        Until::Steps(_) if proof.pre == proof.post => {
            format!("an honest machine in state {pre} stays there")
        }
        Until::Steps(_) => format!("an honest machine in state {pre} moves to {post} in {done}"),
        Until::Input => format!(
            "an honest machine in state {pre} takes input @{}, moves to {post} in {done}, and is done with it",
            proof.pre.inputs
        ),
    }
}

fn key(
    ctx: &Context,
    machine: &dyn MachineCli,
    proof: &KeyProof,
    name: &str,
    required: &Required<'_>,
) -> Result<(String, Value), CliError> {
    supported(machine, Proofs::RunsAndKeys)?;
    if required.head.is_some() || required.log.is_some() {
        return Err(error::usage(
            "a proof of a key is of a state and holds under any log; --log and --head are for runs",
        )
        .at(name));
    }
    let vm = machine.vm(ctx.memory_limit());
    let look_up = |nodes| machine.read_key(proof.state, nodes, &proof.key);
    let started = Instant::now();
    let checked = verify_read(
        |node| vm.hash(node),
        &proof.nodes,
        proof.value.as_deref(),
        look_up,
    );
    checked.map_err(|e| refused(&e, name))?;
    let took = started.elapsed().as_secs_f64();
    required.state(proof.state, "the state", name)?;
    let key = clip(&proof.key, 100);
    let (what, claim) = match &proof.value {
        Some(value) => {
            let value = clip(&machine.key_text(value), 100);
            let claim = format!("the state {} has {value} at {key}", proof.state.short());
            (format!("{key} = {value}"), claim)
        }
        None => (
            format!("{key} is not there"),
            format!("the state {} has no key {key}", proof.state.short()),
        ),
    };
    let mut text = row("valid", format!("{}  key {what}", vm.spec()));
    text += &key_row(
        proof.state,
        key_bytes(proof),
        proof.nodes.len(),
        &seconds(took),
    );
    text += &row("claim", &claim);
    text += &row("under", "any log: it is about this state alone");
    let mut record = key_json(machine, proof);
    record["claim"] = json!(claim);
    record["seconds"] = json!(took);
    Ok((text, record))
}

/// Bytes of the nodes of a proof of a key, with their lengths.
pub fn key_bytes(proof: &KeyProof) -> usize {
    proof.nodes.iter().map(|node| 4 + node.len()).sum()
}

/// Why a proof is refused.
fn refused(error: &VerifyError, name: &str) -> CliError {
    match error {
        VerifyError::StepLimit { limit, .. } => {
            error::limit_steps(error.to_string(), *limit).at(name)
        }
        VerifyError::Host(e @ HostError::MemoryLimit { .. }) => error::host(e, 0, name),
        _ => invalid(error).at(name),
    }
}

/// A proof that does not show what it claims.
fn invalid(error: &VerifyError) -> CliError {
    let (message, sides) = match error {
        VerifyError::Post { field, want, got } => (
            format!("the run ends with another {field}"),
            Some((*field, want, got)),
        ),
        _ => (error.to_string(), None),
    };
    let report = CliError::new(&codes::PROOF_INVALID, message);
    let Some((name, want, got)) = sides else {
        return report;
    };
    report
        .line("", format!("claimed  {}", field(want, name)))
        .line("", format!("found    {}", field(got, name)))
        .with("field", name)
        .with("claimed", claim_json(want))
        .with("found", claim_json(got))
}

/// One field of a claim as text.
fn field(claim: &Claim, name: &str) -> String {
    match name {
        "steps" => claim.steps.to_string(),
        "inputs" => claim.inputs.to_string(),
        "outputs" => claim.outputs.to_string(),
        "inbox" => claim.inbox.to_string(),
        "outbox" => claim.outbox.to_string(),
        _ => claim.state.to_string(),
    }
}

impl Required<'_> {
    fn state(&self, found: Hash, what: &str, name: &str) -> Result<(), CliError> {
        match self.root {
            Some(want) if want != found => {
                let message = format!("{what} is not the one of --root");
                Err(other(message, found, want, name))
            }
            _ => Ok(()),
        }
    }

    fn head(&self, found: &LogHead, name: &str) -> Result<(), CliError> {
        if let Some(want) = self.head.filter(|want| *want != found.root) {
            let message = String::from("it holds under a log of another root");
            return Err(other(message, found.root, want, name));
        }
        let Some((log, tree)) = &self.log else {
            return Ok(());
        };
        let want = tree.head();
        if want == *found {
            return Ok(());
        }
        let (len, wants) = (found.len, want.len);
        let message = format!("it holds under another log than {log}");
        let error = other(message, found.root, want.root, name);
        Err(match tree.head_at(len) == Some(*found) {
            true => error.note(format!(
                "its log is the first {len} inputs of {log}, which has {wants}"
            )),
            false => error.note(format!("its log has {len} inputs, {log} has {wants}")),
        })
    }
}

/// A valid proof of something that was not asked for.
fn other(message: String, found: Hash, want: Hash, name: &str) -> CliError {
    CliError::new(
        &codes::PROOF_OTHER,
        format!("the proof is valid, but {message}"),
    )
    .at(name)
    .line("", format!("proof     {found}"))
    .line("", format!("required  {want}"))
    .with("found", root(found))
    .with("required", root(want))
}

/// A run in JSON.
pub fn run_json(proof: &RunProof) -> Value {
    let kind = match proof.until {
        Until::Steps(1) => "step",
        Until::Steps(_) => "range",
        Until::Input => "input",
    };
    json!({
        "kind": kind,
        "steps": number(proof.post.steps - proof.pre.steps),
        "before": claim_json(&proof.pre),
        "after": claim_json(&proof.post),
        "log": { "inputs": number(proof.log.len), "root": root(proof.log.root) },
        "witness": {
            "bytes": proof.witness.len_bytes(),
            "nodes": proof.witness.nodes.len(),
            "inputs": proof.witness.inputs.len(),
        },
    })
}

/// A key in JSON.
pub fn key_json(machine: &dyn MachineCli, proof: &KeyProof) -> Value {
    json!({
        "kind": "key",
        "state": root(proof.state),
        "key": proof.key,
        "present": proof.value.is_some(),
        "value": value_json(proof.value.as_deref()),
        "text": proof.value.as_deref().map(|value| machine.key_text(value)),
        "witness": { "bytes": key_bytes(proof), "nodes": proof.nodes.len() },
    })
}
