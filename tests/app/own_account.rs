//! A person's own account over the real pages: the password, the open sessions, the vault passphrase.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE};
use axum::http::{Method, Request, StatusCode};
use pli::app::Signed;
use pli::audit::Action;
use pli::identity::Password;
use pli::value::Token;
use pli::web::{WebConfig, router};
use tower::ServiceExt;

use crate::house::{House, PASSWORD, address, visitor};

const AGENT: &str = "agent@carsat.example";
const NEW: &str = "cheval agrafe pile correcte";

/// A browser with a session of its own.
struct Browser<'h> {
    house: &'h House,
    pages: Router,
    token: Token,
}

impl<'h> Browser<'h> {
    async fn of(house: &'h House, pages: &Router, password: &str) -> Self {
        let typed = Password::new(password.into());
        let token = house.app.sign_in(Some(address(AGENT)), typed, visitor()).await.unwrap();
        Self { house, pages: pages.clone(), token }
    }

    async fn ask(&self, method: Method, path: &str, body: &str) -> (StatusCode, String) {
        let cookie = format!("pli_session={}", self.token.expose());
        let request = Request::builder().method(method).uri(path).header(COOKIE, cookie);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = self.pages.clone().oneshot(request.body(Body::from(body.to_owned())).unwrap()).await;
        let answer = answer.unwrap();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 1_000_000).await.unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    async fn signed(&self) -> Option<Signed> {
        self.house.app.signed(&self.token, visitor()).await.unwrap()
    }
}

fn pages(house: &House) -> Router {
    router(house.app.clone(), WebConfig { secure_cookies: false, demo: None })
}

fn change(present: &str, new: &str, again: &str) -> String {
    let typed = |text: &str| text.replace(' ', "+");
    format!("present={}&new={}&again={}", typed(present), typed(new), typed(again))
}

#[tokio::test]
async fn a_person_sees_the_open_sessions_and_ends_the_one_that_is_not_known() {
    let house = House::build().await;
    let pages = pages(&house);
    let (mine, forgotten) =
        (Browser::of(&house, &pages, PASSWORD).await, Browser::of(&house, &pages, PASSWORD).await);
    let id = forgotten.signed().await.unwrap().session.id;
    let (status, page) = mine.ask(Method::GET, "/compte", "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains(&format!("value=\"{id}\"")) && page.contains("celle-ci"), "{page}");
    let own = mine.signed().await.unwrap().session.id;
    assert!(!page.contains(&format!("value=\"{own}\"")), "the session that asks is ended by signing out");

    let ended = mine.ask(Method::POST, "/compte/connexions", &format!("connexion={id}")).await;
    assert_eq!(ended.0, StatusCode::SEE_OTHER);
    assert!(forgotten.signed().await.is_none() && mine.signed().await.is_some());
    assert!(house.events().await.contains(&Action::SessionEnded));
}

#[tokio::test]
async fn nobody_ends_the_session_of_somebody_else() {
    let house = House::build().await;
    let pages = pages(&house);
    let mine = Browser::of(&house, &pages, PASSWORD).await;
    let officer = house.sign_in("securite@carsat.example").await;
    let before = house.events().await;
    let asked =
        mine.ask(Method::POST, "/compte/connexions", &format!("connexion={}", officer.session.id)).await;
    assert_eq!(asked.0, StatusCode::SEE_OTHER, "the answer tells nothing of other people's sessions");
    assert_eq!(house.events().await, before);
    assert_eq!(house.app.own_sessions(&officer).await.unwrap().len(), 1);
    assert_eq!(mine.ask(Method::POST, "/compte/connexions", "connexion=x").await.0, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn a_password_is_changed_with_the_present_one_and_all_other_sessions_end() {
    let house = House::build().await;
    let pages = pages(&house);
    let (mine, other) =
        (Browser::of(&house, &pages, PASSWORD).await, Browser::of(&house, &pages, PASSWORD).await);
    let changed = |body: String| mine.ask(Method::POST, "/compte/mot-de-passe", body.leak());
    for (body, said) in [
        (change("pas le bon", NEW, NEW), "n’est pas le bon"),
        (change(PASSWORD, NEW, "autre chose encore"), "diffèrent"),
        (change(PASSWORD, "court", "court"), "12 caractères"),
        (change(PASSWORD, "Bonjour2026!!", "Bonjour2026!!"), "devine"),
    ] {
        let (status, page) = changed(body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(page.contains(said) && page.contains("Rien n’a été changé"), "{said}");
    }
    assert!(other.signed().await.is_some());

    assert_eq!(changed(change(PASSWORD, NEW, NEW)).await.0, StatusCode::SEE_OTHER);
    assert!(mine.signed().await.is_some() && other.signed().await.is_none());
    Browser::of(&house, &pages, NEW).await;
    let old = house.app.sign_in(Some(address(AGENT)), Password::new(PASSWORD.into()), visitor()).await;
    assert!(old.is_err(), "the old password signs nobody in");
}

#[tokio::test]
async fn guessing_the_present_password_in_a_stolen_session_is_slowed_down() {
    let house = House::build().await;
    let pages = pages(&house);
    let mine = Browser::of(&house, &pages, PASSWORD).await;
    let mut last = StatusCode::OK;
    for _ in 0..21 {
        let wrong = change("pas le bon", NEW, NEW);
        last = mine.ask(Method::POST, "/compte/mot-de-passe", &wrong).await.0;
    }
    assert_eq!(last, StatusCode::TOO_MANY_REQUESTS);
}

#[tokio::test]
async fn a_vault_passphrase_is_chosen_on_the_page_and_must_be_as_good_as_a_password() {
    let house = House::build().await;
    let pages = pages(&house);
    let mine = Browser::of(&house, &pages, PASSWORD).await;
    let typed = |text: &str| format!("phrase={0}&again={0}", text.replace(' ', "+"));
    let weak = mine.ask(Method::POST, "/compte/phrase", &typed("motdepasse2026")).await;
    assert_eq!(weak.0, StatusCode::UNPROCESSABLE_ENTITY);
    assert_eq!(mine.ask(Method::POST, "/compte/phrase", &typed(NEW)).await.0, StatusCode::SEE_OTHER);

    let later = Browser::of(&house, &pages, PASSWORD).await;
    let signed = later.signed().await.unwrap();
    assert!(!house.app.has_key_open(&signed), "the password alone opens the vault no more");
    assert!(house.app.unlock(&signed, Password::new(PASSWORD.into()), visitor()).await.is_err());
    house.app.unlock(&signed, Password::new(NEW.into()), visitor()).await.unwrap();
}

#[tokio::test]
async fn who_is_not_signed_in_is_asked_to_be() {
    let house = House::build().await;
    let pages = pages(&house);
    let mine = Browser::of(&house, &pages, PASSWORD).await;
    let signed = mine.signed().await.unwrap();
    house.app.sign_out(signed, visitor()).await.unwrap();
    for (method, path) in [
        (Method::GET, "/compte"),
        (Method::POST, "/compte/mot-de-passe"),
        (Method::POST, "/compte/phrase"),
        (Method::POST, "/compte/connexions"),
    ] {
        let (status, _) = mine.ask(method, path, "connexion=autres").await;
        assert_eq!(status, StatusCode::SEE_OTHER, "{path}");
    }
}
