//! The antivirus adapter: speaks to `clamd` (ClamAV) over a unix or TCP socket. Says what it answered; what becomes of a
//! file is decided elsewhere.
//!
//! `clamd` writes what it is streamed to its temporary directory. That must be a private tmpfs of limited size, or else
//! persons' files would reach a disk in clear (invariant 3): [`TemporaryDirectory`] looks before anything is streamed.

mod clamd;
mod reply;
mod temporary;

pub use clamd::{Clamd, ClamdAddress, ClamdSettings};
pub use temporary::TemporaryDirectory;
