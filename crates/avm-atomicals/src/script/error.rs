//! Why a script fails, with the numbers and names of the reference.

use core::fmt;

/// Why a script failed. Spec: section 12.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
#[repr(u8)]
#[non_exhaustive]
pub enum ScriptError {
    /// Number that does not decode, or an internal exception of the reference.
    Unknown = 1,
    /// The scripts ended with false, or with nothing, on top.
    EvalFalse = 2,
    /// OP_RETURN with something on the stack.
    OpReturn = 3,
    /// A script is longer than its limit.
    ScriptSize = 4,
    /// An element is longer than its limit.
    PushSize = 5,
    /// More operations than allowed.
    OpCount = 6,
    /// More elements on both stacks than allowed.
    StackSize = 7,
    /// Number of signatures out of range.
    SigCount = 8,
    /// Number of public keys out of range.
    PubkeyCount = 9,
    /// Operands of different lengths.
    InvalidOperandSize = 11,
    /// Number out of range.
    InvalidNumberRange = 12,
    /// Number does not fit into the size asked for.
    ImpossibleEncoding = 13,
    /// Split position outside of the element.
    InvalidSplitRange = 14,
    /// OP_VERIFY found false.
    Verify = 16,
    /// The two top elements differ.
    Equalverify = 17,
    /// OP_CHECKMULTISIGVERIFY found false.
    Checkmultisigverify = 18,
    /// OP_CHECKSIGVERIFY found false.
    Checksigverify = 19,
    /// OP_CHECKDATASIGVERIFY found false.
    Checkdatasigverify = 20,
    /// The two top numbers differ.
    Numequalverify = 21,
    /// No such operation, or a push beyond the end of the script.
    BadOpcode = 22,
    /// Operation that is switched off, even when not executed.
    DisabledOpcode = 23,
    /// Too few elements on the stack.
    InvalidStackOperation = 24,
    /// Too few elements on the alt stack.
    InvalidAltstackOperation = 25,
    /// IF without ENDIF, or ELSE or ENDIF without IF.
    UnbalancedConditional = 26,
    /// Division by zero.
    DivByZero = 27,
    /// Remainder of a division by zero.
    ModByZero = 28,
    /// Lock time operand is negative.
    NegativeLocktime = 31,
    /// Lock time is not reached.
    UnsatisfiedLocktime = 32,
    /// Hash type of a signature is not defined.
    SigHashtype = 33,
    /// Signature is not strict DER.
    SigDer = 34,
    /// A push is longer than needed.
    Minimaldata = 35,
    /// The unlocking script does more than push.
    SigPushonly = 36,
    /// S of a signature is above half the group order.
    SigHighS = 37,
    /// Public key is neither compressed nor uncompressed.
    Pubkeytype = 38,
    /// More than one element left at the end.
    Cleanstack = 39,
    /// Argument of IF is neither empty nor one byte 01.
    Minimalif = 40,
    /// Signature is not empty and does not verify.
    SigNullfail = 41,
    /// No such input of the transaction.
    InvalidTxInputIndex = 51,
    /// No such output of the transaction.
    InvalidTxOutputIndex = 52,
    /// Token reference is not 36 bytes.
    InvalidAtomicalRefSize = 60,
    /// No value under this key.
    InvalidAvmStateKeyNotFound = 61,
    /// Amount to withdraw is not positive or is above the value of the output.
    InvalidAvmWithdrawFtAmount = 62,
    /// Balance is lower than the amount to withdraw.
    InvalidAvmWithdrawFt = 63,
    /// No such output to withdraw to.
    InvalidAvmWithdrawFtOutputIndex = 64,
    /// The token to withdraw is not here.
    InvalidAvmWithdrawNft = 65,
    /// No such output to withdraw to.
    InvalidAvmWithdrawNftOutputIndex = 66,
    /// No fungible token with this number.
    InvalidAvmInvalidFtItemIndex = 67,
    /// No non-fungible token with this number.
    InvalidAvmInvalidNftItemIndex = 68,
    /// Key space or key name is too long or empty.
    InvalidAvmStateKeySize = 69,
    /// Table selector is neither 0 nor 1.
    InvalidAvmFtBalanceType = 70,
    /// Table selector is neither 0 nor 1.
    InvalidAvmNftExistsType = 71,
    /// Table selector is neither 0 nor 1.
    InvalidAvmNftItemType = 72,
    /// Table selector is neither 0 nor 1.
    InvalidAvmFtItemType = 73,
    /// Table selector is neither 0 nor 1.
    InvalidAvmFtCountType = 74,
    /// Table selector is neither 0 nor 1.
    InvalidAvmNftCountType = 75,
    /// No such field, or no header for this height.
    InvalidAvmInvalidBlockinfoItem = 76,
    /// Block header is not 80 bytes.
    InvalidAvmBlockHeaderSize = 77,
    /// No such hash function.
    InvalidAvmHashFunc = 80,
    /// Token is not incoming, was added before, or would overflow.
    InvalidAvmFtBalanceAddInvalid = 81,
    /// Token is not incoming or was put before.
    InvalidAvmNftPutInvalid = 82,
    /// Signature or key of the caller is missing or malformed.
    InvalidAvmCheckauthsig = 85,
    /// Nobody signed this call.
    InvalidAvmCheckauthsigverify = 86,
    /// Signature of the caller does not verify.
    InvalidAvmCheckauthsignull = 87,
    /// Number too large to allocate.
    BigInt = 88,
    /// The call costs more than its budget.
    OutOfBudget = 100,
}

/// Every error: number, name, meaning.
const ALL: &[(ScriptError, &str, &str)] = &[
    (
        ScriptError::Unknown,
        "UNKNOWN",
        "number that does not decode, or an internal exception of the reference",
    ),
    (
        ScriptError::EvalFalse,
        "EVAL_FALSE",
        "the scripts ended with false, or with nothing, on top",
    ),
    (
        ScriptError::OpReturn,
        "OP_RETURN",
        "OP_RETURN with something on the stack",
    ),
    (
        ScriptError::ScriptSize,
        "SCRIPT_SIZE",
        "a script is longer than its limit",
    ),
    (
        ScriptError::PushSize,
        "PUSH_SIZE",
        "an element is longer than its limit",
    ),
    (
        ScriptError::OpCount,
        "OP_COUNT",
        "more operations than allowed",
    ),
    (
        ScriptError::StackSize,
        "STACK_SIZE",
        "more elements on both stacks than allowed",
    ),
    (
        ScriptError::SigCount,
        "SIG_COUNT",
        "number of signatures out of range",
    ),
    (
        ScriptError::PubkeyCount,
        "PUBKEY_COUNT",
        "number of public keys out of range",
    ),
    (
        ScriptError::InvalidOperandSize,
        "INVALID_OPERAND_SIZE",
        "operands of different lengths",
    ),
    (
        ScriptError::InvalidNumberRange,
        "INVALID_NUMBER_RANGE",
        "number out of range",
    ),
    (
        ScriptError::ImpossibleEncoding,
        "IMPOSSIBLE_ENCODING",
        "number does not fit into the size asked for",
    ),
    (
        ScriptError::InvalidSplitRange,
        "INVALID_SPLIT_RANGE",
        "split position outside of the element",
    ),
    (ScriptError::Verify, "VERIFY", "OP_VERIFY found false"),
    (
        ScriptError::Equalverify,
        "EQUALVERIFY",
        "the two top elements differ",
    ),
    (
        ScriptError::Checkmultisigverify,
        "CHECKMULTISIGVERIFY",
        "OP_CHECKMULTISIGVERIFY found false",
    ),
    (
        ScriptError::Checksigverify,
        "CHECKSIGVERIFY",
        "OP_CHECKSIGVERIFY found false",
    ),
    (
        ScriptError::Checkdatasigverify,
        "CHECKDATASIGVERIFY",
        "OP_CHECKDATASIGVERIFY found false",
    ),
    (
        ScriptError::Numequalverify,
        "NUMEQUALVERIFY",
        "the two top numbers differ",
    ),
    (
        ScriptError::BadOpcode,
        "BAD_OPCODE",
        "no such operation, or a push beyond the end of the script",
    ),
    (
        ScriptError::DisabledOpcode,
        "DISABLED_OPCODE",
        "operation that is switched off, even when not executed",
    ),
    (
        ScriptError::InvalidStackOperation,
        "INVALID_STACK_OPERATION",
        "too few elements on the stack",
    ),
    (
        ScriptError::InvalidAltstackOperation,
        "INVALID_ALTSTACK_OPERATION",
        "too few elements on the alt stack",
    ),
    (
        ScriptError::UnbalancedConditional,
        "UNBALANCED_CONDITIONAL",
        "IF without ENDIF, or ELSE or ENDIF without IF",
    ),
    (ScriptError::DivByZero, "DIV_BY_ZERO", "division by zero"),
    (
        ScriptError::ModByZero,
        "MOD_BY_ZERO",
        "remainder of a division by zero",
    ),
    (
        ScriptError::NegativeLocktime,
        "NEGATIVE_LOCKTIME",
        "lock time operand is negative",
    ),
    (
        ScriptError::UnsatisfiedLocktime,
        "UNSATISFIED_LOCKTIME",
        "lock time is not reached",
    ),
    (
        ScriptError::SigHashtype,
        "SIG_HASHTYPE",
        "hash type of a signature is not defined",
    ),
    (
        ScriptError::SigDer,
        "SIG_DER",
        "signature is not strict DER",
    ),
    (
        ScriptError::Minimaldata,
        "MINIMALDATA",
        "a push is longer than needed",
    ),
    (
        ScriptError::SigPushonly,
        "SIG_PUSHONLY",
        "the unlocking script does more than push",
    ),
    (
        ScriptError::SigHighS,
        "SIG_HIGH_S",
        "S of a signature is above half the group order",
    ),
    (
        ScriptError::Pubkeytype,
        "PUBKEYTYPE",
        "public key is neither compressed nor uncompressed",
    ),
    (
        ScriptError::Cleanstack,
        "CLEANSTACK",
        "more than one element left at the end",
    ),
    (
        ScriptError::Minimalif,
        "MINIMALIF",
        "argument of IF is neither empty nor one byte 01",
    ),
    (
        ScriptError::SigNullfail,
        "SIG_NULLFAIL",
        "signature is not empty and does not verify",
    ),
    (
        ScriptError::InvalidTxInputIndex,
        "INVALID_TX_INPUT_INDEX",
        "no such input of the transaction",
    ),
    (
        ScriptError::InvalidTxOutputIndex,
        "INVALID_TX_OUTPUT_INDEX",
        "no such output of the transaction",
    ),
    (
        ScriptError::InvalidAtomicalRefSize,
        "INVALID_ATOMICAL_REF_SIZE",
        "token reference is not 36 bytes",
    ),
    (
        ScriptError::InvalidAvmStateKeyNotFound,
        "INVALID_AVM_STATE_KEY_NOT_FOUND",
        "no value under this key",
    ),
    (
        ScriptError::InvalidAvmWithdrawFtAmount,
        "INVALID_AVM_WITHDRAW_FT_AMOUNT",
        "amount to withdraw is not positive or is above the value of the output",
    ),
    (
        ScriptError::InvalidAvmWithdrawFt,
        "INVALID_AVM_WITHDRAW_FT",
        "balance is lower than the amount to withdraw",
    ),
    (
        ScriptError::InvalidAvmWithdrawFtOutputIndex,
        "INVALID_AVM_WITHDRAW_FT_OUTPUT_INDEX",
        "no such output to withdraw to",
    ),
    (
        ScriptError::InvalidAvmWithdrawNft,
        "INVALID_AVM_WITHDRAW_NFT",
        "the token to withdraw is not here",
    ),
    (
        ScriptError::InvalidAvmWithdrawNftOutputIndex,
        "INVALID_AVM_WITHDRAW_NFT_OUTPUT_INDEX",
        "no such output to withdraw to",
    ),
    (
        ScriptError::InvalidAvmInvalidFtItemIndex,
        "INVALID_AVM_INVALID_FT_ITEM_INDEX",
        "no fungible token with this number",
    ),
    (
        ScriptError::InvalidAvmInvalidNftItemIndex,
        "INVALID_AVM_INVALID_NFT_ITEM_INDEX",
        "no non-fungible token with this number",
    ),
    (
        ScriptError::InvalidAvmStateKeySize,
        "INVALID_AVM_STATE_KEY_SIZE",
        "key space or key name is too long or empty",
    ),
    (
        ScriptError::InvalidAvmFtBalanceType,
        "INVALID_AVM_FT_BALANCE_TYPE",
        "table selector is neither 0 nor 1",
    ),
    (
        ScriptError::InvalidAvmNftExistsType,
        "INVALID_AVM_NFT_EXISTS_TYPE",
        "table selector is neither 0 nor 1",
    ),
    (
        ScriptError::InvalidAvmNftItemType,
        "INVALID_AVM_NFT_ITEM_TYPE",
        "table selector is neither 0 nor 1",
    ),
    (
        ScriptError::InvalidAvmFtItemType,
        "INVALID_AVM_FT_ITEM_TYPE",
        "table selector is neither 0 nor 1",
    ),
    (
        ScriptError::InvalidAvmFtCountType,
        "INVALID_AVM_FT_COUNT_TYPE",
        "table selector is neither 0 nor 1",
    ),
    (
        ScriptError::InvalidAvmNftCountType,
        "INVALID_AVM_NFT_COUNT_TYPE",
        "table selector is neither 0 nor 1",
    ),
    (
        ScriptError::InvalidAvmInvalidBlockinfoItem,
        "INVALID_AVM_INVALID_BLOCKINFO_ITEM",
        "no such field, or no header for this height",
    ),
    (
        ScriptError::InvalidAvmBlockHeaderSize,
        "INVALID_AVM_BLOCK_HEADER_SIZE",
        "block header is not 80 bytes",
    ),
    (
        ScriptError::InvalidAvmHashFunc,
        "INVALID_AVM_HASH_FUNC",
        "no such hash function",
    ),
    (
        ScriptError::InvalidAvmFtBalanceAddInvalid,
        "INVALID_AVM_FT_BALANCE_ADD_INVALID",
        "token is not incoming, was added before, or would overflow",
    ),
    (
        ScriptError::InvalidAvmNftPutInvalid,
        "INVALID_AVM_NFT_PUT_INVALID",
        "token is not incoming or was put before",
    ),
    (
        ScriptError::InvalidAvmCheckauthsig,
        "INVALID_AVM_CHECKAUTHSIG",
        "signature or key of the caller is missing or malformed",
    ),
    (
        ScriptError::InvalidAvmCheckauthsigverify,
        "INVALID_AVM_CHECKAUTHSIGVERIFY",
        "nobody signed this call",
    ),
    (
        ScriptError::InvalidAvmCheckauthsignull,
        "INVALID_AVM_CHECKAUTHSIGNULL",
        "signature of the caller does not verify",
    ),
    (
        ScriptError::BigInt,
        "SCRIPT_ERR_BIG_INT",
        "number too large to allocate",
    ),
    (
        ScriptError::OutOfBudget,
        "OUT_OF_BUDGET",
        "the call costs more than its budget",
    ),
];

impl ScriptError {
    /// Every error in the order of their numbers.
    pub fn all() -> impl Iterator<Item = Self> {
        ALL.iter().map(|(error, ..)| *error)
    }

    /// Number in the reference; 100 and above are ours.
    #[must_use]
    pub const fn code(self) -> u8 {
        self as u8
    }

    /// The error of this number.
    #[must_use]
    pub fn from_code(code: u8) -> Option<Self> {
        Self::all().find(|error| error.code() == code)
    }

    /// Name in the reference, such as `EVAL_FALSE`.
    #[must_use]
    pub fn name(self) -> &'static str {
        self.row().1
    }

    /// One phrase for people.
    #[must_use]
    pub fn meaning(self) -> &'static str {
        self.row().2
    }

    fn row(self) -> &'static (Self, &'static str, &'static str) {
        let row = ALL.iter().find(|(error, ..)| *error == self);
        row.expect("every error has a row")
    }
}

impl fmt::Display for ScriptError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.name(), self.meaning())
    }
}

#[cfg(test)]
mod tests {
    use alloc::vec::Vec;

    use super::*;

    #[test]
    fn numbers_and_rows_agree() {
        let codes: Vec<u8> = ScriptError::all().map(ScriptError::code).collect();
        assert!(codes.is_sorted());
        for error in ScriptError::all() {
            assert_eq!(ScriptError::from_code(error.code()), Some(error));
        }
        assert_eq!(ScriptError::from_code(0), None);
        assert_eq!(ScriptError::EvalFalse.name(), "EVAL_FALSE");
    }
}
