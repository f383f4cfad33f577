//! Structures and their people (P1, P3, P5, P6): who appoints whom, what a deactivated person can still do, exclusion; over the
//! real pages where a page is what people have.

use axum::Router;
use axum::http::{Method, StatusCode};
use pli::app::ports::Key;
use pli::app::{AccountChange, By, PeopleError, Visitor};
use pli::audit::{Action, Origin, Outcome, RefusalReason};
use pli::identity::{Account, AccountState, Admission, Agreement, Partner, Password, Role};
use pli::value::{AccountId, Language, Millis, PartnerId, Token};
use pli::web::{WebConfig, router};

use crate::custody_house::{account, log};
use crate::entry::{ask, council, invite, link_to};
use crate::house::{DEPOSITOR, House, PASSWORD, address, mail_text, visitor};

const MANAGER: &str = "gestion@departement.example";
const SECOND: &str = "adjoint@departement.example";
const FUND: &str = "droits@carsat.example";
const NEW: &str = "cheval agrafe pile correcte";
const OPERATOR: By<'static> = By::operator(Origin::Cli);

fn pages(house: &House) -> Router {
    router(house.app.clone(), WebConfig { secure_cookies: false, demo: None })
}

/// An account of the council, activated.
async fn active(house: &House, role: Role, who: &str) -> Account {
    let made = invite(house, role, who).await.unwrap();
    let mailed = made.professional_address().to_string();
    let link = link_to(house, &mailed).await;
    let token = Token::parse(link.rsplit('/').next().unwrap()).unwrap();
    house.app.choose_password(&token, Password::new(NEW.into()).unwrap(), visitor()).await.unwrap();
    account(house, &made.address.to_string()).await
}

/// Somebody of the fund who looks after rights.
async fn administrator(house: &House) {
    let new = pli::app::NewAccount {
        address: address(FUND),
        name: "Yann Le Bihan".into(),
        role: Role::Administrator,
        organisation: None,
        partner: None,
        mailboxes: vec![],
        password: Password::new(PASSWORD.into()).unwrap(),
        language: Language::Fr,
    };
    house.app.create_account(new, Origin::Cli).await.unwrap();
}

async fn cookie(house: &House, who: &str, password: &str) -> String {
    let token =
        house.app.sign_in(Some(address(who)), Password::new(password.into()), visitor()).await.unwrap();
    format!("pli_session={}", token.expose())
}

async fn now_of(house: &House, id: AccountId) -> Account {
    Account::try_from(house.record(&Key::Account(id)).await.unwrap()).unwrap()
}

/// The council's agreement with the mailbox admits by name alone, and names nobody.
async fn listed_only(house: &House) {
    let key = Key::Agreement((house.pensions.id, PartnerId::new([2; 16])));
    let known = Agreement::try_from(house.record(&key).await.unwrap()).unwrap();
    let listed = Agreement { admission: Admission::Listed([].into()), ..known };
    house.app.put_agreement(listed, Origin::Cli).await.unwrap();
}

/// Whether an address is sent a link to deposit.
async fn may_deposit(house: &House, who: &str) -> bool {
    let before = house.mails_to(who).await.len();
    house.app.request_proof(&house.pensions, address(who), Language::Fr, visitor()).await.unwrap();
    house.mails_to(who).await.len() > before
}

#[tokio::test]
async fn the_fund_appoints_a_gestionnaire_who_creates_a_technicien_who_deposits() {
    let house = House::build().await;
    listed_only(&house).await;
    administrator(&house).await;
    let (pages, fund) = (pages(&house), cookie(&house, FUND, PASSWORD).await);
    let path = format!("/structures/{}", council(&house).await.id);
    let (status, _, list) = ask(&pages, Method::GET, "/structures", &fund, "").await;
    assert!(status == StatusCode::OK && list.contains(&path), "{list}");

    let body = "action=nommer&nom=Nolwenn+Sala%C3%BCn&adresse=gestion%40departement.example&langue=fr";
    assert_eq!(ask(&pages, Method::POST, &path, &fund, body).await.0, StatusCode::SEE_OTHER);
    let link = link_to(&house, MANAGER).await;
    let chosen = format!("new={0}&again={0}", NEW.replace(' ', "+"));
    assert_eq!(ask(&pages, Method::POST, &link, "", &chosen).await.0, StatusCode::SEE_OTHER);

    let manager = cookie(&house, MANAGER, NEW).await;
    let (status, headers, _) = ask(&pages, Method::GET, "/structure", &manager, "").await;
    assert_eq!((status, headers["location"].to_str().unwrap()), (StatusCode::SEE_OTHER, path.as_str()));
    assert!(!may_deposit(&house, DEPOSITOR).await, "nobody is listed yet");
    let body = "action=creer&nom=Jeanne+Martin&adresse=jeanne.martin%40departement.example&langue=fr";
    assert_eq!(ask(&pages, Method::POST, &path, &manager, body).await.0, StatusCode::SEE_OTHER);
    assert!(!may_deposit(&house, DEPOSITOR).await, "an account that is not activated lists nobody");
    let link = link_to(&house, DEPOSITOR).await;
    assert_eq!(ask(&pages, Method::POST, &link, "", &chosen).await.0, StatusCode::SEE_OTHER);
    assert!(may_deposit(&house, DEPOSITOR).await, "an active technicien is listed");
    let (_, _, page) = ask(&pages, Method::GET, &path, &manager, "").await;
    assert!(page.contains("Jeanne Martin") && page.contains("name=\"action\" value=\"creer\""), "{page}");
    assert!(!page.contains("value=\"nommer\"") && !page.contains("value=\"suspendre\""), "{page}");
    let (_, headers, table) = ask(&pages, Method::GET, &format!("{path}/comptes.csv"), &manager, "").await;
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert!(table.contains("Jeanne Martin") && table.contains("technicien"), "{table}");
}

#[tokio::test]
async fn addresses_are_of_the_structure_s_domains_and_at_most_five_are_appointed() {
    let house = House::build().await;
    let outside = invite(&house, Role::Gestionnaire, "gestion@ailleurs.example").await;
    assert!(matches!(outside, Err(PeopleError::OutsideDomains)), "{outside:?}");
    for number in 1..=5 {
        invite(&house, Role::Gestionnaire, &format!("g{number}@departement.example")).await.unwrap();
    }
    let sixth = invite(&house, Role::Gestionnaire, "g6@departement.example").await;
    assert!(matches!(sixth, Err(PeopleError::TooMany { limit: 5 })), "{sixth:?}");
    invite(&house, Role::Technicien, "g6@departement.example").await.unwrap();
    let taken = invite(&house, Role::Technicien, "g6@departement.example").await;
    assert!(matches!(taken, Err(PeopleError::Taken)), "{taken:?}");
}

#[tokio::test]
async fn whoever_holds_both_roles_has_two_accounts_that_are_told_apart_by_the_address_that_signs_in() {
    let house = House::build().await;
    listed_only(&house).await;
    let manager = active(&house, Role::Gestionnaire, MANAGER).await;
    let second = active(&house, Role::Technicien, MANAGER).await;
    assert_eq!(second.address.to_string(), "gestion+technicien@departement.example");
    assert_ne!(manager.id, second.id);
    assert!(may_deposit(&house, MANAGER).await, "deposits are made with the professional address");
    house.app.change_account(OPERATOR, second.id, AccountChange::Deactivate).await.unwrap();
    assert!(!may_deposit(&house, MANAGER).await);
    assert!(now_of(&house, manager.id).await.is_active(), "the other account is another one");
}

#[tokio::test]
async fn a_structure_keeps_one_gestionnaire_and_its_techniciens_stay() {
    let house = House::build().await;
    let first = active(&house, Role::Gestionnaire, MANAGER).await;
    let technicien = active(&house, Role::Technicien, DEPOSITOR).await;
    let deactivate = async |id| house.app.change_account(OPERATOR, id, AccountChange::Deactivate).await;
    assert!(matches!(deactivate(first.id).await, Err(PeopleError::LastGestionnaire)));
    invite(&house, Role::Gestionnaire, SECOND).await.unwrap();
    assert!(
        matches!(deactivate(first.id).await, Err(PeopleError::LastGestionnaire)),
        "an invited one may never come"
    );
    let second = account(&house, SECOND).await;
    let token = Token::parse(link_to(&house, SECOND).await.rsplit('/').next().unwrap()).unwrap();
    house.app.choose_password(&token, Password::new(NEW.into()).unwrap(), visitor()).await.unwrap();
    deactivate(first.id).await.unwrap();
    assert!(now_of(&house, technicien.id).await.is_active());
    // The other one looks after the techniciens that the first one created.
    let (pages, cookie) = (pages(&house), cookie(&house, SECOND, NEW).await);
    let path = format!("/structures/{}", council(&house).await.id);
    let body = format!("action=renommer&compte={}&nom=Jeanne+Le+Bris", technicien.id);
    assert_eq!(ask(&pages, Method::POST, &path, &cookie, &body).await.0, StatusCode::SEE_OTHER);
    assert_eq!(now_of(&house, technicien.id).await.name, "Jeanne Le Bris");
    let body = format!("action=desactiver&compte={}", second.id);
    assert_eq!(
        ask(&pages, Method::POST, &path, &cookie, &body).await.0,
        StatusCode::FORBIDDEN,
        "only the fund"
    );
}

#[tokio::test]
async fn a_deactivated_technicien_is_refused_at_once_by_sessions_links_proofs_and_drafts() {
    let house = House::build().await;
    active(&house, Role::Gestionnaire, MANAGER).await;
    let technicien = active(&house, Role::Technicien, DEPOSITOR).await;
    let token =
        house.app.sign_in(Some(address(DEPOSITOR)), Password::new(NEW.into()), visitor()).await.unwrap();
    let draft = house.draft().await;
    house.add_file(&draft, "avis.pdf", b"%PDF-1.7 synthetic").await;
    let asked =
        house.app.request_proof(&house.pensions, address(DEPOSITOR), Language::Fr, visitor()).await.unwrap();
    let manager =
        house.app.sign_in(Some(address(MANAGER)), Password::new(NEW.into()), visitor()).await.unwrap();
    let manager = house.app.signed(&manager, visitor()).await.unwrap().unwrap();
    house
        .app
        .change_account(By::person(&manager, visitor()), technicien.id, AccountChange::Deactivate)
        .await
        .unwrap();

    assert!(house.app.signed(&token, visitor()).await.unwrap().is_none());
    assert!(house.app.draft(draft.0, &draft.1).await.unwrap().is_none(), "the open draft is shut");
    assert!(house.record(&Key::Proof(asked.proof)).await.is_none(), "the proof is void");
    assert!(!may_deposit(&house, DEPOSITOR).await, "though the agreement admits the whole domain");
    let mail = format!("From: {DEPOSITOR}\nTo: pensions@pli.example\nSubject: Demande\n\nBonjour\n");
    let relay = Visitor { address: [198, 51, 100, 9].into() };
    assert!(house.mail_in(Some(DEPOSITOR), &mail, relay).await.is_err(), "nor by mail");
    assert!(house.app.sign_in(Some(address(DEPOSITOR)), Password::new(NEW.into()), visitor()).await.is_err());
    assert!(house.events().await.contains(&Action::AccountDeactivated));

    let by = By::person(&manager, visitor());
    house.app.change_account(by, technicien.id, AccountChange::Reactivate).await.unwrap();
    assert!(may_deposit(&house, DEPOSITOR).await);
}

#[tokio::test]
async fn fraud_cuts_an_account_and_its_address_off_and_the_structure_is_told() {
    let house = House::build().await;
    administrator(&house).await;
    active(&house, Role::Gestionnaire, MANAGER).await;
    let technicien = active(&house, Role::Technicien, DEPOSITOR).await;
    let draft = house.draft().await;
    let (pages, fund) = (pages(&house), cookie(&house, FUND, PASSWORD).await);
    let manager = cookie(&house, MANAGER, NEW).await;
    let path = format!("/structures/{}", council(&house).await.id);
    let body = format!("action=couper&compte={}", technicien.id);
    assert_eq!(ask(&pages, Method::POST, &path, &manager, &body).await.0, StatusCode::FORBIDDEN);
    assert_eq!(ask(&pages, Method::POST, &path, &fund, &body).await.0, StatusCode::SEE_OTHER);
    assert!(matches!(now_of(&house, technicien.id).await.state, AccountState::CutOff { .. }));
    assert!(council(&house).await.blocked.contains(&address(DEPOSITOR)));
    assert!(house.app.draft(draft.0, &draft.1).await.unwrap().is_none());
    assert!(!may_deposit(&house, DEPOSITOR).await);
    let told = house.mails_to(MANAGER).await.into_iter().map(|mail| mail_text(&mail)).collect::<String>();
    assert!(told.contains(DEPOSITOR) && told.contains("coupé"), "{told}");
    assert!(house.events().await.contains(&Action::AddressBlocked));

    let body = format!("action=reactiver&compte={}", technicien.id);
    assert_eq!(
        ask(&pages, Method::POST, &path, &manager, &body).await.0,
        StatusCode::FORBIDDEN,
        "only the fund"
    );
    house.app.change_account(OPERATOR, technicien.id, AccountChange::Reactivate).await.unwrap();
    assert!(
        matches!(now_of(&house, technicien.id).await.state, AccountState::Invited { .. }),
        "by a new link alone"
    );
    assert!(!council(&house).await.blocked.contains(&address(DEPOSITOR)));
    let events = house.events().await;
    assert!(events.contains(&Action::AddressUnblocked) && events.contains(&Action::RightsChanged));
}

#[tokio::test]
async fn a_suspended_structure_deposits_nothing_and_its_open_drafts_are_shut() {
    let house = House::build().await;
    administrator(&house).await;
    active(&house, Role::Gestionnaire, MANAGER).await;
    let draft = house.draft().await;
    let (pages, fund) = (pages(&house), cookie(&house, FUND, PASSWORD).await);
    let path = format!("/structures/{}", council(&house).await.id);
    assert_eq!(ask(&pages, Method::POST, &path, &fund, "action=suspendre").await.0, StatusCode::SEE_OTHER);
    assert!(house.app.draft(draft.0, &draft.1).await.unwrap().is_none());
    assert!(!may_deposit(&house, DEPOSITOR).await);
    let told = house.mails_to(MANAGER).await.into_iter().map(|mail| mail_text(&mail)).collect::<String>();
    assert!(told.contains("suspendue"), "{told}");
    assert_eq!(
        ask(&pages, Method::POST, &path, &fund, "action=suspendre").await.0,
        StatusCode::UNPROCESSABLE_ENTITY
    );
    assert_eq!(ask(&pages, Method::POST, &path, &fund, "action=reprendre").await.0, StatusCode::SEE_OTHER);
    assert!(house.app.draft(draft.0, &draft.1).await.unwrap().is_some());
    let events = house.events().await;
    assert!(events.contains(&Action::PartnerSuspended) && events.contains(&Action::PartnerChanged));
}

#[tokio::test]
async fn the_pages_of_structures_are_refused_to_everybody_else_and_the_refusal_is_logged() {
    let house = House::build().await;
    active(&house, Role::Gestionnaire, MANAGER).await;
    active(&house, Role::Technicien, DEPOSITOR).await;
    let other = Partner { id: PartnerId::new([9; 16]), name: "Autre".into(), ..council(&house).await };
    house.app.put_partner(other.clone(), Origin::Cli).await.unwrap();
    let pages = pages(&house);
    let own = format!("/structures/{}", council(&house).await.id);
    let elsewhere = format!("/structures/{}", other.id);
    for (who, password, path, expected) in [
        ("agent@carsat.example", PASSWORD, "/structures", StatusCode::FORBIDDEN),
        ("agent@carsat.example", PASSWORD, own.as_str(), StatusCode::FORBIDDEN),
        (DEPOSITOR, NEW, own.as_str(), StatusCode::FORBIDDEN),
        (MANAGER, NEW, "/structures", StatusCode::FORBIDDEN),
        (MANAGER, NEW, elsewhere.as_str(), StatusCode::FORBIDDEN),
        (MANAGER, NEW, own.as_str(), StatusCode::OK),
        ("securite@carsat.example", PASSWORD, own.as_str(), StatusCode::OK),
    ] {
        let cookie = cookie(&house, who, password).await;
        assert_eq!(ask(&pages, Method::GET, path, &cookie, "").await.0, expected, "{who} {path}");
        let posted = ask(&pages, Method::POST, path, &cookie, "action=suspendre").await.0;
        assert!(
            matches!(posted, StatusCode::FORBIDDEN | StatusCode::METHOD_NOT_ALLOWED),
            "{who} {path} {posted}"
        );
    }
    assert!(!council(&house).await.suspended);
    let refused = Outcome::Refused(RefusalReason::NotEntitled);
    assert!(
        log(&house)
            .await
            .iter()
            .any(|event| event.action == Action::RightsReviewed && event.outcome == refused)
    );
    house.clock.advance(Millis(1));
}
