//! The opcodes in which Bitcoin differs from a contract; the rest are the same rows.

use avm_isa::{Look::Open, Op, index, op};

use super::error::Halt;
use super::eval::Run;
use super::sigops::SEQUENCE_DISABLED;
use super::{BitcoinError as E, Flags, SigVersion};
use crate::script::frame::Frame;
use crate::script::num::Num;
use crate::script::ops::{self as shared, Exec};

/// Most operations above OP_16 before tapscript, executed or not; a multisig counts its keys, too.
pub(super) const MAX_OPS: usize = 201;
/// Most keys of one OP_CHECKMULTISIG.
const MAX_KEYS: usize = 20;
/// Longest lock time, in bytes. BIP65.
const MAX_LOCKTIME_BYTES: usize = 5;

type Done = Result<(), Halt>;

/// What an opcode does that is Bitcoin's own.
#[derive(Clone, Copy)]
pub(super) enum Own {
    /// Fails even when not executed. CVE-2010-5137.
    Disabled,
    /// Fails when executed.
    Fails(E),
    /// Asks about the transaction, or depends on a flag. Counts its operands itself.
    Run(fn(&mut Frame, &mut Run<'_, '_>) -> Done),
}

use Own::{Disabled, Fails, Run as Does};

/// Rows of opcodes that a contract has not, or has with another meaning.
#[rustfmt::skip]
pub(super) const OWN: &[Op<Own>] = &[
    op(0x6a, "OP_RETURN").doc("Fails.").run(Fails(E::OpReturn)),
    op(0x7e, "OP_CAT").doc("Disabled.").run(Disabled),
    op(0x7f, "OP_SUBSTR").doc("Disabled.").run(Disabled),
    op(0x80, "OP_LEFT").doc("Disabled.").run(Disabled),
    op(0x81, "OP_RIGHT").doc("Disabled.").run(Disabled),
    op(0x83, "OP_INVERT").doc("Disabled.").run(Disabled),
    op(0x84, "OP_AND").doc("Disabled.").run(Disabled),
    op(0x85, "OP_OR").doc("Disabled.").run(Disabled),
    op(0x86, "OP_XOR").doc("Disabled.").run(Disabled),
    op(0x8d, "OP_2MUL").doc("Disabled.").run(Disabled),
    op(0x8e, "OP_2DIV").doc("Disabled.").run(Disabled),
    op(0x95, "OP_MUL").doc("Disabled.").run(Disabled),
    op(0x96, "OP_DIV").doc("Disabled.").run(Disabled),
    op(0x97, "OP_MOD").doc("Disabled.").run(Disabled),
    op(0x98, "OP_LSHIFT").doc("Disabled.").run(Disabled),
    op(0x99, "OP_RSHIFT").doc("Disabled.").run(Disabled),
    op(0xab, "OP_CODESEPARATOR").doc("Signatures do not cover the script up to here.").run(Does(code_separator)),
    op(0xac, "OP_CHECKSIG").pops(&[Open, Open]).pushes(1).doc("Whether a signature of the transaction is good: signature key -- bool.").run(Does(check_sig)),
    op(0xad, "OP_CHECKSIGVERIFY").pops(&[Open, Open]).doc("Fails unless a signature of the transaction is good.").run(Does(check_sig_verify)),
    op(0xae, "OP_CHECKMULTISIG").pops(&[Open]).pushes(1).doc("Whether m signatures are good for keys out of n: extra signatures m keys n -- bool.").run(Does(check_multisig)),
    op(0xaf, "OP_CHECKMULTISIGVERIFY").pops(&[Open]).doc("Fails unless m signatures are good for keys out of n.").run(Does(check_multisig_verify)),
    op(0xb0, "OP_NOP1").doc("Does nothing.").run(Does(upgradable_nop)),
    op(0xb1, "OP_CHECKLOCKTIMEVERIFY").pops(&[Open]).pushes(1).doc("Fails unless the transaction is locked until the operand at least, which stays.").run(Does(check_lock_time)),
    op(0xb2, "OP_CHECKSEQUENCEVERIFY").pops(&[Open]).pushes(1).doc("Fails unless the input waits for the operand at least, which stays.").run(Does(check_sequence)),
    op(0xb3, "OP_NOP4").doc("Does nothing.").run(Does(upgradable_nop)),
    op(0xb4, "OP_NOP5").doc("Does nothing.").run(Does(upgradable_nop)),
    op(0xb5, "OP_NOP6").doc("Does nothing.").run(Does(upgradable_nop)),
    op(0xb6, "OP_NOP7").doc("Does nothing.").run(Does(upgradable_nop)),
    op(0xb7, "OP_NOP8").doc("Does nothing.").run(Does(upgradable_nop)),
    op(0xb8, "OP_NOP9").doc("Does nothing.").run(Does(upgradable_nop)),
    op(0xb9, "OP_NOP10").doc("Does nothing.").run(Does(upgradable_nop)),
    op(0xba, "OP_CHECKSIGADD").pops(&[Open, Open, Open]).pushes(1).doc("Adds 1 if a signature is good: signature n key -- n.").run(Does(check_sig_add)),
];

static DECODE: [Option<&Op<Own>>; 256] = index(OWN);

/// OP_HASH256: above it nothing is the same in a contract.
const LAST_SHARED: u8 = 0xaa;

/// The row of an opcode.
pub(super) enum Row {
    /// Bitcoin's own.
    Own(&'static Op<Own>),
    /// As in a contract.
    Shared(&'static Op<Exec>),
}

/// The row of an opcode above the direct pushes; `None` if there is no such operation.
#[inline]
pub(super) fn row(opcode: u8) -> Option<Row> {
    match DECODE[usize::from(opcode)] {
        Some(own) => Some(Row::Own(own)),
        None if opcode > LAST_SHARED => None,
        None => shared::DECODE[usize::from(opcode)].map(Row::Shared),
    }
}

/// Sees to it that the `count` topmost elements are there and can be looked into.
fn need(f: &mut Frame, count: usize) -> Done {
    if f.main.len() < count {
        return Err(E::InvalidStackOperation.into());
    }
    if f.nodes.is_some() {
        for at in 0..count {
            f.reveal(at)?;
        }
    }
    Ok(())
}

/// Element `at` from the top as a number.
fn num(f: &Frame, at: usize, max_bytes: usize) -> Result<i64, E> {
    let bytes = f.main.peek(at).bytes();
    let num = Num::decode_with(bytes, max_bytes, f.limits.minimal_numbers);
    num.and_then(|num| num.to_i64()).ok_or(E::ScriptNum)
}

fn code_separator(_: &mut Frame, run: &mut Run<'_, '_>) -> Done {
    run.scope.separate();
    Ok(())
}

/// Takes signature and key; whether the signature is good.
fn signature(f: &mut Frame, run: &mut Run<'_, '_>) -> Result<bool, Halt> {
    need(f, 2)?;
    let (signature, key) = (f.main.peek(1).bytes(), f.main.peek(0).bytes());
    let good = run.input.check_sig(run.scope, signature, key)?;
    f.main.drop(2);
    Ok(good)
}

fn check_sig(f: &mut Frame, run: &mut Run<'_, '_>) -> Done {
    let good = signature(f, run)?;
    f.push_bool(good);
    Ok(())
}

fn check_sig_verify(f: &mut Frame, run: &mut Run<'_, '_>) -> Done {
    let good = signature(f, run)?;
    Ok(good.then_some(()).ok_or(E::CheckSigVerify)?)
}

/// BIP342.
fn check_sig_add(f: &mut Frame, run: &mut Run<'_, '_>) -> Done {
    if run.scope.version != SigVersion::Tapscript {
        return Err(E::BadOpcode.into());
    }
    need(f, 3)?;
    let count = num(f, 1, f.limits.max_number_bytes)?;
    let (signature, key) = (f.main.peek(2).bytes(), f.main.peek(0).bytes());
    let good = run.input.check_sig(run.scope, signature, key)?;
    f.main.drop(3);
    f.push_int(count + i64::from(good));
    Ok(())
}

/// Takes all operands; whether each signature is good for a key.
fn multisig(f: &mut Frame, run: &mut Run<'_, '_>) -> Result<bool, Halt> {
    if run.scope.version == SigVersion::Tapscript {
        return Err(E::TapscriptCheckMultisig.into());
    }
    // from the top: number of keys, keys, number of signatures, signatures, one element more
    need(f, 1)?;
    let keys = count(f, 0, MAX_KEYS, E::PubkeyCount)?;
    run.scope.ops += keys;
    if run.scope.ops > MAX_OPS {
        return Err(E::OpCount.into());
    }
    need(f, keys + 2)?;
    let signatures = count(f, keys + 1, keys, E::SigCount)?;
    let operands = keys + signatures + 2;
    need(f, operands)?;
    let mut lists = [[&[][..]; MAX_KEYS]; 2];
    let [signature_list, key_list] = &mut lists;
    for (at, key) in key_list[..keys].iter_mut().enumerate() {
        *key = f.main.peek(1 + at).bytes();
    }
    for (at, signature) in signature_list[..signatures].iter_mut().enumerate() {
        *signature = f.main.peek(keys + 2 + at).bytes();
    }
    let (signature_list, key_list) = (&signature_list[..signatures], &key_list[..keys]);
    let good = run
        .input
        .check_multisig(run.scope, signature_list, key_list)?;
    f.main.drop(operands);
    need(f, 1)?;
    // an element too many has been taken from the beginning
    let extra = f.main.pop();
    if run.input.flags.has(Flags::NULLDUMMY) && !extra.is_empty() {
        return Err(E::SigNullDummy.into());
    }
    Ok(good)
}

fn count(f: &Frame, at: usize, max: usize, error: E) -> Result<usize, E> {
    let count = num(f, at, f.limits.max_number_bytes)?;
    let count = usize::try_from(count).ok().filter(|count| *count <= max);
    count.ok_or(error)
}

fn check_multisig(f: &mut Frame, run: &mut Run<'_, '_>) -> Done {
    let good = multisig(f, run)?;
    f.push_bool(good);
    Ok(())
}

fn check_multisig_verify(f: &mut Frame, run: &mut Run<'_, '_>) -> Done {
    let good = multisig(f, run)?;
    Ok(good.then_some(()).ok_or(E::CheckMultisigVerify)?)
}

/// The operand of a lock time, which stays.
fn lock_time(f: &mut Frame) -> Result<i64, Halt> {
    need(f, 1)?;
    let time = num(f, 0, MAX_LOCKTIME_BYTES)?;
    if time < 0 {
        return Err(E::NegativeLocktime.into());
    }
    Ok(time)
}

/// BIP65.
fn check_lock_time(f: &mut Frame, run: &mut Run<'_, '_>) -> Done {
    if !run.input.flags.has(Flags::CHECKLOCKTIMEVERIFY) {
        return Ok(());
    }
    let locked = run.input.is_locked_until(lock_time(f)?)?;
    Ok(locked.then_some(()).ok_or(E::UnsatisfiedLocktime)?)
}

/// BIP112.
fn check_sequence(f: &mut Frame, run: &mut Run<'_, '_>) -> Done {
    if !run.input.flags.has(Flags::CHECKSEQUENCEVERIFY) {
        return Ok(());
    }
    let sequence = lock_time(f)?;
    let locked =
        sequence & i64::from(SEQUENCE_DISABLED) != 0 || run.input.is_locked_for(sequence)?;
    Ok(locked.then_some(()).ok_or(E::UnsatisfiedLocktime)?)
}

fn upgradable_nop(_: &mut Frame, run: &mut Run<'_, '_>) -> Done {
    if run.input.flags.has(Flags::DISCOURAGE_UPGRADABLE_NOPS) {
        return Err(E::DiscourageUpgradableNops.into());
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_opcode_has_a_row_up_to_checksigadd() {
        for opcode in 0x4c..=0xba {
            assert!(row(opcode).is_some(), "{opcode:x}");
        }
        for opcode in 0xbb..=0xff {
            assert!(row(opcode).is_none(), "{opcode:x}");
        }
        // nothing that a contract does with its state or its call is left
        for opcode in 0x4c..=0xba {
            if let Some(Row::Shared(row)) = row(opcode) {
                assert!(
                    !matches!(row.run, Exec::Call(_) | Exec::Return),
                    "{opcode:x}"
                );
            }
        }
    }
}
