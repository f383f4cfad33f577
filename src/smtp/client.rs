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

use crate::value::{Domain, MailAddress};

pub use pool::Connections;
pub use tls::{ClientTls, TlsaMatching, TlsaRecord, TlsaSelector, TlsaUsage};

/// How long a host has to answer QUIT; the mail is delivered by then.
const QUIT_WAIT: Duration = Duration::from_secs(2);

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
    /// It is told to the host that the mail must travel encrypted from there on too, where the host understands that
    /// (RFC 8689). That it travels so to the host is the route's.
    pub requires_tls: bool,
}

/// How long to wait for what.
#[derive(Debug, Clone, Copy)]
pub struct ClientWaits {
    /// For a connection. Default 30 seconds.
    pub connect: Duration,
    /// For the answer to a command (RFC 5321 section 4.5.3.2.1 and following). Default 5 minutes.
    pub reply: Duration,
    /// For the answer to the end of the message (section 4.5.3.2.6: a host that is cut off here may have taken
    /// the mail). Default 10 minutes.
    pub end_of_message: Duration,
    /// For all of it. Default 20 minutes.
    pub whole: Duration,
}

impl Default for ClientWaits {
    fn default() -> Self {
        Self {
            connect: Duration::from_secs(30),
            reply: Duration::from_mins(5),
            end_of_message: Duration::from_mins(10),
            whole: Duration::from_mins(20),
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
        if sent.requires_tls && self.offers_requiretls(route).await? {
            parameters.push(MailParameter::Other { keyword: "REQUIRETLS".to_owned(), value: None });
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
        completed(&within(route.waits.end_of_message, self.connection.message(body)).await?)
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
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};
    use std::sync::Mutex;

    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, TcpStream};
    use tokio::task::JoinHandle;

    use super::super::limits::ListenerLimits;
    use super::super::listener::ListenerTls;
    use super::super::testing::{Keeper, certificate, start};
    use super::*;

    const MESSAGE: &[u8] = b"Subject: x\r\n\r\nBonjour\r\n";

    fn route(to: SocketAddr, tls: TlsRequirement) -> Route {
        Route {
            host: to.ip().to_string(),
            port: to.port(),
            tls,
            server_name: ServerName::try_from("mx.carsat.example").unwrap(),
            addresses: Vec::new(),
            names: vec![ServerName::try_from("mx.carsat.example").unwrap()],
            clear_after_broken_starttls: false,
            helo: Domain::parse("pli.carsat.example").unwrap(),
            // Long enough for any machine; a defect shows before the default would let it.
            waits: ClientWaits { whole: Duration::from_secs(30), ..ClientWaits::default() },
        }
    }

    fn address(text: &str) -> MailAddress {
        MailAddress::parse(text).unwrap()
    }

    fn no_roots() -> ClientTls {
        ClientTls::new(rustls::RootCertStore::empty()).unwrap()
    }

    async fn send(route: &Route, message: &[u8]) -> DeliveryOutcome {
        let (from, to) = (address("retour@pli.example"), address("depot@carsat.example"));
        let sent = SentMail { from: Some(&from), to: &to, message, requires_tls: false };
        Connections::new(no_roots()).deliver(std::slice::from_ref(route), sent).await
    }

    /// A host that answers by rote and keeps every byte that it is told.
    #[derive(Clone)]
    struct FakeHost {
        greeting: &'static [u8],
        ehlo: &'static [u8],
        starttls: &'static [u8],
        reset: &'static [u8],
        mail: &'static [u8],
        rcpt: &'static [u8],
        data: &'static [u8],
        end: &'static [u8],
    }

    const WILLING: FakeHost = FakeHost {
        greeting: b"220 fake.example\r\n",
        ehlo: b"250-fake.example\r\n250-SIZE 1000000\r\n250 8BITMIME\r\n",
        starttls: b"502 no\r\n",
        reset: b"250 ok\r\n",
        mail: b"250 ok\r\n",
        rcpt: b"250 ok\r\n",
        data: b"354 go\r\n",
        end: b"250 2.0.0 taken\r\n",
    };

    impl FakeHost {
        /// Serves one connection; gives the bytes heard.
        async fn start(self) -> (SocketAddr, JoinHandle<Vec<u8>>) {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let address = listener.local_addr().unwrap();
            let heard = tokio::spawn(async move {
                let (stream, _) = listener.accept().await.unwrap();
                self.converse(stream).await
            });
            (address, heard)
        }

        /// Serves connections one after the other; gives the bytes heard so far.
        async fn start_twice(self) -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let (address, heard) = (listener.local_addr().unwrap(), Arc::new(Mutex::default()));
            let keeps = Arc::clone(&heard);
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    let more = self.clone().converse(stream).await;
                    Vec::extend(&mut *keeps.lock().unwrap(), more);
                }
            });
            (address, heard)
        }

        async fn converse(self, mut stream: TcpStream) -> Vec<u8> {
            let (mut heard, mut line_start, mut in_data) = (Vec::new(), 0, false);
            let _ = stream.write_all(self.greeting).await;
            let mut byte = [0];
            while stream.read(&mut byte).await.unwrap_or(0) == 1 {
                heard.push(byte[0]);
                let said = &heard[line_start..];
                if !said.ends_with(b"\r\n") || in_data && !heard.ends_with(b"\r\n.\r\n") {
                    continue;
                }
                let answer = match () {
                    () if in_data => self.end,
                    () if said.starts_with(b"EHLO") => self.ehlo,
                    () if said.starts_with(b"STARTTLS") => self.starttls,
                    () if said.starts_with(b"RSET") => self.reset,
                    () if said.starts_with(b"MAIL") => self.mail,
                    () if said.starts_with(b"RCPT") => self.rcpt,
                    () if said.starts_with(b"DATA") => self.data,
                    () => b"221 bye\r\n",
                };
                in_data = !in_data && answer.starts_with(b"354");
                line_start = heard.len();
                let _ = stream.write_all(answer).await;
            }
            heard
        }
    }

    /// The outcome with this host, and what it heard.
    async fn try_host(host: FakeHost, tls: TlsRequirement) -> (DeliveryOutcome, String) {
        let (at, heard) = host.start().await;
        let outcome = send(&route(at, tls), MESSAGE).await;
        (outcome, String::from_utf8_lossy(&heard.await.unwrap()).into_owned())
    }

    #[tokio::test]
    async fn what_arrives_is_byte_for_byte_what_was_sent() {
        for (message, on_the_wire) in [
            ("a\r\n", "a\r\n.\r\n"),
            ("\r\n", "\r\n.\r\n"),
            ("a\r\n\r\n", "a\r\n\r\n.\r\n"),
            (".\r\n", "..\r\n.\r\n"),
            ("a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"),
            ("..a\r\n.b.\r\n", "...a\r\n..b.\r\n.\r\n"),
            ("x: é\r\n", "x: é\r\n.\r\n"),
        ] {
            let (at, heard) = WILLING.start().await;
            let outcome = send(&route(at, TlsRequirement::None), message.as_bytes()).await;
            assert_eq!(outcome, DeliveryOutcome::Accepted { tls: None, code: 250 });
            let heard = String::from_utf8(heard.await.unwrap()).unwrap();
            let (_, after_data) = heard.split_once("DATA\r\n").unwrap();
            assert_eq!(after_data, on_the_wire, "{message:?}");
        }
    }

    /// RUSTSEC-2026-0561: lettre sends these as they are, and a lax host takes what follows for commands.
    #[tokio::test]
    async fn a_body_cannot_bring_commands_of_its_own() {
        let (at, heard) = WILLING.start().await;
        let route = route(at, TlsRequirement::None);
        for ending in ["\n.\n", "\n.\r\n", "\r.\r", "\r.\r\n", "\r\n.\n", "\r\n.\r", "\r\n\0.\r\n", "\n"] {
            let body = format!("Bonjour{ending}MAIL FROM:<evil@b.example>\r\n");
            let outcome = send(&route, body.as_bytes()).await;
            assert_eq!(outcome, DeliveryOutcome::Unsendable(Unsendable::LineEnding), "{ending:?}");
        }
        assert_eq!(send(&route, b"no end").await, DeliveryOutcome::Unsendable(Unsendable::LineEnding));
        // The host serves one connection only: this one.
        assert_eq!(send(&route, MESSAGE).await, DeliveryOutcome::Accepted { tls: None, code: 250 });
        assert!(!String::from_utf8(heard.await.unwrap()).unwrap().contains("evil"));
    }

    #[tokio::test]
    async fn our_own_server_takes_a_mail_over_tls_from_a_client_that_requires_it() {
        let (keeper, certificate) = (Keeper::open(), certificate());
        let tls = ListenerTls::StartTls(certificate.server);
        let server = start(keeper.clone(), tls, ListenerLimits::default()).await;
        let roots = ClientTls::new(certificate.roots).unwrap();
        let to = address("depot@carsat.example");
        let route = route(server.address, TlsRequirement::Required);
        let message = b".Objet: \xc3\xa9t\xc3\xa9\r\n.\r\n";
        let sent = SentMail { from: None, to: &to, message, requires_tls: false };
        match Connections::new(roots).deliver(&[route], sent).await {
            DeliveryOutcome::Accepted { tls: Some(tls), code: 250 } => {
                assert!(tls.starts_with("TLSv1.3 "), "{tls}");
            }
            other => panic!("{other:?}"),
        }
        let kept = keeper.kept.lock().unwrap();
        assert_eq!(kept[0].bytes.expose(), ".Objet: été\r\n.\r\n".as_bytes());
        assert_eq!((kept[0].from.as_ref(), kept[0].helo.as_str()), (None, "pli.carsat.example"));
        assert!(kept[0].tls.is_some());
    }

    #[tokio::test]
    async fn a_host_that_does_not_prove_its_name_gets_only_opportunistic_mail() {
        let (keeper, certificate) = (Keeper::open(), certificate());
        let tls = ListenerTls::StartTls(certificate.server);
        let server = start(keeper.clone(), tls, ListenerLimits::default()).await;
        let required = send(&route(server.address, TlsRequirement::Required), MESSAGE).await;
        assert_eq!(required, delayed(DelayReason::TlsFailed));
        assert!(keeper.kept.lock().unwrap().is_empty());
        let opportunistic = send(&route(server.address, TlsRequirement::Opportunistic), MESSAGE).await;
        assert!(matches!(opportunistic, DeliveryOutcome::Accepted { tls: Some(_), .. }), "{opportunistic:?}");
    }

    #[tokio::test]
    async fn tls_required_never_goes_in_clear() {
        for starttls in [&b"502 no\r\n"[..], b"454 4.7.0 not now\r\n"] {
            for ehlo in [WILLING.ehlo, b"250-fake.example\r\n250 STARTTLS\r\n"] {
                let host = FakeHost { ehlo, starttls, ..WILLING };
                let (outcome, heard) = try_host(host, TlsRequirement::Required).await;
                let reason_is_tls =
                    matches!(outcome, DeliveryOutcome::Delayed { reason: DelayReason::TlsNotOffered, .. });
                assert!(reason_is_tls, "{outcome:?}");
                assert!(!heard.contains("MAIL") && !heard.contains("Bonjour"), "{heard}");
            }
        }
    }

    #[tokio::test]
    async fn opportunistic_goes_in_clear_to_a_host_without_tls_and_says_so() {
        let (outcome, _) = try_host(WILLING, TlsRequirement::Opportunistic).await;
        assert_eq!(outcome, DeliveryOutcome::Accepted { tls: None, code: 250 });
    }

    fn says(heard: &Mutex<Vec<u8>>, text: &str) -> bool {
        String::from_utf8_lossy(&heard.lock().unwrap()).contains(text)
    }

    /// Says that it does TLS, and does not.
    const BROKEN: FakeHost = FakeHost { ehlo: b"250-fake.example\r\n250 STARTTLS\r\n", ..WILLING };

    #[tokio::test]
    async fn a_broken_starttls_delays_the_mail() {
        for starttls in [&b"454 4.7.0 not now\r\n"[..], b"220 go\r\nno TLS at all\r\n", b"220 go\r\n"] {
            let host = FakeHost { starttls, ..BROKEN };
            let (outcome, heard) = try_host(host, TlsRequirement::Opportunistic).await;
            assert!(matches!(outcome, DeliveryOutcome::Delayed { .. }), "{outcome:?}");
            assert!(!heard.contains("MAIL"), "{heard}");
        }
    }

    #[tokio::test]
    async fn a_broken_starttls_lets_the_mail_go_in_clear_where_that_is_told_and_tls_is_not_required() {
        let dane = TlsRequirement::Dane(Arc::new([]));
        for (tls, goes) in
            [(TlsRequirement::Opportunistic, true), (TlsRequirement::Required, false), (dane, false)]
        {
            let host = FakeHost { starttls: b"454 4.7.0 not now\r\n", ..BROKEN };
            let (at, heard) = host.start_twice().await;
            let mut route = route(at, tls);
            route.clear_after_broken_starttls = true;
            let accepted = DeliveryOutcome::Accepted { tls: None, code: 250 };
            assert_eq!(send(&route, MESSAGE).await == accepted, goes);
            // The host tells what it heard once a connection is over.
            while goes && !says(&heard, "Bonjour") {
                tokio::task::yield_now().await;
            }
            assert!(goes || !says(&heard, "Bonjour"));
        }
    }

    #[tokio::test]
    async fn bytes_injected_behind_the_go_ahead_for_tls_end_the_delivery() {
        let host = FakeHost {
            ehlo: b"250-fake.example\r\n250 STARTTLS\r\n",
            starttls: b"220 go\r\n250-fake.example\r\n250 AUTH PLAIN\r\n",
            ..WILLING
        };
        for tls in [TlsRequirement::Required, TlsRequirement::Opportunistic] {
            let (outcome, heard) = try_host(host.clone(), tls).await;
            assert_eq!(outcome, delayed(DelayReason::TlsInjected));
            assert!(heard.ends_with("STARTTLS\r\n"), "{heard:?}");
        }
    }

    #[tokio::test]
    async fn what_a_host_says_decides_who_must_act() {
        let refused = |code, enhanced| DeliveryOutcome::Refused(HostReply { code, enhanced });
        let delayed = |reason, code, enhanced| DeliveryOutcome::Delayed {
            reason,
            reply: Some(HostReply { code, enhanced }),
        };
        let cases = [
            (
                FakeHost { rcpt: b"550 5.1.1 unknown\r\n", ..WILLING },
                refused(550, Some(EnhancedCode(5, 1, 1))),
            ),
            (
                FakeHost { rcpt: b"550-5.2.1 a\r\n550 5.2.1 b\r\n", ..WILLING },
                refused(550, Some(EnhancedCode(5, 2, 1))),
            ),
            (FakeHost { end: b"554 r\xe9fus\xe9\r\n", ..WILLING }, refused(554, None)),
            (
                FakeHost { rcpt: b"450 4.2.0 greylisted\r\n", ..WILLING },
                delayed(DelayReason::ToldLater, 450, Some(EnhancedCode(4, 2, 0))),
            ),
            (
                FakeHost { mail: b"421 4.3.2 stopping\r\n", ..WILLING },
                delayed(DelayReason::ToldLater, 421, Some(EnhancedCode(4, 3, 2))),
            ),
            (FakeHost { end: b"452 full\r\n", ..WILLING }, delayed(DelayReason::ToldLater, 452, None)),
            (
                FakeHost { greeting: b"554 5.7.1 go away\r\n", ..WILLING },
                delayed(DelayReason::NotWelcome, 554, Some(EnhancedCode(5, 7, 1))),
            ),
            (FakeHost { ehlo: b"502 what?\r\n", ..WILLING }, delayed(DelayReason::NotWelcome, 502, None)),
        ];
        for (host, expected) in cases {
            let (outcome, _) = try_host(host, TlsRequirement::None).await;
            assert_eq!(outcome, expected);
        }
    }

    #[tokio::test]
    async fn a_host_that_talks_nonsense_delays_the_mail_and_costs_no_memory() {
        const ENDLESS: &[u8] = &[b'2'; 512 * 1024];
        for host in [
            FakeHost { greeting: ENDLESS, ..WILLING },
            FakeHost { greeting: b"HTTP/1.1 400 Bad Request\r\n", ..WILLING },
            FakeHost { rcpt: ENDLESS, ..WILLING },
            FakeHost { data: b"250 ok\r\n", ..WILLING },
            FakeHost { end: b"354 more?\r\n", ..WILLING },
        ] {
            let (outcome, heard) = try_host(host, TlsRequirement::None).await;
            let nonsense = [delayed(DelayReason::Protocol), delayed(DelayReason::Lost)];
            assert!(nonsense.contains(&outcome), "{outcome:?} after {heard:?}");
        }
    }

    #[tokio::test]
    async fn a_host_that_says_nothing_is_given_up_in_time() {
        let (at, _heard) = FakeHost { rcpt: b"", ..WILLING }.start().await;
        let mut route = route(at, TlsRequirement::None);
        route.waits.reply = Duration::from_millis(20);
        assert_eq!(send(&route, MESSAGE).await, delayed(DelayReason::TimedOut));
        let (at, _heard) = FakeHost { greeting: b"", ..WILLING }.start().await;
        route.port = at.port();
        route.waits = ClientWaits { whole: Duration::from_millis(20), ..ClientWaits::default() };
        assert_eq!(send(&route, MESSAGE).await, delayed(DelayReason::TimedOut));
    }

    #[tokio::test]
    async fn nobody_at_home_delays_the_mail() {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let at = listener.local_addr().unwrap();
        drop(listener);
        let outcome = send(&route(at, TlsRequirement::None), MESSAGE).await;
        assert_eq!(outcome, delayed(DelayReason::Unreachable));
    }

    #[tokio::test]
    async fn what_a_host_cannot_take_is_not_forced_on_it() {
        let plain = FakeHost { ehlo: b"250 fake.example\r\n", ..WILLING };
        let (at, heard) = plain.clone().start().await;
        let outcome = send(&route(at, TlsRequirement::None), "x: é\r\n".as_bytes()).await;
        assert_eq!(outcome, DeliveryOutcome::Unsendable(Unsendable::NeedsEightBitMime));
        assert!(!String::from_utf8(heard.await.unwrap()).unwrap().contains("MAIL"));
        let (at, _heard) = plain.start().await;
        let to = address("dépôt@carsat.example");
        let sent = SentMail { from: None, to: &to, message: MESSAGE, requires_tls: false };
        let outcome = Connections::new(no_roots()).deliver(&[route(at, TlsRequirement::None)], sent).await;
        assert_eq!(outcome, DeliveryOutcome::Unsendable(Unsendable::NeedsSmtpUtf8));
    }

    #[tokio::test]
    async fn one_connection_carries_several_mails_each_after_a_reset() {
        let (at, heard) = WILLING.start().await;
        let (connections, routes) = (Connections::new(no_roots()), [route(at, TlsRequirement::None)]);
        let to = address("depot@carsat.example");
        // The host serves one connection only.
        for _ in 0..3 {
            let sent = SentMail { from: None, to: &to, message: MESSAGE, requires_tls: false };
            let accepted = DeliveryOutcome::Accepted { tls: None, code: 250 };
            assert_eq!(connections.deliver(&routes, sent).await, accepted);
        }
        drop(connections);
        let heard = String::from_utf8(heard.await.unwrap()).unwrap();
        assert_eq!(heard.matches("Bonjour").count(), 3);
        assert_eq!(heard.matches("RSET\r\nMAIL").count(), 2, "{heard}");
        assert_eq!(heard.matches("EHLO").count(), 2, "ours and lettre's, once");
    }

    #[tokio::test]
    async fn the_next_host_is_tried_when_one_does_not_greet_and_not_when_it_refuses() {
        let dead = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let nobody = route(dead.local_addr().unwrap(), TlsRequirement::None);
        drop(dead);
        let refuses = FakeHost { rcpt: b"550 5.1.1 unknown\r\n", ..WILLING };
        let turns_away = FakeHost { greeting: b"554 go away\r\n", ..WILLING };
        for (second, accepted) in [(WILLING, true), (refuses, false)] {
            let (at, _heard) = turns_away.clone().start().await;
            let away = route(at, TlsRequirement::None);
            let (at, _heard) = second.start().await;
            let (next, _heard) = WILLING.start().await;
            let hosts =
                [nobody.clone(), away, route(at, TlsRequirement::None), route(next, TlsRequirement::None)];
            let to = address("depot@carsat.example");
            let sent = SentMail { from: None, to: &to, message: MESSAGE, requires_tls: false };
            let outcome = Connections::new(no_roots()).deliver(&hosts, sent).await;
            assert_eq!(matches!(outcome, DeliveryOutcome::Accepted { .. }), accepted, "{outcome:?}");
        }
    }

    #[tokio::test]
    async fn a_connection_that_was_closed_meanwhile_is_opened_anew() {
        let host = FakeHost { reset: b"421 4.4.2 idle\r\n", ..WILLING };
        let (at, heard) = host.start_twice().await;
        let (connections, routes) = (Connections::new(no_roots()), [route(at, TlsRequirement::None)]);
        let to = address("depot@carsat.example");
        for _ in 0..2 {
            let sent = SentMail { from: None, to: &to, message: MESSAGE, requires_tls: false };
            let accepted = DeliveryOutcome::Accepted { tls: None, code: 250 };
            assert_eq!(connections.deliver(&routes, sent).await, accepted);
        }
        while !says(&heard, "RSET\r\n") {
            tokio::task::yield_now().await;
        }
    }

    #[tokio::test]
    async fn what_is_refused_leaves_the_connection_to_the_next_mail() {
        let host = FakeHost { rcpt: b"550 5.1.1 unknown\r\n", ..WILLING };
        let (at, heard) = host.start().await;
        let (connections, routes) = (Connections::new(no_roots()), [route(at, TlsRequirement::None)]);
        let to = address("depot@carsat.example");
        for _ in 0..2 {
            let sent = SentMail { from: None, to: &to, message: MESSAGE, requires_tls: false };
            assert!(matches!(connections.deliver(&routes, sent).await, DeliveryOutcome::Refused(_)));
        }
        drop(connections);
        assert_eq!(String::from_utf8(heard.await.unwrap()).unwrap().matches("RSET\r\nMAIL").count(), 1);
    }

    #[test]
    fn enhanced_codes_are_read_and_nothing_else_is() {
        assert_eq!(EnhancedCode::leading("5.7.26 DMARC"), Some(EnhancedCode(5, 7, 26)));
        for text in ["", "no", "9.1.1 x", "5.1 x", "192.0.2.1 blocked", "5.1.1.1 x", "5.9999.1"] {
            assert_eq!(EnhancedCode::leading(text), None, "{text:?}");
        }
    }
}
