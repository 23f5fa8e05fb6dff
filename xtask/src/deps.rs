//! Dependency directions: a crate depends on lower rows only; inside a row, along the arrows.

use std::process::Command;

use serde_json::Value;

use crate::{Found, root};

/// Rows from the bottom up. The style guide shows them from the top down.
const ROWS: &[&[&str]] = &[
    &["avm-keccak"],
    &["avm-core"],
    &["avm-isa", "avm-merkle", "avm-lang"],
    &["avm-arb", "avm-atomicals", "avm-anoma", "avm-evm", "avm-os"],
    &["avm-prove", "avm-dispute", "avm-arb-osp"],
    &["avm-store", "avm-referee", "avm-bitcoin", "avm-regtest"],
    &["avm-rpc", "avm-node", "avm-cli"],
    &[
        "avm",
        "avm-bench",
        "avm-bench-peers",
        "avm-test-bitcoin-core",
        "avm-test-bitcoin-kernel",
        "xtask",
    ],
];

/// Rows that are machines, proofs and what they rest on: no IO, no async, no JSON, no std needed.
pub(crate) const ROWS_WITHOUT_IO: usize = 5;

/// Arrows inside a row.
const ARROWS: &[(&str, &str)] = &[
    ("avm-dispute", "avm-prove"),
    ("avm-arb-osp", "avm-prove"),
    ("avm-bitcoin", "avm-store"),
    ("avm-node", "avm-rpc"),
];

/// For tests only, and it knows no machine.
const TESTKIT: &str = "avm-testkit";

/// What ends at the IO line.
const IO_CRATES: &[&str] = &[
    "anyhow",
    "async-trait",
    "futures",
    "serde_json",
    "tokio",
    "tracing",
];

/// One crate of the workspace names another crate in its manifest.
struct Edge {
    from: String,
    to: String,
    /// Only its tests need it.
    dev: bool,
}

pub(crate) fn check() -> Found {
    match edges() {
        Ok(edges) => edges.iter().filter_map(objection).collect(),
        Err(error) => vec![error],
    }
}

/// Crates of the workspace below the IO line.
pub(crate) fn without_io() -> Result<Vec<String>, String> {
    let mut names = packages()?;
    names.retain(|name| row(name).is_some_and(|row| row < ROWS_WITHOUT_IO));
    Ok(names)
}

fn row(name: &str) -> Option<usize> {
    ROWS.iter().position(|row| row.contains(&name))
}

/// What is wrong with an edge.
fn objection(edge: &Edge) -> Option<String> {
    let Edge { from, to, dev } = edge;
    let is_ours = |name: &str| name.starts_with("avm") || name == "xtask";
    if from == TESTKIT {
        let allowed = !is_ours(to) || row(to) <= row("avm-core") || *dev && to == TESTKIT;
        return (!allowed).then(|| format!("{TESTKIT} depends on {to}, but knows no machine"));
    }
    let Some(from_row) = row(from) else {
        return Some(format!("{from} is in no row of xtask/src/deps.rs"));
    };
    if *dev {
        return None;
    }
    if !is_ours(to) {
        let refused = from_row < ROWS_WITHOUT_IO && IO_CRATES.contains(&to.as_str());
        return refused.then(|| format!("{from} depends on {to}, which belongs above the IO line"));
    }
    if to == TESTKIT {
        return Some(format!(
            "{from} depends on {TESTKIT}, which is for dev-dependencies only"
        ));
    }
    let Some(to_row) = row(to) else {
        return Some(format!(
            "{to}, which {from} depends on, is in no row of xtask/src/deps.rs"
        ));
    };
    let allowed = to_row < from_row || ARROWS.contains(&(from.as_str(), to.as_str()));
    (!allowed).then(|| format!("{from} depends on {to}, which is not in a lower row"))
}

fn metadata() -> Result<Value, String> {
    let mut command = Command::new("cargo");
    command
        .args(["metadata", "--format-version", "1", "--no-deps"])
        .current_dir(root());
    let output = command
        .output()
        .map_err(|error| format!("{command:?}: {error}"))?;
    serde_json::from_slice(&output.stdout).map_err(|error| format!("{command:?}: {error}"))
}

fn packages() -> Result<Vec<String>, String> {
    let metadata = metadata()?;
    let packages = metadata["packages"].as_array().into_iter().flatten();
    Ok(packages
        .filter_map(|package| Some(package["name"].as_str()?.to_owned()))
        .collect())
}

fn edges() -> Result<Vec<Edge>, String> {
    let mut edges = vec![];
    for package in metadata()?["packages"].as_array().into_iter().flatten() {
        for dependency in package["dependencies"].as_array().into_iter().flatten() {
            edges.push(Edge {
                from: package["name"].as_str().unwrap_or_default().to_owned(),
                to: dependency["name"].as_str().unwrap_or_default().to_owned(),
                dev: dependency["kind"] == "dev",
            });
        }
    }
    if edges.is_empty() {
        return Err(String::from("cargo metadata shows no dependency"));
    }
    Ok(edges)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(from: &str, to: &str, dev: bool) -> bool {
        let (from, to) = (from.to_owned(), to.to_owned());
        objection(&Edge { from, to, dev }).is_some()
    }

    #[test]
    fn directions() {
        let cases = [
            ("lower row", "avm-arb", "avm-core", false, false),
            ("lowest row", "avm-core", "avm-keccak", false, false),
            ("upwards", "avm-core", "avm-arb", false, true),
            ("a machine and another", "avm-os", "avm-arb", false, true),
            ("a machine and proving", "avm-arb", "avm-prove", false, true),
            ("along an arrow", "avm-dispute", "avm-prove", false, false),
            ("against an arrow", "avm-prove", "avm-dispute", false, true),
            (
                "dispute and a store",
                "avm-dispute",
                "avm-store",
                false,
                true,
            ),
            (
                "the testkit for tests",
                "avm-arb",
                "avm-testkit",
                true,
                false,
            ),
            (
                "the testkit otherwise",
                "avm-arb",
                "avm-testkit",
                false,
                true,
            ),
            (
                "the testkit and the seam",
                "avm-testkit",
                "avm-core",
                false,
                false,
            ),
            (
                "the testkit and a machine",
                "avm-testkit",
                "avm-arb",
                false,
                true,
            ),
            (
                "the testkit tests a machine",
                "avm-testkit",
                "avm-arb",
                true,
                true,
            ),
            ("itself for tests", "avm-arb", "avm-arb", true, false),
            ("itself", "avm-arb", "avm-arb", false, true),
            ("a library", "avm-arb", "ruint", false, false),
            ("JSON below the line", "avm-arb", "serde_json", false, true),
            ("JSON above the line", "avm-cli", "serde_json", false, false),
            ("a crate without a row", "avm-new", "ruint", false, true),
            (
                "on a crate without a row",
                "avm-cli",
                "avm-new",
                false,
                true,
            ),
        ];
        for (name, from, to, dev, want) in cases {
            assert_eq!(refused(from, to, dev), want, "{name}");
        }
    }

    #[test]
    fn the_workspace_is_read() {
        let edges = edges().expect("cargo metadata works");
        assert!(
            edges
                .iter()
                .any(|edge| edge.from == "avm-arb" && edge.to == "avm-core" && !edge.dev)
        );
        assert!(edges.iter().any(|edge| edge.to == TESTKIT && edge.dev));
        assert!(without_io().is_ok_and(|names| names.iter().any(|name| name == "avm-arb")));
    }
}
