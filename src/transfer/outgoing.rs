//! Transfers that a member of a mailbox sends to people outside (T5, T9, V4). An outgoing transfer is a transfer like any
//! other, sealed alike and ending alike; what it has beside that stands here.

use serde::{Deserialize, Serialize};

use super::{Ending, TellDownloads};
use crate::identity::ToldPassword;
use crate::policy::title::CleanTitle;
use crate::value::{AccountId, MailAddress, MailboxId, Reference, ReportWish, Timestamp, TransferId};

/// To how many people outside one transfer goes.
pub const OUTSIDE_RECIPIENTS_MAX: usize = 50;

/// What a transfer has that a member sent to people outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Outgoing {
    /// The member.
    pub by: AccountId,
    /// Whom it goes to; what became of each stands with the link.
    pub to: Vec<MailAddress>,
    /// Until when it can be opened, as it was chosen.
    pub expires_at: Timestamp,
    /// Of which downloads the sender is told (V4).
    pub tell_downloads: TellDownloads,
    /// A personal text for the notice; it travels in clear and is guarded like a title (V4).
    pub note: Option<CleanTitle>,
    /// The password that the sender tells by another way; without one a code is mailed (V4).
    pub told: Option<ToldPassword>,
    /// Every mail that speaks of it goes by verified TLS or not at all (RFC 8689).
    #[serde(default)]
    pub requires_tls: bool,
    /// What the member's mail program asks to be told of each recipient (RFC 3461); empty once their mails wait.
    #[serde(default)]
    pub reports: Vec<ReportWish>,
}

/// What stays of an outgoing transfer that ended: no title, no address, no content.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SentLine {
    /// The transfer.
    pub transfer: TransferId,
    /// What people quote.
    pub reference: Reference,
    /// The mailbox that sent it.
    pub mailbox: MailboxId,
    /// The member who did.
    pub by: AccountId,
    /// When.
    pub sent_at: Timestamp,
    /// To how many people.
    pub recipients: u32,
    /// How many of them opened it.
    pub opened: u32,
    /// How it ended.
    pub ending: Ending,
    /// When its end was carried out.
    pub ended_at: Timestamp,
}
