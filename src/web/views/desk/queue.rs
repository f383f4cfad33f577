//! The queue of outgoing mails (T1, T2): what waits, why and since when.

use askama::Template;

use super::Frame;
use crate::value::Timestamp;
use crate::web::texts::QueueWords;

/// `GET /journal/file`.
#[derive(Debug, Clone, Template)]
#[template(path = "desk_queue.html")]
pub struct QueuePage {
    /// What stands around.
    pub frame: Frame,
    /// What was just done.
    pub notice: Option<QueueNotice>,
    /// `etat`: the state that is asked for; empty for all.
    pub state: &'static str,
    /// The states, and the words for them.
    pub states: Vec<(&'static str, &'static str)>,
    /// `destination`: as typed.
    pub destination: String,
    /// `boite`: the slug of the mailbox that is asked for.
    pub mailbox: String,
    /// The mailboxes: slug and name.
    pub mailboxes: Vec<(String, String)>,
    /// The mails, oldest first.
    pub rows: Vec<QueueRow>,
    /// The next page.
    pub next: Option<String>,
}

/// A mail that waits.
#[derive(Debug, Clone)]
pub struct QueueRow {
    /// Its id.
    pub id: String,
    /// What it is.
    pub kind: &'static str,
    /// Who gets it.
    pub to: String,
    /// The mailbox that it speaks for; empty where it speaks for the gateway.
    pub mailbox: String,
    /// Where it goes.
    pub destination: String,
    /// How it waits.
    pub state: &'static str,
    /// It waits for its turn, and nothing is wrong.
    pub is_well: bool,
    /// Somebody holds it back.
    pub is_held: bool,
    /// It can be held back.
    pub can_be_held: bool,
    /// Why it is late.
    pub reason: Option<String>,
    /// How long it waits, in hours.
    pub hours: i64,
    /// Since when.
    pub written_at: Timestamp,
    /// When it is tried next.
    pub next_try_at: Option<Timestamp>,
    /// How often it was tried.
    pub tries: u32,
}

/// What was just done.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say all")]
pub enum QueueNotice {
    Retried,
    Held,
    Dropped,
    Gone,
}

impl QueueNotice {
    /// As the address of the page says.
    pub(in crate::web) fn of(text: &str) -> Option<Self> {
        match text {
            "reessaye" => Some(Self::Retried),
            "retenu" => Some(Self::Held),
            "abandonne" => Some(Self::Dropped),
            "parti" => Some(Self::Gone),
            _ => None,
        }
    }
}

impl QueuePage {
    fn w(&self) -> QueueWords {
        QueueWords::of(self.frame.language)
    }

    fn is_state(&self, code: &str) -> bool {
        self.state == code
    }

    fn is_mailbox(&self, slug: &str) -> bool {
        self.mailbox == slug
    }

    fn words(&self, notice: QueueNotice) -> &'static str {
        let words = self.w();
        match notice {
            QueueNotice::Retried => words.retried,
            QueueNotice::Held => words.held_now,
            QueueNotice::Dropped => words.dropped,
            QueueNotice::Gone => words.gone,
        }
    }
}
