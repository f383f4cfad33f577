//! X25519 keys of age, as types: an [`Identity`] opens, a [`Recipient`] seals.

use std::fmt;
use std::str::FromStr;

use age::secrecy::ExposeSecret;
use aws_lc_rs::agreement::{PrivateKey, X25519};
use serde::{Deserialize, Serialize};
use zeroize::Zeroizing;

use super::VaultError;
use crate::value::SecretBytes;

/// The secret half of a key pair. The age crate has the text of the key, aws-lc what is computed with it; both wipe
/// theirs on drop.
pub struct Identity {
    age: age::x25519::Identity,
    private: PrivateKey,
    public: [u8; 32],
}

impl Identity {
    /// Makes a new identity.
    pub fn generate() -> Self {
        loop {
            // A key that the age crate made is one that aws-lc takes; the loop only spares an error that cannot be.
            if let Ok(identity) = Self::of(age::x25519::Identity::generate()) {
                return identity;
            }
        }
    }

    fn of(age: age::x25519::Identity) -> Result<Self, VaultError> {
        let text = age.to_string();
        let scalar = Zeroizing::new(bech32_bytes(text.expose_secret())?);
        let private = PrivateKey::from_private_key(&X25519, &*scalar).map_err(|_| VaultError::NotAKey)?;
        let computed = private.compute_public_key().map_err(|_| VaultError::NotAKey)?;
        let public = computed.as_ref().try_into().map_err(|_| VaultError::NotAKey)?;
        Ok(Self { age, private, public })
    }

    /// Reads an identity as `age-keygen` writes it; comment lines are skipped.
    pub fn parse(text: &str) -> Result<Self, VaultError> {
        let line = text.lines().find(|line| !line.starts_with('#') && !line.trim().is_empty());
        let key = line.ok_or(VaultError::NotAKey)?.trim();
        Self::of(age::x25519::Identity::from_str(key).map_err(|_| VaultError::NotAKey)?)
    }

    /// The recipient that seals for this identity.
    pub fn recipient(&self) -> Recipient {
        Recipient { text: self.age.to_public().to_string(), key: self.public }
    }

    /// The key as `age-keygen` writes it, `AGE-SECRET-KEY-1…`, for a file of the keyring or a wrap.
    pub fn expose(&self) -> SecretBytes {
        SecretBytes::new(self.age.to_string().expose_secret().as_bytes().to_vec())
    }

    /// Whether it opens what is sealed to this recipient.
    pub fn opens_for(&self, recipient: &Recipient) -> bool {
        self.public == recipient.key
    }

    pub(super) const fn private(&self) -> &PrivateKey {
        &self.private
    }

    pub(super) const fn public(&self) -> &[u8; 32] {
        &self.public
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Identity(of {})", self.recipient())
    }
}

/// The public half of a key pair, `age1…`. Only X25519 recipients exist here: a plugin's name
/// (`age1name1…`) does not parse, so no file can make the gateway run a program.
#[derive(Clone, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Recipient {
    text: String,
    key: [u8; 32],
}

impl Recipient {
    /// Reads a recipient, `age1…`.
    pub fn parse(text: &str) -> Result<Self, VaultError> {
        let read = age::x25519::Recipient::from_str(text.trim()).map_err(|_| VaultError::NotAKey)?;
        let text = read.to_string();
        Ok(Self { key: bech32_bytes(&text)?, text })
    }

    /// The point of Curve25519 (RFC 7748).
    pub(super) const fn key(&self) -> &[u8; 32] {
        &self.key
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.text)
    }
}

impl fmt::Debug for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Recipient({self})")
    }
}

impl TryFrom<String> for Recipient {
    type Error = VaultError;

    fn try_from(text: String) -> Result<Self, VaultError> {
        Self::parse(&text)
    }
}

impl From<Recipient> for String {
    fn from(recipient: Recipient) -> Self {
        recipient.text
    }
}

/// The 32 bytes of a key in bech32 (BIP 173) that the age crate wrote: its checksum is known to be right.
fn bech32_bytes(text: &str) -> Result<[u8; 32], VaultError> {
    const CHARACTERS: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
    const CHECKSUM_CHARACTERS: usize = 6;
    let (_, data) = text.rsplit_once('1').ok_or(VaultError::NotAKey)?;
    let data = data.as_bytes();
    let data = data.get(..data.len().saturating_sub(CHECKSUM_CHARACTERS)).ok_or(VaultError::NotAKey)?;
    let (mut bytes, mut filled) = (Zeroizing::new([0; 32]), 0);
    let (mut bits, mut held): (u32, u32) = (0, 0);
    for character in data {
        let value = CHARACTERS.iter().position(|known| *known == character.to_ascii_lowercase());
        let value = value.and_then(|value| u32::try_from(value).ok()).ok_or(VaultError::NotAKey)?;
        (bits, held) = ((bits << 5 | value) & 0xfff, held + 5);
        if held >= 8 {
            held -= 8;
            *bytes.get_mut(filled).ok_or(VaultError::NotAKey)? = ((bits >> held) & 0xff) as u8;
            filled += 1;
        }
    }
    if filled == bytes.len() { Ok(*bytes) } else { Err(VaultError::NotAKey) }
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
    fn what_is_computed_with_is_the_key_that_is_written() {
        for _ in 0..50 {
            let identity = Identity::generate();
            // The age crate computes the recipient of the same text with another implementation.
            assert_eq!(Recipient::parse(&identity.recipient().to_string()).unwrap(), identity.recipient());
            assert_eq!(bech32_bytes(&identity.age.to_public().to_string()).unwrap(), identity.public);
        }
    }

    #[test]
    fn an_identity_does_not_print_itself() {
        assert!(!format!("{:?}", Identity::generate()).contains("SECRET"));
    }
}
