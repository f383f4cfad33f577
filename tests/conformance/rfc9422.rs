//! RFC 9422, LIMITS: what is announced is what holds.

use pli::smtp::{SessionLimits, Step};
use pli::value::ByteSize;

use crate::transcript::{run_submission, session_with};

#[test]
fn section_3_mailmax_is_the_number_of_mails_that_are_begun() {
    let limits = SessionLimits { message: ByteSize(2000), mails: 2, ..SessionLimits::default() };
    let mut session = session_with(limits);
    let mut codes = Vec::new();
    let mut input =
        &b"EHLO x.example\r\nMAIL FROM:<a@b.example>\r\nRSET\r\nMAIL FROM:<a@b.example>\r\nRSET\r\n\
        MAIL FROM:<a@b.example>\r\nNOOP\r\n"[..];
    while let Some(step) = session.advance(&mut input) {
        match step {
            Step::Reply(reply) => codes.push(reply.code()),
            Step::Close(reply) => codes.push(reply.code() + 1000),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(codes, [250, 250, 250, 250, 250, 1421]);
}

#[test]
fn section_3_rcptmax_of_mail_programs_is_what_rfc_5321_asks_for() {
    let transcript = include_str!("../data/smtp/submission.txt");
    let (head, _) = transcript.split_once("R: RCPT TO").unwrap();
    let mut many = head.to_owned();
    for number in 0..100 {
        let recipient = format!("partenaire{number}@cd35.example");
        many.extend(["C: RCPT TO:<", recipient.as_str(), ">\nS: 250 2.1.5 …\n"]);
    }
    many += "C: RCPT TO:<de-trop@cd35.example>\nS: 452 4.5.3 …\nC: RCPT TO:<partenaire7@cd35.example>\nS: 250 2.1.5 …\n";
    run_submission(&many);
}
