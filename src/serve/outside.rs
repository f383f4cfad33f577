//! The way to services outside that vouch for the log: one POST over HTTP/1.1, with TLS where the address says so,
//! bounded in time and bytes. And the loops that show checkpoints to witnesses and have
//! them stamped.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use http_body_util::{BodyExt, Full, Limited};
use hyper::body::Bytes;
use hyper::header::{CONTENT_TYPE, HOST, USER_AGENT};
use hyper::{Method, Request, StatusCode, Uri};
use hyper_util::rt::TokioIo;
use rustls::pki_types::ServerName;
use rustls::{ClientConfig, RootCertStore};
use thiserror::Error;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use crate::app::{App, TimestampDoor, TimestampDoorError, WitnessDoor, WitnessProblem};
use crate::audit::{NoteSignature, Submission};

/// How long one request may take, from the name's look-up to the last byte of the answer.
const REQUEST_MAX: Duration = Duration::from_secs(20);
/// Bytes of an answer.
const ANSWER_MAX_BYTES: usize = 256 * 1024;
/// How often it is looked whether a checkpoint is to be shown.
const LOOK_EVERY: Duration = Duration::from_secs(10);
/// Signature lines of an answer.
const LINES_MAX: usize = 16;

/// Why there is no answer. Tried again later.
#[derive(Debug, Error)]
pub enum OutsideError {
    /// The address is none.
    #[error("not an address to send to")]
    Address,
    /// No connection, or it broke.
    #[error("no connection: {0}")]
    Connection(#[from] std::io::Error),
    /// The peer does not speak HTTP.
    #[error("no HTTP: {0}")]
    Http(#[from] hyper::Error),
    /// The answer is too long or broke off.
    #[error("the answer is not read to its end")]
    Answer,
    /// The TLS library refuses; ours to mend.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
    /// It took too long.
    #[error("no answer in time")]
    TimedOut,
}

/// Sends to services outside.
#[derive(Clone)]
pub struct Outside {
    tls: Arc<ClientConfig>,
}

impl Outside {
    /// Trusts these authorities.
    pub fn new(roots: RootCertStore) -> Result<Self, OutsideError> {
        Ok(Self { tls: Arc::new(client_tls(roots)?) })
    }

    /// Sends one request as it stands, bounded as the others; no redirect is followed.
    pub async fn exchange(
        &self,
        request: hyper::http::Request<Vec<u8>>,
    ) -> Result<hyper::http::Response<Vec<u8>>, OutsideError> {
        let sent = async {
            let (mut parts, body) = request.into_parts();
            let uri = std::mem::take(&mut parts.uri);
            parts.uri = uri
                .path_and_query()
                .map_or("/", |path| path.as_str())
                .parse()
                .map_err(|_| OutsideError::Address)?;
            let mut request = hyper::http::Request::from_parts(parts, Full::new(Bytes::from(body)));
            let authority = uri.authority().map_or("", |authority| authority.as_str());
            let authority =
                hyper::header::HeaderValue::from_str(authority).map_err(|_| OutsideError::Address)?;
            request.headers_mut().insert(HOST, authority);
            let (stream, tls) = self.connect(&uri).await?;
            match tls {
                None => whole(stream, request).await,
                Some(name) => {
                    let stream = TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await?;
                    whole(stream, request).await
                }
            }
        };
        tokio::time::timeout(REQUEST_MAX, sent).await.map_err(|_| OutsideError::TimedOut)?
    }

    /// A connection to the host of an address, and the name that it must prove where it speaks TLS.
    async fn connect(&self, uri: &Uri) -> Result<(TcpStream, Option<ServerName<'static>>), OutsideError> {
        let host = uri.host().ok_or(OutsideError::Address)?.trim_matches(['[', ']']).to_owned();
        let is_tls = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let stream = TcpStream::connect((host.as_str(), port)).await?;
        let name =
            is_tls.then(|| ServerName::try_from(host)).transpose().map_err(|_| OutsideError::Address)?;
        Ok((stream, name))
    }

    /// Sends one body; the status and the body of the answer.
    pub async fn post(
        &self,
        url: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), OutsideError> {
        let sent = self.send(url, content_type, body);
        tokio::time::timeout(REQUEST_MAX, sent).await.map_err(|_| OutsideError::TimedOut)?
    }

    async fn send(
        &self,
        url: &str,
        content_type: &str,
        body: Vec<u8>,
    ) -> Result<(StatusCode, Bytes), OutsideError> {
        let uri: Uri = url.parse().map_err(|_| OutsideError::Address)?;
        let host = uri.host().ok_or(OutsideError::Address)?.trim_matches(['[', ']']).to_owned();
        let is_tls = uri.scheme_str() == Some("https");
        let port = uri.port_u16().unwrap_or(if is_tls { 443 } else { 80 });
        let request = Request::builder()
            .method(Method::POST)
            .uri(uri.path_and_query().map_or("/", |path| path.as_str()))
            .header(HOST, uri.authority().map_or("", |authority| authority.as_str()))
            .header(USER_AGENT, "pli")
            .header(CONTENT_TYPE, content_type)
            .body(Full::new(Bytes::from(body)))
            .map_err(|_| OutsideError::Address)?;
        let stream = TcpStream::connect((host.as_str(), port)).await?;
        if !is_tls {
            return exchange(stream, request).await;
        }
        let name = ServerName::try_from(host).map_err(|_| OutsideError::Address)?;
        exchange(TlsConnector::from(Arc::clone(&self.tls)).connect(name, stream).await?, request).await
    }
}

/// TLS for a client that trusts these authorities.
pub(super) fn client_tls(roots: RootCertStore) -> Result<ClientConfig, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions()?;
    Ok(config.with_root_certificates(roots).with_no_client_auth())
}

/// Asks a host for one page over a connection that is there; the status, the content type and the body. No redirect is
/// followed.
pub(super) async fn get(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    host: &str,
    path: &str,
    body_max: usize,
) -> Result<(StatusCode, String, Bytes), OutsideError> {
    let request =
        Request::builder().method(Method::GET).uri(path).header(HOST, host).header(USER_AGENT, "pli");
    let request = request.body(Full::new(Bytes::new())).map_err(|_| OutsideError::Address)?;
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let answering = async {
        let response = sender.send_request(request).await?;
        let kind = response.headers().get(CONTENT_TYPE).and_then(|kind| kind.to_str().ok());
        let (status, kind) = (response.status(), kind.unwrap_or_default().to_owned());
        let body = Limited::new(response.into_body(), body_max).collect().await;
        Ok((status, kind, body.map_err(|_| OutsideError::Answer)?.to_bytes()))
    };
    tokio::pin!(answering, connection);
    tokio::select! {
        answer = &mut answering => answer,
        ended = &mut connection => {
            ended?;
            answering.await
        }
    }
}

async fn exchange(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<(StatusCode, Bytes), OutsideError> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let answering = async {
        let response = sender.send_request(request).await?;
        let status = response.status();
        let body = Limited::new(response.into_body(), ANSWER_MAX_BYTES).collect().await;
        Ok((status, body.map_err(|_| OutsideError::Answer)?.to_bytes()))
    };
    tokio::pin!(answering, connection);
    tokio::select! {
        answer = &mut answering => answer,
        // A connection may end with its last byte; the answer has been read by then.
        ended = &mut connection => {
            ended?;
            answering.await
        }
    }
}

/// One exchange, the answer with its headers.
async fn whole(
    stream: impl AsyncRead + AsyncWrite + Unpin + Send + 'static,
    request: Request<Full<Bytes>>,
) -> Result<hyper::http::Response<Vec<u8>>, OutsideError> {
    let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream)).await?;
    let answering = async {
        let (parts, body) = sender.send_request(request).await?.into_parts();
        let body = Limited::new(body, ANSWER_MAX_BYTES).collect().await;
        let body = body.map_err(|_| OutsideError::Answer)?.to_bytes().to_vec();
        Ok(hyper::http::Response::from_parts(parts, body))
    };
    tokio::pin!(answering, connection);
    tokio::select! {
        answer = &mut answering => answer,
        ended = &mut connection => {
            ended?;
            answering.await
        }
    }
}

#[async_trait]
impl WitnessDoor for Outside {
    async fn add_checkpoint(
        &self,
        url: &str,
        submission: &Submission,
    ) -> Result<Vec<NoteSignature>, WitnessProblem> {
        let (url, body) = (format!("{url}/add-checkpoint"), submission.to_string().into_bytes());
        let answer = self.post(&url, "text/plain; charset=utf-8", body).await;
        let (status, body) = answer.map_err(|error| {
            tracing::debug!(%error, "witness.unreachable");
            WitnessProblem::Unreachable
        })?;
        let text = std::str::from_utf8(&body).map_err(|_| WitnessProblem::Malformed)?;
        match status {
            StatusCode::OK => {
                let lines = text.lines().take(LINES_MAX).map(NoteSignature::read);
                lines.collect::<Result<_, _>>().map_err(|_| WitnessProblem::Malformed)
            }
            StatusCode::CONFLICT => {
                let size = text.trim_end().parse().map_err(|_| WitnessProblem::Malformed)?;
                Err(WitnessProblem::SawLast { size })
            }
            status if status.is_server_error() => Err(WitnessProblem::Unreachable),
            status => Err(WitnessProblem::Refused { status: status.as_u16() }),
        }
    }
}

#[async_trait]
impl TimestampDoor for Outside {
    async fn stamp(&self, url: &str, request: Vec<u8>) -> Result<Vec<u8>, TimestampDoorError> {
        let answer = self.post(url, "application/timestamp-query", request).await;
        let (status, body) = answer.map_err(|error| {
            tracing::debug!(%error, "timestamp.unreachable");
            TimestampDoorError::Unreachable
        })?;
        match status {
            StatusCode::OK => Ok(body.to_vec()),
            status if status.is_server_error() => Err(TimestampDoorError::Unreachable),
            status => Err(TimestampDoorError::Refused { status: status.as_u16() }),
        }
    }
}

/// Has checkpoints stamped until the gateway stops. Nothing else waits for it.
pub async fn timestamp_loop(app: Arc<App>, outside: Outside, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = app.stamp_checkpoint(&outside).await {
            tracing::error!(error = error.chain(), "timestamp.not_stamped");
        }
        if let Ok(Some(view)) = app.timestamp_view().await {
            metrics::gauge!("pli_timestamps_failing").set(if view.trouble.is_some() { 1.0 } else { 0.0 });
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}

/// Shows checkpoints to the witnesses until the gateway stops. Nothing else waits for it.
pub async fn witness_loop(app: Arc<App>, outside: Outside, stop: CancellationToken) {
    while !stop.is_cancelled() {
        if let Err(error) = app.show_to_witnesses(&outside).await {
            tracing::error!(error = error.chain(), "witness.not_shown");
        }
        if let Ok(views) = app.witnesses().await {
            let silent = views.iter().filter(|view| view.trouble.is_some()).count();
            metrics::gauge!("pli_witnesses_in_trouble").set(silent as f64);
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(LOOK_EVERY) => {}
        }
    }
}
