//! A picture of the key space while it changes: what is overwritten after the picture was taken is kept beside the tree
//! and stands in its place. Reading one is reading a view like any other; who writes must tell what is overwritten
//! ([`Overwritten::keep`]).

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::ops::Bound;

use super::record::{self, RECORDS};
use super::{Direction, KeyspaceError, Pairs, Scan, end_of};
use crate::app::ports::{Record, RecordPlace, StoreError};

/// Bytes that are kept for one picture. A store that changes more while a backup reads its records is told so.
const OVERWRITTEN_MAX_BYTES: usize = 64 * 1024 * 1024;
/// What one kept key costs beside its bytes.
const KEY_COST_BYTES: usize = 64;

/// What was overwritten since a picture was taken: the value of each such key at that moment.
#[derive(Debug, Default)]
pub(in super::super) struct Overwritten {
    values: BTreeMap<Vec<u8>, Option<Vec<u8>>>,
    bytes: usize,
}

impl Overwritten {
    /// Keeps the values of keys that are about to be written. Past its limit nothing more is kept, and the picture cannot
    /// be read any more.
    pub(in super::super) fn keep<'k>(
        &mut self,
        keys: impl Iterator<Item = &'k Vec<u8>>,
        pairs: &dyn Pairs,
    ) -> Result<(), StoreError> {
        for key in keys {
            if self.bytes <= OVERWRITTEN_MAX_BYTES && !self.values.contains_key(key) {
                let value = pairs.get(key)?;
                self.bytes += key.len() + value.as_ref().map_or(0, Vec::len) + KEY_COST_BYTES;
                self.values.insert(key.clone(), value);
            }
        }
        Ok(())
    }
}

/// The key space as it was.
pub(in super::super) struct Picture<'a> {
    now: &'a dyn Pairs,
    then: &'a Overwritten,
}

impl<'a> Picture<'a> {
    /// The picture, of the space as it is now and what was overwritten since.
    pub(in super::super) fn new(now: &'a dyn Pairs, then: &'a Overwritten) -> Result<Self, StoreError> {
        if then.bytes > OVERWRITTEN_MAX_BYTES {
            let (limit, actual) = (OVERWRITTEN_MAX_BYTES, then.bytes);
            return Err(KeyspaceError::ChangedTooMuch { limit, actual }.into());
        }
        Ok(Self { now, then })
    }
}

impl Pairs for Picture<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.then.values.get(key).map_or_else(|| self.now.get(key), |value| Ok(value.clone()))
    }

    fn scan(&self, from: &[u8], to: &[u8], direction: Direction) -> Scan<'_> {
        if from >= to {
            return Box::new(std::iter::empty());
        }
        let then = self.then.values.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        let then: Kept<'_> = match direction {
            Direction::Forward => Box::new(then),
            Direction::Backward => Box::new(then.rev()),
        };
        Box::new(Merged {
            now: self.now.scan(from, to, direction).peekable(),
            then: then.peekable(),
            direction,
        })
    }
}

/// What was overwritten, in the order of a scan.
type Kept<'a> = Box<dyn Iterator<Item = (&'a Vec<u8>, &'a Option<Vec<u8>>)> + 'a>;

/// Two scans as one; where both have a key, what was overwritten counts.
struct Merged<'a> {
    now: Peekable<Scan<'a>>,
    then: Peekable<Kept<'a>>,
    direction: Direction,
}

impl Iterator for Merged<'_> {
    type Item = Result<super::Pair, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let now = match self.now.peek() {
                Some(Ok((key, _))) => Some(key),
                Some(Err(_)) => return self.now.next(),
                None => None,
            };
            let order = match (now, self.then.peek()) {
                (None, None) => return None,
                (Some(_), None) => std::cmp::Ordering::Less,
                (None, Some(_)) => std::cmp::Ordering::Greater,
                (Some(now), Some((then, _))) if self.direction == Direction::Forward => now.cmp(then),
                (Some(now), Some((then, _))) => (*then).cmp(now),
            };
            if order == std::cmp::Ordering::Less {
                return self.now.next();
            }
            if order == std::cmp::Ordering::Equal {
                self.now.next();
            }
            if let Some((key, Some(value))) = self.then.next() {
                return Some(Ok((key.clone(), value.clone())));
            }
        }
    }
}

/// Records after a place, and the place of the last one; none at the end.
pub(in super::super) fn records(
    pairs: &dyn Pairs,
    after: Option<&RecordPlace>,
    limit: usize,
) -> Result<(Vec<Record>, Option<RecordPlace>), StoreError> {
    let from = after.map_or_else(|| vec![RECORDS], |place| end_of(&[&[RECORDS], &place.0[..]].concat()));
    let (mut found, mut last) = (Vec::new(), None);
    for pair in pairs.scan(&from, &end_of(&[RECORDS]), Direction::Forward) {
        if found.len() >= limit {
            return Ok((found, last));
        }
        // Further chunks of a record are read with its head.
        let Some(address) = record::head_address(&pair?.0) else { continue };
        found.push(record::read(&|key| pairs.get(key), &address)?.ok_or(StoreError::Damaged)?.record);
        last = Some(RecordPlace(address));
    }
    Ok((found, None))
}
