//! People by `pli` (P1, P2, P6): invited, deactivated, reactivated, sent a link; structures suspended, addresses blocked. The
//! same use cases as the pages'.

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::add::{find_account, find_mailboxes, find_organisation, find_partner};
use super::{Replies, RequestError, RoleName, line, parse_language};
use crate::app::{AccountChange, App, By, Invitation, SettingsChange, parse_name};
use crate::audit::{Actor, Origin};
use crate::identity::Role;
use crate::value::{Language, MailAddress, Slug};

/// An account whose owner activates it by a mailed link.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Invited {
    /// The professional address; the link goes there.
    #[arg(long, value_parser = MailAddress::parse)]
    pub address: MailAddress,
    /// First and last name.
    #[arg(long)]
    pub name: String,
    /// What the person does.
    #[arg(long, value_enum)]
    pub role: RoleName,
    /// The slug of a mailbox that an agent reads; can be repeated.
    #[arg(long = "mailbox", value_parser = Slug::parse)]
    pub mailboxes: Vec<Slug>,
    /// The name of the structure of a gestionnaire or a technicien.
    #[arg(long)]
    pub partner: Option<String>,
    /// The language of the person's pages and mails, "fr" or "en".
    #[arg(long, default_value = "fr", value_parser = parse_language)]
    pub language: Language,
}

/// What is done with an account of a structure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AccountStep {
    /// It may not sign in nor deposit any more.
    Deactivate,
    /// It may again.
    Reactivate,
    /// Its owner is sent a link to choose a password.
    SendLink,
}

/// A structure, and an address of it when not the whole is meant.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Exclusion {
    /// The structure's name.
    #[arg(long)]
    pub name: String,
    /// One of its addresses; without it, the whole structure.
    #[arg(long, value_parser = MailAddress::parse)]
    pub address: Option<MailAddress>,
}

/// A manager of a mailbox.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ManagerNamed {
    /// The mailbox's slug.
    #[arg(value_name = "SLUG", value_parser = Slug::parse)]
    pub mailbox: Slug,
    /// The address of a member's account.
    #[arg(long, value_parser = MailAddress::parse)]
    pub address: MailAddress,
    /// It manages the mailbox no more.
    #[arg(long)]
    pub no_more: bool,
}

pub(super) async fn manager(
    app: &Arc<App>,
    replies: &Replies,
    named: ManagerNamed,
) -> Result<(), RequestError> {
    let account = find_account(app, &named.address).await?;
    let change = SettingsChange::Manager { account: account.id, manages: !named.no_more };
    app.change_settings(By::operator(Origin::Cli), &named.mailbox, change).await?;
    let told = if named.no_more { "does not manage" } else { "manages" };
    line(replies, format!("{} {told} {}", named.address, named.mailbox)).await
}

pub(super) async fn invite(app: &Arc<App>, replies: &Replies, new: Invited) -> Result<(), RequestError> {
    let role = Role::from(new.role);
    let mailboxes = find_mailboxes(app, &new.mailboxes).await?;
    let partner = match (&new.partner, role.is_of_structure()) {
        (Some(name), true) => Some(find_partner(app, name).await?.id),
        (None, true) => return Err(RequestError::Missing { what: "the person's structure (--partner)" }),
        (_, false) => None,
    };
    let organisation = match (mailboxes.first(), partner) {
        (Some(mailbox), _) => Some(mailbox.organisation),
        (None, Some(_)) => None,
        (None, None) => Some(find_organisation(app, None).await?.id),
    };
    let unfit = RequestError::Unfit { what: "a name has 1 to 100 characters" };
    let invitation = Invitation {
        address: new.address,
        name: parse_name(&new.name).ok_or(unfit)?,
        role,
        organisation,
        partner,
        mailboxes: mailboxes.iter().map(|mailbox| mailbox.id).collect(),
        language: new.language,
    };
    let account = app.invite(invitation, Actor::Operator, Origin::Cli).await?;
    line(replies, format!("account {} made; a link to activate it is on its way", account.address)).await
}

pub(super) async fn change_account(
    app: &Arc<App>,
    replies: &Replies,
    address: &MailAddress,
    step: AccountStep,
) -> Result<(), RequestError> {
    let account = find_account(app, address).await?;
    let (change, told) = match step {
        AccountStep::Deactivate => (AccountChange::Deactivate, "is deactivated"),
        AccountStep::Reactivate => (AccountChange::Reactivate, "may sign in again"),
        AccountStep::SendLink => (AccountChange::SendLink, "is sent a link"),
    };
    app.change_account(By::operator(Origin::Cli), account.id, change).await?;
    line(replies, format!("{address} {told}")).await
}

pub(super) async fn exclude(
    app: &Arc<App>,
    replies: &Replies,
    Exclusion { name, address }: Exclusion,
    excluded: bool,
) -> Result<(), RequestError> {
    let (partner, by) = (find_partner(app, &name).await?, By::operator(Origin::Cli));
    let told = if let Some(address) = address {
        app.block_address(by, partner.id, &address, excluded).await?;
        format!("{address} of {name:?} {}", if excluded { "is blocked" } else { "is blocked no more" })
    } else {
        app.suspend_structure(by, partner.id, excluded).await?;
        format!("partner {name:?} {}", if excluded { "is suspended" } else { "may deposit again" })
    };
    line(replies, told).await
}
