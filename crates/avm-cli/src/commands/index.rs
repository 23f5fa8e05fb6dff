//! `avm index`: brings the chain of a Bitcoin node into a store, and goes on with it.
//!
//! A round ([`Follower::round`]) takes back what the node no longer has, appends the next blocks
//! to the log, runs them, and keeps the result. Whatever ends the process in between, the next one
//! goes on from there.

use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use avm_atomicals::index::{Index, Network, Params};
use avm_bitcoin::source::hex as block_name;
use avm_bitcoin::{FollowError, Follower, Options, Progress, Source, SourceError, block};
use avm_core::{Claim, Hash, Inbox};
use avm_store::Store;
use clap::{Args, ValueEnum};
use serde_json::{Value, json};

use crate::context::Context;
use crate::error::CliError;
use crate::output::{Reply, count, hex, number, root, row, seconds};

mod complete;
mod place;
mod progress;
mod report;
mod source;

use complete::CompleteIndex;
pub(super) use place::said;
use progress::Meter;

/// How long to wait for the next block.
const POLL: Duration = Duration::from_millis(500);
/// Longest wait after a node gave no answer.
const PATIENCE: Duration = Duration::from_secs(30);

/// Where blocks come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum SourceKind {
    /// The block files of a node, `blkNNNNN.dat`; the node need not run
    Files,
    /// Its JSON-RPC
    Rpc,
    /// Its REST interface; for a node with -rest
    Rest,
}

/// A Bitcoin network.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub enum ChainName {
    /// The main network
    Mainnet,
    /// The third test network
    Testnet3,
    /// The fourth test network
    Testnet4,
    /// A chain of one's own
    Regtest,
}

impl ChainName {
    const fn network(self) -> Network {
        match self {
            Self::Mainnet => Network::Main,
            Self::Testnet3 => Network::Testnet3,
            Self::Testnet4 => Network::Testnet4,
            Self::Regtest => Network::Regtest,
        }
    }
}

/// `avm index`.
#[derive(Args, Debug)]
pub struct IndexArgs {
    /// Where blocks come from
    #[arg(long, value_name = "KIND")]
    pub source: SourceKind,
    /// Directory of the block files, or address of the node
    pub location: String,
    /// Bitcoin network [default: that of the store, or mainnet]
    #[arg(long, value_name = "NAME")]
    pub chain: Option<ChainName>,
    /// Height of the first block [default: the first that can matter on the chain]
    #[arg(long, value_name = "HEIGHT")]
    pub start: Option<u32>,
    /// Height of the last block
    #[arg(long, value_name = "HEIGHT")]
    pub stop_at: Option<u32>,
    /// Directory of the log and the states [default: index-CHAIN, here or in --home]
    #[arg(long, value_name = "DIR")]
    pub store: Option<PathBuf>,
    /// Most blocks that a reorg may take back
    #[arg(long, value_name = "N", default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=100_000))]
    pub depth: u32,
    /// Most blocks between two checkpoints
    #[arg(long, value_name = "N", default_value_t = 500, hide = true, value_parser = clap::value_parser!(u32).range(1..=10_000))]
    pub batch: u32,
    /// End at the tip
    #[arg(long, conflicts_with = "follow")]
    pub once: bool,
    /// Wait for further blocks at the tip, until Ctrl-C [this is the default]
    #[arg(long)]
    pub follow: bool,
    /// User of the node's JSON-RPC
    #[arg(
        long,
        value_name = "NAME",
        requires = "rpc_password",
        conflicts_with = "cookie"
    )]
    pub rpc_user: Option<String>,
    /// Password of the node's JSON-RPC; in AVM_RPC_PASSWORD other users of this machine cannot see it
    #[arg(
        long,
        value_name = "TEXT",
        env = "AVM_RPC_PASSWORD",
        hide_env_values = true
    )]
    pub rpc_password: Option<String>,
    /// Cookie file of the node, usually .cookie in its data directory
    #[arg(long, value_name = "FILE")]
    pub cookie: Option<PathBuf>,
}

/// What a command did, all rounds together.
#[derive(Default)]
struct Total {
    run: u64,
    bytes: u64,
    taken_back: u64,
}

/// `avm index`.
///
/// # Errors
/// If source or store fail or do not belong together.
pub fn index(ctx: &Context, args: &IndexArgs) -> Result<Reply, CliError> {
    if args.source != SourceKind::Files {
        super::dispute::check_online(ctx)?;
    }
    let place = place::find(ctx, args)?;
    // The source first: what fails there leaves no store behind.
    let mut source = source::open(ctx, args, place.network)?;
    let vm = Arc::new(CompleteIndex::new(ctx.memory_limit(), ctx.global.quiet));
    let store = place::open(ctx, &place, vm.clone())?;
    let options = Options {
        start: place.params.start,
        stop_at: args.stop_at,
        kept_depth: args.depth,
        batch_blocks: args.batch,
        ..Options::default()
    };
    let name = place.dir.display().to_string();
    let failed = |error: &FollowError| report::follow(error, &name);
    let mut follower = Follower::open(&store, vm, options).map_err(|error| failed(&error))?;
    let mut run = Run {
        ctx,
        params: place.params,
        store: &store,
        meter: Meter::default(),
        total: Total::default(),
        told: false,
    };
    let (mut met, mut wait) = (false, POLL);
    loop {
        let before = follower.claim();
        match follower.round(&mut *source) {
            Ok(progress) => {
                (met, wait) = (true, POLL);
                run.round(&before, &progress)?;
                let ends = args.once || reached(args, place.params.start, &progress);
                match (progress.done, ends) {
                    (true, true) => return run.end(progress, &name),
                    (true, false) => run.idle(&progress)?,
                    (false, _) => {}
                }
            }
            Err(error) if met && !args.once && report::may_pass(&error) => {
                ctx.end_progress();
                ctx.note(&format!("waiting: {error}"));
                std::thread::sleep(wait);
                wait = (wait * 2).min(PATIENCE);
            }
            Err(error) => {
                run.meter.clear();
                return Err(failed(&error));
            }
        }
    }
}

/// Whether the last block asked for is in, or before the first.
fn reached(args: &IndexArgs, start: u32, progress: &Progress) -> bool {
    let is_in = |stop| progress.height.is_some_and(|height| height >= stop);
    args.stop_at.is_some_and(|stop| stop < start || is_in(stop))
}

/// What is shown of a run.
struct Run<'a> {
    ctx: &'a Context,
    /// Whether it was said that blocks are refused.
    told: bool,
    params: Params,
    store: &'a Arc<Store>,
    meter: Meter,
    total: Total,
}

impl Run<'_> {
    /// Height of the last block of a claim, if it has one.
    fn height(&self, claim: &Claim) -> Option<u32> {
        let last = u32::try_from(claim.inputs.checked_sub(1)?).ok()?;
        self.params.start.checked_add(last)
    }

    /// Name of the last block of a claim, as it is displayed.
    fn name(&self, claim: &Claim) -> Result<Option<String>, CliError> {
        let Some(last) = claim.inputs.checked_sub(1) else {
            return Ok(None);
        };
        let input = Inbox::get(&**self.store, last);
        let input = input.map_err(|error| crate::error::host(&error, last, "the store"))?;
        let header = input.filter(|input| input.len() >= block::HEADER_BYTES);
        Ok(header.map(|input| block_name(&block::name(&input))))
    }

    /// Shows what a round did.
    fn round(&mut self, before: &Claim, progress: &Progress) -> Result<(), CliError> {
        let claim = progress.claim;
        self.total.run += u64::from(progress.run);
        self.total.bytes += progress.bytes;
        self.total.taken_back += u64::from(progress.taken_back);
        if progress.taken_back > 0 {
            self.reorg(before, progress)?;
        }
        if progress.run == 0 {
            return Ok(());
        }
        // One that is refused takes all after it along, so it must not pass in silence.
        let refused = self.known(&claim)?.map_or(0, |known| known.refused);
        if refused > 0 && !self.told {
            self.told = true;
            self.meter.clear();
            self.ctx.note(&format!(
                "{} refused, and so is what follows: `avm trace {}@:fail` has the reason",
                count(&refused.to_string(), "input"),
                self.store.log().path().display()
            ));
        }
        if self.ctx.global.json {
            let record = json!({
                "t": "blocks", "height": self.height(&claim), "tip": progress.tip,
                "block": self.name(&claim)?, "root": root(claim.state),
                "blocks": progress.run, "bytes": number(progress.bytes),
            });
            self.record(&record)?;
        }
        if !self.ctx.global.quiet {
            let height = self.height(&claim).unwrap_or(0);
            self.meter.take(progress.run, progress.bytes);
            self.meter.show(height, progress.tip, claim.state);
        }
        Ok(())
    }

    fn reorg(&mut self, before: &Claim, progress: &Progress) -> Result<(), CliError> {
        let claim = progress.claim;
        let (old, new) = (self.height(before), self.height(&claim));
        self.meter.clear();
        let at = |height: Option<u32>| height.map_or("genesis".into(), |at| format!("b{at}"));
        self.ctx.note(&format!(
            "reorg: {} taken back\n  old root  {}  {}\n  new root  {}  {}",
            count(&progress.taken_back.to_string(), "block"),
            before.state,
            at(old),
            claim.state,
            at(new),
        ));
        if self.ctx.global.json {
            self.record(&json!({
                "t": "reorg", "taken_back": progress.taken_back,
                "old": { "height": old, "root": root(before.state) },
                "new": { "height": new, "root": root(claim.state), "block": self.name(&claim)? },
            }))?;
        }
        Ok(())
    }

    /// Nothing to do until there is another block.
    fn idle(&mut self, progress: &Progress) -> Result<(), CliError> {
        let height = self.height(&progress.claim);
        if !self.ctx.global.quiet {
            self.meter.idle(height, progress.tip, progress.claim.state);
        }
        std::thread::sleep(POLL);
        Ok(())
    }

    fn record(&self, record: &Value) -> Result<(), CliError> {
        self.ctx.write(&format!("{record}\n"))?;
        self.ctx.flush()
    }

    /// The result.
    fn end(&mut self, progress: Progress, store: &str) -> Result<Reply, CliError> {
        self.meter.clear();
        let claim = progress.claim;
        let height = self.height(&claim);
        let name = self.name(&claim)?;
        let known = self.known(&claim)?;
        let took = self.ctx.started.elapsed().as_secs_f64();
        let chain = |of: fn(&Known) -> [u8; 32]| known.as_ref().map(|known| hex(&of(known)));
        let refused = known.as_ref().map_or(0, |known| known.refused);
        if self.ctx.global.json {
            self.record(&json!({
                "t": "end", "schema": "avm/1", "ok": true,
                "height": height, "tip": progress.tip, "block": name,
                "root": root(claim.state), "blocks_chain": chain(|known| known.blocks_chain),
                "states_chain": chain(|known| known.states_chain),
                "inputs": number(claim.inputs), "refused": number(refused),
                "blocks": number(self.total.run), "bytes": number(self.total.bytes),
                "taken_back": number(self.total.taken_back), "seconds": took, "store": store,
            }))?;
            return Ok(Reply::streamed());
        }
        let mut text = match height {
            Some(height) => row("height", format!("b{height}")),
            None => row("height", format!("before b{}", self.params.start)),
        };
        if let Some(name) = name {
            text += &row("block", name);
        }
        text += &row("root", claim.state);
        if let Some(known) = &known {
            text += &row("T", Hash(known.blocks_chain));
            text += &row("S", Hash(known.states_chain));
        }
        let blocks = count(&self.total.run.to_string(), "block");
        let rate = self.total.run as f64 / took;
        text += &row(
            "done",
            format!("{blocks} in {}, {rate:.0} a second", seconds(took)),
        );
        text += &row("store", store);
        let mut reply = Reply::new(text, Value::Null);
        if refused > 0 {
            reply.warnings.push(format!(
                "{refused} inputs were refused, so heights are not those of the node"
            ));
        }
        Ok(reply)
    }

    /// What the state at a claim says about itself; `None` before the first block.
    fn known(&self, claim: &Claim) -> Result<Option<Known>, CliError> {
        if claim.inputs == 0 {
            return Ok(None);
        }
        let machine = Index::default().open(claim.state, self.store.clone());
        let machine = machine.map_err(|error| {
            report::follow(
                &error.into(),
                &self.store.log().path().display().to_string(),
            )
        })?;
        let (blocks_chain, states_chain) = machine.chains();
        let (_, refused) = machine.counts();
        Ok(Some(Known {
            blocks_chain,
            states_chain,
            refused,
        }))
    }
}

/// What a state says about itself.
struct Known {
    blocks_chain: [u8; 32],
    states_chain: [u8; 32],
    refused: u64,
}

/// Whether two blocks names are the same; the genesis block tells chains apart.
fn check_chain(source: &mut dyn Source, network: Network) -> Result<(), SourceCheck> {
    let ours = source::genesis(network);
    match source.hash_at(0).map_err(SourceCheck::Failed)? {
        Some(theirs) if theirs != ours => Err(SourceCheck::Other { ours, theirs }),
        _ => Ok(()),
    }
}

/// Why a source is not used.
enum SourceCheck {
    /// It gave no answer.
    Failed(SourceError),
    /// Its chain begins with another block.
    Other {
        /// As the network has it.
        ours: [u8; 32],
        /// As the source has it.
        theirs: [u8; 32],
    },
}
