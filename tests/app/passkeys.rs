//! Passkeys: sign in without a password, open the vault by their PRF, and do neither when they were removed, copied, shown to another
//! page or shown twice.

use pli::app::{PasskeyError, ShownPasskey, SignInError, Signed};
use pli::audit::{Action, Origin};
use pli::identity::{Password, SignInWay};
use pli::value::{Millis, Token};

use crate::authenticator::Authenticator;
use crate::backups;
use crate::house::{House, PASSWORD, address, visitor};

const AGENT: &str = "agent@carsat.example";

fn shown(ceremony: &Token, credential: String, authenticator: &Authenticator) -> ShownPasskey {
    ShownPasskey { ceremony: Some(ceremony.clone()), credential, prf: authenticator.prf() }
}

pub async fn add(
    house: &House,
    signed: &Signed,
    authenticator: &mut Authenticator,
) -> Result<(), PasskeyError> {
    let ceremony = house.app.begin_passkey(signed, visitor()).await.unwrap();
    let credential = authenticator.create(&ceremony.options);
    let shown = shown(&ceremony.token, credential, authenticator);
    house.app.add_passkey(signed, "clé bleue", shown, visitor()).await
}

async fn sign_in(house: &House, authenticator: &mut Authenticator) -> Result<Signed, SignInError> {
    let ceremony = house.app.begin_passkey_sign_in().unwrap();
    let credential = authenticator.show(&ceremony.options);
    let shown = shown(&ceremony.token, credential, authenticator);
    let (token, _) = house.app.sign_in_with_passkey(shown, visitor()).await?;
    Ok(house.app.signed(&token, visitor()).await.unwrap().unwrap())
}

#[tokio::test]
async fn a_passkey_with_a_prf_signs_in_and_opens_the_vault_also_after_the_password_changed() {
    let house = House::build().await;
    let signed = house.sign_in(AGENT).await;
    let mut authenticator = Authenticator::new(1, true);
    add(&house, &signed, &mut authenticator).await.unwrap();
    let by_passkey = sign_in(&house, &mut authenticator).await.unwrap();
    assert_eq!(by_passkey.session.way, SignInWay::Passkey);
    assert!(house.app.has_key_open(&by_passkey) && house.app.is_recently_proven(&by_passkey));
    let new = Password::new("cheval agrafe pile correcte".into()).unwrap();
    let present = Password::new(PASSWORD.into());
    house.app.change_password(&signed, present, new, visitor()).await.unwrap();
    let later = sign_in(&house, &mut authenticator).await.unwrap();
    assert!(house.app.has_key_open(&later), "the same key under another lock");
    let events = house.events().await;
    assert!(events.contains(&Action::PasskeyAdded) && events.contains(&Action::SignIn));
}

#[tokio::test]
async fn a_passkey_without_a_prf_signs_in_and_the_vault_asks_for_the_password() {
    let house = House::build().await;
    let signed = house.sign_in(AGENT).await;
    let mut authenticator = Authenticator::new(1, false);
    add(&house, &signed, &mut authenticator).await.unwrap();
    let by_passkey = sign_in(&house, &mut authenticator).await.unwrap();
    assert!(!house.app.has_key_open(&by_passkey));
    house.app.unlock(&by_passkey, Password::new(PASSWORD.into()), visitor()).await.unwrap();
    assert!(house.app.has_key_open(&by_passkey));
}

#[tokio::test]
async fn another_output_of_a_prf_opens_nothing_and_the_officer_is_told() {
    let house = House::build().await;
    let signed = house.sign_in(AGENT).await;
    let mut authenticator = Authenticator::new(1, true);
    add(&house, &signed, &mut authenticator).await.unwrap();
    let ceremony = house.app.begin_passkey_sign_in().unwrap();
    let credential = authenticator.show(&ceremony.options);
    let other = Authenticator::new(2, true);
    let lied = ShownPasskey { ceremony: Some(ceremony.token), credential, prf: other.prf() };
    let (token, _) = house.app.sign_in_with_passkey(lied, visitor()).await.unwrap();
    let by_passkey = house.app.signed(&token, visitor()).await.unwrap().unwrap();
    assert!(!house.app.has_key_open(&by_passkey));
    assert!(house.events().await.contains(&Action::PersonalKeyOpened));
}

#[tokio::test]
async fn what_is_shown_twice_copied_to_another_page_or_without_its_user_signs_nobody_in() {
    let house = House::build().await;
    let signed = house.sign_in(AGENT).await;
    let mut authenticator = Authenticator::new(1, true);
    add(&house, &signed, &mut authenticator).await.unwrap();

    let ceremony = house.app.begin_passkey_sign_in().unwrap();
    let credential = authenticator.show(&ceremony.options);
    let once = shown(&ceremony.token, credential.clone(), &authenticator);
    house.app.sign_in_with_passkey(once, visitor()).await.unwrap();
    let twice = shown(&ceremony.token, credential, &authenticator);
    assert!(house.app.sign_in_with_passkey(twice, visitor()).await.is_err(), "shown twice");

    let refused = async |change: &dyn Fn(&mut Authenticator), authenticator: &mut Authenticator| {
        change(authenticator);
        sign_in(&house, authenticator).await.is_err()
    };
    authenticator.origin = "https://pli.exemple".into();
    assert!(refused(&|_| (), &mut authenticator).await, "shown to another page");
    authenticator.origin = "https://pli.example".into();
    assert!(refused(&|a| a.verifies = false, &mut authenticator).await, "whoever holds it");
    authenticator.verifies = true;
    let ceremony = house.app.begin_passkey_sign_in().unwrap();
    sign_in(&house, &mut authenticator).await.unwrap();
    let copy = authenticator.show_again(&ceremony.options);
    let copied = shown(&ceremony.token, copy, &authenticator);
    assert!(
        house.app.sign_in_with_passkey(copied, visitor()).await.is_err(),
        "a copy's counter stands still"
    );
    let ceremony = house.app.begin_passkey_sign_in().unwrap();
    house.clock.advance(Millis::minutes(5));
    let late = authenticator.show(&ceremony.options);
    let late = shown(&ceremony.token, late, &authenticator);
    assert!(house.app.sign_in_with_passkey(late, visitor()).await.is_err(), "too late");
    let mut unknown = Authenticator::new(9, true);
    assert!(sign_in(&house, &mut unknown).await.is_err(), "nobody's");
    assert!(house.events().await.contains(&Action::SignInRefused));
}

#[tokio::test]
async fn a_removed_passkey_does_nothing_any_more_and_each_change_ends_the_other_sessions() {
    let house = House::build().await;
    let mut authenticator = Authenticator::new(1, true);
    let (signed, other) = (house.sign_in(AGENT).await, house.sign_in(AGENT).await);
    add(&house, &signed, &mut authenticator).await.unwrap();
    assert_eq!(house.app.own_sessions(&signed).await.unwrap().len(), 1, "{:?} ended", other.session.id);
    let again = add(&house, &signed, &mut authenticator).await;
    assert!(matches!(again, Err(PasskeyError::Known | PasskeyError::Over)), "{again:?}");
    let by_passkey = sign_in(&house, &mut authenticator).await.unwrap();
    let id = by_passkey.account.passkeys[0].id;
    assert_eq!(house.app.vault_passkeys(&signed).await.unwrap(), [id]);
    assert!(house.app.remove_passkey(&signed, id, visitor()).await.unwrap());
    assert!(!house.app.remove_passkey(&signed, id, visitor()).await.unwrap(), "gone already");
    assert!(sign_in(&house, &mut authenticator).await.is_err());
    assert_eq!(house.app.own_sessions(&signed).await.unwrap().len(), 1);
    assert!(house.app.vault_passkeys(&signed).await.unwrap().is_empty());
    assert!(house.events().await.contains(&Action::PasskeyRemoved));
}

#[tokio::test]
async fn nobody_adds_a_passkey_to_another_account_nor_signs_in_to_one_that_is_cut_off() {
    let house = House::build().await;
    let (signed, other) = (house.sign_in(AGENT).await, house.sign_in("autre@carsat.example").await);
    let mut authenticator = Authenticator::new(1, true);
    let ceremony = house.app.begin_passkey(&signed, visitor()).await.unwrap();
    let credential = authenticator.create(&ceremony.options);
    let stolen = shown(&ceremony.token, credential, &authenticator);
    let added = house.app.add_passkey(&other, "à moi", stolen, visitor()).await;
    assert!(matches!(added, Err(PasskeyError::Over)));
    add(&house, &signed, &mut authenticator).await.unwrap();
    house.app.cut_off(signed.account.id, Origin::Cli).await.unwrap();
    assert!(sign_in(&house, &mut authenticator).await.is_err());
    assert!(
        house.app.sign_in(Some(address(AGENT)), Password::new(PASSWORD.into()), visitor()).await.is_err()
    );
}

#[tokio::test]
async fn a_passkey_proves_its_own_person_anew_and_no_other() {
    let house = House::build().await;
    let signed = house.sign_in(AGENT).await;
    let mut authenticator = Authenticator::new(1, false);
    add(&house, &signed, &mut authenticator).await.unwrap();
    house.clock.advance(Millis::minutes(20));
    let other = house.sign_in("autre@carsat.example").await;
    let again = async |who: &Signed, authenticator: &mut Authenticator| {
        let ceremony = house.app.begin_passkey_sign_in().unwrap();
        let credential = authenticator.show(&ceremony.options);
        let shown = shown(&ceremony.token, credential, authenticator);
        house.app.prove_with_passkey(who, shown, visitor()).await
    };
    assert!(!house.app.is_recently_proven(&signed));
    assert!(again(&other, &mut authenticator).await.is_err());
    again(&signed, &mut authenticator).await.unwrap();
    let now = house.app.own_sessions(&signed).await.unwrap();
    assert_eq!(now.len(), 1);
    assert!(house.events().await.contains(&Action::PersonProven));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_passkey_that_was_removed_after_the_backup_does_not_come_back_with_it() {
    let house = House::build().await;
    let signed = house.sign_in(AGENT).await;
    let mut authenticator = Authenticator::new(1, true);
    add(&house, &signed, &mut authenticator).await.unwrap();
    let backup = backups::back_up(&house).await;
    let id = sign_in(&house, &mut authenticator).await.unwrap().account.passkeys[0].id;
    assert!(house.app.remove_passkey(&signed, id, visitor()).await.unwrap());
    let restored = backups::empty(&house);
    backups::restore(&restored, backup).await.unwrap();
    restored.app.open_after_restore(Origin::Cli).await.unwrap();
    assert!(sign_in(&restored, &mut authenticator).await.is_err(), "the account waits for its operator");
}
