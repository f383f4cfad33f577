//! Identities that are not drawn but derived: of what a person types when signing in, or of what only a session's
//! cookie carries. They wrap a person's identity, so that whoever has the store and the keyring has nothing.

use super::{Identity, VaultError};
use crate::value::{SecretBytes, Token};

/// The label under which a session's cookie gives the identity that its unlocked keys are kept under.
const SESSION_LABEL: &[u8] = b"pli/1 unlocked keys of a session";
/// How an X25519 identity of age begins (C2SP age, "The X25519 recipient type").
const IDENTITY_PREFIX: &[u8] = b"age-secret-key-";
const BECH32: &[u8; 32] = b"qpzry9x8gf2tvdw0s3jn54khce6mua7l";
const BECH32_CHECKSUM_LETTERS: usize = 6;

impl Identity {
    /// The identity whose X25519 scalar these 32 bytes are: an output of HKDF (RFC 5869), never a password itself.
    pub fn derived(secret: &SecretBytes) -> Result<Self, VaultError> {
        let text = bech32(IDENTITY_PREFIX, secret.expose());
        Self::parse(std::str::from_utf8(text.expose()).map_err(|_| VaultError::NotAKey)?)
    }

    /// The identity that only the holder of a session's cookie has.
    pub fn of_session(cookie: &Token) -> Result<Self, VaultError> {
        Self::derived(&cookie.derive(SESSION_LABEL).ok_or(VaultError::NotAKey)?)
    }
}

/// Bech32 (BIP 173), in capitals as `age-keygen` writes identities. The age crate reads it and makes no identity of
/// bytes; its reading checks the checksum that is written here.
fn bech32(prefix: &[u8], data: &[u8]) -> SecretBytes {
    let mut words = zeroize::Zeroizing::new(Vec::with_capacity(data.len() * 2));
    let (mut bits, mut count) = (0_u32, 0);
    for byte in data {
        bits = (bits << 8 | u32::from(*byte)) & 0xFFF;
        count += 8;
        while count >= 5 {
            count -= 5;
            words.push(low_five(bits >> count));
        }
    }
    if count > 0 {
        words.push(low_five(bits << (5 - count)));
    }
    let high = prefix.iter().map(|letter| letter >> 5);
    let low = prefix.iter().map(|letter| letter & 31);
    let checked = high.chain([0]).chain(low).chain(words.iter().copied()).chain([0; BECH32_CHECKSUM_LETTERS]);
    let checksum = checked.fold(1, polymod) ^ 1;
    let check = (0..BECH32_CHECKSUM_LETTERS).rev().map(|place| low_five(checksum >> (5 * place)));
    let letters = words.iter().copied().chain(check).map(|word| BECH32[usize::from(word)]);
    let text = prefix.iter().copied().chain([b'1']).chain(letters);
    SecretBytes::new(text.map(|letter| letter.to_ascii_uppercase()).collect())
}

const fn low_five(bits: u32) -> u8 {
    bits.to_be_bytes()[3] & 31
}

fn polymod(checksum: u32, word: u8) -> u32 {
    const GENERATOR: [u32; 5] = [0x3b6a_57b2, 0x2650_8e6d, 0x1ea1_19fa, 0x3d42_33dd, 0x2a14_62b3];
    let top = checksum >> 25;
    let next = (checksum & 0x01FF_FFFF) << 5 ^ u32::from(word);
    let added = GENERATOR.iter().enumerate().filter(|(bit, _)| top >> bit & 1 == 1);
    added.fold(next, |sum, (_, term)| sum ^ term)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::{open, seal};

    #[test]
    fn the_scalar_is_written_as_age_keygen_writes_it() {
        // BIP 173: forty bits of 0x42 are the words 8 9 1 4 4 16 18 2.
        let scalar = SecretBytes::new([0x42; 32].to_vec());
        let identity = Identity::derived(&scalar).unwrap();
        let text = String::from_utf8(identity.expose().expose().to_vec()).unwrap();
        assert!(text.starts_with("AGE-SECRET-KEY-1GFPYYSJZGFPYYSJZGFPYYSJZGFPYYSJZ"), "{text}");
        assert_eq!(Identity::parse(&text).unwrap().recipient(), identity.recipient());
    }

    #[test]
    fn the_same_secret_opens_and_another_does_not() {
        let one = Identity::derived(&SecretBytes::new(vec![7; 32])).unwrap();
        let sealed = seal(&one.recipient(), b"key").unwrap();
        let again = Identity::derived(&SecretBytes::new(vec![7; 32])).unwrap();
        assert_eq!(open(&again, &sealed).unwrap().expose(), b"key");
        let other = Identity::derived(&SecretBytes::new(vec![8; 32])).unwrap();
        assert!(open(&other, &sealed).is_err());
        assert!(Identity::derived(&SecretBytes::new(vec![7; 31])).is_err(), "half a scalar is none");
    }

    #[test]
    fn two_cookies_give_two_identities() {
        let (one, other) = (Token::new([1; 32]), Token::new([2; 32]));
        assert_ne!(
            Identity::of_session(&one).unwrap().recipient(),
            Identity::of_session(&other).unwrap().recipient()
        );
    }
}
