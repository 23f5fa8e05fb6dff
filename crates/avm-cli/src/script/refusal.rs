//! Why a transaction may not spend its outputs: input, script, operation, and what it found.

use avm_atomicals::bitcoin::machine::{infos, input_from_bytes};
use avm_atomicals::bitcoin::{Explained, Flags, Operand, Phase, Spend, text};
use avm_core::Bytes;
use serde_json::{Value, json};

use crate::codes;
use crate::error::CliError;
use crate::output::{count, hex};

/// Refusals that are told in full to people; later ones are counted.
const SHOWN: usize = 8;
/// Letters of operands.
const LETTERS: [char; 3] = ['A', 'B', 'C'];

/// What is wrong with an input of the log.
struct Refusal {
    /// Number of the transaction in the log.
    transaction: u64,
    /// Its id; none if it is no transaction.
    txid: Option<String>,
    /// Number of its input.
    input: usize,
    /// Why.
    why: Result<Explained, String>,
}

/// What the rules have against transactions, if anything; the first has the number `first`.
pub(super) fn of(file: &str, flags: Flags, inputs: &[Bytes], first: u64) -> Option<CliError> {
    let mut refusals = Vec::new();
    for (transaction, input) in (first..).zip(inputs) {
        of_one(flags, transaction, input, &mut refusals);
    }
    let head = refusals.first()?;
    let mut error = CliError::new(&codes::SPEND_REFUSED, head.message(inputs.len() > 1))
        .at(file)
        .point(format!("@{}", head.transaction));
    for note in head.notes() {
        error = error.note(note);
    }
    for refusal in refusals.iter().skip(1).take(SHOWN - 1) {
        error = error.note(refusal.line(inputs.len() > 1));
    }
    if refusals.len() > SHOWN {
        let more = (refusals.len() - SHOWN).to_string();
        error = error.note(format!("{} refused, too", count(&more, "more input")));
    }
    let list: Vec<Value> = refusals.iter().map(Refusal::json).collect();
    error = error
        .help(format!(
            "see every operation before it: avm trace --machine script {file}"
        ))
        .with("rules", flags.to_string())
        .with("refusals", list);
    Some(error)
}

fn of_one(flags: Flags, transaction: u64, input: &[u8], refusals: &mut Vec<Refusal>) {
    let malformed = |why: String| Refusal {
        transaction,
        txid: None,
        input: 0,
        why: Err(why),
    };
    let (tx, spent) = match input_from_bytes(input) {
        Ok(read) => read,
        Err(e) => return refusals.push(malformed(e.to_string())),
    };
    let spend = match Spend::new(&tx, &spent) {
        Ok(spend) => spend,
        Err(e) => return refusals.push(malformed(e.to_string())),
    };
    for input in 0..tx.input.len() {
        if let Ok(Some(explained)) = spend.explain_input(input, flags) {
            refusals.push(Refusal {
                transaction,
                txid: Some(tx.compute_txid().to_string()),
                input,
                why: Ok(explained),
            });
        }
    }
}

/// What an operation takes, at most as many as are shown; what a script left if there is none.
fn takes(explained: &Explained) -> usize {
    let Some(at) = explained.failure.at else {
        return 0;
    };
    let row = infos().find(|info| info.code == at.opcode);
    row.map_or(0, |row| match at.opcode {
        // the count of keys, and what is below it
        0xae | 0xaf => LETTERS.len(),
        _ => row.pops.len(),
    })
}

impl Refusal {
    /// Input, and the transaction where there are several.
    fn place(&self, several: bool) -> String {
        match (several, &self.why) {
            (true, Ok(_)) => format!("transaction {}, input {}", self.transaction, self.input),
            (false, Ok(_)) => format!("input {}", self.input),
            (_, Err(_)) => format!("transaction {}", self.transaction),
        }
    }

    fn message(&self, several: bool) -> String {
        match &self.why {
            Ok(explained) => format!(
                "{} may not spend its output: {}",
                self.place(several),
                explained.failure.error
            ),
            Err(why) => format!("{} is none: {why}", self.place(several)),
        }
    }

    fn line(&self, several: bool) -> String {
        match &self.why {
            Ok(explained) => format!("{}: {}", self.place(several), explained.failure),
            Err(why) => format!("{} is none: {why}", self.place(several)),
        }
    }

    fn notes(&self) -> Vec<String> {
        let Ok(explained) = &self.why else {
            return Vec::new();
        };
        let failure = explained.failure;
        let mut notes = vec![match failure.at {
            None => failure.phase.to_string(),
            Some(at) => format!(
                "{}, operation {} at byte {}: {}",
                failure.phase,
                at.op,
                at.byte,
                name(at.opcode)
            ),
        }];
        let operands = explained.operands.iter().take(takes(explained));
        for (letter, operand) in LETTERS.iter().zip(operands) {
            notes.push(format!("operand {letter} = {}", Operand(operand)));
        }
        notes.push(format!("rule {}", failure.error.name()));
        notes
    }

    fn json(&self) -> Value {
        let explained = match &self.why {
            Ok(explained) => explained,
            Err(why) => return json!({ "transaction": self.transaction, "reason": why }),
        };
        let failure = explained.failure;
        let operands = explained.operands.iter().take(takes(explained));
        let operands = operands
            .map(|operand| json!({ "hex": hex(operand), "number": Operand(operand).number() }));
        let mut data = json!({
            "transaction": self.transaction,
            "txid": self.txid,
            "input": self.input,
            "phase": phase(failure.phase),
            "error": failure.error.name(),
            "reason": failure.error.to_string(),
        });
        if let Some(at) = failure.at {
            data["operation"] = json!(at.op);
            data["byte"] = json!(at.byte);
            data["op"] = json!(at.opcode);
            data["opName"] = json!(name(at.opcode));
            data["operands"] = operands.collect();
        }
        data
    }
}

fn name(opcode: u8) -> String {
    let name = text::name(opcode);
    name.map_or_else(|| format!("0x{opcode:02x}"), |name| name.into_owned())
}

/// A phase for programs.
pub(super) fn phase(phase: Phase) -> &'static str {
    match phase {
        Phase::ScriptSig => "scriptSig",
        Phase::ScriptPubkey => "scriptPubKey",
        Phase::RedeemScript => "redeemScript",
        Phase::WitnessProgram => "witnessProgram",
        Phase::WitnessScript => "witnessScript",
        Phase::KeyPath => "keyPath",
        Phase::Tapscript => "tapscript",
        _ => "end",
    }
}
