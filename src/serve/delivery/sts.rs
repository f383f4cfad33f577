//! The MTA-STS policies of domains (RFC 8461): announced in the DNS, fetched over HTTPS from a host that proves its name,
//! kept until they are over. Who cannot be asked is under the policy that is kept.

use std::collections::HashMap;
use std::net::IpAddr;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use tokio::time::Instant;

use rustls::pki_types::ServerName;
use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;

use super::super::outside::{OutsideError, client_tls, get};
use crate::app::ports::KeptPolicies;
use crate::relay::mta_sts::{POLICY_MAX_BYTES, StsMode, StsPolicy, announced_id};
use crate::smtp::Names;
use crate::value::Domain;

/// How long fetching one policy may take (section 3.3 suggests a minute).
const FETCH_TIME: Duration = Duration::from_mins(1);
/// How long a policy that could not be fetched is not asked for again.
const FAILED_FOR: Duration = Duration::from_mins(10);
/// Domains whose policy could not be fetched that are remembered.
const FAILED_MAX: usize = 1000;
/// Where policies are served.
const HTTPS: u16 = 443;

/// The policies of domains.
pub(super) struct StsPolicies {
    connector: TlsConnector,
    port: u16,
    kept: OnceLock<Arc<dyn KeptPolicies>>,
    failed: Mutex<HashMap<String, Instant>>,
}

impl StsPolicies {
    /// Trusts these authorities.
    pub(super) fn new(roots: rustls::RootCertStore) -> Result<Self, rustls::Error> {
        let connector = TlsConnector::from(Arc::new(client_tls(roots)?));
        Ok(Self { connector, port: HTTPS, kept: OnceLock::new(), failed: Mutex::default() })
    }

    /// Where they are kept.
    pub(super) fn keep_in(&self, kept: Arc<dyn KeptPolicies>) {
        let _ = self.kept.set(kept);
    }

    /// The policy in force for a domain, if there is one (section 5.1).
    pub(super) async fn policy(&self, domain: &Domain, names: &Names) -> Option<StsPolicy> {
        let kept = match self.kept.get() {
            Some(store) => store.kept(domain).await,
            None => None,
        };
        let announced = names.texts(&format!("_mta-sts.{domain}")).await.unwrap_or_default();
        let in_force = match (announced_id(&announced), kept) {
            // A policy holds to its end, though nothing announces it any more: who can hide the record must not end it.
            (None, kept) => kept.map(|kept| kept.policy),
            (Some(id), Some(kept)) if kept.id == id => Some(kept.policy),
            (Some(id), kept) => {
                let fetched = self.fetch_and_keep(domain, id, names).await;
                fetched.or(kept.map(|kept| kept.policy))
            }
        };
        in_force.filter(|policy| policy.mode != StsMode::None)
    }

    async fn fetch_and_keep(&self, domain: &Domain, id: String, names: &Names) -> Option<StsPolicy> {
        if self.failed_lately(domain) {
            return None;
        }
        let fetched = tokio::time::timeout(FETCH_TIME, self.fetch(domain, names)).await;
        match fetched.unwrap_or(Err(OutsideError::TimedOut)) {
            Ok(policy) => {
                if let Some(kept) = self.kept.get() {
                    kept.keep(domain, id, &policy).await;
                }
                Some(policy)
            }
            Err(error) => {
                tracing::warn!(%domain, %error, "relay.policy_not_fetched");
                let mut failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
                if failed.len() >= FAILED_MAX {
                    failed.clear();
                }
                failed.insert(domain.as_str().to_owned(), Instant::now());
                None
            }
        }
    }

    fn failed_lately(&self, domain: &Domain) -> bool {
        let failed = self.failed.lock().unwrap_or_else(PoisonError::into_inner);
        failed.get(domain.as_str()).is_some_and(|at| at.elapsed() < FAILED_FOR)
    }

    /// No redirect is followed, and nothing but 200 and plain text is a policy (section 3.3).
    async fn fetch(&self, domain: &Domain, names: &Names) -> Result<StsPolicy, OutsideError> {
        let host = format!("mta-sts.{domain}");
        let known = Domain::parse(&host).map_err(|_| OutsideError::Address)?;
        let found = names.addresses(&known).await.map_err(|_| OutsideError::Address)?;
        self.fetch_from(found.addresses, host).await
    }

    async fn fetch_from(&self, addresses: Vec<IpAddr>, host: String) -> Result<StsPolicy, OutsideError> {
        let mut stream = Err(OutsideError::Address);
        for address in addresses {
            stream = TcpStream::connect((address, self.port)).await.map_err(OutsideError::from);
            if stream.is_ok() {
                break;
            }
        }
        let name = ServerName::try_from(host.clone()).map_err(|_| OutsideError::Address)?;
        let stream = self.connector.connect(name, stream?).await?;
        let (status, kind, body) = get(stream, &host, "/.well-known/mta-sts.txt", POLICY_MAX_BYTES).await?;
        if status.as_u16() != 200 || !kind.to_ascii_lowercase().starts_with("text/plain") {
            return Err(OutsideError::Answer);
        }
        StsPolicy::parse(&body).map_err(|_| OutsideError::Answer)
    }
}

#[cfg(test)]
mod tests {
    use std::net::{Ipv4Addr, SocketAddr};

    use async_trait::async_trait;
    use rustls::pki_types::PrivatePkcs8KeyDer;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::{TcpListener, UdpSocket};
    use tokio_rustls::TlsAcceptor;

    use super::*;
    use crate::relay::mta_sts::KeptStsPolicy;
    use crate::value::{Millis, Timestamp};

    const DOMAIN: &str = "partenaire.example";
    const HOST: &str = "mta-sts.partenaire.example";
    const POLICY: &str = "version: STSv1\nmode: enforce\nmx: mx.partenaire.example\nmax_age: 86400\n";

    /// A host that serves policies: what it answers from now on, and how often it was asked.
    struct Host {
        port: u16,
        roots: rustls::RootCertStore,
        answer: Arc<Mutex<String>>,
        asked: Arc<Mutex<usize>>,
    }

    impl Host {
        /// One that shows a certificate for `name`.
        async fn start(name: &str, answer: String) -> Self {
            let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
            let mut roots = rustls::RootCertStore::empty();
            roots.add(made.cert.der().clone()).unwrap();
            let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
            let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
            let server = rustls::ServerConfig::builder_with_provider(provider)
                .with_safe_default_protocol_versions()
                .unwrap()
                .with_no_client_auth()
                .with_single_cert(vec![made.cert.der().clone()], key.into())
                .unwrap();
            let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let port = listener.local_addr().unwrap().port();
            let host = Self { port, roots, answer: Arc::new(Mutex::new(answer)), asked: Arc::default() };
            let (answer, asked) = (Arc::clone(&host.answer), Arc::clone(&host.asked));
            let acceptor = TlsAcceptor::from(Arc::new(server));
            tokio::spawn(async move {
                while let Ok((stream, _)) = listener.accept().await {
                    *asked.lock().unwrap() += 1;
                    let Ok(mut stream) = acceptor.accept(stream).await else { continue };
                    let told = answer.lock().unwrap().clone();
                    let _ = stream.read(&mut [0; 4096]).await;
                    let _ = stream.write_all(told.as_bytes()).await;
                    let _ = stream.shutdown().await;
                }
            });
            host
        }

        fn policies(&self) -> StsPolicies {
            StsPolicies { port: self.port, ..StsPolicies::new(self.roots.clone()).unwrap() }
        }

        fn answers(&self, answer: String) {
            *self.answer.lock().unwrap() = answer;
        }

        fn asked(&self) -> usize {
            *self.asked.lock().unwrap()
        }
    }

    /// Fetches from a host that shows a certificate for `name` and gives `answer`.
    async fn fetched(name: &str, answer: String) -> Result<StsPolicy, OutsideError> {
        let policies = Host::start(name, answer).await.policies();
        policies.fetch_from(vec![Ipv4Addr::LOCALHOST.into()], HOST.to_owned()).await
    }

    fn answer(head: &str, body: &str) -> String {
        format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
    }

    fn serves(body: &str) -> String {
        answer("200 OK\r\nContent-Type: text/plain", body)
    }

    #[tokio::test]
    async fn a_policy_is_fetched_from_a_host_that_proves_its_name() {
        let good = answer("200 OK\r\nContent-Type: text/plain; charset=utf-8", POLICY);
        assert_eq!(fetched(HOST, good.clone()).await.unwrap(), StsPolicy::parse(POLICY.as_bytes()).unwrap());
        assert!(fetched("www.partenaire.example", good).await.is_err(), "another name");
    }

    #[tokio::test]
    async fn what_is_not_plainly_a_policy_is_none() {
        let huge = format!("{POLICY}{}", "x".repeat(POLICY_MAX_BYTES));
        for told in [
            answer("302 Found\r\nLocation: https://elsewhere.example/\r\nContent-Type: text/plain", POLICY),
            answer("404 Not Found\r\nContent-Type: text/plain", POLICY),
            answer("200 OK\r\nContent-Type: text/html", POLICY),
            answer("200 OK\r\nContent-Type: text/plain", "version: STSv1"),
            answer("200 OK\r\nContent-Type: text/plain", &huge),
        ] {
            assert!(fetched(HOST, told.clone()).await.is_err(), "{}", &told[..20]);
        }
    }

    /// A name server (RFC 1035): one text for every name that is asked for texts, if there is one, and this machine for every
    /// name that is asked for addresses. It remembers the names.
    struct NameServer {
        address: SocketAddr,
        text: Arc<Mutex<Option<String>>>,
        asked: Arc<Mutex<Vec<String>>>,
    }

    impl NameServer {
        async fn start() -> Self {
            let socket = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
            let server =
                Self { address: socket.local_addr().unwrap(), text: Arc::default(), asked: Arc::default() };
            let (text, asked) = (Arc::clone(&server.text), Arc::clone(&server.asked));
            tokio::spawn(async move {
                let mut question = [0; 512];
                while let Ok((_, peer)) = socket.recv_from(&mut question).await {
                    let (reply, name) = reply(&question, text.lock().unwrap().as_deref());
                    asked.lock().unwrap().push(name);
                    let _ = socket.send_to(&reply, peer).await;
                }
            });
            server
        }

        /// Announces a policy under an id, from now on; without an id, none.
        fn announce(&self, id: Option<&str>) {
            *self.text.lock().unwrap() = id.map(|id| format!("v=STSv1; id={id};"));
        }

        /// As the gateway sees it, nothing remembered.
        fn names(&self) -> Names {
            Names::new(&[self.address], false, None).unwrap()
        }
    }

    /// The answer to a question, and the name that is asked for.
    fn reply(question: &[u8], text: Option<&str>) -> (Vec<u8>, String) {
        let mut labels = Vec::new();
        let mut at = 12;
        while question[at] != 0 {
            let length = usize::from(question[at]);
            labels.push(String::from_utf8_lossy(&question[at + 1..=at + length]).into_owned());
            at += 1 + length;
        }
        let end = at + 5;
        let kind = [question[at + 1], question[at + 2]];
        let data = match (u16::from_be_bytes(kind), text) {
            (16, Some(text)) => [&[u8::try_from(text.len()).unwrap()][..], text.as_bytes()].concat(),
            (1, _) => Ipv4Addr::LOCALHOST.octets().to_vec(),
            _ => Vec::new(),
        };
        let count = u8::from(!data.is_empty());
        let mut reply = question[..2].to_vec();
        reply.extend([0x81, 0x80, 0, 1, 0, count, 0, 0, 0, 0]);
        reply.extend(&question[12..end]);
        if count == 1 {
            // The name of the question, class IN, not to be remembered.
            reply.extend([0xc0, 12, kind[0], kind[1], 0, 1, 0, 0, 0, 0]);
            reply.extend(u16::try_from(data.len()).unwrap().to_be_bytes());
            reply.extend(data);
        }
        (reply, labels.join("."))
    }

    /// Keeps policies as the store does (`tests/app/queue.rs` keeps them in it), on a clock of its own.
    struct Shelf {
        now: Mutex<Timestamp>,
        kept: Mutex<Option<KeptStsPolicy>>,
    }

    impl Shelf {
        fn new() -> Self {
            Self { now: Mutex::new(Timestamp(0)), kept: Mutex::default() }
        }

        fn advance(&self, by: Millis) {
            let mut now = self.now.lock().unwrap();
            *now = *now + by;
        }

        fn id(&self) -> Option<String> {
            self.kept.lock().unwrap().as_ref().map(|kept| kept.id.clone())
        }
    }

    #[async_trait]
    impl KeptPolicies for Shelf {
        async fn kept(&self, domain: &Domain) -> Option<KeptStsPolicy> {
            let kept = self.kept.lock().unwrap().clone();
            kept.filter(|kept| kept.domain == *domain && kept.holds(*self.now.lock().unwrap()))
        }

        async fn keep(&self, domain: &Domain, id: String, policy: &StsPolicy) {
            let now = *self.now.lock().unwrap();
            *self.kept.lock().unwrap() = Some(KeptStsPolicy::new(domain.clone(), id, policy.clone(), now));
        }
    }

    #[tokio::test]
    async fn an_announced_policy_is_fetched_once_for_each_id_and_holds_to_its_end() {
        let host = Host::start(HOST, serves(POLICY)).await;
        let (dns, shelf) = (NameServer::start().await, Arc::new(Shelf::new()));
        let policies = host.policies();
        policies.keep_in(shelf.clone());
        let domain = Domain::parse(DOMAIN).unwrap();
        let in_force = async || policies.policy(&domain, &dns.names()).await.map(|policy| policy.hosts);
        let forget_failures = || policies.failed.lock().unwrap().clear();
        let (old, new) =
            (vec!["mx.partenaire.example".to_owned()], vec!["mx2.partenaire.example".to_owned()]);

        assert_eq!((in_force().await, host.asked()), (None, 0), "nothing is announced");
        dns.announce(Some("1"));
        assert_eq!((in_force().await, host.asked()), (Some(old.clone()), 1));
        assert_eq!(shelf.id().as_deref(), Some("1"));
        let asked = dns.asked.lock().unwrap().clone();
        assert!(
            asked.contains(&format!("_mta-sts.{DOMAIN}")) && asked.contains(&HOST.to_owned()),
            "{asked:?}"
        );

        host.answers(serves(&POLICY.replace("mx.", "mx2.")));
        assert_eq!((in_force().await, host.asked()), (Some(old.clone()), 1), "the id is the same");
        dns.announce(Some("2"));
        assert_eq!((in_force().await, host.asked()), (Some(new.clone()), 2), "another id");
        assert_eq!(shelf.id().as_deref(), Some("2"));

        // Whoever can hide the record or break the host does not end what it was.
        host.answers(answer("500 Internal Server Error\r\nContent-Type: text/plain", ""));
        dns.announce(Some("3"));
        assert_eq!((in_force().await, host.asked()), (Some(new.clone()), 3), "it cannot be fetched");
        assert_eq!(
            (in_force().await, host.asked()),
            (Some(new.clone()), 3),
            "nor is it asked for at once again"
        );
        dns.announce(None);
        shelf.advance(Millis::seconds(86_399));
        assert_eq!((in_force().await, host.asked()), (Some(new), 3), "to the last second");
        shelf.advance(Millis::seconds(1));
        assert_eq!((in_force().await, host.asked()), (None, 3), "it is over");

        // Announced anew it is fetched anew, under the id of old too, and one that says that there is none ends it.
        dns.announce(Some("2"));
        forget_failures();
        host.answers(serves(POLICY));
        assert_eq!((in_force().await, host.asked()), (Some(old), 4));
        dns.announce(Some("4"));
        host.answers(serves("version: STSv1\nmode: none\nmax_age: 86400\n"));
        assert_eq!((in_force().await, host.asked()), (None, 5));
        assert_eq!(
            (shelf.id().as_deref(), in_force().await),
            (Some("4"), None),
            "kept as such, not fetched again"
        );
        assert_eq!(host.asked(), 5);
    }
}
