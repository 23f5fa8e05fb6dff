//! A synthetic chain: blocks of the shape of the main network's, made as they are needed.
//!
//! Nothing is signed, for an index verifies no signatures; everything else is as in real blocks, with
//! witnesses, their commitment, and the proof of work that regtest asks for. What fills a block
//! spends outputs that carry nothing. What is measured is told apart from what is made by the
//! caller, who takes the time of neither before nor after.

use avm_atomicals::index::AtomicalId;
use avm_atomicals::index::block::{TxParts, merkle_root};
use avm_atomicals::script::cbor;
use avm_atomicals::script::digest::hash256;

/// Transactions of a block.
pub const TXS: usize = 3_000;
/// Calls among them.
pub const CALLS: usize = 30;
/// Transfers of tokens among them.
pub const TRANSFERS: usize = 30;
/// Contracts that are called.
pub const CONTRACTS: usize = 100;
/// Keys of one contract: so few that all are soon there, and the state grows no more.
pub const CONTRACT_KEYS: u32 = 200;
/// Outputs of a transaction that splits tokens.
const SPLIT: u32 = 3_000;
/// Most bytes of a block that fills the state.
const FILL_BYTES: usize = 3_900_000;

/// An output of a transaction: satoshis and script.
type End = (u64, Vec<u8>);

/// An outpoint as a transaction has it.
type Outpoint = [u8; 36];

/// A chain that grows.
pub struct Chain {
    previous: [u8; 32],
    time: u32,
    random: u64,
    /// Outputs with tokens of one unit, of which some are spent and made in every block.
    tokens: Vec<Outpoint>,
    /// Contracts by their ids.
    contracts: Vec<AtomicalId>,
    calls: u64,
}

/// Appends a CompactSize.
fn size(out: &mut Vec<u8>, n: usize) {
    match n {
        0..=0xfc => out.push(n as u8),
        0xfd..=0xffff => {
            out.push(0xfd);
            out.extend((n as u16).to_le_bytes());
        }
        _ => {
            out.push(0xfe);
            out.extend((n as u32).to_le_bytes());
        }
    }
}

/// A transaction with one witness for each input.
fn transaction(inputs: &[(Outpoint, Vec<Vec<u8>>)], ends: &[End]) -> Vec<u8> {
    let mut tx = Vec::with_capacity(64 + inputs.len() * 150 + ends.len() * 44);
    tx.extend(2u32.to_le_bytes());
    tx.extend([0, 1]);
    size(&mut tx, inputs.len());
    for (outpoint, _) in inputs {
        tx.extend(outpoint);
        tx.push(0);
        tx.extend(0xffff_fffd_u32.to_le_bytes());
    }
    size(&mut tx, ends.len());
    for (sats, script) in ends {
        tx.extend(sats.to_le_bytes());
        size(&mut tx, script.len());
        tx.extend(script);
    }
    for (_, witness) in inputs {
        size(&mut tx, witness.len());
        for element in witness {
            size(&mut tx, element.len());
            tx.extend(element);
        }
    }
    tx.extend(0u32.to_le_bytes());
    tx
}

fn txid(tx: &[u8]) -> [u8; 32] {
    TxParts::read(tx).expect("it was just made").txid()
}

fn outpoint(txid: &[u8; 32], output: u32) -> Outpoint {
    let mut outpoint = [0; 36];
    outpoint[..32].copy_from_slice(txid);
    outpoint[32..].copy_from_slice(&output.to_le_bytes());
    outpoint
}

/// A push of bytes in a script.
fn push(script: &mut Vec<u8>, bytes: &[u8]) {
    match bytes.len() {
        len @ 0..=75 => script.push(len as u8),
        len @ 76..=255 => script.extend([0x4c, len as u8]),
        len => {
            script.push(0x4d);
            script.extend((len as u16).to_le_bytes());
        }
    }
    script.extend(bytes);
}

/// The witness that shows an operation.
fn envelope(operation: &str, payload: &[u8]) -> Vec<Vec<u8>> {
    let mut script = vec![0x20];
    script.extend([7; 32]);
    script.extend([0xac, 0x00, 0x63, 0x04]);
    script.extend(b"atom");
    push(&mut script, operation.as_bytes());
    payload.chunks(520).for_each(|part| push(&mut script, part));
    script.push(0x68);
    vec![vec![0x51; 64], script, vec![0xc0; 33]]
}

/// Texts and bytes as a payload.
fn payload(fields: &[(&str, Field<'_>)]) -> Vec<u8> {
    let mut out = Vec::new();
    cbor::write_map_head(&mut out, fields.len());
    for (name, field) in fields {
        cbor::write_text(&mut out, name);
        match field {
            Field::Text(text) => cbor::write_text(&mut out, text),
            Field::Bytes(bytes) => {
                cbor::write_bytes_head(&mut out, bytes.len());
                out.extend_from_slice(bytes);
            }
            Field::Map(inner) => out.extend_from_slice(inner),
        }
    }
    out
}

enum Field<'a> {
    Text(&'a str),
    Bytes(&'a [u8]),
    Map(Vec<u8>),
}

/// A script that pays a key, and so do the others.
fn pay(tag: u64) -> Vec<u8> {
    let mut script = vec![0x00, 0x14];
    script.extend(tag.to_le_bytes());
    script.extend([0x33; 12]);
    script
}

impl Chain {
    pub fn new() -> Self {
        Self {
            previous: [0; 32],
            time: 1_700_000_000,
            random: 0x9e37_79b9_7f4a_7c15,
            tokens: Vec::new(),
            contracts: Vec::new(),
            calls: 0,
        }
    }

    /// The next of a sequence of numbers that look random (xorshift64*).
    fn next(&mut self) -> u64 {
        self.random ^= self.random >> 12;
        self.random ^= self.random << 25;
        self.random ^= self.random >> 27;
        self.random.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    fn nowhere(&mut self) -> Outpoint {
        let mut outpoint = [0; 36];
        for part in outpoint[..32].chunks_mut(8) {
            part.copy_from_slice(&self.next().to_le_bytes());
        }
        outpoint
    }

    /// A payment: one to three inputs with a signature and a key, two outputs.
    fn payment(&mut self) -> Vec<u8> {
        let many = 1 + self.next() % 3;
        let inputs: Vec<_> = (0..many)
            .map(|_| (self.nowhere(), vec![vec![0x30; 71], vec![0x02; 33]]))
            .collect();
        let (a, b) = (self.next(), self.next());
        transaction(&inputs, &[(50_000, pay(a)), (70_000, pay(b))])
    }

    /// A block of these transactions behind a coinbase.
    pub fn block(&mut self, txs: &[Vec<u8>]) -> Vec<u8> {
        let mut wtxids = vec![[0; 32]];
        wtxids.extend(txs.iter().map(|tx| hash256(tx)));
        let root = merkle_root(&wtxids).expect("the first hash is zero, the others differ");
        let mut commitment = vec![0x6a, 0x24, 0xaa, 0x21, 0xa9, 0xed];
        commitment.extend(hash256(&[root, [0; 32]].concat()));
        let mut null = [0; 36];
        null[32..].copy_from_slice(&[0xff; 4]);
        let tag = self.next();
        let coinbase = transaction(
            &[(null, vec![vec![0; 32]])],
            &[(312_500_000, pay(tag)), (0, commitment)],
        );
        let mut txids = vec![txid(&coinbase)];
        txids.extend(txs.iter().map(|tx| txid(tx)));
        let mut header = [0; 80];
        self.time += 600;
        header[..4].copy_from_slice(&0x2000_0000_u32.to_le_bytes());
        header[4..36].copy_from_slice(&self.previous);
        header[36..68].copy_from_slice(&merkle_root(&txids).expect("ids differ"));
        header[68..72].copy_from_slice(&self.time.to_le_bytes());
        header[72..76].copy_from_slice(&0x207f_ffff_u32.to_le_bytes());
        let mut nonce = 0u32;
        let hash = loop {
            header[76..].copy_from_slice(&nonce.to_le_bytes());
            let hash = hash256(&header);
            if hash[31] < 0x7f {
                break hash;
            }
            nonce += 1;
        };
        self.previous = hash;
        let mut block = Vec::from(header);
        size(&mut block, 1 + txs.len());
        block.extend(coinbase);
        txs.iter().for_each(|tx| block.extend(tx));
        block
    }

    /// A commit, and the reveal of an operation.
    fn publish(&mut self, operation: &str, payload: &[u8], ends: &[End]) -> [Vec<u8>; 2] {
        let (from, tag) = (self.nowhere(), self.next());
        let commit = transaction(
            &[(from, vec![vec![0x30; 71], vec![0x02; 33]])],
            &[(100_000, pay(tag))],
        );
        let committed = outpoint(&txid(&commit), 0);
        let reveal = transaction(&[(committed, envelope(operation, payload))], ends);
        [commit, reveal]
    }

    /// Blocks that make protocol, contracts and a token, then as many outputs with a unit of it as
    /// give `keys` keys of the state: each output is one by its outpoint and one by its script.
    pub fn fill(&mut self, keys: u64, take: &mut dyn FnMut(Vec<u8>)) {
        // The caller gives key space, key and value; the code stores them.
        let code = payload(&[
            ("p", Field::Text("store")),
            ("code", Field::Bytes(&[0xf0, 0x51])),
        ]);
        let txs = self.publish("def", &code, &[(1_000, pay(0))]);
        take(self.block(&txs));
        for _ in 0..3 {
            take(self.block(&[]));
        }
        let new = payload(&[
            ("p", Field::Text("store")),
            ("u", Field::Bytes(&[0x51, 0x51, 0x51])),
        ]);
        let mut txs = Vec::new();
        for _ in 0..CONTRACTS {
            let [commit, reveal] = self.publish("new", &new, &[(1_000, pay(1))]);
            self.contracts.push(outpoint(&txid(&commit), 0));
            txs.extend([commit, reveal]);
        }
        take(self.block(&txs));
        self.fill_outputs(keys / 2, take);
    }

    fn fill_outputs(&mut self, outputs: u64, take: &mut dyn FnMut(Vec<u8>)) {
        let splits = outputs.div_ceil(SPLIT.into()).max(1);
        let ticker = payload(&[("request_ticker", Field::Text("unit"))]);
        let mint = payload(&[("args", Field::Map(ticker))]);
        let supply = splits * u64::from(SPLIT);
        let [commit, reveal] = self.publish("ft", &mint, &[(supply, pay(2))]);
        let minted = outpoint(&txid(&reveal), 0);
        take(self.block(&[commit, reveal]));
        let ends: Vec<End> = (0..splits).map(|at| (SPLIT.into(), pay(at))).collect();
        let spread = transaction(&[(minted, vec![vec![0; 64]])], &ends);
        let spread_id = txid(&spread);
        take(self.block(&[spread]));
        let mut txs: Vec<Vec<u8>> = Vec::new();
        let mut bytes = 0;
        for at in 0..splits {
            let ends: Vec<End> = (0..SPLIT).map(|_| (1, pay(self.next()))).collect();
            let split = transaction(
                &[(outpoint(&spread_id, at as u32), vec![vec![0; 64]])],
                &ends,
            );
            let id = txid(&split);
            // Enough to go round: those at the end of each are spent first.
            self.tokens.push(outpoint(&id, SPLIT - 1));
            self.tokens.push(outpoint(&id, 0));
            bytes += split.len();
            txs.push(split);
            if bytes + 140_000 > FILL_BYTES {
                take(self.block(&txs));
                txs.clear();
                bytes = 0;
            }
        }
        take(self.block(&txs));
    }

    /// A block as they are on the main network: payments, and among them calls of contracts and
    /// transfers of tokens.
    pub fn ordinary(&mut self) -> Vec<u8> {
        let mut txs = Vec::with_capacity(TXS - 1);
        let every = TXS / (CALLS + TRANSFERS);
        for at in 1..TXS {
            let special = at % every == 0;
            txs.push(match (special, (at / every) % 2) {
                (false, _) => self.payment(),
                (true, 0) => self.call(),
                (true, _) => self.transfer(),
            });
        }
        self.block(&txs)
    }

    fn call(&mut self) -> Vec<u8> {
        self.calls += 1;
        let which = self.next() as usize % CONTRACTS;
        let contract = self.contracts[which];
        let key = (self.next() % u64::from(CONTRACT_KEYS)) as u32;
        let mut unlock = vec![0x51];
        push(&mut unlock, &[&[0x40], &key.to_be_bytes()[..]].concat());
        push(
            &mut unlock,
            &[&[0x41], &self.calls.to_be_bytes()[..]].concat(),
        );
        let call = payload(&[
            ("id", Field::Bytes(&contract)),
            ("u", Field::Bytes(&unlock)),
        ]);
        let (from, tag) = (self.nowhere(), self.next());
        transaction(&[(from, envelope("c", &call))], &[(5_000, pay(tag))])
    }

    fn transfer(&mut self) -> Vec<u8> {
        let at = self.next() as usize % self.tokens.len();
        let (tag, change) = (self.next(), self.next());
        let fee = (self.nowhere(), vec![vec![0x30; 71], vec![0x02; 33]]);
        let spend = (self.tokens[at], vec![vec![0x30; 71], vec![0x02; 33]]);
        let tx = transaction(&[spend, fee], &[(1, pay(tag)), (90_000, pay(change))]);
        self.tokens[at] = outpoint(&txid(&tx), 0);
        tx
    }
}
