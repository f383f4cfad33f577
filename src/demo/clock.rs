//! The demonstration's clock: the machine's, moved by an offset that is kept. Only forward; whoever moves it confirms
//! it.

use std::io;
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use serde::{Deserialize, Serialize};

use super::files::{read_if_there, write_whole};
use crate::app::ports::Clock;
use crate::retention::{AGREEMENT, ClockAnchor, RawClock};
use crate::store::{OffsetClock, SystemClock};
use crate::value::Millis;

/// A clock that shows more than this beyond its anchor after a reboot is looked at by a person.
const PAUSE_MAX: Millis = Millis::days(365);

/// What is kept of it.
#[derive(Debug, Clone, Copy, Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Kept {
    /// By how much it is ahead, in milliseconds.
    offset_ms: i64,
    /// The move was confirmed. Written as false before, as true after.
    confirmed: bool,
}

/// The clock.
pub struct DemoClock {
    clock: OffsetClock<SystemClock>,
    file: PathBuf,
    kept: Mutex<Kept>,
}

impl DemoClock {
    /// As it was moved last.
    pub fn open(file: &Path, synchronised_file: &Path) -> io::Result<Self> {
        let kept = match read_if_there(file)? {
            Some(text) => serde_json::from_str(&text)?,
            None => Kept { offset_ms: 0, confirmed: true },
        };
        let machine = SystemClock::new(Some(synchronised_file.to_owned()));
        let clock = OffsetClock::new(machine, Millis(kept.offset_ms));
        Ok(Self { clock, file: file.to_owned(), kept: Mutex::new(kept) })
    }

    /// Moves it. Until [`DemoClock::confirmed`] a start knows that the move was somebody's will.
    pub fn advance(&self, length: Millis) -> io::Result<()> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let moved = Kept { offset_ms: kept.offset_ms.saturating_add(length.0), confirmed: false };
        self.write(moved)?;
        *kept = moved;
        self.clock.advance(length);
        Ok(())
    }

    /// Notes that the move was confirmed.
    pub fn confirmed(&self) -> io::Result<()> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.confirmed = true;
        self.write(*kept)
    }

    /// Whether the process died between moving the clock and confirming that.
    pub fn was_moved_without_confirmation(&self) -> bool {
        !self.kept.lock().unwrap_or_else(PoisonError::into_inner).confirmed
    }

    /// Where it is kept.
    pub fn file(&self) -> &Path {
        &self.file
    }

    fn write(&self, kept: Kept) -> io::Result<()> {
        write_whole(&self.file, &serde_json::to_vec(&kept)?, 0o600)
    }
}

impl Clock for DemoClock {
    fn read(&self) -> RawClock {
        self.clock.read()
    }
}

/// Whether the machine was started anew and its clock simply went on.
pub fn went_on_after_a_reboot(anchor: &ClockAnchor, shown: &RawClock) -> bool {
    let moved = anchor.wall.until(shown.wall);
    anchor.boot != shown.boot && moved >= Millis(-AGREEMENT.0) && moved < PAUSE_MAX
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Timestamp;

    const NOWHERE: &str = "/nonexistent/synchronized";

    #[test]
    fn twenty_days_stay_moved_over_a_restart() {
        let place = tempfile::tempdir().unwrap();
        let file = place.path().join("demo-clock.json");
        let open = || DemoClock::open(&file, Path::new(NOWHERE)).unwrap();
        let clock = open();
        let before = clock.read().wall;
        clock.advance(Millis::days(20)).unwrap();
        assert!(before.until(clock.read().wall) >= Millis::days(20));
        assert!(open().was_moved_without_confirmation(), "the process dies here");
        clock.confirmed().unwrap();
        let again = open();
        assert!(!again.was_moved_without_confirmation());
        assert!(before.until(again.read().wall) >= Millis::days(20));
    }

    #[test]
    fn only_a_reboot_explains_a_pause_and_no_pause_lasts_a_year() {
        let anchor = ClockAnchor { wall: Timestamp(0), since_boot: Millis(5), boot: "a".into() };
        let shown = |boot: &str, wall: Millis| RawClock {
            wall: Timestamp(0) + wall,
            since_boot: Millis(9),
            boot: boot.into(),
            synchronised: false,
        };
        assert!(went_on_after_a_reboot(&anchor, &shown("b", Millis::days(30))));
        assert!(!went_on_after_a_reboot(&anchor, &shown("a", Millis::days(30))), "a jump in the same boot");
        assert!(!went_on_after_a_reboot(&anchor, &shown("b", Millis::days(3650))), "ten years");
        assert!(!went_on_after_a_reboot(&anchor, &shown("b", Millis::hours(-1))), "backwards");
    }
}
