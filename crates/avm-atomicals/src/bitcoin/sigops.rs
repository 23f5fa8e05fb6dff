//! What an operation asks about the transaction: signatures and lock times.

use alloc::vec::Vec;

use avm_core::{Hash, HostError};
use bitcoin::{Transaction, TxOut};

use super::code::{find_and_delete, push_bytes};
use super::error::Halt;
use super::machine::Kept;
use super::sighash::{self, Midstates, Shared, TaprootPart};
use super::{At, BitcoinError, Flags, SigVersion, checksig};
use crate::script::text::Text;

/// Lock times below count blocks, others seconds. BIP65.
const LOCKTIME_THRESHOLD: u32 = 500_000_000;
/// Sequence number that makes an input final.
const SEQUENCE_FINAL: u32 = 0xffff_ffff;
/// Sequence numbers with this bit are no relative lock time. BIP68.
pub(super) const SEQUENCE_DISABLED: u32 = 1 << 31;
/// Relative lock times with this bit are seconds, others blocks. BIP68.
const SEQUENCE_SECONDS: u32 = 1 << 22;
/// The bits of a sequence number that count. BIP68.
const SEQUENCE_MASK: u32 = SEQUENCE_SECONDS | 0xffff;
/// What a signature check costs of the weight of a witness. BIP342.
const WEIGHT_PER_CHECK: i64 = 50;

/// A transaction, the outputs it spends, and what its inputs share.
#[derive(Clone, Copy)]
pub(super) struct Ready<'a> {
    pub tx: &'a Transaction,
    pub spent: &'a [TxOut],
    pub shared: &'a Shared,
}

/// Where a transaction is.
pub(super) enum Source<'a> {
    /// In memory.
    Here(Ready<'a>),
    /// Read when it is asked for.
    Kept(&'a Kept),
}

/// The input that is being verified.
pub(super) struct Input<'a> {
    pub source: Source<'a>,
    pub index: usize,
    pub flags: Flags,
    pub midstates: Midstates,
}

/// A script that runs: what its operations go by besides the stacks.
#[derive(Clone, Debug)]
pub(super) struct Scope {
    pub version: SigVersion,
    pub script: Text,
    /// List of the operations that follow, if the script is not in memory.
    pub list: Option<Hash>,
    /// Number of the operation, those that were not executed counted.
    pub op: u32,
    /// Where the next one begins.
    pub next: usize,
    /// Operations that count, so far.
    pub ops: usize,
    /// Where the operation after the last executed OP_CODESEPARATOR begins.
    pub code_from: usize,
    /// Annex, leaf, and number of the last executed OP_CODESEPARATOR.
    pub taproot: TaprootPart,
    /// What is left of the weight of the witness for signature checks.
    pub weight_left: i64,
}

impl Scope {
    /// A script that is no leaf of a taproot output.
    pub(super) fn new(version: SigVersion, script: Text) -> Self {
        Self {
            version,
            script,
            list: None,
            op: 0,
            next: 0,
            ops: 0,
            code_from: 0,
            taproot: TaprootPart::default(),
            weight_left: 0,
        }
    }

    /// Whether no operation follows.
    pub(super) fn at_end(&self) -> bool {
        match self.list {
            Some(list) => list == Hash::ZERO,
            None => self.next >= self.script.len(),
        }
    }

    /// The operation that comes next.
    pub(super) fn at(&self, opcode: u8) -> At {
        let (op, byte) = (self.op, self.next);
        At { op, byte, opcode }
    }

    /// OP_CODESEPARATOR: signatures cover what follows.
    pub(super) fn separate(&mut self) {
        self.code_from = self.next;
        if let Some((_, separator)) = &mut self.taproot.leaf {
            *separator = self.op;
        }
    }
}

impl<'a> Input<'a> {
    /// The transaction.
    ///
    /// # Errors
    /// If it was not read yet and is not in the store.
    pub(super) fn ready(&self) -> Result<Ready<'a>, HostError> {
        match self.source {
            Source::Here(ready) => Ok(ready),
            Source::Kept(kept) => kept.ready(),
        }
    }
}

impl Input<'_> {
    /// Whether `signature` by `key` is good for this input; of OP_CHECKSIG and OP_CHECKSIGADD.
    ///
    /// # Errors
    /// What ends the script whether or not the signature is good.
    pub(super) fn check_sig(
        &mut self,
        scope: &mut Scope,
        signature: &[u8],
        key: &[u8],
    ) -> Result<bool, Halt> {
        if scope.version == SigVersion::Tapscript {
            return self.check_sig_tapscript(scope, signature, key);
        }
        let code = self.script_code(scope, &[signature])?;
        let good = self.check_ecdsa(scope.version, &code, signature, key)?;
        if !good && self.flags.has(Flags::NULLFAIL) && !signature.is_empty() {
            return Err(BitcoinError::SigNullFail.into());
        }
        Ok(good)
    }

    /// Whether each signature is good for one key, in the order of both; top of the stack first.
    ///
    /// # Errors
    /// As [`Input::check_sig`].
    pub(super) fn check_multisig(
        &mut self,
        scope: &Scope,
        signatures: &[&[u8]],
        keys: &[&[u8]],
    ) -> Result<bool, Halt> {
        let code = self.script_code(scope, signatures)?;
        let (mut left, mut keys) = (signatures, keys);
        // with more signatures than keys left some signature has no key
        while let ([signature, other_signatures @ ..], [key, other_keys @ ..]) = (left, keys)
            && left.len() <= keys.len()
        {
            if self.check_ecdsa(scope.version, &code, signature, key)? {
                left = other_signatures;
            }
            keys = other_keys;
        }
        let good = left.is_empty();
        let some_given = signatures.iter().any(|signature| !signature.is_empty());
        if !good && self.flags.has(Flags::NULLFAIL) && some_given {
            return Err(BitcoinError::SigNullFail.into());
        }
        Ok(good)
    }

    /// What signatures before tapscript sign of the script: all from the last separator on. Before
    /// witnesses the signatures themselves are removed from it.
    fn script_code(&self, scope: &Scope, signatures: &[&[u8]]) -> Result<Vec<u8>, Halt> {
        let mut code = scope.script.bytes()?[scope.code_from..].to_vec();
        if scope.version == SigVersion::Base {
            for signature in signatures {
                let mut push = Vec::with_capacity(signature.len() + 3);
                push_bytes(&mut push, signature);
                let (kept, found) = find_and_delete(&code, &push);
                if found > 0 && self.flags.has(Flags::CONST_SCRIPTCODE) {
                    return Err(BitcoinError::SigFindAndDelete.into());
                }
                code = kept;
            }
        }
        Ok(code)
    }

    fn check_ecdsa(
        &mut self,
        version: SigVersion,
        code: &[u8],
        signature: &[u8],
        key: &[u8],
    ) -> Result<bool, Halt> {
        checksig::check_signature_encoding(signature, self.flags)?;
        checksig::check_pubkey_encoding(key, self.flags, version)?;
        let Some((hash_type, der)) = signature.split_last() else {
            return Ok(false);
        };
        if !checksig::has_key_form(key) {
            return Ok(false);
        }
        let hash_type = u32::from(*hash_type);
        let (Ready { tx, spent, shared }, index) = (self.ready()?, self.index);
        let digest = if version == SigVersion::WitnessV0 {
            let amount = spent[index].value.to_sat();
            self.midstates
                .witness_v0(tx, index, code, amount, hash_type, shared)
        } else {
            self.midstates.legacy(tx, index, code, hash_type)
        };
        let digest = digest.expect("an input is verified only if the transaction has it");
        Ok(checksig::verify_ecdsa(der, key, digest))
    }

    /// BIP342. The order matters: an unknown key length passes before the signature is looked at,
    /// and what is paid for is every signature that is not empty.
    fn check_sig_tapscript(
        &self,
        scope: &mut Scope,
        signature: &[u8],
        key: &[u8],
    ) -> Result<bool, Halt> {
        let given = !signature.is_empty();
        if given {
            scope.weight_left -= WEIGHT_PER_CHECK;
            if scope.weight_left < 0 {
                return Err(BitcoinError::TapscriptValidationWeight.into());
            }
        }
        if key.is_empty() {
            return Err(BitcoinError::TapscriptEmptyPubkey.into());
        }
        if let Ok(key) = key.try_into() {
            if given {
                self.check_schnorr(signature, key, &scope.taproot)?;
            }
        } else if self.flags.has(Flags::DISCOURAGE_UPGRADABLE_PUBKEYTYPE) {
            return Err(BitcoinError::DiscourageUpgradablePubkeyType.into());
        }
        Ok(given)
    }

    /// Checks a Schnorr signature of 64 bytes, or of 65 with a hash type. BIP341.
    ///
    /// # Errors
    /// [`BitcoinError::SchnorrSigSize`], [`BitcoinError::SchnorrSigHashtype`],
    /// [`BitcoinError::SchnorrSig`].
    pub(super) fn check_schnorr(
        &self,
        signature: &[u8],
        key: &[u8; 32],
        part: &TaprootPart,
    ) -> Result<(), Halt> {
        let (signature, hash_type) = match signature.split_first_chunk() {
            Some((signature, [])) => (signature, 0),
            // the default has no byte
            Some((_, [0])) => return Err(BitcoinError::SchnorrSigHashtype.into()),
            Some((signature, [hash_type])) => (signature, *hash_type),
            _ => return Err(BitcoinError::SchnorrSigSize.into()),
        };
        let Ready { tx, spent, shared } = self.ready()?;
        let digest = sighash::taproot(tx, self.index, spent, hash_type, part, shared);
        let digest = digest.ok_or(BitcoinError::SchnorrSigHashtype)?;
        if checksig::verify_schnorr(signature, key, &digest) {
            Ok(())
        } else {
            Err(BitcoinError::SchnorrSig.into())
        }
    }

    /// Whether the transaction is locked until `lock_time` at least. BIP65.
    ///
    /// # Errors
    /// As [`Input::ready`].
    pub(super) fn is_locked_until(&self, lock_time: i64) -> Result<bool, HostError> {
        let tx = self.ready()?.tx;
        let own = tx.lock_time.to_consensus_u32();
        let seconds = |time: i64| time >= i64::from(LOCKTIME_THRESHOLD);
        let own_time = i64::from(own);
        Ok(seconds(lock_time) == seconds(own_time)
            && lock_time <= own_time
            // an input that is final unlocks the transaction
            && tx.input[self.index].sequence.0 != SEQUENCE_FINAL)
    }

    /// Whether the input waits for `sequence` at least. BIP112.
    ///
    /// # Errors
    /// As [`Input::ready`].
    pub(super) fn is_locked_for(&self, sequence: i64) -> Result<bool, HostError> {
        let tx = self.ready()?.tx;
        let own = tx.input[self.index].sequence.0;
        // versions are unsigned in this comparison
        if tx.version.0.cast_unsigned() < 2 || own & SEQUENCE_DISABLED != 0 {
            return Ok(false);
        }
        let own = i64::from(own & SEQUENCE_MASK);
        let wanted = sequence & i64::from(SEQUENCE_MASK);
        let seconds = |time: i64| time >= i64::from(SEQUENCE_SECONDS);
        Ok(seconds(own) == seconds(wanted) && wanted <= own)
    }
}
