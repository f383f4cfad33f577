//! Steps of a case, from its page or from the desk: in charge, given back, treated, taken up again.

use axum::extract::{Form, Path, State};
use axum::response::IntoResponse;
use serde::Deserialize;

use super::answer::{Answer, Errors, Outcome};
use super::request::Guest;
use super::sign_in::is_local;
use super::transfer::visitor;
use super::views::{CaseDue, CaseNotice, CaseStage, CaseView, ErrorKind};
use super::{Shared, case_more};
use crate::app::{AppError, CaseChange, CaseError, DUE_SOON, OpenError, OpenedTransfer, Signed};
use crate::transfer::{Case, CaseState, Due, Transfer};
use crate::value::{Language, Timestamp};

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Step {
    Prendre,
    Rendre,
    Traiter,
    Rouvrir,
}

#[derive(Deserialize)]
pub(super) struct CaseForm {
    action: Step,
    /// Whom it is taken from, as the page showed.
    #[serde(default)]
    de: String,
    /// The desk's page to go back to.
    #[serde(default)]
    retour: String,
}

pub(super) async fn change(
    State(shared): State<Shared>,
    Path(reference): Path<String>,
    guest: Guest,
    Form(form): Form<CaseForm>,
) -> Outcome {
    let (signed, reference) = visitor(&shared, &guest, &reference).await?;
    let errors = Errors::new(&shared, &guest).signed_as(signed.as_ref());
    let path = format!("/transferts/{reference}");
    let Some(signed) = &signed else { return Err(errors.open(&OpenError::NotSignedIn, &path)) };
    let change = match form.action {
        Step::Prendre if form.de.is_empty() => CaseChange::Take { from: None },
        Step::Prendre => {
            let from = form.de.parse().map_err(|_| errors.page(ErrorKind::BadRequest))?;
            CaseChange::Take { from: Some(from) }
        }
        Step::Rendre => CaseChange::Release,
        Step::Traiter => CaseChange::Treat,
        Step::Rouvrir => CaseChange::Reopen,
    };
    let notice = match shared.app.change_case(signed, &reference, change, guest.visitor).await {
        Ok(()) => CaseNotice::Done,
        Err(CaseError::InCharge { .. }) => CaseNotice::TakenByOther,
        Err(CaseError::NotFitting) => CaseNotice::NotFitting,
        Err(CaseError::Open(error)) => return Err(errors.open(&error, &path)),
    };
    let is_desk = is_local(&form.retour) && form.retour.starts_with("/boites/");
    let back = match notice {
        CaseNotice::Done if is_desk => form.retour,
        notice => format!("{path}?dossier={}#dossier", notice.code()),
    };
    Ok(Answer::see_other(&back).into_response())
}

/// The case of a transfer for its page; notes are read on the opened one's only.
pub(super) async fn view(
    shared: &Shared,
    signed: Option<&Signed>,
    transfer: &Transfer,
    opened: Option<&OpenedTransfer>,
    notice: Option<CaseNotice>,
    language: Language,
) -> Result<CaseView, AppError> {
    let now = shared.app.now().at;
    let case = &transfer.case;
    let (last, how) = match case.state {
        CaseState::New => (None, None),
        CaseState::InCharge(step) | CaseState::Treated(step) => (Some((step.by, step.at)), None),
        CaseState::Answered(answer) => (Some((answer.by, answer.at)), Some(answer.how)),
    };
    let last = match last {
        Some((by, at)) => Some((shared.app.name_of_account(by).await?, at)),
        None => None,
    };
    let notes = match opened {
        Some(opened) => shared.app.dispatch_notes(opened)?,
        None => Vec::new(),
    };
    let mut notes = notes.into_iter();
    let stages = shared.app.dispatch_stages(transfer).await?.into_iter().map(|stage| CaseStage {
        from: stage.from,
        to: stage.to,
        by: stage.by,
        at: stage.at,
        copy_to: stage.copy_to,
        has_note: stage.has_note,
        note: notes.next().flatten().map(|note| String::from_utf8_lossy(note.expose()).into_owned()),
    });
    let held_by = match case.state {
        CaseState::InCharge(step) => Some(step.by.to_string()),
        _ => None,
    };
    Ok(CaseView {
        path: format!("/transferts/{}", transfer.reference),
        kind: case.state.kind(),
        last,
        held_by,
        is_own: signed.is_some_and(|signed| case.state.by() == Some(signed.account.id)),
        how,
        due: due(case, now),
        stages: stages.collect(),
        notice,
        more: case_more::more(shared, transfer, language).await?,
    })
}

/// What is to be done next, and whether it is late.
pub(super) fn due(case: &Case, now: Timestamp) -> Option<CaseDue> {
    let due = case.next_due()?;
    let (at, late) = (due.at(), due.at() <= now);
    let is_answer = matches!(due, Due::Answered(_));
    Some(CaseDue { is_answer, at, late, soon: !late && now.until(at) <= DUE_SOON })
}
