//! Virtual outputs: tokens under a script, without an output of the chain. An experiment, off by
//! default. Spec: section 17, which leaves the rules to us; these are the rules.
//!
//! **Gate.** With [`Params::overlay`](super::Params) off the operation `vu` is a name like any unknown
//! one, and nothing here happens. With it on, `vu` is active from the height of contracts on, its
//! envelope has to be in input 0, and a refused one changes nothing: the tokens of the inputs move as
//! if it were not there.
//!
//! **Entry.** A virtual output is an [`Entry`]: the SHA-256 of the script that locks it, its expiry, the
//! SHA-256 of its fallback, and 1 to 64 tokens with amounts. Tokens are of `ft`, `dft` or `nft`;
//! protocols and contracts never are. An item of an `nft` counts as one unit. Units are not backed by
//! satoshis while they are virtual, as those that contracts hold are not. Its outpoint is the id of the
//! transaction that made it, and 2^31 plus its number in `make` as four bytes, little-endian; no
//! transaction has so many outputs, so it is never the outpoint of a real one.
//!
//! **Payload.** Fields of the map; others are ignored.
//!
//! | Field | Value |
//! |---|---|
//! | `spend` | `o`: virtual outpoint, 36 bytes; `l`: the script that locks it; `u`: unlocking script |
//! | `auth` | public key that the script finds as its caller's, if there is a `spend` |
//! | `make` | list of 1 to 64: `h` hash of the lock, `x` expiry, `f` hash of the fallback, `t` amounts |
//! | `pay` | number of an output in decimal digits, to amounts; 1 to 64 outputs |
//! | `reap` | virtual outpoint, 36 bytes; no other field goes with it |
//!
//! Amounts are a map of 1 to 64: id of a token as text, to a number from 1 on; no key comes twice. One
//! of `spend`, `make` and `reap` has to be there.
//!
//! **Balance.** What comes in are the tokens on the inputs, and those of the entry that is spent. What is
//! named, in `make` and `pay` together, must come in. It is taken from the spent entry first, and then
//! from the inputs, the first one first. Every unit of the spent entry has to be named. What is left on the
//! inputs moves by the rules of a transaction without an operation, and after that `pay` is added: to
//! outputs that can be spent, and so that no token has more units there than the output has satoshis.
//! So no unit comes from nowhere, and none goes but for what the ordinary rules burn.
//!
//! **Spend.** The script has to be the one the entry is locked with. It runs with the unlocking script as
//! a call does, under the same limits, cost and push-only rule, of a contract that has the outpoint for
//! its id, no state, no tokens, and zero for its hash; no token is incoming; the transaction is the one
//! with the envelope. So a signature that the script checks is over input 0, which commits to the payload,
//! and over the outputs. A script that writes state or moves tokens is refused. Everything but the script
//! is checked first, so that nothing runs in vain. To refresh is to spend to a new entry.
//!
//! **Expiry.** It lies after the block that makes the entry, by at most [`LIFE_MAX`] blocks. At this height
//! and after it the script is of no use any more, so that a fallback can be a refund. Instead anybody may
//! `reap`: all tokens go to the first output of the transaction with the script of the fallback, if it can
//! be spent and takes them; if not, the operation is refused.
//!
//! **Bound.** At the close of a block, entries that have been expired for more than [`GRACE`] blocks are
//! evicted, those with the earliest expiry first and then by outpoint, at most [`EVICTIONS_MAX`] per
//! block. **Their tokens are burned**, and a receipt says so. There are never more than [`ENTRIES_MAX`]
//! entries: an operation that would leave more is refused.

use alloc::collections::BTreeMap;
use alloc::vec::Vec;

use avm_core::{Bytes, HostError};

use super::AtomicalId;
use super::colour;
use super::ledger::Ledger;
use super::receipt::Refusal;
use super::request::{Made, Request, Take, Transfer};
use super::rows::{self, ItemKind, Outpoint, Token};
use super::settle::{Asked, Asking, Outputs, Scene, Spent, TOKENS_MAX, granted};
use crate::script::call::Effects;
use crate::script::digest::sha256;
use crate::script::node::Fields;
use crate::script::running::Contract;

/// Most blocks from the one that makes an entry to its expiry: about a year.
pub const LIFE_MAX: u32 = 52_560;
/// Blocks after its expiry for which an entry waits for somebody to reap it: about four weeks.
pub const GRACE: u32 = 4_032;
/// Most entries that are evicted at the close of one block.
pub const EVICTIONS_MAX: u32 = 64;
/// Most entries there are.
pub const ENTRIES_MAX: u32 = 1_000_000;
/// Most entries that one operation makes.
pub const MADE_MAX: usize = 64;
/// Most outputs that one operation pays to.
pub const PAID_MAX: usize = 64;
/// Most tokens of an entry, or of one output that is paid to.
pub const AMOUNTS_MAX: usize = 64;

/// A virtual output.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// SHA-256 of the script that locks it.
    pub lock: [u8; 32],
    /// Height from which on it is expired.
    pub expiry: u32,
    /// SHA-256 of the script of the output it goes to then.
    pub fallback: [u8; 32],
    /// In the order of ids. Amounts are units; an [`ItemKind::Nft`] is one.
    pub tokens: Vec<Token>,
}

/// The outpoint of a virtual output.
#[must_use]
pub fn outpoint(txid: &[u8; 32], number: u32) -> Outpoint {
    let mut outpoint = [0; 36];
    outpoint[..32].copy_from_slice(txid);
    outpoint[32..].copy_from_slice(&(1 << 31 | number).to_le_bytes());
    outpoint
}

impl Entry {
    /// Whether it can only be reaped in a block of this height.
    #[must_use]
    pub fn is_expired(&self, height: u32) -> bool {
        height >= self.expiry
    }

    /// Whether it is evicted at the close of a block of this height, if its turn comes.
    #[must_use]
    pub fn is_over(&self, height: u32) -> bool {
        height > self.expiry.saturating_add(GRACE)
    }

    /// The value of its row.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut value = Vec::with_capacity(68 + 45 * self.tokens.len());
        value.extend(self.lock);
        value.extend(self.expiry.to_be_bytes());
        value.extend(self.fallback);
        rows::put_tokens(&mut value, &self.tokens);
        value
    }

    /// Reads [`Entry::to_bytes`].
    ///
    /// # Errors
    /// If it is not the value of such a row, which only a forged state has.
    pub fn from_bytes(value: &[u8]) -> Result<Self, HostError> {
        let mut fields = Fields::plain(value, "a virtual output");
        let entry = Self {
            lock: fields.hash()?.0,
            expiry: fields.u32()?,
            fallback: fields.hash()?.0,
            tokens: rows::tokens(&mut fields)?,
        };
        match (1..=AMOUNTS_MAX).contains(&entry.tokens.len()) {
            true => Ok(entry),
            false => Err(fields.bad()),
        }
    }
}

/// Whether a script left nothing behind but its verdict.
pub(super) fn is_pure(effects: &Effects) -> bool {
    let tables = [
        &effects.updates,
        &effects.deletes,
        &effects.ft_updates,
        &effects.nft_updates,
        &effects.ft_withdraws,
        &effects.nft_withdraws,
        &effects.ft_adds,
        &effects.nft_puts,
    ];
    tables.iter().all(|table| table.is_empty())
}

/// What an operation does, once nothing stands against it.
struct Plan {
    taken: Option<(Outpoint, Entry)>,
    made: Vec<(Outpoint, Entry)>,
    outputs: Outputs,
}

/// What of the named tokens comes from where.
struct Balance {
    /// Units that the inputs give.
    given: BTreeMap<AtomicalId, u64>,
    /// What each named token is.
    kinds: BTreeMap<AtomicalId, ItemKind>,
}

impl Scene<'_> {
    /// Whether the operation is one on virtual outputs.
    pub(super) fn is_virtual(&self) -> bool {
        let request = self.asked.as_ref().map(|asked| &asked.request);
        matches!(request, Some(Ok(Request::Virtual(_))))
    }

    /// The script that a spend runs, as a contract. Everything else is checked before.
    pub(super) fn lock(
        &self,
        ledger: &Ledger,
        asked: &Asked,
        transfer: &Transfer,
        spent: &[Spent],
    ) -> Asking<Contract> {
        granted!(self.plan(ledger, asked, transfer, spent)?);
        let Take::Spend(spend) = &transfer.take else {
            return Ok(Err(Refusal::VirtualUnknown));
        };
        let lock = Bytes::from(&spend.lock[..]);
        Ok(Ok(Contract::new(spend.outpoint, lock)))
    }

    /// Does what the operation asks for; a script that has to agree did. What the operation is about.
    pub(super) fn transfer(
        &self,
        ledger: &mut Ledger,
        asked: &Asked,
        transfer: &Transfer,
        spent: &[Spent],
        outputs: &mut Outputs,
    ) -> Asking<AtomicalId> {
        let plan = granted!(self.plan(ledger, asked, transfer, spent)?);
        let about = plan.taken.as_ref().map(|(outpoint, _)| *outpoint);
        let about = about.or_else(|| plan.made.first().map(|(outpoint, _)| *outpoint));
        if let Some((outpoint, entry)) = &plan.taken {
            ledger.take_entry(outpoint, entry)?;
        }
        for (outpoint, entry) in &plan.made {
            ledger.put_entry(outpoint, entry)?;
        }
        *outputs = plan.outputs;
        Ok(Ok(about.expect("an operation takes or makes something")))
    }

    fn plan(
        &self,
        ledger: &Ledger,
        asked: &Asked,
        transfer: &Transfer,
        spent: &[Spent],
    ) -> Asking<Plan> {
        if asked.envelope.input != 0 {
            return Ok(Err(Refusal::Input));
        }
        let taken = match transfer.taken() {
            None => None,
            Some(outpoint) => {
                let entry = granted!(ledger.entry(outpoint)?.ok_or(Refusal::VirtualUnknown));
                Some((*outpoint, entry))
            }
        };
        let entry = taken.as_ref().map(|(_, entry)| entry);
        if let (Take::Reap(_), Some(entry)) = (&transfer.take, entry) {
            let outputs = granted!(self.reaped(entry, spent));
            let made = Vec::new();
            return Ok(Ok(Plan {
                taken,
                made,
                outputs,
            }));
        }
        if let (Take::Spend(spend), Some(entry)) = (&transfer.take, entry) {
            if entry.is_expired(self.place.height) {
                return Ok(Err(Refusal::VirtualExpired));
            }
            if sha256(&spend.lock) != entry.lock {
                return Ok(Err(Refusal::VirtualLock));
            }
        }
        granted!(self.room(ledger, transfer)?);
        let inside = entry.map_or(&[][..], |entry| &entry.tokens);
        let balance = granted!(balance(transfer, inside, spent));
        let outputs = granted!(self.paid(transfer, &balance, spent));
        let made = transfer.make.iter().zip(0..);
        let made = made
            .map(|(made, number)| {
                let outpoint = outpoint(&self.txid, number);
                (outpoint, entry_of(made, &balance.kinds))
            })
            .collect();
        Ok(Ok(Plan {
            taken,
            made,
            outputs,
        }))
    }

    /// Whether the entries of `make` may be there.
    fn room(&self, ledger: &Ledger, transfer: &Transfer) -> Asking<()> {
        let height = self.place.height;
        for (made, number) in transfer.make.iter().zip(0..) {
            if made.expiry <= height || made.expiry > height + LIFE_MAX {
                return Ok(Err(Refusal::VirtualExpiry));
            }
            // Only on a chain that repeats a transaction, which is none that nodes accept.
            if ledger.entry(&outpoint(&self.txid, number))?.is_some() {
                return Ok(Err(Refusal::VirtualKnown));
            }
        }
        let taken = transfer.taken().is_some();
        match fits(ledger.entries()?, taken, transfer.make.len()) {
            true => Ok(Ok(())),
            false => Ok(Err(Refusal::VirtualFull)),
        }
    }

    /// Where tokens go if an entry is reaped.
    fn reaped(&self, entry: &Entry, spent: &[Spent]) -> Result<Outputs, Refusal> {
        if !entry.is_expired(self.place.height) {
            return Err(Refusal::VirtualEarly);
        }
        let mut ends = self.tx.outputs();
        let output = ends.position(|end| sha256(end.script) == entry.fallback);
        let output = output.ok_or(Refusal::VirtualFallback)? as u32;
        let mut outputs = Outputs::new();
        self.colour(spent, |_| true, &mut outputs);
        for token in &entry.tokens {
            self.add(&mut outputs, output, token)?;
        }
        Ok(outputs)
    }

    /// Where tokens go if what is named is paid, and the rest moves by itself.
    fn paid(
        &self,
        transfer: &Transfer,
        balance: &Balance,
        spent: &[Spent],
    ) -> Result<Outputs, Refusal> {
        let mut outputs = Outputs::new();
        let left = without(spent, balance.given.clone());
        self.colour(&left, |_| true, &mut outputs);
        for (output, amounts) in &transfer.pay {
            for (id, amount) in amounts {
                let (id, kind, amount) = (*id, balance.kinds[id], *amount);
                self.add(&mut outputs, *output, &Token { id, kind, amount })?;
            }
        }
        Ok(outputs)
    }

    /// Adds units to what an output is to carry.
    fn add(&self, outputs: &mut Outputs, output: u32, token: &Token) -> Result<(), Refusal> {
        let end = self.tx.outputs().nth(output as usize);
        let end = end.filter(|end| colour::is_spendable(end.script));
        let end = end.ok_or(Refusal::VirtualOutput)?;
        let held = outputs.entry(output).or_default();
        let units = &mut held.entry(token.id).or_insert((token.kind, 0)).1;
        *units = match token.kind {
            ItemKind::Ft => {
                let sum = units.checked_add(token.amount);
                let sum = sum.filter(|sum| *sum <= end.sats);
                sum.ok_or(Refusal::VirtualOutput)?
            }
            _ => end.sats,
        };
        match held.len() <= TOKENS_MAX {
            true => Ok(()),
            false => Err(Refusal::VirtualOutput),
        }
    }
}

/// Whether there is room for entries.
fn fits(there: u32, taken: bool, made: usize) -> bool {
    let kept = u64::from(there).saturating_sub(u64::from(taken));
    made == 0 || kept + made as u64 <= u64::from(ENTRIES_MAX)
}

/// Compares what is named with what comes in: `inside` with the spent entry, and on the inputs.
fn balance(transfer: &Transfer, inside: &[Token], spent: &[Spent]) -> Result<Balance, Refusal> {
    let mut named: BTreeMap<AtomicalId, u128> = BTreeMap::new();
    let made = transfer.make.iter().map(|made| &made.tokens);
    for (id, amount) in made.chain(transfer.pay.values()).flatten() {
        *named.entry(*id).or_default() += u128::from(*amount);
    }
    let mut kinds = BTreeMap::new();
    let mut given = BTreeMap::new();
    for token in inside {
        let units = named.get_mut(&token.id).ok_or(Refusal::VirtualLoose)?;
        let left = units.checked_sub(token.amount.into());
        *units = left.ok_or(Refusal::VirtualLoose)?;
        kinds.insert(token.id, token.kind);
    }
    let outside = carried(spent);
    for (id, units) in named.into_iter().filter(|(_, units)| *units > 0) {
        let there = outside.get(&id).filter(|(_, there)| units <= *there);
        let (kind, _) = there.ok_or(Refusal::VirtualCover)?;
        let units = u64::try_from(units).map_err(|_| Refusal::VirtualCover)?;
        kinds.insert(id, *kind);
        given.insert(id, units);
    }
    Ok(Balance { given, kinds })
}

/// What can become virtual of the tokens on the inputs.
fn carried(spent: &[Spent]) -> BTreeMap<AtomicalId, (ItemKind, u128)> {
    let mut carried = BTreeMap::new();
    for token in spent.iter().flat_map(|on| &on.tokens.tokens) {
        let (_, units) = match token.kind {
            ItemKind::Protocol | ItemKind::Contract => continue,
            kind => carried.entry(token.id).or_insert((kind, 0_u128)),
        };
        *units = match token.kind {
            ItemKind::Ft => *units + u128::from(token.amount),
            _ => 1,
        };
    }
    carried
}

/// The tokens on the inputs without these units, which the first inputs give.
fn without(spent: &[Spent], mut given: BTreeMap<AtomicalId, u64>) -> Vec<Spent> {
    let mut left = spent.to_vec();
    for on in &mut left {
        on.tokens.tokens.retain_mut(|token| {
            let Some(given) = given.get_mut(&token.id).filter(|given| **given > 0) else {
                return true;
            };
            let gives = match token.kind {
                ItemKind::Ft => token.amount.min(*given),
                _ => token.amount,
            };
            *given = match token.kind {
                ItemKind::Ft => *given - gives,
                _ => 0,
            };
            token.amount -= gives;
            token.amount > 0
        });
    }
    left
}

fn entry_of(made: &Made, kinds: &BTreeMap<AtomicalId, ItemKind>) -> Entry {
    let tokens = made.tokens.iter().map(|(id, amount)| Token {
        id: *id,
        kind: kinds[id],
        amount: *amount,
    });
    Entry {
        lock: made.lock,
        expiry: made.expiry,
        fallback: made.fallback,
        tokens: tokens.collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn there_is_room_up_to_the_limit() {
        let cases = [
            (0, false, 64, true),
            (ENTRIES_MAX - 1, false, 1, true),
            (ENTRIES_MAX - 1, false, 2, false),
            (ENTRIES_MAX, false, 1, false),
            (ENTRIES_MAX, true, 1, true),
            (ENTRIES_MAX, true, 2, false),
            (ENTRIES_MAX, true, 0, true),
        ];
        for (there, taken, made, want) in cases {
            assert_eq!(fits(there, taken, made), want, "{there} {taken} {made}");
        }
    }

    #[test]
    fn entries_round_trip_and_nothing_else_reads() {
        let token = |id, kind, amount| Token {
            id: [id; 36],
            kind,
            amount,
        };
        let entry = Entry {
            lock: [1; 32],
            expiry: 7,
            fallback: [2; 32],
            tokens: [token(3, ItemKind::Ft, u64::MAX), token(4, ItemKind::Nft, 1)].into(),
        };
        let bytes = entry.to_bytes();
        assert_eq!(Entry::from_bytes(&bytes).expect("its own bytes"), entry);
        for len in 0..bytes.len() {
            // Behind the first token an entry of one token ends.
            assert_eq!(
                Entry::from_bytes(&bytes[..len]).is_ok(),
                len == 68 + 45,
                "{len}"
            );
        }
        let many = [&bytes[..68], &bytes[68..113].repeat(65)].concat();
        assert!(Entry::from_bytes(&many[..68 + 64 * 45]).is_ok());
        assert!(Entry::from_bytes(&many).is_err());
    }

    #[test]
    fn when_an_entry_is_expired_and_over() {
        let entry = Entry {
            lock: [0; 32],
            expiry: 100,
            fallback: [0; 32],
            tokens: Vec::new(),
        };
        let at = |height| (entry.is_expired(height), entry.is_over(height));
        assert_eq!(at(99), (false, false));
        assert_eq!(at(100), (true, false));
        assert_eq!(at(100 + GRACE), (true, false));
        assert_eq!(at(101 + GRACE), (true, true));
    }
}
