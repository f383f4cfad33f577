//! What the SMTP server and the gateway say to each other when a person's mail program submits (RFC 6409). The wire
//! texts of these answers are in `reply.rs`; the mail itself is the use case's [`SubmittedMail`].

use std::net::IpAddr;

use async_trait::async_trait;

use super::mail::TryLater;
use crate::app::SubmittedMail;
use crate::identity::MailSession;
use crate::value::{ByteSize, MailAddress, Reference, SecretBytes};

/// What a mail program signs in with.
#[derive(Debug)]
pub struct MailCredentials {
    /// The name, as given.
    pub name: String,
    /// The secret, as given.
    pub secret: SecretBytes,
}

/// How signing in went.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInAnswer {
    /// As this account, with this mail password.
    Signed(MailSession),
    /// Name and secret do not go together, or the account may not: one answer for all.
    Refused,
    /// This origin failed too often; the connection ends.
    TooMany,
    /// A fault of ours.
    TryLater,
}

/// Whether an account may send as an address.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SenderAnswer {
    /// It may.
    Allowed,
    /// The address is not the account's.
    NotYours,
    /// The account may not do anything any more; the connection ends.
    CutOff,
    /// A fault of ours.
    TryLater,
}

/// What became of a submitted mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmissionOutcome {
    /// It is on its way and durable, under this reference.
    Taken {
        /// What people quote.
        reference: Reference,
    },
    /// Never, as it is.
    Refused(RefusedSubmission),
    /// Not now; the mail program keeps it.
    TryLater(TryLater),
}

/// Why a submitted mail is refused for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedSubmission {
    /// The account may not send this, or not for this mailbox.
    MayNotSend,
    /// The account is a member of several mailboxes, and the mail says of none that it sends.
    WhichMailbox,
    /// A program sent it by itself.
    Automatic,
    /// It is for more people than one mail goes to.
    TooManyRecipients {
        /// What is allowed.
        limit: usize,
    },
    /// It asks for a validity that the rules do not allow (V2).
    Validity,
    /// It has more files than the mailbox sends at once.
    TooManyFiles {
        /// What is allowed.
        limit: u32,
    },
    /// A recipient that the policy does not allow.
    RecipientRefused,
    /// Its headers or parts cannot be read.
    Malformed,
    /// It has more parts, or parts nested deeper, than are read.
    TooComplex,
    /// It holds neither text nor a file.
    Empty,
    /// It, or a file in it, is too large.
    TooLarge {
        /// What is allowed.
        limit: ByteSize,
    },
    /// Its subject names a person and the policy refuses that.
    TitleNamesPerson,
    /// A file in it is refused.
    FileRefused,
    /// It has been here before.
    Loop,
}

/// Takes over what mail programs submit.
#[async_trait]
pub trait SubmissionHandler: Send + Sync {
    /// Whether name and secret go together, for an account that may submit. Whoever tries too often is told so.
    async fn sign_in(&self, credentials: MailCredentials, peer: IpAddr) -> SignInAnswer;

    /// Whether who signed in may send as this address now.
    async fn check_sender(&self, session: MailSession, from: &MailAddress, peer: IpAddr) -> SenderAnswer;

    /// Treats one mail; [`SubmissionOutcome::Taken`] is only returned when it is durable (invariant 1).
    async fn submit(&self, mail: SubmittedMail) -> SubmissionOutcome;
}
