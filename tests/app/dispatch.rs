//! Dispatch (T4): a grant more and no copy; the sender stays visible; never into weaker custody unasked.

use pli::app::ports::{Key, List, Record};
use pli::app::{AppError, DispatchError, DispatchOrder, NOTE_MAX_BYTES, OpenError};
use pli::audit::{Action, Outcome, RefusalReason};
use pli::mailbox::{Custody, Mailbox};
use pli::transfer::CaseState;
use pli::value::{Millis, Reference, SecretBytes};
use pli::vault::{Identity, VaultError};

use crate::custody_house::{
    COLLEAGUE, MEMBER, OTHER, log, members_house, new_account, new_mailbox, policies,
};
use crate::house::{DEPOSITOR, House, address, visitor};

const AGENCY: &str = "rennes@carsat.example";

/// An agency's mailbox that one agent opens.
async fn agency(house: &House, custody: Custody) -> Mailbox {
    let agent = new_account(house, AGENCY, &[]).await;
    new_mailbox(house, "agence-rennes", custody, vec![agent.id]).await
}

async fn last_dispatch(house: &House) -> Outcome {
    let events = log(house).await;
    events.iter().rev().find(|event| event.action == Action::TransferDispatched).unwrap().outcome
}

fn transfer_of(reference: &Reference) -> List {
    List::TransferByReference(reference.clone())
}

#[tokio::test]
async fn the_agency_opens_what_was_dispatched_sees_the_sender_and_no_byte_was_copied() {
    let house = members_house().await;
    let (reference, agency) = (house.deposit().await, agency(&house, Custody::Members).await);
    let reader = house.sign_in(AGENCY).await;
    assert!(matches!(
        house.app.open_transfer(&reader, &reference, visitor()).await,
        Err(OpenError::NotEntitled)
    ));

    let objects = files(house.directory.path());
    let member = house.sign_in(MEMBER).await;
    house.app.dispatch(&member, &reference, &agency.id.into(), visitor()).await.unwrap();
    assert_eq!(files(house.directory.path()), objects);
    assert_eq!(last_dispatch(&house).await, Outcome::Done);

    house.app.open_transfer(&reader, &reference, visitor()).await.unwrap();
    assert_eq!(house.download(&reader, &reference, 1).await, b"%PDF-1.7 synthetic");
    assert_eq!(house.download(&member, &reference, 1).await, b"%PDF-1.7 synthetic");
    let listed = house.app.list_transfers(&reader, None, visitor()).await.unwrap();
    let [mailbox] = &listed[..] else { panic!() };
    let depositor = &mailbox.transfers[0].transfer.depositor;
    assert_eq!(
        (depositor.address.to_string().as_str(), depositor.partner_name.as_str()),
        (DEPOSITOR, "Département")
    );
    let notices = house.mails_to("balc-agence-rennes@carsat.example").await;
    assert!(notices[0].contains(DEPOSITOR), "the agency is told who deposited");
    let stranger = house.sign_in(OTHER).await;
    assert!(matches!(
        house.app.open_transfer(&stranger, &reference, visitor()).await,
        Err(OpenError::NotEntitled)
    ));
}

#[tokio::test]
async fn a_dispatched_grant_ends_with_its_transfer() {
    let house = members_house().await;
    let (reference, agency) = (house.deposit().await, agency(&house, Custody::Members).await);
    let member = house.sign_in(MEMBER).await;
    house.clock.advance(Millis::days(19));
    house.app.upkeep().await.unwrap();
    let member_later = house.sign_in(MEMBER).await;
    drop(member);
    house.app.dispatch(&member_later, &reference, &agency.id.into(), visitor()).await.unwrap();
    let found = house.app.store.list(&transfer_of(&reference), 1).await.unwrap();
    let Key::Transfer(id) = found[0].record.key() else { panic!() };
    assert_eq!(house.app.store.list(&List::GrantsOf(id), 10).await.unwrap().len(), 2);

    house.clock.advance(Millis::days(1));
    let reader = house.sign_in(AGENCY).await;
    assert!(matches!(house.app.open_transfer(&reader, &reference, visitor()).await, Err(OpenError::Gone)));
    house.app.upkeep().await.unwrap();
    assert!(house.app.store.list(&List::GrantsOf(id), 10).await.unwrap().is_empty());
    assert!(house.app.list_transfers(&reader, None, visitor()).await.unwrap()[0].transfers.is_empty());
    assert!(matches!(house.app.open_transfer(&reader, &reference, visitor()).await, Err(OpenError::Gone)));
}

#[tokio::test]
async fn into_weaker_custody_only_where_the_policy_allows_it() {
    let house = members_house().await;
    let (reference, agency) = (house.deposit().await, agency(&house, Custody::Gateway).await);
    let member = house.sign_in(MEMBER).await;
    let refused = house.app.dispatch(&member, &reference, &agency.id.into(), visitor()).await;
    assert!(matches!(refused, Err(DispatchError::WeakerCustody)));
    assert_eq!(last_dispatch(&house).await, Outcome::Refused(RefusalReason::CustodyWeaker));
    let allowed = policies("dispatch_into_weaker_custody = true\nreturn_to_gateway = false\n");
    house.app.policies.store(allowed.into());
    house.app.dispatch(&member, &reference, &agency.id.into(), visitor()).await.unwrap();
    let reader = house.sign_in(AGENCY).await;
    assert_eq!(house.download(&reader, &reference, 1).await, b"%PDF-1.7 synthetic");
}

#[tokio::test]
async fn who_cannot_open_cannot_dispatch_and_nobody_twice() {
    let house = members_house().await;
    let (reference, agency) = (house.deposit().await, agency(&house, Custody::Members).await);
    let waiting = house.sign_in(COLLEAGUE).await;
    let refused = house.app.dispatch(&waiting, &reference, &agency.id.into(), visitor()).await;
    assert!(matches!(refused, Err(DispatchError::Open(OpenError::NotAdmitted))));
    assert_eq!(last_dispatch(&house).await, Outcome::Refused(RefusalReason::NotAdmitted));
    let stranger = house.sign_in(OTHER).await;
    let refused = house.app.dispatch(&stranger, &reference, &agency.id.into(), visitor()).await;
    assert!(matches!(refused, Err(DispatchError::Open(OpenError::NotEntitled))));
    let member = house.sign_in(MEMBER).await;
    house.app.dispatch(&member, &reference, &agency.id.into(), visitor()).await.unwrap();
    for twice in [agency.id, house.pensions.id] {
        let again = house.app.dispatch(&member, &reference, &twice.into(), visitor()).await;
        assert!(matches!(again, Err(DispatchError::AlreadyThere)));
    }
}

#[tokio::test]
async fn nothing_is_granted_to_a_mailbox_whose_recipient_was_swapped() {
    let house = members_house().await;
    let (reference, agency) = (house.deposit().await, agency(&house, Custody::Members).await);
    let mut swapped = agency.clone();
    swapped.key.recipient = Identity::generate().recipient();
    let unit = pli::app::ports::UnitOfWork {
        changes: vec![pli::app::ports::Change::Put(Record::Mailbox(swapped))],
        ..Default::default()
    };
    house.app.store.commit(unit).await.unwrap();
    let member = house.sign_in(MEMBER).await;
    let refused = house.app.dispatch(&member, &reference, &agency.id.into(), visitor()).await;
    let Err(DispatchError::Open(OpenError::Fault(AppError::Vault(VaultError::Swapped)))) = refused else {
        panic!("{refused:?}")
    };
}

#[tokio::test]
async fn a_note_is_sealed_with_the_case_and_a_person_of_the_agency_is_told_by_name() {
    let house = members_house().await;
    let (reference, agency) = (house.deposit().await, agency(&house, Custody::Members).await);
    let member = house.sign_in(MEMBER).await;
    let order = |copy_to: &str, note: &str| DispatchOrder {
        to: agency.id,
        copy_to: Some(address(copy_to)),
        note: SecretBytes::new(note.as_bytes().to_vec()),
    };
    let marker = "appeler avant midi, 7f3c";
    for (refused, reason) in [
        (order(OTHER, marker), RefusalReason::NotEntitled),
        (order("nobody@carsat.example", marker), RefusalReason::NotEntitled),
        (order(AGENCY, &"x".repeat(NOTE_MAX_BYTES + 1)), RefusalReason::TooLarge),
    ] {
        assert!(house.app.dispatch(&member, &reference, &refused, visitor()).await.is_err());
        assert_eq!(last_dispatch(&house).await, Outcome::Refused(reason));
    }
    house.app.dispatch(&member, &reference, &order(AGENCY, marker), visitor()).await.unwrap();

    let reader = house.sign_in(AGENCY).await;
    let opened = house.app.opened_transfer(Some(&reader), &reference, visitor()).await.unwrap();
    let notes = house.app.dispatch_notes(&opened).unwrap();
    assert_eq!(notes[0].as_ref().unwrap().expose(), marker.as_bytes());
    let stages = house.app.dispatch_stages(&opened.transfer).await.unwrap();
    assert_eq!((stages[0].by.as_str(), stages[0].copy_to.as_deref()), (MEMBER, Some(AGENCY)));
    let written = serde_json::to_string(&Record::Transfer(opened.transfer.clone())).unwrap();
    assert!(!written.contains("appeler"), "the note is in clear in the store");
    for to in ["balc-agence-rennes@carsat.example", AGENCY] {
        let mails = house.mails_to(to).await;
        assert_eq!(mails.len(), 1, "{to}");
        assert!(mails[0].contains(DEPOSITOR) && !mails[0].contains("appeler"), "{to}");
    }
    assert_eq!(opened.transfer.case.state, CaseState::New, "somebody of the agency is to take it");
    assert!(opened.transfer.case.first_taken.is_some(), "who dispatched it took note of it");
}

#[tokio::test]
async fn only_mailboxes_of_the_organisation_that_do_not_have_it_are_offered() {
    let house = members_house().await;
    let (reference, agency) = (house.deposit().await, agency(&house, Custody::Gateway).await);
    let member = house.sign_in(MEMBER).await;
    let envelope = house.app.envelope(Some(&member), &reference, visitor()).await.unwrap();
    let targets = house.app.dispatch_targets(&envelope.transfer, &envelope.mailbox).await.unwrap();
    let names: Vec<_> = targets.iter().map(|target| target.mailbox.name.as_str()).collect();
    assert_eq!(names, ["agence-rennes", "pensions", "social"]);
    assert!(targets.iter().all(|target| target.is_too_weak), "the gateway keeps their keys");
    assert_eq!(targets[0].members, [(AGENCY.to_owned(), AGENCY.to_owned())]);
    assert_eq!(targets[0].mailbox.id, agency.id);
}

fn files(directory: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}
