//! Proof files: what is written is read, and everything else is refused with a reason.

use avm_core::{Bytes, Claim, Hash};
use avm_merkle::LogHead;
use avm_prove::{
    FileError, KeyProof, LogItem, MAGIC, MAX_FILE_BYTES, Proof, ProofFile, RunProof, Until,
    VERSION, Witness,
};
use proptest::collection::vec;
use proptest::option;
use proptest::prelude::*;

/// Length of the checksum at the end.
const SUM: usize = 8;
/// Bytes before the machine id.
const HEAD: usize = 13;

fn hash() -> impl Strategy<Value = Hash> {
    any::<[u8; 32]>().prop_map(Hash)
}

fn bytes() -> impl Strategy<Value = Bytes> {
    vec(any::<u8>(), 0..80).prop_map(Bytes::from)
}

fn claim() -> impl Strategy<Value = Claim> {
    let counts = any::<[u64; 3]>();
    (counts, hash(), hash(), hash()).prop_map(|([steps, inputs, outputs], state, inbox, outbox)| {
        Claim {
            steps,
            state,
            inputs,
            inbox,
            outputs,
            outbox,
        }
    })
}

fn witness() -> impl Strategy<Value = Witness> {
    let item = (bytes(), vec(hash(), 0..=64)).prop_map(|(bytes, path)| LogItem { bytes, path });
    let parts = (vec(bytes(), 0..6), vec(item, 0..3));
    parts.prop_map(|(nodes, inputs)| Witness { nodes, inputs })
}

fn proof() -> impl Strategy<Value = Proof> {
    let until = prop_oneof![any::<u64>().prop_map(Until::Steps), Just(Until::Input)];
    let log = (any::<u64>(), hash()).prop_map(|(len, root)| LogHead { len, root });
    let run = (log, claim(), until, claim(), witness());
    let run = run.prop_map(|(log, pre, until, post, witness)| {
        Proof::Run(Box::new(RunProof {
            log,
            pre,
            until,
            post,
            witness,
        }))
    });
    let value = option::of(vec(any::<u8>(), 0..60));
    let key = (hash(), "\\PC{0,40}", value, vec(bytes(), 0..6));
    let key = key.prop_map(|(state, key, value, nodes)| {
        Proof::Key(KeyProof {
            state,
            key,
            value,
            nodes,
        })
    });
    prop_oneof![run, key]
}

fn file() -> impl Strategy<Value = ProofFile> {
    let ids = ("[a-z]{0,12}", "\\PC{0,20}");
    (ids, proof()).prop_map(|((machine, spec), proof)| ProofFile {
        machine,
        spec,
        proof,
    })
}

/// The file with the checksum of what it now is.
fn summed(mut file: Vec<u8>) -> Vec<u8> {
    let body = file.len() - SUM;
    let sum = Hash::keccak(&file[..body]);
    file[body..].copy_from_slice(&sum.0[..SUM]);
    file
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(400))]

    #[test]
    fn what_is_written_is_read(file in file()) {
        let bytes = file.to_bytes();
        prop_assert_eq!(ProofFile::from_bytes(&bytes), Ok(file));
    }

    #[test]
    fn a_witness_alone(witness in witness()) {
        let bytes = witness.to_bytes();
        prop_assert_eq!(bytes.len(), witness.len_bytes());
        prop_assert_eq!(Witness::from_bytes(&bytes), Ok(witness));
        for len in 0..bytes.len() {
            let cut = Witness::from_bytes(&bytes[..len]);
            prop_assert!(matches!(cut, Err(FileError::Short { .. })), "{:?}", cut);
        }
    }

    /// What is read is what would be written: no two files say the same.
    #[test]
    fn one_form(file in file(), at in any::<prop::sample::Index>(), byte in any::<u8>()) {
        let mut bytes = file.to_bytes();
        let at = at.index(bytes.len());
        bytes[at] = byte;
        let bytes = summed(bytes);
        if let Ok(read) = ProofFile::from_bytes(&bytes) {
            prop_assert_eq!(read.to_bytes(), bytes);
        }
    }

    #[test]
    fn any_bytes(bytes in vec(any::<u8>(), 0..200)) {
        prop_assert_eq!(ProofFile::from_bytes(&bytes), Err(FileError::Magic));
        if let Ok(witness) = Witness::from_bytes(&bytes) {
            prop_assert_eq!(witness.to_bytes(), bytes);
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(40))]

    /// A file that is cut off is damaged; with a checksum that fits, it is too short.
    #[test]
    fn every_length(file in file()) {
        let bytes = file.to_bytes();
        for len in 0..bytes.len() {
            let cut = &bytes[..len];
            match ProofFile::from_bytes(cut) {
                Err(FileError::Magic) => prop_assert!(len < MAGIC.len()),
                Err(FileError::Short { what: "the version", .. }) => prop_assert!((8..12).contains(&len)),
                Err(FileError::Checksum) => prop_assert!(len >= 12),
                other => prop_assert!(false, "{}: {:?}", len, other),
            }
            if len >= 12 + SUM {
                let read = ProofFile::from_bytes(&summed(cut.to_vec()));
                prop_assert!(matches!(read, Err(FileError::Short { .. })), "{}: {:?}", len, read);
            }
        }
    }
}

/// A small file of each kind.
fn files() -> [ProofFile; 2] {
    let claim = Claim::genesis(Hash([7; 32]));
    let run = RunProof {
        log: LogHead::EMPTY,
        pre: claim,
        until: Until::Input,
        post: claim,
        witness: Witness {
            nodes: vec![Bytes::from(&b"node"[..])],
            inputs: vec![LogItem {
                bytes: Bytes::from(&b"input"[..]),
                path: vec![Hash([9; 32])],
            }],
        },
    };
    let key = KeyProof {
        state: Hash([7; 32]),
        key: "key".into(),
        value: None,
        nodes: vec![],
    };
    [Proof::Run(Box::new(run)), Proof::Key(key)].map(|proof| ProofFile {
        machine: "m".into(),
        spec: "m/1".into(),
        proof,
    })
}

/// The error of a file in which `bytes` were put at `at`.
fn error(file: &ProofFile, at: usize, bytes: &[u8]) -> FileError {
    let mut changed = file.to_bytes();
    changed[at..at + bytes.len()].copy_from_slice(bytes);
    ProofFile::from_bytes(&summed(changed)).expect_err("a bad file")
}

/// The layout that the module describes, counted by hand.
#[test]
fn refusals() {
    let [run, key] = files();
    let ids = 1 + 1 + 1 + 3;
    let (run_at, key_at) = (HEAD + ids, HEAD + ids);
    let until = run_at + 40 + 120 + 120;
    let nodes = until + 9;
    let inputs = nodes + 4 + 4 + 4;
    let path = inputs + 4 + 4 + 5;
    let value = key_at + 32 + 2 + 3;

    let tag = |what, at, got, want| FileError::Tag {
        what,
        at,
        got,
        want,
    };
    let text = |what, at| FileError::Text { what, at };
    let cases = [
        (
            "kind",
            error(&run, 12, &[3]),
            tag("the kind of proof", 12, 3, "1 or 2"),
        ),
        (
            "kind 0",
            error(&run, 12, &[0]),
            tag("the kind of proof", 12, 0, "1 or 2"),
        ),
        (
            "machine",
            error(&run, 14, &[0xff]),
            text("the machine id", 13),
        ),
        ("spec", error(&run, 16, &[0xc0]), text("the spec id", 15)),
        (
            "until",
            error(&run, until, &[2]),
            tag("how far the run goes", until, 2, "0 or 1"),
        ),
        (
            "steps of an input",
            error(&run, until + 8, &[5]),
            tag(
                "the number of steps",
                until + 1,
                5,
                "0, as for all of one input",
            ),
        ),
        (
            "path",
            error(&run, path, &[65]),
            tag("the length of a path", path, 65, "at most 64"),
        ),
        (
            "key",
            error(&key, key_at + 34, &[0x80]),
            text("the key", key_at + 32),
        ),
        (
            "found",
            error(&key, value, &[2]),
            tag("whether there is a value", value, 2, "0 or 1"),
        ),
        (
            "no value of a length",
            error(&key, value + 4, &[4]),
            tag("the length of a value that is not there", value + 1, 4, "0"),
        ),
    ];
    for (name, got, want) in cases {
        assert_eq!(got, want, "{name}");
    }
}

#[test]
fn lengths_that_are_too_large() {
    let [run, key] = files();
    let nodes = HEAD + 6 + 40 + 120 + 120 + 9;
    let cases = [
        ("machine", error(&run, 13, &[255])),
        ("count of nodes", error(&run, nodes, &[255; 4])),
        ("a node", error(&run, nodes + 4, &[255; 4])),
        ("count of inputs", error(&run, nodes + 12, &[255; 4])),
        ("an input", error(&run, nodes + 16, &[0, 0, 1, 0])),
        ("a path", error(&run, nodes + 25, &[64])),
        ("key", error(&key, HEAD + 6 + 32, &[255; 2])),
        (
            "nodes of a key",
            error(&key, HEAD + 6 + 32 + 5 + 5, &[255; 4]),
        ),
    ];
    for (name, got) in cases {
        let short = matches!(got, FileError::Short { want, left, .. } if want > left as u64);
        assert!(short, "{name}: {got:?}");
    }
}

#[test]
fn not_a_file_of_ours() {
    let [run, _] = files();
    assert_eq!(ProofFile::from_bytes(b""), Err(FileError::Magic));
    assert_eq!(error(&run, 3, b"X"), FileError::Magic);
    assert_eq!(
        error(&run, 8, &2u32.to_be_bytes()),
        FileError::Version { got: 2 }
    );
    assert_eq!(error(&run, 8, &[0; 4]), FileError::Version { got: 0 });
    assert_eq!(VERSION, 1);

    let mut damaged = run.to_bytes();
    damaged[40] ^= 1;
    assert_eq!(ProofFile::from_bytes(&damaged), Err(FileError::Checksum));

    let mut longer = run.to_bytes();
    let end = longer.len() - SUM;
    longer.splice(end..end, [0; 3]);
    let trailing = FileError::Trailing { at: end, count: 3 };
    assert_eq!(ProofFile::from_bytes(&summed(longer)), Err(trailing));

    let huge = vec![0; MAX_FILE_BYTES + 1];
    let got = huge.len();
    assert_eq!(
        ProofFile::from_bytes(&huge),
        Err(FileError::TooLong { got })
    );
}

#[test]
fn errors_read_well() {
    let [run, _] = files();
    let texts = [
        (
            error(&run, 12, &[3]),
            "the kind of proof at byte 12 is 3, not 1 or 2",
        ),
        (
            error(&run, 308, &[255; 4]),
            "the list of nodes at byte 308 takes 17179869180 bytes, 54 are left",
        ),
        (
            error(&run, 8, &[0, 0, 0, 9]),
            "format version 9, this build reads 1",
        ),
    ];
    for (error, want) in texts {
        assert_eq!(error.to_string(), want);
    }
}
