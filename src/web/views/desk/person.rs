//! A person's activity (S3): who it is, what was done, from where, and what was done to the account.

use askama::Template;

use super::{Frame, JournalOutcome, JournalRow, JournalState, LogVerdict};
use crate::value::Timestamp;

/// `GET /journal/personne`.
#[derive(Debug, Clone, Template)]
#[template(path = "desk_person.html")]
#[expect(clippy::struct_excessive_bools, reason = "each is a line of the page that is there or is not")]
pub struct PersonPage {
    /// What stands around.
    pub frame: Frame,
    /// Whether the log is what it was.
    pub state: JournalState,
    /// What was typed, given back in the form.
    pub typed: String,
    /// What was typed is neither an address nor a pseudonym.
    pub not_understood: bool,
    /// Who it is; none before somebody was asked for.
    pub name: Option<String>,
    /// The pseudonym in the log.
    pub pseudonym: String,
    /// The name was erased, or never met.
    pub is_erased: bool,
    /// What the account may do, in the page's language; empty without an account.
    pub role: String,
    /// Whether the account may sign in.
    pub is_active: bool,
    /// The mailboxes that it is a member of, by name.
    pub mailboxes: Vec<String>,
    /// How many events were counted, from when to when.
    pub counted: u64,
    /// The first and the last instant of them.
    pub span: Option<(Timestamp, Timestamp)>,
    /// There are older ones.
    pub is_cut: bool,
    /// How often what ended how.
    pub counts: Vec<PersonCount>,
    /// From where, and how often.
    pub origins: Vec<(String, u64)>,
    /// The latest events, the latest first.
    pub rows: Vec<JournalRow>,
    /// The latest changes of the account.
    pub changes: Vec<JournalRow>,
    /// The timeline of the person.
    pub timeline: String,
}

/// How often an action ended in a way.
#[derive(Debug, Clone)]
pub struct PersonCount {
    /// What was done, in the page's language.
    pub action: String,
    /// How it ended.
    pub outcome: JournalOutcome,
    /// How often.
    pub count: u64,
    /// The timeline of these.
    pub link: String,
}
