//! `avm diff`, `avm bisect` and `avm bundle`: what they find, print and write.

mod common;

use avm_store::Bundle;
use common::{Work, rewrite};

fn untouched(_: usize, _: &mut Vec<u8>) {}

/// With `main.avmlog` and `other.avmlog`, whose second input has another kind.
fn two_logs() -> Work {
    let work = Work::recorded();
    let inbox = common::INBOX.replace("\"kind\": 7", "\"kind\": 9");
    work.write("other.json", inbox);
    let ran = work.avm("run adder.masm --inputs other.json --record other.avmlog");
    assert_eq!(ran.code, 0, "{ran:?}");
    work
}

/// With `main.avmlog` and a `liar.avmlog` that has another root after the second input.
fn a_liar() -> Work {
    let work = Work::recorded();
    rewrite(
        &work,
        ["main.avmlog", "liar.avmlog"],
        untouched,
        |at, claim| {
            if at == 3 {
                claim.state.0[7] ^= 1;
            }
            true
        },
    );
    work
}

#[test]
fn diff_lists_what_differs() {
    let work = two_logs();
    insta::assert_snapshot!("diff", work.avm("diff main.avmlog@0 @1:2").shown());
    let ran = work.avm("diff main.avmlog@1:1 other.avmlog@1:1");
    insta::assert_snapshot!("diff_inside_a_tuple", ran.shown());
    insta::assert_snapshot!(
        "diff_stat",
        work.avm("diff main.avmlog@0 @1:2 --stat").shown()
    );
    let ran = work.avm("diff main.avmlog@0 @1:2 --only stack/ --json");
    let data = ran.json()["data"].clone();
    assert_eq!(
        (ran.code, &data["same"], &data["count"]),
        (1, &false.into(), &3.into())
    );
    assert_eq!(data["keys"][0]["key"], "stack/0");
    assert_eq!(data["keys"][0]["a"]["text"], "8");
    let ran = work.avm("diff main.avmlog@0 @1:2 --only stack/ --limit 2 --json");
    let some = ran.json()["data"].clone();
    assert_eq!((ran.code, &some["more"]), (1, &true.into()));
    assert_eq!(
        some["keys"].as_array().unwrap()[..],
        data["keys"].as_array().unwrap()[..2]
    );
    for same in [
        "main.avmlog other.avmlog@0 --only static",
        "main.avmlog@0 other.avmlog@0",
        "main.avmlog adder.masm@final --inputs inbox.json",
        "main.avmlog@1 main.avmlog@final",
    ] {
        let ran = work.avm(&format!("diff {same}"));
        let root_only = same.contains("--only");
        assert_eq!(ran.code, i32::from(root_only), "{same}: {ran:?}");
        assert!(
            root_only || ran.stdout.starts_with("same "),
            "{same}: {ran:?}"
        );
    }
}

#[test]
fn bisect_finds_the_input_the_step_and_the_keys() {
    let work = two_logs();
    let ran = work.avm("bisect main.avmlog other.avmlog");
    assert_eq!(ran.code, 8);
    insta::assert_snapshot!("bisect", ran.timeless());
    // The bundle stands for the step before which both sides are the same.
    let root = work.avm("root disagree-1.avmbundle").stdout;
    assert_eq!(root, work.avm("root main.avmlog@1:0").stdout);
    assert_eq!(root, work.avm("root other.avmlog@1:0").stdout);
    assert_ne!(
        work.avm("root main.avmlog@1:1").stdout,
        work.avm("root other.avmlog@1:1").stdout
    );
    // Again: the same file, and for another pair one more.
    assert_eq!(work.avm("bisect main.avmlog other.avmlog").code, 8);
    let ran = work.avm("bisect other.avmlog main.avmlog --until step --json");
    let data = ran.json()["data"].clone();
    assert_eq!((ran.code, &data["same"]), (8, &false.into()));
    assert_eq!(
        (&data["point"], &data["step"]),
        (&"@1".into(), &"@1:0".into())
    );
    assert_eq!(data["operation"], "inbox");
    assert_eq!(data["key_count"], 0);
    assert_eq!(data["file"], "disagree-1-2.avmbundle");
    let ran = work.avm("bisect main.avmlog other.avmlog --until input -o x.avmbundle");
    assert!(ran.code == 8 && !ran.stdout.contains("step "), "{ran:?}");
    assert_eq!(
        work.avm("show x.avmbundle --raw").stdout,
        work.avm("show main.avmlog@1 --raw").stdout
    );
    // Up to the first input the two agree.
    assert_eq!(work.avm("bisect main.avmlog@0 other.avmlog").code, 0);
}

#[test]
fn the_same_run_in_any_form_agrees() {
    let work = Work::recorded();
    work.avm("bundle main.avmlog@final -o b.avmbundle");
    std::fs::create_dir(work.path("store")).unwrap();
    std::fs::copy(work.path("main.avmlog"), work.path("store/main.avmlog")).unwrap();
    rewrite(&work, ["main.avmlog", "bare.avmlog"], untouched, |_, _| {
        false
    });
    for other in [
        "adder.masm --inputs inbox.json",
        "b.avmbundle",
        "store",
        "bare.avmlog",
        "main.avmlog",
    ] {
        let ran = work.avm(&format!("bisect main.avmlog {other}"));
        assert_eq!(ran.code, 0, "{other}: {ran:?}");
        assert!(
            ran.stdout.starts_with("agree     @0 .. @1"),
            "{other}: {ran:?}"
        );
    }
    let ran = work.avm("bisect main.avmlog main.avmlog@0");
    insta::assert_snapshot!("bisect_behind", ran.timeless());
    assert_eq!(ran.code, 0);
}

#[test]
fn a_root_that_nobody_can_compute() {
    let work = a_liar();
    let ran = work.avm("bisect main.avmlog liar.avmlog");
    assert_eq!(ran.code, 8);
    insta::assert_snapshot!("bisect_liar", ran.timeless());
    let data = work.avm("bisect liar.avmlog main.avmlog --json").json()["data"].clone();
    assert_eq!(data["kind"], "root");
    assert_eq!(
        (&data["side"], &data["agrees_with_execution"]),
        (&"liar".into(), &"main".into())
    );
    assert_eq!(data["point"], "@1");
    let ran = work.avm("bisect liar.avmlog --recorded");
    assert_eq!(ran.code, 8);
    insta::assert_snapshot!("bisect_recorded", ran.timeless());
    assert_eq!(work.avm("replay disagree-1.avmbundle --check").code, 8);
    assert_eq!(work.avm("bisect main.avmlog --recorded").code, 0);
    // Against a side that records nothing, execution decides.
    let ran = work.avm("bisect liar.avmlog adder.masm --inputs inbox.json");
    assert!(
        ran.code == 8 && ran.stdout.contains("records no root there"),
        "{ran:?}"
    );
    // Two different lies: neither is right.
    rewrite(
        &work,
        ["main.avmlog", "fool.avmlog"],
        untouched,
        |at, claim| {
            if at == 3 {
                claim.steps += 1;
            }
            true
        },
    );
    let ran = work.avm("bisect fool.avmlog liar.avmlog");
    assert!(
        ran.code == 8 && ran.stdout.contains("gives neither"),
        "{ran:?}"
    );
}

/// The first difference counts, whichever kind it is.
#[test]
fn the_earliest_difference_is_found() {
    let work = Work::recorded();
    for (victim, point) in [(0, "@genesis"), (1, "@genesis"), (2, "@0"), (3, "@1")] {
        rewrite(
            &work,
            ["main.avmlog", "liar.avmlog"],
            untouched,
            |at, claim| {
                if at >= victim {
                    claim.outbox.0[0] ^= 1;
                }
                true
            },
        );
        let data = work.avm("bisect main.avmlog liar.avmlog --json").json()["data"].clone();
        assert_eq!(
            (&data["point"], &data["kind"]),
            (&point.into(), &"root".into()),
            "{victim}"
        );
    }
    let other_input = |at: usize, bytes: &mut Vec<u8>| {
        if at == 0 {
            bytes[0] ^= 1;
        }
    };
    rewrite(
        &work,
        ["main.avmlog", "liar.avmlog"],
        other_input,
        |_, _| true,
    );
    let data = work.avm("bisect main.avmlog liar.avmlog --json").json()["data"].clone();
    assert_eq!(
        (&data["point"], &data["kind"]),
        (&"@0".into(), &"input".into())
    );
    assert_eq!(data["step"], "@0:0");
    let ran = work.avm("bisect main.avmlog faulty.masm");
    assert!(
        ran.code == 8 && ran.stdout.contains("the programs differ"),
        "{ran:?}"
    );
}

/// An input that the program drops unseen: the states are the same afterwards, the claims are not.
#[test]
fn an_input_that_leaves_no_trace() {
    let work = Work::new();
    work.write("drop.masm", "inbox\npop\ninbox\npop\nhalt\n");
    work.write("a.json", r#"[{"kind": 1}, {"kind": 2}]"#);
    work.write("b.json", r#"[{"kind": 1}, {"kind": 3}]"#);
    work.avm("run drop.masm -i a.json --record a.avmlog");
    work.avm("run drop.masm -i b.json --record b.avmlog");
    assert_eq!(work.avm("diff a.avmlog b.avmlog").code, 0);
    let data = work.avm("bisect a.avmlog b.avmlog --json").json()["data"].clone();
    assert_eq!(
        (&data["step"], &data["operation"]),
        (&"@1:0".into(), &"inbox".into())
    );
    work.write("halts.masm", "inbox\nhalt\n");
    work.avm("run halts.masm -i a.json --record a.avmlog --yes");
    work.avm("run halts.masm -i b.json --record b.avmlog --yes");
    let ran = work.avm("bisect a.avmlog b.avmlog");
    assert!(
        ran.code == 8 && ran.stdout.contains("halted before it takes"),
        "{ran:?}"
    );
}

#[test]
fn a_bundle_is_a_log_with_a_point() {
    let work = Work::recorded();
    insta::assert_snapshot!("bundle", work.avm("bundle main.avmlog@1:2").shown());
    let b = "main-1-2.avmbundle";
    for command in ["root", "trace", "state", "prove"] {
        let flags = if command == "prove" {
            " -o p.avmproof --yes"
        } else {
            ""
        };
        let own = work.avm(&format!("{command} {b}{flags}"));
        let point = work.avm(&format!("{command} {b}@1:2{flags}"));
        let log = work.avm(&format!("{command} main.avmlog@1:2{flags}"));
        assert_eq!(own.code, 0, "{command}: {own:?}");
        assert_eq!(own.timeless(), point.timeless(), "{command}");
        assert_eq!(own.timeless(), log.timeless(), "{command}");
    }
    for command in ["run", "replay", "log", "disasm"] {
        let ran = work.avm(&format!("{command} {b}"));
        assert_eq!(
            ran.stdout,
            work.avm(&format!("{command} main.avmlog")).stdout,
            "{command}"
        );
        assert_eq!(ran.code, 0, "{command}: {ran:?}");
    }
    assert_eq!(
        work.avm(&format!("show {b} --raw")).stdout,
        work.avm("show main.avmlog@1 --raw").stdout
    );
    assert_eq!(
        work.avm(&format!("root {b}@0")).stdout,
        work.avm("root main.avmlog@0").stdout
    );
    assert_eq!(work.avm(&format!("diff {b} main.avmlog@1:2")).code, 0);
    let again = work.avm(&format!("bundle {b} -o again.avmbundle"));
    assert_eq!(again.code, 0, "{again:?}");
    assert_eq!(
        work.read(b),
        work.read("again.avmbundle"),
        "a bundle of a bundle is the same file"
    );
}

#[test]
fn a_bundle_has_no_more_than_the_point_needs() {
    let work = Work::recorded();
    work.avm("bundle main.avmlog@0:1 -o b.avmbundle");
    work.avm("bundle main.avmlog@0:1 -o m.avmbundle --min");
    assert!(work.read("m.avmbundle").len() < work.read("b.avmbundle").len());
    for name in ["b", "m"] {
        let ran = work.avm(&format!("root {name}.avmbundle"));
        assert_eq!(ran.stdout, work.avm("root main.avmlog@0:1").stdout);
        assert_eq!(
            work.avm(&format!("log {name}.avmbundle"))
                .stdout
                .lines()
                .count(),
            1
        );
        assert_eq!(work.avm(&format!("root {name}.avmbundle@1")).code, 4);
    }
    assert_eq!(work.avm("replay m.avmbundle --check").code, 4);
    work.avm("bundle adder.masm@final:-1 --inputs inbox.json -o p.avmbundle --why because");
    let ran = work.avm("replay p.avmbundle --check");
    assert_eq!(
        ran.code, 0,
        "a program's bundle has the root at its point: {ran:?}"
    );
    let bundle = Bundle::from_bytes(&work.read("p.avmbundle")).unwrap();
    assert_eq!((&*bundle.point, &*bundle.why), ("@1:4", "because"));
    work.avm("bundle faulty.masm@:fail -o f.avmbundle");
    assert!(
        work.avm("trace f.avmbundle").stdout.contains("div"),
        "the step that fails"
    );
}

#[test]
fn bad_bundles_are_refused() {
    let work = Work::recorded();
    work.avm("bundle main.avmlog@1:2 -o b.avmbundle");
    let good = work.read("b.avmbundle");
    for at in (0..good.len()).step_by(43) {
        let mut bytes = good.clone();
        bytes[at] ^= 0x21;
        work.write("bad.avmbundle", &bytes);
        let ran = work.avm("root bad.avmbundle");
        let want = if at < 8 { 3 } else { 6 };
        assert_eq!(ran.code, want, "byte {at}: {ran:?}");
        // With a checksum that fits, the parts inside are checked by themselves.
        let end = bytes.len() - 8;
        let sum = avm_core::Hash::keccak(&bytes[..end]);
        bytes[end..].copy_from_slice(&sum.0[..8]);
        work.write("bad.avmbundle", &bytes);
        let ran = work.avm("root bad.avmbundle");
        assert!([0, 2, 3, 4, 6, 9].contains(&ran.code), "byte {at}: {ran:?}");
    }
    for len in (0..good.len()).step_by(151) {
        work.write("bad.avmbundle", &good[..len]);
        let ran = work.avm("trace bad.avmbundle");
        assert!([3, 6].contains(&ran.code), "cut at {len}: {ran:?}");
    }
    let mut other = Bundle::from_bytes(&good).unwrap();
    other.identity.spec = "arb/99".into();
    work.write("bad.avmbundle", other.to_bytes());
    let ran = work.avm("root bad.avmbundle");
    assert!(ran.code == 6 && ran.stderr.contains("AVM0207"), "{ran:?}");
    let mut other = Bundle::from_bytes(&good).unwrap();
    other.log = b"not a log".to_vec();
    work.write("bad.avmbundle", other.to_bytes());
    assert_eq!(work.avm("root bad.avmbundle").code, 3);
    for point in ["", "@", "@9", "x@1", "b12", "\u{1b}"] {
        let mut other = Bundle::from_bytes(&good).unwrap();
        other.point = point.into();
        work.write("bad.avmbundle", other.to_bytes());
        let ran = work.avm("root bad.avmbundle");
        // Inputs of `arb` have no heights.
        let want = if point == "b12" { &[9][..] } else { &[4, 6] };
        assert!(want.contains(&ran.code), "{point:?}: {ran:?}");
    }
    work.write("text.avmbundle", "not a bundle");
    let ran = work.avm("run text.avmbundle");
    assert!(ran.code == 3 && ran.stderr.contains("AVM0215"), "{ran:?}");
}

#[test]
fn wrong_use() {
    let work = Work::recorded();
    for (args, exit) in [
        ("bisect main.avmlog", 2),
        ("bisect adder.masm --recorded", 4),
        ("bisect main.avmlog main.avmlog --recorded", 2),
        ("bisect main.avmlog nothing.avmlog", 3),
        ("diff main.avmlog", 2),
        ("diff main.avmlog@0 @9", 4),
        ("diff main.avmlog@0 main.avmlog@0..@1", 2),
        ("bundle main.avmlog@0..@1", 2),
        ("bundle main.avmlog@7", 4),
        ("bundle main.avmlog@0 -o adder.masm", 2),
    ] {
        let ran = work.avm(args);
        assert_eq!(ran.code, exit, "{args}: {ran:?}");
    }
}
