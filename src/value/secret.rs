//! Secrets: bytes that are wiped when dropped and never printed, and the tokens that people carry.

use std::fmt;

use aws_lc_rs::{constant_time, hkdf};
use base64::{Engine, engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL};
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::Digest;

/// Bytes that must not outlive their use: wiped on drop, `Debug` shows the length only.
#[derive(Clone, Default)]
pub struct SecretBytes(Vec<u8>);

impl SecretBytes {
    /// Takes the bytes over.
    pub fn new(bytes: Vec<u8>) -> Self {
        Self(bytes)
    }

    /// The bytes, named so that each use can be found.
    pub fn expose(&self) -> &[u8] {
        &self.0
    }
}

impl Drop for SecretBytes {
    fn drop(&mut self) {
        wipe(&mut self.0);
    }
}

impl ZeroizeOnDrop for SecretBytes {}

/// Wipes a buffer, the room that it does not use too, and empties it. As [`Zeroize::zeroize`] does, which writes byte by
/// byte and takes longer over a large file than sealing it.
pub fn wipe(bytes: &mut Vec<u8>) {
    bytes.clear();
    bytes.resize(bytes.capacity(), 0);
    // The compiler may not leave the zeros out because nobody reads them.
    zeroize::optimization_barrier(bytes.as_slice());
    bytes.clear();
}

impl fmt::Debug for SecretBytes {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretBytes({} bytes)", self.0.len())
    }
}

/// Whether two secrets are the same, in a time that does not tell where they differ.
pub fn are_same_bytes(one: &[u8], other: &[u8]) -> bool {
    constant_time::verify_slices_are_equal(one, other).is_ok()
}

/// 32 bytes derived of a secret that has enough entropy, by HKDF-SHA-256 without salt (RFC 5869): two labels give two
/// secrets of which none tells the other. `None` only if the library refuses, which it does for no length used here.
pub fn derive_secret(secret: &[u8], label: &[u8]) -> Option<SecretBytes> {
    let mut derived = zeroize::Zeroizing::new([0; 32]);
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, &[]).extract(secret);
    extracted.expand(&[label], hkdf::HKDF_SHA256).and_then(|okm| okm.fill(derived.as_mut())).ok()?;
    Some(SecretBytes::new(derived.to_vec()))
}

/// A 256-bit bearer token: in a link or a cookie, never in the store, which holds its hash.
#[derive(Clone, Zeroize, ZeroizeOnDrop)]
pub struct Token([u8; 32]);

impl Token {
    /// Makes a token of 32 random bytes.
    pub const fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    /// Reads a token as [`Token::expose`] writes it; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let bytes = BASE64URL.decode(text).ok()?;
        bytes.try_into().ok().map(Self)
    }

    /// The token as it stands in a link or a cookie: base64url, 43 characters.
    pub fn expose(&self) -> String {
        BASE64URL.encode(self.0)
    }

    /// A secret that only the bearer's token gives, under this label ([`derive_secret`]).
    pub fn derive(&self, label: &[u8]) -> Option<SecretBytes> {
        derive_secret(&self.0, label)
    }

    /// What the store keeps.
    pub fn hash(&self) -> TokenHash {
        TokenHash(Digest::of(&self.0))
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(…)")
    }
}

/// The SHA-256 hash of a [`Token`]; enough for a value of 256 random bits.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(transparent)]
pub struct TokenHash(Digest);

impl TokenHash {
    /// The hash as a store key.
    pub fn as_digest(&self) -> &Digest {
        &self.0
    }
}

impl PartialEq for TokenHash {
    fn eq(&self, other: &Self) -> bool {
        constant_time::verify_slices_are_equal(self.0.as_bytes(), other.0.as_bytes()).is_ok()
    }
}

impl Eq for TokenHash {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_only_as_written() {
        let token = Token::new([3; 32]);
        assert_eq!(Token::parse(&token.expose()).unwrap().hash(), token.hash());
        assert!(Token::parse("short").is_none());
        assert!(Token::parse(&format!("{}=", token.expose())).is_none());
    }

    #[test]
    fn derivation_is_hkdf_of_rfc_5869() {
        // Appendix A.3, SHA-256 with zero-length salt and info: the first 32 of its 42 octets.
        let derived = derive_secret(&[0x0b; 22], b"").unwrap();
        let hex = Digest::from_bytes(derived.expose().try_into().unwrap()).to_hex();
        assert_eq!(hex, "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d");
        let token = Token::new([3; 32]);
        assert_ne!(token.derive(b"a").unwrap().expose(), token.derive(b"b").unwrap().expose());
    }

    #[test]
    fn a_wiped_buffer_holds_zeros_in_its_unused_room_too() {
        let mut bytes = Vec::with_capacity(300);
        bytes.extend_from_slice(&[7; 200]);
        bytes.truncate(10);
        let room = bytes.as_ptr();
        wipe(&mut bytes);
        assert!(bytes.is_empty());
        assert_eq!(bytes.as_ptr(), room, "another buffer was wiped");
        bytes.resize(bytes.capacity(), 1);
        assert_eq!(bytes.len(), 300);
    }

    #[test]
    fn secrets_do_not_print() {
        assert_eq!(format!("{:?}", SecretBytes::new(b"AGE-SECRET-KEY".to_vec())), "SecretBytes(14 bytes)");
        assert_eq!(format!("{:?}", Token::new([3; 32])), "Token(…)");
    }
}
