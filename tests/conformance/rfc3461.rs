//! RFC 3461, delivery status notifications: what a sender asks to be told is read and handed on. What is told, and that
//! nobody learns anything by it who may not deposit, is in `tests/app/reports.rs`.

use crate::transcript::{run, run_submission};

#[test]
fn section_4_what_a_host_asks_for_goes_along_with_the_mail() {
    run(include_str!("../data/smtp/notifications.txt"));
}

#[test]
fn section_4_what_a_mail_program_asks_for_is_known_of_each_recipient() {
    run_submission(include_str!("../data/smtp/submission_notifications.txt"));
}
