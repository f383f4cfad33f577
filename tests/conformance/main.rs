//! Conformance with published standards: one file for each RFC, each test named by the rule it holds to.
//! Dialogues are transcripts that a person can read, in `tests/data/smtp/`.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

mod age_v1;
mod any_bytes;
#[path = "../tools/ports.rs"]
mod ports;
mod real_mail;
mod rfc1870;
mod rfc2920;
mod rfc3030;
mod rfc3207;
mod rfc3461;
mod rfc4954;
mod rfc5321;
mod rfc6409;
mod rfc6531;
mod rfc8689;
mod rfc9422;
mod signed_names;
mod transcript;
mod way_out;
