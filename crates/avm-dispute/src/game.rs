//! The referee: a plain value that takes events and knows who is left.

use alloc::boxed::Box;
use alloc::collections::{BTreeMap, BTreeSet};
use alloc::string::ToString;
use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Claim, Hash, Vm};
use avm_prove::verify_step;

use crate::{
    Event, Illegal, MAX_ARITY, MAX_PARTIES, MAX_STEPS, Move, Party, Segment, Stand, StepProof,
    Terms,
};

/// A game from its opening to its verdict.
///
/// Times are milliseconds since the opening and only ever given by the caller.
#[derive(Clone, Debug)]
pub struct Dispute {
    terms: Terms,
    seats: Vec<Seat>,
    /// What every two parties with different claims that are still in argue about.
    pairs: BTreeMap<(Party, Party), Pair>,
    /// What is due in this round, and what was posted of it.
    owed: BTreeMap<(Party, Stand), Option<Posted>>,
    /// The arity of the game; fixed when the first round opens.
    arity: u32,
    round: u32,
    /// When the joining or the round may be closed although somebody did not move.
    deadline_ms: u64,
    last_ms: u64,
    status: Status,
}

/// A party in the game.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Seat {
    /// Where it says the run ends.
    pub claim: Claim,
    /// The round in which it did not post what was due, if it is out by that.
    pub out: Option<u32>,
}

/// What two parties with different claims argue about.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Pair {
    /// The segment at whose end they differ.
    pub segment: Segment,
    /// Hash of the claim at its start, which both posted.
    pub start: Hash,
    /// Hashes of the claims that they say are at its end, the lower party's first.
    pub ends: [Hash; 2],
}

/// How far a game is.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Status {
    /// Parties join.
    Joining,
    /// Moves are due; the rounds are counted from 1.
    Round(u32),
    /// It is over.
    Settled(Verdict),
}

/// Who won.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Verdict {
    /// The claim that is right if an honest party played; `None` if nobody answered to the end.
    pub claim: Option<Claim>,
    /// Rounds that were played.
    pub rounds: u32,
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Posted {
    /// The points at the cuts, then the end.
    Cuts(Arc<[Hash]>),
    Proof,
}

impl Dispute {
    /// Opens a game.
    ///
    /// # Errors
    /// If the terms cannot be played.
    pub fn open(terms: Terms) -> Result<Self, Illegal> {
        if !(2..=MAX_ARITY).contains(&terms.arity) {
            return Err(Illegal::Terms {
                what: "the arity",
                got: terms.arity.into(),
                want: "2 to MAX_ARITY",
            });
        }
        if !(terms.start.steps..=MAX_STEPS).contains(&terms.last) {
            return Err(Illegal::Terms {
                what: "the last step",
                got: terms.last,
                want: "from the start to MAX_STEPS",
            });
        }
        let (start, log) = (&terms.start, &terms.log);
        if start.inputs > log.len {
            return Err(Illegal::Terms {
                what: "the number of inputs at the start",
                got: start.inputs,
                want: "at most those of the log",
            });
        }
        if let Some(&got) = [start.inputs, start.outputs].iter().max()
            && got > MAX_STEPS
        {
            return Err(Illegal::Terms {
                what: "a count at the start",
                got,
                want: "at most MAX_STEPS",
            });
        }
        Ok(Self {
            deadline_ms: terms.join_ms,
            arity: terms.arity,
            terms,
            seats: Vec::new(),
            pairs: BTreeMap::new(),
            owed: BTreeMap::new(),
            round: 0,
            last_ms: 0,
            status: Status::Joining,
        })
    }

    /// What was agreed on.
    #[must_use]
    pub fn terms(&self) -> &Terms {
        &self.terms
    }

    /// How far it is.
    #[must_use]
    pub fn status(&self) -> &Status {
        &self.status
    }

    /// The parties by number.
    #[must_use]
    pub fn seats(&self) -> &[Seat] {
        &self.seats
    }

    /// The pairs that still argue, the lower party first.
    pub fn pairs(&self) -> impl Iterator<Item = ((Party, Party), Pair)> {
        self.pairs.iter().map(|(parties, pair)| (*parties, *pair))
    }

    /// The arity of this game: once the first round is open, the smallest that takes no more
    /// rounds than the one in the terms.
    #[must_use]
    pub fn arity(&self) -> u32 {
        self.arity
    }

    /// When the joining or the round may be closed whoever did not move, in milliseconds.
    #[must_use]
    pub fn deadline_ms(&self) -> u64 {
        self.deadline_ms
    }

    /// What a party still owes in this round, in the order of the run.
    pub fn due(&self, party: Party) -> impl Iterator<Item = Stand> {
        self.owed_by(party)
            .filter(|(_, posted)| posted.is_none())
            .map(|(stand, _)| stand)
    }

    /// Everything that is due from a party in this round, posted or not, in the order of the run.
    #[must_use]
    pub fn stands(&self, party: Party) -> Vec<Stand> {
        self.owed_by(party).map(|(stand, _)| stand).collect()
    }

    /// Whether nothing more is to be waited for: everybody has posted what is due, or as many have
    /// joined as are expected.
    #[must_use]
    pub fn is_complete(&self) -> bool {
        match self.status {
            Status::Joining => {
                let expected = usize::from(self.terms.expected);
                expected > 0 && self.seats.len() >= expected
            }
            Status::Round(_) => self.owed.values().all(Option::is_some),
            Status::Settled(_) => false,
        }
    }

    /// Applies one event. The proof of a step is checked with `vm`.
    ///
    /// # Errors
    /// Why it is refused; the game is then as it was.
    pub fn apply(&mut self, vm: &dyn Vm, event: &Event) -> Result<(), Illegal> {
        match event {
            Event::Join { claim } => self.join(*claim).map(|_| ()),
            Event::Move { by, mv } => self.post(vm, *by, mv),
            Event::Close { at_ms } => self.close(*at_ms),
        }
    }

    /// Takes a party in.
    ///
    /// # Errors
    /// If it is too late, the game is full, or nobody can be there under these terms.
    pub fn join(&mut self, claim: Claim) -> Result<Party, Illegal> {
        if self.status != Status::Joining {
            return Err(Illegal::Begun);
        }
        let limit = MAX_PARTIES;
        if self.seats.len() >= limit {
            return Err(Illegal::Full { limit });
        }
        let start = &self.terms.start;
        let refuse = |what, got, want| Err(Illegal::Claim { what, got, want });
        if claim.steps < start.steps || claim.steps > self.terms.last {
            return refuse(
                "steps",
                claim.steps,
                "from the start to the last of the terms",
            );
        }
        if claim.inputs < start.inputs || claim.inputs > self.terms.log.len {
            return refuse(
                "inputs",
                claim.inputs,
                "from the start to the end of the log",
            );
        }
        // Without a step nothing changes; so two different claims have a step between them.
        if claim.steps == start.steps && claim != *start {
            return refuse(
                "steps",
                claim.steps,
                "the claim at the start, or more steps",
            );
        }
        let party = Party(u16::try_from(self.seats.len()).expect("there are few parties"));
        self.seats.push(Seat { claim, out: None });
        Ok(party)
    }

    /// Takes a move.
    ///
    /// # Errors
    /// If it is not due, a proof does not hold, or `vm` has other rules than the terms. The same move
    /// again is no error.
    pub fn post(&mut self, vm: &dyn Vm, by: Party, mv: &Move) -> Result<(), Illegal> {
        let Status::Round(_) = self.status else {
            return Err(match self.status {
                Status::Joining => Illegal::NoRound,
                _ => Illegal::Settled,
            });
        };
        if usize::from(by.0) >= self.seats.len() {
            return Err(Illegal::NoParty { by });
        }
        if vm.spec() != self.terms.spec || vm.id() != self.terms.machine {
            let (want, got) = (self.terms.spec.to_string(), vm.spec());
            return Err(Illegal::Machine { want, got });
        }
        match mv {
            Move::Cut { stand, points } => self.cut(by, *stand, points),
            Move::Prove(proof) => self.prove(vm, by, proof),
            Move::Follow { leader } => self.follow(by, *leader),
        }
    }

    fn cut(&mut self, by: Party, stand: Stand, points: &[Hash]) -> Result<(), Illegal> {
        let segment = stand.segment;
        let same = self.posted(by, stand)?;
        let want = segment.cuts(self.arity).len();
        if segment.len == 1 {
            return Err(Illegal::Kind { segment });
        }
        if points.len() != want {
            let got = points.len();
            return Err(Illegal::Points { segment, got, want });
        }
        let all = || points.iter().copied().chain([stand.end]);
        match same {
            Some(Posted::Cuts(before)) if before.iter().copied().eq(all()) => return Ok(()),
            Some(_) => return Err(Illegal::Again { by, segment }),
            None => {}
        }
        // Parties that agree share one copy.
        let mut others = (0..MAX_PARTIES as u16).map(Party);
        let shared = others.find_map(|other| match self.owed.get(&(other, stand))? {
            Some(Posted::Cuts(cuts)) if cuts.iter().copied().eq(all()) => Some(cuts.clone()),
            _ => None,
        });
        let cuts = shared.unwrap_or_else(|| all().collect());
        self.owed.insert((by, stand), Some(Posted::Cuts(cuts)));
        Ok(())
    }

    fn prove(&mut self, vm: &dyn Vm, by: Party, proof: &StepProof) -> Result<(), Illegal> {
        let StepProof {
            stand,
            pre,
            post,
            witness,
        } = proof;
        let (stand, segment) = (*stand, stand.segment);
        self.posted(by, stand)?;
        if segment.len != 1 {
            return Err(Illegal::Kind { segment });
        }
        let ends = [("before", pre, stand.start), ("after", post, stand.end)];
        for (place, claim, want) in ends {
            let got = claim.hash();
            if got != want {
                return Err(Illegal::Hash { place, got, want });
            }
        }
        verify_step(vm, &self.terms.log, pre, post, witness)
            .map_err(|error| Illegal::Proof(Box::new(error)))?;
        self.owed.insert((by, stand), Some(Posted::Proof));
        Ok(())
    }

    /// What a party posted about a stand that is due from it.
    fn posted(&self, by: Party, stand: Stand) -> Result<Option<&Posted>, Illegal> {
        let owed = self.owed.get(&(by, stand));
        let owed = owed.ok_or_else(|| {
            let stand = Box::new(stand);
            Illegal::NotDue { by, stand }
        })?;
        Ok(owed.as_ref())
    }

    fn follow(&mut self, by: Party, leader: Party) -> Result<(), Illegal> {
        let refuse = |why| Err(Illegal::Follow { by, leader, why });
        let seat = |party: Party| self.seats.get(usize::from(party.0));
        let (Some(own), Some(other)) = (seat(by), seat(leader)) else {
            return refuse("there is no such party");
        };
        if own.out.is_none() {
            return refuse("it is still in");
        }
        if other.out.is_some() {
            return refuse("the other is out");
        }
        if own.claim != other.claim {
            return refuse("their claims differ");
        }
        let led: Vec<(Party, Pair)> = self
            .pairs
            .iter()
            .filter_map(|(&(a, b), pair)| match leader {
                _ if a == leader => Some((b, *pair)),
                _ if b == leader => Some((a, pair.turned())),
                _ => None,
            })
            .collect();
        for (opponent, pair) in led {
            let (parties, pair) = if by < opponent {
                ((by, opponent), pair)
            } else {
                ((opponent, by), pair.turned())
            };
            self.pairs.insert(parties, pair);
            let end = pair.ends[usize::from(parties.1 == by)];
            self.owed.entry((by, pair.stand(end))).or_default();
        }
        self.seats[usize::from(by.0)].out = None;
        Ok(())
    }

    /// Closes the joining or the round: whoever owes a move is out, and what the others argue about
    /// gets smaller.
    ///
    /// # Errors
    /// If there is time left and somebody has not moved, or more may join.
    pub fn close(&mut self, at_ms: u64) -> Result<(), Illegal> {
        if let Status::Settled(_) = self.status {
            return Err(Illegal::Settled);
        }
        let (got_ms, last_ms) = (at_ms, self.last_ms);
        if got_ms < last_ms {
            return Err(Illegal::Backward { got_ms, last_ms });
        }
        if at_ms < self.deadline_ms && !self.is_complete() {
            let left_ms = self.deadline_ms - at_ms;
            return Err(Illegal::Early { left_ms });
        }
        if self.status == Status::Joining {
            self.pair_up();
        } else {
            self.remove_losers();
            self.narrow();
        }
        self.last_ms = at_ms;
        self.deadline_ms = at_ms.saturating_add(self.terms.round_ms);
        self.next_round();
        Ok(())
    }

    /// The pairs of the first round: all parties with different claims, at the end of the longest.
    fn pair_up(&mut self) {
        let first = self.terms.start.steps;
        let end = self.seats.iter().map(|seat| seat.claim.steps).max();
        let len = end.unwrap_or(first) - first;
        let segment = Segment { first, len };
        self.arity = self.terms.balanced_arity(segment);
        let start = self.terms.start.hash();
        let ends: Vec<Hash> = self.seats.iter().map(|seat| seat.claim.hash()).collect();
        let parties = || (0..).map(Party).zip(&ends);
        for (a, end_a) in parties() {
            for (b, end_b) in parties().skip(usize::from(a.0) + 1) {
                if end_a != end_b {
                    let ends = [*end_a, *end_b];
                    self.pairs.insert(
                        (a, b),
                        Pair {
                            segment,
                            start,
                            ends,
                        },
                    );
                }
            }
        }
    }

    /// Takes everybody out who owes something; and both sides of a step of which both ends were
    /// proved. A machine that keeps its laws has no such step, but a referee has to get past it.
    fn remove_losers(&mut self) {
        let owed = self.owed.iter();
        let silent = owed
            .filter(|(_, posted)| posted.is_none())
            .map(|((party, _), _)| *party);
        let mut out: BTreeSet<Party> = silent.collect();
        for ((a, b), pair) in &self.pairs {
            if pair.segment.len == 1 && !out.contains(a) && !out.contains(b) {
                out.extend([*a, *b]);
            }
        }
        for party in &out {
            self.seats[usize::from(party.0)].out = Some(self.round);
        }
        self.pairs
            .retain(|(a, b), _| !out.contains(a) && !out.contains(b));
    }

    /// The part of its segment at whose end each pair first differs.
    fn narrow(&mut self) {
        let Self {
            pairs, owed, arity, ..
        } = self;
        for ((a, b), pair) in pairs.iter_mut() {
            let cuts = |party: Party, end: Hash| match owed.get(&(party, pair.stand(end))) {
                Some(Some(Posted::Cuts(cuts))) => cuts,
                _ => unreachable!("who did not cut a longer segment is out, and so is its pair"),
            };
            let (ours, theirs) = (cuts(*a, pair.ends[0]), cuts(*b, pair.ends[1]));
            let differs = ours.iter().zip(&**theirs).position(|(a, b)| a != b);
            let at = differs.expect("the ends of a pair differ");
            let index = u32::try_from(at).expect("there are few parts");
            *pair = Pair {
                segment: pair.segment.part(*arity, index),
                start: at.checked_sub(1).map_or(pair.start, |before| ours[before]),
                ends: [ours[at], theirs[at]],
            };
        }
    }

    fn next_round(&mut self) {
        self.owed.clear();
        for ((a, b), pair) in &self.pairs {
            let [end_a, end_b] = pair.ends;
            self.owed.insert((*a, pair.stand(end_a)), None);
            self.owed.insert((*b, pair.stand(end_b)), None);
        }
        if self.pairs.is_empty() {
            let left = self.seats.iter().find(|seat| seat.out.is_none());
            self.status = Status::Settled(Verdict {
                claim: left.map(|seat| seat.claim),
                rounds: self.round,
            });
        } else {
            self.round += 1;
            self.status = Status::Round(self.round);
        }
    }

    fn owed_by(&self, party: Party) -> impl Iterator<Item = (Stand, &Option<Posted>)> {
        let least = Stand {
            segment: Segment { first: 0, len: 0 },
            start: Hash::ZERO,
            end: Hash::ZERO,
        };
        self.owed
            .range((party, least)..)
            .take_while(move |((by, _), _)| *by == party)
            .map(|((_, stand), posted)| (*stand, posted))
    }
}

impl Pair {
    /// What the party with this end says.
    fn stand(&self, end: Hash) -> Stand {
        Stand {
            segment: self.segment,
            start: self.start,
            end,
        }
    }

    /// Seen from the other side.
    fn turned(&self) -> Self {
        let [a, b] = self.ends;
        Self {
            ends: [b, a],
            ..*self
        }
    }
}
