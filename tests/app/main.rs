//! The use cases over adapters in memory: stories, and the laws that a use case must keep whatever fails.
#![expect(clippy::unwrap_used, reason = "a test ends where its premise does not hold")]
#![expect(clippy::expect_used, reason = "a test ends where its premise does not hold")]

mod alerts;
mod backups;
mod caseload;
mod cases;
mod custody;
mod custody_house;
mod delivery_truth;
mod depositor;
mod deposits;
mod desk;
mod desk_pages;
mod dispatch;
mod downloads;
mod expiry;
mod faults;
mod forwarding;
mod house;
mod jobs;
mod kit_pages;
mod kits;
mod limits;
mod log_coverage;
mod log_upkeep;
mod mail_keys;
mod mail_sign_in;
mod mails;
mod outside;
mod outsiders;
mod own_account;
mod pages;
mod proofs;
mod queue;
mod reading;
mod receipts;
mod recovery;
mod resumable;
mod rotation;
mod scanned_uploads;
mod scanning;
mod senders;
mod swapped;
mod timestamps;
mod uploads;
mod witnesses;
