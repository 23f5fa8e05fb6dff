//! Bundles: one file that reproduces one moment of a run, `docs/design/bundle-format.md`.
//!
//! ```text
//!  0  8  "AVMBDL\r\n"
//!  8  4  format version, 1
//! 12     machine id, spec id: each one byte of length, then text
//!     2  length of the point, then the point, UTF-8
//!     4  length of the reason, then the reason, UTF-8
//!     8  length of the log, then the log, a whole `.avmlog`
//!     8  the first 8 bytes of the Keccak-256 of everything before
//! ```

use avm_core::Hash;

use crate::Identity;

/// First bytes of every bundle.
pub const BUNDLE_MAGIC: [u8; 8] = *b"AVMBDL\r\n";
/// Format version that is written and read.
pub const BUNDLE_VERSION: u32 = 1;
/// Longest reason, in bytes.
pub const MAX_WHY_BYTES: usize = 1 << 20;
/// Length of the checksum at the end.
const SUM: usize = 8;

/// A log and a moment in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Bundle {
    /// Machine and rules; the log inside has the same.
    pub identity: Identity,
    /// The moment, as a point of the log inside: `@18204:77`.
    pub point: String,
    /// Why there is a bundle, for people; may be empty.
    pub why: String,
    /// The log: the bytes of an `.avmlog`.
    pub log: Vec<u8>,
}

/// Why bytes are no bundle.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum BundleError {
    /// Not a bundle at all.
    #[error("the first bytes are not those of a bundle")]
    Magic,
    /// Another format.
    #[error("format version {got}, this build reads {BUNDLE_VERSION}")]
    Version {
        /// Version found.
        got: u32,
    },
    /// It ends too early, or a length in it is too large.
    #[error("{what} at byte {at} takes {want} bytes, {left} are left")]
    Short {
        /// What was read.
        what: &'static str,
        /// Offset.
        at: usize,
        /// Bytes it takes.
        want: u64,
        /// Bytes left.
        left: usize,
    },
    /// A text that is none.
    #[error("{what} at byte {at} is not UTF-8")]
    Text {
        /// What was read.
        what: &'static str,
        /// Offset.
        at: usize,
    },
    /// Bytes between the log and the checksum.
    #[error("{count} bytes follow the log at byte {at}")]
    Trailing {
        /// Offset.
        at: usize,
        /// How many.
        count: usize,
    },
    /// The bytes are not those that were written.
    #[error("the checksum does not match")]
    Checksum,
}

impl Bundle {
    /// The file. A reason longer than [`MAX_WHY_BYTES`] is cut.
    ///
    /// # Panics
    /// If an id is longer than 255 bytes, or the point than 65 535.
    #[must_use]
    pub fn to_bytes(&self) -> Vec<u8> {
        let mut out = Vec::with_capacity(self.log.len() + self.why.len() + 256);
        out.extend(BUNDLE_MAGIC);
        out.extend(BUNDLE_VERSION.to_be_bytes());
        for name in [&self.identity.machine, &self.identity.spec] {
            out.push(u8::try_from(name.len()).expect("an id is short"));
            out.extend(name.as_bytes());
        }
        let point = u16::try_from(self.point.len()).expect("a point is short");
        out.extend(point.to_be_bytes());
        out.extend(self.point.as_bytes());
        let why = &self.why[..self.why.floor_char_boundary(MAX_WHY_BYTES)];
        out.extend((why.len() as u32).to_be_bytes());
        out.extend(why.as_bytes());
        out.extend((self.log.len() as u64).to_be_bytes());
        out.extend(&self.log);
        let sum = Hash::keccak(&out);
        out.extend(&sum.0[..SUM]);
        out
    }

    /// The inverse of [`Bundle::to_bytes`], for any bytes. The log inside is not looked at.
    ///
    /// # Errors
    /// What was read, found and expected.
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, BundleError> {
        let mut input = Reader { bytes, at: 0 };
        if input.take("the magic", 8) != Ok(&BUNDLE_MAGIC) {
            return Err(BundleError::Magic);
        }
        let got = input.number("the version", 4)? as u32;
        if got != BUNDLE_VERSION {
            return Err(BundleError::Version { got });
        }
        let body = bytes.len().saturating_sub(SUM);
        if Hash::keccak(&bytes[..body]).0[..SUM] != bytes[body..] {
            return Err(BundleError::Checksum);
        }
        input.bytes = &bytes[..body];
        let identity = Identity {
            machine: input.text("the machine id", 1)?,
            spec: input.text("the spec id", 1)?,
        };
        let point = input.text("the point", 2)?;
        let why = input.text("the reason", 4)?;
        let len = input.number("the length of the log", 8)?;
        let log = input.take("the log", len)?.to_vec();
        let (at, count) = (input.at, body - input.at);
        if count > 0 {
            return Err(BundleError::Trailing { at, count });
        }
        Ok(Self {
            identity,
            point,
            why,
            log,
        })
    }
}

struct Reader<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Reader<'a> {
    fn take(&mut self, what: &'static str, want: u64) -> Result<&'a [u8], BundleError> {
        let (at, left) = (self.at, self.bytes.len().saturating_sub(self.at));
        let short = BundleError::Short {
            what,
            at,
            want,
            left,
        };
        let len = usize::try_from(want).ok().filter(|len| *len <= left);
        let len = len.ok_or(short)?;
        self.at += len;
        Ok(&self.bytes[at..at + len])
    }

    /// A big-endian number of `width` bytes, 8 at most.
    fn number(&mut self, what: &'static str, width: u64) -> Result<u64, BundleError> {
        let bytes = self.take(what, width)?;
        Ok(bytes.iter().fold(0, |n, byte| n << 8 | u64::from(*byte)))
    }

    /// A text behind its length in `width` bytes.
    fn text(&mut self, what: &'static str, width: u64) -> Result<String, BundleError> {
        let len = self.number(what, width)?;
        let at = self.at;
        let bytes = self.take(what, len)?;
        let text = std::str::from_utf8(bytes).map_err(|_| BundleError::Text { what, at })?;
        Ok(text.into())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn example() -> Bundle {
        Bundle {
            identity: Identity {
                machine: "toy".into(),
                spec: "toy/1".into(),
            },
            point: "@3:7".into(),
            why: "ünlike".into(),
            log: b"the log".to_vec(),
        }
    }

    /// Gives changed bytes a fitting checksum.
    fn mended(mut bytes: Vec<u8>) -> Vec<u8> {
        let end = bytes.len() - SUM;
        let sum = Hash::keccak(&bytes[..end]);
        bytes[end..].copy_from_slice(&sum.0[..SUM]);
        bytes
    }

    #[test]
    fn bytes_round_trip() {
        let bundle = example();
        assert_eq!(Bundle::from_bytes(&bundle.to_bytes()), Ok(bundle));
        let mut long = example();
        long.why = "ü".repeat(MAX_WHY_BYTES);
        let read = Bundle::from_bytes(&long.to_bytes()).unwrap();
        assert_eq!(read.why.len(), MAX_WHY_BYTES);
    }

    #[test]
    fn every_changed_byte_is_noticed() {
        let good = example().to_bytes();
        for at in 0..good.len() {
            for mask in [1, 0x80, 0xff] {
                let mut bytes = good.clone();
                bytes[at] ^= mask;
                let error = Bundle::from_bytes(&bytes).unwrap_err();
                match at {
                    0..8 => assert_eq!(error, BundleError::Magic),
                    8..12 => assert!(matches!(error, BundleError::Version { .. })),
                    _ => assert_eq!(error, BundleError::Checksum),
                }
                // Whatever it says, it is read without a panic, or as another bundle.
                if let Ok(other) = Bundle::from_bytes(&mended(bytes)) {
                    assert!(other != example() || at >= good.len() - SUM);
                }
            }
            assert!(Bundle::from_bytes(&good[..at]).is_err(), "cut at {at}");
        }
    }

    #[test]
    fn lengths_are_checked() {
        let good = example().to_bytes();
        let at = |bytes: Vec<u8>| Bundle::from_bytes(&mended(bytes)).unwrap_err();
        let mut bytes = good.clone();
        bytes[12] = 255;
        assert!(matches!(
            at(bytes),
            BundleError::Short {
                what: "the machine id",
                want: 255,
                ..
            }
        ));
        let mut bytes = good.clone();
        let log = good.len() - SUM - 7 - 8;
        bytes[log..log + 8].fill(0xff);
        assert!(matches!(
            at(bytes),
            BundleError::Short {
                want: u64::MAX,
                left: 7,
                ..
            }
        ));
        let mut bytes = good.clone();
        bytes[log + 7] = 6;
        assert!(matches!(at(bytes), BundleError::Trailing { count: 1, .. }));
        let mut bytes = good;
        bytes[13] = 0xff;
        assert!(matches!(at(bytes), BundleError::Text { at: 13, .. }));
    }
}
