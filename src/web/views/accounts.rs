//! The accounts of the house (P5, P6).

use askama::Template;

use super::{Frame, NewPerson, StructureNotice};
use crate::value::Timestamp;
use crate::web::texts::{AccountsWords, SettingsWords, StructureWords};

/// `GET /comptes`, and the answer to its forms when they are refused.
#[derive(Debug, Clone, Template)]
#[template(path = "accounts.html")]
pub struct AccountsPage {
    /// What stands around.
    pub frame: Frame,
    /// The agents of the funds.
    pub agents: Vec<HousePersonRow>,
    /// Administrators and officers, whom the operator makes.
    pub others: Vec<HousePersonRow>,
    /// The people of structures.
    pub structures: Vec<HousePersonRow>,
    /// The funds that an agent can be created for: id, name.
    pub organisations: Vec<(String, String)>,
    /// When the list was last confirmed.
    pub confirmed_at: Option<Timestamp>,
    /// Whether the person who looks creates and closes agents.
    pub may_manage: bool,
    /// What to say above.
    pub notice: Option<StructureNotice>,
    /// What was typed for a new agent, when it was refused.
    pub typed: Option<NewPerson>,
}

/// An account.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "what the page offers, each yes or no")]
pub struct HousePersonRow {
    /// What forms name the account by.
    pub id: String,
    /// The role in words.
    pub role: &'static str,
    /// Whether it is an agent's.
    pub is_agent: bool,
    /// Where its structure's page is.
    pub structure: Option<String>,
    /// Its fund or structure, by name.
    pub of: Option<String>,
    /// First and last name.
    pub name: String,
    /// The address that signs in.
    pub address: String,
    /// The account's state, for a mark.
    pub state: &'static str,
    /// The state in words.
    pub state_words: &'static str,
    /// Since when, where it is known.
    pub since: Option<Timestamp>,
    /// When it was last used.
    pub met_at: Option<Timestamp>,
    /// The mailboxes that it may read, and whether it manages them.
    pub mailboxes: Vec<(String, bool)>,
    /// Whether the person who looks may change it.
    pub may_change: bool,
    /// Whether it is closed, and may be opened again.
    pub is_closed: bool,
    /// Whether the person who looks may cut it off.
    pub may_cut: bool,
}

impl AccountsPage {
    fn w(&self) -> StructureWords {
        StructureWords::of(self.frame.language)
    }

    fn a(&self) -> AccountsWords {
        AccountsWords::of(self.frame.language)
    }

    fn manager(&self) -> &'static str {
        SettingsWords::of(self.frame.language).manager
    }

    fn typed(&self) -> NewPerson {
        self.typed.clone().unwrap_or_default()
    }

    fn refused(&self) -> bool {
        self.notice.is_some_and(StructureNotice::is_refusal)
    }

    fn told(&self) -> Option<&'static str> {
        Some(match self.notice? {
            StructureNotice::CutOff => self.a().done_cut,
            notice => notice.told(&self.w()),
        })
    }
}
