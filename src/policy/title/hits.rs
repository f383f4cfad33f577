//! What the rules have found so far, in cells of the folded title.
//!
//! The first rule to claim a cell keeps it; the guard turns hits into findings of the written title.

use super::finding::{Confidence, Kind, Reason};

/// One claim.
#[derive(Debug, Clone, Copy)]
pub(super) struct Hit {
    pub(super) kind: Kind,
    pub(super) start: usize,
    pub(super) end: usize,
    pub(super) reason: Reason,
    pub(super) confidence: Confidence,
}

/// All claims on a title.
#[derive(Debug, Default)]
pub(super) struct Hits {
    pub(super) list: Vec<Hit>,
    /// Cells that are claimed, or known to be harmless.
    taken: Vec<bool>,
}

impl Hits {
    /// No claims yet on a title of so many cells.
    pub(super) fn new(cells: usize) -> Self {
        Self { list: Vec::new(), taken: vec![false; cells] }
    }

    /// Whether a cell is claimed or cleared.
    pub(super) fn taken(&self, cell: usize) -> bool {
        self.taken.get(cell).copied().unwrap_or(false)
    }

    /// Claims `start..end`.
    pub(super) fn add(
        &mut self,
        kind: Kind,
        start: usize,
        end: usize,
        reason: Reason,
        confidence: Confidence,
    ) {
        self.clear(start, end);
        self.list.push(Hit { kind, start, end, reason, confidence });
    }

    /// Marks `start..end` as harmless: no later rule looks at it.
    pub(super) fn clear(&mut self, start: usize, end: usize) {
        let end = end.min(self.taken.len());
        if let Some(cells) = self.taken.get_mut(start..end) {
            cells.fill(true);
        }
    }
}
