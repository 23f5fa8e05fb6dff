//! A stall that sells, and a customer whose purse is an object too. Either goods and coins both
//! change hands or neither does; what does the state say afterwards, and how do I prove one step of
//! a purchase to somebody who has nothing but two hashes?
//!
//! ```text
//! cargo run -p avm --example market
//! ```

use std::error::Error;
use std::sync::Arc;

use avm::anoma::compile::compile;
use avm::anoma::image::{Caps, Config, Image};
use avm::anoma::input::{Input, Start};
use avm::anoma::receipt::Receipt;
use avm::anoma::seen::Outcome;
use avm::anoma::value::Val;
use avm::anoma::{Anoma, AnomaMachine};
use avm::core::{Claim, Machine, MemoryInbox, MemoryNodes, MemoryOutbox, Nodes, Stop, advance};
use avm::lang::diagnostic::render_all;
use avm::prove::{AgreedLog, prove_step, verify_step};

const MARKET: &str = r#"
(module market (default-controller (ctl "square")) (export open buy))
(behaviour purse #:deterministic (state (coins 0))
  (on ('put k)  #:when (> k 0) (set-state! coins (+ coins k)) (reply coins))
  (on ('take k) #:when (and (> k 0) (>= coins k)) (set-state! coins (- coins k)) (reply coins)))
(behaviour stall #:deterministic (state (pears 5) (price 3))
  (on ('sell n) #:when (<= n pears) (set-state! pears (- pears n)) (reply (* n price))))
(program (open)
  (let ((purse (new 'purse)))
    (ask purse '(put 10))
    (list (new 'stall) purse)))
(program (buy stall purse n)
  (transaction
    (let ((cost (ask stall (list 'sell n))))
      (when (nothing? (call purse (list 'take cost))) (abort))
      cost)))
"#;

/// Starts a program of the market.
fn start(program: &str, args: &[Val]) -> Result<Vec<u8>, Box<dyn Error>> {
    Ok(Input::Start(Start {
        program: program.into(),
        args: Val::list_of(args)?,
        machine: None,
        caps: Caps::DEFAULT,
        hold: false,
    })
    .to_bytes())
}

/// The state of each object, as text.
fn states(machine: &mut AnomaMachine) -> Result<Vec<String>, Box<dyn Error>> {
    let objects = machine.objects(None, 100)?.into_iter();
    let mut states: Vec<String> = objects
        .map(|(_, object)| object.state.to_string())
        .collect();
    states.sort();
    Ok(states)
}

fn main() -> Result<(), Box<dyn Error>> {
    let compiled =
        compile(MARKET, 0, &()).map_err(|found| render_all(&found, &("market.avm", 0, MARKET)))?;
    let image = Image {
        modules: vec![compiled.module],
        config: Config::default(),
    };
    let mut machine = Anoma.start(&image)?;
    let genesis = Claim::genesis(machine.state_hash());

    // The first program makes the objects and says which they are.
    let mut inbox = MemoryInbox::from_iter([start("open", &[])?]);
    let mut outbox = MemoryOutbox::default();
    let (claim, _) = advance(&mut machine, genesis, &inbox, &mut outbox, u64::MAX)?;
    let results = results(&outbox)?;
    let made = results[0].as_list().ok_or("a list")?.to_vec()?;
    println!("opened    {}", states(&mut machine)?.join("  "));

    // Two pears for six coins; then three for nine, which the purse does not have. The stall had
    // given the pears away by then, and has them again.
    for n in [2, 3] {
        let [stall, purse] = [&made[0], &made[1]].map(Val::clone);
        inbox
            .0
            .push(start("buy", &[stall, purse, Val::int(n)])?.into());
    }
    let (end, stop) = advance(&mut machine, claim, &inbox, &mut outbox, u64::MAX)?;
    assert_eq!((end.inputs, end.outputs, stop), (3, 3, Stop::NeedsInput));
    let bought: Vec<String> = self::results(&outbox)?.iter().map(Val::to_string).collect();
    println!("bought    {}", bought[1..].join(", "));
    println!("now       {}", states(&mut machine)?.join("  "));
    assert_eq!(bought[1..], ["(just 6)", "nothing"]);
    assert_eq!(states(&mut machine)?, ["(3 3)", "(4)"]);

    // One step in the middle of the first purchase. Whoever verifies has the two claims, the head
    // of the log and the witness; no program, no state, no trust.
    let log = AgreedLog::read(&inbox, u64::MAX)?;
    let mut at = Anoma.start(&image)?;
    let (pre, _) = advance(&mut at, genesis, &inbox, &mut outbox, claim.steps + 20)?;
    let mut nodes = MemoryNodes::default();
    at.save(&mut nodes)?;
    let (witness, post) = prove_step(&Anoma, &log, &pre, Arc::new(nodes))?;
    verify_step(&Anoma, &log.head(), &pre, &post, &witness)?;
    println!(
        "step {}   proved by {} bytes",
        pre.steps,
        witness.len_bytes()
    );
    Ok(())
}

/// What the programs gave, in order.
fn results(outbox: &MemoryOutbox) -> Result<Vec<Val>, Box<dyn Error>> {
    let nodes: Arc<dyn Nodes> = Arc::new(outbox.nodes.clone());
    let receipts = outbox.outputs.iter();
    let receipts = receipts.map(|(_, hash)| match Receipt::open(*hash, &nodes)?.outcome {
        Outcome::Done(value) => Ok(value.open()?.clone()),
        Outcome::Failed(fault) => Err(fault.to_string().into()),
    });
    receipts.collect()
}

#[test]
fn runs() -> Result<(), Box<dyn Error>> {
    main()
}
