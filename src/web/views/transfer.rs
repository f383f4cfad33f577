//! A transfer's page (T3): closed, an envelope with what a notice may say; opened by a person's POST, message and
//! files.

use askama::Template;

use super::{AnswerPart, CaseView, Frame, OpenedForm};
use crate::value::{ByteSize, Reference, Timestamp};

/// What can be said of a transfer without opening it.
#[derive(Debug, Clone)]
pub struct TransferHead {
    /// What people quote.
    pub reference: Reference,
    /// The name of the mailbox that holds it.
    pub mailbox: String,
    /// The clean title.
    pub title: String,
    /// The address of who sent it.
    pub sender: String,
    /// The partner that the sender belongs to.
    pub partner: String,
    /// The partner's site, where it is known.
    pub site: Option<String>,
    /// Why a mail was taken for its sender's, and what was found; none of a deposit by the page.
    pub proof: Option<String>,
    /// How many files.
    pub files: u32,
    /// Their size.
    pub size: ByteSize,
    /// When it came.
    pub received: Timestamp,
    /// Until when it can be opened.
    pub expires: Timestamp,
    /// Whether the mailbox's key is in the gateway's custody: rights protect the content, not cryptography.
    pub gateway_custody: bool,
}

/// `GET /transferts/{reference}`: the closed envelope. Its button posts to the same path.
#[derive(Debug, Clone, Template)]
#[template(path = "envelope.html")]
pub struct EnvelopePage {
    /// What stands around.
    pub frame: Frame,
    /// The transfer from the outside.
    pub head: TransferHead,
    /// Who opened it first, and when.
    pub opened: Option<(String, Timestamp)>,
    /// Whether a check is still to be made: then it cannot be opened.
    pub held: bool,
    /// Where its case stands.
    pub case: CaseView,
    /// Answers to it, or what became of it outside.
    pub answer: AnswerPart,
    /// The mails that were sent about it.
    pub letters: Vec<LetterState>,
    /// The notice whose link led here, and its tag: the button proves that it was read.
    pub notice_read: Option<String>,
}

/// `POST /transferts/{reference}`: the opened transfer.
#[derive(Debug, Clone, Template)]
#[template(path = "opened.html")]
pub struct OpenedPage {
    /// What stands around.
    pub frame: Frame,
    /// The transfer from the outside.
    pub head: TransferHead,
    /// The message as it was written, empty when there is none.
    pub message: String,
    /// The form that came with it.
    pub form: Option<OpenedForm>,
    /// The files, in order.
    pub files: Vec<OpenedFile>,
    /// Whether a file of it was not scanned.
    pub unscanned: bool,
    /// How many files were refused and are not in it.
    pub refused: usize,
    /// The digest of the mail as it came in, when that was not kept.
    pub original_digest: Option<String>,
    /// Where its case stands.
    pub case: CaseView,
    /// Answers to it, or what became of it outside.
    pub answer: AnswerPart,
    /// The mails that were sent about it.
    pub letters: Vec<LetterState>,
}

/// A file of an opened transfer; it is at `/transferts/{reference}/fichiers/{number}`.
#[derive(Debug, Clone)]
pub struct OpenedFile {
    /// Its number in the transfer, from 1.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// Its media type.
    pub media_type: String,
    /// Its size.
    pub size: ByteSize,
    /// The SHA-256 digest of its content, in hexadecimal.
    pub digest: String,
    /// What the agent is warned of, each after "this file".
    pub warnings: Vec<String>,
}

/// A mail about a transfer.
#[derive(Debug, Clone)]
pub struct LetterState {
    /// What it is.
    pub kind: LetterKind,
    /// Whom it goes to.
    pub to: String,
    /// What became of it.
    pub delivery: Delivery,
    /// Why it is not there, after "Reason:".
    pub because: Option<&'static str>,
    /// What was reported of it after it was accepted, and when.
    pub reported: Option<(&'static str, Timestamp)>,
    /// What somebody must do now.
    pub advice: Option<&'static str>,
}

/// What a mail about a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterKind {
    /// The acknowledgement to the depositor (T2).
    Acknowledgement,
    /// The notice to the mailbox (T1).
    Notice,
    /// A reminder before expiry (V5).
    Reminder,
    /// That the deposit waits for its scan.
    Hold,
    /// That a notice does not arrive, to the second address.
    Undelivered,
    /// The link to somebody outside (T5).
    SecureLink,
    /// The sender's own confirmation (T9).
    SentConfirmation,
}

/// What became of a mail: each has a state that a person can see (invariant 10).
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Delivery {
    /// Not yet tried.
    Queued,
    /// The other side's server has taken it.
    Accepted {
        /// When.
        at: Timestamp,
        /// How it was protected on its way there.
        protection: &'static str,
    },
    /// Tried, and to be tried again.
    Delayed {
        /// When next.
        next: Timestamp,
    },
    /// It will not be delivered.
    Bounced {
        /// When that was known.
        at: Timestamp,
    },
    /// Held back, to be confirmed by an operator.
    Suspended,
}

impl TransferHead {
    pub(super) fn origin(&self) -> String {
        match &self.site {
            Some(site) => format!("{} – {site}", self.partner),
            None => self.partner.clone(),
        }
    }

    pub(super) fn path(&self) -> String {
        format!("/transferts/{}", self.reference)
    }
}
