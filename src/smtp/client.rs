//! Takes mails to one host over SMTP (RFC 5321, sending side). Which host, when to try again and when to give up are others'
//! to decide: this says what happened, once. A connection carries several mails ([`Connections`]).
//!
//! The conversation is lettre's, on a connection that we open ourselves (`client/connection.rs`). Two of
//! lettre's habits are kept away from: its STARTTLS reads clear bytes as if they had come over TLS, and it
//! lets `\n.\n` through, by which a body could bring commands of its own (RUSTSEC-2026-0561). So we do STARTTLS,
//! and a message with a lone CR, a lone LF or a NUL is not sent at all. lettre's `tracing` feature would log
//! bodies: it stays off.

mod connection;
mod pool;
mod tls;

use std::error::Error;
use std::fmt;
use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use lettre::Address;
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Quit, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::{Response, Severity};
use rustls::pki_types::ServerName;
use tokio::time::timeout;

use crate::relay::queue::Protection;
use crate::value::{Domain, MailAddress};

pub use pool::Connections;
pub use tls::{ClientTls, TlsaMatching, TlsaRecord, TlsaSelector, TlsaUsage};

/// How long a host has to answer QUIT; the mail is delivered by then.
const QUIT_WAIT: Duration = Duration::from_secs(2);

/// Octets a second that a line carries at least on the whole: a message has so much more time as it is larger. Two old ISDN
/// channels carry as much.
const LINE_PACE: u64 = 16 * 1024;

/// Whether a mail may travel in clear.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TlsRequirement {
    /// In clear, even if the host offers TLS: for a relay on the same machine, and for a host whose TLS is
    /// known to be broken.
    None,
    /// Encrypted if the host offers it, to whoever answers (RFC 7435); in clear if it does not. A STARTTLS that is refused
    /// or a handshake that fails delays the mail: it does not fall back to clear by itself.
    Opportunistic,
    /// Encrypted, to whoever answers; else the mail waits.
    Encrypted,
    /// Encrypted, to a host that proves one of its names to an authority; else the mail waits.
    Required,
    /// Encrypted, to a host that these records of its domain name (RFC 7672); else the mail waits.
    Dane(Arc<[TlsaRecord]>),
}

/// The way to a host.
#[derive(Debug, Clone)]
pub struct Route {
    /// A name or an IP address.
    pub host: String,
    /// Its addresses, tried in this order; none when the system is to look its name up.
    pub addresses: Vec<IpAddr>,
    /// The port, 25 as a rule.
    pub port: u16,
    /// Whether the mail may travel in clear.
    pub tls: TlsRequirement,
    /// The name that is asked for in the handshake.
    pub server_name: ServerName<'static>,
    /// The names of which the host must prove one when TLS is required.
    pub names: Vec<ServerName<'static>>,
    /// Whether a host that offers STARTTLS and cannot do it gets the mail in clear, where TLS is opportunistic.
    pub clear_after_broken_starttls: bool,
    /// The name that we give ourselves in EHLO.
    pub helo: Domain,
    /// How long to wait for what.
    pub waits: ClientWaits,
}

impl Route {
    /// Connections of routes with the same key serve each other's mails: same host, and no less sure of it.
    fn key(&self) -> String {
        format!("{}:{} {:?} {:?} {:?}", self.host, self.port, self.addresses, self.tls, self.names)
    }
}

/// A mail on its way to a host.
#[derive(Debug, Clone, Copy)]
pub struct SentMail<'a> {
    /// The return address; `None` for mail that must not be answered (RFC 3834, RFC 5321 section 4.5.5).
    pub from: Option<&'a MailAddress>,
    /// Who gets it.
    pub to: &'a MailAddress,
    /// The message, CRLF line ends.
    pub message: &'a [u8],
    /// Whether the host is told that the mail must travel encrypted from there on too, and whether one that does not
    /// understand that gets it (RFC 8689). That it travels so to the host is the route's.
    pub protection: Protection,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub struct ClientWaits {
    /// For a connection. Default 30 seconds.
    pub connect: Duration,
    /// For the answer to a command (RFC 5321 section 4.5.3.2.1 and following). Default 5 minutes.
    pub reply: Duration,
    /// For the answer to the end of the message (section 4.5.3.2.6: a host that is cut off here may have taken
    /// the mail), beside the time that the message takes on the line. Default 10 minutes.
    pub end_of_message: Duration,
    /// For all of it, beside that time: less would cut off a host that is slow at each step, and slower at none than it may
    /// be. Default 45 minutes.
    pub whole: Duration,
}

impl ClientWaits {
    /// How long a message may be on the line.
    fn on_the_line(octets: usize) -> Duration {
        Duration::from_secs((octets as u64).div_ceil(LINE_PACE))
    }

    /// For a message and the answer to its end.
    fn message(&self, octets: usize) -> Duration {
        self.end_of_message + Self::on_the_line(octets)
    }

    /// For all of a mail with a message of this size.
    fn mail(&self, octets: usize) -> Duration {
        self.whole + Self::on_the_line(octets)
    }
}

impl Default for ClientWaits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            reply: Duration::from_mins(5),
            end_of_message: Duration::from_mins(10),
            whole: Duration::from_mins(45),
        }
    }
}

/// What came of a delivery.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DeliveryOutcome {
    /// The host has the mail and answers for it.
    Accepted {
        /// Protocol version and cipher suite; `None` when it went in clear.
        tls: Option<String>,
        /// The host's reply code.
        code: u16,
    },
    /// Not now: try again later.
    Delayed {
        /// What was in the way.
        reason: DelayReason,
        /// What the host said, if it said so.
        reply: Option<HostReply>,
    },
    /// The host refuses this mail or this recipient for good.
    Refused(HostReply),
    /// This mail cannot go to this host as it is; trying again would not help.
    Unsendable(Unsendable),
}

/// Why a mail is delayed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DelayReason {
    /// No connection.
    Unreachable,
    /// No answer in time.
    TimedOut,
    /// The connection was lost.
    Lost,
    /// TLS is required and the host does not offer it.
    TlsNotOffered,
    /// The host offers STARTTLS and refuses it.
    TlsRefused,
    /// The TLS handshake failed, or the host did not prove its name.
    TlsFailed,
    /// Bytes in clear followed the host's go-ahead for TLS: somebody is on the line (RFC 3207 section 6).
    TlsInjected,
    /// The host does not speak SMTP as it should.
    Protocol,
    /// The host does not talk to us at all, now or for good: no verdict on this mail.
    NotWelcome,
    /// The host said 4xx to this mail.
    ToldLater,
}

/// Why a mail cannot be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Unsendable {
    /// It holds a lone CR, a lone LF or a NUL, or does not end with CRLF: a defect of who built it.
    LineEnding,
    /// It is not ASCII and the host takes nothing else (RFC 6152).
    NeedsEightBitMime,
    /// An address is not ASCII and the host takes no other (RFC 6531).
    NeedsSmtpUtf8,
    /// It must be handed on encrypted and the host does not promise to (RFC 8689 section 4.2.1).
    NeedsRequireTls,
}

/// What a host answered. Its words are not kept: they are anybody's.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct HostReply {
    /// The reply code.
    pub code: u16,
    /// The enhanced code, if it gave one.
    pub enhanced: Option<EnhancedCode>,
}

/// An enhanced status code (RFC 3463): class, subject, detail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct EnhancedCode(pub u16, pub u16, pub u16);

impl EnhancedCode {
    /// Reads the code that a reply's text begins with.
    fn leading(text: &str) -> Option<Self> {
        let mut numbers = text.split_whitespace().next()?.splitn(3, '.').map(|n| n.parse().ok());
        match (numbers.next()??, numbers.next()??, numbers.next()??) {
            (class @ (2 | 4 | 5), subject @ 0..=999, detail @ 0..=999) => Some(Self(class, subject, detail)),
            _ => None,
        }
    }
}

impl fmt::Display for EnhancedCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.0, self.1, self.2)
    }
}

/// Greets a host; what it says of us is no verdict on a mail.
async fn greet(route: &Route, tls: &ClientTls) -> Result<Host, DeliveryOutcome> {
    let opened = connection::open(route, tls).await?;
    let hello = ClientId::Domain(route.helo.as_str().to_owned());
    let connecting = AsyncSmtpConnection::connect_with_transport(opened.stream, &hello);
    let connection = within(route.waits.reply, connecting).await.map_err(not_welcome)?;
    Ok(Host { connection, tls: opened.tls, mails: 0 })
}

/// A host that has greeted us.
struct Host {
    connection: AsyncSmtpConnection,
    /// Protocol version and cipher suite; `None` in clear.
    tls: Option<String>,
    /// Mails that it was given on this connection.
    mails: u32,
}

impl Host {
    async fn transact(&mut self, route: &Route, sent: SentMail<'_>) -> Result<u16, DeliveryOutcome> {
        self.mails += 1;
        let mut parameters = self.parameters(&sent)?;
        if sent.protection.requires_tls() {
            if self.offers_requiretls(route).await? {
                parameters.push(MailParameter::Other { keyword: "REQUIRETLS".to_owned(), value: None });
            } else if sent.protection == Protection::Onward {
                return Err(DeliveryOutcome::Unsendable(Unsendable::NeedsRequireTls));
            }
        }
        let mail = Mail::new(sent.from.map(address_of), parameters);
        completed(&within(route.waits.reply, self.connection.command(mail)).await?)?;
        let rcpt = Rcpt::new(address_of(sent.to), Vec::new());
        completed(&within(route.waits.reply, self.connection.command(rcpt)).await?)?;
        let go_ahead = within(route.waits.reply, self.connection.command(Data)).await?;
        if !go_ahead.has_code(354) {
            return Err(delayed(DelayReason::Protocol));
        }
        // lettre ends every message with a CRLF of its own.
        let body = sent.message.strip_suffix(b"\r\n").unwrap_or(sent.message);
        let wait = route.waits.message(body.len());
        completed(&within(wait, self.connection.message(body)).await?)
    }

    fn parameters(&self, sent: &SentMail<'_>) -> Result<Vec<MailParameter>, DeliveryOutcome> {
        let host = self.connection.server_info();
        let mut parameters = Vec::new();
        if !sent.message.is_ascii() {
            if !host.supports_feature(Extension::EightBitMime) {
                return Err(DeliveryOutcome::Unsendable(Unsendable::NeedsEightBitMime));
            }
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        if sent.from.into_iter().chain([sent.to]).any(|address| !address.to_string().is_ascii()) {
            if !host.supports_feature(Extension::SmtpUtfEight) {
                return Err(DeliveryOutcome::Unsendable(Unsendable::NeedsSmtpUtf8));
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        Ok(parameters)
    }

    /// lettre knows a few extensions only; so the host is asked again. Never in clear (RFC 8689 section 4.1).
    async fn offers_requiretls(&mut self, route: &Route) -> Result<bool, DeliveryOutcome> {
        if self.tls.is_none() {
            return Ok(false);
        }
        let hello = Ehlo::new(ClientId::Domain(route.helo.as_str().to_owned()));
        let answer = within(route.waits.reply, self.connection.command(hello)).await?;
        Ok(answer.message().skip(1).any(|line| line.trim().eq_ignore_ascii_case("REQUIRETLS")))
    }

    /// Whether the connection still stands, and knows of no mail (RFC 5321 section 4.1.1.5).
    async fn reset(&mut self, wait: Duration) -> bool {
        matches!(timeout(wait, self.connection.command(Rset)).await, Ok(Ok(answer)) if answer.has_code(250))
    }

    /// Takes leave. What happens now changes nothing.
    async fn quit(mut self) {
        let _ = timeout(QUIT_WAIT, self.connection.command(Quit)).await;
    }
}

/// DATA carries lines that end with CRLF and nothing else (RFC 5321 section 2.3.8).
fn is_sendable(message: &[u8]) -> bool {
    let mut after_cr = false;
    for &byte in message {
        if byte == 0 || after_cr != (byte == b'\n') {
            return false;
        }
        after_cr = byte == b'\r';
    }
    message.ends_with(b"\r\n")
}

/// [`MailAddress`] is stricter than lettre's own check.
fn address_of(address: &MailAddress) -> Address {
    Address::new_dangerous(address.local(), address.domain().as_str())
}

async fn within<T>(
    wait: Duration,
    answer: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
) -> Result<T, DeliveryOutcome> {
    match timeout(wait, answer).await {
        Ok(Ok(answer)) => Ok(answer),
        Ok(Err(error)) => Err(outcome_of(&error)),
        Err(_) => Err(delayed(DelayReason::TimedOut)),
    }
}

/// The reply code, when it says that a step is done.
fn completed(response: &Response) -> Result<u16, DeliveryOutcome> {
    match response.code().severity {
        Severity::PositiveCompletion => Ok(response.code().into()),
        _ => Err(delayed(DelayReason::Protocol)),
    }
}

fn outcome_of(error: &lettre::transport::smtp::Error) -> DeliveryOutcome {
    let Some(code) = error.status() else {
        let malformed = error.is_response() || error.is_client();
        return delayed(if malformed { DelayReason::Protocol } else { DelayReason::Lost });
    };
    let words = error.source().map(ToString::to_string).unwrap_or_default();
    let reply = HostReply { code: code.into(), enhanced: EnhancedCode::leading(&words) };
    // 421 closes the connection at any point and is no verdict on the mail (RFC 5321 section 3.8).
    match reply.code {
        500..=599 => DeliveryOutcome::Refused(reply),
        _ => DeliveryOutcome::Delayed { reason: DelayReason::ToldLater, reply: Some(reply) },
    }
}

/// A refusal before any mail was named is about us, and often passes: the queue gives up in its own time.
fn not_welcome(outcome: DeliveryOutcome) -> DeliveryOutcome {
    match outcome {
        DeliveryOutcome::Refused(reply) | DeliveryOutcome::Delayed { reply: Some(reply), .. } => {
            DeliveryOutcome::Delayed { reason: DelayReason::NotWelcome, reply: Some(reply) }
        }
        other => other,
    }
}

const fn delayed(reason: DelayReason) -> DeliveryOutcome {
    DeliveryOutcome::Delayed { reason, reply: None }
}

#[cfg(test)]
mod tests;
