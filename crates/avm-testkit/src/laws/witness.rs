//! The law that a step proves itself with the nodes it reads.

use std::sync::Arc;

use super::{Claim, HostError, Law, MemoryNodes, Nodes, Run, Stop, Verdict, advance};
use crate::watch::{NamesOutbox, RecordingNodes};

const LAW: Law = Law::Witness;

pub(super) fn check(run: &Run<'_>) -> Verdict {
    for step in run.trace.points(run.suite.points) {
        // The step after the last is the idle one; it is proved too.
        if step < run.trace.steps() || run.trace.end.is_some() {
            one_step(run, step)?;
        }
    }
    Ok(())
}

fn one_step(run: &Run<'_>, step: u64) -> Verdict {
    let want = run.trace.at((step + 1).min(run.trace.steps()));
    let all = run.saved(LAW, step, &mut *run.at(step)?)?;
    let (witness, took) = take(run, step, Arc::new(all));
    let (claim, stop) = run.fine(LAW, step, "a step of an opened state", took)?;
    run.same(
        LAW,
        step,
        "claim of a step of an opened state",
        &want,
        &claim,
    )?;

    let alone = format!("a step on the {} nodes it reads", witness.len());
    let (again, took) = take(run, step, Arc::new(witness.clone()));
    let took = run.fine(LAW, step, &alone, took)?;
    run.same(LAW, step, &alone, &(claim, stop), &took)?;
    run.same_nodes(
        LAW,
        step,
        "nodes read by a step on those it reads",
        &witness,
        &again,
    )?;

    for (name, _) in witness.iter() {
        let mut without = witness.clone();
        without.remove(name);
        let what = format!("a step without the node {name}");
        let take = || take(run, step, Arc::new(without)).1;
        let got = match run.calm(LAW, step, &what, take)? {
            Err(HostError::MissingNode { hash }) if hash == name => continue,
            Err(error) => error.to_string(),
            Ok(took) => format!("{took:?}"),
        };
        let want = HostError::MissingNode { hash: name }.to_string();
        return Err(run.broken(LAW, step, &what, &want, &got));
    }
    Ok(())
}

/// Takes one step on `nodes`, as a verifier does: what it read, and what came of it. The outputs
/// are taken by name, so their contents need no nodes.
fn take(
    run: &Run<'_>,
    step: u64,
    nodes: Arc<dyn Nodes>,
) -> (MemoryNodes, Result<(Claim, Stop), HostError>) {
    let (from, nodes) = (run.trace.at(step), RecordingNodes::new(nodes));
    let took = run
        .vm
        .open(from.state, nodes.clone())
        .and_then(|mut machine| {
            advance(
                &mut *machine,
                from,
                &run.log(),
                &mut NamesOutbox::default(),
                1,
            )
        });
    (nodes.read(), took)
}
