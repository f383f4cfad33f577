//! Bytes as nobody should send them: the mails and dialogues of `tests/data`, changed, cut, doubled. Nothing panics, limits hold.
//! What `fuzz/` does with libFuzzer, on stable; `PROPTEST_CASES=100000` for a long run.

use std::fs;
use std::path::Path;

use pli::identity::MailSession;
use pli::message::{Limits, dedup_material, parse};
use pli::smtp::{
    MailOutcome, PeerTls, RefusedSubmission, SenderAnswer, Session, SignInAnswer, Step, SubmissionOutcome,
};
use pli::value::{AccountId, ByteSize, Digest};
use proptest::prelude::*;
use proptest::sample::{Index, select};

use crate::transcript::{LIMITS, session, submission};

/// A change of some bytes.
#[derive(Debug, Clone)]
enum Change {
    Set(Index, u8),
    Cut(Index, Index),
    Double(Index, Index),
    Insert(Index, &'static [u8]),
}

const MARKS: [&[u8]; 14] = [
    b"\r\n",
    b"\n",
    b"\r",
    b"\0",
    b".\r\n",
    b"\r\n.\r\n",
    b"--",
    b"=?utf-8?b?",
    b"\xff\xfe",
    b"\"",
    b"; name*0*=",
    b"BDAT 9 LAST\r\n",
    b"RSET\r\n",
    b"Content-Type: multipart/mixed; boundary=x\r\n",
];

fn change() -> impl Strategy<Value = Change> {
    prop_oneof![
        (any::<Index>(), any::<u8>()).prop_map(|(at, byte)| Change::Set(at, byte)),
        any::<(Index, Index)>().prop_map(|(from, to)| Change::Cut(from, to)),
        any::<(Index, Index)>().prop_map(|(from, to)| Change::Double(from, to)),
        (any::<Index>(), select(&MARKS[..])).prop_map(|(at, mark)| Change::Insert(at, mark)),
    ]
}

fn changed(mut bytes: Vec<u8>, changes: &[Change]) -> Vec<u8> {
    for change in changes {
        let place = |index: &Index| index.index(bytes.len() + 1);
        let range = |one: &Index, other: &Index| {
            let (one, other) = (place(one), place(other));
            // A piece, not half of all.
            let (from, to) = (one.min(other), one.max(other));
            from..to.min(from + 400)
        };
        match change {
            Change::Set(at, byte) => {
                let at = place(at);
                if let Some(there) = bytes.get_mut(at) {
                    *there = *byte;
                }
            }
            Change::Cut(one, other) => {
                let range = range(one, other);
                bytes.drain(range);
            }
            Change::Double(one, other) => {
                let range = range(one, other);
                let piece = bytes[range.clone()].to_vec();
                bytes.splice(range.start..range.start, piece);
            }
            Change::Insert(at, mark) => {
                let at = place(at);
                bytes.splice(at..at, mark.iter().copied());
            }
        }
    }
    bytes
}

/// The files of a folder of `tests/data` with this ending.
fn samples(folder: &str, ending: &str) -> Vec<String> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data").join(folder);
    let paths = fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path());
    let mut paths: Vec<_> =
        paths.filter(|path| path.extension().is_some_and(|found| found == ending)).collect();
    paths.sort();
    paths.iter().map(|path| fs::read_to_string(path).unwrap()).collect()
}

/// What the client of a transcript sends.
fn client_of(transcript: &str) -> Vec<u8> {
    let lines = transcript.lines().filter_map(|line| line.strip_prefix("C: "));
    lines.flat_map(|line| [line.as_bytes(), b"\r\n"].concat()).collect()
}

/// Feeds a session with bytes, whatever they are, and answers what it asks.
fn feed(session: &mut Session, bytes: &[u8], at_once: usize) {
    for mut piece in bytes.chunks(at_once) {
        while let Some(step) = session.advance(&mut piece) {
            match step {
                Step::Reply(_) => {}
                Step::StartTls(_) => {
                    session.tls_established(PeerTls { protocol: "TLSv1.3".into(), certificate: None });
                }
                Step::Deliver(mail) => {
                    let text = mail.bytes.expose();
                    let is_bare = |(at, byte): (usize, &u8)| match byte {
                        b'\n' => at == 0 || text[at - 1] != b'\r',
                        b'\r' => text.get(at + 1) != Some(&b'\n'),
                        _ => false,
                    };
                    assert!(!text.iter().enumerate().any(is_bare), "a bare line end came through");
                    assert!(text.len() as u64 <= LIMITS.message.bytes());
                    session.outcome(&MailOutcome::Noted);
                }
                Step::SignIn(_) => {
                    let signed = SignInAnswer::Signed(MailSession {
                        account: AccountId::new([1; 16]),
                        mark: Digest::of(b"mail password"),
                    });
                    if matches!(session.signed_in(&signed), Step::Close(_)) {
                        return;
                    }
                }
                Step::CheckSender { .. } => {
                    if matches!(session.sender_checked(SenderAnswer::Allowed), Step::Close(_)) {
                        return;
                    }
                }
                Step::Submit(_) => {
                    session.submission_outcome(&SubmissionOutcome::Refused(RefusedSubmission::MayNotSend));
                }
                Step::Close(_) => return,
            }
        }
        assert!(piece.is_empty(), "the session takes what it is given");
    }
}

proptest! {
    #[test]
    fn a_changed_mail_breaks_no_limit(
        sample in select(samples("mime", "eml")),
        changes in prop::collection::vec(change(), 1..12),
    ) {
        let bytes = changed(sample.replace('\n', "\r\n").into_bytes(), &changes);
        let limits = Limits { depth: 8, parts: 20, decoded_bytes: ByteSize(16 * 1024), ..Limits::default() };
        if let Ok(mail) = parse(&bytes, None, &limits) {
            let files: u64 = mail.attachments.iter().map(|file| file.bytes.len() as u64).sum();
            prop_assert!(files <= limits.decoded_bytes.bytes(), "{} bytes", files);
            prop_assert!(mail.references.len() <= limits.message_ids);
        }
        prop_assert!(dedup_material(&bytes).header.len() <= bytes.len());
    }

    #[test]
    fn a_changed_dialogue_ends_in_no_panic_and_lets_no_bare_line_end_through(
        transcript in select(samples("smtp", "txt")),
        changes in prop::collection::vec(change(), 0..12),
        at_once in 1usize..600,
        mail_program: bool,
    ) {
        let bytes = changed(client_of(&transcript), &changes);
        feed(&mut if mail_program { submission() } else { session() }, &bytes, at_once);
    }
}
