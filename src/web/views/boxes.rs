//! The agent's list (T3): the mailboxes, and in each what is new and what expires soon.

use askama::Template;

use super::Frame;
use crate::value::{ByteSize, Millis, Reference, Timestamp};

/// What is still open for less than this is marked as expiring soon (V5).
const EXPIRES_SOON: Millis = Millis::hours(48);

/// `GET /boites`.
#[derive(Debug, Clone, Template)]
#[template(path = "boxes.html")]
pub struct MailboxesPage {
    /// What stands around.
    pub frame: Frame,
    /// The mailboxes of the person.
    pub mailboxes: Vec<Mailbox>,
    /// Whether these are the newest transfers, and not a page further back.
    pub is_newest: bool,
}

/// A mailbox and what it holds.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// Its name.
    pub name: String,
    /// The address that takes deposits.
    pub address: String,
    /// Its desk: cases by where they stand.
    pub desk: String,
    /// The page of its members.
    pub members: String,
    /// The page of what it sent; a new transfer is begun beside it.
    pub sent: String,
    /// Whether a member still has to open it to the person.
    pub waits: bool,
    /// The address that notices do not reach, and since when.
    pub unreachable: Option<(String, Timestamp)>,
    /// Whether its key is in the gateway's custody: rights protect the content, not cryptography.
    pub gateway_custody: bool,
    /// Deposits that wait for their scan.
    pub waiting: Vec<WaitingRow>,
    /// More of them wait than are listed.
    pub more_waiting: bool,
    /// Its transfers, the newest first.
    pub transfers: Vec<TransferRow>,
    /// Where older transfers are shown, if there are any.
    pub older: Option<String>,
}

/// A deposit that waits for its scan.
#[derive(Debug, Clone)]
pub struct WaitingRow {
    /// What people quote.
    pub reference: Reference,
    /// The address of who sent it.
    pub sender: String,
    /// The partner that the sender belongs to.
    pub partner: String,
    /// When it came.
    pub received: Timestamp,
    /// How many files.
    pub files: u32,
    /// Their size.
    pub size: ByteSize,
    /// Why it waits.
    pub because: String,
    /// Until when it is kept without a scan.
    pub kept_until: Timestamp,
}

/// A transfer, from the outside.
#[derive(Debug, Clone)]
pub struct TransferRow {
    /// What people quote.
    pub reference: Reference,
    /// The clean title.
    pub title: String,
    /// When it came.
    pub received: Timestamp,
    /// The address of who sent it.
    pub sender: String,
    /// The partner that the sender belongs to.
    pub partner: String,
    /// The partner's site, where it is known.
    pub site: Option<String>,
    /// How many files.
    pub files: u32,
    /// Their size.
    pub size: ByteSize,
    /// Until when it can be opened.
    pub expires: Timestamp,
    /// What became of it.
    pub state: TransferState,
}

/// What became of a transfer, as a list shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TransferState {
    /// Nobody has opened it.
    New,
    /// Somebody has opened it first.
    Opened {
        /// Who.
        by: String,
    },
    /// A check is still to be made.
    Held,
    /// It has expired; the line stays for the register.
    Expired,
}

impl MailboxesPage {
    fn soon_in(&self, mailbox: &Mailbox) -> usize {
        mailbox.transfers.iter().filter(|row| self.is_soon(row)).count()
    }

    /// Whether the page shows only a part of the mailbox: what it counts is then the part's.
    fn is_part(&self, mailbox: &Mailbox) -> bool {
        !self.is_newest || mailbox.older.is_some()
    }

    fn is_soon(&self, row: &TransferRow) -> bool {
        row.state != TransferState::Expired && self.frame.now.until(row.expires) < EXPIRES_SOON
    }
}

impl Mailbox {
    fn unopened(&self) -> usize {
        self.transfers.iter().filter(|row| row.is_unopened()).count()
    }
}

impl TransferRow {
    fn is_unopened(&self) -> bool {
        self.state == TransferState::New
    }
}
