//! Serves the pages on a socket: plain HTTP/1.1 and HTTP/2, or the same over TLS; connections are limited, slow
//! openings end, and a stop lets what is under way finish.

use std::net::SocketAddr;
use std::pin::pin;
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use axum::Router;
use axum::extract::ConnectInfo;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use hyper_util::server::graceful::GracefulShutdown;
use hyper_util::service::TowerToHyperService;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::Semaphore;
use tokio::time::timeout;
use tokio_rustls::TlsAcceptor;
use tokio_util::sync::CancellationToken;
use tower::ServiceExt;

/// Limits of the listener.
#[derive(Debug, Clone, Copy)]
pub struct HttpLimits {
    /// Connections at once; more wait to be accepted.
    pub connections: usize,
    /// How long a TLS handshake may take.
    pub handshake: Duration,
    /// How long the head of a request may take.
    pub request_head: Duration,
    /// How long a stop waits for what is under way.
    pub drain: Duration,
}

impl Default for HttpLimits {
    fn default() -> Self {
        Self {
            connections: 1024,
            handshake: Duration::from_secs(10),
            request_head: Duration::from_secs(30),
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
    builder.http2().timer(TokioTimer::new()).max_concurrent_streams(64);
    let house = Arc::new(House { builder, router, tls, limits });
    let graceful = GracefulShutdown::new();
    let places = Arc::new(Semaphore::new(limits.connections));
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
                let house = Arc::clone(&house);
                let watcher = graceful.watcher();
                tokio::spawn(async move {
                    house.connection(stream, peer, watcher).await;
                    drop(place);
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
        let Some(tls) = &self.tls else { return self.requests(stream, peer, watcher).await };
        let acceptor = TlsAcceptor::from(tls.load_full());
        match timeout(self.limits.handshake, acceptor.accept(stream)).await {
            Ok(Ok(stream)) => self.requests(stream, peer, watcher).await,
            Ok(Err(error)) => tracing::debug!(error = %error, "http.handshake_failed"),
            Err(_) => tracing::debug!("http.handshake_too_slow"),
        }
    }

    async fn requests(
        &self,
        stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
        peer: SocketAddr,
        watcher: hyper_util::server::graceful::Watcher,
    ) {
        let service = self.router.clone().map_request(move |mut request: axum::http::Request<_>| {
            request.extensions_mut().insert(ConnectInfo(peer));
            request
        });
        let service = TowerToHyperService::new(service);
        let connection = self.builder.serve_connection(TokioIo::new(stream), service);
        let connection = pin!(watcher.watch(connection.into_owned()));
        if let Err(error) = connection.await {
            tracing::debug!(error = %error, "http.connection_ended");
        }
    }
}
