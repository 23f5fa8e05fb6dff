//! What the rule sets differ in. Spec: sections 1, 3 and 18.

/// What operations on the stacks alone depend on.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(clippy::struct_excessive_bools, reason = "each is a rule of its own")]
pub struct Limits {
    /// Longest push, and longest result of operations that are limited like pushes, in bytes.
    pub max_push_bytes: usize,
    /// Longest operand that is a number, in bytes.
    pub max_number_bytes: usize,
    /// Longest result of arithmetic, in bytes.
    pub max_result_bytes: usize,
    /// Most elements on both stacks.
    pub max_depth: usize,
    /// Operands that are numbers must have their shortest form.
    pub minimal_numbers: bool,
    /// Executed pushes must have their shortest form.
    pub minimal_pushes: bool,
    /// Arguments of `OP_IF` and `OP_NOTIF` are empty or one byte 01.
    pub minimal_if: bool,
    /// Q1: a position of `OP_PICK` or `OP_ROLL` out of range fails the script, not the host.
    pub pick_fails: bool,
    /// Q2: `OP_EQUAL` on an empty stack has the error of every other operation.
    pub equal_depth: bool,
}

/// Limits and repairs of one rule set: the interpreter reads these and nothing else.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[allow(
    clippy::struct_excessive_bools,
    reason = "each repair is a line of the register"
)]
pub struct Rules {
    /// Name: `beta1` or `avm1`.
    pub name: &'static str,
    /// Longest script, in bytes.
    pub max_script_bytes: usize,
    /// What operations on the stacks alone depend on.
    pub limits: Limits,
    /// Longest name of a key space and of a key, in bytes.
    pub max_key_bytes: usize,
    /// What a call may cost, not counting its unlocking script.
    pub budget: u64,
    /// What each byte of the unlocking script adds to the budget.
    pub budget_per_unlock_byte: u64,

    /// Q3: a height without a header fails the script, not the host.
    pub header_fails: bool,
    /// Q4, Q21: transactions with witnesses are decoded as BIP 144 has it.
    pub bip144: bool,
    /// Q5: names of key spaces and keys must not be empty; empty values stay empty.
    pub empty_values: bool,
    /// Q6: amounts are not clamped to 2^31 - 1.
    pub full_amounts: bool,
    /// Q7: `OP_NFT_WITHDRAW` checks the size of the token, not of the output.
    pub nft_withdraw: bool,
    /// Q8: a second withdrawal to one output adds up.
    pub withdrawals_add: bool,
    /// Q12: tables over their limit fail the call, not the host.
    pub sizes_fail: bool,
    /// Q13: balances stay below 2^63, or the script fails.
    pub balances_bounded: bool,
    /// Q14: the difficulty of a zero mantissa is 0.
    pub zero_difficulty: bool,
    /// Q15: keys of token tables are references of 36 bytes.
    pub token_keys: bool,
    /// Q16: a signature is bound to the contract and its state.
    pub bound_auth: bool,
    /// Q20: a call is metered.
    pub metered: bool,
    /// Q24: an envelope is where it is, and an operation that needs input 0 is refused elsewhere.
    pub true_input: bool,
    /// Moving tokens never gives more units than there were.
    pub conserve: bool,
}

impl Rules {
    /// The reference, defects included.
    pub const BETA1: Self = Self {
        name: "beta1",
        max_script_bytes: 1_000_000,
        limits: Limits {
            max_push_bytes: 4_000,
            max_number_bytes: 100_000,
            max_result_bytes: usize::MAX,
            max_depth: 1_000,
            minimal_numbers: true,
            minimal_pushes: true,
            minimal_if: true,
            pick_fails: false,
            equal_depth: false,
        },
        max_key_bytes: 1_024,
        budget: u64::MAX,
        budget_per_unlock_byte: 0,
        header_fails: false,
        bip144: false,
        empty_values: false,
        full_amounts: false,
        nft_withdraw: false,
        withdrawals_add: false,
        sizes_fail: false,
        balances_bounded: false,
        zero_difficulty: false,
        token_keys: false,
        bound_auth: false,
        metered: false,
        true_input: false,
        conserve: false,
    };

    /// The reference with its defects repaired and calls metered; the default.
    pub const AVM1: Self = Self {
        name: "avm1",
        limits: Limits {
            max_number_bytes: 4_000,
            max_result_bytes: 4_000,
            pick_fails: true,
            equal_depth: true,
            ..Self::BETA1.limits
        },
        budget: 10_000_000,
        budget_per_unlock_byte: 500,
        header_fails: true,
        bip144: true,
        empty_values: true,
        full_amounts: true,
        nft_withdraw: true,
        withdrawals_add: true,
        sizes_fail: true,
        balances_bounded: true,
        zero_difficulty: true,
        token_keys: true,
        bound_auth: true,
        metered: true,
        true_input: true,
        conserve: true,
        ..Self::BETA1
    };

    /// Every rule set of contracts; the number of one is its place here, as images have it.
    pub const ALL: [&'static Self; 2] = [&Self::AVM1, &Self::BETA1];

    /// The rule set of this name.
    #[must_use]
    pub fn named(name: &str) -> Option<&'static Self> {
        Self::ALL.into_iter().find(|rules| rules.name == name)
    }

    /// Place in [`Rules::ALL`].
    #[must_use]
    pub fn number(&self) -> u8 {
        let at = Self::ALL.iter().position(|rules| *rules == self);
        at.expect("a rule set of contracts is in the list") as u8
    }

    /// What a call with an unlocking script of this length may cost.
    #[must_use]
    pub const fn budget(&self, unlock_bytes: usize) -> u64 {
        self.budget
            .saturating_add(self.budget_per_unlock_byte * unlock_bytes as u64)
    }
}
