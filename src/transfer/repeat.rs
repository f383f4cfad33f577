//! Repeats: the same send again gets the same answer, not a second transfer (invariant 1).

use serde::{Deserialize, Serialize};

use crate::value::{Digest, Millis, Reference, Timestamp, TransferId};

/// A send that was accepted, so that its repeat is recognised.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Repeat {
    /// Keyed digest of the envelope and the message. On the page the draft itself remembers what it became.
    pub digest: Digest,
    /// What it became.
    pub transfer: TransferId,
    /// The answer that it got.
    pub reference: Reference,
    /// When it was accepted.
    pub accepted_at: Timestamp,
}

impl Repeat {
    /// How long a repeat is recognised: as long as mail servers retry (RFC 5321 section 4.5.4.1).
    pub const LIFE: Millis = Millis::days(5);
}
