//! Every error code has a page, and no code stands for two causes.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

use avm_cli::codes;

fn sources(dir: &Path, files: &mut Vec<(PathBuf, String)>) {
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            sources(&path, files);
        } else {
            let text = fs::read_to_string(&path).unwrap();
            files.push((path, text));
        }
    }
}

fn of(folder: &str) -> Vec<(PathBuf, String)> {
    let mut files = Vec::new();
    sources(
        &Path::new(env!("CARGO_MANIFEST_DIR")).join(folder),
        &mut files,
    );
    files
}

/// All `AVMnnnn` of a text.
fn ids(text: &str) -> impl Iterator<Item = &str> {
    let starts = text.match_indices("AVM").map(|(at, _)| at);
    starts
        .filter_map(|at| text.get(at..at + 7))
        .filter(|id| id[3..].bytes().all(|b| b.is_ascii_digit()))
}

#[test]
fn every_code_in_the_sources_has_a_page() {
    for folder in ["src", "../avm-arb/src", "../avm-atomicals/src"] {
        for (path, text) in of(folder) {
            for id in ids(&text) {
                let code = codes::find(id)
                    .unwrap_or_else(|| panic!("{}: {id} has no page", path.display()));
                assert!(code.title.len() > 10 && code.page.len() > 20, "{id}");
                assert!(!code.title.ends_with('.'), "{id}");
            }
        }
    }
}

#[test]
fn codes_are_unique_and_in_order() {
    let ids: Vec<&str> = codes::every().map(|code| code.id).collect();
    let mut sorted = ids.clone();
    sorted.sort_unstable();
    sorted.dedup();
    assert_eq!(ids, sorted);
    let exits = [0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 101, 130];
    codes::every().for_each(|code| assert!(exits.contains(&code.exit), "{}", code.id));
}

/// An error is made in one place, so one code is one cause.
#[test]
fn every_code_is_used_once() {
    let mut uses: BTreeMap<&str, Vec<PathBuf>> = BTreeMap::new();
    let files = of("src");
    for (name, _) in codes::ALL {
        for (path, text) in &files {
            let wanted = format!("codes::{name}");
            for (at, _) in text.match_indices(&wanted) {
                let next = text[at + wanted.len()..].chars().next();
                let whole = next.is_none_or(|c| !c.is_ascii_alphanumeric() && c != '_');
                // The panic hook prints the same code without an error value.
                let repeated = text[at + wanted.len()..].starts_with(".id");
                if whole && !repeated {
                    uses.entry(name).or_default().push(path.clone());
                }
            }
        }
    }
    for (name, code) in codes::ALL {
        let count = uses.get(name).map_or(0, Vec::len);
        assert_eq!(
            count,
            1,
            "{} is used {count} times: {:?}",
            code.id,
            uses.get(name)
        );
    }
}
