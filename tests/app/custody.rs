//! Custody `members` (DESIGN "Mailbox key", P7): only a member's secret opens, only an open session admits, and what was
//! swapped in the store is caught before anything is sealed to it or opened by it.

use pli::app::ports::{Change, Key, List, Record, UnitOfWork};
use pli::app::{AppError, DepositRefusal, MembersError, OpenError, ResetError, SecretError, SignInError};
use pli::audit::{Action, Origin, Outcome, RefusalReason};
use pli::identity::{Password, SESSION_IDLE};
use pli::mailbox::Custody;
use pli::value::Millis;
use pli::vault::{Identity, VaultError, unwrap_identity};

use crate::custody_house::{
    COLLEAGUE, MEMBER, OTHER, account, admit, cookie, log, mailbox, members_house, new_mailbox, restarted,
};
use crate::house::{House, PASSWORD, visitor};

fn typed(text: &str) -> Option<Password> {
    Password::new(text.into())
}

async fn overwrite(house: &House, record: impl Into<Record>) {
    let unit = UnitOfWork { changes: vec![Change::Put(record.into())], ..UnitOfWork::default() };
    house.app.store.commit(unit).await.unwrap();
}

#[tokio::test]
async fn a_member_opens_and_no_key_of_the_gateway_does() {
    let house = members_house().await;
    let reference = house.deposit().await;
    let signed = house.sign_in(MEMBER).await;
    assert_eq!(house.download(&signed, &reference, 1).await, b"%PDF-1.7 synthetic");

    let mut keys = vec![house.app.keyring.gateway().unwrap()];
    for name in house.app.keyring.names().unwrap() {
        keys.push(house.app.keyring.identity(name).unwrap());
    }
    let mailbox = mailbox(&house).await;
    assert!(mailbox.key.for_gateway.is_none());
    let wraps = house.app.store.list(&List::MemberWrapsOf(mailbox.id), 10).await.unwrap();
    let Record::PersonalKey(personal) =
        house.record(&Key::PersonalKey(account(&house, MEMBER).await.id)).await.unwrap()
    else {
        panic!()
    };
    for key in &keys {
        for wrap in &wraps {
            let Record::MemberWrap(wrap) = &wrap.record else { panic!() };
            assert!(unwrap_identity(key, &wrap.wrap).is_err(), "{key:?} opens a member's wrap");
        }
        assert!(unwrap_identity(key, mailbox.key.for_recovery.as_ref().unwrap()).is_err());
        assert_ne!(key.recipient(), personal.recipient);
    }
    assert_eq!(wraps.len(), 1);
}

#[tokio::test]
async fn only_an_open_session_of_a_member_admits() {
    let house = members_house().await;
    let reference = house.deposit().await;
    let waiting = house.sign_in(COLLEAGUE).await;
    let refused = house.app.open_transfer(&waiting, &reference, visitor()).await;
    assert!(matches!(refused, Err(OpenError::NotAdmitted)));
    let (slug, colleague) = (house.pensions.slug.clone(), account(&house, COLLEAGUE).await.id);
    let by_itself = house.app.admit(&waiting, &slug, colleague, visitor()).await;
    assert!(matches!(by_itself, Err(MembersError::Open(OpenError::NotAdmitted))));
    let stranger = house.sign_in(OTHER).await;
    let by_stranger = house.app.admit(&stranger, &slug, colleague, visitor()).await;
    assert!(matches!(by_stranger, Err(MembersError::Open(OpenError::NotEntitled))));
    let member = house.sign_in(MEMBER).await;
    let unentitled = house.app.admit(&member, &slug, stranger.account.id, visitor()).await;
    assert!(
        matches!(unentitled, Err(MembersError::NotFitting)),
        "who is not entitled by name is not admitted"
    );

    // A gateway that was started anew has the sessions, but none of their keys.
    let token = cookie(&house.app, MEMBER).await;
    let later = restarted(&house);
    let signed = later.signed(&token, visitor()).await.unwrap().unwrap();
    let locked = later.admit(&signed, &slug, colleague, visitor()).await;
    assert!(matches!(locked, Err(MembersError::Open(OpenError::Locked))));
    let events = log(&house).await;
    let refusals: Vec<_> =
        events.iter().filter(|e| e.action == Action::MemberAdmitted).map(|e| e.outcome).collect();
    let reasons = [RefusalReason::NotAdmitted, RefusalReason::NotEntitled, RefusalReason::KeyLocked];
    assert_eq!(refusals, reasons.map(Outcome::Refused));

    house.app.admit(&member, &slug, colleague, visitor()).await.unwrap();
    assert_eq!(log(&house).await.last().unwrap().action, Action::MemberAdmitted);
    assert_eq!(house.download(&waiting, &reference, 1).await, b"%PDF-1.7 synthetic");
}

#[tokio::test]
async fn after_a_restart_the_password_opens_the_key_of_the_session_again() {
    let house = members_house().await;
    let reference = house.deposit().await;
    let token = cookie(&house.app, MEMBER).await;
    let later = restarted(&house);
    let signed = later.signed(&token, visitor()).await.unwrap().unwrap();
    assert!(!later.has_key_open(&signed));
    assert!(matches!(later.open_transfer(&signed, &reference, visitor()).await, Err(OpenError::Locked)));
    let wrong = later.unlock(&signed, typed("faux"), visitor()).await;
    assert!(matches!(wrong, Err(SignInError::Refused)));
    later.unlock(&signed, typed(PASSWORD), visitor()).await.unwrap();
    later.open_transfer(&signed, &reference, visitor()).await.unwrap();
    later.sign_out(signed.clone(), visitor()).await.unwrap();
    assert!(!later.has_key_open(&signed), "the key outlived the session");
}

#[tokio::test]
async fn a_key_that_nobody_uses_is_forgotten_with_its_session() {
    let house = members_house().await;
    let signed = house.sign_in(MEMBER).await;
    house.clock.advance(SESSION_IDLE);
    house.app.upkeep().await.unwrap();
    assert!(!house.app.has_key_open(&signed));
}

#[tokio::test]
async fn a_recipient_swapped_in_the_store_gets_no_deposit_and_opens_nothing() {
    let house = members_house().await;
    let reference = house.deposit().await;
    let signed = house.sign_in(MEMBER).await;
    let original = mailbox(&house).await;
    let thief = Identity::generate();
    let mut swapped = original.clone();
    swapped.key.recipient = thief.recipient();
    overwrite(&house, swapped).await;
    // A gateway that was started anew remembers nothing; the log does.
    for app in [&restarted(&house), &*house.app] {
        let opened = app.opened_transfer(Some(&signed), &reference, visitor()).await;
        assert!(matches!(opened, Err(OpenError::Fault(AppError::Vault(VaultError::Swapped)))));
    }
    let draft = house.draft().await;
    house.add_file(&draft, "avis.pdf", b"%PDF-1.7").await;
    let sent = house.send(&draft, "Demande urgente").await;
    assert!(matches!(sent, Err(DepositRefusal::Fault(AppError::Vault(VaultError::Swapped)))));
    assert!(house.events().await.contains(&Action::AlertRaised), "the officer is told");
    assert_eq!(house.transfers().await, 1, "nothing was sealed to the thief");
    overwrite(&house, original).await;
    house.send(&draft, "Demande urgente").await.unwrap();
}

#[tokio::test]
async fn a_wrap_or_a_personal_recipient_swapped_in_the_store_is_caught() {
    let house = members_house().await;
    let reference = house.deposit().await;
    let signed = house.sign_in(MEMBER).await;
    let (member, colleague) = (account(&house, MEMBER).await, account(&house, COLLEAGUE).await);
    let other = new_mailbox(&house, "autre", Custody::Members, vec![member.id]).await;

    let foreign = house.record(&Key::MemberWrap((other.id, member.id))).await;
    let Some(Record::MemberWrap(mut wrap)) = foreign else { panic!() };
    let Some(mine) = house.record(&Key::MemberWrap((house.pensions.id, member.id))).await else { panic!() };
    wrap.mailbox = house.pensions.id;
    overwrite(&house, wrap).await;
    let opened = house.app.opened_transfer(Some(&signed), &reference, visitor()).await;
    assert!(matches!(opened, Err(OpenError::Fault(AppError::Vault(VaultError::Swapped)))));
    overwrite(&house, mine).await;

    let Some(Record::PersonalKey(mut key)) = house.record(&Key::PersonalKey(colleague.id)).await else {
        panic!()
    };
    let recipient = key.recipient.clone();
    key.recipient = Identity::generate().recipient();
    overwrite(&house, key.clone()).await;
    let admitted = house.app.admit(&signed, &house.pensions.slug, colleague.id, visitor()).await;
    let swapped = |outcome: &Result<(), MembersError>| {
        matches!(outcome, Err(MembersError::Open(OpenError::Fault(AppError::Vault(VaultError::Swapped)))))
    };
    assert!(swapped(&admitted), "the mailbox's key was wrapped for a thief: {admitted:?}");
    key.recipient = recipient;
    overwrite(&house, key).await;
    house.app.admit(&signed, &house.pensions.slug, colleague.id, visitor()).await.unwrap();
}

#[tokio::test]
async fn a_changed_password_keeps_what_was_admitted_and_ends_the_other_sessions() {
    let house = members_house().await;
    let reference = house.deposit().await;
    let (mine, elsewhere) = (house.sign_in(MEMBER).await, cookie(&house.app, MEMBER).await);
    let new = "une autre phrase de passe synthétique";
    let wrong = house.app.change_password(&mine, typed("faux"), typed(new).unwrap(), visitor()).await;
    assert!(matches!(wrong, Err(SecretError::Wrong)));
    house.app.change_password(&mine, typed(PASSWORD), typed(new).unwrap(), visitor()).await.unwrap();
    assert!(house.app.signed(&elsewhere, visitor()).await.unwrap().is_none());
    assert!(house.app.has_key_open(&mine));
    let who = Some(crate::house::address(MEMBER));
    assert!(house.app.sign_in(who.clone(), typed(PASSWORD), visitor()).await.is_err());
    let again = house.app.sign_in(who, typed(new), visitor()).await.unwrap();
    let signed = house.app.signed(&again, visitor()).await.unwrap().unwrap();
    assert_eq!(house.download(&signed, &reference, 1).await, b"%PDF-1.7 synthetic");
}

#[tokio::test]
async fn a_vault_passphrase_opens_where_the_sign_in_does_not() {
    let house = members_house().await;
    let reference = house.deposit().await;
    let first = house.sign_in(MEMBER).await;
    let passphrase = "phrase du coffre tout à fait synthétique";
    house.app.set_passphrase(&first, typed(passphrase).unwrap(), visitor()).await.unwrap();
    let signed = house.sign_in(MEMBER).await;
    assert!(!house.app.has_key_open(&signed), "the sign-in alone opened the vault");
    assert!(house.app.unlock(&signed, typed(PASSWORD), visitor()).await.is_err());
    house.app.unlock(&signed, typed(passphrase), visitor()).await.unwrap();
    house.app.open_transfer(&signed, &reference, visitor()).await.unwrap();
}

#[tokio::test]
async fn a_forgotten_password_waits_for_admission_and_the_last_member_is_warned() {
    let house = members_house().await;
    let reference = house.deposit().await;
    let member = account(&house, MEMBER).await.id;
    let new = "encore une phrase synthétique";
    let refused = house.app.reset_password(member, typed(new).unwrap(), false, Origin::Cli).await;
    let Err(ResetError::LastMember { mailboxes }) = refused else { panic!("the live mail was given up") };
    assert_eq!(mailboxes, ["fragilite"]);

    let signed = house.sign_in(MEMBER).await;
    admit(&house, &signed, COLLEAGUE).await;
    house.app.reset_password(member, typed(new).unwrap(), false, Origin::Cli).await.unwrap();
    let token = house.app.sign_in(Some(crate::house::address(MEMBER)), typed(new), visitor()).await.unwrap();
    let back = house.app.signed(&token, visitor()).await.unwrap().unwrap();
    assert!(matches!(
        house.app.open_transfer(&back, &reference, visitor()).await,
        Err(OpenError::NotAdmitted)
    ));
    let colleague = house.sign_in(COLLEAGUE).await;
    admit(&house, &colleague, MEMBER).await;
    house.app.open_transfer(&back, &reference, visitor()).await.unwrap();
}

#[tokio::test]
async fn a_mailbox_that_nobody_opens_is_founded_anew_and_the_recovery_key_has_the_rest() {
    let mut house = members_house().await;
    let recovery = Identity::generate();
    let Some(settings) = std::sync::Arc::get_mut(&mut house.app).map(|app| &mut app.settings) else {
        panic!()
    };
    settings.recovery = Some(recovery.recipient());
    let member = account(&house, MEMBER).await.id;
    let lost = new_mailbox(&house, "perdue", Custody::Members, vec![member]).await;
    assert!(
        !house.app.found_anew(lost.id, &[member], Origin::Cli).await.unwrap(),
        "members admit, nobody else"
    );
    // The refusal is in the log, and does not hide there which key the mailbox has.
    assert!(!restarted(&house).found_anew(lost.id, &[member], Origin::Cli).await.unwrap());
    house.app.reset_password(member, typed("une phrase oubliée").unwrap(), true, Origin::Cli).await.unwrap();
    assert!(house.app.found_anew(lost.id, &[member], Origin::Cli).await.unwrap());
    let Some(Record::Mailbox(now)) = house.record(&Key::Mailbox(lost.id)).await else { panic!() };
    assert_eq!(now.key.generation, 2);
    let former = unwrap_identity(&recovery, &now.key.former_for_recovery[0].for_recovery).unwrap();
    assert_eq!(former.recipient(), lost.key.recipient);
}

#[tokio::test]
async fn the_log_still_knows_the_keys_when_their_first_entries_were_pruned() {
    let house = members_house().await;
    for _ in 0..300 {
        house.app.log_gateway(Action::GatewayStarted).await.unwrap();
    }
    for _ in 0..3 {
        house.clock.advance(Millis::days(200));
        house.app.upkeep().await.unwrap();
        house.app.prune_log().await.unwrap();
    }
    assert!(house.app.store.pruned().await.unwrap() >= 256, "the entries of the beginning are gone");
    let before = log_size(&house).await;
    house.app.prune_log().await.unwrap();
    assert_eq!(log_size(&house).await, before, "what was restated is not restated each time");

    let later = restarted(&house);
    let token = cookie(&later, MEMBER).await;
    let member = later.signed(&token, visitor()).await.unwrap().unwrap();
    let colleague = account(&house, COLLEAGUE).await.id;
    later.admit(&member, &house.pensions.slug, colleague, visitor()).await.unwrap();
    let reference = house.deposit().await;
    later.open_transfer(&member, &reference, visitor()).await.unwrap();
}

async fn log_size(house: &House) -> u64 {
    house.app.store.log().await.unwrap().size()
}
