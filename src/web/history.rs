//! The history of deposits (D11): a depositor's own after the proof of the address, a structure's for its gestionnaires. Asking
//! says the same to everybody; what a robot fetches shows nothing (invariants 6 and 8).

use axum::Router;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Form, Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::deposit::{PROOF_MINUTES, begin, code_asked};
use super::desk::attachment;
use super::request::Guest;
use super::structures::{asked_for, path, refusal};
use super::views::{
    AddressProblem, CodeProblem, ErrorKind, HistoryTyped, OwnHistoryPage, StatusAskPage, StatusCodePage,
    StatusLinkPage, StructureHistoryPage,
};
use crate::app::{HistoryFilter, HistoryPage, HistoryRow, HistoryState, StatusError, history_state};
use crate::value::{MailAddress, Timestamp, Token, calendar};

/// The routes of these pages.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/suivi", get(show).post(ask))
        .route("/suivi/code", post(type_code))
        .route("/suivi/liste/{token}", get(show_link).post(follow_link))
        .route("/structures/{structure}/historique", get(structure))
        .route("/structures/{structure}/historique.csv", get(table))
}

#[derive(Deserialize)]
struct AddressForm {
    #[serde(default)]
    address: String,
}

#[derive(Deserialize)]
struct CodeForm {
    #[serde(default)]
    code: String,
}

/// What is asked for in the query, as typed.
#[derive(Default, Deserialize)]
#[serde(default)]
struct Asked {
    site: String,
    boite: String,
    etat: String,
    du: String,
    au: String,
    avant: String,
}

async fn show(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let frame = guest.frame(&shared, None);
    let page = StatusAskPage { frame, reference: None, address: String::new(), problem: None };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

/// The answer is the same for every address, after the same work (invariant 8).
async fn ask(State(shared): State<Shared>, guest: Guest, Form(form): Form<AddressForm>) -> Outcome {
    let problem = match MailAddress::parse(&form.address) {
        Ok(address) => {
            begin(&shared, &guest, &shared.asks)?;
            let asked = shared.app.request_history(address, guest.language, guest.visitor).await;
            let asked = asked.map_err(|error| Errors::new(&shared, &guest).fault(&error))?;
            let page = code_page(&shared, &guest, form.address, None);
            return Ok(code_asked(&shared, &guest, &page, &asked));
        }
        Err(_) if form.address.trim().is_empty() => AddressProblem::Missing,
        Err(_) => AddressProblem::NotAnAddress,
    };
    let frame = guest.frame(&shared, None);
    let page = StatusAskPage { frame, reference: None, address: form.address, problem: Some(problem) };
    Ok(Answer::page(StatusCode::UNPROCESSABLE_ENTITY, &guest, &page).into_response())
}

async fn type_code(State(shared): State<Shared>, guest: Guest, Form(form): Form<CodeForm>) -> Outcome {
    let again = |problem| {
        let page = code_page(&shared, &guest, String::new(), Some(problem));
        Answer::page(StatusCode::UNPROCESSABLE_ENTITY, &guest, &page).into_response()
    };
    if form.code.chars().filter(char::is_ascii_digit).count() != 8 {
        return Ok(again(CodeProblem::Shape));
    }
    let Some((proof, browser)) = guest.binding() else { return Ok(again(CodeProblem::Ended)) };
    begin(&shared, &guest, &shared.failures)?;
    let shown = shared.app.history_by_code(proof, &browser, &form.code, guest.visitor).await;
    if !matches!(shown, Err(StatusError::WrongCode { .. } | StatusError::NotGood)) {
        shared.failures.take_back(guest.visitor.address);
    }
    match shown {
        Ok(rows) => Ok(own(&shared, &guest, rows)),
        Err(StatusError::WrongCode { .. }) => Ok(again(CodeProblem::Wrong)),
        Err(StatusError::NotGood) => Ok(again(CodeProblem::Ended)),
        Err(StatusError::Fault(error)) => Err(Errors::new(&shared, &guest).fault(&error)),
    }
}

async fn show_link(State(shared): State<Shared>, Path(token): Path<String>, guest: Guest) -> Outcome {
    let Some(token) = Token::parse(&token) else {
        return Err(Errors::new(&shared, &guest).page(ErrorKind::NotFound));
    };
    let action = format!("/suivi/liste/{}", token.expose());
    let page = StatusLinkPage { frame: guest.frame(&shared, None), action };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

async fn follow_link(State(shared): State<Shared>, Path(token): Path<String>, guest: Guest) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let Some(token) = Token::parse(&token) else { return Err(errors.page(ErrorKind::NotFound)) };
    match shared.app.history_by_link(&token, guest.visitor).await {
        Ok(rows) => Ok(own(&shared, &guest, rows)),
        Err(StatusError::Fault(error)) => Err(errors.fault(&error)),
        Err(_) => Err(errors.page(ErrorKind::LinkExpired { again: Some("/suivi".to_owned()) })),
    }
}

fn own(shared: &Shared, guest: &Guest, rows: Vec<HistoryRow>) -> Response {
    let page = OwnHistoryPage { frame: guest.frame(shared, None), rows };
    Answer::page(StatusCode::OK, guest, &page).into_response()
}

fn code_page(
    shared: &Shared,
    guest: &Guest,
    address: String,
    problem: Option<CodeProblem>,
) -> StatusCodePage {
    let frame = guest.frame(shared, None);
    StatusCodePage { frame, reference: None, address, minutes: PROOF_MINUTES, problem }
}

impl Asked {
    /// What was asked for; none when it is not what any page of ours links to.
    fn filter(&self) -> Option<HistoryFilter> {
        let chosen = |text: &str| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let day = |text: &str, after| match text {
            "" => Some(None),
            text => calendar::start_of_day(text, after).map(Some),
        };
        Some(HistoryFilter {
            site: chosen(&self.site),
            mailbox: chosen(&self.boite).map(|id| id.parse().ok()).map_or(Some(None), |id| id.map(Some))?,
            state: match &self.etat[..] {
                "" => None,
                code => Some(HistoryState::ALL.into_iter().find(|state| state_code(*state) == code)?),
            },
            from: day(&self.du, 0)?,
            until: day(&self.au, 1)?,
            before: match &self.avant[..] {
                "" => None,
                at => Some(Timestamp(at.parse().ok()?)),
            },
        })
    }

    fn query(&self, before: Option<Timestamp>) -> String {
        let before = before.map(|at| at.0.to_string()).unwrap_or_default();
        let pairs = [
            ("site", &self.site),
            ("boite", &self.boite),
            ("etat", &self.etat),
            ("du", &self.du),
            ("au", &self.au),
            ("avant", &before),
        ];
        let pairs = pairs.iter().filter(|(_, value)| !value.is_empty());
        let pairs =
            pairs.map(|(name, value)| format!("{name}={}", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        pairs.collect::<Vec<_>>().join("&")
    }
}

async fn structure(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
    guest: Guest,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let Query(asked) = asked.map_err(|refused| errors.translate(refused.into_response()))?;
    let (signed, id) = asked_for(&shared, &guest, &id).await?;
    let errors = errors.signed_as(Some(&signed));
    let filter = asked.filter().ok_or_else(|| errors.page(ErrorKind::BadRequest))?;
    let found = shared.app.structure_history(&signed, id, &filter, guest.visitor).await;
    let HistoryPage { partner, mailboxes, rows, next } =
        found.map_err(|error| refusal(&shared, &guest, &signed, &error))?;
    let mut sites: Vec<String> = partner.sites.iter().map(|site| site.name.clone()).collect();
    sites.sort();
    sites.dedup();
    let own = format!("{}/historique", path(id));
    let states = HistoryState::ALL.map(|state| (state_code(state), history_state(state, guest.language)));
    let page = StructureHistoryPage {
        frame: guest.frame(&shared, Some(&signed)),
        structure: path(id),
        name: partner.name,
        sites,
        mailboxes: mailboxes.into_iter().map(|(id, name)| (id.to_string(), name)).collect(),
        states: states.to_vec(),
        rows,
        next: next.map(|at| format!("{own}?{}", asked.query(Some(at)))),
        csv: format!("{own}.csv?{}", asked.query(None)),
        path: own,
        typed: HistoryTyped {
            site: asked.site,
            mailbox: asked.boite,
            state: asked.etat,
            from: asked.du,
            until: asked.au,
        },
    };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

async fn table(
    State(shared): State<Shared>,
    Path(id): Path<String>,
    asked: Result<Query<Asked>, QueryRejection>,
    guest: Guest,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let Query(asked) = asked.map_err(|refused| errors.translate(refused.into_response()))?;
    let (signed, id) = asked_for(&shared, &guest, &id).await?;
    let filter = asked.filter().ok_or_else(|| errors.page(ErrorKind::BadRequest))?;
    let table = shared.app.structure_history_table(&signed, id, &filter, guest.language, guest.visitor).await;
    let table = table.map_err(|error| refusal(&shared, &guest, &signed, &error))?;
    Ok(attachment("text/csv; charset=utf-8; header=present", "historique.csv", table))
}

const fn state_code(state: HistoryState) -> &'static str {
    match state {
        HistoryState::Held => "attente",
        HistoryState::Waiting => "non-ouvert",
        HistoryState::Opened => "ouvert",
        HistoryState::Dispatched => "transmis",
        HistoryState::Answered => "repondu",
        HistoryState::Ended => "fini",
    }
}
