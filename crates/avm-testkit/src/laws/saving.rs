//! Laws about states as nodes: name, save, reopen.

use std::sync::Arc;

use super::{Law, Machine, MemoryNodes, MemoryOutbox, Run, Sink, Verdict, advance, spread};
use crate::faults::{FaultySink, Trip};
use crate::watch::CheckedSink;

pub(super) fn check(run: &Run<'_>) -> Verdict {
    let points = run.trace.points(run.suite.points);
    let saved = points.iter().map(|step| Ok((*step, save(run, *step)?)));
    let saved = saved.collect::<Verdict<Vec<_>>>()?;
    for (step, nodes) in &saved {
        interrupted(run, *step, nodes)?;
    }
    for (step, nodes) in &saved {
        reopen(run, *step, nodes)?;
    }
    one_sink(run, &points)
}

/// Checks what saving puts, and returns it.
fn save(run: &Run<'_>, step: u64) -> Verdict<MemoryNodes> {
    let (law, state) = (Law::Save, run.trace.at(step).state);
    let mut machine = run.at(step)?;
    let mut sink = CheckedSink::new(run.vm);
    run.save(law, step, &mut *machine, &mut sink)?;
    let none = Default::default();
    run.same(
        Law::Name,
        step,
        "nodes with a wrong name",
        &none,
        &sink.misnamed,
    )?;
    if !run.is_sentinel(state) && !sink.nodes.has(state).unwrap_or(false) {
        let what = "what the sink has under the name of the state";
        return Err(run.broken(Law::Name, step, what, &format!("node {state}"), "nothing"));
    }
    run.same(
        law,
        step,
        "nodes put although the sink had them",
        &none,
        &sink.repeated,
    )?;

    let puts = sink.puts;
    run.save(law, step, &mut *machine, &mut sink)?;
    run.same(
        law,
        step,
        "nodes put by saving again",
        &0,
        &(sink.puts - puts),
    )?;
    let other = run.saved(law, step, &mut *machine)?;
    run.same_nodes(
        law,
        step,
        "nodes put into another sink",
        &sink.nodes,
        &other,
    )?;
    let mut full = CheckedSink::with(run.vm, other);
    run.save(law, step, &mut *run.at(step)?, &mut full)?;
    run.same(
        law,
        step,
        "nodes put into a sink that has all",
        &0,
        &full.puts,
    )?;

    run.same(
        law,
        step,
        "hash after saving",
        &state,
        &machine.state_hash(),
    )?;
    run.future(law, "future after saving", &mut *machine, step)?;
    Ok(sink.nodes)
}

/// A sink that fails halfway, and then gets the same state again, has all of it: it could not if a
/// parent had been put before its children.
fn interrupted(run: &Run<'_>, step: u64, nodes: &MemoryNodes) -> Verdict {
    let law = Law::Save;
    let machine = run.at(step)?;
    for at in spread(nodes.len(), run.suite.points) {
        let mut kept = MemoryNodes::default();
        let mut sink = FaultySink {
            inner: &mut kept,
            trip: Trip::at(at as u64),
            count_has: false,
        };
        if machine.fork().save(&mut sink).is_ok() {
            let what = format!("save whose put {at} fails");
            return Err(run.broken(law, step, &what, "the error", "success"));
        }
        run.save(law, step, &mut *machine.fork(), &mut kept)?;
        let what = format!("nodes after a save interrupted at put {at} is made again");
        run.same_nodes(law, step, &what, nodes, &kept)?;
    }
    Ok(())
}

fn reopen(run: &Run<'_>, step: u64, nodes: &MemoryNodes) -> Verdict {
    let (law, state) = (Law::Reopen, run.trace.at(step).state);
    let open = || -> Verdict<Box<dyn Machine>> {
        let opened = run.vm.open(state, Arc::new(nodes.clone()));
        run.fine(law, step, "open", opened)
    };
    let mut opened = open()?;
    run.same(
        law,
        step,
        "hash of an opened state",
        &state,
        &opened.state_hash(),
    )?;
    run.future(law, "future of an opened state", &mut *opened, step)?;
    run.future(
        law,
        "future of a fork of an opened state",
        &mut *open()?.fork(),
        step,
    )?;

    let copy = run.saved(law, step, &mut *open()?)?;
    run.same_nodes(law, step, "nodes of an opened state", nodes, &copy)?;
    let mut sink = CheckedSink::with(run.vm, copy);
    run.save(law, step, &mut *open()?, &mut sink)?;
    run.same(
        law,
        step,
        "nodes put back into their own sink",
        &0,
        &sink.puts,
    )?;

    // Partly opened, and with new parts over closed ones.
    let left = run.trace.steps() - step;
    let mut later = vec![left.min(1), left.min(5), left / 2];
    later.dedup();
    for steps in later {
        let (mut opened, then) = (open()?, step + steps);
        let (from, mut outbox) = (run.trace.at(step), MemoryOutbox::default());
        let ran = advance(&mut *opened, from, &run.log(), &mut outbox, steps);
        let (claim, _) = run.fine(law, step, "run of an opened state", ran)?;
        run.same(
            law,
            then,
            "claim of an opened state",
            &run.trace.at(then),
            &claim,
        )?;
        let want = run.saved(law, then, &mut *run.at(then)?)?;
        let got = run.saved(law, then, &mut *opened)?;
        run.same_nodes(law, then, "nodes of an opened state that ran", &want, &got)?;

        let mut sink = CheckedSink::with(run.vm, nodes.clone());
        run.save(law, then, &mut *opened, &mut sink)?;
        let none = Default::default();
        run.same(
            law,
            then,
            "nodes put although the sink had them",
            &none,
            &sink.repeated,
        )?;
        let reopened = run.vm.open(claim.state, Arc::new(sink.nodes));
        let mut reopened = run.fine(law, then, "open", reopened)?;
        run.future(law, "future of a state opened twice", &mut *reopened, then)?;
    }
    Ok(())
}

/// One machine saved along its way into one sink: only new nodes are put, and every state saved
/// on the way can be opened afterwards.
fn one_sink(run: &Run<'_>, points: &[u64]) -> Verdict {
    let (mut machine, mut claim) = run.genesis();
    let (log, mut outbox) = (run.log(), MemoryOutbox::default());
    let mut sink = CheckedSink::new(run.vm);
    for step in points {
        let ran = advance(&mut *machine, claim, &log, &mut outbox, step - claim.steps);
        (claim, _) = run.fine(Law::Save, *step, "run between saves", ran)?;
        run.save(Law::Save, *step, &mut *machine, &mut sink)?;
        let none = Default::default();
        run.same(
            Law::Save,
            *step,
            "nodes put a second time",
            &none,
            &sink.repeated,
        )?;
    }
    let nodes = Arc::new(sink.nodes);
    for step in points {
        let opened = run.vm.open(run.trace.at(*step).state, nodes.clone());
        let mut opened = run.fine(Law::Reopen, *step, "open from a shared sink", opened)?;
        let what = "future of a state opened from a shared sink";
        run.future(Law::Reopen, what, &mut *opened, *step)?;
    }
    Ok(())
}
