//! Which rules apply: the script verification flags of Bitcoin Core.
//!
//! Every flag is a soft fork: what passes under `a | b` passes under `a`, too.

use core::fmt;
use core::ops::{BitAnd, BitOr, Not};

/// A set of script verification flags.
///
/// Source: Bitcoin Core, `script/interpreter.h`, in the same order.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Flags(u32);

impl Flags {
    /// No flag: the rules of 2009, less the opcodes that were disabled in 2010.
    pub const NONE: Self = Self(0);
    /// Evaluate the redeem script of a pay-to-script-hash output. BIP16.
    pub const P2SH: Self = Self(1);
    /// Signatures are strict DER with a defined hash type, keys have a known form. Policy.
    pub const STRICTENC: Self = Self(1 << 1);
    /// Signatures are strict DER. BIP66.
    pub const DERSIG: Self = Self(1 << 2);
    /// S is at most half the group order. BIP62 rule 5, policy.
    pub const LOW_S: Self = Self(1 << 3);
    /// The extra element that OP_CHECKMULTISIG takes is empty. BIP147.
    pub const NULLDUMMY: Self = Self(1 << 4);
    /// The unlocking script only pushes. BIP62 rule 2.
    pub const SIGPUSHONLY: Self = Self(1 << 5);
    /// Pushes and numbers are as short as possible. BIP62 rules 3 and 4, policy.
    pub const MINIMALDATA: Self = Self(1 << 6);
    /// NOPs that wait for a meaning fail when executed. Policy.
    pub const DISCOURAGE_UPGRADABLE_NOPS: Self = Self(1 << 7);
    /// Exactly one element is left at the end. BIP62 rule 6, policy; implies [`Flags::WITNESS`].
    pub const CLEANSTACK: Self = Self(1 << 8);
    /// OP_CHECKLOCKTIMEVERIFY instead of OP_NOP2. BIP65.
    pub const CHECKLOCKTIMEVERIFY: Self = Self(1 << 9);
    /// OP_CHECKSEQUENCEVERIFY instead of OP_NOP3. BIP112.
    pub const CHECKSEQUENCEVERIFY: Self = Self(1 << 10);
    /// Segregated witness. BIP141 and BIP143; implies [`Flags::P2SH`].
    pub const WITNESS: Self = Self(1 << 11);
    /// Witness programs without a meaning fail. Policy.
    pub const DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM: Self = Self(1 << 12);
    /// The argument of OP_IF is empty or one byte 01 in witness version 0. Policy.
    pub const MINIMALIF: Self = Self(1 << 13);
    /// Signatures of a check that fails are empty. BIP146, policy.
    pub const NULLFAIL: Self = Self(1 << 14);
    /// Keys are compressed in witness version 0. Policy.
    pub const WITNESS_PUBKEYTYPE: Self = Self(1 << 15);
    /// No OP_CODESEPARATOR, and no signature in the script it signs, before witnesses. Policy.
    pub const CONST_SCRIPTCODE: Self = Self(1 << 16);
    /// Taproot and tapscript. BIP341 and BIP342.
    pub const TAPROOT: Self = Self(1 << 17);
    /// Leaf versions without a meaning fail. Policy.
    pub const DISCOURAGE_UPGRADABLE_TAPROOT_VERSION: Self = Self(1 << 18);
    /// OP_SUCCESS opcodes fail. Policy.
    pub const DISCOURAGE_OP_SUCCESS: Self = Self(1 << 19);
    /// Keys of unknown length fail in tapscript. Policy.
    pub const DISCOURAGE_UPGRADABLE_PUBKEYTYPE: Self = Self(1 << 20);

    /// The consensus rules of today: every soft fork that is active on the main chain.
    pub const CONSENSUS: Self = Self(
        Self::P2SH.0
            | Self::DERSIG.0
            | Self::NULLDUMMY.0
            | Self::CHECKLOCKTIMEVERIFY.0
            | Self::CHECKSEQUENCEVERIFY.0
            | Self::WITNESS.0
            | Self::TAPROOT.0,
    );

    /// What a node with standard policy relays: [`Flags::CONSENSUS`] and more.
    pub const STANDARD: Self = Self(
        Self::CONSENSUS.0
            | Self::STRICTENC.0
            | Self::MINIMALDATA.0
            | Self::DISCOURAGE_UPGRADABLE_NOPS.0
            | Self::CLEANSTACK.0
            | Self::MINIMALIF.0
            | Self::NULLFAIL.0
            | Self::LOW_S.0
            | Self::DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM.0
            | Self::WITNESS_PUBKEYTYPE.0
            | Self::CONST_SCRIPTCODE.0
            | Self::DISCOURAGE_UPGRADABLE_TAPROOT_VERSION.0
            | Self::DISCOURAGE_OP_SUCCESS.0
            | Self::DISCOURAGE_UPGRADABLE_PUBKEYTYPE.0,
    );

    /// Every flag there is.
    pub const ALL: Self = Self((1 << NAMES.len()) - 1);

    /// The flags as bits, in Core's order.
    #[must_use]
    pub const fn bits(self) -> u32 {
        self.0
    }

    /// The flags of these bits; bits without a meaning are dropped.
    #[must_use]
    pub const fn from_bits(bits: u32) -> Self {
        Self(bits & Self::ALL.0)
    }

    /// Whether every flag of `other` is set.
    #[must_use]
    pub const fn has(self, other: Self) -> bool {
        self.0 & other.0 == other.0
    }

    /// Whether some flag of `other` is set.
    #[must_use]
    pub const fn has_any(self, other: Self) -> bool {
        self.0 & other.0 != 0
    }

    /// Adds what is implied: CLEANSTACK needs WITNESS, and WITNESS needs P2SH, or turning the
    /// weaker one on later would make more scripts pass.
    #[must_use]
    pub const fn filled(mut self) -> Self {
        if self.has(Self::CLEANSTACK) {
            self.0 |= Self::WITNESS.0;
        }
        if self.has(Self::WITNESS) {
            self.0 |= Self::P2SH.0;
        }
        self
    }

    /// Drops what lacks its ground: the other way to a sound set than [`Flags::filled`].
    #[must_use]
    pub const fn trimmed(mut self) -> Self {
        if !self.has(Self::P2SH) {
            self.0 &= !Self::WITNESS.0;
        }
        if !self.has(Self::WITNESS) {
            self.0 &= !Self::CLEANSTACK.0;
        }
        self
    }

    /// Each flag of the set alone, with its name.
    pub fn iter(self) -> impl Iterator<Item = (Self, &'static str)> {
        (0..)
            .zip(NAMES)
            .map(|(bit, name)| (Self(1 << bit), *name))
            .filter(move |(flag, _)| self.has(*flag))
    }

    /// Reads names joined by commas, such as `P2SH,WITNESS`; `NONE` and nothing are no flag.
    ///
    /// # Errors
    /// [`UnknownFlag`] with the first name that is none.
    pub fn parse(text: &str) -> Result<Self, UnknownFlag<'_>> {
        let mut flags = Self::NONE;
        if matches!(text, "" | "NONE") {
            return Ok(flags);
        }
        for name in text.split(',') {
            let known = Self::ALL.iter().find(|(_, known)| *known == name);
            flags = flags | known.ok_or(UnknownFlag { name })?.0;
        }
        Ok(flags)
    }
}

/// Names without `SCRIPT_VERIFY_`, by bit.
const NAMES: &[&str] = &[
    "P2SH",
    "STRICTENC",
    "DERSIG",
    "LOW_S",
    "NULLDUMMY",
    "SIGPUSHONLY",
    "MINIMALDATA",
    "DISCOURAGE_UPGRADABLE_NOPS",
    "CLEANSTACK",
    "CHECKLOCKTIMEVERIFY",
    "CHECKSEQUENCEVERIFY",
    "WITNESS",
    "DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM",
    "MINIMALIF",
    "NULLFAIL",
    "WITNESS_PUBKEYTYPE",
    "CONST_SCRIPTCODE",
    "TAPROOT",
    "DISCOURAGE_UPGRADABLE_TAPROOT_VERSION",
    "DISCOURAGE_OP_SUCCESS",
    "DISCOURAGE_UPGRADABLE_PUBKEYTYPE",
];

impl BitOr for Flags {
    type Output = Self;

    fn bitor(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

impl BitAnd for Flags {
    type Output = Self;

    fn bitand(self, other: Self) -> Self {
        Self(self.0 & other.0)
    }
}

impl Not for Flags {
    type Output = Self;

    fn not(self) -> Self {
        Self::from_bits(!self.0)
    }
}

/// The names joined by commas, as [`Flags::parse`] reads them.
impl fmt::Display for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if *self == Self::NONE {
            return f.write_str("NONE");
        }
        for (i, (_, name)) in self.iter().enumerate() {
            if i > 0 {
                f.write_str(",")?;
            }
            f.write_str(name)?;
        }
        Ok(())
    }
}

impl fmt::Debug for Flags {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Flags({self})")
    }
}

/// A name that is no flag.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no script verification flag is called {name:?}")]
pub struct UnknownFlag<'a> {
    /// What was read.
    pub name: &'a str,
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::string::ToString as _;

    #[test]
    fn names_and_bits_agree() {
        let cases = [
            (Flags::P2SH, "P2SH"),
            (Flags::CLEANSTACK, "CLEANSTACK"),
            (Flags::WITNESS, "WITNESS"),
            (Flags::TAPROOT, "TAPROOT"),
            (
                Flags::DISCOURAGE_UPGRADABLE_PUBKEYTYPE,
                "DISCOURAGE_UPGRADABLE_PUBKEYTYPE",
            ),
            (Flags::P2SH | Flags::WITNESS, "P2SH,WITNESS"),
            (Flags::NONE, "NONE"),
        ];
        for (flags, name) in cases {
            assert_eq!(Flags::parse(name), Ok(flags), "{name}");
            assert_eq!(flags.to_string(), name);
        }
        assert_eq!(Flags::parse(&Flags::ALL.to_string()), Ok(Flags::ALL));
        assert_eq!(Flags::parse("P2SH,"), Err(UnknownFlag { name: "" }));
        assert_eq!(Flags::ALL.iter().count(), 21);
    }

    #[test]
    fn sound_sets() {
        assert_eq!(
            Flags::CLEANSTACK.filled(),
            Flags::CLEANSTACK | Flags::WITNESS | Flags::P2SH
        );
        assert_eq!((Flags::CLEANSTACK | Flags::WITNESS).trimmed(), Flags::NONE);
        for flags in [Flags::CONSENSUS, Flags::STANDARD, Flags::ALL] {
            assert_eq!((flags.filled(), flags.trimmed()), (flags, flags));
        }
        assert!(Flags::STANDARD.has(Flags::CONSENSUS));
    }
}
