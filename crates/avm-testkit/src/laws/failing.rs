//! The law about a failing outside: an injected failure is an `Err`, and nothing is a panic.

use std::sync::Arc;

use super::{HostError, Law, MemoryNodes, MemoryOutbox, Nodes, Run, Verdict, advance, spread};
use crate::faults::{Fault, FaultyInbox, FaultyNodes, FaultyOutbox, FaultySink, Trip};

const LAW: Law = Law::Fault;
/// States of a case that are tried.
const STATES: usize = 6;
/// Calls that are made to fail from each state, and images tried.
const CALLS: usize = 12;
/// Steps run after a state is opened.
const STEPS: u64 = 8;

pub(super) fn check(run: &Run<'_>) -> Verdict {
    images(run)?;
    logs(run)?;
    for step in run.trace.points(STATES) {
        nodes(run, step)?;
        sinks(run, step)?;
    }
    Ok(())
}

/// Mutated images are programs or refused.
fn images(run: &Run<'_>) -> Verdict {
    let image = &run.case.image;
    let cut = spread(image.len(), CALLS)
        .into_iter()
        .map(|len| image[..len].to_vec());
    let bits = spread(image.len() * 8, CALLS * 4).into_iter();
    let flipped = bits.map(|bit| Fault::Flip(bit).apply(image));
    for image in cut.chain(flipped).chain([vec![], vec![0xff; 40]]) {
        let what = format!("genesis of the image {image:02x?}");
        run.calm(LAW, 0, &what, || drop(run.vm.genesis(&image)))?;
    }
    Ok(())
}

/// Checks that `done` is an error if `trip` went off.
fn noticed(
    run: &Run<'_>,
    step: u64,
    what: &str,
    trip: &Trip,
    done: &Result<(), HostError>,
) -> Verdict {
    if trip.fired() && done.is_ok() {
        return Err(run.broken(LAW, step, what, "an error", "success"));
    }
    Ok(())
}

/// Failing reads of the log and failing outputs, over the whole run.
fn logs(run: &Run<'_>) -> Verdict {
    let (log, budget) = (run.log(), run.trace.budget_from(0));
    let drive = |fault, inputs: &Arc<Trip>, outputs: &Arc<Trip>| {
        let (mut machine, from) = run.genesis();
        let inbox = FaultyInbox {
            inner: &log,
            trip: inputs.clone(),
            fault,
        };
        let (inner, trip) = (&mut MemoryOutbox::default(), outputs.clone());
        let mut outbox = FaultyOutbox { inner, trip };
        advance(&mut *machine, from, &inbox, &mut outbox, budget).map(drop)
    };
    let (inputs, outputs) = (Trip::never(), Trip::never());
    run.fine(
        LAW,
        0,
        "a run that is counted",
        drive(Fault::Fail, &inputs, &outputs),
    )?;
    for at in spread(inputs.calls() as usize, CALLS) {
        for fault in [Fault::Fail].into_iter().chain(Fault::LIES) {
            let (what, trip) = (
                format!("{fault:?} at read {at} of the log"),
                Trip::at(at as u64),
            );
            let done = run.calm(LAW, 0, &what, || drive(fault, &trip, &Trip::never()))?;
            if fault == Fault::Fail {
                noticed(run, 0, &what, &trip, &done)?;
            }
        }
    }
    for at in spread(outputs.calls() as usize, CALLS) {
        let (what, trip) = (
            format!("output {at} that is not taken"),
            Trip::at(at as u64),
        );
        let done = run.calm(LAW, 0, &what, || drive(Fault::Fail, &Trip::never(), &trip))?;
        noticed(run, 0, &what, &trip, &done)?;
    }
    Ok(())
}

/// Failing and lying reads of nodes, while a state is opened, run and saved.
fn nodes(run: &Run<'_>, step: u64) -> Verdict {
    let inner: Arc<dyn Nodes> = Arc::new(run.saved(LAW, step, &mut *run.at(step)?)?);
    let (from, log) = (run.trace.at(step), run.log());
    let drive = |fault, trip: &Arc<Trip>| {
        let nodes = FaultyNodes {
            inner: inner.clone(),
            trip: trip.clone(),
            fault,
        };
        let mut machine = run.vm.open(from.state, Arc::new(nodes))?;
        let mut outbox = MemoryOutbox::default();
        advance(&mut *machine, from, &log, &mut outbox, STEPS)?;
        machine.save(&mut MemoryNodes::default()).map(drop)
    };
    let count = Trip::never();
    run.fine(
        LAW,
        step,
        "a run that is counted",
        drive(Fault::Fail, &count),
    )?;
    for at in spread(count.calls() as usize, CALLS) {
        for fault in [Fault::Fail].into_iter().chain(Fault::LIES) {
            let (what, trip) = (
                format!("{fault:?} at read {at} of a node"),
                Trip::at(at as u64),
            );
            let done = run.calm(LAW, step, &what, || drive(fault, &trip))?;
            if fault == Fault::Fail {
                noticed(run, step, &what, &trip, &done)?;
            }
        }
    }
    Ok(())
}

/// Failing sinks.
fn sinks(run: &Run<'_>, step: u64) -> Verdict {
    let machine = run.at(step)?;
    let drive = |trip: &Arc<Trip>| {
        let (inner, trip) = (&mut MemoryNodes::default(), trip.clone());
        let mut sink = FaultySink {
            inner,
            trip,
            count_has: true,
        };
        machine.fork().save(&mut sink).map(drop)
    };
    let count = Trip::never();
    run.fine(LAW, step, "a save that is counted", drive(&count))?;
    for at in spread(count.calls() as usize, CALLS) {
        let (what, trip) = (format!("call {at} of the sink fails"), Trip::at(at as u64));
        let done = run.calm(LAW, step, &what, || drive(&trip))?;
        noticed(run, step, &what, &trip, &done)?;
    }
    Ok(())
}
