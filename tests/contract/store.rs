//! `Store`: atomic, serial, durable, in order; and a log that only grows.

use std::collections::BTreeSet;
use std::sync::Arc;

use pli::app::ports::{
    Change, CommitError, Entry, Expectation, Key, List, LogSearch, Record, RegisterSearch, RestoredLog,
    Store, StoreError, StoreSnapshot, StoredLeaf, UnitOfWork, Versioned,
};
use pli::audit::{
    Action, Actor, Event, FailureReason, Frontier, Node, Object, Origin, Outcome, OutcomeClass, Selection,
    nodes_of,
};
use pli::relay::queue::QueuedMail;
use pli::store::{EmbeddedStore, MemoryStore};
use pli::transfer::{Ending, MonthlyCounts, RegisterLine, SEGMENTS_MAX, Transfer};
use pli::value::{
    AccountId, Digest, Domain, DraftId, MailAddress, MailboxId, OrganisationId, PartnerId, PersonId,
    Timestamp, TransferId,
};

use crate::sample::{self, id};

/// Runs a story against each adapter.
macro_rules! on_every_store {
    ($($(#[$meta:meta])* $story:ident),+ $(,)?) => {
        mod in_memory {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() { super::$story(Arc::new(MemoryStore::default())).await; })+
        }

        mod embedded {
            use super::*;
            $(#[tokio::test(flavor = "multi_thread")]
            async fn $story() {
                let at = tempfile::tempdir().unwrap();
                super::$story(Arc::new(EmbeddedStore::open(at.path()).unwrap())).await;
            })+
        }
    };
}

on_every_store! {
    every_kind_of_record_reads_back,
    a_unit_whose_expectation_fails_leaves_nothing,
    expectations_see_what_was_written_and_deleted,
    a_record_made_anew_is_not_taken_for_the_old_one,
    lists_of_all_and_of_one_owner,
    lists_by_a_unique_field_find_one_and_follow_its_change,
    lists_by_time_are_in_order_and_bounded,
    transfers_of_a_mailbox_come_newest_first_and_page_by_page,
    what_a_mailbox_sent_is_listed_apart_from_what_it_received,
    deposits_of_a_person_and_of_a_partner_are_listed_whatever_became_of_them,
    the_register_goes_on_with_the_line_that_stays_of_a_transfer,
    a_mail_leaves_the_queue_when_it_is_accepted,
    mails_are_found_by_the_domain_that_they_go_to,
    the_uploads_of_a_draft_are_found_also_the_largest,
    a_large_draft_grows_file_by_file_and_shrinks,
    a_record_that_is_too_large_is_refused_and_spoils_nothing,
    the_log_is_the_tree_over_all_entries_in_order,
    entries_are_found_by_what_they_name,
    a_period_is_found_though_the_clock_went_back,
    a_long_log_is_read_and_searched_to_its_end,
    the_root_of_every_complete_subtree_is_told,
    a_pruned_log_keeps_its_hashes_and_nothing_that_finds_them,
    sixty_four_writers_lose_no_update_and_no_entry,
    a_picture_stays_as_it_was_while_commits_go_on,
    a_restored_log_goes_on_after_the_places_of_lost_entries,
}

fn puts(records: Vec<Record>) -> UnitOfWork {
    UnitOfWork { changes: records.into_iter().map(Change::Put).collect(), ..UnitOfWork::default() }
}

async fn put(store: &dyn Store, records: Vec<Record>) {
    store.commit(puts(records)).await.unwrap();
}

async fn delete(store: &dyn Store, key: Key) {
    store.commit(UnitOfWork { changes: vec![Change::Delete(key)], ..UnitOfWork::default() }).await.unwrap();
}

async fn list(store: &dyn Store, list: List, limit: usize) -> Vec<Record> {
    store.list(&list, limit).await.unwrap().into_iter().map(|found| found.record).collect()
}

async fn every_kind_of_record_reads_back(store: Arc<dyn Store>) {
    let records = sample::one_of_each();
    for record in &records {
        assert_eq!(store.get(&record.key()).await.unwrap(), None);
    }
    put(&*store, records.clone()).await;
    for record in &records {
        let found = store.get(&record.key()).await.unwrap().unwrap();
        assert_eq!(&found.record, record);
        assert!(found.version > 0);
    }
    for record in &records {
        delete(&*store, record.key()).await;
        delete(&*store, record.key()).await;
        assert_eq!(store.get(&record.key()).await.unwrap(), None);
    }
    for emptied in [List::Organisations, List::Checkpoints, List::TransfersExpiringBy(Timestamp(i64::MAX))] {
        assert_eq!(list(&*store, emptied, 10).await, []);
    }
}

async fn a_unit_whose_expectation_fails_leaves_nothing(store: Arc<dyn Store>) {
    put(&*store, vec![sample::partner(1).into()]).await;
    let unit = UnitOfWork {
        expectations: vec![Expectation::Absent(Key::Partner(PartnerId::new(id(1))))],
        changes: sample::one_of_each().into_iter().map(Change::Put).collect(),
        entries: vec![sample::started(1)],
        ..UnitOfWork::default()
    };
    assert!(matches!(store.commit(unit).await, Err(CommitError::Conflict)));
    for record in sample::one_of_each().iter().filter(|record| !matches!(record, Record::Partner(_))) {
        assert_eq!(store.get(&record.key()).await.unwrap(), None);
    }
    assert_eq!(list(&*store, List::TransfersExpiringBy(Timestamp(i64::MAX)), 10).await, []);
    assert_eq!(store.log().await.unwrap(), Frontier::default());
}

async fn expectations_see_what_was_written_and_deleted(store: Arc<dyn Store>) {
    let key = Key::Account(AccountId::new(id(1)));
    let expecting = |expectation| UnitOfWork {
        expectations: vec![expectation],
        changes: vec![Change::Put(sample::account(1).into())],
        ..UnitOfWork::default()
    };
    store.commit(expecting(Expectation::Absent(key.clone()))).await.unwrap();
    let first = store.get(&key).await.unwrap().unwrap().version;
    let stale = expecting(Expectation::Unchanged(key.clone(), first));
    store.commit(stale.clone()).await.unwrap();
    assert!(store.get(&key).await.unwrap().unwrap().version > first, "a version rises with each write");
    assert!(matches!(store.commit(stale).await, Err(CommitError::Conflict)));
    delete(&*store, key.clone()).await;
    let gone = expecting(Expectation::Unchanged(key.clone(), first));
    assert!(matches!(store.commit(gone).await, Err(CommitError::Conflict)));
    store.commit(expecting(Expectation::Absent(key))).await.unwrap();
}

async fn a_record_made_anew_is_not_taken_for_the_old_one(store: Arc<dyn Store>) {
    let key = Key::Partner(PartnerId::new(id(1)));
    put(&*store, vec![sample::partner(1).into()]).await;
    let seen = store.get(&key).await.unwrap().unwrap().version;
    delete(&*store, key.clone()).await;
    put(&*store, vec![sample::partner(1).into()]).await;
    let unit = UnitOfWork {
        expectations: vec![Expectation::Unchanged(key, seen)],
        changes: vec![Change::Put(sample::partner(1).into())],
        ..UnitOfWork::default()
    };
    assert!(matches!(store.commit(unit).await, Err(CommitError::Conflict)));
}

async fn lists_of_all_and_of_one_owner(store: Arc<dyn Store>) {
    let mut records: Vec<Record> = Vec::new();
    for n in 1..=3 {
        records.push(sample::organisation(n).into());
        records.push(sample::mailbox(n, 1).into());
        records.push(sample::partner(n).into());
        records.push(sample::account(n).into());
        records.push(sample::agreement(1, n).into());
        records.push(sample::agreement(2, n).into());
        records.push(sample::grant(1, n).into());
        records.push(sample::grant(2, n).into());
        records.push(sample::session(n, 1, 5).into());
        records.push(sample::session(n + 10, 2, 5).into());
        records.push(sample::account_link(n, 1, 5).into());
        records.push(sample::account_link(n + 10, 2, 5).into());
        records.push(sample::mail(n, Some(1), 5, 5).into());
        records.push(sample::mail(n + 10, Some(2), 5, 5).into());
        records.push(sample::mail(n + 20, None, 5, 5).into());
        records.push(sample::checkpoint(u64::from(n) * 300).into());
        records.push(sample::held(n, 1, 5).into());
        records.push(sample::held(n + 10, 2, 5).into());
    }
    put(&*store, records).await;
    for (all, expected) in [
        (List::Organisations, 3),
        (List::Mailboxes, 3),
        (List::Partners, 3),
        (List::Accounts, 3),
        (List::AgreementsOf(MailboxId::new(id(1))), 3),
        (List::AgreementsOf(MailboxId::new(id(9))), 0),
        (List::GrantsOf(TransferId::new(id(2))), 3),
        (List::SessionsOf(AccountId::new(id(2))), 3),
        (List::AccountLinksOf(AccountId::new(id(2))), 3),
        (List::MailsOf(TransferId::new(id(1))), 3),
        (List::HeldOf(MailboxId::new(id(2))), 3),
        (List::HeldByReference(sample::held(2, 1, 5).reference), 1),
        (List::HeldByReference(sample::reference(99)), 0),
    ] {
        assert_eq!(list(&*store, all.clone(), 100).await.len(), expected, "{all:?}");
        assert_eq!(list(&*store, all.clone(), 2).await.len(), expected.min(2), "{all:?} under a limit");
        assert_eq!(list(&*store, all, 0).await.len(), 0);
    }
    let of_second = list(&*store, List::GrantsOf(TransferId::new(id(2))), 100).await;
    assert!(
        of_second.iter().all(|r| matches!(r, Record::Grant(g) if g.terms.transfer == TransferId::new(id(2))))
    );
    let sizes = list(&*store, List::Checkpoints, 2).await;
    assert_eq!(sizes, [sample::checkpoint(900).into(), sample::checkpoint(600).into()], "newest first");
}

async fn lists_by_a_unique_field_find_one_and_follow_its_change(store: Arc<dyn Store>) {
    put(&*store, sample::one_of_each()).await;
    put(&*store, vec![sample::mailbox(10, 1).into(), sample::account(10).into()]).await;
    let organisation = OrganisationId::new(id(1));
    let account = List::AccountByAddress(sample::address(1));
    for (by, expected) in [
        (List::MailboxByPage(organisation, sample::slug(1)), Record::from(sample::mailbox(1, 1)).key()),
        (List::OrganisationBySlug(sample::slug(1)), Key::Organisation(organisation)),
        (
            List::MailboxByDepositAddress(sample::mailbox(1, 1).deposit_address),
            Key::Mailbox(MailboxId::new(id(1))),
        ),
        (account.clone(), Key::Account(AccountId::new(id(1)))),
        (
            List::AccountBySubject(sample::account(1).provider.unwrap().digest()),
            Key::Account(AccountId::new(id(1))),
        ),
        (List::ProofByToken(sample::token(1)), Record::from(sample::proof(1, 5)).key()),
        (List::ApiClientByProof(*sample::token(1).as_digest()), Record::from(sample::api_client(1)).key()),
        (List::ApiDepositByKey(Digest::of(&id(1))), Record::from(sample::api_deposit(1, 1, 5)).key()),
        (List::TransferByReference(sample::reference(1)), Key::Transfer(TransferId::new(id(1)))),
        (List::RegisterByReference(sample::reference(1)), Key::Register(TransferId::new(id(1)))),
        (List::LinkByToken(sample::token(1)), Record::from(sample::recipient_link(1, 1)).key()),
        (List::SentByReference(sample::reference(1)), Key::Sent(TransferId::new(id(1)))),
    ] {
        let found = list(&*store, by.clone(), 10).await;
        assert_eq!(found.iter().map(Record::key).collect::<Vec<_>>(), [expected], "{by:?}");
    }
    assert_eq!(list(&*store, List::MailboxByPage(OrganisationId::new(id(2)), sample::slug(1)), 1).await, []);

    let mut renamed = sample::account(1);
    renamed.address = sample::address(99);
    put(&*store, vec![renamed.clone().into()]).await;
    assert_eq!(list(&*store, account, 1).await, [], "the old address leads nowhere");
    assert_eq!(list(&*store, List::AccountByAddress(sample::address(99)), 1).await, [renamed.into()]);
}

async fn lists_by_time_are_in_order_and_bounded(store: Arc<dyn Store>) {
    let times = [500, -7, 40, 41, 300, 42];
    let mut records: Vec<Record> = Vec::new();
    for (n, at) in (1..).zip(times) {
        records.push(sample::session(n, 1, at).into());
        records.push(sample::account_link(n, 1, at).into());
        records.push(sample::proof(n, at).into());
        records.push(sample::draft(n, at, 0).into());
        records.push(sample::transfer(n, 1, 0, at).into());
        records.push(sample::mail(n, None, at, at).into());
        records.push(sample::repeat(n, at).into());
        records.push(sample::api_deposit(n, 1, at).into());
        records.push(sample::held(n, n % 2, at).into());
        records.push(sample::link_session(n, at).into());
        records.push(sample::sent_line(n, 1, at).into());
        records.push(sample::transfer(n, 1, 0, 0).into_register_line(Ending::Expired, Timestamp(at)).into());
    }
    put(&*store, records).await;
    let at = Timestamp(41);
    for before in [
        List::SessionsBegunBefore(at),
        List::AccountLinksEndedBefore(at),
        List::ProofsAskedBefore(at),
        List::DraftsTouchedBefore(at),
        List::MailsWrittenBefore(at),
        List::RepeatsAcceptedBefore(at),
        List::LinkSessionsBegunBefore(at),
        List::SentEndedBefore(at),
        List::ApiDepositsBegunBefore(at),
        List::RegisterEndedBefore(at),
    ] {
        assert_eq!(times_of(list(&*store, before.clone(), 10).await), [-7, 40], "{before:?}");
        assert_eq!(times_of(list(&*store, before.clone(), 1).await), [-7], "{before:?} under a limit");
    }
    for by in [List::TransfersExpiringBy(at), List::MailsDueBy(at), List::HeldDueBy(at)] {
        assert_eq!(times_of(list(&*store, by.clone(), 10).await), [-7, 40, 41], "{by:?}");
    }
    let mut of = List::ApiDepositsOf { client: pli::value::ApiClientId::new(id(1)), before: None };
    let newest = list(&*store, of.clone(), 2).await;
    assert_eq!(times_of(newest), [500, 300]);
    if let List::ApiDepositsOf { before, .. } = &mut of {
        *before = Some(Timestamp(300));
    }
    assert_eq!(times_of(list(&*store, of, 2).await), [42, 41]);
    let ever = list(&*store, List::MailsDueBy(Timestamp(i64::MAX)), 10).await;
    assert_eq!(times_of(ever), [-7, 40, 41, 42, 300, 500]);
}

async fn mails_are_found_by_the_domain_that_they_go_to(store: Arc<dyn Store>) {
    let to = |n: u32, domain: &str, due_at: i64| QueuedMail {
        to: MailAddress::parse(&format!("personne@{domain}")).unwrap(),
        ..sample::mail(n, None, due_at - 1, due_at)
    };
    let mails = [
        to(1, "b.example", 30),
        to(2, "b.example", 10),
        to(3, "a.example", 20),
        to(4, "b.example.example", 5),
        to(5, "c.example", 7),
    ];
    put(&*store, mails.map(Record::from).to_vec()).await;
    let domain = |name: &str| Domain::parse(name).unwrap();
    let heads = async |after: Option<&str>, limit| {
        let list_of = List::MailDomains { after: after.map(domain) };
        times_of(list(&*store, list_of, limit).await)
    };
    assert_eq!(heads(None, 10).await, [19, 9, 4, 6], "the first due of a, b, b.example, c");
    assert_eq!(heads(None, 2).await, [19, 9]);
    assert_eq!(heads(Some("b.example"), 10).await, [4, 6]);
    let due = async |name: &str, by| {
        times_of(list(&*store, List::MailsDueTo { domain: domain(name), by: Timestamp(by) }, 10).await)
    };
    assert_eq!(due("b.example", 30).await, [9, 29]);
    assert_eq!(due("b.example", 29).await, [9]);
    assert_eq!(due("z.b.example", 99).await, [] as [i64; 0]);
    let waiting = async |at| times_of(list(&*store, List::MailsWaitingSince(Timestamp(at)), 10).await);
    assert_eq!(waiting(9).await, [4, 6]);
    put(&*store, vec![to(4, "b.example.example", 5).accepted(Timestamp(8), None).into()]).await;
    put(&*store, vec![to(5, "c.example", 7).held(Timestamp(8)).into()]).await;
    assert_eq!(heads(None, 10).await, [19, 9], "what left or is held does not wait");
    assert_eq!(waiting(9).await, [] as [i64; 0]);
    let unfinished = async |after| times_of(list(&*store, List::UnfinishedMails { after }, 2).await);
    assert_eq!(unfinished(None).await, [6, 9], "what is held is not over");
    let last = (Timestamp(9), to(2, "b.example", 10).id);
    assert_eq!(unfinished(Some(last)).await, [19, 29]);
}

fn times_of(records: Vec<Record>) -> Vec<i64> {
    let time = |record: Record| match record {
        Record::Session(r) => r.began_at.0,
        Record::AccountLink(r) => r.until.0,
        Record::Proof(r) => r.asked_at.0,
        Record::Draft(r) => r.touched_at.0,
        Record::Transfer(r) => r.expires_at.0,
        Record::Mail(r) => r.written_at.0,
        Record::Repeat(r) => r.accepted_at.0,
        Record::Held(r) => r.next_try_at.0,
        Record::LinkSession(r) => r.began_at.0,
        Record::Sent(r) => r.ended_at.0,
        Record::ApiDeposit(r) => r.begun_at.0,
        Record::Register(r) => r.ended_at.unwrap().0,
        other => panic!("{other:?} is in no list by time"),
    };
    records.into_iter().map(time).collect()
}

async fn the_register_goes_on_with_the_line_that_stays_of_a_transfer(store: Arc<dyn Store>) {
    let of = |n: u32, at: i64| sample::transfer(n, 1, at, 999);
    put(&*store, vec![of(1, 30).into(), of(2, 10).into(), of(3, 20).into()]).await;
    let search = RegisterSearch::of(vec![MailboxId::new(id(1)), MailboxId::new(id(2))]);
    let told = async |search: &RegisterSearch, limit| {
        let found = store.register(search, limit).await.unwrap();
        let lines = found.lines.iter().map(|(line, _)| (line.received_at.0, line.ended_at.is_some()));
        (lines.collect::<Vec<_>>(), found.is_all, found.lines.last().map(|(_, place)| place.clone()))
    };
    assert_eq!(told(&search, 9).await.0, [(30, false), (20, false), (10, false)]);
    let mut ends = puts(vec![of(3, 20).into_register_line(Ending::Expired, Timestamp(999)).into()]);
    ends.changes.push(Change::Delete(Key::Transfer(TransferId::new(id(3)))));
    store.commit(ends).await.unwrap();
    let (lines, is_all, place) = told(&search, 2).await;
    assert_eq!((&lines[..], is_all), (&[(30, false), (20, true)][..], false));
    let rest = RegisterSearch { after: place, ..search };
    assert_eq!(told(&rest, 2).await.0, [(10, false)]);

    put(&*store, vec![sample::monthly_counts(1, 8).into(), sample::monthly_counts(2, 1).into()]).await;
    put(&*store, vec![sample::monthly_counts(1, 3).into()]).await;
    let months = list(&*store, List::MonthlyCountsOf(MailboxId::new(id(1))), 9).await;
    let months = months.into_iter().map(|record| MonthlyCounts::try_from(record).unwrap().month.0);
    assert_eq!(months.collect::<Vec<_>>(), [3, 8], "oldest first, of one mailbox");
}

async fn transfers_of_a_mailbox_come_newest_first_and_page_by_page(store: Arc<dyn Store>) {
    let received = [30, 10, 50, 20, 40];
    for (n, at) in (1..).zip(received) {
        put(&*store, vec![sample::transfer(n, 1, at, 999).into()]).await;
        put(&*store, vec![sample::transfer(n + 10, 2, at + 1, 999).into()]).await;
    }
    let page = async |before| {
        let of = List::TransfersOf { mailbox: MailboxId::new(id(1)), before };
        let found = list(&*store, of, 2).await;
        let times = found.into_iter().map(|record| Transfer::try_from(record).unwrap().received_at.0);
        times.collect::<Vec<_>>()
    };
    assert_eq!(page(None).await, [50, 40]);
    assert_eq!(page(Some(Timestamp(40))).await, [30, 20]);
    assert_eq!(page(Some(Timestamp(20))).await, [10]);
    assert_eq!(page(Some(Timestamp(10))).await, [] as [i64; 0]);
    assert_eq!(page(Some(Timestamp(i64::MIN))).await, [] as [i64; 0]);
}

async fn deposits_of_a_person_and_of_a_partner_are_listed_whatever_became_of_them(store: Arc<dyn Store>) {
    let (live, ended, held) =
        (sample::transfer(1, 1, 30, 99), sample::register_line(2), sample::held(3, 1, 50));
    let (person, partner) = (live.depositor.person, live.depositor.partner.unwrap());
    let ended =
        RegisterLine { depositor: person, partner: Some(partner), received_at: Timestamp(10), ..ended };
    let mut held = held;
    (held.depositor, held.accepted_at) = (live.depositor.clone(), Timestamp(20));
    let mut elsewhere = sample::transfer(4, 1, 40, 99);
    (elsewhere.depositor.person, elsewhere.depositor.partner) = (PersonId::new(id(77)), None);
    let sent = sample::outgoing(5, 1, 35, 1);
    let all: Vec<Record> =
        vec![live.clone().into(), ended.clone().into(), held.clone().into(), elsewhere.into(), sent.into()];
    put(&*store, all).await;
    let expected: Vec<Record> = vec![live.clone().into(), held.into(), ended.clone().into()];
    let by = |before| List::DepositsBy { person, before };
    let of = |before| List::DepositsOfPartner { partner, before };
    assert_eq!(list(&*store, by(None), 10).await, expected, "newest first");
    assert_eq!(list(&*store, of(None), 10).await, expected);
    assert_eq!(list(&*store, by(Some(Timestamp(20))), 10).await, [ended.clone().into()]);
    assert_eq!(list(&*store, of(Some(Timestamp(30))), 1).await, expected[1..2]);
    delete(&*store, Key::Transfer(live.id)).await;
    assert_eq!(list(&*store, by(None), 10).await, expected[1..]);
}

async fn what_a_mailbox_sent_is_listed_apart_from_what_it_received(store: Arc<dyn Store>) {
    let transfer = |n| Key::Transfer(TransferId::new(id(n)));
    let of = |mailbox| List::TransfersOf { mailbox: MailboxId::new(id(mailbox)), before: None };
    put(&*store, vec![sample::transfer(1, 1, 10, 999).into()]).await;
    let sent = [sample::outgoing(2, 1, 30, 1), sample::outgoing(3, 1, 20, 1), sample::outgoing(4, 2, 40, 9)];
    put(&*store, sent.into_iter().map(Record::from).collect()).await;
    put(&*store, (2..5).map(|n| sample::recipient_link(n, 2).into()).collect()).await;
    put(&*store, vec![sample::sent_line(2, 1, 50).into(), sample::sent_line(4, 2, 50).into()]).await;
    for (of, expected) in [
        (of(1), vec![transfer(1)]),
        (of(2), vec![]),
        (List::OutgoingOf(MailboxId::new(id(1))), vec![transfer(2), transfer(3)]),
        (List::AnswersTo(TransferId::new(id(1))), vec![transfer(3), transfer(2)]),
        (List::TransfersExpiringBy(Timestamp(26)), vec![transfer(3)]),
        (List::LinksOf(TransferId::new(id(1))), vec![]),
        (List::SentOf(MailboxId::new(id(1))), vec![Key::Sent(TransferId::new(id(2)))]),
    ] {
        let found: Vec<_> = list(&*store, of.clone(), 10).await.iter().map(Record::key).collect();
        assert_eq!(found, expected, "{of:?}");
    }
    assert_eq!(list(&*store, List::LinksOf(TransferId::new(id(2))), 10).await.len(), 3);
}

async fn a_mail_leaves_the_queue_when_it_is_accepted(store: Arc<dyn Store>) {
    let mail = sample::mail(1, Some(1), 5, 6);
    put(&*store, vec![mail.clone().into()]).await;
    assert_eq!(list(&*store, List::MailsDueBy(Timestamp(6)), 10).await.len(), 1);
    let accepted: QueuedMail = mail.accepted(Timestamp(7), None);
    put(&*store, vec![accepted.clone().into()]).await;
    assert_eq!(list(&*store, List::MailsDueBy(Timestamp(i64::MAX)), 10).await, []);
    assert_eq!(list(&*store, List::MailsOf(TransferId::new(id(1))), 10).await, [accepted.into()]);
}

async fn the_uploads_of_a_draft_are_found_also_the_largest(store: Arc<dyn Store>) {
    let largest = sample::upload(2, 1, SEGMENTS_MAX);
    let mine: Vec<Record> = vec![sample::upload(1, 1, 0).into(), largest.into()];
    put(&*store, mine.clone()).await;
    put(&*store, vec![sample::upload(1, 2, 1).into()]).await;
    assert_eq!(list(&*store, List::UploadsOf(DraftId::new(id(1))), 10).await, mine);
    assert_eq!(list(&*store, List::UploadsOf(DraftId::new(id(3))), 10).await, []);
}

async fn a_large_draft_grows_file_by_file_and_shrinks(store: Arc<dyn Store>) {
    let key = Key::Draft(DraftId::new(id(1)));
    let full = sample::draft(1, 5, 1000);
    let mut draft = sample::draft(1, 5, 0);
    for step in [1, 2, 3, 50, 944] {
        let have = draft.parts.len();
        draft.parts.extend_from_slice(&full.parts[have..have + step]);
        put(&*store, vec![draft.clone().into()]).await;
        assert_eq!(store.get(&key).await.unwrap().unwrap().record, draft.clone().into());
    }
    assert_eq!(draft.parts.len(), 1000);
    draft.parts.truncate(1);
    put(&*store, vec![draft.clone().into()]).await;
    assert_eq!(store.get(&key).await.unwrap().unwrap().record, draft.into());
}

async fn a_record_that_is_too_large_is_refused_and_spoils_nothing(store: Arc<dyn Store>) {
    let mut huge = sample::organisation(1);
    huge.postal_address = "x".repeat(2 * 1024 * 1024);
    let unit = UnitOfWork {
        entries: vec![sample::started(1)],
        ..puts(vec![sample::partner(1).into(), huge.into()])
    };
    assert!(matches!(store.commit(unit).await, Err(CommitError::Store(_))));
    assert_eq!(list(&*store, List::Partners, 10).await, []);
    assert_eq!(store.log().await.unwrap().size(), 0);
    put(&*store, sample::one_of_each()).await;
}

async fn the_log_is_the_tree_over_all_entries_in_order(store: Arc<dyn Store>) {
    assert_eq!(store.log().await.unwrap(), Frontier::default());
    let mut expected = Frontier::default();
    let mut leaves = Vec::new();
    let mut n = 0;
    for size in [1, 3, 0, 7, 2, 20] {
        let entries: Vec<Entry> = (n..n + size).map(sample::started).collect();
        n += size;
        for entry in &entries {
            expected.append(entry.entry.leaf());
            leaves.push((entry.entry.leaf(), entry.entry.clone()));
        }
        let first = leaves.len() as u64 - u64::from(size);
        let committed = store.commit(UnitOfWork { entries, ..puts(vec![sample::partner(n).into()]) }).await;
        assert_eq!(committed.unwrap().first_entry, first);
        assert_eq!(store.log().await.unwrap(), expected);
    }
    let mut read = Vec::new();
    while read.len() < leaves.len() {
        let page = store.leaves(read.len() as u64, 5).await.unwrap();
        assert!(!page.is_empty() && page.len() <= 5);
        for leaf in page {
            assert_eq!(leaf.index, read.len() as u64);
            read.push((leaf.leaf, leaf.entry.unwrap()));
        }
    }
    assert_eq!(read, leaves);
    assert_eq!(store.leaves(leaves.len() as u64, 5).await.unwrap(), []);
}

async fn entries_are_found_by_what_they_name(store: Arc<dyn Store>) {
    let (anne, paul) = (PersonId::new(id(1)), PersonId::new(id(2)));
    let (north, south) = (MailboxId::new(id(3)), MailboxId::new(id(4)));
    let (first, second) = (TransferId::new(id(5)), TransferId::new(id(6)));
    let deposit = |transfer, mailbox| Object::Transfer { transfer, mailbox };
    let events = [
        sample::event(10, Actor::Person(anne), Action::DepositSent, deposit(first, north)),
        Event {
            origin: Origin::Web { address: "192.0.2.7".parse().unwrap() },
            ..sample::event(11, Actor::Person(paul), Action::TransferOpened, deposit(first, north))
        },
        sample::event(12, Actor::Person(anne), Action::DepositSent, deposit(second, south))
            .of_partner(PartnerId::new(id(8))),
        Event {
            origin: Origin::Smtp { address: "2001:db8::1".parse().unwrap() },
            ..sample::event(
                13,
                Actor::Person(paul),
                Action::TransferDispatched,
                Object::Dispatch { transfer: first, from: north, to: south },
            )
        },
        sample::event(14, Actor::Operator, Action::AccountCutOff, Object::Person(anne)),
        Event {
            outcome: Outcome::Failed(FailureReason::SealDamaged),
            ..sample::event(15, Actor::Person(paul), Action::TransferOpened, deposit(first, south))
        },
    ];
    let entries = (0..).zip(events).map(|(n, event)| sample::entry(n, event)).collect();
    store.commit(UnitOfWork { entries, ..UnitOfWork::default() }).await.unwrap();
    let all = Selection::default();
    for (selection, expected) in [
        (all.clone(), vec![5, 4, 3, 2, 1, 0]),
        (Selection { person: Some(anne), ..all.clone() }, vec![4, 2, 0]),
        (Selection { person: Some(paul), ..all.clone() }, vec![5, 3, 1]),
        (Selection { mailbox: Some(south), ..all.clone() }, vec![5, 3, 2]),
        (Selection { transfer: Some(first), ..all.clone() }, vec![5, 3, 1, 0]),
        (Selection { partner: Some(PartnerId::new(id(8))), ..all.clone() }, vec![2]),
        (Selection { outcome: Some(OutcomeClass::Failed), ..all.clone() }, vec![5]),
        (Selection { outcome: Some(OutcomeClass::Done), ..all.clone() }, vec![4, 3, 2, 1, 0]),
        (Selection { origin: Some("192.0.2.7".parse().unwrap()), ..all.clone() }, vec![1]),
        (Selection { origin: Some("2001:db8::1".parse().unwrap()), ..all.clone() }, vec![3]),
        (Selection { actions: vec![Action::DepositSent], ..all.clone() }, vec![2, 0]),
        (
            Selection { actions: vec![Action::AccountCutOff, Action::TransferOpened], ..all.clone() },
            vec![5, 4, 1],
        ),
        (
            Selection { transfer: Some(first), mailbox: Some(south), person: Some(paul), ..all.clone() },
            vec![5, 3],
        ),
        (Selection { person: Some(paul), actions: vec![Action::TransferOpened], ..all.clone() }, vec![5, 1]),
        (Selection { from: Some(Timestamp(11)), until: Some(Timestamp(14)), ..all.clone() }, vec![3, 2, 1]),
        (Selection { until: Some(Timestamp(12)), person: Some(anne), ..all.clone() }, vec![0]),
        (Selection { actions: vec![Action::LogRead], ..all.clone() }, vec![]),
    ] {
        let found = store.entries(&selection, 10).await.unwrap();
        let mut places: Vec<u64> = found.iter().map(|(place, _)| *place).collect();
        assert_eq!(places, expected, "{selection:?}");
        for (place, entry) in found {
            assert_eq!(entry.event().unwrap(), events[usize::try_from(place).unwrap()]);
        }
        let two = store.entries(&selection, 2).await.unwrap();
        assert_eq!(two.len(), expected.len().min(2), "{selection:?} under a limit");
        let backwards = searched(&*store, LogSearch::newest(selection.clone())).await;
        assert_eq!(backwards, expected, "{selection:?} in small steps");
        let forwards = searched(&*store, LogSearch::oldest(selection.clone())).await;
        places.reverse();
        assert_eq!(forwards, places, "{selection:?} oldest first");
        let part = LogSearch { from: 1, before: 5, ..LogSearch::newest(selection.clone()) };
        let within: Vec<u64> = expected.into_iter().filter(|place| (1..5).contains(place)).collect();
        assert_eq!(searched(&*store, part).await, within, "{selection:?} between two places");
    }
}

/// The places that a search finds when it is taken up again and again after very few looks.
async fn searched(store: &dyn Store, mut search: LogSearch) -> Vec<u64> {
    let mut places = Vec::new();
    for _ in 0..1000 {
        let found = store.search(&search, 2, 3).await.unwrap();
        places.extend(found.entries.into_iter().map(|(place, _)| place));
        let Some(place) = found.resume else { return places };
        search = search.resumed(place);
    }
    panic!("the search does not come to an end");
}

/// A period is found by its days, whichever way the clock went.
async fn a_period_is_found_though_the_clock_went_back(store: Arc<dyn Store>) {
    const DAY: i64 = 86_400_000;
    let days = [5, 6, 3, 7, 3, 8];
    let event = |day: i64| sample::event(day * DAY, Actor::System, Action::GatewayStarted, Object::None);
    for (n, day) in (0..).zip(days) {
        let entries = vec![sample::entry(n, event(day))];
        store.commit(UnitOfWork { entries, ..UnitOfWork::default() }).await.unwrap();
    }
    let period = |from: i64, until: i64| Selection {
        from: Some(Timestamp(from * DAY)),
        until: Some(Timestamp(until * DAY)),
        ..Selection::default()
    };
    assert_eq!(searched(&*store, LogSearch::oldest(period(3, 4))).await, [2, 4]);
    assert_eq!(searched(&*store, LogSearch::oldest(period(6, 8))).await, [1, 3]);
    assert_eq!(searched(&*store, LogSearch::newest(period(0, 3))).await, [0_u64; 0]);
    let open = Selection { from: Some(Timestamp(7 * DAY)), ..Selection::default() };
    assert_eq!(searched(&*store, LogSearch::newest(open)).await, [5, 3]);
}

async fn a_long_log_is_read_and_searched_to_its_end(store: Arc<dyn Store>) {
    const LENGTH: u32 = 2345;
    let object = |n| if n % 600 == 7 { Object::Person(PersonId::new(id(1))) } else { Object::None };
    let event = |n: u32| sample::event(i64::from(n), Actor::System, Action::GatewayStarted, object(n));
    let entries = (0..LENGTH).map(|n| sample::entry(n, event(n))).collect();
    store.commit(UnitOfWork { entries, ..UnitOfWork::default() }).await.unwrap();
    assert_eq!(store.leaves(0, usize::MAX).await.unwrap().len(), LENGTH as usize);
    assert_eq!(store.leaves(45, 1000).await.unwrap().last().unwrap().index, 1044);
    for (range, expected) in [
        (Selection { person: Some(PersonId::new(id(1))), ..Selection::default() }, vec![1807, 1207, 607, 7]),
        (Selection { until: Some(Timestamp(3)), ..Selection::default() }, vec![2, 1, 0]),
    ] {
        for limit in [1, 2, 100] {
            let found = store.entries(&range, limit).await.unwrap();
            let places: Vec<_> = found.iter().map(|(place, _)| *place).collect();
            assert_eq!(places, expected[..limit.min(expected.len())], "{range:?}");
        }
    }
    let action = Selection { actions: vec![Action::GatewayStarted], ..Selection::default() };
    assert_eq!(store.entries(&action, usize::MAX).await.unwrap().len(), LENGTH as usize);
}

/// Entries in units of all sizes, so that blocks, groups and tiles end anywhere.
async fn appended(store: &dyn Store, length: u32) -> Vec<Digest> {
    let mut leaves = Vec::new();
    let mut sizes = [1, 2, 3, 50, 7, 300, 1, 255].into_iter().cycle();
    while leaves.len() < length as usize {
        let first = u32::try_from(leaves.len()).unwrap();
        let last = (first + sizes.next().unwrap()).min(length);
        let person = |n| Object::Person(PersonId::new(id(n % 3)));
        let event = |n| sample::event(i64::from(n), Actor::System, Action::GatewayStarted, person(n));
        let entries: Vec<Entry> = (first..last).map(|n| sample::entry(n, event(n))).collect();
        leaves.extend(entries.iter().map(|entry| entry.entry.leaf()));
        store.commit(UnitOfWork { entries, ..UnitOfWork::default() }).await.unwrap();
    }
    leaves
}

async fn the_root_of_every_complete_subtree_is_told(store: Arc<dyn Store>) {
    let leaves = appended(&*store, 1111).await;
    let of_slice = nodes_of(&leaves);
    for level in 0..11 {
        let nodes: Vec<Node> = (0..1111_u64 >> level).map(|place| Node { level, place }).collect();
        let told = store.roots(&nodes).await.unwrap();
        assert_eq!(told, nodes.iter().map(|node| of_slice(*node)).collect::<Vec<_>>(), "level {level}");
    }
    for node in [Node { level: 0, place: 1111 }, Node { level: 3, place: 138 }, Node { level: 8, place: 4 }] {
        assert!(store.roots(&[node]).await.is_err(), "{node:?} is not complete");
    }
}

async fn a_pruned_log_keeps_its_hashes_and_nothing_that_finds_them(store: Arc<dyn Store>) {
    let leaves = appended(&*store, 1000).await;
    let tree = store.log().await.unwrap();
    let prune = |before| UnitOfWork { changes: vec![Change::PruneLog { before }], ..UnitOfWork::default() };
    // Whole tiles of 256 go: 600 asks for two of them. To ask for less again brings nothing back.
    for (before, kept) in [(255, 0), (600, 512), (100, 512), (u64::MAX, 768)] {
        store.commit(prune(before)).await.unwrap();
        assert_eq!(store.log().await.unwrap(), tree);
        let read = store.leaves(0, usize::MAX).await.unwrap();
        assert_eq!(read.iter().map(|leaf| leaf.leaf).collect::<Vec<_>>(), leaves);
        assert!(read.iter().all(|leaf| leaf.entry.is_some() == (leaf.index >= kept)));
        assert!(read.iter().flat_map(|leaf| &leaf.entry).all(|entry| leaves.contains(&entry.leaf())));
        assert_eq!(store.leaves(kept.saturating_sub(2), 4).await.unwrap().len(), 4);
        let person = Selection { person: Some(PersonId::new(id(1))), ..Selection::default() };
        for range in [Selection::default(), person] {
            let found = store.entries(&range, usize::MAX).await.unwrap();
            let expected = (kept..1000).filter(|n| range.person.is_none() || n % 3 == 1).rev();
            assert_eq!(
                found.iter().map(|(place, _)| *place).collect::<Vec<_>>(),
                expected.collect::<Vec<_>>()
            );
        }
        let of_slice = nodes_of(&leaves);
        for node in [Node { level: 8, place: 0 }, Node { level: 3, place: 7 }, Node { level: 0, place: 99 }] {
            assert_eq!(store.roots(&[node]).await.unwrap(), [of_slice(node)]);
        }
    }
}

/// Each writer raises one shared counter as often as it can, by expectation and retry, with a log entry each time.
async fn sixty_four_writers_lose_no_update_and_no_entry(store: Arc<dyn Store>) {
    const WRITERS: u32 = 64;
    const TIMES: u32 = 5;
    put(&*store, vec![sample::mail(0, None, 0, 0).into()]).await;
    let tasks: Vec<_> = (0..WRITERS)
        .map(|writer| {
            let store = Arc::clone(&store);
            tokio::spawn(async move {
                let mut places = Vec::new();
                for time in 0..TIMES {
                    places.push(raise(&*store, writer * TIMES + time).await);
                }
                places
            })
        })
        .collect();
    let mut places = BTreeSet::new();
    for task in tasks {
        places.extend(task.await.unwrap());
    }
    let counter = store.get(&sample_counter()).await.unwrap().unwrap();
    assert_eq!(QueuedMail::try_from(counter.record).unwrap().tries, WRITERS * TIMES);
    assert_eq!(places, (0..u64::from(WRITERS * TIMES)).collect(), "each entry has a place of its own");
    let mut tree = Frontier::default();
    let leaves = store.leaves(0, 1000).await.unwrap();
    for leaf in &leaves {
        tree.append(leaf.leaf);
    }
    assert_eq!(store.log().await.unwrap(), tree);
    let distinct: BTreeSet<Digest> = leaves.iter().map(|leaf| leaf.leaf).collect();
    assert_eq!(distinct.len(), leaves.len());
}

fn sample_counter() -> Key {
    Record::from(sample::mail(0, None, 0, 0)).key()
}

async fn raise(store: &dyn Store, n: u32) -> u64 {
    loop {
        let Versioned { record, version } = store.get(&sample_counter()).await.unwrap().unwrap();
        let mut counter = QueuedMail::try_from(record).unwrap();
        counter.tries += 1;
        let unit = UnitOfWork {
            expectations: vec![Expectation::Unchanged(sample_counter(), version)],
            entries: vec![sample::started(n)],
            ..puts(vec![counter.into()])
        };
        match store.commit(unit).await {
            Ok(committed) => return committed.first_entry,
            Err(CommitError::Conflict) => {}
            Err(error) => panic!("{error}"),
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_embedded_store_keeps_all_across_restarts() {
    let at = tempfile::tempdir().unwrap();
    let mut tree = Frontier::default();
    let mut kept: Vec<Record> = Vec::new();
    for round in 0..4 {
        let store = EmbeddedStore::open(at.path()).unwrap();
        assert_eq!(store.log().await.unwrap(), tree);
        for record in &kept {
            assert_eq!(&store.get(&record.key()).await.unwrap().unwrap().record, record);
        }
        kept = sample::one_of_each();
        let entries: Vec<_> = (0..5).map(|n| sample::started(round * 5 + n)).collect();
        for entry in &entries {
            tree.append(entry.entry.leaf());
        }
        store.commit(UnitOfWork { entries, ..puts(kept.clone()) }).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn no_value_of_the_embedded_store_is_moved_to_a_file_of_its_own() {
    let at = tempfile::tempdir().unwrap();
    let store = EmbeddedStore::open(at.path()).unwrap();
    for n in 1..=40 {
        put(&store, vec![sample::draft(n, i64::from(n), 600).into()]).await;
    }
    drop(store);
    let store = EmbeddedStore::open(at.path()).unwrap();
    assert_eq!(store.list(&List::DraftsTouchedBefore(Timestamp(99)), 100).await.unwrap().len(), 40);
    assert_eq!(std::fs::read_dir(at.path().join("blobs")).unwrap().count(), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_do_not_share_a_store() {
    let at = tempfile::tempdir().unwrap();
    let _first = EmbeddedStore::open(at.path()).unwrap();
    assert!(EmbeddedStore::open(at.path()).is_err());
}

/// All records of a picture, read a few at a time.
fn all_records(picture: &dyn StoreSnapshot) -> Vec<Record> {
    let (mut found, mut after) = (Vec::new(), None);
    loop {
        let (records, last) = picture.records(after.as_ref(), 3).unwrap();
        found.extend(records);
        match last {
            Some(place) => after = Some(place),
            None => return found,
        }
    }
}

async fn a_picture_stays_as_it_was_while_commits_go_on(store: Arc<dyn Store>) {
    let draft = || sample::draft(7, 5, 40).into();
    let mut records = sample::one_of_each();
    records.push(draft());
    let entries = (0..5).map(sample::started).collect();
    store.commit(UnitOfWork { entries, ..puts(records.clone()) }).await.unwrap();
    let log = store.log().await.unwrap();

    let picture = store.snapshot().await.unwrap();
    let (first, place) = picture.records(None, 3).unwrap();
    for record in &records[..4] {
        delete(&*store, record.key()).await;
    }
    put(&*store, vec![sample::draft(7, 9, 1).into(), sample::partner(99).into()]).await;
    let more = (5..9).map(sample::started).collect();
    store.commit(UnitOfWork { entries: more, ..UnitOfWork::default() }).await.unwrap();

    assert_eq!(picture.log().unwrap(), log);
    assert_eq!(picture.leaves(0, 100).unwrap().len(), 5);
    let mut found = all_records(&*picture);
    assert_eq!(found[..3], first);
    assert_eq!(picture.records(place.as_ref(), 100).unwrap().0, found[3..]);
    assert_eq!(found.len(), records.len(), "nothing new, nothing lost");
    assert!(records.iter().all(|record| found.contains(record)), "each as it was");
    let written: Vec<Record> = found
        .iter()
        .map(|record| serde_json::from_str(&serde_json::to_string(record).unwrap()).unwrap())
        .collect();
    assert_eq!(written, found, "the written form of a backup reads back");

    found = all_records(&*store.snapshot().await.unwrap());
    assert!(!found.contains(&draft()) && found.contains(&sample::partner(99).into()));
}

async fn a_restored_log_goes_on_after_the_places_of_lost_entries(store: Arc<dyn Store>) {
    let leaf = |index: u32, pruned: bool| {
        let entry = sample::started(index).entry;
        StoredLeaf { index: u64::from(index), leaf: entry.leaf(), entry: (!pruned).then_some(entry) }
    };
    let leaves: Vec<StoredLeaf> = (0..260).map(|index| leaf(index, index < 256)).collect();
    let restoring = |leaves: &[StoredLeaf], goes_on_from| UnitOfWork {
        restored: RestoredLog { leaves: leaves.to_vec(), goes_on_from },
        ..UnitOfWork::default()
    };
    store.commit(restoring(&leaves[..259], None)).await.unwrap();
    assert!(
        matches!(
            store.commit(restoring(&leaves[..1], None)).await,
            Err(CommitError::Store(StoreError::Damaged))
        ),
        "an entry has its place"
    );
    store.commit(restoring(&leaves[259..], None)).await.unwrap();
    let mut signed = store.log().await.unwrap();
    for lost in 260..600 {
        signed.append(sample::started(lost).entry.leaf());
    }
    let unit = UnitOfWork { entries: vec![sample::started(600)], ..restoring(&[], Some(signed.clone())) };
    assert_eq!(store.commit(unit).await.unwrap().first_entry, 600);
    signed.append(sample::started(600).entry.leaf());
    assert_eq!(store.log().await.unwrap(), signed, "it is the tree that was signed, and goes on");
    let found = store.leaves(0, 1000).await.unwrap();
    assert_eq!(found[..260], leaves);
    assert_eq!(found[260..].iter().map(|leaf| leaf.index).collect::<Vec<_>>(), [600]);
    let peak = Node { level: 9, place: 0 };
    assert_eq!(
        store.roots(&[peak]).await.unwrap(),
        signed.peaks()[..1],
        "what was signed is known of lost entries"
    );
    let lost = store.roots(&[Node { level: 0, place: 300 }]).await;
    assert!(matches!(lost, Err(StoreError::Damaged)), "no hash is made up for a lost entry");
    let starts = Selection { actions: vec![Action::GatewayStarted], ..Selection::default() };
    let by_name = store.entries(&starts, 9);
    let places: Vec<u64> = by_name.await.unwrap().iter().map(|(place, _)| *place).collect();
    assert_eq!(places, [600, 259, 258, 257, 256], "what came back is found by what it names, newest first");
    assert!(
        matches!(
            store.commit(restoring(&[], Some(Frontier::default()))).await,
            Err(CommitError::Store(StoreError::Damaged))
        ),
        "a log never shrinks"
    );
}
