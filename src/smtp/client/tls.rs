//! Which certificate of a mail host is believed: any (RFC 7435), one that proves a name to an authority, or one that the
//! domain's own signed records name (DANE, RFC 7672).

use std::sync::Arc;

use aws_lc_rs::digest::{SHA256, SHA512, digest};
use rustls::client::WebPkiServerVerifier;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::{CertificateError, ClientConfig, DigitallySignedStruct, RootCertStore, SignatureScheme};

use super::{Route, TlsRequirement};

/// A TLSA record that can be used (RFC 6698 section 2.1, RFC 7672 section 3.1): usage 2 or 3.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TlsaRecord {
    /// What the record names.
    pub usage: TlsaUsage,
    /// Whether it names a whole certificate or its public key only.
    pub selector: TlsaSelector,
    /// How it names it.
    pub matching: TlsaMatching,
    /// The certificate, the key or the digest.
    pub data: Vec<u8>,
}

/// What a TLSA record names.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsaUsage {
    /// DANE-TA(2): an authority in the chain that the host shows; the name and the dates are checked.
    TrustAnchor,
    /// DANE-EE(3): the host's own certificate; the record says all there is to say.
    EndEntity,
}

/// What of a certificate is matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsaSelector {
    /// Cert(0).
    Certificate,
    /// SPKI(1).
    PublicKey,
}

/// How it is matched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TlsaMatching {
    /// Full(0).
    Exact,
    /// SHA2-256(1).
    Sha256,
    /// SHA2-512(2).
    Sha512,
}

impl TlsaRecord {
    /// Whether it names this certificate (DER).
    fn names(&self, certificate: &CertificateDer<'_>) -> bool {
        let selected = match self.selector {
            TlsaSelector::Certificate => certificate.to_vec(),
            TlsaSelector::PublicKey => match ParsedCertificate::try_from(certificate) {
                Ok(parsed) => parsed.subject_public_key_info().to_vec(),
                Err(_) => return false,
            },
        };
        match self.matching {
            TlsaMatching::Exact => self.data == selected,
            TlsaMatching::Sha256 => self.data == digest(&SHA256, &selected).as_ref(),
            TlsaMatching::Sha512 => self.data == digest(&SHA512, &selected).as_ref(),
        }
    }
}

/// The ways of TLS to a host.
#[derive(Clone)]
pub struct ClientTls {
    provider: Arc<CryptoProvider>,
    roots: Arc<RootCertStore>,
    opportunistic: Arc<ClientConfig>,
}

impl ClientTls {
    /// TLS 1.2 and 1.3. Where TLS is required a host must prove its name to one of these roots, unless DANE says otherwise.
    pub fn new(roots: RootCertStore) -> Result<Self, rustls::Error> {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let opportunistic = config(&provider, Belief::Anything)?;
        Ok(Self { provider, roots: Arc::new(roots), opportunistic: Arc::new(opportunistic) })
    }

    /// For this route.
    pub(super) fn config(&self, route: &Route) -> Result<Arc<ClientConfig>, rustls::Error> {
        let belief = match &route.tls {
            TlsRequirement::None | TlsRequirement::Opportunistic | TlsRequirement::Encrypted => {
                return Ok(self.opportunistic.clone());
            }
            TlsRequirement::Required => {
                let inner = self.verifier(self.roots.clone())?;
                Belief::Names { inner, names: route.names.clone() }
            }
            TlsRequirement::Dane(records) => {
                Belief::Records { records: records.clone(), names: route.names.clone() }
            }
        };
        Ok(Arc::new(config(&self.provider, belief)?))
    }

    fn verifier(&self, roots: Arc<RootCertStore>) -> Result<Arc<WebPkiServerVerifier>, rustls::Error> {
        let builder = WebPkiServerVerifier::builder_with_provider(roots, self.provider.clone());
        builder.build().map_err(|error| rustls::Error::General(error.to_string()))
    }
}

fn config(provider: &Arc<CryptoProvider>, belief: Belief) -> Result<ClientConfig, rustls::Error> {
    let verifier = Verifier { provider: provider.clone(), belief };
    Ok(ClientConfig::builder_with_provider(provider.clone())
        .with_safe_default_protocol_versions()?
        .dangerous()
        .with_custom_certificate_verifier(Arc::new(verifier))
        .with_no_client_auth())
}

/// What makes a certificate believed.
#[derive(Debug)]
enum Belief {
    /// Nothing: opportunistic TLS keeps listeners out, not impostors (RFC 7435 section 1.2).
    Anything,
    /// An authority vouches for one of the names.
    Names { inner: Arc<WebPkiServerVerifier>, names: Vec<ServerName<'static>> },
    /// The domain's records do.
    Records { records: Arc<[TlsaRecord]>, names: Vec<ServerName<'static>> },
}

/// Signatures are checked whatever is believed.
#[derive(Debug)]
struct Verifier {
    provider: Arc<CryptoProvider>,
    belief: Belief,
}

impl Verifier {
    /// RFC 7672 section 3.1: a match of DANE-EE(3) is enough; under DANE-TA(2) the chain must lead to a certificate that a
    /// record names, and prove one of the names (section 3.2.3).
    fn by_records(
        &self,
        records: &[TlsaRecord],
        names: &[ServerName<'static>],
        shown: (&CertificateDer<'_>, &[CertificateDer<'_>]),
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        let (end_entity, intermediates) = shown;
        let of = |usage| records.iter().filter(move |record| record.usage == usage);
        if of(TlsaUsage::EndEntity).any(|record| record.names(end_entity)) {
            return Ok(ServerCertVerified::assertion());
        }
        let mut roots = RootCertStore::empty();
        for authority in intermediates {
            if of(TlsaUsage::TrustAnchor).any(|record| record.names(authority)) {
                // One that is no authority's is of no use.
                let _ = roots.add(authority.clone().into_owned());
            }
        }
        // A record may hold the whole certificate, which the host need not show then.
        for record in of(TlsaUsage::TrustAnchor) {
            if (record.selector, record.matching) == (TlsaSelector::Certificate, TlsaMatching::Exact) {
                let _ = roots.add(CertificateDer::from(record.data.clone()));
            }
        }
        if roots.is_empty() {
            return Err(CertificateError::UnknownIssuer.into());
        }
        let verifier = WebPkiServerVerifier::builder_with_provider(Arc::new(roots), self.provider.clone());
        let verifier = verifier.build().map_err(|error| rustls::Error::General(error.to_string()))?;
        one_of(names, |name| verifier.verify_server_cert(end_entity, intermediates, name, &[], now))
    }
}

/// The first name that is proved, or why the last one is not.
fn one_of(
    names: &[ServerName<'static>],
    verify: impl Fn(&ServerName<'static>) -> Result<ServerCertVerified, rustls::Error>,
) -> Result<ServerCertVerified, rustls::Error> {
    let mut last = CertificateError::NotValidForName.into();
    for name in names {
        match verify(name) {
            Ok(verified) => return Ok(verified),
            Err(error) => last = error,
        }
    }
    Err(last)
}

impl ServerCertVerifier for Verifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        ocsp_response: &[u8],
        now: UnixTime,
    ) -> Result<ServerCertVerified, rustls::Error> {
        match &self.belief {
            Belief::Anything => Ok(ServerCertVerified::assertion()),
            Belief::Names { inner, names } => one_of(names, |name| {
                inner.verify_server_cert(end_entity, intermediates, name, ocsp_response, now)
            }),
            Belief::Records { records, names } => {
                self.by_records(records, names, (end_entity, intermediates), now)
            }
        }
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls12_signature(message, certificate, signature, algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        let algorithms = &self.provider.signature_verification_algorithms;
        verify_tls13_signature(message, certificate, signature, algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};

    use super::*;

    const NAME: &str = "mx.carsat.example";

    /// A host's certificate and the authority that vouches for it.
    fn chain() -> [CertificateDer<'static>; 2] {
        let mut authority = CertificateParams::new(Vec::new()).unwrap();
        authority.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(authority, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let host = CertificateParams::new(vec![NAME.to_owned()]).unwrap();
        [host.signed_by(&key, &authority).unwrap().der().clone(), authority.der().clone()]
    }

    fn record(usage: TlsaUsage, of: &CertificateDer<'_>) -> TlsaRecord {
        let key = ParsedCertificate::try_from(of).unwrap().subject_public_key_info();
        let data = digest(&SHA256, &key).as_ref().to_vec();
        TlsaRecord { usage, selector: TlsaSelector::PublicKey, matching: TlsaMatching::Sha256, data }
    }

    fn believed(records: &[TlsaRecord], chain: &[CertificateDer<'static>], name: &str) -> bool {
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier = Verifier { provider, belief: Belief::Anything };
        let names = [ServerName::try_from(name.to_owned()).unwrap()];
        // rcgen's certificates are valid for centuries.
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_795_000_000));
        verifier.by_records(records, &names, (&chain[0], &chain[1..]), now).is_ok()
    }

    #[test]
    fn a_record_of_the_hosts_own_certificate_is_enough() {
        let chain = chain();
        let own = record(TlsaUsage::EndEntity, &chain[0]);
        assert!(believed(std::slice::from_ref(&own), &chain, NAME));
        assert!(believed(&[own], &chain[..1], "another.example"), "its name and dates are not looked at");
        let digest = digest(&SHA512, &chain[0]).as_ref().to_vec();
        let (selector, matching) = (TlsaSelector::Certificate, TlsaMatching::Sha512);
        let whole = TlsaRecord { usage: TlsaUsage::EndEntity, selector, matching, data: digest };
        assert!(believed(&[whole], &chain, NAME));
    }

    #[test]
    fn a_record_of_an_authority_believes_what_it_vouches_for_under_its_name_only() {
        let chain = chain();
        let authority = record(TlsaUsage::TrustAnchor, &chain[1]);
        assert!(believed(std::slice::from_ref(&authority), &chain, NAME));
        assert!(!believed(std::slice::from_ref(&authority), &chain, "another.example"));
        assert!(!believed(std::slice::from_ref(&authority), &chain[..1], NAME), "it must be shown");
        let (selector, matching) = (TlsaSelector::Certificate, TlsaMatching::Exact);
        let usage = TlsaUsage::TrustAnchor;
        let whole = TlsaRecord { usage, selector, matching, data: chain[1].to_vec() };
        assert!(believed(&[whole], &chain[..1], NAME), "unless the record holds it");
    }

    #[test]
    fn a_record_of_something_else_believes_nothing() {
        let (shown, other) = (chain(), chain());
        for usage in [TlsaUsage::EndEntity, TlsaUsage::TrustAnchor] {
            assert!(!believed(&[record(usage, &other[0]), record(usage, &other[1])], &shown, NAME));
        }
        assert!(!believed(&[record(TlsaUsage::TrustAnchor, &shown[0])], &shown, NAME));
        assert!(!believed(&[], &shown, NAME));
    }
}
