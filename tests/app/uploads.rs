//! The pages over the use cases: what a browser or the page's script gets for what it sends.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{ACCEPT, ACCEPT_LANGUAGE, CONTENT_TYPE, COOKIE, LOCATION};
use axum::http::{Request, StatusCode};
use axum::response::Response;
use pli::value::{DraftId, Token};
use pli::web::{WebConfig, router};
use tower::ServiceExt as _;

use crate::house::House;

fn pages(house: &House) -> Router {
    router(house.app.clone(), WebConfig { secure_cookies: false, demo: None })
}

async fn ask(house: &House, request: Request<Body>) -> (StatusCode, Option<String>, String) {
    let response: Response = pages(house).oneshot(request).await.unwrap();
    let status = response.status();
    let location = response.headers().get(LOCATION).map(|path| path.to_str().unwrap().to_owned());
    let body = to_bytes(response.into_body(), 10_000_000).await.unwrap();
    (status, location, String::from_utf8(body.to_vec()).unwrap())
}

fn path(draft: &(DraftId, Token)) -> String {
    format!("/depot/carsat/pensions/brouillon/{}", draft.0)
}

/// A form with these files, and no button pressed, from the page's script or from the browser itself.
fn upload(draft: &(DraftId, Token), by_script: bool, files: &[(&str, &str)]) -> Request<Body> {
    let part = |(name, content): &(&str, &str)| {
        format!(
            "--B\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\n\r\n{content}\r\n"
        )
    };
    let body = files.iter().map(part).collect::<String>() + "--B--\r\n";
    let cookie = format!("pli_draft_{}={}", &draft.0.to_string()[..12], draft.1.expose());
    Request::post(path(draft))
        .header(COOKIE, cookie)
        .header(CONTENT_TYPE, "multipart/form-data; boundary=B")
        .header(ACCEPT, if by_script { "application/json" } else { "text/html" })
        .header(ACCEPT_LANGUAGE, "fr")
        .body(Body::from(body))
        .unwrap()
}

#[tokio::test]
async fn the_script_is_told_what_was_sealed_beside_what_was_not() {
    let house = House::build().await;
    let draft = house.draft().await;
    let request = upload(&draft, true, &[("a.txt", "contenu"), ("vide.txt", "")]);
    let (status, _, body) = ask(&house, request).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let told: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert_eq!(told["files"][0]["name"], "a.txt");
    assert_eq!(told["files"].as_array().unwrap().len(), 1);
    assert!(told["error"].as_str().unwrap().contains("vide.txt"), "{body}");
}

#[tokio::test]
async fn who_adds_to_a_deposit_that_was_sent_is_told_so() {
    let house = House::build().await;
    let draft = house.draft().await;
    house.send(&draft, "Demande urgente").await.unwrap();
    let (status, _, body) = ask(&house, upload(&draft, true, &[("a.txt", "contenu")])).await;
    assert_eq!(status, StatusCode::CONFLICT);
    let told: serde_json::Value = serde_json::from_str(&body).unwrap();
    assert!(told["error"].as_str().unwrap().starts_with("Ce dépôt est envoyé"), "{body}");
    let (status, location, _) = ask(&house, upload(&draft, false, &[("a.txt", "contenu")])).await;
    assert_eq!((status, location), (StatusCode::SEE_OTHER, Some(path(&draft))));
}

#[tokio::test]
async fn far_too_many_files_are_one_problem_said_once() {
    let house = House::build().await;
    let draft = house.draft().await;
    let files = [("a.txt", "contenu"); 50];
    let (status, _, page) = ask(&house, upload(&draft, false, &files)).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    // Once in the summary, once beside the field.
    assert_eq!(page.matches("contient au plus 3 fichiers").count(), 2);
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    assert_eq!(view.draft.parts.len(), 3);
}

#[tokio::test]
async fn a_form_without_files_may_come_as_a_plain_one() {
    let house = House::build().await;
    let (draft, token) = house.draft().await;
    let path = format!("/depot/carsat/pensions/brouillon/{draft}");
    let cookie = format!("pli_draft_{}={}", &draft.to_string()[..12], token.expose());
    let post = |body: &str| {
        let request = Request::builder().method("POST").uri(&path).header(COOKIE, &cookie);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        pages(&house).oneshot(request.body(Body::from(body.to_owned())).unwrap())
    };
    let empty = post("title=Demande+urgente&message=").await.unwrap();
    assert_eq!(empty.status(), StatusCode::UNPROCESSABLE_ENTITY);
    let sent = post("title=Demande+urgente&message=D%C3%A9j%C3%A0+%26+urgent&action=send").await.unwrap();
    assert_eq!(sent.status(), StatusCode::SEE_OTHER);
    assert_eq!(house.transfers().await, 1);
}

#[tokio::test]
async fn an_address_that_does_not_read_gets_our_page_in_the_language_of_the_visitor() {
    let house = House::build().await;
    for path in ["/boites?avant=demain", "/journal?before=hier"] {
        for (language, words) in [("fr", "<html lang=\"fr\">"), ("en", "<html lang=\"en\">")] {
            let request = Request::get(path).header(ACCEPT_LANGUAGE, language).body(Body::empty()).unwrap();
            let (status, _, page) = ask(&house, request).await;
            assert_eq!(status, StatusCode::BAD_REQUEST, "{path}");
            assert!(page.contains(words) && page.contains("<h1"), "{path}: {page}");
        }
    }
}
