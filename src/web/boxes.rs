//! The agent's list of mailboxes and their transfers.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::IntoResponse;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::request::Guest;
use super::views::{Mailbox, MailboxesPage, TransferRow, TransferState};
use crate::app::{ListedMailbox, ListedTransfer, OpenError};
use crate::mailbox::Custody;

pub(super) async fn show(State(shared): State<Shared>, guest: Guest) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let signed = guest.signed(&shared).await.map_err(|error| errors.fault(&error))?;
    let Some(signed) = signed else { return Err(errors.open(&OpenError::NotSignedIn, "/boites")) };
    if signed.account.reads_log() {
        return Ok(Answer::see_other("/journal").into_response());
    }
    let listed =
        shared.app.list_transfers(&signed, guest.visitor).await.map_err(|error| errors.fault(&error))?;
    let page = MailboxesPage {
        frame: guest.frame(&shared, Some(&signed)),
        mailboxes: listed.into_iter().map(mailbox).collect(),
    };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

fn mailbox(listed: ListedMailbox) -> Mailbox {
    let ListedMailbox { mailbox, transfers } = listed;
    Mailbox {
        name: mailbox.name,
        address: mailbox.deposit_address.to_string(),
        gateway_custody: mailbox.key.custody == Custody::Gateway,
        transfers: transfers.into_iter().map(row).collect(),
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
