//! The pace of one proven address: how many bytes it may send in an hour. A bucket that leaks: what was sent counts less
//! and less, and is forgotten after an hour.

use crate::value::{ByteSize, Millis, Timestamp};

/// The time over which the pace is kept.
const HOUR: Millis = Millis::hours(1);
/// Who has to wait, waits until so many hundredths of the hour's bytes have leaked: long enough to go on with sense.
const LEAKED_PERCENT: u64 = 5;

/// How much of its hour's bytes an address has used.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Pace {
    used: u64,
    at: Option<Timestamp>,
}

impl Pace {
    /// Whether bytes may come now; else from when on.
    pub fn check(&mut self, limit: ByteSize, now: Timestamp) -> Result<(), Timestamp> {
        self.leak(limit, now);
        if self.used < limit.bytes() {
            return Ok(());
        }
        let aim = limit.bytes().saturating_sub(limit.bytes() / 100 * LEAKED_PERCENT);
        let over = u128::from(self.used - aim.min(self.used));
        let wait = over * hour() / u128::from(limit.bytes().max(1));
        Err(now + Millis(i64::try_from(wait).unwrap_or(HOUR.0).clamp(1000, HOUR.0)))
    }

    /// Counts bytes that came. A piece that passes the limit is counted whole: what follows waits.
    pub fn count(&mut self, limit: ByteSize, bytes: usize, now: Timestamp) {
        self.leak(limit, now);
        self.used = self.used.saturating_add(bytes as u64);
    }

    /// Whether nothing is remembered any more.
    pub fn is_forgotten(&self, now: Timestamp) -> bool {
        self.at.is_none_or(|at| at.until(now) >= HOUR)
    }

    fn leak(&mut self, limit: ByteSize, now: Timestamp) {
        // A clock that goes back leaks nothing.
        let elapsed = self.at.map_or(0, |at| at.until(now).0.clamp(0, HOUR.0));
        let leaked = u128::from(limit.bytes()) * u128::from(elapsed.unsigned_abs()) / hour();
        if leaked > 0 || self.at.is_none_or(|at| now < at) {
            self.used = self.used.saturating_sub(u64::try_from(leaked).unwrap_or(u64::MAX));
            self.at = Some(now);
        }
    }
}

fn hour() -> u128 {
    u128::from(HOUR.0.unsigned_abs())
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMIT: ByteSize = ByteSize(3_600_000);

    #[test]
    fn an_hours_bytes_may_come_at_once_and_then_as_they_leak() {
        let mut pace = Pace::default();
        assert_eq!(pace.check(LIMIT, Timestamp(0)), Ok(()));
        pace.count(LIMIT, 3_600_000, Timestamp(0));
        let again = Timestamp(0) + Millis::minutes(3);
        assert_eq!(pace.check(LIMIT, Timestamp(0)), Err(again), "a twentieth of an hour");
        assert_eq!(pace.check(LIMIT, again), Ok(()));
        pace.count(LIMIT, 180_000, again);
        assert!(pace.check(LIMIT, again).is_err(), "one byte in a millisecond, no more");
    }

    #[test]
    fn many_small_pieces_leak_like_one_large_one() {
        let mut pace = Pace::default();
        for at in 0..1000 {
            pace.count(ByteSize(3600), 1, Timestamp(at));
        }
        pace.leak(ByteSize(3600), Timestamp(1000));
        assert_eq!(pace.used, 999, "one byte leaks in each second, however often it is looked at");
    }

    #[test]
    fn after_an_hour_all_is_forgotten_and_a_clock_set_back_forgives_nothing() {
        let mut pace = Pace::default();
        pace.count(LIMIT, 10_000_000, Timestamp(0) + Millis::hours(9));
        assert!(pace.check(LIMIT, Timestamp(0)).is_err());
        assert!(!pace.is_forgotten(Timestamp(0)));
        assert!(pace.is_forgotten(Timestamp(0) + Millis::hours(1)));
        assert!(Pace::default().is_forgotten(Timestamp(0)));
    }
}
