//! Expired is gone (invariant 5, V1 to V3).

use pli::app::ports::{Key, List};
use pli::app::{AppError, OpenError};
use pli::audit::Action;
use pli::retention::KeyName;
use pli::value::{Millis, Timestamp};

use crate::house::{DEPOSITOR, House, NOW, relay, visitor};

#[tokio::test]
async fn at_the_second_of_expiry_nobody_opens_and_then_nothing_is_left_but_the_register() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let signed = house.sign_in("agent@carsat.example").await;
    house.clock.advance(Millis::days(20));
    house.clock.advance(Millis(-1));
    let signed_later = house.sign_in("agent@carsat.example").await;
    assert!(house.app.opened_transfer(Some(&signed_later), &reference, visitor()).await.is_ok());
    house.clock.advance(Millis(1));
    let gone = |outcome| matches!(outcome, Err(OpenError::Gone));
    assert!(gone(house.app.opened_transfer(Some(&signed), &reference, visitor()).await.map(|_| ())));
    assert!(gone(house.app.envelope(Some(&signed), &reference, visitor()).await.map(|_| ())));

    house.app.upkeep().await.unwrap();
    assert_eq!(house.transfers().await, 0);
    assert!(gone(house.app.open_transfer(&signed, &reference, visitor()).await));
    let register = house.app.store.list(&List::RegisterByReference(reference.clone()), 1).await.unwrap();
    let Key::Register(transfer) = register[0].record.key() else { panic!() };
    assert!(house.app.store.list(&List::GrantsOf(transfer), 1).await.unwrap().is_empty());
    assert!(!format!("{register:?}").contains("Demande"), "no title stays");
    assert!(
        !crate::house::is_found_below(house.directory.path(), b"age-encryption"),
        "a sealed object stayed"
    );

    let expiry = (NOW + Millis::days(20)).day();
    assert!(house.app.keyring.identity(KeyName::ExpiryDay(expiry)).is_ok(), "the day is not over");
    house.clock.advance(Millis::days(1));
    house.app.upkeep().await.unwrap();
    assert!(house.app.keyring.identity(KeyName::ExpiryDay(expiry)).is_err());
    let events = house.events().await;
    for action in
        [Action::TransferExpired, Action::GrantsDestroyed, Action::ObjectsErased, Action::DayKeyDestroyed]
    {
        assert!(events.contains(&action), "{action:?} is not in the log");
    }
}

#[tokio::test]
async fn a_mail_deposit_lives_five_days() {
    let house = House::build().await;
    let mail = format!("From: {DEPOSITOR}\nSubject: x\nMessage-ID: <a@departement.example>\n\nBonjour\n");
    house.mail_in(Some(DEPOSITOR), &mail, relay()).await.unwrap();
    house.clock.advance(Millis::days(5));
    assert_eq!(house.app.upkeep().await.unwrap().transfers_expired, 1);
}

#[tokio::test]
async fn a_clock_that_jumps_ten_years_closes_access_and_destroys_nothing_until_confirmed() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let signed = house.sign_in("agent@carsat.example").await;
    house.app.upkeep().await.unwrap();
    let keys = house.app.keyring.names().unwrap();
    let jumped = NOW + Millis::days(3650);
    house.clock.jump_to(jumped);

    let upkeep = house.app.upkeep().await.unwrap();
    assert!(upkeep.clock_not_believed);
    let opened = house.app.opened_transfer(Some(&signed), &reference, visitor()).await;
    assert!(matches!(opened, Err(OpenError::Fault(AppError::ClockNotBelieved))));
    assert_eq!(house.app.keyring.names().unwrap(), keys);
    assert_eq!(house.transfers().await, 1);

    house.clock.jump_to(NOW + Millis::seconds(1));
    assert!(
        house.app.opened_transfer(Some(&signed), &reference, visitor()).await.is_ok(),
        "set right again, all is there"
    );

    house.clock.jump_to(jumped);
    house.app.confirm_clock(pli::audit::Origin::Cli, None).await.unwrap();
    let upkeep = house.app.upkeep().await.unwrap();
    assert_eq!(upkeep.transfers_expired, 1);
    assert!(house.events().await.contains(&Action::ClockConfirmed));
}

#[tokio::test]
async fn a_clock_that_jumped_ends_no_session_and_takes_no_file() {
    let house = House::build().await;
    let draft = house.draft().await;
    let cookie = {
        let password = pli::identity::Password::new(crate::house::PASSWORD.into());
        let who = crate::house::address("agent@carsat.example");
        house.app.sign_in(Some(who), password, visitor()).await.unwrap()
    };
    house.clock.jump_to(NOW + Millis::hours(30));
    assert!(house.app.signed(&cookie, visitor()).await.unwrap().is_none(), "access is closed");
    assert!(matches!(house.app.draft(draft.0, &draft.1).await, Err(AppError::ClockNotBelieved)));
    house.clock.jump_to(NOW + Millis::seconds(1));
    assert!(
        house.app.signed(&cookie, visitor()).await.unwrap().is_some(),
        "the session was ended by a false clock"
    );
    assert!(house.app.draft(draft.0, &draft.1).await.unwrap().is_some());
}

#[tokio::test]
async fn a_clock_that_is_set_back_and_confirmed_brings_no_key_back_and_stops_nothing() {
    let house = House::build().await;
    house.app.upkeep().await.unwrap();
    house.clock.advance(Millis::days(3));
    house.app.upkeep().await.unwrap();
    house.clock.jump_to(NOW);
    house.app.confirm_clock(pli::audit::Origin::Cli, None).await.unwrap();
    for _ in 0..2 {
        house.app.upkeep().await.unwrap();
    }
    assert!(house.app.keyring.recipient(KeyName::ExpiryDay(NOW.day())).is_err());
}

#[tokio::test]
async fn a_clock_that_goes_back_opens_nothing_again() {
    let house = House::build().await;
    let reference = house.deposit().await;
    house.clock.advance(Millis::days(20));
    let signed = house.sign_in("agent@carsat.example").await;
    assert!(house.app.opened_transfer(Some(&signed), &reference, visitor()).await.is_err());
    let shown = Timestamp(house.app.clock.read().wall.0 - Millis::minutes(4).0);
    house.clock.jump_to(shown);
    assert!(house.app.opened_transfer(Some(&signed), &reference, visitor()).await.is_err());
}

#[tokio::test]
async fn an_open_draft_is_discarded_a_day_after_its_last_byte_with_its_files() {
    let house = House::build().await;
    let draft = house.draft().await;
    house.add_file(&draft, "a.pdf", b"%PDF-1.7").await;
    house.clock.advance(Millis::hours(24));
    house.app.upkeep().await.unwrap();
    assert!(house.app.draft(draft.0, &draft.1).await.unwrap().is_none());
    assert!(!crate::house::is_found_below(house.directory.path(), b"age-encryption"));
}
