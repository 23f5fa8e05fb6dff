//! What can be done on a local chain: publish code, deploy, call, mint, send.

use avm_atomicals::index::IndexMachine;
use avm_atomicals::index::envelope::parse_text_id;
use avm_atomicals::index::params::NAME_DEPTH;
use avm_atomicals::index::receipt::{OperationReceipt, Settled};
use avm_atomicals::index::request::NameKind;
use avm_atomicals::index::rows::ItemKind;
use avm_atomicals::script::{Rules, auth};
use avm_core::Hash;
use avm_regtest::bitcoin::consensus::serialize;
use avm_regtest::bitcoin::hashes::Hash as _;
use avm_regtest::bitcoin::{Transaction, TxOut, Txid};
use avm_regtest::{DUST, Id, Key, Lots, Operation, Publish, id};

use super::coins::Wanted;
use super::journal::{Deployed, Journal, Protocol};
use super::{Code, Dev, Mined, code, errors};
use crate::error::{self, CliError};

/// What was sent, and what became of it.
#[derive(Clone, Debug)]
pub struct Sent {
    /// What was done, one word.
    pub verb: &'static str,
    /// To what.
    pub what: String,
    /// The transaction that shows the operation.
    pub txid: Txid,
    /// What it made or is about.
    pub id: Id,
    /// The root before.
    pub before: Hash,
    /// Blocks that were mined.
    pub mined: Vec<Mined>,
    /// What became of it, once it is in a block.
    pub receipt: Option<OperationReceipt>,
    /// Code that it ran and the file of that, to say where it failed.
    pub script: Option<(Vec<u8>, String)>,
    /// What else is worth a word.
    pub notes: Vec<String>,
}

/// How a call is made.
#[derive(Clone, Debug)]
pub struct CallOptions<'a> {
    /// Who calls and pays.
    pub by: &'a str,
    /// Whether it is signed; if nothing is said, the method decides.
    pub sign: Option<bool>,
    /// Tokens on its inputs: `TOKEN:UNITS`, or `TOKEN` for an item.
    pub with: &'a [String],
    /// Its first outputs: `SATS:WHO`.
    pub outputs: &'a [String],
}

/// Something to mint.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Mint {
    /// A token of fixed supply.
    Ft(String, u64),
    /// One item, with or without the name of a realm.
    Nft(Option<String>),
    /// A token in equal lots: units of a lot, most lots.
    Dft(String, u32, u32),
    /// One of the lots.
    Lot(String),
}

/// What a signature is of.
struct Signing<'a> {
    rules: &'static Rules,
    /// None of a contract that is being deployed.
    contract: Option<Id>,
    previous: Hash,
    unlock: &'a [u8],
    code: &'a [u8],
}

impl Signing<'_> {
    fn digest(&self, tx: &Transaction) -> [u8; 32] {
        let mut tx = tx.clone();
        for input in &mut tx.input {
            input.witness.clear();
        }
        // A new contract has the name of the output that commits to it.
        let contract = self
            .contract
            .unwrap_or_else(|| id(tx.input[0].previous_output));
        let (rules, tx) = (self.rules, serialize(&tx));
        auth::digest_of(rules, &contract, self.previous, self.unlock, self.code, &tx)
            .expect("a transaction of ours reads back")
    }
}

impl Dev {
    /// Publishes code as a protocol.
    ///
    /// # Errors
    /// If the chain refuses it.
    pub fn def(&mut self, name: &str, code: &Code, by: &str, mine: bool) -> Result<Sent, CliError> {
        let old = self.journal.clone();
        let key = self.key(by)?;
        self.provide(&key, code.bytes.len() as u64)?;
        let publish = Publish::new(&key, Operation::def(name, &code.bytes));
        let protocol = |id| Protocol {
            id,
            methods: code.methods.clone(),
            signed: code.signed.clone(),
            source: code.source.clone(),
        };
        let mut sent = self.publish("def", format!("protocol {name}"), &publish)?;
        let made = protocol(sent.id);
        self.journal.protocols.insert(name.to_owned(), made);
        self.finish(&mut sent, old, mine)?;
        Ok(sent)
    }

    /// Deploys a contract. Publishes its code first, unless a protocol has it, and mines until the
    /// name of that is good.
    ///
    /// # Errors
    /// If the arguments are not those of the constructor, or the chain refuses it.
    pub fn deploy(
        &mut self,
        name: &str,
        code: &Code,
        args: &[String],
        protocol: Option<&str>,
        by: &str,
        mine: bool,
    ) -> Result<Sent, CliError> {
        let words = self.words(args)?;
        let unlock = code::unlock(name, &code.methods, "ctor", &words)?;
        let key = self.key(by)?;
        let before = self.root();
        let mut mined = Vec::new();
        let mut notes = Vec::new();
        let protocol = match self.published(protocol, code)? {
            Some(found) => found,
            None => {
                let wanted = protocol.unwrap_or(name).to_owned();
                let mut def = self.def(&wanted, code, by, true)?;
                if def
                    .receipt
                    .is_none_or(|receipt| receipt.settled != Settled::Done)
                {
                    return Ok(def);
                }
                notes.push(format!("published its code as protocol {wanted}"));
                mined.append(&mut def.mined);
                wanted
            }
        };
        mined.extend(self.mine_until_good(&protocol)?);
        let old = self.journal.clone();
        self.provide(&key, unlock.len() as u64)?;
        let operation = Operation::new(&protocol, Some(name), &unlock);
        let signing = Signing {
            rules: self.rules(),
            contract: None,
            previous: Hash::ZERO,
            unlock: &unlock,
            code: &code.bytes,
        };
        let digest = |tx: &Transaction| signing.digest(tx);
        let mut publish = Publish::new(&key, operation);
        if code.signed.contains("ctor") {
            publish = publish.signed(&key, &digest);
        }
        let mut sent = self.publish("deploy", format!("contract {name}"), &publish)?;
        let contract = Deployed {
            id: sent.id,
            protocol,
        };
        self.journal.contracts.insert(name.to_owned(), contract);
        sent.script = Some((code.bytes.clone(), code.source.clone()));
        (sent.before, sent.mined, sent.notes) = (before, mined, notes);
        self.finish(&mut sent, old, mine)?;
        Ok(sent)
    }

    /// The protocol that has this code, or is asked for and there.
    fn published(&self, asked: Option<&str>, code: &Code) -> Result<Option<String>, CliError> {
        let mut machine = self.preview()?;
        for (name, protocol) in &self.journal.protocols {
            let found = machine.code(&protocol.id).map_err(|e| self.host(&e))?;
            let same = found.is_some_and(|found| found[..] == code.bytes[..]);
            if same && asked.is_none_or(|asked| asked == name) {
                return Ok(Some(name.clone()));
            }
        }
        Ok(None)
    }

    /// Mines until the name of a protocol is good in the next block.
    fn mine_until_good(&mut self, protocol: &str) -> Result<Vec<Mined>, CliError> {
        let mut mined = Vec::new();
        loop {
            let named = self.machine().named(NameKind::Protocol, protocol);
            let named = named.map_err(|e| self.host(&e))?;
            let good = named
                .is_some_and(|named| named.commit.height + NAME_DEPTH <= self.chain.height() + 1);
            if good || mined.len() > NAME_DEPTH as usize {
                return Ok(mined);
            }
            mined.extend(self.mine(1)?);
        }
    }

    /// Calls a method of a contract.
    ///
    /// # Errors
    /// If there is no such contract or method, or the caller lacks what the call takes along.
    pub fn call(
        &mut self,
        contract: &str,
        method: &str,
        args: &[String],
        options: &CallOptions<'_>,
        mine: bool,
    ) -> Result<Sent, CliError> {
        let old = self.journal.clone();
        let (name, id, protocol) = self.contract(contract)?;
        let methods = protocol
            .as_ref()
            .map_or("", |it| it.methods.as_str())
            .to_owned();
        let words = self.words(args)?;
        // Without methods the first word is an argument like the others.
        let all: Vec<String> = match methods.is_empty() && !method.is_empty() {
            true => [&self.words(&[method.to_owned()])?[..], &words].concat(),
            false => words,
        };
        let unlock = code::unlock(&name, &methods, method, &all)?;
        let key = self.key(options.by)?;
        let mut wanted = Vec::new();
        for with in options.with {
            wanted.push(self.wanted(with)?);
        }
        let mut outputs = Vec::new();
        for output in options.outputs {
            outputs.push(self.output(output)?);
        }
        let sats: u64 = outputs.iter().map(|output| output.value.to_sat()).sum();
        let units: u64 = wanted.iter().map(|want| want.amount.max(DUST)).sum();
        let spare = sats
            .saturating_add(units)
            .saturating_add(unlock.len() as u64);
        self.provide(&key, spare)?;
        let spend = self.gather(options.by, &key, &wanted)?;
        // What a call does not take in goes to outputs in the order of the inputs.
        outputs.extend(wanted.iter().map(|want| key.output(want.amount.max(DUST))));

        let mut machine = self.preview()?;
        let known = machine.whole_contract(&id).map_err(|e| self.host(&e))?;
        let known = known.ok_or_else(|| error::bug("a contract went away"))?;
        let code = known.code.bytes().map_err(|e| self.host(&e))?.to_vec();
        let signing = Signing {
            rules: self.rules(),
            contract: Some(id),
            previous: known.chain,
            unlock: &unlock,
            code: &code,
        };
        let digest = |tx: &Transaction| signing.digest(tx);
        let asks = protocol
            .as_ref()
            .is_some_and(|it| it.signed.contains(method));
        let mut publish = Publish::new(&key, Operation::call(id, &unlock));
        if options.sign.unwrap_or(asks) {
            publish = publish.signed(&key, &digest);
        }
        publish.outputs = outputs;
        for outpoint in spend {
            publish = publish.spend(outpoint, &key);
        }
        let method = if methods.is_empty() { "" } else { method };
        let dot = if method.is_empty() { "" } else { "." };
        let what = format!("{name}{dot}{method} by {}", options.by);
        let mut sent = self.publish("call", what, &publish)?;
        let source = protocol.map_or_else(String::new, |it| it.source);
        (sent.id, sent.script) = (id, Some((code, source)));
        self.finish(&mut sent, old, mine)?;
        Ok(sent)
    }

    /// Mints.
    ///
    /// # Errors
    /// If the chain refuses it, or nobody has opened the ticker of a lot.
    pub fn mint(
        &mut self,
        what: &Mint,
        to: Option<&str>,
        by: &str,
        mine: bool,
    ) -> Result<Sent, CliError> {
        let old = self.journal.clone();
        let key = self.key(by)?;
        let owner = to.map_or(Ok(key), |to| self.key(to))?;
        let (text, operation, sats) = match what {
            Mint::Ft(ticker, supply) => {
                let text = format!("{supply} of {ticker}");
                (text, Operation::ft(ticker), *supply)
            }
            Mint::Nft(None) => (String::from("an item"), Operation::nft(), DUST),
            Mint::Nft(Some(realm)) => {
                let operation = Operation::nft().arg("request_realm", realm.as_str());
                (format!("item {realm}"), operation, DUST)
            }
            Mint::Dft(ticker, amount, max) => {
                let lots = Lots {
                    amount: *amount,
                    height: self.chain.height() + 1,
                    max: *max,
                };
                let text = format!("{max} lots of {amount} of {ticker}, to be minted");
                (text, Operation::dft(ticker, lots), DUST)
            }
            Mint::Lot(ticker) => {
                let id = self.token(ticker)?;
                let item = self.preview()?.item(&id).map_err(|e| self.host(&e))?;
                let amount = item
                    .and_then(|item| item.lots)
                    .map_or(DUST, |lots| lots.mint_amount);
                let text = format!("a lot of {amount} of {ticker}");
                (text, Operation::dmt(ticker), amount)
            }
        };
        self.provide(&key, sats)?;
        let publish = Publish::new(&key, operation).output(owner.output(sats));
        let mut sent = self.publish("mint", text, &publish)?;
        self.finish(&mut sent, old, mine)?;
        Ok(sent)
    }

    /// Sends units of a token, or an item.
    ///
    /// # Errors
    /// If the sender has too few.
    pub fn transfer(
        &mut self,
        token: &str,
        amount: u64,
        to: &str,
        by: &str,
        mine: bool,
    ) -> Result<Sent, CliError> {
        let old = self.journal.clone();
        let (from, to_key) = (self.key(by)?, self.key(to)?);
        if amount == 0 {
            return Err(error::usage("nothing would be sent"));
        }
        let want = Wanted {
            id: self.token(token)?,
            name: token.to_owned(),
            amount,
        };
        let coins = self.pick(by, &from, &want)?;
        let before = self.root();
        let published = self.move_tokens(&from, &coins, &want, &to_key)?;
        let mut sent = Sent {
            verb: "transfer",
            what: format!("{amount} of {token} from {by} to {to}"),
            txid: published.reveal.compute_txid(),
            id: want.id,
            before,
            mined: Vec::new(),
            receipt: None,
            script: None,
            notes: Vec::new(),
        };
        self.finish(&mut sent, old, mine)?;
        Ok(sent)
    }

    /// Both transactions of an operation wait from now on.
    fn publish(
        &mut self,
        verb: &'static str,
        what: String,
        publish: &Publish<'_>,
    ) -> Result<Sent, CliError> {
        let before = self.root();
        let published = self.chain.publish(publish).map_err(|e| errors::chain(&e))?;
        Ok(Sent {
            verb,
            what,
            txid: published.reveal.compute_txid(),
            id: published.id(),
            before,
            mined: Vec::new(),
            receipt: None,
            script: None,
            notes: Vec::new(),
        })
    }

    /// Mines what was sent, unless it shall wait, and finds out what became of it. What had no effect
    /// leaves no names behind.
    fn finish(&mut self, sent: &mut Sent, old: Journal, mine: bool) -> Result<(), CliError> {
        if !mine {
            sent.notes.push("waits for a block: `avm dev mine`".into());
            return Ok(());
        }
        sent.mined.extend(self.mine(1)?);
        let txid = sent.txid.to_byte_array();
        let all = sent.mined.iter().flat_map(|mined| &mined.operations);
        sent.receipt = all.copied().find(|receipt| receipt.txid == txid);
        let done = sent
            .receipt
            .is_some_and(|receipt| receipt.settled == Settled::Done);
        if !done {
            (self.journal.protocols, self.journal.contracts) = (old.protocols, old.contracts);
        }
        Ok(())
    }

    /// Name, id and protocol of a contract by its name or id.
    pub(super) fn contract(&self, name: &str) -> Result<(String, Id, Option<Protocol>), CliError> {
        let mut machine = self.preview()?;
        let by_id = parse_text_id(name);
        let known = self.journal.contracts.iter();
        let mut known = known.filter(|(_, it)| self.is_there(&mut machine, &it.id));
        if let Some((name, it)) = known.find(|(own, it)| *own == name || Some(it.id) == by_id) {
            let protocol = self.journal.protocols.get(&it.protocol).cloned();
            return Ok((name.clone(), it.id, protocol));
        }
        let mut machine = self.preview()?;
        if let Some(id) = by_id.filter(|id| self.is_there(&mut machine, id)) {
            return Ok((name.to_owned(), id, None));
        }
        let known = self.journal.contracts.iter();
        let known = known.filter(|(_, it)| self.is_there(&mut machine, &it.id));
        let known: Vec<String> = known.map(|(name, _)| name.clone()).collect();
        Err(errors::unknown("contract", name, &known))
    }

    pub(super) fn is_there(&self, machine: &mut IndexMachine, id: &Id) -> bool {
        machine.contract(id).is_ok_and(|found| found.is_some())
    }

    /// Arguments with what `key:`, `script:`, `token:` and `id:` stand for put in.
    fn words(&mut self, args: &[String]) -> Result<Vec<String>, CliError> {
        let mut words = Vec::new();
        for arg in args {
            words.push(match arg.split_once(':') {
                Some(("key", name)) => crate::output::hex(&self.key(name)?.public()),
                Some(("script", name)) => crate::output::hex(self.key(name)?.script().as_bytes()),
                Some(("token", name)) => crate::output::hex(&self.token(name)?),
                Some(("id", name)) => crate::output::hex(&self.contract(name)?.1),
                _ => arg.clone(),
            });
        }
        Ok(words)
    }

    /// `TOKEN:UNITS`, or `TOKEN` of an item.
    fn wanted(&self, text: &str) -> Result<Wanted, CliError> {
        let with_amount = text.rsplit_once(':');
        let with_amount = with_amount.and_then(|(name, units)| Some((name, units.parse().ok()?)));
        let (name, amount) = with_amount.unwrap_or((text, 0));
        let id = self.token(name)?;
        let item = self.preview()?.item(&id).map_err(|e| self.host(&e))?;
        let is_units = item.is_some_and(|item| item.kind == ItemKind::Ft);
        if is_units && amount == 0 {
            let message = format!("how much of {name} goes along is missing");
            return Err(error::usage(message).help(format!("write --with {name}:UNITS")));
        }
        Ok(Wanted {
            id,
            name: name.to_owned(),
            amount: if is_units { amount } else { 1 },
        })
    }

    /// `SATS:WHO`.
    fn output(&mut self, text: &str) -> Result<TxOut, CliError> {
        let parts = text.split_once(':');
        let parts = parts.and_then(|(sats, who)| Some((sats.parse().ok()?, who)));
        let (sats, who) = parts.ok_or_else(|| {
            error::usage(format!("`{text}` is not an output"))
                .help("write SATS:WHO, such as 1000:bob")
        })?;
        let key: Key = self.key(who)?;
        Ok(key.output(sats))
    }
}
