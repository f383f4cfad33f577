//! One interval between two signed checkpoints of an export: do its entries lead from the frontier of the one to
//! the root of the other, and if not, what happened to them?
//!
//! What is not confirmed by the root is always told as [`Fault::Altered`], even when a single entry is known to be
//! missing: behind a known deletion an unknown change could hide.

use super::merkle::Frontier;
use super::verdict::Fault;
use crate::value::Digest;

/// Up to how many entries an interval is searched for a single inserted one by leaving out each in turn.
const TRIAL_MAX: usize = 512;

/// An entry as it stands in the export.
#[derive(Debug, Clone)]
pub(super) struct Slot {
    /// Line of the export.
    pub line: u64,
    /// The number that it claims.
    pub seq: u64,
    /// The leaf that it claims.
    pub claimed: Digest,
    /// The leaf that its payload has, when that is another.
    pub real: Option<Digest>,
}

/// What an interval has to lead to.
pub(super) struct Goal<'a> {
    /// Entries before the interval.
    pub from: u64,
    /// Entries at its end.
    pub to: u64,
    /// The frontier before it; `None` when damage before it left none.
    pub start: Option<&'a Frontier>,
    /// The signed root at its end.
    pub root: Digest,
    /// A size in between at which the root is asked for.
    pub watch: Option<u64>,
}

/// What became of the interval.
#[derive(Default)]
pub(super) struct Diagnosis {
    /// What is wrong.
    pub faults: Vec<Fault>,
    /// Told only if the next entry has the number that it should have: else the entries were numbered anew.
    pub unless_renumbered: Option<Fault>,
    /// The frontier at the end and the root at the watched size, if the root was reached.
    pub reached: Option<(Frontier, Option<Digest>)>,
    /// By how much the numbers of the following entries are off.
    pub shift: i64,
}

/// Judges an interval. `shift` is by how much numbers were off before it.
pub(super) fn diagnose(slots: &[Slot], goal: &Goal<'_>, shift: i64) -> Diagnosis {
    let first = slots.first().map_or(goal.from, |slot| slot.seq);
    let shift = if first == goal.from { 0 } else { shift };
    let base = goal.from.saturating_add_signed(shift);
    let in_order = slots.iter().zip(base..).all(|(slot, seq)| slot.seq == seq);
    let mut diagnosis = if in_order { counted(slots, goal, shift) } else { disordered(slots, goal, base) };
    diagnosis.faults.extend(edited(slots));
    diagnosis
}

fn edited(slots: &[Slot]) -> impl Iterator<Item = Fault> {
    slots.iter().filter(|slot| slot.real.is_some()).map(|slot| Fault::Edited { seq: slot.seq })
}

/// Numbers run on without a gap: only the count can be wrong, or the root.
fn counted(slots: &[Slot], goal: &Goal<'_>, shift: i64) -> Diagnosis {
    let surplus = difference(slots.len() as u64, goal.to - goal.from);
    let all: Vec<&Slot> = slots.iter().collect();
    let altered = Fault::Altered { from: goal.from, to: goal.to, surplus };
    let mut diagnosis = Diagnosis { shift: shift.saturating_add(surplus), ..Diagnosis::default() };
    if surplus == 0 {
        diagnosis.reached = reach(&all, goal);
    } else if surplus == 1 && slots.len() <= TRIAL_MAX {
        if let Some((slot, reached)) = leave_one_out(&all, goal) {
            diagnosis.faults.push(Fault::Inserted { seq: slot.seq, line: slot.line });
            diagnosis.reached = Some(reached);
        }
    } else if surplus < 0 && shift == 0 {
        let first = goal.from + slots.len() as u64;
        diagnosis.unless_renumbered = Some(Fault::Removed { first, last: goal.to - 1 });
    }
    if diagnosis.reached.is_none() {
        diagnosis.faults.push(altered);
    }
    diagnosis
}

/// Numbers are missing, stand twice, or in another order.
fn disordered(slots: &[Slot], goal: &Goal<'_>, base: u64) -> Diagnosis {
    let width = goal.to - goal.from;
    let mut diagnosis = Diagnosis { shift: difference(base, goal.from), ..Diagnosis::default() };
    diagnosis.faults.extend(reordered(slots));
    let mut sorted: Vec<&Slot> = Vec::with_capacity(slots.len());
    for slot in slots {
        if slot.seq >= base && slot.seq - base < width {
            sorted.push(slot);
        } else {
            diagnosis.faults.push(Fault::Inserted { seq: slot.seq, line: slot.line });
        }
    }
    sorted.sort_by_key(|slot| slot.seq);
    let mut expected = base;
    for slot in &sorted {
        if slot.seq > expected {
            diagnosis.faults.push(Fault::Removed { first: expected, last: slot.seq - 1 });
        }
        expected = slot.seq.saturating_add(1);
    }
    if expected < base.saturating_add(width) {
        diagnosis.faults.push(Fault::Removed { first: expected, last: base.saturating_add(width) - 1 });
    }
    // Of entries with one number, either the first or the last is the true one.
    let (mut firsts, mut lasts) = (sorted.clone(), sorted.clone());
    firsts.dedup_by_key(|slot| slot.seq);
    lasts.reverse();
    lasts.dedup_by_key(|slot| slot.seq);
    lasts.reverse();
    let mut chosen = &firsts;
    for candidate in [&firsts, &lasts] {
        if diagnosis.reached.is_none() && candidate.len() as u64 == width {
            diagnosis.reached = reach(candidate, goal);
            chosen = candidate;
        }
    }
    let surplus = difference(slots.len() as u64, width);
    if diagnosis.reached.is_none() {
        chosen = &firsts;
        diagnosis.faults.push(Fault::Altered { from: goal.from, to: goal.to, surplus });
    }
    // Both are sorted the same way, so one pass finds who was not chosen.
    let mut kept = chosen.iter().peekable();
    for slot in &sorted {
        if kept.peek().is_some_and(|kept| kept.line == slot.line) {
            kept.next();
        } else {
            diagnosis.faults.push(Fault::Inserted { seq: slot.seq, line: slot.line });
        }
    }
    diagnosis
}

/// Stretches in which an entry stands after one with a higher number.
fn reordered(slots: &[Slot]) -> Vec<Fault> {
    let mut stretches: Vec<(u64, u64)> = Vec::new();
    let mut highest = 0;
    for slot in slots {
        if slot.seq < highest {
            match stretches.last_mut().filter(|(_, last)| slot.seq <= *last) {
                Some((first, last)) => (*first, *last) = ((*first).min(slot.seq), highest),
                None => stretches.push((slot.seq, highest)),
            }
        }
        highest = highest.max(slot.seq);
    }
    stretches.into_iter().map(|(first, last)| Fault::Reordered { first, last }).collect()
}

/// Tries the leaves as claimed, then as the payloads have them.
fn reach(slots: &[&Slot], goal: &Goal<'_>) -> Option<(Frontier, Option<Digest>)> {
    let claimed = run(slots.iter().map(|slot| slot.claimed), goal);
    if claimed.is_some() || slots.iter().all(|slot| slot.real.is_none()) {
        return claimed;
    }
    run(slots.iter().map(|slot| slot.real.unwrap_or(slot.claimed)), goal)
}

fn leave_one_out<'a>(slots: &[&'a Slot], goal: &Goal<'_>) -> Option<(&'a Slot, (Frontier, Option<Digest>))> {
    slots.iter().enumerate().find_map(|(skipped, slot)| {
        let rest: Vec<&Slot> = [&slots[..skipped], &slots[skipped + 1..]].concat();
        reach(&rest, goal).map(|reached| (*slot, reached))
    })
}

fn run(leaves: impl Iterator<Item = Digest>, goal: &Goal<'_>) -> Option<(Frontier, Option<Digest>)> {
    let mut frontier = goal.start?.clone();
    let mut watched = None;
    for leaf in leaves {
        frontier.append(leaf);
        if goal.watch == Some(frontier.size()) {
            watched = Some(frontier.root());
        }
    }
    (frontier.root() == goal.root).then_some((frontier, watched))
}

fn difference(there: u64, signed: u64) -> i64 {
    let width = i64::try_from(there.abs_diff(signed)).unwrap_or(i64::MAX);
    if there < signed { -width } else { width }
}
