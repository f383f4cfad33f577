//! Sealing and opening: everything that the gateway keeps of a person's case is an age v1 file
//! (<https://age-encryption.org/v1>) to an X25519 recipient, so that the stock `age` tool can open it.
//!
//! Each construction is one short function: a part of one or more segments ([`SegmentSealer`], [`PartOpener`]), a small
//! blob ([`seal`], [`open`]), a wrapped identity ([`wrap_identity`]), a grant ([`Grant`]), a manifest ([`Manifest`]).
//! Nothing here touches a file or a clock. The format is written and read here with aws-lc, the keys are the age crate's;
//! both draw their own randomness: see `docs/decisions/0002` and `0021`.

mod content_digest;
mod error;
mod grant;
mod header;
mod key;
mod link;
mod manifest;
mod open;
mod part;
mod personal;
mod seal;
mod segment;
mod signing_key;
mod stream;

pub use content_digest::ContentDigest;
pub use error::VaultError;
pub use grant::{Grant, GrantTerms};
pub use header::AGE_MAGIC;
pub use key::{Identity, Recipient};
pub use link::{LinkGrant, LinkKeys, LinkTerms};
pub use manifest::{Manifest, ManifestPart, PartRole};
pub use open::{OpenedHeader, TruncatedSegment, open, read_identity, unwrap_identity};
pub use part::{PartOpener, SegmentSource};
pub use seal::{SealSummary, Sealed, Sealer, seal, wrap_identity, wrap_identity_under};
pub use segment::{SealingKey, Segment, SegmentSealer};
pub use signing_key::{SigningAlgorithm, SigningKeyPair, generate_signing_key};
pub use stream::CHUNK_BYTES;
