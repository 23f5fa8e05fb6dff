//! A machine that is [`Tally`] but for one thing.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use avm_core::{
    Bytes, Channel, Hash, Host, HostError, ImageError, Machine, MemoryNodes, Nodes, Output, Ran,
    Save, Sink, Stop, Vm,
};
use avm_testkit::tally::Tally;

/// What is wrong with a machine that is a [`Tally`] otherwise.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Bend {
    Nothing,
    /// Takes two steps where one is allowed.
    IgnoresBudget,
    /// Says that it took its whole budget, but gives up after one step.
    ClaimsBudget,
    /// Asks for an input with budget 0.
    AsksForNothing,
    /// Says that it waits without having asked.
    WaitsUnasked,
    /// Counts something in a place that all machines of the process share.
    Global,
    /// Hands something out at the end of every run.
    OutputPerRun,
    /// Its hash changes when it is run while stopped.
    TicksWhileStopped,
    /// Halts when it should wait.
    HaltsForWait,
    /// Never takes an input that came after it waited.
    DeafAfterWait,
    /// Takes an input even when halted.
    HaltedButTakes,
    /// Forks share one state.
    SharedFork,
    /// A fork lost something that the hash does not show.
    HollowFork,
    /// The hash leaves something out that the node has.
    HashForgets,
    /// Neither hash nor node have something that matters.
    StateForgets,
    /// Saves nodes under other names than `Vm::hash` gives.
    WrongNames,
    /// An output has no node.
    NamelessOutput,
    /// A node is not saved.
    SaveMisses,
    /// Parents before children.
    SaveBackwards,
    /// Saves what the sink already has.
    SaveRepeats,
    /// Saves once, whatever the sink.
    SavesOnce,
    /// Saving takes a step.
    SaveRuns,
    /// Errors of the sink are swallowed.
    SaveSwallows,
    /// An opened machine saves its root only.
    OpenedSavesRoot,
    /// Reads nodes that a step does not need, and shrugs if they are missing.
    MissingIsZero,
    /// Takes the next node of the store where one is missing: a panic.
    MissingPanics,
    /// Two inputs in one step.
    TwoInputs,
    /// Reads a log that fails as if it had ended.
    SwallowsLog,
    /// Goes on when an output was not taken.
    SwallowsOutbox,
    /// Panics on a node of the wrong length.
    TrustsNodes,
    /// Panics on an image that is no program.
    TrustsImages,
    /// Opens any state.
    OpensAnything,
    /// Not broken: its halted state is a name without a node.
    Sentinel,
}

/// The name of every halted state of [`Bend::Sentinel`].
pub const HALTED: Hash = Hash([1; 32]);

static GLOBAL: AtomicU64 = AtomicU64::new(0);

impl Vm for Bend {
    fn id(&self) -> &'static str {
        "bent"
    }

    fn spec(&self) -> &'static str {
        "bent/1"
    }

    fn hash(&self, node: &[u8]) -> Hash {
        Tally.hash(node)
    }

    fn genesis(&self, image: &[u8]) -> Result<Box<dyn Machine>, ImageError> {
        let genesis = Tally.genesis(image);
        if *self == Self::TrustsImages {
            return Ok(genesis.expect("an image is a program"));
        }
        Ok(Bent::boxed(*self, genesis?, false))
    }

    fn open(&self, state: Hash, nodes: Arc<dyn Nodes>) -> Result<Box<dyn Machine>, HostError> {
        if *self == Self::OpensAnything && nodes.get(state).is_err() {
            return Ok(Tally.genesis(&[]).expect("the empty program"));
        }
        if *self == Self::Sentinel && state == HALTED {
            // An empty program that ran off its end.
            let mut halted = Tally.genesis(&[]).expect("the empty program");
            halted.run(1, &mut Silent)?;
            return Ok(Bent::boxed(*self, halted, true));
        }
        let nodes = Arc::new(Odd { bend: *self, nodes });
        let opened = Tally.open(state, nodes)?;
        Ok(Bent::boxed(*self, opened, true))
    }
}

/// Nodes as a broken machine reads them.
struct Odd {
    bend: Bend,
    nodes: Arc<dyn Nodes>,
}

impl Nodes for Odd {
    fn get(&self, hash: Hash) -> Result<Bytes, HostError> {
        let got = self.nodes.get(hash);
        match (self.bend, got) {
            (Bend::MissingIsZero, Err(HostError::MissingNode { .. })) => Ok([0; 40].into()),
            (Bend::MissingPanics, Err(HostError::MissingNode { .. })) => panic!("no such node"),
            (Bend::TrustsNodes, Ok(node)) => {
                assert_eq!(Hash::keccak(&node), hash, "a node is what it is called");
                Ok(node)
            }
            (_, got) => got,
        }
    }
}

struct Bent {
    bend: Bend,
    inner: Arc<Mutex<Box<dyn Machine>>>,
    opened: bool,
    /// Steps or runs, depending on what is wrong.
    count: u64,
}

impl Bent {
    fn boxed(bend: Bend, inner: Box<dyn Machine>, opened: bool) -> Box<dyn Machine> {
        let inner = Arc::new(Mutex::new(inner));
        Box::new(Self {
            bend,
            inner,
            opened,
            count: 0,
        })
    }
}

impl Bent {
    fn halted(&self) -> bool {
        let ran = self.inner.lock().unwrap().fork().run(0, &mut Silent);
        ran.unwrap().stop == Stop::Halted
    }

    /// Hands something out after every third step.
    fn count_steps(&mut self, budget: u64, host: &mut dyn Host) -> Result<Ran, HostError> {
        let mut steps = 0;
        loop {
            let ran = self
                .inner
                .lock()
                .unwrap()
                .run((budget - steps).min(1), host)?;
            steps += ran.steps;
            self.count += ran.steps;
            if ran.steps == 1 && self.count.is_multiple_of(3) {
                shout(host)?;
            }
            if ran.stop != Stop::Budget || steps == budget {
                return Ok(Ran { steps, ..ran });
            }
        }
    }
}

/// The host as a broken machine uses it.
struct OddHost<'a> {
    bend: Bend,
    host: &'a mut dyn Host,
    deaf: bool,
    waited: bool,
}

impl Host for OddHost<'_> {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        if self.deaf {
            return Ok(None);
        }
        let input = match self.host.next_input() {
            Err(_) if self.bend == Bend::SwallowsLog => None,
            input => input?,
        };
        if self.bend == Bend::TwoInputs {
            self.host.next_input()?;
        }
        self.waited |= input.is_none();
        Ok(input)
    }

    fn emit(&mut self, output: Output<'_>) -> Result<(), HostError> {
        let content = match self.bend {
            Bend::NamelessOutput => &Nothing,
            _ => output.content,
        };
        match self.host.emit(Output { content, ..output }) {
            Err(_) if self.bend == Bend::SwallowsOutbox => Ok(()),
            emitted => emitted,
        }
    }
}

struct Nothing;

impl Save for Nothing {
    fn save(&self, _: &mut dyn Sink) -> Result<(), HostError> {
        Ok(())
    }
}

fn shout(host: &mut dyn Host) -> Result<(), HostError> {
    struct Text;
    impl Save for Text {
        fn save(&self, sink: &mut dyn Sink) -> Result<(), HostError> {
            sink.put(Hash::keccak(b"run"), b"run")
        }
    }
    let (channel, hash, content) = (Channel(1), Hash::keccak(b"run"), &Text);
    host.emit(Output {
        channel,
        hash,
        content,
    })
}

impl Machine for Bent {
    fn run(&mut self, budget: u64, host: &mut dyn Host) -> Result<Ran, HostError> {
        let bend = self.bend;
        let (deaf, waited) = (bend == Bend::DeafAfterWait && self.count > 0, false);
        let mut host = OddHost {
            bend,
            host,
            deaf,
            waited,
        };
        let budget = match bend {
            Bend::IgnoresBudget if budget > 0 => budget + 1,
            Bend::ClaimsBudget => budget.min(1),
            _ => budget,
        };
        if budget == 0 && bend == Bend::AsksForNothing {
            let stop = match host.next_input()? {
                Some(_) => Stop::Budget,
                None => Stop::NeedsInput,
            };
            return Ok(Ran { steps: 0, stop });
        }
        if bend == Bend::StateForgets {
            return self.count_steps(budget, host.host);
        }
        let mut ran = self.inner.lock().unwrap().run(budget, &mut host)?;
        match (bend, ran.stop) {
            (Bend::WaitsUnasked, Stop::Halted) => ran.stop = Stop::NeedsInput,
            (Bend::HaltsForWait, Stop::NeedsInput) => ran.stop = Stop::Halted,
            (Bend::HaltedButTakes, Stop::Halted) if budget > 0 => drop(host.next_input()?),
            (Bend::TicksWhileStopped, Stop::Halted) if budget > ran.steps => self.count += 1,
            (Bend::DeafAfterWait, Stop::NeedsInput) => self.count += 1,
            (Bend::OutputPerRun, _) if budget > 1 => shout(host.host)?,
            _ => {}
        }
        if bend == Bend::HollowFork && self.count > 0 && ran.steps > 0 {
            shout(host.host)?;
        }
        Ok(ran)
    }

    fn state_hash(&mut self) -> Hash {
        let hash = self.inner.lock().unwrap().state_hash();
        match self.bend {
            Bend::Global => hash.join(Hash([GLOBAL.fetch_add(1, Ordering::Relaxed) as u8; 32])),
            Bend::TicksWhileStopped if self.count > 0 => hash.join(Hash::ZERO),
            Bend::HashForgets => Hash([hash.0[0] & 0xf0; 32]),
            Bend::Sentinel if self.halted() => HALTED,
            _ => hash,
        }
    }

    fn save(&mut self, sink: &mut dyn Sink) -> Result<Hash, HostError> {
        if self.bend == Bend::Sentinel && self.halted() {
            return Ok(HALTED);
        }
        let mut inner = self.inner.lock().unwrap();
        let mut all = MemoryNodes::default();
        let name = inner.save(&mut all)?;
        let has_all = sink.has(name)?;
        // Children before parents: what a save of `inner` puts, in order.
        let mut order = Order(Vec::new());
        inner.save(&mut order)?;
        let mut nodes = order.0;
        match self.bend {
            Bend::SaveMisses if nodes.len() > 2 => drop(nodes.remove(1)),
            Bend::SaveBackwards => nodes.reverse(),
            Bend::SaveRepeats if has_all => return sink.put(name, &all.get(name)?).map(|()| name),
            Bend::SavesOnce if self.count > 0 => return Ok(name),
            Bend::OpenedSavesRoot if self.opened => drop(nodes.drain(..nodes.len() - 1)),
            Bend::WrongNames => {
                let node = b"a node".to_vec();
                nodes.insert(0, (Hash([7; 32]), node));
            }
            _ => {}
        }
        if self.bend == Bend::SavesOnce {
            self.count += 1;
        }
        if self.bend == Bend::SaveRuns {
            inner.run(1, &mut Silent)?;
        }
        for (hash, node) in nodes {
            if has_all || sink.has(hash)? {
                continue;
            }
            match sink.put(hash, &node) {
                Err(_) if self.bend == Bend::SaveSwallows => {}
                put => put?,
            }
        }
        Ok(match self.bend {
            Bend::HashForgets => Hash([name.0[0] & 0xf0; 32]),
            _ => name,
        })
    }

    fn fork(&self) -> Box<dyn Machine> {
        let inner = match self.bend {
            Bend::SharedFork => self.inner.clone(),
            _ => Arc::new(Mutex::new(self.inner.lock().unwrap().fork())),
        };
        let count = match self.bend {
            Bend::HollowFork => 1,
            _ => self.count,
        };
        Box::new(Self {
            inner,
            count,
            ..*self
        })
    }
}

/// The nodes put, in order.
struct Order(Vec<(Hash, Vec<u8>)>);

impl Sink for Order {
    fn has(&self, hash: Hash) -> Result<bool, HostError> {
        Ok(self.0.iter().any(|(name, _)| *name == hash))
    }

    fn put(&mut self, hash: Hash, node: &[u8]) -> Result<(), HostError> {
        self.0.push((hash, node.to_vec()));
        Ok(())
    }
}

/// A host without inputs or ears.
struct Silent;

impl Host for Silent {
    fn next_input(&mut self) -> Result<Option<Bytes>, HostError> {
        Ok(None)
    }

    fn emit(&mut self, _: Output<'_>) -> Result<(), HostError> {
        Ok(())
    }
}
