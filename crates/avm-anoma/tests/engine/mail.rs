//! Messages: in order for each pair, once, and only of what took effect. Spec: 7.4; 28, invariant 9.

use std::collections::BTreeMap;

use avm_anoma::input::Input;
use avm_anoma::value::Val;
use avm_testkit::seed;

use crate::bed::{Bed, config};

const MAIL: &str = r#"
    (module mail (default-controller (ctl "c1")))
    (behaviour sink
      (state (got '()))
      (on ('put from n) (set-state! got (cons (list from n) got)) (reply 1))
      (on 'wait (let ((m (receive))) (reply (unjust m))))
      (on 'take-and-reject (receive #:timeout 0) (reject))
      (on 'touch (reply 1)))
    (program (make) (new 'sink))
    (program (tell o v) (call o v))
    (program (take o) (let ((t (begin-tx))) (send! o '(put 9 9)) (commit-tx t)
      (let ((t (begin-tx))) (call o 'take-and-reject) (abort-tx t))))
    (program (sender o other from count)
      (let loop ((n 0) (sent '()))
        (if (= n count) (reverse sent)
          (let ((t (begin-tx)))
            (call other 'touch)
            (send! o (list 'put from (* 2 n)))
            (send! o (list 'put from (+ 1 (* 2 n))))
            (if (= (modulo n 3) 2)
                (begin (abort-tx t) (loop (+ n 1) sent))
                (if (commit-tx t)
                    (loop (+ n 1) (cons (+ 1 (* 2 n)) (cons (* 2 n) sent)))
                    (loop (+ n 1) sent)))))))"#;

fn objects(bed: &mut Bed, count: usize) -> Vec<Val> {
    for _ in 0..count {
        bed.program("make", &[]);
    }
    let all = bed.machine.objects(None, 10).unwrap();
    all.into_iter().map(|(id, _)| Val::obj(id)).collect()
}

#[test]
fn what_was_committed_arrives_once_and_in_order() {
    seed::each(40, |rng| {
        let mut bed = Bed::of(MAIL, config());
        let objects = objects(&mut bed, 2);
        let (sink, other) = (&objects[0], &objects[1]);
        let mut senders = Vec::new();
        for from in 0..3 {
            let count = Val::int(3 + rng.below(4) as i64);
            let args = [sink.clone(), other.clone(), Val::int(from), count];
            senders.push(bed.hold("sender", &args));
        }
        bed.take(&Input::Shuffle { seed: rng.number() });
        let Val::Obj(id) = sink else { unreachable!() };
        let state = bed.machine.object(*id.id()).unwrap().unwrap().state;
        let got = state.as_list().unwrap().head().cloned().unwrap();
        let mut found: BTreeMap<i64, Vec<i64>> = BTreeMap::new();
        for item in got.as_list().unwrap().to_vec().unwrap().iter().rev() {
            let pair = item.as_list().unwrap().to_vec().unwrap();
            let (from, n) = (pair[0].as_int().unwrap(), pair[1].as_int().unwrap());
            found.entry(from).or_default().push(n);
        }
        for (from, number) in (0..).zip(senders) {
            let list = found.remove(&from).unwrap_or_default();
            let text: Vec<_> = list.iter().map(i64::to_string).collect();
            assert_eq!(bed.result(number), format!("({})", text.join(" ")));
        }
        assert_eq!(found, BTreeMap::new());
    });
}

#[test]
fn each_of_several_that_wait_gets_a_message() {
    let mut bed = Bed::of(MAIL, config());
    let o = objects(&mut bed, 1).remove(0);
    for _ in 0..3 {
        assert_eq!(bed.program("tell", &[o.clone(), Val::sym("wait")]), "...");
    }
    let Val::Obj(id) = &o else { unreachable!() };
    for n in 0..3 {
        let (to, value) = (*id.id(), Val::int(n));
        bed.take(&Input::Message { to, value });
    }
    let results = bed.machine.take_seen().results;
    let results: Vec<_> = results.iter().skip(1).collect();
    let texts: Vec<_> = results
        .iter()
        .map(|(number, outcome)| format!("{number} {}", crate::bed::show(outcome)))
        .collect();
    assert_eq!(texts, ["1 (just 0)", "2 (just 1)", "3 (just 2)"]);
}

/// The message is not lost when its taking is undone: the object gets it after all.
#[test]
fn a_message_that_was_put_back_is_delivered() {
    let mut bed = Bed::of(MAIL, config());
    let o = objects(&mut bed, 1).remove(0);
    assert_eq!(bed.program("take", std::slice::from_ref(&o)), "nothing");
    let Val::Obj(id) = &o else { unreachable!() };
    let object = bed.machine.object(*id.id()).unwrap().unwrap();
    assert_eq!(object.state.to_string(), "(((9 9)))");
    assert_eq!(bed.look().mailboxes.len(), 0);
}
