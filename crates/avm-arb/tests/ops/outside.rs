//! Messages in, sends and logs out. Spec: sections 10 and 11.

use avm_arb::{LOGS, SENDS, Status};
use avm_core::{Claim, Hash, Machine, Outbox, Output, Stop, advance};

use crate::runs::{load, log, run, run_with};

#[test]
fn inbox_takes_messages_in_order_and_waits() {
    let source = "inbox\ntget 3\nlog\ninbox 5\nhalt";
    let done = run_with(source, 0);
    assert_eq!(
        (done.stop, done.steps, done.gas_used),
        (Stop::NeedsInput, 0, 0)
    );
    let done = run_with(source, 1);
    assert_eq!((done.stop, done.steps), (Stop::NeedsInput, 3));
    assert_eq!((done.stack.as_str(), done.gas_used), ("", 40 + 2 + 100));
    assert_eq!(done.tally.messages_read, 1);
    let done = run_with(source, 2);
    assert_eq!((done.stop, done.status), (Stop::Halted, Status::Halted));
    assert_eq!(done.tally.messages_read, 2);
    assert!(done.stack.ends_with(", hex\"abcd\") 5"), "{}", done.stack);
}

/// Spec section 10: the data length counts trailing zeros, the buffer does not show them.
#[test]
fn a_message_says_its_length() {
    let done = run_with(
        "inbox\ndup0\ntget 6\nswap1\ntget 7\nhash\npush hex\"abcd\"\nhash\neq\nhalt",
        1,
    );
    assert_eq!(done.stack, "1 3");
}

#[test]
fn sends_and_logs_fold_into_accumulators() {
    let done = run("push hex\"0102\"\nsend 4\npush hex\"ff\"\nsend 1\nlog 10\nlog ()\nhalt");
    let sends = [&[1, 2, 0, 0][..], &[0xff]];
    let tagged = |bytes: &[u8]| Hash::keccak(&[b"arb send content", bytes].concat());
    let [one, two] = sends.map(tagged);
    let ten = "c65a7bb8d6351c1cf70c95a316cc6a92839c986682d98bc35f958f4883f9d2a8"
        .parse()
        .unwrap();
    let none = "5dfd744753c13a6de9cf0e9e3d0164cdf0b1bbdb5efb3660a684d46477176058"
        .parse()
        .unwrap();
    let want = [(SENDS, one), (SENDS, two), (LOGS, ten), (LOGS, none)];
    assert_eq!(done.outputs.outputs, want);
    assert_eq!((done.tally.sends, done.tally.logs), (2, 2));
    let [one, two] = sends.map(Hash::keccak);
    assert_eq!(done.tally.send_acc, Hash::ZERO.join(one).join(two));
    assert_eq!(done.tally.log_acc, Hash::ZERO.join(ten).join(none));
}

#[test]
fn an_outbox_that_fails_is_no_fault() {
    struct Full;
    impl Outbox for Full {
        fn push(&mut self, _: u64, _: Output<'_>) -> Result<(), avm_core::HostError> {
            Err(avm_core::HostError::MissingNode { hash: Hash::ZERO })
        }
    }
    let mut machine = load("errset @handler\nlog 1\nhandler: halt");
    let claim = Claim::genesis(machine.state_hash());
    assert!(advance(&mut machine, claim, &log(0), &mut Full, 9).is_err());
}
