//! By what entries of the log are found: for each name the places of the entries that bear it, the places of one group
//! of units in one value. The values are differences in LEB128, so that a name which every entry bears costs a byte each.
//!
//! Which names an entry bears is `log.rs`.

use std::collections::BTreeMap;

use super::super::number;
use super::write::Writes;
use super::{Direction, Pair, Pairs, end_of};
use crate::app::ports::StoreError;

/// Bytes of one value, as small as chunks of records.
const VALUE_BYTES: usize = 4096;
/// Bytes of the longest difference.
const DIFFERENCE_MAX_BYTES: usize = 10;

/// Places by name, to be written.
#[derive(Debug, Default)]
pub(super) struct Postings(BTreeMap<Vec<u8>, Vec<u64>>);

impl Postings {
    /// Adds a place, larger than those before it.
    pub(super) fn add(&mut self, name: Vec<u8>, place: u64) {
        self.0.entry(name).or_default().push(place);
    }

    /// What is to be written.
    pub(super) fn into_pairs(self) -> Vec<Pair> {
        self.0.iter().flat_map(|(name, places)| values(name, places)).collect()
    }
}

/// Looks up the places of a name, one after the other in one direction; keeps the value that it looked into last.
#[derive(Debug)]
pub(super) struct Places {
    name: Vec<u8>,
    value: Vec<u64>,
    /// The last answer: it stays the answer until the search has passed it.
    #[expect(clippy::option_option, reason = "not asked yet, and answered that there is none")]
    told: Option<Option<u64>>,
}

impl Places {
    /// The places of a name.
    pub(super) const fn of(name: Vec<u8>) -> Self {
        Self { name, value: Vec::new(), told: None }
    }

    /// The largest place that is lower than `before`. From call to call `before` only goes down.
    pub(super) fn last_before(&mut self, pairs: &dyn Pairs, before: u64) -> Result<Option<u64>, StoreError> {
        if let Some(told) = self.told.filter(|told| told.is_none_or(|place| place < before)) {
            return Ok(told);
        }
        let within = self.value.first().is_some_and(|first| *first < before)
            && self.value.last().is_some_and(|last| *last >= before);
        if !within {
            let to = if before == u64::MAX { end_of(&self.name) } else { key(&self.name, before) };
            self.look(pairs.scan(&self.name, &to, Direction::Backward).next())?;
        }
        let lower = self.value.partition_point(|place| *place < before);
        let found = self.value[..lower].last().copied();
        self.told = Some(found);
        Ok(found)
    }

    /// The smallest place that is not lower than `from`. From call to call `from` only goes up.
    pub(super) fn first_from(&mut self, pairs: &dyn Pairs, from: u64) -> Result<Option<u64>, StoreError> {
        if let Some(told) = self.told.filter(|told| told.is_none_or(|place| place >= from)) {
            return Ok(told);
        }
        if !self.reaches(from) {
            // The value that begins before it may reach over it; if not, the next one begins after it.
            self.look(pairs.scan(&self.name, &key(&self.name, from), Direction::Backward).next())?;
            if !self.reaches(from) {
                self.look(
                    pairs.scan(&key(&self.name, from), &end_of(&self.name), Direction::Forward).next(),
                )?;
            }
        }
        let found = self.value.get(self.value.partition_point(|place| *place < from)).copied();
        self.told = Some(found);
        Ok(found)
    }

    fn reaches(&self, from: u64) -> bool {
        self.value.first().is_some_and(|first| *first <= from)
            && self.value.last().is_some_and(|last| *last >= from)
    }

    fn look(&mut self, pair: Option<Result<Pair, StoreError>>) -> Result<(), StoreError> {
        self.value = match pair.transpose()? {
            Some((key, value)) => parse(&key, &value)?,
            None => Vec::new(),
        };
        Ok(())
    }
}

/// Removes the places of a name before a place.
pub(super) fn remove(pairs: &dyn Pairs, name: &[u8], before: u64) -> Result<Writes, StoreError> {
    let mut writes = Writes::new();
    for pair in pairs.scan(name, &key(name, before), Direction::Forward) {
        let (old, value) = pair?;
        let kept: Vec<u64> = parse(&old, &value)?.into_iter().filter(|place| *place >= before).collect();
        writes.insert(old, None);
        writes.extend(values(name, &kept).into_iter().map(|(key, value)| (key, Some(value))));
    }
    Ok(writes)
}

fn key(name: &[u8], place: u64) -> Vec<u8> {
    [name, &place.to_be_bytes()].concat()
}

fn values(name: &[u8], places: &[u64]) -> Vec<Pair> {
    let mut values: Vec<Pair> = Vec::new();
    let mut last = 0;
    for place in places {
        match values.last_mut().filter(|(_, value)| value.len() + DIFFERENCE_MAX_BYTES <= VALUE_BYTES) {
            Some((_, value)) => number::write(value, place - last),
            None => values.push((key(name, *place), Vec::new())),
        }
        last = *place;
    }
    values
}

fn parse(key: &[u8], value: &[u8]) -> Result<Vec<u64>, StoreError> {
    let (_, first) = key.split_last_chunk::<8>().ok_or(StoreError::Damaged)?;
    let (mut place, mut rest) = (u64::from_be_bytes(*first), value);
    let mut places = vec![place];
    while !rest.is_empty() {
        let difference = number::read(&mut rest).ok_or(StoreError::Damaged)?;
        place = place.checked_add(difference).ok_or(StoreError::Damaged)?;
        places.push(place);
    }
    Ok(places)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn places_read_back(places in prop::collection::btree_set(any::<u64>(), 1..1500)) {
            let places: Vec<u64> = places.into_iter().collect();
            let values = values(b"name", &places);
            prop_assert!(values.iter().all(|(_, value)| value.len() <= VALUE_BYTES));
            let read: Vec<u64> = values.iter().flat_map(|(key, value)| parse(key, value).unwrap()).collect();
            prop_assert_eq!(read, places);
        }
    }
}
