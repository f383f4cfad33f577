//! A picture of the key space while it changes: what is overwritten after the picture was taken is kept beside the tree
//! and stands in its place. Reading one is reading a view like any other; who writes must tell what is overwritten
//! ([`Overwritten::keep`]).

use super::layer::Layered;
use super::record::{self, RECORDS};
use super::write::Writes;
use super::{Direction, KeyspaceError, Pairs, Scan, end_of};
use crate::app::ports::{Record, RecordPlace, StoreError};

/// Bytes that are kept for one picture. A store that changes more while a backup reads its records is told so.
const OVERWRITTEN_MAX_BYTES: usize = 64 * 1024 * 1024;
/// What one kept key costs beside its bytes.
const KEY_COST_BYTES: usize = 64;

/// What was overwritten since a picture was taken: the value of each such key at that moment.
#[derive(Debug, Default)]
pub(in super::super) struct Overwritten {
    values: Writes,
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
pub(in super::super) struct Picture<'a>(Layered<'a>);

impl<'a> Picture<'a> {
    /// The picture, of the space as it is now and what was overwritten since.
    pub(in super::super) fn new(now: &'a dyn Pairs, then: &'a Overwritten) -> Result<Self, StoreError> {
        if then.bytes > OVERWRITTEN_MAX_BYTES {
            let (limit, actual) = (OVERWRITTEN_MAX_BYTES, then.bytes);
            return Err(KeyspaceError::ChangedTooMuch { limit, actual }.into());
        }
        Ok(Self(Layered::new(now, &then.values)))
    }
}

impl Pairs for Picture<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.0.get(key)
    }

    fn scan(&self, from: &[u8], to: &[u8], direction: Direction) -> Scan<'_> {
        self.0.scan(from, to, direction)
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
