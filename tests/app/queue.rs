//! The queue: a host that is dead, slow or shy is its own mails' trouble and nobody else's.

use std::sync::Arc;
use std::time::Duration;

use pli::app::ports::{Change, Key, List, Record, UnitOfWork};
use pli::app::{QueueChange, QueueFilter, QueueState};
use pli::audit::{Action, Actor, Origin};
use pli::jobs::{Work, start};
use pli::relay::letter::LetterKind;
use pli::relay::mta_sts::{StsMode, StsPolicy};
use pli::relay::queue::{DeliveryProblem, MailState, QueuedMail};
use pli::value::{Domain, MailId, Millis, Timestamp};
use tokio_util::sync::CancellationToken;

use crate::house::{House, MailHost, NOW, address, visitor};

const DEAD: MailHost = MailHost::Fails(DeliveryProblem::Unreachable);

/// Puts notices into the queue, as many to each domain as told.
pub async fn queue(house: &House, domains: &[(&str, u32)]) {
    let sample = a_notice(house).await;
    for (n, (domain, count)) in domains.iter().enumerate() {
        for i in 0..*count {
            let id = [&[u8::try_from(n + 1).unwrap(); 12][..], &i.to_be_bytes()].concat().try_into().unwrap();
            let to = address(&format!("boite{i}@{domain}"));
            let mail = QueuedMail { id: MailId::new(id), to, transfer: None, ..sample.clone() };
            let unit = UnitOfWork { changes: vec![Change::Put(mail.into())], ..UnitOfWork::default() };
            house.app.store.commit(unit).await.unwrap();
        }
    }
}

/// A notice whose letter opens; the mails of the deposit that it was made by are gone.
async fn a_notice(house: &House) -> QueuedMail {
    house.deposit().await;
    let mails = mails(house).await;
    let notice = mails.iter().find(|mail| mail.kind == LetterKind::Notice).unwrap().clone();
    house.prove_receipts().await;
    house.app.deliver_due_mails().await.unwrap();
    house.outbox.tried.lock().unwrap().clear();
    notice
}

async fn mails(house: &House) -> Vec<QueuedMail> {
    let list = List::MailsWrittenBefore(Timestamp(i64::MAX));
    let found = house.app.store.list(&list, 10_000).await.unwrap();
    found.into_iter().map(|found| found.record.try_into().unwrap()).collect()
}

fn delivered_to(house: &House, domain: &str) -> usize {
    let mails = house.outbox.mails.lock().unwrap();
    mails.iter().filter(|(_, to, _)| to.domain().as_str() == domain).count()
}

fn tries(house: &House, domain: &str) -> usize {
    house.outbox.tried.lock().unwrap().iter().filter(|tried| *tried == domain).count()
}

#[tokio::test]
async fn a_dead_host_is_probed_by_one_mail_and_delays_nobody_else() {
    let house = House::build().await;
    queue(&house, &[("dead.example", 300), ("live.example", 20)]).await;
    house.outbox.hosts.lock().unwrap().insert("dead.example".into(), DEAD);
    let (tried, next) = house.app.deliver_due_mails().await.unwrap();
    assert_eq!((tries(&house, "dead.example"), delivered_to(&house, "live.example")), (1, 20));
    assert_eq!(tried, 21);
    let wait = NOW.until(next.unwrap());
    assert!(wait >= Millis::minutes(1) && wait <= Millis::seconds(75), "{wait:?}");
    for probes in 2..=4 {
        let (_, next) = house.app.deliver_due_mails().await.unwrap();
        house.clock.jump_to(next.unwrap());
        house.app.deliver_due_mails().await.unwrap();
        assert_eq!(tries(&house, "dead.example"), probes);
    }
    house.outbox.hosts.lock().unwrap().clear();
    house.clock.advance(Millis::hours(2));
    house.app.deliver_due_mails().await.unwrap();
    assert_eq!(delivered_to(&house, "dead.example"), 300, "all leave when it is back");
}

#[tokio::test]
async fn a_mail_that_waits_behind_a_dead_host_is_shown_as_delayed_and_why() {
    let house = House::build().await;
    queue(&house, &[("carsat.example", 3)]).await;
    house.outbox.hosts.lock().unwrap().insert("carsat.example".into(), DEAD);
    house.app.deliver_due_mails().await.unwrap();
    let reference = house.deposit().await;
    let signed = house.sign_in("agent@carsat.example").await;
    let envelope = house.app.envelope(Some(&signed), &reference, visitor()).await.unwrap();
    let notice = envelope.mails.iter().find(|mail| mail.kind == LetterKind::Notice).unwrap();
    let unreachable = Some(DeliveryProblem::Unreachable);
    assert!(
        matches!(notice.state, MailState::Queued { last_problem, next_try_at } if last_problem == unreachable && next_try_at > NOW),
        "{:?}",
        notice.state
    );
}

#[tokio::test]
async fn a_host_that_greylists_makes_each_mail_wait_for_itself() {
    let house = House::build().await;
    queue(&house, &[("shy.example", 10)]).await;
    let shy = MailHost::Fails(DeliveryProblem::Greylisted { code: 450 });
    house.outbox.hosts.lock().unwrap().insert("shy.example".into(), shy);
    house.app.deliver_due_mails().await.unwrap();
    assert_eq!(tries(&house, "shy.example"), 10, "each is known to the host from its own first try on");
    house.outbox.hosts.lock().unwrap().clear();
    house.clock.advance(Millis::minutes(2));
    house.app.deliver_due_mails().await.unwrap();
    assert_eq!(delivered_to(&house, "shy.example"), 10);
}

/// RFC 8689: what one sender demands of the way is no other mail's trouble.
#[tokio::test]
async fn a_mail_that_demands_tls_of_a_host_without_it_delays_itself_alone() {
    let house = House::build().await;
    queue(&house, &[("clear.example", 4)]).await;
    let demanding = mails(&house).await.into_iter().find(|mail| mail.to.local() == "boite0").unwrap();
    let id = demanding.id;
    let record = QueuedMail { requires_tls: true, ..demanding }.into();
    let unit = UnitOfWork { changes: vec![Change::Put(record)], ..UnitOfWork::default() };
    house.app.store.commit(unit).await.unwrap();
    house.outbox.hosts.lock().unwrap().insert("clear.example".into(), MailHost::InClear);
    house.app.deliver_due_mails().await.unwrap();
    assert_eq!((tries(&house, "clear.example"), delivered_to(&house, "clear.example")), (4, 3), "at once");
    let line = house.app.queued_mail(id).await.unwrap().unwrap();
    assert_eq!((line.state, line.problem), (Some(QueueState::Delayed), Some(DeliveryProblem::TlsRequired)));
    assert_eq!(house.app.queue_depth().await.unwrap().destinations_in_trouble, 0);
}

#[tokio::test]
async fn a_host_that_hangs_keeps_no_other_mail_waiting() {
    let house = House::build().await;
    queue(&house, &[("slow.example", 50), ("live.example", 30)]).await;
    house.outbox.hosts.lock().unwrap().insert("slow.example".into(), MailHost::Hangs);
    let (work, stop) = (Arc::new(Work::new(Arc::clone(&house.app))), CancellationToken::new());
    let loops = start(&work, &stop);
    let delivered = async {
        while delivered_to(&house, "live.example") < 30 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(50), delivered).await.expect("the live host's mails leave");
    assert_eq!(tries(&house, "slow.example"), 1, "one mail waits for it");
    drop(loops);
}

#[tokio::test]
async fn what_no_host_took_in_five_days_is_given_up_though_it_was_never_tried() {
    let house = House::build().await;
    queue(&house, &[("dead.example", 120)]).await;
    house.outbox.hosts.lock().unwrap().insert("dead.example".into(), DEAD);
    house.app.deliver_due_mails().await.unwrap();
    house.clock.advance(Millis::hours(121));
    house.app.confirm_clock(pli::audit::Origin::Cli, None).await.unwrap();
    while house.app.deliver_due_mails().await.unwrap().1.is_some() {}
    let mails = mails(&house).await;
    let dead = mails.iter().filter(|mail| mail.to.domain().as_str() == "dead.example");
    let given_up = dead.filter(|mail| {
        matches!(mail.state, MailState::Failed { problem: DeliveryProblem::TooLate, .. })
            && mail.letter.is_none()
    });
    assert_eq!(given_up.count(), 120);
    assert_eq!(tries(&house, "dead.example"), 1);
    assert_eq!(house.events().await.iter().filter(|action| **action == Action::MailFailed).count(), 120);
}

#[tokio::test]
async fn two_who_deliver_at_once_send_no_mail_twice() {
    let house = House::build().await;
    queue(&house, &[("a.example", 40), ("b.example", 40)]).await;
    let (one, two) = tokio::join!(house.app.deliver_due_mails(), house.app.deliver_due_mails());
    assert_eq!(one.unwrap().0 + two.unwrap().0, 80);
    assert_eq!(house.outbox.tried.lock().unwrap().len(), 80);
}

async fn states(house: &House) -> Vec<(QueueState, u32)> {
    let page = house.app.queue_page(&QueueFilter::default(), None, 1000).await.unwrap();
    let states = page.lines.iter().filter_map(|line| line.state);
    let mut counts: Vec<(QueueState, u32)> = QueueState::ALL.map(|state| (state, 0)).to_vec();
    for state in states {
        counts.iter_mut().find(|(known, _)| *known == state).unwrap().1 += 1;
    }
    counts.retain(|(_, count)| *count > 0);
    counts
}

#[tokio::test]
async fn an_operator_sees_what_waits_and_holds_retries_and_drops_it() {
    let house = House::build().await;
    queue(&house, &[("dead.example", 3), ("live.example", 1)]).await;
    assert_eq!(states(&house).await, [(QueueState::Waiting, 4)]);
    house.outbox.hosts.lock().unwrap().insert("dead.example".into(), DEAD);
    house.app.deliver_due_mails().await.unwrap();
    assert_eq!(states(&house).await, [(QueueState::Delayed, 3)], "those that were not tried too");
    let dead = QueueFilter { destination: Some("dead.example".into()), ..QueueFilter::default() };
    let lines = house.app.queue_page(&dead, None, 10).await.unwrap().lines;
    assert!(lines.iter().all(|line| line.problem == Some(DeliveryProblem::Unreachable)));
    let change = async |n: usize, change| {
        house.app.change_queue(lines[n].id, change, Actor::Operator, Origin::Cli).await.unwrap()
    };
    assert!(change(0, QueueChange::Hold).await);
    assert!(change(1, QueueChange::Drop).await);
    assert!(!change(1, QueueChange::Retry).await, "what was given up does not come back");
    assert_eq!(states(&house).await, [(QueueState::Delayed, 1), (QueueState::Held, 1)]);
    house.outbox.hosts.lock().unwrap().clear();
    assert!(change(2, QueueChange::Retry).await);
    house.app.deliver_due_mails().await.unwrap();
    assert_eq!(delivered_to(&house, "dead.example"), 1, "at once: its host is asked again");
    assert_eq!(states(&house).await, [(QueueState::Held, 1)], "what is held stays");
    assert!(change(0, QueueChange::Retry).await);
    house.app.deliver_due_mails().await.unwrap();
    assert_eq!(states(&house).await, []);
    assert!(house.app.queued_mail(lines[1].id).await.unwrap().is_some_and(|line| line.state.is_none()));
}

#[tokio::test]
async fn the_queue_is_read_page_by_page_each_of_bounded_work() {
    let house = House::build().await;
    queue(&house, &[("a.example", 150), ("b.example", 50)]).await;
    let only_b = QueueFilter { destination: Some("b.example".into()), ..QueueFilter::default() };
    for (filter, expected) in [(QueueFilter::default(), 200), (only_b, 50)] {
        let (mut after, mut seen) = (None, Vec::new());
        loop {
            let page = house.app.queue_page(&filter, after, 30).await.unwrap();
            assert!(page.lines.len() <= 30);
            seen.extend(page.lines.iter().map(|line| line.id.to_string()));
            after = page.next;
            if after.is_none() {
                break;
            }
        }
        assert_eq!(seen.len(), expected);
        seen.sort();
        seen.dedup();
        assert_eq!(seen.len(), expected, "each once");
    }
    let depth = house.app.queue_depth().await.unwrap();
    assert_eq!((depth.counts, depth.oldest, depth.is_cut), ([200, 0, 0, 0], Some(NOW), false));
}

#[tokio::test]
async fn what_left_while_it_was_given_up_is_said_to_have_left() {
    let house = House::build().await;
    queue(&house, &[("a.example", 1)]).await;
    let mut due = house.app.due_mails().await.unwrap();
    let id = house.app.queue_page(&QueueFilter::default(), None, 1).await.unwrap().lines[0].id;
    assert!(house.app.change_queue(id, QueueChange::Drop, Actor::Operator, Origin::Cli).await.unwrap());
    house.app.deliver(due.set_out.pop().unwrap()).await.unwrap();
    let mails = mails(&house).await;
    let mail = mails.iter().find(|mail| mail.id == id).unwrap();
    assert!(matches!(mail.state, MailState::Accepted { .. }), "{:?}", mail.state);
}

/// What domains demand of who brings them mail is kept in the store itself (RFC 8461 section 5.1), over a restart, to its end.
#[tokio::test]
async fn the_policy_of_a_domain_is_kept_until_it_is_over_or_another_takes_its_place() {
    let house = House::build().await;
    let kept = house.outbox.kept.lock().unwrap().clone().unwrap();
    let (domain, other) = (Domain::parse("a.example").unwrap(), Domain::parse("b.example").unwrap());
    let policy =
        |host: &str, max_age| StsPolicy { mode: StsMode::Enforce, hosts: vec![host.into()], max_age };
    assert_eq!(kept.kept(&domain).await, None);
    kept.keep(&domain, "1".into(), &policy("mx1.a.example", 3600)).await;
    house.clock.advance(Millis::minutes(59));
    let found = kept.kept(&domain).await.unwrap();
    assert_eq!((found.id.as_str(), found.policy), ("1", policy("mx1.a.example", 3600)));
    assert_eq!(kept.kept(&other).await, None, "another domain's");

    kept.keep(&domain, "2".into(), &policy("mx2.a.example", 3600)).await;
    house.clock.advance(Millis::minutes(59));
    let found = kept.kept(&domain).await.unwrap();
    assert_eq!(
        (found.id.as_str(), found.policy),
        ("2", policy("mx2.a.example", 3600)),
        "from its own start on"
    );
    let record = house.record(&Key::StsPolicy(domain.clone())).await;
    assert!(matches!(record, Some(Record::StsPolicy(record)) if record.id == "2"), "it is in the store");
    house.clock.advance(Millis::minutes(1));
    assert_eq!(kept.kept(&domain).await, None, "it is over");
}
