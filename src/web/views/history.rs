//! The history of deposits (D11): a depositor's own, and a structure's for its gestionnaires. No content, no title.

use askama::Template;

use super::Frame;
use crate::app::{DepositStanding, HistoryRow, HistoryState, history_state};
use crate::web::texts::HistoryWords;

/// All deposits of an address: the answer to a person's POST.
#[derive(Debug, Clone, Template)]
#[template(path = "history_own.html")]
pub struct OwnHistoryPage {
    /// What stands around.
    pub frame: Frame,
    /// The deposits, newest first.
    pub rows: Vec<HistoryRow>,
}

/// What was typed and chosen.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the names say all")]
pub struct HistoryTyped {
    pub site: String,
    pub mailbox: String,
    pub state: String,
    pub from: String,
    pub until: String,
}

/// `GET /structures/{id}/historique`.
#[derive(Debug, Clone, Template)]
#[template(path = "history_structure.html")]
pub struct StructureHistoryPage {
    /// What stands around.
    pub frame: Frame,
    /// The page's own path.
    pub path: String,
    /// Where the structure's page is.
    pub structure: String,
    /// The structure's name.
    pub name: String,
    /// What was typed.
    pub typed: HistoryTyped,
    /// Sites that can be chosen.
    pub sites: Vec<String>,
    /// Mailboxes that can be chosen: id and name.
    pub mailboxes: Vec<(String, String)>,
    /// States that can be chosen: code and words.
    pub states: Vec<(&'static str, &'static str)>,
    /// The deposits, newest first.
    pub rows: Vec<HistoryRow>,
    /// Where the next page is.
    pub next: Option<String>,
    /// Where the table for a spreadsheet is.
    pub csv: String,
}

impl OwnHistoryPage {
    fn w(&self) -> HistoryWords {
        HistoryWords::of(self.frame.language)
    }

    fn state(&self, row: &HistoryRow) -> &'static str {
        history_state(HistoryState::of(&row.standing), self.frame.language)
    }
}

impl StructureHistoryPage {
    fn w(&self) -> HistoryWords {
        HistoryWords::of(self.frame.language)
    }

    fn state(&self, row: &HistoryRow) -> &'static str {
        history_state(HistoryState::of(&row.standing), self.frame.language)
    }
}
