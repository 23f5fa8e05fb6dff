//! The opcode table: one row an opcode. The verifier, the listing and the documentation follow
//! from the rows; the engine takes names, gas and capabilities from them.
//!
//! The machine has registers, so a row has no stack operands: its [`Form`] says what `a`, `b` and
//! `c` are. In the doc lines A, B and C are the *contents* of the registers that `a`, `b` and `c`
//! name, and B1, B2 the contents of the registers after `b`. The result goes to register `a`.
//!
//! Where the specification leaves an operand open, this table is the rule:
//!
//! - indexes count from 0; a range is `from` inclusive to `to` exclusive; an index or range that
//!   does not fit, and an operand of another kind, is the error `type/mismatch`;
//! - only the Bool false is false in a condition;
//! - `div` truncates toward zero and `mod` has the sign of the divisor, as `quotient` and `modulo`
//!   do in Scheme;
//! - text is measured in Unicode scalar values, bytes in octets;
//! - a record is a list whose first item is its tag.
//!
//! Gas is that of spec section 22. "bytes/32" counts the bytes that an instruction writes or looks
//! through, not those it shares: a list shares its tail, so a step of a loop that builds a list
//! costs the same however long the list is. A wide Int is one outside of 64 bits; its digits are
//! of 64 bits.

use avm_isa::{Info, op};

use super::op::*;
use Cap::{Declared, Granted};
use Family::{
    Arithmetic, Choice, Compose, Constraint, Context, Control, Controller, Data, Linear, Location,
    Object, Pure, Reflection, Reification, Transaction,
};
use Form::{
    Branch, CallClosure, CallFunction, Capture, Closure, Const, Dest, Field, From1, From2, From3,
    Guard, IfConst, Jump, None as Bare, Number, Plus, Range, Refused, TailClosure, TailFunction,
    Two, Type, Use,
};

/// A row of the table.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Row {
    /// Code, name, gas and one sentence. Its stack columns are empty.
    pub info: Info,
    /// How the operand bytes are used.
    pub form: Form,
    /// Which part of the instruction set it belongs to.
    pub family: Family,
    /// Whether it leaves a mark outside of its registers - state, an output, an event - or may
    /// wait. One that only reads what is outside does not.
    pub effect: bool,
    /// Whether a pure function may use it: its result depends on its operands alone.
    pub pure: bool,
    /// Whether engines run it.
    pub scope: Scope,
    /// The capability it needs.
    pub cap: Cap,
}

impl core::ops::Deref for Row {
    type Target = Info;

    fn deref(&self) -> &Info {
        &self.info
    }
}

/// How an instruction uses its operand bytes. A byte that a form does not name is zero.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Form {
    /// No operands.
    None,
    /// Writes `a`.
    Dest,
    /// Reads `a`.
    Use,
    /// Writes `a`, reads `b`.
    From1,
    /// Writes `a`, reads `b` and `b + 1`.
    From2,
    /// Writes `a`, reads `b`, `b + 1` and `b + 2`.
    From3,
    /// Writes `a`, reads `b` and `c`.
    Two,
    /// Writes `a`, reads the `c` registers from `b` on; `c` may be 0.
    Range,
    /// Writes `a`, reads `b`; `c` is a signed number.
    Plus,
    /// Writes `a`, reads `b`; `c` is the tag byte of a kind of value.
    Type,
    /// Writes `a`, reads `b`; `c` is an index.
    Field,
    /// Writes `a`; `bx` is the index of a constant.
    Const,
    /// Writes `a`; `sbx` is a number.
    Number,
    /// Writes `a`; `b` is the index of a captured value.
    Capture,
    /// Jumps by `sbx`.
    Jump,
    /// Reads `a`, may jump by `sbx`.
    Branch,
    /// Reads `a`; `b` is the index of a constant; may skip `c` words.
    IfConst,
    /// Installs a handler at `sbx`, which finds the error in `a`.
    Guard,
    /// Calls function `bx` with arguments from `a` on; the result is in `a`, and the registers
    /// after `a` are undefined.
    CallFunction,
    /// Continues as function `bx` with arguments from `a` on.
    TailFunction,
    /// Writes `a`; function `bx` captures the values from `a` on.
    Closure,
    /// Calls the closure in `b` with `c` arguments from `b + 1` on; the result is in `a`, and the
    /// other registers after `b` are undefined.
    CallClosure,
    /// Continues as the closure in `b` with `c` arguments from `b + 1` on.
    TailClosure,
    /// The verifier refuses it.
    Refused,
}

/// A part of the instruction set.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Family {
    /// Moves, jumps, calls, errors. Spec: 25.3.
    Control,
    /// Int, Bool and order. Spec: 25.3.
    Arithmetic,
    /// Lists, maps, text, Maybe. Spec: 25.3.
    Data,
    /// Objects and messages. Spec: 7.
    Object,
    /// What a running activation knows. Spec: 8.
    Context,
    /// Looking at others. Spec: 9.
    Reflection,
    /// Execution contexts as values. Spec: 10.
    Reification,
    /// Transactions. Spec: 11.
    Transaction,
    /// The registry of pure functions. Spec: 12.
    Pure,
    /// Machines. Spec: 13.
    Location,
    /// Controllers. Spec: 14.
    Controller,
    /// Finite domains. Spec: 16.
    Constraint,
    /// Choices and requirements. Spec: 17 and 19.
    Choice,
    /// Linear constraints. Spec: 18.
    Linear,
    /// Composition. Spec: 20.
    Compose,
}

/// Whether an instruction can run.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// It runs.
    Now,
    /// It has its place and its form; running it is the error `unsupported`, for now.
    Later,
    /// It has its place alone: the verifier refuses it.
    Reserved,
}

/// The capability that an instruction needs. Spec: 5.2.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Cap {
    /// None.
    None,
    /// One that programs have unless it is taken away; a module need not declare it.
    Granted(&'static str),
    /// One that a module must declare.
    Declared(&'static str),
}

/// Every capability, in order. Spec: 5.2.
pub const CAPS_KNOWN: &[&str] = &[
    "move",
    "multi-ctl",
    "pure-register",
    "pure-update",
    "reflect",
    "reify-fd",
    "reify-tx",
    "scry-deep",
    "scry-meta",
    "solver",
    "teleport",
    "teleport-tx",
    "transfer",
];

/// The tag byte of closures, which are no values; `istype` tells them, too.
pub const TAG_CLOSURE: u8 = 0x20;

/// Whether `tag` is the tag byte of a kind of value for `istype`: a tag of the canonical encoding,
/// with 02 for both Bools, or [`TAG_CLOSURE`].
#[must_use]
pub const fn is_type_tag(tag: u8) -> bool {
    matches!(tag, 0x00..=0x02 | 0x04..=0x0a | 0x10..=0x17 | TAG_CLOSURE)
}

const fn row(info: Info, form: Form, family: Family) -> Row {
    Row {
        info,
        form,
        family,
        effect: false,
        pure: false,
        scope: Scope::Now,
        cap: Cap::None,
    }
}

/// Computes with its operands alone.
const fn pure(info: Info, form: Form, family: Family) -> Row {
    let mut row = row(info, form, family);
    row.pure = true;
    row
}

/// Reads what is outside.
const fn reads(info: Info, form: Form, family: Family) -> Row {
    row(info, form, family)
}

/// Leaves a mark outside.
const fn acts(info: Info, form: Form, family: Family) -> Row {
    let mut row = row(info, form, family);
    row.effect = true;
    row
}

/// Will leave a mark outside.
const fn later(info: Info, form: Form, family: Family) -> Row {
    let mut row = acts(info, form, family);
    row.scope = Scope::Later;
    row
}

/// Has its place alone.
const fn reserved(info: Info, family: Family) -> Row {
    let mut row = row(info, Refused, family);
    row.scope = Scope::Reserved;
    row
}

impl Row {
    const fn cap(mut self, cap: Cap) -> Self {
        self.cap = cap;
        self
    }
}

const WRITTEN: &str = "bytes/32 of the value";
const WIDE: &str = "digits of wide operands";

/// Every opcode, in order.
#[rustfmt::skip]
pub const ROWS: &[Row] = &[
    pure(op(NOP, "nop").gas(1).doc("Does nothing; marks a point between the top-level steps of a program."), Bare, Control),
    reserved(op(EXT, "ext").doc("Reserved for operands of 16 bits."), Control),
    pure(op(MOV, "mov").gas(1).doc("B."), From1, Control),
    pure(op(LOADK, "loadk").gas(1).doc("Constant bx."), Const, Control),
    pure(op(LOADI, "loadi").gas(1).doc("The Int sbx."), Number, Control),
    pure(op(LOADNIL, "loadnil").gas(1).doc("Nothing."), Dest, Control),
    pure(op(LOADT, "loadt").gas(1).doc("True."), Dest, Control),
    pure(op(LOADF, "loadf").gas(1).doc("False."), Dest, Control),
    pure(op(JMP, "jmp").gas(1).doc("Jumps by sbx from the next word."), Jump, Control),
    pure(op(JT, "jt").gas(1).doc("Jumps unless A is false."), Branch, Control),
    pure(op(JF, "jf").gas(1).doc("Jumps if A is false."), Branch, Control),
    pure(op(JNOTHING, "jnothing").gas(1).doc("Jumps if A is Nothing."), Branch, Control),
    pure(op(JEQK, "jeqk").gas_plus(1, "bytes/32 compared").doc("Skips the next c words if A equals constant b."), IfConst, Control),
    reserved(op(SWITCH, "switch").doc("Reserved for jumps through a table."), Control),
    pure(op(CALLF, "callf").gas(2).doc("Calls function bx, which has no captured values, with arguments from a on; a rest parameter is passed as a list. The registers after a are undefined afterwards."), CallFunction, Control),
    pure(op(TAILF, "tailf").gas(2).doc("Continues as function bx, which has no captured values, with arguments from a on."), TailFunction, Control),
    pure(op(RET, "ret").gas(1).doc("Returns A; at the root of a program A is its value, at the root of a behaviour it ends the activation."), Use, Control),
    pure(op(CLOSURE, "closure").gas_plus(1, "1 per 2 captured values").doc("A closure of function bx with as many values captured from a on as the function wants."), Closure, Control),
    pure(op(CALLC, "callc").gas(2).doc("Calls the closure B with the c arguments from b + 1 on; arguments of a rest parameter become a list. The registers after b but a are undefined afterwards. Error type/mismatch if B is no closure or takes another number of arguments."), CallClosure, Control),
    pure(op(TAILC, "tailc").gas(2).doc("Continues as the closure B with the c arguments from b + 1 on, like callc."), TailClosure, Control),
    pure(op(CAPT, "capt").gas(1).doc("Captured value b of the running function."), Capture, Control),
    pure(op(GUARD, "guard").gas(1).doc("Pushes a handler: on an error before its unguard, also in a callee, the frames above are dropped, the error value is put in a and execution continues at sbx from the next word."), Guard, Control),
    pure(op(UNGUARD, "unguard").gas(1).doc("Pops the innermost handler."), Bare, Control),
    pure(op(RAISE, "raise").gas(1).doc("Raises: a list that begins with the Str error is raised as the error it describes, any other A is error user/raise with field A."), Use, Control),
    acts(op(REJECT, "reject").gas(1).doc("Ends the activation and undoes what it did; A is the reason."), Use, Control),
    acts(op(REPLY, "reply").gas(1).doc("Appends A to the outputs of the activation."), Use, Control),
    acts(op(END, "end").gas(1).doc("Ends the activation; the value of a program is Nothing."), Bare, Control),

    pure(op(ADD, "add").gas_plus(1, WIDE).doc("B + C; error arith/overflow outside of -2^255 to 2^255 - 1."), Two, Arithmetic),
    pure(op(SUB, "sub").gas_plus(1, WIDE).doc("B - C; error arith/overflow."), Two, Arithmetic),
    pure(op(MUL, "mul").gas_plus(1, WIDE).doc("B * C; error arith/overflow."), Two, Arithmetic),
    pure(op(DIV, "div").gas_plus(1, WIDE).doc("B / C truncated toward zero; error arith/div-zero, or arith/overflow for -2^255 / -1."), Two, Arithmetic),
    pure(op(MOD, "mod").gas_plus(1, WIDE).doc("B modulo C with the sign of C; error arith/div-zero."), Two, Arithmetic),
    pure(op(NEG, "neg").gas_plus(1, WIDE).doc("-B; error arith/overflow."), From1, Arithmetic),
    pure(op(LT, "lt").gas_plus(1, WIDE).doc("Whether B < C, of Ints."), Two, Arithmetic),
    pure(op(LE, "le").gas_plus(1, WIDE).doc("Whether B <= C, of Ints."), Two, Arithmetic),
    pure(op(EQ, "eq").gas_plus(1, "bytes/32 compared").doc("Whether B and C are the same, of any kinds; closures are if their functions and captured values are."), Two, Arithmetic),
    pure(op(NOT, "not").gas(1).doc("True if B is false, else false."), From1, Arithmetic),
    pure(op(MIN, "min").gas_plus(1, WIDE).doc("The smaller of the Ints B and C."), Two, Arithmetic),
    pure(op(MAX, "max").gas_plus(1, WIDE).doc("The larger of the Ints B and C."), Two, Arithmetic),
    pure(op(VALLT, "vallt").gas_plus(1, "bytes/32 compared").doc("Whether B comes before C in the total order of values; error val/not-passable for a closure."), Two, Arithmetic),
    pure(op(ADDI, "addi").gas_plus(1, WIDE).doc("B + c, with c from -128 to 127; error arith/overflow."), Plus, Arithmetic),

    pure(op(CONS, "cons").gas(1).doc("The list C with B before it; the pair of B and C if C is no list."), Two, Data),
    pure(op(CAR, "car").gas(1).doc("The first item of a list or pair B."), From1, Data),
    pure(op(CDR, "cdr").gas(1).doc("The list B without its first item; the second item of a pair."), From1, Data),
    pure(op(LIST, "list").gas_plus(1, "1 per 2 items").doc("The list of the c values from b on."), Range, Data),
    pure(op(LEN, "len").gas_plus(1, "bytes/32 of a text").doc("Length of B: items of a list, entries of a map, characters of a Str or Sym, octets of Bytes."), From1, Data),
    pure(op(REF, "ref").gas_plus(1, "1 per 16 items before it").doc("Item C of the list B; octet C of Bytes as an Int."), Two, Data),
    pure(op(SET, "set").gas_plus(1, "1 per 2 items up to it").doc("The list B with B2 as item B1."), From3, Data),
    pure(op(APPEND, "append").gas_plus(1, "1 per 2 items of B").doc("The list B followed by the list C."), Two, Data),
    pure(op(REV, "rev").gas_plus(1, "1 per 2 items").doc("The list B from its end to its start."), From1, Data),
    pure(op(CONCAT, "concat").gas_plus(1, WRITTEN).doc("B followed by C, both Str or both Bytes."), Two, Data),
    pure(op(SUBSTR, "substr").gas_plus(1, "bytes/32 of B").doc("Characters of the Str B, or octets of Bytes, from B1 to B2."), From3, Data),
    pure(op(JUST, "just").gas(1).doc("Just B."), From1, Data),
    pure(op(UNJUST, "unjust").gas(1).doc("What is in the Just B; error type/mismatch for Nothing, too."), From1, Data),
    pure(op(ISTYPE, "istype").gas(1).doc("Whether B is of the kind c: its tag in the canonical encoding, 02 for both Bools, 20 for closures."), Type, Data),
    pure(op(MAPGET, "mapget").gas_plus(1, "bytes/32 compared").doc("Just the value at key C of the map B, else Nothing."), Two, Data),
    pure(op(MAPPUT, "mapput").gas_plus(1, "1 per entry, bytes/32 compared").doc("The map B with B2 at key B1."), From3, Data),
    pure(op(MAPDEL, "mapdel").gas_plus(1, "1 per entry, bytes/32 compared").doc("The map B without key C."), Two, Data),
    pure(op(MAPKEYS, "mapkeys").gas_plus(1, "1 per 2 entries").doc("The keys of the map B in their order, as a list."), From1, Data),
    pure(op(HASH, "hash").gas_plus(1, WRITTEN).doc("The Hash of B: SHA-256 of avm/val and its canonical encoding; error val/not-passable for a closure."), From1, Data),
    pure(op(SLICE, "slice").gas_plus(1, "1 per 16 items before it, 1 per 2 items of it").doc("Items of the list B from B1 to B2."), From3, Data),
    pure(op(SORT, "sort").gas_plus(1, "1 per item and bit of their number").doc("The list B in the total order of values; equal items stay as they are. Error val/not-passable for a closure."), From1, Data),
    pure(op(TOSTR, "tostr").gas_plus(1, WRITTEN).doc("An Int in decimal, a Sym as its text, or the Str B itself."), From1, Data),
    pure(op(TOINT, "toint").gas_plus(1, "bytes/32 of the text").doc("Just the Int that the Str B writes in decimal, a minus and digits alone; Nothing if it writes none or one outside of the range."), From1, Data),
    pure(op(RECORD, "record").gas_plus(1, "1 per 2 items").doc("The record of the c values from b on, its tag first: the list of them. Error type/mismatch if the first is no Sym."), Range, Data),
    pure(op(FIELD, "field").gas_plus(1, "1 per 16 items before it").doc("Item c of the record B; the tag is item 0."), Field, Data),

    acts(op(CREATE, "create").gas(200).doc("The new object of behaviour B, a Str, Sym or Code, with controller B1, a Maybe."), From2, Object),
    acts(op(DESTROY, "destroy").gas(50).doc("Destroys the object B; true."), From1, Object),
    acts(op(CALL, "call").gas_plus(50, "bytes/32 of the input, 500 if remote").doc("Calls the object B with input B1: Just its first output, Nothing if it has none or rejects."), From2, Object),
    acts(op(SEND, "send").gas(60).doc("Sends B1 to the object B and does not wait; Nothing."), From2, Object),
    acts(op(RECEIVE, "receive").gas(20).doc("Just the next message of the own mailbox. B is how long to wait: Nothing for ever, Just the milliseconds; then Nothing."), From1, Object),
    acts(op(CALLLOCAL, "calllocal").gas_plus(50, "bytes/32 of the input").doc("Calls the replica of the object B that is on this machine with input B1, as call does."), From2, Object),

    reads(op(SELF, "self").gas(1).doc("The object whose activation runs."), Dest, Context),
    reads(op(INPUT, "input").gas(1).doc("The message that is processed."), Dest, Context),
    reads(op(SENDER, "sender").gas(1).doc("Just the object that called; Nothing at the top."), Dest, Context),
    reads(op(HERE, "here").gas(1).doc("The machine of the frame."), Dest, Context),
    reads(op(GETSTATE, "getstate").gas_plus(5, WRITTEN).doc("The own state, a list; empty if it was never set."), Dest, Context),
    acts(op(SETSTATE, "setstate").gas_plus(20, WRITTEN).doc("Replaces the own state with the list B; Nothing. Error val/not-passable if it holds a closure."), From1, Context),
    reads(op(HISTORY, "history").gas(1).doc("The pair of the number of inputs the own object accepted and their rolling hash."), Dest, Context),
    reads(op(CURHISTORY, "curhistory").gas_plus(1, WRITTEN).doc("The map of known controllers to the pair of sequence number and hash of their last entry."), Dest, Transaction),

    acts(op(REFLECT, "reflect").gas(50).doc("Just the map of what is known of the object B, Nothing if there is none."), From1, Reflection).cap(Declared("reflect")),
    acts(op(SCRYMETA, "scrymeta").gas_plus(50, "5 per visit, 20 per result, bytes/32, the filter's own").doc("A page of the objects that query B describes, with what is known of them."), From1, Reflection).cap(Declared("scry-meta")),
    acts(op(SCRYDEEP, "scrydeep").gas_plus(50, "5 per visit, 20 per result, bytes/32, the filter's own").doc("A page of the objects that query B describes, with their code and what is known of them."), From1, Reflection).cap(Declared("scry-deep")),
    reads(op(REIFYCTX, "reifyctx").gas_plus(20, WRITTEN).doc("The map of self, input, sender, machine and controller."), Dest, Reification),
    acts(op(REIFYTX, "reifytx").gas_plus(20, WRITTEN).doc("Just the map of what the transaction did so far; Nothing outside of one."), Dest, Reification).cap(Declared("reify-tx")),
    acts(op(REIFYFD, "reifyfd").gas_plus(20, WRITTEN).doc("The map of the constraint store; an empty store outside of a transaction."), Dest, Reification).cap(Declared("reify-fd")),

    acts(op(BEGINTX, "begintx").gas(50).doc("Begins a transaction at controller B, a Maybe, at position B1, a Maybe of the pair of sequence number and hash; its Tx."), From2, Transaction),
    acts(op(COMMITTX, "committx").gas_plus(100, "20 per touched object, bytes/32").doc("Commits the transaction B; false if it could not and was dropped."), From1, Transaction),
    acts(op(ABORTTX, "aborttx").gas(20).doc("Drops the transaction B; Nothing."), From1, Transaction),
    later(op(BEGINMULTI, "beginmulti").gas(50).doc("Begins a transaction at the list of controllers B; its Tx."), From1, Transaction).cap(Declared("multi-ctl")),

    reads(op(CALLPURE, "callpure").gas_plus(10, "its own operations").doc("Just the value of the registered function B for the list of arguments B1; Nothing if there is none."), From2, Pure),
    acts(op(REGPURE, "regpure").gas_plus(20, WRITTEN).doc("Registers the pure function B with code B1 at version 0; true."), From2, Pure).cap(Declared("pure-register")),
    acts(op(UPDPURE, "updpure").gas_plus(20, WRITTEN).doc("Replaces the code of the pure function B with B1 if its version is B2, a Maybe; true."), From3, Pure).cap(Granted("pure-update")),

    reads(op(GETMACHINE, "getmachine").gas(5).doc("Just the machine of the object B; Nothing if there is no such object."), From1, Location),
    acts(op(TELEPORT, "teleport").gas_plus(1000, "bytes/32 of the continuation").doc("Moves the execution to machine B; true."), From1, Location).cap(Granted("teleport")),
    acts(op(MOVE, "move").gas_plus(500, "bytes/32 of the state").doc("Moves the object B to machine B1; true."), From2, Location).cap(Granted("move")),
    acts(op(FETCH, "fetch").gas_plus(500, "bytes/32 of the state").doc("Makes or renews a replica of the object B on this machine; false if there is no such object or the replica has inputs of its own."), From1, Location),

    reads(op(CURCTL, "curctl").gas(1).doc("Just the controller of the transaction; Nothing outside of one or before one is known."), Dest, Controller),
    acts(op(GETCTL, "getctl").gas(5).doc("Just the controller of the object B; Nothing if it has none or is not there. A transaction observes it."), From1, Controller),
    acts(op(TRANSFER, "transfer").gas_plus(500, "bytes/32 of the state").doc("Gives the object B to controller B1; true."), From2, Controller).cap(Granted("transfer")),
    acts(op(FREEZE, "freeze").gas_plus(500, "bytes/32 of the state, the replayed inputs' own").doc("Merges the replicas of the object B: Just whether it could, Nothing without a controller."), From1, Controller),

    later(op(NEWVAR, "newvar").gas_plus(5, "1 per 64 values").doc("A variable with the list B as its domain."), From1, Constraint),
    later(op(NARROW, "narrow").gas_plus(0, "1 per value examined, 2 per wake").doc("Intersects the domain of variable B with the list B1; false if a domain would be empty."), From2, Constraint),
    later(op(POST, "post").gas_plus(0, "1 per value examined, 2 per wake").doc("Adds the constraint B, a list of its name and operands; false if it cannot hold."), From1, Constraint),
    later(op(LABEL, "label").gas_plus(0, "1 per value examined, 2 per wake").doc("The first value of variable B that does not fail, which it keeps."), From1, Constraint),
    later(op(FDDOM, "fddom").gas_plus(0, "1 per value").doc("The domain of variable B."), From1, Constraint),
    later(op(FDPUSH, "fdpush").gas(1).doc("Opens a choice point; its level."), Dest, Constraint),
    later(op(FDPOP, "fdpop").gas(1).doc("Restores the store as it was at level B; Nothing."), From1, Constraint),
    later(op(FDSOLVE, "fdsolve").gas_plus(0, "1 per value examined, 2 per wake").doc("Searches values for the list of variables B with strategy B1 and at most B2 nodes: Just the list of values, or Nothing."), From3, Constraint),

    later(op(CHOOSE, "choose").gas_plus(10, "1 per option").doc("One of the list of options B, chosen at commit."), From1, Choice),
    later(op(CHOOSEW, "choosew").gas_plus(10, "1 per option").doc("One of the list B of pairs of option and weight, chosen at commit."), From1, Choice),
    later(op(REQUIRE, "require").gas(10).doc("Requires that B holds at commit; Nothing."), From1, Choice),
    later(op(REQMSC, "reqmsc").gas(10).doc("Requires that query B holds for the messages at commit; Nothing."), From1, Choice),
    later(op(LINNEW, "linnew").gas(10).doc("A linear constraint: one accepted call of the object B with an input like B1."), From2, Linear),
    later(op(LINSAT, "linsat").gas(10).doc("Marks the linear constraint B as satisfied by this activation; false if it is not about it."), From1, Linear),
    later(op(DELTA, "delta").gas(5).doc("Adds B1 to the balance of kind B, which is 0 at commit; Nothing."), From2, Linear),

    reserved(op(GASLIMIT, "gaslimit").doc("Reserved for limits of gas inside a program."), Control),
    reserved(op(CAPS, "caps").doc("Reserved for giving up capabilities inside a program."), Control),
    later(op(COMPOSE, "compose").gas(0).doc("Runs the list of segments B as one transaction."), From1, Compose).cap(Declared("solver")),
];

/// The rows by opcode. Does not compile if two rows share a code or a row has no doc line.
pub static TABLE: [Option<&Row>; 256] = index(ROWS);

const fn index(rows: &'static [Row]) -> [Option<&'static Row>; 256] {
    let mut table = [None; 256];
    let mut at = 0;
    while at < rows.len() {
        let row = &rows[at];
        assert!(!row.info.doc.is_empty(), "an opcode has no doc line");
        assert!(!row.info.name.is_empty(), "an opcode has no name");
        assert!(
            !(row.pure && row.effect),
            "a pure opcode leaves a mark outside"
        );
        assert!(
            at == 0 || rows[at - 1].info.code < row.info.code,
            "opcodes are in order, each once"
        );
        table[row.info.code as usize] = Some(row);
        at += 1;
    }
    table
}

/// The row of a code; `None` if the table has none.
#[must_use]
pub fn row_of(code: u8) -> Option<&'static Row> {
    TABLE[usize::from(code)]
}

/// The columns of every row, for documents, assemblers and traces.
pub fn infos() -> impl ExactSizeIterator<Item = Info> {
    ROWS.iter().map(|row| row.info)
}
