//! What the tests of the server and of the client share: certificates made on the spot, a handler that keeps
//! what it gets, and the server on a port of its own.

use std::collections::VecDeque;
use std::net::{Ipv4Addr, SocketAddr};
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use rustls::RootCertStore;
use rustls::pki_types::PrivatePkcs8KeyDer;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpListener;
use tokio::sync::Semaphore;
use tokio::task::JoinHandle;
use tokio_util::sync::CancellationToken;

use super::limits::ListenerLimits;
use super::listener::{ListenerConfig, ListenerTls, serve};
use super::mail::{MailHandler, MailOutcome, ReceivedMail, RecipientAnswer, RecipientRole, Recipients};
use crate::value::{Domain, MailAddress, MailboxId};

/// A certificate for `mx.carsat.example`, and the roots that trust it.
pub(super) struct TestCertificate {
    pub(super) server: Arc<ArcSwap<rustls::ServerConfig>>,
    pub(super) roots: RootCertStore,
}

pub(super) fn provider() -> Arc<rustls::crypto::CryptoProvider> {
    Arc::new(rustls::crypto::aws_lc_rs::default_provider())
}

pub(super) fn certificate() -> TestCertificate {
    let made = rcgen::generate_simple_self_signed(vec!["mx.carsat.example".to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let mut roots = RootCertStore::empty();
    roots.add(made.cert.der().clone()).unwrap();
    let server = rustls::ServerConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![made.cert.der().clone()], key.into())
        .unwrap();
    TestCertificate { server: Arc::new(ArcSwap::from_pointee(server)), roots }
}

pub(super) fn client_config(roots: RootCertStore) -> Arc<rustls::ClientConfig> {
    let config = rustls::ClientConfig::builder_with_provider(provider())
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_no_client_auth();
    Arc::new(config)
}

/// Takes mail for `depot@carsat.example`, keeps it, and says what it was told to say.
pub(super) struct Keeper {
    pub(super) kept: Mutex<Vec<ReceivedMail>>,
    pub(super) outcomes: Mutex<VecDeque<MailOutcome>>,
    /// A handler waits for one permit a mail: a test decides when a mail is done.
    pub(super) gate: Semaphore,
    /// One permit is added for each mail that reached the handler.
    pub(super) entered: Semaphore,
}

impl Keeper {
    pub(super) fn open() -> Arc<Self> {
        let keeper = Self::gated();
        keeper.gate.add_permits(1000);
        keeper
    }

    pub(super) fn gated() -> Arc<Self> {
        Arc::new(Self {
            kept: Mutex::default(),
            outcomes: Mutex::default(),
            gate: Semaphore::new(0),
            entered: Semaphore::new(0),
        })
    }
}

impl Recipients for Keeper {
    fn judge(&self, address: &MailAddress) -> RecipientAnswer {
        match (address.local(), address.domain().as_str()) {
            ("depot", "carsat.example") => {
                RecipientAnswer::Accepted(RecipientRole::Deposit(MailboxId::new([1; 16])))
            }
            (_, "carsat.example") => RecipientAnswer::UnknownHere,
            _ => RecipientAnswer::NotHere,
        }
    }
}

#[async_trait]
impl MailHandler for Keeper {
    async fn handle(&self, received: ReceivedMail) -> MailOutcome {
        self.entered.add_permits(1);
        self.gate.acquire().await.unwrap().forget();
        assert!(received.helo != "panic.example", "the handler breaks");
        self.kept.lock().unwrap().push(received);
        self.outcomes.lock().unwrap().pop_front().unwrap_or(MailOutcome::Noted)
    }
}

/// A server that runs.
pub(super) struct Server {
    pub(super) address: SocketAddr,
    pub(super) shutdown: CancellationToken,
    pub(super) task: JoinHandle<()>,
}

pub(super) async fn start(handler: Arc<Keeper>, tls: ListenerTls, limits: ListenerLimits) -> Server {
    start_with(handler, tls, limits, true).await
}

/// The same, with REQUIRETLS or without.
pub(super) async fn start_with(
    handler: Arc<Keeper>,
    tls: ListenerTls,
    limits: ListenerLimits,
    offers_requiretls: bool,
) -> Server {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let address = listener.local_addr().unwrap();
    let shutdown = CancellationToken::new();
    let hostname = Domain::parse("mx.carsat.example").unwrap();
    let config = ListenerConfig { hostname, tls, requires_tls: false, offers_requiretls, limits };
    let task = tokio::spawn(serve(listener, config, handler, shutdown.clone()));
    Server { address, shutdown, task }
}

/// Reads one reply of any number of lines; empty at the end of the stream.
pub(super) async fn read_reply<S: AsyncRead + Unpin>(stream: &mut S) -> String {
    let mut reply = Vec::new();
    let mut byte = [0];
    while stream.read(&mut byte).await.unwrap_or(0) == 1 {
        reply.push(byte[0]);
        let line = reply.strip_suffix(b"\r\n").map(|line| line.rsplit(|&b| b == b'\n').next().unwrap());
        if line.is_some_and(|line| line.get(3) == Some(&b' ')) {
            break;
        }
    }
    String::from_utf8(reply).unwrap()
}

/// Sends bytes and reads one reply.
pub(super) async fn ask<S: AsyncRead + AsyncWrite + Unpin>(stream: &mut S, bytes: &[u8]) -> String {
    stream.write_all(bytes).await.unwrap();
    stream.flush().await.unwrap();
    read_reply(stream).await
}
