//! The tokens of a structure's software, for its gestionnaires (P1).

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Path, Query, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use serde::Deserialize;

use super::Shared;
use super::account::signed;
use super::answer::{Answer, Errors, Outcome};
use super::request::Guest;
use super::views::{ErrorKind, TokenMailbox, TokenNotice, TokenRow, TokensPage};
use crate::app::{NewClientError, Signed, StructureTokenError, WantedToken};
use crate::identity::{ClientProof, Role, token_text};
use crate::value::{ApiClientId, MailAddress, PartnerId};

/// The routes of these pages.
pub(super) fn routes() -> Router<Shared> {
    Router::new()
        .route("/jetons", get(own))
        .route("/structures/{structure}/jetons", get(show).post(make))
        .route("/structures/{structure}/jetons/revoquer", post(revoke))
}

#[derive(Deserialize)]
struct Asked {
    fait: Option<String>,
}

/// What was typed, to be given back when it is refused.
#[derive(Default)]
struct Typed {
    label: String,
    senders: String,
    days: String,
    mailboxes: Vec<String>,
}

impl Typed {
    /// Fields of a form, of which `boite` may come several times.
    fn read(body: &[u8]) -> Option<Self> {
        let mut typed = Self::default();
        let text = std::str::from_utf8(body).ok()?;
        for pair in text.split('&').filter(|pair| !pair.is_empty()) {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            let value = value.replace('+', " ");
            let value = percent_encoding::percent_decode_str(&value).decode_utf8().ok()?.into_owned();
            match name {
                "nom" => typed.label = value,
                "adresses" => typed.senders = value,
                "jours" => typed.days = value,
                "boite" => typed.mailboxes.push(value),
                _ => {}
            }
        }
        Some(typed)
    }

    fn wanted(&self) -> Result<WantedToken, TokenNotice> {
        let mut senders = Vec::new();
        for line in self.senders.split(['\n', ',', ' ']).map(str::trim).filter(|line| !line.is_empty()) {
            senders
                .push(MailAddress::parse(line).map_err(|_| TokenNotice::Address { text: line.to_owned() })?);
        }
        if self.label.trim().is_empty() {
            return Err(TokenNotice::NoLabel);
        }
        Ok(WantedToken {
            label: self.label.trim().to_owned(),
            mailboxes: self.mailboxes.iter().filter_map(|id| id.parse().ok()).collect(),
            senders,
            days: self.days.trim().parse().map_err(|_| TokenNotice::Days)?,
        })
    }
}

/// A gestionnaire's way to the tokens of the own structure.
async fn own(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let signed = signed(&shared, &guest).await?;
    if let Some(own) = signed.account.partner.filter(|_| signed.account.role == Role::Gestionnaire) {
        Ok(Answer::see_other(&format!("/structures/{own}/jetons")).into_response())
    } else {
        let refused = shared.app.refuse_page(&signed, guest.visitor).await;
        Err(Errors::new(&shared, &guest).signed_as(Some(&signed)).open(&refused, "/jetons"))
    }
}

async fn show(
    State(shared): State<Shared>,
    Path(structure): Path<String>,
    Query(asked): Query<Asked>,
    guest: Guest,
) -> Outcome {
    let (signed, structure) = asked_for(&shared, &guest, &structure).await?;
    let notice = asked.fait.is_some().then_some(TokenNotice::Revoked);
    let typed = Typed { days: "365".to_owned(), ..Typed::default() };
    page(&shared, &guest, &signed, structure, StatusCode::OK, typed, notice).await
}

async fn make(
    State(shared): State<Shared>,
    Path(structure): Path<String>,
    guest: Guest,
    body: Bytes,
) -> Outcome {
    let (signed, structure) = asked_for(&shared, &guest, &structure).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let typed = Typed::read(&body).ok_or_else(|| errors.page(ErrorKind::BadRequest))?;
    let refused = StatusCode::UNPROCESSABLE_ENTITY;
    let wanted = match typed.wanted() {
        Ok(wanted) => wanted,
        Err(notice) => return page(&shared, &guest, &signed, structure, refused, typed, Some(notice)).await,
    };
    let notice = match shared.app.make_structure_token(&signed, structure, wanted, guest.visitor).await {
        Ok(token) => {
            let notice = TokenNotice::Made { token: token_text(&token) };
            let typed = Typed { days: "365".to_owned(), ..Typed::default() };
            return page(&shared, &guest, &signed, structure, StatusCode::OK, typed, Some(notice)).await;
        }
        Err(StructureTokenError::NotEntitled) => return Err(errors.page(ErrorKind::Forbidden)),
        Err(StructureTokenError::Fault(error) | StructureTokenError::Unfit(NewClientError::Fault(error))) => {
            return Err(errors.fault(&error));
        }
        Err(StructureTokenError::Unfit(error)) => match error {
            NewClientError::NotOfPartner { address } => TokenNotice::Address { text: address.to_string() },
            NewClientError::Days { .. } => TokenNotice::Days,
            _ => TokenNotice::Nothing,
        },
    };
    page(&shared, &guest, &signed, structure, refused, typed, Some(notice)).await
}

async fn revoke(
    State(shared): State<Shared>,
    Path(structure): Path<String>,
    guest: Guest,
    body: Bytes,
) -> Outcome {
    let (signed, structure) = asked_for(&shared, &guest, &structure).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let id = std::str::from_utf8(&body).ok().and_then(|body| body.strip_prefix("jeton="));
    let id: Option<ApiClientId> = id.and_then(|id| id.parse().ok());
    let id = id.ok_or_else(|| errors.page(ErrorKind::BadRequest))?;
    match shared.app.revoke_structure_token(&signed, structure, id, guest.visitor).await {
        Ok(_) => {
            Ok(Answer::see_other(&format!("/structures/{structure}/jetons?fait=revoque")).into_response())
        }
        Err(error) => Err(refusal(&errors, &error)),
    }
}

async fn asked_for(shared: &Shared, guest: &Guest, structure: &str) -> Result<(Signed, PartnerId), Response> {
    let signed = signed(shared, guest).await?;
    let errors = Errors::new(shared, guest).signed_as(Some(&signed));
    let structure = structure.parse().map_err(|_| errors.page(ErrorKind::NotFound))?;
    Ok((signed, structure))
}

fn refusal(errors: &Errors<'_>, error: &StructureTokenError) -> Response {
    match error {
        StructureTokenError::Fault(error) | StructureTokenError::Unfit(NewClientError::Fault(error)) => {
            errors.fault(error)
        }
        StructureTokenError::NotEntitled => errors.page(ErrorKind::Forbidden),
        StructureTokenError::Unfit(_) => errors.page(ErrorKind::BadRequest),
    }
}

async fn page(
    shared: &Shared,
    guest: &Guest,
    signed: &Signed,
    structure: PartnerId,
    status: StatusCode,
    typed: Typed,
    notice: Option<TokenNotice>,
) -> Outcome {
    let errors = Errors::new(shared, guest).signed_as(Some(signed));
    let found = shared.app.structure_tokens(signed, structure, guest.visitor).await;
    let found = found.map_err(|error| refusal(&errors, &error))?;
    let name_of =
        |id| found.mailboxes.iter().find(|mailbox| mailbox.id == id).map(|mailbox| mailbox.name.clone());
    let rows = found.clients.iter().map(|client| TokenRow {
        id: client.id.to_string(),
        label: client.label.clone(),
        by_certificate: matches!(client.proof, ClientProof::Certificate(_)),
        mailboxes: client.mailboxes.iter().filter_map(|id| name_of(*id)).collect::<Vec<_>>().join(", "),
        senders: client.senders.iter().map(ToString::to_string).collect::<Vec<_>>().join(", "),
        expires_at: client.expires_at,
        used_at: client.used_at,
    });
    let mailboxes = found.mailboxes.iter().map(|mailbox| TokenMailbox {
        id: mailbox.id.to_string(),
        name: mailbox.name.clone(),
        chosen: typed.mailboxes.contains(&mailbox.id.to_string()),
    });
    let view = TokensPage {
        frame: guest.frame(shared, Some(signed)),
        structure: structure.to_string(),
        name: found.partner.name.clone(),
        rows: rows.collect(),
        mailboxes: mailboxes.collect(),
        label: typed.label,
        senders: typed.senders,
        days: typed.days,
        notice,
    };
    Ok(Answer::page(status, guest, &view).into_response())
}
