//! A person's own key: what mailbox identities in custody `members` are wrapped to. Only what the person types opens it;
//! it does not say which mailboxes the person may read.

use serde::{Deserialize, Serialize};

use super::PasswordHash;
use crate::value::{AccountId, Digest, SecretBytes};
use crate::vault::{Identity, Recipient, Sealed, VaultError, unwrap_identity, wrap_identity};

/// What gives the secret that unlocks a personal key.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PersonalLock {
    /// The sign-in's own Argon2id run.
    SignIn,
    /// A vault passphrase with a run of its own, for people whose sign-in gives no secret.
    Passphrase(PasswordHash),
}

/// A personal identity, wrapped to an identity that is derived of what the person types (DESIGN: "Mailbox key").
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PersonalKey {
    /// Whose.
    pub account: AccountId,
    /// What others wrap to; its digest is in the log, since a swapped one would be a theft.
    pub recipient: Recipient,
    /// What unlocks it.
    pub lock: PersonalLock,
    wrap: Sealed,
    /// The same identity, wrapped to what passkeys' PRFs give.
    #[serde(default)]
    passkeys: Vec<PasskeyWrap>,
}

/// A personal identity wrapped to what one passkey's PRF gives.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
struct PasskeyWrap {
    passkey: Digest,
    wrap: Sealed,
}

impl PersonalKey {
    /// Locks an identity, new or one that changes its lock, under the secret that `lock` gives.
    pub fn locked(
        account: AccountId,
        identity: &Identity,
        lock: PersonalLock,
        secret: &SecretBytes,
    ) -> Result<Self, VaultError> {
        let wrap = wrap_identity(&Identity::derived(secret)?.recipient(), identity)?;
        Ok(Self { account, recipient: identity.recipient(), lock, wrap, passkeys: Vec::new() })
    }

    /// The same key, which a passkey's secret opens too.
    pub fn with_passkey(
        self,
        passkey: Digest,
        identity: &Identity,
        secret: &SecretBytes,
    ) -> Result<Self, VaultError> {
        if identity.recipient() != self.recipient {
            return Err(VaultError::Swapped);
        }
        let wrap = wrap_identity(&Identity::derived(secret)?.recipient(), identity)?;
        let mut key = self.without_passkey(passkey);
        key.passkeys.push(PasskeyWrap { passkey, wrap });
        Ok(key)
    }

    /// The same key, which that passkey opens no more.
    pub fn without_passkey(mut self, passkey: Digest) -> Self {
        self.passkeys.retain(|kept| kept.passkey != passkey);
        self
    }

    /// The same key under a new lock; what passkeys open stays.
    pub fn relocked(
        self,
        lock: PersonalLock,
        identity: &Identity,
        secret: &SecretBytes,
    ) -> Result<Self, VaultError> {
        if identity.recipient() != self.recipient {
            return Err(VaultError::Swapped);
        }
        Ok(Self { passkeys: self.passkeys, ..Self::locked(self.account, identity, lock, secret)? })
    }

    /// The passkeys that open it.
    pub fn passkeys(&self) -> impl Iterator<Item = Digest> {
        self.passkeys.iter().map(|kept| kept.passkey)
    }

    /// Unlocks the identity with a passkey's secret; none if that passkey opens nothing.
    pub fn open_with_passkey(
        &self,
        passkey: Digest,
        secret: &SecretBytes,
    ) -> Option<Result<Identity, VaultError>> {
        let kept = self.passkeys.iter().find(|kept| kept.passkey == passkey)?;
        Some(Identity::derived(secret).and_then(|to| unwrap_identity(&to, &kept.wrap)).and_then(|identity| {
            if identity.recipient() == self.recipient { Ok(identity) } else { Err(VaultError::Swapped) }
        }))
    }

    /// Unlocks the identity, and checks that it is the one that the key names.
    pub fn open(&self, secret: &SecretBytes) -> Result<Identity, VaultError> {
        let identity = unwrap_identity(&Identity::derived(secret)?, &self.wrap)?;
        if identity.recipient() == self.recipient { Ok(identity) } else { Err(VaultError::Swapped) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn secret(n: u8) -> SecretBytes {
        SecretBytes::new(vec![n; 32])
    }

    #[test]
    fn a_personal_key_opens_with_its_secret_alone_and_moves_to_another() {
        let (account, identity) = (AccountId::new([1; 16]), Identity::generate());
        let key = PersonalKey::locked(account, &identity, PersonalLock::SignIn, &secret(1)).unwrap();
        assert!(key.open(&secret(2)).is_err());
        let opened = key.open(&secret(1)).unwrap();
        let moved = PersonalKey::locked(account, &opened, PersonalLock::SignIn, &secret(2)).unwrap();
        assert_eq!(moved.recipient, key.recipient, "others need not wrap anew");
        assert!(moved.open(&secret(1)).is_err() && moved.open(&secret(2)).is_ok());
    }

    #[test]
    fn a_passkey_opens_the_same_key_until_it_is_taken_away_whatever_becomes_of_the_password() {
        let (account, identity) = (AccountId::new([1; 16]), Identity::generate());
        let passkey = Digest::of(b"credential");
        let key = PersonalKey::locked(account, &identity, PersonalLock::SignIn, &secret(1)).unwrap();
        assert!(key.open_with_passkey(passkey, &secret(9)).is_none());
        let key = key.with_passkey(passkey, &identity, &secret(9)).unwrap();
        let opens = |key: &PersonalKey, n| key.open_with_passkey(passkey, &secret(n)).unwrap().is_ok();
        assert!(opens(&key, 9) && !opens(&key, 8));
        let moved = key.relocked(PersonalLock::SignIn, &identity, &secret(2)).unwrap();
        assert!(opens(&moved, 9) && moved.open(&secret(2)).is_ok() && moved.open(&secret(1)).is_err());
        assert!(moved.without_passkey(passkey).open_with_passkey(passkey, &secret(9)).is_none());
        let other = PersonalKey::locked(account, &identity, PersonalLock::SignIn, &secret(1)).unwrap();
        assert!(other.with_passkey(passkey, &Identity::generate(), &secret(9)).is_err(), "another identity");
    }

    #[test]
    fn a_key_whose_recipient_was_swapped_does_not_open() {
        let account = AccountId::new([1; 16]);
        let mut key =
            PersonalKey::locked(account, &Identity::generate(), PersonalLock::SignIn, &secret(1)).unwrap();
        key.recipient = Identity::generate().recipient();
        assert!(matches!(key.open(&secret(1)), Err(VaultError::Swapped)));
    }
}
