//! From the text of a module to what its programs gave and did.

#![allow(dead_code, reason = "each test uses a part")]

use avm_anoma::code::Module;
use avm_anoma::compile::compile;
use avm_anoma::event::{EventKind, TraceLevel};
use avm_anoma::image::{Caps, Config, Image};
use avm_anoma::input::{Input, Start};
use avm_anoma::seen::{Outcome, Seen};
use avm_anoma::value::Val;
use avm_anoma::{Anoma, AnomaMachine};
use avm_core::{Claim, Machine, MemoryInbox, NoOutbox, advance};

/// Most instructions of a run.
const BUDGET: u64 = 50_000_000;

/// The text of `examples/anoma/<name>.avm`.
pub fn example(name: &str) -> String {
    let path = format!(
        "{}/../../examples/anoma/{name}.avm",
        env!("CARGO_MANIFEST_DIR")
    );
    std::fs::read_to_string(&path).unwrap_or_else(|e| panic!("{path}: {e}"))
}

/// A machine with one module, and everything that happened so far.
pub struct World {
    pub machine: AnomaMachine,
    claim: Claim,
    inbox: Vec<Vec<u8>>,
    pub seen: Seen,
}

impl World {
    /// # Panics
    /// If the text has an error.
    pub fn new(source: &str, config: Config) -> Self {
        let compiled = compile(source, 0, &()).unwrap_or_else(|found| {
            let text = avm_lang::diagnostic::render_all(&found, &("module.avm", 0, source));
            panic!("{text}")
        });
        Self::of(compiled.module, config)
    }

    /// # Panics
    /// If the module is none that can run in such a world.
    pub fn of(module: Module, config: Config) -> Self {
        let image = Image {
            modules: vec![module],
            config,
        };
        let mut machine = Anoma.start(&image).expect("an image");
        machine.watch(true);
        Self {
            claim: Claim::genesis(machine.state_hash()),
            machine,
            inbox: Vec::new(),
            seen: Seen::default(),
        }
    }

    /// Takes an input and everything that follows from it.
    pub fn input(&mut self, input: &Input) {
        self.inbox.push(input.to_bytes());
        let inbox: MemoryInbox = self.inbox.iter().cloned().collect();
        let (claim, _) = advance(&mut self.machine, self.claim, &inbox, &mut NoOutbox, BUDGET)
            .expect("nothing is missing");
        self.claim = claim;
        let seen = self.machine.take_seen();
        self.seen.events.extend(seen.events);
        self.seen.results.extend(seen.results);
        self.seen.entries.extend(seen.entries);
        self.seen.letters.extend(seen.letters);
        self.seen.started.extend(seen.started);
        self.seen.accepted.extend(seen.accepted);
    }

    /// Starts a program with all capabilities of the configuration.
    pub fn start(&mut self, program: &str, args: &[Val], hold: bool) {
        self.input(&Input::Start(Start {
            program: program.into(),
            args: Val::list_of(args).expect("arguments are short"),
            machine: None,
            caps: Caps::ALL,
            hold,
        }));
    }

    /// The outcome of a program that needs nobody else.
    ///
    /// # Panics
    /// If it has none.
    pub fn run(&mut self, program: &str, args: &[Val]) -> Outcome {
        let before = self.seen.results.len();
        self.start(program, args, false);
        let results = &self.seen.results[before..];
        assert!(!results.is_empty(), "`{program}` has not ended");
        results[0].1.clone()
    }

    /// The value of a program.
    ///
    /// # Panics
    /// If it has none.
    pub fn value(&mut self, program: &str, args: &[Val]) -> Val {
        match self.run(program, args) {
            Outcome::Done(value) => value,
            Outcome::Failed(fault) => panic!("`{program}` failed: {fault}"),
        }
    }

    /// The text of a program's value.
    pub fn text(&mut self, program: &str, args: &[Val]) -> String {
        self.value(program, args).to_string()
    }

    /// How many events of that name there were.
    pub fn count(&self, name: &str) -> usize {
        let named = |event: &&avm_anoma::event::Event| event.kind.name() == name;
        self.seen.events.iter().filter(named).count()
    }

    /// What happened, without who and when.
    pub fn events(&self) -> impl Iterator<Item = &EventKind> {
        self.seen.events.iter().map(|event| &event.kind)
    }
}

/// The usual world, with two machines.
pub fn config() -> Config {
    Config {
        machines: vec![("m1".into(), true), ("m2".into(), true)],
        caps: Caps::ALL,
        trace: TraceLevel::Full,
        ..Config::default()
    }
}
