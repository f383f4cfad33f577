//! Records, lists and the log as one ordered space of keys and values, shared by every adapter that keeps such a
//! space. It touches no disk: an adapter hands it a view to read ([`Pairs`]) and takes the writes of a group of units
//! ([`Group`]).
//!
//! ```text
//! m                            format, number of the last unit, frontier of the log
//! r kind key chunk             a record: its head, then what did not fit into the head
//! i index fields key           what lists are read from; the value is the record's kind and key
//! e place                      entries of the log from this place on, until they are pruned
//! t tile half                  leaf hashes of the log, 128 each, once 256 are there
//! h level place                roots of complete subtrees of 256 leaves or more
//! n what id place              places of entries by what they name (`log.rs`), from this place on
//! d day                        the first and the last place of the entries of a UTC day
//! ```
//!
//! Kinds, indexes and `what` are one byte, numbers big-endian, so that keys stand in the order that lists have. Why one
//! space, and values of a few kilobytes only: `docs/decisions/0003`.

mod cases;
mod days;
mod index;
mod layer;
mod leaves;
mod log;
mod postings;
mod record;
mod register;
mod search;
mod snapshot;
mod write;

use thiserror::Error;

pub(super) use self::cases::{cases, count_cases};
pub(super) use self::layer::Layered;
pub(super) use self::log::{leaves, roots};
pub(super) use self::register::register;
pub(super) use self::search::search;
pub(super) use self::snapshot::{Overwritten, Picture, records};
pub(super) use self::write::{Group, Writes};
use crate::app::ports::{Key, List, Record, StoreError, Versioned};
use crate::audit::Frontier;

/// A key and its value.
pub(super) type Pair = (Vec<u8>, Vec<u8>);
/// Kinds of pairs that are many, small and in the company of others like them: index entries, and the places of log entries
/// by what they name. An adapter does well to keep neighbours of them together.
pub(super) const SMALL: [u8; 2] = [index::INDEXES, log::NAMES];
/// Kinds of pairs whose values are large: records, and the entries and hashes of the log. An adapter does well to keep them
/// out of the pages of its tree.
pub(super) const LARGE: [u8; 3] = [record::RECORDS, leaves::ENTRIES, leaves::TILES];
/// What a scan gives.
pub(super) type Scan<'a> = Box<dyn Iterator<Item = Result<Pair, StoreError>> + 'a>;

/// A consistent view of the space.
pub(super) trait Pairs {
    /// The value of a key.
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError>;
    /// The pairs from `from` on, before `to`, in order or in the opposite one; none when `to` is not after `from`. Both are of
    /// one kind: `to` is at most what is after all keys that have the first byte of `from`.
    fn scan(&self, from: &[u8], to: &[u8], direction: Direction) -> Scan<'_>;
}

/// Whether a key is of one of the [`SMALL`] kinds.
pub(super) fn is_small(key: &[u8]) -> bool {
    key.first().is_some_and(|kind| SMALL.contains(kind))
}

/// Whether a key is of one of the [`LARGE`] kinds.
pub(super) fn is_large(key: &[u8]) -> bool {
    key.first().is_some_and(|kind| LARGE.contains(kind))
}

/// In which order a scan goes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Direction {
    /// Smallest key first.
    Forward,
    /// Largest key first.
    Backward,
}

/// A limit of the key space was broken: a defect above, or a record that nobody foresaw.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum KeyspaceError {
    /// The record is larger than any of its kind should be.
    #[error("a record of {actual} bytes is over the limit of {limit}")]
    RecordTooLarge {
        /// What is kept, in bytes.
        limit: usize,
        /// What was given, in bytes.
        actual: usize,
    },
    /// More was overwritten than is kept for one picture.
    #[error(
        "{actual} bytes were overwritten while the store was read, {limit} are kept: try again when less is going on"
    )]
    ChangedTooMuch {
        /// What is kept, in bytes.
        limit: usize,
        /// What was overwritten, in bytes.
        actual: usize,
    },
    /// The space was written by a program with another layout.
    #[error("the store has format {actual}, this program reads format {expected}")]
    Format {
        /// What this program reads.
        expected: u32,
        /// What the store says.
        actual: u32,
    },
}

impl From<KeyspaceError> for StoreError {
    fn from(error: KeyspaceError) -> Self {
        Self::Unavailable(Box::new(error))
    }
}

/// Reads one record.
pub(super) fn get(pairs: &dyn Pairs, key: &Key) -> Result<Option<Versioned<Record>>, StoreError> {
    record::read(&|key| pairs.get(key), &record::address(key))
}

/// Reads the first records of a list.
pub(super) fn list(
    pairs: &dyn Pairs,
    list: &List,
    limit: usize,
) -> Result<Vec<Versioned<Record>>, StoreError> {
    let range = index::range_of(list);
    if let Some(each) = range.first_of_each {
        return list_first_of_each(pairs, range, each, limit);
    }
    let mut found = Vec::new();
    for pair in pairs.scan(&range.from, &range.to, range.direction) {
        if found.len() >= limit {
            break;
        }
        let (key, value) = pair?;
        let address = match range.holds {
            index::Holds::IndexEntries => value,
            // Further chunks of a record are read with its head.
            index::Holds::Records => match record::head_address(&key) {
                Some(address) => address,
                None => continue,
            },
        };
        // An index entry without its record would be half of a unit: the adapter's view is consistent.
        found.push(record::read(&|key| pairs.get(key), &address)?.ok_or(StoreError::Damaged)?);
    }
    Ok(found)
}

/// Reads one record of each text, leaping over the others: the work is that of the texts, not of the entries.
fn list_first_of_each(
    pairs: &dyn Pairs,
    range: index::Range,
    each: index::FirstOfEach,
    limit: usize,
) -> Result<Vec<Versioned<Record>>, StoreError> {
    let (mut from, mut found) = (range.from, Vec::new());
    while found.len() < limit {
        let Some(pair) = pairs.scan(&from, &range.to, range.direction).next() else { break };
        let (key, address) = pair?;
        found.push(record::read(&|key| pairs.get(key), &address)?.ok_or(StoreError::Damaged)?);
        from = each.after(&key);
    }
    Ok(found)
}

/// Reads the tree over the log.
pub(super) fn frontier(pairs: &dyn Pairs) -> Result<Frontier, StoreError> {
    Ok(write::Meta::read(pairs)?.frontier)
}

/// Entries of the log before this place have lost their payload.
pub(super) fn pruned(pairs: &dyn Pairs) -> Result<u64, StoreError> {
    Ok(write::Meta::read(pairs)?.pruned)
}

/// Refuses a space of a format that this program does not read. What must be written before anything else, so that an
/// older program refuses this one: nothing, when it says so already or is new.
pub(super) fn check_format(get: record::Get<'_>) -> Result<Writes, StoreError> {
    write::Meta::renewed(get)
}

/// The smallest key after all that begin with `prefix`.
fn end_of(prefix: &[u8]) -> Vec<u8> {
    let mut end = prefix.to_vec();
    while let Some(last) = end.pop() {
        if last < u8::MAX {
            end.push(last + 1);
            return end;
        }
    }
    // Only a prefix of 0xFF bytes gets here, and none begins so.
    vec![u8::MAX; prefix.len() + 1]
}
