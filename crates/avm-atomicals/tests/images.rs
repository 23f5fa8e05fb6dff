//! Images and calls that are refused, and why; sizes of nodes.

mod support;

use avm_atomicals::Atomicals;
use avm_atomicals::machine::{Image, Outcome, Receipt, call_from_bytes, call_to_bytes};
use avm_atomicals::script::Rules;
use avm_core::{Bytes, Claim, Hash, HostError, Machine, MemoryInbox, MemoryOutbox, Sink, advance};
use support::world::{ft, script, world};

fn image(amount: u64) -> Vec<u8> {
    let mut image = Image::new(&Rules::AVM1, vec![0x51].into());
    image.contract.ft = ft(&[(0, amount)]);
    image.to_bytes().expect("in memory")
}

#[test]
fn balances_of_nothing_are_no_balances() {
    assert!(Image::from_bytes(&image(1)).is_ok());
    let error = Image::from_bytes(&image(0)).expect_err("an entry without an amount");
    assert!(error.to_string().contains("an amount"), "{error}");
    let mut call = world().call;
    let bytes = |call: &_| call_to_bytes(call).expect("in memory");
    assert!(call_from_bytes(&Rules::AVM1, &bytes(&call)).is_ok());
    call.ft_incoming = ft(&[(0, 0)]);
    assert!(call_from_bytes(&Rules::AVM1, &bytes(&call)).is_err());
}

/// Every byte that is cut off, and one too many.
#[test]
fn cut_and_longer_bytes() {
    let (image, call) = (image(1), call_to_bytes(&world().call).expect("in memory"));
    for len in 0..image.len() {
        assert!(
            Image::from_bytes(&image[..len]).is_err(),
            "{len} bytes of an image"
        );
    }
    for len in 0..call.len() {
        assert!(
            call_from_bytes(&Rules::AVM1, &call[..len]).is_err(),
            "{len} bytes of a call"
        );
    }
    let longer = |bytes: &[u8]| [bytes, &[0]].concat();
    assert!(Image::from_bytes(&longer(&image)).is_err());
    assert!(call_from_bytes(&Rules::AVM1, &longer(&call)).is_err());
}

/// Keeps every node that is put.
#[derive(Default)]
struct Kept(std::collections::BTreeMap<Hash, Vec<u8>>);

impl Sink for Kept {
    fn has(&self, hash: Hash) -> Result<bool, HostError> {
        Ok(self.0.contains_key(&hash))
    }

    fn put(&mut self, hash: Hash, node: &[u8]) -> Result<(), HostError> {
        self.0.insert(hash, node.to_vec());
        Ok(())
    }
}

/// The sizes that `docs/machines/atomicals.md` has, in the middle of a call and when it closes.
#[test]
fn nodes_have_the_sizes_of_the_manual() {
    let mut world = world();
    world.call.unlock = script("1").into();
    world.contract.code = Bytes::from(script("'s' 'k' 100x07 KV_PUT 80x01 DROP")).into();
    let mut image = Image::new(&Rules::AVM1, Bytes::default());
    image.contract = world.contract;
    let inbox: MemoryInbox = [call_to_bytes(&world.call).expect("in memory")]
        .into_iter()
        .collect();
    let mut machine = Atomicals::default().load(&image);
    let mut claim = Claim::genesis(machine.state_hash());
    let mut kinds = std::collections::BTreeMap::new();
    let mut outbox = MemoryOutbox::default();
    while machine.counts() == (0, 0) || machine.is_running() {
        (claim, _) = advance(&mut machine, claim, &inbox, &mut outbox, 1).expect("no host fails");
        let mut kept = Kept::default();
        machine.save(&mut kept).expect("it keeps everything");
        for node in kept.0.values() {
            let sizes: &mut Vec<usize> = kinds.entry(node[0]).or_default();
            sizes.push(node.len());
        }
    }
    assert_eq!(machine.counts(), (1, 0), "{:?}", machine.last_failure());
    for (kind, size) in [(0xc8, 90), (0xc4, 273), (0xc9, 234), (0xc6, 353)] {
        let sizes = kinds.remove(&kind).unwrap_or_default();
        assert!(
            !sizes.is_empty() && sizes.iter().all(|len| *len == size),
            "{kind:x}: {sizes:?}"
        );
    }
    // 384 without the key of the caller.
    assert!(
        kinds[&0xc5]
            .iter()
            .all(|len| *len == 36 + 1 + 68 * 2 + 32 * 7 + 8 + 8 + 4)
    );
    // With 46 bytes at most of the digest, and 1 and a key.
    assert!(
        kinds[&0xc7]
            .iter()
            .all(|len| (354 + 16 + 1..).contains(len))
    );
    let receipt = Receipt {
        call: 0,
        outcome: Outcome::Done,
        cost: 0,
        chain: Hash::ZERO,
        effects: None,
    };
    assert_eq!(receipt.node().len(), 88);
}
