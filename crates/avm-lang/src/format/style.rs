//! Where the children of a list go when it does not stay on one line.

use alloc::vec;
use alloc::vec::Vec;
use core::iter::Peekable;

use super::tree::{Id, Kind, ROOT, Tree};
use crate::lexer::TokenKind;

/// How a child follows what stands before it, if its parent is spread over lines.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Place {
    /// Right behind the parenthesis or mark.
    First,
    /// On the same line.
    Same,
    /// On the same line if it fits there as a whole, on a new one otherwise.
    Fits,
    /// On a new line.
    Line,
    /// On a new line where the author put it on one, or if it does not fit.
    Keep,
    /// An argument: on the line of the head if it is the first one, under it otherwise. If that
    /// is too wide, all of them on new lines, two columns in.
    Argument {
        /// Whether it is the first.
        first: bool,
    },
}

/// Style of one node.
#[derive(Clone, Copy, Debug)]
pub(super) struct Style {
    /// How it follows.
    pub(super) place: Place,
    /// Column of its line if it begins one, counted from the parenthesis of its parent.
    pub(super) offset: usize,
}

/// What a list is, as far as its place tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Role {
    /// Something that is evaluated, or a definition.
    Expr,
    /// Something that is taken as it is written: constants, parameters, patterns.
    Data,
    /// The list of pairs of a `let`.
    Bindings,
    /// `(name value)`
    Binding,
    /// `(name clause ...)` of a `guard`.
    Handlers,
    /// `(test body ...)`, or `(pattern body ...)` if true.
    Clause(bool),
}

/// Flags: keywords that no value follows.
pub(super) const FLAGS: &[&str] = &[
    "#:deterministic",
    "#:first-fail",
    "#:no-controller",
    "#:optional",
];

/// How a form is laid out.
enum Shape {
    /// So many parts behind the head on its line, what follows on lines of its own, two columns in.
    Body(usize),
    /// Arguments under each other.
    Call,
    /// Arguments by two under each other.
    Pairs,
    /// As many as fit on each line, under the first one.
    Words,
}

/// Forms that are not laid out like calls.
fn shape(word: &str) -> Shape {
    match word {
        "begin" | "cond" | "otherwise" | "transaction" | "atomically" => Shape::Body(0),
        "module" | "define" | "define-record" | "behaviour" | "behavior" | "pure" | "program"
        | "intent" | "test" | "on" | "lambda" | "let" | "let*" | "letrec" | "for" | "case"
        | "match" | "when" | "unless" | "guard" | "with-gas" | "with-caps"
        | "define-syntax-rule" => Shape::Body(1),
        "do" => Shape::Body(2),
        "set-state!" => Shape::Pairs,
        "export" | "caps" | "import" | "only" | "prefix" | "profile" | "state" => Shape::Words,
        _ => Shape::Call,
    }
}

/// What the part at `index` of a form is; the head has index 0.
fn role_of(word: &str, named: bool, index: usize) -> Role {
    match (word, index) {
        ("define" | "pure" | "program" | "intent" | "lambda" | "on" | "with-caps", 1)
        | ("define-record", 2)
        | ("define-syntax-rule", 1)
        | ("quote" | "quasiquote", 1)
        | ("export" | "caps" | "import" | "only" | "prefix" | "profile", _) => Role::Data,
        ("let", 2) if named => Role::Bindings,
        ("let", 1) if !named => Role::Bindings,
        ("let*" | "letrec" | "do", 1) => Role::Bindings,
        ("for", 1) | ("state", _) => Role::Binding,
        ("do", 2) | ("cond", _) => Role::Clause(false),
        ("guard", 1) => Role::Handlers,
        ("case" | "match", 2..) => Role::Clause(true),
        _ => Role::Expr,
    }
}

/// Styles of all nodes.
pub(super) fn styles(tree: &Tree<'_>) -> Vec<Style> {
    let style = Style {
        place: Place::Line,
        offset: 0,
    };
    let mut styler = Styler {
        tree,
        styles: vec![style; tree.nodes.len()],
        roles: vec![Role::Expr; tree.nodes.len()],
    };
    // Parents come first, so the role of a node is known when its turn comes.
    for id in ROOT + 1..tree.nodes.len() {
        match tree.nodes[id].kind {
            Kind::Mark => styler.mark(id),
            Kind::List => styler.list(id),
            _ => {}
        }
    }
    styler.styles
}

struct Styler<'t, 'a> {
    tree: &'t Tree<'a>,
    styles: Vec<Style>,
    roles: Vec<Role>,
}

impl Styler<'_, '_> {
    fn put(&mut self, id: Id, place: Place, offset: usize, role: Role) {
        self.styles[id] = Style { place, offset };
        self.roles[id] = role;
    }

    fn mark(&mut self, id: Id) {
        let node = &self.tree.nodes[id];
        let role = match self.tree.token_kind(id) {
            TokenKind::Quote | TokenKind::Quasiquote => Role::Data,
            TokenKind::DatumComment => self.roles[id],
            _ => Role::Expr,
        };
        let width = self.tree.text(node.token).len();
        let mut place = Place::First;
        let tree = self.tree;
        for child in tree.children(id) {
            self.put(child, place, width, role);
            place = Place::Same;
        }
    }

    fn list(&mut self, id: Id) {
        let Some(first) = self.tree.nodes[id].first else {
            return;
        };
        let role = self.roles[id];
        let word = self.tree.word(first);
        match (role, word) {
            (Role::Data, _) => self.rows(id, Place::Keep, Role::Data),
            (Role::Bindings, _) => self.rows(id, Place::Line, Role::Binding),
            (Role::Clause(data), _) => self.clause(id, data),
            (Role::Binding, Some(word)) => self.form(id, word, &Shape::Call, |_| Role::Expr),
            (Role::Handlers, Some(word)) => {
                self.form(id, word, &Shape::Call, |_| Role::Clause(false));
            }
            (Role::Expr, Some(word)) => {
                let second = self
                    .tree
                    .children(id)
                    .skip(1)
                    .find(|id| !self.tree.nodes[*id].comment);
                let named = word == "let" && second.is_some_and(|id| self.tree.word(id).is_some());
                let shape = if named { Shape::Body(2) } else { shape(word) };
                self.form(id, word, &shape, |index| role_of(word, named, index));
            }
            // A comment before the head, or a head that is no name: there is nothing to align with.
            (_, None) if self.tree.nodes[first].kind == Kind::List => {
                self.rows(id, Place::Line, Role::Expr);
            }
            (_, None) => self.rows(id, Place::Keep, Role::Expr),
        }
    }

    /// All children in one column, or in rows.
    fn rows(&mut self, id: Id, place: Place, role: Role) {
        let tree = self.tree;
        for (index, child) in tree.children(id).enumerate() {
            let place = if index == 0 { Place::First } else { place };
            self.put(child, place, 1, role);
        }
    }

    fn clause(&mut self, id: Id, data: bool) {
        let tree = self.tree;
        let mut children = tree.children(id).peekable();
        let (mut parts, mut place) = (0, Place::First);
        while let Some(child) = children.peek().copied() {
            if data && parts == 1 && self.unit(&mut children, Place::Fits, 5) > 0 {
                continue;
            }
            children.next();
            let role = if data && parts == 0 {
                Role::Data
            } else {
                Role::Expr
            };
            self.put(child, place, 1, role);
            place = Place::Line;
            parts += usize::from(!tree.nodes[child].comment);
        }
    }

    /// Places a keyword and its value, if a keyword comes next. Returns how many nodes that were.
    fn unit(
        &mut self,
        children: &mut Peekable<impl Iterator<Item = Id>>,
        place: Place,
        offset: usize,
    ) -> usize {
        let tree = self.tree;
        let is_keyword = |id: &Id| tree.token_kind(*id) == TokenKind::Keyword;
        let Some(keyword) = children.next_if(is_keyword) else {
            return 0;
        };
        self.put(keyword, place, offset, Role::Expr);
        let flag = FLAGS.contains(&tree.text(tree.nodes[keyword].token));
        let value = children.next_if(|id| !flag && !tree.nodes[*id].comment && !is_keyword(id));
        if let Some(value) = value {
            self.put(value, Place::Same, offset + 2, Role::Expr);
        }
        1 + usize::from(value.is_some())
    }

    /// A list with a name at its head.
    fn form(&mut self, id: Id, word: &str, shape: &Shape, roles: impl Fn(usize) -> Role) {
        let tree = self.tree;
        let mut children = tree.children(id).peekable();
        if let Some(head) = children.next() {
            self.put(head, Place::First, 1, Role::Expr);
        }
        let aligned = word.chars().count() + 2;
        let mut index = 1;
        while let Some(child) = children.peek().copied() {
            let argument = Place::Argument { first: index == 1 };
            let unit = match shape {
                Shape::Body(header) if index == header + 1 => {
                    self.unit(&mut children, Place::Fits, 4)
                }
                Shape::Call => self.unit(&mut children, argument, aligned),
                _ => 0,
            };
            if unit > 0 {
                // Those of a body belong to the line of the head.
                index += if matches!(shape, Shape::Call) {
                    unit
                } else {
                    0
                };
                continue;
            }
            children.next();
            let (place, offset) = match shape {
                Shape::Body(header) if index <= *header => (Place::Same, 4),
                Shape::Body(_) if self.is_state(word, child) => (Place::Fits, 2),
                Shape::Body(_) if word == "test" && index == 4 => (Place::Same, 4),
                Shape::Body(_) => (Place::Line, 2),
                Shape::Pairs if index % 2 == 0 => (Place::Same, aligned + 2),
                Shape::Call | Shape::Pairs => (argument, aligned),
                Shape::Words if index == 1 => (Place::Same, aligned),
                Shape::Words => (Place::Keep, aligned),
            };
            self.put(child, place, offset, roles(index));
            index += usize::from(!tree.nodes[child].comment);
        }
    }

    /// Whether a child is the `(state ...)` of a behaviour.
    fn is_state(&self, word: &str, child: Id) -> bool {
        let head = self.tree.nodes[child].first;
        matches!(word, "behaviour" | "behavior")
            && self.tree.nodes[child].kind == Kind::List
            && head.and_then(|head| self.tree.word(head)) == Some("state")
    }
}
