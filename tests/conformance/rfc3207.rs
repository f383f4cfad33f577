//! RFC 3207, STARTTLS.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use pli::smtp::{PeerTls, Session, SessionConfig, SessionLimits, Step};
use pli::value::Domain;

use crate::transcript::{House, run, session};

#[test]
fn section_4_2_what_was_said_before_tls_is_forgotten() {
    run(include_str!("../data/smtp/starttls.txt"));
}

/// CVE-2011-0411: bytes that a third party put behind STARTTLS in clear must not be read as if they had come
/// over TLS.
#[test]
fn section_4_2_bytes_behind_starttls_end_the_session() {
    let mut session = session();
    let mut input = &b"EHLO x.example\r\nSTARTTLS\r\nMAIL FROM:<evil@b.example>\r\n"[..];
    assert!(matches!(session.advance(&mut input), Some(Step::Reply(_))));
    match session.advance(&mut input) {
        Some(Step::Close(reply)) => assert_eq!(reply.code(), 554),
        other => panic!("{other:?}"),
    }
    assert!(session.advance(&mut input).is_none(), "a closed session takes nothing");
}

#[test]
fn section_4_a_server_that_requires_tls_takes_no_sender_before() {
    let config = SessionConfig {
        hostname: Domain::parse("mx.carsat.example").unwrap(),
        offers_tls: true,
        requires_tls: true,
        offers_requiretls: true,
        limits: SessionLimits::default(),
    };
    let mut session = Session::new(config, Arc::new(House), IpAddr::V4(Ipv4Addr::LOCALHOST), None);
    let codes = |mut input: &[u8], session: &mut Session| {
        let mut codes = Vec::new();
        while let Some(step) = session.advance(&mut input) {
            match step {
                Step::Reply(reply) | Step::StartTls(reply) => codes.push(reply.code()),
                other => panic!("{other:?}"),
            }
        }
        codes
    };
    let hello_and_mail = b"EHLO x.example\r\nMAIL FROM:<a@b.example>\r\n";
    assert_eq!(codes(hello_and_mail, &mut session), [250, 530]);
    assert_eq!(codes(b"STARTTLS\r\n", &mut session), [220]);
    session.tls_established(PeerTls { protocol: "TLSv1.3".to_owned(), certificate: None });
    assert_eq!(codes(hello_and_mail, &mut session), [250, 250]);
}
