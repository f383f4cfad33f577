//! The way to an account (P2): invited by mail, activated by its owner, a forgotten password, the terms of use. Over the real
//! pages, since what a robot fetches must change nothing.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use pli::app::ports::{Key, List};
use pli::app::{Invitation, PeopleError};
use pli::audit::{Action, Actor, Origin, Outcome};
use pli::identity::{Account, AccountState, Partner, Password, Role};
use pli::policy::people::PeoplePolicy;
use pli::value::{Language, Millis, Token};
use pli::web::{WebConfig, router};
use tower::ServiceExt;

use crate::custody_house::{COLLEAGUE, MEMBER, account, admit, mailbox, members_house};
use crate::house::{House, PASSWORD, address, mail_text, visitor};

const AGENT: &str = "agent@carsat.example";
const MANAGER: &str = "gestion@departement.example";
const NEW: &str = "cheval agrafe pile correcte";

fn pages(house: &House) -> Router {
    router(house.app.clone(), WebConfig { secure_cookies: false, demo: None })
}

pub async fn ask(
    pages: &Router,
    method: Method,
    path: &str,
    cookie: &str,
    body: &str,
) -> (StatusCode, HeaderMap, String) {
    let request = Request::builder().method(method).uri(path).header(COOKIE, cookie);
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    let answer = pages.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await.unwrap();
    let (status, headers) = (answer.status(), answer.headers().clone());
    let body = to_bytes(answer.into_body(), 1_000_000).await.unwrap();
    (status, headers, String::from_utf8_lossy(&body).into_owned())
}

/// Makes the terms of the shipped policy those in force.
fn with_terms(house: &House, change: impl FnOnce(&mut PeoplePolicy)) {
    let mut people = PeoplePolicy::parse(include_str!("../../policies/people.toml")).unwrap();
    change(&mut people);
    let mut policies = crate::custody_house::policies(include_str!("../../policies/custody.toml"));
    policies.people = people;
    house.app.policies.store(policies.into());
}

pub async fn council(house: &House) -> Partner {
    house.app.partners().await.unwrap().remove(0)
}

pub async fn invite(house: &House, role: Role, who: &str) -> Result<Account, PeopleError> {
    let invitation = Invitation {
        address: address(who),
        name: "Nolwenn Salaün".into(),
        role,
        organisation: None,
        partner: Some(council(house).await.id),
        mailboxes: vec![],
        language: Language::Fr,
    };
    house.app.invite(invitation, Actor::Operator, Origin::Cli).await
}

/// The path of the newest link that was mailed to somebody.
pub async fn link_to(house: &House, who: &str) -> String {
    let mails = house.mails_to(who).await.into_iter().rev().map(|mail| mail_text(&mail));
    let text = mails.into_iter().find(|text| text.contains("/compte/lien/")).unwrap();
    let token = text.split("/compte/lien/").nth(1).unwrap().split_whitespace().next().unwrap();
    format!("/compte/lien/{token}")
}

fn chosen(password: &str) -> String {
    format!("new={0}&again={0}", password.replace(' ', "+"))
}

async fn state(house: &House, account: &Account) -> AccountState {
    Account::try_from(house.record(&Key::Account(account.id)).await.unwrap()).unwrap().state
}

async fn sign_in(house: &House, who: &str, password: &str) -> Option<Token> {
    house.app.sign_in(Some(address(who)), Password::new(password.into()), visitor()).await.ok()
}

#[tokio::test]
async fn a_new_account_is_activated_by_its_owner_by_a_link_that_no_robot_uses_up() {
    let house = House::build().await;
    let pages = pages(&house);
    let account = invite(&house, Role::Gestionnaire, MANAGER).await.unwrap();
    assert!(sign_in(&house, MANAGER, PASSWORD).await.is_none(), "nobody knows its password");
    let link = link_to(&house, MANAGER).await;

    let before = house.events().await;
    for method in [Method::GET, Method::HEAD, Method::GET] {
        let (status, _, page) = ask(&pages, method, &link, "", "").await;
        assert_eq!(status, StatusCode::OK);
        assert!(!page.contains(MANAGER) && !page.contains("Nolwenn"), "a robot is shown nothing");
    }
    assert_eq!(house.events().await, before, "a GET changes nothing");
    let (_, _, form) = ask(&pages, Method::POST, &link, "", "").await;
    assert!(form.contains(MANAGER) && form.contains("name=\"again\""), "{form}");
    assert!(
        matches!(state(&house, &account).await, AccountState::Invited { .. }),
        "the button alone does nothing"
    );

    let weak = ask(&pages, Method::POST, &link, "", &chosen("motdepasse2026")).await;
    assert_eq!(weak.0, StatusCode::UNPROCESSABLE_ENTITY);
    let differ = ask(&pages, Method::POST, &link, "", "new=cheval+agrafe+pile&again=autre+chose").await;
    assert_eq!(differ.0, StatusCode::UNPROCESSABLE_ENTITY);
    let (status, headers, _) = ask(&pages, Method::POST, &link, "", &chosen(NEW)).await;
    assert_eq!((status, headers[LOCATION].to_str().unwrap()), (StatusCode::SEE_OTHER, "/connexion?choisi=1"));
    assert_eq!(state(&house, &account).await, AccountState::Active);
    assert!(sign_in(&house, MANAGER, NEW).await.is_some());
    assert!(house.events().await.contains(&Action::AccountActivated));

    let again = ask(&pages, Method::POST, &link, "", &chosen("une autre phrase bien longue")).await;
    assert_eq!(again.0, StatusCode::GONE, "a link is good once");
    assert!(sign_in(&house, MANAGER, NEW).await.is_some());
}

#[tokio::test]
async fn a_link_is_good_for_its_time_and_another_can_be_asked_for() {
    let house = House::build().await;
    let pages = pages(&house);
    invite(&house, Role::Gestionnaire, MANAGER).await.unwrap();
    let late = link_to(&house, MANAGER).await;
    house.clock.advance(Millis::hours(72));
    house.app.upkeep().await.unwrap();
    assert_eq!(ask(&pages, Method::POST, &late, "", &chosen(NEW)).await.0, StatusCode::GONE);

    let asked =
        ask(&pages, Method::POST, "/connexion/oubli", "", "address=gestion%40departement.example").await;
    assert_eq!(asked.0, StatusCode::OK);
    let fresh = link_to(&house, MANAGER).await;
    assert_ne!(fresh, late);
    assert_eq!(ask(&pages, Method::POST, &fresh, "", &chosen(NEW)).await.0, StatusCode::SEE_OTHER);

    house.clock.advance(Millis::hours(1));
    house.app.upkeep().await.unwrap();
    let left =
        house.app.store.list(&List::AccountLinksEndedBefore(pli::value::Timestamp(i64::MAX)), 10).await;
    assert_eq!(left.unwrap(), [], "links that are over are forgotten");
}

#[tokio::test]
async fn whoever_asks_about_whatever_address_gets_the_same_answer_and_only_an_account_gets_a_mail() {
    let house = House::build().await;
    let pages = pages(&house);
    let mut answers = Vec::new();
    for who in ["agent%40carsat.example", "inconnu%40ailleurs.example"] {
        let (status, _, page) =
            ask(&pages, Method::POST, "/connexion/oubli", "", &format!("address={who}")).await;
        assert_eq!(status, StatusCode::OK);
        answers.push(page);
    }
    // What was typed is shown again, and nothing else differs.
    assert_eq!(answers[0], answers[1]);
    let asked = house.events().await;
    assert_eq!(asked.iter().filter(|action| **action == Action::AccountLinkAsked).count(), 2);
    assert!(house.mails_to("inconnu@ailleurs.example").await.is_empty());
    let link = link_to(&house, AGENT).await;
    assert_eq!(ask(&pages, Method::POST, &link, "", &chosen(NEW)).await.0, StatusCode::SEE_OTHER);
    assert!(sign_in(&house, AGENT, PASSWORD).await.is_none() && sign_in(&house, AGENT, NEW).await.is_some());
    let wrong = ask(&pages, Method::POST, "/connexion/oubli", "", "address=personne").await;
    assert_eq!(wrong.0, StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn a_password_that_opened_a_members_mailbox_is_reset_only_when_another_member_can_admit() {
    let house = members_house().await;
    let mailbox = mailbox(&house).await;
    let pages = pages(&house);
    let reset = async || {
        let body = format!("address={}", MEMBER.replace('@', "%40"));
        ask(&pages, Method::POST, "/connexion/oubli", "", &body).await;
        link_to(&house, MEMBER).await
    };
    let link = reset().await;
    let (_, _, form) = ask(&pages, Method::POST, &link, "", "").await;
    assert!(form.contains(&mailbox.name), "the page says what is lost: {form}");
    let (status, _, page) = ask(&pages, Method::POST, &link, "", &chosen(NEW)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "the last member would take the mailbox along");
    assert!(page.contains("dernière personne"), "{page}");
    assert!(sign_in(&house, MEMBER, PASSWORD).await.is_some(), "nothing was changed");

    let admitted = async |who: &str| {
        let wrap = Key::MemberWrap((mailbox.id, account(&house, who).await.id));
        house.record(&wrap).await.is_some()
    };
    admit(&house, &house.sign_in(MEMBER).await, COLLEAGUE).await;
    assert!(admitted(MEMBER).await);
    assert_eq!(ask(&pages, Method::POST, &link, "", &chosen(NEW)).await.0, StatusCode::SEE_OTHER);
    assert!(!admitted(MEMBER).await, "the new key waits to be admitted");
    assert!(admitted(COLLEAGUE).await);
}

#[tokio::test]
async fn terms_are_accepted_before_anything_opens_and_again_when_they_change() {
    let house = House::build().await;
    with_terms(&house, |_| {});
    let pages = pages(&house);
    let token = sign_in(&house, AGENT, PASSWORD).await.unwrap();
    let cookie = format!("pli_session={}", token.expose());
    assert!(house.app.signed(&token, visitor()).await.unwrap().is_none());
    for path in ["/boites", "/compte", "/transferts/7K3M-9QXD-04TZ"] {
        let (status, headers, _) = ask(&pages, Method::GET, path, &cookie, "").await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{path}");
        assert!(headers[LOCATION].to_str().unwrap().starts_with("/connexion?suite="), "{path}");
    }
    let (_, headers, _) = ask(&pages, Method::GET, "/connexion?suite=%2Fboites", &cookie, "").await;
    assert_eq!(headers[LOCATION].to_str().unwrap(), "/conditions?suite=%2Fboites");
    let (_, _, page) = ask(&pages, Method::GET, "/conditions", &cookie, "").await;
    assert!(page.contains("Votre compte est personnel") && page.contains("name=\"accepte\""), "{page}");

    let version = house.app.terms_in_force().unwrap().version;
    let unticked = format!("version={version}&suite=%2Fboites");
    let unticked = ask(&pages, Method::POST, "/conditions", &cookie, &unticked).await;
    assert_eq!(unticked.0, StatusCode::UNPROCESSABLE_ENTITY);
    let other = "version=ancienne&accepte=oui&suite=%2Fboites";
    ask(&pages, Method::POST, "/conditions", &cookie, other).await;
    assert!(house.app.signed(&token, visitor()).await.unwrap().is_none(), "another version was accepted");
    let body = format!("version={version}&accepte=oui&suite=%2Fboites");
    let (_, headers, _) = ask(&pages, Method::POST, "/conditions", &cookie, &body).await;
    assert_eq!(headers[LOCATION].to_str().unwrap(), "/boites");
    assert!(house.app.signed(&token, visitor()).await.unwrap().is_some());
    assert!(house.events().await.contains(&Action::TermsAccepted));

    with_terms(&house, |people| people.terms.as_mut().unwrap().version = "2027-01".into());
    assert!(house.app.signed(&token, visitor()).await.unwrap().is_none(), "new terms bite at once");
    let body = format!("version={version}&accepte=oui&suite=%2Fboites");
    ask(&pages, Method::POST, "/conditions", &cookie, &body).await;
    assert!(
        house.app.signed(&token, visitor()).await.unwrap().is_none(),
        "the version of before is not enough"
    );
    let (_, headers, _) = ask(&pages, Method::GET, "/connexion?suite=%2Fboites", &cookie, "").await;
    assert_eq!(headers[LOCATION].to_str().unwrap(), "/conditions?suite=%2Fboites");
    let body = "version=2027-01&accepte=oui&suite=%2Fboites";
    ask(&pages, Method::POST, "/conditions", &cookie, body).await;
    assert!(house.app.signed(&token, visitor()).await.unwrap().is_some(), "accepted again");
    let log = crate::custody_house::log(&house).await.into_iter();
    let accepted = log.filter(|told| told.action == Action::TermsAccepted && told.outcome == Outcome::Done);
    assert_eq!(accepted.count(), 2);
}

#[tokio::test]
async fn no_password_has_to_be_changed_for_its_age_by_the_shipped_policy() {
    let house = House::build().await;
    with_terms(&house, |people| people.terms = None);
    house.clock.advance(Millis::days(3_650));
    let token = sign_in(&house, AGENT, PASSWORD).await.unwrap();
    assert!(house.app.signed(&token, visitor()).await.unwrap().is_some(), "ten years later");
}

#[tokio::test]
async fn an_old_password_is_changed_first_where_the_policy_sets_an_age() {
    let house = House::build().await;
    let pages = pages(&house);
    with_terms(&house, |people| {
        people.terms = None;
        people.password_age = Some(Millis::days(90));
    });
    house.clock.advance(Millis::days(91));
    let token = sign_in(&house, AGENT, PASSWORD).await.unwrap();
    let cookie = format!("pli_session={}", token.expose());
    assert!(house.app.signed(&token, visitor()).await.unwrap().is_none());
    let (status, _, page) = ask(&pages, Method::GET, "/compte", &cookie, "").await;
    assert!(status == StatusCode::OK && page.contains("atteint l’âge"), "{page}");
    let body = format!("present={}&{}", PASSWORD.replace(' ', "+"), chosen(NEW));
    let changed = ask(&pages, Method::POST, "/compte/mot-de-passe", &cookie, &body).await;
    assert_eq!(changed.0, StatusCode::SEE_OTHER);
    assert!(house.app.signed(&token, visitor()).await.unwrap().is_some());
}

#[tokio::test]
async fn people_correct_their_own_name_but_not_those_of_a_structure() {
    let house = House::build().await;
    let pages = pages(&house);
    let session = async |who: &str, password: &str| {
        format!("pli_session={}", sign_in(&house, who, password).await.unwrap().expose())
    };
    let cookie = session(AGENT, PASSWORD).await;
    let done = ask(&pages, Method::POST, "/compte/identite", &cookie, "nom=Ana+Morvan&langue=en").await;
    assert_eq!(done.0, StatusCode::SEE_OTHER);
    let signed = house.sign_in(AGENT).await;
    assert_eq!((signed.account.name.as_str(), signed.account.language), ("Ana Morvan", Language::En));
    assert!(house.events().await.contains(&Action::AccountChanged));
    let empty = ask(&pages, Method::POST, "/compte/identite", &cookie, "nom=+&langue=en").await;
    assert_eq!(empty.0, StatusCode::UNPROCESSABLE_ENTITY);

    invite(&house, Role::Gestionnaire, MANAGER).await.unwrap();
    ask(&pages, Method::POST, &link_to(&house, MANAGER).await, "", &chosen(NEW)).await;
    let cookie = session(MANAGER, NEW).await;
    let (_, _, page) = ask(&pages, Method::GET, "/compte", &cookie, "").await;
    assert!(!page.contains("name=\"nom\""), "{page}");
    let other = ask(&pages, Method::POST, "/compte/identite", &cookie, "nom=Autre&langue=fr").await;
    assert_eq!(other.0, StatusCode::FORBIDDEN);
    let language = ask(&pages, Method::POST, "/compte/identite", &cookie, "langue=en").await;
    assert_eq!(language.0, StatusCode::SEE_OTHER);
}
