//! A restore of a backup, as the store remembers it.

use crate::audit::Frontier;
use crate::value::Timestamp;

/// A restore of a backup: what was lost, and whether the gateway is open again.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Restoration {
    /// Rises with each restore.
    pub number: u64,
    /// When the backup was made.
    pub backup_made_at: Timestamp,
    /// When it was restored.
    pub restored_at: Timestamp,
    /// The entries of the log from this one on, up to where it goes on, are lost.
    pub lost_from: u64,
    /// The tree from which the log goes on: as it was signed last.
    pub goes_on_from: Frontier,
    /// What was closed, voided and suspended.
    pub report: RestoreReport,
    /// Where it stands.
    pub state: RestorationState,
}

/// What a restore closed, voided and suspended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct RestoreReport {
    /// Accounts that were cut off, or that signed in with something else since.
    pub accounts_cut_off: u64,
    /// Members who had been removed.
    pub memberships_removed: u64,
    /// Members who managed a mailbox no more.
    #[serde(default)]
    pub managers_removed: u64,
    /// Addresses that had been blocked.
    pub addresses_blocked: u64,
    /// Partners that had been suspended.
    pub partners_suspended: u64,
    /// Agreements that had ended or changed.
    pub agreements_ended: u64,
    /// Transfers that had been revoked.
    pub transfers_revoked: u64,
    /// Sessions that were ended.
    pub sessions_ended: u64,
    /// Links and codes that were voided.
    pub links_voided: u64,
    /// Drafts whose key is gone.
    pub drafts_discarded: u64,
    /// Mails of which it is not known whether they left.
    pub mails_suspended: u64,
}

/// Where a restore stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum RestorationState {
    /// It was begun; what is there is not whole.
    Unfinished,
    /// It is whole, and the gateway closed.
    Closed,
    /// An operator opened the gateway.
    Opened {
        /// When.
        at: Timestamp,
    },
}
