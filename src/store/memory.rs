//! The store in memory, for tests and for trying things out: the same key space as the embedded one, on a tree that is
//! gone with the process. Durable it is not; in all else it keeps the contract.

use std::collections::BTreeMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;

use super::keyspace::{self, Direction, Group, Pairs, Scan};
use crate::app::ports::{
    CaseSearch, CasesFound, CommitError, Committed, Key, List, LogFound, LogSearch, Record, RecordPlace,
    RegisterFound, RegisterSearch, Store, StoreError, StoreSnapshot, StoredLeaf, UnitOfWork, Versioned,
};
use crate::audit::{Frontier, Node};
use crate::value::Digest;

/// A store that keeps nothing on a disk.
#[derive(Debug, Default)]
pub struct MemoryStore(Mutex<Tree>);

#[derive(Debug, Default, Clone)]
struct Tree(BTreeMap<Vec<u8>, Vec<u8>>);

impl Pairs for Tree {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(key).cloned())
    }

    fn scan(&self, from: &[u8], to: &[u8], direction: Direction) -> Scan<'_> {
        if from >= to {
            return Box::new(std::iter::empty());
        }
        let pairs =
            self.0.range(from.to_vec()..to.to_vec()).map(|(key, value)| Ok((key.clone(), value.clone())));
        match direction {
            Direction::Forward => Box::new(pairs),
            Direction::Backward => Box::new(pairs.rev()),
        }
    }
}

impl MemoryStore {
    /// Overwrites bytes wherever they stand in a value, as somebody could who has the disk. Returns in how many values.
    /// For tests of what is noticed then.
    pub fn overwrite(&self, bytes: &[u8], with: &[u8]) -> usize {
        let mut changed = 0;
        for value in self.tree().0.values_mut() {
            if let Some(at) = value.windows(bytes.len()).position(|window| window == bytes) {
                value.splice(at..at + bytes.len(), with.iter().copied());
                changed += 1;
            }
        }
        changed
    }

    fn tree(&self) -> MutexGuard<'_, Tree> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Store for MemoryStore {
    async fn get(&self, key: &Key) -> Result<Option<Versioned<Record>>, StoreError> {
        keyspace::get(&*self.tree(), key)
    }

    async fn list(&self, list: &List, limit: usize) -> Result<Vec<Versioned<Record>>, StoreError> {
        keyspace::list(&*self.tree(), list, limit)
    }

    async fn cases(&self, search: &CaseSearch, limit: usize, steps: usize) -> Result<CasesFound, StoreError> {
        keyspace::cases(&*self.tree(), search, limit, steps)
    }

    async fn count_cases(&self, search: &CaseSearch, limit: usize) -> Result<usize, StoreError> {
        keyspace::count_cases(&*self.tree(), search, limit)
    }

    async fn register(&self, search: &RegisterSearch, limit: usize) -> Result<RegisterFound, StoreError> {
        keyspace::register(&*self.tree(), search, limit)
    }

    async fn commit(&self, unit: UnitOfWork) -> Result<Committed, CommitError> {
        let mut tree = self.tree();
        let mut group = Group::new(&*tree)?;
        let committed = group.add(&unit)?;
        for (key, value) in group.into_writes()? {
            match value {
                Some(value) => tree.0.insert(key, value),
                None => tree.0.remove(&key),
            };
        }
        Ok(committed)
    }

    async fn log(&self) -> Result<Frontier, StoreError> {
        keyspace::frontier(&*self.tree())
    }

    async fn search(&self, search: &LogSearch, limit: usize, steps: usize) -> Result<LogFound, StoreError> {
        keyspace::search(&*self.tree(), search, limit, steps)
    }

    async fn leaves(&self, first: u64, limit: usize) -> Result<Vec<StoredLeaf>, StoreError> {
        keyspace::leaves(&*self.tree(), first, limit)
    }

    async fn pruned(&self) -> Result<u64, StoreError> {
        keyspace::pruned(&*self.tree())
    }

    async fn roots(&self, nodes: &[Node]) -> Result<Vec<Digest>, StoreError> {
        keyspace::roots(&*self.tree(), nodes)
    }

    async fn snapshot(&self) -> Result<Box<dyn StoreSnapshot>, StoreError> {
        Ok(Box::new(self.tree().clone()))
    }
}

/// A copy: in tests the store is small.
impl StoreSnapshot for Tree {
    fn log(&self) -> Result<Frontier, StoreError> {
        keyspace::frontier(self)
    }

    fn leaves(&self, first: u64, limit: usize) -> Result<Vec<StoredLeaf>, StoreError> {
        keyspace::leaves(self, first, limit)
    }

    fn records(
        &self,
        after: Option<&RecordPlace>,
        limit: usize,
    ) -> Result<(Vec<Record>, Option<RecordPlace>), StoreError> {
        keyspace::records(self, after, limit)
    }
}
