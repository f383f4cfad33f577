//! Deposits by partners' software over the real routes: the same deposit as the page's, rights that are tried at each step, errors that
//! tell what to do.

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{AUTHORIZATION, CONTENT_TYPE};
use axum::http::{HeaderMap, Method, Request, StatusCode};
use pli::app::{NewApiClient, NewClientError};
use pli::audit::{Action, Actor, Origin};
use pli::identity::{ApiClient, token_text};
use pli::transfer::Route;
use pli::value::{Day, Digest, Millis, PartnerId};
use pli::web::{ClientCertificate, OPENAPI, WebConfig, router};
use serde_json::{Value, json};
use tower::ServiceExt;

use crate::backups;
use crate::house::{DEPOSITOR, House, address, visitor};

const OPERATOR: (Actor, Origin) = (Actor::Operator, Origin::Cli);

/// A partner's software.
pub struct Software {
    pages: Router,
    token: Option<String>,
    certificate: Option<Digest>,
}

pub struct Said {
    pub status: StatusCode,
    headers: HeaderMap,
    pub body: Value,
    pub text: String,
}

impl Software {
    fn new(house: &House, token: Option<String>) -> Self {
        let pages = router(house.app.clone(), WebConfig { secure_cookies: false, demo: None });
        Self { pages, token, certificate: None }
    }

    pub async fn ask(
        &self,
        method: Method,
        path: &str,
        headers: &[(&str, &str)],
        body: impl Into<Body>,
    ) -> Said {
        let mut request = Request::builder().method(method).uri(format!("/api/v1{path}"));
        if let Some(token) = &self.token {
            request = request.header(AUTHORIZATION, format!("Bearer {token}"));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let mut request = request.body(body.into()).unwrap();
        if let Some(certificate) = self.certificate {
            request.extensions_mut().insert(ClientCertificate(certificate));
        }
        let answer = self.pages.clone().oneshot(request).await.unwrap();
        let (status, headers) = (answer.status(), answer.headers().clone());
        let bytes = to_bytes(answer.into_body(), 10_000_000).await.unwrap();
        let text = String::from_utf8_lossy(&bytes).into_owned();
        Said { status, headers, body: serde_json::from_slice(&bytes).unwrap_or_default(), text }
    }

    pub async fn get(&self, path: &str) -> Said {
        self.ask(Method::GET, path, &[], "").await
    }

    pub async fn post(&self, path: &str, body: &Value) -> Said {
        self.ask(Method::POST, path, &[("content-type", "application/json")], body.to_string()).await
    }

    pub async fn begin(&self) -> String {
        let begun = self.post("/deposits", &wish()).await;
        assert_eq!(begun.status, StatusCode::CREATED, "{}", begun.text);
        begun.body["id"].as_str().unwrap().to_owned()
    }
}

pub fn wish() -> Value {
    json!({"organisation": "carsat", "mailbox": "pensions", "sender": DEPOSITOR})
}

fn new_client(house: &House) -> NewApiClient {
    NewApiClient {
        partner: PartnerId::new([2; 16]),
        label: "SI social".into(),
        mailboxes: vec![house.pensions.id],
        senders: vec![address(DEPOSITOR)],
        days: 90,
        certificate: None,
    }
}

pub async fn software(house: &House) -> (Software, ApiClient) {
    let (client, token) = house.app.make_api_client(new_client(house), OPERATOR).await.unwrap();
    (Software::new(house, Some(token_text(&token.unwrap()))), client)
}

pub fn kind(said: &Said) -> &str {
    assert_eq!(said.headers[CONTENT_TYPE], "application/problem+json", "{}", said.text);
    assert_eq!(said.body["status"], said.status.as_u16());
    said.body["type"].as_str().unwrap().strip_prefix("urn:pli:problem:").unwrap()
}

#[tokio::test]
async fn software_deposits_as_the_page_does_and_the_agent_opens_what_it_sent() {
    let house = House::build().await;
    let (software, _) = software(&house).await;
    let open = software.get("/mailboxes").await;
    assert_eq!(open.body["mailboxes"][0]["mailbox"], "pensions");
    assert_eq!(open.body["mailboxes"].as_array().unwrap().len(), 1, "the other mailbox has no agreement");
    let id = software.begin().await;
    let put = software
        .ask(Method::PUT, &format!("/deposits/{id}/files/avis%2Fsituation.pdf"), &[], "%PDF-1.7 synthetic")
        .await;
    assert_eq!(put.status, StatusCode::CREATED, "{}", put.text);
    assert_eq!(put.body["sha256"], Digest::of(b"%PDF-1.7 synthetic").to_hex());
    let again = software
        .ask(Method::PUT, &format!("/deposits/{id}/files/avis%2Fsituation.pdf"), &[], "%PDF-1.7 synthetic")
        .await;
    assert_eq!((again.status, again.body["name"].clone()), (StatusCode::OK, put.body["name"].clone()));
    let shown = software.get(&format!("/deposits/{id}")).await;
    assert_eq!(
        (shown.body["state"].as_str(), shown.body["files"].as_array().unwrap().len()),
        (Some("open"), 1)
    );
    let sent = software
        .post(&format!("/deposits/{id}/send"), &json!({"title": "Demande urgente", "message": "Bonjour."}))
        .await;
    assert_eq!(sent.status, StatusCode::CREATED, "{}", sent.text);
    let reference = sent.body["reference"].as_str().unwrap().to_owned();
    let repeated = software.post(&format!("/deposits/{id}/send"), &json!({"title": "Autre"})).await;
    assert_eq!(
        (repeated.status, repeated.body["reference"].as_str()),
        (StatusCode::OK, Some(reference.as_str()))
    );
    assert_eq!(house.transfers().await, 1, "nothing was sent twice");

    let agent = house.sign_in("agent@carsat.example").await;
    let reference = pli::value::Reference::parse(&reference).unwrap();
    let opened = house.app.open_transfer(&agent, &reference, visitor()).await;
    assert!(opened.is_ok());
    assert_eq!(house.download(&agent, &reference, 1).await, b"%PDF-1.7 synthetic");
    let followed = software.get(&format!("/deposits/{id}")).await;
    assert_eq!(followed.body["state"], "released");
    assert!(followed.body["opened_at"].is_string(), "{}", followed.text);
    house.prove_receipts().await;
    let receipt = software.get(&format!("/deposits/{id}/receipt")).await;
    assert!(receipt.text.contains(reference.as_str()));
    assert!(
        house.mails_to(DEPOSITOR).await.iter().any(|mail| mail.contains("Subject:")),
        "acknowledged like any deposit"
    );
    let listed = software.get("/deposits").await;
    assert_eq!(listed.body["deposits"][0]["reference"], reference.as_str());
    let list = pli::app::ports::List::TransfersOf { mailbox: house.pensions.id, before: None };
    let transfers = house.app.store.list(&list, 1).await.unwrap();
    let pli::app::ports::Record::Transfer(transfer) = &transfers[0].record else { panic!("no transfer") };
    assert_eq!(transfer.route, Route::Api);
    assert!(house.events().await.contains(&Action::TokenUsed));
}

#[tokio::test]
async fn the_same_idempotency_key_begins_the_same_deposit_and_no_other() {
    let house = House::build().await;
    let (software, _) = software(&house).await;
    let headers = [("content-type", "application/json"), ("idempotency-key", "case-4711")];
    let first = software.ask(Method::POST, "/deposits", &headers, wish().to_string()).await;
    let second = software.ask(Method::POST, "/deposits", &headers, wish().to_string()).await;
    assert_eq!((first.status, second.status), (StatusCode::CREATED, StatusCode::OK));
    assert_eq!(first.body["id"], second.body["id"]);
    let client = NewApiClient {
        senders: vec![address(DEPOSITOR), address("a@departement.example")],
        ..new_client(&house)
    };
    let (_, token) = house.app.make_api_client(client, OPERATOR).await.unwrap();
    let other = Software::new(&house, Some(token_text(&token.unwrap())));
    let theirs = other.ask(Method::POST, "/deposits", &headers, wish().to_string()).await;
    assert_ne!(theirs.body["id"], first.body["id"], "another software's key is another key");
    let changed = json!({"organisation": "carsat", "mailbox": "pensions", "sender": "a@departement.example"});
    let reused = other.ask(Method::POST, "/deposits", &headers, changed.to_string()).await;
    assert_eq!(kind(&reused), "idempotency-key-reused");
    let elsewhere = other.get(&format!("/deposits/{}", first.body["id"].as_str().unwrap())).await;
    assert_eq!(kind(&elsewhere), "not-found", "nobody sees another software's deposits");
}

#[tokio::test]
async fn what_ends_a_right_bites_at_the_next_step_also_in_the_middle_of_a_deposit() {
    for what in ["revoked", "expired", "suspended", "blocked", "ended"] {
        let house = House::build().await;
        let (software, client) = software(&house).await;
        let id = software.begin().await;
        let known = house.record(&pli::app::ports::Key::Partner(client.partner)).await.unwrap();
        let pli::app::ports::Record::Partner(partner) = known else { panic!("no partner") };
        match what {
            "revoked" => assert!(house.app.revoke_api_client(client.id, OPERATOR).await.unwrap()),
            "expired" => {
                house.clock.advance(Millis::days(89));
                house.app.make_keys(house.app.now().at).await.unwrap();
            }
            "suspended" => {
                let suspended = pli::identity::Partner { suspended: true, ..partner };
                house.app.put_partner(suspended, Origin::Cli).await.unwrap();
            }
            "blocked" => {
                let blocked = pli::identity::Partner { blocked: [address(DEPOSITOR)].into(), ..partner };
                house.app.put_partner(blocked, Origin::Cli).await.unwrap();
            }
            _ => {
                let key = pli::app::ports::Key::Agreement((house.pensions.id, client.partner));
                let Some(pli::app::ports::Record::Agreement(agreement)) = house.record(&key).await else {
                    panic!("no agreement")
                };
                let ended = pli::identity::Agreement { until: Some(Day(1)), ..agreement };
                house.app.put_agreement(ended, Origin::Cli).await.unwrap();
            }
        }
        let put = software.ask(Method::PUT, &format!("/deposits/{id}/files/a.pdf"), &[], "%PDF-1.7").await;
        let sent = software
            .post(&format!("/deposits/{id}/send"), &json!({"title": "Demande urgente", "message": "x"}))
            .await;
        let begun = software.post("/deposits", &wish()).await;
        let expected = match what {
            "revoked" | "suspended" => ["unauthorized"; 3],
            // The draft went by its age; the token is good for one more day.
            "expired" => ["deposit-over", "deposit-over", ""],
            _ => ["deposit-over", "deposit-over", "not-allowed"],
        };
        for (said, expected) in [&put, &sent, &begun].into_iter().zip(expected) {
            if expected.is_empty() {
                assert_eq!(said.status, StatusCode::CREATED, "{what}: {}", said.text);
            } else {
                assert_eq!(kind(said), expected, "{what}: {}", said.text);
            }
        }
        assert_eq!(house.transfers().await, 0, "{what}");
        if what == "expired" {
            house.clock.advance(Millis::days(1));
            assert_eq!(kind(&software.get("/deposits").await), "unauthorized");
        }
        let events = house.events().await;
        assert!(events.contains(&Action::TokenCreated));
        assert_eq!(events.contains(&Action::TokenRevoked), what == "revoked");
    }
}

#[tokio::test]
async fn a_token_is_good_for_its_mailboxes_and_addresses_alone_and_is_kept_as_a_hash() {
    let house = House::build().await;
    let (software, client) = software(&house).await;
    for wrong in [
        json!({"organisation": "carsat", "mailbox": "pensions", "sender": "autre@departement.example"}),
        json!({"organisation": "carsat", "mailbox": "social", "sender": DEPOSITOR}),
        json!({"organisation": "carsat", "mailbox": "nulle-part", "sender": DEPOSITOR}),
        json!({"organisation": "ailleurs", "mailbox": "pensions", "sender": DEPOSITOR}),
    ] {
        let said = software.post("/deposits", &wrong).await;
        assert_eq!((kind(&said), said.body.get("detail")), ("not-allowed", None), "one answer for all");
    }
    let secret = software.token.clone().unwrap();
    let kept = serde_json::to_string(&client).unwrap();
    assert!(!kept.contains(&secret[4..]), "the token itself is nowhere");
    for wrong in [None, Some("pli_x".to_owned()), Some(format!("{secret}x")), Some(secret[4..].to_owned())] {
        let nobody = Software { token: wrong, certificate: None, pages: software.pages.clone() };
        let said = nobody.get("/deposits").await;
        assert_eq!((kind(&said), said.status), ("unauthorized", StatusCode::UNAUTHORIZED));
        assert_eq!(said.headers["www-authenticate"], "Bearer realm=\"pli\"");
    }
    assert!(house.events().await.contains(&Action::TokenRefused));
}

#[tokio::test]
async fn a_pinned_certificate_is_as_good_as_a_token_and_a_digest_is_no_token() {
    let house = House::build().await;
    let digest = Digest::of(b"a certificate");
    let pinned = NewApiClient { certificate: Some(digest), ..new_client(&house) };
    let (_, token) = house.app.make_api_client(pinned.clone(), OPERATOR).await.unwrap();
    assert!(token.is_none());
    let mut software = Software::new(&house, None);
    assert_eq!(kind(&software.get("/deposits").await), "unauthorized");
    software.certificate = Some(Digest::of(b"another"));
    assert_eq!(kind(&software.get("/deposits").await), "unauthorized");
    software.certificate = Some(digest);
    assert_eq!(software.get("/deposits").await.status, StatusCode::OK);
    let twice = house.app.make_api_client(pinned, OPERATOR).await;
    assert!(matches!(twice, Err(NewClientError::Taken)));
}

#[tokio::test]
async fn a_token_is_not_made_for_what_the_partner_has_no_right_to() {
    let house = House::build().await;
    let social =
        house.app.mailboxes().await.unwrap().into_iter().find(|m| m.slug.as_str() == "social").unwrap();
    let good = new_client(&house);
    for (new, named) in [
        (NewApiClient { mailboxes: vec![], ..good.clone() }, "at least one mailbox"),
        (NewApiClient { senders: vec![address("a@ailleurs.example")], ..good.clone() }, "not of a domain"),
        (NewApiClient { mailboxes: vec![social.id], ..good.clone() }, "no agreement"),
        (NewApiClient { days: 731, ..good.clone() }, "1 to 730 days"),
    ] {
        let error = house.app.make_api_client(new, OPERATOR).await.unwrap_err().to_string();
        assert!(error.contains(named), "{error}");
    }
}

#[tokio::test]
async fn what_is_refused_is_told_in_the_callers_language_with_what_to_do_and_loses_nothing() {
    let house = House::build().await;
    let (software, _) = software(&house).await;
    let id = software.begin().await;
    let send = format!("/deposits/{id}/send");
    let empty = software.post(&send, &json!({"title": "Demande urgente"})).await;
    assert_eq!(kind(&empty), "deposit-refused");
    let title = json!({"title": "Dossier de Jeanne MARTIN", "message": "x"});
    let french = software.post(&send, &title).await;
    assert_eq!(kind(&french), "title-refused");
    assert!(french.body["findings"][0]["reason"].is_string() && french.body["suggestion"].is_string());
    let headers = [("content-type", "application/json"), ("accept-language", "en")];
    let english = software.ask(Method::POST, &send, &headers, title.to_string()).await;
    assert_ne!(english.body["title"], french.body["title"]);
    let large = software
        .ask(
            Method::PUT,
            &format!("/deposits/{id}/files/a.pdf"),
            &[("content-length", "1000001")],
            vec![0; 1_000_001],
        )
        .await;
    assert_eq!(kind(&large), "too-large");
    let nothing = software.ask(Method::PUT, &format!("/deposits/{id}/files/a.pdf"), &[], "").await;
    assert_eq!(kind(&nothing), "file-refused");
    for (body, media) in [
        ("{", "application/json"),
        ("{\"titre\":\"x\"}", "application/json"),
        ("title=x", "application/x-www-form-urlencoded"),
    ] {
        let said = software.ask(Method::POST, &send, &[("content-type", media)], body).await;
        assert_eq!(kind(&said), "invalid-request");
    }
    assert_eq!(kind(&software.get("/nulle-part").await), "not-found");
    assert_eq!(kind(&software.ask(Method::PATCH, "/deposits", &[], "").await), "method-not-allowed");
    let sent = software.post(&send, &json!({"title": "Demande urgente", "message": "x"})).await;
    assert_eq!(sent.status, StatusCode::CREATED, "the deposit is as it was");
}

#[tokio::test]
async fn a_file_comes_by_tus_and_a_deposit_is_given_up() {
    let house = House::build().await;
    let (software, _) = software(&house).await;
    let id = software.begin().await;
    let tus = ("tus-resumable", "1.0.0");
    let create = [tus, ("upload-length", "10"), ("upload-metadata", "filename YS5wZGY=")];
    let created = software.ask(Method::POST, &format!("/deposits/{id}/uploads"), &create, "").await;
    assert_eq!(created.status, StatusCode::CREATED, "{}", created.text);
    let location = created.headers["location"].to_str().unwrap().strip_prefix("/api/v1").unwrap().to_owned();
    let unfinished =
        software.post(&format!("/deposits/{id}/send"), &json!({"title": "Demande urgente"})).await;
    assert_eq!(kind(&unfinished), "deposit-refused");
    let patch = [tus, ("upload-offset", "0"), ("content-type", "application/offset+octet-stream")];
    let wrong = [tus, ("upload-offset", "7"), patch[2]];
    assert_eq!(kind(&software.ask(Method::PATCH, &location, &wrong, "x").await), "upload-refused");
    let taken = software.ask(Method::PATCH, &location, &patch, "0123456789").await;
    assert_eq!(
        (taken.status, &taken.headers["upload-offset"]),
        (StatusCode::NO_CONTENT, &"10".parse().unwrap())
    );
    let shown = software.get(&format!("/deposits/{id}")).await;
    assert_eq!(shown.body["files"][0]["name"], "a.pdf");
    let removed = software.ask(Method::DELETE, &format!("/deposits/{id}/files/a.pdf"), &[], "").await;
    assert_eq!(removed.status, StatusCode::NO_CONTENT);
    let given_up = software.ask(Method::DELETE, &format!("/deposits/{id}"), &[], "").await;
    assert_eq!(given_up.status, StatusCode::NO_CONTENT);
    assert_eq!(kind(&software.get(&format!("/deposits/{id}")).await), "not-found");
}

#[tokio::test]
async fn who_shows_wrong_tokens_without_end_waits_and_good_ones_go_on() {
    let house = House::build().await;
    let (software, _) = software(&house).await;
    let nobody = Software { token: Some("pli_x".into()), certificate: None, pages: software.pages.clone() };
    for _ in 0..20 {
        assert_eq!(nobody.get("/deposits").await.status, StatusCode::UNAUTHORIZED);
    }
    let told = nobody.get("/deposits").await;
    assert_eq!((kind(&told), told.headers.contains_key("retry-after")), ("too-many-requests", true));
    assert_eq!(software.get("/deposits").await.status, StatusCode::OK);
}

#[tokio::test]
async fn the_document_tells_the_routes_that_there_are_and_each_answers_as_it_says() {
    let house = House::build().await;
    let nobody = Software::new(&house, None);
    let document: Value = serde_json::from_str(OPENAPI).unwrap();
    assert_eq!(nobody.get("/openapi.json").await.body, document);
    let methods = [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
    for (path, item) in document["paths"].as_object().unwrap() {
        let asked =
            path.replace("{id}", &"0".repeat(32)).replace("{name}", "a").replace("{upload}", &"0".repeat(32));
        for method in &methods {
            let said = nobody.ask(method.clone(), &asked, &[("tus-resumable", "1.0.0")], "").await;
            let operation = &item[method.as_str().to_lowercase()];
            let told = operation["responses"].get(said.status.as_str()).is_some();
            let is_tus = path.contains("/uploads");
            // Without a token: told as documented; where there is no such operation, no such method.
            assert_eq!(told, operation.is_object(), "{method} {path}: {}", said.status);
            if operation.is_null() && !is_tus {
                assert_eq!(said.status, StatusCode::METHOD_NOT_ALLOWED, "{method} {path}");
            }
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_restored_backup_voids_tokens_and_what_they_began() {
    let house = House::build().await;
    let (software, client) = software(&house).await;
    let id = software.begin().await;
    let restored = backups::empty(&house);
    backups::restore(&restored, backups::back_up(&house).await).await.unwrap();
    assert!(restored.app.api_clients().await.unwrap().is_empty(), "it may have been revoked since");
    let draft = id.parse().unwrap();
    assert!(restored.record(&pli::app::ports::Key::ApiDeposit((client.id, draft))).await.is_none());
}
