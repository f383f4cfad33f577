//! Asks a mail host or a partner's software for a certificate and takes any, whoever issued it: partners pin the very certificate (its SHA-256),
//! so no authority is needed. That the host holds the certificate's key is proved by the handshake.

use rustls::client::danger::HandshakeSignatureValid;
use rustls::crypto::{WebPkiSupportedAlgorithms, verify_tls12_signature, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, UnixTime};
use rustls::server::danger::{ClientCertVerified, ClientCertVerifier};
use rustls::{DigitallySignedStruct, DistinguishedName, SignatureScheme};

/// Takes any certificate whose key signs the handshake, and peers without one.
#[derive(Debug)]
pub(super) struct AnyCertificate {
    algorithms: WebPkiSupportedAlgorithms,
    issuers: Vec<DistinguishedName>,
}

impl AnyCertificate {
    /// Names issuers in the handshake: who has no certificate of theirs need not show one, and a browser does not ask its
    /// person to choose (RFC 8446 section 4.2.4). Whatever is shown is taken all the same.
    pub(super) fn of_issuers(issuers: Vec<DistinguishedName>) -> Self {
        Self { issuers, ..Self::new() }
    }

    pub(super) fn new() -> Self {
        let provider = rustls::crypto::aws_lc_rs::default_provider();
        Self { algorithms: provider.signature_verification_algorithms, issuers: Vec::new() }
    }
}

impl ClientCertVerifier for AnyCertificate {
    fn client_auth_mandatory(&self) -> bool {
        false
    }

    fn root_hint_subjects(&self) -> &[DistinguishedName] {
        &self.issuers
    }

    fn verify_client_cert(
        &self,
        _end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _now: UnixTime,
    ) -> Result<ClientCertVerified, rustls::Error> {
        Ok(ClientCertVerified::assertion())
    }

    fn verify_tls12_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls12_signature(message, certificate, signature, &self.algorithms)
    }

    fn verify_tls13_signature(
        &self,
        message: &[u8],
        certificate: &CertificateDer<'_>,
        signature: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, rustls::Error> {
        verify_tls13_signature(message, certificate, signature, &self.algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.algorithms.supported_schemes()
    }
}
