//! Random tests that say how to repeat them.

use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};

/// The environment variable that replays one seed, for example `AVM_SEED=17 cargo test name`.
pub const VARIABLE: &str = "AVM_SEED";

/// Numbers that follow from a seed: splitmix64. For tests only.
#[derive(Clone, Debug)]
pub struct Rng(u64);

impl Rng {
    /// The numbers of `seed`.
    #[must_use]
    pub const fn new(seed: u64) -> Self {
        Self(seed)
    }

    /// Any number.
    pub fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `end`, which is not 0; even enough for small ends.
    pub fn below(&mut self, end: u64) -> u64 {
        self.number() % end
    }

    /// One of `items`, which is not empty.
    pub fn pick<'a, T>(&mut self, items: &'a [T]) -> &'a T {
        &items[self.below(items.len() as u64) as usize]
    }

    /// `len` bytes.
    pub fn bytes(&mut self, len: usize) -> Vec<u8> {
        (0..len).map(|_| self.number() as u8).collect()
    }
}

/// Runs `body` with the seeds `0 .. count`, or only with the one in [`VARIABLE`] if it is set. A
/// seed with which it panics is printed, with the way to replay it.
///
/// # Panics
/// With what `body` panics, or if the variable is set and is not a number.
pub fn each(count: u64, body: impl FnMut(&mut Rng)) {
    let replay = std::env::var(VARIABLE).ok().map(|text| {
        let seed = text.parse();
        seed.unwrap_or_else(|_| panic!("{VARIABLE} is {text:?}, not a number"))
    });
    let seeds = match replay {
        Some(seed) => seed..=seed,
        None if count == 0 => return,
        None => 0..=count - 1,
    };
    run(seeds, body, |message| eprintln!("{message}"));
}

fn run(
    seeds: impl IntoIterator<Item = u64>,
    mut body: impl FnMut(&mut Rng),
    mut print: impl FnMut(String),
) {
    for seed in seeds {
        let mut rng = Rng::new(seed);
        if let Err(panic) = catch_unwind(AssertUnwindSafe(|| body(&mut rng))) {
            let thread = std::thread::current();
            let test = thread.name().unwrap_or("<test>");
            print(format!(
                "failed with seed {seed}; replay: {VARIABLE}={seed} cargo test {test}"
            ));
            resume_unwind(panic);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_those_of_splitmix64() {
        let mut rng = Rng::new(1_234_567);
        let want = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973];
        assert_eq!([rng.number(), rng.number()], want);
        assert_eq!(Rng::new(1).bytes(8), Rng::new(1).bytes(8));
        assert!((0..100).all(|_| rng.below(3) < 3));
    }

    #[test]
    fn a_failing_seed_is_printed() {
        let mut printed = Vec::new();
        let mut seen = Vec::new();
        let body = |rng: &mut Rng| {
            seen.push(rng.0);
            assert!(rng.0 < 2, "on purpose");
        };
        let failed = catch_unwind(AssertUnwindSafe(|| {
            run(0..5, body, |message| printed.push(message));
        }));
        assert!(failed.is_err());
        assert_eq!(seen, [0, 1, 2]);
        let want = "failed with seed 2; replay: AVM_SEED=2 cargo test seed::tests::";
        assert!(printed[0].starts_with(want), "{printed:?}");
    }
}
