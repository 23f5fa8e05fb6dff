//! `avm dispute play`: a whole game in this process, with real proofs and a game file.

use std::path::{Path, PathBuf};

use avm_core::{Claim, Hash, MemoryInbox};
use avm_dispute::{Event, History, Party, Replay, Status, Terms, respond};
use avm_prove::{AgreedLog, Proof, ProofFile, RunProof, Until};
use avm_referee::{GameFile, Key, Opening, Record, Replica};
use serde_json::json;

use super::args::{Lie, Play};
use super::ground::Ground;
use super::liar::{self, Liar, draw, first_wrong};
use super::report::{Happened, Reporter, parties_json, verdict_json};
use super::{file_error, free_name, lost, prove_error, verdict};
use crate::context::Context;
use crate::error::{self, CliError};
use crate::files;
use crate::output::{Reply, count, grouped, number, root};
use crate::session::Session;

/// The honest party joins first.
const HONEST: Party = Party(0);
/// Time of a round by the clock of the game, which nobody waits for.
const ROUND_MS: u64 = 1000;

/// Someone at the table.
struct Seat<'a> {
    key: Key,
    lie: Option<Lie>,
    history: Box<dyn History + 'a>,
    /// Moves that it makes when the round is over.
    held: Vec<Record>,
    /// Moves of it that were refused.
    refused: u64,
}

/// `avm dispute play`.
///
/// # Errors
/// If the run cannot be executed within the limits, or a liar tells no lie; exit 8 if the honest
/// party lost.
pub(super) fn play(ctx: &Context, options: &Play) -> Result<Reply, CliError> {
    let ground = Ground::read(ctx, &options.file, options.inputs.inputs.as_deref())?;
    let agreed = ground.agreed(&ground.inbox)?;
    let mut run = ground.run(&agreed)?;
    let end = ground.end(ctx, &mut run)?;
    let liars = match &options.liars[..] {
        [] if end.steps == 0 => vec![Lie::Random],
        [] => vec![Lie::Step(1 + draw(options.seed, 0, 1) % end.steps)],
        liars => liars.to_vec(),
    };
    let most = avm_dispute::MAX_PARTIES - 1;
    if liars.len() > most {
        return Err(error::usage(format!(
            "{} liars, at most {most} fit",
            liars.len()
        )));
    }
    let inboxes: Vec<MemoryInbox> = liars
        .iter()
        .map(|lie| liar::inbox(Some(*lie), &ground.log))
        .collect::<Result<_, _>>()?;
    let logs: Vec<AgreedLog<'_>> = inboxes
        .iter()
        .map(|inbox| ground.agreed(inbox))
        .collect::<Result<_, _>>()?;
    let mut seats = vec![seat(options.seed, 0, None, Box::new(run))];
    for ((lie, log), n) in liars.iter().zip(&logs).zip(1..) {
        let salt = draw(options.seed, n, 0);
        first_wrong(*lie, &end, salt)?;
        let mut run = ground.run(log)?.keeping(4);
        if let Lie::Input(_) = lie {
            // With another input the run may be any length.
            ground.end(ctx, &mut run)?;
        }
        let (lie, history) = (
            *lie,
            Liar {
                run,
                end,
                lie: *lie,
                salt,
            },
        );
        seats.push(seat(options.seed, n, Some(lie), Box::new(history)));
    }
    let terms = Terms {
        join_ms: ROUND_MS,
        round_ms: ROUND_MS,
        ..ground.terms(options.arity, nonce(options.seed))?
    };
    let path = options.output.clone().unwrap_or_else(free_name);
    let mut table = Table::open(ctx, &ground, terms, path, options.seed)?;
    table.play(ctx, &mut seats)?;
    table.end(&ground, &seats, &end)
}

fn seat<'a>(seed: u64, n: u64, lie: Option<Lie>, history: Box<dyn History + 'a>) -> Seat<'a> {
    Seat {
        key: key(seed, n),
        lie,
        history,
        held: Vec::new(),
        refused: 0,
    }
}

/// Keys of a game that is played by one process are nobody's secret.
fn key(seed: u64, n: u64) -> Key {
    let seed = [
        &b"avm dispute play"[..],
        &seed.to_be_bytes(),
        &n.to_be_bytes(),
    ]
    .concat();
    Key::from_seed(Hash::keccak(&seed).0)
}

fn nonce(seed: u64) -> [u8; 16] {
    let hash = Hash::keccak(&[&b"avm dispute play nonce"[..], &seed.to_be_bytes()].concat());
    *hash.0.first_chunk().expect("a hash has 32 bytes")
}

/// The referee's side.
struct Table<'a> {
    ctx: &'a Context,
    ground: &'a Ground,
    key: Key,
    replica: Replica,
    file: GameFile,
    path: PathBuf,
    reporter: Reporter,
    now_ms: u64,
    text: String,
    rounds: Vec<serde_json::Value>,
}

impl<'a> Table<'a> {
    fn open(
        ctx: &'a Context,
        ground: &'a Ground,
        terms: Terms,
        path: PathBuf,
        seed: u64,
    ) -> Result<Self, CliError> {
        let proof = path.with_extension("avmproof");
        for taken in [&path, &proof].into_iter().filter(|path| path.exists()) {
            if !ctx.global.yes {
                return Err(error::exists(taken));
            }
            std::fs::remove_file(taken).map_err(|e| error::unwritable(taken, &e))?;
        }
        let key = key(seed, u64::MAX);
        // The game has a clock of its own, which begins at 0: the same seed makes the same file.
        let opening = Opening::new(0, terms, &key);
        let replica = Replica::open(opening).expect("the arity was checked");
        let file = GameFile::create(&path, replica.opening()).map_err(|e| match e {
            avm_referee::FileError::Io { source, .. } => error::unwritable(&path, &source),
            e => file_error(&path, e),
        })?;
        Ok(Self {
            ctx,
            ground,
            key,
            replica,
            file,
            path,
            reporter: Reporter::default(),
            now_ms: 0,
            text: String::new(),
            rounds: Vec::new(),
        })
    }

    fn play(&mut self, ctx: &Context, seats: &mut [Seat<'_>]) -> Result<(), CliError> {
        let last = self.replica.opening().terms.last;
        for seat in &mut *seats {
            let claim = seat.history.claim_at(last);
            let claim = claim.map_err(|e| error::host(&e, 0, &self.ground.log.name))?;
            let record = self.replica.sign(&Event::Join { claim }, &seat.key);
            self.take(seat, record)?;
        }
        self.close()?;
        while let Status::Round(round) = *self.replica.dispute().status() {
            for (seat, party) in seats.iter_mut().zip((0..).map(Party)) {
                self.turn(seat, party, round)?;
                ctx.spend(0, || format!("round {round}"))?;
            }
            self.close()?;
            for seat in &mut *seats {
                for record in std::mem::take(&mut seat.held) {
                    self.take(seat, record)?;
                }
            }
        }
        self.file.sync().map_err(|e| file_error(&self.path, e))
    }

    fn turn(&mut self, seat: &mut Seat<'_>, party: Party, round: u32) -> Result<(), CliError> {
        if matches!(seat.lie, Some(Lie::Silent(from)) if round >= from) {
            return Ok(());
        }
        let moves = respond(self.replica.dispute(), party, &mut *seat.history)
            .map_err(|e| prove_error(e, &self.ground.log.name))?;
        let records = moves.into_iter().map(|mv| {
            let event = Event::Move { by: party, mv };
            self.replica.sign(&event, &seat.key)
        });
        let records: Vec<Record> = records.collect();
        if seat.lie == Some(Lie::Late) {
            seat.held = records;
            return Ok(());
        }
        records
            .into_iter()
            .try_for_each(|record| self.take(seat, record))
    }

    /// Takes what a party sends. What a liar sends may be refused, and it goes on.
    fn take(&mut self, seat: &mut Seat<'_>, record: Record) -> Result<(), CliError> {
        match self.replica.apply(&*self.ground.vm, &record) {
            Ok(true) => self.keep(&record),
            Ok(false) => Ok(()),
            Err(_) if seat.lie.is_some() => {
                seat.refused += 1;
                Ok(())
            }
            Err(error) => panic!("the honest party is refused: {error}"),
        }
    }

    /// Closes the round: when all is said, or else at its deadline.
    fn close(&mut self) -> Result<(), CliError> {
        let dispute = self.replica.dispute();
        self.now_ms = match dispute.is_complete() {
            true => self.now_ms + 1,
            false => dispute.deadline_ms(),
        };
        let record = self.replica.sign_close(self.now_ms, &self.key);
        let closed = self.replica.follow(&*self.ground.vm, &record);
        closed.expect("a close at its time is legal");
        self.keep(&record)
    }

    fn keep(&mut self, record: &Record) -> Result<(), CliError> {
        let kept = self.file.append(record);
        kept.map_err(|e| file_error(&self.path, e))?;
        if let Some(Happened::Round(round)) = self.reporter.take(&self.replica, record) {
            let many = self.replica.keys().len() > 2;
            let (ctx, ground) = (self.ctx, self.ground);
            let mut op = |step| operation(ctx, ground, step);
            self.text += &round.text(Some(HONEST), many, &mut op);
            self.rounds.push(round.json(&mut op));
        }
        Ok(())
    }

    fn end(self, ground: &Ground, seats: &[Seat<'_>], end: &Claim) -> Result<Reply, CliError> {
        let verdict = verdict(&self.replica).expect("it was played to the end");
        let won = verdict.claim.as_ref() == Some(end);
        let kept = self.path.display().to_string();
        let mut text = self.text;
        let mut data = json!({
            "game": root(self.replica.id()),
            "file": kept,
            "arity": self.replica.dispute().arity(),
            "steps": number(end.steps),
            "rounds_most": self.replica.opening().terms.rounds(end.steps),
            "parties": parties_json(&self.replica),
            "rounds": self.rounds,
            "verdict": verdict_json(&self.replica),
            "honest_wins": won,
            "proof": null,
        });
        for (seat, party) in seats.iter().zip(0_usize..) {
            data["parties"][party]["liar"] = json!(seat.lie.map(|lie| lie.to_string()));
            data["parties"][party]["refused"] = number(seat.refused);
        }
        let loses = match seats.len() {
            2 => "the liar loses".to_owned(),
            n => format!("all {} liars lose", n - 1),
        };
        let outcome = if won {
            &loses
        } else {
            "the honest party LOSES"
        };
        let proof = self.reporter.proof;
        match &proof {
            Some(proof) => {
                let run = RunProof {
                    log: self.replica.opening().terms.log,
                    pre: proof.pre,
                    until: Until::Steps(1),
                    post: proof.post,
                    witness: proof.witness.clone(),
                };
                let bytes = proof.witness.len_bytes();
                let path = self.path.with_extension("avmproof");
                write_proof(&path, ground, run)?;
                let shown = grouped(&bytes.to_string());
                let path = path.display().to_string();
                text +=
                    &format!("proof      {shown} bytes   verdict: {outcome}     kept in {path}\n");
                data["proof"] = json!({ "file": path, "witness_bytes": bytes });
            }
            None => text += &format!("proof      not needed   verdict: {outcome}\n"),
        }
        let rounds = count(&verdict.rounds.to_string(), "round");
        text += &format!("game       {rounds}     kept in {kept}\n");
        if !won {
            let mut error = lost("the honest party lost").at(kept);
            error.output = Some(text);
            return Err(error.with("game", data));
        }
        Ok(Reply::new(text, data))
    }
}

fn write_proof(path: &Path, ground: &Ground, run: RunProof) -> Result<(), CliError> {
    let file = ProofFile {
        machine: ground.vm.id().into(),
        spec: ground.vm.spec().into(),
        proof: Proof::Run(Box::new(run)),
    };
    files::write(path, &file.to_bytes(), false)
}

/// What step `step` does, as source text has it; `None` if it cannot be said.
pub(super) fn operation(ctx: &Context, ground: &Ground, step: u64) -> Option<String> {
    let mut session = Session::genesis(ctx, &ground.log).ok()?;
    session.allow_all();
    session.run(step).ok()?;
    if session.place().0 < step {
        return Some("nothing, the run is over".into());
    }
    match session.step(0).ok()? {
        Some(step) => Some(step.name),
        None => Some("nothing, the run is over".into()),
    }
}

/// A run with a lie, or without.
pub(super) fn history<'a>(
    run: Replay<'a>,
    lie: Option<Lie>,
    end: Claim,
) -> Result<Box<dyn History + 'a>, CliError> {
    let Some(lie) = lie else {
        return Ok(Box::new(run));
    };
    if matches!(lie, Lie::Silent(_) | Lie::Late | Lie::Random) {
        return Err(error::usage(format!(
            "--lie {lie} is for `avm dispute play`"
        )));
    }
    let salt = 0;
    first_wrong(lie, &end, salt)?;
    Ok(Box::new(Liar {
        run,
        end,
        lie,
        salt,
    }))
}
