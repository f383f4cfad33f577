//! Sealing and opening: everything that the gateway keeps of a person's case is an age v1 file
//! (<https://age-encryption.org/v1>) to an X25519 recipient, so that the stock `age` tool can open it.
//!
//! Each construction is one short function: a stream ([`Sealer`], [`Opener`]), a small blob ([`seal`],
//! [`open`]), a wrapped identity ([`wrap_identity`]), a grant ([`Grant`]), a manifest ([`Manifest`]). Nothing
//! here touches a file or a clock. The age crate draws its own randomness for file keys and nonces: see
//! `docs/decisions/0002-age-draws-its-own-randomness.md`.

mod error;
mod grant;
mod key;
mod manifest;
mod open;
mod seal;

pub use error::VaultError;
pub use grant::{Grant, GrantTerms};
pub use key::{Identity, Recipient};
pub use manifest::{Manifest, ManifestPart, PartRole};
pub use open::{Opener, open, unwrap_identity};
pub use seal::{AGE_MAGIC, SealSummary, Sealed, Sealer, seal, wrap_identity};
