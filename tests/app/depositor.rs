//! What a depositor sees later, and nobody else: where a deposit stands, which files were refused, which other drafts are
//! open. Each needs the proof of the address; whoever asks learns nothing from the asking (invariants 4, 6, 8).

use axum::body::{Body, to_bytes};
use axum::http::Request;
use axum::http::header::{CONTENT_TYPE, COOKIE};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use pli::app::{
    Afterwards, DepositStanding, DepositStatus, MailAnswer, OpenDraftError, ProofAsked, StatusError,
};
use pli::audit::Action;
use pli::identity::PROOF_LIFE;
use pli::transfer::{AnswerWay, DraftState, HoldReason};
use pli::value::{DraftId, Language, Millis, Reference, Token};
use pli::web::{WebConfig, router};
use tower::ServiceExt as _;

use crate::house::{DEPOSITOR, House, address, mail_text, relay, visitor};
use crate::scanning::{State, Told};

const OTHER: &str = "paul.petit@departement.example";
/// A name that must never travel in clear.
const REFUSED_NAME: &str = "paie-dupont.exe";

fn mail() -> String {
    let file = |name: &str, bytes: &[u8]| {
        let body = BASE64.encode(bytes);
        format!(
            "--b\nContent-Type: application/octet-stream\nContent-Disposition: attachment; filename=\"{name}\"\n\
             Content-Transfer-Encoding: base64\n\n{body}\n"
        )
    };
    format!(
        "From: {DEPOSITOR}\nTo: pensions@pli.example\nSubject: Urgence\nMessage-ID: <1@departement.example>\n\
         MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nBonjour\n{}{}--b--\n",
        file("note.txt", b"ok"),
        file(REFUSED_NAME, b"MZ\x90\0")
    )
}

impl House {
    async fn deposited_by_mail(&self) -> Reference {
        match self.mail_in(Some(DEPOSITOR), &mail(), relay()).await.unwrap() {
            MailAnswer::Deposited { reference } => reference,
            MailAnswer::Noted => panic!("it was only noted"),
        }
    }

    async fn ask_status(&self, reference: &Reference, who: &str) -> ProofAsked {
        self.app.request_status(reference, address(who), Language::Fr, visitor()).await.unwrap()
    }

    /// The newest mail to an address that holds this.
    async fn newest(&self, to: &str, mark: &str) -> Option<String> {
        let mails = self.mails_to(to).await;
        mails.iter().rev().map(|mail| mail_text(mail)).find(|text| text.contains(mark))
    }

    async fn link(&self, to: &str, path: &str) -> Token {
        let text = self.newest(to, path).await.expect("no mail with a link");
        Token::parse(text.split(path).nth(1).unwrap().split_whitespace().next().unwrap()).unwrap()
    }

    async fn status(&self, reference: &Reference) -> DepositStatus {
        self.ask_status(reference, DEPOSITOR).await;
        let token = self.link(DEPOSITOR, "/suivi/lien/").await;
        self.app.status_by_link(&token, visitor()).await.unwrap()
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn the_depositor_of_a_mail_learns_the_name_of_a_refused_file_on_the_page_and_never_by_mail() {
    let house = House::build_with(Some(Told::new(State::Fit).scanning())).await;
    let reference = house.deposited_by_mail().await;
    let told = house.newest(DEPOSITOR, "2 sur 2").await.expect("the mail tells of the file");
    assert!(told.contains(&format!("https://pli.example/suivi/{reference}")), "{told}");

    let status = house.status(&reference).await;
    let names: Vec<_> = status.refused.iter().map(|file| (file.number, file.name.as_deref())).collect();
    assert_eq!(names, [(2, Some(REFUSED_NAME))]);
    assert_eq!((status.file_count, &status.reference), (1, &reference));
    assert!(matches!(status.standing, DepositStanding::Released { opened_at: None, .. }));
    let mails = house.mails_to(DEPOSITOR).await;
    assert!(mails.iter().all(|mail| !mail_text(mail).contains(REFUSED_NAME)), "a mail names the file");

    let agent = house.sign_in("agent@carsat.example").await;
    house.app.open_transfer(&agent, &reference, visitor()).await.unwrap();
    let opened = house.status(&reference).await;
    let now = house.app.now().at;
    assert!(
        matches!(opened.standing, DepositStanding::Released { opened_at: Some(at), .. } if at == now),
        "{:?}",
        opened.standing
    );
    // Dispatched, then answered by telephone: the depositor sees when, and neither to whom nor how.
    let social = house.app.mailboxes().await.unwrap().into_iter().find(|one| one.slug.as_str() == "social");
    house.clock.advance(Millis::hours(1));
    house.app.dispatch(&agent, &reference, &social.unwrap().id.into(), visitor()).await.unwrap();
    let dispatched = Afterwards { dispatched_at: Some(house.app.now().at), answered_at: None };
    let status = house.status(&reference).await;
    assert!(
        matches!(status.standing, DepositStanding::Released { then, .. } if then == dispatched),
        "{:?}",
        status.standing
    );
    house.clock.advance(Millis::hours(1));
    let at = house.app.now().at;
    let today = pli::value::calendar::local_day(at).unwrap();
    house.app.record_answer(&agent, &reference, AnswerWay::Telephone, &today, visitor()).await.unwrap();
    let answered = Afterwards { answered_at: Some(at), ..dispatched };
    let status = house.status(&reference).await;
    assert!(
        matches!(status.standing, DepositStanding::Released { then, .. } if then == answered),
        "{:?}",
        status.standing
    );
    house.clock.advance(Millis::days(21));
    house.app.confirm_clock(pli::audit::Origin::Job, Some(Millis::days(21))).await.unwrap();
    house.app.upkeep().await.unwrap();
    let ended = house.status(&reference).await;
    assert!(
        matches!(ended.standing, DepositStanding::Ended { opened_at: Some(_), then, .. } if then.answered_at == Some(at)),
        "{:?}",
        ended.standing
    );
    assert_eq!((ended.title, ended.refused.len()), (None, 0), "only the register's line is left");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_deposit_says_why_and_what_was_refused_once_it_went_on() {
    let told = Told::new(State::Gone);
    let house = House::build_with(Some(told.scanning())).await;
    let reference = house.deposited_by_mail().await;
    let letter = house.newest(DEPOSITOR, "/suivi/").await.expect("the letter leads to the page");
    assert!(letter.contains(&format!("/suivi/{reference}")));
    let held = house.status(&reference).await;
    assert!(
        matches!(held.standing, DepositStanding::Held { reason: HoldReason::ScannerDown, .. }),
        "{:?}",
        held.standing
    );
    told.is(State::Fit);
    house.clock.advance(Millis::minutes(1));
    assert_eq!(house.app.look_at_held().await.unwrap().released, 1);
    let status = house.status(&reference).await;
    assert_eq!(status.refused[0].name.as_deref(), Some(REFUSED_NAME));
}

#[tokio::test(flavor = "multi_thread")]
async fn asking_for_a_state_does_the_same_work_whoever_asks_for_whatever() {
    let house = House::build().await;
    let (mine, none) = (house.deposit().await, Reference::new([7; 8]));
    let mut work = Vec::new();
    for (reference, who) in
        [(&mine, DEPOSITOR), (&mine, OTHER), (&none, DEPOSITOR), (&none, "x@ailleurs.example")]
    {
        house.store.take_calls();
        house.ask_status(reference, who).await;
        work.push(house.store.take_calls());
    }
    assert!(work.iter().all(|calls| *calls == work[0]), "{work:?}");
    assert!(house.newest(DEPOSITOR, "/suivi/lien/").await.is_some());
    assert!(house.newest(OTHER, "/suivi/lien/").await.is_none(), "a colleague is told nothing");
    assert!(house.mails_to("x@ailleurs.example").await.is_empty());
}

/// The code of a mail, which stands in two halves.
pub fn code_of(text: &str) -> String {
    let words: Vec<&str> = text.split_whitespace().collect();
    let is_half = |word: &str| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit());
    let mut pairs = words.windows(2);
    pairs.find(|pair| pair.iter().all(|word| is_half(word))).expect("no code in the mail").concat()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_code_works_where_it_was_asked_for_and_a_wrong_one_costs_a_try() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let asked = house.ask_status(&reference, DEPOSITOR).await;
    let text = house.newest(DEPOSITOR, "/suivi/lien/").await.unwrap();
    let code = &code_of(&text);
    let elsewhere = Token::new([9; 32]);
    let stolen = house.app.status_by_code(asked.proof, &elsewhere, code, visitor()).await;
    assert!(matches!(stolen, Err(StatusError::NotGood)));
    let wrong = if code.starts_with('0') { "11111111" } else { "00000000" };
    let missed = house.app.status_by_code(asked.proof, &asked.browser, wrong, visitor()).await;
    assert!(matches!(missed, Err(StatusError::WrongCode { tries_left: 4 })), "{missed:?}");
    let shown = house.app.status_by_code(asked.proof, &asked.browser, code, visitor()).await.unwrap();
    assert_eq!(shown.reference, reference);
    assert!(house.events().await.contains(&Action::DepositHistoryListed));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_proof_opens_what_it_was_asked_for_and_only_in_its_time() {
    let house = House::build().await;
    let reference = house.deposit().await;
    house.ask_status(&reference, DEPOSITOR).await;
    let status = house.link(DEPOSITOR, "/suivi/lien/").await;
    let draft = house.link(DEPOSITOR, "/depot/lien/").await;
    let opened = house.app.open_draft_by_link(&status, visitor()).await;
    assert!(matches!(opened, Err(OpenDraftError::NotGood)), "a link to a state opened a draft");
    let shown = house.app.status_by_link(&draft, visitor()).await;
    assert!(matches!(shown, Err(StatusError::NotGood)), "a link to a draft showed a state");
    house.clock.advance(PROOF_LIFE);
    let late = house.app.status_by_link(&status, visitor()).await;
    assert!(matches!(late, Err(StatusError::NotGood)));
}

fn form(path: &str, cookie: &str, body: String) -> Request<Body> {
    let request = Request::builder().method("POST").uri(path).header(COOKIE, cookie);
    request.header(CONTENT_TYPE, "application/x-www-form-urlencoded").body(Body::from(body)).unwrap()
}

async fn told(house: &House, request: Request<Body>) -> (u16, String) {
    let pages = router(house.app.clone(), WebConfig { secure_cookies: false, demo: None });
    let response = pages.oneshot(request).await.unwrap();
    let status = response.status().as_u16();
    let body = to_bytes(response.into_body(), 1_000_000).await.unwrap();
    (status, String::from_utf8(body.to_vec()).unwrap())
}

fn get(path: &str, cookie: &str) -> Request<Body> {
    Request::builder().uri(path).header(COOKIE, cookie).body(Body::empty()).unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn the_page_shows_the_name_to_a_post_and_nothing_to_whoever_fetches() {
    let house = House::build_with(Some(Told::new(State::Fit).scanning())).await;
    let (reference, none) = (house.deposited_by_mail().await, Reference::new([7; 8]));
    let ask = |reference: &Reference| get(&format!("/suivi/{reference}?lang=fr"), "");
    let (known, unknown) = (told(&house, ask(&reference)).await, told(&house, ask(&none)).await);
    assert_eq!(known.0, 200);
    assert_eq!(known.1.replace(reference.as_str(), none.as_str()), unknown.1, "a page tells what exists");
    let asking = |who: &str| form(&format!("/suivi/{reference}"), "", format!("address={who}"));
    let (mine, other) = (told(&house, asking(DEPOSITOR)).await, told(&house, asking(OTHER)).await);
    assert_eq!(mine.1.replace(DEPOSITOR, OTHER), other.1, "an answer tells whose it is");

    let path = format!("/suivi/lien/{}", house.link(DEPOSITOR, "/suivi/lien/").await.expose());
    let fetched = told(&house, get(&path, "")).await;
    assert!(fetched.0 == 200 && !fetched.1.contains(reference.as_str()), "{}", fetched.1);
    let (status, page) = told(&house, form(&path, "", String::new())).await;
    assert_eq!(status, 200);
    assert!(page.contains(REFUSED_NAME) && page.contains("programme"), "{page}");
}

async fn listed(house: &House, draft: &(DraftId, Token)) -> Vec<DraftId> {
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    house.app.other_drafts(&view).await.unwrap().into_iter().map(|other| other.id).collect()
}

fn cookie(draft: &(DraftId, Token)) -> String {
    format!("pli_draft_{}={}", &draft.0.to_string()[..12], draft.1.expose())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_draft_that_was_left_on_another_computer_is_found_again_by_a_new_proof() {
    let house = House::build().await;
    let left = house.draft().await;
    house.add_file(&left, "avis-dupont.pdf", b"%PDF-1.7 synthetic").await;
    let here = house.draft().await;
    assert_eq!(listed(&house, &here).await, [left.0]);
    assert!(listed(&house, &left).await.is_empty(), "an empty draft is nothing to go on with");

    let page = format!("/depot/carsat/pensions/brouillon/{}", here.0);
    let (status, shown) = told(&house, get(&page, &cookie(&here))).await;
    assert!(status == 200 && shown.contains(&left.0.to_string()), "{shown}");
    assert!(!shown.contains("avis-dupont"), "what is in it is not told before the proof");
    assert!(
        house.app.draft(left.0, &here.1).await.unwrap().is_none(),
        "this browser's cookie does not open it"
    );

    let asked =
        told(&house, form(&format!("{page}/autres"), &cookie(&here), format!("draft={}", left.0))).await;
    assert_eq!(asked.0, 200, "{}", asked.1);
    let token = house.link(DEPOSITOR, "/depot/lien/").await;
    let opened = house.app.open_draft_by_link(&token, visitor()).await.unwrap();
    assert_eq!(opened.draft, left.0);
    let again = (opened.draft, opened.token);
    let view = house.app.draft(again.0, &again.1).await.unwrap().unwrap();
    assert_eq!(house.app.listed_files(&view.draft).unwrap()[0].name, "avis-dupont.pdf");
    house.send(&again, "Demande urgente").await.unwrap();
    assert!(listed(&house, &here).await.is_empty(), "what was sent is no draft any more");
    let view = house.app.draft(left.0, &left.1).await.unwrap().unwrap();
    assert!(matches!(view.draft.state, DraftState::Sent { .. }), "the first browser sees that it went");
}

#[tokio::test(flavor = "multi_thread")]
async fn drafts_of_others_are_neither_listed_nor_asked_for() {
    let house = House::build().await;
    let mine = house.draft().await;
    house.add_file(&mine, "avis.pdf", b"%PDF-1.7 synthetic").await;
    house.app.request_proof(&house.pensions, address(OTHER), Language::Fr, visitor()).await.unwrap();
    let token = house.link(OTHER, "/depot/lien/").await;
    let opened = house.app.open_draft_by_link(&token, visitor()).await.unwrap();
    let theirs = (opened.draft, opened.token);
    assert!(listed(&house, &theirs).await.is_empty());
    let path = format!("/depot/carsat/pensions/brouillon/{}/autres", theirs.0);
    for wanted in [mine.0, DraftId::new([9; 16])] {
        let (status, _) = told(&house, form(&path, &cookie(&theirs), format!("draft={wanted}"))).await;
        assert_eq!(status, 404, "there or not, the same answer");
    }
}
