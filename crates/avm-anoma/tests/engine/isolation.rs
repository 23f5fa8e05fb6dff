//! Who sees what of whom: transactions of several executions over shared objects. Spec: 11.5; 28,
//! invariants 4 to 6 and 9.

use avm_anoma::value::Val;

use crate::bed::{Bed, config};

const WORLD: &str = r#"
    (module m (caps pure-register pure-update) (default-controller (ctl "c1")))
    (pure (one n) (+ n 1))
    (pure (two n) (+ n 2))
    (behaviour b
      (state (n 0))
      (on 'get (reply n))
      (on 'inc (set-state! n (+ n 1)) (reply n))
      (on 'wait (set-state! n 50) (receive) (reply n))
      (on ('move o) (move! o (mach "m2")) (reject))
      (on 'own
        (let ((t (begin-tx)))
          (set-state! n (+ n 100))
          (let loop ((i 0)) (if (< i 50) (loop (+ i 1)) nothing))
          (abort-tx t)
          (reply n)))
      (on 'own-read
        (let ((t (begin-tx)) (before n))
          (let loop ((i 0)) (if (< i 50) (loop (+ i 1)) nothing))
          (set-state! n (+ before 100))
          (reply (commit-tx t)))))
    (program (make) (new 'b))
    (program (make-bare) (new 'b #:no-controller))
    (program (tell o v) (call o v))
    (program (reader o)
      (let ((t (begin-tx)))
        (controller-of o)
        (let loop ((i 0)) (if (< i 50) (loop (+ i 1)) nothing))
        (commit-tx t)))
    (program (adder o)
      (let ((t (begin-tx)))
        (call o 'inc)
        (let loop ((i 0)) (if (< i 50) (loop (+ i 1)) nothing))
        (commit-tx t)))
    (program (places o p)
      (let ((t (begin-tx (ctl "c1"))))
        (call p 'get)
        (let loop ((i 0)) (if (< i 50) (loop (+ i 1)) nothing))
        (let ((seen (list (machine-of o) (controller-of o))))
          (list seen (commit-tx t)))))
    (program (move o) (move! o (mach "m2")))
    (program (update code)
      (let ((t (begin-tx)))
        (update-pure! 'f code)
        (let loop ((i 0)) (if (< i 50) (loop (+ i 1)) nothing))
        (commit-tx t)))"#;

struct World {
    bed: Bed,
    objects: Vec<Val>,
}

impl World {
    fn new(objects: usize) -> Self {
        let mut bed = Bed::of(WORLD, config());
        let mut made = Vec::new();
        for _ in 0..objects {
            bed.program("make", &[]);
            for (id, _) in bed.machine.objects(None, 10).unwrap() {
                let object = Val::obj(id);
                if !made.contains(&object) {
                    made.push(object);
                }
            }
        }
        Self { bed, objects: made }
    }

    /// Starts a program and lets it go into its loop.
    fn middle(&mut self, program: &str, args: &[Val]) -> u64 {
        let number = self.bed.hold(program, args);
        let input = avm_anoma::input::Input::Run {
            execution: number,
            count: 60,
            unit: avm_anoma::input::Unit::Steps,
        };
        self.bed.take(&input);
        assert_eq!(self.bed.result(number), "...");
        number
    }

    fn end(&mut self, number: u64) -> String {
        self.bed.marks(number, 1_000_000);
        self.bed.result(number)
    }

    fn tell(&mut self, at: usize, what: &str) -> String {
        let args = [self.objects[at].clone(), Val::sym(what)];
        self.bed.program("tell", &args)
    }
}

#[test]
fn a_change_of_what_was_read_is_a_conflict() {
    for what in ["get", "inc", "wait"] {
        for program in ["reader", "adder"] {
            let mut world = World::new(1);
            let o = world.objects[0].clone();
            let number = world.middle(program, &[o]);
            let got = world.tell(0, what);
            assert_eq!(got == "...", what == "wait", "{got}");
            assert_eq!(world.end(number), "#f", "{program} {what}");
        }
    }
    let mut world = World::new(1);
    let o = world.objects[0].clone();
    let number = world.middle("reader", &[o]);
    assert_eq!(world.end(number), "#t");
}

/// A move that was undone is none; what comes after it is.
#[test]
fn an_undone_change_hides_no_conflict() {
    let mut world = World::new(2);
    let (o, other) = (world.objects[0].clone(), world.objects[1].clone());
    let input = Val::list([Val::sym("move"), o.clone()]).unwrap();
    assert_eq!(world.bed.program("tell", &[other, input]), "nothing");
    let number = world.middle("reader", &[o]);
    assert_eq!(world.tell(0, "inc"), "(just 1)");
    assert_eq!(world.end(number), "#f");
}

/// A behaviour that begins a transaction changes its own state in it like any other.
#[test]
fn nobody_sees_the_state_of_an_object_in_its_own_transaction() {
    let mut world = World::new(1);
    let o = world.objects[0].clone();
    let number = world.middle("tell", &[o.clone(), Val::sym("own")]);
    assert_eq!(world.tell(0, "get"), "(just 0)");
    assert_eq!(world.end(number), "(just 0)");
    assert_eq!(world.tell(0, "get"), "(just 0)");
    // What it read before is part of what it may conflict with.
    let number = world.middle("tell", &[o.clone(), Val::sym("own-read")]);
    assert_eq!(world.tell(0, "inc"), "(just 1)");
    assert_eq!(world.end(number), "(just #f)");
    assert_eq!(world.tell(0, "get"), "(just 1)");
    let number = world.middle("tell", &[o, Val::sym("own-read")]);
    assert_eq!(world.end(number), "(just #t)");
    assert_eq!(world.tell(0, "get"), "(just 101)");
}

#[test]
fn an_object_without_controller_changes_in_no_transaction() {
    let mut world = World::new(0);
    world.bed.program("make-bare", &[]);
    let o = world.bed.machine.objects(None, 1).unwrap()[0].0;
    let got = world.bed.program("tell", &[Val::obj(o), Val::sym("own")]);
    assert!(got.starts_with("! ctl/no-controller"), "{got}");
}

#[test]
fn a_transaction_sees_places_as_they_were() {
    let mut world = World::new(2);
    let (o, other) = (world.objects[0].clone(), world.objects[1].clone());
    let number = world.middle("places", &[o.clone(), other]);
    assert_eq!(world.bed.program("move", &[o]), "#t");
    let got = world.end(number);
    assert!(got.contains("m1") && got.ends_with("#f)"), "{got}");
}

#[test]
fn two_updates_of_one_function_conflict() {
    let mut world = World::new(0);
    let module = crate::bed::compile(WORLD).name_hash();
    let code = |export: &str| {
        Val::Code(std::sync::Arc::new(avm_anoma::value::CodeRef {
            module,
            export: export.into(),
        }))
    };
    let mut config = config();
    config.functions = vec![("f".into(), 0, "one".into())];
    world.bed = Bed::of(WORLD, config);
    let first = world.middle("update", &[code("one")]);
    let second = world.middle("update", &[code("two")]);
    assert_eq!(world.end(second), "#t");
    assert_eq!(world.end(first), "#f");
}
