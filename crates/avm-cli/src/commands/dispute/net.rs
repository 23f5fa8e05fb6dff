//! `avm dispute serve`, `join` and `watch`: games between processes. They report as they go.

use std::net::{IpAddr, TcpListener};
use std::path::{Path, PathBuf};
use std::time::Duration;

use avm_core::Claim;
use avm_dispute::Terms;
use avm_referee::{
    ClientError, Expect, Limits, Options, Player, PublicKey, Record, Referee, Replica, Seen, Table,
    random,
};
use serde_json::{Value, json};

use super::args::{Join, Serve, Watch};
use super::ground::{Ground, machine_of};
use super::play::{history, operation};
use super::report::{Happened, Reporter, verdict_json, verdict_text};
use super::{
    claim_json, file_error, free_name, key_error, key_of, lost, prove_error, show, verdict,
};
use crate::codes;
use crate::context::Context;
use crate::error::{self, CliError};
use crate::output::{Reply, count, number, root, row};

/// Time between two looks of the referee at its game.
const LOOK: Duration = Duration::from_millis(50);

/// Writes what happens as it happens.
struct Narrator<'a> {
    ctx: &'a Context,
    ground: Option<&'a Ground>,
    reporter: Reporter,
    /// Standard output failed; the game goes on.
    broken: Option<CliError>,
}

impl<'a> Narrator<'a> {
    fn new(ctx: &'a Context, ground: Option<&'a Ground>) -> Self {
        Self {
            ctx,
            ground,
            reporter: Reporter::default(),
            broken: None,
        }
    }

    fn say(&mut self, text: &str, kind: &str, mut data: Value) {
        if self.broken.is_some() {
            return;
        }
        let said = match self.ctx.global.json {
            true => {
                let mut record = json!({ "t": kind });
                if let (Some(record), Some(data)) = (record.as_object_mut(), data.as_object_mut()) {
                    record.append(data);
                }
                self.ctx.write(&format!("{record}\n"))
            }
            false => self.ctx.write(text),
        };
        self.broken = said.and_then(|()| self.ctx.flush()).err();
    }

    fn opened(&mut self, replica: &Replica) {
        let Terms {
            machine,
            log,
            last,
            join_ms,
            round_ms,
            ..
        } = &replica.opening().terms;
        let text = row("game", replica.id())
            + &row("referee", replica.opening().referee)
            + &row("about", format!("{machine}, {} inputs", log.len))
            + &row(
                "times",
                format!("{} to join, {} a round", shown(*join_ms), shown(*round_ms)),
            );
        let data = json!({
            "game": root(replica.id()),
            "referee": format!("0x{}", replica.opening().referee),
            "machine": machine,
            "log": { "inputs": number(log.len), "root": root(log.root) },
            "last": number(*last),
            "join_ms": number(*join_ms),
            "round_ms": number(*round_ms),
        });
        self.say(&text, "game", data);
    }

    fn record(&mut self, replica: &Replica, record: &Record) {
        match self.reporter.take(replica, record) {
            Some(Happened::Joined(party, key, claim)) => {
                let steps = count(&claim.steps.to_string(), "step");
                let claims = claim.state.short();
                let text = row("joined", format!("{party}  claims {claims} after {steps}"));
                let data = json!({
                    "party": party.0,
                    "key": format!("0x{key}"),
                    "claim": claim_json(&claim),
                });
                self.say(&text, "joined", data);
            }
            Some(Happened::Round(round)) => {
                let (ctx, ground) = (self.ctx, self.ground);
                let mut op = |step| operation(ctx, ground?, step);
                let mut text = round.text(None, true, &mut op);
                for party in &round.out {
                    text += &row(
                        "out",
                        format!("{party} did not answer in round {}", round.round),
                    );
                }
                let data = round.json(&mut op);
                self.say(&text, "round", data);
            }
            None => {}
        }
    }

    /// The last lines. With `ours`, whether the verdict is our claim.
    fn end(mut self, replica: &Replica, ours: Option<&Claim>) -> Result<Reply, CliError> {
        let claim = verdict(replica).and_then(|verdict| verdict.claim);
        let won = ours.map(|ours| Some(*ours) == claim);
        let text = row("verdict", verdict_text(replica));
        let data = json!({
            "verdict": verdict_json(replica),
            "ours": ours.map(claim_json),
            "won": won,
            "records": number(replica.records()),
        });
        self.say(&text, "verdict", data);
        if let Some(broken) = self.broken {
            return Err(broken);
        }
        if won == Some(false) {
            let ours = ours.expect("it was compared");
            let what = |claim: Option<Claim>| {
                claim.map_or("none".into(), |claim| {
                    let steps = count(&claim.steps.to_string(), "step");
                    format!("{} after {steps}", claim.state)
                })
            };
            return Err(lost("our claim is not the verdict")
                .line("", format!("ours      {}", what(Some(*ours))))
                .line("", format!("verdict   {}", what(claim)))
                .help("`avm dispute show FILE` of the game file shows where the runs part"));
        }
        self.say("", "end", json!({}));
        Ok(Reply::streamed())
    }
}

fn shown(ms: u64) -> String {
    crate::output::seconds(ms as f64 / 1000.0)
}

/// `avm dispute serve`.
///
/// # Errors
/// If the game cannot be opened or served.
pub(super) fn serve(ctx: &Context, options: &Serve) -> Result<Reply, CliError> {
    check_online(ctx)?;
    let remote = !options.listen.ip().is_loopback();
    if remote && !options.allow_remote {
        let message = format!("{} is reachable from other machines", options.listen);
        return Err(CliError::new(&codes::NOT_LOOPBACK, message)
            .help("add --allow-remote if that is what you want, or listen at 127.0.0.1"));
    }
    let file = options.inputs.inputs.as_deref();
    let ground = Ground::read(ctx, &options.file, file)?;
    let path = options.output.clone().unwrap_or_else(free_name);
    let key_path = options.key.clone().unwrap_or_else(|| beside_key(&path));
    let key = key_of(ctx, &key_path)?;
    let table = match path.exists() {
        true => reopen(&ground, &path, key.public())?,
        false => {
            let nonce = random().map_err(|e| key_error(&key_path, &e))?;
            let ms = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
            let terms = Terms {
                join_ms: ms(options.join),
                round_ms: ms(options.round),
                expected: options.parties,
                ..ground.terms(options.arity, nonce)?
            };
            Table::create(&path, terms, &key).map_err(|e| file_error(&path, e))?
        }
    };
    let listen_error = |e: std::io::Error| {
        let message = format!("cannot listen at {}: {e}", options.listen);
        CliError::new(&codes::LISTEN, message)
    };
    let listener = TcpListener::bind(options.listen).map_err(listen_error)?;
    let mut narrator = Narrator::new(ctx, Some(&ground));
    let mut replica =
        Replica::open(table.replica().opening().clone()).expect("the table has checked it");
    let longest = ground.inbox.0.iter().map(|input| input.len()).max();
    let limits = Limits::default().for_inputs_of(longest.unwrap_or(0));
    let referee = Referee::start(listener, ground.vm.clone(), table, key, limits);
    let referee = referee.map_err(listen_error)?;
    let address = referee.address();
    narrator.opened(&replica);
    let mut text = row("file", path.display()) + &row("listening", address);
    if remote {
        text += &row("reachable", reach(address.ip()));
    }
    let data = json!({
        "address": address.to_string(),
        "file": path.display().to_string(),
        "remote": remote,
    });
    narrator.say(&text, "listening", data);
    loop {
        let settled = referee.wait(LOOK).map_err(|e| file_error(&path, e))?;
        loop {
            let records = referee.records(replica.records());
            let records = records.map_err(|e| error::unreadable(&path, &e))?;
            if records.is_empty() {
                break;
            }
            for record in records {
                let followed = replica.follow(&*ground.vm, &record);
                followed.expect("the game thread took it");
                narrator.record(&replica, &record);
            }
        }
        if settled.is_some() {
            break;
        }
    }
    let reply = narrator.end(&replica, None);
    referee.wait_for_goodbyes(options.linger);
    referee.stop();
    reply
}

fn reopen(ground: &Ground, path: &Path, key: PublicKey) -> Result<Table, CliError> {
    let table = Table::reopen(path, &*ground.vm).map_err(|e| file_error(path, e))?;
    let expect = Expect {
        referee: Some(key),
        ..ground.expect()?
    };
    let checked = expect.check(table.replica().opening());
    checked.map_err(|e| other_game(&e).at(path.display().to_string()))?;
    Ok(table)
}

fn other_game(mismatch: &avm_referee::Mismatch) -> CliError {
    let message = format!("the game is about another {}", mismatch.what);
    CliError::new(&codes::GAME_OTHER, message)
        .line("", format!("ours      {}", mismatch.ours))
        .line("", format!("the game  {}", mismatch.theirs))
}

fn beside_key(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".key");
    name.into()
}

/// What can be reached from outside, in words.
fn reach(ip: IpAddr) -> String {
    let whom = match ip.is_unspecified() {
        true => "every network of this machine".into(),
        false => format!("the network of {ip}"),
    };
    format!("from {whom}: anybody there may join, watch, and read the record")
}

/// Refuses to use the network if --offline says so.
///
/// # Errors
/// With --offline.
pub fn check_online(ctx: &Context) -> Result<(), CliError> {
    match ctx.global.offline {
        true => {
            let message = "--offline forbids any network use";
            Err(CliError::new(&codes::OFFLINE, message))
        }
        false => Ok(()),
    }
}

/// `avm dispute join`.
///
/// # Errors
/// If the game is another one, the referee cheats or stays away; exit 8 if our claim lost.
pub(super) fn join(ctx: &Context, options: &Join) -> Result<Reply, CliError> {
    check_online(ctx)?;
    let referee = match &options.referee {
        None => None,
        Some(text) => Some(
            PublicKey::from_hex(text)
                .ok_or_else(|| error::usage("--referee takes a public key, 64 hex digits"))?,
        ),
    };
    let file = options.inputs.inputs.as_deref();
    let ground = Ground::read(ctx, &options.file, file)?;
    let expect = Expect {
        referee,
        ..ground.expect()?
    };
    let inbox = super::liar::inbox(options.lie, &ground.log)?;
    let agreed = ground.agreed(&inbox)?;
    let mut run = ground.run(&agreed)?;
    let end = ground.end(ctx, &mut run)?;
    let mut history = history(run, options.lie, end)?;
    let key = key_of(ctx, &options.key)?;
    let ours = history.claim_at(avm_dispute::MAX_STEPS);
    let ours = ours.map_err(|e| error::host(&e, 0, &ground.log.name))?;
    let player = Player {
        key: &key,
        history: &mut *history,
    };
    let patient = Options {
        patience: options.patience,
        ..Options::default()
    };
    let mut narrator = Narrator::new(ctx, Some(&ground));
    let mut seen = |seen: Seen<'_>| narrate(ctx, &mut narrator, seen);
    let played = avm_referee::play(
        &options.address,
        &*ground.vm,
        &expect,
        player,
        &patient,
        &mut seen,
    );
    let replica = played.map_err(|e| client_error(e, &options.file))?;
    // The game may look at the run before its end.
    let claimed = replica.party(&key.public());
    let claimed = claimed.map(|party| replica.dispute().seats()[usize::from(party.0)].claim);
    narrator.end(&replica, Some(&claimed.unwrap_or(ours)))
}

fn narrate(ctx: &Context, narrator: &mut Narrator<'_>, seen: Seen<'_>) {
    match seen {
        Seen::Opened(replica) => narrator.opened(replica),
        Seen::Record(replica, record) => narrator.record(replica, record),
        Seen::Refused { invalid, text } if invalid || ctx.global.verbose > 0 => {
            ctx.note(&format!("note: the referee refused a move: {text}"));
        }
        Seen::Refused { .. } => {}
        Seen::Offline(why) => ctx.note(&format!("note: no connection, trying again: {why}")),
    }
}

/// `file` is what we run.
fn client_error(error: ClientError, file: &str) -> CliError {
    let text = error.to_string();
    match error {
        ClientError::Mismatch(mismatch) => other_game(&mismatch),
        ClientError::Address { .. } => error::usage(text),
        ClientError::Unreachable { .. } => CliError::new(&codes::UNREACHABLE, text),
        ClientError::Record { .. } => CliError::new(&codes::REFEREE_CHEATS, text),
        ClientError::OtherClaim => CliError::new(&codes::KEY_USED, text),
        ClientError::Host(error) => error::host(&error, 0, file),
        ClientError::Prove(error) => prove_error(error, file),
        _ => CliError::new(&codes::PEER_PROTOCOL, text),
    }
}

/// `avm dispute watch`.
///
/// # Errors
/// If the referee cheats or stays away, or the file is damaged or breaks the rules.
pub(super) fn watch(ctx: &Context, options: &Watch) -> Result<Reply, CliError> {
    let path = Path::new(&options.target);
    if path.exists() || !options.target.contains(':') {
        return watch_file(ctx, path);
    }
    check_online(ctx)?;
    let patient = Options {
        patience: options.patience,
        ..Options::default()
    };
    // The terms name the machine; they are asked for first, and checked again with the rest.
    let terms = avm_referee::terms_at(&options.target, &patient)
        .map_err(|e| client_error(e, &options.target))?;
    let vm = machine_of(ctx, &terms)?;
    let mut narrator = Narrator::new(ctx, None);
    let mut seen = |seen: Seen<'_>| narrate(ctx, &mut narrator, seen);
    let watched = avm_referee::watch(&options.target, &*vm, None, &patient, &mut seen);
    let replica = watched.map_err(|e| client_error(e, &options.target))?;
    narrator.end(&replica, None)
}

fn watch_file(ctx: &Context, path: &Path) -> Result<Reply, CliError> {
    let mut narrator = Narrator::new(ctx, None);
    let (replica, _) = show::read(ctx, path, &mut |replica, record| {
        if replica.records() == 1 {
            narrator.opened(replica);
        }
        narrator.record(replica, record);
    })?;
    narrator.end(&replica, None)
}
