//! Failed sign-ins and refusals, in groups (S2).

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;

use super::{encoded, signed, state};
use crate::app::RefusalGroup;
use crate::value::{Language, Millis, calendar};
use crate::web::Shared;
use crate::web::answer::{Answer, Errors, Outcome};
use crate::web::request::Guest;
use crate::web::views::{RefusalRow, RefusalsPage};

/// How far back the page looks when no day is asked for.
const PERIOD: Millis = Millis::days(7);
/// From how many refusals on a group stands out.
const MANY: u64 = 20;
/// How many reasons of a group are told.
const REASONS_MAX: usize = 3;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    from: String,
    to: String,
    before: String,
}

pub(super) async fn show(
    State(shared): State<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
    guest: Guest,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let asked = super::asked(asked, &errors)?;
    let signed = signed(&shared, &guest, "/journal/refus").await?;
    let errors = errors.signed_as(Some(&signed));
    let (from, until) = (calendar::start_of_day(&asked.from, 0), calendar::start_of_day(&asked.to, 1));
    let week = shared.app.now().at - PERIOD;
    let from = if from.is_none() && until.is_none() { Some(week) } else { from };
    let before = asked.before.parse().ok();
    let told = shared.app.tell_refusals(&signed, from, until, before, guest.visitor).await;
    let told = super::told(told, &errors)?;
    let language = guest.language;
    // The links lead to the same period.
    let period = match (&asked.from[..], &asked.to[..]) {
        ("", "") => String::new(),
        (from, to) => format!("&from={}&to={}", encoded(from), encoded(to)),
    };
    let link =
        |field: &str, value: &str| format!("/journal?outcome=refused&{field}={}{period}", encoded(value));
    let view = RefusalsPage {
        frame: guest.frame(&shared, Some(&signed)),
        state: state(&shared, &told.state),
        gathered: told.gathered,
        sign_ins: told.sign_ins,
        span: told.span,
        older: told.older.map(|place| format!("/journal/refus?before={place}{period}")),
        by_origin: told
            .by_origin
            .into_iter()
            .map(|group| {
                let name = group.key.to_string();
                let link = link("origin", &name);
                row(group, name, link, language)
            })
            .collect(),
        by_person: told
            .by_person
            .into_iter()
            .map(|group| {
                let (name, link) = (group.key.in_full(), link("person", &group.key.person.to_string()));
                row(group, name, link, language)
            })
            .collect(),
        from: asked.from,
        to: asked.to,
    };
    Ok(Answer::page(StatusCode::OK, &guest, &view).into_response())
}

fn row<K>(group: RefusalGroup<K>, name: String, link: String, language: Language) -> RefusalRow {
    let RefusalGroup { count, sign_ins, others, reasons, first, last, .. } = group;
    let reasons = reasons.into_iter().take(REASONS_MAX);
    let reasons = reasons.map(|(reason, count)| (reason.label(language).to_owned(), count)).collect();
    RefusalRow { name, link, count, sign_ins, others, reasons, first, last, stands_out: count >= MANY }
}
