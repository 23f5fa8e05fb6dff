//! An index over chains that bytes decide.

use std::sync::Arc;

use avm_atomicals::Rules;
use avm_atomicals::index::sample::{Census, Chain};
use avm_atomicals::index::{Index, Network, Params};
use avm_core::{Bytes, Host, HostError, Machine, MemoryNodes, Output};

/// Bytes that decide a block.
const BLOCK: usize = 160;
/// Blocks behind those that all chains have.
const BLOCKS: usize = 6;

/// Inputs that are given once.
struct Feed(std::vec::IntoIter<Bytes>);

impl Host for Feed {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        Ok(self.0.next())
    }

    fn emit(&mut self, _: Output<'_>) -> Result<(), HostError> {
        Ok(())
    }
}

/// Whatever the chain has, the index runs, every state is sound, and a machine that is saved and
/// opened on the way ends in the same state. The second byte decides how long its pieces are.
pub fn index(bytes: &[u8]) {
    let (head, rest) = bytes.split_at(bytes.len().min(2));
    let [first, pieces] = [0, 1].map(|at| head.get(at).copied().unwrap_or(0));
    let rules = Rules::ALL[usize::from(first & 1)];
    let (mut chain, mut blocks) = Chain::new();
    for piece in rest.chunks(BLOCK).take(BLOCKS) {
        let block = chain.next(piece);
        // Now and then something else comes before it: bytes, or the block with one of them changed.
        match piece[0] {
            0xff => blocks.push(piece.to_vec()),
            0xfe => {
                let at = usize::from(piece[piece.len() / 2]) * block.len() / 256;
                let mut broken = block.clone();
                broken[at] ^= 1 << (piece[piece.len() - 1] & 7);
                blocks.push(broken);
            }
            _ => {}
        }
        blocks.push(block);
    }
    let params = Params::new(Network::Regtest, rules);
    let blocks: Vec<Bytes> = blocks.into_iter().map(Bytes::from).collect();
    let vm = Index::default();
    let mut machine = vm.load(&params);
    for block in &blocks {
        let mut feed = Feed(vec![Bytes::clone(block)].into_iter());
        machine.run(u64::MAX, &mut feed).expect("no host fails");
        Census::of(&mut machine).unwrap_or_else(|unsound| panic!("{unsound}"));
    }
    assert!(machine.in_work().is_none());

    let mut feed = Feed(blocks.into_iter());
    let mut other = Index::default().cached().load(&params);
    let piece = 20 + u64::from(pieces) * 4;
    while other.run(piece, &mut feed).expect("no host fails").steps > 0 {
        let mut nodes = MemoryNodes::default();
        let root = other.save(&mut nodes).expect("a sink in memory");
        other = vm.open(root, Arc::new(nodes)).expect("a state");
    }
    assert_eq!(other.state_hash(), machine.state_hash());
}
