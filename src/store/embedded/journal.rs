//! What was committed and is not in sled yet: each group of units is appended and forced to the disk before anyone is told.
//!
//! Two files take turns. While one is appended to, what the other holds is put into sled; then that one is free, and
//! overwritten from its beginning: a file that keeps its length is forced to the disk without its file system's journal.
//!
//! ```text
//! digest    16 bytes of the SHA-256 of what follows
//! number    of the group, big-endian; the next group has the next number, in whichever file
//! length    of the writes, in bytes, big-endian
//! writes    each the length of its key, the length of its value or u32::MAX for a removal, key, value
//! ```
//!
//! What stands after the last group is what an earlier turn left, with smaller numbers, or a group that was being
//! appended when the power went: its digest does not fit, and nobody was told of it.

use std::fs::{File, OpenOptions};
use std::io;
use std::ops::RangeInclusive;
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::super::durable;
use super::super::keyspace::Writes;
use crate::value::Digest;

/// The files' names, in the store's directory.
const NAMES: [&str; 2] = ["journal.0", "journal.1"];
const DIGEST_BYTES: usize = 16;
const HEAD_BYTES: usize = DIGEST_BYTES + 8 + 4;
/// Bytes of a number that are always zero.
const NUMBER_ZEROS: usize = 3;
/// Stands for the length of a value that is removed.
const REMOVED: u32 = u32::MAX;
/// A file that has grown beyond this is cut when its turn comes.
const KEPT_BYTES: u64 = 32 * 1024 * 1024;

/// The two files.
#[derive(Debug)]
pub(super) struct Journal {
    files: [File; 2],
    /// Which one is appended to.
    turn: usize,
    end: u64,
    /// The number of the last group.
    last: u64,
    buffer: Vec<u8>,
}

/// What stands in a journal that sled does not have.
#[derive(Debug)]
pub(super) struct Unsettled {
    /// All of it, later groups over earlier ones.
    pub(super) writes: Writes,
    /// The number of the last group.
    pub(super) last: u64,
}

/// Why a journal does not open.
#[derive(Debug, thiserror::Error)]
pub(super) enum JournalError {
    /// A group stands after one that is missing or damaged: what was told to somebody is lost.
    #[error("the journal of the store is damaged after group {0}")]
    Damaged(u64),
    /// The disk.
    #[error("the journal of the store cannot be read")]
    Disk(#[from] io::Error),
}

impl Journal {
    /// Opens it, or makes a new one; reads what came after the group of this number. Nothing may be appended before that
    /// is in sled.
    pub(super) fn open(directory: &Path, settled: u64) -> Result<(Self, Unsettled), JournalError> {
        let paths = NAMES.map(|name| directory.join(name));
        let mut files = Vec::new();
        for path in &paths {
            files.push(durable::read_if_there(path)?.unwrap_or_default());
        }
        let room: usize = files.iter().map(|bytes| bytes.len() / HEAD_BYTES).sum();
        let numbers = settled + 1..=settled + room as u64;
        let mut groups = Vec::new();
        for bytes in files {
            read_groups(&bytes, &numbers, &mut groups);
        }
        groups.sort_unstable_by_key(|group| group.number);
        let mut unsettled = Unsettled { writes: Writes::new(), last: settled };
        for group in groups {
            if group.number != unsettled.last + 1 {
                return Err(JournalError::Damaged(unsettled.last));
            }
            unsettled.last = group.number;
            unsettled.writes.extend(group.writes);
        }
        let [first, second] = paths;
        let files = [open_file(&first)?, open_file(&second)?];
        durable::sync_directory(directory)?;
        let journal = Self { files, turn: 0, end: 0, last: unsettled.last, buffer: Vec::new() };
        Ok((journal, unsettled))
    }

    /// A journal on these files, for tests of what fails.
    #[cfg(test)]
    pub(super) const fn on(files: [File; 2], last: u64) -> Self {
        Self { files, turn: 0, end: 0, last, buffer: Vec::new() }
    }

    /// Appends a group and forces it to the disk. After an error the journal must not be used any more.
    pub(super) fn append(&mut self, writes: &Writes) -> io::Result<()> {
        self.last += 1;
        write_group(&mut self.buffer, self.last, writes)?;
        let file = &self.files[self.turn];
        file.write_all_at(&self.buffer, self.end)?;
        self.end += self.buffer.len() as u64;
        file.sync_data()
    }

    /// Goes on in the other file, of which all must be in sled. Returns the number of the last group of this one.
    pub(super) fn take_turns(&mut self) -> io::Result<u64> {
        self.turn = 1 - self.turn;
        self.end = 0;
        self.buffer = Vec::new();
        let file = &self.files[self.turn];
        if file.metadata()?.len() > KEPT_BYTES {
            file.set_len(KEPT_BYTES)?;
        }
        Ok(self.last)
    }
}

fn open_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).mode(0o600).open(path)
}

fn write_group(buffer: &mut Vec<u8>, number: u64, writes: &Writes) -> io::Result<()> {
    let too_large = |_| io::Error::from(io::ErrorKind::FileTooLarge);
    buffer.clear();
    buffer.extend_from_slice(&[0; DIGEST_BYTES]);
    buffer.extend_from_slice(&number.to_be_bytes());
    buffer.extend_from_slice(&[0; 4]);
    for (key, value) in writes {
        let value_length = match value {
            Some(value) => u32::try_from(value.len()).map_err(too_large)?,
            None => REMOVED,
        };
        buffer.extend_from_slice(&u32::try_from(key.len()).map_err(too_large)?.to_be_bytes());
        buffer.extend_from_slice(&value_length.to_be_bytes());
        buffer.extend_from_slice(key);
        buffer.extend_from_slice(value.as_deref().unwrap_or_default());
    }
    let length = u32::try_from(buffer.len() - HEAD_BYTES).map_err(too_large)?;
    buffer[HEAD_BYTES - 4..HEAD_BYTES].copy_from_slice(&length.to_be_bytes());
    let digest = Digest::of(&buffer[DIGEST_BYTES..]);
    buffer[..DIGEST_BYTES].copy_from_slice(&digest.as_bytes()[..DIGEST_BYTES]);
    Ok(())
}

struct JournalGroup {
    number: u64,
    writes: Writes,
}

/// The groups of these numbers that a file holds. Behind one that is damaged others are looked for: that they are there says
/// that it was whole once.
fn read_groups(bytes: &[u8], numbers: &RangeInclusive<u64>, groups: &mut Vec<JournalGroup>) {
    let mut at = 0;
    while let Some(next) = next_number(bytes, at) {
        at = next;
        match parse_group(&bytes[at..], numbers) {
            Some((group, length)) => {
                groups.push(group);
                at += length;
            }
            None => at += 1,
        }
    }
}

/// The first place from `at` on where a group may begin: the first bytes of its number are zero.
fn next_number(bytes: &[u8], at: usize) -> Option<usize> {
    let from = bytes.get(at + DIGEST_BYTES..)?;
    memchr::memmem::find(from, &[0; NUMBER_ZEROS]).map(|found| at + found)
}

/// The group that begins here, if it is whole and has one of these numbers; how long it is. What has another number is not
/// hashed: bytes that look like a group are many.
fn parse_group(bytes: &[u8], numbers: &RangeInclusive<u64>) -> Option<(JournalGroup, usize)> {
    let (digest, rest) = bytes.split_first_chunk::<DIGEST_BYTES>()?;
    let (number, rest) = rest.split_first_chunk::<8>()?;
    let (length, rest) = rest.split_first_chunk::<4>()?;
    let (number, length) = (u64::from_be_bytes(*number), usize::try_from(u32::from_be_bytes(*length)).ok()?);
    if !numbers.contains(&number) {
        return None;
    }
    let mut body = rest.get(..length)?;
    if Digest::of(&bytes[DIGEST_BYTES..HEAD_BYTES + length]).as_bytes()[..DIGEST_BYTES] != *digest {
        return None;
    }
    let mut writes = Writes::new();
    while !body.is_empty() {
        let key_length = take_length(&mut body)?;
        let value_length = take_length(&mut body)?;
        let key = take(&mut body, key_length)?;
        let value = if value_length == REMOVED { None } else { Some(take(&mut body, value_length)?) };
        writes.insert(key, value);
    }
    Some((JournalGroup { number, writes }, HEAD_BYTES + length))
}

fn take_length(body: &mut &[u8]) -> Option<u32> {
    let (length, rest) = body.split_first_chunk::<4>()?;
    *body = rest;
    Some(u32::from_be_bytes(*length))
}

fn take(body: &mut &[u8], length: u32) -> Option<Vec<u8>> {
    let (taken, rest) = body.split_at_checked(usize::try_from(length).ok()?)?;
    *body = rest;
    Some(taken.to_vec())
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    fn writes(n: u8) -> Writes {
        [(vec![n; 9], Some(vec![n; 300])), (b"last".to_vec(), Some(vec![n])), (vec![n - 1; 9], None)].into()
    }

    /// A journal with three groups, and its file.
    fn three_groups(at: &Path) -> Vec<u8> {
        let (mut journal, unsettled) = Journal::open(at, 0).unwrap();
        assert!(unsettled.writes.is_empty());
        for n in 1..=3 {
            journal.append(&writes(n)).unwrap();
        }
        fs::read(at.join(NAMES[0])).unwrap()
    }

    fn last_of(at: &Path, settled: u64) -> Result<(u64, Option<u8>), JournalError> {
        let (_, unsettled) = Journal::open(at, settled)?;
        let value = unsettled.writes.get(&b"last"[..]).cloned().flatten();
        Ok((unsettled.last, value.map(|value| value[0])))
    }

    #[test]
    fn wherever_the_power_went_whole_groups_are_read_and_nothing_of_the_one_that_was_cut() {
        let at = tempfile::tempdir().unwrap();
        let bytes = three_groups(at.path());
        for cut in 0..bytes.len() {
            // What was there before stands behind the cut: nothing, zeros or something else.
            for behind in [vec![], vec![0; bytes.len() - cut], vec![b'x'; bytes.len() - cut]] {
                fs::write(at.path().join(NAMES[0]), [&bytes[..cut], &behind].concat()).unwrap();
                let group = bytes.len() / 3;
                let whole = u8::try_from(cut / group).unwrap();
                let value = (whole > 0).then_some(whole);
                assert_eq!(last_of(at.path(), 0).unwrap(), (u64::from(whole), value), "cut at {cut}");
            }
        }
    }

    #[test]
    fn what_is_removed_and_what_is_written_read_back_the_later_over_the_earlier() {
        let at = tempfile::tempdir().unwrap();
        three_groups(at.path());
        let (_, unsettled) = Journal::open(at.path(), 0).unwrap();
        let expected: Writes = (1..=3).flat_map(writes).collect();
        assert_eq!(unsettled.writes, expected);
        assert_eq!(last_of(at.path(), 2).unwrap(), (3, Some(3)), "the third alone");
        assert_eq!(last_of(at.path(), 3).unwrap(), (3, None), "sled has all");
    }

    #[test]
    fn a_group_that_is_missing_before_another_is_told_as_damage() {
        let at = tempfile::tempdir().unwrap();
        let bytes = three_groups(at.path());
        for damaged in 0..bytes.len() * 2 / 3 {
            let mut bytes = bytes.clone();
            bytes[damaged] ^= 1;
            fs::write(at.path().join(NAMES[0]), bytes).unwrap();
            assert!(matches!(last_of(at.path(), 0), Err(JournalError::Damaged(0 | 1))), "byte {damaged}");
        }
    }

    #[test]
    fn files_take_turns_and_what_an_earlier_turn_left_is_not_read() {
        let at = tempfile::tempdir().unwrap();
        let (mut journal, _) = Journal::open(at.path(), 0).unwrap();
        for n in 1..=6 {
            journal.append(&writes(n)).unwrap();
            if n % 2 == 0 {
                assert_eq!(journal.take_turns().unwrap(), u64::from(n));
            }
        }
        // Groups 1 and 2 were overwritten by 5 and 6; sled has those up to 4.
        journal.append(&writes(7)).unwrap();
        assert_eq!(last_of(at.path(), 4).unwrap(), (7, Some(7)));
        let (_, unsettled) = Journal::open(at.path(), 4).unwrap();
        assert!(!unsettled.writes.contains_key(&vec![4; 9]) || unsettled.writes[&vec![4; 9]].is_none());
        assert!(matches!(last_of(at.path(), 2), Err(JournalError::Damaged(2))), "3 and 4 are gone");
    }
}
