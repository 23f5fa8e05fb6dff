//! The table of points: how they are read, how they are written back, and what they mean.

mod common;

use avm_cli::point::{InputRef, Point, StepRef, Target};
use common::Work;

fn point(log: &str, input: Option<InputRef>, step: Option<StepRef>) -> Point {
    Point {
        log: (!log.is_empty()).then(|| log.into()),
        input,
        step,
    }
}

#[test]
fn reading() {
    use InputRef as I;
    use StepRef as S;
    // Transaction ids are displayed backwards.
    let mut txid = [0xab; 32];
    txid[31] = 1;
    let by_tx = format!("@tx:01{}:4", "ab".repeat(31));
    let cases = [
        ("@0", point("", Some(I::At(0)), None)),
        ("@18204:77", point("", Some(I::At(18204)), Some(S::At(77)))),
        ("@-1", point("", Some(I::Back(1)), None)),
        ("@genesis", point("", Some(I::Genesis), None)),
        ("@genesis:4", point("", Some(I::Genesis), Some(S::At(4)))),
        ("@latest:first", point("", Some(I::Latest), Some(S::First))),
        ("@final:-1", point("", Some(I::Final), Some(S::Back(1)))),
        ("final:-1", point("", Some(I::Final), Some(S::Back(1)))),
        ("latest", point("", Some(I::Latest), None)),
        ("@:fail", point("", None, Some(S::Fail))),
        ("bug.avmlog@:fail", point("bug.avmlog", None, Some(S::Fail))),
        (".@3:last", point("", Some(I::At(3)), Some(S::Last))),
        (
            "../a/b.avmlog@3",
            point("../a/b.avmlog", Some(I::At(3)), None),
        ),
        ("a@b.json@3", point("a@b.json", Some(I::At(3)), None)),
        (
            "@18446744073709551615",
            point("", Some(I::At(u64::MAX)), None),
        ),
        ("@b826309", point("", Some(I::Height(826_309)), None)),
        (
            "a.avmlog@b826309:-1",
            point("a.avmlog", Some(I::Height(826_309)), Some(S::Back(1))),
        ),
        (by_tx.as_str(), point("", Some(I::Tx(txid)), Some(S::At(4)))),
    ];
    for (text, want) in cases {
        assert_eq!(Point::parse(text).unwrap(), want, "{text}");
        assert_eq!(
            Point::parse(&want.to_string()).unwrap(),
            want,
            "{text} written back"
        );
    }
}

#[test]
fn ranges() {
    let at = |log: &str, n| point(log, Some(InputRef::At(n)), None);
    let cases = [
        ("@10..@20", Target::Range(at("", 10), at("", 20))),
        (
            "a.avmlog@1..@2",
            Target::Range(at("a.avmlog", 1), at("a.avmlog", 2)),
        ),
        (
            "../a.avmlog@1..@2",
            Target::Range(at("../a.avmlog", 1), at("../a.avmlog", 2)),
        ),
        (
            "a.avmlog@1..final",
            Target::Range(
                at("a.avmlog", 1),
                point("a.avmlog", Some(InputRef::Final), None),
            ),
        ),
        ("../nothing.masm", Target::File("../nothing.masm".into())),
        ("a.avmlog", Target::File("a.avmlog".into())),
    ];
    for (text, want) in cases {
        assert_eq!(Target::parse(text).unwrap(), want, "{text}");
    }
}

#[test]
fn refusals_point_at_the_place() {
    // Text, error code, the marked part.
    let by_tx = format!("tx:{}:y", "00".repeat(32));
    let cases = [
        ("@", "AVM0201", "@"),
        ("a.avmlog@", "AVM0201", "@"),
        ("@x", "AVM0201", "x"),
        ("@3x", "AVM0201", "3x"),
        ("@3:", "AVM0201", ""),
        ("@3:y", "AVM0201", "y"),
        ("@3:1:2", "AVM0201", "1:2"),
        ("@-0", "AVM0201", "-0"),
        ("@3:-0", "AVM0201", "-0"),
        ("@99999999999999999999", "AVM0201", "99999999999999999999"),
        ("final:z", "AVM0201", "z"),
        ("@1..@2:q", "AVM0201", "q"),
        ("@b99999999999999999999", "AVM0201", "b99999999999999999999"),
        ("@b", "AVM0201", "b"),
        ("@tx:00ff", "AVM0211", "tx:00ff"),
        (by_tx.as_str(), "AVM0201", "y"),
        ("root:9f31", "AVM0211", "root:9f31"),
        ("n2/main@latest", "AVM0211", "n2"),
        ("demo/arb@3", "AVM0211", "demo"),
        ("http://node:8545@3", "AVM0211", "http://node:8545"),
        ("main@3", "AVM0211", "main"),
        ("é@3:ö", "AVM0211", "é"),
    ];
    for (text, code, marked) in cases {
        let error = Target::parse(text).unwrap_err();
        assert_eq!(error.code.id, code, "{text}");
        let caret = &error.block[1].1;
        let at = caret.chars().count() - caret.trim_start().len();
        let found: String = text
            .chars()
            .skip(at)
            .take(caret.trim_start().len())
            .collect();
        assert_eq!(found, marked, "{text}");
    }
}

/// The same moment by several names, on a log with 104 steps before its first input and spans of
/// 4 and 5 steps.
#[test]
fn meaning() {
    let work = Work::recorded();
    let root = |point: &str| {
        let ran = work.avm(&format!("root main.avmlog{point}"));
        assert_eq!(ran.code, 0, "{point}: {ran:?}");
        ran.stdout
    };
    let same: [&[&str]; 6] = [
        &["@genesis", "@genesis:0", "@genesis:first", "@:0", "@:first"],
        &[
            "@genesis:104",
            "@0:0",
            "@0:first",
            "@0:-4",
            "@:104",
            "@-2:0",
        ],
        &["@0", "@1:0", "@-2", "@1:-5", "@0:4", "@:108"],
        &[
            "@1", "@-1", "@final", "@latest", "@1:5", "@:113", "@final:5",
        ],
        &[
            "@1:4",
            "@1:last",
            "@1:-1",
            "@final:-1",
            "@latest:last",
            "@:-1",
            "@:112",
        ],
        &["@genesis:-1", "@genesis:last", "@genesis:103", "@:103"],
    ];
    let mut seen = Vec::new();
    for points in same {
        let want = root(points[0]);
        points
            .iter()
            .for_each(|point| assert_eq!(root(point), want, "{point} and {}", points[0]));
        assert!(!seen.contains(&want), "{}", points[0]);
        seen.push(want);
    }
    let fail = work.avm("root faulty.masm@:fail").stdout;
    assert_eq!(fail, work.avm("root faulty.masm@genesis:3").stdout);
    assert_eq!(fail, work.avm("root faulty.masm@genesis:fail").stdout);
}

#[test]
fn points_of_a_program_with_inputs() {
    let work = Work::recorded();
    for point in ["@0", "@1:2", "@final:-1"] {
        let log = work.avm(&format!("root main.avmlog{point}")).stdout;
        assert_eq!(
            work.avm(&format!("root adder.masm{point} -i inbox.json"))
                .stdout,
            log,
            "{point}"
        );
        assert_eq!(
            work.avm(&format!("root adder.masm {point} -i inbox.json"))
                .stdout,
            log,
            "{point}"
        );
    }
}

#[test]
fn an_input_that_is_never_taken() {
    let work = Work::recorded();
    let inbox = common::INBOX.replace("]", ", {\"kind\": 1}]");
    work.write("three.json", inbox);
    let ran = work.avm("root adder.masm@2 -i three.json");
    assert_eq!(ran.code, 4, "{ran:?}");
    assert!(ran.stderr.contains("never taken"), "{ran:?}");
    let log = work.avm("log adder.masm -i three.json").stdout;
    assert!(log.lines().nth(2).unwrap().contains("(not taken)"), "{log}");
    assert_eq!(
        work.avm("root adder.masm@final -i three.json").stdout,
        work.avm("root main.avmlog").stdout
    );
    work.avm("run adder.masm -i three.json --record three.avmlog");
    assert_eq!(work.avm("replay three.avmlog --check").code, 0);
}
