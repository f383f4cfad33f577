//! The officer's pages over the real handlers: what they show, and that an officer has no other right (P7).

use std::time::Duration;

use axum::Router;
use axum::body::{Body, to_bytes};
use axum::http::header::{CONTENT_TYPE, COOKIE};
use axum::http::{Method, Request, StatusCode};
use pli::app::ports::{Key, StoredCheckpoint};
use pli::audit::{Action, Checkpoint, verify_consistency, verify_inclusion};
use pli::identity::Password;
use pli::value::{Digest, Reference};
use pli::web::{WebConfig, router};
use tower::ServiceExt;

use crate::house::{DEPOSITOR, House, PASSWORD, address, visitor};

const OFFICER: &str = "securite@carsat.example";
/// What no page of the officer may show: the title, the message, the name of a file, what is in it.
const CONTENT: [&str; 4] = ["Demande urgente", "dossier urgent", "avis de situation", "%PDF"];

struct Visit {
    pages: Router,
    cookie: String,
}

impl Visit {
    async fn of(house: &House, who: &str) -> Self {
        let password = Password::new(PASSWORD.into());
        let token = house.app.sign_in(Some(address(who)), password, visitor()).await.unwrap();
        let pages = router(house.app.clone(), WebConfig { secure_cookies: false, demo: None });
        Self { pages, cookie: format!("pli_session={}", token.expose()) }
    }

    async fn ask(&self, method: Method, path: &str) -> (StatusCode, String) {
        let request = Request::builder().method(method).uri(path).header(COOKIE, &self.cookie);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = self.pages.clone().oneshot(request.body(Body::empty()).unwrap()).await.unwrap();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 10_000_000).await.unwrap();
        (status, String::from_utf8_lossy(&body).into_owned())
    }

    async fn post(&self, path: &str, form: &str) -> StatusCode {
        let request = Request::builder().method(Method::POST).uri(path).header(COOKIE, &self.cookie);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let body = Body::from(form.to_owned());
        self.pages.clone().oneshot(request.body(body).unwrap()).await.unwrap().status()
    }

    async fn get(&self, path: &str) -> String {
        let (status, body) = self.ask(Method::GET, path).await;
        assert_eq!(status, StatusCode::OK, "{path}");
        body
    }
}

fn officers_pages(reference: &Reference) -> Vec<String> {
    let depositor = DEPOSITOR.replace('@', "%40");
    vec![
        "/journal".to_owned(),
        format!("/journal?person={depositor}&action=deposit.sent&origin=192.0.2.7"),
        format!("/journal/transferts/{reference}"),
        "/journal/personne".to_owned(),
        format!("/journal/personne?person={depositor}"),
        "/journal/refus".to_owned(),
        "/journal/file".to_owned(),
        "/journal/file?etat=delayed&destination=departement.example&boite=pensions".to_owned(),
        "/journal/preuves".to_owned(),
        "/journal/preuves/entree?entry=0".to_owned(),
        "/journal/droits".to_owned(),
        "/journal/droits?day=2026-11-18".to_owned(),
        "/journal/droits.csv".to_owned(),
        format!("/journal/export.csv?transfer={reference}"),
        format!("/journal/export.jsonl?transfer={reference}"),
        format!("/journal/export.bundle?transfer={reference}"),
    ]
}

#[tokio::test(flavor = "multi_thread")]
async fn no_page_or_export_of_the_officer_shows_any_content() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let officer = Visit::of(&house, OFFICER).await;
    for path in officers_pages(&reference) {
        for language in ["fr", "en"] {
            let joint = if path.contains('?') { '&' } else { '?' };
            let shown = officer.get(&format!("{path}{joint}lang={language}")).await;
            for content in CONTENT {
                assert!(!shown.contains(content), "{path} shows {content}");
            }
        }
    }
    let story = officer.get(&format!("/journal/transferts/{reference}")).await;
    assert!(story.contains("a déposé le dossier dans la boîte pensions"), "{story}");
    assert!(story.contains("aucun témoin configuré"));
    let table = officer.get(&format!("/journal/export.csv?transfer={reference}")).await;
    assert!(table.contains(DEPOSITOR));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_officer_has_no_other_right_and_nobody_else_has_the_officers() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let officer = Visit::of(&house, OFFICER).await;
    let boxes = format!("/boites/{}/membres", house.pensions.slug);
    for (method, path) in [
        (Method::GET, format!("/transferts/{reference}")),
        (Method::POST, format!("/transferts/{reference}")),
        (Method::GET, format!("/transferts/{reference}/fichiers/1")),
        (Method::GET, format!("/transferts/{reference}/tout.zip")),
        (Method::GET, boxes.clone()),
        (Method::POST, boxes.clone()),
        (Method::POST, format!("{boxes}/garde")),
    ] {
        let (status, shown) = officer.ask(method.clone(), &path).await;
        assert!(status.is_client_error(), "{method} {path}: {status}");
        for content in CONTENT {
            assert!(!shown.contains(content), "{method} {path} shows {content}");
        }
    }
    let (status, _) = officer.ask(Method::GET, "/boites").await;
    assert_eq!(status, StatusCode::SEE_OTHER, "there is no mailbox to show");
    assert!(!house.events().await.contains(&Action::TransferOpened));

    let agent = Visit::of(&house, "agent@carsat.example").await;
    let stranger = Visit { pages: agent.pages.clone(), cookie: String::new() };
    for path in officers_pages(&reference) {
        assert_eq!(agent.ask(Method::GET, &path).await.0, StatusCode::FORBIDDEN, "{path}");
        assert_eq!(stranger.ask(Method::GET, &path).await.0, StatusCode::SEE_OTHER, "{path}");
    }
    assert_eq!(agent.ask(Method::POST, "/journal/verifier").await.0, StatusCode::FORBIDDEN);
}

#[tokio::test(flavor = "multi_thread")]
async fn proofs_are_handed_out_and_hold_under_the_logs_key() {
    let house = House::build().await;
    let older = house.app.sign_checkpoint().await.unwrap().unwrap().size;
    let reference = house.deposit().await;
    let newer = house.app.sign_checkpoint().await.unwrap().unwrap().size;
    let officer = Visit::of(&house, OFFICER).await;
    let proof = async |path: String| {
        let proof: serde_json::Value = serde_json::from_str(&officer.get(&path).await).unwrap();
        let hashes: Vec<Digest> = serde_json::from_value(proof["hashes"].clone()).unwrap();
        let note = proof["checkpoint"].as_str().unwrap();
        let checkpoint = Checkpoint::open(note, &house.app.log_key().unwrap()).unwrap();
        (proof, hashes, checkpoint)
    };
    let story = officer.get(&format!("/journal/transferts/{reference}")).await;
    let link = story.split("href=\"/journal/preuves/entree?entry=").nth(1).unwrap();
    let entry: u64 = link.split('"').next().unwrap().parse().unwrap();
    let (told, hashes, checkpoint) = proof(format!("/journal/preuves/entree?entry={entry}")).await;
    let leaf: Digest = serde_json::from_value(told["leaf"].clone()).unwrap();
    verify_inclusion(&leaf, entry, checkpoint.size, &hashes, &checkpoint.root).unwrap();
    // The newest entry, which no checkpoint covers yet, is covered by then.
    let last = house.app.store.log().await.unwrap().size() - 1;
    assert!(proof(format!("/journal/preuves/entree?entry={last}")).await.2.size > last);

    let (_, hashes, checkpoint) =
        proof(format!("/journal/preuves/croissance?older={older}&newer={newer}")).await;
    let old = house.app.store.get(&Key::Checkpoint(older)).await.unwrap().unwrap().record;
    let old = StoredCheckpoint::try_from(old).unwrap();
    let old = Checkpoint::open(&old.note, &house.app.log_key().unwrap()).unwrap();
    assert!(checkpoint.size >= newer, "the one that was offered may be thinned out meanwhile");
    verify_consistency(older, &old.root, checkpoint.size, &checkpoint.root, &hashes).unwrap();
    for (path, status) in [
        ("/journal/preuves/entree?entry=999999", StatusCode::NOT_FOUND),
        ("/journal/preuves/entree?entry=moi", StatusCode::BAD_REQUEST),
        ("/journal/preuves/croissance?older=1&newer=999999", StatusCode::NOT_FOUND),
        ("/journal/preuves/croissance?older=999999&newer=1", StatusCode::NOT_FOUND),
        ("/journal/preuves/horodatages/7.tsr", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(officer.ask(Method::GET, path).await.0, status, "{path}");
    }
    let shown = officer.get("/journal/preuves").await;
    assert!(shown.contains("<option value=\""));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_verification_that_was_asked_for_does_not_hold_up_the_page() {
    let house = House::build().await;
    let officer = Visit::of(&house, OFFICER).await;
    assert_eq!(officer.ask(Method::POST, "/journal/verifier").await.0, StatusCode::SEE_OTHER);
    let ended = async {
        while house.app.is_verifying() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_mins(1), ended).await.unwrap();
    assert!(officer.get("/journal").await.contains("notice good"));
}

#[tokio::test]
async fn what_is_not_understood_is_said_and_an_unknown_transfer_is_not_found() {
    let house = House::build().await;
    let officer = Visit::of(&house, OFFICER).await;
    for path in ["/journal?origin=partout", "/journal?transfer=XX", "/journal/personne?person=Jeanne"] {
        assert!(officer.get(path).await.contains("n’a pas été compris"), "{path}");
    }
    let (status, _) = officer.ask(Method::GET, "/journal/transferts/0000-0000-0000").await;
    assert_eq!(status, StatusCode::NOT_FOUND);
    let (status, _) = officer.ask(Method::GET, "/journal/export.csv?origin=partout").await;
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_officer_acts_on_the_queue_by_its_page_and_nobody_else_does() {
    let house = House::build().await;
    let problem = pli::relay::queue::DeliveryProblem::Unreachable;
    house.draft().await;
    *house.outbox.problem.lock().unwrap() = Some(problem);
    let reference = house.deposit_undelivered().await;
    let officer = Visit::of(&house, OFFICER).await;
    let shown = officer.get("/journal/file?lang=fr").await;
    assert!(shown.contains("le serveur de courrier ne répond pas"), "{shown}");
    assert!(shown.contains("balc-pensions@carsat.example") && !shown.contains(reference.as_str()));
    let id = shown.split("name=\"courriel\" value=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
    let act = |action: &str| format!("courriel={id}&action={action}");
    let agent = Visit::of(&house, "agent@carsat.example").await;
    let (refused, _) = agent.ask(Method::GET, "/journal/file").await;
    assert_eq!(refused, StatusCode::FORBIDDEN);
    assert_eq!(agent.post("/journal/file", &act("abandonner")).await, StatusCode::FORBIDDEN);
    for (action, event) in [
        ("retenir", Action::MailHeld),
        ("reessayer", Action::MailRetried),
        ("abandonner", Action::MailCancelled),
    ] {
        assert_eq!(officer.post("/journal/file", &act(action)).await, StatusCode::SEE_OTHER);
        assert_eq!(house.events().await.last(), Some(&event));
    }
    assert!(!officer.get("/journal/file").await.contains(&id), "it does not wait any more");
}
