//! An index that runs, as the command line looks at it.

use std::any::Any;

use avm_atomicals::index::block;
use avm_atomicals::index::envelope::text_id;
use avm_atomicals::index::keys::{displayed, kind_text};
use avm_atomicals::index::receipt::BlockRefusal;
use avm_atomicals::index::rows::{Item, Place, Tokens};
use avm_atomicals::index::watch::{CLOSE, SETTLE, TAKE};
use avm_atomicals::index::{IndexMachine, KeyName, KeyValue, Receipt};
use avm_atomicals::keys::Pane;
use avm_atomicals::machine::{NO_PC, UNLOCK_PC};
use avm_atomicals::script::{ops, tables};
use avm_core::{Hash, HostError, Inspect, Machine};
use serde_json::{Value, json};

use crate::output::{count, number, root};
use crate::registry::{Condition, Difference, Differs, Key, Running, Why};

/// Most bytes of a push that are shown.
const SHOWN: usize = 80;

/// An index.
#[derive(Clone)]
pub(super) struct IndexRunning(pub(super) IndexMachine);

impl IndexRunning {
    fn shown(&mut self, name: &KeyName) -> Option<Key> {
        let value = self.0.look_up(name).ok()??;
        Some(key(name, &value))
    }
}

/// A key and its value for people and programs.
fn key(name: &KeyName, value: &KeyValue) -> Key {
    Key {
        name: name.to_string(),
        text: value.to_string(),
        value: json_value(value),
        hash: None,
    }
}

/// A value for programs.
fn json_value(value: &KeyValue) -> Value {
    match value {
        KeyValue::Number(n) => number(*n),
        KeyValue::Bytes(bytes) => json!(format!("0x{}", tables::hex(bytes))),
        KeyValue::Hash(hash) => json!(root(*hash)),
        KeyValue::Rules(rules) => json!(rules.name),
        KeyValue::There => json!(true),
        KeyValue::Block(hash) => json!(displayed(hash)),
        KeyValue::Params(params) => json!({
            "rules": params.rules.name,
            "start": params.start,
            "before": displayed(&params.before),
            "base": params.heights.base,
            "dmint": params.heights.dmint,
            "commitz": params.heights.commitz,
            "density": params.heights.density,
            "custom": params.heights.custom,
            "contracts": params.heights.contracts,
            "header_window": params.header_window,
            "overlay": params.overlay,
        }),
        KeyValue::Work { height, next, txs } => {
            json!({ "height": height, "next": next, "txs": txs })
        }
        KeyValue::Header(row) => json!({
            "hash": displayed(&block::header_hash(&row.header)),
            "header": format!("0x{}", tables::hex(&row.header)),
            "txs": root(row.txs),
        }),
        KeyValue::Contract(row, chain) => json!({
            "chain": root(*chain),
            "protocol": text_id(&row.protocol),
            "node": root(row.node),
            "created": row.created,
            "changed": row.changed,
            "calls": number(row.calls),
        }),
        KeyValue::Item(item) => item_json(item),
        KeyValue::Named { commit, id } => json!({ "id": text_id(id), "commit": place(*commit) }),
        KeyValue::Tokens(tokens) => tokens_json(tokens),
    }
}

fn place(place: Place) -> Value {
    json!({ "height": place.height, "position": place.position })
}

fn item_json(item: &Item) -> Value {
    let name = item.name.as_ref();
    let lots = item.lots.as_ref().map(|lots| {
        let work = |work: &Option<avm_atomicals::index::request::Bitwork>| {
            work.as_ref()
                .map(avm_atomicals::index::request::Bitwork::text)
        };
        json!({
            "amount": number(lots.mint_amount),
            "from": lots.mint_height,
            "most": number(lots.max_mints),
            "minted": number(item.minted),
            "bitwork_commit": work(&lots.mint_bitwork_commit),
            "bitwork_reveal": work(&lots.mint_bitwork_reveal),
        })
    });
    json!({
        "kind": item.kind.name(),
        "number": number(item.number),
        "commit": place(item.commit),
        "reveal": place(item.reveal),
        "tx": displayed(&item.txid),
        "payload": root(Hash(item.payload)),
        "sats": number(item.sats),
        "name": name.map(|(kind, name)| json!({ "kind": kind_text(*kind), "name": name })),
        "lots": lots,
    })
}

fn tokens_json(tokens: &Tokens) -> Value {
    let list = tokens.tokens.iter().map(|token| {
        json!({
            "id": text_id(&token.id),
            "kind": token.kind.name(),
            "amount": number(token.amount),
        })
    });
    json!({
        "script_hash": root(Hash(tokens.script_hash)),
        "sats": number(tokens.sats),
        "tokens": list.collect::<Vec<_>>(),
    })
}

impl Running for IndexRunning {
    fn machine(&mut self) -> &mut dyn Machine {
        &mut self.0
    }

    fn fork(&self) -> Box<dyn Running> {
        Box::new(self.clone())
    }

    fn condition(&self) -> Condition {
        Condition::Running
    }

    fn status(&self) -> String {
        let (items, refused) = self.0.counts();
        let now = match (self.0.running(), self.0.in_work()) {
            (Some(running), Some((height, next, _))) => format!(
                "at operation {} of the call of transaction {next} in block {height}",
                running.position().index
            ),
            (_, Some((height, next, txs))) => {
                format!("in block {height}, {next} of {txs} transactions settled")
            }
            (_, None) => match self.0.height() {
                Some(height) => format!("after block {height}"),
                None => format!("before block {}", self.0.params().start),
            },
        };
        let items = count(&items.to_string(), "item");
        format!("{now}, {items}, {refused} inputs refused")
    }

    fn cost(&self) -> String {
        self.0.cost().to_string()
    }

    fn native_root(&mut self) -> (&'static str, Hash) {
        ("S", Hash(self.0.chains().1))
    }

    fn inspect(&self) -> &dyn Inspect {
        &self.0
    }

    fn keys(&mut self, prefix: &str) -> Vec<Key> {
        self.first_keys(prefix, usize::MAX).0
    }

    fn first_keys(&mut self, prefix: &str, limit: usize) -> (Vec<Key>, bool) {
        let listed = self.0.key_names(prefix, limit).unwrap_or_default();
        let keys = listed.names.iter();
        (
            keys.filter_map(|name| self.shown(name)).collect(),
            listed.more,
        )
    }

    fn key(&mut self, name: &str) -> Option<Key> {
        self.shown(&KeyName::parse(name)?)
    }

    fn below(&mut self, _: &str) -> Vec<Key> {
        Vec::new()
    }

    fn any(&mut self) -> Option<&mut dyn Any> {
        Some(self)
    }

    fn differences(
        &mut self,
        other: &mut dyn Running,
        prefix: &str,
        found: &mut Differs<'_>,
    ) -> Option<Result<(), HostError>> {
        let other: &mut Self = other.any()?.downcast_mut()?;
        let done = self.0.differences(&mut other.0, prefix, &mut |difference| {
            let name = difference.name;
            let sides = difference.sides.map(|side| Some(key(&name, &side?)));
            let name = name.to_string();
            found(Difference { name, sides })
        });
        Some(done)
    }

    fn stack_words(&mut self) -> Vec<String> {
        let depth = self
            .0
            .running()
            .map_or(0, |running| running.main_stack().len());
        let word = |at: usize| match self.0.look_up(&KeyName::Element(Pane::Main, at as u64)) {
            Ok(Some(KeyValue::Bytes(bytes))) => format!("0x{}", tables::hex(&bytes)),
            _ => String::from("0x"),
        };
        (0..depth).rev().map(word).collect()
    }

    fn operation(&self, _: u64) -> Option<u64> {
        None
    }

    fn place(&self, pc: u64) -> String {
        match pc {
            pc if pc >= NO_PC => String::new(),
            pc if pc >= UNLOCK_PC => format!("call+{}", pc - UNLOCK_PC),
            pc => format!("code+{pc}"),
        }
    }

    fn next_operation(&mut self) -> (String, Option<String>) {
        match (self.0.running(), self.0.in_work()) {
            (None, None) => (TAKE.into(), None),
            (None, Some((_, next, txs))) if next < txs => (format!("{SETTLE} tx {next}"), None),
            (None, Some(_)) => (CLOSE.into(), None),
            (Some(running), _) => next_of(running),
        }
    }

    fn operands(&self, opcode: u8) -> usize {
        ops::DECODE[usize::from(opcode)].map_or(0, |row| row.pops.len())
    }

    fn refused(&self) -> Option<String> {
        match self.0.last() {
            Some(Receipt::Refused(why)) => Some(format!("the block is refused: {why}")),
            _ => None,
        }
    }

    fn why(&mut self, input: &[u8]) -> Option<Why> {
        if self.0.in_work().is_some() {
            return None;
        }
        let tip = self.0.tip();
        let height = self.0.height();
        let previous = input.first_chunk().map(block::header_prev);
        let read = block::read(input).and_then(|parts| block::check_witnesses(input, &parts));
        let (refusal, block) = match read {
            Err(e) => (BlockRefusal::Malformed, vec![e.to_string()]),
            Ok(()) if tip != [0; 32] && previous != Some(tip) => {
                let previous = previous.map(|hash| displayed(&hash)).unwrap_or_default();
                let tip = displayed(&tip);
                let last =
                    height.map_or("before the first".into(), |height| format!("at {height}"));
                let block = vec![
                    format!("follows   {previous}"),
                    format!("expected  {tip}, the block {last}"),
                ];
                (BlockRefusal::Parent, block)
            }
            Ok(()) => return None,
        };
        Some(Why {
            message: format!("the block is refused: {refusal}"),
            data: json!({ "reason": refusal.to_string(), "found": block }),
            block,
            keys: vec!["tip".into()],
            ..Why::default()
        })
    }
}

/// The next operation of a call.
fn next_of(running: &avm_atomicals::script::running::Running) -> (String, Option<String>) {
    let Ok(Some((opcode, data))) = running.instruction() else {
        return (String::from("close call"), None);
    };
    if !data.is_empty() {
        let shown = tables::hex(&data[..data.len().min(SHOWN)]);
        let dots = if data.len() > SHOWN { ".." } else { "" };
        return (String::from("push"), Some(format!("0x{shown}{dots}")));
    }
    let name = ops::name(opcode);
    let name = name.map_or_else(|| format!("0x{opcode:02x}"), |name| name.into_owned());
    (name, None)
}
