//! A transfer's whole story (S3).

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;

use super::rows::origin;
use super::sentence::sentence;
use super::{encoded, signed, state};
use crate::app::{DayKeyFate, StoryStep};
use crate::audit::Outcome as Ended;
use crate::value::Language;
use crate::web::Shared;
use crate::web::answer::{Answer, Errors, Outcome};
use crate::web::request::Guest;
use crate::web::views::{ErrorKind, KeyFate, StoryPage, StoryRow};

pub(super) async fn show(State(shared): State<Shared>, Path(typed): Path<String>, guest: Guest) -> Outcome {
    let path = format!("/journal/transferts/{}", encoded(&typed));
    let signed = signed(&shared, &guest, &path).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let told = super::told(shared.app.tell_story(&signed, &typed, guest.visitor).await, &errors)?;
    let Some(story) = told else { return Err(errors.page(ErrorKind::NotFound)) };
    let language = guest.language;
    let query = format!("?transfer={}", story.transfer);
    let view = StoryPage {
        frame: guest.frame(&shared, Some(&signed)),
        state: state(&shared, &story.state),
        name: story.reference.unwrap_or_else(|| story.transfer.to_string()),
        mailbox: story.mailbox,
        partner: story.partner,
        expires_at: story.expires_at,
        is_live: story.is_live,
        steps: story.steps.iter().map(|step| row(step, language)).collect(),
        is_cut: story.is_cut,
        day_key: match story.day_key {
            DayKeyFate::Live { .. } => KeyFate::Live,
            DayKeyFate::Begun { at, .. } => KeyFate::Begun(at),
            DayKeyFate::Destroyed { at, .. } => KeyFate::Destroyed(at),
        },
        timeline: format!("/journal{query}"),
        query,
    };
    Ok(Answer::page(StatusCode::OK, &guest, &view).into_response())
}

fn row(step: &StoryStep, language: Language) -> StoryRow {
    let tone = match step.event.outcome {
        Ended::Done | Ended::Intended => "",
        Ended::Refused(_) => "wait",
        Ended::Failed(_) => "bad",
    };
    StoryRow {
        index: step.index,
        at: step.event.at,
        sentence: sentence(step, language),
        origin: origin(step.event.origin, language),
        tone,
    }
}
