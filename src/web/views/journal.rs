//! The security officer's page (S2, S3): whether the log verifies, and who did what, by person, mailbox, action and
//! period.

use askama::Template;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};

use super::Frame;
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
    /// The entries of this page, the latest first.
    pub rows: Vec<JournalRow>,
    /// Where the next page of earlier entries begins, if there is one.
    pub older: Option<u64>,
    /// Whether this page begins with the latest entry.
    pub is_newest: bool,
}

/// The state of the log as the gateway last checked it.
#[derive(Debug, Clone)]
pub struct JournalState {
    /// What the check found.
    pub verdict: LogVerdict,
    /// How many entries there are.
    pub entries: u64,
    /// The instant of the last signed checkpoint.
    pub checkpoint: Option<Timestamp>,
    /// When the log was last checked.
    pub verified: Option<Timestamp>,
    /// The root hash of the last checkpoint, to compare with one held outside.
    pub root: Option<String>,
}

/// What a check of the log found.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LogVerdict {
    /// Every entry is where and what it was.
    Verifies,
    /// Something was changed, removed or added.
    Broken {
        /// The first entry that does not fit, where it can be told.
        entry: Option<u64>,
    },
    /// It could not be checked.
    Unknown,
}

/// The fields of the filter, as typed; empty is no filter.
#[derive(Debug, Clone, Default)]
pub struct JournalFilter {
    /// `person`: an address or a name.
    pub person: String,
    /// `mailbox`: the value of a mailbox.
    pub mailbox: String,
    /// `action`: the code of an action.
    pub action: String,
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
    fn is_empty(&self) -> bool {
        let fields = [&self.person, &self.mailbox, &self.action, &self.from, &self.to];
        fields.iter().all(|field| field.is_empty())
    }

    /// The query of the page that begins below an entry, or of the first, with the same filter.
    fn query(&self, before: Option<u64>) -> String {
        let fields = [
            ("person", &self.person),
            ("mailbox", &self.mailbox),
            ("action", &self.action),
            ("from", &self.from),
            ("to", &self.to),
        ];
        let typed = fields.into_iter().filter(|(_, value)| !value.is_empty());
        let encoded =
            typed.map(|(name, value)| format!("{name}={}&", utf8_percent_encode(value, NON_ALPHANUMERIC)));
        let query = format!("?{}", encoded.collect::<String>());
        match before {
            Some(index) => format!("{query}before={index}"),
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
        assert_eq!(filter.query(Some(2)), "?person=a%26page%3D9%20%C3%A9&before=2");
        assert_eq!(JournalFilter::default().query(None), "?");
    }
}
