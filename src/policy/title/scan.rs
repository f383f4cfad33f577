//! The order in which the rules look at a title: the surest first, each leaving the others what is left.

use super::digits::Groups;
use super::fold::Folded;
use super::hits::Hits;
use super::nir;
use super::rules::TitlePolicy;

/// The compiled rules.
#[derive(Debug)]
pub(super) struct Scanner;

impl Scanner {
    /// Compiles the rules with the organisation's own words and patterns.
    pub(super) fn new(_policy: &TitlePolicy) -> Self {
        Self
    }

    /// All that is personal in a folded title.
    pub(super) fn scan(&self, text: &Folded) -> Hits {
        self.scan_numbers(text)
    }

    /// The numbers alone.
    pub(super) fn scan_numbers(&self, text: &Folded) -> Hits {
        let mut hits = Hits::new(text.len());
        nir::find(text, &Groups::of(text, false), &|_| false, &mut hits);
        hits
    }
}
