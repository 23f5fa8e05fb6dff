//! Events as JSON: an array of the name and the fields, as the reference vectors have them.

use avm_anoma::event::EventKind;
use avm_anoma::fault::Fault;
use avm_anoma::value::{ObjectId, TxId, Val};
use avm_core::HostError;
use serde_json::{Value, json};

use super::json::{Ids, to_json};

/// An event.
///
/// # Errors
/// If a value in it cannot be read.
pub(super) fn event(kind: &EventKind, ids: &dyn Ids) -> Result<Value, HostError> {
    let obj = |id: &ObjectId| json!({ "obj": ids.object_text(id) });
    let tx = |id: &TxId| json!({ "tx": ids.tx_text(id) });
    let val = |value: &Val| to_json(value, ids);
    let mut fields = vec![json!(kind.name())];
    match kind {
        EventKind::ObjectCreated {
            object,
            behaviour,
            controller,
        } => fields.extend([
            obj(object),
            json!(&**behaviour),
            controller.as_deref().map_or(Value::Null, ctl),
        ]),
        EventKind::ObjectDestroyed { object } | EventKind::StateUpdated { object } => {
            fields.push(obj(object));
        }
        EventKind::CallStarted {
            object,
            input,
            sender,
        } => fields.extend([
            obj(object),
            val(input)?,
            sender.as_ref().map_or(Value::Null, obj),
        ]),
        EventKind::ObjectCalled {
            object,
            input,
            output,
            outputs,
        } => fields.extend([obj(object), val(input)?, val(output)?, json!(outputs)]),
        EventKind::MessageSent { to, value, .. } => fields.extend([obj(to), val(value)?]),
        EventKind::MessageReceived { object, value, .. } => {
            fields.extend([obj(object), val(value)?]);
        }
        EventKind::ObjectMoved { object, from, to } => {
            fields.extend([obj(object), mach(from), mach(to)]);
        }
        EventKind::ExecutionMoved { from, to } => fields.extend([mach(from), mach(to)]),
        EventKind::ObjectFetched { object, machine } => {
            fields.extend([obj(object), mach(machine)]);
        }
        EventKind::ObjectTransferred { object, from, to } => fields.extend([
            obj(object),
            from.as_deref().map_or(Value::Null, ctl),
            ctl(to),
        ]),
        EventKind::ObjectFrozen {
            object,
            controller,
            merged,
            dropped,
        } => fields.extend([obj(object), ctl(controller), json!(merged), json!(dropped)]),
        EventKind::FunctionRegistered { name, version }
        | EventKind::FunctionUpdated { name, version } => {
            fields.extend([json!(&**name), json!(version)]);
        }
        EventKind::TransactionStarted { tx: id, controller } => {
            fields.extend([tx(id), controller.as_deref().map_or(Value::Null, ctl)])
        }
        EventKind::TransactionCommitted { tx: id } => fields.push(tx(id)),
        EventKind::TransactionAborted {
            tx: id,
            reason,
            object,
        } => {
            fields.extend([tx(id), json!(reason.name())]);
            fields.extend(object.as_ref().map(obj));
        }
        EventKind::Reflected { object, found } => fields.extend([obj(object), json!(found)]),
        EventKind::Scried { visits, results } => fields.extend([json!(visits), json!(results)]),
        EventKind::Reified { kind } => fields.push(json!(kind)),
        EventKind::ScopeRolledBack { from, to } => fields.extend([json!(from), json!(to)]),
        EventKind::ErrorOccurred { fault: found } => fields.push(fault(found, ids)?),
    }
    Ok(Value::Array(fields))
}

/// An error: an array of its code and its fields.
///
/// # Errors
/// If a field cannot be read.
pub(super) fn fault(fault: &Fault, ids: &dyn Ids) -> Result<Value, HostError> {
    let mut items = vec![json!(fault.code.text())];
    for field in &fault.fields {
        items.push(to_json(field, ids)?);
    }
    Ok(Value::Array(items))
}

fn ctl(name: &str) -> Value {
    json!({ "ctl": name })
}

fn mach(name: &str) -> Value {
    json!({ "mach": name })
}
