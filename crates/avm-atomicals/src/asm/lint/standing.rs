//! What becomes of an opcode under each set of rules, and what it does to the stacks.

use crate::asm::Rules;
use crate::asm::code::{Constant, Instruction};
use crate::script::ops::DECODE;

/// Whether an opcode can be used at all.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Standing {
    /// It does something.
    Works,
    /// It fails when executed.
    Reserved,
    /// It fails even when not executed.
    Disabled,
}

/// Standing of an opcode. For Bitcoin these are the rules of scripts before taproot.
pub(super) fn standing(rules: Rules, opcode: u8) -> Standing {
    let disabled = match opcode {
        0x65 | 0x66 | 0x8d | 0x8e => true,
        0x7e..=0x81 | 0x83..=0x86 | 0x95..=0x99 => rules == Rules::Bitcoin,
        _ => false,
    };
    let reserved = match opcode {
        0x50 | 0x62 | 0x89 | 0x8a => true,
        0xab..=0xaf | 0xcc => rules != Rules::Bitcoin || opcode == 0xcc,
        0xba.. if rules == Rules::Bitcoin => true,
        0x01..=0x4b => false,
        _ => DECODE[usize::from(opcode)].is_none(),
    };
    match (disabled, reserved) {
        (true, _) => Standing::Disabled,
        (_, true) => Standing::Reserved,
        _ => Standing::Works,
    }
}

/// What an instruction does to the number of elements on the stacks.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Effect {
    /// Elements that must be there.
    pub(super) needs: i64,
    /// Least and most elements more than before; `None` if nothing is known.
    pub(super) net: Option<(i64, i64)>,
    /// The same of the alt stack.
    pub(super) alt_needs: i64,
    pub(super) alt_net: i64,
}

/// Effect of an instruction that works. `below` is what is on top of the stack, if that is known.
pub(super) fn effect(rules: Rules, instruction: &Instruction, below: Option<Constant>) -> Effect {
    let plain = |needs: i64, net: i64| Effect {
        needs,
        net: Some((net, net)),
        alt_needs: 0,
        alt_net: 0,
    };
    // Elements that PICK and ROLL want below their operand; one if that is not known.
    let reach = || {
        let k = below.and_then(Constant::number);
        k.filter(|k| (0..=i64::from(i32::MAX)).contains(k))
            .unwrap_or(0)
            + 2
    };
    match (instruction.opcode, rules) {
        (0x01..=0x4b, _) => plain(0, 1),
        (0x73, _) => Effect {
            net: Some((0, 1)),
            ..plain(1, 0)
        },
        (0x79, _) => plain(reach(), 0),
        (0x7a, _) => plain(reach(), -1),
        (0xab, Rules::Bitcoin) => plain(0, 0),
        (0xac, Rules::Bitcoin) => plain(2, -1),
        (0xad, Rules::Bitcoin) => plain(2, -2),
        (0xae | 0xaf, Rules::Bitcoin) => Effect {
            net: None,
            ..plain(3, 0)
        },
        (0xb2, Rules::Bitcoin) => plain(1, 0),
        (opcode, _) => DECODE[usize::from(opcode)].map_or(plain(0, 0), |op| {
            let count = |list: &[avm_isa::Look]| i64::try_from(list.len()).unwrap_or(i64::MAX);
            let (pops, alt_pops) = (count(op.pops), count(op.aux_pops));
            Effect {
                alt_needs: alt_pops,
                alt_net: i64::from(op.aux_pushes) - alt_pops,
                ..plain(pops, i64::from(op.pushes) - pops)
            }
        }),
    }
}
