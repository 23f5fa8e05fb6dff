//! Transactions in turns that a seed draws come out as if they had run one after the other, in the
//! order of the log. The oracle is a table of accounts. Spec: 11.5; 28, invariants 4 and 6.

use std::collections::BTreeMap;

use avm_anoma::input::Input;
use avm_anoma::seen::EntryKind;
use avm_anoma::value::Val;
use avm_testkit::seed;

use crate::bed::{Bed, config};

const BANK: &str = r#"
    (module bank (default-controller (ctl "c1")))
    (behaviour account
      (state (n 100) (last 0))
      (on 'see (reply (list n last)))
      (on ('add d tag) #:when (>= (+ n d) 0)
        (let ((old (list n last)))
          (set-state! n (+ n d)) (set-state! last tag)
          (reply old))))
    (program (open) (new 'account))
    (program (pay from to amount tag how)
      (let* ((t (begin-tx))
             (a (call from (list 'add (- 0 amount) tag)))
             (b (if (nothing? a) nothing (call to (list 'add amount tag)))))
        (if (= how 0)
            (begin (abort-tx t) (list #f a b))
            (list (commit-tx t) a b))))
    (program (sum accounts)
      (let ((t (begin-tx (ctl "c1"))))
        (let ((seen (map (lambda (o) (unjust (call o 'see))) accounts)))
          (list (commit-tx t) seen))))"#;

const ACCOUNTS: usize = 4;

/// What a program does, and what it saw.
struct Pay {
    from: usize,
    to: usize,
    amount: i64,
    tag: i64,
}

enum Work {
    Pay(Pay),
    Sum,
}

#[test]
fn transactions_in_turns_are_like_one_after_the_other() {
    let mut committed = 0;
    seed::each(60, |rng| {
        let mut bed = Bed::of(BANK, config());
        let mut accounts = Vec::new();
        for _ in 0..ACCOUNTS {
            let made = bed.hold("open", &[]);
            bed.marks(made, 1_000);
            for (id, _) in bed.machine.objects(None, 10).unwrap() {
                if !accounts.contains(&Val::obj(id)) {
                    accounts.push(Val::obj(id));
                }
            }
        }
        let mut work = BTreeMap::new();
        for tag in 1..=12 {
            let any = |rng: &mut seed::Rng| rng.below(ACCOUNTS as u64) as usize;
            let (from, to, amount) = (any(rng), any(rng), 1 + rng.below(90) as i64);
            if rng.below(4) == 0 {
                let all = Val::list(accounts.clone()).unwrap();
                work.insert(bed.hold("sum", &[all]), Work::Sum);
                continue;
            }
            let how = i64::from(rng.below(6) > 0);
            let args = [
                accounts[from].clone(),
                accounts[to].clone(),
                Val::int(amount),
                Val::int(tag),
                Val::int(how),
            ];
            let pay = Pay {
                from,
                to,
                amount,
                tag,
            };
            work.insert(bed.hold("pay", &args), Work::Pay(pay));
        }
        bed.take(&Input::Shuffle { seed: rng.number() });
        // The same in plain words, in the order of the log.
        let mut table = [(100, 0); ACCOUNTS];
        let entries = bed.machine.seen().unwrap().entries.clone();
        for (at, entry) in entries.iter().enumerate() {
            assert_eq!(entry.seq, at as u64 + 1);
            let Some(work) = work.get(&entry.execution) else {
                continue;
            };
            assert_eq!(entry.kind, EntryKind::Commit);
            let want = match work {
                Work::Sum => {
                    let seen = table.map(|(n, last)| format!("({n} {last})"));
                    format!("(#t ({}))", seen.join(" "))
                }
                Work::Pay(pay) => {
                    let mut add = |at: usize, d| {
                        let (n, last) = table[at];
                        if n + d < 0 {
                            return "nothing".to_string();
                        }
                        table[at] = (n + d, pay.tag);
                        format!("(just ({n} {last}))")
                    };
                    let a = add(pay.from, -pay.amount);
                    let b = match a.as_str() {
                        "nothing" => "nothing".into(),
                        _ => add(pay.to, pay.amount),
                    };
                    committed += 1;
                    format!("(#t {a} {b})")
                }
            };
            assert_eq!(bed.result(entry.execution), want);
        }
        for number in work.keys() {
            let result = bed.result(*number);
            let logged = entries.iter().any(|entry| entry.execution == *number);
            assert_eq!(result.starts_with("(#t"), logged, "{number} {result}");
        }
        for (at, account) in accounts.iter().enumerate() {
            let Val::Obj(id) = account else {
                unreachable!()
            };
            let state = bed.machine.object(*id.id()).unwrap().unwrap().state;
            let text = state.to_string();
            // An account that nobody changed has not set its state yet.
            if table[at] != (100, 0) {
                assert_eq!(text, format!("({} {})", table[at].0, table[at].1));
            }
        }
        assert_eq!(table.iter().map(|(n, _)| n).sum::<i64>(), 400);
    });
    assert!(committed > 100 || std::env::var(seed::VARIABLE).is_ok());
}
