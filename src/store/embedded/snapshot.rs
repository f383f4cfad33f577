//! A picture of the store while commits go on: the committer keeps what it overwrites for each picture that is being read.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};

use super::super::keyspace::{self, Overwritten, Pairs, Picture};
use super::Shared;
use crate::app::ports::{Record, RecordPlace, StoreError, StoreSnapshot, StoredLeaf};
use crate::audit::Frontier;

/// The pictures that are being read.
#[derive(Debug, Default)]
pub(super) struct Pictures(Mutex<Vec<Weak<Mutex<Overwritten>>>>);

impl Pictures {
    /// Begins a picture; called while nothing is added.
    pub(super) fn begin(&self) -> Arc<Mutex<Overwritten>> {
        let picture = Arc::default();
        locked(&self.0).push(Arc::downgrade(&picture));
        picture
    }

    /// Keeps what is about to be overwritten; called while nobody reads.
    pub(super) fn keep<'k>(
        &self,
        keys: &(impl Iterator<Item = &'k Vec<u8>> + Clone),
        pairs: &dyn Pairs,
    ) -> Result<(), StoreError> {
        let mut pictures = locked(&self.0);
        pictures.retain(|picture| picture.strong_count() > 0);
        pictures
            .iter()
            .filter_map(Weak::upgrade)
            .try_for_each(|picture| locked(&picture).keep(keys.clone(), pairs))
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

/// A picture that is being read. Each call holds up the next commit.
pub(super) struct EmbeddedSnapshot {
    pub(super) shared: Arc<Shared>,
    pub(super) overwritten: Arc<Mutex<Overwritten>>,
}

impl EmbeddedSnapshot {
    fn read<T>(&self, work: impl FnOnce(&dyn Pairs) -> Result<T, StoreError>) -> Result<T, StoreError> {
        self.shared.read(|pairs| {
            let overwritten = locked(&self.overwritten);
            work(&Picture::new(pairs, &overwritten)?)
        })
    }
}

impl StoreSnapshot for EmbeddedSnapshot {
    fn log(&self) -> Result<Frontier, StoreError> {
        self.read(keyspace::frontier)
    }

    fn leaves(&self, first: u64, limit: usize) -> Result<Vec<StoredLeaf>, StoreError> {
        self.read(|pairs| keyspace::leaves(pairs, first, limit))
    }

    fn records(
        &self,
        after: Option<&RecordPlace>,
        limit: usize,
    ) -> Result<(Vec<Record>, Option<RecordPlace>), StoreError> {
        self.read(|pairs| keyspace::records(pairs, after, limit))
    }
}
