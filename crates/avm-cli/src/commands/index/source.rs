//! The source that the options name.

use std::path::{Path, PathBuf};
use std::time::Duration;

use avm_atomicals::index::Network;
use avm_bitcoin::files::Root;
use avm_bitcoin::http::Auth;
use avm_bitcoin::{BlockHash, FilesSource, FollowError, RestSource, RpcSource, Source};
use bitcoin::constants::genesis_block;
use bitcoin::hashes::Hash;

use super::{IndexArgs, SourceCheck, SourceKind, check_chain, report};
use crate::context::Context;
use crate::error::{self, CliError};

/// Longest that a call of a node may take.
const CALL: Duration = Duration::from_secs(60);

/// Opens the source and sees whether it has the chain.
pub(super) fn open(
    ctx: &Context,
    args: &IndexArgs,
    network: Network,
) -> Result<Box<dyn Source>, CliError> {
    let place = &args.location;
    let failed = |error| report::follow(&FollowError::Source(error), place);
    let has_login = args.rpc_user.is_some() || args.cookie.is_some();
    if has_login && args.source != SourceKind::Rpc {
        return Err(error::usage(
            "--rpc-user and --cookie are for --source rpc; files and REST have no passwords",
        ));
    }
    let mut source: Box<dyn Source> = match args.source {
        SourceKind::Files => {
            let dir = blocks_in(Path::new(place));
            ctx.note(&format!("reading the headers in {} ...", dir.display()));
            let files = FilesSource::open(&dir, bitcoin_network(network), Root::Genesis);
            Box::new(files.map_err(failed)?)
        }
        SourceKind::Rpc => {
            let auth = match (&args.rpc_user, &args.rpc_password, &args.cookie) {
                (Some(user), Some(password), _) => Auth::User {
                    user: user.clone(),
                    password: password.clone(),
                },
                (_, _, Some(path)) => Auth::Cookie(path.clone()),
                _ => Auth::None,
            };
            Box::new(RpcSource::new(&url(place), auth, CALL))
        }
        SourceKind::Rest => Box::new(RestSource::new(&url(place), CALL)),
    };
    check_chain(&mut *source, network).map_err(|found| match found {
        SourceCheck::Failed(error) => failed(error),
        SourceCheck::Other { ours, theirs } => {
            report::other_chain(place, network.name(), &ours, &theirs)
        }
    })?;
    Ok(source)
}

/// Name of the genesis block of a network.
pub(super) fn genesis(network: Network) -> BlockHash {
    let block = genesis_block(bitcoin_network(network));
    block.block_hash().to_byte_array()
}

const fn bitcoin_network(network: Network) -> bitcoin::Network {
    match network {
        Network::Main => bitcoin::Network::Bitcoin,
        Network::Testnet3 => bitcoin::Network::Testnet,
        Network::Testnet4 => bitcoin::Network::Testnet4,
        Network::Regtest => bitcoin::Network::Regtest,
    }
}

/// The data directory of a node has its block files in `blocks`.
fn blocks_in(dir: &Path) -> PathBuf {
    let inside = dir.join("blocks");
    match inside.is_dir() {
        true => inside,
        false => dir.to_owned(),
    }
}

fn url(place: &str) -> String {
    match place.contains("://") {
        true => place.to_owned(),
        false => format!("http://{place}"),
    }
}
