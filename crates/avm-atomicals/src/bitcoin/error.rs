//! Why a spend is refused, in the words of Bitcoin Core.

use alloc::boxed::Box;

use avm_core::HostError;

/// What `?` carries out of an operation.
#[derive(Debug)]
pub(super) enum Halt {
    /// The rules refuse the script.
    Rule(BitcoinError),
    /// The outside failed: nothing can be said about the script.
    Outside(Box<HostError>),
}

impl From<BitcoinError> for Halt {
    #[inline]
    fn from(error: BitcoinError) -> Self {
        Self::Rule(error)
    }
}

impl From<HostError> for Halt {
    fn from(error: HostError) -> Self {
        Self::Outside(Box::new(error))
    }
}

/// A refusal by the rules, one to one with `SCRIPT_ERR_*` of Bitcoin Core.
///
/// Source: Bitcoin Core, `script/script_error.h`, in the same order.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, thiserror::Error)]
#[non_exhaustive]
pub enum BitcoinError {
    /// The script ended with false, or with nothing, on top.
    #[error("the script ended with false, or with nothing, on top")]
    EvalFalse,
    /// OP_RETURN was executed.
    #[error("OP_RETURN was executed")]
    OpReturn,
    /// A number is longer than allowed, or longer than needed.
    #[error("a number is longer than allowed, or longer than needed")]
    ScriptNum,
    /// A script is longer than 10,000 bytes.
    #[error("a script is longer than 10,000 bytes")]
    ScriptSize,
    /// An element is longer than 520 bytes.
    #[error("an element is longer than 520 bytes")]
    PushSize,
    /// A script has more than 201 operations.
    #[error("a script has more than 201 operations")]
    OpCount,
    /// More than 1,000 elements on both stacks.
    #[error("more than 1,000 elements on both stacks")]
    StackSize,
    /// Number of signatures is negative or above the number of keys.
    #[error("number of signatures is negative or above the number of keys")]
    SigCount,
    /// Number of keys is negative or above 20.
    #[error("number of keys is negative or above 20")]
    PubkeyCount,
    /// OP_VERIFY found false.
    #[error("OP_VERIFY found false")]
    Verify,
    /// The two top elements differ.
    #[error("the two top elements differ")]
    EqualVerify,
    /// OP_CHECKMULTISIGVERIFY found false.
    #[error("OP_CHECKMULTISIGVERIFY found false")]
    CheckMultisigVerify,
    /// OP_CHECKSIGVERIFY found false.
    #[error("OP_CHECKSIGVERIFY found false")]
    CheckSigVerify,
    /// The two top numbers differ.
    #[error("the two top numbers differ")]
    NumEqualVerify,
    /// No such operation, or a push beyond the end of the script.
    #[error("no such operation, or a push beyond the end of the script")]
    BadOpcode,
    /// An operation that is disabled, even when not executed.
    #[error("an operation that is disabled, even when not executed")]
    DisabledOpcode,
    /// Too few elements on the stack.
    #[error("too few elements on the stack")]
    InvalidStackOperation,
    /// Too few elements on the alt stack.
    #[error("too few elements on the alt stack")]
    InvalidAltstackOperation,
    /// IF without ENDIF, or ELSE or ENDIF without IF.
    #[error("IF without ENDIF, or ELSE or ENDIF without IF")]
    UnbalancedConditional,
    /// A lock time is negative.
    #[error("a lock time is negative")]
    NegativeLocktime,
    /// A lock time is not reached.
    #[error("a lock time is not reached")]
    UnsatisfiedLocktime,
    /// The hash type of a signature is not defined.
    #[error("the hash type of a signature is not defined")]
    SigHashtype,
    /// A signature is not strict DER.
    #[error("a signature is not strict DER")]
    SigDer,
    /// A push is longer than needed.
    #[error("a push is longer than needed")]
    MinimalData,
    /// The unlocking script does more than push.
    #[error("the unlocking script does more than push")]
    SigPushOnly,
    /// S of a signature is above half the group order.
    #[error("S of a signature is above half the group order")]
    SigHighS,
    /// The extra element of OP_CHECKMULTISIG is not empty.
    #[error("the extra element of OP_CHECKMULTISIG is not empty")]
    SigNullDummy,
    /// A key is neither compressed nor uncompressed.
    #[error("a key is neither compressed nor uncompressed")]
    PubkeyType,
    /// Other than one element left at the end.
    #[error("other than one element left at the end")]
    CleanStack,
    /// The argument of OP_IF is neither empty nor one byte 01.
    #[error("the argument of OP_IF is neither empty nor one byte 01")]
    MinimalIf,
    /// A check failed with a signature that is not empty.
    #[error("a check failed with a signature that is not empty")]
    SigNullFail,
    /// A NOP that waits for a meaning.
    #[error("a NOP that waits for a meaning")]
    DiscourageUpgradableNops,
    /// A witness program that waits for a meaning.
    #[error("a witness program that waits for a meaning")]
    DiscourageUpgradableWitnessProgram,
    /// A leaf version that waits for a meaning.
    #[error("a leaf version that waits for a meaning")]
    DiscourageUpgradableTaprootVersion,
    /// An OP_SUCCESS that waits for a meaning.
    #[error("an OP_SUCCESS that waits for a meaning")]
    DiscourageOpSuccess,
    /// A key length that waits for a meaning.
    #[error("a key length that waits for a meaning")]
    DiscourageUpgradablePubkeyType,
    /// A witness program of version 0 is neither 20 nor 32 bytes.
    #[error("a witness program of version 0 is neither 20 nor 32 bytes")]
    WitnessProgramWrongLength,
    /// A witness program was given no witness.
    #[error("a witness program was given no witness")]
    WitnessProgramWitnessEmpty,
    /// The witness does not fit to the witness program.
    #[error("the witness does not fit to the witness program")]
    WitnessProgramMismatch,
    /// The unlocking script of a witness program is not empty.
    #[error("the unlocking script of a witness program is not empty")]
    WitnessMalleated,
    /// The unlocking script is not one push of the redeem script.
    #[error("the unlocking script is not one push of the redeem script")]
    WitnessMalleatedP2sh,
    /// A witness where no witness program is spent.
    #[error("a witness where no witness program is spent")]
    WitnessUnexpected,
    /// A key in a witness is not compressed.
    #[error("a key in a witness is not compressed")]
    WitnessPubkeyType,
    /// A Schnorr signature is neither 64 nor 65 bytes.
    #[error("a Schnorr signature is neither 64 nor 65 bytes")]
    SchnorrSigSize,
    /// The hash type of a Schnorr signature is not allowed.
    #[error("the hash type of a Schnorr signature is not allowed")]
    SchnorrSigHashtype,
    /// A Schnorr signature does not verify.
    #[error("a Schnorr signature does not verify")]
    SchnorrSig,
    /// A control block is not 33 bytes and 0 to 128 times 32 bytes.
    #[error("a control block is not 33 bytes and 0 to 128 times 32 bytes")]
    TaprootWrongControlSize,
    /// More signature checks than the size of the witness pays for.
    #[error("more signature checks than the size of the witness pays for")]
    TapscriptValidationWeight,
    /// OP_CHECKMULTISIG does not exist in tapscript.
    #[error("OP_CHECKMULTISIG does not exist in tapscript")]
    TapscriptCheckMultisig,
    /// The argument of OP_IF is neither empty nor one byte 01 in tapscript.
    #[error("the argument of OP_IF is neither empty nor one byte 01 in tapscript")]
    TapscriptMinimalIf,
    /// A key is empty in tapscript.
    #[error("a key is empty in tapscript")]
    TapscriptEmptyPubkey,
    /// OP_CODESEPARATOR outside of a witness, even when not executed.
    #[error("OP_CODESEPARATOR outside of a witness, even when not executed")]
    OpCodeSeparator,
    /// A signature is part of the script it signs.
    #[error("a signature is part of the script it signs")]
    SigFindAndDelete,
}

/// Names as in `script_tests.json` of Bitcoin Core: without `SCRIPT_ERR_`, and one is shorter.
const NAMES: &[(BitcoinError, &str)] = &[
    (BitcoinError::EvalFalse, "EVAL_FALSE"),
    (BitcoinError::OpReturn, "OP_RETURN"),
    (BitcoinError::ScriptNum, "SCRIPTNUM"),
    (BitcoinError::ScriptSize, "SCRIPT_SIZE"),
    (BitcoinError::PushSize, "PUSH_SIZE"),
    (BitcoinError::OpCount, "OP_COUNT"),
    (BitcoinError::StackSize, "STACK_SIZE"),
    (BitcoinError::SigCount, "SIG_COUNT"),
    (BitcoinError::PubkeyCount, "PUBKEY_COUNT"),
    (BitcoinError::Verify, "VERIFY"),
    (BitcoinError::EqualVerify, "EQUALVERIFY"),
    (BitcoinError::CheckMultisigVerify, "CHECKMULTISIGVERIFY"),
    (BitcoinError::CheckSigVerify, "CHECKSIGVERIFY"),
    (BitcoinError::NumEqualVerify, "NUMEQUALVERIFY"),
    (BitcoinError::BadOpcode, "BAD_OPCODE"),
    (BitcoinError::DisabledOpcode, "DISABLED_OPCODE"),
    (
        BitcoinError::InvalidStackOperation,
        "INVALID_STACK_OPERATION",
    ),
    (
        BitcoinError::InvalidAltstackOperation,
        "INVALID_ALTSTACK_OPERATION",
    ),
    (
        BitcoinError::UnbalancedConditional,
        "UNBALANCED_CONDITIONAL",
    ),
    (BitcoinError::NegativeLocktime, "NEGATIVE_LOCKTIME"),
    (BitcoinError::UnsatisfiedLocktime, "UNSATISFIED_LOCKTIME"),
    (BitcoinError::SigHashtype, "SIG_HASHTYPE"),
    (BitcoinError::SigDer, "SIG_DER"),
    (BitcoinError::MinimalData, "MINIMALDATA"),
    (BitcoinError::SigPushOnly, "SIG_PUSHONLY"),
    (BitcoinError::SigHighS, "SIG_HIGH_S"),
    (BitcoinError::SigNullDummy, "SIG_NULLDUMMY"),
    (BitcoinError::PubkeyType, "PUBKEYTYPE"),
    (BitcoinError::CleanStack, "CLEANSTACK"),
    (BitcoinError::MinimalIf, "MINIMALIF"),
    (BitcoinError::SigNullFail, "NULLFAIL"),
    (
        BitcoinError::DiscourageUpgradableNops,
        "DISCOURAGE_UPGRADABLE_NOPS",
    ),
    (
        BitcoinError::DiscourageUpgradableWitnessProgram,
        "DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM",
    ),
    (
        BitcoinError::DiscourageUpgradableTaprootVersion,
        "DISCOURAGE_UPGRADABLE_TAPROOT_VERSION",
    ),
    (BitcoinError::DiscourageOpSuccess, "DISCOURAGE_OP_SUCCESS"),
    (
        BitcoinError::DiscourageUpgradablePubkeyType,
        "DISCOURAGE_UPGRADABLE_PUBKEYTYPE",
    ),
    (
        BitcoinError::WitnessProgramWrongLength,
        "WITNESS_PROGRAM_WRONG_LENGTH",
    ),
    (
        BitcoinError::WitnessProgramWitnessEmpty,
        "WITNESS_PROGRAM_WITNESS_EMPTY",
    ),
    (
        BitcoinError::WitnessProgramMismatch,
        "WITNESS_PROGRAM_MISMATCH",
    ),
    (BitcoinError::WitnessMalleated, "WITNESS_MALLEATED"),
    (BitcoinError::WitnessMalleatedP2sh, "WITNESS_MALLEATED_P2SH"),
    (BitcoinError::WitnessUnexpected, "WITNESS_UNEXPECTED"),
    (BitcoinError::WitnessPubkeyType, "WITNESS_PUBKEYTYPE"),
    (BitcoinError::SchnorrSigSize, "SCHNORR_SIG_SIZE"),
    (BitcoinError::SchnorrSigHashtype, "SCHNORR_SIG_HASHTYPE"),
    (BitcoinError::SchnorrSig, "SCHNORR_SIG"),
    (
        BitcoinError::TaprootWrongControlSize,
        "TAPROOT_WRONG_CONTROL_SIZE",
    ),
    (
        BitcoinError::TapscriptValidationWeight,
        "TAPSCRIPT_VALIDATION_WEIGHT",
    ),
    (
        BitcoinError::TapscriptCheckMultisig,
        "TAPSCRIPT_CHECKMULTISIG",
    ),
    (BitcoinError::TapscriptMinimalIf, "TAPSCRIPT_MINIMALIF"),
    (BitcoinError::TapscriptEmptyPubkey, "TAPSCRIPT_EMPTY_PUBKEY"),
    (BitcoinError::OpCodeSeparator, "OP_CODESEPARATOR"),
    (BitcoinError::SigFindAndDelete, "SIG_FINDANDDELETE"),
];

impl BitcoinError {
    /// Every error in Core's order.
    pub fn all() -> impl Iterator<Item = Self> {
        NAMES.iter().map(|(error, _)| *error)
    }

    /// Name in Core's test data, such as `EVAL_FALSE`.
    #[must_use]
    pub fn name(self) -> &'static str {
        let row = NAMES.iter().find(|(error, _)| *error == self);
        row.expect("every error has a name").1
    }

    /// The error of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let row = NAMES.iter().find(|(_, known)| *known == name);
        row.map(|(error, _)| *error)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_agree() {
        assert!(NAMES.is_sorted_by_key(|(error, _)| *error), "Core's order");
        // the last one is the largest, so a variant without a row would leave a gap
        assert_eq!(BitcoinError::SigFindAndDelete as usize + 1, NAMES.len());
        for error in BitcoinError::all() {
            assert_eq!(BitcoinError::from_name(error.name()), Some(error));
        }
        assert_eq!(BitcoinError::from_name("OK"), None);
    }
}
