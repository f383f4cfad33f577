//! What stops a use case that is nobody's fault outside: the sender keeps the only copy and is told to retry.
//! Refusals, which somebody outside can mend, are each use case's own types.

use std::error::Error as _;

use thiserror::Error;

use super::ports::{CommitError, KeyringError, ObjectError, StoreError};
use crate::policy::access::AccessRefusal;
use crate::vault::VaultError;

/// A fault of ours (invariant 1: 503 on the web, 4yz on SMTP). The inside text goes to the operator's log only.
#[derive(Debug, Error)]
pub enum AppError {
    /// The store failed.
    #[error("store: {0}")]
    Store(#[from] StoreError),
    /// Somebody else changed the same records again and again.
    #[error("the same records were changed by others, again and again")]
    Contended,
    /// The object store failed.
    #[error("objects: {0}")]
    Objects(#[from] ObjectError),
    /// The keyring failed, or has no key that should be there.
    #[error("keyring: {0}")]
    Keyring(#[from] KeyringError),
    /// Something sealed did not open, or could not be sealed.
    #[error("vault: {0}")]
    Vault(#[from] VaultError),
    /// The clock is not believed: nothing that depends on time is decided.
    #[error("the clock is not believed; confirm it with `pli clock confirm`")]
    ClockNotBelieved,
    /// A backup was restored, and nobody opened the gateway since.
    #[error("the gateway is closed since a backup was restored; open it with `pli restore --open`")]
    ClosedAfterRestore,
    /// A restore was begun and not finished.
    #[error("a backup was restored halfway: empty store and objects, and restore it again")]
    RestoreUnfinished,
    /// A defect of this program.
    #[error("defect: {0}")]
    Broken(&'static str),
}

impl From<CommitError> for AppError {
    fn from(error: CommitError) -> Self {
        match error {
            CommitError::Conflict => Self::Contended,
            CommitError::Store(error) => Self::Store(error),
        }
    }
}

impl AppError {
    /// Whether the error is that a unit met a conflict, so that it can be decided anew.
    pub(crate) const fn is_conflict(&self) -> bool {
        matches!(self, Self::Contended)
    }

    /// The error with all its causes, outermost first: what the operator's log tells. A cause that the sentence before
    /// it ends with already is not repeated.
    pub fn chain(&self) -> String {
        let mut told = self.to_string();
        let mut cause = self.source();
        while let Some(error) = cause {
            let sentence = error.to_string();
            if !told.ends_with(&sentence) {
                told.push_str(": ");
                told.push_str(&sentence);
            }
            cause = error.source();
        }
        told
    }
}

/// The access policy's refusal when the clock is the reason is a fault of ours; the others are not errors.
impl TryFrom<AccessRefusal> for AppError {
    type Error = AccessRefusal;

    fn try_from(refusal: AccessRefusal) -> Result<Self, AccessRefusal> {
        match refusal {
            AccessRefusal::ClockNotBelieved => Ok(Self::ClockNotBelieved),
            other => Err(other),
        }
    }
}

#[cfg(test)]
mod tests {
    use std::io;

    use super::*;

    #[test]
    fn the_operator_reads_the_cause_and_each_sentence_once() {
        let full = || io::Error::other("no space left on device");
        let store = AppError::Store(StoreError::Unavailable(Box::new(full())));
        assert_eq!(store.chain(), "store: the store is not available: no space left on device");
        let objects = AppError::Objects(ObjectError::Unavailable(full()));
        assert_eq!(objects.chain(), "objects: the object store is not available: no space left on device");
        assert_eq!(AppError::Contended.chain(), AppError::Contended.to_string());
    }
}
