//! Tokens on outputs: which there are, who holds them, and how they get where they should be.

use std::collections::BTreeMap;

use avm_atomicals::index::IndexMachine;
use avm_atomicals::index::envelope::parse_text_id;
use avm_atomicals::index::query::{Holding, PAGE_MAX};
use avm_atomicals::index::request::NameKind;
use avm_atomicals::index::rows::{Item, ItemKind};
use avm_regtest::bitcoin::hashes::{Hash as _, sha256};
use avm_regtest::bitcoin::{OutPoint, Txid};
use avm_regtest::{DUST, Id, Key, Operation, Publish, Published, id_text};

use super::{Dev, errors};
use crate::error::CliError;

/// What an operation may cost beyond what it puts on outputs, in satoshis.
const SPARE: u64 = 100_000;
/// What somebody is given who has too little, in satoshis.
const GIFT: u64 = 10_000_000;
/// Kinds of names that tokens have.
const NAMES: [NameKind; 3] = [NameKind::Ticker, NameKind::Realm, NameKind::Container];

/// Tokens that an operation takes along.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wanted {
    /// The token.
    pub id: Id,
    /// How it was named.
    pub name: String,
    /// Units; all there are of an item.
    pub amount: u64,
}

impl Dev {
    /// The token of a name or id.
    pub(super) fn token(&self, name: &str) -> Result<Id, CliError> {
        let mut machine = self.preview()?;
        for kind in NAMES {
            let found = machine.named(kind, name).map_err(|e| self.host(&e))?;
            if let Some(found) = found {
                return Ok(found.id);
            }
        }
        if let Some(id) = parse_text_id(name)
            && machine.item(&id).map_err(|e| self.host(&e))?.is_some()
        {
            return Ok(id);
        }
        let items = self.items(&mut machine)?;
        let tokens = items.iter().filter(|(_, item)| is_token(item.kind));
        let known: Vec<String> = tokens.map(|(id, item)| shown(id, item)).collect();
        Err(errors::unknown("token", name, &known))
    }

    /// Everything that was minted.
    pub(super) fn items(&self, machine: &mut IndexMachine) -> Result<Vec<(Id, Item)>, CliError> {
        let mut items: Vec<(Id, Item)> = Vec::new();
        loop {
            let after = items.last().map(|(id, _)| *id);
            let page = machine.items(after.as_ref(), PAGE_MAX);
            let page = page.map_err(|e| self.host(&e))?;
            if page.is_empty() {
                items.sort_by_key(|(_, item)| item.number);
                return Ok(items);
            }
            items.extend(page);
        }
    }

    /// A token for people.
    pub(super) fn token_text(&self, machine: &mut IndexMachine, id: &Id) -> String {
        match machine.item(id) {
            Ok(Some(item)) => shown(id, &item),
            _ => id_text(id),
        }
    }

    /// Outputs of a key that carry tokens.
    pub(super) fn holdings(
        &self,
        machine: &mut IndexMachine,
        key: &Key,
    ) -> Result<Vec<Holding>, CliError> {
        let script = sha256::Hash::hash(key.script().as_bytes()).to_byte_array();
        let mut holdings: Vec<Holding> = Vec::new();
        loop {
            let after = holdings.last().map(|holding| holding.outpoint);
            let page = machine.holdings(&script, after.as_ref(), PAGE_MAX);
            let page = page.map_err(|e| self.host(&e))?;
            if page.is_empty() {
                return Ok(holdings);
            }
            holdings.extend(page);
        }
    }

    /// Satoshis that a key can pay with: mature, and without tokens.
    pub(super) fn spendable(&self, key: &Key) -> u64 {
        let next = self.chain.height() + 1;
        let coins = self.chain.coins(key);
        let free = coins.filter(|coin| coin.spendable_from() <= next);
        let free = free.filter(|coin| !self.chain.is_kept(&coin.outpoint));
        free.map(avm_regtest::Coin::sats).sum()
    }

    /// Has the miner give something to a key that has too little.
    pub(super) fn provide(&mut self, key: &Key, sats: u64) -> Result<(), CliError> {
        let need = sats.saturating_add(SPARE);
        if self.spendable(key) < need {
            let gift = need.saturating_add(GIFT);
            self.chain.fund(key, gift).map_err(|e| errors::chain(&e))?;
        }
        Ok(())
    }

    /// Outputs that carry these tokens, these amounts and nothing else. What is on others is moved
    /// first, by a transaction that waits.
    pub(super) fn gather(
        &mut self,
        who: &str,
        key: &Key,
        wanted: &[Wanted],
    ) -> Result<Vec<OutPoint>, CliError> {
        let mut outpoints = Vec::new();
        for want in wanted {
            let coins = self.pick(who, key, want)?;
            let sum: u64 = coins.iter().map(|coin| amount_on(coin, &want.id)).sum();
            let alone = coins.iter().all(|coin| coin.tokens.tokens.len() == 1);
            if alone && sum == want.amount {
                outpoints.extend(coins.iter().map(outpoint));
            } else {
                let moved = self.move_tokens(key, &coins, want, key)?;
                outpoints.push(moved.outpoint(0));
            }
        }
        Ok(outpoints)
    }

    /// Outputs of a key with as much of a token as is wanted, or more.
    pub(super) fn pick(
        &self,
        who: &str,
        key: &Key,
        want: &Wanted,
    ) -> Result<Vec<Holding>, CliError> {
        let mut machine = self.preview()?;
        let mut coins = self.holdings(&mut machine, key)?;
        coins.retain(|coin| amount_on(coin, &want.id) > 0);
        // One that is exactly right, or the largest first.
        coins.sort_by_key(|coin| {
            let amount = amount_on(coin, &want.id);
            let exact = amount == want.amount && coin.tokens.tokens.len() == 1;
            (!exact, u64::MAX - amount)
        });
        let (mut picked, mut sum) = (Vec::new(), 0);
        for coin in coins {
            if sum >= want.amount {
                break;
            }
            sum += amount_on(&coin, &want.id);
            picked.push(coin);
        }
        match sum < want.amount || picked.is_empty() {
            true => Err(errors::tokens(who, &want.name, sum, want.amount.max(1))),
            false => Ok(picked),
        }
    }

    /// Sends an amount of one token on these coins to somebody, on output 0; everything else that
    /// they carry goes back to their owner, on output 1. The operation is `z`, which names every
    /// amount, so the order of outputs and the satoshis on them decide nothing.
    pub(super) fn move_tokens(
        &mut self,
        owner: &Key,
        coins: &[Holding],
        want: &Wanted,
        to: &Key,
    ) -> Result<Published, CliError> {
        let mut sums: BTreeMap<Id, (ItemKind, u64)> = BTreeMap::new();
        for token in coins.iter().flat_map(|coin| &coin.tokens.tokens) {
            let sum = sums.entry(token.id).or_insert((token.kind, 0));
            sum.1 += token.amount;
        }
        let mut colours: Vec<(Id, Vec<(u32, u64)>)> = Vec::new();
        let (mut sent, mut back, mut anything_back) = (DUST, DUST, false);
        for (id, (kind, sum)) in &sums {
            let (gone, units) = match (*id == want.id, kind) {
                (true, ItemKind::Ft) => (want.amount, sum - want.amount),
                (true, _) => (1, 0),
                (false, ItemKind::Ft) => (0, *sum),
                (false, _) => (0, 1),
            };
            let places = [(0, gone), (1, units)];
            if *kind == ItemKind::Ft {
                (sent, back) = (sent.max(gone), back.max(units));
            }
            anything_back |= units > 0;
            let places = places.into_iter().filter(|(_, units)| *units > 0);
            colours.push((*id, places.collect()));
        }
        let colours: Vec<(Id, &[(u32, u64)])> = colours
            .iter()
            .map(|(id, places)| (*id, &places[..]))
            .collect();
        self.provide(owner, sent + back)?;
        let mut publish = Publish::new(owner, Operation::custom(&colours)).output(to.output(sent));
        if anything_back {
            publish = publish.output(owner.output(back));
        }
        for coin in coins {
            publish = publish.spend(outpoint(coin), owner);
        }
        self.chain.publish(&publish).map_err(|e| errors::chain(&e))
    }
}

/// Whether it is something that one can hold and send, and no code.
pub(super) fn is_token(kind: ItemKind) -> bool {
    matches!(kind, ItemKind::Ft | ItemKind::Nft)
}

/// How a token is named: by its name, or by its id.
pub(super) fn shown(id: &Id, item: &Item) -> String {
    item.name
        .as_ref()
        .map_or_else(|| id_text(id), |(_, name)| name.clone())
}

/// Units of a token on an output; 1 for an item.
fn amount_on(coin: &Holding, id: &Id) -> u64 {
    let tokens = coin.tokens.tokens.iter().filter(|token| token.id == *id);
    tokens
        .map(|token| match token.kind {
            ItemKind::Ft => token.amount,
            _ => 1,
        })
        .sum()
}

fn outpoint(coin: &Holding) -> OutPoint {
    let (txid, vout) = coin.outpoint.split_at(32);
    OutPoint {
        txid: Txid::from_slice(txid).expect("32 of 36 bytes"),
        vout: u32::from_le_bytes(vout.try_into().expect("4 of 36 bytes")),
    }
}
