//! Where objects are and where a program runs changes nothing but where. Spec: 13.2; 28, invariants
//! 7 and 8; and searches find everything page by page, invariant 15.

use avm_anoma::event::EventKind;
use avm_anoma::value::Val;
use avm_testkit::seed::{self, Rng};

use crate::bed::{Bed, config};

const WORLD: &str = r#"
    (module m (caps scry-meta) (default-controller (ctl "c1")))
    (behaviour b
      (state (n 0) (last nothing))
      (on 'fail (set-state! n 77) (raise n))
      (on ('add d) (set-state! n (+ n d)) (set-state! last (sender)) (reply n))
      (on ('pass o d) (reply (call o (list 'add d)))))
    (program (pages most)
      (let loop ((query (map-of "max_visits" 3 "max_results" most)) (found '()) (visits 0))
        (let* ((page (scry-meta query)) (visited (unjust (map-get page "visited")))
               (all (append found (map car (unjust (map-get page "items")))))
               (next (unjust (map-get page "next"))))
          (if (> visited 3) (raise visited)
            (if (nothing? next) (list all (+ visits visited))
              (loop (map-put query "cursor" (unjust next)) all (+ visits visited)))))))
"#;

/// A program over three objects; with `moves`, it moves them and itself in between.
fn program(rng: &mut Rng, moves: Option<&mut Rng>) -> String {
    let mut moves = moves;
    let mut text =
        String::from("(program (main) (let ((o0 (new 'b)) (o1 (new 'b)) (o2 (new 'b))) (list");
    for _ in 0..12 {
        text += "(begin ";
        if let Some(moves) = &mut moves {
            for _ in 0..moves.below(3) {
                let (at, machine) = (moves.below(3), 1 + moves.below(3));
                text += &match moves.below(3) {
                    0 => format!("(teleport! (mach \"m{machine}\")) "),
                    _ => format!("(move! o{at} (mach \"m{machine}\")) "),
                };
            }
        }
        let (a, b, d) = (rng.below(3), rng.below(3), rng.below(9));
        let step = match rng.below(4) {
            0 => format!("(guard (e (#t (caddr e))) (call o{a} 'fail))"),
            1 => format!("(call o{a} (list 'pass o{b} {d}))"),
            2 => {
                format!("(transaction (call o{a} (list 'add {d})) (call o{b} (list 'pass o{a} 1)))")
            }
            _ => format!("(call o{a} (list 'add {d}))"),
        };
        text += &format!("{step}) ");
    }
    text + ")))"
}

#[test]
fn places_change_nothing_but_places() {
    seed::each(25, |rng| {
        let (seed, other) = (rng.number(), rng.number());
        let runs = [false, true].map(|moved| {
            let mut moves = Rng::new(other);
            let main = program(&mut Rng::new(seed), moved.then_some(&mut moves));
            let mut bed = Bed::of(&format!("{WORLD}{main}"), config());
            let got = bed.program("main", &[]);
            assert!(!got.starts_with('!'), "{got}\n{main}");
            let calls: Vec<_> = bed
                .machine
                .seen()
                .unwrap()
                .events
                .iter()
                .filter(|event| {
                    matches!(
                        event.kind,
                        EventKind::CallStarted { .. }
                            | EventKind::ObjectCalled { .. }
                            | EventKind::StateUpdated { .. }
                            | EventKind::TransactionCommitted { .. }
                            | EventKind::ErrorOccurred { .. }
                    )
                })
                .map(|event| format!("{:?} {:?} {}", event.kind, event.tx, event.depth))
                .collect();
            let objects = bed.machine.objects(None, 10).unwrap();
            let objects: Vec<_> = objects
                .iter()
                .map(|(id, view)| format!("{id:?} {:?} {:?}", view.state, view.history_hash))
                .collect();
            (got, calls, objects)
        });
        assert_eq!(runs[0], runs[1]);
    });
}

#[test]
fn pages_of_a_search_are_all_objects() {
    let make = "(program (make) (new 'b))";
    for count in 0..9 {
        let mut bed = Bed::of(&format!("{WORLD}{make}"), config());
        for _ in 0..count {
            bed.program("make", &[]);
        }
        let ids = bed.machine.objects(None, 20).unwrap();
        let ids: Vec<_> = ids
            .iter()
            .map(|(id, _)| Val::obj(*id).to_string())
            .collect();
        for most in 1..4 {
            let got = bed.program("pages", &[Val::int(most)]);
            assert_eq!(got, format!("(({}) {count})", ids.join(" ")));
        }
    }
}
