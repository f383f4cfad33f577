//! Values outside sled, as in WiscKey (Lu and others, FAST 2016): they are appended to files, and sled has where each stands.
//! sled keeps thousands of its pages in memory whatever its cache is told (`docs/decisions/0125`); so what is in its pages
//! is small.
//!
//! ```text
//! checksum  CRC-32 of what follows, 4 bytes
//! lengths   of the key, 2 bytes, and of the value, 4 bytes, big-endian
//! the key; the value
//! ```
//!
//! Nothing is overwritten. What is put anew or removed stays until less than half of its file is still in use; then the rest
//! is appended anew, and the file removed. What stands behind the end that the database knows was appended before a crash
//! and belongs to nobody: it is cut off when the log is opened.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock};

use super::super::durable;
use super::unavailable;
use crate::app::ports::StoreError;

/// Bytes after which a file is not appended to any more.
const FILE_BYTES: u64 = 16 * 1024 * 1024;
/// Bytes that are written in one go.
const WRITE_BYTES: usize = 256 * 1024;
/// Files that are kept open for reading.
const OPEN_FILES: usize = 256;
const CHECKSUM_BYTES: usize = 4;
const HEAD_BYTES: usize = CHECKSUM_BYTES + 2 + 4;
/// Bytes of a pointer as sled has it.
pub(super) const POINTER_BYTES: usize = 12;

/// Where a value stands: its file, its place in it, how many bytes it takes there with its key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Pointer {
    file: u32,
    at: u32,
    length: u32,
}

impl Pointer {
    /// As sled has it.
    pub(super) fn to_bytes(self) -> [u8; POINTER_BYTES] {
        let mut bytes = [0; POINTER_BYTES];
        for (part, number) in bytes.chunks_exact_mut(4).zip([self.file, self.at, self.length]) {
            part.copy_from_slice(&number.to_be_bytes());
        }
        bytes
    }

    /// In which file it takes how many bytes.
    pub(super) const fn takes(self) -> (u32, u64) {
        (self.file, self.length as u64)
    }

    /// From what sled has.
    pub(super) fn from_bytes(bytes: &[u8]) -> Result<Self, StoreError> {
        let (numbers, rest) = bytes.as_chunks::<4>();
        match numbers {
            [file, at, length] if rest.is_empty() => {
                let [file, at, length] = [*file, *at, *length].map(u32::from_be_bytes);
                Ok(Self { file, at, length })
            }
            _ => Err(StoreError::Damaged),
        }
    }
}

/// A key, its value, and where that stands.
pub(super) type Placed = (Vec<u8>, Vec<u8>, Pointer);

/// The end of the log: the file that is appended to, and its length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct End {
    pub(super) file: u32,
    pub(super) length: u64,
}

/// How many bytes of a file there are, and how many of them are in use, about: a crash may leave too many or too few.
#[derive(Debug, Clone, Copy, Default)]
struct Usage {
    bytes: u64,
    live: u64,
    /// It has changed since the database was told.
    is_new: bool,
    /// It cannot be read to its end: what is in use of it stays where it is.
    is_kept: bool,
}

/// Why a value is not read.
#[derive(Debug)]
pub(super) enum ReadError {
    /// Its file is gone: the value was moved, or removed.
    Gone,
    /// All else.
    Store(StoreError),
}

/// The files.
#[derive(Debug)]
pub(super) struct ValueLog {
    directory: PathBuf,
    open: RwLock<BTreeMap<u32, Arc<File>>>,
    usage: Mutex<BTreeMap<u32, Usage>>,
    /// What is appended to; nothing that an earlier run left.
    end: Mutex<(End, Option<File>)>,
}

impl ValueLog {
    /// Opens it: `end` and how many bytes of its files are in use are what the database knows of it.
    pub(super) fn open(
        directory: PathBuf,
        end: End,
        live: impl IntoIterator<Item = (u32, u64)>,
    ) -> Result<Self, StoreError> {
        durable::make_directory(&directory).map_err(unavailable)?;
        let live: BTreeMap<u32, u64> = live.into_iter().collect();
        let (mut usage, mut is_there) = (BTreeMap::new(), end.length == 0);
        for entry in fs::read_dir(&directory).map_err(unavailable)? {
            let entry = entry.map_err(unavailable)?;
            let Some(number) = number_of(&entry.file_name()) else { continue };
            let mut bytes = entry.metadata().map_err(unavailable)?.len();
            if number > end.file {
                fs::remove_file(entry.path()).map_err(unavailable)?;
                continue;
            }
            if number == end.file {
                is_there = true;
                if bytes < end.length {
                    return Err(StoreError::Damaged);
                }
                let cut = File::options().write(true).open(entry.path());
                cut.and_then(|file| file.set_len(end.length).and_then(|()| file.sync_all()))
                    .map_err(unavailable)?;
                bytes = end.length;
            }
            let live = live.get(&number).copied().unwrap_or(0);
            usage.insert(number, Usage { bytes, live, ..Usage::default() });
        }
        if !is_there {
            return Err(StoreError::Damaged);
        }
        durable::sync_directory(&directory).map_err(unavailable)?;
        Ok(Self {
            directory,
            open: RwLock::default(),
            usage: Mutex::new(usage),
            end: Mutex::new((end, None)),
        })
    }

    /// The end of what is appended and on the disk.
    pub(super) fn end(&self) -> End {
        locked(&self.end).0
    }

    /// Appends pairs and forces them to the disk; tells where each stands. After an error the log must not be used any more.
    pub(super) fn append<'p>(
        &self,
        pairs: impl Iterator<Item = (&'p [u8], &'p [u8])>,
    ) -> io::Result<Vec<Pointer>> {
        let mut writing = locked(&self.end);
        let (mut pointers, mut buffer) = (Vec::new(), Vec::new());
        for (key, value) in pairs {
            if writing.1.is_none() || writing.0.length + buffer.len() as u64 >= FILE_BYTES {
                self.write(&mut writing, &mut buffer)?;
                self.begin_file(&mut writing)?;
            }
            let (end, start) = (writing.0, buffer.len());
            put_entry(&mut buffer, key, value)?;
            let at = u32::try_from(end.length + start as u64).map_err(|_| too_large())?;
            let length = u32::try_from(buffer.len() - start).map_err(|_| too_large())?;
            pointers.push(Pointer { file: end.file, at, length });
            if buffer.len() >= WRITE_BYTES {
                self.write(&mut writing, &mut buffer)?;
            }
        }
        self.write(&mut writing, &mut buffer)?;
        if !pointers.is_empty()
            && let Some(file) = &writing.1
        {
            file.sync_data()?;
        }
        Ok(pointers)
    }

    /// Ends the file that is appended to, and makes the next one.
    fn begin_file(&self, writing: &mut (End, Option<File>)) -> io::Result<()> {
        if let Some(file) = writing.1.take() {
            file.sync_data()?;
        }
        writing.0 = End { file: writing.0.file + 1, length: 0 };
        writing.1 = Some(durable::create_file(&self.path_of(writing.0.file))?);
        durable::sync_directory(&self.directory)
    }

    fn write(&self, (end, file): &mut (End, Option<File>), buffer: &mut Vec<u8>) -> io::Result<()> {
        let (Some(file), false) = (file, buffer.is_empty()) else { return Ok(()) };
        file.write_all(buffer)?;
        let length = buffer.len() as u64;
        end.length += length;
        let mut usage = locked(&self.usage);
        let usage = usage.entry(end.file).or_default();
        (usage.bytes, usage.live, usage.is_new) = (end.length, usage.live + length, true);
        buffer.clear();
        Ok(())
    }

    /// Reads the value of a key.
    pub(super) fn read(&self, key: &[u8], pointer: Pointer) -> Result<Vec<u8>, ReadError> {
        let damaged = || ReadError::Store(StoreError::Damaged);
        let file = self.file(pointer.file)?;
        let length = usize::try_from(pointer.length).map_err(|_| damaged())?;
        let mut entry = vec![0; length];
        match file.read_exact_at(&mut entry, u64::from(pointer.at)) {
            Ok(()) => {}
            Err(error) => {
                // A bad sector is the trouble of what stands there, not of the whole store.
                tracing::error!(%error, file = pointer.file, at = pointer.at, "store.embedded.values.unreadable");
                return Err(damaged());
            }
        }
        let value = value_of(&entry, key).ok_or_else(damaged)?;
        entry.drain(..length - value);
        Ok(entry)
    }

    fn file(&self, number: u32) -> Result<Arc<File>, ReadError> {
        let open = self.open.read().unwrap_or_else(PoisonError::into_inner);
        if let Some(file) = open.get(&number) {
            return Ok(Arc::clone(file));
        }
        drop(open);
        let file = match File::open(self.path_of(number)) {
            Ok(file) => Arc::new(file),
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(ReadError::Gone),
            Err(error) => return Err(ReadError::Store(unavailable(error))),
        };
        let mut open = self.open.write().unwrap_or_else(PoisonError::into_inner);
        if open.len() >= OPEN_FILES {
            open.clear();
        }
        // One that was removed meanwhile is read once more, and not kept.
        if self.has(number) {
            open.insert(number, Arc::clone(&file));
        }
        Ok(file)
    }

    /// A value is not in use any more.
    pub(super) fn drop_value(&self, pointer: Pointer) {
        if let Some(usage) = locked(&self.usage).get_mut(&pointer.file) {
            (usage.live, usage.is_new) = (usage.live.saturating_sub(u64::from(pointer.length)), true);
        }
    }

    /// Whether there is a file of this number.
    pub(super) fn has(&self, number: u32) -> bool {
        locked(&self.usage).contains_key(&number)
    }

    /// Of the files of which less than half is in use, and that are not appended to, the one of which least is; and how much
    /// that is, in bytes.
    pub(super) fn sparse(&self) -> Option<(u32, u64)> {
        let appended = self.end().file;
        let usage = locked(&self.usage);
        let sparse = usage
            .iter()
            .filter(|(number, usage)| **number != appended && !usage.is_kept && usage.live * 2 < usage.bytes);
        sparse.map(|(number, usage)| (*number, usage.live)).min_by_key(|(_, live)| *live)
    }

    /// Corrects how much is in use of each file.
    pub(super) fn set_live(&self, live: &BTreeMap<u32, u64>) {
        for (number, usage) in locked(&self.usage).iter_mut() {
            (usage.live, usage.is_new) = (live.get(number).copied().unwrap_or(0), true);
        }
    }

    /// What a file holds, in use or not.
    pub(super) fn entries(&self, number: u32) -> io::Result<Entries> {
        let file = File::open(self.path_of(number))?;
        let left = file.metadata()?.len();
        Ok(Entries { reader: BufReader::with_capacity(WRITE_BYTES, file), file: number, at: 0, left })
    }

    /// Leaves a file as it is from now on: something in it cannot be read.
    pub(super) fn keep(&self, number: u32) {
        locked(&self.usage).entry(number).or_default().is_kept = true;
    }

    /// Removes a file of which nothing is in use.
    pub(super) fn remove(&self, number: u32) -> io::Result<()> {
        locked(&self.usage).remove(&number);
        self.open.write().unwrap_or_else(PoisonError::into_inner).remove(&number);
        fs::remove_file(self.path_of(number))
    }

    /// How many bytes are in use of the files for which that has changed since this was asked last.
    pub(super) fn take_changed_usage(&self) -> Vec<(u32, u64)> {
        let mut usage = locked(&self.usage);
        let changed = usage.iter_mut();
        changed
            .filter_map(|(number, usage)| std::mem::take(&mut usage.is_new).then_some((*number, usage.live)))
            .collect()
    }

    fn path_of(&self, number: u32) -> PathBuf {
        self.directory.join(format!("{number:08x}"))
    }
}

/// Goes through the entries of a file.
#[derive(Debug)]
pub(super) struct Entries {
    reader: BufReader<File>,
    file: u32,
    at: u32,
    left: u64,
}

impl Entries {
    /// The next key, its value and where it stands; none at the end.
    pub(super) fn take(&mut self) -> Result<Option<Placed>, StoreError> {
        if self.left == 0 {
            return Ok(None);
        }
        let mut entry = vec![0; HEAD_BYTES];
        self.fill(&mut entry)?;
        let (key, value) = lengths(&entry).ok_or(StoreError::Damaged)?;
        if (key + value) as u64 > self.left {
            return Err(StoreError::Damaged);
        }
        entry.resize(HEAD_BYTES + key + value, 0);
        self.fill(&mut entry[HEAD_BYTES..])?;
        let key = entry[HEAD_BYTES..HEAD_BYTES + key].to_vec();
        value_of(&entry, &key).ok_or(StoreError::Damaged)?;
        let length = u32::try_from(entry.len()).map_err(|_| StoreError::Damaged)?;
        let pointer = Pointer { file: self.file, at: self.at, length };
        self.at = self.at.checked_add(length).ok_or(StoreError::Damaged)?;
        let value = entry.split_off(HEAD_BYTES + key.len());
        Ok(Some((key, value, pointer)))
    }

    fn fill(&mut self, bytes: &mut [u8]) -> Result<(), StoreError> {
        self.left = self.left.checked_sub(bytes.len() as u64).ok_or(StoreError::Damaged)?;
        self.reader.read_exact(bytes).map_err(unavailable)
    }
}

fn put_entry(buffer: &mut Vec<u8>, key: &[u8], value: &[u8]) -> io::Result<()> {
    let start = buffer.len();
    buffer.extend_from_slice(&[0; CHECKSUM_BYTES]);
    buffer.extend_from_slice(&u16::try_from(key.len()).map_err(|_| too_large())?.to_be_bytes());
    buffer.extend_from_slice(&u32::try_from(value.len()).map_err(|_| too_large())?.to_be_bytes());
    buffer.extend_from_slice(key);
    buffer.extend_from_slice(value);
    let sum = checksum(&buffer[start + CHECKSUM_BYTES..]);
    buffer[start..start + CHECKSUM_BYTES].copy_from_slice(&sum.to_be_bytes());
    Ok(())
}

fn checksum(bytes: &[u8]) -> u32 {
    let mut checksum = flate2::Crc::new();
    checksum.update(bytes);
    checksum.sum()
}

/// The lengths of key and value, by the head of an entry.
fn lengths(head: &[u8]) -> Option<(usize, usize)> {
    let rest = head.get(CHECKSUM_BYTES..)?;
    let (key, rest) = rest.split_first_chunk::<2>()?;
    let (value, _) = rest.split_first_chunk::<4>()?;
    Some((usize::from(u16::from_be_bytes(*key)), usize::try_from(u32::from_be_bytes(*value)).ok()?))
}

/// How long the value is, at the end of an entry that is whole and of this key.
fn value_of(entry: &[u8], key: &[u8]) -> Option<usize> {
    let (key_length, value) = lengths(entry)?;
    let whole = key_length == key.len()
        && entry.len() == HEAD_BYTES + key_length + value
        && entry[HEAD_BYTES..].starts_with(key)
        && checksum(&entry[CHECKSUM_BYTES..]).to_be_bytes() == entry[..CHECKSUM_BYTES];
    whole.then_some(value)
}

fn number_of(name: &std::ffi::OsStr) -> Option<u32> {
    u32::from_str_radix(name.to_str()?, 16).ok()
}

fn too_large() -> io::Error {
    io::Error::from(io::ErrorKind::FileTooLarge)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn an_entry_with_any_byte_changed_is_not_read(
            key in prop::collection::vec(any::<u8>(), 1..40),
            value in prop::collection::vec(any::<u8>(), 0..200),
            at: prop::sample::Index,
            bit in 0..8,
        ) {
            let mut entry = Vec::new();
            put_entry(&mut entry, &key, &value).unwrap();
            prop_assert_eq!(value_of(&entry, &key), Some(value.len()));
            let at = at.index(entry.len());
            entry[at] ^= 1_u8 << bit;
            prop_assert_eq!(value_of(&entry, &key), None);
        }

        #[test]
        fn a_pointer_reads_back_and_other_bytes_are_damage(file: u32, at: u32, length: u32, bytes: Vec<u8>) {
            let pointer = Pointer { file, at, length };
            prop_assert_eq!(Pointer::from_bytes(&pointer.to_bytes()).unwrap(), pointer);
            prop_assert_eq!(Pointer::from_bytes(&bytes).is_ok(), bytes.len() == POINTER_BYTES);
        }
    }

    #[test]
    fn what_is_appended_is_gone_through_in_order_and_read_by_its_key_alone() {
        let at = tempfile::tempdir().unwrap();
        let log = ValueLog::open(at.path().join("values"), End::default(), []).unwrap();
        let pairs: Vec<(Vec<u8>, Vec<u8>)> = (0..100_u8).map(|n| (vec![b'r', n], vec![n; 5000])).collect();
        let appended = log.append(pairs.iter().map(|(key, value)| (&key[..], &value[..]))).unwrap();
        let mut entries = log.entries(1).unwrap();
        for ((key, value), pointer) in pairs.iter().zip(appended) {
            assert_eq!(entries.take().unwrap(), Some((key.clone(), value.clone(), pointer)));
            assert_eq!(log.read(key, pointer).unwrap(), *value);
            assert!(matches!(log.read(b"rx", pointer), Err(ReadError::Store(StoreError::Damaged))));
        }
        assert_eq!(entries.take().unwrap(), None);
        let elsewhere = Pointer { file: 9, at: 0, length: 30 };
        assert!(matches!(log.read(b"rx", elsewhere), Err(ReadError::Gone)));
        let behind = Pointer { file: 1, at: u32::MAX, length: 30 };
        assert!(matches!(log.read(b"rx", behind), Err(ReadError::Store(StoreError::Damaged))));
    }
}
