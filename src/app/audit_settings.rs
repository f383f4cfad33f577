//! What the operator decides about the log: how long payloads are kept, and who outside vouches for it.

use crate::audit::{CosignerKey, TimestampAuthority};
use crate::value::Millis;

/// Months that payloads are kept when nothing else is said (CNIL 2021-122: 6 to 12, up to 36 when justified).
pub const RETENTION_MONTHS: u8 = 12;

/// A witness that checkpoints are shown to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Witness {
    /// Where it answers, without a slash at the end (C2SP tlog-witness: `<url>/add-checkpoint`).
    pub url: String,
    /// Its key.
    pub key: CosignerKey,
}

/// Who stamps checkpoints, and how often.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Timestamping {
    /// Where it answers (RFC 3161 over HTTP).
    pub url: String,
    /// Whose certificates its answers must lead to.
    pub authority: TimestampAuthority,
    /// How long after a stamp the next one is asked for.
    pub every: Millis,
}

/// What the operator decides about the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AuditSettings {
    /// Months that payloads are kept, 6 to 36.
    pub retention_months: u8,
    /// The witnesses.
    pub witnesses: Vec<Witness>,
    /// The timestamp authority, if there is one.
    pub timestamps: Option<Timestamping>,
}

impl Default for AuditSettings {
    fn default() -> Self {
        Self { retention_months: RETENTION_MONTHS, witnesses: Vec::new(), timestamps: None }
    }
}
