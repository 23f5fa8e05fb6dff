//! Where tokens come from and go to: inputs, what a call takes and gives, outputs. Spec: sections
//! 14.6 and 15.

use alloc::collections::{BTreeMap, BTreeSet};
use alloc::vec::Vec;

use avm_core::HostError;

use super::{Asked, Asking, Outputs, Scene, Spent, TOKENS_MAX, granted, put};
use crate::index::AtomicalId;
use crate::index::colour::{self, Held, How};
use crate::index::envelope;
use crate::index::ledger::Ledger;
use crate::index::receipt::Refusal;
use crate::index::request::Request;
use crate::index::rows::{ItemKind, Outpoint, Token, Tokens};
use crate::script::call;
use crate::script::digest::sha256;
use crate::script::running::Accepted;
use crate::script::table::{self, Table};

impl Scene<'_> {
    /// The tokens on the inputs. In a chain that Bitcoin takes they spend different outputs; nobody
    /// checked that, so an output counts where it is first.
    pub(super) fn spent(&self, ledger: &Ledger) -> Result<Vec<Spent>, HostError> {
        let mut spent = Vec::new();
        let mut seen = BTreeSet::new();
        for (input, spending) in self.tx.inputs().enumerate() {
            if let Some(tokens) = ledger.tokens(spending.outpoint)?
                && seen.insert(spending.outpoint)
            {
                spent.push(Spent {
                    input: input as u32,
                    outpoint: *spending.outpoint,
                    tokens,
                });
            }
        }
        Ok(spent)
    }

    /// Where tokens go after a call that succeeded: deposits are gone, withdrawals are added. Spec:
    /// section 14.6.
    pub(super) fn with_effects(&self, spent: &[Spent], accepted: &Accepted) -> Asking<Outputs> {
        let effects = &accepted.effects;
        let mut deposited = BTreeSet::new();
        for entry in effects.ft_adds.iter().chain(&effects.nft_puts) {
            deposited.insert(call::reference(entry?.0));
        }
        let mut outputs = Outputs::new();
        self.colour(spent, |id| !deposited.contains(id), &mut outputs);
        let ends: Vec<_> = self.tx.outputs().collect();
        let spendable = |output: u64| {
            let end = usize::try_from(output).ok().and_then(|at| ends.get(at));
            end.filter(|end| colour::is_spendable(end.script))
        };
        for entry in &effects.ft_withdraws {
            let (key, value) = entry?;
            let (token, output) = table::split_withdrawal(key);
            let (id, amount) = (call::reference(token), call::amount(value));
            let end = granted!(spendable(output).ok_or(Refusal::WithdrawFt));
            let held = outputs.entry(output as u32).or_default();
            let units = &mut held.entry(id).or_insert((ItemKind::Ft, 0)).1;
            match units.checked_add(amount) {
                Some(sum) if sum <= end.sats => *units = sum,
                _ => return Ok(Err(Refusal::WithdrawFt)),
            }
        }
        for entry in &effects.nft_withdraws {
            let (token, output) = entry?;
            let output = table::number(output);
            let end = granted!(spendable(output.into()).ok_or(Refusal::WithdrawNft));
            let held = outputs.entry(output).or_default();
            held.insert(call::reference(token), (ItemKind::Nft, end.sats));
        }
        Ok(Ok(outputs))
    }

    /// How the transaction wants its tokens moved.
    pub(super) fn how(&self) -> How {
        match &self.asked {
            Some(Asked {
                envelope,
                request: Ok(Request::Move(operation)),
            }) => match envelope::first_item(&envelope.payload) {
                Ok(payload) => How::of(operation.name(), &payload),
                Err(_) => How::Default,
            },
            _ => How::Default,
        }
    }

    /// Takes tokens off the inputs and puts them on the outputs.
    pub(super) fn place_tokens(
        &self,
        ledger: &mut Ledger,
        spent: &[Spent],
        outputs: Outputs,
    ) -> Result<(), HostError> {
        for on in spent {
            ledger.take_tokens(&on.outpoint, &on.tokens)?;
        }
        let mut ends = self.tx.outputs().enumerate();
        let mut outpoint: Outpoint = [0; 36];
        outpoint[..32].copy_from_slice(&self.txid);
        for (output, held) in outputs {
            let end = ends.find(|(at, _)| *at == output as usize);
            let Some((_, end)) = end else { break };
            outpoint[32..].copy_from_slice(&output.to_le_bytes());
            let held = held.into_iter().take(TOKENS_MAX);
            let tokens = held.map(|(id, (kind, amount))| Token { id, kind, amount });
            let tokens = Tokens {
                script_hash: sha256(end.script),
                sats: end.sats,
                tokens: tokens.collect(),
            };
            if !tokens.tokens.is_empty() {
                ledger.put_tokens(&outpoint, &tokens)?;
            }
        }
        Ok(())
    }

    /// Where the spent tokens of these ids go.
    pub(in crate::index) fn colour(
        &self,
        spent: &[Spent],
        moves: impl Fn(&AtomicalId) -> bool,
        outputs: &mut Outputs,
    ) {
        if spent.is_empty() {
            return;
        }
        let mut kinds = BTreeMap::new();
        let mut held = Vec::new();
        for on in spent {
            for token in on.tokens.tokens.iter().filter(|token| moves(&token.id)) {
                kinds.insert(token.id, token.kind);
                held.push(Held {
                    id: token.id,
                    kind: match token.kind {
                        ItemKind::Ft => colour::Kind::Ft,
                        _ => colour::Kind::Nft,
                    },
                    input: on.input,
                    amount: token.amount,
                });
            }
        }
        let ends: Vec<colour::Output> = self
            .tx
            .outputs()
            .map(|output| colour::Output {
                sats: output.sats,
                spendable: colour::is_spendable(output.script),
            })
            .collect();
        let rules = colour::ColourRules {
            fifo: self.place.height >= self.params.heights.dmint,
            custom: self.place.height >= self.params.heights.custom,
            conserve: self.params.rules.conserve,
        };
        let colours = colour::colour(&ends, &held, &self.how(), rules);
        for ((output, id), amount) in colours.ft {
            self.give(outputs, output, id, kinds[&id], amount);
        }
        for (output, id) in colours.nft {
            let sats = ends.get(output as usize).map_or(0, |end| end.sats);
            outputs
                .entry(output)
                .or_default()
                .insert(id, (kinds[&id], sats));
        }
    }
}

/// The tokens that a call can take in: units of fungible ones, and the others. Protocols and
/// contracts are never among them. Spec: section 14.6.
pub(super) fn incoming(spent: &[Spent]) -> Result<(Table, Table), HostError> {
    let mut units: BTreeMap<AtomicalId, u64> = BTreeMap::new();
    let mut nft = Table::default();
    for token in spent.iter().flat_map(|on| &on.tokens.tokens) {
        match token.kind {
            ItemKind::Ft => {
                let sum = units.entry(token.id).or_default();
                *sum = sum.saturating_add(token.amount);
            }
            ItemKind::Nft => put(&mut nft, &call::token(&token.id), &[]),
            ItemKind::Protocol | ItemKind::Contract => {}
        }
    }
    let mut ft = Table::default();
    for (id, sum) in units.into_iter().filter(|(_, sum)| *sum > 0) {
        put(&mut ft, &call::token(&id), &sum.to_be_bytes());
    }
    Ok((ft, nft))
}
