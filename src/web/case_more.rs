//! What a case's page says beside where the case stands, and its forms: the register's codes, the mediator.

use axum::Router;
use axum::extract::{Path, State};
use axum::response::IntoResponse;
use axum::routing::post;
use percent_encoding::percent_decode_str;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::register::{Codes, choices, codes_in_words};
use super::request::Guest;
use super::texts::CaseMoreWords;
use super::transfer::visitor;
use super::views::{CaseMore, CaseNotice, CodesTold, ErrorKind, RegisterChoice};
use crate::app::{AppError, CaseCodes, CaseError, OpenError};
use crate::transfer::{Due, EscalationReason, Transfer};
use crate::value::Language;

/// Fields of the form that are read.
const FIELDS_MAX: usize = 100;

/// The routes of the forms.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/transferts/{reference}/codes", post(code))
        .route("/transferts/{reference}/mediateur", post(escalate))
}

async fn code(
    State(shared): State<Shared>,
    Path(reference): Path<String>,
    guest: Guest,
    form: String,
) -> Outcome {
    let (signed, reference) = visitor(&shared, &guest, &reference).await?;
    let errors = Errors::new(&shared, &guest).signed_as(signed.as_ref());
    let path = format!("/transferts/{reference}");
    let Some(signed) = &signed else { return Err(errors.open(&OpenError::NotSignedIn, &path)) };
    let codes = typed_codes(&form).ok_or_else(|| errors.page(ErrorKind::BadRequest))?;
    let outcome = shared.app.code_case(signed, &reference, &codes, guest.visitor).await;
    after(outcome, &errors, &path, "codes")
}

async fn escalate(
    State(shared): State<Shared>,
    Path(reference): Path<String>,
    guest: Guest,
    form: String,
) -> Outcome {
    let (signed, reference) = visitor(&shared, &guest, &reference).await?;
    let errors = Errors::new(&shared, &guest).signed_as(signed.as_ref());
    let path = format!("/transferts/{reference}");
    let Some(signed) = &signed else { return Err(errors.open(&OpenError::NotSignedIn, &path)) };
    let reason = fields(&form).find(|(name, _)| name == "motif");
    let reason = reason.and_then(|(_, value)| EscalationReason::from_code(&value));
    let reason = reason.ok_or_else(|| errors.page(ErrorKind::BadRequest))?;
    let outcome = shared.app.escalate(signed, &reference, reason, guest.visitor).await;
    after(outcome, &errors, &path, "mediateur")
}

fn after(outcome: Result<(), CaseError>, errors: &Errors<'_>, path: &str, part: &str) -> Outcome {
    let back = match outcome {
        Ok(()) => format!("{path}?dossier={}#{part}", CaseNotice::Done.code()),
        Err(CaseError::Open(error)) => return Err(errors.open(&error, path)),
        Err(CaseError::InCharge { .. } | CaseError::NotFitting) => {
            format!("{path}?dossier={}#dossier", CaseNotice::NotFitting.code())
        }
    };
    Ok(Answer::see_other(&back).into_response())
}

/// What was chosen; a kind stands once for each box that is ticked.
fn typed_codes(form: &str) -> Option<CaseCodes> {
    let mut codes = CaseCodes::default();
    for (name, value) in fields(form).filter(|(_, value)| !value.is_empty()) {
        match name.as_str() {
            "site" => codes.site = Some(value),
            "motif" => codes.reason = Some(value),
            "nature" if !codes.kinds.contains(&value) => codes.kinds.push(value),
            "nature" => {}
            "copie" => codes.copy_to_partner = Some(yes_or_no(&value)?),
            "souhait" => codes.inform_professional = Some(yes_or_no(&value)?),
            _ => return None,
        }
    }
    Some(codes)
}

fn yes_or_no(value: &str) -> Option<bool> {
    match value {
        "oui" => Some(true),
        "non" => Some(false),
        _ => None,
    }
}

/// The fields of a form, `application/x-www-form-urlencoded`.
fn fields(form: &str) -> impl Iterator<Item = (String, String)> + '_ {
    let plain =
        |text: &str| percent_decode_str(&text.replace('+', " ")).decode_utf8_lossy().trim().to_owned();
    let pairs = form.split('&').take(FIELDS_MAX).filter_map(|pair| pair.split_once('='));
    pairs.map(move |(name, value)| (plain(name), plain(value)))
}

/// What is said beside where the case stands; nothing of what the mailbox sent itself.
pub(super) async fn more(
    shared: &Shared,
    transfer: &Transfer,
    language: Language,
) -> Result<Option<CaseMore>, AppError> {
    if transfer.outgoing.is_some() {
        return Ok(None);
    }
    let rules = shared.app.case_rules(transfer).await?;
    let words = CaseMoreWords::of(language);
    let form = transfer.form.as_deref();
    let (kinds, reason) = codes_in_words(shared, form, language);
    let coded = form.map(|form| CodesTold { site: form.site.clone(), kinds, reason });
    let may_code = rules.coded_by_agent.is_some();
    let site = form.and_then(|form| form.site.as_ref()).or(transfer.depositor.site.as_ref());
    let sites = rules.coded_by_agent.into_iter().flatten().map(|name| RegisterChoice {
        is_chosen: site == Some(&name),
        value: name.clone(),
        name,
    });
    let list =
        |codes, typed: &str| if may_code { choices(shared, codes, typed, language) } else { Vec::new() };
    let mut kinds = list(Codes::Kinds, "");
    for kind in &mut kinds {
        kind.is_chosen = form.is_some_and(|form| form.kinds.contains(&kind.value));
    }
    let reason = form.and_then(|form| form.reason.clone()).unwrap_or_default();
    let escalated = match transfer.case.escalated {
        Some(told) => {
            let why = match told.reason {
                EscalationReason::Blocked => words.blocked,
                EscalationReason::Sensitive => words.sensitive,
            };
            Some((shared.app.name_of_account(told.step.by).await?, told.step.at, why))
        }
        None => None,
    };
    Ok(Some(CaseMore {
        answer: rules.answer,
        facts: rules.facts,
        answer_due: owed(transfer),
        codes: coded,
        sites: sites.collect(),
        kinds,
        reasons: list(Codes::Reasons, &reason),
        mediator: rules.mediator,
        escalated,
    }))
}

/// Until when an answer is owed; none once it was given, or nothing is left to do.
fn owed(transfer: &Transfer) -> Option<crate::value::Timestamp> {
    let open = transfer.case.next_due()?;
    match open {
        Due::Answered(at) => Some(at),
        Due::Taken(_) => transfer.case.due.answered.filter(|_| transfer.case.first_answer.is_none()),
    }
}
