//! The longest games that are played in practice: 2^43 steps, of which nobody runs all.

use std::sync::Arc;

use avm_core::{
    Claim, Hash, Host, HostError, ImageError, Machine, MemoryInbox, MemoryNodes, Nodes, Ran, Sink,
    Stop, Vm,
};
use avm_dispute::{
    Dispute, Event, History, MAX_ARITY, MAX_CUTS_BYTES, Move, Party, Status, Terms, respond,
};
use avm_prove::{AgreedLog, ProveError, Witness, prove_step};

/// A machine that counts, so that its state after any number of steps is known without a run.
struct Counter;

struct Counting(u64);

impl Vm for Counter {
    fn id(&self) -> &'static str {
        "counter"
    }

    fn spec(&self) -> &'static str {
        "counter/1"
    }

    fn hash(&self, node: &[u8]) -> Hash {
        Hash::keccak(node)
    }

    fn genesis(&self, _image: &[u8]) -> Result<Box<dyn Machine>, ImageError> {
        Ok(Box::new(Counting(0)))
    }

    fn open(&self, hash: Hash, nodes: Arc<dyn Nodes>) -> Result<Box<dyn Machine>, HostError> {
        let node = nodes.get(hash)?;
        let (len, want) = (node.len(), "a number");
        let bytes = node[..].try_into();
        let bytes = bytes.map_err(|_| HostError::BadNode { hash, len, want })?;
        Ok(Box::new(Counting(u64::from_be_bytes(bytes))))
    }
}

impl Machine for Counting {
    fn run(&mut self, budget: u64, _host: &mut dyn Host) -> Result<Ran, HostError> {
        self.0 = self.0.wrapping_add(budget);
        let (steps, stop) = (budget, Stop::Budget);
        Ok(Ran { steps, stop })
    }

    fn state_hash(&mut self) -> Hash {
        Hash::keccak(&self.0.to_be_bytes())
    }

    fn save(&mut self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        let hash = self.state_hash();
        sink.put(hash, &self.0.to_be_bytes())?;
        Ok(hash)
    }

    fn fork(&self) -> Box<dyn Machine> {
        Box::new(Counting(self.0))
    }
}

/// The count after any step; wrong from `lie` on.
struct Known<'a> {
    log: &'a AgreedLog<'a>,
    lie: u64,
}

impl History for Known<'_> {
    fn claim_at(&mut self, step: u64) -> Result<Claim, HostError> {
        let count = step + u64::from(step >= self.lie);
        let state = Counting(count).state_hash();
        let steps = step;
        Ok(Claim {
            steps,
            ..Claim::genesis(state)
        })
    }

    fn prove(&mut self, step: u64) -> Result<Witness, ProveError> {
        let pre = self.claim_at(step)?;
        let mut nodes = MemoryNodes::default();
        Counting(step).save(&mut nodes)?;
        Ok(prove_step(&Counter, self.log, &pre, Arc::new(nodes))?.0)
    }
}

#[test]
fn eight_trillion_steps_take_five_rounds_of_sixteen_kilobytes_and_a_proof() {
    let steps = 1 << 43;
    let inbox = MemoryInbox::default();
    let log = AgreedLog::read(&inbox, 0).unwrap();
    for lie in [1, 2, 12_345_678_901, steps / 2, steps - 1, steps] {
        let mut players = [u64::MAX, lie].map(|lie| Known { log: &log, lie });
        let terms = Terms {
            machine: Counter.id().into(),
            spec: Counter.spec().into(),
            start: players[0].claim_at(0).unwrap(),
            log: log.head(),
            last: steps,
            arity: MAX_ARITY,
            join_ms: 0,
            expected: 2,
            round_ms: 1,
            nonce: [0; 16],
        };
        let mut game = Dispute::open(terms).unwrap();
        for player in &mut players {
            game.join(player.claim_at(steps).unwrap()).unwrap();
        }
        game.close(0).unwrap();
        let (mut cutting, mut largest) = (0, 0);
        while let Status::Round(round) = *game.status() {
            for (by, player) in (0..).map(Party).zip(&mut players) {
                for mv in respond(&game, by, player).unwrap() {
                    let is_cut = matches!(mv, Move::Cut { .. });
                    let event = Event::Move { by, mv };
                    largest = event.to_bytes().len().max(largest);
                    // The proof of the lie is refused.
                    let taken = game.apply(&Counter, &event);
                    assert!(taken.is_ok() || !is_cut && by == Party(1), "{taken:?}");
                    if is_cut {
                        cutting = round;
                    }
                }
            }
            let deadline = game.deadline_ms();
            game.close(deadline).unwrap();
        }
        let Status::Settled(verdict) = game.status() else {
            unreachable!("no round is open");
        };
        assert_eq!(verdict.claim, Some(players[0].claim_at(steps).unwrap()));
        assert_eq!((cutting, verdict.rounds), (5, 6), "lie from step {lie}");
        assert!(largest <= MAX_CUTS_BYTES, "a move of {largest} bytes");
    }
}
