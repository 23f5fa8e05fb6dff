//! Settling a transaction: what it asks for, the call that may run, and where its tokens go.
//! Spec: sections 14 and 15.
//!
//! The order within a transaction: the call, then what the call deposits and withdraws, then the
//! tokens that are left move to outputs, then the mint. A refused operation changes nothing, and the
//! tokens move as if it were not there.

mod mint;
mod tokens;

use alloc::boxed::Box;
use alloc::collections::BTreeMap;

use avm_core::{Bytes, Hash, HostError};

use mint::named;
use tokens::incoming;

pub use mint::is_verified;

use super::AtomicalId;
use super::block::TxParts;
use super::envelope::{self, Envelope, FindRules, InputIndex, Operation};
use super::ledger::Ledger;
use super::overlay;
use super::params::Params;
use super::receipt::{OperationReceipt, Refusal, Settled};
use super::request::{self, Mint, NameKind, Request, Take, Target};
use super::rows::{ContractRow, ItemKind, Outpoint, Place, Tokens};
use crate::machine::Outcome;
use crate::script::fault::Failure;
use crate::script::running::{Accepted, CallInput, Contract, Running};
use crate::script::table::Table;

/// Tokens that one output takes; further ones, in the order of ids, are burned. Far more than a
/// transaction can be made to hold, and a bound on the length of a row.
pub const TOKENS_MAX: usize = 100_000;

/// An operation that was asked for, and may be refused.
pub(super) type Asking<T> = Result<Result<T, Refusal>, HostError>;

/// What outputs are to carry: by output, then by id.
pub(super) type Outputs = BTreeMap<u32, BTreeMap<AtomicalId, (ItemKind, u64)>>;

/// Gives a refusal back as the answer it is.
macro_rules! granted {
    ($asked:expr) => {
        match $asked {
            Ok(granted) => granted,
            Err(refusal) => return Ok(Err(refusal)),
        }
    };
}
pub(super) use granted;

/// A transaction in its place.
pub(crate) struct Scene<'a> {
    pub(crate) params: &'a Params,
    pub(crate) place: Place,
    pub(crate) tx: TxParts<'a>,
    pub(crate) txid: [u8; 32],
    /// The first operation.
    pub(crate) asked: Option<Asked>,
}

/// An operation, and what it asks for.
pub(crate) struct Asked {
    pub(crate) envelope: Envelope,
    pub(crate) request: Result<Request, Refusal>,
}

/// How settling begins.
pub(crate) enum Begun {
    /// A call runs first.
    Call(Box<Running>),
    /// Nothing runs.
    Ready(Result<(), Settled>),
}

/// A call that is over.
pub(crate) struct Called {
    pub(crate) outcome: Result<Accepted, Failure>,
    pub(crate) cost: u64,
}

/// Tokens on an input.
#[derive(Clone)]
pub(super) struct Spent {
    input: u32,
    outpoint: Outpoint,
    pub(super) tokens: Tokens,
}

/// A contract that is called: its row, the contract itself.
struct Callee {
    row: ContractRow,
    contract: Contract,
}

/// Reads what a transaction asks for, if it asks for anything.
pub(crate) fn asked(params: &Params, height: u32, tx: &TxParts<'_>) -> Option<Asked> {
    if height < params.heights.base || !tx.has_witness() {
        return None;
    }
    let dense = height >= params.heights.density;
    let index = match params.rules.true_input {
        true => InputIndex::True,
        false => InputIndex::Beta1,
    };
    let find = FindRules {
        args_bytes: dense,
        index,
        overlay: params.overlay,
    };
    let envelope = envelope::find(tx, find).ok()??;
    let of_contracts = matches!(
        envelope.operation,
        Operation::Def | Operation::New | Operation::Call | Operation::Virtual
    );
    let request = if of_contracts && height < params.heights.contracts {
        Err(Refusal::Inactive)
    } else {
        request::read(envelope.operation, &envelope.payload, dense).map_err(|_| Refusal::Payload)
    };
    Some(Asked { envelope, request })
}

impl Scene<'_> {
    /// Begins: finds out whether a call runs.
    pub(crate) fn begin(&self, ledger: &mut Ledger) -> Result<Begun, HostError> {
        let Some(asked) = &self.asked else {
            return Ok(Begun::Ready(Ok(())));
        };
        let (unlock, auth_key) = match &asked.request {
            Ok(Request::Call { unlock, auth, .. } | Request::New { unlock, auth, .. }) => {
                (unlock[..].into(), auth[..].into())
            }
            Ok(Request::Virtual(transfer)) => match &transfer.take {
                Take::Spend(spend) => (spend.unlock[..].into(), spend.auth[..].into()),
                Take::Nothing | Take::Reap(_) => return Ok(Begun::Ready(Ok(()))),
            },
            Ok(_) => return Ok(Begun::Ready(Ok(()))),
            Err(refusal) => return Ok(Begun::Ready(Err(Settled::Refused(*refusal)))),
        };
        let spent = self.spent(ledger)?;
        let (found, incoming) = match &asked.request {
            Ok(Request::Virtual(transfer)) => {
                let lock = self.lock(ledger, asked, transfer, &spent)?;
                (lock, Default::default())
            }
            _ => {
                let callee = self.callee(ledger, asked)?;
                (callee.map(|callee| callee.contract), incoming(&spent)?)
            }
        };
        let contract = match found {
            Ok(contract) => contract,
            Err(refusal) => return Ok(Begun::Ready(Err(Settled::Refused(refusal)))),
        };
        let (ft_incoming, nft_incoming) = incoming;
        let input = CallInput {
            unlock,
            tx: self.tx.raw().into(),
            auth_key,
            ft_incoming,
            nft_incoming,
            headers: self.headers(ledger)?,
            height: self.place.height,
        };
        Ok(match Running::start(self.params.rules, &contract, input)? {
            Ok(running) => Begun::Call(Box::new(running)),
            Err(failure) => Begun::Ready(Err(Settled::Failed(Outcome::from(&failure)))),
        })
    }

    /// Ends: applies a call that succeeded, moves the tokens, mints. The receipt of the operation,
    /// if there is one.
    pub(crate) fn end(
        &self,
        ledger: &mut Ledger,
        begun: Result<(), Settled>,
        called: Option<Called>,
        items: &mut u64,
    ) -> Result<Option<OperationReceipt>, HostError> {
        let spent = self.spent(ledger)?;
        let mut settled = begun;
        let mut accepted = None;
        let cost = called.as_ref().map_or(0, |called| called.cost);
        match called.map(|called| called.outcome) {
            // The lock of a virtual output says yes or no, and nothing else.
            Some(Ok(done)) if self.is_virtual() && overlay::is_pure(&done.effects) => {}
            Some(Ok(_)) if self.is_virtual() => {
                settled = Err(Settled::Refused(Refusal::VirtualEffects));
            }
            Some(Ok(done)) => accepted = Some(done),
            Some(Err(failure)) => settled = Err(Settled::Failed(Outcome::from(&failure))),
            None => {}
        }
        let mut outputs = Outputs::new();
        if let Some(done) = &accepted {
            match self.with_effects(&spent, done)? {
                Ok(placed) => outputs = placed,
                Err(refusal) => {
                    settled = Err(Settled::Refused(refusal));
                    accepted = None;
                }
            }
        }
        if accepted.is_none() {
            self.colour(&spent, |_| true, &mut outputs);
        }
        let mut receipt = match &self.asked {
            None => None,
            Some(asked) => {
                let id = match settled {
                    Ok(()) => self.effect(ledger, asked, &spent, accepted, &mut outputs, items)?,
                    Err(_) => Ok(self.about(ledger, asked)?),
                };
                let (settled, id) = match (settled, id) {
                    (Ok(()), Ok(id)) => (Settled::Done, id),
                    (Ok(()), Err(refusal)) => (Settled::Refused(refusal), [0; 36]),
                    (Err(settled), id) => (settled, id.unwrap_or([0; 36])),
                };
                Some(OperationReceipt {
                    place: self.place,
                    txid: self.txid,
                    operation: asked.envelope.operation,
                    settled,
                    id,
                    cost,
                    chain: Hash::ZERO,
                })
            }
        };
        if let Some(receipt) = &mut receipt
            && matches!(receipt.operation, Operation::Call | Operation::New)
            && let Some(contract) = ledger.contract(&receipt.id)?
        {
            receipt.chain = contract.chain;
        }
        self.place_tokens(ledger, &spent, outputs)?;
        Ok(receipt)
    }

    /// The headers that scripts may see. Spec: section 14.7.
    fn headers(&self, ledger: &Ledger) -> Result<Table, HostError> {
        let mut headers = Table::default();
        let first = self
            .place
            .height
            .saturating_sub(self.params.header_window - 1);
        for height in first..=self.place.height {
            if let Some(row) = ledger.block(height)? {
                put(&mut headers, &height.to_be_bytes(), &row.header);
            }
        }
        Ok(headers)
    }

    /// The contract that is called, or constructed.
    fn callee(&self, ledger: &mut Ledger, asked: &Asked) -> Asking<Callee> {
        match &asked.request {
            Ok(Request::New {
                mint,
                protocol,
                name,
                ..
            }) => {
                let mint = named(mint, NameKind::Contract, name.as_deref());
                let granted = granted!(self.grant(ledger, asked, &mint)?);
                let pending = Refusal::ProtocolPending;
                let found = self.resolve(ledger, NameKind::Protocol, protocol, pending)?;
                let protocol = granted!(granted!(found).ok_or(Refusal::ProtocolUnknown));
                let code = ledger.code(&protocol)?;
                let code = granted!(code.ok_or(Refusal::ProtocolUnknown));
                if code.is_empty() {
                    return Ok(Err(Refusal::CodeEmpty));
                }
                let height = self.place.height;
                Ok(Ok(Callee {
                    row: ContractRow {
                        node: Hash::ZERO,
                        protocol,
                        created: height,
                        changed: height,
                        calls: 0,
                    },
                    contract: Contract {
                        code,
                        ..Contract::new(granted.id, Bytes::default())
                    },
                }))
            }
            Ok(Request::Call { target, .. }) => {
                if asked.envelope.input != 0 {
                    return Ok(Err(Refusal::Input));
                }
                let id = match target {
                    Target::Id(id) => *id,
                    Target::Name(name) => {
                        let pending = Refusal::ContractPending;
                        let found = self.resolve(ledger, NameKind::Contract, name, pending)?;
                        granted!(granted!(found).ok_or(Refusal::ContractUnknown))
                    }
                };
                let row = ledger.contract_row(&id)?;
                let row = granted!(row.ok_or(Refusal::ContractUnknown));
                let contract = ledger.contract(&id)?.cloned();
                let contract = granted!(contract.ok_or(Refusal::ContractUnknown));
                Ok(Ok(Callee { row, contract }))
            }
            Ok(_) => Ok(Err(Refusal::Payload)),
            Err(refusal) => Ok(Err(*refusal)),
        }
    }

    /// What an operation is about that was refused or failed; zero if there is nothing.
    fn about(&self, ledger: &Ledger, asked: &Asked) -> Result<AtomicalId, HostError> {
        Ok(match &asked.request {
            Ok(Request::Call { target, .. }) => match target {
                Target::Id(id) => *id,
                Target::Name(name) => ledger
                    .name(NameKind::Contract, name)?
                    .map_or([0; 36], |(_, id)| id),
            },
            Ok(Request::Virtual(transfer)) => transfer.taken().copied().unwrap_or([0; 36]),
            _ => [0; 36],
        })
    }

    /// Does what was asked for, once nothing stands against it any more: what it is about.
    fn effect(
        &self,
        ledger: &mut Ledger,
        asked: &Asked,
        spent: &[Spent],
        accepted: Option<Accepted>,
        outputs: &mut Outputs,
        items: &mut u64,
    ) -> Asking<AtomicalId> {
        let request = match &asked.request {
            Ok(request) => request,
            Err(refusal) => return Ok(Err(*refusal)),
        };
        match request {
            Request::Call { .. } => {
                let mut callee = granted!(self.callee(ledger, asked)?);
                callee.row.changed = self.place.height;
                callee.row.calls = callee.row.calls.saturating_add(1);
                let accepted = accepted.expect("a call that was not refused and did not fail");
                ledger.put_contract(&callee.row, accepted.contract)?;
                Ok(Ok(callee.contract.id))
            }
            Request::New { mint, name, .. } => {
                let mint = &named(mint, NameKind::Contract, name.as_deref());
                let callee = granted!(self.callee(ledger, asked)?);
                let granted = granted!(self.grant(ledger, asked, mint)?);
                let accepted =
                    accepted.expect("a constructor that was not refused and did not fail");
                ledger.put_contract(&callee.row, accepted.contract)?;
                self.put_item(
                    ledger,
                    asked,
                    mint,
                    granted,
                    ItemKind::Contract,
                    None,
                    items,
                )?;
                self.give(outputs, 0, granted.id, ItemKind::Contract, self.sats(0));
                Ok(Ok(granted.id))
            }
            Request::Def { mint, name, code } => {
                let mint = &named(mint, NameKind::Protocol, Some(name));
                let granted = granted!(self.grant(ledger, asked, mint)?);
                ledger.put_protocol(&granted.id, code[..].into())?;
                self.put_item(
                    ledger,
                    asked,
                    mint,
                    granted,
                    ItemKind::Protocol,
                    None,
                    items,
                )?;
                self.give(outputs, 0, granted.id, ItemKind::Protocol, self.sats(0));
                Ok(Ok(granted.id))
            }
            Request::Nft(mint) | Request::Ft(mint) => {
                let kind = match request {
                    Request::Ft(_) => ItemKind::Ft,
                    _ => ItemKind::Nft,
                };
                let granted = granted!(self.grant(ledger, asked, mint)?);
                self.put_item(ledger, asked, mint, granted, kind, None, items)?;
                self.give(outputs, 0, granted.id, kind, self.sats(0));
                Ok(Ok(granted.id))
            }
            Request::Dft(mint, lots) => {
                let granted = granted!(self.grant(ledger, asked, mint)?);
                let lots = Some(lots.clone());
                self.put_item(ledger, asked, mint, granted, ItemKind::Ft, lots, items)?;
                Ok(Ok(granted.id))
            }
            Request::Dmt {
                ticker,
                bitwork_commit,
                bitwork_reveal,
            } => {
                let claimed = Mint {
                    bitwork_commit: bitwork_commit.clone(),
                    bitwork_reveal: bitwork_reveal.clone(),
                    ..Mint::default()
                };
                self.mint_lot(ledger, asked, ticker, &claimed, outputs)
            }
            Request::Virtual(transfer) => self.transfer(ledger, asked, transfer, spent, outputs),
            Request::Other(Operation::Dat) => Ok(Ok([0; 36])),
            Request::Move(_) | Request::Other(_) if spent.is_empty() => {
                Ok(Err(Refusal::NothingSpent))
            }
            Request::Move(_) | Request::Other(_) => Ok(Ok([0; 36])),
        }
    }

    fn sats(&self, output: u32) -> u64 {
        let output = self.tx.outputs().nth(output as usize);
        output.map_or(0, |output| output.sats)
    }

    fn give(
        &self,
        outputs: &mut Outputs,
        output: u32,
        id: AtomicalId,
        kind: ItemKind,
        amount: u64,
    ) {
        let held = outputs.entry(output).or_default();
        held.entry(id).or_insert((kind, 0)).1 += amount;
    }
}

/// Puts a short entry into a table in memory.
fn put(table: &mut Table, key: &[u8], value: &[u8]) {
    let put = table.insert(key, value.into());
    put.expect("a new table is in memory, and takes short entries");
}

/// Whether an operation that had its effect changed the contract its receipt is about.
pub(crate) fn changes_contract(operation: Operation) -> bool {
    matches!(operation, Operation::New | Operation::Call)
}
