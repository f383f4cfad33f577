//! The security officer's desk: what is told, to whom, and that each look is itself told (S1 to S3, P5).

use std::io::Write;
use std::sync::{Arc, Mutex};

use pli::app::ports::{Change, Key, Record, UnitOfWork};
use pli::app::{DayKeyFate, ExportFormat, JournalFilter, PageStart, SelectionExport, Signed, rights_table};
use pli::audit::{
    Action, BundleVerdict, Detail, Event, LogView, Outcome, OutcomeClass, Selection, verify_bundle,
};
use pli::identity::Password;
use pli::value::{Language, MailboxId, Millis};
use tokio::runtime::Handle;

use crate::house::{DEPOSITOR, House, address, visitor};

const OFFICER: &str = "securite@carsat.example";

async fn all_events(house: &House) -> Vec<Event> {
    let leaves = house.app.store.leaves(0, 100_000).await.unwrap();
    leaves.into_iter().map(|leaf| leaf.entry.unwrap().event().unwrap()).collect()
}

#[tokio::test]
async fn the_timeline_is_paged_both_ways_and_no_entry_is_skipped_or_shown_twice() {
    let house = House::build().await;
    let officer = house.sign_in(OFFICER).await;
    for _ in 0..5 {
        house.deposit().await;
    }
    let filter = JournalFilter { until: Some(house.app.now().at + Millis(1)), ..JournalFilter::default() };
    let expected = house.app.store.log().await.unwrap().size();
    let (mut start, mut down, mut pages) = (PageStart::Before(expected), Vec::new(), Vec::new());
    loop {
        let page = house.app.read_log(&officer, &filter, start, visitor()).await.unwrap().unwrap();
        down.extend(page.lines.iter().map(|line| line.index));
        pages.push(page.clone());
        let Some(older) = page.older.filter(|_| !page.lines.is_empty()) else { break };
        start = older;
    }
    assert_eq!(down, (0..expected).rev().collect::<Vec<_>>());
    let last = pages.iter().rev().find(|page| !page.lines.is_empty()).unwrap();
    let back = house.app.read_log(&officer, &filter, last.newer.unwrap(), visitor()).await.unwrap().unwrap();
    let newest_of_last = last.lines[0].index;
    let expected_back: Vec<u64> = (newest_of_last + 1..newest_of_last + 51).rev().collect();
    assert_eq!(back.lines.iter().map(|line| line.index).collect::<Vec<_>>(), expected_back);
}

#[tokio::test]
async fn filters_combine_and_what_is_not_understood_finds_nothing() {
    let house = House::build().await;
    let (one, _two) = (house.deposit().await, house.deposit().await);
    let agent = house.sign_in("agent@carsat.example").await;
    house.app.open_transfer(&agent, &one, visitor()).await.unwrap();
    let officer = house.sign_in(OFFICER).await;
    let app = &house.app;
    let count = async |filter: JournalFilter| {
        app.read_log(&officer, &filter, PageStart::Newest, visitor()).await.unwrap().unwrap().lines.len()
    };
    let all = JournalFilter::default;
    let transfer = Some(one.to_string());
    let opened = JournalFilter { transfer: transfer.clone(), action: Some(Action::TransferOpened), ..all() };
    assert_eq!(count(opened.clone()).await, 1);
    assert_eq!(count(JournalFilter { person: Some(DEPOSITOR.into()), ..opened }).await, 0);
    let partner = app.partners().await.unwrap()[0].id;
    let deposits = JournalFilter { partner: Some(partner), action: Some(Action::DepositSent), ..all() };
    assert_eq!(count(deposits.clone()).await, 2);
    assert_eq!(count(JournalFilter { origin: Some("192.0.2.7".into()), ..deposits.clone() }).await, 2);
    assert_eq!(count(JournalFilter { origin: Some("192.0.2.8".into()), ..deposits.clone() }).await, 0);
    assert_eq!(count(JournalFilter { outcome: Some(OutcomeClass::Refused), ..deposits }).await, 0);
    for wrong in [
        JournalFilter { origin: Some("partout".into()), ..all() },
        JournalFilter { transfer: Some("XXXX".into()), ..all() },
        JournalFilter { person: Some("Jeanne".into()), ..all() },
    ] {
        assert_eq!(count(wrong).await, 0);
    }
}

#[tokio::test]
async fn a_story_goes_from_the_deposit_to_the_destruction_of_the_key() {
    let house = House::build().await;
    let reference = house.deposit().await;
    house.mails_to(DEPOSITOR).await;
    let agent = house.sign_in("agent@carsat.example").await;
    house.app.open_transfer(&agent, &reference, visitor()).await.unwrap();
    let opened = house.app.opened_transfer(Some(&agent), &reference, visitor()).await.unwrap();
    let pending = house.app.begin_download(&agent, &opened, Some(1), visitor()).await.unwrap();
    house.app.end_download(&pending, None, None, pli::value::ByteSize(9)).await.unwrap();
    let expires_at = opened.transfer.expires_at;
    let officer = house.sign_in(OFFICER).await;
    let typed = reference.to_string();
    let live = house.app.tell_story(&officer, &typed, visitor()).await.unwrap().unwrap().unwrap();
    assert!(live.is_live);
    assert_eq!(live.day_key, DayKeyFate::Live { day: Some(expires_at.day()) });
    assert_eq!(live.steps[0].of.as_deref(), Some("Département"));

    house.clock.advance(house.app.now().at.until(expires_at.day().end() + Millis::minutes(1)));
    house.app.upkeep().await.unwrap();
    let officer = house.sign_in(OFFICER).await;
    let ended = house.app.tell_story(&officer, &typed, visitor()).await.unwrap().unwrap().unwrap();
    assert!(!ended.is_live);
    assert_eq!(ended.reference.as_deref(), Some(typed.as_str()));
    assert_eq!(ended.expires_at, Some(expires_at));
    assert!(matches!(ended.day_key, DayKeyFate::Destroyed { .. }), "{:?}", ended.day_key);
    let told: Vec<Action> = ended.steps.iter().map(|step| step.event.action).collect();
    for action in [
        Action::DepositSent,
        Action::MailQueued,
        Action::MailSent,
        Action::TransferOpened,
        Action::FileDownloaded,
        Action::TransferExpired,
        Action::GrantsDestroyed,
        Action::ObjectsErased,
    ] {
        assert!(told.contains(&action), "{action:?} is not in {told:?}");
    }
    assert!(ended.steps.is_sorted_by_key(|step| step.index));
    assert!(house.app.tell_story(&officer, "0000-0000-0000", visitor()).await.unwrap().unwrap().is_none());
}

#[tokio::test]
async fn an_attack_stands_out_among_refusals() {
    let house = House::build().await;
    for who in ["agent@carsat.example", "autre@carsat.example", "agent@carsat.example"] {
        let wrong = Password::new("faux".into());
        assert!(house.app.sign_in(Some(address(who)), wrong, visitor()).await.is_err());
    }
    let officer = house.sign_in(OFFICER).await;
    let told = house.app.tell_refusals(&officer, None, None, None, visitor()).await.unwrap().unwrap();
    assert_eq!((told.gathered, told.sign_ins), (3, 3));
    assert_eq!((told.by_origin[0].count, told.by_origin[0].others), (3, 2));
    let most = &told.by_person[0];
    assert_eq!((most.key.shown(), most.count), ("agent@carsat.example".to_owned(), 2));
}

#[tokio::test]
async fn more_refusals_than_a_page_gathers_are_gathered_by_the_next_ones_each_once() {
    let house = House::build().await;
    for _ in 0..2_100 {
        house.app.log_forged_request(visitor()).await.unwrap();
        house.clock.advance(Millis(1));
    }
    let officer = house.sign_in(OFFICER).await;
    let (mut sizes, mut before, mut until) = (Vec::new(), None, None);
    loop {
        let told = house.app.tell_refusals(&officer, None, None, before, visitor()).await.unwrap().unwrap();
        let (first, last) = told.span.unwrap();
        assert!(until.is_none_or(|until| last < until), "each page tells of older ones");
        assert_eq!(told.by_origin[0].count, told.gathered);
        sizes.push(told.gathered);
        (before, until) = (told.older, Some(first));
        if before.is_none() {
            break;
        }
    }
    assert_eq!(sizes, [2_000, 100]);
}

#[tokio::test]
async fn a_person_is_told_with_the_account_and_an_erased_name_as_its_pseudonym() {
    let house = House::build().await;
    house.deposit().await;
    let officer = house.sign_in(OFFICER).await;
    let app = &house.app;
    let told = app.tell_person(&officer, "agent@carsat.example", visitor()).await.unwrap().unwrap().unwrap();
    assert_eq!(told.facts.mailboxes, ["pensions"]);
    assert!(told.account_events.iter().any(|line| line.action == Action::MemberAdded));
    let depositor = app.tell_person(&officer, DEPOSITOR, visitor()).await.unwrap().unwrap().unwrap();
    assert!(depositor.facts.account.is_none());
    assert!(depositor.counts.iter().any(|(action, _, count)| *action == Action::DepositSent && *count == 1));
    let person = depositor.facts.named.person;
    let erase = UnitOfWork { changes: vec![Change::Delete(Key::Person(person))], ..UnitOfWork::default() };
    app.store.commit(erase).await.unwrap();
    let erased = app.tell_person(&officer, &person.to_string(), visitor()).await.unwrap().unwrap().unwrap();
    assert_eq!(erased.facts.named.shown(), person.to_string());
    assert_eq!(erased.counted, depositor.counted);
}

#[tokio::test]
async fn rights_are_told_as_they_were_and_a_right_that_nobody_gave_shows() {
    let house = House::build().await;
    let before = house.app.now().at;
    house.clock.advance(Millis::days(2));
    let officer = house.sign_in(OFFICER).await;
    let app = &house.app;
    let now = app.tell_rights(&officer, None, visitor()).await.unwrap().unwrap();
    assert_eq!((now.accounts.len(), now.agreements.len()), (3, 1));
    assert!(now.accounts.iter().all(|account| !account.differs), "{:?}", now.accounts);
    assert!(now.agreements[0].is_open);
    let then = app.tell_rights(&officer, Some(before), visitor()).await.unwrap().unwrap();
    assert!(then.accounts.is_empty(), "there was nobody just before the first event");
    let day_after =
        app.tell_rights(&officer, Some(before + Millis::days(1)), visitor()).await.unwrap().unwrap();
    assert_eq!(day_after.accounts.len(), 3);
    assert!(rights_table(&now, Language::Fr).contains("\"pensions\""));

    // Somebody writes a right into the store by hand.
    let agent = house.sign_in("agent@carsat.example").await;
    let Some(Record::Account(mut account)) = house.record(&Key::Account(agent.account.id)).await else {
        panic!()
    };
    account.mailboxes.push(MailboxId::new([9; 16]));
    let forged = UnitOfWork { changes: vec![Change::Put(account.into())], ..UnitOfWork::default() };
    app.store.commit(forged).await.unwrap();
    let told = app.tell_rights(&officer, None, visitor()).await.unwrap().unwrap();
    let differing: Vec<_> = told.accounts.iter().filter(|account| account.differs).collect();
    assert_eq!(differing.len(), 1);
    assert_eq!(differing[0].account, agent.account.id);
}

/// Keeps what is written.
#[derive(Clone, Default)]
struct Kept(Arc<Mutex<Vec<u8>>>);

impl Write for Kept {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

async fn exported(house: &House, officer: &Signed, selection: Selection, format: ExportFormat) -> String {
    assert!(house.app.ask_export(officer, visitor()).await.unwrap());
    let export = SelectionExport { selection, format, language: Language::Fr };
    let (app, handle, kept, signed) =
        (Arc::clone(&house.app), Handle::current(), Kept::default(), officer.clone());
    let writer = kept.clone();
    let whole = tokio::task::spawn_blocking(move || {
        app.write_selection(&handle, &signed, &export, writer, visitor())
    });
    assert!(whole.await.unwrap());
    String::from_utf8(kept.0.lock().unwrap().clone()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_selection_is_exported_in_each_form_and_the_bundle_verifies_offline() {
    let house = House::build().await;
    let reference = house.deposit().await;
    house.deposit().await;
    let officer = house.sign_in(OFFICER).await;
    let filter = JournalFilter { transfer: Some(reference.to_string()), ..JournalFilter::default() };
    let selection = house.app.selection(&filter).await.unwrap().unwrap();
    let events = all_events(&house).await.into_iter().filter(|event| selection.matches(event)).count();
    assert!(events > 2);

    let table = exported(&house, &officer, selection.clone(), ExportFormat::Csv).await;
    assert_eq!(table.matches("\r\n").count(), events + 1);
    assert!(table.contains(DEPOSITOR) && table.contains(reference.as_str()));
    let lines = exported(&house, &officer, selection.clone(), ExportFormat::JsonLines).await;
    assert_eq!(lines.lines().count(), events);
    assert!(lines.lines().all(|line| serde_json::from_str::<serde_json::Value>(line).is_ok()));

    let bundle = exported(&house, &officer, selection, ExportFormat::Bundle).await;
    let key = house.app.log_key().unwrap();
    let verdict = verify_bundle(bundle.as_bytes(), &key, None);
    assert!(matches!(verdict, BundleVerdict::Well { entries, .. } if entries == events as u64), "{verdict}");
    assert!(!bundle.contains("departement.example"), "a bundle holds pseudonyms only");
    let exports: Vec<_> = all_events(&house).await;
    let exports: Vec<_> = exports.iter().filter(|event| event.action == Action::LogExported).collect();
    assert_eq!(exports.len(), 6);
    assert!(exports.iter().skip(1).step_by(2).all(|event| {
        event.outcome == Outcome::Done && event.detail == Some(Detail::Count(events as u64))
    }));
}

#[tokio::test]
async fn each_look_says_what_kind_it_was_and_nobody_else_looks() {
    let house = House::build().await;
    let officer = house.sign_in(OFFICER).await;
    let agent = house.sign_in("agent@carsat.example").await;
    let app = &house.app;
    for who in [&officer, &agent] {
        let filter = JournalFilter { person: Some(DEPOSITOR.into()), ..JournalFilter::default() };
        let may = who.account.reads_log();
        assert_eq!(app.read_log(who, &filter, PageStart::Newest, visitor()).await.unwrap().is_some(), may);
        assert_eq!(app.tell_story(who, "0000-0000-0000", visitor()).await.unwrap().is_some(), may);
        assert_eq!(app.tell_person(who, DEPOSITOR, visitor()).await.unwrap().is_some(), may);
        assert_eq!(app.tell_refusals(who, None, None, None, visitor()).await.unwrap().is_some(), may);
        assert_eq!(app.tell_rights(who, None, visitor()).await.unwrap().is_some(), may);
        assert_eq!(app.ask_export(who, visitor()).await.unwrap(), may);
    }
    let looks: Vec<Event> =
        all_events(&house).await.into_iter().filter(|event| event.action == Action::LogRead).collect();
    let views = [LogView::ByPerson, LogView::Story, LogView::Person, LogView::Refusals, LogView::Rights];
    let told: Vec<_> = looks.iter().filter_map(|event| event.detail).collect();
    assert_eq!(told, [views, views].concat().into_iter().map(Detail::View).collect::<Vec<_>>());
    assert!(looks[..5].iter().all(|look| look.outcome == Outcome::Done));
    assert!(looks[5..].iter().all(|look| matches!(look.outcome, Outcome::Refused(_))));
}
