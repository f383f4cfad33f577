//! What the sender of a mail is told of it (RFC 3461, RFC 3464), and when. A report goes to the envelope sender, from the
//! null sender, and is itself never reported of: no loop.

use serde::{Deserialize, Serialize};

use crate::value::Millis;

/// How long a mail waits before its sender is told so, once (four hours, as mail hosts do).
pub const DELAY_TOLD_AFTER: Millis = Millis::hours(4);

/// What a report says (RFC 3464 section 2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ReportedAction {
    /// It is where it was to go.
    Delivered,
    /// It went on to a host that reports nothing.
    Relayed,
    /// It waits.
    Delayed,
    /// It will not arrive.
    Failed,
}

impl ReportedAction {
    /// The word of the standard.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Delivered => "delivered",
            Self::Relayed => "relayed",
            Self::Delayed => "delayed",
            Self::Failed => "failed",
        }
    }
}
