//! Falsehoods that no recorded forgery shows, damage, and bytes that are no proof at all.

mod support;

use avm_arb_osp::verify::NESTING_LIMIT;
use avm_arb_osp::{Inboxes, Known, Mode, Outcome, Proof, Refusal, verify};
use avm_core::Hash;
use avm_testkit::seed;
use ruint::aliases::U256;
use support::Recorded;

/// The error code point, at which an error stops the machine. Spec: section 22.
const ERR: &str = "b4c00615f95dc249934075fcc669947596baf6e070ac80a59f79dae98aa932f0";

fn sound(proof: &Proof) -> Result<Outcome, Refusal> {
    verify(Mode::Sound, proof, &Known::default())
}

fn deployed(proof: &Proof) -> Result<Outcome, Refusal> {
    verify(Mode::Deployed, proof, &Known::default())
}

// ---- proofs by hand. Spec: sections 3a and 13.

fn int(value: u64) -> Vec<u8> {
    [&[0][..], &U256::from(value).to_be_bytes::<32>()].concat()
}

fn buffer(root: Hash) -> Vec<u8> {
    [&[0x0c][..], &root.0].concat()
}

/// A code point without an immediate.
fn code_point(opcode: u8) -> Vec<u8> {
    [&[1, 0, opcode][..], &[7; 32]].concat()
}

/// A code point with an immediate in full.
fn opened(opcode: u8, immediate: &[u8]) -> Vec<u8> {
    [&[1, 1, opcode][..], immediate, &[7; 32]].concat()
}

/// The same, its immediate given by hash.
fn closed(opcode: u8, immediate: Hash) -> Vec<u8> {
    [&[0x0d, opcode][..], &immediate.0, &[7; 32]].concat()
}

fn empty_stack() -> Vec<u8> {
    [&Hash::keccak(&[0]).0[..], &U256::ONE.to_be_bytes::<32>()].concat()
}

/// A proof of an operation without an immediate, on stacks that hold what is listed and no more.
fn proof(opcode: u8, data: &[Vec<u8>], aux: &[Vec<u8>]) -> Vec<u8> {
    let mut bytes = vec![opcode, data.len() as u8, aux.len() as u8];
    bytes.extend(data.iter().chain(aux).flatten());
    bytes.extend([9; 32]); // the next code point
    bytes.extend([empty_stack(), empty_stack()].concat());
    bytes.extend([int(0), int(0)].concat()); // register and static value
    bytes.extend(U256::from(1_000_000).to_be_bytes::<32>());
    bytes.extend(ERR.parse::<Hash>().unwrap().0);
    bytes.push(0);
    bytes
}

/// A buffer proof with two accesses, each a path and a normalisation.
fn buffer_proof(sections: [&[[u8; 32]]; 4]) -> Vec<u8> {
    let mut header = [0; 32];
    header[0] = 1;
    for (at, section) in sections.iter().enumerate() {
        header[at + 1] = header[at] + section.len() as u8;
    }
    let words = sections.concat();
    [&header[..], words.as_flattened()].concat()
}

fn word(value: u64) -> [u8; 32] {
    U256::from(value).to_be_bytes()
}

fn zero_root(depth: usize) -> Hash {
    (0..depth).fold(Hash::of(&[0; 32]), |zero, _| zero.join(zero))
}

// ---- falsehoods

/// A write to leaf 0 of a zero buffer with no path puts the word at leaf 1.
#[test]
fn writing_needs_a_path() {
    // setbuffer8: offset 0 on top, value 5, buffer
    let operands = [buffer(zero_root(0)), int(5), int(0)];
    let unused = [word(0); 3];
    let proof = |path: &[[u8; 32]]| Proof {
        proof: proof(0xa4, &operands, &[]),
        buffer: buffer_proof([path, &unused, &[], &[]]),
    };
    let (honest, forged) = (proof(&[word(0)]), proof(&[]));
    let truth = sound(&honest).expect("the path is right");
    assert_eq!(deployed(&honest), Ok(truth));

    let lie = deployed(&forged).expect("the contract needs no path");
    assert_eq!(lie.before, truth.before);
    assert_ne!(lie.after, truth.after);
    let root = zero_root(0);
    assert_eq!(sound(&forged), Err(Refusal::NoBufferPath { root }));
}

/// A normalisation that claims a depth above the tree's is not lifted, so that nothing shrinks.
#[test]
fn normalised_trees_are_not_deeper_than_the_tree() {
    // two leaves, the right one not zero; it is set to zero, and the left one remains
    let (left, right) = (Hash::of(&word(1)), Hash::of(&word(2)));
    let operands = [buffer(left.join(right)), int(0), int(63)];
    let proof = |normalisation: [[u8; 32]; 3]| Proof {
        proof: proof(0xa4, &operands, &[]),
        buffer: buffer_proof([&[word(2), left.0], &normalisation, &[], &[]]),
    };
    let honest = proof([word(0), left.0, word(0)]);
    let truth = sound(&honest).expect("the left leaf is the smaller tree");
    assert_eq!(deployed(&honest), Ok(truth));
    for depth in [1, 2, 3, 63] {
        let forged = proof([word(depth), left.0, zero_root(0).0]);
        let lie = deployed(&forged).expect("the contract compares with another zero subtree");
        assert_eq!(lie.before, truth.before);
        assert_ne!(lie.after, truth.after);
        let refusal = match depth {
            1 => Refusal::ZeroRightHalf { depth: 1 },
            depth => Refusal::BufferDepth {
                depth: U256::from(depth),
                limit: 1,
            },
        };
        assert_eq!(sound(&forged), Err(refusal));
    }
    for depth in [64, u64::MAX] {
        let forged = proof([word(depth), left.0, zero_root(0).0]);
        assert!(deployed(&forged).is_err());
        assert!(sound(&forged).is_err());
    }
}

/// Every place where `ecpairing` looks into a tuple, with that tuple withheld.
#[test]
fn pairing_lists_are_shown_to_the_end() {
    let point = [&[9][..], &[1_u64, 2, 0, 0, 0, 0].map(int).concat()].concat();
    let withheld = |value: &[u8], inner: Hash, size: u64| {
        assert!(!value.is_empty());
        [&[2][..], &inner.0, &word(size)].concat()
    };
    let inner_of_nothing = Hash::keccak(&[0]);
    let end = withheld(&[3], inner_of_nothing, 1);
    let honest = [&[5][..], &point, &[3]].concat();
    let open_end = [&[5][..], &point, &end].concat();
    let hashes: Vec<[u8; 32]> = [1_u64, 2, 0, 0, 0, 0]
        .map(|n| Hash::of(&word(n)).0)
        .to_vec();
    let inner_of_point = Hash::keccak(&[&[6][..], hashes.as_flattened()].concat());
    let hidden_point = withheld(&point, inner_of_point, 7);
    let hidden_point = [&[5][..], &hidden_point, &[3]].concat();
    let make = |list: &[u8]| Proof {
        proof: proof(0x83, &[list.to_vec()], &[]),
        buffer: Vec::new(),
    };
    let truth = sound(&make(&honest)).expect("the list is shown");
    assert_eq!(truth.gas, 501_000);
    for forged in [end, open_end, hidden_point] {
        let lie = deployed(&make(&forged)).expect("the contract takes it for an error");
        assert_eq!(lie.after.0[31], 1, "an error stop");
        let refusal = Refusal::WithheldTuple { opcode: 0x83 };
        assert_eq!(sound(&make(&forged)), Err(refusal));
    }
}

// ---- more than one spelling

#[test]
fn nothing_is_added_to_a_proof() {
    for step in support::honest_compact() {
        let mut longer = step.proof.clone();
        longer.proof.push(0);
        let found = step.verify(Mode::Sound, &longer);
        assert!(found.is_err(), "{}: {found:?}", step.name);
        let mut longer = step.proof.clone();
        longer.buffer.extend([0; 32]);
        let found = step.verify(Mode::Sound, &longer);
        assert!(found.is_err(), "{}: {found:?}", step.name);
    }
}

#[test]
fn code_point_flags_are_0_or_1() {
    let mut jump = proof(0x34, &[code_point(0x3b)], &[]);
    jump[4] = 2;
    let jump = Proof {
        proof: jump,
        buffer: Vec::new(),
    };
    assert!(deployed(&jump).is_ok());
    assert_eq!(sound(&jump), Err(Refusal::CodePointFlag { at: 4, flag: 2 }));
}

// ---- nesting

fn jump_to(target: Vec<u8>) -> Proof {
    Proof {
        proof: proof(0x34, &[target], &[]),
        buffer: Vec::new(),
    }
}

#[test]
fn withheld_immediates_prove_the_same_step() {
    let opened = jump_to(opened(0x3b, &int(5)));
    let closed = jump_to(closed(0x3b, Hash::of(&word(5))));
    let outcome = sound(&opened).expect("a jump");
    assert_eq!(sound(&closed), Ok(outcome));
    assert_eq!(deployed(&opened), Ok(outcome));
    assert_eq!(
        deployed(&closed),
        Err(Refusal::TypeCode { at: 3, code: 0x0d })
    );
}

#[test]
fn nesting_ends() {
    let chain = |levels: usize| (1..levels).fold(code_point(0), |inner, _| opened(0x3b, &inner));
    let list = |levels: usize| (1..levels).fold(vec![3], |inner, _| [&[4][..], &inner].concat());
    for mode in [Mode::Sound, Mode::Deployed] {
        for nested in [chain, list] {
            let verdict = |levels| verify(mode, &jump_to(nested(levels)), &Known::default());
            assert!(verdict(NESTING_LIMIT).is_ok(), "{mode:?}");
            for levels in [NESTING_LIMIT + 1, 3000] {
                assert!(
                    matches!(verdict(levels), Err(Refusal::Nesting { .. })),
                    "{mode:?} {levels}"
                );
            }
        }
    }
}

// ---- damage

/// What a damaged proof may still prove: the same step, or a step of another machine.
fn no_falsehood(step: &Recorded, damaged: &Proof, what: &str) {
    let Ok(found) = step.verify(Mode::Sound, damaged) else {
        return;
    };
    if found.before == step.want.before {
        assert_eq!(found, step.want, "{} {what}", step.name);
    }
}

/// The smallest proofs of each opcode.
fn sample() -> Vec<Recorded> {
    let mut steps = support::honest_compact();
    steps.sort_by_key(|step| (step.opcode(), step.proof.proof.len()));
    let mut sample: Vec<Recorded> = Vec::new();
    for step in steps {
        let opcode = step.opcode();
        let slow = (0x80..=0x83).contains(&opcode);
        let most = if slow { 1 } else { 3 };
        let taken = sample.iter().rev().take_while(|s| s.opcode() == opcode);
        if taken.count() < most {
            sample.push(step);
        }
    }
    sample
}

#[test]
fn a_flipped_byte_proves_nothing_else() {
    for step in sample() {
        for at in 0..step.proof.proof.len() {
            for mask in [0x01, 0xff] {
                let mut damaged = step.proof.clone();
                damaged.proof[at] ^= mask;
                no_falsehood(&step, &damaged, &format!("byte {at} ^ {mask:#x}"));
            }
        }
        for at in 0..step.proof.buffer.len() {
            for mask in [0x01, 0xff] {
                let mut damaged = step.proof.clone();
                damaged.buffer[at] ^= mask;
                no_falsehood(&step, &damaged, &format!("buffer byte {at} ^ {mask:#x}"));
            }
        }
    }
}

#[test]
fn a_cut_proof_proves_nothing_else() {
    for step in sample() {
        for length in 0..step.proof.proof.len() {
            let mut damaged = step.proof.clone();
            damaged.proof.truncate(length);
            no_falsehood(&step, &damaged, &format!("cut to {length}"));
        }
        for length in 0..step.proof.buffer.len() {
            let mut damaged = step.proof.clone();
            damaged.buffer.truncate(length);
            no_falsehood(&step, &damaged, &format!("buffer cut to {length}"));
        }
    }
}

#[test]
fn another_inbox_proves_nothing() {
    for mut step in support::honest_compact() {
        if step.opcode() != 0x72 || step.want.messages_read == step.messages_read {
            continue;
        }
        for accumulator in [&mut step.inboxes.sequencer, &mut step.inboxes.delayed] {
            accumulator.iter_mut().for_each(|hash| hash.0[0] ^= 1);
        }
        assert!(step.verify(Mode::Sound, &step.proof).is_err());
        step.inboxes = Inboxes::default();
        assert!(step.verify(Mode::Sound, &step.proof).is_err());
    }
}

#[test]
fn edited_proofs_prove_nothing_else() {
    let steps = support::honest_compact();
    seed::each(4000, |rng| {
        let step = rng.pick(&steps);
        let mut damaged = step.proof.clone();
        let in_buffer = !damaged.buffer.is_empty() && rng.below(2) == 0;
        let bytes = match in_buffer {
            true => &mut damaged.buffer,
            false => &mut damaged.proof,
        };
        for _ in 0..=rng.below(3) {
            let at = rng.below(bytes.len() as u64) as usize;
            // small numbers are type codes, counts and flags
            let most = if rng.below(2) == 0 { 14 } else { 256 };
            bytes[at] = rng.below(most) as u8;
        }
        no_falsehood(step, &damaged, "edited");
        let _ = step.verify(Mode::Deployed, &damaged);
    });
}

#[test]
fn arbitrary_bytes_do_not_panic() {
    seed::each(20_000, |rng| {
        let most = if rng.below(2) == 0 { 14 } else { 256 };
        let mut bytes = |longest| {
            let length = rng.below(longest);
            (0..length).map(|_| rng.below(most) as u8).collect()
        };
        let proof = Proof {
            proof: bytes(700),
            buffer: bytes(400),
        };
        let _ = (sound(&proof), deployed(&proof));
    });
}
