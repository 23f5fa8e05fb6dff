use core::fmt;
use core::str::FromStr;

use avm_keccak::{keccak256, keccak256_fixed};

/// Thirty-two bytes that name a node, a state or a log; shown as 64 lower-case hex digits.
#[derive(Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Hash(pub [u8; 32]);

impl Hash {
    /// All zero: the start of every accumulator, and never the name of a node.
    pub const ZERO: Self = Self([0; 32]);

    /// Keccak-256 of `bytes`, the hash of claims and accumulators.
    #[must_use]
    pub fn keccak(bytes: &[u8]) -> Self {
        Self(keccak256(bytes))
    }

    /// [`Hash::keccak`] of bytes whose length is known while compiling; faster for short ones.
    #[inline]
    #[must_use]
    pub fn of<const N: usize>(bytes: &[u8; N]) -> Self {
        Self(keccak256_fixed(bytes))
    }

    /// Keccak-256 of two hashes laid end to end: one link of an accumulator.
    #[must_use]
    pub fn join(self, next: Self) -> Self {
        let mut pair = [0; 64];
        pair[..32].copy_from_slice(&self.0);
        pair[32..].copy_from_slice(&next.0);
        Self::of(&pair)
    }

    /// The 32 bytes.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// First and last two bytes with dots between, as tables and one-line results show it.
    #[must_use]
    pub fn short(self) -> impl fmt::Display {
        struct Short(Hash);
        impl fmt::Display for Short {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                let b = &self.0.0;
                write!(
                    f,
                    "{:02x}{:02x}{:02x}{:02x}..{:02x}{:02x}",
                    b[0], b[1], b[2], b[3], b[30], b[31]
                )
            }
        }
        Short(self)
    }
}

impl fmt::Display for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for Hash {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl From<[u8; 32]> for Hash {
    fn from(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }
}

/// Why a text is not a [`struct@Hash`].
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum ParseHashError {
    /// Not 64 digits long, a leading `0x` left out.
    #[error("a hash is 64 hex digits, found {0} characters")]
    Length(usize),
    /// A character that is not a hex digit.
    #[error("character {at} of the hash is not a hex digit")]
    Digit {
        /// Position counted from 0, a leading `0x` left out.
        at: usize,
    },
}

impl FromStr for Hash {
    type Err = ParseHashError;

    /// Reads 64 hex digits, with or without a leading `0x`.
    fn from_str(text: &str) -> Result<Self, ParseHashError> {
        let digits = text.strip_prefix("0x").unwrap_or(text);
        if digits.chars().count() != 64 {
            return Err(ParseHashError::Length(digits.chars().count()));
        }
        let mut bytes = [0; 32];
        for (at, digit) in digits.chars().enumerate() {
            let value = digit.to_digit(16).ok_or(ParseHashError::Digit { at })?;
            bytes[at / 2] = bytes[at / 2] << 4 | value as u8;
        }
        Ok(Self(bytes))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use alloc::format;
    use alloc::string::ToString;

    #[test]
    fn text_round_trips() {
        let hash = Hash::keccak(b"avm");
        assert_eq!(hash.to_string().parse(), Ok(hash));
        assert_eq!(format!("0x{hash}").parse(), Ok(hash));
    }

    #[test]
    fn bad_text_says_what_is_wrong() {
        assert_eq!("12".parse::<Hash>(), Err(ParseHashError::Length(2)));
        let odd = "g".repeat(64);
        assert_eq!(odd.parse::<Hash>(), Err(ParseHashError::Digit { at: 0 }));
    }

    #[test]
    fn join_is_keccak_of_both() {
        let (a, b) = (Hash::keccak(b"a"), Hash::keccak(b"b"));
        let mut both = a.0.to_vec();
        both.extend(b.0);
        assert_eq!(a.join(b), Hash::keccak(&both));
    }
}
