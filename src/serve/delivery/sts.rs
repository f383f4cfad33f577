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
    use std::net::Ipv4Addr;

    use rustls::pki_types::PrivatePkcs8KeyDer;
    use tokio::io::{AsyncReadExt, AsyncWriteExt};
    use tokio::net::TcpListener;
    use tokio_rustls::TlsAcceptor;

    use super::*;

    const HOST: &str = "mta-sts.partenaire.example";
    const POLICY: &str = "version: STSv1\nmode: enforce\nmx: mx.partenaire.example\nmax_age: 86400\n";

    /// Fetches from a host that shows a certificate for `name` and gives `answer`.
    async fn fetched(name: &str, answer: String) -> Result<StsPolicy, OutsideError> {
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
        tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            if let Ok(mut stream) = TlsAcceptor::from(Arc::new(server)).accept(stream).await {
                let mut asked = [0; 4096];
                let _ = stream.read(&mut asked).await;
                let _ = stream.write_all(answer.as_bytes()).await;
                let _ = stream.shutdown().await;
            }
        });
        let policies = StsPolicies { port, ..StsPolicies::new(roots).unwrap() };
        policies.fetch_from(vec![Ipv4Addr::LOCALHOST.into()], HOST.to_owned()).await
    }

    fn answer(head: &str, body: &str) -> String {
        format!("HTTP/1.1 {head}\r\nContent-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len())
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
}
