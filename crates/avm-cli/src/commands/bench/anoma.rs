//! `avm bench anoma`: calls, messages, objects and transactions of the Anoma machine, beside Erlang.

mod bed;
mod peer;

use avm_anoma::event::TraceLevel;
use avm_anoma::value::Val;
use serde_json::{Value, json};

use super::index::memory_bytes;
use super::{CLOCK, nothing_named};
use crate::context::Context;
use crate::error::{self, CliError};
use crate::output::{Reply, grouped, number};
use bed::Bed;
use peer::Peer;

/// Where the texts of the programs are.
macro_rules! text {
    ($name:literal) => {
        include_str!(concat!(
            env!("CARGO_MANIFEST_DIR"),
            "/../../examples/anoma/bench/",
            $name
        ))
    };
}

const ECHO: &str = text!("echo.avm");
const NESTED: &str = text!("ping_pong.avm");
const MESSAGES: &str = text!("messages.avm");
const CREATE: &str = text!("create.avm");
const TRANSACTIONS: &str = text!("transactions.avm");

/// How much of a trace the state commits to, by name; `core` is what an image has unless it says.
const LEVELS: [(&str, TraceLevel); 3] = [
    ("none", TraceLevel::None),
    ("core", TraceLevel::Core),
    ("full", TraceLevel::Full),
];
/// Calls inside of each other.
const DEPTH: u64 = 400;
/// Objects of a large state.
const OBJECTS: u64 = 1_000_000;
/// Transactions in one measurement of them.
const TXS: u64 = 500_000;
/// Transactions before a root.
const ROOT_TXS: u64 = 1_000;
/// Most milliseconds that the root after them should take.
const ROOT_AIM_MS: f64 = 20.0;
/// Least transactions a second, however many objects there are.
const TXS_AIM: f64 = 0.5e6;

/// A program that is measured on a fresh machine.
struct Load {
    name: &'static str,
    /// What is counted.
    unit: &'static str,
    text: &'static str,
    program: &'static str,
    n: u64,
    counted: Counted,
    /// Least of it that should be done in a second, at the level `core`.
    aim: f64,
}

/// How often a program does what is measured, by its argument.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Counted {
    /// So often; objects accept as many inputs.
    Calls,
    /// In chains of [`DEPTH`] calls and the one that starts them.
    Chains,
    /// From the argument down to zero.
    Messages,
    /// So often; objects accept none.
    Objects,
}

const LOADS: [Load; 5] = [
    Load {
        name: "echo",
        unit: "calls",
        text: ECHO,
        program: "main",
        n: 2_000_000,
        counted: Counted::Calls,
        aim: 10e6,
    },
    Load {
        name: "keep",
        unit: "calls that set the state",
        text: ECHO,
        program: "keep",
        n: 2_000_000,
        counted: Counted::Calls,
        aim: 4e6,
    },
    Load {
        name: "nested",
        unit: "calls inside of calls",
        text: NESTED,
        program: "main",
        n: 2_000_000,
        counted: Counted::Chains,
        aim: 5e6,
    },
    Load {
        name: "messages",
        unit: "messages",
        text: MESSAGES,
        program: "main",
        n: 2_000_000,
        counted: Counted::Messages,
        aim: 5e6,
    },
    Load {
        name: "create",
        unit: "objects",
        text: CREATE,
        program: "main",
        n: OBJECTS,
        counted: Counted::Objects,
        aim: 1e6,
    },
];

impl Load {
    fn count(&self, n: u64) -> u64 {
        match self.counted {
            Counted::Calls | Counted::Objects => n,
            Counted::Chains => n.div_ceil(DEPTH) * (DEPTH + 1),
            Counted::Messages => n + 1,
        }
    }

    fn measure(&self, level: TraceLevel, n: u64, rounds: u32) -> Result<Spread, CliError> {
        let mut args = vec![n];
        if self.counted == Counted::Chains {
            args.push(DEPTH);
        }
        let count = self.count(n);
        let mut rates = Vec::new();
        for _ in 0..rounds {
            let mut bed = Bed::new(self.text, level)?;
            let seconds = bed.run(self.program, ints(&args)?)?;
            rates.push(count as f64 / seconds.max(1e-9));
            if self.counted != Counted::Objects {
                same(self.name, "inputs were accepted", bed.accepted()?, count)?;
            }
        }
        Ok(Spread::of(rates))
    }
}

fn same(name: &str, what: &str, found: u64, count: u64) -> Result<(), CliError> {
    match found == count {
        true => Ok(()),
        false => Err(error::bench_changed(format!(
            "{name}: {found} {what}, not {count}"
        ))),
    }
}

fn ints(numbers: &[u64]) -> Result<Vec<Val>, CliError> {
    let numbers = numbers.iter().map(|n| i64::try_from(*n).map(Val::int));
    let numbers: Result<_, _> = numbers.collect();
    numbers.map_err(|e| error::bug(e.to_string()))
}

/// Least, median and most of some numbers.
#[derive(Clone, Copy)]
struct Spread([f64; 3]);

impl Spread {
    fn of(mut all: Vec<f64>) -> Self {
        all.sort_by(f64::total_cmp);
        Self([all[0], all[all.len() / 2], all[all.len() - 1]])
    }

    const fn median(self) -> f64 {
        self.0[1]
    }

    fn json(self, unit: f64) -> Value {
        // More than a millionth of what is measured is noise.
        let [min, median, max] = self.0.map(|x| (x * unit * 1e6).round() / 1e6);
        json!({ "min": min, "median": median, "max": max })
    }

    /// In columns, with three digits behind the point.
    fn shown(self, unit: f64) -> String {
        let [min, median, max] = self.0.map(|x| format!("{:.3}", x * unit));
        format!("{min:>8} {median:>8} {max:>8}")
    }
}

/// A line of the table.
struct Row<'a> {
    name: &'a str,
    unit: &'a str,
    level: &'a str,
    count: u64,
    rates: Spread,
    aim: f64,
    peer: Option<Spread>,
}

impl Row<'_> {
    /// The aim, where it holds.
    fn aim(&self) -> Option<f64> {
        (self.level == "core").then_some(self.aim)
    }

    fn ratio(&self) -> Option<f64> {
        let ratio = self.peer.map(|peer| self.rates.median() / peer.median());
        ratio.map(|ratio| (ratio * 1e3).round() / 1e3)
    }

    fn text(&self) -> String {
        let aim = self
            .aim()
            .map_or_else(String::new, |aim| format!("{:.1}", aim / 1e6));
        let (peer, ratio) = match (self.peer, self.ratio()) {
            (Some(peer), Some(ratio)) => (peer.shown(1e-6), format!("{ratio:.2}")),
            _ => (String::new(), String::new()),
        };
        let line = format!(
            "{:<10} {:<5} {:>9} {} {:>5} {:>6.0}   {peer:>26} {ratio:>6}",
            self.name,
            self.level,
            grouped(&self.count.to_string()),
            self.rates.shown(1e-6),
            aim,
            1e9 / self.rates.median(),
        );
        format!("{}\n", line.trim_end())
    }

    fn json(&self) -> Value {
        json!({
            "name": self.name, "unit": self.unit, "trace": self.level, "count": number(self.count),
            "per_second": self.rates.json(1.0), "aim_per_second": self.aim(),
            "erlang_per_second": self.peer.map(|peer| peer.json(1.0)), "ratio": self.ratio(),
        })
    }
}

/// What is to be measured, and what was.
struct Bench<'a> {
    ctx: &'a Context,
    rounds: u32,
    only: Option<&'a str>,
    /// All counts are divided by this.
    divide: u64,
    rows: Vec<Value>,
}

/// `avm bench anoma`.
///
/// # Errors
/// If a program does not end as it should, or nothing has `only` in its name.
pub fn bench(
    ctx: &Context,
    rounds: u32,
    only: Option<&str>,
    divide: u64,
) -> Result<Reply, CliError> {
    let mut bench = Bench {
        ctx,
        rounds,
        only,
        divide,
        rows: Vec::new(),
    };
    let loads = LOADS.iter();
    let wants_loads = loads.clone().any(|load| bench.wants_any(load.name));
    let names = ["state", "tx-few", "tx-many"];
    if !wants_loads && !names.iter().any(|name| bench.wants_any(name)) {
        return Err(nothing_named());
    }
    // First of all, while no memory was used and given back, which would be used again.
    let state = match bench.wants("state", "core") {
        true => Some(bench.state()?),
        false => None,
    };
    let peer = match wants_loads {
        true => Peer::find().map_err(|reason| format!("no Erlang beside it: {reason}")),
        false => Err(String::from("no Erlang beside it: it has none of these")),
    };
    bench.head(&peer)?;
    for load in loads {
        bench.load(load, peer.as_ref().ok())?;
    }
    for (name, others) in [("tx-few", 1), ("tx-many", bench.scaled(OBJECTS))] {
        for (level_name, level) in LEVELS {
            bench.transactions(name, others, level_name, level)?;
        }
    }
    let erlang = match &peer {
        Ok(peer) => {
            json!({ "otp": peer.release, "clock": peer::CLOCK, "options": peer::OPTIONS.join(" ") })
        }
        Err(reason) => json!({ "missing": reason }),
    };
    let data = json!({
        "machine": "anoma", "clock": CLOCK, "rounds": rounds, "erlang": erlang,
        "state": state, "rows": bench.rows,
    });
    Ok(Reply::new("", data))
}

impl Bench<'_> {
    fn wants(&self, name: &str, level: &str) -> bool {
        let name = format!("{name}/{level}");
        self.only.is_none_or(|only| name.contains(only))
    }

    fn wants_any(&self, name: &str) -> bool {
        LEVELS.iter().any(|(level, _)| self.wants(name, level))
    }

    fn scaled(&self, count: u64) -> u64 {
        (count / self.divide).max(1)
    }

    fn write(&self, text: &str) -> Result<(), CliError> {
        if self.ctx.global.json {
            return Ok(());
        }
        self.ctx.write(text)?;
        self.ctx.flush()
    }

    /// Whether there is still time.
    fn check(&self, name: &str) -> Result<(), CliError> {
        self.ctx.spend(0, || name.to_owned())
    }

    fn head(&self, peer: &Result<Peer, String>) -> Result<(), CliError> {
        let who = match peer {
            Ok(peer) => format!("Erlang/OTP {}, {}", peer.release, peer::CLOCK),
            Err(reason) => reason.clone(),
        };
        let bold = anstyle::Style::new().bold();
        let head = format!(
            "{:<10} {:<5} {:>9} {:>8} {:>8} {:>8} {:>5} {:>6}   {:>8} {:>8} {:>8} {:>6}",
            "M/s",
            "trace",
            "count",
            "min",
            "median",
            "max",
            "aim",
            "ns",
            "Erl. min",
            "median",
            "max",
            "ratio"
        );
        self.write(&format!("ours: {CLOCK}; {who}\n{bold}{head}{bold:#}\n"))
    }

    fn load(&mut self, load: &Load, peer: Option<&Peer>) -> Result<(), CliError> {
        if !self.wants_any(load.name) {
            return Ok(());
        }
        let n = self.scaled(load.n);
        let measure = |peer: &Peer| peer.measure(load.name, n, load.count(n), self.rounds);
        let beside = peer.map(measure).transpose()?;
        for (level_name, level) in LEVELS {
            if self.wants(load.name, level_name) {
                self.check(load.name)?;
                self.row(&Row {
                    name: load.name,
                    unit: load.unit,
                    level: level_name,
                    count: load.count(n),
                    rates: load.measure(level, n, self.rounds)?,
                    aim: load.aim,
                    peer: beside,
                })?;
            }
        }
        Ok(())
    }

    fn row(&mut self, row: &Row<'_>) -> Result<(), CliError> {
        self.rows.push(row.json());
        self.write(&row.text())
    }

    /// Transactions of one object, each beginning, calling and committing, with others beside it that
    /// an input before made.
    fn transactions(
        &mut self,
        name: &str,
        others: u64,
        level_name: &str,
        level: TraceLevel,
    ) -> Result<(), CliError> {
        if !self.wants(name, level_name) {
            return Ok(());
        }
        let count = self.scaled(TXS);
        let mut bed = Bed::new(TRANSACTIONS, level)?;
        bed.run("main", ints(&[0, others])?)?;
        let mut rates = Vec::new();
        for _ in 0..self.rounds {
            self.check(name)?;
            let seconds = bed.run("main", ints(&[count, 0])?)?;
            rates.push(count as f64 / seconds.max(1e-9));
        }
        let (entries, least) = (bed.entries()?, count * u64::from(self.rounds));
        if entries < least {
            let message = format!("{name}: {entries} entries after {least} transactions");
            return Err(error::bench_changed(message));
        }
        self.row(&Row {
            name,
            unit: "transactions",
            level: level_name,
            count,
            rates: Spread::of(rates),
            aim: TXS_AIM,
            peer: None,
        })
    }

    /// Memory and roots of a state of many objects.
    fn state(&self) -> Result<Value, CliError> {
        let (objects, count) = (self.scaled(OBJECTS), self.scaled(ROOT_TXS));
        let empty = memory_bytes();
        let mut bed = Bed::new(TRANSACTIONS, TraceLevel::Core)?;
        bed.run("main", ints(&[0, objects])?)?;
        let made = memory_bytes();
        let (mut root, first) = bed.root();
        let rooted = memory_bytes();
        let (mut roots, mut txs) = (Vec::new(), Vec::new());
        for round in 0..self.rounds {
            self.check("state")?;
            let touched = bed.spread("counter", count, round.into(), self.rounds.into())?;
            let touched = Val::list(touched).map_err(|e| error::bug(e.to_string()))?;
            txs.push(bed.run("each", vec![touched])?);
            let (new, seconds) = bed.root();
            roots.push(seconds);
            if new == root {
                let message = "the root is the same after transactions";
                return Err(error::bench_changed(message.into()));
            }
            root = new;
        }
        let (roots, txs) = (Spread::of(roots), Spread::of(txs));
        let (made, rooted) = (made.saturating_sub(empty), rooted.saturating_sub(empty));
        let (many, some) = (grouped(&objects.to_string()), grouped(&count.to_string()));
        let touching = format!("{some} transactions, each of another of them, in ms");
        let rooting = format!("a root after them, in ms (aim {ROOT_AIM_MS})");
        self.write(&format!(
            "{many} objects: {:.0} MB of memory, {:.0} bytes each; {:.0} MB after the first root, which took {:.0} ms\n\
             {:<52} {}\n{:<52} {}\n",
            made as f64 / 1e6,
            made as f64 / objects as f64,
            rooted as f64 / 1e6,
            first * 1e3,
            touching,
            txs.shown(1e3),
            rooting,
            roots.shown(1e3),
        ))?;
        Ok(json!({
            "objects": objects, "transactions": count,
            "memory_bytes": { "made": made, "with_root": rooted },
            "first_root_ms": (first * 1e6).round() / 1e3,
            "transactions_ms": txs.json(1e3), "root_ms": roots.json(1e3), "aim_root_ms": ROOT_AIM_MS,
        }))
    }
}
