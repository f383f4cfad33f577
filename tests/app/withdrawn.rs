//! The depositor withdraws a deposit (V4): at once, for every holder, after the same proof of the address that shows it; agents
//! see why, the register says it, the log and the mailboxes are told.

use axum::body::{Body, to_bytes};
use axum::http::header::CONTENT_TYPE;
use axum::http::{Method, Request, StatusCode};
use pli::app::ports::{Key, List};
use pli::app::{DepositStanding, OpenError, ProofAsked, RegisterFilter, StatusError};
use pli::audit::{Action, Outcome, RefusalReason};
use pli::identity::PROOF_LIFE;
use pli::retention::{Standing, Subject};
use pli::transfer::{Ending, Transfer};
use pli::value::{Language, Millis, Reference, Token};
use pli::web::{WebConfig, router};
use tower::ServiceExt as _;

use crate::custody_house::log;
use crate::depositor::code_of;
use crate::house::{DEPOSITOR, House, address, mail_text, visitor};
use crate::scanning::{State, Told};

const AGENT: &str = "agent@carsat.example";

/// Asks to see a deposit, and has the token of the mailed link.
pub async fn link(house: &House, reference: &Reference) -> Token {
    house.app.request_status(reference, address(DEPOSITOR), Language::Fr, visitor()).await.unwrap();
    let texts = house.mails_to(DEPOSITOR).await.into_iter().rev().map(|mail| mail_text(&mail));
    let text = texts.into_iter().find(|text| text.contains("/suivi/lien/")).expect("no mail with a link");
    let token = text.split("/suivi/lien/").nth(1).unwrap().split_whitespace().next().unwrap();
    Token::parse(token).unwrap()
}

async fn transfer(house: &House, reference: &Reference) -> Option<Transfer> {
    let found = house.app.store.list(&List::TransferByReference(reference.clone()), 1).await.unwrap();
    found.into_iter().next().map(|found| Transfer::try_from(found.record).unwrap())
}

async fn told(house: &House, to: &str) -> usize {
    let mails = house.mails_to(to).await.into_iter().map(|mail| mail_text(&mail));
    mails.filter(|text| text.contains("retiré par son expéditeur")).count()
}

#[tokio::test]
async fn a_withdrawn_deposit_is_gone_for_every_holder_and_each_is_told_why() {
    let house = House::build().await;
    let (reference, agent) = (house.deposit().await, house.sign_in(AGENT).await);
    let social =
        house.app.mailboxes().await.unwrap().into_iter().find(|m| m.slug.as_str() == "social").unwrap();
    house.app.dispatch(&agent, &reference, &social.id.into(), visitor()).await.unwrap();
    let open = house.app.opened_transfer(Some(&agent), &reference, visitor()).await.unwrap();
    let before = transfer(&house, &reference).await.unwrap();

    let token = link(&house, &reference).await;
    let status = house.app.withdraw_by_link(&token, visitor()).await.unwrap();
    assert!(
        matches!(status.standing, DepositStanding::Ended { is_withdrawn: true, .. }),
        "{:?}",
        status.standing
    );
    assert!(!house.app.may_still_read(&open.transfer), "a running download is cut at its next piece");
    for who in [AGENT, "autre@carsat.example"] {
        let signed = house.sign_in(who).await;
        let gone = house.app.open_transfer(&signed, &reference, visitor()).await;
        assert!(matches!(gone, Err(OpenError::Withdrawn { at }) if at == house.app.now().at), "{who}");
    }
    for holder in [house.pensions.id, social.id] {
        assert!(house.record(&Key::Grant((before.id, holder))).await.is_none(), "its grants are destroyed");
    }
    let objects = before.objects.concat();
    for object in objects {
        assert!(house.app.objects.open(&object).await.is_err(), "its sealed files are erased");
    }
    for to in ["balc-pensions@carsat.example", "balc-social@carsat.example"] {
        assert_eq!(told(&house, to).await, 1, "{to}");
    }
    let page = house.app.register(&agent, None, &RegisterFilter::default(), visitor()).await.unwrap();
    assert_eq!(page.rows[0].line.ending, Some(Ending::Revoked));
    let events = log(&house).await;
    let withdrawn = events.iter().find(|event| event.action == Action::TransferRevoked).unwrap();
    assert_eq!((withdrawn.outcome, withdrawn.partner), (Outcome::Done, before.depositor.partner));
    let refused = Outcome::Refused(RefusalReason::TransferRevoked);
    assert_eq!(events.iter().filter(|event| event.outcome == refused).count(), 2);
    let closed = house.app.keyring.standing().unwrap().into_iter();
    let closed = closed.filter(|note| note.subject == Subject::Transfer(before.id));
    assert!(
        closed.map(|note| note.standing).any(|standing| standing == Standing::Closed),
        "no backup brings it back"
    );
}

/// The code of the mail, as it was asked for in this browser.
async fn typed(house: &House, reference: &Reference) -> (ProofAsked, String) {
    let asked =
        house.app.request_status(reference, address(DEPOSITOR), Language::Fr, visitor()).await.unwrap();
    let mails = house.mails_to(DEPOSITOR).await.into_iter().rev().map(|mail| mail_text(&mail));
    let text = mails.into_iter().find(|text| text.contains("/suivi/lien/")).expect("no mail with a code");
    (asked, code_of(&text))
}

#[tokio::test]
async fn the_typed_code_withdraws_in_the_browser_that_asked_for_it_alone() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let (asked, code) = typed(&house, &reference).await;
    let elsewhere = house.app.withdraw_by_code(asked.proof, &Token::new([9; 32]), &code, visitor()).await;
    assert!(matches!(elsewhere, Err(StatusError::NotGood)), "{elsewhere:?}");
    let wrong = if code.starts_with('1') { "22222222" } else { "11111111" };
    let wrong = house.app.withdraw_by_code(asked.proof, &asked.browser, wrong, visitor()).await;
    assert!(matches!(wrong, Err(StatusError::WrongCode { .. })), "{wrong:?}");
    assert!(transfer(&house, &reference).await.is_some(), "nothing was withdrawn");
    let status = house.app.withdraw_by_code(asked.proof, &asked.browser, &code, visitor()).await.unwrap();
    assert!(matches!(status.standing, DepositStanding::Ended { is_withdrawn: true, .. }));
    assert_eq!(told(&house, "balc-pensions@carsat.example").await, 1);
    let signed = house.sign_in(AGENT).await;
    let gone = house.app.open_transfer(&signed, &reference, visitor()).await;
    assert!(matches!(gone, Err(OpenError::Withdrawn { .. })));
}

#[tokio::test]
async fn only_who_proves_the_address_withdraws_and_only_in_time() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let wrong = house.app.withdraw_by_link(&Token::new([9; 32]), visitor()).await;
    assert!(matches!(wrong, Err(StatusError::NotGood)));
    let other = address("paul.petit@departement.example");
    let asked = house.app.request_status(&reference, other, Language::Fr, visitor()).await.unwrap();
    let guessed = house.app.withdraw_by_code(asked.proof, &asked.browser, "12345678", visitor()).await;
    assert!(matches!(guessed, Err(StatusError::WrongCode { .. })), "somebody else of the same partner");
    let token = link(&house, &reference).await;
    house.clock.advance(PROOF_LIFE);
    assert!(matches!(house.app.withdraw_by_link(&token, visitor()).await, Err(StatusError::NotGood)));
    assert!(transfer(&house, &reference).await.is_some(), "nothing was withdrawn");
    let token = link(&house, &reference).await;
    house.app.withdraw_by_link(&token, visitor()).await.unwrap();
    let again = house.app.withdraw_by_link(&token, visitor()).await.unwrap();
    assert!(matches!(again.standing, DepositStanding::Ended { is_withdrawn: true, .. }), "twice is no harm");
    assert_eq!(told(&house, "balc-pensions@carsat.example").await, 1, "and is told once");
    let late = house.deposit().await;
    house.clock.advance(Millis::days(21));
    house.app.upkeep().await.unwrap();
    let token = link(&house, &late).await;
    let over = house.app.withdraw_by_link(&token, visitor()).await.unwrap();
    assert!(
        matches!(over.standing, DepositStanding::Ended { is_withdrawn: false, .. }),
        "its time was over before"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn what_waits_for_its_scan_is_withdrawn_before_anybody_gets_it() {
    let house = House::build_with(Some(Told::new(State::Gone).scanning())).await;
    let reference = house.deposit().await;
    let held = house.app.store.list(&List::HeldByReference(reference.clone()), 1).await.unwrap();
    assert_eq!(held.len(), 1, "it is held");
    let token = link(&house, &reference).await;
    let status = house.app.withdraw_by_link(&token, visitor()).await.unwrap();
    assert!(matches!(status.standing, DepositStanding::Ended { is_withdrawn: true, opened_at: None, .. }));
    assert!(house.app.store.list(&List::HeldByReference(reference.clone()), 1).await.unwrap().is_empty());
    assert!(transfer(&house, &reference).await.is_none());
    assert_eq!(told(&house, "balc-pensions@carsat.example").await, 1);
    let line = house.app.store.list(&List::RegisterByReference(reference), 1).await.unwrap();
    assert_eq!(line.len(), 1);
}

#[tokio::test]
async fn the_page_asks_before_it_withdraws_and_the_agent_s_page_says_why_it_is_gone() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let pages = router(house.app.clone(), WebConfig { secure_cookies: false, demo: None });
    let post = async |path: &str, form: &str| {
        let request = Request::builder().method(Method::POST).uri(path);
        let request = request.header(CONTENT_TYPE, "application/x-www-form-urlencoded");
        let answer = pages.clone().oneshot(request.body(Body::from(form.to_owned())).unwrap()).await.unwrap();
        let status = answer.status();
        let body = to_bytes(answer.into_body(), 1_000_000).await.unwrap();
        (status, String::from_utf8(body.to_vec()).unwrap())
    };
    let token = link(&house, &reference).await;
    let path = format!("/suivi/lien/{}", token.expose());
    let (_, page) = post(&path, "").await;
    assert!(page.contains(&format!("action=\"{path}/retirer\"")), "{page}");
    let (_, page) = post(&format!("{path}/retirer"), "").await;
    assert!(page.contains("pas encore ouvert"), "without the box ticked nothing happens");
    assert!(transfer(&house, &reference).await.is_some());
    let (status, page) = post(&format!("{path}/retirer"), "confirme=oui").await;
    assert_eq!(status, StatusCode::OK);
    assert!(page.contains("Retiré par vous") && !page.contains("/retirer\""), "{page}");
    let agent = crate::register_pages::Visit::of(&house, AGENT).await;
    let (status, _, page) = agent.ask(Method::GET, &format!("/transferts/{reference}"), "").await;
    let page = String::from_utf8(page).unwrap();
    assert_eq!(status, StatusCode::GONE);
    assert!(page.contains("Retiré par son expéditeur"), "{page}");
}
