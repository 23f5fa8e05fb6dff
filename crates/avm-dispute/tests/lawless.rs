//! A machine that breaks its laws: one step leads to two places. No game about it has a right end,
//! but it has an end, and the referee gets there.

use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use avm_core::{
    Claim, Hash, Host, HostError, ImageError, Machine, MemoryInbox, MemoryNodes, Nodes, Ran, Sink,
    Stop, Vm,
};
use avm_dispute::{
    Dispute, MAX_ARITY, Move, Party, Segment, Stand, Status, StepProof, Terms, Verdict,
};
use avm_prove::{AgreedLog, prove_step};

/// A counter that goes on by as much as it is told from outside.
struct Lawless(AtomicU64);

struct Counting {
    count: u64,
    stride: u64,
}

fn name(count: u64) -> Hash {
    Hash::keccak(&count.to_be_bytes())
}

impl Vm for Lawless {
    fn id(&self) -> &'static str {
        "lawless"
    }

    fn spec(&self) -> &'static str {
        "lawless/1"
    }

    fn hash(&self, node: &[u8]) -> Hash {
        Hash::keccak(node)
    }

    fn genesis(&self, _image: &[u8]) -> Result<Box<dyn Machine>, ImageError> {
        unreachable!("the game starts from a claim")
    }

    fn open(&self, state: Hash, nodes: Arc<dyn Nodes>) -> Result<Box<dyn Machine>, HostError> {
        let node = nodes.get(state)?;
        let count = u64::from_be_bytes(node[..].try_into().expect("a number"));
        let stride = self.0.load(Ordering::Relaxed);
        Ok(Box::new(Counting { count, stride }))
    }
}

impl Machine for Counting {
    fn run(&mut self, budget: u64, _host: &mut dyn Host) -> Result<Ran, HostError> {
        self.count += budget * self.stride;
        let (steps, stop) = (budget, Stop::Budget);
        Ok(Ran { steps, stop })
    }

    fn state_hash(&mut self) -> Hash {
        name(self.count)
    }

    fn save(&mut self, _sink: &mut dyn Sink) -> Result<Hash, HostError> {
        unreachable!("it is proved from a store")
    }

    fn fork(&self) -> Box<dyn Machine> {
        unreachable!("nobody forks it")
    }
}

#[test]
fn two_ends_of_one_step_are_nobodys() {
    let vm = Lawless(AtomicU64::new(1));
    let inbox = MemoryInbox::default();
    let log = AgreedLog::read(&inbox, 0).unwrap();
    let start = Claim::genesis(name(0));
    let mut nodes = MemoryNodes::default();
    nodes.put(start.state, &0u64.to_be_bytes()).unwrap();
    let nodes = Arc::new(nodes);
    let mut game = Dispute::open(Terms {
        machine: "lawless".into(),
        spec: "lawless/1".into(),
        start,
        log: log.head(),
        last: 1,
        arity: MAX_ARITY,
        join_ms: 0,
        expected: 0,
        round_ms: 1,
        nonce: [0; 16],
    })
    .unwrap();
    let proofs = [1, 2].map(|stride| {
        vm.0.store(stride, Ordering::Relaxed);
        prove_step(&vm, &log, &start, nodes.clone()).unwrap()
    });
    for (_, post) in &proofs {
        game.join(*post).unwrap();
    }
    game.close(0).unwrap();
    for (stride, (witness, post)) in (1..).zip(proofs) {
        vm.0.store(stride, Ordering::Relaxed);
        let proof = StepProof {
            stand: Stand {
                segment: Segment { first: 0, len: 1 },
                start: start.hash(),
                end: post.hash(),
            },
            pre: start,
            post,
            witness,
        };
        let by = Party(u16::try_from(stride - 1).unwrap());
        game.post(&vm, by, &Move::Prove(Box::new(proof))).unwrap();
    }
    game.close(0).unwrap();
    let (claim, rounds) = (None, 1);
    assert_eq!(*game.status(), Status::Settled(Verdict { claim, rounds }));
    assert!(game.seats().iter().all(|seat| seat.out == Some(1)));
}
