//! The store on one machine: sled behind one committer thread.
//!
//! sled's own `flush` is not durable (on Linux it asks for the pages to be written, not for the disk's cache nor the
//! file's size), and its asynchronous flush hangs under load. So one thread takes the units that wait, writes them as
//! one batch on one tree, flushes, forces sled's file to the disk through a handle of its own, and only then answers
//! (`docs/decisions/0003`).
//!
//! | step | a crash after it leaves |
//! | --- | --- |
//! | batch applied in memory | nothing |
//! | flushed by sled | the group, or nothing of it; nobody was told |
//! | forced to the disk | the group |
//!
//! Nobody is told of a unit before it is durable, by a read either: a read that meets what is being committed waits
//! for the disk. After an error on the way to the disk nothing that is known is certain: the store refuses all until
//! it is opened anew.

mod committer;
mod snapshot;
mod view;

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::{mpsc, watch};
use tokio::task::spawn_blocking;

use self::committer::{Committer, Order};
use self::snapshot::{EmbeddedSnapshot, Pictures};
use self::view::{Pending, View};
use super::durable;
use super::keyspace::{self, Pairs};
use crate::app::ports::{
    CaseSearch, CasesFound, CommitError, Committed, Key, List, LogFound, LogSearch, Record, Store,
    StoreError, StoreSnapshot, StoredLeaf, UnitOfWork, Versioned,
};
use crate::audit::{Frontier, Node};
use crate::value::Digest;

/// How often, and how many times, a database that somebody still holds is asked for again.
const LOCK_WAIT: Duration = Duration::from_millis(50);
const LOCK_TRIES: u32 = 40;
/// Memory that sled keeps pages in.
const CACHE_BYTES: u64 = 32 * 1024 * 1024;
/// How often sled's own thread tidies its file.
const TIDY_EVERY_MILLIS: u64 = 500;
/// Units that may wait for the committer; more wait to hand theirs over.
const QUEUE_UNITS: usize = 256;
/// Lists up to this length are read on the spot; longer ones where blocking is allowed.
const SHORT_LIST: usize = 16;
/// Entries of the log that are looked at in one go: committing waits for a reader to end.
const ENTRIES_AT_ONCE: usize = 500;

/// The store in a directory of its own.
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    orders: Option<mpsc::Sender<Order>>,
    committer: Option<JoinHandle<()>>,
}

/// What readers and the committer share.
struct Shared {
    /// Keeps sled's file locked.
    _database: sled::Db,
    tree: sled::Tree,
    /// What was applied last. Written while a batch is applied: a reader sees all of a group or nothing.
    pending: RwLock<Pending>,
    /// For which what is overwritten is kept.
    pictures: Pictures,
    durable: watch::Receiver<Durability>,
}

/// How far the disk is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durability {
    /// The groups up to this one are on the disk.
    Group(u64),
    /// Unknown, after an error.
    Lost,
}

impl EmbeddedStore {
    /// Opens the store, or makes a new one. Blocks while sled reads its file.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let database = open_database(directory)?;
        let file = force_all(directory).map_err(unavailable)?;
        Self::start(database, file)
    }

    /// Starts the committer; `file` is what it forces to the disk.
    fn start(database: sled::Db, file: File) -> Result<Self, StoreError> {
        let tree: sled::Tree = (*database).clone();
        keyspace::check_format(&view::Whole(&tree))?;
        let (durable_sender, durable) = watch::channel(Durability::Group(0));
        let pending = RwLock::new(Pending::default());
        let shared =
            Arc::new(Shared { _database: database, tree, pending, pictures: Pictures::default(), durable });
        let (orders, receiver) = mpsc::channel(QUEUE_UNITS);
        let committer = Committer::new(Arc::clone(&shared), file, durable_sender);
        let thread = std::thread::Builder::new().name("pli-commits".to_owned());
        let thread = thread.spawn(move || committer.run(receiver)).map_err(unavailable)?;
        Ok(Self { shared, orders: Some(orders), committer: Some(thread) })
    }

    /// Reads on the spot, and waits if what was read is not on the disk yet.
    async fn read<T>(&self, work: impl FnOnce(&dyn Pairs) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let (read, group) = self.shared.read(work);
        self.shared.wait_for(group).await?;
        read
    }

    /// Reads where blocking is allowed.
    async fn read_long<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Pairs) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        let (read, group) = spawn_blocking(move || shared.read(work)).await.map_err(unavailable)?;
        self.shared.wait_for(group).await?;
        read
    }
}

impl Drop for EmbeddedStore {
    /// Ends the committer after what waits is committed, so that the store can be opened again at once.
    fn drop(&mut self) {
        drop(self.orders.take());
        if let Some(committer) = self.committer.take() {
            // It has told its error to whoever waited.
            let _ = committer.join();
        }
    }
}

impl Shared {
    /// Reads a consistent picture; says which group must be on the disk before it may be told.
    fn read<T>(
        &self,
        work: impl FnOnce(&dyn Pairs) -> Result<T, StoreError>,
    ) -> (Result<T, StoreError>, Option<u64>) {
        let pending = self.pending.read().unwrap_or_else(PoisonError::into_inner);
        let durable = match *self.durable.borrow() {
            Durability::Group(group) => group,
            Durability::Lost => return (Err(unavailable(Lost)), None),
        };
        let view = View::new(&self.tree, &pending, durable);
        let read = work(&view);
        (read, view.must_wait_for())
    }

    async fn wait_for(&self, group: Option<u64>) -> Result<(), StoreError> {
        let Some(group) = group else { return Ok(()) };
        let mut durable = self.durable.clone();
        let reached = |durability: &Durability| match durability {
            Durability::Group(durable) => *durable >= group,
            Durability::Lost => true,
        };
        match durable.wait_for(reached).await.map(|reached| *reached) {
            Ok(Durability::Group(_)) => Ok(()),
            Ok(Durability::Lost) | Err(_) => Err(unavailable(Lost)),
        }
    }
}

/// An earlier error left the store in an unknown state.
#[derive(Debug, Clone, Copy, thiserror::Error)]
#[error("an earlier error left the store in an unknown state; the gateway must be restarted")]
struct Lost;

fn unavailable(error: impl std::error::Error + Send + Sync + 'static) -> StoreError {
    StoreError::Unavailable(Box::new(error))
}

/// sled panics on some damaged files; that is told as damage.
fn open_database(directory: &Path) -> Result<sled::Db, StoreError> {
    durable::make_directory(directory).map_err(unavailable)?;
    let config = sled::Config::new()
        .path(directory)
        .cache_capacity(CACHE_BYTES)
        .flush_every_ms(Some(TIDY_EVERY_MILLIS));
    let mut patience = LOCK_TRIES;
    loop {
        match catch_unwind(AssertUnwindSafe(|| config.open())) {
            Ok(Ok(database)) => return Ok(database),
            Ok(Err(sled::Error::Corruption { .. })) | Err(_) => return Err(StoreError::Damaged),
            Ok(Err(error)) if patience > 0 && is_locked(&error) => {
                patience -= 1;
                std::thread::sleep(LOCK_WAIT);
            }
            Ok(Err(error)) => return Err(unavailable(error)),
        }
    }
}

/// Whether somebody holds the database: sled, which lets go of it on a thread of its own, or a gateway that is ending.
fn is_locked(error: &sled::Error) -> bool {
    matches!(error, sled::Error::Io(error) if error.to_string().contains("could not acquire lock"))
}

/// Forces what sled made or recovered to the disk, with the names that lead to it: what was written before a kill may
/// be in memory only. Returns the handle through which commits are forced.
fn force_all(directory: &Path) -> io::Result<File> {
    for entry in fs::read_dir(directory)? {
        File::open(entry?.path())?.sync_all()?;
    }
    durable::sync_directory(directory)?;
    File::open(directory.join("db"))
}

#[async_trait]
impl Store for EmbeddedStore {
    async fn get(&self, key: &Key) -> Result<Option<Versioned<Record>>, StoreError> {
        self.read(|pairs| keyspace::get(pairs, key)).await
    }

    async fn list(&self, list: &List, limit: usize) -> Result<Vec<Versioned<Record>>, StoreError> {
        if limit <= SHORT_LIST {
            return self.read(|pairs| keyspace::list(pairs, list, limit)).await;
        }
        let list = list.clone();
        self.read_long(move |pairs| keyspace::list(pairs, &list, limit)).await
    }

    async fn cases(&self, search: &CaseSearch, limit: usize, steps: usize) -> Result<CasesFound, StoreError> {
        let search = search.clone();
        self.read_long(move |pairs| keyspace::cases(pairs, &search, limit, steps)).await
    }

    async fn count_cases(&self, search: &CaseSearch, limit: usize) -> Result<usize, StoreError> {
        let search = search.clone();
        self.read_long(move |pairs| keyspace::count_cases(pairs, &search, limit)).await
    }

    async fn commit(&self, unit: UnitOfWork) -> Result<Committed, CommitError> {
        let orders = self.orders.as_ref().ok_or_else(|| unavailable(Lost))?;
        let (order, outcome) = Order::new(unit);
        orders.send(order).await.map_err(|_| unavailable(Lost))?;
        outcome.await.map_err(|_| unavailable(Lost))?
    }

    async fn log(&self) -> Result<Frontier, StoreError> {
        self.read(keyspace::frontier).await
    }

    async fn search(&self, search: &LogSearch, limit: usize, steps: usize) -> Result<LogFound, StoreError> {
        let (mut search, mut found) = (search.clone(), LogFound::default());
        let (mut left, mut resume) = (steps, Some(0));
        while left > 0 && found.entries.len() < limit && resume.is_some() {
            let (part, want, steps) =
                (search.clone(), limit - found.entries.len(), left.min(ENTRIES_AT_ONCE));
            let part = self.read_long(move |pairs| keyspace::search(pairs, &part, want, steps)).await?;
            found.entries.extend(part.entries);
            resume = part.resume;
            search = resume.map_or(search.clone(), |place| search.resumed(place));
            left -= steps;
        }
        Ok(LogFound { resume, ..found })
    }

    async fn leaves(&self, first: u64, limit: usize) -> Result<Vec<StoredLeaf>, StoreError> {
        let mut leaves: Vec<StoredLeaf> = Vec::new();
        loop {
            // Places of entries that were lost before a restore are passed over.
            let next = leaves.last().map_or(first, |leaf| leaf.index + 1);
            let part = (limit - leaves.len()).min(ENTRIES_AT_ONCE);
            let found = self.read_long(move |pairs| keyspace::leaves(pairs, next, part)).await?;
            let is_last = found.len() < part;
            leaves.extend(found);
            if is_last || leaves.len() >= limit {
                return Ok(leaves);
            }
        }
    }

    async fn pruned(&self) -> Result<u64, StoreError> {
        self.read(keyspace::pruned).await
    }

    async fn roots(&self, nodes: &[Node]) -> Result<Vec<Digest>, StoreError> {
        let nodes = nodes.to_vec();
        self.read_long(move |pairs| keyspace::roots(pairs, &nodes)).await
    }

    async fn snapshot(&self) -> Result<Box<dyn StoreSnapshot>, StoreError> {
        let (overwritten, group) = {
            let pending = self.shared.pending.read().unwrap_or_else(PoisonError::into_inner);
            (self.shared.pictures.begin(), pending.group)
        };
        self.shared.wait_for(Some(group)).await?;
        Ok(Box::new(EmbeddedSnapshot { shared: Arc::clone(&self.shared), overwritten }))
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::app::ports::{Change, PersonName};
    use crate::value::{MailAddress, PersonId, Timestamp};

    fn person(n: u8) -> Record {
        let address = MailAddress::parse("anne.exemple@departement.example").unwrap();
        PersonName { person: PersonId::new([n; 16]), address, met_at: Timestamp(1) }.into()
    }

    async fn put(store: &EmbeddedStore, record: Record) -> Result<Committed, CommitError> {
        store.commit(UnitOfWork { changes: vec![Change::Put(record)], ..UnitOfWork::default() }).await
    }

    #[tokio::test]
    async fn after_an_error_on_the_way_to_the_disk_the_store_says_no_to_everything() {
        let at = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::open(at.path()).unwrap();
        put(&store, person(1)).await.unwrap();
        drop(store);

        // A device that cannot be forced to a disk: fdatasync answers EINVAL.
        let broken = File::open("/dev/null").unwrap();
        let store = EmbeddedStore::start(open_database(at.path()).unwrap(), broken).unwrap();
        assert!(store.get(&person(1).key()).await.unwrap().is_some());
        assert!(matches!(put(&store, person(2)).await, Err(CommitError::Store(StoreError::Unavailable(_)))));
        assert!(matches!(put(&store, person(3)).await, Err(CommitError::Store(StoreError::Unavailable(_)))));
        for n in 1..=3 {
            assert!(matches!(store.get(&person(n).key()).await, Err(StoreError::Unavailable(_))));
        }
        assert!(matches!(store.log().await, Err(StoreError::Unavailable(_))));
        drop(store);

        let store = EmbeddedStore::open(at.path()).unwrap();
        assert!(store.get(&person(1).key()).await.unwrap().is_some());
        assert!(store.get(&person(3).key()).await.unwrap().is_none(), "nothing was taken after the error");
    }

    #[tokio::test]
    async fn a_file_that_is_no_store_is_told_as_damage_not_as_a_panic() {
        let at = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::open(at.path()).unwrap();
        for n in 0..50 {
            put(&store, person(n)).await.unwrap();
        }
        drop(store);
        fs::write(at.path().join("conf"), b"no configuration").unwrap();
        assert!(EmbeddedStore::open(at.path()).is_err());
    }
}
