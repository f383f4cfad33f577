//! What the SMTP server and the gateway say to each other: a mail that came in, who its recipient is, and what
//! became of it. The wire texts of these answers are in `reply.rs`.

use std::net::IpAddr;

use async_trait::async_trait;

use crate::relay::letter::TaggedMail;
use crate::transfer::CertificateDigest;
use crate::value::{Addressee, ByteSize, MailAddress, MailboxId, Reference, SecretBytes};

/// What an address of the gateway is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecipientRole {
    /// The deposit address of a mailbox (D7).
    Deposit(MailboxId),
    /// The return address of a mail that the gateway sent, by its form: bounces come here. Whether its tag is true is seen
    /// when the mail is there, so that RCPT tells nobody.
    Return(TaggedMail),
    /// The address that notices come from, which takes no mail: refused with guidance after DATA, so that a
    /// person who answers a notice reads what to do.
    NoReply,
    /// The person in charge of mail, whom RFC 5321 section 4.5.1 wants reachable.
    Postmaster,
}

/// The answer to RCPT. It depends on the address alone, never on who asks (invariant 8).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RecipientAnswer {
    /// The gateway takes mail for this address.
    Accepted(RecipientRole),
    /// The domain is the gateway's, the address is nobody's.
    UnknownHere,
    /// The domain is not the gateway's: it relays for nobody.
    NotHere,
}

/// Judges recipients while the peer waits: answers from memory, without blocking.
pub trait Recipients: Send + Sync {
    /// What the gateway does with mail for this address.
    fn judge(&self, address: &MailAddress) -> RecipientAnswer;

    /// Hears that a recipient was refused to a peer, for the log (S2); returns at once. The answer on the wire does
    /// not wait for it.
    fn note_refused(&self, _answer: RecipientAnswer, _peer: IpAddr) {}
}

/// A recipient that was accepted.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Recipient {
    /// The address as the envelope has it, and of what the sender is told (RFC 3461).
    pub addressee: Addressee,
    /// What the address is for.
    pub role: RecipientRole,
}

/// A connection over TLS.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeerTls {
    /// Protocol version and cipher suite.
    pub protocol: String,
    /// SHA-256 of the certificate that the peer showed, and whose key it holds. Whose it is, is not proved.
    pub certificate: Option<CertificateDigest>,
}

/// A mail as it came in: the envelope, the connection and the bytes. Nothing in it has been proved but
/// `peer`; who sent it is for the handler to judge.
#[derive(Debug)]
pub struct ReceivedMail {
    /// The address that the connection came from.
    pub peer: IpAddr,
    /// Set when the mail came over TLS.
    pub tls: Option<PeerTls>,
    /// The name that the peer gave itself.
    pub helo: String,
    /// The envelope sender; `None` is the null sender of bounces and automatic mail (RFC 5321 section 4.5.5).
    pub from: Option<MailAddress>,
    /// The envelope recipient: one a transaction, since each recipient is its own transfer and its own answer.
    pub recipient: Recipient,
    /// The message as sent, dot-stuffing undone. Each line of it ends with CRLF; it holds no NUL.
    pub bytes: SecretBytes,
    /// The sender announced UTF-8 addresses or headers (RFC 6531).
    pub smtp_utf8: bool,
    /// The sender asked that the mail goes by verified TLS only (RFC 8689).
    pub requires_tls: bool,
    /// What the sender knows the transaction by (ENVID, RFC 3461).
    pub envelope_id: Option<String>,
}

/// Takes a mail over.
#[async_trait]
pub trait MailHandler: Recipients {
    /// Treats one mail. What is returned is told to the sender at once, so [`MailOutcome::Accepted`] is only
    /// returned when the mail is durable (invariant 1); on [`MailOutcome::TryLater`] the sender keeps it and
    /// sends it again. Mails of several connections come at the same time. When the gateway stops, the call
    /// may be dropped at any await point.
    async fn handle(&self, received: ReceivedMail) -> MailOutcome;
}

/// What became of a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailOutcome {
    /// A deposit, durable under this reference.
    Accepted {
        /// What people quote.
        reference: Reference,
    },
    /// A bounce or an absence notice: taken, no deposit.
    Noted,
    /// Never, as it is. The sender's system tells the sender.
    Refused(RefusedMail),
    /// Not now. The sender's system tries again.
    TryLater(TryLater),
}

/// Why a mail is refused for good.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum RefusedMail {
    /// Who sent it may not deposit here. One reason for all of them: unknown, no agreement, agreement over,
    /// not proved (invariant 8).
    MayNotDeposit,
    /// It went to the address that notices come from.
    AddressTakesNoMail,
    /// It answers one of the gateway's mails: answers are given on the transfer's page.
    IsReply,
    /// It answers a notice to a mailbox: the partner is answered on the page of the case.
    AnswersNotice,
    /// A program sent it by itself: automatic mail is no deposit.
    Automatic,
    /// Its sender may deposit, and the agreement does not open deposits by mail (D11).
    DoorClosed {
        /// Whether the deposit page is open.
        page: bool,
    },
    /// The agreement asks for a form, and no file is joined that could be one (D10).
    FormNeeded,
    /// Its headers or parts cannot be read.
    Malformed,
    /// It has more parts, or parts nested deeper, than are read.
    TooComplex,
    /// It holds neither text nor a file.
    Empty,
    /// It, or a file in it, is larger than this mailbox takes.
    TooLarge {
        /// What is allowed.
        limit: ByteSize,
    },
    /// It has more files than this mailbox takes at once.
    TooManyFiles {
        /// What is allowed.
        limit: u32,
    },
    /// Its subject names a person and the policy refuses that.
    TitleNamesPerson,
    /// A file in it is refused: its kind is not taken, or it is harmful.
    FileRefused,
    /// It has been here before, or through too many hands (RFC 5321 section 6.3).
    Loop,
}

/// Why a mail cannot be treated now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryLater {
    /// The store, the keyring or the disk failed: a fault of ours.
    Fault,
    /// Too much at once.
    Busy,
    /// No room left for what is taken.
    Full,
    /// The author sent as much in an hour as one address may.
    TooFast,
    /// The names of the DNS that tell who sent it do not answer.
    SenderUnchecked,
}
