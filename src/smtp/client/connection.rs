//! Opens a connection to a host: greeting, EHLO and STARTTLS (RFC 3207), then hands lettre a stream that
//! looks freshly greeted.
//!
//! lettre reads lines and replies without a bound in total; the stream bounds what a host may say.

use std::io;
use std::net::SocketAddr;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll, ready};

use lettre::transport::smtp::client::AsyncTokioStream;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::{ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};
use smtp_proto::response::parser::ResponseReceiver;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt, ReadBuf};
use tokio::net::TcpStream;
use tokio::time::timeout;
use tokio_rustls::TlsConnector;

use super::super::tls;
use super::{DelayReason, DeliveryOutcome, EnhancedCode, HostReply, Route, TlsRequirement, delayed};

/// Bytes that a host may say in one delivery.
const HOST_BYTES_MAX: usize = 256 * 1024;
/// Bytes read at once before TLS.
const READ_BYTES: usize = 4096;
/// What lettre hears first: the true greeting was read before.
const GREETING: &[u8] = b"220 ready\r\n";

/// The two ways of TLS to a host.
#[derive(Clone)]
pub struct ClientTls {
    authenticated: Arc<ClientConfig>,
    opportunistic: Arc<ClientConfig>,
}

impl ClientTls {
    /// TLS 1.2 and 1.3. Where TLS is required a host must prove its name to one of these roots.
    pub fn new(roots: RootCertStore) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let authenticated = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let opportunistic = ClientConfig::builder_with_provider(provider.clone())
            .with_safe_default_protocol_versions()?
            .dangerous()
            .with_custom_certificate_verifier(Arc::new(AnyCertificate(provider)))
            .with_no_client_auth();
        Ok(Self { authenticated: Arc::new(authenticated), opportunistic: Arc::new(opportunistic) })
    }
}

/// A connection that is ready for lettre.
pub(super) struct Opened {
    pub(super) stream: Box<dyn AsyncTokioStream>,
    /// Protocol version and cipher suite. lettre does not know of it.
    pub(super) tls: Option<String>,
}

/// Connects, and turns TLS on as the route says.
pub(super) async fn open(route: &Route, tls: &ClientTls) -> Result<Opened, DeliveryOutcome> {
    let connecting = timeout(route.waits.connect, TcpStream::connect((route.host.as_str(), route.port)));
    let Ok(Ok(stream)) = connecting.await else { return Err(delayed(DelayReason::Unreachable)) };
    let peer = stream.peer_addr().map_err(|_| delayed(DelayReason::Unreachable))?;
    // Without it, a small body may wait for the acknowledgement of the command before.
    let _ = stream.set_nodelay(true);
    let greeting = timeout(route.waits.reply, Greeting { stream, replies: Vec::new() }.exchange(route));
    let (stream, upgrade) = greeting.await.map_err(|_| delayed(DelayReason::TimedOut))??;
    if !upgrade {
        return Ok(Opened { stream: Box::new(Greeted::new(stream, peer)), tls: None });
    }
    let config = match route.tls {
        TlsRequirement::Required => tls.authenticated.clone(),
        TlsRequirement::None | TlsRequirement::Opportunistic => tls.opportunistic.clone(),
    };
    let connecting = TlsConnector::from(config).connect(route.server_name.clone(), stream);
    let handshake = timeout(route.waits.reply, connecting).await;
    let stream = handshake
        .map_err(|_| delayed(DelayReason::TimedOut))?
        .map_err(|_| delayed(DelayReason::TlsFailed))?;
    let protocol = tls::describe(stream.get_ref().1).protocol;
    Ok(Opened { stream: Box::new(Greeted::new(stream, peer)), tls: Some(protocol) })
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
    async fn exchange(mut self, route: &Route) -> Result<(TcpStream, bool), DeliveryOutcome> {
        self.expect(220).await?;
        self.say(&format!("EHLO {}\r\n", route.helo)).await?;
        let offers = self.expect(250).await?;
        let offered = offers.text.lines().skip(1).any(|line| line.trim().eq_ignore_ascii_case("STARTTLS"));
        let upgrade = match (route.tls, offered) {
            (TlsRequirement::Required, false) => return Err(delayed(DelayReason::TlsNotOffered)),
            (TlsRequirement::None, _) | (TlsRequirement::Opportunistic, false) => false,
            (TlsRequirement::Required | TlsRequirement::Opportunistic, true) => {
                self.ask_for_tls(route).await?
            }
        };
        if self.replies.is_empty() {
            return Ok((self.stream, upgrade));
        }
        Err(delayed(if upgrade { DelayReason::TlsInjected } else { DelayReason::Protocol }))
    }

    async fn ask_for_tls(&mut self, route: &Route) -> Result<bool, DeliveryOutcome> {
        self.say("STARTTLS\r\n").await?;
        let answer = self.hear().await?;
        match (answer.code, route.tls) {
            (220, _) => Ok(true),
            // RFC 3207 section 4: the client decides whether it goes on in clear.
            (_, TlsRequirement::Opportunistic | TlsRequirement::None) => Ok(false),
            (_, TlsRequirement::Required) => Err(DeliveryOutcome::Delayed {
                reason: DelayReason::TlsNotOffered,
                reply: Some(answer.as_host_reply()),
            }),
        }
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

/// Takes any certificate: opportunistic TLS keeps listeners out, not impostors (RFC 7435 section 1.2).
/// Signatures are still checked.
#[derive(Debug)]
struct AnyCertificate(Arc<CryptoProvider>);

impl ServerCertVerifier for AnyCertificate {
    fn verify_server_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        Ok(ServerCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.0.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.0.signature_verification_algorithms.supported_schemes()
    }
}
