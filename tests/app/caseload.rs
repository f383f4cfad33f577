//! The desk of a mailbox: a model that reads everything says what each page should show; rights; bounded work.

use pli::app::ports::{CaseSearch, CaseStanding, CaseTerm, Change, Store, UnitOfWork, terms_of};
use pli::app::{CaseChange, CaseFilter, CaseTab, OpenError};
use pli::audit::{Action, Outcome, RefusalReason};
use pli::store::MemoryStore;
use pli::transfer::{CaseKind, Transfer};
use pli::value::{AccountId, MailboxId, Millis, PartnerId, Reference, Slug, Timestamp, TransferId};
use proptest::prelude::*;

use crate::custody_house::{MEMBER, OTHER, log, members_house, new_account, new_mailbox};
use crate::house::{DEPOSITOR, House, visitor};
use pli::mailbox::Custody;

async fn references(house: &House, who: &str, filter: &CaseFilter) -> Vec<Reference> {
    let signed = house.sign_in(who).await;
    let slug = house.pensions.slug.clone();
    let page = house.app.caseload(&signed, &slug, filter, visitor()).await.unwrap();
    page.rows.into_iter().map(|row| row.transfer.reference).collect()
}

fn tab(tab: CaseTab) -> CaseFilter {
    CaseFilter { tab, ..CaseFilter::default() }
}

fn words(words: &str) -> CaseFilter {
    CaseFilter { tab: CaseTab::All, words: words.to_owned(), ..CaseFilter::default() }
}

#[tokio::test]
async fn a_case_stands_in_the_part_that_it_belongs_to_and_late_ones_come_forward() {
    let house = members_house().await;
    let (first, second) = (house.deposit().await, house.deposit().await);
    assert_eq!(references(&house, MEMBER, &tab(CaseTab::New)).await.len(), 2);
    let member = house.sign_in(MEMBER).await;
    let take = CaseChange::Take { from: None };
    house.app.change_case(&member, &first, take, visitor()).await.unwrap();
    assert_eq!(references(&house, MEMBER, &tab(CaseTab::InCharge)).await, std::slice::from_ref(&first));
    assert_eq!(references(&house, MEMBER, &tab(CaseTab::New)).await, std::slice::from_ref(&second));
    assert!(references(&house, MEMBER, &tab(CaseTab::Late)).await.is_empty());

    house.clock.advance(Millis::hours(40));
    house.app.upkeep().await.unwrap();
    assert_eq!(references(&house, MEMBER, &tab(CaseTab::DueSoon)).await, std::slice::from_ref(&second));
    house.clock.advance(Millis::hours(8));
    assert_eq!(
        references(&house, MEMBER, &tab(CaseTab::Late)).await,
        std::slice::from_ref(&second),
        "not taken in 48 h"
    );
    house.clock.advance(Millis::hours(24));
    assert_eq!(
        references(&house, MEMBER, &tab(CaseTab::Late)).await,
        [second, first],
        "the longest due first: 48 h for the one, 72 h for the other"
    );
}

#[tokio::test]
async fn what_is_not_sealed_is_searched_by_whole_words_and_filtered() {
    let house = members_house().await;
    let (one, _) = (house.deposit().await, house.deposit().await);
    for (typed, count) in [
        ("", 2),
        ("URGENTE", 2),
        ("urgente martin", 2),
        ("urgente dupont", 0),
        ("urg", 0),
        (DEPOSITOR, 2),
        (one.as_str(), 1),
        ("Bonjour", 0),
    ] {
        assert_eq!(references(&house, MEMBER, &words(typed)).await.len(), count, "{typed:?}");
    }
    let council = PartnerId::new([2; 16]);
    let of = |partner| CaseFilter { tab: CaseTab::All, partner: Some(partner), ..CaseFilter::default() };
    assert_eq!(references(&house, MEMBER, &of(council)).await.len(), 2);
    assert_eq!(references(&house, MEMBER, &of(PartnerId::new([9; 16]))).await.len(), 0);
}

#[tokio::test]
async fn a_dispatched_case_is_the_agency_s_to_treat_and_still_seen_from_here() {
    let house = members_house().await;
    let reference = house.deposit().await;
    let agent = new_account(&house, "rennes@carsat.example", &[]).await;
    let agency = new_mailbox(&house, "agence-rennes", Custody::Members, vec![agent.id]).await;
    let member = house.sign_in(MEMBER).await;
    house.app.dispatch(&member, &reference, &agency.id.into(), visitor()).await.unwrap();
    assert!(references(&house, MEMBER, &tab(CaseTab::New)).await.is_empty());
    assert_eq!(references(&house, MEMBER, &tab(CaseTab::Elsewhere)).await, std::slice::from_ref(&reference));
    let reader = house.sign_in("rennes@carsat.example").await;
    let desk = house.app.caseload(&reader, &agency.slug, &tab(CaseTab::New), visitor()).await.unwrap();
    assert_eq!(desk.rows[0].transfer.reference, reference);
    house.clock.advance(Millis::hours(73));
    let reader = house.sign_in("rennes@carsat.example").await;
    let late = house.app.caseload(&reader, &agency.slug, &tab(CaseTab::Late), visitor()).await.unwrap();
    assert_eq!(late.rows.len(), 1, "it is late where it is to be treated");
    assert!(references(&house, MEMBER, &tab(CaseTab::Late)).await.is_empty());
}

#[tokio::test]
async fn a_desk_is_shown_to_its_members_alone_and_each_look_is_logged() {
    let house = members_house().await;
    house.deposit().await;
    let stranger = house.sign_in(OTHER).await;
    for slug in [house.pensions.slug.clone(), Slug::parse("nulle-part").unwrap()] {
        let refused = house.app.caseload(&stranger, &slug, &CaseFilter::default(), visitor()).await;
        assert!(matches!(refused, Err(OpenError::NotEntitled)), "that it exists is not told");
    }
    references(&house, MEMBER, &CaseFilter::default()).await;
    let told: Vec<_> = log(&house)
        .await
        .into_iter()
        .filter(|event| matches!(event.action, Action::AccessRefused | Action::TransferListed))
        .map(|event| event.outcome)
        .collect();
    let refused = Outcome::Refused(RefusalReason::NotEntitled);
    assert_eq!(told, [refused, refused, Outcome::Done]);
}

const MAILBOX: MailboxId = MailboxId::new([7; 16]);

/// A case of the model: what distinguishes it.
#[derive(Debug, Clone)]
struct Made {
    received: i64,
    partner: u8,
    person: Option<u8>,
    due: i64,
    title: &'static str,
}

fn made() -> impl Strategy<Value = Made> {
    let title = prop::sample::select(vec!["Demande urgente", "Urgence", "Demande"]);
    (0..20i64, 1..3u8, prop::option::of(1..3u8), 0..30i64, title)
        .prop_map(|(received, partner, person, due, title)| Made { received, partner, person, due, title })
}

fn transfer_of(template: &Transfer, number: usize, made: &Made) -> Transfer {
    let mut transfer = template.clone();
    let mut id = [0; 16];
    id[..8].copy_from_slice(&(number as u64).to_be_bytes());
    transfer.id = TransferId::new(id);
    let mut reference = [0; 8];
    reference.copy_from_slice(&id[..8]);
    transfer.reference = Reference::new(reference);
    transfer.mailbox = MAILBOX;
    transfer.received_at = Timestamp(made.received);
    transfer.depositor.partner = Some(PartnerId::new([made.partner; 16]));
    transfer.title = made.title.to_owned().try_into().unwrap();
    transfer.case.due.answered = Some(Timestamp(made.due));
    transfer.case.due.taken = None;
    if let Some(person) = made.person {
        let step = pli::transfer::Step { at: Timestamp(1), by: AccountId::new([person; 16]) };
        transfer.case = std::mem::take(&mut transfer.case).take(step, None).unwrap();
    }
    transfer
}

fn template() -> Transfer {
    static TEMPLATE: std::sync::OnceLock<Transfer> = std::sync::OnceLock::new();
    TEMPLATE
        .get_or_init(|| {
            let made = std::thread::spawn(|| {
                tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap().block_on(async {
                    let house = members_house().await;
                    let reference = house.deposit().await;
                    let member = house.sign_in(MEMBER).await;
                    house.app.envelope(Some(&member), &reference, visitor()).await.unwrap().transfer
                })
            });
            made.join().unwrap()
        })
        .clone()
}

fn meets(transfer: &Transfer, search: &CaseSearch) -> bool {
    let terms = terms_of(transfer, MAILBOX);
    let due = transfer.case.next_due().map(pli::transfer::Due::at);
    let is_due = search.due.is_none_or(|(after, by)| due.is_some_and(|at| after < at && at <= by));
    is_due && search.terms.iter().all(|term| terms.contains(term))
}

/// All pages of a search, whatever the page's size and however few looks are allowed at once.
async fn all_pages(store: &MemoryStore, search: &CaseSearch, limit: usize, steps: usize) -> Vec<TransferId> {
    let (mut search, mut found) = (search.clone(), Vec::new());
    loop {
        let page = store.cases(&search, limit, steps).await.unwrap();
        assert!(page.transfers.len() <= limit);
        found.extend(page.transfers.iter().map(|transfer| transfer.id));
        match page.resume {
            Some(place) => search.after = Some(place),
            None => return found,
        }
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(60))]
    #[test]
    fn pages_together_show_each_case_that_meets_the_search_once_and_in_order(
        cases in prop::collection::vec(made(), 0..25),
        partner in prop::option::of(1..3u8),
        person in prop::option::of(1..3u8),
        word in prop::option::of(prop::sample::select(vec!["urgente", "demande", "rien"])),
        kind in prop::option::of(prop::sample::select(vec![CaseKind::New, CaseKind::InCharge])),
        due in prop::option::of((-1..30i64, 0..30i64)),
        limit in 1..6usize,
        steps in 1..9usize,
    ) {
        let template = template();
        let transfers: Vec<_> =
            cases.iter().enumerate().map(|(number, made)| transfer_of(&template, number, made)).collect();
        let terms = word.map(|word| CaseTerm::Word(word.to_owned())).into_iter()
            .chain(person.map(|person| CaseTerm::Person(AccountId::new([person; 16]))))
            .chain(partner.map(|partner| CaseTerm::Partner(PartnerId::new([partner; 16]))))
            .chain(kind.map(|kind| CaseTerm::Standing(CaseStanding::Here(kind))));
        let due = due.map(|(after, by)| (Timestamp(after), Timestamp(by)));
        let search = CaseSearch { mailbox: MAILBOX, terms: terms.collect(), due, after: None };
        let mut expected: Vec<_> = transfers.iter().filter(|transfer| meets(transfer, &search)).collect();
        expected.sort_by_key(|transfer| {
            let due = search.due.and(transfer.case.next_due()).map(pli::transfer::Due::at);
            (due, std::cmp::Reverse(transfer.received_at), *transfer.id.as_bytes())
        });
        let expected: Vec<_> = expected.into_iter().map(|transfer| transfer.id).collect();
        tokio::runtime::Builder::new_current_thread().build().unwrap().block_on(async {
            let store = MemoryStore::default();
            let changes = transfers.into_iter().map(|transfer| Change::Put(transfer.into())).collect();
            store.commit(UnitOfWork { changes, ..UnitOfWork::default() }).await.unwrap();
            assert_eq!(all_pages(&store, &search, limit, steps).await, expected);
            if search.terms.len() + usize::from(search.due.is_some()) <= 1 {
                assert_eq!(store.count_cases(&search, 100).await.unwrap(), expected.len());
                assert_eq!(store.count_cases(&search, 2).await.unwrap(), expected.len().min(2));
            }
        });
    }
}
