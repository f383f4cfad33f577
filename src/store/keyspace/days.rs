//! Between which places the entries of a UTC day stand. The log stands in the order of commits and the clock may go back,
//! so a day has a first and a last place, and entries of other days may stand between them.

use std::collections::BTreeMap;

use super::write::Writes;
use super::{Direction, Pair, Pairs, end_of};
use crate::app::ports::StoreError;
use crate::value::{Day, Timestamp};

/// What stands before each day's key.
const DAYS: u8 = b'd';

/// The places of days that a group of units appends to.
#[derive(Debug, Default)]
pub(super) struct Days(BTreeMap<i32, (u64, u64)>);

impl Days {
    /// Notes the place of an entry of a day; larger than those before it.
    pub(super) fn add(&mut self, day: Day, place: u64) {
        self.0.entry(day.0).or_insert((place, place)).1 = place;
    }

    /// What is to be written.
    pub(super) fn into_pairs(self, pairs: &dyn Pairs) -> Result<Vec<Pair>, StoreError> {
        let day = |(day, (mut first, last)): (i32, (u64, u64))| {
            let key = key(Day(day));
            if let Some(old) = pairs.get(&key)? {
                first = first.min(places(&old)?.0);
            }
            Ok((key, [first.to_be_bytes(), last.to_be_bytes()].concat()))
        };
        self.0.into_iter().map(day).collect()
    }
}

/// Between which places the entries of a period stand: from the first on, before the second.
pub(super) fn places_of_period(
    pairs: &dyn Pairs,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
) -> Result<(u64, u64), StoreError> {
    if from.is_none() && until.is_none() {
        return Ok((0, u64::MAX));
    }
    let from = from.map_or_else(|| vec![DAYS], |from| key(from.day()));
    let to = until.map_or_else(|| end_of(&[DAYS]), |until| end_of(&key(until.day())));
    let mut period = (u64::MAX, 0);
    for pair in pairs.scan(&from, &to, Direction::Forward) {
        let (first, last) = places(&pair?.1)?;
        period = (period.0.min(first), period.1.max(last.saturating_add(1)));
    }
    Ok(period)
}

/// Removes the days whose entries all stand before a place.
pub(super) fn remove(pairs: &dyn Pairs, before: u64) -> Result<Writes, StoreError> {
    let mut writes = Writes::new();
    for pair in pairs.scan(&[DAYS], &end_of(&[DAYS]), Direction::Forward) {
        let (key, value) = pair?;
        if places(&value)?.1 < before {
            writes.insert(key, None);
        }
    }
    Ok(writes)
}

/// The day's key; its number's unsigned order is that of time, before 1970 too.
fn key(day: Day) -> Vec<u8> {
    let ordered = day.0.cast_unsigned() ^ (1 << 31);
    [&[DAYS], &ordered.to_be_bytes()[..]].concat()
}

fn places(value: &[u8]) -> Result<(u64, u64), StoreError> {
    let (first, rest) = value.split_first_chunk::<8>().ok_or(StoreError::Damaged)?;
    let last = rest.try_into().map_err(|_| StoreError::Damaged)?;
    Ok((u64::from_be_bytes(*first), u64::from_be_bytes(last)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn days_stand_in_the_order_of_time() {
        assert!(key(Day(-1)) < key(Day(0)) && key(Day(0)) < key(Day(20_000)));
    }
}
