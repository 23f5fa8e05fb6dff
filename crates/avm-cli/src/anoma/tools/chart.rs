//! From a part of a run to its chart, or to its events line by line.

use avm_anoma::chart::{Builder, Chart};
use avm_anoma::event::Event;
use avm_anoma::input::Input;
use avm_anoma::seen::Seen;
use avm_core::{Hash, HostError};
use serde_json::{Value, json};

use super::super::events;
use super::super::json::{Ids, Plain};
use super::draw::{Drawing, Names};
use super::own;
use crate::cli::TraceForm;
use crate::context::Context;
use crate::error::{self, CliError};
use crate::output::{number, root};
use crate::session::Session;

/// Steps between two looks at what was seen.
const SLICE: u64 = 1 << 12;
/// Most moments of a chart.
const MOMENTS: usize = 100_000;

/// Whether the machine of a session has charts.
pub(crate) fn has_charts(session: &mut Session<'_>) -> bool {
    own(session.running.as_mut()).is_some()
}

/// Gets what was seen of one input after the other, with the inputs.
type Take<'a> = dyn FnMut(&[avm_core::Bytes], Seen) -> Result<(), CliError> + 'a;

/// Takes `steps` steps and gives what was seen, piece by piece.
fn follow(session: &mut Session<'_>, mut steps: u64, take: &mut Take<'_>) -> Result<(), CliError> {
    let log = session.log;
    if let Some(running) = own(session.running.as_mut()) {
        running.seen();
    }
    loop {
        let before = session.place();
        let slice = steps.min(SLICE);
        session.run(slice)?;
        let after = session.place();
        let place = |inputs| usize::try_from(inputs).unwrap_or(usize::MAX);
        let inputs = log.inputs.get(place(before.1)..place(after.1));
        if let Some(running) = own(session.running.as_mut()) {
            take(inputs.unwrap_or_default(), running.seen())?;
        }
        steps -= after.0 - before.0;
        if steps == 0 || after.0 - before.0 < slice {
            return Ok(());
        }
    }
}

/// The chart of the next `steps` steps as text.
///
/// # Errors
/// If a limit is hit.
pub(crate) fn drawn(
    session: &mut Session<'_>,
    steps: u64,
    form: TraceForm,
    audit: bool,
) -> Result<String, CliError> {
    let mut builder = Builder::default();
    let mut names = Names::default();
    follow(session, steps, &mut |inputs, seen| {
        named(&mut names, inputs, &seen);
        builder.add(&seen);
        match builder.len() {
            0..=MOMENTS => Ok(()),
            found => Err(error::usage(format!(
                "a chart of {found} moments is too large to be drawn, at most {MOMENTS} are"
            ))
            .help("take a smaller part, such as FILE@3, or --as events")),
        }
    })?;
    let chart = builder.finish();
    let host = |e: HostError| error::host(&e, 0, &session.log.name);
    if let Some(running) = own(session.running.as_mut()) {
        for (at, party) in chart.parties.iter().enumerate() {
            if let Some(view) = running.machine().object(party.id).map_err(host)? {
                names.behaviours.insert(at, view.behaviour.to_string());
            }
        }
    }
    let root = root_of(&chart).map_err(host)?;
    let drawing = Drawing::new(&chart, &names, audit);
    Ok(match form {
        TraceForm::Dot => drawing.dot(root),
        _ => drawing.mermaid(root),
    })
}

/// Root over the effective arrows, and how many there are.
pub(crate) fn root_of(chart: &Chart) -> Result<(Hash, u64), HostError> {
    let head = chart.tree()?.head();
    Ok((head.root, head.len))
}

/// Remembers names of programs: executions are numbered in the order of the inputs that start them,
/// so they are known if no start was refused.
fn named(names: &mut Names, inputs: &[avm_core::Bytes], seen: &Seen) {
    let starts = inputs
        .iter()
        .filter_map(|input| match Input::from_bytes(input) {
            Ok(Input::Start(start)) => Some(start.program),
            _ => None,
        });
    let starts: Vec<String> = starts.collect();
    if starts.len() == seen.started.len() {
        let executions = seen.started.iter().map(|(execution, _)| *execution);
        names.programs.extend(executions.zip(starts));
    }
}

/// The events of the next `steps` steps, one JSON document a line.
///
/// # Errors
/// If a limit is hit, or nobody reads.
pub(crate) fn events(ctx: &Context, session: &mut Session<'_>, steps: u64) -> Result<(), CliError> {
    let vm = session.log.machine.vm(0);
    let start = json!({
        "t": "start", "schema": "avm/1", "machine": vm.id(), "spec": vm.spec(),
        "log": session.log.name, "point": session.label(), "root": root(session.claim().state),
    });
    ctx.write(&format!("{start}\n"))?;
    let name = session.log.name.clone();
    let mut builder = Builder::default();
    let mut count = 0_u64;
    follow(session, steps, &mut |_, seen| {
        for event in &seen.events {
            let line = told(event).map_err(|e| error::host(&e, 0, &name))?;
            ctx.write(&format!("{line}\n"))?;
        }
        count += seen.events.len() as u64;
        builder.add(&seen);
        Ok(())
    })?;
    let chart = root_of(&builder.finish()).map_err(|e| error::host(&e, 0, &name))?;
    let end = json!({
        "t": "end", "point": session.label(), "events": number(count),
        "msc": { "root": root(chart.0), "arrows": number(chart.1) },
        "root": root(session.claim().state),
    });
    ctx.write(&format!("{end}\n"))
}

fn told(event: &Event) -> Result<Value, HostError> {
    let mut fields = match events::event(&event.kind, &Plain)? {
        Value::Array(fields) => fields,
        other => vec![other],
    };
    let name = fields.remove(0);
    let mut line = json!({
        "t": "event", "execution": number(event.execution), "seq": number(event.seq),
        "depth": event.depth, "controller": event.controller.as_deref(),
        "tx": event.tx.as_ref().map(|tx| Plain.tx_text(tx)), "event": name, "fields": fields,
    });
    use avm_anoma::event::EventKind::{MessageReceived, MessageSent};
    if let MessageSent { message, .. } | MessageReceived { message, .. } = &event.kind {
        line["message"] = number(*message);
    }
    Ok(line)
}
