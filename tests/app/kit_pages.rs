//! The pages of receipts and of the officer's kits, through their routes: who is let in, what a form that is wrong says,
//! what is downloaded.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION};
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use pli::app::ports::List;
use pli::audit::Action;
use pli::identity::Password;
use pli::web::{WebConfig, router};
use tower::ServiceExt;

use crate::house::{DEPOSITOR, House, PASSWORD, address, visitor};

const BREACH: &str =
    "du=2026-11-01T00%3A00&au=2026-12-01T00%3A00&connaissance=2026-11-18T12%3A00&boite=&compte=&transfert=";

fn pages(house: &House) -> Router {
    router(house.app.clone(), WebConfig { secure_cookies: false, demo: None })
}

async fn session(house: &House, who: &str) -> String {
    let password = Password::new(PASSWORD.into());
    let token = house.app.sign_in(Some(address(who)), password, visitor()).await.unwrap();
    format!("pli_session={}", token.expose())
}

async fn get(pages: &Router, path: &str, cookie: &str) -> Response {
    let request = Request::builder().method(Method::GET).uri(path).header(COOKIE, cookie);
    pages.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

async fn post(pages: &Router, path: &str, cookie: &str, media_type: &str, body: String) -> Response {
    let request = Request::builder().method(Method::POST).uri(path).header(COOKIE, cookie);
    let request = request.header(CONTENT_TYPE, media_type);
    pages.clone().oneshot(request.body(Body::from(body)).unwrap()).await.unwrap()
}

async fn form(pages: &Router, path: &str, cookie: &str, body: &str) -> Response {
    post(pages, path, cookie, "application/x-www-form-urlencoded", body.to_owned()).await
}

async fn text(response: Response) -> String {
    String::from_utf8_lossy(&to_bytes(response.into_body(), 10_000_000).await.unwrap()).into_owned()
}

/// A receipt as the form sends it.
async fn verify(pages: &Router, receipt: &str) -> Response {
    let part = |name: &str, text: &str| {
        format!("--b\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{text}\r\n")
    };
    let body = format!("{}{}--b--\r\n", part("recu", ""), part("texte", receipt));
    post(pages, "/verifier-un-recu", "", "multipart/form-data; boundary=b", body).await
}

async fn receipt(house: &House) -> String {
    house.deposit().await;
    house.prove_receipts().await;
    let list = List::TransfersOf { mailbox: house.pensions.id, before: None };
    let found = house.app.store.list(&list, 1).await.unwrap().pop().unwrap();
    let transfer = pli::transfer::Transfer::try_from(found.record).unwrap();
    house.app.receipt_of(transfer.id).await.unwrap().unwrap().to_string()
}

#[tokio::test]
async fn anyone_verifies_a_receipt_and_a_false_one_is_told_as_false() {
    let house = House::build().await;
    let (pages, receipt) = (pages(&house), receipt(&house).await);
    assert_eq!(get(&pages, "/verifier-un-recu", "").await.status(), StatusCode::OK);
    let good = verify(&pages, &receipt).await;
    assert_eq!(good.status(), StatusCode::OK);
    let good = text(good).await;
    assert!(good.contains("Ce reçu est authentique") && good.contains("carsat/pensions"), "{good}");
    assert!(!good.contains(DEPOSITOR) && !good.contains("Demande urgente"), "it tells nothing more");
    let bad = verify(&pages, &receipt.replace("files 1", "files 2")).await;
    assert_eq!(bad.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(text(bad).await.contains("authentique"));
    assert_eq!(verify(&pages, "bonjour").await.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(verify(&pages, "").await.status(), StatusCode::UNPROCESSABLE_ENTITY);
}

#[tokio::test]
async fn who_verifies_without_end_has_to_wait() {
    let house = House::build().await;
    let (pages, receipt) = (pages(&house), receipt(&house).await);
    for _ in 0..60 {
        assert_eq!(verify(&pages, &receipt).await.status(), StatusCode::OK);
    }
    assert_eq!(verify(&pages, &receipt).await.status(), StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn the_kits_are_the_officers_alone_and_every_other_try_is_logged() {
    let house = House::build().await;
    let (pages, agent) = (pages(&house), session(&house, "agent@carsat.example").await);
    let paths = ["/dossiers", "/dossiers/violation", "/dossiers/traitements", "/dossiers/personne"];
    for path in paths {
        let outsider = get(&pages, path, "").await;
        assert_eq!(outsider.status(), StatusCode::SEE_OTHER, "{path}");
        assert!(outsider.headers()[LOCATION].to_str().unwrap().starts_with("/connexion"));
        assert_eq!(get(&pages, path, &agent).await.status(), StatusCode::FORBIDDEN, "{path}");
    }
    for (path, body) in [("/dossiers/violation", BREACH), ("/dossiers/personne", "adresse=a%40b.example")] {
        assert_eq!(form(&pages, path, &agent, body).await.status(), StatusCode::FORBIDDEN, "{path}");
    }
    assert_eq!(form(&pages, "/dossiers/traitements", &agent, "").await.status(), StatusCode::FORBIDDEN);
    let refused = house.events().await.into_iter().filter(|action| *action == Action::AccessRefused).count();
    assert_eq!(refused, 7);
    let officer = session(&house, "securite@carsat.example").await;
    for path in paths {
        assert_eq!(get(&pages, path, &officer).await.status(), StatusCode::OK, "{path}");
    }
}

#[tokio::test]
async fn a_breach_form_says_what_is_wrong_then_shows_the_kit_and_gives_it_as_a_zip() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let (pages, officer) = (pages(&house), session(&house, "securite@carsat.example").await);
    let path = "/dossiers/violation";
    for (from, to) in [
        ("au=2026-12", "au=2026-10"),
        ("du=2026-11-01T00%3A00", "du="),
        ("transfert=", "transfert=7K3M-9QXD-04TZ"),
        ("compte=", "compte=x"),
    ] {
        let wrong = form(&pages, path, &officer, &BREACH.replacen(from, to, 1)).await;
        assert_eq!(wrong.status(), StatusCode::UNPROCESSABLE_ENTITY, "{to}");
        assert!(text(wrong).await.contains("role=\"alert\""));
    }
    let made = form(&pages, path, &officer, &format!("{BREACH}{reference}")).await;
    assert_eq!(made.status(), StatusCode::OK);
    let made = text(made).await;
    assert!(made.contains("CNIL") && made.contains("samedi 21 novembre 2026 à 12 h 00"), "{made}");
    let zip = form(&pages, path, &officer, &format!("{BREACH}{reference}&action=telecharger")).await;
    assert_eq!(zip.headers()[CONTENT_TYPE], "application/zip");
    assert!(to_bytes(zip.into_body(), 10_000_000).await.unwrap().starts_with(b"PK"));
}

#[tokio::test]
async fn a_persons_request_is_found_exported_and_erased_only_once_confirmed() {
    let house = House::build().await;
    house.deposit().await;
    let (pages, officer) = (pages(&house), session(&house, "securite@carsat.example").await);
    let (path, who) = ("/dossiers/personne", "adresse=jeanne.martin%40departement.example");
    let found = text(form(&pages, path, &officer, &format!("{who}&action=chercher")).await).await;
    assert!(found.contains("Transferts en cours") && found.contains("name=\"confirmation\""), "{found}");
    let zip = form(&pages, path, &officer, &format!("{who}&action=exporter")).await;
    assert_eq!(zip.headers()[CONTENT_TYPE], "application/zip");
    let unconfirmed = form(&pages, path, &officer, &format!("{who}&action=effacer")).await;
    assert_eq!(unconfirmed.status(), StatusCode::UNPROCESSABLE_ENTITY);
    assert!(!house.events().await.contains(&Action::NameErased));
    let erased = form(&pages, path, &officer, &format!("{who}&action=effacer&confirmation=oui")).await;
    assert_eq!(erased.status(), StatusCode::OK);
    assert!(text(erased).await.contains("nom dans la table des personnes"));
    assert!(house.events().await.contains(&Action::NameErased));
    let unknown = form(&pages, path, &officer, "adresse=personne%40ailleurs.example&action=chercher").await;
    assert!(text(unknown).await.contains("Rien n’est détenu"));
}
