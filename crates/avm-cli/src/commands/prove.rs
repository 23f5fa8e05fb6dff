//! `avm prove`: a proof of a step, a range, an input or a key, as a file.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Instant;

use avm_core::{Claim, Hash, MemoryInbox, MemoryNodes, Nodes};
use avm_prove::{
    AgreedLog, KeyProof, LiveNodes, Proof, ProofFile, ProveError, RunProof, Until, prove_read,
    prove_run,
};
use serde_json::{Value, json};

use super::{open, verify};
use crate::cli::ProofKind;
use crate::codes;
use crate::context::Context;
use crate::error::{self, CliError, usage};
use crate::files;
use crate::locate::{self, Part};
use crate::log::Log;
use crate::output::{Reply, clip, count, hex, number, root, row, seconds};
use crate::point::{Point, Target};
use crate::registry::{MachineCli, Proofs};
use crate::session::Session;

/// Most steps of a proof unless --max-steps says otherwise.
pub const STEPS_MAX: u64 = 100_000_000;
/// Name ending of proofs.
const EXTENSION: &str = "avmproof";

/// What to prove, and where to write it.
pub struct Options<'a> {
    /// The file, if it was named.
    pub output: Option<&'a Path>,
    /// The kind, if it was named.
    pub kind: Option<ProofKind>,
    /// The key, for a proof of one.
    pub key: Option<&'a str>,
}

/// `avm prove TARGET`.
///
/// # Errors
/// If there is no such moment or key, the machine has no such proofs, or a limit is hit.
pub fn prove(
    ctx: &Context,
    target: &[String],
    inputs: Option<&Path>,
    options: &Options<'_>,
) -> Result<Reply, CliError> {
    let (log, target) = open(ctx, target, inputs)?;
    let kind = kind_of(&log, &target, options)?;
    let wanted = match kind {
        ProofKind::Key => Proofs::RunsAndKeys,
        _ => Proofs::Runs,
    };
    supported(log.machine, wanted)?;
    let made = match (kind, &target) {
        (ProofKind::Key, Target::Point(point)) => {
            key(ctx, &log, point, options.key.unwrap_or_default())?
        }
        (ProofKind::Input, Target::Point(point)) => input(ctx, &log, point)?,
        (_, Target::Range(from, to)) => {
            let part = locate::between(ctx, &log, from, to)?;
            run(ctx, &log, part, "range")?
        }
        (_, Target::Point(point)) => step(ctx, &log, point)?,
        (_, Target::File(_)) => return Err(whole_file(&log)),
    };
    ctx.end_progress();
    made.write(ctx, &log, options.output)
}

/// What the target and the options ask for.
fn kind_of(log: &Log, target: &Target, options: &Options<'_>) -> Result<ProofKind, CliError> {
    let by_target = match target {
        Target::File(_) => return Err(whole_file(log)),
        Target::Range(..) => ProofKind::Range,
        Target::Point(Point { step: Some(_), .. }) => ProofKind::Step,
        Target::Point(_) => ProofKind::Input,
    };
    let is_range = by_target == ProofKind::Range;
    match (options.kind, options.key) {
        (None | Some(ProofKind::Key), Some(_)) if is_range => {
            Err(usage("a key is of one state, and a range is not"))
        }
        (None | Some(ProofKind::Key), Some(_)) => Ok(ProofKind::Key),
        (Some(ProofKind::Key), None) => {
            Err(usage("which key?").help("write --key KEY; `avm state` lists the keys of a state"))
        }
        (Some(_), Some(_)) => Err(usage("--key goes with no other --kind")),
        (Some(kind), None) if kind != by_target => Err(usage(match kind {
            ProofKind::Step => "a step is proved at a point that names one, such as @3:7",
            ProofKind::Range => "a range is proved between two points, such as @3..@5",
            _ => "an input is proved at a point without a step, such as @3",
        })),
        (_, None) => Ok(by_target),
    }
}

fn whole_file(log: &Log) -> CliError {
    let name = &log.name;
    usage("what of it? a proof is of a step, a range, an input or a key").help(format!(
        "the last step: avm prove {name}@final:-1{}",
        log.inputs_option
    ))
}

/// Refuses a machine that has no such proofs.
///
/// # Errors
/// If it has not.
pub fn supported(machine: &dyn MachineCli, wanted: Proofs) -> Result<(), CliError> {
    let what = match (machine.proofs(), wanted) {
        (Proofs::RunsAndKeys, _) | (Proofs::Runs, Proofs::Runs) => return Ok(()),
        (Proofs::Runs, _) => "of keys",
        (Proofs::None, _) => "yet",
    };
    let id = machine.vm(0).id();
    let message = format!("machine `{id}` has no proofs {what}");
    Err(CliError::new(&codes::PROOF_UNSUPPORTED, message)
        .help(format!("`avm machines {id}` says what can be proved")))
}

/// A proof, and how it is called.
struct Made {
    proof: Proof,
    /// First line: label and text.
    title: (&'static str, String),
    /// Point of the state before, absolute.
    point: String,
    /// What the default file name ends in.
    name: String,
    seconds: f64,
}

/// One step from the state at a point.
fn step(ctx: &Context, log: &Log, point: &Point) -> Result<Made, CliError> {
    let session = locate::state(ctx, log, point)?;
    run(ctx, log, Part { session, steps: 1 }, "step")
}

/// All of the input that a point names; the genesis span is a range, as it takes none.
fn input(ctx: &Context, log: &Log, point: &Point) -> Result<Made, CliError> {
    let mut session = locate::start_of(ctx, log, point)?;
    if session.most == 0 {
        let part = locate::part(ctx, log, point)?;
        return run(ctx, log, part, "range");
    }
    let (index, pre) = (session.place().1, session.claim());
    let (proof, seconds) = proved(ctx, log, &mut session, Until::Input)?;
    let steps = proof.post.steps - pre.steps;
    let text = format!("@{index}  {}", span(&proof.pre, steps));
    Ok(Made {
        proof: Proof::Run(Box::new(proof)),
        title: ("input", text),
        point: format!("@{index}:0"),
        name: index.to_string(),
        seconds,
    })
}

/// The steps of a part of the run.
fn run(ctx: &Context, log: &Log, part: Part<'_>, label: &'static str) -> Result<Made, CliError> {
    let Part { mut session, steps } = part;
    let from = session.label();
    let (proof, seconds) = proved(ctx, log, &mut session, Until::Steps(steps))?;
    let is_step = label == "step";
    let (text, name) = if is_step {
        let (pre, post) = (proof.pre, proof.post);
        let done = verify::operation(&mut *session.running, pre == post);
        let text = format!("{from}  {done}  (step {} of the run)", pre.steps);
        (text, file_part(&from))
    } else {
        session.run(steps)?;
        let to = session.label();
        let text = format!("{from} .. {to}  {}", span(&proof.pre, steps));
        (text, format!("{}-to-{}", file_part(&from), file_part(&to)))
    };
    Ok(Made {
        proof: Proof::Run(Box::new(proof)),
        title: (label, text),
        point: from,
        name,
        seconds,
    })
}

/// `5 steps, from step 108 of the run on`.
fn span(pre: &Claim, steps: u64) -> String {
    let steps = count(&steps.to_string(), "step");
    format!("{steps}, from step {} of the run on", pre.steps)
}

/// `@1:4` as a part of a file name.
pub fn file_part(point: &str) -> String {
    point.trim_start_matches('@').replace(':', "-")
}

/// Proves a run from where the session is, under the whole log.
fn proved(
    ctx: &Context,
    log: &Log,
    session: &mut Session<'_>,
    until: Until,
) -> Result<(RunProof, f64), CliError> {
    let pre = session.claim();
    let vm = log.machine.vm(ctx.memory_limit());
    let inbox = MemoryInbox(log.inputs.clone());
    let host = |e| error::host(&e, pre.inputs, &log.name);
    let agreed = AgreedLog::read(&inbox, inbox.0.len() as u64).map_err(host)?;
    let nodes: Arc<dyn Nodes> = match until {
        Until::Steps(1) => live(session),
        _ => saved(session, &log.name)?,
    };
    let most = ctx.global.max_steps.unwrap_or(STEPS_MAX);
    let started = Instant::now();
    let (witness, post) = prove_run(&*vm, &agreed, &pre, until, nodes, most)
        .map_err(|e| failed(&e, &pre, &log.name, &session.label()))?;
    let proof = RunProof {
        log: agreed.head(),
        pre,
        until,
        post,
        witness,
    };
    Ok((proof, started.elapsed().as_secs_f64()))
}

/// The nodes of the state, found one by one: for proofs that take few.
fn live(session: &mut Session<'_>) -> Arc<dyn Nodes> {
    LiveNodes::new(session.running.machine().fork())
}

/// The nodes of the state, all of them.
fn saved(session: &mut Session<'_>, file: &str) -> Result<Arc<MemoryNodes>, CliError> {
    let mut nodes = MemoryNodes::default();
    let saved = session.running.machine().save(&mut nodes);
    saved.map_err(|e| error::host(&e, 0, file))?;
    Ok(Arc::new(nodes))
}

/// Why there is no proof.
fn failed(error: &ProveError, pre: &Claim, file: &str, point: &str) -> CliError {
    match error {
        ProveError::Host(e) => error::host(e, pre.inputs, file),
        ProveError::StepLimit { limit } => error::limit_steps(error.to_string(), *limit)
            .at(file)
            .point(point),
        ProveError::NoInput { .. } => CliError::new(&codes::NO_WHOLE_INPUT, error.to_string())
            .at(file)
            .point(point),
        _ => error::bug(error.to_string()).at(file).point(point),
    }
}

/// What the state at a point has at a key.
fn key(ctx: &Context, log: &Log, point: &Point, key: &str) -> Result<Made, CliError> {
    if !log.machine.is_key(key) {
        let message = format!("`{}` is no name of a key", clip(key, 60));
        let list = format!("list the keys: avm state {point}");
        return Err(error::key_missing(message).help(list));
    }
    let mut session = locate::state(ctx, log, point)?;
    let state = session.claim().state;
    let nodes = live(&mut session);
    let vm = log.machine.vm(ctx.memory_limit());
    let started = Instant::now();
    let read = prove_read(&*vm, nodes, |nodes| log.machine.read_key(state, nodes, key));
    let at = moment(&session, point);
    let (value, nodes) = read.map_err(|e| failed(&e, &session.claim(), &log.name, &at))?;
    let seconds = started.elapsed().as_secs_f64();
    let found = match &value {
        Some(value) => log.machine.key_text(value),
        None => "(not in the state)".into(),
    };
    let name = format!("{}-{}", file_part(&at), key.replace('/', "-"));
    Ok(Made {
        proof: Proof::Key(KeyProof {
            state,
            key: key.into(),
            value,
            nodes,
        }),
        title: ("key", format!("{at}  {key}  {}", clip(&found, 100))),
        point: at,
        name,
        seconds,
    })
}

/// A name for a file about a point of a log, in the current directory. A bundle is usually called
/// by its point already.
pub fn default_name(log: &Log, point: &str, extension: &str) -> PathBuf {
    let stem = Path::new(&log.name).file_stem().unwrap_or_default();
    let stem = stem.to_string_lossy();
    let end = format!("-{point}");
    let stem = stem.strip_suffix(&end).unwrap_or(&stem);
    PathBuf::from(format!("{stem}{end}.{extension}"))
}

/// A point with everything counted from the end replaced.
pub fn moment(session: &Session<'_>, point: &Point) -> String {
    match (point.step, session.most) {
        (None, 0) if session.place().0 == 0 => "@genesis".into(),
        (None, most) if most > 0 && session.place().1 == most => format!("@{}", most - 1),
        _ => session.label(),
    }
}

impl Made {
    /// Writes the file, and says what it is.
    fn write(self, ctx: &Context, log: &Log, output: Option<&Path>) -> Result<Reply, CliError> {
        let vm = log.machine.vm(0);
        let file = ProofFile {
            machine: vm.id().into(),
            spec: vm.spec().into(),
            proof: self.proof,
        };
        let path = match output {
            Some(path) => path.to_owned(),
            None => default_name(log, &self.name, EXTENSION),
        };
        let bytes = file.to_bytes();
        files::write_or_keep(&path, &bytes, ctx.global.yes)?;
        let shown = path.display().to_string();
        let (label, title) = &self.title;
        let took = seconds(self.seconds);
        let mut text = row(label, title);
        let mut data = match &file.proof {
            Proof::Run(run) => {
                text += &verify::before_after(run, &took);
                text += &verify::under(run);
                verify::run_json(run)
            }
            Proof::Key(key) => {
                text += &key_row(key.state, verify::key_bytes(key), key.nodes.len(), &took);
                verify::key_json(log.machine, key)
            }
        };
        text += &row("file", format!("{shown}   check it: avm verify {shown}"));
        data["point"] = json!(self.point);
        data["machine"] = json!(file.machine);
        data["spec"] = json!(file.spec);
        data["seconds"] = json!(self.seconds);
        data["file"] = json!(shown);
        data["file_bytes"] = json!(bytes.len());
        Ok(Reply::new(text, data))
    }
}

/// The state of a key and the size of its proof.
pub fn key_row(state: Hash, bytes: usize, nodes: usize, took: &str) -> String {
    let nodes = count(&nodes.to_string(), "node");
    let text = format!(
        "{}   witness {} bytes, {nodes}, {took}",
        state.short(),
        crate::output::grouped(&bytes.to_string())
    );
    row("state", text)
}

/// Claims in JSON, for proofs.
#[must_use]
pub fn claim_json(claim: &Claim) -> Value {
    json!({
        "root": root(claim.state), "steps": number(claim.steps),
        "inputs": number(claim.inputs), "inbox": root(claim.inbox),
        "outputs": number(claim.outputs), "outbox": root(claim.outbox),
    })
}

/// Bytes of a key's value in JSON.
#[must_use]
pub fn value_json(value: Option<&[u8]>) -> Value {
    value.map_or(Value::Null, |value| json!(hex(value)))
}
