//! Segments: each a complete age v1 file, so that the stock tool opens each; the manifest joins those of a part. Sealing
//! them, and what binds them.
//!
//! A segment is bound by its *beginning*, its header and payload nonce: under them nobody makes another payload who has
//! not the file key. Why that is enough: `docs/decisions/0020-segments-bound-by-their-beginning.md`.

use serde::{Deserialize, Serialize};

use super::header::{self, FileKey};
use super::stream::{CHUNK_BYTES, ChunkPlace, NONCE_BYTES, Payload, SEALED_CHUNK_BYTES, TAG_BYTES};
use super::{Recipient, Sealed, VaultError};
use crate::value::{ByteSize, Digest, wipe};

/// One segment of a part, as the manifest names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Segment {
    /// Size in clear.
    pub size: ByteSize,
    /// SHA-256 of its header and payload nonce; what is opened must begin with these.
    pub binding: Digest,
}

/// A file key that was wrapped to a recipient once. What it seals has one header and each time a fresh payload nonce of
/// 128 random bits, hence a payload key of its own: one wrap, the dearest step of sealing something small, does for all
/// parts of a deposit. It lives as long as one use case, or for a minute where many things are sealed to one recipient
/// (`docs/decisions/0057`); it is never stored.
pub struct SealingKey {
    header: Vec<u8>,
    file_key: FileKey,
}

impl SealingKey {
    /// Wraps a new file key to this recipient.
    pub fn new(recipient: &Recipient) -> Result<Self, VaultError> {
        let (header, file_key) = header::write(recipient)?;
        Ok(Self { header, file_key })
    }

    /// Seals a small blob.
    pub fn seal(&self, plain: &[u8]) -> Result<Sealed, VaultError> {
        let mut sealer = SegmentSealer::new(self)?;
        let mut sealed = sealer.push(plain)?;
        sealed.append(&mut sealer.finish()?.0);
        Sealed::from_bytes(sealed)
    }
}

/// Seals one segment of any length in constant memory (one chunk of 64 KiB).
///
/// [`SegmentSealer::finish`] must be called: a segment without its last chunk is not whole. What is there of it can be
/// told apart and opened with [`super::TruncatedSegment`].
#[must_use = "a segment that is not finished cannot be opened"]
pub struct SegmentSealer {
    payload: Payload,
    binding: Digest,
    /// Header and nonce, until they were given out.
    beginning: Vec<u8>,
    /// The chunk that is being filled; sealed where it stands, so that nothing in clear stays behind.
    chunk: Vec<u8>,
    index: u64,
    plain_size: u64,
}

impl SegmentSealer {
    /// Begins a segment under a key.
    pub fn new(key: &SealingKey) -> Result<Self, VaultError> {
        let mut nonce = [0; NONCE_BYTES];
        aws_lc_rs::rand::fill(&mut nonce).map_err(|_| VaultError::NoRandomness)?;
        let payload = Payload::new(&key.file_key, &nonce)?;
        let mut beginning = Vec::with_capacity(key.header.len() + NONCE_BYTES);
        beginning.extend_from_slice(&key.header);
        beginning.extend_from_slice(&nonce);
        let binding = Digest::of(&beginning);
        Ok(Self { payload, binding, beginning, chunk: Vec::new(), index: 0, plain_size: 0 })
    }

    /// What binds the segment; known before its first byte, so that it can be recorded before.
    pub const fn binding(&self) -> Digest {
        self.binding
    }

    /// Bytes in clear so far.
    pub const fn plain_size(&self) -> ByteSize {
        ByteSize(self.plain_size)
    }

    /// Seals the next bytes and returns what is ready to be kept: at the first call the beginning of the age file, then
    /// whole chunks, often none.
    pub fn push(&mut self, plain: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut ready = Vec::new();
        self.make_room(plain.len(), &mut ready);
        self.push_into(plain, false, &mut ready)?;
        Ok(ready)
    }

    /// Makes room for what the next so many bytes make ready; at the first call, puts the beginning of the age file there.
    pub(super) fn make_room(&mut self, plain: usize, ready: &mut Vec<u8>) {
        let chunks = (self.chunk.len() + plain) / CHUNK_BYTES;
        ready.reserve_exact(self.beginning.len() + chunks * SEALED_CHUNK_BYTES);
        ready.append(&mut self.beginning);
    }

    /// Seals the next bytes and adds what is ready to be kept. `more` says that more follows for certain: then a whole
    /// chunk is not held back as it might be the last.
    pub(super) fn push_into(
        &mut self,
        mut plain: &[u8],
        more: bool,
        ready: &mut Vec<u8>,
    ) -> Result<(), VaultError> {
        self.plain_size += plain.len() as u64;
        while !plain.is_empty() {
            // A full chunk is sealed only when more follows: the last one is sealed as the last.
            if self.chunk.len() == CHUNK_BYTES {
                self.payload.seal(self.place(false), &mut self.chunk, 0)?;
                ready.append(&mut self.chunk);
                self.index += 1;
            }
            let is_not_last = plain.len() > CHUNK_BYTES || more && plain.len() == CHUNK_BYTES;
            if self.chunk.is_empty() && is_not_last {
                let (whole, rest) = plain.split_at(CHUNK_BYTES);
                let start = ready.len();
                ready.extend_from_slice(whole);
                self.payload.seal(self.place(false), ready, start)?;
                self.index += 1;
                plain = rest;
            } else {
                let (now, later) = plain.split_at(plain.len().min(CHUNK_BYTES - self.chunk.len()));
                self.hold(now);
                plain = later;
            }
        }
        Ok(())
    }

    /// Seals the last chunk; returns the last sealed bytes and the segment.
    pub fn finish(mut self) -> Result<(Vec<u8>, Segment), VaultError> {
        let mut last = std::mem::take(&mut self.beginning);
        self.payload.seal(self.place(true), &mut self.chunk, 0)?;
        last.append(&mut self.chunk);
        Ok((last, Segment { size: ByteSize(self.plain_size), binding: self.binding }))
    }

    /// Keeps bytes of the chunk that is being filled; it gets its whole room at once when it outgrows a small one, so
    /// that growing leaves no plaintext behind in freed memory.
    fn hold(&mut self, plain: &[u8]) {
        let needed = self.chunk.len() + plain.len();
        if needed + TAG_BYTES > self.chunk.capacity() {
            let room = if self.chunk.is_empty() { needed } else { CHUNK_BYTES };
            let mut roomy = Vec::with_capacity(room + TAG_BYTES);
            roomy.extend_from_slice(&self.chunk);
            wipe(&mut self.chunk);
            self.chunk = roomy;
        }
        self.chunk.extend_from_slice(plain);
    }

    const fn place(&self, is_last: bool) -> ChunkPlace {
        ChunkPlace { index: self.index, is_last }
    }
}

impl Drop for SegmentSealer {
    fn drop(&mut self) {
        wipe(&mut self.chunk);
    }
}
