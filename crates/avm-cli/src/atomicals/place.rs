//! Where in a JSON text a value is: errors about contracts and calls name line and column.

use crate::error::CliError;
use crate::files::Source;

/// One step into a JSON document.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Part {
    /// A member of an object.
    Member(String),
    /// An element of an array, from 0.
    Index(usize),
}

/// What is wrong with a value, and where it is.
#[derive(Clone, Debug)]
pub(crate) struct Wrong {
    /// The way to the value.
    pub(crate) path: Vec<Part>,
    /// What was read, found and expected.
    pub(crate) message: String,
}

pub(crate) type Read<T> = Result<T, Wrong>;

impl Wrong {
    pub(crate) fn new(message: impl Into<String>) -> Self {
        Self {
            path: Vec::new(),
            message: message.into(),
        }
    }

    /// The same, of a member of the object that is being read.
    pub(crate) fn member(mut self, name: &str) -> Self {
        self.path.insert(0, Part::Member(name.into()));
        self
    }

    /// The same, of an element of the array that is being read.
    pub(crate) fn index(mut self, index: usize) -> Self {
        self.path.insert(0, Part::Index(index));
        self
    }

    /// The way to the value as people write it: `[2].tx.outputs[0]`.
    pub(crate) fn way(&self) -> String {
        let mut way = String::new();
        for part in &self.path {
            match part {
                Part::Member(name) if way.is_empty() => way.push_str(name),
                Part::Member(name) => way.push_str(&format!(".{name}")),
                Part::Index(index) => way.push_str(&format!("[{index}]")),
            }
        }
        crate::output::clip(&way, 120)
    }

    /// The error about a file.
    pub(crate) fn into_error(self, make: fn(String) -> CliError, file: &Source) -> CliError {
        let way = self.way();
        let message = match way.as_str() {
            "" => self.message.clone(),
            way => format!("{way}: {}", self.message),
        };
        let mut error = make(message).with("path", way);
        let Some((line, column)) = position(&file.bytes, &self.path) else {
            return error.at(file.name());
        };
        let text = std::str::from_utf8(&file.bytes).unwrap_or("");
        if let Some(text) = text.lines().nth(line - 1).filter(|text| text.len() <= 100) {
            let caret = format!("{}^", " ".repeat(column - 1));
            error = error
                .line(line.to_string(), crate::output::clip(text, 100))
                .line("", caret);
        }
        error
            .at(format!("{}:{line}:{column}", file.name()))
            .with("line", line as u64)
            .with("column", column as u64)
    }
}

/// Line and column, from 1, of the value at a path of a JSON text that parses. A path that ends
/// nowhere stands for its last value that is there.
fn position(text: &[u8], path: &[Part]) -> Option<(usize, usize)> {
    let mut scan = Scan { text, at: 0 };
    scan.space();
    let mut found = scan.at;
    for part in path {
        let inside = match part {
            Part::Member(name) => scan.enter_member(name),
            Part::Index(index) => scan.enter_element(*index),
        };
        if inside.is_none() {
            break;
        }
        found = scan.at;
    }
    let before = text.get(..found)?;
    let line = before.iter().filter(|byte| **byte == b'\n').count() + 1;
    let start = before
        .iter()
        .rposition(|byte| *byte == b'\n')
        .map_or(0, |at| at + 1);
    Some((line, found - start + 1))
}

/// A place in a JSON text.
struct Scan<'a> {
    text: &'a [u8],
    at: usize,
}

impl Scan<'_> {
    fn peek(&self) -> Option<u8> {
        self.text.get(self.at).copied()
    }

    fn space(&mut self) {
        while self.peek().is_some_and(|byte| byte.is_ascii_whitespace()) {
            self.at += 1;
        }
    }

    /// Skips a string and returns what is between its quotes.
    fn string(&mut self) -> Option<&[u8]> {
        (self.peek()? == b'"').then_some(())?;
        let from = self.at + 1;
        self.at = from;
        while self.peek()? != b'"' {
            self.at += if self.peek()? == b'\\' { 2 } else { 1 };
        }
        self.at += 1;
        self.text.get(from..self.at - 1)
    }

    /// Skips a value.
    fn value(&mut self) -> Option<()> {
        let mut depth = 0_usize;
        loop {
            self.space();
            match self.peek()? {
                b'"' => drop(self.string()?),
                b'[' | b'{' => {
                    depth += 1;
                    self.at += 1;
                    continue;
                }
                b']' | b'}' => {
                    depth = depth.checked_sub(1)?;
                    self.at += 1;
                }
                b',' | b':' => {
                    self.at += 1;
                    continue;
                }
                _ => {
                    while self
                        .peek()
                        .is_some_and(|byte| !b" \t\r\n,:]}".contains(&byte))
                    {
                        self.at += 1;
                    }
                }
            }
            if depth == 0 {
                return Some(());
            }
        }
    }

    /// Goes to the value of a member of the object at this place; to the last of that name.
    fn enter_member(&mut self, name: &str) -> Option<()> {
        (self.peek()? == b'{').then_some(())?;
        self.at += 1;
        let mut found = None;
        loop {
            self.space();
            let Some(b'"') = self.peek() else { break };
            let is_it = self.string()? == name.as_bytes();
            self.space();
            self.at += 1;
            self.space();
            if is_it {
                found = Some(self.at);
            }
            self.value()?;
            self.space();
            if self.peek()? != b',' {
                break;
            }
            self.at += 1;
        }
        self.at = found?;
        Some(())
    }

    /// Goes to an element of the array at this place.
    fn enter_element(&mut self, index: usize) -> Option<()> {
        (self.peek()? == b'[').then_some(())?;
        self.at += 1;
        self.space();
        for _ in 0..index {
            self.value()?;
            self.space();
            (self.peek()? == b',').then_some(())?;
            self.at += 1;
            self.space();
        }
        (self.peek()? != b']').then_some(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn positions() {
        let text = br#"[
  {"a": "x\"]", "b": [1, {"c": true}]},
  { "tx" : {"outputs":[ {}, 5 ]} , "tx":7 }
]"#;
        let member = |name: &str| Part::Member(name.into());
        for (path, want) in [
            (vec![], (1, 1)),
            (vec![Part::Index(0)], (2, 3)),
            (vec![Part::Index(0), member("a")], (2, 9)),
            (
                vec![Part::Index(0), member("b"), Part::Index(1), member("c")],
                (2, 32),
            ),
            (vec![Part::Index(1), member("tx")], (3, 41)),
            (vec![Part::Index(1), member("missing")], (3, 3)),
            (vec![Part::Index(9)], (1, 1)),
        ] {
            assert_eq!(position(text, &path), Some(want), "{path:?}");
        }
    }
}
