//! Lists for people (columns, separated by tabs) and for scripts (one JSON object a line). No secret is in them.

use std::sync::Arc;

use serde_json::{Value, json};

use super::{ListOptions, Replies, RequestError, line};
use crate::app::App;
use crate::app::ports::{List, Record};
use crate::identity::{Account, Partner};
use crate::mailbox::MailboxKind;

/// How many of a kind are listed.
pub(super) const LIST_MAX: usize = 10_000;

pub(super) async fn keys(
    app: &Arc<App>,
    replies: &Replies,
    options: ListOptions,
) -> Result<(), RequestError> {
    let log = app.log_key()?.to_string();
    let gateway = app.keyring.gateway().map_err(crate::app::AppError::from)?.recipient().to_string();
    let recovery = app.settings.recovery.as_ref().map(ToString::to_string);
    if options.json {
        let told =
            json!({ "log_public_key": log, "gateway_recipient": gateway, "recovery_recipient": recovery });
        return line(replies, told.to_string()).await;
    }
    line(replies, format!("log public key\t{log}")).await?;
    line(replies, format!("gateway recipient\t{gateway}")).await?;
    line(replies, format!("recovery recipient\t{}", recovery.as_deref().unwrap_or("none"))).await
}

pub(super) async fn organisations(
    app: &Arc<App>,
    replies: &Replies,
    options: ListOptions,
) -> Result<(), RequestError> {
    for organisation in app.organisations().await? {
        let told = json!({
            "slug": organisation.slug,
            "name": organisation.name,
            "postal_address": organisation.postal_address,
            "data_protection_officer": organisation.data_protection_officer,
        });
        row(replies, options, &told).await?;
    }
    Ok(())
}

pub(super) async fn mailboxes(
    app: &Arc<App>,
    replies: &Replies,
    options: ListOptions,
) -> Result<(), RequestError> {
    for mailbox in app.mailboxes().await? {
        let kind = match mailbox.kind {
            MailboxKind::Generic => "generic",
            MailboxKind::Agency => "agency",
        };
        let told = json!({
            "slug": mailbox.slug,
            "kind": kind,
            "name": mailbox.name,
            "deposit_address": mailbox.deposit_address,
            "notice_address": mailbox.notice_address,
            "custody": mailbox.key.custody,
            "recipient": mailbox.key.recipient,
        });
        row(replies, options, &told).await?;
    }
    Ok(())
}

pub(super) async fn partners(
    app: &Arc<App>,
    replies: &Replies,
    options: ListOptions,
) -> Result<(), RequestError> {
    let partners: Vec<Partner> = all(app, &List::Partners).await?;
    for partner in partners {
        let told = json!({
            "name": partner.name,
            "domains": partner.domains,
            "sites": partner.sites.len(),
            "relays": partner.relays,
            "blocked": partner.blocked.len(),
            "suspended": partner.suspended,
        });
        row(replies, options, &told).await?;
    }
    Ok(())
}

pub(super) async fn accounts(
    app: &Arc<App>,
    replies: &Replies,
    options: ListOptions,
) -> Result<(), RequestError> {
    let accounts: Vec<Account> = all(app, &List::Accounts).await?;
    let mailboxes = app.mailboxes().await?;
    for account in accounts {
        let reads: Vec<_> = mailboxes
            .iter()
            .filter(|mailbox| account.mailboxes.contains(&mailbox.id))
            .map(|m| &m.slug)
            .collect();
        let told = json!({
            "address": account.address,
            "name": account.name,
            "role": account.role,
            "mailboxes": reads,
            "active": account.is_active(),
        });
        row(replies, options, &told).await?;
    }
    Ok(())
}

/// The records of a list.
pub(super) async fn all<R>(app: &Arc<App>, list: &List) -> Result<Vec<R>, RequestError>
where
    R: TryFrom<Record, Error = crate::app::ports::StoreError>,
{
    Ok(app.read_list(list, LIST_MAX).await?.into_iter().map(|(record, _)| record).collect())
}

async fn row(replies: &Replies, options: ListOptions, told: &Value) -> Result<(), RequestError> {
    let text = if options.json { told.to_string() } else { columns(told) };
    line(replies, text).await
}

/// The values in their order, separated by tabs.
fn columns(told: &Value) -> String {
    let values = told.as_object().into_iter().flatten().map(|(_, value)| match value {
        Value::String(text) => text.clone(),
        Value::Array(items) => {
            let texts =
                items.iter().map(|item| item.as_str().map_or_else(|| item.to_string(), str::to_owned));
            texts.collect::<Vec<_>>().join(",")
        }
        other => other.to_string(),
    });
    values.collect::<Vec<_>>().join("\t")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_row_for_people_holds_the_same_values() {
        let told = json!({ "a": "x", "b": ["y", "z"], "c": true, "d": 3 });
        assert_eq!(columns(&told), "x\ty,z\ttrue\t3");
    }
}
