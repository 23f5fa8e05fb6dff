//! Every command on store directories, and the page that shows them.

mod common;

use std::fs;

use avm_regtest::{Chain, bitcoin};
use common::blocks::{files, index, tampered, walked, write_files};
use common::{Ran, Work};
use serde_json::Value;

/// Block files of a chain with operations, indexed into `n1`; and that chain.
fn indexed(seed: u64, blocks: u32) -> (Work, Chain) {
    let work = Work::new();
    let chain = walked(seed, blocks);
    files(&work, "blocks", &chain);
    index(&work, "blocks", "n1", "");
    (work, chain)
}

/// The data of a command that succeeds with --json.
fn data(work: &Work, args: &str) -> Value {
    let ran = work.avm(&format!("{args} --json"));
    assert_eq!(ran.code, 0, "{args}: {ran:?}");
    ran.json()["data"].clone()
}

/// Every command of `docs/index.md` prints what stands below it. With `AVM_UPDATE` set, the page is
/// written anew instead. Times differ from run to run, and long lines are broken on the page.
#[test]
fn the_page_is_what_happens() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = root.join("docs/index.md");
    let text = fs::read_to_string(&page).unwrap();
    let work = Work::new();
    let chain = walked(9, 200);
    write_files(&work.path("blocks"), &chain.blocks()[..=200]);
    let mut fork = chain;
    fork.reorg(fork.height() - 198).unwrap();
    fork.set_branch(5);
    fork.mine_empty(5);
    files(&work, "fork", &fork);
    let (mut real, mut commands, mut code) = (String::new(), 0, 0);
    let (mut block, mut skip) = (false, false);
    for line in text.lines() {
        if line.starts_with("```") {
            (block, skip) = (!block, false);
        }
        let command = line.strip_prefix("$ ").filter(|_| block);
        if let Some(command) = command {
            (skip, commands) = (true, commands + 1);
            real += &format!("{line}\n");
            real += &match command.strip_prefix("avm ") {
                Some(args) => {
                    let Ran {
                        code: exit,
                        stdout,
                        stderr,
                    } = work.loud(args);
                    code = exit;
                    wrapped(&format!("{stderr}{stdout}"))
                }
                None => {
                    assert_eq!(command, "echo $?");
                    format!("{code}\n")
                }
            };
        } else if !skip {
            real += &format!("{line}\n");
        }
    }
    assert!(commands > 15);
    if std::env::var_os("AVM_UPDATE").is_some() {
        fs::write(&page, real).unwrap();
        return;
    }
    assert!(
        timeless(&text) == timeless(&real),
        "the page should be:\n{real}"
    );
}

/// Lines as a page has them: JSON is broken behind a comma.
fn wrapped(text: &str) -> String {
    let mut page = String::new();
    for line in text.lines() {
        let (mut rest, mut indent) = (line, "");
        while line.starts_with('{') && rest.len() > 119 {
            let Some(at) = rest[..119].rfind(",\"") else {
                break;
            };
            page += &format!("{indent}{}\n", &rest[..=at]);
            (rest, indent) = (&rest[at + 1..], " ");
        }
        page += &format!("{indent}{rest}\n");
    }
    page
}

/// What does not depend on how fast it went.
fn timeless(page: &str) -> String {
    const ENDS: [&str; 6] = [" us", " ms", " s", " us)", " ms)", " s)"];
    let untimed = |line: &&str| !line.contains(" blocks/s ") && !line.starts_with("reading which ");
    let lines = page.lines().filter(untimed).map(|line| match line {
        _ if line.starts_with("done ") => line.split(" in ").next().unwrap_or(line),
        _ if line.contains("\"seconds\":") => line.split("\"seconds\":").next().unwrap_or(line),
        _ if ENDS.iter().any(|end| line.ends_with(end)) => {
            line.rsplit_once(", ").map_or(line, |parts| parts.0)
        }
        _ => line,
    });
    lines.map(|line| format!("{line}\n")).collect()
}

#[test]
fn points_of_a_store() {
    let (work, chain) = indexed(21, 130);
    // States are opened at the nearest one that is kept, and are those that were recorded.
    index(&work, "blocks", "n2", "--batch 20");
    for height in [1, 2, 19, 20, 21, 60, 99, 130] {
        for store in ["n1", "n2", "n1/main.avmlog"] {
            let point = format!("{store}@b{height}");
            let found = data(&work, &format!("show {point} height"));
            assert_eq!(found["value"], height, "{point}");
            let root = data(&work, &format!("root {point}"))["root"].clone();
            let state = data(&work, &format!("state {point} height"));
            assert_eq!(state["root"], root, "{point}");
        }
    }
    // Two points of one store at once, the first of them named twice.
    let ran = work.avm("diff n1@b104 n1@b105 --json");
    assert_eq!(ran.code, 1, "{ran:?}");
    assert_eq!(ran.json()["data"]["keys"][0]["b"]["value"], 105);
    assert_eq!(work.avm("diff n1@b105 n2@b105").code, 0);

    // Roots along a range, as they were recorded.
    let roots = data(&work, "root n1@b100..@b110 --every 4")["roots"].clone();
    let at: Vec<&Value> = roots.as_array().unwrap().iter().map(|r| &r["at"]).collect();
    assert_eq!(at, ["b100", "b104", "b108", "b110"]);
    assert_eq!(roots[1]["root"], data(&work, "root n1@b104")["root"]);
    assert_eq!(work.avm("root n1@b110..@b100").code, 2);
    let listed = data(&work, "log n1@b104..@b105");
    assert_eq!(listed["inputs"][0]["height"], 104);
    assert_eq!(listed["inputs"][0]["root"], roots[1]["root"]);
    let block = chain.block(104).unwrap();
    let text = work.avm("log n1@b104").stdout;
    let name = block.block_hash().to_string();
    assert!(
        text.starts_with("@b104 ") && text.contains(&name[60..]) && text.contains("txs "),
        "{text}"
    );
    let tx = block.txdata[0].compute_txid();
    assert_eq!(
        data(&work, &format!("root n1@tx:{tx}"))["root"],
        roots[1]["root"]
    );
}

#[test]
fn what_a_store_does_not_have() {
    let (work, _) = indexed(22, 110);
    fs::create_dir(work.path("empty")).unwrap();
    let cases = [
        ("log nowhere", 3, "no such file"),
        ("root empty", 3, "no store"),
        ("replay empty --check", 3, "no store"),
        ("compare n1 empty", 3, "no store"),
        ("bisect n1 nowhere", 3, "no such file"),
        ("state nowhere@b5", 9, "no such file or store"),
        ("root n1@b0", 4, "b1 .. b1"),
        ("root n1@b100..@b9999", 4, "b1 .. b1"),
        ("state n1@b9999", 4, "block of this height; there are 1"),
        ("diff n1@b1 n1@b9999", 4, "block of this height"),
        ("compare n1 n1 --at b9999", 4, "b1 .. b1"),
        ("compare n1 n1 --at @b5:1", 2, "no point of these logs"),
        (
            "snapshot make n1@b9999 -o x.avmsnap",
            4,
            "block of this height",
        ),
        ("prove n1@b105 --key height/1", 4, "no name of a key"),
    ];
    for (args, code, text) in cases {
        let ran = work.avm(args);
        assert_eq!(ran.code, code, "{args}: {ran:?}");
        assert!(ran.stderr.contains(text), "{args}: {ran:?}");
        let error = work.avm(&format!("{args} --json")).json();
        assert_eq!(error["ok"], false, "{args}");
    }
    // A database that was damaged says how to go on without it.
    let mut bytes = work.read("n1/state.redb");
    let middle = bytes.len() / 2;
    bytes[64..middle].iter_mut().for_each(|byte| *byte ^= 0x5a);
    work.write("n1/state.redb", bytes);
    let ran = work.avm("state n1@b5 height");
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(ran.stderr.contains("remove n1/state.redb"), "{ran:?}");
    fs::remove_file(work.path("n1/state.redb")).unwrap();
    let ran = work.loud("state n1@b5 nothing/");
    assert!(
        ran.stderr.contains("no key begins with `nothing/`"),
        "{ran:?}"
    );
}

#[test]
fn a_wrong_root_is_found_and_proofs_hold() {
    let (work, _) = indexed(23, 130);
    tampered(&work, "n1", "n2", |claim| claim.inputs >= 126);
    let ran = work.avm("bisect n1 n2 --json");
    assert_eq!(ran.code, 8, "{ran:?}");
    let text = work.avm("bisect n1 n2 -o found.avmbundle --yes").stdout;
    for part in ["@125", "executing the inputs gives what n1 recorded"] {
        assert!(text.contains(part), "{part}: {text}");
    }
    assert_eq!(work.avm("bisect n2 --recorded").code, 8);
    let ran = work.avm("replay n2 --check");
    assert_eq!(ran.code, 8, "{ran:?}");
    assert!(ran.stderr.contains("avm bisect n2 --recorded"), "{ran:?}");
    assert_eq!(work.avm("bisect n1 --recorded").code, 0);

    for (target, more) in [
        ("n1@b105", "--key height"),
        ("n1@b105", ""),
        ("n1@b105:1", ""),
        ("n1@b104..@b106", ""),
    ] {
        let ran = work.avm(&format!("prove {target} {more} -o p.avmproof --yes"));
        assert_eq!(ran.code, 0, "{target}: {ran:?}");
        // A key is of a state, whatever the log.
        let log = if more.is_empty() { "--log n1" } else { "" };
        let ran = work.avm(&format!("verify p.avmproof {log}"));
        assert_eq!(ran.code, 0, "{target}: {ran:?}");
    }
    let made = data(&work, "snapshot make n1@b105 -o s.avmsnap");
    assert_eq!(made["root"], data(&work, "root n1@b105")["root"]);
    assert_eq!(data(&work, "root s.avmsnap")["root"], made["root"]);
}

/// A height is that of a block that was taken: one that was refused has none.
#[test]
fn heights_of_a_log_with_a_refused_block() {
    let (work, chain) = indexed(24, 110);
    let mut blocks = chain.blocks()[1..].to_vec();
    blocks.insert(50, blocks[3].clone());
    let hex = |block| bitcoin::consensus::encode::serialize_hex(block) + "\n";
    work.write("blocks.hex", blocks.iter().map(hex).collect::<String>());
    work.write("x.chain.json", r#"{ "chain": "regtest", "start": 1 }"#);
    fs::create_dir(work.path("r")).unwrap();
    work.avm("run x.chain.json -i blocks.hex --record r/main.avmlog");
    for height in [50, 51, 105] {
        let found = data(&work, &format!("show r@b{height} height"));
        assert_eq!(found["value"], height);
        let root = data(&work, &format!("root r@b{height}"));
        let state = data(&work, &format!("state r@b{height} height"));
        assert_eq!(root["root"], state["root"], "{height}");
    }
    assert_eq!(data(&work, "log r@b51")["inputs"][0]["point"], "@51");
}
