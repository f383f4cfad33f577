//! Serves the pages on a socket: plain HTTP/1.1 and HTTP/2, or the same over TLS; connections are limited, in all and
//! by network, what opens slowly or stalls ends, and a stop lets what is under way finish.

use std::collections::HashMap;
use std::io;
use std::net::{IpAddr, SocketAddr};
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex, PoisonError};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::body::{Body, HttpBody};
use axum::extract::ConnectInfo;
use bytes::Bytes;
use futures_util::{StreamExt, stream};
use hyper::body::Incoming;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::{Instant, Sleep, sleep, timeout};
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

use super::api::ClientCertificate;
use crate::app::network;
use crate::value::Digest;

/// How often the other end of an HTTP/2 connection is asked whether it is still there (RFC 9113 section 6.7).
const PING_EVERY: Duration = Duration::from_secs(20);
/// How long its answer may take.
const PING_ANSWER: Duration = Duration::from_secs(20);
/// What one connection reads into at most before it is taken from there: two chunks of what is sealed. The library's own
/// bound is three times that, and eight large uploads fill it.
const READ_BUFFER_BYTES: usize = 128 * 1024;

/// Limits of the listener.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// Connections at once; more wait to be accepted.
    pub connections: usize,
    /// Connections at once of one network (an IPv4 address, the /64 of an IPv6 one); more are closed. Loopback is
    /// exempt: there a proxy stands for everybody.
    pub connections_per_network: usize,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long the head of a request may take, and the first byte of a connection.
    pub request_head: Duration,
    /// How long a connection, or the body of a request, may stand still before it ends. What progresses goes on.
    pub idle: Duration,
    /// How long a stop waits for what is under way.
    pub drain: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections: 1024,
            connections_per_network: 256,
            handshake: Duration::from_secs(10),
            request_head: Duration::from_secs(30),
            idle: Duration::from_mins(1),
            drain: Duration::from_secs(30),
        }
    }
}

/// Serves until `shutdown`, then lets requests under way finish.
pub async fn serve(
    listener: TcpListener,
    tls: Option<Arc<ArcSwap<rustls::ServerConfig>>>,
    router: Router,
    limits: HttpLimits,
    shutdown: CancellationToken,
) {
    let mut builder = Builder::new(TokioExecutor::new());
    builder.http1().timer(TokioTimer::new()).header_read_timeout(limits.request_head);
    builder.http1().max_buf_size(READ_BUFFER_BYTES);
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(64);
    builder.http2().keep_alive_interval(PING_EVERY).keep_alive_timeout(PING_ANSWER);
    let house = Arc::new(House { builder, router, tls, limits });
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections));
    let networks = Arc::new(Networks::up_to(limits.connections_per_network));
    loop {
        let place = tokio::select! {
            () = shutdown.cancelled() => break,
            place = Arc::clone(&places).acquire_owned() => place,
        };
        let accepted = tokio::select! {
            () = shutdown.cancelled() => break,
            accepted = listener.accept() => accepted,
        };
        match (accepted, place) {
            (Ok((stream, peer)), Ok(place)) => {
                let Some(share) = networks.enter(peer.ip()) else {
                    tracing::debug!("http.too_many_connections");
                    continue;
                };
                let house = Arc::clone(&house);
                let watcher = graceful.watcher();
                tokio::spawn(async move {
                    house.connection(stream, peer, watcher).await;
                    drop((place, share));
                });
            }
            (Err(error), _) => {
                tracing::warn!(error = %error, "http.accept_failed");
                // Out of descriptors: wait for some to come back rather than spin.
                tokio::time::sleep(Duration::from_millis(100)).await;
            }
            (_, Err(_)) => break,
        }
    }
    drop(listener);
    if timeout(limits.drain, graceful.shutdown()).await.is_err() {
        tracing::warn!("http.drain_cut");
    }
}

struct House {
    builder: Builder<TokioExecutor>,
    router: Router,
    tls: Option<Arc<ArcSwap<rustls::ServerConfig>>>,
    limits: HttpLimits,
}

impl House {
    async fn connection(
        &self,
        stream: TcpStream,
        peer: SocketAddr,
        watcher: hyper_util::server::graceful::Watcher,
    ) {
        let _nagle_off = stream.set_nodelay(true);
        let Some(tls) = &self.tls else { return self.requests(stream, peer, None, watcher).await };
        let acceptor = TlsAcceptor::from(tls.load_full());
        match timeout(self.limits.handshake, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => {
                let shown = stream.get_ref().1.peer_certificates().and_then(|chain| chain.first());
                let shown = shown.map(|certificate| ClientCertificate(Digest::of(certificate)));
                self.requests(stream, peer, shown, watcher).await;
            }
            Ok(Err(error)) => tracing::debug!(error = %error, "http.handshake_failed"),
            Err(_) => tracing::debug!("http.handshake_too_slow"),
        }
    }

    async fn requests(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
        certificate: Option<ClientCertificate>,
        watcher: hyper_util::server::graceful::Watcher,
    ) {
        let idle = self.limits.idle;
        let service = self.router.clone().map_request(move |mut request: axum::http::Request<Incoming>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            if let Some(certificate) = certificate {
                request.extensions_mut().insert(certificate);
            }
            request.map(|body| unstalled(Body::new(body), idle))
        });
        let service = TowerToHyperService::new(service);
        let stream = Watched::new(stream, self.limits.request_head, idle);
        let connection = self.builder.serve_connection(TokioIo::new(stream), service);
        let connection = pin!(watcher.watch(connection.into_owned()));
        if let Err(error) = connection.await {
            tracing::debug!(error = %error, "http.connection_ended");
        }
    }
}

/// A request's body that ends with an error when it stands still: over HTTP/2 the connection may well go on meanwhile.
fn unstalled(body: Body, idle: Duration) -> Body {
    if body.is_end_stream() {
        return body;
    }
    let pieces = stream::unfold(Some(body.into_data_stream()), move |pieces| async move {
        let mut pieces = pieces?;
        let piece: Result<Bytes, axum::BoxError> = match timeout(idle, pieces.next()).await {
            Ok(None) => return None,
            Ok(Some(Ok(piece))) => return Some((Ok(piece), Some(pieces))),
            Ok(Some(Err(error))) => Err(error.into()),
            Err(_) => Err(io::Error::from(io::ErrorKind::TimedOut).into()),
        };
        Some((piece, None))
    });
    Body::from_stream(pieces)
}

/// A connection that fails when it is waited for and no byte goes either way for too long.
struct Watched<S> {
    stream: S,
    /// How long nothing may go either way: `idle`, once the first byte has come.
    patience: Duration,
    idle: Duration,
    /// Set while the stream is waited for, so that time in which we are the slow ones does not count.
    is_waited_for: bool,
    deadline: Pin<Box<Sleep>>,
}

impl<S> Watched<S> {
    /// The first byte has `first` to come, whatever follows has `idle`.
    fn new(stream: S, first: Duration, idle: Duration) -> Self {
        Self { stream, patience: first, idle, is_waited_for: false, deadline: Box::pin(sleep(first)) }
    }

    /// Passes on what became of a read or a write.
    fn watch<T>(
        &mut self,
        context: &mut Context<'_>,
        polled: Poll<io::Result<T>>,
        progressed: bool,
    ) -> Poll<io::Result<T>> {
        if polled.is_pending() {
            if !self.is_waited_for {
                self.is_waited_for = true;
                self.deadline.as_mut().reset(Instant::now() + self.patience);
            }
            ready!(self.deadline.as_mut().poll(context));
            return Poll::Ready(Err(io::Error::from(io::ErrorKind::TimedOut)));
        }
        if progressed {
            self.is_waited_for = false;
            self.patience = self.idle;
        }
        polled
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Watched<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        let polled = Pin::new(&mut self.stream).poll_read(context, buffer);
        self.watch(context, polled, buffer.filled().len() > before)
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Watched<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let polled = Pin::new(&mut self.stream).poll_write(context, bytes);
        let progressed = matches!(polled, Poll::Ready(Ok(1..)));
        self.watch(context, polled, progressed)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_flush(context);
        self.watch(context, polled, false)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        let polled = Pin::new(&mut self.stream).poll_shutdown(context);
        self.watch(context, polled, false)
    }
}

/// How many connections each network has.
struct Networks {
    max: usize,
    counted: Mutex<HashMap<IpAddr, usize>>,
}

impl Networks {
    fn up_to(max: usize) -> Self {
        Self { max, counted: Mutex::default() }
    }

    /// A share for a connection from an address, until it is dropped; none when its network has all of its own.
    fn enter(self: &Arc<Self>, peer: IpAddr) -> Option<Share> {
        let network = network(peer);
        if !peer.to_canonical().is_loopback() {
            let mut counted = self.counted.lock().unwrap_or_else(PoisonError::into_inner);
            let count = counted.entry(network).or_default();
            if *count >= self.max {
                return None;
            }
            *count += 1;
        }
        Some(Share { networks: Arc::clone(self), network })
    }
}

/// One connection of a network.
struct Share {
    networks: Arc<Networks>,
    network: IpAddr,
}

impl Drop for Share {
    fn drop(&mut self) {
        let mut counted = self.networks.counted.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = counted.get_mut(&self.network) {
            *count -= 1;
            if *count == 0 {
                counted.remove(&self.network);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::routing::{get, post};
    use tokio::io::{AsyncReadExt, AsyncWriteExt};

    use super::*;

    const SHORT: Duration = Duration::from_millis(100);
    /// Nothing waits this long when all is well.
    const LONG: Duration = Duration::from_secs(30);

    /// A listener that is served with these limits, and a connection to it.
    async fn connected(limits: HttpLimits) -> TcpStream {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let router = Router::new()
            .route("/", get(|| async { "here" }))
            .route("/large", get(|| async { vec![7; 32 * 1024 * 1024] }))
            .route("/sent", post(|body: Result<Bytes, _>| async move { said(&body) }));
        tokio::spawn(serve(listener, None, router, limits, CancellationToken::new()));
        TcpStream::connect(address).await.unwrap()
    }

    fn said(body: &Result<Bytes, axum::extract::rejection::BytesRejection>) -> &'static str {
        if body.is_ok() { "whole" } else { "broken off" }
    }

    async fn all(stream: &mut TcpStream) -> String {
        let mut said = Vec::new();
        let _cut = timeout(LONG, stream.read_to_end(&mut said)).await.expect("the connection stays open");
        String::from_utf8_lossy(&said).into_owned()
    }

    #[tokio::test]
    async fn a_connection_that_says_nothing_ends() {
        let limits = HttpLimits { request_head: SHORT, idle: 4 * LONG, ..HttpLimits::default() };
        let mut stream = connected(limits).await;
        assert_eq!(all(&mut stream).await, "");
    }

    #[tokio::test]
    async fn a_connection_that_falls_silent_ends_after_its_answer() {
        let limits = HttpLimits { request_head: 4 * LONG, idle: SHORT, ..HttpLimits::default() };
        let mut stream = connected(limits).await;
        stream.write_all(b"GET / HTTP/1.1\r\nhost: a\r\n\r\n").await.unwrap();
        assert!(all(&mut stream).await.ends_with("here"));
    }

    #[tokio::test]
    async fn an_upload_that_stalls_ends() {
        let limits = HttpLimits { request_head: 4 * LONG, idle: SHORT, ..HttpLimits::default() };
        let mut stream = connected(limits).await;
        let head = b"POST /sent HTTP/1.1\r\nhost: a\r\ncontent-length: 1000\r\n\r\nonly this";
        stream.write_all(head).await.unwrap();
        assert!(!all(&mut stream).await.contains("whole"));
    }

    #[tokio::test]
    async fn the_body_of_a_request_that_stalls_ends_with_an_error_and_one_that_comes_is_whole() {
        let stalls = stream::iter([Ok::<_, io::Error>(Bytes::from("only this"))]).chain(stream::pending());
        let read = axum::body::to_bytes(unstalled(Body::from_stream(stalls), SHORT), 1000);
        assert!(timeout(LONG, read).await.expect("the body is waited for without end").is_err());
        let read = axum::body::to_bytes(unstalled(Body::from("all"), LONG), 1000);
        assert_eq!(read.await.unwrap(), "all");
    }

    #[tokio::test]
    async fn a_slow_connection_that_progresses_goes_on_and_one_that_stands_still_ends() {
        let (ours, mut theirs) = tokio::io::duplex(4);
        let mut watched = Watched::new(ours, LONG, SHORT);
        for _ in 0..3 {
            theirs.write_all(b"byte").await.unwrap();
            watched.read_exact(&mut [0; 4]).await.unwrap();
        }
        let stopped =
            timeout(LONG, watched.write_all(b"more than is taken")).await.expect("waits without end");
        assert_eq!(stopped.unwrap_err().kind(), io::ErrorKind::TimedOut);
    }

    #[tokio::test]
    async fn a_reader_who_stops_in_an_answer_loses_the_connection() {
        let limits = HttpLimits { idle: SHORT, ..HttpLimits::default() };
        let mut stream = connected(limits).await;
        stream.write_all(b"GET /large HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n").await.unwrap();
        // Reads nothing until the gateway has given up: only then can the other way be closed.
        let closed = async {
            while stream.write_all(b"x").await.is_ok() {
                tokio::task::yield_now().await;
            }
        };
        timeout(LONG, closed).await.expect("the connection stays open");
    }

    #[test]
    fn one_network_cannot_take_all_places_and_loopback_is_no_network() {
        let networks = Arc::new(Networks::up_to(2));
        let from = |address: &str| networks.enter(address.parse().unwrap());
        let (first, _second) = (from("192.0.2.1").unwrap(), from("192.0.2.1").unwrap());
        assert!(from("192.0.2.1").is_none());
        assert!(from("::ffff:192.0.2.1").is_none(), "the same address, mapped");
        assert!(from("192.0.2.2").is_some());
        drop(first);
        assert!(from("192.0.2.1").is_some());
        let _proxy: Vec<_> = (0..9).map(|_| from("127.0.0.1").expect("loopback is exempt")).collect();
    }
}
