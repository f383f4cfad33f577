//! The keyring port: the keys that live for days, and the few secrets that live as long as the installation. It
//! stands apart from the store and is never in a backup (DESIGN section 4).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::audit::Frontier;
use crate::relay::dkim::DkimKey;
use crate::retention::{ClockAnchor, KeyName, StandingNote};
use crate::vault::{Identity, Recipient};

/// A secret of 32 bytes that lives as long as the installation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum SecretName {
    /// Keys the pseudonyms of people in the log.
    Pseudonyms,
    /// Keys the digests that recognise a repeated send.
    Repeats,
    /// Keys the digests of typed codes.
    Codes,
    /// Keys the tags of return addresses and of links that prove a reading.
    MailTags,
    /// The Ed25519 seed that signs the log's checkpoints.
    LogSigning,
}

/// The log as it was signed last: enough to go on with it where a restored backup ends earlier.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogHead {
    /// The signed checkpoint (C2SP tlog-checkpoint).
    pub note: String,
    /// The tree that it signs.
    pub frontier: Frontier,
}

/// What can go wrong. The operator must act.
#[derive(Debug, Error)]
pub enum KeyringError {
    /// The key was destroyed, or its day is too far ahead to have one. It will not come back.
    #[error("there is no key {0}")]
    NoKey(KeyName),
    /// The key exists but its file could not be read, written or removed.
    #[error("the keyring is not available")]
    Unavailable(#[source] std::io::Error),
    /// A file of the keyring does not hold what it should.
    #[error("the keyring holds a damaged entry: {0}")]
    Damaged(String),
}

/// Keeps keys.
///
/// - Durable: [`Keyring::make`] and [`Keyring::destroy`] return after their effect is forced to disk, in every
///   copy that is configured.
/// - [`Keyring::note_standing`] and [`Keyring::set_log_head`] return `Ok` when at least one copy has it, forced to disk:
///   a cut-off must not wait for a second disk. A copy that lacks it is brought to the same state at the next opening.
/// - A copy that is lost while the keyring is open: keys are read from another one, none is made, and none counts as
///   destroyed, until it is back.
/// - Destroyed means gone: after [`Keyring::destroy`] returns, no call gives the key again, also after a restart.
/// - Concurrent: all methods may be called from many threads. `make` of a key that exists leaves it as it is.
/// - [`Keyring::recipient`] and [`Keyring::secret`] answer from memory once they were asked, and never wait for a change
///   that is under way. Everything else touches a disk: small files, no network, but to be asked where blocking is allowed.
pub trait Keyring: Send + Sync {
    /// The recipient of a key, to seal to.
    fn recipient(&self, name: KeyName) -> Result<Recipient, KeyringError>;
    /// The identity of a key, to open with. [`KeyringError::NoKey`] when it was destroyed.
    fn identity(&self, name: KeyName) -> Result<Identity, KeyringError>;
    /// The names of the keys that exist.
    fn names(&self) -> Result<BTreeSet<KeyName>, KeyringError>;
    /// The names of keys that were destroyed and never come back.
    fn destroyed(&self) -> Result<BTreeSet<KeyName>, KeyringError>;
    /// Makes a key. [`KeyringError::NoKey`] when it was destroyed before.
    fn make(&self, name: KeyName) -> Result<(), KeyringError>;
    /// Destroys a key everywhere; one that does not exist is no error.
    fn destroy(&self, name: KeyName) -> Result<(), KeyringError>;
    /// A secret of the installation.
    fn secret(&self, name: SecretName) -> Result<[u8; 32], KeyringError>;
    /// The gateway's own identity, from its key file apart from the keyring: unwraps mailbox keys in custody
    /// `gateway`.
    fn gateway(&self) -> Result<Identity, KeyringError>;
    /// The clock's anchor, as written last.
    fn clock_anchor(&self) -> Result<Option<ClockAnchor>, KeyringError>;
    /// Writes the clock's anchor down, durably.
    fn set_clock_anchor(&self, anchor: &ClockAnchor) -> Result<(), KeyringError>;
    /// Notes what must outlive a restored backup.
    fn note_standing(&self, notes: &[StandingNote]) -> Result<(), KeyringError>;
    /// All notes, oldest first; of those that a later one about the same subject replaces, some may be gone.
    fn standing(&self) -> Result<Vec<StandingNote>, KeyringError>;
    /// The keys that sign mails, those that sign no more included; in the order of their making.
    fn dkim_keys(&self) -> Result<Vec<DkimKey>, KeyringError>;
    /// Writes down a key that signs mails, in place of the one of the same selector and domain; in every copy.
    fn set_dkim_key(&self, key: &DkimKey) -> Result<(), KeyringError>;
    /// The log as it was signed last.
    fn log_head(&self) -> Result<Option<LogHead>, KeyringError>;
    /// Writes down how the log was signed, in place of what stood there.
    fn set_log_head(&self, head: &LogHead) -> Result<(), KeyringError>;
}
