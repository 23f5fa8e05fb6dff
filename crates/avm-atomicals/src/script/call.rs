//! What a call brings, and what it has done so far. Spec: sections 8 to 10.

use alloc::sync::Arc;
use alloc::vec::Vec;

use avm_core::{Bytes, Hash, HostError, Nodes};

use super::closing::StateSum;
use super::rules::Rules;
use super::table::Table;
use super::text::Text;
use super::txview::TxView;

/// A contract's name: transaction id of its commit in internal order, and output, little-endian.
pub type ContractId = [u8; 36];

/// A token: the 36 bytes of its reference in reverse, as tables order them.
pub type Token = [u8; 36];

/// A running call: what handlers beyond the stacks work on.
#[derive(Clone, Debug)]
pub struct Call {
    /// The rule set.
    pub rules: &'static Rules,
    pub(crate) context: Part<Context>,
    pub(crate) effects: Part<Effects>,
}

/// A part of a call that is read when it is asked for.
#[derive(Clone)]
pub(crate) enum Part<T> {
    Here(T),
    Unread(Hash, Arc<dyn Nodes>),
}

/// Something that a node stands for.
pub(crate) trait Opened: Sized {
    fn open(hash: Hash, nodes: &Arc<dyn Nodes>) -> Result<Self, HostError>;
}

impl<T: Opened> Part<T> {
    pub(crate) fn get(&mut self) -> Result<&mut T, HostError> {
        if let Self::Unread(hash, nodes) = self {
            *self = Self::Here(T::open(*hash, nodes)?);
        }
        match self {
            Self::Here(part) => Ok(part),
            Self::Unread(..) => unreachable!("it was read above"),
        }
    }
}

impl<T: core::fmt::Debug> core::fmt::Debug for Part<T> {
    fn fmt(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
        match self {
            Self::Here(part) => part.fmt(f),
            Self::Unread(hash, _) => write!(f, "#{}", hash.short()),
        }
    }
}

impl Call {
    /// What the call brings.
    ///
    /// # Errors
    /// If it was not read yet and is not in the store.
    #[inline]
    pub fn context(&mut self) -> Result<&Context, HostError> {
        self.context.get().map(|context| &*context)
    }

    /// What the call has done so far.
    ///
    /// # Errors
    /// If it was not read yet and is not in the store.
    #[inline]
    pub fn effects(&mut self) -> Result<&mut Effects, HostError> {
        self.effects.get()
    }

    /// Both.
    ///
    /// # Errors
    /// If one was not read yet and is not in the store.
    #[inline]
    pub fn both(&mut self) -> Result<(&Context, &mut Effects), HostError> {
        Ok((self.context.get()?, self.effects.get()?))
    }
}

/// What a call brings, and what it is about.
#[derive(Clone, Debug)]
pub struct Context {
    /// The contract.
    pub contract: ContractId,
    /// The contract's hash before the call. Spec: section 11.
    pub previous: Hash,
    /// What the contract's state was known by before the call.
    pub sum: StateSum,
    /// The unlocking script.
    pub unlock: Text,
    /// The locking script.
    pub lock: Text,
    /// The transaction.
    pub tx: TxView,
    /// Public key of the caller; empty if there is none.
    pub auth_key: Bytes,
    /// Fungible tokens that come with the call: token to amount.
    pub ft_incoming: Table,
    /// Non-fungible tokens that come with the call.
    pub nft_incoming: Table,
    /// Height in four bytes, big-endian, to block header.
    pub headers: Table,
    /// The current height.
    pub height: u32,
}

/// The eleven tables of a call. Keys of tokens are [`Token`]s, amounts are eight bytes,
/// big-endian. Spec: section 9.
#[derive(Clone, Debug, Default)]
pub struct Effects {
    /// Contract state: [`super::table::Key`] of space and key, to value.
    pub state: Table,
    /// What was written.
    pub updates: Table,
    /// What was deleted.
    pub deletes: Table,
    /// Amounts of the contract.
    pub ft: Table,
    /// Amounts that changed; zero is gone.
    pub ft_updates: Table,
    /// Non-fungible tokens of the contract.
    pub nft: Table,
    /// Those that came, one byte 01, or went, one byte 00.
    pub nft_updates: Table,
    /// Token and number of an output in decimal digits, to the amount paid out there.
    pub ft_withdraws: Table,
    /// Token to the output it is paid out to, in four bytes, big-endian.
    pub nft_withdraws: Table,
    /// Fungible tokens that were deposited.
    pub ft_adds: Table,
    /// Non-fungible tokens that were deposited.
    pub nft_puts: Table,
}

impl Effects {
    /// Whether the state of the contract is as it was before the call.
    #[must_use]
    pub fn untouched(&self) -> bool {
        self.updates.is_empty() && self.deletes.is_empty()
    }
}

/// The key of a token reference as scripts have it: the other way round.
#[must_use]
pub fn token(reference: &[u8; 36]) -> Token {
    let mut token = *reference;
    token.reverse();
    token
}

/// The reference of a key of a token table as scripts see it, 36 bytes. Shorter keys of `beta1`
/// are filled up with zeros, longer ones are cut.
#[must_use]
pub fn reference(key: &[u8]) -> [u8; 36] {
    let mut reference = [0; 36];
    let reversed: Vec<u8> = key.iter().rev().copied().take(36).collect();
    reference[..reversed.len()].copy_from_slice(&reversed);
    reference
}

/// An amount in a table.
#[must_use]
pub fn amount(value: &[u8]) -> u64 {
    value.try_into().map_or(0, u64::from_be_bytes)
}
