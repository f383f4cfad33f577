//! RFC 2920, command pipelining.

use crate::transcript::run;

#[test]
fn section_3_1_answers_come_in_order_and_a_message_is_no_command() {
    run(include_str!("../data/smtp/pipelining.txt"));
}
