//! The accounts of the fund's own people on pages (P2, P5, P6, P7): an administrator creates, changes and closes agents and opens
//! nothing by that; the rights of the whole house are reviewed, confirmed and exported.

use axum::Router;
use axum::http::{Method, StatusCode};
use pli::app::ports::Key;
use pli::app::{AgentChange, By, PeopleError};
use pli::audit::{Action, Origin, Outcome, RefusalReason};
use pli::identity::{Account, AccountState, Password, Role};
use pli::value::{AccountId, Language, MailboxId, OrganisationId};
use pli::web::{WebConfig, router};

use crate::custody_house::{MEMBER, account, log, members_house};
use crate::entry::{ask, link_to};
use crate::house::{House, PASSWORD, address, visitor};

const FUND: &str = "droits@carsat.example";
const AGENT: &str = "agent@carsat.example";
const NEW: &str = "nouvelle@carsat.example";
const CHOSEN: &str = "cheval agrafe pile correcte";

fn pages(house: &House) -> Router {
    router(house.app.clone(), WebConfig { secure_cookies: false, demo: None })
}

async fn administrator(house: &House) {
    administrator_of(house, FUND, None).await;
}

async fn administrator_of(house: &House, who: &str, organisation: Option<OrganisationId>) {
    let new = pli::app::NewAccount {
        address: address(who),
        name: "Yann Le Bihan".into(),
        role: Role::Administrator,
        organisation,
        partner: None,
        mailboxes: vec![],
        password: Password::new(PASSWORD.into()).unwrap(),
        language: Language::Fr,
    };
    house.app.create_account(new, Origin::Cli).await.unwrap();
}

async fn cookie(house: &House, who: &str, password: &str) -> String {
    let token = house.app.sign_in(Some(address(who)), Password::new(password.into()), visitor()).await;
    format!("pli_session={}", token.unwrap().expose())
}

async fn now_of(house: &House, id: AccountId) -> Account {
    Account::try_from(house.record(&Key::Account(id)).await.unwrap()).unwrap()
}

async fn post(house: &House, cookie: &str, body: &str) -> StatusCode {
    ask(&pages(house), Method::POST, "/comptes", cookie, body).await.0
}

#[tokio::test]
async fn an_administrator_creates_an_agent_who_opens_nothing_until_a_manager_entitles() {
    let house = House::build().await;
    administrator(&house).await;
    let (fund, organisation) = (cookie(&house, FUND, PASSWORD).await, house.pensions.organisation);
    let create = format!(
        "action=creer&nom=Nolwenn+Sala%C3%BCn&adresse=nouvelle%40carsat.example&organisme={organisation}&langue=fr"
    );
    assert_eq!(post(&house, &fund, &create).await, StatusCode::SEE_OTHER);
    let (taken, _, page) = ask(&pages(&house), Method::POST, "/comptes", &fund, &create).await;
    assert_eq!(taken, StatusCode::UNPROCESSABLE_ENTITY, "the address is taken");
    for typed in ["value=\"Nolwenn Salaün\"", "value=\"nouvelle@carsat.example\""] {
        assert!(page.contains(typed), "{typed} stays where it was typed");
    }
    let made = account(&house, NEW).await;
    assert!(made.role == Role::Agent && made.mailboxes.is_empty() && made.organisation == Some(organisation));
    let link = link_to(&house, NEW).await;
    let chosen = format!("new={0}&again={0}", CHOSEN.replace(' ', "+"));
    assert_eq!(ask(&pages(&house), Method::POST, &link, "", &chosen).await.0, StatusCode::SEE_OTHER);
    let agent = now_of(&house, made.id).await;
    assert!(agent.is_active() && !agent.reads(house.pensions.id), "an account is no mailbox (P7)");

    let made_up = create.replace(&organisation.to_string(), "00112233445566778899aabbccddeeff");
    let made_up = made_up.replace("nouvelle", "autre.nouvelle");
    assert_eq!(post(&house, &fund, &made_up).await, StatusCode::UNPROCESSABLE_ENTITY);
    let by_agent = cookie(&house, AGENT, PASSWORD).await;
    assert_eq!(post(&house, &by_agent, &create).await, StatusCode::FORBIDDEN);
    let officer = cookie(&house, "securite@carsat.example", PASSWORD).await;
    assert_eq!(
        post(&house, &officer, &create).await,
        StatusCode::FORBIDDEN,
        "an officer reviews, and makes none"
    );
    let refused = log(&house).await.into_iter().filter(|event| event.action == Action::AccountCreated);
    let refused = refused.filter(|event| event.outcome == Outcome::Refused(RefusalReason::NotEntitled));
    assert_eq!(refused.count(), 2);
}

#[tokio::test]
async fn who_is_deactivated_is_out_at_once_and_comes_back_and_who_was_cut_off_comes_back_without_mailboxes() {
    let house = House::build().await;
    administrator(&house).await;
    let (fund, agent) = (cookie(&house, FUND, PASSWORD).await, cookie(&house, AGENT, PASSWORD).await);
    let id = account(&house, AGENT).await.id;
    let act =
        async |action: &str| post(&house, &fund, &format!("action={action}&compte={id}&nom=Anne+Roux")).await;
    let desk = async |cookie: &str| ask(&pages(&house), Method::GET, "/boites", cookie, "").await.0;
    assert_eq!(desk(&agent).await, StatusCode::OK);
    assert_eq!(act("renommer").await, StatusCode::SEE_OTHER);
    assert_eq!(now_of(&house, id).await.name, "Anne Roux");
    assert_eq!(act("desactiver").await, StatusCode::SEE_OTHER);
    assert_eq!(desk(&agent).await, StatusCode::SEE_OTHER, "the session is over");
    assert_eq!(act("desactiver").await, StatusCode::UNPROCESSABLE_ENTITY, "it is so already");
    assert_eq!(act("reactiver").await, StatusCode::SEE_OTHER);
    let back = now_of(&house, id).await;
    assert!(back.is_active() && back.reads(house.pensions.id));
    assert_eq!(act("lien").await, StatusCode::SEE_OTHER, "a link to choose a password");

    let agent = cookie(&house, AGENT, PASSWORD).await;
    assert_eq!(act("couper").await, StatusCode::SEE_OTHER);
    assert_eq!(desk(&agent).await, StatusCode::SEE_OTHER);
    assert_eq!(act("reactiver").await, StatusCode::SEE_OTHER);
    let back = now_of(&house, id).await;
    assert!(matches!(back.state, AccountState::Invited { .. }), "by a new link alone: {:?}", back.state);
    assert_eq!(back.mailboxes, Vec::<MailboxId>::new());
    let officer = account(&house, "securite@carsat.example").await.id;
    let other = post(&house, &fund, &format!("action=couper&compte={officer}")).await;
    assert_eq!(other, StatusCode::UNPROCESSABLE_ENTITY, "of the fund's people agents alone");
}

#[tokio::test]
async fn the_last_who_opens_a_mailbox_is_not_deactivated() {
    let house = members_house().await;
    let (id, by) = (account(&house, MEMBER).await.id, By::operator(Origin::Cli));
    let change = AgentChange::Account(pli::app::AccountChange::Deactivate);
    let refused = house.app.change_agent(by, id, change).await;
    assert!(matches!(refused, Err(PeopleError::LastMember)), "{refused:?}");
    assert!(now_of(&house, id).await.is_active());
    house.app.change_agent(by, id, AgentChange::CutOff).await.unwrap();
}

#[tokio::test]
async fn the_rights_of_the_house_are_listed_confirmed_and_exported() {
    let house = House::build().await;
    administrator(&house).await;
    for who in [FUND, "securite@carsat.example"] {
        let cookie = cookie(&house, who, PASSWORD).await;
        let (status, _, page) = ask(&pages(&house), Method::GET, "/comptes", &cookie, "").await;
        assert!(status == StatusCode::OK && page.contains(AGENT) && page.contains("pensions"), "{page}");
        assert_eq!(page.contains("value=\"creer\""), who == FUND, "{page}");
        assert_eq!(post(&house, &cookie, "action=confirmer").await, StatusCode::SEE_OTHER);
        let (_, headers, table) = ask(&pages(&house), Method::GET, "/comptes.csv", &cookie, "").await;
        assert!(headers["content-type"].to_str().unwrap().starts_with("text/csv"));
        assert!(table.contains(AGENT) && table.contains("agent"), "{table}");
    }
    let signed = house.sign_in("securite@carsat.example").await;
    let review = house.app.house_review(&signed, visitor()).await.unwrap();
    assert_eq!(review.confirmed_at, Some(house.app.now().at), "the log knows who confirmed, and when");
    let done = log(&house).await.into_iter().filter(|event| event.action == Action::RightsReviewed);
    assert_eq!(done.filter(|event| event.outcome == Outcome::Done).count(), 2);
    let agent = cookie(&house, AGENT, PASSWORD).await;
    for path in ["/comptes", "/comptes.csv"] {
        assert_eq!(ask(&pages(&house), Method::GET, path, &agent, "").await.0, StatusCode::FORBIDDEN);
    }
}

#[tokio::test]
async fn what_one_fund_confirms_is_not_confirmed_for_another() {
    let house = House::build().await;
    let other = OrganisationId::new([9; 16]);
    for (who, organisation) in [(FUND, house.pensions.organisation), ("droits@cpam.example", other)] {
        administrator_of(&house, who, Some(organisation)).await;
    }
    let (own, others) = (house.sign_in(FUND).await, house.sign_in("droits@cpam.example").await);
    house.app.confirm_house(By::person(&own, visitor())).await.unwrap();
    let confirmed = async |signed| house.app.house_review(signed, visitor()).await.unwrap().confirmed_at;
    assert_eq!(confirmed(&own).await, Some(house.app.now().at));
    assert_eq!(confirmed(&others).await, None, "nobody of that fund saw those accounts");
}
