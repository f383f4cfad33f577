//! The register of cases (T7): kept by itself from the release on, seen by the members of the mailbox alone, exported, counted,
//! and let go when its time is over.

use pli::app::ports::{Key, List, Record, RegisterSearch, Store};
use pli::app::{CaseChange, OpenError, RegisterFilter, RegisterState, Signed};
use pli::audit::{Action, Detail, Outcome, RefusalReason};
use pli::store::MemoryStore;
use pli::transfer::{AnswerWay, CaseKind, Ending, FormCodes, MonthOfYear, RegisterLine, Transfer};
use pli::value::{MailboxId, Millis, PersonId, Reference, Slug, Timestamp, TransferId, calendar};
use proptest::prelude::*;
use proptest::strategy::ValueTree;

use crate::house::{DEPOSITOR, House, NOW, visitor};

const AGENT: &str = "agent@carsat.example";
const OTHER: &str = "autre@carsat.example";

fn slug(text: &str) -> Slug {
    Slug::parse(text).unwrap()
}

async fn lines(house: &House, who: &Signed, mailbox: &str, filter: &RegisterFilter) -> Vec<RegisterLine> {
    let page = house.app.register(who, Some(&slug(mailbox)), filter, visitor()).await.unwrap();
    page.rows.into_iter().map(|row| row.line).collect()
}

async fn pass(house: &House, time: Millis) {
    house.clock.advance(time);
    house.app.upkeep().await.unwrap();
}

/// Writes the codes of a form into a transfer, as a deposit with a form has them.
async fn with_codes(house: &House, reference: &Reference, codes: FormCodes) {
    let found = house.app.store.list(&List::TransferByReference(reference.clone()), 1).await.unwrap();
    let Record::Transfer(transfer) = found[0].record.clone() else { panic!() };
    let coded = Transfer { form: Some(Box::new(codes)), ..transfer };
    let mut unit = pli::app::ports::UnitOfWork::default();
    unit.changes.push(pli::app::ports::Change::Put(coded.into()));
    house.app.store.commit(unit).await.unwrap();
}

#[tokio::test]
async fn a_case_stands_in_the_register_from_its_release_and_its_steps_with_it() {
    let house = House::build().await;
    let agent = house.sign_in(AGENT).await;
    let reference = house.deposit().await;
    let all = RegisterFilter::default();
    let page = house.app.register(&agent, Some(&slug("pensions")), &all, visitor()).await.unwrap();
    let row = &page.rows[0];
    assert_eq!(
        (row.line.reference.clone(), row.line.kind, row.line.ending),
        (reference.clone(), CaseKind::New, None)
    );
    assert_eq!(row.partner.as_deref(), Some("Département"));
    assert_eq!(row.sender.as_deref(), Some(DEPOSITOR), "shown by name while the name is kept");

    house.app.change_case(&agent, &reference, CaseChange::Take { from: None }, visitor()).await.unwrap();
    house.clock.advance(Millis::hours(2));
    let today = calendar::local_day(house.app.now().at).unwrap();
    let by = AnswerWay::Telephone;
    house.app.record_answer(&agent, &reference, by, &today, visitor()).await.unwrap();
    let line = lines(&house, &agent, "pensions", &all).await.remove(0);
    assert_eq!(line.taken_at, Some(NOW));
    assert_eq!(line.answered.map(|answer| answer.how), Some(AnswerWay::Telephone));

    pass(&house, Millis::days(21)).await;
    let agent = house.sign_in(AGENT).await;
    let ended = lines(&house, &agent, "pensions", &all).await.remove(0);
    assert_eq!(ended.ending, Some(Ending::Expired));
    assert_eq!(
        RegisterLine { ending: None, ended_at: None, ..ended },
        line,
        "what the register told of the live case is what stays of it"
    );
}

#[tokio::test]
async fn what_is_asked_for_is_what_is_listed() {
    let house = House::build().await;
    let agent = house.sign_in(AGENT).await;
    let (first, second) = (house.deposit().await, house.deposit().await);
    let codes = FormCodes {
        form: "register".into(),
        site: Some("Redon".into()),
        kinds: vec!["asi_aspa".into()],
        reason: Some("no_income".into()),
        ..FormCodes::default()
    };
    with_codes(&house, &first, codes).await;
    house.app.change_case(&agent, &second, CaseChange::Take { from: None }, visitor()).await.unwrap();
    let only = async |filter: RegisterFilter| {
        let found = lines(&house, &agent, "pensions", &filter).await;
        found.into_iter().map(|line| line.reference).collect::<Vec<_>>()
    };
    let none = RegisterFilter::default;
    assert_eq!(
        only(RegisterFilter { site: Some("REDON".into()), ..none() }).await,
        std::slice::from_ref(&first)
    );
    assert_eq!(
        only(RegisterFilter { kind: Some("asi_aspa".into()), ..none() }).await,
        std::slice::from_ref(&first)
    );
    assert_eq!(only(RegisterFilter { reason: Some("other".into()), ..none() }).await, []);
    let state = Some(RegisterState::Case(CaseKind::InCharge));
    assert_eq!(only(RegisterFilter { state, ..none() }).await, std::slice::from_ref(&second));
    assert_eq!(only(RegisterFilter { from: Some(NOW + Millis(1)), ..none() }).await, []);
    assert_eq!(only(RegisterFilter { until: Some(NOW), ..none() }).await, []);
    assert_eq!(
        only(RegisterFilter { from: Some(NOW), until: Some(NOW + Millis(1)), ..none() }).await.len(),
        2
    );
    pass(&house, Millis::hours(49)).await;
    let agent = house.sign_in(AGENT).await;
    let late = RegisterFilter { state: Some(RegisterState::Late), ..none() };
    let late = lines(&house, &agent, "pensions", &late).await;
    assert_eq!(late.into_iter().map(|line| line.reference).collect::<Vec<_>>(), [first], "not taken in 48 h");
}

#[tokio::test]
async fn another_mailbox_s_register_is_answered_like_one_that_does_not_exist() {
    let house = House::build().await;
    house.deposit().await;
    let other = house.sign_in(OTHER).await;
    let officer = house.sign_in("securite@carsat.example").await;
    let all = RegisterFilter::default();
    for name in ["pensions", "nulle-part"] {
        let slug = slug(name);
        let page = house.app.register(&other, Some(&slug), &all, visitor()).await;
        assert!(matches!(page, Err(OpenError::NotEntitled)), "{name}");
        assert!(house.app.export_register(&other, Some(&slug), &all, visitor()).await.is_err(), "{name}");
        let counted = house.app.register_statistics(&other, Some(&slug), None, visitor()).await;
        assert!(matches!(counted, Err(OpenError::NotEntitled)), "{name}");
    }
    assert!(
        house.app.register(&officer, None, &all, visitor()).await.is_err(),
        "an officer reads no register"
    );
    let own = house.app.register(&other, None, &all, visitor()).await.unwrap();
    assert!(own.rows.is_empty(), "all mailboxes are all of one's own");
    let refused = Outcome::Refused(RefusalReason::NotEntitled);
    let leaves = house.app.store.leaves(0, 10_000).await.unwrap();
    let events = leaves.into_iter().map(|leaf| leaf.entry.unwrap().event().unwrap());
    let refusals = events.filter(|event| event.action == Action::AccessRefused && event.outcome == refused);
    assert_eq!(refusals.count(), 7, "each is in the log");
}

#[tokio::test]
async fn reading_exporting_and_counting_are_in_the_log_with_how_much() {
    let house = House::build().await;
    house.deposit().await;
    let agent = house.sign_in(AGENT).await;
    let all = RegisterFilter::default();
    let rows = house.app.export_register(&agent, None, &all, visitor()).await.unwrap();
    assert_eq!(rows.len(), 1);
    house.app.register_statistics(&agent, None, None, visitor()).await.unwrap();
    let leaves = house.app.store.leaves(0, 10_000).await.unwrap();
    let events: Vec<_> = leaves.into_iter().map(|leaf| leaf.entry.unwrap().event().unwrap()).collect();
    let exported = events.iter().find(|event| event.action == Action::RegisterExported).unwrap();
    assert_eq!(exported.detail, Some(Detail::Count(1)));
    assert!(events.iter().any(|event| event.action == Action::StatisticsRead));
}

#[tokio::test]
async fn statistics_stay_when_lines_go_and_no_pseudonym_with_them() {
    let house = House::build().await;
    let agent = house.sign_in(AGENT).await;
    let (one, _two) = (house.deposit().await, house.deposit().await);
    let codes = FormCodes { form: "register".into(), kinds: vec!["other".into()], ..FormCodes::default() };
    with_codes(&house, &one, codes).await;
    house.clock.advance(Millis::hours(3));
    house.app.change_case(&agent, &one, CaseChange::Take { from: None }, visitor()).await.unwrap();
    pass(&house, Millis::days(21)).await;
    let counted = async || {
        let agent = house.sign_in(AGENT).await;
        let year = MonthOfYear::of(NOW).unwrap().year();
        let page =
            house.app.register_statistics(&agent, Some(&slug("pensions")), Some(year), visitor()).await;
        page.unwrap().months
    };
    let before = counted().await;
    let month = MonthOfYear::of(NOW).unwrap();
    let all = before.iter().find(|(each, _)| *each == month).unwrap().1.all();
    assert_eq!((all.cases, all.taken.within(50), all.taken.kept, all.taken.missed), (2, Some(4), 1, 1));
    assert_eq!(all.unopened, 2);

    pass(&house, Millis::days(730)).await;
    assert_eq!(
        house.app.store.list(&List::RegisterLines, 10).await.unwrap().len(),
        2,
        "24 months are not over"
    );
    pass(&house, Millis::days(3)).await;
    assert_eq!(house.app.store.list(&List::RegisterLines, 10).await.unwrap().len(), 0);
    let kept = house.app.store.list(&List::MonthlyCountsOf(house.pensions.id), 10).await.unwrap();
    assert_eq!(kept.len(), 1);
    let written = serde_json::to_string(&kept[0].record).unwrap();
    let person: PersonId = {
        let leaves = house.app.store.leaves(0, 10_000).await.unwrap();
        let sent = leaves.into_iter().filter_map(|leaf| leaf.entry?.event().ok());
        let sent = sent.into_iter().find(|event| event.action == Action::DepositSent).unwrap();
        let pli::audit::Actor::Person(person) = sent.actor else { panic!() };
        person
    };
    assert!(!written.contains(&person.to_string()) && !written.contains(one.as_str()), "{written}");
    assert_eq!(counted().await, before, "the counts are what they were");
    let erased = house.events().await.into_iter().filter(|action| *action == Action::RegisterLineErased);
    assert_eq!(erased.count(), 2, "each line that went is in the log");
}

#[tokio::test]
async fn a_dispatched_case_stands_in_both_registers_and_counts_once_over_both() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let agent = house.sign_in(AGENT).await;
    let social =
        house.app.mailboxes().await.unwrap().into_iter().find(|m| m.slug.as_str() == "social").unwrap();
    house.app.dispatch(&agent, &reference, &social.id.into(), visitor()).await.unwrap();
    let all = RegisterFilter::default();
    let other = house.sign_in(OTHER).await;
    for (who, mailbox) in [(&agent, "pensions"), (&other, "social")] {
        let page = house.app.register(who, Some(&slug(mailbox)), &all, visitor()).await.unwrap();
        assert_eq!(page.rows[0].in_charge.as_deref(), Some("social"), "the agency in charge");
        let counted =
            house.app.register_statistics(who, Some(&slug(mailbox)), None, visitor()).await.unwrap();
        let cases: u64 = counted.months.iter().map(|(_, counts)| counts.all().cases).sum();
        assert_eq!(cases, 1, "{mailbox}");
    }
    let both = RegisterSearch::of(vec![house.pensions.id, social.id]);
    assert_eq!(house.app.store.register(&both, 10).await.unwrap().lines.len(), 1, "told once");
}

/// A line of the model: when it came, whose it is, to whom it went, and whether its transfer still lives.
#[derive(Debug, Clone)]
struct Made {
    received: i64,
    mailbox: u8,
    to: Option<u8>,
    is_live: bool,
}

fn made() -> impl Strategy<Value = Made> {
    (0..12i64, 1..4u8, prop::option::of(1..4u8), any::<bool>())
        .prop_map(|(received, mailbox, to, is_live)| Made { received, mailbox, to, is_live })
}

fn mailbox(number: u8) -> MailboxId {
    MailboxId::new([number; 16])
}

fn record_of(template: &Transfer, number: usize, made: &Made) -> (Record, RegisterLine) {
    let mut transfer = template.clone();
    let id = u8::try_from(number).unwrap();
    transfer.id = TransferId::new([id; 16]);
    transfer.reference = Reference::new([id; 8]);
    transfer.mailbox = mailbox(made.mailbox);
    transfer.received_at = Timestamp(made.received);
    transfer.dispatches.clear();
    if let Some(to) = made.to.filter(|to| *to != made.mailbox) {
        let by = pli::value::AccountId::new([1; 16]);
        transfer.dispatches.push(pli::transfer::Dispatch {
            from: transfer.mailbox,
            to: mailbox(to),
            by,
            at: Timestamp(20),
            copy_to: None,
            note: None,
        });
    }
    if made.is_live {
        let line = transfer.register_line();
        (transfer.into(), line)
    } else {
        let line = transfer.into_register_line(Ending::Expired, Timestamp(30));
        (line.clone().into(), line)
    }
}

#[tokio::test]
async fn the_store_s_register_is_that_of_a_model_which_reads_everything_page_by_page_too() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let found = house.app.store.list(&List::TransferByReference(reference), 1).await.unwrap();
    let Record::Transfer(template) = found[0].record.clone() else { panic!() };
    let mut runner = proptest::test_runner::TestRunner::deterministic();
    let cases = (
        prop::collection::vec(made(), 0..20),
        prop::collection::btree_set(1..4u8, 1..4),
        prop::option::of(0..12i64),
        prop::option::of(0..12i64),
        1..6usize,
    );
    for _ in 0..100 {
        let (made, scope, from, until, limit) = cases.new_tree(&mut runner).unwrap().current();
        let store = MemoryStore::default();
        let records: Vec<_> =
            made.iter().enumerate().map(|(number, made)| record_of(&template, number, made)).collect();
        let mut unit = pli::app::ports::UnitOfWork::default();
        unit.changes.extend(records.iter().map(|(record, _)| pli::app::ports::Change::Put(record.clone())));
        store.commit(unit).await.unwrap();
        let scope: Vec<MailboxId> = scope.into_iter().map(mailbox).collect();
        let mut expected: Vec<Reference> = Vec::new();
        let mut lines: Vec<_> = records.iter().map(|(_, line)| line).collect();
        lines.sort_by_key(|line| (std::cmp::Reverse(line.received_at), line.ending.is_some(), line.transfer));
        for line in lines {
            let in_time = from.is_none_or(|from| line.received_at.0 >= from)
                && until.is_none_or(|until| line.received_at.0 < until);
            if in_time && line.holders().any(|holder| scope.contains(&holder)) {
                expected.push(line.reference.clone());
            }
        }
        let mut search = RegisterSearch {
            from: from.map(Timestamp),
            until: until.map(Timestamp),
            ..RegisterSearch::of(scope)
        };
        let mut told = Vec::new();
        loop {
            let found = store.register(&search, limit).await.unwrap();
            assert!(found.lines.len() <= limit);
            for (line, place) in found.lines {
                told.push(line.reference);
                search.after = Some(place);
            }
            if found.is_all {
                break;
            }
        }
        assert_eq!(told, expected, "{made:?} {search:?}");
    }
}

#[tokio::test]
async fn an_erased_name_leaves_the_line_and_shows_nobody() {
    let house = House::build().await;
    house.deposit().await;
    pass(&house, Millis::days(21)).await;
    let officer = house.sign_in("securite@carsat.example").await;
    let who = pli::app::KitReader::Member(&officer.account);
    let depositor = crate::house::address(DEPOSITOR);
    house.app.erase_person(&depositor, who, visitor().web()).await.unwrap();
    let agent = house.sign_in(AGENT).await;
    let page = house.app.register(&agent, None, &RegisterFilter::default(), visitor()).await.unwrap();
    assert_eq!(page.rows.len(), 1);
    assert_eq!(page.rows[0].sender, None);
    assert!(house.record(&Key::Register(page.rows[0].line.transfer)).await.is_some());
}
