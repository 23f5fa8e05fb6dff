//! Keys of a state: their names, their values, and what a look-up reads.

use std::sync::{Arc, Mutex};

use avm_atomicals::machine::{Image, call_to_bytes};
use avm_atomicals::script::{CallInput, Rules, tables};
use avm_atomicals::{Atomicals, AtomicalsMachine, KeyName, KeyValue, read_key};
use avm_core::{
    Bytes, Claim, Hash, HostError, Machine, MemoryInbox, MemoryNodes, MemoryOutbox, Nodes, advance,
};

/// Nodes, with a note of each that was read.
struct Watched(MemoryNodes, Mutex<Vec<Hash>>);

impl Nodes for Watched {
    fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        self.1.lock().expect("no panic").push(hash);
        self.0.get(hash)
    }
}

/// A contract with 200 values and two tokens, `steps` steps into its one call.
fn machine(lock: &[u8], steps: u64) -> AtomicalsMachine {
    let mut image = Image::new(&Rules::BETA1, lock.into());
    let contract = &mut image.contract;
    for n in 0..200_u8 {
        let KeyName::State(name) = KeyName::state(b"s", &[b'k', n]) else {
            unreachable!("it is the name of a value");
        };
        contract
            .state
            .insert(&name, [n, 1][..].into())
            .expect("it fits");
    }
    contract.sum = tables::sum(&contract.state).expect("in memory");
    contract
        .ft
        .insert(&[5; 36], 77_u64.to_be_bytes()[..].into())
        .expect("it fits");
    contract
        .nft
        .insert(&[6; 36], Bytes::default())
        .expect("it fits");
    let mut tx = vec![2, 0, 0, 0, 1];
    tx.extend([0; 36]);
    tx.extend([0, 0xff, 0xff, 0xff, 0xff, 1]);
    tx.extend([1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
    let call = CallInput {
        unlock: [0x57][..].into(),
        tx: tx.into(),
        auth_key: Bytes::default(),
        ft_incoming: Default::default(),
        nft_incoming: Default::default(),
        headers: Default::default(),
        height: 0,
    };
    let mut machine = Atomicals::default().load(&image);
    let mut inbox = MemoryInbox::default();
    inbox
        .0
        .push(call_to_bytes(&call).expect("in memory").into());
    let claim = Claim::genesis(machine.state_hash());
    advance(
        &mut machine,
        claim,
        &inbox,
        &mut MemoryOutbox::default(),
        steps,
    )
    .expect("in memory");
    machine
}

/// What a key has, looked up by hash, and how many nodes that read.
fn look_up(machine: &mut AtomicalsMachine, name: &str) -> (Option<KeyValue>, usize) {
    let key = KeyName::parse(name).unwrap_or_else(|| panic!("`{name}` is the name of a key"));
    let mut nodes = MemoryNodes::default();
    let state = machine.save(&mut nodes).expect("in memory");
    let watched = Arc::new(Watched(nodes, Mutex::default()));
    let found = read_key(state, watched.clone(), &key).expect("all nodes are there");
    assert_eq!(found, machine.look_up(&key).expect("in memory"), "{name}");
    if let Some(value) = &found {
        assert_eq!(
            KeyValue::from_bytes(&value.to_bytes()).as_ref(),
            Some(value)
        );
    }
    let read = watched.1.lock().expect("no panic").len();
    (found, read)
}

/// Pushes a long element and moves the argument to the alt stack, writes `s/n`, deletes `s/kA`.
const CODE: &str = "6b4c50PUSH0173016e57f00173026b41f161616151776c75";

fn code() -> Vec<u8> {
    tables::from_hex(&CODE.replace("PUSH", &"5a".repeat(80))).expect("hex")
}

#[test]
fn values_and_what_they_take() {
    let mut machine = machine(&code(), 0);
    let bytes = |bytes: &[u8]| Some(KeyValue::Bytes(bytes.into()));
    let token = |byte: &str| byte.repeat(36);
    let cases = [
        ("calls".into(), Some(KeyValue::Number(0)), 1),
        ("rules".into(), Some(KeyValue::Rules(&Rules::BETA1)), 1),
        ("chain".into(), Some(KeyValue::Hash(Hash::ZERO)), 2),
        (format!("ft/{}", token("05")), Some(KeyValue::Number(77)), 3),
        (format!("ft/{}", token("04")), None, 3),
        (format!("nft/{}", token("06")), Some(KeyValue::There), 3),
        (format!("nft/{}", token("07")), None, 3),
        ("stack".into(), None, 1),
        ("stack/0".into(), None, 1),
        ("writes/s/n".into(), None, 1),
    ];
    for (name, want, nodes) in cases {
        assert_eq!(look_up(&mut machine, &name), (want, nodes), "{name}");
    }
    for (name, want) in [
        ("state/s/kA", bytes(&[65, 1])),
        ("state/s/0x6b41", bytes(&[65, 1])),
        ("state/0x73/0x6bc7", bytes(&[199, 1])),
        ("state/s/0x6bc8", None),
        ("state/t/kA", None),
        ("state/s/n", None),
    ] {
        let (found, nodes) = look_up(&mut machine, name);
        assert_eq!(found, want, "{name}");
        assert!((3..20).contains(&nodes), "{name}: {nodes} of 200 values");
    }
}

#[test]
fn a_call_that_runs() {
    // Take, push the argument, move it, push, write, delete.
    let mut machine = machine(&code(), 1 + 1 + 1 + 1 + 4 + 3);
    let bytes = |bytes: &[u8]| Some(KeyValue::Bytes(bytes.into()));
    for (name, want) in [
        ("calls", Some(KeyValue::Number(1))),
        ("stack", Some(KeyValue::Number(1))),
        ("alt", Some(KeyValue::Number(1))),
        ("stack/0", bytes(&[0x5a; 80])),
        ("stack/1", None),
        ("alt/0", bytes(&[7])),
        ("writes/s/n", bytes(&[7])),
        ("deletes/s/kA", Some(KeyValue::There)),
        ("deletes/s/n", None),
        ("state/s/n", None),
        ("state/s/kA", bytes(&[65, 1])),
    ] {
        assert_eq!(look_up(&mut machine, name).0, want, "{name}");
    }
    let names = machine.key_names().expect("in memory");
    assert_eq!(names.len(), 8 + 200 + 2 + 2 + 2 + 2);
    for name in names {
        assert_eq!(
            KeyName::parse(&name.to_string()),
            Some(name.clone()),
            "{name}"
        );
        let found = machine.look_up(&name).expect("in memory");
        assert!(found.is_some(), "{name} is listed");
    }
}

#[test]
fn names() {
    for name in [
        "",
        "state",
        "state/",
        "state/s",
        "state/s/",
        "state//k",
        "state/s/k/x",
        "state/s/k!",
        "state/0x7/k",
        "ft",
        "ft/",
        "ft/0x05",
        "ft/05/1",
        "stack/",
        "stack/01",
        "stack/-1",
        "stack/+1",
        "alt/x",
        "calls/1",
        "Chain",
    ] {
        assert_eq!(KeyName::parse(name), None, "{name}");
    }
    for (bytes, want) in [
        (&b"owner-1.x_Y"[..], "owner-1.x_Y"),
        (b"", "0x"),
        (b"a/b", "0x612f62"),
        (b"0xab", "0x30786162"),
        (&[0xff, 0], "0xff00"),
    ] {
        let name = KeyName::state(b"s", bytes).to_string();
        assert_eq!(name, format!("state/s/{want}"));
        assert_eq!(KeyName::parse(&name), Some(KeyName::state(b"s", bytes)));
    }
}
