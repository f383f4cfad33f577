//! What a reader sees: sled, over it what is on its way there, and over that what was committed since.

use std::ops::Bound;
use std::sync::Arc;

use super::super::keyspace::{Direction, Layered, Pairs, Scan, Writes};
use super::unavailable;
use crate::app::ports::StoreError;

/// What one key costs in memory beside its bytes.
const KEY_COST_BYTES: usize = 96;

/// sled's tree as it is.
pub(super) struct Whole<'a>(pub(super) &'a sled::Tree);

impl Pairs for Whole<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(key).map_err(unavailable)?.map(|value| value.to_vec()))
    }

    fn scan(&self, from: &[u8], to: &[u8], direction: Direction) -> Scan<'_> {
        if from >= to {
            return Box::new(std::iter::empty());
        }
        let pairs = self.0.range::<&[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        let pair = |pair: sled::Result<(sled::IVec, sled::IVec)>| match pair {
            Ok((key, value)) => Ok((key.to_vec(), value.to_vec())),
            Err(error) => Err(unavailable(error)),
        };
        match direction {
            Direction::Forward => Box::new(pairs.map(pair)),
            Direction::Backward => Box::new(pairs.rev().map(pair)),
        }
    }
}

/// What is committed and not in sled yet, all of it on the disk in the journal.
#[derive(Debug, Default)]
pub(super) struct Layers {
    fresh: Writes,
    fresh_bytes: usize,
    /// Being put into sled: sled may have any part of it.
    settling: Arc<Writes>,
}

impl Layers {
    /// Reads the whole, one layer over the other.
    pub(super) fn read<T>(&self, tree: &sled::Tree, work: impl FnOnce(&dyn Pairs) -> T) -> T {
        let whole = Whole(tree);
        let settled = Layered::new(&whole, &self.settling);
        work(&Layered::new(&settled, &self.fresh))
    }

    /// Adds a group. What is removed is removed from sled at once, unless it is on its way there: else whoever looks for
    /// the first of a queue would wade through all that has left it. Returns how many bytes sled was given by that.
    pub(super) fn add(&mut self, writes: Writes, tree: &sled::Tree) -> Result<usize, sled::Error> {
        let mut removed = 0;
        for (key, value) in writes {
            let old = match value {
                None if !self.settling.contains_key(&key) => {
                    if tree.remove(&key)?.is_some() {
                        removed += key.len() + KEY_COST_BYTES;
                    }
                    self.fresh.remove_entry(&key).map(|(key, old)| (key.len() + KEY_COST_BYTES, old))
                }
                value => {
                    self.fresh_bytes += key.len() + KEY_COST_BYTES + value.as_ref().map_or(0, Vec::len);
                    let length = key.len() + KEY_COST_BYTES;
                    self.fresh.insert(key, value).map(|old| (length, old))
                }
            };
            self.fresh_bytes -= old.map_or(0, |(key, old)| key + old.map_or(0, |old| old.len()));
        }
        Ok(removed)
    }

    /// About what the fresh layer takes in memory, in bytes.
    pub(super) const fn fresh_bytes(&self) -> usize {
        self.fresh_bytes
    }

    /// Makes the fresh layer the one that is put into sled; the one before must be there.
    pub(super) fn begin_settling(&mut self) -> Arc<Writes> {
        self.fresh_bytes = 0;
        self.settling = Arc::new(std::mem::take(&mut self.fresh));
        Arc::clone(&self.settling)
    }

    /// sled has it now.
    pub(super) fn settled(&mut self) {
        self.settling = Arc::default();
    }
}
