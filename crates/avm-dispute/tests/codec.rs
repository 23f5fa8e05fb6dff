//! Terms and events as bytes: there and back, and no bytes do harm.

use avm_core::{Claim, Hash};
use avm_dispute::{
    DecodeError, Event, MAX_ARITY, MAX_CUTS_BYTES, Move, Party, Segment, Stand, StepProof, Terms,
};
use avm_merkle::LogHead;
use avm_prove::{LogItem, Witness};
use avm_testkit::seed::{self, Rng};

fn hash(rng: &mut Rng) -> Hash {
    Hash::keccak(&rng.bytes(8))
}

fn claim(rng: &mut Rng) -> Claim {
    Claim {
        steps: rng.number(),
        inputs: rng.number(),
        inbox: hash(rng),
        outputs: rng.number(),
        outbox: hash(rng),
        ..Claim::genesis(hash(rng))
    }
}

fn stand(rng: &mut Rng) -> Stand {
    Stand {
        segment: Segment {
            first: rng.number(),
            len: rng.number(),
        },
        start: hash(rng),
        end: hash(rng),
    }
}

fn event(rng: &mut Rng) -> Event {
    let mv = match rng.below(5) {
        0 => return Event::Join { claim: claim(rng) },
        1 => {
            return Event::Close {
                at_ms: rng.number(),
            };
        }
        2 => Move::Follow {
            leader: Party(rng.number() as u16),
        },
        3 => Move::Cut {
            stand: stand(rng),
            points: (0..rng.below(20)).map(|_| hash(rng)).collect(),
        },
        _ => {
            let item = |rng: &mut Rng| LogItem {
                bytes: rng.bytes(9).into(),
                path: (0..rng.below(5)).map(|_| hash(rng)).collect(),
            };
            Move::Prove(Box::new(StepProof {
                stand: stand(rng),
                pre: claim(rng),
                post: claim(rng),
                witness: Witness {
                    nodes: (0..rng.below(6))
                        .map(|len| rng.bytes(len as usize).into())
                        .collect(),
                    inputs: (0..rng.below(3)).map(|_| item(rng)).collect(),
                },
            }))
        }
    };
    Event::Move {
        by: Party(rng.number() as u16),
        mv,
    }
}

fn terms(rng: &mut Rng) -> Terms {
    Terms {
        machine: "arb".into(),
        spec: "arb/1".into(),
        start: claim(rng),
        log: LogHead {
            len: rng.number(),
            root: hash(rng),
        },
        last: rng.number(),
        arity: rng.number() as u32,
        join_ms: rng.number(),
        expected: rng.number() as u16,
        round_ms: rng.number(),
        nonce: [rng.number() as u8; 16],
    }
}

#[test]
fn there_and_back() {
    seed::each(2000, |rng| {
        let event = event(rng);
        assert_eq!(Event::from_bytes(&event.to_bytes()).as_ref(), Ok(&event));
        let terms = terms(rng);
        assert_eq!(Terms::from_bytes(&terms.to_bytes()).as_ref(), Ok(&terms));
    });
}

#[test]
fn bytes_cut_short_or_made_longer_are_refused() {
    seed::each(60, |rng| {
        let bytes = event(rng).to_bytes();
        for len in 0..bytes.len() {
            assert!(
                Event::from_bytes(&bytes[..len]).is_err(),
                "{len} of {bytes:?}"
            );
        }
        assert!(Event::from_bytes(&[&bytes[..], &[0]].concat()).is_err());
        let bytes = terms(rng).to_bytes();
        for len in 0..bytes.len() {
            assert!(Terms::from_bytes(&bytes[..len]).is_err());
        }
        let trailing = Terms::from_bytes(&[&bytes[..], &[0]].concat());
        assert_eq!(trailing, Err(DecodeError::Trailing { count: 1 }));
    });
}

#[test]
fn whatever_is_read_is_written_the_same() {
    seed::each(5000, |rng| {
        let mut bytes = event(rng).to_bytes();
        let at = rng.below(bytes.len() as u64) as usize;
        bytes[at] ^= 1 << rng.below(8);
        if let Ok(event) = Event::from_bytes(&bytes) {
            assert_eq!(event.to_bytes(), bytes);
        }
        let len = rng.below(200) as usize;
        let noise = rng.bytes(len);
        if let Ok(event) = Event::from_bytes(&noise) {
            assert_eq!(event.to_bytes(), noise);
        }
    });
}

#[test]
fn the_largest_cuts_fit_and_larger_ones_are_refused() {
    let mut rng = Rng::new(1);
    let mut cut = |count: u32| Event::Move {
        by: Party(0),
        mv: Move::Cut {
            stand: stand(&mut rng),
            points: vec![Hash::ZERO; count as usize],
        },
    };
    let largest = cut(MAX_ARITY - 1).to_bytes();
    assert!(
        largest.len() + 128 <= MAX_CUTS_BYTES,
        "{} bytes",
        largest.len()
    );
    assert!(Event::from_bytes(&largest).is_ok());
    let refused = Event::from_bytes(&cut(MAX_ARITY).to_bytes());
    assert!(matches!(refused, Err(DecodeError::Tag { .. })));
}
