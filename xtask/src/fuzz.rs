//! Runs every fuzz target for a short while, on the stable toolchain.
//!
//! libFuzzer needs to see which code an input reaches. The coverage pass is part of LLVM and is
//! asked for by stable compiler options, so neither a nightly toolchain nor cargo-fuzz is needed;
//! a C++ compiler is, for libFuzzer itself. For a long run with sanitizers use cargo-fuzz.

use std::fs;
use std::process::Command;

use crate::{Found, root, run};

const FLAGS: &str = "--cfg fuzzing -Cpasses=sancov-module \
    -Cllvm-args=-sanitizer-coverage-level=4 \
    -Cllvm-args=-sanitizer-coverage-inline-8bit-counters \
    -Cllvm-args=-sanitizer-coverage-pc-table \
    -Cllvm-args=-sanitizer-coverage-trace-compares \
    -Ccodegen-units=1";

/// Longest input, in bytes.
const LEN_MAX: u32 = 4096;

/// Runs each target for `seconds` seconds.
pub(crate) fn smoke(seconds: u32) -> Found {
    let triple = match host() {
        Ok(triple) => triple,
        Err(error) => return vec![error],
    };
    let folder = root().join("fuzz");
    // With a target named, the options do not reach build scripts.
    let mut build = Command::new("cargo");
    build.args(["build", "--release", "--bins", "--target", &triple]);
    build.current_dir(&folder).env("RUSTFLAGS", FLAGS);
    let mut found = run(&mut build);
    if !found.is_empty() {
        return found;
    }
    let targets = targets(&fs::read_to_string(folder.join("Cargo.toml")).unwrap_or_default());
    if targets.is_empty() {
        return vec![String::from("fuzz/Cargo.toml has no target")];
    }
    for target in targets {
        let places =
            ["corpus", "artifacts", "regressions"].map(|kind| folder.join(kind).join(&target));
        let made = places.iter().try_for_each(fs::create_dir_all);
        found.extend(made.err().map(|error| format!("{target}: {error}")));
        let [corpus, artifacts, regressions] = &places;
        let program = folder
            .join("target")
            .join(&triple)
            .join("release")
            .join(&target);
        println!("fuzzing {target} for {seconds} s");
        let mut fuzz = Command::new(program);
        fuzz.arg(format!("-max_total_time={seconds}"));
        fuzz.arg(format!("-max_len={LEN_MAX}"));
        fuzz.arg(format!("-artifact_prefix={}/", artifacts.display()));
        fuzz.args(["-print_final_stats=1", "-timeout=20", "-rss_limit_mb=2048"]);
        fuzz.args([corpus, regressions]);
        match fuzz.output() {
            Ok(ran) if ran.status.success() => {
                let text = String::from_utf8_lossy(&ran.stderr).into_owned();
                let stats = text.lines().filter(|line| line.starts_with("stat::number"));
                stats.for_each(|line| println!("  {line}"));
            }
            Ok(ran) => {
                let text = String::from_utf8_lossy(&ran.stderr).into_owned();
                found.push(format!("{target}: {}\n{text}", ran.status));
            }
            Err(error) => found.push(format!("{target}: {error}")),
        }
    }
    found
}

/// Names of the targets in the manifest.
fn targets(manifest: &str) -> Vec<String> {
    let bins = manifest.lines().skip_while(|line| *line != "[[bin]]");
    let names = bins.filter_map(|line| line.strip_prefix("name = \"")?.strip_suffix('"'));
    names.map(str::to_owned).collect()
}

/// The triple of the machine that this runs on.
fn host() -> Result<String, String> {
    let output = Command::new("rustc").arg("-vV").output();
    let output = output.map_err(|error| format!("rustc -vV: {error}"))?;
    let text = String::from_utf8_lossy(&output.stdout);
    let line = text.lines().find_map(|line| line.strip_prefix("host: "));
    line.map(str::to_owned)
        .ok_or_else(|| String::from("rustc -vV names no host"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn targets_of_a_manifest() {
        let manifest = "[package]\nname = \"fuzz\"\n\n[[bin]]\nname = \"a\"\n\n# [[bin]]\n# name = \"c\"\n\n[[bin]]\nname = \"b\"\n";
        assert_eq!(targets(manifest), ["a", "b"]);
    }

    #[test]
    fn every_target_has_a_file_and_regressions() {
        let folder = root().join("fuzz");
        let targets = targets(&fs::read_to_string(folder.join("Cargo.toml")).expect("a manifest"));
        assert!(targets.len() >= 3);
        for target in targets {
            assert!(
                folder
                    .join("fuzz_targets")
                    .join(&target)
                    .with_extension("rs")
                    .is_file(),
                "{target}"
            );
            assert!(
                folder.join("regressions").join(&target).is_dir(),
                "{target}"
            );
        }
    }
}
