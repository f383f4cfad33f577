//! RFC 3461, delivery status notifications: not offered (decision 0062), and then refused.

use crate::transcript::run;

#[test]
fn section_5_2_2_without_the_keyword_the_sending_host_reports() {
    run(include_str!("../data/smtp/notifications.txt"));
}
