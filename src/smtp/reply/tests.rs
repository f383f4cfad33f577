//! Every reply, as it goes over the wire.

use super::*;
use crate::value::Reference;

fn every_outcome() -> Vec<MailOutcome> {
    use RefusedMail::{
        AddressTakesNoMail, AnswersNotice, Automatic, DoorClosed, Empty, FileRefused, FormNeeded, IsReply,
        Loop, Malformed, MayNotDeposit, TitleNamesPerson, TooComplex, TooLarge, TooManyFiles,
    };
    let refused = [
        MayNotDeposit,
        AddressTakesNoMail,
        IsReply,
        AnswersNotice,
        TooManyFiles { limit: 200 },
        Automatic,
        DoorClosed { page: true },
        DoorClosed { page: false },
        FormNeeded,
        Malformed,
        TooComplex,
        Empty,
        TooLarge { limit: ByteSize::mebibytes(50) },
        TitleNamesPerson,
        FileRefused,
        Loop,
    ];
    let mut outcomes: Vec<_> = refused.into_iter().map(MailOutcome::Refused).collect();
    outcomes.extend(
        [TryLater::Fault, TryLater::Busy, TryLater::Full, TryLater::SenderUnchecked, TryLater::TooFast]
            .map(MailOutcome::TryLater),
    );
    outcomes.push(MailOutcome::Noted);
    outcomes.push(MailOutcome::Accepted { reference: Reference::new([9; 8]) });
    outcomes
}

#[test]
fn every_outcome_is_said_in_short_ascii_lines_whose_codes_agree() {
    for outcome in every_outcome() {
        let mut wire = Vec::new();
        let reply = Reply::to_outcome(&outcome);
        reply.write_to(&mut wire);
        let text = String::from_utf8(wire).unwrap();
        assert!(text.is_ascii(), "{text}");
        assert!(text.ends_with("\r\n"));
        for line in text.split_terminator("\r\n") {
            assert!(line.len() <= 510, "RFC 5321 section 4.5.3.1.5: {line}");
            assert_eq!(line.as_bytes()[0], line.as_bytes()[4], "class of code and enhanced code: {line}");
        }
    }
}

#[test]
fn what_is_ours_to_mend_is_never_refused_for_good() {
    for later in
        [TryLater::Fault, TryLater::Busy, TryLater::Full, TryLater::SenderUnchecked, TryLater::TooFast]
    {
        let code = Reply::to_outcome(&MailOutcome::TryLater(later)).code();
        assert_eq!(code / 100, 4, "{later:?}");
    }
}

#[test]
fn a_reply_of_several_lines_is_marked_as_such() {
    let mut wire = Vec::new();
    Reply::extended_hello("mx.example", vec!["PIPELINING".into(), "SIZE 10".into()]).write_to(&mut wire);
    assert_eq!(wire, b"250-mx.example\r\n250-PIPELINING\r\n250 SIZE 10\r\n");
    wire.clear();
    Reply::UNKNOWN_RECIPIENT.write_to(&mut wire);
    let text = String::from_utf8(wire).unwrap();
    assert!(text.starts_with("550-5.1.1 Adresse inconnue"), "{text}");
    assert!(text.contains("\r\n550 5.1.1 No such"), "{text}");
}

/// Every reply that does not depend on anything. A test sees that none is missing.
fn every_constant() -> Vec<(&'static str, Reply)> {
    macro_rules! named {
        ($($name:ident),+ $(,)?) => { vec![$((stringify!($name), Reply::$name)),+] };
    }
    named![
        OK,
        SENDER_OK,
        RECIPIENT_OK,
        NOTED,
        BYE,
        CANNOT_VERIFY,
        HELP,
        START_TLS,
        START_MAIL,
        UNKNOWN_COMMAND,
        LINE_ENDING,
        LINE_TOO_LONG,
        SYNTAX,
        NOT_OFFERED,
        HELLO_FIRST,
        SENDER_FIRST,
        RECIPIENT_FIRST,
        SENDER_GIVEN,
        TLS_ALREADY,
        CHUNKS_BEGUN,
        TLS_FIRST,
        BYTES_AFTER_STARTTLS,
        PARAMETER,
        SENDER_SYNTAX,
        RECIPIENT_SYNTAX,
        SENDER_NEEDS_UTF8,
        RECIPIENT_NEEDS_UTF8,
        UNKNOWN_RECIPIENT,
        NO_RELAY,
        ONE_RECIPIENT,
        CHALLENGE_EMPTY,
        CHALLENGE_NAME,
        CHALLENGE_SECRET,
        SIGNED_IN,
        SIGN_IN_LATER,
        SIGN_IN_FIRST,
        SIGN_IN_REFUSED,
        SIGN_IN_REFUSED_LAST,
        TOO_MANY_SIGN_INS,
        SIGN_IN_NEEDS_TLS,
        SIGN_IN_ENCODING,
        SIGN_IN_CANCELLED,
        SIGN_IN_LINE_TOO_LONG,
        SIGNED_IN_ALREADY,
        SIGN_IN_BEFORE_MAIL,
        MECHANISM,
        SENDER_NOT_YOURS,
        SENDER_LATER,
        ACCOUNT_ENDED,
        TOO_MANY_RECIPIENTS,
        TOO_MANY_ERRORS,
        TOO_MANY_COMMANDS,
        TOO_MANY_MAILS,
        TOO_MANY_CONNECTIONS,
        SERVER_BUSY,
        CLOSING,
        TIMED_OUT,
        NO_MEMORY,
        DISCARDED_TOO_MUCH,
    ]
}

fn every_reply() -> Vec<(String, Reply)> {
    let mut all: Vec<(String, Reply)> =
        every_constant().into_iter().map(|(name, reply)| (name.to_owned(), reply)).collect();
    all.extend(every_outcome().iter().map(|outcome| (format!("{outcome:?}"), Reply::to_outcome(outcome))));
    all.extend(
        every_submission().iter().map(|outcome| (format!("{outcome:?}"), Reply::to_submission(outcome))),
    );
    let faults = [
        MessageFault::LineEnding,
        MessageFault::LineTooLong,
        MessageFault::TooLarge { limit: ByteSize::mebibytes(50) },
        MessageFault::NoRoom,
    ];
    all.extend(faults.map(|fault| (format!("{fault:?}"), Reply::to_message_fault(fault))));
    all.push(("endless".to_owned(), Reply::endless()));
    all
}

fn every_submission() -> Vec<SubmissionOutcome> {
    use RefusedSubmission::{
        Automatic, Empty, FileRefused, Loop, Malformed, MayNotSend, RecipientRefused, TitleNamesPerson,
        TooComplex, TooLarge, TooManyFiles, TooManyRecipients, Validity, WhichMailbox,
    };
    let limit = ByteSize::mebibytes(50);
    let refused = [
        MayNotSend,
        WhichMailbox,
        Automatic,
        TooManyRecipients { limit: 100 },
        Validity,
        TooManyFiles { limit: 200 },
        RecipientRefused,
        Malformed,
        TooComplex,
        Empty,
        TooLarge { limit },
        TitleNamesPerson,
        FileRefused,
        Loop,
    ];
    let mut outcomes: Vec<_> = refused.into_iter().map(SubmissionOutcome::Refused).collect();
    outcomes.push(SubmissionOutcome::TryLater(TryLater::Busy));
    outcomes.push(SubmissionOutcome::Taken { reference: Reference::new([9; 8]) });
    outcomes
}

#[test]
fn no_reply_is_missing_from_the_table() {
    let source = include_str!("../reply.rs");
    let declared =
        source.split("const ").skip(1).filter_map(|rest| rest.split_once(": Self").map(|(name, _)| name));
    let known: Vec<&str> = every_constant().into_iter().map(|(name, _)| name).collect();
    let missing: Vec<&str> = declared
        .filter(|name| name.bytes().all(|b| b.is_ascii_uppercase() || b == b'_' || b.is_ascii_digit()))
        .filter(|name| !known.contains(name))
        .collect();
    assert!(missing.is_empty(), "{missing:?}");
}

/// RFC 3463 and the codes that were registered later: subject and detail.
const REGISTERED: &[(u8, u8)] = &[
    (0, 0),
    (1, 0),
    (1, 1),
    (1, 3),
    (1, 5),
    (1, 7),
    (3, 0),
    (3, 1),
    (3, 2),
    (3, 4),
    (4, 2),
    (4, 3),
    (4, 6),
    (5, 0),
    (5, 1),
    (5, 2),
    (5, 3),
    (5, 4),
    (5, 6),
    (6, 0),
    (6, 7),
    (7, 0),
    (7, 1),
    (7, 8),
    (7, 11),
];

/// RFC 2034 section 4: the classes agree, each code is registered. RFC 5321 section 4.2: whoever is refused reads a
/// sentence, short and in ASCII.
#[test]
fn every_refusal_has_an_enhanced_code_of_its_class_and_is_said_in_sentences() {
    for (name, reply) in every_reply() {
        let mut wire = Vec::new();
        reply.write_to(&mut wire);
        let text = String::from_utf8(wire).unwrap();
        assert!(text.is_ascii() && text.ends_with("\r\n"), "{name}: {text}");
        if let Some((class, subject, detail)) = reply.enhanced {
            assert_eq!(u16::from(class), reply.code / 100, "{name}");
            assert!(REGISTERED.contains(&(subject, detail)), "{name}: {class}.{subject}.{detail}");
        }
        if !reply.is_refusal() {
            continue;
        }
        assert!(reply.enhanced.is_some(), "{name} has no enhanced code");
        for line in text.split_terminator("\r\n") {
            assert!(line.len() <= 510, "RFC 5321 section 4.5.3.1.5: {line}");
            let (_, said) = line.split_at(4);
            let (_, said) = said.split_once(' ').unwrap();
            let begins = said.chars().next().unwrap();
            assert!(begins.is_ascii_uppercase() && said.ends_with('.'), "{name} is no sentence: {said}");
            assert!(said.split(' ').count() >= 3, "{name} says too little: {said}");
        }
    }
}
