//! Proofs to hand out: the page that offers them, and each as a file.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::{attachment, signed, state};
use crate::app::ProofAnswer;
use crate::web::Shared;
use crate::web::answer::{Answer, Errors, Outcome};
use crate::web::request::Guest;
use crate::web::views::{ErrorKind, ProofsPage};

/// The page, which is also where who is not signed in comes back to.
const PAGE: &str = "/journal/preuves";
const JSON: &str = "application/json";
/// RFC 3161 section 3.4.
const TIMESTAMP: &str = "application/timestamp-reply";
const TEXT: &str = "text/plain; charset=utf-8";

#[derive(Deserialize)]
pub(super) struct EntryAsked {
    entry: u64,
}

#[derive(Deserialize)]
pub(super) struct GrowthAsked {
    older: u64,
    newer: u64,
}

pub(super) async fn show(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let signed = signed(&shared, &guest, PAGE).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let offered = super::told(shared.app.offer_proofs(&signed, guest.visitor).await, &errors)?;
    let view = ProofsPage {
        frame: guest.frame(&shared, Some(&signed)),
        state: state(&shared, &offered.state),
        checkpoints: offered.checkpoints,
        timestamps: offered.timestamps,
    };
    Ok(Answer::page(StatusCode::OK, &guest, &view).into_response())
}

pub(super) async fn entry(
    State(shared): State<Shared>,
    asked: Result<Query<EntryAsked>, QueryRejection>,
    guest: Guest,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let asked = super::asked(asked, &errors)?;
    let signed = signed(&shared, &guest, PAGE).await?;
    let errors = errors.signed_as(Some(&signed));
    let answer = shared.app.officer_proves_entry(&signed, asked.entry, guest.visitor).await;
    let proof = found(answer.map_err(|error| errors.fault(&error))?, &errors)?;
    let name = format!("preuve-entree-{}.json", asked.entry);
    Ok(attachment(JSON, &name, proof.to_json().into_bytes()))
}

pub(super) async fn growth(
    State(shared): State<Shared>,
    asked: Result<Query<GrowthAsked>, QueryRejection>,
    guest: Guest,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let GrowthAsked { older, newer } = super::asked(asked, &errors)?;
    let signed = signed(&shared, &guest, PAGE).await?;
    let errors = errors.signed_as(Some(&signed));
    let answer = shared.app.officer_proves_growth(&signed, older, newer, guest.visitor).await;
    let proof = found(answer.map_err(|error| errors.fault(&error))?, &errors)?;
    let name = format!("preuve-croissance-{older}-{}.json", proof.checkpoint.size);
    Ok(attachment(JSON, &name, proof.to_json().into_bytes()))
}

/// `{size}.tsr` is the authority's answer, `{size}.checkpoint` what it stamped.
pub(super) async fn timestamp(
    State(shared): State<Shared>,
    Path(name): Path<String>,
    guest: Guest,
) -> Outcome {
    let signed = signed(&shared, &guest, PAGE).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let unknown = || errors.page(ErrorKind::NotFound);
    let (size, kind) = name.split_once('.').ok_or_else(unknown)?;
    let size = size.parse().map_err(|_| unknown())?;
    let answer = shared.app.officer_takes_timestamp(&signed, size, guest.visitor).await;
    let stamped = found(answer.map_err(|error| errors.fault(&error))?, &errors)?;
    match kind {
        "tsr" => {
            let answer = stamped.answer_der().map_err(|error| errors.fault(&error))?;
            Ok(attachment(TIMESTAMP, &format!("{size}.tsr"), answer))
        }
        "checkpoint" => Ok(attachment(TEXT, &format!("{size}.checkpoint"), stamped.note.into_bytes())),
        _ => Err(unknown()),
    }
}

fn found<P>(answer: ProofAnswer<P>, errors: &Errors<'_>) -> Result<P, Response> {
    match answer {
        ProofAnswer::NotEntitled => Err(errors.page(ErrorKind::Forbidden)),
        ProofAnswer::Unknown => Err(errors.page(ErrorKind::NotFound)),
        ProofAnswer::Proof(proof) => Ok(proof),
    }
}
