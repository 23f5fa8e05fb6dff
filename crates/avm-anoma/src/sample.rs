//! Plausible worlds from a seed, for fuzzing and property tests: modules that the verifier accepts,
//! programs that create, call, send, begin and commit and often do it wrong, and a log that starts
//! them, holds them and lets them take turns. The same seed always stands for the same.
//!
//! Every behaviour and program takes the list of a number, an object, how many calls may follow,
//! and a second object; [`write`](self) goes through it statement by statement.

mod write;

use alloc::string::String;
use alloc::vec;
use alloc::vec::Vec;

use crate::event::TraceLevel;
use crate::image::{Caps, Config, Image, Limits};
use crate::input::{Input, Start, Unit};
use crate::state::records::object_id;
use crate::value::{ObjectId, Val, tagged_hash};

/// Behaviours of every world.
pub const BEHAVIOURS: [&str; 4] = ["b0", "b1", "b2", "b3"];
/// Programs of every world, without the one that creates the first objects.
pub const PROGRAMS: [&str; 4] = ["p0", "p1", "p2", "p3"];
/// Machines of every world.
pub const MACHINES: [&str; 3] = ["m1", "m2", "m3"];
/// Controllers of every world.
pub const CONTROLLERS: [&str; 2] = ["c1", "c2"];
/// The program that creates the first objects.
pub const SETUP: &str = "setup";
/// How many first objects there are.
pub const OBJECTS: u8 = 6;

/// An image and a log.
#[derive(Clone, Debug)]
pub struct Sample {
    /// What the run starts from.
    pub image: Image,
    /// What happens.
    pub inputs: Vec<Input>,
    /// The objects that the first program creates.
    pub objects: Vec<ObjectId>,
}

/// Numbers that follow from a seed: splitmix64.
#[derive(Clone, Debug)]
pub(crate) struct Dice(u64);

impl Dice {
    pub(crate) const fn new(seed: u64) -> Self {
        Self(seed)
    }

    fn number(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ self.0 >> 30).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ mixed >> 27).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ mixed >> 31
    }

    /// A number below `end`, which is not 0.
    pub(crate) fn below(&mut self, end: u8) -> u8 {
        (self.number() % u64::from(end)) as u8
    }

    /// True `times` out of 100.
    pub(crate) fn percent(&mut self, times: u8) -> bool {
        self.below(100) < times
    }

    pub(crate) fn pick<T: Copy>(&mut self, from: &[T]) -> T {
        from[(self.number() % from.len() as u64) as usize]
    }
}

/// The world of a seed.
#[must_use]
pub fn sample(seed: u64) -> Sample {
    let dice = &mut Dice::new(seed);
    let (library, app) = write::modules(dice);
    let config = config(dice);
    let execution = tagged_hash(
        "avm/exec",
        &[
            config.home.as_bytes(),
            &config.epoch.to_be_bytes(),
            &0u64.to_be_bytes(),
        ],
    );
    let objects: Vec<_> = (0..OBJECTS)
        .map(|at| object_id(&execution.0, at.into()))
        .collect();
    let inputs = log(dice, &objects);
    Sample {
        image: Image {
            modules: vec![library, app],
            config,
        },
        inputs,
        objects,
    }
}

fn config(dice: &mut Dice) -> Config {
    let reachable = |dice: &mut Dice, name: &str| (String::from(name), !dice.percent(5));
    let mut limits = Limits {
        gas: 200_000,
        ..Limits::default()
    };
    if dice.percent(30) {
        limits = Limits {
            call_depth: dice.pick(&[1, 3, 100]),
            gas: dice.pick(&[500, 3_000, 20_000]),
            overlay_objects: dice.pick(&[1, 3, 100]),
            journal: dice.pick(&[1, 4, 20]),
            mailbox: dice.pick(&[1, 3]),
            executions: dice.pick(&[2, 5, 100]),
        };
    }
    Config {
        machines: MACHINES.map(|name| reachable(dice, name)).into(),
        controllers: CONTROLLERS.map(|name| reachable(dice, name)).into(),
        home: MACHINES[0].into(),
        epoch: dice.number() >> 60,
        caps: Caps::ALL,
        functions: vec![("f".into(), 0, "pure0".into())],
        scry_scope: dice.percent(20).then(|| vec![CONTROLLERS[0].into()]),
        trace: dice.pick(&[TraceLevel::None, TraceLevel::Core, TraceLevel::Full]),
        limits,
    }
}

/// What behaviours and programs take.
#[must_use]
pub fn argument(number: i64, first: ObjectId, calls: i64, second: ObjectId) -> Val {
    let items = [
        Val::int(number),
        Val::obj(first),
        Val::int(calls),
        Val::obj(second),
    ];
    Val::list(items).expect("a short list")
}

fn log(dice: &mut Dice, objects: &[ObjectId]) -> Vec<Input> {
    let any = |dice: &mut Dice| {
        let (first, second) = (dice.pick(objects), dice.pick(objects));
        argument(dice.below(12).into(), first, dice.below(4).into(), second)
    };
    let start = |program: &str, args: Vec<Val>, caps, hold| {
        Input::Start(Start {
            program: program.into(),
            args: Val::list(args).expect("a short list"),
            machine: None,
            caps,
            hold,
        })
    };
    let mut inputs = vec![start(SETUP, Vec::new(), Caps::ALL, false)];
    let mut executions = 1;
    for _ in 0..4 + dice.below(8) {
        inputs.push(match dice.below(100) {
            0..60 => {
                executions += 1;
                let caps = dice.pick(&[Caps::ALL, Caps::ALL, Caps::DEFAULT, Caps(0)]);
                let (program, hold) = (dice.pick(&PROGRAMS), dice.percent(60));
                start(program, vec![any(dice)], caps, hold)
            }
            60..75 => Input::Run {
                execution: u64::from(dice.below(executions)),
                count: dice.below(40).into(),
                unit: dice.pick(&[Unit::Steps, Unit::Marks]),
            },
            75..85 => Input::Message {
                to: dice.pick(objects),
                value: any(dice),
            },
            85..90 => Input::Reach {
                machine: true,
                name: dice.pick(&MACHINES).into(),
                reachable: dice.percent(60),
            },
            90..93 => Input::Reach {
                machine: false,
                name: dice.pick(&CONTROLLERS).into(),
                reachable: dice.percent(60),
            },
            _ => Input::Shuffle {
                seed: dice.number(),
            },
        });
    }
    inputs.push(Input::Shuffle {
        seed: dice.number(),
    });
    inputs
}
