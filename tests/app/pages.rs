//! The pages' own rules that need a whole house: what a HEAD does not do, and who has to wait.

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::{Method, Request, StatusCode};
use axum::response::Response;
use pli::audit::Action;
use pli::identity::Password;
use pli::web::{WebConfig, router};
use tower::ServiceExt;

use crate::house::{DEPOSITOR, House, PASSWORD, address, visitor};

fn pages(house: &House) -> Router {
    router(house.app.clone(), WebConfig { secure_cookies: false, demo: None })
}

async fn asked(pages: &Router, method: Method, path: &str, cookie: &str) -> Response {
    let request = Request::builder().method(method).uri(path).header(COOKIE, cookie);
    pages.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap()
}

fn form(path: &str, body: &str) -> Request<Body> {
    let request = Request::builder().method(Method::POST).uri(path);
    let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
    request.body(Body::from(body.to_owned())).unwrap()
}

async fn posted(pages: &Router, path: &str, body: &str) -> StatusCode {
    pages.clone().oneshot(form(path, body)).await.unwrap().status()
}

/// The cookie of a session of the agent.
async fn session(house: &House) -> String {
    let password = Password::new(PASSWORD.into());
    let token = house.app.sign_in(Some(address("agent@carsat.example")), password, visitor()).await.unwrap();
    format!("pli_session={}", token.expose())
}

async fn deposit_page(house: &House) -> String {
    let organisation = house.app.organisations().await.unwrap().remove(0).slug;
    format!("/depot/{organisation}/{}", house.pensions.slug)
}

#[tokio::test]
async fn a_head_tells_the_size_and_is_no_download() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let (pages, cookie) = (pages(&house), session(&house).await);
    let file = format!("/transferts/{reference}/fichiers/1");
    let archive = format!("/transferts/{reference}/tout.zip");

    let before = house.events().await;
    let head = asked(&pages, Method::HEAD, &file, &cookie).await;
    assert_eq!(head.status(), StatusCode::OK);
    assert_eq!(head.headers()[CONTENT_LENGTH], b"%PDF-1.7 synthetic".len().to_string());
    assert_eq!(asked(&pages, Method::HEAD, &archive, &cookie).await.status(), StatusCode::OK);
    assert_eq!(house.events().await, before, "a HEAD was logged as a download");

    assert_ne!(asked(&pages, Method::HEAD, &file, "").await.status(), StatusCode::OK, "rights are checked");
    let got = asked(&pages, Method::GET, &file, &cookie).await;
    assert_eq!(to_bytes(got.into_body(), 1024).await.unwrap(), "%PDF-1.7 synthetic");
    assert!(house.events().await.contains(&Action::FileDownloaded));
}

#[tokio::test]
async fn downloads_that_nobody_reads_leave_later_ones_a_page_that_says_so() {
    let house = House::build().await;
    let draft = house.draft().await;
    house.add_file(&draft, "numérisation.pdf", &vec![7; 600_000]).await;
    let reference = house.send(&draft, "Demande urgente").await.unwrap().reference;
    let (pages, cookie) = (pages(&house), session(&house).await);
    let file = format!("/transferts/{reference}/fichiers/1");

    let mut unread = Vec::new();
    for _ in 0..64 {
        let response = asked(&pages, Method::GET, &file, &cookie).await;
        assert_eq!(response.status(), StatusCode::OK);
        unread.push(response);
    }
    assert_eq!(asked(&pages, Method::GET, &file, &cookie).await.status(), StatusCode::SERVICE_UNAVAILABLE);
    assert_eq!(asked(&pages, Method::HEAD, &file, &cookie).await.status(), StatusCode::OK);
}

#[tokio::test]
async fn wrong_codes_count_as_failures() {
    let house = House::build().await;
    let (pages, page) = (pages(&house), deposit_page(&house).await);
    let asking = pages.clone().oneshot(form(&page, "address=personne%40ailleurs.example")).await.unwrap();
    let cookie = asking.headers()[SET_COOKIE].to_str().unwrap().split(';').next().unwrap().to_owned();
    let code = async || {
        let mut request = form(&format!("{page}/code"), "code=12345678");
        request.headers_mut().insert(COOKIE, cookie.parse().unwrap());
        pages.clone().oneshot(request).await.unwrap().status()
    };
    for _ in 0..20 {
        assert_eq!(code().await, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(code().await, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn who_asks_for_links_without_end_waits_whatever_the_address() {
    let house = House::build().await;
    let (pages, page) = (pages(&house), deposit_page(&house).await);
    let known = format!("address={}", DEPOSITOR.replace('@', "%40"));
    for round in 0..60 {
        let body = if round % 2 == 0 { &known } else { "address=personne%40ailleurs.example" };
        assert_eq!(posted(&pages, &page, body).await, StatusCode::OK, "ask {round}");
    }
    for body in [known.as_str(), "address=personne%40ailleurs.example"] {
        assert_eq!(posted(&pages, &page, body).await, StatusCode::TOO_MANY_REQUESTS);
    }
}

#[tokio::test]
async fn a_sign_in_that_is_broken_off_counts_and_one_that_succeeds_is_forgotten() {
    let house = House::build().await;
    let pages = pages(&house);
    let wrong = "address=agent%40carsat.example&password=faux";
    let right = format!("address=agent%40carsat.example&password={}", PASSWORD.replace(' ', "+"));
    for _ in 0..9 {
        let broken_off = pages.clone().oneshot(form("/connexion", wrong));
        assert!(tokio::time::timeout(Duration::ZERO, broken_off).await.is_err(), "hangs up at once");
    }
    assert_eq!(posted(&pages, "/connexion", &right).await, StatusCode::SEE_OTHER);
    for _ in 0..10 {
        let broken_off = pages.clone().oneshot(form("/connexion", wrong));
        assert!(tokio::time::timeout(Duration::ZERO, broken_off).await.is_err(), "hangs up at once");
    }
    assert_eq!(posted(&pages, "/connexion", wrong).await, StatusCode::TOO_MANY_REQUESTS);
}
