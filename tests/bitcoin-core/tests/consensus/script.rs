//! Scripts: some that ask for signatures, and some of anything.

use avm_atomicals::bitcoin::code::push_bytes;

use super::random::Random;
use super::sign;

/// A push of `bytes`.
pub fn push(bytes: &[u8]) -> Vec<u8> {
    let mut script = Vec::new();
    push_bytes(&mut script, bytes);
    script
}

/// A script that asks for signatures.
pub struct Asking {
    pub script: Vec<u8>,
    /// Numbers of the keys whose signatures it takes, the deepest first.
    pub signers: Vec<u8>,
    /// An element below the signatures is taken, too.
    pub extra: bool,
    /// Where what is signed begins before tapscript.
    pub code_from: usize,
    /// Number of the last separator that is executed.
    pub separator: u32,
}

impl Asking {
    fn new(parts: &[&[u8]], signers: &[u8]) -> Self {
        Self {
            script: parts.concat(),
            signers: signers.to_vec(),
            extra: false,
            code_from: 0,
            separator: u32::MAX,
        }
    }

    /// Before tapscript; `witness` for keys that are compressed most of the time.
    pub fn ecdsa(random: &mut Random, witness: bool) -> Self {
        let [a, b, c] = [0, 1, 2].map(|number| push(&sign::key(random, number, witness)));
        let multisig = |parts: &[&[u8]], signers: &[u8]| Self {
            extra: true,
            ..Self::new(parts, signers)
        };
        match random.below(5) {
            0 => Self::new(&[&a, &[0xac]], &[0]),
            // a separator that is executed, and one after the check
            1 => Self {
                code_from: 1,
                ..Self::new(&[&[0xab], &a, &[0xac, 0xab]], &[0])
            },
            // 1 IF NOP CODESEPARATOR ENDIF 0 IF CODESEPARATOR ENDIF
            2 => Self {
                code_from: 4,
                ..Self::new(&[BRANCHES, &a, &[0xac]], &[0])
            },
            3 => multisig(&[&[0x52], &a, &b, &c, &[0x53, 0xae]], &[0, 2]),
            _ => Self {
                code_from: 1,
                ..multisig(&[&[0xab, 0x51], &a, &b, &[0x52, 0xaf, 0x51]], &[1])
            },
        }
    }

    /// In tapscript.
    pub fn schnorr(random: &mut Random) -> Self {
        let key = push(&sign::x_only());
        match random.below(5) {
            0 => Self::new(&[&key, &[0xac]], &[0]),
            1 => Self {
                separator: 0,
                ..Self::new(&[&[0xab], &key, &[0xac]], &[0])
            },
            2 => Self {
                separator: 3,
                ..Self::new(&[BRANCHES, &key, &[0xac]], &[0])
            },
            // CHECKSIG, CHECKSIGADD, 2 NUMEQUAL
            3 => Self::new(&[&key, &[0xac], &key, &[0xba, 0x52, 0x9c]], &[0, 0]),
            // one signature checked again and again, until its weight is used up
            _ => {
                let again = [0x6e, 0xad].repeat(1 + random.below(4) as usize);
                Self::new(&[&key, &again, &[0xac]], &[0])
            }
        }
    }
}

const BRANCHES: &[u8] = &[0x51, 0x63, 0x61, 0xab, 0x68, 0x00, 0x63, 0xab, 0x68];

/// Operations of every kind, mostly small numbers and what works on them.
pub fn any(random: &mut Random) -> Vec<u8> {
    let parts = random.below(14);
    (0..parts).flat_map(|_| part(random)).collect()
}

fn part(random: &mut Random) -> Vec<u8> {
    match random.below(30) {
        0..=6 => vec![0x51 + random.below(3) as u8],
        7..=15 => vec![0x61 + random.below(0x59) as u8],
        16..=18 => vec![0xab + random.below(16) as u8],
        19 | 20 => {
            let len = random.below(6);
            push(&random.bytes(len))
        }
        21 => push(&sign::key(random, 0, true)),
        22 => push(&sign::x_only()),
        // DER of R = S = 1
        23 => push(&[0x30, 6, 2, 1, 1, 2, 1, 1, 1]),
        24 => vec![random.byte()],
        25 => vec![0],
        26 => vec![0x63, 0x51, 0x67, 0x00, 0x68],
        27 => vec![0x51, 0xb2, 0x75],
        _ => vec![0x76],
    }
}
