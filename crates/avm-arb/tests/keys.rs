//! Keys of a state: their names, their values, and what a look-up reads.

use std::sync::{Arc, Mutex};

use avm_arb::asm::assemble;
use avm_arb::{Arb, ArbMachine, KeyValue, Kind, StateKey, Status, read_key};
use avm_core::{
    Bytes, Claim, Hash, HostError, Machine, MemoryInbox, MemoryNodes, MemoryOutbox, Nodes, advance,
};
use ruint::aliases::U256;

/// A tuple in the register, three items on the stack and one on the aux stack.
const PROGRAM: &str = "
        .static (1, (2, 3))
        push (4, (5, (6, \"deep\")), ())
        rset
        push 8
        auxpush
        push 10
        push (11, 12)
        push \"bytes\"
        errpush
        inbox
        halt
";

fn machine(text: &str, steps: u64) -> ArbMachine {
    let program = assemble(text).expect("a valid text").program;
    let mut machine = Arb::default().load(&program);
    let claim = Claim::genesis(machine.state_hash());
    let (inbox, mut outbox) = (MemoryInbox::default(), MemoryOutbox::default());
    advance(&mut machine, claim, &inbox, &mut outbox, steps).expect("all is in memory");
    machine
}

/// Nodes, with a note of each that was read.
struct Watched(MemoryNodes, Mutex<Vec<Hash>>);

impl Nodes for Watched {
    fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        self.1.lock().expect("no panic").push(hash);
        self.0.get(hash)
    }
}

/// What a key has, looked up by hash, and how many nodes that read.
fn look_up(machine: &mut ArbMachine, key: &str) -> (Option<KeyValue>, usize) {
    let key = StateKey::parse(key).expect("a name of a key");
    let mut nodes = MemoryNodes::default();
    let state = machine.save(&mut nodes).expect("all is in memory");
    let watched = Arc::new(Watched(nodes, Mutex::default()));
    let found = read_key(state, watched.clone(), &key).expect("all nodes are there");
    assert_eq!(found, machine.look_up(&key).expect("in memory"), "{key:?}");
    if let Some(value) = found {
        assert_eq!(KeyValue::from_bytes(&value.to_bytes()), Some(value));
    }
    let read = watched.1.lock().expect("no panic").len();
    (found, read)
}

fn int(n: u64) -> Option<KeyValue> {
    Some(KeyValue::Int(U256::from(n)))
}

#[test]
fn values_and_what_they_take() {
    let mut machine = machine(PROGRAM, 1000);
    // Three nodes are the root of a state.
    let cases = [
        ("messages_read", int(0), 3),
        ("register/0", int(4), 3 + 3),
        ("register/1/1/0", int(6), 3 + 7),
        ("static/1/1", int(3), 3 + 5),
        ("aux/0", int(8), 3 + 3),
        ("stack/3", int(10), 3 + 9),
        ("stack/2/1", int(12), 3 + 9),
        ("stack/4", None, 3 + 8),
        ("aux/1", None, 3 + 2),
        ("register/3", None, 3 + 2),
        ("register/0/0", None, 3 + 3),
        ("stack/1/0", None, 3 + 5),
    ];
    for (key, want, nodes) in cases {
        assert_eq!(look_up(&mut machine, key), (want, nodes), "{key}");
    }
    let parts = machine.parts().expect("it waits for a message");
    let kinds = [
        ("pc", Kind::CodePoint, parts.pc),
        ("handler", Kind::CodePoint, parts.handler),
        ("stack", Kind::Tuple, parts.stack),
        ("register", Kind::Tuple, parts.register),
        ("static", Kind::Tuple, parts.constant),
        ("stack/0", Kind::CodePoint, parts.handler),
    ];
    for (key, kind, hash) in kinds {
        assert_eq!(
            look_up(&mut machine, key).0,
            Some(KeyValue::Value(kind, hash)),
            "{key}"
        );
    }
    let buffer = look_up(&mut machine, "stack/1").0;
    assert!(matches!(buffer, Some(KeyValue::Value(Kind::Buffer, _))));
    let hash = machine.machine_hash();
    assert_eq!(
        look_up(&mut machine, "machine").0,
        Some(KeyValue::Hash(hash))
    );
    assert_eq!(
        look_up(&mut machine, "status").0,
        Some(KeyValue::Status(Status::Extensive))
    );
}

#[test]
fn a_stopped_machine_has_counters_only() {
    for (text, status) in [("halt\n", Status::Halted), ("pop\n", Status::ErrorStop)] {
        let mut machine = machine(text, 10);
        assert_eq!(
            look_up(&mut machine, "status").0,
            Some(KeyValue::Status(status))
        );
        assert_eq!(look_up(&mut machine, "sends").0, int(0));
        for key in [
            "pc", "gas_left", "stack", "stack/0", "register", "static", "handler",
        ] {
            assert_eq!(look_up(&mut machine, key).0, None, "{key}");
        }
    }
}

#[test]
fn names() {
    let good = [
        "status",
        "gas_left",
        "log_acc",
        "stack",
        "stack/0",
        "aux/18446744073709551615",
        "stack/1/7",
        "register/0/1/2/3",
        "static/7",
    ];
    for name in good {
        assert!(StateKey::parse(name).is_some(), "{name}");
    }
    let bad = [
        "",
        "/",
        "stack/",
        "stack/-1",
        "stack/00",
        "stack/01",
        "stack/18446744073709551616",
        "register/8",
        "register/x",
        "pc/0",
        "status/0",
        "Stack",
        "stack /0",
        "gas_left/",
    ];
    for name in bad {
        assert_eq!(StateKey::parse(name), None, "{name}");
    }
}

#[test]
fn bytes_that_are_no_value() {
    let cases: [&[u8]; 7] = [&[], &[0], &[0; 32], &[0; 34], &[2; 33], &[0x81], &[0x81, 3]];
    for bytes in cases {
        assert_eq!(KeyValue::from_bytes(bytes), None, "{bytes:?}");
    }
}

/// Neither depth costs more than its nodes, and the state stays as it was.
#[test]
fn deep_states() {
    let text = "
        .static @loop
        push    0
loop:   dup0
        push    1
        add
        dup0
        push    50000
        gt
        spush
        cjump
        inbox
    ";
    let mut machine = machine(text, u64::MAX >> 1);
    let before = machine.state_hash();
    let (found, nodes) = look_up(&mut machine, "stack/49000");
    assert_eq!((found, nodes), (int(1000), 3 + 2 * 49001 + 1));
    assert_eq!(look_up(&mut machine, "stack/60000").0, None);
    assert_eq!(machine.state_hash(), before);
}

#[test]
fn missing_and_malformed_nodes_are_errors() {
    let mut machine = machine(PROGRAM, 1000);
    let mut nodes = MemoryNodes::default();
    let state = machine.save(&mut nodes).expect("all is in memory");
    let key = StateKey::parse("register/1/0").expect("a name of a key");
    let names: Vec<Hash> = nodes.iter().map(|(hash, _)| hash).collect();
    let mut missing = 0;
    for name in names {
        let mut fewer = nodes.clone();
        fewer.remove(name);
        match read_key(state, Arc::new(fewer), &key) {
            Ok(found) => assert_eq!(found, int(5)),
            Err(HostError::MissingNode { hash }) => {
                assert_eq!(hash, name);
                missing += 1;
            }
            Err(other) => panic!("{other}"),
        }
    }
    assert_eq!(missing, 3 + 5);
}
