//! Records of what is handed to people about the log: receipts of deposits.

use serde::{Deserialize, Serialize};

use crate::audit::LogProof;
use crate::value::{Day, MailId, Timestamp, TransferId};
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
