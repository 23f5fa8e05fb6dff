//! The store of an index: which one, and what it is an index of.

use std::path::PathBuf;
use std::sync::Arc;

use avm_atomicals::Rules;
use avm_atomicals::index::{Network, Params};
use avm_core::Vm;
use avm_store::{LogReader, Store, StoreError};

use super::{ChainName, IndexArgs};
use crate::codes;
use crate::context::Context;
use crate::error::{self, CliError};

/// Where a store is or will be, and its parameters.
pub(super) struct Place {
    pub dir: PathBuf,
    pub params: Params,
    pub network: Network,
    exists: bool,
}

/// Finds the store and reads its parameters, or takes those asked for if there is none.
pub(super) fn find(ctx: &Context, args: &IndexArgs) -> Result<Place, CliError> {
    let chain = args.chain.unwrap_or(ChainName::Mainnet).network();
    let dir = args.store.clone().unwrap_or_else(|| {
        let home = ctx.global.home.clone().unwrap_or_default();
        home.join(format!("index-{}", chain.name()))
    });
    let rules = match ctx.global.rules.as_deref() {
        None => None,
        Some(name) => Some(Rules::named(name).ok_or_else(|| {
            let known: Vec<&str> = Rules::ALL.iter().map(|rules| rules.name).collect();
            error::unknown_rules(name, &known.join(", "))
        })?),
    };
    let log = Store::log_path(&dir);
    if !log.exists() {
        let mut params = Params::new(chain, rules.unwrap_or(&Rules::AVM1));
        params.start = args.start.unwrap_or(params.start);
        return Ok(Place {
            dir,
            params,
            network: chain,
            exists: false,
        });
    }
    let reader = LogReader::open(&log).map_err(|error| store_error(error, &dir))?;
    let name = log.display().to_string();
    let header = reader.header();
    let params = Params::from_bytes(&header.image).map_err(|found| {
        let message = format!(
            "the store is of machine `{}`, and its program is not one of an index: {found}",
            header.identity.machine
        );
        error::log_identity(&name, message)
    })?;
    let found = Network::ALL
        .into_iter()
        .find(|network| network.heights() == params.heights);
    let mut asked = Vec::new();
    if let Some(rules) = rules.filter(|rules| rules.name != params.rules.name) {
        asked.push(format!("--rules {}", rules.name));
    }
    if let Some(start) = args.start.filter(|start| *start != params.start) {
        asked.push(format!("--start {start}"));
    }
    let chain = args.chain.map(ChainName::network);
    if let Some(chain) = chain.filter(|chain| chain.heights() != params.heights) {
        asked.push(format!("--chain {}", chain.name()));
    }
    if !asked.is_empty() {
        let message = "the store is an index of something else than asked for";
        return Err(CliError::new(&codes::STORE_PARAMS, message)
            .at(&name)
            .line("", format!("store      {}", said(&params)))
            .line("", format!("asked for  {}", asked.join(" ")))
            .help("leave these options out, or name another directory with --store")
            .with("store", said(&params))
            .with("asked", asked.join(" ")));
    }
    Ok(Place {
        dir,
        params,
        network: found.or(chain).unwrap_or(Network::Main),
        exists: true,
    })
}

/// Opens the store, or makes it.
pub(super) fn open(ctx: &Context, place: &Place, vm: Arc<dyn Vm>) -> Result<Arc<Store>, CliError> {
    let dir = &place.dir;
    if !place.exists {
        let store = Store::create(dir, vm, &place.params.to_bytes());
        return store.map(Arc::new).map_err(|error| store_error(error, dir));
    }
    let (store, recovery) = Store::open(dir, vm).map_err(|error| store_error(error, dir))?;
    if recovery.cut_bytes > 0 {
        ctx.note(&format!(
            "note: cut off {} bytes of a write that was never finished",
            recovery.cut_bytes
        ));
    }
    Ok(Arc::new(store))
}

/// Parameters as options.
pub(crate) fn said(params: &Params) -> String {
    let network = Network::ALL
        .into_iter()
        .find(|network| network.heights() == params.heights);
    let mut text = match network {
        Some(network) => format!("--chain {}", network.name()),
        None => "heights of its own".into(),
    };
    text += &format!(" --rules {} --start {}", params.rules.name, params.start);
    if params.overlay {
        text += ", with virtual outputs";
    }
    text
}

/// A store that cannot be used.
pub(super) fn store_error(error: StoreError, dir: &std::path::Path) -> CliError {
    let damaged = error.is_damage();
    let in_state = error
        .to_string()
        .starts_with(&Store::state_path(dir).display().to_string());
    let locked = matches!(error, StoreError::Locked { .. });
    let mut report = error::store(error);
    if report.place.as_deref().unwrap_or("").is_empty() {
        report.place = Some(dir.display().to_string());
    }
    if locked {
        return report.help("another `avm index` follows into this store; stop it first");
    }
    if damaged && in_state {
        return report.help(format!(
            "remove {}: the next `avm index` makes it again from the log",
            Store::state_path(dir).display()
        ));
    }
    report
}
