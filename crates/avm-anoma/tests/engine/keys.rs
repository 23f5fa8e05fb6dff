//! Keys of a state: every one that is listed is found, in memory and in the store, and can be
//! proved.

use std::sync::Arc;

use avm_anoma::keys::{KeyName, KeyValue, read_key};
use avm_anoma::value::{ObjectId, Val};
use avm_anoma::{Anoma, AnomaMachine};
use avm_core::{Hash, Machine, MemoryNodes, Nodes, Probe, StepEnd, StepStart, Vm};
use avm_prove_keys::{given, recorded};
use proptest::prelude::*;

use crate::bed::{Bed, Desk, config};

mod avm_prove_keys {
    use std::sync::{Arc, Mutex};

    use avm_core::{Bytes, Hash, HostError, MemoryNodes, Nodes, Sink};

    /// Remembers what is read.
    pub struct Recorded(Arc<dyn Nodes>, Mutex<MemoryNodes>);

    impl Nodes for Recorded {
        fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
            let node = self.0.get(hash)?;
            self.1.lock().unwrap().put(hash, &node)?;
            Ok(node)
        }
    }

    pub fn recorded(nodes: Arc<dyn Nodes>) -> Arc<Recorded> {
        Arc::new(Recorded(nodes, Mutex::default()))
    }

    pub fn given(recorded: &Recorded) -> MemoryNodes {
        recorded.1.lock().unwrap().clone()
    }
}

/// An object with a short state, one with a long one, one that is gone, and a program that waits
/// deep in calls.
const TEXT: &str = r#"
    (module m (default-controller (ctl "c1")))
    (behaviour cell (state (v nothing))
      (on ('put x) (set-state! v x) (reply 1))
      (on ('div k) (reply (quotient 10 k))))
    (program (main long)
      (let ((a (new 'cell)) (b (new 'cell)) (c (new 'cell)))
        (call a '(put 5)) (call b (list 'put long)) (destroy! c)
        (list (self) (receive))))
    (program (wrong k)
      (let ((a (new 'cell)))
        (send! a (list 'div k))
        (quotient 10 k)))"#;

fn bed() -> Bed {
    let mut bed = Bed::of(TEXT, config());
    let long = Val::list((0..1000).map(|n| Val::str(&format!("item {n}")))).unwrap();
    assert_eq!(bed.program("main", &[long]), "...");
    bed
}

fn saved(machine: &mut AnomaMachine) -> (Hash, Arc<MemoryNodes>) {
    let mut nodes = MemoryNodes::default();
    let state = machine.save(&mut nodes).unwrap();
    (state, Arc::new(nodes))
}

#[test]
fn keys_are_the_same_in_memory_and_in_the_store() {
    let mut bed = bed();
    let names = bed.machine.key_names("", usize::MAX).unwrap();
    let kinds = |kind: &str| {
        names
            .iter()
            .filter(|name| name.to_string().starts_with(kind))
            .count()
    };
    for (kind, count) in [
        ("objects/", 10),
        ("tombstones/", 1),
        ("controllers/", 2),
        ("machines/", 3),
        ("executions/", 2),
    ] {
        assert_eq!(kinds(kind), count, "{kind}: {names:?}");
    }
    let (state, nodes) = saved(&mut bed.machine);
    for name in &names {
        assert_eq!(KeyName::parse(&name.to_string()).as_ref(), Some(name));
        let here = bed.machine.look_up(name).unwrap().unwrap();
        let there = read_key(state, nodes.clone(), name).unwrap().unwrap();
        assert_eq!(here.to_bytes(), there.to_bytes(), "{name}");
        assert_eq!(here.to_string(), there.to_string(), "{name}");
        let again = KeyValue::from_bytes(&there.to_bytes()).unwrap();
        assert_eq!(again.to_bytes(), there.to_bytes(), "{name}");
        assert_eq!(again.to_string(), there.to_string(), "{name}");
    }
}

#[test]
fn a_key_is_proved_by_the_nodes_on_its_way() {
    let mut bed = bed();
    let names = bed.machine.key_names("", usize::MAX).unwrap();
    let absent = [
        "objects/ID",
        "objects/ID/state",
        "tombstones/ID",
        "mailboxes/ID",
    ]
    .map(|name| name.replace("ID", &"5a".repeat(32)));
    let more = [
        "controllers/c9",
        "machines/0x20",
        "functions/f",
        "executions/7",
        "executions/0/frames/9",
    ];
    let absent = absent.iter().map(String::as_str).chain(more);
    let absent: Vec<_> = absent.map(|name| KeyName::parse(name).unwrap()).collect();
    let (state, nodes) = saved(&mut bed.machine);
    let all = nodes.len();
    for name in names.iter().chain(&absent) {
        let recorded = recorded(nodes.clone());
        let want = read_key(state, recorded.clone(), name).unwrap();
        assert_eq!(want.is_none(), absent.contains(name), "{name}");
        let read = given(&recorded);
        assert!(!read.is_empty() && read.len() < all, "{name}");
        let alone = read_key(state, Arc::new(read.clone()), name).unwrap();
        assert_eq!(
            alone.map(|it| it.to_bytes()),
            want.map(|it| it.to_bytes()),
            "{name}"
        );
        for (hash, _) in read.iter() {
            let mut fewer = read.clone();
            fewer.remove(hash);
            assert!(read_key(state, Arc::new(fewer), name).is_err(), "{name}");
        }
    }
}

#[test]
fn a_prefix_lists_what_it_names() {
    let mut bed = bed();
    let all = bed.machine.key_names("objects/", usize::MAX).unwrap();
    let KeyName::Part(id, _) = all[0] else {
        panic!("{all:?}")
    };
    let digits: String = id.0.iter().map(|byte| format!("{byte:02x}")).collect();
    for len in [1, 2, 3, 10, 63, 64] {
        let found = bed
            .machine
            .key_names(&format!("objects/{}", &digits[..len]), usize::MAX);
        let wanted = |name: &&KeyName| name.to_string()[8..].starts_with(&digits[..len]);
        let want: Vec<_> = all.iter().filter(wanted).collect();
        let found = found.unwrap();
        assert_eq!(found.len(), want.len() + usize::from(len == 64), "{len}");
        assert_eq!(
            bed.machine
                .ids_like("objects", &digits[..len], 9)
                .unwrap()
                .len(),
            want.len() / 5
        );
    }
    let found = bed
        .machine
        .key_names(&format!("objects/{digits}/st"), usize::MAX)
        .unwrap();
    assert_eq!(found.len(), 1);
    assert_eq!(bed.machine.key_names("", 3).unwrap().len(), 3);
    assert!(bed.machine.key_names("objects/xyz", 3).unwrap().is_empty());
}

#[test]
fn names_have_one_form() {
    for bad in [
        "",
        "x",
        "objects",
        "objects/",
        "objects/00",
        "clock/",
        "executions/01",
        "executions/-1",
        "executions/1/frames/",
        "executions/1/frame/1",
        "controllers/",
        "controllers/a b",
        "controllers/0x61",
        "controllers/0x6",
        "machines/0xff",
        "objects/obj:0123456789",
    ] {
        assert_eq!(KeyName::parse(bad), None, "{bad}");
    }
    let upper = format!("objects/{}", "AB".repeat(32));
    assert_eq!(KeyName::parse(&upper), None);
    assert_eq!(
        KeyName::parse(&format!("objects/{}/creating", "ab".repeat(32))),
        None
    );
    let name = KeyName::Controller("0x\u{e4} b".into());
    assert_eq!(KeyName::parse(&name.to_string()), Some(name));
    let id = ObjectId([7; 32]);
    assert!(
        KeyName::Tombstone(id)
            .to_string()
            .starts_with("tombstones/0707")
    );
}

proptest! {
    /// Bytes are a value in one way or not at all.
    #[test]
    fn bytes_of_values_are_canonical(kind in 0..11_u8, rest in prop::collection::vec(prop_oneof![Just(0), Just(1), any::<u8>()], 0..120)) {
        let bytes = [vec![kind], rest].concat();
        if let Some(value) = KeyValue::from_bytes(&bytes) {
            prop_assert_eq!(value.to_bytes(), bytes);
            let _ = value.to_string();
        }
    }
}

/// Costs and errors of steps.
#[derive(Default)]
struct Steps(Vec<(String, u64, Option<String>)>);

impl Probe for Steps {
    fn before(&mut self, step: &StepStart<'_>) {
        self.0.push((step.name.into(), 0, None));
    }

    fn after(&mut self, step: &StepEnd<'_>) {
        let last = self.0.last_mut().unwrap();
        (last.1, last.2) = (step.cost, step.fault.map(ToString::to_string));
    }
}

struct Watching(Desk, Steps);

impl avm_core::Host for Watching {
    fn next_input(&mut self) -> Result<Option<avm_core::Bytes>, avm_core::HostError> {
        self.0.next_input()
    }

    fn emit(&mut self, output: avm_core::Output<'_>) -> Result<(), avm_core::HostError> {
        self.0.emit(output)
    }

    fn probe(&mut self) -> Option<&mut dyn Probe> {
        Some(&mut self.1)
    }
}

#[test]
fn steps_have_their_cost_and_their_error_once() {
    let mut bed = Bed::of(TEXT, config());
    bed.feed(&Bed::start_input("wrong", &[Val::Int(0)], false));
    let mut host = Watching(std::mem::take(&mut bed.desk), Steps::default());
    bed.machine.run(u64::MAX, &mut host).unwrap();
    let steps = host.1.0;
    let cost: u64 = steps.iter().map(|(_, cost, _)| cost).sum();
    assert_eq!(cost, bed.machine.gas());
    assert!(cost > 0);
    let faults: Vec<_> = steps.iter().filter(|(.., fault)| fault.is_some()).collect();
    // That of the program, and that of the object.
    assert_eq!(faults.len(), 2, "{faults:?}");
    assert!(
        faults
            .iter()
            .all(|(.., fault)| fault.as_deref() == Some("arith/div-zero")),
        "{faults:?}"
    );
}

#[test]
fn a_message_that_fails_is_told() {
    let mut bed = Bed::of(TEXT, config());
    assert_eq!(bed.program("wrong", &[Val::Int(0)]), "! arith/div-zero");
    let failures = bed.machine.failures();
    assert_eq!((failures.count, failures.last.len()), (1, 1));
    assert_eq!(failures.last[0].fault.to_string(), "arith/div-zero");
    assert_eq!(failures.last[0].execution, 1);
    assert_eq!(bed.desk.outputs.len(), 1, "no receipt for a message");
}

/// Gas counts what is done and what is not, however the run is cut.
#[test]
fn gas_is_complete() {
    let whole = {
        let mut bed = bed();
        (bed.machine.gas(), bed.machine.state_hash())
    };
    let mut machine = Bed::of(TEXT, config());
    let long = Val::list((0..1000).map(|n| Val::str(&format!("item {n}")))).unwrap();
    machine.feed(&Bed::start_input("main", &[long], false));
    while machine.machine.run(1, &mut machine.desk).unwrap().steps > 0 {}
    assert_eq!((machine.machine.gas(), machine.machine.state_hash()), whole);
    let running: u64 = machine
        .machine
        .running()
        .unwrap()
        .iter()
        .map(|(.., gas)| gas)
        .sum();
    assert_eq!(running, whole.0);
    let (state, nodes) = saved(&mut machine.machine);
    let nodes: Arc<dyn Nodes> = nodes;
    let found = read_key(state, nodes.clone(), &KeyName::Gas)
        .unwrap()
        .unwrap();
    assert_eq!(found.to_string(), whole.0.to_string());
    let mut opened = Anoma.open(state, nodes).unwrap();
    assert_eq!(opened.state_hash(), state);
}
