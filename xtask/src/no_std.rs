//! Crates below the IO line build without std, and nothing they link needs it.
//!
//! The crate in `xtask/no_std` has a panic handler of its own and names all of them. The standard
//! library has a panic handler, too, and a program has only one: if any crate links std, this one
//! does not compile, on any target.

use std::fs;
use std::process::Command;

use crate::{Found, cargo, deps, root, run};

pub(crate) fn check() -> Found {
    let names = match deps::without_io() {
        Ok(names) => names,
        Err(error) => return vec![error],
    };
    let mut found = missing(&names);
    for name in &names {
        found.extend(cargo(&[
            "check",
            "--quiet",
            "--no-default-features",
            "--package",
            name,
        ]));
    }
    found.extend(run(&mut probe()));
    // The probe must be able to fail: with std it does not compile.
    let with_std = probe().args(["--features", "std"]).output();
    match with_std {
        Ok(output) if output.status.success() => {
            found.push(String::from(
                "xtask/no_std compiles with std, so it shows nothing",
            ));
        }
        Ok(output) if !String::from_utf8_lossy(&output.stderr).contains("panic_impl") => {
            found.push(String::from(
                "xtask/no_std with std fails for another reason",
            ));
        }
        Ok(_) => {}
        Err(error) => found.push(error.to_string()),
    }
    found
}

/// The build of the probe.
fn probe() -> Command {
    let mut command = Command::new("cargo");
    let target = root().join("target/no_std");
    command.args(["check", "--quiet", "--manifest-path"]);
    command.arg(root().join("xtask/no_std/Cargo.toml"));
    command.arg("--target-dir").arg(target);
    command
}

/// Crates that the probe does not name.
fn missing(names: &[String]) -> Found {
    let source = fs::read_to_string(root().join("xtask/no_std/src/lib.rs")).unwrap_or_default();
    let named = |name: &&String| {
        !source.contains(&format!("extern crate {} as _;", name.replace('-', "_")))
    };
    let missing = names.iter().filter(named);
    missing
        .map(|name| format!("{name} is not in xtask/no_std/src/lib.rs"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_crate_that_is_not_probed_is_found() {
        let names = [String::from("avm-arb"), String::from("avm-new")];
        assert_eq!(
            missing(&names),
            ["avm-new is not in xtask/no_std/src/lib.rs"]
        );
    }
}
