//! What goes wrong: exact exit codes and error codes, in text and in JSON, and never a panic.

mod common;

use common::Work;

/// Each command line with its exit code and error code.
fn refused(work: &Work, cases: &[(&str, i32, &str)]) {
    for (args, exit, code) in cases {
        let ran = work.avm(args);
        assert_eq!(ran.code, *exit, "{args}: {ran:?}");
        assert!(
            ran.stderr.contains(&format!("error[{code}]")),
            "{args}: {ran:?}"
        );
        let ran = work.avm(&format!("{args} --json"));
        assert_eq!(ran.code, *exit, "{args} --json: {ran:?}");
        let envelope = ran.lines().pop().unwrap();
        assert_eq!(envelope["schema"], "avm/1", "{args}");
        assert_eq!(envelope["ok"], false, "{args}");
        assert_eq!(envelope["error"]["code"], *code, "{args}");
        assert!(
            !envelope["error"]["message"].as_str().unwrap().is_empty(),
            "{args}"
        );
        assert_eq!(ran.stderr, "", "{args}: with --json nothing else is said");
    }
}

#[test]
fn usage() {
    let work = Work::new();
    refused(
        &work,
        &[
            ("run", 2, "AVM0001"),
            ("runn adder.masm", 2, "AVM0001"),
            ("run adder.masm --nope", 2, "AVM0001"),
            ("run adder.masm --max-steps many", 2, "AVM0001"),
            ("run adder.masm --timeout -5s", 2, "AVM0001"),
            (
                "run adder.masm --max-mem 99999999999999999999G",
                2,
                "AVM0001",
            ),
            ("run adder.masm@0", 2, "AVM0001"),
            ("root adder.masm nothing", 2, "AVM0001"),
            ("root adder.masm --every 0", 2, "AVM0001"),
            ("bench arb adder.masm --rounds 0", 2, "AVM0001"),
            ("install", 2, "AVM0002"),
            ("use 0.30.1", 2, "AVM0002"),
            ("list", 2, "AVM0002"),
            ("uninstall 0.1 --force", 2, "AVM0002"),
            ("demo --port 1", 9, "AVM0003"),
            ("debug final:-1", 9, "AVM0003"),
            ("prove adder.masm", 2, "AVM0001"),
            ("prove adder.masm@:0 --kind range", 2, "AVM0001"),
            ("prove adder.masm@:0 --kind key", 2, "AVM0001"),
            ("prove adder.masm@genesis --kind step", 2, "AVM0001"),
            ("prove adder.masm@:0..@:1 --kind step", 2, "AVM0001"),
            ("prove adder.masm@:0..@:1 --key pc", 2, "AVM0001"),
            ("prove adder.masm@:0 --kind step --key pc", 2, "AVM0001"),
            ("verify p.avmproof --root 12", 2, "AVM0001"),
            ("explain-intent x", 9, "AVM0003"),
            ("run adder.masm -m evm", 2, "AVM0004"),
            ("machines fuel", 2, "AVM0004"),
            ("vectors fuel adder.masm", 2, "AVM0004"),
            ("explain AVM9999", 2, "AVM0006"),
            ("explain nonsense", 2, "AVM0006"),
            ("root @3", 2, "AVM0007"),
            ("trace final:-1", 2, "AVM0007"),
            ("prove final:-1", 2, "AVM0007"),
            ("-C nowhere version", 2, "AVM0008"),
            ("trace adder.masm@final..adder.masm@genesis", 2, "AVM0213"),
            ("root adder.masm@0..faulty.masm@1", 2, "AVM0001"),
        ],
    );
    assert_eq!(work.words(&[], false).code, 2);
}

#[test]
fn files() {
    let work = Work::recorded();
    std::fs::create_dir(work.path("empty")).unwrap();
    work.write("empty.json", "");
    work.write("empty.avmlog", "");
    work.write("cut.json", "{\"code\":[{\"opcode\":1,");
    work.write("array.json", "[]");
    work.write(
        "huge.json",
        "{\"code\":[{\"opcode\":1e999,\"immediate\":null}],\"static_val\":{\"Tuple\":[]}}",
    );
    work.write("types.json", "{\"code\":\"x\",\"static_val\":7}");
    work.write("cycle.json", "{\"code\":[{\"opcode\":59,\"immediate\":{\"CodePoint\":{\"Internal\":0}}}],\"static_val\":{\"Tuple\":[]}}");
    work.write(
        "far.json",
        "{\"code\":[],\"static_val\":{\"CodePoint\":{\"Internal\":77}}}",
    );
    work.write("text.masm", [0xff, 0xfe]);
    work.write("typo.masm", "push 1\nadl\n");
    work.write("back.masm", "here: push @here\n");
    work.write("log.avmlog", "not a log at all");
    refused(
        &work,
        &[
            ("run nothing.masm", 3, "AVM0101"),
            ("run empty", 3, "AVM0101"),
            ("asm .", 3, "AVM0101"),
            ("replay nothing.avmlog", 3, "AVM0101"),
            ("run adder.masm -i nothing.json", 3, "AVM0101"),
            ("vectors arb nothing.json", 3, "AVM0101"),
            ("run empty.json", 3, "AVM0103"),
            ("run cut.json", 3, "AVM0103"),
            ("run array.json", 3, "AVM0103"),
            ("run huge.json", 3, "AVM0103"),
            ("run types.json", 3, "AVM0103"),
            ("run cycle.json", 3, "AVM0103"),
            ("disasm far.json", 3, "AVM0103"),
            ("run text.masm", 3, "AVM0108"),
            ("run typo.masm", 3, "AVM0312"),
            ("asm back.masm", 3, "AVM0322"),
            ("run log.avmlog", 3, "AVM0208"),
            ("replay empty.avmlog", 3, "AVM0208"),
            ("replay adder.masm", 2, "AVM0001"),
            ("run main.avmlog --inputs inbox.json", 2, "AVM0001"),
            ("asm adder.masm -o nowhere/x.json", 3, "AVM0110"),
            ("run adder.masm --record nowhere/x.avmlog", 3, "AVM0110"),
        ],
    );
    insta::assert_snapshot!("error_program", work.avm("run huge.json").shown());
    insta::assert_snapshot!("error_assembler", work.avm("run typo.masm").shown());
}

#[test]
fn inboxes() {
    let work = Work::new();
    let deep = "[".repeat(100_000);
    for (name, content, code) in [
        ("empty.json", "", "AVM0105"),
        ("cut.json", "[{\"kind\":3,", "AVM0105"),
        ("deep.json", deep.as_str(), "AVM0105"),
        ("number.json", "7", "AVM0104"),
        ("types.json", "[{\"kind\":[]}]", "AVM0104"),
        (
            "huge.json",
            "[{\"kind\":99999999999999999999999}]",
            "AVM0104",
        ),
        ("sender.json", "[{\"sender\":\"00\"}]", "AVM0104"),
        ("odd.json", "[{\"data\":\"abc\"}]", "AVM0104"),
        ("member.json", "[{\"colour\":1}]", "AVM0104"),
        ("bad.hex", "01 zz\n", "AVM0106"),
        ("odd.hex", "# fine\n\nabc\n", "AVM0106"),
        ("short.hex", "0102\n", "AVM0107"),
    ] {
        work.write(name, content);
        refused(&work, &[(&format!("run adder.masm -i {name}"), 3, code)]);
    }
    insta::assert_snapshot!("error_hex", work.avm("run adder.masm -i odd.hex").shown());
    insta::assert_snapshot!(
        "error_inbox",
        work.avm("run adder.masm -i types.json").shown()
    );
}

#[test]
fn vector_files() {
    let work = Work::new();
    work.write("object.json", "{}");
    work.write("other.json", "[{\"name\":\"x\"}]");
    work.write("none.json", "[]");
    work.write("values.json", "[]");
    std::fs::create_dir(work.path("dir")).unwrap();
    refused(
        &work,
        &[
            ("vectors arb object.json", 3, "AVM0109"),
            ("vectors arb other.json", 3, "AVM0109"),
            ("vectors arb none.json", 3, "AVM0109"),
            ("vectors arb values.json", 3, "AVM0109"),
            ("vectors arb adder.masm", 3, "AVM0105"),
            ("vectors arb dir", 3, "AVM0111"),
        ],
    );
}

#[test]
fn points() {
    let work = Work::recorded();
    refused(
        &work,
        &[
            ("root main.avmlog@", 2, "AVM0201"),
            ("root main.avmlog@x", 2, "AVM0201"),
            ("root main.avmlog@1:y", 2, "AVM0201"),
            ("root main.avmlog@99999999999999999999", 2, "AVM0201"),
            ("root main.avmlog@2", 4, "AVM0202"),
            ("root main.avmlog@-3", 4, "AVM0202"),
            ("root main.avmlog@0:6", 4, "AVM0202"),
            ("root main.avmlog@0:-6", 4, "AVM0202"),
            ("root main.avmlog@0:fail", 4, "AVM0202"),
            ("log main.avmlog @7", 4, "AVM0202"),
            ("root main.avmlog@b12", 9, "AVM0211"),
            ("root n2/main@latest", 9, "AVM0211"),
            ("root http://localhost@1", 9, "AVM0211"),
            ("root bug.avmbundle@:fail", 3, "AVM0101"),
            ("root tx:00ff", 9, "AVM0211"),
            ("show main.avmlog@0 nothing", 4, "AVM0203"),
            ("show main.avmlog@genesis", 2, "AVM0001"),
            ("state main.avmlog@0..@1", 2, "AVM0001"),
        ],
    );
    insta::assert_snapshot!("error_point", work.avm("root main.avmlog@1:y").shown());
    insta::assert_snapshot!(
        "error_point_missing",
        work.avm("root main.avmlog@9").shown()
    );
}

#[test]
fn limits() {
    let work = Work::new();
    work.write("loop.masm", ".static @a\na: spush\njump\n");
    work.write("grow.masm", ".static @a\na: push 1\nspush\njump\n");
    refused(
        &work,
        &[
            ("run loop.masm --max-steps 1000", 7, "AVM0401"),
            ("trace loop.masm --max-steps 10", 7, "AVM0401"),
            ("run grow.masm --max-mem 10M", 7, "AVM0402"),
            ("run loop.masm --timeout 100ms", 7, "AVM0403"),
            ("bench arb loop.masm --timeout 100ms", 7, "AVM0403"),
            ("root loop.masm@final:-1 --max-steps 1000", 7, "AVM0401"),
        ],
    );
    let exact = work.avm("run adder.masm --max-steps 104");
    assert_eq!(exact.code, 0, "{exact:?}");
    assert_eq!(work.avm("run adder.masm --max-steps 103").code, 7);
    let huge = std::fs::File::create(work.path("huge.json")).unwrap();
    huge.set_len((1 << 28) + 1).unwrap();
    refused(
        &work,
        &[
            ("run huge.json", 7, "AVM0404"),
            ("vectors arb huge.json", 7, "AVM0404"),
        ],
    );
}
