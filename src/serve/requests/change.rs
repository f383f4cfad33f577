//! Changes of who may and who can: entitling, cutting off, resetting. Nobody reads a mailbox by any of them.

use std::sync::Arc;

use super::add::{find_account, find_mailboxes, password};
use super::{AccountNamed, Foundation, MailPasswordRequest, Membership, Replies, RequestError, Reset, line};
use crate::app::{App, MailPasswordError, ResetError};
use crate::audit::{Actor, Origin};
use crate::mailbox::{Custody, Mailbox};
use crate::value::Slug;

pub(super) async fn entitle(
    app: &Arc<App>,
    replies: &Replies,
    Membership { mailbox, address }: Membership,
) -> Result<(), RequestError> {
    let (mailbox, account) = (find_mailbox(app, &mailbox).await?, find_account(app, &address).await?);
    if account.organisation != Some(mailbox.organisation) {
        return Err(RequestError::Unfit { what: "a mailbox has members of its own organisation only" });
    }
    app.entitle(account.id, mailbox.id, Origin::Cli).await?;
    line(replies, format!("{address} is entitled to {}", mailbox.slug)).await?;
    if mailbox.key.custody == Custody::Members {
        line(replies, "a member must open the mailbox to this person, on its page of members".into()).await?;
    }
    Ok(())
}

pub(super) async fn found_anew(
    app: &Arc<App>,
    replies: &Replies,
    Foundation { mailbox, members }: Foundation,
) -> Result<(), RequestError> {
    let mailbox = find_mailbox(app, &mailbox).await?;
    let mut accounts = Vec::with_capacity(members.len());
    for address in &members {
        let account = find_account(app, address).await?;
        if !account.reads(mailbox.id) {
            return Err(RequestError::Unfit {
                what: "a member is entitled to the mailbox first (pli mailbox entitle)",
            });
        }
        accounts.push(account.id);
    }
    if !app.found_anew(mailbox.id, &accounts, Origin::Cli).await? {
        return Err(RequestError::Unfit {
            what: "a member can open this mailbox: members admit, nobody else",
        });
    }
    line(
        replies,
        format!("mailbox {} has a new key; live mail before it needs the recovery identity", mailbox.slug),
    )
    .await
}

pub(super) async fn cut_off(
    app: &Arc<App>,
    replies: &Replies,
    AccountNamed { address }: AccountNamed,
) -> Result<(), RequestError> {
    let account = find_account(app, &address).await?;
    let orphaned = app.cut_off(account.id, Origin::Cli).await?;
    line(replies, format!("account {address} is cut off")).await?;
    for mailbox in orphaned {
        let told =
            "can be opened by nobody now; its live mail needs the recovery identity (pli mailbox found-anew)";
        line(replies, format!("mailbox {mailbox} {told}")).await?;
    }
    Ok(())
}

pub(super) async fn mail_password(
    app: &Arc<App>,
    replies: &Replies,
    asked: MailPasswordRequest,
) -> Result<(), RequestError> {
    let account = find_account(app, &asked.address).await?;
    if asked.revoke {
        let was = app.revoke_mail_password(account.id, Actor::Operator, Origin::Cli).await?;
        let told = if was { "is revoked" } else { "was not there" };
        return line(replies, format!("the mail password of {} {told}", asked.address)).await;
    }
    match app.make_mail_password(account.id, Actor::Operator, Origin::Cli).await {
        Ok(secret) => line(replies, format!("mail password of {}: {}", asked.address, secret.expose())).await,
        Err(MailPasswordError::NotEntitled) => {
            Err(RequestError::Unfit { what: "only an agent whose account is active has a mail password" })
        }
        Err(MailPasswordError::Fault(error)) => Err(error.into()),
    }
}

pub(super) async fn drop_code(
    app: &Arc<App>,
    replies: &Replies,
    AccountNamed { address }: AccountNamed,
) -> Result<(), RequestError> {
    let account = find_account(app, &address).await?;
    if !app.drop_second_factor(account.id, Origin::Cli).await? {
        return Err(RequestError::Unfit { what: "this account is asked for no code" });
    }
    line(replies, format!("{address} signs in by password alone until a new code is set up at /compte")).await
}

pub(super) async fn reset(app: &Arc<App>, replies: &Replies, reset: Reset) -> Result<(), RequestError> {
    let account = find_account(app, &reset.address).await?;
    let new = password(app, &reset.password, &account.name, &account.address).await?;
    match app.reset_password(account.id, new, reset.accept_loss, Origin::Cli).await {
        Ok(()) => {}
        Err(ResetError::LastMember { .. }) => {
            return Err(RequestError::Unfit {
                what: "the account is the last that opens a mailbox: its live mail would be lost to all but the recovery \
                       identity. Have another member admitted first, or say --accept-loss",
            });
        }
        Err(ResetError::Fault(error)) => return Err(error.into()),
    }
    line(replies, format!("the password of {} is reset; members admit the person again", reset.address)).await
}

pub(super) async fn find_mailbox(app: &Arc<App>, slug: &Slug) -> Result<Mailbox, RequestError> {
    let mut found = find_mailboxes(app, std::slice::from_ref(slug)).await?;
    found.pop().ok_or_else(|| RequestError::Unknown { kind: "mailbox", name: slug.to_string() })
}
