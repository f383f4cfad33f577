//! The header of an age v1 file (<https://c2sp.org/age>): written for one X25519 recipient, read strictly. Does not know
//! what follows it.
//!
//! ```text
//! age-encryption.org/v1
//! -> X25519 <ephemeral share>
//! <file key, wrapped>
//! --- <HMAC-SHA-256 of all before>
//! ```

use aws_lc_rs::aead::{Aad, CHACHA20_POLY1305, LessSafeKey, Nonce, UnboundKey};
use aws_lc_rs::agreement::{EphemeralPrivateKey, UnparsedPublicKey, X25519, agree, agree_ephemeral};
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::{hkdf, hmac};
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use zeroize::Zeroizing;

use super::{Identity, Recipient, VaultError};

/// How each age v1 file begins; the object store refuses whatever does not.
pub const AGE_MAGIC: &[u8] = b"age-encryption.org/v1\n";

/// A header that is longer is refused. Ours have 168 bytes; one with a stanza for each of a hundred recipients fits.
pub(super) const HEADER_MAX_BYTES: usize = 16 * 1024;

const FILE_KEY_BYTES: usize = 16;
const TAG_BYTES: usize = 16;
const X25519_TAG: &str = "X25519";
const SCRYPT_TAG: &str = "scrypt";
const X25519_LABEL: &[u8] = b"age-encryption.org/v1/X25519";
const STANZA_PREFIX: &[u8] = b"-> ";
const MAC_PREFIX: &[u8] = b"--- ";
/// The MAC covers the header up to here, the space after it left out.
const MAC_MARK_BYTES: usize = 3;
/// A body is wrapped at this column; the last line is shorter.
const BODY_COLUMNS: usize = 64;

/// What a header holds the key of: all chunks of the file, through a nonce of its own.
pub(super) struct FileKey(Zeroizing<[u8; FILE_KEY_BYTES]>);

impl FileKey {
    fn generate() -> Result<Self, VaultError> {
        let mut key = Zeroizing::new([0; FILE_KEY_BYTES]);
        aws_lc_rs::rand::fill(&mut *key).map_err(|_| VaultError::NoRandomness)?;
        Ok(Self(key))
    }

    /// The key of the payload that begins with this nonce.
    pub(super) fn payload_key(&self, nonce: &[u8]) -> Result<Zeroizing<[u8; 32]>, VaultError> {
        derive(nonce, &*self.0, b"payload")
    }

    fn mac_key(&self) -> Result<hmac::Key, VaultError> {
        Ok(hmac::Key::new(hmac::HMAC_SHA256, &*derive(&[], &*self.0, b"header")?))
    }
}

/// Makes a file key and the header that wraps it to one recipient.
pub(super) fn write(recipient: &Recipient) -> Result<(Vec<u8>, FileKey), VaultError> {
    let file_key = FileKey::generate()?;
    let ephemeral =
        EphemeralPrivateKey::generate(&X25519, &SystemRandom::new()).map_err(|_| VaultError::NoRandomness)?;
    let share = ephemeral.compute_public_key().map_err(|_| VaultError::NoRandomness)?;
    let theirs = UnparsedPublicKey::new(&X25519, recipient.key());
    let wrap = agree_ephemeral(ephemeral, theirs, VaultError::NotAKey, |shared| {
        wrap_cipher(share.as_ref(), recipient.key(), shared)
    })?;
    let mut wrapped = Zeroizing::new(file_key.0.to_vec());
    wrap.seal_in_place_append_tag(zero_nonce(), Aad::empty(), &mut *wrapped)
        .map_err(|_| VaultError::NotAKey)?;
    let mut text = String::from_utf8_lossy(AGE_MAGIC).into_owned();
    text.push_str("-> X25519 ");
    BASE64.encode_string(share.as_ref(), &mut text);
    text.push('\n');
    BASE64.encode_string(&*wrapped, &mut text);
    text.push_str("\n---");
    let mac = hmac::sign(&file_key.mac_key()?, text.as_bytes());
    text.push(' ');
    BASE64.encode_string(mac.as_ref(), &mut text);
    text.push('\n');
    Ok((text.into_bytes(), file_key))
}

/// A header that was read; not believed before [`Header::unwrap`].
pub(super) struct Header {
    bytes: Vec<u8>,
    mac: Vec<u8>,
    wraps: Vec<Wrap>,
}

/// The file key, wrapped to an X25519 recipient.
struct Wrap {
    share: [u8; 32],
    body: [u8; FILE_KEY_BYTES + TAG_BYTES],
}

impl Header {
    /// Reads the header that these bytes begin with; none while its end is missing.
    pub(super) fn parse(bytes: &[u8]) -> Result<Option<Self>, VaultError> {
        let mut lines = Lines { bytes, at: 0 };
        let Some(magic) = lines.next() else { return Ok(None) };
        if Some(magic) != AGE_MAGIC.strip_suffix(b"\n") {
            return Err(VaultError::Damaged);
        }
        let (mut stanzas, mut has_scrypt, mut wraps) = (0, false, Vec::new());
        loop {
            let start = lines.at;
            let Some(line) = lines.next() else { return Ok(None) };
            if let Some(mac) = line.strip_prefix(MAC_PREFIX) {
                let mac = BASE64.decode(mac).map_err(|_| VaultError::Damaged)?;
                // A passphrase stands alone, or the file would be open to whoever guesses it.
                let is_well_formed = mac.len() == 32 && stanzas > 0 && (!has_scrypt || stanzas == 1);
                let bytes = bytes.get(..start + MAC_PREFIX.len() + 44).unwrap_or_default().to_vec();
                return if is_well_formed {
                    Ok(Some(Self { bytes, mac, wraps }))
                } else {
                    Err(VaultError::Damaged)
                };
            }
            let arguments = stanza_arguments(line)?;
            let Some(body) = stanza_body(&mut lines)? else { return Ok(None) };
            stanzas += 1;
            match arguments.split_first() {
                Some((&X25519_TAG, arguments)) => wraps.push(Wrap::parse(arguments, &body)?),
                Some((&SCRYPT_TAG, _)) => has_scrypt = true,
                _ => {}
            }
        }
    }

    /// The header, byte for byte.
    pub(super) fn as_bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Opens the file key, and checks that nothing of the header was changed.
    pub(super) fn unwrap(&self, identity: &Identity) -> Result<FileKey, VaultError> {
        for wrap in &self.wraps {
            if let Some(file_key) = wrap.open(identity)? {
                let covered = self.bytes.len() - (MAC_PREFIX.len() + 44) + MAC_MARK_BYTES;
                hmac::verify(&file_key.mac_key()?, &self.bytes[..covered], &self.mac)
                    .map_err(|_| VaultError::Damaged)?;
                return Ok(file_key);
            }
        }
        Err(VaultError::WrongKey)
    }
}

impl Wrap {
    fn parse(arguments: &[&str], body: &[u8]) -> Result<Self, VaultError> {
        let [share] = arguments else { return Err(VaultError::Damaged) };
        let share = BASE64.decode(share).map_err(|_| VaultError::Damaged)?;
        let share = share.try_into().map_err(|_| VaultError::Damaged)?;
        let body = body.try_into().map_err(|_| VaultError::Damaged)?;
        Ok(Self { share, body })
    }

    /// None when it is for somebody else.
    fn open(&self, identity: &Identity) -> Result<Option<FileKey>, VaultError> {
        let theirs = UnparsedPublicKey::new(&X25519, &self.share);
        // A share of low order gives a key that everybody knows: refused, not passed over.
        let cipher = agree(identity.private(), theirs, VaultError::Damaged, |shared| {
            wrap_cipher(&self.share, identity.public(), shared)
        })?;
        let mut body = Zeroizing::new(self.body);
        let Ok(opened) = cipher.open_in_place(zero_nonce(), Aad::empty(), &mut *body) else {
            return Ok(None);
        };
        let mut key = Zeroizing::new([0; FILE_KEY_BYTES]);
        key.copy_from_slice(opened);
        Ok(Some(FileKey(key)))
    }
}

fn wrap_cipher(share: &[u8], recipient: &[u8; 32], shared: &[u8]) -> Result<LessSafeKey, VaultError> {
    let mut salt = [0; 64];
    salt[..32].copy_from_slice(share);
    salt[32..].copy_from_slice(recipient);
    cipher(&*derive(&salt, shared, X25519_LABEL)?)
}

/// ChaCha20-Poly1305 (RFC 8439) under this key.
pub(super) fn cipher(key: &[u8; 32]) -> Result<LessSafeKey, VaultError> {
    UnboundKey::new(&CHACHA20_POLY1305, key).map(LessSafeKey::new).map_err(|_| VaultError::NotAKey)
}

/// The wrap key is used once, for one file key.
fn zero_nonce() -> Nonce {
    Nonce::assume_unique_for_key([0; 12])
}

/// HKDF-SHA-256 (RFC 5869).
fn derive(salt: &[u8], secret: &[u8], label: &[u8]) -> Result<Zeroizing<[u8; 32]>, VaultError> {
    let mut key = Zeroizing::new([0; 32]);
    let labels = [label];
    let extracted = hkdf::Salt::new(hkdf::HKDF_SHA256, salt).extract(secret);
    let expanded = extracted.expand(&labels, hkdf::HKDF_SHA256).map_err(|_| VaultError::NotAKey)?;
    expanded.fill(&mut *key).map_err(|_| VaultError::NotAKey)?;
    Ok(key)
}

/// The lines of a header; the last one only when its end is there.
struct Lines<'a> {
    bytes: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    fn next(&mut self) -> Option<&'a [u8]> {
        let rest = self.bytes.get(self.at..)?;
        let end = rest.iter().position(|byte| *byte == b'\n')?;
        self.at += end + 1;
        Some(&rest[..end])
    }
}

/// The words of a stanza's first line: at least one, each of visible ASCII.
fn stanza_arguments(line: &[u8]) -> Result<Vec<&str>, VaultError> {
    let words = line.strip_prefix(STANZA_PREFIX).ok_or(VaultError::Damaged)?;
    let words = std::str::from_utf8(words).map_err(|_| VaultError::Damaged)?;
    let words: Vec<&str> = words.split(' ').collect();
    let is_word = |word: &&str| !word.is_empty() && word.bytes().all(|byte| byte.is_ascii_graphic());
    if words.iter().all(is_word) { Ok(words) } else { Err(VaultError::Damaged) }
}

/// The body of a stanza; none while its end is missing.
fn stanza_body(lines: &mut Lines<'_>) -> Result<Option<Vec<u8>>, VaultError> {
    let mut body = Vec::new();
    while let Some(line) = lines.next() {
        if line.len() > BODY_COLUMNS {
            return Err(VaultError::Damaged);
        }
        BASE64.decode_vec(line, &mut body).map_err(|_| VaultError::Damaged)?;
        if line.len() < BODY_COLUMNS {
            return Ok(Some(body));
        }
    }
    Ok(None)
}
