//! "Did you mean": the known name that an unknown one looks most like.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

/// Longest name that is compared, in bytes.
const LONGEST: usize = 32;

/// The candidate closest to `name`, if one is close; letters count the same in both cases.
pub(super) fn nearest<'a>(
    name: &str,
    candidates: impl IntoIterator<Item = &'a str>,
) -> Option<String> {
    let allowed = 1 + name.len() / 4;
    let close = candidates.into_iter().filter_map(|candidate| {
        let fits = name.len() <= LONGEST && candidate.len() <= LONGEST;
        let edits = fits.then(|| edits(name.as_bytes(), candidate.as_bytes()))?;
        (edits <= allowed && edits < candidate.len().min(name.len())).then_some((edits, candidate))
    });
    close.min().map(|(_, candidate)| candidate.to_string())
}

/// Insertions, deletions, replacements and swaps of neighbours from `a` to `b`.
fn edits(a: &[u8], b: &[u8]) -> usize {
    let width = b.len() + 1;
    let mut table: Vec<usize> = Vec::with_capacity((a.len() + 1) * width);
    for i in 0..=a.len() {
        for j in 0..=b.len() {
            let at = |i: usize, j: usize| table[i * width + j];
            let same = |i: usize, j: usize| a[i - 1].eq_ignore_ascii_case(&b[j - 1]);
            let best = match (i, j) {
                (0, _) => j,
                (_, 0) => i,
                _ => {
                    let replaced = at(i - 1, j - 1) + usize::from(!same(i, j));
                    let best = replaced.min(at(i - 1, j) + 1).min(at(i, j - 1) + 1);
                    if i > 1 && j > 1 && same(i, j - 1) && same(i - 1, j) {
                        best.min(at(i - 2, j - 2) + 1)
                    } else {
                        best
                    }
                }
            };
            table.push(best);
        }
    }
    table[a.len() * width + b.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn suggestions() {
        let known = ["DUP", "HASH160", "EQUALVERIFY", "ADD"];
        let cases = [
            ("DPU", Some("DUP")),
            ("hash16", Some("HASH160")),
            ("EQUALVERFIY", Some("EQUALVERIFY")),
            ("frobnicate", None),
            ("", None),
            ("a_name_of_more_than_thirty_two_bytes", None),
        ];
        for (name, want) in cases {
            assert_eq!(nearest(name, known).as_deref(), want, "{name}");
        }
    }
}
