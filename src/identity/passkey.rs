//! A person's passkey (WebAuthn): what is kept of it, and what its PRF unlocks. The credential itself is written by the library that
//! verifies it; here it is opaque.

use serde::{Deserialize, Serialize};

use crate::value::{AccountId, Digest, SecretBytes, Timestamp, derive_secret};

/// How many an account may have.
pub const PASSKEYS_MAX: usize = 10;
/// How many characters of a name are kept.
pub const PASSKEY_NAME_MAX_CHARS: usize = 60;
/// Bytes of a PRF's output (WebAuthn level 3, section 10.1.4).
pub const PRF_BYTES: usize = 32;
/// What authenticators are asked to evaluate their PRF at: one place for everybody, since a passkey signs in before it is known
/// whose it is. The output differs with each credential all the same.
pub const PRF_INPUT: &str = "pli/1 passkey prf";
/// The label under which a PRF's output gives the secret that locks a personal key; the account follows it.
const LOCK_LABEL: &[u8] = b"pli/1 passkey personal key lock";

/// A passkey.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Passkey {
    /// SHA-256 of its credential id: what pages and records name it by.
    pub id: Digest,
    /// What its person calls it.
    pub name: String,
    /// The credential with its public key and counter, as the library writes it.
    pub credential: String,
    /// When it was added.
    pub added_at: Timestamp,
    /// When it was last used.
    pub used_at: Option<Timestamp>,
}

/// A name as it is kept: without control characters, not too long; none if nothing is left.
pub fn passkey_name(typed: &str) -> Option<String> {
    let name: String =
        typed.trim().chars().filter(|c| !c.is_control()).take(PASSKEY_NAME_MAX_CHARS).collect();
    (!name.is_empty()).then_some(name)
}

/// The secret that a passkey's PRF gives for an account; none if the output is not of its length. It locks the personal key as
/// the password's secret does, and is kept nowhere.
pub fn prf_secret(account: AccountId, output: &SecretBytes) -> Option<SecretBytes> {
    if output.expose().len() != PRF_BYTES {
        return None;
    }
    derive_secret(output.expose(), &[LOCK_LABEL, account.as_bytes()].concat())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_prf_gives_each_account_another_secret_and_never_its_own_output() {
        let output = SecretBytes::new(vec![7; PRF_BYTES]);
        let (one, other) = (AccountId::new([1; 16]), AccountId::new([2; 16]));
        let secret = prf_secret(one, &output).unwrap();
        assert_eq!(secret.expose(), prf_secret(one, &output).unwrap().expose());
        assert_ne!(secret.expose(), prf_secret(other, &output).unwrap().expose());
        assert_ne!(secret.expose(), output.expose());
        assert!(prf_secret(one, &SecretBytes::new(vec![7; 31])).is_none());
    }

    #[test]
    fn a_name_is_what_can_be_read_of_what_was_typed() {
        assert_eq!(passkey_name("  Clé\u{7} bleue ").as_deref(), Some("Clé bleue"));
        assert_eq!(passkey_name(" \n"), None);
        assert_eq!(passkey_name(&"é".repeat(100)).unwrap().chars().count(), PASSKEY_NAME_MAX_CHARS);
    }
}
