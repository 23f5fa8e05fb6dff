//! What names mean, for editors: hover, go to definition, completion.

use alloc::string::String;
use alloc::vec::Vec;

use crate::span::Span;

/// What a name stands for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum NameKind {
    /// A word of the language, such as `let`.
    Word,
    /// A form of the dialect.
    Form,
    /// A derived form of the dialect.
    Rule,
    /// A function, of the module, an import or the prelude; also what a record makes.
    Function,
    /// `(define id expr)`
    Constant,
    /// A variable or parameter.
    Local,
    /// A field of the state of a behaviour.
    Field,
    /// A behaviour.
    Behaviour,
    /// A pure function.
    Pure,
    /// A program.
    Program,
    /// An intent.
    Intent,
}

/// Something that has a name.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Definition {
    /// Its name.
    pub name: String,
    /// What it is.
    pub kind: NameKind,
    /// Where its name is defined; nowhere for what the language and the dialect bring.
    pub span: Option<Span>,
    /// How it is used and what it is for, as far as known.
    pub doc: String,
    /// Where it can be used; everywhere if nothing is said.
    pub scope: Option<Span>,
}

/// Every definition that a module sees, and where names are used.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Names {
    /// What there is.
    pub definitions: Vec<Definition>,
    /// Places of names and the index of what they mean, ordered by place. A definition is a use
    /// of itself.
    pub uses: Vec<(Span, usize)>,
}

impl Names {
    /// What the name at that byte means.
    pub fn at(&self, file: u32, byte: u32) -> Option<&Definition> {
        let found = |s: &Span| s.file == file && s.start <= byte && byte < s.end;
        let (_, index) = self.uses.iter().find(|(span, _)| found(span))?;
        self.definitions.get(*index)
    }

    /// All places that mean the same as the name at that byte.
    pub fn same(&self, file: u32, byte: u32) -> Vec<Span> {
        let found = |s: &Span| s.file == file && s.start <= byte && byte < s.end;
        let Some((_, index)) = self.uses.iter().find(|(span, _)| found(span)) else {
            return Vec::new();
        };
        self.uses
            .iter()
            .filter(|(_, i)| i == index)
            .map(|(span, _)| *span)
            .collect()
    }

    /// What can be named at that byte, the innermost last.
    pub fn visible(&self, file: u32, byte: u32) -> impl Iterator<Item = &Definition> {
        self.definitions.iter().filter(move |d| {
            d.scope
                .is_none_or(|s| s.file == file && s.start <= byte && byte <= s.end)
        })
    }

    pub(crate) fn define(&mut self, definition: Definition) -> usize {
        let index = self.definitions.len();
        if let Some(span) = definition.span {
            self.uses.push((span, index));
        }
        self.definitions.push(definition);
        index
    }

    pub(crate) fn seal(&mut self) {
        self.uses.sort_unstable();
        self.uses.dedup();
    }
}
