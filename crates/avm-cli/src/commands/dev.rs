//! `avm dev`: a local chain for contract developers.

mod args;
mod show;

pub use args::DevCommand;

use std::path::Path;

use avm_atomicals::script::Rules;

use self::args::{By, MintCommand};
use crate::cli::Global;
use crate::context::Context;
use crate::dev::{CallOptions, Code, Dev, Mint};
use crate::error::{self, CliError};
use crate::output::Reply;

/// Machines that a local chain is of.
const MACHINES: [&str; 2] = ["atomicals", "atomicals-index"];

/// `avm dev ...`.
///
/// # Errors
/// Whatever made it fail.
pub fn dev(ctx: &Context, command: DevCommand) -> Result<Reply, CliError> {
    let asked = ctx.global.machine.as_deref();
    if let Some(other) = asked.filter(|asked| !MACHINES.contains(asked)) {
        let message = format!("there is no local chain of machine `{other}`");
        return Err(error::usage(message).help("a local chain is of `atomicals`"));
    }
    if let DevCommand::Init { at } = command {
        let dir = at.as_deref().unwrap_or(Path::new("."));
        let dev = Dev::init(dir, rules(&ctx.global)?, ctx.global.yes)?;
        return show::status(&dev);
    }
    let mut dev = Dev::open(Path::new("."))?;
    let reply = execute(&mut dev, command);
    // Blocks stay even if something went wrong in the last of them.
    dev.save()?;
    reply
}

fn rules(global: &Global) -> Result<&'static Rules, CliError> {
    let Some(name) = &global.rules else {
        return Ok(&Rules::AVM1);
    };
    Rules::named(name).ok_or_else(|| {
        let known = Rules::ALL.map(|rules| rules.name).join(", ");
        error::unknown_rules(name, &known)
    })
}

fn execute(dev: &mut Dev, command: DevCommand) -> Result<Reply, CliError> {
    let sent = match command {
        DevCommand::Init { .. } | DevCommand::Status => return show::status(dev),
        DevCommand::Mine { blocks } => return show::mined(dev, |dev| dev.mine(blocks)),
        DevCommand::Warp { seconds, no_mine } => {
            dev.warp(seconds);
            return show::mined(dev, |dev| dev.mine(u32::from(!no_mine)));
        }
        DevCommand::Reorg {
            depth,
            together,
            no_mine,
        } => return show::reorg(dev, depth, together, !no_mine),
        DevCommand::Balance { who } => return dev.balance(&who).map(|found| show::balance(&found)),
        DevCommand::Def { name, code, by } => {
            let code = Code::read(&code, dev.rules())?;
            dev.def(&name, &code, &by.by, !by.no_mine)?
        }
        DevCommand::Deploy {
            name,
            code,
            args,
            protocol,
            by,
        } => {
            let code = Code::read(&code, dev.rules())?;
            let protocol = protocol.as_deref();
            dev.deploy(&name, &code, &args, protocol, &by.by, !by.no_mine)?
        }
        DevCommand::Call {
            contract,
            method,
            args,
            with,
            output,
            sign,
            no_sign,
            by,
        } => {
            let options = CallOptions {
                by: &by.by,
                sign: (sign || no_sign).then_some(sign),
                with: &with,
                outputs: &output,
            };
            dev.call(&contract, &method, &args, &options, !by.no_mine)?
        }
        DevCommand::Transfer {
            token,
            amount,
            to,
            by,
        } => dev.transfer(&token, amount, &to, &by.by, !by.no_mine)?,
        DevCommand::Mint { what } => {
            let (what, to, By { by, no_mine }) = match what {
                MintCommand::Ft {
                    ticker,
                    supply,
                    to,
                    by,
                } => (Mint::Ft(ticker, supply), to, by),
                MintCommand::Nft { realm, to, by } => (Mint::Nft(realm), to, by),
                MintCommand::Dft {
                    ticker,
                    lot,
                    max,
                    by,
                } => (Mint::Dft(ticker, lot, max), None, by),
                MintCommand::Lot { ticker, to, by } => (Mint::Lot(ticker), to, by),
            };
            dev.mint(&what, to.as_deref(), &by, !no_mine)?
        }
    };
    show::sent(dev, &sent)
}
