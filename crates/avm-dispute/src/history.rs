use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use avm_core::{Claim, HostError, ImageError, Machine, NoOutbox, Stop, Vm, advance};
use avm_prove::{AgreedLog, LiveNodes, ProveError, Witness, prove_step};

use crate::Segment;

/// One party's view of the run under dispute. It has no end: a run that halts or waits goes on
/// with idle steps, which change nothing.
pub trait History {
    /// Gets ready for a segment: claims inside it will be asked for next, in the order of the run, and
    /// later claims inside parts of it. A hint.
    ///
    /// # Errors
    /// If the log or a store failed.
    fn prepare(&mut self, segment: Segment) -> Result<(), HostError> {
        let _ = segment;
        Ok(())
    }

    /// The claim after `step` steps, counted from genesis, idle ones included. So its `steps` may
    /// be less. Before the start of the run it is the claim there.
    ///
    /// # Errors
    /// If the log or a store failed.
    fn claim_at(&mut self, step: u64) -> Result<Claim, HostError>;

    /// The proof of the step that follows `step` steps.
    ///
    /// # Errors
    /// If the log or a store failed.
    fn prove(&mut self, step: u64) -> Result<Witness, ProveError>;
}

/// A history by running the machine again, as seldom as can be.
///
/// It keeps a number of copies of the machine, evenly spread over what was run, and starts from the
/// nearest one. Against one opponent all of a game costs one run and about a tenth; against many who
/// differ at different places, up to one run a round, as cuts are asked for in ascending order.
///
/// After an error it starts again from the beginning of the run, so a player may ask once more.
pub struct Replay<'a> {
    vm: &'a dyn Vm,
    log: &'a AgreedLog<'a>,
    /// Where the machine is that runs next.
    cursor: Moment,
    /// Machines at earlier moments, by steps. The start is always there.
    kept: BTreeMap<u64, Moment>,
    /// Where the cursor last jumped back to: the rest of a game is not far from there.
    landing: Option<Moment>,
    most_kept: usize,
    /// Steps between two machines that are kept.
    spacing: u64,
    /// Where the run ends, once that was seen.
    end: Option<Claim>,
    /// Steps that were run.
    ran: u64,
}

struct Moment {
    /// Always there, but while [`Replay::prove`] reads its nodes.
    machine: Option<Box<dyn Machine>>,
    claim: Claim,
}

impl Moment {
    fn machine(&mut self) -> &mut dyn Machine {
        &mut **self.machine.as_mut().expect(THERE)
    }

    fn fork(&self) -> Self {
        Self {
            machine: self.machine.as_ref().map(|machine| machine.fork()),
            claim: self.claim,
        }
    }
}

const THERE: &str = "a proof gives the machine back";

impl<'a> Replay<'a> {
    /// The run of the program `image` on `log`.
    ///
    /// # Errors
    /// If `image` is not a program of the machine.
    pub fn genesis(
        vm: &'a dyn Vm,
        image: &[u8],
        log: &'a AgreedLog<'a>,
    ) -> Result<Self, ImageError> {
        let mut machine = vm.genesis(image)?;
        let claim = Claim::genesis(machine.state_hash());
        Ok(Self::from(vm, machine, claim, log))
    }

    /// The run from `claim` on; `machine` is there.
    #[must_use]
    pub fn from(
        vm: &'a dyn Vm,
        machine: Box<dyn Machine>,
        claim: Claim,
        log: &'a AgreedLog<'a>,
    ) -> Self {
        let machine = Some(machine);
        let cursor = Moment { machine, claim };
        Self {
            vm,
            log,
            kept: BTreeMap::from([(claim.steps, cursor.fork())]),
            cursor,
            landing: None,
            most_kept: 18,
            spacing: 1 << 12,
            end: None,
            ran: 0,
        }
    }

    /// Keeps at most `count` machines, at least three, beside the one that runs and the one where it
    /// last jumped to. Each takes the memory of a state; with more of them less is run twice.
    #[must_use]
    pub fn keeping(mut self, count: usize) -> Self {
        self.most_kept = count.max(3);
        self
    }

    /// Steps that were run so far, counting twice what was run twice.
    #[must_use]
    pub fn ran(&self) -> u64 {
        self.ran
    }

    /// Where the run ends: the machine halts, or wants an input that is not in the log. `None` if it is
    /// not over after `max_steps` more steps.
    ///
    /// # Errors
    /// If the log or a store failed.
    pub fn end(&mut self, max_steps: u64) -> Result<Option<Claim>, HostError> {
        self.claim_at(self.cursor.claim.steps.saturating_add(max_steps))?;
        Ok(self.end)
    }

    /// Puts the cursor after `step` steps, or at the end.
    fn go_to(&mut self, step: u64) -> Result<(), HostError> {
        let here = self.cursor.claim.steps;
        let jumps = here > step;
        let kept = self.kept.range(..=step).next_back();
        let nearest = kept
            .map(|(_, kept)| kept)
            .into_iter()
            .chain(&self.landing)
            .filter(|moment| moment.claim.steps <= step && (jumps || moment.claim.steps > here))
            .max_by_key(|moment| moment.claim.steps);
        if let Some(nearest) = nearest {
            self.cursor = nearest.fork();
        }
        while self.cursor.claim.steps < step && self.end != Some(self.cursor.claim) {
            let here = self.cursor.claim.steps;
            let next_kept = (here / self.spacing + 1).saturating_mul(self.spacing);
            let stop = self.run(step.min(next_kept) - here)?;
            if stop != Stop::Budget {
                self.end = Some(self.cursor.claim);
                break;
            }
            if self.cursor.claim.steps == next_kept {
                self.keep();
            }
        }
        if jumps {
            self.landing = Some(self.cursor.fork());
        }
        Ok(())
    }

    fn run(&mut self, budget: u64) -> Result<Stop, HostError> {
        let from = self.cursor.claim;
        let machine = self.cursor.machine();
        let ran = advance(machine, from, self.log, &mut NoOutbox, budget);
        let (claim, stop) = ran.inspect_err(|_| self.rewind())?;
        self.ran += claim.steps - from.steps;
        self.cursor.claim = claim;
        Ok(stop)
    }

    /// Back to the start, with a machine that is in order: an error poisons the one that had it.
    fn rewind(&mut self) {
        let (_, start) = self.kept.first_key_value().expect("the start is kept");
        self.cursor = start.fork();
    }

    /// Keeps a copy of the machine where the cursor is; makes room by keeping half as many.
    fn keep(&mut self) {
        if self.kept.contains_key(&self.cursor.claim.steps) {
            return;
        }
        if self.kept.len() >= self.most_kept {
            self.spacing = self.spacing.saturating_mul(2);
            let mut index = 0;
            self.kept.retain(|_, _| {
                index += 1;
                index % 2 == 1
            });
        }
        self.kept
            .insert(self.cursor.claim.steps, self.cursor.fork());
    }
}

impl History for Replay<'_> {
    fn prepare(&mut self, segment: Segment) -> Result<(), HostError> {
        // Only before anything is kept: later, what is kept is denser already.
        if self.kept.len() == 1 {
            self.spacing = segment.len.div_ceil(self.most_kept as u64 - 2).max(1);
        }
        // So that the jump back to the segment is made once.
        self.go_to(segment.first)
    }

    fn claim_at(&mut self, step: u64) -> Result<Claim, HostError> {
        if let Some(end) = self.end
            && end.steps <= step
        {
            return Ok(end);
        }
        self.go_to(step)?;
        Ok(self.cursor.claim)
    }

    fn prove(&mut self, step: u64) -> Result<Witness, ProveError> {
        self.go_to(step)?;
        let Moment { machine, claim } = &mut self.cursor;
        let nodes = LiveNodes::new(machine.take().expect(THERE));
        let proved = prove_step(self.vm, self.log, claim, nodes.clone());
        *machine = nodes.into_machine();
        Ok(proved.inspect_err(|_| self.rewind())?.0)
    }
}
