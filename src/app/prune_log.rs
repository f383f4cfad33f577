//! Ends what the log tells of people (D8, CNIL 2021-122): payloads and salts older than the retention go, their leaf
//! hashes stay, so that the rest still verifies; names that no entry names any more go too.
//!
//! In batches, each one commit with the event that tells of it: a crash leaves whole batches, the next run goes on.

use jiff::ToSpan;
use jiff::tz::TimeZone;

use super::ports::{Change, Key, List, PersonName, UnitOfWork};
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Detail, Object, Origin, Outcome, Selection};
use crate::value::Timestamp;

/// Entries that are looked at in one go, and the size of the steps: whole tiles of the tree.
const TILE: u64 = 256;
/// How many tiles one commit prunes.
const TILES_AT_ONCE: u64 = 16;
/// How many names are looked at in one run.
const NAMES_MAX: usize = 100_000;

/// What one run pruned.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pruned {
    /// Entries that lost their payload.
    pub payloads: u64,
    /// Names that went.
    pub names: u64,
}

impl App {
    /// Prunes what is older than the retention. Nothing to prune is no event.
    pub async fn prune_log(&self) -> Result<Pruned, AppError> {
        let now = self.now();
        if !now.believed {
            return Err(AppError::ClockNotBelieved);
        }
        let horizon = months_before(now.at, self.settings.audit.retention_months)?;
        // What the keys in use are checked against must not go with the rest.
        self.attest_keys(horizon, now.at).await?;
        let mut pruned = Pruned::default();
        loop {
            let from = self.store.pruned().await?;
            let before = self.first_kept(from, horizon).await?;
            if before == from {
                break;
            }
            let mut unit = UnitOfWork::default();
            unit.changes.push(Change::PruneLog { before });
            self.log_pruning(&mut unit, before, before - from, 0)?;
            self.store.commit(unit).await?;
            pruned.payloads += before - from;
        }
        pruned.names = self.prune_names(horizon).await?;
        Ok(pruned)
    }

    /// Where the first tile begins that holds an entry which is young enough to be kept, at most a batch further on.
    async fn first_kept(&self, from: u64, horizon: Timestamp) -> Result<u64, AppError> {
        let mut before = from;
        while before < from + TILES_AT_ONCE * TILE {
            let tile = self.store.leaves(before, usize::try_from(TILE).unwrap_or(usize::MAX)).await?;
            let mut is_old = tile.len() as u64 == TILE;
            for entry in tile.iter().filter_map(|leaf| leaf.entry.as_ref()) {
                let at = entry.event().map_err(|_| AppError::Broken("log entry"))?.at;
                is_old &= at < horizon;
            }
            if !is_old {
                break;
            }
            before += TILE;
        }
        Ok(before)
    }

    /// Removes names that were last met before the horizon and that no entry names any more.
    async fn prune_names(&self, horizon: Timestamp) -> Result<u64, AppError> {
        let people: Vec<(PersonName, u64)> = self.read_list(&List::People, NAMES_MAX).await?;
        let mut unit = UnitOfWork::default();
        let mut gone = 0;
        for (name, version) in people.into_iter().filter(|(name, _)| name.met_at < horizon) {
            let named = Selection { person: Some(name.person), ..Selection::default() };
            if self.store.entries(&named, 1).await?.is_empty() {
                unit.expect_unchanged(Key::Person(name.person), version);
                unit.delete(Key::Person(name.person));
                gone += 1;
            }
        }
        if gone > 0 {
            self.log_pruning(&mut unit, self.store.pruned().await?, 0, gone)?;
            self.store.commit(unit).await?;
        }
        Ok(gone)
    }

    fn log_pruning(
        &self,
        unit: &mut UnitOfWork,
        before: u64,
        payloads: u64,
        names: u64,
    ) -> Result<(), AppError> {
        let (at, done) = (self.now().at, Outcome::Done);
        let told = event(at, Actor::System, Action::LogPruned, Object::Log, done, Origin::Job);
        self.log(unit, told.with(Detail::Pruned { before, payloads, names }))
    }
}

/// The same day and hour so many calendar months earlier, in UTC.
fn months_before(at: Timestamp, months: u8) -> Result<Timestamp, AppError> {
    let broken = |_: jiff::Error| AppError::Broken("retention of the log");
    let instant = jiff::Timestamp::from_millisecond(at.0).map_err(broken)?;
    let earlier = instant.to_zoned(TimeZone::UTC).checked_sub(i64::from(months).months()).map_err(broken)?;
    Ok(Timestamp(earlier.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn months_are_those_of_the_calendar() {
        let at = |text: &str| Timestamp(text.parse::<jiff::Timestamp>().unwrap().as_millisecond());
        assert_eq!(months_before(at("2026-11-21T04:00:00Z"), 12).unwrap(), at("2025-11-21T04:00:00Z"));
        assert_eq!(months_before(at("2026-08-31T04:00:00Z"), 6).unwrap(), at("2026-02-28T04:00:00Z"));
    }
}
