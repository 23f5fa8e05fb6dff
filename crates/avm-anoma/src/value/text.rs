//! Values as text, in the syntax of the language where it has one.

use alloc::string::String;
use core::fmt::{self, Write as _};

use super::ids::human;
use super::{List, Val};

/// Text like `((just 6) nothing)`. A closed value is read; one that cannot be is shown as
/// `#<closed name>`. The text of a long value is long: [`clip`] cuts it.
impl fmt::Display for Val {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Nothing => f.write_str("nothing"),
            Self::Bool(value) => f.write_str(if *value { "#t" } else { "#f" }),
            Self::Int(n) => fmt::Display::fmt(n, f),
            Self::Big(big) => fmt::Display::fmt(big, f),
            Self::Sym(text) => f.write_str(text.as_str()),
            Self::LongSym(text) => f.write_str(text),
            Self::Str(text) => quote(text.as_str(), f),
            Self::LongStr(text) => quote(text, f),
            Self::Bytes(content) => {
                f.write_str("#x\"")?;
                content
                    .iter()
                    .try_for_each(|byte| write!(f, "{byte:02x}"))?;
                f.write_str("\"")
            }
            Self::Just(just) => write!(f, "(just {})", just.value),
            Self::Pair(pair) => write!(f, "({} . {})", pair.first, pair.second),
            Self::List(list) => write_list(list, f),
            Self::Map(map) => {
                f.write_str("#map(")?;
                for (at, (key, value)) in map.iter().enumerate() {
                    let space = if at > 0 { " " } else { "" };
                    write!(f, "{space}({key} . {value})")?;
                }
                f.write_str(")")
            }
            Self::Obj(obj) => fmt::Display::fmt(obj.id(), f),
            Self::Tx(id) => fmt::Display::fmt(id, f),
            Self::Ctl(name) => write!(f, "ctl:{name}"),
            Self::Mach(name) => write!(f, "mach:{name}"),
            Self::Var(id) => write!(f, "var:{id}"),
            Self::Lin(id) => write!(f, "lin:{id}"),
            Self::Hash(hash) => human(f, "hash", &hash.0),
            Self::Code(code) => {
                human(f, "code", &code.module.0)?;
                write!(f, "/{}", code.export)
            }
            Self::Closure(closure) => {
                write!(f, "#<closure {}/{}>", closure.module, closure.function)
            }
            Self::Closed(closed) => match closed.open() {
                Ok(value) => fmt::Display::fmt(value, f),
                Err(_) => write!(f, "#<closed {}>", closed.name),
            },
        }
    }
}

fn write_list(list: &List, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("(")?;
    for (at, item) in list.iter().enumerate() {
        if at > 0 {
            f.write_str(" ")?;
        }
        match item {
            Ok(item) => fmt::Display::fmt(item, f)?,
            Err(_) => f.write_str("#<closed>")?,
        }
    }
    f.write_str(")")
}

impl fmt::Debug for List {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write_list(self, f)
    }
}

/// A string literal of the language. Spec 24.1.
fn quote(text: &str, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    f.write_str("\"")?;
    for c in text.chars() {
        match c {
            '"' => f.write_str("\\\"")?,
            '\\' => f.write_str("\\\\")?,
            '\n' => f.write_str("\\n")?,
            '\t' => f.write_str("\\t")?,
            c if c.is_control() => write!(f, "\\u{{{:x}}}", u32::from(c))?,
            c => f.write_char(c)?,
        }
    }
    f.write_str("\"")
}

/// The text of something, cut after `limit` bytes (and marked with `...` if that cut something).
/// Stops writing there, so the text of a very long value takes no more than that.
#[must_use]
pub fn clip(what: &dyn fmt::Display, limit: usize) -> String {
    struct Clipped {
        text: String,
        limit: usize,
    }
    impl fmt::Write for Clipped {
        fn write_str(&mut self, more: &str) -> fmt::Result {
            let left = self.limit - self.text.len();
            if more.len() <= left {
                self.text.push_str(more);
                return Ok(());
            }
            self.text.push_str(&more[..more.floor_char_boundary(left)]);
            Err(fmt::Error)
        }
    }
    let mut out = Clipped {
        text: String::new(),
        limit,
    };
    if write!(out, "{what}").is_err() {
        out.text.push_str("...");
    }
    out.text
}
