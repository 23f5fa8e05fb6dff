//! Unlocking scripts from arguments as people write them. Spec: section 14.3.

use alloc::string::{String, ToString};
use alloc::vec::Vec;

use super::abi::{Method, Type};
use super::element::{big_number, number, parse_hex, parse_int, push};
use super::error::clipped;
use super::nearest::nearest;

/// Longest element that an unlocking script may push.
const MAX_ELEMENT: usize = 4_000;

/// The unlocking script that calls method `name`: its arguments in order, then its number.
///
/// An `int` is written as decimal or with `0x`, `str` as it is, `bytes` as hex digits with or without
/// `0x`.
///
/// ```
/// use avm_atomicals::asm::{encode_call, parse_abi};
/// let methods = parse_abi("ctor()\npay(amount: int, who: bytes, why: str)")?;
/// let script = encode_call(&methods, "pay", &["300", "0xc0de", "rent"])?;
/// assert_eq!(script, [2, 0x2c, 1, 2, 0xc0, 0xde, 4, b'r', b'e', b'n', b't', 0x51]);
///
/// let error = encode_call(&methods, "pya", &[]).unwrap_err();
/// assert!(error.to_string().contains("did you mean `pay`?"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
/// The method does not exist or takes other arguments.
pub fn encode_call(methods: &[Method], name: &str, args: &[&str]) -> Result<Vec<u8>, CallError> {
    let Some(method) = methods.iter().find(|method| method.name == name) else {
        let names = || methods.iter().map(|method| method.name.as_str());
        return Err(CallError::NoMethod {
            name: clipped(name),
            nearest: nearest(name, names()),
            known: names()
                .map(|name| ["`", name, "`"].concat())
                .collect::<Vec<_>>()
                .join(", "),
        });
    };
    method.encode(args)
}

impl Method {
    /// The unlocking script that calls this method.
    ///
    /// # Errors
    /// [`CallError::Count`] or [`CallError::Argument`] or [`CallError::Length`].
    pub fn encode(&self, args: &[&str]) -> Result<Vec<u8>, CallError> {
        if args.len() != self.params.len() {
            return Err(CallError::Count {
                signature: self.signature(),
                want: self.params.len(),
                found: args.len(),
            });
        }
        let mut script = Vec::new();
        for ((param, kind), arg) in self.params.iter().zip(args) {
            let element = kind.element(arg).ok_or_else(|| CallError::Argument {
                method: self.name.clone(),
                param: param.clone(),
                kind: *kind,
                found: clipped(arg),
                form: kind.form(),
            })?;
            if element.len() > MAX_ELEMENT {
                return Err(CallError::Length {
                    method: self.name.clone(),
                    param: param.clone(),
                    found: element.len(),
                });
            }
            script.extend(push(&element));
        }
        script.extend(push(&number(i64::from(self.index))));
        Ok(script)
    }
}

impl Type {
    /// The element of an argument as written; `None` if it is not of this type.
    #[must_use]
    pub fn element(self, arg: &str) -> Option<Vec<u8>> {
        match self {
            Self::Int => parse_int(arg, true).map(|value| big_number(&value)),
            Self::Str => Some(arg.to_string().into_bytes()),
            Self::Bytes => parse_hex(arg),
        }
    }

    /// How an argument of this type is written.
    const fn form(self) -> &'static str {
        match self {
            Self::Int => "a number such as 12, -12 or 0xff",
            Self::Str => "any text",
            Self::Bytes => "an even number of hex digits such as 0x0102",
        }
    }
}

/// Why a call cannot be encoded.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum CallError {
    /// No such method.
    #[error("there is no method `{name}`{}; known: {}",
        suggestion(.nearest), listed(.known))]
    NoMethod {
        /// As asked for.
        name: String,
        /// The method it looks most like.
        nearest: Option<String>,
        /// All methods, joined by commas.
        known: String,
    },
    /// Too many or too few arguments.
    #[error("`{signature}` takes {want} arguments, found {found}")]
    Count {
        /// The method.
        signature: String,
        /// Parameters it has.
        want: usize,
        /// Arguments given.
        found: usize,
    },
    /// An argument that is not of its type.
    #[error(
        "method `{method}`, parameter `{param}`: {kind} expected, found {found:?}; write {form}"
    )]
    Argument {
        /// The method.
        method: String,
        /// The parameter.
        param: String,
        /// Its type.
        kind: Type,
        /// The argument.
        found: String,
        /// How to write one.
        form: &'static str,
    },
    /// An argument that cannot be pushed.
    #[error("method `{method}`, parameter `{param}`: {found} bytes, the most is {MAX_ELEMENT}")]
    Length {
        /// The method.
        method: String,
        /// The parameter.
        param: String,
        /// Length of the argument.
        found: usize,
    },
}

fn suggestion(nearest: &Option<String>) -> String {
    let text = |name: &String| [", did you mean `", name, "`?"].concat();
    nearest.as_ref().map(text).unwrap_or_default()
}

fn listed(known: &str) -> &str {
    if known.is_empty() { "none" } else { known }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::asm::parse_abi;
    use alloc::format;

    #[test]
    fn elements() {
        let cases: &[(Type, &str, Option<&[u8]>)] = &[
            (Type::Int, "0", Some(&[])),
            (Type::Int, "-1", Some(&[0x81])),
            (Type::Int, "0x100", Some(&[0, 1])),
            (Type::Int, "", None),
            (Type::Int, "1.5", None),
            (Type::Str, "", Some(b"")),
            (Type::Str, "\u{e9}", Some(&[0xc3, 0xa9])),
            (Type::Bytes, "0x", Some(&[])),
            (Type::Bytes, "", Some(&[])),
            (Type::Bytes, "aB01", Some(&[0xab, 1])),
            (Type::Bytes, "0xabc", None),
            (Type::Bytes, "zz", None),
        ];
        for (kind, arg, want) in cases {
            assert_eq!(kind.element(arg).as_deref(), *want, "{kind} {arg:?}");
        }
    }

    #[test]
    fn refusals() {
        let methods = parse_abi("ctor()\nbid(amount: int, who: bytes)").unwrap();
        let long = "00".repeat(4001);
        let cases: &[(&str, &[&str], &str)] = &[
            (
                "bdi",
                &[],
                "there is no method `bdi`, did you mean `bid`?; known: `ctor`, `bid`",
            ),
            (
                "transfer",
                &[],
                "there is no method `transfer`; known: `ctor`, `bid`",
            ),
            (
                "bid",
                &["1"],
                "`bid(amount: int, who: bytes)` takes 2 arguments, found 1",
            ),
            (
                "bid",
                &["ten", "00"],
                "method `bid`, parameter `amount`: int expected, found \"ten\"; \
                 write a number such as 12, -12 or 0xff",
            ),
            (
                "bid",
                &["10", "0"],
                "method `bid`, parameter `who`: bytes expected, found \"0\"; \
                 write an even number of hex digits such as 0x0102",
            ),
            (
                "bid",
                &["10", &long],
                "method `bid`, parameter `who`: 4001 bytes, the most is 4000",
            ),
        ];
        for (name, args, want) in cases {
            let error = encode_call(&methods, name, args).unwrap_err();
            assert_eq!(format!("{error}"), *want);
        }
        let none = encode_call(&[], "x", &[]).unwrap_err();
        assert_eq!(format!("{none}"), "there is no method `x`; known: none");
    }
}
