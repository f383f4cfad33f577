//! RFC 6409, submission of mail by people who signed in.

use crate::transcript::run_submission;

#[test]
fn section_4_3_who_signed_in_submits_to_several_people() {
    run_submission(include_str!("../data/smtp/submission.txt"));
}

#[test]
fn section_6_1_the_sender_is_the_accounts_at_each_mail() {
    run_submission(include_str!("../data/smtp/submission_senders.txt"));
}
