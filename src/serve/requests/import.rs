//! Imports from files: an agreement, the sites of a partner. What changes is told, one line each.

use std::sync::Arc;

use super::{Replies, RequestError, line};
use crate::app::{AgreementPart, App, By, ImportChange, ImportScope, PersonChange};
use crate::audit::Origin;

pub(super) async fn agreement(app: &Arc<App>, replies: &Replies, text: &str) -> Result<(), RequestError> {
    let (file, changes) = app.import_agreement(text, Origin::Cli).await?;
    for change in changes {
        line(replies, format!("{}: {}", file.name, told(&change, &file.partner))).await?;
    }
    Ok(())
}

pub(super) async fn sites(
    app: &Arc<App>,
    replies: &Replies,
    partner: &str,
    text: &str,
    dry_run: bool,
) -> Result<(), RequestError> {
    let done = app.import_sites(partner, text, dry_run, Origin::Cli).await?;
    let (added, changed, unchanged) = (done.added, done.changed, done.unchanged);
    let would = if dry_run { "; nothing was changed yet" } else { "" };
    line(
        replies,
        format!("{partner}: {added} sites added, {changed} changed, {unchanged} as they were{would}"),
    )
    .await
}

pub(super) async fn people(
    app: &Arc<App>,
    replies: &Replies,
    text: &str,
    dry_run: bool,
) -> Result<(), RequestError> {
    let by = By::operator(Origin::Cli);
    let people = app.import_people(by, ImportScope::House, text, dry_run).await?;
    let would = if dry_run { "would be " } else { "" };
    for person in people {
        let told = match person.change {
            PersonChange::Invited => format!("{would}invited"),
            PersonChange::Renamed => format!("{would}renamed"),
            PersonChange::Entitled => format!("{would}entitled to more mailboxes"),
            PersonChange::Unchanged => "as it was".to_owned(),
            PersonChange::Closed => "deactivated, as it was".to_owned(),
        };
        line(replies, format!("line {}: {} {told}", person.line, person.address)).await?;
    }
    Ok(())
}

fn told(change: &ImportChange, partner: &str) -> String {
    match change {
        ImportChange::PartnerAdded => format!("partner {partner:?} added"),
        ImportChange::DomainsChanged => format!("the domains of {partner:?} changed"),
        ImportChange::AddressesBlocked(count) => format!("{count} addresses of {partner:?} blocked"),
        ImportChange::AgreementAdded(mailbox) => format!("agreement with {mailbox} added"),
        ImportChange::AgreementChanged(mailbox, parts) if parts.is_empty() => {
            format!("agreement with {mailbox} is this file's now")
        }
        ImportChange::AgreementChanged(mailbox, parts) => {
            let parts: Vec<&str> = parts.iter().map(|part| part_name(*part)).collect();
            format!("agreement with {mailbox} changed: {}", parts.join(", "))
        }
        ImportChange::Unchanged(mailbox) => format!("agreement with {mailbox} is as it was"),
    }
}

const fn part_name(part: AgreementPart) -> &'static str {
    match part {
        AgreementPart::Period => "period",
        AgreementPart::Admission => "who is admitted",
        AgreementPart::Deadlines => "deadlines",
        AgreementPart::Answer => "who is answered",
        AgreementPart::Mediator => "mediator",
        AgreementPart::Services => "services",
        AgreementPart::Forms => "forms",
        AgreementPart::Routes => "routes",
        AgreementPart::BreachHours => "time within which a breach is told",
    }
}
