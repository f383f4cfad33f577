//! The records of a zip (PKWARE APPNOTE 6.3.10) whose entries are stored as they are. Each length is known before the first byte
//! is written: so is that of the whole, and a stretch of it is the same bytes whenever it is asked for.

/// From here on a number has no room in four bytes: it stands in a zip64 field, which old readers do not know.
const ZIP64_FROM: u64 = 0xffff_ffff;
/// The same of two bytes.
const ZIP64_FROM_ENTRIES: u64 = 0xffff;
/// What `version needed` and `made by` say (4.4.2, 4.4.3): 2.0 for folders, 4.5 for zip64; made as on Unix, for its permissions.
const VERSION: u16 = 20;
const VERSION_ZIP64: u16 = 45;
const MADE_ON_UNIX: u16 = 3 << 8;
/// Bit 3: the check sum stands behind the content (4.3.9). Bit 11: the name is UTF-8.
const FLAGS: u16 = 1 << 3 | 1 << 11;
/// The first day that a zip can tell: when a file was made stays with who made it.
const DATE: u16 = 1 << 5 | 1;
/// An ordinary file, which its owner writes and everybody reads, in the upper half.
const ATTRIBUTES: u32 = 0o100_644 << 16;

/// A file in an archive.
#[derive(Debug)]
pub(super) struct Entry {
    name: String,
    size: u64,
    /// Where its header begins.
    at: u64,
}

impl Entry {
    /// A file of this size under this name, from this place on.
    pub(super) const fn new(name: String, size: u64, at: u64) -> Self {
        Self { name, size, at }
    }

    /// The size of its content.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Where what follows it begins.
    pub(super) fn end(&self) -> u64 {
        self.at + self.header().len() as u64 + self.size + self.descriptor(0).len() as u64
    }

    const fn is_zip64(&self) -> bool {
        self.size >= ZIP64_FROM
    }

    /// What stands before its content (4.3.7). Sizes are told behind it; a zip64 field says how.
    pub(super) fn header(&self) -> Vec<u8> {
        let mut extra = Vec::new();
        if self.is_zip64() {
            field(&mut extra, &[0, 0]);
        }
        let mut out = 0x0403_4b50_u32.to_le_bytes().to_vec();
        put(&mut out, &[if self.is_zip64() { VERSION_ZIP64 } else { VERSION }, FLAGS, 0, 0, DATE]);
        put_long(&mut out, &[0, 0, 0]);
        put(&mut out, &[short(self.name.len()), short(extra.len())]);
        [out.as_slice(), self.name.as_bytes(), &extra].concat()
    }

    /// What stands behind its content (4.3.9).
    pub(super) fn descriptor(&self, crc: u32) -> Vec<u8> {
        let mut out = Vec::new();
        put_long(&mut out, &[0x0807_4b50, crc]);
        for _ in 0..2 {
            if self.is_zip64() {
                out.extend_from_slice(&self.size.to_le_bytes());
            } else {
                put_long(&mut out, &[clamped(self.size)]);
            }
        }
        out
    }

    /// Its line in the directory at the end (4.3.12).
    pub(super) fn directory(&self, crc: u32) -> Vec<u8> {
        let mut large = if self.is_zip64() { vec![self.size, self.size] } else { Vec::new() };
        large.extend((self.at >= ZIP64_FROM).then_some(self.at));
        let mut extra = Vec::new();
        if !large.is_empty() {
            field(&mut extra, &large);
        }
        let version = if large.is_empty() { VERSION } else { VERSION_ZIP64 };
        let mut out = 0x0201_4b50_u32.to_le_bytes().to_vec();
        put(&mut out, &[MADE_ON_UNIX | version, version, FLAGS, 0, 0, DATE]);
        put_long(&mut out, &[crc, clamped(self.size), clamped(self.size)]);
        put(&mut out, &[short(self.name.len()), short(extra.len()), 0, 0, 0]);
        put_long(&mut out, &[ATTRIBUTES, clamped(self.at)]);
        [out.as_slice(), self.name.as_bytes(), &extra].concat()
    }
}

/// The end of an archive with so many entries, whose directory begins there and is so long (4.3.14 to 4.3.16).
pub(super) fn end(entries: u64, at: u64, length: u64) -> Vec<u8> {
    let mut out = Vec::new();
    if entries >= ZIP64_FROM_ENTRIES || at >= ZIP64_FROM || length >= ZIP64_FROM {
        put_long(&mut out, &[0x0606_4b50]);
        out.extend_from_slice(&44_u64.to_le_bytes());
        put(&mut out, &[MADE_ON_UNIX | VERSION_ZIP64, VERSION_ZIP64]);
        put_long(&mut out, &[0, 0]);
        for number in [entries, entries, length, at] {
            out.extend_from_slice(&number.to_le_bytes());
        }
        put_long(&mut out, &[0x0706_4b50, 0]);
        out.extend_from_slice(&(at + length).to_le_bytes());
        put_long(&mut out, &[1]);
    }
    let count = u16::try_from(entries).unwrap_or(u16::MAX);
    put_long(&mut out, &[0x0605_4b50]);
    put(&mut out, &[0, 0, count, count]);
    put_long(&mut out, &[clamped(length), clamped(at)]);
    put(&mut out, &[0]);
    out
}

/// A zip64 field (4.5.3).
fn field(out: &mut Vec<u8>, numbers: &[u64]) {
    put(out, &[1, short(numbers.len() * 8)]);
    for number in numbers {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

fn put(out: &mut Vec<u8>, numbers: &[u16]) {
    for number in numbers {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

fn put_long(out: &mut Vec<u8>, numbers: &[u32]) {
    for number in numbers {
        out.extend_from_slice(&number.to_le_bytes());
    }
}

/// All ones where it has no room.
fn clamped(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(u32::MAX)
}

/// Names have a few hundred bytes, and no field has more than three numbers.
fn short(length: usize) -> u16 {
    u16::try_from(length).unwrap_or(u16::MAX)
}
