//! Charts and histories of programs: arrows, what was undone, proofs of arrows, fresh objects.

use avm_anoma::chart::{ArrowKind, Builder, Chart, OUTSIDE, What};
use avm_anoma::code::ExportKind;
use avm_anoma::image::{Config, Image};
use avm_anoma::input::{Input, Start};
use avm_anoma::machine::AnomaMachine;
use avm_anoma::replay::{Stage, beyond, history};
use avm_anoma::seen::{Outcome, Seen};
use avm_anoma::value::{ObjectId, Val};
use avm_anoma::{Anoma, compile};
use avm_core::{Bytes, Host, HostError, Machine, Output};

const HEAD: &str = "(module t (default-controller (ctl \"c1\")))
(behaviour cell (state (n 0))
  (on 'get (reply n))
  (on ('set k) (set-state! n k) (reply 'ok))
  (on ('set-and-fail k) (set-state! n k) (raise 'no))
  (on ('set-and-refuse k) (set-state! n k) (reject 'no)))
(behaviour committer (state (to nothing))
  (on ('to o) (set-state! to o) (reply 'ok))
  (on v (transaction (call to (list 'set v))) (call to (list 'set (+ v 1))) (raise 'late)))
(behaviour front (state (to nothing))
  (on ('to o) (set-state! to o) (reply 'ok))
  (on ('both v) (call to (list 'set v)) (raise 'late))
  (on v (reply (ask to v))))
";

struct Desk(Vec<Bytes>);

impl Host for Desk {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        Ok((!self.0.is_empty()).then(|| self.0.remove(0)))
    }

    fn emit(&mut self, _: Output<'_>) -> Result<(), HostError> {
        Ok(())
    }
}

fn ran(body: &str, more: &[Input]) -> (AnomaMachine, Seen) {
    let text = format!("{HEAD}(program (main) {body})");
    let compiled = compile::compile(&text, 0, &()).unwrap_or_else(|e| panic!("{e:?}"));
    let image = Image {
        modules: vec![compiled.module],
        config: Config::default(),
    };
    let mut machine = Anoma.start(&image).unwrap();
    machine.watch(true);
    let start = Input::Start(Start {
        program: "main".into(),
        args: Val::list([]).unwrap(),
        machine: None,
        caps: image.config.caps,
        hold: false,
    });
    let inputs = [start]
        .iter()
        .chain(more)
        .map(|input| input.to_bytes().into())
        .collect();
    machine.run(u64::MAX, &mut Desk(inputs)).unwrap();
    let seen = machine.take_seen();
    (machine, seen)
}

fn chart(seen: &Seen) -> Chart {
    let mut builder = Builder::default();
    builder.add(seen);
    builder.finish()
}

fn name(chart: &Chart, party: usize) -> String {
    let party = &chart.parties[party];
    match (&party.behaviour, party.program) {
        (Some(behaviour), _) => behaviour.to_string(),
        (None, Some(_)) => "main".into(),
        (None, None) if party.id == OUTSIDE => "outside".into(),
        (None, None) => "unknown".into(),
    }
}

/// Each arrow as a line.
fn arrows(chart: &Chart) -> Vec<String> {
    let line = |arrow: &avm_anoma::chart::Arrow| {
        let sign = match arrow.kind {
            ArrowKind::Call => "->",
            ArrowKind::Message => "~>",
        };
        let undone = if arrow.undone { " undone" } else { "" };
        let output = arrow
            .output
            .as_ref()
            .map_or(String::new(), |v| format!(" = {v}"));
        let (from, to) = (name(chart, arrow.from), name(chart, arrow.to));
        format!("{from} {sign} {to} {}{output}{undone}", arrow.input)
    };
    chart.arrows.iter().map(line).collect()
}

fn moments(chart: &Chart) -> Vec<&'static str> {
    let word = |what: &What| match what {
        What::Called(_) => "called",
        What::Returned(_) => "returned",
        What::Broken(_) => "broken",
        What::Sent(_) => "sent",
        What::Received(_) => "received",
        What::Created(..) => "created",
        What::Destroyed(..) => "destroyed",
        What::Began(..) => "began",
        What::Committed(..) => "committed",
        What::Aborted(..) => "aborted",
        What::Failed(..) => "failed",
        What::Ended(..) => "ended",
        What::Other(..) => "other",
    };
    chart
        .moments
        .iter()
        .map(|moment| word(&moment.what))
        .collect()
}

#[test]
fn calls_have_their_answers() {
    let (_, seen) = ran(
        "(let ((c (new 'cell)) (f (new 'front)))
           (call f (list 'to c)) (call f '(set 5)) (call c '(set-and-refuse 7)) (call c 'nonsense))",
        &[],
    );
    let chart = chart(&seen);
    let found: Vec<String> = arrows(&chart).into_iter().skip(1).collect();
    assert_eq!(
        found,
        [
            "main -> front (set 5) = (just ok)",
            "front -> cell (set 5) = (just ok)",
            "main -> cell (set-and-refuse 7) = nothing",
            "main -> cell nonsense = nothing",
        ]
    );
    assert_eq!(moments(&chart)[..2], ["created", "created"]);
    let returns = chart
        .moments
        .iter()
        .filter(|m| matches!(m.what, What::Returned(_)));
    assert_eq!(returns.count(), 5, "{:?}", moments(&chart));
}

#[test]
fn what_a_scope_did_is_undone_with_it() {
    let (_, seen) = ran(
        "(let ((c (new 'cell)) (f (new 'front)))
           (call f (list 'to c))
           (guard (e (#t 'caught)) (call f '(both 5)))
           (call c 'get))",
        &[],
    );
    let chart = chart(&seen);
    let found: Vec<String> = arrows(&chart).into_iter().skip(1).collect();
    assert_eq!(
        found,
        [
            "main -> front (both 5)",
            "front -> cell (set 5) = (just ok) undone",
            "main -> cell get = (just 0)",
        ]
    );
    assert!(moments(&chart).contains(&"broken"));
    assert_eq!(chart.effective().count(), 3);
}

#[test]
fn what_a_transaction_committed_stays() {
    let (_, seen) = ran(
        "(let ((c (new 'cell)) (f (new 'committer)))
           (call f (list 'to c))
           (guard (e (#t 'caught)) (call f 5))
           (call c 'get))",
        &[],
    );
    let chart = chart(&seen);
    let found: Vec<String> = arrows(&chart).into_iter().skip(1).collect();
    assert_eq!(
        found,
        [
            "main -> committer 5",
            "committer -> cell (set 5) = (just ok)",
            "committer -> cell (set 6) = (just ok) undone",
            "main -> cell get = (just 5)",
        ]
    );
}

#[test]
fn an_aborted_transaction_leaves_no_effective_arrow() {
    let (_, seen) = ran(
        "(let ((c (new 'cell)))
           (transaction (call c '(set 1)) (abort))
           (transaction (call c '(set 2)) (send! c '(set 3))))",
        &[],
    );
    let chart = chart(&seen);
    assert_eq!(
        arrows(&chart),
        [
            "main -> cell (set 1) = (just ok) undone",
            "main -> cell (set 2) = (just ok)",
            "main ~> cell (set 3)",
        ]
    );
    assert_eq!(
        moments(&chart),
        [
            "created",
            "began",
            "called",
            "returned",
            "aborted",
            "began",
            "called",
            "returned",
            "sent",
            "committed",
            "received"
        ]
    );
}

#[test]
fn messages_from_outside_and_to_programs() {
    let (mut machine, seen) = ran("(new 'cell)", &[]);
    let Some((_, Outcome::Done(object))) = seen.results.last() else {
        panic!("{:?}", seen.results);
    };
    let to: ObjectId = *object.as_obj().unwrap().id();
    let value = Val::list([Val::sym("set"), Val::int(4)]).unwrap();
    let message = Input::Message { to, value };
    machine
        .run(u64::MAX, &mut Desk(vec![message.to_bytes().into()]))
        .unwrap();
    let chart = chart(&machine.take_seen());
    assert_eq!(arrows(&chart), ["outside ~> unknown (set 4)"]);
    let (_, seen) = ran("(send! (self) 5) (receive)", &[]);
    let chart = self::chart(&seen);
    assert_eq!(arrows(&chart), ["main ~> main 5"]);
    assert_eq!(moments(&chart), ["sent", "received"]);
}

#[test]
fn an_error_of_a_program_ends_its_calls() {
    let (_, seen) = ran("(let ((c (new 'cell))) (call c '(set-and-fail 5)))", &[]);
    let chart = chart(&seen);
    assert_eq!(arrows(&chart), ["main -> cell (set-and-fail 5)"]);
    assert_eq!(
        moments(&chart),
        ["created", "called", "failed", "broken", "ended"]
    );
}

#[test]
fn one_arrow_is_shown_without_the_others() {
    let (_, seen) = ran(
        "(let ((c (new 'cell)))
           (call c '(set 1)) (transaction (call c '(set 9)) (abort)) (call c '(set 2)) (call c 'get))",
        &[],
    );
    let chart = chart(&seen);
    let head = chart.tree().unwrap().head();
    assert_eq!(head.len, 3);
    for i in 0..3 {
        let shown = chart.disclose(i).unwrap().unwrap();
        shown.verify(&head).unwrap();
        for at in 0..shown.leaf.len() {
            let mut forged = shown.clone();
            forged.leaf[at] ^= 1;
            forged.verify(&head).unwrap_err();
        }
        let mut moved = shown.clone();
        moved.index = (i + 1) % 3;
        moved.verify(&head).unwrap_err();
    }
    assert_eq!(chart.disclose(3).unwrap(), None);
    let shorter = &mut chart.clone();
    shorter.arrows.pop();
    assert_ne!(shorter.tree().unwrap().head(), head);
}

#[test]
fn a_history_gives_the_state_again() {
    let (mut machine, seen) = ran(
        "(let ((c (new 'cell)) (f (new 'front)))
           (call c '(set 1)) (transaction (call c '(set 9)) (abort)) (call c '(set-and-refuse 3))
           (call f (list 'to c)) (transaction (call f '(set (a \"b\" (just 2))))))",
        &[],
    );
    let module = machine.module(0).unwrap().clone();
    let function = |name: &str| {
        let export = module
            .exports
            .iter()
            .find(|export| export.name == name)
            .unwrap();
        assert_eq!(export.kind, ExportKind::Behaviour);
        export.function
    };
    assert_eq!(beyond(&module, function("cell")), [""; 0]);
    assert_eq!(beyond(&module, function("front")), ["call"]);
    let mut stage = Stage::new(std::slice::from_ref(&module), &Config::default()).unwrap();
    let mut compared = 0;
    for (id, view) in machine.objects(None, 10).unwrap() {
        let inputs = seen.accepted.iter().filter(|(object, _)| *object == id);
        let inputs: Vec<Val> = inputs.map(|(_, input)| input.clone()).collect();
        assert_eq!(history(&inputs).unwrap(), (view.history, view.history_hash));
        if &*view.behaviour == "cell" {
            assert_eq!(inputs.len(), 2);
            let fresh = stage.replay(&view.code, &inputs, u64::MAX).unwrap();
            assert_eq!(
                fresh.state.to_bytes().unwrap(),
                view.state.to_bytes().unwrap()
            );
            assert_eq!(fresh.history_hash, view.history_hash);
            let other = stage.replay(&view.code, &inputs[..1], u64::MAX).unwrap();
            assert_ne!(
                other.state.to_bytes().unwrap(),
                view.state.to_bytes().unwrap()
            );
            assert!(stage.replay(&view.code, &inputs, 3).is_err());
            compared += 1;
        }
    }
    assert_eq!(compared, 1);
}
