//! Sealing: bytes in, age v1 bytes out. The caller moves the sealed bytes to where they are kept.

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};

use super::header::AGE_MAGIC;
use super::stream::CHUNK_BYTES;
use super::{ContentDigest, Identity, Recipient, SealingKey, Segment, SegmentSealer, VaultError};
use crate::value::{ByteSize, Digest};

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
    SealingKey::new(recipient)?.seal(plain)
}

/// Wraps an identity to a recipient: the sealed text of its key file.
pub fn wrap_identity(recipient: &Recipient, identity: &Identity) -> Result<Sealed, VaultError> {
    wrap_identity_under(&SealingKey::new(recipient)?, identity)
}

/// As [`wrap_identity`], under a key that seals other things for the same recipient too.
pub fn wrap_identity_under(key: &SealingKey, identity: &Identity) -> Result<Sealed, VaultError> {
    key.seal(identity.expose().expose())
}

/// What is known of a part once it is sealed as one segment.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SealSummary {
    /// Size in clear.
    pub plain_size: ByteSize,
    /// SHA-256 in clear, what the depositor can compare.
    pub plain_digest: Digest,
    /// The segment, what the manifest names.
    pub segment: Segment,
}

/// Seals a whole part as one segment, and takes its digest beside.
#[must_use = "a part that is not finished cannot be opened"]
pub struct Sealer {
    segment: SegmentSealer,
    digest: ContentDigest,
}

impl Sealer {
    /// Begins a part under a key.
    pub fn new(key: &SealingKey) -> Result<Self, VaultError> {
        Ok(Self { segment: SegmentSealer::new(key)?, digest: ContentDigest::default() })
    }

    /// Seals the next bytes; see [`SegmentSealer::push`].
    pub fn push(&mut self, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut ready = Vec::new();
        self.push_onto(plain, &mut ready)?;
        Ok(ready)
    }

    /// As [`Sealer::push`], adding to a buffer what is ready to be kept, so that one buffer does for a whole stream.
    pub fn push_onto(&mut self, plain: &[u8], ready: &mut Vec<u8>) -> Result<(), VaultError> {
        self.segment.make_room(plain.len(), ready);
        // Chunk by chunk, so that the second pass finds the bytes in the processor's cache.
        let mut chunks = plain.chunks(CHUNK_BYTES).peekable();
        while let Some(chunk) = chunks.next() {
            self.digest.update(chunk);
            self.segment.push_into(chunk, chunks.peek().is_some(), ready)?;
        }
        Ok(())
    }

    /// Bytes in clear so far.
    pub const fn plain_size(&self) -> ByteSize {
        self.segment.plain_size()
    }

    /// Seals the last chunk; returns the last sealed bytes and the summary.
    pub fn finish(self) -> Result<(Vec<u8>, SealSummary), VaultError> {
        let (tail, segment) = self.segment.finish()?;
        let plain_digest = self.digest.finish();
        Ok((tail, SealSummary { plain_size: segment.size, plain_digest, segment }))
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
            pieces in proptest::collection::vec(0usize..200_000, 0..5), seed: u8
        ) {
            let identity = Identity::generate();
            let mut sealer = Sealer::new(&SealingKey::new(&identity.recipient()).unwrap()).unwrap();
            let (mut plain, mut sealed) = (Vec::new(), Vec::new());
            for (n, size) in pieces.iter().enumerate() {
                let piece = vec![seed.wrapping_add(u8::try_from(n).unwrap()); *size];
                sealed.extend(sealer.push(&piece).unwrap());
                plain.extend(piece);
            }
            let (tail, summary) = sealer.finish().unwrap();
            sealed.extend(tail);
            prop_assert_eq!(summary.plain_digest, Digest::of(&plain));
            prop_assert_eq!(summary.plain_size.bytes(), plain.len() as u64);
            prop_assert_eq!(sealed.len() as u64, summary.segment.sealed_size_under(168));
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
        let mut sealer = Sealer::new(&SealingKey::new(&identity.recipient()).unwrap()).unwrap();
        let sealed = sealer.push(&vec![1; 200_000]).unwrap();
        assert!(matches!(open(&identity, &Sealed::from_bytes(sealed).unwrap()), Err(VaultError::Damaged)));
    }

    #[test]
    fn two_blobs_under_one_key_share_a_header_and_nothing_else() {
        let identity = Identity::generate();
        let key = SealingKey::new(&identity.recipient()).unwrap();
        let (one, two) = (key.seal(&[0; 100]).unwrap(), key.seal(&[0; 100]).unwrap());
        let header = one.as_bytes().len() - 16 - 116;
        assert_eq!(one.as_bytes()[..header], two.as_bytes()[..header]);
        assert_ne!(one.as_bytes()[header..header + 16], two.as_bytes()[header..header + 16], "the nonces");
        assert_ne!(one.as_bytes()[header + 16..], two.as_bytes()[header + 16..], "the payloads");
    }
}
