//! Ids as text: `<txid as displayed>i<index>`.

use alloc::{format, string::String};

use crate::index::AtomicalId;

/// The id as text: transaction id as displayed, `i`, number of the output.
#[must_use]
pub fn text_id(id: &AtomicalId) -> String {
    let mut text = String::with_capacity(76);
    for byte in id[..32].iter().rev() {
        text.extend(
            [byte >> 4, byte & 15]
                .map(|digit| char::from_digit(digit.into(), 16).expect("four bits are a digit")),
        );
    }
    let index = id
        .last_chunk()
        .map_or(0, |index| u32::from_le_bytes(*index));
    text + &format!("i{index}")
}

/// Reads exactly what [`text_id`] writes: lower-case digits, a number without leading zeros.
#[must_use]
pub fn parse_text_id(text: &str) -> Option<AtomicalId> {
    let (txid, index) = text.split_once('i')?;
    let digits: &[u8; 64] = txid.as_bytes().try_into().ok()?;
    let mut id = [0; 36];
    for (byte, pair) in id[..32].iter_mut().rev().zip(digits.as_chunks::<2>().0) {
        *byte = digit(pair[0])? << 4 | digit(pair[1])?;
    }
    let canonical = index == "0" || !index.starts_with(['0', '+']);
    let index: u32 = index.parse().ok().filter(|_| canonical)?;
    id[32..].copy_from_slice(&index.to_le_bytes());
    Some(id)
}

/// The value of a lower-case hex digit.
const fn digit(text: u8) -> Option<u8> {
    match text {
        b'0'..=b'9' => Some(text - b'0'),
        b'a'..=b'f' => Some(text - b'a' + 10),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn only_one_spelling_reads() {
        let zeros = "0".repeat(62);
        let id = parse_text_id(&format!("a1{zeros}i258")).expect("it is an id");
        assert_eq!((id[31], &id[32..]), (0xa1, &[2, 1, 0, 0][..]));
        for wrong in [
            format!("A1{zeros}i0"),
            format!("a1{zeros}i00"),
            format!("a1{zeros}i+1"),
            format!("a1{zeros}i"),
            format!("a1{zeros}i4294967296"),
            format!("a1{zeros}0"),
            format!("é{zeros}i0"),
            String::from("i0"),
        ] {
            assert_eq!(parse_text_id(&wrong), None, "{wrong}");
        }
    }

    proptest! {
        #[test]
        fn text_reads_back(txid: [u8; 32], index: u32, small in 0..3_u32, at: prop::sample::Index, other: char) {
            for index in [index, small] {
                let mut id = [0; 36];
                id[..32].copy_from_slice(&txid);
                id[32..].copy_from_slice(&index.to_le_bytes());
                let text = text_id(&id);
                prop_assert_eq!(parse_text_id(&text), Some(id));
                // What reads is written that way.
                let at = at.index(text.len());
                let changed = format!("{}{other}{}", &text[..at], &text[at + 1..]);
                for text in [changed, format!("{text}{other}")] {
                    if let Some(id) = parse_text_id(&text) {
                        prop_assert_eq!(text_id(&id), text);
                    }
                }
            }
        }
    }

    #[test]
    fn other_texts() {
        let txid = "0a".repeat(32);
        for (tail, good) in [
            ("i0", true),
            ("i4294967295", true),
            ("i4294967296", false),
            ("i00", false),
            ("i01", false),
            ("i+1", false),
            ("i-1", false),
            ("i", false),
            ("", false),
            ("i 1", false),
            ("i1i1", false),
            ("0i1", false),
        ] {
            let text = format!("{txid}{tail}");
            assert_eq!(parse_text_id(&text).is_some(), good, "{tail}");
            assert_eq!(parse_text_id(&text.to_uppercase()), None);
        }
    }
}
