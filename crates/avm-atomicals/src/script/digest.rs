//! Digests a script computes, and a SHA-256 that can be put away half done.
//!
//! Spec: section 7.5.

use alloc::vec::Vec;

use ripemd::Ripemd160;
use sha1::Sha1;
use sha2::{Digest, Sha256, Sha512, Sha512_256, block_api::compress256};
use sha3::Sha3_256;

pub use super::eaglesong::eaglesong;

/// RIPEMD-160.
#[must_use]
pub fn ripemd160(message: &[u8]) -> [u8; 20] {
    Ripemd160::digest(message).into()
}

/// SHA-1.
#[must_use]
pub fn sha1(message: &[u8]) -> [u8; 20] {
    Sha1::digest(message).into()
}

/// SHA-256.
#[must_use]
pub fn sha256(message: &[u8]) -> [u8; 32] {
    Sha256::digest(message).into()
}

/// RIPEMD-160 of SHA-256.
#[must_use]
pub fn hash160(message: &[u8]) -> [u8; 20] {
    ripemd160(&sha256(message))
}

/// SHA-256 of SHA-256.
#[must_use]
pub fn hash256(message: &[u8]) -> [u8; 32] {
    sha256(&sha256(message))
}

/// SHA3-256 of FIPS 202.
#[must_use]
pub fn sha3_256(message: &[u8]) -> [u8; 32] {
    Sha3_256::digest(message).into()
}

/// SHA-512.
#[must_use]
pub fn sha512(message: &[u8]) -> [u8; 64] {
    Sha512::digest(message).into()
}

/// SHA-512/256 of FIPS 180-4.
#[must_use]
pub fn sha512_256(message: &[u8]) -> [u8; 32] {
    Sha512_256::digest(message).into()
}

/// SHA-256 of a message that comes in parts; between two parts it can be saved.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Sha256Stream {
    state: [u32; 8],
    len_bytes: u64,
    /// The first `len_bytes % 64` bytes are waiting, the others are zero.
    tail: [u8; 64],
}

/// A saved [`Sha256Stream`] does not read back.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("saved SHA-256 is {got} bytes, its length field asks for {want}")]
pub struct BadSha256Stream {
    /// Bytes found.
    pub got: usize,
    /// Bytes expected.
    pub want: usize,
}

impl Default for Sha256Stream {
    fn default() -> Self {
        Self::new()
    }
}

impl Sha256Stream {
    /// Bytes of a saved stream before those that wait for a block to fill.
    const HEAD_BYTES: usize = 40;

    /// The hash of nothing yet.
    #[must_use]
    pub const fn new() -> Self {
        Self {
            state: [
                0x6a09_e667,
                0xbb67_ae85,
                0x3c6e_f372,
                0xa54f_f53a,
                0x510e_527f,
                0x9b05_688c,
                0x1f83_d9ab,
                0x5be0_cd19,
            ],
            len_bytes: 0,
            tail: [0; 64],
        }
    }

    /// Bytes taken so far.
    #[must_use]
    pub const fn len_bytes(&self) -> u64 {
        self.len_bytes
    }

    const fn waiting(&self) -> usize {
        (self.len_bytes % 64) as usize
    }

    /// Takes the next part of the message.
    pub fn update(&mut self, part: &[u8]) {
        let waiting = self.waiting();
        self.len_bytes = self.len_bytes.wrapping_add(part.len() as u64);
        let mut rest = part;
        if waiting > 0 {
            let (fill, more) = part.split_at(part.len().min(64 - waiting));
            self.tail[waiting..waiting + fill.len()].copy_from_slice(fill);
            if waiting + fill.len() < 64 {
                return;
            }
            compress256(&mut self.state, &[self.tail]);
            self.tail = [0; 64];
            rest = more;
        }
        let (blocks, end) = rest.as_chunks::<64>();
        compress256(&mut self.state, blocks);
        self.tail[..end.len()].copy_from_slice(end);
    }

    /// The digest of all parts.
    #[must_use]
    pub fn finish(mut self) -> [u8; 32] {
        let waiting = self.waiting();
        let bits = self.len_bytes.wrapping_mul(8);
        self.tail[waiting] = 0x80;
        if waiting >= 56 {
            compress256(&mut self.state, &[self.tail]);
            self.tail = [0; 64];
        }
        self.tail[56..].copy_from_slice(&bits.to_be_bytes());
        compress256(&mut self.state, &[self.tail]);
        let mut digest = [0; 32];
        for (out, word) in digest.as_chunks_mut().0.iter_mut().zip(self.state) {
            *out = word.to_be_bytes();
        }
        digest
    }

    /// The eight state words, the length in bytes as 64 bits, and the bytes that wait; big-endian.
    #[must_use]
    pub fn save(&self) -> Vec<u8> {
        let waiting = self.waiting();
        let mut out = Vec::with_capacity(Self::HEAD_BYTES + waiting);
        for word in self.state {
            out.extend_from_slice(&word.to_be_bytes());
        }
        out.extend_from_slice(&self.len_bytes.to_be_bytes());
        out.extend_from_slice(&self.tail[..waiting]);
        out
    }

    /// Reads what [`Sha256Stream::save`] wrote.
    ///
    /// # Errors
    ///
    /// [`BadSha256Stream`] unless there are exactly as many bytes as the length calls for.
    pub fn open(bytes: &[u8]) -> Result<Self, BadSha256Stream> {
        let got = bytes.len();
        let want = Self::HEAD_BYTES;
        let (head, tail) = bytes
            .split_first_chunk::<{ Self::HEAD_BYTES }>()
            .ok_or(BadSha256Stream { got, want })?;
        let mut stream = Self::new();
        let (words, _) = head.as_chunks::<4>();
        for (word, bytes) in stream.state.iter_mut().zip(words) {
            *word = u32::from_be_bytes(*bytes);
        }
        let [high, low] = [words[8], words[9]].map(u32::from_be_bytes);
        stream.len_bytes = u64::from(high) << 32 | u64::from(low);
        let waiting = stream.waiting();
        if tail.len() != waiting {
            let want = want + waiting;
            return Err(BadSha256Stream { got, want });
        }
        stream.tail[..waiting].copy_from_slice(tail);
        Ok(stream)
    }
}

#[cfg(test)]
mod tests {
    use alloc::{string::String, vec};

    use proptest::prelude::*;

    use super::*;

    fn from_hex(text: &str) -> Vec<u8> {
        let digits = (0..text.len()).step_by(2);
        digits
            .map(|i| u8::from_str_radix(&text[i..i + 2], 16).expect("hex"))
            .collect()
    }

    /// Splits a script of pushes and one last digest instruction.
    fn operands(script: &[u8]) -> Option<(Vec<Vec<u8>>, u8)> {
        let (mut stack, mut at) = (Vec::new(), 0);
        loop {
            let opcode = *script.get(at)?;
            let (head, len) = match opcode {
                0..=0x4b => (1, opcode.into()),
                0x4c => (2, usize::from(script[at + 1])),
                0x4d => (
                    3,
                    usize::from(script[at + 1]) | usize::from(script[at + 2]) << 8,
                ),
                0x51..=0x60 => {
                    stack.push(vec![opcode - 0x50]);
                    at += 1;
                    continue;
                }
                _ => return (at + 1 == script.len()).then_some((stack, opcode)),
            };
            stack.push(script[at + head..at + head + len].to_vec());
            at += head + len;
        }
    }

    /// Every case of the reference that is one digest of pushed bytes.
    #[test]
    fn recorded_digests() {
        let text = include_str!("../../../../vectors/atomicals/hash.json");
        let file: serde_json::Value = serde_json::from_str(text).expect("a vector file");
        let mut checked = 0;
        for case in file["cases"].as_array().expect("a list") {
            let lock = &case["in"]["lock"];
            let parts = lock
                .as_array()
                .cloned()
                .unwrap_or_else(|| vec![lock.clone()]);
            let mut script = Vec::new();
            for part in parts {
                let times = part["repeat"].as_u64().unwrap_or(1);
                let text = part.as_str().or_else(|| part["hex"].as_str()).expect("hex");
                script.extend(from_hex(text).repeat(times as usize));
            }
            let want = case["out"]["stack"]
                .as_array()
                .filter(|stack| stack.len() == 1);
            let (Some(want), Some((stack, opcode))) = (want, operands(&script)) else {
                continue;
            };
            let id = case["id"].as_str().expect("an id");
            let got = match (opcode, stack.as_slice()) {
                (0xa6, [x]) => ripemd160(x).to_vec(),
                (0xa7, [x]) => sha1(x).to_vec(),
                (0xa8, [x]) => sha256(x).to_vec(),
                (0xa9, [x]) => hash160(x).to_vec(),
                (0xaa, [x]) => hash256(x).to_vec(),
                (0xfd, [x, f]) => match f.as_slice() {
                    [] => sha3_256(x).to_vec(),
                    [1] => sha512(x).to_vec(),
                    [2] => sha512_256(x).to_vec(),
                    [3] => eaglesong(x).to_vec(),
                    _ => panic!("{id} succeeds with function {f:?}"),
                },
                _ => panic!("{id} is no digest"),
            };
            assert_eq!(Some(got), want[0].as_str().map(from_hex), "{id}");
            checked += 1;
        }
        assert!(checked >= 45, "only {checked} cases were understood");
    }

    #[test]
    fn refused_streams() {
        let mut stream = Sha256Stream::new();
        stream.update(&[7; 70]);
        let saved = stream.save();
        assert_eq!(saved.len(), 46);
        let error = Sha256Stream::open(&saved[..45]).expect_err("a byte is missing");
        assert_eq!(error, BadSha256Stream { got: 45, want: 46 });
        let longer = [saved.as_slice(), &[0]].concat();
        assert!(Sha256Stream::open(&longer).is_err());
        let error = Sha256Stream::open(&saved[..12]).expect_err("no state");
        let text = String::from("saved SHA-256 is 12 bytes, its length field asks for 40");
        assert_eq!(alloc::format!("{error}"), text);
    }

    proptest! {
        #[test]
        fn parts_make_the_whole(parts in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..150), 0..8)) {
            let mut stream = Sha256Stream::new();
            for part in &parts {
                stream.update(part);
                let saved = stream.save();
                let opened = Sha256Stream::open(&saved);
                prop_assert_eq!(opened.as_ref(), Ok(&stream));
                stream = opened.expect("just compared");
            }
            let whole = parts.concat();
            prop_assert_eq!(stream.len_bytes(), whole.len() as u64);
            prop_assert_eq!(stream.finish(), sha256(&whole));
        }

        #[test]
        fn any_bytes_of_a_stream(mut bytes in prop::collection::vec(any::<u8>(), 0..110)) {
            if let Some(low) = bytes.get_mut(39) {
                // Most lengths would ask for another number of bytes.
                *low &= 0x3f;
            }
            match Sha256Stream::open(&bytes) {
                Ok(stream) => prop_assert_eq!(stream.save(), bytes),
                Err(error) => prop_assert!(error.got == bytes.len() && error.want != error.got),
            }
        }
    }
}
