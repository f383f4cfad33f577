//! The recovery export as files, and the word of the two people without whom no key goes out.

use std::sync::Arc;

use serde_json::json;

use super::export::ReplyWriter;
use super::{ListOptions, RecoveryAsk, RecoveryConfirm, RecoveryKeys, Replies, RequestError, line};
use crate::app::{App, Voucher};
use crate::audit::{Actor, Origin};
use crate::identity::{Account, Password};
use crate::relay::letter::SecretText;
use crate::value::{AccountId, MailAddress};

pub(super) async fn export(app: &Arc<App>, replies: &Replies) -> Result<(), RequestError> {
    let files = Box::new(ReplyWriter::new(replies.clone()));
    let count = app.export_recovery(files, Actor::Operator, Origin::Cli).await?;
    told(replies, count).await
}

pub(super) async fn keys(
    app: &Arc<App>,
    replies: &Replies,
    RecoveryKeys { request, address, password }: RecoveryKeys,
) -> Result<(), RequestError> {
    let files = Box::new(ReplyWriter::new(replies.clone()));
    let voucher = voucher(address, &password);
    let count = app.export_recovery_keys(request, voucher, files, Origin::Cli).await?;
    told(replies, count).await
}

pub(super) async fn ask(
    app: &Arc<App>,
    replies: &Replies,
    RecoveryAsk { address, purpose, password }: RecoveryAsk,
) -> Result<(), RequestError> {
    let request = app.ask_for_recovery(voucher(address, &password), purpose.into(), Origin::Cli).await?;
    line(replies, format!("request {}", request.id)).await?;
    line(replies, format!("another person confirms it before {}", request.ends_at())).await
}

pub(super) async fn confirm(
    app: &Arc<App>,
    replies: &Replies,
    RecoveryConfirm { request, address, password }: RecoveryConfirm,
) -> Result<(), RequestError> {
    let request = app.confirm_recovery(request, voucher(address, &password), Origin::Cli).await?;
    line(replies, format!("confirmed: either of you exports the keys before {}", request.ends_at())).await
}

pub(super) async fn list(
    app: &Arc<App>,
    replies: &Replies,
    options: ListOptions,
) -> Result<(), RequestError> {
    for request in app.recovery_requests().await? {
        let asked_by = address_of(app, request.asked.account).await?;
        let confirmed_by = match request.confirmed {
            Some(second) => Some(address_of(app, second.account).await?),
            None => None,
        };
        let purpose = request.purpose.code();
        let row = if options.json {
            json!({
                "request": request.id,
                "asked_by": asked_by,
                "asked_at": request.asked.at,
                "purpose": purpose,
                "confirmed_by": confirmed_by,
                "ends_at": request.ends_at(),
            })
            .to_string()
        } else {
            let second = confirmed_by.unwrap_or_else(|| "nobody yet".to_owned());
            format!("{}\t{asked_by}\t{}\t{purpose}\t{second}", request.id, request.asked.at)
        };
        line(replies, row).await?;
    }
    Ok(())
}

fn voucher(address: MailAddress, typed: &SecretText) -> Voucher {
    Voucher { address, password: Password::new(typed.expose().to_owned()) }
}

async fn address_of(app: &Arc<App>, account: AccountId) -> Result<String, RequestError> {
    let found: Option<(Account, u64)> = app.read(&crate::app::ports::Key::Account(account)).await?;
    Ok(found.map_or_else(|| "an account that is gone".to_owned(), |(account, _)| account.address.to_string()))
}

async fn told(replies: &Replies, count: usize) -> Result<(), RequestError> {
    line(replies, format!("{count} transfers exported, sealed as they are; index.json says how to open them"))
        .await
}
