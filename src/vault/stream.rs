//! The payload of an age v1 file: STREAM with ChaCha20-Poly1305 in chunks of 64 KiB (<https://c2sp.org/age>, section
//! "Payload"). One chunk at a time; who calls keeps the order.

use aws_lc_rs::aead::{Aad, LessSafeKey, Nonce};

use super::VaultError;
use super::header::{FileKey, cipher};

/// Bytes in clear of each chunk but the last.
pub const CHUNK_BYTES: usize = 64 * 1024;
/// What sealing adds to each chunk.
pub(super) const TAG_BYTES: usize = 16;
/// Bytes of each chunk but the last, sealed.
pub(super) const SEALED_CHUNK_BYTES: usize = CHUNK_BYTES + TAG_BYTES;
/// Bytes that stand between the header and the first chunk.
pub(super) const NONCE_BYTES: usize = 16;

/// The key of one payload. A chunk's place and whether it is the last are part of its nonce, so that none can be moved,
/// left out or added.
pub(super) struct Payload(LessSafeKey);

impl Payload {
    /// The payload that begins with this nonce.
    pub(super) fn new(file_key: &FileKey, nonce: &[u8; NONCE_BYTES]) -> Result<Self, VaultError> {
        Ok(Self(cipher(&*file_key.payload_key(nonce)?)?))
    }

    /// Seals, in its place, the chunk that stands at the end of `buffer`, and appends its tag.
    pub(super) fn seal(
        &self,
        place: ChunkPlace,
        buffer: &mut Vec<u8>,
        start: usize,
    ) -> Result<(), VaultError> {
        let chunk = buffer.get_mut(start..).ok_or(VaultError::Damaged)?;
        let tag = self.0.seal_in_place_separate_tag(place.nonce(), Aad::empty(), chunk);
        buffer.extend_from_slice(tag.map_err(|_| VaultError::Damaged)?.as_ref());
        Ok(())
    }

    /// Opens a sealed chunk into `plain`, which has room for all but its tag; whole and unchanged, or not at all.
    pub(super) fn open(&self, place: ChunkPlace, sealed: &[u8], plain: &mut [u8]) -> Result<(), VaultError> {
        let length = sealed.len().checked_sub(TAG_BYTES).ok_or(VaultError::Damaged)?;
        let (chunk, tag) = sealed.split_at(length);
        self.0
            .open_separate_gather(place.nonce(), Aad::empty(), chunk, tag, plain)
            .map_err(|_| VaultError::Damaged)
    }
}

impl Payload {
    /// Opens a sealed chunk where it stands.
    pub(super) fn open_in_place(&self, place: ChunkPlace, chunk: &mut Vec<u8>) -> Result<(), VaultError> {
        let opened = self.0.open_in_place(place.nonce(), Aad::empty(), chunk);
        let length = opened.map_err(|_| VaultError::Damaged)?.len();
        chunk.truncate(length);
        Ok(())
    }
}

/// Which chunk it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct ChunkPlace {
    /// From 0.
    pub(super) index: u64,
    /// Nothing follows it.
    pub(super) is_last: bool,
}

impl ChunkPlace {
    /// Eleven bytes of counter, big-endian, and one that says whether it is the last.
    fn nonce(self) -> Nonce {
        let mut nonce = [0; 12];
        nonce[3..11].copy_from_slice(&self.index.to_be_bytes());
        nonce[11] = u8::from(self.is_last);
        Nonce::assume_unique_for_key(nonce)
    }
}

/// How many chunks so many bytes in clear make; nothing makes one, which is empty.
pub(super) const fn chunks_of(plain: u64) -> u64 {
    let chunks = plain.div_ceil(CHUNK_BYTES as u64);
    if chunks == 0 { 1 } else { chunks }
}

/// Bytes of a payload, its nonce counted, of so many bytes in clear.
pub(super) const fn payload_bytes(plain: u64) -> u64 {
    NONCE_BYTES as u64 + plain + chunks_of(plain) * TAG_BYTES as u64
}
