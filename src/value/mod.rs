//! Values that every layer speaks of: addresses, identifiers, digests, times, sizes, languages, secrets.
//!
//! They are parsed once, where they come in, and are right by construction from then on. Nothing here
//! reads a clock, a file or a source of randomness: those come in as arguments.

mod address;
pub mod calendar;
mod checksum;
mod digest;
mod id;
mod language;
mod report_wish;
mod secret;
mod size;
mod table;
mod time;
pub mod words;

pub use address::{AddressError, Domain, MailAddress};
pub use checksum::{Checksum, ChecksumAlgorithm, ChecksumCheck, ChecksumError};
pub use digest::{Digest, DigestBuilder, keyed_digest};
pub use id::{
    AccountId, ApiClientId, DraftId, EffectId, IdError, LinkId, MailId, MailboxId, ObjectId, OrganisationId,
    PartnerId, PersonId, ProofId, RecoveryId, Reference, SessionId, Slug, TransferId, UploadId,
};
pub use language::Language;
pub use report_wish::{Addressee, Notify, ReportWish};
pub use secret::{SecretBytes, Token, TokenHash, are_same_bytes, derive_secret, wipe};
pub use size::{ByteSize, SizeError};
pub use table::csv_fields;
pub use time::{Day, Millis, Timestamp};
