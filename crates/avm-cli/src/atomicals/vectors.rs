//! Running the reference vectors of `vectors/atomicals`: every call once by the interpreter alone,
//! and once as the input of a machine; and what the index makes of a transaction.

pub mod colouring;
pub mod envelopes;
pub mod recorded;

use std::sync::Arc;

use avm_atomicals::Atomicals;
use avm_atomicals::index::envelope::InputIndex;
use avm_atomicals::machine::{CALLS, Image, Outcome, Receipt, call_to_bytes};
use avm_atomicals::script::{CallInput, Contract, Rules, verify};
use avm_core::{Bytes, Host, HostError, Machine, MemoryNodes, Output, Stop};
use serde_json::Value;

use crate::vectors::{Case, Check};
use recorded::{Found, Input, Recorded};

/// Why a file is left out, if it is.
pub(super) fn left_out(file: &str) -> Option<&'static str> {
    (file == "eaglesong-params.json").then_some("it has constants and no case")
}

/// The cases of a file.
///
/// # Errors
/// Why it is not a vector file.
pub(super) fn run(file: &str, document: &Value) -> Result<Vec<Case>, String> {
    let compared = match file {
        "colouring.json" => Some(colouring::checks(document)?),
        "envelopes.json" => Some(envelopes::checks(document, InputIndex::Beta1)?),
        _ => None,
    };
    if let Some(checks) = compared {
        let cases = checks
            .into_iter()
            .map(|(name, check)| Case::new(name, check));
        return Ok(cases.collect());
    }
    let calls = recorded::calls(document)?;
    let inputs_only = file == "bench.json";
    let missing = calls.iter().find(|call| call.out.is_null());
    if let (Some(call), false) = (missing, inputs_only) {
        return Err(format!("case {} has no object `out`", call.id));
    }
    let mut cases = Vec::new();
    for call in &calls {
        if inputs_only {
            cases.push(Case::new(call.id.clone(), succeeds(call)));
            continue;
        }
        cases.push(Case::new(call.id.clone(), call.check()));
        let name = format!("{} (machine)", call.id);
        match call.inputs(&Rules::BETA1) {
            Ok(Input::Call(contract, input)) => {
                cases.push(Case::new(name, through_machine(call, *contract, &input)));
            }
            // What has no canonical form is no input of a machine.
            Ok(Input::Malformed(_)) => {}
            Err(reason) => cases.push(Case::new(name, Err(reason))),
        }
    }
    Ok(cases)
}

/// A workload, which has to succeed.
fn succeeds(call: &Recorded) -> Check {
    let Input::Call(contract, input) = call.inputs(&Rules::BETA1)? else {
        return Err("its tables are malformed".into());
    };
    let ended = verify(&Rules::BETA1, &contract, *input).map_err(|e| e.to_string())?;
    ended
        .outcome
        .map(drop)
        .map_err(|failure| failure.to_string())
}

/// Takes one input and keeps what comes out.
struct Desk {
    input: Option<Bytes>,
    receipts: Vec<(avm_core::Hash, MemoryNodes)>,
}

impl Host for Desk {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        Ok(self.input.take())
    }

    fn emit(&mut self, output: Output<'_>) -> Result<(), HostError> {
        if output.channel == CALLS {
            let mut nodes = MemoryNodes::default();
            output.content.save(&mut nodes)?;
            self.receipts.push((output.hash, nodes));
        }
        Ok(())
    }
}

/// The same call as the one input of a machine: its receipt and the contract's hash.
fn through_machine(call: &Recorded, contract: Contract, input: &CallInput) -> Check {
    let text = |e: HostError| e.to_string();
    let before = contract.chain;
    let image = Image {
        rules: &Rules::BETA1,
        contract,
        methods: Bytes::default(),
    };
    let image = Image::from_bytes(&image.to_bytes().map_err(text)?).map_err(|e| e.to_string())?;
    let mut machine = Atomicals::default().load(&image);
    let mut desk = Desk {
        input: Some(call_to_bytes(input).map_err(text)?.into()),
        receipts: Vec::new(),
    };
    let ran = machine.run(u64::MAX, &mut desk).map_err(text)?;
    if ran.stop != Stop::NeedsInput {
        return Err(format!("the machine stopped with {:?}", ran.stop));
    }
    let [(hash, nodes)] = <[_; 1]>::try_from(desk.receipts)
        .map_err(|receipts| format!("the call has {} receipts", receipts.len()))?;
    let receipt = Receipt::open(hash, &(Arc::new(nodes) as _)).map_err(text)?;
    let chain = machine.contract().map_err(text)?.chain;
    let expected = match receipt.outcome {
        Outcome::Done => receipt.chain,
        _ => before,
    };
    if chain != expected || receipt.chain != expected {
        return Err(format!(
            "chain: expected {expected}, the receipt has {}, the contract {chain}",
            receipt.chain
        ));
    }
    call.compare(&Found {
        outcome: receipt.outcome,
        op_index: None,
        effects: receipt.effects.as_ref(),
        chain,
        stack: None,
    })
}
