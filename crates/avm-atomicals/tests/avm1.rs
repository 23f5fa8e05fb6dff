//! The repairs of `avm1`, each beside what `beta1` does; what the rule sets have in common; and
//! the worked examples of the specification.

mod support;

#[path = "avm1/conservation.rs"]
mod conservation;
#[path = "avm1/examples.rs"]
mod examples;
#[path = "avm1/recorded.rs"]
mod recorded;

use avm_atomicals::script::digest::sha256;
use avm_atomicals::script::fault::SizedTable;
use avm_atomicals::script::table::{Key, Table};
use avm_atomicals::script::{
    Accepted, Contract, Failure, HostFault, Rules, ScriptError, ScriptError as E, tables,
};
use avm_core::Bytes;
use secp256k1::{Message, PublicKey, SecretKey, ecdsa};
use support::vectors::recorded::to_cbor;
use support::world::{Got, OUTPUTS, World, ft, key, push, put, script, tx, world};

const AVM1: &Rules = &Rules::AVM1;
const BETA1: &Rules = &Rules::BETA1;

fn eval(rules: &'static Rules, text: &str) -> Got {
    world().eval(rules, &script(text)).0
}

/// Runs a world's call with this locking script.
fn run(rules: &'static Rules, world: &World, text: &str) -> Result<Accepted, Failure> {
    let mut world = world.clone();
    world.contract.code = Bytes::from(script(text)).into();
    world.verify(rules).outcome
}

fn error(outcome: Result<Accepted, Failure>) -> ScriptError {
    match outcome {
        Err(Failure::Script { error, .. }) => error,
        other => panic!("no error of a script: {other:?}"),
    }
}

fn fault(outcome: Result<Accepted, Failure>) -> HostFault {
    match outcome {
        Err(Failure::Host(fault)) => fault,
        other => panic!("no fault: {other:?}"),
    }
}

fn stack(elements: &[&[u8]]) -> Got {
    Got::Stack(elements.iter().map(|element| element.to_vec()).collect())
}

#[test]
fn q1_positions_out_of_range_fail_the_script() {
    for op in ["PICK", "ROLL"] {
        for position in ["-1", "2147483648", "-2147483649", "9x7f", "9xff"] {
            let text = format!("1 2 {position} {op}");
            assert_eq!(eval(BETA1, &text), Got::Fault(HostFault::Assert), "{text}");
            let want = Got::Error(E::InvalidStackOperation, 3);
            assert_eq!(eval(AVM1, &text), want, "{text}");
        }
        // What the reference takes for a position has the same error in both.
        for rules in Rules::ALL {
            let got = eval(rules, &format!("1 2 2147483647 {op}"));
            assert_eq!(got, Got::Error(E::InvalidStackOperation, 3));
        }
    }
}

#[test]
fn q2_equal_on_an_empty_stack() {
    for op in ["EQUAL", "EQUALVERIFY"] {
        assert_eq!(eval(BETA1, op), Got::Error(E::Unknown, 0));
        assert_eq!(eval(AVM1, op), Got::Error(E::InvalidStackOperation, 0));
        for rules in Rules::ALL {
            let got = eval(rules, &format!("1 {op}"));
            assert_eq!(got, Got::Error(E::InvalidStackOperation, 1));
        }
    }
}

#[test]
fn q3_heights_without_a_header() {
    for height in [99, -1, 2_147_483_647] {
        let text = format!("{height} 3 GETBLOCKINFO");
        let fault = HostFault::BlockData { height };
        assert_eq!(eval(BETA1, &text), Got::Fault(fault));
        let want = Got::Error(E::InvalidAvmInvalidBlockinfoItem, 2);
        assert_eq!(eval(AVM1, &text), want);
    }
}

/// A transaction with a witness of two items for its only input, lock time 1,000.
fn segwit() -> Vec<u8> {
    let mut tx = vec![2, 0, 0, 0, 0, 1, 1];
    tx.extend([0xa1; 36]);
    tx.extend([0, 0xfe, 0xff, 0xff, 0xff, 1]);
    tx.extend(10_000_i64.to_le_bytes());
    tx.extend([1, 0x51]);
    // The reference takes the number of items for a length and goes on behind two bytes.
    tx.extend([2, 3, 7, 0x11, 0x22, 2, 0x33, 0x44]);
    tx.extend([0xe8, 3, 0, 0]);
    tx
}

#[test]
fn q4_witnesses() {
    let mut world = world();
    world.call.tx = segwit().into();
    let lock_time = |rules| world.eval(rules, &script("TXLOCKTIME")).0;
    // Behind the count: 03 07, then the lock time 11 22 02 33.
    let read = num(0x3302_2211);
    assert_eq!(lock_time(BETA1), stack(&[&read]));
    assert_eq!(lock_time(AVM1), stack(&[&num(1_000)]));
    for rules in Rules::ALL {
        let got = world.eval(rules, &script("TXVERSION TXINPUTCOUNT 0 OUTPUTVALUE"));
        assert_eq!(got.0, stack(&[&[2], &[1], &num(10_000)]));
    }
    // Two inputs: the second string would begin within the first witness.
    let mut two = segwit();
    two[6] = 2;
    two.splice(7..7, [[0xa2; 36].to_vec(), vec![0, 0, 0, 0, 0]].concat());
    let end = two.len() - 4;
    two.splice(end..end, [1, 1, 0x55]);
    world.call.tx = two.clone().into();
    assert!(matches!(fault(run(BETA1, &world, "1")), HostFault::Tx(_)));
    assert!(run(AVM1, &world, "TXLOCKTIME 1000 EQUAL").is_ok());
}

fn num(number: i64) -> Vec<u8> {
    avm_atomicals::script::num::Num::from(number).encode()
}

#[test]
fn q5_empty_names_and_values() {
    // Written under an empty name: `beta1` keeps it under one byte 00.
    let text = "0 0 7 KV_PUT 0 0 KV_EXISTS 0x00 0x00 KV_GET";
    assert_eq!(eval(BETA1, text), stack(&[&[], &[7]]));
    assert_eq!(eval(AVM1, text), Got::Error(E::InvalidAvmStateKeySize, 3));
    for (op, value) in [("PUT", "1"), ("GET", ""), ("EXISTS", ""), ("DELETE", "")] {
        for names in ["0 'k'", "'s' 0", "0 0"] {
            let got = eval(AVM1, &format!("{names} {value} KV_{op}"));
            assert!(
                matches!(got, Got::Error(E::InvalidAvmStateKeySize, _)),
                "{op} {got:?}"
            );
        }
    }
    // An empty value: one byte 00 under `beta1`, empty under `avm1`, also in its table.
    let text = "'s' 'k' 0 KV_PUT 's' 'k' KV_GET";
    assert_eq!(eval(BETA1, text), stack(&[&[0]]));
    assert_eq!(eval(AVM1, text), stack(&[&[]]));
    let accepted = run(AVM1, &world(), "'s' 'k' 0 KV_PUT 1").expect("it succeeds");
    let [state, ..] = accepted.effects.to_cbor().expect("in memory");
    let again = tables::state(AVM1, &state).expect("an empty value is one");
    assert_eq!(again.root(), accepted.contract.state.root());
    assert!(tables::state(BETA1, &state).is_err());
}

#[test]
fn q6_amounts_are_not_clamped() {
    let mut world = world();
    world.contract.ft = ft(&[(0, 5_000_000_000)]);
    world.call.tx = tx(&[(4_000_000_000, &[])], 0, 0).into();
    let text = "3000000000 0 $t0 FT_WITHDRAW 1";
    // 3,000,000,000 is taken for 2,147,483,647.
    let beta1 = run(BETA1, &world, text).expect("it succeeds");
    assert_eq!(withdrawn(&beta1, 0), [("0".into(), 2_147_483_647)]);
    let avm1 = run(AVM1, &world, text).expect("it succeeds");
    assert_eq!(withdrawn(&avm1, 0), [("0".into(), 3_000_000_000)]);
    assert_eq!(balance(&avm1, 0), 2_000_000_000);
    let text = "9223372036854775808 0 $t0 FT_WITHDRAW 1"
        .replace("9223372036854775808", "0x000000000000008000");
    assert!(run(BETA1, &world, &text).is_ok(), "clamped");
    assert_eq!(
        error(run(AVM1, &world, &text)),
        E::InvalidAvmWithdrawFtAmount
    );
}

/// What was paid out of a token, by output.
fn withdrawn(accepted: &Accepted, token: u8) -> Vec<(String, u64)> {
    let entries = accepted.effects.ft_withdraws.iter();
    entries
        .map(|entry| entry.expect("in memory"))
        .filter(|(name, _)| name[..36] == key(token))
        .map(|(name, value)| {
            let output = String::from_utf8(name[36..].to_vec()).expect("digits");
            (
                output,
                u64::from_be_bytes((&**value).try_into().expect("8 bytes")),
            )
        })
        .collect()
}

fn balance(accepted: &Accepted, token: u8) -> u64 {
    let value = accepted.contract.ft.get(&key(token)).expect("in memory");
    value.map_or(0, |value| {
        u64::from_be_bytes((&**value).try_into().expect("8 bytes"))
    })
}

#[test]
fn q7_tokens_can_be_paid_out() {
    let world = world();
    let text = "1 $t3 NFT_WITHDRAW 1";
    assert_eq!(error(run(BETA1, &world, text)), E::InvalidAtomicalRefSize);
    let accepted = run(AVM1, &world, text).expect("it succeeds");
    let [.., updates, _, withdraws, _, _] = accepted.effects.to_cbor().expect("in memory");
    let token = tables::hex(&key(3));
    let head = [&[0xa1, 0x78, 72][..], token.as_bytes()].concat();
    assert_eq!(withdraws, [&head[..], &[1]].concat());
    assert_eq!(updates, [&head[..], &[0xf4]].concat());
    assert!(!accepted.contract.nft.contains(&key(3)).expect("in memory"));
    assert!(accepted.contract.nft.contains(&key(4)).expect("in memory"));
}

#[test]
fn q8_withdrawals_to_one_output_add_up() {
    let world = world();
    let text = "100 0 $t0 FT_WITHDRAW 50 0 $t0 FT_WITHDRAW 1";
    let beta1 = run(BETA1, &world, text).expect("it succeeds");
    // 150 are gone, 100 arrive.
    assert_eq!(withdrawn(&beta1, 0), [("0".into(), 100)]);
    assert_eq!(balance(&beta1, 0), 850);
    let avm1 = run(AVM1, &world, text).expect("it succeeds");
    assert_eq!(withdrawn(&avm1, 0), [("0".into(), 150)]);
    assert_eq!(balance(&avm1, 0), 850);
    // The sum, too, must fit the output.
    let mut small = world;
    small.call.tx = tx(&[(120, &[]), (120, &[])], 0, 0).into();
    assert!(run(BETA1, &small, text).is_ok());
    assert_eq!(
        error(run(AVM1, &small, text)),
        E::InvalidAvmWithdrawFtAmount
    );
    let text = "100 0 $t0 FT_WITHDRAW 50 1 $t0 FT_WITHDRAW 20 0 $t0 FT_WITHDRAW 1";
    let avm1 = run(AVM1, &small, text).expect("it succeeds");
    assert_eq!(withdrawn(&avm1, 0), [("0".into(), 120), ("1".into(), 50)]);
}

/// A world with this state.
fn with_state(state: Table) -> World {
    let mut world = world();
    world.contract.sum = tables::sum(&state).expect("in memory");
    world.contract.state = state;
    world
}

#[test]
fn q12_tables_over_their_limit_fail_the_call() {
    let size = |outcome: Result<Accepted, Failure>| match outcome {
        Err(Failure::Size(oversize)) => oversize.table,
        other => panic!("no table over its limit: {other:?}"),
    };
    let mut state = Table::default();
    let value = [1; 999];
    for number in 0..1_000_u32 {
        put(
            &mut state,
            Key::new(b"s", &number.to_be_bytes()[2..]).bytes(),
            &value[..997],
        );
    }
    // One byte of a space, 999 times two and 997: 999,001; one more value fills it to the limit.
    let mut full = state.clone();
    put(&mut full, Key::new(b"s", b"more").bytes(), &value[..994]);
    let sum = tables::sum(&full).expect("in memory");
    assert_eq!(sum.bytes, 1_000_000 - 1);
    let full = with_state(full);
    for rules in Rules::ALL {
        assert!(run(rules, &full, "1").is_ok());
        assert!(run(rules, &full, "'s' 'more' 7 KV_PUT 1").is_ok());
    }
    let grow = "'s' 'b' 7 KV_PUT 1";
    let after = fault(run(BETA1, &full, grow));
    assert!(matches!(after, HostFault::Size(over) if over.table == SizedTable::State));
    assert_eq!(size(run(AVM1, &full, grow)), SizedTable::State);
    // Too large before the call: refused before the first instruction.
    let mut over = full;
    over.contract.sum.bytes = 1_000_001;
    assert!(matches!(fault(run(BETA1, &over, "1")), HostFault::Size(_)));
    assert_eq!(size(run(AVM1, &over, "1")), SizedTable::State);
    // Tokens: 36 bytes each, 8 more with amounts.
    let mut many = world();
    let mut table = Table::default();
    for number in 0..22_728_u32 {
        let key = [&number.to_be_bytes()[..], &[0; 32]].concat();
        put(&mut table, &key, &1_u64.to_be_bytes());
    }
    many.contract.ft = table;
    assert!(matches!(fault(run(BETA1, &many, "1")), HostFault::Size(_)));
    assert_eq!(size(run(AVM1, &many, "1")), SizedTable::FtBalances);
}

#[test]
fn q13_balances_stay_below_2_63() {
    let mut world = world();
    world.contract.ft = ft(&[(0, i64::MAX as u64)]);
    world.call.ft_incoming = ft(&[(0, 1), (1, u64::MAX)]);
    let deposit = "$t0 FT_BALANCE_ADD 1";
    // 2^63: hashing it kills the host of the reference, and so does one that only comes in.
    assert_eq!(
        fault(run(BETA1, &world, deposit)),
        HostFault::Balance { amount: 1 << 63 }
    );
    assert_eq!(
        error(run(AVM1, &world, deposit)),
        E::InvalidAvmFtBalanceAddInvalid
    );
    assert_eq!(
        fault(run(BETA1, &world, "1")),
        HostFault::Balance { amount: u64::MAX }
    );
    assert!(run(AVM1, &world, "1").is_ok());
    // It reads as negative there, as what it is here.
    // Two elements left: the scripts end before anything is hashed.
    let read = script("$t1 1 FT_BALANCE 0");
    assert_eq!(world.eval(BETA1, &read).0, stack(&[&[0x81], &[]]));
    let (got, _) = world.eval(AVM1, &read);
    assert_eq!(
        got,
        stack(&[&[0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0], &[]])
    );
    // A sum of 2^64 wraps to nothing.
    world.contract.ft = ft(&[(1, 1)]);
    world.call.ft_incoming = ft(&[(1, u64::MAX)]);
    let wrapped = "$t1 FT_BALANCE_ADD $t1 0 FT_BALANCE";
    assert_eq!(world.eval(BETA1, &script(wrapped)).0, stack(&[&[]]));
    assert_eq!(
        error(run(AVM1, &world, "$t1 FT_BALANCE_ADD 1")),
        E::InvalidAvmFtBalanceAddInvalid
    );
}

#[test]
fn q14_difficulty_of_a_zero_mantissa() {
    let header = [vec![2; 72], vec![0, 0, 0, 0x1d], vec![7; 4]].concat();
    let code = [push(&header), script("6 DECODEBLOCKINFO")].concat();
    assert_eq!(
        world().eval(BETA1, &code).0,
        stack(&[&[0, 0, 0, 0, 0, 0, 0, 0x80, 0x80]])
    );
    assert_eq!(world().eval(AVM1, &code).0, stack(&[&[]]));
}

#[test]
fn q15_keys_of_tokens_have_36_bytes() {
    for len in [1, 35, 37] {
        let key = tables::hex(&vec![0xab; len]);
        let fungible = to_cbor(&serde_json::json!({ &key: 1 }));
        let other = to_cbor(&serde_json::json!({ &key: true }));
        assert!(tables::ft(BETA1, &fungible).is_ok() && tables::nft(BETA1, &other).is_ok());
        let error = tables::ft(AVM1, &fungible)
            .expect_err("not 36 bytes")
            .to_string();
        assert!(
            error.contains(&format!("{len} bytes, expected 36 bytes")),
            "{error}"
        );
        assert!(tables::nft(AVM1, &other).is_err());
    }
    let key = tables::hex(&[0xab; 36]);
    assert!(tables::ft(AVM1, &to_cbor(&serde_json::json!({ key: 1 }))).is_ok());
}

/// The message as the rule sets have it, written down a second time.
fn auth_digest(
    rules: &Rules,
    contract: &Contract,
    lock: &[u8],
    outputs: &[(i64, &[u8])],
) -> [u8; 32] {
    let mut message = Vec::new();
    message.extend([0xa1; 32]);
    message.extend([7, 0, 0, 0]);
    message.extend(lock);
    for (value, script) in outputs {
        let value = if rules.full_amounts {
            *value
        } else {
            (*value).min(2_147_483_647)
        };
        message.extend(value.to_le_bytes());
        message.extend(*script);
    }
    if !rules.bound_auth {
        return sha256(&message);
    }
    let head = [&b"avm1/auth"[..], &contract.id, &contract.chain.0].concat();
    sha256(&sha256(&[head, message].concat()))
}

#[test]
fn q16_signatures_are_bound_to_the_contract_and_its_state() {
    let secret = SecretKey::from_secret_bytes([5; 32]).expect("a key");
    let public = PublicKey::from_secret_key(&secret).serialize();
    let lock = script("CHECKAUTHSIG SIZE NIP 33 EQUAL");
    let signed = |rules: &'static Rules, by: &Contract, to: &Contract| {
        let digest = auth_digest(rules, by, &lock, &OUTPUTS);
        let signature = ecdsa::sign(Message::from_digest(digest), &secret)
            .serialize_der()
            .to_vec();
        let mark = [
            &[0x6a, 3, b's', b'i', b'g', signature.len() as u8][..],
            &signature,
        ]
        .concat();
        let mut outputs = OUTPUTS.to_vec();
        outputs.insert(1, (0, &mark));
        let mut world = world();
        world.contract = to.clone();
        world.contract.code = Bytes::from(lock.clone()).into();
        world.call.tx = tx(&outputs, 0, 0).into();
        world.call.auth_key = public.to_vec().into();
        world.verify(rules).outcome
    };
    let contract = world().contract;
    let (mut other, mut later) = (contract.clone(), contract.clone());
    other.id = [8; 36];
    later.chain.0[0] = 1;
    for rules in Rules::ALL {
        assert!(
            signed(rules, &contract, &contract).is_ok(),
            "{}",
            rules.name
        );
    }
    for elsewhere in [other, later] {
        // Replayed on another contract, or a second time on this one.
        assert!(signed(BETA1, &contract, &elsewhere).is_ok());
        let error = error(signed(AVM1, &contract, &elsewhere));
        assert_eq!(error, E::InvalidAvmCheckauthsignull);
    }
}

#[test]
fn q20_calls_are_metered() {
    // A 1 MB script of squarings: without end there, out of budget here.
    let mut world = world();
    let code = [
        script("3990x77 3990x71"),
        script("2DUP MOD DROP").repeat(40),
    ]
    .concat();
    let code = [code, script("2DROP 1")].concat();
    let (got, cost) = world.eval(BETA1, &code);
    assert_eq!((got, cost), (stack(&[&[1]]), 0));
    let one = |repeat: usize| {
        let code = [
            script("3990x77 3990x71"),
            script("2DUP MOD DROP").repeat(repeat),
            script("2DROP 1"),
        ];
        world.eval(AVM1, &code.concat())
    };
    let (first, second) = (one(1), one(2));
    assert_eq!(first.0, stack(&[&[1]]));
    // 2DUP, MOD and DROP: three bases, two copies, the operands twice, and 499 words squared.
    assert_eq!(second.1 - first.1, 30 + 2 * 498 + 997 + 20 + 499 * 499 / 4);
    let times = (10_000_000 / (second.1 - first.1)) as usize;
    let (got, cost) = one(times + 1);
    let Got::Error(E::OutOfBudget, _) = got else {
        panic!("{got:?}");
    };
    assert_eq!(cost, 10_000_000, "all of the budget is spent");
    // Each byte of the unlocking script adds 500.
    world.call.unlock = script("1 1 1 1").into();
    world.contract.code = Bytes::from(script("2DROP DROP")).into();
    assert_eq!(AVM1.budget(4), 10_002_000);
    assert!(world.verify(AVM1).outcome.is_ok());
}

#[test]
fn q21_the_lock_time_is_not_the_callers_choice() {
    let mut world = world();
    world.call.tx = segwit().into();
    let text = "500000001 CHECKLOCKTIMEVERIFY";
    // The witness says what the reference believes.
    assert!(run(BETA1, &world, text).is_ok());
    assert_eq!(error(run(AVM1, &world, text)), E::UnsatisfiedLocktime);
    assert!(run(AVM1, &world, "1000 CHECKLOCKTIMEVERIFY").is_ok());
    assert_eq!(
        error(run(AVM1, &world, "1001 CHECKLOCKTIMEVERIFY")),
        E::UnsatisfiedLocktime
    );
}
