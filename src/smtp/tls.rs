//! How a TLS connection is told to people and kept with a mail.

use rustls::{CommonState, ProtocolVersion};

use super::mail::PeerTls;
use crate::value::Digest;

/// Version and cipher suite, `TLSv1.3 TLS13_AES_256_GCM_SHA384`, and the certificate that the peer showed.
pub(super) fn describe(connection: &CommonState) -> PeerTls {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "TLS",
    };
    let protocol = match connection.negotiated_cipher_suite() {
        Some(suite) => format!("{version} {:?}", suite.suite()),
        None => version.to_owned(),
    };
    let certificate = connection.peer_certificates().and_then(<[_]>::first);
    PeerTls { protocol, certificate: certificate.map(|certificate| Digest::of(certificate)) }
}
