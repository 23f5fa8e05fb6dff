//! Methods of a contract: what a caller must know. Spec: section 14.3.

use alloc::string::{String, ToString};
use alloc::vec::Vec;
use core::fmt;

use super::error::clipped;

/// Most characters of a name. Spec: section 14.3.
pub const MAX_NAME: usize = 64;

/// Name of the method that makes a contract; it is method 0.
pub const CTOR: &str = "ctor";

/// Most methods of a text form; each takes code of its own, so programs stay far below it.
const MAX_METHODS: usize = 100_000;

/// Type of an argument: how its text becomes an element.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Type {
    /// A number: minimal, little-endian, sign in the top bit.
    Int,
    /// Text in UTF-8.
    Str,
    /// Bytes as they are.
    Bytes,
}

impl Type {
    /// `int`, `str` or `bytes`.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Int => "int",
            Self::Str => "str",
            Self::Bytes => "bytes",
        }
    }

    /// The type of this name.
    #[must_use]
    pub fn from_name(name: &str) -> Option<Self> {
        let all = [Self::Int, Self::Str, Self::Bytes];
        all.into_iter().find(|kind| kind.name() == name)
    }
}

impl fmt::Display for Type {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())
    }
}

/// A method of a contract.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Method {
    /// Its name.
    pub name: String,
    /// What the unlocking script pushes last.
    pub index: u32,
    /// Names and types of its parameters, in the order in which they are pushed.
    pub params: Vec<(String, Type)>,
}

impl Method {
    /// The method as text, such as `bid(amount: int, who: bytes)`.
    #[must_use]
    pub fn signature(&self) -> String {
        self.to_string()
    }

    /// Reads a [`signature`](Self::signature).
    ///
    /// ```
    /// use avm_atomicals::asm::{Method, Type};
    /// let bid = Method::parse("bid(amount: int, who: bytes)", 2)?;
    /// assert_eq!(bid.params[1], ("who".into(), Type::Bytes));
    /// assert_eq!(bid.signature(), "bid(amount: int, who: bytes)");
    /// # Ok::<(), avm_atomicals::asm::AbiError>(())
    /// ```
    ///
    /// # Errors
    /// What is wrong with it, if it is no signature.
    pub fn parse(signature: &str, index: u32) -> Result<Self, AbiError> {
        let (name, rest) = signature.trim().split_once('(').ok_or(AbiError::Shape)?;
        let list = rest.trim_end().strip_suffix(')').ok_or(AbiError::Shape)?;
        let mut params: Vec<(String, Type)> = Vec::new();
        let pieces = list.split(',').filter(|_| !list.trim().is_empty());
        for piece in pieces {
            let (name, kind) = piece.split_once(':').ok_or(AbiError::Shape)?;
            let (name, kind) = (checked_name(name)?, kind.trim());
            if params.iter().any(|(other, _)| *other == name) {
                return Err(AbiError::Twice { name });
            }
            let kind = Type::from_name(kind).ok_or_else(|| AbiError::Type {
                found: clipped(kind),
            })?;
            params.push((name, kind));
        }
        Ok(Self {
            name: checked_name(name)?,
            index,
            params,
        })
    }
}

impl fmt::Display for Method {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}(", self.name)?;
        for (at, (name, kind)) in self.params.iter().enumerate() {
            let comma = if at == 0 { "" } else { ", " };
            write!(f, "{comma}{name}: {kind}")?;
        }
        f.write_str(")")
    }
}

/// All methods as text, a signature a line in the order of their numbers.
#[must_use]
pub fn write_abi(methods: &[Method]) -> String {
    let lines = methods.iter().map(|method| method.signature() + "\n");
    lines.collect()
}

/// Reads what [`write_abi`] writes; empty lines do not count.
///
/// # Errors
/// The first line that is wrong.
pub fn parse_abi(text: &str) -> Result<Vec<Method>, AbiError> {
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    let mut methods: Vec<Method> = Vec::new();
    let mut names = alloc::collections::BTreeSet::new();
    for (line, index) in lines.zip(0u32..) {
        let method = Method::parse(line, index)?;
        if methods.len() == MAX_METHODS {
            return Err(AbiError::TooMany);
        }
        if method.name == CTOR && index != 0 {
            return Err(AbiError::Ctor { index });
        }
        if !names.insert(method.name.clone()) {
            return Err(AbiError::Twice { name: method.name });
        }
        methods.push(method);
    }
    Ok(methods)
}

/// Whether a name can be that of a method, parameter or constant, its length apart.
pub(super) fn is_name(name: &str) -> bool {
    name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_')
        && name.chars().all(super::lexer::is_name_char)
}

fn checked_name(name: &str) -> Result<String, AbiError> {
    let name = name.trim();
    if is_name(name) && name.len() <= MAX_NAME {
        return Ok(name.into());
    }
    Err(AbiError::Name {
        found: clipped(name),
    })
}

/// Why a text is no signature.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum AbiError {
    /// Parentheses or a colon are missing.
    #[error("expected a signature such as `bid(amount: int, who: bytes)`")]
    Shape,
    /// Not a name.
    #[error("{found:?} is not a name: letters, digits and `_`, at most {MAX_NAME}")]
    Name {
        /// What stands there.
        found: String,
    },
    /// Not a type.
    #[error("there is no type {found:?}; the types are int, str and bytes")]
    Type {
        /// What stands there.
        found: String,
    },
    /// A name used twice.
    #[error("the name `{name}` is used twice")]
    Twice {
        /// The name.
        name: String,
    },
    /// A constructor that is not method 0.
    #[error("the constructor is method {index}, it must be method 0")]
    Ctor {
        /// Its number.
        index: u32,
    },
    /// More methods than a contract can have.
    #[error("there are more than {MAX_METHODS} methods")]
    TooMany,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signatures_read_back() {
        let text = "ctor()\nbid(amount: int, who: bytes)\nsay(what: str)\n";
        let methods = parse_abi(text).unwrap();
        assert_eq!(write_abi(&methods), text);
        assert_eq!(methods[2].index, 2);
        let loose =
            parse_abi("\n ctor( ) \n\nbid ( amount:int ,who :bytes )\nsay(what: str)").unwrap();
        assert_eq!(loose, methods);
        assert_eq!(parse_abi(""), Ok(Vec::new()));
    }

    #[test]
    fn wrong_signatures() {
        let name = |found: &str| AbiError::Name {
            found: found.into(),
        };
        let long = "a".repeat(65);
        let cases = [
            ("bid", AbiError::Shape),
            ("bid(", AbiError::Shape),
            ("bid(a)", AbiError::Shape),
            ("bid(a: int,)", AbiError::Shape),
            ("(a: int)", name("")),
            ("2b()", name("2b")),
            ("b(a b: int)", name("a b")),
            (
                "b(a: uint)",
                AbiError::Type {
                    found: "uint".into(),
                },
            ),
            ("b(a: int, a: str)", AbiError::Twice { name: "a".into() }),
            ("b()\nb()", AbiError::Twice { name: "b".into() }),
            ("b()\nctor()", AbiError::Ctor { index: 1 }),
        ];
        for (text, want) in cases {
            assert_eq!(parse_abi(text), Err(want), "{text}");
        }
        assert!(matches!(
            Method::parse(&(long + "()"), 0),
            Err(AbiError::Name { .. })
        ));
    }
}
