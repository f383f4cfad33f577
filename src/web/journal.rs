//! The security officer's page (S1, S2).

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::request::Guest;
use super::views::{
    ErrorKind, JournalFilter as TypedFilter, JournalOutcome, JournalPage, JournalRow, JournalState,
    LogVerdict,
};
use crate::app::{JournalFilter, JournalLine, LogState, OpenError};
use crate::audit::{Action, Actor, Origin, Outcome as Ended};
use crate::value::{Language, calendar};

#[derive(Deserialize)]
pub(super) struct Asked {
    #[serde(default)]
    person: String,
    #[serde(default)]
    mailbox: String,
    #[serde(default)]
    action: String,
    #[serde(default)]
    from: String,
    #[serde(default)]
    to: String,
    before: Option<u64>,
}

pub(super) async fn show(
    State(shared): State<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
    guest: Guest,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let Query(asked) = asked.map_err(|refused| errors.translate(refused.into_response()))?;
    let signed = guest.signed(&shared).await.map_err(|error| errors.fault(&error))?;
    let Some(signed) = signed else { return Err(errors.open(&OpenError::NotSignedIn, "/journal")) };
    let errors = errors.signed_as(Some(&signed));
    let page = shared.app.read_log(&signed, &filter(&asked), guest.visitor).await;
    let Some(page) = page.map_err(|error| errors.fault(&error))? else {
        return Err(errors.page(ErrorKind::Forbidden));
    };
    let mailboxes = shared.app.mailboxes().await.map_err(|error| errors.fault(&error))?;
    let language = guest.language;
    let view = JournalPage {
        frame: guest.frame(&shared, Some(&signed)),
        state: state(&page.state),
        filter: TypedFilter {
            person: asked.person,
            mailbox: asked.mailbox,
            action: asked.action,
            from: asked.from,
            to: asked.to,
        },
        mailboxes: mailboxes.into_iter().map(|mailbox| (mailbox.id.to_string(), mailbox.name)).collect(),
        actions: Action::ALL
            .iter()
            .map(|action| (action.code().to_owned(), action.label(language).to_owned()))
            .collect(),
        rows: page.lines.into_iter().map(|line| row(line, language)).collect(),
        older: page.next,
        is_newest: asked.before.is_none(),
    };
    Ok(Answer::page(StatusCode::OK, &guest, &view).into_response())
}

/// What was typed, as far as it reads.
fn filter(asked: &Asked) -> JournalFilter {
    JournalFilter {
        person: Some(asked.person.clone()).filter(|typed| !typed.trim().is_empty()),
        mailbox: asked.mailbox.parse().ok(),
        action: Action::from_code(&asked.action),
        from: calendar::start_of_day(&asked.from, 0),
        until: calendar::start_of_day(&asked.to, 1),
        before: asked.before,
    }
}

fn state(state: &LogState) -> JournalState {
    let verdict = match state.last_verification {
        None => LogVerdict::Unknown,
        Some((_, true)) => LogVerdict::Verifies,
        Some((_, false)) => LogVerdict::Broken { entry: None },
    };
    JournalState {
        verdict,
        entries: state.size,
        checkpoint: state.last_checkpoint.map(|(at, _)| at),
        verified: state.last_verification.map(|(at, _)| at),
        root: None,
    }
}

fn row(line: JournalLine, language: Language) -> JournalRow {
    let reason = line.outcome.reason(language).unwrap_or_default().to_owned();
    JournalRow {
        index: line.index,
        time: line.at,
        who: line.who.unwrap_or_else(|| nobody(line.actor, language).to_owned()),
        action: line.action.label(language).to_owned(),
        object: line.object.unwrap_or_default(),
        outcome: match line.outcome {
            Ended::Done => JournalOutcome::Done,
            Ended::Intended => JournalOutcome::Intended,
            Ended::Refused(_) => JournalOutcome::Refused { reason },
            Ended::Failed(_) => JournalOutcome::Failed { reason },
        },
        origin: origin(line.origin, language),
    }
}

const fn nobody(actor: Actor, language: Language) -> &'static str {
    match (actor, language) {
        (Actor::System, Language::Fr) => "la passerelle",
        (Actor::System, Language::En) => "the gateway",
        (Actor::Operator, Language::Fr) => "l’exploitant",
        (Actor::Operator, Language::En) => "the operator",
        (_, Language::Fr) => "inconnu",
        (_, Language::En) => "unknown",
    }
}

fn origin(origin: Origin, language: Language) -> String {
    match (origin, language) {
        (Origin::Web { address }, _) => format!("web {address}"),
        (Origin::Smtp { address }, _) => format!("SMTP {address}"),
        (Origin::Cli, Language::Fr) => "ligne de commande".to_owned(),
        (Origin::Cli, Language::En) => "command line".to_owned(),
        (Origin::Job, Language::Fr) => "tâche interne".to_owned(),
        (Origin::Job, Language::En) => "internal task".to_owned(),
    }
}
