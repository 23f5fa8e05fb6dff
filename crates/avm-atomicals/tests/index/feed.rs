//! A machine's inputs and outputs in memory.

use std::collections::VecDeque;

use avm_atomicals::Rules;
use avm_atomicals::index::sample::Chain;
use avm_atomicals::index::{Network, Params, Receipt};
use avm_core::{Bytes, Host, HostError, MemoryNodes, Output};
use avm_testkit::seed::Rng;

/// Inputs that are given once, and all outputs.
#[derive(Default)]
pub struct Feed {
    pub inputs: VecDeque<Bytes>,
    pub receipts: Vec<Receipt>,
}

impl Feed {
    pub fn of(blocks: &[Bytes]) -> Self {
        Self {
            inputs: blocks.iter().cloned().collect(),
            receipts: vec![],
        }
    }
}

impl Host for Feed {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        Ok(self.inputs.pop_front())
    }

    fn emit(&mut self, output: Output<'_>) -> Result<(), HostError> {
        let mut nodes = MemoryNodes::default();
        output.content.save(&mut nodes)?;
        self.receipts.push(Receipt::open(output.hash, &nodes)?);
        Ok(())
    }
}

pub fn params(rules: &'static Rules) -> Params {
    Params::new(Network::Regtest, rules)
}

/// A random chain with `blocks` blocks behind those that all have.
pub fn chain(rng: &mut Rng, blocks: usize) -> Vec<Bytes> {
    let (mut chain, mut all) = Chain::new();
    all.extend((0..blocks).map(|_| {
        let len = rng.below(400) as usize;
        chain.next(&rng.bytes(len))
    }));
    all.into_iter().map(Bytes::from).collect()
}
