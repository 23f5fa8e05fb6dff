//! What a witness must show: witness programs of version 0 and taproot. BIP141, BIP341.

use alloc::vec::Vec;

use bitcoin::hashes::{Hash as _, sha256};
use bitcoin::{VarInt, Witness};

use super::code::{self, Ops};
use super::eval;
use super::sighash::{self, TaprootPart};
use super::sigops::{Input, Scope};
use super::spending::{Ended, Spending, refuse};
use super::taproot::{self, ControlBlock};
use super::{At, BitcoinError, Failure, Flags, Phase, SigVersion};
use crate::script::item::Item;
use crate::script::stack::Stack;
use crate::script::text::Text;

/// What the weight for signature checks exceeds the size of the witness by. BIP342.
const WEIGHT_OFFSET: i64 = 50;
/// Program of the output that anyone may spend, for fees: `OP_1 <4e73>`.
const ANCHOR: &[u8] = &[0x4e, 0x73];

impl Spending {
    /// What a witness must show to a program: `true` if that is all, `false` if a script follows.
    pub(super) fn witness_program(
        &mut self,
        input: &mut Input<'_>,
        version: u8,
        program: &[u8],
        in_p2sh: bool,
    ) -> Result<bool, Ended> {
        let phase = Phase::WitnessProgram;
        let witness = &input.ready()?.tx.input[input.index].witness;
        let elements: Vec<&[u8]> = witness.iter().collect();
        match (version, program.len()) {
            (0, 32) => {
                let Some((script, elements)) = elements.split_last() else {
                    return refuse(phase, BitcoinError::WitnessProgramWitnessEmpty);
                };
                if sha256::Hash::hash(script).as_byte_array() != program {
                    return refuse(phase, BitcoinError::WitnessProgramMismatch);
                }
                let scope = Scope::new(SigVersion::WitnessV0, Text::from_slice(script));
                self.enter_witness(Phase::WitnessScript, elements, scope, input)
            }
            (0, 20) => {
                if elements.len() != 2 {
                    return refuse(phase, BitcoinError::WitnessProgramMismatch);
                }
                // OP_DUP OP_HASH160 <program> OP_EQUALVERIFY OP_CHECKSIG
                let script = [&[0x76, 0xa9, 20][..], program, &[0x88, 0xac]].concat();
                let scope = Scope::new(SigVersion::WitnessV0, Text::from_slice(&script));
                self.enter_witness(Phase::WitnessScript, &elements, scope, input)
            }
            (0, _) => refuse(phase, BitcoinError::WitnessProgramWrongLength),
            (1, 32) if !in_p2sh => {
                if !input.flags.has(Flags::TAPROOT) {
                    return Ok(true);
                }
                let program = program.try_into().expect("the length was matched");
                self.taproot(input, program, &elements, witness_bytes(witness))
            }
            _ if version == 1 && program == ANCHOR && !in_p2sh => Ok(true),
            _ if input
                .flags
                .has(Flags::DISCOURAGE_UPGRADABLE_WITNESS_PROGRAM) =>
            {
                refuse(phase, BitcoinError::DiscourageUpgradableWitnessProgram)
            }
            _ => Ok(true),
        }
    }

    /// A signature of the output key, or a script that it commits to. `witness_bytes` is the size
    /// of the whole witness as serialised. BIP341.
    fn taproot(
        &mut self,
        input: &mut Input<'_>,
        output_key: &[u8; 32],
        elements: &[&[u8]],
        witness_bytes: i64,
    ) -> Result<bool, Ended> {
        let phase = Phase::WitnessProgram;
        let (elements, annex) = match elements {
            [] => return refuse(phase, BitcoinError::WitnessProgramWitnessEmpty),
            [rest @ .., annex @ [taproot::ANNEX, ..]] if !rest.is_empty() => {
                (rest, Some(sighash::annex_digest(annex)))
            }
            all => (all, None),
        };
        let (elements, script, control) = match elements {
            [elements @ .., script, control] => (elements, *script, *control),
            only => {
                let part = TaprootPart { annex, leaf: None };
                let signature = only.first().copied().unwrap_or_default();
                return input
                    .check_schnorr(signature, output_key, &part)
                    .map(|()| true)
                    .map_err(|halt| Ended::in_phase(Phase::KeyPath, halt));
            }
        };
        let Some(block) = ControlBlock::new(control) else {
            return refuse(phase, BitcoinError::TaprootWrongControlSize);
        };
        let leaf = taproot::leaf_hash(block.leaf_version(), script);
        if !block.commits(output_key, &leaf) {
            return refuse(phase, BitcoinError::WitnessProgramMismatch);
        }
        if block.leaf_version() != taproot::TAPSCRIPT {
            if input
                .flags
                .has(Flags::DISCOURAGE_UPGRADABLE_TAPROOT_VERSION)
            {
                return refuse(phase, BitcoinError::DiscourageUpgradableTaprootVersion);
            }
            return Ok(true);
        }
        if succeeds(script, input.flags)? {
            return Ok(true);
        }
        let scope = Scope {
            taproot: TaprootPart {
                annex,
                leaf: Some((leaf, u32::MAX)),
            },
            weight_left: witness_bytes + WEIGHT_OFFSET,
            ..Scope::new(SigVersion::Tapscript, Text::from_slice(script))
        };
        if elements.len() > eval::MAX_STACK {
            return refuse(Phase::Tapscript, BitcoinError::StackSize);
        }
        self.enter_witness(Phase::Tapscript, elements, scope, input)
    }

    /// Goes to the beginning of a script of a witness.
    fn enter_witness(
        &mut self,
        phase: Phase,
        elements: &[&[u8]],
        scope: Scope,
        input: &Input<'_>,
    ) -> Result<bool, Ended> {
        if elements
            .iter()
            .any(|element| element.len() > eval::MAX_ELEMENT_BYTES)
        {
            return refuse(phase, BitcoinError::PushSize);
        }
        self.frame.main = Stack::default();
        for element in elements {
            self.frame.main.push(Item::new(element));
        }
        self.enter(phase, scope, input)
    }
}

/// Whether a tapscript has an OP_SUCCESS before anything that does not decode. BIP342.
fn succeeds(script: &[u8], flags: Flags) -> Result<bool, Ended> {
    let mut ops = Ops::new(script, 0);
    for op in 0.. {
        let byte = ops.at();
        let Some(read) = ops.next() else { break };
        let error = match read {
            Err(code::Truncated) => BitcoinError::BadOpcode,
            Ok(read) if !code::is_op_success(read.opcode) => continue,
            Ok(_) if flags.has(Flags::DISCOURAGE_OP_SUCCESS) => BitcoinError::DiscourageOpSuccess,
            Ok(_) => return Ok(true),
        };
        let opcode = script[byte];
        return Err(Ended::Refused(Failure {
            phase: Phase::Tapscript,
            at: Some(At { op, byte, opcode }),
            error,
        }));
    }
    Ok(false)
}

/// Size of a witness as serialised.
fn witness_bytes(witness: &Witness) -> i64 {
    let with_len = |len: usize| VarInt::from(len).size() + len;
    let bytes = VarInt::from(witness.len()).size()
        + witness
            .iter()
            .map(|element| with_len(element.len()))
            .sum::<usize>();
    i64::try_from(bytes).unwrap_or(i64::MAX - WEIGHT_OFFSET)
}
