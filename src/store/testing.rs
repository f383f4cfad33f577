//! For tests: a store that fails when it is told to, and counts how it is called. Nothing of the gateway uses it.

use std::collections::BTreeMap;
use std::collections::VecDeque;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use thiserror::Error;

use crate::app::ports::{
    CaseSearch, CasesFound, CommitError, Committed, Key, List, LogFound, LogSearch, Record, RegisterFound,
    RegisterSearch, Store, StoreError, StoreSnapshot, StoredLeaf, UnitOfWork, Versioned,
};
use crate::audit::{Frontier, Node};
use crate::value::Digest;

/// How a commit fails.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// It is told as failed, and nothing happened.
    NotPersisted,
    /// It is told as failed, and yet it happened.
    Persisted,
}

/// The error that was asked for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a failure that the test asked for")]
pub struct AskedFor;

/// A store that fails when it is told to.
pub struct FaultyStore {
    inner: Arc<dyn Store>,
    state: Mutex<State>,
    watch: Option<Watch>,
}

/// Is shown each unit that happened, from within the call that committed it.
pub type Watch = fn(&UnitOfWork);

#[derive(Default)]
struct State {
    /// What becomes of the next commits; `None` is one that succeeds.
    commits: VecDeque<Option<Fault>>,
    is_down: bool,
    calls: BTreeMap<&'static str, u64>,
    /// Units that happened, whatever was told of them.
    units: Vec<UnitOfWork>,
}

impl FaultyStore {
    /// Stands before a store; without further orders it does what that one does.
    pub fn new(inner: Arc<dyn Store>) -> Self {
        Self { inner, state: Mutex::new(State::default()), watch: None }
    }

    /// The same, and somebody is shown each unit that happens.
    pub fn watched(inner: Arc<dyn Store>, watch: Watch) -> Self {
        Self { watch: Some(watch), ..Self::new(inner) }
    }

    /// Fails the commit after `successes` more that succeed.
    pub fn fail_commit_after(&self, successes: usize, fault: Fault) {
        let mut state = self.state();
        state.commits.extend(std::iter::repeat_n(None, successes));
        state.commits.push_back(Some(fault));
    }

    /// Down, it answers nothing; up again, it does.
    pub fn set_down(&self, is_down: bool) {
        self.state().is_down = is_down;
    }

    /// How often each method was called since the last time that this was asked.
    pub fn take_calls(&self) -> BTreeMap<&'static str, u64> {
        std::mem::take(&mut self.state().calls)
    }

    /// The units that happened since the last time that this was asked.
    pub fn take_units(&self) -> Vec<UnitOfWork> {
        std::mem::take(&mut self.state().units)
    }

    async fn commit_and_note(&self, unit: UnitOfWork) -> Result<Committed, CommitError> {
        let committed = self.inner.commit(unit.clone()).await?;
        if let Some(watch) = self.watch {
            watch(&unit);
        }
        self.state().units.push(unit);
        Ok(committed)
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, method: &'static str) -> Result<(), StoreError> {
        let mut state = self.state();
        *state.calls.entry(method).or_default() += 1;
        if state.is_down { Err(failure()) } else { Ok(()) }
    }
}

fn failure() -> StoreError {
    StoreError::Unavailable(Box::new(AskedFor))
}

#[async_trait]
impl Store for FaultyStore {
    async fn get(&self, key: &Key) -> Result<Option<Versioned<Record>>, StoreError> {
        self.note("get")?;
        self.inner.get(key).await
    }

    async fn list(&self, list: &List, limit: usize) -> Result<Vec<Versioned<Record>>, StoreError> {
        self.note("list")?;
        self.inner.list(list, limit).await
    }

    async fn cases(&self, search: &CaseSearch, limit: usize, steps: usize) -> Result<CasesFound, StoreError> {
        self.note("cases")?;
        self.inner.cases(search, limit, steps).await
    }

    async fn count_cases(&self, search: &CaseSearch, limit: usize) -> Result<usize, StoreError> {
        self.note("cases")?;
        self.inner.count_cases(search, limit).await
    }

    async fn register(&self, search: &RegisterSearch, limit: usize) -> Result<RegisterFound, StoreError> {
        self.note("register")?;
        self.inner.register(search, limit).await
    }

    async fn commit(&self, unit: UnitOfWork) -> Result<Committed, CommitError> {
        self.note("commit")?;
        let fault = self.state().commits.pop_front().flatten();
        match fault {
            None => self.commit_and_note(unit).await,
            Some(Fault::NotPersisted) => Err(failure().into()),
            Some(Fault::Persisted) => {
                self.commit_and_note(unit).await?;
                Err(failure().into())
            }
        }
    }

    async fn log(&self) -> Result<Frontier, StoreError> {
        self.note("log")?;
        self.inner.log().await
    }

    async fn search(&self, search: &LogSearch, limit: usize, steps: usize) -> Result<LogFound, StoreError> {
        self.note("search")?;
        self.inner.search(search, limit, steps).await
    }

    async fn leaves(&self, first: u64, limit: usize) -> Result<Vec<StoredLeaf>, StoreError> {
        self.note("leaves")?;
        self.inner.leaves(first, limit).await
    }

    async fn pruned(&self) -> Result<u64, StoreError> {
        self.note("pruned")?;
        self.inner.pruned().await
    }

    async fn roots(&self, nodes: &[Node]) -> Result<Vec<Digest>, StoreError> {
        self.note("roots")?;
        self.inner.roots(nodes).await
    }

    async fn snapshot(&self) -> Result<Box<dyn StoreSnapshot>, StoreError> {
        self.note("snapshot")?;
        self.inner.snapshot().await
    }
}

#[cfg(test)]
mod tests {
    use super::super::MemoryStore;
    use super::*;
    use crate::app::ports::{Change, PersonName};
    use crate::value::{MailAddress, PersonId, Timestamp};

    fn person(n: u8) -> Record {
        let address = MailAddress::parse("anne.exemple@departement.example").unwrap();
        PersonName { person: PersonId::new([n; 16]), address, met_at: Timestamp(1) }.into()
    }

    #[tokio::test]
    async fn each_fault_leaves_what_its_name_says() {
        let store = FaultyStore::new(Arc::new(MemoryStore::default()));
        let put = async |n| {
            let unit = UnitOfWork { changes: vec![Change::Put(person(n))], ..UnitOfWork::default() };
            store.commit(unit).await.is_ok()
        };
        let is_there = async |n| store.get(&person(n).key()).await.unwrap().is_some();
        store.fail_commit_after(1, Fault::NotPersisted);
        store.fail_commit_after(0, Fault::Persisted);
        assert!(put(1).await && is_there(1).await);
        assert!(!put(2).await && !is_there(2).await);
        assert!(!put(3).await && is_there(3).await);
        assert!(put(4).await && is_there(4).await);
        assert_eq!(store.take_calls(), [("commit", 4), ("get", 4)].into());
        store.set_down(true);
        assert!(!put(5).await && store.get(&person(1).key()).await.is_err());
        store.set_down(false);
        assert!(!is_there(5).await);
    }
}
