//! What a walk may cost: members, depth, ratio, bytes in all, bytes held in memory. A hostile archive meets these before
//! it costs anything that matters.

use std::cell::Cell;
use std::io::{self, Read};

/// The limits of one walk through a file.
#[derive(Debug, Clone, Copy)]
pub struct WalkLimits {
    /// Files within one another; the deposited file is at depth 0.
    pub depth: u32,
    /// Members in all, at every depth.
    pub members: u64,
    /// Bytes that may come out of all archives together.
    pub total: u64,
    /// How many times the size of the deposited file may come out of it …
    pub ratio: u64,
    /// … once this many bytes came out: a small file may well be a hundred times its packed size.
    pub ratio_from: u64,
    /// Bytes of members that are held in memory at once, because they can only be read by jumping about.
    pub held: u64,
    /// The largest compound file (Office 97-2003) that is opened: its directory is read into memory.
    pub compound: u64,
}

impl Default for WalkLimits {
    fn default() -> Self {
        const MIB: u64 = 1024 * 1024;
        Self {
            depth: 6,
            members: 10_000,
            total: 8192 * MIB,
            ratio: 100,
            ratio_from: 64 * MIB,
            held: 64 * MIB,
            compound: 128 * MIB,
        }
    }
}

/// What a walk has cost so far.
#[derive(Debug)]
pub(super) struct Budget {
    pub(super) limits: WalkLimits,
    source_size: u64,
    member_max: u64,
    members: Cell<u64>,
    produced: Cell<u64>,
    held: Cell<u64>,
    over: Cell<Option<Over>>,
}

/// Which limit was met.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Over {
    /// One of the walk's own.
    Walk,
    /// A member is larger than the antivirus scans.
    Member,
}

impl Budget {
    pub(super) fn new(limits: WalkLimits, source_size: u64, member_max: u64) -> Self {
        let zero = || Cell::new(0);
        Self {
            limits,
            source_size,
            member_max,
            members: zero(),
            produced: zero(),
            held: zero(),
            over: Cell::new(None),
        }
    }

    /// The limit that was met, if one was.
    pub(super) fn over(&self) -> Option<Over> {
        self.over.get()
    }

    pub(super) fn members(&self) -> u64 {
        self.members.get()
    }

    /// Counts one more member at a depth; false when that is too many or too deep.
    pub(super) fn enter(&self, depth: u32) -> bool {
        self.members.set(self.members.get() + 1);
        let fits = self.members.get() <= self.limits.members && depth <= self.limits.depth;
        if !fits {
            self.over.set(Some(Over::Walk));
        }
        fits
    }

    /// Whether so many bytes of a member may be held beside what is held already.
    pub(super) fn room_to_hold(&self) -> u64 {
        self.limits.held.saturating_sub(self.held.get())
    }

    pub(super) fn hold(&self, bytes: u64) {
        self.held.set(self.held.get() + bytes);
    }

    pub(super) fn let_go(&self, bytes: u64) {
        self.held.set(self.held.get().saturating_sub(bytes));
    }

    pub(super) fn went_over(&self) {
        self.over.set(Some(Over::Walk));
    }

    fn count(&self, bytes: u64, of_member: u64) -> io::Result<()> {
        let produced = self.produced.get().saturating_add(bytes);
        self.produced.set(produced);
        let limits = &self.limits;
        let is_bomb =
            produced > limits.ratio_from && produced > self.source_size.saturating_mul(limits.ratio);
        if produced > limits.total || is_bomb {
            self.over.set(Some(Over::Walk));
        } else if of_member > self.member_max {
            self.over.set(Some(Over::Member));
        } else {
            return Ok(());
        }
        Err(io::Error::other("over a limit of the inspection"))
    }
}

/// Counts what a member gives out; fails once that is too much.
pub(super) struct Metered<'b, R> {
    inner: R,
    budget: &'b Budget,
    of_member: u64,
}

impl<'b, R: Read> Metered<'b, R> {
    pub(super) fn new(inner: R, budget: &'b Budget) -> Self {
        Self { inner, budget, of_member: 0 }
    }
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        self.of_member = self.of_member.saturating_add(count as u64);
        self.budget.count(count as u64, self.of_member)?;
        Ok(count)
    }
}
