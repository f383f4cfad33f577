//! Refusals and failures that no other story meets: each leaves its event, and nothing of what was not done.

use std::sync::Arc;

use pli::app::ports::Random;
use pli::app::{App, AppParts, By, FileRefusal, PeopleError, Policies};
use pli::audit::{Action, FailureReason, Origin, Outcome, RefusalReason};
use pli::content::FilePolicies;
use pli::policy::people::PeoplePolicy;
use pli::relay::dkim::Selector;
use pli::relay::queue::DeliveryProblem;
use pli::store::testing::FaultyStore;
use pli::store::{
    DirectoryKeyring, DirectoryObjects, KeyringPlaces, MemoryStore, SystemRandom, make_gateway_key_file,
};
use pli::transfer::DraftError;
use pli::value::{Domain, Millis, PartnerId};
use pli::vault::SigningAlgorithm;

use crate::custody_house::policies;
use crate::house::{DEPOSITOR, House, address, visitor};
use crate::scanning::{State, Told};

/// What is left of an action since the last time that this was asked.
fn outcomes(store: &FaultyStore, action: Action) -> Vec<Outcome> {
    let units = store.take_units();
    let events = units.iter().flat_map(|unit| &unit.entries).map(|entry| entry.event);
    events.filter(|event| event.action == action).map(|event| event.outcome).collect()
}

#[tokio::test]
async fn a_mail_for_nobody_here_is_told() {
    let house = House::build().await;
    house.store.take_units();
    let reason = RefusalReason::MailboxUnknown;
    house.app.log_recipient_refused(Action::MailRefused, reason, visitor()).await.unwrap();
    assert_eq!(outcomes(&house.store, Action::MailRefused), [Outcome::Refused(reason)]);
}

#[tokio::test]
async fn a_letter_whose_host_has_no_tls_waits_and_says_why() {
    let house = House::build().await;
    house.deposit().await;
    house.prove_receipts().await;
    house.store.take_units();
    *house.outbox.problem.lock().unwrap() = Some(DeliveryProblem::TlsRequired);
    house.app.deliver_due_mails().await.unwrap();
    let told = outcomes(&house.store, Action::MailDelayed);
    assert!(!told.is_empty() && told.iter().all(|told| *told == Outcome::Failed(FailureReason::Tls)));
}

#[tokio::test]
async fn a_file_that_cannot_be_read_and_one_that_is_not_what_it_says_are_told() {
    let told = Told::new(State::Fit);
    let house = House::build_with(Some(told.scanning())).await;
    let strict = include_str!("../../../policies/files.toml")
        .replace("name_contradicts_content = \"warn\"", "name_contradicts_content = \"refuse\"");
    let files = FilePolicies::parse(&strict).unwrap();
    let custody = include_str!("../../../policies/custody.toml");
    house.app.policies.store(Arc::new(Policies { files, ..policies(custody) }));
    let draft = house.draft().await;
    for (name, bytes, reason) in [
        ("avis.pdf", &b"%PDF-1.4\n1 0 obj <<"[..], RefusalReason::FileUnreadable),
        (
            "photo.jpg",
            b"%PDF-1.4\n1 0 obj << /Type /Catalog >> endobj\n%%EOF\n",
            RefusalReason::FileTypeMismatch,
        ),
    ] {
        house.store.take_units();
        let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
        let mut sealing = house.app.begin_file(view, name, visitor()).await.unwrap();
        sealing.push(bytes).await.unwrap();
        assert!(matches!(sealing.finish().await, Err(FileRefusal::Content(_))), "{name}");
        assert_eq!(outcomes(&house.store, Action::FileRefused), [Outcome::Refused(reason)], "{name}");
    }
    assert!(house.app.draft(draft.0, &draft.1).await.unwrap().unwrap().draft.parts.is_empty());
}

#[tokio::test]
async fn a_file_of_a_deposit_that_was_sent_is_not_taken_back() {
    let house = House::build().await;
    let draft = house.draft().await;
    house.add_file(&draft, "avis.pdf", b"%PDF-1.7 synthetic").await;
    house.send(&draft, "Demande urgente").await.unwrap();
    house.store.take_units();
    let removed = house.app.remove_file(draft.0, &draft.1, 1, visitor()).await;
    assert!(matches!(removed, Err(FileRefusal::Draft(DraftError::AlreadySent))), "{removed:?}");
    let told = outcomes(&house.store, Action::FileRefused);
    assert_eq!(told, [Outcome::Refused(RefusalReason::ProofUsed)]);
}

#[tokio::test]
async fn an_agent_blocks_nobody() {
    let house = House::build().await;
    let agent = house.sign_in("agent@carsat.example").await;
    house.store.take_units();
    let (by, partner) = (By::person(&agent, visitor()), PartnerId::new([2; 16]));
    for (blocked, action) in [(true, Action::AddressBlocked), (false, Action::AddressUnblocked)] {
        let done = house.app.block_address(by, partner, &address(DEPOSITOR), blocked).await;
        assert!(matches!(done, Err(PeopleError::NotEntitled)), "{done:?}");
        let told = outcomes(&house.store, action);
        assert_eq!(told, [Outcome::Refused(RefusalReason::NotEntitled)]);
    }
}

#[tokio::test]
async fn a_person_makes_an_own_mail_password_and_an_officer_gets_none() {
    let house = House::build().await;
    for (who, outcome) in [
        ("agent@carsat.example", Outcome::Done),
        ("securite@carsat.example", Outcome::Refused(RefusalReason::NotEntitled)),
    ] {
        let signed = house.sign_in(who).await;
        house.store.take_units();
        let made = house.app.make_own_mail_password(&signed, visitor()).await;
        assert_eq!(made.is_ok(), outcome == Outcome::Done);
        assert_eq!(outcomes(&house.store, Action::MailPasswordMade), [outcome]);
    }
}

#[tokio::test]
async fn terms_that_were_accepted_on_paper_are_recorded_once() {
    let house = House::build().await;
    let account = house.sign_in("agent@carsat.example").await.account;
    let people = PeoplePolicy::parse(include_str!("../../../policies/people.toml")).unwrap();
    let custody = include_str!("../../../policies/custody.toml");
    house.app.policies.store(Arc::new(Policies { people, ..policies(custody) }));
    house.store.take_units();
    assert!(house.app.record_terms(account.id, Origin::Cli).await.unwrap());
    assert_eq!(outcomes(&house.store, Action::TermsAccepted), [Outcome::Done]);
}

#[tokio::test]
async fn files_that_cannot_be_erased_are_told_and_erased_by_the_next_run() {
    let house = House::build().await;
    house.deposit().await;
    house.app.upkeep().await.unwrap();
    house.clock.advance(Millis::days(20));
    let (place, aside) = (house.directory.path(), house.directory.path().with_extension("aside"));
    std::fs::rename(place, &aside).unwrap();
    std::fs::write(place, b"no directory").unwrap();
    house.store.take_units();
    let run = house.app.upkeep().await;
    std::fs::remove_file(place).unwrap();
    std::fs::rename(&aside, place).unwrap();
    assert!(run.is_err());
    let told = outcomes(&house.store, Action::ObjectsErased);
    assert_eq!(told, [Outcome::Intended, Outcome::Failed(FailureReason::Objects)]);
    house.clock.advance(Millis::minutes(1));
    house.app.upkeep().await.unwrap();
    assert_eq!(outcomes(&house.store, Action::ObjectsErased), [Outcome::Done]);
    assert!(!crate::house::is_found_below(place, b"age-encryption"));
}

#[tokio::test]
async fn a_key_that_cannot_be_written_down_is_told() {
    let house = House::build().await;
    let at = tempfile::tempdir().unwrap();
    let directory = at.path().join("keyring");
    let gateway_key_file = at.path().join("gateway.key");
    make_gateway_key_file(&gateway_key_file).unwrap();
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let places = KeyringPlaces { directory: directory.clone(), mirror: None, gateway_key_file };
    let store = Arc::new(FaultyStore::watched(Arc::new(MemoryStore::default()), super::watch));
    let app = App::new(AppParts {
        store: store.clone(),
        objects: Arc::new(DirectoryObjects::open(at.path(), random.clone()).unwrap()),
        keyring: Arc::new(DirectoryKeyring::open(&places, &random).unwrap()),
        clock: house.clock.clone(),
        random,
        delivery: house.outbox.clone(),
        names: house.names.clone(),
        senders: house.senders.clone(),
        policies: policies(include_str!("../../../policies/custody.toml")),
        settings: house.app.settings.clone(),
        scanning: None,
    })
    .unwrap();
    std::fs::rename(&directory, at.path().join("elsewhere")).unwrap();
    store.take_units();
    let (domain, selector) = (Domain::parse("pli.example").unwrap(), Selector::parse("un").unwrap());
    let made = app.add_dkim_key(domain, selector, SigningAlgorithm::Ed25519, Origin::Cli).await;
    assert!(made.is_err());
    let told = outcomes(&store, Action::DkimKeyMade);
    assert_eq!(told, [Outcome::Intended, Outcome::Failed(FailureReason::Keyring)]);
}
