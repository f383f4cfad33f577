//! What the sender of a mail asks to be told of it (RFC 3461).

use serde::{Deserialize, Serialize};

use super::{MailAddress, Timestamp};

/// Which reports of one recipient are asked for (RFC 3461 section 4.1).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Notify {
    /// That it arrived, or went on to a host that reports nothing.
    pub success: bool,
    /// That it will not arrive.
    pub failure: bool,
    /// That it waits.
    pub delay: bool,
}

impl Notify {
    /// `NOTIFY=NEVER`.
    pub const NEVER: Self = Self { success: false, failure: false, delay: false };
}

impl Default for Notify {
    /// Nothing was asked for: what RFC 3461 section 4.1 leaves to the host, and people expect.
    fn default() -> Self {
        Self { success: false, failure: true, delay: true }
    }
}

/// A recipient as the envelope has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Addressee {
    /// Whom it is for.
    pub address: MailAddress,
    /// Of what the sender is told.
    pub notify: Notify,
    /// `ORCPT`, decoded: the type and the address that the sender first wrote to, `rfc822;jeanne@…`.
    pub original: Option<String>,
}

impl From<MailAddress> for Addressee {
    fn from(address: MailAddress) -> Self {
        Self { address, notify: Notify::default(), original: None }
    }
}

/// What is told of one recipient of a mail, to whom.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ReportWish {
    /// The envelope sender.
    pub to: MailAddress,
    /// Of what.
    pub notify: Notify,
    /// The recipient as the sender wrote it.
    pub recipient: MailAddress,
    /// `ORCPT`.
    pub original: Option<String>,
    /// `ENVID`.
    pub envelope_id: Option<String>,
    /// `Message-ID` of the sender's mail, without angle brackets.
    pub message_id: Option<String>,
    /// When the sender's mail was taken.
    pub arrived_at: Timestamp,
    /// That it waits was told.
    #[serde(default)]
    pub delay_told: bool,
    /// That it went on was told.
    #[serde(default)]
    pub success_told: bool,
}
