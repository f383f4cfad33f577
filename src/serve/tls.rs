//! Certificates of the pages and of the mail door: read from PEM files at the start, and anew on SIGHUP without a
//! connection being dropped.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use arc_swap::ArcSwap;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{DistinguishedName, ServerConfig};
use thiserror::Error;

use super::any_certificate::AnyCertificate;
use crate::config::{Config, TlsFiles};

/// The issuer that is named where none is configured: CN=Pli, in DER without its outer sequence (X.520, RFC 5280 section 4.1.2.4).
/// No certificate of a person's is from it.
const NOBODY: &[u8] = &[0x31, 0x0c, 0x30, 0x0a, 0x06, 0x03, 0x55, 0x04, 0x03, 0x0c, 0x03, b'P', b'l', b'i'];

/// Why a certificate cannot be used. The operator must act.
#[derive(Debug, Error)]
pub enum CertificateError {
    /// The file cannot be read, or holds no PEM of that kind.
    #[error("{} cannot be read as PEM: {source}", path.display())]
    Pem {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: rustls::pki_types::pem::Error,
    },
    /// Certificate and key do not go together, or are not accepted.
    #[error("the certificate {} cannot be used: {source}", path.display())]
    Rejected {
        /// The certificate's file.
        path: PathBuf,
        /// Why.
        source: rustls::Error,
    },
}

/// A server configuration that can be replaced while it is in use.
pub type Reloadable = Arc<ArcSwap<ServerConfig>>;

/// The certificates in force.
#[derive(Clone, Default)]
pub struct Certificates {
    /// Of the pages; none when they are served without TLS.
    pub http: Option<Reloadable>,
    /// Of the mail door; none when it takes mail in clear only.
    pub smtp: Option<Reloadable>,
    /// The same for mail programs, which are asked for no certificate of theirs.
    pub submission: Option<Reloadable>,
}

impl Certificates {
    /// Reads what the configuration names.
    pub fn load(config: &Config) -> Result<Self, CertificateError> {
        let reloadable =
            |loaded: Option<ServerConfig>| loaded.map(|tls| Arc::new(ArcSwap::from_pointee(tls)));
        Ok(Self {
            http: reloadable(http_config(config)?),
            smtp: reloadable(smtp_config(config)?),
            submission: reloadable(submission_config(config)?),
        })
    }

    /// Reads the files anew; connections in progress keep what they have. On an error all stays as it was.
    pub fn reload(&self, config: &Config) -> Result<(), CertificateError> {
        let (http, smtp) = (http_config(config)?, smtp_config(config)?);
        let submission = submission_config(config)?;
        for (place, loaded) in [(&self.http, http), (&self.smtp, smtp), (&self.submission, submission)] {
            if let (Some(place), Some(loaded)) = (place, loaded) {
                place.store(Arc::new(loaded));
            }
        }
        Ok(())
    }
}

fn http_config(config: &Config) -> Result<Option<ServerConfig>, CertificateError> {
    let clients = http_clients(config)?;
    let loaded = config.http.tls_files().map(|files| server_config(files, clients)).transpose()?;
    Ok(loaded.map(|mut tls| {
        tls.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        tls
    }))
}

/// Partners' software may show a certificate, which is pinned; people's browsers are not asked to choose one.
fn http_clients(config: &Config) -> Result<Arc<dyn ClientCertVerifier>, CertificateError> {
    if !config.http.asks_certificates {
        return Ok(WebPkiClientVerifier::no_client_auth());
    }
    let issuers = match &config.http.certificate_issuers {
        Some(path) => {
            let mut roots = rustls::RootCertStore::empty();
            roots.add_parsable_certificates(read_chain(path)?);
            roots.subjects()
        }
        None => vec![DistinguishedName::in_sequence(NOBODY)],
    };
    Ok(Arc::new(AnyCertificate::of_issuers(issuers)))
}

fn smtp_config(config: &Config) -> Result<Option<ServerConfig>, CertificateError> {
    let Some(files) = config.smtp.tls_files() else { return Ok(None) };
    if config.smtp.asks_certificates {
        server_config(files, Arc::new(AnyCertificate::new())).map(Some)
    } else {
        server_config(files, WebPkiClientVerifier::no_client_auth()).map(Some)
    }
}

fn submission_config(config: &Config) -> Result<Option<ServerConfig>, CertificateError> {
    let files = config.smtp.tls_files().filter(|_| config.submission.is_on());
    files.map(|files| server_config(files, WebPkiClientVerifier::no_client_auth())).transpose()
}

/// TLS 1.2 and 1.3, the provider's own choice of suites (ANSSI's recommendations for TLS, R3 to R9).
fn server_config(
    files: TlsFiles<'_>,
    clients: Arc<dyn ClientCertVerifier>,
) -> Result<ServerConfig, CertificateError> {
    let chain = read_chain(files.certificate)?;
    let key = PrivateKeyDer::from_pem_file(files.key)
        .map_err(|source| CertificateError::Pem { path: files.key.clone(), source })?;
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let rejected = |source| CertificateError::Rejected { path: files.certificate.clone(), source };
    ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .map_err(rejected)?
        .with_client_cert_verifier(clients)
        .with_single_cert(chain, key)
        .map_err(rejected)
}

/// The authorities of the system, and those of a PEM file.
pub fn roots(more: Option<&Path>) -> Result<rustls::RootCertStore, CertificateError> {
    let mut roots = rustls::RootCertStore::empty();
    roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
    if let Some(path) = more {
        roots.add_parsable_certificates(read_chain(path)?);
    }
    Ok(roots)
}

/// The certificates of a PEM file; at least one.
pub fn read_chain(path: &Path) -> Result<Vec<CertificateDer<'static>>, CertificateError> {
    let unreadable = |source| CertificateError::Pem { path: path.to_owned(), source };
    let chain: Vec<_> =
        CertificateDer::pem_file_iter(path).and_then(Iterator::collect).map_err(unreadable)?;
    if chain.is_empty() { Err(unreadable(rustls::pki_types::pem::Error::NoItemsFound)) } else { Ok(chain) }
}
