//! Work that a transaction id shows. Spec: section 14.2.

use alloc::{string::String, vec::Vec};

/// First digits of a transaction id, and how large the next one is at least.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitwork {
    /// Values of the hex digits, 1 to 64.
    prefix: Vec<u8>,
    /// Least value of the digit behind them, 0 to 15.
    ext: Option<u8>,
}

/// Digits of a transaction id.
const TXID_DIGITS: usize = 64;

impl Bitwork {
    /// What the text looks like, for people.
    pub const PATTERN: &'static str = "1 to 64 lower-case hex digits, at most 63 before .0 to .15";

    /// Reads `<digits>` or `<digits>.<n>`, the number without a sign and without leading zeros.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (digits, ext) = match text.split_once('.') {
            Some((digits, ext)) => (digits, Some(ext)),
            None => (text, None),
        };
        let max_digits = TXID_DIGITS - usize::from(ext.is_some());
        if !(1..=max_digits).contains(&digits.len()) {
            return None;
        }
        let prefix = digits.bytes().map(|digit| match digit {
            b'0'..=b'9' => Some(digit - b'0'),
            b'a'..=b'f' => Some(digit - b'a' + 10),
            _ => None,
        });
        let ext = match ext {
            Some(ext) if ext != "0" && ext.starts_with(['0', '+']) => return None,
            Some(ext) => Some(ext.parse().ok().filter(|ext| *ext < 16)?),
            None => None,
        };
        Some(Self {
            prefix: prefix.collect::<Option<_>>()?,
            ext,
        })
    }

    /// The text it was read from.
    #[must_use]
    pub fn text(&self) -> String {
        let digits = self.prefix.iter();
        let digits = digits.filter_map(|digit| char::from_digit((*digit).into(), 16));
        let text: String = digits.collect();
        match self.ext {
            Some(ext) => alloc::format!("{text}.{ext}"),
            None => text,
        }
    }

    /// Values of the digits that are asked for.
    #[must_use]
    pub fn prefix(&self) -> &[u8] {
        &self.prefix
    }

    /// Least value of the digit behind them, if that is asked for.
    #[must_use]
    pub const fn ext(&self) -> Option<u8> {
        self.ext
    }

    /// Whether a transaction id, in internal order, starts as displayed with the digits and goes on
    /// with one that is large enough.
    #[must_use]
    pub fn met_by(&self, txid: &[u8; 32]) -> bool {
        let mut digits = txid.iter().rev().flat_map(|byte| [byte >> 4, byte & 15]);
        let prefix = self.prefix.iter().all(|want| digits.next() == Some(*want));
        prefix && digits.next().unwrap_or(0) >= self.ext.unwrap_or(0)
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn texts() {
        let sixty_three = "0".repeat(63);
        let long = |tail| alloc::format!("{sixty_three}{tail}");
        for text in [
            "0",
            "88ab",
            "88.0",
            "88.1",
            "f.15",
            &long("0"),
            &long(""),
            &long(".15"),
        ] {
            let read = Bitwork::parse(text).map(|bitwork| bitwork.text());
            assert_eq!(read.as_deref(), Some(text));
        }
        let wrong = [
            "",
            ".",
            ".1",
            "8.",
            "8.16",
            "8.256",
            "8.01",
            "8.+1",
            "8.-1",
            "8. 1",
            "8.1.1",
            "8.a",
            "A",
            "g",
            "0x8",
            "8 ",
            "any",
            &long("00"),
            &long("0.0"),
        ];
        for text in wrong {
            assert_eq!(Bitwork::parse(text), None, "{text}");
        }
    }

    #[test]
    fn met() {
        let mut txid = [0xff; 32];
        // Displayed: 12 3b ff ...
        (txid[31], txid[30]) = (0x12, 0x3b);
        let cases = [
            ("1", true),
            ("123b", true),
            ("123bf", true),
            ("2", false),
            ("13", false),
            ("123c", false),
            ("123.11", true),
            ("123.12", false),
            ("123.0", true),
            ("12.3", true),
            ("12.4", false),
            ("123b.15", true),
        ];
        for (text, want) in cases {
            let bitwork = Bitwork::parse(text).expect("it is well-formed");
            assert_eq!(bitwork.met_by(&txid), want, "{text}");
        }
    }

    proptest! {
        #[test]
        fn as_displayed(txid: [u8; 32], digits in 1..=64_usize, ext in 0..16_u8) {
            let shown: String = txid.iter().rev().map(|byte| alloc::format!("{byte:02x}")).collect();
            let prefix = &shown[..digits];
            prop_assert!(Bitwork::parse(prefix).is_some_and(|bitwork| bitwork.met_by(&txid)));
            if let Some(next) = shown.chars().nth(digits).and_then(|next| next.to_digit(16)) {
                let bitwork = Bitwork::parse(&alloc::format!("{prefix}.{ext}")).expect("it fits");
                prop_assert_eq!(bitwork.met_by(&txid), next >= ext.into());
            }
        }
    }
}
