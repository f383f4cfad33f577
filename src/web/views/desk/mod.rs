//! The security officer's pages as pure views (S1 to S3, P5). Each shows the state of the log above what was asked for.

mod journal;
mod person;
mod proofs;
mod queue;
mod refusals;
mod rights;
mod story;

use super::Frame;
use crate::value::Timestamp;

pub use journal::{JournalFilter, JournalOutcome, JournalPage, JournalRow, PageLink};
pub use person::{PersonCount, PersonPage};
pub use proofs::ProofsPage;
pub use queue::{QueueNotice, QueuePage, QueueRow};
pub use refusals::{RefusalRow, RefusalsPage};
pub use rights::{AccountRow, AgreementRow, RightsPage};
pub use story::{KeyFate, StoryPage, StoryRow};

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
    /// A verification is under way.
    pub is_verifying: bool,
    /// The outside witnesses: name, when each cosigned last, and whether something keeps it from cosigning. Empty when none
    /// is configured.
    pub witnesses: Vec<(String, Option<Timestamp>, bool)>,
    /// The timestamp authority, if one is configured: when it last stamped, and whether something keeps it from it.
    pub timestamps: Option<(Option<Timestamp>, bool)>,
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
