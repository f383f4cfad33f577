//! RFC 3030, CHUNKING.

use crate::transcript::run;

#[test]
fn section_2_a_message_comes_in_chunks() {
    run(include_str!("../data/smtp/chunks.txt"));
}

#[test]
fn no_chunk_smuggles_a_mail() {
    run(include_str!("../data/smtp/smuggling_bdat.txt"));
}
