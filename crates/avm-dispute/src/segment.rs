use avm_core::Hash;

/// A part of a run: the steps `first .. first + len`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Segment {
    /// Steps before it, counted from genesis.
    pub first: u64,
    /// Steps in it; at least one.
    pub len: u64,
}

impl Segment {
    /// Steps up to its end, counted from genesis.
    #[must_use]
    pub const fn end(self) -> u64 {
        self.first.saturating_add(self.len)
    }

    /// How many parts it is cut into with arity `k`: `k`, or one for each step if there are fewer.
    #[must_use]
    pub const fn parts(self, k: u32) -> u32 {
        if self.len < k as u64 {
            self.len as u32
        } else {
            k
        }
    }

    /// Part `index` of those that arity `k` gives. The parts are as long as each other, but for one
    /// step.
    ///
    /// # Panics
    /// If `index` is not below [`Segment::parts`].
    #[must_use]
    pub fn part(self, k: u32, index: u32) -> Self {
        assert!(index < self.parts(k), "a segment has no part {index}");
        let first = self.cut(k, index);
        Self {
            first,
            len: self.cut(k, index + 1) - first,
        }
    }

    /// Steps up to cut `index`, counted from genesis; cut 0 is its start.
    fn cut(self, k: u32, index: u32) -> u64 {
        let part = u128::from(self.len) * u128::from(index) / u128::from(self.parts(k));
        let part = u64::try_from(part).expect("a part is not longer than its segment");
        self.first.saturating_add(part)
    }

    /// Steps up to each cut inside it, counted from genesis; its own ends are left out.
    pub fn cuts(self, k: u32) -> impl ExactSizeIterator<Item = u64> {
        (1..self.parts(k)).map(move |index| self.cut(k, index))
    }
}

/// What a party says about a segment, in the order of the run. The start is agreed between the
/// parties that argue about it, the end is not.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Stand {
    /// The segment.
    pub segment: Segment,
    /// Hash of the claim at its start.
    pub start: Hash,
    /// Hash of the claim that the party says is at its end.
    pub end: Hash,
}
