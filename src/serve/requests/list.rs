//! Lists for people (columns, separated by tabs) and for scripts (one JSON object a line). No secret is in them.

use std::sync::Arc;

use serde_json::{Map, Value, json};

use super::{ListOptions, Replies, RequestError, line};
use crate::app::ports::{List, Record};
use crate::app::{App, state_in_words};
use crate::identity::{Account, Partner};
use crate::mailbox::MailboxKind;
use crate::value::Language;

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
        let told = [
            ("slug", json!(organisation.slug)),
            ("name", json!(organisation.name)),
            ("postal_address", json!(organisation.postal_address)),
            ("data_protection_officer", json!(organisation.data_protection_officer)),
        ];
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
        let told = [
            ("slug", json!(mailbox.slug)),
            ("kind", json!(kind)),
            ("name", json!(mailbox.name)),
            ("deposit_address", json!(mailbox.deposit_address)),
            ("notice_address", json!(mailbox.notice_address)),
            ("second_notice_address", json!(mailbox.second_notice_address)),
            ("custody", json!(mailbox.key.custody)),
            ("recipient", json!(mailbox.key.recipient)),
        ];
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
        let told = [
            ("name", json!(partner.name)),
            ("domains", json!(partner.domains)),
            ("sites", json!(partner.sites.len())),
            ("relays", json!(partner.relays)),
            ("relay_certificates", json!(partner.relay_certificates)),
            ("dmarc", json!(partner.accepts_dmarc)),
            ("blocked", json!(partner.blocked.len())),
            ("suspended", json!(partner.suspended)),
        ];
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
        let told = [
            ("address", json!(account.address)),
            ("name", json!(account.name)),
            ("role", json!(account.role)),
            ("mailboxes", json!(reads)),
            ("active", json!(account.is_active())),
            ("state", json!(state_in_words(&account.state, Language::En).0)),
        ];
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

/// A row: names and values, in the order of the columns.
pub(super) type Row = [(&'static str, Value)];

pub(super) async fn row(replies: &Replies, options: ListOptions, told: &Row) -> Result<(), RequestError> {
    let text = if options.json { object(told) } else { columns(told) };
    line(replies, text).await
}

fn object(told: &Row) -> String {
    let object: Map<String, Value> =
        told.iter().map(|(name, value)| ((*name).to_owned(), value.clone())).collect();
    Value::Object(object).to_string()
}

fn columns(told: &Row) -> String {
    let values = told.iter().map(|(_, value)| match value {
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
    fn a_row_holds_the_same_values_for_people_and_for_scripts() {
        let told = [("z", json!("x")), ("b", json!(["y", "z"])), ("c", json!(true)), ("d", json!(3))];
        assert_eq!(columns(&told), "x\ty,z\ttrue\t3", "in the order of the columns");
        assert_eq!(
            serde_json::from_str::<Value>(&object(&told)).unwrap(),
            json!({ "z": "x", "b": ["y", "z"], "c": true, "d": 3 })
        );
    }
}
