//! Machine, encoder and verifier agree on every step, in every form of proof; and the states that
//! have no proof of a form say so.

use std::sync::Mutex;

use avm_arb::{Arb, ArbMachine, Message, Program, Status, asm, sample};
use avm_arb_osp::encode::{
    Batch, BatchError, BatchStart, CODE_POINT_DEPTH_MAX, CodePoints, EncodeError, Options, encode,
};
use avm_arb_osp::{Inboxes, Known, Mode, Outcome, Proof, verify};
use avm_core::{Bytes, Claim, Hash, HostError, Machine, MemoryNodes, MemoryOutbox, Nodes, advance};
use avm_testkit::seed;
use ruint::aliases::U256;

use crate::vectors;

/// A machine, the messages before it, and the nodes of its present state.
struct Stepper {
    machine: ArbMachine,
    claim: Claim,
    batch: Batch,
    nodes: MemoryNodes,
    state: Hash,
}

impl Stepper {
    fn new(program: &Program, messages: Vec<Message>) -> Self {
        let mut machine = Arb::default().load(program);
        let mut nodes = MemoryNodes::default();
        let state = machine.save(&mut nodes).unwrap();
        Stepper {
            claim: Claim::genesis(state),
            machine,
            batch: vectors::batch(messages),
            nodes,
            state,
        }
    }

    fn encode(&self, code_points: CodePoints) -> Result<Proof, EncodeError> {
        let message = self.batch.proof(self.claim.inputs as usize);
        let options = Options { code_points };
        encode(self.state, &self.nodes, message.as_ref(), options)
    }

    /// Takes a step; what a proof of it must show, or `None` if there is none.
    fn step(&mut self) -> Option<Outcome> {
        let (tally, before) = (self.machine.tally(), self.machine.machine_hash());
        let inbox = vectors::inbox(self.batch.messages());
        let (machine, mut outbox) = (&mut self.machine, MemoryOutbox::default());
        let ran = advance(machine, self.claim, &inbox, &mut outbox, 1);
        let claim = ran.unwrap().0;
        if claim.steps == self.claim.steps {
            return None;
        }
        self.claim = claim;
        self.state = self.machine.save(&mut self.nodes).unwrap();
        let after = self.machine.tally();
        Some(Outcome {
            gas: (after.gas_used - tally.gas_used).to(),
            messages_read: U256::from(after.messages_read),
            before,
            after: self.machine.machine_hash(),
            send_acc: after.send_acc,
            log_acc: after.log_acc,
        })
    }

    /// Proves and verifies up to `budget` steps in each form; how many there were.
    fn check(&mut self, budget: usize) -> usize {
        let inboxes = Inboxes {
            sequencer: vec![self.batch.accumulator()],
            delayed: self.batch.delayed_accumulators().to_vec(),
        };
        for at in 0..budget {
            let tally = self.machine.tally();
            let known = Known {
                messages_read: U256::from(tally.messages_read),
                send_acc: tally.send_acc,
                log_acc: tally.log_acc,
                inboxes: &inboxes,
            };
            let full = self.encode(CodePoints::Full);
            let bounded = self.encode(CodePoints::Bounded);
            let Some(want) = self.step() else {
                let no_step = |error: EncodeError| {
                    use EncodeError::{MessageMissing, Stopped};
                    matches!(error, Stopped { .. } | MessageMissing { .. })
                };
                assert!(full.is_err_and(no_step) && bounded.is_err_and(no_step));
                return at;
            };
            let bounded = bounded.unwrap();
            assert_eq!(verify(Mode::Sound, &bounded, &known), Ok(want), "step {at}");
            match full {
                Ok(full) => {
                    for mode in [Mode::Sound, Mode::Deployed] {
                        let found = verify(mode, &full, &known);
                        assert_eq!(found, Ok(want), "step {at}, {mode:?}");
                    }
                }
                Err(EncodeError::CodePointDepth { .. } | EncodeError::ValuesTooLong) => {}
                Err(error) => panic!("step {at}: {error}"),
            }
        }
        budget
    }
}

#[test]
fn steps_of_random_programs() {
    let mut proven = 0;
    seed::each(200, |rng| {
        let (program, mut messages) = sample::program(&rng.bytes(500));
        for message in &mut messages {
            // As the sequencer may send them.
            message.kind = if message.data.is_empty() { 6 } else { 3 };
        }
        proven += Stepper::new(&program, messages).check(150);
    });
    assert!(
        proven > 10_000 || std::env::var_os(seed::VARIABLE).is_some(),
        "{proven} steps"
    );
}

/// All steps of the programs of the project's vectors, recorded or not.
#[test]
fn steps_of_the_recorded_programs() {
    let mut proven = 0;
    for path in vectors::program_files(&vectors::own_folder()) {
        for entry in vectors::entries(&path) {
            let program = vectors::program(&entry);
            proven += Stepper::new(&program, vectors::messages(&entry)).check(60);
        }
    }
    assert!(proven > 2_000, "{proven} steps");
}

fn assembled(text: &str) -> Stepper {
    Stepper::new(&asm::assemble(text).unwrap().program, vec![])
}

#[test]
fn a_stopped_machine_has_no_step() {
    for (text, want) in [("halt", Status::Halted), ("error", Status::ErrorStop)] {
        let mut stepper = assembled(text);
        stepper.step().unwrap();
        let error = stepper.encode(CodePoints::Full).unwrap_err();
        assert!(matches!(error, EncodeError::Stopped { status } if status == want));
    }
}

#[test]
fn a_message_must_be_the_next() {
    let mut messages = sample::program(&[5; 300]).1;
    messages.iter_mut().for_each(|message| message.kind = 3);
    let program = asm::assemble("inbox\ninbox\nhalt").unwrap().program;
    let stepper = Stepper::new(&program, messages);
    let encode = |at: Option<usize>| {
        let message = at.map(|at| stepper.batch.proof(at).unwrap());
        let options = Options::default();
        encode(stepper.state, &stepper.nodes, message.as_ref(), options)
    };
    assert!(encode(Some(0)).is_ok());
    let missing = encode(None).unwrap_err();
    assert!(matches!(missing, EncodeError::MessageMissing { number: 0 }));
    let other = encode(Some(1)).unwrap_err();
    assert!(matches!(other, EncodeError::MessageNumber { want: 0, found } if found == U256::ONE));
}

/// An operation whose immediate is a code point with such an immediate, `depth` times.
fn ladder(depth: usize) -> Stepper {
    let rung = |at| format!("l{at}: nop @l{}\n", at + 1);
    let rungs: String = (0..depth).map(rung).collect();
    assembled(&format!("{rungs}l{depth}: halt"))
}

#[test]
fn nested_code_points_are_written_to_a_depth() {
    let fits = ladder(CODE_POINT_DEPTH_MAX);
    assert!(fits.encode(CodePoints::Full).is_ok());
    let longer = fits.encode(CodePoints::Bounded).unwrap().proof.len();
    for depth in [CODE_POINT_DEPTH_MAX + 1, 20_000] {
        let deep = ladder(depth);
        let error = deep.encode(CodePoints::Full).unwrap_err();
        assert!(matches!(error, EncodeError::CodePointDepth { .. }));
        let bounded = deep.encode(CodePoints::Bounded).unwrap();
        assert_eq!(bounded.proof.len(), longer);
    }
}

/// Opened all the way, this tuple is 8^30 words.
#[test]
fn a_list_that_shares_its_elements_has_a_short_proof() {
    let mut text = String::from(".const T0 = 7\n");
    for at in 1..=30 {
        let below = format!("T{}", at - 1);
        text += &format!(".const T{at} = ({})\n", [&below[..]; 8].join(","));
    }
    let mut stepper = assembled(&(text + "ecpairing (T30, (T30, ()))\nhalt"));
    let error = stepper.encode(CodePoints::Full).unwrap_err();
    assert!(matches!(error, EncodeError::ValuesTooLong));
    assert_eq!(stepper.check(5), 1);
}

/// Nodes that count, and may lack one.
struct Watched<'a> {
    nodes: &'a MemoryNodes,
    missing: Option<Hash>,
    read: Mutex<Vec<Hash>>,
}

impl Nodes for Watched<'_> {
    fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        if self.missing == Some(hash) {
            return Err(HostError::MissingNode { hash });
        }
        self.read.lock().unwrap().push(hash);
        self.nodes.get(hash)
    }
}

impl Stepper {
    /// Encodes, and says what was read.
    fn watched(&self, missing: Option<Hash>) -> (Result<Proof, EncodeError>, Vec<Hash>) {
        let nodes = Watched {
            nodes: &self.nodes,
            missing,
            read: Mutex::default(),
        };
        let proof = encode(self.state, &nodes, None, Options::default());
        (proof, nodes.read.into_inner().unwrap())
    }
}

#[test]
fn a_deep_stack_costs_nothing() {
    let at = |depth: usize| {
        let mut stepper = assembled(&("push 1\n".repeat(depth) + "add"));
        assert!((0..depth).all(|_| stepper.step().is_some()));
        stepper.watched(None).1.len()
    };
    assert_eq!(at(3), at(3_000));
}

#[test]
fn every_node_that_is_read_is_needed() {
    let text = "push \"some bytes that take more than one leaf of a buffer\"\n\
                push (1, (2, 3), @end)\npush 77\nswap2\nswap1\nsetbuffer256 30\nhalt";
    let mut stepper = assembled(text);
    loop {
        let (proof, read) = stepper.watched(None);
        if proof.is_err() {
            break;
        }
        for hash in read {
            let (proof, _) = stepper.watched(Some(hash));
            let error = proof.unwrap_err();
            let is_it = matches!(
                error,
                EncodeError::Host(HostError::MissingNode { hash: named }) if named == hash
            );
            assert!(is_it, "{error}");
        }
        if stepper.step().is_none() {
            break;
        }
    }
    assert!(stepper.claim.steps > 4);
}

/// Messages of both kinds, among them two delayed ones in a run.
fn mixed_messages() -> Vec<Message> {
    let message = |number: u64, delayed: Option<u64>, data: &[u8]| Message {
        kind: if data.is_empty() { 6 } else { 3 },
        sender: [number as u8; 20],
        block_number: U256::from(7),
        timestamp: U256::from(8),
        sequence_number: match delayed {
            Some(listed) => U256::from(listed) | U256::ONE << 255,
            None => U256::from(number),
        },
        gas_price_l1: U256::from(u8::from(delayed.is_some())),
        data: data.into(),
    };
    vec![
        message(0, None, b"first"),
        message(1, Some(0), b"delayed"),
        message(2, Some(1), &[1; 70]),
        message(3, None, b""),
        message(4, None, b"last"),
        message(5, Some(2), b"delayed again"),
        message(6, None, b""),
    ]
}

#[test]
fn messages_of_both_inboxes_are_proven() {
    let text = "inbox\n".repeat(7) + "halt";
    let program = asm::assemble(&text).unwrap().program;
    assert_eq!(Stepper::new(&program, mixed_messages()).check(20), 8);
}

#[test]
fn batches_are_in_order() {
    let batch = |change: fn(&mut Vec<Message>)| {
        let mut messages = mixed_messages();
        change(&mut messages);
        Batch::new(BatchStart::default(), messages).map(drop)
    };
    assert_eq!(batch(|_| ()), Ok(()));
    let gap = batch(|messages| drop(messages.remove(0)));
    let (number, found) = (U256::from(2), U256::from(3));
    assert_eq!(gap, Err(BatchError::SequencerNumber { number, found }));
    let swapped = batch(|messages| messages.swap(1, 2));
    let [number, found, want] = [2, 0, 2].map(U256::from);
    let refused = BatchError::DelayedNumber {
        number,
        found,
        want,
    };
    assert_eq!(swapped, Err(refused));
}
