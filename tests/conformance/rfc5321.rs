//! RFC 5321, the receiving side.

use std::time::Duration;

use pli::smtp::{ListenerLimits, MailOutcome, SessionLimits, Step};
use pli::value::ByteSize;
use proptest::prelude::*;

use crate::transcript::{run, session, session_with};

#[test]
fn appendix_d_1_an_ordinary_mail() {
    run(include_str!("../data/smtp/deposit.txt"));
}

#[test]
fn section_3_6_nothing_is_relayed_and_who_may_deposit_is_said_after_data() {
    run(include_str!("../data/smtp/refusals.txt"));
}

#[test]
fn section_4_1_1_every_command_has_its_answer() {
    run(include_str!("../data/smtp/other_commands.txt"));
}

#[test]
fn section_4_1_4_the_order_of_commands() {
    run(include_str!("../data/smtp/order.txt"));
}

#[test]
fn section_4_5_3_1_one_recipient_a_transaction() {
    run(include_str!("../data/smtp/one_recipient.txt"));
}

#[test]
fn section_2_3_8_only_crlf_ends_a_line() {
    run(include_str!("../data/smtp/line_endings.txt"));
}

/// What a session did, as text: reply codes, and each mail with its bytes.
fn tell(session: &mut pli::smtp::Session, pieces: &[&[u8]]) -> Vec<String> {
    let mut told = Vec::new();
    for piece in pieces {
        let mut input = *piece;
        while let Some(step) = session.advance(&mut input) {
            match step {
                Step::Reply(reply) => told.push(reply.code().to_string()),
                Step::Close(reply) => told.push(format!("{} closed", reply.code())),
                Step::StartTls(_) => told.push("tls".to_owned()),
                other @ (Step::SignIn(_) | Step::CheckSender { .. } | Step::Submit(_)) => panic!("{other:?}"),
                Step::Deliver(mail) => {
                    told.push(format!("{:?} {}", mail.from, String::from_utf8_lossy(mail.bytes.expose())));
                    session.outcome(&MailOutcome::Noted);
                }
            }
        }
    }
    told
}

const ENVELOPE: &str =
    "HELO x.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<depot@carsat.example>\r\nDATA\r\n";

const SMUGGLED: &str =
    "MAIL FROM:<evil@b.example>\r\nRCPT TO:<depot@carsat.example>\r\nDATA\r\nevil\r\n.\r\n";

#[test]
fn section_4_1_1_4_false_endings_as_dialogues() {
    for transcript in [
        include_str!("../data/smtp/smuggling_lf_dot_lf.txt"),
        include_str!("../data/smtp/smuggling_lf_dot_crlf.txt"),
        include_str!("../data/smtp/smuggling_cr_dot_cr.txt"),
        include_str!("../data/smtp/smuggling_crlf_dot_lf.txt"),
        include_str!("../data/smtp/smuggling_crlf_dot_cr.txt"),
        include_str!("../data/smtp/smuggling_nul.txt"),
    ] {
        run(transcript);
    }
}

/// CVE-2023-51764, -51765, -51766 and cousins: whatever a laxer system takes for the end of a message.
#[test]
fn section_4_1_1_4_no_false_ending_smuggles_a_second_mail_wherever_the_bytes_are_cut() {
    let true_ending = format!("{ENVELOPE}Bonjour\r\n.\r\n{SMUGGLED}");
    assert!(
        tell(&mut session(), &[true_ending.as_bytes()]).last().unwrap().contains("evil"),
        "the test is blind"
    );
    let endings = [
        "\n.\n",
        "\n.\r\n",
        "\r.\r",
        "\r.\r\n",
        "\r\n.\n",
        "\r\n.\r",
        "\n.\r",
        "\r.\n",
        "\r\n\0.\r\n",
        "\r\n.\0\r\n",
        "\n\r\n.\n",
        "\r\n.\r\r\n",
        "\r\r\n.\r\n",
        "\r\n.\r\r",
        "\n\n.\n\n",
        "\r\n.\n\r\n",
    ];
    for ending in endings {
        let dialogue = format!("{ENVELOPE}Bonjour{ending}{SMUGGLED}.\r\nNOOP\r\n");
        let bytes = dialogue.as_bytes();
        let whole = tell(&mut session(), &[bytes]);
        assert!(!whole.iter().any(|said| said.contains("evil")), "{ending:?} smuggled: {whole:?}");
        assert_eq!(whole.last().unwrap(), "554 closed", "{ending:?} was not refused: {whole:?}");
        for cut in 0..=bytes.len() {
            let (front, back) = bytes.split_at(cut);
            assert_eq!(tell(&mut session(), &[front, back]), whole, "{ending:?} cut at {cut}");
        }
    }
}

/// What every server must take, at the least, to the last octet.
#[test]
fn section_4_5_3_1_sizes_up_to_which_nobody_is_refused() {
    let first = |dialogue: &str| tell(&mut session(), &[dialogue.as_bytes()]).last().unwrap().clone();
    // 4.5.3.1.1 to .3: a local part of 64 octets, a domain of 255, a path of 256 with its brackets.
    let (local, label) = ("l".repeat(64), "d".repeat(60));
    let domain = format!("{label}.{label}.{label}.exampl");
    let path = format!("<{local}@{domain}>");
    assert_eq!(path.len(), 256);
    assert_eq!(first(&format!("EHLO x.example\r\nMAIL FROM:{path}\r\n")), "250");
    let longest = format!("{label}.{label}.{label}.{label}.{}", "e".repeat(11));
    assert_eq!(longest.len(), 255);
    assert_eq!(first(&format!("EHLO {longest}\r\n")), "250");
    // 4.5.3.1.4: a command line of 512 octets with its end; each extension may lengthen it.
    let line = format!("NOOP {}\r\n", "x".repeat(505));
    assert_eq!((line.len(), first(&line).as_str()), (512, "250"));
    // 4.5.3.1.7: a message of 64K octets; here as the defaults have it.
    let limits = SessionLimits::default();
    let line = format!("{}\r\n", "x".repeat(998));
    let message = line.repeat(66);
    assert!(message.len() > 64 * 1024);
    let told = tell(&mut session_with(limits), &[format!("{ENVELOPE}{message}.\r\n").as_bytes()]);
    assert!(told.last().unwrap().starts_with("Some("), "{:?}", told.last());
}

/// A sender may count on five minutes between commands (4.5.3.2.7), three for each block of a message (4.5.3.2.5, which is the
/// sender's own patience, so that one that keeps to it is heard), and on the same patience for the answers it reads.
#[test]
fn section_4_5_3_2_a_server_waits_as_long_as_a_sender_may_take() {
    let (limits, minutes) = (ListenerLimits::default(), Duration::from_mins);
    assert!(limits.command_wait >= minutes(5));
    assert!(limits.data_wait >= minutes(3));
    assert!(limits.reply_wait >= minutes(5));
    assert!(limits.session_wait >= limits.command_wait && limits.message_wait >= limits.data_wait);
}

#[test]
fn section_4_5_3_1_4_a_command_line_without_end_is_told_once_then_cut_off() {
    let mut endless = session();
    let line = vec![b'x'; 100 * 1024];
    assert_eq!(tell(&mut endless, &[&line]), ["500", "421 closed"]);
    let mut long = session();
    let mut line = vec![b'x'; 2000];
    line.extend_from_slice(b"\r\nNOOP\r\n");
    assert_eq!(tell(&mut long, &[&line]), ["500", "250"]);
}

#[test]
fn section_4_5_3_1_6_long_lines_are_taken_and_monstrous_ones_refused() {
    let limits = SessionLimits { message: ByteSize::mebibytes(1), ..SessionLimits::default() };
    for (length, code) in [(998, None), (60_000, None), (70_000, Some("554"))] {
        let dialogue = format!("{ENVELOPE}{}\r\n.\r\n", "x".repeat(length));
        let told = tell(&mut session_with(limits), &[dialogue.as_bytes()]);
        let last = told.last().unwrap();
        match code {
            Some(code) => assert_eq!(last, code, "{length}"),
            None => assert!(last.starts_with("Some("), "{length}"),
        }
    }
}

#[test]
fn section_4_5_4_a_message_that_never_ends_is_cut_off() {
    let mut session = session();
    tell(&mut session, &[ENVELOPE.as_bytes()]);
    let block = vec![b'x'; 1024 * 1024];
    let blocks: Vec<&[u8]> = std::iter::repeat_n(block.as_slice(), 70).collect();
    assert_eq!(tell(&mut session, &blocks), ["552 closed"]);
}

#[test]
fn chatter_without_mail_has_an_end() {
    let told = tell(&mut session(), &[&b"NOOP\r\n".repeat(40)]);
    assert_eq!(told.len(), 31);
    assert_eq!(told.last().unwrap(), "421 closed");
}

proptest! {
    /// Bytes are bytes: how they were cut into packets changes nothing.
    #[test]
    fn any_fragmentation_gives_the_same_steps(
        parts in prop::collection::vec(
            prop_oneof![
                Just("HELO x.example\r\n"), Just("MAIL FROM:<a@b.example>\r\n"), Just("MAIL FROM:<>\r\n"),
                Just("RCPT TO:<depot@carsat.example>\r\n"), Just("DATA\r\n"), Just("Bonjour\r\n"), Just(".\r\n"),
                Just("..\r\n"), Just("."), Just("\r"), Just("\n"), Just("\0"), Just("RSET\r\n"), Just("é"),
                Just("BDAT 5\r\n"), Just("BDAT 3 LAST\r\n"), Just("NOOP\r\n"), Just("QUIT\r\n"),
            ],
            0..40,
        ),
        cuts in prop::collection::vec(any::<prop::sample::Index>(), 0..12),
        begins_with_data: bool,
    ) {
        let mut dialogue = if begins_with_data { ENVELOPE.to_owned() } else { String::new() };
        dialogue.push_str(&parts.concat());
        let bytes = dialogue.as_bytes();
        let mut places: Vec<usize> = cuts.iter().map(|cut| cut.index(bytes.len() + 1)).collect();
        places.extend([0, bytes.len()]);
        places.sort_unstable();
        let pieces: Vec<&[u8]> = places.windows(2).map(|pair| &bytes[pair[0]..pair[1]]).collect();
        prop_assert_eq!(tell(&mut session(), &pieces), tell(&mut session(), &[bytes]));
    }

    /// Whatever a mail holds, dot-stuffed by the rule it comes out as it was.
    #[test]
    fn section_4_5_2_transparency(lines in prop::collection::vec("[.a-zé]{0,6}", 0..20)) {
        let (mut message, mut stuffed) = (String::new(), String::new());
        for line in &lines {
            message.extend([line.as_str(), "\r\n"]);
            stuffed.extend([if line.starts_with('.') { "." } else { "" }, line, "\r\n"]);
        }
        let told = tell(&mut session(), &[format!("{ENVELOPE}{stuffed}.\r\n").as_bytes()]);
        prop_assert!(told.last().unwrap().ends_with(&format!(" {message}")), "{:?}", told);
    }
}
