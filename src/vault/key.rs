//! X25519 keys of age, as types: an [`Identity`] opens, a [`Recipient`] seals.

use std::fmt;
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use serde::{Deserialize, Serialize};

use super::VaultError;
use crate::value::SecretBytes;

/// The secret half of a key pair, wiped on drop by the age crate.
pub struct Identity(age::x25519::Identity);

impl Identity {
    /// Makes a new identity.
    pub fn generate() -> Self {
        Self(age::x25519::Identity::generate())
    }

    /// Reads an identity as `age-keygen` writes it; comment lines are skipped.
    pub fn parse(text: &str) -> Result<Self, VaultError> {
        let line = text.lines().find(|line| !line.starts_with('#') && !line.trim().is_empty());
        let key = line.ok_or(VaultError::NotAKey)?.trim();
        age::x25519::Identity::from_str(key).map(Self).map_err(|_| VaultError::NotAKey)
    }

    /// The recipient that seals for this identity.
    pub fn recipient(&self) -> Recipient {
        Recipient(self.0.to_public())
    }

    /// The key as `age-keygen` writes it, `AGE-SECRET-KEY-1…`, for a file of the keyring or a wrap.
    pub fn expose(&self) -> SecretBytes {
        SecretBytes::new(self.0.to_string().expose_secret().as_bytes().to_vec())
    }

    pub(super) fn as_age(&self) -> &dyn age::Identity {
        &self.0
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity(of {})", self.recipient())
    }
}

/// The public half of a key pair, `age1…`. Only X25519 recipients exist here: a plugin's name
/// (`age1name1…`) does not parse, so no file can make the gateway run a program.
#[derive(Clone, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Recipient(age::x25519::Recipient);

impl Recipient {
    /// Reads a recipient, `age1…`.
    pub fn parse(text: &str) -> Result<Self, VaultError> {
        age::x25519::Recipient::from_str(text.trim()).map(Self).map_err(|_| VaultError::NotAKey)
    }

    pub(super) const fn as_age(&self) -> &age::x25519::Recipient {
        &self.0
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({self})")
    }
}

impl PartialEq for Recipient {
    fn eq(&self, other: &Self) -> bool {
        self.to_string() == other.to_string()
    }
}

impl Eq for Recipient {}

impl TryFrom<String> for Recipient {
    type Error = VaultError;

    fn try_from(text: String) -> Result<Self, VaultError> {
        Self::parse(&text)
    }
}

impl From<Recipient> for String {
    fn from(recipient: Recipient) -> Self {
        recipient.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_identity_reads_back_from_its_file_with_comments() {
        let identity = Identity::generate();
        let text =
            format!("# created: 2026-11-21\n{}\n", String::from_utf8_lossy(identity.expose().expose()));
        assert_eq!(Identity::parse(&text).unwrap().recipient(), identity.recipient());
    }

    #[test]
    fn a_plugin_or_a_path_is_no_recipient() {
        for text in [
            "age1../../x",
            "age1yubikey1qwt50d05nh5vutpdzmlg5wn80xq5negm4uj9ghv0snvdd3yysf5yw3rhl3t",
            "",
            "ssh-ed25519 AAAA",
        ] {
            assert!(Recipient::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn an_identity_does_not_print_itself() {
        assert!(!format!("{:?}", Identity::generate()).contains("SECRET"));
    }
}
