//! The queue of outgoing mails, on the command line: what waits and why; tried now, held back or given up. An operator reads
//! destinations, not addresses, and never a letter.

use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value, json};

use super::{Replies, RequestError, line};
use crate::app::{App, QueueChange, QueueFilter, QueueLine, QueueState};
use crate::audit::{Actor, Origin};
use crate::value::{MailId, Slug};

/// Mails that are listed at once.
const PAGE: usize = 100;

/// How a mail waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueStateName {
    /// For its first try, or for its turn.
    Waiting,
    /// For its next try.
    Delayed,
    /// An operator holds it back.
    Held,
    /// A restore suspended it.
    Suspended,
}

impl From<QueueStateName> for QueueState {
    fn from(name: QueueStateName) -> Self {
        match name {
            QueueStateName::Waiting => Self::Waiting,
            QueueStateName::Delayed => Self::Delayed,
            QueueStateName::Held => Self::Held,
            QueueStateName::Suspended => Self::Suspended,
        }
    }
}

/// Which mails are meant.
#[derive(Debug, Clone, Default, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueSelection {
    /// Those that speak for a mailbox, by its slug.
    #[arg(long, value_parser = Slug::parse)]
    pub mailbox: Option<Slug>,
    /// Those for a domain, or a host as `pli queue list` shows it.
    #[arg(long)]
    pub destination: Option<String>,
    /// Those that wait so.
    #[arg(long, value_enum)]
    pub state: Option<QueueStateName>,
}

/// A list of the queue.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueListed {
    /// Which mails.
    #[command(flatten)]
    pub selection: QueueSelection,
    /// One JSON object a line, for scripts.
    #[arg(long)]
    pub json: bool,
}

/// One mail.
#[derive(Debug, Clone, Copy, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueShown {
    /// Its id, as the list shows it.
    #[arg(value_name = "ID")]
    pub id: MailId,
    /// One JSON object.
    #[arg(long)]
    pub json: bool,
}

/// Mails that something is done with.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct QueueChosen {
    /// Their ids, as the list shows them.
    #[arg(value_name = "ID")]
    pub ids: Vec<MailId>,
    /// Or which ones.
    #[command(flatten)]
    pub selection: QueueSelection,
    /// Or all of them.
    #[arg(long)]
    pub all: bool,
    /// One JSON object.
    #[arg(long)]
    pub json: bool,
}

pub(super) async fn list(app: &Arc<App>, replies: &Replies, asked: QueueListed) -> Result<(), RequestError> {
    let filter = filter(app, &asked.selection).await?;
    let mut after = None;
    loop {
        let page = app.queue_page(&filter, after, PAGE).await?;
        for mail in &page.lines {
            tell(app, replies, mail, asked.json).await?;
        }
        after = page.next;
        if after.is_none() {
            return Ok(());
        }
    }
}

pub(super) async fn show(app: &Arc<App>, replies: &Replies, asked: QueueShown) -> Result<(), RequestError> {
    let found = app.queued_mail(asked.id).await?;
    let mail = found.ok_or_else(|| RequestError::Unknown { kind: "mail", name: asked.id.to_string() })?;
    tell(app, replies, &mail, asked.json).await
}

pub(super) async fn change(
    app: &Arc<App>,
    replies: &Replies,
    change: QueueChange,
    chosen: QueueChosen,
) -> Result<(), RequestError> {
    let filter = filter(app, &chosen.selection).await?;
    if chosen.ids.is_empty() && !chosen.all && filter == QueueFilter::default() {
        return Err(RequestError::Missing { what: "the id of a mail, a filter or --all" });
    }
    let mut changed = 0_u64;
    for id in &chosen.ids {
        if app.change_queue(*id, change, Actor::Operator, Origin::Cli).await? {
            changed += 1;
        } else {
            return Err(RequestError::Unknown { kind: "mail that waits", name: id.to_string() });
        }
    }
    let mut after = None;
    while chosen.ids.is_empty() {
        let page = app.queue_page(&filter, after, PAGE).await?;
        for mail in &page.lines {
            changed += u64::from(app.change_queue(mail.id, change, Actor::Operator, Origin::Cli).await?);
        }
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let told = match (chosen.json, changed) {
        (true, _) => json!({ "changed": changed }).to_string(),
        (false, 1) => "1 mail".to_owned(),
        (false, _) => format!("{changed} mails"),
    };
    line(replies, told).await
}

async fn filter(app: &Arc<App>, selection: &QueueSelection) -> Result<QueueFilter, RequestError> {
    let mailbox = match &selection.mailbox {
        None => None,
        Some(slug) => {
            let known = app.mailboxes().await?.into_iter().find(|mailbox| mailbox.slug == *slug);
            let known =
                known.ok_or_else(|| RequestError::Unknown { kind: "mailbox", name: slug.to_string() })?;
            Some(known.id)
        }
    };
    let destination = selection.destination.as_ref().map(|name| name.to_ascii_lowercase());
    Ok(QueueFilter { mailbox, destination, state: selection.state.map(QueueState::from) })
}

async fn tell(
    app: &Arc<App>,
    replies: &Replies,
    mail: &QueueLine,
    as_json: bool,
) -> Result<(), RequestError> {
    let age = mail.written_at.until(app.now().at).0.max(0) / 1000;
    let state =
        mail.state.map_or(if mail.problem.is_some() { "failed" } else { "accepted" }, QueueState::as_str);
    let told = [
        ("id", json!(mail.id)),
        ("kind", json!(mail.kind)),
        ("state", json!(state)),
        ("destination", json!(mail.destination)),
        ("problem", mail.problem.map_or(Value::Null, |problem| json!(problem.as_str()))),
        (
            "reply_code",
            mail.problem
                .and_then(crate::relay::queue::DeliveryProblem::code)
                .map_or(Value::Null, |code| json!(code)),
        ),
        ("tries", json!(mail.tries)),
        ("age_seconds", json!(age)),
        ("next_try_at", mail.next_try_at.map_or(Value::Null, |at| json!(at.to_string()))),
    ];
    if as_json {
        let object: Map<String, Value> =
            told.into_iter().map(|(name, value)| (name.to_owned(), value)).collect();
        return line(replies, Value::Object(object).to_string()).await;
    }
    let cells = told.iter().map(|(_, value)| match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    });
    line(replies, cells.collect::<Vec<_>>().join("\t")).await
}
