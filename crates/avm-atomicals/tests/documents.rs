//! The texts of the documentation and the example contracts assemble.

use std::fs;
use std::path::{Path, PathBuf};

use avm_atomicals::asm::{
    Assembled, Options, Severity, assemble, disassemble, parse_abi, write_abi,
};

fn root(path: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .join("../..")
        .join(path)
}

fn assembled(name: &str, source: &str) -> Assembled {
    let includes = |file: &str| {
        let known = file == "keys.script";
        known.then(|| ".const owner 0x02aa // a key\n".into())
    };
    let options = Options {
        name,
        includes: &includes,
    };
    assemble(source, &options).unwrap_or_else(|errors| panic!("{name}: {errors:#?}"))
}

#[test]
fn every_construct_of_the_manual() {
    let manual = fs::read_to_string(root("docs/machines/atomicals-assembly.md")).unwrap();
    let texts: Vec<&str> = manual
        .split("```script\n")
        .skip(1)
        .map(|rest| rest.split("```").next().unwrap())
        .collect();
    assert_eq!(texts.len(), 9);
    for text in &texts {
        let script = assembled("manual", text);
        assert_eq!(
            assembled("again", &disassemble(&script.code, true)).code,
            script.code
        );
        // One text shows what contracts refuse.
        let bad = script
            .warnings
            .iter()
            .filter(|f| f.severity < Severity::Note)
            .count();
        assert_eq!(
            bad > 0,
            text.starts_with("PUSHBYTES"),
            "{text}: {:#?}",
            script.warnings
        );
    }
    let sum = assembled("manual", texts[0]);
    assert_eq!(sum.code, [0x52, 0x53, 0x93, 0x55, 0x9c]);
}

#[test]
fn every_check_is_in_the_manual() {
    let manual = fs::read_to_string(root("docs/machines/atomicals-assembly.md")).unwrap();
    let lint = ["lint.rs", "lint/stack.rs"].map(|file| {
        fs::read_to_string(
            Path::new(env!("CARGO_MANIFEST_DIR"))
                .join("src/asm")
                .join(file),
        )
        .unwrap()
    });
    // Names of checks are the only words with hyphens in quotes.
    let names: Vec<&str> = lint
        .iter()
        .flat_map(|text| text.split('"'))
        .filter(|word| {
            word.contains('-') && word.chars().all(|c| c.is_ascii_lowercase() || c == '-')
        })
        .collect();
    assert!(names.len() > 15, "{names:?}");
    for name in names {
        assert!(manual.contains(&format!("`{name}`")), "{name}");
    }
}

#[test]
fn the_example_contracts() {
    let folder = root("examples/atomicals");
    let mut names: Vec<String> = fs::read_dir(&folder)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .filter(|name| name.ends_with(".script"))
        .collect();
    names.sort();
    assert_eq!(names.len(), 6, "{names:?}");
    let mut listing = String::new();
    for name in &names {
        let source = fs::read_to_string(folder.join(name)).unwrap();
        let script = assembled(name, &source);
        let bad: Vec<_> = script
            .warnings
            .iter()
            .filter(|f| f.severity < Severity::Note)
            .collect();
        assert!(bad.is_empty(), "{name}: {bad:#?}");
        assert_eq!(script.methods[0].name, "ctor", "{name}");
        let abi = write_abi(&script.methods);
        assert_eq!(parse_abi(&abi).unwrap(), script.methods, "{name}");
        listing += &format!("{name}, {} bytes\n", script.code.len());
        for note in &script.warnings {
            listing += &format!("  {}: {}\n", note.name, note.message);
        }
    }
    insta::assert_snapshot!(listing);
}
