//! Runs to argue about, honest and lying players, and the table they sit at.

use std::fmt;
use std::sync::Arc;

use avm_core::{Claim, Hash, HostError, MemoryInbox, MemoryNodes, MemoryOutbox, Stop, Vm, advance};
use avm_dispute::{
    Dispute, Event, History, MAX_ARITY, MAX_STEPS, Move, Party, Status, Terms, Verdict, respond,
};
use avm_merkle::LogHead;
use avm_prove::{AgreedLog, ProveError, Witness, prove_step};
use avm_testkit::ledger::Ledger;
use avm_testkit::seed::Rng;
use avm_testkit::tally::Tally;

/// A run to its end: the claims after every step, and the proofs of every step and of the idle one
/// that follows.
pub struct Run {
    vm: Box<dyn Vm>,
    head: LogHead,
    claims: Vec<Claim>,
    witnesses: Vec<Witness>,
}

impl Run {
    /// One of several runs of the toy machines, from a few steps to some hundreds, that wait, halt
    /// and go wrong in the end.
    pub fn sample(seed: u64) -> Self {
        let mut rng = Rng::new(seed);
        let turns = u8::try_from(2 + 3 * (seed % 20)).unwrap();
        // push turns; dec; dup; jnz to dec; then take, dup, emit, and again if it was not zero
        let count = [1, turns, 4, 5, 7, 2, 2, 5, 6, 7, 0, 0];
        let number = |n: u64| n.to_be_bytes().to_vec();
        let messages = (0..seed % 7).map(|n| number(n + 1));
        if seed % 4 < 3 {
            let zero = (seed % 4 == 1).then(|| number(0));
            return Self::new(Box::new(Tally), &count, messages.chain(zero).collect());
        }
        let balances: Vec<u8> = (0..6u8)
            .flat_map(|account| [&[account][..], &200u64.to_be_bytes()].concat())
            .collect();
        let orders = (0..30 + 4 * seed).map(|_| {
            let amount = number(rng.below(90));
            let accounts = [rng.below(7) as u8, rng.below(7) as u8];
            [&accounts[..], &amount].concat()
        });
        let orders = orders.collect();
        Self::new(Box::new(Ledger), &balances, orders)
    }

    fn new(vm: Box<dyn Vm>, image: &[u8], inputs: Vec<Vec<u8>>) -> Self {
        let inbox: MemoryInbox = inputs.into_iter().collect();
        let log = AgreedLog::read(&inbox, u64::MAX).unwrap();
        let mut machine = vm.genesis(image).unwrap();
        let mut claims = vec![Claim::genesis(machine.state_hash())];
        let mut nodes = MemoryNodes::default();
        loop {
            machine.save(&mut nodes).unwrap();
            let mut outbox = MemoryOutbox::default();
            let from = *claims.last().unwrap();
            let (claim, stop) = advance(&mut *machine, from, &inbox, &mut outbox, 1).unwrap();
            if claim.steps == from.steps {
                assert_ne!(stop, Stop::Budget);
                break;
            }
            claims.push(claim);
        }
        let nodes = Arc::new(nodes);
        let prove = |pre| prove_step(&*vm, &log, pre, nodes.clone()).unwrap().0;
        let witnesses = claims.iter().map(prove).collect();
        let head = log.head();
        Self {
            vm,
            head,
            claims,
            witnesses,
        }
    }

    pub fn vm(&self) -> &dyn Vm {
        &*self.vm
    }

    /// Where it ends.
    pub fn end(&self) -> Claim {
        *self.claims.last().unwrap()
    }

    fn at(&self, step: u64) -> usize {
        usize::try_from(step).map_or(usize::MAX, |step| step.min(self.claims.len() - 1))
    }
}

/// Terms about a run.
pub fn terms(run: &Run, arity: u32) -> Terms {
    Terms {
        machine: run.vm().id().into(),
        spec: run.vm().spec().into(),
        start: run.claims[0],
        log: run.head,
        last: MAX_STEPS,
        arity,
        join_ms: 1000,
        expected: 0,
        round_ms: 1000,
        nonce: [7; 16],
    }
}

/// The right history.
pub struct Honest<'a>(&'a Run);

impl<'a> Honest<'a> {
    pub fn new(run: &'a Run) -> Self {
        Self(run)
    }
}

impl History for Honest<'_> {
    fn claim_at(&mut self, step: u64) -> Result<Claim, HostError> {
        Ok(self.0.claims[self.0.at(step)])
    }

    fn prove(&mut self, step: u64) -> Result<Witness, ProveError> {
        Ok(self.0.witnesses[self.0.at(step)].clone())
    }
}

/// How a liar lies.
#[derive(Clone, Copy, Debug)]
pub enum Manner {
    /// The state is another one from a step on.
    Plain { from: u64 },
    /// The state is another one at some steps, and right at others, the last one included only
    /// sometimes.
    Patches { every: u64 },
    /// The run goes on for so many steps more.
    Long { by: u64 },
    /// The run is over after so many steps.
    Short { to: u64 },
    /// One more output was given, from a step on.
    Output { from: u64 },
    /// Says something else whenever it is asked.
    Fickle,
    /// Claims the right end, and lies about the way there.
    Mole { from: u64 },
}

/// A false history.
pub struct Liar<'a> {
    run: &'a Run,
    salt: u64,
    manner: Manner,
    asked: u64,
}

impl<'a> Liar<'a> {
    pub fn new(run: &'a Run, salt: u64, manner: Manner) -> Self {
        Self {
            run,
            salt,
            manner,
            asked: 0,
        }
    }

    fn sample(run: &'a Run, rng: &mut Rng) -> Self {
        let steps = run.end().steps;
        let from = rng.below(steps) + 1;
        let manner = match rng.below(8) {
            0 => Manner::Short { to: from - 1 },
            1 => Manner::Long {
                by: 1 << rng.below(40),
            },
            2 => Manner::Output { from },
            3 => Manner::Fickle,
            4 => Manner::Mole { from },
            5 => Manner::Patches {
                every: 1 + rng.below(5),
            },
            _ => Manner::Plain { from },
        };
        // Few salts, so that some tell the same lie.
        Self::new(run, rng.below(4), manner)
    }

    /// The claim it joins with.
    pub fn end(&mut self) -> Claim {
        match self.manner {
            Manner::Long { by } => self.claim(self.run.end().steps + by),
            Manner::Mole { .. } => self.run.end(),
            Manner::Patches { .. } => self.bent(self.run.end()),
            _ => self.claim(self.run.end().steps),
        }
    }

    fn claim(&mut self, step: u64) -> Claim {
        let run = self.run;
        let right = run.claims[run.at(step)];
        self.asked += 1;
        match self.manner {
            Manner::Plain { from } | Manner::Mole { from } if step >= from => self.bent(right),
            Manner::Patches { every } if step % (every + 1) == every => self.bent(right),
            Manner::Long { by } if step > right.steps => {
                let steps = step.min(right.steps + by);
                self.bent(Claim { steps, ..right })
            }
            Manner::Short { to } => run.claims[run.at(step.min(to))],
            Manner::Output { from } if step >= from => Claim {
                outputs: right.outputs + 1,
                outbox: Hash::of(&self.salt.to_be_bytes()),
                ..right
            },
            Manner::Fickle => {
                let state = right.state.join(Hash::of(&self.asked.to_be_bytes()));
                Claim { state, ..right }
            }
            _ => right,
        }
    }

    fn bent(&self, right: Claim) -> Claim {
        let state = right.state.join(Hash::of(&self.salt.to_be_bytes()));
        Claim { state, ..right }
    }
}

impl History for Liar<'_> {
    fn claim_at(&mut self, step: u64) -> Result<Claim, HostError> {
        Ok(self.claim(step))
    }

    /// The proof of something else.
    fn prove(&mut self, step: u64) -> Result<Witness, ProveError> {
        let mut witness = self.run.witnesses[self.run.at(step)].clone();
        if self.salt % 2 == 1 {
            witness.nodes.reverse();
        }
        Ok(witness)
    }
}

enum Mind<'a> {
    Honest(Honest<'a>),
    Liar(Liar<'a>),
}

struct Player<'a> {
    mind: Mind<'a>,
    claim: Claim,
    /// From this round on nothing comes from it.
    silent_from: u32,
    /// Comes after the round was closed, in one round out of so many.
    late_every: u32,
}

/// A game and those who play it.
pub struct Table<'a> {
    run: &'a Run,
    pub game: Dispute,
    players: Vec<Player<'a>>,
    /// Everything the referee took, in order.
    pub events: Vec<Event>,
    now_ms: u64,
}

impl<'a> Table<'a> {
    /// One to three honest parties and 1 to 64 liars.
    pub fn set(rng: &mut Rng, run: &'a Run) -> Self {
        let liars = match rng.below(8) {
            0 => rng.below(65).max(1),
            1 | 2 => rng.below(12) + 1,
            _ => rng.below(4) + 1,
        };
        // Half of the games with the most liars have exactly that many.
        let liars = if liars > 48 && rng.below(2) == 0 {
            64
        } else {
            liars
        };
        Self::with(rng, run, 1 + rng.clone().below(3), liars)
    }

    pub fn set_without_honest(rng: &mut Rng, run: &'a Run) -> Self {
        let mut table = Self::with(rng, run, 0, 6);
        table.players.retain(|player| player.claim != run.end());
        table
    }

    fn with(rng: &mut Rng, run: &'a Run, honest: u64, liars: u64) -> Self {
        let arity = match rng.below(6) {
            0 => MAX_ARITY,
            1 => 2,
            _ => 2 + rng.below(15) as u32,
        };
        let honest = (0..honest).map(|index| Player {
            mind: Mind::Honest(Honest(run)),
            claim: run.end(),
            // The first is always there; with others, they may be gone for good at any time.
            silent_from: if index == 0 {
                u32::MAX
            } else {
                rng.below(20) as u32
            },
            late_every: 0,
        });
        let mut players: Vec<Player<'_>> = honest.collect();
        for _ in 0..liars {
            let mut liar = Liar::sample(run, rng);
            players.push(Player {
                claim: liar.end(),
                mind: Mind::Liar(liar),
                silent_from: if rng.below(5) == 0 {
                    rng.below(6) as u32
                } else {
                    u32::MAX
                },
                late_every: if rng.below(10) == 0 { 3 } else { 0 },
            });
        }
        shuffle(&mut players, rng);
        Self {
            run,
            game: Dispute::open(terms(run, arity)).unwrap(),
            players,
            events: Vec::new(),
            now_ms: 0,
        }
    }

    pub fn claims(&self) -> impl Iterator<Item = Claim> {
        self.players.iter().map(|player| player.claim)
    }

    pub fn liars(&self) -> usize {
        let minds = self.players.iter();
        minds
            .filter(|player| matches!(player.mind, Mind::Liar(_)))
            .count()
    }

    /// Plays to the end.
    pub fn play(&mut self, rng: &mut Rng) -> Verdict {
        for claim in self.claims().collect::<Vec<_>>() {
            self.apply(Event::Join { claim }).unwrap();
        }
        self.close();
        loop {
            let round = match self.game.status() {
                Status::Round(round) => *round,
                Status::Settled(verdict) => return verdict.clone(),
                Status::Joining => unreachable!("the joining was closed"),
            };
            let mut late = Vec::new();
            let mut order: Vec<usize> = (0..self.players.len()).collect();
            shuffle(&mut order, rng);
            for index in order {
                let moves = self.moves(index, round);
                let by = Party(u16::try_from(index).unwrap());
                let every = self.players[index].late_every;
                if every > 0 && round % every == 0 {
                    late.extend(moves.into_iter().map(|mv| (by, mv)));
                    continue;
                }
                self.post_all(by, moves, rng);
            }
            self.close();
            // Following is possible in any round.
            late.retain(|(_, mv)| !matches!(mv, Move::Follow { .. }));
            for (by, mv) in late {
                let refused = self.apply(Event::Move { by, mv });
                assert!(refused.is_err(), "a late move counts: {self}");
            }
        }
    }

    fn moves(&mut self, index: usize, round: u32) -> Vec<Move> {
        let Player {
            mind, silent_from, ..
        } = &mut self.players[index];
        if round >= *silent_from {
            return Vec::new();
        }
        let party = Party(u16::try_from(index).unwrap());
        let history: &mut dyn History = match mind {
            Mind::Honest(honest) => honest,
            Mind::Liar(liar) => liar,
        };
        respond(&self.game, party, history).unwrap()
    }

    fn post_all(&mut self, by: Party, moves: Vec<Move>, rng: &mut Rng) {
        let honest = matches!(self.players[usize::from(by.0)].mind, Mind::Honest(_));
        for mv in moves {
            // Liars also try what is not due.
            if !honest && rng.below(8) == 0 {
                let mv = astray(&mv);
                let taken = self.apply(Event::Move { by, mv });
                assert!(taken.is_err(), "a move that is not due counts: {self}");
            }
            let taken = self.apply(Event::Move { by, mv });
            if honest {
                taken.unwrap_or_else(|error| panic!("an honest move is refused: {error}: {self}"));
            }
        }
    }

    fn apply(&mut self, event: Event) -> Result<(), avm_dispute::Illegal> {
        self.game.apply(self.run.vm(), &event)?;
        self.events.push(event);
        Ok(())
    }

    fn close(&mut self) {
        if !self.game.is_complete() {
            self.now_ms = self.game.deadline_ms();
        }
        self.apply(Event::Close { at_ms: self.now_ms }).unwrap();
    }
}

impl fmt::Display for Table<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(
            f,
            "{} steps in {:?}",
            self.run.end().steps,
            self.game.status()
        )?;
        for (player, party) in self.players.iter().zip(0..) {
            let what = match &player.mind {
                Mind::Honest(_) => String::from("honest"),
                Mind::Liar(liar) => format!("{:?} salt {}", liar.manner, liar.salt),
            };
            let out = self.game.seats().get(party).and_then(|seat| seat.out);
            write!(
                f,
                "\n  party {party}: {what}, silent from {}, out {out:?}",
                player.silent_from
            )?;
        }
        Ok(())
    }
}

/// A move like this one, about something nobody said.
fn astray(mv: &Move) -> Move {
    let mut mv = mv.clone();
    match &mut mv {
        Move::Cut { stand, .. } => stand.end = Hash::of(b"astray"),
        Move::Prove(proof) => proof.stand.segment.first += 1 << 50,
        Move::Follow { leader } => *leader = Party(u16::MAX),
    }
    mv
}

/// Plays a game of two to its end, which the honest party wins.
pub fn finish(game: &mut Dispute, run: &Run, honest: Party, liar: Party, lie: &mut Liar<'_>) {
    while let Status::Round(_) = game.status() {
        for mv in respond(game, honest, &mut Honest(run)).unwrap() {
            game.post(run.vm(), honest, &mv).unwrap();
        }
        for mv in respond(game, liar, lie).unwrap() {
            let _ = game.post(run.vm(), liar, &mv);
        }
        let deadline = game.deadline_ms();
        game.close(deadline).unwrap();
    }
    let Status::Settled(verdict) = game.status() else {
        unreachable!("no round is open");
    };
    assert_eq!(verdict.claim, Some(run.end()));
}

fn shuffle<T>(items: &mut [T], rng: &mut Rng) {
    for last in (1..items.len()).rev() {
        let other = usize::try_from(rng.below(last as u64 + 1)).unwrap();
        items.swap(last, other);
    }
}
