//! Stories told to the real binary, with real programs around it: Postfix, swaks, Python's `email`, the stock `age`,
//! `faketime`. Each story has a directory and ports of its own, and waits only for what can be seen from outside.
//! `PLI_ROUNDS=full` runs the full counts.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]
#![expect(clippy::expect_used, reason = "what fails here fails the test")]

mod answered;
mod api;
mod backup;
mod bad_input;
mod checked;
mod clock_jump;
mod custody;
mod delivered;
mod download;
mod expired;
mod form;
mod full_disk;
mod log;
mod never_in_clear;
mod not_a_deposit;
mod nothing_lost;
mod outlook;
mod outsiders;
mod postfix;
mod receipt;
mod recovered;
mod restart;
mod resumed;
mod road;
mod robots;
mod scanned;
mod senders;
mod signed;
mod slow_hosts;
mod submission;
mod support;
mod timestamps;
mod tls_profile;
mod two_organisations;
mod way_out;
mod witness;
