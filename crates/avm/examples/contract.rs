//! A contract in Bitcoin Script that keeps state. What is left after a call, and how do I prove one
//! of its opcodes to somebody who has nothing but two hashes?
//!
//! ```text
//! cargo run -p avm --example contract
//! ```

use std::error::Error;
use std::sync::Arc;

use avm::atomicals::asm::{self, Options, assemble};
use avm::atomicals::machine::{Outcome, Receipt, call_to_bytes};
use avm::atomicals::script::{CallInput, Rules};
use avm::atomicals::{Atomicals, Image, ScriptError};
use avm::core::{Claim, Machine, MemoryInbox, MemoryNodes, MemoryOutbox, Nodes, Stop, advance};
use avm::prove::{AgreedLog, prove_step, verify_step};

const COUNTER: &str = "
.method ctor() {
    'counter' 'n' 0 KV_PUT
    1
}
.method add(amount: int) {
    DUP 0 GREATERTHAN VERIFY
    'counter' 'n' KV_GET ADD
    'counter' 'n' ROT KV_PUT
    1
}
";

/// A transaction without inputs and outputs: this contract looks at none.
const TX: [u8; 10] = [2, 0, 0, 0, 0, 0, 0, 0, 0, 0];

fn main() -> Result<(), Box<dyn Error>> {
    let assembled = assemble(COUNTER, &Options::default()).map_err(|errors| errors[0].message())?;
    let call = |method: &str, arguments: &[&str]| -> Result<Vec<u8>, Box<dyn Error>> {
        let unlock = asm::encode_call(&assembled.methods, method, arguments)?;
        Ok(call_to_bytes(&CallInput {
            unlock: unlock.into(),
            tx: TX[..].into(),
            auth_key: Arc::default(),
            ft_incoming: Default::default(),
            nft_incoming: Default::default(),
            headers: Default::default(),
            height: 0,
        })?)
    };
    let log = [
        call("ctor", &[])?,
        call("add", &["5"])?,
        call("add", &["-1"])?,
    ];
    let inbox: MemoryInbox = log.iter().map(|input| &input[..]).collect();

    // Everybody who runs the log has the same claim at its end.
    let vm = Atomicals::default();
    let image = Image::new(&Rules::AVM1, assembled.code.clone().into());
    let mut machine = vm.load(&image);
    let genesis = Claim::genesis(machine.state_hash());
    let mut outbox = MemoryOutbox::default();
    let (end, stop) = advance(&mut machine, genesis, &inbox, &mut outbox, 10_000)?;
    assert_eq!((end.inputs, end.outputs, stop), (3, 3, Stop::NeedsInput));
    println!("after {} steps: {}", end.steps, end.state);

    // Each call leaves a receipt; the last one failed, and changed nothing.
    let nodes: Arc<dyn Nodes> = Arc::new(outbox.nodes.clone());
    let outcomes = outbox
        .outputs
        .iter()
        .map(|(_, hash)| Receipt::open(*hash, &nodes).map(|receipt| receipt.outcome));
    let outcomes: Vec<Outcome> = outcomes.collect::<Result<_, _>>()?;
    println!("{outcomes:?}");
    assert_eq!(outcomes[..2], [Outcome::Done; 2]);
    assert!(matches!(
        outcomes[2],
        Outcome::Script {
            error: ScriptError::Verify,
            ..
        }
    ));

    // One opcode of the second call, proved to somebody who trusts nobody.
    let mut machine = vm.load(&image);
    let (before, _) = advance(&mut machine, genesis, &inbox, &mut outbox, 20)?;
    let mut nodes = MemoryNodes::default();
    machine.save(&mut nodes)?;
    let agreed = AgreedLog::read(&inbox, 3)?;
    let (witness, after) = prove_step(&vm, &agreed, &before, Arc::new(nodes))?;
    verify_step(&vm, &agreed.head(), &before, &after, &witness)?;
    let bytes: usize = witness.nodes.iter().map(|node| node.len()).sum();
    println!(
        "step 20 is proved by {} nodes of {bytes} bytes",
        witness.nodes.len()
    );
    Ok(())
}

#[test]
fn runs() -> Result<(), Box<dyn Error>> {
    main()
}
