//! What a careful reader doubted: runs that are cut anywhere, states that somebody forged, calls at
//! the edges of every limit.

use std::collections::{BTreeMap, BTreeSet};
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use avm_atomicals::machine::{AtomicalsMachine, Image, call_to_bytes};
use avm_atomicals::script::digest::sha256;
use avm_atomicals::script::table::Key;
use avm_atomicals::script::{CallInput, Failure, Rules, ScriptError, tables};
use avm_atomicals::{Atomicals, sample};
use avm_core::{
    Claim, Hash, Machine, MemoryInbox, MemoryNodes, MemoryOutbox, NoOutbox, Sink, Stop, advance,
};

/// A transaction with one input and one output, the script of which is given.
fn tx(script: &[u8]) -> Vec<u8> {
    let mut tx = vec![2, 0, 0, 0, 1];
    tx.extend([7; 32]);
    tx.extend([1, 0, 0, 0, 0, 0xfe, 0xff, 0xff, 0xff, 1]);
    tx.extend(5_000_u64.to_le_bytes());
    match script.len() {
        len @ 0..=0xfc => tx.push(len as u8),
        len => {
            tx.push(0xfe);
            tx.extend((len as u32).to_le_bytes());
        }
    }
    tx.extend(script);
    tx.extend([9, 0, 0, 0]);
    tx
}

fn call(unlock: &[u8]) -> CallInput {
    CallInput {
        unlock: unlock.into(),
        tx: tx(&[0x51]).into(),
        auth_key: Arc::default(),
        ft_incoming: Default::default(),
        nft_incoming: Default::default(),
        headers: Default::default(),
        height: 7,
    }
}

fn inbox(calls: &[CallInput]) -> MemoryInbox {
    let bytes = |call| call_to_bytes(call).expect("in memory");
    calls.iter().map(bytes).collect()
}

/// Runs a machine to its last input, so many steps at once; opened anew each time if so asked.
fn run(
    mut machine: AtomicalsMachine,
    inbox: &MemoryInbox,
    piece: u64,
    reopen: bool,
) -> (Claim, MemoryOutbox, BTreeMap<u64, Hash>) {
    let mut claim = Claim::genesis(machine.state_hash());
    let (mut outbox, mut states) = (MemoryOutbox::default(), BTreeMap::new());
    loop {
        let (next, stop) = advance(&mut machine, claim, inbox, &mut outbox, piece).unwrap();
        claim = next;
        let other = states.insert(claim.steps, claim.state);
        assert!(other.is_none_or(|other| other == claim.state), "{claim:?}");
        if stop != Stop::Budget {
            return (claim, outbox, states);
        }
        if reopen {
            let mut nodes = MemoryNodes::default();
            let root = machine.save(&mut nodes).unwrap();
            machine = Atomicals::default().open(root, Arc::new(nodes)).unwrap();
        }
    }
}

/// However a run is cut, a number of steps has one state.
fn cut_anywhere(name: &str, image: &Image, calls: &[CallInput]) {
    let inbox = inbox(calls);
    let vm = Atomicals::default();
    let (claim, outbox, by_one) = run(vm.load(image), &inbox, 1, false);
    for (piece, reopen) in [(u64::MAX, false), (7, false), (2, true), (1, true)] {
        let (other, sent, states) = run(vm.load(image), &inbox, piece, reopen);
        assert_eq!(other, claim, "{name} in pieces of {piece}");
        assert_eq!(sent, outbox, "{name} in pieces of {piece}");
        for (steps, state) in states {
            assert_eq!(by_one.get(&steps), Some(&state), "{name} after {steps}");
        }
    }
}

/// A contract with values of these lengths.
fn image(rules: &'static Rules, lock: &[u8], values: &[usize]) -> Image {
    let mut image = Image::new(rules, lock.into());
    for (at, len) in values.iter().enumerate() {
        let key = Key::new(b"s", &[at as u8]);
        let value = vec![1; *len].into();
        image.contract.state.insert(key.bytes(), value).unwrap();
    }
    image.contract.sum = tables::sum(&image.contract.state).unwrap();
    image
}

#[test]
fn a_table_that_is_too_large_is_found_in_a_step_of_its_own() {
    for rules in Rules::ALL {
        // Writes 5 bytes under a name of 2.
        let lock = [1, b's', 1, b'z', 5, 1, 2, 3, 4, 5, 0xf0, 0x51];
        for (values, fits) in [(&[999_992][..], true), (&[400_000, 599_993], false)] {
            let image = image(rules, &lock, values);
            let name = format!("{} {values:?}", rules.name);
            let calls = [call(&[]), call(&[])];
            cut_anywhere(&name, &image, &calls);
            let mut machine = Atomicals::default().load(&image);
            let claim = Claim::genesis(machine.state_hash());
            advance(&mut machine, claim, &inbox(&calls), &mut NoOutbox, 100).unwrap();
            assert_eq!(machine.counts(), (2, if fits { 0 } else { 2 }), "{name}");
        }
    }
}

#[test]
fn parts_of_a_transaction_that_no_table_takes_are_refused() {
    // 16 MiB are what a table takes; an output has 8 bytes before its script.
    for (len, failed) in [((1 << 24) - 8, 0), ((1 << 24) - 7, 1), (20 << 20, 1)] {
        for rules in Rules::ALL {
            let mut machine = Atomicals::default().load(&Image::new(rules, [0x51][..].into()));
            let mut call = call(&[]);
            call.tx = tx(&vec![0x51; len]).into();
            let inbox = inbox(&[call]);
            let claim = Claim::genesis(machine.state_hash());
            let (claim, _) = advance(&mut machine, claim, &inbox, &mut NoOutbox, 1).unwrap();
            advance(&mut machine, claim, &inbox, &mut NoOutbox, 100).unwrap();
            assert_eq!(machine.counts(), (1, failed), "{} {len}", rules.name);
        }
    }
}

/// The last element decides, also a long one of which a state has the name only.
#[test]
fn a_long_element_ends_a_call() {
    for (last, failed) in [(0, 1), (1, 0)] {
        let mut lock = vec![0x4c, 100];
        lock.extend([0; 99]);
        lock.extend([last, 0x61]);
        for rules in Rules::ALL {
            let image = image(rules, &lock, &[]);
            cut_anywhere(rules.name, &image, &[call(&[])]);
            let mut machine = Atomicals::default().load(&image);
            let claim = Claim::genesis(machine.state_hash());
            advance(
                &mut machine,
                claim,
                &inbox(&[call(&[])]),
                &mut NoOutbox,
                100,
            )
            .unwrap();
            assert_eq!(machine.counts(), (1, failed), "{} {last}", rules.name);
        }
    }
}

/// Numbers without a pattern.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0 >> 16
    }

    fn below(&mut self, count: usize) -> usize {
        self.next() as usize % count
    }

    fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.next() as u8).collect()
    }
}

/// Changes bytes of a node.
fn shake(node: &mut Vec<u8>, hashes: &[Hash], random: &mut Random) {
    let at = random.below(node.len());
    let fill = |node: &mut Vec<u8>, len: usize, with: u8| {
        let end = (at + len).min(node.len());
        node[at..end].fill(with);
    };
    match random.below(9) {
        0 => node[at] ^= 1 << random.below(8),
        1 => node[at] = random.next() as u8,
        2 => fill(node, 8, 0xff),
        3 => fill(node, 4, 0xff),
        4 => fill(node, 8, 0),
        5 => fill(node, 32, 0),
        6 => node.truncate(at.max(1)),
        7 => node.insert(at, 0),
        _ => {
            // The name of another node where a name was.
            let at = (0..node.len().saturating_sub(31))
                .filter(|at| hashes.iter().any(|hash| node[*at..*at + 32] == hash.0))
                .collect::<Vec<_>>();
            if !at.is_empty() {
                let at = at[random.below(at.len())];
                node[at..at + 32].copy_from_slice(&hashes[random.below(hashes.len())].0);
            }
        }
    }
}

/// The nodes of a state, and which of them name which.
struct Whole {
    nodes: BTreeMap<Hash, Vec<u8>>,
    root: Hash,
    /// For each node those that name it.
    above: BTreeMap<Hash, BTreeSet<Hash>>,
}

impl Whole {
    fn new(nodes: &MemoryNodes, root: Hash) -> Self {
        let nodes: BTreeMap<Hash, Vec<u8>> = nodes
            .iter()
            .map(|(hash, node)| (hash, node.to_vec()))
            .collect();
        let mut above = BTreeMap::<Hash, BTreeSet<Hash>>::new();
        for (hash, node) in &nodes {
            for window in node.windows(32) {
                let named = Hash(window.try_into().unwrap());
                if nodes.contains_key(&named) {
                    above.entry(named).or_default().insert(*hash);
                }
            }
        }
        Self { nodes, root, above }
    }

    /// The nodes with one of them changed, and all above it named anew; the new root.
    fn forged(&self, random: &mut Random) -> (MemoryNodes, Hash) {
        let hashes: Vec<Hash> = self.nodes.keys().copied().collect();
        let at = match random.below(4) {
            0 => self.root,
            1 => hashes[random.below(hashes.len())],
            _ => {
                let tag = 0xc3 + random.below(7) as u8;
                let found = hashes.iter().find(|hash| self.nodes[hash][0] == tag);
                found.copied().unwrap_or(self.root)
            }
        };
        let mut out = MemoryNodes::default();
        for (hash, node) in &self.nodes {
            out.put(*hash, node).unwrap();
        }
        let mut node = self.nodes[&at].clone();
        shake(&mut node, &hashes, random);
        // Along one way up; where there are more, the others keep the honest node.
        let (mut old, mut new) = (at, Hash(sha256(&node)));
        out.put(new, &node).unwrap();
        while old != self.root {
            let above: Vec<Hash> = self.above[&old].iter().copied().collect();
            let up = above[random.below(above.len())];
            let mut node = self.nodes[&up].clone();
            for at in 0..node.len() - 31 {
                if node[at..at + 32] == old.0 {
                    node[at..at + 32].copy_from_slice(&new.0);
                }
            }
            (old, new) = (up, Hash(sha256(&node)));
            out.put(new, &node).unwrap();
        }
        (out, new)
    }
}

/// States of machines in all their stages, whole.
fn states(random: &mut Random) -> (MemoryInbox, Vec<(MemoryNodes, Hash)>) {
    let bytes = random.bytes(200);
    let rules = Rules::ALL[random.below(2)];
    let (image, calls) = sample::machine(rules, &bytes);
    let inbox = inbox(&calls);
    let mut machine = Atomicals::default().load(&image);
    let mut claim = Claim::genesis(machine.state_hash());
    let mut states = Vec::new();
    for _ in 0..6 {
        let budget = 1 + random.next() % 40;
        let (next, stop) = advance(&mut machine, claim, &inbox, &mut NoOutbox, budget).unwrap();
        claim = next;
        let mut nodes = MemoryNodes::default();
        let root = machine.save(&mut nodes).unwrap();
        states.push((nodes, root));
        if stop != Stop::Budget {
            break;
        }
    }
    (inbox, states)
}

#[test]
fn forged_states_are_refused_or_run_without_a_panic() {
    let mut random = Random(0x1234_5678_9abc_def1);
    let mut ran = [0_u32; 2];
    let mut panics = BTreeMap::<String, u32>::new();
    for _ in 0..100 {
        let (inbox, states) = states(&mut random);
        for (nodes, root) in states {
            let whole = Whole::new(&nodes, root);
            for _ in 0..12 {
                let (nodes, root) = whole.forged(&mut random);
                let result = catch_unwind(AssertUnwindSafe(|| {
                    let Ok(mut machine) = Atomicals::default().open(root, Arc::new(nodes)) else {
                        return false;
                    };
                    let claim = Claim::genesis(machine.state_hash());
                    let ran = advance(&mut machine, claim, &inbox, &mut NoOutbox, 50);
                    ran.is_ok()
                }));
                match result {
                    Ok(done) => ran[usize::from(done)] += 1,
                    Err(error) => {
                        let text = error.downcast_ref::<String>().cloned();
                        let text = text
                            .or_else(|| error.downcast_ref::<&str>().map(|text| (*text).into()));
                        *panics.entry(text.unwrap_or_default()).or_default() += 1;
                    }
                }
            }
        }
    }
    assert!(panics.is_empty(), "{panics:?} of {ran:?}");
    assert!(ran.iter().all(|count| *count > 100), "{ran:?}");
}

/// Why the script of the last call failed.
fn error(machine: &AtomicalsMachine) -> ScriptError {
    match machine.last_failure() {
        Some(Failure::Script { error, .. }) => *error,
        other => panic!("{other:?}"),
    }
}

/// Names of stacks are kept while elements move: every move, of elements that differ, between two
/// looks at the state.
#[test]
fn a_stack_has_the_name_of_its_elements_after_every_move() {
    let mut lock = Vec::new();
    for letter in b'a'..b'd' {
        lock.extend([0x4c, 100]);
        lock.extend([letter; 100]);
    }
    lock.extend(0x51..=0x5a);
    for op in [
        0x6b, 0x6c, 0x6e, 0x6f, 0x70, 0x71, 0x72, 0x73, 0x74, 0x76, 0x77, 0x78, 0x7b, 0x7c, 0x7d,
        0x82, 0x93, 0x8b, 0x75, 0x6d,
    ] {
        lock.push(op);
    }
    for (number, op) in [
        (0x53, 0x79),
        (0x53, 0x7a),
        (0x60, 0x79),
        (0x60, 0x7a),
        (0, 0x7a),
    ] {
        lock.extend([number, op, 0x7b, 0x7d, 0x7c]);
    }
    for rules in Rules::ALL {
        let image = Image::new(rules, lock.as_slice().into());
        cut_anywhere(rules.name, &image, &[call(&[0x01, 0x20, 0x52, 0x53])]);
        let mut machine = Atomicals::default().load(&image);
        let claim = Claim::genesis(machine.state_hash());
        let inbox = inbox(&[call(&[])]);
        advance(&mut machine, claim, &inbox, &mut NoOutbox, 1_000).unwrap();
        assert_eq!(
            error(&machine),
            ScriptError::Cleanstack,
            "it ran to its end"
        );
    }
}

/// Two elements of a step, and all else that it reads, fit into a proof: no header is longer than
/// the input that brought it allows a proof to be.
#[test]
fn headers_have_a_limit() {
    for (len, failed) in [(79, 1), (80, 0), (1 << 20, 0), ((1 << 20) + 1, 1)] {
        for rules in Rules::ALL {
            let mut machine = Atomicals::default().load(&Image::new(rules, [0x51][..].into()));
            let mut call = call(&[]);
            let header = vec![1; len].into();
            call.headers.insert(&7_u32.to_be_bytes(), header).unwrap();
            let claim = Claim::genesis(machine.state_hash());
            advance(&mut machine, claim, &inbox(&[call]), &mut NoOutbox, 100).unwrap();
            assert_eq!(machine.counts(), (1, failed), "{} {len}", rules.name);
        }
    }
}

/// Deletes of what is not there take no room in the state, but have a limit too.
#[test]
fn deletes_have_a_limit() {
    for (count, fits) in [(250_u16, true), (251, false)] {
        // A name of 3,997 bytes, and two that differ each time; the space is counted once.
        let mut lock = vec![0x4d, 0x9d, 0x0f];
        lock.extend([3; 3_997]);
        for number in 0..count {
            lock.extend([1, b's', 0x78, 2]);
            lock.extend(number.to_be_bytes());
            lock.extend([0x7e, 0xf1]);
        }
        lock.extend([0x75, 0x51]);
        for rules in Rules::ALL {
            let mut machine = Atomicals::default().load(&image(rules, &lock, &[]));
            let claim = Claim::genesis(machine.state_hash());
            let inbox = inbox(&[call(&[])]);
            advance(&mut machine, claim, &inbox, &mut NoOutbox, 10_000).unwrap();
            let failure = machine.last_failure().map(ToString::to_string);
            let large = failure
                .as_ref()
                .is_some_and(|text| text.contains("deletes"));
            assert_eq!((failure.is_none(), large), (fits, !fits), "{failure:?}");
        }
    }
}

/// What a depth of 1,000 allows, for instructions that have an arm of their own and others.
#[test]
fn a_thousand_elements_fit_and_no_more() {
    // Pushes 1; copies the top; takes the depth.
    for op in [0x51, 0x76, 0x74] {
        for (more, fits) in [(999, true), (1_000, false)] {
            let mut lock = vec![0x51; 1];
            lock.extend(vec![op; more]);
            for rules in Rules::ALL {
                let mut machine = Atomicals::default().load(&image(rules, &lock, &[]));
                let claim = Claim::genesis(machine.state_hash());
                let inbox = inbox(&[call(&[])]);
                advance(&mut machine, claim, &inbox, &mut NoOutbox, 10_000).unwrap();
                let over = error(&machine) == ScriptError::StackSize;
                assert_eq!(over, !fits, "{op:x} {more}");
            }
        }
    }
}

/// Tables of tokens that came with the contract, and those that changed, have limits.
#[test]
fn tables_of_tokens_have_limits() {
    let reference = |number: u32| {
        let mut token = [9; 36];
        token[..4].copy_from_slice(&number.to_be_bytes());
        token
    };
    for (count, fits) in [(27_777, true), (27_778, false)] {
        for rules in Rules::ALL {
            let mut image = image(rules, &[0x51], &[]);
            for number in 0..count {
                let nft = &mut image.contract.nft;
                nft.insert(&reference(number), Arc::default()).unwrap();
            }
            let mut machine = Atomicals::default().load(&image);
            let claim = Claim::genesis(machine.state_hash());
            let inbox = inbox(&[call(&[])]);
            advance(&mut machine, claim, &inbox, &mut NoOutbox, 50_000).unwrap();
            assert_eq!(
                machine.counts().1,
                u64::from(!fits),
                "{} {count}",
                rules.name
            );
        }
    }
    // Each is 36 bytes of the 100,000 that updates may take.
    for (count, fits) in [(2_777, true), (2_778, false)] {
        let mut call = call(&[]);
        let mut lock = Vec::new();
        for number in 0..count {
            let mut token = reference(number);
            call.nft_incoming.insert(&token, Arc::default()).unwrap();
            token.reverse();
            lock.push(36);
            lock.extend(token);
            lock.push(0xd1);
        }
        lock.push(0x51);
        for rules in Rules::ALL {
            let mut machine = Atomicals::default().load(&image(rules, &lock, &[]));
            let claim = Claim::genesis(machine.state_hash());
            let inbox = inbox(&[call.clone()]);
            advance(&mut machine, claim, &inbox, &mut NoOutbox, 50_000).unwrap();
            let failure = machine.last_failure();
            let name = rules.name;
            assert_eq!(failure.is_none(), fits, "{name} {count}: {failure:?}");
        }
    }
}
