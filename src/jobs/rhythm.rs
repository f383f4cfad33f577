//! When a job is done again, and what is told of its failures: the first of a row, and that it is over; not each one.

use std::time::Duration;

use tokio_util::sync::CancellationToken;

use super::timer::Timer;
use crate::app::AppError;

/// The first wait after a failure.
const FIRST_RETRY: Duration = Duration::from_secs(1);
/// The longest wait between tries of a job that fails.
const LONGEST_RETRY: Duration = Duration::from_mins(5);

/// The rhythm of one job.
pub(super) struct Rhythm {
    name: &'static str,
    every: Duration,
    failures: u32,
}

impl Rhythm {
    pub(super) const fn new(name: &'static str, every: Duration) -> Self {
        Self { name, every, failures: 0 }
    }

    /// Notes how a run ended; returns how long to wait for the next one.
    pub(super) fn after(&mut self, error: Option<&AppError>) -> Duration {
        metrics::gauge!("pli_job_failing", "job" => self.name).set(if error.is_some() { 1.0 } else { 0.0 });
        let Some(error) = error else {
            if self.failures > 0 {
                tracing::info!(job = self.name, "job.recovered");
            }
            self.failures = 0;
            return self.every;
        };
        if self.failures == 0 {
            tracing::error!(job = self.name, error = error.chain(), "job.failed");
        }
        let wait = FIRST_RETRY.saturating_mul(1_u32.checked_shl(self.failures.min(16)).unwrap_or(u32::MAX));
        self.failures = self.failures.saturating_add(1);
        wait.min(LONGEST_RETRY)
    }
}

/// Why a wait ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wake {
    /// The time is over.
    Due,
    /// The gateway stops.
    Stop,
}

impl Wake {
    pub(super) async fn after(wait: Duration, timer: &dyn Timer, shutdown: &CancellationToken) -> Self {
        tokio::select! {
            () = shutdown.cancelled() => Self::Stop,
            () = timer.sleep(wait) => Self::Due,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::SystemTimer;
    use super::*;

    #[test]
    fn a_job_that_fails_is_tried_ever_more_slowly_and_at_once_in_its_rhythm_when_it_is_well() {
        let mut rhythm = Rhythm::new("test", Duration::from_secs(10));
        assert_eq!(rhythm.after(None), Duration::from_secs(10));
        let waits: Vec<_> = (0..12).map(|_| rhythm.after(Some(&AppError::Contended)).as_secs()).collect();
        assert_eq!(&waits[..4], [1, 2, 4, 8]);
        assert_eq!(waits[11], LONGEST_RETRY.as_secs());
        assert_eq!(rhythm.after(None), Duration::from_secs(10));
        assert_eq!(rhythm.after(Some(&AppError::Contended)).as_secs(), 1);
    }

    #[tokio::test]
    async fn a_gateway_that_stops_waits_for_nothing() {
        let shutdown = CancellationToken::new();
        shutdown.cancel();
        assert_eq!(Wake::after(Duration::from_hours(24), &SystemTimer, &shutdown).await, Wake::Stop);
    }
}
