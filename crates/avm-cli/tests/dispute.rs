//! `avm dispute` with the real binary: games in one process, and between processes that are killed.
// The clock bounds a test, and decides nothing in it.
#![allow(clippy::disallowed_methods)]

mod common;

use std::io::{BufRead, BufReader, Read};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use avm_testkit::seed;
use common::{Ran, Work};
use serde_json::Value;

const RUN: &str = "adder.masm --inputs inbox.json";

/// A process that is killed when dropped.
struct Process {
    child: Child,
    out: Option<BufReader<std::process::ChildStdout>>,
}

impl Process {
    fn new(work: &Work, args: &str) -> Self {
        let args: Vec<&str> = args.split_whitespace().collect();
        let mut command: Command = work.command(&args);
        command.stdin(Stdio::null()).stdout(Stdio::piped());
        command.stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let out = child.stdout.take().map(BufReader::new);
        Self { child, out }
    }

    /// The rest of a line that starts with `label`.
    fn line(&mut self, label: &str) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            let read = self.out.as_mut().unwrap().read_line(&mut line).unwrap();
            assert!(
                read > 0,
                "the process ended before it said `{label}`: {}",
                self.errors()
            );
            if let Some(rest) = line.strip_prefix(label) {
                return rest.trim().into();
            }
        }
    }

    fn errors(&mut self) -> String {
        let mut text = String::new();
        if let Some(mut err) = self.child.stderr.take() {
            let _ = err.read_to_string(&mut text);
        }
        text
    }

    fn kill(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    fn finish(mut self) -> Ran {
        let mut stdout = String::new();
        let _ = self.out.take().unwrap().read_to_string(&mut stdout);
        let stderr = self.errors();
        let code = self.child.wait().unwrap().code().unwrap_or(-1);
        Ran {
            code,
            stdout,
            stderr,
        }
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

fn play(work: &Work, options: &str) -> Ran {
    work.avm(&format!("dispute play {RUN} {options}"))
}

#[test]
fn a_liar_loses_in_a_game_that_anybody_can_check() {
    let work = Work::new();
    let ran = play(&work, "--liar step=40");
    assert_eq!(ran.code, 0, "{ran:?}");
    let lines: Vec<&str> = ran.stdout.lines().collect();
    assert!(lines[0].starts_with("round  1   [0 .. "), "{ran:?}");
    assert!(lines[0].contains("midpoint "), "{ran:?}");
    assert!(ran.stdout.contains("DIFFERENT") && ran.stdout.contains("same"));
    let last = &lines[lines.len() - 3..];
    assert!(last[0].contains("[39 .. 40]   one step left: "), "{ran:?}");
    assert!(last[1].starts_with("proof      "), "{ran:?}");
    assert!(last[1].ends_with("verdict: the liar loses     kept in dispute-1.avmproof"));
    assert!(last[2].ends_with("kept in dispute-1.avmdispute"));
    let proof = avm_prove::ProofFile::from_bytes(&work.read("dispute-1.avmproof")).unwrap();
    let avm_prove::Proof::Run(proof) = proof.proof else {
        panic!("a proof of a run");
    };
    assert_eq!(proof.pre.steps, 39);
    proof.verify(&avm_arb::Arb::default(), 1).unwrap();

    let shown = work.avm("dispute show dispute-1.avmdispute --as-tree --cost");
    assert_eq!(shown.code, 0, "{shown:?}");
    assert!(shown.stdout.contains("party 0 is right"), "{shown:?}");
    assert!(shown.stdout.contains("[39 .. 40]"), "{shown:?}");
    let shown = work
        .avm("dispute verify dispute-1.avmdispute --json")
        .json();
    assert_eq!(shown["data"]["parties"][0]["right"], true);
    assert_eq!(shown["data"]["parties"][1]["right"], false);
    assert_eq!(
        shown["data"]["verdict"]["claim"],
        shown["data"]["parties"][0]["claim"]
    );
    let watched = work.avm("dispute watch dispute-1.avmdispute");
    assert_eq!(watched.code, 0, "{watched:?}");
    assert!(watched.stdout.contains("party 0 is right"), "{watched:?}");
    let listed = work.avm("dispute list");
    assert!(
        listed.stdout.starts_with("dispute-1.avmdispute"),
        "{listed:?}"
    );
}

#[test]
fn every_kind_of_liar_loses_with_every_arity() {
    let work = Work::new();
    let kinds = [
        "step=1", "long=7", "short=9", "input=0", "input=1", "silent=2", "late", "random",
    ];
    for kind in kinds {
        let ran = play(&work, &format!("--liar {kind} --json --arity 3"));
        assert_eq!(ran.code, 0, "{kind}: {ran:?}");
        assert_eq!(ran.json()["data"]["honest_wins"], true, "{kind}");
    }
    let all = kinds.map(|kind| format!("--liar {kind}")).join(" ");
    for arity in [2, 5, 500] {
        let ran = play(
            &work,
            &format!("{all} --json --arity {arity} --seed {arity}"),
        );
        assert_eq!(ran.code, 0, "{ran:?}");
        let data = &ran.json()["data"];
        assert_eq!(data["honest_wins"], true);
        let (rounds, most) = (&data["verdict"]["rounds"], &data["rounds_most"]);
        // Who claims a longer run makes it longer, by a round at most here.
        assert!(
            rounds.as_u64() <= most.as_u64().map(|most| most + 1),
            "{rounds} of {most}"
        );
    }
    let ran = play(&work, "");
    assert_eq!(ran.code, 0, "without a liar there is one: {ran:?}");
}

/// A transfer between two objects in a transaction; whoever lies about a step of it loses to a proof of
/// that step.
#[test]
fn a_liar_about_a_transaction_loses() {
    let work = Work::new();
    work.write("bank.avm", include_str!("../../../examples/anoma/bank.avm"));
    let recorded = work.avm("run bank.avm --record main.avmlog --json");
    assert_eq!(recorded.code, 0, "{recorded:?}");
    let steps = recorded.json()["data"]["steps"].as_u64().expect("a number");
    // The step that takes the input, one in the middle, and the last one.
    for (at, step) in [1, steps / 2, steps].into_iter().enumerate() {
        let game = format!("g{at}.avmdispute");
        let ran = work.avm(&format!(
            "dispute play main.avmlog --liar step={step} -o {game} --json"
        ));
        assert_eq!(ran.code, 0, "step {step}: {ran:?}");
        assert_eq!(ran.json()["data"]["honest_wins"], true, "step {step}");
        let file = avm_prove::ProofFile::from_bytes(&work.read(&format!("g{at}.avmproof")))
            .unwrap_or_else(|e| panic!("step {step}: {e}"));
        let avm_prove::Proof::Run(proof) = file.proof else {
            panic!("a proof of a run");
        };
        assert_eq!(
            (file.machine.as_str(), proof.pre.steps),
            ("anoma", step - 1)
        );
        proof.verify(&avm_anoma::Anoma, 1).unwrap();
    }
    let all = "--liar step=7 --liar long=7 --liar short=9 --liar input=0 --liar random --liar late";
    let ran = work.avm(&format!("dispute play main.avmlog {all} --arity 5 --json"));
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.json()["data"]["honest_wins"], true, "{ran:?}");
}

#[test]
fn the_same_seed_plays_the_same_game() {
    let work = Work::new();
    for (name, seed) in [("a", 5), ("b", 5), ("c", 6)] {
        let ran = play(
            &work,
            &format!("--liar random --liar late --seed {seed} -o {name}.avmdispute"),
        );
        assert_eq!(ran.code, 0, "{ran:?}");
    }
    assert_eq!(work.read("a.avmdispute"), work.read("b.avmdispute"));
    assert_ne!(work.read("a.avmdispute"), work.read("c.avmdispute"));
}

#[test]
fn wrong_usage_and_wrong_files() {
    let work = Work::new();
    assert_eq!(play(&work, "-o game.avmdispute").code, 0);
    let mut damaged = work.read("game.avmdispute");
    let half = damaged.len() / 2;
    damaged[half] ^= 1;
    work.write("damaged.avmdispute", &damaged);
    work.write("other.avmdispute", "AVMLOG");
    work.write("empty.avmdispute", "");
    let cases = [
        ("dispute play adder.masm --liar step=0", 2, "AVM0001"),
        ("dispute play adder.masm --liar step=99999", 2, "AVM0001"),
        ("dispute play adder.masm --liar input=0", 2, "AVM0001"),
        ("dispute play adder.masm --liar lazy", 2, "AVM0001"),
        ("dispute play adder.masm --arity 1", 2, "AVM0001"),
        ("dispute play adder.masm -o game.avmdispute", 2, "AVM0005"),
        ("dispute play missing.masm", 3, "AVM0101"),
        ("dispute play adder.masm --max-steps 5", 7, "AVM0401"),
        ("dispute show missing.avmdispute", 3, "AVM0101"),
        ("dispute show damaged.avmdispute", 3, "AVM0603"),
        ("dispute watch damaged.avmdispute", 3, "AVM0603"),
        ("dispute show other.avmdispute", 3, "AVM0601"),
        ("dispute show empty.avmdispute", 3, "AVM0601"),
        ("dispute serve adder.masm --listen 0.0.0.0:0", 2, "AVM0612"),
        ("dispute serve adder.masm --offline", 2, "AVM0614"),
        (
            "dispute join 127.0.0.1:9 adder.masm --offline",
            2,
            "AVM0614",
        ),
        (
            "dispute join 127.0.0.1:9 adder.masm --lie late",
            2,
            "AVM0001",
        ),
        (
            "dispute join 127.0.0.1:9 adder.masm --patience 300ms",
            5,
            "AVM0608",
        ),
        ("dispute join nowhere adder.masm", 2, "AVM0001"),
        (
            "dispute join 127.0.0.1:9 adder.masm --key game.avmdispute",
            3,
            "AVM0611",
        ),
        ("dispute watch 127.0.0.1:9 --patience 300ms", 5, "AVM0608"),
        (
            "dispute serve adder.masm -o game.avmdispute --listen 127.0.0.1:0",
            8,
            "AVM0606",
        ),
    ];
    for (args, code, id) in cases {
        let ran = work.avm(args);
        assert_eq!(ran.code, code, "{args}: {ran:?}");
        assert!(ran.stderr.contains(id), "{args}: {ran:?}");
    }
    // Torn is not damaged: the game is open again where it was.
    let game = work.read("game.avmdispute");
    work.write("torn.avmdispute", &game[..game.len() - 7]);
    let ran = work.avm("dispute show torn.avmdispute --json");
    assert_eq!(ran.code, 0, "{ran:?}");
    assert_eq!(ran.json()["data"]["verdict"], Value::Null);
    let listed = work.avm("dispute list");
    assert!(listed.stdout.contains("error[AVM0603]"), "{listed:?}");
}

#[test]
fn a_game_between_processes() {
    let work = Work::new();
    let mut referee = Process::new(
        &work,
        &format!("dispute serve {RUN} --join 2s --round 3s -o g.avmdispute"),
    );
    let key = referee.line("referee");
    let address = referee.line("listening");
    assert!(address.starts_with("127.0.0.1:"), "{address}");
    let watcher = Process::new(&work, &format!("dispute watch {address} --json"));
    let liar = Process::new(
        &work,
        &format!("dispute join {address} {RUN} --key l.key --lie step=33"),
    );
    // Another program is another game; so is another referee.
    let other = work.avm(&format!("dispute join {address} adder.masm --key o.key"));
    assert_eq!(other.code, 8, "{other:?}");
    assert!(other.stderr.contains("another log"), "{other:?}");
    let wrong = format!(
        "dispute join {address} {RUN} --key o.key --referee {}",
        "00".repeat(32)
    );
    let wrong = work.avm(&wrong);
    assert_eq!(wrong.code, 8, "{wrong:?}");
    assert!(wrong.stderr.contains("another referee"), "{wrong:?}");
    let honest = work.avm(&format!(
        "dispute join {address} {RUN} --key h.key --referee {key}"
    ));
    assert_eq!(honest.code, 0, "{honest:?}");
    assert!(honest.stdout.contains("is right"), "{honest:?}");
    let liar = liar.finish();
    assert_eq!(liar.code, 8, "{liar:?}");
    assert!(liar.stderr.contains("AVM0607"), "{liar:?}");
    let watched = watcher.finish();
    assert_eq!(watched.code, 0, "{watched:?}");
    let lines = watched.lines();
    assert_eq!(lines[0]["t"], "game");
    assert_eq!(lines.last().unwrap()["t"], "end");
    let referee = referee.finish();
    assert_eq!(referee.code, 0, "{referee:?}");
    let shown = work.avm("dispute show g.avmdispute --json").json();
    let verdict = lines.iter().find(|line| line["t"] == "verdict").unwrap();
    assert_eq!(verdict["verdict"], shown["data"]["verdict"]);
}

/// Referee and parties are killed at random moments, without a chance to say goodbye, and started
/// again with the same words; the honest claim wins.
#[test]
fn whoever_is_killed_comes_back_and_truth_wins() {
    seed::each(2, |rng| {
        let work = Work::new();
        let serve = format!("dispute serve {RUN} --join 3s --round 4s --arity 2 -o g.avmdispute");
        let mut referee = Process::new(&work, &format!("{serve} --listen 127.0.0.1:0"));
        let address = referee.line("listening");
        let serve = format!("{serve} --listen {address}");
        let join =
            |name: &str, lie: &str| format!("dispute join {address} {RUN} --key {name}.key {lie}");
        let words = [
            join("honest", ""),
            join("one", "--lie step=30"),
            join("two", "--lie short=4"),
        ];
        let mut parties: Vec<Process> =
            words.iter().map(|args| Process::new(&work, args)).collect();
        let started = Instant::now();
        // All the while somebody dies.
        while started.elapsed() < Duration::from_secs(6) {
            std::thread::sleep(Duration::from_millis(100 + rng.below(600)));
            match rng.below(4) {
                0 => {
                    if referee.child.try_wait().unwrap().is_some() {
                        break;
                    }
                    referee.kill();
                    referee = Process::new(&work, &serve);
                    referee.line("listening");
                }
                n => {
                    let n = n as usize - 1;
                    if parties[n].child.try_wait().unwrap().is_some() {
                        break;
                    }
                    parties[n].kill();
                    parties[n] = Process::new(&work, &words[n]);
                }
            }
        }
        let codes: Vec<Ran> = parties.into_iter().map(Process::finish).collect();
        assert_eq!(codes[0].code, 0, "{codes:?}");
        assert!(codes[1..].iter().all(|ran| ran.code == 8), "{codes:?}");
        let referee = referee.finish();
        assert_eq!(referee.code, 0, "{referee:?}");
        let shown = work.avm("dispute show g.avmdispute --json").json();
        assert_eq!(shown["data"]["parties"].as_array().unwrap().len(), 3);
    });
}

/// The worked example of the design document is what the commands print.
#[test]
fn the_worked_example_is_true() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/design/dispute.md");
    let document = std::fs::read_to_string(path).unwrap();
    let work = Work::new();
    work.write(
        "seven.masm",
        "        push 3\n        push 4\n        add\n        halt\n",
    );
    let mut want = String::new();
    for command in [
        "dispute play seven.masm --liar step=3 -o seven.avmdispute",
        "dispute show seven.avmdispute --moves",
    ] {
        let ran = work.avm(command);
        assert_eq!(ran.code, 0, "{ran:?}");
        want += &format!("$ avm {command}\n{}\n", ran.stdout);
    }
    let (start, end) = (
        "<!-- example -->\n```text\n",
        "```\n<!-- end of example -->",
    );
    let before = document.find(start).unwrap() + start.len();
    let after = document.find(end).unwrap();
    let got = &document[before..after];
    if std::env::var_os("AVM_UPDATE_DOCS").is_some() {
        let text = [
            &document[..before],
            want.trim_end(),
            "\n",
            &document[after..],
        ]
        .concat();
        std::fs::write(path, text).unwrap();
        return;
    }
    assert_eq!(
        got,
        format!("{}\n", want.trim_end()),
        "AVM_UPDATE_DOCS=1 writes it anew"
    );
}
