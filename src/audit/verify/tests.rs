//! What is done to a log, and what verification says of it.

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
                assert!(summary.to_string().contains("13 entries were lost before a restore"), "{summary}");
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
    assert!(matches!(verdict(&lines, None), Verdict::NotWell { .. }), "beside the gap nothing is excused");
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
