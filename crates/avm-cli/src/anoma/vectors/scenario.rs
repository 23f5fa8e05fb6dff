//! A scenario as its file has it: an outline of programs, the world they find, and what is expected.
//!
//! The README beside the vectors describes the members.

use serde_json::{Map, Value};

/// One scenario.
pub(super) struct Scenario<'a> {
    /// `family/name`.
    pub(super) id: &'a str,
    /// Machines and whether they can be reached; the first is home.
    pub(super) machines: Vec<(String, bool)>,
    /// Controllers and whether they can be reached.
    pub(super) controllers: Vec<(String, bool)>,
    /// Capabilities of every execution; the usual ones if it does not say.
    pub(super) caps: Option<Vec<&'a str>>,
    /// Controllers that searches see.
    pub(super) scry_scope: Option<Vec<String>>,
    /// Calls on the stack.
    pub(super) max_call_depth: Option<u32>,
    /// Pure functions that are there from the start.
    pub(super) functions: Vec<(&'a str, &'a Value)>,
    /// Behaviours.
    pub(super) behaviours: Vec<(&'a str, Vec<Step<'a>>)>,
    /// Run first; its variables are those of all programs.
    pub(super) setup: Vec<Step<'a>>,
    /// Programs, in order.
    pub(super) programs: Vec<Program<'a>>,
    /// In which turns the programs run; one after the other if it does not say.
    pub(super) schedule: Option<Vec<Turn<'a>>>,
    /// Whether the programs are to become one transaction.
    pub(super) composed: bool,
    /// What is expected.
    pub(super) expected: &'a Map<String, Value>,
}

/// A program of a scenario.
pub(super) struct Program<'a> {
    /// Its name.
    pub(super) name: &'a str,
    /// Its steps.
    pub(super) steps: Vec<Step<'a>>,
    /// The machine on which it starts.
    pub(super) machine: Option<&'a str>,
}

/// What happens next in a schedule.
pub(super) enum Turn<'a> {
    /// A program takes so many of its steps.
    Run(&'a str, u64),
    /// A machine, or else a controller, can be reached from now on or not.
    Reach(bool, &'a str, bool),
}

/// A step of a program or behaviour.
#[derive(Clone)]
pub(super) enum Step<'a> {
    /// An instruction.
    Do {
        /// The variable that gets its result.
        to: Option<&'a str>,
        /// Its name.
        name: &'a str,
        /// Its arguments.
        args: &'a [Value],
        /// Whether an error becomes a value.
        guard: bool,
    },
    /// A variable gets the value of an expression.
    Let(&'a str, &'a Value),
    /// One of two lists of steps.
    If(&'a Value, Vec<Step<'a>>, Vec<Step<'a>>),
    /// Ends with these outputs.
    Return(Vec<&'a Value>),
    /// Refuses the input.
    Reject,
}

type Read<T> = Result<T, String>;

impl<'a> Scenario<'a> {
    /// Reads a scenario.
    ///
    /// # Errors
    /// What it lacks.
    pub(super) fn read(value: &'a Value) -> Read<Self> {
        let members = object(value, "a scenario")?;
        let id = text(member(members, "id")?)?;
        Self::of(id, members).map_err(|e| format!("{id}: {e}"))
    }

    fn of(id: &'a str, members: &'a Map<String, Value>) -> Read<Self> {
        let start = members.get("start").and_then(Value::as_object);
        let program = |name: &'a str, body: &'a Value| {
            let machine = start.and_then(|start| start.get(name)).map(text);
            Ok::<_, String>(Program {
                name,
                steps: steps(body)?,
                machine: machine.transpose()?,
            })
        };
        let programs = match (members.get("program"), members.get("programs")) {
            (Some(body), None) => vec![program("main", body)?],
            (None, Some(programs)) => object(programs, "`programs`")?
                .iter()
                .map(|(name, body)| program(name, body))
                .collect::<Read<_>>()?,
            _ => return Err("there is neither `program` nor `programs`, or both".into()),
        };
        let depth = members.get("max_call_depth").map(|depth| {
            let depth = depth.as_u64().and_then(|depth| u32::try_from(depth).ok());
            depth.ok_or("`max_call_depth` is no number of calls")
        });
        Ok(Self {
            id,
            machines: reachable(members.get("machines"), &["m1"])?,
            controllers: reachable(members.get("controllers"), &["c1", "c2"])?,
            caps: members.get("caps").map(texts).transpose()?,
            scry_scope: members
                .get("scry_scope")
                .map(|scope| texts(scope).map(|names| names.into_iter().map(Into::into).collect()))
                .transpose()?,
            max_call_depth: depth.transpose()?,
            functions: match members.get("pure") {
                Some(functions) => object(functions, "`pure`")?
                    .iter()
                    .map(|(name, body)| (name.as_str(), body))
                    .collect(),
                None => Vec::new(),
            },
            behaviours: object(member(members, "behaviours")?, "`behaviours`")?
                .iter()
                .map(|(name, body)| Ok((name.as_str(), steps(body)?)))
                .collect::<Read<_>>()?,
            setup: members.get("setup").map_or_else(|| Ok(Vec::new()), steps)?,
            programs,
            schedule: members.get("schedule").map(schedule).transpose()?,
            composed: members.contains_key("compose"),
            expected: object(member(members, "expected")?, "`expected`")?,
        })
    }

    /// Every instruction of the scenario, in order.
    pub(super) fn instructions(&self) -> Vec<&'a str> {
        let bodies = self.behaviours.iter().map(|(_, steps)| steps);
        let bodies = bodies.chain(self.programs.iter().map(|program| &program.steps));
        let mut names = Vec::new();
        for body in bodies.chain([&self.setup]) {
            collect(body, &mut names);
        }
        names
    }

    /// Whether its programs have a capability.
    pub(super) fn has_cap(&self, cap: &str) -> bool {
        self.caps.as_ref().is_some_and(|caps| caps.contains(&cap))
    }
}

fn collect<'a>(steps: &[Step<'a>], names: &mut Vec<&'a str>) {
    for step in steps {
        match step {
            Step::Do { name, .. } => names.push(name),
            Step::If(_, then, other) => {
                collect(then, names);
                collect(other, names);
            }
            Step::Let(..) | Step::Return(_) | Step::Reject => {}
        }
    }
}

/// Variables that steps give a value, each once, in order.
pub(super) fn variables<'a>(steps: &[Step<'a>]) -> Vec<&'a str> {
    let mut names = Vec::new();
    let mut put = |name: &'a str| {
        if !names.contains(&name) {
            names.push(name);
        }
    };
    for step in steps {
        match step {
            Step::Do { to: Some(name), .. } | Step::Let(name, _) => put(name),
            Step::If(_, then, other) => {
                let inside = [variables(then), variables(other)].concat();
                inside.into_iter().for_each(&mut put);
            }
            Step::Do { .. } | Step::Return(_) | Step::Reject => {}
        }
    }
    names
}

fn member<'a>(members: &'a Map<String, Value>, name: &str) -> Read<&'a Value> {
    let found = members.get(name);
    found.ok_or_else(|| format!("there is no member `{name}`"))
}

pub(super) fn object<'a>(value: &'a Value, what: &str) -> Read<&'a Map<String, Value>> {
    let found = value.as_object();
    found.ok_or_else(|| format!("{what} is no object: {value}"))
}

pub(super) fn array<'a>(value: &'a Value, what: &str) -> Read<&'a [Value]> {
    let found = value.as_array();
    found
        .map(Vec::as_slice)
        .ok_or_else(|| format!("{what} is no array: {value}"))
}

fn text(value: &Value) -> Read<&str> {
    let found = value.as_str();
    found.ok_or_else(|| format!("expected a text, found {value}"))
}

fn texts(value: &Value) -> Read<Vec<&str>> {
    array(value, "a list of names")?.iter().map(text).collect()
}

fn reachable(value: Option<&Value>, usual: &[&str]) -> Read<Vec<(String, bool)>> {
    let Some(value) = value else {
        return Ok(usual.iter().map(|name| ((*name).into(), true)).collect());
    };
    let names = object(value, "a list of machines or controllers")?.iter();
    let names = names.map(|(name, reachable)| {
        let reachable = reachable.as_bool();
        let reachable = reachable.ok_or_else(|| format!("`{name}` is neither true nor false"))?;
        Ok((name.clone(), reachable))
    });
    names.collect()
}

fn schedule(value: &Value) -> Read<Vec<Turn<'_>>> {
    let turns = array(value, "`schedule`")?.iter();
    turns.map(turn).collect()
}

fn turn(value: &Value) -> Read<Turn<'_>> {
    let wrong = || format!("not a turn of a schedule: {value}");
    let [who, what] = array(value, "a turn")? else {
        return Err(wrong());
    };
    match (text(who)?, what) {
        ("!", Value::Array(change)) => match &change[..] {
            [kind, name, Value::Bool(reachable)] => match text(kind)? {
                "machine" => Ok(Turn::Reach(true, text(name)?, *reachable)),
                "controller" => Ok(Turn::Reach(false, text(name)?, *reachable)),
                _ => Err(wrong()),
            },
            _ => Err(wrong()),
        },
        (name, Value::Number(count)) => {
            let count = count.as_u64().ok_or_else(wrong)?;
            Ok(Turn::Run(name, count))
        }
        _ => Err(wrong()),
    }
}

fn steps(value: &Value) -> Read<Vec<Step<'_>>> {
    let steps = array(value, "a list of steps")?.iter();
    steps.map(step).collect()
}

fn step(value: &Value) -> Read<Step<'_>> {
    let members = object(value, "a step")?;
    let get = |name: &str| members.get(name);
    if let Some(instruction) = get("do") {
        let [name, args @ ..] = array(instruction, "an instruction")? else {
            return Err("an instruction has no name".into());
        };
        return Ok(Step::Do {
            to: get("let").map(text).transpose()?,
            name: text(name)?,
            args,
            guard: get("guard") == Some(&Value::Bool(true)),
        });
    }
    match (get("let"), get("be"), get("if"), get("ret"), get("rets")) {
        (Some(name), Some(value), ..) => Ok(Step::Let(text(name)?, value)),
        (_, _, Some(test), ..) => {
            let then = get("then").map_or_else(|| Ok(Vec::new()), steps)?;
            let other = get("else").map_or_else(|| Ok(Vec::new()), steps)?;
            Ok(Step::If(test, then, other))
        }
        (_, _, _, Some(value), _) => Ok(Step::Return(vec![value])),
        (.., Some(values)) => Ok(Step::Return(array(values, "`rets`")?.iter().collect())),
        _ if get("reject").is_some() => Ok(Step::Reject),
        _ => Err(format!("not a step: {value}")),
    }
}
