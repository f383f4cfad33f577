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
mod tests {
    use super::super::entry::Entry;
    use super::super::event::{Actor, Object, Origin, Outcome};
    use super::super::export::{ExportHeader, ExportWriter};
    use super::super::note::{Note, NoteSeed, NoteSigner};
    use super::*;
    use crate::value::Timestamp;
    use proptest::prelude::*;

    const INTERVAL: usize = 10;

    fn signer(seed: u8) -> NoteSigner {
        NoteSigner::new("pli.fund.example/audit", &NoteSeed::new([seed; 32])).unwrap()
    }

    fn event(n: usize) -> Event {
        let at = Timestamp(1_700_000_000_000 + i64::try_from(n).unwrap());
        Event::new(at, Actor::System, Action::MailSent, Object::Log, Outcome::Done, Origin::Job)
    }

    fn entry(n: usize) -> Entry {
        Entry::new(&event(n), [u8::try_from(n % 251).unwrap(); 16]).unwrap()
    }

    fn entries(n: usize) -> Vec<Entry> {
        (0..n).map(entry).collect()
    }

    /// A log as its gateway would export it: a checkpoint every ten entries and one at the end.
    fn export_of(entries: &[Entry], signer: &NoteSigner) -> Vec<String> {
        export_pruned(entries, signer, 0)
    }

    fn export_pruned(entries: &[Entry], signer: &NoteSigner, pruned: usize) -> Vec<String> {
        let header = ExportHeader::new(signer.public(), 12, Disclosure::All);
        let mut export = ExportWriter::new(Vec::new(), &header).unwrap();
        let mut frontier = Frontier::default();
        for (n, entry) in entries.iter().enumerate() {
            if n < pruned {
                export.leaf(n as u64, &entry.leaf()).unwrap();
            } else {
                export.entry(n as u64, entry).unwrap();
            }
            frontier.append(entry.leaf());
            if (n + 1) % INTERVAL == 0 || n + 1 == entries.len() {
                export.checkpoint(&signed(&frontier, signer), &frontier).unwrap();
            }
        }
        let written = String::from_utf8(export.finish().unwrap()).unwrap();
        written.lines().map(str::to_owned).collect()
    }

    fn signed(frontier: &Frontier, signer: &NoteSigner) -> Note {
        Checkpoint::sign(signer, frontier.size(), frontier.root(), Timestamp(1_700_000_100_000)).unwrap()
    }

    fn checkpoint_at(entries: &[Entry], signer: &NoteSigner) -> String {
        let mut frontier = Frontier::default();
        for entry in entries {
            frontier.append(entry.leaf());
        }
        signed(&frontier, signer).to_string()
    }

    fn verdict(lines: &[String], outside: Option<&str>) -> Verdict {
        verify(lines.join("\n").as_bytes(), signer(1).public(), outside)
    }

    fn faults(lines: &[String], outside: Option<&str>) -> Vec<Fault> {
        match verdict(lines, outside) {
            Verdict::NotWell { faults, count } => {
                assert_eq!(faults.len() as u64, count);
                faults
            }
            other => panic!("{other}"),
        }
    }

    fn line_of(lines: &[String], seq: usize) -> usize {
        lines.iter().position(|line| line.starts_with(&format!("{{\"seq\":{seq},"))).unwrap()
    }

    /// The interval between checkpoints that holds an entry of a log of `n`.
    fn interval_of(seq: usize, n: usize) -> (u64, u64) {
        let from = seq / INTERVAL * INTERVAL;
        (from as u64, (from + INTERVAL).min(n) as u64)
    }

    /// Gives the entries of an export their numbers anew, as one does who covers a deletion up.
    fn renumber(lines: &mut [String]) {
        let numbered = lines.iter_mut().filter(|line| line.starts_with("{\"seq\":"));
        for (seq, line) in numbered.enumerate() {
            let rest = line.split_once(',').unwrap().1.to_owned();
            *line = format!("{{\"seq\":{seq},{rest}");
        }
    }

    #[test]
    fn an_untouched_log_is_well_and_says_what_was_compared() {
        let log = entries(25);
        let lines = export_of(&log, &signer(1));
        let alone = verdict(&lines, None);
        assert_eq!(alone.exit_code(), 0, "{alone}");
        assert!(alone.to_string().contains("a cut at the end would not show"), "{alone}");
        for size in [0, 1, 9, 10, 11, 24, 25] {
            let held = checkpoint_at(&log[..size], &signer(1));
            match verdict(&lines, Some(&held)) {
                Verdict::Well(summary) => {
                    assert_eq!((summary.entries, summary.outside), (25, Some(size as u64)));
                }
                other => panic!("{other}"),
            }
        }
    }

    #[test]
    fn a_log_cut_at_a_checkpoint_is_found_by_the_checkpoint_held_elsewhere_only() {
        let log = entries(25);
        let lines = export_of(&log[..20], &signer(1));
        assert_eq!(verdict(&lines, None).exit_code(), 0);
        let held = checkpoint_at(&log, &signer(1));
        assert_eq!(faults(&lines, Some(&held)), [Fault::CutOff { entries: 20, expected: 25 }]);
    }

    #[test]
    fn who_holds_the_key_and_writes_the_log_anew_is_found_by_the_checkpoint_held_elsewhere() {
        let log = entries(25);
        let held = checkpoint_at(&log[..17], &signer(1));
        let mut other = log.clone();
        other[3] = entry(1000);
        let lines = export_of(&other, &signer(1));
        assert_eq!(verdict(&lines, None).exit_code(), 0);
        assert_eq!(faults(&lines, Some(&held)), [Fault::Rewritten { size: 17 }]);
    }

    #[test]
    fn who_signs_with_another_key_is_found() {
        let found = faults(&export_of(&entries(25), &signer(2)), None);
        assert_eq!(found[0], Fault::Key);
        assert!(matches!(found[1], Fault::Checkpoint { line: 12, .. }), "{found:?}");
        assert_eq!(*found.last().unwrap(), Fault::Unsigned { from: 0, count: 25 });
    }

    #[test]
    fn two_histories_under_one_key_in_one_export_are_found() {
        let log = entries(10);
        let mut lines = export_of(&log, &signer(1));
        let mut other = log.clone();
        other[3] = entry(1000);
        lines.push(export_of(&other, &signer(1)).pop().unwrap());
        assert_eq!(faults(&lines, None), [Fault::Rewritten { size: 10 }]);
    }

    /// A log of 25 entries that was restored from a backup of 12, and went on with what the entry at 25 says.
    fn restored(says: Detail) -> (Vec<Entry>, Vec<String>) {
        let log = entries(25);
        let (signer, mut frontier) = (signer(1), Frontier::default());
        let header = ExportHeader::new(signer.public(), 12, Disclosure::All);
        let mut export = ExportWriter::new(Vec::new(), &header).unwrap();
        for (n, entry) in log.iter().enumerate() {
            if n < 12 {
                export.entry(n as u64, entry).unwrap();
            }
            frontier.append(entry.leaf());
            if n == 11 || n == 24 {
                export.checkpoint(&signed(&frontier, &signer), &frontier).unwrap();
            }
        }
        let restored = Event { action: Action::BackupRestored, ..event(25) }.with(says);
        for (n, event) in [(25, restored), (26, event(26))] {
            let entry = Entry::new(&event, [1; 16]).unwrap();
            export.entry(n, &entry).unwrap();
            frontier.append(entry.leaf());
        }
        export.checkpoint(&signed(&frontier, &signer), &frontier).unwrap();
        let written = String::from_utf8(export.finish().unwrap()).unwrap();
        (log, written.lines().map(str::to_owned).collect())
    }

    #[test]
    fn entries_lost_before_a_restore_are_told_as_such_and_no_checkpoint_held_elsewhere_is_contradicted() {
        let (log, lines) = restored(Detail::LostFrom(12));
        for (size, compared) in [(5, true), (12, true), (13, false), (24, false), (25, true)] {
            let held = checkpoint_at(&log[..size], &signer(1));
            match verdict(&lines, Some(&held)) {
                Verdict::Well(summary) => {
                    assert_eq!((summary.entries, summary.lost), (27, 13));
                    assert_eq!(summary.outside, compared.then_some(size as u64));
                    assert_eq!(summary.outside_lost, !compared);
                    assert!(
                        summary.to_string().contains("13 entries were lost before a restore"),
                        "{summary}"
                    );
                }
                other => panic!("{size}: {other}"),
            }
        }
    }

    #[test]
    fn entries_that_are_missing_without_a_restore_or_more_of_them_are_removed() {
        for says in [Detail::LostFrom(11), Detail::LostFrom(13), Detail::Count(12)] {
            assert!(matches!(verdict(&restored(says).1, None), Verdict::NotWell { .. }), "{says:?}");
        }
        let (_, mut lines) = restored(Detail::LostFrom(12));
        lines.remove(line_of(&lines, 7));
        assert!(
            matches!(verdict(&lines, None), Verdict::NotWell { .. }),
            "beside the gap nothing is excused"
        );
    }

    #[test]
    fn pruned_payloads_verify_if_the_log_says_that_they_were_pruned() {
        let mut log = entries(25);
        let pruned = event(24).with(Detail::Pruned { before: 7, payloads: 7, names: 0 });
        log[24] = Entry::new(&Event { action: Action::LogPruned, ..pruned }, [1; 16]).unwrap();
        match verdict(&export_pruned(&log, &signer(1), 7), None) {
            Verdict::Well(summary) => assert_eq!(summary.pruned, 7),
            other => panic!("{other}"),
        }
        let found = faults(&export_pruned(&log, &signer(1), 9), None);
        assert_eq!(found, [Fault::Withheld { first: 7, last: 8 }]);
    }

    #[test]
    fn damage_in_one_interval_says_nothing_about_the_next() {
        let mut log = entries(30);
        let mut lines = export_of(&log, &signer(1));
        log[4] = entry(1000);
        log[25] = entry(1001);
        let rewritten = export_of(&log, &signer(1));
        for seq in [4, 25] {
            let line = line_of(&lines, seq);
            lines[line].clone_from(&rewritten[line]);
        }
        let expected = [(0, 10), (20, 30)].map(|(from, to)| Fault::Altered { from, to, surplus: 0 });
        assert_eq!(faults(&lines, None), expected);
    }

    #[test]
    fn entries_without_a_checkpoint_are_told() {
        let mut lines = export_of(&entries(25), &signer(1));
        lines.pop();
        assert_eq!(faults(&lines, None), [Fault::Unsigned { from: 20, count: 5 }]);
        let held = checkpoint_at(&entries(25), &signer(1));
        assert_eq!(verdict(&lines, Some(&held)).exit_code(), 0);
    }

    #[test]
    fn what_cannot_be_told_is_said() {
        let lines = export_of(&entries(3), &signer(1));
        let foreign = checkpoint_at(&entries(3), &signer(2));
        let long = vec![lines[0].clone(), "x".repeat(300_000)];
        for (lines, outside) in
            [(&lines[..], Some(foreign.as_str())), (&lines[..1], None), (&lines[1..], None), (&long, None)]
        {
            assert_eq!(verdict(lines, outside).exit_code(), 2);
        }
        let newer = lines[0].replace("\"version\":1", "\"version\":2");
        let answer = verdict(&[newer], None);
        assert!(matches!(answer, Verdict::CouldNotTell(Doubt::Export(ExportError::Version { actual: 2 }))));
    }

    #[test]
    fn a_line_that_is_nothing_is_told_and_the_rest_is_judged() {
        let mut lines = export_of(&entries(25), &signer(1));
        lines.insert(3, "{\"seq\":true}".to_owned());
        assert_eq!(faults(&lines, None), [Fault::Malformed { line: 4 }]);
    }

    proptest! {
        #[test]
        fn an_edited_payload_is_found_and_located(n in 1_usize..60, pick: usize) {
            let seq = pick % n;
            let mut lines = export_of(&entries(n), &signer(1));
            let line = line_of(&lines, seq);
            lines[line] = lines[line].replace("mail.sent", "mail.failed");
            prop_assert_eq!(faults(&lines, None), [Fault::Edited { seq: seq as u64 }]);
        }

        #[test]
        fn an_edited_leaf_is_found_and_located(n in 1_usize..60, pick: usize) {
            let seq = pick % n;
            let mut lines = export_of(&entries(n), &signer(1));
            let line = line_of(&lines, seq);
            lines[line] = lines[line].replace(&entry(seq).leaf().to_string(), &entry(n).leaf().to_string());
            prop_assert_eq!(faults(&lines, None), [Fault::Edited { seq: seq as u64 }]);
        }

        #[test]
        fn a_consistent_rewrite_without_the_key_is_located_to_its_interval(n in 1_usize..60, pick: usize) {
            let seq = pick % n;
            let mut log = entries(n);
            let mut lines = export_of(&log, &signer(1));
            log[seq] = entry(1000);
            let line = line_of(&lines, seq);
            lines[line].clone_from(&export_of(&log, &signer(1))[line]);
            let (from, to) = interval_of(seq, n);
            prop_assert_eq!(faults(&lines, None), [Fault::Altered { from, to, surplus: 0 }]);
        }

        #[test]
        fn a_deleted_entry_is_found_and_located(n in 1_usize..60, pick: usize) {
            let seq = pick % n;
            let mut lines = export_of(&entries(n), &signer(1));
            lines.remove(line_of(&lines, seq));
            let (from, to) = interval_of(seq, n);
            let (seq, found) = (seq as u64, faults(&lines, None));
            prop_assert_eq!(found.len(), 2);
            for expected in [Fault::Removed { first: seq, last: seq }, Fault::Altered { from, to, surplus: -1 }] {
                prop_assert!(found.contains(&expected), "{:?}", found);
            }
        }

        #[test]
        fn a_deletion_covered_up_by_new_numbers_is_located_to_its_interval(n in 21_usize..60, pick: usize) {
            let seq = pick % (n - 11);
            let mut lines = export_of(&entries(n), &signer(1));
            lines.remove(line_of(&lines, seq));
            renumber(&mut lines);
            let (from, to) = interval_of(seq, n);
            prop_assert_eq!(faults(&lines, None), [Fault::Altered { from, to, surplus: -1 }]);
        }

        #[test]
        fn an_inserted_entry_is_found_and_located(n in 1_usize..60, pick: usize, after: bool, anew: bool) {
            let seq = pick % n;
            let mut log = entries(n);
            let mut lines = export_of(&log, &signer(1));
            log[seq] = entry(1000);
            let forged = export_of(&log, &signer(1))[line_of(&lines, seq)].clone();
            let at = line_of(&lines, seq) + usize::from(after);
            lines.insert(at, forged);
            if anew {
                renumber(&mut lines);
            }
            let found = faults(&lines, None);
            prop_assert_eq!(found.len(), 1, "{:?}", found);
            let located = matches!(found[0], Fault::Inserted { line, .. } if line == at as u64 + 1);
            prop_assert!(located, "{:?} at line {}", found, at + 1);
        }

        #[test]
        fn swapped_entries_are_found_and_located(n in 2_usize..60, one: usize, other: usize) {
            let (one, other) = (one % n, other % n);
            prop_assume!(one != other);
            let (low, high) = (one.min(other), one.max(other));
            let mut lines = export_of(&entries(n), &signer(1));
            let (first, second) = (line_of(&lines, low), line_of(&lines, high));
            lines.swap(first, second);
            let found = faults(&lines, None);
            if interval_of(low, n) == interval_of(high, n) {
                prop_assert_eq!(found, [Fault::Reordered { first: low as u64, last: high as u64 }]);
            } else {
                // Moved across a checkpoint: missing here, too much there, for both.
                for seq in [low as u64, high as u64] {
                    let missing = found.contains(&Fault::Removed { first: seq, last: seq });
                    prop_assert!(missing, "{:?}", found);
                    let moved = found.iter().any(|f| matches!(f, Fault::Inserted { seq: s, .. } if *s == seq));
                    prop_assert!(moved, "{:?}", found);
                }
            }
        }

        #[test]
        fn swapped_entries_with_new_numbers_are_located_to_their_interval(n in 2_usize..60, pick: usize) {
            let seq = pick % (n - 1);
            prop_assume!(interval_of(seq, n) == interval_of(seq + 1, n));
            let mut lines = export_of(&entries(n), &signer(1));
            let line = line_of(&lines, seq);
            lines.swap(line, line + 1);
            renumber(&mut lines);
            let (from, to) = interval_of(seq, n);
            prop_assert_eq!(faults(&lines, None), [Fault::Altered { from, to, surplus: 0 }]);
        }

        #[test]
        fn a_log_cut_anywhere_is_found(n in 1_usize..60, pick: usize) {
            let log = entries(n);
            let held = checkpoint_at(&log, &signer(1));
            let mut lines = export_of(&log, &signer(1));
            lines.truncate(1 + pick % (lines.len() - 2));
            let found = faults(&lines, Some(&held));
            let cut = found.iter().any(|fault| matches!(fault, Fault::CutOff { expected, .. } if *expected == n as u64));
            prop_assert!(cut, "{:?}", found);
        }

        #[test]
        fn no_mixture_of_true_lines_is_well_unless_every_entry_stands_once_in_order(
            n in 1_usize..5,
            picks in proptest::collection::vec(0_usize..7, 0..9),
        ) {
            let source = export_of(&entries(n), &signer(1));
            let mut mixed = vec![source[0].clone()];
            mixed.extend(picks.iter().map(|pick| source[pick % source.len()].clone()));
            let held = checkpoint_at(&entries(n), &signer(1));
            if verdict(&mixed, Some(&held)).exit_code() == 0 {
                let numbered = |lines: &[String]| -> Vec<String> {
                    lines.iter().filter(|line| line.starts_with("{\"seq\":")).cloned().collect()
                };
                prop_assert_eq!(numbered(&mixed), numbered(&source));
            }
        }
    }
}
