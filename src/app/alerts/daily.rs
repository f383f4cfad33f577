//! The daily mail to the officer: the newest signed checkpoint, so that the log is bound outside the gateway each day, and
//! what happened since the last one, in numbers.

use super::super::ports::{AlertState, DailyMail, Key, List, UnitOfWork};
use super::super::{App, AppError};
use super::LIST_MAX;
use crate::audit::{Action, Event, Outcome};
use crate::relay::letter::{DailyCounts, Letter, LetterKind};
use crate::value::{Timestamp, calendar};

/// Entries that are read from the store at once.
const READ_AT_ONCE: usize = 2000;
/// Entries that one daily mail counts; of more it says so.
const COUNTED_MAX: u64 = 5_000_000;

impl App {
    /// Queues the daily mail when its hour has come and today's has not been queued.
    pub(super) async fn daily_mail(&self, now: Timestamp) -> Result<(), AppError> {
        let hour = self.policies.load().alerts.daily_hour;
        let (Some((_, minute)), Some(day)) = (calendar::time_of_day(now), calendar::local_day(now)) else {
            return Ok(());
        };
        let found: Option<(DailyMail, u64)> = self.read(&Key::Daily(())).await?;
        let last = found.as_ref().map(|(last, _)| last);
        if minute < hour * 60 || last.is_some_and(|last| last.day >= day) {
            return Ok(());
        }
        let Some(checkpoint) = self.sign_checkpoint().await? else { return Ok(()) };
        let from = last.map_or(0, |last| last.entries);
        let counts = self.count(from, checkpoint.size).await?;
        let states: Vec<(AlertState, u64)> = self.read_list(&List::Alerts, LIST_MAX).await?;
        let lasting = states.into_iter().filter(|(state, _)| state.lasts).map(|(state, _)| state.kind);
        let letter = Letter::Daily {
            at: now,
            entries: checkpoint.size,
            counts,
            lasting: lasting.collect(),
            checkpoint: checkpoint.note,
        };
        let mut unit = UnitOfWork::default();
        match found {
            Some((_, version)) => unit.expect_unchanged(Key::Daily(()), version),
            None => unit.expect_absent(Key::Daily(())),
        }
        self.queue_to_officers(&mut unit, &letter, LetterKind::Daily, None, now).await?;
        unit.put(DailyMail { day, entries: checkpoint.size });
        self.store.commit(unit).await?;
        self.wake_delivery();
        Ok(())
    }

    async fn count(&self, from: u64, until: u64) -> Result<DailyCounts, AppError> {
        let mut counts = DailyCounts::default();
        let mut next = from.max(until.saturating_sub(COUNTED_MAX));
        counts.entries = until.saturating_sub(next);
        while next < until {
            let leaves = self.store.leaves(next, READ_AT_ONCE).await?;
            let Some(last) = leaves.last() else { break };
            next = last.index + 1;
            let inside = leaves.iter().take_while(|leaf| leaf.index < until);
            for event in inside.filter_map(|leaf| leaf.entry.as_ref()?.event().ok()) {
                add(&mut counts, &event);
            }
        }
        Ok(counts)
    }
}

fn add(counts: &mut DailyCounts, event: &Event) {
    match (event.outcome, event.action) {
        (Outcome::Refused(_), _) => counts.refusals += 1,
        (Outcome::Failed(_), _) => counts.failures += 1,
        (Outcome::Done, Action::DepositSent | Action::MailReceived) => counts.deposits += 1,
        (Outcome::Done, Action::TransferOpened) => counts.openings += 1,
        (Outcome::Done, Action::FileDownloaded | Action::ArchiveDownloaded) => counts.downloads += 1,
        (Outcome::Done, Action::SignIn) => counts.sign_ins += 1,
        (Outcome::Done, Action::TransferExpired) => counts.expiries += 1,
        (Outcome::Done, Action::AlertRaised) => counts.alerts += 1,
        _ => {}
    }
}
