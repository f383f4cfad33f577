//! The deposit page of a mailbox: an address is asked for, a mail is sent, its link or its code opens the draft
//! (D1 to D3). A page that a robot visits changes nothing; a person's POST does (invariant 6).

use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::request::{CookieName, Guest};
use super::texts::Texts;
use super::views::{
    AddressProblem, CodePage, CodeProblem, DepositHost, DepositPage, ErrorKind, Limits, LinkPage, Template,
};
use crate::app::{AppError, OpenDraftError, OpenedDraft, ProofAsked, Tries};
use crate::identity::PROOF_LIFE;
use crate::mailbox::Mailbox;
use crate::policy::title::MAX_TITLE_CHARS;
use crate::transfer::DRAFT_LIFE;
use crate::value::{MailAddress, ProofId, Slug, Token};

/// How long the browser keeps the cookie of a typed code, in seconds.
const CODE_COOKIE_SECONDS: i64 = PROOF_LIFE.0 / 1000;
/// How long the browser keeps the cookie of a draft, in seconds: as long as the draft lives after its last byte, and
/// as long again.
const DRAFT_COOKIE_SECONDS: i64 = 2 * DRAFT_LIFE.0 / 1000;
/// The minutes that the pages say.
pub(in crate::web) const PROOF_MINUTES: u32 = 15;

#[derive(Deserialize)]
pub(in crate::web) struct AddressForm {
    #[serde(default)]
    address: String,
}

#[derive(Deserialize)]
pub(in crate::web) struct CodeForm {
    #[serde(default)]
    code: String,
}

#[derive(Deserialize)]
pub(in crate::web) struct TitleForm {
    mailbox: String,
    title: String,
}

pub(in crate::web) async fn show(
    State(shared): State<Shared>,
    Path(page): Path<(String, String)>,
    guest: Guest,
) -> Outcome {
    let (mailbox, host) = find(&shared, &guest, &page).await?;
    Ok(deposit_page(&shared, &guest, &mailbox, host, String::new(), None))
}

/// The answer is the same for every address, after the same work (invariant 8).
pub(in crate::web) async fn ask(
    State(shared): State<Shared>,
    Path(page): Path<(String, String)>,
    guest: Guest,
    Form(form): Form<AddressForm>,
) -> Outcome {
    let (mailbox, host) = find(&shared, &guest, &page).await?;
    let problem = if form.address.trim().is_empty() {
        AddressProblem::Missing
    } else if let Ok(address) = MailAddress::parse(&form.address) {
        begin(&shared, &guest, &shared.asks)?;
        let asked = shared.app.request_proof(&mailbox, address, guest.language, guest.visitor).await;
        let asked = asked.map_err(|error| Errors::new(&shared, &guest).fault(&error))?;
        let page = code_page(&shared, &guest, host, form.address, None);
        return Ok(code_asked(&shared, &guest, &page, &asked));
    } else {
        AddressProblem::NotAnAddress
    };
    Ok(deposit_page(&shared, &guest, &mailbox, host, form.address, Some(problem)))
}

pub(in crate::web) async fn type_code(
    State(shared): State<Shared>,
    Path(page): Path<(String, String)>,
    guest: Guest,
    Form(form): Form<CodeForm>,
) -> Outcome {
    let (_, host) = find(&shared, &guest, &page).await?;
    let again = |problem| {
        let page = code_page(&shared, &guest, host.clone(), String::new(), Some(problem));
        Answer::page(StatusCode::UNPROCESSABLE_ENTITY, &guest, &page).into_response()
    };
    let digits = form.code.chars().filter(char::is_ascii_digit).count();
    if digits != 8 {
        return Ok(again(CodeProblem::Shape));
    }
    let Some((proof, browser)) = guest.binding() else { return Ok(again(CodeProblem::Ended)) };
    begin(&shared, &guest, &shared.failures)?;
    let opened = shared.app.open_draft_by_code(proof, &browser, &form.code, guest.visitor).await;
    if !matches!(opened, Err(OpenDraftError::WrongCode { .. } | OpenDraftError::NotGood)) {
        // The others stay: with an address of one's own, one could else guess passwords for ever.
        shared.failures.take_back(guest.visitor.address);
    }
    match opened {
        Ok(opened) => go_to_draft(&shared, &guest, &opened).await,
        Err(OpenDraftError::WrongCode { .. }) => Ok(again(CodeProblem::Wrong)),
        Err(OpenDraftError::NotGood) => Ok(again(CodeProblem::Ended)),
        Err(OpenDraftError::Closed(closed)) => {
            Err(Errors::new(&shared, &guest).page(ErrorKind::DoorClosed(closed)))
        }
        Err(OpenDraftError::Fault(error)) => Err(Errors::new(&shared, &guest).fault(&error)),
    }
}

/// Counts a try of the visitor's network; who tried too often waits, whatever was typed (invariant 8).
pub(in crate::web) fn begin(shared: &Shared, guest: &Guest, tries: &Tries) -> Result<(), Response> {
    let now = shared.app.now().at;
    tries.begin(guest.visitor.address, now).map_err(|minutes| {
        Errors::new(shared, guest).page(ErrorKind::TooMany { seconds: minutes.saturating_mul(60) })
    })
}

/// A button, whatever the token: whoever fetches the page learns and changes nothing.
pub(in crate::web) async fn show_link(
    State(shared): State<Shared>,
    Path(token): Path<String>,
    guest: Guest,
) -> Outcome {
    let Some(token) = Token::parse(&token) else {
        return Err(Errors::new(&shared, &guest).page(ErrorKind::NotFound));
    };
    let action = format!("/depot/lien/{}", token.expose());
    let page = LinkPage { frame: guest.frame(&shared, None), action };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

pub(in crate::web) async fn follow_link(
    State(shared): State<Shared>,
    Path(token): Path<String>,
    guest: Guest,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let Some(token) = Token::parse(&token) else { return Err(errors.page(ErrorKind::NotFound)) };
    match shared.app.open_draft_by_link(&token, guest.visitor).await {
        Ok(opened) => go_to_draft(&shared, &guest, &opened).await,
        Err(OpenDraftError::Fault(error)) => Err(errors.fault(&error)),
        Err(OpenDraftError::Closed(closed)) => Err(errors.page(ErrorKind::DoorClosed(closed))),
        Err(_) => Err(errors.page(ErrorKind::LinkExpired { again: None })),
    }
}

/// The live check while the depositor types. The title is looked at and forgotten.
pub(in crate::web) async fn check_title(
    State(shared): State<Shared>,
    guest: Guest,
    axum::Json(form): axum::Json<TitleForm>,
) -> Response {
    let policies = shared.app.policies.load();
    let body = match policies.titles.clean_for_web(&form.mailbox, &form.title) {
        Ok(_) => serde_json::json!({"findings": []}),
        Err(refusal) => {
            let findings = refusal.findings().iter().map(|finding| {
                serde_json::json!({
                    "start": finding.start,
                    "end": finding.end,
                    "kind": finding.kind.code(),
                    "reason": finding.reason.sentence(guest.language),
                })
            });
            let suggestion = refusal.suggestion().as_str();
            serde_json::json!({"findings": findings.collect::<Vec<_>>(), "suggestion": suggestion})
        }
    };
    Answer::json(StatusCode::OK, &body).into_response()
}

pub(in crate::web) async fn go_to_draft(shared: &Shared, guest: &Guest, opened: &OpenedDraft) -> Outcome {
    let host =
        host_of(shared, &opened.mailbox).await.map_err(|error| Errors::new(shared, guest).fault(&error))?;
    let secure = shared.config.secure_cookies;
    let cookie = CookieName::Draft(opened.draft).set(secure, &opened.token.expose(), DRAFT_COOKIE_SECONDS);
    let answer = Answer::see_other(&format!("{}/brouillon/{}", host.path, opened.draft));
    Ok(answer.with_cookie(&cookie).with_cookie(&CookieName::Browser.unset(secure)).into_response())
}

/// The mailbox of a deposit page; 404 for one that takes no deposits.
pub(in crate::web) async fn find(
    shared: &Shared,
    guest: &Guest,
    (organisation, mailbox): &(String, String),
) -> Result<(Mailbox, DepositHost), Response> {
    let errors = Errors::new(shared, guest);
    let (Ok(organisation), Ok(mailbox)) = (Slug::parse(organisation), Slug::parse(mailbox)) else {
        return Err(errors.page(ErrorKind::NotFound));
    };
    let found = shared.app.mailbox_by_page(&organisation, &mailbox).await;
    let Some(mailbox) = found.map_err(|error| errors.fault(&error))? else {
        return Err(errors.page(ErrorKind::NotFound));
    };
    let host = host_of(shared, &mailbox).await.map_err(|error| errors.fault(&error))?;
    Ok((mailbox, host))
}

/// Whose mailbox a page is for.
pub(in crate::web) async fn host_of(shared: &Shared, mailbox: &Mailbox) -> Result<DepositHost, AppError> {
    let organisation = shared.app.organisation_of(mailbox).await?;
    Ok(DepositHost {
        organisation: organisation.name,
        mailbox: mailbox.name.clone(),
        purpose: mailbox.purpose.clone(),
        path: format!("/depot/{}/{}", organisation.slug, mailbox.slug),
        dpo: organisation.data_protection_officer.to_string(),
    })
}

/// The limits, to be said before anything is sent.
pub(in crate::web) fn limits_of(shared: &Shared, mailbox: &Mailbox) -> Limits {
    let limits = shared.app.limits_in_force(mailbox);
    Limits {
        files: limits.files,
        file_size: limits.file,
        total_size: limits.deposit,
        hourly: limits.hourly,
        title_characters: MAX_TITLE_CHARS,
        days: u32::from(shared.app.policies.load().validity.page_days()),
    }
}

/// Whether files are scanned and which are accepted, to be said before anything is sent.
pub(in crate::web) fn inspection_words(shared: &Shared, guest: &Guest, mailbox: &Mailbox) -> String {
    let t = &Texts::of(guest.language).inspection;
    if !shared.app.inspects_files() {
        return t.off.to_owned();
    }
    format!("{} {}.", t.on, shared.app.file_policy(mailbox).accepted_in_words(guest.language))
}

/// The page that takes the code, bound to the browser that asked.
pub(in crate::web) fn code_asked<P: Template>(
    shared: &Shared,
    guest: &Guest,
    page: &P,
    asked: &ProofAsked,
) -> Response {
    let binding = format!("{}.{}", asked.proof, asked.browser.expose());
    let cookie = CookieName::Browser.set(shared.config.secure_cookies, &binding, CODE_COOKIE_SECONDS);
    Answer::page(StatusCode::OK, guest, page).with_cookie(&cookie).into_response()
}

fn deposit_page(
    shared: &Shared,
    guest: &Guest,
    mailbox: &Mailbox,
    host: DepositHost,
    address: String,
    problem: Option<AddressProblem>,
) -> Response {
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let limits = limits_of(shared, mailbox);
    let inspection = inspection_words(shared, guest, mailbox);
    let page = DepositPage { frame: guest.frame(shared, None), host, limits, inspection, address, problem };
    Answer::page(status, guest, &page).into_response()
}

pub(in crate::web) fn code_page(
    shared: &Shared,
    guest: &Guest,
    host: DepositHost,
    address: String,
    problem: Option<CodeProblem>,
) -> CodePage {
    CodePage { frame: guest.frame(shared, None), host, address, minutes: PROOF_MINUTES, problem }
}

impl Guest {
    /// The proof that this browser asked for, and the token that binds it.
    pub(in crate::web) fn binding(&self) -> Option<(ProofId, Token)> {
        let (proof, token) = self.cookie(CookieName::Browser)?.split_once('.')?;
        Some((proof.parse().ok()?, Token::parse(token)?))
    }
}
