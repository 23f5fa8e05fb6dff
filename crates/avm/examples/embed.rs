//! How do I run a program inside mine, keep its state, and go on later?
//!
//! ```text
//! cargo run -p avm --example embed
//! ```

use std::error::Error;
use std::sync::Arc;

use avm::U256;
use avm::arb::{Arb, Message, asm::assemble, value_text};
use avm::core::{Claim, Machine, MemoryInbox, MemoryNodes, MemoryOutbox, advance};

const ADDER: &str = include_str!("../../../examples/arb/adder/adder.masm");

fn main() -> Result<(), Box<dyn Error>> {
    // A program, and the machine before its first step.
    let program = assemble(ADDER).map_err(|errors| errors.render("adder.masm", ADDER))?;
    let mut machine = Arb::default().load(&program.program);
    let genesis = Claim::genesis(machine.state_hash());
    println!("genesis {}", genesis.state);

    // Two messages. `advance` runs the machine until the third, which is not there.
    let mut inbox = MemoryInbox::from_iter([number(3), number(4)]);
    let mut outbox = MemoryOutbox::default();
    let (claim, stop) = advance(&mut machine, genesis, &inbox, &mut outbox, u64::MAX)?;
    println!("root    {} {stop:?}", claim.state);

    // The state as nodes, which may go to a disk or to somebody else. Then the machine is gone.
    let mut nodes = MemoryNodes::default();
    let root = machine.save(&mut nodes)?;
    assert_eq!(root, claim.state);
    drop(machine);

    // From its root, with whatever nodes its steps turn out to need, it goes on.
    let mut machine = Arb::default().open(root, Arc::new(nodes))?;
    inbox.0.push(number(5).into());
    let (claim, stop) = advance(&mut machine, claim, &inbox, &mut outbox, u64::MAX)?;
    println!("root    {} {stop:?}", claim.state);

    // Every log, in order: 3, 7, 12.
    let nodes = Arc::new(outbox.nodes);
    for (_, hash) in outbox.outputs {
        println!("log     {}", value_text(hash, nodes.clone(), 80)?);
    }
    Ok(())
}

/// A message that brings one number.
fn number(n: u64) -> Vec<u8> {
    let message = Message {
        kind: 3,
        sender: [0; 20],
        block_number: U256::ZERO,
        timestamp: U256::ZERO,
        sequence_number: U256::ZERO,
        gas_price_l1: U256::ZERO,
        data: U256::from(n).to_be_bytes::<32>().into(),
    };
    message.to_bytes()
}

#[test]
fn runs() -> Result<(), Box<dyn Error>> {
    main()
}
