//! Reads the register of some mailboxes: their index entries stand newest first and end alike, so several are merged into one
//! order, and what stands in two of them is met twice in a row.

use std::iter::Peekable;

use super::index::{self, CASE_TAIL_BYTES};
use super::{Direction, Pair, Pairs, Scan, record};
use crate::app::ports::{Record, RegisterFound, RegisterPlace, RegisterSearch, StoreError};
use crate::transfer::RegisterLine;

/// Up to `limit` lines of a search.
pub(in super::super) fn register(
    pairs: &dyn Pairs,
    search: &RegisterSearch,
    limit: usize,
) -> Result<RegisterFound, StoreError> {
    let mut runs: Vec<Peekable<Scan<'_>>> = search
        .mailboxes
        .iter()
        .map(|mailbox| {
            let prefix = index::register_prefix(*mailbox);
            let (first, end) = index::register_range(*mailbox, search.from, search.until);
            let first = match &search.after {
                Some(place) => first.max([&prefix[..], &place.0].concat()),
                None => first,
            };
            pairs.scan(&first, &end, Direction::Forward).peekable()
        })
        .collect();
    let mut found = RegisterFound::default();
    let mut last: Option<Vec<u8>> = None;
    while let Some((tail, address)) = next(&mut runs)? {
        if last.as_ref() == Some(&tail) {
            continue;
        }
        if found.lines.len() >= limit {
            return Ok(found);
        }
        let kept = record::read(&|key| pairs.get(key), &address)?.ok_or(StoreError::Damaged)?;
        // The next one has a larger tail, even by one byte.
        found.lines.push((line_of(kept.record)?, RegisterPlace([&tail[..], &[0]].concat())));
        last = Some(tail);
    }
    found.is_all = true;
    Ok(found)
}

/// The smallest tail of all runs, and the address of its record.
fn next(runs: &mut [Peekable<Scan<'_>>]) -> Result<Option<Pair>, StoreError> {
    let mut smallest: Option<(usize, Vec<u8>)> = None;
    for (number, run) in runs.iter_mut().enumerate() {
        match run.peek() {
            None => {}
            Some(Err(_)) => {
                let failed = run.next().and_then(Result::err);
                return Err(failed.unwrap_or(StoreError::Damaged));
            }
            Some(Ok((key, _))) => {
                let at = key.len().checked_sub(CASE_TAIL_BYTES).ok_or(StoreError::Damaged)?;
                let tail = &key[at..];
                if smallest.as_ref().is_none_or(|(_, other)| tail < &other[..]) {
                    smallest = Some((number, tail.to_vec()));
                }
            }
        }
    }
    let Some((number, tail)) = smallest else { return Ok(None) };
    match runs[number].next() {
        Some(Ok((_, address))) => Ok(Some((tail, address))),
        _ => Err(StoreError::Damaged),
    }
}

fn line_of(record: Record) -> Result<RegisterLine, StoreError> {
    match record {
        Record::Transfer(transfer) => Ok(transfer.register_line()),
        Record::Register(line) => Ok(line),
        _ => Err(StoreError::Damaged),
    }
}

#[cfg(test)]
mod tests {
    use super::super::end_of;
    use super::*;
    use crate::value::{MailboxId, Timestamp};

    #[test]
    fn a_range_without_bounds_is_all_of_a_mailbox() {
        let mailbox = MailboxId::new([1; 16]);
        let prefix = index::register_prefix(mailbox);
        assert_eq!(index::register_range(mailbox, None, None), (prefix.clone(), end_of(&prefix)));
        let (first, end) = index::register_range(mailbox, Some(Timestamp(5)), Some(Timestamp(9)));
        assert!(prefix < first && first < end && end < end_of(&prefix));
    }
}
