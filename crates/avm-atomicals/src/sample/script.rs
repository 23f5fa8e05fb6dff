//! Scripts: rows of the table, each after operands that it can use.

use alloc::vec;
use alloc::vec::Vec;

use super::{Dice, HEIGHT, reference};
use crate::script::num::Num;
use crate::script::ops::OPS;

/// Most operations of a script, not counting the pushes before them.
const OPERATIONS_MAX: usize = 400;
/// Elements that a script keeps; more are dropped.
const KEPT_MAX: usize = 24;
/// Conditions inside one another.
const NESTED_MAX: usize = 4;

/// A name of a key space or key.
pub(super) fn name(number: u8) -> &'static [u8] {
    [&b"a"[..], b"name", &[0, 1], &[9; 100]][usize::from(number & 3)]
}

/// What an operation takes at a place.
#[derive(Clone, Copy)]
enum Want {
    Any,
    Num,
    Bit,
    Count,
    Table,
    Token,
    Name,
    Amount,
    Function,
    Height,
    Field,
    Header,
    Signature,
    Key,
    LockTime,
    /// The same as the operand before.
    Same,
    /// As long as the operand before.
    SameLen,
}

/// What a row takes, the deepest first; as many as its operands, or all `Any`.
fn wants(name: &str) -> &'static [Want] {
    use Want::*;
    match name {
        "OP_IF" | "OP_NOTIF" | "OP_VERIFY" => &[Bit],
        "OP_SPLIT" | "OP_NUM2BIN" | "OP_LSHIFT" | "OP_RSHIFT" => &[Any, Count],
        "OP_AND" | "OP_OR" | "OP_XOR" => &[Any, SameLen],
        "OP_EQUAL" | "OP_EQUALVERIFY" => &[Any, Same],
        "OP_NUMEQUALVERIFY" => &[Num, Same],
        "OP_1ADD" | "OP_1SUB" | "OP_NEGATE" | "OP_ABS" | "OP_NOT" | "OP_0NOTEQUAL" => &[Num],
        "OP_ADD"
        | "OP_SUB"
        | "OP_MUL"
        | "OP_DIV"
        | "OP_MOD"
        | "OP_BOOLAND"
        | "OP_BOOLOR"
        | "OP_NUMEQUAL"
        | "OP_NUMNOTEQUAL"
        | "OP_LESSTHAN"
        | "OP_GREATERTHAN"
        | "OP_LESSTHANOREQUAL"
        | "OP_GREATERTHANOREQUAL"
        | "OP_MIN"
        | "OP_MAX" => &[Num, Num],
        "OP_WITHIN" => &[Num, Num, Num],
        "OP_CHECKLOCKTIMEVERIFY" => &[LockTime],
        "OP_CHECKDATASIG" | "OP_CHECKDATASIGVERIFY" => &[Signature, Any, Key],
        "OP_OUTPOINTTXHASH"
        | "OP_OUTPOINTINDEX"
        | "OP_INPUTBYTECODE"
        | "OP_INPUTSEQUENCENUMBER"
        | "OP_OUTPUTVALUE"
        | "OP_OUTPUTBYTECODE" => &[Table],
        "OP_NFT_PUT" | "OP_FT_BALANCE_ADD" => &[Token],
        "OP_KV_EXISTS" | "OP_KV_GET" | "OP_KV_DELETE" => &[Name, Name],
        "OP_KV_PUT" => &[Name, Name, Any],
        "OP_FT_WITHDRAW" => &[Amount, Table, Token],
        "OP_NFT_WITHDRAW" => &[Table, Token],
        "OP_FT_BALANCE" | "OP_NFT_EXISTS" => &[Token, Table],
        "OP_FT_COUNT" | "OP_NFT_COUNT" => &[Table],
        "OP_FT_ITEM" | "OP_NFT_ITEM" => &[Table, Table],
        "OP_GETBLOCKINFO" => &[Height, Field],
        "OP_DECODEBLOCKINFO" => &[Header, Field],
        "OP_HASH_FN" => &[Any, Function],
        _ => &[],
    }
}

/// Whether a row fails wherever it is executed, or ends the script.
fn fails(code: u8) -> bool {
    matches!(
        code,
        0x50 | 0x62 | 0x65 | 0x66 | 0x6a | 0x89 | 0x8a | 0x8d | 0x8e | 0xab..=0xaf | 0xcc
    )
}

struct Draft<'a, 'b> {
    dice: &'a mut Dice<'b>,
    out: Vec<u8>,
    /// Elements on both stacks, as far as one can tell beforehand.
    depth: usize,
    alt: usize,
    /// What was pushed last.
    last: Vec<u8>,
    nested: usize,
}

/// Pushes exactly two elements: any, and true or false.
pub(crate) fn unlock(dice: &mut Dice<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    let element = bytes(dice);
    push(&mut out, &element);
    out.push(if dice.byte() & 1 == 0 { 0x00 } else { 0x51 });
    out
}

pub(crate) fn lock(dice: &mut Dice<'_>) -> Vec<u8> {
    let mut draft = Draft {
        dice,
        out: vec![],
        depth: 1,
        alt: 0,
        last: vec![],
        nested: 0,
    };
    // What the unlocking script pushed decides the way.
    draft.out.push(0x63);
    draft.block(8);
    draft.out.push(0x67);
    draft.block(8);
    draft.out.push(0x68);
    let mut operations = 0;
    while draft.dice.left() > 0 && operations < OPERATIONS_MAX {
        draft.operation();
        operations += 1;
    }
    draft.drop_to(0);
    draft.out.push(0x51);
    draft.out
}

impl Draft<'_, '_> {
    /// Operations that leave as many elements as there were.
    fn block(&mut self, most: usize) {
        let (depth, alt) = (self.depth, self.alt);
        self.nested += 1;
        for _ in 0..self.dice.below(most) {
            self.operation();
        }
        self.nested -= 1;
        while self.alt > alt {
            self.out.push(0x6c);
            (self.alt, self.depth) = (self.alt - 1, self.depth + 1);
        }
        self.drop_to(depth);
    }

    fn drop_to(&mut self, depth: usize) {
        while self.depth >= depth + 2 {
            self.out.push(0x6d);
            self.depth -= 2;
        }
        if self.depth > depth {
            self.out.push(0x75);
            self.depth -= 1;
        }
        while self.depth < depth {
            self.out.push(0x51);
            self.depth += 1;
        }
    }

    fn operation(&mut self) {
        let choice = self.dice.byte();
        let row = &OPS[self.dice.below(OPS.len())];
        match choice {
            // Any bytes: rarely, for most end the script.
            0xff => {
                let any = self.dice.byte();
                self.out.push(any);
                return;
            }
            0xe0.. if self.nested < NESTED_MAX => return self.branch(),
            _ if fails(row.code) && choice > 4 => return,
            _ if matches!(row.code, 0x63..=0x68 | 0x4c..=0x4e) => return,
            _ => {}
        }
        match row.name {
            "OP_PICK" | "OP_ROLL" => {
                while self.depth < 3 {
                    self.operand(Want::Any);
                }
                let most = self.depth + usize::from(choice == 5);
                let number = self.dice.below(most.min(255)) as i64;
                self.number(number);
            }
            "OP_FROMALTSTACK" if self.alt == 0 && choice > 5 => {
                self.operand(Want::Any);
                self.out.push(0x6b);
                (self.alt, self.depth) = (self.alt + 1, self.depth - 1);
            }
            "OP_IFDUP" => self.push(&[3]),
            name => {
                let wants = wants(name);
                for at in 0..row.pops.len() {
                    let usual = wants.get(at).copied().unwrap_or(Want::Any);
                    let hostile = choice == 6;
                    self.operand(if hostile { Want::Any } else { usual });
                }
            }
        }
        self.out.push(row.code);
        let takes = match row.code {
            0x79 | 0x7a => 1 + usize::from(row.code == 0x7a),
            _ => row.pops.len(),
        };
        self.depth = self.depth.saturating_sub(takes) + usize::from(row.pushes);
        self.alt = (self.alt + usize::from(row.aux_pushes)).saturating_sub(row.aux_pops.len());
        if self.depth > KEPT_MAX {
            self.drop_to(KEPT_MAX / 2);
        } else if choice & 1 == 0 && row.pushes > 0 && row.pops.len() < usize::from(row.pushes) {
            let kept = self.depth - (usize::from(row.pushes) - row.pops.len());
            self.drop_to(kept);
        }
    }

    fn branch(&mut self) {
        self.operand(Want::Bit);
        self.depth -= 1;
        let opcode = 0x63 + (self.dice.byte() & 1);
        self.out.push(opcode);
        self.block(4);
        if self.dice.byte() & 1 == 0 {
            self.out.push(0x67);
            self.block(4);
        }
        self.out.push(0x68);
    }

    fn number(&mut self, number: i64) {
        self.push(&Num::from(number).encode());
    }

    fn push(&mut self, bytes: &[u8]) {
        push(&mut self.out, bytes);
        self.depth += 1;
        self.last = bytes.to_vec();
    }

    fn operand(&mut self, want: Want) {
        let dice = &mut *self.dice;
        let pushed = match want {
            Want::Any => bytes(dice),
            Want::Bit => vec![1; dice.below(2)],
            Want::Num => number(dice),
            Want::Count => Num::from(dice.pick(&[0_i64, 1, 2, 3, 7, 8, 9, 40, 300])).encode(),
            Want::Table => Num::from(dice.pick(&[0_i64, 1, 0, 1, 2, 3, -1])).encode(),
            Want::Token => reference(dice.below(6) as u8).to_vec(),
            Want::Name => name(dice.byte()).to_vec(),
            Want::Amount => {
                Num::from(dice.pick(&[1, 3, 7, 546, 547, 900, 1_i64 << 35, 0])).encode()
            }
            Want::Function => Num::from(dice.pick(&[0_i64, 1, 2, 3, 4])).encode(),
            Want::Height => {
                let height = i64::from(HEIGHT);
                Num::from(dice.pick(&[0, height, height - 1, 0, height - 2])).encode()
            }
            Want::Field => Num::from(dice.below(8) as i64).encode(),
            Want::Header => vec![dice.byte(); 80],
            Want::Signature => vec![dice.byte(); dice.pick(&[0, 0, 64, 9])],
            Want::Key => [&[2][..], &[dice.byte(); 32]].concat(),
            Want::LockTime => Num::from(dice.pick(&[0_i64, 999, 1_000, 1_001])).encode(),
            Want::Same => self.last.clone(),
            Want::SameLen => vec![dice.byte(); self.last.len()],
        };
        self.push(&pushed);
    }
}

/// An element of any length.
fn bytes(dice: &mut Dice<'_>) -> Vec<u8> {
    let len = dice.pick(&[0, 1, 1, 2, 4, 8, 9, 20, 33, 65, 120, 600]);
    let (first, step) = (dice.byte(), dice.byte());
    (0..len)
        .map(|at| first.wrapping_add(step.wrapping_mul(at as u8)))
        .collect()
}

/// A number: small, at the edge of a word, or long.
fn number(dice: &mut Dice<'_>) -> Vec<u8> {
    match dice.byte() {
        0..=0x7f => Num::from(i64::from(dice.byte() as i8)).encode(),
        0x80..=0xbf => {
            let edge = dice.pick(&[1 << 31, 1 << 32, i64::MAX - 1, 1 << 62, 0xff_ffff]);
            let number = edge - i64::from(dice.byte() & 3);
            Num::from(if dice.byte() & 1 == 0 {
                number
            } else {
                -number
            })
            .encode()
        }
        _ => {
            let len = dice.pick(&[9, 16, 17, 64, 250, 1_000]);
            let mut number = vec![dice.byte(); len];
            number[len - 1] |= 1 + (dice.byte() & 0x80);
            number
        }
    }
}

/// The shortest push.
fn push(out: &mut Vec<u8>, bytes: &[u8]) {
    match *bytes {
        [] => return out.push(0),
        [small @ 1..=16] => return out.push(0x50 + small),
        [0x81] => return out.push(0x4f),
        _ => {}
    }
    match bytes.len() {
        len @ 0..=75 => out.push(len as u8),
        len @ 76..=255 => out.extend([0x4c, len as u8]),
        len => {
            out.push(0x4d);
            out.extend((len as u16).to_le_bytes());
        }
    }
    out.extend_from_slice(bytes);
}
