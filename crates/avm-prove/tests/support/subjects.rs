//! Proofs of all kinds, to be tampered with.

use std::sync::Arc;

use avm_atomicals::machine::{Image, call_to_bytes};
use avm_atomicals::script::{CallInput, Rules};
use avm_atomicals::{Atomicals, sample};
use avm_core::{Hash, HostError, Nodes, Stop, Vm};
use avm_prove::{
    FileError, KeyProof, Proof, ProofFile, RunProof, Until, VerifyError, prove_read, verify_read,
};
use avm_testkit::laws::Case;
use avm_testkit::ledger::Ledger;
use avm_testkit::tally::Tally;

use super::anoma;
use super::operations::OPERATIONS;
use super::run::{ARB, Run, message};

/// Most steps that are verified. More than any run here takes.
pub const MAX_STEPS: u64 = 300;

/// A proof file and who can check it.
pub struct Subject {
    /// What it is.
    pub name: String,
    /// The rules.
    pub vm: &'static dyn Vm,
    /// The proof.
    pub file: ProofFile,
    /// Whether a run ends where the proof ends: no step would follow under this log.
    pub ended: bool,
}

/// Why a file is refused.
#[derive(Debug)]
#[expect(dead_code, reason = "shown when a test fails")]
pub enum Refusal {
    /// It cannot be read.
    File(FileError),
    /// It is for another machine.
    Machine,
    /// It does not verify.
    Verify(VerifyError),
}

impl Subject {
    fn run(name: String, run: &Run, proof: RunProof) -> Self {
        let ended = run.stop != Stop::Budget && run.claims.last() == Some(&proof.post);
        let proof = Proof::Run(Box::new(proof));
        Self {
            ended,
            ..Self::new(name, run.vm, proof)
        }
    }

    fn new(name: String, vm: &'static dyn Vm, proof: Proof) -> Self {
        let file = ProofFile {
            machine: vm.id().into(),
            spec: vm.spec().into(),
            proof,
        };
        let ended = false;
        Self {
            name,
            vm,
            file,
            ended,
        }
    }

    fn key(name: &str, run: &Run, steps: usize, key: &str) -> Self {
        let (vm, state) = (run.vm, run.claim(steps).state);
        let read = |nodes| look_up(vm, state, key, nodes);
        let proved = prove_read(vm, run.nodes.clone(), read);
        let (value, nodes) = proved.expect("it is there to prove");
        let key = key.into();
        let proof = KeyProof {
            state,
            key,
            value,
            nodes,
        };
        Self::new(name.into(), vm, Proof::Key(proof))
    }

    /// What somebody with the rules says of a file.
    pub fn judge(&self, file: &[u8]) -> Result<ProofFile, Refusal> {
        let file = ProofFile::from_bytes(file).map_err(Refusal::File)?;
        if file.machine != self.vm.id() || file.spec != self.vm.spec() {
            return Err(Refusal::Machine);
        }
        self.verify(&file.proof).map_err(Refusal::Verify)?;
        Ok(file)
    }

    /// Verifies a proof.
    pub fn verify(&self, proof: &Proof) -> Result<(), VerifyError> {
        match proof {
            Proof::Run(run) => run.verify(self.vm, MAX_STEPS),
            Proof::Key(key) => {
                let read = |nodes| look_up(self.vm, key.state, &key.key, nodes);
                let name = |node: &[u8]| self.vm.hash(node);
                verify_read(name, &key.nodes, key.value.as_deref(), read)
            }
        }
    }
}

/// Keys of the machines here: `account/N` of a ledger, `static` and `opcode` of an Arbitrum state.
fn look_up(
    vm: &dyn Vm,
    state: Hash,
    key: &str,
    nodes: Arc<dyn Nodes>,
) -> Result<Option<Vec<u8>>, HostError> {
    match (vm.id(), key) {
        ("arb", "static") => {
            let value = ARB.open(state, nodes)?.static_value()?;
            Ok(Some(value.hash.0.to_vec()))
        }
        ("arb", "opcode") => Ok(Some(vec![ARB.open(state, nodes)?.opcode()?])),
        ("ledger", _) => {
            // That nothing has the key is said of a state, so the state is read.
            nodes.get(state)?;
            let account = key.strip_prefix("account/");
            let account = account.and_then(|account| account.parse().ok());
            account.map_or(Ok(None), |account| balance(state, account, &*nodes))
        }
        _ => Ok(None),
    }
}

/// The balance of an account, found in the nodes as the module of the machine describes them.
fn balance(state: Hash, account: u8, nodes: &dyn Nodes) -> Result<Option<Vec<u8>>, HostError> {
    let part = |hash: Hash, at: usize| -> Result<Hash, HostError> {
        let node = nodes.get(hash)?;
        let (len, want) = (node.len(), "a node of a ledger");
        let bytes = node.get(at..at + 32);
        let bytes = bytes.ok_or(HostError::BadNode { hash, len, want })?;
        Ok(Hash(bytes.try_into().expect("32 bytes")))
    };
    let mut at = part(state, 16)?;
    for level in (0..8).rev() {
        if at == Hash::ZERO {
            return Ok(None);
        }
        at = part(at, 1 + 32 * usize::from(account >> level & 1))?;
    }
    if at == Hash::ZERO {
        return Ok(None);
    }
    Ok(Some(nodes.get(at)?.to_vec()))
}

/// An order of a ledger.
pub fn order(from: u8, to: u8, amount: u64) -> Vec<u8> {
    [&[from, to][..], &amount.to_be_bytes()].concat()
}

/// A ledger with some orders.
pub fn ledger() -> Run {
    let row = |account: u8| [&[account][..], &u64::to_be_bytes(100 + u64::from(account))].concat();
    let image = (1..9).flat_map(|account| row(account * 29)).collect();
    let inputs = vec![
        order(29, 58, 30),
        order(58, 9, 1000),
        vec![1, 2],
        order(116, 3, 7),
    ];
    Run::case(&Ledger, &Case { image, inputs }, 100)
}

/// A tally with every instruction: it counts down from an input, giving out and adding.
pub fn tally() -> Run {
    // take, dup, emit, dec, dup, jnz 1, push 2, add, take, take
    let image = vec![2, 5, 6, 4, 5, 7, 1, 1, 2, 3, 2, 2];
    let inputs = vec![vec![3], b"another".to_vec()];
    Run::case(&Tally, &Case { image, inputs }, 100)
}

/// A relay of the Arbitrum machine: reads messages for ever, keeps and logs them.
pub fn relay() -> Run {
    let source = "
.static @loop
loop: inbox
    dup0
    log
    push (0, 0)
    tset 0
    rset
    rpush
    auxpush
    spush
    jump
";
    let messages: Vec<_> = (0..5).map(|at| message(at, &[7; 40])).collect();
    Run::masm(source, &messages)
}

static ATOMICALS: Atomicals = Atomicals {
    memory_limit_bytes: 1 << 30,
};

/// A contract that keeps what it is given under a fresh name, and fails when it is given zero.
pub fn contract() -> Run {
    // DUP VERIFY; 's' over it, and its digest as the name: put, then 1.
    let lock = [
        0x76, 0x69, 0x76, 0xa8, 0x01, b's', 0x7b, 0x7b, 0x7c, 0xf0, 0x51,
    ];
    let image = Image::new(&Rules::AVM1, lock[..].into());
    let call = |argument: &[u8]| {
        let unlock = [&[argument.len() as u8], argument].concat();
        let call = CallInput {
            unlock: unlock.into(),
            ..sample::call(&[0])
        };
        call_to_bytes(&call).expect("it is in memory")
    };
    let case = Case {
        image: image.to_bytes().expect("it is in memory"),
        inputs: vec![
            call(b"one"),
            call(&[0, 0]),
            b"no call".to_vec(),
            call(b"two"),
        ],
    };
    Run::case(&ATOMICALS, &case, 200)
}

/// Two behaviours of the Anoma machine and a program that calls one of them in a transaction, which
/// commits, in one that it leaves, and by message.
pub fn objects() -> Run {
    let text = "
(module objects (default-controller (ctl \"c1\")) (export main))
(behaviour cell (state (value 0))
  (on ('put x) (set-state! value x) (reply 'ok)))
(program (main)
  (let ((c (new 'cell)))
    (transaction (ask c '(put 1)))
    (transaction (ask c '(put 2)) (abort))
    (send! c '(put (3 \"a text that is longer than what is kept beside its key\")))
    (call c 'get)))
";
    let image = anoma::world(vec![anoma::module("objects", text)]);
    let mut case = anoma::case(&image, &[anoma::start("main", &[], false)]);
    case.inputs.push(b"no input".to_vec());
    Run::case(&anoma::ANOMA, &case, MAX_STEPS as usize)
}

/// Proofs of every opcode, of every step of the toy machines, of ranges, of whole inputs and of
/// keys.
pub fn subjects() -> Vec<Subject> {
    let mut subjects = Vec::new();
    for operation in OPERATIONS {
        let run = operation.program().run();
        let step = run
            .seen
            .iter()
            .position(|(code, _)| *code == operation.code());
        let step = step.expect("the program has the operation");
        let proof = run.proof(step, Until::Steps(1));
        subjects.push(Subject::run(format!("arb {}", operation.name), &run, proof));
    }
    let runs = [
        ("ledger", ledger()),
        ("tally", tally()),
        ("relay", relay()),
        ("contract", contract()),
        ("objects", objects()),
    ];
    for (name, run) in &runs {
        for step in 0..run.provable().min(24) {
            // One of each is enough where there are many alike.
            let proof = run.proof(step, Until::Steps(1));
            subjects.push(Subject::run(format!("{name} step {step}"), run, proof));
        }
        for (from, steps) in [(0, 2), (1, 12), (3, 200), (0, 0)] {
            let proof = run.proof(from, Until::Steps(steps));
            let name = format!("{name} steps {from} to {steps}");
            subjects.push(Subject::run(name, run, proof));
        }
        let proof = run.proof(0, Until::Input);
        subjects.push(Subject::run(format!("{name} input 0"), run, proof));
    }
    let [(_, ledger), _, (_, relay), ..] = &runs;
    for (steps, key) in [
        (0, "account/29"),
        (4, "account/3"),
        (4, "account/200"),
        (0, "else"),
    ] {
        subjects.push(Subject::key(&format!("ledger {key}"), ledger, steps, key));
    }
    for key in ["static", "opcode"] {
        subjects.push(Subject::key(&format!("relay {key}"), relay, 7, key));
    }
    subjects
}
