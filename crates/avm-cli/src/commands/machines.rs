//! `avm machines`: what this build can run.

use avm_isa::{Info, Look};
use serde_json::{Value, json};

use crate::error::CliError;
use crate::output::{Reply, row};
use crate::registry::{self, MACHINES, MachineCli};

/// `avm machines [ID] [--ops]`.
///
/// # Errors
/// If there is no such machine.
pub fn machines(id: Option<&str>, ops: bool) -> Result<Reply, CliError> {
    let Some(id) = id else {
        let text = MACHINES
            .iter()
            .map(|machine| line(*machine))
            .collect::<String>();
        let list: Vec<Value> = MACHINES
            .iter()
            .map(|machine| describe(*machine, ops))
            .collect();
        let text = if ops {
            MACHINES.iter().map(|machine| table(*machine)).collect()
        } else {
            text
        };
        return Ok(Reply::new(text, json!({ "machines": list })));
    };
    let machine = registry::find(id)?;
    if ops {
        return Ok(Reply::new(table(machine), describe(machine, true)));
    }
    let vm = machine.vm(0);
    let (title, about) = machine.title();
    let mut text = row("machine", format!("{}  {title}: {about}", vm.id()));
    text += &row("spec", vm.spec());
    text += &row(
        "opcodes",
        format!("{}  (avm machines {} --ops)", machine.ops().len(), vm.id()),
    );
    text += &row("cost", machine.cost_unit());
    for (name, fact) in machine.facts() {
        text += &row(name, fact);
    }
    Ok(Reply::new(text, describe(machine, false)))
}

fn line(machine: &dyn MachineCli) -> String {
    let vm = machine.vm(0);
    let (title, about) = machine.title();
    format!("{:<10} {:<10} {title}: {about}\n", vm.id(), vm.spec())
}

fn describe(machine: &dyn MachineCli, ops: bool) -> Value {
    let vm = machine.vm(0);
    let (title, about) = machine.title();
    let facts: serde_json::Map<String, Value> = machine
        .facts()
        .into_iter()
        .map(|(name, fact)| (name.into(), json!(fact)))
        .collect();
    let mut data = json!({
        "id": vm.id(), "spec": vm.spec(), "title": title, "about": about,
        "cost_unit": machine.cost_unit(), "opcodes": machine.ops().len(), "facts": facts,
    });
    if ops {
        data["ops"] = machine.ops().iter().map(op_json).collect();
    }
    data
}

fn op_json(info: &Info) -> Value {
    let looks = |looks: &[Look]| {
        let open = looks.iter().map(|look| {
            if *look == Look::Open {
                "open"
            } else {
                "closed"
            }
        });
        open.collect::<Vec<_>>()
    };
    json!({
        "code": info.code, "name": info.name, "pops": looks(info.pops), "aux_pops": looks(info.aux_pops),
        "pushes": info.pushes, "aux_pushes": info.aux_pushes, "gas": info.gas, "gas_plus": info.gas_doc,
        "doc": info.doc,
    })
}

fn table(machine: &dyn MachineCli) -> String {
    let bold = anstyle::Style::new().bold();
    let ops = machine.ops();
    let width = ops
        .iter()
        .map(|info| info.name.len())
        .max()
        .unwrap_or(0)
        .max(15);
    let mut text = format!(
        "{bold}code  {:<width$} takes  leaves  gas     effect{bold:#}\n",
        "name"
    );
    for info in ops {
        let count = |main: usize, aux: usize| match (main, aux) {
            (main, 0) => main.to_string(),
            (main, aux) => format!("{main}+{aux}a"),
        };
        let takes = count(info.pops.len(), info.aux_pops.len());
        let leaves = count(info.pushes.into(), info.aux_pushes.into());
        let plus = if info.gas_doc.is_empty() {
            String::new()
        } else {
            format!(" Gas: {} plus {}.", info.gas, info.gas_doc)
        };
        text += &format!(
            "0x{:02x}  {:<width$} {takes:<6} {leaves:<7} {:<7} {}{plus}\n",
            info.code, info.name, info.gas, info.doc
        );
    }
    text
}
