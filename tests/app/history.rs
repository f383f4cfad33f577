//! The history of deposits (D11): a depositor's own after the proof of the address, a structure's for its gestionnaires; no
//! content in either.

use axum::Router;
use axum::http::{Method, StatusCode};
use pli::app::ports::{Change, Key, List, UnitOfWork};
use pli::audit::{Action, Origin};
use pli::identity::{Agreement, Password, Role, Service};
use pli::transfer::{FormCodes, Transfer};
use pli::value::{Millis, PartnerId, Token};
use pli::web::{WebConfig, router};

use crate::entry::{ask, council, invite, link_to};
use crate::house::{DEPOSITOR, House, address, mail_text, visitor};

const MANAGER: &str = "gestion@departement.example";
const NEW: &str = "cheval agrafe pile correcte";

fn pages(house: &House) -> Router {
    router(house.app.clone(), WebConfig { secure_cookies: false, demo: None })
}

async fn manager(house: &House) -> String {
    invite(house, Role::Gestionnaire, MANAGER).await.unwrap();
    let token = Token::parse(link_to(house, MANAGER).await.rsplit('/').next().unwrap()).unwrap();
    house.app.choose_password(&token, Password::new(NEW.into()).unwrap(), visitor()).await.unwrap();
    let cookie =
        house.app.sign_in(Some(address(MANAGER)), Password::new(NEW.into()), visitor()).await.unwrap();
    format!("pli_session={}", cookie.expose())
}

/// The link to the own history that was mailed last.
async fn history_link(house: &House, who: &str) -> Option<String> {
    let mails = house.mails_to(who).await.into_iter().rev().map(|mail| mail_text(&mail));
    let text = mails.into_iter().find(|text| text.contains("/suivi/liste/"))?;
    let token = text.split("/suivi/liste/").nth(1)?.split_whitespace().next()?;
    Some(format!("/suivi/liste/{token}"))
}

async fn without_tracking(house: &House) {
    let key = Key::Agreement((house.pensions.id, PartnerId::new([2; 16])));
    let mut known = Agreement::try_from(house.record(&key).await.unwrap()).unwrap();
    known.terms.services.remove(&Service::Tracking);
    house.app.put_agreement(known, Origin::Cli).await.unwrap();
}

#[tokio::test]
async fn a_depositor_sees_all_own_deposits_without_content_after_proving_the_address() {
    let house = House::build().await;
    let first = house.deposit().await;
    house.clock.advance(Millis::hours(2));
    let second = house.deposit().await;
    let pages = pages(&house);
    let body = format!("address={}", DEPOSITOR.replace('@', "%40"));
    let asked = ask(&pages, Method::POST, "/suivi", "", &body).await;
    let stranger = ask(&pages, Method::POST, "/suivi", "", "address=inconnu%40ailleurs.example").await;
    assert_eq!((asked.0, stranger.0), (StatusCode::OK, StatusCode::OK));
    let without = |page: &str, who: &str| page.replace(who, "");
    assert_eq!(without(&asked.2, DEPOSITOR), without(&stranger.2, "inconnu@ailleurs.example"));
    assert!(house.mails_to("inconnu@ailleurs.example").await.is_empty());

    let link = history_link(&house, DEPOSITOR).await.unwrap();
    let before = house.events().await;
    let (_, _, page) = ask(&pages, Method::GET, &link, "", "").await;
    assert!(!page.contains(first.as_str()) && house.events().await == before, "a robot learns nothing");
    let (status, _, page) = ask(&pages, Method::POST, &link, "", "").await;
    assert_eq!(status, StatusCode::OK);
    let (newer, older) = (page.find(second.as_str()).unwrap(), page.find(first.as_str()).unwrap());
    assert!(newer < older, "newest first");
    assert!(
        !page.contains("Demande urgente") && !page.contains("avis de situation"),
        "no title, no file name"
    );
    assert!(house.events().await.contains(&Action::DepositHistoryListed));

    house.clock.advance(Millis::days(21));
    house.app.upkeep().await.unwrap();
    ask(&pages, Method::POST, "/suivi", "", &body).await;
    let link = history_link(&house, DEPOSITOR).await.unwrap();
    let (_, _, page) = ask(&pages, Method::POST, &link, "", "").await;
    assert!(page.contains(first.as_str()) && page.contains("contenu détruit"), "{page}");
}

#[tokio::test]
async fn a_link_for_a_deposit_opens_no_history_and_the_other_way_round() {
    let house = House::build().await;
    house.deposit().await;
    let pages = pages(&house);
    house
        .app
        .request_proof(&house.pensions, address(DEPOSITOR), pli::value::Language::Fr, visitor())
        .await
        .unwrap();
    let mails = house.mails_to(DEPOSITOR).await.into_iter().rev().map(|mail| mail_text(&mail));
    let text = mails.into_iter().find(|text| text.contains("/depot/lien/")).unwrap();
    let token = text.split("/depot/lien/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    assert_eq!(ask(&pages, Method::POST, &format!("/suivi/liste/{token}"), "", "").await.0, StatusCode::GONE);
    let body = format!("address={}", DEPOSITOR.replace('@', "%40"));
    ask(&pages, Method::POST, "/suivi", "", &body).await;
    let link = history_link(&house, DEPOSITOR).await.unwrap();
    let token = link.rsplit('/').next().unwrap();
    assert_eq!(ask(&pages, Method::POST, &format!("/depot/lien/{token}"), "", "").await.0, StatusCode::GONE);
    assert_eq!(ask(&pages, Method::POST, &format!("/suivi/lien/{token}"), "", "").await.0, StatusCode::GONE);
}

#[tokio::test]
async fn a_gestionnaire_sees_and_filters_the_structure_s_history_and_takes_it_along_as_a_table() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let (pages, cookie) = (pages(&house), manager(&house).await);
    let path = format!("/structures/{}/historique", council(&house).await.id);
    let get = async |query: &str| ask(&pages, Method::GET, &format!("{path}{query}"), &cookie, "").await;
    let (status, _, page) = get("").await;
    assert!(status == StatusCode::OK && page.contains(reference.as_str()), "{page}");
    assert!(!page.contains("Demande urgente"), "no title");
    for (query, expected) in [
        ("?etat=non-ouvert", true),
        ("?etat=ouvert", false),
        ("?site=Ailleurs", false),
        ("?du=2001-01-01&au=2001-01-02", false),
        ("?du=2001-01-01", true),
        (&format!("?boite={}", house.pensions.id), true),
    ] {
        assert_eq!(get(query).await.2.contains(reference.as_str()), expected, "{query}");
    }
    assert_eq!(get("?etat=autre").await.0, StatusCode::BAD_REQUEST);
    let (_, headers, table) =
        ask(&pages, Method::GET, &format!("{path}.csv?etat=non-ouvert"), &cookie, "").await;
    assert!(headers["content-type"].to_str().unwrap().starts_with("text/csv"));
    assert!(table.contains(reference.as_str()) && table.lines().count() == 2, "{table}");
    house
        .app
        .open_transfer(&house.sign_in("agent@carsat.example").await, &reference, visitor())
        .await
        .unwrap();
    assert!(get("?etat=ouvert").await.2.contains(reference.as_str()));
    let agent = crate::register_pages::Visit::of(&house, "agent@carsat.example").await;
    let given =
        format!("jour={}&par=telephone", pli::value::calendar::local_day(house.app.now().at).unwrap());
    agent.ask(Method::POST, &format!("/transferts/{reference}/reponse-donnee"), &given).await;
    assert!(!get("?etat=ouvert").await.2.contains(reference.as_str()));
    let page = get("?etat=repondu").await.2;
    assert!(
        page.contains(reference.as_str()) && page.contains("<td role=\"cell\" data-label=\"État\">répondu"),
        "{page}"
    );
    assert!(house.events().await.contains(&Action::DepositHistoryListed));

    // The site that the form names is the deposit's.
    let found = house.app.store.list(&List::TransferByReference(reference.clone()), 1).await.unwrap();
    let transfer = Transfer::try_from(found.into_iter().next().unwrap().record).unwrap();
    let form = FormCodes { site: Some("Pays de Redon".into()), ..FormCodes::default() };
    let changed = Transfer { form: Some(Box::new(form)), ..transfer };
    let unit = UnitOfWork { changes: vec![Change::Put(changed.into())], ..UnitOfWork::default() };
    house.app.store.commit(unit).await.unwrap();
    assert!(get("?site=Pays+de+Redon").await.2.contains(reference.as_str()));
    assert!(!get("?site=Pays+de+Vitr%C3%A9").await.2.contains(reference.as_str()));

    without_tracking(&house).await;
    assert!(!get("").await.2.contains(reference.as_str()), "the agreement decides");
}

#[tokio::test]
async fn the_agreement_decides_whether_depositors_follow_and_excluded_people_see_nothing() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let (pages, body) = (pages(&house), format!("address={}", DEPOSITOR.replace('@', "%40")));
    ask(&pages, Method::POST, "/suivi", "", &body).await;
    let link = history_link(&house, DEPOSITOR).await.unwrap();
    without_tracking(&house).await;
    let (_, _, page) = ask(&pages, Method::POST, &link, "", "").await;
    assert!(!page.contains(reference.as_str()), "{page}");
    let by = pli::app::By::operator(Origin::Cli);
    house.app.block_address(by, council(&house).await.id, &address(DEPOSITOR), true).await.unwrap();
    assert_eq!(ask(&pages, Method::POST, &link, "", "").await.0, StatusCode::GONE);
}
