//! Methods of a contract: from names and arguments to the unlocking script of a call.

use avm_atomicals::asm::{Method, Type, encode_call, parse_abi};
use avm_atomicals::machine::Image;
use serde_json::Value;

use super::calls::{argument, push};
use super::place::{Read, Wrong};
use super::tx;

/// The unlocking script of a call. Without a method the arguments are pushed in their order.
pub(super) fn encode(image: &Image, method: Option<&str>, args: &[Value]) -> Read<Vec<u8>> {
    let Some(name) = method else {
        return pushes(args);
    };
    let methods = methods(image)?;
    let params = methods.iter().find(|method| method.name == name);
    let params = params.map_or(&[][..], |method| &method.params);
    let mut words = Vec::new();
    for (at, arg) in args.iter().enumerate() {
        let kind = params.get(at).map(|(_, kind)| *kind);
        words.push(word(arg, kind).map_err(|e| e.index(at).member("args"))?);
    }
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    encode_call(&methods, name, &words).map_err(|e| {
        let part = match e {
            avm_atomicals::asm::CallError::NoMethod { .. } => "method",
            _ => "args",
        };
        Wrong::new(e.to_string()).member(part)
    })
}

/// An argument as the assembler wants it written.
fn word(arg: &Value, kind: Option<Type>) -> Read<String> {
    match (arg, kind) {
        (Value::String(text), _) => Ok(text.clone()),
        (Value::Number(number), Some(Type::Int) | None) => Ok(number.to_string()),
        (Value::Bool(flag), Some(Type::Int) | None) => Ok(u8::from(*flag).to_string()),
        (other, _) => {
            let want = kind.map_or("a number or text", |kind| match kind {
                Type::Int => "a number",
                Type::Str => "text",
                Type::Bytes => "hex text",
            });
            Err(Wrong::new(format!(
                "expected {want}, found {}",
                tx::found(other)
            )))
        }
    }
}

fn pushes(args: &[Value]) -> Read<Vec<u8>> {
    let mut unlock = Vec::new();
    for (at, arg) in args.iter().enumerate() {
        let data = argument(arg).map_err(|e| e.index(at).member("args"))?;
        unlock.extend(push(&data));
    }
    Ok(unlock)
}

/// The methods of a contract.
pub(super) fn methods(image: &Image) -> Read<Vec<Method>> {
    let text = std::str::from_utf8(&image.methods);
    let text = text.map_err(|_| Wrong::new("the signatures of the contract are not text"))?;
    parse_abi(text).map_err(|e| Wrong::new(format!("the signatures of the contract: {e}")))
}
