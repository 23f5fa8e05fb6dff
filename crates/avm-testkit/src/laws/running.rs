//! Laws about runs: budget, determinism, idle, split, resume, fork.

use super::{Law, MemoryOutbox, Run, Stop, Trace, Verdict, advance, spread};
use crate::seed::Rng;

pub(super) fn check(run: &Run<'_>) -> Verdict {
    determinism(run)?;
    no_budget(run)?;
    idle(run)?;
    split(run)?;
    resume(run)?;
    fork(run)
}

fn determinism(run: &Run<'_>) -> Verdict {
    let law = Law::Determinism;
    let again = Trace::record(run)?;
    let pairs = run.trace.claims.iter().zip(&again.claims);
    for (step, (want, got)) in pairs.enumerate() {
        run.same(law, step as u64, "claim of a second run", want, got)?;
    }
    let step = run.trace.steps().min(again.steps());
    let ends = [
        (&run.trace.steps(), run.trace.end),
        (&again.steps(), again.end),
    ];
    run.same(
        law,
        step,
        "length and end of a second run",
        &ends[0],
        &ends[1],
    )?;
    let outputs = (run.trace.outputs_from(0), again.outputs_from(0));
    run.same(law, step, "outputs of a second run", &outputs.0, &outputs.1)
}

/// Runs the case in pieces and checks the claim after each, and all outputs and the stop at last.
fn pieces(run: &Run<'_>, what: &str, budgets: &[u64]) -> Verdict {
    let (mut machine, mut claim) = run.genesis();
    let (log, mut outbox) = (run.log(), MemoryOutbox::default());
    let mut last = None;
    let mut sum = 0;
    for budget in budgets {
        let ran = advance(&mut *machine, claim, &log, &mut outbox, *budget);
        let (after, stop) = run.fine(Law::Split, claim.steps, what, ran)?;
        sum += budget;
        let want = run.trace.at(sum.min(run.trace.steps()));
        run.same(Law::Split, claim.steps, what, &want, &after)?;
        claim = after;
        if *budget > 0 {
            last = Some(stop);
        }
    }
    run.same(
        Law::Split,
        claim.steps,
        what,
        &run.trace.outputs_from(0),
        &outbox,
    )?;

    // The same budget in one go: it may stop exactly at its last step, so the stop is compared
    // with that run and not with the trace.
    let (mut machine, start) = run.genesis();
    let mut outbox = MemoryOutbox::default();
    let whole = advance(&mut *machine, start, &log, &mut outbox, sum);
    let (_, stop) = run.fine(Law::Split, 0, what, whole)?;
    match last {
        Some(last) => run.same(Law::Split, claim.steps, what, &stop, &last),
        None => Ok(()),
    }
}

fn split(run: &Run<'_>) -> Verdict {
    let steps = run.trace.steps();
    let all = run.trace.budget_from(0);
    pieces(run, "one run", &[all])?;
    pieces(run, "one run, exactly", &[steps])?;
    for at in run.trace.points(run.suite.points) {
        pieces(run, &format!("runs of {at} and the rest"), &[at, all - at])?;
        pieces(
            run,
            &format!("runs of {at} and exactly the rest"),
            &[at, steps - at],
        )?;
        if at < steps {
            let budgets = [0, at, 0, 1, 0, all - at - 1];
            pieces(
                run,
                &format!("runs of 0, {at}, 0, 1, 0 and the rest"),
                &budgets,
            )?;
        }
    }
    let mut rng = Rng::new(0);
    for round in 0..8 {
        let mut budgets = Vec::new();
        let mut left = all;
        while left > 0 {
            let budget = rng.below(left.min(40) + 1);
            budgets.push(budget);
            left -= budget;
        }
        pieces(run, &format!("random pieces, round {round}"), &budgets)?;
    }
    Ok(())
}

fn no_budget(run: &Run<'_>) -> Verdict {
    for step in run.trace.points(run.suite.points) {
        let mut machine = run.at(step)?;
        let (from, mut outbox) = (run.trace.at(step), MemoryOutbox::default());
        let ran = advance(&mut *machine, from, &run.log(), &mut outbox, 0);
        let (claim, stop) = run.fine(Law::Budget, step, "run(0)", ran)?;
        run.same(Law::Budget, step, "claim after run(0)", &from, &claim)?;
        if stop == Stop::NeedsInput {
            let want = "Budget or Halted, for it may not ask";
            return Err(run.broken(Law::Budget, step, "run(0)", want, "NeedsInput"));
        }
    }
    Ok(())
}

fn idle(run: &Run<'_>) -> Verdict {
    let Some(end) = run.trace.end else {
        return Ok(());
    };
    let (law, last) = (Law::Idle, run.trace.last());
    let mut machine = run.at(last.steps)?;
    let mut longer = run.log();
    longer.0.extend([(*b"more").into(), [0; 10].into()]);
    let logs = match end {
        Stop::Halted => vec![run.log(), longer],
        _ => vec![run.log()],
    };
    for log in logs {
        for budget in [1, 0, 7, 1] {
            let what = format!("run({budget}) after {end:?}");
            let mut outbox = MemoryOutbox::default();
            let ran = advance(&mut *machine, last, &log, &mut outbox, budget);
            let (claim, stop) = run.fine(law, last.steps, &what, ran)?;
            run.same(law, last.steps, &what, &last, &claim)?;
            if budget > 0 {
                run.same(law, last.steps, &what, &end, &stop)?;
            }
        }
    }
    Ok(())
}

fn resume(run: &Run<'_>) -> Verdict {
    let inputs = run.case.inputs.len();
    let lens = spread(inputs + 1, run.suite.points);
    for len in &lens {
        grow(run, &[*len, inputs])?;
    }
    grow(run, &lens)
}

/// Runs the case while its log grows to `lens`, the last of which is all of it.
fn grow(run: &Run<'_>, lens: &[usize]) -> Verdict {
    let (law, trace) = (Law::Resume, &run.trace);
    let (mut machine, mut claim) = run.genesis();
    for len in lens {
        let (log, what) = (run.log_of(*len), format!("log grown to {len} inputs"));
        // Twice, for a machine that waits may be asked again and again.
        for _ in 0..2 {
            let (mut outbox, budget) = (MemoryOutbox::default(), trace.budget_from(claim.steps));
            let ran = advance(&mut *machine, claim, &log, &mut outbox, budget);
            let (after, stop) = run.fine(law, claim.steps, &what, ran)?;
            let want = trace.at(after.steps.min(trace.steps()));
            run.same(law, after.steps, &what, &want, &after)?;
            if after != trace.last() {
                run.same(law, after.steps, &what, &Stop::NeedsInput, &stop)?;
            }
            claim = after;
        }
    }
    run.same(
        law,
        claim.steps,
        "the log grown in parts",
        &trace.last(),
        &claim,
    )
}

fn fork(run: &Run<'_>) -> Verdict {
    let law = Law::Fork;
    for step in run.trace.points(run.suite.points) {
        let state = run.trace.at(step).state;
        // The child runs first, then the parent; then the other way round, and the second time
        // without anybody having asked for a hash before.
        let mut parent = run.at(step)?;
        let mut child = parent.fork();
        run.same(law, step, "hash of a fork", &state, &child.state_hash())?;
        run.future(law, "future of a fork", &mut *child, step)?;
        run.same(
            law,
            step,
            "hash after a fork ran",
            &state,
            &parent.state_hash(),
        )?;
        run.future(law, "future after a fork ran", &mut *parent, step)?;

        let mut parent = run.at(step)?;
        let mut child = parent.fork();
        run.future(law, "future of a forked machine", &mut *parent, step)?;
        run.same(
            law,
            step,
            "hash of a fork after its parent ran",
            &state,
            &child.state_hash(),
        )?;
        run.future(
            law,
            "future of a fork after its parent ran",
            &mut *child,
            step,
        )?;

        // Saving one of them does not count as saving the other.
        let mut parent = run.at(step)?;
        let mut child = parent.fork();
        let nodes = [
            run.saved(law, step, &mut *parent)?,
            run.saved(law, step, &mut *child)?,
        ];
        run.same_nodes(law, step, "nodes saved by a fork", &nodes[0], &nodes[1])?;
    }
    Ok(())
}
