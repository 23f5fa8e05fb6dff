//! How each form of the dialect becomes instructions, as data.

use avm_lang::dialect::{Authority, Choice, Effect, Facts, FormInfo, Linear, Plain, Role};

use super::constant::Constant;
use crate::code::op;

/// A form and what it becomes.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    /// What the language knows of it.
    pub(super) info: FormInfo,
    /// What it becomes.
    pub(super) low: Low,
}

/// What a form becomes.
#[derive(Clone, Copy, Debug)]
pub(super) enum Low {
    /// `op a`
    Op0(u8),
    /// `op a b`
    Op1(u8),
    /// `op a b c`
    Op2(u8),
    /// The opcodes one after the other, each on the result of the one before.
    Path(&'static [u8]),
    /// A row of two-operand instructions from the left; the constant without arguments.
    Fold(u8, Zero),
    /// Addition, with small constants in the instruction.
    Sum,
    /// Subtraction; the negative of a single argument.
    Difference,
    /// A comparison of neighbours; with operands exchanged or not.
    Compare(u8, bool),
    /// Whether the value equals a constant that is not written.
    Is(Zero),
    /// Whether the value is of the kind with that tag.
    Kind(u8),
    /// Negation of a condition.
    Not,
    /// `op a b c` over a range of registers.
    List(u8),
    /// `op a b` with operands from `b` on.
    Window(u8, &'static [Slot]),
    /// A constant from a constant text: a controller or a machine.
    Name(Name),
    /// The map of the keys and values given in turn.
    Map,
    /// A call that raises `obj/rejected` unless there is an output.
    Ask,
    /// Each argument becomes an output.
    Reply,
    /// Refuses the input.
    Reject,
    /// Raises an error.
    Raise,
    /// Raises `unsupported`: the opcode is reserved.
    Later,
}

/// One operand of [`Low::Window`].
#[derive(Clone, Copy, Debug)]
pub(super) enum Slot {
    /// A positional argument.
    Arg(usize),
    /// A positional argument that may be missing, as a Maybe.
    Maybe(usize),
    /// A keyword's argument as a Maybe.
    Key(usize),
    /// Whether a flag is there.
    Flag(usize),
    /// All positional arguments from that one on, as a list.
    Rest(usize),
    /// The controller of a new object: a keyword, or a flag for none, or the module's own.
    Controller(usize, usize),
}

/// Constants that forms stand for.
#[derive(Clone, Copy, Debug)]
pub(super) enum Zero {
    Int(i16),
    Nil,
    Text,
    Nothing,
    /// It takes an argument, as its row says.
    None,
}

impl Zero {
    pub(super) fn constant(self) -> Constant {
        match self {
            Self::Int(n) => Constant::Int(alloc::format!("{n}")),
            Self::Nil => Constant::List(alloc::vec::Vec::new()),
            Self::Text => Constant::Str(alloc::string::String::new()),
            Self::Nothing | Self::None => Constant::Nothing,
        }
    }
}

/// What a text names.
#[derive(Clone, Copy, Debug)]
pub(super) enum Name {
    Controller,
    Machine,
}

/// A form that computes.
const fn pure(
    name: &'static str,
    params: &'static [&'static str],
    required: usize,
    low: Low,
    doc: &'static str,
) -> Row {
    Row {
        info: FormInfo {
            name,
            params,
            required,
            keys: &[],
            effect: Effect::None,
            cap: None,
            impure: false,
            role: Role::Plain,
            facts: Facts::NONE,
            doc,
        },
        low,
    }
}

/// A form that reads or changes something.
const fn acts(
    name: &'static str,
    params: &'static [&'static str],
    low: Low,
    doc: &'static str,
) -> Row {
    let mut row = pure(name, params, params.len(), low, doc);
    row.info.effect = Effect::Some;
    row
}

impl Row {
    const fn keys(mut self, keys: &'static [&'static str]) -> Self {
        self.info.keys = keys;
        self
    }

    const fn needs(mut self, required: usize) -> Self {
        self.info.required = required;
        self
    }

    const fn cap(mut self, cap: &'static str) -> Self {
        self.info.cap = Some(cap);
        self
    }

    const fn impure(mut self) -> Self {
        self.info.impure = true;
        self
    }

    const fn role(mut self, role: Role) -> Self {
        self.info.role = role;
        self
    }

    /// A Maybe is never one of its arguments.
    const fn plain(mut self) -> Self {
        self.info.facts.plain = Plain::All;
        self
    }

    /// A Maybe is never its first argument.
    const fn of(mut self) -> Self {
        self.info.facts.plain = Plain::First;
        self
    }

    /// Its value is a Maybe.
    const fn maybe(mut self) -> Self {
        self.info.facts.maybe = true;
        self
    }

    const fn authority(mut self, authority: Authority) -> Self {
        self.info.facts.authority = authority;
        self
    }

    /// Its first argument is an object of the transaction.
    const fn touches(self) -> Self {
        self.of().authority(Authority::Touches)
    }

    const fn choice(mut self, choice: Choice) -> Self {
        self.info.facts.choice = choice;
        self
    }

    const fn linear(mut self, linear: Linear) -> Self {
        self.info.facts.linear = linear;
        self
    }
}

const A: &[Slot] = &[Slot::Arg(0)];
const AB: &[Slot] = &[Slot::Arg(0), Slot::Arg(1)];
const ABC: &[Slot] = &[Slot::Arg(0), Slot::Arg(1), Slot::Arg(2)];

/// Every form. Spec: 24.4 and 24.5.
#[rustfmt::skip]
pub(super) const ROWS: &[Row] = &[
    // Arithmetic and order.
    pure("+", &["n..."], 0, Low::Sum, "The sum of the numbers; 0 without any. Error arith/overflow outside of -2^255 to 2^255 - 1.").plain(),
    pure("-", &["n", "m..."], 1, Low::Difference, "The first number less the others; the negative of a single one.").plain(),
    pure("*", &["n..."], 0, Low::Fold(op::MUL, Zero::Int(1)), "The product of the numbers; 1 without any.").plain(),
    pure("quotient", &["n", "m"], 2, Low::Op2(op::DIV), "n / m truncated toward zero. Error arith/div-zero.").plain(),
    pure("modulo", &["n", "m"], 2, Low::Op2(op::MOD), "n modulo m, with the sign of m. Error arith/div-zero.").plain(),
    pure("min", &["n..."], 1, Low::Fold(op::MIN, Zero::None), "The smallest of the numbers.").plain(),
    pure("max", &["n..."], 1, Low::Fold(op::MAX, Zero::None), "The largest of the numbers.").plain(),
    pure("=", &["a", "b..."], 2, Low::Compare(op::EQ, false), "Whether the values are the same; like equal?, of any kinds."),
    pure("<", &["a", "b..."], 2, Low::Compare(op::LT, false), "Whether each number is less than the next.").plain(),
    pure("<=", &["a", "b..."], 2, Low::Compare(op::LE, false), "Whether each number is at most the next.").plain(),
    pure(">", &["a", "b..."], 2, Low::Compare(op::LT, true), "Whether each number is greater than the next.").plain(),
    pure(">=", &["a", "b..."], 2, Low::Compare(op::LE, true), "Whether each number is at least the next.").plain(),
    pure("equal?", &["a", "b"], 2, Low::Compare(op::EQ, false), "Whether the two are the same value."),
    pure("val<?", &["a", "b"], 2, Low::Op2(op::VALLT), "Whether a comes before b in the total order of all values."),
    pure("not", &["x"], 1, Low::Not, "True if x is false, else false.").plain(),
    // Lists and pairs.
    pure("cons", &["item", "list"], 2, Low::Op2(op::CONS), "The list with one item more at its start; a pair if the second value is no list."),
    pure("pair", &["a", "b"], 2, Low::Op2(op::CONS), "What cons makes of the two; car and cdr take it apart."),
    pure("car", &["list"], 1, Low::Op1(op::CAR), "The first item of a list or pair.").plain(),
    pure("cdr", &["list"], 1, Low::Op1(op::CDR), "The list without its first item; the second item of a pair.").plain(),
    pure("caar", &["list"], 1, Low::Path(&[op::CAR, op::CAR]), "(car (car list))").plain(),
    pure("cadr", &["list"], 1, Low::Path(&[op::CDR, op::CAR]), "(car (cdr list)), the second item.").plain(),
    pure("cdar", &["list"], 1, Low::Path(&[op::CAR, op::CDR]), "(cdr (car list))").plain(),
    pure("cddr", &["list"], 1, Low::Path(&[op::CDR, op::CDR]), "(cdr (cdr list))").plain(),
    pure("caddr", &["list"], 1, Low::Path(&[op::CDR, op::CDR, op::CAR]), "The third item.").plain(),
    pure("cdddr", &["list"], 1, Low::Path(&[op::CDR, op::CDR, op::CDR]), "The list without its first three items.").plain(),
    pure("cadddr", &["list"], 1, Low::Path(&[op::CDR, op::CDR, op::CDR, op::CAR]), "The fourth item.").plain(),
    pure("list", &["item..."], 0, Low::List(op::LIST), "The list of the values."),
    pure("append", &["list..."], 0, Low::Fold(op::APPEND, Zero::Nil), "The lists one after the other.").plain(),
    pure("reverse", &["list"], 1, Low::Op1(op::REV), "The list from its end to its start.").plain(),
    pure("length", &["list"], 1, Low::Op1(op::LEN), "The number of items of a list, entries of a map, characters of a text, octets of bytes.").plain(),
    pure("list-ref", &["list", "index"], 2, Low::Op2(op::REF), "The item at an index from 0; of bytes, the octet.").of(),
    pure("list-set", &["list", "index", "item"], 3, Low::Window(op::SET, ABC), "The list with another item at that index.").of(),
    pure("slice", &["list", "from", "to"], 3, Low::Window(op::SLICE, ABC), "The items from one index up to, not including, another.").of(),
    pure("sort", &["list"], 1, Low::Op1(op::SORT), "The list in the total order of all values.").plain(),
    // Maps.
    pure("map-of", &["key", "item..."], 0, Low::Map, "The map of keys and items that are given in turn."),
    pure("map-get", &["map", "key"], 2, Low::Op2(op::MAPGET), "(just item) at the key, or nothing.").of().maybe(),
    pure("map-put", &["map", "key", "item"], 3, Low::Window(op::MAPPUT, ABC), "The map with that item at the key.").of(),
    pure("map-del", &["map", "key"], 2, Low::Op2(op::MAPDEL), "The map without the key.").of(),
    pure("map-keys", &["map"], 1, Low::Op1(op::MAPKEYS), "The list of the keys in order.").plain(),
    pure("map-size", &["map"], 1, Low::Op1(op::LEN), "The number of entries.").plain(),
    // Texts, symbols, bytes.
    pure("string-append", &["text..."], 0, Low::Fold(op::CONCAT, Zero::Text), "The texts one after the other.").plain(),
    pure("string-length", &["text"], 1, Low::Op1(op::LEN), "The number of characters.").plain(),
    pure("substring", &["text", "from", "to"], 3, Low::Window(op::SUBSTR, ABC), "The characters from one index up to, not including, another.").plain(),
    pure("number->string", &["n"], 1, Low::Op1(op::TOSTR), "The number in decimal.").plain(),
    pure("string->number", &["text"], 1, Low::Op1(op::TOINT), "(just n) if the text is a number in decimal, else nothing.").plain().maybe(),
    pure("symbol->string", &["symbol"], 1, Low::Op1(op::TOSTR), "The text of a symbol.").plain(),
    pure("bytes-append", &["bytes..."], 1, Low::Fold(op::CONCAT, Zero::None), "The octets one after the other.").plain(),
    pure("bytes-length", &["bytes"], 1, Low::Op1(op::LEN), "The number of octets.").plain(),
    pure("bytes-ref", &["bytes", "index"], 2, Low::Op2(op::REF), "The octet at an index from 0, as a number.").plain(),
    pure("subbytes", &["bytes", "from", "to"], 3, Low::Window(op::SUBSTR, ABC), "The octets from one index up to, not including, another.").plain(),
    pure("hash", &["value"], 1, Low::Op1(op::HASH), "The hash of a value."),
    // Maybe and the kinds of values.
    pure("just", &["x"], 1, Low::Op1(op::JUST), "x as something that is there."),
    pure("unjust", &["maybe"], 1, Low::Op1(op::UNJUST), "What is in a just. Error type/mismatch for nothing."),
    pure("nothing?", &["x"], 1, Low::Is(Zero::Nothing), "Whether x is nothing."),
    pure("just?", &["x"], 1, Low::Kind(0x01), "Whether x is (just v)."),
    pure("null?", &["x"], 1, Low::Is(Zero::Nil), "Whether x is the list without items."),
    pure("zero?", &["x"], 1, Low::Is(Zero::Int(0)), "Whether x is 0."),
    pure("bool?", &["x"], 1, Low::Kind(0x02), "Whether x is true or false."),
    pure("int?", &["x"], 1, Low::Kind(0x04), "Whether x is a number."),
    pure("str?", &["x"], 1, Low::Kind(0x05), "Whether x is a text."),
    pure("sym?", &["x"], 1, Low::Kind(0x06), "Whether x is a symbol."),
    pure("bytes?", &["x"], 1, Low::Kind(0x07), "Whether x is bytes."),
    pure("pair?", &["x"], 1, Low::Kind(0x08), "Whether x is a pair; lists are none."),
    pure("list?", &["x"], 1, Low::Kind(0x09), "Whether x is a list."),
    pure("map?", &["x"], 1, Low::Kind(0x0a), "Whether x is a map."),
    pure("obj?", &["x"], 1, Low::Kind(0x10), "Whether x is an object."),
    pure("tx?", &["x"], 1, Low::Kind(0x11), "Whether x is a transaction."),
    pure("ctl?", &["x"], 1, Low::Kind(0x12), "Whether x is a controller."),
    pure("mach?", &["x"], 1, Low::Kind(0x13), "Whether x is a machine."),
    pure("var?", &["x"], 1, Low::Kind(0x14), "Whether x is a variable of the constraint store."),
    pure("lin?", &["x"], 1, Low::Kind(0x15), "Whether x is a linear constraint."),
    pure("hash?", &["x"], 1, Low::Kind(0x16), "Whether x is a hash."),
    pure("code?", &["x"], 1, Low::Kind(0x17), "Whether x is code."),
    pure("procedure?", &["x"], 1, Low::Kind(0x20), "Whether x is a function."),
    pure("ctl", &["name"], 1, Low::Name(Name::Controller), "The controller of that name, a literal text.").authority(Authority::Names),
    pure("mach", &["name"], 1, Low::Name(Name::Machine), "The machine of that name, a literal text."),
    // Records: lists whose first item is a symbol.
    pure("record", &["tag", "field..."], 1, Low::List(op::RECORD), "The record with that tag, a symbol, and those fields."),
    // Errors and the end of an activation.
    acts("reply", &["value"], Low::Reply, "Appends an output; nothing if no value is given.").needs(0),
    acts("reply*", &["value..."], Low::Reply, "Appends the outputs in order.").needs(0),
    acts("reject", &["reason"], Low::Reject, "Refuses the input: everything the activation did is undone.").needs(0),
    pure("raise", &["x"], 1, Low::Raise, "Raises user/raise with x; an error that was caught is raised as it was."),
    // Objects and messages. Spec 7.
    acts("new", &["behaviour"], Low::Window(op::CREATE, &[Slot::Arg(0), Slot::Controller(0, 1)]), "A new object of that behaviour, under the given controller or else the module's default.").keys(&["controller", "no-controller?"]).authority(Authority::Creates { controller: 0, none: 1, clause: "default-controller" }),
    acts("destroy!", &["object"], Low::Window(op::DESTROY, A), "Destroys the object; true.").touches(),
    acts("call", &["object", "message"], Low::Window(op::CALL, AB), "Sends the input and waits: (just output), or nothing if it is rejected.").maybe().touches(),
    acts("ask", &["object", "message"], Low::Ask, "Like call, but gives the output itself and raises obj/rejected if there is none.").touches(),
    acts("call/local", &["object", "message"], Low::Window(op::CALLLOCAL, AB), "Like call, on the replica that is on this machine.").impure().maybe(),
    acts("send!", &["object", "message"], Low::Window(op::SEND, AB), "Sends the input and does not wait.").of(),
    acts("receive", &[], Low::Window(op::RECEIVE, &[Slot::Key(0)]), "(just message) from the own mailbox; waits, at most for the given milliseconds.").keys(&["timeout"]).impure().maybe(),
    // What a running activation knows. Spec 8.
    acts("self", &[], Low::Op0(op::SELF), "The object itself."),
    acts("input", &[], Low::Op0(op::INPUT), "The message that is processed."),
    acts("sender", &[], Low::Op0(op::SENDER), "(just object) that called, or nothing.").maybe(),
    acts("here", &[], Low::Op0(op::HERE), "The machine it runs on.").impure(),
    acts("get-state", &[], Low::Op0(op::GETSTATE), "The own state, a list."),
    acts("put-state!", &["state"], Low::Op1(op::SETSTATE), "Replaces the own state."),
    acts("history", &[], Low::Op0(op::HISTORY), "The pair of the number of accepted inputs and their hash."),
    acts("current-history", &[], Low::Op0(op::CURHISTORY), "The map of controllers to their last known entry."),
    // Reflection and reification. Spec 9 and 10.
    acts("reflect", &["object"], Low::Op1(op::REFLECT), "(just map) of what is known of the object, or nothing.").cap("reflect").maybe().of(),
    acts("scry-meta", &["query"], Low::Op1(op::SCRYMETA), "A page of the objects that fit the query.").cap("scry-meta").impure(),
    acts("scry-deep", &["query"], Low::Op1(op::SCRYDEEP), "A page of the objects that fit the query, with their code.").cap("scry-deep").impure(),
    acts("reify-context", &[], Low::Op0(op::REIFYCTX), "The map of self, input, sender, machine and controller."),
    acts("reify-tx", &[], Low::Op0(op::REIFYTX), "(just map) of what the transaction did so far, or nothing.").cap("reify-tx").maybe(),
    acts("reify-constraints", &[], Low::Op0(op::REIFYFD), "The map of the constraint store.").cap("reify-fd"),
    // Transactions. Spec 11.
    acts("begin-tx", &["controller"], Low::Window(op::BEGINTX, &[Slot::Maybe(0), Slot::Key(0)]), "Begins a transaction, at a controller or at that of the first object it meets.").needs(0).keys(&["at"]).role(Role::Begin).authority(Authority::Begins),
    acts("begin-multi", &["controllers"], Low::Op1(op::BEGINMULTI), "Begins a transaction at a list of controllers.").cap("multi-ctl").role(Role::Begin),
    acts("commit-tx", &["tx"], Low::Op1(op::COMMITTX), "Commits the transaction; false if it could not.").role(Role::End),
    acts("abort-tx", &["tx"], Low::Op1(op::ABORTTX), "Drops the transaction.").role(Role::End),
    // Registered pure functions. Spec 12.
    acts("pure-call", &["name", "arg..."], Low::Window(op::CALLPURE, &[Slot::Arg(0), Slot::Rest(1)]), "(just value) of a registered function, or nothing.").needs(1).maybe(),
    acts("register-pure!", &["name", "code"], Low::Window(op::REGPURE, AB), "Registers a pure function: code, or the name of one of this module.").cap("pure-register"),
    acts("update-pure!", &["name", "code"], Low::Window(op::UPDPURE, &[Slot::Arg(0), Slot::Arg(1), Slot::Key(0)]), "Replaces a registered function by code, or by one of this module by name, if it is at the expected version.").keys(&["expect"]),
    // Machines and controllers. Spec 13 and 14.
    acts("machine-of", &["object"], Low::Op1(op::GETMACHINE), "(just machine) of the object, or nothing.").impure().maybe().choice(Choice::Refuses),
    acts("teleport!", &["machine"], Low::Op1(op::TELEPORT), "Moves the running program to that machine; true.").role(Role::Outside("teleport-tx")),
    acts("move!", &["object", "machine"], Low::Window(op::MOVE, AB), "Moves the object to that machine; true.").touches(),
    acts("fetch!", &["object"], Low::Op1(op::FETCH), "Makes or renews the replica of the object on this machine.").impure().choice(Choice::Refuses),
    acts("current-controller", &[], Low::Op0(op::CURCTL), "(just controller) of the transaction, or nothing.").maybe(),
    acts("controller-of", &["object"], Low::Op1(op::GETCTL), "(just controller) of the object, or nothing.").maybe().touches(),
    acts("transfer!", &["object", "controller"], Low::Window(op::TRANSFER, AB), "Gives the object to that controller; true.").of().authority(Authority::Gives),
    acts("freeze!", &["object"], Low::Op1(op::FREEZE), "Merges the replicas of the object: (just #t), (just #f), or nothing without a controller.").maybe().choice(Choice::Refuses),
    // Finite domains. Spec 16. Not supported by the machine yet, nor is what follows.
    acts("fd-var-in", &["domain"], Low::Op1(op::NEWVAR), "A variable with that list as its domain.").choice(Choice::Refuses),
    acts("fd-narrow!", &["var", "domain"], Low::Window(op::NARROW, AB), "Intersects the domain of a variable with a list.").choice(Choice::Refuses),
    acts("fd-constraint!", &["kind", "arg..."], Low::Window(op::POST, &[Slot::Rest(0)]), "Adds a constraint: its kind, a symbol, and its operands.").needs(1),
    acts("fd-label!", &["var"], Low::Op1(op::LABEL), "The first value of the variable that does not fail."),
    acts("fd-domain", &["var"], Low::Op1(op::FDDOM), "The domain of a variable."),
    acts("fd-push", &[], Low::Op0(op::FDPUSH), "Opens a choice point; its level."),
    acts("fd-pop", &["level"], Low::Op1(op::FDPOP), "Restores the store as it was at that level."),
    acts("fd-solve", &["vars"], Low::Window(op::FDSOLVE, &[Slot::Arg(0), Slot::Flag(0), Slot::Key(1)]), "Searches values for the variables: (just values) or nothing.").keys(&["first-fail?", "limit"]).maybe(),
    // Choices and requirements. Spec 17 and 19.
    acts("choose", &["option..."], Low::Window(op::CHOOSE, &[Slot::Rest(0)]), "One of the options, chosen at commit.").needs(1).impure().choice(Choice::Gives),
    acts("choose-from", &["options"], Low::Op1(op::CHOOSE), "One of a list of options, chosen at commit.").impure().choice(Choice::Gives),
    acts("choose-weighted", &["option..."], Low::Window(op::CHOOSEW, &[Slot::Rest(0)]), "One of the options, each a pair with its weight.").needs(1).impure().choice(Choice::Gives),
    acts("require", &["condition"], Low::Op1(op::REQUIRE), "Requires that the condition holds at commit."),
    acts("require-msc", &["query"], Low::Op1(op::REQMSC), "Requires that the messages fit the query at commit."),
    // Linear constraints. Spec 18.
    acts("use-once", &["object", "pattern"], Low::Window(op::LINNEW, AB), "Requires one accepted call of the object with such an input.").linear(Linear::Creates),
    acts("satisfy!", &["constraint"], Low::Op1(op::LINSAT), "Marks a linear constraint as satisfied.").linear(Linear::Satisfies),
    acts("delta", &["kind", "n"], Low::Window(op::DELTA, AB), "Adds n to the balance of a kind, which is 0 at commit."),
    // Composition. Spec 20.
    acts("compose", &["segment..."], Low::Window(op::COMPOSE, &[Slot::Rest(0)]), "Runs the segments as one transaction.").needs(1).keys(&["controllers"]).cap("solver"),
    acts("segment", &["program", "arg..."], Low::Later, "A segment of a composition.").needs(1).keys(&["optional?"]),
    acts("gas-limit!", &["n"], Low::Later, "Limits the gas of what follows."),
    acts("drop-caps!", &["caps"], Low::Later, "Gives up capabilities for what follows."),
];
