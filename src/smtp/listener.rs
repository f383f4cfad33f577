//! The SMTP server on its socket: accepts connections, does what each [`Session`] says, keeps to the limits of
//! all sessions together, and stops without losing a transaction.
//!
//! Knows nothing of commands; the wire protocol is in `session.rs`.

use std::collections::HashMap;
use std::net::{IpAddr, Ipv6Addr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::task::{JoinError, JoinSet};
use tokio::time::{Instant, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tracing::{Instrument, debug, info, info_span, warn};
use zeroize::Zeroizing;

use super::limits::{ListenerLimits, PEER_MEMORY_QUARTERS};
use super::mail::{MailHandler, PeerTls};
use super::reply::Reply;
use super::session::{Session, SessionConfig, Step};
use super::submission::SubmissionHandler;
use super::tls;
use crate::value::Domain;

/// Bytes read from a socket at once.
const READ_BYTES: usize = 32 * 1024;
/// The unit in which memory for messages is counted.
const MEMORY_UNIT_BYTES: u64 = 1024;
/// After an accept that failed for want of descriptors: time for some to come free.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);
/// How long, and for how many bytes, a peer is listened to after the last reply, so that its own unread bytes
/// do not make the kernel throw that reply away.
const LINGER: Duration = Duration::from_secs(2);
const LINGER_BYTES: usize = 256 * 1024;
/// How long a peer that is not let in has to take its refusal.
const TURN_AWAY_WAIT: Duration = Duration::from_secs(1);

/// Where certificate and key come from. Swapped when they are renewed; sessions in progress keep theirs.
#[derive(Clone)]
pub enum ListenerTls {
    /// No TLS.
    Off,
    /// By STARTTLS (RFC 3207): ports 25 and 587.
    StartTls(Arc<ArcSwap<rustls::ServerConfig>>),
    /// From the first byte (RFC 8314 section 3.3): port 465.
    Implicit(Arc<ArcSwap<rustls::ServerConfig>>),
}

/// What a listener is.
#[derive(Clone)]
pub struct ListenerConfig {
    /// The server's name, in its greeting.
    pub hostname: Domain,
    /// TLS, and how it begins.
    pub tls: ListenerTls,
    /// Refuse mail in clear.
    pub requires_tls: bool,
    /// Offer REQUIRETLS (RFC 8689): what follows from a mail can leave so.
    pub offers_requiretls: bool,
    /// Limits and waits.
    pub limits: ListenerLimits,
}

/// Serves until `shutdown`; then idle sessions are told 421, transactions in progress are finished, at most
/// for the time of `limits.drain`, and it returns.
pub async fn serve(
    listener: TcpListener,
    config: ListenerConfig,
    handler: Arc<dyn MailHandler>,
    shutdown: CancellationToken,
) {
    open_door(listener, config, Door::Exchange(handler), shutdown).await;
}

/// As [`serve`], for the mail programs of people who sign in (RFC 6409). Mail in clear is refused, whatever the
/// configuration says.
pub async fn serve_submission(
    listener: TcpListener,
    config: ListenerConfig,
    handler: Arc<dyn SubmissionHandler>,
    shutdown: CancellationToken,
) {
    open_door(listener, config, Door::Submission(handler), shutdown).await;
}

async fn open_door(
    listener: TcpListener,
    config: ListenerConfig,
    handler: Door,
    shutdown: CancellationToken,
) {
    let house = Arc::new(House::new(config, handler, shutdown));
    let mut sessions = JoinSet::new();
    loop {
        tokio::select! {
            () = house.shutdown.cancelled() => break,
            Some(ended) = sessions.join_next() => note_end(ended),
            accepted = listener.accept() => match accepted {
                Ok((stream, peer)) => {
                    let span = info_span!("smtp.session", peer = %peer.ip());
                    sessions.spawn(welcome(house.clone(), stream, peer.ip()).instrument(span));
                }
                Err(error) => {
                    warn!(%error, "no connection accepted");
                    tokio::time::sleep(ACCEPT_PAUSE).await;
                }
            },
        }
    }
    drop(listener);
    let drained = timeout(house.config.limits.drain, async {
        while let Some(ended) = sessions.join_next().await {
            note_end(ended);
        }
    });
    if drained.await.is_err() {
        warn!(sessions = sessions.len(), "sessions cut off at the end");
    }
}

fn note_end(ended: Result<(), JoinError>) {
    if let Err(error) = ended
        && error.is_panic()
    {
        warn!("a session ended by a defect");
    }
}

/// Who treats what comes in.
enum Door {
    Exchange(Arc<dyn MailHandler>),
    Submission(Arc<dyn SubmissionHandler>),
}

/// What all sessions share.
struct House {
    config: ListenerConfig,
    handler: Door,
    shutdown: CancellationToken,
    connections: Arc<Semaphore>,
    peers: Arc<Peers>,
    /// Memory for messages, in units of [`MEMORY_UNIT_BYTES`].
    memory: Arc<Semaphore>,
}

impl House {
    fn new(config: ListenerConfig, handler: Door, shutdown: CancellationToken) -> Self {
        let limits = &config.limits;
        // One message of the largest size must always fit, or it would be put off for ever.
        let one_message = limits.session.message.bytes().div_ceil(MEMORY_UNIT_BYTES) + 1;
        let memory = limits.memory.bytes().div_ceil(MEMORY_UNIT_BYTES).max(one_message);
        let share = (memory / 4 * PEER_MEMORY_QUARTERS).max(one_message);
        let permits = |units| usize::try_from(units).unwrap_or(usize::MAX).min(Semaphore::MAX_PERMITS);
        let (memory, memory_per_peer) = (permits(memory), permits(share));
        Self {
            connections: Arc::new(Semaphore::new(limits.connections.min(Semaphore::MAX_PERMITS))),
            peers: Arc::new(Peers {
                limit: limits.connections_per_peer,
                memory_limit: memory_per_peer,
                open: Mutex::default(),
            }),
            memory: Arc::new(Semaphore::new(memory)),
            config,
            handler,
            shutdown,
        }
    }

    /// Memory for a message of this peer, in units of [`MEMORY_UNIT_BYTES`]; none when the house has no more, or the peer
    /// has its share.
    fn hold(&self, peer: IpAddr, units: usize) -> Option<Held> {
        let wanted = u32::try_from(units).ok()?;
        let permit = self.memory.clone().try_acquire_many_owned(wanted).ok()?;
        let share = self.peers.share(peer, units)?;
        Some(Held { permit, share })
    }
}

/// Connections and memory by peer.
struct Peers {
    limit: usize,
    /// What the messages of one peer may hold, in units of [`MEMORY_UNIT_BYTES`].
    memory_limit: usize,
    open: Mutex<HashMap<IpAddr, Used>>,
}

/// What a peer takes up.
#[derive(Default)]
struct Used {
    connections: usize,
    memory: usize,
}

/// The memory that a message holds, until it is dropped.
struct Held {
    permit: OwnedSemaphorePermit,
    share: Share,
}

/// What of its peer's share a message takes.
struct Share {
    peers: Arc<Peers>,
    network: IpAddr,
    units: usize,
}

impl Held {
    /// Adds more memory of the same peer.
    fn merge(&mut self, more: Self) {
        let Self { permit, mut share } = more;
        self.permit.merge(permit);
        self.share.units += std::mem::take(&mut share.units);
    }
}

impl Drop for Share {
    fn drop(&mut self) {
        self.peers.change(self.network, |used| used.memory -= self.units);
    }
}

/// A connection that is counted, until it is dropped.
struct Counted {
    peers: Arc<Peers>,
    network: IpAddr,
}

impl Peers {
    fn admit(self: &Arc<Self>, peer: IpAddr) -> Option<Counted> {
        let network = network_of(peer);
        let is_let_in = self.change(network, |used| {
            let fits = used.connections < self.limit;
            used.connections += usize::from(fits);
            fits
        });
        is_let_in.then(|| Counted { peers: self.clone(), network })
    }

    fn share(self: &Arc<Self>, peer: IpAddr, units: usize) -> Option<Share> {
        let network = network_of(peer);
        let fits = self.change(network, |used| {
            let fits = used.memory.saturating_add(units) <= self.memory_limit;
            used.memory += if fits { units } else { 0 };
            fits
        });
        fits.then(|| Share { peers: self.clone(), network, units })
    }

    /// Changes what a peer takes up; one that takes up nothing is forgotten.
    fn change<T>(&self, network: IpAddr, change: impl FnOnce(&mut Used) -> T) -> T {
        let mut open = self.open.lock().unwrap_or_else(PoisonError::into_inner);
        let used = open.entry(network).or_default();
        let outcome = change(used);
        if used.connections == 0 && used.memory == 0 {
            open.remove(&network);
        }
        outcome
    }
}

impl Drop for Counted {
    fn drop(&mut self) {
        self.peers.change(self.network, |used| used.connections -= 1);
    }
}

/// One customer has a whole IPv6 /64 to call from.
fn network_of(peer: IpAddr) -> IpAddr {
    match peer.to_canonical() {
        IpAddr::V6(address) => IpAddr::V6(Ipv6Addr::from_bits(address.to_bits() & !u128::from(u64::MAX))),
        address @ IpAddr::V4(_) => address,
    }
}

/// Lets a connection in, or tells it why not.
async fn welcome(house: Arc<House>, mut stream: TcpStream, peer: IpAddr) {
    let peer = peer.to_canonical();
    let (place, counted) = (house.connections.clone().try_acquire_owned(), house.peers.admit(peer));
    let refusal = match (&place, &counted) {
        (Ok(_), Some(_)) => None,
        (Err(_), _) => Some(Reply::SERVER_BUSY),
        (_, None) => Some(Reply::TOO_MANY_CONNECTIONS),
    };
    if let Some(reply) = refusal {
        info!(code = reply.code(), "connection turned away");
        let mut wire = Vec::new();
        reply.write_to(&mut wire);
        let _ = timeout(TURN_AWAY_WAIT, stream.write_all(&wire)).await;
        return;
    }
    if let Err(error) = stream.set_nodelay(true) {
        debug!(%error, "TCP_NODELAY not set");
    }
    match house.config.tls.clone() {
        ListenerTls::Implicit(certificate) => {
            secured_from_the_start(&house, stream, peer, &certificate).await;
        }
        ListenerTls::Off => in_clear(&house, stream, peer, None).await,
        ListenerTls::StartTls(certificate) => in_clear(&house, stream, peer, Some(&certificate)).await,
    }
}

async fn in_clear(
    house: &House,
    mut stream: TcpStream,
    peer: IpAddr,
    certificate: Option<&ArcSwap<rustls::ServerConfig>>,
) {
    let mut session = session_of(house, peer, certificate.is_some(), None);
    let end = Conversation::new(house, &mut session, &mut stream).begin().await;
    let (End::Upgrade, Some(certificate)) = (end, certificate) else { return };
    let Some((mut stream, tls)) = handshake(house, stream, certificate).await else { return };
    session.tls_established(tls);
    Conversation::new(house, &mut session, &mut stream).go_on().await;
}

async fn secured_from_the_start(
    house: &House,
    stream: TcpStream,
    peer: IpAddr,
    certificate: &ArcSwap<rustls::ServerConfig>,
) {
    let Some((mut stream, tls)) = handshake(house, stream, certificate).await else { return };
    let mut session = session_of(house, peer, false, Some(tls));
    Conversation::new(house, &mut session, &mut stream).begin().await;
}

fn session_of(house: &House, peer: IpAddr, offers_tls: bool, tls: Option<PeerTls>) -> Session {
    let config = SessionConfig {
        hostname: house.config.hostname.clone(),
        offers_tls,
        requires_tls: house.config.requires_tls,
        offers_requiretls: house.config.offers_requiretls,
        limits: house.config.limits.session,
    };
    match &house.handler {
        Door::Exchange(handler) => Session::new(config, handler.clone(), peer, tls),
        Door::Submission(_) => Session::for_submission(config, peer, tls),
    }
}

async fn handshake(
    house: &House,
    stream: TcpStream,
    certificate: &ArcSwap<rustls::ServerConfig>,
) -> Option<(tokio_rustls::server::TlsStream<TcpStream>, PeerTls)> {
    let accepting = TlsAcceptor::from(certificate.load_full()).accept(stream);
    match timeout(house.config.limits.handshake_wait, accepting).await {
        Ok(Ok(stream)) => {
            let tls = tls::describe(stream.get_ref().1);
            Some((stream, tls))
        }
        Ok(Err(error)) => {
            info!(%error, "TLS handshake failed");
            None
        }
        Err(_) => {
            info!("TLS handshake timed out");
            None
        }
    }
}

/// How a conversation ended.
#[derive(Debug, PartialEq, Eq)]
enum End {
    Closed,
    /// The peer awaits a TLS handshake.
    Upgrade,
}

/// What came of waiting for the peer.
enum Waited {
    Bytes(usize),
    Gone,
    TimedOut,
    Stopping,
}

/// A session and its stream.
struct Conversation<'a, S> {
    house: &'a House,
    session: &'a mut Session,
    stream: &'a mut S,
    /// Replies not sent yet: those to pipelined commands go in one packet (RFC 2920 section 3.2).
    replies: Vec<u8>,
    /// The memory held for the message in progress.
    memory: Option<Held>,
    /// When the message in progress began.
    message_begun: Option<Instant>,
    /// When the next command line must be in.
    command_end: Instant,
    /// When the next mail must have been taken.
    mail_end: Instant,
}

impl<'a, S: AsyncRead + AsyncWrite + Unpin> Conversation<'a, S> {
    fn new(house: &'a House, session: &'a mut Session, stream: &'a mut S) -> Self {
        let (now, limits) = (Instant::now(), &house.config.limits);
        Self {
            house,
            session,
            stream,
            replies: Vec::new(),
            memory: None,
            message_begun: None,
            command_end: now + limits.command_wait,
            mail_end: now + limits.session_wait,
        }
    }

    async fn begin(mut self) -> End {
        self.session.greeting().write_to(&mut self.replies);
        if self.flush().await.is_err() {
            return End::Closed;
        }
        self.go_on().await
    }

    async fn go_on(mut self) -> End {
        let mut buffer = Zeroizing::new(vec![0; READ_BYTES]);
        loop {
            let read = match self.wait(&mut buffer).await {
                Waited::Bytes(read) => read,
                Waited::Gone => return End::Closed,
                Waited::TimedOut => return self.close(&Reply::TIMED_OUT).await,
                Waited::Stopping => return self.close(&Reply::CLOSING).await,
            };
            let mut input = buffer.get(..read).unwrap_or_default();
            while let Some(step) = self.session.advance(&mut input) {
                let Ok(step) = self.ask_handler(step).await else { return End::Closed };
                match step {
                    Step::Reply(reply) => reply.write_to(&mut self.replies),
                    Step::StartTls(reply) => {
                        reply.write_to(&mut self.replies);
                        let sent = self.flush().await;
                        return if sent.is_ok() { End::Upgrade } else { End::Closed };
                    }
                    Step::Close(reply) => return self.close(&reply).await,
                    // All were asked and answered.
                    Step::Deliver(_) | Step::Submit(_) | Step::SignIn(_) | Step::CheckSender { .. } => {}
                }
                self.account();
                self.command_end = Instant::now() + self.house.config.limits.command_wait;
            }
            self.account();
            if self.flush().await.is_err() {
                return End::Closed;
            }
        }
    }

    async fn wait(&mut self, buffer: &mut [u8]) -> Waited {
        let limits = &self.house.config.limits;
        let end = match self.message_begun {
            Some(begun) => self.message_end(begun),
            None => self.command_end.min(self.mail_end),
        };
        let left = end.saturating_duration_since(Instant::now());
        let wait = if self.message_begun.is_some() { limits.data_wait.min(left) } else { left };
        tokio::select! {
            biased;
            () = self.house.shutdown.cancelled(), if self.session.is_idle() => Waited::Stopping,
            read = timeout(wait, self.stream.read(buffer)) => match read {
                Ok(Ok(0) | Err(_)) => Waited::Gone,
                Ok(Ok(read)) => Waited::Bytes(read),
                Err(_) => Waited::TimedOut,
            },
        }
    }

    /// Has the handler do what is the handler's, and turns it into what is said to the peer. The peer may be gone by the
    /// end: what was accepted is accepted, and the peer's repeat gets the same answer (invariant 1).
    async fn ask_handler(&mut self, step: Step) -> std::io::Result<Step> {
        let peer = self.session.peer();
        let reply = match (step, &self.house.handler) {
            (Step::Deliver(mail), Door::Exchange(handler)) => {
                self.begin_treating().await?;
                let outcome = handler.handle(*mail).await;
                self.session.outcome(&outcome)
            }
            (Step::Submit(mail), Door::Submission(handler)) => {
                self.begin_treating().await?;
                let outcome = handler.submit(*mail).await;
                self.session.submission_outcome(&outcome)
            }
            (Step::SignIn(credentials), Door::Submission(handler)) => {
                let answer = handler.sign_in(credentials, peer).await;
                return Ok(self.session.signed_in(&answer));
            }
            (Step::CheckSender { signed, from }, Door::Submission(handler)) => {
                let answer = handler.check_sender(signed, &from, peer).await;
                return Ok(self.session.sender_checked(answer));
            }
            (step, _) => return Ok(step),
        };
        info!(code = reply.code(), "mail treated");
        Ok(Step::Reply(reply))
    }

    /// When a message must be in: as long as it keeps the pace, and not for ever.
    fn message_end(&self, begun: Instant) -> Instant {
        let limits = &self.house.config.limits;
        let earned = Duration::from_secs(self.session.received() / limits.pace.max(1));
        begun + (limits.data_wait + earned).min(limits.message_wait)
    }

    /// Before a mail is treated, what was said so far is told.
    async fn begin_treating(&mut self) -> std::io::Result<()> {
        self.message_begun = None;
        self.mail_end = Instant::now() + self.house.config.limits.session_wait;
        self.flush().await
    }

    /// Holds the memory that the message in progress takes, or gives the message up.
    fn account(&mut self) {
        if !self.session.is_receiving() {
            self.message_begun = None;
        } else if self.message_begun.is_none() {
            self.message_begun = Some(Instant::now());
        }
        let needed = self.session.memory().bytes().div_ceil(MEMORY_UNIT_BYTES);
        let needed = usize::try_from(needed).unwrap_or(usize::MAX);
        let held = self.memory.as_ref().map_or(0, |held| held.permit.num_permits());
        if needed == 0 {
            self.memory = None;
        } else if needed > held && !self.hold(needed - held) {
            info!("no memory left for a message");
            self.session.no_room();
            self.memory = None;
        }
    }

    fn hold(&mut self, more: usize) -> bool {
        let Some(more) = self.house.hold(self.session.peer(), more) else { return false };
        match &mut self.memory {
            Some(held) => held.merge(more),
            None => self.memory = Some(more),
        }
        true
    }

    async fn flush(&mut self) -> std::io::Result<()> {
        let sending = async {
            self.stream.write_all(&self.replies).await?;
            self.stream.flush().await
        };
        let sent = timeout(self.house.config.limits.reply_wait, sending).await;
        self.replies.clear();
        sent.unwrap_or_else(|_| Err(std::io::ErrorKind::TimedOut.into()))
    }

    async fn close(mut self, reply: &Reply) -> End {
        reply.write_to(&mut self.replies);
        if self.flush().await.is_ok() {
            let _ = timeout(LINGER, self.linger()).await;
        }
        End::Closed
    }

    async fn linger(&mut self) -> std::io::Result<()> {
        self.stream.shutdown().await?;
        let (mut scratch, mut left) = (Zeroizing::new(vec![0; READ_BYTES]), LINGER_BYTES);
        loop {
            match self.stream.read(&mut scratch).await? {
                0 => return Ok(()),
                read if read > left => return Ok(()),
                read => left -= read,
            }
        }
    }
}

#[cfg(test)]
mod tests;
