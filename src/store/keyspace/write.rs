//! Units of work become writes: expectations are judged, versions and places in the log given out, index entries that
//! no longer hold removed. Several units make a group, each seeing those before it; the engine writes a group at once.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::days::Days;
use super::leaves::{self, Appended};
use super::postings::Postings;
use super::record::{self, chunk_key};
use super::{KeyspaceError, Pairs, index, log};
use crate::app::ports::{
    Change, CommitError, Committed, Entry, Expectation, Key, Record, RestoredLog, StoreError, UnitOfWork,
};
use crate::audit::Frontier;

/// The layout that this program writes. 3 is 2 with commits beside it, in a journal that programs before it do not read; 4
/// is 3 with small pairs in blocks.
const FORMAT: u32 = 4;
/// The oldest layout that it reads.
const OLDEST_FORMAT: u32 = 2;
const META_KEY: &[u8] = b"m";

/// What the space says of itself.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(super) struct Meta {
    format: u32,
    /// The number of the last unit; a record's version is the number of the unit that wrote it, so that a record
    /// which was deleted and made anew is not taken for the old one.
    units: u64,
    pub(super) frontier: Frontier,
    /// Entries of the log before this place have lost their payload.
    #[serde(default)]
    pub(super) pruned: u64,
}

impl Meta {
    /// Reads it; a new space has none yet.
    pub(super) fn read(pairs: &dyn Pairs) -> Result<Self, StoreError> {
        Self::from_json(pairs.get(META_KEY)?.as_deref())
    }

    fn from_json(json: Option<&[u8]>) -> Result<Self, StoreError> {
        let Some(json) = json else {
            return Ok(Self { format: FORMAT, units: 0, frontier: Frontier::default(), pruned: 0 });
        };
        let meta: Self = serde_json::from_slice(json).map_err(|_| StoreError::Damaged)?;
        if (OLDEST_FORMAT..=FORMAT).contains(&meta.format) {
            Ok(Self { format: FORMAT, ..meta })
        } else {
            Err(KeyspaceError::Format { expected: FORMAT, actual: meta.format }.into())
        }
    }

    /// What is to be written so that a space says the format that it is written in from now on.
    pub(super) fn renewed(get: record::Get<'_>) -> Result<Writes, StoreError> {
        let old = get(META_KEY)?;
        let meta = Self::from_json(old.as_deref())?.to_json()?;
        let renewed = old.is_some_and(|old| old != meta);
        Ok(renewed.then(|| (META_KEY.to_vec(), Some(meta))).into_iter().collect())
    }

    fn to_json(&self) -> Result<Vec<u8>, StoreError> {
        serde_json::to_vec(self).map_err(|_| StoreError::Damaged)
    }
}

/// Writes by key; `None` removes.
pub(in super::super) type Writes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;

/// Units that are written together.
pub(in super::super) struct Group<'a> {
    pairs: &'a dyn Pairs,
    meta: Meta,
    writes: Writes,
    appended: Appended,
    postings: Postings,
    days: Days,
}

impl<'a> Group<'a> {
    /// An empty group on top of what is there.
    pub(in super::super) fn new(pairs: &'a dyn Pairs) -> Result<Self, StoreError> {
        let meta = Meta::read(pairs)?;
        let appended = Appended::after(meta.frontier.size());
        Ok(Self {
            pairs,
            meta,
            writes: Writes::new(),
            appended,
            postings: Postings::default(),
            days: Days::default(),
        })
    }

    /// Adds a unit, wholly or not at all.
    pub(in super::super) fn add(&mut self, unit: &UnitOfWork) -> Result<Committed, CommitError> {
        let version = self.meta.units + 1;
        let mut addition = Addition { group: self, writes: Writes::new(), pruned: self.meta.pruned };
        addition.check(&unit.expectations)?;
        for change in &unit.changes {
            match change {
                Change::Put(record) => addition.put(record, version)?,
                Change::Delete(key) => addition.delete(key)?,
                Change::PruneLog { before } => addition.prune_log(*before)?,
            }
        }
        let (writes, pruned) = (addition.writes, addition.pruned);
        leaves::check(&unit.entries)?;
        let restored = &unit.restored;
        let whole = !restored.leaves.is_empty() || restored.goes_on_from.is_some();
        if whole {
            leaves::check_restored(restored, self.meta.frontier.size())?;
        }
        let mut first_entry = self.meta.frontier.size();
        if whole || !writes.is_empty() || !unit.entries.is_empty() {
            self.meta.units = version;
            self.meta.pruned = pruned;
            self.writes.extend(writes);
            if whole {
                self.restore(restored);
                first_entry = self.meta.frontier.size();
            }
            self.append(&unit.entries);
        }
        Ok(Committed { first_entry })
    }

    /// Puts entries back where they were, after [`leaves::check_restored`]; then the log goes on from a larger tree, if it
    /// is to.
    fn restore(&mut self, restored: &RestoredLog) {
        for leaf in &restored.leaves {
            match &leaf.entry {
                Some(entry) => {
                    let place = self.appended.push(entry, &mut self.meta.frontier);
                    if let Ok(event) = entry.event() {
                        log::note(&mut self.postings, place, &event);
                    }
                }
                None => self.meta.pruned = self.appended.push_bare(leaf.leaf, &mut self.meta.frontier) + 1,
            }
        }
        if let Some(larger) = &restored.goes_on_from {
            self.appended.skip_to(larger);
            self.meta.frontier = larger.clone();
        }
    }

    /// Gives the entries their places.
    fn append(&mut self, entries: &[Entry]) {
        for entry in entries {
            let place = self.appended.push(&entry.entry, &mut self.meta.frontier);
            log::note(&mut self.postings, place, &entry.event);
            self.days.add(entry.event.at.day(), place);
        }
    }

    /// All writes of the group; empty when no unit changed anything.
    pub(in super::super) fn into_writes(mut self) -> Result<Writes, StoreError> {
        let days = self.days.into_pairs(self.pairs)?;
        let entries = self.appended.into_pairs(self.pairs)?;
        let pairs = entries.into_iter().chain(self.postings.into_pairs()).chain(days);
        self.writes.extend(pairs.map(|(key, value)| (key, Some(value))));
        if !self.writes.is_empty() {
            self.writes.insert(META_KEY.to_vec(), Some(self.meta.to_json()?));
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
    pruned: u64,
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

    /// Removes the payloads of entries before a place, in tiles: what stands in one still grows is not pruned.
    fn prune_log(&mut self, before: u64) -> Result<(), StoreError> {
        let before = before.min(self.group.appended.start()) / leaves::TILE_LEAVES * leaves::TILE_LEAVES;
        if before > self.pruned {
            self.writes.extend(log::prune(self.group.pairs, before)?);
            self.pruned = before;
        }
        Ok(())
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
