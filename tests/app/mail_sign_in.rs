//! Signing in from a mail program: with a password of its own that opens nothing else, judged anew for each mail, and
//! without a word to outsiders of who has an account.

use pli::app::{MailPasswordError, MailSenderError, MailSignInError, Visitor};
use pli::audit::{Action, Actor, Origin, Outcome, RefusalReason};
use pli::identity::{Account, MailSecret, MailSession, Password};
use pli::value::AccountId;

use crate::house::{House, PASSWORD, address, visitor};

const AGENT: &str = "agent@carsat.example";

async fn account(house: &House, who: &str) -> AccountId {
    let list = pli::app::ports::List::AccountByAddress(address(who));
    let found = house.app.store.list(&list, 1).await.unwrap().remove(0).record;
    Account::try_from(found).unwrap().id
}

async fn made(house: &House, who: &str) -> String {
    let account = account(house, who).await;
    house.app.make_mail_password(account, Actor::Operator, Origin::Cli).await.unwrap().expose()
}

async fn sign_in(house: &House, who: &str, secret: &str) -> Result<MailSession, MailSignInError> {
    let secret = MailSecret::parse(secret.as_bytes());
    house.app.sign_in_to_submit(Some(address(who)), secret, visitor()).await
}

#[tokio::test]
async fn a_mail_password_signs_a_mail_program_in_until_it_is_revoked_or_replaced() {
    let house = House::build().await;
    let first = made(&house, AGENT).await;
    assert!(sign_in(&house, AGENT, &first).await.is_ok());
    let second = made(&house, AGENT).await;
    assert!(matches!(sign_in(&house, AGENT, &first).await, Err(MailSignInError::Refused)), "the one before");
    let id = sign_in(&house, AGENT, &second).await.unwrap().account;
    assert!(house.app.revoke_mail_password(id, Actor::Operator, Origin::Cli).await.unwrap());
    assert!(matches!(sign_in(&house, AGENT, &second).await, Err(MailSignInError::Refused)));
    assert!(
        !house.app.revoke_mail_password(id, Actor::Operator, Origin::Cli).await.unwrap(),
        "there was none"
    );
    let told = house.events().await;
    for action in
        [Action::MailPasswordMade, Action::MailSignIn, Action::SignInRefused, Action::MailPasswordRevoked]
    {
        assert!(told.contains(&action), "{action:?} is not in the log");
    }
}

#[tokio::test]
async fn the_password_of_the_pages_and_the_one_of_the_mail_program_are_no_use_for_each_other() {
    let house = House::build().await;
    let secret = made(&house, AGENT).await;
    assert!(matches!(sign_in(&house, AGENT, PASSWORD).await, Err(MailSignInError::Refused)));
    let page = house.app.sign_in(Some(address(AGENT)), Password::new(secret), visitor()).await;
    assert!(page.is_err());
}

#[tokio::test]
async fn only_agents_have_one() {
    let house = House::build().await;
    let officer = account(&house, "securite@carsat.example").await;
    let refused = house.app.make_mail_password(officer, Actor::Operator, Origin::Cli).await;
    assert!(matches!(refused, Err(MailPasswordError::NotEntitled)));
}

#[tokio::test]
async fn an_account_sends_as_itself_and_as_its_team_and_as_nobody_else() {
    let house = House::build().await;
    let secret = made(&house, AGENT).await;
    let id = sign_in(&house, AGENT, &secret).await.unwrap();
    for yes in [AGENT, "balc-pensions@carsat.example"] {
        house.app.check_mail_sender(id, &address(yes), visitor()).await.unwrap();
    }
    for no in [
        "autre@carsat.example",
        "balc-social@carsat.example",
        "pensions@pli.example",
        "agent@carsat.example.ailleurs.example",
    ] {
        let refused = house.app.check_mail_sender(id, &address(no), visitor()).await;
        assert!(matches!(refused, Err(MailSenderError::NotYours)), "{no}: {refused:?}");
    }
    assert_eq!(house.events().await.last(), Some(&Action::SubmissionRefused));
}

#[tokio::test]
async fn a_connection_ends_with_the_mail_password_that_opened_it() {
    let house = House::build().await;
    let first = made(&house, AGENT).await;
    let open = sign_in(&house, AGENT, &first).await.unwrap();
    house.app.check_mail_sender(open, &address(AGENT), visitor()).await.unwrap();
    let second = made(&house, AGENT).await;
    let replaced = house.app.check_mail_sender(open, &address(AGENT), visitor()).await;
    assert!(matches!(replaced, Err(MailSenderError::Ended)), "{replaced:?}");
    let open = sign_in(&house, AGENT, &second).await.unwrap();
    house.app.check_mail_sender(open, &address(AGENT), visitor()).await.unwrap();
    house.app.revoke_mail_password(open.account, Actor::Operator, Origin::Cli).await.unwrap();
    let revoked = house.app.check_mail_sender(open, &address(AGENT), visitor()).await;
    assert!(matches!(revoked, Err(MailSenderError::Ended)), "{revoked:?}");
    let leaves = house.app.store.leaves(0, 100_000).await.unwrap();
    let events = leaves.into_iter().map(|leaf| leaf.entry.unwrap().event().unwrap());
    let told: Vec<_> = events.filter(|event| event.action == Action::SubmissionRefused).collect();
    let reason = Outcome::Refused(RefusalReason::CredentialsWrong);
    assert!(
        told.len() == 2 && told.iter().all(|event| event.outcome == reason),
        "the account is not cut off: {told:?}"
    );
}

#[tokio::test]
async fn a_cut_off_account_sends_nothing_more_not_even_in_a_session_that_goes_on() {
    let house = House::build().await;
    let secret = made(&house, AGENT).await;
    let id = sign_in(&house, AGENT, &secret).await.unwrap();
    house.app.cut_off(id.account, Origin::Cli).await.unwrap();
    let refused = house.app.check_mail_sender(id, &address(AGENT), visitor()).await;
    assert!(matches!(refused, Err(MailSenderError::Ended)));
    assert!(matches!(sign_in(&house, AGENT, &secret).await, Err(MailSignInError::Refused)));
    assert!(house.app.mail_password_of(id.account).await.unwrap().is_none(), "it is gone with the account");
}

#[tokio::test]
async fn outsiders_cannot_tell_who_has_an_account_or_a_mail_password() {
    let house = House::build().await;
    made(&house, AGENT).await;
    let wrong = MailSecret::new([9; 15]).expose();
    let mut work = Vec::new();
    for (who, secret) in [
        (AGENT, wrong.as_str()),
        (AGENT, "faux"),
        ("autre@carsat.example", &wrong),
        ("personne@carsat.example", &wrong),
    ] {
        house.store.take_calls();
        assert!(matches!(sign_in(&house, who, secret).await, Err(MailSignInError::Refused)));
        work.push(house.store.take_calls());
    }
    assert!(work.windows(2).all(|pair| pair[0] == pair[1]), "{work:?}");
}

#[tokio::test]
async fn who_fails_twenty_times_waits_and_nobody_else_does() {
    let house = House::build().await;
    let secret = made(&house, AGENT).await;
    for _ in 0..20 {
        assert!(matches!(sign_in(&house, AGENT, "faux").await, Err(MailSignInError::Refused)));
    }
    assert!(matches!(sign_in(&house, AGENT, &secret).await, Err(MailSignInError::TooMany)));
    let elsewhere = Visitor { address: [192, 0, 2, 99].into() };
    let right = MailSecret::parse(secret.as_bytes());
    assert!(house.app.sign_in_to_submit(Some(address(AGENT)), right, elsewhere).await.is_ok());
    let page = house.app.sign_in(Some(address(AGENT)), Password::new(PASSWORD.into()), visitor()).await;
    assert!(page.is_ok(), "a mail program with an old password keeps nobody from the pages");
}
