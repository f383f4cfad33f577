//! What a durable commit and a durable small object cost, each beside the machine's own limit in the same run: an
//! appended log with one fdatasync a group, and a file of its own that is written, forced and renamed. Prints ratios;
//! the figures of one machine say little of another's. `cargo bench --bench store`, with `-- log` what has to do with
//! the log alone, with `-- queue` what a queue for a dead host costs.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on says where")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time")]

mod deposits;
#[expect(dead_code, reason = "the tests of the use cases need more of it")]
#[path = "../../tests/app/house.rs"]
mod house;
mod queue;
mod verification;

/// What the house shows its commits to: nobody, while time is measured.
mod log_coverage {
    pub const fn watch(_: &pli::app::ports::UnitOfWork) {}
}

use std::fs::{self, File};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use pli::app::ports::{Change, Entry, Objects, Store, UnitOfWork};
use pli::audit::{self, Action, Actor, Event, Object, Origin, Outcome};
use pli::identity::AddressProof;
use pli::store::{DirectoryObjects, EmbeddedStore, SystemRandom};
use pli::value::{
    Day, Digest, Language, MailAddress, MailboxId, PersonId, ProofId, Timestamp, Token, TransferId,
};
use pli::vault::AGE_MAGIC;
use tokio::sync::{mpsc, oneshot};

/// How long each is measured.
const MEASURED: Duration = Duration::from_secs(2);
/// How often; the median is told.
const RUNS: usize = 3;
const RECORD_BYTES: usize = 500;
const OBJECT_BYTES: usize = 100 * 1024;
const OBJECT_WRITERS: u64 = 64;
const TODAY: Day = Day(20_778);

fn main() {
    // `cargo test --benches` and `cargo bench -- --list` start it too; neither wants figures.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    if std::env::args().any(|argument| argument == "queue") {
        return runtime.block_on(queue::measure());
    }
    verification::measure();
    runtime.block_on(async {
        for (writers, each) in [(64, 1), (64, 4), (256, 1)] {
            let mut ours = Vec::new();
            for _ in 0..RUNS {
                ours.push(events(writers, each).await);
            }
            let spread = Spread::of(&ours);
            println!("durable events, {writers} writers, {each} a unit: {spread}");
        }
        deposits::measure().await;
    });
    if std::env::args().any(|argument| argument == "log") {
        return;
    }
    runtime.block_on(async {
        for writers in [1, 8, 64] {
            let mut ours = Vec::new();
            let mut limit = Vec::new();
            for _ in 0..RUNS {
                ours.push(commits(writers).await);
                limit.push(raw_log(writers).await);
            }
            tell(&format!("durable commits, {writers} writers"), &ours, "raw log", &limit);
        }
        let mut ours = Vec::new();
        let mut limit = Vec::new();
        for _ in 0..RUNS {
            ours.push(objects().await);
            limit.push(files().await);
        }
        tell("objects of 100 KiB, 64 writers", &ours, "a file each", &limit);
    });
}

fn tell(what: &str, ours: &[f64], peer: &str, limit: &[f64]) {
    let (ours, limit) = (Spread::of(ours), Spread::of(limit));
    println!("{what}: {ours}; {peer}: {limit}; ratio {:.2}", ours.median / limit.median);
}

struct Spread {
    median: f64,
    least: f64,
    most: f64,
}

impl Spread {
    fn of(rates: &[f64]) -> Self {
        let mut sorted = rates.to_vec();
        sorted.sort_by(f64::total_cmp);
        Self { median: sorted[sorted.len() / 2], least: sorted[0], most: sorted[sorted.len() - 1] }
    }
}

impl std::fmt::Display for Spread {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{:.0}/s [{:.0}-{:.0}]", self.median, self.least, self.most)
    }
}

/// On the disk that the project is built on; the usual place of temporary files may be memory.
fn place() -> tempfile::TempDir {
    tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap()
}

/// Lets `writers` tasks do the work over and over, each time with another number; returns how often a second.
async fn rate<F>(writers: u64, work: impl Fn(u64) -> F + Clone + Send + 'static) -> f64
where
    F: Future<Output = ()> + Send,
{
    let next = Arc::new(AtomicU64::new(0));
    let start = Instant::now();
    let task = |_| {
        let (next, work) = (Arc::clone(&next), work.clone());
        tokio::spawn(async move {
            while start.elapsed() < MEASURED {
                work(next.fetch_add(1, Ordering::Relaxed)).await;
            }
        })
    };
    for task in (0..writers).map(task).collect::<Vec<_>>() {
        task.await.unwrap();
    }
    next.load(Ordering::Relaxed) as f64 / start.elapsed().as_secs_f64()
}

/// Units as a use case commits them: a record of some 500 bytes with its index entries, and an entry of the log.
async fn commits(writers: u64) -> f64 {
    let at = place();
    let store = Arc::new(EmbeddedStore::open(at.path()).unwrap());
    let work = move |number| {
        let store = Arc::clone(&store);
        async move {
            store.commit(unit(number)).await.unwrap();
        }
    };
    rate(writers, work).await
}

/// Events alone, as refusals and readings are; `each` of them in one unit.
async fn events(writers: u64, each: u64) -> f64 {
    let at = place();
    let store = Arc::new(EmbeddedStore::open(at.path()).unwrap());
    let work = move |number| {
        let store = Arc::clone(&store);
        async move {
            let entries = (0..each).flat_map(|n| unit(number * each + n).entries).collect();
            store.commit(UnitOfWork { entries, ..UnitOfWork::default() }).await.unwrap();
        }
    };
    rate(writers, work).await * each as f64
}

fn unit(number: u64) -> UnitOfWork {
    let digest = Digest::of(&number.to_be_bytes());
    let mut id = [0; 16];
    id.copy_from_slice(&digest.as_bytes()[..16]);
    let at = Timestamp(1_795_000_000_000 + i64::try_from(number).unwrap());
    let proof = AddressProof {
        id: ProofId::new(id),
        token: Token::new(*digest.as_bytes()).hash(),
        code: digest,
        tries_left: 5,
        browser: Token::new([3; 32]).hash(),
        mailbox: MailboxId::new([4; 16]),
        address: MailAddress::parse("anne.exemple@departement.example").unwrap(),
        person: PersonId::new(id),
        partner: None,
        language: Language::Fr,
        asked_at: at,
        purpose: pli::identity::ProofPurpose::Deposit { draft: None },
    };
    let object = Object::Transfer { transfer: TransferId::new(id), mailbox: MailboxId::new([4; 16]) };
    let actor = Actor::Person(PersonId::new(id));
    let event = Event::new(at, actor, Action::DepositSent, object, Outcome::Done, Origin::Job);
    let entry = Entry { event, entry: audit::Entry::new(&event, id).unwrap() };
    UnitOfWork { changes: vec![Change::Put(proof.into())], entries: vec![entry], ..UnitOfWork::default() }
}

/// The machine's limit: one thread appends what waits and forces it to the disk once.
async fn raw_log(writers: u64) -> f64 {
    let at = place();
    let mut log = File::create(at.path().join("log")).unwrap();
    let (orders, mut waiting) = mpsc::channel::<oneshot::Sender<()>>(256);
    let thread = std::thread::spawn(move || {
        while let Some(first) = waiting.blocking_recv() {
            let mut group = vec![first];
            while let Ok(order) = waiting.try_recv() {
                group.push(order);
            }
            log.write_all(&vec![7; group.len() * RECORD_BYTES]).unwrap();
            log.sync_data().unwrap();
            for order in group {
                order.send(()).unwrap();
            }
        }
    });
    let work = move |_| {
        let orders = orders.clone();
        async move {
            let (done, wait) = oneshot::channel();
            orders.send(done).await.unwrap();
            wait.await.unwrap();
        }
    };
    let rate = rate(writers, work).await;
    thread.join().unwrap();
    rate
}

async fn objects() -> f64 {
    let at = place();
    let objects = Arc::new(DirectoryObjects::open(at.path(), Arc::new(SystemRandom)).unwrap());
    let bytes = Arc::new(object());
    let work = move |_| {
        let (objects, bytes) = (Arc::clone(&objects), Arc::clone(&bytes));
        async move {
            let mut writer = objects.create(TODAY).await.unwrap();
            for piece in bytes.chunks(65_536) {
                writer.write(piece).await.unwrap();
            }
            writer.finish().await.unwrap();
        }
    };
    rate(OBJECT_WRITERS, work).await
}

/// The usual way: each object is written, forced, renamed, and its directory forced.
async fn files() -> f64 {
    let at = place();
    let (directory, bytes) = (Arc::new(at.path().to_owned()), Arc::new(object()));
    let work = move |number| {
        let (directory, bytes) = (Arc::clone(&directory), Arc::clone(&bytes));
        async move {
            tokio::task::spawn_blocking(move || write_file(&directory, number, &bytes)).await.unwrap();
        }
    };
    rate(OBJECT_WRITERS, work).await
}

fn write_file(directory: &Path, number: u64, bytes: &[u8]) {
    let name = |suffix| -> PathBuf { directory.join(format!("{number}{suffix}")) };
    let mut file = File::create(name(".part")).unwrap();
    file.write_all(bytes).unwrap();
    file.sync_all().unwrap();
    fs::rename(name(".part"), name(".age")).unwrap();
    File::open(directory).unwrap().sync_all().unwrap();
}

fn object() -> Vec<u8> {
    let mut bytes = AGE_MAGIC.to_vec();
    bytes.resize(OBJECT_BYTES, 7);
    bytes
}
