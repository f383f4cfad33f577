//! Rights as they are and as they were on a day (P5).

use askama::Template;

use super::{Frame, JournalState, LogVerdict};
use crate::value::Timestamp;

/// `GET /journal/droits`.
#[derive(Debug, Clone, Template)]
#[template(path = "desk_rights.html")]
pub struct RightsPage {
    /// What stands around.
    pub frame: Frame,
    /// Whether the log is what it was.
    pub state: JournalState,
    /// `day`: the day that was asked for, `YYYY-MM-DD`; empty for today.
    pub day: String,
    /// Where the same rights are as a table for a spreadsheet.
    pub csv: String,
    /// As they were just before this instant.
    pub as_of: Timestamp,
    /// Whether that is now.
    pub is_now: bool,
    /// Accounts, by name.
    pub accounts: Vec<AccountRow>,
    /// How many accounts differ from the log.
    pub differing: usize,
    /// Agreements, by partner.
    pub agreements: Vec<AgreementRow>,
    /// The oldest event that is kept.
    pub known_since: Option<Timestamp>,
    /// Older ones were pruned.
    pub is_pruned: bool,
    /// There are more events than were read.
    pub is_cut: bool,
}

/// What an account may do.
#[derive(Debug, Clone)]
pub struct AccountRow {
    /// Whose it is.
    pub name: String,
    /// The person's page.
    pub link: Option<String>,
    /// The role, in the page's language; empty where it is not known.
    pub role: String,
    /// Whether it may sign in.
    pub is_active: bool,
    /// When it was created.
    pub since: Option<Timestamp>,
    /// The mailboxes that it may read, and since when.
    pub mailboxes: Vec<(String, Option<Timestamp>)>,
    /// Its last sign-in.
    pub last_sign_in: Option<Timestamp>,
    /// The records say something else than the log.
    pub differs: bool,
}

/// Who may deposit where.
#[derive(Debug, Clone)]
pub struct AgreementRow {
    /// The partner.
    pub partner: String,
    /// The mailbox.
    pub mailbox: String,
    /// First and last day, in the reader's words; empty where they are not known, or there is no last one.
    pub from: String,
    /// The last day.
    pub until: String,
    /// How many addresses are admitted by name; none when the partner's domains are.
    pub listed: Option<u32>,
    /// Whether the partner is suspended.
    pub is_suspended: bool,
    /// Whether somebody could deposit on that day.
    pub is_open: bool,
    /// When it was last changed.
    pub changed_at: Timestamp,
}
