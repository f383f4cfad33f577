//! Counts of cases by month, partner, site, kind and reason, with how fast they were taken in charge and answered (T7). They
//! add up: those of lines that are still kept and those of months whose lines are gone make one table. Delays are kept
//! as counts by hour, so that a median can be told of what is gone, and nobody's single case.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use super::{AnswerWay, Ending, Promise, RegisterLine};
use crate::value::{MailboxId, Millis, PartnerId, Timestamp, calendar};

/// Hours up to which each is counted for itself.
const FINE_HOURS: u16 = 96;
/// The hours that are counted together after those.
const COARSE_HOURS: u16 = 6;
/// Longer delays are counted here: nothing lives longer (V2).
const HOURS_MAX: u16 = 480;

/// A month of a year, in Paris.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MonthOfYear(pub u32);

impl MonthOfYear {
    /// The month from 1 to 12 of a year.
    pub fn new(year: u32, month: u32) -> Option<Self> {
        (1..=12).contains(&month).then(|| Self(year.saturating_mul(12) + month - 1))
    }

    /// The month of an instant; none out of the calendar's range, or before the year 0.
    pub fn of(instant: Timestamp) -> Option<Self> {
        let local = calendar::paris(instant)?;
        Self::new(u32::try_from(local.year()).ok()?, u32::try_from(local.month()).ok()?)
    }

    /// Its year.
    pub const fn year(self) -> u32 {
        self.0 / 12
    }

    /// Its month, from 1.
    pub const fn month(self) -> u32 {
        self.0 % 12 + 1
    }

    /// Its first instant; none out of the calendar's range.
    pub fn begins(self) -> Option<Timestamp> {
        calendar::start_of_day(&format!("{:04}-{:02}-01", self.year(), self.month()), 0)
    }

    /// The one after it.
    pub const fn next(self) -> Self {
        Self(self.0 + 1)
    }
}

/// What cases are counted by.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Group {
    /// All of them.
    All,
    /// Those of a partner; none is nobody's.
    Partner(Option<PartnerId>),
    /// Those of a site of a partner.
    Site(Option<PartnerId>, Option<String>),
    /// Those of a kind of file; a case may have several.
    Kind(Option<String>),
    /// Those with a reason.
    Reason(Option<String>),
}

/// How fast something was done, and whether as promised.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Delays {
    /// Done in time.
    pub kept: u64,
    /// Not done in time, or not at all.
    pub missed: u64,
    /// How many were done within so many hours, each under the first hour of its bucket.
    hours: BTreeMap<u16, u64>,
}

impl Delays {
    fn add(&mut self, promise: Promise, begun: Timestamp, done: Option<Timestamp>) {
        match promise {
            Promise::Kept => self.kept += 1,
            Promise::Missed => self.missed += 1,
            Promise::None | Promise::Open => {}
        }
        if let Some(done) = done {
            *self.hours.entry(bucket(begun.until(done))).or_default() += 1;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.kept += other.kept;
        self.missed += other.missed;
        for (hour, count) in &other.hours {
            *self.hours.entry(*hour).or_default() += count;
        }
    }

    /// How many were done.
    pub fn done(&self) -> u64 {
        self.hours.values().sum()
    }

    /// Whole hours within which this share of what was done was done (the nearest rank), rounded up; none of none.
    pub fn within(&self, percent: u64) -> Option<u16> {
        let all = self.done();
        let rank = (all * percent.min(100)).div_ceil(100).max(1);
        let mut before = 0;
        for (hour, count) in &self.hours {
            before += count;
            if before >= rank {
                return Some(end_of_bucket(*hour));
            }
        }
        None
    }

    /// Of those that were due, the share that was done in time, in whole percent, rounded down; none when none was due.
    pub fn share_in_time(&self) -> Option<u64> {
        (self.kept * 100).checked_div(self.kept + self.missed)
    }

    /// How many were done in less than each of these hours, and not before the one ahead of it; the rest at the end.
    pub fn spread<const N: usize>(&self, bounds: [u16; N]) -> Vec<u64> {
        let mut spread = vec![0; N + 1];
        for (hour, count) in &self.hours {
            let place = bounds.iter().position(|bound| hour < bound).unwrap_or(N);
            spread[place] += count;
        }
        spread
    }
}

/// The first hour of the bucket that a delay belongs to.
fn bucket(delay: Millis) -> u16 {
    let hours = u16::try_from(delay.0.max(0) / Millis::hours(1).0).unwrap_or(HOURS_MAX).min(HOURS_MAX);
    if hours < FINE_HOURS { hours } else { hours / COARSE_HOURS * COARSE_HOURS }
}

/// The hours that everything in a bucket was done within.
const fn end_of_bucket(first: u16) -> u16 {
    if first < FINE_HOURS { first + 1 } else { first + COARSE_HOURS }
}

/// What is counted of the cases of a group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Tally {
    /// How many cases.
    pub cases: u64,
    /// Of them, dispatched to another mailbox.
    pub dispatched: u64,
    /// Withdrawn by who deposited.
    pub revoked: u64,
    /// Ended, and nobody had opened them.
    pub unopened: u64,
    /// How they were taken in charge.
    pub taken: Delays,
    /// How they were answered.
    pub answered: Delays,
    /// By which ways.
    #[serde(default)]
    pub ways: BTreeMap<AnswerWay, u64>,
}

impl Tally {
    fn add(&mut self, line: &RegisterLine, now: Timestamp) {
        self.cases += 1;
        self.dispatched += u64::from(!line.dispatched_to.is_empty());
        self.revoked += u64::from(line.ending == Some(Ending::Revoked));
        self.unopened += u64::from(line.ending.is_some() && line.first_opened_at.is_none());
        self.taken.add(line.taken_promise(now), line.received_at, line.taken_at);
        let answered = line.answered.map(|answer| answer.at);
        self.answered.add(line.answered_promise(now), line.received_at, answered);
        if let Some(answer) = line.answered {
            *self.ways.entry(answer.how).or_default() += 1;
        }
    }

    fn merge(&mut self, other: &Self) {
        self.cases += other.cases;
        self.dispatched += other.dispatched;
        self.revoked += other.revoked;
        self.unopened += other.unopened;
        self.taken.merge(&other.taken);
        self.answered.merge(&other.answered);
        for (way, count) in &other.ways {
            *self.ways.entry(*way).or_default() += count;
        }
    }
}

/// Tallies by group.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(from = "Vec<(Group, Tally)>", into = "Vec<(Group, Tally)>")]
pub struct Counts(BTreeMap<Group, Tally>);

impl From<Vec<(Group, Tally)>> for Counts {
    fn from(pairs: Vec<(Group, Tally)>) -> Self {
        Self(pairs.into_iter().collect())
    }
}

impl From<Counts> for Vec<(Group, Tally)> {
    fn from(counts: Counts) -> Self {
        counts.0.into_iter().collect()
    }
}

impl Counts {
    /// Counts a line as it stands at an instant. A reply from outside is part of the case that it answers.
    pub fn add(&mut self, line: &RegisterLine, now: Timestamp) {
        if line.answers.is_some() {
            return;
        }
        for group in groups_of(line) {
            self.0.entry(group).or_default().add(line, now);
        }
    }

    /// Adds other counts.
    pub fn merge(&mut self, other: &Self) {
        for (group, tally) in &other.0 {
            self.0.entry(group.clone()).or_default().merge(tally);
        }
    }

    /// Whether nothing was counted.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tally of all.
    pub fn all(&self) -> Tally {
        self.0.get(&Group::All).cloned().unwrap_or_default()
    }

    /// Each group with its tally, in the order of the groups.
    pub fn groups(&self) -> impl Iterator<Item = (&Group, &Tally)> {
        self.0.iter()
    }
}

fn groups_of(line: &RegisterLine) -> Vec<Group> {
    let mut groups = vec![
        Group::All,
        Group::Partner(line.partner),
        Group::Site(line.partner, line.site.clone()),
        Group::Reason(line.form.as_ref().and_then(|form| form.reason.clone())),
    ];
    let mut kinds: Vec<_> = line
        .form
        .iter()
        .flat_map(|form| form.kinds.iter().cloned().map(|kind| Group::Kind(Some(kind))))
        .collect();
    if kinds.is_empty() {
        kinds.push(Group::Kind(None));
    }
    groups.append(&mut kinds);
    groups
}

/// What stays of a month's lines when their time is over: counts, nobody's pseudonym.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MonthlyCounts {
    /// In whose statistics they count.
    pub mailbox: MailboxId,
    /// The mailbox that they were deposited into: the same, unless they were dispatched.
    pub origin: MailboxId,
    /// When they were received.
    pub month: MonthOfYear,
    /// How many.
    pub counts: Counts,
}

#[cfg(test)]
mod tests {
    use super::super::{CaseKind, DueDates, FormCodes, GivenAnswer, Route};
    use super::*;
    use crate::value::{ByteSize, PersonId, Reference, TransferId};
    use proptest::prelude::*;

    const HOUR: i64 = 3_600_000;

    fn line(taken: Option<i64>, answered: Option<i64>) -> RegisterLine {
        let at = |hours: i64| Timestamp(1_795_000_000_000 + hours * HOUR);
        RegisterLine {
            transfer: TransferId::new([1; 16]),
            reference: Reference::new([1; 8]),
            mailbox: MailboxId::new([2; 16]),
            partner: Some(PartnerId::new([3; 16])),
            site: Some("Redon".into()),
            depositor: PersonId::new([4; 16]),
            route: Route::Page,
            received_at: at(0),
            file_count: 1,
            total_size: ByteSize(1),
            dispatched_to: vec![],
            first_opened_at: None,
            form: Some(Box::new(FormCodes { kinds: vec!["a".into(), "b".into()], ..FormCodes::default() })),
            answers: None,
            due: DueDates { taken: Some(at(48)), answered: Some(at(72)) },
            taken_at: taken.map(at),
            answered: answered.map(|hours| GivenAnswer { at: at(hours), how: AnswerWay::Telephone }),
            kind: CaseKind::New,
            ending: Some(Ending::Expired),
            ended_at: Some(at(480)),
        }
    }

    fn counts(lines: &[RegisterLine]) -> Counts {
        let mut counts = Counts::default();
        for line in lines {
            counts.add(line, Timestamp(i64::MAX));
        }
        counts
    }

    #[test]
    fn medians_and_shares_are_told_to_the_hour() {
        let lines: Vec<_> = [1, 2, 3, 50, 100].map(|hours| line(Some(hours), Some(hours + 10))).into();
        let all = counts(&[&lines[..], &[line(None, None)]].concat()).all();
        assert_eq!((all.cases, all.taken.done(), all.unopened), (6, 5, 6));
        assert_eq!(
            (all.taken.within(50), all.taken.within(90)),
            (Some(4), Some(102)),
            "100 h: bucket 96 to 102"
        );
        assert_eq!(all.taken.share_in_time(), Some(50), "1, 2, 3 h of six");
        assert_eq!((all.answered.kept, all.answered.missed), (4, 2));
        assert_eq!(all.answered.spread([24, 72]), [3, 1, 1]);
        assert_eq!(Delays::default().within(50), None);
    }

    #[test]
    fn a_case_of_two_kinds_counts_in_both_and_once_in_all() {
        let counts = counts(&[line(Some(1), None)]);
        let kinds: Vec<_> = counts.groups().filter(|(group, _)| matches!(group, Group::Kind(_))).collect();
        assert_eq!((kinds.len(), counts.all().cases), (2, 1));
        let reply = RegisterLine { answers: Some(TransferId::new([9; 16])), ..line(None, None) };
        let mut none = Counts::default();
        none.add(&reply, Timestamp(0));
        assert!(none.is_empty(), "a reply is no case of its own");
    }

    #[test]
    fn months_are_those_of_paris() {
        let last = calendar::parse_local("2026-11-30T23:59").unwrap();
        assert_eq!(MonthOfYear::of(last), MonthOfYear::new(2026, 11));
        assert_eq!(MonthOfYear::of(last + Millis::minutes(1)), MonthOfYear::new(2026, 12));
        let december = MonthOfYear::new(2026, 12).unwrap();
        assert_eq!((december.next().year(), december.next().month()), (2027, 1));
        assert_eq!(december.begins(), Some(last + Millis::minutes(1)));
    }

    proptest! {
        #[test]
        fn counts_add_up_however_they_are_split_and_come_back_as_they_were_written(
            made in prop::collection::vec((prop::option::of(0i64..500), prop::option::of(0i64..500)), 0..20),
            at in 0usize..20,
        ) {
            let lines: Vec<_> = made.into_iter().map(|(taken, answered)| line(taken, answered)).collect();
            let (one, other) = lines.split_at(at.min(lines.len()));
            let mut merged = counts(one);
            merged.merge(&counts(other));
            prop_assert_eq!(&merged, &counts(&lines));
            let json = serde_json::to_string(&merged).unwrap();
            prop_assert_eq!(serde_json::from_str::<Counts>(&json).unwrap(), merged);
        }
    }
}
