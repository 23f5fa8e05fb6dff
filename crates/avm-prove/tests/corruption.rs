//! A proof with one byte changed is refused, or says something else that is true; each way to
//! tamper with a witness has its own refusal.

use avm_core::{Claim, Hash, MemoryInbox};
use avm_merkle::LogHead;
use avm_prove::{AgreedLog, LogItem, Proof, ProofFile, RunProof, Until, VerifyError, Witness};

#[allow(dead_code)]
#[path = "support/anoma.rs"]
mod anoma;
#[allow(dead_code)]
#[path = "support/operations.rs"]
mod operations;
#[allow(dead_code)]
#[path = "support/run.rs"]
mod run;
#[path = "support/subjects.rs"]
mod subjects;

use subjects::{MAX_STEPS, Refusal, Subject, subjects};

/// Length of the checksum at the end of a file.
const SUM: usize = 8;

/// Whether `changed`, which verifies, is another claim than the proof, and one that must be true.
fn is_another_truth(subject: &Subject, changed: &Proof) -> bool {
    match (&subject.file.proof, changed) {
        (Proof::Run(was), Proof::Run(is)) => {
            let same = (was.pre, was.post, &was.witness) == (is.pre, is.post, &is.witness);
            // A run that takes no input is the same under any log that has no more for it.
            let other_log = was.log != is.log && was.witness.inputs.is_empty();
            // A run that halts or waits ends there under any limit that lets it.
            let taken = was.post.steps - was.pre.steps;
            let other_limit = match (was.until, is.until) {
                (Until::Steps(was), Until::Steps(is)) => was != is && subject.ended && taken <= is,
                _ => false,
            };
            same && other_log != other_limit
        }
        // Another key without a value, in the same empty part of the state.
        (Proof::Key(was), Proof::Key(is)) => {
            let same = (was.state, &was.nodes) == (is.state, &is.nodes);
            same && was.key != is.key && was.value.is_none() && is.value.is_none()
        }
        _ => false,
    }
}

/// Changes each byte of a file, and then also its checksum. Returns how many verified as something
/// else.
fn each_byte(subject: &Subject) -> u64 {
    let file = subject.file.to_bytes();
    let read = subject.judge(&file);
    let read = read.unwrap_or_else(|refusal| panic!("{}: {refusal:?}", subject.name));
    assert_eq!(read, subject.file, "{}", subject.name);

    let body = file.len() - SUM;
    let mut truths = 0;
    for at in 0..file.len() {
        // Never zero, and over the file every bit has its turn.
        let flip = 1 << (at % 8) | ((at / 8) as u8 & 0x10);
        let mut changed = file.clone();
        changed[at] ^= flip;
        let read = ProofFile::from_bytes(&changed);
        assert!(read.is_err(), "{}, byte {at}", subject.name);
        if at >= body {
            continue;
        }
        let sum = Hash::keccak(&changed[..body]);
        changed[body..].copy_from_slice(&sum.0[..SUM]);
        if let Ok(other) = subject.judge(&changed) {
            let truth = is_another_truth(subject, &other.proof);
            assert!(truth, "{}, byte {at}: {other:?}", subject.name);
            truths += 1;
        }
    }
    truths
}

#[test]
fn each_byte_of_each_proof() {
    let subjects = subjects();
    let mut bytes = 0;
    for subject in &subjects {
        let truths = each_byte(subject);
        bytes += subject.file.to_bytes().len() as u64;
        if let Proof::Run(run) = &subject.file.proof
            && !run.witness.inputs.is_empty()
            && !subject.ended
        {
            assert_eq!(truths, 0, "{}", subject.name);
        }
    }
    println!("{} proofs, {bytes} bytes", subjects.len());
    assert!(subjects.len() > 100);
}

/// A proof of a run, tampered with.
struct Tampered<'a> {
    subject: &'a Subject,
    proof: &'a RunProof,
}

impl Tampered<'_> {
    fn with(&self, tamper: impl FnOnce(&mut RunProof)) -> VerifyError {
        let mut changed = self.proof.clone();
        tamper(&mut changed);
        assert_ne!(&changed, self.proof, "{}", self.subject.name);
        match changed.verify(self.subject.vm, MAX_STEPS) {
            Err(refusal) => refusal,
            Ok(()) => panic!("{} verifies: {changed:?}", self.subject.name),
        }
    }

    /// The witness changed, and its nodes put in order again.
    fn in_order(&self, tamper: impl FnOnce(&mut Witness)) -> VerifyError {
        let name = |node: &avm_core::Bytes| self.subject.vm.hash(node);
        self.with(|proof| {
            tamper(&mut proof.witness);
            proof.witness.nodes.sort_by_key(name);
        })
    }

    fn names(&self) -> Vec<Hash> {
        let nodes = self.proof.witness.nodes.iter();
        nodes.map(|node| self.subject.vm.hash(node)).collect()
    }
}

macro_rules! refused {
    ($subject:expr, $refusal:expr, $($pattern:tt)+) => {
        match $refusal {
            $($pattern)+ => {}
            other => panic!("{}: {other:?}", $subject.name),
        }
    };
}

#[test]
fn each_node_dropped_repeated_moved_or_changed() {
    for subject in &subjects() {
        let Proof::Run(proof) = &subject.file.proof else {
            continue;
        };
        let tampered = Tampered { subject, proof };
        let names = tampered.names();
        for (at, name) in names.iter().enumerate() {
            let refusal = tampered.with(|proof| drop(proof.witness.nodes.remove(at)));
            refused!(subject, refusal, VerifyError::MissingNode { hash } if hash == *name);

            let refusal = tampered.with(|proof| {
                let node = proof.witness.nodes[at].clone();
                proof.witness.nodes.insert(at, node);
            });
            refused!(subject, refusal, VerifyError::RepeatedNode { index, hash } if (index, hash) == (at + 1, *name));

            let refusal = tampered.in_order(|witness| {
                let mut node = witness.nodes[at].to_vec();
                node.pop();
                witness.nodes[at] = node.into();
            });
            refused!(subject, refusal, VerifyError::MissingNode { hash } if hash == *name);

            if at > 0 {
                let refusal = tampered.with(|proof| proof.witness.nodes.swap(at - 1, at));
                refused!(subject, refusal, VerifyError::NodeOrder { index, hash, after } if (index, hash, after) == (at, names[at - 1], *name));
            }
        }
        for stranger in [&b""[..], b"stranger", &[0; 32], &[1; 64]] {
            let name = subject.vm.hash(stranger);
            if !names.contains(&name) {
                let refusal = tampered.in_order(|witness| witness.nodes.push(stranger.into()));
                refused!(subject, refusal, VerifyError::UnusedNode { hash } if hash == name);
            }
        }
    }
}

#[test]
fn each_field_of_a_claim() {
    type Change = fn(&mut Claim);
    let fields: [(&str, Change); 6] = [
        ("steps", |claim| claim.steps ^= 1),
        ("inputs", |claim| claim.inputs += 1),
        ("inbox", |claim| claim.inbox.0[9] ^= 1),
        ("outputs", |claim| claim.outputs += 1),
        ("outbox", |claim| claim.outbox.0[31] ^= 1),
        ("state", |claim| claim.state.0[0] ^= 1),
    ];
    for subject in &subjects() {
        let Proof::Run(proof) = &subject.file.proof else {
            continue;
        };
        let tampered = Tampered { subject, proof };
        for (name, change) in fields {
            let refusal = tampered.with(|proof| change(&mut proof.post));
            // The end of a whole input says how long it is, so another one is another run.
            let other_run = proof.until == Until::Input && name == "steps";
            match refusal {
                VerifyError::Post { field, .. } => assert!(field == name || other_run),
                refusal if other_run => drop(refusal),
                refusal => panic!("{}, {name}: {refusal:?}", subject.name),
            }
            tampered.with(|proof| change(&mut proof.pre));
        }
        let refusal = tampered.with(|proof| proof.until = Until::Steps(MAX_STEPS + 1));
        refused!(subject, refusal, VerifyError::StepLimit { steps, limit: MAX_STEPS } if steps == MAX_STEPS + 1);
        let refusal = tampered.with(|proof| proof.pre.steps = 1 << 63);
        refused!(
            subject,
            refusal,
            VerifyError::Host(_) | VerifyError::Post { .. } | VerifyError::StepLimit { .. }
        );
    }
}

#[test]
fn inputs() {
    let mut tested = 0;
    for subject in &subjects() {
        let Proof::Run(proof) = &subject.file.proof else {
            continue;
        };
        let tampered = Tampered { subject, proof };
        let first = proof.pre.inputs;
        let inputs = &proof.witness.inputs;

        let invented = LogItem {
            bytes: (*b"invented").into(),
            path: vec![],
        };
        // A run that stops for want of an input is the one that looks at a left-over one.
        let refusal = tampered.with(|proof| proof.witness.inputs.push(invented.clone()));
        refused!(subject, refusal, VerifyError::UnusedInput { got, want } if got == want + 1);
        if inputs.is_empty() {
            continue;
        }
        tested += 1;

        let last = inputs.len() - 1;
        let refusal = tampered.with(|proof| drop(proof.witness.inputs.pop()));
        refused!(subject, refusal, VerifyError::MissingInput { index, len } if index == first + last as u64 && len == proof.log.len);
        let refusal = tampered.with(|proof| proof.witness.inputs[0].bytes = (*b"other").into());
        refused!(subject, refusal, VerifyError::WrongInput { index, .. } if index == first);
        let refusal = tampered.with(|proof| proof.witness.inputs.push(inputs[0].clone()));
        refused!(subject, refusal, VerifyError::UnusedInput { got, want } if got == want + 1);
        let refusal = tampered.with(|proof| proof.log.root.0[5] ^= 1);
        refused!(subject, refusal, VerifyError::WrongInput { index, .. } if index == first);
        if !inputs[last].path.is_empty() {
            let refusal = tampered.with(|proof| proof.witness.inputs[last].path.truncate(0));
            refused!(subject, refusal, VerifyError::WrongInput { .. });
        }
        if last > 0 && inputs[0] != inputs[1] {
            let refusal = tampered.with(|proof| proof.witness.inputs.swap(0, 1));
            refused!(subject, refusal, VerifyError::WrongInput { index, .. } if index == first);
        }
    }
    assert!(tested > 10, "{tested}");
}

/// Another input of the log with its own right path.
#[test]
fn an_input_of_another_index() {
    for run in [subjects::ledger(), subjects::tally(), subjects::relay()] {
        let of = |index: u64| {
            let taken = |pair: &[Claim]| pair[0].inputs == index && pair[1].inputs > index;
            let step = run.claims.windows(2).position(taken);
            run.proof(step.expect("the input is taken"), Until::Steps(1))
        };
        let (mut first, second) = (of(0), of(1));
        first.witness.inputs = second.witness.inputs;
        match first.verify(run.vm, 1) {
            Err(VerifyError::WrongInput { index: 0, .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// An input that came after the parties had agreed on the log: the machine waits, whatever the
/// witness has.
#[test]
fn an_input_beyond_the_agreed_length() {
    for run in [subjects::ledger(), subjects::tally(), subjects::relay()] {
        let taken = |pair: &[Claim]| pair[0].inputs == 1 && pair[1].inputs == 2;
        let step = run.claims.windows(2).position(taken);
        let longer = run.proof(step.expect("the input is taken"), Until::Steps(1));
        let agreed = AgreedLog::read(&run.inbox, 1).unwrap().head();
        assert_eq!(agreed.len, 1);

        let mut taking = longer.clone();
        taking.log = agreed;
        match taking.verify(run.vm, 1) {
            Err(VerifyError::Post { field: "steps", .. }) => {}
            other => panic!("{other:?}"),
        }
        let mut waiting = taking;
        waiting.post = waiting.pre;
        match waiting.verify(run.vm, 1) {
            // What only taking the input reads is left over, too; that is seen first.
            Err(VerifyError::UnusedInput { got: 1, want: 0 } | VerifyError::UnusedNode { .. }) => {}
            other => panic!("{other:?}"),
        }

        // The prover waits as well.
        let inbox = MemoryInbox(run.inbox.0.clone());
        let log = AgreedLog::read(&inbox, 1).unwrap();
        let nodes = run.nodes.clone();
        let (witness, post) = avm_prove::prove_step(run.vm, &log, &longer.pre, nodes).unwrap();
        assert_eq!(post, longer.pre);
        avm_prove::verify_step(run.vm, &agreed, &post, &post, &witness).unwrap();
        let withheld = avm_prove::verify_step(run.vm, &longer.log, &post, &post, &witness);
        match withheld {
            Err(VerifyError::MissingInput { index: 1, .. }) => {}
            other => panic!("{other:?}"),
        }
    }
}

/// A proof for all of one input is none for less, more, or for a run that waits.
#[test]
fn not_one_input() {
    let run = subjects::relay();
    let whole = run.proof(0, Until::Input);
    let steps = whole.post.steps;
    for until in [steps - 1, steps + 1] {
        let mut part = run.proof(0, Until::Steps(until));
        part.until = Until::Input;
        match part.verify(run.vm, MAX_STEPS) {
            Err(
                VerifyError::NotOneInput { .. }
                | VerifyError::MissingNode { .. }
                | VerifyError::Post { .. },
            ) => {}
            other => panic!("{until}: {other:?}"),
        }
    }
    let waiting = RunProof {
        until: Until::Input,
        ..run.proof(run.claims.len() - 1, Until::Steps(1))
    };
    match waiting.verify(run.vm, MAX_STEPS) {
        Err(VerifyError::NotOneInput { .. }) => {}
        other => panic!("{other:?}"),
    }
}

#[test]
fn keys() {
    for subject in &subjects() {
        let Proof::Key(proof) = &subject.file.proof else {
            continue;
        };
        let verify = |tamper: &dyn Fn(&mut avm_prove::KeyProof)| {
            let mut changed = proof.clone();
            tamper(&mut changed);
            subject.verify(&Proof::Key(changed))
        };
        let refusal = verify(&|proof| proof.value = Some(b"another value".to_vec()));
        refused!(subject, refusal, Err(VerifyError::Value { want: 13, .. }));
        if proof.value.is_some() {
            let refusal = verify(&|proof| proof.value = None);
            refused!(subject, refusal, Err(VerifyError::Value { want: 0, .. }));
        }
        for at in 0..proof.nodes.len() {
            let refusal = verify(&|proof| drop(proof.nodes.remove(at)));
            refused!(subject, refusal, Err(VerifyError::MissingNode { .. }));
            let refusal = verify(&|proof| proof.nodes.insert(at, proof.nodes[at].clone()));
            refused!(subject, refusal, Err(VerifyError::RepeatedNode { .. }));
        }
        let refusal = verify(&|proof| {
            proof.nodes.push((*b"stranger").into());
            proof.nodes.sort_by_key(|node| subject.vm.hash(node));
        });
        refused!(subject, refusal, Err(VerifyError::UnusedNode { .. }));
        if !proof.nodes.is_empty() {
            let refusal = verify(&|proof| proof.state = Hash::ZERO);
            refused!(
                subject,
                refusal,
                Err(VerifyError::MissingNode { hash: Hash::ZERO })
            );
        }
    }
}

/// The empty log, and a proof for another machine.
#[test]
fn another_log_or_machine() {
    let subjects = subjects();
    for subject in &subjects {
        let mut file = subject.file.clone();
        file.spec.push('x');
        let judged = subject.judge(&file.to_bytes());
        refused!(subject, judged, Err(Refusal::Machine));
        if let Proof::Run(run) = &subject.file.proof
            && !run.witness.inputs.is_empty()
        {
            let tampered = Tampered {
                subject,
                proof: run,
            };
            let refusal = tampered.with(|proof| proof.log = LogHead::EMPTY);
            refused!(subject, refusal, VerifyError::Post { .. });
        }
    }
}
