//! A gestionnaire looks after the tokens of the own structure's software on a page, and of no other's.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE, COOKIE};
use axum::http::{Method, Request, StatusCode};
use pli::app::NewAccount;
use pli::audit::{Action, Origin};
use pli::identity::{Partner, Password, Role};
use pli::value::{Domain, Language, PartnerId, Token};
use pli::web::{WebConfig, router};
use tower::ServiceExt;

use crate::house::{DEPOSITOR, House, PASSWORD, address, visitor};

const GESTIONNAIRE: &str = "gestionnaire@departement.example";

struct Browser {
    pages: Router,
    cookie: Token,
}

impl Browser {
    async fn of(house: &House, who: &str) -> Self {
        let pages = router(house.app.clone(), WebConfig { secure_cookies: false, demo: None });
        let password = Password::new(PASSWORD.into());
        let cookie = house.app.sign_in(Some(address(who)), password, visitor()).await.unwrap();
        Self { pages, cookie }
    }

    async fn ask(&self, method: Method, path: &str, body: &str) -> (StatusCode, String) {
        let request = Request::builder().method(method).uri(path);
        let request = request.header(COOKIE, format!("pli_session={}", self.cookie.expose()));
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        self.said(request.body(Body::from(body.to_owned())).unwrap()).await
    }

    async fn by_token(&self, token: &str) -> StatusCode {
        let request =
            Request::builder().uri("/api/v1/mailboxes").header(AUTHORIZATION, format!("Bearer {token}"));
        self.said(request.body(Body::empty()).unwrap()).await.0
    }

    async fn said(&self, request: Request<Body>) -> (StatusCode, String) {
        let answer = self.pages.clone().oneshot(request).await.unwrap();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 1_000_000).await.unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }
}

async fn house_with_gestionnaire() -> House {
    let house = House::build().await;
    let account = NewAccount {
        address: address(GESTIONNAIRE),
        name: "Gestionnaire".into(),
        role: Role::Gestionnaire,
        organisation: None,
        partner: Some(PartnerId::new([2; 16])),
        mailboxes: vec![],
        password: Password::new(PASSWORD.into()).unwrap(),
        language: Language::Fr,
    };
    house.app.create_account(account, Origin::Cli).await.unwrap();
    house
}

fn path(structure: u8) -> String {
    format!("/structures/{}/jetons", PartnerId::new([structure; 16]))
}

#[tokio::test]
async fn a_gestionnaire_makes_a_token_sees_it_once_and_revokes_it() {
    let house = house_with_gestionnaire().await;
    let browser = Browser::of(&house, GESTIONNAIRE).await;
    let (status, page) = browser.ask(Method::GET, &path(2), "").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains(&house.pensions.id.to_string()), "the mailbox that the agreement opens");
    let form = |senders: &str| {
        let senders = senders.replace('@', "%40");
        format!("nom=SI+social&boite={}&adresses={senders}&jours=90", house.pensions.id)
    };
    for (body, said) in [
        (form("a@ailleurs.example"), "a@ailleurs.example"),
        (form("pas une adresse"), "n’est pas de votre structure"),
        (form(DEPOSITOR).replace("jours=90", "jours=1000"), "1 à 730"),
        (format!("nom=SI+social&adresses={}&jours=90", DEPOSITOR.replace('@', "%40")), "au moins une boîte"),
        (form(DEPOSITOR).replace("SI+social", "+"), "Donnez un nom"),
    ] {
        let (status, page) = browser.ask(Method::POST, &path(2), &body).await;
        assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY, "{said}");
        assert!(page.contains(said), "{said}: {page}");
        assert!(said == "Donnez un nom" || page.contains("value=\"SI social\""), "what was typed stays");
    }
    let (status, page) = browser.ask(Method::POST, &path(2), &form(DEPOSITOR)).await;
    assert_eq!(status, StatusCode::OK, "{page}");
    let token = page.split("id=\"jeton\">").nth(1).unwrap().split('<').next().unwrap().to_owned();
    assert_eq!(browser.by_token(&token).await, StatusCode::OK);
    let (_, page) = browser.ask(Method::GET, &path(2), "").await;
    assert!(page.contains("SI social") && !page.contains(&token), "shown once");
    let id = house.app.api_clients().await.unwrap()[0].id;
    let revoked = browser.ask(Method::POST, &format!("{}/revoquer", path(2)), &format!("jeton={id}")).await;
    assert_eq!(revoked.0, StatusCode::SEE_OTHER);
    assert_eq!(browser.by_token(&token).await, StatusCode::UNAUTHORIZED);
    let events = house.events().await;
    assert!(events.contains(&Action::TokenCreated) && events.contains(&Action::TokenRevoked));
}

#[tokio::test]
async fn nobody_sees_or_makes_tokens_of_a_structure_that_is_not_theirs() {
    let house = house_with_gestionnaire().await;
    let other = Partner {
        id: PartnerId::new([9; 16]),
        name: "Autre conseil".into(),
        domains: [Domain::parse("autre.example").unwrap()].into(),
        sites: vec![],
        relays: vec![],
        relay_certificates: [].into(),
        accepts_dmarc: false,
        blocked: [].into(),
        suspended: false,
    };
    house.app.put_partner(other, Origin::Cli).await.unwrap();
    let gestionnaire = Browser::of(&house, GESTIONNAIRE).await;
    let agent = Browser::of(&house, "agent@carsat.example").await;
    let form = format!("nom=x&boite={}&adresses=a%40autre.example&jours=9", house.pensions.id);
    for (who, structure) in [(&gestionnaire, 9), (&gestionnaire, 8), (&agent, 2)] {
        assert_eq!(who.ask(Method::GET, &path(structure), "").await.0, StatusCode::FORBIDDEN);
        assert_eq!(who.ask(Method::POST, &path(structure), &form).await.0, StatusCode::FORBIDDEN);
    }
    assert!(house.app.api_clients().await.unwrap().is_empty());
    assert!(house.events().await.contains(&Action::AccessRefused));
}
