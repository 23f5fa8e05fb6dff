//! What the instructions of scenarios are in bytecode, and which of them the machine lacks.

use avm_anoma::code::op;

use super::scenario::Scenario;

/// How an argument of a scenario's instruction becomes an operand.
#[derive(Clone, Copy)]
pub(super) enum Argument {
    /// A value.
    Value,
    /// `null` for Nothing, or the content of a Just. It may be left out.
    Maybe,
    /// What a search looks for.
    Query,
    /// An expression that becomes a pure function.
    Code,
    /// Nothing, which the scenario does not say.
    Nothing,
    /// Not to wait at all, which the scenario does not say.
    NoWait,
}

/// An instruction in bytecode.
pub(super) struct Instruction {
    /// Its name in scenarios.
    pub(super) name: &'static str,
    /// Its opcode.
    pub(super) code: u8,
    /// Its operands.
    pub(super) arguments: &'static [Argument],
}

const fn row(name: &'static str, code: u8, arguments: &'static [Argument]) -> Instruction {
    Instruction {
        name,
        code,
        arguments,
    }
}

use Argument::{Code, Maybe, NoWait, Nothing, Query, Value};

/// Every instruction, but `raise` and `history`, which take more than one word.
#[rustfmt::skip]
pub(super) const INSTRUCTIONS: &[Instruction] = &[
    row("createObj", op::CREATE, &[Value, Maybe]),
    row("destroyObj", op::DESTROY, &[Value]),
    row("call", op::CALL, &[Value, Value]),
    row("callLocal", op::CALLLOCAL, &[Value, Value]),
    row("send", op::SEND, &[Value, Value]),
    row("receive", op::RECEIVE, &[NoWait]),
    row("self", op::SELF, &[]),
    row("input", op::INPUT, &[]),
    row("sender", op::SENDER, &[]),
    row("getCurrentMachine", op::HERE, &[]),
    row("getState", op::GETSTATE, &[]),
    row("setState", op::SETSTATE, &[Value]),
    row("currentHistory", op::CURHISTORY, &[]),
    row("reflect", op::REFLECT, &[Value]),
    row("scryMeta", op::SCRYMETA, &[Query]),
    row("scryDeep", op::SCRYDEEP, &[Query]),
    row("reifyContext", op::REIFYCTX, &[]),
    row("reifyTxState", op::REIFYTX, &[]),
    row("reifyConstraints", op::REIFYFD, &[]),
    row("beginTx", op::BEGINTX, &[Maybe, Nothing]),
    row("beginMulti", op::BEGINMULTI, &[Value]),
    row("commitTx", op::COMMITTX, &[Value]),
    row("abortTx", op::ABORTTX, &[Value]),
    row("callPure", op::CALLPURE, &[Value, Value]),
    row("registerPure", op::REGPURE, &[Value, Code]),
    row("updatePure", op::UPDPURE, &[Value, Code, Maybe]),
    row("getMachine", op::GETMACHINE, &[Value]),
    row("teleport", op::TELEPORT, &[Value]),
    row("moveObject", op::MOVE, &[Value, Value]),
    row("fetch", op::FETCH, &[Value]),
    row("getCurrentController", op::CURCTL, &[]),
    row("getController", op::GETCTL, &[Value]),
    row("transferObject", op::TRANSFER, &[Value, Value]),
    row("freeze", op::FREEZE, &[Value]),
];

/// Instructions that the machine does not run yet, whatever the scenario is about.
const LATER: &[&str] = &[
    "newVar",
    "narrow",
    "post",
    "label",
    "fdDomain",
    "fdPush",
    "fdPop",
    "fdSolve",
    "choose",
    "chooseWeighted",
    "require",
    "newLinearConstraint",
    "satisfyLinear",
    "delta",
];

/// Why a scenario is left for later, if it is.
pub(super) fn later(scenario: &Scenario<'_>) -> Option<String> {
    if scenario.composed {
        return Some("composition is not supported yet".into());
    }
    let missing = scenario.instructions().into_iter().find(|name| {
        // Without the capability it is refused before anything else, which the machine does.
        let multi = *name == "beginMulti" && scenario.has_cap("multi-ctl");
        multi || LATER.contains(name)
    })?;
    Some(format!("`{missing}` is not supported yet"))
}
