//! The desk of a mailbox: its cases by where they stand, with what is due.

use askama::Template;

use super::case::state_in_words;
use super::{CaseDue, Frame, RegisterChoice};
use crate::transfer::CaseKind;
use crate::value::{Reference, Timestamp};

/// `GET /boites/{mailbox}`.
#[derive(Debug, Clone, Template)]
#[template(path = "caseload.html")]
pub struct CaseloadPage {
    /// What stands around.
    pub frame: Frame,
    /// The page's own path, without its query.
    pub path: String,
    /// Path and query, for forms that lead back.
    pub here: String,
    /// The mailbox's name.
    pub mailbox: String,
    /// Whether the person manages it.
    pub may_manage: bool,
    /// Whether a member still has to open it to the person.
    pub waits: bool,
    /// Its parts.
    pub tabs: Vec<CaseTabLink>,
    /// The code of the part that is shown.
    pub tab: &'static str,
    /// What was typed and chosen.
    pub typed: CaseloadTyped,
    /// Partners that can be chosen: id and name.
    pub partners: Vec<(String, String)>,
    /// Sites that can be chosen.
    pub sites: Vec<String>,
    /// Kinds of file that can be chosen.
    pub kinds: Vec<RegisterChoice>,
    /// Reasons that can be chosen.
    pub reasons: Vec<RegisterChoice>,
    /// People that can be chosen: id and name.
    pub people: Vec<(String, String)>,
    /// The cases.
    pub rows: Vec<CaseRow>,
    /// Where the next page is, if there is one.
    pub next: Option<String>,
    /// Where the first page is, when this is not it.
    pub first: Option<String>,
}

/// A part of the desk.
#[derive(Debug, Clone)]
pub struct CaseTabLink {
    /// Its name.
    pub name: &'static str,
    /// How many cases, « 500+ » when there are more than are counted.
    pub count: String,
    /// Where it is.
    pub path: String,
    /// It is the one that is shown.
    pub is_here: bool,
    /// It wants somebody's eye: late cases are there.
    pub is_late: bool,
}

/// What was typed and chosen.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the names say all")]
pub struct CaseloadTyped {
    pub words: String,
    pub partner: String,
    pub site: String,
    pub person: String,
    pub is_coded: bool,
}

impl CaseloadTyped {
    fn is_empty(&self) -> bool {
        !self.is_coded
            && [&self.words, &self.partner, &self.site, &self.person].into_iter().all(String::is_empty)
    }
}

/// A line of the desk.
#[derive(Debug, Clone)]
pub struct CaseRow {
    /// What people quote.
    pub reference: Reference,
    /// The clean title.
    pub title: String,
    /// The address of who sent it.
    pub sender: String,
    /// The partner that the sender belongs to.
    pub partner: String,
    /// The partner's site, where it is known.
    pub site: Option<String>,
    /// What it is about.
    pub kinds: Vec<String>,
    /// When it came.
    pub received: Timestamp,
    /// Until when it can be opened.
    pub expires: Timestamp,
    /// Nobody opened it.
    pub is_unopened: bool,
    /// Where it stands.
    pub kind: CaseKind,
    /// The mailbox whose it is to treat, when it is another.
    pub elsewhere: Option<String>,
    /// Who did the last step.
    pub person: Option<String>,
    /// What is to be done next.
    pub due: Option<CaseDue>,
}

impl CaseloadPage {
    fn codes(&self) -> [(&'static str, &'static str, &[RegisterChoice]); 2] {
        let w = self.frame.register_words();
        [("nature", w.kind, &self.kinds), ("motif", w.reason, &self.reasons)]
    }
}

impl CaseRow {
    fn state(&self, frame: &Frame) -> &'static str {
        state_in_words(self.kind, frame)
    }

    fn may_take(&self) -> bool {
        self.kind == CaseKind::New && self.elsewhere.is_none()
    }
}
