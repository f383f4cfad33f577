//! What is kept beside the log: timestamps of checkpoints, and how the timestamp authority fares.

use serde::{Deserialize, Serialize};

use crate::value::Timestamp;

/// A checkpoint with the timestamp of an outside authority.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StampedCheckpoint {
    /// How many entries the checkpoint covers.
    pub size: u64,
    /// What was stamped, byte for byte: the signed note with the log's own signature alone.
    pub note: String,
    /// The authority's answer (RFC 3161 TimeStampResp in DER), in standard base64.
    pub answer: String,
    /// When the authority says that it was there.
    pub stamped_at: Timestamp,
}

/// How the timestamp authority fares.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TimestampState {
    /// Entries under the last checkpoint that it stamped, and when by this gateway's clock.
    pub stamped: Option<(u64, Timestamp)>,
    /// When it was last asked.
    pub asked_at: Option<Timestamp>,
    /// What keeps it from stamping the newest.
    pub trouble: Option<TimestampTrouble>,
    /// Since when.
    pub trouble_since: Option<Timestamp>,
}

/// Why there is no timestamp.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TimestampTrouble {
    /// It does not answer.
    Unreachable,
    /// It refuses.
    Refused,
    /// Its answer does not hold.
    NotVerified,
}
