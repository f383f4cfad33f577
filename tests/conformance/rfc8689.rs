//! RFC 8689, REQUIRETLS, the receiving side.

use crate::transcript::{run, run_before_a_clear_way_out, run_submission_before_a_clear_way_out};

#[test]
fn section_2_offered_and_taken_over_tls_only() {
    run(include_str!("../data/smtp/require_tls.txt"));
}

#[test]
fn section_2_not_offered_nor_taken_where_what_follows_leaves_in_clear() {
    run_before_a_clear_way_out(include_str!("../data/smtp/require_tls_not_kept.txt"));
    run_submission_before_a_clear_way_out(include_str!("../data/smtp/require_tls_not_kept_submission.txt"));
}
