//! What a queue for a dead host costs: memory, and how long a notice to a live host takes beside it, with and without
//! the queue, in one run. `PLI_QUEUED` says how many mails wait; 100,000 by default.

use std::sync::Arc;
use std::time::Instant;

use pli::app::AuditSettings;
use pli::app::ports::{Change, List, UnitOfWork};
use pli::relay::letter::LetterKind;
use pli::relay::queue::{DeliveryProblem, QueuedMail};
use pli::store::EmbeddedStore;
use pli::value::{MailAddress, MailId, Timestamp};

use super::house::{House, MailHost};
use super::place;

/// Notices to the live host that are timed.
const TIMED: u32 = 50;
/// Mails that are queued by one commit.
const BATCH: u32 = 100;

/// Measures, and prints the lines.
pub async fn measure() {
    let queued: u32 = std::env::var("PLI_QUEUED").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    let at = place();
    let store = Arc::new(EmbeddedStore::open(at.path()).unwrap());
    let house = House::over(store, tempfile::tempdir().unwrap(), AuditSettings::default(), None).await;
    let sample = a_notice(&house).await;
    let before = resident_mib();
    let alone = time_to_deliver(&house, &sample, 1).await;
    house
        .outbox
        .hosts
        .lock()
        .unwrap()
        .insert("dead.example".into(), MailHost::Fails(DeliveryProblem::Unreachable));
    for batch in 0..queued.div_ceil(BATCH) {
        let mails = (0..BATCH).map(|n| mail(&sample, 2, batch * BATCH + n, "dead.example"));
        commit(&house, mails.collect()).await;
    }
    house.app.deliver_due_mails().await.unwrap();
    let beside = time_to_deliver(&house, &sample, 3).await;
    let tried = house.outbox.tried.lock().unwrap().iter().filter(|domain| *domain == "dead.example").count();
    println!("{queued} notices to a dead host: {tried} tries of it");
    println!("memory: {before:.0} MiB before, {:.0} MiB with them", resident_mib());
    println!("a notice to a live host, p50: {alone:.2} ms alone, {beside:.2} ms beside them");
}

async fn a_notice(house: &House) -> QueuedMail {
    house.deposit().await;
    let list = List::MailsWrittenBefore(Timestamp(i64::MAX));
    let found = house.app.store.list(&list, 100).await.unwrap();
    let mut mails = found.into_iter().map(|found| QueuedMail::try_from(found.record).unwrap());
    let notice = mails.find(|mail| mail.kind == LetterKind::Notice).unwrap();
    house.prove_receipts().await;
    house.app.deliver_due_mails().await.unwrap();
    notice
}

fn mail(sample: &QueuedMail, row: u8, n: u32, domain: &str) -> QueuedMail {
    let mut id = [row; 16];
    id[12..].copy_from_slice(&n.to_be_bytes());
    let to = MailAddress::parse(&format!("boite{n}@{domain}")).unwrap();
    QueuedMail { id: MailId::new(id), to, transfer: None, ..sample.clone() }
}

async fn commit(house: &House, mails: Vec<QueuedMail>) {
    let changes = mails.into_iter().map(|mail| Change::Put(mail.into())).collect();
    house.app.store.commit(UnitOfWork { changes, ..UnitOfWork::default() }).await.unwrap();
}

/// The median, in milliseconds, from the commit that queues a notice to the commit that says that it left.
async fn time_to_deliver(house: &House, sample: &QueuedMail, row: u8) -> f64 {
    let mut times = Vec::new();
    for n in 0..TIMED {
        let begun = Instant::now();
        commit(house, vec![mail(sample, row, n, "live.example")]).await;
        house.app.deliver_due_mails().await.unwrap();
        times.push(begun.elapsed().as_secs_f64() * 1000.0);
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn resident_mib() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|line| line.starts_with("VmRSS:")).unwrap();
    let kib: f64 = line.split_whitespace().nth(1).unwrap().parse().unwrap();
    kib / 1024.0
}
