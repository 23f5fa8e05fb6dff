//! The end of a call that succeeded: its hash, one entry of a table after the other, and what is
//! left of the contract. Spec: sections 9 and 11.

use alloc::vec::Vec;

use avm_core::{Hash, HostError};

use super::call::{Call, amount};
use super::digest::{Sha256Stream, sha256};
use super::fault::{HostFault, Oversize, SizedTable, Trap};
use super::table::{self, Table};

/// Tables in the order in which the hash has them.
pub(crate) const TABLES: usize = 11;

/// Place of a table in the hash.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
enum Term {
    NftIncoming,
    FtIncoming,
    State,
    Updates,
    Deletes,
    Nft,
    Ft,
    NftUpdates,
    FtUpdates,
    NftWithdraws,
    FtWithdraws,
}

/// The order in which tables are worked off. Updates of amounts come before amounts: a balance
/// that wrapped to zero is taken out of the table then.
const ORDER: [Term; TABLES] = [
    Term::FtUpdates,
    Term::NftIncoming,
    Term::FtIncoming,
    Term::State,
    Term::Updates,
    Term::Deletes,
    Term::Nft,
    Term::Ft,
    Term::NftUpdates,
    Term::NftWithdraws,
    Term::FtWithdraws,
];

/// Limit of state, updates, deletes and tables of balances, in bytes.
const TABLE_LIMIT: u64 = 1_000_000;
/// Limit of tables of updates of balances, in bytes.
const UPDATES_LIMIT: u64 = 100_000;
/// Size of an entry of a table of fungible tokens, in bytes.
const FT_BYTES: u64 = 44;
/// Size of an entry of a table of non-fungible tokens, in bytes.
const NFT_BYTES: u64 = 36;

/// What taking an entry of the state into the hash costs; the first that writes there pays for all
/// of them. Tokens are paid for when the call is taken, and what is written by who writes it.
pub(crate) const ENTRY_COST: u64 = 20;

/// What a contract's state is known by, beside its table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct StateSum {
    /// SHA-256 of spaces, keys and values in order, as the hash of a call has it.
    pub digest: Hash,
    /// Bytes of spaces, keys and values, each space counted once.
    pub bytes: u64,
}

impl StateSum {
    /// Of a state with nothing in it.
    pub const EMPTY: Self = Self {
        digest: EMPTY_DIGEST,
        bytes: 0,
    };
}

/// SHA-256 of nothing.
const EMPTY_DIGEST: Hash = Hash([
    0xe3, 0xb0, 0xc4, 0x42, 0x98, 0xfc, 0x1c, 0x14, 0x9a, 0xfb, 0xf4, 0xc8, 0x99, 0x6f, 0xb9, 0x24,
    0x27, 0xae, 0x41, 0xe4, 0x64, 0x9b, 0x93, 0x4c, 0xa4, 0x95, 0x99, 0x1b, 0x78, 0x52, 0xb8, 0x55,
]);

/// A call whose scripts succeeded, on its way to the contract's next state.
#[derive(Clone, Debug)]
pub struct Closing {
    /// Digests of the tables that were worked off, in the order of the hash.
    pub(crate) digests: [Hash; TABLES],
    /// How many of [`ORDER`] were worked off.
    pub(crate) done: u8,
    /// Last key of the table under work; `None` before its first.
    pub(crate) cursor: Option<Vec<u8>>,
    /// Hash of the table under work, so far.
    pub(crate) hasher: Sha256Stream,
    /// Bytes of the table under work, so far.
    pub(crate) bytes: u64,
    /// Bytes of the state, once it was worked off.
    pub(crate) state_bytes: u64,
}

impl Closing {
    /// The beginning of the end.
    #[must_use]
    pub fn new() -> Self {
        Self {
            digests: [Hash::ZERO; TABLES],
            done: 0,
            cursor: None,
            hasher: Sha256Stream::new(),
            bytes: 0,
            state_bytes: 0,
        }
    }

    /// Works off entries, one a step, until `steps` reaches `budget`; the end is a step of its own.
    ///
    /// # Errors
    /// If the call fails after all, or a node is missing; `steps` counts the failing one.
    pub fn run(
        &mut self,
        call: &mut Call,
        budget: u64,
        steps: &mut u64,
    ) -> Result<Option<(Hash, StateSum)>, Trap> {
        while *steps < budget {
            let Some(term) = ORDER.get(usize::from(self.done)).copied() else {
                *steps += 1;
                return Ok(Some(self.end(call.context()?.previous)));
            };
            if term == Term::State && call.effects()?.untouched() {
                let before = call.context()?.sum;
                self.state_bytes = before.bytes;
                self.next(term, before.digest);
                continue;
            }
            let table = term.table(call)?;
            if table.is_empty() {
                self.next(term, EMPTY_DIGEST);
                continue;
            }
            let cursor = self.cursor.take();
            let mut entries = table.iter_after(cursor.as_deref())?;
            let mut last = cursor.as_deref();
            let mut over = false;
            while !over && *steps < budget {
                let Some(entry) = entries.next() else {
                    over = true;
                    continue;
                };
                let (key, value) = entry?;
                *steps += 1;
                self.absorb(term, call, last, key, value)?;
                last = Some(key);
            }
            if over {
                // Going on costs no step, so that a failure here would have none to be in.
                self.finish_table(term, call, &table)
                    .inspect_err(|_| *steps += 1)?;
            } else {
                self.cursor = last.map(<[u8]>::to_vec);
            }
        }
        Ok(None)
    }

    fn finish_table(&mut self, term: Term, call: &Call, table: &Table) -> Result<(), Trap> {
        self.check_size(term, call, table)?;
        if term == Term::State {
            self.state_bytes = self.bytes;
        }
        let digest = Hash(self.hasher.clone().finish());
        self.next(term, digest);
        Ok(())
    }

    fn next(&mut self, term: Term, digest: Hash) {
        self.digests[term as usize] = digest;
        self.done += 1;
        self.cursor = None;
        self.hasher = Sha256Stream::new();
        self.bytes = 0;
    }

    /// Takes one entry into the hash of its table; `last` is the key before it.
    fn absorb(
        &mut self,
        term: Term,
        call: &mut Call,
        last: Option<&[u8]>,
        key: &[u8],
        value: &[u8],
    ) -> Result<(), Trap> {
        let hasher = &mut self.hasher;
        match term {
            Term::NftIncoming | Term::Nft | Term::NftUpdates => hasher.update(key),
            Term::FtIncoming | Term::Ft | Term::FtUpdates => {
                let amount = amount(value);
                if amount > i64::MAX as u64 && !call.rules.balances_bounded {
                    return Err(HostFault::Balance { amount }.into());
                }
                hasher.update(key);
                if term == Term::FtUpdates && amount == 0 {
                    // What was paid out in full is gone already; this finds what wrapped.
                    call.effects()?.ft.remove(key)?;
                }
            }
            Term::State | Term::Updates | Term::Deletes => {
                let end = table::space_end(key);
                if last.is_none_or(|last| last.get(..end) != Some(&key[..end])) {
                    let (space, _) = table::split(key);
                    hasher.update(&space);
                    self.bytes += space.len() as u64;
                }
                let name = &key[end..];
                hasher.update(name);
                self.bytes += name.len() as u64;
                if term != Term::Deletes {
                    hasher.update(value);
                    self.bytes += value.len() as u64;
                }
            }
            Term::NftWithdraws => {
                hasher.update(key);
                hasher.update(&table::number(value).to_le_bytes());
            }
            Term::FtWithdraws => {
                let (token, output) = table::split_withdrawal(key);
                if last.is_none_or(|last| table::split_withdrawal(last).0 != token) {
                    hasher.update(token);
                }
                hasher.update(&output.to_le_bytes());
                hasher.update(&amount(value).to_le_bytes());
            }
        }
        Ok(())
    }

    /// Refuses a table that is too large.
    fn check_size(&self, term: Term, call: &Call, table: &Table) -> Result<(), Trap> {
        let (sized, bytes, limit) = match term {
            Term::State => (SizedTable::State, self.bytes, TABLE_LIMIT),
            Term::Updates => (SizedTable::Updates, self.bytes, TABLE_LIMIT),
            Term::Deletes => (SizedTable::Deletes, self.bytes, TABLE_LIMIT),
            Term::Ft => (
                SizedTable::FtBalances,
                FT_BYTES.saturating_mul(table.len()?),
                TABLE_LIMIT,
            ),
            Term::FtUpdates => (
                SizedTable::FtUpdates,
                FT_BYTES.saturating_mul(table.len()?),
                UPDATES_LIMIT,
            ),
            Term::Nft => (
                SizedTable::NftBalances,
                NFT_BYTES.saturating_mul(table.len()?),
                TABLE_LIMIT,
            ),
            Term::NftUpdates => (
                SizedTable::NftUpdates,
                NFT_BYTES.saturating_mul(table.len()?),
                UPDATES_LIMIT,
            ),
            _ => return Ok(()),
        };
        within(call, sized, bytes, limit)
    }

    /// The contract's next hash.
    fn end(&self, previous: Hash) -> (Hash, StateSum) {
        let mut message = [Hash::ZERO; 1 + TABLES];
        message[0] = previous;
        message[1..].copy_from_slice(&self.digests);
        let digest = sha256(message.map(|hash| hash.0).as_flattened());
        let sum = StateSum {
            digest: self.digests[Term::State as usize],
            bytes: self.state_bytes,
        };
        (Hash(digest), sum)
    }
}

impl Default for Closing {
    fn default() -> Self {
        Self::new()
    }
}

impl Term {
    fn table(self, call: &mut Call) -> Result<Table, HostError> {
        Ok(match self {
            Self::NftIncoming => call.context()?.nft_incoming.clone(),
            Self::FtIncoming => call.context()?.ft_incoming.clone(),
            Self::State => call.effects()?.state.clone(),
            Self::Updates => call.effects()?.updates.clone(),
            Self::Deletes => call.effects()?.deletes.clone(),
            Self::Nft => call.effects()?.nft.clone(),
            Self::Ft => call.effects()?.ft.clone(),
            Self::NftUpdates => call.effects()?.nft_updates.clone(),
            Self::FtUpdates => call.effects()?.ft_updates.clone(),
            Self::NftWithdraws => call.effects()?.nft_withdraws.clone(),
            Self::FtWithdraws => call.effects()?.ft_withdraws.clone(),
        })
    }
}

/// Refuses a contract whose tables are too large before the call.
///
/// # Errors
/// If one is, or a node is missing.
pub(crate) fn check_before(call: &mut Call, state: &StateSum) -> Result<(), Trap> {
    within(call, SizedTable::State, state.bytes, TABLE_LIMIT)?;
    let ft = FT_BYTES.saturating_mul(call.effects()?.ft.len()?);
    within(call, SizedTable::FtBalances, ft, TABLE_LIMIT)?;
    let nft = NFT_BYTES.saturating_mul(call.effects()?.nft.len()?);
    within(call, SizedTable::NftBalances, nft, TABLE_LIMIT)
}

fn within(call: &Call, table: SizedTable, bytes: u64, limit: u64) -> Result<(), Trap> {
    let oversize = Oversize {
        table,
        bytes,
        limit,
    };
    if bytes <= limit {
        Ok(())
    } else if call.rules.sizes_fail {
        Err(Trap::Size(oversize))
    } else {
        Err(HostFault::Size(oversize).into())
    }
}
