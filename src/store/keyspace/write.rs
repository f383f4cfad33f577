//! Units of work become writes: expectations are judged, versions and places in the log given out, index entries that
//! no longer hold removed. Several units make a group, each seeing those before it; the engine writes a group at once.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::record::{self, chunk_key};
use super::{KeyspaceError, Pairs, index, log};
use crate::app::ports::{
    Change, CommitError, Committed, Entry, Expectation, Key, Record, StoreError, UnitOfWork,
};
use crate::audit::Frontier;

/// The layout that this program writes and reads.
const FORMAT: u32 = 1;
const META_KEY: &[u8] = b"m";

/// What the space says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Meta {
    format: u32,
    /// The number of the last unit; a record's version is the number of the unit that wrote it, so that a record
    /// which was deleted and made anew is not taken for the old one.
    units: u64,
    pub(super) frontier: Frontier,
}

impl Meta {
    /// Reads it; a new space has none yet.
    pub(super) fn read(pairs: &dyn Pairs) -> Result<Self, StoreError> {
        let Some(json) = pairs.get(META_KEY)? else {
            return Ok(Self { format: FORMAT, units: 0, frontier: Frontier::default() });
        };
        let meta: Self = serde_json::from_slice(&json).map_err(|_| StoreError::Damaged)?;
        if meta.format == FORMAT {
            Ok(meta)
        } else {
            Err(KeyspaceError::Format { expected: FORMAT, actual: meta.format }.into())
        }
    }
}

/// Writes by key; `None` removes.
pub(in super::super) type Writes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Units that are written together.
pub(in super::super) struct Group<'a> {
    pairs: &'a dyn Pairs,
    meta: Meta,
    writes: Writes,
}

impl<'a> Group<'a> {
    /// An empty group on top of what is there.
    pub(in super::super) fn new(pairs: &'a dyn Pairs) -> Result<Self, StoreError> {
        Ok(Self { pairs, meta: Meta::read(pairs)?, writes: Writes::new() })
    }

    /// Adds a unit, wholly or not at all.
    pub(in super::super) fn add(&mut self, unit: &UnitOfWork) -> Result<Committed, CommitError> {
        let version = self.meta.units + 1;
        let mut addition = Addition { group: self, writes: Writes::new() };
        addition.check(&unit.expectations)?;
        for change in &unit.changes {
            match change {
                Change::Put(record) => addition.put(record, version)?,
                Change::Delete(key) => addition.delete(key)?,
            }
        }
        let frontier = addition.append(&unit.entries)?;
        let writes = addition.writes;
        let first_entry = self.meta.frontier.size();
        if !writes.is_empty() {
            self.meta.units = version;
            self.meta.frontier = frontier;
            self.writes.extend(writes);
        }
        Ok(Committed { first_entry })
    }

    /// All writes of the group; empty when no unit changed anything.
    pub(in super::super) fn into_writes(mut self) -> Result<Writes, StoreError> {
        if !self.writes.is_empty() {
            let meta = serde_json::to_vec(&self.meta).map_err(|_| StoreError::Damaged)?;
            self.writes.insert(META_KEY.to_vec(), Some(meta));
        }
        Ok(self.writes)
    }

    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.writes.get(key) {
            Some(written) => Ok(written.clone()),
            None => self.pairs.get(key),
        }
    }
}

/// A unit that is being added to a group.
struct Addition<'a, 'b> {
    group: &'a Group<'b>,
    writes: Writes,
}

impl Addition<'_, '_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        match self.writes.get(key) {
            Some(written) => Ok(written.clone()),
            None => self.group.get(key),
        }
    }

    fn check(&self, expectations: &[Expectation]) -> Result<(), CommitError> {
        for expectation in expectations {
            let (key, expected) = match expectation {
                Expectation::Absent(key) => (key, None),
                Expectation::Unchanged(key, version) => (key, Some(*version)),
            };
            let head = self.get(&chunk_key(&record::address(key), 0))?;
            let found = head.map(|head| record::parse_head(&head)).transpose()?;
            if found.map(|(version, _)| version) != expected {
                return Err(CommitError::Conflict);
            }
        }
        Ok(())
    }

    fn put(&mut self, record: &Record, version: u64) -> Result<(), StoreError> {
        let address = record::address(&record.key());
        let (old_entries, old_chunks) = self.old(&address)?;
        let chunks = record::chunks(record, version)?;
        for chunk in chunks.len()..usize::from(old_chunks) {
            let number = u16::try_from(chunk).map_err(|_| StoreError::Damaged)?;
            self.writes.insert(chunk_key(&address, number), None);
        }
        for (number, chunk) in (0_u16..).zip(chunks) {
            self.put_chunk(chunk_key(&address, number), chunk, number)?;
        }
        let new_entries = entry_keys(record, &address);
        for gone in old_entries.difference(&new_entries) {
            self.writes.insert(gone.clone(), None);
        }
        for new in new_entries.difference(&old_entries) {
            self.writes.insert(new.clone(), Some(address.clone()));
        }
        Ok(())
    }

    fn delete(&mut self, key: &Key) -> Result<(), StoreError> {
        let address = record::address(key);
        let (entries, chunks) = self.old(&address)?;
        let chunks = (0..chunks).map(|chunk| chunk_key(&address, chunk));
        self.writes.extend(chunks.chain(entries).map(|key| (key, None)));
        Ok(())
    }

    /// The index entries and the number of chunks of the record as it is now; nothing of one that does not exist.
    fn old(&self, address: &[u8]) -> Result<(BTreeSet<Vec<u8>>, u16), StoreError> {
        let Some(head) = self.get(&chunk_key(address, 0))? else { return Ok((BTreeSet::new(), 0)) };
        let (_, chunks) = record::parse_head(&head)?;
        let old = record::read(&|key| self.get(key), address)?.ok_or(StoreError::Damaged)?;
        Ok((entry_keys(&old.record, address), chunks))
    }

    /// Gives the entries their places; returns the tree with them.
    fn append(&mut self, entries: &[Entry]) -> Result<Frontier, StoreError> {
        let mut frontier = self.group.meta.frontier.clone();
        for entry in entries {
            let (place, leaf) = (frontier.size(), entry.entry.leaf());
            let pairs = log::pairs_of(place, leaf, entry)?;
            self.writes.extend(pairs.into_iter().map(|(key, value)| (key, Some(value))));
            frontier.append(leaf);
        }
        Ok(frontier)
    }

    /// Writes a chunk. A further one that stays as it is is left out: most of a draft that grows by one file.
    fn put_chunk(&mut self, key: Vec<u8>, chunk: Vec<u8>, number: u16) -> Result<(), StoreError> {
        if number == 0 || self.get(&key)?.as_ref() != Some(&chunk) {
            self.writes.insert(key, Some(chunk));
        }
        Ok(())
    }
}

fn entry_keys(record: &Record, address: &[u8]) -> BTreeSet<Vec<u8>> {
    index::entries_of(record).into_iter().map(|key| [&key[..], address].concat()).collect()
}
