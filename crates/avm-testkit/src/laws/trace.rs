use std::collections::BTreeSet;

use super::{Claim, Law, MemoryOutbox, Nodes, Run, Sink, Stop, Verdict, advance, spread};

/// What one run did, step by step.
#[derive(Default)]
pub(super) struct Trace {
    /// The claims, the one at genesis first.
    pub claims: Vec<Claim>,
    /// What each step handed out.
    outputs: Vec<MemoryOutbox>,
    /// Why the run ended; `None` if it was longer than the suite looks.
    pub end: Option<Stop>,
}

impl Trace {
    /// Runs the case one step at a time, and checks each run's account of itself.
    pub fn record(run: &Run<'_>) -> Verdict<Self> {
        let (mut machine, claim) = run.genesis();
        let log = run.log();
        let mut trace = Self {
            claims: vec![claim],
            ..Self::default()
        };
        while trace.end.is_none() && trace.steps() < run.suite.max_steps {
            let from = trace.last();
            let step = from.steps;
            let mut outbox = MemoryOutbox::default();
            let ran = advance(&mut *machine, from, &log, &mut outbox, 1);
            let (claim, stop) = run.fine(Law::Budget, step, "run(1)", ran)?;
            let taken = claim.steps - step;
            if taken > 1 || (taken == 0 && stop == Stop::Budget) {
                let got = format!("{taken} steps and {stop:?}");
                return Err(run.broken(Law::Budget, step, "run(1)", "one step, or a stop", &got));
            }
            if stop == Stop::NeedsInput && claim.inputs < log.0.len() as u64 {
                let got = format!("NeedsInput after {} of them", claim.inputs);
                let want = format!("{} inputs are taken before it waits", log.0.len());
                return Err(run.broken(Law::Budget, step, "run(1)", &want, &got));
            }
            if claim.inputs > from.inputs + 1 {
                let got = format!("{} inputs", claim.inputs - from.inputs);
                return Err(run.broken(Law::Witness, step, "a step", "at most one input", &got));
            }
            for (_, name) in &outbox.outputs {
                let named = outbox.nodes.get(*name).map(drop);
                run.fine(Law::Name, step, "root node of an output", named)?;
            }
            trace.end = (stop != Stop::Budget).then_some(stop);
            if taken == 1 {
                trace.claims.push(claim);
                trace.outputs.push(outbox);
            } else {
                run.same(Law::Idle, step, "claim after a stop", &from, &claim)?;
            }
        }
        Ok(trace)
    }

    /// Steps in the trace.
    pub fn steps(&self) -> u64 {
        self.claims.len() as u64 - 1
    }

    pub fn last(&self) -> Claim {
        self.at(self.steps())
    }

    pub fn at(&self, step: u64) -> Claim {
        self.claims[step as usize]
    }

    /// What the steps from `step` on handed out.
    pub fn outputs_from(&self, step: u64) -> MemoryOutbox {
        let mut all = MemoryOutbox::default();
        for outbox in &self.outputs[step as usize..] {
            all.outputs.extend(&outbox.outputs);
            for (name, node) in outbox.nodes.iter() {
                all.nodes.put(name, node).expect("memory does not fail");
            }
        }
        all
    }

    /// A budget that ends where the trace does: a little more than it takes to stop.
    pub fn budget_from(&self, step: u64) -> u64 {
        let slack = if self.end.is_some() { 3 } else { 0 };
        self.steps() - step + slack
    }

    /// The steps to look at: up to half of them next to inputs and outputs, the rest spread.
    pub fn points(&self, most: usize) -> Vec<u64> {
        let busy: Vec<u64> = self
            .claims
            .windows(2)
            .filter(|pair| (pair[0].inputs, pair[0].outputs) != (pair[1].inputs, pair[1].outputs))
            .map(|pair| pair[0].steps)
            .collect();
        let busy = spread(busy.len(), most / 4).into_iter().map(|at| busy[at]);
        let mut points: BTreeSet<u64> = busy.flat_map(|step| [step, step + 1]).collect();
        let even = spread(self.claims.len(), most.saturating_sub(points.len()));
        points.extend(even.into_iter().map(|step| step as u64));
        if self.claims.len() <= most {
            points.extend(0..=self.steps());
        }
        points.into_iter().collect()
    }
}
