//! A person's activity (S3).

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;

use super::rows::{origin, row};
use super::{encoded, signed, state};
use crate::app::{LogState, PersonActivity};
use crate::audit::OutcomeClass;
use crate::identity::Role;
use crate::value::Language;
use crate::web::Shared;
use crate::web::answer::{Answer, Errors, Outcome};
use crate::web::request::Guest;
use crate::web::views::{JournalOutcome, PersonCount, PersonPage};

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    person: String,
}

pub(super) async fn show(
    State(shared): State<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
    guest: Guest,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let asked = super::asked(asked, &errors)?;
    let signed = signed(&shared, &guest, "/journal/personne").await?;
    let errors = errors.signed_as(Some(&signed));
    let told = super::told(shared.app.tell_person(&signed, &asked.person, guest.visitor).await, &errors)?;
    let empty = LogState::default();
    let log = match &told {
        Some(activity) => activity.state.clone(),
        None => shared.app.log_state().await.unwrap_or(empty),
    };
    let mut view = PersonPage {
        frame: guest.frame(&shared, Some(&signed)),
        state: state(&shared, &log),
        not_understood: told.is_none() && !asked.person.trim().is_empty(),
        timeline: format!("/journal?person={}", encoded(&asked.person)),
        typed: asked.person,
        name: None,
        pseudonym: String::new(),
        is_erased: false,
        role: String::new(),
        is_active: false,
        mailboxes: Vec::new(),
        counted: 0,
        span: None,
        is_cut: false,
        counts: Vec::new(),
        origins: Vec::new(),
        rows: Vec::new(),
        changes: Vec::new(),
    };
    if let Some(activity) = told {
        fill(&mut view, activity, guest.language);
    }
    Ok(Answer::page(StatusCode::OK, &guest, &view).into_response())
}

fn fill(view: &mut PersonPage, activity: PersonActivity, language: Language) {
    let facts = activity.facts;
    view.name = Some(facts.named.in_full());
    view.pseudonym = facts.named.person.to_string();
    view.is_erased = facts.named.address.is_none();
    view.role = facts.role.map(|role| role_label(role, language)).unwrap_or_default();
    view.is_active = facts.is_active;
    view.mailboxes = facts.mailboxes;
    view.counted = activity.counted;
    view.span = activity.span;
    view.is_cut = activity.is_cut;
    view.timeline = format!("/journal?person={}", view.pseudonym);
    let timeline = view.timeline.clone();
    let counts = activity.counts.into_iter();
    view.counts = counts
        .map(|(action, class, count)| PersonCount {
            action: action.label(language).to_owned(),
            outcome: outcome(class),
            count,
            link: format!("{timeline}&action={}&outcome={}", action.code(), class.code()),
        })
        .collect();
    view.origins =
        activity.origins.into_iter().map(|(from, count)| (origin(from, language), count)).collect();
    view.rows = activity.latest.into_iter().map(|line| row(line, language)).collect();
    view.changes = activity.account_events.into_iter().map(|line| row(line, language)).collect();
}

fn outcome(class: OutcomeClass) -> JournalOutcome {
    let reason = String::new();
    match class {
        OutcomeClass::Done => JournalOutcome::Done,
        OutcomeClass::Intended => JournalOutcome::Intended,
        OutcomeClass::Refused => JournalOutcome::Refused { reason },
        OutcomeClass::Failed => JournalOutcome::Failed { reason },
    }
}

fn role_label(role: Role, language: Language) -> String {
    crate::app::role_code(role).label(language).to_owned()
}
