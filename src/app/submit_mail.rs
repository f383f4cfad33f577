//! A person's mail program submitted a mail (RFC 6409). Who signed in and may send as that address was judged at the
//! door, for this mail; what it becomes is decided here.
//!
//! Nothing is sent yet: each mail is refused, with a sentence that says so, and the refusal is logged.

use thiserror::Error;

use super::{App, AppError, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::value::{AccountId, MailAddress, Reference, SecretBytes};

/// A mail as a mail program submitted it.
#[derive(Debug)]
pub struct SubmittedMail {
    /// Who signed in. The account was active when the mail began.
    pub account: AccountId,
    /// Where the connection came from.
    pub visitor: Visitor,
    /// From whom, to whom, and how.
    pub envelope: SubmittedEnvelope,
    /// The message as sent, dot-stuffing undone; each line ends with CRLF, it holds no NUL.
    pub message: SecretBytes,
}

/// The envelope of a submitted mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmittedEnvelope {
    /// MAIL FROM: the account's address, or the team address of a mailbox that it reads.
    pub from: MailAddress,
    /// RCPT TO, each once, at least one.
    pub recipients: Vec<MailAddress>,
    /// The name that the mail program gave itself.
    pub helo: String,
    /// TLS version and suite of the connection: nothing is submitted in clear.
    pub tls: String,
    /// The mail program announced UTF-8 addresses or headers (RFC 6531).
    pub smtp_utf8: bool,
    /// The mail program asked that it goes by verified TLS only (RFC 8689).
    pub requires_tls: bool,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmissionAnswer {
    /// It is on its way, durable.
    Sent {
        /// What people quote.
        reference: Reference,
    },
}

/// Why it is refused. The mail program tells the person.
#[derive(Debug, Error)]
pub enum SubmissionRefusal {
    /// The gateway sends nothing that is submitted.
    #[error("mail that is submitted is not sent yet")]
    NotOffered,
    /// A fault of ours: the mail program keeps it.
    #[error(transparent)]
    Fault(#[from] AppError),
}

impl App {
    /// Takes a submitted mail over, or refuses it.
    pub async fn submit_mail(&self, mail: SubmittedMail) -> Result<SubmissionAnswer, SubmissionRefusal> {
        let now = self.believed_now()?;
        let person = self.person_of_account(mail.account).await?;
        let outcome = Outcome::Refused(RefusalReason::PolicyDenied);
        let (action, object) = (Action::SubmissionRefused, Object::Account(mail.account));
        self.log_alone(event(now, person, action, object, outcome, mail.visitor.smtp())).await?;
        Err(SubmissionRefusal::NotOffered)
    }

    async fn person_of_account(&self, account: AccountId) -> Result<Actor, AppError> {
        let found: Option<(crate::identity::Account, u64)> =
            self.read(&super::ports::Key::Account(account)).await?;
        Ok(found.map_or(Actor::Anonymous, |(account, _)| Actor::Person(account.person)))
    }
}
