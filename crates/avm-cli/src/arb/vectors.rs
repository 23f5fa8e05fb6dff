//! Reference vectors of the classic Arbitrum machine, in the schema of their README.

use avm_arb::{Arb, ArbMachine, LOGS, Message, Program, SENDS, Status, ValueInfo, sent_bytes};
use avm_core::{Bytes, Hash, Host, HostError, Machine, MemoryNodes, Output, Stop};
use ruint::aliases::U256;
use serde_json::Value;

mod challenges;
mod proofs;

use super::inbox;
use crate::vectors::{Case, Check, check};

/// Opcode of `log`.
const LOG: u8 = 0x61;

/// Runs all cases of one file.
#[must_use]
pub fn run(file: &str, document: &Value) -> Vec<Case> {
    let entries = || document.as_array().into_iter().flatten();
    match file {
        "values.json" => values(document),
        "bench.json" => entries().map(|entry| named(entry, bench)).collect(),
        "disagreements.json" => entries().map(|entry| named(entry, disagreement)).collect(),
        "adversarial_proofs.json" => {
            let cases = |(at, entry): (usize, &Value)| {
                let kind = entry["kind"].as_str().unwrap_or("unnamed");
                let honest = Case::new(format!("{kind}_{at} honest step"), honest_step(entry));
                let forged = Case::new(format!("{kind}_{at} forged"), proofs::forged(entry));
                [honest, forged]
            };
            entries().enumerate().flat_map(cases).collect()
        }
        "mutated_proofs.json" => entries().map(proofs::damaged).collect(),
        "proofs.json" => entries().flat_map(proofs::verified).collect(),
        "challenges.json" => {
            let replay = |entry| named(entry, challenges::replay);
            entries().map(replay).collect()
        }
        _ => {
            let run = |entry| {
                [named(entry, program)]
                    .into_iter()
                    .chain(proofs::made(entry))
            };
            entries().flat_map(run).collect()
        }
    }
}

fn named(entry: &Value, run: impl FnOnce(&Value) -> Check) -> Case {
    let name = entry["name"].as_str().unwrap_or("unnamed");
    Case::new(name.into(), run(entry))
}

// ---- traced programs

/// A program that runs step by step, with what it sent and logged.
struct Traced {
    machine: ArbMachine,
    host: Recorder,
    steps: u64,
}

/// A host with a fixed inbox that keeps all outputs.
#[derive(Default)]
struct Recorder {
    inbox: Vec<Bytes>,
    taken: usize,
    sends: Vec<Vec<u8>>,
    logs: Vec<Hash>,
}

impl Host for Recorder {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        let input = self.inbox.get(self.taken).cloned();
        self.taken += usize::from(input.is_some());
        Ok(input)
    }

    fn emit(&mut self, output: Output<'_>) -> Result<(), HostError> {
        match output.channel {
            SENDS => {
                let mut nodes = MemoryNodes::default();
                output.content.save(&mut nodes)?;
                self.sends.push(sent_bytes(output.hash, &nodes)?);
            }
            LOGS => self.logs.push(output.hash),
            _ => {}
        }
        Ok(())
    }
}

impl Traced {
    fn new(entry: &Value) -> Result<Self, String> {
        let image = entry["program"].to_string();
        let program = Program::from_json(image.as_bytes()).map_err(|e| e.to_string())?;
        let messages = match &entry["inbox"] {
            Value::Null => Vec::new(),
            inbox => inbox::messages(inbox).map_err(|e| e.to_string())?,
        };
        Ok(Traced {
            machine: Arb::default().load(&program),
            host: Recorder {
                inbox: messages
                    .iter()
                    .map(|message| message.to_bytes().into())
                    .collect(),
                ..Recorder::default()
            },
            steps: 0,
        })
    }

    /// Runs until `steps` steps are taken in all.
    fn run_to(&mut self, steps: u64) -> Result<Stop, String> {
        let budget = steps.checked_sub(self.steps);
        self.run(budget.ok_or_else(|| format!("step {steps} comes after step {}", self.steps))?)
    }

    /// Takes at most `budget` steps.
    fn run(&mut self, budget: u64) -> Result<Stop, String> {
        let ran = self
            .machine
            .run(budget, &mut self.host)
            .map_err(|e| e.to_string())?;
        self.steps += ran.steps;
        Ok(ran.stop)
    }
}

fn program(entry: &Value) -> Check {
    let mut run = Traced::new(entry)?;
    check(
        "initial hash",
        run.machine.machine_hash(),
        &entry["initial_hash"],
    )?;
    initial_parts(&mut run.machine, &entry["initial"])?;
    let mut logged = Vec::new();
    for (at, step) in entry["steps"].as_array().into_iter().flatten().enumerate() {
        let opcode = run.machine.opcode().map_err(|e| e.to_string())?;
        check(
            format!("opcode of step {at}"),
            format!("{opcode:02x}"),
            &step["op"],
        )?;
        if opcode == LOG {
            logged.extend(run.machine.first_operand().map_err(|e| e.to_string())?);
        }
        let before = run.machine.tally();
        run.run(1)?;
        one_step(&mut run, at, before.gas_used, step).map_err(|e| format!("step {at}: {e}"))?;
    }
    inbox_accumulators(entry)?;
    for checkpoint in entry["checkpoints"].as_array().into_iter().flatten() {
        let index = checkpoint[0]
            .as_u64()
            .ok_or("a checkpoint has no step index")?;
        run.run_to(index.saturating_add(1))?;
        check(
            format!("hash after step {index}"),
            run.machine.machine_hash(),
            &checkpoint[1],
        )?;
        check(
            format!("gas after step {index}"),
            run.machine.tally().gas_used,
            &checkpoint[2],
        )?;
    }
    let ended = entry["final"]["total_steps"]
        .as_u64()
        .ok_or("there is no final step count")?;
    let stop = run.run_to(ended)?;
    at_the_end(&mut run, stop, &logged, &entry["final"])
}

fn initial_parts(machine: &mut ArbMachine, want: &Value) -> Check {
    let parts = machine
        .parts()
        .ok_or("the machine is stopped at the start")?;
    let hashes = [
        ("pc", parts.pc),
        ("stack", parts.stack),
        ("aux", parts.aux),
        ("register", parts.register),
        ("static", parts.constant),
        ("err", parts.handler),
        ("gas_remaining", Hash(parts.gas_left.to_be_bytes())),
    ];
    hashes
        .into_iter()
        .try_for_each(|(name, hash)| check(format!("initial {name}"), hash, &want[name]))
}

/// What a step must have changed, and that it changed nothing else.
fn one_step(run: &mut Traced, at: usize, gas_before: U256, step: &Value) -> Check {
    check("steps", run.steps, &Value::from(at as u64 + 1))?;
    let tally = run.machine.tally();
    check("gas", tally.gas_used - gas_before, &step["gas"])?;
    check("hash", run.machine.machine_hash(), &step["hash"])?;
    let status = step
        .get("status")
        .cloned()
        .unwrap_or(Value::from("extensive"));
    check("status", run.machine.status(), &status)?;
    for (name, found) in counters(&run.machine) {
        if let Some(want) = step.get(name) {
            check(name, found, want)?;
        }
    }
    Ok(())
}

fn counters(machine: &ArbMachine) -> [(&'static str, String); 5] {
    let tally = machine.tally();
    [
        ("messages_read", tally.messages_read.to_string()),
        ("send_acc", tally.send_acc.to_string()),
        ("send_count", tally.sends.to_string()),
        ("log_acc", tally.log_acc.to_string()),
        ("log_count", tally.logs.to_string()),
    ]
}

fn at_the_end(run: &mut Traced, stop: Stop, logged: &[ValueInfo], want: &Value) -> Check {
    check("final status", run.machine.status(), &want["status"])?;
    check("final hash", run.machine.machine_hash(), &want["hash"])?;
    check(
        "total gas",
        run.machine.tally().gas_used,
        &want["total_gas"],
    )?;
    check("total steps", run.steps, &want["total_steps"])?;
    for (name, found) in counters(&run.machine) {
        check(format!("final {name}"), found, &want[name])?;
    }
    // One more step tells whether the machine can go on.
    let stop = if stop == Stop::Budget && want.get("truncated").is_none() {
        run.run(1)?
    } else {
        stop
    };
    if want["blocked"] == "inbox" {
        check("stop", format!("{stop:?}"), &Value::from("NeedsInput"))?;
    } else if want.get("truncated").is_none() {
        check("stop", format!("{stop:?}"), &Value::from("Halted"))?;
    }
    let sends = want["sends"].as_array().map_or(&[][..], Vec::as_slice);
    check(
        "number of sends",
        run.host.sends.len(),
        &Value::from(sends.len()),
    )?;
    for (at, (found, want)) in run.host.sends.iter().zip(sends).enumerate() {
        check(format!("send {at}"), hex(found), want)?;
    }
    let logs = want["logs"].as_array().map_or(&[][..], Vec::as_slice);
    check(
        "number of logs",
        run.host.logs.len(),
        &Value::from(logs.len()),
    )?;
    for (at, want) in logs.iter().enumerate() {
        check(format!("log {at}"), run.host.logs[at], &want["hash"])?;
        // Steps beyond the recorded ones were not looked at one by one.
        if let Some(info) = logged.get(at).filter(|info| info.hash == run.host.logs[at]) {
            value_info(&format!("log {at}"), info, want)?;
        }
    }
    if let Some(items) = want["stack_top_first"].as_array() {
        let found = run
            .machine
            .top_items(items.len())
            .map_err(|e| e.to_string())?;
        check("items on the stack", found.len(), &Value::from(items.len()))?;
        for (at, (info, want)) in found.iter().zip(items).enumerate() {
            value_info(&format!("stack item {at}"), info, want)?;
        }
    }
    Ok(())
}

fn value_info(what: &str, info: &ValueInfo, want: &Value) -> Check {
    check(format!("hash of {what}"), info.hash, &want["hash"])?;
    match want.get("marshal") {
        None => Ok(()),
        Some(marshal) => {
            let found = info.node_form.as_deref().map_or("none".into(), hex);
            check(format!("node form of {what}"), found, marshal)
        }
    }
}

// ---- inbox accumulators

/// Recomputes `sequencer_accs` and `delayed_accs`.
fn inbox_accumulators(entry: &Value) -> Check {
    if entry.get("inbox").is_none() {
        return Ok(());
    }
    let batch = proofs::batch(&entry["inbox"])?;
    let delayed = batch.delayed_accumulators().iter();
    let delayed: Vec<String> = delayed.map(Hash::to_string).collect();
    check(
        "delayed accumulators",
        format!("{delayed:?}"),
        &list(&entry["delayed_accs"]),
    )?;
    check(
        "sequencer accumulators",
        format!("{:?}", [batch.accumulator().to_string()]),
        &list(&entry["sequencer_accs"]),
    )
}

fn list(recorded: &Value) -> Value {
    let hashes = recorded
        .as_array()
        .into_iter()
        .flatten()
        .filter_map(Value::as_str);
    Value::from(format!("{:?}", hashes.collect::<Vec<_>>()))
}

/// The empty message that the contract puts behind a run of delayed ones.
fn end_of_run() -> Message {
    Message {
        kind: 6,
        sender: [0; 20],
        block_number: U256::from(77),
        timestamp: U256::from(88),
        sequence_number: U256::ZERO,
        gas_price_l1: U256::ZERO,
        data: Bytes::from([]),
    }
}

// ---- other files

fn bench(entry: &Value) -> Check {
    let mut run = Traced::new(entry)?;
    // One step more than recorded is enough to see that a run goes on.
    let ended = entry["total_steps"]
        .as_u64()
        .ok_or("there is no number of steps")?;
    run.run_to(ended.saturating_add(1))?;
    let tally = run.machine.tally();
    check("total steps", run.steps, &entry["total_steps"])?;
    check("total gas", tally.gas_used, &entry["total_gas"])?;
    check("status", run.machine.status(), &entry["status"])?;
    check("log accumulator", tally.log_acc, &entry["log_acc"])?;
    check("log count", tally.logs, &entry["log_count"])
}

/// A step on which emulator and contract differ: ours is the contract's.
fn disagreement(entry: &Value) -> Check {
    step_of(
        entry,
        &entry["consensus_result"]["hash"],
        &entry["consensus_result"]["gas"],
    )
}

/// The true step behind a forged proof.
fn honest_step(entry: &Value) -> Check {
    step_of(entry, &entry["honest_after"], &entry["honest_gas"])
}

fn step_of(entry: &Value, after: &Value, gas: &Value) -> Check {
    let mut run = Traced::new(entry)?;
    run.run(entry["step"].as_u64().ok_or("there is no step index")?)?;
    check("hash before", run.machine.machine_hash(), &entry["before"])?;
    let before = run.machine.tally().gas_used;
    run.run(1)?;
    check("hash after", run.machine.machine_hash(), after)?;
    check("gas", run.machine.tally().gas_used - before, gas)
}

fn values(document: &Value) -> Vec<Case> {
    let code = &document["code"];
    let mut cases = Vec::new();
    for entry in document["values"].as_array().into_iter().flatten() {
        cases.push(named(entry, |entry| one_value(code, entry)));
    }
    for (at, want) in document["codepoint_hashes_from_end"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        let operations = code.as_array().map_or(0, Vec::len);
        let place = Value::from(operations.saturating_sub(at));
        let value = serde_json::json!({ "CodePoint": { "Internal": place } });
        let found = load_value(code, &value);
        let result = found.and_then(|mut machine| {
            let info = machine.static_value().map_err(|e| e.to_string())?;
            check("hash", info.hash, want)
        });
        cases.push(Case::new(format!("codepoint_{at}_from_end"), result));
    }
    for (at, entry) in document["messages"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        cases.push(Case::new(format!("message_{at}"), one_message(entry)));
    }
    let mut zero = Hash::keccak(&[0; 32]);
    for (at, want) in document["zero_subtree_roots"]
        .as_array()
        .into_iter()
        .flatten()
        .enumerate()
    {
        cases.push(Case::new(
            format!("zero_subtree_{at}"),
            check("root", zero, want),
        ));
        zero = zero.join(zero);
    }
    cases
}

fn load_value(code: &Value, value: &Value) -> Result<ArbMachine, String> {
    let image = serde_json::json!({ "code": code, "static_val": value }).to_string();
    let program = Program::from_json(image.as_bytes()).map_err(|e| e.to_string())?;
    Ok(Arb::default().load(&program))
}

fn one_value(code: &Value, entry: &Value) -> Check {
    let mut machine = load_value(code, &entry["value"])?;
    let info = machine.static_value().map_err(|e| e.to_string())?;
    check("hash", info.hash, &entry["hash"])?;
    check("type", info.kind as u8, &entry["type"])?;
    check("size", Hash(info.size.to_be_bytes()), &entry["size"])?;
    check(
        "machine hash",
        machine.machine_hash(),
        &entry["machine_hash"],
    )?;
    match entry.get("node_form") {
        None => Ok(()),
        Some(want) => {
            let found = info.node_form.as_deref().map_or("none".into(), hex);
            check("node form", found, want)
        }
    }
}

fn one_message(entry: &Value) -> Check {
    let mut fields = entry.clone();
    if let Some(fields) = fields.as_object_mut() {
        let derived = [
            "message_hash",
            "prefix_hash",
            "data_hash",
            "tuple_hash",
            "proof_form",
        ];
        derived.iter().for_each(|name| drop(fields.remove(*name)));
    }
    let messages = inbox::messages(&Value::from(vec![fields])).map_err(|e| e.to_string())?;
    let message = &messages[0];
    check("message hash", message.hash(), &entry["message_hash"])?;
    check("prefix hash", message.prefix_hash(), &entry["prefix_hash"])?;
    check("data hash", message.data_hash(), &entry["data_hash"])?;
    // The tuple that `inbox` pushes.
    let mut run = Traced::new(&serde_json::json!({
        "program": { "code": [{ "opcode": 0x72, "immediate": null }], "static_val": { "Tuple": [] } },
    }))?;
    run.host.inbox.push(message.to_bytes().into());
    run.run(1)?;
    let pushed = run.machine.top_items(1).map_err(|e| e.to_string())?;
    let hash = pushed.first().ok_or("inbox pushed nothing")?.hash;
    check("tuple hash", hash, &entry["tuple_hash"])?;
    check(
        "status",
        run.machine.status() == Status::Extensive,
        &Value::from(true),
    )
}

/// Lower-case digits without prefix, as in the vectors.
fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
