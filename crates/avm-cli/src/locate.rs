//! From a point to a state: the run is executed from its beginning.
//!
//! A run is cut into spans. The genesis span is what happens before the first input; the span of
//! input N begins with the step that takes it and ends when the machine halts or would take
//! input N + 1.

use crate::context::Context;
use crate::error::{self, CliError};
use crate::log::Log;
use crate::point::{InputRef, Point, StepRef};
use crate::registry::{Condition, Search};
use crate::session::Session;

/// A part of a run: a session at its start, and how many steps it has.
pub struct Part<'a> {
    /// The session, which may take the inputs of the part and no others.
    pub session: Session<'a>,
    /// Steps in it.
    pub steps: u64,
}

/// Which span a point is in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Span {
    /// The whole run.
    Run,
    /// Before the first input.
    Genesis,
    /// Of an input.
    Input(u64),
}

/// The state at a point.
///
/// # Errors
/// If the run has no such moment.
pub fn state<'a>(ctx: &'a Context, log: &'a Log, point: &Point) -> Result<Session<'a>, CliError> {
    if *point
        == (Point {
            log: point.log.clone(),
            ..Point::of(Some(InputRef::Genesis), None)
        })
    {
        return Session::genesis(ctx, log);
    }
    if let (None, Some(_)) = (point.step, &log.store)
        && let Span::Input(input) = span_of(ctx, log, point)?
    {
        // A checkpoint may be at the very end of the input.
        let session = Session::nearest(ctx, log, input + 1)?;
        if session.place().1 == input + 1 {
            return Ok(session);
        }
    }
    let mut session = start_of(ctx, log, point)?;
    match point.step {
        None => drop(session.finish()?),
        Some(step) => walk(&mut session, point, step)?,
    }
    Ok(session)
}

/// What a point stands for when a part of the run is asked for: the step it names, or the whole
/// span if it names none.
///
/// # Errors
/// If the run has no such moment.
pub fn part<'a>(ctx: &'a Context, log: &'a Log, point: &Point) -> Result<Part<'a>, CliError> {
    let mut session = start_of(ctx, log, point)?;
    if let Some(step) = point.step {
        walk(&mut session, point, step)?;
        return Ok(Part { session, steps: 1 });
    }
    let mut run = session.fork();
    run.finish()?;
    let steps = run.place().0 - session.place().0;
    Ok(Part { session, steps })
}

/// All that happens from one point to another.
///
/// # Errors
/// If the run has no such moments, or the second is earlier.
pub fn between<'a>(
    ctx: &'a Context,
    log: &'a Log,
    from: &Point,
    to: &Point,
) -> Result<Part<'a>, CliError> {
    let mut session = state(ctx, log, from)?;
    let target = state(ctx, log, to)?;
    session.most = target.most;
    let steps = target.place().0.checked_sub(session.place().0);
    let steps = steps.ok_or_else(|| backward(from, to))?;
    Ok(Part { session, steps })
}

/// The error of a range whose end comes first.
pub fn backward(from: &Point, to: &Point) -> CliError {
    let message = format!("`{to}` is before `{from}`");
    CliError::new(&crate::codes::RANGE_BACKWARD, message).point(from.to_string())
}

/// The numbers of the inputs that a range or point covers, from its first to its last.
///
/// # Errors
/// If the range ends before it begins, or names inputs that the log does not have.
pub fn inputs(log: &Log, from: &Point, to: &Point) -> Result<std::ops::Range<u64>, CliError> {
    let len = log.inputs.len() as u64;
    let number = |point: &Point| match point.input {
        Some(InputRef::At(n)) if n < len => Ok(n),
        Some(InputRef::Back(n)) if n <= len => Ok(len - n),
        Some(InputRef::Genesis) | None => Ok(0),
        Some(InputRef::Latest | InputRef::Final) => Ok(len.saturating_sub(1)),
        Some(InputRef::Height(_) | InputRef::Tx(_)) => searched(log, point),
        Some(_) => Err(beyond(point, len)),
    };
    let (first, last) = (number(from)?, number(to)?);
    if last < first {
        return Err(backward(from, to));
    }
    Ok(first..(last + 1).min(len))
}

fn beyond(point: &Point, len: u64) -> CliError {
    let message = match len {
        0 => String::from("there are no inputs"),
        1 => String::from("there is one input, @0"),
        _ => format!("there are {len} inputs, @0 to @{}", len - 1),
    };
    error::point_missing(&point.to_string(), message).with("inputs", len)
}

/// The number of the input that a point names by what is in it.
fn searched(log: &Log, point: &Point) -> Result<u64, CliError> {
    let (image, inputs) = (&log.program.image, &log.inputs);
    let (search, what) = match point.input {
        Some(InputRef::Height(height)) => {
            let search = log.machine.at_height(image, inputs, height);
            (search, "a block of this height")
        }
        Some(InputRef::Tx(txid)) => {
            let search = log.machine.with_tx(image, inputs, &txid);
            (search, "a block with this transaction")
        }
        _ => return Err(beyond(point, inputs.len() as u64)),
    };
    match search {
        Search::Found(input) => Ok(input),
        Search::Missing => {
            let many = crate::output::count(&inputs.len().to_string(), "input");
            let message = format!("no input is {what}; there are {many}");
            Err(error::point_missing(&point.to_string(), message))
        }
        Search::Unsupported => {
            let id = log.machine.vm(0).id();
            let message = format!("the inputs of `{id}` are no blocks, so none of them is {what}");
            Err(error::point_unsupported(message).point(point.to_string()))
        }
    }
}

fn span_of(ctx: &Context, log: &Log, point: &Point) -> Result<Span, CliError> {
    let from_the_end = |back: u64| -> Result<Span, CliError> {
        let recorded = log.recorded.last().filter(|_| log.store.is_some());
        if let Some(taken) = recorded.map(|claim| claim.inputs)
            && taken >= back
        {
            return Ok(Span::Input(taken - back));
        }
        let mut session = Session::genesis(ctx, log)?;
        session.allow_all();
        session.finish()?;
        let taken = session.place().1;
        match (taken.checked_sub(back), taken) {
            (Some(input), _) => Ok(Span::Input(input)),
            (None, 0) if matches!(point.input, Some(InputRef::Latest | InputRef::Final)) => {
                Ok(Span::Genesis)
            }
            (None, _) => Err(beyond(point, taken)),
        }
    };
    match point.input {
        None => Ok(Span::Run),
        Some(InputRef::Genesis) => Ok(Span::Genesis),
        Some(InputRef::At(n)) if n < log.inputs.len() as u64 => Ok(Span::Input(n)),
        Some(InputRef::At(_)) => Err(beyond(point, log.inputs.len() as u64)),
        Some(InputRef::Back(back)) => from_the_end(back),
        Some(InputRef::Height(_) | InputRef::Tx(_)) => searched(log, point).map(Span::Input),
        // Without steps the end of the run is the end of its last span.
        Some(InputRef::Latest | InputRef::Final) => from_the_end(1),
    }
}

/// A session at the start of the point's span, which may take the inputs of that span.
///
/// # Errors
/// If the run has no such span.
pub fn start_of<'a>(
    ctx: &'a Context,
    log: &'a Log,
    point: &Point,
) -> Result<Session<'a>, CliError> {
    let span = span_of(ctx, log, point)?;
    let mut session = match span {
        Span::Input(input) => Session::nearest(ctx, log, input)?,
        Span::Run | Span::Genesis => Session::genesis(ctx, log)?,
    };
    match span {
        Span::Run => session.allow_all(),
        Span::Genesis => {}
        Span::Input(input) => {
            session.most = input;
            session.finish()?;
            if session.place().1 < input || session.running.condition() != Condition::Running {
                return Err(not_taken(&session, point, input));
            }
            session.most = input + 1;
            session.begin_span();
        }
    }
    Ok(session)
}

fn not_taken(session: &Session<'_>, point: &Point, input: u64) -> CliError {
    let (steps, taken) = session.place();
    let message = format!(
        "input {input} was never taken: the machine {} after {steps} steps, with {taken} inputs taken",
        session.running.condition().verb(),
    );
    error::point_missing(&point.to_string(), message)
        .with("steps", steps)
        .with("inputs", taken)
}

/// Goes to a step of the span that the session is at the start of.
fn walk(session: &mut Session<'_>, point: &Point, step: StepRef) -> Result<(), CliError> {
    let from = session.place().0;
    match step {
        StepRef::First => walk(session, point, StepRef::At(0)),
        StepRef::Last => walk(session, point, StepRef::Back(1)),
        StepRef::At(n) => {
            session.run(n)?;
            let went = session.place().0 - from;
            if went < n {
                return Err(too_few(point, went));
            }
            Ok(())
        }
        StepRef::Back(n) => {
            let mut run = session.fork();
            run.finish()?;
            let len = run.place().0 - from;
            drop(run);
            let n = len.checked_sub(n).ok_or_else(|| too_few(point, len))?;
            session.run(n)?;
            Ok(())
        }
        StepRef::Fail => {
            let mut run = session.fork();
            let mut steps = 0;
            while let Some(step) = run.step(0)? {
                if step.fault.is_some() {
                    session.run(steps)?;
                    return Ok(());
                }
                steps += 1;
            }
            let message = format!("none of its {steps} steps faults");
            Err(error::point_missing(&point.to_string(), message))
        }
    }
}

fn too_few(point: &Point, len: u64) -> CliError {
    let what = match point.input {
        None => "the run has",
        Some(InputRef::Genesis) => "before the first input there are",
        Some(_) => "the span of this input has",
    };
    let message = format!("{what} {len} steps");
    error::point_missing(&point.to_string(), message).with("steps", len)
}
