//! The register line: what stays of a transfer when its content is gone (T7). Codes and dates, never free text,
//! never the title.

use serde::{Deserialize, Serialize};

use super::{FormCodes, Route};
use crate::value::{ByteSize, MailboxId, PartnerId, PersonId, Reference, Timestamp, TransferId};

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Its time was over (V3).
    Expired,
    /// Who sent it revoked it (V4).
    Revoked,
}

/// A line of the register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterLine {
    /// The transfer.
    pub transfer: TransferId,
    /// What people quote.
    pub reference: Reference,
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The partner, where an agreement named one.
    pub partner: Option<PartnerId>,
    /// The site, when known.
    pub site: Option<String>,
    /// The depositor's pseudonym.
    pub depositor: PersonId,
    /// By which door it came in.
    pub route: Route,
    /// When it was released.
    pub received_at: Timestamp,
    /// How many files.
    pub file_count: u32,
    /// Their size in clear.
    pub total_size: ByteSize,
    /// The mailboxes that it was dispatched to.
    #[serde(default)]
    pub dispatched_to: Vec<MailboxId>,
    /// When it was first opened, if it ever was.
    pub first_opened_at: Option<Timestamp>,
    /// What its form said in codes, where it had one.
    #[serde(default)]
    pub form: Option<Box<FormCodes>>,
    /// How it ended.
    pub ending: Ending,
    /// When its end was carried out.
    pub ended_at: Timestamp,
}
