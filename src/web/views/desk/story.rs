//! A transfer's whole story on one page, in plain sentences (S3).

use askama::Template;

use super::{Frame, JournalState, LogVerdict};
use crate::value::Timestamp;

/// `GET /journal/transferts/{reference}`.
#[derive(Debug, Clone, Template)]
#[template(path = "desk_story.html")]
pub struct StoryPage {
    /// What stands around.
    pub frame: Frame,
    /// Whether the log is what it was.
    pub state: JournalState,
    /// What people quote, or the id once that was erased.
    pub name: String,
    /// The mailbox that it was deposited for.
    pub mailbox: Option<String>,
    /// The partner, with its site when known.
    pub partner: Option<String>,
    /// Until when it can or could be opened.
    pub expires_at: Option<Timestamp>,
    /// Whether it still can.
    pub is_live: bool,
    /// The steps, oldest first.
    pub steps: Vec<StoryRow>,
    /// There are more steps than these.
    pub is_cut: bool,
    /// The key of the day on which it ends.
    pub day_key: KeyFate,
    /// Its timeline.
    pub timeline: String,
    /// The query of its exports.
    pub query: String,
}

/// A step, as a sentence.
#[derive(Debug, Clone)]
pub struct StoryRow {
    /// Its place in the log.
    pub index: u64,
    /// When.
    pub at: Timestamp,
    /// The rest of the sentence.
    pub sentence: String,
    /// From where.
    pub origin: String,
    /// How it ended: `good`, `wait`, `bad` or nothing, as tags have it.
    pub tone: &'static str,
}

/// What became of the day's key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyFate {
    /// It exists, as far as is known.
    Live,
    /// Its destruction was begun.
    Begun(Timestamp),
    /// It was destroyed.
    Destroyed(Timestamp),
}
