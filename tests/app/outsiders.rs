//! Outsiders learn nothing (invariant 8), and who may not read does not (invariant 7).

use pli::app::OpenError;
use pli::audit::Action;
use pli::identity::Password;
use pli::value::Language;

use crate::house::{DEPOSITOR, House, PASSWORD, address, visitor};

#[tokio::test]
async fn asking_for_a_link_does_the_same_work_whoever_asks() {
    let house = House::build().await;
    let mut work = Vec::new();
    for who in [DEPOSITOR, "inconnu@ailleurs.example", "jeanne.martin@departement.example.ailleurs.example"] {
        house.store.take_calls();
        house.app.request_proof(&house.pensions, address(who), Language::Fr, visitor()).await.unwrap();
        work.push(house.store.take_calls());
    }
    assert_eq!(work[0], work[1]);
    assert_eq!(work[0], work[2]);
    assert_eq!(house.mails_to(DEPOSITOR).await.len(), 1);
    assert!(house.mails_to("inconnu@ailleurs.example").await.is_empty());
}

#[tokio::test]
async fn a_failed_sign_in_reads_the_same_records_for_known_and_unknown_addresses() {
    let house = House::build().await;
    let mut work = Vec::new();
    for who in ["agent@carsat.example", "personne@carsat.example"] {
        house.store.take_calls();
        let tried = house.app.sign_in(Some(address(who)), Password::new("faux".into()), visitor()).await;
        assert!(tried.is_err());
        work.push(house.store.take_calls());
    }
    assert_eq!(work[0], work[1]);
    assert!(house.app.sign_in(Some(address("agent@carsat.example")), None, visitor()).await.is_err());
    let right = Password::new(PASSWORD.into());
    assert!(house.app.sign_in(Some(address("agent@carsat.example")), right, visitor()).await.is_ok());
}

#[tokio::test]
async fn another_mailboxs_agent_and_the_officer_are_refused_and_logged_without_any_effect() {
    let house = House::build().await;
    let reference = house.deposit().await;
    for who in ["autre@carsat.example", "securite@carsat.example"] {
        let signed = house.sign_in(who).await;
        let before = house.events().await.len();
        let opened = house.app.open_transfer(&signed, &reference, visitor()).await;
        assert!(matches!(opened, Err(OpenError::NotEntitled)));
        let envelope = house.app.envelope(Some(&signed), &reference, visitor()).await;
        assert!(matches!(envelope, Err(OpenError::NotEntitled)));
        let events = house.events().await;
        assert_eq!(events[before..], [Action::AccessRefused, Action::AccessRefused]);
    }
    let agent = house.sign_in("agent@carsat.example").await;
    let envelope = house.app.envelope(Some(&agent), &reference, visitor()).await.unwrap();
    assert!(envelope.transfer.first_opening.is_none(), "a refused opening left a trace on the transfer");
    let stranger = house.app.envelope(None, &reference, visitor()).await;
    assert!(matches!(stranger, Err(OpenError::NotSignedIn)));
}
