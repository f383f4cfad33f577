//! The mails that the gateway writes (D2, D9, T1, T2), as values, rendered to the bytes of RFC 5322.
//!
//! Rendering is a function: the same letter and addressing give the same bytes, so that a mail can be made
//! again after a crash and be recognised as the one that went out. Mails are marked as automatic (RFC 3834) and
//! hold no message text, no file name, no deposited file and nothing that is fetched from elsewhere (invariant 4). The
//! one attachment that there is, is of the gateway's own making: the receipt of an acknowledgement.
//! Not done here: queueing, DKIM, sending.

mod account;
mod heartbeat;
mod hold;
mod names;
mod officer;
mod outside;
mod postmaster;
mod reminder;
mod report;
mod status;
mod undelivered;
mod wording;

use std::fmt;
use std::time::{Duration, SystemTime};

use askama::Template;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use lettre::message::header::{
    ContentDisposition, ContentTransferEncoding, ContentType, HeaderName, HeaderValue,
};
use lettre::message::{Mailbox, MessageBuilder, MultiPart, SinglePart};
use lettre::{Address, Message};
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

pub use account::{AccountLetter, AccountTopic};
pub use heartbeat::HeartbeatLetter;
pub use hold::{HoldAudience, HoldLetter, HoldStage, RefusedLine};
pub use names::{
    LetterKind, MailTag, TaggedMail, is_our_message_id, letter_of_message_id, mail_of_message_id, message_id,
    parse_return_address, return_address,
};
pub use outside::OutsideLetter;
pub use postmaster::PostmasterLetter;
pub use reminder::{ReminderLetter, ReminderTopic};
pub use report::ReportLetter;
pub use undelivered::UndeliveredLetter;
use wording::Page;

use crate::audit::AlertKind;
use crate::value::{ByteSize, Digest, Language, MailAddress, Reference, Timestamp};

/// Where a page about personal data and the DPO is found, below the base URL (S6: one click away).
pub const PRIVACY_PATH: &str = "/protection-des-donnees";

/// Where anyone verifies a receipt, below the base URL.
pub const RECEIPT_PATH: &str = "/verifier-un-recu";

/// A text that opens something: wiped on drop, never printed. It is serialised as it is, for a queue whose
/// entries are sealed.
#[derive(Clone, PartialEq, Eq, Zeroize, ZeroizeOnDrop, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(String);

impl SecretText {
    /// Takes the text over.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// The text, named so that each use can be found.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

/// A mail that the gateway writes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub enum Letter {
    /// To the depositor, after sending: it arrived (D9, T2).
    Acknowledgement {
        /// What to quote.
        reference: Reference,
        /// Whose mailbox took it.
        mailbox_name: String,
        /// The fund that runs the mailbox.
        organisation_name: String,
        /// The title after the title policy (D5).
        title: String,
        /// When it was committed.
        received_at: Timestamp,
        /// How many files.
        file_count: u32,
        /// Their size together.
        total: ByteSize,
        /// The first instant at which nobody can open it any more (V2).
        can_be_opened_until: Timestamp,
        /// The files that were refused, told without their names.
        refused: Vec<RefusedLine>,
        /// Whether the policy put this title in the place of the sender's.
        replaced_title: bool,
        /// Whether it came by mail (D7).
        by_mail: bool,
        /// A signed checkpoint of the log, in the C2SP tlog-checkpoint format, kept line by line.
        checkpoint: Option<String>,
        /// The signed receipt, joined as a small file.
        receipt: Option<String>,
    },
    /// To someone who asked to deposit (D2).
    DepositLink {
        /// Whose mailbox it is for.
        mailbox_name: String,
        /// The fund that runs the mailbox.
        organisation_name: String,
        /// Where the link leads, below the base URL of the moment when the mail leaves.
        path: SecretText,
        /// The typed code, 8 digits.
        code: SecretText,
        /// The first instant at which link and code no longer start a deposit.
        starts_until: Timestamp,
    },
    /// To who asked where a deposit stands, and sent it (D8, D11).
    StatusLink {
        /// Which; none: all that the address sent (D11).
        reference: Option<Reference>,
        /// Where the link leads, below the base URL.
        path: SecretText,
        /// The typed code, 8 digits.
        code: SecretText,
        /// The first instant at which link and code no longer show it.
        starts_until: Timestamp,
    },
    /// To the security officer: something is to be looked at (S2, S3).
    Alert {
        /// What.
        kind: AlertKind,
        /// How much of it.
        count: u64,
        /// When it began.
        since: Timestamp,
        /// Until when it was counted.
        until: Timestamp,
        /// The page of the log to look at, below the base URL.
        path: String,
    },
    /// To the security officer, each day: the log, bound outside the gateway.
    Daily {
        /// When it was written.
        at: Timestamp,
        /// Entries of the log in all.
        entries: u64,
        /// What happened since the last one.
        counts: DailyCounts,
        /// What was told in an alert and still lasts.
        lasting: Vec<AlertKind>,
        /// The newest signed checkpoint, kept line by line.
        checkpoint: String,
    },
    /// To the depositor or the mailbox: a deposit is held until its files are inspected (D8).
    Hold(HoldLetter),
    /// To the second address of a mailbox: a notice does not arrive at the first.
    Undelivered(UndeliveredLetter),
    /// To the mailbox: do notices arrive?
    Heartbeat(HeartbeatLetter),
    /// About a transfer that a member sends to people outside (T5, T9).
    Outside(OutsideLetter),
    /// To a mailbox, its manager or the mediator: something is to be done about a case (T2, T5, V5).
    Reminder(ReminderLetter),
    /// To the sender of a mail: what became of it (RFC 3464).
    Report(ReportLetter),
    /// To the operator: a mail for the postmaster.
    Postmaster(PostmasterLetter),
    /// To a colleague of a member: the member's own mail, as it was written (policies/outgoing.toml), in base64.
    Forwarded {
        /// The whole message, line ends CRLF.
        message: SecretText,
    },
    /// To the owner of an account, or the people of a structure (P1 to P6).
    Account(AccountLetter),
    /// To the mailbox: a deposit waits (T1).
    Notice {
        /// What to quote.
        reference: Reference,
        /// The mailbox that it waits in.
        mailbox_name: String,
        /// The title after the title policy (D5).
        title: String,
        /// The person who sent it, by address.
        sender: String,
        /// The person's partner structure.
        partner: String,
        /// The person's site (CDAS, TIS), where it is known.
        site: Option<String>,
        /// How many files.
        file_count: u32,
        /// Their size together.
        total: ByteSize,
        /// The first instant at which nobody can open it any more (V1, V2).
        can_be_opened_until: Timestamp,
        /// The transfer's page, below the base URL of the moment when the mail leaves: a gateway that moved since
        /// the mail was queued still delivers it. It opens nothing without signing in (T3).
        path: String,
    },
}

impl Letter {
    /// Which of the mails this is.
    pub const fn kind(&self) -> LetterKind {
        match self {
            Self::Acknowledgement { .. } => LetterKind::Acknowledgement,
            Self::Alert { .. } => LetterKind::Alert,
            Self::Daily { .. } => LetterKind::Daily,
            Self::DepositLink { .. } => LetterKind::DepositLink,
            Self::StatusLink { .. } => LetterKind::StatusLink,
            Self::Notice { .. } => LetterKind::Notice,
            Self::Hold(_) => LetterKind::Hold,
            Self::Undelivered(_) => LetterKind::Undelivered,
            Self::Heartbeat(_) => LetterKind::Heartbeat,
            Self::Outside(letter) => letter.kind(),
            Self::Reminder(_) => LetterKind::Reminder,
            Self::Report(_) => LetterKind::Report,
            Self::Postmaster(_) => LetterKind::Postmaster,
            Self::Forwarded { .. } => LetterKind::Forwarded,
            Self::Account(letter) => letter.kind(),
        }
    }
}

/// What happened in the log since the last daily mail, in numbers.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "the names say all")]
pub struct DailyCounts {
    pub entries: u64,
    pub deposits: u64,
    pub openings: u64,
    pub downloads: u64,
    pub sign_ins: u64,
    pub expiries: u64,
    pub refusals: u64,
    pub failures: u64,
    pub alerts: u64,
}

/// Who writes to whom, when, in which language.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Addressing {
    /// The name beside the sender's address.
    pub from_name: String,
    /// The sender's address: neither one that takes deposits nor one that receives notices (invariant 10).
    pub from: MailAddress,
    /// The one recipient.
    pub to: MailAddress,
    /// As [`message_id`] makes it, with its angle brackets.
    pub message_id: String,
    /// When the mail was first made; whole seconds count.
    pub date: Timestamp,
    /// The language of the mail. Each mail ends with one line in the other one.
    pub language: Language,
    /// The gateway's address on the web, `https://depot.carsat.example`, without a slash at its end.
    pub base_url: String,
}

/// Why a mail could not be made. All but the first, which the recipient's address causes, are faults of the caller.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LetterError {
    /// An address that is not ASCII: it would need SMTPUTF8 (RFC 6531) all the way, which is not written yet.
    #[error("the address cannot stand in a mail without SMTPUTF8")]
    Address,
    /// The typed code is not made of 8 digits.
    #[error("the code is not made of 8 digits")]
    Code,
    /// An instant that no calendar shows.
    #[error("an instant is out of the calendar's range")]
    Date,
    /// A link that does not lead to this gateway, or holds a character that no link has.
    #[error("the link is not one of this gateway")]
    Link,
    /// lettre refused the parts of the message.
    #[error("the message cannot be built")]
    Message,
    /// The message id is not of the form `<letters@domain>`.
    #[error("the message id is malformed")]
    MessageId,
}

/// The mail as text.
#[derive(Template)]
#[template(path = "letter.txt")]
struct Text<'p> {
    page: &'p Page,
}

/// The mail as HTML.
#[derive(Template)]
#[template(path = "letter.html")]
struct Html<'p> {
    page: &'p Page,
}

/// Renders a letter to the bytes of RFC 5322: CRLF line ends, ASCII only, lines of at most 78 characters in the
/// body, text and HTML as alternatives.
///
/// A mail that a member's mail program wrote is not touched: it goes on as it is.
pub fn render(letter: &Letter, addressing: &Addressing) -> Result<Vec<u8>, LetterError> {
    if let Letter::Forwarded { message } = letter {
        return BASE64.decode(message.expose()).map_err(|_| LetterError::Message);
    }
    let page = wording::page(letter, addressing.language, &addressing.base_url)?;
    let text = Text { page: &page }.render().map_err(|_| LetterError::Message)?;
    let html = Html { page: &page }.render().map_err(|_| LetterError::Message)?;
    // RFC 2045 section 6.7 rule 1: quoted-printable never holds "=_", so no line of a part is a delimiter.
    let boundary = format!("=_{}", &Digest::of(addressing.message_id.as_bytes()).to_hex()[..32]);
    let body = MultiPart::alternative()
        .boundary(boundary.clone())
        .singlepart(part(ContentType::TEXT_PLAIN, text))
        .singlepart(part(ContentType::TEXT_HTML, html));
    let body = match (letter, &page.file) {
        (Letter::Report(told), _) => report::body(told, body, &boundary)?,
        (Letter::Postmaster(mail), _) => postmaster::body(mail, body, &boundary)?,
        (_, None) => body,
        (_, Some((name, text))) => MultiPart::mixed()
            .boundary(format!("{boundary}+"))
            .multipart(body)
            .singlepart(file(name, text.clone())),
    };
    let message = headers(letter, &page, addressing)?.multipart(body).map_err(|_| LetterError::Message)?;
    Ok(message.formatted())
}

fn part(content_type: ContentType, text: String) -> SinglePart {
    SinglePart::builder().header(content_type).header(ContentTransferEncoding::QuotedPrintable).body(text)
}

/// A text file, in base64 so that no system on the way touches its bytes.
fn file(name: &str, text: String) -> SinglePart {
    SinglePart::builder()
        .header(ContentType::TEXT_PLAIN)
        .header(ContentDisposition::attachment(name))
        .header(ContentTransferEncoding::Base64)
        .body(text.into_bytes())
}

/// RFC 3834 section 5 marks, and Exchange's own. No `Precedence`: RFC 3834 does not ask for it, and filters
/// hold it against a mail.
fn headers(letter: &Letter, page: &Page, addressing: &Addressing) -> Result<MessageBuilder, LetterError> {
    let auto_submitted = match letter.kind() {
        LetterKind::Acknowledgement | LetterKind::Report => "auto-replied",
        LetterKind::Alert
        | LetterKind::Daily
        | LetterKind::DepositLink
        | LetterKind::StatusLink
        | LetterKind::Hold
        | LetterKind::Undelivered
        | LetterKind::Heartbeat
        | LetterKind::SecureLink
        | LetterKind::OpeningCode
        | LetterKind::SentConfirmation
        | LetterKind::DownloadNotice
        | LetterKind::Reminder
        | LetterKind::Postmaster
        | LetterKind::Forwarded
        | LetterKind::AccountLink
        | LetterKind::AccountNotice
        | LetterKind::Notice => "auto-generated",
    };
    if !names::is_message_id(&addressing.message_id) {
        return Err(LetterError::MessageId);
    }
    Ok(Message::builder()
        .from(mailbox(Some(wording::one_line(&addressing.from_name)), &addressing.from)?)
        .to(mailbox(None, &addressing.to)?)
        .subject(page.subject.clone())
        .date(system_time(addressing.date)?)
        .message_id(Some(addressing.message_id.clone()))
        .raw_header(marker("Auto-Submitted", auto_submitted))
        .raw_header(marker("X-Auto-Response-Suppress", "All"))
        .raw_header(marker("Content-Language", addressing.language.tag())))
}

fn marker(name: &'static str, value: &str) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value.to_owned())
}

fn mailbox(name: Option<String>, address: &MailAddress) -> Result<Mailbox, LetterError> {
    let (local, domain) = (address.local(), address.domain().as_str());
    if !local.is_ascii() || !domain.is_ascii() {
        return Err(LetterError::Address);
    }
    let address = Address::new(local, domain).map_err(|_| LetterError::Address)?;
    Ok(Mailbox::new(name.filter(|name| !name.is_empty()), address))
}

fn system_time(instant: Timestamp) -> Result<SystemTime, LetterError> {
    // Beyond the year 9999 lettre's own conversion panics.
    const YEAR_10000: i64 = 253_402_300_800;
    let seconds = Some(instant.unix_seconds()).filter(|seconds| *seconds < YEAR_10000);
    let seconds = seconds.and_then(|seconds| u64::try_from(seconds).ok()).ok_or(LetterError::Date)?;
    Ok(SystemTime::UNIX_EPOCH + Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests;
