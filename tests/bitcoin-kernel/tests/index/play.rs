//! Random walks of operations that mostly have effect, with reorgs: what to do next is asked of the
//! index itself.

use avm_atomicals::Rules;
use avm_atomicals::index::request::NameKind;
use avm_atomicals::index::rows::{ItemKind, Tokens};
use avm_regtest::bitcoin::hashes::Hash as _;
use avm_regtest::bitcoin::{OutPoint, Transaction, Txid};
use avm_regtest::{Chain, ChainError, DUST, Key, Lots, Operation, Publish};

use crate::judge::{Run, Tally};
use crate::vault::{self, COUNT, OWN, PAY_FT, PAY_NFT, TAKE_FT, TAKE_NFT, unlock};

/// Units that every lot has.
const LOT: u32 = 1_000;

struct Play {
    run: Run,
    chain: Chain,
    keys: [Key; 3],
    /// Reveals that were not submitted with their commits.
    held: Vec<Transaction>,
    names: u32,
    random: u64,
}

/// An output with tokens, and who owns it.
struct Held {
    outpoint: OutPoint,
    owner: Key,
    tokens: Tokens,
}

impl Play {
    fn new(rules: &'static Rules, seed: u64) -> Self {
        let mut chain = Chain::funded();
        let keys = ["a", "b", "c"].map(Key::from_seed);
        for key in keys.iter().cycle().take(9) {
            chain.fund(key, 1_000_000).expect("funded");
        }
        chain.mine();
        let mut run = Run::new(rules);
        run.follow(&mut chain);
        Self {
            run,
            chain,
            keys,
            held: vec![],
            names: 0,
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

    fn one<T>(&mut self, mut of: Vec<T>) -> Option<T> {
        let at = self.below(of.len().max(1));
        (at < of.len()).then(|| of.swap_remove(at))
    }

    fn key(&mut self) -> Key {
        let key = self.below(self.keys.len());
        self.keys[key]
    }

    fn name(&mut self) -> String {
        self.names += 1;
        // Some names are asked for twice.
        format!("n{}", self.names - u32::from(self.names.is_multiple_of(9)))
    }

    /// An output with tokens that has not been spent, if there is one.
    fn pick(&mut self, kind: Option<ItemKind>) -> Option<Held> {
        let mut all = vec![];
        for owner in self.keys {
            let script = vault::sha(owner.script().as_bytes());
            let machine = self.run.judge.machine();
            let holdings = machine.holdings(&script, None, 1_000).expect("in memory");
            all.extend(holdings.into_iter().map(|holding| Held {
                outpoint: OutPoint {
                    txid: Txid::from_slice(&holding.outpoint[..32]).expect("32 bytes"),
                    vout: u32::from_le_bytes(*holding.outpoint.last_chunk().expect("4 of 36")),
                },
                owner,
                tokens: holding.tokens,
            }));
        }
        all.retain(|held| {
            let tokens = &held.tokens.tokens;
            // The index may be on another branch than the chain.
            self.chain.coin(&held.outpoint).is_some()
                && kind.is_none_or(|kind| tokens.iter().any(|token| token.kind == kind))
        });
        self.one(all)
    }

    /// A call of some contract; `None` if there is none, or nothing to bring.
    fn call(&mut self, key: &Key) -> Result<(), ChainError> {
        let machine = self.run.judge.machine();
        let contracts = machine.contracts(None, 100).expect("in memory");
        let Some(id) = self.one(contracts) else {
            return Ok(());
        };
        let method = [COUNT, OWN, TAKE_FT, PAY_FT, TAKE_NFT, PAY_NFT][self.below(6)];
        let amount = 100 + self.below(900) as i64;
        let arguments = match method {
            PAY_FT => vec![amount, 1],
            PAY_NFT => vec![1],
            _ => vec![],
        };
        let unlock = unlock(method, &arguments);
        let view = self.run.judge.machine().contract(&id).expect("in memory");
        let (rules, chain) = (self.run.rules, view.expect("it is listed").chain);
        let by = |tx: &Transaction| vault::digest(rules, &id, chain, &unlock, tx);
        let mut publish = Publish::new(key, Operation::call(id, &unlock))
            .output(key.output(DUST))
            .output(self.key().output(1_000));
        let brings = match method {
            TAKE_FT => self.pick(Some(ItemKind::Ft)),
            TAKE_NFT => self.pick(Some(ItemKind::Nft)),
            _ => None,
        };
        if let Some(held) = brings {
            publish = publish.spend(held.outpoint, &held.owner);
        }
        if method == OWN {
            publish = publish.signed(key, &by);
        }
        self.chain.publish(&publish).map(drop)
    }

    /// Something that moves tokens, or says something about them.
    fn move_tokens(&mut self, key: &Key) -> Result<(), ChainError> {
        let (Some(held), other) = (self.pick(None), self.key()) else {
            return Ok(());
        };
        let token = held.tokens.tokens[0];
        let sats = held.tokens.sats;
        let half = sats / 2;
        let colours: [(u32, u64); 2] = [(0, half), (1, token.amount.saturating_sub(half))];
        let operation = match self.below(8) {
            0 => Operation::splat(),
            1 => Operation::split(&[(token.id, DUST)]),
            2 | 3 => Operation::custom(&[(token.id, &colours)]),
            4 => Operation::named("mod").with("k", "v"),
            5 => Operation::named("evt").with("k", "v"),
            6 => Operation::named("sl"),
            _ => {
                let outputs = vec![other.output(half.max(DUST)), key.output(DUST)];
                let spend = [(held.outpoint, held.owner)];
                return self.chain.transfer(key, &spend, outputs).map(drop);
            }
        };
        let mut publish = Publish::new(key, operation)
            .output(key.output(half.max(DUST)))
            .output(other.output(sats.max(DUST)));
        publish = publish.spend(held.outpoint, &held.owner);
        let second = self.pick(None);
        if let Some(second) = second.filter(|second| second.outpoint != held.outpoint) {
            publish = publish.spend(second.outpoint, &second.owner);
        }
        self.chain.publish(&publish).map(drop)
    }

    /// Something that makes something.
    fn mint(&mut self, key: &Key) -> Result<(), ChainError> {
        let name = self.name();
        let sats = [DUST, 2_000, 5_000][self.below(3)];
        let work = [("bitworkc", "1"), ("bitworkr", "2.7"), ("k", "v")][self.below(3)];
        let names = |play: &mut Self, kind| {
            let names = play.run.judge.machine().names(kind, None, 100);
            names.expect("in memory")
        };
        let (operation, sats) = match self.below(9) {
            0 => (Operation::def(&name, &vault::code()), sats),
            1 | 2 => {
                let protocols = names(self, NameKind::Protocol);
                let protocol = self.one(protocols);
                let protocol = protocol.map_or(name.clone(), |(protocol, _)| protocol);
                let contract = Some(&*name).filter(|_| self.below(2) == 0);
                (Operation::new(&protocol, contract, &[0]), sats)
            }
            3 => (Operation::nft().arg("request_realm", name), sats),
            4 => (Operation::ft(&name), sats),
            5 => {
                let lots = Lots {
                    amount: LOT,
                    height: 115,
                    max: 3,
                };
                (Operation::dft(&name, lots), sats)
            }
            6 | 7 => {
                let tickers = names(self, NameKind::Ticker);
                let ticker = self.one(tickers).map_or(name, |(ticker, _)| ticker);
                (Operation::dmt(&ticker), LOT.into())
            }
            _ => (Operation::raw("dat", &[0xa1, 0x61, 0x6b, 0x01]), sats),
        };
        let operation = operation.arg(work.0, work.1);
        let publish = Publish::new(key, operation).output(key.output(sats));
        if self.below(4) == 0 {
            let published = publish.build(&self.chain)?;
            self.chain.submit(published.commit)?;
            self.held.push(published.reveal);
            return Ok(());
        }
        self.chain.publish(&publish).map(drop)
    }

    /// One thing happens.
    fn step(&mut self) -> Result<(), ChainError> {
        let [key, other] = [self.key(), self.key()];
        match self.below(24) {
            0..5 => self.mint(&key)?,
            5..9 => self.call(&key)?,
            9..14 => self.move_tokens(&key)?,
            14 => drop(self.chain.pay(&key, &other, 2_000)?),
            15 | 16 => {
                let held = std::mem::take(&mut self.held);
                for reveal in held {
                    // A reorg may have taken its commit.
                    drop(self.chain.submit(reveal));
                }
            }
            17..22 => drop(self.chain.mine().block_hash()),
            22 => self.chain.mine_empty(2),
            _ => {
                let depth = 1 + self.below(4);
                let depth = u32::try_from(depth).expect("at most 4");
                drop(self.chain.reorg(depth)?);
            }
        }
        self.run.follow(&mut self.chain);
        Ok(())
    }
}

fn walks(rules: &'static Rules) {
    let (mut tally, mut disconnected, mut calls) = (Tally::default(), 0, 0);
    for seed in 0..8 {
        let mut play = Play::new(rules, seed);
        for _ in 0..250 {
            // A step may find no funds.
            drop(play.step());
        }
        // Until it has more work than all that was.
        play.chain.mine();
        play.chain.mine_empty(8);
        play.run.follow(&mut play.chain);
        assert_eq!(play.run.kernel.tip().1, play.chain.tip_hash());
        play.run.replay();
        disconnected += play.run.judge.disconnected;
        tally.add(&play.run.judge.operations());
        let machine = play.run.judge.machine();
        for id in machine.contracts(None, 100).expect("in memory") {
            let view = machine.contract(&id).expect("in memory");
            calls += view.expect("it is listed").row.calls;
        }
    }
    assert!(disconnected >= 20, "{disconnected}");
    assert!(calls >= 40, "{calls} {tally:?}");
    tally.assert_each(4);
}

#[test]
fn walks_under_avm1() {
    walks(&Rules::AVM1);
}

#[test]
fn walks_under_beta1() {
    walks(&Rules::BETA1);
}
