//! The records of a game one by one, with every hash: enough to follow a game with a pencil.

use std::fmt::Write;

use avm_core::Claim;
use avm_dispute::{Event, Move, Stand};
use avm_referee::{Record, Replica};

/// A record; `replica` has it already.
pub(super) fn text(replica: &Replica, record: &Record) -> String {
    let event = Event::from_bytes(&record.event).expect("the replica took it");
    let mut text = format!("{:>4}  ", replica.records() - 1);
    match event {
        Event::Join { claim } => {
            let party = replica.party(&record.key).expect("it joined");
            let _ = writeln!(text, "{party} joins");
            put_claim(&mut text, "claim", &claim);
        }
        Event::Close { at_ms } => {
            let _ = writeln!(text, "close at {at_ms} ms");
        }
        Event::Move { by, mv } => match mv {
            Move::Cut { stand, points } => {
                let _ = writeln!(text, "{by} cuts {}", span(&stand));
                put_stand(&mut text, &stand);
                let steps = stand.segment.cuts(replica.dispute().arity());
                for (step, point) in steps.zip(points) {
                    let _ = writeln!(text, "        at {step:<7} {point}");
                }
            }
            Move::Prove(proof) => {
                let bytes = proof.witness.len_bytes();
                let span = span(&proof.stand);
                let _ = writeln!(text, "{by} proves {span} with a witness of {bytes} bytes");
                put_stand(&mut text, &proof.stand);
                put_claim(&mut text, "before", &proof.pre);
                put_claim(&mut text, "after", &proof.post);
            }
            Move::Follow { leader } => {
                let _ = writeln!(text, "{by} follows {leader}");
            }
        },
    }
    text
}

fn span(stand: &Stand) -> String {
    format!("[{} .. {}]", stand.segment.first, stand.segment.end())
}

fn put_stand(text: &mut String, stand: &Stand) {
    let _ = writeln!(text, "        start      {}", stand.start);
    let _ = writeln!(text, "        end        {}", stand.end);
}

fn put_claim(text: &mut String, name: &str, claim: &Claim) {
    let _ = writeln!(text, "        {name:<10} {}", claim.hash());
    let parts = [
        (claim.steps, "steps", claim.state),
        (claim.inputs, "inputs", claim.inbox),
        (claim.outputs, "outputs", claim.outbox),
    ];
    for (count, what, hash) in parts {
        let _ = writeln!(text, "          {count:>6} {what:<7} {hash}");
    }
}
