//! What is asked of the log for people: the salt of a receipt, the kit of a breach, the record of processing, what is
//! held about an address and its erasure.

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{Replies, RequestError, line};
use crate::app::kit_text::{KitFile, markdown};
use crate::app::{App, BreachError, BreachScope, ErasureError, KitReader};
use crate::audit::{Actor, Origin};
use crate::serve::control::{FRAME_MAX_BYTES, Reply};
use crate::value::{MailAddress, Reference, Slug, Timestamp, calendar};

/// What a breach is about. Times are those of Paris, `2026-11-21T09:30`, or of UTC with a `Z` at their end.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BreachRequest {
    /// From this instant on.
    #[arg(long)]
    pub from: String,
    /// Before this instant.
    #[arg(long)]
    pub until: String,
    /// When the breach came to be known; the delays run from here. Default: now.
    #[arg(long)]
    pub aware: Option<String>,
    /// The slug of a mailbox.
    #[arg(long, value_parser = Slug::parse)]
    pub mailbox: Option<Slug>,
    /// An account: its address, or its pseudonym in the log.
    #[arg(long)]
    pub account: Option<String>,
    /// The reference of a transfer.
    #[arg(long, value_parser = Reference::parse)]
    pub transfer: Option<Reference>,
}

impl From<BreachError> for RequestError {
    fn from(error: BreachError) -> Self {
        match error {
            BreachError::NotEntitled => Self::Unfit { what: "the operator is always entitled" },
            BreachError::Account => Self::Unfit { what: "--account is an address or a pseudonym" },
            BreachError::Period => Self::Unfit { what: "--until comes after --from" },
            BreachError::Transfer(reference) => {
                Self::Unknown { kind: "transfer", name: reference.to_string() }
            }
            BreachError::Fault(error) => Self::App(error),
        }
    }
}

pub(super) async fn receipt_salt(
    app: &Arc<App>,
    replies: &Replies,
    reference: &Reference,
) -> Result<(), RequestError> {
    match app.tell_receipt_salt(reference, Actor::Operator, Origin::Cli).await? {
        Some(salt) => line(replies, salt.to_string()).await,
        None => Err(RequestError::Unknown { kind: "receipt with a salt for", name: reference.to_string() }),
    }
}

pub(super) async fn breach(
    app: &Arc<App>,
    replies: &Replies,
    asked: BreachRequest,
) -> Result<(), RequestError> {
    let mailbox = match &asked.mailbox {
        None => None,
        Some(slug) => {
            let found = app.mailboxes().await?.into_iter().find(|mailbox| mailbox.slug == *slug);
            let unknown = || RequestError::Unknown { kind: "mailbox", name: slug.to_string() };
            Some(found.ok_or_else(unknown)?.id)
        }
    };
    let scope = BreachScope {
        from: instant(&asked.from)?,
        until: instant(&asked.until)?,
        aware_at: asked.aware.as_deref().map(instant).transpose()?.unwrap_or(app.now().at),
        mailbox,
        account: asked.account,
        transfer: asked.transfer,
    };
    let report = app.breach_report(scope, KitReader::Operator, Origin::Cli).await?;
    files(replies, report.files()).await?;
    let told = format!(
        "{} transfers read, {} files, {} entries",
        report.read().count(),
        report.files_read(),
        report.timeline.len()
    );
    line(replies, told).await?;
    for deadline in &report.deadlines {
        line(replies, format!("{}\t{}\t{} h", deadline.by, deadline.who, deadline.hours)).await?;
    }
    Ok(())
}

pub(super) async fn processing_record(app: &Arc<App>, replies: &Replies) -> Result<(), RequestError> {
    let record = app.processing_record(KitReader::Operator, Origin::Cli).await?;
    files(replies, record.files()).await
}

pub(super) async fn person_export(
    app: &Arc<App>,
    replies: &Replies,
    address: &MailAddress,
) -> Result<(), RequestError> {
    let data = app.person_data(address, KitReader::Operator, Origin::Cli).await?;
    files(replies, data.files()?).await?;
    let told = if data.is_known() { "exported" } else { "nothing is held under this address" };
    line(replies, told.to_owned()).await
}

pub(super) async fn person_erase(
    app: &Arc<App>,
    replies: &Replies,
    address: &MailAddress,
) -> Result<(), RequestError> {
    match app.erase_person(address, KitReader::Operator, Origin::Cli).await {
        Ok(report) => line(replies, markdown("Effacement", &report.sections())).await,
        Err(ErasureError::Fault(error)) => Err(error.into()),
        Err(ErasureError::OpensMailboxes) => {
            Err(RequestError::Unfit { what: "a member removes the account from its mailboxes first" })
        }
        Err(ErasureError::Needed | ErasureError::NotEntitled) => {
            Err(RequestError::Unfit { what: "it is the account of the last active security officer" })
        }
    }
}

fn instant(text: &str) -> Result<Timestamp, RequestError> {
    let read = calendar::parse_utc(text).or_else(|| calendar::parse_local(text));
    read.ok_or(RequestError::Unfit {
        what: "an instant is written 2026-11-21T09:30 (Paris) or 2026-11-21T08:30:00Z",
    })
}

async fn files(replies: &Replies, files: Vec<KitFile>) -> Result<(), RequestError> {
    let send = |reply| async { replies.send(reply).await.map_err(|_| RequestError::Gone) };
    for file in files {
        send(Reply::File(file.name)).await?;
        for piece in file.bytes.chunks(FRAME_MAX_BYTES) {
            send(Reply::Bytes(piece.to_vec())).await?;
        }
    }
    Ok(())
}
