//! What can go wrong in the vault. Nothing here is the depositor's fault: the operator or the security
//! officer must act.

use thiserror::Error;

/// Why something could not be sealed or opened.
#[derive(Debug, Error)]
pub enum VaultError {
    /// The identity that is held does not open this file.
    #[error("the key at hand does not open this age file")]
    WrongKey,
    /// Not an age file, or one that was cut or changed.
    #[error("the sealed bytes are not a whole, unchanged age file")]
    Damaged,
    /// The file opened, but it is not the one that was expected: something was swapped in the store.
    #[error("the sealed bytes are whole but not the ones that were sealed here")]
    Swapped,
    /// A key that is written down is not an X25519 key of age.
    #[error("not an X25519 age key")]
    NotAKey,
    /// The system gives no randomness; nothing can be sealed.
    #[error("no randomness to seal with")]
    NoRandomness,
    /// The bytes that the sealed stream is read from could not be read.
    #[error("the sealed bytes could not be read")]
    Unreadable(#[source] std::io::Error),
}

impl VaultError {
    /// Something was changed or swapped, or does not open with the key that it was sealed for; not a disk that fails.
    pub const fn is_damage(&self) -> bool {
        matches!(self, Self::WrongKey | Self::Damaged | Self::Swapped)
    }
}

impl From<std::io::Error> for VaultError {
    fn from(error: std::io::Error) -> Self {
        // A reader of ours passed through somebody else's code, which only knows this kind of error.
        let error = match error.downcast::<Self>() {
            Ok(ours) => return ours,
            Err(error) => error,
        };
        match error.kind() {
            std::io::ErrorKind::InvalidData | std::io::ErrorKind::UnexpectedEof => Self::Damaged,
            _ => Self::Unreadable(error),
        }
    }
}

impl From<VaultError> for std::io::Error {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::Unreadable(source) => source,
            damage => Self::new(std::io::ErrorKind::InvalidData, damage),
        }
    }
}
