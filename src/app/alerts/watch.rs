//! Counts what happens, from the newest entries of the log: refusals of anybody, openings and downloads by one person,
//! access outside working hours. Each entry is read once; what is counted is kept in memory for its window only.

use std::collections::{HashMap, VecDeque};

use super::super::ports::List;
use super::super::{App, AppError};
use super::{LIST_MAX, Noticed};
use crate::audit::{Action, Actor, AlertKind, Event, FailureReason, Outcome};
use crate::identity::Account;
use crate::policy::alerts::AlertPolicy;
use crate::value::{OrganisationId, PersonId, Timestamp};

/// Entries that are read from the store at once.
const READ_AT_ONCE: usize = 2000;
/// Entries that one look reads at most; the next one goes on.
const LOOK_MAX: usize = 100_000;
/// Entries before the first look that are counted too, so that a restart forgets little.
const LOOK_BACK: u64 = 10_000;
/// People who are counted at once; beyond, those counted longest ago are forgotten.
const PEOPLE_MAX: usize = 10_000;

/// What was counted so far.
#[derive(Debug)]
pub(in super::super) struct LogWatch {
    /// The entry that is read next.
    next: u64,
    refusals: VecDeque<Timestamp>,
    readings: HashMap<PersonId, VecDeque<Timestamp>>,
}

impl LogWatch {
    fn at(next: u64) -> Self {
        Self { next, refusals: VecDeque::new(), readings: HashMap::new() }
    }

    /// Counts an event; what it makes too much.
    fn count(
        &mut self,
        event: &Event,
        policy: &AlertPolicy,
        told: &dyn Fn(AlertKind) -> Option<Timestamp>,
    ) -> Vec<Noticed> {
        let mut noticed = Vec::new();
        let notice = |kind, person, count, since| Noticed { kind, organisation: None, person, count, since };
        // What came before the last mail about it was told in it.
        let is_new = |kind| told(kind).is_none_or(|told_at| event.at > told_at);
        if matches!(event.outcome, Outcome::Refused(_)) && is_new(AlertKind::ManyRefusals) {
            self.refusals.push_back(event.at);
            keep_window(&mut self.refusals, event.at, policy.many_refusals.window);
            if self.refusals.len() >= policy.many_refusals.count {
                let since = self.refusals.front().copied().unwrap_or(event.at);
                let count = self.refusals.len() as u64;
                noticed.push(notice(AlertKind::ManyRefusals, None, count, since));
                self.refusals.clear();
            }
        }
        if policy.scanner
            && event.outcome == Outcome::Failed(FailureReason::Scanner)
            && is_new(AlertKind::ScannerTrouble)
        {
            noticed.push(notice(AlertKind::ScannerTrouble, None, 1, event.at));
        }
        if event.action == Action::SelfChecked && matches!(event.outcome, Outcome::Failed(_)) {
            noticed.push(notice(AlertKind::SelfCheckFailed, None, 1, event.at));
        }
        let Actor::Person(person) = event.actor else { return noticed };
        if is_reading(event) {
            noticed.extend(self.count_reading(person, event, policy));
        }
        let outside = policy.working_hours.as_ref().is_some_and(|hours| hours.is_outside(event.at));
        if outside && is_access(event) {
            noticed.push(notice(AlertKind::OutsideHours, Some(person), 1, event.at));
        }
        noticed
    }

    fn count_reading(&mut self, person: PersonId, event: &Event, policy: &AlertPolicy) -> Option<Noticed> {
        if self.readings.len() >= PEOPLE_MAX && !self.readings.contains_key(&person) {
            let oldest = self.readings.iter().min_by_key(|(_, times)| times.back().copied());
            oldest.map(|(oldest, _)| *oldest).map(|oldest| self.readings.remove(&oldest));
        }
        let times = self.readings.entry(person).or_default();
        times.push_back(event.at);
        keep_window(times, event.at, policy.mass_download.window);
        if times.len() < policy.mass_download.count {
            return None;
        }
        let (count, since) = (times.len() as u64, times.front().copied().unwrap_or(event.at));
        times.clear();
        let kind = AlertKind::MassDownload;
        Some(Noticed { kind, organisation: None, person: Some(person), count, since })
    }
}

fn keep_window(times: &mut VecDeque<Timestamp>, now: Timestamp, window: crate::value::Millis) {
    while times.front().is_some_and(|first| *first + window < now) {
        times.pop_front();
    }
}

/// Content is about to be read: a download is logged before its first byte and after its last, and counts once.
fn is_reading(event: &Event) -> bool {
    match event.action {
        Action::TransferOpened => event.outcome == Outcome::Done,
        Action::FileDownloaded | Action::ArchiveDownloaded => event.outcome == Outcome::Intended,
        _ => false,
    }
}

fn is_access(event: &Event) -> bool {
    is_reading(event) || (event.action == Action::SignIn && event.outcome == Outcome::Done)
}

impl App {
    /// What the entries since the last look make too much.
    pub(super) async fn noticed_in_log(&self, now: Timestamp) -> Result<Vec<Noticed>, AppError> {
        let size = self.store.log().await?.size();
        let mut watch = self.log_watch.lock().await;
        let watch = watch.get_or_insert_with(|| LogWatch::at(size.saturating_sub(LOOK_BACK)));
        let states: Vec<(super::AlertState, u64)> = self.read_list(&List::Alerts, LIST_MAX).await?;
        let told = move |kind: AlertKind| {
            let of_kind = states.iter().filter(|(state, _)| state.kind == kind);
            of_kind.filter_map(|(state, _)| state.told_at).filter(|told_at| *told_at <= now).max()
        };
        let policies = self.policies.load();
        let mut noticed = Vec::new();
        let mut read = 0;
        while watch.next < size && read < LOOK_MAX {
            let leaves = self.store.leaves(watch.next, READ_AT_ONCE).await?;
            let Some(last) = leaves.last() else { break };
            (watch.next, read) = (last.index + 1, read + leaves.len());
            for event in leaves.iter().filter_map(|leaf| leaf.entry.as_ref()?.event().ok()) {
                noticed.extend(watch.count(&event, &policies.alerts, &told));
            }
        }
        self.gathered(noticed, &told).await
    }

    /// One notice for each kind and organisation, so that a thousand of them are one write.
    async fn gathered(
        &self,
        noticed: Vec<Noticed>,
        told: &(dyn Fn(AlertKind) -> Option<Timestamp> + Sync),
    ) -> Result<Vec<Noticed>, AppError> {
        let mut gathered: Vec<Noticed> = Vec::new();
        if noticed.is_empty() {
            return Ok(gathered);
        }
        let accounts: Vec<(Account, u64)> = self.read_list(&List::Accounts, LIST_MAX).await?;
        let organisation_of = |person: Option<PersonId>| -> Option<Option<OrganisationId>> {
            let Some(person) = person else { return Some(None) };
            // A depositor reads nothing and keeps no hours: only members have an account.
            accounts.iter().find(|(account, _)| account.person == person).map(|(a, _)| a.organisation)
        };
        for mut one in noticed {
            let Some(organisation) = organisation_of(one.person) else { continue };
            if told(one.kind).is_some_and(|told_at| one.since <= told_at) {
                continue;
            }
            one.organisation = organisation;
            let same = |other: &&mut Noticed| other.kind == one.kind && other.organisation == organisation;
            match gathered.iter_mut().find(same) {
                Some(other) => {
                    other.count += one.count;
                    other.person = other.person.filter(|person| Some(*person) == one.person);
                }
                None => gathered.push(one),
            }
        }
        Ok(gathered)
    }
}
