//! A space under writes that lie over it: reading the two together is reading a view like any other. Who keeps writes
//! apart for a while, or what was overwritten, reads them so.

use std::cmp::Ordering;
use std::iter::Peekable;
use std::ops::Bound;

use super::write::Writes;
use super::{Direction, Pair, Pairs, Scan};
use crate::app::ports::StoreError;

/// A view, and what lies over it: a key that is above counts, one that is removed above is not there.
pub(in super::super) struct Layered<'a> {
    below: &'a dyn Pairs,
    above: &'a Writes,
}

impl<'a> Layered<'a> {
    /// The two together.
    pub(in super::super) const fn new(below: &'a dyn Pairs, above: &'a Writes) -> Self {
        Self { below, above }
    }
}

impl Pairs for Layered<'_> {
    fn get(&self, key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
        self.above.get(key).map_or_else(|| self.below.get(key), |value| Ok(value.clone()))
    }

    fn scan(&self, from: &[u8], to: &[u8], direction: Direction) -> Scan<'_> {
        if from >= to {
            return Box::new(std::iter::empty());
        }
        let below = self.below.scan(from, to, direction);
        let above = self.above.range::<[u8], _>((Bound::Included(from), Bound::Excluded(to)));
        let mut above: Peekable<Above<'_>> = match direction {
            Direction::Forward => (Box::new(above) as Above<'_>).peekable(),
            Direction::Backward => (Box::new(above.rev()) as Above<'_>).peekable(),
        };
        if above.peek().is_none() {
            return below;
        }
        Box::new(Merged { below: below.peekable(), above, direction })
    }
}

/// What lies above, in the order of a scan.
type Above<'a> = Box<dyn Iterator<Item = (&'a Vec<u8>, &'a Option<Vec<u8>>)> + 'a>;

/// Two scans as one.
struct Merged<'a> {
    below: Peekable<Scan<'a>>,
    above: Peekable<Above<'a>>,
    direction: Direction,
}

impl Iterator for Merged<'_> {
    type Item = Result<Pair, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let below = match self.below.peek() {
                Some(Ok((key, _))) => Some(key),
                Some(Err(_)) => return self.below.next(),
                None => None,
            };
            let order = match (below, self.above.peek()) {
                (None, None) => return None,
                (Some(_), None) => Ordering::Less,
                (None, Some(_)) => Ordering::Greater,
                (Some(below), Some((above, _))) if self.direction == Direction::Forward => below.cmp(above),
                (Some(below), Some((above, _))) => (*above).cmp(below),
            };
            if order == Ordering::Less {
                return self.below.next();
            }
            if order == Ordering::Equal {
                self.below.next();
            }
            if let Some((key, Some(value))) = self.above.next() {
                return Some(Ok((key.clone(), value.clone())));
            }
        }
    }
}
