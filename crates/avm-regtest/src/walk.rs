//! Chains for tests: a random walk of payments, operations, blocks and reorgs, named by its seed.

use bitcoin::{OutPoint, Transaction};

use crate::cbor::{Map, Value};
use crate::{Chain, ChainError, Coin, DUST, Id, Key, Lots, Operation, Publish, Published};

/// Operations of every kind that [`Operation`] makes, with payloads from nothing to 12 kilobytes.
/// They ask for what need not be there: Bitcoin does not mind.
#[must_use]
pub fn operations(key: &Key) -> Vec<Operation> {
    let id: Id = [7; 36];
    let lots = Lots {
        amount: 1000,
        height: 1,
        max: 50,
    };
    let meta = Map::from([
        ("n".to_owned(), Value::Int(-5)),
        ("t".to_owned(), "text".into()),
    ]);
    vec![
        Operation::def("demo", &[0x51]),
        Operation::def("large", &[0x61; 521]),
        Operation::def("larger", &[0x61; 12_000]),
        Operation::new("demo", Some("counter"), &[]).auth(key),
        Operation::new("demo", None, &[1, 2]),
        Operation::call("counter", &[0x51, 0x52]),
        Operation::call(id, &[0x53; 600]).auth(key),
        Operation::nft(),
        Operation::nft()
            .arg("request_realm", "realm")
            .with("meta", meta),
        Operation::ft("fixed"),
        Operation::ft("worked")
            .arg("bitworkc", "a")
            .arg("bitworkr", "b.3"),
        Operation::dft("lots", lots).arg("mint_bitworkc", "0"),
        Operation::dmt("lots").arg("bitworkc", "0"),
        Operation::splat(),
        Operation::split(&[(id, 600)]),
        Operation::custom(&[(id, &[(0, 300), (1, 200)])]),
        Operation::named("mod").with("k", true),
        Operation::raw("nft", &[]),
        Operation::raw("evt", &[0xff; 40]),
    ]
}

/// A walk over a chain.
#[derive(Clone, Debug)]
pub struct Walk {
    /// The chain as the walk left it.
    pub chain: Chain,
    /// Who pays and publishes.
    pub keys: Vec<Key>,
    /// Reveals that were not submitted with their commits.
    held: Vec<Transaction>,
    random: u64,
}

impl Walk {
    /// A funded chain, where three keys have coins.
    ///
    /// # Panics
    /// If the miner of a funded chain cannot pay, which tests of this crate would notice.
    #[must_use]
    pub fn new(seed: u64) -> Self {
        let mut chain = Chain::funded();
        let keys: Vec<Key> = (0..3_u8).map(|n| Key::from_seed([b'w', n])).collect();
        for key in keys.iter().cycle().take(9) {
            chain
                .fund(key, 1_000_000)
                .expect("the miner has 550 bitcoin");
        }
        chain.mine();
        Self {
            chain,
            keys,
            held: vec![],
            random: seed,
        }
    }

    /// A number below a limit that is not zero (splitmix64).
    fn below(&mut self, limit: usize) -> usize {
        self.random = self.random.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.random;
        z = (z ^ z >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ z >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        z ^= z >> 31;
        usize::try_from(z % limit as u64).expect("below a usize")
    }

    fn key(&mut self) -> Key {
        let key = self.below(self.keys.len());
        self.keys[key]
    }

    /// A coin that may carry tokens, and who owns it.
    fn kept(&mut self) -> Option<(Coin, Key)> {
        let key = self.key();
        let coins = self.chain.coins(&key);
        let coins: Vec<Coin> = coins
            .filter(|coin| self.chain.is_kept(&coin.outpoint))
            .cloned()
            .collect();
        let coin = self.below(coins.len().max(1));
        Some((coins.get(coin)?.clone(), key))
    }

    /// One thing happens; says what.
    ///
    /// # Errors
    /// If the keys have spent what they had, or a reorg took what a held reveal spends.
    pub fn step(&mut self) -> Result<&'static str, ChainError> {
        let [key, other] = [self.key(), self.key()];
        match self.below(20) {
            0..3 => {
                let sats = 1000 + self.below(9000) as u64;
                self.chain.pay(&key, &other, sats)?;
                Ok("pay")
            }
            3..9 => {
                self.publish(&key, &other)?;
                Ok("publish")
            }
            9 => {
                let reveal = self.commit(&key)?.reveal;
                self.held.push(reveal);
                Ok("commit alone")
            }
            10 if !self.held.is_empty() => {
                let reveal = self.below(self.held.len());
                let reveal = self.held.swap_remove(reveal);
                self.chain.submit(reveal)?;
                Ok("reveal alone")
            }
            10..13 => {
                let Some((coin, owner)) = self.kept() else {
                    return Ok("nothing");
                };
                let sats = coin.sats() * self.below(3) as u64 / 2;
                let outputs = vec![other.output(sats.max(DUST)), key.output(DUST)];
                self.chain
                    .transfer(&key, &[(coin.outpoint, owner)], outputs)?;
                Ok("transfer")
            }
            13..17 => {
                self.chain.mine();
                Ok("mine")
            }
            17 => {
                self.chain.mine_empty(2);
                Ok("mine without")
            }
            18 => {
                let seconds = self.below(100_000);
                self.chain
                    .warp(u32::try_from(seconds).expect("below 100,000"));
                Ok("warp")
            }
            _ => {
                let depth = 1 + self.below(4);
                self.chain.reorg(u32::try_from(depth).expect("at most 4"))?;
                Ok("reorg")
            }
        }
    }

    fn operation(&mut self, key: &Key) -> Operation {
        let mut operations = operations(key);
        let operation = self.below(operations.len());
        operations.swap_remove(operation)
    }

    fn publish(&mut self, key: &Key, other: &Key) -> Result<Published, ChainError> {
        let operation = self.operation(key);
        let digest = |tx: &Transaction| -> [u8; 32] { *tx.compute_txid().as_ref() };
        let mut publish = Publish::new(key, operation);
        publish.fee_rate += self.below(3) as u64;
        for _ in 0..self.below(3) {
            let sats = DUST + self.below(2000) as u64;
            publish = publish.output(other.output(sats));
        }
        for _ in 0..self.below(3) {
            let spend = self.kept().map(|(coin, owner)| (coin.outpoint, owner));
            let is_new = |(outpoint, _): &(OutPoint, Key)| {
                !publish.spend.iter().any(|(other, _)| other == outpoint)
            };
            publish.spend.extend(spend.filter(is_new));
        }
        if self.below(3) == 0 {
            publish = publish.signed(key, &digest);
        }
        self.chain.publish(&publish)
    }

    fn commit(&mut self, key: &Key) -> Result<Published, ChainError> {
        let operation = self.operation(key);
        let published = Publish::new(key, operation).build(&self.chain)?;
        self.chain.submit(published.commit.clone())?;
        Ok(published)
    }
}
