//! How a TLS connection is told to people and kept with a mail.

use rustls::{CommonState, ProtocolVersion};

/// Version and cipher suite, `TLSv1.3 TLS13_AES_256_GCM_SHA384`.
pub(super) fn describe(connection: &CommonState) -> String {
    let version = match connection.protocol_version() {
        Some(ProtocolVersion::TLSv1_3) => "TLSv1.3",
        Some(ProtocolVersion::TLSv1_2) => "TLSv1.2",
        _ => "TLS",
    };
    match connection.negotiated_cipher_suite() {
        Some(suite) => format!("{version} {:?}", suite.suite()),
        None => version.to_owned(),
    }
}
