use alloc::boxed::Box;
use alloc::vec::Vec;

use avm_prove::ProveError;

use crate::{Dispute, History, Move, Party, Seat, Segment, Stand, Status, StepProof};

/// What an honest party does now: everything it owes, in the order of the run. If it is out because
/// it missed a round, it first follows a party with the same claim whose postings it agrees with.
///
/// # Errors
/// If its own history fails.
pub fn respond(
    dispute: &Dispute,
    party: Party,
    ours: &mut dyn History,
) -> Result<Vec<Move>, ProveError> {
    let Some(seat) = dispute.seats().get(usize::from(party.0)) else {
        return Ok(Vec::new());
    };
    let Status::Round(_) = dispute.status() else {
        return Ok(Vec::new());
    };
    if seat.out.is_none() {
        return answers(dispute, seat, dispute.due(party).collect(), ours);
    }
    let peers = dispute.seats().iter().zip((0..).map(Party));
    let peers = peers.filter(|(peer, _)| peer.out.is_none() && peer.claim == seat.claim);
    for (_, leader) in peers {
        let stands = dispute.stands(leader);
        if agrees(&stands, ours)? {
            let mut moves = Vec::from([Move::Follow { leader }]);
            moves.extend(answers(dispute, seat, stands, ours)?);
            return Ok(moves);
        }
    }
    Ok(Vec::new())
}

/// Whether stands are what our history says.
fn agrees(stands: &[Stand], ours: &mut dyn History) -> Result<bool, ProveError> {
    for stand in stands {
        let Segment { first, .. } = stand.segment;
        let start = ours.claim_at(first)?.hash();
        if start != stand.start || ours.claim_at(stand.segment.end())?.hash() != stand.end {
            return Ok(false);
        }
    }
    Ok(true)
}

fn answers(
    dispute: &Dispute,
    seat: &Seat,
    stands: Vec<Stand>,
    ours: &mut dyn History,
) -> Result<Vec<Move>, ProveError> {
    let moves = stands.into_iter().map(|stand| {
        let Segment { first, len } = stand.segment;
        if len == 1 {
            let pre = ours.claim_at(first)?;
            let witness = ours.prove(first)?;
            let post = ours.claim_at(first + 1)?;
            return Ok(Move::Prove(Box::new(StepProof {
                stand,
                pre,
                post,
                witness,
            })));
        }
        // Behind its end our run is idle.
        let len = len.min(seat.claim.steps.saturating_sub(first));
        ours.prepare(Segment { first, len })?;
        let cuts = stand.segment.cuts(dispute.arity());
        let points = cuts.map(|step| Ok(ours.claim_at(step)?.hash()));
        Ok(Move::Cut {
            stand,
            points: points.collect::<Result<_, ProveError>>()?,
        })
    });
    moves.collect()
}
