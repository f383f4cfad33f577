//! What a reader sees, and whether it has met something that is not on the disk yet.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::ops::Bound;

use super::super::keyspace::{Direction, Pairs, Scan};
use super::unavailable;
use crate::app::ports::StoreError;

/// The group that was applied last.
#[derive(Debug, Default)]
pub(super) struct Pending {
    /// Its number.
    pub(super) group: u64,
    /// The keys that it wrote or removed.
    pub(super) keys: BTreeSet<Vec<u8>>,
}

/// The tree as it is, for the committer: it alone writes.
pub(super) struct Whole<'a>(pub(super) &'a sled::Tree);

impl Pairs for Whole<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        Ok(self.0.get(key).map_err(unavailable)?.map(|value| value.to_vec()))
    }

    fn scan(&self, from: &[u8], to: &[u8], direction: Direction) -> Scan<'_> {
        if from >= to {
            return Box::new(std::iter::empty());
        }
        let pairs = self.0.range::<&[u8], _>((Bound::Included(from), Bound::Excluded(to)));
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

/// The tree for a reader.
pub(super) struct View<'a> {
    tree: Whole<'a>,
    /// None once the last group is on the disk.
    pending: Option<&'a Pending>,
    met: Cell<bool>,
}

impl<'a> View<'a> {
    pub(super) fn new(tree: &'a sled::Tree, pending: &'a Pending, durable: u64) -> Self {
        let pending = (pending.group > durable).then_some(pending);
        Self { tree: Whole(tree), pending, met: Cell::new(false) }
    }

    /// The group that must be on the disk before what was read may be told.
    pub(super) fn must_wait_for(&self) -> Option<u64> {
        self.pending.filter(|_| self.met.get()).map(|pending| pending.group)
    }
}

impl Pairs for View<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        if self.pending.is_some_and(|pending| pending.keys.contains(key)) {
            self.met.set(true);
        }
        self.tree.get(key)
    }

    fn scan(&self, from: &[u8], to: &[u8], direction: Direction) -> Scan<'_> {
        let range = (Bound::Included(from), Bound::Excluded(to));
        let meets = |pending: &Pending| from < to && pending.keys.range::<[u8], _>(range).next().is_some();
        if self.pending.is_some_and(meets) {
            self.met.set(true);
        }
        self.tree.scan(from, to, direction)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Which group a read must wait for, when group 2 wrote `b` and removed `d`.
    fn must_wait(durable: u64, read: impl FnOnce(&View<'_>)) -> Option<u64> {
        let database = sled::Config::new().temporary(true).open().unwrap();
        database.insert(b"a", b"1").unwrap();
        database.insert(b"b", b"2").unwrap();
        let pending = Pending { group: 2, keys: [b"b".to_vec(), b"d".to_vec()].into() };
        let view = View::new(&database, &pending, durable);
        read(&view);
        view.must_wait_for()
    }

    fn scan(view: &View<'_>, from: &[u8], to: &[u8]) {
        assert!(view.scan(from, to, Direction::Forward).all(|pair| pair.is_ok()));
    }

    #[test]
    fn only_a_read_that_meets_what_is_being_committed_waits_for_the_disk() {
        assert_eq!(must_wait(1, |view| drop(view.get(b"a").unwrap())), None);
        assert_eq!(must_wait(1, |view| drop(view.get(b"b").unwrap())), Some(2));
        assert_eq!(
            must_wait(1, |view| drop(view.get(b"d").unwrap())),
            Some(2),
            "that it is gone is news too"
        );
        assert_eq!(must_wait(1, |view| scan(view, b"c", b"e")), Some(2));
        assert_eq!(must_wait(1, |view| scan(view, b"b1", b"d")), None);
        assert_eq!(must_wait(1, |view| scan(view, b"e", b"a")), None);
        assert_eq!(must_wait(2, |view| scan(view, b"a", b"z")), None, "it is on the disk");
    }
}
