//! sled as one ordered space. Small pairs stand in blocks ([`blocks`](super::blocks)), large ones in files, to which sled has
//! pointers ([`value_log`](super::value_log)), the few others as they are. How it is changed is `changes.rs`.
//!
//! ```text
//! 0 journal      how far the journal is here
//! 0 values       the end of the value log
//! 1 key          a block, by its key
//! 2 key          a pointer to a value
//! 3 file         how many bytes of a file of values are in use
//! ```
//!
//! Whoever changes blocks holds [`Database::changing`]. When a block is cut in two, or takes in the next one, pairs move: that
//! is several writes of sled, first those that have the pairs at their new place, so that a crash loses nothing. Whoever
//! reads meanwhile sees by [`Database::moves`] that it must look again.

use std::fs::File;
use std::ops::Bound;
use std::path::Path;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};

use super::super::keyspace::{Direction, Pair, Pairs, Scan, is_large, is_small};
use super::blocks::{self, Cursor};
use super::unavailable;
use super::value_log::{End, Pointer, ReadError, ValueLog};
use crate::app::ports::StoreError;

/// The number of the journal's last group that is here, big-endian. No key of the key space begins like this one and those
/// below.
const MARK_KEY: &[u8] = b"\0journal";
/// The end of the value log: the number of its file, and how long that is.
const END_KEY: &[u8] = b"\0values";
pub(super) const BLOCKS: u8 = 1;
pub(super) const POINTERS: u8 = 2;
const USAGE: u8 = 3;
/// How often a value is looked for that was moved meanwhile.
const READ_TRIES: usize = 8;
/// The directory of the value log, in the store's.
const VALUES: &str = "values";

/// sled with the file that it keeps, and the files of large values.
pub(super) struct Database {
    pub(super) tree: sled::Tree,
    /// sled's file, to be forced to the disk.
    pub(super) file: File,
    pub(super) values: ValueLog,
    pub(super) changing: Mutex<()>,
    /// Odd while pairs move from one block to another.
    pub(super) moves: AtomicU64,
}

/// A block as it is kept: its key, its pairs, and the key of the next one.
pub(super) struct Found {
    pub(super) first: Vec<u8>,
    pub(super) pairs: sled::IVec,
    pub(super) end: Vec<u8>,
}

impl Database {
    /// sled's tree, the file that it keeps, and the store's directory.
    pub(super) fn open(tree: sled::Tree, file: File, directory: &Path) -> Result<Self, StoreError> {
        let end = match tree.get(END_KEY).map_err(unavailable)? {
            Some(end) => end_from(&end).ok_or(StoreError::Damaged)?,
            None => End::default(),
        };
        let mut live = Vec::new();
        for usage in tree.scan_prefix([USAGE]) {
            let (key, bytes) = usage.map_err(unavailable)?;
            let number = key[1..].try_into().map_err(|_| StoreError::Damaged)?;
            let bytes = bytes.as_ref().try_into().map_err(|_| StoreError::Damaged)?;
            live.push((u32::from_be_bytes(number), u64::from_be_bytes(bytes)));
        }
        if end == End::default() && tree.scan_prefix([POINTERS]).next().is_some() {
            return Err(StoreError::Damaged);
        }
        let numbers: Vec<u32> = live.iter().map(|(number, _)| *number).collect();
        let values = ValueLog::open(directory.join(VALUES), end, live)?;
        for gone in numbers.into_iter().filter(|number| !values.has(*number)) {
            tree.remove(usage_key(gone)).map_err(unavailable)?;
        }
        Ok(Self { tree, file, values, changing: Mutex::new(()), moves: AtomicU64::new(0) })
    }

    /// The number of the last group of the journal that is here; 0 in a database that never had a journal.
    pub(super) fn mark(&self) -> Result<u64, StoreError> {
        let Some(mark) = self.tree.get(MARK_KEY).map_err(unavailable)? else { return Ok(0) };
        let mark = mark.as_ref().try_into().map_err(|_| StoreError::Damaged)?;
        Ok(u64::from_be_bytes(mark))
    }

    /// Says how far the journal is here.
    pub(super) fn set_mark(&self, last: u64) -> Result<(), sled::Error> {
        self.set_usage()?;
        self.tree.insert(MARK_KEY, &last.to_be_bytes()).map(|_| ())
    }

    /// Says how much is in use of the files of values.
    pub(super) fn set_usage(&self) -> Result<(), sled::Error> {
        for (number, live) in self.values.take_changed_usage() {
            self.tree.insert(usage_key(number), &live.to_be_bytes())?;
        }
        Ok(())
    }

    /// Says where the value log ends.
    pub(super) fn set_end(&self) -> Result<(), sled::Error> {
        let End { file, length } = self.values.end();
        let end = [&file.to_be_bytes()[..], &length.to_be_bytes()].concat();
        self.tree.insert(END_KEY, end).map(|_| ())
    }

    /// Removes a file of the value log of which nothing is in use.
    pub(super) fn remove_file(&self, number: u32) -> Result<(), StoreError> {
        self.values.remove(number).map_err(unavailable)?;
        self.tree.remove(usage_key(number)).map_err(unavailable)?;
        Ok(())
    }

    /// Where the value of a large pair stands.
    pub(super) fn pointer(&self, key: &[u8]) -> Result<Option<Pointer>, StoreError> {
        let pointer = self.tree.get(pointer_key(key)).map_err(unavailable)?;
        pointer.map(|pointer| Pointer::from_bytes(&pointer)).transpose()
    }

    fn get_large(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        for _ in 0..READ_TRIES {
            let Some(pointer) = self.pointer(key)? else { return Ok(None) };
            match self.values.read(key, pointer) {
                Ok(value) => return Ok(Some(value)),
                Err(ReadError::Gone) => {}
                Err(ReadError::Store(error)) => return Err(error),
            }
        }
        Err(StoreError::Damaged)
    }

    /// A pair by its pointer; none when it was removed meanwhile.
    fn follow(&self, pair: Result<Pair, StoreError>) -> Option<Result<Pair, StoreError>> {
        let read = |(key, pointer): Pair| match self.values.read(&key[1..], Pointer::from_bytes(&pointer)?) {
            Ok(value) => Ok(Some((key[1..].to_vec(), value))),
            Err(ReadError::Gone) => Ok(self.get_large(&key[1..])?.map(|value| (key[1..].to_vec(), value))),
            Err(ReadError::Store(error)) => Err(error),
        };
        pair.and_then(read).transpose()
    }

    /// The block that a key belongs into; an empty one when the space of its kind has none yet.
    pub(super) fn block_of(&self, key: &[u8]) -> Result<Found, StoreError> {
        let (first, pairs) = match self.covering(key)? {
            Some((first, pairs)) => (first[1..].to_vec(), pairs),
            None => (key[..1].to_vec(), sled::IVec::default()),
        };
        let end = self.block_after(&first)?;
        Ok(Found { first, pairs, end })
    }

    /// The block that a key belongs into, as sled has it.
    fn covering(&self, key: &[u8]) -> Result<Option<(sled::IVec, sled::IVec)>, StoreError> {
        let to = block_key(key);
        let mut blocks = self.tree.range::<&[u8], _>((Bound::Included(&to[..2]), Bound::Included(&to[..])));
        blocks.next_back().transpose().map_err(unavailable)
    }

    /// The value of a small pair, while no pairs move.
    pub(super) fn get_small(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        let found = self.covering(key)?;
        found.map_or(Ok(None), |(first, pairs)| blocks::find(&first[1..], &pairs, key))
    }

    /// The key of the block after this one; what is after all keys of its kind when there is none.
    pub(super) fn block_after(&self, first: &[u8]) -> Result<Vec<u8>, StoreError> {
        let (from, end) = (block_key(first), end_of_kind(first));
        let range = (Bound::Excluded(&from[..]), Bound::Excluded(&block_key(&end)[..]));
        let next = self.tree.range::<&[u8], _>(range).next().transpose().map_err(unavailable)?;
        Ok(next.map_or(end, |(key, _)| key[1..].to_vec()))
    }

    /// The last block of a kind whose key is before this one; its pairs are wanted before it too.
    fn block_before(&self, kind: u8, key: &[u8]) -> Result<Option<Found>, StoreError> {
        let (from, to) = (block_key(&[kind]), block_key(key));
        let mut blocks = self.tree.range::<&[u8], _>((Bound::Included(&from[..]), Bound::Excluded(&to[..])));
        let found = blocks.next_back().transpose().map_err(unavailable)?;
        Ok(found.map(|(first, pairs)| Found { first: first[1..].to_vec(), pairs, end: key.to_vec() }))
    }

    /// What a look at several keys of sled shows while no pairs move.
    pub(super) fn steady<T>(&self, look: impl Fn() -> Result<T, StoreError>) -> Result<T, StoreError> {
        let before = self.moves.load(Ordering::SeqCst);
        if before.is_multiple_of(2) {
            let seen = look();
            if self.moves.load(Ordering::SeqCst) == before {
                return seen;
            }
        }
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        look()
    }

    /// Pairs that stand by themselves.
    pub(super) fn plain(&self, from: &[u8], to: &[u8], direction: Direction) -> Scan<'_> {
        let pairs = self.tree.range::<&[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        let pair = |pair: sled::Result<(sled::IVec, sled::IVec)>| match pair {
            Ok((key, value)) => Ok((key.to_vec(), value.to_vec())),
            Err(error) => Err(unavailable(error)),
        };
        match direction {
            Direction::Forward => Box::new(pairs.map(pair)),
            Direction::Backward => Box::new(pairs.rev().map(pair)),
        }
    }
}

impl Pairs for Database {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if is_large(key) {
            return self.get_large(key);
        }
        if !is_small(key) {
            return Ok(self.tree.get(key).map_err(unavailable)?.map(|value| value.to_vec()));
        }
        self.steady(|| self.get_small(key))
    }

    fn scan(&self, from: &[u8], to: &[u8], direction: Direction) -> Scan<'_> {
        if from >= to {
            return Box::new(std::iter::empty());
        }
        if is_large(from) {
            let pointers = self.plain(&pointer_key(from), &pointer_key(to), direction);
            return Box::new(pointers.filter_map(|pair| self.follow(pair)));
        }
        if !is_small(from) {
            return self.plain(from, to, direction);
        }
        let to = end_of_kind(from).min(to.to_vec());
        match direction {
            Direction::Forward => {
                Box::new(Forward { database: self, from: from.to_vec(), to, block: None }.fuse())
            }
            Direction::Backward => {
                let (from, before) = (from.to_vec(), to);
                Box::new(Backward { database: self, from, before, pairs: Vec::new() }.fuse())
            }
        }
    }
}

/// Goes through blocks from one to the next.
struct Forward<'a> {
    database: &'a Database,
    /// Where the block begins that is looked for when there is none.
    from: Vec<u8>,
    to: Vec<u8>,
    /// The block that is read, and where the next one begins.
    block: Option<(Cursor<sled::IVec>, Vec<u8>)>,
}

impl Forward<'_> {
    fn take(&mut self) -> Result<Option<Pair>, StoreError> {
        loop {
            if let Some((cursor, end)) = &mut self.block {
                while cursor.advance()? && cursor.key() < &end[..] {
                    if cursor.key() >= &self.to[..] {
                        return Ok(None);
                    }
                    if cursor.key() >= &self.from[..] {
                        return Ok(Some((cursor.key().to_vec(), cursor.value().to_vec())));
                    }
                }
                self.from = std::mem::take(end);
                self.block = None;
            }
            if self.from >= self.to {
                return Ok(None);
            }
            let found = self.database.steady(|| self.database.block_of(&self.from))?;
            self.block = Some((Cursor::before(&found.first, found.pairs), found.end));
        }
    }
}

impl Iterator for Forward<'_> {
    type Item = Result<Pair, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let pair = self.take();
        if pair.is_err() {
            (self.block, self.from) = (None, self.to.clone());
        }
        pair.transpose()
    }
}

/// Goes through blocks from one to the one before it.
struct Backward<'a> {
    database: &'a Database,
    from: Vec<u8>,
    /// Where what was read begins.
    before: Vec<u8>,
    /// What is left of the block that was read, the last one first in turn.
    pairs: Vec<Pair>,
}

impl Backward<'_> {
    fn take(&mut self) -> Result<Option<Pair>, StoreError> {
        while self.pairs.is_empty() && self.from < self.before {
            let Some(found) =
                self.database.steady(|| self.database.block_before(self.from[0], &self.before))?
            else {
                break;
            };
            let mut cursor = Cursor::before(&found.first, &found.pairs[..]);
            while cursor.advance()? && cursor.key() < &found.end[..] {
                if cursor.key() >= &self.from[..] {
                    self.pairs.push((cursor.key().to_vec(), cursor.value().to_vec()));
                }
            }
            self.before = found.first;
        }
        Ok(self.pairs.pop())
    }
}

impl Iterator for Backward<'_> {
    type Item = Result<Pair, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        let pair = self.take();
        if pair.is_err() {
            self.before.clone_from(&self.from);
            self.pairs.clear();
        }
        pair.transpose()
    }
}

/// The key of a block as sled has it.
pub(super) fn block_key(first: &[u8]) -> Vec<u8> {
    [&[BLOCKS], first].concat()
}

/// The key of a pointer as sled has it.
pub(super) fn pointer_key(key: &[u8]) -> Vec<u8> {
    [&[POINTERS], key].concat()
}

fn usage_key(number: u32) -> Vec<u8> {
    [&[USAGE][..], &number.to_be_bytes()].concat()
}

/// What is after all keys of the same kind as this one.
pub(super) fn end_of_kind(key: &[u8]) -> Vec<u8> {
    vec![key[0] + 1]
}

fn end_from(bytes: &[u8]) -> Option<End> {
    let (file, length) = bytes.split_first_chunk::<4>()?;
    Some(End { file: u32::from_be_bytes(*file), length: u64::from_be_bytes(length.try_into().ok()?) })
}
