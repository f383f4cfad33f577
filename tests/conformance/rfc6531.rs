//! RFC 6531, SMTPUTF8.

use crate::transcript::run;

#[test]
fn section_3_5_an_address_beyond_ascii_needs_smtputf8() {
    run(include_str!("../data/smtp/utf8.txt"));
}
