//! The tree with its styles and sizes as text again.

use alloc::string::String;
use alloc::vec;

use super::measure::Size;
use super::style::{Place, Style};
use super::tree::{Id, Kind, ROOT, Tree, is_mark};
use super::{INDENT_MAX, WIDTH};
use crate::lexer::TokenKind;

/// Columns between a text and the comment behind it.
const BEFORE_COMMENT: &str = "  ";

/// What is left to do of a node with children.
struct Frame {
    id: Id,
    next: Option<Id>,
    /// Whether the child before `next` is a comment.
    comment: bool,
    /// Column of its parenthesis or mark.
    column: usize,
    /// Whether arguments stand under the first one, or else two columns in.
    aligned: bool,
    /// Closing parentheses that will follow it.
    behind: usize,
    /// Column of the line that was begun last.
    last_offset: usize,
}

/// Writes a tree.
pub(super) struct Writer<'t, 'a> {
    tree: &'t Tree<'a>,
    styles: &'t [Style],
    sizes: &'t [Size],
    out: String,
    column: usize,
    /// A line comment was written, so nothing else can be on its line.
    ended: bool,
}

impl<'t, 'a> Writer<'t, 'a> {
    pub(super) fn new(tree: &'t Tree<'a>, styles: &'t [Style], sizes: &'t [Size]) -> Self {
        Self {
            tree,
            styles,
            sizes,
            out: String::with_capacity(tree.source.len() + tree.source.len() / 8),
            column: 0,
            ended: false,
        }
    }

    /// The whole text.
    pub(super) fn write(mut self) -> String {
        let mut stack = vec![self.frame(ROOT, 0)];
        while let Some(frame) = stack.last_mut() {
            let Some(child) = frame.next else {
                self.close(frame);
                stack.pop();
                continue;
            };
            frame.next = self.tree.nodes[child].next;
            self.place(frame, child);
            frame.comment = self.tree.nodes[child].comment;
            let is_last = frame.next.is_none();
            let closes = self.tree.nodes[frame.id].kind == Kind::List;
            let behind = if is_last {
                frame.behind + usize::from(closes)
            } else {
                0
            };
            let fits = self.fits(self.sizes[child], 0, behind);
            match self.tree.nodes[child].kind {
                _ if fits => self.flat(child),
                Kind::List | Kind::Mark => {
                    stack.push(self.frame(child, behind));
                    self.text(self.tree.text(self.tree.nodes[child].token));
                }
                Kind::LineComment => {
                    self.text(self.tree.text(self.tree.nodes[child].token).trim_end());
                    self.ended = true;
                }
                _ => self.text(self.tree.text(self.tree.nodes[child].token)),
            }
        }
        if !self.out.is_empty() {
            self.out.push('\n');
        }
        self.out
    }

    /// Begins a node at the present column.
    fn frame(&self, id: Id, behind: usize) -> Frame {
        let node = &self.tree.nodes[id];
        let mut frame = Frame {
            id,
            next: node.first,
            comment: false,
            column: self.column,
            aligned: true,
            behind,
            last_offset: 1,
        };
        frame.aligned = self.tree.children(id).all(|child| {
            let Style { place, offset } = self.styles[child];
            let last = self.tree.nodes[child].next.is_none();
            let behind = if last { behind + 1 } else { 0 };
            !matches!(place, Place::Argument { .. })
                || self.column + offset + self.sizes[child].least + behind <= WIDTH
        });
        frame
    }

    /// Whether something fits on the line.
    fn fits(&self, size: Size, space: usize, behind: usize) -> bool {
        !size.spread && self.column + space + size.flat + behind <= WIDTH
    }

    /// Writes what stands between a child and what is before it.
    fn place(&mut self, frame: &mut Frame, child: Id) {
        let node = &self.tree.nodes[child];
        let Style { place, offset } = self.styles[child];
        let offset = match place {
            Place::Argument { .. } if !frame.aligned => 2,
            _ => offset,
        };
        let top = frame.id == ROOT;
        if self.tree.nodes[frame.id].first == Some(child) {
            if !top && self.tree.is_apart(self.tree.nodes[frame.id].token) {
                self.text(" ");
            }
            return;
        }
        let line = if self.ended {
            true
        } else if node.comment && node.lines == 0 {
            match node.kind {
                Kind::LineComment => return self.out.push_str(BEFORE_COMMENT),
                _ => !self.fits(self.sizes[child], 1, 0),
            }
        } else if node.comment || (frame.comment && node.lines > 0) {
            true
        } else {
            match place {
                Place::First | Place::Same => false,
                Place::Fits => !self.unit_fits(frame, child),
                Place::Line | Place::Argument { first: false } => true,
                Place::Argument { first: true } => !frame.aligned,
                Place::Keep if node.lines > 0 => true,
                Place::Keep => {
                    let size = self.sizes[child];
                    let behind = if node.next.is_none() {
                        frame.behind + 1
                    } else {
                        0
                    };
                    !size.spread && !self.fits(size, 1, behind)
                }
            }
        };
        if line {
            let column = if top { 0 } else { frame.column + offset };
            self.line(column, node.lines > 1);
            frame.last_offset = offset;
        } else {
            self.text(" ");
        }
    }

    /// Whether a child fits on the line, with its value if it is a keyword.
    fn unit_fits(&self, frame: &Frame, child: Id) -> bool {
        let mut size = self.sizes[child];
        let mut last = child;
        let value = self.tree.nodes[child].next;
        if let Some(value) = value.filter(|value| self.styles[*value].place == Place::Same)
            && self.tree.token_kind(child) == TokenKind::Keyword
        {
            size.flat += 1 + self.sizes[value].flat;
            size.spread |= self.sizes[value].spread;
            last = value;
        }
        let end = self.tree.nodes[last].next.is_none();
        self.fits(size, 1, if end { frame.behind + 1 } else { 0 })
    }

    fn close(&mut self, frame: &Frame) {
        if self.tree.nodes[frame.id].kind == Kind::List {
            if self.ended {
                self.line(frame.column + frame.last_offset, false);
            }
            self.text(")");
        }
    }

    /// Begins a line.
    fn line(&mut self, column: usize, blank: bool) {
        self.out.push_str(if blank { "\n\n" } else { "\n" });
        let column = column.min(INDENT_MAX);
        self.out.extend(core::iter::repeat_n(' ', column));
        self.column = column;
        self.ended = false;
    }

    fn text(&mut self, text: &str) {
        self.out.push_str(text);
        match text.rfind('\n') {
            Some(end) => self.column = text[end + 1..].chars().count(),
            None => self.column += text.chars().count(),
        }
    }

    /// Writes a node on the line.
    fn flat(&mut self, id: Id) {
        let node = &self.tree.nodes[id];
        let mut glued = true;
        for at in node.token..=node.last {
            let kind = self.tree.tokens[at].kind;
            if kind == TokenKind::Whitespace {
                continue;
            }
            if !glued && kind != TokenKind::Close {
                self.text(" ");
            }
            self.text(self.tree.text(at));
            glued = kind == TokenKind::Open || (is_mark(kind) && !self.tree.is_apart(at));
        }
    }
}
