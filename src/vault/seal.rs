//! Sealing: bytes in, age v1 bytes out. The caller moves the sealed bytes to where they are kept.

use std::io::{self, Write};
use std::sync::{Arc, Mutex, PoisonError};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};

use super::{Identity, Recipient, VaultError};
use crate::value::{ByteSize, Digest, DigestBuilder};

/// How each age v1 file begins; the object store refuses whatever does not.
pub const AGE_MAGIC: &[u8] = b"age-encryption.org/v1\n";

/// A small sealed blob, kept as a value. Only this module makes one of plaintext; reading one back checks
/// that it is an age file, so that nothing in clear can be stored in its place.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Sealed(Vec<u8>);

impl Sealed {
    /// Takes bytes that were sealed before; refuses what is not an age file.
    pub fn from_bytes(bytes: Vec<u8>) -> Result<Self, VaultError> {
        if bytes.starts_with(AGE_MAGIC) { Ok(Self(bytes)) } else { Err(VaultError::Damaged) }
    }

    /// The age file.
    pub fn as_bytes(&self) -> &[u8] {
        &self.0
    }
}

impl std::fmt::Debug for Sealed {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Sealed({} bytes)", self.0.len())
    }
}

impl TryFrom<String> for Sealed {
    type Error = VaultError;

    fn try_from(text: String) -> Result<Self, VaultError> {
        Self::from_bytes(BASE64.decode(text).map_err(|_| VaultError::Damaged)?)
    }
}

impl From<Sealed> for String {
    fn from(sealed: Sealed) -> Self {
        BASE64.encode(sealed.0)
    }
}

/// Seals a small blob to a recipient.
pub fn seal(recipient: &Recipient, plain: &[u8]) -> Result<Sealed, VaultError> {
    age::encrypt(recipient.as_age(), plain).map(Sealed).map_err(|_| VaultError::NotAKey)
}

/// Wraps an identity to a recipient: the sealed text of its key file.
pub fn wrap_identity(recipient: &Recipient, identity: &Identity) -> Result<Sealed, VaultError> {
    seal(recipient, identity.expose().expose())
}

/// What is known of a stream once it is sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealSummary {
    /// Size in clear.
    pub plain_size: ByteSize,
    /// SHA-256 in clear, what the depositor can compare.
    pub plain_digest: Digest,
    /// Size sealed.
    pub sealed_size: ByteSize,
    /// SHA-256 of the age file, what the manifest binds.
    pub sealed_digest: Digest,
}

/// Seals a stream of any length in constant memory (one chunk of 64 KiB).
///
/// [`Sealer::finish`] must be called: an age file without its last chunk does not open.
#[must_use = "a stream that is not finished cannot be opened"]
pub struct Sealer {
    stream: age::stream::StreamWriter<Outbox>,
    outbox: Outbox,
    plain_digest: DigestBuilder,
    plain_size: u64,
    sealed_digest: DigestBuilder,
    sealed_size: u64,
}

impl Sealer {
    /// Begins an age file to one recipient.
    pub fn new(recipient: &Recipient) -> Result<Self, VaultError> {
        let outbox = Outbox::default();
        let recipient: &dyn age::Recipient = recipient.as_age();
        let encryptor =
            age::Encryptor::with_recipients(std::iter::once(recipient)).map_err(|_| VaultError::NotAKey)?;
        Ok(Self {
            stream: encryptor.wrap_output(outbox.clone())?,
            outbox,
            plain_digest: DigestBuilder::default(),
            plain_size: 0,
            sealed_digest: DigestBuilder::default(),
            sealed_size: 0,
        })
    }

    /// Seals the next bytes and returns what is ready to be kept; often nothing, as age works in chunks.
    pub fn push(&mut self, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        self.plain_digest.update(plain);
        self.plain_size += plain.len() as u64;
        self.stream.write_all(plain)?;
        Ok(self.take_sealed())
    }

    /// Bytes in clear so far.
    pub fn plain_size(&self) -> ByteSize {
        ByteSize(self.plain_size)
    }

    /// Seals the last chunk; returns the last sealed bytes and the summary.
    pub fn finish(mut self) -> Result<(Vec<u8>, SealSummary), VaultError> {
        let mut last = self.take_sealed();
        self.stream.finish()?;
        let tail = self.outbox.take();
        self.sealed_digest.update(&tail);
        self.sealed_size += tail.len() as u64;
        last.extend_from_slice(&tail);
        let summary = SealSummary {
            plain_size: ByteSize(self.plain_size),
            plain_digest: self.plain_digest.finish(),
            sealed_size: ByteSize(self.sealed_size),
            sealed_digest: self.sealed_digest.finish(),
        };
        Ok((last, summary))
    }

    fn take_sealed(&mut self) -> Vec<u8> {
        let ready = self.outbox.take();
        self.sealed_digest.update(&ready);
        self.sealed_size += ready.len() as u64;
        ready
    }
}

/// Where the age stream writes: it owns its writer, so the sealed bytes are collected through a shared buffer.
#[derive(Clone, Default)]
struct Outbox(Arc<Mutex<Vec<u8>>>);

impl Outbox {
    fn take(&self) -> Vec<u8> {
        std::mem::take(&mut *self.0.lock().unwrap_or_else(PoisonError::into_inner))
    }
}

impl Write for Outbox {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::open;
    use proptest::prelude::*;

    proptest! {
        #![proptest_config(ProptestConfig::with_cases(24))]
        #[test]
        fn a_stream_opens_to_what_was_pushed_whatever_the_pieces(
            pieces in proptest::collection::vec(0usize..70_000, 0..5), seed: u8
        ) {
            let identity = Identity::generate();
            let mut sealer = Sealer::new(&identity.recipient()).unwrap();
            let (mut plain, mut sealed) = (Vec::new(), Vec::new());
            for (n, size) in pieces.iter().enumerate() {
                let piece = vec![seed.wrapping_add(u8::try_from(n).unwrap()); *size];
                sealed.extend(sealer.push(&piece).unwrap());
                plain.extend(piece);
            }
            let (tail, summary) = sealer.finish().unwrap();
            sealed.extend(tail);
            prop_assert_eq!(summary.plain_digest, Digest::of(&plain));
            prop_assert_eq!(summary.sealed_digest, Digest::of(&sealed));
            prop_assert_eq!(summary.sealed_size.bytes(), sealed.len() as u64);
            let opened = open(&identity, &Sealed::from_bytes(sealed).unwrap()).unwrap();
            prop_assert_eq!(opened.expose(), &plain[..]);
        }
    }

    #[test]
    fn what_is_in_clear_is_never_taken_for_sealed() {
        assert!(Sealed::from_bytes(b"Madame Kerv".to_vec()).is_err());
        assert!(serde_json::from_str::<Sealed>("\"TWFkYW1l\"").is_err());
    }

    #[test]
    fn a_stream_that_was_not_finished_does_not_open() {
        let identity = Identity::generate();
        let mut sealer = Sealer::new(&identity.recipient()).unwrap();
        let sealed = sealer.push(&vec![1; 200_000]).unwrap();
        assert!(matches!(open(&identity, &Sealed::from_bytes(sealed).unwrap()), Err(VaultError::Damaged)));
    }
}
