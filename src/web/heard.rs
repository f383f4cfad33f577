//! A mailbox says that its notices arrive: the page of a heartbeat's link. A robot that visits it proves nothing (invariant
//! 6); the button does.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::request::Guest;
use super::views::HeardPage;
use crate::app::HEARTBEAT_PATH;
use crate::relay::letter::TaggedMail;

/// The button, whatever the link: nobody learns by looking whether it is one of ours.
pub(super) async fn show(State(shared): State<Shared>, Path(link): Path<String>, guest: Guest) -> Outcome {
    let action = match TaggedMail::parse(&link) {
        Some(claimed) => format!("{HEARTBEAT_PATH}{claimed}"),
        None => HEARTBEAT_PATH.to_owned() + "0",
    };
    let page = HeardPage { frame: guest.frame(&shared, None), action, outcome: None };
    Ok(Answer::page(StatusCode::OK, &guest, &page).into_response())
}

pub(super) async fn press(State(shared): State<Shared>, Path(link): Path<String>, guest: Guest) -> Outcome {
    let is_ours = match TaggedMail::parse(&link) {
        Some(claimed) => shared
            .app
            .note_mail_read(claimed, guest.visitor)
            .await
            .map_err(|error| Errors::new(&shared, &guest).fault(&error))?,
        None => false,
    };
    let status = if is_ours { StatusCode::OK } else { StatusCode::NOT_FOUND };
    let frame = guest.frame(&shared, None);
    let page = HeardPage { frame, action: String::new(), outcome: Some(is_ours) };
    Ok(Answer::page(status, &guest, &page).into_response())
}
