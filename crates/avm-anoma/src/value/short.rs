//! Texts that fit beside a tag.

/// Longest text that is kept inline, in bytes.
pub(super) const SHORT_MAX: usize = 14;

/// A text of at most 14 bytes. Comparing two compares 15 bytes.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct Short {
    len: u8,
    /// The text, then zeros.
    bytes: [u8; SHORT_MAX],
}

impl Short {
    /// `None` if the text is longer than 14 bytes.
    #[inline]
    #[must_use]
    pub fn new(text: &str) -> Option<Self> {
        let mut bytes = [0; SHORT_MAX];
        bytes
            .get_mut(..text.len())?
            .copy_from_slice(text.as_bytes());
        let len = text.len() as u8;
        Some(Self { len, bytes })
    }

    /// Its length in bytes.
    #[inline]
    #[must_use]
    pub const fn len(&self) -> usize {
        self.len as usize
    }

    /// Whether it has no bytes.
    #[must_use]
    pub const fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Its bytes; cheaper than the text, which is checked to be UTF-8 each time.
    #[inline]
    #[must_use]
    pub fn as_bytes(&self) -> &[u8] {
        &self.bytes[..self.len()]
    }

    /// The text.
    #[inline]
    #[must_use]
    pub fn as_str(&self) -> &str {
        str::from_utf8(self.as_bytes()).expect("it was made of a text")
    }
}
