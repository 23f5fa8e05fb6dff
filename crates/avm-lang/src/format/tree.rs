//! Tokens as a tree that keeps every comment, in one vector: parents stand before their children.

use alloc::vec;
use alloc::vec::Vec;

use crate::lexer::{Token, TokenKind};

/// Index of a node.
pub(super) type Id = usize;

/// The node that holds the whole text.
pub(super) const ROOT: Id = 0;

/// What a node is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// The whole text.
    Root,
    /// A token that is a datum by itself.
    Atom,
    /// Up to the end of its line.
    LineComment,
    /// `#| ... |#`
    BlockComment,
    /// A pair of parentheses and what is between them.
    List,
    /// A mark and the datum that follows it: `'x`, `,x`, `#;x`.
    Mark,
}

/// A part of the text.
#[derive(Clone, Debug)]
pub(super) struct Node {
    pub(super) kind: Kind,
    /// Index of its first token.
    pub(super) token: usize,
    /// Index of its last token.
    pub(super) last: usize,
    /// Its first child.
    pub(super) first: Option<Id>,
    /// The child of its parent that follows.
    pub(super) next: Option<Id>,
    /// Ends of line between it and what stands before it; 2 means any number above 1.
    pub(super) lines: u8,
    /// Whether it means nothing to the reader.
    pub(super) comment: bool,
}

/// Tree of a text.
pub(super) struct Tree<'a> {
    pub(super) source: &'a str,
    pub(super) tokens: Vec<Token>,
    pub(super) nodes: Vec<Node>,
}

/// A node that still takes children.
struct Open {
    id: Id,
    last_child: Option<Id>,
}

impl<'a> Tree<'a> {
    /// Builds the tree of tokens that the reader took without an error, so that they balance.
    pub(super) fn new(source: &'a str, tokens: Vec<Token>) -> Self {
        let mut tree = Self {
            source,
            tokens,
            nodes: Vec::new(),
        };
        tree.nodes.push(Node {
            kind: Kind::Root,
            token: 0,
            last: 0,
            first: None,
            next: None,
            lines: 0,
            comment: false,
        });
        let mut open = vec![Open {
            id: ROOT,
            last_child: None,
        }];
        let mut lines = 0;
        for at in 0..tree.tokens.len() {
            let token = tree.tokens[at];
            let kind = match token.kind {
                TokenKind::Whitespace => {
                    let ends = token.text(source).bytes().filter(|b| *b == b'\n').count();
                    lines = ends.min(2) as u8;
                    continue;
                }
                TokenKind::Close => {
                    tree.close(&mut open, at);
                    lines = 0;
                    continue;
                }
                TokenKind::LineComment => Kind::LineComment,
                TokenKind::BlockComment => Kind::BlockComment,
                TokenKind::Open => Kind::List,
                kind if is_mark(kind) => Kind::Mark,
                _ => Kind::Atom,
            };
            let id = tree.add(&mut open, kind, at, lines);
            lines = 0;
            match kind {
                Kind::List | Kind::Mark => open.push(Open {
                    id,
                    last_child: None,
                }),
                Kind::Atom => tree.complete(&mut open, at),
                _ => {}
            }
        }
        tree
    }

    /// Text of a token.
    pub(super) fn text(&self, token: usize) -> &'a str {
        self.tokens[token].text(self.source)
    }

    /// Kind of the first token of a node.
    pub(super) fn token_kind(&self, id: Id) -> TokenKind {
        self.tokens[self.nodes[id].token].kind
    }

    /// The word that a node is, if it is a symbol.
    pub(super) fn word(&self, id: Id) -> Option<&'a str> {
        let node = &self.nodes[id];
        let symbol = node.kind == Kind::Atom && self.token_kind(id) == TokenKind::Symbol;
        symbol.then(|| self.text(node.token))
    }

    /// Whether a mark would become another one if what follows it stood right behind it: `, @x`.
    pub(super) fn is_apart(&self, mark: usize) -> bool {
        let mut behind = self.tokens[mark + 1..].iter();
        self.tokens[mark].kind == TokenKind::Unquote
            && behind
                .find(|token| token.kind != TokenKind::Whitespace)
                .is_some_and(|token| token.text(self.source).starts_with('@'))
    }

    /// Children of a node, comments among them.
    pub(super) fn children(&self, id: Id) -> impl Iterator<Item = Id> + '_ {
        core::iter::successors(self.nodes[id].first, |child| self.nodes[*child].next)
    }

    fn add(&mut self, open: &mut [Open], kind: Kind, token: usize, lines: u8) -> Id {
        let id = self.nodes.len();
        let comment = matches!(kind, Kind::LineComment | Kind::BlockComment)
            || self.tokens[token].kind == TokenKind::DatumComment;
        self.nodes.push(Node {
            kind,
            token,
            last: token,
            first: None,
            next: None,
            lines,
            comment,
        });
        // The root is never closed, so there is a node to add to.
        if let Some(parent) = open.last_mut() {
            match parent.last_child.replace(id) {
                Some(before) => self.nodes[before].next = Some(id),
                None => self.nodes[parent.id].first = Some(id),
            }
        }
        id
    }

    fn close(&mut self, open: &mut Vec<Open>, at: usize) {
        if open.len() > 1
            && let Some(top) = open.pop()
        {
            self.nodes[top.id].last = at;
            self.complete(open, at);
        }
    }

    /// Closes the marks that the datum which ends at `token` completes.
    fn complete(&mut self, open: &mut Vec<Open>, token: usize) {
        while let Some(top) = open.last() {
            let id = top.id;
            if self.nodes[id].kind != Kind::Mark {
                break;
            }
            self.nodes[id].last = token;
            open.pop();
            // What is commented out completes nothing.
            if self.nodes[id].comment {
                break;
            }
        }
    }
}

/// Whether a token makes one datum with the one that follows it.
pub(super) fn is_mark(kind: TokenKind) -> bool {
    matches!(
        kind,
        TokenKind::Quote
            | TokenKind::Quasiquote
            | TokenKind::Unquote
            | TokenKind::UnquoteSplicing
            | TokenKind::DatumComment
    )
}
