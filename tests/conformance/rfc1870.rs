//! RFC 1870, SIZE.

use pli::smtp::Step;

use crate::transcript::{run, session};

#[test]
fn section_6_1_a_size_announced_too_large_is_refused_at_mail() {
    run(include_str!("../data/smtp/size.txt"));
}

#[test]
fn section_6_3_a_message_that_turns_out_too_large_is_read_to_its_end_and_refused() {
    let mut session = session();
    let mut dialogue =
        b"HELO x.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<depot@carsat.example>\r\nDATA\r\n".to_vec();
    dialogue.extend_from_slice(&b"0123456789\r\n".repeat(200));
    dialogue.extend_from_slice(b".\r\nNOOP\r\n");
    let mut codes = Vec::new();
    let mut input = dialogue.as_slice();
    while let Some(step) = session.advance(&mut input) {
        match step {
            Step::Reply(reply) => codes.push(reply.code()),
            other => panic!("{other:?}"),
        }
    }
    assert_eq!(codes, [250, 250, 250, 354, 552, 250]);
}
