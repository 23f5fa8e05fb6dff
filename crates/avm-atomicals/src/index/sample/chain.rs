//! Random chains: operations that are granted and that are not, over few names and few coins, so
//! that they meet.

use alloc::string::ToString;
use alloc::vec;
use alloc::vec::Vec;

use super::super::AtomicalId;
use super::super::envelope::text_id;
use super::super::rows::Outpoint;
use super::{Given, Method, Tx, bank, block, cbor, push, unlock};
use crate::sample::{Dice, script};

/// Satoshis of each output of a coinbase.
const REWARD: u64 = 1_000_000;
/// Coins and ids that are kept in mind.
const KEPT: usize = 24;
const PROTOCOLS: [&str; 3] = ["bank", "b2", "any"];
const CONTRACTS: [&str; 2] = ["vault", "v2"];
const TICKERS: [&str; 4] = ["gold", "lots", "t1", "t2"];
const LOT: u64 = 546;

/// A chain that grows by blocks that bytes decide. A clone is a fork.
#[derive(Clone, Debug)]
pub struct Chain {
    /// Name of the last block.
    pub tip: [u8; 32],
    /// Its height.
    pub height: u32,
    /// Goes into coinbases: forks with different numbers have different blocks.
    pub branch: u32,
    /// Outputs without tokens.
    plain: Vec<Outpoint>,
    /// Outputs that may have some, and their satoshis.
    coins: Vec<(Outpoint, u64)>,
    spent: Vec<Outpoint>,
    ids: Vec<AtomicalId>,
}

impl Chain {
    /// A chain with two protocols, two contracts, some tokens, and some of them in a contract; and
    /// its blocks, the first of height 1.
    #[must_use]
    pub fn new() -> (Self, Vec<Vec<u8>>) {
        let mut chain = Self {
            tip: [0; 32],
            height: 0,
            branch: 0,
            plain: Vec::new(),
            coins: Vec::new(),
            spent: Vec::new(),
            ids: Vec::new(),
        };
        let mut blocks = vec![chain.close(&[])];
        let mut txs = Vec::new();
        let def = cbor::map(&[("p", cbor::text("bank")), ("code", cbor::bytes(&bank()))]);
        chain.publish(&mut txs, "def", &def, 546);
        let args = cbor::map(&[("request_ticker", cbor::text("gold"))]);
        let gold = cbor::map(&[("args", args)]);
        let (gold_id, gold_tx) = chain.publish(&mut txs, "ft", &gold, 90_000);
        blocks.push(chain.close(&txs));
        let mut txs = Vec::new();
        chain.publish(&mut txs, "dft", &lots("lots", 1, 40), 546);
        let (nft_id, nft_tx) = chain.publish(&mut txs, "nft", &cbor::map(&[]), 700);
        blocks.push(chain.close(&txs));
        blocks.extend([chain.close(&[]), chain.close(&[])]);
        let mut txs = Vec::new();
        let unlock_new = unlock(&[], Method::Rest);
        let new = |name: &str| {
            cbor::map(&[
                ("p", cbor::text("bank")),
                ("name", cbor::text(name)),
                ("u", cbor::bytes(&unlock_new)),
            ])
        };
        let (vault, _) = chain.publish(&mut txs, "new", &new("vault"), 546);
        blocks.push(chain.close(&txs));
        blocks.extend([chain.close(&[]), chain.close(&[])]);
        let mut txs = Vec::new();
        for (token, method) in [(gold_tx, Method::PutFt), (nft_tx, Method::PutNft)] {
            let Some(commit) = chain.plain.pop() else {
                break;
            };
            chain.coins.retain(|(outpoint, _)| *outpoint != token);
            let call = cbor::map(&[
                ("id", cbor::bytes(&vault)),
                ("u", cbor::bytes(&unlock(&[], method))),
            ]);
            let tx = Tx::spending(&[commit, token]).envelope(0, "c", &call);
            txs.push(tx.output(10_000, &[0x51]).output(700, &[0x52]));
        }
        blocks.push(chain.close(&txs));
        chain.ids = vec![gold_id, nft_id, vault];
        (chain, blocks)
    }

    /// The next block, as bytes decide. No bytes make it empty.
    #[must_use]
    pub fn next(&mut self, bytes: &[u8]) -> Vec<u8> {
        let dice = &mut Dice::new(bytes);
        let mut txs = Vec::new();
        for _ in 0..dice.below(5) {
            self.act(dice, &mut txs);
        }
        self.close(&txs)
    }

    /// Ends a block.
    fn close(&mut self, txs: &[Tx]) -> Vec<u8> {
        let rewards = vec![(REWARD, vec![0x51]); 3];
        self.height += 1;
        let (bytes, hash, coinbase) = block(&self.tip, self.height, self.branch, &rewards, txs);
        self.tip = hash;
        self.plain
            .extend((0..3).map(|output| coinbase.outpoint(output)));
        let old = self.plain.len().saturating_sub(KEPT);
        self.plain.drain(..old);
        let old = self.coins.len().saturating_sub(KEPT);
        self.coins.drain(..old);
        bytes
    }

    /// A commit and its reveal with one output: the new id and the output.
    fn publish(
        &mut self,
        txs: &mut Vec<Tx>,
        operation: &str,
        payload: &[u8],
        sats: u64,
    ) -> (AtomicalId, Outpoint) {
        let commit = self.commit(txs).unwrap_or([1; 36]);
        let reveal = Tx::spending(&[commit]).envelope(0, operation, payload);
        let reveal = reveal.output(sats, &[0x51]);
        let on = reveal.outpoint(0);
        txs.push(reveal);
        self.coins.push((on, sats));
        self.ids.push(commit);
        (commit, on)
    }

    /// A new output 0 without tokens.
    fn commit(&mut self, txs: &mut Vec<Tx>) -> Option<Outpoint> {
        let tx = Tx::spending(&[self.plain.pop()?]).output(REWARD, &[0x51]);
        let outpoint = tx.outpoint(0);
        txs.push(tx);
        Some(outpoint)
    }

    /// One transaction, and perhaps its commit.
    fn act(&mut self, dice: &mut Dice<'_>, txs: &mut Vec<Tx>) {
        let kind = dice.below(24);
        let mut inputs = Vec::new();
        if kind >= 3 && dice.below(16) != 15 {
            // Old commits, and commits in other outputs, are among the plain coins.
            let fresh = dice.below(8) != 7;
            let commit = if fresh { self.commit(txs) } else { None };
            inputs.extend(commit.or_else(|| take(&mut self.plain, dice)));
        }
        let mut warm = false;
        for _ in 0..dice.below(4) {
            let coin = take(&mut self.coins, dice);
            warm |= coin.is_some();
            inputs.extend(coin.map(|(outpoint, _)| outpoint));
        }
        if dice.below(24) == 23 && !self.spent.is_empty() {
            // A chain whose blocks nobody checked.
            inputs.insert(0, dice.pick(&self.spent));
        }
        if inputs.is_empty() {
            return;
        }
        let (operation, payload) = self.operation(dice, kind);
        let mut tx = Tx::spending(&inputs);
        if let Some(operation) = operation {
            let input = if dice.below(16) == 15 { 1 } else { 0 };
            tx = tx.envelope(input, operation, &payload);
            if dice.below(24) == 23 {
                // Cut off, or something else behind it.
                let script = &mut tx.inputs[0].witness;
                let len = script.first().map_or(0, Vec::len);
                script.iter_mut().for_each(|script| {
                    script.truncate(len.saturating_sub(1 + dice.below(40)));
                });
            }
        }
        let exact = matches!(operation, Some("dmt")) && dice.below(4) != 3;
        self.outputs(dice, &mut tx, exact);
        if self.ids.len() >= KEPT {
            self.ids.remove(dice.below(8));
        }
        self.ids.push(inputs[0]);
        self.spent = inputs;
        // Outputs without tokens would soon be all there is.
        warm |= matches!(operation, Some("ft" | "nft" | "dmt" | "c"));
        let keep = if warm { 4 } else { 0 };
        for (output, (sats, _)) in (0..).zip(&tx.outputs).take(keep) {
            self.coins.push((tx.outpoint(output), *sats));
        }
        txs.push(tx);
    }

    fn outputs(&self, dice: &mut Dice<'_>, tx: &mut Tx, exact: bool) {
        let count = match dice.below(16) {
            15 => 60,
            14 => 0,
            few => 1 + few / 3,
        };
        for output in 0..count {
            let sats = match dice.below(12) {
                0..4 => LOT,
                4..6 => 1_000 + u64::from(dice.byte()),
                6 => 0,
                7 => 1,
                8 => 100_000,
                9 => [1 << 62, 1 << 63, u64::MAX][dice.below(3)],
                _ => 20_000,
            };
            let sats = if exact && output == 0 { LOT } else { sats };
            let script: &[u8] = match dice.below(12) {
                0..6 => &[0x51],
                6..9 => &[0x52],
                9 => &[0x6a, 0x01, 0x07],
                10 => &[0x00, 0x6a],
                _ => &[],
            };
            tx.outputs.push((sats, script.into()));
        }
    }

    fn id(&self, dice: &mut Dice<'_>) -> AtomicalId {
        match self.ids.is_empty() {
            true => [9; 36],
            false => dice.pick(&self.ids),
        }
    }

    /// An operation and its payload.
    fn operation(&self, dice: &mut Dice<'_>, kind: usize) -> (Option<&'static str>, Vec<u8>) {
        let (operation, payload) = match kind {
            0..4 => return (None, Vec::new()),
            4 => ("def", self.def(dice)),
            5..7 => ("new", self.new_contract(dice)),
            7..12 => ("c", self.call(dice)),
            12..14 => ("nft", self.nft(dice)),
            14 => ("ft", {
                let ticker = cbor::text(dice.pick(&TICKERS));
                args(&[("request_ticker", ticker)])
            }),
            15 => ("dft", {
                let (ticker, from) = (dice.pick(&TICKERS), self.height + dice.below(9) as u32);
                lots(ticker, from, 1 + dice.below(4) as u64)
            }),
            16..18 => ("dmt", {
                let ticker = cbor::text(dice.pick(&TICKERS));
                args(&[("mint_ticker", ticker)])
            }),
            18 => ("x", cbor::map(&[])),
            19 => ("y", {
                let (id, skip) = (text_id(&self.id(dice)), u64::from(dice.byte()) * 50);
                cbor::map(&[(&id, cbor::uint(skip))])
            }),
            20 => ("z", self.custom(dice)),
            21 => {
                let name = dice.pick(&["dat", "mod", "evt", "sl"]);
                (name, cbor::map(&[("k", cbor::uint(1))]))
            }
            _ => hostile(dice),
        };
        (Some(operation), payload)
    }

    fn def(&self, dice: &mut Dice<'_>) -> Vec<u8> {
        let code = match dice.below(4) {
            0 => bank(),
            1 => Vec::new(),
            2 => vec![0x75, 0x51],
            _ => script::lock(dice),
        };
        let name = cbor::text(dice.pick(&PROTOCOLS));
        cbor::map(&[("p", name), ("code", cbor::bytes(&code))])
    }

    fn new_contract(&self, dice: &mut Dice<'_>) -> Vec<u8> {
        let protocol = dice.pick(&[PROTOCOLS[0], PROTOCOLS[0], PROTOCOLS[1], PROTOCOLS[2]]);
        let unlock = match dice.below(4) {
            0 => script::unlock(dice),
            1 => unlock(&[], Method::PutFt),
            _ => unlock(&[], Method::Rest),
        };
        let mut entries = vec![("p", cbor::text(protocol)), ("u", cbor::bytes(&unlock))];
        if dice.below(2) == 0 {
            entries.push(("name", cbor::text(dice.pick(&CONTRACTS))));
        }
        cbor::map(&entries)
    }

    fn call(&self, dice: &mut Dice<'_>) -> Vec<u8> {
        let method = dice.pick(&Method::ALL);
        let token = Given::Token(self.id(dice));
        let output = Given::Number(dice.below(4) as i64 - dice.below(9) as i64 / 8);
        let amount = Given::Number(i64::from(dice.byte()) * [1, 3, 200][dice.below(3)]);
        let given = match method {
            Method::TakeFt | Method::PutAndTake => vec![amount, output, token],
            Method::TakeNft => vec![output, token],
            Method::TakeBoth => {
                let other = Given::Token(self.id(dice));
                vec![output, other, amount, output, token]
            }
            Method::Put => vec![
                Given::Bytes(b"kk"),
                Given::Bytes(b"vv"),
                Given::Bytes(&[7; 99]),
            ],
            Method::Delete => vec![Given::Bytes(b"kk"), Given::Bytes(b"vv")],
            Method::Time => vec![Given::Number(i64::from(self.height) + 1)],
            _ => vec![],
        };
        let mut script = unlock(&given, method);
        if dice.below(12) == 11 {
            script = script::unlock(dice);
        }
        let target = match dice.below(4) {
            0 | 1 => ("n", cbor::text(CONTRACTS[0])),
            2 => ("n", cbor::text(CONTRACTS[1])),
            _ => ("id", cbor::bytes(&self.id(dice))),
        };
        cbor::map(&[target, ("u", cbor::bytes(&script))])
    }

    fn nft(&self, dice: &mut Dice<'_>) -> Vec<u8> {
        let name = cbor::text(dice.pick(&["a", "realm-1", "-", "x9"]));
        let mut entries = match dice.below(6) {
            0 => vec![("request_realm", name)],
            1 => vec![("request_container", name)],
            2 => vec![("request_subrealm", name)],
            3 => vec![("request_realm", name.clone()), ("request_dmitem", name)],
            _ => vec![],
        };
        let parent = text_id(&self.id(dice));
        match dice.below(8) {
            6 => entries.push(("parents", cbor::map(&[(&parent, cbor::uint(100))]))),
            7 => {
                let arg = dice.pick(&["bitworkc", "bitworkr"]);
                entries.push((arg, cbor::text(dice.pick(&["0", "f.3", "zz"]))));
            }
            _ => {}
        }
        args(&entries)
    }

    fn custom(&self, dice: &mut Dice<'_>) -> Vec<u8> {
        let mut tokens = Vec::new();
        for _ in 0..1 + dice.below(3) {
            let mut outputs = Vec::new();
            for _ in 0..dice.below(4) {
                let output = dice.below(6).to_string();
                let amount = u64::from(dice.byte()) * [1, 10, 1 << 50][dice.below(3)];
                outputs.push((output, cbor::uint(amount)));
            }
            let outputs: Vec<_> = outputs.iter().map(|(at, n)| (&at[..], n.clone())).collect();
            tokens.push((text_id(&self.id(dice)), cbor::map(&outputs)));
        }
        let tokens: Vec<_> = tokens
            .iter()
            .map(|(id, map)| (&id[..], map.clone()))
            .collect();
        cbor::map(&tokens)
    }
}

fn take<T>(from: &mut Vec<T>, dice: &mut Dice<'_>) -> Option<T> {
    let at = dice.below(from.len().max(1));
    // Late ones first: they are young, and more of them have something.
    let at = from.len().checked_sub(1 + at)?;
    Some(from.remove(at))
}

fn args(entries: &[(&str, Vec<u8>)]) -> Vec<u8> {
    cbor::map(&[("args", cbor::map(entries))])
}

fn lots(ticker: &str, from: u32, max: u64) -> Vec<u8> {
    args(&[
        ("request_ticker", cbor::text(ticker)),
        ("mint_amount", cbor::uint(LOT)),
        ("mint_height", cbor::uint(from.into())),
        ("max_mints", cbor::uint(max)),
    ])
}

/// Payloads that are not what they should be.
fn hostile(dice: &mut Dice<'_>) -> (&'static str, Vec<u8>) {
    let name = dice.pick(&[
        "nft", "ft", "dft", "dmt", "def", "new", "c", "z", "y", "no", "x",
    ]);
    let payload = match dice.below(10) {
        0 => Vec::new(),
        1 => vec![0xff; 1 + dice.below(40)],
        2 => cbor::uint(7),
        3 => vec![0xa1, 0x61, b'a', 0xc0, 0x00],
        // Maps in maps in maps.
        4 => [[0xa1, 0x61, b'a'].repeat(200), vec![0xa0]].concat(),
        5 => args(&[("request_ticker", cbor::text(&"t".repeat(22)))]),
        6 => cbor::map(&[("p", cbor::uint(1)), ("code", cbor::text("x"))]),
        7 => cbor::map(&[
            ("n", cbor::text("vault")),
            ("id", cbor::bytes(&vec![7; 35 + dice.below(2)])),
        ]),
        8 => cbor::map(&[("meta", cbor::map(&[("k", vec![0xf6])])), ("p", vec![0x80])]),
        _ => {
            let mut unlock = Vec::new();
            (0..dice.byte()).for_each(|byte| push(&mut unlock, &[byte.max(0x11); 40]));
            cbor::map(&[("n", cbor::text("vault")), ("u", cbor::bytes(&unlock))])
        }
    };
    (name, payload)
}
