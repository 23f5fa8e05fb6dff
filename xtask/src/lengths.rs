//! Lengths of source files: long ones hide a second idea.

use std::fs;
use std::path::{Path, PathBuf};

use crate::{Found, root};

/// Most lines of a source file.
const LINES_MAX: usize = 800;
/// Files from this length on are listed.
const LINES_LISTED: usize = 400;

pub(crate) fn check() -> Found {
    let mut files = vec![];
    for folder in ["crates", "tests", "xtask", "fuzz", "examples"] {
        sources(&root().join(folder), &mut files);
    }
    if files.is_empty() {
        return vec![String::from("there is no source file")];
    }
    let mut lengths: Vec<(usize, PathBuf)> = vec![];
    for file in files {
        match fs::read_to_string(&file) {
            Ok(text) => lengths.push((text.lines().count(), file)),
            Err(error) => return vec![format!("{}: {error}", file.display())],
        }
    }
    lengths.sort();
    let shown = |file: &Path| {
        file.strip_prefix(root())
            .unwrap_or(file)
            .display()
            .to_string()
    };
    for (lines, file) in lengths.iter().filter(|(lines, _)| *lines > LINES_LISTED) {
        println!("  {lines:5} lines  {}", shown(file));
    }
    lengths
        .iter()
        .filter_map(|(lines, file)| objection(*lines, &shown(file)))
        .collect()
}

fn objection(lines: usize, file: &str) -> Option<String> {
    (lines > LINES_MAX).then(|| format!("{file} has {lines} lines, the most is {LINES_MAX}"))
}

/// Adds the Rust files of a folder, outside of build output.
fn sources(folder: &Path, files: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        let path = entry.path();
        if path.is_dir() {
            if path.file_name().is_some_and(|name| name != "target") {
                sources(&path, files);
            }
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            files.push(path);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_long_file_is_refused() {
        assert_eq!(objection(LINES_MAX, "a.rs"), None);
        let want = "a.rs has 801 lines, the most is 800";
        assert_eq!(objection(LINES_MAX + 1, "a.rs").as_deref(), Some(want));
    }

    #[test]
    fn this_file_is_found() {
        let mut files = vec![];
        sources(&root().join("xtask"), &mut files);
        assert!(
            files
                .iter()
                .any(|file| file.ends_with("xtask/src/lengths.rs"))
        );
    }
}
