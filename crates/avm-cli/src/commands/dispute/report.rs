//! What happened in a game, from its records: for people, and as JSON.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write;

use avm_core::{Claim, Hash};
use avm_dispute::{Event, Move, Pair, Party, Segment, Stand, Status, StepProof};
use avm_referee::{PublicKey, Record, Replica};
use serde_json::{Value, json};

use super::claim_json;
use crate::output::{count, grouped, number, root};

/// Segments of a round that are shown to people.
const SHOWN: usize = 8;

/// Something that a record made happen.
pub(super) enum Happened {
    /// A party joined.
    Joined(Party, PublicKey, Claim),
    /// A round was closed.
    Round(Round),
}

/// A round that was closed.
pub(super) struct Round {
    pub(super) round: u32,
    pub(super) at_ms: u64,
    /// What was argued about.
    pub(super) quarrels: Vec<Quarrel>,
    /// Who is out by it.
    pub(super) out: Vec<Party>,
}

/// Two claims about the end of one segment, and who made them.
pub(super) struct Quarrel {
    pub(super) segment: Segment,
    pub(super) start: Hash,
    pub(super) sides: [Side; 2],
    pub(super) said: Said,
    pub(super) pairs: Vec<(Party, Party)>,
}

/// One side of a quarrel.
pub(super) struct Side {
    pub(super) parties: BTreeSet<Party>,
    pub(super) end: Hash,
}

/// What both sides said in the round; `None` for a side that said nothing.
pub(super) enum Said {
    /// At the first cut at which they differ, or else at the last one.
    Cut {
        /// Steps up to the cut.
        step: u64,
        /// Number of the cut, from 1, of how many.
        index: (usize, usize),
        /// The hashes of their claims.
        hashes: [Option<Hash>; 2],
    },
    /// The bytes of their proofs.
    Proof([Option<usize>; 2]),
}

/// What a party has cost.
#[derive(Clone, Copy, Default)]
pub(super) struct Cost {
    pub(super) moves: u64,
    pub(super) bytes: u64,
    pub(super) proof_bytes: u64,
}

/// Follows a game.
#[derive(Default)]
pub(super) struct Reporter {
    round: u32,
    arity: u32,
    pairs: BTreeMap<(Party, Party), Pair>,
    cuts: BTreeMap<(Party, Stand), Vec<Hash>>,
    proofs: BTreeMap<(Party, Stand), usize>,
    /// By party and round.
    pub(super) costs: BTreeMap<(Party, u32), Cost>,
    /// A proof that held: the last one of party 0, if it posted any.
    pub(super) proof: Option<Box<StepProof>>,
    /// How many held.
    pub(super) proofs_held: u64,
}

impl Reporter {
    /// Takes a record; `replica` has it already.
    pub(super) fn take(&mut self, replica: &Replica, record: &Record) -> Option<Happened> {
        let event = Event::from_bytes(&record.event).expect("the replica took it");
        match event {
            Event::Join { claim } => {
                let party = replica.party(&record.key).expect("it joined");
                self.spend(party, record);
                Some(Happened::Joined(party, record.key, claim))
            }
            Event::Move { by, mv } => {
                self.spend(by, record);
                self.said(replica, by, mv, record);
                None
            }
            Event::Close { at_ms } => {
                let report = (self.round > 0).then(|| self.close(replica, at_ms));
                self.cuts.clear();
                self.proofs.clear();
                self.refresh(replica);
                report.map(Happened::Round)
            }
        }
    }

    fn spend(&mut self, party: Party, record: &Record) {
        let cost = self.costs.entry((party, self.round)).or_default();
        cost.moves += 1;
        cost.bytes += record.to_bytes().len() as u64;
    }

    fn said(&mut self, replica: &Replica, by: Party, mv: Move, record: &Record) {
        match mv {
            Move::Cut { stand, points } => {
                self.cuts.insert((by, stand), points);
            }
            Move::Prove(proof) => {
                let bytes = proof.witness.len_bytes();
                let cost = self.costs.entry((by, self.round)).or_default();
                cost.proof_bytes += record.event.len() as u64;
                self.proofs.insert((by, proof.stand), bytes);
                self.proofs_held += 1;
                if by == Party(0) || self.proof.is_none() {
                    self.proof = Some(proof);
                }
            }
            Move::Follow { .. } => self.refresh(replica),
        }
    }

    fn refresh(&mut self, replica: &Replica) {
        let dispute = replica.dispute();
        self.pairs = dispute.pairs().collect();
        self.arity = dispute.arity();
        self.round = match dispute.status() {
            Status::Round(round) => *round,
            _ => 0,
        };
    }

    fn close(&self, replica: &Replica, at_ms: u64) -> Round {
        let mut quarrels: BTreeMap<(Segment, Hash, [Hash; 2]), Quarrel> = BTreeMap::new();
        for (&(a, b), pair) in &self.pairs {
            let Pair {
                segment,
                start,
                ends,
            } = *pair;
            let turned = ends[0] > ends[1];
            let (low, high) = if turned { (b, a) } else { (a, b) };
            let ends = if turned { [ends[1], ends[0]] } else { ends };
            let key = (segment, start, ends);
            let quarrel = quarrels.entry(key).or_insert_with(|| Quarrel {
                segment,
                start,
                sides: ends.map(|end| Side {
                    parties: BTreeSet::new(),
                    end,
                }),
                said: Said::Proof([None; 2]),
                pairs: Vec::new(),
            });
            quarrel.sides[0].parties.insert(low);
            quarrel.sides[1].parties.insert(high);
            quarrel.pairs.push((a, b));
        }
        let mut quarrels: Vec<Quarrel> = quarrels.into_values().collect();
        for quarrel in &mut quarrels {
            // The side of the lowest party comes first.
            quarrel
                .sides
                .sort_by_key(|side| side.parties.first().copied());
            quarrel.said = self.what_was_said(quarrel);
        }
        quarrels.sort_by_key(|quarrel| (quarrel.segment, quarrel.pairs.first().copied()));
        let seats = replica.dispute().seats().iter().zip((0..).map(Party));
        let out = seats.filter(|(seat, _)| seat.out == Some(self.round));
        Round {
            round: self.round,
            at_ms,
            quarrels,
            out: out.map(|(_, party)| party).collect(),
        }
    }

    fn what_was_said(&self, quarrel: &Quarrel) -> Said {
        let Quarrel {
            segment,
            start,
            sides,
            ..
        } = quarrel;
        let stand = |side: usize| Stand {
            segment: *segment,
            start: *start,
            end: sides[side].end,
        };
        if segment.len == 1 {
            let bytes = |side: usize| {
                let mut parties = sides[side].parties.iter();
                parties.find_map(|party| self.proofs.get(&(*party, stand(side))).copied())
            };
            return Said::Proof([bytes(0), bytes(1)]);
        }
        let points = |side: usize| {
            let mut parties = sides[side].parties.iter();
            parties.find_map(|party| self.cuts.get(&(*party, stand(side))))
        };
        let (ours, theirs) = (points(0), points(1));
        let steps: Vec<u64> = segment.cuts(self.arity).collect();
        let differs = match (ours, theirs) {
            (Some(ours), Some(theirs)) => ours.iter().zip(theirs).position(|(a, b)| a != b),
            _ => None,
        };
        let at = differs.unwrap_or(steps.len() - 1);
        let hash = |points: Option<&Vec<Hash>>| points.and_then(|points| points.get(at).copied());
        Said::Cut {
            step: steps[at],
            index: (at + 1, steps.len()),
            hashes: [hash(ours), hash(theirs)],
        }
    }
}

impl Said {
    /// Whether both sides said the same; `None` if one said nothing.
    fn same(&self) -> Option<bool> {
        match self {
            Said::Cut {
                hashes: [Some(a), Some(b)],
                ..
            } => Some(a == b),
            _ => None,
        }
    }
}

impl Round {
    /// Lines for people. With `about`, only the quarrels of that party. `op` names the operation of
    /// a step.
    pub(super) fn text(
        &self,
        about: Option<Party>,
        many: bool,
        op: &mut dyn FnMut(u64) -> Option<String>,
    ) -> String {
        let mut text = String::new();
        let concerns = |quarrel: &&Quarrel| {
            about.is_none_or(|party| {
                let mut sides = quarrel.sides.iter();
                sides.any(|side| side.parties.contains(&party))
            })
        };
        let quarrels: Vec<&Quarrel> = self.quarrels.iter().filter(concerns).collect();
        for quarrel in quarrels.iter().take(SHOWN) {
            let Segment { first, .. } = quarrel.segment;
            let span = format!(
                "[{} .. {}]",
                grouped(&first.to_string()),
                grouped(&quarrel.segment.end().to_string())
            );
            let _ = write!(
                text,
                "round {:>2}   {span}  {}",
                self.round,
                quarrel.text(op)
            );
            if many {
                let sides = quarrel.sides.each_ref().map(|side| list(&side.parties));
                let _ = write!(text, "   {} against {}", sides[0], sides[1]);
            }
            text.push('\n');
        }
        if let Some(more) = quarrels.len().checked_sub(SHOWN + 1) {
            let more = count(&(more + 1).to_string(), "segment");
            let _ = writeln!(text, "           and {more} more");
        }
        text
    }

    /// The round as JSON.
    pub(super) fn json(&self, op: &mut dyn FnMut(u64) -> Option<String>) -> Value {
        let quarrels = self.quarrels.iter().map(|quarrel| quarrel.json(op));
        let out = self.out.iter().map(|party| party.0);
        json!({
            "round": self.round,
            "at_ms": number(self.at_ms),
            "segments": quarrels.collect::<Vec<_>>(),
            "out": out.collect::<Vec<_>>(),
        })
    }
}

impl Quarrel {
    fn text(&self, op: &mut dyn FnMut(u64) -> Option<String>) -> String {
        match &self.said {
            Said::Cut {
                step,
                index: (at, of),
                hashes,
            } => {
                let step = grouped(&step.to_string());
                let place = match of {
                    1 => format!("midpoint {step}"),
                    of => format!("cut {at} of {of} at {step}"),
                };
                let says = |hash: Option<Hash>| {
                    hash.map_or("no answer".into(), |hash| hash.short().to_string())
                };
                match (self.said.same(), hashes) {
                    (Some(true), [hash, _]) => format!("{place}   same        {}", says(*hash)),
                    (Some(false), [a, b]) => {
                        format!("{place}   DIFFERENT   {}  {}", says(*a), says(*b))
                    }
                    (None, [a, b]) => format!("{place}   {} / {}", says(*a), says(*b)),
                }
            }
            Said::Proof(_) => {
                let op = op(self.segment.first);
                let op = op.map_or(String::new(), |op| format!(": {op}"));
                format!(" one step left{op}")
            }
        }
    }

    fn json(&self, op: &mut dyn FnMut(u64) -> Option<String>) -> Value {
        let side = |at: usize, name: &str, said: Value| {
            let parties: Vec<u16> = self.sides[at].parties.iter().map(|party| party.0).collect();
            json!({ "parties": parties, "end": root(self.sides[at].end), name: said })
        };
        let mut value = json!({
            "first": number(self.segment.first),
            "last": number(self.segment.end()),
        });
        match &self.said {
            Said::Cut { step, hashes, .. } => {
                let hash = |at: usize| hashes[at].map_or(Value::Null, |hash| json!(root(hash)));
                value["cut"] = number(*step);
                value["same"] = json!(self.said.same());
                value["sides"] = json!([side(0, "claim", hash(0)), side(1, "claim", hash(1))]);
            }
            Said::Proof(bytes) => {
                let proof = |at: usize| json!(bytes[at]);
                value["step"] = number(self.segment.first);
                value["op"] = json!(op(self.segment.first));
                value["sides"] = json!([
                    side(0, "proof_bytes", proof(0)),
                    side(1, "proof_bytes", proof(1))
                ]);
            }
        }
        value
    }
}

/// `party 0`, or `parties 1, 2`.
pub(super) fn list(parties: &BTreeSet<Party>) -> String {
    let shown: Vec<String> = parties.iter().map(|party| party.0.to_string()).collect();
    let noun = if shown.len() == 1 { "party" } else { "parties" };
    format!("{noun} {}", shown.join(", "))
}

/// The parties of a game in JSON.
pub(super) fn parties_json(replica: &Replica) -> Value {
    let seats = replica.dispute().seats().iter().zip(replica.keys());
    let verdict = super::verdict(replica).and_then(|verdict| verdict.claim);
    let parties = seats.zip(0_u64..).map(|((seat, key), index)| {
        json!({
            "party": index,
            "key": format!("0x{key}"),
            "claim": claim_json(&seat.claim),
            "out_in_round": seat.out,
            "right": verdict.map(|claim| claim == seat.claim),
        })
    });
    parties.collect()
}

/// The verdict in JSON.
pub(super) fn verdict_json(replica: &Replica) -> Value {
    match super::verdict(replica) {
        None => Value::Null,
        Some(verdict) => json!({
            "claim": verdict.claim.as_ref().map(claim_json),
            "rounds": verdict.rounds,
        }),
    }
}

/// The verdict in words.
pub(super) fn verdict_text(replica: &Replica) -> String {
    let Some(verdict) = super::verdict(replica) else {
        return match replica.dispute().status() {
            Status::Joining => "open: parties join".into(),
            _ => format!("open: round {}", replica.round()),
        };
    };
    let Some(claim) = verdict.claim else {
        return "nobody answered to the end: no claim stands".into();
    };
    let seats = replica.dispute().seats().iter().zip((0..).map(Party));
    let right = seats.filter(|(seat, _)| seat.claim == claim);
    let right: BTreeSet<Party> = right.map(|(_, party)| party).collect();
    let steps = count(&claim.steps.to_string(), "step");
    let verb = if right.len() == 1 { "is" } else { "are" };
    format!(
        "{} after {steps}: {} {verb} right",
        claim.state.short(),
        list(&right)
    )
}
