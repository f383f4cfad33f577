//! The machine's clocks, a clock that a test sets, and one that the demonstration moves. Whether what they show may
//! be believed is judged elsewhere (`retention::ClockGuard`).

use std::fs;
use std::path::PathBuf;
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::{SystemTime, UNIX_EPOCH};

use rustix::time::{ClockId, clock_gettime};

use crate::app::ports::Clock;
use crate::retention::RawClock;
use crate::value::{Millis, Timestamp};

/// Where Linux names the boot.
const BOOT_ID_FILE: &str = "/proc/sys/kernel/random/boot_id";

/// The machine's clocks.
#[derive(Debug)]
pub struct SystemClock {
    boot: String,
    synchronised_flag: Option<PathBuf>,
}

impl SystemClock {
    /// `synchronised_flag` is the file that the time service makes once the wall clock is set; systemd's is
    /// `/run/systemd/timesync/synchronized`. Without one nobody vouches for the clock.
    pub fn new(synchronised_flag: Option<PathBuf>) -> Self {
        // Unreadable, it is the same at each start: only the time since boot is then compared, which is stricter.
        let boot = fs::read_to_string(BOOT_ID_FILE).map(|id| id.trim().to_owned()).unwrap_or_default();
        Self { boot, synchronised_flag }
    }
}

impl Clock for SystemClock {
    fn read(&self) -> RawClock {
        RawClock {
            wall: wall(),
            since_boot: since_boot(),
            boot: self.boot.clone(),
            synchronised: self.synchronised_flag.as_ref().is_some_and(|flag| flag.exists()),
        }
    }
}

#[expect(clippy::disallowed_methods, reason = "this is the Clock port's adapter")]
fn wall() -> Timestamp {
    let now = SystemTime::now();
    let millis = |length: std::time::Duration| i64::try_from(length.as_millis()).unwrap_or(i64::MAX);
    match now.duration_since(UNIX_EPOCH) {
        Ok(since) => Timestamp(millis(since)),
        Err(before) => Timestamp(-millis(before.duration())),
    }
}

/// CLOCK_BOOTTIME counts while the machine sleeps; CLOCK_MONOTONIC does not.
fn since_boot() -> Millis {
    let time = clock_gettime(ClockId::Boottime);
    Millis(time.tv_sec.saturating_mul(1000).saturating_add(time.tv_nsec / 1_000_000))
}

/// A clock that shows what it is told to.
#[derive(Debug)]
pub struct ManualClock(Mutex<RawClock>);

impl ManualClock {
    /// A clock that shows this instant, one hour after a boot.
    pub fn new(wall: Timestamp) -> Self {
        let since_boot = Millis::hours(1);
        Self(Mutex::new(RawClock { wall, since_boot, boot: "manual".into(), synchronised: true }))
    }

    /// Lets time pass, on the wall and since boot.
    pub fn advance(&self, length: Millis) {
        self.change(|clock| {
            clock.wall = clock.wall + length;
            clock.since_boot = Millis(clock.since_boot.0.saturating_add(length.0));
        });
    }

    /// Sets the wall clock alone: a jump.
    pub fn jump_to(&self, wall: Timestamp) {
        self.change(|clock| clock.wall = wall);
    }

    /// Changes anything that the clock shows.
    pub fn change(&self, change: impl FnOnce(&mut RawClock)) {
        change(&mut self.0.lock().unwrap_or_else(PoisonError::into_inner));
    }
}

impl Clock for ManualClock {
    fn read(&self) -> RawClock {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

/// Another clock, moved by an offset: the demonstration's, where twenty days pass at a click. The offset is on the
/// wall clock alone; whoever moves it confirms the clock, and keeps the offset across restarts.
#[derive(Debug)]
pub struct OffsetClock<C> {
    base: C,
    offset_millis: AtomicI64,
}

impl<C: Clock> OffsetClock<C> {
    /// Moves `base` by an offset that was kept from before; zero for a new one.
    pub const fn new(base: C, offset: Millis) -> Self {
        Self { base, offset_millis: AtomicI64::new(offset.0) }
    }

    /// Moves it further; returns the whole offset, to be kept.
    pub fn advance(&self, length: Millis) -> Millis {
        Millis(self.offset_millis.fetch_add(length.0, Ordering::SeqCst).saturating_add(length.0))
    }
}

impl<C: Clock> Clock for OffsetClock<C> {
    fn read(&self) -> RawClock {
        let shown = self.base.read();
        RawClock { wall: shown.wall + Millis(self.offset_millis.load(Ordering::SeqCst)), ..shown }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::{ClockGuard, ClockVerdict};

    #[test]
    fn the_machine_is_up_for_some_time_and_names_its_boot() {
        let (first, second) = (SystemClock::new(None).read(), SystemClock::new(None).read());
        assert!(first.since_boot.0 > 0 && second.since_boot >= first.since_boot);
        assert!(!first.boot.is_empty());
        assert_eq!(first.boot, second.boot);
        assert!(!first.synchronised, "nobody vouches for it");
    }

    #[test]
    fn the_flag_of_the_time_service_is_looked_at_each_time() {
        let place = tempfile::tempdir().unwrap();
        let flag = place.path().join("synchronized");
        let clock = SystemClock::new(Some(flag.clone()));
        assert!(!clock.read().synchronised);
        fs::write(flag, b"").unwrap();
        assert!(clock.read().synchronised);
    }

    #[test]
    fn a_moved_clock_is_not_believed_until_it_is_confirmed() {
        let clock = OffsetClock::new(ManualClock::new(Timestamp(1_000)), Millis(0));
        let mut guard = ClockGuard::new(None);
        assert_eq!(guard.observe(&clock.read()), ClockVerdict::Believed(Timestamp(1_000)));
        assert_eq!(clock.advance(Millis::days(20)), Millis::days(20));
        assert!(matches!(guard.observe(&clock.read()), ClockVerdict::Jumped { .. }));
        assert_eq!(guard.confirm(&clock.read()), ClockVerdict::Believed(Timestamp(1_000) + Millis::days(20)));
    }
}
