//! The core form: what is left of a module when everything derived is reduced, names are resolved
//! and functions are lifted. Back ends compile this and nothing else.
//!
//! Evaluation is strict and left to right. Variables have an index in their function; captured
//! variables are copied into a closure when it is made, so no variable that is captured is ever
//! set. Calls in tail position are proper tail calls.

use alloc::boxed::Box;
use alloc::string::String;
use alloc::vec::Vec;

use crate::span::Span;

/// Index of a function in [`Unit::functions`].
pub type FunctionId = u32;
/// Index of a variable in [`Function::variables`].
pub type VariableId = u32;
/// Index of a form in [`Dialect::forms`](crate::dialect::Dialect::forms).
pub type FormId = u32;
/// Number of a block or loop, unique in its function.
pub type Label = u32;

/// A module ready for a back end, with all that it makes use of from other modules.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Unit {
    /// Name of the module.
    pub name: String,
    /// Capabilities it declares.
    pub caps: Vec<String>,
    /// Every function, lambdas and imported ones among them.
    pub functions: Vec<Function>,
    /// What the module offers, in the order of the text.
    pub entries: Vec<Entry>,
    /// The expression of `(default-controller e)`-like clauses, as a function without parameters.
    pub clauses: Vec<(String, FunctionId)>,
}

/// Something that a module offers by name.
#[derive(Clone, Debug, PartialEq)]
pub struct Entry {
    /// What it is.
    pub kind: EntryKind,
    /// Its name.
    pub name: String,
    /// Its body. That of a behaviour has no parameters.
    pub function: FunctionId,
    /// Names of the state fields of a behaviour, in order.
    pub fields: Vec<String>,
    /// Declared `#:deterministic`.
    pub deterministic: bool,
    /// Whether `(export ...)` names it; everything is if there is no such clause.
    pub exported: bool,
    /// Where it stands.
    pub span: Span,
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum EntryKind {
    /// Runs once for each input of an object.
    Behaviour,
    /// Depends on its arguments alone.
    Pure,
    /// Runs on its own, with arguments.
    Program,
    /// A program that waits for others.
    Intent,
    /// `(test "name" expr => expected)`: a function without parameters whose value is
    /// `(pair actual expected)`.
    Test,
}

/// A function.
#[derive(Clone, Debug, PartialEq)]
pub struct Function {
    /// Its name, or `name/lambda` for what stands inside of `name`.
    pub name: String,
    /// Its variables by index: first the parameters, then the captured ones, then the others.
    pub variables: Vec<String>,
    /// Number of parameters, the one for the rest counted.
    pub params: u32,
    /// Whether the last parameter takes the remaining arguments as a list.
    pub rest: bool,
    /// Number of captured variables.
    pub captures: u32,
    /// What it does.
    pub body: Expr,
    /// Where it stands.
    pub span: Span,
}

/// An expression with its place.
#[derive(Clone, Debug, PartialEq)]
pub struct Expr {
    /// What it is.
    pub kind: Kind,
    /// Where it stands.
    pub span: Span,
}

/// What an expression is.
#[derive(Clone, Debug, PartialEq)]
pub enum Kind {
    /// A constant.
    Const(Datum),
    /// The value of a variable.
    Local(VariableId),
    /// Gives a variable a new value; the value of the expression is nothing.
    Set(VariableId, Box<Expr>),
    /// `(if c t e)`: everything but false counts as true.
    If(Box<Expr>, Box<Expr>, Box<Expr>),
    /// Gives a variable its first value for the body.
    Let(VariableId, Box<Expr>, Box<Expr>),
    /// In order; the value is that of the last. Never empty.
    Seq(Vec<Expr>),
    /// Makes a closure; the expressions are the values of the captured variables, in order.
    Closure(FunctionId, Vec<Expr>),
    /// Calls a known function that captures nothing.
    Call(FunctionId, Vec<Expr>),
    /// Calls the value of the first expression.
    Apply(Box<Expr>, Vec<Expr>),
    /// A form of the dialect: positional arguments, then for each keyword of the row its argument
    /// if it is there. A flag that is there has the constant true.
    Form(FormId, Vec<Expr>, Vec<Option<Expr>>),
    /// A body that [`Kind::Break`] can leave, with a value.
    Block(Label, Box<Expr>),
    /// Leaves the block of that label with a value. May leave the body of a [`Kind::Guard`] in
    /// between, but not a function. If the block is in tail position, so is the value, unless a
    /// guard is left: what a clause of a pattern calls last is a tail call.
    Break(Label, Box<Expr>),
    /// A body with variables that [`Kind::Again`] gives new values and starts over. The
    /// expressions are the first values.
    Loop(Label, Vec<(VariableId, Expr)>, Box<Expr>),
    /// Starts the loop of that label over, all its variables set at once. Stands in tail position
    /// of the loop, never inside of the body of a [`Kind::Guard`] in it.
    Again(Label, Vec<Expr>),
    /// Does the body; if it fails, the handler runs with the error in the variable.
    Guard {
        /// What may fail.
        body: Box<Expr>,
        /// Gets the error.
        variable: VariableId,
        /// What to do then. To pass the error on it raises it again.
        handler: Box<Expr>,
    },
}

/// A constant as it is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Datum {
    /// `nothing`
    Nothing,
    /// `(just d)`
    Just(Box<Datum>),
    /// `#t`, `#f`
    Bool(bool),
    /// In decimal, a minus if negative, no leading zeros.
    Int(String),
    /// A text.
    Str(String),
    /// A symbol.
    Sym(String),
    /// `#x"..."`
    Bytes(Vec<u8>),
    /// A list.
    List(Vec<Datum>),
    /// `(a . b)`
    Pair(Box<Datum>, Box<Datum>),
}
