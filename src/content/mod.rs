//! What a deposited file is and what is in it (D8): its type by its content, the archives and documents that it holds,
//! macros, scripts, locks. [`inspect`] reads one file under limits and gives a [`Judgement`] by a [`FilePolicy`].
//!
//! Pure: bytes come through `Read` and `Seek`, the antivirus is whoever implements [`Antivirus`]. What cannot be read is
//! a judgement ("unreadable"), never a crash; what cannot be scanned is never called clean. Not done here: keeping the
//! judgement, erasing a file, talking to a scanner.

mod archive;
mod budget;
mod compound;
mod finding;
mod inspect;
mod kind;
mod office;
mod pdf;
mod policy;
mod sniff;

pub use budget::WalkLimits;
pub use finding::{Finding, Judgement, RefusalCause};
pub use inspect::{Antivirus, AntivirusAnswer, InspectError, Inspection, ReadSeek, ScanFailure, inspect};
pub use kind::FileKind;
pub use policy::{FilePolicies, FilePolicy, FilePolicyError, Measure};
pub use sniff::{SNIFF_BYTES, sniff};

#[cfg(test)]
mod tests;
