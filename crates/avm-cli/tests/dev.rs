//! A local chain: contracts from nothing to a reorg, what is refused, and files that are damaged.

mod common;

use common::{Ran, Work};
use serde_json::{Value, json};

/// A vault as in the examples: anybody pays in, the owner takes out.
const VAULT: &str = include_str!("../../../examples/atomicals/vault.script");

/// Needs nothing to be called with, and takes two words as they are.
const PLAIN: &str = "DUP 'a' 'n' ROT KV_PUT DROP DROP 1";

fn chain() -> Work {
    let work = Work::new();
    work.write("vault.script", VAULT);
    work.write("plain.script", PLAIN);
    done(&work, "init");
    work
}

/// The data of a command that succeeds with --json.
fn done(work: &Work, args: &str) -> Value {
    let ran = work.avm(&format!("dev {args} --json"));
    assert_eq!(ran.code, 0, "{args}: {ran:?}");
    ran.json()["data"].clone()
}

/// The error of a command that fails with --json.
fn fails(work: &Work, args: &str, exit: i32, code: &str) -> Value {
    let ran = work.avm(&format!("dev {args} --json"));
    assert_eq!(ran.code, exit, "{args}: {ran:?}");
    let error = ran.json()["error"].clone();
    assert_eq!(error["code"], code, "{args}: {error}");
    error
}

/// Units of gold that somebody has.
fn gold(work: &Work, who: &str) -> u64 {
    let found = done(work, &format!("balance {who}"));
    let tokens = found["tokens"].as_array().unwrap();
    let mine = tokens.iter().filter(|token| token["name"] == "gold");
    mine.map(|token| token["amount"].as_u64().unwrap()).sum()
}

#[test]
fn a_directory_is_made() {
    let work = Work::new();
    let made = done(&work, "init new/chain");
    let again = work.avm("-C new/chain dev status --json");
    assert_eq!(again.json()["data"]["root"], made["root"], "{again:?}");
}

#[test]
fn from_nothing_to_a_reorg() {
    let work = chain();
    let start = done(&work, "status");
    assert_eq!(
        (&start["height"], &start["rules"]),
        (&json!(110), &json!("avm1"))
    );

    let minted = done(&work, "mint ft gold 10000");
    assert_eq!(
        (&minted["outcome"], &minted["height"]),
        (&json!("done"), &json!(111))
    );
    assert_eq!(minted["root_before"], start["root"]);
    let deployed = done(&work, "deploy vault vault.script key:alice");
    assert_eq!(
        (&deployed["outcome"], &deployed["height"]),
        (&json!("done"), &json!(115))
    );
    done(&work, "transfer gold 3000 bob");
    assert_eq!((gold(&work, "alice"), gold(&work, "bob")), (7000, 3000));

    // Bob brings a part of what he has; the rest stays his.
    let paid = done(
        &work,
        "call vault deposit token:gold --with gold:1200 --as bob",
    );
    assert_eq!(paid["what"], "vault.deposit by bob");
    assert_eq!((gold(&work, "vault"), gold(&work, "bob")), (1200, 1800));

    // Only the owner takes out, onto as many satoshis as units.
    let taken = "call vault withdraw 1000 0 token:gold --output 1000:carol";
    let error = fails(&work, &format!("{taken} --as bob"), 1, "AVM0709");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("OP_EQUALVERIFY"),
        "{error}"
    );
    assert!(
        error["data"]["place"]
            .as_str()
            .unwrap()
            .contains("vault.script:"),
        "{error}"
    );
    let error = fails(&work, &format!("{taken} --no-sign"), 1, "AVM0709");
    assert!(
        error["message"]
            .as_str()
            .unwrap()
            .contains("OP_CHECKAUTHSIGVERIFY"),
        "{error}"
    );
    done(&work, taken);
    let owners = ["alice", "bob", "carol", "vault"].map(|who| gold(&work, who));
    assert_eq!(owners, [7000, 1800, 1000, 200]);

    let before = done(&work, "status");
    let turned = done(&work, "reorg 3");
    assert_eq!(turned["root_before"], before["root"]);
    assert_ne!(turned["root"], before["root"]);
    assert_eq!(turned["blocks"].as_array().unwrap().len(), 4);
    assert_eq!(
        ["alice", "bob", "carol", "vault"].map(|who| gold(&work, who)),
        owners
    );
    let after = done(&work, "status");
    assert_eq!(
        after["height"].as_u64(),
        before["height"].as_u64().map(|height| height + 1)
    );
    assert_eq!(after["waiting"], 0);
    assert_eq!(after["contracts"], before["contracts"]);
}

#[test]
fn the_same_commands_give_the_same_bytes() {
    let commands = [
        "mint nft --to bob",
        "mint dft ore --lot 700 --max 2",
        "warp 86400",
        "mine 2",
        "mint lot ore --as bob",
        "deploy plain plain.script 1 2",
        "call plain 3 4 --as carol",
        "reorg 2 --together",
    ];
    let run = || {
        let work = chain();
        let last = commands.map(|command| done(&work, command)["root"].clone());
        (last, work.read("main.avmlog"), work.read("dev.json"))
    };
    let (one, two) = (run(), run());
    assert_eq!(one.0, two.0);
    assert!(one.1 == two.1 && one.2 == two.2, "the files differ");
}

#[test]
fn what_waits_is_kept() {
    let work = chain();
    let waits = done(&work, "mint ft gold 5000 --no-mine");
    assert_eq!(
        (&waits["outcome"], &waits["height"]),
        (&json!("waits for a block"), &json!(110))
    );
    // What waits can be spent already.
    done(&work, "transfer gold 100 bob --no-mine");
    assert_eq!(gold(&work, "bob"), 0);
    let mined = done(&work, "mine");
    let outcomes = mined["blocks"][0]["operations"].as_array().unwrap();
    let outcomes: Vec<&Value> = outcomes.iter().map(|one| &one["outcome"]).collect();
    assert_eq!(outcomes, ["done", "done"]);
    assert_eq!((gold(&work, "alice"), gold(&work, "bob")), (4900, 100));
    // A block that is taken back lets its transactions wait.
    let back = done(&work, "reorg 1 --no-mine");
    assert!(back["waiting"].as_u64().unwrap() >= 4, "{back}");
    assert_eq!(gold(&work, "bob"), 0);
    done(&work, "mine");
    assert_eq!(gold(&work, "bob"), 100);
}

#[test]
fn refusals() {
    let work = Work::new();
    fails(&work, "status", 4, "AVM0701");
    fails(&work, "init --rules none", 2, "AVM0009");
    let work = chain();
    fails(&work, "init", 2, "AVM0005");
    fails(&work, "status -m arb", 2, "AVM0001");
    done(&work, "mint ft gold 1000");
    done(&work, "deploy vault vault.script key:alice");
    let cases: &[(&str, i32, &str, &str)] = &[
        (
            "call valt deposit token:gold",
            2,
            "AVM0703",
            "there is no contract `valt`",
        ),
        (
            "call vault deposit token:silver",
            2,
            "AVM0703",
            "there is no token `silver`",
        ),
        (
            "call vault depsit token:gold",
            2,
            "AVM0704",
            "did you mean `deposit`?",
        ),
        (
            "call vault deposit",
            2,
            "AVM0704",
            "takes 1 arguments, found 0",
        ),
        (
            "call vault deposit token:gold",
            1,
            "AVM0709",
            "FT_BALANCE_ADD",
        ),
        (
            "call vault deposit token:gold --with gold",
            2,
            "AVM0001",
            "how much of gold",
        ),
        (
            "call vault deposit token:gold --with gold:9 --as bob",
            1,
            "AVM0707",
            "bob has 0 of gold, 9",
        ),
        (
            "transfer gold 1001 bob",
            1,
            "AVM0707",
            "alice has 1000 of gold, 1001",
        ),
        (
            "mint ft gold 5",
            1,
            "AVM0708",
            "an earlier commit has the name",
        ),
        (
            "mint lot gold",
            1,
            "AVM0708",
            "there is no token of this ticker that is minted in lots",
        ),
        (
            "mint ft lead 100000000000",
            1,
            "AVM0705",
            "satoshis that it can spend",
        ),
        (
            "deploy Vault vault.script key:alice",
            1,
            "AVM0708",
            "the payload",
        ),
        (
            "deploy other vault.script key:alice 3",
            2,
            "AVM0704",
            "takes 1 arguments, found 2",
        ),
        ("reorg 100", 2, "AVM0001", "cannot be taken back"),
        ("balance a/b", 2, "AVM0001", "is not a name"),
    ];
    for (args, exit, code, want) in cases {
        let error = fails(&work, args, *exit, code);
        assert!(
            error["message"].as_str().unwrap().contains(want),
            "{args}: {error}"
        );
    }
    // None of them did any harm.
    assert_eq!(gold(&work, "alice"), 1000);
    let Ran { stderr, .. } = work.avm("dev call vault depsit");
    assert!(
        stderr.contains("help: `vault` has ctor(owner: bytes), deposit(token: bytes)"),
        "{stderr}"
    );
}

#[test]
fn damaged_files() {
    let work = chain();
    let journal = String::from_utf8(work.read("dev.json")).unwrap();
    for (from, to, code) in [
        ("\"avm-dev\": 1", "\"avm-dev\": 2", "AVM0702"),
        ("\"pending\": []", "\"pending\": [\"00\"]", "AVM0702"),
        ("{", "", "AVM0105"),
    ] {
        work.write("dev.json", journal.replacen(from, to, 1));
        fails(&work, "status", 3, code);
    }
    work.write("dev.json", &journal);
    let mut log = work.read("main.avmlog");
    let middle = log.len() / 2;
    log[middle] ^= 1;
    work.write("main.avmlog", log);
    fails(&work, "status", 6, "AVM0205");
}

/// Every command of `docs/local-chain.md` prints what stands below it. With `AVM_UPDATE` set, the page
/// is written anew instead.
#[test]
fn the_page_is_what_happens() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let page = root.join("docs/local-chain.md");
    let text = std::fs::read_to_string(&page).unwrap();
    let work = Work::new();
    work.write("vault.script", VAULT);
    let (mut block, mut skip, mut commands) = (false, false, 0);
    let mut real = String::new();
    for line in text.lines() {
        if line.starts_with("```") {
            (block, skip) = (!block, false);
        }
        if let Some(command) = line.strip_prefix("$ avm ").filter(|_| block) {
            let ran = work.avm(command);
            let shown = format!("{line}\n{}{}", ran.stdout, ran.stderr);
            real += &shown;
            (skip, commands) = (true, commands + 1);
        } else if !skip {
            real += line;
            real.push('\n');
        }
    }
    assert!(commands > 8);
    if std::env::var_os("AVM_UPDATE").is_some() {
        std::fs::write(&page, real).unwrap();
        return;
    }
    assert!(text == real, "the page should be:\n{real}");
}
