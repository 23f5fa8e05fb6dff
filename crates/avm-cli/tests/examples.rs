//! Runs every program under `examples/arb` and compares with the `expected.json` beside it.
//!
//! `AVM_UPDATE=1 cargo test -p avm-cli --test examples` writes these files anew.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use avm_arb::asm::assemble;
use avm_arb::{Arb, ArbMachine, LOGS, SENDS, Status, sent_bytes, value_text};
use avm_cli::arb::inbox;
use avm_core::{Claim, Inspect, Machine, MemoryInbox, MemoryNodes, MemoryOutbox, Stop, advance};
use ruint::aliases::U256;
use serde_json::{Value, json};

#[path = "../../../examples/arb/ledger/inbox.rs"]
#[allow(dead_code)]
mod ledger_inbox;

/// Steps after which an example counts as running for ever.
const BUDGET: u64 = 1_000_000;
/// Most characters of a log.
const LOG_CHARS: usize = 4096;

#[test]
fn do_what_is_expected() {
    let update = std::env::var_os("AVM_UPDATE").is_some_and(|value| value == "1");
    for folder in folders() {
        let found = outcome(&folder, &Arb::default());
        let path = folder.join("expected.json");
        if update {
            let text = serde_json::to_string_pretty(&found).expect("plain values");
            fs::write(&path, text + "\n").unwrap_or_else(|e| panic!("{}: {e}", path.display()));
            continue;
        }
        assert!(
            path.exists(),
            "{} is missing; AVM_UPDATE=1 writes it",
            path.display()
        );
        let expected: Value = serde_json::from_str(&read(&path)).expect("an expectation is JSON");
        for (member, want) in expected.as_object().expect("an object") {
            assert_eq!(&found[member], want, "{}: {member}", folder.display());
        }
        assert_eq!(found, expected, "{}", folder.display());
    }
}

#[test]
fn do_the_same_in_the_reference_engine() {
    let reference = Arb {
        fast: false,
        ..Arb::default()
    };
    for folder in folders() {
        let (want, found) = (
            outcome(&folder, &Arb::default()),
            outcome(&folder, &reference),
        );
        assert_eq!(found, want, "{}", folder.display());
    }
}

/// Saved again and again, and opened from its nodes, an example comes to the same end.
#[test]
fn survive_being_saved_and_opened() {
    let vm = Arb::default();
    for folder in folders() {
        let want = outcome(&folder, &vm);
        let (mut machine, inbox) = load(&folder, &vm);
        let mut outbox = MemoryOutbox::default();
        let mut nodes = MemoryNodes::default();
        let mut claim = Claim::genesis(machine.state_hash());
        loop {
            let ran = advance(&mut machine, claim, &inbox, &mut outbox, 97);
            let (next, stop) = ran.expect("every node is kept");
            claim = next;
            if stop != Stop::Budget {
                break;
            }
            let state = machine.save(&mut nodes).expect("memory takes everything");
            let opened = vm.open(state, Arc::new(nodes.clone()));
            machine = opened.expect("it was saved just now");
        }
        assert_eq!(
            claim.state.to_string(),
            want["root"],
            "{}",
            folder.display()
        );
        assert_eq!(claim.steps, want["steps"], "{}", folder.display());
    }
}

#[test]
fn the_ledger_inbox_is_what_its_generator_makes() {
    let path = root().join("ledger/inbox.json");
    assert_eq!(read(&path), ledger_inbox::document());
}

/// Transfers among accounts whose addresses begin, as the tree has it, with the same bits, so that
/// branches grow deep; and the same in a map of balances.
#[test]
fn the_ledger_agrees_with_a_map() {
    let close = [0x1u64, 0x9, 0x201, 0x8001, 0x8_0001, 0x1_0000_0001].map(ledger_inbox::word);
    let senders = [1_u8, 2, 3, 4, 5];
    let addresses: Vec<[u8; 32]> = close
        .into_iter()
        .chain(senders.map(ledger_inbox::address))
        .collect();
    let mut accounts: BTreeMap<[u8; 32], (u64, u64)> = BTreeMap::new();
    accounts.insert(ledger_inbox::address(1), (1000, 0));
    let (mut messages, mut receipts) = (vec![], vec![]);
    let mut random = 1_u64;
    for _ in 0..300 {
        let mut below = |bound: u64| {
            random = random.wrapping_mul(6364136223846793005).wrapping_add(1);
            (random >> 33) % bound
        };
        let sender = senders[below(5) as usize];
        let from = ledger_inbox::address(sender);
        let to = addresses[below(addresses.len() as u64) as usize];
        let amount = below(100);
        let (balance, count) = accounts.get(&from).copied().unwrap_or_default();
        let nonce = count + u64::from(below(8) == 0);
        let order = ledger_inbox::Order::new(from, to, amount, nonce);
        let signer = if below(8) == 0 { 6 } else { sender };
        messages.push(order.signed_by(signer));
        let outcome = match () {
            () if signer != sender => 2,
            () if nonce != count => 3,
            () if balance < amount => 4,
            () => 0,
        };
        receipts.push(outcome);
        if outcome == 0 {
            accounts.insert(from, (balance - amount, nonce + 1));
            accounts.entry(to).or_default().0 += amount;
        }
    }
    for wanted in [0, 2, 3, 4] {
        assert!(receipts.contains(&wanted), "no case of outcome {wanted}");
    }

    let (mut machine, _) = load(&root().join("ledger"), &Arb::default());
    let document: Vec<Value> = messages
        .iter()
        .map(|data| json!({ "data": hex(data) }))
        .collect();
    let messages = inbox::messages(&Value::from(document)).expect("a good inbox");
    let inbox: MemoryInbox = messages.iter().map(|message| message.to_bytes()).collect();
    let mut outbox = MemoryOutbox::default();
    let from = Claim::genesis(machine.state_hash());
    let ran = advance(&mut machine, from, &inbox, &mut outbox, BUDGET);
    assert_eq!(ran.expect("nothing can be missing").1, Stop::NeedsInput);

    let nodes = Arc::new(outbox.nodes);
    let logs = outbox.outputs.iter();
    let found: Vec<u32> = logs
        .map(|(_, hash)| {
            let text = value_text(*hash, nodes.clone(), LOG_CHARS).expect("it is kept");
            text[1..2].parse().expect("a receipt starts with a digit")
        })
        .collect();
    assert_eq!(found, receipts);

    const REGISTER: usize = 2;
    let tree = machine.item(REGISTER, 0).expect("there is a register");
    for (address, (balance, nonce)) in accounts {
        let address = U256::from_be_bytes(address);
        let account = match u64::try_from(address) {
            Ok(small) => format!("({small}, {balance}, {nonce})"),
            Err(_) => format!("({address:#x}, {balance}, {nonce})"),
        };
        assert!(tree.contains(&account), "{account} is not in {tree}");
    }
}

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/arb")
}

/// The folders of all examples, by name.
fn folders() -> Vec<PathBuf> {
    let entries = fs::read_dir(root()).unwrap_or_else(|e| panic!("{}: {e}", root().display()));
    let paths = entries.map(|entry| entry.expect("a readable folder").path());
    let mut folders: Vec<PathBuf> = paths.filter(|path| path.is_dir()).collect();
    folders.sort();
    assert!(!folders.is_empty(), "there are no examples");
    folders
}

fn read(path: &Path) -> String {
    let text = fs::read_to_string(path).unwrap_or_else(|e| panic!("{}: {e}", path.display()));
    text.replace("\r\n", "\n")
}

/// An example before its first step, and its inbox, which is empty if there is no file.
fn load(folder: &Path, vm: &Arb) -> (ArbMachine, MemoryInbox) {
    let name = folder.file_name().expect("a folder has a name");
    let path = folder.join(name).with_extension("masm");
    let source = read(&path);
    let assembled = assemble(&source)
        .unwrap_or_else(|errors| panic!("{}", errors.render(&path.display().to_string(), &source)));
    let path = folder.join("inbox.json");
    let messages = if path.exists() {
        let document = serde_json::from_str(&read(&path)).expect("an inbox is JSON");
        inbox::messages(&document).unwrap_or_else(|e| panic!("{}: {e}", path.display()))
    } else {
        vec![]
    };
    let inputs = messages.iter().map(|message| message.to_bytes());
    (vm.load(&assembled.program), inputs.collect())
}

/// What an example comes to, in the form of `expected.json`.
fn outcome(folder: &Path, vm: &Arb) -> Value {
    let (mut machine, inbox) = load(folder, vm);
    let genesis = machine.state_hash();
    let mut outbox = MemoryOutbox::default();
    let from = Claim::genesis(genesis);
    let ran = advance(&mut machine, from, &inbox, &mut outbox, BUDGET);
    let (claim, stop) = ran.expect("nothing can be missing");
    let status = match (stop, machine.status()) {
        (Stop::Halted, Status::ErrorStop) => "stopped by an error",
        (Stop::Halted, _) => "halted",
        (Stop::NeedsInput, _) => "waiting for a message",
        (Stop::Budget, _) => panic!("{}: it does not come to an end", folder.display()),
    };
    let nodes = Arc::new(outbox.nodes);
    let on = |channel| {
        let outputs = outbox.outputs.iter();
        let outputs = outputs.filter(move |(found, _)| *found == channel);
        outputs.map(|(_, hash)| *hash)
    };
    let logs = on(LOGS).map(|hash| value_text(hash, nodes.clone(), LOG_CHARS).expect("it is kept"));
    let sends = on(SENDS).map(|hash| hex(&sent_bytes(hash, &*nodes).expect("it is kept")));
    json!({
        "status": status,
        "messages": claim.inputs,
        "steps": claim.steps,
        "gas": machine.tally().gas_used.to_string(),
        "logs": logs.collect::<Vec<_>>(),
        "sends": sends.collect::<Vec<_>>(),
        "genesis": genesis.to_string(),
        "root": claim.state.to_string(),
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}
