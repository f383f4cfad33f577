//! The public page that verifies a receipt (D9).

use askama::Template;

use super::Frame;
use crate::value::{Reference, Timestamp};
use crate::web::texts::ReceiptWords;

/// `GET /verifier-un-recu`, and the answer to its POST.
#[derive(Debug, Clone, Template)]
#[template(path = "receipt.html")]
pub struct ReceiptPage {
    /// What stands around.
    pub frame: Frame,
    /// The log's public key (C2SP signed-note), to verify elsewhere.
    pub key: String,
    /// What became of the verification, if one was asked for.
    pub outcome: Option<ReceiptOutcome>,
}

/// What a verification found.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ReceiptOutcome {
    /// It is authentic.
    Holds(HeldReceipt),
    /// It is not.
    Fails,
    /// It is no receipt.
    Unreadable,
    /// Nothing was given.
    Empty,
    /// The visitor has to wait.
    TooMany,
}

/// What an authentic receipt says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HeldReceipt {
    /// The deposit.
    pub reference: Reference,
    /// The deposit page's part of the address.
    pub mailbox: String,
    /// When it arrived.
    pub received: Timestamp,
    /// How many files it had.
    pub files: u32,
    /// The place of its entry in the log, from 1, and when the log was signed; none for a promise alone.
    pub entry: Option<(u64, Option<Timestamp>)>,
    /// Whether the log still has that entry.
    pub still_there: Option<bool>,
    /// Whether the file that was asked about is one of the deposit's.
    pub file: Option<AskedFileOutcome>,
}

/// What was found of a file that was asked about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AskedFileOutcome {
    /// It is one of the deposit's.
    Yes,
    /// It is none of them.
    No,
    /// Salt or fingerprint does not read.
    Unreadable,
}

impl ReceiptPage {
    fn w(&self) -> ReceiptWords {
        ReceiptWords::of(self.frame.language)
    }
}
