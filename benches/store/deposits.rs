//! What the log costs a deposit: the same deposits by mail, through the use case and the embedded store, with the
//! entries of the log and without them.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use pli::app::AuditSettings;
use pli::app::ports::{
    CaseSearch, CasesFound, CommitError, Committed, Key, List, LogFound, LogSearch, Record, RegisterFound,
    RegisterSearch, Store, StoreError, StoreSnapshot, StoredLeaf, UnitOfWork, Versioned,
};
use pli::audit::{Frontier, Node};
use pli::store::EmbeddedStore;
use pli::value::{Digest, Millis};

use super::house::{DEPOSITOR, House, relay};
use super::place;

/// Deposits of a block; blocks with and without the log take turns, so that what else the machine does meets both.
const BLOCK: usize = 10;
const BLOCKS: usize = 300;
/// Blocks that are not counted: files grow, caches fill.
const WARM_UP: usize = 10;
const BODY_BYTES: usize = 10 * 1024;

/// Measures, and prints the line.
pub async fn measure() {
    let (with, _with_store) = house(true).await;
    let (without, _without_store) = house(false).await;
    let (mut told, mut silent, mut ratios) = (Vec::new(), Vec::new(), Vec::new());
    for block in 0..WARM_UP + BLOCKS {
        let (mut one, mut other) = (Vec::new(), Vec::new());
        // Who comes first changes, so that neither always meets what the other left behind.
        if block % 2 == 0 {
            deposits(&with, block, &mut one).await;
            deposits(&without, block, &mut other).await;
        } else {
            deposits(&without, block, &mut other).await;
            deposits(&with, block, &mut one).await;
        }
        if block >= WARM_UP {
            ratios.push(median(&mut one).as_secs_f64() / median(&mut other).as_secs_f64());
            told.append(&mut one);
            silent.append(&mut other);
        }
    }
    ratios.sort_unstable_by(f64::total_cmp);
    let quarter = |n: usize| ratios[ratios.len() * n / 4];
    let (told, silent) = (median(&mut told), median(&mut silent));
    println!(
        "deposit of 10 KiB, p50: {told:.0?} with the log, {silent:.0?} without; ratio {:.3}; of {BLOCKS} pairs of blocks \
         {:.3} [{:.3}-{:.3}]",
        told.as_secs_f64() / silent.as_secs_f64(),
        quarter(2),
        quarter(1),
        quarter(3)
    );
}

async fn house(is_logged: bool) -> (House, tempfile::TempDir) {
    let at = place();
    let store = Arc::new(EmbeddedStore::open(at.path()).unwrap());
    let silent = Arc::new(AtomicBool::new(false));
    let store = Arc::new(Quiet { store, silent: Arc::clone(&silent) });
    let house = House::over(store, place(), AuditSettings::default(), None).await;
    silent.store(!is_logged, Ordering::Relaxed);
    (house, at)
}

async fn deposits(house: &House, block: usize, taken: &mut Vec<Duration>) {
    // The depositor's pace allows 20 MB an hour.
    house.clock.advance(Millis::minutes(1));
    let body = "Bonjour, un dossier. ".repeat(BODY_BYTES / 21);
    for n in 0..BLOCK {
        let mail = format!(
            "From: {DEPOSITOR}\nSubject: Demande urgente\nMessage-ID: <{block}.{n}@departement.example>\n\n{body}\n"
        );
        let start = Instant::now();
        house.mail_in(Some(DEPOSITOR), &mail, relay()).await.unwrap();
        taken.push(start.elapsed());
    }
}

fn median(taken: &mut [Duration]) -> Duration {
    taken.sort_unstable();
    taken[taken.len() / 2]
}

/// A store that forgets the entries of each unit once it is told to: the house is set up with its log, which vouches for
/// the keys of mailboxes.
struct Quiet {
    store: Arc<EmbeddedStore>,
    silent: Arc<AtomicBool>,
}

#[async_trait]
impl Store for Quiet {
    async fn get(&self, key: &Key) -> Result<Option<Versioned<Record>>, StoreError> {
        self.store.get(key).await
    }

    async fn list(&self, list: &List, limit: usize) -> Result<Vec<Versioned<Record>>, StoreError> {
        self.store.list(list, limit).await
    }

    async fn cases(&self, search: &CaseSearch, limit: usize, steps: usize) -> Result<CasesFound, StoreError> {
        self.store.cases(search, limit, steps).await
    }

    async fn count_cases(&self, search: &CaseSearch, limit: usize) -> Result<usize, StoreError> {
        self.store.count_cases(search, limit).await
    }

    async fn register(&self, search: &RegisterSearch, limit: usize) -> Result<RegisterFound, StoreError> {
        self.store.register(search, limit).await
    }

    async fn commit(&self, unit: UnitOfWork) -> Result<Committed, CommitError> {
        let entries = if self.silent.load(Ordering::Relaxed) { Vec::new() } else { unit.entries };
        self.store.commit(UnitOfWork { entries, ..unit }).await
    }

    async fn log(&self) -> Result<Frontier, StoreError> {
        self.store.log().await
    }

    async fn search(&self, search: &LogSearch, limit: usize, steps: usize) -> Result<LogFound, StoreError> {
        self.store.search(search, limit, steps).await
    }

    async fn leaves(&self, first: u64, limit: usize) -> Result<Vec<StoredLeaf>, StoreError> {
        self.store.leaves(first, limit).await
    }

    async fn pruned(&self) -> Result<u64, StoreError> {
        self.store.pruned().await
    }

    async fn snapshot(&self) -> Result<Box<dyn StoreSnapshot>, StoreError> {
        self.store.snapshot().await
    }

    async fn roots(&self, nodes: &[Node]) -> Result<Vec<Digest>, StoreError> {
        self.store.roots(nodes).await
    }
}
