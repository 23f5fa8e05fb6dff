//! What can be typed after `avm dev`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// Who does it, and whether a block follows.
#[derive(Args, Clone, Debug)]
pub struct By {
    /// Whose key pays and signs; any name is a key, and has the miner's money
    #[arg(long = "as", value_name = "WHO", default_value = "alice")]
    pub by: String,
    /// Let it wait for the next block
    #[arg(long)]
    pub no_mine: bool,
}

/// Commands of a local chain.
#[derive(Debug, Subcommand)]
pub enum DevCommand {
    /// Make a chain of 110 empty blocks
    Init {
        /// Directory, which is made if it is not there [default: this one]
        #[arg(value_name = "DIR")]
        at: Option<PathBuf>,
    },
    /// What is on the chain, and its root
    Status,
    /// Publish code as a protocol
    Def {
        /// Name of the protocol: small letters, digits and `_`, 12 at most
        name: String,
        /// Assembler text (.script), hex, or a JSON contract
        code: PathBuf,
        /// Who, and whether a block follows.
        #[command(flatten)]
        by: By,
    },
    /// Deploy a contract, and publish its code first if no protocol has it
    Deploy {
        /// Name of the contract: small letters and digits, 12 at most
        name: String,
        /// Assembler text (.script), hex, or a JSON contract
        code: PathBuf,
        /// Arguments of the constructor
        #[arg(value_name = "ARG", allow_negative_numbers = true)]
        args: Vec<String>,
        /// Of this protocol [default: the one with the code, else one named as the contract]
        #[arg(long, value_name = "NAME")]
        protocol: Option<String>,
        /// Who, and whether a block follows.
        #[command(flatten)]
        by: By,
    },
    /// Call a method of a contract
    #[command(
        long_about = "Calls a method of a contract. Arguments are written as the contract declares them; `key:alice` \
        stands for a public key, `script:alice` for the script of its outputs, `token:gold` for a token and \
        `id:vault` for a contract, as bytes.\n\n\
        Output 0 is the first --output; if there is none, the caller gets what --with brings back, or 546 \
        satoshis. A method that withdraws units needs an output with as many satoshis.\n\n\
        A method that asks who calls is signed, if its code came from assembler text; --sign and --no-sign \
        say so for others. Exits 1 if the call was refused or failed: what it brought along then \
        goes to the outputs in their order."
    )]
    Call {
        /// Its name or id
        contract: String,
        /// The method; without methods, the first word to push
        #[arg(default_value = "", allow_negative_numbers = true)]
        method: String,
        /// Arguments
        #[arg(value_name = "ARG", allow_negative_numbers = true)]
        args: Vec<String>,
        /// Tokens that the call brings along: TOKEN:UNITS, or TOKEN for an item
        #[arg(long, value_name = "TOKEN")]
        with: Vec<String>,
        /// An output: SATS:WHO
        #[arg(long, value_name = "OUTPUT")]
        output: Vec<String>,
        /// Sign it even if the method does not ask
        #[arg(long, conflicts_with = "no_sign")]
        sign: bool,
        /// Do not sign it even if the method asks
        #[arg(long)]
        no_sign: bool,
        /// Who, and whether a block follows.
        #[command(flatten)]
        by: By,
    },
    /// Mint a token
    Mint {
        /// What.
        #[command(subcommand)]
        what: MintCommand,
    },
    /// Send units of a token, or an item
    Transfer {
        /// Its name or id
        token: String,
        /// Units; 1 for an item
        amount: u64,
        /// To whom
        to: String,
        /// Who, and whether a block follows.
        #[command(flatten)]
        by: By,
    },
    /// Mine blocks, the first with what waits
    Mine {
        /// How many
        #[arg(default_value_t = 1, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        blocks: u32,
    },
    /// Take blocks back and mine one more than that, with the same transactions
    Reorg {
        /// How many
        depth: u32,
        /// All transactions in the first new block, instead of as they were
        #[arg(long)]
        together: bool,
        /// Take back only; the transactions wait
        #[arg(long)]
        no_mine: bool,
    },
    /// Let time pass: the next block comes so many seconds later
    Warp {
        /// Seconds
        seconds: u32,
        /// Do not mine it yet
        #[arg(long)]
        no_mine: bool,
    },
    /// What a key or a contract has
    Balance {
        /// Its name
        who: String,
    },
}

/// What can be minted.
#[derive(Debug, Subcommand)]
pub enum MintCommand {
    /// A token of fixed supply, of which each unit sits on a satoshi
    Ft {
        /// Its ticker: small letters and digits, 21 at most
        ticker: String,
        /// Units
        #[arg(value_parser = clap::value_parser!(u64).range(1..=1_000_000_000_000))]
        supply: u64,
        /// For whom [default: who mints]
        #[arg(long, value_name = "WHO")]
        to: Option<String>,
        /// Who, and whether a block follows.
        #[command(flatten)]
        by: By,
    },
    /// One item
    Nft {
        /// A realm to ask for
        realm: Option<String>,
        /// For whom [default: who mints]
        #[arg(long, value_name = "WHO")]
        to: Option<String>,
        /// Who, and whether a block follows.
        #[command(flatten)]
        by: By,
    },
    /// A token that is minted in equal lots
    Dft {
        /// Its ticker: small letters and digits, 21 at most
        ticker: String,
        /// Units of a lot
        #[arg(long, value_name = "UNITS", default_value_t = 1_000)]
        lot: u32,
        /// Most lots
        #[arg(long, value_name = "N", default_value_t = 1_000)]
        max: u32,
        /// Who, and whether a block follows.
        #[command(flatten)]
        by: By,
    },
    /// A lot of such a token
    Lot {
        /// Its ticker
        ticker: String,
        /// For whom [default: who mints]
        #[arg(long, value_name = "WHO")]
        to: Option<String>,
        /// Who, and whether a block follows.
        #[command(flatten)]
        by: By,
    },
}
