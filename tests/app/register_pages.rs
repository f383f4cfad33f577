//! The pages of the register and of its statistics over the real handlers: what they show, what their files hold, and whom they
//! answer how (T7).

use std::io::{Cursor, Read};

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE, COOKIE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use pli::identity::Password;
use pli::value::{Millis, calendar};
use pli::web::{WebConfig, router};
use tower::ServiceExt;

use crate::house::{DEPOSITOR, House, PASSWORD, address, visitor};

const AGENT: &str = "agent@carsat.example";
/// What the register never holds: the title, the message, the name of a file.
const CONTENT: [&str; 3] = ["Demande urgente", "dossier urgent", "avis de situation"];

pub struct Visit {
    pages: Router,
    cookie: String,
}

impl Visit {
    pub async fn of(house: &House, who: &str) -> Self {
        let password = Password::new(PASSWORD.into());
        let token = house.app.sign_in(Some(address(who)), password, visitor()).await.unwrap();
        let pages = router(house.app.clone(), WebConfig { secure_cookies: false, demo: None });
        Self { pages, cookie: format!("pli_session={}", token.expose()) }
    }

    pub async fn ask(&self, method: Method, path: &str, form: &str) -> (StatusCode, HeaderMap, Vec<u8>) {
        let request = Request::builder().method(method).uri(path).header(COOKIE, &self.cookie);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let request = request.body(Body::from(form.to_owned())).unwrap();
        let answer = self.pages.clone().oneshot(request).await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        (status, headers, to_bytes(answer.into_body(), 10_000_000).await.unwrap().to_vec())
    }

    pub async fn get(&self, path: &str) -> String {
        let (status, _, body) = self.ask(Method::GET, path, "").await;
        assert_eq!(status, StatusCode::OK, "{path}");
        String::from_utf8(body).unwrap()
    }
}

#[tokio::test]
async fn the_register_and_its_files_tell_of_every_case_and_nothing_that_is_sealed() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let agent = Visit::of(&house, AGENT).await;
    for path in ["/registre", "/boites/pensions/registre", "/boites/pensions/registre?partenaire=&etat=new"] {
        let page = agent.get(path).await;
        for shown in [reference.as_str(), DEPOSITOR, "Département", "Nouveau"] {
            assert!(page.contains(shown), "{path}: no {shown}");
        }
        for sealed in CONTENT {
            assert!(!page.contains(sealed), "{path}: {sealed}");
        }
    }
    let none = agent.get("/registre?etat=answered").await;
    assert!(!none.contains(reference.as_str()) && none.contains("Aucune ligne"));

    let (status, headers, csv) = agent.ask(Method::GET, "/boites/pensions/registre.csv", "").await;
    let csv = String::from_utf8(csv).unwrap();
    assert_eq!(
        (status, headers[CONTENT_DISPOSITION].to_str().unwrap()),
        (StatusCode::OK, "attachment; filename=\"registre.csv\"")
    );
    assert!(csv.starts_with('\u{feff}') && csv.lines().count() == 2, "{csv}");
    assert!(
        csv.contains(reference.as_str()) && csv.contains("2026-11-18 12:06"),
        "in the time of Paris: {csv}"
    );
    let (_, _, book) = agent.ask(Method::GET, "/registre.xlsx", "").await;
    let mut zip = zip::ZipArchive::new(Cursor::new(book)).unwrap();
    let mut strings = String::new();
    zip.by_name("xl/sharedStrings.xml").unwrap().read_to_string(&mut strings).unwrap();
    assert!(strings.contains(reference.as_str()));
    for sealed in CONTENT {
        assert!(!csv.contains(sealed) && !strings.contains(sealed), "{sealed}");
    }
}

#[tokio::test]
async fn statistics_are_told_in_charts_in_tables_and_in_files_alike() {
    let house = House::build().await;
    let reference = house.deposit().await;
    house.clock.advance(Millis::hours(2));
    let agent = Visit::of(&house, AGENT).await;
    let today = calendar::local_day(house.app.now().at).unwrap();
    let given = format!("jour={today}&par=telephone");
    let (status, _, _) =
        agent.ask(Method::POST, &format!("/transferts/{reference}/reponse-donnee"), &given).await;
    assert_eq!(status, StatusCode::SEE_OTHER);
    for path in ["/statistiques", "/boites/pensions/statistiques?annee=2026&mois=11"] {
        let page = agent.get(path).await;
        assert!(page.contains("<svg") && page.contains("3\u{a0}h") && page.contains("100\u{a0}%"), "{path}");
        assert!(page.contains("Département") && page.contains("téléphone 1"), "{path}");
        assert!(!page.contains("style=") && !page.contains("<script>"), "{path}");
    }
    let before = agent.get("/statistiques?annee=2026&mois=10").await;
    assert!(before.contains("Aucun dossier sur cette période"));
    let (_, _, csv) = agent.ask(Method::GET, "/statistiques.csv?annee=2026", "").await;
    let csv = String::from_utf8(csv).unwrap();
    assert!(csv.contains("2026,Partenaire,Département,1") && csv.contains("2026-11,Total,Total,1"), "{csv}");
    let (status, _, book) = agent.ask(Method::GET, "/boites/pensions/statistiques.xlsx", "").await;
    assert_eq!((status, &book[..2]), (StatusCode::OK, &b"PK"[..]));
}

#[tokio::test]
async fn whoever_may_not_see_it_learns_nothing_and_bad_queries_lose_nothing() {
    let house = House::build().await;
    house.deposit().await;
    let other = Visit::of(&house, "autre@carsat.example").await;
    for kind in
        ["registre", "registre.csv", "registre.xlsx", "statistiques", "statistiques.csv", "statistiques.xlsx"]
    {
        let (known, _, told) = other.ask(Method::GET, &format!("/boites/pensions/{kind}"), "").await;
        let (unknown, _, same) = other.ask(Method::GET, &format!("/boites/nulle-part/{kind}"), "").await;
        assert_eq!((known, unknown), (StatusCode::FORBIDDEN, StatusCode::FORBIDDEN), "{kind}");
        let plain = |page: Vec<u8>| {
            let page = String::from_utf8(page).unwrap();
            // The code for support is drawn anew each time, and the path stands in the switch of language.
            let page = page.replace("nulle-part", "pensions");
            page.split("<code").next().unwrap().to_owned()
        };
        assert_eq!(plain(told), plain(same), "{kind}");
    }
    let nobody = Visit { cookie: String::new(), ..Visit::of(&house, AGENT).await };
    let (status, headers, _) = nobody.ask(Method::GET, "/registre", "").await;
    assert_eq!(
        (status, headers["location"].to_str().unwrap()),
        (StatusCode::SEE_OTHER, "/connexion?suite=%2Fregistre")
    );
    let agent = Visit::of(&house, AGENT).await;
    let (status, _, page) = agent.ask(Method::GET, "/registre?du=demain&au=2026-11-20", "").await;
    assert_eq!(status, StatusCode::UNPROCESSABLE_ENTITY);
    let page = String::from_utf8(page).unwrap();
    assert!(page.contains("value=\"2026-11-20\"") && page.contains("Ce n’est pas une date"));
    assert!(!page.contains("value=\"demain\""), "a field for a date cannot show it");
    for query in ["etat=partout", "partenaire=x", "apres=%21"] {
        let (status, _, _) = agent.ask(Method::GET, &format!("/registre?{query}"), "").await;
        assert_eq!(status, StatusCode::BAD_REQUEST, "{query}");
    }
}
