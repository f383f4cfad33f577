//! The part of the walk about people: how they sign in, and what they do with the own account.

use pli::app::EndedSessions;
use pli::audit::{Action, Actor, Origin};
use pli::identity::Password;

use super::Walk;
use crate::house::{DEPOSITOR, House, PASSWORD, address, visitor};

async fn second_factor(house: &House, walk: &mut Walk) {
    let password = || Password::new(PASSWORD.into());
    let officer = house.sign_in("securite@carsat.example").await;
    house.store.take_units();
    let changed = |outcome| [(Action::SecondFactorChanged, outcome)];
    let new = house.app.begin_second_factor(&officer).unwrap();
    let wrong = house.app.confirm_second_factor(&officer, &new.sealed, "000000", password(), visitor()).await;
    assert!(wrong.is_err());
    walk.step(house, "a second factor with a wrong code", &changed("refused"));
    let secret = totp_rs::Secret::try_from_base32(new.secret.replace('-', "")).unwrap();
    let telephone = totp_rs::Builder::new().with_secret(secret).build().unwrap();
    let code = telephone.generate(u64::try_from(house.app.now().at.0 / 1000).unwrap()).to_string();
    let papers = house.app.confirm_second_factor(&officer, &new.sealed, &code, password(), visitor()).await;
    let papers = papers.unwrap();
    walk.step(house, "a second factor is set up", &changed("done"));
    let who = Some(address("securite@carsat.example"));
    let cookie = house.app.sign_in(who, password(), visitor()).await.unwrap();
    walk.step(house, "the password of an account with a factor", &[(Action::SignIn, "intended")]);
    assert!(house.app.confirm_sign_in(&cookie, &code, visitor()).await.is_err());
    walk.step(house, "a code that was used", &[(Action::SignInRefused, "refused")]);
    house.app.confirm_sign_in(&cookie, &papers[0].expose(), visitor()).await.unwrap();
    walk.step(house, "a recovery code", &[(Action::SignIn, "done")]);
    let signed = house.app.signed(&cookie, visitor()).await.unwrap().unwrap();
    house.app.remove_second_factor(&signed, password(), visitor()).await.unwrap();
    walk.step(house, "a second factor is taken away", &changed("done"));
}

pub(super) async fn people(house: &House, walk: &mut Walk) {
    let agent = house.sign_in("agent@carsat.example").await;
    walk.step(house, "an agent signs in", &[(Action::SignIn, "done")]);
    for (who, password) in [("agent@carsat.example", "faux"), ("personne@carsat.example", PASSWORD)] {
        let tried = house.app.sign_in(Some(address(who)), Password::new(password.into()), visitor()).await;
        assert!(tried.is_err());
        walk.step(house, "a sign-in that fails", &[(Action::SignInRefused, "refused")]);
    }
    house.app.log_forged_request(visitor()).await.unwrap();
    walk.step(house, "a request from another site", &[(Action::AccessRefused, "refused")]);
    house.app.sign_out(agent, visitor()).await.unwrap();
    walk.step(house, "an agent signs out", &[(Action::SignOut, "done")]);
    let officer = house.sign_in("securite@carsat.example").await;
    house.store.take_units();
    let typed = |text: &str| Password::new(text.into());
    let wrong = house.app.change_password(&officer, typed("faux"), typed(PASSWORD).unwrap(), visitor()).await;
    assert!(wrong.is_err());
    walk.step(house, "a change of password with the wrong one", &[(Action::PasswordChanged, "refused")]);
    let changed = house.app.change_password(&officer, typed(PASSWORD), typed(PASSWORD).unwrap(), visitor());
    changed.await.unwrap();
    walk.step(house, "a change of password", &[(Action::PasswordChanged, "done")]);
    let weak = typed("motdepasse2026").unwrap();
    assert!(house.app.change_password(&officer, typed(PASSWORD), weak, visitor()).await.is_err());
    walk.step(house, "a change to a password that is guessed", &[(Action::PasswordChanged, "refused")]);
    let second = house.sign_in("securite@carsat.example").await;
    house.store.take_units();
    house.app.end_own_sessions(&second, EndedSessions::Others, visitor()).await.unwrap();
    walk.step(house, "a person ends the other sessions", &[(Action::SessionEnded, "done")]);
    second_factor(house, walk).await;
    let officer = house.sign_in("securite@carsat.example").await;
    house.store.take_units();
    house.app.set_passphrase(&officer, typed(PASSWORD).unwrap(), visitor()).await.unwrap();
    walk.step(house, "a passphrase of one's own", &[(Action::PersonalKeyLocked, "done")]);
    let agent = house.sign_in("agent@carsat.example").await;
    house.store.take_units();
    let taken = (Action::CustodyChanged, "done");
    let rotated = [(Action::MailboxKeyRotated, "intended"), (Action::MailboxKeyRotated, "done")];
    house.app.take_into_custody(&agent, &house.pensions.slug, visitor()).await.unwrap();
    walk.step(house, "members take a mailbox into custody", &[taken, rotated[0], rotated[1]]);
    let given_back = house.app.return_to_gateway(&agent, &house.pensions.slug, visitor()).await;
    assert!(given_back.is_err(), "the policy in force says no");
    walk.step(house, "and may not give it back", &[(Action::CustodyChanged, "refused")]);
}

pub(super) async fn mail_programs(house: &House, walk: &mut Walk) {
    let who = address("agent@carsat.example");
    let id = house.sign_in("agent@carsat.example").await.account.id;
    house.store.take_units();
    let secret = house.app.make_mail_password(id, Actor::Operator, Origin::Cli).await.unwrap();
    walk.step(house, "a mail password is made", &[(Action::MailPasswordMade, "done")]);
    let session = house.app.sign_in_to_submit(Some(who.clone()), Some(secret), visitor()).await.unwrap();
    walk.step(house, "a mail program signs in", &[(Action::MailSignIn, "done")]);
    house.app.sign_in_to_submit(Some(who), None, visitor()).await.unwrap_err();
    walk.step(house, "a mail program with a wrong password", &[(Action::SignInRefused, "refused")]);
    house.app.check_mail_sender(session, &address(DEPOSITOR), visitor()).await.unwrap_err();
    walk.step(house, "a mail under somebody else's address", &[(Action::SubmissionRefused, "refused")]);
    house.app.revoke_mail_password(id, Actor::Operator, Origin::Cli).await.unwrap();
    walk.step(house, "a mail password is revoked", &[(Action::MailPasswordRevoked, "done")]);
}
