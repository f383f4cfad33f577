//! The page that dispatches a case to another mailbox (T4).

use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::request::Guest;
use super::transfer::{head, visitor};
use super::views::{CaseNotice, DispatchPage, DispatchProblem, DispatchTyped};
use crate::app::{DispatchError, DispatchOrder, OpenError, Signed};
use crate::value::{MailAddress, Reference, SecretBytes};

#[derive(Deserialize, Default)]
#[serde(default)]
pub(super) struct DispatchForm {
    boite: String,
    copie: String,
    note: String,
}

pub(super) async fn show(
    State(shared): State<Shared>,
    Path(reference): Path<String>,
    guest: Guest,
) -> Outcome {
    let (signed, reference) = visitor(&shared, &guest, &reference).await?;
    let errors = Errors::new(&shared, &guest).signed_as(signed.as_ref());
    let path = format!("/transferts/{reference}/ventiler");
    let Some(signed) = &signed else { return Err(errors.open(&OpenError::NotSignedIn, &path)) };
    page(&shared, &guest, signed, &reference, DispatchTyped::default(), None).await
}

pub(super) async fn send(
    State(shared): State<Shared>,
    Path(reference): Path<String>,
    guest: Guest,
    Form(form): Form<DispatchForm>,
) -> Outcome {
    let (signed, reference) = visitor(&shared, &guest, &reference).await?;
    let errors = Errors::new(&shared, &guest).signed_as(signed.as_ref());
    let path = format!("/transferts/{reference}/ventiler");
    let Some(signed) = &signed else { return Err(errors.open(&OpenError::NotSignedIn, &path)) };
    let typed = DispatchTyped { to: form.boite, copy_to: form.copie, note: form.note.replace("\r\n", "\n") };
    let order = match order(&typed) {
        Ok(order) => order,
        Err(problem) => return page(&shared, &guest, signed, &reference, typed, Some(problem)).await,
    };
    let problem = match shared.app.dispatch(signed, &reference, &order, guest.visitor).await {
        Ok(()) => {
            let back = format!("/transferts/{reference}?dossier={}#dossier", CaseNotice::Dispatched.code());
            return Ok(Answer::see_other(&back).into_response());
        }
        Err(DispatchError::Open(error)) => return Err(errors.open(&error, &path)),
        Err(DispatchError::NoSuchMailbox) => DispatchProblem::NoMailbox,
        Err(DispatchError::AlreadyThere) => DispatchProblem::Already,
        Err(DispatchError::WeakerCustody) => DispatchProblem::Weaker,
        Err(DispatchError::NotItsMember) => DispatchProblem::NotMember,
        Err(DispatchError::NoteTooLong { .. }) => DispatchProblem::NoteTooLong,
        Err(DispatchError::TooMany { .. }) => DispatchProblem::TooMany,
    };
    page(&shared, &guest, signed, &reference, typed, Some(problem)).await
}

fn order(typed: &DispatchTyped) -> Result<DispatchOrder, DispatchProblem> {
    let to = typed.to.parse().map_err(|_| DispatchProblem::NoMailbox)?;
    let copy_to = match typed.copy_to.trim() {
        "" => None,
        address => Some(MailAddress::parse(address).map_err(|_| DispatchProblem::NotMember)?),
    };
    Ok(DispatchOrder { to, copy_to, note: SecretBytes::new(typed.note.trim().as_bytes().to_vec()) })
}

async fn page(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    reference: &Reference,
    typed: DispatchTyped,
    problem: Option<DispatchProblem>,
) -> Outcome {
    let errors = Errors::new(shared, guest).signed_as(Some(signed));
    let path = format!("/transferts/{reference}/ventiler");
    let envelope = shared.app.envelope(Some(signed), reference, guest.visitor).await;
    let envelope = envelope.map_err(|error| errors.open(&error, &path))?;
    let targets = shared.app.dispatch_targets(&envelope.transfer, &envelope.mailbox).await;
    let targets = targets.map_err(|error| errors.fault(&error))?;
    let mut people: Vec<(String, String)> = targets
        .iter()
        .filter(|target| !target.is_too_weak)
        .flat_map(|target| {
            let name = &target.mailbox.name;
            target.members.iter().map(move |(who, address)| (address.clone(), format!("{who} – {name}")))
        })
        .collect();
    people.sort();
    people.dedup_by(|one, other| one.0 == other.0);
    let page = DispatchPage {
        frame: guest.frame(shared, Some(signed)),
        head: head(&envelope.transfer, &envelope.mailbox, guest.language),
        targets: targets
            .into_iter()
            .map(|target| (target.mailbox.id.to_string(), target.mailbox.name, target.is_too_weak))
            .collect(),
        people,
        typed,
        problem,
    };
    let status = if problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    Ok(Answer::page(status, guest, &page).into_response())
}
