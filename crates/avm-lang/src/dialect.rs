//! What a back end tells the language: its forms, as data.

use alloc::vec::Vec;

/// The forms that a back end compiles, and the rules that reduce others to them.
///
/// The language itself makes use of some forms by name when it takes patterns and fields apart;
/// [`REQUIRED`] lists them.
#[derive(Clone, Debug, Default)]
pub struct Dialect {
    /// Forms that become [`Kind::Form`](crate::core::Kind::Form), by index.
    pub forms: Vec<FormInfo>,
    /// Derived forms: a text of `(define-syntax-rule (name pattern ...) template)` rules, hygienic.
    ///
    /// Several rules of one name are tried in order. A pattern takes `name`, `_`, `(p ...)` and
    /// `p ...` (any number), and at its top `#:key p` (must be there), `#:key (name default)` (may
    /// be absent) and `#:flag?` (stands alone and must be there). A template may use four words:
    ///
    /// - `(%block label body ...)` and `(%leave label e)`: a body that can be left with a value;
    /// - `(%let-form (name pattern ...) template body ...)`: in the body, also where the user
    ///   writes it, `(name ...)` is the template, whose names mean what they mean around here;
    /// - `(%error "E102" "message" "help")`: says that the form is used wrongly.
    ///
    /// A rule goes before a form of the same name, a form before a function of the prelude. With
    /// these a dialect says what a transaction is:
    ///
    /// ```text
    /// (define-syntax-rule (transaction #:controller (c nothing) body ...)
    ///   (%block out
    ///     (let ((t (begin-tx c)))
    ///       (%let-form (abort) (begin (abort-tx t) (%leave out nothing))
    ///         (let ((v (begin body ...)))
    ///           (if (commit-tx t) (just v) nothing))))))
    /// (define-syntax-rule (abort) (%error "E102" "abort outside of a transaction"))
    /// ```
    pub rules: &'static str,
    /// Functions written in the language itself; those that a module uses are compiled with it.
    ///
    /// A function may have the name of a form: the form is what a call means if it takes that many
    /// arguments; the function is the value of the name, and what other calls mean. So `(+ a b)`
    /// can be a form and `(define (+ . xs) ...)` serve `(+ 1 2 3)` and `(fold + 0 xs)`. In the
    /// prelude itself a call always means the form.
    pub prelude: &'static str,
}

/// What the language itself makes use of, as forms or as functions of the prelude:
///
/// - `(list v ...)`, `(cons a l)`, `(append a b)`, `(car p)`, `(cdr p)`, `(list? v)`, `(pair? v)`,
///   `(length l)`, `(list-ref l i)` from 0. `car` and `cdr` take lists that are not empty and
///   pairs. A pattern `(p . q)` asks `list?` first and `pair?` only of what is no list, so `pair?`
///   may be true of lists or not.
/// - `(equal? a b)`, structural and without a fault whatever the values.
/// - `(just v)`, `(just? v)`, `(unjust m)`; `(pair a b)` makes the value of a test.
/// - `(raise v)` and `(reject)`, which do not return; the static checks rely on it.
/// - `(reply v)` appends an output and returns; `(input)`, `(get-state)`, `(put-state! list)`.
pub const REQUIRED: &[&str] = &[
    "list",
    "cons",
    "append",
    "car",
    "cdr",
    "list?",
    "pair?",
    "length",
    "list-ref",
    "equal?",
    "just",
    "just?",
    "unjust",
    "pair",
    "raise",
    "reject",
    "reply",
    "input",
    "get-state",
    "put-state!",
];

/// One form: `(name arg ... #:key value ...)`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct FormInfo {
    /// Its word, for example `call`.
    pub name: &'static str,
    /// Names of the positional arguments; the last may end in `...`: any number of them. Where a
    /// form with an effect calls one `v`, `value`, `message` or `state`, a function given there is
    /// refused if that is visible (E105).
    pub params: &'static [&'static str],
    /// How many of the positional arguments must be there.
    pub required: usize,
    /// Keywords it takes, without `#:`. A keyword that ends in `?` stands alone and is a flag.
    pub keys: &'static [&'static str],
    /// What it may do.
    pub effect: Effect,
    /// The capability that a module must declare to use it, if any.
    pub cap: Option<&'static str>,
    /// Whether a behaviour that uses it is no longer deterministic.
    pub impure: bool,
    /// Whether a call of it may begin a transaction, or needs one (static checks).
    pub role: Role,
    /// What else static checks know of it; [`Facts::NONE`] if nothing.
    pub facts: Facts,
    /// One or two sentences for people, shown by editors.
    pub doc: &'static str,
}

/// What a form may do.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Effect {
    /// Its value depends on its arguments alone.
    None,
    /// It reads or changes something.
    Some,
}

/// What a form has to do with scopes that static checks follow.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Role {
    /// Nothing.
    Plain,
    /// It opens a scope that must not be nested.
    Begin,
    /// It closes that scope.
    End,
    /// It is refused inside of that scope, unless the module declares the named capability.
    Outside(&'static str),
    /// It makes sense only inside of that scope: refused in a program that has not opened it.
    Inside,
}

/// What is known of the values that a form takes and gives. Where nothing is said nothing is
/// checked.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Facts {
    /// What it has to do with who orders changes of objects (E110, W201).
    pub authority: Authority,
    /// Its value is a Maybe: nothing or `(just v)` (W202).
    pub maybe: bool,
    /// The arguments that a Maybe can never be (W202).
    pub plain: Plain,
    /// What it has to do with values that are chosen when a transaction commits (E109).
    pub choice: Choice,
    /// What it has to do with things that must be used (W204).
    pub linear: Linear,
}

impl Facts {
    /// Nothing is known.
    pub const NONE: Self = Self {
        authority: Authority::None,
        maybe: false,
        plain: Plain::None,
        choice: Choice::None,
        linear: Linear::None,
    };
}

/// What a form has to do with controllers. A transaction has one, and so has each object.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Authority {
    /// Nothing.
    None,
    /// Its value is the controller that its argument, a literal text, names.
    Names,
    /// Its value is a new object.
    Creates {
        /// Index of the keyword that says under which controller.
        controller: usize,
        /// Index of the flag that says under none.
        none: usize,
        /// The clause of a module that says it for both left out.
        clause: &'static str,
    },
    /// It begins a transaction, at the controller that is its first argument if that is there.
    Begins,
    /// Inside of a transaction, its first argument is an object of that transaction's controller.
    Touches,
    /// The same, and the object may have another controller later.
    Gives,
}

/// Which arguments of a form are never a Maybe.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Plain {
    /// Any may be.
    None,
    /// The first is not.
    First,
    /// None is.
    All,
}

/// What a form has to do with values that are not known before a transaction commits.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Choice {
    /// Nothing.
    None,
    /// Its value is one.
    Gives,
    /// It takes none inside of a transaction: the value would leave it.
    Refuses,
}

/// What a form has to do with things that must be used once.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Linear {
    /// Nothing.
    None,
    /// Makes one.
    Creates,
    /// Uses one.
    Satisfies,
}
