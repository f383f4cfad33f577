//! Rights as they are and as they were on a day (P5), on a page and as a table.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;

use super::{attachment, encoded, signed, state};
use crate::app::{AccountRights, AgreementRights, RightsPage as Told, rights_table};
use crate::value::{Language, calendar};
use crate::web::Shared;
use crate::web::answer::{Answer, Errors, Outcome};
use crate::web::request::Guest;
use crate::web::views::{AccountRow, AgreementRow, RightsPage};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    day: String,
}

pub(super) async fn show(
    State(shared): State<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
    guest: Guest,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let asked = super::asked(asked, &errors)?;
    let signed = signed(&shared, &guest, "/journal/droits").await?;
    let errors = errors.signed_as(Some(&signed));
    let until = calendar::start_of_day(&asked.day, 1);
    let told = super::told(shared.app.tell_rights(&signed, until, guest.visitor).await, &errors)?;
    let language = guest.language;
    let view = RightsPage {
        frame: guest.frame(&shared, Some(&signed)),
        state: state(&shared, &told.state),
        csv: match &asked.day[..] {
            "" => "/journal/droits.csv".to_owned(),
            day => format!("/journal/droits.csv?day={}", encoded(day)),
        },
        day: asked.day,
        as_of: told.as_of,
        is_now: told.is_now,
        differing: told.accounts.iter().filter(|account| account.differs).count(),
        accounts: told.accounts.into_iter().map(|account| account_row(account, language)).collect(),
        agreements: told.agreements.into_iter().map(|agreement| agreement_row(agreement, language)).collect(),
        known_since: told.known_since,
        is_pruned: told.is_pruned,
        is_cut: told.is_cut,
    };
    Ok(Answer::page(StatusCode::OK, &guest, &view).into_response())
}

/// The same as a table for a spreadsheet: a list of rights has some thousands of lines at most.
pub(super) async fn export(
    State(shared): State<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
    guest: Guest,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let asked = super::asked(asked, &errors)?;
    let signed = signed(&shared, &guest, "/journal/droits").await?;
    let errors = errors.signed_as(Some(&signed));
    let until = calendar::start_of_day(&asked.day, 1);
    let told: Told = super::told(shared.app.tell_rights(&signed, until, guest.visitor).await, &errors)?;
    let media_type = "text/csv; charset=utf-8; header=present";
    Ok(attachment(media_type, "droits.csv", rights_table(&told, guest.language)))
}

fn account_row(account: AccountRights, language: Language) -> AccountRow {
    let link = account.named.as_ref().map(|named| format!("/journal/personne?person={}", named.person));
    AccountRow {
        name: account.named.map_or_else(|| account.account.to_string(), |named| named.in_full()),
        link,
        role: account.role.map(|role| role.label(language).to_owned()).unwrap_or_default(),
        is_active: account.is_active,
        since: account.since,
        mailboxes: account.mailboxes.into_iter().map(|member| (member.mailbox, member.since)).collect(),
        last_sign_in: account.last_sign_in,
        differs: account.differs,
    }
}

fn agreement_row(agreement: AgreementRights, language: Language) -> AgreementRow {
    let (from, until) = agreement.in_force.map_or((None, None), |(from, until)| (Some(from), until));
    let day = |day: Option<crate::value::Day>| {
        day.map(|day| crate::value::calendar::day(day, language)).unwrap_or_default()
    };
    AgreementRow {
        partner: agreement.partner,
        mailbox: agreement.mailbox,
        from: day(from),
        until: day(until),
        listed: agreement.listed,
        is_suspended: agreement.is_suspended,
        is_open: agreement.is_open,
        changed_at: agreement.changed_at,
    }
}
