//! What became of operations, and what there is, in words.

use avm_atomicals::index::receipt::{OperationReceipt, Refusal, Settled};
use avm_atomicals::index::rows::ItemKind;
use avm_atomicals::machine::Outcome;
use avm_atomicals::script::Which;
use avm_atomicals::script::{instr, ops};

use super::coins::{is_token, shown};
use super::{Dev, Sent, code, errors};
use crate::error::CliError;

/// Who has how much.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holdings {
    /// A key or a contract.
    pub who: String,
    /// The address of a key.
    pub address: Option<String>,
    /// Satoshis of a key that carry no tokens.
    pub sats: Option<u64>,
    /// Tokens: name, kind, units.
    pub tokens: Vec<(String, &'static str, u64)>,
}

/// What is on a chain.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Overview {
    /// Name of a protocol, and whether contracts can be made of it in the next block.
    pub protocols: Vec<(String, bool)>,
    /// Name, protocol, calls and values of a contract.
    pub contracts: Vec<(String, String, u64, u64)>,
    /// Name, kind and supply of a token.
    pub tokens: Vec<(String, &'static str, u64)>,
    /// Names of keys.
    pub keys: Vec<String>,
}

/// What became of an operation; the name of an opcode is known if the code is.
#[must_use]
pub fn settled(receipt: &OperationReceipt, code: Option<&[u8]>) -> String {
    match &receipt.settled {
        Settled::Done => String::from("done"),
        Settled::Refused(why) => format!("refused: {why}"),
        Settled::Failed(outcome) => format!("failed {}", failure(outcome, code)),
    }
}

/// Where and why a script failed.
fn failure(outcome: &Outcome, code: Option<&[u8]>) -> String {
    match outcome {
        Outcome::Done => String::from("without a reason"),
        Outcome::Script {
            error,
            script,
            op_index,
        } => {
            let name = code
                .filter(|_| *script == Which::Lock)
                .and_then(|code| instr::instructions(code).nth(*op_index as usize))
                .and_then(|one| ops::name(one.ok()?.1.opcode));
            let name = name.map_or_else(String::new, |name| format!("{name}, "));
            let of = match script {
                Which::Lock => "",
                Which::Unlock => " of the unlocking script",
            };
            format!("at {name}operation {op_index}{of}: {}", error.meaning())
        }
        Outcome::Size(table) => format!("at its end: {} is over its limit", table.name()),
        Outcome::Host(fault) => format!("where the reference stops: {}", fault.name()),
    }
}

impl Sent {
    /// The error if it had no effect.
    #[must_use]
    pub fn objection(&self) -> Option<CliError> {
        let what = format!("{} {}", self.verb, self.what);
        let receipt = self.receipt.as_ref()?;
        match &receipt.settled {
            Settled::Done => None,
            Settled::Refused(why) => {
                let error = errors::refused(&what, why.text());
                Some(match help(*why) {
                    None => error,
                    Some(text) => error.help(text),
                })
            }
            Settled::Failed(outcome) => {
                let code = self.script.as_ref().map(|(code, _)| &code[..]);
                let mut error = errors::failed(&what, &failure(outcome, code));
                if let (
                    Outcome::Script {
                        script: Which::Lock,
                        op_index,
                        ..
                    },
                    Some((code, source)),
                ) = (outcome, &self.script)
                    && let Some(line) = code::line_of(source, code, *op_index)
                {
                    let space = " ".repeat(line.column.saturating_sub(1) as usize);
                    let marks = "^".repeat(line.len.clamp(1, 200) as usize);
                    error = error
                        .at(format!("{}:{}:{}", line.file, line.number, line.column))
                        .line(
                            line.number.to_string(),
                            crate::output::clip(&line.text, 200),
                        )
                        .line("", format!("{space}{marks}"));
                }
                Some(error.note(
                    "the contract is as it was; tokens on the inputs went to outputs in their order",
                ))
            }
        }
    }
}

/// What can be done about a refusal.
fn help(why: Refusal) -> Option<&'static str> {
    match why {
        Refusal::ProtocolPending | Refusal::ContractPending | Refusal::TickerPending => {
            Some("`avm dev mine 3`, and once more: names are good from 3 blocks on")
        }
        Refusal::NameTaken => Some("`avm dev status` lists the names that are taken"),
        Refusal::WithdrawFt => {
            Some("the output needs as many satoshis as units: --output SATS:WHO")
        }
        Refusal::Payload => {
            Some("names are 12 characters at most for protocols and contracts, 21 for tickers")
        }
        _ => None,
    }
}

impl Dev {
    /// What a key or a contract has.
    ///
    /// # Errors
    /// If it is no name.
    pub fn balance(&mut self, who: &str) -> Result<Holdings, CliError> {
        let mut machine = self.machine();
        if let Ok((name, id, _)) = self.contract(who) {
            let mut tokens = Vec::new();
            for kind in [ItemKind::Ft, ItemKind::Nft] {
                let found = machine.contract_balances(&id, kind, None, 1000);
                for one in found.map_err(|e| self.host(&e))? {
                    let name = self.token_text(&mut machine, &one.id);
                    tokens.push((name, kind.name(), one.amount));
                }
            }
            let (who, address, sats) = (name, None, None);
            return Ok(Holdings {
                who,
                address,
                sats,
                tokens,
            });
        }
        let key = self.key(who)?;
        let mut sums = std::collections::BTreeMap::new();
        for coin in self.holdings(&mut machine, &key)? {
            for token in coin.tokens.tokens {
                let units = if token.kind == ItemKind::Ft {
                    token.amount
                } else {
                    1
                };
                *sums.entry((token.kind, token.id)).or_insert(0) += units;
            }
        }
        let tokens = sums
            .into_iter()
            .map(|((kind, id), units)| (self.token_text(&mut machine, &id), kind.name(), units));
        Ok(Holdings {
            tokens: tokens.collect(),
            who: who.to_owned(),
            address: Some(key.address().to_string()),
            sats: Some(self.spendable(&key)),
        })
    }

    /// What is on the chain.
    ///
    /// # Errors
    /// If the index fails.
    pub fn overview(&self) -> Result<Overview, CliError> {
        let mut machine = self.machine();
        let next = self.chain.height() + 1;
        let items = self.items(&mut machine)?;
        let mut overview = Overview {
            protocols: Vec::new(),
            contracts: Vec::new(),
            tokens: Vec::new(),
            keys: self.journal.keys.iter().cloned().collect(),
        };
        for (name, it) in &self.journal.protocols {
            if let Some((_, item)) = items.iter().find(|(id, _)| *id == it.id) {
                let good = item.commit.height + avm_atomicals::index::params::NAME_DEPTH <= next;
                overview.protocols.push((name.clone(), good));
            }
        }
        for (name, it) in &self.journal.contracts {
            if let Some(view) = machine.contract(&it.id).map_err(|e| self.host(&e))? {
                let protocol = it.protocol.clone();
                let counts = (view.row.calls, view.values);
                overview
                    .contracts
                    .push((name.clone(), protocol, counts.0, counts.1));
            }
        }
        for (id, item) in items.iter().filter(|(_, item)| is_token(item.kind)) {
            let supply = match (&item.lots, item.kind) {
                (Some(lots), _) => lots.mint_amount.saturating_mul(item.minted),
                (None, ItemKind::Ft) => item.sats,
                (None, _) => 1,
            };
            overview
                .tokens
                .push((shown(id, item), item.kind.name(), supply));
        }
        Ok(overview)
    }
}
