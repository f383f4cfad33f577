//! RFC 8689, REQUIRETLS, the receiving side.

use crate::transcript::run;

#[test]
fn section_2_offered_and_taken_over_tls_only() {
    run(include_str!("../data/smtp/require_tls.txt"));
}
