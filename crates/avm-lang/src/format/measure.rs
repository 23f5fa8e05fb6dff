//! How wide nodes are, and which of them cannot be on one line.

use alloc::vec;
use alloc::vec::Vec;

use super::style::{Place, Style};
use super::tree::{Kind, ROOT, Tree};

/// Sizes of one node.
#[derive(Clone, Copy, Debug, Default)]
pub(super) struct Size {
    /// Columns it takes on one line.
    pub(super) flat: usize,
    /// Columns it takes at least when it is spread over lines.
    pub(super) least: usize,
    /// Whether it cannot be on one line: it holds a line comment, a text of several lines, or a
    /// line break of the author that is kept.
    pub(super) spread: bool,
}

/// Sizes of all nodes.
pub(super) fn sizes(tree: &Tree<'_>, styles: &[Style]) -> Vec<Size> {
    let mut sizes = vec![Size::default(); tree.nodes.len()];
    // Children come last, so their sizes are known when the turn of their parent comes.
    for id in (ROOT + 1..tree.nodes.len()).rev() {
        let node = &tree.nodes[id];
        let text = tree.text(node.token);
        sizes[id] = match node.kind {
            Kind::Root => Size::default(),
            Kind::LineComment => Size {
                flat: text.chars().count(),
                least: 0,
                spread: true,
            },
            Kind::Atom | Kind::BlockComment => Size {
                flat: text.chars().count(),
                least: text
                    .split('\n')
                    .map(|line| line.chars().count())
                    .max()
                    .unwrap_or(0),
                spread: text.contains('\n'),
            },
            Kind::List => of_list(tree, styles, &sizes, id, 1, 1),
            Kind::Mark => {
                let open = text.len() + usize::from(tree.is_apart(node.token));
                of_list(tree, styles, &sizes, id, open, 0)
            }
        };
    }
    sizes
}

/// Size of a node with children; `open` and `close` are the columns of what is around them.
fn of_list(
    tree: &Tree<'_>,
    styles: &[Style],
    sizes: &[Size],
    id: usize,
    open: usize,
    close: usize,
) -> Size {
    let mut size = Size {
        flat: open + close,
        least: open + close,
        spread: false,
    };
    // Where the line of the head is.
    let mut line = open;
    let (mut first, mut comment) = (true, false);
    for child in tree.children(id) {
        let of_child = sizes[child];
        let node = &tree.nodes[child];
        size.flat = size
            .flat
            .saturating_add(of_child.flat + usize::from(!first));
        let kept = comment || node.comment || keeps(styles[child].place);
        size.spread |= of_child.spread || (!first && node.lines > 0 && kept);
        comment = node.comment;
        let start = match styles[child].place {
            Place::First => open,
            Place::Same => line + 1,
            Place::Argument { .. } => 2,
            _ => styles[child].offset,
        };
        // Only what is the same before and after formatting may count here.
        line = start
            + if node.kind == Kind::Atom {
                of_child.least
            } else {
                0
            };
        let last = if node.next.is_none() { close } else { 0 };
        size.least = size.least.max(start.saturating_add(of_child.least) + last);
        first = false;
    }
    size
}

/// Whether a line break of the author in front of a child is always there afterwards. It also is
/// in front of comments and behind them.
fn keeps(place: Place) -> bool {
    matches!(
        place,
        Place::Line | Place::Keep | Place::Argument { first: false }
    )
}
