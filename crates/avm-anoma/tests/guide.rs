//! The guide is what happens: each program that `docs/anoma-guide.md` shows is a file of
//! `examples/anoma/market`, and what the page says that it gives is what it gives. With
//! `AVM_UPDATE` set, the page is written anew instead.
//!
//! A block of the page that begins with ` ```scheme NAME.avm` is the file, one that begins with
//! ` ```text NAME` what the program `main` of it gives, or what is said about it, with its tests.

#[path = "support/run.rs"]
mod support;

use std::collections::BTreeSet;
use std::fs;
use std::path::PathBuf;

use avm_anoma::code::{ExportKind, Module};
use avm_anoma::compile::compile;
use avm_anoma::image::{Caps, Config};
use avm_anoma::input::Input;
use avm_anoma::seen::Outcome;
use avm_anoma::value::Val;
use avm_lang::diagnostic::render_all;
use avm_lang::{ModuleText, Modules};
use support::World;

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../..")
}

fn text(name: &str) -> String {
    let path = root().join("examples/anoma/market").join(name);
    fs::read_to_string(&path).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
}

/// The modules beside each other.
struct Beside(String);

impl Modules for Beside {
    fn module(&self, name: &str) -> Option<ModuleText<'_>> {
        (name == "market").then_some(ModuleText {
            file: 1,
            text: &self.0,
        })
    }
}

/// The module of a file, or what is wrong with it.
fn module(name: &str) -> Result<Module, String> {
    let source = text(&format!("{name}.avm"));
    let file = format!("{name}.avm");
    match compile(&source, 0, &Beside(text("market.avm"))) {
        Ok(compiled) => {
            let found = render_all(&compiled.warnings, &(file.as_str(), 0, source.as_str()));
            assert_eq!(found, "", "nothing is said about {file}");
            Ok(compiled.module)
        }
        Err(found) => Err(render_all(&found, &(file.as_str(), 0, source.as_str()))),
    }
}

/// The world that the command line gives to a text.
fn world(module: &Module) -> Config {
    let mut config = Config::default();
    for constant in &module.constants {
        let constant = constant.as_just().unwrap_or(constant);
        for (name, list) in [
            (constant.as_ctl(), &mut config.controllers),
            (constant.as_mach(), &mut config.machines),
        ] {
            if let Some(name) = name
                && list.iter().all(|(known, _)| known != name)
            {
                list.push((name.into(), true));
            }
        }
    }
    for cap in &module.caps {
        config.caps.0 |= Caps::named(cap).expect("a capability").0;
    }
    config
}

fn outcome(outcome: &Outcome) -> String {
    match outcome {
        Outcome::Done(value) => value.to_string(),
        Outcome::Failed(fault) => format!("failed: {fault}"),
    }
}

/// What stands below a program.
fn gives(name: &str) -> String {
    let module = match module(name) {
        Ok(module) => module,
        Err(found) => return found.trim_end().into(),
    };
    let mut w = World::of(module.clone(), world(&module));
    let mut out = outcome(&w.run("main", &[]));
    for (test, held) in tests(module) {
        out += &format!("\n{}    {test}", if held { "ok" } else { "FAIL" });
    }
    out
}

/// Each test of a module, and whether it holds. A test is run as a program of its name.
fn tests(mut module: Module) -> Vec<(String, bool)> {
    let mut names = Vec::new();
    for export in &mut module.exports {
        if export.kind == ExportKind::Test {
            export.kind = ExportKind::Program;
            names.push(export.name.clone());
        }
    }
    let run = |name: String| {
        let mut w = World::of(module.clone(), world(&module));
        let value = w.value(&name, &[]);
        let held = match (value.as_pair(), value.as_list()) {
            (Some((found, wanted)), _) => found == wanted,
            (_, Some(list)) => list.head() == Some(&Val::List(list.tail().unwrap())),
            _ => false,
        };
        (name, held)
    };
    names.into_iter().map(run).collect()
}

#[test]
fn the_page_is_what_happens() {
    let path = root().join("docs/anoma-guide.md");
    let page = fs::read_to_string(&path).expect("the guide");
    let (mut real, mut lines, mut shown) = (String::new(), page.lines(), BTreeSet::new());
    while let Some(line) = lines.next() {
        real += line;
        real.push('\n');
        let content = if let Some(name) = line.strip_prefix("```scheme ") {
            shown.insert(name.to_string());
            Some(text(name).trim_end().to_string())
        } else {
            line.strip_prefix("```text ").map(|name| match name {
                "buyers.json" => seeds(),
                name => gives(name),
            })
        };
        if let Some(content) = content {
            assert!(lines.any(|line| line == "```"), "a block ends");
            real += &format!("{content}\n```\n");
        }
    }
    let (log, path_of_log) = (inputs(), root().join("examples/anoma/market/buyers.json"));
    let files = fs::read_dir(root().join("examples/anoma/market")).expect("the examples");
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let all: BTreeSet<String> = names.filter(|name| name.ends_with(".avm")).collect();
    assert_eq!(shown, all, "the guide shows every file");
    assert!(!real.contains("FAIL "), "{real}");
    if std::env::var_os("AVM_UPDATE").is_some() {
        fs::write(&path, real).expect("the guide can be written");
        fs::write(&path_of_log, log).expect("the log can be written");
        return;
    }
    assert_eq!(text("buyers.json"), log);
    assert!(page == real, "the page should be:\n{real}");
}

/// What comes of two buyers at once under a few seeds.
fn seeds() -> String {
    let module = module("buyers").expect("it compiles");
    let mut lines = Vec::new();
    for seed in [1, 2, 3] {
        let (got, end, conflicts) = both(&module, seed);
        lines.push(format!(
            "seed {seed}: the buyers got {got:?}, and {end} in the end; {conflicts} conflicts"
        ));
    }
    lines.join("\n")
}

/// The inputs of `avm run` for two buyers under seed 1. Ids of objects do not depend on the code.
fn inputs() -> String {
    let module = module("buyers").expect("it compiles");
    let mut w = World::of(module.clone(), world(&module));
    let open = w.value("open", &[Val::Int(12)]);
    let ids = open.as_list().unwrap().to_vec().unwrap();
    let id = |at: usize| {
        let digits = ids[at]
            .as_obj()
            .unwrap()
            .id()
            .0
            .map(|byte| format!("{byte:02x}"));
        format!("{{ \"obj\": \"{}\" }}", digits.concat())
    };
    let buyer = |at: usize| {
        let (who, stall) = (id(at), id(0));
        format!(
            "  {{ \"start\": \"buyer\", \"hold\": true, \"args\": [\n    {who},\n    {stall} ] }},\n"
        )
    };
    let all = [id(0), id(1), id(2)].join(",\n    ");
    format!(
        "[\n  {{ \"start\": \"open\", \"args\": [12] }},\n{}{}  {{ \"shuffle\": 1 }},\n  {{ \"start\": \"look\", \"args\": [\n    {all} ] }}\n]\n",
        buyer(1),
        buyer(2)
    )
}

/// How much each buyer got, what there is in the end, and how often one had to start over.
fn both(module: &Module, seed: u64) -> (Vec<i64>, String, usize) {
    let mut w = World::of(module.clone(), world(module));
    let open = w.value("open", &[Val::Int(12)]);
    let all = open.as_list().unwrap().to_vec().unwrap();
    for who in &all[1..] {
        w.start("buyer", &[who.clone(), all[0].clone()], true);
    }
    w.input(&Input::Shuffle { seed });
    let mut results = w.seen.results[1..].to_vec();
    results.sort_by_key(|(number, _)| *number);
    let got = results.iter().map(|(number, outcome)| match outcome {
        Outcome::Done(value) => value.as_int().unwrap(),
        Outcome::Failed(fault) => panic!("seed {seed}, execution {number}: {fault}"),
    });
    let got: Vec<i64> = got.collect();
    let end = w.text("look", &all);
    let conflicts = w.events().filter(|event| {
        matches!(
            event,
            avm_anoma::event::EventKind::TransactionAborted {
                reason: avm_anoma::event::AbortReason::Conflict,
                ..
            }
        )
    });
    (got, end, conflicts.count())
}

/// Whatever the turns, nothing is sold twice and nothing is lost.
#[test]
fn two_buyers_share_what_there_is() {
    let module = module("buyers").expect("it compiles");
    let mut conflicts = 0;
    for seed in 1..=100 {
        let (got, end, more) = both(&module, seed);
        assert_eq!(got.iter().sum::<i64>(), 12, "seed {seed}");
        let want = format!("(0 120 {} {})", got[0], got[1]);
        assert_eq!(end, want, "seed {seed}");
        conflicts += more;
    }
    assert!(
        conflicts > 20,
        "{conflicts} conflicts: the seeds hardly mix the two"
    );
}

/// The page of all forms is generated; `cargo xtask codegen` writes it.
#[test]
fn the_page_of_forms_is_fresh() {
    let path = root().join("docs/opcodes/anoma-forms.md");
    let page = avm_anoma::compile::page();
    if std::env::var_os("AVM_UPDATE").is_some() {
        fs::write(&path, &page).expect("the page can be written");
    }
    assert_eq!(fs::read_to_string(&path).ok(), Some(page));
}
