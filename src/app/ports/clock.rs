//! The clock port.

use crate::retention::RawClock;

/// Shows the machine's clocks. Reading never fails and never blocks.
pub trait Clock: Send + Sync {
    /// What they show now. Whether the wall clock may be believed is judged by
    /// [`crate::retention::ClockGuard`], not here.
    fn read(&self) -> RawClock;
}
