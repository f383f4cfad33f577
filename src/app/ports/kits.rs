//! Records of what is handed to people about the log: receipts of deposits, alerts, the daily mail.

use serde::{Deserialize, Serialize};

use crate::audit::{AlertKind, LogProof};
use crate::value::{Day, MailId, OrganisationId, PersonId, Timestamp, TransferId};
use crate::vault::Sealed;

/// The receipt of a deposit: promised in the deposit's commit, proved once a checkpoint signs for its entry.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositReceipt {
    /// The deposit.
    pub transfer: TransferId,
    /// The acknowledgement that carries it, and waits for the proof.
    pub mail: MailId,
    /// When it was promised.
    pub promised_at: Timestamp,
    /// The signed promise.
    pub promise: String,
    /// The salt of its digests, sealed to the draft key of `salt_day`: gone with that key a week later.
    pub salt: Sealed,
    /// The day of the draft key.
    pub salt_day: Day,
    /// The proof, when there is one.
    pub proof: Option<LogProof>,
}

/// How far an alert of one kind, about one organisation or all of the gateway, was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AlertState {
    /// What it warns of.
    pub kind: AlertKind,
    /// Whose officers are told; none is everybody's.
    pub organisation: Option<OrganisationId>,
    /// When the last mail about it was queued, if one ever was.
    pub told_at: Option<Timestamp>,
    /// How much was noticed since then and not told yet.
    pub untold: u64,
    /// When the first of it was noticed.
    pub untold_since: Option<Timestamp>,
    /// The one person that it is about; none when there are several or nobody.
    pub person: Option<PersonId>,
    /// Whether a state that lasts, such as a log that does not verify, still lasts.
    pub lasts: bool,
}

/// How far the daily mail got. There is one.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DailyMail {
    /// The day in Paris of the last one, `2026-11-21`.
    pub day: String,
    /// Entries of the log that were counted so far.
    pub entries: u64,
}
