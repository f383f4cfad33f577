//! Finds the cases of a mailbox under several terms at once. Each term's index entries stand in one order, newest first,
//! and end alike; so the search leaps from one term's next entry to the other's and reads a record only where all meet.

use super::index::{self, CASE_TAIL_BYTES};
use super::{Direction, Pairs, end_of, record};
use crate::app::ports::{CasePlace, CaseSearch, CasesFound, Record, StoreError};

/// Up to `limit` cases of a search. It stops after about `steps` looks, with or without having found anything.
pub(in super::super) fn cases(
    pairs: &dyn Pairs,
    search: &CaseSearch,
    limit: usize,
    steps: usize,
) -> Result<CasesFound, StoreError> {
    let mut run = Run { pairs, limit, steps, found: CasesFound::default() };
    match search.due {
        Some(_) => run.by_due_date(search)?,
        None => run.newest_first(search)?,
    }
    Ok(run.found)
}

/// How many cases a search of at most one term has, up to a limit. No record is read.
pub(in super::super) fn count_cases(
    pairs: &dyn Pairs,
    search: &CaseSearch,
    limit: usize,
) -> Result<usize, StoreError> {
    let (from, to) = if let Some(due) = search.due {
        index::case_due_range(search.mailbox, due)
    } else {
        let prefix = index::case_prefixes(search).swap_remove(0);
        (prefix.clone(), end_of(&prefix))
    };
    pairs.scan(&from, &to, Direction::Forward).take(limit).try_fold(0, |count, pair| pair.map(|_| count + 1))
}

struct Run<'a> {
    pairs: &'a dyn Pairs,
    limit: usize,
    steps: usize,
    found: CasesFound,
}

impl Run<'_> {
    fn newest_first(&mut self, search: &CaseSearch) -> Result<(), StoreError> {
        let prefixes = index::case_prefixes(search);
        // The smallest tail that has not been looked at.
        let mut from = search.after.as_ref().map_or_else(Vec::new, |place| place.0.clone());
        // Fewer looks than terms would never get on.
        self.steps = self.steps.max(prefixes.len());
        let (mut agreed, mut term) = (0, 0);
        loop {
            if self.steps == 0 {
                self.found.resume = Some(CasePlace(from));
                return Ok(());
            }
            self.steps -= 1;
            let Some(tail) = self.first_tail(&prefixes[term], &from)? else { return Ok(()) };
            agreed = if tail == from { agreed + 1 } else { 1 };
            from = tail;
            term = (term + 1) % prefixes.len();
            if agreed == prefixes.len() {
                if self.take(&from, &from)? {
                    return Ok(());
                }
                from = next(&from);
                agreed = 0;
            }
        }
    }

    fn by_due_date(&mut self, search: &CaseSearch) -> Result<(), StoreError> {
        let Some(due) = search.due else { return Ok(()) };
        let (first, end) = index::case_due_range(search.mailbox, due);
        let prefix = index::case_due_prefix(search.mailbox);
        let from = match &search.after {
            Some(place) => first.max([&prefix[..], &place.0].concat()),
            None => first,
        };
        let terms = if search.terms.is_empty() { Vec::new() } else { index::case_prefixes(search) };
        for pair in self.pairs.scan(&from, &end, Direction::Forward) {
            let (key, _) = pair?;
            let place = key.strip_prefix(&prefix[..]).ok_or(StoreError::Damaged)?;
            let at = place.len().checked_sub(CASE_TAIL_BYTES).ok_or(StoreError::Damaged)?;
            let mut meets = true;
            for term in &terms {
                self.steps = self.steps.saturating_sub(1);
                meets = meets && self.pairs.get(&[&term[..], &place[at..]].concat())?.is_some();
            }
            self.steps = self.steps.saturating_sub(1);
            if meets && self.take(&place[at..], place)? {
                return Ok(());
            }
            if self.steps == 0 {
                self.found.resume = Some(CasePlace(next(place)));
                return Ok(());
            }
        }
        Ok(())
    }

    /// The first tail under a prefix that is not before `from`.
    fn first_tail(&self, prefix: &[u8], from: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let start = [prefix, from].concat();
        let first = self.pairs.scan(&start, &end_of(prefix), Direction::Forward).next().transpose()?;
        Ok(first.map(|(key, _)| key[prefix.len()..].to_vec()))
    }

    /// Takes the case whose entries end like this; says whether the page is full.
    fn take(&mut self, tail: &[u8], place: &[u8]) -> Result<bool, StoreError> {
        let address = &tail[size_of::<u64>()..];
        let found = record::read(&|key| self.pairs.get(key), address)?.ok_or(StoreError::Damaged)?;
        let Record::Transfer(transfer) = found.record else { return Err(StoreError::Damaged) };
        self.found.transfers.push(transfer);
        let full = self.found.transfers.len() >= self.limit;
        if full {
            self.found.resume = Some(CasePlace(next(place)));
        }
        Ok(full)
    }
}

/// The smallest key after this one.
fn next(key: &[u8]) -> Vec<u8> {
    let mut next = key.to_vec();
    next.push(0);
    next
}
