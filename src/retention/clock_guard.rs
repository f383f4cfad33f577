//! When the wall clock may be believed (invariant 5). It is believed while it moves as the machine's own count of
//! time since boot does; after a reboot, while a time service says that it is set; or when an operator confirmed
//! it. A clock that jumped closes access and destroys nothing.

use serde::{Deserialize, Serialize};

use crate::value::{Millis, Timestamp};

/// How far the wall clock and the time since boot may drift apart between two observations.
pub const AGREEMENT: Millis = Millis::minutes(5);

/// What the machine's clocks show at one moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RawClock {
    /// The wall clock.
    pub wall: Timestamp,
    /// Time since the machine booted, sleep included.
    pub since_boot: Millis,
    /// Which boot that is.
    pub boot: String,
    /// Whether a time service vouches for the wall clock.
    pub synchronised: bool,
}

/// The last moment at which the wall clock was believed; kept beside the day keys, never in a backup.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ClockAnchor {
    /// What the wall clock showed.
    pub wall: Timestamp,
    /// What the time since boot was.
    pub since_boot: Millis,
    /// Which boot that was.
    pub boot: String,
}

/// Whether the clock may be believed now.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ClockVerdict {
    /// It may; this is the time. It never goes back.
    Believed(Timestamp),
    /// It may not: access is closed, nothing is destroyed, an operator must look.
    Jumped {
        /// What the wall clock shows.
        shown: Timestamp,
        /// What it should show, when that can be known.
        expected: Option<Timestamp>,
    },
}

/// Watches the clock.
#[derive(Debug, Clone)]
pub struct ClockGuard {
    anchor: Option<ClockAnchor>,
    latest: Timestamp,
}

impl ClockGuard {
    /// Starts with what was written down last; a new installation has nothing.
    pub fn new(anchor: Option<ClockAnchor>) -> Self {
        let latest = anchor.as_ref().map_or(Timestamp(i64::MIN), |anchor| anchor.wall);
        Self { anchor, latest }
    }

    /// Judges the clock as it shows now; moves the anchor along while it is believed.
    pub fn observe(&mut self, raw: &RawClock) -> ClockVerdict {
        let expected = self
            .anchor
            .as_ref()
            .filter(|anchor| anchor.boot == raw.boot)
            .map(|anchor| anchor.wall + Millis(raw.since_boot.0.saturating_sub(anchor.since_boot.0)));
        let believed = match (&self.anchor, expected) {
            (None, _) => true,
            (Some(_), Some(expected)) => expected.until(raw.wall).0.saturating_abs() <= AGREEMENT.0,
            (Some(anchor), None) => raw.synchronised && raw.wall >= anchor.wall - AGREEMENT,
        };
        if believed { self.believe(raw) } else { ClockVerdict::Jumped { shown: raw.wall, expected } }
    }

    /// An operator (in the demo, whoever moves its clock) says that the wall clock is right.
    pub fn confirm(&mut self, raw: &RawClock) -> ClockVerdict {
        self.latest = raw.wall;
        self.believe(raw)
    }

    /// What to write down.
    pub fn anchor(&self) -> Option<&ClockAnchor> {
        self.anchor.as_ref()
    }

    fn believe(&mut self, raw: &RawClock) -> ClockVerdict {
        self.latest = self.latest.max(raw.wall);
        self.anchor =
            Some(ClockAnchor { wall: raw.wall, since_boot: raw.since_boot, boot: raw.boot.clone() });
        ClockVerdict::Believed(self.latest)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shows(wall: i64, since_boot: i64) -> RawClock {
        RawClock {
            wall: Timestamp(wall),
            since_boot: Millis(since_boot),
            boot: "a".into(),
            synchronised: false,
        }
    }

    const MINUTE: i64 = 60_000;
    const TEN_YEARS: i64 = 3650 * 24 * 60 * MINUTE;

    #[test]
    fn a_clock_that_moves_with_the_machine_is_believed() {
        let mut guard = ClockGuard::new(None);
        assert_eq!(guard.observe(&shows(1000, 0)), ClockVerdict::Believed(Timestamp(1000)));
        assert_eq!(
            guard.observe(&shows(1000 + MINUTE, MINUTE)),
            ClockVerdict::Believed(Timestamp(1000 + MINUTE))
        );
    }

    #[test]
    fn ten_years_forward_are_not_believed_until_confirmed() {
        let mut guard = ClockGuard::new(None);
        guard.observe(&shows(0, 0));
        let jumped = shows(TEN_YEARS, MINUTE);
        let verdict = ClockVerdict::Jumped { shown: Timestamp(TEN_YEARS), expected: Some(Timestamp(MINUTE)) };
        assert_eq!(guard.observe(&jumped), verdict);
        assert_eq!(guard.observe(&jumped), verdict, "seen twice it is no truer");
        assert_eq!(
            guard.observe(&shows(2 * MINUTE, 2 * MINUTE)),
            ClockVerdict::Believed(Timestamp(2 * MINUTE))
        );
        assert_eq!(guard.confirm(&jumped), ClockVerdict::Believed(Timestamp(TEN_YEARS)));
        assert_eq!(
            guard.observe(&shows(TEN_YEARS + 1, MINUTE + 1)),
            ClockVerdict::Believed(Timestamp(TEN_YEARS + 1))
        );
    }

    #[test]
    fn a_restart_in_the_same_boot_is_held_to_the_same_count() {
        let mut guard = ClockGuard::new(None);
        guard.observe(&shows(0, 0));
        let mut restarted = ClockGuard::new(guard.anchor().cloned());
        assert!(matches!(restarted.observe(&shows(TEN_YEARS, 10)), ClockVerdict::Jumped { .. }));
        assert!(matches!(restarted.observe(&shows(10 * MINUTE, 10 * MINUTE)), ClockVerdict::Believed(_)));
    }

    #[test]
    fn after_a_reboot_a_time_service_or_an_operator_must_vouch() {
        let anchor = ClockAnchor { wall: Timestamp(0), since_boot: Millis(0), boot: "a".into() };
        let rebooted = RawClock { boot: "b".into(), ..shows(MINUTE, 5) };
        let mut guard = ClockGuard::new(Some(anchor.clone()));
        assert_eq!(
            guard.observe(&rebooted),
            ClockVerdict::Jumped { shown: Timestamp(MINUTE), expected: None }
        );
        let vouched = RawClock { synchronised: true, ..rebooted };
        assert!(matches!(guard.observe(&vouched), ClockVerdict::Believed(_)));
        let before = RawClock { wall: Timestamp(-TEN_YEARS), ..vouched };
        assert!(matches!(ClockGuard::new(Some(anchor)).observe(&before), ClockVerdict::Jumped { .. }));
    }

    #[test]
    fn the_time_that_is_believed_never_goes_back() {
        let mut guard = ClockGuard::new(None);
        guard.observe(&shows(10 * MINUTE, 0));
        assert_eq!(guard.observe(&shows(9 * MINUTE, 1)), ClockVerdict::Believed(Timestamp(10 * MINUTE)));
    }
}
