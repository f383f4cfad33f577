//! What a reader sees: sled, over it what is on its way there, and over that what was committed since.

use std::sync::Arc;

use super::super::keyspace::{Layered, Pairs, Writes};
use super::changes::PIECE_BYTES;
use super::database::Database;
use super::settler::SettleError;

/// What one key costs in memory beside its bytes.
const KEY_COST_BYTES: usize = 96;

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
    pub(super) fn read<T>(&self, database: &Database, work: impl FnOnce(&dyn Pairs) -> T) -> T {
        let settled = Layered::new(database, &self.settling);
        work(&Layered::new(&settled, &self.fresh))
    }

    /// Adds a group. What is removed is removed from sled at once, unless it is on its way there: else whoever looks for
    /// the first of a queue would wade through all that has left it. Returns how many bytes sled was given by that
    /// since it was forced to the disk.
    pub(super) fn add(&mut self, writes: Writes, database: &Database) -> Result<usize, SettleError> {
        let is_gone = |(key, value): &(&Vec<u8>, &Option<Vec<u8>>)| {
            value.is_none() && !self.settling.contains_key(*key)
        };
        let mut removals = writes.iter().filter(is_gone).map(|(key, _)| (&key[..], None)).peekable();
        let mut given = 0;
        while removals.peek().is_some() {
            given += database.change_next(&mut removals)?;
            if given >= PIECE_BYTES {
                database.force()?;
                given = 0;
            }
        }
        for (key, value) in writes {
            let length = key.len() + KEY_COST_BYTES;
            let old = if value.is_none() && !self.settling.contains_key(&key) {
                self.fresh.remove(&key)
            } else {
                self.fresh_bytes += length + value.as_ref().map_or(0, Vec::len);
                self.fresh.insert(key, value)
            };
            self.fresh_bytes -= old.map_or(0, |old| length + old.map_or(0, |old| old.len()));
        }
        Ok(given)
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
