//! An object is its accepted inputs: fed to a new object they give the same state. Spec: 3; 28,
//! invariant 2.

use avm_anoma::value::{Val, tagged_hash};
use avm_testkit::seed;

use crate::bed::{Bed, config};

const LEDGER: &str = r#"
    (module ledger (default-controller (ctl "c1")))
    (behaviour ledger
      (state (n 0) (entries '()))
      (on (? int? d) #:when (>= (+ n d) 0)
        (set-state! n (+ n d)) (set-state! entries (cons (list d (history)) entries)) (reply n))
      (on ('fail d) (set-state! n (+ n d)) (raise d)))
    (program (make) (new 'ledger))
    (program (tell o v) (call o v))
    (program (tell-tx o v w how)
      (let ((t (begin-tx))) (call o v) (call o w)
        (if (= how 0) (begin (abort-tx t) #f) (commit-tx t))))"#;

#[test]
fn accepted_inputs_give_the_state() {
    seed::each(60, |rng| {
        let mut bed = Bed::of(LEDGER, config());
        bed.program("make", &[]);
        let id = bed.machine.objects(None, 1).unwrap()[0].0;
        for _ in 0..12 {
            let mut input = || {
                let d = Val::int(rng.below(20) as i64 - 9);
                match rng.below(8) {
                    0 => Val::list([Val::sym("fail"), d]).unwrap(),
                    2 => Val::str("nonsense"),
                    _ => d,
                }
            };
            let (v, w) = (input(), input());
            match rng.below(4) {
                0 => bed.program("tell-tx", &[Val::obj(id), v, w, Val::int(0)]),
                1 => bed.program("tell-tx", &[Val::obj(id), v, w, Val::int(1)]),
                _ => bed.program("tell", &[Val::obj(id), v]),
            };
        }
        let accepted = bed.machine.seen().unwrap().accepted.clone();
        let object = bed.machine.object(id).unwrap().unwrap();
        assert_eq!(object.history, accepted.len() as u64);
        // The rolling hash, from what the specification of `Fold` says.
        let (mut hash, mut tail) = ([0; 32], Vec::new());
        for (_, input) in &accepted {
            input.write_ref(&mut tail);
            if tail.len() >= 128 {
                hash = tagged_hash("avm/hist", &[&hash, &tail]).0;
                tail.clear();
            }
        }
        let count = (accepted.len() as u64).to_be_bytes();
        let digest = tagged_hash("avm/hist", &[&count, &hash, &tail]);
        assert_eq!(object.history_hash, digest);

        let mut fresh = Bed::of(LEDGER, config());
        fresh.program("make", &[]);
        for (to, input) in &accepted {
            assert_eq!(*to, id);
            let got = fresh.program("tell", &[Val::obj(id), input.clone()]);
            assert!(got.starts_with("(just"), "{got}");
        }
        let again = fresh.machine.object(id).unwrap().unwrap();
        assert_eq!(again.state, object.state);
        assert_eq!(again.history_hash, object.history_hash);
    });
}
