//! "Did you mean": the known name that an unknown one looks most like.

use alloc::string::{String, ToString};

/// Longest name that is compared, in bytes.
const LONGEST: usize = 32;

/// The candidate that `name` is most likely meant to be.
pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    if name.len() > LONGEST {
        return None;
    }
    let lower = name.to_ascii_lowercase();
    let most = 1 + name.len() / 4;
    let near = candidates
        .into_iter()
        .filter(|candidate| candidate.len() <= LONGEST);
    near.map(|candidate| (distance(&lower, &candidate.to_ascii_lowercase()), candidate))
        .filter(|&(distance, candidate)| distance <= most && distance < candidate.len())
        .min()
        .map(|(_, candidate)| candidate.to_string())
}

/// Insertions, deletions, replacements and swaps of neighbours that make `b` of `a`; both at most
/// `LONGEST`.
fn distance(a: &str, b: &str) -> usize {
    let (a, b) = (a.as_bytes(), b.as_bytes());
    let (mut before, mut last) = ([0; LONGEST + 1], core::array::from_fn(|j| j));
    for i in 1..=a.len() {
        let mut row = [i; LONGEST + 1];
        for j in 1..=b.len() {
            let differ = usize::from(a[i - 1] != b[j - 1]);
            row[j] = (last[j - 1] + differ).min(last[j] + 1).min(row[j - 1] + 1);
            if i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1] {
                row[j] = row[j].min(before[j - 2] + 1);
            }
        }
        before = core::mem::replace(&mut last, row);
    }
    last[b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions() {
        let known = ["add", "addmod", "jump", "cjump", "setbuffer256"];
        let cases = [
            ("ad", Some("add")),
            ("ADD", Some("add")),
            ("jmup", Some("jump")),
            ("setbufer256", Some("setbuffer256")),
            ("halt", None),
            ("", None),
            ("a_name_of_more_than_thirty_two_bytes", None),
        ];
        for (name, want) in cases {
            assert_eq!(nearest(name, known).as_deref(), want, "{name}");
        }
    }
}
