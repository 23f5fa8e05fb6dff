//! Random programs and logs for the toy machines, as proptest strategies.

use proptest::collection::vec;
use proptest::prelude::*;

use crate::laws::Case;

/// A program of [`Tally`](crate::tally::Tally) that is well formed and likely to run for a while,
/// and a log for it.
pub fn tally_case() -> impl Strategy<Value = Case> {
    let plain = |code: u8| Just(vec![code]);
    let instruction = prop_oneof![
        1 => plain(0x00),
        6 => any::<u8>().prop_map(|n| vec![0x01, n % 4]),
        6 => plain(0x02),
        4 => plain(0x03),
        2 => plain(0x04),
        4 => plain(0x05),
        3 => plain(0x06),
        2 => (0u8..24).prop_map(|target| vec![0x07, target]),
    ];
    let inputs = vec(vec(any::<u8>(), 0..10), 0..6);
    (vec(instruction, 0..16), inputs).prop_map(|(instructions, inputs)| Case {
        image: instructions.concat(),
        inputs,
    })
}

/// Opening balances of [`Ledger`](crate::ledger::Ledger) and orders, most of them between accounts
/// that exist.
pub fn ledger_case() -> impl Strategy<Value = Case> {
    let account = || prop_oneof![4 => 0u8..6, 1 => any::<u8>()];
    let amount = prop_oneof![6 => 0u64..120, 1 => any::<u64>()];
    let order = (account(), account(), amount)
        .prop_map(|(from, to, amount)| [&[from, to][..], &amount.to_be_bytes()].concat());
    let malformed = vec(any::<u8>(), 0..14);
    let orders = vec(prop_oneof![8 => order, 1 => malformed], 0..10);
    let balances = prop::collection::btree_map(account(), 0u64..200, 0..8);
    (balances, orders).prop_map(|(balances, inputs)| Case {
        image: balances
            .into_iter()
            .flat_map(|(account, balance)| [&[account][..], &balance.to_be_bytes()].concat())
            .collect(),
        inputs,
    })
}
