//! Runs a transcript of an SMTP dialogue against a [`Session`]. Each line of a transcript is one of:
//!
//! ```text
//! # a remark
//! C: what the client sends, CRLF added
//! R: what the client sends, as it is, with \r \n \0 \\ written out
//! S: what the server answers, one line; a trailing … stands for any rest
//! M: a mail reaches the handler; what the message must be, written as in R
//! Q: whether the mail requires TLS: yes, no
//! H: what the handler says: accepted, noted, may-not, no-mail, later
//! T: the TLS handshake takes place
//! A: what a try to sign in is answered: signed, refused, many, later; the name and secret that were given stand before
//! W: what is said of the sender: yours, not-yours, cut-off, later
//! E: the envelope of a submitted mail: its sender, then its recipients
//! N: what the sender asks to be told: ENVID, then for each recipient NOTIFY and ORCPT; - for none
//! X: the server closes
//! ```
//!
//! A transcript is run whole and byte by byte: a session may not care how its bytes were cut up. (Save that
//! bytes right behind STARTTLS are only seen when they come with it: see `rfc3207.rs`.)

use std::collections::VecDeque;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use pli::app::SubmittedMail;
use pli::identity::MailSession;
use pli::relay::letter::TaggedMail;
use pli::smtp::{
    MailCredentials, MailOutcome, PeerTls, ReceivedMail, RecipientAnswer, RecipientRole, Recipients,
    RefusedMail, RefusedSubmission, Reply, SenderAnswer, Session, SessionConfig, SessionLimits, SignInAnswer,
    Step, SubmissionOutcome, TryLater,
};
use pli::value::{AccountId, ByteSize, Digest, Domain, MailAddress, MailboxId, Reference};

/// The gateway of the transcripts: `mx.carsat.example`, which takes deposits for `depot@carsat.example`.
pub struct House;

impl Recipients for House {
    fn judge(&self, address: &MailAddress) -> RecipientAnswer {
        if address.domain().as_str() != "carsat.example" {
            return RecipientAnswer::NotHere;
        }
        match address.local() {
            "depot" | "dépôt" | "action-sociale" => {
                RecipientAnswer::Accepted(RecipientRole::Deposit(MailboxId::new([1; 16])))
            }
            "ne-pas-repondre" => RecipientAnswer::Accepted(RecipientRole::NoReply),
            "retour+01010101010101010101010101010101.00112233445566778899" => {
                let claimed = "01010101010101010101010101010101.00112233445566778899";
                RecipientAnswer::Accepted(RecipientRole::Return(TaggedMail::parse(claimed).unwrap()))
            }
            "postmaster" => RecipientAnswer::Accepted(RecipientRole::Postmaster),
            _ => RecipientAnswer::UnknownHere,
        }
    }
}

pub fn session() -> Session {
    session_with(LIMITS)
}

pub fn session_with(limits: SessionLimits) -> Session {
    Session::new(config(limits), Arc::new(House), PEER, None)
}

/// A session of the door for mail programs.
pub fn submission() -> Session {
    Session::for_submission(config(SessionLimits { commands: 150, ..LIMITS }), PEER, None)
}

pub const LIMITS: SessionLimits =
    SessionLimits { message: ByteSize(2000), errors: 5, commands: 30, mails: 20 };
const PEER: IpAddr = IpAddr::V4(Ipv4Addr::LOCALHOST);

fn config(limits: SessionLimits) -> SessionConfig {
    SessionConfig {
        hostname: Domain::parse("mx.carsat.example").unwrap(),
        offers_tls: true,
        requires_tls: false,
        offers_requiretls: true,
        limits,
    }
}

/// Whose mails leave by a way that is in clear.
fn cannot_keep_requiretls(limits: SessionLimits) -> SessionConfig {
    SessionConfig { offers_requiretls: false, ..config(limits) }
}

/// Runs a transcript with its bytes whole, then with its bytes one by one.
pub fn run(transcript: &str) {
    run_with(session, transcript);
}

/// The same on the door for mail programs.
pub fn run_submission(transcript: &str) {
    run_with(submission, transcript);
}

/// The same at a gateway whose way out is in clear, on the door for hosts.
pub fn run_before_a_clear_way_out(transcript: &str) {
    run_with(|| Session::new(cannot_keep_requiretls(LIMITS), Arc::new(House), PEER, None), transcript);
}

/// The same on the door for mail programs.
pub fn run_submission_before_a_clear_way_out(transcript: &str) {
    run_with(|| Session::for_submission(cannot_keep_requiretls(LIMITS), PEER, None), transcript);
}

fn run_with(session: fn() -> Session, transcript: &str) {
    for at_once in [usize::MAX, 1] {
        Run {
            session: session(),
            said: VecDeque::new(),
            asked: Asked::Nothing,
            upgrade: false,
            closed: false,
        }
        .play(transcript, at_once);
    }
}

/// What the session waits to hear.
enum Asked {
    Nothing,
    Mail(Box<ReceivedMail>),
    SignIn(MailCredentials),
    Sender,
    Submitted(Box<SubmittedMail>),
}

struct Run {
    session: Session,
    said: VecDeque<String>,
    asked: Asked,
    upgrade: bool,
    closed: bool,
}

impl Run {
    fn play(mut self, transcript: &str, at_once: usize) {
        let greeting = self.session.greeting();
        self.hear(&greeting);
        for (number, line) in transcript.lines().enumerate() {
            let place = format!("line {}, {at_once} bytes at once: {line}", number + 1);
            let (kind, rest) = line.split_once(": ").unwrap_or((line.trim_end_matches(':'), ""));
            match kind {
                "C" => self.send(format!("{rest}\r\n").as_bytes(), at_once),
                "R" => self.send(&unescape(rest), at_once),
                "S" => self.expect_line(rest, &place),
                "M" => assert_eq!(self.message(&place), unescape(rest), "{place}"),
                "E" => self.expect_envelope(rest, &place),
                "N" => assert_eq!(self.asked_for(&place), rest, "{place}"),
                "Q" => {
                    let required = match &self.asked {
                        Asked::Mail(mail) => mail.requires_tls,
                        Asked::Submitted(mail) => mail.envelope.requires_tls,
                        _ => panic!("no mail at {place}"),
                    };
                    assert_eq!(rest == "yes", required, "{place}");
                }
                "H" => self.handle(rest, &place),
                "A" => self.sign_in(rest, &place),
                "W" => {
                    let Asked::Sender = std::mem::replace(&mut self.asked, Asked::Nothing) else {
                        panic!("no sender to look up at {place}")
                    };
                    let step = self.session.sender_checked(sender_answer(rest));
                    self.take(step);
                }
                "T" => {
                    assert!(self.upgrade, "no handshake asked for at {place}");
                    self.upgrade = false;
                    self.session
                        .tls_established(PeerTls { protocol: "TLSv1.3 test".into(), certificate: None });
                }
                "X" => assert!(self.closed, "still open at {place}"),
                _ => assert!(line.is_empty() || line.starts_with('#'), "{place}"),
            }
        }
        assert!(self.said.is_empty(), "the server also said {:?}", self.said);
        assert!(matches!(self.asked, Asked::Nothing), "something reached the handler at the end");
    }

    fn send(&mut self, bytes: &[u8], at_once: usize) {
        for piece in bytes.chunks(at_once.min(bytes.len()).max(1)) {
            let mut input = piece;
            while let Some(step) = self.session.advance(&mut input) {
                self.take(step);
            }
        }
    }

    fn take(&mut self, step: Step) {
        match step {
            Step::Reply(reply) => self.hear(&reply),
            Step::StartTls(reply) => {
                self.hear(&reply);
                self.upgrade = true;
            }
            Step::Deliver(mail) => self.asked = Asked::Mail(mail),
            Step::SignIn(credentials) => self.asked = Asked::SignIn(credentials),
            Step::CheckSender { .. } => self.asked = Asked::Sender,
            Step::Submit(mail) => self.asked = Asked::Submitted(mail),
            Step::Close(reply) => {
                self.hear(&reply);
                self.closed = true;
            }
        }
    }

    fn message(&self, place: &str) -> &[u8] {
        match &self.asked {
            Asked::Mail(mail) => mail.bytes.expose(),
            Asked::Submitted(mail) => mail.message.expose(),
            _ => panic!("no mail at {place}"),
        }
    }

    fn expect_envelope(&self, expected: &str, place: &str) {
        let Asked::Submitted(mail) = &self.asked else { panic!("nothing submitted at {place}") };
        let mut told = vec![mail.envelope.from.to_string()];
        told.extend(mail.envelope.recipients.iter().map(|to| to.address.to_string()));
        assert_eq!(told.join(" "), expected, "{place}");
    }

    fn asked_for(&self, place: &str) -> String {
        let (id, recipients) = match &self.asked {
            Asked::Mail(mail) => (&mail.envelope_id, std::slice::from_ref(&mail.recipient.addressee)),
            Asked::Submitted(mail) => (&mail.envelope.envelope_id, mail.envelope.recipients.as_slice()),
            _ => panic!("no mail at {place}"),
        };
        let or_none = |text: &Option<String>| text.clone().unwrap_or_else(|| "-".into());
        let mut told = vec![or_none(id)];
        for to in recipients {
            let kinds =
                [(to.notify.success, "success"), (to.notify.failure, "failure"), (to.notify.delay, "delay")];
            let kinds: Vec<_> = kinds.into_iter().filter(|kind| kind.0).map(|kind| kind.1).collect();
            told.push(if kinds.is_empty() { "never".into() } else { kinds.join(",") });
            told.push(or_none(&to.original));
        }
        told.join(" ")
    }

    fn handle(&mut self, word: &str, place: &str) {
        let reply = match std::mem::replace(&mut self.asked, Asked::Nothing) {
            Asked::Mail(_) => self.session.outcome(&outcome(word)),
            Asked::Submitted(_) => self.session.submission_outcome(&submission_outcome(word)),
            _ => panic!("no mail at {place}"),
        };
        self.hear(&reply);
    }

    /// `name secret answer`
    fn sign_in(&mut self, line: &str, place: &str) {
        let Asked::SignIn(given) = std::mem::replace(&mut self.asked, Asked::Nothing) else {
            panic!("nobody signs in at {place}")
        };
        let secret = std::str::from_utf8(given.secret.expose()).unwrap();
        let answer = line.rsplit(' ').next().unwrap();
        assert_eq!(format!("{} {secret} {answer}", given.name), line, "{place}");
        let step = self.session.signed_in(&match answer {
            "signed" => SignInAnswer::Signed(MailSession {
                account: AccountId::new([1; 16]),
                mark: Digest::of(b"mail password"),
            }),
            "refused" => SignInAnswer::Refused,
            "many" => SignInAnswer::TooMany,
            "later" => SignInAnswer::TryLater,
            other => panic!("unknown answer {other}"),
        });
        self.take(step);
    }

    fn hear(&mut self, reply: &Reply) {
        let mut wire = Vec::new();
        reply.write_to(&mut wire);
        let text = String::from_utf8(wire).unwrap();
        self.said.extend(text.split_terminator("\r\n").map(str::to_owned));
    }

    fn expect_line(&mut self, expected: &str, place: &str) {
        let said = self.said.pop_front().unwrap_or_else(|| panic!("the server is silent at {place}"));
        let agrees = match expected.strip_suffix('…') {
            Some(start) => said.starts_with(start),
            None => said == expected,
        };
        assert!(agrees, "the server said {said:?} at {place}");
    }
}

fn outcome(word: &str) -> MailOutcome {
    match word {
        "accepted" => MailOutcome::Accepted { reference: Reference::parse("7K3M-9QXD-04TZ").unwrap() },
        "noted" => MailOutcome::Noted,
        "may-not" => MailOutcome::Refused(RefusedMail::MayNotDeposit),
        "no-mail" => MailOutcome::Refused(RefusedMail::AddressTakesNoMail),
        "later" => MailOutcome::TryLater(TryLater::Fault),
        other => panic!("unknown outcome {other}"),
    }
}

fn sender_answer(word: &str) -> SenderAnswer {
    match word {
        "yours" => SenderAnswer::Allowed,
        "not-yours" => SenderAnswer::NotYours,
        "cut-off" => SenderAnswer::CutOff,
        "later" => SenderAnswer::TryLater,
        other => panic!("unknown answer {other}"),
    }
}

fn submission_outcome(word: &str) -> SubmissionOutcome {
    match word {
        "accepted" => SubmissionOutcome::Taken { reference: Reference::parse("7K3M-9QXD-04TZ").unwrap() },
        "recipient" => SubmissionOutcome::Refused(RefusedSubmission::RecipientRefused),
        "later" => SubmissionOutcome::TryLater(TryLater::Fault),
        other => panic!("unknown outcome {other}"),
    }
}

/// Reads `\r \n \0 \\`; every other character is itself.
fn unescape(text: &str) -> Vec<u8> {
    let mut bytes = Vec::new();
    let mut chars = text.chars();
    while let Some(c) = chars.next() {
        let meant = match c {
            '\\' => match chars.next() {
                Some('r') => '\r',
                Some('n') => '\n',
                Some('0') => '\0',
                other => other.unwrap(),
            },
            other => other,
        };
        bytes.extend_from_slice(meant.encode_utf8(&mut [0; 4]).as_bytes());
    }
    bytes
}
