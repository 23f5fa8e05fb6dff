//! A party, and somebody who only watches.
//!
//! Both keep a replica and believe the referee nothing but the clock and the order of records. A
//! party needs nothing beside its key to go on after a crash: the game comes from the referee, and
//! its moves from running its log again.

use std::net::{TcpStream, ToSocketAddrs};
use std::sync::atomic::AtomicBool;
use std::time::{Duration, Instant};

use avm_core::{Claim, Hash, HostError, Vm};
use avm_dispute::{Event, History, Status, Terms, respond};
use avm_merkle::LogHead;
use avm_prove::ProveError;

use crate::frame::{Frame, FrameError, PROTOCOL};
use crate::game::{GameError, MAX_RECORD_BYTES, Opening, Record, Replica};
use crate::key::{Key, PublicKey};
use crate::timed::{Input, write_all};

/// Longest frame but a record that a referee sends.
const MAX_FRAME: usize = 4096;

/// What a game has to be about.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Expect {
    /// Id of the machine.
    pub machine: String,
    /// Name of the rules.
    pub spec: String,
    /// Where the run starts.
    pub start: Claim,
    /// Length and root of the log.
    pub log: LogHead,
    /// The referee's key, if one is insisted on.
    pub referee: Option<PublicKey>,
}

/// A game is about something else.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the game is about another {what}: it has {theirs}, here it is {ours}")]
pub struct Mismatch {
    /// What differs.
    pub what: &'static str,
    /// As we have it.
    pub ours: String,
    /// As the game has it.
    pub theirs: String,
}

impl Expect {
    /// Compares with the opening of a game.
    ///
    /// # Errors
    /// The first difference.
    pub fn check(&self, opening: &Opening) -> Result<(), Mismatch> {
        let Terms {
            machine,
            spec,
            start,
            log,
            ..
        } = &opening.terms;
        let differ = |what, ours: String, theirs: String| match ours == theirs {
            true => Ok(()),
            false => Err(Mismatch { what, ours, theirs }),
        };
        let head = |log: &LogHead| format!("{} inputs with root {}", log.len, log.root);
        let claim = |claim: &Claim| {
            let (steps, state) = (claim.steps, claim.state);
            format!("state {state} after {steps} steps (claim {})", claim.hash())
        };
        differ("machine", self.machine.clone(), machine.clone())?;
        differ("set of rules", self.spec.clone(), spec.clone())?;
        differ("start", claim(&self.start), claim(start))?;
        differ("log", head(&self.log), head(log))?;
        match self.referee {
            Some(ours) => differ("referee", ours.to_string(), opening.referee.to_string()),
            None => Ok(()),
        }
    }
}

/// A party: its key and its view of the run.
pub struct Player<'a> {
    /// The key.
    pub key: &'a Key,
    /// The run, as the party says it is.
    pub history: &'a mut dyn History,
}

/// How patient a client is.
#[derive(Clone, Debug)]
pub struct Options {
    /// How long to try again when nobody answers.
    pub patience: Duration,
    /// Longest wait between two tries.
    pub backoff: Duration,
    /// A referee that says nothing for so long is gone.
    pub silence: Duration,
    /// Time to connect, and to write a frame.
    pub write: Duration,
    /// Longest record taken.
    pub record_bytes: usize,
}

impl Default for Options {
    fn default() -> Self {
        Self {
            patience: Duration::from_secs(60),
            backoff: Duration::from_secs(2),
            silence: Duration::from_secs(20),
            write: Duration::from_secs(60),
            record_bytes: MAX_RECORD_BYTES,
        }
    }
}

/// What a client reports while it goes.
#[derive(Debug)]
pub enum Seen<'a> {
    /// The opening was checked.
    Opened(&'a Replica),
    /// A record was checked and applied.
    Record(&'a Replica, &'a Record),
    /// The referee refused what we sent.
    Refused {
        /// Whether it says no honest party would send it.
        invalid: bool,
        /// Why.
        text: &'a str,
    },
    /// The connection is gone; we try again.
    Offline(&'a str),
}

/// Why there is no verdict.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ClientError {
    /// The address says nothing.
    #[error("{address} is no address: {why}")]
    Address {
        /// As it was given.
        address: String,
        /// Why.
        why: String,
    },
    /// Nobody answers.
    #[error("{address} was not reachable for {} s: {why}", patience.as_secs())]
    Unreachable {
        /// Where.
        address: String,
        /// How long we tried.
        patience: Duration,
        /// The last reason.
        why: String,
    },
    /// The referee does not want us.
    #[error("the referee says: {0}")]
    Rejected(String),
    /// Another game.
    #[error(transparent)]
    Mismatch(#[from] Mismatch),
    /// The referee shows an opening or a record against the rules.
    #[error("record {index} of the referee: {source}")]
    Record {
        /// Which.
        index: u64,
        /// Why.
        source: Box<GameError>,
    },
    /// The referee does not keep to the protocol.
    #[error("the referee breaks the protocol: {0}")]
    Protocol(String),
    /// Our key is in the game with another claim.
    #[error("this key joined with another claim: it was used with another program or log")]
    OtherClaim,
    /// Our own run failed.
    #[error("our own run: {0}")]
    Host(#[from] HostError),
    /// Our own proof failed.
    #[error("our own proof: {0}")]
    Prove(#[from] ProveError),
}

/// Why a connection ended.
enum End {
    /// Try again.
    Lost(String),
    Fatal(ClientError),
}

impl From<FrameError> for End {
    fn from(error: FrameError) -> Self {
        match error {
            FrameError::TooLong { .. } | FrameError::Form { .. } => {
                End::Fatal(ClientError::Protocol(error.to_string()))
            }
            error => End::Lost(error.to_string()),
        }
    }
}

impl<E: Into<ClientError>> From<E> for End {
    fn from(error: E) -> Self {
        End::Fatal(error.into())
    }
}

/// Plays a game to its verdict: joins, answers in every round, and comes back whenever the
/// connection is lost.
///
/// # Errors
/// If the game is another one, the referee cheats or stays away, or our own run fails.
pub fn play(
    address: &str,
    vm: &dyn Vm,
    expect: &Expect,
    player: Player<'_>,
    options: &Options,
    seen: &mut dyn FnMut(Seen<'_>),
) -> Result<Replica, ClientError> {
    let client = Client {
        address,
        vm: Some(vm),
        expect: Some(expect),
        options,
        seen,
        player: Some(player),
        replica: None,
        moves: None,
        heard: Instant::now(),
    };
    client.run()
}

/// Watches a game to its verdict, and checks everything in it. With `expect`, also what it is about.
///
/// # Errors
/// As [`play`].
pub fn watch(
    address: &str,
    vm: &dyn Vm,
    expect: Option<&Expect>,
    options: &Options,
    seen: &mut dyn FnMut(Seen<'_>),
) -> Result<Replica, ClientError> {
    let client = Client {
        address,
        vm: Some(vm),
        expect,
        options,
        seen,
        player: None,
        replica: None,
        moves: None,
        heard: Instant::now(),
    };
    client.run()
}

/// The terms of the game at an address, to see which machine it needs. The signature of the opening
/// was checked, and nothing else.
///
/// # Errors
/// If nobody answers, or the opening is against the rules.
pub fn terms_at(address: &str, options: &Options) -> Result<Terms, ClientError> {
    let client = Client {
        address,
        vm: None,
        expect: None,
        options,
        seen: &mut |_| {},
        player: None,
        replica: None,
        moves: None,
        heard: Instant::now(),
    };
    Ok(client.run()?.opening().terms.clone())
}

struct Client<'a, 'h> {
    address: &'a str,
    /// Without a machine, the client stops at the opening.
    vm: Option<&'a dyn Vm>,
    expect: Option<&'a Expect>,
    options: &'a Options,
    seen: &'a mut dyn FnMut(Seen<'_>),
    player: Option<Player<'h>>,
    replica: Option<Replica>,
    /// Our moves of a round, computed once.
    moves: Option<(u32, Vec<Record>)>,
    /// When the referee last said something.
    heard: Instant,
}

impl Client<'_, '_> {
    fn run(mut self) -> Result<Replica, ClientError> {
        let least = Duration::from_millis(20);
        let mut wait = least;
        loop {
            let before = self.heard;
            let why = match self.session() {
                Ok(()) => {
                    let replica = self.replica.take();
                    return Ok(replica.expect("a session ends well after the opening only"));
                }
                Err(End::Fatal(error)) => return Err(error),
                Err(End::Lost(why)) => why,
            };
            (self.seen)(Seen::Offline(&why));
            let patience = self.options.patience;
            if self.heard.elapsed() > patience {
                let address = self.address.into();
                return Err(ClientError::Unreachable {
                    address,
                    patience,
                    why,
                });
            }
            wait = match self.heard > before {
                true => least,
                false => (wait * 2).min(self.options.backoff),
            };
            std::thread::sleep(wait);
        }
    }

    /// One connection; `Ok` when the game is over.
    fn session(&mut self) -> Result<(), End> {
        let stream = self.connect()?;
        let _ = stream.set_nodelay(true);
        let hello = Frame::Hello {
            version: PROTOCOL,
            game: self.replica.as_ref().map_or(Hash::ZERO, Replica::id),
            next: self.replica.as_ref().map_or(0, Replica::records),
            chain: match &self.replica {
                Some(replica) if replica.records() > 0 => replica.chain(),
                _ => Hash::ZERO,
            },
        };
        write_all(&stream, &hello.to_bytes(), self.options.write)?;
        let never = AtomicBool::new(false);
        let mut input = Input {
            stream: &stream,
            stop: &never,
            bucket: None,
            frame_cost: 0,
        };
        let mut sent = None;
        loop {
            let silence = self.options.silence;
            let (len, kind) = input.head(silence, silence)?;
            let limit = match kind {
                0x12 => self.options.record_bytes.min(MAX_RECORD_BYTES),
                _ => MAX_FRAME,
            };
            let body = input.body(len, limit, self.options.write)?;
            let frame = Frame::from_body(kind, &body)?;
            if self.take(frame, &stream, &mut sent)? {
                return Ok(());
            }
        }
    }

    fn connect(&self) -> Result<TcpStream, End> {
        let address = self.address;
        let bad = |why: String| {
            let address = address.into();
            End::Fatal(ClientError::Address { address, why })
        };
        let resolved = address.to_socket_addrs().map_err(|e| match e.kind() {
            std::io::ErrorKind::InvalidInput => bad(e.to_string()),
            _ => End::Lost(e.to_string()),
        })?;
        let mut why = String::from("it stands for no host");
        for at in resolved {
            match TcpStream::connect_timeout(&at, self.options.write.min(Duration::from_secs(5))) {
                Ok(stream) => return Ok(stream),
                Err(e) => why = e.to_string(),
            }
        }
        Err(End::Lost(why))
    }

    /// Takes a frame; `true` if the game is over.
    fn take(
        &mut self,
        frame: Frame,
        stream: &TcpStream,
        sent: &mut Option<u32>,
    ) -> Result<bool, End> {
        match frame {
            Frame::Opening(bytes) => {
                self.opening(&bytes)?;
                return Ok(self.vm.is_none());
            }
            Frame::Record { index, record } => return self.record(index, &record),
            Frame::Refused { invalid, text, .. } => {
                let text = &text;
                (self.seen)(Seen::Refused { invalid, text });
            }
            Frame::Clock { records, .. } => {
                self.heard = Instant::now();
                if self.replica.as_ref().map(Replica::records) == Some(records) {
                    self.act(stream, sent)?;
                }
                write_all(stream, &Frame::Alive.to_bytes(), self.options.write)?;
            }
            Frame::Error { last: true, text } => {
                return Err(End::Fatal(ClientError::Rejected(text)));
            }
            Frame::Error { text, .. } => return Err(End::Lost(text)),
            Frame::Hello { .. } | Frame::Submit { .. } | Frame::Alive => {
                let why = "it sends what only a client sends".into();
                return Err(End::Fatal(ClientError::Protocol(why)));
            }
        }
        Ok(false)
    }

    fn opening(&mut self, bytes: &[u8]) -> Result<(), End> {
        let fail = |source| {
            let source = Box::new(source);
            End::Fatal(ClientError::Record { index: 0, source })
        };
        let opening = Opening::from_bytes(bytes).map_err(fail)?;
        if let Some(replica) = &self.replica {
            if *replica.opening() == opening {
                return Ok(());
            }
            let why = "it shows another opening than before".into();
            return Err(ClientError::Protocol(why).into());
        }
        if let Some(expect) = self.expect {
            expect.check(&opening)?;
        }
        let replica = Replica::open(opening).map_err(fail)?;
        (self.seen)(Seen::Opened(&replica));
        self.replica = Some(replica);
        Ok(())
    }

    fn record(&mut self, index: u64, record: &Record) -> Result<bool, End> {
        let protocol = |why: String| Err(ClientError::Protocol(why).into());
        let (Some(replica), Some(vm)) = (&mut self.replica, self.vm) else {
            return protocol("a record comes before the opening".into());
        };
        let want = replica.records();
        if index != want {
            return protocol(format!("record {index} comes where {want} belongs"));
        }
        let followed = replica.follow(vm, record);
        followed.map_err(|source| {
            let source = Box::new(source);
            ClientError::Record { index, source }
        })?;
        (self.seen)(Seen::Record(replica, record));
        Ok(matches!(replica.dispute().status(), Status::Settled(_)))
    }

    /// Sends what is due from us and was not sent on this connection.
    fn act(&mut self, stream: &TcpStream, sent: &mut Option<u32>) -> Result<(), End> {
        let (Some(player), Some(replica)) = (&mut self.player, &self.replica) else {
            return Ok(());
        };
        let round = replica.round();
        if *sent == Some(round) {
            return Ok(());
        }
        if self.moves.as_ref().is_none_or(|(of, _)| *of != round) {
            let moves = moves(replica, player)?;
            self.moves = Some((round, moves));
        }
        let (_, records) = self.moves.as_ref().expect("they were just computed");
        for record in records {
            let record = record.clone();
            let frame = Frame::Submit { round, record };
            write_all(stream, &frame.to_bytes(), self.options.write)?;
        }
        *sent = Some(round);
        Ok(())
    }
}

/// What we have to say now, signed.
fn moves(replica: &Replica, player: &mut Player<'_>) -> Result<Vec<Record>, ClientError> {
    let dispute = replica.dispute();
    let ours = &mut *player.history;
    let party = replica.party(&player.key.public());
    let events = match (dispute.status(), party) {
        (Status::Joining, None) => {
            let claim = ours.claim_at(dispute.terms().last)?;
            vec![Event::Join { claim }]
        }
        (Status::Joining, Some(party)) => {
            let claim = ours.claim_at(dispute.terms().last)?;
            if dispute.seats()[usize::from(party.0)].claim != claim {
                return Err(ClientError::OtherClaim);
            }
            Vec::new()
        }
        (Status::Round(_), Some(party)) => {
            let moves = respond(dispute, party, ours)?;
            let moves = moves.into_iter().map(|mv| Event::Move { by: party, mv });
            moves.collect()
        }
        _ => Vec::new(),
    };
    let events = events.iter();
    Ok(events
        .map(|event| replica.sign(event, player.key))
        .collect())
}
