//! Dispatch (T4): a grant more and no copy; the sender stays visible; never into weaker custody unasked.

use pli::app::ports::{Key, List, Record};
use pli::app::{AppError, DispatchError, OpenError};
use pli::audit::{Action, Outcome, RefusalReason};
use pli::mailbox::{Custody, Mailbox};
use pli::value::{Millis, Reference};
use pli::vault::{Identity, VaultError};

use crate::custody_house::{
    COLLEAGUE, MEMBER, OTHER, log, members_house, new_account, new_mailbox, policies,
};
use crate::house::{DEPOSITOR, House, visitor};

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
    house.app.dispatch(&member, &reference, agency.id, visitor()).await.unwrap();
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
    house.app.dispatch(&member_later, &reference, agency.id, visitor()).await.unwrap();
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
    let refused = house.app.dispatch(&member, &reference, agency.id, visitor()).await;
    assert!(matches!(refused, Err(DispatchError::WeakerCustody)));
    assert_eq!(last_dispatch(&house).await, Outcome::Refused(RefusalReason::CustodyWeaker));
    let allowed = policies("dispatch_into_weaker_custody = true\nreturn_to_gateway = false\n");
    house.app.policies.store(allowed.into());
    house.app.dispatch(&member, &reference, agency.id, visitor()).await.unwrap();
    let reader = house.sign_in(AGENCY).await;
    assert_eq!(house.download(&reader, &reference, 1).await, b"%PDF-1.7 synthetic");
}

#[tokio::test]
async fn who_cannot_open_cannot_dispatch_and_nobody_twice() {
    let house = members_house().await;
    let (reference, agency) = (house.deposit().await, agency(&house, Custody::Members).await);
    let waiting = house.sign_in(COLLEAGUE).await;
    let refused = house.app.dispatch(&waiting, &reference, agency.id, visitor()).await;
    assert!(matches!(refused, Err(DispatchError::Open(OpenError::NotAdmitted))));
    assert_eq!(last_dispatch(&house).await, Outcome::Refused(RefusalReason::NotAdmitted));
    let stranger = house.sign_in(OTHER).await;
    let refused = house.app.dispatch(&stranger, &reference, agency.id, visitor()).await;
    assert!(matches!(refused, Err(DispatchError::Open(OpenError::NotEntitled))));
    let member = house.sign_in(MEMBER).await;
    house.app.dispatch(&member, &reference, agency.id, visitor()).await.unwrap();
    for twice in [agency.id, house.pensions.id] {
        let again = house.app.dispatch(&member, &reference, twice, visitor()).await;
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
    let refused = house.app.dispatch(&member, &reference, agency.id, visitor()).await;
    let Err(DispatchError::Open(OpenError::Fault(AppError::Vault(VaultError::Swapped)))) = refused else {
        panic!("{refused:?}")
    };
}

fn files(directory: &std::path::Path) -> usize {
    let entries = std::fs::read_dir(directory).unwrap().map(|entry| entry.unwrap().path());
    entries.map(|path| if path.is_dir() { files(&path) } else { 1 }).sum()
}
