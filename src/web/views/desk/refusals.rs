//! Failed sign-ins and refusals, by origin and by person (S2).

use askama::Template;

use super::{Frame, JournalState, LogVerdict};
use crate::value::Timestamp;

/// `GET /journal/refus`.
#[derive(Debug, Clone, Template)]
#[template(path = "desk_refusals.html")]
pub struct RefusalsPage {
    /// What stands around.
    pub frame: Frame,
    /// Whether the log is what it was.
    pub state: JournalState,
    /// `from`: the first day, in the time of Paris.
    pub from: String,
    /// `to`: the last day.
    pub to: String,
    /// How many refusals were gathered.
    pub gathered: u64,
    /// How many of them were sign-ins.
    pub sign_ins: u64,
    /// The first and the last of them.
    pub span: Option<(Timestamp, Timestamp)>,
    /// The page that gathers the older ones of the period; none when there are none.
    pub older: Option<String>,
    /// By network address, most first.
    pub by_origin: Vec<RefusalRow>,
    /// By person, most first.
    pub by_person: Vec<RefusalRow>,
}

/// Refusals that have an origin, or a person, in common.
#[derive(Debug, Clone)]
pub struct RefusalRow {
    /// The origin, or the person.
    pub name: String,
    /// The timeline of these.
    pub link: String,
    /// How many.
    pub count: u64,
    /// How many of them were sign-ins.
    pub sign_ins: u64,
    /// How many persons, or addresses, are behind them.
    pub others: u64,
    /// The most frequent reasons, in the page's language.
    pub reasons: Vec<(String, u64)>,
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
    /// So many that it stands out.
    pub stands_out: bool,
}
