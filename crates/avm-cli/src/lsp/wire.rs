//! Messages on a stream of bytes: JSON-RPC 2.0 behind `Content-Length` headers.

use std::io::{self, BufRead, Read, Write};

use gen_lsp_types::{ErrorCodes, LspNotificationMethod};
use serde_json::{Value, json};

/// Most bytes of one message.
pub const MESSAGE_MAX: usize = 1 << 26;
/// Most bytes of one line of a header.
const HEADER_MAX: u64 = 1 << 13;

/// What was read.
#[derive(Clone, Debug, PartialEq)]
pub enum Incoming {
    /// Something that wants an answer.
    Request {
        /// Comes back with the answer: a number or a text.
        id: Value,
        /// What is wanted.
        method: String,
        /// About what.
        params: Value,
    },
    /// Something that wants none.
    Notification {
        /// What happened.
        method: String,
        /// To what.
        params: Value,
    },
    /// An answer. This server asks nothing.
    Response,
    /// No message, with the answer to it.
    Malformed(Value),
}

/// Reads one message; `None` at the end of the input.
///
/// # Errors
/// Only if the input itself fails. Bytes that are no message are [`Incoming::Malformed`], and the
/// next call goes on at the next header.
pub fn read(input: &mut dyn BufRead) -> io::Result<Option<Incoming>> {
    let Some(length) = header(input)? else {
        return Ok(None);
    };
    let length = match length {
        Ok(length) => length,
        Err(reason) => return Ok(Some(malformed(ErrorCodes::ParseError, &reason))),
    };
    if length > MESSAGE_MAX as u64 {
        io::copy(&mut input.take(length), &mut io::sink())?;
        let reason = format!("the message has {length} bytes, at most {MESSAGE_MAX} are read");
        return Ok(Some(malformed(ErrorCodes::InvalidRequest, &reason)));
    }
    let mut body = Vec::new();
    input.take(length).read_to_end(&mut body)?;
    if (body.len() as u64) < length {
        return Ok(None);
    }
    Ok(Some(match serde_json::from_slice(&body) {
        Ok(value) => message(value),
        Err(e) => malformed(
            ErrorCodes::ParseError,
            &format!("the message is not JSON: {e}"),
        ),
    }))
}

/// Reads up to the empty line before a message. `None` at the end of the input; otherwise the
/// length of the message, or why there is none.
fn header(input: &mut dyn BufRead) -> io::Result<Option<Result<u64, String>>> {
    let mut length = None;
    let mut problem = None;
    loop {
        let mut line = Vec::new();
        let read = input.take(HEADER_MAX).read_until(b'\n', &mut line)?;
        if read == 0 {
            return Ok(problem.map(Err));
        }
        let line = String::from_utf8_lossy(&line);
        let line = line.trim_end_matches(['\r', '\n']);
        if line.is_empty() {
            match (length, problem.take()) {
                (Some(length), _) => return Ok(Some(Ok(length))),
                (None, Some(problem)) => return Ok(Some(Err(problem))),
                // An empty line too many does no harm.
                (None, None) => continue,
            }
        }
        match line.split_once(':') {
            Some((name, value)) if name.trim().eq_ignore_ascii_case("content-length") => {
                match value.trim().parse() {
                    Ok(value) => length = Some(value),
                    Err(_) => problem = Some("Content-Length is not a number".to_owned()),
                }
            }
            Some((name, _)) if name.trim().eq_ignore_ascii_case("content-type") => {}
            _ => problem = Some("a line is no header, or Content-Length is missing".to_owned()),
        }
    }
}

/// What a JSON value is as a message.
fn message(mut value: Value) -> Incoming {
    let invalid = |id: Value, reason: &str| {
        Incoming::Malformed(failure(id, ErrorCodes::InvalidRequest, reason))
    };
    let Some(object) = value.as_object_mut() else {
        return invalid(Value::Null, "a message is an object");
    };
    let id = object.remove("id");
    let named = id.clone().filter(|id| id.is_string() || id.is_number());
    let known = named.clone().unwrap_or(Value::Null);
    if object.get("jsonrpc") != Some(&json!("2.0")) {
        return invalid(known, "`jsonrpc` is not \"2.0\"");
    }
    let params = object.remove("params").unwrap_or(Value::Null);
    match (object.remove("method"), id) {
        (Some(Value::String(method)), None) => Incoming::Notification { method, params },
        (Some(Value::String(method)), Some(_)) => match named {
            Some(id) => Incoming::Request { id, method, params },
            None => invalid(known, "`id` is neither a number nor a string"),
        },
        (Some(_), _) => invalid(known, "`method` is not a string"),
        (None, Some(_)) if object.contains_key("result") || object.contains_key("error") => {
            Incoming::Response
        }
        (None, _) => invalid(known, "`method` is missing"),
    }
}

fn malformed(code: ErrorCodes, reason: &str) -> Incoming {
    Incoming::Malformed(failure(Value::Null, code, reason))
}

/// The answer to a request that succeeded.
#[must_use]
pub fn success(id: Value, result: Value) -> Value {
    json!({ "jsonrpc": "2.0", "id": id, "result": result })
}

/// The answer to a request that failed.
#[must_use]
pub fn failure(id: Value, code: ErrorCodes, reason: &str) -> Value {
    let error = json!({ "code": i32::from(code), "message": reason });
    json!({ "jsonrpc": "2.0", "id": id, "error": error })
}

/// Something to tell the client.
#[must_use]
pub fn notification(method: LspNotificationMethod<'_>, params: Value) -> Value {
    json!({ "jsonrpc": "2.0", "method": method.as_str(), "params": params })
}

/// Writes one message.
///
/// # Errors
/// If the output does.
pub fn write(output: &mut dyn Write, message: &Value) -> io::Result<()> {
    let body = message.to_string();
    write!(output, "Content-Length: {}\r\n\r\n{body}", body.len())?;
    output.flush()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn all(mut bytes: &[u8]) -> Vec<Incoming> {
        std::iter::from_fn(|| read(&mut bytes).unwrap()).collect()
    }

    fn framed(body: &str) -> String {
        format!("Content-Length: {}\r\n\r\n{body}", body.len())
    }

    #[test]
    fn messages_are_told_apart() {
        let text = [
            framed(r#"{"jsonrpc":"2.0","id":1,"method":"a","params":{"x":1}}"#),
            framed(r#"{"jsonrpc":"2.0","method":"b"}"#),
            framed(r#"{"jsonrpc":"2.0","id":"q","result":null}"#),
        ];
        let want = [
            Incoming::Request {
                id: json!(1),
                method: "a".into(),
                params: json!({ "x": 1 }),
            },
            Incoming::Notification {
                method: "b".into(),
                params: Value::Null,
            },
            Incoming::Response,
        ];
        assert_eq!(all(text.concat().as_bytes()), want);
    }

    #[test]
    fn what_is_no_message_is_answered_and_the_next_one_read() {
        let good = framed(r#"{"jsonrpc":"2.0","method":"b"}"#);
        let deep = framed(&"[".repeat(100_000));
        let cases = [
            (framed("{"), -32700, Value::Null),
            (framed(""), -32700, Value::Null),
            (framed("\u{0}"), -32700, Value::Null),
            (deep, -32700, Value::Null),
            (framed("[]"), -32600, Value::Null),
            (framed("{}"), -32600, Value::Null),
            (framed(r#"{"id":4,"method":"x"}"#), -32600, json!(4)),
            (framed(r#"{"jsonrpc":"2.0","id":4}"#), -32600, json!(4)),
            (
                framed(r#"{"jsonrpc":"2.0","id":4,"method":5}"#),
                -32600,
                json!(4),
            ),
            (
                framed(r#"{"jsonrpc":"2.0","id":null,"method":"x"}"#),
                -32600,
                Value::Null,
            ),
            (
                framed(r#"{"jsonrpc":"2.0","id":[1],"method":"x"}"#),
                -32600,
                Value::Null,
            ),
            ("Content-Length: many\r\n\r\n".into(), -32700, Value::Null),
            ("Nonsense\r\n\r\n".into(), -32700, Value::Null),
        ];
        for (bad, code, id) in cases {
            let read = all(format!("{bad}{good}").as_bytes());
            let [Incoming::Malformed(answer), Incoming::Notification { .. }] = read.as_slice()
            else {
                panic!("{bad}: {read:?}");
            };
            assert_eq!(answer["error"]["code"], code, "{bad}");
            assert_eq!(answer["id"], id, "{bad}");
        }
    }

    #[test]
    fn any_bytes_end() {
        let good = framed(r#"{"jsonrpc":"2.0","method":"b"}"#);
        for cut in 0..good.len() {
            assert!(all(&good.as_bytes()[..cut]).len() < 2, "{cut}");
        }
        assert_eq!(all(b"Content-Length: 99999999999\r\n\r\nabc").len(), 1);
        assert_eq!(all(&[0xff; 40_000]).len(), 1);
        assert_eq!(all(b"\r\n\r\n\n"), []);
    }
}
