//! The sender authentication port: looks up what the names of the DNS say about who sent a mail.

use std::net::IpAddr;

use async_trait::async_trait;

use crate::transfer::SenderFindings;
use crate::value::MailAddress;

/// A mail whose sender is examined.
pub struct ExaminedMail<'a> {
    /// Where the connection came from.
    pub peer: IpAddr,
    /// The name that the host gave itself.
    pub helo: &'a str,
    /// MAIL FROM; none is the null sender.
    pub envelope_from: Option<&'a MailAddress>,
    /// The message as it came.
    pub bytes: &'a [u8],
}

/// Examines senders.
///
/// - Never fails: what could not be looked up is `temperror`, so that the caller can ask the sender to come again.
/// - Bounded: in time, in look-ups (RFC 7208 section 4.6.4) and in signatures, whatever the message holds.
/// - Concurrent: many mails at once.
#[async_trait]
pub trait SenderAuthentication: Send + Sync {
    /// What is found. None when the gateway does not look (`[smtp] checks_senders = false`): then only a pinned relay
    /// speaks for a partner.
    async fn examine(&self, mail: ExaminedMail<'_>) -> Option<SenderFindings>;
}

/// Looks nothing up.
pub struct NoSenderAuthentication;

#[async_trait]
impl SenderAuthentication for NoSenderAuthentication {
    async fn examine(&self, _mail: ExaminedMail<'_>) -> Option<SenderFindings> {
        None
    }
}
