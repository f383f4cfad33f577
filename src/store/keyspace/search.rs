//! Searches the log by several names at once: each name's index entries stand in the order of places, so the search
//! leaps from one name's next place to the other's, and reads an entry only where all of them meet.

use super::days::places_of_period;
use super::log::names_of;
use super::postings::Places;
use super::{Direction, Pairs, leaves as kept};
use crate::app::ports::{LogFound, LogOrder, LogSearch, StoreError};
use crate::audit::Entry as LogEntry;

/// Up to `limit` entries of a search. It stops after `steps` looks into the space, so that a search through all of the
/// log does not hold up those who write; what was committed stays as it is between the calls.
pub(in super::super) fn search(
    pairs: &dyn Pairs,
    search: &LogSearch,
    limit: usize,
    steps: usize,
) -> Result<LogFound, StoreError> {
    let selection = &search.selection;
    let (first, end) = places_of_period(pairs, selection.from, selection.until)?;
    let names = names_of(selection).into_iter();
    let mut names: Vec<Vec<Places>> = names.map(|any| any.into_iter().map(Places::of).collect()).collect();
    let span = Span { from: search.from.max(first), before: search.before.min(end), order: search.order };
    let mut run = Run { pairs, search, span, steps, found: LogFound::default() };
    if limit == 0 || span.is_empty() {
        return Ok(run.found);
    }
    if names.is_empty() {
        run.walk(limit)?;
    } else {
        run.leap(&mut names, limit)?;
    }
    Ok(run.found)
}

/// Where the search still has to look.
#[derive(Debug, Clone, Copy)]
struct Span {
    from: u64,
    before: u64,
    order: LogOrder,
}

impl Span {
    const fn is_empty(&self) -> bool {
        self.from >= self.before
    }

    /// What is left once this place was looked at.
    const fn after(self, place: u64) -> Self {
        match self.order {
            LogOrder::NewestFirst => Self { before: place, ..self },
            LogOrder::OldestFirst => Self { from: place.saturating_add(1), ..self },
        }
    }

    /// What is left when nothing stands on the way to this place.
    const fn at(self, place: u64) -> Self {
        match self.order {
            LogOrder::NewestFirst => Self { before: place.saturating_add(1), ..self },
            LogOrder::OldestFirst => Self { from: place, ..self },
        }
    }

    /// The place of [`LogFound::resume`].
    const fn resume(self) -> u64 {
        match self.order {
            LogOrder::NewestFirst => self.before,
            LogOrder::OldestFirst => self.from,
        }
    }

    const fn direction(self) -> Direction {
        match self.order {
            LogOrder::NewestFirst => Direction::Backward,
            LogOrder::OldestFirst => Direction::Forward,
        }
    }

    /// Which of two places comes first.
    fn nearer(self, one: u64, other: u64) -> u64 {
        match self.order {
            LogOrder::NewestFirst => one.max(other),
            LogOrder::OldestFirst => one.min(other),
        }
    }
}

struct Run<'a> {
    pairs: &'a dyn Pairs,
    search: &'a LogSearch,
    span: Span,
    /// How many looks are left.
    steps: usize,
    found: LogFound,
}

impl Run<'_> {
    /// Looks at one entry after the other.
    fn walk(&mut self, limit: usize) -> Result<(), StoreError> {
        let (pairs, span) = (self.pairs, self.span);
        for found in kept::entries_between(pairs, span.from, span.before, span.direction()) {
            let (place, entry) = found?;
            self.span = self.span.after(place);
            self.judge(place, Some(entry))?;
            if self.is_over(limit) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// Leaps to places that stand under all names.
    fn leap(&mut self, names: &mut [Vec<Places>], limit: usize) -> Result<(), StoreError> {
        while let Some(place) = self.next_meeting(names)? {
            self.span = self.span.after(place);
            let entry = kept::entry(self.pairs, place)?;
            self.judge(place, entry)?;
            if self.is_over(limit) {
                return Ok(());
            }
        }
        Ok(())
    }

    /// The next place that stands under one of each name's; none at the end, or when the looks are used up.
    fn next_meeting(&mut self, names: &mut [Vec<Places>]) -> Result<Option<u64>, StoreError> {
        let (mut agreed, mut place, count) = (0, None, names.len());
        loop {
            for any in &mut *names {
                if self.steps == 0 {
                    self.found.resume = Some(self.span.resume());
                    return Ok(None);
                }
                let Some(next) = self.next_under(any)? else { return Ok(None) };
                agreed = if place == Some(next) { agreed + 1 } else { 1 };
                place = Some(next);
                self.span = self.span.at(next);
                if agreed >= count {
                    return Ok(place);
                }
            }
        }
    }

    /// The next place of any of these that is in the span.
    fn next_under(&mut self, any: &mut [Places]) -> Result<Option<u64>, StoreError> {
        let mut nearest: Option<u64> = None;
        for places in any {
            self.steps = self.steps.saturating_sub(1);
            let next = match self.span.order {
                LogOrder::NewestFirst => places.last_before(self.pairs, self.span.before)?,
                LogOrder::OldestFirst => places.first_from(self.pairs, self.span.from)?,
            };
            if let Some(place) = next.filter(|place| (self.span.from..self.span.before).contains(place)) {
                nearest = Some(nearest.map_or(place, |nearest| self.span.nearer(nearest, place)));
            }
        }
        Ok(nearest)
    }

    fn judge(&mut self, place: u64, entry: Option<LogEntry>) -> Result<(), StoreError> {
        self.steps = self.steps.saturating_sub(1);
        let Some(entry) = entry else { return Ok(()) };
        if self.search.selection.matches(&entry.event().map_err(|_| StoreError::Damaged)?) {
            self.found.entries.push((place, entry));
        }
        Ok(())
    }

    /// Whether the search stops here: enough was found, or the looks are used up.
    fn is_over(&mut self, limit: usize) -> bool {
        let over = self.found.entries.len() >= limit || self.steps == 0;
        if over && !self.span.is_empty() {
            self.found.resume = Some(self.span.resume());
        }
        over
    }
}
