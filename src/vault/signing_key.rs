//! Makes the key pairs that sign mails (RFC 6376, RFC 8463). Drawn by the cryptographic library, as all keys of the vault.

use aws_lc_rs::encoding::{AsDer, Pkcs8V1Der, PublicKeyX509Der};
use aws_lc_rs::rsa::KeySize;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RsaKeyPair};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};

use super::VaultError;
use crate::value::SecretBytes;

/// What mails are signed with.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SigningAlgorithm {
    /// rsa-sha256 with 2048 bits: every verifier knows it (RFC 8301 section 3.2).
    Rsa2048,
    /// ed25519-sha256 (RFC 8463): short, not known to all yet, so it stands beside the other.
    Ed25519,
}

/// A new key pair.
#[derive(Debug)]
pub struct SigningKeyPair {
    /// The private half, PKCS #8.
    pub private: SecretBytes,
    /// The public half as a DNS record holds it: SubjectPublicKeyInfo of an RSA key, the 32 bytes of an Ed25519 key; in
    /// base64.
    pub public: String,
}

/// Makes a key pair. RSA takes a tenth of a second and more.
pub fn generate_signing_key(algorithm: SigningAlgorithm) -> Result<SigningKeyPair, VaultError> {
    match algorithm {
        SigningAlgorithm::Rsa2048 => {
            let pair = RsaKeyPair::generate(KeySize::Rsa2048).map_err(|_| VaultError::NoRandomness)?;
            let private: Pkcs8V1Der<'_> = pair.as_der().map_err(|_| VaultError::NoRandomness)?;
            let public: PublicKeyX509Der<'_> =
                pair.public_key().as_der().map_err(|_| VaultError::NoRandomness)?;
            Ok(key_pair(private.as_ref(), public.as_ref()))
        }
        SigningAlgorithm::Ed25519 => {
            let pair = Ed25519KeyPair::generate().map_err(|_| VaultError::NoRandomness)?;
            let private = pair.to_pkcs8().map_err(|_| VaultError::NoRandomness)?;
            Ok(key_pair(private.as_ref(), pair.public_key().as_ref()))
        }
    }
}

fn key_pair(private: &[u8], public: &[u8]) -> SigningKeyPair {
    SigningKeyPair { private: SecretBytes::new(private.to_vec()), public: BASE64.encode(public) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_half_is_what_the_standards_put_into_the_dns() {
        let ed25519 = generate_signing_key(SigningAlgorithm::Ed25519).unwrap();
        assert_eq!(BASE64.decode(ed25519.public).unwrap().len(), 32, "RFC 8463 section 4");
        let rsa = BASE64.decode(generate_signing_key(SigningAlgorithm::Rsa2048).unwrap().public).unwrap();
        // RFC 6376 section 3.6.1 by its erratum: SubjectPublicKeyInfo, with the algorithm named.
        let rsa_encryption = [0x2a, 0x86, 0x48, 0x86, 0xf7, 0x0d, 0x01, 0x01, 0x01];
        assert!(rsa.windows(9).any(|window| window == rsa_encryption));
        assert_eq!(rsa.len(), 294);
    }
}
