//! What can be typed after `avm dispute`.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use avm_dispute::MAX_ARITY;
use clap::{Args, Subcommand};

use crate::cli::{Inputs, time};

/// The commands of `avm dispute`.
#[derive(Debug, Subcommand)]
pub enum DisputeCommand {
    /// Play a game in this process: one honest party against liars, with real proofs
    Play(Play),
    /// Referee a game over TCP
    Serve(Serve),
    /// Join a game as a party
    Join(Join),
    /// Watch a game at an address or in a file, checking everything in it
    Watch(Watch),
    /// List the games in a directory
    List {
        /// The directory [default: this one]
        dir: Option<PathBuf>,
    },
    /// Check a game file and show what happened; the verdict is computed again
    #[command(alias = "verify")]
    Show {
        /// The game file
        file: PathBuf,
        /// The segments that were argued about, as a tree, with who said what
        #[arg(long)]
        as_tree: bool,
        /// Moves and bytes by party and round
        #[arg(long)]
        cost: bool,
        /// Every record with all its hashes
        #[arg(long)]
        moves: bool,
    },
}

impl DisputeCommand {
    /// Whether the JSON is a stream.
    #[must_use]
    pub fn streams(&self) -> bool {
        matches!(self, Self::Serve(_) | Self::Join(_) | Self::Watch(_))
    }
}

/// `avm dispute play`.
#[derive(Args, Debug)]
pub struct Play {
    /// Program or .avmlog
    pub file: String,
    /// Its inputs.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Adds a liar: step=N (wrong from step N on), long=N, short=N (a run N steps longer, shorter),
    /// input=N (another input N), silent=ROUND (says nothing from that round on), late (always after
    /// the round), random (says anything) [default: one, from a random step on]
    #[arg(long = "liar", value_name = "KIND", value_parser = lie)]
    pub liars: Vec<Lie>,
    /// Parts that a segment is cut into
    #[arg(long, value_name = "K", default_value_t = 2, value_parser = arity())]
    pub arity: u32,
    /// Number from which keys and everything random follow
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub seed: u64,
    /// Game file to write; the proof gets the same name with .avmproof [default: dispute-N.avmdispute]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// `avm dispute serve`.
#[derive(Args, Debug)]
pub struct Serve {
    /// Program or .avmlog
    pub file: String,
    /// Its inputs.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Where to listen; port 0 takes a free one
    #[arg(long, value_name = "ADDRESS", default_value = "127.0.0.1:0")]
    pub listen: SocketAddr,
    /// Time for the moves of a round
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    pub round: Duration,
    /// Time to join
    #[arg(long, value_name = "TIME", default_value = "30s", value_parser = time)]
    pub join: Duration,
    /// Begin as soon as N have joined; only where all parties are known, as late ones are shut out
    #[arg(long, value_name = "N", default_value_t = 0)]
    pub parties: u16,
    /// Most parts that a segment is cut into
    #[arg(long, value_name = "K", default_value_t = MAX_ARITY, value_parser = arity())]
    pub arity: u32,
    /// Game file; one that exists is gone on with [default: dispute-N.avmdispute]
    #[arg(short, long, value_name = "FILE")]
    pub output: Option<PathBuf>,
    /// Key file of the referee [default: that of the game with .key]
    #[arg(long, value_name = "FILE")]
    pub key: Option<PathBuf>,
    /// Time after the verdict in which parties can still fetch it
    #[arg(long, value_name = "TIME", default_value = "10s", value_parser = time)]
    pub linger: Duration,
    /// Let other machines connect
    #[arg(long)]
    pub allow_remote: bool,
}

/// `avm dispute join`.
#[derive(Args, Debug)]
pub struct Join {
    /// Address of the referee, HOST:PORT
    pub address: String,
    /// Program or .avmlog
    pub file: String,
    /// Its inputs.
    #[command(flatten)]
    pub inputs: Inputs,
    /// Key file of the party; it is made if there is none
    #[arg(long, value_name = "FILE", default_value = "dispute.key")]
    pub key: PathBuf,
    /// Insist on this referee
    #[arg(long, value_name = "KEY")]
    pub referee: Option<String>,
    /// Tell a lie, as play --liar does: step=N, long=N, short=N or input=N (for demonstrations)
    #[arg(long, value_name = "KIND", value_parser = lie)]
    pub lie: Option<Lie>,
    /// How long to try again when nobody answers
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    pub patience: Duration,
}

/// `avm dispute watch`.
#[derive(Args, Debug)]
pub struct Watch {
    /// Address of the referee, HOST:PORT, or a game file
    pub target: String,
    /// How long to try again when nobody answers
    #[arg(long, value_name = "TIME", default_value = "60s", value_parser = time)]
    pub patience: Duration,
}

/// A way not to tell the truth.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Lie {
    /// Every state from this step on is wrong.
    Step(u64),
    /// The run goes on for so many steps more.
    Long(u64),
    /// The run is over so many steps sooner.
    Short(u64),
    /// This input was another one.
    Input(u64),
    /// Wrong from a random step on, and says nothing from this round on.
    Silent(u32),
    /// Wrong from a random step on, and always too late.
    Late,
    /// Says anything about every step.
    Random,
}

impl std::fmt::Display for Lie {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Lie::Step(n) => write!(f, "step={n}"),
            Lie::Long(n) => write!(f, "long={n}"),
            Lie::Short(n) => write!(f, "short={n}"),
            Lie::Input(n) => write!(f, "input={n}"),
            Lie::Silent(n) => write!(f, "silent={n}"),
            Lie::Late => write!(f, "late"),
            Lie::Random => write!(f, "random"),
        }
    }
}

fn arity() -> clap::builder::RangedU64ValueParser<u32> {
    clap::builder::RangedU64ValueParser::new().range(2..=u64::from(MAX_ARITY))
}

fn lie(text: &str) -> Result<Lie, String> {
    let expected =
        || "expected step=N, long=N, short=N, input=N, silent=ROUND, late or random".to_owned();
    let (kind, value) = match text.split_once('=') {
        None => (text, None),
        Some((kind, value)) => {
            let value = value.replace('_', "").parse::<u64>();
            (kind, Some(value.map_err(|_| expected())?))
        }
    };
    Ok(match (kind, value) {
        ("step", Some(n)) => Lie::Step(n),
        ("long", Some(n)) => Lie::Long(n),
        ("short", Some(n)) => Lie::Short(n),
        ("input", Some(n)) => Lie::Input(n),
        ("silent", Some(n)) => Lie::Silent(u32::try_from(n).map_err(|_| expected())?),
        ("late", None) => Lie::Late,
        ("random", None) => Lie::Random,
        _ => return Err(expected()),
    })
}
