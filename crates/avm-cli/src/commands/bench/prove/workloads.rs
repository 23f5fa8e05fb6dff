//! What proofs cost where states are large: a step on a long stack, and a root after every input.

use std::error::Error;
use std::fmt::Display;
use std::sync::Arc;

use avm_arb::{Arb, ArbMachine, Message, asm};
use avm_core::{
    Bytes, Claim, Hash, HostError, Inbox, Machine, MemoryInbox, MemoryNodes, Outbox, Output,
    advance,
};
use avm_prove::{AgreedLog, prove_step, verify_step};
use ruint::aliases::U256;
use serde_json::{Value, json};

use super::{cpu_seconds, median, rounded};
use crate::context::Context;
use crate::error::{self, CliError};
use crate::output::{grouped, number};

/// Items on the long stack.
const ITEMS: u64 = 4_000_000;
/// How often a step on it is proved.
const PROOFS: usize = 201;
/// Inputs of each run in which roots are taken.
const INPUTS: u64 = 2_000;
/// Transfers before, for the ledger that is large from the start.
const EARLIER: u64 = 20_000;

/// Pushes the numbers from 0 to ITEMS and works on the last.
const COUNTING: &str = "
.static @loop
        push    0
loop:   dup0
        add     1
        dup0
        eq      ITEMS
        iszero
        spush
        cjump
        dup0
        add
        pop
        halt
";
/// Steps of a round of the loop.
const LOOP_STEPS: u64 = 7;

/// Keeps messages in a list: as little work for an input as there can be.
const KEEPING: &str = "
.static @next
        rset    ()
next:   inbox
        rpush
        swap1
        push    (0, 0)
        tset    0
        tset    1
        rset
        spush
        jump
";

/// The example whose messages are signed transfers.
const LEDGER: &str = include_str!("../../../../../../examples/arb/ledger/ledger.masm");

/// Measures the workloads whose names are wanted, and prints them as they come.
///
/// # Errors
/// If a step does not prove, or a run fails.
pub fn measure(
    ctx: &Context,
    rounds: u32,
    wanted: &impl Fn(&str) -> bool,
) -> Result<Vec<Value>, CliError> {
    let failed = |reason: &dyn Display| {
        let message = format!("a workload failed: {reason}");
        error::bug(message)
    };
    let mut rows = Vec::new();
    if wanted("long stack") {
        rows.extend(long_stack(ctx).map_err(|reason| failed(&reason))?);
    }
    let keeping = |at: u64| message(at, vec![7; 100]);
    let ledger = ledger();
    let runs: [(&str, &str, u64, Messages<'_>); 3] = [
        ("roots of the ledger", &ledger, 0, &transfer),
        ("roots of a large ledger", &ledger, EARLIER, &transfer),
        ("roots of a list of messages", KEEPING, 0, &keeping),
    ];
    for (name, source, earlier, message) in runs {
        if wanted(name) {
            let roots = Roots::measure(assembled(source), earlier, message, rounds);
            let roots = roots.map_err(|reason| failed(&reason))?;
            roots.print(ctx, name)?;
            rows.push(roots.json(name));
        }
    }
    Ok(rows)
}

/// The message of a number.
type Messages<'a> = &'a dyn Fn(u64) -> Message;

fn assembled(source: &str) -> ArbMachine {
    let assembled = asm::assemble(source).expect("the texts here assemble");
    Arb::default().load(&assembled.program)
}

// ---- a step on a long stack

fn long_stack(ctx: &Context) -> Result<Vec<Value>, Box<dyn Error>> {
    let mut machine = assembled(&COUNTING.replace("ITEMS", &ITEMS.to_string()));
    let inbox = MemoryInbox::default();
    let genesis = Claim::genesis(machine.state_hash());
    let steps = 1 + LOOP_STEPS * ITEMS;
    let (mut claim, _) = advance(&mut machine, genesis, &inbox, &mut Nowhere, steps)?;
    let mut nodes = MemoryNodes::default();
    let from = cpu_seconds();
    machine.save(&mut nodes)?;
    let seconds = cpu_seconds() - from;
    let mut claims = vec![claim];
    for _ in 0..3 {
        (claim, _) = advance(&mut machine, claim, &inbox, &mut Nowhere, 1)?;
        machine.save(&mut nodes)?;
        claims.push(claim);
    }
    drop(machine);
    if !ctx.global.json {
        let [items, count] = [ITEMS, nodes.len() as u64].map(|n| grouped(&n.to_string()));
        ctx.write(&format!(
            "\nlong stack: {items} items, {count} nodes, saved in {seconds:.1} s\n"
        ))?;
    }
    let nodes = Arc::new(nodes);
    let mut rows = Vec::new();
    for (pair, opcode) in claims.windows(2).zip(["dup0", "add", "pop"]) {
        let [prove_us, verify_us, bytes] = one_step(&pair[0], &pair[1], &nodes)?;
        if !ctx.global.json {
            ctx.write(&format!(
                "  {opcode:<6} prove {prove_us:>7.1} us   verify {verify_us:>7.1} us   {bytes:>5} bytes\n"
            ))?;
            ctx.flush()?;
        }
        rows.push(json!({
            "name": format!("long stack {opcode}"), "items": number(ITEMS),
            "prove_us_median": rounded(prove_us), "verify_us_median": rounded(verify_us),
            "witness_bytes": bytes,
        }));
    }
    Ok(rows)
}

/// Median microseconds to prove and to verify a step, and the bytes of its witness.
fn one_step(
    pre: &Claim,
    want: &Claim,
    nodes: &Arc<MemoryNodes>,
) -> Result<[f64; 3], Box<dyn Error>> {
    let (vm, inbox) = (Arb::default(), MemoryInbox::default());
    let agreed = AgreedLog::read(&inbox, 0)?;
    let (mut proving, mut verifying, mut bytes) = (Vec::new(), Vec::new(), 0);
    for _ in 0..PROOFS {
        let from = cpu_seconds();
        let (witness, post) = prove_step(&vm, &agreed, pre, nodes.clone())?;
        let between = cpu_seconds();
        verify_step(&vm, &agreed.head(), pre, want, &witness)?;
        verifying.push((cpu_seconds() - between) * 1e6);
        proving.push((between - from) * 1e6);
        assert_eq!(post, *want, "the proof verified against this claim");
        bytes = witness.len_bytes();
    }
    let [proving, verifying] = [proving, verifying].map(|times| median(times.into_iter()));
    Ok([proving, verifying, bytes as f64])
}

// ---- a root after every input

/// A run without roots against the same run with one after every input.
struct Roots {
    /// Inputs taken before.
    earlier: u64,
    steps: u64,
    /// Seconds of CPU time without and with roots: medians, and the median of their ratios.
    without: f64,
    with: f64,
    ratio: f64,
}

impl Roots {
    fn measure(
        mut machine: ArbMachine,
        earlier: u64,
        message: Messages<'_>,
        rounds: u32,
    ) -> Result<Self, HostError> {
        let end = earlier + INPUTS;
        let inbox: MemoryInbox = (0..end).map(|at| message(at).to_bytes()).collect();
        let genesis = Claim::genesis(machine.state_hash());
        let first = First(&inbox, earlier);
        let (start, _) = advance(&mut machine, genesis, &first, &mut Nowhere, u64::MAX)?;
        // A claim, and so a root, after every `stride` inputs.
        let run = |stride: u64| -> Result<(Claim, f64), HostError> {
            let (mut machine, mut claim) = (machine.fork(), start);
            let from = cpu_seconds();
            while claim.inputs < end {
                let shown = First(&inbox, claim.inputs + stride);
                (claim, _) = advance(&mut *machine, claim, &shown, &mut Nowhere, u64::MAX)?;
            }
            Ok((claim, cpu_seconds() - from))
        };
        let (mut without, mut with, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
        // The first round warms up.
        let steps = run(INPUTS)?.0.steps - start.steps;
        for _ in 0..rounds {
            let (plain, plain_seconds) = run(INPUTS)?;
            let (rooted, rooted_seconds) = run(1)?;
            assert_eq!(plain, rooted, "taking roots changes nothing");
            without.push(plain_seconds);
            with.push(rooted_seconds);
            ratios.push(rooted_seconds / plain_seconds);
        }
        let [without, with, ratio] = [without, with, ratios].map(|times| median(times.into_iter()));
        Ok(Self {
            earlier,
            steps,
            without,
            with,
            ratio,
        })
    }

    fn print(&self, ctx: &Context, name: &str) -> Result<(), CliError> {
        if ctx.global.json {
            return Ok(());
        }
        let [earlier, steps] = [self.earlier, self.steps].map(|n| grouped(&n.to_string()));
        let an_input = 1e6 / INPUTS as f64;
        let (without, with) = (self.without * an_input, self.with * an_input);
        ctx.write(&format!(
            "{name}: {INPUTS} inputs after {earlier}, {steps} steps\n  \
             {without:.1} us an input without roots, {with:.1} us with, {:.3} times\n",
            self.ratio
        ))?;
        ctx.flush()
    }

    fn json(&self, name: &str) -> Value {
        json!({
            "name": name, "inputs": number(INPUTS), "earlier_inputs": number(self.earlier),
            "steps": number(self.steps), "ratio": rounded(self.ratio),
            "seconds_without": rounded(self.without), "seconds_with": rounded(self.with),
        })
    }
}

/// The first inputs of a log.
struct First<'a>(&'a dyn Inbox, u64);

impl Inbox for First<'_> {
    fn get(&self, index: u64) -> Result<Option<Bytes>, HostError> {
        if index >= self.1 {
            return Ok(None);
        }
        self.0.get(index)
    }
}

/// Drops all outputs.
struct Nowhere;

impl Outbox for Nowhere {
    fn push(&mut self, _index: u64, _output: Output<'_>) -> Result<(), HostError> {
        Ok(())
    }
}

// ---- signed transfers

/// The example, with enough tokens for every transfer here.
fn ledger() -> String {
    LEDGER.replace("bdf, 1000, 0)", "bdf, 1_000_000, 0)")
}

/// Transfer number `nonce` of the first account, to somebody new.
///
/// Its key is the number 1. With 1 also as the secret number of the signature, `r` is the first
/// coordinate of the generator of secp256k1, and `s` is the signed hash plus `r`: it takes no
/// library, and no secret is lost.
fn transfer(nonce: u64) -> Message {
    let word = |text: &str| Hash(text.parse::<U256>().expect("a number").to_be_bytes());
    let number = |number: u64| Hash(U256::from(number).to_be_bytes());
    let order = word("0xfffffffffffffffffffffffffffffffebaaedce6af48a03bbfd25e8cd0364141");
    let r = word("0x79be667ef9dcbbac55a06295ce870b07029bfcdb2dce28d959f2815b16f81798");
    let from = word("0x7e5f4552091a69125d5dfcb7b8c2659029395bdf");
    let ledger = number(0x6c65_6467_6572);

    let mut to = Hash::keccak(&nonce.to_be_bytes());
    to.0[..12].fill(0);
    let (amount, nonce_word) = (number(1), number(nonce));
    let signed = ledger.join(to.join(amount.join(nonce_word)));
    let int = |hash: Hash| U256::from_be_bytes(hash.0);
    let s = Hash(int(signed).add_mod(int(r), int(order)).to_be_bytes());
    let words = [from, to, amount, nonce_word, r, s, number(0)];
    message(nonce, words.map(|word| word.0).concat())
}

fn message(number: u64, data: Vec<u8>) -> Message {
    Message {
        kind: 3,
        sender: [1; 20],
        block_number: U256::from(number),
        timestamp: U256::from(number),
        sequence_number: U256::from(number),
        gas_price_l1: U256::ZERO,
        data: data.into(),
    }
}

#[cfg(test)]
mod tests {
    use avm_arb::value_text;
    use avm_core::{MemoryOutbox, Stop};

    use super::*;

    /// The transfers of the workload are transfers: every receipt starts with 0, for done, also
    /// beyond the thousand tokens of the example.
    #[test]
    fn transfers_are_done() {
        let mut machine = assembled(&ledger());
        let inbox: MemoryInbox = (0..1010).map(|at| transfer(at).to_bytes()).collect();
        let genesis = Claim::genesis(machine.state_hash());
        let mut outbox = MemoryOutbox::default();
        let ran = advance(&mut machine, genesis, &inbox, &mut outbox, u64::MAX);
        let (end, stop) = ran.expect("no host fails");
        assert_eq!((end.inputs, stop), (1010, Stop::NeedsInput));
        assert_eq!(outbox.outputs.len(), 1010);
        let nodes = Arc::new(outbox.nodes);
        for (_, receipt) in outbox.outputs {
            let text = value_text(receipt, nodes.clone(), 1000).expect("it was logged");
            assert!(text.starts_with("(0, "), "{text}");
        }
    }
}
