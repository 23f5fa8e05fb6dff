//! A scenario as an image: three modules and the world.
//!
//! Pure functions are in a module of their own, because programs name them by the hash of it;
//! programs and behaviours have one each, because a program may be called like a behaviour.

use avm_anoma::code::{Export, ExportKind, Function, Module, ModuleBuilder, table::CAPS_KNOWN};
use avm_anoma::event::TraceLevel;
use avm_anoma::image::{Caps, Config, Image, Limits};
use avm_anoma::value::Val;
use serde_json::Value;

use super::body::{self, Kind, Shared};
use super::names::Names;
use super::scenario::{Scenario, Step, variables};

/// Name of the program that runs first.
pub(super) const SETUP: &str = "setup";

/// The image of a scenario, if its names have these ids and the machine this epoch.
pub(super) fn image(scenario: &Scenario<'_>, names: &Names, epoch: u64) -> Result<Image, String> {
    let expressions = expressions(scenario);
    let functions = functions(&expressions, names)?;
    let hash = functions.name_hash();
    let mut codes = Vec::new();
    for (at, expression) in expressions.iter().enumerate() {
        let code = Val::code(hash, &export(at)).map_err(|e| e.to_string())?;
        codes.push((*expression, code));
    }
    let present = scenario.functions.iter().enumerate();
    let present = present.map(|(at, (name, _))| ((*name).into(), 0, export(at)));
    let config = Config {
        machines: scenario.machines.clone(),
        controllers: scenario.controllers.clone(),
        epoch,
        caps: Caps::ALL,
        functions: present.collect(),
        scry_scope: scenario.scry_scope.clone(),
        trace: TraceLevel::Full,
        limits: Limits {
            call_depth: scenario
                .max_call_depth
                .unwrap_or(Limits::default().call_depth),
            ..Limits::default()
        },
        ..Config::default()
    };
    let modules = vec![
        functions,
        behaviours(scenario, names, &codes)?,
        programs(scenario, names, &codes)?,
    ];
    Ok(Image { modules, config })
}

/// Expressions that are pure functions: those that are there from the start, in order, then those
/// that programs register.
fn expressions<'a>(scenario: &Scenario<'a>) -> Vec<&'a Value> {
    fn collect<'a>(steps: &[Step<'a>], found: &mut Vec<&'a Value>) {
        for step in steps {
            match step {
                Step::Do {
                    name: "registerPure" | "updatePure",
                    args: [_, code, ..],
                    ..
                } => found.push(code),
                Step::If(_, then, other) => {
                    collect(then, found);
                    collect(other, found);
                }
                _ => {}
            }
        }
    }
    let mut found: Vec<_> = scenario.functions.iter().map(|(_, body)| *body).collect();
    let bodies = scenario.behaviours.iter().map(|(_, steps)| steps);
    let bodies = bodies.chain(scenario.programs.iter().map(|program| &program.steps));
    for body in bodies.chain([&scenario.setup]) {
        collect(body, &mut found);
    }
    found
}

/// Name of the pure function with this index.
fn export(at: usize) -> String {
    format!("f{at}")
}

fn add(
    module: &mut ModuleBuilder,
    name: String,
    kind: ExportKind,
    function: Function,
) -> Result<(), String> {
    let function = module.function(function).map_err(|e| e.to_string())?;
    module.export(Export {
        name,
        kind,
        function: function.into(),
        fields: Vec::new(),
        deterministic: false,
    });
    Ok(())
}

/// A module that may use whatever its program is allowed to.
fn module(name: &str) -> ModuleBuilder {
    let mut module = ModuleBuilder::new(name);
    CAPS_KNOWN.iter().for_each(|cap| module.cap(cap));
    module
}

fn functions(expressions: &[&Value], names: &Names) -> Result<Module, String> {
    let mut module = ModuleBuilder::new("functions");
    for (at, expression) in expressions.iter().enumerate() {
        let mut shared = Shared {
            module: &mut module,
            names,
            codes: &[],
        };
        let function = body::pure(&mut shared, &export(at), expression)?;
        add(&mut module, export(at), ExportKind::Pure, function)?;
    }
    Ok(module.finish())
}

fn behaviours(
    scenario: &Scenario<'_>,
    names: &Names,
    codes: &[(&Value, Val)],
) -> Result<Module, String> {
    let mut module = module("behaviours");
    for (name, steps) in &scenario.behaviours {
        let mut shared = Shared {
            module: &mut module,
            names,
            codes,
        };
        let function = body::function(&mut shared, name, Kind::Behaviour, &[], steps)?;
        add(&mut module, (*name).into(), ExportKind::Behaviour, function)?;
    }
    Ok(module.finish())
}

fn programs(
    scenario: &Scenario<'_>,
    names: &Names,
    codes: &[(&Value, Val)],
) -> Result<Module, String> {
    let mut module = module("programs");
    let shared = variables(&scenario.setup);
    // Its value is the list of its variables, which the other programs get as arguments.
    let found = Value::Array(
        shared
            .iter()
            .map(|name| serde_json::json!({ "$": name }))
            .collect(),
    );
    let mut programs = Vec::new();
    for program in &scenario.programs {
        programs.push((program.name, &shared[..], &program.steps));
    }
    let mut setup: Vec<Step<'_>> = scenario.setup.clone();
    setup.push(Step::Return(vec![&found]));
    programs.push((SETUP, &[], &setup));
    for (name, parameters, steps) in programs {
        let mut shared = Shared {
            module: &mut module,
            names,
            codes,
        };
        let function = body::function(&mut shared, name, Kind::Program, parameters, steps)?;
        add(&mut module, name.into(), ExportKind::Program, function)?;
    }
    Ok(module.finish())
}
