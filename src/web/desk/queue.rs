//! The queue of outgoing mails: what waits, why and since when; retried, held back or given up by a form. No letter, no title
//! and no transfer is shown.

use axum::extract::rejection::QueryRejection;
use axum::extract::{Form, Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;

use super::{encoded, signed};
use crate::app::{QueueChange, QueueFilter, QueueLine, QueueState};
use crate::value::{MailId, Timestamp};
use crate::web::Shared;
use crate::web::answer::{Answer, Errors, Outcome};
use crate::web::request::Guest;
use crate::web::texts::QueueWords;
use crate::web::views::{ErrorKind, QueueNotice, QueuePage, QueueRow};

/// Mails on a page.
const ROWS: usize = 50;

#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    etat: String,
    destination: String,
    boite: String,
    apres: String,
    fait: String,
}

/// What the forms of the page ask for.
#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum Act {
    Reessayer,
    Retenir,
    Abandonner,
}

#[derive(Deserialize)]
pub(super) struct QueueForm {
    courriel: String,
    action: Act,
}

pub(super) async fn show(
    State(shared): State<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
    guest: Guest,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let Query(asked) = asked.map_err(|refused| errors.translate(refused.into_response()))?;
    let signed = signed(&shared, &guest, "/journal/file").await?;
    let errors = errors.signed_as(Some(&signed));
    let mailboxes = shared.app.mailboxes().await.map_err(|error| errors.fault(&error))?;
    let mailbox = mailboxes.iter().find(|mailbox| mailbox.slug.as_str() == asked.boite);
    let destination = asked.destination.trim().to_ascii_lowercase();
    let filter = QueueFilter {
        mailbox: mailbox.map(|mailbox| mailbox.id),
        destination: (!destination.is_empty()).then(|| destination.clone()),
        state: QueueState::ALL.into_iter().find(|state| state.as_str() == asked.etat),
    };
    let told =
        shared.app.officer_reads_queue(&signed, &filter, place_of(&asked.apres), ROWS, guest.visitor).await;
    let Some(page) = told.map_err(|error| errors.fault(&error))? else {
        return Err(errors.page(ErrorKind::Forbidden));
    };
    let words = QueueWords::of(guest.language);
    let now = shared.app.now().at;
    let named = |line: &QueueLine| {
        let mailbox = mailboxes.iter().find(|mailbox| Some(mailbox.id) == line.mailbox);
        mailbox.map(|mailbox| mailbox.name.clone()).unwrap_or_default()
    };
    let rows = page.lines.into_iter().map(|line| {
        let mailbox = named(&line);
        row(&line, mailbox, now, &words)
    });
    let rows = rows.collect();
    let next = page.next.map(|(at, id)| {
        let (state, to, slug) = (encoded(&asked.etat), encoded(&destination), encoded(&asked.boite));
        format!("/journal/file?etat={state}&destination={to}&boite={slug}&apres={}-{id}", at.0)
    });
    let view = QueuePage {
        frame: guest.frame(&shared, Some(&signed)),
        notice: QueueNotice::of(&asked.fait),
        state: filter.state.map(QueueState::as_str).unwrap_or_default(),
        states: QueueState::ALL.into_iter().map(|state| (state.as_str(), words.state(state))).collect(),
        destination,
        mailbox: asked.boite,
        mailboxes: mailboxes.into_iter().map(|mailbox| (mailbox.slug.to_string(), mailbox.name)).collect(),
        rows,
        next,
    };
    Ok(Answer::page(StatusCode::OK, &guest, &view).into_response())
}

pub(super) async fn change(
    State(shared): State<Shared>,
    guest: Guest,
    Form(form): Form<QueueForm>,
) -> Outcome {
    let signed = signed(&shared, &guest, "/journal/file").await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let id: MailId = form.courriel.parse().map_err(|_| errors.page(ErrorKind::BadRequest))?;
    let (change, done) = match form.action {
        Act::Reessayer => (QueueChange::Retry, "reessaye"),
        Act::Retenir => (QueueChange::Hold, "retenu"),
        Act::Abandonner => (QueueChange::Drop, "abandonne"),
    };
    let changed = shared.app.officer_changes_queue(&signed, id, change, guest.visitor).await;
    match changed.map_err(|error| errors.fault(&error))? {
        None => Err(errors.page(ErrorKind::Forbidden)),
        Some(true) => Ok(Answer::see_other(&format!("/journal/file?fait={done}")).into_response()),
        Some(false) => Ok(Answer::see_other("/journal/file?fait=parti").into_response()),
    }
}

/// Where a page begins: the instant and the id of the mail before it.
fn place_of(text: &str) -> Option<(Timestamp, MailId)> {
    let (at, id) = text.rsplit_once('-')?;
    Some((Timestamp(at.parse().ok()?), id.parse().ok()?))
}

fn row(line: &QueueLine, mailbox: String, now: Timestamp, words: &QueueWords) -> QueueRow {
    let state = line.state.unwrap_or(QueueState::Waiting);
    let code =
        line.problem.and_then(crate::relay::queue::DeliveryProblem::code).map(|code| format!(" ({code})"));
    QueueRow {
        id: line.id.to_string(),
        kind: words.kind(line.kind),
        to: line.to.to_string(),
        mailbox,
        destination: line.destination.to_string(),
        state: words.state(state),
        is_well: state == QueueState::Waiting,
        is_held: state == QueueState::Held,
        can_be_held: matches!(state, QueueState::Waiting | QueueState::Delayed),
        reason: line.problem.map(|problem| words.reason(problem).to_owned() + &code.unwrap_or_default()),
        hours: line.written_at.until(now).0.max(0) / 3_600_000,
        written_at: line.written_at,
        next_try_at: line.next_try_at,
        tries: line.tries,
    }
}
