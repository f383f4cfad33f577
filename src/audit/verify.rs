//! Verification of an export, offline: with the log's public key and, to notice a cut at the end or a log written
//! anew by who holds the key, a checkpoint that was held elsewhere.
//!
//! One pass. Memory holds one interval between checkpoints. Each interval is judged for itself
//! (`interval.rs`), from a frontier that a signed root proves, so that damage in one says nothing about the next.
//! Nothing in the export is believed but what leads to a signed root.

use std::io::BufRead;

use super::checkpoint::Checkpoint;
use super::entry::leaf_of;
use super::event::{Action, Detail, Event};
use super::export::{Disclosure, ExportError, ExportLine, ExportReader, ExportedCheckpoint, ExportedEntry};
use super::interval::{Diagnosis, Goal, Slot, diagnose};
use super::merkle::Frontier;
use super::note::NoteKey;
use super::verdict::{Doubt, FAULTS_MAX, Fault, Summary, Verdict};
use crate::value::Digest;

/// Entries between two checkpoints that are held in memory, about 90 bytes each.
const INTERVAL_MAX: usize = 1 << 21;

/// Verifies an export under `key`, against a checkpoint that was held elsewhere if there is one.
pub fn verify(reader: impl BufRead, key: &NoteKey, outside: Option<&str>) -> Verdict {
    match run(reader, key, outside) {
        Ok(verdict) => verdict,
        Err(doubt) => Verdict::CouldNotTell(doubt),
    }
}

fn run(reader: impl BufRead, key: &NoteKey, outside: Option<&str>) -> Result<Verdict, Doubt> {
    let outside = outside.map(|note| Checkpoint::open(note, key)).transpose().map_err(Doubt::Outside)?;
    let mut reader = ExportReader::open(reader)?;
    let mut verifier = Verifier::new(key, outside, reader.header().payloads);
    if reader.header().key != key.to_string() {
        verifier.fault(Fault::Key);
    }
    loop {
        match reader.next_line() {
            Ok(None) => return verifier.finish(),
            Ok(Some((line, ExportLine::Entry(entry)))) => verifier.entry(line, &entry)?,
            Ok(Some((line, ExportLine::Checkpoint(checkpoint)))) => verifier.checkpoint(line, &checkpoint),
            Err(ExportError::Malformed { line }) => verifier.fault(Fault::Malformed { line }),
            Err(error) => return Err(error.into()),
        }
    }
}

struct Verifier<'a> {
    key: &'a NoteKey,
    outside: Option<Checkpoint>,
    disclosure: Disclosure,
    /// Entries under the last good checkpoint, its root, and the frontier there unless damage left none.
    signed: u64,
    root: Digest,
    frontier: Option<Frontier>,
    /// Entries since the last good checkpoint.
    slots: Vec<Slot>,
    /// By how much numbers are off since entries were removed or inserted and the rest numbered anew.
    shift: i64,
    /// Waits for the number of the next entry.
    waiting: Option<Fault>,
    /// Stretches of entries without payload, and the largest number that a pruning event names.
    bare: Vec<(u64, u64)>,
    bare_count: u64,
    pruned_before: u64,
    /// Intervals of which no entry is there, and those that the log itself says were lost before a restore.
    missing: Vec<(u64, u64)>,
    lost: Vec<(u64, u64)>,
    summary: Summary,
    faults: Vec<Fault>,
    fault_count: u64,
}

impl<'a> Verifier<'a> {
    fn new(key: &'a NoteKey, outside: Option<Checkpoint>, disclosure: Disclosure) -> Self {
        let frontier = Frontier::default();
        Self {
            key,
            outside,
            disclosure,
            signed: 0,
            root: frontier.root(),
            frontier: Some(frontier),
            slots: Vec::new(),
            shift: 0,
            waiting: None,
            bare: Vec::new(),
            bare_count: 0,
            pruned_before: 0,
            missing: Vec::new(),
            lost: Vec::new(),
            summary: Summary::default(),
            faults: Vec::new(),
            fault_count: 0,
        }
    }

    fn fault(&mut self, fault: Fault) {
        self.fault_count += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }

    fn entry(&mut self, line: u64, entry: &ExportedEntry) -> Result<(), Doubt> {
        if self.slots.len() >= INTERVAL_MAX {
            return Err(Doubt::Interval { limit: INTERVAL_MAX });
        }
        if let Some(waiting) = self.waiting.take().filter(|_| entry.seq >= self.signed) {
            self.shift = 0;
            self.fault(waiting);
        }
        let mut real = None;
        if let Some((salt, payload)) = &entry.content {
            real = Some(leaf_of(salt, payload)).filter(|real| *real != entry.leaf);
            if real.is_none() {
                self.note_pruning(payload);
                self.note_restore(entry.seq, payload);
            }
        } else {
            self.note_bare(entry.seq);
        }
        self.slots.push(Slot { line, seq: entry.seq, claimed: entry.leaf, real });
        Ok(())
    }

    fn note_pruning(&mut self, payload: &str) {
        if !payload.contains(Action::LogPruned.code()) {
            return;
        }
        if let Ok(Event { action: Action::LogPruned, detail: Some(Detail::Pruned { before, .. }), .. }) =
            serde_json::from_str(payload)
        {
            self.pruned_before = self.pruned_before.max(before);
        }
    }

    /// The first entry after a restore says from where on entries are lost, up to itself.
    fn note_restore(&mut self, seq: u64, payload: &str) {
        if !payload.contains(Action::BackupRestored.code()) {
            return;
        }
        let event = serde_json::from_str(payload);
        if let Ok(Event { action: Action::BackupRestored, detail: Some(Detail::LostFrom(from)), .. }) = event
            && self.lost.len() < FAULTS_MAX
        {
            self.lost.push((from, seq));
        }
    }

    fn note_bare(&mut self, seq: u64) {
        self.bare_count += 1;
        let room = self.disclosure == Disclosure::All && self.bare.len() < FAULTS_MAX;
        match self.bare.last_mut() {
            Some((_, last)) if last.checked_add(1) == Some(seq) => *last = seq,
            _ if room => self.bare.push((seq, seq)),
            _ => (),
        }
    }

    fn checkpoint(&mut self, line: u64, exported: &ExportedCheckpoint) {
        let checkpoint = match Checkpoint::open(&exported.note, self.key) {
            Ok(checkpoint) => checkpoint,
            Err(error) => return self.fault(Fault::Checkpoint { line, error }),
        };
        if checkpoint.size < self.signed {
            return self.fault(Fault::CheckpointOrder { line });
        }
        if checkpoint.size == self.signed && checkpoint.root != self.root {
            self.fault(Fault::Rewritten { size: checkpoint.size });
        }
        if checkpoint.size > self.signed {
            if self.slots.is_empty() && self.missing.len() < FAULTS_MAX {
                self.missing.push((self.signed, checkpoint.size));
                if self.outside.as_ref().is_some_and(|outside| outside.size == checkpoint.size) {
                    self.compare_outside(&checkpoint.root);
                }
            }
            self.close(checkpoint.size, checkpoint.root);
            if self.frontier.is_none() {
                self.frontier = Frontier::from_parts(checkpoint.size, exported.frontier.clone())
                    .ok()
                    .filter(|frontier| frontier.root() == checkpoint.root);
            }
        }
        self.summary.checkpoints += 1;
        self.summary.signed_at = checkpoint.at.or(self.summary.signed_at);
    }

    /// Judges the entries since the last checkpoint.
    fn close(&mut self, to: u64, root: Digest) {
        if let Some(waiting) = self.waiting.take() {
            self.fault(waiting);
        }
        let slots = std::mem::take(&mut self.slots);
        let watch = self.outside.as_ref().map(|outside| outside.size);
        let goal = Goal { from: self.signed, to, start: self.frontier.as_ref(), root, watch };
        let Diagnosis { faults, unless_renumbered, reached, shift } = diagnose(&slots, &goal, self.shift);
        for fault in faults {
            self.fault(fault);
        }
        self.waiting = unless_renumbered;
        self.shift = shift;
        (self.signed, self.root) = (to, root);
        self.frontier = reached.map(|(frontier, watched)| {
            if let Some(watched) = watched {
                self.compare_outside(&watched);
            }
            frontier
        });
    }

    fn compare_outside(&mut self, root: &Digest) {
        let Some(outside) = &self.outside else { return };
        let size = outside.size;
        if outside.root == *root {
            self.summary.outside = Some(size);
        } else {
            self.fault(Fault::Rewritten { size });
        }
    }

    fn finish(mut self) -> Result<Verdict, Doubt> {
        self.close_with_outside();
        if let Some(waiting) = self.waiting.take() {
            self.fault(waiting);
        }
        if !self.slots.is_empty() {
            self.fault(Fault::Unsigned { from: self.signed, count: self.slots.len() as u64 });
            let slots = std::mem::take(&mut self.slots);
            for slot in slots.iter().filter(|slot| slot.real.is_some()) {
                self.fault(Fault::Edited { seq: slot.seq });
            }
        }
        self.judge_bare();
        self.excuse_lost();
        if self.fault_count > 0 {
            return Ok(Verdict::NotWell { faults: self.faults, count: self.fault_count });
        }
        if self.summary.checkpoints == 0 && self.summary.outside.is_none() {
            return Err(Doubt::Nothing);
        }
        self.summary.entries = self.signed;
        Ok(Verdict::Well(self.summary))
    }

    /// The checkpoint held elsewhere tells of a cut, and may cover the last entries itself.
    fn close_with_outside(&mut self) {
        let Some((size, root)) = self.outside.as_ref().map(|outside| (outside.size, outside.root)) else {
            return;
        };
        let entries = self.signed.saturating_add(self.slots.len() as u64);
        if size == 0 {
            self.compare_outside(&Frontier::default().root());
        } else if entries < size {
            self.fault(Fault::CutOff { entries, expected: size });
        } else if entries == size && size > self.signed {
            self.close(size, root);
        }
    }

    /// Entries that the log itself says were lost before a restore are told as such, when nothing else is missing: the
    /// checkpoints on both sides are signed, and the entry after them says so.
    fn excuse_lost(&mut self) {
        for (from, to) in std::mem::take(&mut self.missing) {
            if !self.lost.contains(&(from, to)) {
                continue;
            }
            let faults = self.faults.len();
            self.faults.retain(|fault| match fault {
                Fault::Removed { first, last } => (*first, *last) != (from, to - 1),
                Fault::Altered { from: start, to: end, .. } => (*start, *end) != (from, to),
                _ => true,
            });
            self.fault_count -= (faults - self.faults.len()) as u64;
            self.summary.lost += to - from;
            self.summary.outside_lost |=
                self.outside.as_ref().is_some_and(|outside| from < outside.size && outside.size < to);
        }
    }

    /// A payload may be missing where the log says that it was pruned, or where only a selection was asked for.
    fn judge_bare(&mut self) {
        if self.disclosure == Disclosure::Selection {
            self.summary.pruned = self.pruned_before.min(self.bare_count);
            self.summary.undisclosed = self.bare_count - self.summary.pruned;
            return;
        }
        self.summary.pruned = self.bare_count;
        for (first, last) in std::mem::take(&mut self.bare) {
            if last >= self.pruned_before {
                self.fault(Fault::Withheld { first: first.max(self.pruned_before), last });
            }
        }
    }
}

#[cfg(test)]
mod tests;
