//! Verdicts on random spends, against Bitcoin Core's library.

mod random;
mod script;
mod sign;
mod spend;

use std::collections::BTreeMap;

use avm_atomicals::bitcoin::{Flags, Spend};
use bitcoin::consensus::serialize;
use bitcoinconsensus::{Utxo, verify_with_flags};

use random::Random;
use spend::Made;

fn setting(name: &str, otherwise: u64) -> u64 {
    std::env::var(name).map_or(otherwise, |value| value.parse().expect("a number"))
}

#[test]
fn verdicts_agree() {
    let seed = setting("SEED", 88_172_645_463_325_252);
    let mut random = Random::new(seed);
    let mut seen = BTreeMap::new();
    for number in 0..setting("SPENDS", 20_000) {
        let made = Made::new(&mut random);
        // the library knows the flags of consensus, by the same bits
        let mut flags = Flags::CONSENSUS;
        if random.one_in(3) {
            let some = Flags::from_bits(random.below(1 << 32) as u32);
            flags = (flags & some).trimmed();
        }
        let spend = Spend::new(&made.tx, &made.spent).expect("an output for each input");
        let ours = spend.verify_input(made.index, flags);
        let theirs = verdict(&made, flags);
        assert_eq!(
            ours.is_ok(),
            theirs.is_ok(),
            "seed {seed}, spend {number}, {:?} under {flags}: {ours:?}, {theirs:?}\n{made:?}",
            made.kind
        );
        *seen.entry((made.kind, ours.is_ok())).or_insert(0) += 1;
    }
    println!("{seen:?}");
    // every kind of output was spent, and refused
    assert_eq!(seen.len(), 2 * spend::Kind::ALL.len());
}

fn verdict(made: &Made, flags: Flags) -> Result<(), bitcoinconsensus::Error> {
    let output = &made.spent[made.index];
    let outputs = made.spent.iter().map(|output| Utxo {
        script_pubkey: output.script_pubkey.as_bytes().as_ptr(),
        script_pubkey_len: u32::try_from(output.script_pubkey.len()).expect("a short script"),
        value: i64::try_from(output.value.to_sat()).expect("a small amount"),
    });
    let outputs: Vec<_> = outputs.collect();
    verify_with_flags(
        output.script_pubkey.as_bytes(),
        output.value.to_sat(),
        &serialize(&made.tx),
        Some(&outputs),
        made.index,
        flags.bits(),
    )
}
