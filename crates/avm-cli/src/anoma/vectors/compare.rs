//! What came of a scenario, against what its file expects.

use std::collections::BTreeMap;

use avm_anoma::event::{Event, TraceLevel};
use avm_anoma::seen::{EntryKind, Outcome};
use avm_anoma::value::{ObjectId, Val};
use avm_core::HostError;
use serde_json::{Map, Value, json};

use super::scenario::{Scenario, object};
use super::world::Found;
use crate::anoma::events::{event, fault};
use crate::anoma::json::{Ids, to_json};
use crate::vectors::Check;

/// Objects that a scenario may have.
const OBJECTS: usize = 10_000;

/// Compares everything that is expected.
pub(super) fn compare(scenario: &Scenario<'_>, found: &mut Found) -> Check {
    let nothing = Value::Null;
    let expected = |name: &str| scenario.expected.get(name).unwrap_or(&nothing);
    for (name, wanted) in object(expected("executions"), "`executions`")? {
        execution(name, object(wanted, "an execution")?, found)?;
    }
    let text = |e: HostError| e.to_string();
    same("store", store(found).map_err(text)?, expected("store"))?;
    same("tombstones", tombstones(found)?, expected("tombstones"))?;
    let empty = json!({});
    let or_empty = |name| scenario.expected.get(name).unwrap_or(&empty);
    same("controller_logs", logs(found), or_empty("controller_logs"))?;
    let none = json!([]);
    let wanted = scenario.expected.get("dead_letters").unwrap_or(&none);
    same("dead_letters", letters(found).map_err(text)?, wanted)?;
    same(
        "mailboxes",
        mailboxes(found).map_err(text)?,
        or_empty("mailboxes"),
    )
}

/// One execution: how it ended, and its trace.
fn execution(name: &str, wanted: &Map<String, Value>, found: &Found) -> Check {
    let text = |e: HostError| format!("{name}: {e}");
    let number = found.executions.iter().find(|(known, _)| known == name);
    let (_, number) = number.ok_or_else(|| format!("there is no program `{name}`"))?;
    let ended = match found.outcomes.get(number) {
        None => json!("it did not end"),
        Some(Outcome::Done(value)) => json!({ "result": value_of(value, found).map_err(text)? }),
        Some(Outcome::Failed(failed)) => {
            json!({ "error": fault(failed, &found.names).map_err(text)? })
        }
    };
    let mut outcome = Map::new();
    for member in ["result", "error"] {
        if let Some(value) = wanted.get(member) {
            outcome.insert(member.into(), value.clone());
        }
    }
    same(name, ended, &outcome.into())?;
    let events = found
        .events
        .iter()
        .filter(|event| event.execution == *number);
    let events: Vec<&Event> = events.collect();
    let core = events
        .iter()
        .filter(|event| event.kind.level() <= TraceLevel::Core)
        .map(|told| Ok(json!([event(&told.kind, &found.names)?, controller(told)])));
    let core = core.collect::<Result<Vec<_>, _>>().map_err(text)?;
    if let Some(trace) = wanted.get("trace") {
        same(&format!("{name}, trace"), core.into(), trace)?;
    }
    if let Some(trace) = wanted.get("trace_full") {
        let full = events.iter().map(|told| {
            let shown = event(&told.kind, &found.names)?;
            Ok(json!([told.seq, shown, controller(told)]))
        });
        let full = full.collect::<Result<Vec<_>, _>>().map_err(text)?;
        same(&format!("{name}, trace_full"), full.into(), trace)?;
    }
    Ok(())
}

fn controller(event: &Event) -> Value {
    json!(event.controller.as_deref())
}

fn value_of(value: &Val, found: &Found) -> Result<Value, HostError> {
    to_json(value, &found.names)
}

fn name_of(id: &ObjectId, found: &Found) -> String {
    found.names.object_text(id)
}

/// Every committed object.
fn store(found: &mut Found) -> Result<Value, HostError> {
    let mut objects = Map::new();
    for (id, view) in found.machine.objects(None, OBJECTS)? {
        let object = json!({
            "behaviour": &*view.behaviour,
            "state": value_of(&view.state, found)?,
            "machine": &*view.machine,
            "creating": view.creating.as_deref(),
            "current": view.current.as_deref(),
            "history": view.history,
        });
        objects.insert(name_of(&id, found), object);
    }
    Ok(objects.into())
}

/// Destroyed objects, by name.
fn tombstones(found: &mut Found) -> Result<Value, String> {
    let ids = found.machine.tombstones(None, OBJECTS);
    let ids = ids.map_err(|e| e.to_string())?;
    let mut names: Vec<String> = ids.iter().map(|id| name_of(id, found)).collect();
    names.sort();
    Ok(json!(names))
}

/// Kinds of the entries of each controller, without those of calls outside of transactions and of
/// freezing.
fn logs(found: &Found) -> Value {
    let mut logs = BTreeMap::<&str, Vec<&str>>::new();
    for entry in &found.entries {
        if entry.kind == EntryKind::Commit {
            logs.entry(&entry.controller).or_default().push("Commit");
        }
    }
    json!(logs)
}

fn letters(found: &Found) -> Result<Value, HostError> {
    let letters = found.letters.iter().map(|letter| {
        Ok(json!([
            name_of(&letter.from, found),
            name_of(&letter.to, found),
            value_of(&letter.value, found)?,
        ]))
    });
    Ok(Value::Array(letters.collect::<Result<_, HostError>>()?))
}

/// What was not delivered to the objects there are.
fn mailboxes(found: &mut Found) -> Result<Value, HostError> {
    let mut mailboxes = Map::new();
    for (id, _) in found.machine.objects(None, OBJECTS)? {
        let values = found.machine.mailbox(id)?;
        if values.is_empty() {
            continue;
        }
        let values = values.iter().map(|value| value_of(value, found));
        let values = values.collect::<Result<Vec<_>, _>>()?;
        mailboxes.insert(name_of(&id, found), values.into());
    }
    Ok(mailboxes.into())
}

/// Compares two values as JSON, in which the order of entries has no meaning.
fn same(what: &str, mut found: Value, wanted: &Value) -> Check {
    let mut wanted = wanted.clone();
    arrange(&mut found);
    arrange(&mut wanted);
    if found == wanted {
        return Ok(());
    }
    Err(format!("{what}: expected {wanted}, found {found}"))
}

/// Puts the entries of maps in order of their text, and spells the cursor of a search as an object.
fn arrange(value: &mut Value) {
    match value {
        Value::Array(items) => items.iter_mut().for_each(arrange),
        Value::Object(members) => {
            members.values_mut().for_each(arrange);
            if let Some(Value::Array(entries)) = members.get_mut("map") {
                entries.iter_mut().for_each(cursor);
                entries.sort_by_cached_key(Value::to_string);
            }
        }
        _ => {}
    }
}

/// The entry `next` of a page is `{"just": "$o2"}` in the files, for `{"just": {"obj": "$o2"}}`.
fn cursor(entry: &mut Value) {
    if entry.get(0) != Some(&json!("next")) {
        return;
    }
    if let Some(id) = entry.get_mut(1).and_then(|next| next.get_mut("just"))
        && id.is_string()
    {
        *id = json!({ "obj": id });
    }
}
