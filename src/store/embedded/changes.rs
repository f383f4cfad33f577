//! How the database is changed: by what the journal holds, group after group, and by what it does to keep itself small.
//!
//! sled writes the pages of its file in no order that a power cut respects: of what it wrote between two forced writes it
//! may find any part, and then not open at all. So it is given a little at a time, and each piece is forced to the disk
//! before the next.
//!
//! | step | a crash after it leaves |
//! | --- | --- |
//! | values appended to their files, the end of them told to sled | bytes that nobody points to |
//! | pieces put into sled | some of the changes: the journal still has all |
//! | the mark | all of them |
//! | values of a file that is mostly out of use appended anew, then pointed to there | each value at one place or two |
//! | the file removed | each at one place |

use std::collections::BTreeMap;
use std::iter::Peekable;
use std::sync::PoisonError;
use std::sync::atomic::{AtomicU64, Ordering};

use super::super::keyspace::{Direction, LARGE, Pair, SMALL, Writes, is_large, is_small};
use super::blocks::{self, BLOCK_BYTES, Block, Change};
use super::database::{Database, POINTERS, block_key, end_of_kind, pointer_key};
use super::settler::SettleError;
use super::unavailable;
use super::value_log::{POINTER_BYTES, Placed, Pointer};
use crate::app::ports::StoreError;

/// Bytes of keys and values between two forced writes: less than one of sled's segments, of 512 KiB.
pub(super) const PIECE_BYTES: usize = 128 * 1024;
/// Bytes of pairs that are put into one block in one go: what it is cut into is on its way to the disk together.
const CHANGE_BYTES: usize = 32 * 1024;
/// A block that shrinks below this takes in the next one, if the two fit into one.
const JOINS_BELOW_BYTES: usize = BLOCK_BYTES / 4;
/// Pairs of an earlier format that are moved between two forced writes.
const PACKED_AT_ONCE: usize = 1000;
/// Values that are moved from one file to another between two forced writes, and their bytes.
const MOVED_AT_ONCE: usize = 1000;
const MOVED_BYTES: usize = 512 * 1024;

/// A write of sled: the key of a block, and its pairs or none.
type Step = (Vec<u8>, Option<Vec<u8>>);

impl Database {
    /// Puts all of it into the database, then the mark; both are on the disk when it returns.
    pub(super) fn settle(&self, writes: &Writes, last: u64) -> Result<(), SettleError> {
        self.put(writes.iter().map(|(key, value)| (&key[..], value.as_deref())))?;
        self.set_mark(last)?;
        self.force()
    }

    /// Forces what sled was given to the disk.
    pub(super) fn force(&self) -> Result<(), SettleError> {
        self.tree.flush()?;
        Ok(self.file.sync_data()?)
    }

    /// Makes changes, in the order of their keys; they are on the disk when it returns.
    fn put<'c>(&self, changes: impl Iterator<Item = Change<'c>> + Clone) -> Result<(), SettleError> {
        let large = changes.clone().filter_map(|(key, value)| Some((key, value.filter(|_| is_large(key))?)));
        let pointers = self.append(large)?;
        let mut pointers = pointers.iter();
        let mut changes = changes
            .map(|(key, value)| match value {
                Some(_) if is_large(key) => (key, pointers.next().map(|pointer| &pointer[..])),
                value => (key, value),
            })
            .peekable();
        let mut bytes = 0;
        while changes.peek().is_some() {
            bytes += self.change_next(&mut changes)?;
            if bytes >= PIECE_BYTES {
                self.force()?;
                bytes = 0;
            }
        }
        self.force()
    }

    /// Appends large values to their files; they are there, after a crash too, when it returns.
    fn append<'p>(
        &self,
        pairs: impl Iterator<Item = (&'p [u8], &'p [u8])>,
    ) -> Result<Vec<[u8; POINTER_BYTES]>, SettleError> {
        let pointers = self.values.append(pairs)?;
        if !pointers.is_empty() {
            self.set_end()?;
            self.force()?;
        }
        Ok(pointers.into_iter().map(Pointer::to_bytes).collect())
    }

    /// Makes the next change of a sequence in the order of keys, and with it those that go into the same block; of a large
    /// pair it takes the pointer. Returns about how many bytes sled was given.
    pub(super) fn change_next<'c>(
        &self,
        changes: &mut Peekable<impl Iterator<Item = Change<'c>>>,
    ) -> Result<usize, StoreError> {
        let Some((key, value)) = changes.next_if(|(key, _)| !is_small(key)) else {
            return self.change_block(changes);
        };
        let in_sled = if is_large(key) { pointer_key(key) } else { key.to_vec() };
        let old = match value {
            Some(value) => self.tree.insert(&in_sled, value),
            None => self.tree.remove(&in_sled),
        };
        let old = old.map_err(unavailable)?;
        if let Some(old) = old.as_ref().filter(|_| is_large(key)) {
            self.values.drop_value(Pointer::from_bytes(old)?);
        }
        let changes = value.is_some() || old.is_some();
        Ok(if changes { in_sled.len() + value.map_or(0, <[u8]>::len) } else { 0 })
    }

    fn change_block<'c>(
        &self,
        changes: &mut Peekable<impl Iterator<Item = Change<'c>>>,
    ) -> Result<usize, StoreError> {
        let _changing = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let steps = self.steps(changes)?;
        let _moving = (steps.len() > 1).then(|| Moving::begin(&self.moves));
        let mut bytes = 0;
        for (key, pairs) in steps {
            bytes += key.len() + pairs.as_ref().map_or(0, Vec::len);
            match pairs {
                Some(pairs) => self.tree.insert(key, pairs).map_err(unavailable)?,
                None => self.tree.remove(key).map_err(unavailable)?,
            };
        }
        Ok(bytes)
    }

    /// What is to be written of the block of the next change, for it and those that go into the same block. A crash may come
    /// after each step.
    fn steps<'c>(
        &self,
        changes: &mut Peekable<impl Iterator<Item = Change<'c>>>,
    ) -> Result<Vec<Step>, StoreError> {
        let Some((key, value)) = changes.peek().copied() else { return Ok(Vec::new()) };
        if value.is_none() && self.get_small(key)?.is_none() {
            // Most of what is removed within seconds never got here.
            changes.next();
            return Ok(Vec::new());
        }
        let found = self.block_of(key)?;
        let (mut taken, mut bytes) = (Vec::new(), 0);
        while bytes < CHANGE_BYTES
            && let Some((key, value)) = changes.next_if(|(key, _)| is_small(key) && *key < &found.end[..])
        {
            bytes += key.len() + value.map_or(0, <[u8]>::len);
            taken.push((key, value));
        }
        let Some(mut blocks) = blocks::changed(&found.first, &found.pairs, &found.end, &taken)? else {
            return Ok(Vec::new());
        };
        if blocks.len() == 1 && blocks[0].pairs.len() < JOINS_BELOW_BYTES {
            return self.joined(blocks.swap_remove(0), &found.end);
        }
        // The first one, of which the others have pairs, is the last one written.
        Ok(blocks.into_iter().rev().map(step).collect())
    }

    /// A block that has become small takes in the next one, if the two fit into one; an empty one always does.
    fn joined(&self, block: Block, end: &[u8]) -> Result<Vec<Step>, StoreError> {
        let next = self.tree.get(block_key(end)).map_err(unavailable)?;
        let fits =
            |next: &sled::IVec| block.pairs.is_empty() || block.pairs.len() + next.len() <= BLOCK_BYTES;
        let Some(next) = next.filter(fits) else {
            return Ok(vec![step(block)]);
        };
        let whole = blocks::joined(&block, (end, &next), &self.block_after(end)?)?;
        Ok(vec![step(whole), (block_key(end), None)])
    }

    /// Removes the file of values of which least is in use, if that is less than half, and those of which nothing is; what
    /// is in use is appended anew. A file that cannot be read or removed stays: that harms nobody.
    pub(super) fn tidy(&self) -> Result<(), SettleError> {
        let Some((number, _)) = self.values.sparse() else { return Ok(()) };
        self.empty(number)?;
        while let Some((number, 0)) = self.values.sparse() {
            self.empty(number)?;
        }
        self.set_usage()?;
        self.force()
    }

    fn empty(&self, number: u32) -> Result<(), SettleError> {
        let keep = |error: &StoreError| {
            tracing::error!(%error, file = number, "store.embedded.values.kept");
            self.values.keep(number);
        };
        let mut entries = match self.values.entries(number) {
            Ok(entries) => entries,
            Err(error) => {
                keep(&unavailable(error));
                return Ok(());
            }
        };
        let (mut moving, mut bytes) = (Vec::new(), 0);
        loop {
            match entries.take() {
                Ok(Some((key, value, pointer))) if self.pointer(&key)? == Some(pointer) => {
                    bytes += value.len();
                    moving.push((key, value, pointer));
                }
                Ok(Some(_)) => {}
                Ok(None) => break,
                Err(error) => {
                    // What of it is in use and whole can still be read where it is.
                    keep(&error);
                    return Ok(());
                }
            }
            if bytes >= MOVED_BYTES || moving.len() >= MOVED_AT_ONCE {
                self.move_values(&moving)?;
                (moving, bytes) = (Vec::new(), 0);
            }
        }
        self.move_values(&moving)?;
        if let Err(error) = self.remove_file(number) {
            keep(&error);
        }
        Ok(())
    }

    /// Counts what is in use of each file of values, after a crash: what was removed was perhaps not told.
    pub(super) fn recount(&self) -> Result<(), SettleError> {
        let mut live = BTreeMap::new();
        for pair in self.tree.scan_prefix([POINTERS]) {
            let (_, pointer) = pair?;
            let (file, bytes) = Pointer::from_bytes(&pointer)?.takes();
            *live.entry(file).or_default() += bytes;
        }
        self.values.set_live(&live);
        self.set_usage()?;
        self.force()
    }

    fn move_values(&self, moving: &[Placed]) -> Result<(), SettleError> {
        let pointers = self.append(moving.iter().map(|(key, value, _)| (&key[..], &value[..])))?;
        for ((key, _, old), new) in moving.iter().zip(&pointers) {
            // The committer may have removed it meanwhile.
            let swapped =
                self.tree.compare_and_swap(pointer_key(key), Some(&old.to_bytes()[..]), Some(&new[..]))?;
            if swapped.is_err() {
                self.values.drop_value(Pointer::from_bytes(new)?);
            }
        }
        self.force()
    }

    /// Moves pairs that stand by themselves, as a program of an earlier format wrote them, to where they stand now. Each step
    /// is on the disk before what it copied is removed; done again after a crash it does the rest. Returns how many there
    /// were.
    pub(super) fn pack(&self) -> Result<usize, SettleError> {
        let mut packed = 0;
        for kind in SMALL.into_iter().chain(LARGE) {
            loop {
                let alone = self.plain(&[kind], &end_of_kind(&[kind]), Direction::Forward);
                let alone = alone.take(PACKED_AT_ONCE).collect::<Result<Vec<Pair>, _>>()?;
                if alone.is_empty() {
                    break;
                }
                self.put(alone.iter().map(|(key, value)| (&key[..], Some(&value[..]))))?;
                let mut bytes = 0;
                for (key, value) in &alone {
                    self.tree.remove(key)?;
                    bytes += key.len() + value.len();
                    if bytes >= PIECE_BYTES {
                        self.force()?;
                        bytes = 0;
                    }
                }
                self.set_usage()?;
                self.force()?;
                packed += alone.len();
            }
        }
        Ok(packed)
    }
}

/// Tells readers, until it is dropped, that pairs move.
struct Moving<'a>(&'a AtomicU64);

impl<'a> Moving<'a> {
    fn begin(moves: &'a AtomicU64) -> Self {
        moves.fetch_add(1, Ordering::SeqCst);
        Self(moves)
    }
}

impl Drop for Moving<'_> {
    fn drop(&mut self) {
        self.0.fetch_add(1, Ordering::SeqCst);
    }
}

fn step(block: Block) -> Step {
    (block_key(&block.first), Some(block.pairs))
}

#[cfg(test)]
mod tests;
