//! Any bytes on a connection, in whatever pieces (the first byte is the length of each): the session answers without a
//! panic, never stands still with bytes before it, and a message that it hands over keeps to the line endings of
//! RFC 5321.

#![no_main]

use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use libfuzzer_sys::fuzz_target;
use pli::smtp::{
    MailOutcome, PeerTls, RecipientAnswer, RecipientRole, Recipients, Session, SessionConfig, SessionLimits, Step,
};
use pli::value::{ByteSize, Domain, MailAddress, MailboxId};

struct Anybody;

impl Recipients for Anybody {
    fn judge(&self, _: &MailAddress) -> RecipientAnswer {
        RecipientAnswer::Accepted(RecipientRole::Deposit(MailboxId::new([1; 16])))
    }
}

fuzz_target!(|bytes: &[u8]| {
    let Some((length, bytes)) = bytes.split_first() else { return };
    let limits = SessionLimits { message: ByteSize(64 * 1024), ..SessionLimits::default() };
    let hostname = Domain::parse("mx.carsat.example").expect("a domain");
    let config = SessionConfig { hostname, offers_tls: true, requires_tls: false, offers_requiretls: true, limits };
    let mut session = Session::new(config, Arc::new(Anybody), IpAddr::V4(Ipv4Addr::LOCALHOST), None);
    for mut piece in bytes.chunks(usize::from(*length).max(1)) {
        while let Some(step) = session.advance(&mut piece) {
            match step {
                Step::Reply(_) => {}
                Step::StartTls(_) => session.tls_established(PeerTls { protocol: "TLSv1.3".to_owned(), certificate: None }),
                Step::Deliver(mail) => {
                    let text = mail.bytes.expose();
                    let bare = text.iter().enumerate().any(|(n, byte)| match byte {
                        b'\n' => n == 0 || text[n - 1] != b'\r',
                        b'\r' => text.get(n + 1) != Some(&b'\n'),
                        _ => false,
                    });
                    assert!(!bare && text.len() <= 64 * 1024);
                    session.outcome(&MailOutcome::Noted);
                }
                Step::SignIn(_) | Step::CheckSender { .. } | Step::Submit(_) => unreachable!("a door for hosts"),
                Step::Close(_) => return,
            }
        }
        assert!(piece.is_empty(), "the session takes what it is given");
    }
});
