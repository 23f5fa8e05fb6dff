//! A second interpreter, written down plainly and sharing no handler with the first.

use alloc::vec::Vec;

use bitcoin::hashes::{Hash as _, hash160, ripemd160, sha1, sha256, sha256d};

use super::rule;
use crate::bitcoin::code::{self, MAX_SCRIPT_BYTES, Ops};
use crate::bitcoin::eval::{MAX_ELEMENT_BYTES, MAX_STACK};
use crate::bitcoin::sigops::{Input, SEQUENCE_DISABLED, Scope};
use crate::bitcoin::{At, BitcoinError as E, Flags, SigVersion};
use crate::script::instr::{Instr, is_minimal_push};

/// Most operations above OP_16 before tapscript, executed or not; a multisig counts its keys, too.
const MAX_OPS: usize = 201;
/// Most keys of one OP_CHECKMULTISIG.
const MAX_KEYS: usize = 20;

/// Main stack, top last.
type Stack = Vec<Vec<u8>>;

/// Whether an element is true: not zero, and not negative zero.
fn is_true(element: &[u8]) -> bool {
    match element {
        [rest @ .., 0 | 0x80] => rest.iter().any(|byte| *byte != 0),
        [] => false,
        _ => true,
    }
}

/// Runs a script on `stack`.
pub(super) fn eval(
    input: &mut Input<'_>,
    scope: &mut Scope,
    stack: &mut Stack,
) -> Result<(), (Option<At>, E)> {
    let script = &scope.script.bytes().unwrap()[..];
    let legacy = scope.version != SigVersion::Tapscript;
    if legacy && script.len() > MAX_SCRIPT_BYTES {
        return Err((None, E::ScriptSize));
    }
    let mut run = Run {
        input,
        scope,
        stack,
        alt: Vec::new(),
        conditions: Vec::new(),
        falses: 0,
        ops: 0,
    };
    let mut ops = Ops::new(script, 0);
    for op in 0.. {
        let byte = ops.at();
        let Some(read) = ops.next() else { break };
        read.map_err(|code::Truncated| E::BadOpcode)
            .and_then(|read| run.step(op, read, ops.at()))
            .map_err(|error| {
                let opcode = script[byte];
                (Some(At { op, byte, opcode }), error)
            })?;
    }
    if !run.conditions.is_empty() {
        return Err((None, E::UnbalancedConditional));
    }
    Ok(())
}

struct Run<'r, 'a> {
    input: &'r mut Input<'a>,
    scope: &'r mut Scope,
    stack: &'r mut Stack,
    alt: Stack,
    conditions: Vec<bool>,
    falses: usize,
    ops: usize,
}

fn number_bytes(n: i64) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut magnitude = n.unsigned_abs();
    while magnitude > 0 {
        bytes.push(magnitude as u8);
        magnitude >>= 8;
    }
    if bytes.last().is_some_and(|top| *top >= 0x80) {
        bytes.push(0);
    }
    if let (Some(top), true) = (bytes.last_mut(), n < 0) {
        *top |= 0x80;
    }
    bytes
}

impl Run<'_, '_> {
    fn flag(&self, flag: Flags) -> bool {
        self.input.flags.has(flag)
    }

    fn need(&self, count: usize) -> Result<(), E> {
        if self.stack.len() < count {
            return Err(E::InvalidStackOperation);
        }
        Ok(())
    }

    fn pop(&mut self) -> Result<Vec<u8>, E> {
        self.stack.pop().ok_or(E::InvalidStackOperation)
    }

    fn peek(&self, depth: usize) -> Result<&Vec<u8>, E> {
        self.stack
            .len()
            .checked_sub(depth + 1)
            .map(|i| &self.stack[i])
            .ok_or(E::InvalidStackOperation)
    }

    fn number(&self, bytes: &[u8], max: usize) -> Result<i64, E> {
        if bytes.len() > max {
            return Err(E::ScriptNum);
        }
        let Some((top, rest)) = bytes.split_last() else {
            return Ok(0);
        };
        if self.flag(Flags::MINIMALDATA)
            && top & 0x7f == 0
            && rest.last().is_none_or(|next| next & 0x80 == 0)
        {
            return Err(E::ScriptNum);
        }
        let mut word = [0; 8];
        word[..bytes.len()].copy_from_slice(bytes);
        word[bytes.len() - 1] &= 0x7f;
        let n = i64::from_le_bytes(word);
        Ok(if top & 0x80 != 0 { -n } else { n })
    }

    fn num(&self, depth: usize) -> Result<i64, E> {
        self.number(self.peek(depth)?, 4)
    }

    fn push_bool(&mut self, value: bool) {
        self.stack
            .push(if value { Vec::from([1]) } else { Vec::new() });
    }

    fn verify(&mut self, error: E) -> Result<(), E> {
        if is_true(&self.pop()?) {
            Ok(())
        } else {
            Err(error)
        }
    }

    fn step(&mut self, op: u32, read: Instr<'_>, after: usize) -> Result<(), E> {
        let code = read.opcode;
        if read.data.len() > MAX_ELEMENT_BYTES {
            return Err(E::PushSize);
        }
        if self.scope.version != SigVersion::Tapscript && code > 0x60 {
            self.ops += 1;
            if self.ops > MAX_OPS {
                return Err(E::OpCount);
            }
        }
        if matches!(code, 0x7e..=0x81 | 0x83..=0x86 | 0x8d | 0x8e | 0x95..=0x99) {
            return Err(E::DisabledOpcode);
        }
        if code == 0xab
            && self.scope.version == SigVersion::Base
            && self.flag(Flags::CONST_SCRIPTCODE)
        {
            return Err(E::OpCodeSeparator);
        }
        let on = self.falses == 0;
        if on && code <= 0x4e {
            if self.flag(Flags::MINIMALDATA) && !is_minimal_push(code, read.data) {
                return Err(E::MinimalData);
            }
            self.stack.push(read.data.to_vec());
        } else if on || (0x63..=0x68).contains(&code) {
            self.execute(op, code, on, after)?;
        }
        if self.stack.len() + self.alt.len() > MAX_STACK {
            return Err(E::StackSize);
        }
        Ok(())
    }

    fn execute(&mut self, op: u32, code: u8, on: bool, after: usize) -> Result<(), E> {
        match code {
            0x4f | 0x51..=0x60 => self.stack.push(number_bytes(i64::from(code) - 0x50)),
            0x61 => {}
            0xb1 if self.flag(Flags::CHECKLOCKTIMEVERIFY) => {
                let n = self.number(self.peek(0)?, 5)?;
                if n < 0 {
                    return Err(E::NegativeLocktime);
                }
                if !self.input.is_locked_until(n).unwrap() {
                    return Err(E::UnsatisfiedLocktime);
                }
            }
            0xb2 if self.flag(Flags::CHECKSEQUENCEVERIFY) => {
                let n = self.number(self.peek(0)?, 5)?;
                if n < 0 {
                    return Err(E::NegativeLocktime);
                }
                if n & i64::from(SEQUENCE_DISABLED) == 0 && !self.input.is_locked_for(n).unwrap() {
                    return Err(E::UnsatisfiedLocktime);
                }
            }
            0xb1 | 0xb2 => {}
            0xb0 | 0xb3..=0xb9 => {
                if self.flag(Flags::DISCOURAGE_UPGRADABLE_NOPS) {
                    return Err(E::DiscourageUpgradableNops);
                }
            }
            0x63 | 0x64 => {
                let mut value = false;
                if on {
                    let top = self.pop()?;
                    let minimal = matches!(top[..], [] | [1]);
                    if self.scope.version == SigVersion::Tapscript && !minimal {
                        return Err(E::TapscriptMinimalIf);
                    }
                    if self.scope.version == SigVersion::WitnessV0
                        && self.flag(Flags::MINIMALIF)
                        && !minimal
                    {
                        return Err(E::MinimalIf);
                    }
                    value = is_true(&top) == (code == 0x63);
                }
                self.conditions.push(value);
                self.falses += usize::from(!value);
            }
            0x67 => {
                let top = self.conditions.last_mut().ok_or(E::UnbalancedConditional)?;
                *top = !*top;
                if *top {
                    self.falses -= 1;
                } else {
                    self.falses += 1;
                }
            }
            0x68 => {
                let top = self.conditions.pop().ok_or(E::UnbalancedConditional)?;
                self.falses -= usize::from(!top);
            }
            0x69 => self.verify(E::Verify)?,
            0x6a => return Err(E::OpReturn),
            0x6b => {
                let top = self.pop()?;
                self.alt.push(top);
            }
            0x6c => {
                let top = self.alt.pop().ok_or(E::InvalidAltstackOperation)?;
                self.stack.push(top);
            }
            0x6d => {
                self.need(2)?;
                self.stack.truncate(self.stack.len() - 2);
            }
            0x6e => self.copy(2, 2)?,
            0x6f => self.copy(3, 3)?,
            0x70 => self.copy(4, 2)?,
            0x71 => {
                self.need(6)?;
                let n = self.stack.len();
                self.stack[n - 6..].rotate_left(2);
            }
            0x72 => {
                self.need(4)?;
                let n = self.stack.len();
                self.stack[n - 4..].rotate_left(2);
            }
            0x73 => {
                if is_true(self.peek(0)?) {
                    self.copy(1, 1)?;
                }
            }
            0x74 => self.stack.push(number_bytes(self.stack.len() as i64)),
            0x75 => {
                self.pop()?;
            }
            0x76 => self.copy(1, 1)?,
            0x77 => {
                self.need(2)?;
                let n = self.stack.len();
                self.stack.remove(n - 2);
            }
            0x78 => self.copy(2, 1)?,
            0x79 | 0x7a => {
                self.need(2)?;
                let n = self.num(0)?;
                self.pop()?;
                let n = usize::try_from(n)
                    .ok()
                    .filter(|n| *n < self.stack.len())
                    .ok_or(E::InvalidStackOperation)?;
                let i = self.stack.len() - 1 - n;
                let x = if code == 0x79 {
                    self.stack[i].clone()
                } else {
                    self.stack.remove(i)
                };
                self.stack.push(x);
            }
            0x7b => {
                self.need(3)?;
                let n = self.stack.len();
                self.stack[n - 3..].rotate_left(1);
            }
            0x7c => {
                self.need(2)?;
                let n = self.stack.len();
                self.stack.swap(n - 1, n - 2);
            }
            0x7d => {
                self.need(2)?;
                let n = self.stack.len();
                self.stack.insert(n - 2, self.stack[n - 1].clone());
            }
            0x82 => self.stack.push(number_bytes(self.peek(0)?.len() as i64)),
            0x87 | 0x88 => {
                self.need(2)?;
                let (b, a) = (self.pop()?, self.pop()?);
                self.push_bool(a == b);
                if code == 0x88 {
                    self.verify(E::EqualVerify)?;
                }
            }
            0x8b..=0x92 => {
                let n = self.num(0)?;
                self.pop()?;
                let n = match code {
                    0x8b => n + 1,
                    0x8c => n - 1,
                    0x8f => -n,
                    0x90 => n.abs(),
                    0x91 => i64::from(n == 0),
                    _ => i64::from(n != 0),
                };
                self.stack.push(number_bytes(n));
            }
            0x93 | 0x94 | 0x9a..=0xa4 => {
                self.need(2)?;
                let (a, b) = (self.num(1)?, self.num(0)?);
                self.stack.truncate(self.stack.len() - 2);
                let n = match code {
                    0x93 => a + b,
                    0x94 => a - b,
                    0x9a => i64::from(a != 0 && b != 0),
                    0x9b => i64::from(a != 0 || b != 0),
                    0x9c | 0x9d => i64::from(a == b),
                    0x9e => i64::from(a != b),
                    0x9f => i64::from(a < b),
                    0xa0 => i64::from(a > b),
                    0xa1 => i64::from(a <= b),
                    0xa2 => i64::from(a >= b),
                    0xa3 => a.min(b),
                    _ => a.max(b),
                };
                self.stack.push(number_bytes(n));
                if code == 0x9d {
                    self.verify(E::NumEqualVerify)?;
                }
            }
            0xa5 => {
                self.need(3)?;
                let (x, low, high) = (self.num(2)?, self.num(1)?, self.num(0)?);
                self.stack.truncate(self.stack.len() - 3);
                self.push_bool(low <= x && x < high);
            }
            0xa6..=0xaa => {
                let top = self.pop()?;
                let hash = match code {
                    0xa6 => ripemd160::Hash::hash(&top).as_byte_array().to_vec(),
                    0xa7 => sha1::Hash::hash(&top).as_byte_array().to_vec(),
                    0xa8 => sha256::Hash::hash(&top).as_byte_array().to_vec(),
                    0xa9 => hash160::Hash::hash(&top).as_byte_array().to_vec(),
                    _ => sha256d::Hash::hash(&top).as_byte_array().to_vec(),
                };
                self.stack.push(hash);
            }
            0xab => {
                (self.scope.op, self.scope.next) = (op, after);
                self.scope.separate();
            }
            0xac | 0xad => {
                self.need(2)?;
                let (key, sig) = (self.pop()?, self.pop()?);
                let good = rule(self.input.check_sig(self.scope, &sig, &key))?;
                self.push_bool(good);
                if code == 0xad {
                    self.verify(E::CheckSigVerify)?;
                }
            }
            0xba if self.scope.version == SigVersion::Tapscript => {
                self.need(3)?;
                let n = self.num(1)?;
                let key = self.pop()?;
                self.pop()?;
                let sig = self.pop()?;
                let good = rule(self.input.check_sig(self.scope, &sig, &key))?;
                self.stack.push(number_bytes(n + i64::from(good)));
            }
            0xae | 0xaf => {
                self.multisig()?;
                if code == 0xaf {
                    self.verify(E::CheckMultisigVerify)?;
                }
            }
            _ => return Err(E::BadOpcode),
        }
        Ok(())
    }

    fn copy(&mut self, depth: usize, count: usize) -> Result<(), E> {
        self.need(depth)?;
        let from = self.stack.len() - depth;
        self.stack.extend_from_within(from..from + count);
        Ok(())
    }

    fn multisig(&mut self) -> Result<(), E> {
        if self.scope.version == SigVersion::Tapscript {
            return Err(E::TapscriptCheckMultisig);
        }
        let count = |n: i64, max: usize, error: E| {
            usize::try_from(n).ok().filter(|n| *n <= max).ok_or(error)
        };
        let keys = count(self.num(0)?, MAX_KEYS, E::PubkeyCount)?;
        self.ops += keys;
        if self.ops > MAX_OPS {
            return Err(E::OpCount);
        }
        self.need(keys + 2)?;
        let sigs = count(self.num(keys + 1)?, keys, E::SigCount)?;
        self.need(keys + sigs + 2)?;
        let top = |from: usize, count: usize| -> Vec<&[u8]> {
            self.stack
                .iter()
                .rev()
                .skip(from)
                .take(count)
                .map(|x| &x[..])
                .collect()
        };
        let good = rule(self.input.check_multisig(
            self.scope,
            &top(keys + 2, sigs),
            &top(1, keys),
        ))?;
        self.stack.truncate(self.stack.len() - keys - sigs - 2);
        let extra = self.pop()?;
        if self.flag(Flags::NULLDUMMY) && !extra.is_empty() {
            return Err(E::SigNullDummy);
        }
        self.push_bool(good);
        Ok(())
    }
}
