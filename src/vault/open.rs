//! Opening small blobs and single segments: age v1 bytes in, bytes out, never without the key and never past a change.
//! Parts of several segments: [`super::PartOpener`].

use std::io::{Read, Seek, SeekFrom};

use zeroize::{Zeroize, Zeroizing};

use super::header::{FileKey, HEADER_MAX_BYTES, Header};
use super::stream::{
    CHUNK_BYTES, ChunkPlace, NONCE_BYTES, Payload, SEALED_CHUNK_BYTES, TAG_BYTES, chunks_of, payload_bytes,
};
use super::{Identity, Sealed, Segment, VaultError};
use crate::value::{Digest, SecretBytes};

/// How many bytes are looked at first for a header; ours and its nonce fit.
const FIRST_LOOK_BYTES: usize = 512;

/// Opens a small sealed blob.
pub fn open(identity: &Identity, sealed: &Sealed) -> Result<SecretBytes, VaultError> {
    OpenedHeader::new(identity, sealed)?.open(sealed)
}

/// A header whose file key was unwrapped: all that was sealed under the same header opens without another exchange of
/// keys. Whoever keeps one holds what opens those blobs: not for long, and not longer than the identity exists.
pub struct OpenedHeader {
    header: Vec<u8>,
    file_key: FileKey,
}

impl OpenedHeader {
    /// Unwraps the file key of the header that a blob begins with, and checks the header's MAC.
    pub fn new(identity: &Identity, sealed: &Sealed) -> Result<Self, VaultError> {
        let header = Header::parse(sealed.as_bytes())?.ok_or(VaultError::Damaged)?;
        let file_key = header.unwrap(identity)?;
        Ok(Self { header: header.as_bytes().to_vec(), file_key })
    }

    /// Whether a blob begins with this very header.
    pub fn is_of(&self, sealed: &Sealed) -> bool {
        sealed.as_bytes().starts_with(&self.header)
    }

    /// Opens a blob that begins with this header; another one is [`VaultError::WrongKey`].
    pub fn open(&self, sealed: &Sealed) -> Result<SecretBytes, VaultError> {
        let rest = sealed.as_bytes().strip_prefix(&self.header[..]).ok_or(VaultError::WrongKey)?;
        open_payload(&self.file_key, rest)
    }
}

/// Opens what follows a header: the nonce and the chunks.
fn open_payload(file_key: &FileKey, rest: &[u8]) -> Result<SecretBytes, VaultError> {
    let (nonce, chunks) = rest.split_first_chunk::<NONCE_BYTES>().ok_or(VaultError::Damaged)?;
    let payload = Payload::new(file_key, nonce)?;
    // Room for all of it at once: a growing buffer would leave plaintext behind in freed memory.
    let mut plain = vec![0; chunks.len()];
    match open_chunks(&payload, chunks, &mut plain) {
        Ok(size) => {
            plain.truncate(size);
            Ok(SecretBytes::new(plain))
        }
        Err(error) => {
            plain.zeroize();
            Err(error)
        }
    }
}

fn open_chunks(payload: &Payload, sealed: &[u8], plain: &mut [u8]) -> Result<usize, VaultError> {
    let count = sealed.len().div_ceil(SEALED_CHUNK_BYTES);
    let mut size = 0;
    for (index, chunk) in (0..).zip(sealed.chunks(SEALED_CHUNK_BYTES)) {
        let place = ChunkPlace { index, is_last: index + 1 == count as u64 };
        let length = chunk.len().checked_sub(TAG_BYTES).ok_or(VaultError::Damaged)?;
        // Only a file without a byte has a chunk without one.
        if length == 0 && index > 0 {
            return Err(VaultError::Damaged);
        }
        let room = plain.get_mut(size..size + length).ok_or(VaultError::Damaged)?;
        payload.open(place, chunk, room)?;
        size += length;
    }
    if count == 0 { Err(VaultError::Damaged) } else { Ok(size) }
}

/// Opens a wrapped identity.
pub fn unwrap_identity(identity: &Identity, wrap: &Sealed) -> Result<Identity, VaultError> {
    read_identity(&open(identity, wrap)?)
}

/// Reads an identity that was wrapped by [`super::wrap_identity`], once the wrap is opened.
pub fn read_identity(opened: &SecretBytes) -> Result<Identity, VaultError> {
    Identity::parse(std::str::from_utf8(opened.expose()).map_err(|_| VaultError::NotAKey)?)
}

/// The key of a header that was opened before: the segments of a part, and the parts of a deposit, often share one.
#[derive(Default)]
pub(super) struct KnownHeader(Option<(Vec<u8>, FileKey)>);

impl KnownHeader {
    fn payload(
        &mut self,
        identity: &Identity,
        header: &Header,
        nonce: &[u8; NONCE_BYTES],
    ) -> Result<Payload, VaultError> {
        if let Some((known, file_key)) = &self.0
            && known == header.as_bytes()
        {
            return Payload::new(file_key, nonce);
        }
        let file_key = header.unwrap(identity)?;
        let payload = Payload::new(&file_key, nonce)?;
        self.0 = Some((header.as_bytes().to_vec(), file_key));
        Ok(payload)
    }
}

/// The beginning of a segment, read and checked against its binding.
struct Beginning {
    payload: Payload,
    /// Where the first chunk is.
    chunks_at: u64,
}

impl Beginning {
    fn read(
        identity: &Identity,
        known: &mut KnownHeader,
        sealed: &mut impl Read,
        binding: Digest,
    ) -> Result<(Self, Vec<u8>), VaultError> {
        let mut bytes = vec![0; FIRST_LOOK_BYTES];
        let mut filled = 0;
        loop {
            let count = read_full(sealed, &mut bytes[filled..])?;
            let is_end = filled + count < bytes.len();
            filled += count;
            if let Some(header) = Header::parse(&bytes[..filled])? {
                let length = header.as_bytes().len();
                if let Some(nonce) = bytes[length..filled].first_chunk::<NONCE_BYTES>() {
                    let end = length + NONCE_BYTES;
                    // Before any key is tried: whatever does not begin as the manifest says is not looked into.
                    if Digest::of(&bytes[..end]) != binding {
                        return Err(VaultError::Swapped);
                    }
                    let payload = known.payload(identity, &header, nonce)?;
                    let chunks = bytes[end..filled].to_vec();
                    return Ok((Self { payload, chunks_at: end as u64 }, chunks));
                }
            }
            if is_end || bytes.len() >= HEADER_MAX_BYTES {
                return Err(VaultError::Damaged);
            }
            bytes.resize(bytes.len() * 2, 0);
        }
    }
}

/// Reads one segment, from any place: each chunk is checked before it is handed out, the whole length at the start.
pub(super) struct SegmentReader<R> {
    sealed: R,
    beginning: Beginning,
    size: u64,
    /// The index of the chunk that `sealed` stands at.
    next: u64,
}

impl<R: Read + Seek> SegmentReader<R> {
    /// Begins a segment; it must begin as `segment` says, and be as long.
    pub(super) fn new(
        identity: &Identity,
        known: &mut KnownHeader,
        mut sealed: R,
        segment: &Segment,
    ) -> Result<Self, VaultError> {
        let (beginning, _) = Beginning::read(identity, known, &mut sealed, segment.binding)?;
        let header = beginning.chunks_at - NONCE_BYTES as u64;
        let length = sealed.seek(SeekFrom::End(0))?;
        if length != segment.sealed_size_under(header) {
            return Err(VaultError::Damaged);
        }
        // No chunk is at hand: the first that is asked for is sought.
        Ok(Self { sealed, beginning, size: segment.size.bytes(), next: u64::MAX })
    }

    /// Opens the chunk in which this byte in clear stands; `chunk` becomes all of it. Returns where it begins.
    pub(super) fn chunk_at(
        &mut self,
        offset: u64,
        chunk: &mut Zeroizing<Vec<u8>>,
    ) -> Result<u64, VaultError> {
        let index = offset / CHUNK_BYTES as u64;
        let start = index * CHUNK_BYTES as u64;
        if index != self.next {
            let place = self.beginning.chunks_at + index * SEALED_CHUNK_BYTES as u64;
            self.sealed.seek(SeekFrom::Start(place))?;
        }
        let length = usize::try_from(self.size.saturating_sub(start)).unwrap_or(usize::MAX).min(CHUNK_BYTES);
        let place = ChunkPlace { index, is_last: index + 1 == chunks_of(self.size) };
        self.next = u64::MAX;
        // A chunk that was handed out left no room; one that was not holds nothing that could stay behind.
        chunk.clear();
        chunk.reserve_exact(length + TAG_BYTES);
        chunk.resize(length + TAG_BYTES, 0);
        let read = self.sealed.read_exact(chunk).map_err(VaultError::from);
        if let Err(error) = read.and_then(|()| self.beginning.payload.open_in_place(place, chunk)) {
            chunk.zeroize();
            return Err(error);
        }
        self.next = index + 1;
        Ok(start)
    }
}

impl Segment {
    /// Bytes of the age file, when its header has so many.
    pub(super) const fn sealed_size_under(&self, header: u64) -> u64 {
        header + payload_bytes(self.size.bytes())
    }
}

/// What is authentic of a segment whose end may be missing: the gateway was killed while it was written. Each chunk that
/// is handed out was sealed there; what follows the last of them is to be forgotten.
///
/// What is got is sealed again into a new segment: this one is never continued, since a chunk that was half written would
/// be sealed twice under one nonce.
pub struct TruncatedSegment<R> {
    sealed: R,
    payload: Payload,
    /// Bytes that were read and not opened yet.
    held: Vec<u8>,
    index: u64,
    is_ended: bool,
    is_whole: bool,
}

impl<R: Read> TruncatedSegment<R> {
    /// Begins to open what `sealed` reads, which must begin as `binding` says: it was recorded before the first byte came.
    /// Without a whole beginning it is [`VaultError::Damaged`]: nothing of it can be had.
    pub fn new(identity: &Identity, mut sealed: R, binding: Digest) -> Result<Self, VaultError> {
        let (beginning, held) = Beginning::read(identity, &mut KnownHeader::default(), &mut sealed, binding)?;
        Ok(Self { sealed, payload: beginning.payload, held, index: 0, is_ended: false, is_whole: false })
    }

    /// The next authentic bytes, at most [`CHUNK_BYTES`]; none when there are no more.
    pub fn next_chunk(&mut self) -> Result<Option<Zeroizing<Vec<u8>>>, VaultError> {
        if self.is_ended {
            return Ok(None);
        }
        let mut sealed = vec![0; SEALED_CHUNK_BYTES];
        let from_held = self.held.len().min(sealed.len());
        sealed[..from_held].copy_from_slice(&self.held[..from_held]);
        self.held.drain(..from_held);
        let count = from_held + read_full(&mut self.sealed, &mut sealed[from_held..])?;
        sealed.truncate(count);
        let opened = self.open(&sealed, false).or_else(|| self.open(&sealed, true));
        self.index += 1;
        self.is_ended = self.is_whole || opened.is_none();
        Ok(opened)
    }

    /// The last chunk was there: the segment is whole, only nobody was told.
    pub const fn is_whole(&self) -> bool {
        self.is_whole
    }

    fn open(&mut self, sealed: &[u8], is_last: bool) -> Option<Zeroizing<Vec<u8>>> {
        let length = sealed.len().checked_sub(TAG_BYTES)?;
        // Only the last is shorter, and only a file without a byte has one without a byte.
        if length < CHUNK_BYTES && !is_last || length == 0 && self.index > 0 {
            return None;
        }
        let mut plain = Zeroizing::new(vec![0; length]);
        self.payload.open(ChunkPlace { index: self.index, is_last }, sealed, &mut plain).ok()?;
        self.is_whole = is_last;
        Some(plain)
    }
}

/// Reads until the buffer is full or nothing more comes.
fn read_full(reader: &mut impl Read, buffer: &mut [u8]) -> Result<usize, VaultError> {
    let mut filled = 0;
    while filled < buffer.len() {
        match reader.read(&mut buffer[filled..]) {
            Ok(0) => break,
            Ok(count) => filled += count,
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error.into()),
        }
    }
    Ok(filled)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::{SealingKey, SegmentSealer, seal, wrap_identity};

    #[test]
    fn another_identity_opens_nothing() {
        let (mine, other) = (Identity::generate(), Identity::generate());
        let blob = seal(&mine.recipient(), b"secret").unwrap();
        assert!(matches!(open(&other, &blob), Err(VaultError::WrongKey)));
        let wrap = wrap_identity(&mine.recipient(), &other).unwrap();
        assert_eq!(unwrap_identity(&mine, &wrap).unwrap().recipient(), other.recipient());
        assert!(unwrap_identity(&mine, &blob).is_err());
    }

    /// What is had of a segment that was cut after so many sealed bytes, and whether it was whole.
    fn salvage(identity: &Identity, sealed: &[u8], binding: Digest) -> Result<(Vec<u8>, bool), VaultError> {
        let mut segment = TruncatedSegment::new(identity, sealed, binding)?;
        let mut plain = Vec::new();
        while let Some(chunk) = segment.next_chunk()? {
            plain.extend_from_slice(&chunk);
        }
        assert!(segment.next_chunk()?.is_none(), "it ended once");
        Ok((plain, segment.is_whole()))
    }

    #[test]
    fn of_a_cut_segment_every_whole_chunk_is_had_and_no_other_byte() {
        let identity = Identity::generate();
        for size in [1, 65_535, 65_536, 65_537, 131_072, 200_000] {
            let plain: Vec<u8> = (0..size).map(|n| u8::try_from(n % 251).unwrap()).collect();
            let mut sealer = SegmentSealer::new(&SealingKey::new(&identity.recipient()).unwrap()).unwrap();
            let binding = sealer.binding();
            let mut sealed = sealer.push(&plain).unwrap();
            sealed.extend(sealer.finish().unwrap().0);
            assert_eq!(salvage(&identity, &sealed, binding).unwrap(), (plain.clone(), true));
            for cut in (0..sealed.len()).step_by(997).chain([183, 184, 185, sealed.len() - 1]) {
                let had = salvage(&identity, &sealed[..cut], binding);
                if cut < 184 {
                    assert!(matches!(had, Err(VaultError::Damaged)), "cut in the beginning, at {cut}");
                    continue;
                }
                let chunks = (cut - 184) / SEALED_CHUNK_BYTES;
                assert_eq!(
                    had.unwrap(),
                    (plain[..chunks * CHUNK_BYTES].to_vec(), false),
                    "cut at {cut} of {size}"
                );
            }
        }
    }

    #[test]
    fn what_was_put_in_the_place_of_a_cut_segment_is_not_had() {
        let identity = Identity::generate();
        let key = SealingKey::new(&identity.recipient()).unwrap();
        let binding = SegmentSealer::new(&key).unwrap().binding();
        let mut forged = SegmentSealer::new(&SealingKey::new(&identity.recipient()).unwrap()).unwrap();
        let forged = forged.push(&vec![1; 70_000]).unwrap();
        assert!(matches!(salvage(&identity, &forged, binding), Err(VaultError::Swapped)));
    }
}
