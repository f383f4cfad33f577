//! Asks the keyring where blocking is allowed: what touches a disk must not hold up the threads that serve everybody. What
//! the keyring answers from memory (recipients, secrets) is asked directly.

use std::sync::Arc;

use tokio::task::spawn_blocking;

use super::ports::{Keyring, KeyringError};
use super::{App, AppError};
use crate::retention::KeyName;
use crate::vault::Identity;

/// Does this with the keyring on a thread that may block. Done to its end, also when nobody waits for it any more.
pub(super) async fn with_keyring<T: Send + 'static>(
    keyring: &Arc<dyn Keyring>,
    work: impl FnOnce(&dyn Keyring) -> Result<T, KeyringError> + Send + 'static,
) -> Result<T, KeyringError> {
    let keyring = Arc::clone(keyring);
    let working = spawn_blocking(move || work(&*keyring));
    working.await.map_err(|error| KeyringError::Unavailable(std::io::Error::other(error)))?
}

impl App {
    pub(super) async fn with_keyring<T: Send + 'static>(
        &self,
        work: impl FnOnce(&dyn Keyring) -> Result<T, KeyringError> + Send + 'static,
    ) -> Result<T, AppError> {
        Ok(with_keyring(&self.keyring, work).await?)
    }

    /// The identity of a day, from the disk each time: one that is destroyed serves nobody a moment longer.
    pub(super) async fn day_identity(&self, name: KeyName) -> Result<Identity, AppError> {
        self.with_keyring(move |keyring| keyring.identity(name)).await
    }
}
