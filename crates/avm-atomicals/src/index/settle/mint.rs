//! Minting: the conditions that all mints share, names, and lots. Spec: sections 14.2 and 15.

use alloc::collections::BTreeMap;

use avm_core::HostError;

use super::{Asked, Asking, Outputs, Scene, granted};
use crate::index::AtomicalId;
use crate::index::ledger::Ledger;
use crate::index::params::{COMMIT_DEPTH, NAME_DEPTH, NAMED_DEPTH};
use crate::index::receipt::Refusal;
use crate::index::request::{Bitwork, Lots, Mint, NameKind};
use crate::index::rows::{Item, ItemKind, Place};
use crate::script::digest::sha256;

/// A mint that was granted.
#[derive(Clone, Copy)]
pub(super) struct Granted {
    pub(super) id: AtomicalId,
    pub(super) commit: Place,
}

impl Scene<'_> {
    /// Who has a name for good; `None` if nobody asked for it.
    pub(super) fn resolve(
        &self,
        ledger: &Ledger,
        kind: NameKind,
        name: &str,
        pending: Refusal,
    ) -> Asking<Option<AtomicalId>> {
        Ok(match ledger.name(kind, name)? {
            None => Ok(None),
            Some((commit, id)) if is_verified(commit, self.place.height) => Ok(Some(id)),
            Some(_) => Err(pending),
        })
    }

    /// Whether a mint meets the conditions that all share. Spec: section 14.2.
    pub(super) fn grant(&self, ledger: &mut Ledger, asked: &Asked, mint: &Mint) -> Asking<Granted> {
        let (heights, height) = (&self.params.heights, self.place.height);
        let id = asked.envelope.commit;
        if asked.envelope.input != 0 {
            return Ok(Err(Refusal::Input));
        }
        if self.tx.output_count() == 0 {
            return Ok(Err(Refusal::NoOutputs));
        }
        let (commit_txid, commit_output) = id.split_first_chunk::<32>().expect("an id has 36");
        let commit = ledger.place(commit_txid, height, COMMIT_DEPTH)?;
        let commit = granted!(commit.ok_or(Refusal::CommitUnknown));
        if commit.height < heights.base {
            return Ok(Err(Refusal::CommitInactive));
        }
        let shows =
            |work: &Option<Bitwork>, txid| work.as_ref().is_none_or(|work| work.met_by(txid));
        if !shows(&mint.bitwork_commit, commit_txid) {
            return Ok(Err(Refusal::BitworkCommit));
        }
        if !shows(&mint.bitwork_reveal, &self.txid) {
            return Ok(Err(Refusal::BitworkReveal));
        }
        if !mint.parents.is_empty() {
            // Summed up once: a payload names tens of thousands of parents.
            let mut sums: BTreeMap<AtomicalId, u64> = BTreeMap::new();
            for token in self.spent(ledger)?.iter().flat_map(|on| &on.tokens.tokens) {
                let sum = sums.entry(token.id).or_default();
                *sum = sum.saturating_add(token.amount);
            }
            let spends = |(parent, least): &(AtomicalId, u64)| {
                let sum = sums.get(parent);
                sum.is_some_and(|sum| sum >= least)
            };
            if !mint.parents.iter().all(spends) {
                return Ok(Err(Refusal::Parent));
            }
        }
        // In a chain that Bitcoin takes an output is spent once; here nobody checked that.
        if ledger.item(&id)?.is_some() {
            return Ok(Err(Refusal::Revealed));
        }
        if let Some((kind, name)) = &mint.named {
            if height - commit.height > NAMED_DEPTH {
                return Ok(Err(Refusal::CommitOld));
            }
            if height >= heights.commitz && *commit_output != [0; 4] {
                return Ok(Err(Refusal::CommitOutput));
            }
            let first = ledger.name(*kind, name)?;
            if first.is_some_and(|(first, _)| first <= commit) {
                return Ok(Err(Refusal::NameTaken));
            }
        }
        Ok(Ok(Granted { id, commit }))
    }

    /// Mints one lot of a ticker.
    pub(super) fn mint_lot(
        &self,
        ledger: &mut Ledger,
        asked: &Asked,
        ticker: &str,
        claimed: &Mint,
        outputs: &mut Outputs,
    ) -> Asking<AtomicalId> {
        let found = self.resolve(ledger, NameKind::Ticker, ticker, Refusal::TickerPending)?;
        let id = granted!(granted!(found).ok_or(Refusal::TickerUnknown));
        let item = granted!(ledger.item(&id)?.ok_or(Refusal::TickerUnknown));
        let lots = granted!(item.lots.clone().ok_or(Refusal::TickerUnknown));
        let asked_for = Mint {
            bitwork_commit: lots.mint_bitwork_commit.clone(),
            bitwork_reveal: lots.mint_bitwork_reveal.clone(),
            ..Mint::default()
        };
        granted!(self.grant(ledger, asked, claimed)?);
        granted!(self.grant(ledger, asked, &asked_for)?);
        if self.place.height < lots.mint_height {
            return Ok(Err(Refusal::LotEarly));
        }
        if item.minted >= lots.max_mints {
            return Ok(Err(Refusal::LotsGone));
        }
        if self.sats(0) != lots.mint_amount {
            return Ok(Err(Refusal::LotAmount));
        }
        let held = outputs.get(&0).and_then(|tokens| tokens.get(&id));
        if held.is_some_and(|(_, amount)| *amount > 0) {
            return Ok(Err(Refusal::OutputFull));
        }
        self.give(outputs, 0, id, ItemKind::Ft, lots.mint_amount);
        let minted = item.minted + 1;
        ledger.put_item(&id, &Item { minted, ..item })?;
        Ok(Ok(id))
    }

    /// Writes an item, and its candidate for a name. The rules of names below a realm or in a container
    /// are not part of this index: such items are without them.
    #[allow(clippy::too_many_arguments, reason = "the columns of one row")]
    pub(super) fn put_item(
        &self,
        ledger: &mut Ledger,
        asked: &Asked,
        mint: &Mint,
        granted: Granted,
        kind: ItemKind,
        lots: Option<Lots>,
        items: &mut u64,
    ) -> Result<(), HostError> {
        let item = Item {
            kind,
            number: *items,
            commit: granted.commit,
            reveal: self.place,
            txid: self.txid,
            payload: sha256(&asked.envelope.payload),
            sats: if lots.is_some() { 0 } else { self.sats(0) },
            name: mint.named.clone(),
            lots,
            minted: 0,
        };
        *items += 1;
        if let Some((kind, name)) = &mint.named
            && !matches!(kind, NameKind::Subrealm | NameKind::Item)
        {
            ledger.put_name(*kind, name, granted.commit, &granted.id)?;
        }
        ledger.put_item(&granted.id, &item)
    }
}

/// What a mint asks for, with a name that is not among its arguments.
pub(super) fn named(mint: &Mint, kind: NameKind, name: Option<&str>) -> Mint {
    Mint {
        named: name.map(|name| (kind, name.into())),
        ..mint.clone()
    }
}

/// Whether a name's commit is deep enough at a height.
#[must_use]
pub fn is_verified(commit: Place, height: u32) -> bool {
    commit.height.saturating_add(NAME_DEPTH) <= height
}
