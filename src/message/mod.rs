//! Inbound mail: bytes of a stranger become a [`ParsedMail`] under named limits, with each file exactly as it
//! was sent, and a [`MailKind`] that says whether it can be a deposit at all (D7).
//!
//! Standards: RFC 5322 (messages), RFC 2045 to 2047 and 2231 (MIME), RFC 3834 (automatic mail), RFC 3464 (delivery
//! reports). Fields, character sets and HTML are decoded by mail-parser. What is not done here: judging who
//! may deposit, the title policy, virus and type checks, opening archives, S/MIME or PGP (kept as files). Outlook's
//! `winmail.dat` comes apart ([MS-OXTNEF]).

mod body;
mod dedup;
mod file_name;
mod file_path;
mod header;
mod kind;
mod mime;
mod old_bounce;
mod tnef;
mod wishes;

use std::borrow::Cow;

use thiserror::Error;

pub use dedup::{DedupMaterial, dedup_material};
pub use file_name::{FILE_NAME_MAX_BYTES, FileName, clean_file_name};
pub use file_path::{clean_file_path, name_of};
pub use kind::{BounceReport, DeliveryAction, MailKind, RecipientReport};
pub use wishes::{VALIDITY_FIELD, Wishes, handed_on, untagged, wishes};

use crate::value::{ByteSize, MailAddress, Timestamp};

/// What a message may cost. The defaults let every real mail through and keep a hostile one of 64 KiB below
/// 50 ms and 32 MB (CVE-2026-26312 and its like).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Limits {
    /// Multiparts within one another. Forwarding nests two or three.
    pub depth: usize,
    /// Parts in all, multiparts included.
    pub parts: usize,
    /// Bytes of one header section. Large recipient lists reach some 100 KiB.
    pub header_bytes: usize,
    /// Fields of one header section.
    pub header_fields: usize,
    /// Bytes of one field that are decoded; the rest is not looked at. Bounds the quadratic cost of decoding
    /// encoded words.
    pub field_bytes: usize,
    /// Message ids taken from one field.
    pub message_ids: usize,
    /// Recipients taken from the header.
    pub recipients: usize,
    /// Bytes of text and files after decoding, together. Character sets may double a text.
    pub decoded_bytes: ByteSize,
    /// Bytes of a text part that becomes part of the body; a longer one is kept as a file.
    pub text_bytes: usize,
    /// Recipients taken from one delivery report.
    pub reported_recipients: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            depth: 64,
            parts: 1000,
            header_bytes: 256 * 1024,
            header_fields: 2000,
            field_bytes: 4096,
            message_ids: 100,
            recipients: 200,
            decoded_bytes: ByteSize::mebibytes(64),
            text_bytes: 1024 * 1024,
            reported_recipients: 100,
        }
    }
}

/// Why a message is refused. The sender must act; each is permanent (5xx).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MessageError {
    /// Nothing was sent, or no line of it is a header field.
    #[error("the message has no header")]
    Empty,
    /// A header section is longer than [`Limits::header_bytes`].
    #[error("a header section has more than {actual} bytes, at most {limit} are allowed")]
    HeaderTooLarge {
        /// What is allowed, in bytes.
        limit: usize,
        /// What was read, in bytes.
        actual: usize,
    },
    /// Multiparts nest deeper than [`Limits::depth`].
    #[error("the message nests deeper than {limit} parts")]
    TooDeep {
        /// What is allowed.
        limit: usize,
    },
    /// More fields in one header section than [`Limits::header_fields`].
    #[error("a header section has more than {limit} fields")]
    TooManyFields {
        /// What is allowed.
        limit: usize,
    },
    /// More parts than [`Limits::parts`].
    #[error("the message has more than {limit} parts")]
    TooManyParts {
        /// What is allowed.
        limit: usize,
    },
    /// Text and files are larger than [`Limits::decoded_bytes`].
    #[error("the decoded message has {actual}, at most {limit} are allowed")]
    TooLarge {
        /// What is allowed.
        limit: ByteSize,
        /// What was reached when reading stopped.
        actual: ByteSize,
    },
}

/// A file of a mail. Its bytes are what the sender attached, after transfer decoding alone: no character set
/// is changed, an attached message is not taken apart.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Attachment<'x> {
    /// Its name as given, cleaned, or one made from its place and type.
    pub name: FileName,
    /// `type/subtype` in lower case, as the sender declares it: not to be trusted.
    pub content_type: String,
    /// Its bytes.
    pub bytes: Cow<'x, [u8]>,
}

/// A mail, parsed. It borrows from the message where nothing had to be decoded.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ParsedMail<'x> {
    /// The single address of the single `From` field; two authors are none. Not a proof of anything.
    pub author: Option<MailAddress>,
    /// The addresses of `To` and `Cc`, as far as they can be read and the limits go.
    pub recipients: Vec<MailAddress>,
    /// `Subject`, decoded. Not yet through the title policy: it must not be shown, mailed or logged.
    pub subject: Option<String>,
    /// `Message-ID` without angle brackets.
    pub message_id: Option<String>,
    /// `In-Reply-To`, without angle brackets.
    pub in_reply_to: Vec<String>,
    /// `References`, without angle brackets, oldest first.
    pub references: Vec<String>,
    /// How many hosts it came through, by its `Received` fields (RFC 5321 section 6.3).
    pub hops: usize,
    /// `Date`, as the sender's clock said.
    pub date: Option<Timestamp>,
    /// The body as text; a body that is HTML alone is converted.
    pub text: String,
    /// The files, in the order of the message. Inline images are files.
    pub attachments: Vec<Attachment<'x>>,
    /// Whether this can be a deposit.
    pub kind: MailKind,
}

/// Parses a message. `envelope_sender` is the MAIL FROM of the transaction, `None` for the null sender
/// of bounces (RFC 5321 section 4.5.5).
pub fn parse<'x>(
    bytes: &'x [u8],
    envelope_sender: Option<&MailAddress>,
    limits: &Limits,
) -> Result<ParsedMail<'x>, MessageError> {
    let structure = mime::split(bytes, limits)?;
    if structure.fields.is_empty() {
        return Err(MessageError::Empty);
    }
    let content = body::extract(&structure, limits)?;
    let fields = &structure.fields;
    Ok(ParsedMail {
        author: fields.single_address("From", limits),
        recipients: fields.addresses(&["To", "Cc"], limits),
        subject: fields.text("Subject", limits),
        message_id: fields.ids("Message-ID", limits).into_iter().next(),
        in_reply_to: fields.ids("In-Reply-To", limits),
        references: fields.ids("References", limits),
        hops: fields.count("Received"),
        date: fields.date("Date", limits),
        text: content.text,
        kind: kind::classify(&structure, envelope_sender, limits),
        attachments: content.attachments,
    })
}

#[cfg(test)]
mod tests;
