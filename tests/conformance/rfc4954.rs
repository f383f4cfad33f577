//! RFC 4954, AUTH, with the mechanisms PLAIN (RFC 4616) and LOGIN.

use crate::transcript::{run, run_submission};

#[test]
fn section_4_plain_with_and_without_an_initial_response() {
    run_submission(include_str!("../data/smtp/auth_plain.txt"));
}

#[test]
fn login_as_old_mail_programs_speak_it() {
    run_submission(include_str!("../data/smtp/auth_login.txt"));
}

#[test]
fn section_4_every_refusal() {
    run_submission(include_str!("../data/smtp/auth_refusals.txt"));
}

#[test]
fn section_4_auth_is_neither_offered_nor_taken_in_clear() {
    run_submission(include_str!("../data/smtp/auth_in_clear.txt"));
}

#[test]
fn section_4_a_connection_ends_after_three_failures() {
    run_submission(include_str!("../data/smtp/auth_failures.txt"));
}

#[test]
fn a_door_for_other_hosts_knows_no_auth() {
    run(include_str!("../data/smtp/auth_not_offered.txt"));
}
