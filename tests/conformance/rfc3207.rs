//! RFC 3207, STARTTLS.

use pli::smtp::Step;

use crate::transcript::{run, session};

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
