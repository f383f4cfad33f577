//! Refusals that no other story needs, each with the event that it leaves: what is asked for twice, by the wrong page, or of
//! somebody who is not there.

use std::sync::Arc;

use pli::app::ports::Random;
use pli::app::{
    AccountChange, AgentChange, AnswerError, App, AppParts, By, FactorError, ImportScope, InboundMail,
    Invitation, LinkError, MailRefusal, MembersError, OpenError, PasskeyError, PeopleError,
    PeopleImportError, PostmasterRefusal, SecretError, SettingsChange, SettingsError, ShownPasskey,
    SignInError,
};
use pli::audit::{Action, Origin, Outcome, RefusalReason};
use pli::identity::{PASSKEYS_MAX, Password, Role};
use pli::store::SystemRandom;
use pli::value::{AccountId, Language, MailboxId, Millis, PartnerId, Reference, SecretBytes, Token};

use crate::api::{Software, software, wish};
use crate::authenticator::Authenticator;
use crate::custody_house::{COLLEAGUE, MEMBER, account, members_house, new_account, policies, restarted};
use crate::entry::council;
use crate::house::{DEPOSITOR, House, PASSWORD, address, visitor};
use crate::{outside, passkeys};

const AGENT: &str = "agent@carsat.example";
const OPERATOR: By<'static> = By::operator(Origin::Cli);
const NOBODY: AccountId = AccountId::new([9; 16]);

/// What was refused since this was asked the last time: each action with its reason.
fn refused(house: &House) -> Vec<(Action, RefusalReason)> {
    let units = house.store.take_units();
    let events = units.iter().flat_map(|unit| &unit.entries).map(|entry| entry.event);
    let refused = events.filter_map(|event| match event.outcome {
        Outcome::Refused(reason) => Some((event.action, reason)),
        _ => None,
    });
    refused.collect()
}

/// Forgets what was refused until now.
fn from_here(house: &House) {
    house.store.take_units();
}

#[tokio::test]
async fn a_mail_for_a_mailbox_that_is_no_more_is_told() {
    let house = House::build().await;
    from_here(&house);
    let mail = InboundMail {
        visitor: visitor(),
        envelope_from: Some(address(DEPOSITOR)),
        mailbox: MailboxId::new([9; 16]),
        helo: "mx.departement.example".into(),
        tls: None,
        certificate: None,
        requires_tls: false,
        addressee: house.pensions.deposit_address.clone().into(),
        envelope_id: None,
        bytes: SecretBytes::new(b"Subject: x\r\n\r\n".to_vec()),
    };
    assert!(matches!(house.app.accept_mail(mail).await, Err(MailRefusal::MayNotDeposit)));
    assert_eq!(refused(&house), [(Action::MailRefused, RefusalReason::MailboxUnknown)]);
}

#[tokio::test]
async fn a_mail_to_a_postmaster_that_nobody_reads_is_told() {
    let house = House::build().await;
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    let app = App::new(AppParts {
        store: house.store.clone(),
        objects: house.app.objects.clone(),
        keyring: house.app.keyring.clone(),
        clock: house.clock.clone(),
        random,
        delivery: house.outbox.clone(),
        names: house.names.clone(),
        senders: house.senders.clone(),
        policies: policies(include_str!("../../../policies/custody.toml")),
        settings: pli::app::Settings { postmaster: None, ..house.app.settings.clone() },
        scanning: None,
    });
    from_here(&house);
    let mail = SecretBytes::new(b"Subject: x\r\n\r\n".to_vec());
    let told =
        app.unwrap().mail_to_postmaster(&address("postmaster@pli.example"), None, &mail, visitor()).await;
    assert!(matches!(told, Err(PostmasterRefusal::NobodyReads)));
    assert_eq!(refused(&house), [(Action::MailRefused, RefusalReason::PolicyDenied)]);
}

#[tokio::test]
async fn a_transfer_that_never_was_and_an_answer_to_one_s_own_are_told() {
    let house = House::build().await;
    let agent = house.sign_in(AGENT).await;
    let sending = pli::app::OutgoingSending { recipients: DEPOSITOR.into(), ..outside::sending() };
    let sent = outside::compose(&house, &agent, sending).await.unwrap();
    from_here(&house);
    let answered = house.app.begin_answer(&agent, &sent, true, visitor()).await;
    assert!(matches!(answered, Err(AnswerError::NotFitting)));
    assert_eq!(refused(&house), [(Action::TransferAnswered, RefusalReason::StateNotFitting)]);
    let unknown = Reference::parse("7K3M-9QXD-04TZ").unwrap();
    let opened = house.app.open_transfer(&agent, &unknown, visitor()).await;
    assert!(matches!(opened, Err(OpenError::NotFound)));
    assert_eq!(refused(&house), [(Action::AccessRefused, RefusalReason::NotFound)]);
}

#[tokio::test]
async fn a_password_for_a_link_that_has_none_and_a_reading_after_the_end_are_told() {
    let house = House::build().await;
    let agent = house.sign_in(AGENT).await;
    let sending = pli::app::OutgoingSending { recipients: DEPOSITOR.into(), ..outside::sending() };
    outside::compose(&house, &agent, sending).await.unwrap();
    let opened = outside::open(&house, DEPOSITOR).await;
    let reader = outside::reader(&house, &opened).await.unwrap();
    from_here(&house);
    let link = outside::link(&house, DEPOSITOR).await;
    let typed = house.app.open_by_password(&link, Password::new(PASSWORD.into()), visitor()).await;
    assert!(matches!(typed, Err(LinkError::CodeEnded)));
    assert_eq!(refused(&house), [(Action::LinkFollowed, RefusalReason::ProofWrong)]);
    // The page was open when the transfer ended.
    house.clock.advance(Millis::days(21));
    assert!(matches!(house.app.opened_outside(&reader, visitor()).await, Err(OpenError::Gone)));
    assert_eq!(refused(&house), [(Action::AccessRefused, RefusalReason::TransferExpired)]);
}

#[tokio::test]
async fn whom_a_manager_cannot_find_is_told() {
    let house = House::build().await;
    new_account(&house, "neuve@carsat.example", &[]).await;
    let stranger = account(&house, "neuve@carsat.example").await.id;
    from_here(&house);
    let nobody = SettingsChange::Entitle(address("inconnue@carsat.example"));
    let no_member = SettingsChange::Manager { account: stranger, manages: true };
    for (change, action) in [(nobody, Action::MemberAdded), (no_member, Action::RightsChanged)] {
        let changed = house.app.change_settings(OPERATOR, &house.pensions.slug, change).await;
        assert!(matches!(changed, Err(SettingsError::NotFound)));
        assert_eq!(refused(&house), [(action, RefusalReason::NotFound)]);
    }
}

#[tokio::test]
async fn custody_that_is_so_already_and_a_member_who_is_none_are_told() {
    let house = members_house().await;
    let member = house.sign_in(MEMBER).await;
    let slug = &house.pensions.slug;
    from_here(&house);
    let removed = house.app.remove_member(&member, slug, NOBODY, visitor()).await;
    assert!(matches!(removed, Err(MembersError::NotFitting)));
    assert_eq!(refused(&house), [(Action::MemberRemoved, RefusalReason::NotFound)]);
    let taken = house.app.take_into_custody(&member, slug, visitor()).await;
    assert!(matches!(taken, Err(MembersError::NotFitting)));
    assert_eq!(refused(&house), [(Action::CustodyChanged, RefusalReason::StateNotFitting)]);
    let house = House::build().await;
    let agent = house.sign_in(AGENT).await;
    from_here(&house);
    // What was open is forgotten: nobody takes what could not be opened afterwards.
    let taken = restarted(&house).take_into_custody(&agent, &house.pensions.slug, visitor()).await;
    assert!(matches!(taken, Err(MembersError::Open(OpenError::Locked))));
    assert_eq!(refused(&house), [(Action::CustodyChanged, RefusalReason::KeyLocked)]);
    let returned = house.app.return_to_gateway(&agent, &house.pensions.slug, visitor()).await;
    assert!(matches!(returned, Err(MembersError::NotFitting)));
    assert_eq!(refused(&house), [(Action::CustodyChanged, RefusalReason::StateNotFitting)]);
}

#[tokio::test]
async fn an_opening_without_the_own_key_or_before_the_admission_is_told() {
    let house = members_house().await;
    let reference = house.deposit().await;
    let colleague = house.sign_in(COLLEAGUE).await;
    from_here(&house);
    assert!(house.app.open_transfer(&colleague, &reference, visitor()).await.is_err());
    assert_eq!(refused(&house), [(Action::AccessRefused, RefusalReason::NotAdmitted)]);
    let member = house.sign_in(MEMBER).await;
    // What was open is forgotten; the session goes on.
    let again = restarted(&house);
    from_here(&house);
    assert!(matches!(again.open_transfer(&member, &reference, visitor()).await, Err(OpenError::Locked)));
    assert_eq!(refused(&house), [(Action::AccessRefused, RefusalReason::KeyLocked)]);
    let new = Password::new(PASSWORD.into()).unwrap();
    let locked = again.set_passphrase(&member, new, visitor()).await;
    assert!(matches!(locked, Err(SecretError::Locked)));
    assert_eq!(refused(&house), [(Action::PersonalKeyLocked, RefusalReason::KeyLocked)]);
}

#[tokio::test]
async fn a_ceremony_that_is_over_and_one_passkey_too_many_are_told() {
    let house = House::build().await;
    let agent = house.sign_in(AGENT).await;
    from_here(&house);
    let late = ShownPasskey { ceremony: Some(Token::new([9; 32])), credential: "{}".into(), prf: None };
    let added = house.app.add_passkey(&agent, "clé bleue", late, visitor()).await;
    assert!(matches!(added, Err(PasskeyError::Over)));
    assert_eq!(refused(&house), [(Action::PasskeyAdded, RefusalReason::ProofExpired)]);
    let nth = |n: usize| Authenticator::new(u8::try_from(n).unwrap(), false);
    // Two browsers begin with the same authenticator.
    let begun = house.app.begin_passkey(&agent, visitor()).await.unwrap();
    let mut first = nth(1);
    passkeys::add(&house, &agent, &mut first).await.unwrap();
    let credential = first.create(&begun.options);
    let shown = ShownPasskey { ceremony: Some(begun.token), credential, prf: None };
    from_here(&house);
    let added = house.app.add_passkey(&agent, "clé bleue", shown, visitor()).await;
    assert!(matches!(added, Err(PasskeyError::Known)), "{added:?}");
    assert_eq!(refused(&house), [(Action::PasskeyAdded, RefusalReason::StateNotFitting)]);
    for n in 2..PASSKEYS_MAX {
        passkeys::add(&house, &agent, &mut nth(n)).await.unwrap();
    }
    // Two browsers begin the last one that may be.
    let ceremony = house.app.begin_passkey(&agent, visitor()).await.unwrap();
    passkeys::add(&house, &agent, &mut nth(PASSKEYS_MAX)).await.unwrap();
    let mut late = nth(PASSKEYS_MAX + 1);
    let credential = late.create(&ceremony.options);
    let shown = ShownPasskey { ceremony: Some(ceremony.token), credential, prf: None };
    from_here(&house);
    let added = house.app.add_passkey(&agent, "clé verte", shown, visitor()).await;
    assert!(matches!(added, Err(PasskeyError::TooMany { .. })), "{added:?}");
    assert_eq!(refused(&house), [(Action::PasskeyAdded, RefusalReason::TooMany)]);
    let begun = house.app.begin_passkey(&agent, visitor()).await;
    assert!(matches!(begun, Err(PasskeyError::TooMany { .. })));
    assert_eq!(refused(&house), [(Action::PasskeyAdded, RefusalReason::TooMany)]);
}

#[tokio::test]
async fn a_code_that_no_sign_in_waits_for_and_a_factor_that_was_begun_long_ago_are_told() {
    let house = House::build().await;
    from_here(&house);
    let confirmed = house.app.confirm_sign_in(&Token::new([9; 32]), "000000", visitor()).await;
    assert!(matches!(confirmed, Err(SignInError::Refused)));
    assert_eq!(refused(&house), [(Action::SignInRefused, RefusalReason::SessionExpired)]);
    let agent = house.sign_in(AGENT).await;
    let begun = house.app.begin_second_factor(&agent).unwrap();
    house.clock.advance(Millis::minutes(31));
    from_here(&house);
    let present = Password::new(PASSWORD.into());
    let late = house.app.confirm_second_factor(&agent, &begun.sealed, "000000", present, visitor()).await;
    assert!(matches!(late, Err(FactorError::Over)));
    assert_eq!(refused(&house), [(Action::SecondFactorChanged, RefusalReason::ProofExpired)]);
}

#[tokio::test]
async fn a_key_that_software_used_for_another_deposit_is_told() {
    let house = House::build().await;
    let (software, _): (Software, _) = software(&house).await;
    let key = [("content-type", "application/json"), ("idempotency-key", "une-cle-synthetique")];
    let other = wish().to_string().replace(DEPOSITOR, "jean.dupont@departement.example");
    let begin = async |body: String| software.ask(axum::http::Method::POST, "/deposits", &key, body).await;
    begin(wish().to_string()).await;
    from_here(&house);
    let again = begin(other).await;
    assert!(again.status.is_client_error(), "{}", again.text);
    assert_eq!(refused(&house), [(Action::DepositRefused, RefusalReason::StateNotFitting)]);
}

fn invitation(role: Role, partner: Option<PartnerId>) -> Invitation {
    Invitation {
        address: address("nouvelle@departement.example"),
        name: "Nolwenn Salaün".into(),
        role,
        organisation: None,
        partner,
        mailboxes: vec![],
        language: Language::Fr,
    }
}

#[tokio::test]
async fn what_is_asked_of_people_who_are_not_there_or_not_of_that_kind_is_told() {
    let house = House::build().await;
    let partner = council(&house).await.id;
    from_here(&house);
    let appointed = house.app.appoint(OPERATOR, invitation(Role::Agent, Some(partner))).await;
    assert!(matches!(appointed, Err(PeopleError::NotFitting)));
    assert_eq!(refused(&house), [(Action::AccountCreated, RefusalReason::StateNotFitting)]);
    let changed = house.app.change_account(OPERATOR, NOBODY, AccountChange::Deactivate).await;
    assert!(matches!(changed, Err(PeopleError::NotFound)));
    assert_eq!(refused(&house), [(Action::AccountDeactivated, RefusalReason::NotFound)]);
    assert!(matches!(house.app.exclude_account(OPERATOR, NOBODY).await, Err(PeopleError::NotFound)));
    assert_eq!(refused(&house), [(Action::AccountCutOff, RefusalReason::NotFound)]);
    let outside = address("x@ailleurs.example");
    let blocked = house.app.block_address(OPERATOR, partner, &outside, true).await;
    assert!(matches!(blocked, Err(PeopleError::OutsideDomains)));
    assert_eq!(refused(&house), [(Action::AddressBlocked, RefusalReason::AddressNotAdmitted)]);
    let blocked = house.app.block_address(OPERATOR, PartnerId::new([9; 16]), &outside, true).await;
    assert!(matches!(blocked, Err(PeopleError::NotFound)));
    assert_eq!(refused(&house), [(Action::AddressBlocked, RefusalReason::NotFound)]);
    let agent = account(&house, AGENT).await.id;
    house.app.change_agent(OPERATOR, agent, AgentChange::CutOff).await.unwrap();
    from_here(&house);
    let again = house.app.change_agent(OPERATOR, agent, AgentChange::CutOff).await;
    assert!(matches!(again, Err(PeopleError::NotFitting)));
    assert_eq!(refused(&house), [(Action::AccountCutOff, RefusalReason::StateNotFitting)]);
}

#[tokio::test]
async fn an_appointment_that_a_rule_says_no_to_is_told() {
    let house = House::build().await;
    let partner = council(&house).await.id;
    let new =
        |who: &str| Invitation { address: address(who), ..invitation(Role::Gestionnaire, Some(partner)) };
    for n in 1..=5 {
        house.app.appoint(OPERATOR, new(&format!("gestion{n}@departement.example"))).await.unwrap();
    }
    for (who, reason) in [
        ("gestion6@departement.example", RefusalReason::TooMany),
        ("gestion6@ailleurs.example", RefusalReason::AddressNotAdmitted),
    ] {
        from_here(&house);
        assert!(house.app.appoint(OPERATOR, new(who)).await.is_err());
        assert_eq!(refused(&house), [(Action::AccountCreated, reason)], "{who}");
    }
    let taken = Invitation { role: Role::Technicien, ..new("gestion1@departement.example") };
    house.app.appoint(OPERATOR, taken.clone()).await.unwrap();
    from_here(&house);
    let again = house.app.appoint(OPERATOR, taken).await;
    assert!(matches!(again, Err(PeopleError::Taken)), "the second address is taken too");
    assert_eq!(refused(&house), [(Action::AccountCreated, RefusalReason::StateNotFitting)]);
}

#[tokio::test]
async fn a_table_of_people_that_a_rule_says_no_to_is_told_and_a_preview_is_not() {
    let house = House::build().await;
    let agent = house.sign_in(AGENT).await;
    let scope = ImportScope::Structure(council(&house).await.id);
    let table = "name,address\nNolwenn Salaün,nolwenn@ailleurs.example\n";
    from_here(&house);
    for (preview, told) in
        [(true, vec![]), (false, vec![(Action::AccountCreated, RefusalReason::AddressNotAdmitted)])]
    {
        let imported = house.app.import_people(OPERATOR, scope, table, preview).await;
        assert!(matches!(
            imported,
            Err(PeopleImportError::Refused { error: PeopleError::OutsideDomains, .. })
        ));
        assert_eq!(refused(&house), told);
    }
    let by = By::person(&agent, visitor());
    let imported = house.app.import_people(by, ImportScope::House, table, false).await;
    assert!(matches!(imported, Err(PeopleImportError::NotEntitled)));
    assert_eq!(refused(&house), [(Action::AccountCreated, RefusalReason::NotEntitled)]);
}
