//! What is said about a text: findings, hover, definitions, completion, layout.

use std::collections::BTreeMap;

use avm_lang::diagnostic::{Diagnostic as Finding, Severity};
use avm_lang::dialect::Dialect;
use avm_lang::format;
use avm_lang::lexer::{Token, TokenKind, lex};
use avm_lang::names::{Definition, NameKind, Names};
use avm_lang::reader::read;
use avm_lang::span::Span;
use gen_lsp_types::{
    CompletionItem, CompletionItemKind, Diagnostic, DiagnosticRelatedInformation,
    DiagnosticSeverity, Hover, Location, MarkupContent, MarkupKind, Position, Range, TextEdit, Uri,
};

use super::document::Document;
use super::modules::{Module, uri_of};
use super::words::{STRUCTURE, structure};

/// An open text and what is known about it.
#[derive(Clone, Debug, Default)]
pub struct Text {
    /// The text.
    pub document: Document,
    /// What is wrong with it. Spans of file 0 are in the text.
    found: Vec<Finding>,
    /// What its names mean.
    names: Names,
    /// What it imports.
    modules: Vec<Module>,
    tokens: Vec<Token>,
    /// What the compiler said when it last understood the names: while a text is edited it is
    /// wrong most of the time, and completion is wanted then.
    understood: Names,
}

impl Text {
    /// A text that was checked, and what it was before.
    #[must_use]
    pub fn new(
        document: Document,
        found: Vec<Finding>,
        names: Names,
        modules: Vec<Module>,
        before: Option<Self>,
    ) -> Self {
        let understood = match before {
            Some(before) if !knows(&names) => before.understood,
            _ => names.clone(),
        };
        let (tokens, _) = lex(document.text(), 0);
        Self {
            document,
            found,
            names,
            modules,
            tokens,
            understood,
        }
    }

    /// Whether a token is the first of a list.
    fn is_head(&self, token: &Token) -> bool {
        let at = self
            .tokens
            .partition_point(|t| t.span.start < token.span.start);
        let before = self.tokens[..at].iter().rev().find(|t| !t.kind.is_trivia());
        before.is_some_and(|token| token.kind == TokenKind::Open)
    }

    /// The token that holds a byte, or ends before it if `touching`.
    fn token(&self, byte: usize, touching: bool) -> Option<&Token> {
        let behind = self
            .tokens
            .partition_point(|t| t.span.start as usize <= byte);
        let holds = self.tokens[..behind].last();
        let before = behind.checked_sub(2).and_then(|at| self.tokens.get(at));
        let is_word = |token: &&Token| {
            let ends = token.span.end as usize >= byte;
            ends && matches!(token.kind, TokenKind::Symbol | TokenKind::Keyword)
        };
        match holds {
            Some(token) if touching && token.span.start as usize == byte => {
                before.filter(is_word).or(Some(token))
            }
            holds => holds,
        }
    }
}

/// Whether something of the text itself is known.
fn knows(names: &Names) -> bool {
    let here = |definition: &Definition| definition.span.is_some_and(|span| span.file == 0);
    names.definitions.iter().any(here)
}

/// What is wrong with the text.
#[must_use]
pub fn diagnostics(text: &Text, uri: &Uri) -> Vec<Diagnostic> {
    let here = |span: &Span| span.file == 0;
    let of = |found: &Finding| {
        let mut message = found.message.clone();
        if let Some(help) = &found.help {
            message.push_str("\nhelp: ");
            message.push_str(help);
        }
        let related = found.notes.iter().filter_map(|(span, note)| {
            Some(DiagnosticRelatedInformation {
                location: location(text, uri, *span)?,
                message: note.clone(),
            })
        });
        let related: Vec<DiagnosticRelatedInformation> = related.collect();
        Diagnostic {
            range: text.document.range(found.span),
            severity: Some(match found.severity {
                Severity::Error => DiagnosticSeverity::Error,
                Severity::Warning => DiagnosticSeverity::Warning,
            }),
            code: Some(found.code.to_owned().into()),
            source: Some("avm".to_owned()),
            message: message.into(),
            related_information: (!related.is_empty()).then_some(related),
            ..Diagnostic::default()
        }
    };
    let found = text.found.iter();
    found.filter(|found| here(&found.span)).map(of).collect()
}

/// Functions that the machine brings, written in the language. They are everywhere in scope.
#[must_use]
pub fn library(dialect: &Dialect) -> Vec<Definition> {
    let (forms, _) = read(dialect.prelude, 0);
    let functions = forms.iter().filter_map(|form| {
        let [word, head, ..] = form.list()? else {
            return None;
        };
        let (name, _) = head.list()?.first()?.symbol()?;
        let mut doc = head.to_string();
        let comment = comment_above(dialect.prelude, form.span.start as usize);
        if !comment.is_empty() {
            doc.push_str("\n\n");
            doc.push_str(&comment);
        }
        word.is("define").then(|| Definition {
            name: name.to_owned(),
            kind: NameKind::Function,
            span: None,
            doc,
            scope: None,
        })
    });
    functions.collect()
}

/// What the name at a byte means.
#[must_use]
pub fn hover(text: &Text, library: &[Definition], byte: usize) -> Option<Hover> {
    let token = text.token(byte, true)?;
    let value = match text.names.at(0, token.span.start) {
        Some(definition) => described(text, definition),
        // Not known to the compiler by name: only at the head of a list does it mean this.
        None if token.kind == TokenKind::Symbol && text.is_head(token) => {
            let word = token.text(text.document.text());
            match library.iter().find(|definition| definition.name == word) {
                Some(definition) => described(text, definition),
                None => format!("{word} (word of the language)\n\n{}", structure(word)?),
            }
        }
        None => return None,
    };
    Some(Hover {
        // Not markdown: names such as `let*` would be emphasis.
        contents: MarkupContent::new(MarkupKind::PlainText, value).into(),
        range: Some(text.document.range(token.span)),
    })
}

/// A definition, for people.
fn described(text: &Text, definition: &Definition) -> String {
    let mut value = format!("{} ({})", definition.name, kind(definition.kind).0);
    for part in [definition.doc.as_str(), &comment(text, definition)] {
        if !part.is_empty() {
            value.push_str("\n\n");
            value.push_str(part);
        }
    }
    value
}

/// The comment on the lines right above a definition that begins a line.
fn comment(text: &Text, definition: &Definition) -> String {
    let Some(span) = definition.span.filter(|span| span.file == 0) else {
        return String::new();
    };
    if matches!(definition.kind, NameKind::Local | NameKind::Field) {
        return String::new();
    }
    comment_above(text.document.text(), span.start as usize)
}

/// The comment on the lines right above the one that holds a byte.
fn comment_above(source: &str, byte: usize) -> String {
    let before = source.get(..byte).unwrap_or("");
    let start = before.rfind('\n').map_or(0, |end| end + 1);
    let mut lines: Vec<&str> = source[..start]
        .lines()
        .rev()
        .map_while(|line| line.strip_prefix(';'))
        .map(|line| line.trim_start_matches(';').trim())
        .collect();
    lines.reverse();
    lines.join("\n")
}

/// Where the name at a byte is defined.
#[must_use]
pub fn definition(text: &Text, uri: &Uri, byte: usize) -> Option<Location> {
    let token = text.token(byte, true)?;
    let definition = text.names.at(0, token.span.start)?;
    location(text, uri, definition.span?)
}

/// A span in the text or in a module that it imports. What the machine brings is nowhere.
fn location(text: &Text, uri: &Uri, span: Span) -> Option<Location> {
    if span.file == 0 {
        return Some(Location::new(uri.clone(), text.document.range(span)));
    }
    let module = text
        .modules
        .iter()
        .find(|module| module.file == span.file)?;
    let range = Document::new(module.text.clone()).range(span);
    Some(Location::new(uri_of(&module.path).into(), range))
}

/// What can be written at a byte. The editor chooses those that fit what is there already.
#[must_use]
pub fn completion(text: &Text, library: &[Definition], byte: usize) -> Vec<CompletionItem> {
    let token = text.token(byte, true);
    let inside = |token: &&Token| (token.span.start as usize) < byte;
    let replaced = match token.filter(inside) {
        Some(token) => match token.kind {
            TokenKind::Symbol => token.span,
            TokenKind::LineComment
            | TokenKind::BlockComment
            | TokenKind::Str
            | TokenKind::Bytes
            | TokenKind::Keyword
            | TokenKind::Bool
            | TokenKind::Int => return Vec::new(),
            // A text that is not closed yet, or a word that is none.
            TokenKind::Error => return Vec::new(),
            _ => empty(byte),
        },
        None => empty(byte),
    };
    // Spans of what was understood before may be some characters off, so a name that is in scope
    // nearby is offered rather than left out.
    let stale = !knows(&text.names);
    let names = if stale { &text.understood } else { &text.names };
    let mut items = BTreeMap::new();
    let place = byte as u32;
    let visible = names.definitions.iter().filter(|definition| {
        let scope = definition.scope;
        scope.is_none_or(|s| s.file == 0 && (stale || (s.start <= place && place <= s.end)))
    });
    let range = text.document.range(replaced);
    for (word, doc) in STRUCTURE {
        let definition = Definition {
            name: (*word).to_owned(),
            kind: NameKind::Word,
            span: None,
            doc: (*doc).to_owned(),
            scope: None,
        };
        items.insert(*word, item(&definition, range));
    }
    for definition in library {
        items.insert(definition.name.as_str(), item(definition, range));
    }
    // The innermost comes last and hides the others of its name.
    for definition in visible {
        items.insert(definition.name.as_str(), item(definition, range));
    }
    items.into_values().collect()
}

fn empty(byte: usize) -> Span {
    Span {
        file: 0,
        start: byte as u32,
        end: byte as u32,
    }
}

fn item(definition: &Definition, range: Range) -> CompletionItem {
    let (word, kind) = kind(definition.kind);
    // What the module defines comes before what the language brings.
    let rank = if definition.span.is_some_and(|span| span.file == 0) {
        0
    } else {
        1
    };
    CompletionItem {
        label: definition.name.clone(),
        kind: Some(kind),
        detail: Some(word.to_owned()),
        documentation: (!definition.doc.is_empty()).then(|| definition.doc.clone().into()),
        sort_text: Some(format!("{rank}{}", definition.name)),
        text_edit: Some(TextEdit::new(range, definition.name.clone()).into()),
        ..CompletionItem::default()
    }
}

/// A kind of name, for people and for editors.
fn kind(kind: NameKind) -> (&'static str, CompletionItemKind) {
    match kind {
        NameKind::Word => ("word of the language", CompletionItemKind::Keyword),
        NameKind::Form => ("form of the machine", CompletionItemKind::Keyword),
        NameKind::Rule => ("derived form", CompletionItemKind::Keyword),
        NameKind::Function => ("function", CompletionItemKind::Function),
        NameKind::Constant => ("constant", CompletionItemKind::Constant),
        NameKind::Local => ("local variable", CompletionItemKind::Variable),
        NameKind::Field => ("field of the state", CompletionItemKind::Field),
        NameKind::Behaviour => ("behaviour", CompletionItemKind::Class),
        NameKind::Pure => ("pure function", CompletionItemKind::Function),
        NameKind::Program => ("program", CompletionItemKind::Function),
        NameKind::Intent => ("intent", CompletionItemKind::Function),
    }
}

/// The edit that gives a text its layout: none if it has it. `None` if the text cannot be read;
/// its findings say why.
#[must_use]
pub fn formatted(text: &Text) -> Option<Vec<TextEdit>> {
    let source = text.document.text();
    let formatted = format::format(source, 0).ok()?;
    if formatted == source {
        return Some(Vec::new());
    }
    let end = text.document.position(source.len());
    let whole = Range::new(Position::new(0, 0), end);
    Some(vec![TextEdit::new(whole, formatted)])
}
