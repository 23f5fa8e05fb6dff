//! The Atomicals indexer on the command line: every verb once on a chain with contracts, tokens and
//! names, blocks in every form of file, points by height and transaction, and snapshots.

mod common;

use avm_atomicals::asm;
use avm_regtest::{Chain, Id, Key, Operation, Publish, id_text};
use common::Work;
use serde_json::{Value, json};

/// Keeps the number it is called with.
const KEEPER: &str = "'c' 'n' ROT KV_PUT 1";
/// Height of the first block of the index.
const START: u32 = 111;

/// A chain with a protocol, a contract, a realm, a token, and calls of which one fails.
struct Story {
    chain: Chain,
    contract: String,
    /// Transaction of the call that succeeds, as it is displayed.
    call: String,
}

impl Story {
    fn new() -> Self {
        let code = asm::assemble(KEEPER, &asm::Options::default()).expect("a script");
        let alice = Key::from_seed("alice");
        let mut chain = Chain::funded();
        chain.fund(&alice, 1_000_000).expect("the miner is rich");
        chain.mine();
        let publish = |chain: &mut Chain, operation: Operation| {
            let publish = Publish::new(&alice, operation);
            chain.publish(&publish).expect("it can be published")
        };
        publish(&mut chain, Operation::def("keep", &code.code));
        publish(&mut chain, Operation::nft().arg("request_realm", "alice"));
        publish(&mut chain, Operation::ft("gold"));
        chain.mine();
        chain.mine_empty(3);
        // 0x53 pushes the number 3.
        let made = publish(&mut chain, Operation::new("keep", Some("one"), &[0x53]));
        chain.mine();
        chain.mine_empty(3);
        let id: Id = made.id();
        let called = publish(&mut chain, Operation::call(id, &[0x55]));
        chain.mine();
        publish(&mut chain, Operation::call("one", &[]));
        chain.mine();
        chain.mine_empty(1);
        Self {
            contract: id_text(&id),
            call: called.reveal.compute_txid().to_string(),
            chain,
        }
    }

    fn blocks(&self) -> Vec<Vec<u8>> {
        let heights = START..=self.chain.height();
        let block = |height| self.chain.block_bytes(height).expect("it is there");
        heights.map(block).collect()
    }

    /// A program that starts with the first block of the story.
    fn program(&self) -> String {
        let before = self.chain.block(START - 1).expect("it is there");
        let before = before.block_hash().to_string();
        json!({ "chain": "regtest", "start": START, "before": before }).to_string()
    }

    fn work(&self) -> Work {
        let work = Work::new();
        work.write("main.chain.json", self.program());
        work.write("blocks.hex", hex_lines(&self.blocks()));
        work
    }

    fn recorded(&self) -> Work {
        let work = self.work();
        let ran = work.avm("run main.chain.json --inputs blocks.hex --record main.avmlog");
        assert_eq!(ran.code, 0, "{ran:?}");
        work
    }
}

fn hex_lines(blocks: &[Vec<u8>]) -> String {
    let line = |block: &Vec<u8>| block.iter().map(|byte| format!("{byte:02x}")).collect();
    blocks.iter().map(line).collect::<Vec<String>>().join("\n")
}

fn data(work: &Work, args: &str) -> Value {
    let ran = work.avm(&format!("{args} --json"));
    assert_eq!(ran.code, 0, "{args}: {ran:?}");
    ran.json()["data"].clone()
}

fn failure(work: &Work, args: &str, exit: i32, code: &str) -> Value {
    let ran = work.avm(&format!("{args} --json"));
    assert_eq!(ran.code, exit, "{args}: {ran:?}");
    let error = ran.lines().pop().expect("a line")["error"].clone();
    assert_eq!(error["code"], code, "{args}: {error}");
    error
}

fn done(work: &Work, args: &str) -> String {
    let ran = work.avm(args);
    assert_eq!(ran.code, 0, "{args}: {ran:?}");
    ran.stdout
}

#[test]
fn a_run_and_its_state() {
    let story = Story::new();
    let work = story.recorded();
    let ran = data(&work, "run main.chain.json -i blocks.hex");
    assert_eq!(ran["machine"], "atomicals-index");
    assert_eq!(ran["inputs_taken"], json!(story.blocks().len()));
    let outputs: Vec<&str> = ran["outputs"]
        .as_array()
        .expect("outputs")
        .iter()
        .map(|o| o["value"].as_str().expect("text"))
        .collect();
    let all = outputs.join("\n");
    for want in [
        format!("@116:2 new {} done, cost ", story.contract),
        format!("@120:2 c {} done, cost ", story.contract),
        format!(
            "@121:2 c {} failed: locking script, operation 2: ",
            story.contract
        ),
    ] {
        assert!(all.contains(&want), "{want}\n{all}");
    }
    assert!(outputs.last().expect("one").starts_with("122 "), "{all}");

    let key = |key: &str| data(&work, &format!("show main.avmlog@final {key}"))["value"].clone();
    let contract = &story.contract;
    assert_eq!(key(&format!("contract/{contract}/state/c/n")), "0x05");
    assert_eq!(key(&format!("contract/{contract}"))["calls"], 1);
    assert_eq!(key("name/contract/one")["id"], json!(contract));
    assert_eq!(
        (key("height"), key("items"), key("refused")),
        (json!(122), json!(4), json!(0))
    );
    assert_eq!(key("tip"), story.chain.tip_hash().to_string());
    assert_eq!(
        key("block/120")["hash"],
        story
            .chain
            .block(120)
            .expect("there")
            .block_hash()
            .to_string()
    );

    // A listing of everything names keys that can all be shown, and prefixes cut it.
    let all = data(&work, "state main.avmlog@final");
    let names: Vec<&str> = all["keys"]
        .as_array()
        .expect("keys")
        .iter()
        .map(|k| k["key"].as_str().expect("text"))
        .collect();
    for family in [
        "block/",
        "contract/",
        "holder/",
        "item/",
        "name/realm/alice",
        "output/",
        "protocol/",
    ] {
        assert!(
            names.iter().any(|name| name.starts_with(family)),
            "{family}: {names:?}"
        );
    }
    let held = names
        .iter()
        .find(|name| name.starts_with("holder/"))
        .expect("one");
    let prefixes = [
        "",
        "item",
        "item/",
        "items",
        "b",
        "name/ticker/",
        "name/realm/al",
        contract,
        "contract/",
        held,
        &held[..50],
        &held[..80],
        "block/12",
        "zz",
    ];
    for prefix in prefixes {
        let listed = data(&work, &format!("state main.avmlog@final {prefix}"));
        let listed: Vec<&str> = listed["keys"]
            .as_array()
            .expect("keys")
            .iter()
            .map(|k| k["key"].as_str().expect("text"))
            .collect();
        let want: Vec<&str> = names
            .iter()
            .copied()
            .filter(|name| name.starts_with(prefix))
            .collect();
        assert_eq!(listed, want, "{prefix}");
    }
    for name in &names {
        done(&work, &format!("show main.avmlog@final {name}"));
    }
    let some = data(&work, "state main.avmlog@final --limit 3");
    assert_eq!(
        (some["keys"].as_array().map(Vec::len), &some["more"]),
        (Some(3), &json!(true))
    );
}

#[test]
fn every_verb() {
    let story = Story::new();
    let work = story.recorded();
    assert_eq!(work.avm("replay main.avmlog --check").code, 0);
    let log = done(&work, "log main.avmlog");
    assert_eq!(log.lines().count(), story.blocks().len());
    assert!(
        log.contains(&format!(
            "hash {}",
            story.chain.block(111).expect("there").block_hash()
        )),
        "{log}"
    );
    assert_eq!(done(&work, "root main.avmlog@0..@3").lines().count(), 4);
    let trace = done(&work, "trace main.avmlog@b120");
    for word in [
        "take block",
        "settle tx 0",
        "settle tx 2",
        "OP_KV_PUT",
        "close block",
    ] {
        assert!(trace.contains(word), "{word}\n{trace}");
    }
    let fails = done(&work, "trace main.avmlog@:fail");
    assert!(fails.contains("OP_ROT") && fails.contains("!! "), "{fails}");
    let diff = work.avm("diff main.avmlog@b119 main.avmlog@b120");
    assert_eq!(diff.code, 1, "{diff:?}");
    assert!(
        diff.stdout
            .contains(&format!("contract/{}/state/c/n", story.contract)),
        "{diff:?}"
    );
    diffs(&work, &story);
    let bundle = done(&work, "bundle main.avmlog@b120 -o one.avmbundle");
    assert!(bundle.contains("one.avmbundle"), "{bundle}");
    done(&work, "trace one.avmbundle");
    let called = done(
        &work,
        &format!("call main.chain.json {}", hex_lines(&story.blocks()[..1])),
    );
    assert!(called.contains("111"), "{called}");

    // The other log has another call in its last but two blocks, and so no block that follows.
    let mut blocks = story.blocks();
    blocks.remove(9);
    work.write("other.hex", hex_lines(&blocks));
    let other = work.avm("run main.chain.json -i other.hex --record other.avmlog");
    assert_eq!(
        (
            other.code,
            other.stderr.contains("it does not follow the last block")
        ),
        (1, true),
        "{other:?}"
    );
    let bisect = work.avm("bisect main.avmlog other.avmlog -o x.avmbundle");
    assert_eq!(bisect.code, 8, "{bisect:?}");
    assert!(bisect.stdout.contains("@9"), "{bisect:?}");
    // One takes a block, the other refuses what does not follow.
    assert!(bisect.stdout.contains("\nkey "), "{bisect:?}");
    let bisect = work.avm("bisect main.avmlog other.avmlog -o x.avmbundle --json");
    let data = bisect.json()["data"].clone();
    let keys = data["keys"].as_array().expect("keys").iter();
    let names: Vec<&str> = keys.map(|key| key["key"].as_str().expect("text")).collect();
    assert_eq!(names, ["refused", "work", "block/120"], "{data}");
    assert_eq!(
        (&data["key_count"], &data["more_keys"]),
        (&json!(3), &json!(false))
    );

    done(&work, "dispute play main.avmlog --liar step=20");
    assert!(done(&work, "machines atomicals-index").contains("blkNNNNN.dat"));
}

/// Differences of states, as they are listed, counted and cut.
fn diffs(work: &Work, story: &Story) {
    let value = |point: &str, key: &str| {
        let shown = work.avm(&format!("show main.avmlog@{point} {key} --json"));
        (shown.code == 0).then(|| shown.json()["data"]["value"].clone())
    };
    let differing = |args: &str| {
        let ran = work.loud(&format!(
            "diff main.avmlog@genesis main.avmlog@final {args} --json"
        ));
        assert_eq!(ran.code, 1, "{args}: {ran:?}");
        (ran.json()["data"].clone(), ran.stderr)
    };
    let (all, note) = differing("");
    assert_eq!((&all["more"], &*note), (&json!(false), ""));
    let keys = all["keys"].as_array().expect("keys");
    assert_eq!(all["count"], json!(keys.len()));
    let names: Vec<&str> = keys
        .iter()
        .map(|key| key["key"].as_str().expect("text"))
        .collect();
    // Nothing but counters was there before; every other key of the end is new.
    let state = data(work, "state main.avmlog@final");
    let listed = state["keys"].as_array().expect("keys").iter();
    let listed: Vec<&str> = listed
        .map(|key| key["key"].as_str().expect("text"))
        .collect();
    let unchanged = ["rules", "params", "refused"];
    let want: Vec<&str> = listed
        .into_iter()
        .filter(|key| !unchanged.contains(key))
        .collect();
    assert_eq!(names, want);
    for key in keys {
        let name = key["key"].as_str().expect("text");
        let of = |side: &str| Some(key[side]["value"].clone()).filter(|value| !value.is_null());
        assert_eq!(of("b"), value("final", name), "{name}");
        let before = value("genesis", name);
        assert_eq!(of("a"), before, "{name}");
    }
    let prefix = format!("contract/{}/", story.contract);
    let (under, _) = differing(&format!("--only {prefix}"));
    let under = under["keys"].as_array().expect("keys").len();
    assert_eq!(
        under,
        names
            .iter()
            .filter(|name| name.starts_with(&prefix))
            .count()
    );
    assert!(under >= 2, "{names:?}");
    for limit in [0, 1, 7, names.len()] {
        let (some, note) = differing(&format!("--limit {limit}"));
        let more = limit < names.len();
        assert_eq!(
            (&some["more"], &some["same"]),
            (&json!(more), &json!(false))
        );
        assert_eq!(some["keys"], json!(keys[..limit]));
        assert_eq!(
            note.contains(&format!("more than {limit} keys differ")),
            more,
            "{note}"
        );
    }
    let (counted, _) = differing("--stat --limit 1");
    assert_eq!(
        (&counted["count"], &counted["keys"]),
        (&json!(names.len()), &json!([]))
    );
    let stat = work
        .avm("diff main.avmlog@genesis main.avmlog@final --stat")
        .stdout;
    assert!(stat.contains("contract       3\n"), "{stat}");
    assert!(
        stat.ends_with(&format!("{} keys differ\n", names.len())),
        "{stat}"
    );
    let none = work.avm("diff main.avmlog@b119 main.avmlog@b120 --only name/");
    assert_eq!(
        (
            none.code,
            none.stdout.contains("no key under `name/` differs")
        ),
        (0, true)
    );
}

#[test]
fn proofs() {
    let story = Story::new();
    let work = story.recorded();
    let contract = &story.contract;
    for (name, target) in [
        ("take", String::from("main.avmlog@b120:0")),
        ("last", "main.avmlog@b120:-1".into()),
        ("input", "main.avmlog@b120".into()),
        ("range", "main.avmlog@b111..@b113".into()),
        ("fail", "main.avmlog@:fail".into()),
        (
            "key",
            format!("main.avmlog@final --key contract/{contract}/state/c/n"),
        ),
        (
            "row",
            format!("main.avmlog@final --key contract/{contract}"),
        ),
        ("absent", "main.avmlog@final --key name/realm/bob".into()),
        ("inside", "main.avmlog@b120:1 --key work".into()),
    ] {
        done(&work, &format!("prove {target} -o {name}.avmproof"));
        let valid = work.avm(&format!("verify {name}.avmproof"));
        assert_eq!(valid.code, 0, "{name}: {valid:?}");
    }
    failure(
        &work,
        "prove main.avmlog@final --key contract/1 -o n.avmproof",
        4,
        "AVM0203",
    );
}

#[test]
fn files_with_blocks() {
    let story = Story::new();
    let work = story.recorded();
    let root_of = |args: &str| data(&work, args)["root"].clone();
    let root = root_of("root main.avmlog@final");
    let blocks = story.blocks();
    let mut raw = Vec::new();
    for block in &blocks {
        raw.extend([0xfa, 0xbf, 0xb5, 0xda]);
        raw.extend((block.len() as u32).to_le_bytes());
        raw.extend(block);
    }
    let cut = raw.len() - 1;
    raw.extend([0; 1000]);
    work.write("blk00000.dat", &raw);
    assert_eq!(root_of("root main.chain.json -i blk00000.dat"), root);
    work.write("one.block", &blocks[0]);
    assert_eq!(
        data(&work, "run main.chain.json -i one.block")["inputs_taken"],
        1
    );
    work.write("cut.dat", &raw[..cut]);
    let error = failure(&work, "run main.chain.json -i cut.dat", 3, "AVM0104");
    assert!(
        error["message"]
            .as_str()
            .expect("text")
            .starts_with("block 11 at byte "),
        "{error}"
    );
    let mut other = raw.clone();
    other[8 + blocks[0].len()] ^= 1;
    work.write("other.dat", &other);
    let error = failure(&work, "run main.chain.json -i other.dat", 3, "AVM0104");
    assert_eq!(error["data"]["offset"], json!(8 + blocks[0].len()));
    // The key that newer versions of Bitcoin Core add.
    let key = [7, 1, 0, 9, 200, 3, 4, 5];
    let hidden: Vec<u8> = raw
        .iter()
        .zip(key.iter().cycle())
        .map(|(a, b)| a ^ b)
        .collect();
    work.write("blk00000.dat", hidden);
    work.write("xor.dat", key);
    assert_eq!(root_of("root main.chain.json -i blk00000.dat"), root);
}

#[test]
fn points_by_height_and_transaction() {
    let story = Story::new();
    let work = story.recorded();
    let root = |point: &str| data(&work, &format!("root main.avmlog@{point}"))["root"].clone();
    for (height, input) in [
        ("b111", "0"),
        ("b120", "9"),
        ("b120:2", "9:2"),
        ("b122:last", "11:last"),
    ] {
        assert_eq!(root(height), root(input), "{height}");
    }
    let call = &story.call;
    assert_eq!(root(&format!("tx:{call}")), root("9"));
    assert_eq!(root(&format!("tx:{call}:3")), root("9:3"));
    assert_eq!(
        data(&work, &format!("show main.avmlog@tx:{call}"))["point"],
        "@9"
    );
    for (point, exit, code) in [
        ("b110", 4, "AVM0202"),
        ("b123", 4, "AVM0202"),
        ("b99999999999999999999", 2, "AVM0201"),
        ("b120:99", 4, "AVM0202"),
        ("tx:00", 9, "AVM0211"),
    ] {
        failure(&work, &format!("root main.avmlog@{point}"), exit, code);
    }
    failure(
        &work,
        &format!("root main.avmlog@tx:{}", "00".repeat(32)),
        4,
        "AVM0202",
    );
    // A block that is refused has no height.
    let mut blocks = story.blocks();
    blocks.insert(3, blocks[0].clone());
    blocks.insert(3, vec![1, 2, 3]);
    work.write("more.hex", hex_lines(&blocks));
    let more = data(&work, "show main.chain.json@b120 -i more.hex");
    assert_eq!(more["point"], "@11");
    assert_eq!(
        data(&work, "show main.chain.json@3 -i more.hex")["input"]["bytes"],
        3
    );
}

#[test]
fn refused_blocks_and_programs() {
    let story = Story::new();
    let work = story.work();
    work.write("late.hex", hex_lines(&story.blocks()[1..2]));
    let error = failure(&work, "run main.chain.json -i late.hex", 1, "AVM0117");
    assert_eq!(
        error["message"],
        "the block is refused: it does not follow the last block"
    );
    work.write("bad.hex", "00ff\n");
    let error = failure(&work, "run main.chain.json -i bad.hex", 1, "AVM0117");
    assert!(error.to_string().contains("bytes end at byte 2"), "{error}");
    for (program, code) in [
        (json!({ "chain": "moon" }), "AVM0103"),
        (json!({ "chain": "regtest", "start": -1 }), "AVM0103"),
        (json!({ "chain": "regtest", "before": "00" }), "AVM0103"),
        (json!({ "chain": "regtest", "header_window": 0 }), "AVM0103"),
        (json!({ "chain": "regtest", "overlay": 1 }), "AVM0103"),
        (json!({ "chain": "regtest", "rules": "avm9" }), "AVM0103"),
        (json!({ "chain": "regtest", "more": 1 }), "AVM0103"),
    ] {
        work.write("x.chain.json", program.to_string());
        failure(&work, "run x.chain.json", 3, code);
    }
    work.write(
        "x.json",
        r#"{"chain": "mainnet", "rules": "beta1", "header_window": 11}"#,
    );
    let text = done(&work, "disasm x.json");
    work.write("y.json", text);
    let root_of = |args: &str| data(&work, args)["root"].clone();
    assert_eq!(
        root_of("root x.json@genesis"),
        root_of("root y.json@genesis")
    );
    assert_eq!(
        data(&work, "show x.json@genesis params")["value"]["start"],
        808_080
    );
}

#[test]
fn snapshots() {
    let story = Story::new();
    let work = story.recorded();
    let made = data(&work, "snapshot make main.avmlog@b120 -o s.avmsnap");
    assert_eq!(made["height"], 120);
    let root = made["root"].as_str().expect("text");
    assert_eq!(data(&work, "root main.avmlog@b120")["root"], root);
    let bytes = work.read("s.avmsnap");
    assert_eq!(made["bytes"], json!(bytes.len()));
    let found = data(&work, &format!("snapshot verify s.avmsnap --root {root}"));
    assert_eq!(
        (&found["root"], &found["nodes"]),
        (&made["root"], &made["nodes"])
    );
    let other = format!("0x{}", "11".repeat(32));
    failure(
        &work,
        &format!("snapshot verify s.avmsnap --root {other}"),
        8,
        "AVM0221",
    );
    failure(
        &work,
        "snapshot make main.avmlog@b120 -o s.avmsnap",
        2,
        "AVM0005",
    );
    failure(
        &work,
        "snapshot make main.avmlog@b120:1 -o t.avmsnap",
        4,
        "AVM0223",
    );
    failure(
        &work,
        "snapshot make main.avmlog@genesis -o t.avmsnap",
        4,
        "AVM0223",
    );
    failure(&work, "snapshot make adder.masm -o t.avmsnap", 9, "AVM0222");
    failure(&work, "snapshot verify main.avmlog", 3, "AVM0218");

    // A run that starts from it ends where the whole run does.
    work.write("rest.hex", hex_lines(&story.blocks()[10..]));
    let ran = work.avm("run s.avmsnap -i rest.hex --record rest.avmlog");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(
        data(&work, "root rest.avmlog@final")["root"],
        data(&work, "root main.avmlog@final")["root"]
    );
    assert_eq!(
        data(&work, "root rest.avmlog@b122")["root"],
        data(&work, "root main.avmlog@b122")["root"]
    );
    done(&work, "prove rest.avmlog@b121 -o rest.avmproof");
    done(&work, "verify rest.avmproof");

    // Any changed byte is refused, in the node that it is in.
    let every = bytes.len() / 40;
    for at in (0..bytes.len()).step_by(every).chain([bytes.len() - 1]) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 0x20;
        work.write("bad.avmsnap", &bytes);
        let ran = work.avm("snapshot verify bad.avmsnap --json");
        assert!([3, 6].contains(&ran.code), "byte {at}: {ran:?}");
        if at >= 48 {
            let offset = ran.json()["error"]["data"]["offset"]
                .as_u64()
                .expect("an offset") as usize;
            // A length that is too large for the file leaves it without that node.
            let inside = offset <= at && at < offset + 70_000;
            assert!(inside || offset == bytes.len(), "byte {at}: {offset}");
        }
    }
    for len in [0, 7, 47, 48, 50, 52, 60, bytes.len() - 1] {
        work.write("cut.avmsnap", &bytes[..len]);
        let ran = work.avm("snapshot verify cut.avmsnap");
        assert!([3, 6].contains(&ran.code), "{len} bytes: {ran:?}");
    }
    work.write("long.avmsnap", [&bytes[..], &[0; 5]].concat());
    failure(&work, "snapshot verify long.avmsnap", 6, "AVM0220");
    failure(&work, "run long.avmsnap", 6, "AVM0220");
}
