//! The security officer's page (S2, S3): whether the log verifies, and who did what, by person, mailbox, action and
//! period.

use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::{Frame, JournalState, LogVerdict};
use crate::value::Timestamp;

/// `GET /journal`.
#[derive(Debug, Clone, Template)]
#[template(path = "journal.html")]
pub struct JournalPage {
    /// What stands around.
    pub frame: Frame,
    /// Whether the log is what it was.
    pub state: JournalState,
    /// The filter in force, given back in the form.
    pub filter: JournalFilter,
    /// The mailboxes to choose from: value and name.
    pub mailboxes: Vec<(String, String)>,
    /// The actions to choose from: code and label, in the page's language.
    pub actions: Vec<(String, String)>,
    /// The partners to choose from: value and name.
    pub partners: Vec<(String, String)>,
    /// The outcomes to choose from: code and label, in the page's language.
    pub outcomes: Vec<(String, String)>,
    /// The entries of this page, the latest first.
    pub rows: Vec<JournalRow>,
    /// Where the page of earlier entries begins, if there may be one.
    pub older: Option<PageLink>,
    /// Where the page of later entries begins, if there may be one.
    pub newer: Option<PageLink>,
    /// The search came to its bound before the page was full.
    pub is_cut_short: bool,
    /// Something typed was not understood.
    pub not_understood: bool,
}

/// Where another page begins.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PageLink {
    /// Below this entry.
    Before(u64),
    /// With this entry or above it.
    From(u64),
}

/// The fields of the filter, as typed; empty is no filter.
#[derive(Debug, Clone, Default)]
pub struct JournalFilter {
    /// `person`: an address or a name.
    pub person: String,
    /// `mailbox`: the value of a mailbox.
    pub mailbox: String,
    /// `partner`: the value of a partner.
    pub partner: String,
    /// `transfer`: a reference or an id.
    pub transfer: String,
    /// `action`: the code of an action.
    pub action: String,
    /// `outcome`: the code of an outcome.
    pub outcome: String,
    /// `origin`: a network address.
    pub origin: String,
    /// `from`: the first day, `YYYY-MM-DD`, in the time of Paris.
    pub from: String,
    /// `to`: the last day.
    pub to: String,
}

/// An entry of the log, with names resolved.
#[derive(Debug, Clone)]
pub struct JournalRow {
    /// Its place in the log, from 0.
    pub index: u64,
    /// When.
    pub time: Timestamp,
    /// Who: a name where it can still be resolved, else the pseudonym.
    pub who: String,
    /// What was done, in the page's language.
    pub action: String,
    /// On what: reference, mailbox, account.
    pub object: String,
    /// The person's page, for who has a pseudonym.
    pub who_link: Option<String>,
    /// The story's page, for what concerns a transfer.
    pub object_link: Option<String>,
    /// How it ended.
    pub outcome: JournalOutcome,
    /// From where.
    pub origin: String,
}

/// How an action ended.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum JournalOutcome {
    /// It happened.
    Done,
    /// It is under way.
    Intended,
    /// A rule said no.
    Refused {
        /// Which, in the page's language.
        reason: String,
    },
    /// Something broke.
    Failed {
        /// What, in the page's language.
        reason: String,
    },
}

impl JournalFilter {
    fn fields(&self) -> [(&'static str, &str); 9] {
        [
            ("person", &self.person),
            ("transfer", &self.transfer),
            ("partner", &self.partner),
            ("mailbox", &self.mailbox),
            ("action", &self.action),
            ("outcome", &self.outcome),
            ("origin", &self.origin),
            ("from", &self.from),
            ("to", &self.to),
        ]
    }

    fn is_empty(&self) -> bool {
        self.fields().iter().all(|(_, field)| field.is_empty())
    }

    /// The query of a page with the same filter: of the first, or of the one that begins elsewhere.
    pub fn query(&self, start: Option<PageLink>) -> String {
        let typed = self.fields().into_iter().filter(|(_, value)| !value.is_empty());
        let encoded =
            typed.map(|(name, value)| format!("{name}={}&", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        let query = format!("?{}", encoded.collect::<String>());
        match start {
            Some(PageLink::Before(index)) => format!("{query}before={index}"),
            Some(PageLink::From(index)) => format!("{query}after={index}"),
            None => query.trim_end_matches('&').to_owned(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn another_page_keeps_the_filter_and_nothing_typed_breaks_the_query() {
        let filter = JournalFilter { person: "a&page=9 é".to_owned(), ..JournalFilter::default() };
        assert_eq!(filter.query(Some(PageLink::Before(2))), "?person=a%26page%3D9%20%C3%A9&before=2");
        assert_eq!(filter.query(Some(PageLink::From(7))), "?person=a%26page%3D9%20%C3%A9&after=7");
        assert_eq!(JournalFilter::default().query(None), "?");
    }
}
