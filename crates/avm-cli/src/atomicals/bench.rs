//! Workloads of `vectors/atomicals/bench.json`: one call of a prepared contract, again and again.

use avm_atomicals::script::{Rules, instr, verify};

use super::vectors::recorded::{self, Input};
use crate::error::{self, CliError};
use crate::files::Source;
use crate::registry::Workload;

/// The workloads of a file; `None` if it is something else.
pub(super) fn workloads(file: &Source) -> Result<Option<Vec<Workload>>, CliError> {
    let Ok(document) = serde_json::from_slice::<serde_json::Value>(&file.bytes) else {
        return Ok(None);
    };
    if document.get("cases").is_none() {
        return Ok(None);
    }
    let failed = |reason: String| error::bench_changed(reason).at(file.name());
    let mut workloads = Vec::new();
    for call in recorded::calls(&document).map_err(failed)? {
        let named = |reason: String| failed(format!("{}: {reason}", call.id));
        let (contract, input) = match call.inputs(&Rules::BETA1).map_err(named)? {
            Input::Call(contract, input) => (contract, input),
            Input::Malformed(reason) => return Err(named(reason)),
        };
        let pushes = instr::instructions(&input.unlock).count() as u64;
        let run = move || {
            let ended = verify(&Rules::BETA1, &contract, (*input).clone());
            let ended = ended.map_err(|e| e.to_string())?;
            let instructions = pushes + u64::from(ended.op_index) + 1;
            ended
                .outcome
                .map(|_| instructions)
                .map_err(|failure| failure.to_string())
        };
        workloads.push(Workload {
            name: call.id,
            run: Box::new(run),
        });
    }
    Ok(Some(workloads))
}
