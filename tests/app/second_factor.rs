//! The second factor over the real pages: set up, asked for, lost.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE, LOCATION, SET_COOKIE};
use axum::http::{Method, Request, StatusCode};
use pli::app::FactorError;
use pli::audit::{Action, Origin};
use pli::identity::Password;
use pli::value::Millis;
use pli::web::{WebConfig, router};
use tower::ServiceExt;

use crate::house::{House, PASSWORD, visitor};

const AGENT: &str = "agent@carsat.example";

/// A browser, with the one cookie that counts.
struct Browser {
    pages: Router,
    cookie: String,
}

struct Seen {
    status: StatusCode,
    location: String,
    body: String,
}

impl Browser {
    fn new(house: &House) -> Self {
        let pages = router(house.app.clone(), WebConfig { secure_cookies: false, demo: None });
        Self { pages, cookie: String::new() }
    }

    async fn ask(&mut self, method: Method, path: &str, body: &str) -> Seen {
        let request = Request::builder().method(method).uri(path).header(COOKIE, &self.cookie);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(Body::from(body.to_owned())).unwrap();
        let answer = self.pages.clone().oneshot(request).await.unwrap();
        let header =
            |name| answer.headers().get(name).and_then(|value| value.to_str().ok()).unwrap_or_default();
        if let Some(cookie) =
            header(SET_COOKIE).split(';').next().filter(|cookie| cookie.starts_with("pli_session"))
        {
            cookie.clone_into(&mut self.cookie);
        }
        let (status, location) = (answer.status(), header(LOCATION).to_owned());
        let body = to_bytes(answer.into_body(), 1_000_000).await.unwrap();
        Seen { status, location, body: String::from_utf8_lossy(&body).into_owned() }
    }

    async fn type_password(&mut self) -> Seen {
        let typed = format!("address={}&password={}", AGENT.replace('@', "%40"), PASSWORD.replace(' ', "+"));
        self.ask(Method::POST, "/connexion", &typed).await
    }

    async fn type_code(&mut self, code: &str) -> Seen {
        self.ask(Method::POST, "/connexion/code", &format!("code={code}")).await
    }

    /// Whether the person's own page opens.
    async fn is_in(&mut self) -> bool {
        self.ask(Method::GET, "/compte", "").await.status == StatusCode::OK
    }
}

/// An authenticator that took the secret over.
struct Telephone(totp_rs::Totp);

impl Telephone {
    fn of(secret: &str) -> Self {
        let secret = totp_rs::Secret::try_from_base32(secret.replace('-', "")).unwrap();
        Self(totp_rs::Builder::new().with_secret(secret).build().unwrap())
    }

    fn code(&self, house: &House) -> String {
        self.0.generate(u64::try_from(house.app.now().at.0 / 1000).unwrap()).to_string()
    }
}

fn between<'t>(text: &'t str, before: &str, after: &str) -> &'t str {
    text.split_once(before).unwrap().1.split_once(after).unwrap().0
}

/// Sets a factor up over the pages; returns the browser, the telephone and the codes on paper.
async fn set_up(house: &House) -> (Browser, Telephone, Vec<String>) {
    let mut browser = Browser::new(house);
    assert_eq!(browser.type_password().await.location, "/boites");
    let page = browser.ask(Method::POST, "/compte/second-facteur", "").await.body;
    let sealed = between(&page, "name=\"scelle\" value=\"", "\"").to_owned();
    let telephone = Telephone::of(between(&page, "<code class=\"wrap-anywhere\">", "</code>"));
    assert!(page.contains("<svg class=\"qr\""), "there is a picture to scan");
    let typed =
        format!("scelle={sealed}&code={}&present={}", telephone.code(house), PASSWORD.replace(' ', "+"));
    let done = browser.ask(Method::POST, "/compte/second-facteur/confirmer", &typed).await;
    assert_eq!(done.status, StatusCode::OK, "{}", done.body);
    let codes: Vec<String> = done
        .body
        .split("<li><code>")
        .skip(1)
        .map(|rest| rest.split('<').next().unwrap().to_owned())
        .collect();
    assert_eq!(codes.len(), 8);
    (browser, telephone, codes)
}

#[tokio::test]
async fn with_a_second_factor_the_password_alone_opens_nothing() {
    let house = House::build().await;
    let mut before = Browser::new(&house);
    before.type_password().await;
    let (mut mine, telephone, _) = set_up(&house).await;
    assert!(mine.is_in().await && !before.is_in().await, "all other sessions ended");

    let mut next = Browser::new(&house);
    let asked = next.type_password().await;
    assert_eq!(asked.location, "/connexion/code?suite=%2Fboites");
    for path in ["/boites", "/compte", "/journal", "/compte/second-facteur"] {
        let seen = next.ask(Method::GET, path, "").await;
        assert_eq!(seen.status, StatusCode::SEE_OTHER, "{path}");
        assert!(seen.location.starts_with("/connexion"), "{path}");
    }
    house.clock.advance(Millis(30_000));
    assert_eq!(next.type_code(&telephone.code(&house)).await.location, "/boites");
    assert!(next.is_in().await);
    let events = house.events().await;
    assert!(events.contains(&Action::SecondFactorChanged));
}

#[tokio::test]
async fn a_code_is_taken_once_and_a_recovery_code_stands_in_for_a_lost_telephone() {
    let house = House::build().await;
    let (_, telephone, codes) = set_up(&house).await;
    house.clock.advance(Millis(30_000));
    let code = telephone.code(&house);
    let mut first = Browser::new(&house);
    first.type_password().await;
    assert_eq!(first.type_code(&code).await.status, StatusCode::SEE_OTHER);

    let mut second = Browser::new(&house);
    second.type_password().await;
    let again = second.type_code(&code).await;
    assert_eq!(again.status, StatusCode::UNPROCESSABLE_ENTITY, "read over a shoulder");
    assert_eq!(second.type_code(&codes[0].to_lowercase()).await.status, StatusCode::SEE_OTHER);
    assert!(second.is_in().await);
    let page = second.ask(Method::GET, "/compte/second-facteur", "").await.body;
    assert!(page.contains("restants\u{202f}: 7"), "{page}");

    let mut third = Browser::new(&house);
    third.type_password().await;
    assert_eq!(third.type_code(&codes[0]).await.status, StatusCode::UNPROCESSABLE_ENTITY, "used up");
}

#[tokio::test]
async fn five_wrong_codes_or_ten_minutes_send_the_person_back_to_the_password() {
    let house = House::build().await;
    let (_, telephone, _) = set_up(&house).await;
    let mut guessing = Browser::new(&house);
    guessing.type_password().await;
    for _ in 0..4 {
        assert_eq!(guessing.type_code("000000").await.status, StatusCode::UNPROCESSABLE_ENTITY);
    }
    assert_eq!(guessing.type_code("000000").await.location, "/connexion?recommencer=1");
    house.clock.advance(Millis(30_000));
    let late = guessing.type_code(&telephone.code(&house)).await;
    assert_eq!(late.location, "/connexion?recommencer=1", "the right code comes too late");
    assert!(!guessing.is_in().await);

    let mut slow = Browser::new(&house);
    slow.type_password().await;
    house.clock.advance(Millis::minutes(10));
    assert_eq!(slow.type_code(&telephone.code(&house)).await.location, "/connexion?recommencer=1");
    assert!(!slow.is_in().await);
}

#[tokio::test]
async fn a_factor_is_set_up_by_its_person_alone_with_the_password_and_in_time() {
    let house = House::build().await;
    let (agent, officer) = (house.sign_in(AGENT).await, house.sign_in("securite@carsat.example").await);
    let password = || Password::new(PASSWORD.into());
    let new = house.app.begin_second_factor(&agent).unwrap();
    let code = Telephone::of(&new.secret).code(&house);
    let confirm = |signed, code, password| {
        house.app.confirm_second_factor(signed, &new.sealed, code, password, visitor())
    };

    let others = confirm(&officer, &code, password()).await;
    assert!(matches!(others, Err(FactorError::Over)), "a form that another account was given");
    let wrong = Password::new("pas le bon".into());
    assert!(matches!(confirm(&agent, &code, wrong).await, Err(FactorError::WrongPassword)));
    assert!(matches!(confirm(&agent, "000000", password()).await, Err(FactorError::WrongCode)));
    house.clock.advance(Millis::minutes(30));
    assert!(matches!(confirm(&agent, &code, password()).await, Err(FactorError::Over)));
    assert!(house.sign_in(AGENT).await.account.second_factor.is_none());
}

#[tokio::test]
async fn an_operator_takes_the_code_away_from_who_lost_it_and_a_person_from_oneself() {
    let house = House::build().await;
    let (mut mine, ..) = set_up(&house).await;
    let account = house.app.signed(&session(&mine), visitor()).await.unwrap().unwrap().account.id;
    assert!(house.app.drop_second_factor(account, Origin::Cli).await.unwrap());
    assert!(!house.app.drop_second_factor(account, Origin::Cli).await.unwrap());
    assert_eq!(Browser::new(&house).type_password().await.location, "/boites");

    house.clock.advance(Millis(60_000));
    let (mut mine_again, ..) = set_up(&house).await;
    assert!(!mine.is_in().await);
    let wrong = mine_again.ask(Method::POST, "/compte/second-facteur/retirer", "present=faux").await;
    assert_eq!(wrong.status, StatusCode::UNPROCESSABLE_ENTITY);
    let right = format!("present={}", PASSWORD.replace(' ', "+"));
    mine_again.ask(Method::POST, "/compte/second-facteur/retirer", &right).await;
    assert_eq!(Browser::new(&house).type_password().await.location, "/boites");
}

fn session(browser: &Browser) -> pli::value::Token {
    pli::value::Token::parse(browser.cookie.split_once('=').unwrap().1).unwrap()
}
