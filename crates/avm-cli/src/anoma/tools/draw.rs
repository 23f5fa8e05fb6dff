//! Charts as text: Mermaid sequence diagrams and Graphviz graphs.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;

use avm_anoma::chart::{Arrow, ArrowKind, Chart, Moment, OUTSIDE, What};
use avm_anoma::event::EventKind;
use avm_anoma::value::{TxId, Val, clip};
use avm_core::Hash;

/// Most bytes of a value.
const VALUE: usize = 60;

/// What a chart does not say.
#[derive(Default)]
pub(crate) struct Names {
    /// Names of programs by execution.
    pub(crate) programs: BTreeMap<u64, String>,
    /// Behaviours of objects that were there before, by party.
    pub(crate) behaviours: BTreeMap<usize, String>,
}

/// A chart on its way to text.
pub(crate) struct Drawing<'a> {
    chart: &'a Chart,
    names: &'a Names,
    /// Whether what was undone is shown, too.
    audit: bool,
}

impl<'a> Drawing<'a> {
    /// The effective chart, or with `audit` all of it.
    pub(crate) fn new(chart: &'a Chart, names: &'a Names, audit: bool) -> Self {
        Self {
            chart,
            names,
            audit,
        }
    }

    /// What is shown.
    fn moments(&self) -> impl Iterator<Item = &'a Moment> {
        let audit = self.audit;
        let moments = self.chart.moments.iter();
        moments.filter(move |moment| audit || !moment.undone)
    }

    /// A party for people: its behaviour or program, and the start of its id or its number.
    fn label(&self, at: usize) -> String {
        let party = &self.chart.parties[at];
        if party.id == OUTSIDE {
            return "outside".into();
        }
        if let Some(execution) = party.program {
            let name = self.names.programs.get(&execution);
            return match name {
                Some(name) => format!("{} #{execution}", short(name)),
                None => format!("program #{execution}"),
            };
        }
        let known = self.names.behaviours.get(&at).map(String::as_str);
        let digits = &party.id.to_string()["obj:".len()..][..6];
        match party.behaviour.as_deref().or(known) {
            Some(name) => format!("{} {digits}", short(name)),
            None => format!("obj:{digits}"),
        }
    }

    /// Who takes part in what is shown, in order of appearance.
    fn parties(&self) -> Vec<usize> {
        let mut found = BTreeSet::new();
        for moment in self.moments() {
            match &moment.what {
                What::Called(arrow)
                | What::Returned(arrow)
                | What::Broken(arrow)
                | What::Sent(arrow)
                | What::Received(arrow) => {
                    let arrow = &self.chart.arrows[*arrow];
                    found.extend([arrow.from, arrow.to]);
                }
                What::Created(by, party, _) | What::Destroyed(by, party) => {
                    found.extend([*by, *party]);
                }
                What::Began(party, ..)
                | What::Committed(party, _)
                | What::Aborted(party, ..)
                | What::Failed(party, _)
                | What::Ended(party, _)
                | What::Other(party, _) => {
                    found.insert(*party);
                }
            }
        }
        found.into_iter().collect()
    }

    /// A Mermaid sequence diagram.
    pub(crate) fn mermaid(&self, root: (Hash, u64)) -> String {
        let mut out = String::from("sequenceDiagram\n");
        let _ = writeln!(
            out,
            "    %% msc root {} of {} effective arrows",
            root.0, root.1
        );
        for party in self.parties() {
            let kind = match self.chart.parties[party].program {
                Some(_) => "actor",
                None => "participant",
            };
            let _ = writeln!(out, "    {kind} p{party} as {}", safe(&self.label(party)));
        }
        let aborted = self.aborted();
        // Boxes cannot cross, and transactions of two executions may.
        let mut open: Option<TxId> = None;
        for moment in self.moments() {
            let undone = if moment.undone { " (undone)" } else { "" };
            let indent = if open.is_some() { "        " } else { "    " };
            match &moment.what {
                What::Began(party, tx, controller) => {
                    if aborted.contains(tx) && !self.audit {
                        continue;
                    }
                    if open.is_none() {
                        let color = match aborted.contains(tx) {
                            true => "rgb(255, 235, 235)",
                            false => "rgb(235, 245, 255)",
                        };
                        let _ = writeln!(out, "    rect {color}");
                        open = Some(*tx);
                    }
                    let at = controller
                        .as_ref()
                        .map_or(String::new(), |c| format!(" at {c}"));
                    let text = safe(&format!("{tx} begins{at}{undone}"));
                    let _ = writeln!(out, "        Note over p{party}: {text}");
                }
                What::Committed(party, tx) | What::Aborted(party, tx, _) => {
                    let how = match &moment.what {
                        What::Aborted(_, _, reason) => format!("{tx} aborted: {}", reason.name()),
                        _ => format!("{tx} committed"),
                    };
                    let text = safe(&format!("{how}{undone}"));
                    let _ = writeln!(out, "{indent}Note over p{party}: {text}");
                    if open == Some(*tx) {
                        out += "    end\n";
                        open = None;
                    }
                }
                what => {
                    let _ = writeln!(out, "{indent}{}", self.line(what, undone));
                }
            }
        }
        if open.is_some() {
            out += "    end\n";
        }
        out
    }

    fn aborted(&self) -> BTreeSet<TxId> {
        let moments = self.chart.moments.iter();
        let aborted = moments.filter_map(|moment| match moment.what {
            What::Aborted(_, tx, _) => Some(tx),
            _ => None,
        });
        aborted.collect()
    }

    /// One line of a Mermaid diagram.
    fn line(&self, what: &What, undone: &str) -> String {
        let arrow = |at: &usize| &self.chart.arrows[*at];
        let note = |party: usize, text: String| {
            format!("Note over p{party}: {}", safe(&format!("{text}{undone}")))
        };
        let line = |from: usize, sign: &str, to: usize, text: String| {
            format!("p{from}{sign}p{to}: {}", safe(&format!("{text}{undone}")))
        };
        match what {
            What::Called(at) => {
                let Arrow {
                    from, to, input, ..
                } = arrow(at);
                line(*from, "->>", *to, shown(input))
            }
            What::Returned(at) => {
                let Arrow {
                    from, to, output, ..
                } = arrow(at);
                let output = output.as_ref().map_or(String::new(), shown);
                line(*to, "-->>", *from, output)
            }
            What::Broken(at) => line(arrow(at).to, "--x", arrow(at).from, "error".into()),
            What::Sent(at) => {
                let Arrow {
                    from, to, input, ..
                } = arrow(at);
                line(*from, "-)", *to, shown(input))
            }
            What::Received(at) => {
                let from = self.label(arrow(at).from);
                let input = shown(&arrow(at).input);
                note(arrow(at).to, format!("receives {input} from {from}"))
            }
            What::Created(by, party, controller) => {
                let at = controller
                    .as_ref()
                    .map_or(String::new(), |c| format!(" at {c}"));
                note(*party, format!("created by {}{at}", self.label(*by)))
            }
            What::Destroyed(by, party) => note(*party, format!("destroyed by {}", self.label(*by))),
            What::Failed(party, fault) => note(*party, format!("error {}", clip(fault, VALUE))),
            What::Ended(party, fault) => note(*party, format!("failed: {}", clip(fault, VALUE))),
            What::Other(party, kind) => note(*party, other(kind)),
            What::Began(..) | What::Committed(..) | What::Aborted(..) => String::new(),
        }
    }

    /// A Graphviz graph: parties, and arrows numbered in their order.
    pub(crate) fn dot(&self, root: (Hash, u64)) -> String {
        let mut out = String::from("digraph msc {\n    rankdir=LR;\n");
        let label = format!("msc root {} of {} effective arrows", root.0, root.1);
        let _ = writeln!(out, "    label={};", quoted(&label));
        for party in self.parties() {
            let shape = match self.chart.parties[party].program {
                Some(_) => "ellipse",
                None => "box",
            };
            let label = quoted(&self.label(party));
            let _ = writeln!(out, "    p{party} [label={label}, shape={shape}];");
        }
        let arrows = self.chart.arrows.iter();
        let arrows = arrows.filter(|arrow| self.audit || !arrow.undone);
        for (number, arrow) in (1..).zip(arrows) {
            let mut label = format!("{number}: {}", shown(&arrow.input));
            if let Some(output) = &arrow.output {
                label += &format!(" = {}", shown(output));
            }
            if let Some(tx) = &arrow.tx {
                label += &format!(" [{tx}]");
            }
            let style = match (arrow.kind, arrow.undone) {
                (_, true) => ", style=dotted, color=red",
                (ArrowKind::Message, _) => ", style=dashed, arrowhead=open",
                (ArrowKind::Call, _) if arrow.output.is_none() => ", color=red",
                (ArrowKind::Call, _) => "",
            };
            let (from, to) = (arrow.from, arrow.to);
            let _ = writeln!(
                out,
                "    p{from} -> p{to} [label={}{style}];",
                quoted(&label)
            );
        }
        out + "}\n"
    }
}

fn shown(value: &Val) -> String {
    clip(value, VALUE)
}

fn short(name: &str) -> String {
    crate::output::clip(name, 40)
}

fn other(kind: &EventKind) -> String {
    let name = kind.name();
    match kind {
        EventKind::ObjectMoved { from, to, .. } | EventKind::ExecutionMoved { from, to } => {
            format!("{name} {from} to {to}")
        }
        EventKind::ObjectFetched { machine, .. } => format!("{name} to {machine}"),
        EventKind::ObjectTransferred { to, .. } => format!("{name} to {to}"),
        EventKind::ObjectFrozen { controller, .. } => format!("{name} at {controller}"),
        EventKind::FunctionRegistered { name: function, .. }
        | EventKind::FunctionUpdated { name: function, .. } => format!("{name} {function}"),
        _ => name.into(),
    }
}

/// A text that means nothing to Mermaid.
fn safe(text: &str) -> String {
    let mut safe = String::new();
    for c in text.chars() {
        match c {
            '#' => safe += "#35;",
            ';' => safe += "#59;",
            '<' => safe += "#lt;",
            '>' => safe += "#gt;",
            '%' => safe += "#37;",
            c if c.is_control() => safe.push(' '),
            c => safe.push(c),
        }
    }
    // An empty label is no label.
    if safe.trim().is_empty() {
        "()".into()
    } else {
        safe
    }
}

fn quoted(text: &str) -> String {
    let mut quoted = String::from("\"");
    for c in text.chars() {
        match c {
            '"' | '\\' => quoted.extend(['\\', c]),
            c if c.is_control() => quoted.push(' '),
            c => quoted.push(c),
        }
    }
    quoted + "\""
}
