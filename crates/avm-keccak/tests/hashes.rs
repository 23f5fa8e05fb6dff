//! Known hashes, and every public function against an independent implementation.

use avm_keccak::{Keccak256, keccak_f1600, keccak256, keccak256_batch, keccak256_fixed};

fn hex(digest: [u8; 32]) -> String {
    digest.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn peer(message: &[u8]) -> [u8; 32] {
    use tiny_keccak::Hasher;
    let mut hasher = tiny_keccak::Keccak::v256();
    let mut digest = [0; 32];
    hasher.update(message);
    hasher.finalize(&mut digest);
    digest
}

/// Bytes without pattern, the same in every run.
fn noise(len: usize) -> Vec<u8> {
    let mut x = 0x9e37_79b9_7f4a_7c15_u64;
    let next = || {
        x ^= x << 13;
        x ^= x >> 7;
        x ^= x << 17;
        x.to_be_bytes()[0]
    };
    std::iter::repeat_with(next).take(len).collect()
}

#[test]
fn known() {
    let mut ten = [0; 32];
    ten[31] = 10;
    let cases: [(&str, &[u8], &str); 3] = [
        (
            "empty",
            b"",
            "c5d2460186f7233c927e7db2dcc703c0e500b653ca82273b7bfad8045d85a470",
        ),
        (
            "ten",
            &ten,
            "c65a7bb8d6351c1cf70c95a316cc6a92839c986682d98bc35f958f4883f9d2a8",
        ),
        (
            "zero word",
            &[0; 32],
            "290decd9548b62a8d60345a988386fc84ba6bc95484008f6362f93160ef3e563",
        ),
    ];
    for (name, message, want) in cases {
        assert_eq!(hex(keccak256(message)), want, "{name}");
    }
}

#[test]
fn every_length() {
    let bytes = noise(1000);
    for len in (0..=600).chain([679, 680, 681, 1000]) {
        assert_eq!(keccak256(&bytes[..len]), peer(&bytes[..len]), "{len} bytes");
    }
}

#[test]
fn fixed_lengths() {
    fn check<const N: usize>() {
        let message = noise(N).try_into().expect("N bytes");
        assert_eq!(keccak256_fixed::<N>(&message), peer(&message), "{N} bytes");
    }
    check::<0>();
    check::<1>();
    check::<7>();
    check::<8>();
    check::<32>();
    check::<34>();
    check::<64>();
    check::<65>();
    check::<66>();
    check::<127>();
    check::<128>();
    check::<134>();
    check::<135>();
    check::<136>();
    check::<137>();
    check::<271>();
    check::<272>();
    check::<600>();
}

#[test]
fn batches() {
    let bytes = noise(20 * 410);
    for len in [
        0, 1, 7, 8, 9, 32, 64, 65, 127, 128, 135, 136, 137, 200, 271, 272, 273, 410,
    ] {
        for count in 0..=20 {
            let messages = &bytes[..len * count];
            let mut digests = vec![[0; 32]; count];
            keccak256_batch(len, messages, &mut digests);
            for (i, digest) in digests.iter().enumerate() {
                assert_eq!(
                    *digest,
                    peer(&messages[i * len..][..len]),
                    "{i} of {count}, {len} bytes"
                );
            }
        }
    }
}

#[test]
fn batch_of_every_length() {
    let bytes = noise(8 * 420);
    for len in 0..=420 {
        let mut digests = [[0; 32]; 8];
        keccak256_batch(len, &bytes[..8 * len], &mut digests);
        for (i, digest) in digests.iter().enumerate() {
            assert_eq!(*digest, peer(&bytes[i * len..][..len]), "{i}, {len} bytes");
        }
    }
}

#[test]
#[should_panic(expected = "2 messages of 3 bytes do not lie in 7 bytes")]
fn batch_of_wrong_length() {
    keccak256_batch(3, &[0; 7], &mut [[0; 32]; 2]);
}

#[test]
#[should_panic(expected = "do not lie in 0 bytes")]
fn batch_of_overflowing_length() {
    keccak256_batch(usize::MAX / 2 + 1, &[], &mut [[0; 32]; 2]);
}

#[test]
fn parts() {
    let message = noise(500);
    for part_len in [1, 3, 8, 67, 68, 135, 136, 137, 271, 272, 273, 499, 500] {
        let mut hasher = Keccak256::new();
        for part in message.chunks(part_len) {
            hasher.update(part);
            hasher.update(b"");
        }
        assert_eq!(
            hasher.finalize(),
            peer(&message),
            "parts of {part_len} bytes"
        );
    }
    assert_eq!(Keccak256::default().finalize(), peer(b""));
}

#[test]
fn permutation() {
    let mut state = core::array::from_fn(|i| (i as u64).wrapping_mul(0x9e37_79b9_7f4a_7c15));
    let mut want = state;
    for _ in 0..10 {
        keccak_f1600(&mut state);
        tiny_keccak::keccakf(&mut want);
        assert_eq!(state, want);
    }
}
