//! The timeline with its filters (S1, S2).

use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use axum::http::StatusCode;
use axum::response::IntoResponse;
use serde::Deserialize;

use super::rows::row;
use super::{signed, state};
use crate::app::{JournalFilter, PageStart};
use crate::audit::{Action, OutcomeClass};
use crate::value::{Language, calendar};
use crate::web::Shared;
use crate::web::answer::{Answer, Errors, Outcome};
use crate::web::request::Guest;
use crate::web::views::{JournalFilter as TypedFilter, JournalPage, PageLink};

/// What is asked for in the query, as typed.
#[derive(Default, Deserialize)]
#[serde(default)]
pub(super) struct Asked {
    person: String,
    transfer: String,
    partner: String,
    mailbox: String,
    action: String,
    outcome: String,
    origin: String,
    from: String,
    to: String,
    before: Option<u64>,
    after: Option<u64>,
}

impl Asked {
    /// What was typed, as far as it reads. A choice that is none of those offered narrows nothing down.
    pub(super) fn filter(&self) -> JournalFilter {
        let typed = |text: &str| Some(text.to_owned()).filter(|text| !text.trim().is_empty());
        JournalFilter {
            person: typed(&self.person),
            transfer: typed(&self.transfer),
            origin: typed(&self.origin),
            partner: self.partner.parse().ok(),
            mailbox: self.mailbox.parse().ok(),
            action: Action::from_code(&self.action),
            outcome: OutcomeClass::from_code(&self.outcome),
            from: calendar::start_of_day(&self.from, 0),
            until: calendar::start_of_day(&self.to, 1),
        }
    }

    fn start(&self) -> PageStart {
        match (self.before, self.after) {
            (Some(before), _) => PageStart::Before(before),
            (None, Some(from)) => PageStart::From(from),
            (None, None) => PageStart::Newest,
        }
    }

    fn typed(self) -> TypedFilter {
        let Self { person, transfer, partner, mailbox, action, outcome, origin, from, to, .. } = self;
        TypedFilter { person, mailbox, partner, transfer, action, outcome, origin, from, to }
    }
}

pub(super) async fn show(
    State(shared): State<Shared>,
    asked: Result<Query<Asked>, QueryRejection>,
    guest: Guest,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let asked = super::asked(asked, &errors)?;
    let signed = signed(&shared, &guest, "/journal").await?;
    let errors = errors.signed_as(Some(&signed));
    let page = shared.app.read_log(&signed, &asked.filter(), asked.start(), guest.visitor).await;
    let page = super::told(page, &errors)?;
    let mailboxes = shared.app.mailboxes().await.map_err(|error| errors.fault(&error))?;
    let partners = shared.app.partners().await.map_err(|error| errors.fault(&error))?;
    let language = guest.language;
    let view = JournalPage {
        frame: guest.frame(&shared, Some(&signed)),
        state: state(&shared, &page.state),
        filter: asked.typed(),
        mailboxes: mailboxes.into_iter().map(|mailbox| (mailbox.id.to_string(), mailbox.name)).collect(),
        partners: partners.into_iter().map(|partner| (partner.id.to_string(), partner.name)).collect(),
        actions: Action::ALL
            .iter()
            .map(|action| (action.code().to_owned(), action.label(language).to_owned()))
            .collect(),
        outcomes: OutcomeClass::ALL
            .iter()
            .map(|class| (class.code().to_owned(), label(*class, language)))
            .collect(),
        rows: page.lines.into_iter().map(|line| row(line, language)).collect(),
        older: page.older.and_then(link),
        newer: page.newer.and_then(link),
        is_cut_short: page.cut_short,
        not_understood: page.not_understood,
    };
    Ok(Answer::page(StatusCode::OK, &guest, &view).into_response())
}

const fn link(start: PageStart) -> Option<PageLink> {
    match start {
        PageStart::Newest => None,
        PageStart::Before(index) => Some(PageLink::Before(index)),
        PageStart::From(index) => Some(PageLink::From(index)),
    }
}

fn label(class: OutcomeClass, language: Language) -> String {
    class.label(language).to_owned()
}
