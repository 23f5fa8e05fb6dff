//! Proof of work that a mint asks for. Spec: section 14.2.

use bitcoin::{Sequence, Transaction, Txid};

use crate::ChainError;

/// What a transaction id begins with, as it is shown: `ab.7` is `ab` and a digit of at least 7.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bitwork {
    prefix: String,
    least: Option<u32>,
}

impl Bitwork {
    /// Reads hex digits and perhaps `.n` with n from 0 to 15; nothing else is asked work.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let (prefix, least) = match text.split_once('.') {
            None => (text, None),
            Some((prefix, least)) => {
                let digits = least.bytes().all(|digit| digit.is_ascii_digit());
                let least = least.parse().ok().filter(|least| digits && *least < 16);
                (prefix, Some(least?))
            }
        };
        let is_hex = |digit: u8| digit.is_ascii_digit() || (b'a'..=b'f').contains(&digit);
        let is_prefix = (1..64).contains(&prefix.len()) && prefix.bytes().all(is_hex);
        let prefix = prefix.to_owned();
        is_prefix.then_some(Self { prefix, least })
    }

    /// Whether the id begins so.
    #[must_use]
    pub fn is_met(&self, txid: &Txid) -> bool {
        let shown = txid.to_string();
        let Some(rest) = shown.strip_prefix(&self.prefix) else {
            return false;
        };
        let next = rest.chars().next().and_then(|digit| digit.to_digit(16));
        self.least
            .is_none_or(|least| next.is_some_and(|next| next >= least))
    }

    /// Changes the sequence of the first input until the id begins so. Each digit takes sixteen times
    /// as long: four of them a moment, six a minute.
    pub(crate) fn grind(&self, tx: &mut Transaction) -> Result<(), ChainError> {
        // The upper half has no meaning as relative lock time; the highest two switch off lock times.
        for sequence in 1 << 31..u32::MAX - 1 {
            tx.input[0].sequence = Sequence(sequence);
            if self.is_met(&tx.compute_txid()) {
                return Ok(());
            }
        }
        Err(ChainError::Bitwork(self.prefix.clone()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes() {
        let id = |start: &str| {
            format!("{start}{}", "0".repeat(64 - start.len()))
                .parse()
                .expect("hex")
        };
        let cases = [
            ("a", "a1", Some(true)),
            ("a", "1a", Some(false)),
            ("a1.5", "a15", Some(true)),
            ("a1.5", "a1f", Some(true)),
            ("a1.5", "a14", Some(false)),
            ("0.15", "0f", Some(true)),
            ("0.15", "0e", Some(false)),
            ("0.16", "0f", None),
            ("0.+1", "0f", None),
            ("0.", "0f", None),
            (".1", "0f", None),
            ("", "0f", None),
            ("A", "a1", None),
            ("g", "a1", None),
        ];
        for (text, start, want) in cases {
            let met = Bitwork::parse(text).map(|bitwork| bitwork.is_met(&id(start)));
            assert_eq!(met, want, "{text}");
        }
    }
}
