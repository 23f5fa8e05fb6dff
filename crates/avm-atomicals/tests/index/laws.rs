//! The laws of every machine, for an index.

use avm_atomicals::Rules;
use avm_atomicals::index::Index;
use avm_testkit::laws::{Case, Suite};
use avm_testkit::seed::Rng;

use crate::feed::{chain, params};

/// Random chains: blocks with operations, calls in work, and inputs that are no blocks.
#[test]
fn an_index_keeps_the_laws() {
    let mut cases = Vec::new();
    for (number, rules) in Rules::ALL.into_iter().enumerate() {
        let blocks = chain(&mut Rng::new(number as u64), 4);
        let mut inputs: Vec<Vec<u8>> = blocks.iter().map(|block| block.to_vec()).collect();
        inputs.insert(3, b"no block".to_vec());
        inputs.insert(5, inputs[2].clone());
        cases.push(Case {
            image: params(rules).to_bytes(),
            inputs,
        });
    }
    cases.push(Case {
        image: params(&Rules::AVM1).to_bytes(),
        inputs: vec![vec![]],
    });
    let suite = Suite {
        max_steps: 400,
        points: 30,
        ..Suite::default()
    };
    suite.check(&Index::default(), &cases);
}
