//! Opening a part: its segments one after the other, from any place, each only when it is needed. Constant memory: one
//! chunk in clear.
//!
//! What is checked, and when: each segment's beginning and length before its first byte, each chunk before it is handed
//! out, and, when the part was read from its first byte to its last, the SHA-256 of all of it before the last chunk is.

use std::io::{self, Read, Seek, SeekFrom};
use std::sync::Arc;

use zeroize::Zeroizing;

use super::open::{KnownHeader, SegmentReader};
use super::{ContentDigest, Identity, ManifestPart, Segment, VaultError};
use crate::value::{Digest, wipe};

/// Where the sealed bytes of a part's segments are. Called where blocking is allowed.
pub trait SegmentSource {
    /// What reads one segment.
    type Sealed: Read + Seek;

    /// Opens the segment with this place in the part, from 0.
    fn open(&mut self, place: usize) -> io::Result<Self::Sealed>;
}

/// Reads a part in clear. [`PartOpener::pull`] says what is wrong; as [`Read`] and [`Seek`] it says so inside an
/// [`io::Error`], from which [`VaultError`] can be had back.
pub struct PartOpener<S: SegmentSource> {
    identity: Arc<Identity>,
    known: KnownHeader,
    source: S,
    segments: Vec<Segment>,
    size: u64,
    digest: Digest,
    /// Of all bytes before the end of `chunk`; none once some were passed over.
    running: Option<ContentDigest>,
    open: Option<OpenSegment<S::Sealed>>,
    chunk: Zeroizing<Vec<u8>>,
    /// Where `chunk` begins in the part.
    chunk_at: u64,
    at: u64,
}

/// The segment that is being read.
struct OpenSegment<R> {
    place: usize,
    reader: SegmentReader<R>,
}

impl<S: SegmentSource> PartOpener<S> {
    /// Begins to read a part; its first segment is opened at once, so that a part that does not open is known before
    /// anything is sent.
    pub fn new(identity: Arc<Identity>, part: &ManifestPart, source: S) -> Result<Self, VaultError> {
        let size = part.size.bytes();
        if part.segments.is_empty()
            || part.segments.iter().map(|segment| segment.size.bytes()).sum::<u64>() != size
        {
            return Err(VaultError::Swapped);
        }
        let mut opener = Self {
            identity,
            known: KnownHeader::default(),
            source,
            segments: part.segments.clone(),
            size,
            digest: part.digest,
            running: Some(ContentDigest::default()),
            open: None,
            chunk: Zeroizing::default(),
            chunk_at: 0,
            at: 0,
        };
        opener.fill()?;
        Ok(opener)
    }

    /// Bytes of the part in clear.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Reads the next bytes in clear; 0 means that all was read.
    pub fn pull(&mut self, buffer: &mut [u8]) -> Result<usize, VaultError> {
        if buffer.is_empty() || self.at >= self.size {
            return Ok(0);
        }
        if !self.holds_next() {
            self.fill()?;
        }
        let start = usize::try_from(self.at - self.chunk_at).unwrap_or(usize::MAX);
        let held = self.chunk.get(start..).unwrap_or_default();
        let count = held.len().min(buffer.len());
        buffer[..count].copy_from_slice(&held[..count]);
        self.at += count as u64;
        Ok(count)
    }

    /// Hands out what is left of the chunk that the next byte stands in, without copying it where it can; none at the end.
    pub fn pull_chunk(&mut self) -> Result<Option<Vec<u8>>, VaultError> {
        if self.at >= self.size {
            return Ok(None);
        }
        if !self.holds_next() {
            self.fill()?;
        }
        let passed = usize::try_from(self.at - self.chunk_at).unwrap_or(usize::MAX);
        self.at = self.chunk_at + self.chunk.len() as u64;
        self.chunk_at = self.at;
        let mut chunk = std::mem::take(&mut *self.chunk);
        if passed > 0 {
            let rest = chunk.get(passed..).unwrap_or_default().to_vec();
            wipe(&mut chunk);
            return Ok(Some(rest));
        }
        Ok(Some(chunk))
    }

    fn holds_next(&self) -> bool {
        (self.chunk_at..self.chunk_at + self.chunk.len() as u64).contains(&self.at)
    }

    /// Goes to a byte of the part; what is passed over is not read, so the digest of the whole is not checked any more.
    pub fn go_to(&mut self, offset: u64) {
        self.at = offset;
    }

    /// Opens the chunk that the next byte stands in.
    fn fill(&mut self) -> Result<(), VaultError> {
        let is_next = self.at == self.chunk_at + self.chunk.len() as u64;
        let (place, start) = self.segment_at(self.at);
        let mut open = match self.open.take() {
            Some(open) if open.place == place => open,
            _ => self.open_segment(place)?,
        };
        let in_segment = open.reader.chunk_at(self.at - start, &mut self.chunk)?;
        self.open = Some(open);
        self.chunk_at = start + in_segment;
        match &mut self.running {
            Some(running) if is_next => running.update(&self.chunk),
            _ => self.running = None,
        }
        if self.chunk_at + self.chunk.len() as u64 == self.size
            && let Some(running) = self.running.take()
            && running.finish() != self.digest
        {
            self.chunk.clear();
            return Err(VaultError::Swapped);
        }
        Ok(())
    }

    fn open_segment(&mut self, place: usize) -> Result<OpenSegment<S::Sealed>, VaultError> {
        let sealed = self.source.open(place)?;
        let segment = self.segments.get(place).ok_or(VaultError::Swapped)?;
        let reader = SegmentReader::new(&self.identity, &mut self.known, sealed, segment)?;
        Ok(OpenSegment { place, reader })
    }

    /// The segment in which a byte stands, and where that one begins.
    fn segment_at(&self, offset: u64) -> (usize, u64) {
        let mut start = 0;
        for (place, segment) in self.segments.iter().enumerate() {
            if offset < start + segment.size.bytes() {
                return (place, start);
            }
            start += segment.size.bytes();
        }
        // A part without a byte has one segment without one.
        (0, 0)
    }
}

impl<S: SegmentSource> Read for PartOpener<S> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        Ok(self.pull(buffer)?)
    }
}

impl<S: SegmentSource> Seek for PartOpener<S> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(offset) => Some(offset),
            SeekFrom::End(offset) => self.size.checked_add_signed(offset),
            SeekFrom::Current(offset) => self.at.checked_add_signed(offset),
        };
        let target = target.ok_or(io::ErrorKind::InvalidInput)?;
        self.go_to(target);
        Ok(target)
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::value::ByteSize;
    use crate::vault::{PartRole, Recipient, SealingKey, SegmentSealer, TruncatedSegment};

    /// The sealed segments of a part, in memory.
    #[derive(Clone)]
    struct Kept(Vec<Vec<u8>>);

    impl SegmentSource for Kept {
        type Sealed = Cursor<Vec<u8>>;

        fn open(&mut self, place: usize) -> io::Result<Self::Sealed> {
            self.0.get(place).cloned().map(Cursor::new).ok_or_else(|| io::ErrorKind::NotFound.into())
        }
    }

    fn segment(key: &SealingKey, plain: &[u8]) -> (Vec<u8>, Segment) {
        let mut sealer = SegmentSealer::new(key).unwrap();
        let mut sealed = sealer.push(plain).unwrap();
        let (tail, segment) = sealer.finish().unwrap();
        sealed.extend(tail);
        (sealed, segment)
    }

    /// A part of segments of these sizes; the second half under a header of its own.
    fn part(recipient: &Recipient, sizes: &[usize]) -> (Vec<u8>, ManifestPart, Kept) {
        let (mut plain, mut sealed, mut segments) = (Vec::new(), Vec::new(), Vec::new());
        let keys = [SealingKey::new(recipient).unwrap(), SealingKey::new(recipient).unwrap()];
        for (place, size) in sizes.iter().enumerate() {
            let start = plain.len();
            plain.extend((start..start + size).map(|n| u8::try_from(n % 251).unwrap()));
            let (bytes, segment) = segment(&keys[usize::from(place * 2 >= sizes.len())], &plain[start..]);
            sealed.push(bytes);
            segments.push(segment);
        }
        let part = ManifestPart {
            role: PartRole::Attachment,
            name: "plan.pdf".to_owned(),
            content_type: "application/pdf".to_owned(),
            size: ByteSize(plain.len() as u64),
            digest: Digest::of(&plain),
            segments,
        };
        (plain, part, Kept(sealed))
    }

    fn opener(identity: &Identity, part: &ManifestPart, kept: &Kept) -> Result<PartOpener<Kept>, VaultError> {
        let text = String::from_utf8(identity.expose().expose().to_vec()).unwrap();
        PartOpener::new(Arc::new(Identity::parse(&text).unwrap()), part, kept.clone())
    }

    fn read(identity: &Identity, part: &ManifestPart, kept: &Kept) -> Result<Vec<u8>, VaultError> {
        let mut opener = opener(identity, part, kept)?;
        let (mut plain, mut buffer) = (Vec::new(), [0; 10_000]);
        loop {
            match opener.pull(&mut buffer)? {
                0 => return Ok(plain),
                count => plain.extend_from_slice(&buffer[..count]),
            }
        }
    }

    #[test]
    fn a_part_is_its_segments_one_after_the_other() {
        let identity = Identity::generate();
        for sizes in [
            &[0][..],
            &[1],
            &[65_535],
            &[65_536],
            &[65_537],
            &[131_072],
            &[65_536, 65_536],
            &[1, 70_000, 131_072, 5],
        ] {
            let (plain, part, kept) = part(&identity.recipient(), sizes);
            assert_eq!(read(&identity, &part, &kept).unwrap(), plain, "{sizes:?}");
        }
    }

    #[test]
    fn a_part_can_be_read_from_any_of_its_bytes() {
        let identity = Identity::generate();
        let (plain, part, kept) = part(&identity.recipient(), &[100_000, 65_536, 200_000]);
        let mut opener = opener(&identity, &part, &kept).unwrap();
        for at in [0, 99_999, 100_000, 165_535, 165_536, 65_535, 65_536, 365_535, 200_000, 3] {
            opener.seek(SeekFrom::Start(at)).unwrap();
            let mut got = [0; 300];
            let count = opener.read(&mut got).unwrap();
            let start = usize::try_from(at).unwrap();
            assert_eq!(&got[..count], &plain[start..start + count], "from {at}");
            assert!(count > 0);
        }
        assert_eq!(opener.seek(SeekFrom::End(0)).unwrap(), 365_536);
        assert_eq!(opener.read(&mut [0; 9]).unwrap(), 0);
        opener.seek(SeekFrom::End(-70_000)).unwrap();
        let mut rest = Vec::new();
        opener.read_to_end(&mut rest).unwrap();
        assert_eq!(rest, plain[365_536 - 70_000..]);
    }

    #[test]
    fn swapped_segments_of_one_part_or_of_two_are_caught() {
        let identity = Identity::generate();
        let (_, part_a, kept_a) = part(&identity.recipient(), &[80_000, 80_000]);
        let (_, _, kept_b) = part(&identity.recipient(), &[80_000, 80_000]);
        let turned = Kept(vec![kept_a.0[1].clone(), kept_a.0[0].clone()]);
        let foreign = Kept(vec![kept_b.0[0].clone(), kept_b.0[1].clone()]);
        let twice = Kept(vec![kept_a.0[0].clone(), kept_a.0[0].clone()]);
        for swapped in [turned, foreign, twice] {
            assert!(matches!(read(&identity, &part_a, &swapped), Err(VaultError::Swapped)));
        }
    }

    #[test]
    fn two_segments_under_one_header_cannot_trade_their_payloads() {
        let identity = Identity::generate();
        let key = SealingKey::new(&identity.recipient()).unwrap();
        let ((one, segment_one), (two, _)) = (segment(&key, &[1; 500]), segment(&key, &[2; 500]));
        let (_, mut manifest, _) = part(&identity.recipient(), &[500]);
        manifest.segments = vec![segment_one];
        let nonce = one.len() - 500 - 16 - 16;
        // The beginning of one with the chunks of the other.
        let mixed = [&one[..nonce + 16], &two[nonce + 16..]].concat();
        assert!(matches!(read(&identity, &manifest, &Kept(vec![mixed])), Err(VaultError::Damaged)));
        assert!(matches!(read(&identity, &manifest, &Kept(vec![two])), Err(VaultError::Swapped)));
    }

    #[test]
    fn a_segment_that_is_cut_longer_or_changed_anywhere_does_not_open() {
        let identity = Identity::generate();
        let (_, part, kept) = part(&identity.recipient(), &[150_000]);
        let sealed = &kept.0[0];
        // Cut at the end of a chunk too, where each chunk that is left is authentic.
        for cut in [0, 10, 184, 184 + 65_552, 184 + 2 * 65_552, sealed.len() - 1] {
            let cut = Kept(vec![sealed[..cut].to_vec()]);
            assert!(matches!(read(&identity, &part, &cut), Err(VaultError::Damaged)));
        }
        let longer = Kept(vec![[&sealed[..], &[0; 16]].concat()]);
        assert!(matches!(read(&identity, &part, &longer), Err(VaultError::Damaged)));
        for changed in (0..184).chain([184, 70_000, 140_000, sealed.len() - 1]) {
            let mut bytes = sealed.clone();
            bytes[changed] ^= 1;
            let outcome = read(&identity, &part, &Kept(vec![bytes]));
            assert!(matches!(outcome, Err(VaultError::Swapped | VaultError::Damaged)), "byte {changed}");
        }
    }

    #[test]
    fn who_knows_only_the_recipient_forges_nothing() {
        let identity = Identity::generate();
        let (_, part, kept) = part(&identity.recipient(), &[500]);
        let (forged, _) = segment(&SealingKey::new(&identity.recipient()).unwrap(), &[9; 500]);
        assert!(matches!(read(&identity, &part, &Kept(vec![forged.clone()])), Err(VaultError::Swapped)));
        // Nor by putting the right beginning before it.
        let mixed = [&kept.0[0][..184], &forged[184..]].concat();
        assert!(matches!(read(&identity, &part, &Kept(vec![mixed])), Err(VaultError::Damaged)));
    }

    #[test]
    fn who_holds_the_file_key_is_caught_by_the_digest_before_the_last_byte() {
        let identity = Identity::generate();
        let (plain, honest, kept) = part(&identity.recipient(), &[100_000]);
        // Another payload of the same length under the same header and nonce: what an insider could make.
        let insider = Kept(vec![resealed(&identity, &kept.0[0], &vec![7; plain.len()])]);
        let mut opener = opener(&identity, &honest, &insider).unwrap();
        let mut got = Vec::new();
        let outcome = opener.read_to_end(&mut got);
        assert!(matches!(VaultError::from(outcome.unwrap_err()), VaultError::Swapped));
        assert!(got.len() <= 65_536, "the last chunk was handed out");
    }

    /// Seals other bytes under the beginning of a segment, with its file key.
    fn resealed(identity: &Identity, sealed: &[u8], plain: &[u8]) -> Vec<u8> {
        use crate::vault::header::Header;
        use crate::vault::stream::{ChunkPlace, Payload};
        let header = Header::parse(sealed).unwrap().unwrap();
        let length = header.as_bytes().len();
        let nonce: &[u8; 16] = sealed[length..length + 16].try_into().unwrap();
        let payload = Payload::new(&header.unwrap(identity).unwrap(), nonce).unwrap();
        let mut forged = sealed[..length + 16].to_vec();
        let chunks = plain.chunks(65_536);
        let count = chunks.len() as u64;
        for (index, chunk) in (0..).zip(chunks) {
            let start = forged.len();
            forged.extend_from_slice(chunk);
            payload.seal(ChunkPlace { index, is_last: index + 1 == count }, &mut forged, start).unwrap();
        }
        forged
    }

    #[test]
    fn a_part_that_does_not_add_up_is_not_opened() {
        let identity = Identity::generate();
        let (_, part, kept) = part(&identity.recipient(), &[500, 500]);
        let none = ManifestPart { segments: vec![], ..part.clone() };
        assert!(matches!(read(&identity, &none, &kept), Err(VaultError::Swapped)));
        let longer = ManifestPart { size: ByteSize(1001), ..part.clone() };
        assert!(matches!(read(&identity, &longer, &kept), Err(VaultError::Swapped)));
        let missing = Kept(vec![kept.0[0].clone()]);
        assert!(matches!(read(&identity, &part, &missing), Err(VaultError::Unreadable(_))));
    }

    #[test]
    fn what_was_saved_of_a_killed_upload_goes_on_as_a_segment_of_its_own() {
        let identity = Identity::generate();
        let key = SealingKey::new(&identity.recipient()).unwrap();
        let plain: Vec<u8> = (0..200_000_u32).map(|n| u8::try_from(n % 251).unwrap()).collect();
        let mut killed = SegmentSealer::new(&key).unwrap();
        let binding = killed.binding();
        let on_disk = killed.push(&plain).unwrap();
        let mut saved = TruncatedSegment::new(&identity, &on_disk[..on_disk.len() - 9], binding).unwrap();
        let mut again = SegmentSealer::new(&SealingKey::new(&identity.recipient()).unwrap()).unwrap();
        let mut sealed = Vec::new();
        while let Some(chunk) = saved.next_chunk().unwrap() {
            sealed.extend(again.push(&chunk).unwrap());
        }
        let (tail, first) = again.finish().unwrap();
        sealed.extend(tail);
        let had = usize::try_from(first.size.bytes()).unwrap();
        assert_eq!(had, 2 * 65_536, "of three whole chunks one was cut");
        let (rest, second) = segment(&key, &plain[had..]);
        let (_, mut manifest, _) = part(&identity.recipient(), &[1]);
        manifest.size = ByteSize(plain.len() as u64);
        manifest.digest = Digest::of(&plain);
        manifest.segments = vec![first, second];
        assert_eq!(read(&identity, &manifest, &Kept(vec![sealed, rest])).unwrap(), plain);
    }
}
