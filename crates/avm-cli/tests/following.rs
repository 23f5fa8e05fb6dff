//! `avm index` and `avm compare`: block files into stores, ended by force, through reorgs, and the
//! roots of several stores next to each other.

mod common;

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use avm_regtest::Chain;
use common::Work;
use common::blocks::{INDEX, files, index, row, tampered, walked};

#[test]
fn a_chain_is_indexed_and_goes_on() {
    let work = Work::new();
    let chain = walked(1, 150);
    files(&work, "blocks", &chain);
    let first = index(&work, "blocks", "s", "--stop-at 120");
    assert_eq!(row(&first, "height"), "b120");
    let ran = index(&work, "blocks", "s", "");
    assert_eq!(row(&ran, "height"), format!("b{}", chain.height()));
    assert_eq!(row(&ran, "block"), chain.tip_hash().to_string());
    let at_once = index(&work, "blocks", "t", "");
    for label in ["root", "T", "S"] {
        assert_eq!(row(&at_once, label), row(&ran, label), "{label}");
    }
    assert_ne!(row(&ran, "root"), row(&first, "root"));

    // The same as a stream.
    let ran = work.avm(&format!("{INDEX} blocks --store u --json"));
    let lines = ran.lines();
    let end = lines.last().unwrap();
    assert_eq!((&end["t"], &end["ok"]), (&"end".into(), &true.into()));
    assert_eq!(end["root"], format!("0x{}", row(&at_once, "root")));
    assert_eq!(end["refused"], 0);
    let blocks: u64 = lines
        .iter()
        .filter_map(|line| line["blocks"].as_u64())
        .sum();
    assert_eq!(
        blocks,
        2 * u64::from(chain.height()),
        "each in a batch, all in the end"
    );

    // Recorded roots, without executing anything.
    let root = |point: &str| work.avm(&format!("root {point}"));
    assert_eq!(root("s@b120").stdout.trim(), row(&first, "root"));
    assert_eq!(root("s@latest").stdout.trim(), row(&at_once, "root"));
    assert_eq!(root("s").stdout.trim(), row(&at_once, "root"));
    assert_eq!(root("s@119").stdout.trim(), row(&first, "root"));
    let missing = root("s@b9999");
    assert_eq!(missing.code, 4, "{missing:?}");
    assert!(missing.stderr.contains("b1 .. b"), "{missing:?}");
}

/// Killed again and again, at other moments each time: the root is that of a run left alone.
#[test]
fn a_kill_at_any_moment_costs_nothing() {
    let work = Work::new();
    let chain = walked(2, 420);
    files(&work, "blocks", &chain);
    let whole = index(&work, "blocks", "whole", "");
    let (mut kills, mut in_work) = (0, 0);
    let mut after = Duration::from_millis(15);
    loop {
        let args = format!("{INDEX} blocks --store killed --batch 20 --quiet");
        let words: Vec<&str> = args.split_whitespace().collect();
        let mut command = work.command(&words);
        let mut child = command
            .stdin(Stdio::null())
            .stdout(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        std::thread::sleep(after);
        if let Some(status) = child.try_wait().unwrap() {
            let output = child.wait_with_output().unwrap();
            assert!(
                status.success(),
                "{}",
                String::from_utf8_lossy(&output.stderr)
            );
            break;
        }
        child.kill().unwrap();
        child.wait().unwrap();
        kills += 1;
        // What is read of it may be behind, never damaged.
        if work.path("killed/main.avmlog").exists() {
            let ran = work.avm("compare whole killed");
            assert!(matches!(ran.code, 0 | 4), "{ran:?}");
            in_work += usize::from(ran.code == 4 || ran.stdout.contains("agrees, behind"));
        }
        after += after / 4 + Duration::from_millis(3 + kills * 5 % 11);
        assert!(kills < 100, "{after:?}");
    }
    assert!(in_work > 0, "none of {kills} kills met a store in work");
    println!("{kills} kills, {in_work} of them while it ran");
    let ran = index(&work, "blocks", "killed", "");
    for label in ["root", "height", "T", "S"] {
        assert_eq!(
            row(&ran, label),
            row(&whole, label),
            "{label} after {kills} kills"
        );
    }
    let ran = work.avm("compare whole killed");
    assert_eq!(ran.code, 0, "{ran:?}");
}

/// A branch that spends what the other had spent, too: the index goes back below the state that it
/// was opened at.
#[test]
fn a_reorg_gives_the_root_of_a_fresh_run() {
    let work = Work::new();
    let chain = walked(3, 160);
    files(&work, "blocks", &chain);
    index(&work, "blocks", "s", "");
    for depth in [1, 7, 30] {
        let mut other = chain.clone();
        other.reorg(depth).unwrap();
        other.set_branch(100 + depth);
        for _ in 0..depth + 3 {
            other.mine();
        }
        let name = format!("other{depth}");
        files(&work, &name, &other);
        let ran = work.loud(&format!("{INDEX} {name} --store s"));
        assert_eq!(ran.code, 0, "{ran:?}");
        assert!(
            ran.stderr.contains("reorg: ") && ran.stderr.contains("new root"),
            "{ran:?}"
        );
        let fresh = index(&work, &name, &format!("fresh{depth}"), "");
        assert_eq!(row(&ran, "root"), row(&fresh, "root"), "{depth}");
        // And back again.
        let mut longer = chain.clone();
        longer.set_branch(200 + depth);
        longer.mine_empty(depth + 10);
        files(&work, "back", &longer);
        let ran = work.avm(&format!("{INDEX} back --store s --json"));
        let reorg = ran.lines().into_iter().find(|line| line["t"] == "reorg");
        assert!(reorg.unwrap()["taken_back"].as_u64().unwrap() >= u64::from(depth));
        fs::remove_dir_all(work.path("back")).unwrap();
    }
    // A depth that is not allowed changes nothing.
    let mut other = chain.clone();
    other.reorg(20).unwrap();
    other.set_branch(999);
    other.mine_empty(60);
    files(&work, "deep", &other);
    let before = work.avm("root s@latest").stdout;
    let ran = work.avm(&format!("{INDEX} deep --store s --depth 5"));
    assert_eq!(ran.code, 8, "{ran:?}");
    assert!(
        ran.stderr.contains("AVM0727") && ran.stderr.contains("--depth"),
        "{ran:?}"
    );
    assert_eq!(work.avm("root s@latest").stdout, before);
}

#[test]
fn errors_say_both_sides() {
    let work = Work::new();
    files(&work, "blocks", &Chain::funded());
    fs::create_dir(work.path("empty")).unwrap();
    index(&work, "blocks", "s", "");
    let cases = [
        (
            "blocks --store s --start 5 --rules beta1",
            2,
            "AVM0729",
            "--rules beta1 --start 5",
        ),
        (
            "blocks --store s --chain mainnet",
            2,
            "AVM0729",
            "--chain regtest",
        ),
        ("empty --store new", 3, "AVM0724", "blk00000.dat"),
        ("nowhere --store new", 3, "AVM0101", "nowhere"),
    ];
    for (args, code, id, text) in cases {
        let chain = if args.contains("--chain") {
            ""
        } else {
            "--chain regtest"
        };
        let ran = work.avm(&format!("index --source files --once {chain} {args}"));
        assert_eq!(ran.code, code, "{args}: {ran:?}");
        assert!(
            ran.stderr.contains(id) && ran.stderr.contains(text),
            "{args}: {ran:?}"
        );
    }
    assert!(
        !work.path("new").exists(),
        "a source that fails leaves no store"
    );
    // Nobody listens at port 1.
    for kind in ["rpc", "rest"] {
        let args = format!("index --source {kind} 127.0.0.1:1 --chain regtest --store new");
        let ran = work.avm(&args);
        assert_eq!(ran.code, 5, "{ran:?}");
        assert!(ran.stderr.contains("AVM0721"), "{ran:?}");
        let ran = work.avm(&format!("{args} --offline"));
        assert_eq!(ran.code, 2, "{ran:?}");
    }
    // A database that was damaged says how it is made again.
    let state = work.path("s/state.redb");
    let mut bytes = fs::read(&state).unwrap();
    let middle = bytes.len() / 2;
    bytes[..middle]
        .iter_mut()
        .skip(64)
        .for_each(|byte| *byte ^= 0x5a);
    fs::write(&state, bytes).unwrap();
    let ran = work.avm(&format!("{INDEX} blocks --store s"));
    assert_eq!(ran.code, 6, "{ran:?}");
    assert!(
        ran.stderr.contains("remove") && ran.stderr.contains("state.redb"),
        "{ran:?}"
    );
    let before = work.avm("root s").stdout;
    fs::remove_file(&state).unwrap();
    assert_eq!(row(&index(&work, "blocks", "s", ""), "root"), before.trim());
}

#[test]
fn stores_are_compared() {
    let work = Work::new();
    let chain = walked(4, 140);
    files(&work, "blocks", &chain);
    index(&work, "blocks", "n1", "");
    index(&work, "blocks", "n3", "--stop-at 130");
    // A node whose root is another from b126 on.
    tampered(&work, "n1", "n2", |claim| claim.inputs >= 126);
    // One with a single wrong root, which a search by halving would miss.
    tampered(&work, "n1", "once", |claim| claim.inputs == 33);
    let ran = work.avm("compare n1 n3");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert!(ran.stdout.contains("agrees, behind") && ran.stdout.contains("root at b130"));
    let ran = work.avm("compare n1 n2 n3");
    assert_eq!(ran.code, 8, "{ran:?}");
    for text in [
        "agrees with 2 of 3",
        "DIFFERS since b126",
        "avm bisect n1 n2",
        "the same blocks",
    ] {
        assert!(ran.stdout.contains(text), "{text}: {ran:?}");
    }
    let data = work.avm("compare n1 n2 n3 --json").json()["data"].clone();
    assert_eq!(
        (&data["same"], &data["at"]),
        (&false.into(), &"b130".into())
    );
    assert_eq!(data["nodes"][1]["differs_since"], "b126");
    assert_eq!(data["nodes"][2]["lag"], chain.height() - 130);
    // Before the difference all agree.
    assert_eq!(work.avm("compare n1 n2 n3 --at b125").code, 0);
    assert_eq!(work.avm("compare n1 n2 n3 --at b126").code, 8);
    let ran = work.avm("compare n1 once");
    assert_eq!(ran.code, 8);
    assert!(ran.stdout.contains("DIFFERS since b33"), "{ran:?}");
    let ran = work.avm("compare n1 n2 --every 50");
    assert!(
        ran.stdout.contains("b100") && ran.stdout.contains("DIFFERENT"),
        "{ran:?}"
    );
    // Other blocks are told from other rules.
    let mut other = chain.clone();
    other.reorg(10).unwrap();
    other.set_branch(7);
    other.mine_empty(10);
    files(&work, "fork", &other);
    index(&work, "fork", "n4", "");
    let ran = work.avm("compare n1 n4");
    assert_eq!(ran.code, 8);
    let since = format!("DIFFERS since b{}", chain.height() - 9);
    assert!(
        ran.stdout.contains(&since) && ran.stdout.contains("other blocks"),
        "{ran:?}"
    );
    // Logs that cannot have the same roots.
    index(&work, "blocks", "beta", "--rules beta1");
    let ran = work.avm("compare n1 beta");
    assert_eq!(ran.code, 2, "{ran:?}");
    assert!(
        ran.stderr.contains("--rules avm1") && ran.stderr.contains("--rules beta1"),
        "{ran:?}"
    );
}
