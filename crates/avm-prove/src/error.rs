use alloc::boxed::Box;

use avm_core::{Claim, Hash, HostError, Stop};
use avm_merkle::ProofError;

/// Why there is no proof.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ProveError {
    /// The store, the log or the machine failed.
    #[error(transparent)]
    Host(#[from] HostError),
    /// All of one input was to be proved, and the run from here is something else.
    #[error("from step {step}, with {inputs} inputs taken, there is no whole input: {why}")]
    NoInput {
        /// Steps of the claim before.
        step: u64,
        /// Inputs of the claim before.
        inputs: u64,
        /// What happens instead.
        why: &'static str,
    },
    /// The run goes on for longer than was allowed.
    #[error("the run is not over after {limit} steps")]
    StepLimit {
        /// Steps allowed.
        limit: u64,
    },
    /// The machine breaks its laws: what it read is not what it needs. This is a bug of the
    /// machine.
    #[error("the proof does not verify: {0}")]
    Unverified(#[source] Box<VerifyError>),
}

/// Why a proof is refused.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VerifyError {
    /// A node comes twice.
    #[error("node {hash} comes again at place {index}")]
    RepeatedNode {
        /// Place in the witness, counted from 0.
        index: usize,
        /// Its name.
        hash: Hash,
    },
    /// The nodes are not in the order of their names.
    #[error("node {hash} at place {index} comes after {after}, which is above it")]
    NodeOrder {
        /// Place in the witness, counted from 0.
        index: usize,
        /// Its name.
        hash: Hash,
        /// Name of the node before.
        after: Hash,
    },
    /// The run reads a node that the witness does not have.
    #[error("node {hash} is missing in the witness")]
    MissingNode {
        /// Its name.
        hash: Hash,
    },
    /// The run does not read a node of the witness.
    #[error("node {hash} is in the witness and was not read")]
    UnusedNode {
        /// Its name.
        hash: Hash,
    },
    /// The run takes an input of the agreed log that the witness does not have.
    #[error("input {index} is in the agreed log of {len} and missing in the witness")]
    MissingInput {
        /// Its index in the log.
        index: u64,
        /// Inputs in the agreed log.
        len: u64,
    },
    /// An input is not the one that the agreed log has there.
    #[error("input {index} is not in the agreed log: {source}")]
    WrongInput {
        /// Its index in the log.
        index: u64,
        /// What is wrong with its path.
        source: ProofError,
    },
    /// The run does not take an input of the witness.
    #[error("the witness has {got} inputs, the run takes {want}")]
    UnusedInput {
        /// Inputs in the witness.
        got: usize,
        /// Inputs taken.
        want: usize,
    },
    /// The run ends somewhere else.
    #[error(
        "the run ends with another {field}: the proof claims {}, the run gives {}",
        Brief(want, field),
        Brief(got, field)
    )]
    Post {
        /// The first field that differs: `steps`, `state`, `inputs`, `inbox`, `outputs` or
        /// `outbox`.
        field: &'static str,
        /// The claim after, as the proof has it.
        want: Box<Claim>,
        /// The claim after, as the run gives it.
        got: Box<Claim>,
    },
    /// All of one input is claimed, and the run is something else.
    #[error("the run is not all of one input: {why}")]
    NotOneInput {
        /// What it is instead.
        why: &'static str,
        /// Why the run stopped.
        stop: Stop,
    },
    /// The key has another value.
    #[error("the key has another value: the proof claims {want} bytes, the state has {got}")]
    Value {
        /// Length of the value as the proof has it; zero also if it says there is none.
        want: usize,
        /// Length of the value as the state has it.
        got: usize,
    },
    /// More steps than the caller wants to run.
    #[error("the proof covers {steps} steps, the limit is {limit}")]
    StepLimit {
        /// Steps of the proof.
        steps: u64,
        /// Most that may be run.
        limit: u64,
    },
    /// The nodes are no state of the machine, or the machine could not go on from it.
    #[error(transparent)]
    Host(HostError),
}

impl From<HostError> for VerifyError {
    fn from(error: HostError) -> Self {
        match error {
            HostError::MissingNode { hash } => VerifyError::MissingNode { hash },
            other => VerifyError::Host(other),
        }
    }
}

/// One field of a claim as text.
struct Brief<'a>(&'a Claim, &'a str);

impl core::fmt::Display for Brief<'_> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        let Brief(claim, field) = self;
        match *field {
            "steps" => write!(f, "{}", claim.steps),
            "inputs" => write!(f, "{}", claim.inputs),
            "outputs" => write!(f, "{}", claim.outputs),
            "inbox" => write!(f, "{}", claim.inbox),
            "outbox" => write!(f, "{}", claim.outbox),
            _ => write!(f, "{}", claim.state),
        }
    }
}

/// Checks that a run ended where the proof says.
pub(crate) fn same_post(want: &Claim, got: &Claim) -> Result<(), VerifyError> {
    if want == got {
        return Ok(());
    }
    let fields = [
        ("steps", want.steps == got.steps),
        ("inputs", want.inputs == got.inputs),
        ("inbox", want.inbox == got.inbox),
        ("outputs", want.outputs == got.outputs),
        ("outbox", want.outbox == got.outbox),
        ("state", want.state == got.state),
    ];
    let differs = fields.iter().find(|(_, same)| !same);
    let (field, _) = differs.expect("claims that differ differ in a field");
    Err(VerifyError::Post {
        field,
        want: Box::new(*want),
        got: Box::new(*got),
    })
}
