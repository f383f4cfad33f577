//! Opens a connection to a host: greeting, EHLO and STARTTLS (RFC 3207), then hands lettre a stream that
//! looks freshly greeted.
//!
//! lettre reads lines and replies without a bound in total; the stream bounds what a host may say.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use smtp_proto::response::parser::ResponseReceiver;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::super::tls;
use super::{
    ClientTls, DelayReason, DeliveryOutcome, EnhancedCode, HostReply, Route, TlsRequirement, delayed,
};

/// Bytes that a host may say on one connection.
const HOST_BYTES_MAX: usize = 256 * 1024;
/// Bytes read at once before TLS.
const READ_BYTES: usize = 4096;
/// What lettre hears first: the true greeting was read before.
const GREETING: &[u8] = b"220 ready\r\n";

/// A connection that is ready for lettre.
pub(super) struct Opened {
    pub(super) stream: Box<dyn AsyncTokioStream>,
    /// Protocol version and cipher suite. lettre does not know of it.
    pub(super) tls: Option<String>,
}

/// Connects, and turns TLS on as the route says. A host whose STARTTLS is broken gets the mail in clear only where the route
/// says so in words, and never where TLS is required.
pub(super) async fn open(route: &Route, tls: &ClientTls) -> Result<Opened, DeliveryOutcome> {
    match open_as(route, &route.tls, tls).await {
        Err(DeliveryOutcome::Delayed {
            reason: DelayReason::TlsFailed | DelayReason::TlsRefused, ..
        }) if route.clear_after_broken_starttls && route.tls == TlsRequirement::Opportunistic => {
            open_as(route, &TlsRequirement::None, tls).await
        }
        outcome => outcome,
    }
}

async fn open_as(
    route: &Route,
    requirement: &TlsRequirement,
    tls: &ClientTls,
) -> Result<Opened, DeliveryOutcome> {
    let stream = connect(route).await?;
    let peer = stream.peer_addr().map_err(|_| delayed(DelayReason::Unreachable))?;
    // Without it, a small body may wait for the acknowledgement of the command before.
    let _ = stream.set_nodelay(true);
    let greeting = Greeting { stream, replies: Vec::new() }.exchange(route, requirement);
    let greeting = timeout(route.waits.reply, greeting).await;
    let (stream, upgrade) = greeting.map_err(|_| delayed(DelayReason::TimedOut))??;
    if !upgrade {
        return Ok(Opened { stream: Box::new(Greeted::new(stream, peer)), tls: None });
    }
    let config = tls.config(route).map_err(|_| delayed(DelayReason::TlsFailed))?;
    let connecting = TlsConnector::from(config).connect(route.server_name.clone(), stream);
    let handshake = timeout(route.waits.reply, connecting).await;
    let stream = handshake
        .map_err(|_| delayed(DelayReason::TimedOut))?
        .map_err(|_| delayed(DelayReason::TlsFailed))?;
    let protocol = tls::describe(stream.get_ref().1).protocol;
    Ok(Opened { stream: Box::new(Greeted::new(stream, peer)), tls: Some(protocol) })
}

/// To the first address that answers, or to what the system knows of the host's name.
async fn connect(route: &Route) -> Result<TcpStream, DeliveryOutcome> {
    if route.addresses.is_empty() {
        let connecting = TcpStream::connect((route.host.as_str(), route.port));
        if let Ok(Ok(stream)) = timeout(route.waits.connect, connecting).await {
            return Ok(stream);
        }
    }
    for address in &route.addresses {
        let connecting = TcpStream::connect((*address, route.port));
        if let Ok(Ok(stream)) = timeout(route.waits.connect, connecting).await {
            return Ok(stream);
        }
    }
    Err(delayed(DelayReason::Unreachable))
}

/// The exchange in clear before TLS.
struct Greeting {
    stream: TcpStream,
    /// Bytes read and not yet understood.
    replies: Vec<u8>,
}

/// A reply of the host.
struct HeardReply {
    code: u16,
    text: String,
}

impl Greeting {
    /// The stream, and whether TLS comes next. Nothing that the host said in clear is left unread.
    async fn exchange(
        mut self,
        route: &Route,
        requirement: &TlsRequirement,
    ) -> Result<(TcpStream, bool), DeliveryOutcome> {
        self.expect(220).await?;
        self.say(&format!("EHLO {}\r\n", route.helo)).await?;
        let offers = self.expect(250).await?;
        let offered = offers.text.lines().skip(1).any(|line| line.trim().eq_ignore_ascii_case("STARTTLS"));
        let upgrade = match (requirement, offered) {
            (TlsRequirement::None, _) | (TlsRequirement::Opportunistic, false) => false,
            (_, false) => return Err(delayed(DelayReason::TlsNotOffered)),
            (_, true) => {
                self.ask_for_tls(requirement).await?;
                true
            }
        };
        if self.replies.is_empty() {
            return Ok((self.stream, upgrade));
        }
        Err(delayed(if upgrade { DelayReason::TlsInjected } else { DelayReason::Protocol }))
    }

    /// A host that offers STARTTLS and refuses it is broken, or somebody is on the line: RFC 3207 section 4 leaves to the
    /// client whether it goes on in clear, and it does not by itself.
    async fn ask_for_tls(&mut self, requirement: &TlsRequirement) -> Result<(), DeliveryOutcome> {
        self.say("STARTTLS\r\n").await?;
        let answer = self.hear().await?;
        if answer.code == 220 {
            return Ok(());
        }
        let reason = match requirement {
            TlsRequirement::None | TlsRequirement::Opportunistic => DelayReason::TlsRefused,
            TlsRequirement::Encrypted | TlsRequirement::Required | TlsRequirement::Dane(_) => {
                DelayReason::TlsNotOffered
            }
        };
        Err(DeliveryOutcome::Delayed { reason, reply: Some(answer.as_host_reply()) })
    }

    async fn say(&mut self, line: &str) -> Result<(), DeliveryOutcome> {
        self.stream.write_all(line.as_bytes()).await.map_err(|_| delayed(DelayReason::Lost))
    }

    async fn expect(&mut self, code: u16) -> Result<HeardReply, DeliveryOutcome> {
        let reply = self.hear().await?;
        if reply.code == code {
            return Ok(reply);
        }
        let reply = reply.as_host_reply();
        Err(DeliveryOutcome::Delayed { reason: DelayReason::NotWelcome, reply: Some(reply) })
    }

    /// Reads one reply; smtp-proto bounds its size.
    async fn hear(&mut self) -> Result<HeardReply, DeliveryOutcome> {
        let mut receiver = ResponseReceiver::default();
        loop {
            let mut bytes = self.replies.iter();
            let parsed = receiver.parse(&mut bytes);
            self.replies = bytes.as_slice().to_vec();
            match parsed {
                Ok(reply) => {
                    let [class, subject, detail] = reply.esc;
                    let enhanced =
                        if class == 0 { String::new() } else { format!("{class}.{subject}.{detail} ") };
                    return Ok(HeardReply { code: reply.code, text: enhanced + &reply.message });
                }
                Err(smtp_proto::Error::NeedsMoreData { .. }) => self.read_more().await?,
                Err(_) => return Err(delayed(DelayReason::Protocol)),
            }
        }
    }

    async fn read_more(&mut self) -> Result<(), DeliveryOutcome> {
        let mut buffer = [0; READ_BYTES];
        match self.stream.read(&mut buffer).await {
            Ok(0) | Err(_) => Err(delayed(DelayReason::Lost)),
            Ok(read) => {
                self.replies.extend_from_slice(buffer.get(..read).unwrap_or_default());
                Ok(())
            }
        }
    }
}

impl HeardReply {
    fn as_host_reply(&self) -> HostReply {
        HostReply { code: self.code, enhanced: EnhancedCode::leading(&self.text) }
    }
}

/// A stream that says [`GREETING`], then what the host says: up to [`HOST_BYTES_MAX`] bytes, and with a
/// question mark for what is not ASCII, since lettre gives up on replies in Latin-1.
#[derive(Debug)]
struct Greeted<S> {
    stream: S,
    greeting: &'static [u8],
    bytes_left: usize,
    peer: SocketAddr,
}

impl<S> Greeted<S> {
    const fn new(stream: S, peer: SocketAddr) -> Self {
        Self { stream, greeting: GREETING, bytes_left: HOST_BYTES_MAX, peer }
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Greeted<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        if !self.greeting.is_empty() {
            let (now, later) = self.greeting.split_at(self.greeting.len().min(buffer.remaining()));
            buffer.put_slice(now);
            self.greeting = later;
            return Poll::Ready(Ok(()));
        }
        let before = buffer.filled().len();
        ready!(Pin::new(&mut self.stream).poll_read(context, buffer))?;
        let said = buffer.filled_mut().get_mut(before..).unwrap_or_default();
        let Some(bytes_left) = self.bytes_left.checked_sub(said.len()) else {
            return Poll::Ready(Err(io::ErrorKind::InvalidData.into()));
        };
        for byte in said.iter_mut().filter(|byte| !byte.is_ascii()) {
            *byte = b'?';
        }
        self.bytes_left = bytes_left;
        Poll::Ready(Ok(()))
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Greeted<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.stream).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.stream).poll_shutdown(context)
    }
}

impl<S: AsyncRead + AsyncWrite + Send + Sync + Unpin + std::fmt::Debug> AsyncTokioStream for Greeted<S> {
    fn peer_addr(&self) -> io::Result<SocketAddr> {
        Ok(self.peer)
    }
}
