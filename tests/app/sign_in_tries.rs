//! How often a sign-in may fail over the real pages, and that nobody locks another person out (P2, S7); and that a dangerous
//! act asks for a recent proof, and then goes on with what was being done.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::extract::ConnectInfo;
use axum::http::header::{CONTENT_TYPE, COOKIE, SET_COOKIE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use pli::audit::Action;
use pli::value::Millis;
use pli::web::{WebConfig, router};
use std::net::{IpAddr, SocketAddr};
use tower::ServiceExt;

use crate::house::{House, PASSWORD};

const AGENT: &str = "agent@carsat.example";

/// A browser at an address of its own, which keeps its cookies.
struct Browser {
    pages: Router,
    from: IpAddr,
    cookies: Vec<(String, String)>,
}

impl Browser {
    fn new(pages: &Router, from: [u8; 4]) -> Self {
        Self { pages: pages.clone(), from: IpAddr::from(from), cookies: Vec::new() }
    }

    async fn ask(&mut self, method: Method, path: &str, body: &str) -> (StatusCode, HeaderMap, String) {
        let cookies: Vec<String> =
            self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
        let request = Request::builder().method(method).uri(path).header(COOKIE, cookies.join("; "));
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let mut request = request.body(Body::from(body.to_owned())).unwrap();
        request.extensions_mut().insert(ConnectInfo(SocketAddr::new(self.from, 40_000)));
        let answer = self.pages.clone().oneshot(request).await.unwrap();
        for set in answer.headers().get_all(SET_COOKIE) {
            let (name, rest) = set.to_str().unwrap().split_once('=').unwrap();
            let value = rest.split(';').next().unwrap().to_owned();
            self.cookies.retain(|(kept, _)| kept != name);
            self.cookies.push((name.to_owned(), value));
        }
        let (status, headers) = (answer.status(), answer.headers().clone());
        let body = to_bytes(answer.into_body(), 1_000_000).await.unwrap();
        (status, headers, String::from_utf8_lossy(&body).into_owned())
    }

    async fn sign_in(&mut self, address: &str, password: &str) -> StatusCode {
        let body = format!("address={}&password={}", address.replace('@', "%40"), password.replace(' ', "+"));
        self.ask(Method::POST, "/connexion", &body).await.0
    }

    fn forget_session(&mut self) {
        self.cookies.retain(|(name, _)| name != "pli_session");
    }
}

fn pages(house: &House) -> Router {
    router(house.app.clone(), WebConfig { secure_cookies: false, demo: None })
}

#[tokio::test]
async fn an_attacker_s_failures_make_unknown_browsers_wait_and_not_the_one_that_the_owner_uses() {
    let house = House::build().await;
    let pages = pages(&house);
    let mut owner = Browser::new(&pages, [192, 0, 2, 7]);
    assert_eq!(owner.sign_in(AGENT, PASSWORD).await, StatusCode::SEE_OTHER);
    owner.forget_session();
    // From many networks at once, and from the owner's own office too.
    for n in 0..10 {
        let mut attacker = Browser::new(&pages, [203, 0, n, 1]);
        assert_eq!(attacker.sign_in(AGENT, "faux").await, StatusCode::UNPROCESSABLE_ENTITY, "{n}");
    }
    for from in [[203, 0, 113, 9], [192, 0, 2, 7]] {
        let mut attacker = Browser::new(&pages, from);
        assert_eq!(attacker.sign_in(AGENT, PASSWORD).await, StatusCode::TOO_MANY_REQUESTS, "right or wrong");
    }
    assert_eq!(owner.sign_in(AGENT, PASSWORD).await, StatusCode::SEE_OTHER, "the known browser goes on");
    let mut colleague = Browser::new(&pages, [192, 0, 2, 7]);
    assert_eq!(colleague.sign_in("autre@carsat.example", PASSWORD).await, StatusCode::SEE_OTHER);
    house.clock.advance(Millis::minutes(15));
    let mut elsewhere = Browser::new(&pages, [198, 51, 100, 1]);
    assert_eq!(elsewhere.sign_in(AGENT, PASSWORD).await, StatusCode::SEE_OTHER, "the wait is over");
}

#[tokio::test]
async fn an_address_that_nobody_has_is_counted_like_one_that_somebody_has() {
    let house = House::build().await;
    let pages = pages(&house);
    for address in [AGENT, "personne@carsat.example"] {
        let mut said = Vec::new();
        for n in 0..11 {
            said.push(Browser::new(&pages, [203, 0, n, 1]).sign_in(address, "faux").await.as_u16());
        }
        assert_eq!(said, [vec![422; 10], vec![429]].concat(), "{address}");
    }
}

#[tokio::test]
async fn a_known_browser_has_its_own_limit_and_its_cookie_is_good_for_its_account_alone() {
    let house = House::build().await;
    let pages = pages(&house);
    let mut owner = Browser::new(&pages, [192, 0, 2, 7]);
    owner.sign_in(AGENT, PASSWORD).await;
    owner.forget_session();
    let mut stolen = Browser::new(&pages, [203, 0, 113, 9]);
    let (known, value) =
        owner.cookies.iter().find(|(name, _)| name.starts_with("pli_known_")).unwrap().clone();
    stolen.cookies.push((known, value.clone()));
    for _ in 0..10 {
        assert_eq!(stolen.sign_in(AGENT, "faux").await, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(stolen.sign_in(AGENT, PASSWORD).await, StatusCode::TOO_MANY_REQUESTS);
    // Shown under the name that another account's cookie has, it is no cookie of that account.
    let other = "autre@carsat.example";
    let tag = house.app.known_browser_tag(other).unwrap().map(|byte| format!("{byte:02x}")).concat();
    let mut forged = Browser::new(&pages, [203, 0, 113, 10]);
    forged.cookies.push((format!("pli_known_{tag}"), value));
    for _ in 0..10 {
        forged.sign_in(other, "faux").await;
    }
    let mut unknown = Browser::new(&pages, [198, 51, 100, 2]);
    assert_eq!(
        unknown.sign_in(other, PASSWORD).await,
        StatusCode::TOO_MANY_REQUESTS,
        "it counted as unknown"
    );
}

fn hidden(page: &str, name: &str) -> String {
    let at = page.split(&format!("name=\"{name}\" value=\"")).nth(1).expect(name);
    at.split('"').next().unwrap().to_owned()
}

#[tokio::test]
async fn a_dangerous_act_asks_for_a_recent_proof_and_then_goes_on_with_what_was_typed() {
    let house = House::build().await;
    let pages = pages(&house);
    let mut agent = Browser::new(&pages, [192, 0, 2, 7]);
    agent.sign_in(AGENT, PASSWORD).await;
    let typed = "phrase=cheval+agrafe+pile+correcte&again=cheval+agrafe+pile+correcte";
    house.clock.advance(Millis::minutes(15));
    let (status, _, page) = agent.ask(Method::POST, "/compte/phrase", typed).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    assert!(
        page.contains("Confirmer que c’est vous") && !page.contains("agrafe"),
        "what was typed is sealed"
    );
    let act = hidden(&page, "acte");
    let proof = |password: &str| format!("acte={act}&preuve={}", password.replace(' ', "+"));
    let (status, _, page) = agent.ask(Method::POST, "/compte/phrase", &proof("faux")).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    assert!(page.contains("Ce n’est pas cela"));
    let (status, headers, _) = agent.ask(Method::POST, "/compte/phrase", &proof(PASSWORD)).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "the passphrase is set: nothing was typed again");
    assert_eq!(headers["location"], "/compte?fait=phrase");
    assert!(house.events().await.contains(&Action::PersonProven));
    let (status, ..) = agent.ask(Method::POST, "/compte/phrase", typed).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "the proof counts for a while");
}

#[tokio::test]
async fn a_sealed_act_is_good_for_its_person_its_place_and_its_time() {
    let house = House::build().await;
    let pages = pages(&house);
    let mut agent = Browser::new(&pages, [192, 0, 2, 7]);
    agent.sign_in(AGENT, PASSWORD).await;
    house.clock.advance(Millis::minutes(20));
    let typed = "phrase=cheval+agrafe+pile+correcte&again=cheval+agrafe+pile+correcte";
    let (_, _, page) = agent.ask(Method::POST, "/compte/phrase", typed).await;
    let proof = format!("acte={}&preuve={}", hidden(&page, "acte"), PASSWORD.replace(' ', "+"));
    let (status, ..) = agent.ask(Method::POST, "/boites/pensions/membres", &proof).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "another place");
    let mut other = Browser::new(&pages, [192, 0, 2, 8]);
    other.sign_in("autre@carsat.example", PASSWORD).await;
    let (status, ..) = other.ask(Method::POST, "/compte/phrase", &proof).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "another person");
    house.clock.advance(Millis::minutes(30));
    let (status, ..) = agent.ask(Method::POST, "/compte/phrase", &proof).await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "another time");
    assert!(!house.events().await.contains(&Action::PersonalKeyLocked));
}

#[tokio::test]
async fn what_is_too_large_to_be_carried_along_asks_for_the_proof_first_and_comes_back_to_the_page() {
    let house = House::build().await;
    let pages = pages(&house);
    let mut agent = Browser::new(&pages, [192, 0, 2, 7]);
    agent.sign_in(AGENT, PASSWORD).await;
    house.clock.advance(Millis::minutes(20));
    let large = format!("phrase={}&again=x", "a".repeat(70_000));
    let (status, _, page) = agent.ask(Method::POST, "/compte/phrase", &large).await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let place = "/confirmer?suite=%2Fcompte%2Fphrase";
    assert!(page.contains(&format!("action=\"{place}\"")), "{page}");
    let proof = format!("acte={}&preuve={}", hidden(&page, "acte"), PASSWORD.replace(' ', "+"));
    assert_eq!(agent.ask(Method::POST, place, &proof).await.0, StatusCode::SEE_OTHER);
    let (status, ..) = agent.ask(Method::POST, "/compte/phrase", &large).await;
    assert_eq!(status, StatusCode::PAYLOAD_TOO_LARGE, "how large a form may be is the handler's to say");
}

#[tokio::test]
async fn an_export_asks_for_a_proof_and_is_asked_for_again_with_it() {
    let house = House::build().await;
    let pages = pages(&house);
    let mut officer = Browser::new(&pages, [192, 0, 2, 9]);
    officer.sign_in("securite@carsat.example", PASSWORD).await;
    assert_eq!(officer.ask(Method::GET, "/journal/droits.csv", "").await.0, StatusCode::OK);
    house.clock.advance(Millis::minutes(16));
    let (status, _, page) = officer.ask(Method::GET, "/journal/droits.csv?jour=x", "").await;
    assert_eq!(status, StatusCode::FORBIDDEN);
    let proof = format!("acte={}&preuve={}", hidden(&page, "acte"), PASSWORD.replace(' ', "+"));
    let place = "/confirmer?suite=%2Fjournal%2Fdroits%2Ecsv%3Fjour%3Dx";
    assert!(page.contains(&format!("action=\"{place}\"")), "{page}");
    let (status, headers, said) = officer.ask(Method::POST, place, &proof).await;
    assert_eq!(status, StatusCode::SEE_OTHER, "{said}");
    assert_eq!(
        (status, &headers["location"]),
        (StatusCode::SEE_OTHER, &"/journal/droits.csv?jour=x".parse().unwrap())
    );
    assert_eq!(officer.ask(Method::GET, "/journal/droits.csv", "").await.0, StatusCode::OK);
}
