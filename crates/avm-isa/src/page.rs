use alloc::format;
use alloc::string::String;

use crate::{Info, Look};

/// The opcode page of a machine as Markdown: `title`, `intro`, and one table row an opcode.
pub fn page(title: &str, intro: &str, ops: impl IntoIterator<Item = Info>) -> String {
    let mut page = format!(
        "# {title}\n\n{intro}\n\n\
         | code | name | takes | leaves | gas | effect |\n\
         |---|---|---|---|---|---|\n"
    );
    for op in ops {
        let gas = match op.gas_doc {
            "" => format!("{}", op.gas),
            more => format!("{} + {more}", op.gas),
        };
        let (takes, leaves) = (
            operands(op.pops, op.aux_pops),
            results(op.pushes, op.aux_pushes),
        );
        let row = format!(
            "| {:02x} | `{}` | {takes} | {leaves} | {gas} | {} |\n",
            op.code, op.name, op.doc
        );
        page.push_str(&row);
    }
    page
}

/// `A B*` for two operands of which the second is opened; `/ A*` for the second stack.
fn operands(main: &[Look], aux: &[Look]) -> String {
    let list = |looks: &[Look]| {
        let letters = ('A'..='Z').zip(looks);
        let each = letters.map(|(letter, look)| match look {
            Look::Open => format!("{letter}*"),
            Look::Closed => format!("{letter}"),
        });
        each.collect::<alloc::vec::Vec<_>>().join(" ")
    };
    match (main.len(), aux.len()) {
        (_, 0) => list(main),
        (0, _) => format!("aux {}", list(aux)),
        _ => format!("{} / aux {}", list(main), list(aux)),
    }
}

fn results(main: u8, aux: u8) -> String {
    match (main, aux) {
        (0, 0) => String::new(),
        (_, 0) => format!("{main}"),
        (0, _) => format!("aux {aux}"),
        _ => format!("{main} / aux {aux}"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::op;

    #[test]
    fn a_row_shows_every_column() {
        let rows = [op(0x54, "xset")
            .pops(&[Look::Open, Look::Closed])
            .aux_pops(&[Look::Open])
            .aux_pushes(1)
            .gas_plus(41, "1 per item")
            .doc("Sets.")];
        let text = page("T", "I.", rows);
        assert!(text.starts_with("# T\n\nI.\n\n| code |"));
        assert!(
            text.ends_with("| 54 | `xset` | A* B / aux A* | aux 1 | 41 + 1 per item | Sets. |\n")
        );
    }
}
