//! The store on one machine: commits in a journal, behind it sled.
//!
//! One thread takes the units that wait and forces what they write to the disk as one group of the journal; then it is
//! told, and read from memory. Another puts it into the database, some megabytes at a time (`docs/decisions/0003`, `0107`):
//! blocks and pointers in sled, large values in files (`docs/decisions/0125`).
//!
//! | step | a crash after it leaves |
//! | --- | --- |
//! | group appended to the journal | the group, or nothing of it; nobody was told |
//! | forced to the disk | the group |
//! | pieces of it put into the database (`changes.rs`) | the group: the journal still has it |
//! | all of it and the mark forced to the disk | the group in the database; the journal's file is free |
//!
//! Nobody is told of a unit before it is durable, by a read either: a group is seen once it is on the disk. After an error
//! on the way to the disk nothing that is known is certain: the store refuses all until it is opened anew.

mod blocks;
mod changes;
mod committer;
mod database;
mod journal;
mod layers;
mod settler;
mod snapshot;
mod value_log;

use std::fs::{self, File};
use std::io;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::thread::JoinHandle;
use std::time::Duration;

use async_trait::async_trait;
use tokio::sync::mpsc;
use tokio::task::spawn_blocking;

use self::committer::{Committer, Order};
use self::database::Database;
use self::journal::{Journal, JournalError};
use self::layers::Layers;
use self::settler::Settler;
use self::snapshot::{EmbeddedSnapshot, Pictures};
use super::durable;
use super::keyspace::{self, Layered, Pairs};
use crate::app::ports::{
    CaseSearch, CasesFound, CommitError, Committed, Key, List, LogFound, LogSearch, Record, RegisterFound,
    RegisterSearch, Store, StoreError, StoreSnapshot, StoredLeaf, UnitOfWork, Versioned,
};
use crate::audit::{Frontier, Node};
use crate::value::Digest;

/// How often, and how many times, a database that somebody still holds is asked for again.
const LOCK_WAIT: Duration = Duration::from_millis(50);
const LOCK_TRIES: u32 = 40;
/// Memory that sled keeps pages in.
const CACHE_BYTES: u64 = 8 * 1024 * 1024;
/// How often sled's own thread tidies its file.
const TIDY_EVERY_MILLIS: u64 = 500;
/// Units that may wait for the committer; more wait to hand theirs over.
const QUEUE_UNITS: usize = 256;
/// Lists up to this length are read on the spot; what is longer, where blocking is allowed.
const SHORT_LIST: usize = 32;
/// Entries of the log that are looked at in one go: committing waits for a reader to end.
const ENTRIES_AT_ONCE: usize = 500;

/// The store in a directory of its own.
pub struct EmbeddedStore {
    shared: Arc<Shared>,
    orders: Option<mpsc::Sender<Order>>,
    committer: Option<JoinHandle<()>>,
}

/// What readers, the committer and the settler share.
struct Shared {
    /// Keeps sled's file locked.
    _lock: sled::Db,
    database: Database,
    /// What is committed and not in sled yet. Written while a group is added: a reader sees all of it or nothing.
    layers: RwLock<Layers>,
    /// For which what is overwritten is kept.
    pictures: Pictures,
    /// What is known is not certain, after an error.
    lost: AtomicBool,
}

impl EmbeddedStore {
    /// Opens the store, or makes a new one. Blocks while sled reads its file, and what a crash left in the journal is put
    /// there.
    pub fn open(directory: &Path) -> Result<Self, StoreError> {
        let sled = open_database(directory)?;
        let file = force_all(directory).map_err(unavailable)?;
        // Before anything is changed in a store that is not this program's.
        let bare = |key: &[u8]| Ok(sled.get(key).map_err(unavailable)?.map(|value| value.to_vec()));
        let renewed = keyspace::check_format(&bare)?;
        let database = Database::open((*sled).clone(), file, directory)?;
        if !renewed.is_empty() {
            // A program that does not know what follows must refuse it from here on.
            database.settle(&renewed, database.mark()?).map_err(unavailable)?;
        }
        let packed = database.pack().map_err(unavailable)?;
        if packed > 0 {
            tracing::info!(pairs = packed, "store.embedded.packed");
        }
        let (journal, mut unsettled) = match Journal::open(directory, database.mark()?) {
            Ok(opened) => opened,
            Err(error @ JournalError::Damaged(_)) => {
                tracing::error!(%error, "store.embedded.damaged");
                return Err(StoreError::Damaged);
            }
            Err(error) => return Err(unavailable(error)),
        };
        if !unsettled.writes.is_empty() {
            let with_them = |key: &[u8]| Layered::new(&database, &unsettled.writes).get(key);
            let renewed = keyspace::check_format(&with_them)?;
            unsettled.writes.extend(renewed);
            database.settle(&unsettled.writes, unsettled.last).map_err(unavailable)?;
            database.recount().map_err(unavailable)?;
        }
        Self::start(sled, database, journal)
    }

    /// Starts the committer on top of a database that has all of the journal.
    fn start(sled: sled::Db, database: Database, journal: Journal) -> Result<Self, StoreError> {
        let shared = Arc::new(Shared {
            _lock: sled,
            database,
            layers: RwLock::default(),
            pictures: Pictures::default(),
            lost: AtomicBool::new(false),
        });
        let (orders, receiver) = mpsc::channel(QUEUE_UNITS);
        let settler = Settler::start(Arc::clone(&shared)).map_err(unavailable)?;
        let committer = Committer::new(Arc::clone(&shared), journal, settler);
        let thread = std::thread::Builder::new().name("pli-commits".to_owned());
        let thread = thread.spawn(move || committer.run(receiver)).map_err(unavailable)?;
        Ok(Self { shared, orders: Some(orders), committer: Some(thread) })
    }

    /// Reads where blocking is allowed.
    async fn read_long<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Pairs) -> Result<T, StoreError> + Send + 'static,
    ) -> Result<T, StoreError> {
        let shared = Arc::clone(&self.shared);
        spawn_blocking(move || shared.read(work)).await.map_err(unavailable)?
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
    /// Reads a consistent picture.
    fn read<T>(&self, work: impl FnOnce(&dyn Pairs) -> Result<T, StoreError>) -> Result<T, StoreError> {
        let layers = self.layers.read().unwrap_or_else(PoisonError::into_inner);
        if self.is_lost() {
            return Err(unavailable(Lost));
        }
        layers.read(&self.database, work)
    }

    fn is_lost(&self) -> bool {
        self.lost.load(Ordering::Acquire)
    }

    fn lose(&self) {
        self.lost.store(true, Ordering::Release);
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
        self.shared.read(|pairs| keyspace::get(pairs, key))
    }

    async fn list(&self, list: &List, limit: usize) -> Result<Vec<Versioned<Record>>, StoreError> {
        // Most lists are short, however long they may be.
        let first = limit.min(SHORT_LIST + 1);
        let found = self.shared.read(|pairs| keyspace::list(pairs, list, first))?;
        if found.len() < first || first == limit {
            return Ok(found);
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

    async fn register(&self, search: &RegisterSearch, limit: usize) -> Result<RegisterFound, StoreError> {
        let search = search.clone();
        self.read_long(move |pairs| keyspace::register(pairs, &search, limit)).await
    }

    async fn commit(&self, unit: UnitOfWork) -> Result<Committed, CommitError> {
        let orders = self.orders.as_ref().ok_or_else(|| unavailable(Lost))?;
        let (order, outcome) = Order::new(unit);
        orders.send(order).await.map_err(|_| unavailable(Lost))?;
        outcome.await.map_err(|_| unavailable(Lost))?
    }

    async fn log(&self) -> Result<Frontier, StoreError> {
        self.shared.read(keyspace::frontier)
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
        self.shared.read(keyspace::pruned)
    }

    async fn roots(&self, nodes: &[Node]) -> Result<Vec<Digest>, StoreError> {
        let nodes = nodes.to_vec();
        self.read_long(move |pairs| keyspace::roots(pairs, &nodes)).await
    }

    async fn snapshot(&self) -> Result<Box<dyn StoreSnapshot>, StoreError> {
        let _nothing_is_added = self.shared.layers.read().unwrap_or_else(PoisonError::into_inner);
        let overwritten = self.shared.pictures.begin();
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

    /// A device that cannot be forced to a disk: fdatasync answers EINVAL.
    fn broken() -> File {
        File::options().read(true).write(true).open("/dev/null").unwrap()
    }

    fn on_broken_journal(at: &Path) -> EmbeddedStore {
        let sled = open_database(at).unwrap();
        let database = Database::open((*sled).clone(), force_all(at).unwrap(), at).unwrap();
        let journal = Journal::on([broken(), broken()], database.mark().unwrap());
        EmbeddedStore::start(sled, database, journal).unwrap()
    }

    #[tokio::test]
    async fn what_sled_could_not_take_at_the_end_is_there_when_the_store_is_opened_again() {
        let at = tempfile::tempdir().unwrap();
        let sled = open_database(at.path()).unwrap();
        let (journal, _) = Journal::open(at.path(), 0).unwrap();
        let database = Database::open((*sled).clone(), broken(), at.path()).unwrap();
        let store = EmbeddedStore::start(sled, database, journal).unwrap();
        put(&store, person(1)).await.unwrap();
        assert!(store.get(&person(1).key()).await.unwrap().is_some());
        drop(store);
        let store = EmbeddedStore::open(at.path()).unwrap();
        assert!(store.get(&person(1).key()).await.unwrap().is_some());
    }

    #[tokio::test]
    async fn a_store_and_a_journal_of_the_format_before_say_this_one_from_the_first_start() {
        let at = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::open(at.path()).unwrap();
        put(&store, person(1)).await.unwrap();
        drop(store);
        let this = |sled: &sled::Db| sled.get(b"m").unwrap().unwrap().to_vec();
        let sled = open_database(at.path()).unwrap();
        let now = this(&sled);
        let before = String::from_utf8(now.clone()).unwrap().replace("\"format\":4", "\"format\":3");
        assert_ne!(before.as_bytes(), now);
        sled.insert(b"m", before.as_bytes()).unwrap();
        let database = Database::open((*sled).clone(), force_all(at.path()).unwrap(), at.path()).unwrap();
        let (mut journal, _) = Journal::open(at.path(), database.mark().unwrap()).unwrap();
        journal.append(&[(b"m".to_vec(), Some(before.into_bytes()))].into()).unwrap();
        drop((database, sled));

        let store = EmbeddedStore::open(at.path()).unwrap();
        assert!(store.get(&person(1).key()).await.unwrap().is_some());
        drop(store);
        assert_eq!(this(&open_database(at.path()).unwrap()), now);
    }

    #[tokio::test]
    async fn after_an_error_on_the_way_to_the_disk_the_store_says_no_to_everything() {
        let at = tempfile::tempdir().unwrap();
        let store = EmbeddedStore::open(at.path()).unwrap();
        put(&store, person(1)).await.unwrap();
        drop(store);

        let store = on_broken_journal(at.path());
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
