//! The agent's list of mailboxes and their transfers.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::request::Guest;
use super::views::{ErrorKind, Mailbox, MailboxesPage, TransferRow, TransferState, WaitingRow};
use crate::app::{ListedMailbox, ListedTransfer, OlderTransfers, OpenError};
use crate::identity::Role;
use crate::mailbox::Custody;
use crate::transfer::HeldDeposit;
use crate::value::{Language, Slug, Timestamp};

/// Which page of which mailbox is asked for; none is the newest of all.
#[derive(Deserialize)]
pub(super) struct Asked {
    boite: Option<String>,
    /// Milliseconds.
    avant: Option<i64>,
}

pub(super) async fn show(
    State(shared): State<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
    guest: Guest,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let Query(asked) = asked.map_err(|refused| errors.translate(refused.into_response()))?;
    let signed = guest.signed(&shared).await.map_err(|error| errors.fault(&error))?;
    let Some(signed) = signed else { return Err(errors.open(&OpenError::NotSignedIn, "/boites")) };
    if let Some(elsewhere) = start_of(signed.account.role) {
        return Ok(Answer::see_other(elsewhere).into_response());
    }
    let errors = errors.signed_as(Some(&signed));
    let page = asked.page().map_err(|()| errors.page(ErrorKind::BadRequest))?;
    let listed = shared.app.list_transfers(&signed, page.as_ref(), guest.visitor).await;
    let listed = listed.map_err(|error| errors.fault(&error))?;
    if page.is_some() && listed.is_empty() {
        return Err(errors.page(ErrorKind::NotFound));
    }
    let page = MailboxesPage {
        frame: guest.frame(&shared, Some(&signed)),
        mailboxes: listed.into_iter().map(|listed| mailbox(listed, guest.language)).collect(),
        is_newest: page.is_none(),
    };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

/// Where somebody begins who has no mailboxes.
const fn start_of(role: Role) -> Option<&'static str> {
    match role {
        Role::Agent => None,
        Role::Technicien => Some("/compte"),
        Role::Gestionnaire => Some("/structure"),
        Role::Administrator => Some("/structures"),
        Role::SecurityOfficer => Some("/journal"),
    }
}

impl Asked {
    fn page(self) -> Result<Option<OlderTransfers>, ()> {
        match (self.boite, self.avant) {
            (None, None) => Ok(None),
            (Some(slug), Some(before)) => {
                let mailbox = Slug::parse(&slug).map_err(|_| ())?;
                Ok(Some(OlderTransfers { mailbox, before: Timestamp(before) }))
            }
            _ => Err(()),
        }
    }
}

fn mailbox(listed: ListedMailbox, language: Language) -> Mailbox {
    let ListedMailbox { mailbox, transfers, held, more_held, older, waits, unreachable_since } = listed;
    Mailbox {
        name: mailbox.name,
        address: mailbox.deposit_address.to_string(),
        desk: format!("/boites/{}", mailbox.slug),
        members: format!("/boites/{}/membres", mailbox.slug),
        sent: format!("/boites/{}/envois", mailbox.slug),
        waits,
        unreachable: unreachable_since.map(|since| (mailbox.notice_address.to_string(), since)),
        gateway_custody: mailbox.key.custody == Custody::Gateway,
        waiting: held.into_iter().map(|held| waiting(held, language)).collect(),
        more_waiting: more_held,
        transfers: transfers.into_iter().map(row).collect(),
        older: older.map(|before| format!("/boites?boite={}&avant={}", mailbox.slug, before.0)),
    }
}

fn waiting(held: HeldDeposit, language: Language) -> WaitingRow {
    WaitingRow {
        files: held.file_count(),
        size: held.total_size(),
        because: held.reason.told(language).to_owned(),
        kept_until: held.ends_at(),
        reference: held.reference,
        sender: held.depositor.address.to_string(),
        partner: held.depositor.partner_name,
        received: held.accepted_at,
    }
}

fn row(listed: ListedTransfer) -> TransferRow {
    let ListedTransfer { transfer, first_opened_by } = listed;
    TransferRow {
        reference: transfer.reference,
        title: transfer.title.to_string(),
        received: transfer.received_at,
        sender: transfer.depositor.address.to_string(),
        partner: transfer.depositor.partner_name,
        site: transfer.depositor.site,
        files: transfer.file_count,
        size: transfer.total_size,
        expires: transfer.expires_at,
        state: first_opened_by.map_or(TransferState::New, |by| TransferState::Opened { by }),
    }
}
