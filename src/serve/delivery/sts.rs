//! The MTA-STS policies of domains (RFC 8461): announced in the DNS, fetched over HTTPS from a host that proves its name,
//! kept until they are over. Who cannot be asked is under the policy that is kept.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

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
        let mut stream = Err(OutsideError::Address);
        for address in found.addresses {
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
