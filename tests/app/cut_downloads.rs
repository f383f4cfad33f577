//! A download that runs while the right to it ends is cut within 60 seconds (invariants 5, 7): whatever ends the right, and
//! also for who reads so slowly that all of the rest waits already. Who keeps the right reads to the end.

use axum::Router;
use axum::body::{Body, BodyDataStream};
use axum::http::header::COOKIE;
use axum::http::{Request, StatusCode};
use futures_util::StreamExt;
use pli::app::ports::{Key, List};
use pli::audit::{Action, FailureReason, Origin, Outcome};
use pli::identity::{Partner, Session};
use pli::value::{Millis, Reference};
use pli::web::{WebConfig, router};

use crate::house::{DEPOSITOR, House, PASSWORD, address, visitor};
use crate::outside::{answer_with, open};

const AGENT: &str = "agent@carsat.example";
/// What a body holds at most when its reader takes nothing, several times over.
const FILE_BYTES: usize = 900_000;
/// After what ended the right, no byte leaves when this has passed.
const WITHIN: Millis = Millis::seconds(59);

fn pages(house: &House) -> Router {
    router(house.app.clone(), WebConfig { secure_cookies: false, demo: None })
}

fn scan() -> Vec<u8> {
    (0..FILE_BYTES).map(|n| u8::try_from(n % 251).unwrap()).collect()
}

/// A deposit of one file, and a member's cookie.
async fn deposited(house: &House) -> (Reference, String) {
    let draft = house.draft().await;
    house.add_file(&draft, "scan.tiff", &scan()).await;
    let reference = house.send(&draft, "Demande urgente").await.unwrap().reference;
    let password = pli::identity::Password::new(PASSWORD.into());
    let token = house.app.sign_in(Some(address(AGENT)), password, visitor()).await.unwrap();
    (reference, format!("pli_session={}", token.expose()))
}

/// A download that began: its first piece came, and it stands still.
async fn begun(house: &House, path: &str, cookie: &str) -> (usize, BodyDataStream) {
    let request = Request::builder().uri(path).header(COOKIE, cookie).body(Body::empty()).unwrap();
    let response = tower::ServiceExt::oneshot(pages(house), request).await.unwrap();
    assert_eq!(response.status(), StatusCode::OK);
    let mut body = response.into_body().into_data_stream();
    let first = body.next().await.unwrap().unwrap();
    (first.len(), body)
}

/// How many bytes still come, and whether the body ends as a whole one.
async fn rest(mut body: BodyDataStream) -> (usize, bool) {
    let mut came = 0;
    while let Some(piece) = body.next().await {
        match piece {
            Ok(piece) => came += piece.len(),
            Err(_) => return (came, false),
        }
    }
    (came, true)
}

/// How the newest download ended, once that is in the log.
async fn told(house: &House) -> Outcome {
    loop {
        let leaves = house.app.store.leaves(0, 100_000).await.unwrap();
        let events = leaves.into_iter().map(|leaf| leaf.entry.unwrap().event().unwrap());
        let ended = events
            .filter(|event| matches!(event.action, Action::FileDownloaded | Action::ArchiveDownloaded))
            .rfind(|event| event.outcome != Outcome::Intended);
        match ended {
            Some(event) => return event.outcome,
            None => tokio::task::yield_now().await,
        }
    }
}

const CUT: Outcome = Outcome::Failed(FailureReason::Interrupted);

#[tokio::test(flavor = "multi_thread")]
async fn a_member_who_is_taken_out_cut_off_or_signed_out_reads_no_further() {
    for (what, path) in [
        ("removed", "fichiers/1"),
        ("removed", "tout.zip"),
        ("cut off", "fichiers/1"),
        ("signed out", "fichiers/1"),
    ] {
        let house = House::build().await;
        let (reference, cookie) = deposited(&house).await;
        let (_, body) = begun(&house, &format!("/transferts/{reference}/{path}"), &cookie).await;
        let agent = house.sign_in(AGENT).await;
        match what {
            "removed" => {
                let (slug, id) = (&house.pensions.slug, agent.account.id);
                house.app.remove_member(&agent, slug, id, visitor()).await.unwrap();
            }
            "cut off" => drop(house.app.cut_off(agent.account.id, Origin::Cli).await.unwrap()),
            _ => {
                let token = pli::value::Token::parse(cookie.split('=').nth(1).unwrap()).unwrap();
                let signed = house.app.signed(&token, visitor()).await.unwrap().unwrap();
                house.app.sign_out(signed, visitor()).await.unwrap();
            }
        }
        house.clock.advance(WITHIN);
        assert_eq!(rest(body).await, (0, false), "{what}, {path}: what waited was still sent");
        assert_eq!(told(&house).await, CUT, "{what}, {path}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_recipient_outside_who_is_barred_reads_no_further() {
    let house = House::build().await;
    let (reference, _) = deposited(&house).await;
    let agent = house.sign_in(AGENT).await;
    answer_with(&house, &agent, &reference, "décision.tiff", &scan()).await;
    let opened = open(&house, DEPOSITOR).await;
    let cookie = format!("pli_link_{}={}", &opened.link.to_string()[..12], opened.cookie.expose());
    let (_, body) = begun(&house, &format!("/plis/{}/fichiers/1", opened.link), &cookie).await;
    let found = house.app.store.list(&List::Partners, 1).await.unwrap().remove(0).record;
    let mut council = Partner::try_from(found).unwrap();
    council.blocked.insert(address(DEPOSITOR));
    house.app.put_partner(council, Origin::Cli).await.unwrap();
    house.clock.advance(WITHIN);
    assert_eq!(rest(body).await, (0, false));
    assert_eq!(told(&house).await, CUT);
}

#[tokio::test(flavor = "multi_thread")]
async fn when_nobody_can_say_whether_there_is_a_right_nothing_more_leaves() {
    let house = House::build().await;
    let (reference, cookie) = deposited(&house).await;
    let (_, body) = begun(&house, &format!("/transferts/{reference}/fichiers/1"), &cookie).await;
    house.store.set_down(true);
    house.clock.advance(WITHIN);
    assert_eq!(rest(body).await, (0, false));
}

#[tokio::test(flavor = "multi_thread")]
async fn who_keeps_the_right_reads_to_the_end_and_the_session_stays_in_use() {
    let house = House::build().await;
    let (reference, cookie) = deposited(&house).await;
    let (first, mut body) = begun(&house, &format!("/transferts/{reference}/fichiers/1"), &cookie).await;
    // So slowly that the session would be idle for too long, were reading no use of it.
    let mut came = first;
    while let Some(piece) = body.next().await {
        came += piece.unwrap().len();
        house.clock.advance(Millis::minutes(20));
    }
    assert_eq!(came, FILE_BYTES);
    assert_eq!(told(&house).await, Outcome::Done);
    let token = pli::value::Token::parse(cookie.split('=').nth(1).unwrap()).unwrap();
    let session = Session::try_from(house.record(&Key::Session(token.hash())).await.unwrap()).unwrap();
    assert!(session.used_at.until(house.app.now().at) <= Millis::minutes(20));
}
