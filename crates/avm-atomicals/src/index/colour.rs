//! Where the tokens of a transaction's inputs go. Spec: section 15.
//!
//! A token of the inputs goes to outputs by the rules below; what finds no output is burned. The rules
//! are those of the reference indexer, recorded in `colouring.json`. Two heights change them:
//! [`ColourRules`]. All rules see an output as its satoshis and whether it is spendable: its script
//! does not start with `6a` or `00 6a`.
//!
//! # Items (NFT)
//!
//! - *No operation*, from the dmint height: the inputs that hold items are counted from 0. What input
//!   number i of them holds goes to output i, or to output 0 if there is no output i or it is
//!   unspendable. Before the dmint height, i is the number of the input among all inputs.
//! - `x` *(splat)*: item number i in order of id goes to output i, or to output 0 as above.
//! - `y` *(split)*: all go to output 0.
//! - `z` *(custom)*, from the custom-colouring height; before it as if there were no operation. The
//!   payload has a map of outputs to amounts for an item. If the map has one key, the item goes to that
//!   output; if it has several, to output 0. In both cases some output that exists has to have an
//!   amount above 0; otherwise the item is burned. That an output is unspendable does not matter.
//! - Output 0 takes an item even if it is unspendable.
//!
//! # Units (FT)
//!
//! A token is what all inputs have of it together. To *fill* a list of outputs from a place with it:
//! each output takes its satoshis until the token has nothing left. The token *fits* if an output
//! takes the last unit and is full then. An output with fewer units left for it than it has satoshis
//! takes them from the custom-colouring height on; before it, it takes nothing. An output without
//! satoshis that is passed takes the amount 0, which is an entry like others. At the end of the list
//! the rest is burned.
//!
//! - *No operation*, and `x`: the list is the spendable outputs. Tokens go in order of the first input
//!   that has them and of their ids, before the dmint height of their ids alone. Each fills from behind
//!   the last output of the token before it. If a token gets no output, all tokens are coloured again,
//!   each filling from output 0, and many may share an output. Before the custom-colouring height one
//!   token that does not fit is enough for that.
//! - `y`: the list is all outputs, unspendable ones included, for each token on its own. It starts where
//!   the outputs before have at least as many satoshis as the payload names for the token; what is no
//!   number, or below 0, is 0, and true is 1. Before the custom-colouring height the walk also ends
//!   behind an output with more satoshis than the token has left.
//! - `z`, from the custom-colouring height; before it as if there were no operation: for each token,
//!   the outputs of its map in ascending order take the amount named, at most their satoshis, as long
//!   as the token has something left. What the map does not name is burned.
//!
//! The colouring is *clean* if every token fits without being coloured again, for `y` if nothing is
//! burned and no output is partly coloured, for `z` likewise.
//!
//! # Where this is not the reference
//!
//! - The reference lets the last output of a `z` take its amount even if the token has less left: units
//!   come out of nothing. [`ColourRules::conserve`] decides: without it, they do, and
//!   [`Colours::ft_created`] says how many; with it, an output takes no more than is left.
//! - When all tokens are coloured again, the reference goes on reporting what the first attempt would
//!   have burned. Here burned is what is burned.
//! - The reference loses an item of a `z` that sits on no satoshi. Here it goes where the payload says.
//! - A transaction makes at most [`PAIRS_MAX`] pairs of output and token; a token that would need more
//!   is burned from there on, and the colouring is not clean. Without a bound, 1,000 tokens that share
//!   an input colour 11,000 outputs of a 100 kB transaction: 11 million pairs.
//!
//! # Cost
//!
//! With n tokens on the inputs, m outputs and p pairs made: O(n log n + m + n log m + p log p), and the
//! size of the payload. No walk is repeated per token: where it ends is a search in sums of satoshis.

mod payload;

use alloc::{
    collections::{BTreeMap, BTreeSet},
    vec::Vec,
};

use super::AtomicalId;
pub use payload::{How, Wanted};

/// Most pairs of output and token that one transaction makes. The reference has no limit.
pub const PAIRS_MAX: usize = 1 << 16;

/// What a token is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Units, each on a satoshi.
    Ft,
    /// One item.
    Nft,
}

/// A token on an input of a transaction.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Held {
    /// The token.
    pub id: AtomicalId,
    /// What it is.
    pub kind: Kind,
    /// Number of the input.
    pub input: u32,
    /// Units it has there; of an item, the satoshis it sits on.
    pub amount: u64,
}

/// An output as colouring sees it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Output {
    /// Its satoshis.
    pub sats: u64,
    /// Whether its script can be satisfied: [`is_spendable`].
    pub spendable: bool,
}

/// Whether an output with this script can be spent: it starts with neither `6a` nor `00 6a`.
#[must_use]
pub fn is_spendable(script: &[u8]) -> bool {
    !matches!(script, [0x6a, ..] | [0x00, 0x6a, ..])
}

/// Which rules are in force.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct ColourRules {
    /// The dmint height is reached: tokens go in order of inputs.
    pub fifo: bool,
    /// The custom-colouring height is reached: outputs may be partly coloured, and `z` has a meaning.
    pub custom: bool,
    /// A `z` gives no more units than there are. The reference does not check that.
    pub conserve: bool,
}

/// Where tokens go.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Colours {
    /// Units by output and token, never above the output's satoshis. An amount may be 0.
    pub ft: BTreeMap<(u32, AtomicalId), u64>,
    /// Items by output; an item is on one output at most.
    pub nft: BTreeSet<(u32, AtomicalId)>,
    /// Units without an output, none of them 0.
    pub ft_burned: BTreeMap<AtomicalId, u64>,
    /// Units that outputs have and inputs had not, none of them 0. Empty with
    /// [`ColourRules::conserve`].
    pub ft_created: BTreeMap<AtomicalId, u64>,
    /// Items without an output.
    pub nft_burned: BTreeSet<AtomicalId>,
    /// What the amounts of a `z` leave of an item's satoshis, none of them 0. The reference reports it
    /// as burned, even of an item that has an output; it has no effect.
    pub nft_short: BTreeMap<AtomicalId, u64>,
    /// Whether every unit went to an output that is full.
    pub clean: bool,
}

/// Where the tokens on the inputs go. More than `u64::MAX` units of a token, which no chain has, are
/// taken for `u64::MAX`. An item on several inputs counts where it is first.
#[must_use]
pub fn colour(outputs: &[Output], held: &[Held], how: &How, rules: ColourRules) -> Colours {
    let mut held: Vec<Held> = held.to_vec();
    held.sort_by_key(|token| (token.input, token.id));
    let mut colours = Colours {
        clean: true,
        ..Colours::default()
    };
    items(&mut colours, outputs, &held, how, rules);
    let tokens = tokens(&held, rules);
    match how {
        How::Split(skips) => split(&mut colours, outputs, &tokens, skips, rules),
        How::Custom(wanted) if rules.custom => {
            custom(&mut colours, outputs, &tokens, wanted, rules);
        }
        _ => default(&mut colours, outputs, &tokens, rules),
    }
    colours
}

fn items(colours: &mut Colours, outputs: &[Output], held: &[Held], how: &How, rules: ColourRules) {
    let or_first = |i: usize| match outputs.get(i) {
        Some(output) if output.spendable => i,
        _ => 0,
    };
    let mut seen = BTreeMap::new();
    let mut holders = 0;
    let mut last = None;
    for token in held.iter().filter(|token| token.kind == Kind::Nft) {
        if last != Some(token.input) {
            holders += 1;
            last = Some(token.input);
        }
        let holder = if rules.fifo {
            holders - 1
        } else {
            index(token.input)
        };
        seen.entry(token.id).or_insert((holder, token.amount));
    }
    for (rank, (id, (holder, amount))) in seen.into_iter().enumerate() {
        let to = match how {
            How::Splat => Some(or_first(rank)),
            How::Split(_) => Some(0),
            How::Custom(wanted) if rules.custom => {
                let wanted = wanted.get(&id);
                let named = |wanted: &Wanted| {
                    let on_outputs = wanted.amounts.iter();
                    let on_outputs = on_outputs.take_while(|(to, _)| index(**to) < outputs.len());
                    on_outputs.fold(0_u64, |sum, (_, amount)| sum.saturating_add(*amount))
                };
                let short = amount.saturating_sub(wanted.map_or(0, named));
                if short > 0 {
                    colours.nft_short.insert(id, short);
                }
                wanted.and_then(|wanted| {
                    let first = index(*wanted.amounts.keys().next()?);
                    (first < outputs.len()).then_some(if wanted.several { 0 } else { first })
                })
            }
            _ => Some(or_first(holder)),
        };
        match to {
            Some(to) if to < outputs.len() => {
                colours.nft.insert((number(to), id));
            }
            _ => {
                colours.nft_burned.insert(id);
            }
        }
    }
}

/// The tokens with units in their order, each with what all inputs have of it.
fn tokens(held: &[Held], rules: ColourRules) -> Vec<(AtomicalId, u64)> {
    let mut totals: BTreeMap<AtomicalId, (usize, u64)> = BTreeMap::new();
    for (place, token) in held.iter().enumerate() {
        if token.kind == Kind::Ft {
            let (_, total) = totals.entry(token.id).or_insert((place, 0));
            *total = total.saturating_add(token.amount);
        }
    }
    let mut tokens: Vec<_> = totals.into_iter().collect();
    if rules.fifo {
        tokens.sort_by_key(|(_, (place, _))| *place);
    }
    let tokens = tokens.into_iter();
    tokens.map(|(id, (_, total))| (id, total)).collect()
}

fn default(
    colours: &mut Colours,
    outputs: &[Output],
    tokens: &[(AtomicalId, u64)],
    rules: ColourRules,
) {
    let list = List::new(outputs, |output| output.spendable);
    let (mut plan, mut from, mut again) = (Vec::new(), 0, false);
    for &(id, total) in tokens {
        let (to, fits) = list.fill(from, total, rules.custom);
        again = to == from || !(fits || rules.custom);
        if again {
            break;
        }
        colours.clean &= fits;
        plan.push((id, total, from, to));
        from = to;
    }
    if again {
        colours.clean = false;
        let all = tokens.iter();
        plan = all
            .map(|&(id, total)| (id, total, 0, list.fill(0, total, rules.custom).0))
            .collect();
    }
    for (id, total, from, to) in plan {
        colours.paint(id, total, &list.outputs[from..to]);
    }
}

fn split(
    colours: &mut Colours,
    outputs: &[Output],
    tokens: &[(AtomicalId, u64)],
    skips: &BTreeMap<AtomicalId, u64>,
    rules: ColourRules,
) {
    let list = List::new(outputs, |_| true);
    for &(id, total) in tokens {
        let skip = u128::from(skips.get(&id).copied().unwrap_or(0));
        let from = list.sums.partition_point(|sum| *sum < skip);
        let from = from.min(list.outputs.len());
        let (mut to, mut fits) = list.fill(from, total, rules.custom);
        if !rules.custom {
            let more = |at: usize| {
                let left = u128::from(total) - (list.sums[at + 1] - list.sums[from]);
                left > 0 && u128::from(list.outputs[at].1) > left
            };
            // Pairs past the bound are not made, so that looking further is of no use.
            let seen = to.min(from.saturating_add(colours.room()));
            if let Some(at) = (from..seen).find(|at| more(*at)) {
                (to, fits) = (at + 1, false);
            }
        }
        // Where no output is left, nothing fits.
        let nothing = total == 0 && from == list.outputs.len();
        colours.clean &= fits || nothing;
        colours.paint(id, total, &list.outputs[from..to]);
    }
}

fn custom(
    colours: &mut Colours,
    outputs: &[Output],
    tokens: &[(AtomicalId, u64)],
    wanted: &BTreeMap<AtomicalId, Wanted>,
    rules: ColourRules,
) {
    for &(id, total) in tokens {
        let mut left = total;
        for (&to, &amount) in wanted.get(&id).iter().flat_map(|wanted| &wanted.amounts) {
            let Some(output) = outputs.get(index(to)) else {
                break;
            };
            if left == 0 || colours.room() == 0 {
                break;
            }
            let most = amount.min(output.sats);
            let amount = if rules.conserve { most.min(left) } else { most };
            colours.clean &= amount == output.sats;
            colours.ft.insert((to, id), amount);
            if amount > left {
                colours.ft_created.insert(id, amount - left);
            }
            left = left.saturating_sub(amount);
        }
        colours.burn(id, left);
    }
}

impl Colours {
    /// How many pairs may still be made.
    fn room(&self) -> usize {
        PAIRS_MAX.saturating_sub(self.ft.len())
    }

    /// Gives the outputs their satoshis in units as long as there are some, and burns the rest.
    fn paint(&mut self, id: AtomicalId, total: u64, outputs: &[(u32, u64)]) {
        let mut left = total;
        self.clean &= outputs.len() <= self.room();
        for &(to, sats) in &outputs[..outputs.len().min(self.room())] {
            let amount = sats.min(left);
            self.ft.insert((to, id), amount);
            left -= amount;
        }
        self.burn(id, left);
    }

    fn burn(&mut self, id: AtomicalId, amount: u64) {
        if amount > 0 {
            self.clean = false;
            self.ft_burned.insert(id, amount);
        }
    }
}

/// Outputs to fill, and what they have together.
struct List {
    /// Number and satoshis.
    outputs: Vec<(u32, u64)>,
    /// At i, the satoshis of the first i outputs.
    sums: Vec<u128>,
}

impl List {
    fn new(outputs: &[Output], takes: impl Fn(&Output) -> bool) -> Self {
        let all = (0..).zip(outputs);
        let outputs: Vec<_> = all
            .filter(|(_, output)| takes(output))
            .map(|(i, output)| (i, output.sats))
            .collect();
        let mut sum = 0;
        let mut sums = alloc::vec![0];
        sums.extend(outputs.iter().map(|(_, sats)| {
            sum += u128::from(*sats);
            sum
        }));
        List { outputs, sums }
    }

    /// The end of the outputs that `total` units fill from the place `from`, and whether it fits.
    /// `partly`: the last may have more satoshis than there are units.
    fn fill(&self, from: usize, total: u64, partly: bool) -> (usize, bool) {
        let goal = self.sums[from] + u128::from(total);
        let behind = &self.sums[from + 1..];
        let last = from + behind.partition_point(|sum| *sum < goal);
        match self.sums.get(last + 1) {
            None => (last, false),
            Some(sum) if *sum == goal => (last + 1, true),
            Some(_) => (last + usize::from(partly), false),
        }
    }
}

/// A number of an input or output as a place in a list.
fn index(number: u32) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

/// A place in a list of outputs as their number.
fn number(index: usize) -> u32 {
    u32::try_from(index).expect("a transaction has fewer outputs")
}
